/* SPDX-License-Identifier: Apache-2.0 */
/* seed.c -- seeds that people bring: hex or base64 of bytes that look random.  spec/keys.md. */
#include <string.h>

#include "core/keyring_internal.h"

#define DISTINCT_MIN 16 /* byte values; 32 random bytes have fewer once in 10^14 */

static bool
all_printable(struct pinf_span seed)
{
	for (size_t i = 0; i < seed.len; i++)
		if (seed.data[i] < 0x20 || seed.data[i] > 0x7e)
			return false;
	return true;
}

static size_t
distinct(struct pinf_span seed)
{
	bool seen[256] = {false};
	size_t count = 0;

	for (size_t i = 0; i < seed.len; i++) {
		count += !seen[seed.data[i]];
		seen[seed.data[i]] = true;
	}
	return count;
}

/* A pattern repeated twice or more. */
static bool
periodic(struct pinf_span seed)
{
	for (size_t period = 1; period <= seed.len / 2; period++)
		if (memcmp(seed.data, seed.data + period, seed.len - period) == 0)
			return true;
	return false;
}

/* Bytes that count up or down: 00 01 02 .. */
static bool
stepping(struct pinf_span seed)
{
	const uint8_t step = (uint8_t)(seed.data[1] - seed.data[0]);

	for (size_t i = 1; i < seed.len; i++)
		if ((uint8_t)(seed.data[i] - seed.data[i - 1]) != step)
			return false;
	return true;
}

bool
pinf_seed_looks_random(struct pinf_span seed)
{
	return seed.len >= PINF_SEED_MIN && seed.len <= PINF_SEED_MAX && !all_printable(seed) &&
	       distinct(seed) >= DISTINCT_MIN && !periodic(seed) && !stepping(seed);
}

/* Whether text has both cases: words in one case are base64 too, of bytes that look random. */
static bool
mixed_case(struct pinf_span text)
{
	bool upper = false;
	bool lower = false;

	for (size_t i = 0; i < text.len; i++) {
		upper |= text.data[i] >= 'A' && text.data[i] <= 'Z';
		lower |= text.data[i] >= 'a' && text.data[i] <= 'z';
	}
	return upper && lower;
}

enum pinf_err
pinf_seed_parse(uint8_t seed[static PINF_SEED_MAX], size_t *seed_len, struct pinf_span text)
{
	uint8_t bytes[PINF_SEED_MAX] = {0};
	struct pinf_buf buf = {bytes, 0, sizeof bytes};
	enum pinf_err err = PINF_E_SEED_WEAK;

	/* Hex first: its digits are base64's too. */
	if (text.len / 2 <= sizeof bytes && pinf_unhex(bytes, text.len / 2, text, false) == PINF_OK)
		buf.len = text.len / 2;
	else if (mixed_case(text) && pinf_base64_decode(&buf, text) != PINF_OK)
		buf.len = 0;
	if (pinf_seed_looks_random((struct pinf_span){bytes, buf.len})) {
		memcpy(seed, bytes, sizeof bytes);
		*seed_len = buf.len;
		err = PINF_OK;
	}
	pinf_wipe(bytes, sizeof bytes);
	return err;
}
