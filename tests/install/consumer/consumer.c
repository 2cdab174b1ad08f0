/* SPDX-License-Identifier: Apache-2.0 */
/* consumer.c -- the least program on the installed library. */
#include <stdio.h>

#include <pinf/urn.h>

int
main(int argc, char **argv)
{
	struct pinf_urn urn;

	if (argc != 2 || pinf_urn_parse(&urn, pinf_span_str(argv[1])) != PINF_OK)
		return 1;
	printf("pinf %s: file %.*s\n", PINF_VERSION, (int)urn.field[PINF_URN_FILE].len,
	    (const char *)urn.field[PINF_URN_FILE].data);
	return 0;
}
