/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_loop.c -- pinf-sim loop: many seeds, each in a process of its own.  spec/simulation.md#commands. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "apart.h"
#include "bundle.h"
#include "runs.h"

#define JOBS_MAX     64
#define FAILURES_MAX 1000 /* that are listed */
#define TWICE_EVERY  20 /* one seed in so many is run again and compared */
#define LOOK_MS      200

static const struct pinf_option loop_options[] = {
    {.name = "seeds", .type = PINF_OPT_TEXT, .required = true, .help = "A..B, each a plan"},
    {.name = "jobs",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = JOBS_MAX,
	.fallback = "1",
	.help = "seeds at once"},
    {.name = "budget",
	.type = PINF_OPT_DURATION,
	.min = 1,
	.fallback = "1d",
	.help = "no further seed is begun after this time"},
    {.name = "keep-going", .type = PINF_OPT_BOOL, .help = "past the first failure, to find all"},
    SIM_WORLD_OPTIONS,
    SIM_NODE_OPTION,
    {.name = "bug",
	.type = PINF_OPT_TEXT,
	.help = "a planted bug that is on, to see what finds it"},
};

struct failure {
	uint64_t seed;
	char oracle[32];
};

struct loop {
	struct sim_scenario scenario; /* its seed: the next one */
	uint64_t first;
	uint64_t last;
	uint64_t start_ms;
	uint64_t until_ms;
	size_t jobs;
	bool keep_going;
	bool is_over; /* no seed is begun any more */
	struct sim_apart runs[JOBS_MAX];
	struct sim_total total;
	enum sim_exit worst;
	uint64_t done;
	uint64_t newest; /* the largest seed that is done */
	uint64_t vacuous;
	uint64_t failed;
	struct failure failures[FAILURES_MAX];
};

static bool
begin(struct loop *l, struct sim_apart *run)
{
	struct sim_plan plan;
	bool good;

	if (!sim_plan_make(&plan, &l->scenario.wish))
		return false;
	good = sim_apart_start(
	    run, &plan, (l->scenario.wish.seed - l->first) % TWICE_EVERY == 0, true);
	sim_plan_free(&plan);
	l->scenario.wish.seed++;
	return good;
}

static int
weight(enum sim_exit exit_code)
{
	switch (exit_code) {
	case SIM_EXIT_PASS: return 0;
	case SIM_EXIT_VACUOUS: return 1;
	case SIM_EXIT_ASSERTION: return 1;
	case SIM_EXIT_LIVENESS: return 2;
	case SIM_EXIT_NONDETERMINISM: return 3;
	case SIM_EXIT_SAFETY: return 4;
	case SIM_EXIT_USAGE: break;
	}
	return 5;
}

/* A process that died kept nothing. */
static void
keep_crash(const struct loop *l, uint64_t seed)
{
	struct sim_wish wish = l->scenario.wish;
	struct sim_plan plan;
	char path[64];

	wish.seed = seed;
	if (!sim_plan_make(&plan, &wish))
		return;
	(void)snprintf(path, sizeof path, "failures/crash-%" PRIu64 ".json", seed);
	(void)mkdir("failures", 0777);
	if (sim_write_plan(path, &plan))
		(void)fprintf(stderr, "kept: %s\nagain: pinf-sim run --plan %s%s%s\n", path, path,
		    sim_planted() == NULL ? "" : " --bug ",
		    sim_planted() == NULL ? "" : sim_planted());
	else
		(void)fprintf(stderr, "pinf-sim: %s cannot be written\n", path);
	sim_plan_free(&plan);
}

static void
add_failure(struct loop *l, uint64_t seed, const struct sim_outcome *outcome)
{
	const char *what = sim_oracle_name(outcome->total.broken);

	if (outcome->signal != 0) {
		keep_crash(l, seed);
		what = strsignal(outcome->signal);
	} else if (outcome->exit_code == SIM_EXIT_NONDETERMINISM) {
		what = "nondeterminism";
	}
	if (l->failed < FAILURES_MAX) {
		l->failures[l->failed].seed = seed;
		(void)snprintf(l->failures[l->failed].oracle, sizeof l->failures[l->failed].oracle,
		    "%s", what);
	}
	l->failed++;
	l->is_over |= !l->keep_going;
}

static void
finish(struct loop *l, struct sim_apart *run)
{
	const uint64_t seed = run->seed;
	struct sim_outcome outcome;
	const struct sim_total last = l->total;
	bool heavier;

	sim_apart_end(run, &outcome);
	heavier = weight(outcome.exit_code) > weight(l->worst);
	l->done++;
	l->vacuous += outcome.exit_code == SIM_EXIT_VACUOUS;
	outcome.total.last_seed = seed;
	sim_total_merge(&l->total, &outcome.total);
	/* Seed, hash and words are of the worst run; of the last seed, where none failed. */
	if (!heavier && (l->failed > 0 || seed < l->newest))
		sim_total_recall(&l->total, &last);
	else
		l->newest = seed;
	if (heavier)
		l->worst = outcome.exit_code;
	if (outcome.exit_code >= SIM_EXIT_SAFETY)
		add_failure(l, seed, &outcome);
}

static void
show(const struct loop *l)
{
	const uint64_t ms = sim_wall_ms() - l->start_ms;

	if (sim_progress_due())
		sim_progress_show("%" PRIu64 " of %" PRIu64 " seeds  failures %" PRIu64
				  "  simulated %" PRIu64 " s  %" PRIu64 " events/s",
		    l->done, l->last - l->first + 1, l->failed, l->total.simulated_ms / 1000,
		    l->total.stats.events * 1000 / (ms + 1));
}

/* Starts what is due, then waits for whatever ends.  False: nothing runs any more. */
static bool
turn(struct loop *l)
{
	struct pollfd polled[JOBS_MAX];
	struct sim_apart *of[JOBS_MAX];
	nfds_t count = 0;

	for (size_t i = 0; i < l->jobs; i++) {
		l->is_over |= l->scenario.wish.seed > l->last ||
			      (l->scenario.wish.seed > l->first && sim_wall_ms() >= l->until_ms);
		if (l->runs[i].pid == 0 && !l->is_over && !begin(l, &l->runs[i])) {
			l->is_over = true;
			l->worst = SIM_EXIT_USAGE;
		}
		if (l->runs[i].pid == 0)
			continue;
		of[count] = &l->runs[i];
		polled[count++] = (struct pollfd){.fd = l->runs[i].fd, .events = POLLIN};
	}
	show(l);
	if (count == 0 || poll(polled, count, LOOK_MS) <= 0)
		return count > 0;
	for (nfds_t i = 0; i < count; i++)
		if (polled[i].revents != 0)
			finish(l, of[i]);
	return true;
}

/* By oracle, and there in the order of seeds' ends. */
static void
list_failures(const struct loop *l)
{
	const uint64_t count = l->failed < FAILURES_MAX ? l->failed : FAILURES_MAX;

	(void)printf("seeds done %" PRIu64 " of %" PRIu64 ", inconclusive %" PRIu64
		     ", failed %" PRIu64 "\n",
	    l->done, l->last - l->first + 1, l->vacuous, l->failed);
	for (uint64_t i = 0; i < count; i++) {
		bool is_first = true;

		for (uint64_t k = 0; k < i; k++)
			is_first &= strcmp(l->failures[k].oracle, l->failures[i].oracle) != 0;
		if (!is_first)
			continue;
		(void)printf("  %s: seeds", l->failures[i].oracle);
		for (uint64_t k = i; k < count; k++)
			if (strcmp(l->failures[k].oracle, l->failures[i].oracle) == 0)
				(void)printf(" %" PRIu64, l->failures[k].seed);
		(void)putchar('\n');
	}
}

static enum sim_exit
run(const struct pinf_options *o)
{
	struct loop *l = sim_new(sizeof *l);
	enum sim_exit exit_code = SIM_EXIT_USAGE;

	l->start_ms = sim_wall_ms();
	l->until_ms = l->start_ms + pinf_option(o, "budget")->number;
	l->jobs = (size_t)pinf_option(o, "jobs")->number;
	l->keep_going = pinf_option(o, "keep-going")->number != 0;
	if (sim_nodes_read(o) && sim_scenario_read(&l->scenario, o, "swarm") &&
	    sim_seeds_read(pinf_option_text(o, "seeds"), &l->first, &l->last)) {
		l->scenario.wish.seed = l->newest = l->first;
		sim_plant(pinf_option_text(o, "bug"));
		(void)printf("seeds %" PRIu64 "..%" PRIu64 "\n", l->first, l->last);
		while (turn(l))
			;
		sim_progress_end();
		l->total.wall_ms = sim_wall_ms() - l->start_ms;
		list_failures(l);
		if (l->worst == SIM_EXIT_PASS)
			l->worst = sim_scenario_verdict(&l->scenario.assert, &l->total);
		sim_report(&l->total, l->worst);
		exit_code = l->worst;
	}
	free(l);
	return exit_code;
}

const struct sim_command sim_command_loop = {
    .command = {.name = "pinf-sim loop",
	.summary = "Runs many seeds, some at once, and keeps what fails.",
	.options = loop_options,
	.option_count = sizeof loop_options / sizeof *loop_options},
    .run = run,
};
