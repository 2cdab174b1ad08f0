/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_session.c -- sessions, the members of their lists, removals.  spec/store.md, spec/acl.md. */
#include "store/sqlite_internal.h"

#define SESSION(member, kind, max) PINF_FIELD(pinf_session, member, kind, max)
#define CHANGING                   8 /* the first fields: what an update writes */

#define POLICY                                                                                     \
	SESSION(policy.acl_source, NUMBER, PINF_ACL_ENV), SESSION(policy.attestation, NUMBER, 1),  \
	    SESSION(policy.task_keys_only, NUMBER, 1),                                             \
	    SESSION(policy.wallet_reads_only, NUMBER, 1),                                          \
	    SESSION(policy.grant_ms, NUMBER, PINF_GRANT_LIFETIME_MAX),                             \
	    SESSION(policy.rotation_ms, NUMBER, 0)

static const struct pinf_field session_fields[] = {SESSION(id, NUMBER, 0),
    SESSION(is_private, NUMBER, 1), SESSION(policy.router_sealed, NUMBER, 1),
    SESSION(closed, NUMBER, 1), SESSION(acl, NUMBER, PINF_ACL_ENV), SESSION(own_list, NUMBER, 1),
    SESSION(epoch, NUMBER, 0), SESSION(last_task, NUMBER, 0),
    SESSION(type, NUMBER, PINF_SESSION_POOLED), SESSION(seats, NUMBER, 0), SESSION(owner, BYTES, 0),
    SESSION(instance, BYTES, 0), SESSION(created_ms, NUMBER, 0), POLICY};
static const struct pinf_record session_record = PINF_RECORD(pinf_session, session_fields);
static const struct pinf_field policy_fields[] = {
    SESSION(id, NUMBER, 0), SESSION(policy.router_sealed, NUMBER, 1), POLICY};
static const struct pinf_record policy_record = PINF_RECORD(pinf_session, policy_fields);

static enum pinf_err
session_insert(void *store, const struct pinf_session *session)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SESSION_INSERT);

	pinf_put_record(&q, &session_record, session, session_record.count);
	return pinf_run(&q);
}

static enum pinf_err
session_get(void *store, uint64_t id, struct pinf_session *session)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SESSION_GET);

	pinf_put_u64(&q, id);
	return pinf_get_record(&q, &session_record, session);
}

static enum pinf_err
session_update(void *store, const struct pinf_session *session)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SESSION_UPDATE);
	enum pinf_err err;

	pinf_put_record(&q, &session_record, session, CHANGING);
	err = pinf_run_one(&q);
	if (err != PINF_OK || !(session->is_private || session->closed))
		return err;
	/* What is queued leaves the queue that is open to every miner. */
	q = pinf_query(store, PINF_SQL_SESSION_UNSHARE);
	pinf_put_u64(&q, session->id);
	return pinf_run(&q);
}

static enum pinf_err
session_policy(void *store, const struct pinf_session *session)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SESSION_POLICY);

	pinf_put_record(&q, &policy_record, session, policy_record.count);
	return pinf_run_one(&q);
}

static enum pinf_err
rotation_shortest(void *store, uint64_t *period_ms)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_ROTATION_SHORTEST);

	return pinf_get_record(&q, &pinf_number_record, period_ms);
}

static enum pinf_err
session_list(void *store, uint64_t after, struct pinf_session *sessions, size_t max, size_t *count)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SESSION_LIST);

	pinf_put_u64(&q, after);
	return pinf_get_list(&q, &session_record, sessions, max, count);
}

static enum pinf_err
session_last(void *store, uint64_t *id)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SESSION_LAST);

	return pinf_get_record(&q, &pinf_number_record, id);
}

#define MEMBER(member, kind, max) PINF_FIELD(pinf_member, member, kind, max)
static const struct pinf_field member_fields[] = {MEMBER(session, NUMBER, 0),
    MEMBER(source, NUMBER, PINF_ACL_SOURCES - 1), MEMBER(task, NUMBER, 0), MEMBER(miner, BYTES, 0),
    MEMBER(until_ms, NUMBER, 0)};
#define MEMBER_KEY 4
static const struct pinf_record member_record = PINF_RECORD(pinf_member, member_fields);

#define REMOVAL(member, kind) PINF_FIELD(pinf_removal, member, kind, 0)
static const struct pinf_field removal_fields[] = {
    REMOVAL(session, NUMBER), REMOVAL(miner, BYTES), REMOVAL(block, NUMBER)};
static const struct pinf_record removal_record = PINF_RECORD(pinf_removal, removal_fields);

static enum pinf_err
change(void *store, enum pinf_sql sql, const struct pinf_member *member, bool *changed)
{
	struct pinf_query q = pinf_query(store, sql);
	enum pinf_err err;

	pinf_put_record(&q, &member_record, member,
	    sql == PINF_SQL_MEMBER_PUT ? member_record.count : MEMBER_KEY);
	err = pinf_run(&q);
	if (err == PINF_OK)
		*changed = q.at > 0;
	return err;
}

static enum pinf_err
member_put(void *store, const struct pinf_member *member, bool *changed)
{
	return change(store, PINF_SQL_MEMBER_PUT, member, changed);
}

static enum pinf_err
member_drop(void *store, const struct pinf_member *member, bool *changed)
{
	return change(store, PINF_SQL_MEMBER_DROP, member, changed);
}

static enum pinf_err
member_list(void *store, const struct pinf_member *after, struct pinf_member *members, size_t max,
    size_t *count)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_MEMBER_LIST);

	pinf_put_record(&q, &member_record, after, MEMBER_KEY);
	return pinf_get_list(&q, &member_record, members, max, count);
}

static enum pinf_err
member_count(void *store, uint64_t session, enum pinf_acl_source source, uint64_t *count)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_MEMBER_COUNT);

	pinf_put_u64(&q, session);
	pinf_put_u64(&q, source);
	return pinf_get_record(&q, &pinf_number_record, count);
}

static enum pinf_err
member_clear(void *store, enum pinf_acl_source source)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_MEMBER_CLEAR);

	pinf_put_u64(&q, source);
	return pinf_run(&q);
}

static enum pinf_err
seat_of(void *store, const struct pinf_address *miner, struct pinf_member *seat)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SEAT_OF);

	pinf_put_blob(&q, miner, sizeof *miner);
	return pinf_get_record(&q, &member_record, seat);
}

static enum pinf_err
seat_extend(void *store, const struct pinf_address *miner, uint64_t session, uint64_t until_ms)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SEAT_EXTEND);

	pinf_put_blob(&q, miner, sizeof *miner);
	pinf_put_u64(&q, session);
	pinf_put_u64(&q, until_ms);
	return pinf_run(&q);
}

static enum pinf_err
seat_due(void *store, uint64_t now_ms, struct pinf_member *seat)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SEAT_DUE);

	pinf_put_u64(&q, now_ms);
	return pinf_get_record(&q, &member_record, seat);
}

static enum pinf_err
acl_govern(void *store, bool contract)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_GOVERN_SESSIONS);
	enum pinf_err err;

	pinf_put_u64(&q, contract);
	err = pinf_run(&q);
	if (err == PINF_OK) {
		q = pinf_query(store, PINF_SQL_GOVERN_PRIVATE);
		err = pinf_run(&q);
	}
	if (err == PINF_OK) {
		q = pinf_query(store, PINF_SQL_GOVERN_TASKS);
		err = pinf_run(&q);
	}
	return err;
}

static enum pinf_err
removal_put(void *store, const struct pinf_removal *removal)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_REMOVAL_PUT);

	pinf_put_record(&q, &removal_record, removal, removal_record.count);
	return pinf_run(&q);
}

static enum pinf_err
removal_drop(void *store, uint64_t session, const struct pinf_address *miner)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_REMOVAL_DROP);

	pinf_put_u64(&q, session);
	pinf_put_blob(&q, miner, sizeof *miner);
	return pinf_run(&q);
}

static enum pinf_err
removal_list(void *store, const struct pinf_removal *after, struct pinf_removal *removals,
    size_t max, size_t *count)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_REMOVAL_LIST);

	pinf_put_record(&q, &removal_record, after, 2);
	return pinf_get_list(&q, &removal_record, removals, max, count);
}

void
pinf_sqlite_session_ops(struct pinf_store_ops *ops)
{
	ops->session_insert = session_insert;
	ops->session_get = session_get;
	ops->session_update = session_update;
	ops->session_policy = session_policy;
	ops->session_list = session_list;
	ops->rotation_shortest = rotation_shortest;
	ops->session_last = session_last;
	ops->member_put = member_put;
	ops->member_drop = member_drop;
	ops->member_list = member_list;
	ops->member_count = member_count;
	ops->member_clear = member_clear;
	ops->seat_wanted = pinf_sqlite_seat_wanted;
	ops->seat_of = seat_of;
	ops->seat_extend = seat_extend;
	ops->seat_due = seat_due;
	ops->acl_govern = acl_govern;
	ops->removal_put = removal_put;
	ops->removal_drop = removal_drop;
	ops->removal_list = removal_list;
}
