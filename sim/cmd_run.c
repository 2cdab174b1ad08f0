/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c -- pinf-sim run: seeds or a plan in; histories, oracles and a verdict out.  spec/simulation.md. */
#include <stdio.h>
#include <string.h>

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
    SIM_WORLD_OPTIONS,
    {.name = "bug",
	.type = PINF_OPT_TEXT,
	.help = "a planted bug that is on, to see what finds it"},
    SIM_NODE_OPTION,
    {.name = "report",
	.type = PINF_OPT_TEXT,
	.help = "an HTML file that shows the last run; sim/run: build/report.html"},
    {.name = "csv", .type = PINF_OPT_TEXT, .help = "a file: a row for each seed"},
    {.name = "json", .type = PINF_OPT_BOOL, .help = "one JSON object a run"},
    {.name = "check-determinism",
	.type = PINF_OPT_BOOL,
	.help = "runs everything twice and compares the state hashes"},
};

struct campaign {
	const struct pinf_options *options;
	struct sim_wish *wish;
	uint64_t last_seed;
	FILE *csv; /* NULL: none */
	struct sim_total *total;
};

/* As one word for a shell. */
static void
put_word(struct pinf_bytes *out, const char *text)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";

	if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
		sim_append(out, pinf_span_str(text));
		return;
	}
	sim_append(out, pinf_span_str("'"));
	for (; *text != '\0'; text++)
		sim_append(out, *text == '\'' ? pinf_span_str("'\\''")
					      : (struct pinf_span){(const uint8_t *)text, 1});
	sim_append(out, pinf_span_str("'"));
}

/* The next run leaves its report where it is asked for, with the command that runs the same once more. */
static void
ask_for_report(const struct pinf_options *o, struct pinf_bytes *again, uint64_t seed)
{
	static const char *const same[] = {"plan", "scenario", "set", "sessions", "miners",
	    "unlisted", "minutes", "profile", "faults", "bug", "node"};
	const char *path = pinf_option_text(o, "report");
	char number[24];

	again->len = 0;
	sim_append(again, pinf_span_str("pinf-sim run"));
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		const struct pinf_option_value *value = pinf_option(o, same[i]);

		if (value->source != PINF_FROM_FLAG)
			continue;
		(void)snprintf(number, sizeof number, "%llu", (unsigned long long)value->number);
		sim_append(again, pinf_span_str(" --"));
		sim_append(again, pinf_span_str(same[i]));
		sim_append(again, pinf_span_str(" "));
		put_word(again, value->text.len > 0 ? pinf_option_text(o, same[i]) : number);
	}
	(void)snprintf(number, sizeof number, " --seed %llu", (unsigned long long)seed);
	if (pinf_option_text(o, "plan")[0] == '\0')
		sim_append(again, pinf_span_str(number));
	sim_html_to(path[0] == '\0' ? NULL : path, (const char *)again->data);
}

static enum sim_exit
run_seed(const struct campaign *c, bool first)
{
	const char *save = pinf_option_text(c->options, "save-plan");
	const bool twice = pinf_option(c->options, "check-determinism")->number != 0;
	struct sim_total one = {.runs = 0};
	struct pinf_bytes again = {0};
	enum sim_exit exit_code;
	struct sim_plan plan;

	if (!sim_plan_make(&plan, c->wish))
		return SIM_EXIT_USAGE;
	ask_for_report(c->options, &again, c->wish->seed);
	if (save[0] != '\0' && !sim_write_plan(save, &plan))
		exit_code = sim_usage("the plan's file cannot be written");
	else
		exit_code = sim_run_plan(&plan, &one, twice, true);
	sim_plan_free(&plan);
	pinf_bytes_free(&again);
	if (c->csv != NULL && exit_code != SIM_EXIT_USAGE)
		sim_report_csv(c->csv, &one, exit_code, first);
	sim_total_merge(c->total, &one);
	return exit_code;
}

static enum sim_exit
run_seeds(const struct campaign *c)
{
	const uint64_t first = c->wish->seed;
	enum sim_exit exit_code = SIM_EXIT_PASS;

	for (; c->wish->seed <= c->last_seed && exit_code == SIM_EXIT_PASS; c->wish->seed++)
		exit_code = run_seed(c, c->wish->seed == first);
	return exit_code;
}

/* The campaign's table goes along with it. */
static enum sim_exit
run_campaign(struct campaign *c)
{
	const char *path = pinf_option_text(c->options, "csv");
	enum sim_exit exit_code;

	if (path[0] == '\0')
		return run_seeds(c);
	c->csv = fopen(path, "w");
	if (c->csv == NULL)
		return sim_usage("the --csv file cannot be written");
	exit_code = run_seeds(c);
	if (fclose(c->csv) != 0 && exit_code == SIM_EXIT_PASS)
		return sim_usage("the --csv file could not be written whole");
	return exit_code;
}

static enum sim_exit
run_file(const struct pinf_options *o, struct sim_total *total)
{
	const bool twice = pinf_option(o, "check-determinism")->number != 0;
	struct sim_plan plan = {0};
	struct pinf_bytes again = {0};
	enum sim_exit exit_code = SIM_EXIT_USAGE;

	if (sim_read_plan(pinf_option_text(o, "plan"), &plan)) {
		if (!total->json)
			(void)printf("seed %llu\n", (unsigned long long)plan.seed);
		ask_for_report(o, &again, plan.seed);
		exit_code = sim_run_plan(&plan, total, twice, true);
	}
	pinf_bytes_free(&again);
	sim_plan_free(&plan);
	return exit_code;
}

static enum sim_exit
run_all(const struct pinf_options *o, struct sim_scenario *scenario, uint64_t last,
    struct sim_total *total)
{
	struct sim_wish *wish = &scenario->wish;

	if (pinf_option_text(o, "plan")[0] != '\0')
		return run_file(o, total);
	if (!total->json)
		(void)printf(wish->seed == last ? "seed %llu\n" : "seeds %llu..%llu\n",
		    (unsigned long long)wish->seed, (unsigned long long)last);
	return run_campaign(
	    &(struct campaign){.options = o, .wish = wish, .last_seed = last, .total = total});
}

static enum sim_exit
run(const struct pinf_options *o)
{
	struct sim_total total = {.json = pinf_option(o, "json")->number != 0};
	struct sim_scenario scenario;
	struct sim_wish *wish = &scenario.wish;
	uint64_t last;
	enum sim_exit exit_code;

	if (!sim_scenario_read(&scenario, o, "swarm"))
		return SIM_EXIT_USAGE;
	wish->seed = last = pinf_option(o, "seed")->number;
	if (pinf_option_text(o, "seeds")[0] != '\0' &&
	    !sim_seeds_read(pinf_option_text(o, "seeds"), &wish->seed, &last))
		return SIM_EXIT_USAGE;
	sim_plant(pinf_option_text(o, "bug"));
	if (!sim_nodes_read(o))
		return SIM_EXIT_USAGE;
	exit_code = run_all(o, &scenario, last, &total);
	if (exit_code == SIM_EXIT_PASS)
		exit_code = sim_scenario_verdict(&scenario.assert, &total);
	if (exit_code != SIM_EXIT_USAGE)
		sim_report(&total, exit_code);
	if (exit_code == SIM_EXIT_PASS && sim_html_missed())
		return SIM_EXIT_USAGE;
	return exit_code;
}

const struct sim_command sim_command_run = {
    .command = {.name = "pinf-sim run",
	.summary = "Runs the real router, miners and callers through a simulated history.",
	.options = run_options,
	.option_count = sizeof run_options / sizeof *run_options},
    .run = run,
};
