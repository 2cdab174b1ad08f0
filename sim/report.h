/* SPDX-License-Identifier: Apache-2.0 */
/* report.h -- what one or many runs came to.  spec/simulation.md#report. */
#ifndef PINF_SIM_REPORT_H
#define PINF_SIM_REPORT_H

#include <stdio.h>

#include "world.h"

#define SIM_REPORT_VERSION 1

enum sim_exit {
	SIM_EXIT_PASS = 0,
	SIM_EXIT_USAGE = 1,
	SIM_EXIT_VACUOUS = 2,
	SIM_EXIT_SAFETY = 10,
	SIM_EXIT_LIVENESS = 11,
	SIM_EXIT_NONDETERMINISM = 12,
	SIM_EXIT_ASSERTION = 13
};

#define SIM_PROBES_MAX 40

struct sim_total {
	bool json;
	enum sim_exit verdict; /* of the last run */
	uint64_t runs;
	uint64_t last_seed;
	uint64_t simulated_ms;
	uint64_t wall_ms;
	uint64_t least_completed; /* of any run */
	struct sim_histogram completed; /* tasks, of each run */
	struct sim_histogram kinds; /* of fault that there were, in each run */
	uint64_t probes[SIM_PROBES_MAX];
	uint64_t disk_faults[SIM_DISK_FAULTS];
	uint64_t blob_faults[SIM_BLOB_FAULTS];
	uint64_t evaluated[SIM_ORACLES];
	struct sim_stats stats;
	struct pinf_hash state_hash; /* of the last run */
	enum sim_oracle broken;
	uint64_t broken_at_ms;
	char detail[256];
	bool excused; /* the last run */
	const char *report; /* file of the last run's; NULL: none */
};

/* cmd_probes.c; NULL: there are no more. */
const char *sim_probe_name(size_t index);
/* How often each was reached since this was asked last. */
void sim_probes_take(uint64_t reached[SIM_PROBES_MAX]);
const char *sim_verdict_name(enum sim_exit exit_code);
enum sim_exit sim_verdict(const struct sim_world *w);
void sim_total_add(struct sim_total *total, const struct sim_world *w);
/* Adds one total to another; what is said of the last run is of's. */
void sim_total_merge(struct sim_total *total, const struct sim_total *of);
/* What was said of the last run is former's again. */
void sim_total_recall(struct sim_total *total, const struct sim_total *former);
/* A row for one run, below the names of the columns where it is the first. */
void sim_report_csv(FILE *file, const struct sim_total *total, enum sim_exit exit_code, bool first);
struct pinf_json_writer;
/* Members of an open object: the groups of the table, but its times. */
void sim_report_groups(struct pinf_json_writer *json, const struct sim_total *total);
void sim_report(const struct sim_total *total, enum sim_exit exit_code);

#endif
