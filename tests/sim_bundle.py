#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sim_bundle.py PINF-SIM -- a failure's bundle: kept, replayed by its own script, shrunk, told apart from others."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

PINF_SIM = pathlib.Path(sys.argv.pop(1)).resolve()


class Bundle(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def sim(self, *args, status=0, says="."):
        ran = subprocess.run([PINF_SIM, *map(str, args)], cwd=self.dir, capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout + ran.stderr, says)
        return ran.stdout

    def keep(self):
        self.sim("run", "--seed", 1, "--bug", "lease_not_checked", status=10, says="kept: failures/attempt-holder-1-")
        (bundle,) = (self.dir / "failures").iterdir()
        return bundle

    def test_a_failure_is_replayed_by_its_script_alone_and_shrunk(self):
        bundle = self.keep()
        self.assertEqual(sorted(path.name for path in bundle.iterdir()), ["plan.json", "report.html", "repro.sh", "trace.txt",
                                                                           "verdict.json"])
        self.assertIn("BROKEN attempt-holder", (bundle / "trace.txt").read_text(encoding="utf-8"))
        ran = subprocess.run([bundle / "repro.sh"], cwd="/", capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, "failure: the same\nstate hash: the same\n" in ran.stdout), (10, True), ran)
        self.sim("shrink", bundle, says="^[0-9]+ steps of [0-9]+ left")
        shrunk = json.loads((bundle / "shrunk.json").read_text(encoding="utf-8"))
        self.assertLessEqual(len(shrunk["steps"]), 20)
        self.sim("replay", "--shrunk", bundle, status=10, says="failure: the same\nstate hash: the same\n")
        self.sim("replay", "--no-bug", bundle, says="now:  nothing fails")

    def test_another_history_of_the_same_code_is_told(self):
        bundle = self.keep()
        verdict = json.loads((bundle / "verdict.json").read_text(encoding="utf-8"))
        verdict["state_hash"] = "0" * 63 + "1"
        (bundle / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
        self.sim("replay", bundle, status=12, says="state hash: another\ncode: the same\n")
        verdict["signature"] = "something else"
        (bundle / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
        self.sim("shrink", bundle, status=2, says="does not fail in that way any more")

    def test_loops(self):
        said = self.sim("loop", "--seeds", "1..5", "--jobs", 2, "--minutes", 2, says="seeds done 5 of 5, inconclusive 0, failed 0\n")
        alone = self.sim("run", "--seeds", "1..5", "--minutes", 2)
        pick = lambda text: [line for line in text.splitlines() if line.startswith(("  ", "state hash")) and "wall ms" not in line]
        self.assertEqual(pick(said), pick(alone))
        self.sim("loop", "--seeds", "1..1000", "--budget", "1ms", says="seeds done 1 of 1000")
        self.sim("loop", "--seeds", "1..4", "--profile", "full", "--jobs", 2, "--keep-going", "--bug", "lease_not_checked", status=10,
                 says=r"failed 4\n  attempt-holder: seeds( [1-4]){4}\n")
        self.assertEqual(len(list((self.dir / "failures").glob("attempt-holder-[1-4]-*/verdict.json"))), 4)

    def test_a_process_that_dies_is_a_failure(self):
        self.sim("loop", "--seeds", "1..3", "--bug", "process_dies", status=10, says="kept: failures/crash-1.json\nagain: ")
        self.sim("plan", "--check", "failures/crash-1.json", says="^seed 1: ")

    def test_bad_bundles(self):
        self.sim("replay", "nowhere", status=1, says="nowhere/verdict.json cannot be read: is that a bundle?")
        bundle = self.keep()
        good = json.loads((bundle / "verdict.json").read_text(encoding="utf-8"))
        for change, says in (({"oracle": "no-such"}, "verdict.json: line 1: oracle: "), ({"extra": 1}, "line 1: extra: "),
                             ({"version": 2}, "line 1: version: "), ({"state_hash": "00"}, "line 1: state_hash: ")):
            with self.subTest(change=change):
                (bundle / "verdict.json").write_text(json.dumps({**good, **change}), encoding="utf-8")
                self.sim("replay", bundle, status=1, says=says)
        (bundle / "verdict.json").write_text('{"version": 1,', encoding="utf-8")
        self.sim("shrink", bundle, status=1, says="verdict.json: JSON: ")
        (bundle / "verdict.json").write_text(json.dumps(good), encoding="utf-8")
        (bundle / "plan.json").unlink()
        self.sim("replay", bundle, status=1, says="plan.json cannot be read")

    def test_plans_are_printed_checked_and_run(self):
        text = self.sim("plan", "--seed", 3, "--minutes", 2)
        (self.dir / "plan.json").write_text(text, encoding="utf-8")
        plan = json.loads(text)
        self.assertEqual(len(text.splitlines()), 1 + len(plan["steps"]))
        self.sim("plan", "--check", "plan.json", says="seed 3: 2 minutes, 8 sessions")
        hashes = {self.sim("run", *args).split("state hash ")[1].split()[0]
                  for args in (("--plan", "plan.json"), ("--seed", 3, "--minutes", 2))}
        self.assertEqual(len(hashes), 1)
        (self.dir / "plan.json").write_text(text.replace('"op":"session"', '"op":"sessions"', 1), encoding="utf-8")
        self.sim("plan", "--check", "plan.json", status=1, says=r"plan: line [0-9]+: steps\[[0-9]+\].op: ")


if __name__ == "__main__":
    unittest.main()
