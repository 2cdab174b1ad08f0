/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_internal.h -- the connection, and the few calls that every operation is made of.  spec/store.md. */
#ifndef PINF_SQLITE_INTERNAL_H
#define PINF_SQLITE_INTERNAL_H

#include <sqlite3.h>

#include "store/sqlite_statements.h"
#include "store/sqlite_store.h"

enum pinf_sql {
#define PINF_SQL_ENUM(id, text) PINF_SQL_##id,
	PINF_SQL(PINF_SQL_ENUM)
#undef PINF_SQL_ENUM
	    PINF_SQL_COUNT
};
const char *pinf_sql_text(enum pinf_sql sql);

/* The file's schema.  Step v, a NULL-ended list of statements, leads from version v to v + 1. */
#define PINF_SCHEMA_VERSION 2
extern const char *const *const pinf_schema_steps[PINF_SCHEMA_VERSION];

struct pinf_sqlite {
	struct pinf_store_ops ops;
	char *path;
	char *vfs; /* NULL: the default one */
	bool read_only;
	uint32_t cache_kib;
	sqlite3 *db; /* NULL: a reopening failed */
	sqlite3_stmt *statements[PINF_SQL_COUNT]; /* prepared at first use, kept until close */
	bool in_batch;
	/* Kept beside the rows, since every submission asks; undone as they are. */
	struct pinf_task_counts counts, at_begin, at_savepoint;
	/* What went wrong since begin, or in reopen.  SQLite may have undone the transaction by
	 * itself and would commit each further statement alone: none is run before rollback. */
	enum pinf_err broken;
	char message[160];
};

/* Keeps the message; breaks the batch.  The second: the error for a result code (a conflict breaks nothing). */
enum pinf_err pinf_sqlite_refuse(struct pinf_sqlite *store, enum pinf_err err, const char *message);
enum pinf_err pinf_sqlite_fail(struct pinf_sqlite *store, int code);

/* A member of a struct and the column that keeps it: bound and read by the same table. */
enum pinf_field_kind {
	PINF_FIELD_NUMBER, /* 2^63-1 and above is kept as 2^63-1 and read as UINT64_MAX: never */
	PINF_FIELD_BYTES, /* exactly as many as the member has */
	PINF_FIELD_SET, /* the same; all zero is NULL, and takes no room in its row */
	PINF_FIELD_TEXT,
	PINF_FIELD_ERR, /* enum pinf_err and enum pinf_rule by name: their numbers move when some are added */
	PINF_FIELD_RULE,
	PINF_FIELD_SCOPE, /* the encoded scope; NULL: none */
	PINF_FIELD_INLINE, /* inline_len and inline_data of a payload; NULL: none */
	PINF_FIELD_JOINED /* a record of an outer join: not touched where its first column is NULL */
};
struct pinf_field {
	enum pinf_field_kind kind;
	size_t offset, size;
	uint64_t max; /* of numbers and names; 0: what the member holds.  Above is E_CORRUPT */
	const struct pinf_record *joined;
};
#define PINF_FIELD(type, member, kind, max)                                                        \
	{                                                                                          \
		PINF_FIELD_##kind, offsetof(struct type, member),                                  \
		    sizeof((struct type *)0)->member, max, NULL                                    \
	}
/* The columns of a statement, in order.  Members that no field names are zero. */
struct pinf_record {
	size_t size, count;
	const struct pinf_field *fields;
};
#define PINF_RECORD(type, fields)                                                                  \
	{                                                                                          \
		sizeof(struct type), sizeof(fields) / sizeof(fields)[0], fields                    \
	}
extern const struct pinf_record pinf_task_record, pinf_address_record;
extern const struct pinf_record pinf_number_record, pinf_flag_record; /* one uint64_t, one bool */

/*
 * One use of a statement: bind every parameter in order, then end it by one of the calls that
 * return an error.  The first error sticks and makes all that follows do nothing.
 */
struct pinf_query {
	struct pinf_sqlite *store;
	sqlite3_stmt *stmt;
	int at; /* the parameter bound last, then the next column, then the rows changed */
	enum pinf_err err;
};
struct pinf_query pinf_query(struct pinf_sqlite *store, enum pinf_sql sql);
void pinf_put_u64(struct pinf_query *query, uint64_t value);
void pinf_put_blob(struct pinf_query *query, const void *data, size_t len);
void pinf_put_text(struct pinf_query *query, const char *text);
/* The first count fields; the record lives until the query ends. */
void pinf_put_record(
    struct pinf_query *query, const struct pinf_record *kind, const void *record, size_t count);

/* For writes; at is then the number of rows changed.  run_one: none is E_NOT_FOUND. */
enum pinf_err pinf_run(struct pinf_query *query);
enum pinf_err pinf_run_one(struct pinf_query *query);
/* One row, E_NOT_FOUND without.  A list may be empty. */
enum pinf_err
pinf_get_record(struct pinf_query *query, const struct pinf_record *kind, void *record);
enum pinf_err pinf_get_list(struct pinf_query *query, const struct pinf_record *kind, void *records,
    size_t max, size_t *count);
/* Row by row, for who stops early: whether there was one; then pinf_end(), E_NOT_FOUND after the last. */
bool pinf_next(struct pinf_query *query, const struct pinf_record *kind, void *record);
enum pinf_err pinf_end(struct pinf_query *query);

enum pinf_err pinf_sqlite_count(struct pinf_sqlite *store); /* sets counts from the rows */
enum pinf_err
pinf_sqlite_claimable(void *store, const struct pinf_claim *claim, struct pinf_task *task);
enum pinf_err
pinf_sqlite_seat_wanted(void *store, const struct pinf_claim *claim, uint64_t *session);

/* Each file sets the operations that it implements. */
void pinf_sqlite_session_ops(struct pinf_store_ops *ops);
void pinf_sqlite_task_ops(struct pinf_store_ops *ops);
void pinf_sqlite_record_ops(struct pinf_store_ops *ops);

#endif
