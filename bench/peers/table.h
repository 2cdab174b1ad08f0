/* SPDX-License-Identifier: Apache-2.0 */
/* table.h -- open addressing over 32-byte slots as one would write it by hand, without a keyed hash. */
#ifndef PINF_BENCH_TABLE_H
#define PINF_BENCH_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_key {
	uint64_t session;
	uint8_t miner[20];
};

struct table;

/* Room for count keys at most half full, as many slots as pinf's own set has then. */
struct table *table_new(size_t count);
void table_free(struct table *table);
void table_put(struct table *table, const struct table_key *key);
/* 1 where it is there, else 0. */
uint32_t table_has(const struct table *table, const struct table_key *key);

#endif
