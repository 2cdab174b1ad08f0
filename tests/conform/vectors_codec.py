# SPDX-License-Identifier: Apache-2.0
"""vectors_codec.py -- URNs, JSON, scopes, keys, blobs, payload metadata, documents."""
import base64
import copy
import hashlib
import json

import independent as ind
from vector import MAX, MINER, RESULT, SESSION, TASK, add, canonical, noise, text_of


# ---- urn.parse ----

def urn(text, *fields, spec="URN-9", canonical=None, group="accept", flags=()):
    names = ("version", "storage_type", "provider", "bucket", "file_name")
    add("urn.parse", group, {"text": text_of(text)},
        {"canonical": canonical or text, **dict(zip(names, fields))}, spec=spec, flags=flags)


def urns():
    urn("urn:blob:1:fs:main:prompts:f", "1", "fs", "main", "prompts", "f", spec="URN-1")
    urn("urn:blob:1:never-heard-of:p:b:f", "1", "never-heard-of", "p", "b", "f", spec="URN-8")
    urn("URN:BLOB:1:fs:p:b:f", "1", "fs", "p", "b", "f", spec="URN-2", canonical="urn:blob:1:fs:p:b:f", flags=["NonCanonical"])
    urn("uRn:bLoB:1:FS:P:B:F", "1", "FS", "P", "B", "F", spec="URN-2", canonical="urn:blob:1:FS:P:B:F", flags=["NonCanonical"])
    urn("urn:blob:1:%66s:main:a%3ab:dir/f%2d1.bin", "1", "fs", "main", "a%3Ab", "dir/f-1.bin", spec="URN-9",
        canonical="urn:blob:1:fs:main:a%3Ab:dir/f-1.bin", flags=["NonCanonical"])
    urn("urn:blob:1:fs:p:b:..", "1", "fs", "p", "b", "..", spec="URN-4")
    urn("urn:blob:1:fs:p:b:a/../b", "1", "fs", "p", "b", "a/../b", spec="URN-4")
    urn("urn:blob:1:fs:p:b:%C3%A9", "1", "fs", "p", "b", "%C3%A9", spec="URN-5")
    urn("urn:blob:1:fs:p:b:%c3%a9", "1", "fs", "p", "b", "%C3%A9", spec="URN-9", canonical="urn:blob:1:fs:p:b:%C3%A9", flags=["NonCanonical"])
    urn("urn:blob:1:fs:p:b:%f0%9f%98%80", "1", "fs", "p", "b", "%F0%9F%98%80", spec="URN-5",
        canonical="urn:blob:1:fs:p:b:%F0%9F%98%80", flags=["NonCanonical"])
    urn("urn:blob:1:fs:p:b:%40", "1", "fs", "p", "b", "%40", spec="URN-10")
    urn("urn:blob:1:fs:p:b:@", "1", "fs", "p", "b", "@", spec="URN-10")
    urn("urn:blob:1:fs:p:b:%2F", "1", "fs", "p", "b", "%2F", spec="URN-10")
    urn("urn:blob:1:fs:p:b:!$&'()*+,;=", "1", "fs", "p", "b", "!$&'()*+,;=", spec="URN-3")
    urn("urn:blob:1:fs:p:b:-._~", "1", "fs", "p", "b", "-._~", spec="URN-3")
    urn("urn:blob:1:fs:p:b:" + "x" * 255, "1", "fs", "p", "b", "x" * 255, spec="URN-3", group="limits")
    urn("urn:blob:1:fs:p:" + "b" * 240 + ":" + "x" * 255, "1", "fs", "p", "b" * 240, "x" * 255, spec="URN-2", group="limits",
        flags=["Limit"])
    for text in ("", "urn:blob:", "urn:blob", "blob:1:fs:p:b:f", "urn:blobs:1:fs:p:b:f", " urn:blob:1:fs:p:b:f",
                 "urn:blob:1:fs:p:b:f ", "urn:blob:1:fs:p:b:f\n", "urn:blob:1:fs:p:b:f?x", "urn:blob:1:fs:p:b:f#frag"):
        add("urn.parse", "syntax", {"text": text_of(text)}, stage="urn", spec="URN-2", flags=["Syntax"])
    for text in ("urn:blob:1:fs:p:b:%", "urn:blob:1:fs:p:b:%4", "urn:blob:1:fs:p:b:%4g", "urn:blob:1:fs:p:b:a b",
                 "urn:blob:1:fs:p:b:a\tb", "urn:blob:1:fs:p:b:a\"b", "urn:blob:1:fs:p:b:a\\b", "urn:blob:1:fs:p:b:a|b",
                 "urn:blob:1:fs:p:b:a<b", "urn:blob:1:fs:p:b:a^b", "urn:blob:1:fs:p:b:a`b", "urn:blob:1:fs:p:b:[a]",
                 "urn:blob:1:fs:p:b:{a}", "urn:blob:1:fs:p:b:a\x7fb"):
        add("urn.parse", "octets", {"text": text_of(text)}, stage="urn", spec="URN-3", flags=["Octets"])
    for tail in (b"%00", b"a%00b", b"%C3", b"%ED%A0%80", b"%C0%AF", b"%F4%90%80%80", b"%FF", b"%80", b"%C3%28", b"%E2%82"):
        add("urn.parse", "utf8", {"text": text_of(b"urn:blob:1:fs:p:b:" + tail)}, stage="urn", spec="URN-5", flags=["Utf8"])
    for tail in ("é", "x\0y"):
        add("urn.parse", "utf8", {"text": text_of("urn:blob:1:fs:p:b:" + tail)}, stage="urn", spec="URN-3", flags=["Utf8"])
    for text in ("urn:blob:2:anything", "urn:blob:0:fs:p:b:f", "urn:blob:01:fs:p:b:f", "urn:blob:v1:fs:p:b:f", "urn:blob:2:fs:p:b:f"):
        add("urn.parse", "version", {"text": text_of(text)}, stage="urn", spec="URN-7", flags=["UnknownVersion"])
    for text in ("urn:blob:1", "urn:blob:1:fs", "urn:blob:1:fs:p", "urn:blob:1:fs:p:b", "urn:blob:1:fs:p:b:f:g", "urn:blob:1:fs:p:b:f:"):
        add("urn.parse", "fields", {"text": text_of(text)}, stage="urn", spec="URN-6", flags=["FieldCount"])
    for text in ("urn:blob::fs:p:b:f", "urn:blob:1::p:b:f", "urn:blob:1:fs::b:f", "urn:blob:1:fs:p::f", "urn:blob:1:fs:p:b:",
                 "urn:blob:%31:fs:p:b:f", "urn:blob:A:fs:p:b:f"):
        add("urn.parse", "empty", {"text": text_of(text)}, stage="urn", spec="URN-6", flags=["Empty"])
    for text in ("urn:blob:1:fs:p:b:" + "x" * 256, "urn:blob:1:fs:p:" + "b" * 256 + ":f", "urn:blob:1:fs:p:" + "b" * 241 + ":" + "x" * 255,
                 "urn:blob:1:fs:p:b:" + "%78" * 86):
        add("urn.parse", "length", {"text": text_of(text)}, stage="urn", spec="URN-2", flags=["Limit"])


# ---- urn.make ----

def made_urns():
    names = ("storage_type", "provider", "bucket", "file_name")

    def quoted(field):
        return "".join(chr(b) if chr(b).isalnum() and b < 128 or chr(b) in "-._~" else f"%{b:02X}" for b in field.encode())

    def make(*fields, stage=None, spec="URN-12", flags=()):
        text = ":".join(["urn:blob:1", *map(quoted, fields)])
        add("urn.make", "accept" if stage is None else "refuse", dict(zip(names, fields)), {"canonical": text}, stage=stage, spec=spec, flags=flags)

    for fields in (("fs", "main", "prompts", "f"), ("fs", "my host", "a:b", "dir/été 100%.txt"), ("fs", "p", "b", "@"), ("fs", "p", "b", "a+b&c=d"),
                   ("fs", "p", "b", "-._~"), ("fs", "p", "b", "😀"), ("fs", "p", "b", ".."), ("fs", "p", "b", "%41"), ("fs", "p", "b", "x" * 255),
                   ("fs", "p", "b", "é" * 42), ("s3", "p", "b", "\u0001\n")):
        make(*fields)
    for fields in (("", "p", "b", "f"), ("fs", "", "b", "f"), ("fs", "p", "", "f"), ("fs", "p", "b", "")):
        make(*fields, stage="urn", spec="URN-3", flags=["Empty"])
    for fields in (("fs", "p", "b", "x" * 256), ("fs", "p", "b", "é" * 43), ("fs", "p", "b" * 250, "x" * 250)):
        make(*fields, stage="urn", spec="URN-2", flags=["Limit"])


# ---- json.check ----

def jsons():
    good = [("{}", "JSON-1"), ("[]", "JSON-1"), (" \t\r\n{ } ", "JSON-1"), ("null", "JSON-1"), ("true", "JSON-1"), ('""', "JSON-1"),
            ('{"a":[1,-2.5e3,"\\u00e9\\ud83d\\ude00"],"x-b":null}', "JSON-3"), ("0", "JSON-2"), ("-0", "JSON-2"), ("-0.0e-0", "JSON-2"),
            ("1E+2", "JSON-2"), ('"\\"\\\\\\/\\b\\f\\n\\r\\t"', "JSON-3"), ('{"a":1,"A":2}', "JSON-6"), ('"é€😀"', "JSON-5"), ('"\u007f"', "JSON-3")]
    for text, spec in good:
        add("json.check", "accept", {"text": text_of(text)}, {}, spec=spec)
    def zeros(count):
        return {"head": text_of("["), "repeat": text_of("0,"), "count": count - 1, "tail": text_of("0]")}

    edges = [text_of("[" * 16 + "]" * 16), text_of('{"' + "n" * 128 + '":1}'), text_of("1" * 32), zeros(65535),
             text_of("{" + ",".join(f'"{i}":0' for i in range(128)) + "}")]
    for text in edges:
        add("json.check", "limits", {"text": text}, {}, spec="JSON-7", flags=["Limit"])
    over = [text_of("[" * 17 + "]" * 17), text_of('{"' + "n" * 129 + '":1}'), text_of("1" * 33), zeros(65536),
            text_of("{" + ",".join(f'"{i}":0' for i in range(129)) + "}")]
    for text in over:
        add("json.check", "over", {"text": text}, stage="parse", spec="JSON-7", flags=["Limit"])
    bad = {"JSON-1": ["", " ", "{", "}", "[1,]", "[,1]", '{"a":1,}', '{"a"}', "{a:1}", "[1 2]", "{} {}", "// x\n1", "\ufeff1", "1\0", "True"],
           "JSON-2": ["01", "-01", "+1", ".5", "1.", "1e", "1e+", "-", "0x10", "NaN", "Infinity", "-Infinity", "1_000", "1.e1", "--1"],
           "JSON-3": ['"\n"', '"\t"', '"\x01"', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\ud800"', '"\\udc00"', '"\\ud800\\ud800"', '"\\ud800x"',
                      '"', '"a', "'a'", '"\\', '"\\U0041"'],
           "JSON-4": ['"\\u0000"', '"a\\u0000"', '{"\\u0000":1}', '{"a\\u0000b":1}'],
           "JSON-6": ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"a":1,"b":{"c":1,"c":1}}', '[{"":1,"":2}]', '{"\\ud83d\\ude00":1,"😀":2}']}
    flags = {"JSON-1": "Syntax", "JSON-2": "Number", "JSON-3": "String", "JSON-4": "Nul", "JSON-6": "Duplicate"}
    for spec, texts in bad.items():
        for text in texts:
            add("json.check", flags[spec].lower(), {"text": text_of(text)}, stage="parse", spec=spec, flags=[flags[spec]])
    for raw in (b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xc3"', b'"\xe2\x82"', b'"\x80"', b"\xc3\xa9", b'{"\xff":1}',
                b'"\xf8\x88\x80\x80\x80"', b"[\xa0]"):
        add("json.check", "utf8", {"text": text_of(raw)}, stage="parse", spec="JSON-5", flags=["Utf8"])


# ---- scope.encode, scope.decode, key.derive ----

def scopes():
    good = [SESSION, TASK, RESULT, {**TASK, "session": 1, "task": 1}, {**TASK, "session": MAX, "task": MAX}, {**SESSION, "instance": "00" * 16},
            {**RESULT, "attempt": 1}, {**RESULT, "attempt": 2 ** 32 - 1}, {**RESULT, "miner": "0x" + "ff" * 20}]
    for scope in good:
        encoded = ind.scope_bytes(scope).hex()
        add("scope.encode", "accept", {"scope": scope}, {"encoded": encoded}, spec="SCOPE-1")
        add("scope.decode", "accept", {"encoded": encoded}, {"scope": scope}, spec="SCOPE-5")
    wrong = [({**SESSION, "purpose": "result", "attempt": 1, "miner": MINER}, "SCOPE-3"), ({**RESULT, "attempt": 0}, "SCOPE-3"),
             ({**RESULT, "miner": "0x" + "00" * 20}, "SCOPE-3"), ({**TASK, "session": 0}, "SCOPE-4"), ({**TASK, "task": 0}, "SCOPE-4"),
             ({**SESSION, "session": 0}, "SCOPE-4"), ({**TASK, "attempt": 1}, "SCOPE-3"), ({**TASK, "miner": MINER}, "SCOPE-3"),
             ({**SESSION, "task": 5}, "SCOPE-3"), ({**TASK, "session": MAX + 1}, "SCOPE-4"), ({**TASK, "task": MAX + 1}, "SCOPE-4")]
    for scope, spec in wrong:
        add("scope.encode", "invalid", {"scope": scope}, stage="scope", spec=spec, flags=["Scope"])
    task, result = ind.scope_bytes(TASK), ind.scope_bytes(RESULT)
    for raw in (b"", task[:33], task + b"\0", result[:57], result + b"\0", result[:34], task + result[34:]):
        add("scope.decode", "length", {"encoded": raw.hex()}, stage="scope", spec="SCOPE-2", flags=["Length"])
    for at, value in ((0, 0), (0, 3), (0, 255), (1, 0), (1, 3), (1, 255)):
        add("scope.decode", "unknown", {"encoded": (task[:at] + bytes([value]) + task[at + 1:]).hex()}, stage="scope",
            spec="SCOPE-3" if at == 0 else "SCOPE-2", flags=["Scope"])
    for raw, spec in ((b"\1" + result[1:], "SCOPE-3"), (b"\1" + task[1:], "SCOPE-3"), (result[:34] + bytes(4) + result[38:], "SCOPE-3"),
                      (result[:38] + bytes(20), "SCOPE-3"), (task[:2] + bytes(8) + task[10:], "SCOPE-4"),
                      (task[:2] + b"\x00\x20" + bytes(6) + task[10:], "SCOPE-4"), (task[:2] + b"\xff" * 8 + task[10:], "SCOPE-4"),
                      (task[:10] + bytes(8) + task[18:], "SCOPE-4"), (task[:10] + b"\x80" + bytes(7) + task[18:], "SCOPE-4")):
        add("scope.decode", "range", {"encoded": raw.hex()}, stage="scope", spec=spec, flags=["Scope"])


def derive_input(scope, label="a", version=3, chain_id=8453, length=32):
    return {"seed": noise("seed " + label, length).hex(), "chain_id": chain_id,
            "contract": "0x00112233445566778899aabbccddeeff00112233", "key_version": version, "scope": scope}


def derivations():
    cases = [(SESSION, {}), (TASK, {}), (RESULT, {}), (TASK, {"version": 1}), (TASK, {"version": 4096}), (TASK, {"chain_id": 0}),
             (TASK, {"chain_id": MAX}), (TASK, {"length": 64}), (TASK, {"label": "b"}), ({**TASK, "session": 102}, {}),
             ({**TASK, "task": 9002}, {}), ({**TASK, "instance": "ff" * 16}, {}), ({**RESULT, "attempt": 3}, {}),
             ({**RESULT, "miner": "0x" + "ab" * 20}, {}), (TASK, {"version": 5})]
    for scope, change in cases:
        given = derive_input(scope, **change)
        key = ind.derive(bytes.fromhex(given["seed"]), given["chain_id"], bytes.fromhex(given["contract"][2:]), given["key_version"], scope)
        add("key.derive", "accept", given, {"key": key.hex()}, spec="KEY-6" if scope["purpose"] == "result" else "KEY-5")
    for scope in ({**RESULT, "attempt": 0}, {**TASK, "session": 0}, {**SESSION, "purpose": "result", "attempt": 1, "miner": MINER}):
        add("key.derive", "scope", derive_input(scope), stage="scope", spec="KEY-7", flags=["Scope"])


# ---- seed.import ----

def seeds():
    def seed(text, raw=None, spec="KEY-2", flags=()):
        fingerprint = None if raw is None else ind.fingerprint(raw).hex()
        add("seed.import", "accept" if raw is not None else flags[0].lower(), {"text": text_of(text)}, {"fingerprint": fingerprint, "seed": raw.hex() if raw else ""},
            stage=None if raw is not None else "parse", spec=spec, flags=flags)

    for length in (32, 33, 48, 64):
        raw = noise(f"seed of {length}", length)
        seed(raw.hex(), raw, "KEY-4")
        seed(base64.b64encode(raw).decode(), raw)
    raw = noise("seed", 32)
    seed(raw.hex().upper(), raw)
    for text in ("", raw.hex()[:62], raw.hex() + "0", raw.hex() + noise("x", 33).hex(), " " + raw.hex(), raw.hex() + "\n", "0x" + raw.hex(),
                 base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(b"\xfb\xff" + raw[2:]).decode(), "not a seed at all, but a passphrase of some length"):
        seed(text, spec="KEY-2", flags=["Form"])
    for weak in (bytes(32), b"\xff" * 32, bytes(range(32)), bytes(range(31, -1, -1)), b"ab" * 16, raw[:16] * 2, bytes([1, 2, 3, 5, 8, 13, 21, 34] * 4),
                 bytes(i * 7 % 256 for i in range(32)), b"correct horse battery staple 123", raw[:8] * 4, (b"0123456789abcde" * 3)[:32]):
        seed(weak.hex(), spec="KEY-3", flags=["Weak"])


# ---- blob.seal, blob.open ----

KEY = noise("scope key", 32)
SALT = bytes(range(0x80, 0xa0))


def params(suite=1, padded=False, chunk_log2=16, key_version=3, scope=TASK):
    return {"suite": suite, "padded": padded, "chunk_log2": chunk_log2, "key_version": key_version, "scope": scope}


SUITE_NAMES = {1: "aes-256-gcm", 2: "chacha20-poly1305"}


def pattern(length):
    return bytes(7 * i % 256 for i in range(length))


def recipe(data):
    """Long plaintexts by their rule: what repeats is written once."""
    if len(data) <= 600:
        return data.hex()
    count = len(data) // 256
    return {"head": "", "repeat": pattern(256).hex(), "count": count, "tail": data[256 * count:].hex()}


def seal_vectors():
    plains = [b"", b"x", b"hello, miner", pattern(252), pattern(253), pattern(256), pattern(269), pattern(4092), pattern(4096), pattern(4097),
              pattern(8184), pattern(8185), pattern(9000)]
    for suite in (1, 2):
        for padded in (False, True):
            for plain in plains:
                p = params(suite, padded, 12, scope=RESULT if len(plain) % 2 else TASK)
                blob = ind.seal(p, KEY, SALT, plain)
                given = {"suite": SUITE_NAMES[suite], "padded": padded, "chunk_log2": 12, "key_version": 3, "scope": p["scope"],
                         "key": KEY.hex(), "salt": SALT.hex(), "plain": recipe(plain)}
                add("blob.seal", f"{SUITE_NAMES[suite]}-{'padded' if padded else 'plain'}", given,
                    {"length": len(blob), "sha256": hashlib.sha256(blob).hexdigest()}, spec="BLOB-21" if padded else "BLOB-7")
    big = pattern(261889)
    for suite in (1, 2):
        blob = ind.seal(params(suite, True, 16), KEY, SALT, big)
        add("blob.seal", "large", {"suite": SUITE_NAMES[suite], "padded": True, "chunk_log2": 16, "key_version": 3, "scope": TASK,
                                   "key": KEY.hex(), "salt": SALT.hex(), "plain": recipe(big)},
            {"length": len(blob), "sha256": hashlib.sha256(blob).hexdigest()}, spec="BLOB-22" if suite == 1 else "BLOB-30", flags=["Large"])


def opens(group, blob, plain=None, stage=None, spec="", flags=(), key=KEY, scope=TASK, note=""):
    given = {"key": key.hex(), "blob": blob.hex()}
    if scope is not None:
        given["scope"] = scope
    add("blob.open", group, given, None if plain is None else {"length": len(plain), "sha256": hashlib.sha256(plain).hexdigest()},
        stage=stage, spec=spec, flags=flags, note=note)


def open_vectors():
    text = b"hello, miner"
    for suite in (1, 2):
        for padded in (False, True):
            for plain in (b"", text, pattern(5000), pattern(9000)):
                opens("accept", ind.seal(params(suite, padded, 12), KEY, SALT, plain), plain, spec="BLOB-5")
    opens("accept", ind.seal(params(scope=RESULT), KEY, SALT, text), text, spec="BLOB-2", scope=RESULT)
    opens("accept", ind.seal(params(scope=SESSION), KEY, SALT, text), text, spec="BLOB-3", scope=None)
    good = ind.seal(params(2, True, 12), KEY, SALT, pattern(9000))
    gcm = ind.seal(params(1, False, 12), KEY, SALT, pattern(9000))
    short = ind.seal(params(), KEY, SALT, text)
    for at in range(4):
        opens("magic", short[:at] + bytes([short[at] ^ 0x20]) + short[at + 1:], stage="payload", spec="BLOB-3", flags=["Magic"])
    opens("magic", b"", stage="payload", spec="BLOB-3", flags=["Empty"])
    for value in (0, 2, 255):
        opens("version", short[:4] + bytes([value]) + short[5:], stage="version", spec="BLOB-3", flags=["UnknownVersion"])
    for value in (0, 3, 255):
        opens("suite", short[:5] + bytes([value]) + short[6:], stage="version", spec="BLOB-3", flags=["UnknownSuite"])
    for at, value in ((6, 2), (6, 0x80), (7, 11), (7, 21), (11, 0)):
        opens("header", short[:at] + bytes([value]) + short[at + 1:], stage="payload", spec="BLOB-1", flags=["Header"])
    for at, value in ((12, 0), (12, 3), (13, 3), (46, 1), (69, 1), (21, 0)):
        changed = short[:at] + bytes([value]) + short[at + 1:]
        if at == 21:
            changed = short[:14] + bytes(8) + short[22:]
        opens("header", changed, stage="payload", spec="BLOB-2", flags=["Header"])
    for scope in ({**TASK, "session": 102}, {**TASK, "task": 9002}, {**TASK, "instance": "ff" * 16}, SESSION, RESULT):
        opens("wrong-scope", short, stage="scope", spec="BLOB-3", flags=["WrongScope"], scope=scope)
    result = ind.seal(params(scope=RESULT), KEY, SALT, text)
    for scope in ({**RESULT, "attempt": 3}, {**RESULT, "miner": "0x" + "ab" * 20}, TASK):
        opens("wrong-scope", result, stage="scope", spec="BLOB-3", flags=["WrongScope"], scope=scope)
    for at in (70, 101, 102, 133):
        opens("commitment", short[:at] + bytes([short[at] ^ 1]) + short[at + 1:], stage="payload", spec="BLOB-6", flags=["Commitment"])
    opens("commitment", short, stage="payload", spec="BLOB-6", flags=["WrongKey"], key=noise("another key", 32))
    for at, bit in ((8, 1), (11, 4)):
        opens("commitment", short[:at] + bytes([short[at] ^ bit]) + short[at + 1:], stage="payload", spec="BLOB-5", flags=["Downgrade"],
              note="another key version in the header: every bit of it is bound")
    opens("commitment", short[:5] + b"\2" + short[6:], stage="payload", spec="BLOB-5", flags=["Downgrade"], note="the other suite")
    opens("commitment", short[:6] + b"\1" + short[7:], stage="payload", spec="BLOB-5", flags=["Downgrade"], note="said to be padded")
    opens("commitment", short[:7] + b"\x0f" + short[8:], stage="payload", spec="BLOB-5", flags=["Downgrade"], note="another chunk size")
    for length in (1, 4, 5, 69, 133, 134, 149):
        opens("truncated", short[:length], stage="payload", spec="BLOB-3", flags=["Truncation"])
    c = 4096 + 16
    for blob in (good[:134 + c], good[:134 + 2 * c], gcm[:134 + c], gcm[:134 + 2 * c], good[:-1], gcm[:-1], good[:-16], gcm[:-16]):
        opens("truncated", blob, stage="payload", spec="BLOB-11", flags=["Truncation", "PartialPlaintext"])
    for blob in (good + b"\0", gcm + b"\0", gcm + gcm[134:134 + c], short + bytes(16), short + short[134:]):
        opens("extended", blob, stage="payload", spec="BLOB-7", flags=["Extension"])
    for blob in (good, gcm):
        one, two, rest = blob[134:134 + c], blob[134 + c:134 + 2 * c], blob[134 + 2 * c:]
        opens("reordered", blob[:134] + two + one + rest, stage="payload", spec="BLOB-10", flags=["ChunkReorder"])
        opens("reordered", blob[:134] + one + one + rest, stage="payload", spec="BLOB-7", flags=["ChunkDuplicate", "PartialPlaintext"])
        opens("reordered", blob[:134] + two + rest, stage="payload", spec="BLOB-7", flags=["ChunkDrop"])
        opens("reordered", blob[:134] + one + rest, stage="payload", spec="BLOB-7", flags=["ChunkDrop", "PartialPlaintext"])
        for at in (134, 134 + 100, 134 + c - 1, 134 + c, len(blob) - 1):
            opens("forged", blob[:at] + bytes([blob[at] ^ 0x40]) + blob[at + 1:], stage="payload", spec="BLOB-11", flags=["BitFlip"])
    other = ind.seal(params(1, False, 12), KEY, noise("another salt", 32), pattern(9000))
    opens("forged", gcm[:134] + other[134:], stage="payload", spec="BLOB-5", flags=["Swap"], note="another blob's chunks")
    head = ind.header(params(1, True, 12), SALT)
    room = 4092
    wrong = [(bytes(252) + b"\0\0\0\xfd", "BLOB-24"), (bytes(252) + b"\xff\xff\xff\xff", "BLOB-20"), (b"a" + b"\1" + bytes(250) + b"\0\0\0\1", "BLOB-24"),
             (bytes(251) + b"\1" + b"\0\0\0\1", "BLOB-24"),
             (b"a" * 10 + bytes(room - 10) + b"\0\0\0\x0a" + b"b" * 10 + bytes(242) + b"\0\0\0\x0a", "BLOB-23"),
             (bytes(4092) + bytes(4) + bytes(252) + bytes(4), "BLOB-24"), (b"x" * 300 + bytes(16) + b"\0\0\1\x2c", "BLOB-24")]
    for body, spec in wrong:
        opens("padding", ind.seal_body(head, KEY, body), stage="payload", spec=spec, flags=["Padding"])
    for length in (1, 4, 255, 257, 271, 4095):
        opens("padding", ind.seal_body(head, KEY, bytes(length)), stage="payload", spec="BLOB-24", flags=["Padding", "Length"])
    plain_head = ind.header(params(1, False, 12), SALT)
    full = ind.seal_body(plain_head, KEY, pattern(4096))
    secret, commitment = ind.blob_keys(plain_head, KEY)
    opens("empty-chunk", plain_head + commitment + ind.encrypt(1, secret, bytes(12), pattern(4096))
          + ind.encrypt(1, secret, (1).to_bytes(11, "big") + b"\1", b""), stage="payload", spec="BLOB-8", flags=["EmptyChunk", "PartialPlaintext"])
    opens("accept", full, pattern(4096), spec="BLOB-8", note="one full chunk, and none behind it")


# ---- payload.decode ----

REFERENCE = {"encryption": "none", "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "size": 486,
             "urn": "urn:blob:1:fs:main:prompts:f"}
SEALED = {**REFERENCE, "encryption": {"key_version": 3, "scope": RESULT, "suite": "aes-256-gcm"}}
DOCUMENT = '{"document":"pinf-input-1","prompt":"Hi"}'
INLINE = {"encryption": "none", "inline": DOCUMENT, "sha256": hashlib.sha256(DOCUMENT.encode()).hexdigest(), "size": len(DOCUMENT)}


def payload(value, stage=None, spec="", flags=(), expect=None, group=None, text=None):
    text = text if text is not None else canonical(value)
    add("payload.decode", group or ("accept" if stage is None else stage), {"text": text_of(text)},
        {"canonical": canonical(expect if expect is not None else value)} if stage is None else None, stage=stage, spec=spec, flags=flags)


def changed(value, path, to):
    value = copy.deepcopy(value)
    at = value
    for name in path[:-1]:
        at = at[name]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return value


def payloads():
    for value in (REFERENCE, SEALED, INLINE, {**SEALED, "encryption": {**SEALED["encryption"], "scope": TASK}},
                  {**SEALED, "encryption": {**SEALED["encryption"], "scope": SESSION, "suite": "chacha20-poly1305"}},
                  {**REFERENCE, "size": 1}, {**REFERENCE, "size": MAX}, changed(SEALED, ("encryption", "key_version"), 2 ** 32 - 1)):
        payload(value, spec="PAY-1")
    payload(None, spec="PAY-9", text=json.dumps(SEALED, indent=1), expect=SEALED, flags=["NonCanonical"])
    payload({**REFERENCE, "x-note": {"any": [1]}}, spec="JSON-12", expect=REFERENCE, flags=["Extension"])
    payload({**REFERENCE, "urn": "URN:blob:1:%66s:main:prompts:f"}, spec="PAY-3", expect=REFERENCE, flags=["NonCanonical"])
    payload(None, spec="JSON-8", text=canonical(REFERENCE).replace("486", "4.86e2"), expect=REFERENCE, flags=["NonCanonical"])
    for name in REFERENCE:
        payload(changed(REFERENCE, (name,), None), "parse", "JSON-11", ["Missing"])
    for name in ("suite", "key_version", "scope"):
        payload(changed(SEALED, ("encryption", name), None), "parse", "PAY-4", ["Missing"])
    for path, to, spec in ((("size",), "486", "PAY-2"), (("sha256",), 5, "PAY-2"), (("urn",), [], "PAY-3"), (("encryption",), 1, "PAY-4"),
                           (("encryption",), True, "PAY-4"), (("size",), 1.5, "PAY-2")):
        payload(changed(REFERENCE, path, to), "parse", spec, ["Type"])
    payload({**REFERENCE, "note": 1}, "parse", "JSON-12", ["Unknown"])
    payload({**INLINE, "urn": REFERENCE["urn"]}, "parse", "PAY-1", ["Unknown"])
    payload(changed(SEALED, ("encryption", "nonce"), "00"), "parse", "PAY-4", ["Unknown"])
    payload(changed(SEALED, ("encryption", "scope", "note"), 1), "parse", "PAY-6", ["Unknown"])
    for to in (0, MAX + 1, -1):
        payload({**REFERENCE, "size": to}, "parse", "JSON-9", ["Range"])
    for to in (0, 2 ** 32):
        payload(changed(SEALED, ("encryption", "key_version"), to), "parse", "PAY-5", ["Range"])
    payload(None, "parse", "PAY-1", ["Duplicate"], text=canonical(REFERENCE)[:-1] + ',"size":486}')
    payload(None, "parse", "PAY-1", ["Syntax"], text=canonical(REFERENCE)[:-1])
    for to in ("urn:blob:1:fs:main:prompts", "urn:blob:2:fs:main:prompts:f", "urn:blob:1:fs:main:prompts:%00", "urn:blob:1:fs:main::f", "http://x/y"):
        payload({**REFERENCE, "urn": to}, "urn", "PAY-3", ["Urn"])
    for path, to in ((("kind",), "tasks"), (("purpose",), "output"), (("session",), 0), (("task",), 0), (("task",), MAX + 1), (("attempt",), 0),
                     (("miner",), "0x" + "00" * 20), (("kind",), "session")):
        payload(changed(SEALED, ("encryption", "scope") + path, to), "scope", "PAY-6", ["Scope"])
    for name, to in (("attempt", 1), ("miner", MINER)):
        payload(changed({**SEALED, "encryption": {**SEALED["encryption"], "scope": TASK}}, ("encryption", "scope", name), to), "scope", "PAY-6", ["Scope"])
    for to in ("gcm", "AES-256-GCM", ""):
        payload(changed(SEALED, ("encryption", "suite"), to), "payload", "PAY-5", ["UnknownSuite"])
    payload({**REFERENCE, "encryption": "aes-256-gcm"}, "payload", "PAY-4", ["Encryption"])
    for to in ("BA" + REFERENCE["sha256"][2:], REFERENCE["sha256"][:-1], "0x" + REFERENCE["sha256"][:62], ""):
        payload({**REFERENCE, "sha256": to}, "payload", "JSON-16" if to == "" else "PAY-2", ["Hash"])
    payload({**INLINE, "size": len(DOCUMENT) + 1}, "payload", "PAY-7", ["Size"])
    payload({**INLINE, "sha256": REFERENCE["sha256"]}, "payload", "PAY-7", ["Hash"])
    big = "x" * 4097
    payload({"encryption": "none", "inline": big, "sha256": hashlib.sha256(big.encode()).hexdigest(), "size": 4097}, "parse", "PAY-7", ["Limit"])


# ---- document.decode ----

FULL = ('{"document":"pinf-input-1","frequency_penalty":-0.5,"max_tokens":256,"presence_penalty":0,"prompt":"Translate: \\"grüß dich\\"\\n",'
        '"prompt_template":"chatml","prompt_type":"text","temperature":0.7,"top_k":40,"top_p":0.000001}')
ANSWER = '{"completion_tokens":2,"document":"pinf-result-1","finish_reason":"stop","model":"echo","prompt_tokens":1,"text":"Hi"}'


def documents():
    def doc(kind, text, stage=None, spec="DOC-1", flags=(), group=None):
        add("document.decode", group or ("accept" if stage is None else flags[0].lower()), {"kind": kind, "text": text_of(text)},
            {"sha256": hashlib.sha256(text.encode()).hexdigest()} if stage is None else None, stage=stage, spec=spec, flags=flags)

    for text in (DOCUMENT, FULL, '{"document":"pinf-input-1","prompt":"é😀\u007f/"}', '{"document":"pinf-input-1","max_tokens":4294967295,"prompt":"x"}',
                 '{"document":"pinf-input-1","prompt":"\\u0001\\b\\f"}', '{"document":"pinf-input-1","prompt":"x","temperature":-100}',
                 '{"document":"pinf-input-1","prompt":"x","temperature":100}', '{"document":"pinf-input-1","prompt":"x","prompt_type":"' + "t" * 128 + '"}'):
        doc("input", text, spec="JSON-14" if "temperature" in text else "JSON-13" if "\\" in text or "é" in text else "DOC-3")
    for text in (ANSWER, ANSWER.replace('"Hi"', '""'), ANSWER.replace("2,", "0,"), ANSWER.replace("stop", "")):
        doc("result", text, spec="DOC-5")
    for text in ('{"prompt":"Hi","document":"pinf-input-1"}', '{"document": "pinf-input-1","prompt":"Hi"}', DOCUMENT + "\n", " " + DOCUMENT,
                 '{"document":"pinf-input-1","prompt":"\\u0048i"}', '{"document":"pinf-input-1","prompt":"\\/"}',
                 '{"document":"pinf-input-1","max_tokens":1e2,"prompt":"x"}', '{"document":"pinf-input-1","max_tokens":0,"prompt":"x"}',
                 '{"document":"pinf-input-1","prompt":"x","temperature":0.70}', '{"document":"pinf-input-1","prompt":"x","x-note":1}',
                 '{"document":"pinf-input-1","prompt":"x","temperature":-0}', '{"document":"pinf-input-1","prompt":"x","prompt_type":""}',
                 '{"document":"pinf-input-1","prompt":"x","prompt_template":""}', '{"document":"pinf-input-1","prompt":"\\u001F"}'):
        doc("input", text, "payload", "DOC-1", ["NonCanonical"])
    for text in ('{"document":"pinf-input-1"}', '{"prompt":"x"}'):
        doc("input", text, "parse", "DOC-3", ["Missing"])
    for kind, text in (("input", ANSWER), ("result", DOCUMENT), ("input", '{"document":"pinf-input-2","prompt":"x"}')):
        doc(kind, text, "parse", "DOC-2", ["Type"])
    for text in ('{"document":"pinf-input-1","prompt":5}', '{"document":"pinf-input-1","prompt":null}', '{"document":"pinf-input-1","max_tokens":"1","prompt":"x"}',
                 '{"document":"pinf-input-1","max_tokens":1.5,"prompt":"x"}'):
        doc("input", text, "parse", "DOC-3", ["Type"])
    for text in ('{"document":"pinf-input-1","max_tokens":4294967296,"prompt":"x"}', '{"document":"pinf-input-1","max_tokens":-1,"prompt":"x"}',
                 '{"document":"pinf-input-1","prompt":"x","temperature":100.000001}', '{"document":"pinf-input-1","prompt":"x","temperature":0.1234567}',
                 '{"document":"pinf-input-1","prompt":""}', '{"document":"pinf-input-1","prompt":"x","prompt_type":"' + "t" * 129 + '"}'):
        doc("input", text, "parse", "JSON-10" if "temperature" in text else "DOC-3", ["Range"])
    doc("input", '{"document":"pinf-input-1","model":"x","prompt":"x"}', "parse", "DOC-3", ["Unknown"])
    for name in ("completion_tokens", "finish_reason", "model", "prompt_tokens", "text"):
        value = json.loads(ANSWER)
        del value[name]
        doc("result", canonical(value), "parse", "DOC-5", ["Missing"])
    doc("result", ANSWER.replace("echo", "m" * 129), "parse", "DOC-5", ["Range"])
    doc("result", ANSWER.replace("2,", "4294967296,"), "parse", "DOC-5", ["Range"])


ALL = (urns, made_urns, jsons, scopes, derivations, seeds, seal_vectors, open_vectors, payloads, documents)
