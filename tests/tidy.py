#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy.py BUILD -- clang-tidy over every source of BUILD's compile database, once each."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys


def tidy(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return command[-1], done.returncode, done.stdout + done.stderr


def main():
    build = pathlib.Path(sys.argv[1])
    # The _bugs twins are the same files again.
    commands = [entry for entry in json.loads((build / "compile_commands.json").read_text())
                if "_bugs.dir/" not in entry["command"]]
    database = build / "tidy"
    database.mkdir(exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps(commands))
    files = sorted({entry["file"] for entry in commands})
    bad = 0
    findings = set()  # once each, however many files include the header
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, status, output in pool.map(
                tidy, (["clang-tidy-14", "--quiet", "-p", str(database), name] for name in files)):
            if status != 0:
                bad += 1
                findings.update([line for line in output.splitlines() if ": error:" in line]
                                or [output])
    for finding in sorted(findings):
        print(finding)
    if bad:
        print(f"How each comes about: clang-tidy-14 -p {database} FILE")
    print(f"= {len(files)} files, {bad} with findings")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
