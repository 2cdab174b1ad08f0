#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The router suite: our router passes it whole; a router with a planted bug fails what it must and nothing else."""
import json
import pathlib
import shlex
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import world  # noqa: E402

CONFORM = str(world.BUILD / "pinf-conform")
PLANTED = str(world.BUILD / "tests" / "pinf-planted")

# A planted bug (PINF_BUG in src/), and the cases that must fail because of it: written down before it was run.
MUTANTS = {
    "allowlist_check_skipped": ["list/unlisted-miner", "list/release-mid-task"],
    "result_of_removed": ["list/release-mid-task", "list/release-before-commit"],
    "lease_not_checked": ["key/no-lease", "lease/old-attempt", "lease/release", "lease/too-late"],
    "nonces_forgotten": ["auth/replay", "auth/replay-after-a-restart"],
    "nonces_pruned_early": ["auth/replay-after-a-restart"],
    "old_attempt_accepted": ["lease/old-attempt"],
    "result_unchecked": ["blob/commitment", "blob/magic", "lease/wrong-size"],
    "version_not_needed": ["rotation/destroy-in-use"],
    "reference_refused": ["task/reference-again", "task/resumed"],
    "removal_not_stored": ["list/epochs", "list/removal-after-a-restart"],
}


class Router(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(world.World())

    def run_suite(self, *options, program=world.PINF, **env):
        """Its exit status and what it said; the results are in .results."""
        w = self.world
        ports = f"127.0.0.1:{w.port}", f"127.0.0.1:{w.miner_port}"
        router = [program, "--data-dir", w.data, "--listen", ports[0], "--miner-listen", ports[1], "--admin", w.wallets["owner"],
                  "--log-level", "error"]
        control = shlex.join(map(str, [sys.executable, HERE / "router_control.py", *router]))
        results = w.dir / "results.jsonl"
        ran = subprocess.run([CONFORM, "run", "--router", f"http://{ports[0]}", "--miner-url", f"http://{ports[1]}", "--wallet", w.dir / "owner.wallet",
                              "--router-address", w.router, "--control", control, "--level", "may", "--jsonl", results, *options], cwd=w.dir,
                             env={**w.env, "PINF_CONTROL_PORT": str(w.miner_port), **env}, capture_output=True, text=True, check=False, timeout=300)
        self.assertIn(ran.returncode, (0, 10), ran.stdout + ran.stderr)
        self.results = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        return ran.stdout

    def test_ours_passes(self):
        began = time.monotonic()
        said = self.run_suite()
        print(f"router suite: {time.monotonic() - began:.1f} s", file=sys.stderr)
        self.assertRegex(said, r"\n(\d{3,}) cases: \1 passed, 0 failed, 0 skipped\n")
        self.assertGreaterEqual(len(self.results), 80)

    def test_a_router_with_other_administration(self):
        said = self.run_suite("--select", "router/list/", PINF_CONTROLS="create-session allow deny")
        self.assertRegex(said, r"\n\d+ cases: \d+ passed, 0 failed, 1 skipped\n")
        self.assertEqual([result["id"] for result in self.results if result["result"] == "skip"], ["router/list/removal-after-a-restart"])
        said = self.run_suite("--select", "router/rotation/", PINF_CONTROLS="rotate")
        self.assertRegex(said, r"\n(\d+) cases: \1 passed, 0 failed, 0 skipped\n")

    def test_the_rules_of_the_deployed_network_alone(self):
        said = self.run_suite("--profile", "deployed")
        self.assertRegex(said, r"\n(\d{2,}) cases: \1 passed, 0 failed, 0 skipped\n")


class Mutants(Router):
    test_ours_passes = test_the_rules_of_the_deployed_network_alone = test_a_router_with_other_administration = None

    def test_each_fails_what_it_must_and_nothing_else(self):
        for bug, expected in MUTANTS.items():
            restarts = any("restart" in case for case in expected)  # A restart takes a keyring's time.
            self.run_suite(program=PLANTED, PINF_PLANTED=bug, PINF_CONTROLS="restart" if restarts else "")
            failed = [result["id"] for result in self.results if result["result"] == "fail"]
            with self.subTest(bug=bug):
                self.assertEqual(sorted(failed), sorted("router/" + case for case in expected))
            print(f"{bug:<40} {len(failed):4} of {len(self.results)}", file=sys.stderr)


if __name__ == "__main__":
    world.main()
