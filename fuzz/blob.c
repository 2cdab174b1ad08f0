/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob.c -- fuzzes sealed blobs as they come, under the key of the conformance vectors: streamed as in one piece, and
 * nothing of what does not authenticate.  spec/blob.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/blob.h>

#include "common.h"

/* That of tests/conform/vectors_codec.py: the vectors are the corpus. */
static const struct pinf_key key = {{0x5c, 0xfe, 0x0b, 0xd4, 0x81, 0xa6, 0xb2, 0xba, 0x92, 0xa8,
    0xf0, 0xf3, 0x89, 0xda, 0xc0, 0xcb, 0xd2, 0x9a, 0xde, 0xf4, 0x8f, 0xc7, 0x8c, 0xf9, 0x44, 0x51,
    0x89, 0x08, 0x92, 0x6b, 0x6b, 0xc9}};

/* In the order of the chunks, the last one told: what came out, and why it ended. */
static enum pinf_err
stream(struct pinf_blob *blob, struct pinf_span sealed, struct pinf_bytes *out)
{
	struct pinf_blob_plan plan;
	struct pinf_buf room = {NULL, 0, 0};
	enum pinf_err err = pinf_blob_open_begin(blob, sealed, NULL, &key);

	if (err == PINF_OK)
		err = pinf_blob_plan_sealed(&plan, pinf_blob_params_of(blob), sealed.len);
	if (err != PINF_OK)
		return err;
	room.cap = sealed.len; /* a chunk's data are fewer */
	room.data = malloc(room.cap);
	if (room.data == NULL)
		abort();
	for (uint64_t i = 0; i < plan.chunks && err == PINF_OK; i++) {
		size_t len;
		const uint64_t at = pinf_blob_chunk_at(&plan, pinf_blob_params_of(blob), i, &len);

		room.len = 0;
		err = pinf_blob_open_next(
		    blob, (struct pinf_span){sealed.data + at, len}, i + 1 == plan.chunks, &room);
		if (err == PINF_OK)
			err = pinf_bytes_append(out, room.data, room.len);
	}
	free(room.data);
	return err;
}

static enum pinf_err
open_starving(struct pinf_span sealed)
{
	struct pinf_blob *blob = NULL;
	struct pinf_bytes plain = {0};
	enum pinf_err err = pinf_blob_new(&blob);

	if (err == PINF_OK)
		err = pinf_blob_open(blob, NULL, &key, sealed, &plain);
	pinf_bytes_free(&plain);
	pinf_blob_free(blob);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pinf_span sealed = {data, size};
	static struct pinf_blob *blob;
	struct pinf_blob_header header;
	struct pinf_bytes plain = {0}, streamed = {0};
	uint8_t again[PINF_BLOB_HEADER_LEN];
	enum pinf_err err, piecewise;

	if (blob == NULL && pinf_blob_new(&blob) != PINF_OK)
		abort();
	err = pinf_blob_open(blob, NULL, &key, sealed, &plain);
	fuzz_check_named(err);
	fuzz_check(err == PINF_OK || plain.len == 0, "nothing comes out of what does not open");
	piecewise = stream(blob, sealed, &streamed);
	fuzz_check(piecewise == err, "streaming fails as one piece does");
	if (err == PINF_OK)
		fuzz_check(pinf_span_equal(pinf_span_of(&plain), pinf_span_of(&streamed)),
		    "and gives the same");
	if (pinf_blob_header_decode(&header, sealed) == PINF_OK) {
		pinf_blob_header_encode(again, &header);
		fuzz_check(memcmp(again, data, sizeof again) == 0, "one header, one encoding");
		fuzz_check(
		    pinf_blob_check(blob, NULL, &key, sealed, size) == PINF_OK || err != PINF_OK,
		    "what opens checks");
	}
	fuzz_starve(open_starving, sealed);
	pinf_bytes_free(&plain);
	pinf_bytes_free(&streamed);
	return 0;
}
