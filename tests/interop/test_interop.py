#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The second implementation (Node.js, after spec/ alone): the kit's vectors, and its miner among ours in simulated worlds."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("PINF_BUILD", HERE.parents[1] / "build"))
DRIVER = f"node {HERE / 'driver.mjs'}"

# Miners that are wrong in one way, what the simulator exits with, and what it says.
MUTANTS = {
    "one salt": ("miner.mjs", "salt: this.miner.random(32)", "salt: Buffer.alloc(32)", 10, "fresh-salt"),
    "randomness of its own": ("miner.mjs", "return Buffer.from(sha(", "return crypto.getRandomValues(Buffer.alloc(length)); Buffer.from(sha(", 12, "state"),
    "a field too many": ("miner.mjs", "wait_ms: this.miner.config.wait_ms }", "wait_ms: this.miner.config.wait_ms, wait: 1 }", 10, "refused its request"),
    "an id as text": ("miner.mjs", "{ session_id: session, task_id: task, attempt, ...more }", "{ session_id: `${session}`, task_id: task, attempt, ...more }",
                      10, "refused its request"),
    "ends in mid-task": ("miner.mjs", "  infer(document) {", "  infer(document) {\n    process.exit(0);", 10, "ends, or closes its output"),
    "no effects": ("driver.mjs", "ok: { effects: miner.step", "ok: { effect: miner.step", 10, "effects"),
    "works for nobody": ("miner.mjs", "  acked() {", "  acked() {\n    return this.again(\"claim\");", 11, "liveness"),
}


def run(program, *args):
    done = subprocess.run([BUILD / program, *args], capture_output=True, text=True, check=False, timeout=900)
    return done.returncode, done.stdout + done.stderr


class Interop(unittest.TestCase):
    def test_codec(self):
        status, said = run("pinf-conform", "run", "--cmd", DRIVER, "--level", "may")
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"\n(\d{3,}) cases: \1 passed, 0 failed, 0 skipped\n")

    def test_twenty_worlds(self):
        status, said = run("pinf-sim", "run", "--seeds", "1..20", "--node", f"m1,m3=exec:{DRIVER}")
        self.assertEqual(status, 0, said)
        answered, by_nodes = (int(re.search(rf"{name} +(\d+)", said)[1]) for name in ("answered", "results of nodes"))
        self.assertGreater(by_nodes, answered / 5)
        print(f"{by_nodes} of {answered} results by the second implementation", file=sys.stderr)

    def test_wrong_miners(self):
        for name, (file, right, wrong, status, says) in MUTANTS.items():
            with self.subTest(mutant=name), tempfile.TemporaryDirectory() as directory:
                for path in HERE.glob("*.mjs"):
                    shutil.copy(path, directory)
                os.symlink(HERE / "node_modules", pathlib.Path(directory, "node_modules"))
                mutated = pathlib.Path(directory, file)
                text = mutated.read_text(encoding="utf-8")
                self.assertEqual(text.count(right), 1)
                mutated.write_text(text.replace(right, wrong), encoding="utf-8")
                os.chdir(directory)  # A failing world leaves a bundle.
                got, said = run("pinf-sim", "run", "--seed", "11", "--profile", "lite", "--check-determinism", "--node", f"m1=exec:node {directory}/driver.mjs")
                os.chdir(HERE)
                self.assertEqual(got, status, said[-1500:])
                self.assertIn(says, said)

    def test_nodes_that_cannot_be(self):
        for node in ("m1", "m0=exec:true", "r1=exec:true", "m1=true", "m1,=exec:true", "m1=exec:"):
            status, said = run("pinf-sim", "run", "--node", node)
            self.assertEqual(status, 1)
            self.assertIn("--node is not", said)


if __name__ == "__main__":
    if not (HERE / "node_modules").is_dir():
        print("skipped: no node_modules (npm ci in tests/interop)")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    unittest.main()
