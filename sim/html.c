/* SPDX-License-Identifier: Apache-2.0 */
/* html.c -- a run's data, as one JSON object in the page that draws it.  spec/simulation.md#report. */
#include "html.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "page.h"
#include "runs.h"

#define HTML_VERSION 1
#define PAGE         16 /* tasks that are read at once */
#define RECORDS_MAX  20000 /* of the audit log; the oldest */

/* A row of numbers; zeros at its end are left out. */
static void
put_row(struct pinf_json_writer *json, const uint64_t *cells, size_t count)
{
	while (count > 0 && cells[count - 1] == 0)
		count--;
	pinf_json_open(json, NULL, '[');
	for (size_t i = 0; i < count; i++)
		pinf_json_put_uint(json, NULL, cells[i]);
	pinf_json_close(json, ']');
}

static uint64_t
ms_since_start(uint64_t wall_ms)
{
	return wall_ms > SIM_EPOCH_MS ? wall_ms - SIM_EPOCH_MS : 0;
}

static void
put_plan(struct pinf_json_writer *json, const struct sim_plan *plan)
{
	pinf_json_open(json, "plan", '{');
	pinf_json_put_uint(json, "minutes", plan->minutes);
	pinf_json_put_uint(json, "sessions", plan->sessions);
	pinf_json_put_uint(json, "miners", plan->miners);
	pinf_json_put_uint(json, "unlisted", plan->unlisted);
	pinf_json_put_uint(json, "steps", plan->step_count);
	pinf_json_put_uint(json, "chain_nodes", plan->chain.nodes);
	pinf_json_put_uint(json, "quorum", plan->chain.quorum);
	pinf_json_close(json, '}');
}

static void
put_run(struct pinf_json_writer *json, const struct sim_world *w, const struct sim_html_run *run)
{
	char hash[2 * PINF_HASH_LEN + 1];

	pinf_hex(hash, w->state_hash.bytes, sizeof w->state_hash.bytes);
	pinf_json_put_uint(json, "version", HTML_VERSION);
	pinf_json_put_uint(json, "seed", w->plan->seed);
	pinf_json_put_str(json, "verdict", sim_verdict_name(run->verdict));
	pinf_json_put_str(json, "state_hash", hash);
	pinf_json_put_str(json, "commit", PINF_COMMIT);
	pinf_json_put_str(json, "again", run->again);
	if (run->bug != NULL)
		pinf_json_put_str(json, "bug", run->bug);
	pinf_json_put_uint(json, "now_ms", ms_since_start(w->now_ms));
	pinf_json_put_uint(json, "end_ms", ms_since_start(w->end_ms));
	pinf_json_put_uint(json, "ack_ms", pinf_router_defaults().ack_ms);
	pinf_json_put_uint(json, "precommit_ms", (uint64_t)SIM_PRECOMMIT_S * 1000);
	pinf_json_put_uint(json, "commit_ms", SIM_COMMIT_MS);
	pinf_json_put_uint(json, "ids_a_try", SIM_SESSIONS_MAX);
	put_plan(json, w->plan);
	if (!w->oracles.failed)
		return;
	pinf_json_open(json, "failure", '{');
	pinf_json_put_str(json, "oracle", sim_oracle_name(w->oracles.broken));
	pinf_json_put_str(json, "detail", w->oracles.detail);
	pinf_json_put_uint(json, "at_ms", w->oracles.broken_at_ms);
	pinf_json_close(json, '}');
}

static const char *
endpoint_name(enum pinf_endpoint endpoint)
{
	static const char *const names[PINF_ENDPOINTS] = {
	    [PINF_EP_COMPLETION] = "completion",
	    [PINF_EP_RESERVE] = "reservation",
	    [PINF_EP_BLOB_PUT] = "blob upload",
	    [PINF_EP_BLOB_GET] = "blob download",
	    [PINF_EP_KEY_SESSION] = "session key",
	    [PINF_EP_KEY_TASK] = "task key",
	    [PINF_EP_CLAIM] = "claim",
	    [PINF_EP_ACK] = "acknowledgement",
	    [PINF_EP_PRECOMMIT] = "precommit",
	    [PINF_EP_COMMIT] = "commit",
	    [PINF_EP_RELEASE] = "release",
	    [PINF_EP_LEAVE] = "leave",
	    [PINF_EP_SESSION_CREATE] = "session",
	    [PINF_EP_SESSION_ALLOW] = "allow",
	    [PINF_EP_SESSION_DENY] = "deny",
	    [PINF_EP_POOL_ALLOW] = "pool-allow",
	    [PINF_EP_POOL_DENY] = "pool-deny",
	    [PINF_EP_KEY_ROTATE] = "rotate",
	    [PINF_EP_KEY_DESTROY] = "destroy",
	};

	return names[endpoint] == NULL ? "request" : names[endpoint];
}

/* What the numbers in the rows mean. */
static void
put_names(struct pinf_json_writer *json)
{
	pinf_json_open(json, "names", '{');
	pinf_json_open(json, "op", '[');
	for (int i = 0; i < SIM_OPS; i++)
		pinf_json_put_str(json, NULL, sim_op_name((enum sim_op)i));
	pinf_json_close(json, ']');
	pinf_json_open(json, "trick", '[');
	for (uint32_t i = 0; i < SIM_TRICKS; i++)
		pinf_json_put_str(json, NULL, sim_trick_name(i));
	pinf_json_close(json, ']');
	pinf_json_open(json, "endpoint", '[');
	for (int i = 0; i < PINF_ENDPOINTS; i++)
		pinf_json_put_str(json, NULL, endpoint_name((enum pinf_endpoint)i));
	pinf_json_close(json, ']');
	pinf_json_open(json, "err", '[');
	for (int i = 0; i < PINF_ERR_COUNT; i++)
		pinf_json_put_str(json, NULL, pinf_err_name((enum pinf_err)i));
	pinf_json_close(json, ']');
	pinf_json_open(json, "rule", '[');
	for (int i = 0; i < PINF_RULE_COUNT; i++)
		pinf_json_put_str(json, NULL, pinf_rule_name((enum pinf_rule)i));
	pinf_json_close(json, ']');
	pinf_json_open(json, "state", '[');
	for (int i = 0; i < PINF_TASK_STATES; i++)
		pinf_json_put_str(json, NULL, pinf_task_state_name((enum pinf_task_state)i));
	pinf_json_close(json, ']');
	pinf_json_open(json, "type", '[');
	for (int i = 0; i <= PINF_SESSION_POOLED; i++)
		pinf_json_put_str(json, NULL, pinf_session_type_name((enum pinf_session_type)i));
	pinf_json_close(json, ']');
	pinf_json_open(json, "role", '[');
	for (int i = 0; i <= SIM_INSIDER; i++)
		pinf_json_put_str(json, NULL, sim_role_name((enum sim_role)i));
	pinf_json_close(json, ']');
	pinf_json_close(json, '}');
}

/* Role, index, and from 1 the miner or attacker whose wallet it has. */
static void
put_clients(struct pinf_json_writer *json, const struct sim_world *w)
{
	pinf_json_open(json, "clients", '[');
	for (size_t i = 0; i < w->client_count; i++) {
		const struct sim_client *c = w->clients[i];
		const uint32_t wallet = sim_member_of(w, &c->wallet.address);

		put_row(json, (const uint64_t[]){c->role, c->index, (uint64_t)(wallet + 1)}, 3);
	}
	pinf_json_close(json, ']');
}

/* In the plan's order: id, type, seats, governed by a contract, private by now, to be private, router-sealed. */
static void
put_sessions(struct pinf_json_writer *json, const struct sim_world *w)
{
	const struct sim_step **made = sim_new(w->plan->sessions * sizeof(const struct sim_step *));

	for (size_t i = 0; i < w->plan->step_count; i++)
		if (w->plan->steps[i].op == SIM_SESSION)
			made[w->plan->steps[i].session] = &w->plan->steps[i];
	pinf_json_open(json, "sessions", '[');
	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		const struct sim_session *s = &w->sessions[i];
		const struct sim_step none = {.session = i};
		const struct sim_step *step = made[i] == NULL ? &none : made[i];

		put_row(json,
		    (const uint64_t[]){s->id, step->type, step->seats, s->governed != NULL,
			s->known_private, step->make_private, step->router_sealed},
		    7);
	}
	pinf_json_close(json, ']');
	free(made);
}

/* The caller whose reference it is: its node; 0: none. */
static uint32_t
caller_of(const struct pinf_task *task)
{
	uint32_t index;

	return sscanf(task->reference, "task-%u", &index) == 1 ? index + 1 : 0;
}

static void
put_tasks_of(struct pinf_json_writer *json, const struct sim_world *w, uint64_t session,
    struct pinf_task *page)
{
	const struct pinf_store *store = &w->router.store;
	uint64_t after = 0;
	size_t count = PAGE;

	while (count == PAGE) {
		if (store->ops->task_list(store->ctx, session, after, page, PAGE, &count) !=
		    PINF_OK)
			return;
		for (size_t i = 0; i < count; i++) {
			const struct pinf_task *t = &page[i];

			put_row(json,
			    (const uint64_t[]){t->session, t->id, t->state, t->attempt,
				t->api_version, t->key_version, ms_since_start(t->created_ms),
				caller_of(t), t->failure},
			    9);
			after = t->id;
		}
	}
}

/* As the router has them at the end, if it is up: its disk may fail, then some are missing. */
static void
put_tasks(struct pinf_json_writer *json, const struct sim_world *w)
{
	struct pinf_task *page = sim_new(PAGE * sizeof *page);

	pinf_json_open(json, "tasks", '[');
	for (uint32_t i = 0; i < w->plan->sessions && w->router.core != NULL; i++)
		if (w->sessions[i].id != 0)
			put_tasks_of(json, w, w->sessions[i].id, page);
	pinf_json_close(json, ']');
	free(page);
}

/* Lists, seats and key versions, as the audit log has them: 0 out, 1 in, 2 key; time; who; session; version. */
static void
put_records(struct pinf_json_writer *json, const struct sim_world *w)
{
	const struct pinf_store *store = &w->router.store;
	struct pinf_audit *page = sim_new(PINF_PAGE_MAX * sizeof *page);
	uint64_t after = 0, written = 0;
	size_t count = w->router.core == NULL ? 0 : PINF_PAGE_MAX;

	pinf_json_open(json, "records", '[');
	while (count == PINF_PAGE_MAX) {
		if (store->ops->audit_list(store->ctx, after, page, PINF_PAGE_MAX, &count) !=
		    PINF_OK)
			break;
		for (size_t i = 0; i < count && written < RECORDS_MAX; i++) {
			const struct pinf_audit *a = &page[i];
			const bool key = a->kind == PINF_AUDIT_KEY;

			if (!key && a->kind != PINF_AUDIT_ALLOW && a->kind != PINF_AUDIT_DENY)
				continue;
			put_row(json,
			    (const uint64_t[]){key ? 2 : a->kind == PINF_AUDIT_ALLOW,
				ms_since_start(a->time_ms),
				(uint64_t)(sim_member_of(w, &a->actor) + 1), a->session,
				a->key_version},
			    5);
			written++;
		}
		after += count;
	}
	pinf_json_close(json, ']');
	free(page);
}

static void
put_marks(struct pinf_json_writer *json, const struct sim_timeline *t)
{
	const size_t kept = t->count < SIM_MARKS_MAX ? t->count : SIM_MARKS_MAX;
	const size_t dropped = t->count - kept;

	pinf_json_put_uint(json, "dropped", dropped);
	/* Its number in the rows, from 1. */
	pinf_json_put_uint(json, "broken", t->broken > dropped ? t->broken - dropped : 0);
	pinf_json_open(json, "marks", '[');
	for (size_t i = 0; i < kept; i++) {
		const struct sim_mark *m = &t->marks[(dropped + i) % SIM_MARKS_MAX];

		put_row(json,
		    (const uint64_t[]){m->kind, m->at_ms, m->what, m->node, m->session, m->task,
			m->status, m->attempt, m->value, m->err, m->rule},
		    11);
	}
	pinf_json_close(json, ']');
}

static enum pinf_err
encode(struct pinf_bytes *out, const struct sim_world *w, const struct sim_html_run *run)
{
	struct pinf_json_writer json = pinf_json_write_to(out);

	pinf_json_open(&json, NULL, '{');
	put_run(&json, w, run);
	put_names(&json);
	put_clients(&json, w);
	put_sessions(&json, w);
	put_tasks(&json, w);
	put_records(&json, w);
	put_marks(&json, w->watch.timeline);
	pinf_json_open(&json, "totals", '{');
	sim_report_groups(&json, run->total);
	pinf_json_close(&json, '}');
	pinf_json_close(&json, '}');
	return pinf_json_written(&json);
}

bool
sim_html_write(const char *path, const struct sim_world *w, const struct sim_html_run *run)
{
	struct pinf_bytes json = {0};
	bool good;

	sim_need_ok(encode(&json, w, run));
	good = page_write(path, sim_html_template, pinf_span_of(&json), "pinf-sim");
	pinf_bytes_free(&json);
	return good;
}
