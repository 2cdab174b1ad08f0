/* SPDX-License-Identifier: Apache-2.0 */
/* x25519.c -- X25519 on libsodium.  RFC 7748. */
#include <assert.h>

#include <sodium.h>

#include "crypto.h"

void
pinf_x25519_public(uint8_t public_key[static 32], const struct pinf_key *secret)
{
	const int ready = sodium_init();

	assert(ready >= 0); /* Fails only where a mutex does. */
	(void)crypto_scalarmult_curve25519_base(public_key, secret->bytes); /* Never fails. */
}

enum pinf_err
pinf_x25519(
    struct pinf_key *shared, const struct pinf_key *secret, const uint8_t public_key[static 32])
{
	struct pinf_key point PINF_WIPED = {{0}};
	int is_zero;

	if (sodium_init() < 0)
		return PINF_E_CRYPTO;
	is_zero = crypto_scalarmult_curve25519(point.bytes, secret->bytes, public_key);
	pinf_declassify(&is_zero, sizeof is_zero); /* It is the public key's fault. */
	if (is_zero != 0)
		return PINF_E_HPKE;
	*shared = point;
	return PINF_OK;
}
