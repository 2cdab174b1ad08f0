# SPDX-License-Identifier: Apache-2.0
"""tree.py -- what the checks of this directory share: walking sources, fixtures, reporting."""
import pathlib
import sys
import tempfile

CODE = ("include", "src", "sim", "fuzz", "tests", "bench")
C = (".c", ".h")


def files(root, suffixes, tops=CODE):
    """Paths below tops, relative to root and sorted."""
    found = []
    for top in tops:
        found += [path.relative_to(root) for path in (root / top).rglob("*")
                  if path.is_file() and path.suffix in suffixes
                  and not {"__pycache__", "node_modules"}.intersection(path.parts)]
    return sorted(found)


def lines_of(root, path):
    return (root / path).read_text(encoding="utf-8").splitlines()


def plant(directory, texts):
    for name, text in texts.items():
        path = pathlib.Path(directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def self_check(check, bad, good=()):
    """Every bad fixture {path: text} must be found fault with in these words; a good one must not."""
    for texts, words in [*bad, *((texts, None) for texts in good)]:
        with tempfile.TemporaryDirectory() as directory:
            plant(directory, texts)
            findings = check(pathlib.Path(directory))
        if words is None and findings:
            sys.exit(f"self-check: {findings} in a good fixture: {texts}")
        if words is not None and not any(words in finding for finding in findings):
            sys.exit(f"self-check: '{words}' not found in {texts}, but {findings}")


def finish(findings, what):
    for finding in findings:
        print(finding)
    print(f"{what}: {len(findings)} findings")
    sys.exit(1 if findings else 0)
