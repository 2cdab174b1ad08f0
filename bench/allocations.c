/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocations.c -- counts the allocations of each thread, its libraries' too: malloc and its like are defined here, over
 * glibc's own.  Not where a sanitizer has put itself in their place.
 */
#include <stdlib.h>

#include "measure.h"

#if defined __GLIBC__ && !defined PINF_SANITIZED

/* NOLINTBEGIN(*-reserved-identifier): glibc's names for its own */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
/* NOLINTEND(*-reserved-identifier) */

static _Thread_local uint64_t count;

uint64_t
bench_allocations(void)
{
	return count;
}

void *
malloc(size_t size)
{
	count++;
	return __libc_malloc(size);
}

void *
calloc(size_t nmemb, size_t size)
{
	count++;
	return __libc_calloc(nmemb, size);
}

void *
realloc(void *ptr, size_t size)
{
	count++;
	return __libc_realloc(ptr, size);
}

#else

uint64_t
bench_allocations(void)
{
	return 0;
}

#endif
