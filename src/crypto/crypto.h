/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto.h -- the primitives, each from one library.  Only the .c files beside this header name a
 * cryptographic library; nothing here draws randomness by itself, keeps global state or logs.
 * Choices and measurements: spec/DEPENDENCIES.md.
 */
#ifndef PINF_CRYPTO_H
#define PINF_CRYPTO_H

#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <nettle/sha3.h>

#include <pinf/base.h>
#include <pinf/blob.h> /* enum pinf_suite */

/* SHA-256, one shot and streaming.  nettle: SHA-NI, on the stack, nothing to fail. */
void pinf_sha256(struct pinf_hash *out, struct pinf_span in);
struct pinf_sha256 {
	struct sha256_ctx ctx;
};
void pinf_sha256_init(struct pinf_sha256 *hash);
void pinf_sha256_update(struct pinf_sha256 *hash, struct pinf_span in);
void pinf_sha256_final(struct pinf_sha256 *hash, struct pinf_hash *out);

/* Keccak-256 as Ethereum uses it (padding 0x01). */
void pinf_keccak256(struct pinf_hash *out, struct pinf_span in);
struct pinf_keccak {
	struct sha3_state state;
	size_t at; /* bytes absorbed of the current block */
};
void pinf_keccak_init(struct pinf_keccak *hash);
void pinf_keccak_update(struct pinf_keccak *hash, struct pinf_span in);
void pinf_keccak_final(struct pinf_keccak *hash, struct pinf_hash *out);

/* HMAC-SHA256 with the key's two midstates kept: each message then costs its own blocks only. */
struct pinf_hmac {
	struct hmac_sha256_ctx ctx;
};
void pinf_hmac_key(struct pinf_hmac *hmac, struct pinf_span key);
/* Reads the midstates, leaves them: safe for concurrent readers. */
void pinf_hmac(const struct pinf_hmac *hmac, struct pinf_span message, struct pinf_hash *mac);
/* The same over the concatenation of parts. */
void pinf_hmac_parts(const struct pinf_hmac *hmac, const struct pinf_span *parts, size_t count,
    struct pinf_hash *mac);

/* HKDF-SHA256, RFC 5869.  Extract keeps the PRK as midstates; expand gives up to 255 * 32 bytes. */
void pinf_hkdf_extract(struct pinf_hmac *prk, struct pinf_span salt, struct pinf_span ikm);
PINF_MUST_CHECK enum pinf_err
pinf_hkdf_expand(const struct pinf_hmac *prk, struct pinf_span info, uint8_t *out, size_t len);

/*
 * AEAD with 96-bit nonces and 16-byte tags.  A cipher holds one context for each suite; set a
 * key as often as wanted without allocation.  AES-256-GCM: libcrypto; ChaCha20-Poly1305: libsodium.
 */
#define PINF_AEAD_MAX ((size_t)1 << 30) /* bytes of one message, and of its associated data */
struct pinf_cipher;
PINF_MUST_CHECK enum pinf_err pinf_cipher_new(struct pinf_cipher **cipher);
void pinf_cipher_free(struct pinf_cipher *cipher); /* wipes; NULL is fine */
/* E_BLOB_SUITE for a suite that is neither. */
PINF_MUST_CHECK enum pinf_err
pinf_cipher_key(struct pinf_cipher *cipher, enum pinf_suite suite, const struct pinf_key *key);
/* out gets in.len + 16 bytes; out == in.data is allowed, other overlap is not.  E_LENGTH. */
PINF_MUST_CHECK enum pinf_err pinf_cipher_seal(struct pinf_cipher *cipher,
    const uint8_t nonce[static 12], struct pinf_span ad, struct pinf_span in, uint8_t *out);
/* out gets in.len - 16 bytes, all zero where it fails: E_BLOB_FORGED, E_LENGTH. */
PINF_MUST_CHECK enum pinf_err pinf_cipher_open(struct pinf_cipher *cipher,
    const uint8_t nonce[static 12], struct pinf_span ad, struct pinf_span in, uint8_t *out);

/* X25519, RFC 7748.  E_HPKE for a shared secret of zero (a low-order point). */
void pinf_x25519_public(uint8_t public_key[static 32], const struct pinf_key *secret);
PINF_MUST_CHECK enum pinf_err pinf_x25519(
    struct pinf_key *shared, const struct pinf_key *secret, const uint8_t public_key[static 32]);

/*
 * secp256k1 with Ethereum addresses.  Signing is deterministic (RFC 6979), low s, v = 27 or 28.
 * E_RANGE for a secret that is zero or at least the group order.
 */
PINF_MUST_CHECK enum pinf_err
pinf_secp256k1_address(struct pinf_address *address, const struct pinf_key *secret);
PINF_MUST_CHECK enum pinf_err pinf_secp256k1_sign(
    struct pinf_sig *sig, const struct pinf_hash *digest, const struct pinf_key *secret);
/* E_AUTH_HIGH_S, E_AUTH_SIGNATURE (bad v, r or s out of range, no such point). */
PINF_MUST_CHECK enum pinf_err pinf_secp256k1_recover(
    struct pinf_address *address, const struct pinf_hash *digest, const struct pinf_sig *sig);

/* Argon2id, one lane.  E_RANGE below 1 pass or 8 KiB; E_NO_MEMORY.  Callers cap what files demand. */
PINF_MUST_CHECK enum pinf_err pinf_argon2id(struct pinf_key *key, struct pinf_span passphrase,
    const uint8_t salt[static 16], uint32_t passes, uint32_t memory_kib);

/* Appends the bytes of strict base64 (standard alphabet, padded).  E_SYNTAX, also where out is too small. */
PINF_MUST_CHECK enum pinf_err pinf_base64_decode(struct pinf_buf *out, struct pinf_span text);

/* Guarded, mlocked memory for long-lived secrets; zeroed.  Returns NULL when out of memory. */
/* From here on what the value says is public, and may decide where the program goes. */
void pinf_declassify(const void *value, size_t len);

void *pinf_guarded_alloc(size_t len);
void pinf_guarded_free(void *memory);

#endif
