/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.c -- fuzzes Authorization headers: as they come, or ('s' first) for a request of the input's that is signed here and
 * then changed in one place; and ('d') digests of what else is signed.  spec/auth.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/auth.h>

#include "common.h"

static void
try_header(struct pinf_span text)
{
	struct pinf_auth auth;
	char again[PINF_AUTH_HEADER_MAX + 1];
	const enum pinf_err err = pinf_auth_header_parse(&auth, text);

	fuzz_check_named(err);
	if (err != PINF_OK)
		return;
	fuzz_check(pinf_auth_header_format(again, &auth) == PINF_OK &&
		       pinf_span_equal(pinf_span_str(again), text),
	    "one header, one spelling");
}

/* A printable path of the input's. */
static void
read_path(struct fuzz_input *in, char *path, size_t cap)
{
	const size_t len = 1 + (size_t)fuzz_below(in, cap - 1);

	for (size_t i = 0; i < len; i++)
		path[i] = (char)('!' + fuzz_byte(in) % ('~' - '!' + 1));
	path[len] = '\0';
}

/* What pinf_auth_sign() makes is accepted; a request that has no text of its own, or gets no nonce, is not signed. */
static void
try_signing(const struct pinf_wallet *wallet, struct pinf_auth_request r)
{
	struct pinf_auth auth;
	char header[PINF_AUTH_HEADER_MAX + 1], odd[] = "/a b";
	uint64_t seed = 6;
	const struct pinf_auth_request asked = r;
	const uint64_t now_ms = r.expires_ms;

	fuzz_check(pinf_auth_sign(header, wallet, &r, now_ms, fuzz_random(&seed)) == PINF_OK &&
		       pinf_auth_header_parse(&auth, pinf_span_str(header)) == PINF_OK &&
		       pinf_auth_check(&auth, &r) == PINF_OK && r.expires_ms > now_ms,
	    "what is signed in one call is accepted");
	auth.router.bytes[0] ^= 1;
	fuzz_check(pinf_auth_check(&auth, &r) == PINF_E_AUTH_ROUTER, "not by another router");
	auth.router.bytes[0] ^= 1;
	r = asked;
	fuzz_check(
	    pinf_auth_sign(header, wallet, &r, now_ms, fuzz_broken_random()) == PINF_E_RANDOM,
	    "without a nonce there is no signature");
	for (size_t i = 0; i < 3; i++) {
		r.path = i == 0 ? pinf_span_str("") : (struct pinf_span){(uint8_t *)odd, 4};
		odd[2] = i == 1 ? ' ' : '\x7f';
		fuzz_check(pinf_auth_sign(header, wallet, &r, now_ms, fuzz_random(&seed)) ==
				   PINF_E_AUTH_SYNTAX &&
			       pinf_auth_check(&auth, &r) == PINF_E_AUTH_SYNTAX,
		    "nor for a path that is none");
	}
	r = asked;
	r.session = PINF_ID_MAX + 1;
	fuzz_check(
	    pinf_auth_sign(header, wallet, &r, now_ms, fuzz_random(&seed)) == PINF_E_ID_RANGE,
	    "nor for an id that is none");
	r.session = asked.session;
	fuzz_check(
	    pinf_auth_sign(header, wallet, &r, PINF_ID_MAX, fuzz_random(&seed)) == PINF_E_RANGE,
	    "nor for ever");
}

/* Every field of what is signed counts: another one is another digest. */
static void
try_digests(struct fuzz_input *in)
{
	struct pinf_result_claim claim = {.session = 1, .result_urn = pinf_span_str("urn:a")},
				 other;
	struct pinf_grant grant = {.scope = {.kind = PINF_SCOPE_TASK,
				       .purpose = PINF_PURPOSE_INPUT,
				       .session = 256,
				       .task = 256}},
			  changed;
	const struct pinf_domain domain = {.chain_id = fuzz_byte(in)};
	const struct pinf_address router = {{fuzz_byte(in)}};
	struct pinf_hash head = {{fuzz_byte(in)}}, a, b;
	const uint64_t seq = fuzz_below(in, UINT32_MAX);
	uint8_t *const of_claim[] = {claim.router.bytes, (uint8_t *)&claim.session,
	    (uint8_t *)&claim.task, (uint8_t *)&claim.attempt, (uint8_t *)&claim.epoch,
	    claim.input_sha256.bytes, claim.result_sha256.bytes, (uint8_t *)&claim.key_version,
	    claim.domain.contract.bytes};
	uint8_t *const of_grant[] = {grant.enc, grant.sealed_key, grant.request_digest.bytes,
	    grant.audit_head.bytes, (uint8_t *)&grant.key_version, (uint8_t *)&grant.expires_ms,
	    (uint8_t *)&grant.audit_seq, (uint8_t *)&grant.scope.session, grant.scope.instance};
	const size_t which = (size_t)fuzz_below(in, 9);
	const uint8_t bit = (uint8_t)(1u << fuzz_byte(in) % 8);

	fuzz_fill(in, claim.input_sha256.bytes, PINF_HASH_LEN);
	fuzz_fill(in, grant.enc, sizeof grant.enc);
	other = claim;
	changed = grant;
	of_claim[which][0] ^= bit;
	of_grant[which][0] ^= bit;
	pinf_result_digest(&a, &claim);
	pinf_result_digest(&b, &other);
	fuzz_check(!pinf_hash_equal(&a, &b), "each field of a result is signed");
	pinf_grant_digest(&a, &grant, &domain);
	pinf_grant_digest(&b, &changed, &domain);
	fuzz_check(!pinf_hash_equal(&a, &b), "and each of a grant");
	pinf_checkpoint_digest(&a, &domain, &router, seq, &head);
	head.bytes[which] ^= bit;
	pinf_checkpoint_digest(&b, &domain, &router, seq, &head);
	fuzz_check(!pinf_hash_equal(&a, &b), "and a checkpoint's head");
}

static enum pinf_err
sign_starving(struct pinf_span text)
{
	const struct pinf_wallet wallet = {.secret = {{1}}};
	struct pinf_auth_request r = {.method = pinf_span_str("GET"), .path = pinf_span_str("/")};
	char header[PINF_AUTH_HEADER_MAX + 1];
	uint64_t seed = text.len;

	return pinf_auth_sign(header, &wallet, &r, 1, fuzz_random(&seed));
}

static void
try_signed(struct fuzz_input *in)
{
	static struct pinf_wallet wallet;
	struct pinf_auth_request r = {.router = {{1}},
	    .domain = {.chain_id = fuzz_below(in, UINT32_MAX)},
	    .method = pinf_span_str("POST"),
	    .session = fuzz_below(in, UINT32_MAX),
	    .task = fuzz_below(in, UINT32_MAX),
	    .key_version = (uint32_t)fuzz_below(in, UINT32_MAX),
	    .expires_ms = fuzz_below(in, UINT32_MAX)};
	const bool text = (fuzz_byte(in) & 1) != 0;
	struct pinf_auth auth = {
	    .scheme = text ? PINF_AUTH_EIP191 : PINF_AUTH_EIP712, .router = r.router};
	struct pinf_hash digest;
	char path[64], header[PINF_AUTH_HEADER_MAX + 1];
	uint64_t seed = 5;
	size_t place;

	if (wallet.address.bytes[0] == 0 && pinf_wallet_new(&wallet, fuzz_random(&seed)) != PINF_OK)
		abort();
	fuzz_fill(in, r.nonce, sizeof r.nonce);
	fuzz_fill(in, r.body_sha256.bytes, PINF_HASH_LEN);
	read_path(in, path, sizeof path);
	r.path = pinf_span_str(path);
	auth.address = wallet.address;
	auth.session = r.session;
	auth.task = r.task;
	auth.key_version = r.key_version;
	auth.expires_ms = r.expires_ms;
	memcpy(auth.nonce, r.nonce, sizeof auth.nonce);
	pinf_auth_digest(&digest, auth.scheme, &r);
	fuzz_check(pinf_wallet_sign(&auth.signature, &wallet, &digest) == PINF_OK, "it signs");
	fuzz_check(pinf_auth_header_format(header, &auth) == PINF_OK &&
		       pinf_auth_header_parse(&auth, pinf_span_str(header)) == PINF_OK &&
		       pinf_auth_check(&auth, &r) == PINF_OK,
	    "what is signed is accepted");
	place = (size_t)fuzz_below(in, 65);
	auth.signature.bytes[place] ^= (uint8_t)(1u << fuzz_byte(in) % 8);
	fuzz_check(pinf_auth_check(&auth, &r) != PINF_OK, "not with another signature");
	fuzz_check(pinf_auth_header_parse(&auth, pinf_span_str(header)) == PINF_OK, "read again");
	path[0] = path[0] == '~' ? '!' : (char)(path[0] + 1);
	fuzz_check(pinf_auth_check(&auth, &r) != PINF_OK, "nor for another path");
	try_signing(&wallet, r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};

	switch (fuzz_byte(&in)) {
	case 's': try_signed(&in); break;
	case 'd': try_digests(&in); break;
	default: try_header((struct pinf_span){data, size});
	}
	fuzz_starve(sign_starving, (struct pinf_span){data, size});
	return 0;
}
