#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The worked examples of keys.md and blob.md, from the text of these pages alone.

Standard library, and `cryptography` for the AEADs and Argon2id.  Shares no code with pinf; the unit tests
hold what it prints.
"""
import hashlib
import hmac
from struct import pack

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


def hmac256(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def expand(prk, info, length):
    out = block = b""
    for i in range(1, 256):
        block = hmac256(prk, block + info + bytes([i]))
        out += block
        if len(out) >= length:
            return out[:length]


def scope(kind, purpose, session, task, instance, attempt=0, miner=b""):
    out = pack(">BBQQ", kind, purpose, session, task) + instance
    return out + (pack(">I", attempt) + miner if purpose == 2 else b"")


def version_prk(seed, chain_id, contract, version):  # KEY-4
    return hmac256(b"pinf/keys/1" + pack(">Q", chain_id) + contract + pack(">I", version), seed)


def fingerprint(seed):
    return hashlib.sha256(b"pinf/seed-fingerprint/1" + seed).digest()[:8]


def keyring_file(passphrase, salt, chain_id, contract, identity, digest_key, versions):
    plain = pack(">Q", chain_id) + contract + identity + digest_key + pack(">I", len(versions))
    for state, created_ms, seed, mark in versions:
        plain += pack(">BQB", state, created_ms, len(seed)) + seed.ljust(64, b"\0") + mark
    header = b"PNFK" + pack(">BII", 1, 1, 8) + salt
    key = Argon2id(salt=salt, length=32, iterations=1, lanes=1, memory_cost=8).derive(passphrase)
    return header + ChaCha20Poly1305(key).encrypt(bytes(12), plain, header)


def padme(n):  # BLOB-22
    if n <= 256:
        return 256
    e = n.bit_length() - 1
    low = e - e.bit_length()
    return (n + (1 << low) - 1) >> low << low


def chunks_of(plain, size, padded):
    if not padded:
        return [plain[i:i + size] for i in range(0, len(plain), size)] or [b""]
    room = size - 4
    k = max(1, -(-len(plain) // room))
    body = padme(len(plain) + 4 * k)
    out = []
    for start in range(0, body, size):
        length = min(size, body - start)
        real, plain = plain[:length - 4], plain[length - 4:]
        out.append(real.ljust(length - 4, b"\0") + pack(">I", len(real)))
    return out


def seal(scope_key, suite, padded, log2, version, sc, salt, plain):
    bound = b"PINF" + pack(">BBBBI", 1, suite, padded, log2, version) + sc.ljust(58, b"\0") + salt
    both = expand(hmac256(salt, scope_key), b"pinf/blob/1" + bound, 64)
    aead = (AESGCM if suite == 1 else ChaCha20Poly1305)(both[:32])
    out = bound + both[32:]
    chunks = chunks_of(plain, 1 << log2, padded)
    for i, chunk in enumerate(chunks):
        nonce = i.to_bytes(11, "big") + bytes([i == len(chunks) - 1])
        out += aead.encrypt(nonce, chunk, None)
    return out


def pattern(n):
    return bytes(i * 7 & 255 for i in range(n))


SEED = hashlib.sha256(b"pinf example seed").digest()
CONTRACT = bytes.fromhex("00112233445566778899aabbccddeeff00112233")
MINER = bytes.fromhex("c0ffee254729296a45a3885639ac7e10f9d54979")
INSTANCE = bytes(range(16))
SALT = bytes(range(0x80, 0xa0))

if __name__ == "__main__":
    prk = version_prk(SEED, 8453, CONTRACT, 3)
    task_in = scope(2, 1, 101, 9001, INSTANCE)
    session_in = scope(1, 1, 101, 0, INSTANCE)
    result = scope(2, 2, 101, 9001, INSTANCE, 2, MINER)
    print("seed       ", SEED.hex())
    print("fingerprint", fingerprint(SEED).hex())
    print("prk        ", prk.hex())
    for name, sc in (("task input", task_in), ("session input", session_in), ("result", result)):
        print(f"scope {name}: {sc.hex()}\n  key {expand(prk, sc, 32).hex()}")
    dead = hashlib.sha256(b"pinf dead seed").digest()
    long_seed = hashlib.sha512(b"pinf example seed").digest()
    file = keyring_file(b"correct horse", bytes(range(16)), 8453, CONTRACT,
                        bytes(31) + b"\1", hashlib.sha256(b"pinf digest key").digest(),
                        [(4, 1700000000000, b"", fingerprint(dead)),
                         (3, 1700000000001, long_seed, fingerprint(long_seed)),
                         (2, 1700000000002, SEED, fingerprint(SEED))])
    print("dead", dead.hex(), fingerprint(dead).hex())
    print("key of version 2, result:", expand(
        version_prk(long_seed, 8453, CONTRACT, 2), result, 32).hex())
    print("digest of 'prompt':", hmac256(
        hashlib.sha256(b"pinf digest key").digest(), b"prompt").hex())
    print("keyring file", len(file), file.hex())
    k_in, k_res = expand(prk, task_in, 32), expand(prk, result, 32)
    for name, args in (
        ("A", (k_in, 1, 0, 16, 3, task_in, SALT, b"hello, miner")),
        ("B", (k_in, 2, 1, 16, 3, task_in, SALT, b"hello, miner")),
        ("C", (k_res, 1, 1, 12, 3, result, SALT, pattern(9000))),
        ("D", (k_res, 2, 0, 12, 3, result, SALT, pattern(9000))),
        ("E", (k_res, 2, 0, 12, 3, result, SALT, b"")),
        ("F", (k_res, 1, 1, 12, 3, result, SALT, b"")),
        ("G", (k_res, 1, 1, 12, 3, result, SALT, pattern(64 * 4092 + 1))),
    ):
        blob = seal(*args)
        print(f"{name} len {len(blob)} sha256 {hashlib.sha256(blob).hexdigest()}")
        if name == "A":
            print(blob.hex())
