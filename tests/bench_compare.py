# SPDX-License-Identifier: Apache-2.0
"""bench_compare.py PINF-BENCH -- pinf-bench --compare: what it passes, what it fails, and what it says."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCH = sys.argv.pop(1)


class Compare(unittest.TestCase):
    def setUp(self):
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.file = pathlib.Path(keep.name) / "old.json"
        subprocess.run([BENCH, "urn", "--seconds", "0", "--json", self.file], check=True, stdout=subprocess.DEVNULL)
        self.figures = json.loads(self.file.read_text())

    def compare(self, figures):
        self.file.write_text(figures if isinstance(figures, str) else json.dumps(figures))
        return subprocess.run([BENCH, "urn", "--seconds", "0", "--compare", self.file], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def with_ratio(self, factor):
        for row in self.figures["results"]:
            for name in ("ratio_low_milli", "ratio_milli", "ratio_high_milli"):
                row[name] = int(row[name] * factor) + 1
        return self.figures

    def test_what_was_slower_passes(self):
        run = self.compare(self.with_ratio(1000))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("2 ratios, 0 slower", run.stdout)

    def test_what_was_faster_fails_and_is_named(self):
        run = self.compare(self.with_ratio(0))
        self.assertEqual(run.returncode, 1)
        self.assertIn("slower: urn: a blob's URN, pinf_urn_parse:", run.stdout)

    def test_nothing_in_common_fails(self):
        for row in self.figures["results"]:
            row["case"] = "other"
        run = self.compare(self.figures)
        self.assertEqual(run.returncode, 1)
        self.assertIn("0 ratios", run.stdout)

    def test_another_schema_is_refused(self):
        self.figures["schema"] += 1
        run = self.compare(self.figures)
        self.assertEqual(run.returncode, 1)
        self.assertIn("write it with --json", run.stderr)

    def test_no_json(self):
        run = self.compare("{")
        self.assertEqual(run.returncode, 1)
        self.assertIn("is not JSON", run.stderr)


unittest.main()
