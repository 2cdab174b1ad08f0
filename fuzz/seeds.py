#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seeds.py DIRECTORY -- starting corpora, one directory a target: from the conformance vectors, the API's examples and plans."""
import hashlib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SPEC = ROOT / "spec"
LONG = 8192  # bytes; recipes of longer ones are the fuzzer's to find


def unhex(value):
    if isinstance(value, str):
        return bytes.fromhex(value)
    return unhex(value["head"]) + bytes.fromhex(value["repeat"]) * value["count"] + unhex(value["tail"])


def inputs(operation):
    file = json.loads((SPEC / "vectors" / "v1" / f"{operation}.json").read_text(encoding="utf-8"))
    return [vector["input"] for vector in file["vectors"]]


def field(operation, name, prefix=b""):
    return [prefix + unhex(given[name]) for given in inputs(operation) if name in given]


def requests():
    """The examples of api.md, as a wallet's and as nobody's."""
    text = (SPEC / "api.md").read_text(encoding="utf-8")
    for method, target, body in re.findall(r"```http\n([A-Z]+) (\S+)\n(?:(\{.*\})\n)?```", text):
        for choice in (2, 3, 0x12, 0x13, 0, 1):
            yield bytes([choice]) + f"{method}\n{target}\n\napplication/json\n{body}".encode()


def operations():
    """Lists of the queue's operations: a task from its submission to its result, and what comes between."""
    submit, claim, ack, precommit, commit, release, wait = range(7)
    life = [submit, claim, ack, precommit, commit]
    for order in (life, life + [commit], [submit, claim, release] + life[1:], [submit, claim, wait + 7 * 2] + life[1:], [submit, submit, claim, claim + 7, ack, ack + 7 * 5],
                  [submit, claim, ack, wait + 7 * 5, claim + 7, ack + 7], [submit] + [claim, release] * 9, life + [wait + 7 * 7], [submit, wait + 7 * 6, claim]):
        yield bytes(order)


SEEDS = {
    "abi": lambda: [bytes([i % 4]) + data for i, data in enumerate(field("abi.decode", "data"))],
    "allowlist": lambda: field("allowlist.parse", "text"),
    "auth": lambda: [given["authorization"].encode() for given in inputs("auth.verify")] + [b"s" + hashlib.sha512(bytes([i])).digest() * 3 for i in range(8)],
    "blob": lambda: field("blob.open", "blob"),
    "blob_seal": lambda: [bytes([i]) + bytes(8) + hashlib.sha256(bytes([i])).digest() * (1 + 40 * i) for i in range(8)],
    "document": lambda: [given["kind"][:1].encode() + unhex(given["text"]) for given in inputs("document.decode")],
    "grant": lambda: field("grant.open", "grant") + [b"m" + hashlib.sha512(bytes([i])).digest() * 2 for i in range(8)],
    "json": lambda: field("json.check", "text"),
    "keyring": lambda: field("keyring.open", "file", b"f"),
    "miner": lambda: [hashlib.sha512(bytes([i])).digest() * (1 + i % 4) for i in range(16)] + [bytes([0x40, 0, 0, 0, 0, 0] * 12)],
    "payload": lambda: field("payload.decode", "text"),
    "plan": lambda: [path.read_bytes() for path in sorted((ROOT / "sim" / "regress").glob("*.json")) if path.stat().st_size < 40000],
    "policy_doc": lambda: field("policy.document", "text"),
    "queue": operations,
    "request": requests,
    "scope": lambda: field("scope.decode", "encoded", b"b") + [b"f" + bytes([1 + i % 2, 1 + i // 2]) + bytes(range(1, 57)) for i in range(4)],
    "urn": lambda: field("urn.parse", "text"),
}


def main():
    for target, make in SEEDS.items():
        place = pathlib.Path(sys.argv[1]) / target
        place.mkdir(parents=True, exist_ok=True)
        for data in make():
            if len(data) <= LONG or target in ("plan", "blob_seal"):
                (place / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    main()
