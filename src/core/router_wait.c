/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_wait.c -- callers that wait for a task's end and miners that wait for a task.  In memory
 * only: after a crash they ask again, callers by client_reference.  spec/effects.md.
 */
#include <assert.h>
#include <stdio.h>

#include <pinf/bug.h>

#include "core/router_internal.h"

static enum pinf_err
waiters_add(struct waiters *waiters, const struct waiter *waiter)
{
	if (waiters->count == waiters->max)
		return PINF_E_BUSY;
	waiters->list[waiters->count++] = *waiter;
	return PINF_OK;
}

/* Keeps the order: who came first is served first. */
static void
waiters_remove(struct waiters *waiters, size_t index)
{
	assert(index < waiters->count);
	waiters->count--;
	for (size_t i = index; i < waiters->count; i++)
		waiters->list[i] = waiters->list[i + 1];
}

static enum pinf_err
reply_result(struct pinf_router *r, uint64_t request, const struct pinf_task *task)
{
	struct pinf_json_writer w;
	enum pinf_err err = reply_begin(r, request, 200, &w);

	if (err != PINF_OK)
		return err;
	pinf_json_put_uint(&w, "attempt", task->attempt);
	pinf_json_put_address(&w, "miner", &task->miner);
	pinf_payload_write(&w, "result", &task->result);
	pinf_json_put_uint(&w, "session_id", task->session);
	pinf_json_put_str(&w, "state", "committed");
	pinf_json_put_uint(&w, "task_id", task->id);
	return reply_end(&w);
}

/* v1 and v2 answer inline: the connection's own thread opens the blob and renders the answer. */
static enum pinf_err
deliver(struct pinf_router *r, uint64_t request, const struct pinf_task *task)
{
	const struct op op = {
	    .kind = OP_DELIVER,
	    .request = request,
	    .session = task->session,
	    .task = task->id,
	};
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_effect *fx;
	enum pinf_err err = PINF_OK;

	if (task->result.suite != PINF_SUITE_NONE) {
		const struct pinf_scope scope = key_result_scope(task);

		err = pinf_keyring_derive(r->keyring, task->key_version, &scope, &key);
	}
	if (err == PINF_OK)
		err = router_op(r, &op, PINF_FX_DELIVER, &fx);
	if (err != PINF_OK)
		return err;
	fx->request = request;
	fx->payload = task->result;
	fx->key = key;
	fx->meta = (struct pinf_completion_meta){task->session, task->id, task->created_ms};
	return PINF_OK;
}

enum pinf_err
wait_answer(
    struct pinf_router *r, uint64_t request, uint8_t api_version, const struct pinf_task *task)
{
	struct pinf_api_error error = {.err = PINF_E_TASK_FAILED};

	switch (task->state) {
	case PINF_TASK_COMMITTED:
	case PINF_TASK_CLOSED:
		if (api_version == 3 || task->route == PINF_ROUTE_CALLER_SEALED)
			return reply_result(r, request, task);
		error.err = deliver(r, request, task);
		if (error.err == PINF_OK || router_undoes(error.err))
			return error.err;
		break;
	case PINF_TASK_FAILED:
		/* The environment's fault is over for this task: not a status that says "try again". */
		if (task->failure >= PINF_E_NOT_FOUND && task->failure != PINF_E_INFERENCE)
			(void)snprintf(
			    error.field, sizeof error.field, "%s", pinf_err_name(task->failure));
		else if (task->failure != PINF_OK)
			error.err = task->failure;
		break;
	case PINF_TASK_EXPIRED: error.err = PINF_E_TIMEOUT; break;
	default:
		if (api_version == 3)
			return reply_state(r, request, 202, task);
		error.err = PINF_E_TIMEOUT;
		break;
	}
	reply_error(r, request, &error);
	return PINF_OK;
}

enum pinf_err
wait_caller(
    struct pinf_router *r, uint64_t request, uint8_t api_version, const struct pinf_task *task)
{
	struct waiter waiter = {
	    .request = request,
	    .session = task->session,
	    .task = task->id,
	    .until_ms = task->deadline_ms,
	    .api_version = api_version,
	};

	if (task->state >= PINF_TASK_COMMITTED)
		return wait_answer(r, request, api_version, task);
	if (api_version == 3 && waiter.until_ms > r->now_ms + ROUTER_WAIT_MAX_MS)
		waiter.until_ms = r->now_ms + ROUTER_WAIT_MAX_MS;
	return waiters_add(&r->callers, &waiter);
}

enum pinf_err
wait_task_ended(struct pinf_router *r, const struct pinf_task *task)
{
	size_t i = 0;

	while (i < r->callers.count) {
		const struct waiter waiter = r->callers.list[i];
		enum pinf_err err;

		if (waiter.session != task->session || waiter.task != task->id) {
			i++;
			continue;
		}
		err = wait_answer(r, waiter.request, waiter.api_version, task);
		if (err != PINF_OK)
			return err;
		waiters_remove(&r->callers, i);
	}
	return PINF_OK;
}

void
wait_news(struct pinf_router *r, uint64_t session)
{
	r->wake_miners |= r->wake_session != 0 && r->wake_session != session;
	r->wake_session = session;
}

/* Whether something new in one session (NULL: somewhere) may be for that miner: a search is saved where it is not. */
static bool
concerns(const struct pinf_router *r, const struct pinf_session *news, const struct waiter *waiter)
{
	if (news == NULL)
		return true;
	if (waiter->session != 0 && waiter->session != news->id)
		return false;
	if (!news->is_private || news->acl == PINF_ACL_ENV || r->config.acl.emergency)
		return true;
	return pinf_acl_sources(r->acl, news->id, &waiter->miner) != 0 ||
	       (news->type == PINF_SESSION_POOLED &&
		   pinf_acl_sources(r->acl, 0, &waiter->miner) != 0);
}

/* Gives what has become claimable to the miners that wait, first come first served. */
enum pinf_err
wait_serve_miners(struct pinf_router *r)
{
	struct pinf_session session;
	const struct pinf_session *news = r->wake_miners ? NULL : &session;
	struct pinf_task task;
	size_t i = 0;
	enum pinf_err err = PINF_OK;

	if (r->miners.count == 0)
		return PINF_OK;
	if (news != NULL)
		err = r->store.ops->session_get(r->store.ctx, r->wake_session, &session);
	if (err != PINF_OK)
		return err;
	while (i < r->miners.count) {
		const struct waiter waiter = r->miners.list[i];

		err = concerns(r, news, &waiter)
			  ? lease_next(r, &waiter.miner, waiter.session, &task)
			  : PINF_E_NOT_FOUND;
		if (err == PINF_E_NOT_FOUND) {
			/* What is public is for all alike: where one finds nothing, nobody does. */
			if (news != NULL && !news->is_private && waiter.session == 0)
				break;
			i++;
			continue;
		}
		PINF_SOMETIMES(claim_served_late);
		if (err == PINF_OK)
			err = reply_lease(r, waiter.request, &task);
		if (err != PINF_OK)
			return err;
		waiters_remove(&r->miners, i);
	}
	return PINF_OK;
}

enum pinf_err
wait_expired(struct pinf_router *r)
{
	struct pinf_task task;
	size_t i = 0;

	while (i < r->miners.count) {
		if (r->miners.list[i].until_ms > r->now_ms) {
			i++;
			continue;
		}
		if (reply_empty(r, r->miners.list[i].request, 204) != PINF_OK)
			return PINF_E_NO_MEMORY;
		waiters_remove(&r->miners, i);
	}
	for (i = 0; i < r->callers.count;) {
		const struct waiter waiter = r->callers.list[i];
		enum pinf_err err;

		if (waiter.until_ms > r->now_ms) {
			i++;
			continue;
		}
		err = r->store.ops->task_get(r->store.ctx, waiter.session, waiter.task, &task);
		if (err == PINF_OK)
			err = wait_answer(r, waiter.request, waiter.api_version, &task);
		if (err != PINF_OK)
			return err;
		waiters_remove(&r->callers, i);
	}
	return PINF_OK;
}

void
wait_forget(struct pinf_router *r, uint64_t request)
{
	struct waiters *const both[] = {&r->callers, &r->miners};

	for (size_t w = 0; w < 2; w++)
		for (size_t i = both[w]->count; i > 0; i--)
			if (both[w]->list[i - 1].request == request)
				waiters_remove(both[w], i - 1);
}

uint64_t
wait_next_ms(const struct pinf_router *r)
{
	uint64_t at_ms = UINT64_MAX;

	for (size_t i = 0; i < r->callers.count; i++)
		if (r->callers.list[i].until_ms < at_ms)
			at_ms = r->callers.list[i].until_ms;
	for (size_t i = 0; i < r->miners.count; i++)
		if (r->miners.list[i].until_ms < at_ms)
			at_ms = r->miners.list[i].until_ms;
	return at_ms;
}
