#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bugs.py ROOT RELEASE... -- TWIN...: planted bugs are in the twins and leave no trace elsewhere."""
import pathlib
import re
import sys

import tree

ASKED = "pinf_bug_active"


def planted(root):
    """Names in PINF_BUG(name), where the libraries' sources use it."""
    text = "".join((root / path).read_text(encoding="utf-8")
                   for path in tree.files(root, tree.C, ("src",)))
    return sorted(set(re.findall(r"\bPINF_BUG\((\w+)\)", text)))


def check(names, release, twins):
    findings = []
    for path in release:
        content = path.read_bytes()
        if ASKED.encode() in content:
            findings.append(f"{path}: asks {ASKED}")
        findings += [f"{path}: holds the planted bug {name}" for name in names
                     if f"\0{name}\0".encode() in content]
    for name in names:
        if not any(name.encode() in path.read_bytes() for path in twins):
            findings.append(f"{name}: planted, but in none of {[path.name for path in twins]}")
    return findings


def on_fixture(root):
    return check(planted(root), [root / "release"], [root / "twin"])


SOURCE = {"src/core/a.c": "if (PINF_BUG(lost_key))\n"}
BAD = [
    ({**SOURCE, "release": "\0pinf_bug_active\0", "twin": "\0lost_key\0"}, "asks"),
    ({**SOURCE, "release": "\0lost_key\0", "twin": "\0lost_key\0"}, "holds the planted"),
    ({**SOURCE, "release": "", "twin": ""}, "in none of"),
]
GOOD = [{**SOURCE, "release": "", "twin": "\0lost_key\0"}]

if __name__ == "__main__":
    tree.self_check(on_fixture, BAD, GOOD)
    separator = sys.argv.index("--")
    paths = [pathlib.Path(name) for name in sys.argv[2:]]
    bugs = planted(pathlib.Path(sys.argv[1]))
    print("planted:", *bugs)
    tree.finish(check(bugs, paths[:separator - 2], paths[separator - 1:]), "planted bugs")
