/* SPDX-License-Identifier: Apache-2.0 */
/* keccak.c -- Keccak-256 with the padding of before SHA-3, on nettle's permutation. */
#include "crypto.h"

#define RATE 136 /* bytes absorbed between permutations: 200 - 2 * 32 */

static void
absorb(struct pinf_keccak *hash, uint8_t byte, size_t at)
{
	hash->state.a[at / 8] ^= (uint64_t)byte << (at % 8 * 8);
}

void
pinf_keccak_init(struct pinf_keccak *hash)
{
	*hash = (struct pinf_keccak){0};
}

/* Lanes are little-endian. */
static uint64_t
lane(const uint8_t *in)
{
	uint64_t word = 0;

	for (size_t i = 0; i < 8; i++)
		word |= (uint64_t)in[i] << (i * 8);
	return word;
}

void
pinf_keccak_update(struct pinf_keccak *hash, struct pinf_span in)
{
	for (size_t i = 0; i < in.len;) {
		if (hash->at % 8 == 0 && in.len - i >= 8) {
			hash->state.a[hash->at / 8] ^= lane(in.data + i);
			hash->at += 8;
			i += 8;
		} else {
			absorb(hash, in.data[i++], hash->at++);
		}
		if (hash->at == RATE) {
			sha3_permute(&hash->state);
			hash->at = 0;
		}
	}
}

void
pinf_keccak_final(struct pinf_keccak *hash, struct pinf_hash *out)
{
	absorb(hash, 0x01, hash->at);
	absorb(hash, 0x80, RATE - 1);
	sha3_permute(&hash->state);
	for (size_t i = 0; i < sizeof out->bytes; i++)
		out->bytes[i] = (uint8_t)(hash->state.a[i / 8] >> (i % 8 * 8));
}

void
pinf_keccak256(struct pinf_hash *out, struct pinf_span in)
{
	struct pinf_keccak hash;

	pinf_keccak_init(&hash);
	pinf_keccak_update(&hash, in);
	pinf_keccak_final(&hash, out);
}
