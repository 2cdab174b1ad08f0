#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""text.py ROOT -- every file says its licence and what it is; nothing stray in the text; pages of the specification that are named exist."""
import pathlib
import re
import sys

import tree

SPDX = "SPDX-License-Identifier: Apache-2.0"
TOPS = (*tree.CODE, ".ci", "spec")
STRAY = [
    (re.compile(r"[ \t]+$"), "white space at the end"),
    (re.compile(r"^ +\t"), "a space before a tab"),
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b"), "an unfinished thought"),
    # Where packages come from is the machine's affair.
    (re.compile(r"https?://[^/\s]*(registry|mirror|deb\.|pypi|npm|crates)"), "a package registry"),
    (re.compile(r'"resolved":\s*"http'), "a lock file with addresses"),
]
PAGE = re.compile(r"\bspec/([A-Za-z-]+\.md)(?:#([a-z0-9-]+))?")


def anchors(root, page):
    """Of its headings, as forges make them."""
    heads = re.findall(r"^#+ (.*)$", (root / "spec" / page).read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}


def unknown_pages(root, line):
    for page, anchor in PAGE.findall(line):
        if not (root / "spec" / page).exists():
            yield f"there is no spec/{page}"
        elif anchor and anchor not in anchors(root, page):
            yield f"spec/{page} has no #{anchor}"


def check(root):
    findings = []
    names = tree.files(root, (*tree.C, ".py", ".sh", ".cmake", ".txt", ".md", ".json", ".mjs", ".sol", ".html", ".in", ""), TOPS)
    for path in names:
        try:
            lines = tree.lines_of(root, path)
        except UnicodeDecodeError:
            continue  # corpora and vectors may be any bytes
        script = lines[:1] and lines[0].startswith("#!")
        if path.suffix in (*tree.C, ".py", ".sh", ".cmake", ".mjs", ".sol", ".html") or script or path.name == "CMakeLists.txt":
            if SPDX not in "".join(lines[:2] if script else lines[:1]):
                findings.append(f"{path}:1: no '{SPDX}'")
        if path.suffix in tree.C and f"{path.name} -- " not in "".join(lines[1:4]):
            findings.append(f"{path}:2: no '{path.name} -- what it is'")
        read = path.suffix != ".json" or path.name == "package-lock.json"
        if "corpus" in path.parts or "vectors" in path.parts or not read:
            continue
        for number, line in enumerate(lines, 1):
            findings += [f"{path}:{number}: {words}" for stray, words in STRAY if stray.search(line)]
            findings += [f"{path}:{number}: {words}" for words in unknown_pages(root, line)]
    return findings


def c(line):
    return {"src/core/a.c": f"/* {SPDX} */\n/* a.c -- what it is. */\n{line}\n"}


PAGES = {"spec/keys.md": "# Keys\n\n## Destroyed keys\n"}
GOOD = [c("int a;"), {**PAGES, **c("/* sp" "ec/keys.md#destroyed-keys */")}, {"tests/run": f"#!/bin/sh\n# {SPDX}\n"}]
BAD = [
    ({"src/core/a.c": "/* a.c -- what it is. */\n"}, "SPDX"),
    ({"tests/run": "#!/bin/sh\necho\n"}, "SPDX"),
    ({"src/core/a.c": f"/* {SPDX} */\nint a;\n"}, "what it is"),
    (c("int a; "), "white space"),
    (c("  \tint a;"), "space before a tab"),
    (c("/* TO" "DO: more */"), "unfinished"),
    (c("/* http://" "registry.example.net/ */"), "registry"),
    (c("/* sp" "ec/none.md */"), "there is no"),
    ({**PAGES, **c("/* sp" "ec/keys.md#none */")}, "has no #none"),
    ({"tests/a.sol": "contract A {}\n"}, "SPDX"),
    ({"sim/a.html": "<!doctype html>\n"}, "SPDX"),
    ({"tests/package-lock.json": '"resol' 'ved": "https://example.net/a.tgz"\n'}, "lock file"),
]

if __name__ == "__main__":
    tree.self_check(check, BAD, GOOD)
    tree.finish(check(pathlib.Path(sys.argv[1])), "text")
