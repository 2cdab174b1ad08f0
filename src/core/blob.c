/* SPDX-License-Identifier: Apache-2.0 */
/* blob.c -- sealing and opening: key and commitment, chunks, streams, one shot.  spec/blob.md. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/blob.h>
#include <pinf/bug.h>

#include "core/be.h"
#include "crypto/crypto.h"

#define BLOB_INFO   "pinf/blob/1"
#define BOUND_LEN   (PINF_BLOB_HEADER_LEN - PINF_HASH_LEN) /* the header up to the commitment */
#define UNKNOWN_LEN UINT64_MAX

struct pinf_blob {
	struct pinf_cipher *cipher;
	struct pinf_key key; /* kept for clones */
	struct pinf_blob_params params;
	bool ready;
	/* Of a stream. */
	struct pinf_blob_plan plan; /* of unknown length until its end is told */
	uint64_t next;
	uint64_t real_len; /* so far */
	bool data_ended;
	bool done;
};

enum pinf_err
pinf_blob_new(struct pinf_blob **blob)
{
	struct pinf_blob *fresh = calloc(1, sizeof *fresh);

	if (fresh == NULL)
		return PINF_E_NO_MEMORY;
	const enum pinf_err err = pinf_cipher_new(&fresh->cipher);
	if (err != PINF_OK) {
		free(fresh);
		return err;
	}
	*blob = fresh;
	return PINF_OK;
}

void
pinf_blob_free(struct pinf_blob *blob)
{
	if (blob == NULL)
		return;
	pinf_cipher_free(blob->cipher);
	pinf_wipe(blob, sizeof *blob);
	free(blob);
}

const struct pinf_blob_params *
pinf_blob_params_of(const struct pinf_blob *blob)
{
	assert(blob->ready);
	return &blob->params;
}

static enum pinf_err
start(struct pinf_blob *blob, const struct pinf_blob_params *params, const struct pinf_key *key)
{
	const enum pinf_err err = pinf_cipher_key(blob->cipher, params->suite, key);

	if (err != PINF_OK)
		return err;
	const enum pinf_err planned = pinf_blob_plan(&blob->plan, params, 0);
	assert(planned == PINF_OK);
	blob->plan.chunks = UNKNOWN_LEN;
	blob->plan.body_len = UNKNOWN_LEN;
	blob->plan.sealed_len = UNKNOWN_LEN;
	blob->key = *key;
	blob->params = *params;
	blob->next = 0;
	blob->real_len = 0;
	blob->data_ended = false;
	blob->done = false;
	blob->ready = true;
	return PINF_OK;
}

enum pinf_err
pinf_blob_clone(struct pinf_blob **copy, const struct pinf_blob *blob)
{
	struct pinf_blob *fresh;
	enum pinf_err err;

	assert(blob->ready);
	err = pinf_blob_new(&fresh);
	if (err != PINF_OK)
		return err;
	err = start(fresh, &blob->params, &blob->key);
	if (err != PINF_OK) {
		pinf_blob_free(fresh);
		return err;
	}
	*copy = fresh;
	return PINF_OK;
}

/* Blob key and commitment: one expansion, over every byte of the header before the commitment. */
static enum pinf_err
derive(struct pinf_key *key, struct pinf_hash *commitment,
    const uint8_t header[static PINF_BLOB_HEADER_LEN], const struct pinf_key *scope_key)
{
	uint8_t info[sizeof BLOB_INFO - 1 + BOUND_LEN];
	uint8_t both[PINF_KEY_LEN + PINF_HASH_LEN];
	struct pinf_hmac prk;

	memcpy(info, BLOB_INFO, sizeof BLOB_INFO - 1);
	memcpy(info + sizeof BLOB_INFO - 1, header, BOUND_LEN);
	pinf_hkdf_extract(&prk,
	    (struct pinf_span){header + BOUND_LEN - PINF_SALT_LEN, PINF_SALT_LEN},
	    (struct pinf_span){scope_key->bytes, sizeof scope_key->bytes});
	const enum pinf_err err =
	    pinf_hkdf_expand(&prk, (struct pinf_span){info, sizeof info}, both, sizeof both);
	if (err == PINF_OK) {
		memcpy(key->bytes, both, sizeof key->bytes);
		memcpy(commitment->bytes, both + PINF_KEY_LEN, sizeof commitment->bytes);
	}
	pinf_wipe(&prk, sizeof prk);
	pinf_wipe(both, sizeof both);
	return err;
}

enum pinf_err
pinf_blob_seal_begin(struct pinf_blob *blob, const struct pinf_blob_params *params,
    const struct pinf_key *scope_key, struct pinf_random random,
    uint8_t header[static PINF_BLOB_HEADER_LEN])
{
	struct pinf_blob_header h = {.params = *params};
	uint8_t encoded[PINF_BLOB_HEADER_LEN];
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_hash commitment;
	enum pinf_err err;

	blob->ready = false;
	err = pinf_blob_params_check(params);
	if (err == PINF_OK)
		err = random.fill(random.ctx, h.salt, sizeof h.salt);
	if (err != PINF_OK)
		return err;
	if (PINF_BUG(salt_reused))
		memset(h.salt + 1, 0, sizeof h.salt - 1);
	pinf_blob_header_encode(encoded, &h);
	err = derive(&key, &commitment, encoded, scope_key);
	if (err == PINF_OK)
		err = start(blob, params, &key);
	if (err != PINF_OK)
		return err;
	memcpy(encoded + BOUND_LEN, commitment.bytes, sizeof commitment.bytes);
	memcpy(header, encoded, sizeof encoded);
	return PINF_OK;
}

enum pinf_err
pinf_blob_open_begin(struct pinf_blob *blob, struct pinf_span header,
    const struct pinf_scope *expected, const struct pinf_key *scope_key)
{
	struct pinf_blob_header h;
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_hash commitment;
	enum pinf_err err;

	blob->ready = false;
	err = pinf_blob_header_decode(&h, header);
	if (err != PINF_OK)
		return err;
	if (expected != NULL && !pinf_scope_equal(&h.params.scope, expected))
		return PINF_E_SCOPE_MISMATCH;
	err = derive(&key, &commitment, header.data, scope_key);
	if (err != PINF_OK)
		return err;
	if (!pinf_equal_secret(commitment.bytes, h.commitment, sizeof h.commitment))
		return PINF_E_BLOB_COMMITMENT;
	return start(blob, &h.params, &key);
}

/* 88-bit chunk counter, then whether this is the last chunk. */
static void
nonce_of(uint8_t nonce[static 12], uint64_t index, bool last)
{
	memset(nonce, 0, 3);
	nonce = pinf_be_put(nonce + 3, 8, index);
	*nonce = last;
}

enum pinf_err
pinf_blob_seal_at(struct pinf_blob *blob, const struct pinf_blob_plan *plan, uint64_t index,
    struct pinf_span real, struct pinf_buf *out)
{
	const struct pinf_span no_ad = {NULL, 0};
	size_t sealed_len;
	uint8_t nonce[12];

	assert(blob->ready);
	(void)pinf_blob_chunk_at(plan, &blob->params, index, &sealed_len);
	const size_t len = sealed_len - PINF_TAG_LEN;
	if (out->cap - out->len < sealed_len)
		return PINF_E_NO_ROOM;
	uint8_t *at = out->data + out->len;
	nonce_of(nonce, index, index == plan->chunks - 1);
	if (blob->params.padded) {
		const size_t room = len - PINF_BLOB_COUNT_LEN;
		assert(len >= PINF_BLOB_COUNT_LEN && real.len <= room);
		if (real.len > 0 && real.data != at)
			memcpy(at, real.data, real.len);
		memset(at + real.len, 0, room - real.len);
		pinf_be_put(at + room, PINF_BLOB_COUNT_LEN, real.len);
		real = (struct pinf_span){at, len};
	}
	assert(real.len == len);
	const enum pinf_err err = pinf_cipher_seal(blob->cipher, nonce, no_ad, real, at);
	if (err != PINF_OK) {
		pinf_wipe(at, sealed_len);
		return err;
	}
	out->len += sealed_len;
	return PINF_OK;
}

/* The real bytes of a padded chunk, all else zero.  The scan has one branch, at its end. */
static enum pinf_err
unpad(uint8_t *chunk, size_t len, size_t *real_len)
{
	const size_t room = len - PINF_BLOB_COUNT_LEN;
	const size_t count = (size_t)pinf_be_get(chunk + room, PINF_BLOB_COUNT_LEN);
	uint8_t bits = 0;

	assert(len >= PINF_BLOB_COUNT_LEN);
	/* How much is real, whoever has the key may see by the time that it takes. */
	pinf_declassify(&count, sizeof count);
	if (count > room)
		return PINF_E_BLOB_PADDING;
	for (size_t i = count; i < room; i++)
		bits |= chunk[i];
	pinf_declassify(&bits, sizeof bits);
	if (bits != 0 && !PINF_BUG(blob_padding_unchecked))
		return PINF_E_BLOB_PADDING;
	pinf_wipe(chunk + room, PINF_BLOB_COUNT_LEN);
	*real_len = count;
	return PINF_OK;
}

/* Opens a chunk behind out's end; out->len is the caller's to advance. */
static enum pinf_err
open_chunk(struct pinf_blob *blob, const uint8_t nonce[static 12], struct pinf_span sealed,
    const struct pinf_buf *out, size_t *real_len)
{
	const struct pinf_span no_ad = {NULL, 0};
	const size_t len = sealed.len - PINF_TAG_LEN;

	if (out->cap - out->len < len)
		return PINF_E_NO_ROOM;
	uint8_t *at = out->data + out->len;
	enum pinf_err err = pinf_cipher_open(blob->cipher, nonce, no_ad, sealed, at);
	if (err != PINF_OK)
		return err;
	*real_len = len;
	if (blob->params.padded)
		err = unpad(at, len, real_len);
	if (err != PINF_OK)
		pinf_wipe(at, len);
	return err;
}

enum pinf_err
pinf_blob_open_at(struct pinf_blob *blob, const struct pinf_blob_plan *plan, uint64_t index,
    struct pinf_span sealed, struct pinf_buf *out)
{
	size_t sealed_len;
	size_t real_len;
	uint8_t nonce[12];

	assert(blob->ready);
	(void)pinf_blob_chunk_at(plan, &blob->params, index, &sealed_len);
	if (sealed.len != sealed_len)
		return PINF_E_LENGTH;
	nonce_of(nonce, index, index == plan->chunks - 1);
	const enum pinf_err err = open_chunk(blob, nonce, sealed, out, &real_len);
	if (err == PINF_OK)
		out->len += real_len;
	return err;
}

enum pinf_err
pinf_blob_seal_next(
    struct pinf_blob *blob, struct pinf_span real, bool end, struct pinf_buf *out, bool *more)
{
	struct pinf_blob_plan plan = blob->plan;
	const uint64_t real_len = blob->real_len + real.len;
	enum pinf_err err = PINF_OK;

	assert(blob->ready && !blob->done);
	if (real_len > PINF_BLOB_PLAIN_MAX)
		return PINF_E_TOO_LARGE;
	if (blob->data_ended) {
		assert(real.len == 0);
	} else if (end) {
		assert(real.len > 0 || blob->next == 0);
		assert(real.len <= plan.chunk_real);
		err = pinf_blob_plan(&plan, &blob->params, real_len);
	} else {
		assert(real.len == plan.chunk_real);
	}
	if (err == PINF_OK)
		err = pinf_blob_seal_at(blob, &plan, blob->next, real, out);
	if (err != PINF_OK)
		return err;
	blob->plan = plan;
	blob->real_len = real_len;
	blob->data_ended |= end;
	blob->next++;
	blob->done = blob->next == plan.chunks;
	*more = !blob->done;
	return PINF_OK;
}

/* Whether a chunk with count real bytes of len may follow what came: full, then one partial, then none. */
static enum pinf_err
follow(const struct pinf_blob *blob, size_t count, size_t len, bool end)
{
	const uint64_t chunk = (uint64_t)1 << blob->params.chunk_log2;
	const uint64_t body_len = blob->next * chunk + len;
	struct pinf_blob_plan plan;

	if (blob->real_len + count > PINF_BLOB_PLAIN_MAX)
		return PINF_E_TOO_LARGE;
	if (blob->data_ended && count > 0 && !PINF_BUG(blob_data_resumed))
		return PINF_E_BLOB_PADDING;
	if (!blob->params.padded || PINF_BUG(blob_length_unchecked) ||
	    (!end && count == blob->plan.chunk_real))
		return PINF_OK;
	/* The length of the plaintext is known: so is that of the body. */
	const enum pinf_err err = pinf_blob_plan(&plan, &blob->params, blob->real_len + count);
	if (err != PINF_OK)
		return err;
	return (end ? body_len == plan.body_len : body_len < plan.body_len) ? PINF_OK
									    : PINF_E_BLOB_PADDING;
}

enum pinf_err
pinf_blob_open_next(struct pinf_blob *blob, struct pinf_span sealed, bool end, struct pinf_buf *out)
{
	const size_t chunk = (size_t)1 << blob->params.chunk_log2;
	size_t least = chunk;
	size_t count;
	uint8_t nonce[12];
	enum pinf_err err;

	assert(blob->ready && !blob->done);
	if (end)
		least = blob->params.padded ? PINF_BLOB_COUNT_LEN : blob->next > 0;
	if (sealed.len > chunk + PINF_TAG_LEN)
		return PINF_E_LENGTH;
	if (sealed.len < least + PINF_TAG_LEN)
		return PINF_E_BLOB_TRUNCATED;
	nonce_of(nonce, blob->next, end);
	err = open_chunk(blob, nonce, sealed, out, &count);
	if (err != PINF_OK)
		return err;
	err = follow(blob, count, sealed.len - PINF_TAG_LEN, end);
	if (err != PINF_OK) {
		pinf_wipe(out->data + out->len, sealed.len - PINF_TAG_LEN);
		return err;
	}
	out->len += count;
	blob->real_len += count;
	blob->data_ended = count < blob->plan.chunk_real;
	blob->next++;
	blob->done = end;
	return PINF_OK;
}

/* Grows bytes by room at most, to be written behind their end. */
static enum pinf_err
grow(struct pinf_bytes *bytes, uint64_t room, struct pinf_buf *behind)
{
	if (room > SIZE_MAX - bytes->len)
		return PINF_E_TOO_LARGE;
	const enum pinf_err err = pinf_bytes_reserve(bytes, bytes->len + (size_t)room);
	if (err == PINF_OK)
		*behind = (struct pinf_buf){bytes->data + bytes->len, 0, (size_t)room};
	return err;
}

/* Takes in what was written behind the end, or wipes it. */
static enum pinf_err
settle(struct pinf_bytes *bytes, const struct pinf_buf *behind, enum pinf_err err)
{
	if (err != PINF_OK) {
		if (!PINF_BUG(plaintext_kept))
			pinf_wipe(behind->data, behind->len);
		return err;
	}
	bytes->len += behind->len;
	bytes->data[bytes->len] = '\0';
	return PINF_OK;
}

enum pinf_err
pinf_blob_seal(struct pinf_blob *blob, const struct pinf_blob_params *params,
    const struct pinf_key *scope_key, struct pinf_random random, struct pinf_span plain,
    struct pinf_bytes *sealed, struct pinf_hash *sha256)
{
	struct pinf_blob_plan plan;
	struct pinf_sha256 hash;
	struct pinf_buf out;
	enum pinf_err err = pinf_blob_params_check(params);

	if (err == PINF_OK)
		err = pinf_blob_plan(&plan, params, plain.len);
	if (err == PINF_OK)
		err = grow(sealed, plan.sealed_len, &out);
	if (err == PINF_OK)
		err = pinf_blob_seal_begin(blob, params, scope_key, random, out.data);
	if (err != PINF_OK)
		return err;
	out.len = PINF_BLOB_HEADER_LEN;
	pinf_sha256_init(&hash);
	pinf_sha256_update(&hash, (struct pinf_span){out.data, out.len});
	for (uint64_t i = 0; i < plan.chunks && err == PINF_OK; i++) {
		const size_t len = plain.len < plan.chunk_real ? plain.len : plan.chunk_real;
		const size_t at = out.len;

		err = pinf_blob_seal_at(blob, &plan, i, (struct pinf_span){plain.data, len}, &out);
		pinf_sha256_update(&hash, (struct pinf_span){out.data + at, out.len - at});
		if (len > 0)
			plain = (struct pinf_span){plain.data + len, plain.len - len};
	}
	err = settle(sealed, &out, err);
	if (err == PINF_OK)
		pinf_sha256_final(&hash, sha256);
	return err;
}

enum pinf_err
pinf_blob_open(struct pinf_blob *blob, const struct pinf_scope *expected,
    const struct pinf_key *scope_key, struct pinf_span sealed, struct pinf_bytes *plain)
{
	struct pinf_blob_plan plan;
	struct pinf_buf out;
	enum pinf_err err = pinf_blob_check(blob, expected, scope_key, sealed, sealed.len);

	if (err == PINF_OK)
		err = pinf_blob_plan_sealed(&plan, &blob->params, sealed.len);
	if (err == PINF_OK)
		err = grow(plain, plan.body_len, &out);
	if (err != PINF_OK)
		return err;
	for (uint64_t i = 0; i < plan.chunks && err == PINF_OK; i++) {
		size_t len;
		const uint64_t at = pinf_blob_chunk_at(&plan, &blob->params, i, &len);
		err = pinf_blob_open_next(
		    blob, (struct pinf_span){sealed.data + at, len}, i == plan.chunks - 1, &out);
	}
	return settle(plain, &out, err);
}

enum pinf_err
pinf_blob_check(struct pinf_blob *blob, const struct pinf_scope *expected,
    const struct pinf_key *scope_key, struct pinf_span header, uint64_t sealed_len)
{
	struct pinf_blob_plan plan;
	const enum pinf_err err = pinf_blob_open_begin(blob, header, expected, scope_key);

	return err != PINF_OK ? err : pinf_blob_plan_sealed(&plan, &blob->params, sealed_len);
}
