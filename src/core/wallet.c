/* SPDX-License-Identifier: Apache-2.0 */
/* wallet.c -- secp256k1 wallets, EIP-712 and EIP-191 digests and signatures.  spec/auth.md. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <pinf/wallet.h>

#include "crypto/crypto.h"

enum pinf_err
pinf_wallet_new(struct pinf_wallet *wallet, struct pinf_random random)
{
	struct pinf_key secret PINF_WIPED = {{0}};
	struct pinf_address address;

	enum pinf_err err = random.fill(random.ctx, secret.bytes, sizeof secret.bytes);
	if (err != PINF_OK)
		return err;
	/* One draw in 2^128 lies outside the group: a source that gives one is broken. */
	if (pinf_secp256k1_address(&address, &secret) != PINF_OK)
		return PINF_E_RANDOM;
	wallet->secret = secret;
	wallet->address = address;
	return PINF_OK;
}

enum pinf_err
pinf_wallet_parse(struct pinf_wallet *wallet, struct pinf_span hex)
{
	struct pinf_key secret PINF_WIPED = {{0}};
	struct pinf_address address;

	if (hex.len > 2 && memcmp(hex.data, "0x", 2) == 0)
		hex = (struct pinf_span){hex.data + 2, hex.len - 2};
	if (pinf_unhex(secret.bytes, sizeof secret.bytes, hex, false) != PINF_OK)
		return PINF_E_SYNTAX;
	enum pinf_err err = pinf_secp256k1_address(&address, &secret);
	if (err != PINF_OK)
		return err;
	wallet->secret = secret;
	wallet->address = address;
	return PINF_OK;
}

void
pinf_wallet_wipe(struct pinf_wallet *wallet)
{
	pinf_wipe(wallet, sizeof *wallet);
}

/* Every field becomes one 32-byte word: numbers and addresses on its right. */
static void
eip712_word(struct pinf_hash *word, const struct pinf_eip712_field *field)
{
	*word = (struct pinf_hash){{0}};
	switch (field->type) {
	case PINF_EIP712_UINT:
		for (size_t i = 0; i < 8; i++)
			word->bytes[31 - i] = (uint8_t)(field->number >> (8 * i));
		break;
	case PINF_EIP712_ADDRESS:
		assert(field->bytes.len == PINF_ADDRESS_LEN);
		memcpy(word->bytes + 12, field->bytes.data, PINF_ADDRESS_LEN);
		break;
	case PINF_EIP712_BYTES32:
		assert(field->bytes.len == sizeof word->bytes);
		memcpy(word->bytes, field->bytes.data, sizeof word->bytes);
		break;
	case PINF_EIP712_STRING: pinf_keccak256(word, field->bytes); break;
	}
}

void
pinf_eip712_struct(struct pinf_hash *out, const char *type, const struct pinf_eip712_field *fields,
    size_t field_count)
{
	const struct pinf_span word = {out->bytes, sizeof out->bytes};
	struct pinf_keccak hash;

	pinf_keccak_init(&hash);
	pinf_keccak256(out, pinf_span_str(type));
	pinf_keccak_update(&hash, word);
	for (size_t i = 0; i < field_count; i++) {
		eip712_word(out, &fields[i]);
		pinf_keccak_update(&hash, word);
	}
	pinf_keccak_final(&hash, out);
}

/* Keccak-256 of the domain's type, of its name "pinf" and of its version "1": the same in every digest. */
static const uint8_t domain_head[3 * 32] = {0x8b, 0x73, 0xc3, 0xc6, 0x9b, 0xb8, 0xfe, 0x3d, 0x51,
    0x2e, 0xcc, 0x4c, 0xf7, 0x59, 0xcc, 0x79, 0x23, 0x9f, 0x7b, 0x17, 0x9b, 0x0f, 0xfa, 0xca, 0xa9,
    0xa7, 0x5d, 0x52, 0x2b, 0x39, 0x40, 0x0f, 0xbe, 0x31, 0x91, 0xd0, 0xeb, 0x44, 0x60, 0x24, 0xe5,
    0x76, 0xed, 0x6f, 0x7d, 0x18, 0xba, 0x4d, 0x38, 0xf9, 0x24, 0x33, 0xe8, 0x55, 0x08, 0x32, 0x71,
    0x97, 0xd2, 0xef, 0xe8, 0x4a, 0x75, 0x4f, 0xc8, 0x9e, 0xfd, 0xaa, 0x54, 0xc0, 0xf2, 0x0c, 0x7a,
    0xdf, 0x61, 0x28, 0x82, 0xdf, 0x09, 0x50, 0xf5, 0xa9, 0x51, 0x63, 0x7e, 0x03, 0x07, 0xcd, 0xcb,
    0x4c, 0x67, 0x2f, 0x29, 0x8b, 0x8b, 0xc6};

void
pinf_eip712_domain(struct pinf_hash *out, const struct pinf_domain *domain)
{
	const struct pinf_eip712_field fields[] = {
	    {.type = PINF_EIP712_UINT, .number = domain->chain_id},
	    {.type = PINF_EIP712_ADDRESS, .bytes = {domain->contract.bytes, PINF_ADDRESS_LEN}},
	};
	struct pinf_keccak hash;

	pinf_keccak_init(&hash);
	pinf_keccak_update(&hash, (struct pinf_span){domain_head, sizeof domain_head});
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		eip712_word(out, &fields[i]);
		pinf_keccak_update(&hash, (struct pinf_span){out->bytes, sizeof out->bytes});
	}
	pinf_keccak_final(&hash, out);
}

void
pinf_eip712_digest(
    struct pinf_hash *out, const struct pinf_hash *domain, const struct pinf_hash *object)
{
	struct pinf_keccak hash;

	pinf_keccak_init(&hash);
	pinf_keccak_update(&hash, pinf_span_str("\x19\x01"));
	pinf_keccak_update(&hash, (struct pinf_span){domain->bytes, sizeof domain->bytes});
	pinf_keccak_update(&hash, (struct pinf_span){object->bytes, sizeof object->bytes});
	pinf_keccak_final(&hash, out);
}

void
pinf_eip191_digest(struct pinf_hash *out, struct pinf_span message)
{
	struct pinf_keccak hash;
	char prefix[64];

	(void)snprintf(prefix, sizeof prefix, "%cEthereum Signed Message:\n%zu", 0x19, message.len);
	pinf_keccak_init(&hash);
	pinf_keccak_update(&hash, pinf_span_str(prefix));
	pinf_keccak_update(&hash, message);
	pinf_keccak_final(&hash, out);
}

enum pinf_err
pinf_wallet_sign(
    struct pinf_sig *sig, const struct pinf_wallet *wallet, const struct pinf_hash *digest)
{
	return pinf_secp256k1_sign(sig, digest, &wallet->secret);
}

enum pinf_err
pinf_signature_check(
    const struct pinf_sig *sig, const struct pinf_hash *digest, const struct pinf_address *signer)
{
	struct pinf_address address;
	enum pinf_err err = pinf_secp256k1_recover(&address, digest, sig);

	if (err != PINF_OK)
		return err;
	return pinf_address_equal(&address, signer) ? PINF_OK : PINF_E_AUTH_SIGNATURE;
}
