#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mutant.py NAME PINF-DRIVER -- a driver that is wrong in one way: pinf's own, with its question or its answer changed."""
import json
import subprocess
import sys

import mutants


def main():
    mutant = mutants.MUTANTS[sys.argv[1]]
    driver = subprocess.Popen([sys.argv[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in sys.stdin:
        question = json.loads(line)
        runs = question["verb"] == "run"
        if runs and mutant.before:
            mutant.before(question["operation"], question["input"])
        driver.stdin.write(json.dumps(question) + "\n")
        driver.stdin.flush()
        answer = json.loads(driver.stdout.readline())
        if runs and mutant.after:
            answer = mutant.after(question["operation"], question["input"], answer)
        print(json.dumps(answer), flush=True)
    driver.stdin.close()
    return driver.wait()


if __name__ == "__main__":
    sys.exit(main())
