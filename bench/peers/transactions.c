/* SPDX-License-Identifier: Apache-2.0 */
/* transactions.c -- raw SQLite. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "transactions.h"

enum { BEGIN, GET, PUT, UPDATE, COMMIT, STATEMENTS };

struct transactions {
	sqlite3 *db;
	sqlite3_stmt *of[STATEMENTS];
	char path[128];
};

static void
remove_files(const struct transactions *t)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[sizeof t->path + 8];

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", t->path, ends[i]);
		(void)unlink(path);
	}
}

struct transactions *
transactions_open(const char *directory)
{
	static const char *const statements[STATEMENTS] = {
	    [BEGIN] = "BEGIN IMMEDIATE",
	    [GET] = "SELECT * FROM tasks WHERE id = 1 + (random() & 1023)",
	    [PUT] = "INSERT INTO nonces VALUES (randomblob(36), 1)",
	    [UPDATE] = "UPDATE tasks SET state = state + 1 WHERE id = 1 + (random() & 1023)",
	    [COMMIT] = "COMMIT",
	};
	static const char schema[] =
	    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "CREATE TABLE nonces (nonce PRIMARY KEY, until) WITHOUT ROWID;"
	    "CREATE TABLE tasks (id INTEGER PRIMARY KEY, state, body);"
	    "CREATE INDEX due ON tasks (state);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1024)"
	    " INSERT INTO tasks SELECT i, 0, zeroblob(1200) FROM n";
	struct transactions *t = calloc(1, sizeof *t);
	int good;

	if (t == NULL)
		return NULL;
	(void)snprintf(t->path, sizeof t->path, "%.90s/pinf-bench-%ld", directory, (long)getpid());
	good = sqlite3_open(t->path, &t->db) == SQLITE_OK &&
	       sqlite3_exec(t->db, schema, NULL, NULL, NULL) == SQLITE_OK;
	for (int i = 0; i < STATEMENTS && good; i++)
		good = sqlite3_prepare_v2(t->db, statements[i], -1, &t->of[i], NULL) == SQLITE_OK;
	if (good)
		return t;
	transactions_close(t);
	return NULL;
}

void
transactions_close(struct transactions *t)
{
	for (int i = 0; i < STATEMENTS; i++)
		(void)sqlite3_finalize(t->of[i]);
	(void)sqlite3_close(t->db);
	remove_files(t);
	free(t);
}

static void
step(struct transactions *t, int statement)
{
	if (sqlite3_step(t->of[statement]) == (statement == GET ? SQLITE_ROW : SQLITE_DONE) &&
	    sqlite3_reset(t->of[statement]) == SQLITE_OK)
		return;
	(void)fprintf(stderr, "pinf-bench: SQLite: %s\n", sqlite3_errmsg(t->db));
	abort();
}

void
transactions_run(struct transactions *t, unsigned steps)
{
	step(t, BEGIN);
	for (unsigned i = 0; i < steps; i++)
		for (int statement = GET; statement <= UPDATE; statement++)
			step(t, statement);
	step(t, COMMIT);
}

const char *
transactions_version(void)
{
	return sqlite3_libversion();
}
