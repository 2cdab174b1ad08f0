/* SPDX-License-Identifier: Apache-2.0 */
/* test_blob.c -- sealing and opening: vectors of spec/examples/keys_blob.py, round trips, tampering. */
#include "blob_fixture.h"

#include "crypto/crypto.h"

static void
known_answers(void **state)
{
	static const char a_bytes[] =
	    "50494e46010100100000000302010000000000000065000000000000232900010203040506070809"
	    "0a0b0c0d0e0f000000000000000000000000000000000000000000000000808182838485868788898a"
	    "8b8c8d8e8f909192939495969798999a9b9c9d9e9fc33bc68b2bb1b77f3cffee0fa3d8f6e7fae86c1b"
	    "5bb58c497d7eced91140479c74d529d3f4c83dfba74bdd9eb8624b4410c0528cb3cf5b3f74dd9aa0";
	static const struct {
		enum pinf_suite suite;
		bool padded;
		uint8_t chunk_log2;
		bool input;
		size_t len; /* of the pattern; 0 with input: the short text */
		size_t sealed_len;
		const char *sha256;
	} cases[] = {
	    {PINF_SUITE_AES256GCM, false, 16, true, 0, 162,
		"2592f2dbec36dc6f6aee35f5937bd11b3799efe27ce4b4e6b65c485ffbdc4231"},
	    {PINF_SUITE_CHACHA20POLY1305, true, 16, true, 0, 406,
		"af43a932a617a6168073682795b9f651adaea613da320f44f11276228b569545"},
	    {PINF_SUITE_AES256GCM, true, 12, false, 9000, 9398,
		"13b9976b43233745188d4dce9bdb6a284041ac7ee2f59afc6cd6768ef7eaf489"},
	    {PINF_SUITE_CHACHA20POLY1305, false, 12, false, 9000, 9182,
		"2241c6b415776bdc6bb4168aa4607385d46ab207d746f7735f8c3b7e43902e4a"},
	    {PINF_SUITE_CHACHA20POLY1305, false, 12, false, 0, 150,
		"0b1998a3a45536dde9227154909f53555410863fcd7cb0c4b334104ea95599ee"},
	    {PINF_SUITE_AES256GCM, true, 12, false, 0, 406,
		"39e4bed60fa260393d74040284c0301f38783a6026fd0389a4a2906e9b7d9ad4"},
	    {PINF_SUITE_AES256GCM, true, 12, false, 64 * 4092 + 1, 271526,
		"77ba49abbb663198d22a12d3989405805af78af7457f0a95f456a031efffa3b7"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct pinf_scope *scope = cases[i].input ? &input_scope : &result_scope;
		const char *hex = cases[i].input ? INPUT_KEY : RESULT_KEY;
		const struct pinf_key key = key_of(hex);
		const struct pinf_blob_params params = {
		    cases[i].suite, cases[i].chunk_log2, cases[i].padded, 3, *scope};
		uint8_t *data = pattern(cases[i].len);
		const struct pinf_span plain =
		    cases[i].input ? SPAN("hello, miner") : span_of(data, cases[i].len);
		struct pinf_bytes sealed = {0};
		struct pinf_hash told;
		struct pinf_hash sha256;

		assert_ok(
		    pinf_blob_seal(blob, &params, &key, example_random, plain, &sealed, &told));
		assert_int_equal(sealed.len, cases[i].sealed_len);
		pinf_sha256(&sha256, pinf_span_of(&sealed));
		assert_hex(sha256.bytes, sizeof sha256.bytes, cases[i].sha256);
		assert_true(pinf_hash_equal(&sha256, &told));
		if (i == 0)
			assert_hex(sealed.data, sealed.len, a_bytes);
		assert_ok(open_with(hex, scope, pinf_span_of(&sealed)));
		pinf_bytes_free(&sealed);
		free(data);
	}
}

/* Streams a plaintext through seal_next; the header is already in out. */
static void
seal_streaming(const struct pinf_blob_params *params, struct pinf_span plain, struct pinf_buf *out)
{
	const struct pinf_key key = key_of(RESULT_KEY);
	struct pinf_blob_plan plan;
	bool more = true;
	bool end = false;

	assert_ok(pinf_blob_plan(&plan, params, 0));
	assert_ok(pinf_blob_seal_begin(blob, params, &key, example_random, out->data));
	out->len = HEADER;
	while (more) {
		const size_t left = end ? 0 : plain.len;
		const size_t len = left < plan.chunk_real ? left : plan.chunk_real;

		end = end || left == len;
		assert_ok(pinf_blob_seal_next(blob, span_of(plain.data, len), end, out, &more));
		plain = span_of(plain.data + len, plain.len - len);
	}
}

static void
open_streaming(struct pinf_span sealed, struct pinf_buf *out)
{
	const struct pinf_key key = key_of(RESULT_KEY);

	assert_ok(pinf_blob_open_begin(blob, sealed, NULL, &key));
	sealed = span_of(sealed.data + HEADER, sealed.len - HEADER);
	do {
		const size_t len = sealed.len < C + PINF_TAG_LEN ? sealed.len : C + PINF_TAG_LEN;
		assert_ok(
		    pinf_blob_open_next(blob, span_of(sealed.data, len), len == sealed.len, out));
		sealed = span_of(sealed.data + len, sealed.len - len);
	} while (sealed.len > 0);
}

/* Opens each chunk, last first, in contexts of its own; checks the bytes against plain. */
static void
open_scattered(struct pinf_span sealed, struct pinf_span plain)
{
	const struct pinf_key key = key_of(RESULT_KEY);
	struct pinf_blob_plan plan;
	struct pinf_blob *clone;

	assert_ok(pinf_blob_open_begin(blob, sealed, &result_scope, &key));
	assert_ok(pinf_blob_clone(&clone, blob));
	const struct pinf_blob_params *params = pinf_blob_params_of(clone);
	assert_ok(pinf_blob_plan_sealed(&plan, params, sealed.len));
	for (uint64_t i = plan.chunks; i-- > 0;) {
		uint8_t chunk[C];
		struct pinf_buf out = {chunk, 0, sizeof chunk};
		size_t len;
		const uint64_t at = pinf_blob_chunk_at(&plan, params, i, &len);
		const size_t begin = (size_t)i * plan.chunk_real;
		const size_t left = begin < plain.len ? plain.len - begin : 0;

		assert_ok(pinf_blob_open_at(clone, &plan, i, span_of(sealed.data + at, len), &out));
		assert_int_equal(out.len, left < plan.chunk_real ? left : plan.chunk_real);
		if (out.len > 0)
			assert_memory_equal(chunk, plain.data + begin, out.len);
	}
	pinf_blob_free(clone);
}

static void
one_shot_streamed_and_scattered_agree(void **state)
{
	static const size_t lens[] = {0, 1, 251, 252, 253, 255, 256, 257, ROOM - 1, ROOM, ROOM + 1,
	    C - 1, C, C + 1, C + 5, 2 * ROOM, 2 * ROOM + 1, 3 * C, 3 * C + 100, 64 * ROOM,
	    64 * ROOM + 1};
	uint8_t *data = pattern(64 * ROOM + 1);
	const size_t cap = 80 * C;
	struct pinf_buf out = {malloc(cap), 0, cap};

	(void)state;
	assert_non_null(out.data);
	for (size_t i = 0; i < KINDS * (sizeof lens / sizeof *lens); i++) {
		const struct pinf_blob_params params = params_of(i % KINDS);
		const struct pinf_span plain = span_of(data, lens[i / KINDS]);
		struct pinf_bytes sealed = seal(&params, plain);
		struct pinf_blob_plan plan;
		struct pinf_bytes opened = {0};
		const struct pinf_key key = key_of(RESULT_KEY);

		assert_ok(pinf_blob_plan(&plan, &params, plain.len));
		assert_int_equal(sealed.len, plan.sealed_len);
		assert_ok(
		    pinf_blob_open(blob, &result_scope, &key, pinf_span_of(&sealed), &opened));
		assert_true(pinf_span_equal(pinf_span_of(&opened), plain));
		assert_int_equal(opened.data[opened.len], '\0');

		out.len = 0;
		seal_streaming(&params, plain, &out);
		assert_true(pinf_span_equal(span_of(out.data, out.len), pinf_span_of(&sealed)));
		out.len = 0;
		open_streaming(pinf_span_of(&sealed), &out);
		assert_true(pinf_span_equal(span_of(out.data, out.len), plain));
		open_scattered(pinf_span_of(&sealed), plain);
		pinf_bytes_free(&sealed);
		pinf_bytes_free(&opened);
	}
	free(out.data);
	free(data);
}

/* Threads may seal chunks in any order with clones: the bytes are the one-shot's. */
static void
clones_seal_the_same_bytes(void **state)
{
	uint8_t *data = pattern(5 * C);

	(void)state;
	for (size_t kind = 0; kind < KINDS; kind++) {
		const struct pinf_blob_params params = params_of(kind);
		const struct pinf_key key = key_of(RESULT_KEY);
		struct pinf_bytes sealed = seal(&params, span_of(data, 5 * C));
		struct pinf_blob_plan plan;
		struct pinf_blob *clone;
		uint8_t header[HEADER];

		assert_ok(pinf_blob_plan(&plan, &params, 5 * C));
		assert_ok(pinf_blob_seal_begin(blob, &params, &key, example_random, header));
		assert_memory_equal(header, sealed.data, HEADER);
		assert_ok(pinf_blob_clone(&clone, blob));
		for (uint64_t i = plan.chunks; i-- > 0;) {
			uint8_t chunk[C + PINF_TAG_LEN];
			struct pinf_buf out = {chunk, 0, sizeof chunk};
			size_t len;
			const uint64_t at = pinf_blob_chunk_at(&plan, &params, i, &len);
			const size_t begin = (size_t)i * plan.chunk_real;
			const size_t left = begin < 5 * C ? 5 * C - begin : 0;
			const size_t real = left < plan.chunk_real ? left : plan.chunk_real;

			assert_ok(pinf_blob_seal_at(i % 2 == 0 ? clone : blob, &plan, i,
			    span_of(data + (real > 0 ? begin : 0), real), &out));
			assert_int_equal(out.len, len);
			assert_memory_equal(chunk, sealed.data + at, len);
		}
		pinf_blob_free(clone);
		pinf_bytes_free(&sealed);
	}
	free(data);
}

static void
every_flipped_bit_fails(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < KINDS; kind++) {
		const struct pinf_blob_params params = params_of(kind);
		struct pinf_bytes sealed = seal(&params, SPAN("a small secret"));

		for (size_t bit = 0; bit < sealed.len * 8; bit++) {
			sealed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			const enum pinf_err with_scope = open_result(pinf_span_of(&sealed));
			const enum pinf_err without =
			    open_with(RESULT_KEY, NULL, pinf_span_of(&sealed));
			sealed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_err(
			    with_scope == PINF_E_SCOPE_MISMATCH ? without : with_scope, without);
			if (bit / 8 >= HEADER)
				assert_err(without, PINF_E_BLOB_FORGED);
			else if (bit / 8 < 4)
				assert_err(without, PINF_E_BLOB_MAGIC);
			else if (bit / 8 == 4)
				assert_err(without, PINF_E_BLOB_VERSION);
			else if (bit / 8 >= 12 + PINF_SCOPE_MAX)
				assert_err(without, PINF_E_BLOB_COMMITMENT);
			else
				assert_true(without == PINF_E_BLOB_COMMITMENT ||
					    without == PINF_E_BLOB_HEADER ||
					    without == PINF_E_BLOB_SUITE);
		}
		assert_ok(open_result(pinf_span_of(&sealed)));
		pinf_bytes_free(&sealed);
	}
}

static void
every_truncation_and_extension_fails(void **state)
{
	uint8_t *data = pattern(2 * C + 10);

	(void)state;
	for (size_t kind = 0; kind < KINDS; kind++) {
		const struct pinf_blob_params params = params_of(kind);
		struct pinf_bytes sealed = seal(&params, span_of(data, 2 * C + 10));
		const size_t len = sealed.len;

		for (size_t short_len = 0; short_len < len; short_len++) {
			const enum pinf_err err = open_result(span_of(sealed.data, short_len));
			assert_true(err == PINF_E_BLOB_TRUNCATED || err == PINF_E_BLOB_FORGED);
		}
		for (size_t more = 1; more < C + 100; more++) {
			assert_ok(pinf_bytes_append(&sealed, "", 1));
			const enum pinf_err err = open_result(pinf_span_of(&sealed));
			assert_true(err == PINF_E_BLOB_TRUNCATED || err == PINF_E_BLOB_FORGED);
		}
		assert_ok(open_result(span_of(sealed.data, len)));
		pinf_bytes_free(&sealed);
	}
	free(data);
}

/* Rebuilds a blob from its chunks in another order. */
static enum pinf_err
open_reordered(struct pinf_span sealed, const size_t *order, size_t count)
{
	struct pinf_bytes other = {0};
	enum pinf_err err;

	assert_ok(pinf_bytes_append(&other, sealed.data, HEADER));
	for (size_t i = 0; i < count; i++) {
		const size_t at = HEADER + order[i] * (C + PINF_TAG_LEN);
		const size_t left = sealed.len - at;
		assert_ok(pinf_bytes_append(
		    &other, sealed.data + at, left < C + PINF_TAG_LEN ? left : C + PINF_TAG_LEN));
	}
	err = open_result(pinf_span_of(&other));
	pinf_bytes_free(&other);
	return err;
}

static void
moved_chunks_fail(void **state)
{
	const size_t swapped[] = {1, 0, 2, 3}, doubled[] = {0, 0, 2, 3}, dropped[] = {0, 2, 3},
		     cut_off[] = {0, 1, 2}, grown[] = {0, 1, 2, 3, 3}, same[] = {0, 1, 2, 3};
	uint8_t *data = pattern(4 * C);

	(void)state;
	for (size_t kind = 0; kind < KINDS; kind++) {
		const struct pinf_blob_params params = params_of(kind);
		/* Four full chunks, so that every order has a valid length. */
		const size_t len = params.padded ? 4 * ROOM : 4 * C;
		struct pinf_bytes sealed = seal(&params, span_of(data, len));
		const struct pinf_span all = pinf_span_of(&sealed);

		assert_ok(open_reordered(all, same, 4));
		assert_err(open_reordered(all, swapped, 4), PINF_E_BLOB_FORGED);
		assert_err(open_reordered(all, doubled, 4), PINF_E_BLOB_FORGED);
		assert_err(open_reordered(all, dropped, 3), PINF_E_BLOB_FORGED);
		assert_err(open_reordered(all, cut_off, 3), PINF_E_BLOB_FORGED);
		assert_err(open_reordered(all, grown, 5), PINF_E_BLOB_FORGED);
		pinf_bytes_free(&sealed);
	}
	free(data);
}

static void
wrong_key_scope_and_downgrades_fail(void **state)
{
	struct pinf_scope next_attempt = result_scope;

	(void)state;
	next_attempt.attempt++;
	for (size_t kind = 0; kind < KINDS; kind++) {
		const struct pinf_blob_params params = params_of(kind);
		struct pinf_bytes sealed = seal(&params, SPAN("secret"));
		const struct pinf_span all = pinf_span_of(&sealed);

		assert_err(open_with(INPUT_KEY, &result_scope, all), PINF_E_BLOB_COMMITMENT);
		assert_err(open_with(RESULT_KEY, &input_scope, all), PINF_E_SCOPE_MISMATCH);
		assert_err(open_with(RESULT_KEY, &next_attempt, all), PINF_E_SCOPE_MISMATCH);
		/* The order of the checks: scope before commitment before chunks. */
		sealed.data[sealed.len - 1] ^= 1;
		assert_err(open_with(INPUT_KEY, &next_attempt, all), PINF_E_SCOPE_MISMATCH);
		assert_err(open_with(INPUT_KEY, &result_scope, all), PINF_E_BLOB_COMMITMENT);
		assert_err(open_with(RESULT_KEY, &result_scope, all), PINF_E_BLOB_FORGED);
		sealed.data[sealed.len - 1] ^= 1;
		sealed.data[5] ^= 3; /* the other suite */
		assert_err(open_result(all), PINF_E_BLOB_COMMITMENT);
		sealed.data[5] ^= 3;
		sealed.data[6] ^= 1; /* padded or not */
		assert_err(open_result(all), PINF_E_BLOB_COMMITMENT);
		sealed.data[6] ^= 1;
		sealed.data[7]++; /* chunk size */
		assert_err(open_result(all), PINF_E_BLOB_COMMITMENT);
		pinf_bytes_free(&sealed);
	}
}

static void
small_buffers_and_wrong_chunks_are_refused(void **state)
{
	const struct pinf_key key = key_of(RESULT_KEY);
	const struct pinf_blob_params params = params_of(1);
	struct pinf_bytes sealed = seal(&params, SPAN("secret"));
	const struct pinf_span chunk = span_of(sealed.data + HEADER, sealed.len - HEADER);
	struct pinf_blob_plan plan;
	uint8_t room[PINF_BLOB_PADDED_MIN + PINF_TAG_LEN];
	struct pinf_buf out = {room, 0, PINF_BLOB_PADDED_MIN - 1};

	(void)state;
	assert_ok(pinf_blob_plan(&plan, &params, 6));
	assert_ok(pinf_blob_open_begin(blob, pinf_span_of(&sealed), NULL, &key));
	assert_err(pinf_blob_open_at(blob, &plan, 0, chunk, &out), PINF_E_NO_ROOM);
	out.cap++;
	assert_err(pinf_blob_open_at(blob, &plan, 0, span_of(chunk.data, chunk.len - 1), &out),
	    PINF_E_LENGTH);
	assert_err(
	    pinf_blob_open_next(blob, span_of(chunk.data, 19), true, &out), PINF_E_BLOB_TRUNCATED);
	assert_err(pinf_blob_open_next(blob, chunk, false, &out), PINF_E_BLOB_TRUNCATED);
	assert_err(
	    pinf_blob_open_next(blob, span_of(chunk.data, C + 17), true, &out), PINF_E_LENGTH);
	sealed.data[sealed.len - 1] ^= 1;
	memset(room, 0xaa, sizeof room);
	assert_err(pinf_blob_open_next(blob, chunk, true, &out), PINF_E_BLOB_FORGED);
	for (size_t i = 0; i < PINF_BLOB_PADDED_MIN; i++)
		assert_int_equal(room[i], 0);
	assert_int_equal(out.len, 0);
	sealed.data[sealed.len - 1] ^= 1;
	assert_ok(pinf_blob_open_next(blob, chunk, true, &out));
	assert_int_equal(out.len, 6);
	assert_memory_equal(room, "secret", 6);
	out = (struct pinf_buf){room, 0, sizeof room - 1};
	assert_err(pinf_blob_seal_at(blob, &plan, 0, SPAN("secret"), &out), PINF_E_NO_ROOM);
	pinf_bytes_free(&sealed);
}

static void
check_tells_without_opening(void **state)
{
	const struct pinf_key key = key_of(RESULT_KEY);
	const struct pinf_key other = key_of(INPUT_KEY);
	const struct pinf_blob_params params = params_of(1);
	struct pinf_bytes sealed = seal(&params, SPAN("secret"));
	const struct pinf_span header = span_of(sealed.data, HEADER);
	const size_t len = sealed.len;

	(void)state;
	assert_ok(pinf_blob_check(blob, &result_scope, &key, header, len));
	assert_err(pinf_blob_check(blob, &input_scope, &key, header, len), PINF_E_SCOPE_MISMATCH);
	assert_err(
	    pinf_blob_check(blob, &result_scope, &other, header, len), PINF_E_BLOB_COMMITMENT);
	assert_err(
	    pinf_blob_check(blob, &result_scope, &key, header, len + 1), PINF_E_BLOB_TRUNCATED);
	assert_err(
	    pinf_blob_check(blob, &result_scope, &key, header, UINT64_MAX), PINF_E_TOO_LARGE);
	pinf_bytes_free(&sealed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(one_shot_streamed_and_scattered_agree),
	    cmocka_unit_test(clones_seal_the_same_bytes),
	    cmocka_unit_test(every_flipped_bit_fails),
	    cmocka_unit_test(every_truncation_and_extension_fails),
	    cmocka_unit_test(moved_chunks_fail),
	    cmocka_unit_test(wrong_key_scope_and_downgrades_fail),
	    cmocka_unit_test(small_buffers_and_wrong_chunks_are_refused),
	    cmocka_unit_test(check_tells_without_opening),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
