# SPDX-License-Identifier: Apache-2.0
"""mutants.py -- wrong implementations, each with the ids that it must fail: those, and no others.

The ids are written down by hand, after the vectors and the rules: as patterns of fnmatch, "!" before those to leave out.
"""
import collections

Mutant = collections.namedtuple("Mutant", "fails before after", defaults=(None, None))
MUTANTS = {}


def lenient(name, code, *fails):
    """Accepts what is to be refused with that code."""
    def after(_operation, _input, answer):
        return {"id": answer["id"], "ok": {}} if answer.get("reject", {}).get("code") == code else answer

    MUTANTS[name] = Mutant(fails, after=after)


def changed(name, operation, key, value, *fails):
    """Takes one input for another, whatever it is told."""
    def before(asked, given):
        if asked == operation and key in given:
            given[key] = value(given[key])

    MUTANTS[name] = Mutant(fails, before=before)


def answering(name, operation, change, *fails):
    """Gives another result."""
    def after(asked, given, answer):
        if asked == operation and "ok" in answer:
            change(given, answer["ok"])
        return answer

    MUTANTS[name] = Mutant(fails, after=after)


# What is not looked at.
lenient("urn-of-any-version", "urn-version", "urn.parse/version/*", "!urn.parse/version/00[13]", "urn.parse/version/001", "urn.parse/version/003",
        "payload.decode/urn/002")
lenient("urn-with-any-fields", "urn-fields", "urn.parse/fields/*", "payload.decode/urn/001")
lenient("urn-of-any-length", "urn-length", "urn.parse/length/*", "urn.make/refuse/00[567]")
lenient("urn-of-any-octets", "urn-syntax", "urn.make/refuse/00[1234]", "urn.parse/syntax/*", "urn.parse/octets/*", "urn.parse/utf8/*", "urn.parse/empty/*", "payload.decode/urn/00[345]")
lenient("json-of-any-syntax", "syntax", "json.check/syntax/*", "json.check/number/*", "json.check/string/*", "json.check/nul/*",
        "json.check/utf8/008", "json.check/utf8/011", "payload.decode/parse/024", "allowlist.parse/syntax/*", "!allowlist.parse/syntax/011",
        "allowlist.parse/id/00[16]", "grant.open/field/00[18]", "policy.document/syntax/*")
lenient("json-in-any-encoding", "utf8", "json.check/utf8/*", "!json.check/utf8/008", "!json.check/utf8/011")
lenient("json-with-duplicates", "duplicate-field", "json.check/duplicate/*", "payload.decode/parse/023", "allowlist.parse/duplicate/00[14]", "policy.document/duplicate/*")
lenient("json-of-any-depth", "depth", "json.check/over/001")
lenient("json-without-limits", "too-large", "json.check/over/00[2345]", "payload.decode/parse/025", "policy.document/limit/*", "abi.decode/count/00[1349]")
lenient("fields-unknown", "unknown-field", "payload.decode/parse/01[4567]", "document.decode/unknown/*", "grant.open/field/009", "policy.document/unknown/*")
lenient("fields-missing", "missing-field", "payload.decode/parse/00[1234567]", "document.decode/missing/*", "grant.open/missing/*",
        "allowlist.parse/missing/00[12345]")
lenient("fields-of-any-type", "wrong-type", "payload.decode/parse/00[89]", "payload.decode/parse/01[0123]", "document.decode/type/*", "grant.open/field/004",
        "grant.open/field/010", "policy.document/wrongtype/*", "policy.document/noobject/*")
lenient("numbers-out-of-range", "out-of-range", "payload.decode/parse/01[89]", "payload.decode/parse/02[012]",
        "document.decode/range/00[1234]", "document.decode/range/008", "auth.verify/range/00[34]", "grant.open/field/00[567]", "policy.document/range/*", "policy.document/word/*")
lenient("documents-in-any-form", "not-canonical", "document.decode/noncanonical/*", "allowlist.parse/noncanonical/*", "allowlist.parse/missing/006", "abi.decode/noncanonical/*", "abi.decode/offset/*", "abi.decode/padding/*")
lenient("keyrings-in-any-form", "keyring-format", "keyring.open/magic/*", "keyring.open/cost/*", "keyring.open/truncation/00[1234]", "keyring.open/content/*",
        "keyring.open/count/*", "keyring.open/twoactive/*", "keyring.open/seedtwice/*", "keyring.open/fingerprint/*")
lenient("keyrings-of-any-passphrase", "passphrase-wrong", "keyring.open/tampered/*", "keyring.open/passphrase/*", "keyring.open/truncation/00[56]")
lenient("scopes-that-contradict", "scope-invalid", "scope.encode/invalid/00[123789]", "scope.decode/unknown/*", "scope.decode/range/00[1234]",
        "key.derive/scope/001", "key.derive/scope/003", "payload.decode/scope/*", "!payload.decode/scope/00[345]")
lenient("scopes-of-others", "scope-mismatch", "blob.open/wrong-scope/*", "grant.open/wrongscope/*")
lenient("hashes-in-any-form", "hash-invalid", "payload.decode/payload/00[5678]")
lenient("hashes-unchecked", "hash-mismatch", "payload.decode/payload/010")
lenient("sizes-unchecked", "size-mismatch", "payload.decode/payload/009")
lenient("suites-unknown", "encryption-invalid", "payload.decode/payload/00[1234]")
lenient("blobs-without-magic", "blob-magic", "blob.open/magic/00[1234]")
lenient("blobs-of-any-version", "blob-version", "blob.open/version/*")
lenient("blobs-of-any-suite", "blob-suite", "blob.open/suite/*")
lenient("blobs-with-any-header", "blob-header", "blob.open/header/*")
lenient("commitment-unchecked", "blob-commitment", "blob.open/commitment/*")
lenient("chunks-unauthenticated", "blob-forged", "blob.open/forged/*", "blob.open/reordered/*", "blob.open/extended/00[2345]",
        "blob.open/truncated/00[89]", "blob.open/truncated/01[0135]")
lenient("blobs-cut-short", "blob-truncated", "blob.open/truncated/00[1234567]", "blob.open/truncated/01[24]", "blob.open/magic/005",
        "blob.open/extended/001", "blob.open/empty-chunk/001", "blob.open/padding/00[89]", "blob.open/padding/01[0123]")
lenient("padding-unchecked", "blob-padding", "blob.open/padding/00[1234567]")
lenient("headers-in-any-spelling", "auth-syntax", "auth.verify/syntax/*", "auth.verify/unprintable/*")
lenient("signatures-unchecked", "auth-signature", "auth.verify/tampered/*", "auth.verify/altered/*", "auth.verify/signature/*",
        "result.verify/altered/*", "checkpoint.verify/altered/*", "checkpoint.verify/forged/*")
lenient("signatures-malleable", "auth-high-s", "auth.verify/malleable/*")
lenient("any-router", "auth-router", "auth.verify/router/*")
lenient("grants-of-anybody", "grant-forged", "grant.open/forged/*", "grant.open/altered/*")
lenient("grants-of-other-requests", "grant-mismatch", "grant.open/replay/*")
lenient("grants-for-ever", "grant-expired", "grant.open/expired/*")
lenient("grants-that-do-not-open", "hpke-open", "grant.open/wrongkey/*", "grant.open/wronginfo/*", "grant.open/hpkeopen/*")
lenient("addresses-without-checksum", "address-invalid", "allowlist.parse/address/*", "allowlist.parse/syntax/011")
lenient("lists-in-any-form", "conflict", "allowlist.parse/duplicate/00[23]")
lenient("seeds-of-any-kind", "seed-weak", "seed.import/form/*", "seed.import/weak/*")
# Of the vectors to which several rules apply, those that are that rule's.
FIRST = {"authentication-required": ("policy.decide/first-rule/00[12]",), "not-owner": ("policy.decide/first-rule/00[34]",),
         "wallet-required": ("policy.decide/first-rule/00[56]",), "plaintext-in-private-session": ("policy.decide/first-rule/008", "policy.decide/first-rule/012")}
for rule in ("authentication-required", "wallet-required", "not-owner", "miner-not-allowed", "lease-not-held", "plaintext-in-private-session"):
    lenient(f"policy-without-{rule}", rule, f"policy.decide/{rule}/*", *FIRST.get(rule, ()))

# What is computed wrongly.
changed("derives-without-version", "key.derive", "key_version", lambda _: 3, "key.derive/accept/004", "key.derive/accept/005", "key.derive/accept/015")
changed("derives-without-chain", "key.derive", "chain_id", lambda _: 8453, "key.derive/accept/006", "key.derive/accept/007")
changed("derives-for-one-instance", "key.derive", "scope", lambda scope: {**scope, "instance": "00112233445566778899aabbccddeeff"}, "key.derive/accept/012")
changed("never-pads", "blob.seal", "padded", lambda _: False, "blob.seal/*-padded/*", "blob.seal/large/*")
changed("seals-with-one-suite", "blob.seal", "suite", lambda _: "aes-256-gcm", "blob.seal/chacha20-poly1305-*/*", "blob.seal/large/002")
changed("seals-with-one-salt", "blob.seal", "salt", lambda _: "00" * 32, "blob.seal/*")
changed("ignores-expected-scope", "blob.open", "scope", lambda _: {"kind": "task", "purpose": "input", "session": 101, "task": 9001,
                                                                   "instance": "00112233445566778899aabbccddeeff"},
        "blob.open/wrong-scope/*", "!blob.open/wrong-scope/00[678]", "blob.open/accept/017")
changed("reads-bodies-as-empty", "auth.verify", "body", lambda _: "", "auth.verify/accept/*", "!auth.verify/accept/002", "!auth.verify/accept/009",
        "auth.verify/tampered/00[9]", "auth.verify/tampered/010", "!auth.verify/tampered/*")
answering("keeps-urn-spelling", "urn.parse", lambda given, ok: ok.update(canonical=bytes.fromhex(given["text"]).decode()),
          "urn.parse/accept/00[345]", "urn.parse/accept/009", "urn.parse/accept/010")
answering("loses-a-byte", "blob.open", lambda _, ok: ok.update(length=max(ok["length"] - 1, 0)), "blob.open/accept/*", "!blob.open/accept/001",
          "!blob.open/accept/005", "!blob.open/accept/009", "!blob.open/accept/013")


def one_rule(_operation, _input, answer):
    if answer.get("reject", {}).get("stage") == "policy":
        answer["reject"]["code"] = "not-owner"
    return answer


MUTANTS["policy-of-one-rule"] = Mutant(("policy.decide/*", "!policy.decide/allow/*", "!policy.decide/not-owner/*", "!policy.decide/first-rule/00[34]"),
                                       after=one_rule)
