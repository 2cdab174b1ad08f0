/* SPDX-License-Identifier: Apache-2.0 */
/* range.c -- 64 KiB out of the middle of a large sealed file, beside opening a blob of just that length. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/blobfile.h"
#include "host/files.h"
#include "measure.h"

#define LARGE       ((size_t)1 << 30)
#define LARGE_QUICK ((size_t)4 << 20)
#define RANGE       ((uint64_t)65536)
#define PIECE       ((size_t)1 << 20)

struct ranges {
	char directory[64], plain[80], large[80], small[80];
	struct pinf_key key;
	struct pinf_blobfile file; /* of the large one */
	struct pinf_range range;
	struct pinf_bytes out;
	struct pinf_blob *blob;
};

static void
run_small(void *ctx, uint64_t n)
{
	struct ranges *r = ctx;
	struct pinf_bytes sealed = {0};

	for (uint64_t i = 0; i < n; i++) {
		r->out.len = sealed.len = 0;
		bench_require(pinf_file_read(r->small, RANGE * 2, &sealed, NULL) == PINF_OK &&
				  pinf_blob_open(r->blob, NULL, &r->key, pinf_span_of(&sealed),
				      &r->out) == PINF_OK,
		    "opening a small blob");
	}
	pinf_bytes_free(&sealed);
}

static void
run_range(void *ctx, uint64_t n)
{
	struct ranges *r = ctx;

	for (uint64_t i = 0; i < n; i++) {
		r->out.len = 0;
		bench_require(pinf_blobfile_range(&r->file, NULL, &r->range, &r->out) == PINF_OK &&
				  r->out.len == RANGE,
		    "opening a range");
	}
}

/* What this process has read by system calls so far. */
static uint64_t
bytes_read(void)
{
	FILE *io = fopen("/proc/self/io", "r");
	unsigned long long count = 0;

	if (io != NULL) {
		if (fscanf(io, "rchar: %llu", &count) != 1)
			count = 0;
		(void)fclose(io);
	}
	return count;
}

static void
write_zeros(const char *path, size_t len)
{
	static uint8_t piece[PIECE];
	FILE *file = fopen(path, "w");
	size_t left = len;

	bench_require(file != NULL, "a file");
	for (; left > 0; left -= left < PIECE ? left : PIECE)
		bench_require(
		    fwrite(piece, left < PIECE ? left : PIECE, 1, file) == 1, "writing a file");
	bench_require(fclose(file) == 0, "writing a file");
}

static void
make(struct ranges *r, size_t large)
{
	const struct pinf_blob_params params = {.suite = PINF_SUITE_AES256GCM,
	    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
	    .key_version = 1,
	    .scope = {
		.kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = 1, .task = 1}};
	const struct {
		const char *path;
		size_t len;
	} files[] = {{r->large, large}, {r->small, RANGE}};
	const char *base = getenv("TMPDIR");
	uint64_t next = 1;

	(void)snprintf(r->directory, sizeof r->directory, "%.40s/pinf-bench-XXXXXX",
	    base == NULL ? "/tmp" : base);
	bench_require(mkdtemp(r->directory) != NULL, "a directory");
	(void)snprintf(r->plain, sizeof r->plain, "%s/plain", r->directory);
	(void)snprintf(r->large, sizeof r->large, "%s/large", r->directory);
	(void)snprintf(r->small, sizeof r->small, "%s/small", r->directory);
	for (size_t i = 0; i < 2; i++) {
		const struct pinf_blobfile file = {r->plain, files[i].path, &r->key, 2};

		write_zeros(r->plain, files[i].len);
		bench_require(pinf_blobfile_seal(&file, &params,
				  (struct pinf_random){&next, bench_fill}, NULL) == PINF_OK,
		    "sealing a file");
	}
	bench_require(pinf_blob_new(&r->blob) == PINF_OK, "a blob");
	r->file = (struct pinf_blobfile){.from = r->large, .scope_key = &r->key, .threads = 1};
	/* On a chunk's bounds: a chunk is RANGE long in this format. */
	r->range = (struct pinf_range){large / RANGE / 2 * RANGE, RANGE};
}

void
bench_range(const struct bench_run *run)
{
	struct ranges r = {.key = {{1}}};
	const size_t large = run->seconds == 0 ? LARGE_QUICK : LARGE;
	const struct bench_case cases[] = {
	    {"a blob of 64 KiB: read, pinf_blob_open", run_small, &r},
	    {"pinf_blobfile_range", run_range, &r},
	};
	char name[64];
	const struct bench_group group = {name, RANGE, cases, 2};
	uint64_t before;

	(void)snprintf(name, sizeof name, "range: 64 KiB of %zu MiB, file to memory", large >> 20);
	make(&r, large);
	bench_measure(run, &group);
	before = bytes_read();
	run_range(&r, 100);
	if (run->index == 0)
		(void)printf("  bytes read for a range: %llu\n",
		    (unsigned long long)(bytes_read() - before) / 100);
	(void)unlink(r.plain);
	(void)unlink(r.large);
	(void)unlink(r.small);
	(void)rmdir(r.directory);
	pinf_blob_free(r.blob);
	pinf_bytes_free(&r.out);
}
