/* SPDX-License-Identifier: Apache-2.0 */
/* map.c -- open addressing; a key's first bytes say where it would lie best. */
#include <string.h>

#include "map.h"
#include "memory.h"

static bool
is_free(const struct sim_map *map, size_t at)
{
	static const struct pinf_hash none;

	return memcmp(&map->keys[at], &none, sizeof none) == 0;
}

/* Where key lies, or would. */
static size_t
place_of(const struct sim_map *map, const struct pinf_hash *key)
{
	size_t at;

	memcpy(&at, key->bytes, sizeof at);
	at &= map->cap - 1;
	while (!is_free(map, at) && memcmp(&map->keys[at], key, sizeof *key) != 0)
		at = (at + 1) & (map->cap - 1);
	return at;
}

static void
grow(struct sim_map *map)
{
	struct sim_map grown = {.cap = map->cap == 0 ? 256 : 2 * map->cap};

	grown.keys = sim_new(grown.cap * sizeof *grown.keys);
	grown.values = sim_new(grown.cap * sizeof *grown.values);
	for (size_t i = 0; i < map->cap; i++) {
		size_t at;

		if (is_free(map, i))
			continue;
		at = place_of(&grown, &map->keys[i]);
		grown.keys[at] = map->keys[i];
		grown.values[at] = map->values[i];
	}
	free(map->keys);
	free(map->values);
	map->keys = grown.keys;
	map->values = grown.values;
	map->cap = grown.cap;
}

struct pinf_hash *
sim_map_get(const struct sim_map *map, const struct pinf_hash *key)
{
	size_t at;

	if (map->count == 0)
		return NULL;
	at = place_of(map, key);
	return is_free(map, at) ? NULL : &map->values[at];
}

struct pinf_hash *
sim_map_put(struct sim_map *map, const struct pinf_hash *key, const struct pinf_hash *value)
{
	size_t at;

	if (2 * map->count >= map->cap)
		grow(map);
	at = place_of(map, key);
	if (is_free(map, at)) {
		map->keys[at] = *key;
		map->values[at] = *value;
		map->count++;
	}
	return &map->values[at];
}

struct pinf_hash
sim_map_key(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t words[4] = {0, a, b, c};
	struct pinf_hash key;

	for (size_t i = 1; i < 4; i++) {
		words[0] = (words[0] ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		words[0] ^= words[0] >> 32;
	}
	_Static_assert(sizeof key.bytes == sizeof words, "a key is four words");
	memcpy(key.bytes, words, sizeof key.bytes);
	return key;
}

uint64_t
sim_map_number(const struct sim_map *map, const struct pinf_hash *key)
{
	const struct pinf_hash *value = sim_map_get(map, key);
	uint64_t number = UINT64_MAX;

	if (value != NULL)
		memcpy(&number, value->bytes, sizeof number);
	return number;
}

void
sim_map_set(struct sim_map *map, const struct pinf_hash *key, uint64_t number)
{
	const struct pinf_hash none = {{0}};

	memcpy(sim_map_put(map, key, &none)->bytes, &number, sizeof number);
}

void
sim_map_free(struct sim_map *map)
{
	free(map->keys);
	free(map->values);
	*map = (struct sim_map){.keys = NULL};
}
