# SPDX-License-Identifier: Apache-2.0
"""vectors_files.py -- keyring files, policy documents, contract calls and what they return."""
import json
import struct

import independent as ind
from vector import MAX, add, canonical, noise, text_of

# ---- keyring.open ----

PASSPHRASE = b"correct horse"
SALT = bytes(range(16))
STATES = {"pending": 1, "active": 2, "decrypt-only": 3, "destroyed": 4}
CONTRACT = bytes.fromhex("00112233445566778899aabbccddeeff00112233")


def version(state, label, length=32, created=1700000000000):
    seed = noise("seed/" + label, length)
    return {"state": state, "created": created, "seed": b"" if state == "destroyed" else seed, "fingerprint": ind.fingerprint(seed)}


def version_bytes(v):
    """keys.md, KEY-23; a member that a vector has changed is written as it is."""
    seed = v["seed"]
    state = STATES.get(v["state"], v["state"])
    return struct.pack(">BQB", state, v["created"], v.get("length", len(seed))) + (seed + v.get("tail", b"")).ljust(64, b"\0") + v["fingerprint"]


def content(versions, identity=1, chain_id=8453, count=None):
    head = struct.pack(">Q", chain_id) + CONTRACT + identity.to_bytes(32, "big") + noise("digest key", 32)
    return head + struct.pack(">I", len(versions) if count is None else count) + b"".join(map(version_bytes, versions))


def sealed(plain, passes=1, memory=8, magic=b"PNFK", form=1, passphrase=PASSPHRASE):
    header = magic + bytes([form]) + struct.pack(">II", passes, memory) + SALT
    key = ind.argon2id(passphrase, SALT, max(1, min(passes, 16)), max(8, min(memory, 64)))
    return header + ind.encrypt(2, key, bytes(12), plain, header)


def keyring(file, versions=(), stage=None, group=None, spec="KEY-23", flags=(), identity=1, chain_id=8453, passphrase=PASSPHRASE):
    output = {"chain_id": chain_id, "contract": "0x" + CONTRACT.hex(), "identity": ind.address(identity),
              "versions": [{"version": i + 1, "state": v["state"], "created_ms": v["created"], "fingerprint": v["fingerprint"].hex()}
                           for i, v in enumerate(versions)]}
    add("keyring.open", group or ("accept" if stage is None else flags[0].lower()), {"file": file.hex(), "passphrase": text_of(passphrase)},
        output, stage=stage, spec=spec, flags=flags)


def keyrings():
    whole = [version("destroyed", "a"), version("decrypt-only", "b", 64, 1700000000001), version("active", "c", created=1700000000002)]
    for versions in ([], [version("pending", "a")], [version("active", "a")], [version("active", "a"), version("pending", "b")], whole,
                     [version("destroyed", "a"), version("destroyed", "b")], [version("decrypt-only", "a", 33, MAX)]):
        keyring(sealed(content(versions)), versions)
    keyring(sealed(content(whole), passes=2, memory=64), whole, spec="KEY-20")
    keyring(sealed(content(whole), passphrase=b"\xc3\xa9"), whole, spec="KEY-20", passphrase=b"\xc3\xa9")
    keyring(sealed(content(whole, identity=ind.N - 1, chain_id=MAX)), whole, identity=ind.N - 1, chain_id=MAX, spec="KEY-16")
    good = sealed(content(whole))

    def refuse(file, spec, flag):
        keyring(file, stage="payload", spec=spec, flags=[flag])

    for change in ({"magic": b"PNFX"}, {"form": 0}, {"form": 2}):
        refuse(sealed(content(whole), **change), "KEY-21", "Magic")
    for change in ({"passes": 0}, {"passes": 17}, {"memory": 7}, {"memory": 262145}, {"passes": 2 ** 32 - 1}, {"memory": 2 ** 32 - 1}):
        refuse(sealed(content(whole), **change), "KEY-22", "Cost")
    for file in (b"", good[:28], good[:29], good[:45], good[:-1], good + b"\0"):
        refuse(file, "KEY-24", "Truncation")
    for at in (13, 29, 60, len(good) - 1):
        refuse(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:], "KEY-20", "Tampered")
    refuse(sealed(content(whole), passphrase=b"Correct horse"), "KEY-20", "Passphrase")
    refuse(sealed(content(whole), passphrase=b""), "KEY-20", "Passphrase")
    for change in ({"state": 0}, {"state": 5}, {"created": MAX + 1}, {"length": 31}, {"length": 65}, {"seed": b"", "length": 0}, {"tail": b"\1"}):
        refuse(sealed(content([{**version("active", "a"), **change}])), "KEY-23", "Content")
    refuse(sealed(content([{**version("destroyed", "a"), "seed": noise("seed/a", 32)}])), "KEY-11", "Content")
    refuse(sealed(content(whole, identity=0)), "KEY-16", "Content")
    refuse(sealed(content(whole, identity=ind.N)), "KEY-16", "Content")
    for count in (0, 2, 4, 4097, 2 ** 32 - 1):
        refuse(sealed(content(whole, count=count)), "KEY-10", "Count")
    refuse(sealed(content([version("active", "a"), version("active", "b")])), "KEY-12", "TwoActive")
    refuse(sealed(content([version("active", "a"), version("decrypt-only", "a")])), "KEY-15", "SeedTwice")
    refuse(sealed(content([version("destroyed", "a"), version("active", "a")])), "KEY-15", "SeedTwice")
    refuse(sealed(content([{**version("active", "a"), "fingerprint": bytes(8)}])), "KEY-24", "Fingerprint")


# ---- policy.document ----

DEFAULTS = {"acl_source": "any", "attestation": False, "key_scope": "session", "read_results": "owner", "router_sealed": False}


def policy_documents():
    def document(text, **members):
        add("policy.document", "accept", {"text": text_of(text)}, {"canonical": canonical({**DEFAULTS, **members})}, spec="POL-52")

    def refuse(text, spec, flag):
        add("policy.document", flag.lower(), {"text": text_of(text)}, stage="parse", spec=spec, flags=[flag])

    document("{}")
    document(' {"router_sealed" : true , "acl_source":"contract"} ', router_sealed=True, acl_source="contract")
    for source in ("any", "router", "contract", "env"):
        document(json.dumps({"acl_source": source}), acl_source=source)
    document('{"grant_lifetime_ms":1e4,"rotation_period_ms":86400000,"x-note":"ours"}', grant_lifetime_ms=10000, rotation_period_ms=86400000)
    document('{"grant_lifetime_ms":1000,"rotation_period_ms":60000}', grant_lifetime_ms=1000, rotation_period_ms=60000)
    document('{"grant_lifetime_ms":86400000,"rotation_period_ms":9007199254740991}', grant_lifetime_ms=86400000, rotation_period_ms=MAX)
    document('{"key_scope":"task","read_results":"wallet","attestation":true}', key_scope="task", read_results="wallet", attestation=True)
    document('{"attestation":false,"x-":null,"x-a":[1,{}]}')
    for text in ('{"acl_source":"emergency"}', '{"acl_source":"Contract"}', '{"acl_source":""}', '{"key_scope":"none"}', '{"read_results":""}'):
        refuse(text, "POL-51", "Word")
    for text in ('{"acl_source":["contract"]}', '{"attestation":"true"}', '{"attestation":null}', '{"grant_lifetime_ms":1000.5}', '{"grant_lifetime_ms":"60s"}',
                 '{"key_scope":true}', '{"router_sealed":1}', '{"acl_source":null}'):
        refuse(text, "POL-51", "WrongType")
    for text in ('{"grant_lifetime_ms":999}', '{"grant_lifetime_ms":0}', '{"grant_lifetime_ms":86400001}', '{"rotation_period_ms":59999}',
                 '{"rotation_period_ms":9007199254740992}', '{"rotation_period_ms":-1}', '{"grant_lifetime_ms":1e400}'):
        refuse(text, "POL-51", "Range")
    for text in ('{"allow":{"any":["owner","miner"]}}', '{"Attestation":true}', '{"acl_source ":"any"}'):
        refuse(text, "POL-51", "Unknown")
    refuse('{"attestation":false,"attestation":true}', "JSON-6", "Duplicate")
    refuse('{"attestation":false,"\\u0061ttestation":false}', "JSON-6", "Duplicate")
    for text in ('{"attestation":false,}', "", "{", "{}{}"):
        refuse(text, "POL-50", "Syntax")
    for text in ("[]", "null", '"{}"'):
        refuse(text, "JSON-11", "NoObject")
    refuse('{"x-":"' + "a" * 4090 + '"}', "POL-50", "Limit")


# ---- abi.call, abi.decode ----

WORD = "{:064x}".format
A, B = "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "fb6916095ca1df60bb79ce92ce3ea74c37c5d359"


def abi():
    def call(signature, selector, *arguments):
        data = selector + "".join(WORD(a) if isinstance(a, int) else "0" * 24 + a[2:] for a in arguments)
        add("abi.call", "accept", {"signature": signature, "arguments": [{"uint" if isinstance(a, int) else "address": a} for a in arguments]}, {"data": data}, spec="CHAIN-1", origin="deployed")

    # Selectors: the first bytes of Keccak-256, as every Ethereum library has them.
    call("transfer(address,uint256)", "a9059cbb", "0x" + A, 7)
    call("balanceOf(address)", "70a08231", "0x" + A)
    call("sessionAllowedMiners(uint256,address)", "33a67ff3", 101, "0x" + A)
    call("sessionEncryptionEnabled(uint256)", "db6ff671", 0)
    call("sessionEncryptionEnabled(uint256)", "db6ff671", MAX)
    call("getAllowedMinersCount(uint256)", "31120cb6", 101)
    call("getAllowedMiners(uint256,uint256,uint256)", "42c6bd81", 101, 0, 200)

    def decode(kind, data, value, most=None, spec="CHAIN-2"):
        add("abi.decode", "accept", {"type": kind, "data": data, **({} if most is None else {"max": most})}, {"value": value}, spec=spec, origin="deployed")

    def refuse(kind, data, spec, flag, most=None):
        add("abi.decode", flag.lower(), {"type": kind, "data": data, **({} if most is None else {"max": most})}, stage="parse", spec=spec, flags=[flag],
            origin="deployed" if spec == "CHAIN-2" else "pinf")

    def array(*miners, offset=32, count=None):
        return WORD(offset) + WORD(len(miners) if count is None else count) + "".join("0" * 24 + miner for miner in miners)

    for number, most in ((0, 0), (1, MAX), (MAX, MAX), (255, 255)):
        decode("uint", WORD(number), number, most)
    decode("bool", WORD(0), False)
    decode("bool", WORD(1), True)
    decode("address", WORD(0), "0x" + "0" * 40)
    decode("address", "0" * 24 + A, "0x" + A)
    decode("address[]", array(), [], 8, "CHAIN-5")
    decode("address[]", array(A, B), ["0x" + A, "0x" + B], 8, "CHAIN-5")
    decode("address[]", array(B, A), ["0x" + B, "0x" + A], 2, "CHAIN-5")
    for kind in ("uint", "bool", "address"):
        for data in ("", "0" * 62, "0" * 66, WORD(0) * 2):
            refuse(kind, data, "CHAIN-2", "Length", MAX if kind == "uint" else None)
    for number, most in ((1, 0), (256, 255), (MAX + 1, MAX), (2 ** 64, MAX), (2 ** 255, MAX), (2 ** 256 - 1, MAX)):
        refuse("uint", WORD(number), "CHAIN-3", "Range", most)
    for number in (2, 256, 2 ** 255):
        refuse("bool", WORD(number), "CHAIN-4", "NonCanonical")
    refuse("address", "01" + "0" * 22 + A, "CHAIN-4", "NonCanonical")
    refuse("address", "0" * 23 + "1" + A, "CHAIN-4", "NonCanonical")
    for data, flag in ((array(A, offset=64), "Offset"), (array(A, offset=0), "Offset"), (array(A, offset=2 ** 255 + 32), "Offset"), (array(A, B, count=3), "Count"),
                       (array(A, B, count=1), "Count"), (array(A, count=2 ** 64), "Count"), (array(A, count=2 ** 255), "Count"), (array(A) + "00", "Count"),
                       (array(A)[:-2], "Count"), (WORD(32), "Count"), ("", "Count"), (array(A, B, A), "Count")):
        refuse("address[]", data, "CHAIN-5", flag, 2)
    refuse("address[]", array(A)[:128] + "01" + array(A)[130:], "CHAIN-5", "Padding", 2)


ALL = (keyrings, policy_documents, abi)
