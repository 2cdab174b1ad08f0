/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.c -- takes down what happens, for the report; decides nothing.  spec/simulation.md#report. */
#include "timeline.h"

#include "core/json.h"
#include "core/send.h"
#include "world.h"

void
sim_timeline_add(struct sim_world *w, struct sim_mark mark)
{
	struct sim_timeline *t = w->watch.timeline;

	if (t == NULL)
		return;
	mark.at_ms = (uint32_t)(w->now_ms - SIM_EPOCH_MS);
	if (t->count < SIM_MARKS_MAX)
		t->marks = sim_grow(t->marks, t->count + 1, &t->cap, sizeof *t->marks);
	t->marks[t->count++ % SIM_MARKS_MAX] = mark;
	if (t->broken == 0 && w->oracles.failed)
		t->broken = t->count;
}

static bool
is_about_miner(enum sim_op op)
{
	switch (op) {
	case SIM_ALLOW:
	case SIM_DENY:
	case SIM_LEAVE:
	case SIM_POOL_ALLOW:
	case SIM_POOL_DENY:
	case SIM_CRASH_MINER:
	case SIM_PARTITION:
	case SIM_PAUSE_MINER:
	case SIM_CLOCK_MINER:
	case SIM_BYZANTINE_MINER:
	case SIM_CHAIN_LIE: return true;
	default: return false;
	}
}

void
sim_timeline_step(struct sim_world *w, enum sim_mark_kind kind, const struct sim_step *step)
{
	struct sim_mark mark = {.kind = (uint8_t)kind, .what = (uint8_t)step->op};

	if (is_about_miner(step->op))
		mark.node = step->miner + 1; /* Miners are the first clients. */
	if (sim_op_has_session(step->op))
		mark.session = step->session + 1;
	if (step->op >= SIM_CHAIN_STALL)
		mark.attempt = step->node;
	mark.status = (uint16_t)(step->lie | step->way | step->trick |
				 step->behind); /* An op has one of them. */
	mark.value = step->op == SIM_REORG ? step->depth : step->for_ms | step->by_ms;
	sim_timeline_add(w, mark);
}

/* Miners ask for work all the time, and mostly there is none. */
static bool
is_idle(const struct sim_conn *conn, unsigned status)
{
	return conn->endpoint == PINF_EP_CLAIM && status == 204;
}

/* Ids that the request could not know yet. */
static void
read_ids(struct sim_mark *mark, struct pinf_span body)
{
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader json;
	uint64_t session = mark->session, task = mark->task, attempt = mark->attempt;

	if (pinf_json_parse(&parsed, body, PINF_BODY_MAX) != PINF_OK)
		return;
	json = pinf_json_root(parsed);
	pinf_json_id(&json, "session_id", false, &session);
	pinf_json_id(&json, "task_id", false, &task);
	pinf_json_uint(&json, "attempt", false, UINT32_MAX, &attempt);
	pinf_json_free(parsed);
	mark->session = (uint32_t)session;
	mark->task = (uint32_t)task;
	mark->attempt = (uint32_t)attempt;
}

void
sim_timeline_answer(
    struct sim_world *w, const struct sim_conn *conn, unsigned status, struct pinf_span body)
{
	const struct pinf_event reply = {
	    .kind = PINF_EV_REPLY, .status = (uint16_t)status, .body = body};
	struct pinf_api_error error = {.err = PINF_OK};
	struct sim_mark mark = {
	    .kind = SIM_MARK_ANSWER,
	    .what = (uint8_t)conn->endpoint,
	    .status = (uint16_t)status,
	    .node = conn->message->node,
	    .session = (uint32_t)conn->session,
	    .task = (uint32_t)conn->task,
	    .attempt = conn->attempt,
	    .value = (uint32_t)(w->now_ms - conn->arrived_ms),
	};

	if (w->watch.timeline == NULL || is_idle(conn, status))
		return;
	if (pinf_reply_refused(&error, &reply)) {
		mark.err = (uint16_t)error.err;
		mark.rule = (uint16_t)error.rule;
	} else if (conn->endpoint == PINF_EP_CLAIM || conn->endpoint == PINF_EP_RESERVE ||
		   conn->endpoint == PINF_EP_COMPLETION ||
		   conn->endpoint == PINF_EP_SESSION_CREATE) {
		read_ids(&mark, body);
	}
	sim_timeline_add(w, mark);
}

void
sim_timeline_free(struct sim_timeline *timeline)
{
	free(timeline->marks);
	*timeline = (struct sim_timeline){.count = 0};
}
