/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob_seal.c -- fuzzes round trips: whatever is sealed opens to the same, in order and chunk by chunk, and not one changed bit
 * of it, nor a byte fewer or more, does.  The input: parameters, a place to change, plaintext.  spec/blob.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/blob.h>

#include "common.h"

static struct pinf_blob_params
read_params(struct fuzz_input *in)
{
	const uint8_t choice = fuzz_byte(in);
	struct pinf_blob_params params = {.suite = (enum pinf_suite)(1 + (choice & 1)),
	    .padded = (choice & 2) != 0,
	    .chunk_log2 = PINF_BLOB_CHUNK_MIN,
	    .key_version = 1 + (uint32_t)fuzz_below(in, UINT32_MAX),
	    .scope = {
		.kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = 7, .task = 9}};

	if ((choice & 4) != 0) {
		params.scope.purpose = PINF_PURPOSE_RESULT;
		params.scope.attempt = 1 + fuzz_byte(in);
		params.scope.miner.bytes[19] = 1;
	}
	return params;
}

/* Each chunk by itself, the last one first. */
static void
check_chunks(struct pinf_blob *blob, const struct pinf_key *key, struct pinf_span sealed,
    struct pinf_span plain)
{
	struct pinf_blob_plan plan = {.chunks = 0};
	uint8_t room[1 << PINF_BLOB_CHUNK_MIN];

	fuzz_check(
	    pinf_blob_open_begin(blob, sealed, NULL, key) == PINF_OK &&
		pinf_blob_plan_sealed(&plan, pinf_blob_params_of(blob), sealed.len) == PINF_OK,
	    "it begins");
	for (uint64_t i = plan.chunks; i-- > 0;) {
		struct pinf_buf out = {room, 0, sizeof room};
		size_t len;
		const uint64_t at = pinf_blob_chunk_at(&plan, pinf_blob_params_of(blob), i, &len),
			       from = i * plan.chunk_real;

		fuzz_check(pinf_blob_open_at(blob, &plan, i,
			       (struct pinf_span){sealed.data + at, len}, &out) == PINF_OK,
		    "a chunk opens in its place");
		fuzz_check(out.len == (from >= plain.len                       ? 0
					  : plain.len - from < plan.chunk_real ? plain.len - from
									       : plan.chunk_real) &&
			       (out.len == 0 || (plain.data != NULL &&
						    memcmp(room, plain.data + from, out.len) == 0)),
		    "and is that part of the plaintext");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const struct pinf_blob_params params = read_params(&in);
	const uint64_t place = fuzz_below(&in, UINT32_MAX);
	const struct pinf_span plain = fuzz_rest(&in, SIZE_MAX);
	const struct pinf_key key = {{1, 2, 3}};
	static struct pinf_blob *blob;
	struct pinf_bytes sealed = {0}, opened = {0};
	struct pinf_hash sha256;
	uint64_t seed = place;

	if (blob == NULL && pinf_blob_new(&blob) != PINF_OK)
		abort();
	fuzz_check(pinf_blob_seal(
		       blob, &params, &key, fuzz_random(&seed), plain, &sealed, &sha256) == PINF_OK,
	    "it seals");
	fuzz_check(
	    pinf_blob_open(blob, &params.scope, &key, pinf_span_of(&sealed), &opened) == PINF_OK &&
		pinf_span_equal(
		    pinf_span_of(&opened), plain.data == NULL ? pinf_span_str("") : plain),
	    "and opens to the same");
	check_chunks(blob, &key, pinf_span_of(&sealed), plain);
	opened.len = 0;
	sealed.data[place % sealed.len] ^= (uint8_t)(1u << place / sealed.len % 8);
	fuzz_check(pinf_blob_open(blob, NULL, &key, pinf_span_of(&sealed), &opened) != PINF_OK &&
		       opened.len == 0,
	    "not with one bit changed");
	sealed.data[place % sealed.len] ^= (uint8_t)(1u << place / sealed.len % 8);
	sealed.len--;
	fuzz_check(pinf_blob_open(blob, NULL, &key, pinf_span_of(&sealed), &opened) != PINF_OK &&
		       opened.len == 0,
	    "nor cut off");
	sealed.len++;
	fuzz_check(pinf_bytes_append(&sealed, "", 1) == PINF_OK, "room");
	fuzz_check(pinf_blob_open(blob, NULL, &key, pinf_span_of(&sealed), &opened) != PINF_OK &&
		       opened.len == 0,
	    "nor with more behind it");
	pinf_bytes_free(&sealed);
	pinf_bytes_free(&opened);
	return 0;
}
