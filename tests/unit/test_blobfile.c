/* SPDX-License-Identifier: Apache-2.0 */
/* test_blobfile.c -- blobs from file to file, with threads, against the one-shot functions. */
#include "host_fixture.h"

#include "crypto/crypto.h"
#include "host/blobfile.h"

static const struct pinf_key scope_key = {{1, 2, 3}};
static const struct pinf_blob_params base = {.suite = PINF_SUITE_AES256GCM,
    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
    .key_version = 1,
    .scope = {.kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = 1, .task = 2}};

static uint8_t *plain;
#define PLAIN_LEN ((size_t)5 << 20)

static struct pinf_blobfile
job(const char *from, const char *to, unsigned threads)
{
	return (struct pinf_blobfile){in_scratch(from), in_scratch(to), &scope_key, threads};
}

static void
assert_file(const char *name, const uint8_t *want, size_t len)
{
	size_t got_len = 0;
	uint8_t *got = unit_read_file(in_scratch(name), &got_len);

	assert_non_null(got);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, want, len);
	free(got);
}

static void
test_round_trips(void **state)
{
	(void)state;
	static const size_t lens[] = {0, 1, 255, 65531, 65532, 65533, 65536, 65537, 1 << 20,
	    (1 << 20) - 64, (3 << 20) + 17, PLAIN_LEN};
	uint64_t seed = 7;
	struct pinf_blob *blob;

	assert_ok(pinf_blob_new(&blob));
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
		for (unsigned variant = 0; variant < 8; variant++) {
			const unsigned threads = variant & 1 ? 3 : 1;
			struct pinf_blob_params params = base;
			struct pinf_blobfile_info sealed, opened;
			struct pinf_bytes want = {0};
			struct pinf_hash sha256;
			params.padded = variant & 2;
			params.chunk_log2 = variant & 4 ? 14 : 16;
			put_file(in_scratch("p"), plain, lens[i]);

			/* The same random stream gives the same salt: the same bytes as in memory. */
			seed = i;
			const struct pinf_blobfile in = job("p", "s", threads);
			assert_ok(pinf_blobfile_seal(&in, &params, unit_random(&seed), &sealed));
			seed = i;
			assert_ok(pinf_blob_seal(blob, &params, &scope_key, unit_random(&seed),
			    span_of(plain, lens[i]), &want, &sha256));
			assert_file("s", want.data, want.len);
			assert_memory_equal(sealed.sha256.bytes, sha256.bytes, 32);
			assert_int_equal(sealed.sealed_len, want.len);
			assert_int_equal(sealed.plain_len, lens[i]);

			const struct pinf_blobfile out = job("s", "o", threads);
			assert_ok(pinf_blobfile_open(&out, &params.scope, &opened));
			assert_file("o", plain, lens[i]);
			assert_memory_equal(opened.sha256.bytes, sha256.bytes, 32);
			assert_int_equal(opened.plain_len, lens[i]);
			pinf_bytes_free(&want);
		}
	pinf_blob_free(blob);
}

/* Any damage fails, whichever thread meets it, and leaves neither output nor temporary file. */
static void
test_damage(void **state)
{
	(void)state;
	uint64_t seed = 9;
	struct pinf_blob_params params = base;
	struct pinf_blobfile_info info;
	size_t len = 0;

	params.padded = true;
	put_file(in_scratch("p"), plain, PLAIN_LEN);
	const struct pinf_blobfile in = job("p", "s", 2);
	assert_ok(pinf_blobfile_seal(&in, &params, unit_random(&seed), &info));
	uint8_t *blob = unit_read_file(in_scratch("s"), &len);
	assert_int_equal(len, info.sealed_len);
	assert_int_equal(unlink(in_scratch("s")), 0);

	const struct {
		size_t at; /* of a flipped bit; len: none */
		size_t cut; /* bytes off the end */
		enum pinf_err err;
	} cases[] = {{0, 0, PINF_E_BLOB_MAGIC}, {90, 0, PINF_E_BLOB_COMMITMENT},
	    {PINF_BLOB_HEADER_LEN, 0, PINF_E_BLOB_FORGED}, {len / 2, 0, PINF_E_BLOB_FORGED},
	    {len - 1, 0, PINF_E_BLOB_FORGED}, {len, 65552, PINF_E_BLOB_TRUNCATED},
	    {len, 1, PINF_E_BLOB_TRUNCATED}, {len, len - 100, PINF_E_BLOB_TRUNCATED}};
	for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
		const size_t c = i / 2;
		const struct pinf_blobfile out = job("d", "o2", i % 2 ? 1 : 3);
		if (cases[c].at < len)
			blob[cases[c].at] ^= 1;
		put_file(in_scratch("d"), blob, len - cases[c].cut);
		if (cases[c].at < len)
			blob[cases[c].at] ^= 1;
		const size_t before = count_files(scratch);
		assert_err(pinf_blobfile_open(&out, NULL, &info), cases[c].err);
		assert_int_equal(count_files(scratch), before);
	}
	const struct pinf_scope other = {
	    .kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = 1, .task = 3};
	put_file(in_scratch("d"), blob, len);
	const struct pinf_blobfile out = job("d", "o2", 2), nowhere = job("d", "no/dir", 2),
				   nothing = job("absent", "o2", 2), dir = job(".", "o2", 2);
	assert_err(pinf_blobfile_open(&out, &other, &info), PINF_E_SCOPE_MISMATCH);
	assert_err(pinf_blobfile_open(&nowhere, NULL, &info), PINF_E_NOT_FOUND);
	assert_err(pinf_blobfile_open(&nothing, NULL, &info), PINF_E_NOT_FOUND);
	assert_err(pinf_blobfile_seal(&dir, &params, unit_random(&seed), &info), PINF_E_IO);
	params.chunk_log2 = 40;
	assert_err(
	    pinf_blobfile_seal(&out, &params, unit_random(&seed), &info), PINF_E_BLOB_HEADER);
	free(blob);
}

static void
test_range(void **state)
{
	(void)state;
	static const struct pinf_range ranges[] = {{0, 1}, {0, 65532}, {65530, 10},
	    {100000, 300000}, {299990, 100}, {300000, 5}, {1 << 30, 5}, {0, 0}};
	uint64_t seed = 11;
	const size_t len = 300000;

	for (unsigned padded = 0; padded < 2; padded++) {
		struct pinf_blob_params params = base;
		params.padded = padded;
		put_file(in_scratch("p"), plain, len);
		const struct pinf_blobfile in = job("p", "s", 1), out = job("s", "", 1);
		assert_ok(pinf_blobfile_seal(&in, &params, unit_random(&seed), NULL));
		for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
			const uint64_t end = ranges[i].first + ranges[i].len;
			const size_t stop = end < len ? (size_t)end : len;
			const size_t want =
			    ranges[i].first < stop ? stop - (size_t)ranges[i].first : 0;
			struct pinf_bytes got = {0};
			assert_ok(pinf_blobfile_range(&out, NULL, &ranges[i], &got));
			assert_int_equal(got.len, want);
			if (want > 0)
				assert_memory_equal(got.data, plain + ranges[i].first, want);
			pinf_bytes_free(&got);
		}
		const struct pinf_range endless = {0, UINT64_MAX};
		struct pinf_bytes got = {0};
		assert_err(pinf_blobfile_range(&out, NULL, &endless, &got), PINF_E_RANGE);
	}
}

static int
begin(void **state)
{
	uint64_t seed = 1;

	plain = malloc(PLAIN_LEN);
	if (plain == NULL || unit_fill(&seed, plain, PLAIN_LEN) != PINF_OK)
		return -1;
	return scratch_make(state);
}

static int
end(void **state)
{
	free(plain);
	return scratch_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trips),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_range),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
