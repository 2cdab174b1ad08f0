/* SPDX-License-Identifier: Apache-2.0 */
/* measure.c -- calibration, interleaved rounds, medians; alone or by several threads at once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

struct bench_team {
	void (*bench)(const struct bench_run *run);
	unsigned threads;
	pthread_barrier_t barrier;
	uint64_t n[BENCH_CASES_MAX]; /* operations of a slice, as the first thread calibrated it */
};

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

void
bench_become(const char *program, char *const *words, int out, int fd)
{
	char path[4096];
	const ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
	char *end;

	if (len > 0 && dup2(out, fd) >= 0) {
		path[len] = '\0';
		end = strrchr(path, '/');
		(void)snprintf(end + 1, sizeof path - (size_t)(end + 1 - path), "%s", program);
		(void)execv(path, words);
	}
	_exit(127);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	bench_require(clock_gettime(CLOCK_MONOTONIC, &t) == 0, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double
bench_now_us(void)
{
	return (double)now_ns() / 1000;
}

double
bench_core_us(void)
{
	struct timespec t;

	bench_require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0, "clock_gettime");
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Of the processor's own counter, which runs at its nominal clock; 0: none is known. */
static uint64_t
now_cycles(void)
{
#if defined __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

struct cost {
	double ns, cycles, allocations;
};

/* n operations of each thread; what one operation takes of the time that passes. */
static struct cost
time_slice(const struct bench_run *run, const struct bench_case *c, uint64_t n)
{
	const double operations = (double)n * (run->team == NULL ? 1 : run->team->threads);
	uint64_t ns, cycles, allocations;

	if (run->team != NULL)
		(void)pthread_barrier_wait(&run->team->barrier);
	allocations = bench_allocations();
	ns = now_ns();
	cycles = now_cycles();
	c->run(c->ctx, n);
	allocations = bench_allocations() - allocations;
	if (run->team != NULL)
		(void)pthread_barrier_wait(&run->team->barrier);
	cycles = now_cycles() - cycles;
	ns = now_ns() - ns;
	return (struct cost){
	    (double)ns / operations, (double)cycles / operations, (double)allocations / (double)n};
}

/* How many operations fill slice_ns; also the warm-up. */
static uint64_t
calibrate(const struct bench_case *c, uint64_t slice_ns)
{
	uint64_t n = 1, before, took = 0;

	c->run(c->ctx, 1);
	for (;;) {
		before = now_ns();
		c->run(c->ctx, n);
		took = now_ns() - before;
		if (took >= slice_ns / 4 || n >= (uint64_t)1 << 40)
			break;
		n *= 2;
	}
	if (took == 0)
		return n;
	n = n * slice_ns / took;
	return n == 0 ? 1 : n;
}

int
bench_by_value(const void *a, const void *b)
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
	qsort(samples, count, sizeof samples[0], bench_by_value);
	return (struct figure){
	    samples[count / 2], samples[count / 4], samples[count - 1 - count / 4]};
}

/* What is known of a case after its rounds. */
struct result {
	const char *name;
	struct figure ns, cycles, ratio;
	double allocations;
};

/* Whole numbers: picoseconds, thousandths. */
static void
record(const struct bench_run *run, const struct bench_group *group, const struct result *r)
{
	struct pinf_json_writer *w = run->json;

	if (w == NULL)
		return;
	pinf_json_open(w, NULL, '{');
	pinf_json_put_uint(w, "allocations_milli", (uint64_t)(r->allocations * 1000 + 0.5));
	pinf_json_put_uint(w, "bytes", group->bytes);
	pinf_json_put_str(w, "case", r->name);
	pinf_json_put_uint(w, "cycles_milli", (uint64_t)(r->cycles.median * 1000));
	pinf_json_put_str(w, "group", group->name);
	pinf_json_put_uint(w, "ps_high", (uint64_t)(r->ns.high * 1000));
	pinf_json_put_uint(w, "ps_low", (uint64_t)(r->ns.low * 1000));
	pinf_json_put_uint(w, "ps_median", (uint64_t)(r->ns.median * 1000));
	pinf_json_put_uint(w, "ratio_high_milli", (uint64_t)(r->ratio.high * 1000));
	pinf_json_put_uint(w, "ratio_low_milli", (uint64_t)(r->ratio.low * 1000));
	pinf_json_put_uint(w, "ratio_milli", (uint64_t)(r->ratio.median * 1000));
	pinf_json_close(w, '}');
}

void
bench_record(
    const struct bench_run *run, const char *group, const char *name, double ns, double ratio)
{
	const struct bench_group of = {.name = group};
	const struct result r = {.name = name, .ns = {ns, ns, ns}, .ratio = {ratio, ratio, ratio}};

	record(run, &of, &r);
}

static void
show(const struct bench_group *group, const struct result *r)
{
	char rate[32] = "";

	if (group->bytes != 0)
		(void)snprintf(rate, sizeof rate, "%.2f GB/s", (double)group->bytes / r->ns.median);
	(void)printf("  %-34s %13.1f ns %13.0f cycles %6.2f alloc %12s %6.2fx  (%.2f-%.2f)\n",
	    r->name, r->ns.median, r->cycles.median, r->allocations, rate, r->ratio.median,
	    r->ratio.low, r->ratio.high);
}

static void
summarise(const struct bench_run *run, const struct bench_group *group,
    struct cost costs[][BENCH_ROUNDS], size_t rounds)
{
	(void)printf("%s\n", group->name);
	for (size_t i = 0; i < group->count; i++) {
		double ns[BENCH_ROUNDS], cycles[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
		struct result r = {.name = group->cases[i].name};

		for (size_t k = 0; k < rounds; k++) {
			ns[k] = costs[i][k].ns;
			cycles[k] = costs[i][k].cycles;
			ratio[k] = costs[i][k].ns / costs[0][k].ns;
			r.allocations += costs[i][k].allocations / (double)rounds;
		}
		r.ns = summary(ns, rounds);
		r.cycles = summary(cycles, rounds);
		r.ratio = summary(ratio, rounds);
		show(group, &r);
		record(run, group, &r);
	}
	(void)fflush(stdout);
}

void
bench_measure(const struct bench_run *run, const struct bench_group *group)
{
	const size_t rounds = run->seconds == 0 ? 1 : BENCH_ROUNDS;
	const uint64_t slice_ns =
	    run->seconds == 0 ? 100000 : run->seconds * 1000000000u / (rounds * group->count);
	struct cost costs[BENCH_CASES_MAX][BENCH_ROUNDS];
	uint64_t own[BENCH_CASES_MAX] = {0}, *n = run->team == NULL ? own : run->team->n;

	bench_require(group->count <= BENCH_CASES_MAX, "a group with that many cases");
	for (size_t i = 0; i < group->count; i++)
		if (run->index == 0)
			n[i] = calibrate(&group->cases[i], slice_ns);
		else
			group->cases[i].run(group->cases[i].ctx, 1);
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < group->count; i++)
			costs[i][r] = time_slice(run, &group->cases[i], n[i]);
	if (run->index == 0)
		summarise(run, group, costs, rounds);
}

static void *
be_one(void *run)
{
	const struct bench_run *r = run;

	r->team->bench(r);
	return NULL;
}

void
bench_together(
    void (*bench)(const struct bench_run *run), const struct bench_run *run, unsigned threads)
{
	struct bench_team team = {.bench = bench, .threads = threads};
	struct bench_run runs[BENCH_THREADS_MAX];
	pthread_t ids[BENCH_THREADS_MAX];

	bench_require(
	    threads <= BENCH_THREADS_MAX && pthread_barrier_init(&team.barrier, NULL, threads) == 0,
	    "a barrier");
	for (unsigned i = 0; i < threads; i++) {
		runs[i] = *run;
		runs[i].team = &team;
		runs[i].index = i;
		bench_require(
		    pthread_create(&ids[i], NULL, be_one, &runs[i]) == 0, "starting a thread");
	}
	for (unsigned i = 0; i < threads; i++)
		(void)pthread_join(ids[i], NULL);
	(void)pthread_barrier_destroy(&team.barrier);
}
