#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packages.py ROOT -- .ci/packages, the package.json files of the tests and spec/DEPENDENCIES.md name the same packages.

Debian moves versions under us; those from npm are exact, so they are compared too.
"""
import json
import pathlib
import re
import sys

import tree

NPM = "tests/chain/package.json", "tests/interop/package.json"


def check(root):
    debian = {line.split()[1]: None for line in tree.lines_of(root, ".ci/packages")
              if line and not line.startswith("#")}
    installed = dict(debian)
    for path in NPM:
        installed |= json.loads((root / path).read_text())["dependencies"]
    explained = {row.group(1): row.group(2) for line in tree.lines_of(root, "spec/DEPENDENCIES.md")
                 if (row := re.match(r"\| ([a-z0-9.+@/-]+) \| ([0-9.]+c?) \| .*\w", line))}
    return [f"{name}: installed, but spec/DEPENDENCIES.md has no version and reason"
            for name in sorted(installed.keys() - explained.keys())] + \
           [f"{name}: explained, but neither in .ci/packages nor in a package.json"
            for name in sorted(explained.keys() - installed.keys())] + \
           [f"{name}: package.json has {version}, spec/DEPENDENCIES.md {explained[name]}"
            for name, version in installed.items() if version and version != explained.get(name, version)]


def fixture(packages, table, npm=""):
    return {".ci/packages": f"# pin\n{packages}\n", "spec/DEPENDENCIES.md": f"| package |\n|---|\n{table}\n",
            NPM[0]: f'{{"dependencies": {{{npm}}}}}', NPM[1]: '{"dependencies": {}}'}


if __name__ == "__main__":
    tree.self_check(check, [(fixture("build gcc", ""), "gcc: installed"),
                            (fixture("build gcc", "| gcc | 12.2.0 | |"), "gcc: installed"),
                            (fixture("", "", '"@a/b": "1.2.3"'), "@a/b: installed"),
                            (fixture("", "| @a/b | 1.2.4 | tests |", '"@a/b": "1.2.3"'), "@a/b: package.json has 1.2.3"),
                            (fixture("", "| gcc | 12.2.0 | compiles |"), "gcc: explained")],
                    [fixture("build gcc node node", "| gcc | 12.2.0 | compiles |"),
                     fixture("", "| @a/b | 1.2.3 | tests |", '"@a/b": "1.2.3"')])
    tree.finish(check(pathlib.Path(sys.argv[1])), "packages")
