/* SPDX-License-Identifier: Apache-2.0 */
/* argon2.c -- Argon2id on libsodium.  RFC 9106. */
#include <sodium.h>

#include "crypto.h"

_Static_assert(crypto_pwhash_argon2id_SALTBYTES == 16, "what crypto.h promises");

enum pinf_err
pinf_argon2id(struct pinf_key *key, struct pinf_span passphrase, const uint8_t salt[static 16],
    uint32_t passes, uint32_t memory_kib)
{
	struct pinf_key derived PINF_WIPED = {{0}};
	const char *text = passphrase.len > 0 ? (const char *)passphrase.data : "";

	if (passes < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
	    memory_kib < crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024)
		return PINF_E_RANGE;
	if (sodium_init() < 0)
		return PINF_E_CRYPTO;
	if (crypto_pwhash_argon2id(derived.bytes, sizeof derived.bytes, text, passphrase.len, salt,
		passes, (size_t)memory_kib * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return PINF_E_NO_MEMORY;
	*key = derived;
	return PINF_OK;
}
