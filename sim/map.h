/* SPDX-License-Identifier: Apache-2.0 */
/* map.h -- from 32 bytes that are as good as random (hashes, salts, keys) to 32 others. */
#ifndef PINF_SIM_MAP_H
#define PINF_SIM_MAP_H

#include <pinf/base.h>

struct sim_map {
	struct pinf_hash *keys; /* all zero: a free place */
	struct pinf_hash *values;
	size_t count;
	size_t cap; /* a power of two, or 0 */
};

/* What lies under key; NULL: nothing.  Valid until something new is put. */
struct pinf_hash *sim_map_get(const struct sim_map *map, const struct pinf_hash *key);
/* The same, after value was put under a key that is new. */
struct pinf_hash *
sim_map_put(struct sim_map *map, const struct pinf_hash *key, const struct pinf_hash *value);
/* Three numbers as a key, so that all of its bytes depend on all of them. */
struct pinf_hash sim_map_key(uint64_t a, uint64_t b, uint64_t c);
/* Numbers as values; UINT64_MAX: there is none, or no longer. */
uint64_t sim_map_number(const struct sim_map *map, const struct pinf_hash *key);
void sim_map_set(struct sim_map *map, const struct pinf_hash *key, uint64_t number);
void sim_map_free(struct sim_map *map);

#endif
