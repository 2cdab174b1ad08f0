/* SPDX-License-Identifier: Apache-2.0 */
/* heap.c -- a binary heap of events.  spec/simulation.md. */
#include "heap.h"
#include "memory.h"

static bool
before(const struct sim_item *a, const struct sim_item *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->sequence < b->sequence;
}

static void
swap(struct sim_item *a, struct sim_item *b)
{
	const struct sim_item t = *a;

	*a = *b;
	*b = t;
}

void
sim_heap_push(struct sim_heap *heap, struct sim_item item)
{
	size_t i = heap->count++;

	heap->items = sim_grow(heap->items, heap->count, &heap->cap, sizeof *heap->items);
	item.sequence = heap->sequence++;
	heap->items[i] = item;
	for (; i > 0 && before(&heap->items[i], &heap->items[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&heap->items[i], &heap->items[(i - 1) / 2]);
}

bool
sim_heap_pop(struct sim_heap *heap, struct sim_item *item)
{
	if (heap->count == 0)
		return false;
	*item = heap->items[0];
	heap->items[0] = heap->items[--heap->count];
	for (size_t i = 0;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < heap->count; child++)
			if (before(&heap->items[child], &heap->items[least]))
				least = child;
		if (least == i)
			return true;
		swap(&heap->items[i], &heap->items[least]);
		i = least;
	}
}
