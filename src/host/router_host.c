/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_host.c -- the router as a daemon: the core's thread, the workers, start and stop.  Every
 * batch is committed inside pinf_router_step(); only then are its effects handed out.  spec/effects.md.
 */
#include "host/router_host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/files.h"
#include "host/log.h"
#include "host/router_host_internal.h"
#include "host/system.h"

#define LOOK_MS         200 /* a clock that steps back delays a timer no longer than this */
#define RETRY_MS        1000 /* to the next look at what is due, after a batch that failed */
#define GRACE_MS        500 /* for requests that are nearly answered when the router stops */
#define DRAIN_MS        15000 /* for work in hand when the router stops */
#define FILES_OF_THREAD 5 /* connection, copy of it, blob, directory, one more */
#define FILES_ELSE      64 /* database, listeners, nodes of the chain */

void
host_post(struct pinf_router_host *host, enum pinf_event_kind kind, uint64_t id, enum pinf_err err)
{
	struct pinf_job *job = pinf_job_new();

	/* Lost for want of memory: the task's deadline, or the sweep, finds what it was about. */
	if (job == NULL)
		return;
	job->event = (struct pinf_event){.kind = kind, .id = id, .err = err};
	pinf_queue_push(&host->events, job);
}

void
host_unheard(struct pinf_router_host *host, const struct pinf_effect *fx)
{
	struct pinf_job *job = fx->lease.attempt == 0 ? NULL : pinf_job_new();

	if (job == NULL) /* Then the lease runs its time. */
		return;
	job->event = (struct pinf_event){.kind = PINF_EV_HANGUP, .id = fx->id, .lease = fx->lease};
	pinf_queue_push(&host->events, job);
}

static enum pinf_err
do_check(struct pinf_router_host *host, struct pinf_blob *blob, const struct pinf_effect *fx)
{
	uint8_t bytes[PINF_BLOB_HEADER_LEN];
	struct pinf_buf head = {bytes, 0, sizeof bytes};
	enum pinf_err err =
	    pinf_blobs_verify(host->blobs, &fx->payload.sha256, fx->payload.size, NULL, &head);

	if (err != PINF_OK || fx->payload.suite == PINF_SUITE_NONE)
		return err;
	const struct pinf_span header = {bytes, head.len};
	err = pinf_payload_check_header(&fx->payload, header);
	if (err != PINF_OK)
		return err;
	return pinf_blob_check(blob, &fx->payload.scope, &fx->key, header, fx->payload.size);
}

static void *
tools_make(void *ctx)
{
	struct pinf_blob *blob = NULL;

	(void)ctx;
	return pinf_blob_new(&blob) == PINF_OK ? blob : NULL;
}

static void
tools_free(void *ctx, void *state)
{
	(void)ctx;
	pinf_blob_free(state);
}

static void
run_job(void *ctx, void *state, struct pinf_job *job)
{
	struct pinf_router_host *host = ctx;
	const struct pinf_effect *fx = &job->effect;
	enum pinf_event_kind kind = PINF_EV_SEALED;
	enum pinf_err err = PINF_E_NO_MEMORY;

	switch (fx->kind) {
	case PINF_FX_SEAL:
		if (state != NULL)
			err = pinf_job_seal(state, job);
		break;
	case PINF_FX_STORE:
		kind = PINF_EV_STORED;
		err = pinf_blobs_put(host->blobs, &fx->sha256, pinf_span_of(&job->body));
		pinf_bytes_free(&job->body);
		break;
	case PINF_FX_CHECK:
		kind = PINF_EV_CHECKED;
		if (state != NULL)
			err = do_check(host, state, fx);
		break;
	case PINF_FX_DELETE:
		kind = PINF_EV_DELETED;
		err = pinf_blobs_delete(host->blobs, &fx->sha256);
		break;
	case PINF_FX_SAVE_KEYRING:
		kind = PINF_EV_SAVED;
		if (job->keyring != NULL)
			err = pinf_keyfile_save(host->settings->keyfile, job->keyring, NULL);
		break;
	default: assert(false); /* Not a worker's effect. */
	}
	pinf_job_answer(job, kind, err);
	job->event.body = (struct pinf_span){NULL, 0}; /* Sealed bytes stay with the driver. */
	pinf_queue_push(&host->events, job);
}

/* The bytes of a SEAL whose answer is in this batch: the core says STORE at once, or never. */
static struct pinf_bytes *
sealed_in(struct pinf_job *const *jobs, size_t count, uint64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (jobs[i]->event.kind == PINF_EV_SEALED && jobs[i]->event.id == id)
			return &jobs[i]->body;
	return NULL;
}

static enum pinf_err
send_job(struct pinf_router_host *host, struct pinf_effect *effect, struct pinf_bytes *sealed)
{
	struct pinf_job *job = pinf_job_new();

	if (job == NULL)
		return PINF_E_NO_MEMORY;
	/* A copy: should the batch be undone, the core frees its own while a worker still writes. */
	if (effect->kind == PINF_FX_SAVE_KEYRING &&
	    pinf_keyring_clone(&job->keyring, effect->keyring) != PINF_OK) {
		pinf_job_free(job);
		return PINF_E_NO_MEMORY;
	}
	job->effect = *effect;
	memset(effect, 0, sizeof *effect); /* moved */
	if (sealed != NULL) {
		job->body = *sealed;
		*sealed = (struct pinf_bytes){0};
	}
	if (job->effect.kind == PINF_FX_CHAIN) { /* Lost at a stop, and nothing with it. */
		pinf_chain_nodes_ask(host->nodes, job);
		return PINF_OK;
	}
	(void)atomic_fetch_add(&host->jobs_out, 1);
	pinf_queue_push_wait(&host->pool.queue, job, HOST_JOBS_MAX);
	return PINF_OK;
}

/* The kind of event that answers an effect which could not even be started. */
static enum pinf_event_kind
answer_kind(enum pinf_effect_kind kind)
{
	switch (kind) {
	case PINF_FX_SEAL: return PINF_EV_SEALED;
	case PINF_FX_CHECK: return PINF_EV_CHECKED;
	case PINF_FX_DELETE: return PINF_EV_DELETED;
	case PINF_FX_CHAIN: return PINF_EV_CHAIN;
	case PINF_FX_SAVE_KEYRING: return PINF_EV_SAVED;
	case PINF_FX_DELIVER: return PINF_EV_DELIVERED;
	default: return PINF_EV_STORED;
	}
}

static void
release(struct pinf_router_host *host, struct pinf_effect *fx, struct pinf_job *const *jobs,
    size_t count, uint64_t *wake_ms)
{
	switch (fx->kind) {
	case PINF_FX_WAKE: *wake_ms = fx->at_ms; break;
	case PINF_FX_DROP: break; /* What the batch sealed and did not store goes with its job. */
	case PINF_FX_LOG:
		pinf_log(PINF_LOG_WARN, fx->method, PINF_FIELDS({"node", NULL, fx->id}));
		break;
	case PINF_FX_RESPOND:
		if (!host_tell(host, fx->id, fx))
			host_unheard(host, fx);
		break;
	case PINF_FX_SERVE: (void)host_tell(host, fx->id, fx); break;
	case PINF_FX_UPLOAD:
	case PINF_FX_DELIVER:
		if (!host_tell(host, fx->request, fx))
			host_post(host, answer_kind(fx->kind), fx->id, PINF_E_IO);
		break;
	default: {
		struct pinf_bytes *sealed =
		    fx->kind == PINF_FX_STORE ? sealed_in(jobs, count, fx->id) : NULL;
		const enum pinf_err err = send_job(host, fx, sealed);
		if (err != PINF_OK)
			host_post(host, answer_kind(fx->kind), fx->id, err);
	}
	}
}

/* One batch: begin, commit, release, each told to the log, so that a crash can be placed. */
static enum pinf_err
batch(struct pinf_router_host *host, struct pinf_job *const *jobs, size_t count,
    struct pinf_effects *effects, uint64_t *wake_ms)
{
	struct pinf_event events[PINF_BATCH_MAX];
	const uint64_t now_ms = pinf_now_ms(), mono_ms = pinf_monotonic_ms();
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		jobs[i]->event.now_ms = now_ms;
		jobs[i]->event.mono_ms = mono_ms;
		events[used++] = jobs[i]->event;
	}
	if (*wake_ms <= mono_ms && used < PINF_BATCH_MAX) {
		events[used++] = (struct pinf_event){
		    .kind = PINF_EV_TIMER, .now_ms = now_ms, .mono_ms = mono_ms};
		*wake_ms = UINT64_MAX;
	}
	if (used == 0)
		return PINF_OK;
	pinf_log(PINF_LOG_DEBUG, "batch-begin", PINF_FIELDS({"events", NULL, used}));
	const enum pinf_err err = pinf_router_step(host->router, events, used, effects);
	if (err == PINF_OK) {
		pinf_log(PINF_LOG_DEBUG, "batch-committed",
		    PINF_FIELDS({"effects", NULL, effects->count}));
	} else {
		pinf_log(
		    PINF_LOG_ERROR, "batch-undone", PINF_FIELDS({"error", pinf_err_name(err), 0}));
		*wake_ms = mono_ms + RETRY_MS; /* Its timer, if there was one, is undone too. */
	}
	for (size_t i = 0; i < effects->count; i++)
		release(host, &effects->list[i], jobs, count, wake_ms);
	pinf_effects_cut(effects, 0);
	pinf_log(PINF_LOG_DEBUG, "batch-released", NULL);
	return err;
}

static void *
core_thread(void *arg)
{
	struct pinf_router_host *host = arg;
	struct pinf_effects effects = {0};
	struct pinf_job *jobs[PINF_BATCH_MAX];
	uint64_t wake_ms = 0; /* The first step asks for the rest. */
	bool open = true;

	while (open) {
		const uint64_t now_ms = pinf_monotonic_ms();
		const uint64_t wait_ms = wake_ms <= now_ms            ? 0
					 : wake_ms - now_ms < LOOK_MS ? wake_ms - now_ms
								      : LOOK_MS;
		const size_t count = pinf_queue_take(&host->events, jobs, PINF_BATCH_MAX - 1,
		    /* and a timer */ now_ms + wait_ms);
		if (batch(host, jobs, count, &effects, &wake_ms) == PINF_E_CORRUPT) {
			atomic_store(&host->fatal, PINF_E_CORRUPT);
			open = false;
		}
		for (size_t i = 0; i < count; i++) {
			if (jobs[i]->effect.kind != 0 && jobs[i]->effect.kind != PINF_FX_CHAIN)
				(void)atomic_fetch_sub(&host->jobs_out, 1);
			pinf_job_free(jobs[i]);
		}
		if (count == 0 && pinf_queue_closed(&host->events))
			open = false;
	}
	pinf_effects_free(&effects);
	return NULL;
}

static enum pinf_err
make_waiters(struct pinf_router_host *host, size_t count)
{
	pthread_condattr_t attr;
	enum pinf_err err = PINF_OK;

	host->waiters = calloc(count, sizeof *host->waiters);
	if (host->waiters == NULL)
		return PINF_E_NO_MEMORY;
	if (pthread_condattr_init(&attr) != 0)
		return PINF_E_IO;
	if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0)
		err = PINF_E_IO;
	while (err == PINF_OK && host->waiter_count < count) {
		if (pthread_cond_init(&host->waiters[host->waiter_count].told, &attr) == 0)
			host->waiter_count++;
		else
			err = PINF_E_IO;
	}
	(void)pthread_condattr_destroy(&attr);
	return err;
}

static enum pinf_err
start_threads(struct pinf_router_host *host, struct pinf_bytes *message)
{
	enum pinf_err err = pinf_queue_init(&host->events);

	if (err != PINF_OK)
		return err;
	host->pool.ctx = host;
	host->pool.thread_begin = tools_make;
	host->pool.thread_end = tools_free;
	host->pool.run = run_job;
	err = pinf_pool_start(&host->pool, host->settings->workers);
	if (err == PINF_OK) {
		err = pinf_chain_nodes_start(
		    &host->nodes, host->settings->chain_urls, &host->events, message);
		if (err == PINF_OK &&
		    pthread_create(&host->core_thread, NULL, core_thread, host) != 0)
			err = PINF_E_IO;
		if (err != PINF_OK)
			pinf_pool_stop(&host->pool);
	}
	if (err != PINF_OK) {
		pinf_chain_nodes_stop(host->nodes);
		pinf_queue_destroy(&host->events);
	}
	return err;
}

/* Ends the core's thread once no answer is outstanding, or patience is. */
static void
stop_threads(struct pinf_router_host *host)
{
	const uint64_t until_ms = pinf_monotonic_ms() + DRAIN_MS;
	const struct timespec pause = {0, 5000000};

	while (atomic_load(&host->jobs_out) > 0 && atomic_load(&host->fatal) == PINF_OK &&
	       pinf_monotonic_ms() < until_ms)
		(void)nanosleep(&pause, NULL);
	pinf_queue_close(&host->events);
	(void)pthread_join(host->core_thread, NULL);
	pinf_chain_nodes_stop(host->nodes);
	pinf_pool_stop(&host->pool);
	pinf_queue_destroy(&host->events);
}

/*
 * Where files run out, connections are refused at both listeners, miners' and health's too, and CivetWeb asks for them in a
 * loop: as many as all threads can have at once.
 */
static void
allow_files(const struct pinf_router_settings *settings, unsigned threads)
{
	const uint64_t need = 2 * ((uint64_t)threads * FILES_OF_THREAD + PINF_SERVER_QUEUE) +
			      (uint64_t)settings->workers * FILES_OF_THREAD + FILES_ELSE;
	const uint64_t have = pinf_files_allow(need);

	if (have < need)
		pinf_log(PINF_LOG_WARN, "few-open-files",
		    PINF_FIELDS({"allowed", NULL, have}, {"needed", NULL, need}));
}

static enum pinf_err
start_servers(struct pinf_router_host *host, unsigned threads, struct pinf_bytes *message)
{
	const struct pinf_router_settings *settings = host->settings;
	const char *const addresses[2] = {settings->listen, settings->miner_listen};
	enum pinf_err err = PINF_OK;

	for (size_t i = 0; i < 2 && err == PINF_OK; i++) {
		host->sides[i].host = host;
		host->sides[i].listener = i == 0 ? PINF_LISTEN_PUBLIC : PINF_LISTEN_MINER;
		const struct pinf_server_config config = {.listen = addresses[i],
		    .threads = threads,
		    .request_timeout_ms = settings->request_timeout_ms,
		    .keep_alive_ms = settings->keep_alive_ms,
		    .ctx = &host->sides[i],
		    .handle = host_handle};
		err = pinf_server_start(&host->sides[i].server, &config, message);
	}
	return err;
}

static void *
stop_side(void *arg)
{
	struct side *side = arg;

	pinf_server_stop(side->server);
	return NULL;
}

static void
stop_servers(struct pinf_router_host *host)
{
	const uint64_t now_ms = pinf_monotonic_ms();
	const struct timespec pause = {0, 5000000};
	size_t active = 1;

	(void)pthread_mutex_lock(&host->lock);
	host->stop_ms = now_ms + GRACE_MS;
	(void)pthread_mutex_unlock(&host->lock);
	/* CivetWeb stops writing the moment it is told to stop: let the answers go out first. */
	while (active > 0 && pinf_monotonic_ms() < now_ms + 4 * (uint64_t)GRACE_MS) {
		(void)nanosleep(&pause, NULL);
		(void)pthread_mutex_lock(&host->lock);
		active = host->active;
		(void)pthread_mutex_unlock(&host->lock);
	}
	/* Each takes CivetWeb up to two seconds: at once, not one after the other. */
	pthread_t other;
	const bool both = pthread_create(&other, NULL, stop_side, &host->sides[1]) == 0;
	(void)stop_side(&host->sides[0]);
	if (both)
		(void)pthread_join(other, NULL);
	else
		(void)stop_side(&host->sides[1]);
}

static void
free_host(struct pinf_router_host *host)
{
	for (size_t i = 0; i < host->waiter_count; i++)
		(void)pthread_cond_destroy(&host->waiters[i].told);
	free(host->waiters);
	pinf_blobs_free(host->blobs);
	(void)pthread_mutex_destroy(&host->lock);
	free(host);
}

enum pinf_err
pinf_router_host_start(struct pinf_router_host **host, const struct pinf_router_settings *settings,
    struct pinf_keyring *keyring, struct pinf_store store, struct pinf_bytes *message)
{
	const unsigned threads = settings->core.waiters_max + PINF_ROUTER_SPARE_THREADS;
	struct pinf_router_host *h = calloc(1, sizeof *h);
	struct pinf_keyring *copy = NULL;

	if (h == NULL || pthread_mutex_init(&h->lock, NULL) != 0) {
		free(h);
		return PINF_E_NO_MEMORY;
	}
	h->settings = settings;
	enum pinf_err err = make_waiters(h, 2 * (size_t)threads);
	if (err == PINF_OK)
		err = pinf_blobs_open(&h->blobs, settings->blob_dir, message);
	if (err ==
	    PINF_OK) /* The core takes what it is given; on failure the caller keeps its own. */
		err = pinf_keyring_clone(&copy, keyring);
	if (err == PINF_OK)
		err = pinf_router_open(
		    &h->router, &settings->core, copy, store, pinf_random_system(), pinf_now_ms());
	if (err != PINF_OK) {
		if (h->router == NULL)
			pinf_keyring_free(copy);
		free_host(h);
		return pinf_say(message, err, "cannot start the router: %s", pinf_err_text(err));
	}
	h->api = pinf_router_api_config(h->router);
	allow_files(settings, threads);
	err = start_threads(h, message);
	if (err == PINF_OK && (err = start_servers(h, threads, message)) != PINF_OK) {
		stop_servers(h);
		stop_threads(h);
	}
	if (err != PINF_OK) {
		pinf_router_free(h->router);
		free_host(h);
		return err;
	}
	pinf_keyring_free(keyring);
	*host = h;
	return PINF_OK;
}

unsigned
pinf_router_host_port(const struct pinf_router_host *host, enum pinf_listener listener)
{
	return pinf_server_port(host->sides[listener == PINF_LISTEN_MINER].server);
}

enum pinf_err
pinf_router_host_wait(struct pinf_router_host *host, const atomic_bool *stop)
{
	const struct timespec pause = {0, 50000000};

	while (!atomic_load(stop) && atomic_load(&host->fatal) == PINF_OK)
		(void)nanosleep(&pause, NULL);
	return (enum pinf_err)atomic_load(&host->fatal);
}

void
pinf_router_host_stop(struct pinf_router_host *host)
{
	if (host == NULL)
		return;
	stop_servers(host);
	stop_threads(host);
	if (atomic_load(&host->fatal) == PINF_OK) {
		const enum pinf_err err = pinf_router_checkpoint(host->router);
		if (err != PINF_OK)
			pinf_log(PINF_LOG_ERROR, "checkpoint-failed",
			    PINF_FIELDS({"error", pinf_err_name(err), 0}));
	}
	pinf_router_free(host->router);
	free_host(host);
}
