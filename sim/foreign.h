/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.h -- miners that are another implementation's process, asked event by event.  spec/CONFORMANCE.md#node. */
#ifndef PINF_SIM_FOREIGN_H
#define PINF_SIM_FOREIGN_H

#include "world.h"

#define SIM_FOREIGN_MAX 16

/*
 * "m3=exec:CMD", or "m1,m3=exec:CMD" for a process each; miners count from 1.  For every world that this process and those
 * that it forks run.  False: said on stderr.  Borrows text.
 */
bool sim_foreign_set(const char *text);
bool sim_foreign_any(void);
bool sim_foreign_has(uint32_t miner); /* from 0 */
/* Where it is one, these are called instead of the miner's core. */
bool sim_is_foreign(const struct sim_client *c);
void sim_foreign_start(struct sim_world *w, struct sim_client *c);
/* Effects as the core would have them. */
void sim_foreign_step(struct sim_world *w, struct sim_client *c, const struct pinf_event *event,
    struct pinf_effects *effects);
#endif
