/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c -- every operation of the SQLite store but the claim, and how its statements run. */
#include "unit/store_fixture.h"

static void
the_clock_never_runs_back(void **state)
{
	struct fixture *f = *state;
	uint64_t now = 1;

	assert_ok(CALL(f, clock_get, &now));
	assert_int_equal(now, 0);
	assert_ok(CALL(f, clock_set, 5000));
	assert_ok(CALL(f, clock_set, 4000));
	assert_ok(CALL(f, clock_get, &now));
	assert_int_equal(now, 5000);
}

static void
sessions_are_kept(void **state)
{
	struct fixture *f = *state;
	struct pinf_session in = a_session(7, false), out, page[4];
	uint64_t last = 9;
	size_t count = 0;

	assert_ok(CALL(f, session_last, &last));
	assert_int_equal(last, 0);
	assert_err(CALL(f, session_get, 7, &out), PINF_E_NOT_FOUND);
	assert_err(CALL(f, session_update, &in), PINF_E_NOT_FOUND);
	assert_ok(CALL(f, session_insert, &in));
	assert_err(CALL(f, session_insert, &in), PINF_E_CONFLICT);
	memset(&out, 0xff, sizeof out);
	assert_ok(CALL(f, session_get, 7, &out));
	assert_int_equal(out.id, 7);
	assert_int_equal(out.type, PINF_SESSION_DEDICATED);
	assert_true(pinf_address_equal(&out.owner, &in.owner));
	assert_memory_equal(out.instance, in.instance, sizeof in.instance);
	assert_false(out.is_private || out.closed);
	assert_true(out.policy.router_sealed);
	assert_int_equal(out.epoch, 1);
	assert_int_equal(out.created_ms, 1000);

	in.is_private = in.closed = true;
	in.policy.router_sealed = false;
	in.epoch = 2;
	in.last_task = PINF_ID_MAX;
	assert_ok(CALL(f, session_update, &in));
	in.is_private = in.closed = false; /* Neither is ever taken back. */
	assert_ok(CALL(f, session_update, &in));
	assert_ok(CALL(f, session_get, 7, &out));
	assert_true(out.is_private && out.closed && !out.policy.router_sealed);
	assert_int_equal(out.epoch, 2);
	assert_int_equal(out.last_task, PINF_ID_MAX);

	for (uint64_t id = 1; id <= 3; id++) {
		in = a_session(id, true);
		assert_ok(CALL(f, session_insert, &in));
	}
	assert_ok(CALL(f, session_list, 0, page, 2, &count));
	assert_int_equal(count, 2);
	assert_int_equal(page[1].id, 2);
	assert_ok(CALL(f, session_list, 2, page, 4, &count));
	assert_int_equal(count, 2);
	assert_int_equal(page[1].id, 7);
	assert_ok(CALL(f, session_list, 7, page, 4, &count));
	assert_int_equal(count, 0);
	assert_ok(CALL(f, session_last, &last));
	assert_int_equal(last, 7);
}

static void
allowlists_are_idempotent_and_ordered(void **state)
{
	struct fixture *f = *state;
	const struct pinf_member before = {.session = 1, .task = PINF_ID_MAX};
	struct pinf_member page[3], member = {.session = 1, .source = PINF_ACL_ROUTER};
	bool changed = false;
	size_t count = 9;

	for (int fill = 3; fill >= 0; fill--) {
		member.miner = an_address((uint8_t)fill);
		assert_ok(CALL(f, member_put, &member, &changed));
		assert_true(changed);
		assert_ok(CALL(f, member_put, &member, &changed));
		assert_false(changed);
	}
	assert_ok(CALL(f, member_list, &before, page, 3, &count));
	assert_int_equal(count, 3);
	assert_true(pinf_address_equal(&page[0].miner, &member.miner));
	assert_int_equal(page[0].source, PINF_ACL_ROUTER);
	assert_ok(CALL(f, member_list, &page[2], page, 3, &count));
	assert_int_equal(count, 1);
	assert_int_equal(page[0].miner.bytes[0], 3);
	assert_ok(CALL(f, member_drop, &member, &changed));
	assert_true(changed);
	assert_ok(CALL(f, member_drop, &member, &changed));
	assert_false(changed);
	assert_ok(CALL(f, member_list, &before, page, 3, &count));
	assert_int_equal(page[0].miner.bytes[0], 1);
	member.source = PINF_ACL_CONTRACT;
	member.task = 9;
	assert_ok(CALL(f, member_put, &member, &changed));
	assert_ok(CALL(f, member_list, &page[2], page, 3, &count));
	assert_int_equal(count, 1);
	assert_int_equal(page[0].task, 9);
	assert_ok(CALL(f, member_clear, PINF_ACL_ROUTER));
	assert_ok(CALL(f, member_list, &before, page, 3, &count));
	assert_int_equal(count, 1);
	assert_int_equal(page[0].source, PINF_ACL_CONTRACT);
}

static void
removals_are_replaced_and_ordered(void **state)
{
	struct fixture *f = *state;
	struct pinf_removal page[3], removal = {2, an_address(9), 100}, before = {.session = 0};
	size_t count = 0;

	assert_ok(CALL(f, removal_put, &removal));
	removal.block = 200;
	assert_ok(CALL(f, removal_put, &removal));
	removal.session = 1;
	assert_ok(CALL(f, removal_put, &removal));
	assert_ok(CALL(f, removal_list, &before, page, 3, &count));
	assert_int_equal(count, 2);
	assert_int_equal(page[0].session, 1);
	assert_int_equal(page[1].block, 200);
	assert_ok(CALL(f, removal_drop, 2, &removal.miner));
	assert_ok(CALL(f, removal_list, &page[0], page, 3, &count));
	assert_int_equal(count, 0);
}

static void
assert_same_task(const struct pinf_task *a, const struct pinf_task *b)
{
	assert_int_equal(a->session, b->session);
	assert_int_equal(a->id, b->id);
	assert_memory_equal(a->instance, b->instance, sizeof a->instance);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->route, b->route);
	assert_int_equal(a->api_version, b->api_version);
	assert_int_equal(a->key_version, b->key_version);
	assert_int_equal(a->attempt, b->attempt);
	assert_int_equal(a->epoch, b->epoch);
	assert_true(pinf_address_equal(&a->miner, &b->miner));
	assert_int_equal(a->queue_seq, b->queue_seq);
	assert_int_equal(a->created_ms, b->created_ms);
	assert_int_equal(a->due_ms, b->due_ms);
	assert_int_equal(a->deadline_ms, b->deadline_ms);
	assert_int_equal(a->timeout_ms, b->timeout_ms);
	assert_int_equal(a->precommit_timeout_ms, b->precommit_timeout_ms);
	assert_true(pinf_address_equal(&a->owner, &b->owner));
	assert_string_equal(a->reference, b->reference);
	assert_true(pinf_hash_equal(&a->reference_digest, &b->reference_digest));
	assert_true(pinf_payload_equal(&a->input, &b->input));
	assert_true(pinf_payload_equal(&a->result, &b->result));
	assert_true(pinf_hash_equal(&a->precommit_sha256, &b->precommit_sha256));
	assert_memory_equal(&a->result_signature, &b->result_signature, sizeof a->result_signature);
	assert_int_equal(a->failure, b->failure);
}

/* One task through its life: what is read is what was written, in every state. */
static void
a_task_is_kept_through_its_life(void **state)
{
	struct fixture *f = *state;
	struct pinf_task in = a_task(1, PINF_ID_MAX, 0), out, whole = in;

	in.state = PINF_TASK_RESERVED;
	in.due_ms = UINT64_MAX; /* Never: read back as such. */
	memset(&in.input, 0, sizeof in.input);
	assert_err(CALL(f, task_update, &in), PINF_E_NOT_FOUND);
	assert_err(CALL(f, task_get, 1, PINF_ID_MAX, &out), PINF_E_NOT_FOUND);
	assert_ok(CALL(f, task_insert, &in));
	assert_err(CALL(f, task_insert, &in), PINF_E_CONFLICT);
	assert_ok(CALL(f, task_get, 1, PINF_ID_MAX, &out));
	assert_same_task(&out, &in);

	in.state = PINF_TASK_CREATED;
	in.input = whole.input;
	in.route = PINF_ROUTE_ROUTER_SEALED;
	in.api_version = 2;
	in.queue_seq = (uint64_t)1 << 60;
	in.due_ms = 0;
	in.timeout_ms = UINT32_MAX;
	in.precommit_timeout_ms = 1;
	memset(in.reference, 'r', PINF_REFERENCE_MAX);
	in.reference_digest = a_hash(77);
	assert_ok(CALL(f, task_update, &in));
	assert_ok(CALL(f, task_get, 1, PINF_ID_MAX, &out));
	assert_same_task(&out, &in);

	in.state = PINF_TASK_ASSIGNED;
	in.attempt = 1;
	in.epoch = 4;
	in.miner = an_address(0x31);
	in.due_ms = 9000;
	in.key_version = 2;
	assert_ok(CALL(f, task_update, &in));
	in.state = PINF_TASK_PRECOMMITTED;
	in.precommit_sha256 = a_hash(5);
	assert_ok(CALL(f, task_update, &in));
	assert_ok(CALL(f, task_get, 1, PINF_ID_MAX, &out));
	assert_same_task(&out, &in);

	give_result(&in, 5, PINF_SUITE_CHACHA20POLY1305);
	in.deadline_ms = 300000;
	assert_ok(CALL(f, task_update, &in));
	in.state = PINF_TASK_CLOSED;
	assert_ok(CALL(f, task_update, &in));
	in.state = PINF_TASK_FAILED;
	in.failure = PINF_E_INFERENCE;
	assert_ok(CALL(f, task_update, &in));
	assert_ok(DO(f, reopen));
	assert_ok(CALL(f, task_get, 1, PINF_ID_MAX, &out));
	assert_same_task(&out, &in);
}

static void
inline_payloads_are_kept(void **state)
{
	struct fixture *f = *state;
	struct pinf_task in = a_task(1, 1, 1), out;

	memset(&in.input, 0, sizeof in.input);
	in.input.sha256 = a_hash(1);
	in.input.size = in.input.inline_len = PINF_INLINE_MAX;
	memset(in.input.inline_data, 0xe2, PINF_INLINE_MAX);
	in.input.inline_data[0] = 0;
	assert_ok(CALL(f, task_insert, &in));
	assert_ok(CALL(f, task_get, 1, 1, &out));
	assert_same_task(&out, &in);
	give_result(&in, 2, PINF_SUITE_NONE);
	in.id = 2;
	assert_ok(CALL(f, task_insert, &in)); /* A result may come with the first writing, too. */
	assert_ok(CALL(f, task_get, 1, 2, &out));
	assert_same_task(&out, &in);
}

static void
references_are_unique_for_their_owner(void **state)
{
	struct fixture *f = *state;
	struct pinf_task task = a_task(1, 1, 1), out;

	strcpy(task.reference, "order-66");
	assert_ok(CALL(f, task_insert, &task));
	task.id = 2;
	assert_err(CALL(f, task_insert, &task), PINF_E_CONFLICT);
	task.reference[0] = '\0';
	assert_ok(CALL(f, task_insert, &task));
	strcpy(task.reference, "order-66");
	assert_err(CALL(f, task_update, &task), PINF_E_CONFLICT);
	task.id = 3;
	task.owner = an_address(9);
	assert_ok(CALL(f, task_insert, &task));
	task = a_task(2, 1, 1);
	strcpy(task.reference, "order-66");
	assert_ok(CALL(f, task_insert, &task));

	assert_ok(CALL(f, task_by_reference, &task.owner, 1, "order-66", &out));
	assert_int_equal(out.id, 1);
	assert_ok(CALL(f, task_by_reference, &task.owner, 2, "order-66", &out));
	assert_int_equal(out.session, 2);
	assert_err(CALL(f, task_by_reference, &task.owner, 1, "order-67", &out), PINF_E_NOT_FOUND);
	assert_err(CALL(f, task_by_reference, &task.owner, 1, "", &out), PINF_E_NOT_FOUND);
}

static void
a_session_accepts_a_sealed_result_once(void **state)
{
	struct fixture *f = *state;
	struct pinf_task task[3], out;
	bool referenced = true;
	struct pinf_hash hash = a_hash(500);

	for (uint64_t i = 0; i < 3; i++) {
		task[i] = a_task(i == 2 ? 2 : 1, i + 1, i);
		assert_ok(CALL(f, task_insert, &task[i]));
		give_result(&task[i], 500, PINF_SUITE_AES256GCM);
	}
	assert_ok(CALL(f, blob_referenced, &hash, &referenced));
	assert_false(referenced);
	assert_ok(CALL(f, task_update, &task[0]));
	assert_ok(CALL(f, task_update, &task[0])); /* Its own again is no second one. */
	assert_err(CALL(f, task_update, &task[1]), PINF_E_CONFLICT);
	assert_ok(CALL(f, task_get, 1, 2, &out));
	assert_int_equal(out.state, PINF_TASK_CREATED);
	assert_ok(CALL(f, task_update, &task[2]));
	assert_ok(CALL(f, blob_referenced, &hash, &referenced));
	assert_true(referenced);
	assert_ok(CALL(f, blob_referenced, &task[1].input.sha256, &referenced));
	assert_true(referenced);
	give_result(&task[1], 500, PINF_SUITE_NONE); /* The same answer in the clear is honest. */
	assert_ok(CALL(f, task_update, &task[1]));
}

static void
lists_come_in_pages(void **state)
{
	struct fixture *f = *state;
	struct pinf_task *page = calloc(3, sizeof *page);
	size_t count = 9;

	assert_non_null(page);
	for (uint64_t id = 5; id >= 1; id--) {
		struct pinf_task task = a_task(1, id, id);

		assert_ok(CALL(f, task_insert, &task));
	}
	assert_ok(CALL(f, task_list, 1, 0, page, 3, &count));
	assert_int_equal(count, 3);
	assert_int_equal(page[2].id, 3);
	assert_ok(CALL(f, task_list, 1, 3, page, 3, &count));
	assert_int_equal(count, 2);
	assert_int_equal(page[0].id, 4);
	assert_ok(CALL(f, task_list, 2, 0, page, 3, &count));
	assert_int_equal(count, 0);
	free(page);
}

static void
what_is_due_comes_first(void **state)
{
	static const struct {
		enum pinf_task_state state;
		uint64_t due_ms;
		uint64_t deadline_ms;
	} rows[] = {{PINF_TASK_RESERVED, 50, 0}, {PINF_TASK_CREATED, 0, 40},
	    {PINF_TASK_ASSIGNED, 70, 30}, {PINF_TASK_COMMITTED, 20, 0}, {PINF_TASK_CREATED, 0, 0},
	    {PINF_TASK_CLOSED, 1, 1}, {PINF_TASK_FAILED, 1, 1}, {PINF_TASK_EXPIRED, 1, 1}};
	static const uint64_t order[] = {4, 3, 2, 1}, at[] = {20, 30, 40, 50};
	struct fixture *f = *state;
	struct pinf_task task;
	uint64_t next = 0;

	assert_ok(CALL(f, next_due, &next));
	assert_true(next == UINT64_MAX);
	for (uint64_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		task = a_task(1, i + 1, i);
		task.state = rows[i].state;
		task.due_ms = rows[i].due_ms;
		task.deadline_ms = rows[i].deadline_ms;
		assert_ok(CALL(f, task_insert, &task));
	}
	for (size_t i = 0; i < 4; i++) {
		assert_ok(CALL(f, next_due, &next));
		assert_int_equal(next, at[i]);
		assert_err(CALL(f, task_due, next - 1, &task), PINF_E_NOT_FOUND);
		assert_ok(CALL(f, task_due, next, &task));
		assert_int_equal(task.id, order[i]);
		task.state = PINF_TASK_EXPIRED;
		assert_ok(CALL(f, task_update, &task));
	}
	assert_ok(CALL(f, next_due, &next));
	assert_true(next == UINT64_MAX);
	assert_err(CALL(f, task_due, UINT64_MAX, &task), PINF_E_NOT_FOUND);
}

static void
tasks_are_counted_by_state_and_version(void **state)
{
	struct fixture *f = *state;
	struct pinf_task_counts counts;
	struct pinf_task task, first = {.id = 99};
	uint64_t n = 9;

	for (uint64_t i = 1; i < PINF_TASK_STATES; i++)
		for (uint64_t j = 0; j < i; j++) {
			task = a_task(i, j + 1, 0);
			task.state = (enum pinf_task_state)i;
			task.key_version = (uint32_t)(1 + i % 2);
			task.deadline_ms = 1000 - i;
			assert_ok(CALL(f, task_insert, &task));
		}
	assert_ok(CALL(f, task_counts, &counts));
	for (uint64_t i = 0; i < PINF_TASK_STATES; i++)
		assert_int_equal(counts.of[i], i);
	for (int from = PINF_TASK_COMMITTED; from <= PINF_TASK_FAILED; from++) {
		assert_ok(CALL(f, task_get, (uint64_t)from, 1, &task));
		task.state++;
		assert_ok(CALL(f, task_update, &task));
	}
	assert_ok(CALL(f, task_counts, &counts));
	assert_int_equal(counts.of[PINF_TASK_COMMITTED], 5);
	assert_int_equal(counts.of[PINF_TASK_CLOSED], 7);
	assert_int_equal(counts.of[PINF_TASK_FAILED], 8);
	assert_int_equal(counts.of[PINF_TASK_EXPIRED], 10);

	assert_ok(CALL(f, tasks_of_version, 1, &n, &first));
	assert_int_equal(n, 2 + 4 + 5); /* Of states 2, 4 and 6, one of which has ended. */
	assert_int_equal(first.session, 6);
	assert_ok(CALL(f, tasks_of_version, 2, &n, &first));
	assert_int_equal(n, 1 + 3 + 5);
	first.id = 99;
	assert_ok(CALL(f, tasks_of_version, 3, &n, &first));
	assert_int_equal(n, 0);
	assert_int_equal(first.id, 99);
}

static void
intents_are_replaced_counted_and_due(void **state)
{
	struct fixture *f = *state;
	struct pinf_intent out, in = {a_hash(1), 1, 2, 3, PINF_BLOB_PLAIN_MAX, 500};
	size_t count = 9;

	assert_err(CALL(f, intent_get, &in.sha256, &out), PINF_E_NOT_FOUND);
	assert_ok(CALL(f, intent_put, &in));
	in.expires_ms = 700;
	assert_ok(CALL(f, intent_put, &in));
	assert_ok(CALL(f, intent_get, &in.sha256, &out));
	assert_true(pinf_hash_equal(&out.sha256, &in.sha256));
	assert_true(out.session == 1 && out.task == 2 && out.attempt == 3);
	assert_true(out.size == PINF_BLOB_PLAIN_MAX && out.expires_ms == 700);
	in.sha256 = a_hash(2);
	in.expires_ms = 600;
	assert_ok(CALL(f, intent_put, &in));
	assert_ok(CALL(f, intent_count, 1, 2, 3, &count));
	assert_int_equal(count, 2);
	assert_ok(CALL(f, intent_count, 1, 2, 4, &count));
	assert_int_equal(count, 0);
	assert_err(CALL(f, intent_due, 599, &out), PINF_E_NOT_FOUND);
	assert_ok(CALL(f, intent_due, 900, &out));
	assert_true(pinf_hash_equal(&out.sha256, &in.sha256));
	assert_ok(CALL(f, intent_drop, &in.sha256));
	assert_ok(CALL(f, intent_drop, &in.sha256));
	assert_ok(CALL(f, intent_due, 900, &out));
	assert_int_equal(out.expires_ms, 700);
}

static void
nonces_are_single_use_until_pruned(void **state)
{
	struct fixture *f = *state;
	struct pinf_address alice = an_address(1), bob = an_address(2);
	const uint8_t nonce[PINF_NONCE_LEN] = {1};

	assert_ok(CALL(f, nonce_use, &alice, nonce, 100));
	assert_err(CALL(f, nonce_use, &alice, nonce, 200), PINF_E_AUTH_REPLAY);
	assert_ok(CALL(f, nonce_use, &bob, nonce, 200));
	assert_ok(CALL(f, nonce_prune, 100));
	assert_err(CALL(f, nonce_use, &alice, nonce, 100), PINF_E_AUTH_REPLAY);
	assert_ok(CALL(f, nonce_prune, 101));
	assert_ok(CALL(f, nonce_use, &alice, nonce, 300));
	assert_err(CALL(f, nonce_use, &bob, nonce, 300), PINF_E_AUTH_REPLAY);
}

static void
the_log_checkpoints_and_keys_are_kept(void **state)
{
	struct fixture *f = *state;
	static struct pinf_audit in = {.seq = 1, /* static: its padding is zero, too */
	    .time_ms = 1700000000000,
	    .kind = PINF_AUDIT_REFUSAL,
	    .rule = PINF_RULE_ATTESTATION,
	    .actor = {{4}},
	    .session = 5,
	    .task = 6,
	    .attempt = UINT32_MAX,
	    .key_version = 8,
	    .purpose = PINF_PURPOSE_RESULT,
	    .digest = {{9}},
	    .head = {{10}}};
	struct pinf_audit out, page[2];
	struct pinf_checkpoint got, checkpoint = {1, a_hash(10), {{0x1b}}};
	struct pinf_address owner = an_address(3), found;
	struct pinf_hash key = a_hash(11);
	size_t count;

	assert_err(CALL(f, audit_last, &out), PINF_E_NOT_FOUND);
	assert_err(CALL(f, checkpoint_last, &got), PINF_E_NOT_FOUND);
	assert_ok(CALL(f, audit_append, &in));
	assert_err(CALL(f, audit_append, &in), PINF_E_CONFLICT);
	memset(&out, 0, sizeof out);
	assert_ok(CALL(f, audit_last, &out));
	assert_memory_equal(&out, &in, sizeof in);
	in.seq = 2;
	assert_ok(CALL(f, audit_append, &in));
	assert_ok(CALL(f, audit_list, 0, page, 2, &count));
	assert_int_equal(count, 2);
	assert_ok(CALL(f, audit_list, 1, page, 2, &count));
	assert_int_equal(count, 1);
	assert_int_equal(page[0].seq, 2);

	assert_ok(CALL(f, checkpoint_insert, &checkpoint));
	assert_err(CALL(f, checkpoint_insert, &checkpoint), PINF_E_CONFLICT);
	checkpoint.seq = 2;
	assert_ok(CALL(f, checkpoint_insert, &checkpoint));
	assert_ok(CALL(f, checkpoint_last, &got));
	assert_int_equal(got.seq, 2);
	assert_memory_equal(&got.signature, &checkpoint.signature, sizeof got.signature);

	assert_err(CALL(f, api_key_get, &key, &found), PINF_E_NOT_FOUND);
	assert_ok(CALL(f, api_key_insert, &key, &owner, 1));
	assert_err(CALL(f, api_key_insert, &key, &owner, 1), PINF_E_CONFLICT);
	assert_ok(CALL(f, api_key_get, &key, &found));
	assert_true(pinf_address_equal(&found, &owner));
}

/* No statement may walk a whole table, sort, or build an index for itself, save those named here. */
static void
every_statement_runs_on_an_index(void **state)
{
	static const enum pinf_sql scans[] = {PINF_SQL_SESSION_LAST, PINF_SQL_AUDIT_LAST,
	    PINF_SQL_CHECKPOINT_LAST, PINF_SQL_NEXT_DUE, PINF_SQL_COUNT_VERSION,
	    PINF_SQL_FIRST_OF_VERSION, PINF_SQL_COUNT_STATES,
	    /* Once, when the router starts. */
	    PINF_SQL_MEMBER_CLEAR, PINF_SQL_GOVERN_SESSIONS, PINF_SQL_GOVERN_PRIVATE,
	    PINF_SQL_GOVERN_TASKS};
	struct fixture *f = *state;

	for (int sql = PINF_SQL_SESSION_INSERT; sql < PINF_SQL_COUNT; sql++) {
		char text[2048];
		sqlite3_stmt *stmt;
		bool may_scan = false;

		for (size_t i = 0; i < sizeof scans / sizeof scans[0]; i++)
			may_scan = may_scan || sql == (int)scans[i];
		(void)snprintf(
		    text, sizeof text, "EXPLAIN QUERY PLAN %s", pinf_sql_text((enum pinf_sql)sql));
		assert_int_equal(
		    sqlite3_prepare_v2(fixture_db(f), text, -1, &stmt, NULL), SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			const char *plan = (const char *)sqlite3_column_text(stmt, 3);
			const bool scan = strncmp(plan, "SCAN ", 5) == 0 &&
					  strcmp(plan, "SCAN CONSTANT ROW") != 0;

			/* "For the right part" sorts what is equal so far. */
			if ((!may_scan && (scan || strstr(plan, "RIGHT PART") != NULL)) ||
			    strcmp(plan, "USE TEMP B-TREE FOR ORDER BY") == 0 ||
			    strstr(plan, "AUTOMATIC") != NULL)
				fail_msg("%s: %s", pinf_sql_text((enum pinf_sql)sql), plan);
		}
		sqlite3_finalize(stmt);
	}
}

static void
names_are_stable(void **state)
{
	(void)state;
	assert_string_equal(pinf_task_state_name(PINF_TASK_RESERVED), "reserved");
	assert_string_equal(pinf_task_state_name(PINF_TASK_EXPIRED), "expired");
	assert_string_equal(pinf_task_state_name(PINF_TASK_STATES), "unknown");
	assert_string_equal(pinf_audit_kind_name(PINF_AUDIT_GRANT), "grant");
	assert_string_equal(pinf_audit_kind_name(PINF_AUDIT_RESULT), "result");
	assert_string_equal(pinf_audit_kind_name(PINF_AUDIT_KINDS), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(the_clock_never_runs_back), TEST(sessions_are_kept),
	    TEST(allowlists_are_idempotent_and_ordered), TEST(removals_are_replaced_and_ordered),
	    TEST(a_task_is_kept_through_its_life), TEST(inline_payloads_are_kept),
	    TEST(references_are_unique_for_their_owner),
	    TEST(a_session_accepts_a_sealed_result_once), TEST(lists_come_in_pages),
	    TEST(what_is_due_comes_first), TEST(tasks_are_counted_by_state_and_version),
	    TEST(intents_are_replaced_counted_and_due), TEST(nonces_are_single_use_until_pruned),
	    TEST(the_log_checkpoints_and_keys_are_kept), TEST(every_statement_runs_on_an_index),
	    cmocka_unit_test(names_are_stable)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
