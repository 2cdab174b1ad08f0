/* SPDX-License-Identifier: Apache-2.0 */
/* router.c -- a router for the targets. */
#include "router.h"

#include <stdlib.h>
#include <string.h>

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

/* Made once, with session 1; what a run does to it is rolled back. */
static struct {
	struct pinf_store disk, of_run;
	struct pinf_store_ops ops;
	struct pinf_wallet owner, miners[FUZZ_MINERS];
} base;

/* Calls of the store until one fails, in the run that there is; 0: none does. */
static unsigned calls_left;

/* Every effect asks for something of the host; here answers are looked at, and checks of blobs wait for the target's word. */
static void
step(struct fuzz_router *r, struct pinf_event *event)
{
	struct pinf_effects effects = {0};
	enum pinf_err err;

	event->now_ms = r->now_ms;
	calls_left = r->fails_in;
	err = pinf_router_step(r->core, event, 1, &effects);
	calls_left = r->fails_in = 0;
	fuzz_check(err == PINF_OK || r->is_over, "a step succeeds, or its batch is undone");
	for (size_t i = 0; i < effects.count; i++) {
		struct pinf_effect *fx = &effects.list[i];

		if (fx->kind == PINF_FX_CHECK)
			r->check = fx->id;
		if (fx->kind == PINF_FX_SEAL)
			r->seal = fx->id;
		if (fx->kind == PINF_FX_STORE)
			r->store_op = fx->id;
		if (fx->kind != PINF_FX_RESPOND || fx->id != r->watched)
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
	r->watched = r->next_request;
	step(r, &event);
	pinf_api_request_free(request);
}

void
fuzz_router_gone(struct fuzz_router *r, const struct pinf_lease_ref *lease)
{
	struct pinf_event event = {.kind = PINF_EV_HANGUP, .lease = *lease};

	r->fails_in = 0; /* Nobody is answered. */
	r->watched = 0;
	step(r, &event);
}

void
fuzz_router_wait(struct fuzz_router *r, uint64_t ms)
{
	struct pinf_event event = {.kind = PINF_EV_TIMER};

	r->now_ms += ms;
	r->watched = 0; /* Whose answer comes is not the last one's. */
	step(r, &event);
}

void
fuzz_router_sealed(struct fuzz_router *r)
{
	struct pinf_event event = {.kind = PINF_EV_SEALED, .id = r->seal, .size = 700};

	event.sha256.bytes[0] = (uint8_t)++r->sealed; /* Its salt makes each blob another one. */
	if (r->seal != 0)
		step(r, &event);
	r->seal = 0;
	event = (struct pinf_event){.kind = PINF_EV_STORED, .id = r->store_op};
	if (r->store_op != 0)
		step(r, &event);
	r->store_op = 0;
}

void
fuzz_router_checked(struct fuzz_router *r, enum pinf_err outcome)
{
	struct pinf_event event = {.kind = PINF_EV_CHECKED, .id = r->check, .err = outcome};

	r->check = 0;
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

struct sim_vfs *
fuzz_disk(uint64_t seed)
{
	static const struct sim_vfs_hooks hooks = {.now_ms = now_ms, .wrote = wrote};

	return sim_vfs_new(&hooks, seed);
}

/* The run that there is, and whether its store has failed: then it fails on until the batch is undone, which ends the run. */
static struct fuzz_router *running;
static bool is_broken;

static bool
fails(void)
{
	is_broken = is_broken || (calls_left > 0 && --calls_left == 0);
	return is_broken;
}

static void
undone(void *store)
{
	(void)store;
	fuzz_check(is_broken, "no batch is undone without a reason");
	is_broken = false;
	running->is_over = true;
}

/* What a batch begins and ends is part of the run, which is rolled back as a whole. */
static enum pinf_err
unless_broken(void *store)
{
	(void)store;
	return is_broken ? PINF_E_FULL : PINF_OK;
}

/* Each operation that claims and leases are made of, which fails where the target says so. */
#define FAILING(name, params, arguments)                                                           \
	static enum pinf_err name params                                                           \
	{                                                                                          \
		return fails() ? PINF_E_FULL : base.disk.ops->name arguments;                      \
	}

FAILING(savepoint, (void *ctx), (ctx))
FAILING(release, (void *ctx), (ctx))
FAILING(rollback_to, (void *ctx), (ctx))
FAILING(session_get, (void *ctx, uint64_t id, struct pinf_session *session), (ctx, id, session))
FAILING(task_get, (void *ctx, uint64_t session, uint64_t id, struct pinf_task *task),
    (ctx, session, id, task))
FAILING(task_update, (void *ctx, const struct pinf_task *task), (ctx, task))
FAILING(task_claimable, (void *ctx, const struct pinf_claim *claim, struct pinf_task *task),
    (ctx, claim, task))
FAILING(seat_extend,
    (void *ctx, const struct pinf_address *miner, uint64_t session, uint64_t until_ms),
    (ctx, miner, session, until_ms))
FAILING(seat_of, (void *ctx, const struct pinf_address *miner, struct pinf_member *seat),
    (ctx, miner, seat))
FAILING(seat_wanted, (void *ctx, const struct pinf_claim *claim, uint64_t *session),
    (ctx, claim, session))
FAILING(intent_drop, (void *ctx, const struct pinf_hash *sha256), (ctx, sha256))
FAILING(audit_append, (void *ctx, const struct pinf_audit *record), (ctx, record))
FAILING(nonce_use,
    (void *ctx, const struct pinf_address *address, const uint8_t *nonce, uint64_t expires_ms),
    (ctx, address, nonce, expires_ms))

static void
open_core(struct fuzz_router *r, const struct pinf_store *store)
{
	struct pinf_router_config config = pinf_router_defaults();
	const struct pinf_domain domain = {.chain_id = 5};
	struct pinf_keyring *keyring;
	uint32_t version;

	*r = (struct fuzz_router){.store = *store,
	    .owner = base.owner,
	    .miners = {base.miners[0], base.miners[1]},
	    .seed = 3,
	    .now_ms = FUZZ_START_MS,
	    .next_request = 100};
	config.storage = (struct pinf_storage){"fs", "local", "pinf"};
	config.open_sessions = true;
	config.waiters_max = FUZZ_WAITERS;
	/* Two versions: another one than a task's may be there. */
	if (pinf_keyring_new(&keyring, &domain, fuzz_random(&r->seed)) != PINF_OK ||
	    pinf_keyring_rotate(keyring, &version, r->now_ms, fuzz_random(&r->seed)) != PINF_OK ||
	    pinf_keyring_rotate(keyring, &version, r->now_ms, fuzz_random(&r->seed)) != PINF_OK)
		abort();
	fuzz_check(pinf_router_open(&r->core, &config, keyring, r->store, fuzz_random(&r->seed),
		       r->now_ms) == PINF_OK,
	    "the router opens");
}

static void
make_base(void)
{
	struct pinf_api_request *create = fuzz_request(PINF_EP_SESSION_CREATE), *allow;
	struct fuzz_router r;
	uint64_t seed = 2;

	if (pinf_wallet_new(&base.owner, fuzz_random(&seed)) != PINF_OK ||
	    pinf_wallet_new(&base.miners[0], fuzz_random(&seed)) != PINF_OK ||
	    pinf_wallet_new(&base.miners[1], fuzz_random(&seed)) != PINF_OK || fuzz_disk(1) == NULL)
		abort();
	fuzz_check(pinf_sqlite_open(&base.disk,
		       &(struct pinf_sqlite_options){
			   .path = "fuzz.db", .vfs = SIM_VFS_NAME, .cache_kib = 512}) == PINF_OK,
	    "the store opens");
	open_core(&r, &base.disk);
	r.seed = 4; /* Its nonce is stored, and not drawn again. */
	create->session_type = PINF_SESSION_DEDICATED;
	fuzz_router_ask(&r, &r.owner, create);
	fuzz_check(r.status == 201, "a session is made");
	create = fuzz_request(PINF_EP_SESSION_CREATE);
	create->session_type = PINF_SESSION_DEDICATED;
	create->make_private = create->policy.router_sealed = true;
	fuzz_router_ask(&r, &r.owner, create);
	fuzz_check(r.status == 201, "and a private one");
	allow = fuzz_request(PINF_EP_SESSION_ALLOW);
	allow->session = 2;
	allow->miner = base.miners[0].address;
	fuzz_router_ask(&r, &r.owner, allow);
	fuzz_check(r.status == 200, "with a miner");
	pinf_router_free(r.core);
	pinf_bytes_free(&r.reply);
	base.ops = *base.disk.ops;
	base.ops.begin = base.ops.commit = base.ops.reopen = unless_broken;
	base.ops.savepoint = savepoint;
	base.ops.release = release;
	base.ops.rollback_to = rollback_to;
	base.ops.rollback = undone;
	base.ops.session_get = session_get;
	base.ops.task_get = task_get;
	base.ops.task_update = task_update;
	base.ops.task_claimable = task_claimable;
	base.ops.seat_extend = seat_extend;
	base.ops.seat_of = seat_of;
	base.ops.seat_wanted = seat_wanted;
	base.ops.intent_drop = intent_drop;
	base.ops.audit_append = audit_append;
	base.ops.nonce_use = nonce_use;
	base.of_run = (struct pinf_store){base.disk.ctx, &base.ops};
}

void
fuzz_router_open(struct fuzz_router *r)
{
	if (base.disk.ctx == NULL)
		make_base();
	fuzz_check(base.disk.ops->begin(base.disk.ctx) == PINF_OK, "a run begins");
	open_core(r, &base.of_run);
	running = r;
}

bool
fuzz_router_task(uint64_t session, uint64_t id, struct pinf_task *task)
{
	return base.disk.ops->task_get(base.disk.ctx, session, id, task) == PINF_OK;
}

const struct pinf_wallet *
fuzz_router_owner(void)
{
	return &base.owner;
}

void
fuzz_router_close(struct fuzz_router *r)
{
	pinf_router_free(r->core);
	running = NULL;
	base.disk.ops->rollback(base.disk.ctx);
	pinf_bytes_free(&r->reply);
}
