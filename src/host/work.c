/* SPDX-License-Identifier: Apache-2.0 */
/* work.c -- jobs in queues, and pools of threads that run them. */
#include "host/work.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include <pinf/api.h>

#include "crypto/crypto.h"
#include "host/system.h"

struct pinf_job *
pinf_job_new(void)
{
	return calloc(1, sizeof(struct pinf_job));
}

void
pinf_job_free(struct pinf_job *job)
{
	if (job == NULL)
		return;
	if (job->effect.kind != 0) {
		struct pinf_effects one = {&job->effect, 1, 1};
		pinf_effects_cut(&one, 0);
	}
	pinf_api_request_free(job->event.request);
	pinf_keyring_free(job->keyring);
	pinf_bytes_free(&job->body);
	free(job);
}

void
pinf_job_answer(struct pinf_job *job, enum pinf_event_kind kind, enum pinf_err err)
{
	job->event.kind = kind;
	job->event.id = job->effect.id;
	job->event.err = err;
	job->event.body = pinf_span_of(&job->body);
}

enum pinf_err
pinf_job_seal(struct pinf_blob *blob, struct pinf_job *job)
{
	struct pinf_effect *fx = &job->effect;
	enum pinf_err err = PINF_OK;

	if (fx->params.suite == PINF_SUITE_NONE) {
		job->body = fx->document; /* moved */
		fx->document = (struct pinf_bytes){0};
		pinf_sha256(&job->event.sha256, pinf_span_of(&job->body));
	} else {
		err = pinf_blob_seal(blob, &fx->params, &fx->key, pinf_random_system(),
		    pinf_span_of(&fx->document), &job->body, &job->event.sha256);
		pinf_bytes_free(&fx->document);
	}
	job->event.size = job->body.len;
	return err;
}

enum pinf_err
pinf_queue_init(struct pinf_queue *queue)
{
	pthread_condattr_t attr;

	*queue = (struct pinf_queue){.first = NULL};
	if (pthread_condattr_init(&attr) != 0)
		return PINF_E_IO;
	/* Glibc's never fail once the attribute exists; a queue that is half there is not undone. */
	const bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
			pthread_cond_init(&queue->filled, &attr) == 0 &&
			pthread_cond_init(&queue->drained, &attr) == 0 &&
			pthread_mutex_init(&queue->lock, NULL) == 0;
	(void)pthread_condattr_destroy(&attr);
	return ok ? PINF_OK : PINF_E_IO;
}

void
pinf_queue_destroy(struct pinf_queue *queue)
{
	while (queue->first != NULL) {
		struct pinf_job *job = queue->first;
		queue->first = job->next;
		pinf_job_free(job);
	}
	(void)pthread_mutex_destroy(&queue->lock);
	(void)pthread_cond_destroy(&queue->filled);
	(void)pthread_cond_destroy(&queue->drained);
}

static void
lock(struct pinf_queue *queue)
{
	const int rc = pthread_mutex_lock(&queue->lock);
	assert(rc == 0);
	(void)rc;
}

static void
unlock(struct pinf_queue *queue)
{
	const int rc = pthread_mutex_unlock(&queue->lock);
	assert(rc == 0);
	(void)rc;
}

/* With the lock held, which is given back before somebody is woken: it is the first thing that he wants. */
static void
append(struct pinf_queue *queue, struct pinf_job *job)
{
	job->next = NULL;
	if (queue->last != NULL)
		queue->last->next = job;
	else
		queue->first = job;
	queue->last = job;
	queue->count++;
	unlock(queue);
	(void)pthread_cond_signal(&queue->filled);
}

void
pinf_queue_push(struct pinf_queue *queue, struct pinf_job *job)
{
	lock(queue);
	append(queue, job);
}

enum pinf_err
pinf_queue_offer(struct pinf_queue *queue, struct pinf_job *job, size_t max)
{
	lock(queue);
	if (queue->closed || queue->count >= max) {
		unlock(queue);
		return PINF_E_BUSY;
	}
	append(queue, job);
	return PINF_OK;
}

void
pinf_queue_push_wait(struct pinf_queue *queue, struct pinf_job *job, size_t max)
{
	lock(queue);
	while (queue->count >= max)
		(void)pthread_cond_wait(&queue->drained, &queue->lock);
	append(queue, job);
}

size_t
pinf_queue_take(struct pinf_queue *queue, struct pinf_job **jobs, size_t max, uint64_t at_ms)
{
	const struct timespec until = {
	    (time_t)(at_ms / 1000), (long)(at_ms % 1000) * 1000000}; /* unused for UINT64_MAX */
	size_t taken = 0;

	lock(queue);
	while (queue->first == NULL && !queue->closed) {
		if (at_ms == UINT64_MAX)
			(void)pthread_cond_wait(&queue->filled, &queue->lock);
		else if (pthread_cond_timedwait(&queue->filled, &queue->lock, &until) != 0)
			break;
	}
	for (; taken < max && queue->first != NULL; taken++) {
		jobs[taken] = queue->first;
		queue->first = jobs[taken]->next;
		queue->count--;
	}
	if (queue->first == NULL)
		queue->last = NULL;
	if (taken > 0)
		(void)pthread_cond_broadcast(&queue->drained);
	unlock(queue);
	return taken;
}

void
pinf_queue_close(struct pinf_queue *queue)
{
	lock(queue);
	queue->closed = true;
	(void)pthread_cond_broadcast(&queue->filled);
	unlock(queue);
}

bool
pinf_queue_closed(struct pinf_queue *queue)
{
	lock(queue);
	const bool closed = queue->closed;
	unlock(queue);
	return closed;
}

static void *
work(void *arg)
{
	struct pinf_pool *pool = arg;
	void *state = pool->thread_begin != NULL ? pool->thread_begin(pool->ctx) : NULL;
	struct pinf_job *job;

	while (pinf_queue_take(&pool->queue, &job, 1, UINT64_MAX) == 1)
		pool->run(pool->ctx, state, job);
	if (pool->thread_end != NULL)
		pool->thread_end(pool->ctx, state);
	return NULL;
}

enum pinf_err
pinf_pool_start(struct pinf_pool *pool, size_t threads)
{
	assert(threads > 0 && threads <= PINF_POOL_THREADS_MAX);
	const enum pinf_err err = pinf_queue_init(&pool->queue);

	pool->count = 0;
	if (err != PINF_OK)
		return err;
	while (pool->count < threads &&
	       pthread_create(&pool->threads[pool->count], NULL, work, pool) == 0)
		pool->count++;
	if (pool->count == threads)
		return PINF_OK;
	pinf_pool_stop(pool);
	return PINF_E_IO;
}

void
pinf_pool_stop(struct pinf_pool *pool)
{
	pinf_queue_close(&pool->queue);
	for (size_t i = 0; i < pool->count; i++)
		(void)pthread_join(pool->threads[i], NULL);
	pinf_queue_destroy(&pool->queue);
	pool->count = 0;
}
