/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c -- the router's core on a real file: tasks claimed and completed in durable batches, beside the same row changes by
 * bare SQLite; and what that costs with ever more tasks in the store.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "host/system.h"
#include "peers/signatures.h"
#include "peers/transactions.h"
#include "world.h"

#define BATCH  100 /* tasks of a round, and so events of one step */
#define ROUNDS 31
#define RESULT                                                                                     \
	"{\"completion_tokens\":1,\"document\":\"pinf-result-1\",\"finish_reason\":\"stop\","      \
	"\"model\":\"m\",\"prompt_tokens\":1,\"text\":\"y\"}"

enum step { CLAIM, ACK, PRECOMMIT, COMMIT, STEPS };
static const enum pinf_endpoint endpoints[STEPS] = {
    PINF_EP_CLAIM, PINF_EP_ACK, PINF_EP_PRECOMMIT, PINF_EP_COMMIT};

/* What is timed, each for BATCH tasks. */
enum part { RAW_PAIR, RAW_ROWS, RAW_CHECKS, PINF_STEP, PINF_ALL = PINF_STEP + STEPS, PARTS };
static const char *const names[PARTS] = {
    [RAW_PAIR] = "raw SQLite: claim, complete",
    [RAW_ROWS] = "raw SQLite: four rows, as pinf's",
    [RAW_CHECKS] = "raw: two signatures checked",
    [PINF_STEP + CLAIM] = "pinf: claim",
    [PINF_STEP + ACK] = "pinf: acknowledge",
    [PINF_STEP + PRECOMMIT] = "pinf: precommit",
    [PINF_STEP + COMMIT] = "pinf: commit",
    [PINF_ALL] = "pinf: claim to commit",
};

struct queue {
	struct bench_world world;
	struct pinf_router *core;
	struct pinf_effects effects;
	struct transactions *raw;
	uint64_t next_request;
	uint8_t digest[32], signature[65];
	double us[PARTS][ROUNDS]; /* a task */
};

/* The miner's signature over its result, which is inline. */
static void
sign_result(struct queue *q, const struct pinf_task *task, struct pinf_api_request *rq)
{
	const struct pinf_api_config api = pinf_router_api_config(q->core);
	struct pinf_payload *p = &rq->payload;
	struct pinf_hash digest;

	p->size = p->inline_len = sizeof RESULT - 1;
	memcpy(p->inline_data, RESULT, sizeof RESULT - 1);
	pinf_sha256(&p->sha256, pinf_span_str(RESULT));
	rq->result_sha256 = p->sha256;
	pinf_result_digest(&digest, &(struct pinf_result_claim){.router = api.router,
					.domain = api.domain,
					.session = task->session,
					.task = task->id,
					.attempt = task->attempt,
					.epoch = task->epoch,
					.input_sha256 = task->input.sha256,
					.result_sha256 = p->sha256,
					.key_version = task->key_version});
	bench_require(
	    pinf_wallet_sign(&rq->signature, &q->world.miner, &digest) == PINF_OK, "a signature");
}

static struct pinf_api_request *
request(struct queue *q, enum step step, uint64_t task_id)
{
	struct pinf_api_request *rq = calloc(1, sizeof *rq);
	struct pinf_task task;

	bench_require(rq != NULL, "allocation");
	rq->endpoint = endpoints[step];
	rq->api_version = 3;
	rq->session = q->world.sessions;
	rq->auth = PINF_AUTH_WALLET;
	rq->signer = q->world.miner.address;
	rq->expires_ms = pinf_now_ms() + 60000;
	memcpy(rq->nonce, &q->next_request, sizeof q->next_request);
	if (step == CLAIM)
		return rq;
	bench_require(q->world.store.ops->task_get(
			  q->world.store.ctx, rq->session, task_id, &task) == PINF_OK,
	    "a task");
	rq->task = task_id;
	rq->attempt = task.attempt;
	if (step != ACK)
		sign_result(q, &task, rq);
	return rq;
}

/* One step of the core, of BATCH requests; all must be done. */
static double
step_us(struct queue *q, enum step step)
{
	struct pinf_event events[BATCH];
	unsigned done = 0;
	double took;

	for (unsigned i = 0; i < BATCH; i++) {
		events[i] = (struct pinf_event){
		    .kind = PINF_EV_REQUEST, .now_ms = pinf_now_ms(), .id = ++q->next_request};
		events[i].request = request(q, step, i + 1);
	}
	took = bench_now_us();
	bench_require(
	    pinf_router_step(q->core, events, BATCH, &q->effects) == PINF_OK, "a router's step");
	took = bench_now_us() - took;
	for (size_t i = 0; i < q->effects.count; i++)
		done +=
		    q->effects.list[i].kind == PINF_FX_RESPOND && q->effects.list[i].status == 200;
	pinf_effects_cut(&q->effects, 0);
	for (unsigned i = 0; i < BATCH; i++)
		pinf_api_request_free(events[i].request);
	bench_require(done == BATCH, "a request of the queue's");
	return took / BATCH;
}

static double
raw_us(struct queue *q, unsigned rows)
{
	const double before = bench_now_us();

	for (unsigned i = 0; i < rows; i++)
		transactions_run(q->raw, BATCH);
	return (bench_now_us() - before) / BATCH;
}

static double
checks_us(const struct queue *q)
{
	const double before = bench_now_us();
	uint8_t key[64];

	for (unsigned i = 0; i < 2 * BATCH; i++)
		peers_recover(q->signature, q->digest, key);
	return (bench_now_us() - before) / BATCH;
}

/* What is in turn in one round, so that drift hits all alike. */
static void
play_round(struct queue *q, size_t round)
{
	bench_world_fill(&q->world, BATCH, PINF_TASK_CREATED);
	q->us[PINF_ALL][round] = 0;
	for (enum step step = CLAIM; step < STEPS; step++) {
		q->us[PINF_STEP + step][round] = step_us(q, step);
		q->us[PINF_ALL][round] += q->us[PINF_STEP + step][round];
	}
	q->us[RAW_PAIR][round] = raw_us(q, 2);
	q->us[RAW_ROWS][round] = raw_us(q, STEPS);
	q->us[RAW_CHECKS][round] = checks_us(q);
}

static double
median(double *samples, size_t count)
{
	qsort(samples, count, sizeof samples[0], bench_by_value);
	return samples[count / 2];
}

static void
open_queue(struct queue *q)
{
	memset(q, 0, sizeof *q);
	bench_world_open(&q->world);
	bench_require(
	    pinf_router_open(&q->core, &q->world.config, q->world.keyring, q->world.store,
		(struct pinf_random){&q->world.seed, bench_fill}, pinf_now_ms()) == PINF_OK,
	    "a router");
	q->world.keyring = NULL;
	q->raw = transactions_open(q->world.directory);
	bench_require(q->raw != NULL, "a database");
	q->digest[0] = 1;
	peers_sign(q->world.miner.secret.bytes, q->digest, q->signature);
}

static void
close_queue(struct queue *q)
{
	transactions_close(q->raw);
	pinf_router_free(q->core);
	pinf_effects_free(&q->effects);
	bench_world_close(&q->world);
}

/* Of the rows and checks that it consists of, bare in the same round: disk and neighbours have slow minutes. */
static double
of_bare(const struct queue *q, size_t rounds)
{
	double samples[ROUNDS];

	for (size_t r = 0; r < rounds; r++)
		samples[r] = q->us[PINF_ALL][r] / (q->us[RAW_ROWS][r] + q->us[RAW_CHECKS][r]);
	return median(samples, rounds);
}

/* The same with so many tasks in the store that are done already. */
static void
measure_growth(const struct bench_run *run, struct queue *q)
{
	static const uint64_t counts[] = {1000, 10000, 100000, 1000000}, quick[] = {100, 200};
	const uint64_t *count = run->seconds == 0 ? quick : counts;
	const size_t steps = run->seconds == 0 ? 2 : 4, rounds = run->seconds == 0 ? 1 : ROUNDS;
	double first = 0;
	uint64_t stored = 0;
	char name[64];

	(void)printf("queue: claim to commit, by the number of tasks stored\n");
	for (size_t i = 0; i < steps; i++) {
		bench_world_fill(&q->world, count[i] - stored, PINF_TASK_CLOSED);
		stored = count[i];
		for (size_t r = 0; r < rounds; r++)
			play_round(q, r);
		const double bare = of_bare(q, rounds), us = median(q->us[PINF_ALL], rounds);
		if (i == 0)
			first = bare;
		(void)snprintf(name, sizeof name, "pinf: %llu tasks", (unsigned long long)stored);
		(void)printf("  %-34s %10.2f us a task %6.2fx of four rows and two checks: %.2fx "
			     "of the first\n",
		    name, us, bare, bare / first);
		(void)fflush(stdout);
		bench_record(run, "queue: growth", name, us * 1000, bare);
	}
}

void
bench_queue(const struct bench_run *run)
{
	const size_t rounds = run->seconds == 0 ? 1 : ROUNDS;
	struct queue q;
	double raw_us_median = 0;

	open_queue(&q);
	for (size_t r = 0; r < rounds; r++)
		play_round(&q, r);
	(void)printf("queue: tasks, %d a transaction, synchronous=FULL\n", BATCH);
	for (int part = 0; part < PARTS; part++) {
		const double us = median(q.us[part], rounds);

		if (part == RAW_PAIR)
			raw_us_median = us;
		(void)printf(
		    "  %-34s %10.2f us a task %6.2fx\n", names[part], us, us / raw_us_median);
		bench_record(run, "queue", names[part], us * 1000, us / raw_us_median);
	}
	measure_growth(run, &q);
	close_queue(&q);
}
