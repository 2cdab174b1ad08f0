/* SPDX-License-Identifier: Apache-2.0 */
/* common.c -- oracles' verdicts; planted bugs are off unless PINF_FUZZ_BUG names one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "common.h"

bool
pinf_bug_active(const char *name)
{
	const char *on = getenv("PINF_FUZZ_BUG");

	return on != NULL && strcmp(on, name) == 0;
}

void
pinf_probe_reached(const char *name)
{
	(void)name;
}

void
fuzz_check(bool holds, const char *oracle)
{
	if (holds)
		return;
	(void)fprintf(stderr, "oracle failed: %s\n", oracle);
	abort();
}

void
fuzz_check_named(enum pinf_err err)
{
	fuzz_check(
	    err < PINF_ERR_COUNT && pinf_err_of_name(pinf_err_name(err)) == err, "named error");
}

uint8_t
fuzz_byte(struct fuzz_input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

void
fuzz_fill(struct fuzz_input *in, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = fuzz_byte(in);
}

uint64_t
fuzz_below(struct fuzz_input *in, uint64_t limit)
{
	uint32_t number = 0;

	fuzz_fill(in, &number, sizeof number);
	return limit == 0 ? 0 : number % limit;
}

struct pinf_span
fuzz_rest(struct fuzz_input *in, size_t max)
{
	const struct pinf_span rest = {in->data, in->size < max ? in->size : max};

	in->data += rest.len;
	in->size -= rest.len;
	return rest;
}

/* SplitMix64. */
static enum pinf_err
fill(void *ctx, uint8_t *out, size_t len)
{
	uint64_t *state = ctx;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		out[i] = (uint8_t)(z ^ z >> 31);
	}
	return PINF_OK;
}

struct pinf_random
fuzz_random(uint64_t *state)
{
	return (struct pinf_random){state, fill};
}
