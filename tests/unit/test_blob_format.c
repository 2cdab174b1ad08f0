/* SPDX-License-Identifier: Apache-2.0 */
/* test_blob_format.c -- what a blob may look like: header, lengths, padding; all else is refused. */
#include "blob_fixture.h"

#include "core/be.h"
#include "crypto/crypto.h"

static void
headers_are_decoded_strictly(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum pinf_err want;
	} cases[] = {{0, 'p', PINF_E_BLOB_MAGIC}, {4, 0, PINF_E_BLOB_VERSION},
	    {4, 2, PINF_E_BLOB_VERSION}, {5, 0, PINF_E_BLOB_SUITE}, {5, 3, PINF_E_BLOB_SUITE},
	    {6, 2, PINF_E_BLOB_HEADER}, {6, 0x80, PINF_E_BLOB_HEADER}, {7, 11, PINF_E_BLOB_HEADER},
	    {7, 21, PINF_E_BLOB_HEADER}, {7, 255, PINF_E_BLOB_HEADER},
	    {11, 0, PINF_E_BLOB_HEADER}, /* key version */
	    {12, 0, PINF_E_BLOB_HEADER}, {12, 3, PINF_E_BLOB_HEADER}, {13, 0, PINF_E_BLOB_HEADER},
	    {13, 3, PINF_E_BLOB_HEADER}, {14, 1, PINF_E_BLOB_HEADER}, /* session over 2^53 */
	    {49, 1, PINF_E_BLOB_HEADER}, /* an input with an attempt */
	    {69, 1, PINF_E_BLOB_HEADER}}; /* ... with a miner */
	struct pinf_blob_header header = {.params = params_of(1)};
	struct pinf_blob_header back;
	uint8_t bytes[HEADER];

	(void)state;
	header.params.scope = input_scope;
	memset(header.commitment, 0xc0, sizeof header.commitment);
	pinf_blob_header_encode(bytes, &header);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const uint8_t was = bytes[cases[i].at];
		bytes[cases[i].at] = cases[i].value;
		assert_err(pinf_blob_header_decode(&back, span_of(bytes, HEADER)), cases[i].want);
		bytes[cases[i].at] = was;
	}
	for (size_t len = 0; len < HEADER; len++)
		assert_err(
		    pinf_blob_header_decode(&back, span_of(bytes, len)), PINF_E_BLOB_TRUNCATED);
	assert_err(pinf_blob_header_decode(&back, SPAN("PING")), PINF_E_BLOB_MAGIC);
	assert_ok(pinf_blob_header_decode(&back, span_of(bytes, HEADER)));
	assert_true(pinf_scope_equal(&back.params.scope, &input_scope));
	assert_int_equal(back.params.key_version, 3);
	assert_true(back.params.padded);
	assert_memory_equal(back.commitment, header.commitment, sizeof back.commitment);
}

static void
parameters_are_checked(void **state)
{
	const struct pinf_key key = key_of(RESULT_KEY);
	struct pinf_blob_params good = params_of(0);
	struct pinf_blob_params bad[6] = {good, good, good, good, good, good};
	const enum pinf_err want[] = {PINF_E_BLOB_SUITE, PINF_E_BLOB_SUITE, PINF_E_BLOB_HEADER,
	    PINF_E_BLOB_HEADER, PINF_E_BLOB_HEADER, PINF_E_ID_RANGE};
	struct pinf_bytes sealed = {0};
	struct pinf_hash sha256;

	(void)state;
	bad[0].suite = PINF_SUITE_NONE;
	bad[1].suite = (enum pinf_suite)3;
	bad[2].chunk_log2 = PINF_BLOB_CHUNK_MIN - 1;
	bad[3].chunk_log2 = PINF_BLOB_CHUNK_MAX + 1;
	bad[4].key_version = 0;
	bad[5].scope.session = 0;
	for (size_t i = 0; i < 6; i++)
		assert_err(pinf_blob_seal(
			       blob, &bad[i], &key, example_random, SPAN("x"), &sealed, &sha256),
		    want[i]);
	assert_err(pinf_blob_seal(blob, &good, &key, (struct pinf_random){NULL, fill_nothing},
		       SPAN("x"), &sealed, &sha256),
	    PINF_E_RANDOM);
	assert_int_equal(sealed.len, 0);
	pinf_bytes_free(&sealed);
	assert_string_equal(pinf_suite_name(PINF_SUITE_NONE), "none");
	assert_string_equal(pinf_suite_name(PINF_SUITE_AES256GCM), "aes-256-gcm");
	assert_string_equal(pinf_suite_name(PINF_SUITE_CHACHA20POLY1305), "chacha20-poly1305");
	assert_string_equal(pinf_suite_name((enum pinf_suite)9), "unknown");
}

/* A blob whose one or more chunks hold these plaintexts, sealed under the right key. */
struct forged_chunk {
	size_t len;
	uint32_t count;
	size_t dirty_at; /* a byte of 1; 0: none */
};

static struct pinf_bytes
forge(const struct pinf_blob_params *params, const struct forged_chunk *chunks, size_t count)
{
	const struct pinf_key key = key_of(RESULT_KEY);
	struct pinf_bytes out = {0};
	struct pinf_cipher *cipher;
	struct pinf_hmac prk;
	struct pinf_key blob_key;
	uint8_t header[HEADER];
	uint8_t info[11 + 102] = "pinf/blob/1";

	assert_ok(pinf_blob_seal_begin(blob, params, &key, example_random, header));
	memcpy(info + 11, header, 102);
	pinf_hkdf_extract(&prk, span_of(header + 70, 32), span_of(key.bytes, 32));
	assert_ok(pinf_hkdf_expand(&prk, span_of(info, sizeof info), blob_key.bytes, 32));
	assert_ok(pinf_cipher_new(&cipher));
	assert_ok(pinf_cipher_key(cipher, params->suite, &blob_key));
	assert_ok(pinf_bytes_append(&out, header, HEADER));
	for (size_t i = 0; i < count; i++) {
		uint8_t chunk[C + PINF_TAG_LEN] = {0};
		uint8_t nonce[12] = {0};

		if (params->padded)
			pinf_be_put(chunk + chunks[i].len - 4, 4, chunks[i].count);
		if (chunks[i].dirty_at != 0)
			chunk[chunks[i].dirty_at] = 1;
		pinf_be_put(nonce + 3, 8, i);
		nonce[11] = i == count - 1;
		assert_ok(pinf_cipher_seal(
		    cipher, nonce, span_of(NULL, 0), span_of(chunk, chunks[i].len), chunk));
		assert_ok(pinf_bytes_append(&out, chunk, chunks[i].len + PINF_TAG_LEN));
	}
	pinf_cipher_free(cipher);
	return out;
}

static void
padding_that_is_not_canonical_fails(void **state)
{
	static const struct {
		size_t count;
		struct forged_chunk chunks[3];
		enum pinf_err want;
	} cases[] = {
	    {1, {{256, 252, 0}}, PINF_OK},
	    {1, {{256, 0, 0}}, PINF_OK},
	    {1, {{256, 251, 250}}, PINF_OK},
	    {1, {{256, 251, 251}}, PINF_E_BLOB_PADDING}, /* a pad byte is not zero */
	    {1, {{256, 0, 1}}, PINF_E_BLOB_PADDING},
	    {1, {{256, 253, 0}}, PINF_E_BLOB_PADDING}, /* more than there is room for */
	    {1, {{256, UINT32_MAX, 0}}, PINF_E_BLOB_PADDING},
	    {1, {{512, 10, 0}}, PINF_E_BLOB_PADDING}, /* longer than need be */
	    {1, {{272, 252, 0}}, PINF_E_BLOB_PADDING},
	    {1, {{272, 253, 0}}, PINF_OK},
	    {1, {{257, 253, 0}}, PINF_E_BLOB_TRUNCATED}, /* a length that padding never gives */
	    {1, {{255, 1, 0}}, PINF_E_BLOB_TRUNCATED},
	    {2, {{C, ROOM, 0}, {256, 0, 0}}, PINF_E_BLOB_PADDING},
	    {2, {{C, ROOM, 0}, {256, 1, 0}}, PINF_OK},
	    {2, {{C, ROOM, 0}, {256, 252, 0}}, PINF_OK},
	    {2, {{C, ROOM - 1, 0}, {256, 1, 0}}, PINF_E_BLOB_PADDING}, /* two partial chunks */
	    {2, {{C, 0, 0}, {256, 252, 0}}, PINF_E_BLOB_PADDING}, /* data after none */
	    {2, {{C, 0, 0}, {C, 0, 0}}, PINF_E_BLOB_PADDING},
	    {2, {{C, ROOM, 0}, {C, ROOM, 0}}, PINF_OK},
	    {3, {{C, ROOM, 0}, {C, 5, 0}, {C, 0, 0}}, PINF_E_BLOB_PADDING},
	    {3, {{C, ROOM, 0}, {C, ROOM, 0}, {512, 0, 0}}, PINF_E_BLOB_PADDING},
	    {3, {{C, ROOM, 0}, {C, ROOM, 0}, {512, 1, 0}}, PINF_OK},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		const struct pinf_blob_params params = params_of(i % 2 == 0 ? 1 : 3);
		struct pinf_bytes forged = forge(&params, cases[i / 2].chunks, cases[i / 2].count);
		const enum pinf_err got = open_result(pinf_span_of(&forged));

		if (got != cases[i / 2].want)
			fail_msg("case %zu: got %s, want %s", i / 2, pinf_err_name(got),
			    pinf_err_name(cases[i / 2].want));
		pinf_bytes_free(&forged);
	}
}

static void
an_empty_last_chunk_is_refused(void **state)
{
	const struct pinf_blob_params params = params_of(0);
	const struct forged_chunk chunks[] = {{C, 0, 0}, {0, 0, 0}};
	struct pinf_bytes forged = forge(&params, chunks, 2);
	const struct pinf_key key = key_of(RESULT_KEY);
	uint8_t room[C];
	struct pinf_buf out = {room, 0, sizeof room};
	const uint8_t *at = forged.data + HEADER;

	(void)state;
	assert_err(open_result(pinf_span_of(&forged)), PINF_E_BLOB_TRUNCATED);
	assert_ok(pinf_blob_open_begin(blob, pinf_span_of(&forged), NULL, &key));
	assert_ok(pinf_blob_open_next(blob, span_of(at, C + PINF_TAG_LEN), false, &out));
	out.len = 0;
	assert_err(
	    pinf_blob_open_next(blob, span_of(at + C + PINF_TAG_LEN, PINF_TAG_LEN), true, &out),
	    PINF_E_BLOB_TRUNCATED);
	pinf_bytes_free(&forged);
}

/* A stream of padding without end is told at the first chunk too many. */
static void
endless_padding_is_refused_early(void **state)
{
	const struct pinf_blob_params params = params_of(1);
	const struct forged_chunk chunks[] = {{C, 5, 0}, {C, 0, 0}, {C, 0, 0}};
	struct pinf_bytes forged = forge(&params, chunks, 3);
	const struct pinf_key key = key_of(RESULT_KEY);
	uint8_t room[C];
	struct pinf_buf out = {room, 0, sizeof room};

	(void)state;
	assert_ok(pinf_blob_open_begin(blob, pinf_span_of(&forged), NULL, &key));
	assert_err(
	    pinf_blob_open_next(blob, span_of(forged.data + HEADER, C + PINF_TAG_LEN), false, &out),
	    PINF_E_BLOB_PADDING);
	assert_int_equal(out.len, 0);
	pinf_bytes_free(&forged);
}

/* One plan: it fits the plaintext, is found again from the sealed length, wastes <= 12 %. */
static void
check_plan(const struct pinf_blob_params *params, uint64_t len)
{
	const uint64_t chunk = (uint64_t)1 << params->chunk_log2;
	struct pinf_blob_plan plan;
	struct pinf_blob_plan back;
	size_t last;

	assert_ok(pinf_blob_plan(&plan, params, len));
	assert_ok(pinf_blob_plan_sealed(&back, params, plan.sealed_len));
	assert_int_equal(back.body_len, plan.body_len);
	assert_int_equal(back.chunks, plan.chunks);
	assert_int_equal(
	    plan.sealed_len, pinf_blob_chunk_at(&plan, params, plan.chunks - 1, &last) + last);
	if (!params->padded) {
		assert_int_equal(plan.body_len, len);
		return;
	}
	assert_true(plan.body_len >= PINF_BLOB_PADDED_MIN);
	assert_true(plan.body_len >= len + PINF_BLOB_COUNT_LEN * ((len + ROOM - 1) / chunk));
	assert_true(last >= PINF_BLOB_PADDED_MIN + PINF_TAG_LEN);
	if (len > PINF_BLOB_PADDED_MIN)
		assert_true((plan.body_len - len) * 100 <= len * 12);
}

static void
plans_hold_from_0_to_the_maximum(void **state)
{
	struct pinf_blob_params params = params_of(1);
	struct pinf_blob_plan plan;

	(void)state;
	for (uint8_t log2 = PINF_BLOB_CHUNK_MIN; log2 <= PINF_BLOB_CHUNK_MAX; log2++) {
		params.chunk_log2 = log2;
		for (unsigned padded = 0; padded < 2; padded++) {
			params.padded = padded;
			for (uint64_t len = 0; len < 20000; len++)
				check_plan(&params, len);
			/* Around powers of two, and where 4-byte counts push a length over one. */
			for (unsigned bits = 12; bits <= 44; bits++)
				for (uint64_t d = 0; d < 64; d++) {
					const uint64_t whole = (uint64_t)1 << bits;
					check_plan(&params, whole - d);
					check_plan(&params, whole - 4 * (whole >> log2) - 32 + d);
				}
			assert_err(pinf_blob_plan(&plan, &params, PINF_BLOB_PLAIN_MAX + 1),
			    PINF_E_TOO_LARGE);
		}
	}
}

static void
sealed_lengths_that_nothing_has_are_refused(void **state)
{
	enum { MAX = 40000 };
	static bool possible[MAX];
	struct pinf_blob_plan plan;

	(void)state;
	for (unsigned padded = 0; padded < 2; padded++) {
		const struct pinf_blob_params params = params_of(padded);

		memset(possible, 0, sizeof possible);
		for (uint64_t len = 0; len < MAX; len++) {
			assert_ok(pinf_blob_plan(&plan, &params, len));
			if (plan.sealed_len < MAX)
				possible[plan.sealed_len] = true;
		}
		for (uint64_t len = 0; len < MAX; len++)
			assert_err(pinf_blob_plan_sealed(&plan, &params, len),
			    possible[len] ? PINF_OK : PINF_E_BLOB_TRUNCATED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers_are_decoded_strictly),
	    cmocka_unit_test(parameters_are_checked),
	    cmocka_unit_test(padding_that_is_not_canonical_fails),
	    cmocka_unit_test(an_empty_last_chunk_is_refused),
	    cmocka_unit_test(endless_padding_is_refused_early),
	    cmocka_unit_test(plans_hold_from_0_to_the_maximum),
	    cmocka_unit_test(sealed_lengths_that_nothing_has_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
