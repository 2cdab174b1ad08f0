#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""coverage.py BUILD -- line coverage by the tests that just ran, from clang's own counters.

gcovr gives up where several functions share a source line, as the error table's do.
"""
import json
import pathlib
import subprocess
import sys

FLOOR_PERCENT = 90
DIRECTORIES = ("src/core", "src/crypto")


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    build = root / sys.argv[1]
    profile = build / "profile" / "merged.profdata"
    raw = [str(path) for path in (build / "profile").glob("*.profraw")]
    subprocess.run(["llvm-profdata-14", "merge", "-o", profile, *raw], check=True)
    programs = [path for path in sorted((build / "tests").glob("test_*")) if path.is_file()]
    arguments = [f"-instr-profile={profile}", str(programs[0])]
    arguments += [f"-object={path}" for path in programs[1:]]
    exported = subprocess.run(["llvm-cov-14", "export", "-summary-only", *arguments], check=True,
                              capture_output=True)
    lines = {directory: [0, 0] for directory in DIRECTORIES}
    for entry in json.loads(exported.stdout)["data"][0]["files"]:
        name = pathlib.Path(entry["filename"]).relative_to(root)
        if str(name.parent) in lines:
            count = entry["summary"]["lines"]
            lines[str(name.parent)][0] += count["covered"]
            lines[str(name.parent)][1] += count["count"]
            print(f"{count['percent']:6.1f} %  {name}")
    html = build / "html"
    subprocess.run(["llvm-cov-14", "show", "-format=html", f"-output-dir={html}", *arguments,
                    *(str(root / directory) for directory in DIRECTORIES)], check=True)
    low = False
    for directory, (covered, count) in lines.items():
        percent = 100 * covered / count if count else 0
        low = low or percent < FLOOR_PERCENT
        print(f"= {directory}: {percent:.1f} % of {count} lines (floor {FLOOR_PERCENT} %)")
    print(f"= lines that no test ran: {html}/index.html")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
