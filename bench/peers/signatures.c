/* SPDX-License-Identifier: Apache-2.0 */
/* signatures.c -- libsecp256k1 and libsodium, called as they are. */
#include "signatures.h"

#include <secp256k1_recovery.h>
#include <sodium.h>

#include "../measure.h"

static const secp256k1_context *
context(void)
{
	static secp256k1_context *made;

	if (made == NULL)
		made = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
	return made;
}

void
peers_sign(const uint8_t secret[static 32], const uint8_t digest[static 32], uint8_t out[static 65])
{
	secp256k1_ecdsa_recoverable_signature signature;
	int id = 0;

	bench_require(secp256k1_ecdsa_sign_recoverable(
			  context(), &signature, digest, secret, NULL, NULL) == 1 &&
			  secp256k1_ecdsa_recoverable_signature_serialize_compact(
			      context(), out, &id, &signature) == 1,
	    "secp256k1 sign");
	out[64] = (uint8_t)id;
}

void
peers_recover(
    const uint8_t signature[static 65], const uint8_t digest[static 32], uint8_t out[static 64])
{
	secp256k1_ecdsa_recoverable_signature parsed;
	secp256k1_pubkey key;

	bench_require(secp256k1_ecdsa_recoverable_signature_parse_compact(
			  context(), &parsed, signature, signature[64]) == 1 &&
			  secp256k1_ecdsa_recover(context(), &key, &parsed, digest) == 1,
	    "secp256k1 recover");
	for (int i = 0; i < 64; i++)
		out[i] = key.data[i];
}

void
peers_x25519(
    const uint8_t secret[static 32], const uint8_t point[static 32], uint8_t out[static 32])
{
	bench_require(crypto_scalarmult_curve25519(out, secret, point) == 0, "X25519");
}
