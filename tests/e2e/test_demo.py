#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pinf demo tells the truth, and leaves nothing behind."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

import search
import secrecy
import world


# Not KILL, as world.LEASH: the demo ends what it has started, if it is told.
LEASH = ["setpriv", "--pdeathsig", "TERM", "--"]


def processes_of(directory):
    """Its router and miners have the demo's directory in their arguments."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if directory.encode() in words:
            found.append(words.replace(b"\0", b" ").decode())
    return found


def said_until(run, words):
    said = ""
    while words not in said:
        line = run.stdout.readline()
        assert line, "the demo ended by itself:\n" + said
        said += line
    return said


class Demo(unittest.TestCase):
    def setUp(self):
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PINF_")}

    def clean(self, directory):
        self.assertEqual(processes_of(directory), [])
        self.assertFalse(os.path.exists(directory), directory)

    def test_summary(self):
        run = subprocess.run([*LEASH, world.PINF, "demo", "--json"], env=self.env, capture_output=True, text=True, timeout=100)
        self.assertEqual(run.returncode, 0, run.stdout[-3000:] + run.stderr)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["answers"], summary["wrong_answers"], summary["refusals"]), (3, 0, 2))
        self.assertEqual(run.stdout.count("(what the engine computes from this prompt)"), 3)
        self.assertRegex(run.stdout, r"claim in session 1 +refused \(403\): miner-not-allowed")
        self.assertRegex(run.stdout, r"input key of task 1 +refused \(403\): \S+")
        self.assertRegex(run.stdout, r"files\): found 0 times\.\n\n")
        self.assertRegex(run.stdout, r"verdict +intact")
        self.clean(summary["dir"])

    def test_keep_until_interrupted(self):
        run = subprocess.Popen([*LEASH, world.PINF, "demo", "--keep"], env=self.env, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.STDOUT)
        try:
            said = said_until(run, "v1 is not sealed")
            url = re.search(r"http://\S+/api/v1/info", said)[0]
            with urllib.request.urlopen(url, timeout=10) as answer:
                self.assertEqual(json.load(answer)["name"], "pinf")
            directory = re.search(r"in (/\S+/pinf-demo-\w+)", said)[1]
            self.assertEqual(len(processes_of(directory)), 4, processes_of(directory))
            run.send_signal(signal.SIGINT)
            rest = run.communicate(timeout=60)[0]
            self.assertEqual(run.returncode, 0, said + rest)
            self.clean(directory)
        finally:
            if run.poll() is None:
                run.send_signal(signal.SIGINT)
                run.communicate(timeout=60)

    def test_killed(self):
        """With the demo end the daemons that it started, whatever ended it; its files stay."""
        run = subprocess.Popen([world.PINF, "demo", "--keep"], env=self.env, stdout=subprocess.PIPE, text=True, stderr=subprocess.STDOUT)
        directory = re.search(r"in (/\S+/pinf-demo-\w+)", said_until(run, "v1 is not sealed"))[1]
        self.addCleanup(shutil.rmtree, directory)
        self.assertEqual(len(processes_of(directory)), 4, processes_of(directory))
        run.kill()
        run.communicate(timeout=60)
        until = time.monotonic() + 30
        while processes_of(directory) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(processes_of(directory), [])

    def test_interrupted_in_a_command(self):
        """Of what it has started nothing is left, the command that runs included."""
        for which in (signal.SIGINT, signal.SIGTERM):
            run = subprocess.Popen([*LEASH, world.PINF, "demo"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            said = said_until(run, "$ pinf complete")
            directory = re.search(r"Everything is in (\S+)\.  ", said)[1]
            self.addCleanup(shutil.rmtree, directory)
            run.send_signal(which)
            said += run.communicate(timeout=30)[0]  # to the end of the pipe: whoever is left holds it open
            self.assertEqual(run.returncode, 1, said)
            self.assertIn(f"interrupted; its files are in {directory}", said)
            self.assertEqual(processes_of(directory), [])


class Sealed(unittest.TestCase):
    """The demo with prompts of 1 B, 4 KiB of emoji and 10 MB, seen from outside while it runs."""

    @classmethod
    def setUpClass(cls):
        cls.home = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="pinf-e2e-")))
        cls.prompts = ["?", world.emoji("demo", 4096), world.words("demo", 10_000_000)]
        cls.files = []
        for i, prompt in enumerate(cls.prompts):
            cls.files.append(cls.home / f"prompt-{i}")
            cls.files[-1].write_text(prompt, newline="")
        cls.env = {name: value for name, value in os.environ.items() if not name.startswith("PINF_")}

    def demo(self, *args, **more):
        command = [*LEASH, world.PINF, "demo", *map(str, args)]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)

    def answered(self, said):
        """Each file's answer, by v3 and by v2, is what the engine computes from it; files are named, not shown."""
        for prompt, path in zip(self.prompts, self.files):
            start = re.escape(world.engine(prompt)[:60])
            size = len(prompt.encode())
            shown = re.findall(rf"\$ pinf complete .*< {path}  # {size} bytes?\n    {start}\.\.\.\n    \(what the engine", said)
            self.assertEqual(len(shown), 2, said)
        self.assertLess(len(said), 20000)
        self.assertRegex(said, r"claim in session 1 +refused \(403\): miner-not-allowed")
        self.assertRegex(said, r"input key of task 1 +refused \(403\): miner-not-allowed")
        self.assertRegex(said, r"sentinel planted .* both found")
        self.assertRegex(said, r"files\): found 0 times\.\n  Not searched for.*: \S+/prompt-0\.")

    def test_1_nothing_anywhere(self):
        directory, sentinel, captured = self.home / "D", secrecy.Sentinel(), secrecy.can_capture()
        capture = search.Capture() if captured else None
        watcher = search.Watcher(directory / "router")
        watcher.start()
        run = self.demo("--keep", "--dir", directory, *self.files)
        try:
            said = said_until(run, "v1 is not sealed")
            ports = [int(re.search(rf"http://127.0.0.1:(\d+)/{path}", said)[1]) for path in ("api/v1/info", "metrics")]
            place = world.Place(directory, *ports)
            api_key = (directory / "api-key").read_text()
            sentinel.plant(place, 1, api_key)
            heap = watcher.finish()
            traffic = capture.finish() if captured else {}
            heap |= secrecy.at_rest(place)
            secret = secrecy.needles(place, self.prompts[1:], api_key)
            run.send_signal(signal.SIGINT)
            said += run.communicate(timeout=60)[0]
        finally:
            watcher.done.set()
            if run.poll() is None:
                run.terminate()
                run.communicate(timeout=60)
        self.assertEqual(run.returncode, 0, said)
        self.answered(said)
        traffic = {name: data for name, data in traffic.items() if set(map(int, re.findall(r"\d+", name))) & set(ports)}
        # In the clear by choice: the router-sealed caller's request and answer, and how the owner gets the API key.
        for request in (b"POST /api/v2/completions", b"POST /api/v1/sessions "):
            self.assertTrue(not captured or len(secrecy.without(traffic, request)) < len(traffic), request)
            traffic = secrecy.without(traffic, request)
        heap |= traffic
        found = search.search(heap, sentinel.needles + secret)
        self.assertEqual(sentinel.missed(found, captured), [])
        sealed = [data for data in heap.values() if data.startswith(b"PINF") and len(data) > 10_000_000]
        self.assertGreaterEqual(len(sealed), 2, "the sealed blobs themselves were looked at")
        self.assertTrue(not captured or any(sealed[0] in data for data in traffic.values()), "streams are captured whole")
        planted = {needle.name for needle in sentinel.needles}
        self.assertEqual({hit for hit in found if hit[1] not in planted}, set())

    def test_2_its_own_search_finds(self):
        """A prompt that is on disk, since the database's schema has it: 32 bytes inside a long one, and a short one whole."""
        long, short, near = self.home / "long", self.home / "short", self.home / "near"
        text = (world.ROOT / "src/store/sqlite_schema.c").read_text()
        row = re.search(r"row INTEGER PRIMARY KEY, session INTEGER NOT NULL", text)[0]
        long.write_text("x" * 1001 + row[3:35] + "x" * 1001)
        near.write_text("x" * 1001 + row[3:34] + "x" * 1001)
        short.write_text(row[:20])
        for path, status in ((long, 1), (short, 1), (near, 0)):
            run = self.demo("--dir", self.home / f"D-{path.name}", path)
            said = run.communicate(timeout=60)[0]
            self.assertEqual(run.returncode, status, said)
            self.assertEqual(f"FOUND in {self.home}/D-{path.name}/router/router.db" in said, status == 1, said)

    def test_3_no_prompt(self):
        for name, data, why in (("bad", b"\xff", "not valid UTF-8"), ("empty", b"", "not a prompt"), ("none", None, "No such file")):
            path = self.home / name
            if data is not None:
                path.write_bytes(data)
            run = self.demo("--dir", self.home / "never", path)
            self.assertRegex(run.communicate(timeout=60)[0], f"{path}: .*{why}")
            self.assertEqual(run.returncode, 1)
            self.assertFalse((self.home / "never").exists())


if __name__ == "__main__":
    world.main()
