/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_lease.c -- miners at work: claim, acknowledge, precommit, commit.  Exactly one result
 * of a task is accepted, from its current attempt, after its blob was looked at.  spec/states.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/router_internal.h"

static void
note_miner(struct pinf_router *r, const struct pinf_address *miner)
{
	struct seen_miner *oldest = &r->seen[0];

	for (size_t i = 0; i < ROUTER_MINERS_SEEN; i++) {
		if (pinf_address_equal(&r->seen[i].address, miner)) {
			r->seen[i].at_ms = r->now_ms;
			return;
		}
		if (r->seen[i].at_ms < oldest->at_ms)
			oldest = &r->seen[i];
	}
	*oldest = (struct seen_miner){*miner, r->now_ms};
}

/* A new attempt of that miner, if the policy (rule says what) lets it have the task. */
static enum pinf_err
lease_take(struct pinf_router *r, struct pinf_task *task, const struct pinf_address *miner,
    enum pinf_rule *rule)
{
	struct pinf_api_request as_miner = {.auth = PINF_AUTH_WALLET};
	struct call c = {.r = r,
	    .rq = &as_miner,
	    .who = *miner,
	    .task = {.id = task->id, .key_version = task->key_version}};
	struct pinf_facts facts = {
	    .action = PINF_ACT_CLAIM, .actor = PINF_ACTOR_MINER, .route = task->route};
	enum pinf_err err = router_load_session(&c, task->session);

	if (err == PINF_OK)
		*rule = router_decide(&c, &facts);
	if (err != PINF_OK || *rule != PINF_RULE_ALLOW)
		return err;
	task->attempt++;
	task->state = PINF_TASK_ASSIGNED;
	task->miner = *miner;
	task->epoch = c.session.epoch;
	task->due_ms = r->now_ms + r->config.ack_ms;
	err = r->store.ops->task_update(r->store.ctx, task);
	return err == PINF_OK ? pool_heard_of(r, miner, task) : err;
}

/* Whether the policy would let this miner work there, were it listed. */
static bool
lease_possible(
    struct pinf_router *r, const struct pinf_session *session, const struct pinf_address *miner)
{
	struct pinf_api_request as_miner = {.auth = PINF_AUTH_WALLET};
	const struct call c = {.r = r, .rq = &as_miner, .who = *miner, .session = *session};
	struct pinf_facts facts = {.action = PINF_ACT_CLAIM,
	    .actor = PINF_ACTOR_MINER,
	    .route = session->is_private ? PINF_ROUTE_CALLER_SEALED : PINF_ROUTE_PLAIN};

	(void)router_decide(&c, &facts);
	facts.miner_listed = true;
	return pinf_policy_decide(&facts) == PINF_RULE_ALLOW;
}

struct claimant {
	struct pinf_router *r;
	const struct pinf_address *miner;
};

/* A session in which nobody may work now (its list is too old, say) must not bar the others. */
static bool
is_workable(void *ctx, uint64_t id)
{
	const struct claimant *claimant = ctx;
	struct pinf_session session;
	const struct pinf_store *store = &claimant->r->store;

	return store->ops->session_get(store->ctx, id, &session) == PINF_OK &&
	       lease_possible(claimant->r, &session, claimant->miner);
}

/* The oldest that the store has for the miner; a miner of the pool may be given a seat for it. */
static enum pinf_err
find_task(struct pinf_router *r, const struct pinf_address *miner, uint64_t session,
    struct pinf_task *task)
{
	struct claimant claimant = {r, miner};
	const struct pinf_claim claim = {
	    .miner = *miner, .only_session = session, .ctx = &claimant, .workable = is_workable};
	bool seated = false;
	enum pinf_err err = r->store.ops->task_claimable(r->store.ctx, &claim, task);

	if (err != PINF_E_NOT_FOUND)
		return err;
	err = pool_seat(r, &claim, &seated);
	if (err != PINF_OK)
		return err;
	return seated ? r->store.ops->task_claimable(r->store.ctx, &claim, task) : PINF_E_NOT_FOUND;
}

/*
 * Leases the oldest task that the miner may have; E_NOT_FOUND: none.  What waits unencrypted in a
 * session that has turned private is nobody's any more: it fails here and bars no other task.
 */
enum pinf_err
lease_next(struct pinf_router *r, const struct pinf_address *miner, uint64_t session,
    struct pinf_task *task)
{
	for (int i = 0; i < ROUTER_DUE_MAX; i++) {
		enum pinf_rule rule = PINF_RULE_ACTION_UNKNOWN;
		enum pinf_err err = find_task(r, miner, session, task);

		if (err == PINF_OK)
			err = lease_take(r, task, miner, &rule);
		if (err != PINF_OK || rule == PINF_RULE_ALLOW)
			return err;
		if (rule != PINF_RULE_PLAIN_IN_PRIVATE)
			return PINF_E_NOT_FOUND;
		PINF_SOMETIMES(plain_task_barred);
		err = task_fail(r, task, PINF_E_STATE);
		if (err != PINF_OK)
			return err;
	}
	return PINF_E_NOT_FOUND;
}

enum pinf_err
route_claim(struct call *c)
{
	struct pinf_router *r = c->r;
	struct waiter waiter = {.request = c->request, .session = c->rq->session, .miner = c->who};
	enum pinf_err err = PINF_OK;

	if (c->rq->session != 0) {
		err = router_load_session(c, c->rq->session);
		if (err == PINF_OK)
			err = router_permit(c, PINF_ACT_CLAIM, PINF_ACTOR_MINER,
			    c->session.is_private ? PINF_ROUTE_CALLER_SEALED : PINF_ROUTE_PLAIN);
	} else { /* Any session: decided for the task that is found. */
		err = router_spend_nonce(c);
	}
	if (err != PINF_OK)
		return err;
	note_miner(r, &c->who);
	err = pool_heard_of(r, &c->who, NULL);
	if (err != PINF_OK)
		return err;
	err = lease_next(r, &c->who, c->rq->session, &c->task);
	if (err == PINF_OK)
		return reply_lease(r, c->request, &c->task);
	if (err != PINF_E_NOT_FOUND)
		return err;
	if (c->rq->wait_ms == 0)
		return reply_empty(r, c->request, 204);
	if (r->miners.count == r->miners.max)
		return PINF_E_BUSY;
	waiter.until_ms = r->now_ms + c->rq->wait_ms;
	r->miners.list[r->miners.count++] = waiter;
	return PINF_OK;
}

/* Loads the task and asks the policy whether this miner may go on with its attempt. */
static enum pinf_err
attempt_permit(struct call *c)
{
	enum pinf_err err = router_load_task(c);

	if (err == PINF_OK)
		err = router_permit(c, PINF_ACT_ACCEPT, PINF_ACTOR_MINER, c->task.route);
	if (err == PINF_OK)
		note_miner(c->r, &c->who);
	return err;
}

enum pinf_err
route_ack(struct call *c)
{
	enum pinf_err err = attempt_permit(c);

	if (err != PINF_OK)
		return err;
	if (c->task.state == PINF_TASK_ASSIGNED ||
	    (c->task.state == PINF_TASK_ACKNOWLEDGED && PINF_BUG(ack_renews))) {
		c->task.state = PINF_TASK_ACKNOWLEDGED;
		c->task.due_ms = c->r->now_ms + c->task.precommit_timeout_ms;
		err = c->r->store.ops->task_update(c->r->store.ctx, &c->task);
		if (err == PINF_OK)
			err = pool_heard_of(c->r, &c->who, &c->task);
	} else if (c->task.state != PINF_TASK_ACKNOWLEDGED) {
		err = PINF_E_STATE;
	}
	return err == PINF_OK ? reply_state(c->r, c->request, 200, &c->task) : err;
}

static enum pinf_err
requeue(struct pinf_router *r, struct pinf_task *task)
{
	if (task->attempt >= r->config.attempts_max && !PINF_BUG(attempts_unbounded)) {
		PINF_SOMETIMES(attempts_exhausted);
		return task_fail(r, task, PINF_E_TASK_FAILED);
	}
	if (!PINF_BUG(lease_end_forgotten))
		task->state = PINF_TASK_CREATED;
	task->due_ms = 0;
	wait_news(r, task->session);
	return r->store.ops->task_update(r->store.ctx, task);
}

enum pinf_err
route_release(struct call *c)
{
	enum pinf_err err = attempt_permit(c);

	if (err == PINF_OK && c->task.state >= PINF_TASK_COMMITTED &&
	    !PINF_BUG(release_of_committed))
		err = PINF_E_STATE;
	if (err == PINF_OK)
		err = requeue(c->r, &c->task);
	return err == PINF_OK ? reply_state(c->r, c->request, 200, &c->task) : err;
}

enum pinf_err
lease_expired(struct pinf_router *r, struct pinf_task *task)
{
	PINF_SOMETIMES(lease_ran_out);
	r->counters.attempts_expired++;
	return requeue(r, task);
}

/*
 * The miner went while it waited.  Its lease ends soon, not at once: what else of that miner waits will have hung up
 * by then, and would cost the task an attempt each.
 */
enum pinf_err
lease_unheard(struct pinf_router *r, const struct pinf_lease_ref *lease)
{
	const uint64_t until_ms = r->now_ms + ROUTER_UNHEARD_MS;
	struct pinf_task task;
	enum pinf_err err = PINF_E_NOT_FOUND;

	if (lease->attempt != 0)
		err = r->store.ops->task_get(r->store.ctx, lease->session, lease->task, &task);
	if (err == PINF_E_NOT_FOUND)
		return PINF_OK;
	if (err != PINF_OK || task.state != PINF_TASK_ASSIGNED || task.attempt != lease->attempt ||
	    task.due_ms <= until_ms)
		return err;
	task.due_ms = until_ms;
	return r->store.ops->task_update(r->store.ctx, &task);
}

static enum pinf_err
check_claim(const struct call *c, struct pinf_span urn, const struct pinf_hash *sha256)
{
	const struct pinf_result_claim claim = {
	    .router = c->r->api.router,
	    .domain = c->r->api.domain,
	    .session = c->task.session,
	    .task = c->task.id,
	    .attempt = c->task.attempt,
	    .epoch = c->task.epoch,
	    .input_sha256 = c->task.input.sha256,
	    .result_urn = urn,
	    .result_sha256 = *sha256,
	    .key_version = c->task.key_version,
	};
	struct pinf_hash digest;

	pinf_result_digest(&digest, &claim);
	return pinf_signature_check(&c->rq->signature, &digest, &c->who);
}

enum pinf_err
route_precommit(struct call *c)
{
	struct pinf_task *t = &c->task;
	enum pinf_err err = attempt_permit(c);

	if (err == PINF_OK)
		err = check_claim(c, (struct pinf_span){0}, &c->rq->result_sha256);
	if (err != PINF_OK)
		return err;
	if (t->state == PINF_TASK_ACKNOWLEDGED) {
		t->state = PINF_TASK_PRECOMMITTED;
		t->precommit_sha256 = c->rq->result_sha256;
		t->due_ms = c->r->now_ms + c->r->config.commit_ms;
		err = c->r->store.ops->task_update(c->r->store.ctx, t);
		if (err == PINF_OK)
			err = pool_heard_of(c->r, &c->who, t);
	} else if (t->state != PINF_TASK_PRECOMMITTED ||
		   !pinf_hash_equal(&t->precommit_sha256, &c->rq->result_sha256)) {
		err = PINF_E_STATE;
	}
	return err == PINF_OK ? reply_state(c->r, c->request, 200, t) : err;
}

/* The one place where a result becomes the task's. */
static enum pinf_err
accept(struct pinf_router *r, struct pinf_task *t, const struct pinf_payload *result,
    const struct pinf_sig *signature)
{
	struct pinf_audit record = {
	    .kind = PINF_AUDIT_RESULT,
	    .actor = t->miner,
	    .session = t->session,
	    .task = t->id,
	    .attempt = t->attempt,
	    .key_version = t->key_version,
	    .digest = result->sha256,
	};
	enum pinf_err err;

	t->result = *result;
	t->result_signature = *signature;
	t->state = PINF_BUG(result_not_final) ? PINF_TASK_CREATED : PINF_TASK_COMMITTED;
	t->due_ms = t->deadline_ms = r->now_ms + r->config.retention_ms;
	err = r->store.ops->task_update(r->store.ctx, t);
	if (err == PINF_OK)
		err = router_audit(r, &record);
	if (err == PINF_OK)
		r->counters.results_accepted++;
	return err == PINF_OK ? wait_task_ended(r, t) : err;
}

/* Whether the payload is one that this attempt may commit; key is its scope's, if sealed. */
static enum pinf_err
check_result(struct call *c, struct pinf_key *key)
{
	const struct pinf_payload *p = &c->rq->payload;
	struct pinf_scope scope = key_result_scope(&c->task);
	struct pinf_hash named;
	enum pinf_err err;

	if (!pinf_hash_equal(&p->sha256, &c->task.precommit_sha256))
		return PINF_E_HASH_MISMATCH;
	if ((p->suite == PINF_SUITE_NONE) != (c->task.route == PINF_ROUTE_PLAIN))
		return PINF_E_ENCRYPTION;
	if (p->suite != PINF_SUITE_NONE) {
		if (PINF_BUG(result_scope_ignored))
			scope = p->scope;
		if (!pinf_scope_equal(&p->scope, &scope))
			return PINF_E_SCOPE_MISMATCH;
		if (p->key_version != c->task.key_version)
			return PINF_E_KEY_UNKNOWN;
		err = pinf_keyring_derive(c->r->keyring, p->key_version, &scope, key);
		if (err != PINF_OK)
			return err;
	}
	if (p->urn[0] == '\0')
		return PINF_OK;
	err = pinf_urn_resolve(&named, &c->r->config.storage, pinf_span_str(p->urn));
	if (err != PINF_OK)
		return err;
	return pinf_hash_equal(&named, &p->sha256) ? PINF_OK : PINF_E_HASH_MISMATCH;
}

static enum pinf_err
commit_by_blob(struct call *c, const struct pinf_key *key)
{
	struct op op = {
	    .kind = OP_CHECK_RESULT,
	    .request = c->request,
	    .session = c->task.session,
	    .task = c->task.id,
	    .attempt = c->task.attempt,
	    .actor = c->who,
	    .auth_digest = c->rq->auth_digest,
	    .sha256 = c->rq->payload.sha256,
	    .signature = c->rq->signature,
	    .payload = malloc(sizeof *op.payload),
	};
	struct pinf_effect *fx;
	enum pinf_err err;

	if (op.payload == NULL)
		return PINF_E_NO_MEMORY;
	*op.payload = c->rq->payload;
	err = router_op(c->r, &op, PINF_FX_CHECK, &fx);
	if (err != PINF_OK) {
		free(op.payload);
		return err;
	}
	fx->sha256 = op.sha256;
	fx->payload = c->rq->payload;
	fx->key = *key;
	return PINF_OK;
}

enum pinf_err
route_commit(struct call *c)
{
	struct pinf_key key PINF_WIPED = {{0}};
	enum pinf_err err = attempt_permit(c);

	if (err == PINF_OK)
		err = check_claim(c, pinf_span_str(c->rq->payload.urn), &c->rq->payload.sha256);
	if (err != PINF_OK)
		return err;
	if (c->task.state >= PINF_TASK_COMMITTED) { /* This attempt's, or permit had refused. */
		PINF_SOMETIMES(committed_again);
		return pinf_payload_equal(&c->task.result, &c->rq->payload)
			   ? reply_state(c->r, c->request, 200, &c->task)
			   : PINF_E_CONFLICT;
	}
	if (c->task.state != PINF_TASK_PRECOMMITTED)
		return PINF_E_STATE;
	err = check_result(c, &key);
	if (err != PINF_OK)
		return err;
	if (c->rq->payload.urn[0] != '\0')
		return router_works_on(c->r, &c->rq->payload.sha256, true)
			   ? PINF_E_BUSY
			   : commit_by_blob(c, &key);
	err = accept(c->r, &c->task, &c->rq->payload, &c->rq->signature);
	return err == PINF_OK ? reply_state(c->r, c->request, 200, &c->task) : err;
}

/* The world may have moved on while the blob was read: everything is decided again. */
enum pinf_err
lease_result_checked(struct pinf_router *r, struct op *op, enum pinf_err outcome)
{
	struct pinf_api_request as_miner = {.auth = PINF_AUTH_WALLET,
	    .session = op->session,
	    .task = op->task,
	    .attempt = op->attempt,
	    .auth_digest = op->auth_digest};
	struct call c = {.r = r, .rq = &as_miner, .who = op->actor};
	struct pinf_facts facts = {.action = PINF_ACT_ACCEPT, .actor = PINF_ACTOR_MINER};
	enum pinf_rule rule = PINF_RULE_ALLOW;
	enum pinf_err err = router_load_task(&c);

	facts.route = c.task.route;
	if (err == PINF_OK)
		rule = router_decide(&c, &facts);
	if (err == PINF_OK && rule != PINF_RULE_ALLOW) {
		PINF_SOMETIMES(late_result_refused);
		err = router_deny(&c, rule);
	}
	if (err == PINF_OK && !PINF_BUG(result_unchecked))
		err = outcome;
	if (outcome != PINF_OK)
		PINF_SOMETIMES(bad_result_blob);
	if (err == PINF_OK && c.task.state == PINF_TASK_PRECOMMITTED) {
		err = accept(r, &c.task, op->payload, &op->signature);
		if (err == PINF_OK)
			err = r->store.ops->intent_drop(r->store.ctx, &op->sha256);
	} else if (err == PINF_OK && !pinf_payload_equal(&c.task.result, op->payload)) {
		err = PINF_E_CONFLICT;
	}
	if (err == PINF_OK)
		err = reply_state(r, op->request, 200, &c.task);
	if (router_undoes(err) && err != outcome)
		return err;
	if (err != PINF_OK)
		reply_error(r, op->request, &(struct pinf_api_error){.err = err, .rule = rule});
	router_op_drop(r, op);
	return PINF_OK;
}
