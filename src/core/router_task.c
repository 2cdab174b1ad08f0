/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_task.c -- a task from its reservation to the queue, and what time does to it.
 * spec/states.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/router_internal.h"

static enum pinf_err
too_many_tasks(struct pinf_router *r)
{
	struct pinf_task_counts counts;
	uint64_t open = 0;
	enum pinf_err err = r->store.ops->task_counts(r->store.ctx, &counts);

	for (int s = PINF_TASK_RESERVED; s <= PINF_TASK_PRECOMMITTED && err == PINF_OK; s++)
		open += counts.of[s];
	return err != PINF_OK ? err : open >= r->config.tasks_open_max ? PINF_E_BUSY : PINF_OK;
}

/* Everything about the task that counts from now, under the key version of now. */
static void
begin_life(struct call *c, enum pinf_route route)
{
	struct pinf_router *r = c->r;
	const struct pinf_api_request *rq = c->rq;
	struct pinf_task *t = &c->task;

	t->state = PINF_TASK_RESERVED;
	t->failure = PINF_OK;
	t->route = route;
	t->api_version = rq->api_version;
	t->key_version = pinf_keyring_active(r->keyring);
	t->timeout_ms = rq->timeout_ms != 0 ? rq->timeout_ms : r->config.timeout_ms;
	t->precommit_timeout_ms =
	    rq->precommit_timeout_ms != 0 ? rq->precommit_timeout_ms : r->config.precommit_ms;
	t->deadline_ms = r->now_ms + t->timeout_ms;
	t->due_ms = r->now_ms + r->config.reserve_ms;
}

/* A task with a fresh id and instance, not stored yet; the session's counter is. */
static enum pinf_err
task_begin(struct call *c, enum pinf_route route)
{
	struct pinf_router *r = c->r;
	const struct pinf_api_request *rq = c->rq;
	struct pinf_task *t = &c->task;
	enum pinf_err err = too_many_tasks(r);

	if (err != PINF_OK)
		return err;
	memset(t, 0, sizeof *t);
	err = r->random.fill(r->random.ctx, t->instance, sizeof t->instance);
	if (err != PINF_OK)
		return err;
	t->session = c->session.id;
	t->id = ++c->session.last_task;
	t->created_ms = r->now_ms;
	t->owner = c->session.owner;
	memcpy(t->reference, rq->reference, sizeof t->reference);
	begin_life(c, route);
	return r->store.ops->session_update(r->store.ctx, &c->session);
}

/* Its time was over before it ever had its input: nobody has seen anything of it. */
static bool
was_never_submitted(const struct pinf_router *r, const struct pinf_task *t)
{
	return t->input.size == 0 &&
	       (t->state == PINF_TASK_EXPIRED ||
		   (t->state == PINF_TASK_RESERVED && t->due_ms <= r->now_ms));
}

/* Whether work on the task has not come back. */
static bool
is_in_hand(const struct pinf_router *r, const struct pinf_task *t)
{
	for (size_t i = 0; i < r->op_count; i++)
		if (r->ops[i].kind != OP_CHAIN && r->ops[i].session == t->session &&
		    r->ops[i].task == t->id)
			return true;
	return false;
}

/* Else a prompt made it: such a task has that prompt's digest, with or without a reference. */
static bool
is_reserved_by_caller(const struct pinf_task *task)
{
	static const struct pinf_hash none;

	return pinf_hash_equal(&task->reference_digest, &none);
}

/* A prompt that nobody seals any more: its plaintext went with the process that did. */
static bool
lost_its_prompt(const struct pinf_router *r, const struct pinf_task *t)
{
	return t->state == PINF_TASK_RESERVED && !is_reserved_by_caller(t) && !is_in_hand(r, t);
}

/* The task that the request's reference names, and whether it begins with this request. */
static enum pinf_err
find_reference(struct call *c)
{
	const struct pinf_store *store = &c->r->store;
	enum pinf_err err = PINF_E_NOT_FOUND;

	if (c->rq->reference[0] != '\0')
		err = store->ops->task_by_reference(
		    store->ctx, &c->session.owner, c->session.id, c->rq->reference, &c->task);
	c->task_begins = c->task.id == 0 || was_never_submitted(c->r, &c->task) ||
			 lost_its_prompt(c->r, &c->task);
	return err == PINF_E_NOT_FOUND ? PINF_OK : err;
}

/* A task that exists, under its old id.  What its earlier life left in hand would be taken for this one's. */
static enum pinf_err
begin_again(struct call *c, enum pinf_route route)
{
	enum pinf_err err = is_in_hand(c->r, &c->task) ? PINF_E_BUSY : too_many_tasks(c->r);

	PINF_SOMETIMES(reservation_renewed);
	if (err == PINF_OK)
		begin_life(c, route);
	return err;
}

/* The same client_reference reserves the same task: the first answer may have been lost. */
static enum pinf_err
reserve(struct call *c, enum pinf_route route)
{
	const struct pinf_store *store = &c->r->store;
	enum pinf_err err;

	if (c->task.id == 0) {
		err = task_begin(c, route);
		return err == PINF_OK ? store->ops->task_insert(store->ctx, &c->task) : err;
	}
	if (c->task.route != route || !is_reserved_by_caller(&c->task) ||
	    PINF_BUG(reference_refused))
		return PINF_E_CONFLICT;
	if (!c->task_begins) {
		PINF_SOMETIMES(reservation_resumed);
		return PINF_OK;
	}
	err = begin_again(c, route);
	return err == PINF_OK ? store->ops->task_update(store->ctx, &c->task) : err;
}

enum pinf_err
route_reserve(struct call *c)
{
	struct pinf_json_writer w;
	enum pinf_route route;
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err == PINF_OK)
		err = find_reference(c);
	if (err != PINF_OK)
		return err;
	route = c->session.is_private ? PINF_ROUTE_CALLER_SEALED : PINF_ROUTE_PLAIN;
	err = router_permit(c, PINF_ACT_SUBMIT, router_actor(c, PINF_ACTOR_WALLET_OTHER), route);
	if (err == PINF_OK)
		err = reserve(c, route);
	if (err == PINF_OK)
		err = reply_begin(c->r, c->request, 201, &w);
	if (err != PINF_OK)
		return err;
	pinf_json_put_uint(&w, "expires_ms", c->task.due_ms);
	if (c->task.input.size !=
	    0) /* Submitted before: a caller that crashed goes on from there. */
		pinf_payload_write(&w, "input", &c->task.input);
	pinf_json_put_hex(&w, "instance", false, c->task.instance, sizeof c->task.instance);
	pinf_json_put_uint(&w, "key_version", c->task.key_version);
	pinf_json_put_uint(&w, "session_id", c->task.session);
	pinf_json_put_str(&w, "state", pinf_task_state_name(c->task.state));
	pinf_json_put_uint(&w, "task_id", c->task.id);
	return reply_end(&w);
}

/* The task has its input: from here on it is not lost. */
static enum pinf_err
task_enqueue(struct pinf_router *r, struct pinf_task *t)
{
	t->state = PINF_TASK_CREATED;
	t->due_ms = 0;
	t->queue_seq = ++r->queue_seq;
	wait_news(r, t->session);
	return r->store.ops->task_update(r->store.ctx, t);
}

static enum pinf_err
task_of_op(struct pinf_router *r, const struct op *op, struct pinf_task *task)
{
	return r->store.ops->task_get(r->store.ctx, op->session, op->task, task);
}

/*
 * Whether the payload's blob came for this task.  Equal public documents are one blob, whoever
 * uploaded it: that one is there, or some task has it.
 */
static enum pinf_err
was_uploaded(struct call *c)
{
	const struct pinf_store *store = &c->r->store;
	const struct pinf_payload *payload = &c->rq->payload;
	const bool plain = payload->suite == PINF_SUITE_NONE;
	struct pinf_intent intent;
	bool referenced = false;
	enum pinf_err err = store->ops->intent_get(store->ctx, &payload->sha256, &intent);

	if (err == PINF_OK)
		return plain || (intent.session == c->task.session && intent.task == c->task.id)
			   ? PINF_OK
			   : PINF_E_NO_BLOB;
	if (err == PINF_E_NOT_FOUND && plain)
		err = store->ops->blob_referenced(store->ctx, &payload->sha256, &referenced);
	return err == PINF_E_NOT_FOUND || (err == PINF_OK && !referenced) ? PINF_E_NO_BLOB : err;
}

/* Caller-sealed, or public by URN: the blob is there already, and is looked at before it counts. */
static enum pinf_err
submit_payload(struct call *c)
{
	struct pinf_router *r = c->r;
	const struct pinf_payload *payload = &c->rq->payload;
	struct op op = {.kind = OP_CHECK_INPUT,
	    .request = c->request,
	    .session = c->session.id,
	    .task = c->task.id};
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_effect *fx;
	enum pinf_err err =
	    pinf_urn_resolve(&op.sha256, &r->config.storage, pinf_span_str(payload->urn));

	if (err != PINF_OK)
		return err;
	if (!pinf_hash_equal(&op.sha256, &payload->sha256))
		return PINF_E_HASH_MISMATCH;
	if (router_works_on(r, &op.sha256, true))
		return PINF_E_BUSY;
	err = was_uploaded(c);
	if (err == PINF_OK && payload->suite != PINF_SUITE_NONE) {
		struct pinf_scope scope = key_input_scope(&c->task);

		if (payload->scope.kind == PINF_SCOPE_SESSION &&
		    c->session.type == PINF_SESSION_DEDICATED) {
			scope = (struct pinf_scope){
			    .kind = PINF_SCOPE_SESSION, .purpose = PINF_PURPOSE_INPUT};
			scope.session = c->session.id;
			memcpy(scope.instance, c->session.instance, sizeof scope.instance);
		}
		if (!pinf_scope_equal(&payload->scope, &scope))
			return PINF_E_SCOPE_MISMATCH;
		if (payload->key_version != c->task.key_version)
			return PINF_E_KEY_UNKNOWN;
		err = pinf_keyring_derive(r->keyring, payload->key_version, &scope, &key);
	}
	if (err != PINF_OK)
		return err;
	op.payload = malloc(sizeof *op.payload);
	if (op.payload == NULL)
		return PINF_E_NO_MEMORY;
	*op.payload = *payload;
	err = router_op(r, &op, PINF_FX_CHECK, &fx);
	if (err != PINF_OK) {
		free(op.payload);
		return err;
	}
	fx->sha256 = op.sha256;
	fx->payload = *payload;
	fx->key = key;
	return PINF_OK;
}

enum pinf_err
task_input_checked(struct pinf_router *r, struct op *op, enum pinf_err outcome)
{
	struct pinf_task task;
	enum pinf_err err = task_of_op(r, op, &task);

	if (err == PINF_OK && outcome == PINF_OK && task.state == PINF_TASK_RESERVED) {
		task.input = *op->payload;
		err = task_enqueue(r, &task);
		if (err == PINF_OK)
			err = r->store.ops->intent_drop(r->store.ctx, &op->sha256);
	}
	if (err == PINF_OK)
		err = outcome;
	/* Another payload was submitted meanwhile, and looked at first. */
	if (err == PINF_OK && task.input.size != 0 && !pinf_payload_equal(&task.input, op->payload))
		err = PINF_E_CONFLICT;
	if (err == PINF_OK)
		err = wait_caller(r, op->request, 3, &task);
	if (router_undoes(err) && err != outcome)
		return err;
	if (err != PINF_OK)
		reply_error(r, op->request, &(struct pinf_api_error){.err = err});
	router_op_drop(r, op);
	return PINF_OK;
}

static enum pinf_err
complete_payload(struct call *c)
{
	const enum pinf_route route =
	    c->rq->payload.suite == PINF_SUITE_NONE ? PINF_ROUTE_PLAIN : PINF_ROUTE_CALLER_SEALED;
	enum pinf_err err = router_load_task(c);

	if (err == PINF_OK)
		err = router_permit(
		    c, PINF_ACT_SUBMIT, router_actor(c, PINF_ACTOR_WALLET_OTHER), route);
	if (err != PINF_OK)
		return err;
	if (c->task.input.size != 0) { /* Submitted before: a caller that polls, or retries. */
		PINF_SOMETIMES(submitted_again);
		return pinf_payload_equal(&c->task.input, &c->rq->payload)
			   ? wait_caller(c->r, c->request, 3, &c->task)
			   : PINF_E_CONFLICT;
	}
	if (c->task.state != PINF_TASK_RESERVED || c->r->now_ms >= c->task.due_ms ||
	    c->task.route != route || !is_reserved_by_caller(&c->task))
		return PINF_E_STATE;
	if (c->rq->timeout_ms != 0) {
		c->task.timeout_ms = c->rq->timeout_ms;
		c->task.deadline_ms = c->r->now_ms + c->rq->timeout_ms;
	}
	if (c->rq->precommit_timeout_ms != 0)
		c->task.precommit_timeout_ms = c->rq->precommit_timeout_ms;
	err = c->r->store.ops->task_update(c->r->store.ctx, &c->task);
	return err == PINF_OK ? submit_payload(c) : err;
}

/* Of a new task, or of one that begins again. */
typedef enum pinf_err task_writer(void *store, const struct pinf_task *task);

/* Small public inputs travel inline: the task is in the queue at once. */
static enum pinf_err
enqueue_inline(struct call *c, task_writer *write)
{
	const struct pinf_span document = pinf_span_of(&c->rq->document);
	struct pinf_payload *input = &c->task.input;

	input->size = document.len;
	input->inline_len = (uint32_t)document.len;
	memcpy(input->inline_data, document.data, document.len);
	input->sha256 = c->rq->document_sha256;
	c->task.state = PINF_TASK_CREATED;
	c->task.due_ms = 0;
	c->task.queue_seq = ++c->r->queue_seq;
	wait_news(c->r, c->task.session);
	return write(c->r->store.ctx, &c->task);
}

static enum pinf_err
seal_document(struct call *c, task_writer *write)
{
	struct pinf_router *r = c->r;
	const struct op op = {
	    .kind = OP_SEAL_INPUT, .session = c->task.session, .task = c->task.id};
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_blob_params params = {.suite = PINF_SUITE_NONE};
	struct pinf_effect *fx;
	enum pinf_err err = PINF_OK;

	if (c->task.route != PINF_ROUTE_PLAIN) {
		params = (struct pinf_blob_params){
		    .suite = r->config.suite,
		    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
		    .padded = true,
		    .key_version = c->task.key_version,
		    .scope = key_input_scope(&c->task),
		};
		err = pinf_keyring_derive(r->keyring, params.key_version, &params.scope, &key);
	}
	if (err == PINF_OK)
		err = write(r->store.ctx, &c->task);
	if (err == PINF_OK)
		err = router_op(r, &op, PINF_FX_SEAL, &fx);
	if (err != PINF_OK)
		return err;
	fx->params = params;
	fx->key = key;
	fx->document = c->rq->document;
	c->rq->document = (struct pinf_bytes){0};
	return PINF_OK;
}

/* The same client_reference: the same task, or a conflict. */
static enum pinf_err
complete_document(struct call *c)
{
	const enum pinf_route route = c->session.is_private && c->rq->api_version == 2
					  ? PINF_ROUTE_ROUTER_SEALED
					  : PINF_ROUTE_PLAIN;
	const struct pinf_store_ops *ops = c->r->store.ops;
	struct pinf_hash digest;
	bool known;
	enum pinf_err err = find_reference(c);

	if (err == PINF_OK)
		err = router_permit(
		    c, PINF_ACT_SUBMIT, router_actor(c, PINF_ACTOR_WALLET_OTHER), route);
	if (err != PINF_OK)
		return err;
	if (c->r->callers.count == c->r->callers.max)
		return PINF_E_BUSY;
	pinf_keyring_digest(c->r->keyring,
	    (struct pinf_span){c->rq->document_sha256.bytes, PINF_HASH_LEN}, &digest);
	known = c->task.id != 0;
	if (known && !pinf_hash_equal(&c->task.reference_digest, &digest))
		return PINF_E_CONFLICT;
	if (!c->task_begins)
		return wait_caller(c->r, c->request, c->rq->api_version, &c->task);
	err = known ? begin_again(c, route) : task_begin(c, route);
	if (err != PINF_OK)
		return err;
	c->task.reference_digest = digest;
	if ((route == PINF_ROUTE_PLAIN || PINF_BUG(prompt_in_queue)) &&
	    c->rq->document.len <= PINF_INLINE_MAX)
		err = enqueue_inline(c, known ? ops->task_update : ops->task_insert);
	else
		err = seal_document(c, known ? ops->task_update : ops->task_insert);
	return err == PINF_OK ? wait_caller(c->r, c->request, c->rq->api_version, &c->task) : err;
}

enum pinf_err
route_completion(struct call *c)
{
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err != PINF_OK)
		return err;
	return c->rq->has_payload ? complete_payload(c) : complete_document(c);
}

enum pinf_err
task_sealed(struct pinf_router *r, struct op *op, const struct pinf_event *event)
{
	const struct pinf_intent intent = {
	    .sha256 = event->sha256,
	    .session = op->session,
	    .task = op->task,
	    .size = event->size,
	    .expires_ms = r->now_ms + r->config.orphan_ms,
	};
	struct pinf_effect *fx;
	enum pinf_err err = event->err;

	if (err == PINF_OK && router_works_on(r, &event->sha256, true)) {
		if (pinf_effects_add(r->fx, PINF_FX_DROP, event->id) == NULL)
			return PINF_E_NO_MEMORY;
		err = PINF_E_BUSY;
	}
	if (err != PINF_OK)
		return task_stored(r, op, err);
	err = r->store.ops->intent_put(r->store.ctx, &intent);
	if (err != PINF_OK)
		return err;
	fx = pinf_effects_add(r->fx, PINF_FX_STORE, op->id);
	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	fx->sha256 = op->sha256 = event->sha256;
	fx->size = op->size = event->size;
	op->kind = OP_STORE_INPUT;
	return PINF_OK;
}

enum pinf_err
task_stored(struct pinf_router *r, struct op *op, enum pinf_err outcome)
{
	struct pinf_task task;
	enum pinf_err err = task_of_op(r, op, &task);

	if (err != PINF_OK)
		return err;
	if (task.state != PINF_TASK_RESERVED) { /* Its reservation ran out meanwhile. */
		router_op_drop(r, op);
		return PINF_OK;
	}
	if (outcome == PINF_OK || PINF_BUG(storage_error_swallowed))
		outcome = pinf_urn_of_blob(task.input.urn, &r->config.storage, &op->sha256);
	if (outcome != PINF_OK) {
		PINF_SOMETIMES(input_not_stored);
		router_op_drop(r, op);
		return task_fail(r, &task, outcome);
	}
	task.input.sha256 = op->sha256;
	task.input.size = op->size;
	if (task.route != PINF_ROUTE_PLAIN) {
		task.input.suite = r->config.suite;
		task.input.key_version = task.key_version;
		task.input.scope = key_input_scope(&task);
	}
	err = task_enqueue(r, &task);
	if (err == PINF_OK)
		err = r->store.ops->intent_drop(r->store.ctx, &op->sha256);
	if (err == PINF_OK)
		router_op_drop(r, op);
	return err;
}

enum pinf_err
task_delivered(struct pinf_router *r, struct op *op, enum pinf_err outcome)
{
	struct pinf_task task;
	enum pinf_err err = task_of_op(r, op, &task);

	if (err == PINF_OK && outcome == PINF_OK && task.state == PINF_TASK_COMMITTED) {
		task.state = PINF_TASK_CLOSED;
		task.due_ms = 0;
		err = r->store.ops->task_update(r->store.ctx, &task);
	}
	if (err == PINF_OK)
		router_op_drop(r, op);
	return err;
}

enum pinf_err
task_fail(struct pinf_router *r, struct pinf_task *task, enum pinf_err why)
{
	enum pinf_err err;

	task->state = why == PINF_E_TIMEOUT ? PINF_TASK_EXPIRED : PINF_TASK_FAILED;
	task->failure = why;
	task->due_ms = 0;
	err = r->store.ops->task_update(r->store.ctx, task);
	return err == PINF_OK ? wait_task_ended(r, task) : err;
}

static enum pinf_err
task_due(struct pinf_router *r, struct pinf_task *task)
{
	if (task->state == PINF_TASK_COMMITTED) {
		task->state = PINF_TASK_CLOSED;
		task->due_ms = 0;
		return r->store.ops->task_update(r->store.ctx, task);
	}
	if (task->deadline_ms <= r->now_ms || task->state == PINF_TASK_RESERVED)
		return task_fail(r, task, PINF_E_TIMEOUT);
	return lease_expired(r, task);
}

enum pinf_err
task_timers(struct pinf_router *r)
{
	struct pinf_task task;

	for (int i = 0; i < ROUTER_DUE_MAX; i++) {
		enum pinf_err err = r->store.ops->task_due(r->store.ctx, r->now_ms, &task);

		if (err == PINF_E_NOT_FOUND)
			return PINF_OK;
		if (err == PINF_OK)
			err = task_due(r, &task);
		if (err != PINF_OK)
			return err;
	}
	return PINF_OK; /* The rest in the next step: next_due is in the past and wakes us at once. */
}
