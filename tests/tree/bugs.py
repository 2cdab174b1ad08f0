#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bugs.py ROOT RELEASE... -- TWIN...: planted bugs are in the twins and leave no trace elsewhere; the simulator or the fuzzers know each."""
import json
import pathlib
import re
import sys

import tree

ASKED = "pinf_bug_active", "pinf_probe_reached"
SHOWN = "sim/CANARIES.md"
SCORED, SCORES = "fuzz/floors.json", "fuzz/RESULTS.md"
TABLES = {"PINF_BUG": "sim/cmd_canary.c", "PINF_SOMETIMES": "sim/cmd_probes.c"}


def used(root, macro):
    """Names in macro(name), where the libraries' sources use it."""
    text = "".join((root / path).read_text(encoding="utf-8")
                   for path in tree.files(root, tree.C, ("src",)))
    return set(re.findall(rf"\b{macro}\((\w+)\)", text))


def planted(root):
    return sorted(used(root, "PINF_BUG") | used(root, "PINF_SOMETIMES"))


def shown(root, table):
    return set(re.findall(r"^\| `(\w+)` \|", (root / table).read_text(encoding="utf-8"), re.MULTILINE))


def tables(root):
    """The tables of simulator and fuzzers have what the sources have: no more, no less."""
    scored = set(json.loads((root / SCORED).read_text(encoding="utf-8"))["bugs"])
    findings = [f"{SCORED}: {name} is nowhere in src" for name in sorted(scored - used(root, "PINF_BUG"))]
    findings += [f"{name}: is in one of {SCORED} and {SCORES} alone" for name in sorted(scored ^ shown(root, SCORES))]
    canaries = set()
    for macro, table in TABLES.items():
        known = set(re.findall(r'^\s*\{"(\w+)",', (root / table).read_text(encoding="utf-8"), re.MULTILINE))
        canaries |= known if macro == "PINF_BUG" else set()
        findings += [f"{table}: lacks {name}" for name in sorted(used(root, macro) - known - scored)]
        findings += [f"{table}: {name} is nowhere in src" for name in sorted(known - used(root, macro))]
    findings += [f"{SHOWN}: {name} is there, or in src, alone" for name in sorted(shown(root, SHOWN) ^ canaries)]
    return findings


def check(names, release, twins):
    findings = []
    for path in release:
        content = path.read_bytes()
        findings += [f"{path}: asks {asked}" for asked in ASKED if asked.encode() in content]
        findings += [f"{path}: holds the planted bug {name}" for name in names
                     if f"\0{name}\0".encode() in content]
    for name in names:
        if not any(name.encode() in path.read_bytes() for path in twins):
            findings.append(f"{name}: planted, but in none of {[path.name for path in twins]}")
    return findings


def on_fixture(root):
    return check(planted(root), [root / "release"], [root / "twin"]) + tables(root)


SOURCE = {"src/core/a.c": "if (PINF_BUG(lost_key))\n",
          "sim/cmd_canary.c": '    {"lost_key", SIM_X},\n', "sim/cmd_probes.c": "",
          "sim/CANARIES.md": "| `lost_key` | x |\n", "fuzz/floors.json": '{"bugs": {}}', "fuzz/RESULTS.md": ""}
BAD = [
    ({**SOURCE, "release": "\0pinf_bug_active\0", "twin": "\0lost_key\0"}, "asks"),
    ({**SOURCE, "release": "\0lost_key\0", "twin": "\0lost_key\0"}, "holds the planted"),
    ({**SOURCE, "release": "", "twin": ""}, "in none of"),
    ({**SOURCE, "release": "", "twin": "\0lost_key\0", "sim/cmd_canary.c": ""}, "lacks lost_key"),
    ({**SOURCE, "release": "", "twin": "\0lost_key\0", "sim/CANARIES.md": "# None\n"}, "lost_key is there, or in src, alone"),
    ({**SOURCE, "release": "", "twin": "\0lost_key\0", "sim/cmd_probes.c": '\t{"a",\n'}, "a is nowhere"),
]
SCORED_ALONE = {**SOURCE, "release": "", "twin": "\0lost_key\0", "fuzz/floors.json": '{"bugs": {"lost_key": {}}}'}
BAD += [(SCORED_ALONE, "lost_key: is in one of"), ({**SCORED_ALONE, "fuzz/floors.json": '{"bugs": {"found_key": {}}}'}, "found_key is nowhere in src"),
        ({**SOURCE, "release": "", "twin": "\0lost_key\0", "fuzz/RESULTS.md": "| `found_key` | x |\n"}, "found_key: is in one of")]
GOOD = [{**SOURCE, "release": "", "twin": "\0lost_key\0"},
        {**SCORED_ALONE, "fuzz/RESULTS.md": "| `lost_key` | x |\n", "sim/cmd_canary.c": "", "sim/CANARIES.md": ""}]

if __name__ == "__main__":
    tree.self_check(on_fixture, BAD, GOOD)
    separator = sys.argv.index("--")
    paths = [pathlib.Path(name) for name in sys.argv[2:]]
    bugs = planted(pathlib.Path(sys.argv[1]))
    print("planted:", *bugs)
    found = check(bugs, paths[:separator - 2], paths[separator - 1:])
    tree.finish(found + tables(pathlib.Path(sys.argv[1])), "planted bugs")
