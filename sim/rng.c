/* SPDX-License-Identifier: Apache-2.0 */
/* rng.c -- xoshiro256** streams, seeded by splitmix64 over seed, name and number.  spec/simulation.md. */
#include "rng.h"

static uint64_t
splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

struct sim_rng
sim_rng_of(uint64_t seed, const char *component, uint64_t number)
{
	uint64_t x = seed;
	struct sim_rng rng;

	x = splitmix(&x) ^ number;
	for (const char *c = component; *c != '\0'; c++)
		x = splitmix(&x) ^ (uint8_t)*c;
	for (size_t i = 0; i < 4; i++)
		rng.state[i] = splitmix(&x);
	return rng;
}

static uint64_t
rotate(uint64_t x, unsigned by)
{
	return (x << by) | (x >> (64 - by));
}

uint64_t
sim_rng_next(struct sim_rng *rng)
{
	uint64_t *s = rng->state;
	const uint64_t out = rotate(s[1] * 5, 7) * 9;
	const uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return out;
}

uint64_t
sim_rng_below(struct sim_rng *rng, uint64_t bound)
{
	return bound == 0 ? 0 : sim_rng_next(rng) % bound;
}

bool
sim_rng_hit(struct sim_rng *rng, uint64_t per_mille)
{
	return per_mille > 0 && sim_rng_below(rng, 1000) < per_mille;
}

static enum pinf_err
fill(void *ctx, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = sim_rng_next(ctx);

		for (size_t j = i; j < len && j < i + 8; j++, word >>= 8)
			out[j] = (uint8_t)word;
	}
	return PINF_OK;
}

struct pinf_random
sim_rng_port(struct sim_rng *rng)
{
	return (struct pinf_random){rng, fill};
}
