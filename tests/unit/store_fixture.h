/* SPDX-License-Identifier: Apache-2.0 */
/* store_fixture.h -- a store in a directory of its own, and records to put into it. */
#ifndef PINF_TESTS_STORE_FIXTURE_H
#define PINF_TESTS_STORE_FIXTURE_H

#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_internal.h"
#include "unit/unit.h"

struct fixture {
	char dir[32];
	char path[96];
	struct pinf_store store;
};

#define CALL(f, op, ...) (f)->store.ops->op((f)->store.ctx, __VA_ARGS__)
#define DO(f, op)        (f)->store.ops->op((f)->store.ctx)

static inline enum pinf_err
fixture_open(struct fixture *f)
{
	return pinf_sqlite_open(&f->store, &(struct pinf_sqlite_options){.path = f->path});
}

static inline int
fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (f == NULL)
		return -1;
	(void)snprintf(f->dir, sizeof f->dir, "/tmp/pinf-store-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	(void)snprintf(f->path, sizeof f->path, "%s/pinf.db", f->dir);
	*state = f;
	return fixture_open(f) == PINF_OK ? 0 : -1;
}

static inline int
fixture_free(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal", ".copy", ".copy-wal"};
	struct fixture *f = *state;
	char name[128];

	pinf_sqlite_close(&f->store);
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		(void)snprintf(name, sizeof name, "%s%s", f->path, tails[i]);
		(void)unlink(name);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static inline sqlite3 *
fixture_db(const struct fixture *f)
{
	return ((struct pinf_sqlite *)f->store.ctx)->db;
}

static inline struct pinf_address
an_address(uint8_t fill)
{
	struct pinf_address address;

	memset(address.bytes, fill, sizeof address.bytes);
	return address;
}

static inline struct pinf_hash
a_hash(uint32_t number)
{
	struct pinf_hash hash = {{0xaa}};

	memcpy(hash.bytes + 8, &number, sizeof number);
	return hash;
}

static inline struct pinf_session
a_session(uint64_t id, bool is_private)
{
	struct pinf_session session = {.id = id,
	    .type = PINF_SESSION_DEDICATED,
	    .owner = an_address(0x0e),
	    .is_private = is_private,
	    .policy.router_sealed = true,
	    .acl = PINF_ACL_ROUTER,
	    .epoch = 1,
	    .created_ms = 1000};

	memset(session.instance, 0x5e, sizeof session.instance);
	return session;
}

/* Queued, sealed, in state CREATED. */
static inline struct pinf_task
a_task(uint64_t session, uint64_t id, uint64_t queue_seq)
{
	struct pinf_task task = {.session = session,
	    .id = id,
	    .state = PINF_TASK_CREATED,
	    .route = PINF_ROUTE_CALLER_SEALED,
	    .api_version = 3,
	    .key_version = 1,
	    .queue_seq = queue_seq,
	    .created_ms = 2000,
	    .deadline_ms = 100000,
	    .timeout_ms = 98000,
	    .precommit_timeout_ms = 5000,
	    .owner = an_address(0x0e)};
	struct pinf_payload *input = &task.input;

	memset(task.instance, (int)id, sizeof task.instance);
	(void)snprintf(input->urn, sizeof input->urn, "urn:blob:1:fs:local:pinf:in-%llu-%llu",
	    (unsigned long long)session, (unsigned long long)id);
	input->sha256 = a_hash((uint32_t)(session * 1000000 + id));
	input->size = 406;
	input->suite = PINF_SUITE_AES256GCM;
	input->key_version = 1;
	input->scope = (struct pinf_scope){
	    .kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = session, .task = id};
	memcpy(input->scope.instance, task.instance, sizeof task.instance);
	return task;
}

/* The task as it is when its result is accepted. */
static inline void
give_result(struct pinf_task *task, uint32_t number, enum pinf_suite suite)
{
	task->state = PINF_TASK_COMMITTED;
	task->attempt = 1;
	task->miner = an_address(0x31);
	task->result = task->input;
	task->result.sha256 = a_hash(number);
	task->result.suite = suite;
	task->result.scope = (struct pinf_scope){.kind = PINF_SCOPE_TASK,
	    .purpose = PINF_PURPOSE_RESULT,
	    .session = task->session,
	    .task = task->id,
	    .attempt = 1,
	    .miner = task->miner};
	if (suite == PINF_SUITE_NONE)
		memset(&task->result.scope, 0, sizeof task->result.scope);
	task->precommit_sha256 = task->result.sha256;
	memset(task->result_signature.bytes, 0x51, sizeof task->result_signature.bytes);
}

#endif
