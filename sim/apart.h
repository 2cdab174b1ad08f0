/* SPDX-License-Identifier: Apache-2.0 */
/* apart.h -- a plan's run in a process of its own, so that a crash is an outcome too.  spec/simulation.md#commands. */
#ifndef PINF_SIM_APART_H
#define PINF_SIM_APART_H

#include <sys/types.h>

#include "report.h"

struct sim_outcome {
	enum sim_exit exit_code;
	int signal; /* that it died of; 0: it ran to its end */
	struct sim_total total; /* of one run */
};

struct sim_apart {
	pid_t pid; /* 0: none runs */
	int fd; /* readable when it is over */
	uint64_t seed;
};

/* False: no process can be made, as was said on stderr. */
bool sim_apart_start(struct sim_apart *run, struct sim_plan *plan, bool twice, bool keep);
/* Waits for its end. */
void sim_apart_end(struct sim_apart *run, struct sim_outcome *out);

#endif
