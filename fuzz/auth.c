/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.c -- fuzzes Authorization headers: as they come, or ('s' first) for a request of the input's that is signed here and
 * then changed in one place.  spec/auth.md.
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
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};

	if (fuzz_byte(&in) == 's')
		try_signed(&in);
	else
		try_header((struct pinf_span){data, size});
	return 0;
}
