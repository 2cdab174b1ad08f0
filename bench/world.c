/* SPDX-License-Identifier: Apache-2.0 */
/* world.c -- a router's database, keyring and wallets. */
#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "host/system.h"
#include "store/sqlite_store.h"

#define DAY_MS  86400000u
#define BATCH   10000 /* rows of a transaction */
#define WAITERS 256 /* what `pinf router` allows unless told otherwise: a thread each */

void
bench_world_open(struct bench_world *w)
{
	const char *base = getenv("TMPDIR");
	uint32_t version = 0;

	*w = (struct bench_world){.seed = 1, .domain = {.chain_id = 31337}};
	(void)snprintf(w->directory, sizeof w->directory, "%.40s/pinf-bench-XXXXXX",
	    base == NULL ? "/tmp" : base);
	bench_require(mkdtemp(w->directory) != NULL, "a directory");
	(void)snprintf(w->database, sizeof w->database, "%s/router.db", w->directory);
	(void)snprintf(w->blobs, sizeof w->blobs, "%s/blobs", w->directory);
	const struct pinf_random random = {&w->seed, bench_fill};
	bench_require(pinf_wallet_new(&w->owner, random) == PINF_OK &&
			  pinf_wallet_new(&w->miner, random) == PINF_OK &&
			  pinf_keyring_new(&w->keyring, &w->domain, random) == PINF_OK &&
			  pinf_keyring_rotate(w->keyring, &version, 0, random) == PINF_OK,
	    "wallets and a keyring");
	bench_require(pinf_sqlite_open(
			  &w->store, &(struct pinf_sqlite_options){.path = w->database}) == PINF_OK,
	    "a database");
	w->config = pinf_router_defaults();
	w->config.storage = (struct pinf_storage){"fs", "local", "pinf"};
	w->config.open_sessions = true;
	w->config.waiters_max = WAITERS;
	w->config.rate_per_minute = UINT32_MAX;
	w->config.tasks_open_max = 100000000;
	w->config.ack_ms = w->config.precommit_ms = w->config.commit_ms = DAY_MS;
}

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

void
bench_world_close(struct bench_world *w)
{
	pinf_sqlite_close(&w->store);
	pinf_keyring_free(w->keyring);
	pinf_wallet_wipe(&w->owner);
	pinf_wallet_wipe(&w->miner);
	(void)nftw(w->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
insert(struct bench_world *w, uint64_t session, uint64_t id, enum pinf_task_state state)
{
	static const char document[] = "{\"document\":\"pinf-input-1\",\"prompt\":\"x\"}";
	const uint64_t now_ms = pinf_now_ms();
	struct pinf_task task = {.session = session,
	    .id = id,
	    .state = state,
	    .route = PINF_ROUTE_PLAIN,
	    .api_version = 2,
	    .key_version = 1,
	    .queue_seq = session << 32 | id,
	    .created_ms = now_ms,
	    .due_ms = state == PINF_TASK_CREATED ? 0 : now_ms + DAY_MS,
	    .deadline_ms = now_ms + DAY_MS,
	    .timeout_ms = DAY_MS,
	    .precommit_timeout_ms = DAY_MS,
	    .owner = w->owner.address,
	    .input = {.size = sizeof document - 1, .inline_len = sizeof document - 1}};

	memcpy(task.input.inline_data, document, sizeof document - 1);
	pinf_sha256(&task.input.sha256, pinf_span_str(document));
	memcpy(task.instance, &task.queue_seq, sizeof task.queue_seq);
	bench_require(w->store.ops->task_insert(w->store.ctx, &task) == PINF_OK, "a task");
}

void
bench_world_fill(struct bench_world *w, uint64_t count, enum pinf_task_state state)
{
	const struct pinf_session session = {.id = ++w->sessions,
	    .type = PINF_SESSION_DEDICATED,
	    .owner = w->owner.address,
	    .acl = PINF_ACL_ROUTER,
	    .epoch = 1,
	    .last_task = count};

	for (uint64_t i = 0; i < count; i += BATCH) {
		const uint64_t end = count - i < BATCH ? count : i + BATCH;

		bench_require(
		    w->store.ops->begin(w->store.ctx) == PINF_OK &&
			(i != 0 || w->store.ops->session_insert(w->store.ctx, &session) == PINF_OK),
		    "a session");
		for (uint64_t id = i; id < end; id++)
			insert(w, session.id, id + 1, state);
		bench_require(w->store.ops->commit(w->store.ctx) == PINF_OK, "a commit");
	}
}
