#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sim_report.py PINF-SIM -- a run's HTML report: whole, by itself, true, without secrets, and of no effect on the run."""
import html.parser
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PINF_SIM = pathlib.Path(sys.argv.pop(1)).resolve()
SIZE_MAX = 5_000_000
# What would fetch something from elsewhere.
OUTSIDE = re.compile(r"https?:|//[a-z0-9-]+\.[a-z]|\bsrc\s*=|@import|\burl\(|<link|<iframe|\bfetch\(|XMLHttpRequest|\bimport\(")
KEY = re.compile(r"[0-9a-f]{64}")
MARKER = re.compile(r"~[0-9a-f]{15}")  # in every private prompt and result
ANSWER = 1  # kinds of events
ENDS = 9


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.used = [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        self.used += [value for name, value in attrs if name == "aria-labelledby"]


class Report(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def sim(self, *args, status=0):
        ran = subprocess.run([PINF_SIM, "run", *map(str, args)], cwd=self.dir, capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        return ran

    def report(self, *args, status=0):
        said = self.sim(*args, "--report", "report.html", status=status).stdout.splitlines()
        self.assertEqual(said[-2], "report: report.html")
        self.assertRegex(said[-1], "^result: ")
        self.assertEqual([path.name for path in self.dir.glob("*.new")], [])
        page = (self.dir / "report.html").read_text(encoding="utf-8")
        self.assertLess(len(page.encode()), SIZE_MAX)
        self.assertNotRegex(page, OUTSIDE)
        data = page.split('<script id="data" type="application/json">')[1].split("</script>")[0]
        self.assertNotIn("<", data)
        self.assertNotRegex(page, MARKER)
        data = json.loads(data)
        self.assertEqual(KEY.findall(page), [data["state_hash"]])
        self.assertIn(f"state hash {data['state_hash']}", said)
        return page, data

    def hash_of(self, *args, status=0):
        return re.search("state hash ([0-9a-f]{64})", self.sim(*args, status=status).stdout).group(1)

    def test_a_failure_is_shown_with_its_event(self):
        args = ("--seed", 1, "--bug", "lease_not_checked")
        _, data = self.report(*args, status=10)
        self.assertEqual(data["state_hash"], self.hash_of(*args, status=10))
        self.assertEqual((data["verdict"], data["bug"], data["failure"]["oracle"]), ("safety", "lease_not_checked", "attempt-holder"))
        session, task = data["sessions"], re.search(r"task (\d+) of session (\d+)", data["failure"]["detail"])
        mark = data["marks"][data["broken"] - 1]
        self.assertEqual((mark[0], mark[1], data["names"]["endpoint"][mark[2]]), (ANSWER, data["failure"]["at_ms"], "task key"))
        self.assertEqual((mark[4], mark[5], mark[6]), (int(task.group(2)), int(task.group(1)), 200))
        self.assertEqual(len(session), data["plan"]["sessions"])
        self.assertEqual(data["again"], "pinf-sim run --bug lease_not_checked --seed 1")
        self.assertEqual(data["state_hash"], self.hash_of(*data["again"].split()[2:], status=10))

    def test_a_history_is_shown_whole_and_is_the_same_as_without(self):
        page, data = self.report("--seed", 1, "--check-determinism")
        self.assertEqual(data["state_hash"], self.hash_of("--seed", 1))
        self.assertEqual(page, self.report("--seed", 1)[0])
        self.assertNotIn("failure", data)
        work = data["totals"]["work"]
        self.assertEqual(sum(mark[0] == ENDS for mark in data["marks"]), work["submitted"])
        self.assertEqual(sum(mark[0] == ENDS and mark[6:7] == [200] for mark in data["marks"]), work["answered"])
        states = [data["names"]["state"][task[2]] for task in data["tasks"]]
        for state, count in data["totals"]["tasks"].items():
            self.assertEqual(states.count(state), count, state)
        self.assertEqual([mark[1] for mark in data["marks"][1:]], sorted(mark[1] for mark in data["marks"][1:]))

    def test_the_page_is_well_made(self):
        page, _ = self.report("--seed", 2, "--minutes", 1)
        tags = Tags()
        tags.feed(page)
        self.assertEqual(len(tags.ids), len(set(tags.ids)))
        self.assertEqual(set(tags.used) - set(tags.ids), set())
        self.assertEqual(set(re.findall(r'\$\("([\w-]+)"\)', page)) - set(tags.ids), set())

    def test_of_many_seeds_the_last_is_shown(self):
        _, data = self.report("--seeds", "1..3", "--minutes", 1, "--set", "miners=7")
        self.assertEqual((data["seed"], data["plan"]["miners"], data["again"]), (3, 7, "pinf-sim run --set miners=7 --minutes 1 --seed 3"))
        said = json.loads(self.sim("--seed", 3, "--minutes", 1, "--json", "--report", "other.html").stdout)
        self.assertEqual((said["report"], said["result"]), ("other.html", "pass"))

    def test_what_cannot_be_written_is_said(self):
        for args, status in (((), 1), (("--bug", "lease_not_checked"), 10)):
            ran = self.sim("--seed", 1, *args, "--report", "nowhere/report.html", status=status)
            self.assertIn("pinf-sim: nowhere/report.html cannot be written: No such file or directory\n", ran.stderr)
            self.assertNotIn("\nreport: ", ran.stdout)


if __name__ == "__main__":
    unittest.main()
