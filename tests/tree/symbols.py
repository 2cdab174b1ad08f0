#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""symbols.py CC ARCHIVE -- what the core archive leaves undefined, against core_symbols.txt."""
import pathlib
import subprocess
import sys
import tempfile

import tree


def symbols(archive, option):
    output = subprocess.run(["nm", option, archive], check=True, capture_output=True, text=True)
    # "VALUE TYPE NAME", no value where undefined; other lines name the archive's members.
    rows = [line.split() for line in output.stdout.splitlines()]
    return {row[-1] for row in rows if len(row) > 1}


def allowed(name, rules):
    return any(name.startswith(rule[:-1]) if rule.endswith("*") else name == rule for rule in rules)


def check(archive):
    text = (pathlib.Path(__file__).parent / "core_symbols.txt").read_text(encoding="utf-8")
    rules = [line for line in text.splitlines() if line and not line.startswith("#")]
    undefined = symbols(archive, "--undefined-only") - symbols(archive, "--defined-only")
    return [f"{archive}: asks for {name}" for name in sorted(undefined) if not allowed(name, rules)]


def compiled(cc, text):
    def check_fixture(root):
        (root / "a.c").write_text(text, encoding="utf-8")
        subprocess.run([cc, "-w", "-c", "-o", root / "a.o", root / "a.c"], check=True)
        return check(root / "a.o")
    return check_fixture


if __name__ == "__main__":
    for name in ("time", "rand", "getenv", "printf", "open", "pthread_create", "randombytes_buf"):
        tree.self_check(compiled(sys.argv[1], f"void {name}(); void f(void) {{ {name}(); }}\n"),
                        [({}, f"asks for {name}")])
    tree.self_check(compiled(sys.argv[1], "#include <string.h>\nvoid h(void);\n"
                             "unsigned long g(const char *s) { return strlen(s); }\n"), [], [{}])
    tree.finish(check(pathlib.Path(sys.argv[2])), "core symbols")
