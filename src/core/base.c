/* SPDX-License-Identifier: Apache-2.0 */
/* base.c -- error names, growable bytes, hex, addresses.  spec/json.md#text. */
#include <stdlib.h>
#include <string.h>

#include <pinf/base.h>

#include "crypto/crypto.h"

#define BYTES_FIRST 64 /* bytes of a first allocation, terminator included */

static const struct {
	const char *name;
	const char *text;
} errors[PINF_ERR_COUNT] = {
#define PINF_ERROR_ROW(id, name, text) [PINF_##id] = {name, text},
    PINF_ERRORS(PINF_ERROR_ROW)
#undef PINF_ERROR_ROW
};

const char *
pinf_err_name(enum pinf_err err)
{
	return (unsigned)err < PINF_ERR_COUNT ? errors[err].name : "unknown";
}

const char *
pinf_err_text(enum pinf_err err)
{
	return (unsigned)err < PINF_ERR_COUNT ? errors[err].text : "an unknown error";
}

enum pinf_err
pinf_err_of_name(const char *name)
{
	unsigned i = 0;

	while (i < PINF_ERR_COUNT && strcmp(errors[i].name, name) != 0)
		i++;
	return (enum pinf_err)i;
}

enum pinf_err
pinf_bytes_reserve(struct pinf_bytes *to, size_t cap)
{
	uint8_t *grown;

	if (to->data != NULL && cap <= to->cap)
		return PINF_OK;
	if (cap > SIZE_MAX / 2 - 1)
		return PINF_E_NO_MEMORY;
	/* Doubling keeps appends linear; the old block is wiped, which realloc would not do. */
	if (cap < BYTES_FIRST - 1)
		cap = BYTES_FIRST - 1;
	if (cap < 2 * to->cap + 1)
		cap = 2 * to->cap + 1;
	grown = malloc(cap + 1);
	if (grown == NULL)
		return PINF_E_NO_MEMORY;
	if (to->data != NULL) {
		memcpy(grown, to->data, to->len);
		pinf_wipe(to->data, to->cap + 1);
		free(to->data);
	}
	grown[to->len] = 0;
	to->data = grown;
	to->cap = cap;
	return PINF_OK;
}

enum pinf_err
pinf_bytes_append(struct pinf_bytes *to, const void *data, size_t len)
{
	enum pinf_err err = PINF_OK;

	if (len > SIZE_MAX - to->len)
		return PINF_E_NO_MEMORY;
	if (to->data == NULL || len > to->cap - to->len)
		err = pinf_bytes_reserve(to, to->len + len);
	if (err != PINF_OK)
		return err;
	if (len > 0)
		memcpy(to->data + to->len, data, len);
	to->len += len;
	to->data[to->len] = 0;
	return PINF_OK;
}

void
pinf_bytes_free(struct pinf_bytes *bytes)
{
	if (bytes->data != NULL) {
		pinf_wipe(bytes->data, bytes->cap + 1);
		free(bytes->data);
	}
	*bytes = (struct pinf_bytes){0};
}

struct pinf_span
pinf_span_str(const char *text)
{
	return (struct pinf_span){(const uint8_t *)text, strlen(text)};
}

bool
pinf_span_equal(struct pinf_span a, struct pinf_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
pinf_address_equal(const struct pinf_address *a, const struct pinf_address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool
pinf_hash_equal(const struct pinf_hash *a, const struct pinf_hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void
pinf_hex(char *out, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * len] = 0;
}

/* Without branches, as all of pinf_unhex(): the digits of a hash would make the processor guess wrong, those of a key tell. */
static unsigned
is_hex(unsigned c, bool lower_only)
{
	const unsigned lower = lower_only ? c : c | 0x20;

	return ((c >= '0') & (c <= '9')) | ((lower >= 'a') & (lower <= 'f'));
}

/* ASCII has the letters' values in their low bits, less 9. */
static unsigned
hex_value(unsigned c)
{
	return (c & 15) + 9 * (c >> 6);
}

enum pinf_err
pinf_unhex(uint8_t *out, size_t len, struct pinf_span hex, bool lower_only)
{
	unsigned good = 1;

	if (hex.len % 2 != 0 || hex.len / 2 != len)
		return PINF_E_LENGTH;
	for (size_t i = 0; i < hex.len; i++)
		good &= is_hex(hex.data[i], lower_only);
	if (good == 0)
		return PINF_E_SYNTAX;
	for (size_t i = 0; i < len; i++)
		out[i] =
		    (uint8_t)(hex_value(hex.data[2 * i]) << 4 | hex_value(hex.data[2 * i + 1]));
	return PINF_OK;
}

void
pinf_address_format(char out[static PINF_ADDRESS_TEXT], const struct pinf_address *address)
{
	struct pinf_hash hash;
	char *digits = out + 2;

	memcpy(out, "0x", 2);
	pinf_hex(digits, address->bytes, sizeof address->bytes);
	pinf_keccak256(&hash, pinf_span_str(digits));
	for (size_t i = 0; i < (size_t)2 * PINF_ADDRESS_LEN; i++) {
		const unsigned byte = hash.bytes[i / 2];

		if ((i % 2 == 0 ? byte >> 4 : byte & 15) >= 8 && digits[i] >= 'a')
			digits[i] = (char)(digits[i] - 'a' + 'A');
	}
}

enum pinf_err
pinf_address_parse(struct pinf_address *address, struct pinf_span text)
{
	struct pinf_address parsed;
	char checksummed[PINF_ADDRESS_TEXT];
	bool lower = false, upper = false;

	if (text.len != PINF_ADDRESS_TEXT - 1 || text.data[0] != '0' || text.data[1] != 'x')
		return PINF_E_ADDRESS;
	if (pinf_unhex(parsed.bytes, sizeof parsed.bytes,
		(struct pinf_span){text.data + 2, text.len - 2}, false) != PINF_OK)
		return PINF_E_ADDRESS;
	for (size_t i = 2; i < text.len; i++) {
		lower |= text.data[i] >= 'a';
		upper |= text.data[i] >= 'A' && text.data[i] <= 'F';
	}
	if (lower && upper) {
		pinf_address_format(checksummed, &parsed);
		if (memcmp(checksummed, text.data, text.len) != 0)
			return PINF_E_ADDRESS;
	}
	*address = parsed;
	return PINF_OK;
}
