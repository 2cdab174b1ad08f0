/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_canary.c -- pinf-sim canary: each planted bug, the oracle that is to find it, and whether it does.
 * spec/simulation.md#canaries.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runs.h"

/* Which oracle, was written down before anything was run. */
static const struct canary {
	const char *name;
	enum sim_oracle oracle;
	const char *what;
} canaries[] = {
    {"allowlist_check_skipped", SIM_UNLISTED_KEY, "every miner counts as listed"},
    {"attempt_unscoped", SIM_SCOPE_ISOLATION, "all attempts of a task share one result key"},
    {"audit_unlinked", SIM_AUDIT_CHAIN, "audit records are not chained"},
    {"chain_id_unchecked", SIM_STALE_KEY, "a node of another chain counts"},
    {"clock_stands_still", SIM_STALE_KEY, "time waits for a wall clock that was set back"},
    {"commit_failure_ignored", SIM_ACCEPTED_LOST, "answers go out though the commit failed"},
    {"commit_not_synced", SIM_ACCEPTED_LOST, "answers go out before the commit is on disk"},
    {"effect_before_commit", SIM_ACCEPTED_LOST, "answers go out before the commit"},
    {"lease_end_forgotten", SIM_ACCEPTED_LOST, "a task whose lease ended is not queued again"},
    {"lease_not_checked", SIM_ATTEMPT_HOLDER, "any listed miner gets any task's keys"},
    {"nonces_forgotten", SIM_REPLAY, "what was signed once counts again"},
    {"nonces_pruned_early", SIM_REPLAY, "nonces are forgotten before their requests expire"},
    {"old_attempt_accepted", SIM_ATTEMPT_HOLDER,
	"a miner's earlier attempt counts as its present one"},
    {"one_node_lets_in", SIM_UNCONFIRMED_KEY, "the quorum counts for nothing"},
    {"plaintext_kept", SIM_NO_PLAINTEXT,
	"what a forged blob held before its forged chunk stays in memory"},
    {"privacy_waits", SIM_PRIVACY_ONE_WAY, "privacy waits for the confirmed block"},
    {"prompt_in_queue", SIM_SECRECY, "short private prompts lie in the queue"},
    {"reference_refused", SIM_LIVENESS, "a caller that comes back is refused"},
    {"removal_forgotten", SIM_STALE_KEY,
	"a removal counts no more once the newest block lists the miner"},
    {"removal_not_stored", SIM_UNLISTED_KEY, "a removal is forgotten at the next start"},
    {"removal_only_stored", SIM_UNLISTED_KEY, "a removal counts from the next start on"},
    {"result_not_final", SIM_ANSWERED_TWICE, "a task with a result is queued again"},
    {"result_of_removed", SIM_UNLISTED_RESULT, "a removed miner finishes what it has begun"},
    {"result_scope_ignored", SIM_RESULT_BOUND, "another task's blob counts as a result"},
    {"result_unchecked", SIM_BLOB_DURABLE, "a result counts whatever its blob is"},
    {"salt_reused", SIM_FRESH_SALT, "blobs are sealed with one salt"},
    {"seat_kept", SIM_UNLISTED_KEY, "a miner that is out of the pool keeps its seats"},
    {"seats_uncounted", SIM_SEATS, "pooled sessions have seats without end"},
    {"stale_list_trusted", SIM_STALE_KEY, "a list counts however old it is"},
    {"storage_error_swallowed", SIM_BLOB_DURABLE, "a prompt counts as stored when it is not"},
    {"version_not_needed", SIM_VERSION_LIFE, "a key version is destroyed while results need it"},
};
#define CANARIES (sizeof canaries / sizeof *canaries)

struct finding {
	unsigned reached; /* in so many seeds the bug's place was passed */
	unsigned triggered; /* and the history became another */
	unsigned found[SIM_ORACLES]; /* seeds, by the oracle that failed first */
	uint64_t first_seed; /* in which the expected oracle failed */
};

static const struct pinf_option canary_options[] = {
    {.name = "all", .type = PINF_OPT_BOOL, .help = "every canary, as a table"},
    {.name = "seeds", .type = PINF_OPT_TEXT, .fallback = "1..10", .help = "A..B: the worlds"},
    {.name = "first",
	.type = PINF_OPT_BOOL,
	.help = "no further seed for a canary once the oracle named for it failed"},
    SIM_WORLD_OPTIONS,
};

struct campaign {
	struct sim_scenario scenario;
	uint64_t first_seed;
	uint64_t last_seed;
	bool first; /* found is enough */
	struct pinf_hash *without; /* state hashes without a bug, by seed; all zero: not run yet */
};

static void
run_seed(const struct campaign *c, uint64_t seed, struct sim_total *total)
{
	struct sim_wish wish = c->scenario.wish;
	struct sim_plan plan;

	wish.seed = seed;
	total->verdict = SIM_EXIT_USAGE;
	if (!sim_plan_make(&plan, &wish))
		return;
	total->verdict = sim_run_plan(&plan, total, false, false);
	sim_plan_free(&plan);
}

/* Whether the bug made any difference.  A world that failed is one that did. */
static bool
is_another(const struct campaign *c, uint64_t seed, const struct sim_total *with)
{
	static const struct pinf_hash none;
	struct pinf_hash *without = &c->without[seed - c->first_seed];
	const char *bug = sim_planted();

	if (pinf_hash_equal(without, &none)) {
		struct sim_total total = {.runs = 0};

		sim_plant(NULL);
		run_seed(c, seed, &total);
		sim_plant(bug);
		*without = total.state_hash;
	}
	return !pinf_hash_equal(without, &with->state_hash);
}

static struct finding
try(const struct campaign *c, const struct canary *canary)
{
	struct finding f = {.reached = 0};

	sim_plant(canary->name);
	for (uint64_t seed = c->first_seed;
	     seed <= c->last_seed && !(c->first && f.first_seed != 0); seed++) {
		struct sim_total total = {.runs = 0};
		const uint64_t passed = sim_planted_passed();

		run_seed(c, seed, &total);
		f.reached += sim_planted_passed() > passed;
		if (total.verdict < SIM_EXIT_SAFETY) {
			f.triggered += is_another(c, seed, &total);
			continue;
		}
		f.triggered++;
		f.found[total.broken]++;
		if (total.broken == canary->oracle && f.first_seed == 0)
			f.first_seed = seed;
	}
	sim_plant(NULL);
	return f;
}

static void
put_oracles(const struct finding *f)
{
	const char *before = "";

	for (int o = 0; o < SIM_ORACLES; o++) {
		if (f->found[o] == 0)
			continue;
		(void)printf("%s%s %u", before, sim_oracle_name((enum sim_oracle)o), f->found[o]);
		before = ", ";
	}
}

/* One row: a table for people, and Markdown.  Whether the canary was found as it should be. */
static bool
put_row(const struct canary *canary, const struct finding *f)
{
	unsigned detected = 0;

	for (int o = 0; o < SIM_ORACLES; o++)
		detected += f->found[o];
	(void)printf("| `%s` | %s | `%s` | %u | %u | %u | ", canary->name, canary->what,
	    sim_oracle_name(canary->oracle), f->reached, f->triggered, detected);
	put_oracles(f);
	if (f->first_seed != 0)
		(void)printf(" | %" PRIu64 " |\n", f->first_seed);
	else
		(void)printf(" | never |\n");
	(void)fflush(stdout);
	return f->first_seed != 0;
}

static enum sim_exit
run_all(const struct campaign *c, const char *name)
{
	unsigned missed = 0, tried = 0;

	(void)puts(
	    "| canary | what is wrong | to be found by | reached | triggered | detected | by, in "
	    "so many seeds | first seed |\n|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < CANARIES; i++) {
		struct finding f;

		if (name != NULL && strcmp(name, canaries[i].name) != 0)
			continue;
		if (isatty(STDERR_FILENO))
			(void)fprintf(stderr, "\r%zu of %zu ", i + 1, CANARIES);
		f = try(c, &canaries[i]);
		tried++;
		missed += !put_row(&canaries[i], &f);
	}
	if (isatty(STDERR_FILENO))
		(void)fputc('\n', stderr);
	if (tried == 0)
		return sim_usage("there is no such canary; `pinf-sim canary --all` has them all");
	(void)printf("\nSeeds %" PRIu64 "..%" PRIu64
		     ": %u of %u canaries found by the oracle named for them.\n",
	    c->first_seed, c->last_seed, tried - missed, tried);
	return missed == 0 ? SIM_EXIT_PASS : SIM_EXIT_VACUOUS;
}

static enum sim_exit
run(const struct pinf_options *o)
{
	struct campaign c = {.first = pinf_option(o, "first")->number != 0};
	const bool all = pinf_option(o, "all")->number != 0;
	enum sim_exit exit_code;

	if (all == (o->positional_count == 1))
		return sim_usage("canary takes a name, or --all");
	if (!sim_scenario_read(&c.scenario, o, "full") ||
	    !sim_seeds_read(pinf_option_text(o, "seeds"), &c.first_seed, &c.last_seed))
		return SIM_EXIT_USAGE;
	if (c.last_seed - c.first_seed >= 100000)
		return sim_usage("canary takes at most 100,000 seeds");
	c.without = sim_new((c.last_seed - c.first_seed + 1) * sizeof *c.without);
	exit_code = run_all(&c, all ? NULL : o->positional[0]);
	free(c.without);
	return exit_code;
}

const struct sim_command sim_command_canary = {
    .command = {.name = "pinf-sim canary",
	.summary = "Plants bugs, and tells which oracle finds each.",
	.positionals = "[NAME]",
	.positional_max = 1,
	.options = canary_options,
	.option_count = sizeof canary_options / sizeof *canary_options},
    .run = run,
};
