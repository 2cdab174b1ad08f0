/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h -- drives the core of a miner or a caller: its requests over HTTP, sealing, opening and
 * inference on worker threads, its timers.
 */
#ifndef PINF_HOST_PEER_H
#define PINF_HOST_PEER_H

#include <pinf/caller.h>
#include <pinf/miner.h>

#include "host/inference.h"

struct pinf_peer_config {
	const char *url; /* of the router's listener; see client.h */
	unsigned threads; /* effects in hand at once: a miner's slots; 1 for a caller */
	const struct pinf_engine_config *engine; /* NULL: it never infers */
	/* Told, on a worker's thread, why the router gave no answer, for people; the core asks again.  May be NULL. */
	void (*unanswered)(void *ctx, const char *words);
	void *ctx; /* for unanswered */
};

/*
 * Runs until *stop is set and every attempt in hand has ended (at most grace_ms later).  OK, or
 * what kept it from starting, said in message.
 */
PINF_MUST_CHECK enum pinf_err
pinf_miner_run(struct pinf_miner *miner, const struct pinf_peer_config *config,
    const atomic_bool *stop, uint32_t grace_ms, struct pinf_bytes *message);
/* Runs until the completion is DONE or FAILED; E_TIMEOUT: *stop (may be NULL) was set before. */
PINF_MUST_CHECK enum pinf_err pinf_caller_run(struct pinf_caller *caller,
    const struct pinf_peer_config *config, const atomic_bool *stop, struct pinf_bytes *message);

#endif
