/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c -- pinf-sim run: seeds or a plan in; histories, oracles and a verdict out.  spec/simulation.md. */
#include <stdio.h>
#include <unistd.h>

#include "runs.h"

static const struct pinf_option run_options[] = {
    {.name = "seed",
	.type = PINF_OPT_UINT,
	.max = PINF_ID_MAX,
	.fallback = "1",
	.help = "makes the plan"},
    {.name = "seeds",
	.type = PINF_OPT_TEXT,
	.help = "A..B: one run after the other, up to the first that fails"},
    {.name = "plan", .type = PINF_OPT_TEXT, .help = "a plan's file, instead of a seed"},
    {.name = "save-plan",
	.type = PINF_OPT_TEXT,
	.help = "writes the plan that is run to this file"},
    SIM_WISH_OPTIONS,
    {.name = "bug",
	.type = PINF_OPT_TEXT,
	.help = "a planted bug that is on, to see what finds it"},
    {.name = "json", .type = PINF_OPT_BOOL, .help = "one JSON object a run"},
    {.name = "check-determinism",
	.type = PINF_OPT_BOOL,
	.help = "runs everything twice and compares the state hashes"},
};

static enum sim_exit
run_seeds(
    const struct pinf_options *o, struct sim_wish *wish, uint64_t last, struct sim_total *total)
{
	const char *save = pinf_option_text(o, "save-plan");
	const bool twice = pinf_option(o, "check-determinism")->number != 0;
	const uint64_t first = wish->seed;
	enum sim_exit exit_code = SIM_EXIT_PASS;

	for (; wish->seed <= last && exit_code == SIM_EXIT_PASS; wish->seed++) {
		struct sim_plan plan;

		if (isatty(STDERR_FILENO) && last > first)
			(void)fprintf(stderr, "\rseed %llu, %llu of %llu ",
			    (unsigned long long)wish->seed,
			    (unsigned long long)(wish->seed - first + 1),
			    (unsigned long long)(last - first + 1));
		sim_plan_make(&plan, wish);
		if (save[0] != '\0' && !sim_write_plan(save, &plan))
			exit_code = sim_usage("the plan's file cannot be written");
		else
			exit_code = sim_run_plan(&plan, total, twice, true);
		total->last_seed = wish->seed;
		sim_plan_free(&plan);
	}
	if (isatty(STDERR_FILENO) && last > first)
		(void)fputc('\n', stderr);
	return exit_code;
}

static enum sim_exit
run_file(const struct pinf_options *o, struct sim_total *total)
{
	const bool twice = pinf_option(o, "check-determinism")->number != 0;
	struct sim_plan plan = {0};
	enum sim_exit exit_code = SIM_EXIT_USAGE;

	if (sim_read_plan(pinf_option_text(o, "plan"), &plan)) {
		total->last_seed = plan.seed;
		if (!total->json)
			(void)printf("seed %llu\n", (unsigned long long)plan.seed);
		exit_code = sim_run_plan(&plan, total, twice, true);
	}
	sim_plan_free(&plan);
	return exit_code;
}

static enum sim_exit
run(const struct pinf_options *o)
{
	struct sim_total total = {.json = pinf_option(o, "json")->number != 0};
	struct sim_wish wish = {.seed = pinf_option(o, "seed")->number};
	uint64_t last = wish.seed;
	enum sim_exit exit_code;

	if (!sim_wish_read(&wish, o))
		return SIM_EXIT_USAGE;
	if (pinf_option_text(o, "seeds")[0] != '\0' &&
	    !sim_seeds_read(pinf_option_text(o, "seeds"), &wish.seed, &last))
		return SIM_EXIT_USAGE;
	sim_plant(pinf_option_text(o, "bug"));
	if (pinf_option_text(o, "plan")[0] != '\0') {
		exit_code = run_file(o, &total);
	} else {
		if (!total.json)
			(void)printf(wish.seed == last ? "seed %llu\n" : "seeds %llu..%llu\n",
			    (unsigned long long)wish.seed, (unsigned long long)last);
		exit_code = run_seeds(o, &wish, last, &total);
	}
	if (exit_code != SIM_EXIT_USAGE)
		sim_report(&total, exit_code);
	return exit_code;
}

const struct sim_command sim_command_run = {
    .command = {.name = "pinf-sim run",
	.summary = "Runs the real router, miners and callers through a simulated history.",
	.options = run_options,
	.option_count = sizeof run_options / sizeof *run_options},
    .run = run,
};
