/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.h -- how long things took: eight steps to each doubling, so within an eighth. */
#ifndef PINF_SIM_HISTOGRAM_H
#define PINF_SIM_HISTOGRAM_H

#include <stdint.h>

#define SIM_STEPS_LOG2 3
#define SIM_BUCKETS    (28 << SIM_STEPS_LOG2)

/* Counts alone: two are added as arrays are. */
struct sim_histogram {
	uint64_t counts[SIM_BUCKETS];
};

static inline void
sim_histogram_add(struct sim_histogram *h, uint64_t value)
{
	unsigned doublings = 0;

	while (value >> doublings >= 2u << SIM_STEPS_LOG2)
		doublings++;
	const uint64_t at = ((uint64_t)doublings << SIM_STEPS_LOG2) + (value >> doublings);
	h->counts[at < SIM_BUCKETS ? at : SIM_BUCKETS - 1]++;
}

/* The least that so many of a thousand are not above; 0 where there is none. */
static inline uint64_t
sim_histogram_at(const struct sim_histogram *h, uint64_t per_mille)
{
	uint64_t count = 0, below = 0;

	for (unsigned i = 0; i < SIM_BUCKETS; i++)
		count += h->counts[i];
	for (unsigned i = 0; i < SIM_BUCKETS; i++) {
		const unsigned steps = 1u << SIM_STEPS_LOG2;
		const unsigned doublings = i < 2 * steps ? 0 : (i >> SIM_STEPS_LOG2) - 1;

		below += h->counts[i];
		if (count > 0 && below * 1000 >= count * per_mille)
			return (((uint64_t)i - ((uint64_t)doublings << SIM_STEPS_LOG2) + 1)
				   << doublings) -
			       1;
	}
	return 0;
}

#endif
