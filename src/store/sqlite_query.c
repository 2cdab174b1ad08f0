/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_query.c -- cached statements, records to and from columns, result codes to errors.  spec/store.md. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "store/sqlite_internal.h"

static const struct pinf_field address_field = PINF_FIELD(pinf_address, bytes, BYTES, 0);
const struct pinf_record pinf_address_record = {PINF_ADDRESS_LEN, 1, &address_field};
static const struct pinf_field number_field = {PINF_FIELD_NUMBER, 0, sizeof(uint64_t), 0, NULL};
const struct pinf_record pinf_number_record = {sizeof(uint64_t), 1, &number_field};
static const struct pinf_field flag_field = {PINF_FIELD_NUMBER, 0, sizeof(bool), 1, NULL};
const struct pinf_record pinf_flag_record = {sizeof(bool), 1, &flag_field};

const char *
pinf_sql_text(enum pinf_sql sql)
{
	static const char *const texts[PINF_SQL_COUNT] = {
#define PINF_SQL_TEXT(id, text) text,
	    PINF_SQL(PINF_SQL_TEXT)
#undef PINF_SQL_TEXT
	};

	return texts[sql];
}

static enum pinf_err
err_of(int code)
{
	if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ||
	    code == SQLITE_CONSTRAINT_ROWID)
		return PINF_E_CONFLICT;
	switch (code & 0xff) {
	case SQLITE_FULL: return PINF_E_FULL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return PINF_E_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return PINF_E_CORRUPT;
	case SQLITE_NOMEM: return PINF_E_NO_MEMORY;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return PINF_E_BUSY;
	default: return PINF_E_STORE;
	}
}

enum pinf_err
pinf_sqlite_refuse(struct pinf_sqlite *store, enum pinf_err err, const char *message)
{
	(void)snprintf(store->message, sizeof store->message, "%s", message);
	if (store->in_batch && store->broken == PINF_OK)
		store->broken = err;
	return err;
}

enum pinf_err
pinf_sqlite_fail(struct pinf_sqlite *store, int code)
{
	const enum pinf_err err = err_of(code);

	return err == PINF_E_CONFLICT ? err
				      : pinf_sqlite_refuse(store, err, sqlite3_errmsg(store->db));
}

struct pinf_query
pinf_query(struct pinf_sqlite *store, enum pinf_sql sql)
{
	struct pinf_query query = {.store = store, .err = store->broken};
	sqlite3_stmt **stmt = &store->statements[sql];

	if (query.err == PINF_OK && *stmt == NULL) {
		const int code = sqlite3_prepare_v3(
		    store->db, pinf_sql_text(sql), -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);

		if (code != SQLITE_OK)
			query.err = pinf_sqlite_fail(store, code);
	}
	if (query.err == PINF_OK)
		query.stmt = *stmt;
	return query;
}

static void
bound(struct pinf_query *query, int code)
{
	if (code != SQLITE_OK)
		query->err = pinf_sqlite_fail(query->store, code);
}

void
pinf_put_u64(struct pinf_query *query, uint64_t value)
{
	const sqlite3_int64 number = value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value;

	if (query->err == PINF_OK)
		bound(query, sqlite3_bind_int64(query->stmt, ++query->at, number));
}

void
pinf_put_blob(struct pinf_query *query, const void *data, size_t len)
{
	if (query->err == PINF_OK)
		bound(
		    query, sqlite3_bind_blob64(query->stmt, ++query->at, data, len, SQLITE_STATIC));
}

void
pinf_put_text(struct pinf_query *query, const char *text)
{
	if (query->err == PINF_OK)
		bound(query, sqlite3_bind_text(query->stmt, ++query->at, text, -1, SQLITE_STATIC));
}

/* A number is the low bytes of its member, whatever its width. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "they would be its last bytes");

static uint64_t
number_at(const uint8_t *member, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, member, size);
	return number;
}

static const char *
name_of(enum pinf_field_kind kind, uint64_t number)
{
	return kind == PINF_FIELD_ERR ? pinf_err_name((enum pinf_err)number)
				      : pinf_rule_name((enum pinf_rule)number);
}

static const uint8_t zeros[PINF_SIG_LEN]; /* the longest that may be unset */

static void
put_field(struct pinf_query *query, const struct pinf_field *field, const void *record)
{
	const uint8_t *member = (const uint8_t *)record + field->offset;
	const struct pinf_payload *payload = record;
	uint8_t scope[PINF_SCOPE_MAX];

	if (query->err != PINF_OK)
		return;
	switch (field->kind) {
	case PINF_FIELD_NUMBER: pinf_put_u64(query, number_at(member, field->size)); break;
	case PINF_FIELD_SET:
		pinf_put_blob(
		    query, memcmp(member, zeros, field->size) == 0 ? NULL : member, field->size);
		break;
	case PINF_FIELD_BYTES: pinf_put_blob(query, member, field->size); break;
	case PINF_FIELD_TEXT: pinf_put_text(query, (const char *)member); break;
	case PINF_FIELD_ERR:
	case PINF_FIELD_RULE:
		pinf_put_text(query, name_of(field->kind, number_at(member, field->size)));
		break;
	case PINF_FIELD_SCOPE:
		query->at++; /* An unbound parameter is NULL. */
		if (payload->scope.kind != 0)
			bound(query,
			    sqlite3_bind_blob64(query->stmt, query->at, scope,
				pinf_scope_encode(scope, &payload->scope), SQLITE_TRANSIENT));
		break;
	case PINF_FIELD_INLINE:
		pinf_put_blob(query, payload->inline_len == 0 ? NULL : payload->inline_data,
		    payload->inline_len);
		break;
	case PINF_FIELD_JOINED: assert(false && "a record is bound by itself");
	}
}

void
pinf_put_record(
    struct pinf_query *query, const struct pinf_record *kind, const void *record, size_t count)
{
	assert(count <= kind->count);
	for (size_t i = 0; i < count; i++)
		put_field(query, &kind->fields[i], record);
}

static bool
row(struct pinf_query *query)
{
	int code;

	if (query->err != PINF_OK)
		return false;
	query->at = 0;
	code = sqlite3_step(query->stmt);
	if (code != SQLITE_ROW)
		query->err =
		    code == SQLITE_DONE ? PINF_E_NOT_FOUND : pinf_sqlite_fail(query->store, code);
	return code == SQLITE_ROW;
}

static bool
get_number(sqlite3_stmt *stmt, int column, uint64_t max, uint64_t *number)
{
	const sqlite3_int64 n = sqlite3_column_int64(stmt, column);

	*number = n == INT64_MAX ? UINT64_MAX : (uint64_t)n;
	return n >= 0 && *number <= max;
}

static bool
get_bytes(sqlite3_stmt *stmt, int column, const struct pinf_field *field, void *record)
{
	struct pinf_payload *payload = record;
	const void *data = sqlite3_column_blob(stmt, column);
	const size_t len = (size_t)sqlite3_column_bytes(stmt, column);
	bool fits = len == field->size;

	if (field->kind == PINF_FIELD_SCOPE)
		return data == NULL ||
		       pinf_scope_decode(&payload->scope, (struct pinf_span){data, len}) == PINF_OK;
	if (field->kind == PINF_FIELD_TEXT)
		fits = len < field->size;
	else if (field->kind == PINF_FIELD_INLINE)
		fits = len <= field->size;
	else if (field->kind == PINF_FIELD_SET)
		fits = fits || data == NULL;
	if (fits && data != NULL)
		memcpy((uint8_t *)record + field->offset, data, len);
	if (fits && field->kind == PINF_FIELD_INLINE)
		payload->inline_len = (uint32_t)len;
	return fits;
}

/* The next column into its member; false where it does not fit: somebody else wrote it. */
static bool
get_field(struct pinf_query *query, const struct pinf_field *field, void *record)
{
	const int column = query->at++;
	const char *name;
	uint64_t number = 0;

	switch (field->kind) {
	case PINF_FIELD_NUMBER:
		if (!get_number(query->stmt, column,
			field->max != 0 ? field->max : UINT64_MAX >> (64 - 8 * field->size),
			&number))
			return false;
		break;
	case PINF_FIELD_ERR:
	case PINF_FIELD_RULE:
		name = (const char *)sqlite3_column_text(query->stmt, column);
		while (name != NULL && number <= field->max &&
		       strcmp(name_of(field->kind, number), name) != 0)
			number++;
		if (number > field->max)
			return false;
		break;
	default: return get_bytes(query->stmt, column, field, record);
	}
	memcpy((uint8_t *)record + field->offset, &number, field->size);
	return true;
}

static bool
get_record(struct pinf_query *query, const struct pinf_record *kind, void *record)
{
	bool good = true;

	for (size_t i = 0; good && i < kind->count; i++) {
		const struct pinf_field *field = &kind->fields[i];

		if (field->kind != PINF_FIELD_JOINED)
			good = get_field(query, field, record);
		else if (sqlite3_column_type(query->stmt, query->at) == SQLITE_NULL)
			query->at += (int)field->joined->count;
		else
			good = get_record(query, field->joined, (uint8_t *)record + field->offset);
	}
	return good;
}

bool
pinf_next(struct pinf_query *query, const struct pinf_record *kind, void *record)
{
	if (!row(query))
		return false;
	memset(record, 0, kind->size);
	if (!get_record(query, kind, record))
		query->err = pinf_sqlite_refuse(
		    query->store, PINF_E_CORRUPT, "a stored value is out of range");
	return query->err == PINF_OK;
}

enum pinf_err
pinf_end(struct pinf_query *query)
{
	if (query->stmt != NULL) {
		(void)sqlite3_reset(query->stmt); /* Repeats the error that step gave. */
		(void)sqlite3_clear_bindings(query->stmt);
	}
	return query->err;
}

enum pinf_err
pinf_get_record(struct pinf_query *query, const struct pinf_record *kind, void *record)
{
	union {
		uint64_t aligned;
		uint8_t bytes[sizeof(struct pinf_task)];
	} one;

	assert(kind->size <= sizeof one);
	(void)pinf_next(query, kind, &one);
	if (pinf_end(query) == PINF_OK)
		memcpy(record, &one, kind->size);
	return query->err;
}

enum pinf_err
pinf_get_list(struct pinf_query *query, const struct pinf_record *kind, void *records, size_t max,
    size_t *count)
{
	size_t n = 0;

	while (n < max && pinf_next(query, kind, (uint8_t *)records + kind->size * n))
		n++;
	if (pinf_end(query) != PINF_OK && query->err != PINF_E_NOT_FOUND)
		return query->err;
	*count = n;
	return PINF_OK;
}

enum pinf_err
pinf_run(struct pinf_query *query)
{
	const bool answered = row(query);

	assert(!answered);
	if (pinf_end(query) != PINF_E_NOT_FOUND)
		return query->err;
	query->at = sqlite3_changes(query->store->db);
	return PINF_OK;
}

enum pinf_err
pinf_run_one(struct pinf_query *query)
{
	const enum pinf_err err = pinf_run(query);

	return err == PINF_OK && query->at == 0 ? PINF_E_NOT_FOUND : err;
}
