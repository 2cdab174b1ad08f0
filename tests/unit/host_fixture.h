/* SPDX-License-Identifier: Apache-2.0 */
/* host_fixture.h -- a scratch directory for tests of what touches the disk. */
#ifndef PINF_TESTS_HOST_FIXTURE_H
#define PINF_TESTS_HOST_FIXTURE_H

#define _GNU_SOURCE /* nftw, usleep; include this header first */

#include "unit.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[256];

static inline int
scratch_make(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	(void)snprintf(
	    scratch, sizeof scratch, "%s/pinf-test-XXXXXX", base != NULL ? base : "/tmp");
	return mkdtemp(scratch) == NULL ? -1 : 0;
}

static inline int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void
remove_tree(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int
scratch_remove(void **state)
{
	(void)state;
	remove_tree(scratch);
	return 0;
}

/* SCRATCH/name, in one of sixteen turning buffers. */
static inline const char *
in_scratch(const char *name)
{
	static char paths[16][512];
	static unsigned turn;
	char *path = paths[turn++ % 16];

	(void)snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
	return path;
}

static inline void
put_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static size_t files_seen;

static inline int
count_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)st;
	(void)at;
	files_seen += type == FTW_F;
	return 0;
}

/* Regular files below path: what a failure may have left. */
static inline size_t
count_files(const char *path)
{
	files_seen = 0;
	assert_int_equal(nftw(path, count_entry, 16, FTW_PHYS), 0);
	return files_seen;
}

#endif
