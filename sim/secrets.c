/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secrets.c -- looks for many keys at once.  A key that lies anywhere covers a word at some multiple of STRIDE:
 * only there are bytes looked at, and only words that a key may show there are looked up.
 */
#include <string.h>

#include "memory.h"
#include "secrets.h"

#define STRIDE        16
#define WORD_LEN      sizeof(uint64_t)
#define KEY_LEN       PINF_HASH_LEN
#define WORDS         ((size_t)2 * STRIDE) /* of a key: as bytes and as hex digits */
#define SPARSE        32 /* bits of the filter for each that is set */
#define LOG2_AT_FIRST 14

static uint64_t
word_at(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof word);
	return word;
}

/* Two bits of the filter: the second is looked at where the first is set. */
static uint64_t
bit_of(const struct sim_secrets *secrets, uint64_t word, bool second)
{
	const uint64_t mixed =
	    word * (second ? UINT64_C(0xc2b2ae3d27d4eb4f) : UINT64_C(0x9e3779b97f4a7c15));

	return mixed >> (64 - secrets->log2_bits);
}

static bool
has(const struct sim_secrets *secrets, uint64_t bit)
{
	return (secrets->filter[bit / 64] >> bit % 64 & 1) != 0;
}

static void
mark(struct sim_secrets *secrets, const struct pinf_hash *key)
{
	char digits[2 * KEY_LEN + 1];

	pinf_hex(digits, key->bytes, KEY_LEN);
	for (size_t i = 0; i < WORDS * 2; i++) {
		const uint8_t *at = (i & 1 ? (const uint8_t *)digits : key->bytes) + i / 4;
		const uint64_t bit = bit_of(secrets, word_at(at), (i & 2) != 0);

		secrets->filter[bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

static void
grow(struct sim_secrets *secrets)
{
	static const struct pinf_hash none;

	if (secrets->log2_bits == 0)
		secrets->log2_bits = LOG2_AT_FIRST;
	while (secrets->keys.count * WORDS * SPARSE > (size_t)1 << secrets->log2_bits)
		secrets->log2_bits++;
	free(secrets->filter);
	secrets->filter = sim_new(((size_t)1 << secrets->log2_bits) / 8);
	for (size_t i = 0; i < secrets->keys.cap; i++)
		if (!pinf_hash_equal(&secrets->keys.keys[i], &none))
			mark(secrets, &secrets->keys.keys[i]);
}

const struct pinf_hash *
sim_secrets_put(
    struct sim_secrets *secrets, const struct pinf_hash *key, const struct pinf_hash *what)
{
	const size_t before = secrets->keys.count;
	const struct pinf_hash *is_for = sim_map_put(&secrets->keys, key, what);

	if (secrets->keys.count * WORDS * SPARSE > (size_t)1 << secrets->log2_bits)
		grow(secrets);
	else if (secrets->keys.count > before)
		mark(secrets, key);
	return is_for;
}

static bool
is_hex(const uint8_t *word)
{
	for (size_t i = 0; i < WORD_LEN; i++)
		if (!((word[i] >= '0' && word[i] <= '9') || (word[i] >= 'a' && word[i] <= 'f')))
			return false;
	return true;
}

/* Whether a key lies so that it covers the word at that place. */
static bool
covers(const struct sim_secrets *secrets, struct pinf_span bytes, size_t at)
{
	const bool hex = is_hex(bytes.data + at);
	const size_t len = hex ? 2 * KEY_LEN : KEY_LEN;
	struct pinf_hash key;

	for (size_t i = 0; i < STRIDE && i <= at; i++) {
		const uint8_t *start = bytes.data + at - i;

		if (bytes.len - at + i < len)
			continue;
		memcpy(key.bytes, start, KEY_LEN);
		if (hex &&
		    pinf_unhex(key.bytes, KEY_LEN, (struct pinf_span){start, len}, true) != PINF_OK)
			continue;
		if (sim_map_get(&secrets->keys, &key) != NULL)
			return true;
	}
	return false;
}

bool
sim_secrets_in(const struct sim_secrets *secrets, struct pinf_span bytes)
{
	if (secrets->log2_bits == 0)
		return false;
	for (size_t at = 0; at + WORD_LEN <= bytes.len; at += STRIDE) {
		const uint64_t word = word_at(bytes.data + at);

		if (has(secrets, bit_of(secrets, word, false)) &&
		    has(secrets, bit_of(secrets, word, true)) && covers(secrets, bytes, at))
			return true;
	}
	return false;
}

void
sim_secrets_free(struct sim_secrets *secrets)
{
	sim_map_free(&secrets->keys);
	free(secrets->filter);
	*secrets = (struct sim_secrets){.log2_bits = 0};
}
