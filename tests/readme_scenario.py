#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""readme_scenario.py README PINF-SIM -- runs the scenario that the README shows, and reads its table."""
import csv
import pathlib
import re
import subprocess
import sys
import tempfile

README, PINF_SIM = map(pathlib.Path, sys.argv[1:])

with tempfile.TemporaryDirectory() as directory:
    directory = pathlib.Path(directory)
    block = re.search(r"^```json\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL).group(1)
    (directory / "fleet.json").write_text(block, encoding="utf-8")
    assert len(block.splitlines()) <= 30, "a scenario of 30 lines was promised"
    subprocess.run([PINF_SIM, "run", "--scenario", "fleet.json", "--seeds", "1..2", "--csv", "fleet.csv"],
                   cwd=directory, check=True)
    rows = list(csv.DictReader((directory / "fleet.csv").open(encoding="utf-8", newline="")))
    assert [(row["version"], row["seed"], row["result"]) for row in rows] == [("1", "1", "pass"), ("1", "2", "pass")], rows
    assert all(int(row["work: submitted"]) > 300 for row in rows), rows
