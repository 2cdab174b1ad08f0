# SPDX-License-Identifier: Apache-2.0
"""vectors_access.py -- signed requests, key grants, allowlists, policy."""
import json
import pathlib
import re

import independent as ind
import policy_tables
from vector import MAX, RESULT, SESSION, TASK, add, canonical, noise, text_of

POLICY = pathlib.Path(__file__).resolve().parents[2] / "spec" / "policy.md"


# ---- auth.verify ----

ROUTER = "0x028b1cd7749be707d478da450b1275baaa0f59bd"
SECRET = int.from_bytes(noise("wallet", 32), "big") % ind.N
IDENTITY = int.from_bytes(noise("identity", 32), "big") % ind.N
MINER_OF = ind.address(SECRET + 1)


def request(**change):
    return {"chain_id": 1, "contract": "0x00000000000000000000000000000000000000c1", "router": ROUTER, "method": "POST",
            "path": "/api/v3/reservations/101", "body": b"{}", "session": 101, "task": 0, "version": 0,
            "nonce": "000102030405060708090a0b0c0d0e0f", "expires": 1767225600000, **change}


def auth_header(r, scheme="eip712", signature=None, address=None):
    signature = signature or ind.sign(SECRET, ind.digest(r, scheme))
    return (f"Pinf scheme={scheme}, address={address or ind.address(SECRET)}, router={r['router']}, session={r['session']}, task={r['task']}, "
            f"version={r['version']}, nonce={r['nonce']}, expires={r['expires']}, signature=0x{signature.hex()}")


def auth(header, stage=None, spec="", flags=(), group=None, received=None, output=None):
    r = received or request()
    given = {"chain_id": r["chain_id"], "contract": r["contract"], "router": ROUTER, "method": r["method"], "path": r["path"],
             "body": r["body"].hex(), "authorization": header}
    add("auth.verify", group or ("accept" if stage is None else flags[0].lower()), given, output, stage=stage, spec=spec, flags=flags)


def auths():
    for scheme in ("eip712", "eip191"):
        for change in ({}, {"method": "GET", "body": b""}, {"task": 9001, "version": 3}, {"session": 0}, {"session": MAX, "task": MAX, "version": 2 ** 32 - 1},
                       {"path": "/api/v1/tasks/1?limit=5"}, {"chain_id": 421614}):
            r = request(**change)
            auth(auth_header(r, scheme), spec="AUTH-9" if scheme == "eip191" else "AUTH-10" if change == {} else "AUTH-3" if "chain_id" in change else "AUTH-4",
                 received=r,
                 output={"address": ind.address(SECRET), "session": r["session"], "task": r["task"], "version": r["version"], "expires": r["expires"]})
    good = request()
    for change in ({"method": "PUT"}, {"path": "/api/v3/reservations/102"}, {"path": "/api/v3/reservations/101?x=1"}, {"body": b"{} "}, {"body": b""},
                   {"chain_id": 2}, {"contract": "0x" + "00" * 20}):
        for scheme in ("eip712", "eip191"):
            auth(auth_header(good, scheme), "auth", "AUTH-6", ["Tampered"], received=request(**change))
    header = auth_header(good)
    for field, to in (("session=101", "session=102"), ("task=0", "task=1"), ("version=0", "version=1"), ("expires=1767225600000", "expires=1767225600001"),
                      ("nonce=0001", "nonce=0101"), ("scheme=eip712", "scheme=eip191")):
        auth(header.replace(field, to), "auth", "AUTH-4", ["Altered"])
    auth(header.replace(ROUTER, "0x" + "11" * 20), "auth", "AUTH-6", ["Router"])
    auth(auth_header(good, address=ind.address(SECRET + 1)), "auth", "AUTH-2", ["Signature"])
    signature = ind.sign(SECRET, ind.digest(good, "eip712"))
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    auth(auth_header(good, signature=r + (ind.N - s).to_bytes(32, "big") + bytes([55 - v])), "auth", "AUTH-2", ["Malleable"])
    for other in (r + s.to_bytes(32, "big") + bytes([v - 27]), r + s.to_bytes(32, "big") + b"\x1d", bytes(32) + signature[32:], r + bytes(32) + bytes([v]),
                  ind.N.to_bytes(32, "big") + signature[32:], bytes([r[0] ^ 1]) + signature[1:]):
        auth(auth_header(good, signature=other), "auth", "AUTH-2", ["Signature"])
    for change in ({"path": "/api/v1/a b"}, {"path": "/api/v1/a\tb"}, {"path": "/api/v1/é"}, {"method": "PO ST"}, {"path": ""}, {"method": "M" * 17},
                   {"path": "/" + "p" * 1024}):
        r = request(**change)
        auth(auth_header(r), "auth", "AUTH-5", ["Unprintable"], received=r)
    for text in ("", "Pinf", "pinf " + header[5:], "Bearer x", header + " ", header.replace(", ", ","), header.replace(", ", ",  ", 1), header.replace("=101", "=0101"),
                 header.replace("=101", "=+101"), header.replace("scheme=eip712, ", ""), header + ", x=1", header.replace("eip712", "eip713"),
                 header.replace(ind.address(SECRET), ind.address(SECRET).upper().replace("0X", "0x")), header[:-1], header.replace("session=101, task=0", "task=0, session=101")):
        auth(text, "auth", "AUTH-11", ["Syntax"])
    for field, to in (("session=101", f"session={MAX + 1}"), ("task=0", f"task={MAX + 1}"), ("version=0", "version=4294967296"), ("expires=1767225600000", f"expires={MAX + 1}")):
        auth(header.replace(field, to), "auth", "AUTH-11", ["Range"])


# ---- result.verify, checkpoint.verify ----

def results():
    base = {"chain_id": 1, "contract": request()["contract"], "router": ROUTER, "miner": ind.address(SECRET), "session": 101, "task": 9001, "attempt": 2,
            "epoch": 5, "input_sha256": noise("input", 32).hex(), "result_urn": "urn:blob:1:fs:main:prompts:f", "result_sha256": noise("result", 32).hex(),
            "key_version": 3}

    def result(claim, stage=None, spec="AUTH-13", flags=(), of=None, group=None):
        signed_of = of or claim
        fields = (ind.RESULT, int(signed_of["router"], 16), signed_of["session"], signed_of["task"], signed_of["attempt"], signed_of["epoch"],
                  bytes.fromhex(signed_of["input_sha256"]), signed_of["result_urn"], bytes.fromhex(signed_of["result_sha256"]), signed_of["key_version"])
        signature = ind.sign(SECRET, ind.typed(signed_of["chain_id"], signed_of["contract"], fields))
        add("result.verify", group or ("accept" if stage is None else flags[0].lower()), {**claim, "signature": "0x" + signature.hex()}, {}, stage=stage,
            spec=spec, flags=flags)

    for change in ({}, {"result_urn": ""}, {"key_version": 0}, {"session": MAX, "task": MAX, "attempt": 2 ** 32 - 1, "epoch": MAX}):
        result({**base, **change})
    for name, value in (("chain_id", 2), ("contract", "0x" + "00" * 20), ("router", MINER_OF), ("miner", MINER_OF), ("session", 102), ("task", 9002),
                        ("attempt", 3), ("epoch", 6), ("input_sha256", noise("x", 32).hex()), ("result_urn", ""), ("result_urn", "urn:blob:1:fs:main:prompts:g"),
                        ("result_sha256", noise("x", 32).hex()), ("key_version", 4)):
        result({**base, name: value}, "auth", flags=["Altered"], of=base)


def checkpoints():
    base = {"chain_id": 1, "contract": request()["contract"], "router": ind.address(IDENTITY), "seq": 12, "head": noise("head", 32).hex()}

    def checkpoint(given, of=None, stage=None, flags=(), identity=IDENTITY):
        of = of or given
        fields = (ind.CHECKPOINT, int(of["router"], 16), of["seq"], bytes.fromhex(of["head"]))
        signature = ind.sign(identity, ind.typed(of["chain_id"], of["contract"], fields))
        add("checkpoint.verify", "accept" if stage is None else flags[0].lower(), {**given, "signature": "0x" + signature.hex()}, {}, stage=stage,
            spec="AUTH-14", flags=flags)

    checkpoint(base)
    checkpoint({**base, "seq": MAX})
    for name, value in (("seq", 13), ("head", noise("x", 32).hex()), ("chain_id", 2), ("contract", "0x" + "00" * 20), ("router", MINER_OF)):
        checkpoint({**base, name: value}, base, "auth", ["Altered"])
    checkpoint(base, stage="auth", flags=["Forged"], identity=IDENTITY + 1)


# ---- grant.open ----

RECIPIENT = noise("recipient", 32)
PUBLIC = ind.x25519(RECIPIENT, ind.BASE)
DIGEST = noise("request digest", 32)
GRANT_KEY = noise("granted key", 32)
EXPIRES = 1767225600000


def grant_of(scope=TASK, recipient=PUBLIC, identity=IDENTITY, info_digest=DIGEST, **change):
    """A grant as it travels; what info_digest seals and the field says may differ."""
    grant = {"audit_head": noise("head", 32).hex(), "audit_seq": 12, "expires_ms": EXPIRES, "key_version": 3, "request_digest": DIGEST.hex(),
             "scope": ind.scope_bytes(scope).hex(), **change}
    info = (b"pinf/grant/1" + info_digest + bytes.fromhex(grant["scope"]) + grant["key_version"].to_bytes(4, "big")
            + grant["expires_ms"].to_bytes(8, "big"))
    enc, sealed = ind.hpke_seal(recipient, info, GRANT_KEY, noise("ephemeral", 32))
    grant.update(enc=enc.hex(), sealed_key=sealed.hex())
    return signed(grant, identity)


def signed(grant, identity=IDENTITY, chain_id=1):
    grant = {name: value for name, value in grant.items() if name != "signature"}
    return {**grant, "signature": "0x" + ind.sign(identity, ind.grant_digest(grant, chain_id, request()["contract"])).hex()}


def grant(value, stage=None, spec="GRANT-7", flags=(), scope=TASK, now_ms=EXPIRES - 1000, group=None, text=None):
    given = {"chain_id": 1, "contract": request()["contract"], "router": ind.address(IDENTITY), "request_digest": DIGEST.hex(), "now_ms": now_ms,
             "secret": RECIPIENT.hex(), "public": PUBLIC.hex(), "scope": scope, "grant": text_of(text if text is not None else canonical(value))}
    add("grant.open", group or ("accept" if stage is None else flags[0].lower()), given, {"key": GRANT_KEY.hex()}, stage=stage, spec=spec, flags=flags)


def grants():
    good = grant_of()
    grant(good, spec="GRANT-4")
    grant(grant_of(RESULT), spec="GRANT-4", scope=RESULT)
    grant(grant_of(SESSION), spec="GRANT-4", scope=SESSION)
    grant(grant_of(key_version=2 ** 32 - 1, audit_seq=MAX), spec="GRANT-6")
    grant({**good, "x-note": 1}, spec="GRANT-6")
    grant(None, spec="GRANT-6", text=json.dumps(good, indent=1))
    grant(good, now_ms=EXPIRES - 1)
    grant(grant_of(identity=IDENTITY + 1), "auth", flags=["Forged"])
    grant(signed(good, chain_id=2), "auth", flags=["Forged"])
    for name, value in (("enc", noise("another", 32).hex()), ("sealed_key", noise("another", 48).hex()), ("expires_ms", EXPIRES + 1), ("key_version", 4),
                        ("audit_seq", 13), ("audit_head", noise("another", 32).hex()), ("scope", ind.scope_bytes({**TASK, "task": 5}).hex()),
                        ("request_digest", noise("another", 32).hex())):
        grant({**good, name: value}, "auth", "GRANT-5", ["Altered"])
    grant(grant_of(request_digest=noise("another", 32).hex(), info_digest=noise("another", 32)), "auth", flags=["Replay"])
    for scope in ({**TASK, "task": 5}, {**TASK, "session": 102}, {**TASK, "instance": "ff" * 16}, SESSION, RESULT):
        grant(grant_of(scope), "scope", flags=["WrongScope"])
    for now_ms in (EXPIRES, EXPIRES + 1, MAX):
        grant(good, "auth", flags=["Expired"], now_ms=now_ms)
    grant(grant_of(recipient=ind.x25519(noise("somebody", 32), ind.BASE)), "auth", flags=["WrongKey"])
    grant(grant_of(info_digest=noise("another", 32)), "auth", "GRANT-4", ["WrongInfo"])
    for change in ({"enc": "00" * 32}, {"sealed_key": good["sealed_key"][:-2] + ("00" if good["sealed_key"][-2:] != "00" else "01")}):
        grant(signed({**good, **change}), "auth", flags=["HpkeOpen"])
    for name in sorted(good):
        grant({key: value for key, value in good.items() if key != name}, "parse", "GRANT-6", ["Missing"])
    for name, value in (("enc", good["enc"].upper()), ("enc", good["enc"][:-2]), ("sealed_key", good["sealed_key"] + "00"), ("audit_head", 5), ("key_version", 0),
                        ("key_version", 2 ** 32), ("expires_ms", MAX + 1), ("signature", good["signature"][2:]), ("note", 1), ("audit_seq", "12")):
        grant({**good, name: value}, "parse", "GRANT-6", ["Field"])


# ---- allowlist.parse ----

A, B, C = ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB")


def allowlists():
    def allowed(text, entries=None, spec="ALLOW-1", flags=()):
        text = re.sub(r"\b[ABC]\b", lambda name: {"A": A, "B": B, "C": C}[name[0]], text)
        sort = sorted(({"miner": miner.lower(), "session": session, "task": task} for session, task, miner in entries or ()),
                      key=lambda e: (e["session"], e["task"], e["miner"]))
        add("allowlist.parse", "accept" if entries else flags[0].lower(), {"text": text_of(text)}, {"entries": sort},
            stage=None if entries else "parse", spec=spec, flags=flags)

    allowed("101:A,B;101-9001:C;202:A", [(101, 0, A), (101, 0, B), (101, 9001, C), (202, 0, A)])
    allowed(" 202 : A , B ; 101:C ; ", [(202, 0, A), (202, 0, B), (101, 0, C)], "ALLOW-2")
    allowed("101:A;", [(101, 0, A)], "ALLOW-2")
    allowed("9007199254740991:A", [(MAX, 0, A)], "ALLOW-3")
    allowed("1-9007199254740991:A", [(1, MAX, A)], "ALLOW-3")
    allowed("101:" + A.lower(), [(101, 0, A)], "ALLOW-4")
    allowed("101:0x" + A[2:].upper(), [(101, 0, A)], "ALLOW-4")
    allowed("101:A;202:A", [(101, 0, A), (202, 0, A)], "ALLOW-7")
    allowed("101:A;101-1:A", [(101, 0, A), (101, 1, A)], "ALLOW-9")
    for text in ("", "   ", "101:", "101: ;202:A", "101:,A", ";"):
        allowed(text, spec="ALLOW-5" if text != ";" and "," not in text else "ALLOW-6", flags=["Missing"])
    for text in ("101", "101 A", "101;202:A", "x:A", "101-:A", "101 - 9001:A", "101-9001-1:A", "-5:A", "101:A B", "101\t:A", "101:A\n", "101=A"):
        allowed(text, spec="ALLOW-2", flags=["Syntax"])
    for text in ("0101:A", "0:A", "101-0:A", "9007199254740992:A", "101-18446744073709551617:A", "00:A"):
        allowed(text, spec="ALLOW-3", flags=["Id"])
    for text in ("101:A:B", "101:0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "101:0xaa", "101:A,bob", "101:0X" + A[2:].lower(), "101:" + A.lower() + "00"):
        allowed(text, spec="JSON-17" if len(text) == 46 else "ALLOW-4", flags=["Address"])
    for text in ("101:A,", "101:A,,B", "101:A,;", "101:A;;", "101:A;,B", ";101:A"):
        allowed(text, spec="ALLOW-6", flags=["NonCanonical"])
    for text in ("101:A,B,A", "101:A;202:B;101:C", "101-9001:A;101-9001:A", "101:A,A;101:B"):
        allowed(text, spec="ALLOW-7", flags=["Duplicate"])


# ---- policy.decide ----

ALLOWED = {"submit": "POL-30", "read": "POL-30", "claim": "POL-31", "accept": "POL-31", "issue-input": "POL-32", "issue-result": "POL-32",
           "administer": "POL-33"}


def policies():
    for facts, rule in policy_tables.cases(POLICY):
        if rule is None:
            add("policy.decide", "allow", facts, {"decision": "allow"}, spec=ALLOWED[facts["action"]])
        else:
            add("policy.decide", rule[1], facts, stage="policy", spec=rule[0], rule=rule[1],
                flags=["".join(word.capitalize() for word in rule[1].split("-"))])
    for facts, rule in policy_tables.contested(POLICY):
        add("policy.decide", "first-rule", facts, stage="policy", spec="POL-2", rule=rule[1], flags=["FirstRule"])


ALL = (auths, results, checkpoints, grants, allowlists, policies)
