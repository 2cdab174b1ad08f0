/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_record.c -- put intents, nonces, the audit log, API keys.  spec/store.md. */
#include "store/sqlite_internal.h"

#define INTENT(member, kind, max)     PINF_FIELD(pinf_intent, member, kind, max)
#define AUDIT(member, kind, max)      PINF_FIELD(pinf_audit, member, kind, max)
#define CHECKPOINT(member, kind, max) PINF_FIELD(pinf_checkpoint, member, kind, max)

static const struct pinf_field intent_fields[] = {INTENT(sha256, BYTES, 0),
    INTENT(session, NUMBER, 0), INTENT(task, NUMBER, 0), INTENT(attempt, NUMBER, 0),
    INTENT(size, NUMBER, 0), INTENT(expires_ms, NUMBER, 0)};
static const struct pinf_record intent_record = PINF_RECORD(pinf_intent, intent_fields);

static const struct pinf_field audit_fields[] = {AUDIT(seq, NUMBER, 0), AUDIT(time_ms, NUMBER, 0),
    AUDIT(kind, NUMBER, PINF_AUDIT_KINDS - 1), AUDIT(rule, RULE, PINF_RULE_COUNT - 1),
    AUDIT(actor, BYTES, 0), AUDIT(session, NUMBER, 0), AUDIT(task, NUMBER, 0),
    AUDIT(attempt, NUMBER, 0), AUDIT(key_version, NUMBER, 0),
    AUDIT(purpose, NUMBER, PINF_PURPOSE_RESULT), AUDIT(digest, BYTES, 0), AUDIT(head, BYTES, 0)};
static const struct pinf_record audit_record = PINF_RECORD(pinf_audit, audit_fields);

static const struct pinf_field checkpoint_fields[] = {
    CHECKPOINT(seq, NUMBER, 0), CHECKPOINT(head, BYTES, 0), CHECKPOINT(signature, BYTES, 0)};
static const struct pinf_record checkpoint_record = PINF_RECORD(pinf_checkpoint, checkpoint_fields);

static enum pinf_err
insert(void *store, enum pinf_sql sql, const struct pinf_record *kind, const void *record)
{
	struct pinf_query q = pinf_query(store, sql);

	pinf_put_record(&q, kind, record, kind->count);
	return pinf_run(&q);
}

static struct pinf_query
by_hash(void *store, enum pinf_sql sql, const struct pinf_hash *hash)
{
	struct pinf_query q = pinf_query(store, sql);

	pinf_put_blob(&q, hash, sizeof *hash);
	return q;
}

static enum pinf_err
intent_put(void *store, const struct pinf_intent *intent)
{
	return insert(store, PINF_SQL_INTENT_PUT, &intent_record, intent);
}

static enum pinf_err
intent_get(void *store, const struct pinf_hash *sha256, struct pinf_intent *intent)
{
	struct pinf_query q = by_hash(store, PINF_SQL_INTENT_GET, sha256);

	return pinf_get_record(&q, &intent_record, intent);
}

static enum pinf_err
intent_drop(void *store, const struct pinf_hash *sha256)
{
	struct pinf_query q = by_hash(store, PINF_SQL_INTENT_DROP, sha256);

	return pinf_run(&q);
}

static enum pinf_err
intent_count(void *store, uint64_t session, uint64_t task, uint32_t attempt, size_t *count)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_INTENT_COUNT);
	uint64_t n;
	enum pinf_err err;

	pinf_put_u64(&q, session);
	pinf_put_u64(&q, task);
	pinf_put_u64(&q, attempt);
	err = pinf_get_record(&q, &pinf_number_record, &n);
	if (err == PINF_OK)
		*count = (size_t)n;
	return err;
}

static enum pinf_err
intent_due(void *store, uint64_t now_ms, struct pinf_intent *intent)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_INTENT_DUE);

	pinf_put_u64(&q, now_ms);
	return pinf_get_record(&q, &intent_record, intent);
}

static enum pinf_err
blob_referenced(void *store, const struct pinf_hash *sha256, bool *referenced)
{
	struct pinf_query q = by_hash(store, PINF_SQL_BLOB_REFERENCED, sha256);

	return pinf_get_record(&q, &pinf_flag_record, referenced);
}

static enum pinf_err
nonce_use(void *store, const struct pinf_address *address,
    const uint8_t nonce[static PINF_NONCE_LEN], uint64_t expires_ms)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_NONCE_USE);
	enum pinf_err err;

	pinf_put_blob(&q, address, sizeof *address);
	pinf_put_blob(&q, nonce, PINF_NONCE_LEN);
	pinf_put_u64(&q, expires_ms);
	err = pinf_run(&q);
	return err == PINF_E_CONFLICT ? PINF_E_AUTH_REPLAY : err;
}

static enum pinf_err
nonce_prune(void *store, uint64_t before_ms)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_NONCE_PRUNE);

	pinf_put_u64(&q, before_ms);
	return pinf_run(&q);
}

static enum pinf_err
audit_append(void *store, const struct pinf_audit *record)
{
	return insert(store, PINF_SQL_AUDIT_APPEND, &audit_record, record);
}

static enum pinf_err
audit_last(void *store, struct pinf_audit *record)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_AUDIT_LAST);

	return pinf_get_record(&q, &audit_record, record);
}

static enum pinf_err
audit_list(void *store, uint64_t after_seq, struct pinf_audit *records, size_t max, size_t *count)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_AUDIT_LIST);

	pinf_put_u64(&q, after_seq);
	return pinf_get_list(&q, &audit_record, records, max, count);
}

static enum pinf_err
checkpoint_insert(void *store, const struct pinf_checkpoint *checkpoint)
{
	return insert(store, PINF_SQL_CHECKPOINT_INSERT, &checkpoint_record, checkpoint);
}

static enum pinf_err
checkpoint_last(void *store, struct pinf_checkpoint *checkpoint)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_CHECKPOINT_LAST);

	return pinf_get_record(&q, &checkpoint_record, checkpoint);
}

static enum pinf_err
api_key_insert(void *store, const struct pinf_hash *key_sha256, const struct pinf_address *owner,
    uint64_t created_ms)
{
	struct pinf_query q = by_hash(store, PINF_SQL_API_KEY_INSERT, key_sha256);

	pinf_put_blob(&q, owner, sizeof *owner);
	pinf_put_u64(&q, created_ms);
	return pinf_run(&q);
}

static enum pinf_err
api_key_get(void *store, const struct pinf_hash *key_sha256, struct pinf_address *owner)
{
	struct pinf_query q = by_hash(store, PINF_SQL_API_KEY_GET, key_sha256);

	return pinf_get_record(&q, &pinf_address_record, owner);
}

void
pinf_sqlite_record_ops(struct pinf_store_ops *ops)
{
	ops->intent_put = intent_put;
	ops->intent_get = intent_get;
	ops->intent_drop = intent_drop;
	ops->intent_count = intent_count;
	ops->intent_due = intent_due;
	ops->blob_referenced = blob_referenced;
	ops->nonce_use = nonce_use;
	ops->nonce_prune = nonce_prune;
	ops->audit_append = audit_append;
	ops->audit_last = audit_last;
	ops->audit_list = audit_list;
	ops->checkpoint_insert = checkpoint_insert;
	ops->checkpoint_last = checkpoint_last;
	ops->api_key_insert = api_key_insert;
	ops->api_key_get = api_key_get;
}
