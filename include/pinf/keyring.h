/* SPDX-License-Identifier: Apache-2.0 */
/* keyring.h -- key versions, derivation, the router's identity.  spec/keys.md. */
#ifndef PINF_KEYRING_H
#define PINF_KEYRING_H

#include <pinf/base.h>
#include <pinf/scope.h>

#define PINF_SEED_MIN         32
#define PINF_SEED_MAX         64
#define PINF_KEY_VERSIONS_MAX 4096
#define PINF_FINGERPRINT_LEN  8 /* of a seed; for people and tombstones */
#define PINF_KEYRING_FILE_MAX ((size_t)1 << 20)

enum pinf_key_state {
	PINF_KEY_PENDING = 1,
	PINF_KEY_ACTIVE, /* seals and opens; at most one version */
	PINF_KEY_DECRYPT_ONLY, /* finishes its tasks, opens old blobs */
	PINF_KEY_DESTROYED /* a tombstone: fingerprint only */
};

const char *pinf_key_state_name(enum pinf_key_state state); /* "pending", "active", ... */

struct pinf_key_info {
	uint32_t version; /* from 1 */
	enum pinf_key_state state;
	uint64_t created_ms;
	uint8_t fingerprint[PINF_FINGERPRINT_LEN];
};

/*
 * All seeds of one deployment with their HMAC midstates, in guarded memory.  Reading
 * functions (derive, info, identity) take no lock and allocate nothing: any number of threads
 * may call them while nobody changes the keyring.
 */
struct pinf_keyring;

/* A keyring for that domain, with a fresh identity and no key version. */
PINF_MUST_CHECK enum pinf_err pinf_keyring_new(
    struct pinf_keyring **keyring, const struct pinf_domain *domain, struct pinf_random random);
/* A deep copy: changes are made on a copy, saved, and only then put in the original's place. */
PINF_MUST_CHECK enum pinf_err
pinf_keyring_clone(struct pinf_keyring **copy, const struct pinf_keyring *keyring);
void pinf_keyring_free(struct pinf_keyring *keyring); /* wipes; NULL is fine */

const struct pinf_domain *pinf_keyring_domain(const struct pinf_keyring *keyring);
/* The router's identity: the secp256k1 secret and its address. */
const struct pinf_key *pinf_keyring_identity(const struct pinf_keyring *keyring);
const struct pinf_address *pinf_keyring_address(const struct pinf_keyring *keyring);

/*
 * Adds the next version, pending, from a fresh random seed or from an imported one (not NULL).
 * now_ms <= PINF_ID_MAX.  E_SEED_WEAK, E_SEED_KNOWN, E_TOO_LARGE at PINF_KEY_VERSIONS_MAX.
 */
PINF_MUST_CHECK enum pinf_err pinf_keyring_add(struct pinf_keyring *keyring, uint32_t *version,
    const struct pinf_span *seed, uint64_t now_ms, struct pinf_random random);
/* Makes a pending version the active one; the former becomes decrypt-only.  E_KEY_UNKNOWN, E_STATE. */
PINF_MUST_CHECK enum pinf_err pinf_keyring_activate(struct pinf_keyring *keyring, uint32_t version);
/* Add and activate in one: what "rotate" means. */
PINF_MUST_CHECK enum pinf_err pinf_keyring_rotate(
    struct pinf_keyring *keyring, uint32_t *version, uint64_t now_ms, struct pinf_random random);
/* Wipes the seed, leaves the tombstone.  E_KEY_UNKNOWN, E_KEY_DESTROYED; E_STATE for the active one. */
PINF_MUST_CHECK enum pinf_err pinf_keyring_destroy(struct pinf_keyring *keyring, uint32_t version);

size_t pinf_keyring_count(const struct pinf_keyring *keyring);
struct pinf_key_info pinf_keyring_info(const struct pinf_keyring *keyring, size_t index);
/* The active version, or 0. */
uint32_t pinf_keyring_active(const struct pinf_keyring *keyring);
/* Whether a version may seal new blobs (active), or only open (decrypt-only too). */
PINF_MUST_CHECK enum pinf_err
pinf_keyring_usable(const struct pinf_keyring *keyring, uint32_t version, bool to_seal);

/* HKDF-Expand(PRK(version), scope, 32).  E_KEY_UNKNOWN, E_KEY_PENDING, E_KEY_DESTROYED, E_SCOPE. */
PINF_MUST_CHECK enum pinf_err pinf_keyring_derive(const struct pinf_keyring *keyring,
    uint32_t version, const struct pinf_scope *scope, struct pinf_key *key);
/* Keyed digest of plaintext that must be stored (idempotency): never the bare hash of a prompt. */
void pinf_keyring_digest(
    const struct pinf_keyring *keyring, struct pinf_span data, struct pinf_hash *digest);

/* Argon2id cost of a keyring file; a zero means the default (3 passes, 64 MiB).  Files that ask for more are refused. */
#define PINF_KDF_PASSES_MAX     16
#define PINF_KDF_MEMORY_MIN_KIB 8
#define PINF_KDF_MEMORY_MAX_KIB 262144
struct pinf_kdf_cost {
	uint32_t passes;
	uint32_t memory_kib;
};

/* Sealed keyring file, appended.  spec/keys.md#file.  Encode: E_RANGE; decode: E_KEYRING, E_PASSPHRASE. */
PINF_MUST_CHECK enum pinf_err
pinf_keyring_encode(const struct pinf_keyring *keyring, struct pinf_bytes *file,
    struct pinf_span passphrase, struct pinf_kdf_cost cost, struct pinf_random random);
PINF_MUST_CHECK enum pinf_err pinf_keyring_decode(
    struct pinf_keyring **keyring, struct pinf_span file, struct pinf_span passphrase);
struct pinf_kdf_cost pinf_keyring_cost(struct pinf_span file); /* of one that decoded */

/* ENCRYPTION_SEED: hex or base64 of 32 to 64 bytes that look random; else E_SEED_WEAK. */
PINF_MUST_CHECK enum pinf_err
pinf_seed_parse(uint8_t seed[static PINF_SEED_MAX], size_t *seed_len, struct pinf_span text);

#endif
