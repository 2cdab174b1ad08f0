/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_blob.c -- who may put and get which blob, and the sweep of those that nothing refers to.
 * A blob is named by its SHA-256, written once, and has a live task or an intent.  spec/effects.md.
 */
#include <string.h>

#include <pinf/bug.h>

#include "core/router_internal.h"

/* Uploads belong to a reservation of the owner's or to a live attempt of the miner's. */
static enum pinf_err
permit_put(struct call *c)
{
	enum pinf_err err;

	c->rq->attempt =
	    c->task.attempt; /* The header names the task; its miner has one attempt. */
	if (router_task_actor(c) == PINF_ACTOR_OWNER) {
		err = router_permit(c, PINF_ACT_SUBMIT, PINF_ACTOR_OWNER, c->task.route);
		if (err == PINF_OK && c->task.state != PINF_TASK_RESERVED)
			err = PINF_E_STATE;
		return err;
	}
	err = router_permit(c, PINF_ACT_ACCEPT, PINF_ACTOR_MINER, c->task.route);
	return err == PINF_OK && c->task.state >= PINF_TASK_COMMITTED ? PINF_E_STATE : err;
}

enum pinf_err
route_blob_put(struct call *c)
{
	struct pinf_router *r = c->r;
	const struct op op = {
	    .kind = OP_UPLOAD,
	    .request = c->request,
	    .session = c->rq->session,
	    .task = c->rq->task,
	    .sha256 = c->rq->blob_sha256,
	    .size = c->rq->blob_size,
	};
	struct pinf_intent intent = {
	    .sha256 = op.sha256,
	    .session = op.session,
	    .task = op.task,
	    .size = op.size,
	    .expires_ms = r->now_ms + r->config.orphan_ms,
	};
	struct pinf_effect *fx;
	size_t uploads = 0;
	enum pinf_err err = router_load_task(c);

	if (err == PINF_OK)
		err = permit_put(c);
	if (err != PINF_OK)
		return err;
	if (op.size > r->config.blob_max)
		return PINF_E_TOO_LARGE;
	intent.attempt = c->task.state == PINF_TASK_RESERVED ? 0 : c->task.attempt;
	if (intent.expires_ms < c->task.deadline_ms)
		intent.expires_ms = c->task.deadline_ms;
	err =
	    r->store.ops->intent_count(r->store.ctx, op.session, op.task, intent.attempt, &uploads);
	if (err == PINF_OK &&
	    (uploads >= ROUTER_INTENTS_MAX || router_works_on(r, &op.sha256, true)))
		err = PINF_E_BUSY;
	if (err == PINF_OK)
		err = r->store.ops->intent_put(r->store.ctx, &intent);
	if (err == PINF_OK)
		err = router_op(r, &op, PINF_FX_UPLOAD, &fx);
	if (err != PINF_OK)
		return err;
	fx->request = c->request;
	fx->sha256 = op.sha256;
	fx->size = op.size;
	return PINF_OK;
}

enum pinf_err
blob_uploaded(struct pinf_router *r, struct op *op, enum pinf_err outcome)
{
	struct pinf_json_writer w;
	char urn[PINF_URN_MAX + 1];
	enum pinf_err err = outcome;

	if (err == PINF_OK)
		err = pinf_urn_of_blob(urn, &r->config.storage, &op->sha256);
	if (err != PINF_OK) {
		reply_error(r, op->request, &(struct pinf_api_error){.err = err});
	} else {
		err = reply_begin(r, op->request, 201, &w);
		if (err != PINF_OK)
			return err;
		pinf_json_put_hex(&w, "sha256", false, op->sha256.bytes, PINF_HASH_LEN);
		pinf_json_put_uint(&w, "size", op->size);
		pinf_json_put_str(&w, "urn", urn);
		err = reply_end(&w);
		if (err != PINF_OK)
			return err;
	}
	router_op_drop(r, op);
	return PINF_OK;
}

enum pinf_err
route_blob_get(struct call *c)
{
	struct pinf_router *r = c->r;
	const struct pinf_payload *payload = NULL;
	struct pinf_effect *fx;
	enum pinf_actor actor;
	enum pinf_err err = router_load_task(c);

	if (err != PINF_OK)
		return err;
	c->rq->attempt = c->task.attempt;
	actor = router_task_actor(c);
	err = router_permit(
	    c, actor == PINF_ACTOR_MINER ? PINF_ACT_ACCEPT : PINF_ACT_READ, actor, c->task.route);
	if (err != PINF_OK)
		return err;
	if (actor == PINF_ACTOR_MINER && c->task.state >= PINF_TASK_COMMITTED)
		return PINF_E_STATE;
	if (c->task.input.urn[0] != '\0' &&
	    pinf_hash_equal(&c->task.input.sha256, &c->rq->blob_sha256))
		payload = &c->task.input;
	else if (actor != PINF_ACTOR_MINER && c->task.result.urn[0] != '\0' &&
		 pinf_hash_equal(&c->task.result.sha256, &c->rq->blob_sha256))
		payload = &c->task.result;
	if (payload == NULL)
		return PINF_E_NO_BLOB;
	if (payload == &c->task.result && c->task.state == PINF_TASK_COMMITTED) {
		c->task.state = PINF_TASK_CLOSED;
		c->task.due_ms = 0;
		err = r->store.ops->task_update(r->store.ctx, &c->task);
		if (err != PINF_OK)
			return err;
	}
	fx = pinf_effects_add(r->fx, PINF_FX_SERVE, c->request);
	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	fx->sha256 = payload->sha256;
	fx->size = payload->size;
	return PINF_OK;
}

enum pinf_err
blob_sweep(struct pinf_router *r)
{
	struct pinf_intent intent;

	for (int i = 0; i < ROUTER_DUE_MAX && r->op_count < ROUTER_OPS_MAX / 2; i++) {
		struct op op = {.kind = OP_DELETE};
		struct pinf_effect *fx;
		bool referenced = false;
		enum pinf_err err = r->store.ops->intent_due(r->store.ctx, r->now_ms, &intent);

		if (err == PINF_E_NOT_FOUND)
			return PINF_OK;
		if (err == PINF_OK)
			err = r->store.ops->blob_referenced(
			    r->store.ctx, &intent.sha256, &referenced);
		if (err == PINF_OK && referenced)
			err = r->store.ops->intent_drop(r->store.ctx, &intent.sha256);
		else if (err ==
			 PINF_OK) { /* Looked at again later, should this deletion get lost. */
			intent.expires_ms = r->now_ms + r->config.orphan_ms;
			err = r->store.ops->intent_put(r->store.ctx, &intent);
		}
		if (err != PINF_OK)
			return err;
		PINF_SOMETIMES(orphan_swept);
		if (referenced || router_works_on(r, &intent.sha256, false))
			continue;
		op.sha256 = intent.sha256;
		err = router_op(r, &op, PINF_FX_DELETE, &fx);
		if (err != PINF_OK)
			return err;
		fx->sha256 = intent.sha256;
	}
	return PINF_OK;
}

enum pinf_err
blob_deleted(struct pinf_router *r, struct op *op, enum pinf_err outcome)
{
	enum pinf_err err = PINF_OK;

	if (outcome == PINF_OK || outcome == PINF_E_NO_BLOB)
		err = r->store.ops->intent_drop(r->store.ctx, &op->sha256);
	if (err == PINF_OK)
		router_op_drop(r, op);
	return err;
}
