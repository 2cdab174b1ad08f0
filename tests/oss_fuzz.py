#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""oss_fuzz.py -- fuzz/oss-fuzz/build.sh as OSS-Fuzz calls it, with both engines; its binaries run where there is nothing but libc, libm and libstdc++."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
DRIVER = "/usr/lib/afl/libAFLDriver.a"
BUILDS = {
    "libfuzzer, address": ("clang-14", "-g -fsanitize=address -fsanitize=fuzzer-no-link", "-fsanitize=fuzzer"),
    "libfuzzer, undefined": ("clang-14", "-g -fsanitize=undefined -fno-sanitize-recover=all -fsanitize=fuzzer-no-link", "-fsanitize=fuzzer"),
    "afl": ("afl-clang-fast", "-g", "-fsanitize=fuzzer"),
}
BARE = ("libc.so", "libm.so", "ld-linux", "libstdc++.so", "libgcc_s.so")


def needed(program):
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [line.split() for line in said.splitlines() if "linux-vdso" not in line]


class OssFuzz(unittest.TestCase):
    def bare_root(self, out):
        """$OUT in a root of its own, with those libraries alone."""
        root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        shutil.copytree(out, root / "out")
        (root / "tmp").mkdir()
        (root / "proc").mkdir()
        for words in needed("/usr/bin/clang++-14") + needed(next(out.glob("fuzz_urn"))):
            library = pathlib.Path(words[2] if "=>" in words else words[0])
            if library.name.startswith(BARE):
                place = root / library.relative_to("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, place)
        return root

    def test_each_engine(self):
        for name, (compiler, flags, engine) in BUILDS.items():
            with self.subTest(build=name), tempfile.TemporaryDirectory() as directory:
                out = pathlib.Path(directory, "out")
                out.mkdir()
                env = {**os.environ, "CC": compiler, "CFLAGS": flags, "LIB_FUZZING_ENGINE": engine, "OUT": str(out), "WORK": directory, "AFL_QUIET": "1"}
                done = subprocess.run([ROOT / "fuzz/oss-fuzz/build.sh"], env=env, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
                targets = {path.name for path in (ROOT / "fuzz/corpus").iterdir()}
                programs = sorted(path for path in out.glob("fuzz_*") if not path.suffix and os.access(path, os.X_OK))
                self.assertEqual({path.name.removeprefix("fuzz_") for path in programs}, targets)
                root = self.bare_root(out)
                for program in programs:
                    foreign = [words[0] for words in needed(program) if not pathlib.Path(words[0]).name.startswith((*BARE, "libcjson"))]
                    self.assertEqual(foreign, [], program.name)
                    self.assertTrue((out / f"{program.name}_seed_corpus.zip").exists())
                    runs = ["-runs=20"] if "libfuzzer" in name else ["20"]
                    # $ORIGIN is read from /proc.
                    bare = f"mount -t proc proc {root}/proc && chroot {root} /out/{program.name} {' '.join(runs)}"
                    ran = subprocess.run(["unshare", "--mount", "sh", "-c", bare], capture_output=True, text=True, check=False, input="x")
                    self.assertEqual(ran.returncode, 0, program.name + ran.stderr[-1500:])


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("clang-14") or not shutil.which("afl-clang-fast"):
        print("skipped: needs root (chroot), clang-14 and afl-clang-fast")
        sys.exit(77)
    unittest.main()
