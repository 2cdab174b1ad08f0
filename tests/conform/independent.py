# SPDX-License-Identifier: Apache-2.0
"""independent.py -- scopes, derivation, sealed blobs and signatures after spec/, sharing no code with pinf.

Slow and plain on purpose: it makes what the vectors expect.
"""
import ctypes
import hashlib
import hmac
import struct

CRYPTO = ctypes.CDLL("libcrypto.so.3")
for function in ("EVP_aes_256_gcm", "EVP_chacha20_poly1305", "EVP_CIPHER_CTX_new"):
    getattr(CRYPTO, function).restype = ctypes.c_void_p
SUITES = {1: CRYPTO.EVP_aes_256_gcm, 2: CRYPTO.EVP_chacha20_poly1305}
GET_TAG = 0x10


def encrypt(suite, key, nonce, plain, associated=b""):
    """Ciphertext and tag."""
    context = ctypes.c_void_p(CRYPTO.EVP_CIPHER_CTX_new())
    out, length, tag = ctypes.create_string_buffer(len(plain) + 16), ctypes.c_int(), ctypes.create_string_buffer(16)
    done = (CRYPTO.EVP_EncryptInit_ex(context, ctypes.c_void_p(SUITES[suite]()), None, key, nonce),
            CRYPTO.EVP_EncryptUpdate(context, None, ctypes.byref(length), associated, len(associated)) if associated else 1,
            CRYPTO.EVP_EncryptUpdate(context, out, ctypes.byref(length), plain, len(plain)),
            CRYPTO.EVP_EncryptFinal_ex(context, tag, ctypes.byref(ctypes.c_int())),
            CRYPTO.EVP_CIPHER_CTX_ctrl(context, GET_TAG, 16, tag))
    CRYPTO.EVP_CIPHER_CTX_free(context)
    if done != (1,) * 5:
        raise RuntimeError("libcrypto")
    return out.raw[:len(plain)] + tag.raw


SODIUM = ctypes.CDLL("libsodium.so.23")
ARGON2ID13 = 2


def argon2id(passphrase, salt, passes, memory_kib):
    """RFC 9106, one lane, 32 bytes."""
    out = ctypes.create_string_buffer(32)
    if SODIUM.crypto_pwhash(out, ctypes.c_ulonglong(32), passphrase, ctypes.c_ulonglong(len(passphrase)), salt, ctypes.c_ulonglong(passes),
                            ctypes.c_size_t(memory_kib * 1024), ARGON2ID13) != 0:
        raise RuntimeError("libsodium")
    return out.raw


KINDS = {"session": 1, "task": 2}
PURPOSES = {"input": 1, "result": 2}


def hkdf_extract(salt, ikm):
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def hkdf_expand(prk, info, length):
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha256).digest()
        out, counter = out + block, counter + 1
    return out[:length]


def scope_bytes(scope):
    """scope.md, SCOPE-1."""
    out = struct.pack(">BBQQ", KINDS[scope["kind"]], PURPOSES[scope["purpose"]], scope["session"], scope.get("task", 0))
    out += bytes.fromhex(scope["instance"])
    if scope["purpose"] == "result":
        out += struct.pack(">I", scope["attempt"]) + bytes.fromhex(scope["miner"][2:])
    return out


def derive(seed, chain_id, contract, version, scope):
    """keys.md, KEY-5 and KEY-6."""
    prk = hkdf_extract(b"pinf/keys/1" + struct.pack(">Q", chain_id) + contract + struct.pack(">I", version), seed)
    return hkdf_expand(prk, scope_bytes(scope), 32)


def fingerprint(seed):
    """keys.md, KEY-4."""
    return hashlib.sha256(b"pinf/seed-fingerprint/1" + seed).digest()[:8]


def padme(length):
    """blob.md, BLOB-22."""
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return (length + step - 1) // step * step


def body_of(plain, chunk, padded):
    """blob.md, BLOB-20 to BLOB-23."""
    if not padded:
        return plain
    room = chunk - 4
    count = max(1, -(-len(plain) // room))
    total = len(plain) + 4 * count
    total = 256 if total <= 256 else padme(total)
    body, at = b"", 0
    while len(body) < total:
        size = min(chunk, total - len(body))
        real = plain[at:at + size - 4]
        at += len(real)
        body += real + bytes(size - 4 - len(real)) + struct.pack(">I", len(real))
    return body


def header(params, salt):
    """The first 102 bytes; blob.md, BLOB-1."""
    return (b"PINF" + bytes([1, params["suite"], params["padded"], params["chunk_log2"]])
            + struct.pack(">I", params["key_version"]) + scope_bytes(params["scope"]).ljust(58, b"\0") + salt)


def blob_keys(head, key):
    """Blob key and commitment; blob.md, BLOB-5."""
    out = hkdf_expand(hkdf_extract(head[70:102], key), b"pinf/blob/1" + head[:102], 64)
    return out[:32], out[32:]


def seal_body(head, key, body):
    """A blob whose body is taken as it is: also the wrong ones are made with this."""
    chunk = 1 << head[7]
    secret, commitment = blob_keys(head, key)
    suite = head[5] if head[5] in SUITES else 1
    chunks = [body[i:i + chunk] for i in range(0, len(body), chunk)] or [b""]
    return head + commitment + b"".join(
        encrypt(suite, secret, i.to_bytes(11, "big") + bytes([i == len(chunks) - 1]), part)
        for i, part in enumerate(chunks))


def seal(params, key, salt, plain):
    return seal_body(header(params, salt), key, body_of(plain, 1 << params["chunk_log2"], params["padded"]))


def x25519(scalar, point):
    """RFC 7748, section 5."""
    p = 2 ** 255 - 19
    k = int.from_bytes(scalar, "little") & ~7 & ~(1 << 255) | 1 << 254
    x = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, x, 1
    for bit in range(254, -1, -1):
        swap = k >> bit & 1
        if swap:
            x2, x3, z2, z3 = x3, x2, z3, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % p, c * b % p, a * a % p, b * b % p
        x3, z3 = (da + cb) ** 2 % p, x * (da - cb) ** 2 % p
        x2, z2 = aa * bb % p, (aa - bb) * (aa + 121665 * (aa - bb)) % p
        if swap:
            x2, x3, z2, z3 = x3, x2, z3, z2
    return (x2 * pow(z2, -1, p) % p).to_bytes(32, "little")


BASE = (9).to_bytes(32, "little")


def hpke_seal(recipient, info, plain, ephemeral):
    """(enc, ciphertext): RFC 9180, mode base, the suite of grants.md, GRANT-4."""
    def extract(suite, salt, label, ikm):
        return hkdf_extract(salt, b"HPKE-v1" + suite + label + ikm)

    def expand(suite, prk, label, data, length):
        return hkdf_expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + data, length)

    kem, suite = b"KEM\0\x20", b"HPKE\0\x20\0\1\0\3"
    enc = x25519(ephemeral, BASE)
    shared = expand(kem, extract(kem, b"", b"eae_prk", x25519(ephemeral, recipient)), b"shared_secret", enc + recipient, 32)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    secret = extract(suite, shared, b"secret", b"")
    return enc, encrypt(2, expand(suite, secret, b"key", context, 32), expand(suite, secret, b"base_nonce", context, 12), plain)


# secp256k1 and Keccak-256, for signed requests: auth.md.
P = 2 ** 256 - 2 ** 32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(point, scalar):
    out = None
    while scalar:
        if scalar & 1:
            out = add(out, point)
        point, scalar = add(point, point), scalar >> 1
    return out


def keccak256(data):
    def rotate(value, by):
        return (value << by | value >> (64 - by)) & (2 ** 64 - 1) if by else value

    offsets = [[0, 36, 3, 41, 18], [1, 44, 10, 45, 2], [62, 6, 43, 15, 61], [28, 55, 25, 21, 56], [27, 20, 39, 8, 14]]
    constants, lfsr = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if lfsr & 1:
                constant |= 1 << ((1 << j) - 1)
            lfsr = (lfsr << 1) ^ (0x171 if lfsr >> 7 else 0)
        constants.append(constant)
    state = [[0] * 5 for _ in range(5)]
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % 136))
    padded[-1] |= 0x80
    for start in range(0, len(padded), 136):
        for i in range(17):
            state[i % 5][i // 5] ^= int.from_bytes(padded[start + 8 * i:start + 8 * i + 8], "little")
        for constant in constants:
            parity = [column[0] ^ column[1] ^ column[2] ^ column[3] ^ column[4] for column in state]
            state = [[lane ^ parity[(x + 4) % 5] ^ rotate(parity[(x + 1) % 5], 1) for lane in state[x]]
                     for x in range(5)]
            moved = [[0] * 5 for _ in range(5)]
            for x in range(5):
                for y in range(5):
                    moved[y][(2 * x + 3 * y) % 5] = rotate(state[x][y], offsets[x][y])
            state = [[moved[x][y] ^ (~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y]) for y in range(5)]
                     for x in range(5)]
            state[0][0] ^= constant
    return b"".join(state[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


def address(secret):
    x, y = multiply(G, secret)
    return "0x" + keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:].hex()


def sign(secret, digest):
    """r || s || v with the nonce of RFC 6979, low s: AUTH-1."""
    key = secret.to_bytes(32, "big")
    reduced = (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    v, k = b"\1" * 32, b"\0" * 32
    for mark in (b"\0", b"\1"):
        k = hmac.new(k, v + mark + key + reduced, hashlib.sha256).digest()
        v = hmac.new(k, v, hashlib.sha256).digest()
    v = hmac.new(k, v, hashlib.sha256).digest()
    nonce = int.from_bytes(v, "big")  # The first candidate is in range but once in 2^127.
    point = multiply(G, nonce)
    r = point[0] % N
    s = pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * secret) % N
    odd = point[1] & 1
    if s > N // 2:
        s, odd = N - s, odd ^ 1
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])


def word(value):
    if isinstance(value, int):
        return value.to_bytes(32, "big")
    return keccak256(value.encode()) if isinstance(value, str) else value


DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
REQUEST = ("Request(address router,string method,string path,uint64 session,uint64 task,uint32 keyVersion,"
           "bytes32 bodySha256,bytes16 nonce,uint64 expires)")


def digest(request, scheme):
    """auth.md, AUTH-3, AUTH-4 and AUTH-9."""
    body = hashlib.sha256(request["body"]).digest()
    if scheme == "eip712":
        fields = (REQUEST, int(request["router"], 16), request["method"], request["path"], request["session"],
                  request["task"], request["version"], body, bytes.fromhex(request["nonce"]).ljust(32, b"\0"),
                  request["expires"])
        return typed(request["chain_id"], request["contract"], fields)
    text = (f"pinf request\nrouter: {request['router']}\nchain: {request['chain_id']}\ncontract: {request['contract']}\n"
            f"method: {request['method']}\npath: {request['path']}\nsession: {request['session']}\ntask: {request['task']}\n"
            f"version: {request['version']}\nbody: {body.hex()}\nnonce: {request['nonce']}\nexpires: {request['expires']}")
    return keccak256(f"\x19Ethereum Signed Message:\n{len(text)}".encode() + text.encode())


RESULT = ("Result(address router,uint64 session,uint64 task,uint32 attempt,uint64 epoch,bytes32 inputSha256,string resultUrn,"
          "bytes32 resultSha256,uint32 keyVersion)")
CHECKPOINT = "Checkpoint(address router,uint64 seq,bytes32 head)"


def typed(chain_id, contract, fields):
    """An EIP-712 digest in the domain of AUTH-3; the first of the fields is the type."""
    domain = keccak256(b"".join(map(word, (DOMAIN, "pinf", "1", chain_id, int(contract, 16)))))
    return keccak256(b"\x19\x01" + domain + keccak256(b"".join(map(word, fields))))


GRANT = ("Grant(bytes32 enc,bytes sealedKey,bytes32 requestDigest,bytes scope,uint32 keyVersion,uint64 expires,uint64 auditSeq,"
         "bytes32 auditHead)")


def grant_digest(grant, chain_id, contract):
    """grants.md, GRANT-5; grant: its fields as they travel."""
    fields = (GRANT, bytes.fromhex(grant["enc"]), keccak256(bytes.fromhex(grant["sealed_key"])), bytes.fromhex(grant["request_digest"]),
              keccak256(bytes.fromhex(grant["scope"])), grant["key_version"], grant["expires_ms"], grant["audit_seq"],
              bytes.fromhex(grant["audit_head"]))
    return typed(chain_id, contract, fields)
