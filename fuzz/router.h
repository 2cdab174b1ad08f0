/* SPDX-License-Identifier: Apache-2.0 */
/* router.h -- a router for the targets: the real core on the real store, its database in memory. */
#ifndef PINF_FUZZ_ROUTER_H
#define PINF_FUZZ_ROUTER_H

#include <pinf/router.h>

#include "common.h"

#define FUZZ_START_MS 1700000000000
#define FUZZ_MINERS   2

struct fuzz_router {
	struct pinf_router *core;
	struct pinf_store store; /* the real one, on a disk in memory */
	struct pinf_wallet owner, miners[FUZZ_MINERS];
	uint64_t seed, now_ms, next_request;
	unsigned status; /* of the answer to the last request; 0: it waits */
	struct pinf_bytes reply;
};

/* With session 1, public and the owner's, and nothing else: every run begins from the same. */
void fuzz_router_open(struct fuzz_router *r);
void fuzz_router_close(struct fuzz_router *r);
/* A decoded request, as by that wallet (NULL: nobody), moved: its answer is in status and reply. */
void fuzz_router_ask(
    struct fuzz_router *r, const struct pinf_wallet *by, struct pinf_api_request *request);
/* Time goes on, and what is due happens. */
void fuzz_router_wait(struct fuzz_router *r, uint64_t ms);
const struct pinf_wallet *fuzz_router_owner(void); /* of session 1 */
struct pinf_api_request *fuzz_request(enum pinf_endpoint endpoint);

#endif
