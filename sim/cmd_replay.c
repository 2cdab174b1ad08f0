/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_replay.c -- pinf-sim replay: a bundle's history once more, and whether it is the same.  spec/simulation.md#bundles. */
#include <stdio.h>
#include <string.h>

#include "bundle.h"
#include "runs.h"

static const struct pinf_option replay_options[] = {
    {.name = "shrunk", .type = PINF_OPT_BOOL, .help = "the shrunk plan"},
    {.name = "no-bug",
	.type = PINF_OPT_BOOL,
	.help = "without the bug that was planted: what the mended code makes of it"},
    SIM_NODE_OPTION,
};

static const char *
same(bool is)
{
	return is ? "the same" : "another";
}

/* Exit: the verdict of now; 12 where the same code makes another history of the same plan. */
static enum sim_exit
compare(const struct sim_failure *before, const struct pinf_hash *hash,
    const struct sim_total *total, enum sim_exit exit_code)
{
	const struct sim_failure now = sim_failure_of(total);
	const bool same_code =
	    strcmp(now.commit, before->commit) == 0 && strcmp(now.bug, before->bug) == 0;
	const bool same_hash = pinf_hash_equal(hash, &now.state_hash);

	(void)printf("kept: %s: %s\n", sim_oracle_name(before->oracle), before->detail);
	if (exit_code >= SIM_EXIT_SAFETY)
		(void)printf("now:  %s: %s\nfailure: %s\n", sim_oracle_name(now.oracle), now.detail,
		    same(sim_failure_same(before, &now)));
	else
		(void)printf("now:  nothing fails\n");
	(void)printf("state hash: %s\ncode: %s\n", same(same_hash),
	    same_code ? "the same" : "another commit, or bug");
	return same_code && !same_hash ? SIM_EXIT_NONDETERMINISM : exit_code;
}

static enum sim_exit
run(const struct pinf_options *o)
{
	const bool shrunk = pinf_option(o, "shrunk")->number != 0;
	const char *directory = o->positional[0];
	struct sim_total total = {.runs = 0};
	struct sim_failure before;
	struct sim_plan plan = {0};
	enum sim_exit exit_code;

	if (!sim_nodes_read(o) || !sim_bundle_read(directory, &before) ||
	    !sim_bundle_plan(directory, shrunk, &plan))
		return SIM_EXIT_USAGE;
	sim_plant(pinf_option(o, "no-bug")->number != 0 ? "" : before.bug);
	exit_code = sim_run_plan(&plan, &total, false, false);
	exit_code =
	    compare(&before, shrunk ? &before.shrunk_hash : &before.state_hash, &total, exit_code);
	sim_plan_free(&plan);
	return exit_code;
}

const struct sim_command sim_command_replay = {
    .command = {.name = "pinf-sim replay",
	.summary = "Runs the history of a failure's bundle again.",
	.positionals = "BUNDLE",
	.positional_min = 1,
	.positional_max = 1,
	.options = replay_options,
	.option_count = sizeof replay_options / sizeof *replay_options},
    .run = run,
};
