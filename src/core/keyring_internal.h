/* SPDX-License-Identifier: Apache-2.0 */
/* keyring_internal.h -- what keyring.c and keyring_file.c share.  spec/keys.md. */
#ifndef PINF_CORE_KEYRING_INTERNAL_H
#define PINF_CORE_KEYRING_INTERNAL_H

#include <pinf/keyring.h>

#include "crypto/crypto.h"

struct pinf_key_version {
	struct pinf_hmac prk; /* HKDF's PRK as midstates */
	struct pinf_key_info info;
	uint8_t seed[PINF_SEED_MAX];
	uint8_t seed_len; /* 0: destroyed */
};

/* In guarded memory, as versions is.  versions[i] is version i + 1: none is ever removed. */
struct pinf_keyring {
	struct pinf_domain domain;
	struct pinf_key identity;
	struct pinf_address address;
	struct pinf_key digest_key;
	struct pinf_hmac digest;
	struct pinf_key_version *versions;
	size_t count;
	size_t cap;
	uint32_t active; /* 0: none */
};

/* From identity and digest_key, what is computed of them.  E_RANGE: not a secp256k1 secret. */
PINF_MUST_CHECK enum pinf_err pinf_keyring_prepare(struct pinf_keyring *keyring);
/*
 * Appends a version.  A destroyed one has an empty seed and the fingerprint of info; of the others
 * the fingerprint is computed.  E_SEED_KNOWN, E_TOO_LARGE, E_NO_MEMORY.
 */
PINF_MUST_CHECK enum pinf_err pinf_keyring_append(
    struct pinf_keyring *keyring, const struct pinf_key_info *info, struct pinf_span seed);
/* Of 32 to 64 bytes, and not a placeholder: text, a pattern, few values. */
bool pinf_seed_looks_random(struct pinf_span seed);

#endif
