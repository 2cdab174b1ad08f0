/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant.c -- fuzzes key grants and the HPKE in them: as they come, ('e' first) one that is right, changed in some places, or ('m')
 * made here with the input's fields and then changed in one place.  spec/grants.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/auth.h>

#include "common.h"
#include "crypto/crypto.h"

static enum pinf_err
decode_starving(struct pinf_span text)
{
	struct pinf_grant grant;
	struct pinf_bytes out = {0};
	enum pinf_err err = pinf_grant_decode(&grant, text);

	if (err == PINF_OK)
		err = pinf_grant_encode(&out, &grant);
	pinf_bytes_free(&out);
	return err;
}

static void
try_json(struct pinf_span text)
{
	struct pinf_grant grant, again;
	struct pinf_bytes written = {0}, twice = {0};
	const enum pinf_err err = pinf_grant_decode(&grant, text);

	fuzz_check_named(err);
	if (err != PINF_OK)
		return;
	fuzz_check(pinf_scope_check(&grant.scope) == PINF_OK && grant.key_version > 0,
	    "what decodes is valid");
	fuzz_check(pinf_grant_encode(&written, &grant) == PINF_OK &&
		       pinf_grant_decode(&again, pinf_span_of(&written)) == PINF_OK &&
		       pinf_grant_encode(&twice, &again) == PINF_OK &&
		       pinf_span_equal(pinf_span_of(&written), pinf_span_of(&twice)),
	    "what decodes encodes, and settles at once");
	pinf_bytes_free(&written);
	pinf_bytes_free(&twice);
}

/* A grant that is right, with bytes of the input's in some places, half of them where values begin: near to what decodes. */
static void
try_edited(struct fuzz_input *in)
{
	static struct pinf_bytes right;
	struct pinf_bytes edited = {0};
	const struct pinf_grant grant = {.scope = {.kind = PINF_SCOPE_TASK,
					     .purpose = PINF_PURPOSE_RESULT,
					     .session = 7,
					     .task = 9,
					     .attempt = 2,
					     .miner = {{1}}},
	    .key_version = 4,
	    .expires_ms = 1700000000000,
	    .audit_seq = 3};

	if (right.data == NULL && pinf_grant_encode(&right, &grant) != PINF_OK)
		abort();
	fuzz_check(pinf_bytes_append(&edited, right.data, right.len) == PINF_OK, "room");
	while (in->size >= 3) {
		const size_t high = fuzz_byte(in), at = (high << 8 | fuzz_byte(in)) % edited.len;
		uint8_t *colon = memchr(edited.data + at, ':', edited.len - 1 - at);

		*(high < 0x80 || colon == NULL ? edited.data + at : colon + 1) = fuzz_byte(in);
	}
	try_json(pinf_span_of(&edited));
	pinf_bytes_free(&edited);
}

/* What can fail in making and opening one, does. */
static enum pinf_err
make_starving(struct pinf_span in)
{
	uint64_t seed = in.len;
	const struct pinf_random random = fuzz_random(&seed);
	static const struct pinf_key secret = {{7}};
	struct pinf_grant grant = {.scope = {.kind = PINF_SCOPE_TASK,
				       .purpose = PINF_PURPOSE_INPUT,
				       .session = 1,
				       .task = 1},
	    .key_version = 1,
	    .expires_ms = 1};
	struct pinf_grant_expect expect = {.scope = grant.scope};
	struct pinf_hpke_keypair pair;
	struct pinf_key opened = {{0}};
	enum pinf_err err = pinf_hpke_keypair(&pair, random);

	if (err == PINF_OK)
		err = pinf_grant_make(
		    &grant, &secret, pair.public_key, &expect.domain, &secret, random);
	if (err == PINF_OK && pinf_secp256k1_address(&expect.router, &secret) != PINF_OK)
		abort();
	if (err == PINF_OK)
		err = pinf_grant_open(&opened, &grant, &expect, &pair);
	fuzz_check(err == PINF_OK || opened.bytes[0] == 0, "no key where one was not opened");
	return err;
}

/* Every expectation counts, and a sender without randomness seals nothing. */
static void
check_expectations(const struct pinf_grant *grant, const struct pinf_grant_expect *expect,
    const struct pinf_hpke_keypair *pair, const struct pinf_key *key)
{
	struct pinf_grant_expect other = *expect;
	struct pinf_grant again = *grant;
	struct pinf_key opened = {{0}};

	other.request_digest.bytes[0] ^= 1;
	fuzz_check(pinf_grant_open(&opened, grant, &other, pair) == PINF_E_GRANT_MISMATCH,
	    "for this request");
	other = *expect;
	other.scope.task++;
	fuzz_check(pinf_grant_open(&opened, grant, &other, pair) == PINF_E_SCOPE_MISMATCH,
	    "and this scope");
	other = *expect;
	other.router.bytes[0] ^= 1;
	fuzz_check(
	    pinf_grant_open(&opened, grant, &other, pair) == PINF_E_GRANT_FORGED, "and router");
	again.scope.kind = (enum pinf_scope_kind)9;
	fuzz_check(pinf_grant_open(&opened, &again, expect, pair) == PINF_E_SCOPE, "that is one");
	fuzz_check(pinf_grant_make(&again, key, pair->public_key, &expect->domain, key,
		       fuzz_broken_random()) == PINF_E_SCOPE,
	    "of a scope that is one");
	again.scope = grant->scope;
	fuzz_check(pinf_grant_make(&again, key, pair->public_key, &expect->domain, key,
		       fuzz_broken_random()) == PINF_E_RANDOM &&
		       memcmp(again.enc, grant->enc, sizeof again.enc) == 0,
	    "with fresh randomness");
}

static void
try_made(struct fuzz_input *in)
{
	uint64_t seed = 11;
	const struct pinf_random random = fuzz_random(&seed);
	struct pinf_grant grant = {.scope = {.kind = PINF_SCOPE_TASK,
				       .purpose = PINF_PURPOSE_INPUT,
				       .session = 1 + fuzz_below(in, UINT32_MAX),
				       .task = 1 + fuzz_below(in, UINT32_MAX)},
	    .key_version = 1 + fuzz_byte(in),
	    .expires_ms = 1 + fuzz_below(in, UINT32_MAX)};
	struct pinf_grant_expect expect = {.domain = {.chain_id = fuzz_below(in, UINT32_MAX)}};
	struct pinf_wallet identity;
	struct pinf_hpke_keypair pair;
	struct pinf_key key, opened;
	const uint8_t what = fuzz_byte(in);
	uint8_t *fields[] = {grant.enc, grant.sealed_key, grant.request_digest.bytes,
	    grant.audit_head.bytes, grant.signature.bytes};
	const size_t lengths[] = {
	    sizeof grant.enc, sizeof grant.sealed_key, PINF_HASH_LEN, PINF_HASH_LEN, PINF_SIG_LEN};

	if (pinf_wallet_new(&identity, random) != PINF_OK ||
	    pinf_hpke_keypair(&pair, random) != PINF_OK)
		abort();
	fuzz_fill(in, key.bytes, sizeof key.bytes);
	fuzz_fill(in, grant.request_digest.bytes, PINF_HASH_LEN);
	fuzz_check(pinf_grant_make(&grant, &key, pair.public_key, &expect.domain, &identity.secret,
		       random) == PINF_OK,
	    "it is made");
	expect.router = identity.address;
	expect.request_digest = grant.request_digest;
	expect.scope = grant.scope;
	expect.now_ms = grant.expires_ms - 1;
	fuzz_check(pinf_grant_open(&opened, &grant, &expect, &pair) == PINF_OK &&
		       memcmp(&key, &opened, sizeof key) == 0,
	    "and opens to the key");
	expect.now_ms++;
	fuzz_check(pinf_grant_open(&opened, &grant, &expect, &pair) == PINF_E_GRANT_EXPIRED,
	    "until it expires");
	expect.now_ms--;
	check_expectations(&grant, &expect, &pair, &key);
	fields[what % 5][fuzz_below(in, lengths[what % 5])] ^= (uint8_t)(1u << what / 5 % 8);
	fuzz_check(pinf_grant_open(&opened, &grant, &expect, &pair) != PINF_OK,
	    "and not with one bit changed");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};

	switch (fuzz_byte(&in)) {
	case 'm': try_made(&in); break;
	case 'e': try_edited(&in); break;
	default: try_json((struct pinf_span){data, size});
	}
	fuzz_starve(make_starving, (struct pinf_span){data, size});
	fuzz_starve(decode_starving, (struct pinf_span){data, size});
	return 0;
}
