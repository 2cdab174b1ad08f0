/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob_forge.c -- fuzzes what lies behind the cryptography: chunks of the input's choosing, sealed under the right key by the other
 * libraries.  Their counts and padding may say anything; what spec/blob.md allows opens, and nothing else.  The input:
 * parameters, then for each chunk its length, its count, and what becomes of its padding.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "peer.h"

#define CHUNK      ((size_t)1 << PINF_BLOB_CHUNK_MIN)
#define ROOM       (CHUNK - PINF_BLOB_COUNT_LEN)
#define CHUNKS_MAX 4
#define FULL_MAX                                                                                   \
	80 /* behind so many a chunk can be padding alone: PADME's steps are larger than chunks */

struct forged {
	struct pinf_blob_params params;
	size_t full; /* chunks in front of them, with nothing wrong */
	size_t chunks;
	size_t len[CHUNKS_MAX], count[CHUNKS_MAX]; /* of the body; real bytes of it, as it says */
	bool clean[CHUNKS_MAX]; /* zeros between them */
};

/* Lengths and counts near those that matter: full, empty, padded as they should be, or any. */
static size_t
read_len(struct fuzz_input *in, size_t least, size_t max)
{
	const uint8_t choice = fuzz_byte(in);

	switch (choice & 3) {
	case 0: return max;
	case 1: return least;
	case 2:
		return least + 16 * (size_t)(choice >> 2) <= max
			   ? least + 16 * (size_t)(choice >> 2)
			   : max;
	default: return least + (size_t)fuzz_below(in, max - least + 1);
	}
}

static void
forge(struct forged *f, struct fuzz_input *in)
{
	const uint8_t choice = fuzz_byte(in);

	f->params = (struct pinf_blob_params){
	    .suite = (choice & 1) != 0 ? PINF_SUITE_AES256GCM : PINF_SUITE_CHACHA20POLY1305,
	    .padded = (choice & 2) == 0,
	    .chunk_log2 = PINF_BLOB_CHUNK_MIN,
	    .key_version = 1,
	    .scope = {
		.kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = 7, .task = 9}};
	f->chunks = 1 + (size_t)(choice >> 2) % CHUNKS_MAX;
	f->full = (choice & 0x10) != 0 ? FULL_MAX - fuzz_byte(in) % 32u : 0;
	for (size_t i = 0; i < f->chunks; i++) {
		const size_t least = f->params.padded ? PINF_BLOB_COUNT_LEN : 0;

		f->len[i] = i + 1 < f->chunks ? CHUNK : read_len(in, least, CHUNK);
		f->count[i] = f->params.padded ? read_len(in, 0, f->len[i]) : f->len[i];
		f->clean[i] = fuzz_byte(in) != 1;
	}
}

/* The body of a chunk: 'x's, then zeros, or nearly, then the count. */
static void
write_body(const struct forged *f, size_t i, uint8_t *body)
{
	const size_t room = f->params.padded ? f->len[i] - PINF_BLOB_COUNT_LEN : f->len[i];
	const size_t real = f->count[i] < room ? f->count[i] : room;

	memset(body, 0, f->len[i]);
	memset(body, 'x', real);
	if (!f->params.padded)
		return;
	if (!f->clean[i] && real < room)
		body[room - 1] = 1;
	for (unsigned k = 0; k < PINF_BLOB_COUNT_LEN; k++)
		body[room + k] = (uint8_t)(f->count[i] >> (24 - 8 * k));
}

static void
write_full(const struct forged *f, uint8_t *body)
{
	struct forged one = *f;

	one.len[0] = CHUNK;
	one.count[0] = f->params.padded ? ROOM : CHUNK;
	write_body(&one, 0, body);
}

/* Whether the pages allow it: BLOB-8, and BLOB-24 with BLOB-20 and BLOB-21. */
static bool
is_right(const struct forged *f, uint64_t *n)
{
	uint64_t body_len = f->full * CHUNK;
	bool ended = false;

	*n = f->full * (f->params.padded ? ROOM : CHUNK);
	for (size_t i = 0; i < f->chunks; i++) {
		const size_t room = f->params.padded ? f->len[i] - PINF_BLOB_COUNT_LEN : f->len[i];

		body_len += f->len[i];
		if (!f->params.padded && f->len[i] == 0 && f->full + f->chunks > 1)
			return false;
		if (f->params.padded && (f->count[i] > room || (ended && f->count[i] > 0) ||
					    (!f->clean[i] && f->count[i] < room)))
			return false;
		ended = f->count[i] < ROOM;
		*n += f->count[i];
	}
	return !f->params.padded || body_len == fuzz_peer_padded(*n, ROOM);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pinf_key scope_key = {{1, 2, 3}};
	static const uint8_t salt[PINF_SALT_LEN] = {4, 5, 6};
	static struct pinf_blob *blob;
	struct fuzz_input in = {data, size};
	struct forged f;
	struct pinf_key key;
	static uint8_t
	    sealed[PINF_BLOB_HEADER_LEN + (FULL_MAX + CHUNKS_MAX) * (CHUNK + PINF_TAG_LEN)];
	static uint8_t body[CHUNK];
	struct pinf_bytes plain = {0};
	size_t at = PINF_BLOB_HEADER_LEN;
	uint64_t n;
	enum pinf_err err;
	bool right;

	if (blob == NULL && pinf_blob_new(&blob) != PINF_OK)
		abort();
	forge(&f, &in);
	if (!fuzz_peer_has(f.params.suite))
		return 0;
	fuzz_peer_begin(&key, sealed, &f.params, salt, &scope_key);
	for (size_t i = 0; i < f.full; i++) {
		write_full(&f, body);
		fuzz_peer_seal(
		    &f.params, &key, i, false, (struct pinf_span){body, CHUNK}, sealed + at);
		at += CHUNK + PINF_TAG_LEN;
	}
	for (size_t i = 0; i < f.chunks; i++) {
		write_body(&f, i, body);
		fuzz_peer_seal(&f.params, &key, f.full + i, i + 1 == f.chunks,
		    (struct pinf_span){body, f.len[i]}, sealed + at);
		at += f.len[i] + PINF_TAG_LEN;
	}
	right = is_right(&f, &n);
	err = pinf_blob_open(blob, NULL, &scope_key, (struct pinf_span){sealed, at}, &plain);
	fuzz_check((err == PINF_OK) == right, "what the pages allow opens, and nothing else");
	fuzz_check(right || err == PINF_E_BLOB_PADDING || err == PINF_E_BLOB_TRUNCATED,
	    "the padding is what is wrong with it");
	fuzz_check(plain.len == (right ? n : 0), "it has its bytes, or none come out");
	for (size_t i = 0; i < plain.len; i++)
		fuzz_check(plain.data[i] == 'x', "the real ones");
	pinf_bytes_free(&plain);
	return 0;
}
