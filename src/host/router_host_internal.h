/* SPDX-License-Identifier: Apache-2.0 */
/* router_host_internal.h -- what the daemon's core side and its HTTP side share. */
#ifndef PINF_HOST_ROUTER_HOST_INTERNAL_H
#define PINF_HOST_ROUTER_HOST_INTERNAL_H

#include <pthread.h>

#include "host/blobstore.h"
#include "host/chain_nodes.h"
#include "host/router_host.h"
#include "host/server.h"
#include "host/work.h"

#define HOST_REQUESTS_MAX 4096 /* that wait for the core; over it: 503 */
#define HOST_JOBS_MAX     4096 /* that wait for a worker; over it the core waits */

/* A connection's thread that waits for the core's word on its request. */
struct waiter {
	uint64_t id; /* of the request; 0: free */
	pthread_cond_t told;
	struct pinf_effect effect; /* kind 0: nothing yet */
};

struct side {
	struct pinf_router_host *host;
	enum pinf_listener listener;
	struct pinf_server *server;
};

struct pinf_router_host {
	const struct pinf_router_settings *settings;
	struct pinf_router *router; /* the core's thread's */
	struct pinf_api_config api;
	struct pinf_blobs *blobs;
	struct pinf_queue events;
	struct pinf_pool pool;
	struct pinf_chain_nodes *nodes;
	pthread_t core_thread;
	atomic_size_t jobs_out; /* effects whose answers the core has not had */
	atomic_int fatal; /* enum pinf_err */

	pthread_mutex_t lock; /* of all below */
	struct waiter *waiters;
	size_t waiter_count;
	uint64_t request_count;
	size_t active; /* exchanges being handled */
	uint64_t body_bytes;
	uint64_t stop_ms; /* monotonic: when waiting requests are turned away; 0: not stopping */

	struct side sides[2];
};

/* Handles one exchange, start to end; ctx is a struct side. */
void host_handle(void *ctx, struct pinf_exchange *exchange);
/* Gives an effect to the thread that waits for request id; false: nobody does, effect stays. */
bool host_tell(struct pinf_router_host *host, uint64_t id, struct pinf_effect *effect);
/* Queues an event without content, made up on the spot. */
void
host_post(struct pinf_router_host *host, enum pinf_event_kind kind, uint64_t id, enum pinf_err err);
/* A response that reached nobody: where it gave a lease, the core is told. */
void host_unheard(struct pinf_router_host *host, const struct pinf_effect *fx);

#endif
