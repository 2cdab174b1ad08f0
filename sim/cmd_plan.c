/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_plan.c -- pinf-sim plan: what a seed or a scenario comes to, to be read, edited and run.  spec/simulation.md#plan. */
#include <stdio.h>

#include "runs.h"

static const struct pinf_option plan_options[] = {
    {.name = "seed",
	.type = PINF_OPT_UINT,
	.max = PINF_ID_MAX,
	.fallback = "1",
	.help = "makes the plan"},
    {.name = "check",
	.type = PINF_OPT_TEXT,
	.help = "a plan's file: says whether it is one, and what is in it"},
    SIM_WORLD_OPTIONS,
};

/* Steps by op. */
static void
sum_up(const struct sim_plan *plan)
{
	(void)printf("seed %llu: %u minutes, %u sessions, %u miners, %u unlisted, %u chain nodes\n",
	    (unsigned long long)plan->seed, plan->minutes, plan->sessions, plan->miners,
	    plan->unlisted, plan->chain.nodes);
	for (int op = 0; op < SIM_OPS; op++) {
		size_t count = 0;

		for (size_t i = 0; i < plan->step_count; i++)
			count += plan->steps[i].op == (enum sim_op)op;
		if (count > 0)
			(void)printf("  %-30s %12zu\n", sim_op_name((enum sim_op)op), count);
	}
}

static enum sim_exit
run(const struct pinf_options *o)
{
	const char *path = pinf_option_text(o, "check");
	struct sim_scenario scenario;
	struct pinf_bytes text = {0};
	struct sim_plan plan = {0};
	size_t written;

	if (path[0] != '\0') {
		if (!sim_read_plan(path, &plan))
			return SIM_EXIT_USAGE;
		sum_up(&plan);
		sim_plan_free(&plan);
		return SIM_EXIT_PASS;
	}
	if (!sim_scenario_read(&scenario, o, "swarm"))
		return SIM_EXIT_USAGE;
	scenario.wish.seed = pinf_option(o, "seed")->number;
	if (!sim_plan_make(&plan, &scenario.wish))
		return SIM_EXIT_USAGE;
	sim_plan_encode(&text, &plan);
	written = fwrite(text.data, 1, text.len, stdout);
	sim_plan_free(&plan);
	pinf_bytes_free(&text);
	return written > 0 && fflush(stdout) == 0 ? SIM_EXIT_PASS : SIM_EXIT_USAGE;
}

const struct sim_command sim_command_plan = {
    .command = {.name = "pinf-sim plan",
	.summary = "Prints the plan that a seed makes, or checks one.",
	.options = plan_options,
	.option_count = sizeof plan_options / sizeof *plan_options},
    .run = run,
};
