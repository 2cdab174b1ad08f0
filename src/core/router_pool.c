/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_pool.c -- who is assigned to a session for a while.  A pooled session has seats; the router
 * gives a free one to a miner of its pool that claims while work waits there, and takes it back from
 * one that is not heard of.  Being seated is being listed: all the rest is the list's.  spec/acl.md#assignments.
 */
#include <pinf/bug.h>

#include "core/router_internal.h"

#define SEATS_DUE_MAX 64 /* taken back in one step */

static struct pinf_member
pool_member(const struct pinf_address *miner)
{
	return (struct pinf_member){.source = PINF_ACL_ROUTER, .miner = *miner};
}

static bool
in_pool(const struct pinf_router *r, const struct pinf_address *miner)
{
	return (pinf_acl_sources(r->acl, 0, miner) & 1u << PINF_ACL_ROUTER) != 0;
}

/* Whoever comes or goes: a new epoch, and a record of it. */
static enum pinf_err
seat_changed(struct pinf_router *r, struct pinf_session *session, const struct pinf_member *seat,
    struct pinf_audit *record)
{
	record->actor = seat->miner;
	record->session = session->id;
	session->epoch++;
	const enum pinf_err err = r->store.ops->session_update(r->store.ctx, session);
	return err == PINF_OK ? router_audit(r, record) : err;
}

static enum pinf_err
give_seat(struct pinf_router *r, struct pinf_session *session, const struct pinf_address *miner)
{
	const struct pinf_member seat = {.session = session->id,
	    .source = PINF_ACL_ROUTER,
	    .miner = *miner,
	    .until_ms = r->now_ms + r->config.seat_ms};
	struct pinf_audit record = {.kind = PINF_AUDIT_ALLOW};
	bool changed = false;
	enum pinf_err err = acl_change(r, &seat, true, &changed);

	return err == PINF_OK && changed ? seat_changed(r, session, &seat, &record) : err;
}

static enum pinf_err
take_seat(
    struct pinf_router *r, const struct pinf_member *seat, const struct pinf_hash *request_digest)
{
	struct pinf_audit record = {.kind = PINF_AUDIT_DENY};
	struct pinf_session session;
	bool changed = false;
	enum pinf_err err = r->store.ops->session_get(r->store.ctx, seat->session, &session);

	if (err == PINF_OK)
		err = acl_change(r, seat, false, &changed);
	if (err != PINF_OK || !changed)
		return err;
	if (request_digest != NULL)
		record.digest = *request_digest;
	r->wake_miners = true; /* Somebody else may sit there now. */
	return seat_changed(r, &session, seat, &record);
}

enum pinf_err
pool_seat(struct pinf_router *r, const struct pinf_claim *claim, bool *seated)
{
	struct pinf_session session;
	uint64_t wanted = 0;
	enum pinf_err err;

	*seated = false;
	if (claim->only_session != 0 || !in_pool(r, &claim->miner))
		return PINF_OK;
	err = r->store.ops->seat_wanted(r->store.ctx, claim, &wanted);
	if (err != PINF_OK || wanted == 0)
		return err;
	err = r->store.ops->session_get(r->store.ctx, wanted, &session);
	if (err == PINF_OK)
		err = give_seat(r, &session, &claim->miner);
	*seated = err == PINF_OK;
	return err;
}

enum pinf_err
pool_heard_of(struct pinf_router *r, const struct pinf_address *miner, const struct pinf_task *task)
{
	const uint64_t from_ms =
	    task != NULL && task->due_ms > r->now_ms ? task->due_ms : r->now_ms;

	if (!in_pool(r, miner))
		return PINF_OK;
	return r->store.ops->seat_extend(
	    r->store.ctx, miner, task == NULL ? 0 : task->session, from_ms + r->config.seat_ms);
}

enum pinf_err
pool_time(struct pinf_router *r)
{
	struct pinf_member seat;

	for (int i = 0; i < SEATS_DUE_MAX; i++) {
		enum pinf_err err = r->store.ops->seat_due(r->store.ctx, r->now_ms, &seat);

		if (err == PINF_E_NOT_FOUND)
			return PINF_OK;
		PINF_SOMETIMES(seat_ran_out);
		if (err == PINF_OK)
			err = take_seat(r, &seat, NULL);
		if (err != PINF_OK)
			return err;
	}
	return PINF_OK; /* next_due is in the past, and wakes us at once. */
}

static enum pinf_err
reply_pool(struct call *c)
{
	struct pinf_member page[256], after = {.task = PINF_ID_MAX};
	const size_t max = sizeof page / sizeof page[0];
	size_t count = max;
	struct pinf_json_writer w;
	enum pinf_err err = reply_begin(c->r, c->request, 200, &w);

	if (err != PINF_OK)
		return err;
	pinf_json_open(&w, "miners", '[');
	while (count == max && after.session == 0) {
		err = c->r->store.ops->member_list(c->r->store.ctx, &after, page, max, &count);
		if (err != PINF_OK)
			return err;
		for (size_t i = 0; i < count; i++) {
			after = page[i];
			if (after.session == 0)
				pinf_json_put_address(&w, NULL, &after.miner);
		}
	}
	pinf_json_close(&w, ']');
	return reply_end(&w);
}

/* The pool is of no session: nobody owns it, so the administrator alone gets past the policy. */
static enum pinf_err
administer_pool(struct call *c)
{
	return router_permit(
	    c, PINF_ACT_ADMINISTER, router_actor(c, PINF_ACTOR_WALLET_OTHER), PINF_ROUTE_PLAIN);
}

static enum pinf_err
audit_pool(struct call *c, enum pinf_audit_kind kind)
{
	struct pinf_audit record = {
	    .kind = kind, .actor = c->rq->miner, .digest = c->rq->auth_digest};

	return router_audit(c->r, &record);
}

enum pinf_err
route_pool(struct call *c)
{
	const enum pinf_err err = administer_pool(c);

	return err == PINF_OK ? reply_pool(c) : err;
}

enum pinf_err
route_pool_allow(struct call *c)
{
	const struct pinf_member member = pool_member(&c->rq->miner);
	bool changed = false;
	enum pinf_err err = administer_pool(c);

	if (err == PINF_OK)
		err = acl_change(c->r, &member, true, &changed);
	if (err == PINF_OK && changed)
		err = audit_pool(c, PINF_AUDIT_ALLOW);
	c->r->wake_miners |= changed;
	return err == PINF_OK ? reply_pool(c) : err;
}

/* Out of the pool is out of every seat. */
static enum pinf_err
take_seats(struct call *c)
{
	struct pinf_member seat;
	enum pinf_err err = PINF_OK;

	while (err == PINF_OK) {
		err = c->r->store.ops->seat_of(c->r->store.ctx, &c->rq->miner, &seat);
		if (err != PINF_OK)
			break;
		PINF_SOMETIMES(seat_of_pool_taken);
		err = take_seat(c->r, &seat, &c->rq->auth_digest);
	}
	return err == PINF_E_NOT_FOUND ? PINF_OK : err;
}

enum pinf_err
route_pool_deny(struct call *c)
{
	const struct pinf_member member = pool_member(&c->rq->miner);
	bool changed = false;
	enum pinf_err err = administer_pool(c);

	if (err == PINF_OK)
		err = acl_change(c->r, &member, false, &changed);
	if (err == PINF_OK && changed)
		err = audit_pool(c, PINF_AUDIT_DENY);
	if (err == PINF_OK && !PINF_BUG(seat_kept))
		err = take_seats(c);
	return err == PINF_OK ? reply_pool(c) : err;
}

/* A miner goes by itself.  It speaks of nobody else, so there is nothing to decide but who it is. */
enum pinf_err
route_leave(struct call *c)
{
	const struct pinf_member seat = {
	    .session = c->rq->session, .source = PINF_ACL_ROUTER, .miner = c->who};
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err == PINF_OK)
		err = router_spend_nonce(c);
	if (err == PINF_OK && c->session.type == PINF_SESSION_DEDICATED)
		err =
		    PINF_E_ACL_ELSEWHERE; /* Its owner's list says who is allowed, not who is there. */
	if (err == PINF_OK)
		err = take_seat(c->r, &seat, &c->rq->auth_digest);
	return err == PINF_OK ? reply_empty(c->r, c->request, 204) : err;
}
