/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_shrink.c -- pinf-sim shrink: takes away from a bundle's plan what the failure does not need.  A
 * smaller plan counts if it is valid and the same oracle fails with the same signature.
 * spec/simulation.md#bundles.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "runs.h"

static const struct pinf_option shrink_options[] = {
    {.name = "runs",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = 100000,
	.fallback = "1000",
	.help = "tries at most"},
};

struct shrinker {
	struct sim_plan plan; /* the smallest so far */
	struct sim_failure failure; /* of that plan's kind */
	struct pinf_hash hash;
	uint64_t at_ms;
	uint64_t runs;
	uint64_t runs_max;
};

/* A step that is not asked for again: whether its session is there no more, or its chain. */
static bool
hangs_in_the_air(const struct sim_plan *plan, const struct sim_step *step, const bool *created)
{
	if (plan->chain.nodes == 0 && sim_op_needs_chain(step->op))
		return true;
	return sim_op_has_session(step->op) && step->op != SIM_SESSION && !created[step->session];
}

static void
tidy(struct sim_plan *plan)
{
	bool *created = sim_new(SIM_SESSIONS_MAX * sizeof *created);
	size_t kept = 0;

	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].op == SIM_SESSION)
			created[plan->steps[i].session] = true;
	for (size_t i = 0; i < plan->step_count; i++)
		if (!hangs_in_the_air(plan, &plan->steps[i], created))
			plan->steps[kept++] = plan->steps[i];
	plan->step_count = kept;
	free(created);
}

static struct sim_plan
copy_of(const struct sim_plan *plan)
{
	struct sim_plan made = *plan;

	made.steps = sim_new((plan->step_count + 1) * sizeof *made.steps);
	made.step_cap = plan->step_count + 1;
	if (plan->step_count > 0)
		memcpy(made.steps, plan->steps, plan->step_count * sizeof *made.steps);
	return made;
}

/* The plan as a file would give it: the decoder says whether it is one. */
static bool
reread(struct sim_plan *plan)
{
	struct pinf_bytes text = {0}, message = {0};
	struct sim_plan read = {0};
	bool good;

	sim_plan_encode(&text, plan);
	good = sim_plan_decode(&read, pinf_span_of(&text), &message) == PINF_OK;
	pinf_bytes_free(&text);
	pinf_bytes_free(&message);
	sim_plan_free(plan);
	*plan = read;
	return good;
}

/* Takes candidate over: it becomes the plan, or is dropped. */
static bool
try(struct shrinker *s, struct sim_plan candidate)
{
	struct sim_total total = {.runs = 0};
	enum sim_exit verdict;
	struct sim_failure now;

	tidy(&candidate);
	if (s->runs == s->runs_max || !reread(&candidate)) {
		sim_plan_free(&candidate);
		return false;
	}
	s->runs++;
	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r%zu steps, try %llu of %llu  ", s->plan.step_count,
		    (unsigned long long)s->runs, (unsigned long long)s->runs_max);
	verdict = sim_run_plan(&candidate, &total, false, false);
	now = sim_failure_of(&total);
	if (verdict < SIM_EXIT_SAFETY || !sim_failure_same(&now, &s->failure)) {
		sim_plan_free(&candidate);
		return false;
	}
	sim_plan_free(&s->plan);
	s->plan = candidate;
	s->hash = now.state_hash;
	s->at_ms = now.at_ms;
	return true;
}

static bool
try_without(struct shrinker *s, size_t from, size_t count)
{
	struct sim_plan candidate = copy_of(&s->plan);
	const size_t after = candidate.step_count - from - count;

	memmove(candidate.steps + from, candidate.steps + from + count,
	    after * sizeof *candidate.steps);
	candidate.step_count -= count;
	return try(s, candidate);
}

/* Chunks of half, a quarter... down to single steps, until none can go. */
static void
drop_chunks(struct shrinker *s)
{
	for (size_t chunk = (s->plan.step_count + 1) / 2; chunk > 0;) {
		bool any = false;

		for (size_t from = 0; from < s->plan.step_count && s->runs < s->runs_max;) {
			const size_t left = s->plan.step_count - from;

			if (try_without(s, from, chunk < left ? chunk : left))
				any = true;
			else
				from += chunk;
		}
		if (s->runs == s->runs_max || (chunk == 1 && !any))
			return;
		chunk = chunk == 1 ? 1 : (chunk + 1) / 2;
	}
}

static bool
is_of(const struct sim_step *step, bool by_op, uint32_t number)
{
	return by_op ? step->op == (enum sim_op)number
		     : sim_op_has_session(step->op) && step->session == number;
}

/* All steps of an op, or about a session. */
static void
drop_kinds(struct shrinker *s, bool by_op, uint32_t kinds)
{
	for (uint32_t kind = 0; kind < kinds; kind++) {
		struct sim_plan candidate = copy_of(&s->plan);
		size_t kept = 0;

		for (size_t i = 0; i < candidate.step_count; i++)
			if (!is_of(&candidate.steps[i], by_op, kind))
				candidate.steps[kept++] = candidate.steps[i];
		if (kept == candidate.step_count) {
			sim_plan_free(&candidate);
			continue;
		}
		candidate.step_count = kept;
		(void)try(s, candidate);
	}
}

/* What comes after the failure it cannot need. */
static void
cut_end(struct shrinker *s)
{
	struct sim_plan candidate = copy_of(&s->plan);
	const uint64_t minutes = s->at_ms / 60000 + 1;

	while (
	    candidate.step_count > 0 && candidate.steps[candidate.step_count - 1].at_ms > s->at_ms)
		candidate.step_count--;
	if (minutes < candidate.minutes)
		candidate.minutes = (uint32_t)minutes;
	(void)try(s, candidate);
}

static void
calm_head(struct shrinker *s)
{
	struct sim_plan candidate = copy_of(&s->plan);

	candidate.network = (struct sim_network_rates){.delay_min_ms = 1, .delay_max_ms = 20};
	(void)try(s, candidate);
	candidate = copy_of(&s->plan);
	candidate.blob = (struct sim_blob_rates){.delay_max_ms = 5};
	(void)try(s, candidate);
	candidate = copy_of(&s->plan);
	candidate.disk = (struct sim_disk_rates){0};
	(void)try(s, candidate);
	candidate = copy_of(&s->plan);
	candidate.chain = (struct sim_chain_plan){0};
	(void)try(s, candidate);
	candidate = copy_of(&s->plan);
	candidate.unlisted = 0;
	(void)try(s, candidate);
}

static void
shorten_prompts(struct shrinker *s)
{
	for (size_t i = 0; i < s->plan.step_count; i++) {
		struct sim_plan candidate;

		if (s->plan.steps[i].op != SIM_SUBMIT || s->plan.steps[i].bytes == 1)
			continue;
		candidate = copy_of(&s->plan);
		candidate.steps[i].bytes = 1;
		(void)try(s, candidate);
	}
}

static void
shrink(struct shrinker *s)
{
	size_t before;

	cut_end(s);
	calm_head(s);
	drop_kinds(s, true, SIM_OPS);
	drop_kinds(s, false, s->plan.sessions);
	do {
		before = s->plan.step_count;
		drop_chunks(s);
		cut_end(s);
	} while (s->plan.step_count < before && s->runs < s->runs_max);
	calm_head(s);
	shorten_prompts(s);
	if (isatty(STDERR_FILENO))
		(void)fputc('\n', stderr);
}

static enum sim_exit
run(const struct pinf_options *o)
{
	const char *directory = o->positional[0];
	struct shrinker s = {.runs_max = pinf_option(o, "runs")->number};
	size_t before;
	enum sim_exit exit_code = SIM_EXIT_PASS;

	if (!sim_bundle_read(directory, &s.failure) || !sim_bundle_plan(directory, false, &s.plan))
		return SIM_EXIT_USAGE;
	sim_plant(s.failure.bug);
	before = s.plan.step_count;
	if (!try(&s, copy_of(&s.plan))) {
		(void)fputs(
		    "pinf-sim: the plan does not fail in that way any more: pinf-sim replay "
		    "says what it does\n",
		    stderr);
		exit_code = SIM_EXIT_VACUOUS;
	} else {
		shrink(&s);
		s.failure.shrunk_hash = s.hash;
		if (!sim_bundle_shrunk(directory, &s.failure, &s.plan))
			exit_code = SIM_EXIT_USAGE;
		else
			(void)printf("%zu steps of %zu left after %llu tries: %s/shrunk.json\n"
				     "again: pinf-sim replay --shrunk %s\n",
			    s.plan.step_count, before, (unsigned long long)s.runs, directory,
			    directory);
	}
	sim_plan_free(&s.plan);
	return exit_code;
}

const struct sim_command sim_command_shrink = {
    .command = {.name = "pinf-sim shrink",
	.summary = "Makes a failure's plan as small as it can be.",
	.positionals = "BUNDLE",
	.positional_min = 1,
	.positional_max = 1,
	.options = shrink_options,
	.option_count = sizeof shrink_options / sizeof *shrink_options},
    .run = run,
};
