#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packages.py ROOT -- .ci/packages and spec/DEPENDENCIES.md name the same packages."""
import pathlib
import re
import sys

import tree


def check(root):
    installed = {line.split()[1] for line in tree.lines_of(root, ".ci/packages")
                 if line and not line.startswith("#")}
    explained = {row.group(1) for line in tree.lines_of(root, "spec/DEPENDENCIES.md")
                 if (row := re.match(r"\| ([a-z0-9.+-]+) \| [0-9.]+c? \| .*\w", line))}
    return [f"{name}: installed, but spec/DEPENDENCIES.md has no version and reason"
            for name in sorted(installed - explained)] + \
           [f"{name}: explained, but not in .ci/packages" for name in sorted(explained - installed)]


def fixture(packages, table):
    return {".ci/packages": f"# pin\n{packages}\n", "spec/DEPENDENCIES.md": f"| package |\n|---|\n{table}\n"}


if __name__ == "__main__":
    tree.self_check(check, [(fixture("build gcc", ""), "gcc: installed"),
                            (fixture("build gcc", "| gcc | 12.2.0 | |"), "gcc: installed"),
                            (fixture("", "| gcc | 12.2.0 | compiles |"), "gcc: explained")],
                    [fixture("build gcc", "| gcc | 12.2.0 | compiles |")])
    tree.finish(check(pathlib.Path(sys.argv[1])), "packages")
