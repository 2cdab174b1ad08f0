/* SPDX-License-Identifier: Apache-2.0 */
/* measure.h -- interleaved rounds, medians, ratios to the first case of a group. */
#ifndef PINF_BENCH_MEASURE_H
#define PINF_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "core/json.h"

#define BENCH_SCHEMA      2 /* of the JSON */
#define BENCH_ROUNDS      15
#define BENCH_CASES_MAX   12
#define BENCH_THREADS_MAX 64

/* One way to do the job.  run does it n times and aborts where it fails. */
struct bench_case {
	const char *name;
	void (*run)(void *ctx, uint64_t n);
	void *ctx;
};

/* Cases of one group do the same job; ratios are to the first. */
struct bench_group {
	const char *name;
	uint64_t bytes; /* of payload an operation; 0: not a matter of bytes */
	const struct bench_case *cases;
	size_t count;
};

struct bench_team;

/* What the commands share. */
struct bench_run {
	uint64_t seconds; /* for a group; 0: one short round, to see that it runs */
	struct pinf_json_writer *json; /* may be NULL */
	uint64_t sizes[16];
	size_t size_count;
	struct bench_team *team; /* threads that run the same groups at once; NULL: one thread */
	unsigned index; /* of this one; 0 tells */
};

/* Runs bench in that many threads, each with state of its own, their rounds begun and ended together. */
void bench_together(
    void (*bench)(const struct bench_run *run), const struct bench_run *run, unsigned threads);
/* Runs the cases in turn, round after round, so that drift hits all alike; prints and records. */
void bench_measure(const struct bench_run *run, const struct bench_group *group);
/* A figure of a whole process, in nanoseconds an operation; ratio: to what it is held against, 0: nothing. */
void bench_record(
    const struct bench_run *run, const char *group, const char *name, double ns, double ratio);
double bench_now_us(void);
double bench_core_us(void); /* of all cores, that this process has used */
int bench_by_value(const void *a, const void *b); /* doubles, for qsort() */
/* Calls of malloc, calloc and realloc by this thread; 0 for ever where they are not counted. */
uint64_t bench_allocations(void);
/* A generator that a counter (uint64_t) drives: enough for salts and keys that nobody uses. */
enum pinf_err bench_fill(void *counter, uint8_t *out, size_t len);
/* In a child: becomes the program of that name beside this one, with descriptor out as its fd. */
_Noreturn void bench_become(const char *program, char *const *words, int out, int fd);
_Noreturn void bench_fail(const char *what);
/* Ends, naming what failed: a benchmark of failing calls means nothing. */
static inline void
bench_require(bool holds, const char *what)
{
	if (!holds)
		bench_fail(what);
}

/*
 * Whether the figures of now, which are JSON as --json writes them, are no worse than those of that file: of each case
 * of pinf's own, whose name begins with pinf, the ratio to its group's first case.  Prints what is.
 */
bool bench_compare(const char *path, struct pinf_span now);

void bench_derive(const struct bench_run *run);
void bench_seal(const struct bench_run *run);
void bench_open(const struct bench_run *run);
void bench_range(const struct bench_run *run);
void bench_hash(const struct bench_run *run);
void bench_urn(const struct bench_run *run);
void bench_json(const struct bench_run *run);
void bench_policy(const struct bench_run *run);
void bench_acl(const struct bench_run *run);
void bench_wallet(const struct bench_run *run);
void bench_grant(const struct bench_run *run);
void bench_queue(const struct bench_run *run);
void bench_router(const struct bench_run *run);
void bench_sim(const struct bench_run *run);

#endif
