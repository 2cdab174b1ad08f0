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
