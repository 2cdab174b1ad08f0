/* SPDX-License-Identifier: Apache-2.0 */
/* router_view.c -- what the router tells about itself and its tasks: ids, states and counts only. */
#include <stdio.h>
#include <stdlib.h>

#include "core/router_internal.h"

#define MINER_SEEN_MS 600000
#define TASK_PAGE     16 /* a task record is 10 KB */

static void
put_task(struct pinf_json_writer *w, const struct pinf_task *t)
{
	pinf_json_put_uint(w, "attempt", t->attempt);
	pinf_json_put_uint(w, "created_ms", t->created_ms);
	pinf_json_put_uint(w, "deadline_ms", t->deadline_ms);
	if (t->state == PINF_TASK_FAILED)
		pinf_json_put_str(w, "failure", pinf_err_name(t->failure));
	pinf_json_put_uint(w, "key_version", t->key_version);
	if (t->attempt != 0)
		pinf_json_put_address(w, "miner", &t->miner);
	pinf_json_put_str(w, "route", pinf_route_name(t->route));
	pinf_json_put_uint(w, "session_id", t->session);
	pinf_json_put_str(w, "state", pinf_task_state_name(t->state));
	pinf_json_put_uint(w, "task_id", t->id);
}

enum pinf_err
route_tasks(struct call *c)
{
	struct pinf_router *r = c->r;
	struct pinf_task *page;
	size_t count = 0;
	struct pinf_json_writer w;
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err == PINF_OK)
		err = router_permit(
		    c, PINF_ACT_READ, router_actor(c, PINF_ACTOR_WALLET_OTHER), PINF_ROUTE_PLAIN);
	if (err != PINF_OK)
		return err;
	page = calloc(TASK_PAGE, sizeof *page);
	if (page == NULL)
		return PINF_E_NO_MEMORY;
	err = r->store.ops->task_list(r->store.ctx, c->session.id, c->rq->after, page,
	    c->rq->limit != 0 && c->rq->limit < TASK_PAGE ? c->rq->limit : TASK_PAGE, &count);
	if (err == PINF_OK)
		err = reply_begin(r, c->request, 200, &w);
	if (err == PINF_OK) {
		pinf_json_open(&w, "tasks", '[');
		for (size_t i = 0; i < count; i++) {
			pinf_json_open(&w, NULL, '{');
			put_task(&w, &page[i]);
			pinf_json_close(&w, '}');
		}
		pinf_json_close(&w, ']');
		err = reply_end(&w);
	}
	free(page);
	return err;
}

/* With all that is needed to check who answered it: payloads, hashes, the miner's signature. */
enum pinf_err
route_task(struct call *c)
{
	struct pinf_json_writer w;
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err == PINF_OK) /* Whoever may not read learns not even which tasks there are. */
		err = router_permit(
		    c, PINF_ACT_READ, router_actor(c, PINF_ACTOR_WALLET_OTHER), PINF_ROUTE_PLAIN);
	if (err == PINF_OK)
		err = router_load_task(c);
	if (err == PINF_OK)
		err = reply_begin(c->r, c->request, 200, &w);
	if (err != PINF_OK)
		return err;
	pinf_json_put_uint(&w, "epoch", c->task.epoch);
	if (c->task.input.size != 0)
		pinf_payload_write(&w, "input", &c->task.input);
	if (c->task.result.size != 0) {
		pinf_payload_write(&w, "result", &c->task.result);
		pinf_json_put_hex(
		    &w, "result_signature", true, c->task.result_signature.bytes, PINF_SIG_LEN);
	}
	put_task(&w, &c->task);
	return reply_end(&w);
}

enum pinf_err
route_miners(struct call *c)
{
	struct pinf_router *r = c->r;
	struct pinf_json_writer w;
	enum pinf_err err = reply_begin(r, c->request, 200, &w);

	if (err != PINF_OK)
		return err;
	pinf_json_open(&w, "miners", '[');
	for (size_t i = 0; i < ROUTER_MINERS_SEEN; i++) {
		if (r->seen[i].at_ms == 0 || r->seen[i].at_ms + MINER_SEEN_MS < r->now_ms)
			continue;
		pinf_json_open(&w, NULL, '{');
		pinf_json_put_address(&w, "address", &r->seen[i].address);
		pinf_json_put_uint(&w, "seen_ms", r->seen[i].at_ms);
		pinf_json_close(&w, '}');
	}
	pinf_json_close(&w, ']');
	return reply_end(&w);
}

enum pinf_err
route_info(struct call *c)
{
	struct pinf_router *r = c->r;
	struct pinf_json_writer w;
	enum pinf_err err = reply_begin(r, c->request, 200, &w);

	if (err != PINF_OK)
		return err;
	pinf_json_put_uint(&w, "chain_id", r->api.domain.chain_id);
	pinf_json_put_address(&w, "contract", &r->api.domain.contract);
	pinf_json_put_uint(&w, "key_version", pinf_keyring_active(r->keyring));
	pinf_json_put_str(&w, "name", "pinf");
	pinf_json_put_address(&w, "router", &r->api.router);
	pinf_json_open(&w, "storage", '{');
	pinf_json_put_str(&w, "bucket", r->config.storage.bucket);
	pinf_json_put_str(&w, "provider", r->config.storage.provider);
	pinf_json_put_str(&w, "type", r->config.storage.type);
	pinf_json_close(&w, '}');
	pinf_json_put_uint(&w, "time_ms", r->now_ms);
	pinf_json_put_str(&w, "version", PINF_VERSION);
	return reply_end(&w);
}

enum pinf_err
route_status(struct call *c)
{
	struct pinf_task_counts counts;
	struct pinf_json_writer w;
	enum pinf_err err = c->r->store.ops->task_counts(c->r->store.ctx, &counts);

	if (err == PINF_OK)
		err = reply_begin(c->r, c->request, 200, &w);
	if (err != PINF_OK)
		return err;
	pinf_json_put_uint(&w, "callers_waiting", c->r->callers.count);
	pinf_json_put_uint(&w, "miners_waiting", c->r->miners.count);
	pinf_json_open(&w, "tasks", '{');
	for (int s = PINF_TASK_RESERVED; s < PINF_TASK_STATES; s++)
		pinf_json_put_uint(&w, pinf_task_state_name((enum pinf_task_state)s), counts.of[s]);
	pinf_json_close(&w, '}');
	return reply_end(&w);
}

enum pinf_err
route_health(struct call *c)
{
	struct pinf_json_writer w;
	enum pinf_err err = reply_begin(c->r, c->request, 200, &w);

	if (err != PINF_OK)
		return err;
	pinf_json_put_str(&w, "status", "ok");
	return reply_end(&w);
}

/* One line of Prometheus text; label may be NULL. */
static enum pinf_err
metric(
    struct pinf_bytes *out, const char *name, const char *label, const char *value, uint64_t number)
{
	char line[192];
	const int len = label == NULL ? snprintf(line, sizeof line, "pinf_%s %llu\n", name,
					    (unsigned long long)number)
				      : snprintf(line, sizeof line, "pinf_%s{%s=\"%s\"} %llu\n",
					    name, label, value, (unsigned long long)number);

	return pinf_bytes_append(out, line, (size_t)len);
}

static enum pinf_err
metrics_by_label(
    struct pinf_router *r, const struct pinf_task_counts *counts, struct pinf_bytes *out)
{
	enum pinf_err err = PINF_OK;

	for (int s = PINF_TASK_RESERVED; s < PINF_TASK_STATES && err == PINF_OK; s++)
		err = metric(out, "tasks", "state", pinf_task_state_name((enum pinf_task_state)s),
		    counts->of[s]);
	for (int i = 1; i < PINF_RULE_COUNT && err == PINF_OK; i++)
		err = metric(out, "denied_total", "rule", pinf_rule_name((enum pinf_rule)i),
		    r->counters.denied[i]);
	for (int i = 1; i < PINF_ERR_COUNT && err == PINF_OK; i++)
		if (r->counters.errors[i] != 0)
			err = metric(out, "errors_total", "code", pinf_err_name((enum pinf_err)i),
			    r->counters.errors[i]);
	return err;
}

/* Of a node that never answered there is no block and no age. */
static enum pinf_err
metrics_by_node(const struct pinf_router *r, struct pinf_bytes *out)
{
	enum pinf_err err = PINF_OK;

	for (unsigned n = 0; n < r->config.acl.chain.endpoints && err == PINF_OK; n++) {
		const struct chain_status status = chain_status(r, n);
		char node[12];

		(void)snprintf(node, sizeof node, "%u", n);
		err = metric(out, "chain_node_up", "node", node, status.counts);
		if (err == PINF_OK && status.answered)
			err = metric(out, "chain_newest_block", "node", node, status.newest);
		if (err == PINF_OK && status.answered)
			err = metric(out, "chain_age_ms", "node", node, status.age_ms);
	}
	return err;
}

enum pinf_err
route_metrics(struct call *c)
{
	struct pinf_router *r = c->r;
	const struct {
		const char *name;
		uint64_t value;
	} plain[] = {
	    {"requests_total", r->counters.requests},
	    {"unauthenticated_total", r->counters.unauthenticated},
	    {"grants_total", r->counters.grants},
	    {"results_accepted_total", r->counters.results_accepted},
	    {"attempts_expired_total", r->counters.attempts_expired},
	    {"commit_failures_total", r->counters.commit_failures},
	    {"callers_waiting", r->callers.count},
	    {"miners_waiting", r->miners.count},
	    {"operations_in_flight", r->op_count},
	    {"acl_entries", pinf_acl_count(r->acl)},
	    {"acl_emergency", r->config.acl.emergency},
	    {"audit_seq", r->audit_last.seq},
	    {"key_version", pinf_keyring_active(r->keyring)},
	};
	struct pinf_task_counts counts;
	struct pinf_effect *fx;
	enum pinf_err err = r->store.ops->task_counts(r->store.ctx, &counts);

	if (err != PINF_OK)
		return err;
	fx = pinf_effects_add(r->fx, PINF_FX_RESPOND, c->request);
	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	fx->status = 200;
	for (size_t i = 0; i < sizeof plain / sizeof plain[0] && err == PINF_OK; i++)
		err = metric(&fx->body, plain[i].name, NULL, NULL, plain[i].value);
	if (err == PINF_OK)
		err = metrics_by_node(r, &fx->body);
	return err == PINF_OK ? metrics_by_label(r, &counts, &fx->body) : err;
}
