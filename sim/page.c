/* SPDX-License-Identifier: Apache-2.0 */
/* page.c -- HTML reports: a page with its data in it. */
#include "page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PLACE    "@DATA@"
#define PATH_LEN 4096

/* Nothing in a string may end the page's script. */
static void
write_data(FILE *file, struct pinf_span json)
{
	for (size_t from = 0; from < json.len;) {
		const uint8_t *start = json.data + from;
		const uint8_t *end = memchr(start, '<', json.len - from);
		const size_t len = end == NULL ? json.len - from : (size_t)(end - start);

		(void)fwrite(start, 1, len, file);
		if (end != NULL)
			(void)fputs("\\u003c", file);
		from += len + (end != NULL);
	}
}

bool
page_write(
    const char *path, const unsigned char *template, struct pinf_span json, const char *program)
{
	const char *page = (const char *)template, *place = strstr(page, PLACE);
	char fresh[PATH_LEN];
	FILE *file = NULL;
	struct stat st;
	bool good = snprintf(fresh, sizeof fresh, "%s.new", path) < PATH_LEN && place != NULL;

	if (stat(path, &st) == 0 &&
	    !S_ISREG(st.st_mode)) { /* Renamed to it, the page would replace a device. */
		(void)fprintf(stderr, "%s: %s is no regular file\n", program, path);
		return false;
	}
	if (good)
		file = fopen(fresh, "wb");
	good = file != NULL;
	if (good) {
		(void)fwrite(page, 1, (size_t)(place - page), file);
		write_data(file, json);
		(void)fputs(place + sizeof PLACE - 1, file);
		good = ferror(file) == 0;
		good = fclose(file) == 0 && good;
		good = good && rename(fresh, path) == 0;
	}
	if (!good)
		(void)fprintf(
		    stderr, "%s: %s cannot be written: %s\n", program, path, strerror(errno));
	if (!good && file != NULL)
		(void)remove(fresh);
	return good;
}
