/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_task.c -- tasks and their payloads.  spec/store.md. */
#include <string.h>

#include "store/sqlite_internal.h"

#define PAYLOAD(member, kind, max) PINF_FIELD(pinf_payload, member, kind, max)
#define TASK(member, kind, max)    PINF_FIELD(pinf_task, member, kind, max)
#define JOINED(member)                                                                             \
	{                                                                                          \
		PINF_FIELD_JOINED, offsetof(struct pinf_task, member), 0, 0, &payload_record       \
	}
static const struct pinf_field payload_fields[] = {PAYLOAD(urn, TEXT, 0), PAYLOAD(sha256, BYTES, 0),
    PAYLOAD(size, NUMBER, 0), PAYLOAD(suite, NUMBER, PINF_SUITE_CHACHA20POLY1305),
    PAYLOAD(key_version, NUMBER, 0), PAYLOAD(scope, SCOPE, 0), PAYLOAD(inline_data, INLINE, 0)};
static const struct pinf_record payload_record = PINF_RECORD(pinf_payload, payload_fields);

/* In three parts: what every update writes, what a submission fixes, what an insertion does. */
static const struct pinf_field task_fields[] = {TASK(session, NUMBER, 0), TASK(id, NUMBER, 0),
    TASK(state, NUMBER, PINF_TASK_STATES - 1), TASK(key_version, NUMBER, 0),
    TASK(attempt, NUMBER, 0), TASK(epoch, NUMBER, 0), TASK(miner, SET, 0),
    TASK(queue_seq, NUMBER, 0), TASK(due_ms, NUMBER, 0), TASK(deadline_ms, NUMBER, 0),
    TASK(precommit_sha256, SET, 0), TASK(result_signature, SET, 0),
    TASK(failure, ERR, PINF_ERR_COUNT - 1), TASK(route, NUMBER, PINF_ROUTES - 1),
    TASK(api_version, NUMBER, 0), TASK(timeout_ms, NUMBER, 0),
    TASK(precommit_timeout_ms, NUMBER, 0), TASK(reference, TEXT, 0), TASK(reference_digest, SET, 0),
    TASK(instance, BYTES, 0), TASK(created_ms, NUMBER, 0), TASK(owner, BYTES, 0), JOINED(input),
    JOINED(result)};
enum { MOVED = 13, SUBMITTED = 19, INSERTED = 22 };
const struct pinf_record pinf_task_record = PINF_RECORD(pinf_task, task_fields);

struct place {
	uint64_t row; /* or how many there are */
	uint64_t state;
};
static const struct pinf_field place_fields[] = {
    PINF_FIELD(place, row, NUMBER, 0), PINF_FIELD(place, state, NUMBER, PINF_TASK_STATES - 1)};
static const struct pinf_record place_record = PINF_RECORD(place, place_fields);

static enum pinf_err
payload_write(
    struct pinf_sqlite *store, enum pinf_sql sql, const struct pinf_task *task, uint64_t row)
{
	struct pinf_query q = pinf_query(store, sql);
	const struct pinf_payload *payload =
	    sql == PINF_SQL_TASK_INPUT ? &task->input : &task->result;

	if (payload->size == 0)
		return PINF_OK;
	pinf_put_u64(&q, row);
	pinf_put_u64(&q, task->session);
	pinf_put_record(&q, &payload_record, payload, payload_record.count);
	return pinf_run_one(&q);
}

static enum pinf_err
task_insert(void *store, const struct pinf_task *task)
{
	struct pinf_sqlite *s = store;
	struct pinf_query q = pinf_query(s, PINF_SQL_TASK_INSERT);
	enum pinf_err err;
	uint64_t row;

	pinf_put_record(&q, &pinf_task_record, task, INSERTED);
	err = pinf_run(&q);
	if (err != PINF_OK)
		return err;
	s->counts.of[task->state]++;
	row = (uint64_t)sqlite3_last_insert_rowid(s->db);
	err = payload_write(s, PINF_SQL_TASK_INPUT, task, row);
	return err == PINF_OK ? payload_write(s, PINF_SQL_TASK_RESULT, task, row) : err;
}

/*
 * Leases change a task far more often than submissions do: those updates leave the input and all
 * that was fixed with it alone.  The result is written when it is accepted.
 */
static enum pinf_err
task_update(void *store, const struct pinf_task *task)
{
	const bool submitting = task->state <= PINF_TASK_CREATED;
	struct pinf_sqlite *s = store;
	struct pinf_query q = pinf_query(s, PINF_SQL_TASK_ROW);
	struct place place;
	enum pinf_err err;

	pinf_put_u64(&q, task->session);
	pinf_put_u64(&q, task->id);
	err = pinf_get_record(&q, &place_record, &place);
	if (err == PINF_OK && submitting)
		err = payload_write(s, PINF_SQL_TASK_INPUT, task, place.row);
	if (err == PINF_OK && task->state == PINF_TASK_COMMITTED)
		err = payload_write(s, PINF_SQL_TASK_RESULT, task, place.row);
	if (err != PINF_OK)
		return err;
	q = pinf_query(s, submitting ? PINF_SQL_TASK_SUBMIT : PINF_SQL_TASK_MOVE);
	pinf_put_record(&q, &pinf_task_record, task, submitting ? SUBMITTED : MOVED);
	pinf_put_u64(&q, place.row);
	err = pinf_run_one(&q);
	if (err == PINF_OK) {
		s->counts.of[place.state]--;
		s->counts.of[task->state]++;
	}
	return err;
}

static enum pinf_err
task_get(void *store, uint64_t session, uint64_t id, struct pinf_task *task)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_TASK_GET);

	pinf_put_u64(&q, session);
	pinf_put_u64(&q, id);
	return pinf_get_record(&q, &pinf_task_record, task);
}

static enum pinf_err
task_by_reference(void *store, const struct pinf_address *owner, uint64_t session,
    const char *reference, struct pinf_task *task)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_TASK_BY_REFERENCE);

	pinf_put_blob(&q, owner->bytes, PINF_ADDRESS_LEN);
	pinf_put_u64(&q, session);
	pinf_put_text(&q, reference);
	return pinf_get_record(&q, &pinf_task_record, task);
}

static enum pinf_err
task_list(void *store, uint64_t session, uint64_t after, struct pinf_task *tasks, size_t max,
    size_t *count)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_TASK_LIST);

	pinf_put_u64(&q, session);
	pinf_put_u64(&q, after);
	return pinf_get_list(&q, &pinf_task_record, tasks, max, count);
}

static enum pinf_err
task_due(void *store, uint64_t now_ms, struct pinf_task *task)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_TASK_DUE);

	/* Never (2^63-1 in the column) is never reached, not even by a clock at its end. */
	pinf_put_u64(&q, now_ms < INT64_MAX ? now_ms : INT64_MAX - 1);
	return pinf_get_record(&q, &pinf_task_record, task);
}

static enum pinf_err
next_due(void *store, uint64_t *at_ms)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_NEXT_DUE);

	return pinf_get_record(&q, &pinf_number_record, at_ms);
}

enum pinf_err
pinf_sqlite_count(struct pinf_sqlite *store)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_COUNT_STATES);
	struct place found[PINF_TASK_STATES];
	size_t n = 0;
	const enum pinf_err err = pinf_get_list(&q, &place_record, found, PINF_TASK_STATES, &n);

	memset(&store->counts, 0, sizeof store->counts);
	for (size_t i = 0; i < n; i++)
		store->counts.of[found[i].state] = found[i].row;
	return err;
}

static enum pinf_err
task_counts(void *store, struct pinf_task_counts *counts)
{
	*counts = ((struct pinf_sqlite *)store)->counts;
	return PINF_OK;
}

static enum pinf_err
tasks_of_version(void *store, uint32_t key_version, uint64_t *count, struct pinf_task *first)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_COUNT_VERSION);
	enum pinf_err err;
	uint64_t n;

	pinf_put_u64(&q, key_version);
	err = pinf_get_record(&q, &pinf_number_record, &n);
	if (err == PINF_OK && n > 0) {
		q = pinf_query(store, PINF_SQL_FIRST_OF_VERSION);
		pinf_put_u64(&q, key_version);
		err = pinf_get_record(&q, &pinf_task_record, first);
	}
	if (err == PINF_OK)
		*count = n;
	return err;
}

void
pinf_sqlite_task_ops(struct pinf_store_ops *ops)
{
	ops->task_insert = task_insert;
	ops->task_get = task_get;
	ops->task_by_reference = task_by_reference;
	ops->task_update = task_update;
	ops->task_list = task_list;
	ops->task_claimable = pinf_sqlite_claimable;
	ops->task_due = task_due;
	ops->next_due = next_due;
	ops->task_counts = task_counts;
	ops->tasks_of_version = tasks_of_version;
}
