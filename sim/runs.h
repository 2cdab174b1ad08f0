/* SPDX-License-Identifier: Apache-2.0 */
/* runs.h -- what the commands of pinf-sim share: worlds by option, plans run, files.  spec/simulation.md. */
#ifndef PINF_SIM_RUNS_H
#define PINF_SIM_RUNS_H

#include "core/options.h"
#include "report.h"
#include "scenario.h"

struct sim_command {
	struct pinf_command command;
	enum sim_exit (*run)(const struct pinf_options *o);
};
extern const struct sim_command sim_command_canary, sim_command_loop, sim_command_plan,
    sim_command_probes, sim_command_replay, sim_command_run, sim_command_shrink;

/* Options that say which worlds are made: read by sim_scenario_read. */
#define SIM_WORLD_OPTIONS                                                                          \
	{.name = "scenario", .type = PINF_OPT_TEXT, .help = "a scenario's file"},                  \
	    {.name = "set",                                                                        \
		.type = PINF_OPT_TEXT,                                                             \
		.help = "KEY=NUMBER,...: instead of the scenario's, as in miners=500"},            \
	    {.name = "sessions",                                                                   \
		.type = PINF_OPT_UINT,                                                             \
		.min = 1,                                                                          \
		.max = SIM_SESSIONS_MAX,                                                           \
		.fallback = "8",                                                                   \
		.help = "of a generated plan; every fourth is public"},                            \
	    {.name = "miners",                                                                     \
		.type = PINF_OPT_UINT,                                                             \
		.min = 1,                                                                          \
		.max = SIM_MINERS_MAX,                                                             \
		.fallback = "6",                                                                   \
		.help = "of a generated plan"},                                                    \
	    {.name = "unlisted",                                                                   \
		.type = PINF_OPT_UINT,                                                             \
		.max = SIM_UNLISTED_MAX,                                                           \
		.fallback = "2",                                                                   \
		.help = "wallets on no session's list, which attack"},                             \
	    {.name = "minutes",                                                                    \
		.type = PINF_OPT_UINT,                                                             \
		.min = 1,                                                                          \
		.max = 60,                                                                         \
		.fallback = "10",                                                                  \
		.help = "simulated, of a generated plan"},                                         \
	    {.name = "profile",                                                                    \
		.type = PINF_OPT_TEXT,                                                             \
		.help =                                                                            \
		    "full, swarm, lite, perf, or a scenario's file; of generated plans: swarm"},   \
	{                                                                                          \
		.name = "faults", .type = PINF_OPT_TEXT, .fallback = "all",                        \
		.help = "all, none, or some of " SIM_FAULT_KINDS                                   \
	}

#define SIM_NODE_OPTION                                                                            \
	{                                                                                          \
		.name = "node", .type = PINF_OPT_TEXT,                                             \
		.help = "mN=exec:CMD: another implementation as that miner"                        \
	}
/* Of --node, if it is there; says what is wrong, on stderr. */
bool sim_nodes_read(const struct pinf_options *o);

/* Of which seed it is, the caller says; otherwise: the profile of those who say nothing.  Says what is wrong, on stderr. */
bool sim_scenario_read(
    struct sim_scenario *scenario, const struct pinf_options *o, const char *otherwise);
/* "A..B", or a number. */
bool sim_seeds_read(const char *text, uint64_t *first, uint64_t *last);
/* Says what is wrong, on stderr. */
enum sim_exit sim_usage(const char *problem);

/* Switches a planted bug on: "" or NULL, none.  Borrows name. */
void sim_plant(const char *name);
const char *sim_planted(void); /* NULL: none */
/* How often its place was passed, by now. */
uint64_t sim_planted_passed(void);

/* Runs leave their report there; again: the command that runs the plan.  Borrows both; NULL: no report. */
void sim_html_to(const char *path, const char *again);
/* Whether one could not be written. */
bool sim_html_missed(void);

uint64_t sim_wall_ms(void);
/* One line on a terminal that says how far things are; elsewhere nothing. */
bool sim_progress_due(void);
__attribute__((format(printf, 1, 2))) void sim_progress_show(const char *format, ...);
void sim_progress_end(void);
void sim_progress_mute(void);
/* One world, or twice the same.  A failing plan is kept, where keep is set. */
enum sim_exit sim_run_plan(struct sim_plan *plan, struct sim_total *total, bool twice, bool keep);

bool sim_read_file(const char *path, struct pinf_bytes *out);
bool sim_write_plan(const char *path, const struct sim_plan *plan);
/* Says what is wrong with the file or the plan in it, on stderr. */
bool sim_read_plan(const char *path, struct sim_plan *plan);

#endif
