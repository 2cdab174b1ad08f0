/* SPDX-License-Identifier: Apache-2.0 */
/* bundle.h -- a failure's directory: what failed, its plan, and how to see it again.  spec/simulation.md#bundles. */
#ifndef PINF_SIM_BUNDLE_H
#define PINF_SIM_BUNDLE_H

#include "report.h"

#define SIM_BUNDLE_VERSION 1
#define SIM_PATH_MAX       512

struct sim_failure {
	enum sim_oracle oracle;
	char detail[256];
	char signature[256]; /* the detail without its numbers: what kind of failure it is */
	uint64_t seed;
	uint64_t at_ms;
	struct pinf_hash state_hash; /* of the plan's history */
	struct pinf_hash shrunk_hash; /* all zero: the plan was not shrunk yet */
	char bug[64]; /* planted; "": none */
	char commit[64];
};

/* Of a run that failed. */
struct sim_failure sim_failure_of(const struct sim_total *total);
/* Whether one is of the same kind as the other. */
bool sim_failure_same(const struct sim_failure *a, const struct sim_failure *b);

/* Writes a bundle below failures/, with a trace for which the plan is run once more; says where, on stderr. */
void sim_bundle_keep(struct sim_plan *plan, const struct sim_total *total);
/* Says what is wrong, on stderr. */
bool sim_bundle_read(const char *directory, struct sim_failure *failure);
bool sim_bundle_plan(const char *directory, bool shrunk, struct sim_plan *plan);
/* The shrunk plan and what its history comes to. */
bool sim_bundle_shrunk(
    const char *directory, const struct sim_failure *failure, const struct sim_plan *plan);

#endif
