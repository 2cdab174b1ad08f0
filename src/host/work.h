/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.h -- between a core's thread and the threads that work for it: jobs in queues.  A job
 * carries an effect out and its answer back, so that an answer never needs memory that may not be
 * there, and a worker never waits for the core.
 */
#ifndef PINF_HOST_WORK_H
#define PINF_HOST_WORK_H

#include <pinf/event.h>

#include <pthread.h>

struct pinf_job {
	struct pinf_job *next; /* of the queue that it is in */
	struct pinf_effect effect; /* owned; kind 0: none */
	struct pinf_event event; /* event.request is owned */
	struct pinf_bytes body; /* what event.body points into */
	struct pinf_keyring *keyring; /* owned; of a SAVE_KEYRING */
	struct pinf_span lent; /* bytes that the effect works on and somebody else keeps */
};
struct pinf_job *pinf_job_new(void); /* zeroed; NULL when out of memory */
void pinf_job_free(struct pinf_job *job); /* wipes; NULL is fine */
/* Fills the event that answers the job's effect. */
void pinf_job_answer(struct pinf_job *job, enum pinf_event_kind kind, enum pinf_err err);

/* Does a SEAL: sealed bytes into job->body, their hash and size into the event. */
PINF_MUST_CHECK enum pinf_err pinf_job_seal(struct pinf_blob *blob, struct pinf_job *job);

struct pinf_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, drained; /* on the monotonic clock */
	struct pinf_job *first, *last;
	size_t count;
	bool closed;
};

/* E_IO where the system has no more locks. */
PINF_MUST_CHECK enum pinf_err pinf_queue_init(struct pinf_queue *queue);
void pinf_queue_destroy(struct pinf_queue *queue); /* frees what is left in it */
/* Takes the job over.  Always room: for answers, which their jobs bound. */
void pinf_queue_push(struct pinf_queue *queue, struct pinf_job *job);
/* Takes the job over if fewer than max are there and the queue is open; else E_BUSY, job stays. */
PINF_MUST_CHECK enum pinf_err
pinf_queue_offer(struct pinf_queue *queue, struct pinf_job *job, size_t max);
/* Waits until fewer than max are there, then takes the job over. */
void pinf_queue_push_wait(struct pinf_queue *queue, struct pinf_job *job, size_t max);
/*
 * Takes up to max jobs, waiting for the first until at_ms on the monotonic clock (UINT64_MAX:
 * without end).  0: nothing came, or the queue is closed and empty.
 */
size_t
pinf_queue_take(struct pinf_queue *queue, struct pinf_job **jobs, size_t max, uint64_t at_ms);
/* No more offers; takers that would wait return. */
void pinf_queue_close(struct pinf_queue *queue);
bool pinf_queue_closed(struct pinf_queue *queue);

#define PINF_POOL_THREADS_MAX 256

/* Threads that run jobs from one queue. */
struct pinf_pool {
	struct pinf_queue queue;
	pthread_t threads[PINF_POOL_THREADS_MAX];
	size_t count;
	void *ctx;
	void *(*thread_begin)(void *ctx); /* state of one thread; may return NULL */
	void (*thread_end)(void *ctx, void *state);
	void (*run)(void *ctx, void *state, struct pinf_job *job); /* takes the job over */
};
/* ctx and the functions are set by the caller before.  E_IO: no thread could be started. */
PINF_MUST_CHECK enum pinf_err pinf_pool_start(struct pinf_pool *pool, size_t threads);
/* Runs what is in the queue, then ends the threads. */
void pinf_pool_stop(struct pinf_pool *pool);

#endif
