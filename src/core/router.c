/* SPDX-License-Identifier: Apache-2.0 */
/* router.c -- the router's step: a batch in one transaction, effects after the commit.  spec/effects.md. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/audit.h"
#include "core/router_internal.h"

struct pinf_router_config
pinf_router_defaults(void)
{
	return (struct pinf_router_config){
	    .suite = PINF_SUITE_AES256GCM,
	    .blob_max = (uint64_t)512 << 20,
	    .waiters_max = 1024,
	    .tasks_open_max = 1000000,
	    .rate_per_minute = 60000,
	    .attempts_max = 8,
	    .ack_ms = 10000,
	    .precommit_ms = 120000,
	    .commit_ms = 30000,
	    .reserve_ms = 120000,
	    .timeout_ms = 300000,
	    .retention_ms = 86400000,
	    .grant_ms = 60000,
	    .seat_ms = 60000,
	    .rotation_min_ms = 3600000,
	    .orphan_ms = 600000,
	};
}

/* What memory holds beside the store: all of it can be lost at any time. */
enum pinf_err
router_rebuild(struct pinf_router *r)
{
	struct pinf_checkpoint checkpoint = {0};
	uint64_t clock_ms = 0;
	enum pinf_err err = r->store.ops->clock_get(r->store.ctx, &clock_ms);

	if (err != PINF_OK)
		return err;
	if (r->now_ms < clock_ms)
		r->now_ms = clock_ms;
	r->clock_saved_ms = clock_ms;
	r->wake_ms = 0;
	err = r->store.ops->audit_last(r->store.ctx, &r->audit_last);
	if (err == PINF_E_NOT_FOUND)
		memset(&r->audit_last, 0, sizeof r->audit_last);
	else if (err != PINF_OK)
		return err;
	err = r->store.ops->checkpoint_last(r->store.ctx, &checkpoint);
	if (err != PINF_OK && err != PINF_E_NOT_FOUND)
		return err;
	r->checkpoint_seq = checkpoint.seq;
	r->rotation_stale = true;
	err = acl_load(r);
	return err == PINF_OK ? chain_load(r) : err;
}

enum pinf_err
pinf_router_open(struct pinf_router **router, const struct pinf_router_config *config,
    struct pinf_keyring *keyring, struct pinf_store store, struct pinf_random random,
    uint64_t now_ms)
{
	struct pinf_router *r;
	enum pinf_err err = PINF_E_NO_MEMORY;

	if (pinf_keyring_active(keyring) == 0 || config->waiters_max > ROUTER_WAITERS_MAX ||
	    now_ms > ROUTER_CLOCK_MAX_MS || !acl_possible(&config->acl))
		return PINF_E_CONFIG;
	r = calloc(1, sizeof *r);
	if (r == NULL)
		return PINF_E_NO_MEMORY;
	r->config = *config;
	r->api.router = *pinf_keyring_address(keyring);
	r->api.domain = *pinf_keyring_domain(keyring);
	r->store = store;
	r->random = random;
	r->now_ms = now_ms;
	r->next_id = 1;
	r->callers.max = r->miners.max = config->waiters_max;
	r->callers.list = calloc(config->waiters_max, sizeof *r->callers.list);
	r->miners.list = calloc(config->waiters_max, sizeof *r->miners.list);
	r->ops = calloc(ROUTER_OPS_MAX, sizeof *r->ops);
	r->owed = calloc(PINF_EFFECTS_MAX, sizeof *r->owed);
	if (r->callers.list != NULL && r->miners.list != NULL && r->ops != NULL && r->owed != NULL)
		err = pinf_acl_new(&r->acl, random);
	if (err == PINF_OK)
		err = acl_open(r);
	if (err == PINF_OK)
		err = router_rebuild(r);
	if (err != PINF_OK) {
		pinf_router_free(r);
		return err;
	}
	r->keyring = keyring; /* Ours only now: a failed open leaves it to the caller. */
	r->queue_seq = r->now_ms << 16;
	*router = r;
	return PINF_OK;
}

void
pinf_router_free(struct pinf_router *router)
{
	if (router == NULL)
		return;
	while (router->op_count > 0)
		router_op_drop(router, &router->ops[0]);
	pinf_keyring_free(router->keyring);
	pinf_acl_free(router->acl);
	chain_free(router->chain);
	free(router->callers.list);
	free(router->miners.list);
	free(router->ops);
	free(router->owed);
	free(router);
}

struct pinf_api_config
pinf_router_api_config(const struct pinf_router *router)
{
	return router->api;
}

enum pinf_err
router_op(struct pinf_router *r, const struct op *op, enum pinf_effect_kind kind,
    struct pinf_effect **effect)
{
	struct pinf_effect *fx;

	if (r->op_count == ROUTER_OPS_MAX)
		return PINF_E_BUSY;
	fx = pinf_effects_add(r->fx, kind, op->id != 0 ? op->id : r->next_id);
	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	r->ops[r->op_count] = *op;
	if (op->id == 0)
		r->ops[r->op_count].id = r->next_id++;
	r->op_count++;
	*effect = fx;
	return PINF_OK;
}

struct op *
router_op_find(struct pinf_router *r, uint64_t id)
{
	for (size_t i = 0; i < r->op_count; i++)
		if (r->ops[i].id == id)
			return &r->ops[i];
	return NULL;
}

void
router_op_drop(struct pinf_router *r, struct op *op)
{
	assert(op >= r->ops && op < r->ops + r->op_count);
	/* The analyzer takes one operation's payload for the next one's.  NOLINTNEXTLINE(clang-analyzer-*) */
	free(op->payload);
	pinf_keyring_free(op->keyring);
	*op = r->ops[--r->op_count];
}

bool
router_works_on(const struct pinf_router *r, const struct pinf_hash *sha256, bool deleting)
{
	for (size_t i = 0; i < r->op_count; i++)
		if ((r->ops[i].kind == OP_DELETE) == deleting &&
		    pinf_hash_equal(&r->ops[i].sha256, sha256))
			return true;
	return false;
}

static enum pinf_err
audit_checkpoint(struct pinf_router *r)
{
	struct pinf_checkpoint checkpoint = {.seq = r->audit_last.seq, .head = r->audit_last.head};
	struct pinf_wallet identity = {
	    .secret = *pinf_keyring_identity(r->keyring),
	    .address = r->api.router,
	};
	struct pinf_hash digest;
	enum pinf_err err;

	pinf_checkpoint_digest(
	    &digest, &r->api.domain, &r->api.router, checkpoint.seq, &checkpoint.head);
	err = pinf_wallet_sign(&checkpoint.signature, &identity, &digest);
	pinf_wallet_wipe(&identity);
	if (err == PINF_OK)
		err = r->store.ops->checkpoint_insert(r->store.ctx, &checkpoint);
	if (err == PINF_OK)
		r->checkpoint_seq = checkpoint.seq;
	return err;
}

enum pinf_err
router_audit(struct pinf_router *r, struct pinf_audit *record)
{
	enum pinf_err err;

	record->time_ms = r->now_ms;
	pinf_audit_seal(record, r->audit_last.seq == 0 ? NULL : &r->audit_last);
	err = r->store.ops->audit_append(r->store.ctx, record);
	if (err != PINF_OK)
		return err;
	r->audit_last = *record;
	if (record->seq - r->checkpoint_seq >= ROUTER_CHECKPOINT_EVERY)
		return audit_checkpoint(r);
	return PINF_OK;
}

enum pinf_err
pinf_router_checkpoint(struct pinf_router *router)
{
	const uint64_t before = router->checkpoint_seq;
	enum pinf_err err;

	if (router->audit_last.seq == router->checkpoint_seq)
		return PINF_OK;
	err = router->store.ops->begin(router->store.ctx);
	if (err != PINF_OK)
		return err;
	err = audit_checkpoint(router);
	if (err == PINF_OK)
		err = router->store.ops->commit(router->store.ctx);
	else
		router->store.ops->rollback(router->store.ctx);
	if (err != PINF_OK)
		router->checkpoint_seq = before;
	return err;
}

/* by_wallet: an API key never does it, and is told so before anything about ids. */
static const struct {
	router_handler *handler;
	bool by_wallet;
} endpoints[PINF_ENDPOINTS] = {
    [PINF_EP_COMPLETION] = {route_completion, false},
    [PINF_EP_RESERVE] = {route_reserve, true},
    [PINF_EP_BLOB_PUT] = {route_blob_put, true},
    [PINF_EP_BLOB_GET] = {route_blob_get, true},
    [PINF_EP_KEY_SESSION] = {route_key, true},
    [PINF_EP_KEY_TASK] = {route_key, true},
    [PINF_EP_CLAIM] = {route_claim, true},
    [PINF_EP_ACK] = {route_ack, true},
    [PINF_EP_PRECOMMIT] = {route_precommit, true},
    [PINF_EP_COMMIT] = {route_commit, true},
    [PINF_EP_RELEASE] = {route_release, true},
    [PINF_EP_LEAVE] = {route_leave, true},
    [PINF_EP_SESSION_CREATE] = {route_session_create, true},
    [PINF_EP_SESSION_ALLOW] = {route_session_allow, true},
    [PINF_EP_SESSION_DENY] = {route_session_deny, true},
    [PINF_EP_SESSION_CLOSE] = {route_session_close, true},
    [PINF_EP_POOL] = {route_pool, true},
    [PINF_EP_POOL_ALLOW] = {route_pool_allow, true},
    [PINF_EP_POOL_DENY] = {route_pool_deny, true},
    [PINF_EP_SESSION_POLICY] = {route_session_policy, true},
    [PINF_EP_EXPLAIN] = {route_explain, true},
    [PINF_EP_SESSIONS] = {route_sessions, false},
    [PINF_EP_SESSION] = {route_session, false},
    [PINF_EP_TASKS] = {route_tasks, false},
    [PINF_EP_TASK] = {route_task, false},
    [PINF_EP_MINERS] = {route_miners, false},
    [PINF_EP_INFO] = {route_info, false},
    [PINF_EP_DEPLOYMENT] = {route_deployment, false},
    [PINF_EP_STATUS] = {route_status, false},
    [PINF_EP_KEYS] = {route_keys, true},
    [PINF_EP_KEY_ROTATE] = {route_key_rotate, true},
    [PINF_EP_KEY_DESTROY] = {route_key_destroy, true},
    [PINF_EP_HEALTH] = {route_health, false},
    [PINF_EP_METRICS] = {route_metrics, false},
};

static enum pinf_err
handle(struct call *c)
{
	enum pinf_err err = router_identify(c);

	if (err == PINF_OK && endpoints[c->rq->endpoint].by_wallet &&
	    c->rq->auth != PINF_AUTH_WALLET)
		return router_deny(c, c->rq->auth == PINF_AUTH_NONE ? PINF_RULE_AUTH_REQUIRED
								    : PINF_RULE_WALLET_REQUIRED);
	return err == PINF_OK ? endpoints[c->rq->endpoint].handler(c) : err;
}

/* A failure of the medium undoes the event; a peer's fault leaves what was decided (nonce, audit). */
bool
router_undoes(enum pinf_err err)
{
	return err == PINF_E_STORE || err == PINF_E_IO || err == PINF_E_FULL ||
	       err == PINF_E_CORRUPT || err == PINF_E_NO_MEMORY || err == PINF_E_CRYPTO ||
	       err == PINF_E_RANDOM;
}

static enum pinf_err
on_request(struct pinf_router *r, const struct pinf_event *event)
{
	struct call c = {.r = r, .request = event->id, .rq = event->request};
	const size_t fx_before = r->fx->count;
	enum pinf_err err;

	assert(event->request->endpoint < PINF_ENDPOINTS &&
	       endpoints[event->request->endpoint].handler != NULL);
	r->counters.requests++;
	err = handle(&c);
	if (err == PINF_OK)
		return PINF_OK;
	r->counters.errors[err]++;
	pinf_effects_cut(r->fx, fx_before);
	c.error.err = err;
	reply_error(r, event->id, &c.error);
	return router_undoes(err) || err == PINF_E_BUSY ? err : PINF_OK;
}

static enum pinf_err
on_answer(struct pinf_router *r, const struct pinf_event *event)
{
	struct op *op = router_op_find(r, event->id);
	struct pinf_effect *drop;

	if (op == NULL) { /* Of a batch that was undone: nobody waits for it any more. */
		if (event->kind != PINF_EV_SEALED)
			return PINF_OK;
		drop = pinf_effects_add(r->fx, PINF_FX_DROP, event->id);
		return drop == NULL ? PINF_E_NO_MEMORY : PINF_OK;
	}
	switch (op->kind) {
	case OP_SEAL_INPUT: return task_sealed(r, op, event);
	case OP_STORE_INPUT: return task_stored(r, op, event->err);
	case OP_CHECK_INPUT: return task_input_checked(r, op, event->err);
	case OP_CHECK_RESULT: return lease_result_checked(r, op, event->err);
	case OP_UPLOAD: return blob_uploaded(r, op, event->err);
	case OP_DELIVER: return task_delivered(r, op, event->err);
	case OP_DELETE: return blob_deleted(r, op, event->err);
	case OP_CHAIN: return chain_answered(r, op, event);
	case OP_SAVE_KEYRING: return key_saved(r, op, event->err);
	}
	assert(false && "an operation of unknown kind");
	return PINF_OK;
}

static enum pinf_err
on_event(struct pinf_router *r, const struct pinf_event *event)
{
	switch (event->kind) {
	case PINF_EV_REQUEST: return on_request(r, event);
	case PINF_EV_HANGUP: wait_forget(r, event->id); return lease_unheard(r, &event->lease);
	case PINF_EV_SEALED:
	case PINF_EV_STORED:
	case PINF_EV_CHECKED:
	case PINF_EV_DELIVERED:
	case PINF_EV_DELETED:
	case PINF_EV_CHAIN:
	case PINF_EV_SAVED: return on_answer(r, event);
	case PINF_EV_TIMER: return PINF_OK; /* Timers are looked at after every batch. */
	case PINF_EV_REPLY:
	case PINF_EV_OPENED:
	case PINF_EV_INFERRED:
	case PINF_EV_STOP: break;
	}
	assert(false && "an event that is not the router's");
	return PINF_OK;
}

/* What time brings: leases that ran out, callers whose patience did, orphans, the durable clock. */
static enum pinf_err
on_time(struct pinf_router *r)
{
	enum pinf_err err = r->chain != NULL ? chain_time(r) : PINF_OK;

	if (err == PINF_OK)
		err = task_timers(r);
	if (err == PINF_OK)
		err = pool_time(r);
	if (err == PINF_OK)
		err = key_time(r);
	if (err == PINF_OK && (r->wake_miners || r->wake_session != 0))
		err = wait_serve_miners(r);
	if (err == PINF_OK)
		err = wait_expired(r);
	if (err == PINF_OK && r->now_ms >= r->housekeeping_ms) {
		r->housekeeping_ms = r->now_ms + ROUTER_HOUSEKEEPING_MS;
		err = blob_sweep(r);
		if (err == PINF_OK) /* Only what has expired for the clock that survives a crash. */
			err = r->store.ops->nonce_prune(r->store.ctx,
			    PINF_BUG(nonces_pruned_early) ? UINT64_MAX / 2 : r->clock_saved_ms);
	}
	if (err == PINF_OK && r->now_ms >= r->clock_saved_ms + 1000) {
		err = r->store.ops->clock_set(r->store.ctx, r->now_ms);
		if (err == PINF_OK)
			r->clock_saved_ms = r->now_ms;
	}
	return err;
}

static enum pinf_err
ask_to_wake(struct pinf_router *r)
{
	struct pinf_effect *fx;
	uint64_t at_ms = 0, wait_ms;
	enum pinf_err err = r->store.ops->next_due(r->store.ctx, &at_ms);

	if (err != PINF_OK)
		return err;
	if (at_ms > wait_next_ms(r))
		at_ms = wait_next_ms(r);
	if (at_ms > chain_next_ms(r))
		at_ms = chain_next_ms(r);
	if (at_ms > key_next_ms(r))
		at_ms = key_next_ms(r);
	if (at_ms > r->housekeeping_ms)
		at_ms = r->housekeeping_ms;
	if (at_ms == r->wake_ms && at_ms > r->now_ms)
		return PINF_OK;
	fx = pinf_effects_add(r->fx, PINF_FX_WAKE, 0);
	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	r->wake_ms = at_ms;
	wait_ms = at_ms > r->now_ms ? at_ms - r->now_ms : 0;
	if (wait_ms > ROUTER_CLOCK_MAX_MS)
		wait_ms = ROUTER_CLOCK_MAX_MS;
	fx->at_ms = r->mono_ms + (r->is_ahead ? 2 * wait_ms : wait_ms);
	return PINF_OK;
}

/*
 * A wall clock that is set back does not stop time: until it has come up again, time goes on at half its pace, and what
 * has a limit ends.  Else a list read from the chain would be as good as new for as long as that takes.
 */
static void
tell_time(struct pinf_router *r, const struct pinf_event *event)
{
	const uint64_t mono_ms = pinf_event_clock_ms(event);
	const bool first = r->mono_ms == 0 || mono_ms < r->mono_ms;
	const uint64_t passed_ms = first ? 0 : (mono_ms - r->mono_ms) / 2;
	const uint64_t least_ms = r->now_ms + (PINF_BUG(clock_stands_still) ? 0 : passed_ms);

	r->is_ahead = event->now_ms < least_ms || event->now_ms > ROUTER_CLOCK_MAX_MS;
	if (r->is_ahead)
		PINF_SOMETIMES(clock_set_back);
	r->now_ms = r->is_ahead ? least_ms : event->now_ms;
	r->mono_ms = r->is_ahead && !first ? r->mono_ms + 2 * passed_ms : mono_ms;
	/* It has come; by a clock that slowed down meanwhile, it may have come too soon. */
	if (event->kind == PINF_EV_TIMER)
		r->wake_ms = 0;
}

/* One event under a savepoint: what fails half-way is undone, and nothing else. */
static enum pinf_err
step_event(struct pinf_router *r, const struct pinf_event *event)
{
	const struct pinf_store_ops *ops = r->store.ops;
	const struct pinf_audit audit_last = r->audit_last;
	const uint64_t checkpoint_seq = r->checkpoint_seq;
	const size_t waiting = r->callers.count + r->miners.count, working = r->op_count;
	enum pinf_err err;

	tell_time(r, event);
	r->acl_touched = false;
	err = ops->savepoint(r->store.ctx);
	if (err != PINF_OK)
		return err;
	err = on_event(r, event);
	if (err == PINF_OK)
		return ops->release(r->store.ctx);
	/* An answer to work in flight would be lost, or those who waited and were answered forgotten. */
	if (event->kind != PINF_EV_REQUEST || waiting != r->callers.count + r->miners.count ||
	    working != r->op_count)
		return err;
	PINF_SOMETIMES(event_undone);
	r->audit_last = audit_last;
	r->checkpoint_seq = checkpoint_seq;
	err = ops->rollback_to(r->store.ctx);
	if (err == PINF_OK && r->acl_touched)
		err = acl_load(r);
	return err == PINF_OK && r->acl_touched ? chain_load(r) : err;
}

enum pinf_err
pinf_router_step(struct pinf_router *router, struct pinf_event *events, size_t count,
    struct pinf_effects *effects)
{
	const struct pinf_store_ops *ops = router->store.ops;
	const struct step step = {events, count, effects->count, router->next_id};
	enum pinf_err err, undo;

	assert(count <= PINF_BATCH_MAX);
	router->fx = effects;
	router->wake_miners = false;
	router->wake_session = 0;
	err = router->uncommitted ? ops->commit(router->store.ctx) : PINF_OK;
	router->uncommitted = false;
	if (err == PINF_OK)
		err = ops->begin(router->store.ctx);
	for (size_t i = 0; i < count && err == PINF_OK; i++)
		err = step_event(router, &events[i]);
	if (err == PINF_OK)
		err = on_time(router);
	if (err == PINF_OK)
		err = ask_to_wake(router);
	if (err == PINF_OK && PINF_BUG(effect_before_commit))
		router->uncommitted = true;
	else if (err == PINF_OK)
		err = ops->commit(router->store.ctx);
	if (err != PINF_OK && PINF_BUG(commit_failure_ignored)) {
		ops->rollback(router->store.ctx);
		err = ops->reopen(router->store.ctx);
	}
	if (err == PINF_OK)
		return PINF_OK;
	undo = step_undo(router, &step, err);
	return undo == PINF_OK ? err : PINF_E_CORRUPT;
}
