/* SPDX-License-Identifier: Apache-2.0 */
/* test_keyring.c -- key versions, derivation, seeds, the sealed file; vectors of spec/examples. */
#include <stdbool.h>

#include "unit.h"

#include <pinf/keyring.h>

#include "core/be.h"
#include "crypto/crypto.h"

#define SEED_HEX    "1b085c1b579c53614b99a648e1798f3e94ebf15c3ade3bcfe4d85de71d1f2208"
#define SEED_BASE64 "GwhcG1ecU2FLmaZI4XmPPpTr8Vw63jvP5Nhd5x0fIgg="
#define PASSPHRASE  SPAN("correct horse")

static const struct pinf_domain domain = {
    8453, {{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
	      0xee, 0xff, 0x00, 0x11, 0x22, 0x33}}};
static const struct pinf_kdf_cost cheapest = {1, PINF_KDF_MEMORY_MIN_KIB};

static struct pinf_scope
task_scope(enum pinf_purpose purpose)
{
	struct pinf_scope scope = {
	    .kind = PINF_SCOPE_TASK, .purpose = purpose, .session = 101, .task = 9001};

	for (size_t i = 0; i < sizeof scope.instance; i++)
		scope.instance[i] = (uint8_t)i;
	if (purpose == PINF_PURPOSE_RESULT) {
		scope.attempt = 2;
		assert_ok(pinf_address_parse(
		    &scope.miner, SPAN("0xc0ffee254729296a45a3885639ac7e10f9d54979")));
	}
	return scope;
}

static struct pinf_keyring *
new_keyring(uint64_t *state)
{
	struct pinf_keyring *keyring;

	assert_ok(pinf_keyring_new(&keyring, &domain, unit_random(state)));
	return keyring;
}

static void
derivation_gives_the_vectors(void **state)
{
	const struct {
		struct pinf_scope scope;
		const char *want;
	} cases[] = {
	    {task_scope(PINF_PURPOSE_INPUT),
		"fed5f09cde0f5e63448069394c88562c4c45e69a8f907c3658bd32ef5eec1b3c"},
	    {{.kind = PINF_SCOPE_SESSION,
		 .purpose = PINF_PURPOSE_INPUT,
		 .session = 101,
		 .instance = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		"3659500e9d51fed49229efb7e8030ffc7a1a802714429cf4b542a133c21ff75f"},
	    {task_scope(PINF_PURPOSE_RESULT),
		"681e9c70366d012874d05a6ac00660017b46c00de7b7fe038d94d619af412f2b"},
	};
	uint64_t seed_state = 1;
	struct pinf_keyring *keyring = new_keyring(&seed_state);
	uint8_t seed[32];
	const struct pinf_span span = span_of(seed, sizeof seed);
	struct pinf_key key;
	uint32_t version = 0;

	(void)state;
	assert_ok(pinf_unhex(seed, sizeof seed, SPAN(SEED_HEX), true));
	for (uint64_t i = 1; i < 3; i++)
		assert_ok(pinf_keyring_rotate(keyring, &version, i, unit_random(&seed_state)));
	assert_ok(pinf_keyring_add(keyring, &version, &span, 3, unit_random(&seed_state)));
	assert_int_equal(version, 3);
	assert_hex(pinf_keyring_info(keyring, 2).fingerprint, 8, "31db70596524b80c");
	assert_err(pinf_keyring_derive(keyring, 3, &cases[0].scope, &key), PINF_E_KEY_PENDING);
	assert_ok(pinf_keyring_activate(keyring, 3));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_ok(pinf_keyring_derive(keyring, 3, &cases[i].scope, &key));
		assert_hex(key.bytes, sizeof key.bytes, cases[i].want);
	}
	pinf_keyring_free(keyring);
}

static void
derivation_refuses_bad_scopes(void **state)
{
	uint64_t seed_state = 1;
	struct pinf_keyring *keyring = new_keyring(&seed_state);
	struct pinf_scope scope = task_scope(PINF_PURPOSE_INPUT);
	struct pinf_key key = {{7}};
	const struct pinf_key was = key;
	uint32_t version;

	(void)state;
	assert_ok(pinf_keyring_rotate(keyring, &version, 0, unit_random(&seed_state)));
	scope.attempt = 1;
	assert_err(pinf_keyring_derive(keyring, 1, &scope, &key), PINF_E_SCOPE);
	scope = task_scope(PINF_PURPOSE_INPUT);
	scope.task = PINF_ID_MAX + 1;
	assert_err(pinf_keyring_derive(keyring, 1, &scope, &key), PINF_E_ID_RANGE);
	scope.task = 1;
	assert_err(pinf_keyring_derive(keyring, 0, &scope, &key), PINF_E_KEY_UNKNOWN);
	assert_err(pinf_keyring_derive(keyring, 2, &scope, &key), PINF_E_KEY_UNKNOWN);
	assert_err(pinf_keyring_derive(keyring, UINT32_MAX, &scope, &key), PINF_E_KEY_UNKNOWN);
	assert_memory_equal(&key, &was, sizeof key);
	pinf_keyring_free(keyring);
}

/* What each state lets one do; "-" is refused with the error. */
static void
versions_live_as_the_spec_says(void **state)
{
	const struct pinf_scope scope = task_scope(PINF_PURPOSE_INPUT);
	uint64_t seed_state = 1;
	const struct pinf_random random = unit_random(&seed_state);
	struct pinf_keyring *keyring = new_keyring(&seed_state);
	struct pinf_key key;
	uint32_t version = 99;

	(void)state;
	assert_int_equal(pinf_keyring_active(keyring), 0);
	assert_int_equal(pinf_keyring_count(keyring), 0);
	assert_err(pinf_keyring_activate(keyring, 1), PINF_E_KEY_UNKNOWN);
	assert_err(pinf_keyring_destroy(keyring, 1), PINF_E_KEY_UNKNOWN);
	for (uint32_t i = 1; i <= 5; i++) { /* Five: the array grows once. */
		assert_ok(pinf_keyring_add(keyring, &version, NULL, 1000 + i, random));
		assert_int_equal(version, i);
	}
	assert_ok(pinf_keyring_activate(keyring, 2));
	assert_ok(pinf_keyring_activate(keyring, 4));
	assert_int_equal(pinf_keyring_active(keyring), 4);
	assert_err(pinf_keyring_activate(keyring, 4), PINF_E_STATE);
	assert_err(pinf_keyring_activate(keyring, 2), PINF_E_STATE);
	assert_err(pinf_keyring_destroy(keyring, 4), PINF_E_STATE);
	assert_ok(pinf_keyring_destroy(keyring, 5));
	assert_err(pinf_keyring_destroy(keyring, 5), PINF_E_KEY_DESTROYED);
	assert_err(pinf_keyring_activate(keyring, 5), PINF_E_STATE);

	const struct {
		enum pinf_key_state state;
		enum pinf_err to_seal;
		enum pinf_err to_open;
	} want[] = {
	    {PINF_KEY_PENDING, PINF_E_KEY_PENDING, PINF_E_KEY_PENDING},
	    {PINF_KEY_DECRYPT_ONLY, PINF_E_KEY_RETIRED, PINF_OK},
	    {PINF_KEY_PENDING, PINF_E_KEY_PENDING, PINF_E_KEY_PENDING},
	    {PINF_KEY_ACTIVE, PINF_OK, PINF_OK},
	    {PINF_KEY_DESTROYED, PINF_E_KEY_DESTROYED, PINF_E_KEY_DESTROYED},
	};
	for (uint32_t i = 0; i < 5; i++) {
		const struct pinf_key_info info = pinf_keyring_info(keyring, i);
		assert_int_equal(info.version, i + 1);
		assert_int_equal(info.created_ms, 1001 + i);
		assert_int_equal(info.state, want[i].state);
		assert_err(pinf_keyring_usable(keyring, i + 1, true), want[i].to_seal);
		assert_err(pinf_keyring_usable(keyring, i + 1, false), want[i].to_open);
		assert_err(pinf_keyring_derive(keyring, i + 1, &scope, &key), want[i].to_open);
	}
	assert_err(pinf_keyring_usable(keyring, 6, false), PINF_E_KEY_UNKNOWN);
	assert_ok(pinf_keyring_rotate(keyring, &version, 2000, random));
	assert_int_equal(version, 6);
	assert_int_equal(pinf_keyring_active(keyring), 6);
	assert_err(pinf_keyring_usable(keyring, 4, true), PINF_E_KEY_RETIRED);
	pinf_keyring_free(keyring);
	pinf_keyring_free(NULL);
}

static void
seeds_are_never_taken_twice(void **state)
{
	uint64_t seed_state = 1;
	const struct pinf_random random = unit_random(&seed_state);
	struct pinf_keyring *keyring = new_keyring(&seed_state);
	uint8_t seed[PINF_SEED_MAX];
	const struct pinf_span span = span_of(seed, 32);
	const struct pinf_span longer = span_of(seed, PINF_SEED_MAX);
	const struct pinf_span too_short = span_of(seed, 31);
	uint32_t version = 0;

	(void)state;
	assert_ok(unit_fill(&seed_state, seed, sizeof seed));
	assert_err(pinf_keyring_add(keyring, &version, &too_short, 0, random), PINF_E_SEED_WEAK);
	assert_int_equal(version, 0);
	assert_ok(pinf_keyring_add(keyring, &version, &span, 0, random));
	assert_err(pinf_keyring_add(keyring, &version, &span, 0, random), PINF_E_SEED_KNOWN);
	assert_ok(pinf_keyring_destroy(keyring, 1));
	assert_err(pinf_keyring_add(keyring, &version, &span, 0, random), PINF_E_SEED_KNOWN);
	assert_int_equal(pinf_keyring_count(keyring), 1);
	assert_ok(pinf_keyring_add(keyring, &version, &longer, 0, random));
	assert_int_equal(version, 2);
	pinf_keyring_free(keyring);
}

static void
versions_have_a_maximum(void **state)
{
	uint64_t seed_state = 1;
	const struct pinf_random random = unit_random(&seed_state);
	struct pinf_keyring *keyring = new_keyring(&seed_state);
	uint32_t version = 0;

	(void)state;
	while (version < PINF_KEY_VERSIONS_MAX)
		assert_ok(pinf_keyring_add(keyring, &version, NULL, 0, random));
	assert_err(pinf_keyring_add(keyring, &version, NULL, 0, random), PINF_E_TOO_LARGE);
	assert_err(pinf_keyring_rotate(keyring, &version, 0, random), PINF_E_TOO_LARGE);
	assert_int_equal(pinf_keyring_active(keyring), 0);
	pinf_keyring_free(keyring);
}

/* Fails, or gives zeros, for the first calls; then a counter's stream. */
struct odd_random {
	unsigned fail_at; /* call number, from 1; 0: never */
	unsigned zero_from, zero_to;
	unsigned calls;
	uint64_t state;
};

static enum pinf_err
odd_fill(void *ctx, uint8_t *out, size_t len)
{
	struct odd_random *odd = ctx;
	const unsigned call = ++odd->calls;

	if (call == odd->fail_at)
		return PINF_E_RANDOM;
	if (call >= odd->zero_from && call < odd->zero_to) {
		memset(out, 0, len);
		return PINF_OK;
	}
	return unit_fill(&odd->state, out, len);
}

static void
identity_is_a_valid_secret(void **state)
{
	struct odd_random odd = {.zero_from = 2, .zero_to = 4};
	const struct pinf_random random = {&odd, odd_fill};
	struct pinf_keyring *keyring = NULL;
	struct pinf_address address;

	(void)state;
	assert_ok(pinf_keyring_new(&keyring, &domain, random));
	assert_int_equal(odd.calls, 4); /* Two secrets of zero were drawn again. */
	assert_ok(pinf_secp256k1_address(&address, pinf_keyring_identity(keyring)));
	assert_true(pinf_address_equal(&address, pinf_keyring_address(keyring)));
	assert_int_equal(pinf_keyring_domain(keyring)->chain_id, 8453);
	pinf_keyring_free(keyring);
	keyring = NULL;
	odd = (struct odd_random){.zero_from = 1, .zero_to = UINT32_MAX};
	assert_err(pinf_keyring_new(&keyring, &domain, random), PINF_E_RANDOM);
	for (unsigned i = 1; i <= 2; i++) {
		odd = (struct odd_random){.fail_at = i};
		assert_err(pinf_keyring_new(&keyring, &domain, random), PINF_E_RANDOM);
	}
	assert_null(keyring);
}

static void
seeds_are_parsed_strictly(void **state)
{
	static const struct {
		const char *text;
		size_t len; /* 0: refused */
	} cases[] = {
	    {SEED_HEX, 32},
	    {"1B085C1B579C53614B99A648E1798F3E94EBF15C3ADE3BCFE4D85DE71D1F2208", 32},
	    {SEED_BASE64, 32},
	    {SEED_HEX "9c", 33},
	    {"fbadedcddf6b1f81c4c5d7c7ae4b3d1e9d1f6f4c8ad98d8fd5a3dca83e2b1f58"
	     "8c4b7e29a16d05f3389ec7d24b60f19a5d2ce87314a0bf968d53c72e19f84b6a",
		64},
	    {"", 0},
	    {"changeme", 0},
	    {"1b085c1b579c53614b99a648e1798f3e94ebf15c3ade3bcfe4d85de71d1f22", 0}, /* 31 bytes */
	    {SEED_HEX SEED_HEX "00", 0}, /* 65 bytes */
	    {SEED_HEX "0", 0},
	    {"0x" SEED_HEX, 0},
	    {" " SEED_HEX, 0},
	    {SEED_BASE64 "\n", 0},
	    {"GwhcG1ecU2FLmaZI4XmPPpTr8Vw63jvP5Nhd5x0fIgg", 0}, /* not padded */
	    {"GwhcG1ecU2FLmaZI4XmPPpTr8Vw63jvP5Nhd5x0fIgh=", 0}, /* stray bits */
	    {"GwhcG1ecU2FLmaZI4XmPPpTr8Vw63jvP5Nhd5x0f", 0}, /* 30 bytes */
	    {"0000000000000000000000000000000000000000000000000000000000000000", 0},
	    {"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef", 0},
	    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0},
	    {"1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100", 0},
	    {"f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f", 0},
	    {"0001000100020003000400050006000700080009000a000b000c000d000e000e", 0},
	    /* Hex and base64 of "correct horse battery staple, and more". */
	    {"636f727265637420686f727365206261747465727920737461706c652c20616e64206d6f7265", 0},
	    {"Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSwgYW5kIG1vcmU=", 0},
	    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0},
	    /* Words are base64 too. */
	    {"pleasechangethisseedbeforeyougotoproductionn", 0},
	    {"YOURTHIRTYTWOBYTESEEDGOESHEREPLEASECHANGEIT0", 0},
	    {"changemechangemechangemechangemechangemechan", 0},
	};
	uint8_t want[PINF_SEED_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t seed[PINF_SEED_MAX] = {0};
		size_t len = 0;
		const enum pinf_err err = pinf_seed_parse(seed, &len, SPAN(cases[i].text));

		if (len != cases[i].len || err != (len > 0 ? PINF_OK : PINF_E_SEED_WEAK))
			fail_msg("\"%s\": %s, %zu bytes", cases[i].text, pinf_err_name(err), len);
		if (i < 3) {
			assert_ok(pinf_unhex(want, 32, SPAN(SEED_HEX), true));
			assert_memory_equal(seed, want, 32);
		}
	}
}

/* The file of spec/examples, made by independent code; its bytes are the caller's to free. */
static uint8_t *
example_file(size_t *len)
{
	size_t text_len = 0;
	uint8_t *text = unit_read_file(PINF_SOURCE_DIR "/spec/examples/keyring.hex", &text_len);
	uint8_t *file;

	assert_non_null(text);
	*len = text_len / 2;
	file = malloc(*len);
	assert_non_null(file);
	assert_ok(pinf_unhex(file, *len, span_of(text, *len * 2), true));
	free(text);
	return file;
}

static void
the_example_file_decodes(void **state)
{
	const struct pinf_scope scope = task_scope(PINF_PURPOSE_RESULT);
	struct pinf_keyring *keyring;
	struct pinf_hash digest;
	struct pinf_key key;
	char address[PINF_ADDRESS_TEXT];
	size_t len;
	uint8_t *file = example_file(&len);

	(void)state;
	assert_ok(pinf_keyring_decode(&keyring, span_of(file, len), PASSPHRASE));
	assert_int_equal(pinf_keyring_domain(keyring)->chain_id, 8453);
	assert_true(pinf_address_equal(&pinf_keyring_domain(keyring)->contract, &domain.contract));
	pinf_address_format(address, pinf_keyring_address(keyring));
	assert_string_equal(address, "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
	assert_int_equal(pinf_keyring_count(keyring), 3);
	assert_int_equal(pinf_keyring_active(keyring), 3);
	assert_int_equal(pinf_keyring_info(keyring, 0).state, PINF_KEY_DESTROYED);
	assert_hex(pinf_keyring_info(keyring, 0).fingerprint, 8, "3da08d574e2e846d");
	assert_int_equal(pinf_keyring_info(keyring, 1).state, PINF_KEY_DECRYPT_ONLY);
	assert_hex(pinf_keyring_info(keyring, 1).fingerprint, 8, "1ace0497c6d4a3e5");
	assert_int_equal(pinf_keyring_info(keyring, 2).created_ms, 1700000000002);
	assert_ok(pinf_keyring_derive(keyring, 2, &scope, &key));
	assert_hex(
	    key.bytes, 32, "425ab0c79a6fbfdf3f928a42fcba12371eefb29723b2d62c255c1a02b67987bd");
	assert_ok(pinf_keyring_derive(keyring, 3, &scope, &key));
	assert_hex(
	    key.bytes, 32, "681e9c70366d012874d05a6ac00660017b46c00de7b7fe038d94d619af412f2b");
	pinf_keyring_digest(keyring, SPAN("prompt"), &digest);
	assert_hex(
	    digest.bytes, 32, "d3d40b9b81510e75ca47a89e7766f8cab0d0d6161a572c8beffb96dc2246a46e");
	pinf_keyring_free(keyring);
	free(file);
}

static void
files_come_back_whole(void **state)
{
	const struct pinf_scope scope = task_scope(PINF_PURPOSE_INPUT);
	uint64_t seed_state = 1;
	const struct pinf_random random = unit_random(&seed_state);
	struct pinf_keyring *keyring = new_keyring(&seed_state);
	uint8_t seed[32];
	const struct pinf_span imported = span_of(seed, sizeof seed);
	uint32_t version;

	(void)state;
	assert_ok(pinf_unhex(seed, sizeof seed, SPAN(SEED_HEX), true));
	for (uint32_t round = 0; round < 6; round++) {
		struct pinf_bytes file = {0};
		struct pinf_keyring *back;
		struct pinf_key a;
		struct pinf_key b;

		assert_ok(pinf_bytes_append(&file, "x", 1));
		assert_ok(pinf_keyring_encode(keyring, &file, PASSPHRASE, cheapest, random));
		assert_int_equal(file.len, 1 + 29 + 96 + 82 * pinf_keyring_count(keyring) + 16);
		assert_ok(
		    pinf_keyring_decode(&back, span_of(file.data + 1, file.len - 1), PASSPHRASE));
		assert_int_equal(pinf_keyring_count(back), pinf_keyring_count(keyring));
		assert_int_equal(pinf_keyring_active(back), pinf_keyring_active(keyring));
		assert_memory_equal(
		    pinf_keyring_identity(back), pinf_keyring_identity(keyring), 32);
		for (uint32_t i = 0; i < pinf_keyring_count(keyring); i++) {
			const struct pinf_key_info x = pinf_keyring_info(keyring, i);
			const struct pinf_key_info y = pinf_keyring_info(back, i);
			assert_int_equal(x.state, y.state);
			assert_memory_equal(x.fingerprint, y.fingerprint, sizeof x.fingerprint);
			const enum pinf_err err = pinf_keyring_derive(keyring, i + 1, &scope, &a);
			assert_err(pinf_keyring_derive(back, i + 1, &scope, &b), err);
			if (err == PINF_OK)
				assert_memory_equal(&a, &b, sizeof a);
		}
		pinf_keyring_free(keyring);
		keyring = back; /* A tombstone goes on refusing after a restart. */
		pinf_bytes_free(&file);
		if (round == 0)
			assert_ok(pinf_keyring_add(keyring, &version, &imported, 5, random));
		else if (round == 1)
			assert_ok(pinf_keyring_destroy(keyring, 1));
		else
			assert_ok(pinf_keyring_rotate(keyring, &version, round, random));
		if (round > 0)
			assert_err(pinf_keyring_add(keyring, &version, &imported, 5, random),
			    PINF_E_SEED_KNOWN);
	}
	pinf_keyring_free(keyring);
}

static void
every_flipped_bit_and_length_is_refused(void **state)
{
	struct pinf_keyring *keyring = NULL;
	size_t len;
	uint8_t *file = example_file(&len);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		const enum pinf_err err =
		    pinf_keyring_decode(&keyring, span_of(file, len), PASSPHRASE);
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (bit / 8 < 5)
			assert_err(err, PINF_E_KEYRING);
		else
			assert_true(
			    err == PINF_E_PASSPHRASE || (bit / 8 < 13 && err == PINF_E_KEYRING));
	}
	for (size_t cut = 0; cut < len; cut++) {
		const enum pinf_err err =
		    pinf_keyring_decode(&keyring, span_of(file, cut), PASSPHRASE);
		assert_true(err == PINF_E_KEYRING || err == PINF_E_PASSPHRASE);
	}
	assert_err(pinf_keyring_decode(&keyring, span_of(file, len), SPAN("correct horsE")),
	    PINF_E_PASSPHRASE);
	assert_err(pinf_keyring_decode(&keyring, span_of(file, len), SPAN("")), PINF_E_PASSPHRASE);
	assert_null(keyring);
	free(file);
}

static void
a_file_does_not_name_its_price(void **state)
{
	static const struct {
		struct pinf_kdf_cost cost;
		bool fits;
	} cases[] = {{{1, 8}, true}, {{1, 7}, false}, {{1, PINF_KDF_MEMORY_MAX_KIB + 1}, false},
	    {{PINF_KDF_PASSES_MAX + 1, 8}, false}, {{PINF_KDF_PASSES_MAX, 8}, true},
	    {{UINT32_MAX, UINT32_MAX}, false}};
	uint64_t seed_state = 1;
	const struct pinf_random random = unit_random(&seed_state);
	struct pinf_keyring *keyring = new_keyring(&seed_state);
	struct pinf_keyring *back = NULL;
	struct pinf_bytes file = {0};
	struct odd_random odd = {.fail_at = 1};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		file.len = 0;
		assert_err(pinf_keyring_encode(keyring, &file, PASSPHRASE, cases[i].cost, random),
		    cases[i].fits ? PINF_OK : PINF_E_RANGE);
		file.len = 0;
		assert_ok(pinf_keyring_encode(keyring, &file, PASSPHRASE, cheapest, random));
		pinf_be_put(file.data + 5, 4, cases[i].cost.passes);
		pinf_be_put(file.data + 9, 4, cases[i].cost.memory_kib);
		const enum pinf_err err =
		    pinf_keyring_decode(&back, pinf_span_of(&file), PASSPHRASE);
		if (i == 0) {
			assert_ok(err);
			pinf_keyring_free(back);
		} else {
			assert_err(err, cases[i].fits ? PINF_E_PASSPHRASE : PINF_E_KEYRING);
		}
	}
	file.len = 0;
	assert_ok(
	    pinf_keyring_encode(keyring, &file, PASSPHRASE, (struct pinf_kdf_cost){0, 0}, random));
	assert_int_equal(pinf_be_get(file.data + 5, 4), 3);
	assert_int_equal(pinf_be_get(file.data + 9, 4), 65536);
	assert_err(pinf_keyring_encode(
		       keyring, &file, PASSPHRASE, cheapest, (struct pinf_random){&odd, odd_fill}),
	    PINF_E_RANDOM);
	pinf_bytes_free(&file);
	pinf_keyring_free(keyring);
}

/* Opens the example's content, lets it be changed at at, seals it again: only content is wrong. */
static enum pinf_err
decode_changed(size_t at, const void *bytes, size_t bytes_len)
{
	static const uint8_t nonce[12];
	struct pinf_keyring *keyring = NULL;
	struct pinf_cipher *cipher;
	struct pinf_key key;
	size_t len;
	uint8_t *file = example_file(&len);
	const struct pinf_span header = span_of(file, 29);
	uint8_t plain[512];
	enum pinf_err err;

	assert_ok(pinf_argon2id(&key, PASSPHRASE, file + 13, 1, 8));
	assert_ok(pinf_cipher_new(&cipher));
	assert_ok(pinf_cipher_key(cipher, PINF_SUITE_CHACHA20POLY1305, &key));
	assert_ok(pinf_cipher_open(cipher, nonce, header, span_of(file + 29, len - 29), plain));
	memcpy(plain + at, bytes, bytes_len);
	assert_ok(
	    pinf_cipher_seal(cipher, nonce, header, span_of(plain, len - 29 - 16), file + 29));
	pinf_cipher_free(cipher);
	err = pinf_keyring_decode(&keyring, span_of(file, len), PASSPHRASE);
	pinf_keyring_free(keyring);
	free(file);
	return err;
}

static void
content_is_decoded_strictly(void **state)
{
	enum { FIRST = 96, SECOND = FIRST + 82, THIRD = SECOND + 82 };
	const uint8_t zeros[32] = {0};
	uint8_t ones[32];
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
	    {FIRST - 1, 2}, {FIRST - 1, 4}, {FIRST - 4, 1}, /* count */
	    {FIRST, 0}, {FIRST, 5}, {FIRST, 1}, {FIRST, 3}, /* state; alive without a seed */
	    {FIRST + 9, 32}, {FIRST + 10, 1}, {FIRST + 73, 1}, /* a tombstone with a seed */
	    {SECOND, 4}, {SECOND, 2}, /* destroyed with a seed; two active */
	    {SECOND + 1, 0x20}, /* created after 2^53 */
	    {SECOND + 9, 65}, {THIRD + 9, 31}, {THIRD + 9, 0}, {THIRD + 9, 33}, /* seed length */
	    {THIRD + 10 + 32, 1}, /* not zero behind the seed */
	    {THIRD + 10, 0}, {THIRD + 74, 0}, /* fingerprint and seed differ */
	};

	(void)state;
	memset(ones, 0xff, sizeof ones);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_err(decode_changed(cases[i].at, &cases[i].value, 1), PINF_E_KEYRING);
	assert_err(decode_changed(28, zeros, 32), PINF_E_KEYRING); /* no secp256k1 secret */
	assert_err(decode_changed(28, ones, 32), PINF_E_KEYRING);
	/* The tombstone of a seed that is still there. */
	assert_err(
	    decode_changed(FIRST + 74, "\x31\xdb\x70\x59\x65\x24\xb8\x0c", 8), PINF_E_KEYRING);
	assert_ok(decode_changed(FIRST + 74, "\x31\xdb\x70\x59\x65\x24\xb8\x0d", 8));
	assert_ok(decode_changed(SECOND, "\x03", 1));
}

static void
clone_is_deep(void **unused)
{
	uint64_t state = 77;
	const struct pinf_random random = unit_random(&state);
	const struct pinf_scope scope = {
	    .kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = 1, .task = 2};
	struct pinf_keyring *keyring, *copy;
	struct pinf_key before, after;
	uint32_t version = 0;

	(void)unused;
	assert_ok(pinf_keyring_new(&keyring, &domain, random));
	assert_ok(pinf_keyring_clone(&copy, keyring)); /* of one without versions */
	pinf_keyring_free(copy);
	assert_ok(pinf_keyring_rotate(keyring, &version, 1, random));
	assert_ok(pinf_keyring_derive(keyring, 1, &scope, &before));
	assert_ok(pinf_keyring_clone(&copy, keyring));
	assert_ok(pinf_keyring_rotate(copy, &version, 2, random));
	assert_int_equal(pinf_keyring_active(keyring), 1);
	assert_int_equal(pinf_keyring_active(copy), 2);
	assert_true(pinf_address_equal(pinf_keyring_address(keyring), pinf_keyring_address(copy)));
	pinf_keyring_free(keyring);
	assert_ok(pinf_keyring_derive(copy, 1, &scope, &after));
	assert_memory_equal(before.bytes, after.bytes, PINF_KEY_LEN);
	pinf_keyring_free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clone_is_deep),
	    cmocka_unit_test(derivation_gives_the_vectors),
	    cmocka_unit_test(derivation_refuses_bad_scopes),
	    cmocka_unit_test(versions_live_as_the_spec_says),
	    cmocka_unit_test(seeds_are_never_taken_twice),
	    cmocka_unit_test(versions_have_a_maximum),
	    cmocka_unit_test(identity_is_a_valid_secret),
	    cmocka_unit_test(seeds_are_parsed_strictly),
	    cmocka_unit_test(the_example_file_decodes),
	    cmocka_unit_test(files_come_back_whole),
	    cmocka_unit_test(every_flipped_bit_and_length_is_refused),
	    cmocka_unit_test(a_file_does_not_name_its_price),
	    cmocka_unit_test(content_is_decoded_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
