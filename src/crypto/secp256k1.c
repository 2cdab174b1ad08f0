/* SPDX-License-Identifier: Apache-2.0 */
/* secp256k1.c -- recoverable ECDSA with Ethereum addresses, on libsecp256k1. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <secp256k1.h>
#include <secp256k1_preallocated.h>
#include <secp256k1_recovery.h>

#include "crypto.h"

/*
 * The static context serves where no secret is involved.  Where one is, a context is built on the
 * stack for each call, in a fraction of the time of the operation: nothing global, nothing to lock.
 */
struct signing_context {
	_Alignas(max_align_t) unsigned char memory[1024];
};

static secp256k1_context *
signing_context(struct signing_context *room)
{
	assert(secp256k1_context_preallocated_size(SECP256K1_CONTEXT_NONE) <= sizeof room->memory);
	return secp256k1_context_preallocated_create(room->memory, SECP256K1_CONTEXT_NONE);
}

static void
address_of(struct pinf_address *address, const secp256k1_pubkey *point)
{
	uint8_t bytes[65];
	size_t len = sizeof bytes;
	struct pinf_hash hash;

	(void)secp256k1_ec_pubkey_serialize(
	    secp256k1_context_static, bytes, &len, point, SECP256K1_EC_UNCOMPRESSED);
	/* Ethereum hashes the bare coordinates: without the leading 0x04. */
	pinf_keccak256(&hash, (struct pinf_span){bytes + 1, sizeof bytes - 1});
	memcpy(address->bytes, hash.bytes + sizeof hash.bytes - PINF_ADDRESS_LEN, PINF_ADDRESS_LEN);
}

enum pinf_err
pinf_secp256k1_address(struct pinf_address *address, const struct pinf_key *secret)
{
	struct signing_context room;
	secp256k1_context *ctx = signing_context(&room);
	secp256k1_pubkey point;
	const int valid = secp256k1_ec_pubkey_create(ctx, &point, secret->bytes);

	secp256k1_context_preallocated_destroy(ctx);
	if (!valid)
		return PINF_E_RANGE;
	address_of(address, &point);
	return PINF_OK;
}

enum pinf_err
pinf_secp256k1_sign(
    struct pinf_sig *sig, const struct pinf_hash *digest, const struct pinf_key *secret)
{
	struct signing_context room;
	secp256k1_context *ctx = signing_context(&room);
	secp256k1_ecdsa_recoverable_signature raw;
	const int valid = secp256k1_ecdsa_sign_recoverable(
	    ctx, &raw, digest->bytes, secret->bytes, secp256k1_nonce_function_rfc6979, NULL);
	int recid = 0;

	secp256k1_context_preallocated_destroy(ctx);
	if (!valid)
		return PINF_E_RANGE;
	(void)secp256k1_ecdsa_recoverable_signature_serialize_compact(
	    secp256k1_context_static, sig->bytes, &recid, &raw);
	/* recid 2 and 3 need an r above the order: one signature in 2^127. */
	assert(recid == 0 || recid == 1);
	sig->bytes[64] = (uint8_t)(27 + recid);
	return PINF_OK;
}

enum pinf_err
pinf_secp256k1_recover(
    struct pinf_address *address, const struct pinf_hash *digest, const struct pinf_sig *sig)
{
	const secp256k1_context *ctx = secp256k1_context_static;
	const int recid = sig->bytes[64] - 27;
	secp256k1_ecdsa_recoverable_signature raw;
	secp256k1_ecdsa_signature plain;
	secp256k1_pubkey point;

	if ((recid != 0 && recid != 1) ||
	    !secp256k1_ecdsa_recoverable_signature_parse_compact(ctx, &raw, sig->bytes, recid))
		return PINF_E_AUTH_SIGNATURE;
	(void)secp256k1_ecdsa_recoverable_signature_convert(ctx, &plain, &raw);
	if (secp256k1_ecdsa_signature_normalize(ctx, NULL, &plain))
		return PINF_E_AUTH_HIGH_S;
	if (!secp256k1_ecdsa_recover(ctx, &point, &raw, digest->bytes))
		return PINF_E_AUTH_SIGNATURE;
	address_of(address, &point);
	return PINF_OK;
}
