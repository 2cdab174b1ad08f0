/* SPDX-License-Identifier: Apache-2.0 */
/* measure.h -- interleaved rounds, medians, ratios to the first case of a group. */
#ifndef PINF_BENCH_MEASURE_H
#define PINF_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "core/json.h"

#define BENCH_ROUNDS    15
#define BENCH_CASES_MAX 12

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

/* What the commands share.  json may be NULL. */
struct bench_run {
	uint64_t seconds; /* for a group; 0: one short round, to see that it runs */
	struct pinf_json_writer *json;
	uint64_t sizes[16];
	size_t size_count;
};

/* Runs the cases in turn, round after round, so that drift hits all alike; prints and records. */
void bench_measure(const struct bench_run *run, const struct bench_group *group);
/* A figure of a whole process, in nanoseconds an operation. */
void bench_record(const struct bench_run *run, const char *group, const char *name, double ns);
/* A generator that a counter (uint64_t) drives: enough for salts and keys that nobody uses. */
enum pinf_err bench_fill(void *counter, uint8_t *out, size_t len);
_Noreturn void bench_fail(const char *what);
/* Ends, naming what failed: a benchmark of failing calls means nothing. */
static inline void
bench_require(bool holds, const char *what)
{
	if (!holds)
		bench_fail(what);
}

void bench_derive(const struct bench_run *run);
void bench_seal(const struct bench_run *run);
void bench_urn(const struct bench_run *run);
void bench_json(const struct bench_run *run);
void bench_acl(const struct bench_run *run);
void bench_wallet(const struct bench_run *run);
void bench_grant(const struct bench_run *run);
void bench_sim(const struct bench_run *run);

#endif
