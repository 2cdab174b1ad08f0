/* SPDX-License-Identifier: Apache-2.0 */
/* router_key.c -- key grants, and the administration of key versions.  spec/grants.md, spec/keys.md. */
#include <string.h>

#include <pinf/bug.h>

#include "core/router_internal.h"

struct pinf_scope
key_input_scope(const struct pinf_task *task)
{
	struct pinf_scope scope = {
	    .kind = PINF_SCOPE_TASK,
	    .purpose = PINF_PURPOSE_INPUT,
	    .session = task->session,
	    .task = task->id,
	};

	memcpy(scope.instance, task->instance, sizeof scope.instance);
	return scope;
}

struct pinf_scope
key_result_scope(const struct pinf_task *task)
{
	struct pinf_scope scope = key_input_scope(task);

	scope.purpose = PINF_PURPOSE_RESULT;
	scope.attempt = task->attempt;
	scope.miner = task->miner;
	return scope;
}

static struct pinf_scope
session_scope(const struct pinf_session *session)
{
	struct pinf_scope scope = {
	    .kind = PINF_SCOPE_SESSION,
	    .purpose = PINF_PURPOSE_INPUT,
	    .session = session->id,
	};

	memcpy(scope.instance, session->instance, sizeof scope.instance);
	return scope;
}

/* Which key a permitted request is about. */
static enum pinf_err
requested_scope(const struct call *c, bool by_owner, struct pinf_scope *scope)
{
	if (c->rq->endpoint == PINF_EP_KEY_SESSION) {
		/* A miner gets it for the task it holds, if that task's input was sealed so. */
		if (!by_owner && c->task.input.scope.kind != PINF_SCOPE_SESSION)
			return PINF_E_SCOPE;
		*scope = session_scope(&c->session);
		return PINF_OK;
	}
	if (c->rq->purpose == PINF_PURPOSE_INPUT) {
		*scope = key_input_scope(&c->task);
		return PINF_OK;
	}
	if (by_owner && c->task.state != PINF_TASK_COMMITTED && c->task.state != PINF_TASK_CLOSED)
		return PINF_E_STATE; /* There is no result yet, so no attempt whose key to read it with. */
	if (c->rq->attempt != c->task.attempt)
		return PINF_E_STATE;
	*scope = key_result_scope(&c->task);
	return PINF_OK;
}

static uint32_t
grant_ms(const struct call *c)
{
	const uint32_t most = c->session.policy.grant_ms;

	return most != 0 && most < c->r->config.grant_ms ? most : c->r->config.grant_ms;
}

static enum pinf_err
grant(struct call *c, const struct pinf_scope *scope, uint32_t version)
{
	struct pinf_router *r = c->r;
	struct pinf_grant g = {
	    .request_digest = c->rq->auth_digest,
	    .scope = *scope,
	    .key_version = version,
	    .expires_ms = r->now_ms + grant_ms(c),
	};
	struct pinf_audit record = {
	    .kind = PINF_AUDIT_GRANT,
	    .actor = c->who,
	    .session = scope->session,
	    .task = scope->task,
	    .attempt = scope->attempt,
	    .key_version = version,
	    .purpose = scope->purpose,
	    .digest = c->rq->auth_digest,
	};
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_effect *fx;
	enum pinf_err err = pinf_keyring_derive(r->keyring, version, scope, &key);

	if (err == PINF_OK)
		err = router_audit(r, &record);
	if (err != PINF_OK)
		return err;
	g.audit_seq = record.seq;
	g.audit_head = record.head;
	err = pinf_grant_make(&g, &key, c->rq->hpke_public, &r->api.domain,
	    pinf_keyring_identity(r->keyring), r->random);
	if (err != PINF_OK)
		return err;
	fx = pinf_effects_add(r->fx, PINF_FX_RESPOND, c->request);
	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	fx->status = 200;
	r->counters.grants++;
	return pinf_grant_encode(&fx->body, &g);
}

enum pinf_err
route_key(struct call *c)
{
	const bool needs_task = c->rq->endpoint == PINF_EP_KEY_TASK || c->rq->task != 0;
	const enum pinf_action action =
	    c->rq->purpose == PINF_PURPOSE_RESULT ? PINF_ACT_ISSUE_RESULT : PINF_ACT_ISSUE_INPUT;
	enum pinf_err err =
	    needs_task ? router_load_task(c) : router_load_session(c, c->rq->session);
	struct pinf_scope scope;
	enum pinf_actor actor;
	uint32_t version;

	if (err != PINF_OK)
		return err;
	if (c->rq->purpose == PINF_PURPOSE_INPUT && c->rq->attempt == 0)
		c->rq->attempt = c->task.attempt; /* Whoever holds the task's only lease. */
	actor = router_task_actor(c);
	err =
	    router_permit(c, action, actor, needs_task ? c->task.route : PINF_ROUTE_CALLER_SEALED);
	if (err == PINF_OK)
		err = requested_scope(c, actor == PINF_ACTOR_OWNER, &scope);
	if (err != PINF_OK)
		return err;
	version = needs_task ? c->task.key_version : pinf_keyring_active(c->r->keyring);
	return grant(c, &scope, version);
}

enum pinf_err
route_keys(struct call *c)
{
	struct pinf_keyring *keyring = c->r->keyring;
	struct pinf_json_writer w;
	enum pinf_err err = router_permit(
	    c, PINF_ACT_ADMINISTER, router_actor(c, PINF_ACTOR_WALLET_OTHER), PINF_ROUTE_PLAIN);

	if (err == PINF_OK)
		err = reply_begin(c->r, c->request, 200, &w);
	if (err != PINF_OK)
		return err;
	pinf_json_open(&w, "keys", '[');
	for (size_t i = 0; i < pinf_keyring_count(keyring); i++) {
		const struct pinf_key_info info = pinf_keyring_info(keyring, i);

		pinf_json_open(&w, NULL, '{');
		pinf_json_put_uint(&w, "created_ms", info.created_ms);
		pinf_json_put_hex(
		    &w, "fingerprint", false, info.fingerprint, sizeof info.fingerprint);
		pinf_json_put_str(&w, "state", pinf_key_state_name(info.state));
		pinf_json_put_uint(&w, "version", info.version);
		pinf_json_close(&w, '}');
	}
	pinf_json_close(&w, ']');
	return reply_end(&w);
}

/* The changed copy takes the keyring's place once its file is durable: key_saved().  by NULL: time. */
static enum pinf_err
save(struct pinf_router *r, const struct call *by, struct pinf_keyring *changed, uint32_t version)
{
	struct op op = {.kind = OP_SAVE_KEYRING, .key_version = version, .keyring = changed};
	struct pinf_effect *fx;
	enum pinf_err err;

	if (by != NULL) {
		op.request = by->request;
		op.actor = by->who;
	}
	err = router_op(r, &op, PINF_FX_SAVE_KEYRING, &fx);

	if (err == PINF_OK)
		fx->keyring = changed;
	return err;
}

/* One change at a time: each starts from the one before. */
static bool
is_saving(const struct pinf_router *r)
{
	for (size_t i = 0; i < r->op_count; i++)
		if (r->ops[i].kind == OP_SAVE_KEYRING)
			return true;
	return false;
}

static enum pinf_err
begin_change(struct call *c, struct pinf_keyring **changed)
{
	enum pinf_err err = router_permit(
	    c, PINF_ACT_ADMINISTER, router_actor(c, PINF_ACTOR_WALLET_OTHER), PINF_ROUTE_PLAIN);

	if (err == PINF_OK && (c->r->op_count == ROUTER_OPS_MAX || is_saving(c->r)))
		err = PINF_E_BUSY;
	return err == PINF_OK ? pinf_keyring_clone(changed, c->r->keyring) : err;
}

static enum pinf_err
rotate(struct pinf_router *r, const struct call *by, struct pinf_keyring *changed)
{
	uint32_t version = 0;
	enum pinf_err err = pinf_keyring_rotate(changed, &version, r->now_ms, r->random);

	if (err == PINF_OK)
		err = save(r, by, changed, version);
	if (err != PINF_OK)
		pinf_keyring_free(changed);
	return err;
}

enum pinf_err
route_key_rotate(struct call *c)
{
	struct pinf_keyring *changed = NULL;
	enum pinf_err err = begin_change(c, &changed);

	return err == PINF_OK ? rotate(c->r, c, changed) : err;
}

uint64_t
key_active_ms(const struct pinf_router *r)
{
	for (size_t i = pinf_keyring_count(r->keyring); i > 0; i--) {
		const struct pinf_key_info info = pinf_keyring_info(r->keyring, i - 1);

		if (info.state == PINF_KEY_ACTIVE)
			return info.created_ms;
	}
	return 0;
}

/* An eighth of the period early: the new version is there before the old one is refused. */
uint64_t
key_next_ms(const struct pinf_router *r)
{
	uint64_t due_ms;

	if (r->rotation_ms == UINT64_MAX || is_saving(r))
		return UINT64_MAX;
	due_ms = key_active_ms(r) + r->rotation_ms - r->rotation_ms / 8;
	return due_ms > r->rotation_retry_ms ? due_ms : r->rotation_retry_ms;
}

enum pinf_err
key_time(struct pinf_router *r)
{
	struct pinf_keyring *changed = NULL;
	enum pinf_err err = PINF_OK;

	if (r->rotation_stale)
		err = r->store.ops->rotation_shortest(r->store.ctx, &r->rotation_ms);
	if (err != PINF_OK)
		return err;
	if (r->rotation_ms < r->config.rotation_min_ms)
		r->rotation_ms = r->config.rotation_min_ms; /* of a session from before */
	r->rotation_stale = false;
	if (key_next_ms(r) > r->now_ms)
		return PINF_OK;
	/* What fails here is no fault of the batch's: the file may be written the next time. */
	r->rotation_retry_ms = r->now_ms + ROUTER_ROTATE_RETRY_MS;
	err = pinf_keyring_clone(&changed, r->keyring);
	if (err == PINF_OK)
		err = rotate(r, NULL, changed);
	if (err != PINF_OK)
		r->counters.errors[err]++;
	return PINF_OK;
}

/* Open tasks and unread results of the version: none, or (forced) each failed by name. */
static enum pinf_err
give_up_tasks(struct call *c)
{
	struct pinf_store *store = &c->r->store;
	uint64_t count = 0;

	while (!PINF_BUG(version_not_needed)) {
		enum pinf_err err =
		    store->ops->tasks_of_version(store->ctx, c->rq->key_version, &count, &c->task);

		if (err != PINF_OK || count == 0)
			return err;
		if (!c->rq->force) {
			PINF_SOMETIMES(version_in_use);
			return PINF_E_KEY_IN_USE;
		}
		err = task_fail(c->r, &c->task, PINF_E_KEY_DESTROYED);
		if (err != PINF_OK)
			return err;
	}
	return PINF_OK;
}

enum pinf_err
route_key_destroy(struct call *c)
{
	struct pinf_keyring *changed = NULL;
	enum pinf_err err = begin_change(c, &changed);

	if (err != PINF_OK)
		return err;
	err = pinf_keyring_destroy(changed, c->rq->key_version);
	if (err == PINF_OK)
		err = give_up_tasks(c);
	if (err == PINF_OK)
		err = save(c->r, c, changed, c->rq->key_version);
	if (err != PINF_OK)
		pinf_keyring_free(changed);
	return err;
}

void
key_adopt(struct pinf_router *r, struct op *op)
{
	if (op->keyring == NULL)
		return;
	pinf_keyring_free(r->keyring);
	r->keyring = op->keyring;
	op->keyring = NULL;
}

enum pinf_err
key_saved(struct pinf_router *r, struct op *op, enum pinf_err outcome)
{
	struct pinf_audit record = {
	    .kind = PINF_AUDIT_KEY, .actor = op->actor, .key_version = op->key_version};
	struct pinf_json_writer w;
	enum pinf_err err;

	if (outcome != PINF_OK) {
		if (op->request != 0)
			reply_error(r, op->request, &(struct pinf_api_error){.err = outcome});
		else
			r->counters.errors[outcome]++;
		router_op_drop(r, op);
		return PINF_OK;
	}
	key_adopt(r, op); /* whatever becomes of the audit record */
	err = router_audit(r, &record);
	if (err == PINF_OK && op->request == 0) {
		router_op_drop(r, op);
		return PINF_OK;
	}
	if (err == PINF_OK)
		err = reply_begin(r, op->request, 200, &w);
	if (err != PINF_OK)
		return err;
	pinf_json_put_uint(&w, "active", pinf_keyring_active(r->keyring));
	pinf_json_put_uint(&w, "key_version", op->key_version);
	err = reply_end(&w);
	if (err == PINF_OK)
		router_op_drop(r, op);
	return err;
}
