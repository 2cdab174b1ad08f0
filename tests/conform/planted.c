/* SPDX-License-Identifier: Apache-2.0 */
/* planted.c -- pinf with one planted bug on, that of PINF_PLANTED: a mutant router for the kit's own test. */
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

bool
pinf_bug_active(const char *name)
{
	const char *planted = getenv("PINF_PLANTED");

	return planted != NULL && strcmp(planted, name) == 0;
}

void
pinf_probe_reached(const char *name)
{
	(void)name;
}
