/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_probes.c -- pinf-sim probes: which of the rare places a campaign came to.  spec/simulation.md#probes. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pinf/bug.h>

#include "runs.h"

/* Every PINF_SOMETIMES(name) of the libraries: a test keeps the two alike. */
static struct probe {
	const char *name;
	const char *what;
	uint64_t reached;
} probes[] = {
    {"attempt_handed_back", "a miner that cannot go on gives its attempt back", 0},
    {"attempts_exhausted", "a task fails after its last attempt", 0},
    {"bad_result_blob", "a result's blob is not what was precommitted", 0},
    {"batch_undone", "a commit fails, and its whole batch is undone", 0},
    {"caller_overtaken", "a caller looks again at a task that moved on without it", 0},
    {"claim_served_late", "a claim that waited gets a task", 0},
    {"clock_set_back", "the router's wall clock is behind what it said before", 0},
    {"committed_again", "a result is committed a second time", 0},
    {"event_undone", "one event is undone in a batch that goes on", 0},
    {"input_not_stored", "a prompt cannot be stored", 0},
    {"input_recalled", "a caller that comes back finds its own input", 0},
    {"late_result_refused", "a lease is lost while the result's blob is read", 0},
    {"lease_ran_out", "a lease runs out", 0},
    {"list_too_old", "a decision falls while the contract's list is too old", 0},
    {"listed_again_on_the_chain", "a miner that was removed on the chain comes back", 0},
    {"miner_asks_again", "a miner asks again after a failure that may pass", 0},
    {"nodes_disagree", "some nodes list a miner and others do not", 0},
    {"orphan_swept", "a blob that nothing refers to is swept, or found in use", 0},
    {"plain_task_barred", "an unencrypted task waits as its session turns private", 0},
    {"removed_on_the_chain", "a miner is removed on the chain", 0},
    {"replay_refused", "a signed request comes twice", 0},
    {"reservation_renewed", "a reservation that ran out begins again", 0},
    {"reservation_resumed", "a reservation is asked for again while it stands", 0},
    {"sealed_in_vain", "a reservation runs out while its input is sealed", 0},
    {"seat_of_pool_taken", "a miner loses its seat with its place in the pool", 0},
    {"seat_ran_out", "a silent miner loses its seat", 0},
    {"submitted_again", "an input is submitted a second time", 0},
    {"version_in_use", "a key version that is needed is not destroyed", 0},
};
#define PROBES (sizeof probes / sizeof *probes)

void
pinf_probe_reached(const char *name)
{
	for (size_t i = 0; i < PROBES; i++) {
		if (strcmp(probes[i].name, name) != 0)
			continue;
		probes[i].reached++;
		return;
	}
	assert(false && "a probe that the table does not have");
}

_Static_assert(PROBES < SIM_PROBES_MAX, "reports have a place for each");

const char *
sim_probe_name(size_t index)
{
	return index < PROBES ? probes[index].name : NULL;
}

void
sim_probes_take(uint64_t reached[SIM_PROBES_MAX])
{
	for (size_t i = 0; i < PROBES; i++) {
		reached[i] += probes[i].reached;
		probes[i].reached = 0;
	}
}

static const struct pinf_option probes_options[] = {
    {.name = "seeds", .type = PINF_OPT_TEXT, .fallback = "1..30", .help = "A..B: the worlds"},
    SIM_WORLD_OPTIONS,
};

static enum sim_exit
put_probes(const struct sim_total *total)
{
	size_t missed = 0;

	for (size_t i = 0; i < PROBES; i++) {
		(void)printf("  %-28s %10" PRIu64 "  %s\n", probes[i].name, total->probes[i],
		    probes[i].what);
		missed += total->probes[i] == 0;
	}
	(void)printf("%zu of %zu probes reached\nresult: %s\n", PROBES - missed, PROBES,
	    missed == 0 ? "pass" : "vacuous");
	return missed == 0 ? SIM_EXIT_PASS : SIM_EXIT_VACUOUS;
}

static enum sim_exit
run(const struct pinf_options *o)
{
	struct sim_total total = {.runs = 0};
	enum sim_exit exit_code = SIM_EXIT_PASS;
	struct sim_scenario scenario;
	struct sim_wish *wish = &scenario.wish;
	uint64_t last;

	if (!sim_scenario_read(&scenario, o, "full") ||
	    !sim_seeds_read(pinf_option_text(o, "seeds"), &wish->seed, &last))
		return SIM_EXIT_USAGE;
	for (; wish->seed <= last && exit_code < SIM_EXIT_SAFETY; wish->seed++) {
		struct sim_plan plan;

		if (!sim_plan_make(&plan, wish))
			return SIM_EXIT_USAGE;
		exit_code = sim_run_plan(&plan, &total, false, true);
		sim_plan_free(&plan);
	}
	if (exit_code < SIM_EXIT_SAFETY)
		return put_probes(&total);
	sim_report(&total, exit_code);
	return exit_code;
}

const struct sim_command sim_command_probes = {
    .command = {.name = "pinf-sim probes",
	.summary = "Runs seeds, and tells which rare places they came to.",
	.options = probes_options,
	.option_count = sizeof probes_options / sizeof *probes_options},
    .run = run,
};
