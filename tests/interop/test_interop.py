#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The second implementation (Node.js, after spec/ alone): the kit's vectors, and its miner among ours in simulated worlds."""
import contextlib
import json
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

# Miners that are wrong in one way, and the cases of the kit that must fail, written down before.
MINERS = {
    "any router's grants": ("access.mjs", "  verify(digest, grant.signature, router);\n", "", ["grant/forged", "grant/other-chain", "result-grant/forged"]),
    "anybody's grants": ("access.mjs", 'if (grant.digest !== expected) refuse("auth", "grant-mismatch");', "", ["grant/other-request"]),
    "old grants": ("access.mjs", 'if (grant.expires <= nowMs) refuse("auth", "grant-expired");', "", ["grant/expired", "result-grant/expired"]),
    "any key version": ("miner.mjs", "grant.version === this.lease.version", "grant.version > 0", ["grant/other-version"]),
    "any commitment": ("codec.mjs", "if (!Buffer.from(keys.commitment).equals(blob.subarray(102, HEADER)))", "if (blob.length === 0)", ["input/commitment"]),
    "any document": ("codec.mjs", "if (!Buffer.from(written).equals(bytes))", "if (written === '')", ["input/not-canonical"]),
    "any lease": ("miner.mjs", 'if (!right) refuse("scope", "scope-mismatch");', "", ["lease/other-task", "lease/other-session", "lease/other-instance", "lease/result-scope"]),
    "gives up at once": ("miner.mjs", 'return this.todo === "infer" ? this.again("claim") : this.again();', 'return this.again("claim");',
                         ["busy", "lost-grant", "lost-upload", "lost-precommit", "lost-commit"]),
    "no precommit": ("miner.mjs", 'uploaded() {\n    this.next("precommit");', 'uploaded() {\n    this.next("commit");',
                     ["sealed", "session-key", "busy", "lost-grant", "lost-upload", "lost-precommit", "lost-commit"]),
    "not padded": ("miner.mjs", "padded: true", "padded: false", ["sealed", "session-key", "busy", "lost-grant", "lost-upload", "lost-precommit", "lost-commit"]),
    "signs the other URN": ("miner.mjs", 'this.signature(this.result.urn ?? "")', 'this.signature("")', ["sealed", "session-key", "busy", "lost-grant", "lost-upload", "lost-precommit", "lost-commit"]),
    "one key pair": ("miner.mjs", "hpkeKeyPair(this.miner.random(32))", "hpkeKeyPair(Buffer.alloc(32, 7))",
                     ["sealed", "session-key", "busy", "lost-grant", "lost-upload", "lost-precommit", "lost-commit", "result-grant/forged", "result-grant/other-attempt", "result-grant/expired"]),
    "the same nonce": ("miner.mjs", "nonce: hex(this.random(16))", 'nonce: "00".repeat(16)', None),
}


@contextlib.contextmanager
def mutated(file, right, wrong):
    """A copy of the second implementation that is wrong in one place."""
    with tempfile.TemporaryDirectory() as directory:
        for path in HERE.glob("*.mjs"):
            shutil.copy(path, directory)
        os.symlink(HERE / "node_modules", pathlib.Path(directory, "node_modules"))
        path = pathlib.Path(directory, file)
        text = path.read_text(encoding="utf-8")
        assert text.count(right) == 1, (file, right, text.count(right))
        path.write_text(text.replace(right, wrong), encoding="utf-8")
        yield directory


def run(program, *args):
    done = subprocess.run([BUILD / program, *args], capture_output=True, text=True, check=False, timeout=900)
    return done.returncode, done.stdout + done.stderr


class Interop(unittest.TestCase):
    def test_codec(self):
        status, said = run("pinf-conform", "run", "--cmd", DRIVER, "--level", "may")
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"\n(\d{3,}) cases: \1 passed, 0 failed, 0 skipped\n")

    def test_miner(self):
        status, said = run("pinf-conform", "run", "--miner", "--cmd", DRIVER)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"\n(\d{2,}) cases: \1 passed, 0 failed, 0 skipped\n")

    def test_each_wrong_miner_fails_what_it_must_and_nothing_else(self):
        for name, (file, right, wrong, expected) in MINERS.items():
            with self.subTest(mutant=name), mutated(file, right, wrong) as directory:
                results = pathlib.Path(directory, "results.jsonl")
                status, said = run("pinf-conform", "run", "--miner", "--cmd", f"node {directory}/driver.mjs", "--jsonl", results)
                self.assertEqual(status, 10, said)
                listed = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
                failed = sorted(result["id"].removeprefix("miner/") for result in listed if result["result"] == "fail")
                if expected is None:  # All but what ends before a second request.
                    self.assertGreaterEqual(len(failed), len(listed) - 1)
                else:
                    self.assertEqual(failed, sorted(expected))
                print(f"{name:<24} {len(failed):3} of {len(listed)}", file=sys.stderr)

    def test_twenty_worlds(self):
        status, said = run("pinf-sim", "run", "--seeds", "1..20", "--node", f"m1,m3=exec:{DRIVER}")
        self.assertEqual(status, 0, said)
        answered, by_nodes = (int(re.search(rf"{name} +(\d+)", said)[1]) for name in ("answered", "results of nodes"))
        self.assertGreater(by_nodes, answered / 5)
        print(f"{by_nodes} of {answered} results by the second implementation", file=sys.stderr)

    def test_wrong_miners(self):
        for name, (file, right, wrong, status, says) in MUTANTS.items():
            with self.subTest(mutant=name), mutated(file, right, wrong) as directory:
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
