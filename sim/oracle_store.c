/* SPDX-License-Identifier: Apache-2.0 */
/* oracle_store.c -- the store against what was promised, and everything at the end. */
#include <string.h>

#include "core/audit.h"
#include "foreign.h"
#include "world.h"

#define PAGE 16

/* The disk fails now and then, also under the one who looks. */
static bool
medium_fails(enum pinf_err err)
{
	return err == PINF_E_STORE || err == PINF_E_IO || err == PINF_E_FULL;
}

static void
check_promise(struct sim_world *w, const struct sim_promise *p, struct pinf_task *task)
{
	const struct pinf_store *store = &w->router.store;
	const unsigned long long session = p->session, id = p->task;
	const enum pinf_err err = store->ops->task_get(store->ctx, p->session, p->task, task);

	if (medium_fails(err))
		return;
	sim_check(
	    w, SIM_ACCEPTED_LOST, err == PINF_OK, "task %llu of session %llu is gone", id, session);
	if (err != PINF_OK)
		return;
	sim_check(w, SIM_ACCEPTED_LOST, !p->submitted || task->state != PINF_TASK_RESERVED,
	    "task %llu of session %llu was accepted and is only reserved", id, session);
	sim_check(w, SIM_ACCEPTED_LOST,
	    task->due_ms != 0 || task->state < PINF_TASK_ASSIGNED ||
		task->state >= PINF_TASK_COMMITTED,
	    "task %llu of session %llu is leased for ever", id, session);
	if (task->state >= PINF_TASK_CREATED && task->state < PINF_TASK_COMMITTED &&
	    task->input.urn[0] != '\0')
		sim_oracle_durable(w, &task->input.sha256, task->api_version == 3);
	if (p->has_result)
		sim_check(w, SIM_ACCEPTED_LOST,
		    (task->state == PINF_TASK_COMMITTED || task->state == PINF_TASK_CLOSED) &&
			pinf_hash_equal(&task->result.sha256, &p->result),
		    "the accepted result of task %llu of session %llu is gone", id, session);
}

void
sim_oracle_seats(struct sim_world *w, const struct sim_session *s)
{
	const struct pinf_store *store = &w->router.store;
	uint64_t taken = 0;

	if (store->ops->member_count(store->ctx, s->id, PINF_ACL_ROUTER, &taken) == PINF_OK)
		sim_check(w, SIM_SEATS, taken <= s->seats,
		    "session %llu has %llu members on %u seats", (unsigned long long)s->id,
		    (unsigned long long)taken, s->seats);
}

static void
check_sessions(struct sim_world *w)
{
	const struct pinf_store *store = &w->router.store;

	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		const struct sim_session *s = &w->sessions[i];
		struct pinf_session kept;
		enum pinf_err err;

		if (s->id == 0)
			continue;
		err = store->ops->session_get(store->ctx, s->id, &kept);
		if (medium_fails(err))
			return;
		sim_check(w, SIM_ACCEPTED_LOST, err == PINF_OK, "session %llu is gone",
		    (unsigned long long)s->id);
		if (err == PINF_OK)
			sim_check(w, SIM_PRIVACY_ONE_WAY, !s->known_private || kept.is_private,
			    "session %llu was private and is public", (unsigned long long)s->id);
		if (s->seats > 0)
			sim_oracle_seats(w, s);
	}
}

/* What was destroyed stays so, and everything else stays. */
static void
check_versions(struct sim_world *w)
{
	struct pinf_keyring *keyring = sim_need(sim_router_keyring(w));

	for (size_t i = 0; i < pinf_keyring_count(keyring); i++) {
		const struct pinf_key_info info = pinf_keyring_info(keyring, i);
		const bool gone = info.state == PINF_KEY_DESTROYED;

		sim_check(w, SIM_VERSION_LIFE,
		    gone ? info.version <= w->destroying : info.version > w->destroyed,
		    "key version %u is %s", info.version, gone ? "destroyed" : "there again");
	}
	pinf_keyring_free(keyring);
}

void
sim_oracle_store(struct sim_world *w)
{
	const struct pinf_audit_expect expect = {
	    .domain = sim_domain(), .router = w->router.address};
	struct pinf_audit_report report;
	struct pinf_task *task = sim_new(sizeof *task);
	enum pinf_err err;

	for (size_t i = 0; i < w->oracles.promise_count && !w->stop; i++)
		check_promise(w, &w->oracles.promises[i], task);
	free(task);
	check_sessions(w);
	check_versions(w);
	err = pinf_audit_verify(&w->router.store, &expect, &report);
	if (!medium_fails(err))
		sim_check(w, SIM_AUDIT_CHAIN, err == PINF_OK,
		    "the audit log does not verify: %s at record %llu", pinf_err_name(err),
		    (unsigned long long)report.bad_seq);
}

/* Opens a payload with keyring and header alone. */
static enum pinf_err
open_alone(struct sim_world *w, const struct pinf_keyring *keyring, const struct pinf_payload *p,
    struct pinf_bytes *document)
{
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_blob_header header;
	const struct sim_blob *blob;
	enum pinf_err err;

	if (p->urn[0] == '\0')
		return pinf_bytes_append(document, p->inline_data, p->inline_len);
	blob = sim_blobs_find(&w->blobs, &p->sha256);
	if (blob == NULL)
		return PINF_E_NO_BLOB;
	if (p->suite == PINF_SUITE_NONE)
		return pinf_bytes_append(document, blob->bytes.data, blob->bytes.len);
	err = pinf_blob_header_decode(&header, pinf_span_of(&blob->bytes));
	if (err == PINF_OK)
		err = pinf_keyring_derive(
		    keyring, header.params.key_version, &header.params.scope, &key);
	if (err == PINF_OK)
		err = pinf_blob_open(
		    w->blob, &header.params.scope, &key, pinf_span_of(&blob->bytes), document);
	return err;
}

/* Whether a task has no use for its keys any more. */
static bool
is_over(const struct pinf_task *t)
{
	return t->state == PINF_TASK_CLOSED || t->state == PINF_TASK_FAILED ||
	       t->state == PINF_TASK_EXPIRED;
}

static void
check_task(struct sim_world *w, const struct pinf_keyring *keyring, const struct pinf_task *t)
{
	struct pinf_bytes input = {0}, result = {0}, expected = {0};
	enum pinf_err err;

	w->stats.tasks[t->state]++;
	if (t->state == PINF_TASK_COMMITTED || t->state == PINF_TASK_CLOSED)
		w->stats.by_nodes += sim_foreign_has(sim_member_of(w, &t->miner));
	w->stats.attempts += t->attempt;
	sim_check(w, SIM_LIVENESS, t->state >= PINF_TASK_COMMITTED,
	    "task %llu of session %llu is still %s", (unsigned long long)t->id,
	    (unsigned long long)t->session, pinf_task_state_name(t->state));
	if ((t->state != PINF_TASK_COMMITTED && t->state != PINF_TASK_CLOSED) ||
	    (is_over(t) && t->key_version <= w->destroying))
		return;
	err = open_alone(w, keyring, &t->input, &input);
	if (err == PINF_OK)
		err = open_alone(w, keyring, &t->result, &result);
	sim_infer(pinf_span_of(&input), &expected);
	sim_check(w, SIM_WRONG_ANSWER,
	    err == PINF_OK && pinf_span_equal(pinf_span_of(&result), pinf_span_of(&expected)),
	    "the result of task %llu of session %llu (%s) is not its input's",
	    (unsigned long long)t->id, (unsigned long long)t->session, pinf_err_name(err));
	pinf_bytes_free(&input);
	pinf_bytes_free(&result);
	pinf_bytes_free(&expected);
}

static void
check_tasks(struct sim_world *w, uint64_t session, struct pinf_task *page)
{
	const struct pinf_store *store = &w->router.store;
	struct pinf_keyring *keyring = sim_need(sim_router_keyring(w));
	uint64_t after = 0;
	size_t count = PAGE;

	while (count == PAGE) {
		const enum pinf_err err =
		    store->ops->task_list(store->ctx, session, after, page, PAGE, &count);

		sim_check(w, SIM_ACCEPTED_LOST, err == PINF_OK, "tasks cannot be listed: %s",
		    pinf_err_name(err));
		if (err != PINF_OK)
			break;
		for (size_t i = 0; i < count; i++)
			check_task(w, keyring, &page[i]);
		if (count > 0)
			after = page[count - 1].id;
	}
	pinf_keyring_free(keyring);
}

/* Nothing that is open, or was not read yet, was to be opened with a version that is gone. */
static void
check_needs(struct sim_world *w, uint64_t session, struct pinf_task *page)
{
	const struct pinf_store *store = &w->router.store;
	uint64_t after = 0;
	size_t count = PAGE;

	while (count == PAGE &&
	       store->ops->task_list(store->ctx, session, after, page, PAGE, &count) == PINF_OK) {
		for (size_t i = 0; i < count; i++)
			sim_check(w, SIM_VERSION_LIFE,
			    is_over(&page[i]) || page[i].key_version > w->destroyed,
			    "task %llu of session %llu is %s, and key version %u was destroyed",
			    (unsigned long long)page[i].id, (unsigned long long)session,
			    pinf_task_state_name(page[i].state), page[i].key_version);
		if (count > 0)
			after = page[count - 1].id;
	}
}

void
sim_oracle_destroyed(struct sim_world *w)
{
	struct pinf_task *page = sim_new(PAGE * sizeof *page);

	w->destroyed = w->destroying;
	for (uint32_t i = 0; i < w->plan->sessions && w->router.core != NULL; i++)
		if (w->sessions[i].id != 0)
			check_needs(w, w->sessions[i].id, page);
	free(page);
}

/* One result a task, from a wallet that once was on the session's list. */
static void
check_result_record(struct sim_world *w, struct sim_map *seen, const struct pinf_audit *a)
{
	const struct pinf_hash key = sim_map_key(a->session, a->task, 0);
	const bool once = sim_map_number(seen, &key) == UINT64_MAX;
	bool listed = false;
	uint32_t index;
	const struct sim_session *s = sim_session_of(w, a->session, &index);

	sim_map_set(seen, &key, 1);
	sim_check(w, SIM_ANSWERED_TWICE, once, "task %llu of session %llu has two results",
	    (unsigned long long)a->task, (unsigned long long)a->session);
	for (uint32_t i = 0; i < w->plan->miners + w->plan->unlisted && s != NULL; i++)
		listed |= pinf_address_equal(&w->clients[i]->wallet.address, &a->actor) &&
			  (!s->make_private || s->members[i].allow_arrived_ms != 0);
	sim_check(w, SIM_UNLISTED_RESULT, listed,
	    "session %llu has a result of a wallet that never was on its list",
	    (unsigned long long)a->session);
}

static bool
is_pooled(struct sim_world *w, uint64_t session)
{
	uint32_t index;
	const struct sim_session *s = sim_session_of(w, session, &index);

	return s != NULL && s->seats > 0;
}

/* The first record after somebody's word is what came of it, unless the chain lost that. */
static void
measure_removal(struct sim_world *w, const struct pinf_audit *a)
{
	uint32_t session = UINT32_MAX;

	if (a->session != 0)
		(void)sim_session_of(w, a->session, &session);
	for (size_t i = 0; i < w->removal_count; i++) {
		struct sim_removal *removal = &w->removals[i];

		if (removal->session != session || removal->sent_ms == 0 ||
		    removal->sent_ms > a->time_ms || removal->miner != sim_member_of(w, &a->actor))
			continue;
		sim_histogram_add(&w->stats.removal_ms, a->time_ms - removal->sent_ms);
		removal->sent_ms = 0;
		return;
	}
}

static void
check_audit(struct sim_world *w)
{
	const struct pinf_store *store = &w->router.store;
	struct pinf_audit *log = NULL;
	struct sim_map seen = {.count = 0};
	size_t count = 0, cap = 0, got = PINF_PAGE_MAX;

	while (got == PINF_PAGE_MAX) {
		log = sim_grow(log, count + PINF_PAGE_MAX, &cap, sizeof *log);
		if (store->ops->audit_list(store->ctx, count, log + count, PINF_PAGE_MAX, &got) !=
		    PINF_OK)
			got = 0;
		count += got;
	}
	for (size_t i = 0; i < count; i++) {
		if (log[i].kind == PINF_AUDIT_REFUSAL)
			w->stats.rules[log[i].rule]++;
		/* Its times are the router's. */
		if (log[i].kind == PINF_AUDIT_DENY && w->router.clock_off_ms == 0)
			measure_removal(w, &log[i]);
		w->stats.seats += log[i].kind == PINF_AUDIT_ALLOW && is_pooled(w, log[i].session);
		if (log[i].kind == PINF_AUDIT_RESULT)
			check_result_record(w, &seen, &log[i]);
	}
	free(log);
	sim_map_free(&seen);
}

void
sim_oracle_end(struct sim_world *w)
{
	struct pinf_task *page;

	sim_check(w, SIM_LIVENESS, w->router.core != NULL, "the router does not come up again");
	if (w->router.core == NULL)
		return;
	sim_oracle_store(w);
	page = sim_new(PAGE * sizeof *page);
	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		if (w->sessions[i].id == 0)
			continue;
		w->stats.sessions++;
		check_tasks(w, w->sessions[i].id, page);
	}
	free(page);
	check_audit(w);
	for (size_t i = 0; sim_vfs_file(w->vfs, i).data != NULL; i++)
		sim_oracle_scan(w, "the database", sim_vfs_file(w->vfs, i));
	for (size_t i = 0; i < w->blobs.count; i++) {
		w->stats.blob_bytes += w->blobs.list[i].bytes.len;
		sim_oracle_scan(w, "blob storage", pinf_span_of(&w->blobs.list[i].bytes));
	}
	w->stats.slots_ms = (w->now_ms - SIM_EPOCH_MS) * SIM_SLOTS * w->plan->miners;
	for (size_t i = 0; i < w->client_count; i++) {
		const struct sim_client *c = w->clients[i];

		if (c->role == SIM_CALLER || c->role == SIM_PLAIN_CALLER)
			sim_check(w, SIM_LIVENESS, c->done, "a caller still waits for its answer");
	}
}
