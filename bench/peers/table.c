/* SPDX-License-Identifier: Apache-2.0 */
/* table.c -- the raw look-up that pinf's allowlist is measured against. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "measure.h"

struct slot {
	struct table_key key; /* 28 bytes and 4 of padding */
};

struct table {
	struct slot *slots; /* session 0: free */
	size_t mask;
};

struct table *
table_new(size_t count)
{
	struct table *t = calloc(1, sizeof *t);
	size_t slots = 64;

	bench_require(t != NULL && sizeof(struct slot) == 32, "allocation");
	while (slots < 2 * count)
		slots *= 2;
	t->slots = calloc(slots, sizeof *t->slots);
	bench_require(t->slots != NULL, "allocation");
	t->mask = slots - 1;
	return t;
}

void
table_free(struct table *table)
{
	free(table->slots);
	free(table);
}

static size_t
home(const struct table_key *key)
{
	uint64_t a, b;

	memcpy(&a, key->miner, sizeof a);
	memcpy(&b, key->miner + sizeof a, sizeof b);
	return ((a ^ b ^ key->session) * 0x9e3779b97f4a7c15u) >> 20;
}

static size_t
find(const struct table *table, const struct table_key *key)
{
	size_t i = home(key) & table->mask;

	while (table->slots[i].key.session != 0 &&
	       (table->slots[i].key.session != key->session ||
		   memcmp(table->slots[i].key.miner, key->miner, sizeof key->miner) != 0))
		i = (i + 1) & table->mask;
	return i;
}

void
table_put(struct table *table, const struct table_key *key)
{
	table->slots[find(table, key)].key = *key;
}

uint32_t
table_has(const struct table *table, const struct table_key *key)
{
	return table->slots[find(table, key)].key.session != 0;
}
