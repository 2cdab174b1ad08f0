# SPDX-License-Identifier: Apache-2.0
"""vector.py -- a vector is added to its operation's file; names and bytes that several groups use."""
import hashlib
import json

MINER = "0x00000000000000000000000000000000000000aa"
SESSION = {"kind": "session", "purpose": "input", "session": 101, "instance": "00112233445566778899aabbccddeeff"}
TASK = {**SESSION, "kind": "task", "task": 9001}
RESULT = {**TASK, "purpose": "result", "attempt": 2, "miner": MINER}
MAX = 2 ** 53 - 1
FILES = {}
GROUPS = {}


def add(operation, group, given, output=None, stage=None, spec="", flags=(), level="must", origin="pinf", note="", rule=""):
    """One vector: valid with what comes out, or invalid with the stage that refuses it."""
    count = GROUPS[operation, group] = GROUPS.get((operation, group), 0) + 1
    vector = {"id": f"{operation}/{group}/{count:03}", "level": level, "origin": origin, "spec": spec,
              "flags": sorted(flags), "result": "valid" if stage is None else "invalid"}
    if note:
        vector["note"] = note
    if stage is not None:
        vector["stage"] = stage
    if rule:
        vector["rule"] = rule
    vector["input"] = given
    if stage is None:
        vector["output"] = output
    FILES.setdefault(operation, []).append(vector)


def noise(label, length):
    out = b""
    while len(out) < length:
        out += hashlib.sha256(f"{label}/{len(out)}".encode()).digest()
    return out[:length]


def text_of(value):
    return value.hex() if isinstance(value, bytes) else value.encode().hex()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
