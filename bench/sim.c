/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.c -- what the simulator makes of a core's time: whole worlds by pinf-sim, beside the bare cost, in the same run,
 * of the cryptography and the transactions that their tasks need.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pinf/auth.h>
#include <pinf/blob.h>
#include <pinf/hpke.h>
#include <pinf/wallet.h>

#include "measure.h"
#include "peers/transactions.h"

#define ROUNDS    5 /* of a world and of its bare parts, in turn */
#define BARE_RUNS 200 /* of a bare operation in a round */
#define REPLY_MAX ((size_t)1 << 20)
#define BLOB_LEN  1024

struct bare {
	struct pinf_wallet wallet;
	struct pinf_auth_request request;
	char header[PINF_AUTH_HEADER_MAX + 1];
	struct pinf_hpke_keypair pair;
	struct pinf_blob *blob;
	struct pinf_blob_params params;
	struct pinf_key key;
	struct pinf_bytes sealed, opened;
	uint8_t plain[BLOB_LEN];
	struct transactions *transactions;
	uint64_t seed;
};

/* A request's header: digest, signature, digits. */
static void
run_sign(struct bare *b)
{
	bench_require(pinf_auth_sign(b->header, &b->wallet, &b->request, 1700000000000,
			  (struct pinf_random){&b->seed, bench_fill}) == PINF_OK,
	    "sign");
}

static void
run_check(struct bare *b)
{
	struct pinf_auth auth;

	bench_require(pinf_auth_header_parse(&auth, pinf_span_str(b->header)) == PINF_OK &&
			  pinf_auth_check(&auth, &b->request) == PINF_OK,
	    "check");
}

/* A key's way from the router to whoever asked. */
static void
run_grant(struct bare *b)
{
	const struct pinf_random random = {&b->seed, bench_fill};
	const struct pinf_span none = {NULL, 0}, key = {b->key.bytes, sizeof b->key.bytes};
	uint8_t enc[PINF_HPKE_PUBLIC_LEN], sealed[sizeof b->key.bytes + 16],
	    opened[sizeof b->key.bytes];

	bench_require(pinf_hpke_keypair(&b->pair, random) == PINF_OK &&
			  pinf_hpke_seal(enc, sealed, b->pair.public_key, none, none, key,
			      random) == PINF_OK &&
			  pinf_hpke_open(opened, enc, &b->pair, none, none,
			      (struct pinf_span){sealed, sizeof sealed}) == PINF_OK,
	    "HPKE");
}

static void
run_seal(struct bare *b)
{
	struct pinf_hash sha256;

	b->sealed.len = 0;
	bench_require(
	    pinf_blob_seal(b->blob, &b->params, &b->key, (struct pinf_random){&b->seed, bench_fill},
		(struct pinf_span){b->plain, sizeof b->plain}, &b->sealed, &sha256) == PINF_OK,
	    "seal");
}

static void
run_open(struct bare *b)
{
	b->opened.len = 0;
	bench_require(pinf_blob_open(b->blob, &b->params.scope, &b->key,
			  (struct pinf_span){b->sealed.data, b->sealed.len}, &b->opened) == PINF_OK,
	    "open");
}

static void
run_transaction(struct bare *b)
{
	transactions_run(b->transactions, 1);
}

static void
set_up(struct bare *b)
{
	*b = (struct bare){.seed = 1,
	    .params = {.suite = PINF_SUITE_AES256GCM,
		.chunk_log2 = PINF_BLOB_CHUNK_LOG2,
		.padded = true,
		.key_version = 1,
		.scope = {.kind = PINF_SCOPE_TASK,
		    .purpose = PINF_PURPOSE_INPUT,
		    .session = 1,
		    .task = 1,
		    .instance = {1}}}};
	bench_require(
	    pinf_wallet_new(&b->wallet, (struct pinf_random){&b->seed, bench_fill}) == PINF_OK &&
		pinf_blob_new(&b->blob) == PINF_OK,
	    "a wallet");
	b->request = (struct pinf_auth_request){.router = b->wallet.address,
	    .domain = {.chain_id = 31337},
	    .method = pinf_span_str("POST"),
	    .path = pinf_span_str("/api/v1/auth/payload_enc_key/task"),
	    .session = 1,
	    .task = 1};
	b->transactions = transactions_open("/dev/shm");
	bench_require(b->transactions != NULL, "a database in /dev/shm");
	run_sign(b);
	run_seal(b);
}

static void
tear_down(struct bare *b)
{
	transactions_close(b->transactions);
	pinf_blob_free(b->blob);
	pinf_bytes_free(&b->sealed);
	pinf_bytes_free(&b->opened);
}

/* A world's own numbers. */
struct world {
	uint64_t answered, grants, requests, results, seals, opens, commits;
	uint64_t simulated_ms, core_ms;
};

static void
read_world(struct world *w, struct pinf_span json)
{
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader root, work, runs;

	bench_require(pinf_json_parse(&parsed, json, REPLY_MAX) == PINF_OK, "pinf-sim's JSON");
	root = pinf_json_root(parsed);
	work = pinf_json_object(&root, "work", true);
	runs = pinf_json_object(&root, "runs", true);
	pinf_json_uint(&work, "answered", true, PINF_ID_MAX, &w->answered);
	pinf_json_uint(&work, "key grants", true, PINF_ID_MAX, &w->grants);
	pinf_json_uint(&work, "signed requests", true, PINF_ID_MAX, &w->requests);
	pinf_json_uint(&work, "signed results", true, PINF_ID_MAX, &w->results);
	pinf_json_uint(&work, "seals", true, PINF_ID_MAX, &w->seals);
	pinf_json_uint(&work, "opens", true, PINF_ID_MAX, &w->opens);
	pinf_json_uint(&work, "commits", true, PINF_ID_MAX, &w->commits);
	pinf_json_uint(&runs, "simulated ms", true, PINF_ID_MAX, &w->simulated_ms);
	bench_require(
	    work.err == PINF_OK && runs.err == PINF_OK && w->core_ms > 0, "pinf-sim's figures");
	pinf_json_free(parsed);
}

/* Of a core, by all that was waited for. */
static uint64_t
children_ms(void)
{
	struct rusage used;

	bench_require(getrusage(RUSAGE_CHILDREN, &used) == 0, "getrusage");
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static void
run_world(struct world *w, char *const *options)
{
	char *text = malloc(REPLY_MAX);
	int pair[2], status = 0;
	size_t len = 0;
	ssize_t got = 1;
	pid_t pid;

	w->core_ms = children_ms();
	bench_require(text != NULL && pipe(pair) == 0, "a pipe");
	pid = fork();
	if (pid == 0)
		bench_become("pinf-sim", options, pair[1], STDOUT_FILENO);
	(void)close(pair[1]);
	while (got > 0 && len < REPLY_MAX) {
		got = read(pair[0], text + len, REPLY_MAX - len);
		len += got > 0 ? (size_t)got : 0;
	}
	(void)close(pair[0]);
	bench_require(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	    "a world that passes, by the pinf-sim beside this program,");
	w->core_ms = children_ms() - w->core_ms;
	read_world(w, (struct pinf_span){(const uint8_t *)text, len});
	free(text);
}

enum part { SIGNED, CHECKED, GRANTED, SEALED, OPENED, TRANSACTIONS, PARTS };
static const struct {
	const char *name;
	void (*run)(struct bare *);
} parts[PARTS] = {
    [SIGNED] = {"signatures made", run_sign},
    [CHECKED] = {"signatures checked", run_check},
    [GRANTED] = {"keys granted (HPKE)", run_grant},
    [SEALED] = {"blobs sealed", run_seal},
    [OPENED] = {"blobs opened", run_open},
    [TRANSACTIONS] = {"transactions", run_transaction},
};

/* A world, and what its tasks need anyway; microseconds of a core. */
struct round {
	struct world world;
	double count[PARTS], us[PARTS]; /* a task; one */
	double core_us, bare_us; /* a task */
};

static void
play_round(struct round *r, struct bare *b, char *const *options, unsigned bare_runs)
{
	const struct world *w = &r->world;

	for (enum part p = 0; p < PARTS; p++) {
		const double before = bench_core_us();

		for (unsigned i = 0; i < bare_runs; i++)
			parts[p].run(b);
		r->us[p] = (bench_core_us() - before) / bare_runs;
	}
	run_world(&r->world, options);
	r->count[SIGNED] = r->count[CHECKED] = (double)(w->requests + w->results + w->grants);
	r->count[GRANTED] = (double)w->grants;
	r->count[SEALED] = (double)w->seals;
	r->count[OPENED] = (double)w->opens;
	r->count[TRANSACTIONS] = (double)w->commits;
	r->core_us = (double)w->core_ms * 1000 / (double)w->answered;
	r->bare_us = 0;
	for (enum part p = 0; p < PARTS; p++) {
		r->count[p] /= (double)w->answered;
		r->bare_us += r->count[p] * r->us[p];
	}
}

static int
by_ratio(const void *a, const void *b)
{
	const struct round *x = a, *y = b;
	const double one = x->bare_us / x->core_us, other = y->bare_us / y->core_us;

	return (one > other) - (one < other);
}

/* Where the time of the median round goes. */
static void
measure_world(const struct bench_run *run, struct bare *b, const char *name, char *const *options)
{
	const size_t rounds = run->seconds == 0 ? 1 : ROUNDS;
	struct round played[ROUNDS];
	char group[64];

	for (size_t i = 0; i < rounds; i++)
		play_round(&played[i], b, options, run->seconds == 0 ? 5 : BARE_RUNS);
	qsort(played, rounds, sizeof played[0], by_ratio);
	const struct round *r = &played[rounds / 2], *least = played, *most = &played[rounds - 1];
	const double speed = (double)r->world.simulated_ms / (double)r->world.core_ms;

	(void)printf("sim: %s world, %llu tasks in %llu ms of a core\n", name,
	    (unsigned long long)r->world.answered, (unsigned long long)r->world.core_ms);
	for (enum part p = 0; p < PARTS; p++)
		(void)printf("  %-22s %6.1f a task x %7.1f us = %8.1f us  %4.1f %%\n",
		    parts[p].name, r->count[p], r->us[p], r->count[p] * r->us[p],
		    100 * r->count[p] * r->us[p] / r->core_us);
	(void)printf("  %-46s %8.1f us  %4.1f %%\n",
	    "all the rest: protocol, store, oracles, trace", r->core_us - r->bare_us,
	    100 * (r->core_us - r->bare_us) / r->core_us);
	(void)printf("  tasks a second of a core %.0f, bare %.0f: %.2fx (%.2f-%.2f)\n"
		     "  simulated seconds a second of a core %.0f; by what is bare alone %.0f\n",
	    1e6 / r->core_us, 1e6 / r->bare_us, r->bare_us / r->core_us,
	    least->bare_us / least->core_us, most->bare_us / most->core_us, speed,
	    speed * r->core_us / r->bare_us);
	(void)snprintf(group, sizeof group, "sim: %s world", name);
	bench_record(run, group, "bare task", r->bare_us * 1000, 1);
	bench_record(run, group, "pinf-sim: task", r->core_us * 1000, r->core_us / r->bare_us);
	bench_record(run, group, "pinf-sim: simulated second", 1e9 / speed, 0);
}

void
bench_sim(const struct bench_run *run)
{
	static char *const quick[] = {"pinf-sim", "run", "--json", "--profile", "perf", "--minutes",
	    "1", "--set", "tasks.per_minute=20", NULL};
	static char *const perf[] = {"pinf-sim", "run", "--json", "--profile", "perf", "--sessions",
	    "20", "--miners", "8", "--minutes", "5", "--set", "tasks.per_minute=300", NULL};
	static char *const usual[] = {"pinf-sim", "run", "--json", "--sessions", "20", "--miners",
	    "8", "--set", "tasks.per_minute=30", NULL};
	struct bare bare;

	set_up(&bare);
	measure_world(run, &bare, "perf", run->seconds == 0 ? quick : perf);
	if (run->seconds > 0)
		measure_world(run, &bare, "default", usual);
	tear_down(&bare);
}
