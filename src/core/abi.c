/* SPDX-License-Identifier: Apache-2.0 */
/* abi.c -- the contract ABI's static words, and the one dynamic type needed.  spec/chain.md#abi. */
#include <assert.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/abi.h"
#include "core/be.h"
#include "crypto/crypto.h"

#define SELECTOR     4
#define INT_PAD      (PINF_ABI_WORD - 8)
#define ADDRESS_PAD  (PINF_ABI_WORD - PINF_ADDRESS_LEN)
#define ADDRESSES_AT (2 * PINF_ABI_WORD) /* behind the offset and the length */

struct pinf_abi_call
pinf_abi_call(const char *signature)
{
	struct pinf_abi_call call = {.len = SELECTOR};
	struct pinf_hash hash;

	pinf_keccak256(&hash, pinf_span_str(signature));
	memcpy(call.bytes, hash.bytes, SELECTOR);
	return call;
}

/* The next argument's word, which is zero. */
static uint8_t *
add_word(struct pinf_abi_call *call)
{
	uint8_t *word = call->bytes + call->len;

	assert(sizeof call->bytes - call->len >= PINF_ABI_WORD);
	call->len += PINF_ABI_WORD;
	return word;
}

void
pinf_abi_put_uint(struct pinf_abi_call *call, uint64_t value)
{
	(void)pinf_be_put(add_word(call) + INT_PAD, 8, value);
}

void
pinf_abi_put_address(struct pinf_abi_call *call, const struct pinf_address *address)
{
	memcpy(add_word(call) + ADDRESS_PAD, address->bytes, sizeof address->bytes);
}

static bool
all_zero(const uint8_t *bytes, size_t len)
{
	unsigned any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

/* Whether the word is an integer of at most max, and then which. */
static bool
word_uint(const uint8_t *word, uint64_t max, uint64_t *out)
{
	const uint64_t value = pinf_be_get(word + INT_PAD, 8);

	if (!all_zero(word, INT_PAD) || value > max)
		return false;
	*out = value;
	return true;
}

enum pinf_err
pinf_abi_uint(struct pinf_span in, uint64_t max, uint64_t *out)
{
	if (in.len != PINF_ABI_WORD)
		return PINF_E_LENGTH;
	return word_uint(in.data, max, out) ? PINF_OK : PINF_E_ID_RANGE;
}

enum pinf_err
pinf_abi_bool(struct pinf_span in, bool *out)
{
	uint64_t value;

	if (in.len != PINF_ABI_WORD)
		return PINF_E_LENGTH;
	if (!word_uint(in.data, 1, &value))
		return PINF_E_NOT_CANONICAL;
	*out = value == 1;
	return PINF_OK;
}

enum pinf_err
pinf_abi_address(struct pinf_span in, struct pinf_address *out)
{
	if (in.len != PINF_ABI_WORD)
		return PINF_E_LENGTH;
	if (!all_zero(in.data, ADDRESS_PAD) && !PINF_BUG(abi_address_too_wide))
		return PINF_E_NOT_CANONICAL;
	memcpy(out->bytes, in.data + ADDRESS_PAD, sizeof out->bytes);
	return PINF_OK;
}

enum pinf_err
pinf_abi_addresses(struct pinf_span in, struct pinf_address *out, size_t max, size_t *count)
{
	const uint8_t *words;
	uint64_t offset, n;

	if (in.len < ADDRESSES_AT)
		return PINF_E_LENGTH;
	if (!word_uint(in.data, PINF_ABI_WORD, &offset) || offset != PINF_ABI_WORD)
		return PINF_E_NOT_CANONICAL;
	if (!word_uint(in.data + PINF_ABI_WORD, max, &n))
		return PINF_E_TOO_LARGE;
	/* Divided, not multiplied: n may be anything up to max. */
	if ((in.len % PINF_ABI_WORD != 0 || (in.len - ADDRESSES_AT) / PINF_ABI_WORD != n) &&
	    !PINF_BUG(abi_count_trusted))
		return PINF_E_LENGTH;
	words = in.data + ADDRESSES_AT;
	for (size_t i = 0; i < n; i++)
		if (!all_zero(words + i * PINF_ABI_WORD, ADDRESS_PAD))
			return PINF_E_NOT_CANONICAL;
	for (size_t i = 0; i < n; i++)
		memcpy(out[i].bytes, words + i * PINF_ABI_WORD + ADDRESS_PAD, PINF_ADDRESS_LEN);
	*count = (size_t)n;
	return PINF_OK;
}
