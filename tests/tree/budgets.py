#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""budgets.py ROOT -- lines in a directory against budgets.txt; lengths of files and functions."""
import pathlib
import re
import sys

import tree

FILE_MAX = 600
FUNCTION_MAX = 60
HERE = pathlib.Path("tests/tree")


def entries(root, name):
    """Lines of a data file as {first word: the rest}."""
    rows = [line.split(None, 1) for line in tree.lines_of(root, HERE / name)
            if line.strip() and not line.startswith("#")]
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows}


def code_lines(body):
    count = 0
    in_table = False
    for line in body:
        in_table = in_table or line.startswith("\tstatic const ")
        count += not in_table
        in_table = in_table and not (line.endswith(";") and not line.startswith("\t\t"))
    return count


def functions(lines):
    """(name, lines) of every function: the tree's format puts its braces alone in column one.

    A static const table is data and does not count.
    """
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = " ".join(lines[max(0, start - 6):start])
            names = re.findall(r"(\w+)\(", head[head.rfind(";") + 1:])
            yield names[0] if names else "?", code_lines(lines[start:number + 1])
            start = None


def check(root, table):
    findings = []
    excuses = entries(root, "lengths.txt")
    unused = set(excuses)

    def limit(name, length, most):
        if length > most and name in unused:
            unused.discard(name)
        elif length > most:
            findings.append(f"{name}: {length} lines of {most}")

    used = dict.fromkeys(entries(root, "budgets.txt"), 0)
    for path in tree.files(root, (*tree.C, ".py", ".sh")):
        lines = tree.lines_of(root, path)
        limit(str(path), len(lines), FILE_MAX)
        if path.suffix in tree.C:
            for name, length in functions(lines):
                limit(f"{path}:{name}", length, FUNCTION_MAX)
        if path.suffix in tree.C or path.parts[0] == "tests":
            owners = [owner for owner in used if path.is_relative_to(owner)]
            if not owners:
                findings.append(f"{path}: in no directory of budgets.txt")
            for owner in owners:
                used[owner] += sum(1 for line in lines if line.strip())
    for directory, budget in entries(root, "budgets.txt").items():
        table.append(f"{directory:12} {used[directory]:6} of {int(budget):6} lines")
        if used[directory] > int(budget):
            findings.append(f"{directory}: {used[directory]} lines of {budget}")
    findings += [f"{name}: lengths.txt excuses it without need" for name in sorted(unused)]
    findings += [f"{name}: lengths.txt gives no reason" for name, why in excuses.items() if not why]
    return findings


def fixture(path, text, excuses=""):
    return {"tests/tree/budgets.txt": "# rule\nsrc/core 700\n", "tests/tree/lengths.txt": excuses,
            path: text}


LONG = "int\nlong_one(int a,\n    int b)\n{\n" + "\ta();\n" * 59 + "}\n"
BAD = [
    (fixture("src/core/a.c", "a;\n" * 601), "src/core/a.c: 601 lines of 600"),
    ({**fixture("src/core/a.c", "a;\n" * 400), "src/core/b.h": "b;\n\n" * 301}, "701 lines of 700"),
    (fixture("src/core/a.c", LONG), "src/core/a.c:long_one: 61 lines of 60"),
    (fixture("src/core/a.c", "", "src/core/a.c because\n"), "without need"),
    (fixture("src/core/a.c", LONG, "src/core/a.c:long_one\n"), "no reason"),
    (fixture("sim/a.c", "a;\n"), "in no directory"),
]
TABLE = ("void\nshort_one(void)\n{\n\tstatic const struct {\n\t\tint a;\n\t} cases[] = {\n"
         + "\t    {1},\n" * 80 + "\t};\n\n\ta();\n}\n")
GOOD = [fixture("src/core/a.c", TABLE),
        fixture("src/core/a.c", LONG, "src/core/a.c:long_one one case for each state\n")]

if __name__ == "__main__":
    tree.self_check(lambda root: check(root, []), BAD, GOOD)
    used_of_budget = []
    faults = check(pathlib.Path(sys.argv[1]), used_of_budget)
    print("\n".join(used_of_budget))
    tree.finish(faults, "budgets")
