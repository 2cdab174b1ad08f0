/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h -- memory that is there: a simulator without it has nothing to say. */
#ifndef PINF_SIM_MEMORY_H
#define PINF_SIM_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

#include <pinf/base.h>

static inline void *
sim_need(void *memory)
{
	if (memory == NULL) {
		(void)fputs("pinf-sim: out of memory\n", stderr);
		abort();
	}
	return memory;
}

static inline void *
sim_new(size_t size)
{
	return sim_need(calloc(1, size > 0 ? size : 1));
}

/* An array with room for count elements; new memory is not cleared. */
static inline void *
sim_grow(void *array, size_t count, size_t *cap, size_t size)
{
	if (count <= *cap)
		return array;
	*cap = 2 * count + 16;
	return sim_need(realloc(array, *cap * size));
}

static inline void
sim_need_ok(enum pinf_err err)
{
	if (err != PINF_OK)
		(void)sim_need(NULL);
}

static inline void
sim_append(struct pinf_bytes *to, struct pinf_span bytes)
{
	sim_need_ok(pinf_bytes_append(to, bytes.data, bytes.len));
}

#endif
