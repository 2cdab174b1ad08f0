#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_vectors.py [--check | --publish] -- writes spec/vectors/v1/*.json, or says what would change.

Expected bytes come from independent.py and from what stands in vectors_*.py, after spec/; no line of pinf runs.  An id
is given once and its bytes never change: new vectors go to the end of their group.  --publish, at a release, puts all of them into
published.txt with their hashes; --check holds later ones to it.
"""
import hashlib
import json
import pathlib
import sys

import vector
import vectors_access
import vectors_codec
import vectors_files

PUBLISHED = pathlib.Path(__file__).resolve().parent / "published.txt"
HERE = pathlib.Path(__file__).resolve().parents[2] / "spec" / "vectors" / "v1"


def render(operation):
    lines = ",\n".join("  " + json.dumps(one, ensure_ascii=True) for one in vector.FILES[operation])
    return f'{{"schema": 1, "operation": "{operation}", "vectors": [\n{lines}\n]}}\n'


def hashes():
    """Of each vector, as it is given to whoever is asked."""
    return {one["id"]: hashlib.sha256(json.dumps(one, sort_keys=True).encode()).hexdigest()[:16] for vectors in vector.FILES.values() for one in vectors}


def changed():
    """Ids that were published and are gone, or are another vector's now."""
    now = hashes()
    return [line for line in PUBLISHED.read_text(encoding="utf-8").splitlines() if line.split()[1] != now.get(line.split()[0])]


def main():
    check = sys.argv[1:] == ["--check"]
    for make in vectors_codec.ALL + vectors_access.ALL + vectors_files.ALL:
        make()
    HERE.mkdir(parents=True, exist_ok=True)
    wrong = []
    for operation in vector.FILES:
        path = HERE / f"{operation}.json"
        text = render(operation)
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            wrong.append(path.name)
        elif not check:
            path.write_text(text, encoding="utf-8")
    if sys.argv[1:] == ["--publish"]:
        PUBLISHED.write_text("".join(f"{name} {digest}\n" for name, digest in sorted(hashes().items())), encoding="utf-8")
    wrong += [f"{line.split()[0]} (published)" for line in changed()]
    count = sum(len(vectors) for vectors in vector.FILES.values())
    negative = sum(v["result"] == "invalid" for vectors in vector.FILES.values() for v in vectors)
    print(f"{count} vectors, {negative} negative, {len(vector.FILES)} operations" + ("; another text in: " + ", ".join(wrong) if wrong else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
