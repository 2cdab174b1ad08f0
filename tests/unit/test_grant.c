/* SPDX-License-Identifier: Apache-2.0 */
/* test_grant.c -- key grants: who can open one, what each field is bound by, their JSON. */
#include "unit.h"

#include <pinf/auth.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NOW_MS       5000

/* A router that made a grant, and a requester that waits for it. */
struct fixture {
	uint64_t seed;
	struct pinf_wallet router;
	struct pinf_hpke_keypair pair;
	struct pinf_key key;
	struct pinf_grant grant;
	struct pinf_grant_expect expect;
};

static struct pinf_scope
scope_of(enum pinf_purpose purpose)
{
	struct pinf_scope scope = {.kind = PINF_SCOPE_TASK,
	    .purpose = purpose,
	    .session = 101,
	    .task = 7,
	    .instance = "instance of 16"};

	if (purpose == PINF_PURPOSE_RESULT) {
		scope.attempt = 2;
		memset(scope.miner.bytes, 0x44, PINF_ADDRESS_LEN);
	}
	return scope;
}

static struct fixture
fixture_of(enum pinf_purpose purpose)
{
	struct fixture f = {.seed = 3,
	    .grant = {.request_digest = {"digest"},
		.scope = scope_of(purpose),
		.key_version = 1,
		.expires_ms = NOW_MS + 1,
		.audit_seq = 9,
		.audit_head = {"head"}},
	    .expect = {.domain = {.chain_id = 5}, .now_ms = NOW_MS}};

	assert_ok(pinf_wallet_new(&f.router, unit_random(&f.seed)));
	assert_ok(pinf_hpke_keypair(&f.pair, unit_random(&f.seed)));
	assert_ok(unit_fill(&f.seed, f.key.bytes, sizeof f.key.bytes));
	f.expect.router = f.router.address;
	f.expect.request_digest = f.grant.request_digest;
	f.expect.scope = f.grant.scope;
	assert_ok(pinf_grant_make(&f.grant, &f.key, f.pair.public_key, &f.expect.domain,
	    &f.router.secret, unit_random(&f.seed)));
	return f;
}

static enum pinf_err
opening(const struct fixture *f)
{
	struct pinf_key key = {{0xa5}}, untouched = key;
	const enum pinf_err err = pinf_grant_open(&key, &f->grant, &f->expect, &f->pair);

	if (err == PINF_OK)
		assert_memory_equal(key.bytes, f->key.bytes, PINF_KEY_LEN);
	else
		assert_memory_equal(key.bytes, untouched.bytes, PINF_KEY_LEN);
	return err;
}

static void
sign_again(struct fixture *f)
{
	struct pinf_hash digest;

	pinf_grant_digest(&digest, &f->grant, &f->expect.domain);
	assert_ok(pinf_wallet_sign(&f->grant.signature, &f->router, &digest));
}

static void
the_requester_opens_it(void **state)
{
	(void)state;
	for (int p = PINF_PURPOSE_INPUT; p <= PINF_PURPOSE_RESULT; p++) {
		const struct fixture f = fixture_of((enum pinf_purpose)p);
		struct fixture g = f;
		struct pinf_bytes json = {0};

		assert_ok(opening(&f));
		assert_ok(pinf_grant_encode(&json, &f.grant));
		memset(&g.grant, 0, sizeof g.grant);
		assert_ok(pinf_grant_decode(&g.grant, pinf_span_of(&json)));
		assert_ok(opening(&g));
		pinf_bytes_free(&json);
	}
}

static const size_t grant_bytes[] = {offsetof(struct pinf_grant, enc),
    offsetof(struct pinf_grant, sealed_key),
    offsetof(struct pinf_grant, sealed_key) + PINF_KEY_LEN + PINF_TAG_LEN - 1,
    offsetof(struct pinf_grant, request_digest), offsetof(struct pinf_grant, scope.session),
    offsetof(struct pinf_grant, scope.task), offsetof(struct pinf_grant, scope.instance),
    offsetof(struct pinf_grant, scope.attempt), offsetof(struct pinf_grant, scope.miner),
    offsetof(struct pinf_grant, key_version), offsetof(struct pinf_grant, expires_ms),
    offsetof(struct pinf_grant, audit_seq), offsetof(struct pinf_grant, audit_head),
    offsetof(struct pinf_grant, signature), offsetof(struct pinf_grant, signature) + 40,
    offsetof(struct pinf_grant, signature) + 64};

static void
every_field_is_signed(void **state)
{
	const struct fixture good = fixture_of(PINF_PURPOSE_RESULT);
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < COUNT(grant_bytes); i++) {
		f = good;
		((uint8_t *)&f.grant)[grant_bytes[i]] ^= 1;
		assert_err(opening(&f), PINF_E_GRANT_FORGED);
	}
	f = good;
	f.expect.domain.chain_id++;
	assert_err(opening(&f), PINF_E_GRANT_FORGED);
	f = good;
	f.expect.domain.contract.bytes[0]++;
	assert_err(opening(&f), PINF_E_GRANT_FORGED);
	f = good;
	f.expect.router.bytes[0]++;
	assert_err(opening(&f), PINF_E_GRANT_FORGED);
	f = good;
	f.grant.scope.attempt = 0; /* no scope at all */
	assert_err(opening(&f), PINF_E_SCOPE);
}

/* A proxy that ends TLS answers with a key of its own, correctly sealed. */
static void
a_proxys_grant_is_forged(void **state)
{
	struct fixture f = fixture_of(PINF_PURPOSE_INPUT);
	struct pinf_wallet proxy;

	(void)state;
	assert_ok(pinf_wallet_new(&proxy, unit_random(&f.seed)));
	assert_ok(pinf_grant_make(&f.grant, &f.key, f.pair.public_key, &f.expect.domain,
	    &proxy.secret, unit_random(&f.seed)));
	assert_err(opening(&f), PINF_E_GRANT_FORGED);
}

static void
the_router_signed_something_else(void **state)
{
	const struct fixture good = fixture_of(PINF_PURPOSE_RESULT);
	struct fixture f = good;

	(void)state;
	f.expect.request_digest.bytes[31]++;
	assert_err(opening(&f), PINF_E_GRANT_MISMATCH);
	f = good;
	f.expect.scope.attempt++;
	assert_err(opening(&f), PINF_E_SCOPE_MISMATCH);
	f = good;
	f.expect.now_ms = f.grant.expires_ms;
	assert_err(opening(&f), PINF_E_GRANT_EXPIRED);
	f.expect.now_ms--;
	assert_ok(opening(&f));
	assert_ok(pinf_hpke_keypair(&f.pair, unit_random(&f.seed)));
	assert_err(opening(&f), PINF_E_HPKE);
}

/* Even the router's own signature does not move a sealed key into another grant. */
static void
the_sealed_key_is_bound(void **state)
{
	const struct fixture good = fixture_of(PINF_PURPOSE_RESULT);
	struct fixture f = good;

	(void)state;
	sign_again(&f);
	assert_ok(opening(&f));
	f.grant.key_version++;
	sign_again(&f);
	assert_err(opening(&f), PINF_E_HPKE);
	f = good;
	f.grant.expires_ms++;
	sign_again(&f);
	assert_err(opening(&f), PINF_E_HPKE);
	f = good;
	f.grant.scope.attempt++;
	f.expect.scope = f.grant.scope;
	sign_again(&f);
	assert_err(opening(&f), PINF_E_HPKE);
	f = good;
	f.grant.request_digest.bytes[0]++;
	f.expect.request_digest = f.grant.request_digest;
	sign_again(&f);
	assert_err(opening(&f), PINF_E_HPKE);
	f = good;
	f.grant.sealed_key[PINF_KEY_LEN]++;
	sign_again(&f);
	assert_err(opening(&f), PINF_E_HPKE);
}

static void
nothing_is_made_of_bad_input(void **state)
{
	static const uint8_t low_order[PINF_HPKE_PUBLIC_LEN] = {0};
	struct fixture f = fixture_of(PINF_PURPOSE_INPUT);
	const struct pinf_grant before = f.grant;

	(void)state;
	assert_err(pinf_grant_make(&f.grant, &f.key, low_order, &f.expect.domain, &f.router.secret,
		       unit_random(&f.seed)),
	    PINF_E_HPKE);
	assert_memory_equal(&f.grant, &before, sizeof before);
	f.grant.scope.task = 0;
	assert_true(pinf_grant_make(&f.grant, &f.key, f.pair.public_key, &f.expect.domain,
			&f.router.secret, unit_random(&f.seed)) != PINF_OK);
	assert_memory_equal(f.grant.enc, before.enc, sizeof before.enc);
}

#define H32                                                                                        \
	"000102030405060708090a0b0c0d0e0f"                                                         \
	"101112131415161718191a1b1c1d1e1f"
#define SCOPE   "02010000000000000065000000000000000730303030303030303030303030303030"
#define HEAD    "\"audit_head\":\"" H32 "\""
#define SEQ     ",\"audit_seq\":9007199254740991"
#define ENC     ",\"enc\":\"" H32 "\""
#define EXPIRES ",\"expires_ms\":1767225600000"
#define VERSION ",\"key_version\":4294967295"
#define DIGEST  ",\"request_digest\":\"" H32 "\""
#define SCOPED  ",\"scope\":\"" SCOPE "\""
#define SEALED  ",\"sealed_key\":\"" H32 "000102030405060708090a0b0c0d0e0f\""
#define SIGNED  ",\"signature\":\"0x" H32 H32 "1b\""
#define WITH_SCOPE(scope)                                                                          \
	"{" HEAD SEQ ENC EXPIRES VERSION DIGEST ",\"scope\":" scope SEALED SIGNED "}"

static const struct {
	const char *json;
	enum pinf_err err;
} documents[] = {
    {"{" HEAD SEQ ENC EXPIRES VERSION DIGEST SCOPED SEALED SIGNED "}", PINF_OK},
    {"{" HEAD SEQ ENC EXPIRES VERSION DIGEST SCOPED SEALED SIGNED ",\"x-later\":1}", PINF_OK},
    {"{" HEAD SEQ ENC EXPIRES VERSION DIGEST SCOPED SEALED SIGNED ",\"later\":1}",
	PINF_E_UNKNOWN_FIELD},
    {"{" HEAD SEQ ENC EXPIRES VERSION DIGEST SCOPED SEALED SIGNED SIGNED "}", PINF_E_DUPLICATE},
    {"{" HEAD SEQ ENC EXPIRES VERSION DIGEST SCOPED SEALED "}", PINF_E_MISSING},
    {"{" HEAD SEQ ENC EXPIRES VERSION DIGEST SEALED SIGNED "}", PINF_E_MISSING},
    {"{" HEAD SEQ ENC EXPIRES DIGEST SCOPED SEALED SIGNED "}", PINF_E_MISSING},
    {"{" HEAD SEQ ENC EXPIRES ",\"key_version\":0" DIGEST SCOPED SEALED SIGNED "}", PINF_E_RANGE},
    {"{" HEAD SEQ ENC EXPIRES ",\"key_version\":4294967296" DIGEST SCOPED SEALED SIGNED "}",
	PINF_E_RANGE},
    {"{" HEAD SEQ ENC EXPIRES ",\"key_version\":\"1\"" DIGEST SCOPED SEALED SIGNED "}",
	PINF_E_TYPE},
    {"{" HEAD SEQ ",\"enc\":\"00\"" EXPIRES VERSION DIGEST SCOPED SEALED SIGNED "}", PINF_E_LENGTH},
    {WITH_SCOPE("1"), PINF_E_TYPE},
    {WITH_SCOPE("\"\""), PINF_E_LENGTH},
    {WITH_SCOPE("\"0\""), PINF_E_LENGTH},
    {WITH_SCOPE("\"" SCOPE "00\""), PINF_E_LENGTH},
    {WITH_SCOPE("\"" SCOPE SCOPE "\""), PINF_E_LENGTH},
    {WITH_SCOPE("\"zz010000000000000065000000000000000730303030303030303030303030303030\""),
	PINF_E_SYNTAX},
    {WITH_SCOPE("\"02010000000000000000000000000000000730303030303030303030303030303030\""),
	PINF_E_ID_RANGE},
    {"[]", PINF_E_TYPE},
    {"{", PINF_E_SYNTAX},
    {"", PINF_E_SYNTAX},
};

static void
json_is_strict_and_canonical(void **state)
{
	struct pinf_grant grant = {0};
	struct pinf_bytes json = {0};
	static char huge[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(documents); i++) {
		const enum pinf_err err = pinf_grant_decode(&grant, SPAN(documents[i].json));

		if (err != documents[i].err)
			fail_msg("%s: %s", documents[i].json, pinf_err_name(err));
	}
	assert_ok(pinf_grant_decode(&grant, SPAN(documents[0].json)));
	assert_ok(pinf_grant_encode(&json, &grant));
	assert_string_equal((const char *)json.data, documents[0].json);
	pinf_bytes_free(&json);
	memset(huge, ' ', sizeof huge - 1);
	assert_err(pinf_grant_decode(&grant, SPAN(huge)), PINF_E_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_requester_opens_it),
	    cmocka_unit_test(every_field_is_signed),
	    cmocka_unit_test(a_proxys_grant_is_forged),
	    cmocka_unit_test(the_router_signed_something_else),
	    cmocka_unit_test(the_sealed_key_is_bound),
	    cmocka_unit_test(nothing_is_made_of_bad_input),
	    cmocka_unit_test(json_is_strict_and_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
