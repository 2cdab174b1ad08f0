/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_session.c -- sessions and their allowlists, administered by the owner's wallet.
 * Privacy is one-way: nothing here ever clears is_private.  spec/policy.md, spec/api.md.
 */
#include <stdio.h>
#include <string.h>

#include "core/be.h"
#include "core/router_internal.h"

#define API_KEY_RANDOM 32

static enum pinf_err
session_audit(struct call *c, enum pinf_audit_kind kind)
{
	struct pinf_audit record = {
	    .kind = kind,
	    .actor = c->who,
	    .session = c->session.id,
	    .digest = c->rq->auth_digest,
	};

	return router_audit(c->r, &record);
}

/* "pinf" and 64 hex digits; shown once, kept as a hash. */
static enum pinf_err
make_api_key(struct call *c, char text[static PINF_API_KEY_TEXT + 1])
{
	uint8_t secret[API_KEY_RANDOM];
	struct pinf_hash digest;
	enum pinf_err err = c->r->random.fill(c->r->random.ctx, secret, sizeof secret);

	if (err != PINF_OK)
		return err;
	memcpy(text, "pinf", 4);
	pinf_hex(text + 4, secret, sizeof secret);
	pinf_wipe(secret, sizeof secret);
	pinf_api_key_hash(&digest, pinf_span_str(text));
	return c->r->store.ops->api_key_insert(c->r->store.ctx, &digest, &c->who, c->r->now_ms);
}

/* After the largest; where somebody took the last of all, one at random, so that it bars nobody. */
static enum pinf_err
next_session(struct pinf_router *r, uint64_t *id)
{
	uint8_t drawn[8];
	enum pinf_err err = r->store.ops->session_last(r->store.ctx, id);

	if (err != PINF_OK || *id < PINF_ID_MAX) {
		++*id;
		return err;
	}
	err = r->random.fill(r->random.ctx, drawn, sizeof drawn);
	if (err == PINF_OK)
		*id = pinf_be_get(drawn, sizeof drawn) % PINF_ID_MAX + 1;
	return err;
}

static enum pinf_err
refuse_policy(struct call *c, const char *outer, const char *field, enum pinf_err err)
{
	(void)snprintf(c->error.field, sizeof c->error.field, "%s%s", outer, field);
	return err;
}

/*
 * What is attested gets keys, and only a private session has any.  Key versions are everybody's and
 * their number is bounded: no session's owner rotates faster than the operator lets it.
 */
static enum pinf_err
take_policy(struct call *c, const char *outer)
{
	const struct pinf_policy_doc *doc = &c->rq->policy;

	if (doc->attestation && !c->session.is_private)
		return refuse_policy(c, outer, "attestation", PINF_E_STATE);
	if (doc->rotation_ms != 0 && doc->rotation_ms < c->r->config.rotation_min_ms)
		return refuse_policy(c, outer, "rotation_period_ms", PINF_E_RANGE);
	c->session.policy = *doc;
	c->r->rotation_stale = true;
	return PINF_OK;
}

static enum pinf_err
insert_session(struct call *c)
{
	struct pinf_router *r = c->r;
	struct pinf_session *s = &c->session;
	enum pinf_err err = PINF_OK;

	s->id = c->rq->session;
	if (s->id == 0)
		err = next_session(r, &s->id);
	if (err == PINF_OK)
		err = r->random.fill(r->random.ctx, s->instance, sizeof s->instance);
	if (err != PINF_OK)
		return err;
	s->type = c->rq->session_type;
	s->owner = c->who;
	s->acl = acl_governs(r, s);
	s->is_private = c->rq->make_private || s->acl == PINF_ACL_ENV || acl_in_emergency(r, s->id);
	s->seats = c->rq->seats;
	err = take_policy(c, "policy.");
	if (err != PINF_OK)
		return err;
	s->epoch = 1;
	s->created_ms = r->now_ms;
	err = r->store.ops->session_insert(r->store.ctx, s);
	return err == PINF_OK && s->acl == PINF_ACL_CONTRACT ? chain_watch(r, s) : err;
}

static void
put_session(struct pinf_json_writer *w, const struct pinf_session *s, bool whole)
{
	pinf_json_put_str(w, "acl", pinf_acl_source_name(s->acl));
	pinf_json_put_bool(w, "closed", s->closed);
	if (whole) {
		pinf_json_put_uint(w, "created_ms", s->created_ms);
		pinf_json_put_uint(w, "epoch", s->epoch);
		pinf_json_put_hex(w, "instance", false, s->instance, sizeof s->instance);
		pinf_json_put_address(w, "owner", &s->owner);
		pinf_policy_write(w, "policy", &s->policy);
	}
	pinf_json_put_bool(w, "private", s->is_private);
	pinf_json_put_bool(w, "router_sealed", s->policy.router_sealed);
	pinf_json_put_uint(w, "session_id", s->id);
	if (s->type == PINF_SESSION_POOLED)
		pinf_json_put_uint(w, "seats", s->seats);
	pinf_json_put_str(w, "type", pinf_session_type_name(s->type));
}

static enum pinf_err
reply_session(struct call *c, unsigned status)
{
	struct pinf_json_writer w;
	enum pinf_err err = reply_begin(c->r, c->request, status, &w);

	if (err != PINF_OK)
		return err;
	put_session(&w, &c->session, true);
	return reply_end(&w);
}

enum pinf_err
route_session_create(struct call *c)
{
	struct pinf_router *r = c->r;
	enum pinf_actor actor = router_actor(c, PINF_ACTOR_WALLET_OTHER);
	char api_key[PINF_API_KEY_TEXT + 1] = "";
	struct pinf_json_writer w;
	enum pinf_err err;

	if (actor == PINF_ACTOR_WALLET_OTHER && r->config.open_sessions)
		actor = PINF_ACTOR_OWNER; /* It owns what it creates. */
	err = router_permit(c, PINF_ACT_ADMINISTER, actor, PINF_ROUTE_PLAIN);
	if (err == PINF_OK)
		err = insert_session(c);
	if (err == PINF_OK && c->rq->want_api_key)
		err = make_api_key(c, api_key);
	if (err == PINF_OK)
		err = session_audit(c, PINF_AUDIT_SESSION);
	if (err == PINF_OK)
		err = reply_begin(r, c->request, 201, &w);
	if (err == PINF_OK) {
		if (c->rq->want_api_key)
			pinf_json_put_str(&w, "api_key", api_key);
		put_session(&w, &c->session, true);
		err = reply_end(&w);
	}
	pinf_wipe(api_key, sizeof api_key);
	return err;
}

static enum pinf_err
administer(struct call *c)
{
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err != PINF_OK)
		return err;
	return router_permit(
	    c, PINF_ACT_ADMINISTER, router_actor(c, PINF_ACTOR_WALLET_OTHER), PINF_ROUTE_PLAIN);
}

/* The list that is kept here: once used, it silences the environment's for this session. */
static enum pinf_err
take_list(struct call *c)
{
	struct pinf_session *s = &c->session;
	const bool silences = s->acl == PINF_ACL_ENV;
	enum pinf_err err;

	if (s->acl == PINF_ACL_CONTRACT || s->type == PINF_SESSION_POOLED)
		return PINF_E_ACL_ELSEWHERE;
	if (s->own_list)
		return PINF_OK;
	s->own_list = true;
	s->acl = acl_governs(c->r, s);
	err = c->r->store.ops->session_update(c->r->store.ctx, s);
	return err == PINF_OK && silences ? c->r->store.ops->acl_govern(c->r->store.ctx, false)
					  : err;
}

/* Puts the miner on the list, or takes it off. */
static enum pinf_err
change_list(struct call *c, bool put, bool *changed)
{
	const struct pinf_member member = {
	    .session = c->session.id, .source = PINF_ACL_ROUTER, .miner = c->rq->miner};
	enum pinf_err err = take_list(c);

	return err == PINF_OK ? acl_change(c->r, &member, put, changed) : err;
}

/* The list changed: a new epoch, and (the first miner ever allowed) privacy for good. */
static enum pinf_err
membership_changed(struct call *c, enum pinf_audit_kind kind)
{
	struct pinf_audit record = {
	    .kind = kind,
	    .actor = c->rq->miner, /* whom it is about; the request digest names who signed */
	    .session = c->session.id,
	    .digest = c->rq->auth_digest,
	};
	enum pinf_err err;

	c->session.epoch++;
	if (kind == PINF_AUDIT_ALLOW)
		c->session.is_private = true;
	err = c->r->store.ops->session_update(c->r->store.ctx, &c->session);
	return err == PINF_OK ? router_audit(c->r, &record) : err;
}

enum pinf_err
route_session_allow(struct call *c)
{
	bool changed = false;
	enum pinf_err err = administer(c);

	if (err == PINF_OK)
		err = change_list(c, true, &changed);
	if (err == PINF_OK && changed)
		err = membership_changed(c, PINF_AUDIT_ALLOW);
	if (err == PINF_OK && changed)
		c->r->wake_miners = true;
	return err == PINF_OK ? reply_session(c, 200) : err;
}

enum pinf_err
route_session_deny(struct call *c)
{
	bool changed = false;
	enum pinf_err err = administer(c);

	if (err == PINF_OK)
		err = change_list(c, false, &changed);
	if (err == PINF_OK && changed)
		err = membership_changed(c, PINF_AUDIT_DENY);
	return err == PINF_OK ? reply_session(c, 200) : err;
}

enum pinf_err
route_session_close(struct call *c)
{
	enum pinf_err err = administer(c);

	if (err == PINF_OK && !c->session.closed) {
		c->session.closed = true;
		c->r->rotation_stale = true;
		err = c->r->store.ops->session_update(c->r->store.ctx, &c->session);
		if (err == PINF_OK)
			err = session_audit(c, PINF_AUDIT_SESSION);
	}
	return err == PINF_OK ? reply_session(c, 200) : err;
}

/* The whole document at once: what it does not name has its default again. */
enum pinf_err
route_session_policy(struct call *c)
{
	enum pinf_err err = administer(c);

	if (err == PINF_OK)
		err = take_policy(c, "");
	if (err == PINF_OK)
		err = c->r->store.ops->session_policy(c->r->store.ctx, &c->session);
	if (err == PINF_OK)
		err = session_audit(c, PINF_AUDIT_SESSION);
	return err == PINF_OK ? reply_session(c, 200) : err;
}

enum pinf_err
route_sessions(struct call *c)
{
	struct pinf_session page[64];
	size_t count = 0, limit = c->rq->limit;
	struct pinf_json_writer w;
	enum pinf_err err;

	if (limit == 0 || limit > sizeof page / sizeof page[0])
		limit = sizeof page / sizeof page[0];
	err = c->r->store.ops->session_list(c->r->store.ctx, c->rq->after, page, limit, &count);
	if (err == PINF_OK)
		err = reply_begin(c->r, c->request, 200, &w);
	if (err != PINF_OK)
		return err;
	pinf_json_open(&w, "sessions", '[');
	for (size_t i = 0; i < count; i++) {
		pinf_json_open(&w, NULL, '{');
		put_session(&w, &page[i], false);
		pinf_json_close(&w, '}');
	}
	pinf_json_close(&w, ']');
	return reply_end(&w);
}

static enum pinf_err
put_allowed(struct call *c, struct pinf_json_writer *w)
{
	/* Behind it come those of the governing source, whole sessions' entries first. */
	struct pinf_member page[256],
	    after = {.session = c->session.id, .source = c->session.acl - 1, .task = PINF_ID_MAX};
	const size_t max = sizeof page / sizeof page[0];
	size_t count = max;
	bool more = true;

	pinf_json_open(w, "allowed_miners", '[');
	while (more && count == max) {
		enum pinf_err err =
		    c->r->store.ops->member_list(c->r->store.ctx, &after, page, max, &count);

		if (err != PINF_OK)
			return err;
		for (size_t i = 0; i < count && more; i++) {
			more = page[i].session == c->session.id &&
			       page[i].source == c->session.acl && page[i].task == 0;
			if (more)
				pinf_json_put_address(w, NULL, &page[i].miner);
		}
		if (count > 0)
			after = page[count - 1];
	}
	pinf_json_close(w, ']');
	return PINF_OK;
}

/* Everybody may know that a session exists and is private; its members are its owner's business. */
enum pinf_err
route_session(struct call *c)
{
	enum pinf_actor actor;
	struct pinf_json_writer w;
	bool whole;
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err != PINF_OK)
		return err;
	actor = router_actor(c, PINF_ACTOR_WALLET_OTHER);
	whole = actor == PINF_ACTOR_OWNER || actor == PINF_ACTOR_ADMIN;
	if (whole)
		err = router_permit(c, PINF_ACT_ADMINISTER, actor, PINF_ROUTE_PLAIN);
	if (err == PINF_OK)
		err = reply_begin(c->r, c->request, 200, &w);
	if (err == PINF_OK && whole)
		err = put_allowed(c, &w);
	if (err != PINF_OK)
		return err;
	put_session(&w, &c->session, whole);
	return reply_end(&w);
}
