/* SPDX-License-Identifier: Apache-2.0 */
/* blob_layout.c -- a blob's header, and how its chunks lie: nothing secret.  spec/blob.md. */
#include <assert.h>
#include <string.h>

#include <pinf/blob.h>
#include <pinf/bug.h>

#include "core/be.h"

static const uint8_t magic[4] = {'P', 'I', 'N', 'F'};

#define FORMAT_VERSION 1
#define FLAG_PADDED    1

enum {
	AT_VERSION = 4,
	AT_SUITE = 5,
	AT_FLAGS = 6,
	AT_CHUNK_LOG2 = 7,
	AT_KEY_VERSION = 8,
	AT_SCOPE = 12,
	AT_PURPOSE = AT_SCOPE + 1,
	AT_SALT = AT_SCOPE + PINF_SCOPE_MAX,
	AT_COMMITMENT = AT_SALT + PINF_SALT_LEN
};
_Static_assert(
    AT_COMMITMENT + PINF_HASH_LEN == PINF_BLOB_HEADER_LEN, "the header's fields fill it");

const char *
pinf_suite_name(enum pinf_suite suite)
{
	switch (suite) {
	case PINF_SUITE_NONE: return "none";
	case PINF_SUITE_AES256GCM: return "aes-256-gcm";
	case PINF_SUITE_CHACHA20POLY1305: return "chacha20-poly1305";
	}
	return "unknown";
}

enum pinf_err
pinf_blob_params_check(const struct pinf_blob_params *params)
{
	if (params->suite != PINF_SUITE_AES256GCM && params->suite != PINF_SUITE_CHACHA20POLY1305)
		return PINF_E_BLOB_SUITE;
	if (params->chunk_log2 < PINF_BLOB_CHUNK_MIN || params->chunk_log2 > PINF_BLOB_CHUNK_MAX ||
	    params->key_version == 0)
		return PINF_E_BLOB_HEADER;
	return pinf_scope_check(&params->scope);
}

/* In the header the scope has one length: what an input's encoding lacks is zero. */
static enum pinf_err
scope_decode(struct pinf_scope *scope, const uint8_t *header)
{
	const bool result = header[AT_PURPOSE] == PINF_PURPOSE_RESULT;
	const size_t len = result ? PINF_SCOPE_RESULT_LEN : PINF_SCOPE_INPUT_LEN;

	for (size_t i = AT_SCOPE + len; i < AT_SALT; i++)
		if (header[i] != 0)
			return PINF_E_BLOB_HEADER;
	return pinf_scope_decode(scope, (struct pinf_span){header + AT_SCOPE, len});
}

enum pinf_err
pinf_blob_header_decode(struct pinf_blob_header *header, struct pinf_span in)
{
	const uint8_t *at = in.data;
	struct pinf_blob_header h = {0};

	if (in.len > 0 && memcmp(at, magic, in.len < sizeof magic ? in.len : sizeof magic) != 0)
		return PINF_E_BLOB_MAGIC;
	if (in.len < PINF_BLOB_HEADER_LEN)
		return PINF_E_BLOB_TRUNCATED;
	if (at[AT_VERSION] != FORMAT_VERSION)
		return PINF_E_BLOB_VERSION;
	if (at[AT_SUITE] != PINF_SUITE_AES256GCM && at[AT_SUITE] != PINF_SUITE_CHACHA20POLY1305)
		return PINF_E_BLOB_SUITE;
	if ((at[AT_FLAGS] & ~FLAG_PADDED) != 0 && !PINF_BUG(blob_flags_ignored))
		return PINF_E_BLOB_HEADER;
	h.params.suite = at[AT_SUITE] == PINF_SUITE_AES256GCM ? PINF_SUITE_AES256GCM
							      : PINF_SUITE_CHACHA20POLY1305;
	h.params.padded = at[AT_FLAGS] == FLAG_PADDED;
	h.params.chunk_log2 = at[AT_CHUNK_LOG2];
	h.params.key_version = (uint32_t)pinf_be_get(at + AT_KEY_VERSION, 4);
	if (scope_decode(&h.params.scope, at) != PINF_OK ||
	    pinf_blob_params_check(&h.params) != PINF_OK)
		return PINF_E_BLOB_HEADER;
	memcpy(h.salt, at + AT_SALT, sizeof h.salt);
	memcpy(h.commitment, at + AT_COMMITMENT, sizeof h.commitment);
	*header = h;
	return PINF_OK;
}

void
pinf_blob_header_encode(
    uint8_t out[static PINF_BLOB_HEADER_LEN], const struct pinf_blob_header *header)
{
	const struct pinf_blob_params *params = &header->params;

	assert(pinf_blob_params_check(params) == PINF_OK);
	memset(out, 0, PINF_BLOB_HEADER_LEN);
	memcpy(out, magic, sizeof magic);
	out[AT_VERSION] = FORMAT_VERSION;
	out[AT_SUITE] = (uint8_t)params->suite;
	out[AT_FLAGS] = params->padded ? FLAG_PADDED : 0;
	out[AT_CHUNK_LOG2] = params->chunk_log2;
	pinf_be_put(out + AT_KEY_VERSION, 4, params->key_version);
	(void)pinf_scope_encode(out + AT_SCOPE, &params->scope);
	memcpy(out + AT_SALT, header->salt, sizeof header->salt);
	memcpy(out + AT_COMMITMENT, header->commitment, sizeof header->commitment);
}

static uint32_t
chunk_len(const struct pinf_blob_params *params)
{
	assert(
	    params->chunk_log2 >= PINF_BLOB_CHUNK_MIN && params->chunk_log2 <= PINF_BLOB_CHUNK_MAX);
	return (uint32_t)1 << params->chunk_log2;
}

static uint32_t
chunk_real(const struct pinf_blob_params *params)
{
	return chunk_len(params) - (params->padded ? PINF_BLOB_COUNT_LEN : 0);
}

static unsigned
log2_floor(uint64_t value)
{
	unsigned log = 0;

	while (value >>= 1)
		log++;
	return log;
}

/*
 * PADME: keeps as many leading bits of a length as the length of its length, rounds up the rest.
 * From 256 up every value is a multiple of 16, and of 256 above the smallest chunk: so the last
 * chunk always has room for its count.
 */
static uint64_t
padme(uint64_t len)
{
	if (len <= PINF_BLOB_PADDED_MIN)
		return PINF_BLOB_PADDED_MIN;
	const unsigned exponent = log2_floor(len);
	const unsigned rounded_bits = exponent - log2_floor(exponent) - 1;
	assert(rounded_bits < 64);
	const uint64_t mask = ((uint64_t)1 << rounded_bits) - 1;
	return (len + mask) & ~mask;
}

static uint64_t
divide_up(uint64_t value, uint32_t by)
{
	return value / by + (value % by != 0);
}

static uint64_t
at_least_1(uint64_t count)
{
	return count > 0 ? count : 1;
}

enum pinf_err
pinf_blob_plan(
    struct pinf_blob_plan *plan, const struct pinf_blob_params *params, uint64_t plain_len)
{
	const uint32_t real = chunk_real(params);
	struct pinf_blob_plan p = {.body_len = plain_len, .chunk_real = real};

	if (plain_len > PINF_BLOB_PLAIN_MAX)
		return PINF_E_TOO_LARGE;
	if (params->padded)
		p.body_len =
		    padme(plain_len + PINF_BLOB_COUNT_LEN * at_least_1(divide_up(plain_len, real)));
	p.chunks = at_least_1(divide_up(p.body_len, chunk_len(params)));
	p.sealed_len = PINF_BLOB_HEADER_LEN + p.body_len + p.chunks * PINF_TAG_LEN;
	*plan = p;
	return PINF_OK;
}

enum pinf_err
pinf_blob_plan_sealed(
    struct pinf_blob_plan *plan, const struct pinf_blob_params *params, uint64_t sealed_len)
{
	const uint32_t sealed_chunk = chunk_len(params) + PINF_TAG_LEN;
	struct pinf_blob_plan largest;
	struct pinf_blob_plan p = {.sealed_len = sealed_len, .chunk_real = chunk_real(params)};

	if (pinf_blob_plan(&largest, params, PINF_BLOB_PLAIN_MAX) != PINF_OK ||
	    sealed_len > largest.sealed_len)
		return PINF_E_TOO_LARGE;
	if (sealed_len < PINF_BLOB_HEADER_LEN + PINF_TAG_LEN)
		return PINF_E_BLOB_TRUNCATED;
	const uint64_t rest = sealed_len - PINF_BLOB_HEADER_LEN;
	const uint64_t last = rest % sealed_chunk;
	p.chunks = divide_up(rest, sealed_chunk);
	/* Only an empty plaintext has an empty chunk. */
	if (last != 0 && last <= PINF_TAG_LEN && !(p.chunks == 1 && last == PINF_TAG_LEN))
		return PINF_E_BLOB_TRUNCATED;
	p.body_len = rest - p.chunks * PINF_TAG_LEN;
	if (params->padded && padme(p.body_len) != p.body_len)
		return PINF_E_BLOB_TRUNCATED;
	*plan = p;
	return PINF_OK;
}

uint64_t
pinf_blob_chunk_at(const struct pinf_blob_plan *plan, const struct pinf_blob_params *params,
    uint64_t index, size_t *sealed_len)
{
	const uint32_t len = chunk_len(params);

	assert(index < plan->chunks);
	const uint64_t rest = plan->body_len - index * len;
	*sealed_len = (size_t)(rest < len ? rest : len) + PINF_TAG_LEN;
	return PINF_BLOB_HEADER_LEN + index * (len + PINF_TAG_LEN);
}
