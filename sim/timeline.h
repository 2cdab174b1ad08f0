/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.h -- what happened in a world, in numbers alone: no key, prompt or result, so that it can
 * be shown to anybody.  spec/simulation.md#report.
 */
#ifndef PINF_SIM_TIMELINE_H
#define PINF_SIM_TIMELINE_H

#include <pinf/base.h>

#define SIM_MARKS_MAX 80000 /* then the oldest make room: a failure is told by the newest */

enum sim_mark_kind {
	SIM_MARK_STEP, /* of the plan; what: enum sim_op */
	SIM_MARK_ANSWER, /* the router's; what: enum pinf_endpoint; value: ms since the request came */
	SIM_MARK_TOLD, /* an owner or the administrator has the answer; what: enum sim_op */
	SIM_MARK_MINED, /* a block does it; what: enum sim_op; value: the block's number */
	SIM_MARK_UP,
	SIM_MARK_DOWN, /* value: for so many ms */
	SIM_MARK_UNDONE, /* the router takes a batch back; value: of so many events */
	SIM_MARK_CALM, /* all faults stop */
	SIM_MARK_BEGINS, /* a caller; what: its API's version; value 1: after all faults */
	SIM_MARK_ENDS, /* a caller; status 200: with its answer */
	SIM_MARKS
};

/* Zero is what does not apply. */
struct sim_mark {
	uint8_t kind;
	uint8_t what;
	uint16_t status; /* of HTTP */
	uint16_t err; /* enum pinf_err */
	uint16_t rule; /* enum pinf_rule, where that refused */
	uint32_t at_ms; /* since the world's start */
	uint32_t node; /* 0: the router; else the client of that number */
	uint32_t
	    session; /* its id; in steps its number + 1, which is its id if its first try is heard */
	uint32_t task;
	uint32_t attempt;
	uint32_t value;
};

struct sim_timeline {
	struct sim_mark
	    *marks; /* a ring, once there are SIM_MARKS_MAX: the oldest at count % that */
	size_t count; /* of all that there were */
	size_t cap;
	size_t broken; /* the mark during which an oracle failed, from 1; 0: none */
};

struct sim_world;
struct sim_conn;
struct sim_step;

/* All of these do nothing in a world that nobody records. */
void sim_timeline_add(struct sim_world *w, struct sim_mark mark);
void sim_timeline_step(struct sim_world *w, enum sim_mark_kind kind, const struct sim_step *step);
void sim_timeline_answer(
    struct sim_world *w, const struct sim_conn *conn, unsigned status, struct pinf_span body);
void sim_timeline_free(struct sim_timeline *timeline);

#endif
