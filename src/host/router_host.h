/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_host.h -- the router as a daemon: one thread for the core, workers for what takes long,
 * two HTTP listeners with threads of their own, so that callers who wait never starve miners.
 */
#ifndef PINF_HOST_ROUTER_HOST_H
#define PINF_HOST_ROUTER_HOST_H

#include <pinf/router.h>

#include <stdatomic.h>

#include "host/keyfile.h"

#define PINF_ROUTER_SPARE_THREADS 32 /* of a listener, beside those that waiting requests hold */

/* Borrowed until the router has stopped. */
struct pinf_router_settings {
	struct pinf_router_config core;
	const char *listen; /* callers: "127.0.0.1:5010" */
	const char *miner_listen;
	const char *blob_dir;
	const char *chain_urls; /* as many nodes as core.acl.chain.endpoints; see chain_nodes.h */
	const struct pinf_keyfile *keyfile; /* rotation and destruction of keys write it */
	unsigned workers;
	uint32_t request_timeout_ms;
	uint32_t keep_alive_ms;
	uint64_t body_memory_max; /* bytes of bodies that are in memory at once; over it: 503 */
};

struct pinf_router_host;

/*
 * Opens the core on that store, starts threads and listeners.  Takes the keyring over on success;
 * the caller closes the store after pinf_router_host_stop().  message says what to mend.
 */
PINF_MUST_CHECK enum pinf_err
pinf_router_host_start(struct pinf_router_host **host, const struct pinf_router_settings *settings,
    struct pinf_keyring *keyring, struct pinf_store store, struct pinf_bytes *message);
unsigned pinf_router_host_port(const struct pinf_router_host *host, enum pinf_listener listener);
/* Returns when *stop is set: OK; or when the core cannot go on: its error. */
PINF_MUST_CHECK enum pinf_err
pinf_router_host_wait(struct pinf_router_host *host, const atomic_bool *stop);
/*
 * Graceful: new and waiting requests get 503, work in hand is finished, a checkpoint of the audit
 * log is signed.  Frees the host; NULL is fine.
 */
void pinf_router_host_stop(struct pinf_router_host *host);

#endif
