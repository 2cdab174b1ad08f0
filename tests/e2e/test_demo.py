#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pinf demo tells the truth, and leaves nothing behind."""
import json
import os
import pathlib
import re
import signal
import subprocess
import unittest
import urllib.request

import world


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


class Demo(unittest.TestCase):
    def setUp(self):
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PINF_")}

    def clean(self, directory):
        self.assertEqual(processes_of(directory), [])
        self.assertFalse(os.path.exists(directory), directory)

    def test_summary(self):
        run = subprocess.run([world.PINF, "demo", "--json"], env=self.env, capture_output=True, text=True, timeout=100)
        self.assertEqual(run.returncode, 0, run.stdout[-3000:] + run.stderr)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["answers"], summary["wrong_answers"], summary["refusals"]), (3, 0, 2))
        self.assertEqual(run.stdout.count("(what the engine computes from this prompt)"), 3)
        self.assertRegex(run.stdout, r"claim in session 1 +refused \(403\): miner-not-allowed")
        self.assertRegex(run.stdout, r"input key of task 1 +refused \(403\): \S+")
        self.assertRegex(run.stdout, r"files\): found 0 times")
        self.assertRegex(run.stdout, r"verdict +intact")
        self.clean(summary["dir"])

    def test_keep_until_interrupted(self):
        run = subprocess.Popen([world.PINF, "demo", "--keep"], env=self.env, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.STDOUT)
        try:
            said = ""
            while "v1 is not sealed" not in said:
                line = run.stdout.readline()
                self.assertTrue(line, "the demo ended by itself:\n" + said)
                said += line
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


if __name__ == "__main__":
    world.main()
