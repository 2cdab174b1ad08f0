#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layers.py ROOT -- who includes whom: include <- crypto <- core <- store, host <- the rest."""
import pathlib
import re
import sys

import tree

CORE = {"include", "src/crypto", "src/core"}
# Directory: the directories whose headers it may include, itself besides.  The longest match counts.
LAYERS = {
    "include": {"include"},
    "src/crypto": {"include"},
    "src/core": {"include", "src/crypto"},
    "src/store": CORE,
    "src/host": CORE,
    "src/cli": CORE | {"src/store", "src/host"},
    "sim": CORE | {"src/store"},
    "fuzz": CORE | {"src/store", "sim", "tests/conform"},
    "bench": CORE | {"src/store", "src/host"},
    "tests": CORE | {"src/store", "src/host", "src/cli", "sim", "fuzz", "bench"},
    "tests/conform": CORE | {"src/host", "sim"},  # the client, the drivers' process; test_conform.py sees that no server and no database come along
}
# A library's headers, and the files that may include them.
LIBRARIES = [
    (r"(nettle/|sodium|openssl/|secp256k1)", r"(src/crypto/|bench/|fuzz/peer)"),
    (r"sqlite3", r"(src/store/|sim/vfs|fuzz/store|bench/peers/transactions|tests/unit/test_(store|sqlite|vfs))"),
    (r"(cjson/|cJSON)", r"(src/core/json|bench/peers/|tests/unit/)"),  # tests read published vectors by it
    (r"(civetweb|curl/)", r"(src/host/|bench/peers/)"),
]
# What the core and everything below it may ask of the C library: no clock, no file, no thread.
# (malloc.h: the size of a block that is to be wiped.)
PURE = {"assert.h", "inttypes.h", "limits.h", "malloc.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h",
        "stdio.h", "stdlib.h", "string.h"}
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path):
    matches = [layer for layer in LAYERS if str(path).startswith(layer + "/")]
    return max(matches, key=len, default=None)


def resolve(root, path, name):
    for base in (path.parent, path.parts[0], "src", "include", "."):
        target = pathlib.Path(base, name)
        if (root / target).is_file():
            return target
    return None


def fault(root, path, bracket, name):
    layer = layer_of(path)
    target = resolve(root, path, name)
    if target is not None:
        owner = layer_of(target)
        if owner != layer and owner not in LAYERS[layer]:
            return f"{layer} may not include {owner}"
        return None
    if bracket == '"':
        return "no such file"
    for header, users in LIBRARIES:
        if re.match(header, name):
            return None if re.match(users, str(path)) else "that library is not named here"
    if layer in CORE and name not in PURE:
        return "the core asks the system for nothing"
    return None


def check(root):
    findings = []
    for path in tree.files(root, tree.C):
        if layer_of(path) is None:
            findings.append(f"{path}: belongs to no layer")
            continue
        for number, line in enumerate(tree.lines_of(root, path), 1):
            found = INCLUDE.match(line)
            words = found and fault(root, path, *found.groups())
            if words:
                findings.append(f"{path}:{number}: includes {found.group(2)}: {words}")
    return findings


GOOD = {"include/pinf/a.h": "#include <stdint.h>\n", "src/crypto/c.h": "#include <nettle/sha2.h>\n",
        "src/core/d.c": '#include <pinf/a.h>\n#include "crypto/c.h"\n',
        "src/cli/e.c": '#include "host/f.h"\n#include <unistd.h>\n', "src/host/f.h": "",
        "tests/unit/u.h": "", "tests/unit/test_d.c": '#include "unit/u.h"\n#include <cmocka.h>\n',
        "sim/vfs.c": "#include <sqlite3.h>\n"}
BAD = [
    ({"include/pinf/a.h": '#include "core/b.h"\n', "src/core/b.h": ""}, "may not include src/core"),
    ({"src/core/b.c": '#include "store/s.h"\n', "src/store/s.h": ""}, "may not include src/store"),
    ({"sim/a.c": '#include "host/h.h"\n', "src/host/h.h": ""}, "may not include src/host"),
    ({"src/host/a.c": '#include "sim/h.h"\n', "sim/h.h": ""}, "may not include sim"),
    ({"src/core/a.c": "#include <openssl/evp.h>\n"}, "library is not named here"),
    ({"src/host/a.c": "#  include <sqlite3.h>\n"}, "library is not named here"),
    ({"src/core/urn.c": "#include <cjson/cJSON.h>\n"}, "library is not named here"),
    ({"src/core/a.c": "#include <time.h>\n"}, "asks the system for nothing"),
    ({"src/core/a.c": '#include "gone.h"\n'}, "no such file"),
    ({"src/extra/a.c": ""}, "no layer"),
]

if __name__ == "__main__":
    tree.self_check(check, BAD, [GOOD])
    tree.finish(check(pathlib.Path(sys.argv[1])), "layers")
