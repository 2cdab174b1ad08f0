/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c -- runs files, or all files of directories, through a target: no fuzzer needed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common.h"

static int
replay_file(const char *path)
{
	uint8_t *data = NULL;
	size_t len = 0, cap = 0;
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		(void)fprintf(stderr, "replay: cannot open %s\n", path);
		return 1;
	}
	for (;;) {
		size_t got;

		if (len == cap) {
			uint8_t *grown = realloc(data, cap = 2 * cap + 4096);

			if (grown == NULL)
				abort();
			data = grown;
		}
		got = fread(data + len, 1, cap - len, file);
		if (got == 0)
			break;
		len += got;
	}
	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(data, len);
	free(data);
	return 0;
}

static int
replay_path(const char *path, size_t *count)
{
	struct dirent **names;
	struct stat status;
	int failed = 0, n;

	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
		(*count)++;
		return replay_file(path);
	}
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char full[4096];

		(void)snprintf(full, sizeof full, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.') {
			failed |= replay_file(full);
			(*count)++;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return failed;
}

int
main(int argc, char **argv)
{
	size_t count = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay_path(argv[i], &count);
	(void)printf("replayed %zu inputs\n", count);
	return count == 0 ? 1 : failed; /* An empty corpus proves nothing. */
}
