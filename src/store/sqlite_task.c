/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_task.c -- tasks and their payloads.  spec/store.md. */
#include "store/sqlite_internal.h"

#define PAYLOAD(member, kind, max) PINF_FIELD(pinf_payload, member, kind, max)
#define TASK(member, kind, max)    PINF_FIELD(pinf_task, member, kind, max)
#define JOINED(member)                                                                             \
	{                                                                                          \
		PINF_FIELD_JOINED, offsetof(struct pinf_task, member), 0, 0, &payload_record       \
	}
#define COUNT(state) PINF_FIELD(pinf_task_counts, of[state], NUMBER, 0)

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

static const struct pinf_field count_fields[] = {
    COUNT(1), COUNT(2), COUNT(3), COUNT(4), COUNT(5), COUNT(6), COUNT(7), COUNT(8), COUNT(9)};
static const struct pinf_record counts_record = PINF_RECORD(pinf_task_counts, count_fields);

static enum pinf_err
payload_write(struct pinf_sqlite *store, enum pinf_sql sql, const struct pinf_task *task,
    const struct pinf_payload *payload)
{
	struct pinf_query q = pinf_query(store, sql);

	pinf_put_u64(&q, task->session);
	pinf_put_u64(&q, task->id);
	pinf_put_record(&q, &payload_record, payload, payload_record.count);
	return pinf_run_one(&q);
}

static enum pinf_err
task_insert(void *store, const struct pinf_task *task)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_TASK_INSERT);
	enum pinf_err err;

	pinf_put_record(&q, &pinf_task_record, task, INSERTED);
	err = pinf_run(&q);
	if (err == PINF_OK && task->input.size > 0)
		err = payload_write(store, PINF_SQL_TASK_INPUT, task, &task->input);
	if (err == PINF_OK && task->result.size > 0)
		err = payload_write(store, PINF_SQL_TASK_RESULT, task, &task->result);
	return err;
}

/*
 * Leases change a task far more often than submissions do: those updates leave the input and all
 * that was fixed with it alone.  The result is written when it is accepted.
 */
static enum pinf_err
task_update(void *store, const struct pinf_task *task)
{
	const bool submitting = task->state <= PINF_TASK_CREATED;
	struct pinf_query q;
	enum pinf_err err = PINF_OK;

	if (submitting && task->input.size > 0)
		err = payload_write(store, PINF_SQL_TASK_INPUT, task, &task->input);
	if (task->state == PINF_TASK_COMMITTED && task->result.size > 0)
		err = payload_write(store, PINF_SQL_TASK_RESULT, task, &task->result);
	if (err != PINF_OK)
		return err;
	q = pinf_query(store, submitting ? PINF_SQL_TASK_SUBMIT : PINF_SQL_TASK_MOVE);
	pinf_put_record(&q, &pinf_task_record, task, submitting ? SUBMITTED : MOVED);
	return pinf_run_one(&q);
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

static enum pinf_err
task_counts(void *store, struct pinf_task_counts *counts)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_TASK_COUNTS);

	return pinf_get_record(&q, &counts_record, counts);
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
	ops->task_due = task_due;
	ops->next_due = next_due;
	ops->task_counts = task_counts;
	ops->tasks_of_version = tasks_of_version;
}
