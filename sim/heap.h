/* SPDX-License-Identifier: Apache-2.0 */
/* heap.h -- what will happen, in order of time and, at one moment, of scheduling.  spec/simulation.md. */
#ifndef PINF_SIM_HEAP_H
#define PINF_SIM_HEAP_H

#include <pinf/base.h>

struct sim_item {
	uint64_t at_ms;
	uint64_t sequence; /* set by sim_heap_push */
	int what;
	uint32_t node;
	uint32_t life; /* of the node when this was scheduled: later lives do not hear of it */
	uint64_t id;
	void *data; /* owned by whoever pops it */
};

struct sim_heap {
	struct sim_item *items;
	size_t count;
	size_t cap;
	uint64_t sequence;
};

void sim_heap_push(struct sim_heap *heap, struct sim_item item);
/* false: empty. */
bool sim_heap_pop(struct sim_heap *heap, struct sim_item *item);

#endif
