/* SPDX-License-Identifier: Apache-2.0 */
/* router.c -- a router for the targets. */
#include "router.h"

#include <stdlib.h>
#include <string.h>

#include "sim/vfs.h"
#include "store/sqlite_store.h"

struct pinf_api_request *
fuzz_request(enum pinf_endpoint endpoint)
{
	struct pinf_api_request *request = calloc(1, sizeof *request);

	if (request == NULL)
		abort();
	request->endpoint = endpoint;
	return request;
}

/* Every effect asks for something of the host; here only answers are looked at, and blobs are nowhere. */
static void
step(struct fuzz_router *r, struct pinf_event *event)
{
	struct pinf_effects effects = {0};

	event->now_ms = r->now_ms;
	fuzz_check(pinf_router_step(r->core, event, 1, &effects) == PINF_OK, "a step succeeds");
	for (size_t i = 0; i < effects.count; i++) {
		struct pinf_effect *fx = &effects.list[i];

		if (fx->kind != PINF_FX_RESPOND || fx->id != r->next_request)
			continue;
		fuzz_check(r->status == 0, "a request is answered once");
		fuzz_check(fx->status >= 200 && fx->status < 600 && fx->status != 500,
		    "with a status that is no bug's");
		r->status = fx->status;
		fuzz_check(
		    pinf_bytes_append(&r->reply, fx->body.data, fx->body.len) == PINF_OK, "room");
	}
	pinf_effects_free(&effects);
}

void
fuzz_router_ask(
    struct fuzz_router *r, const struct pinf_wallet *by, struct pinf_api_request *request)
{
	struct pinf_event event = {
	    .kind = PINF_EV_REQUEST, .id = ++r->next_request, .request = request};

	if (by != NULL) {
		request->auth = PINF_AUTH_WALLET;
		request->signer = by->address;
		request->expires_ms = r->now_ms + 60000;
		(void)fuzz_random(&r->seed).fill(&r->seed, request->nonce, sizeof request->nonce);
	}
	r->status = 0;
	r->reply.len = 0;
	step(r, &event);
	pinf_api_request_free(request);
}

void
fuzz_router_wait(struct fuzz_router *r, uint64_t ms)
{
	struct pinf_event event = {.kind = PINF_EV_TIMER};

	r->now_ms += ms;
	r->next_request++; /* Whose answer comes is not the last one's. */
	step(r, &event);
}

static uint64_t
now_ms(void *ctx)
{
	(void)ctx;
	return FUZZ_START_MS;
}

static void
wrote(void *ctx, const char *file, uint64_t offset, struct pinf_span bytes)
{
	(void)ctx;
	(void)file;
	(void)offset;
	(void)bytes;
}

void
fuzz_router_open(struct fuzz_router *r)
{
	struct pinf_router_config config = pinf_router_defaults();
	const struct pinf_domain domain = {.chain_id = 5};
	struct pinf_keyring *keyring;
	struct pinf_api_request *create = fuzz_request(PINF_EP_SESSION_CREATE);
	struct pinf_random random;
	uint32_t version;

	static const struct sim_vfs_hooks hooks = {.now_ms = now_ms, .wrote = wrote};

	*r = (struct fuzz_router){.seed = 3, .now_ms = FUZZ_START_MS, .next_request = 100};
	random = fuzz_random(&r->seed);
	config.storage = (struct pinf_storage){"fs", "local", "pinf"};
	config.open_sessions = true;
	if (pinf_wallet_new(&r->owner, random) != PINF_OK ||
	    pinf_wallet_new(&r->miners[0], random) != PINF_OK ||
	    pinf_wallet_new(&r->miners[1], random) != PINF_OK ||
	    pinf_keyring_new(&keyring, &domain, random) != PINF_OK ||
	    pinf_keyring_rotate(keyring, &version, r->now_ms, random) != PINF_OK)
		abort();
	r->vfs = sim_vfs_new(&hooks, 1);
	fuzz_check(pinf_sqlite_open(&r->store,
		       &(struct pinf_sqlite_options){
			   .path = "fuzz.db", .vfs = SIM_VFS_NAME, .cache_kib = 512}) == PINF_OK,
	    "the store opens");
	fuzz_check(
	    pinf_router_open(&r->core, &config, keyring, r->store, random, r->now_ms) == PINF_OK,
	    "the router opens");
	create->session_type = PINF_SESSION_DEDICATED;
	fuzz_router_ask(r, &r->owner, create);
	fuzz_check(r->status == 201, "a session is made");
}

void
fuzz_router_close(struct fuzz_router *r)
{
	pinf_router_free(r->core);
	pinf_sqlite_close(&r->store);
	sim_vfs_free(r->vfs);
	pinf_bytes_free(&r->reply);
}
