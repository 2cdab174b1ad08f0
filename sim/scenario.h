/* SPDX-License-Identifier: Apache-2.0 */
/* scenario.h -- which worlds to make, and what must come of them.  spec/simulation.md#scenario. */
#ifndef PINF_SIM_SCENARIO_H
#define PINF_SIM_SCENARIO_H

#include "plan.h"
#include "report.h"

#define SIM_SCENARIO_VERSION  1
#define SIM_SCENARIO_TEXT_MAX ((size_t)1 << 20)

/* What is measured over all runs and must hold; UINT32_MAX: nothing was asked. */
struct sim_assertions {
	uint32_t completed_min; /* of the submitted tasks, per mille */
	uint32_t answer_p50_ms_max;
	uint32_t answer_p99_ms_max;
	uint32_t removal_p99_ms_max;
	uint32_t refused_max;
	uint32_t busy_min; /* of the miners' slots, per mille */
};

struct sim_scenario {
	struct sim_wish wish;
	struct sim_assertions assert;
};

struct sim_scenario sim_scenario_defaults(void);
/* Strict; what is not said stays.  On failure message says what is wrong, with the key and its line. */
PINF_MUST_CHECK enum pinf_err sim_scenario_decode(
    struct sim_scenario *scenario, struct pinf_span json, struct pinf_bytes *message);
/* "key=value,group.key=value". */
PINF_MUST_CHECK enum pinf_err
sim_scenario_set(struct sim_scenario *scenario, const char *list, struct pinf_bytes *message);
/* PASS, or ASSERTION with a line on stderr for each that does not hold. */
enum sim_exit sim_scenario_verdict(const struct sim_assertions *a, const struct sim_total *total);

#endif
