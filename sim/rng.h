/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h -- seeded streams of integers, one a component: what one draws moves no other.  spec/simulation.md. */
#ifndef PINF_SIM_RNG_H
#define PINF_SIM_RNG_H

#include <pinf/base.h>

struct sim_rng {
	uint64_t state[4];
};

/* The stream of the component with that name and number. */
struct sim_rng sim_rng_of(uint64_t seed, const char *component, uint64_t number);
uint64_t sim_rng_next(struct sim_rng *rng);
/* 0 .. bound - 1; 0 where bound is 0. */
uint64_t sim_rng_below(struct sim_rng *rng, uint64_t bound);
/* True that many times in a thousand. */
bool sim_rng_hit(struct sim_rng *rng, uint64_t per_mille);
/* The random port of a node, drawn from its stream; borrows rng. */
struct pinf_random sim_rng_port(struct sim_rng *rng);

#endif
