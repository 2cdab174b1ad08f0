/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_file.c -- the store's file: batches, crashes, full disks, damage, versions, locks. */
#include <fcntl.h>
#include <sys/wait.h>

#include "crypto/crypto.h"
#include "unit/store_fixture.h"

static void
insert_session(struct fixture *f, uint64_t id)
{
	struct pinf_session session = a_session(id, false);

	assert_ok(CALL(f, session_insert, &session));
}

static bool
has_session(struct fixture *f, uint64_t id)
{
	struct pinf_session session;
	enum pinf_err err = CALL(f, session_get, id, &session);

	assert_true(err == PINF_OK || err == PINF_E_NOT_FOUND);
	return err == PINF_OK;
}

static uint64_t
tasks_created(struct fixture *f)
{
	struct pinf_task_counts counts;

	assert_ok(CALL(f, task_counts, &counts));
	return counts.of[PINF_TASK_CREATED];
}

static void
a_batch_is_all_or_nothing_an_event_too(void **state)
{
	struct fixture *f = *state;
	struct pinf_task task = a_task(1, 1, 1);

	assert_ok(DO(f, begin));
	assert_ok(DO(f, savepoint));
	insert_session(f, 1);
	assert_ok(CALL(f, task_insert, &task));
	assert_ok(DO(f, release));
	assert_ok(DO(f, savepoint));
	insert_session(f, 2);
	task.id = 2;
	assert_ok(CALL(f, task_insert, &task));
	assert_int_equal(tasks_created(f), 2);
	assert_ok(DO(f, rollback_to));
	assert_int_equal(tasks_created(f), 1);
	assert_err(DO(f, release), PINF_E_STORE); /* The savepoint ended with its event. */
	DO(f, rollback);
	assert_false(has_session(f, 1));
	assert_int_equal(tasks_created(f), 0);

	assert_ok(DO(f, begin));
	insert_session(f, 1);
	task.id = 1;
	assert_ok(CALL(f, task_insert, &task));
	assert_ok(DO(f, savepoint));
	insert_session(f, 2);
	assert_ok(DO(f, rollback_to));
	assert_ok(DO(f, commit));
	assert_ok(DO(f, reopen));
	assert_true(has_session(f, 1));
	assert_false(has_session(f, 2));
	assert_int_equal(tasks_created(f), 1);
	DO(f, rollback); /* Without a batch: nothing. */
	assert_int_equal(tasks_created(f), 1);
}

static void
what_was_not_committed_is_gone_after_a_crash(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int status;

	pinf_sqlite_close(&f->store);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) { /* Dies with a committed and an uncommitted batch in the log. */
		struct pinf_session session = a_session(1, true);

		if (fixture_open(f) == PINF_OK && DO(f, begin) == PINF_OK &&
		    CALL(f, session_insert, &session) == PINF_OK && DO(f, commit) == PINF_OK &&
		    DO(f, begin) == PINF_OK) {
			session.id = 2;
			_exit(CALL(f, session_insert, &session) == PINF_OK ? 0 : 1);
		}
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_ok(fixture_open(f));
	assert_true(has_session(f, 1));
	assert_false(has_session(f, 2));

	assert_ok(DO(f, begin));
	insert_session(f, 2);
	assert_ok(DO(f, reopen));
	assert_false(has_session(f, 2));
	assert_ok(DO(f, begin)); /* No batch is left open. */
	assert_ok(DO(f, commit));
}

static void
after_a_full_disk_nothing_runs_until_rollback(void **state)
{
	struct fixture *f = *state;
	struct pinf_task task = a_task(1, 1, 1);
	enum pinf_err err = PINF_OK;
	uint64_t now;

	insert_session(f, 1);
	assert_int_equal(
	    sqlite3_exec(fixture_db(f), "PRAGMA max_page_count = 40", NULL, NULL, NULL), SQLITE_OK);
	assert_ok(DO(f, begin));
	assert_ok(DO(f, savepoint));
	for (; err == PINF_OK; task.id++)
		err = CALL(f, task_insert, &task);
	assert_err(err, PINF_E_FULL);
	assert_string_equal(pinf_sqlite_message(&f->store), "database or disk is full");
	task.id = 1000;
	assert_err(CALL(f, task_insert, &task), PINF_E_FULL);
	assert_err(CALL(f, clock_get, &now), PINF_E_FULL);
	assert_err(DO(f, rollback_to), PINF_E_FULL);
	assert_err(DO(f, commit), PINF_E_FULL);
	assert_err(CALL(f, task_get, 1, 1, &task), PINF_E_NOT_FOUND);
	assert_int_equal(tasks_created(f), 0);
	assert_ok(DO(f, begin));
	assert_ok(CALL(f, clock_set, 1));
	assert_ok(DO(f, commit));
}

/* A VFS on which syncs of the log, and writes to it, can be made to fail. */
static sqlite3_vfs failing_vfs;
static sqlite3_io_methods failing_methods;
static const sqlite3_io_methods *real_methods;
static int fail_sync, fail_write;

static int
failing_sync(sqlite3_file *file, int flags)
{
	return fail_sync ? SQLITE_IOERR_FSYNC : real_methods->xSync(file, flags);
}

static int
failing_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
	return fail_write ? SQLITE_FULL : real_methods->xWrite(file, data, len, at);
}

static int
failing_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	sqlite3_vfs *real = vfs->pAppData;
	const int code = real->xOpen(real, name, file, flags, out);

	if (code == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0) {
		real_methods = file->pMethods;
		failing_methods = *real_methods;
		failing_methods.xSync = failing_sync;
		failing_methods.xWrite = failing_write;
		file->pMethods = &failing_methods;
	}
	return code;
}

static void
a_failed_commit_has_rolled_back(void **state)
{
	static const struct {
		int *what;
		enum pinf_err want;
	} rows[] = {{&fail_sync, PINF_E_IO}, {&fail_write, PINF_E_FULL}};
	struct fixture *f = *state;

	pinf_sqlite_close(&f->store);
	failing_vfs = *sqlite3_vfs_find(NULL);
	failing_vfs.pAppData = sqlite3_vfs_find(NULL);
	failing_vfs.zName = "pinf-failing";
	failing_vfs.xOpen = failing_open;
	assert_int_equal(sqlite3_vfs_register(&failing_vfs, 0), SQLITE_OK);
	assert_ok(pinf_sqlite_open(
	    &f->store, &(struct pinf_sqlite_options){
			   .path = f->path, .vfs = "pinf-failing", .cache_kib = 64}));
	for (uint64_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pinf_task task = a_task(1, i + 1, 1);

		assert_ok(DO(f, begin));
		insert_session(f, i + 1);
		assert_ok(CALL(f, task_insert, &task));
		*rows[i].what = 1;
		assert_err(DO(f, commit), rows[i].want);
		*rows[i].what = 0;
		assert_ok(DO(f, reopen));
		assert_false(has_session(f, i + 1));
		assert_int_equal(tasks_created(f), 0);
	}
	fail_sync = 1; /* A medium that stays broken: reopening says so, again and again. */
	assert_ok(DO(f, begin));
	insert_session(f, 9);
	assert_err(DO(f, commit), PINF_E_IO);
	fail_write = 1;
	pinf_sqlite_close(&f->store);
	fail_sync = fail_write = 0;
	assert_ok(fixture_open(f));
	sqlite3_vfs_unregister(&failing_vfs);
}

static void
write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void
damage_and_foreign_files_are_refused(void **state)
{
	struct fixture *f = *state;
	struct pinf_store before, *untouched = &f->store;
	uint8_t *data;
	size_t len = 0;
	sqlite3 *db;

	insert_session(f, 1);
	for (uint64_t id = 1; id < 50; id++) {
		struct pinf_task task = a_task(1, id, id);

		assert_ok(CALL(f, task_insert, &task));
	}
	pinf_sqlite_close(&f->store);
	memset(&before, 0, sizeof before);
	data = unit_read_file(f->path, &len);
	assert_non_null(data);

	write_file(f->path, "this is not a database, though it is long enough to look at", 59);
	assert_err(fixture_open(f), PINF_E_CORRUPT);
	assert_memory_equal(untouched, &before, sizeof before);
	write_file(f->path, data, len / 2);
	assert_err(fixture_open(f), PINF_E_CORRUPT);
	memset(data + len / 2, 0x5a, 4096); /* A page in the middle. */
	write_file(f->path, data, len);
	assert_err(fixture_open(f), PINF_E_CORRUPT);
	free(data);

	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE other (x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_err(fixture_open(f), PINF_E_CORRUPT);

	assert_int_equal(unlink(f->path), 0);
	write_file(f->path, "", 0); /* Empty is new: a crash between creation and schema. */
	assert_ok(fixture_open(f));
	pinf_sqlite_close(&f->store);
	assert_err(pinf_sqlite_open(
		       &f->store, &(struct pinf_sqlite_options){.path = "/nonexistent/pinf.db"}),
	    PINF_E_IO);
}

/* What a row may not hold is E_CORRUPT when read, not a strange value. */
static void
rows_that_somebody_else_wrote_are_corrupt(void **state)
{
	static const char *const changes[] = {"UPDATE sessions SET type = 4",
	    "UPDATE sessions SET acl = 4", "UPDATE sessions SET epoch = -1",
	    "UPDATE sessions SET owner = x'00'", "UPDATE sessions SET closed = 2"};
	static const char *const task_changes[] = {"UPDATE tasks SET route = 3",
	    "UPDATE tasks SET failure = 'no such'", "UPDATE tasks SET attempt = 4294967296",
	    "UPDATE tasks SET miner = x'0102'", "UPDATE tasks SET reference = printf('%200s', 'x')",
	    "UPDATE inputs SET suite = 9", "UPDATE inputs SET scope = x'0102'",
	    "UPDATE inputs SET inline = zeroblob(5000)"};
	struct fixture *f = *state;
	struct pinf_session session;
	struct pinf_task task = a_task(1, 1, 1);

	insert_session(f, 1);
	assert_ok(CALL(f, task_insert, &task));
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		assert_ok(DO(f, begin));
		assert_int_equal(
		    sqlite3_exec(fixture_db(f), changes[i], NULL, NULL, NULL), SQLITE_OK);
		assert_err(CALL(f, session_get, 1, &session), PINF_E_CORRUPT);
		DO(f, rollback);
	}
	for (size_t i = 0; i < sizeof task_changes / sizeof task_changes[0]; i++) {
		assert_ok(DO(f, begin));
		assert_int_equal(
		    sqlite3_exec(fixture_db(f), task_changes[i], NULL, NULL, NULL), SQLITE_OK);
		assert_err(CALL(f, task_get, 1, 1, &task), PINF_E_CORRUPT);
		DO(f, rollback);
	}
	assert_ok(CALL(f, task_get, 1, 1, &task));
}

static void
set_version(struct fixture *f, const char *sql)
{
	assert_int_equal(sqlite3_exec(fixture_db(f), sql, NULL, NULL, NULL), SQLITE_OK);
	pinf_sqlite_close(&f->store);
}

static void
a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;

	set_version(f, "PRAGMA user_version = 3");
	assert_err(fixture_open(f), PINF_E_STATE);
	assert_err(pinf_sqlite_open(&f->store,
		       &(struct pinf_sqlite_options){.path = f->path, .read_only = true}),
	    PINF_E_STATE);
}

/* What an earlier version wrote is all there, under the new schema. */
static void
an_older_schema_is_brought_up(void **state)
{
	static const char *const rows[] = {
	    "INSERT INTO sessions VALUES (7, 1, zeroblob(20), zeroblob(16), 1, 1, 0, 3, 0, 5)",
	    "INSERT INTO sessions VALUES (8, 2, zeroblob(20), zeroblob(16), 1, 1, 0, 1, 0, 5)",
	    "INSERT INTO miners VALUES (7, zeroblob(20))"};
	const struct pinf_member before = {.session = 0};
	struct fixture *f = *state;
	struct pinf_session session;
	struct pinf_member member;
	size_t count = 0;
	sqlite3 *db;

	pinf_sqlite_close(&f->store);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	for (const char *const *sql = pinf_schema_steps[0]; *sql != NULL; sql++)
		assert_int_equal(sqlite3_exec(db, *sql, NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(sqlite3_exec(db, rows[i], NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_ok(fixture_open(f));
	assert_ok(CALL(f, session_get, 7, &session));
	assert_int_equal(session.acl, PINF_ACL_ROUTER);
	assert_true(session.own_list); /* Its list was changed twice. */
	assert_ok(CALL(f, session_get, 8, &session));
	assert_false(session.own_list);
	assert_true(pinf_policy_doc_equal(
	    &session.policy, &(struct pinf_policy_doc){.router_sealed = true}));
	assert_ok(CALL(f, member_list, &before, &member, 1, &count));
	assert_int_equal(count, 1);
	assert_int_equal(member.session, 7);
	assert_int_equal(member.source, PINF_ACL_ROUTER);
}

static void
one_process_has_the_file(void **state)
{
	struct fixture *f = *state;
	struct fixture second = *f;
	pid_t pid;
	int status;

	insert_session(f, 1);
	assert_err(fixture_open(&second), PINF_E_BUSY);
	assert_err(pinf_sqlite_open(&second.store,
		       &(struct pinf_sqlite_options){.path = f->path, .read_only = true}),
	    PINF_E_BUSY);
	pid = fork(); /* POSIX locks are a process's: another one is the real case. */
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fixture_open(&second) == PINF_E_BUSY ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	insert_session(f, 2);
	assert_ok(DO(f, reopen));
	assert_true(has_session(f, 2));
}

static void
files_are_for_their_owner(void **state)
{
	struct fixture *f = *state;
	char wal[128];
	struct stat file, log;

	insert_session(f, 1);
	(void)snprintf(wal, sizeof wal, "%s-wal", f->path);
	assert_int_equal(stat(f->path, &file), 0);
	assert_int_equal(stat(wal, &log), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_int_equal(log.st_mode & 0777, 0600);
	(void)snprintf(wal, sizeof wal, "%s-shm", f->path);
	assert_int_equal(stat(wal, &log), -1);
}

static void
copy_file(const char *from, const char *to)
{
	size_t len = 0;
	uint8_t *data = unit_read_file(from, &len);

	assert_non_null(data);
	write_file(to, data, len);
	free(data);
}

static struct pinf_hash
file_hash(const char *path)
{
	size_t len = 0;
	uint8_t *data = unit_read_file(path, &len);
	struct pinf_hash hash;

	assert_non_null(data);
	pinf_sha256(&hash, span_of(data, len));
	free(data);
	return hash;
}

/* With a log that a crash left, and without one; with names that mean something in a URI. */
static void
reading_only_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct fixture r = *f;
	struct pinf_sqlite_options options = {.path = r.path, .read_only = true};
	char wal[128], from_wal[128];
	struct pinf_hash was, is;
	struct pinf_session session = a_session(2, false);
	struct stat unused;

	insert_session(f, 1);
	(void)snprintf(r.path, sizeof r.path, "%s/pinf.db.copy", f->dir);
	(void)snprintf(wal, sizeof wal, "%s-wal", r.path);
	(void)snprintf(from_wal, sizeof from_wal, "%s-wal", f->path);
	copy_file(f->path, r.path);
	copy_file(from_wal, wal);
	was = file_hash(wal);
	assert_ok(pinf_sqlite_open(&r.store, &options));
	assert_true(has_session(&r, 1));
	assert_err(CALL(&r, session_insert, &session), PINF_E_STORE);
	pinf_sqlite_close(&r.store);
	is = file_hash(wal);
	assert_true(pinf_hash_equal(&was, &is));

	pinf_sqlite_close(&f->store);
	assert_int_equal(unlink(wal), 0);
	(void)snprintf(r.path, sizeof r.path, "%s/a%%3f?b#", f->dir);
	(void)snprintf(wal, sizeof wal, "%s-wal", r.path);
	assert_err(pinf_sqlite_open(&r.store, &options), PINF_E_IO);
	assert_int_equal(stat(r.path, &unused), -1);
	copy_file(f->path, r.path);
	was = file_hash(r.path);
	assert_ok(pinf_sqlite_open(&r.store, &options));
	assert_true(has_session(&r, 1));
	assert_err(CALL(&r, session_insert, &session), PINF_E_STORE);
	assert_int_equal(stat(wal, &unused), -1);
	pinf_sqlite_close(&r.store);
	is = file_hash(r.path);
	assert_true(pinf_hash_equal(&was, &is));
	assert_int_equal(unlink(r.path), 0);
	assert_string_equal(pinf_sqlite_message(&r.store), "");
	pinf_sqlite_close(&r.store);
}

static void
a_lost_file_breaks_the_store_until_it_is_back(void **state)
{
	struct fixture *f = *state;
	uint64_t now;

	assert_ok(CALL(f, clock_set, 5));
	((struct pinf_sqlite *)f->store.ctx)->path[5] = 'X'; /* A directory that is not there. */
	assert_err(DO(f, reopen), PINF_E_IO);
	assert_err(DO(f, begin), PINF_E_IO);
	assert_err(CALL(f, clock_get, &now), PINF_E_IO);
	DO(f, rollback);
	assert_err(DO(f, reopen), PINF_E_IO);
	((struct pinf_sqlite *)f->store.ctx)->path[5] = f->path[5];
	assert_ok(DO(f, reopen));
	assert_ok(CALL(f, clock_get, &now));
	assert_int_equal(now, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(a_batch_is_all_or_nothing_an_event_too),
	    TEST(what_was_not_committed_is_gone_after_a_crash),
	    TEST(after_a_full_disk_nothing_runs_until_rollback),
	    TEST(a_failed_commit_has_rolled_back), TEST(damage_and_foreign_files_are_refused),
	    TEST(rows_that_somebody_else_wrote_are_corrupt), TEST(a_newer_schema_is_refused),
	    TEST(an_older_schema_is_brought_up), TEST(one_process_has_the_file),
	    TEST(files_are_for_their_owner), TEST(reading_only_writes_nothing),
	    TEST(a_lost_file_breaks_the_store_until_it_is_back)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
