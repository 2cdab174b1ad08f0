/* SPDX-License-Identifier: Apache-2.0 */
/* wallet.h -- secp256k1 wallets, EIP-712 and EIP-191 signatures.  spec/auth.md. */
#ifndef PINF_WALLET_H
#define PINF_WALLET_H

#include <pinf/base.h>

struct pinf_wallet {
	struct pinf_key secret;
	struct pinf_address address;
};

PINF_MUST_CHECK enum pinf_err
pinf_wallet_new(struct pinf_wallet *wallet, struct pinf_random random);
/* 64 hex digits, 0x allowed.  E_SYNTAX, or E_RANGE for zero or at least the group order. */
PINF_MUST_CHECK enum pinf_err pinf_wallet_parse(struct pinf_wallet *wallet, struct pinf_span hex);
void pinf_wallet_wipe(struct pinf_wallet *wallet);

/*
 * One field of an EIP-712 struct.  Addresses are 20 bytes, bytes32 is 32, uint is by value; STRING
 * is any bytes, for the types string and bytes alike.
 */
enum pinf_eip712_type {
	PINF_EIP712_UINT,
	PINF_EIP712_ADDRESS,
	PINF_EIP712_BYTES32,
	PINF_EIP712_STRING
};
struct pinf_eip712_field {
	enum pinf_eip712_type type;
	uint64_t number;
	struct pinf_span bytes;
};

/* keccak256(typeHash || encoded fields); type is the encodeType text, "Grant(bytes32 x,...)". */
void pinf_eip712_struct(struct pinf_hash *out, const char *type,
    const struct pinf_eip712_field *fields, size_t field_count);
/* The separator of EIP712Domain(name "pinf", version "1", chainId, verifyingContract). */
void pinf_eip712_domain(struct pinf_hash *out, const struct pinf_domain *domain);
/* keccak256(0x1901 || domain separator || struct hash). */
void pinf_eip712_digest(
    struct pinf_hash *out, const struct pinf_hash *domain, const struct pinf_hash *object);
/* keccak256("\x19Ethereum Signed Message:\n" || decimal length || message). */
void pinf_eip191_digest(struct pinf_hash *out, struct pinf_span message);

PINF_MUST_CHECK enum pinf_err pinf_wallet_sign(
    struct pinf_sig *sig, const struct pinf_wallet *wallet, const struct pinf_hash *digest);
/* Whether sig over digest is signer's: OK, E_AUTH_HIGH_S or E_AUTH_SIGNATURE. */
PINF_MUST_CHECK enum pinf_err pinf_signature_check(
    const struct pinf_sig *sig, const struct pinf_hash *digest, const struct pinf_address *signer);

#endif
