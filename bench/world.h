/* SPDX-License-Identifier: Apache-2.0 */
/* world.h -- what a router stands on, in a directory that is there for one benchmark: database, keyring, wallets. */
#ifndef PINF_BENCH_WORLD_H
#define PINF_BENCH_WORLD_H

#include <pinf/router.h>

#include "measure.h"

struct bench_world {
	char directory[64], database[96], blobs[96];
	uint64_t seed;
	struct pinf_domain domain;
	struct pinf_wallet owner, miner;
	struct pinf_keyring *keyring; /* whoever opens a router takes it */
	struct pinf_store store; /* on the disk of $TMPDIR, or /tmp */
	struct pinf_router_config config; /* limits that no benchmark meets; open_sessions */
	uint64_t sessions; /* made by bench_world_fill() so far */
};

void bench_world_open(struct bench_world *world);
/* Closes the store, wipes the wallets, removes the directory. */
void bench_world_close(struct bench_world *world);
/* A session of the owner's, and in it that many plain tasks in that state: how many may lie there does not matter. */
void bench_world_fill(struct bench_world *world, uint64_t count, enum pinf_task_state state);

#endif
