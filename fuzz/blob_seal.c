/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob_seal.c -- fuzzes round trips: whatever is sealed opens to the same, in order and chunk by chunk, and not one changed bit
 * of it, nor a byte fewer or more, does.  The input: parameters, a place to change, plaintext.  spec/blob.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/blob.h>

#include "common.h"
#include "peer.h"

#define LONG_MAX 290000

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
	fuzz_check(
	    pinf_blob_open_next(blob,
		(struct pinf_span){sealed.data, sizeof room + PINF_TAG_LEN + 1}, false,
		&(struct pinf_buf){room, 0, sizeof room}) == PINF_E_LENGTH &&
		pinf_blob_open_next(blob, (struct pinf_span){sealed.data, PINF_TAG_LEN}, false,
		    &(struct pinf_buf){room, 0, sizeof room}) == PINF_E_BLOB_TRUNCATED,
	    "a chunk has its length");
	for (uint64_t i = plan.chunks; i-- > 0;) {
		struct pinf_buf out = {room, 0, sizeof room}, small = {room, 0, 0};
		size_t len;
		const uint64_t at = pinf_blob_chunk_at(&plan, pinf_blob_params_of(blob), i, &len),
			       from = i * plan.chunk_real;

		fuzz_check(
		    pinf_blob_open_at(blob, &plan, i, (struct pinf_span){sealed.data + at, len + 1},
			&out) == PINF_E_LENGTH &&
			(len == PINF_TAG_LEN || pinf_blob_open_at(blob, &plan, i,
						    (struct pinf_span){sealed.data + at, len},
						    &small) == PINF_E_NO_ROOM) &&
			out.len == 0,
		    "as it is, and where there is room");
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

/* What was sealed here opens by the other libraries, to the same bytes in the same chunks. */
static void
check_peer(const struct pinf_key *scope_key, struct pinf_span sealed)
{
	struct pinf_blob_header header;
	struct pinf_blob_plan plan;
	struct pinf_key key;
	uint8_t theirs[PINF_BLOB_HEADER_LEN], body[1 << PINF_BLOB_CHUNK_MIN],
	    again[(1 << PINF_BLOB_CHUNK_MIN) + PINF_TAG_LEN];

	fuzz_check(pinf_blob_header_decode(&header, sealed) == PINF_OK &&
		       pinf_blob_plan_sealed(&plan, &header.params, sealed.len) == PINF_OK,
	    "it has a header");
	if (!fuzz_peer_has(header.params.suite))
		return;
	fuzz_peer_begin(&key, theirs, &header.params, header.salt, scope_key);
	fuzz_check(
	    memcmp(theirs, sealed.data, sizeof theirs) == 0, "another HKDF commits to the same");
	for (uint64_t i = 0; i < plan.chunks; i++) {
		size_t len;
		const uint64_t at = pinf_blob_chunk_at(&plan, &header.params, i, &len);

		fuzz_check(fuzz_peer_open(&header.params, &key, i, i + 1 == plan.chunks,
			       (struct pinf_span){sealed.data + at, len}, body),
		    "another library opens it");
		fuzz_peer_seal(&header.params, &key, i, i + 1 == plan.chunks,
		    (struct pinf_span){body, len - PINF_TAG_LEN}, again);
		fuzz_check(memcmp(again, sealed.data + at, len) == 0, "and seals it to the same");
	}
}

/* Chunk by chunk, its length not known before, and by a clone: the same bytes. */
static void
check_streaming(struct pinf_blob *blob, const struct pinf_blob_params *params,
    const struct pinf_key *key, uint64_t seed, struct pinf_span plain, struct pinf_span sealed)
{
	uint8_t room[PINF_BLOB_HEADER_LEN + (1 << PINF_BLOB_CHUNK_MIN) + PINF_TAG_LEN];
	struct pinf_buf out = {room, 0, sizeof room}, none = {room, 0, PINF_TAG_LEN};
	struct pinf_blob_plan plan;
	struct pinf_blob *clone = NULL;
	size_t at = PINF_BLOB_HEADER_LEN, len;
	bool more = true, end = false;

	fuzz_check(pinf_blob_seal_begin(blob, params, key, fuzz_random(&seed), room) == PINF_OK &&
		       memcmp(room, sealed.data, PINF_BLOB_HEADER_LEN) == 0 &&
		       pinf_blob_clone(&clone, blob) == PINF_OK &&
		       pinf_blob_plan(&plan, params, plain.len) == PINF_OK,
	    "it begins");
	for (uint64_t i = 0; more; i++) {
		const size_t real = end                           ? 0
				    : plain.len < plan.chunk_real ? plain.len
								  : plan.chunk_real;

		end = end || real == plain.len;
		fuzz_check(pinf_blob_seal_at(
			       clone, &plan, i, (struct pinf_span){plain.data, real}, &none) ==
			       (pinf_blob_chunk_at(&plan, params, i, &len) > 0 && len > PINF_TAG_LEN
				       ? PINF_E_NO_ROOM
				       : PINF_OK),
		    "nothing is written where there is no room");
		fuzz_check(pinf_blob_seal_next(blob, (struct pinf_span){plain.data, real}, end,
			       &none, &more) == (len > PINF_TAG_LEN ? PINF_E_NO_ROOM : PINF_OK) ||
			       len == PINF_TAG_LEN,
		    "nor in order");
		none.len = out.len = 0;
		fuzz_check(pinf_blob_seal_at(clone, &plan, i, (struct pinf_span){plain.data, real},
			       &out) == PINF_OK &&
			       memcmp(room, sealed.data + at, out.len) == 0,
		    "a clone seals the same");
		out.len = 0;
		if (real > 0)
			memcpy(room, plain.data, real);
		fuzz_check(pinf_blob_seal_at(
			       clone, &plan, i, (struct pinf_span){room, real}, &out) == PINF_OK &&
			       memcmp(room, sealed.data + at, out.len) == 0,
		    "and where it lies");
		out.len = 0;
		fuzz_check(pinf_blob_seal_next(blob, (struct pinf_span){plain.data, real}, end,
			       &out, &more) == PINF_OK &&
			       out.len <= sealed.len - at &&
			       memcmp(room, sealed.data + at, out.len) == 0,
		    "in order it is the same");
		at += out.len;
		if (real > 0)
			plain = (struct pinf_span){plain.data + real, plain.len - real};
	}
	fuzz_check(at == sealed.len, "to the last byte");
	pinf_blob_free(clone);
}

static enum pinf_err
seal_starving(struct pinf_span in)
{
	const struct pinf_blob_params params = {.suite = 1 + (in.len & 1),
	    .padded = (in.len & 2) != 0,
	    .chunk_log2 = PINF_BLOB_CHUNK_MIN,
	    .key_version = 1,
	    .scope = {
		.kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = 7, .task = 9}};
	static const struct pinf_key key = {{1}};
	struct pinf_blob *blob = NULL, *clone = NULL;
	struct pinf_bytes sealed = {0}, opened = {0};
	struct pinf_hash sha256;
	uint64_t seed = 1;
	enum pinf_err err = pinf_blob_new(&blob);

	if (err == PINF_OK)
		err = pinf_blob_seal(blob, &params, &key, fuzz_random(&seed), in, &sealed, &sha256);
	if (err == PINF_OK)
		err = pinf_blob_clone(&clone, blob);
	if (err == PINF_OK)
		err = pinf_blob_open(clone, &params.scope, &key, pinf_span_of(&sealed), &opened);
	fuzz_check(err == PINF_OK || opened.len == 0, "nothing of it comes out");
	pinf_bytes_free(&sealed);
	pinf_bytes_free(&opened);
	pinf_blob_free(blob);
	pinf_blob_free(clone);
	return err;
}

/* What is out of bounds is refused before anything is written. */
static void
check_bounds(struct pinf_blob *blob, struct pinf_blob_params params, const struct pinf_key *key)
{
	struct pinf_blob_plan plan;
	struct pinf_bytes out = {0};
	struct pinf_hash sha256;
	struct pinf_scope other = params.scope;
	uint8_t header[PINF_BLOB_HEADER_LEN];
	uint64_t seed = 1;

	fuzz_check(pinf_blob_plan(&plan, &params, PINF_BLOB_PLAIN_MAX + 1) == PINF_E_TOO_LARGE &&
		       pinf_blob_plan_sealed(&plan, &params, UINT64_MAX) == PINF_E_TOO_LARGE,
	    "a blob has an end");
	fuzz_check(pinf_blob_seal(blob, &params, key, fuzz_broken_random(), pinf_span_str("x"),
		       &out, &sha256) == PINF_E_RANDOM,
	    "no salt, no blob");
	fuzz_check(pinf_blob_seal_begin(blob, &params, key, fuzz_random(&seed), header) == PINF_OK,
	    "a header");
	other.task++;
	fuzz_check(pinf_blob_open_begin(blob, (struct pinf_span){header, sizeof header}, &other,
		       key) == PINF_E_SCOPE_MISMATCH,
	    "of its own scope");
	fuzz_check(pinf_suite_name(params.suite)[0] != '\0' &&
		       pinf_suite_name(PINF_SUITE_NONE)[0] == 'n' &&
		       pinf_suite_name((enum pinf_suite)9)[0] == 'u',
	    "each suite has a name");
	params.suite = PINF_SUITE_NONE;
	fuzz_check(pinf_blob_seal(blob, &params, key, fuzz_random(&seed), pinf_span_str("x"), &out,
		       &sha256) == PINF_E_BLOB_SUITE &&
		       out.len == 0,
	    "no suite, no blob");
	pinf_bytes_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const struct pinf_blob_params params = read_params(&in);
	const uint64_t place = fuzz_below(&in, UINT32_MAX);
	static uint8_t many[LONG_MAX];
	struct pinf_span plain = fuzz_rest(&in, SIZE_MAX);
	const struct pinf_key key = {{1, 2, 3}};
	static struct pinf_blob *blob;
	struct pinf_bytes sealed = {0}, opened = {0};
	struct pinf_hash sha256;
	uint64_t seed = place;

	if (blob == NULL && pinf_blob_new(&blob) != PINF_OK)
		abort();
	/* So long that padding takes chunks of its own: the input again and again. */
	if (size % 64 == 63 && plain.len > 0) {
		const size_t len = LONG_MAX - place % 20000;

		for (size_t i = 0; i < len; i++)
			many[i] = plain.data[i % plain.len];
		plain = (struct pinf_span){many, len};
	}
	fuzz_check(pinf_blob_seal(
		       blob, &params, &key, fuzz_random(&seed), plain, &sealed, &sha256) == PINF_OK,
	    "it seals");
	fuzz_check(
	    pinf_blob_open(blob, &params.scope, &key, pinf_span_of(&sealed), &opened) == PINF_OK &&
		pinf_span_equal(
		    pinf_span_of(&opened), plain.data == NULL ? pinf_span_str("") : plain),
	    "and opens to the same");
	check_chunks(blob, &key, pinf_span_of(&sealed), plain);
	check_peer(&key, pinf_span_of(&sealed));
	check_streaming(blob, &params, &key, place, plain, pinf_span_of(&sealed));
	check_bounds(blob, params, &key);
	fuzz_starve(seal_starving, plain);
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
