/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c -- the queue against a model: the input is a list of operations on plain tasks by an owner and two miners, and after
 * each the task's state in the store is what spec/states.md makes of it.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "router.h"

#define TASKS_MAX    6
#define OPS_MAX      60
#define ACK_MS       10000
#define PRECOMMIT_MS 120000
#define COMMIT_MS    30000
#define TIMEOUT_MS   300000
#define RETENTION_MS 86400000
#define ATTEMPTS_MAX 8
#define INPUT        "{\"document\":\"pinf-input-1\",\"prompt\":\"x\"}"
#define RESULT                                                                                     \
	"{\"completion_tokens\":1,\"document\":\"pinf-result-1\",\"finish_reason\":\"stop\","      \
	"\"model\":\"m\",\"prompt_tokens\":1,\"text\":\"y\"}"

enum op { SUBMIT, CLAIM, ACK, PRECOMMIT, COMMIT, RELEASE, WAIT, OPS };

/* A task as the pages have it. */
struct model {
	enum pinf_task_state state;
	unsigned attempt, miner; /* miner: who had the last lease */
	uint64_t due_ms, deadline_ms;
};

struct game {
	struct fuzz_router r;
	struct model tasks[TASKS_MAX]; /* in the queue's order: task i + 1 */
	size_t count;
};

static bool
is_leased(const struct model *t)
{
	return t->state >= PINF_TASK_ASSIGNED && t->state <= PINF_TASK_PRECOMMITTED;
}

static void
give_back(struct model *t)
{
	t->state = t->attempt >= ATTEMPTS_MAX ? PINF_TASK_FAILED : PINF_TASK_CREATED;
	t->due_ms = 0;
}

/* What time does, to each task by itself. */
static void
age(struct game *g)
{
	for (size_t i = 0; i < g->count; i++) {
		struct model *t = &g->tasks[i];

		if (t->state < PINF_TASK_COMMITTED && g->r.now_ms >= t->deadline_ms)
			t->state = PINF_TASK_EXPIRED;
		else if (is_leased(t) && g->r.now_ms >= t->due_ms)
			give_back(t);
		else if (t->state == PINF_TASK_COMMITTED && g->r.now_ms >= t->due_ms)
			t->state = PINF_TASK_CLOSED;
	}
}

static void
submit(struct game *g)
{
	struct pinf_api_request *rq = fuzz_request(PINF_EP_COMPLETION);

	if (g->count == TASKS_MAX) {
		pinf_api_request_free(rq);
		return;
	}
	rq->session = 1;
	rq->api_version = 3;
	rq->timeout_ms = TIMEOUT_MS;
	if (pinf_bytes_append(&rq->document, INPUT, strlen(INPUT)) != PINF_OK)
		abort();
	pinf_sha256(&rq->document_sha256, pinf_span_of(&rq->document));
	fuzz_router_ask(&g->r, &g->r.owner, rq);
	fuzz_check(g->r.status == 0, "a caller waits");
	g->tasks[g->count++] =
	    (struct model){.state = PINF_TASK_CREATED, .deadline_ms = g->r.now_ms + TIMEOUT_MS};
}

static void
claim(struct game *g, unsigned miner)
{
	struct pinf_api_request *rq = fuzz_request(PINF_EP_CLAIM);
	size_t oldest = 0;

	while (oldest < g->count && g->tasks[oldest].state != PINF_TASK_CREATED)
		oldest++;
	rq->session = 1;
	fuzz_router_ask(&g->r, &g->r.miners[miner], rq);
	fuzz_check(g->r.status == (oldest < g->count ? 200u : 204u),
	    "who claims gets a task while there is one");
	if (oldest == g->count)
		return;
	g->tasks[oldest].state = PINF_TASK_ASSIGNED;
	g->tasks[oldest].miner = miner;
	g->tasks[oldest].attempt++;
	g->tasks[oldest].due_ms = g->r.now_ms + ACK_MS;
}

/* The miner's signature over what the store has. */
static void
sign(struct game *g, const struct pinf_task *task, unsigned miner, struct pinf_api_request *rq)
{
	const struct pinf_api_config config = pinf_router_api_config(g->r.core);
	struct pinf_result_claim said = {.router = config.router,
	    .domain = config.domain,
	    .session = 1,
	    .task = task->id,
	    .attempt = task->attempt,
	    .epoch = task->epoch,
	    .input_sha256 = task->input.sha256,
	    .key_version = task->key_version};
	struct pinf_hash digest;

	pinf_sha256(&said.result_sha256, pinf_span_str(RESULT));
	rq->result_sha256 = said.result_sha256;
	rq->payload = (struct pinf_payload){
	    .sha256 = said.result_sha256, .size = strlen(RESULT), .inline_len = strlen(RESULT)};
	memcpy(rq->payload.inline_data, RESULT, strlen(RESULT));
	pinf_result_digest(&digest, &said);
	fuzz_check(
	    pinf_wallet_sign(&rq->signature, &g->r.miners[miner], &digest) == PINF_OK, "it signs");
}

/* Whether the pages allow it, and then what becomes of the task. */
static bool
model_step(struct game *g, struct model *t, enum op op)
{
	const enum pinf_task_state from = t->state;

	if (op == RELEASE && is_leased(t)) {
		give_back(t);
		return true;
	}
	if (op == ACK && from == PINF_TASK_ASSIGNED) {
		t->state = PINF_TASK_ACKNOWLEDGED;
		t->due_ms = g->r.now_ms + PRECOMMIT_MS;
	} else if (op == PRECOMMIT && from == PINF_TASK_ACKNOWLEDGED) {
		t->state = PINF_TASK_PRECOMMITTED;
		t->due_ms = g->r.now_ms + COMMIT_MS;
	} else if (op == COMMIT && from == PINF_TASK_PRECOMMITTED) {
		t->state = PINF_TASK_COMMITTED;
		t->due_ms = g->r.now_ms + RETENTION_MS;
	} else {
		/* An answer that was lost: said again. */
		return (op == ACK && from == PINF_TASK_ACKNOWLEDGED) ||
		       (op == PRECOMMIT && from == PINF_TASK_PRECOMMITTED) ||
		       (op == COMMIT && (from == PINF_TASK_COMMITTED || from == PINF_TASK_CLOSED));
	}
	return true;
}

static void
act(struct game *g, enum op op, size_t which, unsigned miner, bool former)
{
	static const enum pinf_endpoint endpoints[] = {[ACK] = PINF_EP_ACK,
	    [PRECOMMIT] = PINF_EP_PRECOMMIT,
	    [COMMIT] = PINF_EP_COMMIT,
	    [RELEASE] = PINF_EP_RELEASE};
	struct model *t = &g->tasks[which];
	const struct pinf_store *store = &g->r.store;
	struct pinf_api_request *rq = fuzz_request(endpoints[op]);
	struct pinf_task task;
	const bool holds = miner == t->miner && !former && t->attempt > 0 &&
			   (is_leased(t) || (op == COMMIT && t->state >= PINF_TASK_COMMITTED &&
						t->state <= PINF_TASK_CLOSED));
	bool allowed;

	fuzz_check(
	    store->ops->task_get(store->ctx, 1, which + 1, &task) == PINF_OK, "the task is there");
	rq->session = 1;
	rq->task = which + 1;
	rq->attempt = t->attempt - former;
	sign(g, &task, miner, rq);
	allowed = holds && model_step(g, t, op);
	fuzz_router_ask(&g->r, &g->r.miners[miner], rq);
	fuzz_check(
	    (g->r.status == 200) == allowed, "what the pages allow is done, and nothing else");
}

static void
compare(const struct game *g)
{
	const struct pinf_store *store = &g->r.store;
	struct pinf_task task;

	for (size_t i = 0; i < g->count; i++) {
		fuzz_check(store->ops->task_get(store->ctx, 1, i + 1, &task) == PINF_OK,
		    "the task is there");
		fuzz_check(task.state == g->tasks[i].state, "its state is the model's");
		fuzz_check(task.attempt == g->tasks[i].attempt, "and its attempt");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t waits_ms[] = {
	    1, 5000, ACK_MS, COMMIT_MS, 60000, PRECOMMIT_MS, TIMEOUT_MS, RETENTION_MS};
	struct fuzz_input in = {data, size};
	struct game g = {.count = 0};

	fuzz_router_open(&g.r);
	for (unsigned i = 0; i < OPS_MAX && in.size > 0; i++) {
		const uint8_t choice = fuzz_byte(&in);
		const enum op op = (enum op)(choice % OPS);
		const unsigned more = choice / OPS;

		if (op == SUBMIT) {
			submit(&g);
		} else if (op == WAIT) {
			fuzz_router_wait(&g.r, waits_ms[more % 8]);
			age(&g);
		} else if (op == CLAIM) {
			claim(&g, more % FUZZ_MINERS);
		} else if (g.count > 0) {
			act(&g, op, more / 4 % g.count, more % FUZZ_MINERS,
			    more / 2 % 2 != 0 && more > 24);
		}
		compare(&g);
	}
	fuzz_router_close(&g.r);
	return 0;
}
