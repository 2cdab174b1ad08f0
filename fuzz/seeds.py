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


PLAIN = '{"encryption":"none","inline":"x","sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","size":1}'
KEY = f'"hpke_public":"{"11" * 32}"'
# What the examples leave out: fields and refusals of each endpoint.
BODIES = {
    "sessions": ['{"private":false,"type":"pooled","seats":3}', '{"private":true,"type":"ephemeral","api_key":true}', '{"private":true,"type":"none"}',
                 '{"private":true,"type":"dedicated","router_sealed":true,"policy":{"router_sealed":false}}',
                 '{"private":true,"type":"dedicated","router_sealed":true,"policy":{"router_sealed":true,"attestation":true,"grant_lifetime_ms":1000}}'],
    "sessions/1/explain": ['{"action":"claim","miner":"0x00000000000000000000000000000000000000aa"}', '{"action":"x"}', '{"action":"read","actor":"x"}', '{"action":"read","route":"x"}',
                           '{"action":"read","actor":"owner","miner":"0x00000000000000000000000000000000000000aa"}', '{"action":"claim","actor":"miner"}',
                           '{"action":"claim","actor":"miner","miner":"0x00000000000000000000000000000000000000aa","route":"plain","task_id":3}'],
    "completions": ['{"session_id":1,"prompt":"x","stream":true,"temperature":0.5,"top_p":1,"top_k":4,"max_tokens":9,"timeout":60,"precommit_timeout":30}', '{"session_id":2,"prompt":"x"}',
                    '{"prompt":""}', '{"session_id":1,"prompt":"x","prompt_type":"t","client_reference":"r"}', f'{{"session_id":1,"task_id":1,"payload":{PLAIN}}}', '{"prompt":"x","temperature":9e9}'],
    "completions/1": ['{"session_id":2,"prompt":"x"}', '{"prompt":"x"}'],
    "auth/payload_enc_key/task": [f'{{{KEY},"purpose":"result","session_id":1,"task_id":1,"attempt":1}}', f'{{{KEY},"purpose":"input","session_id":1,"task_id":1,"attempt":1}}',
                                  f'{{{KEY},"purpose":"x","session_id":1,"task_id":1}}'],
    "auth/payload_enc_key/session": [f'{{{KEY},"purpose":"result","session_id":1,"attempt":2}}', f'{{{KEY},"purpose":"input","session_id":1}}'],
    "miner/claim": ['{"session_id":0,"wait_ms":0}', '{"wait_ms":999999999}', '{"session_id":1}', "{}"],
    "miner/leave": ["{}", '{"session_id":1}'],
    "miner/ack": ['{"attempt":1,"session_id":1,"task_id":1}', '{"attempt":0,"session_id":1,"task_id":1}', '{"attempt":1,"session_id":1}'],
    "miner/commit": [f'{{"attempt":1,"session_id":1,"task_id":1,"signature":"0x{"22" * 65}","payload":{PLAIN}}}'],
}


def line(choice, method, target, body, authorization="", kind="application/json"):
    return bytes([choice]) + f"{method}\n{target}\n{authorization}\n{kind}\n{body}".encode()


def requests():
    """The examples of api.md, as a wallet's and as nobody's; then what they leave out."""
    text = (SPEC / "api.md").read_text(encoding="utf-8")
    for method, target, body in re.findall(r"```http\n([A-Z]+) (\S+)\n(?:(\{.*\})\n)?```", text):
        for choice in (2, 3, 0x12, 0x13, 0, 1):
            yield line(choice, method, target, body)
    for name, bodies in BODIES.items():
        for version in ("v1", "v2", "v3") if name.startswith("completions") else ("v1",):
            for body in bodies:
                for choice in (2, 3, 0x12, 0x13):
                    yield line(choice, "POST", f"/api/{version}/{name}", body)
    for authorization in ("Bearer pinf00", "Bearer ", "Bearer a b", "Bearer " + "x" * 200, "Basic x", "Pinf scheme=eip191"):
        yield line(0, "GET", "/api/v1/sessions", "", authorization)
    for kind in ("", "application/json; charset=UTF-8", "Application/JSON ;charset=\"utf-8\"", "text/plain", "application/json;x"):
        yield line(2, "POST", "/api/v1/sessions", BODIES["sessions"][0], kind=kind)
    for target in ("/api/v1/sessions/1?x=1", "/api/v1/tasks/1?after=0&limit=5", "/api/v1/tasks/1?limit=0", "/api/v1/tasks/1/99999999999999999999999", "/api/v1/sessions/0", "/api/v1/tasks/1/1",
                   "/" + "x" * 600, "/api/v1/tasks/1?after=5&after=6", "/api/v1/tasks/1?limit=x", "/api/v3/blobs/" + "ab" * 32, "/api/v3/blobs/zz"):
        for method in ("GET", "PUT", "POST"):
            yield line(0x12, method, target, "")
    for signed in ("", "1", "2", "\x00\x01", "\x01\x01", "\x00\x09"):  # ids that the signature has: task, key version
        yield line(0x12, "PUT", "/api/v3/blobs/" + "ab" * 32, "x", signed, "application/octet-stream")
        yield line(0x12, "POST", "/api/v1/auth/payload_enc_key/task", BODIES["auth/payload_enc_key/task"][1], signed)


def operations():
    """Lists of the queue's operations: a task from its submission to its result, and what comes between."""
    submit, claim, ack, precommit, commit, release, wait = range(7)
    life = [submit, claim, ack, precommit, commit]
    for order in (life, life + [commit], [submit, claim, release] + life[1:], [submit, claim, wait + 7 * 2] + life[1:], [submit, submit, claim, claim + 7, ack, ack + 7 * 5],
                  [submit, claim, ack, wait + 7 * 5, claim + 7, ack + 7], [submit] + [claim, release] * 9, life + [wait + 7 * 7], [submit, wait + 7 * 6, claim]):
        yield bytes(order)
    rare = {name: 224 + 4 * i for i, name in enumerate(("any", "waiting", "blob", "other", "private", "fails", "odd"))}
    for low in range(4):
        for name in ("any", "waiting"):
            yield bytes([rare[name] + low, 0, submit, ack, precommit, commit])
            yield bytes([submit, rare[name] + low, 0, release, rare["waiting"], 0, rare["waiting"] + 1, 0, submit, wait + 7 * 3, submit])
            yield bytes([submit, rare["private"], 0, rare[name] + low, 0, rare[name] + 1, 0, submit])
        for how in (0, 1, 2, 3, 4, 5, 6, *range(16, 256, 16)):
            yield bytes(life[:4] + [rare["blob"] + low, 0, how, commit, rare["blob"] + low, 0, how])
        yield bytes([rare["waiting"] + low, 0] * 8 + [submit, submit])
        yield bytes(life[:3] + [rare["other"] + 1, 0, rare["other"] + 1, 0, precommit, rare["other"] + low, 0, rare["blob"], 0, 1, commit])
        for odd in range(5):
            yield bytes(life[:4] + [rare["odd"] + low, 0, odd, commit, rare["odd"] + low, 0, odd, rare["private"], 0, commit])
    for call in range(12):
        yield bytes([submit, rare["private"], 0, rare["fails"], 0, call, claim])
        for step in (submit, claim, ack, precommit, commit, release, rare["any"], rare["blob"], rare["private"]):
            before = life[:life.index(step)] if step in life else life[:4]
            yield bytes(before + [rare["fails"], 0, call, step, 0, 0] + [step] + life)


def scripts():
    """A router that answers right, and one that does not at one place, whatever kind of lease it gives."""
    for kind in range(4):
        right = [kind << 3, 0] + [0, 0] * 12
        yield bytes([0] + right)
        yield bytes([0xff] + right + right)
        for place in range(1, 12):
            for how in (1, 1 | 7 << 3, 2, 3, 3 | 3 << 3, 4 | 0x1c << 3, 4 | 0x1d << 3, 4 | 0x1e << 3, 4 | 0x1f << 3):
                wrong = list(right)
                wrong[2 * place] = how
                yield bytes([place % 16] + wrong + right)
    for kind in range(4):
        for steps in range(14):
            for call in range(32):  # which call fails is the sum of all bytes
                script = bytes([kind, steps, 0, 0])
                yield script + bytes([(4 * call - sum(script) - len(script) - 1) % 128])
    for odd in range(32):
        yield bytes([0, 4 | odd << 3, 0] + [0, 0] * 12)


def forged():
    """Chunks that are right, and each of them wrong in one way."""
    for choice in range(32):
        for last in (b"\x01\x01\x00", b"\x00\x00\x00", b"\x02\x01\x00", b"\x03\xfc\x00\x00\x00\x01\x00", b"\x03\xfc\x00\x00\x00\x03\x05\x00\x00\x00\x01"):
            for first in (b"\x03\xfc\x0f\x00\x00\x00", b"\x00\x00", b"\x01\x00", b"\x01\x01"):
                yield bytes([choice]) + (b"\x0d" if choice & 16 else b"") + first * (choice // 4 % 4) + last


def edits(length):
    """One byte changed here and there of a text that is right."""
    yield b""
    for place in range(0, length, 16):
        yield place.to_bytes(2, "big") + bytes([place % 251])


def files():
    """Migrations under faults, damaged files, and bytes that are no database."""
    for faults in (0, 1, 0x10, 0x33, 0xff):
        for seed in range(4):
            yield bytes([ord("m"), faults, seed, seed]) + hashlib.sha256(bytes([seed])).digest()
    for place in (0, 16, 18, 28, 60, 68, 96, 100, 105, 4096, 4100, 9000, 20000, 50000):
        yield b"d\x00" + place.to_bytes(4, "little") + b"\x7f"
        yield b"d\x01" + place.to_bytes(4, "little") + b"\x00"
    begin, savepoint, insert, clock, release, undo, commit, crash, fault = 0, 1, 2, 3, 4, 5, 6, 7 + 16, 7 + 8
    for batch in ([begin, insert, clock, commit], [begin, savepoint, insert, undo, clock, commit], [begin, savepoint, insert, release, commit, crash], [begin, insert, crash, begin, clock, commit],
                  [begin, insert, 7, begin, insert, commit]):
        yield b"t\x01" + bytes(batch * 4)
        for faults in (0x10, 0x30, 0x70, 0x80):
            yield b"t\x02" + bytes((batch + [fault + faults] + batch) * 3)
    for size in range(64):
        yield b"f" + bytes([1]) * size
        yield b"f" + bytes([size])
    yield from (b"", b"SQLite format 3\x00" + bytes(84), b"d\x00", b"d\x01")


def kit():
    """Two vectors of each operation as a file, and answers to the target's own."""
    for path in sorted((SPEC / "vectors" / "v1").glob("*.*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        some = {vector["result"]: vector for vector in file["vectors"] if len(json.dumps(vector)) < 1500}
        yield b"v" + json.dumps({**file, "vectors": list(some.values())}).encode()
    for name in "abcd":
        for said in ('"ok":{"canonical":true}', '"ok":{"canonical":false}', '"ok":{}', '"reject":{"stage":"urn","code":"x"}', '"reject":{"stage":"policy","code":"not-owner"}',
                     '"reject":{"stage":"policy","code":"x"}', '"reject":{}', '"reject":{"stage":"parse","more":1}', '"skip":"later"', '"error":"broken"', '"x":1', '"ok":[1,{"a":null}]'):
            yield f'a{{"id":"urn.parse/{name}",{said}}}'.encode()
    yield from (b"a", b"a[]", b"a{", b"v{}", b"v[", b'v{"operation":"x","schema":2,"vectors":[]}')


SEEDS = {
    "abi": lambda: [bytes([i % 4]) + data for i, data in enumerate(field("abi.decode", "data"))],
    "allowlist": lambda: field("allowlist.parse", "text"),
    "auth": lambda: [b"d" + hashlib.sha512(bytes([i])).digest() * 2 for i in range(12)] + [given["authorization"].encode() for given in inputs("auth.verify")] + [b"s" + hashlib.sha512(bytes([i])).digest() * 3 for i in range(8)],
    "blob": lambda: field("blob.open", "blob"),
    "blob_forge": forged,
    "blob_seal": lambda: [bytes([i]) + n.to_bytes(4, "little") + bytes(range(58)) for i in (0, 1, 2, 3) for n in (0, 9000, 19000)] + [bytes([i]) + bytes(8) + hashlib.sha256(bytes([i])).digest() * (1 + 40 * i) for i in range(8)],
    "document": lambda: [given["kind"][:1].encode() + unhex(given["text"]) for given in inputs("document.decode")],
    "grant": lambda: field("grant.open", "grant") + [b"e" + edit for edit in edits(700)] + [b"m" + hashlib.sha512(bytes([i])).digest() * 2 for i in range(8)],
    "hpke": lambda: [bytes([i, i, 7 * i]) + hashlib.sha512(bytes([i])).digest() * 3 for i in range(16)] + [bytes([i, 7, 31]) + bytes(40) for i in range(2)],
    "json": lambda: field("json.check", "text"),
    "keyring": lambda: field("keyring.open", "file", b"f") + [b"r" + bytes(records) for records in ([], [1, 0], [3, 0, 2, 2], [4, 3, 3, 1, 2, 0], *([state, kind] for state in range(6) for kind in (*range(8), *range(8, 64, 8))))],
    "kit": kit,
    "miner": scripts,
    "payload": lambda: field("payload.decode", "text") + [b"m" + bytes(chosen) for chosen in ((0x39, 0), (0xd1, 0), (0xd2, 0), (0xd4, 0), (0x39, 1))],
    "plan": lambda: [path.read_bytes() for place in ("sim/regress", "tests/plans") for path in sorted((ROOT / place).glob("*.json")) if path.stat().st_size < 40000],
    "policy": lambda: [bytes([action, actor, route]) + facts for action in range(8) for actor in range(8) for route in range(4) for facts in (b"\x00" * 4, b"\xff" * 4)],
    "policy_doc": lambda: field("policy.document", "text"),
    "queue": lambda: [bytes([kind]) + script for kind in (0, 1) for script in operations()],
    "request": requests,
    "rpc": lambda: [bytes([0xff, 7 * (i % 2), i]) + hashlib.sha512(bytes([i])).digest() for i in range(8)],
    "scope": lambda: field("scope.decode", "encoded", b"b") + [b"f" + bytes([1 + i % 2, 1 + i // 2]) + bytes(range(1, 57)) for i in range(4)],
    "store": files,
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
