/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_store.c -- opens, migrates and closes the file; batches and savepoints.  spec/store.md. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pinf/bug.h>

#include "store/sqlite_internal.h"

/* Nonces are random, and so are the pages that they are put on: SQLite's 2 MB hold those of a minute or less. */
#define CACHE_KIB  16384u
#define ANSWER_LEN 96

static int
keep_answer(void *answer, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	if (answer != NULL)
		(void)snprintf(answer, ANSWER_LEN, "%s", values[0] == NULL ? "" : values[0]);
	return 0;
}

/* answer (may be NULL) gets the first column of the last row. */
static enum pinf_err
run(struct pinf_sqlite *s, const char *sql, char *answer)
{
	const int code = sqlite3_exec(s->db, sql, keep_answer, answer, NULL);

	return code == SQLITE_OK ? PINF_OK : pinf_sqlite_fail(s, code);
}

static enum pinf_err
open_db(struct pinf_sqlite *s, const char *name, int flags)
{
	const int code = sqlite3_open_v2(
	    name, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, s->vfs);

	return code == SQLITE_OK ? PINF_OK : pinf_sqlite_fail(s, code);
}

/* "file:...?immutable=1" with what means something in a URI escaped. */
static void
immutable_uri(char *at, const char *path)
{
	at += sprintf(at, "file:");
	for (; *path != '\0'; path++)
		at += sprintf(
		    at, strchr("%?#", *path) != NULL ? "%%%02X" : "%c", (unsigned char)*path);
	(void)sprintf(at, "?immutable=1");
}

/*
 * Reading only: a log that a crash left (or a running router keeps) is read under the lock, with the
 * file open for writing, since locks need that, but nothing written.  Without one, nobody has
 * the file open, and it is read as it lies there: to open a log would be to create one.
 */
static enum pinf_err
connect_reader(struct pinf_sqlite *s)
{
	char *name = malloc(3 * strlen(s->path) + sizeof "file:?immutable=1");
	enum pinf_err err = PINF_E_NO_MEMORY;

	if (name == NULL)
		return err;
	(void)sprintf(name, "%s-wal", s->path);
	if (access(name, F_OK) == 0) {
		err = open_db(s, s->path, SQLITE_OPEN_READWRITE);
	} else {
		immutable_uri(name, s->path);
		err = open_db(s, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
	}
	free(name);
	if (err == PINF_OK)
		(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return err == PINF_OK ? run(s, "PRAGMA query_only = ON", NULL) : err;
}

static enum pinf_err
connect_writer(struct pinf_sqlite *s)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	/* SQLite gives its log the mode of the file.  One that exists is not opened here: closing it
	 * again would drop the locks of another connection of this process. */
	const int fd =
	    s->vfs != NULL ? -1 : open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
	return open_db(s, s->path, flags);
}

static enum pinf_err
configure(struct pinf_sqlite *s)
{
	char mode[ANSWER_LEN] = "";
	char sql[256];
	enum pinf_err err;

	/* Exclusive before WAL: the log's index then lives in memory, and one process has the file. */
	(void)snprintf(sql, sizeof sql,
	    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = %s; "
	    "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF; "
	    "PRAGMA secure_delete = OFF; PRAGMA cache_size = -%u",
	    PINF_BUG(commit_not_synced) ? "OFF" : "FULL",
	    s->cache_kib == 0 ? CACHE_KIB : (unsigned)s->cache_kib);
	err = run(s, sql, NULL);
	if (err != PINF_OK || s->read_only)
		return err;
	err = run(s, "PRAGMA journal_mode = WAL", mode);
	if (err == PINF_OK && strcmp(mode, "wal") != 0)
		err = pinf_sqlite_refuse(s, PINF_E_STORE, "no write-ahead log here");
	return err;
}

/* Whose file it is, and whether it is whole; then brings it to this program's version, step by step. */
static enum pinf_err
inspect(struct pinf_sqlite *s)
{
	char answer[ANSWER_LEN] = "";
	unsigned long version = 0;
	enum pinf_err err = run(s,
	    "SELECT application_id || ' ' || user_version || ' ' || "
	    "(SELECT count(*) > 0 FROM sqlite_schema) FROM pragma_application_id, "
	    "pragma_user_version",
	    answer);

	if (err != PINF_OK)
		return err;
	if (strcmp(answer, "0 0 0") != 0 && sscanf(answer, "1885957734 %lu 1", &version) != 1)
		return pinf_sqlite_refuse(s, PINF_E_CORRUPT, "not a database of pinf");
	if (version > PINF_SCHEMA_VERSION || (s->read_only && version < PINF_SCHEMA_VERSION))
		return pinf_sqlite_refuse(
		    s, PINF_E_STATE, "another version of pinf wrote this schema");
	err = run(s, "PRAGMA integrity_check(1)", answer);
	if (err == PINF_OK && strcmp(answer, "ok") != 0)
		err = pinf_sqlite_refuse(s, PINF_E_CORRUPT, answer);
	for (; version < PINF_SCHEMA_VERSION; version++)
		for (const char *const *step = pinf_schema_steps[version];
		     err == PINF_OK && *step != NULL; step++)
			if (!PINF_BUG(migration_in_pieces) ||
			    strstr("BEGIN IMMEDIATE, COMMIT", *step) == NULL)
				err = run(s, *step, NULL);
	return err;
}

/* Undoes a transaction that is still open, checkpoints the log. */
static void
disconnect(struct pinf_sqlite *s)
{
	for (size_t i = 0; i < PINF_SQL_COUNT; i++) {
		(void)sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	(void)sqlite3_close(s->db);
	s->db = NULL;
	s->in_batch = false;
}

static enum pinf_err
connect(struct pinf_sqlite *s)
{
	enum pinf_err err;

	s->broken = PINF_OK;
	err = s->read_only ? connect_reader(s) : connect_writer(s);
	if (err == PINF_OK)
		err = configure(s);
	if (err == PINF_OK)
		err = inspect(s);
	if (err == PINF_OK)
		err = pinf_sqlite_count(s);
	if (err != PINF_OK) {
		disconnect(s);
		s->broken = err;
	}
	return err;
}

static enum pinf_err
run_cached(struct pinf_sqlite *s, enum pinf_sql sql)
{
	struct pinf_query q = pinf_query(s, sql);

	return pinf_run(&q);
}

static enum pinf_err
begin(void *store)
{
	struct pinf_sqlite *s = store;
	enum pinf_err err;

	assert(!s->in_batch);
	err = run_cached(s, PINF_SQL_BEGIN);
	s->in_batch = err == PINF_OK;
	s->at_begin = s->counts;
	return err;
}

static enum pinf_err
savepoint(void *store)
{
	struct pinf_sqlite *s = store;

	s->at_savepoint = s->counts;
	return run_cached(s, PINF_SQL_SAVEPOINT);
}

static enum pinf_err
release(void *store)
{
	return run_cached(store, PINF_SQL_RELEASE);
}

static enum pinf_err
rollback_to(void *store)
{
	struct pinf_sqlite *s = store;
	const enum pinf_err err = run_cached(s, PINF_SQL_ROLLBACK_TO);

	s->counts = s->at_savepoint;
	return err == PINF_OK ? run_cached(s, PINF_SQL_RELEASE) : err;
}

static void
rollback(void *store)
{
	struct pinf_sqlite *s = store;

	if (s->db == NULL)
		return;
	/* SQLite may have done it already, where the medium failed. */
	if (!sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	if (s->in_batch)
		s->counts = s->at_begin;
	s->in_batch = false;
	s->broken = PINF_OK;
}

static enum pinf_err
commit(void *store)
{
	struct pinf_sqlite *s = store;
	enum pinf_err err;

	assert(s->in_batch);
	err = run_cached(s, PINF_SQL_COMMIT);
	if (err != PINF_OK)
		rollback(s);
	s->in_batch = false;
	return err;
}

static enum pinf_err
reopen(void *store)
{
	disconnect(store);
	return connect(store);
}

static enum pinf_err
clock_get(void *store, uint64_t *now_ms)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_CLOCK_GET);

	return pinf_get_record(&q, &pinf_number_record, now_ms);
}

static enum pinf_err
clock_set(void *store, uint64_t now_ms)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_CLOCK_SET);

	pinf_put_u64(&q, now_ms);
	return pinf_run_one(&q);
}

static void
destroy(struct pinf_sqlite *s)
{
	disconnect(s);
	free(s->path);
	free(s->vfs);
	free(s);
}

enum pinf_err
pinf_sqlite_open(struct pinf_store *store, const struct pinf_sqlite_options *options)
{
	struct pinf_sqlite *s = calloc(1, sizeof *s);
	enum pinf_err err;

	if (s == NULL)
		return PINF_E_NO_MEMORY;
	s->ops = (struct pinf_store_ops){.begin = begin,
	    .savepoint = savepoint,
	    .release = release,
	    .rollback_to = rollback_to,
	    .commit = commit,
	    .rollback = rollback,
	    .reopen = reopen,
	    .clock_get = clock_get,
	    .clock_set = clock_set};
	pinf_sqlite_session_ops(&s->ops);
	pinf_sqlite_task_ops(&s->ops);
	pinf_sqlite_record_ops(&s->ops);
	s->path = strdup(options->path);
	s->vfs = options->vfs == NULL ? NULL : strdup(options->vfs);
	s->read_only = options->read_only;
	s->cache_kib = options->cache_kib;
	err = s->path == NULL || (s->vfs == NULL) != (options->vfs == NULL) ? PINF_E_NO_MEMORY
									    : connect(s);
	if (err == PINF_OK)
		*store = (struct pinf_store){s, &s->ops};
	else
		destroy(s);
	return err;
}

void
pinf_sqlite_close(struct pinf_store *store)
{
	if (store->ctx != NULL)
		destroy(store->ctx);
	*store = (struct pinf_store){NULL, NULL};
}

const char *
pinf_sqlite_message(const struct pinf_store *store)
{
	return store->ctx == NULL ? "" : ((const struct pinf_sqlite *)store->ctx)->message;
}
