/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c -- fuzzes the store's file.  'm' first: rows of the first schema, brought up while the disk fails, crashes and is
 * tried again: all of them are there afterwards.  'd': a good file in which bytes were changed.  't': batches, savepoints and crashes against a model.  'f': a
 * file of the system's.  Else: any bytes.  spec/store.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "router.h"
#include "store/sqlite_internal.h"

#define NAME       "fuzz.db"
#define ROWS_MAX   6
#define DOUBTS_MAX 64 /* calls of one run, each of which may be a failed commit */

static enum pinf_err
open_store(struct pinf_store *store, bool read_only)
{
	return pinf_sqlite_open(store,
	    &(struct pinf_sqlite_options){
		.path = NAME, .vfs = SIM_VFS_NAME, .read_only = read_only, .cache_kib = 256});
}

static void
run(sqlite3 *db, const char *sql)
{
	fuzz_check(
	    sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "the first schema takes it");
}

/* A session of the first schema, and whether a miner was listed in it. */
struct row {
	unsigned type, is_private, router_sealed, closed, epoch, last_task, listed, state;
};

static struct row
read_row(struct fuzz_input *in)
{
	const uint8_t flags = fuzz_byte(in), more = fuzz_byte(in);

	return (struct row){.type = 1 + (flags & 1),
	    .is_private = flags >> 1 & 1,
	    .router_sealed = flags >> 2 & 1,
	    .closed = flags >> 3 & 1,
	    .epoch = 1 + (flags >> 4 & 3),
	    .last_task = more & 7,
	    .listed = flags >> 6 & 1,
	    .state = 1 + (more >> 3) % 9};
}

static void
write_first_schema(const struct row *rows, size_t count)
{
	sqlite3 *db = NULL;
	char sql[512];

	fuzz_check(sqlite3_open_v2(NAME, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		       SIM_VFS_NAME) == SQLITE_OK,
	    "a file");
	run(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
	for (const char *const *step = pinf_schema_steps[0]; *step != NULL; step++)
		run(db, *step);
	for (unsigned i = 0; i < count; i++) {
		const struct row *r = &rows[i];

		(void)snprintf(sql, sizeof sql,
		    "INSERT INTO sessions VALUES (%u, %u, x'%040x', x'%032x', %u, %u, %u, %u, %u, "
		    "5)",
		    i + 1, r->type, i, i + 7, r->is_private, r->router_sealed, r->closed, r->epoch,
		    r->last_task);
		run(db, sql);
		(void)snprintf(
		    sql, sizeof sql, "INSERT INTO miners VALUES (%u, x'%040x')", i + 1, i + 9);
		if (r->listed != 0)
			run(db, sql);
		(void)snprintf(sql, sizeof sql,
		    "INSERT INTO tasks (session, id, state, key_version, attempt, epoch, shared, "
		    "queue_seq, due_ms, deadline_ms, failure, route, api_version, timeout_ms, "
		    "precommit_timeout_ms, reference, instance, created_ms, owner) VALUES (%u, 1, "
		    "%u, "
		    "1, 0, 0, 0, %u, 0, 9, 'ok', 0, 3, 1, 1, '', x'%032x', 5, x'%040x')",
		    i + 1, r->state, i, i, i);
		run(db, sql);
	}
	fuzz_check(sqlite3_close(db) == SQLITE_OK, "closed");
}

/* Every row as it was, in what the schema has for it now. */
static void
check_rows(const struct pinf_store *store, const struct row *rows, size_t count)
{
	struct pinf_session s;
	struct pinf_task task;
	struct pinf_member members[ROWS_MAX + 1];
	const struct pinf_member first = {.session = 0};
	size_t listed = 0, found = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct row *r = &rows[i];

		fuzz_check(store->ops->session_get(store->ctx, i + 1, &s) == PINF_OK &&
			       s.type == r->type && s.is_private == (r->is_private != 0) &&
			       s.policy.router_sealed == (r->router_sealed != 0) &&
			       s.closed == (r->closed != 0) && s.epoch == r->epoch &&
			       s.last_task == r->last_task && s.owner.bytes[19] == i &&
			       s.instance[15] == i + 7,
		    "a session is what it was");
		fuzz_check(s.acl == PINF_ACL_ROUTER && s.own_list == (r->epoch > 1) && s.seats == 0,
		    "its list is the router's");
		fuzz_check(store->ops->task_get(store->ctx, i + 1, 1, &task) == PINF_OK &&
			       (unsigned)task.state == r->state && task.owner.bytes[19] == i,
		    "and so is its task");
		listed += r->listed;
	}
	fuzz_check(
	    store->ops->member_list(store->ctx, &first, members, ROWS_MAX + 1, &found) == PINF_OK &&
		found == listed,
	    "as many miners");
	for (size_t i = 0; i < found; i++)
		fuzz_check(members[i].source == PINF_ACL_ROUTER && members[i].task == 0 &&
			       members[i].miner.bytes[19] == members[i].session + 8,
		    "in the same lists");
}

static void
migrate(struct fuzz_input *in)
{
	const uint8_t faults = fuzz_byte(in), count = 1 + fuzz_byte(in) % ROWS_MAX;
	struct sim_vfs *disk = fuzz_disk(fuzz_byte(in));
	struct row rows[ROWS_MAX];
	struct pinf_store store = {NULL, NULL};
	enum pinf_err err;

	for (size_t i = 0; i < count; i++)
		rows[i] = read_row(in);
	write_first_schema(rows, count);
	fuzz_check(open_store(&store, true) == PINF_E_STATE, "who only reads changes no schema");
	for (unsigned tries = 0; tries < 3; tries++) {
		sim_vfs_faults(disk, faults % 16 * 20, faults / 16 * 20);
		err = open_store(&store, false);
		fuzz_check_named(err);
		if (err == PINF_OK)
			check_rows(&store, rows, count);
		sim_vfs_stop(disk);
		pinf_sqlite_close(&store);
		sim_vfs_faults(disk, 0, 0);
		sim_vfs_crash(disk);
	}
	fuzz_check(open_store(&store, false) == PINF_OK, "a sound disk brings it up");
	check_rows(&store, rows, count);
	pinf_sqlite_close(&store);
	sim_vfs_free(disk);
}

/* All that a router reads at its start and later: records, or a name for what is wrong. */
static void
walk(const struct pinf_store *store)
{
	static struct pinf_session sessions[4];
	static struct pinf_task tasks[4];
	static struct pinf_audit audit[4];
	static struct pinf_member members[4];
	static struct pinf_intent intent;
	static struct pinf_checkpoint checkpoint;
	const struct pinf_member first = {.session = 0};
	const struct pinf_store_ops *ops = store->ops;
	void *ctx = store->ctx;
	size_t count = 0;
	uint64_t number;

	fuzz_check_named(ops->clock_get(ctx, &number));
	fuzz_check_named(ops->session_list(ctx, 0, sessions, 4, &count));
	fuzz_check_named(ops->session_last(ctx, &number));
	fuzz_check_named(ops->task_list(ctx, 1, 0, tasks, 4, &count));
	fuzz_check_named(ops->task_due(ctx, 1000000, tasks));
	fuzz_check_named(ops->next_due(ctx, &number));
	fuzz_check_named(ops->member_list(ctx, &first, members, 4, &count));
	fuzz_check_named(ops->audit_list(ctx, 0, audit, 4, &count));
	fuzz_check_named(ops->audit_last(ctx, audit));
	fuzz_check_named(ops->checkpoint_last(ctx, &checkpoint));
	fuzz_check_named(ops->intent_due(ctx, 1000000, &intent));
}

/* A file of the present schema with a record of most kinds, made once. */
static struct pinf_bytes *
good_file(void)
{
	static struct pinf_bytes file;
	struct pinf_store store = {NULL, NULL};
	struct pinf_session session = {.id = 1, .type = PINF_SESSION_DEDICATED, .epoch = 1};
	struct pinf_task task = {.session = 1,
	    .id = 1,
	    .state = PINF_TASK_RESERVED,
	    .key_version = 1,
	    .due_ms = 7,
	    .deadline_ms = 9,
	    .api_version = 3};
	const struct pinf_member member = {.session = 1, .source = PINF_ACL_ROUTER, .miner = {{1}}};
	const struct pinf_intent intent = {.session = 1, .task = 1, .size = 5, .expires_ms = 5};
	struct pinf_audit audit = {.kind = PINF_AUDIT_GRANT, .seq = 1};
	struct sim_vfs *disk;
	bool changed;

	if (file.data != NULL)
		return &file;
	disk = fuzz_disk(1);
	fuzz_check(open_store(&store, false) == PINF_OK && store.ops->begin(store.ctx) == PINF_OK &&
		       store.ops->session_insert(store.ctx, &session) == PINF_OK &&
		       store.ops->task_insert(store.ctx, &task) == PINF_OK &&
		       store.ops->member_put(store.ctx, &member, &changed) == PINF_OK &&
		       store.ops->intent_put(store.ctx, &intent) == PINF_OK &&
		       store.ops->audit_append(store.ctx, &audit) == PINF_OK &&
		       store.ops->commit(store.ctx) == PINF_OK,
	    "records");
	pinf_sqlite_close(&store);
	fuzz_check(pinf_bytes_append(
		       &file, sim_vfs_file(disk, 0).data, sim_vfs_file(disk, 0).len) == PINF_OK,
	    "room");
	sim_vfs_free(disk);
	return &file;
}

static void
damage(struct fuzz_input *in)
{
	struct pinf_bytes *file = good_file();
	struct pinf_bytes damaged = {0};
	struct pinf_store store = {NULL, NULL};
	struct sim_vfs *disk = fuzz_disk(2);
	const bool read_only = (fuzz_byte(in) & 1) != 0;
	enum pinf_err err;

	fuzz_check(pinf_bytes_append(&damaged, file->data, file->len) == PINF_OK, "room");
	while (in->size >= 4) {
		const uint64_t at = fuzz_below(in, damaged.len);

		damaged.data[at] = fuzz_byte(in);
	}
	sim_vfs_put(disk, NAME, pinf_span_of(&damaged));
	err = open_store(&store, read_only);
	fuzz_check_named(err);
	if (err == PINF_OK)
		walk(&store);
	pinf_sqlite_close(&store);
	pinf_bytes_free(&damaged);
	sim_vfs_free(disk);
}

/* What a batch can change, as the model has it. */
struct state {
	uint64_t clock_ms, sessions, tasks; /* as many as the store counts */
};

struct ledger {
	struct pinf_store store;
	struct sim_vfs *disk;
	struct state durable, now, at_savepoint;
	bool in_batch, in_savepoint;
	bool may_fail; /* the disk has had faults in this batch */
	/* What commits that failed would have made, since the last that did not. */
	struct state doubts[DOUBTS_MAX];
	size_t doubt_count;
};

static struct state
read_state(const struct pinf_store *store)
{
	struct state s = {0};
	struct pinf_task_counts counts = {{0}};

	fuzz_check(store->ops->clock_get(store->ctx, &s.clock_ms) == PINF_OK &&
		       store->ops->session_last(store->ctx, &s.sessions) == PINF_OK &&
		       store->ops->task_counts(store->ctx, &counts) == PINF_OK,
	    "a sound store reads");
	for (int i = 0; i < PINF_TASK_STATES; i++)
		s.tasks += counts.of[i];
	return s;
}

static bool
same_state(struct state a, struct state b)
{
	return a.clock_ms == b.clock_ms && a.sessions == b.sessions && a.tasks == b.tasks;
}

static bool
is_doubtful(const struct ledger *l, struct state s)
{
	for (size_t i = 0; i < l->doubt_count; i++)
		if (same_state(l->doubts[i], s))
			return true;
	return false;
}

/*
 * After a failure, or the end of the process: what was committed is there; a commit that failed may be, and at a later
 * recovery, too: its frames stay in the log until others take their place.  STORE-9.
 */
static void
recover(struct ledger *l, bool crash)
{
	bool found;

	sim_vfs_faults(l->disk, 0, 0);
	if (crash) {
		sim_vfs_stop(l->disk);
	} else {
		l->store.ops->rollback(l->store.ctx);
		sim_vfs_faults(l->disk, 1000, 0);
		if (l->store.ops->reopen(l->store.ctx) != PINF_OK)
			l->store.ops->rollback(l->store.ctx); /* of nothing: it is closed */
		sim_vfs_faults(l->disk, 0, 0);
	}
	if (crash)
		pinf_sqlite_close(&l->store);
	if (crash)
		sim_vfs_crash(l->disk);
	fuzz_check(
	    (crash ? open_store(&l->store, false) : l->store.ops->reopen(l->store.ctx)) == PINF_OK,
	    "a sound disk opens");
	l->now = read_state(&l->store);
	found = same_state(l->now, l->durable);
	fuzz_check(found || is_doubtful(l, l->now), "all of a batch, or nothing");
	if (!found)
		l->doubt_count = 0;
	l->durable = l->now;
	l->in_batch = l->in_savepoint = l->may_fail = false;
}

static enum pinf_err
insert(struct ledger *l)
{
	const struct pinf_store_ops *ops = l->store.ops;
	const struct pinf_session session = {
	    .id = l->now.sessions + 1, .type = PINF_SESSION_DEDICATED, .epoch = 1};
	const struct pinf_task task = {.session = session.id,
	    .id = 1,
	    .state = PINF_TASK_RESERVED,
	    .key_version = 1,
	    .api_version = 3};
	enum pinf_err err = ops->session_insert(l->store.ctx, &session);

	if (err == PINF_OK)
		l->now.sessions++;
	if (err == PINF_OK && (err = ops->task_insert(l->store.ctx, &task)) == PINF_OK)
		l->now.tasks++;
	return err;
}

static enum pinf_err
commit(struct ledger *l)
{
	const enum pinf_err err = l->store.ops->commit(l->store.ctx);

	l->in_batch = false;
	if (err != PINF_OK) {
		l->doubts[l->doubt_count++] = l->now;
		return err;
	}
	l->durable = l->now;
	l->doubt_count = 0;
	return PINF_OK;
}

/* One call where it may be made; what it does to the model. */
static enum pinf_err
play(struct ledger *l, uint8_t choice)
{
	const struct pinf_store_ops *ops = l->store.ops;
	void *ctx = l->store.ctx;
	enum pinf_err err = PINF_OK;

	switch (choice % 8) {
	case 0:
		err = l->in_batch ? PINF_OK : ops->begin(ctx);
		l->in_batch = true;
		break;
	case 1:
		if (!l->in_batch || l->in_savepoint)
			break;
		err = ops->savepoint(ctx);
		l->in_savepoint = true;
		l->at_savepoint = l->now;
		break;
	case 2: err = l->in_batch ? insert(l) : PINF_OK; break;
	case 3:
		if (l->in_batch && (err = ops->clock_set(ctx, l->now.clock_ms + choice)) == PINF_OK)
			l->now.clock_ms += choice;
		break;
	case 4:
		err = l->in_savepoint ? ops->release(ctx) : PINF_OK;
		l->in_savepoint = false;
		break;
	case 5:
		if (!l->in_savepoint)
			break;
		err = ops->rollback_to(ctx);
		l->now = l->at_savepoint;
		l->in_savepoint = false;
		break;
	case 6: err = l->in_batch && !l->in_savepoint ? commit(l) : PINF_OK; break;
	default:
		if ((choice & 8) != 0) {
			l->may_fail = true;
			sim_vfs_faults(l->disk, choice & 0x70, choice & 0x80);
			break;
		}
		recover(l, (choice & 16) != 0);
	}
	return err;
}

static void
transact(struct fuzz_input *in)
{
	struct ledger l = {.disk = fuzz_disk(fuzz_byte(in))};

	fuzz_check(open_store(&l.store, false) == PINF_OK, "an empty store");
	for (unsigned i = 0; i < DOUBTS_MAX && in->size > 0; i++) {
		const enum pinf_err err = play(&l, fuzz_byte(in));

		fuzz_check_named(err);
		fuzz_check(
		    err == PINF_OK || (l.may_fail && pinf_sqlite_message(&l.store)[0] != '\0'),
		    "nothing fails on a sound disk, and what does says why");
		if (err != PINF_OK) {
			fuzz_check(!l.in_batch || l.store.ops->rollback_to(l.store.ctx) == err ||
				       err == PINF_E_CONFLICT,
			    "what has failed goes on failing until it is rolled back");
			recover(&l, (i & 1) != 0);
		}
		if (err == PINF_OK && !l.may_fail)
			fuzz_check(
			    same_state(read_state(&l.store), l.now), "it reads what was written");
	}
	recover(&l, true);
	pinf_sqlite_close(&l.store);
	fuzz_check(pinf_sqlite_message(&l.store)[0] == '\0', "a closed store has nothing to say");
	sim_vfs_free(l.disk);
}

/* A file of the system's, in a directory that is there for one run. */
static char real_path[64];

static enum pinf_err
open_real(struct pinf_store *store, bool read_only)
{
	return pinf_sqlite_open(
	    store, &(struct pinf_sqlite_options){.path = real_path, .read_only = read_only});
}

static enum pinf_err
open_real_starving(struct pinf_span in)
{
	struct pinf_store store = {NULL, NULL};
	const enum pinf_err err = open_real(&store, in.len % 2 != 0);

	pinf_sqlite_close(&store);
	return err;
}

static enum pinf_err
open_nowhere_starving(struct pinf_span in)
{
	struct pinf_store store = {NULL, NULL};

	return pinf_sqlite_open(
	    &store, &(struct pinf_sqlite_options){
			.path = "x", .vfs = "no such one", .read_only = in.len % 2 != 0});
}

/* On the system's own disk: created for its owner, read by others only where nobody writes, one writer at a time. */
static void
real_file(struct fuzz_input *in)
{
	struct pinf_store one = {NULL, NULL}, two = {NULL, NULL};
	struct stat status;
	const struct pinf_span rest = fuzz_rest(in, SIZE_MAX);
	const char *base = getenv("TMPDIR");
	char directory[sizeof real_path - sizeof "/a%b.db-wal"];
	const int len = snprintf(
	    directory, sizeof directory, "%s/pinf-fuzz-XXXXXX", base == NULL ? "/tmp" : base);

	fuzz_check(
	    len > 0 && (size_t)len < sizeof directory && mkdtemp(directory) != NULL, "a directory");
	(void)snprintf(real_path, sizeof real_path, "%s/a%%b.db", directory);
	fuzz_check(open_real(&two, true) != PINF_OK, "nothing is created by reading");
	fuzz_check(open_real(&one, false) == PINF_OK && stat(real_path, &status) == 0 &&
		       (status.st_mode & 0777) == 0600,
	    "a file for its owner");
	fuzz_check(open_real(&two, rest.len % 2 != 0) == PINF_E_BUSY, "with one user");
	pinf_sqlite_close(&one);
	fuzz_check(open_real(&one, true) == PINF_OK, "who reads it afterwards reads it");
	fuzz_check(one.ops->begin(one.ctx) != PINF_OK || one.ops->clock_set(one.ctx, 5) != PINF_OK,
	    "and writes nothing");
	pinf_sqlite_close(&one);
	fuzz_starve(open_real_starving, rest);
	fuzz_starve(open_nowhere_starving, rest);
	(void)unlink(real_path);
	fuzz_check(rmdir(directory) == 0, "nothing else is left");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct pinf_store store = {NULL, NULL};
	struct sim_vfs *disk;
	enum pinf_err err;

	switch (fuzz_byte(&in)) {
	case 'm': migrate(&in); return 0;
	case 'd': damage(&in); return 0;
	case 't': transact(&in); return 0;
	case 'f': real_file(&in); return 0;
	default: break;
	}
	disk = fuzz_disk(3);
	sim_vfs_put(disk, NAME, (struct pinf_span){data, size});
	err = open_store(&store, true);
	fuzz_check_named(err);
	fuzz_check(err != PINF_OK, "nor do they read as one");
	err = open_store(&store, false);
	fuzz_check_named(err);
	fuzz_check(err != PINF_OK || size == 0, "bytes are no database of pinf");
	pinf_sqlite_close(&store);
	sim_vfs_free(disk);
	return 0;
}
