/* SPDX-License-Identifier: Apache-2.0 */
/* router.h -- a router for the targets: the real core on the real store, its database in memory. */
#ifndef PINF_FUZZ_ROUTER_H
#define PINF_FUZZ_ROUTER_H

#include <pinf/router.h>

#include "common.h"
#include "sim/vfs.h"

#define FUZZ_START_MS 1700000000000
#define FUZZ_MINERS   2
#define FUZZ_WAITERS  6 /* callers that wait at most, and as many miners */

struct fuzz_router {
	struct pinf_router *core;
	struct pinf_store store; /* the real one, on a disk in memory */
	struct pinf_wallet owner, miners[FUZZ_MINERS];
	uint64_t seed, now_ms, next_request;
	uint64_t watched; /* the request whose answer is looked for: the last one */
	unsigned status; /* of the answer to the last request; 0: it waits */
	uint64_t check; /* a blob that is to be looked at; 0: none */
	uint64_t seal, store_op; /* a prompt that is to be sealed, a blob that is to be stored */
	unsigned fails_in; /* the store's call that fails in the next step; 0: none */
	unsigned sealed; /* blobs so far */
	bool is_over; /* it did, and the batch was undone, which ends the run */
	struct pinf_bytes reply;
};

/* A disk in memory, SQLite's default. */
struct sim_vfs *fuzz_disk(uint64_t seed);
/*
 * With session 1, public, and 2, private, with the first miner on its list and prompts that the router may seal: both the
 * owner's, and nothing else.  Every run begins from the same.
 */
void fuzz_router_open(struct fuzz_router *r);
void fuzz_router_close(struct fuzz_router *r);
/* A decoded request, as by that wallet (NULL: nobody), moved: its answer is in status and reply. */
void fuzz_router_ask(
    struct fuzz_router *r, const struct pinf_wallet *by, struct pinf_api_request *request);
/* The host has sealed and stored the prompt that came. */
void fuzz_router_sealed(struct fuzz_router *r);
/* The host has looked at the blob: the answer to the last request may come. */
void fuzz_router_checked(struct fuzz_router *r, enum pinf_err outcome);
/* Whoever claimed that had gone when it was answered. */
void fuzz_router_gone(struct fuzz_router *r, const struct pinf_lease_ref *lease);
/* Time goes on, and what is due happens. */
void fuzz_router_wait(struct fuzz_router *r, uint64_t ms);
/* Read from the store itself, which does not fail; false: the session has no such task. */
bool fuzz_router_task(uint64_t session, uint64_t id, struct pinf_task *task);
const struct pinf_wallet *fuzz_router_owner(void); /* of session 1 */
struct pinf_api_request *fuzz_request(enum pinf_endpoint endpoint);

#endif
