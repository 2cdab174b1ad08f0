/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.c -- the router as a daemon, over HTTP, its callers and miners in this process: whole completions of private
 * prompts, every blob and every transaction durable; beside the same fsyncs and transactions bare.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/client.h"
#include "host/log.h"
#include "host/peer.h"
#include "host/router_host.h"
#include "host/system.h"
#include "peers/service.h"
#include "store/sqlite_store.h"
#include "world.h"

#define CALLERS     16
#define MINER_SLOTS 16
#define PROMPT_LEN  4096
#define SAMPLES_MAX 200000
#define ROUNDS      5
#define PUTS_MAX    ((uint64_t)10000000) /* of a round */
#define QUEUED      100000
#define ANSWER_MAX  ((size_t)1 << 20)

/* What the core's store was asked for. */
enum count {
	COMMITS,
	STEPS, /* events that changed something */
	ROWS, /* changed, and of these: */
	REQUESTS, /* signed ones, each leaving its nonce */
	GRANTS, /* of keys, each leaving its audit record */
	COUNTS
};

static struct pinf_store_ops counted;
static const struct pinf_store_ops *real;
static atomic_uint_fast64_t counts[COUNTS];
static uint64_t rows_before; /* this event: the core's thread's own */

static enum pinf_err
count_commit(void *store)
{
	(void)atomic_fetch_add(&counts[COMMITS], 1);
	return real->commit(store);
}

static enum pinf_err
count_savepoint(void *store)
{
	rows_before = atomic_load(&counts[ROWS]);
	return real->savepoint(store);
}

static enum pinf_err
count_release(void *store)
{
	(void)atomic_fetch_add(&counts[STEPS], atomic_load(&counts[ROWS]) > rows_before);
	return real->release(store);
}

#define COUNTED(name, kind, params, arguments)                                                     \
	static enum pinf_err count_##name params                                                   \
	{                                                                                          \
		(void)atomic_fetch_add(&counts[ROWS], 1);                                          \
		if ((kind) != ROWS)                                                                \
			(void)atomic_fetch_add(&counts[kind], 1);                                  \
		return real->name arguments;                                                       \
	}
COUNTED(session_update, ROWS, (void *ctx, const struct pinf_session *session), (ctx, session))
COUNTED(task_insert, ROWS, (void *ctx, const struct pinf_task *task), (ctx, task))
COUNTED(task_update, ROWS, (void *ctx, const struct pinf_task *task), (ctx, task))
COUNTED(intent_put, ROWS, (void *ctx, const struct pinf_intent *intent), (ctx, intent))
COUNTED(intent_drop, ROWS, (void *ctx, const struct pinf_hash *sha256), (ctx, sha256))
COUNTED(audit_append, record->kind == PINF_AUDIT_GRANT ? GRANTS : ROWS,
    (void *ctx, const struct pinf_audit *record), (ctx, record))
COUNTED(nonce_use, REQUESTS,
    (void *ctx, const struct pinf_address *address, const uint8_t *nonce, uint64_t expires_ms),
    (ctx, address, nonce, expires_ms))

static struct pinf_store
count_calls(const struct pinf_store *store)
{
	real = store->ops;
	counted = *real;
	counted.commit = count_commit;
	counted.savepoint = count_savepoint;
	counted.release = count_release;
	counted.session_update = count_session_update;
	counted.task_insert = count_task_insert;
	counted.task_update = count_task_update;
	counted.intent_put = count_intent_put;
	counted.intent_drop = count_intent_drop;
	counted.audit_append = count_audit_append;
	counted.nonce_use = count_nonce_use;
	return (struct pinf_store){store->ctx, &counted};
}

struct service {
	struct bench_world world;
	struct pinf_address address; /* of the router */
	struct pinf_router_settings settings;
	struct pinf_router_host *host;
	char url[64], miner_url[64], api_key[PINF_API_KEY_TEXT + 16];
	pthread_t miner;
	atomic_bool stop; /* for the miner */
	uint64_t until_ms; /* for the callers */
	const char *path; /* that they ask */
	struct pinf_bytes body;
	double *us; /* of each answer */
	atomic_uint_fast64_t answers;
};

static void
start_host(struct service *s, struct pinf_store store)
{
	struct pinf_bytes message = {0};

	s->address = *pinf_keyring_address(s->world.keyring);
	s->settings = (struct pinf_router_settings){.core = s->world.config,
	    .listen = "127.0.0.1:0",
	    .miner_listen = "127.0.0.1:0",
	    .blob_dir = s->world.blobs,
	    .workers = 2,
	    .request_timeout_ms = 30000,
	    .keep_alive_ms = 60000,
	    .body_memory_max = (uint64_t)1 << 30};
	pinf_log_set_level(PINF_LOG_ERROR);
	if (pinf_router_host_start(&s->host, &s->settings, s->world.keyring, store, &message) !=
	    PINF_OK)
		bench_fail(message.data == NULL ? "a router" : (const char *)message.data);
	s->world.keyring = NULL;
	(void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u",
	    pinf_router_host_port(s->host, PINF_LISTEN_PUBLIC));
	(void)snprintf(s->miner_url, sizeof s->miner_url, "http://127.0.0.1:%u",
	    pinf_router_host_port(s->host, PINF_LISTEN_MINER));
}

/* A call by the owner; its answer, which must be good, is appended. */
static void
ask(struct service *s, const char *path, const char *body, uint64_t session,
    struct pinf_bytes *answer)
{
	const struct pinf_sender owner = {.wallet = &s->world.owner,
	    .router = s->address,
	    .domain = s->world.domain,
	    .random = pinf_random_system()};
	const struct pinf_call call = {.method = "POST",
	    .path = path,
	    .content_type = "application/json",
	    .body = pinf_span_str(body),
	    .timeout_ms = 10000,
	    .answer_max = ANSWER_MAX};
	struct pinf_client *client = NULL;
	unsigned status = 0;

	bench_require(
	    pinf_client_new(&client, s->url, NULL) == PINF_OK &&
		pinf_client_call_signed(client, &call, &owner,
		    (struct pinf_call_about){.session = session}, &status, answer) == PINF_OK &&
		(status == 200 || status == 201),
	    path);
	pinf_client_free(client);
}

/* Session 1: private, the router seals for callers with an API key, our miner is on its list. */
static void
make_session(struct service *s)
{
	struct pinf_bytes answer = {0};
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader root;
	struct pinf_span key = {NULL, 0};
	char miner[PINF_ADDRESS_TEXT], body[128];

	ask(s, "/api/v1/sessions",
	    "{\"api_key\":true,\"private\":true,\"router_sealed\":true,\"type\":\"dedicated\"}", 0,
	    &answer);
	bench_require(
	    pinf_json_parse(&parsed, pinf_span_of(&answer), ANSWER_MAX) == PINF_OK, "JSON");
	root = pinf_json_root(parsed);
	pinf_json_text(&root, "api_key", true, &key);
	bench_require(root.err == PINF_OK && key.len < sizeof s->api_key - 8, "an API key");
	(void)snprintf(
	    s->api_key, sizeof s->api_key, "Bearer %.*s", (int)key.len, (const char *)key.data);
	pinf_json_free(parsed);
	pinf_address_format(miner, &s->world.miner.address);
	(void)snprintf(body, sizeof body, "{\"miner\":\"%s\"}", miner);
	ask(s, "/api/v1/sessions/1/allow", body, 1, &answer);
	pinf_bytes_free(&answer);
}

static void *
be_miner(void *arg)
{
	struct service *s = arg;
	struct pinf_miner_config config = pinf_miner_defaults();
	struct pinf_miner *miner = NULL;
	struct pinf_bytes message = {0};
	const struct pinf_engine_config engine = {.kind = PINF_ENGINE_BUILTIN};
	const struct pinf_peer_config peer = {
	    .url = s->miner_url, .threads = MINER_SLOTS, .engine = &engine};

	config.router = s->address;
	config.domain = s->world.domain;
	config.storage = s->world.config.storage;
	config.slots = MINER_SLOTS;
	bench_require(
	    pinf_miner_open(&miner, &config, &s->world.miner, pinf_random_system()) == PINF_OK &&
		pinf_miner_run(miner, &peer, &s->stop, 2000, &message) == PINF_OK,
	    "a miner");
	pinf_miner_free(miner);
	return NULL;
}

static void *
be_caller(void *arg)
{
	struct service *s = arg;
	const struct pinf_call call = {.method = s->body.len == 0 ? "GET" : "POST",
	    .path = s->path,
	    .authorization = s->api_key,
	    .content_type = "application/json",
	    .body = pinf_span_of(&s->body),
	    .timeout_ms = 60000,
	    .answer_max = ANSWER_MAX};
	struct pinf_client *client = NULL;
	struct pinf_bytes answer = {0};

	bench_require(pinf_client_new(&client, s->url, NULL) == PINF_OK, "a client");
	do {
		const double before = bench_now_us();
		unsigned status = 0;

		answer.len = 0;
		bench_require(
		    pinf_client_call(client, &call, &status, &answer) == PINF_OK && status == 200,
		    "a request");
		const uint64_t index = atomic_fetch_add(&s->answers, 1);
		if (index < SAMPLES_MAX)
			s->us[index] = bench_now_us() - before;
	} while (pinf_monotonic_ms() < s->until_ms);
	pinf_bytes_free(&answer);
	pinf_client_free(client);
	return NULL;
}

/* All callers until the time is over; microseconds that it took. */
static double
call_for(struct service *s, uint64_t ms)
{
	pthread_t ids[CALLERS];
	const double before = bench_now_us();
	uint64_t count;

	atomic_store(&s->answers, 0);
	s->until_ms = pinf_monotonic_ms() + ms;
	for (unsigned i = 0; i < CALLERS; i++)
		bench_require(
		    pthread_create(&ids[i], NULL, be_caller, s) == 0, "starting a thread");
	for (unsigned i = 0; i < CALLERS; i++)
		(void)pthread_join(ids[i], NULL);
	count = atomic_load(&s->answers);
	qsort(s->us, count < SAMPLES_MAX ? count : SAMPLES_MAX, sizeof s->us[0], bench_by_value);
	return bench_now_us() - before;
}

/* The router for a while, then what it was seen to do, bare: all that lasts, and with the cryptography. */
struct sample {
	struct service_work bare, crypto;
	double bare_us, crypto_us, task_us; /* a task */
	double bare_core_us, core_us; /* of all cores, by router, callers and miner, a task */
	double commits; /* of the router's, a task */
	double half_us, late_us; /* until the answer: median, p99 */
};

static struct service_work
work_of(const struct service *s, const double *each, uint64_t tasks)
{
	return (struct service_work){.directory = s->world.directory,
	    .threads = CALLERS,
	    .tasks = tasks,
	    .steps = (unsigned)(each[STEPS] + 0.5),
	    .rows = (unsigned)(each[ROWS] / each[STEPS] + 0.5),
	    .puts = 2,
	    .put_len = PROMPT_LEN + 500};
}

static double
bare_us(struct service_work *work, uint64_t first_put)
{
	work->first_put = first_put;
	return service_bare_us(work) / (double)work->tasks;
}

static struct sample
sample_completions(struct service *s, uint64_t ms, uint64_t first_put)
{
	uint64_t then[COUNTS];
	double each[COUNTS];

	for (int i = 0; i < COUNTS; i++)
		then[i] = atomic_load(&counts[i]);
	const double core_then_us = bench_core_us(), took_us = call_for(s, ms),
		     core_us = bench_core_us() - core_then_us;
	const uint64_t answers = atomic_load(&s->answers);
	const double tasks = (double)answers;
	for (int i = 0; i < COUNTS; i++)
		each[i] = (double)(atomic_load(&counts[i]) - then[i]) / tasks;
	struct sample r = {.bare = work_of(s, each, answers),
	    .task_us = took_us / tasks,
	    .core_us = core_us / tasks,
	    .commits = each[COMMITS],
	    .half_us = s->us[answers / 2],
	    .late_us = s->us[answers - 1 - answers / 100]};

	/* A result is signed at precommit and commit; a grant once, and its HPKE is four agreements. */
	r.crypto = r.bare;
	r.crypto.signatures = (unsigned)(each[REQUESTS] + 2 + each[GRANTS] + 0.5);
	r.crypto.agreements = (unsigned)(4 * each[GRANTS] + 0.5);
	r.bare_core_us = bench_core_us();
	r.bare_us = bare_us(&r.bare, first_put);
	r.bare_core_us = (bench_core_us() - r.bare_core_us) / tasks;
	r.crypto_us = bare_us(&r.crypto, first_put + PUTS_MAX / 2);
	return r;
}

static int
by_ratio(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	const double of_x = x->bare_us / x->task_us, of_y = y->bare_us / y->task_us;

	return (of_x > of_y) - (of_x < of_y);
}

/* Some rounds; the one of the median ratio is told. */
static void
measure_completions(const struct bench_run *run, struct service *s, uint64_t ms)
{
	const size_t rounds = run->seconds == 0 ? 1 : ROUNDS;
	struct sample samples[ROUNDS];
	const struct sample *r = &samples[rounds / 2];

	for (size_t i = 0; i < rounds; i++)
		samples[i] = sample_completions(s, ms, i * PUTS_MAX);
	qsort(samples, rounds, sizeof samples[0], by_ratio);
	(void)printf(
	    "router: %d callers, prompts of %d bytes, sealed, stored, claimed, answered\n"
	    "  bare: 2 files, %2u steps of %u rows   %12.1f us a task  (%.2f commits, %.0f us of a "
	    "core)\n"
	    "  the same, %2u signatures, %u X25519    %12.1f us a task\n"
	    "  pinf router over HTTP              %12.1f us a task  (%.2f commits, %.0f us) "
	    "%6.2fx of its speed (%.2f-%.2f; at least 0.5x), %.2fx of the other's\n"
	    "  %.0f tasks a second; answer after %.2f ms (median), %.2f ms (p99): %.1fx (at "
	    "most 8x)\n",
	    CALLERS, PROMPT_LEN, r->bare.steps, r->bare.rows, r->bare_us,
	    (double)r->bare.commits / (double)r->bare.tasks, r->bare_core_us, r->crypto.signatures,
	    r->crypto.agreements, r->crypto_us, r->task_us, r->commits, r->core_us,
	    r->bare_us / r->task_us, samples[0].bare_us / samples[0].task_us,
	    samples[rounds - 1].bare_us / samples[rounds - 1].task_us, r->crypto_us / r->task_us,
	    1e6 / r->task_us, r->half_us / 1000, r->late_us / 1000, r->late_us / r->half_us);
	bench_record(run, "router", "bare fsyncs and transactions", r->bare_us * 1000, 1);
	bench_record(run, "router", "bare with its cryptography", r->crypto_us * 1000,
	    r->crypto_us / r->bare_us);
	bench_record(
	    run, "router", "pinf router: a task", r->task_us * 1000, r->task_us / r->bare_us);
	bench_record(run, "router: latency", "median", r->half_us * 1000, 1);
	bench_record(
	    run, "router: latency", "pinf router: p99", r->late_us * 1000, r->late_us / r->half_us);
}

/* What HTTP alone costs here, ours and bare. */
static void
measure_http(const struct bench_run *run, struct service *s, uint64_t ms)
{
	struct hello *hello = hello_start(CALLERS + 4);
	double us[2];

	s->body.len = 0;
	s->path = "/healthz";
	memcpy(s->url, s->miner_url, sizeof s->url);
	us[1] = call_for(s, ms) / (double)atomic_load(&s->answers);
	(void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", hello_port(hello));
	us[0] = call_for(s, ms) / (double)atomic_load(&s->answers);
	hello_stop(hello);
	(void)printf("router: HTTP alone, %d clients\n"
		     "  bare CivetWeb, hello               %10.1f us a request\n"
		     "  pinf router, /healthz              %10.1f us a request %6.2fx\n",
	    CALLERS, us[0], us[1], us[1] / us[0]);
	bench_record(run, "router: HTTP", "bare CivetWeb, hello", us[0] * 1000, 1);
	bench_record(run, "router: HTTP", "pinf router, /healthz", us[1] * 1000, us[1] / us[0]);
}

/* Of a process now. */
static uint64_t
resident_kib(pid_t pid)
{
	char line[256];
	unsigned long long kib = 0;

	(void)snprintf(line, sizeof line, "/proc/%ld/status", (long)pid);
	FILE *file = fopen(line, "r");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "VmRSS: %llu", &kib) == 1)
			break;
	if (file != NULL)
		(void)fclose(file);
	return kib;
}

/* A pinf router on that directory, as users run it; what it tells its log is at *out. */
static pid_t
start_pinf_router(const char *directory, FILE **out)
{
	int pair[2];
	pid_t pid;
	char *const words[] = {"pinf", "router", "--data-dir", (char *)(uintptr_t)directory,
	    "--listen", "127.0.0.1:0", "--miner-listen", "127.0.0.1:0", NULL};

	bench_require(pipe(pair) == 0, "a pipe");
	pid = fork();
	if (pid == 0) {
		(void)unsetenv("PINF_KEYRING");
		(void)unsetenv("PINF_PASSPHRASE_FILE");
		(void)setenv("PINF_PASSPHRASE", "bench", 1);
		(void)setenv("ENCRYPTION_SEED",
		    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 1);
		bench_become("pinf", words, pair[1], STDERR_FILENO);
	}
	(void)close(pair[1]);
	bench_require(pid > 0 && (*out = fdopen(pair[0], "r")) != NULL, "starting pinf router");
	return pid;
}

static void
measure_memory(const struct bench_run *run)
{
	const uint64_t queued = run->seconds == 0 ? 1000 : QUEUED;
	struct bench_world world;
	char line[512] = "";
	FILE *out;
	uint64_t kib;
	pid_t pid;

	bench_world_open(&world);
	bench_world_fill(&world, queued, PINF_TASK_CREATED);
	pinf_sqlite_close(&world.store);
	pid = start_pinf_router(world.directory, &out);
	while (strstr(line, "router-ready") == NULL)
		bench_require(fgets(line, sizeof line, out) != NULL,
		    "a router, by the pinf beside this program,");
	kib = resident_kib(pid);
	bench_require(kill(pid, SIGTERM) == 0 && waitpid(pid, NULL, 0) == pid, "its end");
	(void)fclose(out);
	bench_world_close(&world);
	(void)printf("router: with %llu queued tasks, resident %.1f MiB (at most 64)\n",
	    (unsigned long long)queued, (double)kib / 1024);
	bench_record(run, "router: memory", "pinf router: KiB", (double)kib, 0);
}

void
bench_router(const struct bench_run *run)
{
	const uint64_t ms = run->seconds == 0 ? 200 : run->seconds * 1000;
	struct service s;
	struct pinf_json_writer w;
	char prompt[PROMPT_LEN + 1];

	measure_memory(run);
	memset(&s, 0, sizeof s);
	memset(prompt, 'x', PROMPT_LEN);
	prompt[PROMPT_LEN] = '\0';
	s.us = calloc(SAMPLES_MAX, sizeof *s.us);
	bench_require(s.us != NULL, "allocation");
	bench_world_open(&s.world);
	start_host(&s, count_calls(&s.world.store));
	make_session(&s);
	bench_require(pthread_create(&s.miner, NULL, be_miner, &s) == 0, "starting a thread");
	w = pinf_json_write_to(&s.body);
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_str(&w, "prompt", prompt);
	pinf_json_close(&w, '}');
	s.path = "/api/v2/completion/1";
	(void)call_for(&s, ms / 4); /* warm-up */
	measure_completions(run, &s, ms);
	atomic_store(&s.stop, true);
	(void)pthread_join(s.miner, NULL);
	measure_http(run, &s, ms / 2);
	pinf_router_host_stop(s.host);
	pinf_bytes_free(&s.body);
	free(s.us);
	bench_world_close(&s.world);
}
