/* SPDX-License-Identifier: Apache-2.0 */
/* router_node.c -- the router's process: its core and store, batches, crashes, restarts.  spec/simulation.md. */
#include <string.h>

#include "core/audit.h"
#include "store/sqlite_store.h"
#include "world.h"

#define PASSPHRASE "simulated"
#define RETRY_MS   1000 /* a router that does not come up is started again */
#define UNDONE_MS  1000 /* after a batch that failed, until it begins anew */

static struct pinf_router_config
config_of(const struct sim_world *w)
{
	struct pinf_router_config config = pinf_router_defaults();

	config.storage = sim_storage();
	config.admin = w->admin->wallet.address;
	config.open_sessions = true;
	config.reserve_ms = 10000;
	config.precommit_ms = SIM_PRECOMMIT_S * 1000;
	config.commit_ms = SIM_COMMIT_MS;
	config.retention_ms = 3600000;
	config.orphan_ms = 60000;
	config.seat_ms = 10000;
	config.acl.chain = sim_chain_config(w);
	return config;
}

struct pinf_keyring *
sim_router_keyring(const struct sim_world *w)
{
	struct pinf_keyring *keyring = NULL;

	if (pinf_keyring_decode(&keyring, pinf_span_of(&w->router.keyring_file),
		pinf_span_str(PASSPHRASE)) != PINF_OK)
		return NULL;
	return keyring;
}

static void
wake(struct sim_world *w, uint64_t at_ms)
{
	const uint64_t delay_ms = at_ms > w->now_ms ? at_ms - w->now_ms : 0;

	sim_after(w, delay_ms,
	    (struct sim_item){
		.what = SIM_TIMER, .life = w->router.life, .id = ++w->router.wake_id});
}

void
sim_router_start(struct sim_world *w)
{
	struct sim_router *r = &w->router;
	const struct pinf_sqlite_options options = {
	    .path = "pinf.db", .vfs = SIM_VFS_NAME, .cache_kib = 1024};
	const struct pinf_router_config config = config_of(w);
	struct pinf_keyring *keyring = NULL;
	enum pinf_err err;

	if (r->core != NULL)
		return;
	err = pinf_sqlite_open(&r->store, &options);
	if (err == PINF_OK) {
		keyring = sim_router_keyring(w);
		err = keyring == NULL ? PINF_E_KEYRING : PINF_OK;
	}
	if (err == PINF_OK)
		err = pinf_router_open(&r->core, &config, keyring, r->store,
		    sim_rng_port(&r->random), sim_router_now(w));
	if (err != PINF_OK) {
		pinf_keyring_free(keyring);
		pinf_sqlite_close(&r->store);
		sim_check(w, SIM_ACCEPTED_LOST, err != PINF_E_CORRUPT,
		    "the database does not open again: %s", pinf_err_name(err));
		sim_after(w, RETRY_MS, (struct sim_item){.what = SIM_START, .life = r->life});
		return;
	}
	sim_note(w, "the router is up");
	sim_timeline_add(w, (struct sim_mark){.kind = SIM_MARK_UP});
	sim_oracle_store(w);
	sim_chain_forgotten(w, w->now_ms);
	for (uint32_t n = 0; n < PINF_CHAIN_ENDPOINTS_MAX; n++)
		w->chain.nodes[n].heard_ms = 0;
	wake(w, w->now_ms);
}

/* What the process holds: its memory, and its end of the connections. */
static void
forget_all(struct sim_world *w)
{
	struct sim_router *r = &w->router;

	pinf_router_free(r->core);
	r->core = NULL;
	pinf_sqlite_close(&r->store);
	for (size_t i = 0; i < r->event_count; i++) {
		pinf_api_request_free(r->events[i].request);
		pinf_bytes_free(&r->bodies[i]);
	}
	r->event_count = 0;
	while (r->conn_count > 0)
		sim_conn_drop(w, &r->conns[0]);
	while (r->sealed_count > 0)
		pinf_bytes_free(&r->sealed[--r->sealed_count].bytes);
}

void
sim_router_free(struct sim_world *w)
{
	sim_vfs_stop(w->vfs); /* What SQLite writes at a graceful end is nobody's state any more. */
	forget_all(w);
	free(w->router.events);
	free(w->router.bodies);
	free(w->router.conns);
	free(w->router.sealed);
	pinf_bytes_free(&w->router.keyring_file);
}

/* Memory is gone, what was under way too; the disk keeps what it keeps. */
void
sim_router_crash(struct sim_world *w, uint64_t down_ms)
{
	struct sim_router *r = &w->router;

	if (r->core == NULL)
		return;
	sim_note(w, "the router dies, for %llu ms", (unsigned long long)down_ms);
	sim_timeline_add(w, (struct sim_mark){.kind = SIM_MARK_DOWN, .value = (uint32_t)down_ms});
	sim_vfs_stop(w->vfs);
	forget_all(w);
	sim_vfs_crash(w->vfs);
	r->life++;
	r->batch_due = false;
	r->busy_until_ms = r->paused_until_ms = 0;
	r->crash_after_commit_ms = 0;
	sim_after(w, down_ms, (struct sim_item){.what = SIM_START, .life = r->life});
}

void
sim_router_event(struct sim_world *w, const struct pinf_event *event, struct pinf_bytes *body)
{
	struct sim_router *r = &w->router;
	const uint64_t ready_ms = r->busy_until_ms > w->now_ms ? r->busy_until_ms - w->now_ms : 0;

	r->events = sim_grow(r->events, r->event_count + 1, &r->event_cap, sizeof *r->events);
	r->bodies = sim_grow(r->bodies, r->event_count + 1, &r->body_cap, sizeof *r->bodies);
	r->bodies[r->event_count] = (struct pinf_bytes){0};
	r->events[r->event_count] = *event;
	if (body != NULL) {
		r->bodies[r->event_count] = *body;
		*body = (struct pinf_bytes){0};
		r->events[r->event_count].body = pinf_span_of(&r->bodies[r->event_count]);
	}
	r->event_count++;
	if (!r->batch_due)
		sim_after(w, ready_ms, (struct sim_item){.what = SIM_BATCH, .life = r->life});
	r->batch_due = true;
}

static void
refuse(struct sim_world *w, struct sim_message *m, const struct pinf_api_error *error)
{
	pinf_bytes_free(&m->body);
	m->status = pinf_api_status(error->err);
	if (pinf_api_error_body(&m->body, error) != PINF_OK)
		(void)sim_need(NULL);
	sim_reply(w, m);
}

/* What the oracles want to know of a request when it comes in. */
static void
note_request(struct sim_world *w, const struct pinf_api_request *rq)
{
	const bool allow = rq->endpoint == PINF_EP_SESSION_ALLOW && rq->auth == PINF_AUTH_WALLET;
	const bool pool = rq->endpoint == PINF_EP_POOL_ALLOW;
	const uint32_t miner = allow || pool ? sim_member_of(w, &rq->miner) : UINT32_MAX;
	uint32_t index;
	struct sim_session *s = sim_session_of(w, rq->session, &index);

	if (allow && s != NULL && miner != UINT32_MAX)
		s->members[miner].allow_arrived_ms = w->now_ms;
	if (pool && miner != UINT32_MAX)
		w->pool[miner].allow_arrived_ms = w->now_ms;
}

void
sim_router_request(struct sim_world *w, struct sim_message *m)
{
	struct sim_router *r = &w->router;
	const struct pinf_api_config config = pinf_router_api_config(r->core);
	struct pinf_http_request http = {
	    .listener = m->listener,
	    .method = pinf_span_str(m->method),
	    .target = pinf_span_of(&m->path),
	    .authorization = pinf_span_of(&m->authorization),
	    .content_type = pinf_span_str(m->json ? "application/json" : ""),
	    .body = pinf_span_of(&m->body),
	    .content_length = m->body.len,
	};
	struct pinf_event event = {.kind = PINF_EV_REQUEST};
	struct pinf_api_error error = {.err = PINF_OK};
	struct pinf_api_route route;
	struct pinf_api_request *rq = NULL;

	error.err = pinf_api_route(&route, http.listener, http.method, http.target);
	if (error.err == PINF_OK && route.streamed)
		http.body = (struct pinf_span){NULL, 0};
	if (error.err == PINF_OK)
		error.err = pinf_api_decode(&rq, &config, &http, &error);
	if (error.err != PINF_OK) {
		refuse(w, m, &error);
		return;
	}
	note_request(w, rq);
	r->conns = sim_grow(r->conns, r->conn_count + 1, &r->conn_cap, sizeof *r->conns);
	r->conns[r->conn_count++] = (struct sim_conn){
	    .id = event.id = ++r->next_conn,
	    .message = m,
	    .endpoint = rq->endpoint,
	    .signer = rq->signer,
	    .session = rq->session,
	    .task = rq->task,
	    .attempt = rq->attempt,
	    .is_signed = rq->auth == PINF_AUTH_WALLET,
	    .result = rq->endpoint == PINF_EP_PRECOMMIT ? rq->result_sha256 : rq->payload.sha256,
	    .by_blob = rq->payload.urn[0] != '\0',
	    .arrived_ms = w->now_ms,
	};
	memcpy(r->conns[r->conn_count - 1].nonce, rq->nonce, PINF_NONCE_LEN);
	w->stats.signed_requests += rq->auth == PINF_AUTH_WALLET;
	w->stats.signed_results +=
	    rq->endpoint == PINF_EP_PRECOMMIT || rq->endpoint == PINF_EP_COMMIT;
	event.request = rq;
	sim_router_event(w, &event, NULL);
}

void
sim_router_hangup(struct sim_world *w, const struct sim_message *m)
{
	struct sim_router *r = &w->router;

	for (size_t i = 0; i < r->conn_count && r->core != NULL; i++) {
		const struct sim_message *of = r->conns[i].message;
		const struct pinf_event event = {.kind = PINF_EV_HANGUP, .id = r->conns[i].id};

		if (of->node == m->node && of->life == m->life && of->id == m->id) {
			sim_conn_drop(w, &r->conns[i]);
			sim_router_event(w, &event, NULL);
			return;
		}
	}
}

void
sim_router_batch(struct sim_world *w)
{
	struct sim_router *r = &w->router;
	struct pinf_effects *effects = sim_new(sizeof *effects);
	const size_t count = r->event_count < PINF_BATCH_MAX ? r->event_count : PINF_BATCH_MAX;
	const uint32_t down_ms = r->crash_after_commit_ms;
	enum pinf_err err;

	r->batch_due = false;
	for (size_t i = 0; i < count; i++) {
		r->events[i].now_ms = sim_router_now(w);
		r->events[i].mono_ms = w->now_ms;
		sim_trace_event(w, SIM_ROUTER_NODE, &r->events[i]);
	}
	err = pinf_router_step(r->core, r->events, count, effects);
	for (size_t i = 0; i < count; i++) {
		pinf_api_request_free(r->events[i].request);
		pinf_bytes_free(&r->bodies[i]);
	}
	r->event_count -= count;
	memmove(r->events, r->events + count, r->event_count * sizeof *r->events);
	memmove(r->bodies, r->bodies + count, r->event_count * sizeof *r->bodies);
	for (size_t i = 0; i < effects->count; i++)
		sim_trace_effect(w, SIM_ROUTER_NODE, &effects->list[i]);
	w->stats.faults[SIM_F_FAILED_COMMIT] += err != PINF_OK;
	w->stats.commits += err == PINF_OK;
	if (err != PINF_OK)
		sim_note(w, "the router undoes a batch of %zu: %s", count, pinf_err_name(err));
	if (err != PINF_OK)
		sim_timeline_add(w,
		    (struct sim_mark){
			.kind = SIM_MARK_UNDONE, .err = (uint16_t)err, .value = (uint32_t)count});
	if (err != PINF_OK)
		sim_chain_forgotten(w, w->now_ms + UNDONE_MS);
	if (err == PINF_E_CORRUPT || down_ms != 0) {
		pinf_effects_free(effects);
		free(effects);
		w->stats.faults[SIM_F_COMMIT_CRASH] += down_ms != 0;
		sim_router_crash(w, down_ms != 0 ? down_ms : RETRY_MS);
		return;
	}
	r->busy_until_ms = w->now_ms + 1 + sim_rng_below(&r->rng, 3);
	sim_after(w, r->busy_until_ms - w->now_ms,
	    (struct sim_item){
		.what = SIM_RELEASE, .life = r->life, .id = w->now_ms, .data = effects});
	if (r->event_count > 0) {
		r->batch_due = true;
		sim_after(w, r->busy_until_ms - w->now_ms,
		    (struct sim_item){.what = SIM_BATCH, .life = r->life});
	}
}

void
sim_router_release(struct sim_world *w, uint64_t decided_ms, struct pinf_effects *effects)
{
	w->router.decided_ms = decided_ms;
	for (size_t i = 0; i < effects->count; i++) {
		if (effects->list[i].kind == PINF_FX_WAKE)
			wake(w, effects->list[i].at_ms);
		else
			sim_router_work(w, &effects->list[i]);
	}
	pinf_effects_free(effects);
	free(effects);
}
