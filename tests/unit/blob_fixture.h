/* SPDX-License-Identifier: Apache-2.0 */
/* blob_fixture.h -- scopes, keys and salt of the examples of spec/blob.md, and helpers to seal with them. */
#ifndef PINF_TESTS_BLOB_FIXTURE_H
#define PINF_TESTS_BLOB_FIXTURE_H

#include <stdbool.h>

#include "unit.h"

#include <pinf/blob.h>

#define HEADER PINF_BLOB_HEADER_LEN
#define C      4096u /* the small chunks of these tests */
#define ROOM   (C - PINF_BLOB_COUNT_LEN)

static const struct pinf_scope input_scope = {.kind = PINF_SCOPE_TASK,
    .purpose = PINF_PURPOSE_INPUT,
    .session = 101,
    .task = 9001,
    .instance = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
static const struct pinf_scope result_scope = {.kind = PINF_SCOPE_TASK,
    .purpose = PINF_PURPOSE_RESULT,
    .session = 101,
    .task = 9001,
    .instance = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    .attempt = 2,
    .miner = {{0xc0, 0xff, 0xee, 0x25, 0x47, 0x29, 0x29, 0x6a, 0x45, 0xa3, 0x88, 0x56, 0x39, 0xac,
	0x7e, 0x10, 0xf9, 0xd5, 0x49, 0x79}}};

#define INPUT_KEY  "fed5f09cde0f5e63448069394c88562c4c45e69a8f907c3658bd32ef5eec1b3c"
#define RESULT_KEY "681e9c70366d012874d05a6ac00660017b46c00de7b7fe038d94d619af412f2b"

static const struct pinf_suite_case {
	enum pinf_suite suite;
	bool padded;
} kinds[] = {{PINF_SUITE_AES256GCM, false}, {PINF_SUITE_AES256GCM, true},
    {PINF_SUITE_CHACHA20POLY1305, false}, {PINF_SUITE_CHACHA20POLY1305, true}};
#define KINDS (sizeof kinds / sizeof *kinds)

static struct pinf_blob *blob;

static inline int
setup(void **state)
{
	(void)state;
	return pinf_blob_new(&blob) == PINF_OK ? 0 : -1;
}

static inline int
teardown(void **state)
{
	(void)state;
	pinf_blob_free(blob);
	pinf_blob_free(NULL);
	return 0;
}

static inline struct pinf_key
key_of(const char *hex)
{
	struct pinf_key key;

	assert_ok(pinf_unhex(key.bytes, sizeof key.bytes, SPAN(hex), true));
	return key;
}

static inline struct pinf_blob_params
params_of(size_t kind)
{
	return (struct pinf_blob_params){.suite = kinds[kind].suite,
	    .chunk_log2 = 12,
	    .padded = kinds[kind].padded,
	    .key_version = 3,
	    .scope = result_scope};
}

/* The salt of the examples: 0x80 .. 0x9f. */
static inline enum pinf_err
fill_example(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(0x80 + i);
	return PINF_OK;
}

static inline enum pinf_err
fill_nothing(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	(void)out;
	(void)len;
	return PINF_E_RANDOM;
}

static const struct pinf_random example_random = {NULL, fill_example};

static inline uint8_t *
pattern(size_t len)
{
	uint8_t *data = malloc(len + 1);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	return data;
}

static inline struct pinf_bytes
seal(const struct pinf_blob_params *params, struct pinf_span plain)
{
	const struct pinf_key key = key_of(RESULT_KEY);
	struct pinf_bytes sealed = {0};
	struct pinf_hash sha256;

	assert_ok(pinf_blob_seal(blob, params, &key, example_random, plain, &sealed, &sha256));
	return sealed;
}

static inline enum pinf_err
open_with(const char *key_hex, const struct pinf_scope *scope, struct pinf_span sealed)
{
	const struct pinf_key key = key_of(key_hex);
	struct pinf_bytes plain = {0};
	enum pinf_err err;

	assert_ok(pinf_bytes_append(&plain, "kept", 4));
	err = pinf_blob_open(blob, scope, &key, sealed, &plain);
	if (err != PINF_OK)
		assert_int_equal(plain.len, 4);
	assert_memory_equal(plain.data, "kept", 4);
	pinf_bytes_free(&plain);
	return err;
}

static inline enum pinf_err
open_result(struct pinf_span sealed)
{
	return open_with(RESULT_KEY, &result_scope, sealed);
}

#endif
