/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_session.c -- sessions and their allowed miners.  spec/store.md. */
#include "store/sqlite_internal.h"

#define SESSION(member, kind, max) PINF_FIELD(pinf_session, member, kind, max)
#define CHANGING                   6 /* the first fields: what an update writes */

static const struct pinf_field session_fields[] = {SESSION(id, NUMBER, 0),
    SESSION(is_private, NUMBER, 1), SESSION(router_sealed_allowed, NUMBER, 1),
    SESSION(closed, NUMBER, 1), SESSION(epoch, NUMBER, 0), SESSION(last_task, NUMBER, 0),
    SESSION(type, NUMBER, PINF_SESSION_EPHEMERAL), SESSION(owner, BYTES, 0),
    SESSION(instance, BYTES, 0), SESSION(created_ms, NUMBER, 0)};
static const struct pinf_record session_record = PINF_RECORD(pinf_session, session_fields);

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

static struct pinf_query
membership(void *store, enum pinf_sql sql, uint64_t session, const struct pinf_address *miner)
{
	struct pinf_query q = pinf_query(store, sql);

	pinf_put_u64(&q, session);
	pinf_put_blob(&q, miner, sizeof *miner);
	return q;
}

static enum pinf_err
change(struct pinf_query q, bool *changed)
{
	const enum pinf_err err = pinf_run(&q);

	if (err == PINF_OK)
		*changed = q.at > 0;
	return err;
}

static enum pinf_err
miner_allow(void *store, uint64_t session, const struct pinf_address *miner, bool *changed)
{
	return change(membership(store, PINF_SQL_MINER_ALLOW, session, miner), changed);
}

static enum pinf_err
miner_deny(void *store, uint64_t session, const struct pinf_address *miner, bool *changed)
{
	return change(membership(store, PINF_SQL_MINER_DENY, session, miner), changed);
}

static enum pinf_err
miner_listed(void *store, uint64_t session, const struct pinf_address *miner, bool *listed)
{
	struct pinf_query q = membership(store, PINF_SQL_MINER_LISTED, session, miner);

	return pinf_get_record(&q, &pinf_flag_record, listed);
}

static enum pinf_err
miner_list(void *store, uint64_t session, const struct pinf_address *after,
    struct pinf_address *miners, size_t max, size_t *count)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_MINER_LIST);

	pinf_put_u64(&q, session);
	/* The empty blob sorts before every address, the all-zero one included. */
	pinf_put_blob(
	    &q, after == NULL ? (const void *)"" : after, after == NULL ? 0 : sizeof *after);
	return pinf_get_list(&q, &pinf_address_record, miners, max, count);
}

void
pinf_sqlite_session_ops(struct pinf_store_ops *ops)
{
	ops->session_insert = session_insert;
	ops->session_get = session_get;
	ops->session_update = session_update;
	ops->session_list = session_list;
	ops->session_last = session_last;
	ops->miner_allow = miner_allow;
	ops->miner_deny = miner_deny;
	ops->miner_listed = miner_listed;
	ops->miner_list = miner_list;
}
