/* SPDX-License-Identifier: Apache-2.0 */
/* router_access.c -- who asks, and what the policy says to it.  spec/policy.md, spec/auth.md. */
#include <string.h>

#include <pinf/bug.h>

#include "core/router_internal.h"

/*
 * One count a slot and window, slots chosen by a keyed digest: two actors that share one by chance
 * share its limit, and nobody can aim at somebody else's.
 */
static bool
over_rate(struct pinf_router *r, struct pinf_span actor)
{
	struct pinf_hash digest;
	uint32_t slot;

	if (r->now_ms / ROUTER_RATE_WINDOW_MS != r->rate_window) {
		r->rate_window = r->now_ms / ROUTER_RATE_WINDOW_MS;
		memset(r->rate, 0, sizeof r->rate);
	}
	pinf_keyring_digest(r->keyring, actor, &digest);
	slot = ((uint32_t)digest.bytes[0] << 8 | digest.bytes[1]) % ROUTER_RATE_SLOTS;
	return ++r->rate[slot] > r->config.rate_per_minute;
}

enum pinf_err
router_identify(struct call *c)
{
	struct pinf_router *r = c->r;
	enum pinf_err err;

	switch (c->rq->auth) {
	case PINF_AUTH_NONE: return PINF_OK;
	case PINF_AUTH_BEARER:
		err = r->store.ops->api_key_get(r->store.ctx, &c->rq->api_key_sha256, &c->who);
		if (err == PINF_E_NOT_FOUND) {
			r->counters.unauthenticated++;
			return PINF_E_AUTH_KEY;
		}
		if (err != PINF_OK)
			return err;
		break;
	case PINF_AUTH_WALLET:
		if (c->rq->expires_ms <= r->now_ms)
			return PINF_E_AUTH_EXPIRED;
		if (c->rq->expires_ms > r->now_ms + PINF_AUTH_EXPIRY_MAX_MS)
			return PINF_E_AUTH_TOO_FAR;
		c->who = c->rq->signer;
		break;
	}
	if (over_rate(r, (struct pinf_span){c->who.bytes, sizeof c->who.bytes}))
		return PINF_E_BUSY;
	return PINF_OK;
}

enum pinf_err
router_load_session(struct call *c, uint64_t id)
{
	enum pinf_err err;

	if (id == 0) {
		memcpy(c->error.field, "session_id", sizeof "session_id");
		return PINF_E_MISSING;
	}
	err = c->r->store.ops->session_get(c->r->store.ctx, id, &c->session);
	return err == PINF_E_NOT_FOUND ? PINF_E_NO_SESSION : err;
}

enum pinf_err
router_load_task(struct call *c)
{
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err != PINF_OK)
		return err;
	if (c->rq->task == 0) {
		memcpy(c->error.field, "task_id", sizeof "task_id");
		return PINF_E_MISSING;
	}
	err = c->r->store.ops->task_get(c->r->store.ctx, c->rq->session, c->rq->task, &c->task);
	return err == PINF_E_NOT_FOUND ? PINF_E_NO_TASK : err;
}

static bool
is_attempt(const struct pinf_task *task, const struct pinf_address *miner, uint32_t attempt)
{
	return pinf_address_equal(&task->miner, miner) &&
	       (task->attempt == attempt || PINF_BUG(old_attempt_accepted)) && attempt != 0;
}

bool
router_holds_lease(const struct pinf_router *r, const struct pinf_task *task,
    const struct pinf_address *miner, uint32_t attempt)
{
	const bool live = task->state == PINF_TASK_ASSIGNED ||
			  task->state == PINF_TASK_ACKNOWLEDGED ||
			  task->state == PINF_TASK_PRECOMMITTED;

	return live && is_attempt(task, miner, attempt) && r->now_ms < task->due_ms &&
	       r->now_ms < task->deadline_ms;
}

/* The attempt whose result was accepted may commit again: its answer may have been lost. */
static bool
has_won(const struct pinf_task *task, const struct pinf_address *miner, uint32_t attempt)
{
	return (task->state == PINF_TASK_COMMITTED || task->state == PINF_TASK_CLOSED) &&
	       is_attempt(task, miner, attempt);
}

static bool
is_admin(const struct call *c)
{
	static const struct pinf_address nobody = {{0}};

	return c->rq->auth == PINF_AUTH_WALLET &&
	       !pinf_address_equal(&c->r->config.admin, &nobody) &&
	       pinf_address_equal(&c->who, &c->r->config.admin);
}

enum pinf_actor
router_actor(const struct call *c, enum pinf_actor other)
{
	const bool owner = c->session.id != 0 && pinf_address_equal(&c->who, &c->session.owner) &&
			   chain_owned_by(c->r, &c->session, &c->who);

	switch (c->rq->auth) {
	case PINF_AUTH_NONE: return PINF_ACTOR_NONE;
	case PINF_AUTH_BEARER: return owner ? PINF_ACTOR_BEARER_OWNER : PINF_ACTOR_BEARER_OTHER;
	case PINF_AUTH_WALLET: break;
	}
	if (owner)
		return PINF_ACTOR_OWNER;
	return is_admin(c) ? PINF_ACTOR_ADMIN : other;
}

enum pinf_actor
router_task_actor(const struct call *c)
{
	return router_holds_lease(c->r, &c->task, &c->who, c->rq->attempt)
		   ? PINF_ACTOR_MINER
		   : router_actor(c, PINF_ACTOR_MINER);
}

enum pinf_err
router_deny(struct call *c, enum pinf_rule rule)
{
	struct pinf_audit record = {
	    .kind = PINF_AUDIT_REFUSAL,
	    .rule = rule,
	    .actor = c->who,
	    .session = c->session.id,
	    .task = c->task.id,
	    .attempt = c->rq->attempt,
	    .digest = c->rq->auth_digest,
	};
	enum pinf_err err = PINF_OK;

	c->error.rule = rule;
	c->r->counters.denied[rule]++;
	if (c->rq->auth == PINF_AUTH_NONE)
		c->r->counters.unauthenticated++;
	else
		err = router_audit(c->r, &record);
	return err == PINF_OK ? PINF_E_DENIED : err;
}

/* What the session's document says, and what of the request it is about. */
static void
policy_facts(const struct call *c, struct pinf_facts *facts)
{
	const struct pinf_policy_doc *doc = &c->session.policy;
	const bool sealed_so = c->rq->endpoint == PINF_EP_COMPLETION && c->rq->has_payload &&
			       c->rq->payload.scope.kind == PINF_SCOPE_SESSION;

	facts->router_sealed_allowed = doc->router_sealed;
	facts->session_key = c->rq->endpoint == PINF_EP_KEY_SESSION || sealed_so;
	facts->session_keys_allowed =
	    c->session.type == PINF_SESSION_DEDICATED && !doc->task_keys_only;
	facts->bearer_reads = !doc->wallet_reads_only;
	facts->attestation_required = doc->attestation;
	/* What was submitted before the session was closed may be asked for again. */
	facts->session_open = !c->session.closed || (facts->action == PINF_ACT_SUBMIT &&
							!c->task_begins && c->task.input.size != 0);
	/* Of a task that exists, the version is given: it finishes under that one. */
	facts->key_version_recent = (c->task.id != 0 && !c->task_begins) || doc->rotation_ms == 0 ||
				    c->r->now_ms < key_active_ms(c->r) + doc->rotation_ms;
}

enum pinf_rule
router_decide(const struct call *c, struct pinf_facts *facts)
{
	struct pinf_router *r = c->r;
	const uint32_t version =
	    c->task.id != 0 ? c->task.key_version : pinf_keyring_active(r->keyring);

	facts->session_private = c->session.is_private;
	policy_facts(c, facts);
	facts->stream = c->rq->stream;
	acl_facts(c, facts);
	facts->key_version_usable = pinf_keyring_usable(r->keyring, version, false) == PINF_OK;
	if (facts->actor == PINF_ACTOR_MINER) {
		if (facts->action != PINF_ACT_ACCEPT && PINF_BUG(allowlist_check_skipped))
			facts->miner_listed = true;
		if (facts->action == PINF_ACT_ACCEPT && PINF_BUG(result_of_removed))
			facts->miner_listed = true;
		facts->lease_current = PINF_BUG(lease_not_checked) ||
				       router_holds_lease(r, &c->task, &c->who, c->rq->attempt) ||
				       (facts->action == PINF_ACT_ACCEPT &&
					   has_won(&c->task, &c->who, c->rq->attempt));
	}
	return pinf_policy_decide(facts);
}

enum pinf_err
router_permit(struct call *c, enum pinf_action action, enum pinf_actor actor, enum pinf_route route)
{
	struct pinf_facts facts = {.action = action, .actor = actor, .route = route};
	const enum pinf_rule rule = router_decide(c, &facts);

	if (rule != PINF_RULE_ALLOW)
		return router_deny(c, rule);
	return c->rq->auth == PINF_AUTH_WALLET ? router_spend_nonce(c) : PINF_OK;
}

enum pinf_err
router_spend_nonce(struct call *c)
{
	const struct pinf_store *store = &c->r->store;
	enum pinf_err err = PINF_BUG(nonces_forgotten) ? PINF_OK
						       : store->ops->nonce_use(store->ctx, &c->who,
							     c->rq->nonce, c->rq->expires_ms);

	if (err == PINF_E_AUTH_REPLAY) {
		PINF_SOMETIMES(replay_refused);
		c->r->counters.unauthenticated++;
	}
	return err;
}
