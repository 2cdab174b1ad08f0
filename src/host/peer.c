/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c -- drives the core of a miner or a caller.  The core stays on the caller's thread. */
#include "host/peer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/document.h>

#include "core/send.h"
#include "crypto/crypto.h"
#include "host/client.h"
#include "host/log.h"
#include "host/system.h"
#include "host/work.h"

#define REPLY_MAX  ((size_t)1 << 20) /* of a SEND's answer: metadata only */
#define BLOB_MAX   (PINF_DOCUMENT_MAX + PINF_DOCUMENT_MAX / 4) /* of a FETCH: a padded document */
#define SEALED_MAX PINF_MINER_SLOTS_MAX /* blobs that wait for their upload to succeed */
#define JOBS_MAX   4096
#define BATCH_MAX  64
#define LOOK_MS    200 /* how often the stop flag is looked at */

struct sealed {
	uint64_t id; /* of the SEAL; 0: free */
	struct pinf_bytes bytes;
};

struct peer {
	const struct pinf_peer_config *config;
	void *core;
	enum pinf_err (*step)(
	    void *core, const struct pinf_event *event, struct pinf_effects *effects);
	struct pinf_queue events;
	struct pinf_pool pool;
	struct sealed sealed[SEALED_MAX]; /* the core's thread's; workers read bytes lent to them */
	uint64_t wake_ms; /* monotonic; UINT64_MAX: no timer */
	atomic_bool abort; /* ends calls and programs in progress */
};

/* What one worker thread has of its own. */
struct tools {
	struct pinf_client *client;
	struct pinf_engine *engine;
	struct pinf_blob *blob;
};

static void
tools_free(void *ctx, void *state)
{
	struct tools *tools = state;

	(void)ctx;
	if (tools == NULL)
		return;
	pinf_client_free(tools->client);
	pinf_engine_free(tools->engine);
	pinf_blob_free(tools->blob);
	free(tools);
}

/* Inputs were checked when the peer opened: only memory can be short here, and each job tells so. */
static void *
tools_make(void *ctx)
{
	struct peer *peer = ctx;
	struct tools *tools = calloc(1, sizeof *tools);

	if (tools == NULL)
		return NULL;
	if (pinf_client_new(&tools->client, peer->config->url, &peer->abort) != PINF_OK ||
	    pinf_blob_new(&tools->blob) != PINF_OK ||
	    (peer->config->engine != NULL && pinf_engine_new(&tools->engine, peer->config->engine,
						 &peer->abort, NULL) != PINF_OK)) {
		tools_free(NULL, tools);
		return NULL;
	}
	return tools;
}

/* A call that a stop cut short is nobody's trouble. */
static enum pinf_err
call(const struct peer *peer, struct tools *tools, const struct pinf_call *call, unsigned *status,
    struct pinf_bytes *answer)
{
	const enum pinf_err err = pinf_client_call(tools->client, call, status, answer);

	if (err != PINF_OK && peer->config->unanswered != NULL && !atomic_load(&peer->abort))
		peer->config->unanswered(peer->config->ctx, pinf_client_trouble(tools->client));
	return err;
}

static enum pinf_err
do_send(const struct peer *peer, struct tools *tools, struct pinf_job *job)
{
	const struct pinf_effect *fx = &job->effect;
	const bool sealed = fx->seal_id != 0;
	const struct pinf_call request = {.method = fx->method,
	    .path = (const char *)fx->path.data,
	    .authorization = fx->authorization,
	    .content_type = sealed         ? "application/octet-stream"
			    : fx->body.len ? "application/json"
					   : NULL,
	    .body = sealed ? job->lent : pinf_span_of(&fx->body),
	    .timeout_ms = fx->timeout_ms,
	    .answer_max = REPLY_MAX};

	return call(peer, tools, &request, &job->event.status, &job->body);
}

/* GET, then check size, hash and header, then open: into job->body. */
static enum pinf_err
do_fetch(const struct peer *peer, struct tools *tools, struct pinf_job *job)
{
	const struct pinf_effect *fx = &job->effect;
	struct pinf_bytes blob = {0};
	struct pinf_api_error refused;
	struct pinf_hash sha256;

	if (fx->payload.size > BLOB_MAX)
		return PINF_E_TOO_LARGE;
	const struct pinf_call request = {.method = fx->method,
	    .path = (const char *)fx->path.data,
	    .authorization = fx->authorization,
	    .timeout_ms = fx->timeout_ms,
	    .answer_len = fx->payload.size,
	    .answer_max = (size_t)fx->payload.size + REPLY_MAX};
	enum pinf_err err = call(peer, tools, &request, &job->event.status, &blob);
	const struct pinf_event reply = {.status = job->event.status, .body = pinf_span_of(&blob)};
	if (err == PINF_OK && pinf_reply_refused(&refused, &reply))
		err = refused.err;
	if (err == PINF_OK && blob.len != fx->payload.size)
		err = PINF_E_SIZE_MISMATCH;
	if (err == PINF_OK) {
		pinf_sha256(&sha256, pinf_span_of(&blob));
		if (!pinf_hash_equal(&sha256, &fx->payload.sha256))
			err = PINF_E_HASH_MISMATCH;
	}
	if (err == PINF_OK && fx->payload.suite == PINF_SUITE_NONE) {
		job->body = blob;
		return PINF_OK;
	}
	if (err == PINF_OK)
		err = pinf_payload_check_header(&fx->payload, pinf_span_of(&blob));
	if (err == PINF_OK)
		err = pinf_blob_open(
		    tools->blob, &fx->payload.scope, &fx->key, pinf_span_of(&blob), &job->body);
	pinf_bytes_free(&blob);
	return err;
}

static void
run_job(void *ctx, void *state, struct pinf_job *job)
{
	struct peer *peer = ctx;
	struct tools *tools = state;
	enum pinf_event_kind kind = PINF_EV_REPLY;
	enum pinf_err err = PINF_E_NO_MEMORY;

	switch (job->effect.kind) {
	case PINF_FX_SEND:
		if (tools != NULL)
			err = do_send(peer, tools, job);
		break;
	case PINF_FX_FETCH:
		kind = PINF_EV_OPENED;
		if (tools != NULL)
			err = do_fetch(peer, tools, job);
		break;
	case PINF_FX_SEAL:
		kind = PINF_EV_SEALED;
		if (tools != NULL)
			err = pinf_job_seal(tools->blob, job);
		break;
	case PINF_FX_INFER:
		kind = PINF_EV_INFERRED;
		assert(tools == NULL || tools->engine != NULL);
		if (tools != NULL)
			err = pinf_engine_run(tools->engine, pinf_span_of(&job->effect.document),
			    job->effect.timeout_ms, &job->body);
		break;
	default: assert(false); /* Not a worker's effect. */
	}
	pinf_job_answer(job, kind, err);
	pinf_queue_push(&peer->events, job);
}

static struct sealed *
sealed_of(struct peer *peer, uint64_t id)
{
	for (size_t i = 0; i < SEALED_MAX; i++)
		if (peer->sealed[i].id == id)
			return &peer->sealed[i];
	return NULL;
}

/* Keeps what was sealed until DROP; the event tells of it without its bytes. */
static void
keep_sealed(struct peer *peer, struct pinf_job *job)
{
	struct sealed *free_one = sealed_of(peer, 0);

	job->event.body = (struct pinf_span){NULL, 0};
	if (job->event.err != PINF_OK)
		return;
	if (free_one == NULL) {
		job->event.err = PINF_E_BUSY;
		return;
	}
	*free_one = (struct sealed){job->event.id, job->body};
	job->body = (struct pinf_bytes){0};
}

static void
drop_sealed(struct peer *peer, uint64_t id)
{
	struct sealed *sealed = sealed_of(peer, id);

	if (id == 0 || sealed == NULL)
		return;
	pinf_bytes_free(&sealed->bytes);
	sealed->id = 0;
}

static enum pinf_err
send_job(struct peer *peer, struct pinf_effect *effect)
{
	struct pinf_job *job = pinf_job_new();

	if (job == NULL)
		return PINF_E_NO_MEMORY;
	job->effect = *effect;
	memset(effect, 0, sizeof *effect); /* moved */
	if (job->effect.seal_id != 0) {
		const struct sealed *sealed = sealed_of(peer, job->effect.seal_id);
		if (sealed != NULL)
			job->lent = pinf_span_of(&sealed->bytes);
	}
	pinf_queue_push_wait(&peer->pool.queue, job, JOBS_MAX);
	return PINF_OK;
}

static enum pinf_err
dispatch(struct peer *peer, struct pinf_effects *effects)
{
	enum pinf_err err = PINF_OK;

	for (size_t i = 0; i < effects->count && err == PINF_OK; i++) {
		struct pinf_effect *fx = &effects->list[i];
		switch (fx->kind) {
		case PINF_FX_WAKE: peer->wake_ms = fx->at_ms; break;
		case PINF_FX_DROP: drop_sealed(peer, fx->id); break;
		case PINF_FX_LOG:
			pinf_log(PINF_LOG_INFO, fx->method,
			    PINF_FIELDS({"session", NULL, fx->meta.session},
				{"task", NULL, fx->meta.task},
				{fx->err == PINF_OK ? NULL : "error", pinf_err_name(fx->err), 0}));
			break;
		default: err = send_job(peer, fx); break;
		}
	}
	pinf_effects_cut(effects, 0);
	return err;
}

static enum pinf_err
step(struct peer *peer, struct pinf_event *event, struct pinf_effects *effects)
{
	event->now_ms = pinf_now_ms();
	event->mono_ms = pinf_monotonic_ms();
	const enum pinf_err err = peer->step(peer->core, event, effects);
	if (err != PINF_OK)
		pinf_effects_cut(effects, 0);
	return err == PINF_OK ? dispatch(peer, effects) : err;
}

/* Waits a little, then hands over what came, or the timer that is due. */
static enum pinf_err
turn(struct peer *peer, struct pinf_effects *effects)
{
	struct pinf_job *jobs[BATCH_MAX];
	uint64_t wait_ms = LOOK_MS;
	enum pinf_err err = PINF_OK;
	const uint64_t now_ms = pinf_monotonic_ms();

	if (peer->wake_ms <= now_ms)
		wait_ms = 0;
	else if (peer->wake_ms - now_ms < wait_ms)
		wait_ms = peer->wake_ms - now_ms;
	const size_t count = pinf_queue_take(&peer->events, jobs, BATCH_MAX, now_ms + wait_ms);
	for (size_t i = 0; i < count; i++) {
		if (jobs[i]->event.kind == PINF_EV_SEALED)
			keep_sealed(peer, jobs[i]);
		if (err == PINF_OK)
			err = step(peer, &jobs[i]->event, effects);
		pinf_job_free(jobs[i]);
	}
	if (err == PINF_OK && peer->wake_ms <= pinf_monotonic_ms()) {
		struct pinf_event timer = {.kind = PINF_EV_TIMER};
		peer->wake_ms = UINT64_MAX;
		err = step(peer, &timer, effects);
	}
	return err;
}

static enum pinf_err
open_peer(struct peer *peer, struct pinf_bytes *message)
{
	struct pinf_engine *engine = NULL;
	enum pinf_err err = pinf_url_check(peer->config->url, message);

	if (err == PINF_OK && peer->config->engine != NULL) {
		err = pinf_engine_new(&engine, peer->config->engine, NULL, message);
		if (err == PINF_OK)
			pinf_engine_free(engine);
	}
	if (err != PINF_OK || (err = pinf_queue_init(&peer->events)) != PINF_OK)
		return err;
	peer->pool.ctx = peer;
	peer->pool.thread_begin = tools_make;
	peer->pool.thread_end = tools_free;
	peer->pool.run = run_job;
	err = pinf_pool_start(&peer->pool, peer->config->threads);
	if (err != PINF_OK)
		pinf_queue_destroy(&peer->events);
	return err;
}

static void
close_peer(struct peer *peer)
{
	atomic_store(&peer->abort, true);
	pinf_pool_stop(&peer->pool);
	pinf_queue_destroy(&peer->events);
	for (size_t i = 0; i < SEALED_MAX; i++)
		pinf_bytes_free(&peer->sealed[i].bytes);
}

static enum pinf_err
step_miner(void *core, const struct pinf_event *event, struct pinf_effects *effects)
{
	return pinf_miner_step(core, event, effects);
}

static enum pinf_err
step_caller(void *core, const struct pinf_event *event, struct pinf_effects *effects)
{
	return pinf_caller_step(core, event, effects);
}

enum pinf_err
pinf_miner_run(struct pinf_miner *miner, const struct pinf_peer_config *config,
    const atomic_bool *stop, uint32_t grace_ms, struct pinf_bytes *message)
{
	struct peer peer = {.config = config, .core = miner, .step = step_miner};
	struct pinf_effects effects = {0};
	struct pinf_event end = {.kind = PINF_EV_STOP};
	enum pinf_err err = open_peer(&peer, message);

	if (err != PINF_OK)
		return err;
	while (err == PINF_OK && !atomic_load(stop))
		err = turn(&peer, &effects);
	if (err == PINF_OK)
		err = step(&peer, &end, &effects);
	const uint64_t until_ms = pinf_monotonic_ms() + grace_ms;
	while (err == PINF_OK && !pinf_miner_idle(miner) && pinf_monotonic_ms() < until_ms)
		err = turn(&peer, &effects);
	close_peer(&peer);
	pinf_effects_free(&effects);
	return err;
}

enum pinf_err
pinf_caller_run(struct pinf_caller *caller, const struct pinf_peer_config *config,
    const atomic_bool *stop, struct pinf_bytes *message)
{
	struct peer peer = {.config = config, .core = caller, .step = step_caller};
	struct pinf_effects effects = {0};
	enum pinf_err err = open_peer(&peer, message);

	if (err != PINF_OK)
		return err;
	while (err == PINF_OK && pinf_caller_state(caller) == PINF_CALLER_BUSY) {
		err = turn(&peer, &effects);
		if (err == PINF_OK && stop != NULL && atomic_load(stop))
			err = PINF_E_TIMEOUT;
	}
	close_peer(&peer);
	pinf_effects_free(&effects);
	return err;
}
