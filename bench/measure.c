/* SPDX-License-Identifier: Apache-2.0 */
/* measure.c -- calibration, interleaved rounds, medians. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "measure.h"

void
bench_fail(const char *what)
{
	(void)fprintf(stderr, "pinf-bench: %s failed\n", what);
	exit(1);
}

enum pinf_err
bench_fill(void *counter, uint8_t *out, size_t len)
{
	uint64_t *next = counter;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((*next)++ * 0x9d);
	return PINF_OK;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	bench_require(clock_gettime(CLOCK_MONOTONIC, &t) == 0, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t
time_once(const struct bench_case *c, uint64_t n)
{
	const uint64_t before = now_ns();

	c->run(c->ctx, n);
	return now_ns() - before;
}

/* How many operations fill slice_ns; also the warm-up. */
static uint64_t
calibrate(const struct bench_case *c, uint64_t slice_ns)
{
	uint64_t n = 1, took;

	(void)time_once(c, 1);
	took = time_once(c, 1);
	while (took < slice_ns / 4 && n < (uint64_t)1 << 40) {
		n *= 2;
		took = time_once(c, n);
	}
	if (took == 0)
		return n;
	n = n * slice_ns / took;
	return n == 0 ? 1 : n;
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct figure {
	double median;
	double low; /* quartiles: the noise of this machine, now */
	double high;
};

static struct figure
summary(double *samples, size_t count)
{
	qsort(samples, count, sizeof samples[0], by_value);
	return (struct figure){
	    samples[count / 2], samples[count / 4], samples[count - 1 - count / 4]};
}

static void
record(const struct bench_run *run, const struct bench_group *group, const struct bench_case *c,
    struct figure ns)
{
	struct pinf_json_writer *w = run->json;

	if (w == NULL)
		return;
	pinf_json_open(w, NULL, '{');
	pinf_json_put_uint(w, "bytes", group->bytes);
	pinf_json_put_str(w, "case", c->name);
	pinf_json_put_str(w, "group", group->name);
	pinf_json_put_uint(w, "ps_high", (uint64_t)(ns.high * 1000));
	pinf_json_put_uint(w, "ps_low", (uint64_t)(ns.low * 1000));
	pinf_json_put_uint(w, "ps_median", (uint64_t)(ns.median * 1000));
	pinf_json_close(w, '}');
}

void
bench_record(const struct bench_run *run, const char *group, const char *name, double ns)
{
	const struct bench_group of = {.name = group};
	const struct bench_case c = {.name = name};

	record(run, &of, &c, (struct figure){ns, ns, ns});
}

static void
show(const struct bench_group *group, const struct bench_case *c, struct figure ns,
    struct figure ratio)
{
	char rate[32] = "";

	if (group->bytes != 0)
		(void)snprintf(rate, sizeof rate, "%.2f GB/s", (double)group->bytes / ns.median);
	(void)printf("  %-34s %12.1f ns %12s   %5.2fx  (%.2f-%.2f)\n", c->name, ns.median, rate,
	    ratio.median, ratio.low, ratio.high);
}

void
bench_measure(const struct bench_run *run, const struct bench_group *group)
{
	const size_t rounds = run->seconds == 0 ? 1 : BENCH_ROUNDS;
	const uint64_t slice_ns =
	    run->seconds == 0 ? 100000 : run->seconds * 1000000000u / (rounds * group->count);
	double ns[BENCH_CASES_MAX][BENCH_ROUNDS], ratio[BENCH_CASES_MAX][BENCH_ROUNDS];
	uint64_t n[BENCH_CASES_MAX];

	bench_require(group->count <= BENCH_CASES_MAX, "a group with that many cases");
	for (size_t i = 0; i < group->count; i++)
		n[i] = calibrate(&group->cases[i], slice_ns);
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < group->count; i++) {
			ns[i][r] = (double)time_once(&group->cases[i], n[i]) / (double)n[i];
			ratio[i][r] = ns[i][r] / ns[0][r];
		}
	(void)printf("%s\n", group->name);
	for (size_t i = 0; i < group->count; i++) {
		const struct figure of_ns = summary(ns[i], rounds);

		show(group, &group->cases[i], of_ns, summary(ratio[i], rounds));
		record(run, group, &group->cases[i], of_ns);
	}
}
