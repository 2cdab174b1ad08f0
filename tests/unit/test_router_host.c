/* SPDX-License-Identifier: Apache-2.0 */
/* test_router_host.c -- router, miner and callers over real HTTP on loopback, in one process. */
#include "host_fixture.h"

#include <pthread.h>

#include <pinf/document.h>

#include "core/json.h"
#include "crypto/crypto.h"
#include "host/client.h"
#include "host/log.h"
#include "host/peer.h"
#include "host/router_host.h"
#include "host/system.h"
#include "store/sqlite_store.h"

static struct pinf_domain domain = {.chain_id = 31337, .contract = {{0xcc}}};
static const struct pinf_storage storage = {"fs", "local", "blobs"};

static struct pinf_router_settings settings;
static struct pinf_router_host *host;
static struct pinf_keyfile keyfile;
static struct pinf_store store;
static struct pinf_address router_address;
static struct pinf_wallet owner, worker, unlisted;
static char public_url[64], miner_url[64];
static struct pinf_client *to_public, *to_miner;

/* One miner on a thread of its own. */
struct running {
	pthread_t thread;
	atomic_bool stop;
	struct pinf_wallet *wallet;
	struct pinf_engine_config engine;
	uint64_t session;
	enum pinf_err err;
};

static void *
run_miner(void *arg)
{
	struct running *running = arg;
	struct pinf_miner_config config = pinf_miner_defaults();
	const struct pinf_peer_config peer = {
	    .url = miner_url, .threads = 2, .engine = &running->engine};
	struct pinf_miner *miner;

	config.router = router_address;
	config.domain = domain;
	config.storage = storage;
	config.slots = 2;
	config.wait_ms = 2000;
	config.retry_ms = 20;
	config.only_session = running->session;
	running->err = pinf_miner_open(&miner, &config, running->wallet, pinf_random_system());
	if (running->err == PINF_OK) {
		running->err = pinf_miner_run(miner, &peer, &running->stop, 2000, NULL);
		pinf_miner_free(miner);
	}
	return NULL;
}

static void
miner_start(struct running *running, struct pinf_wallet *wallet, uint64_t session)
{
	running->wallet = wallet;
	running->session = session;
	atomic_store(&running->stop, false);
	assert_int_equal(pthread_create(&running->thread, NULL, run_miner, running), 0);
}

static void
miner_stop(struct running *running)
{
	atomic_store(&running->stop, true);
	assert_int_equal(pthread_join(running->thread, NULL), 0);
	assert_ok(running->err);
}

static void
start_router(void)
{
	struct pinf_keyring *keyring;
	struct pinf_bytes message = {0};
	const struct pinf_sqlite_options options = {.path = in_scratch("router.db")};

	assert_ok(pinf_keyfile_load(&keyfile, &keyring, NULL));
	router_address = *pinf_keyring_address(keyring);
	assert_ok(pinf_sqlite_open(&store, &options));
	if (pinf_router_host_start(&host, &settings, keyring, store, &message) != PINF_OK)
		fail_msg("%s", (char *)message.data);
	(void)snprintf(public_url, sizeof public_url, "http://127.0.0.1:%u",
	    pinf_router_host_port(host, PINF_LISTEN_PUBLIC));
	(void)snprintf(miner_url, sizeof miner_url, "http://127.0.0.1:%u",
	    pinf_router_host_port(host, PINF_LISTEN_MINER));
	assert_ok(pinf_client_new(&to_public, public_url, NULL));
	assert_ok(pinf_client_new(&to_miner, miner_url, NULL));
}

static void
stop_router(void)
{
	pinf_client_free(to_public);
	pinf_client_free(to_miner);
	pinf_router_host_stop(host);
	pinf_sqlite_close(&store);
}

static int
begin(void **state)
{
	struct pinf_keyring *keyring;
	static char keyring_path[300], passphrase_path[300], blob_dir[300];
	uint32_t version;
	const char *level = getenv("PINF_TEST_LOG");

	pinf_log_set_level(level != NULL ? PINF_LOG_DEBUG : PINF_LOG_OFF);
	if (scratch_make(state) != 0)
		return -1;
	(void)snprintf(keyring_path, sizeof keyring_path, "%s/keyring", scratch);
	(void)snprintf(passphrase_path, sizeof passphrase_path, "%s/passphrase", scratch);
	(void)snprintf(blob_dir, sizeof blob_dir, "%s/blobs", scratch);
	settings.core = pinf_router_defaults();
	settings.core.storage = storage;
	settings.core.open_sessions = true;
	settings.core.waiters_max = 8;
	settings.core.blob_max = (uint64_t)64 << 20;
	settings.listen = settings.miner_listen = "127.0.0.1:0";
	settings.blob_dir = blob_dir;
	settings.keyfile = &keyfile;
	settings.workers = 2;
	settings.request_timeout_ms = 2000;
	settings.keep_alive_ms = 500;
	settings.body_memory_max = (uint64_t)64 << 20;
	assert_ok(pinf_wallet_new(&owner, pinf_random_system()));
	assert_ok(pinf_wallet_new(&worker, pinf_random_system()));
	assert_ok(pinf_wallet_new(&unlisted, pinf_random_system()));
	settings.core.admin = owner.address;
	assert_ok(pinf_keyfile_open(&keyfile, keyring_path, passphrase_path, true, NULL));
	assert_ok(pinf_keyring_new(&keyring, &domain, pinf_random_system()));
	assert_ok(pinf_keyring_rotate(keyring, &version, pinf_now_ms(), pinf_random_system()));
	assert_ok(pinf_keyfile_save(&keyfile, keyring, NULL));
	pinf_keyring_free(keyring);
	start_router();
	return 0;
}

static int
end(void **state)
{
	stop_router();
	pinf_keyfile_close(&keyfile);
	return scratch_remove(state);
}

/* Sends, signed if wallet is not NULL, or with that Bearer key; gives the status. */
static unsigned
ask(struct pinf_client *client, const char *method, const char *path, const char *body,
    const struct pinf_wallet *wallet, const char *bearer, uint64_t session,
    struct pinf_bytes *answer)
{
	const struct pinf_sender sender = {.wallet = wallet,
	    .router = router_address,
	    .domain = domain,
	    .random = pinf_random_system()};
	char authorization[128] = "";
	const struct pinf_call call = {.method = method,
	    .path = path,
	    .authorization = authorization,
	    .content_type = body != NULL ? "application/json" : NULL,
	    .body = body != NULL ? pinf_span_str(body) : (struct pinf_span){NULL, 0},
	    .timeout_ms = 20000,
	    .answer_max = (size_t)64 << 20};
	unsigned status = 0;

	if (bearer != NULL)
		(void)snprintf(authorization, sizeof authorization, "Bearer %s", bearer);
	answer->len = 0;
	if (wallet != NULL)
		assert_ok(pinf_client_call_signed(client, &call, &sender,
		    (struct pinf_call_about){.session = session}, &status, answer));
	else
		assert_ok(pinf_client_call(client, &call, &status, answer));
	return status;
}

static void
assert_holds(const struct pinf_bytes *answer, const char *words)
{
	if (answer->len == 0 || strstr((const char *)answer->data, words) == NULL)
		fail_msg("no %s in: %s", words, answer->len > 0 ? (const char *)answer->data : "");
}

/* A session of the owner's; its API key goes to key (69 bytes). */
static uint64_t
make_session(const char *flags, bool with_worker, char *key)
{
	struct pinf_bytes answer = {0};
	struct pinf_json *json;
	char body[256], path[64], miner[PINF_ADDRESS_TEXT];
	uint64_t session = 0;

	(void)snprintf(body, sizeof body, "{\"api_key\":true,%s,\"type\":\"dedicated\"}", flags);
	assert_int_equal(
	    ask(to_public, "POST", "/api/v1/sessions", body, &owner, NULL, 0, &answer), 201);
	assert_ok(pinf_json_parse(&json, pinf_span_of(&answer), 65536));
	struct pinf_json_reader reader = pinf_json_root(json);
	pinf_json_uint(&reader, "session_id", true, PINF_ID_MAX, &session);
	pinf_json_label(&reader, "api_key", true, key, PINF_API_KEY_TEXT + 1);
	assert_ok(reader.err);
	pinf_json_free(json);
	if (with_worker) {
		pinf_address_format(miner, &worker.address);
		(void)snprintf(body, sizeof body, "{\"miner\":\"%s\"}", miner);
		(void)snprintf(path, sizeof path, "/api/v1/sessions/%u/allow", (unsigned)session);
		assert_int_equal(
		    ask(to_public, "POST", path, body, &owner, NULL, session, &answer), 200);
	}
	pinf_bytes_free(&answer);
	return session;
}

/* The text that the builtin engine gives for a prompt by default. */
static void
builtin_text(char out[64 + 15 * 9 + 1], struct pinf_span prompt)
{
	uint8_t seed[36] = {0};
	struct pinf_hash hash;

	pinf_sha256(&hash, prompt);
	memcpy(seed, hash.bytes, 32);
	pinf_hex(out, hash.bytes, 32);
	for (uint8_t i = 1; i < 16; i++) {
		seed[35] = i;
		pinf_sha256(&hash, span_of(seed, sizeof seed));
		out[64 + (i - 1) * 9] = ' ';
		pinf_hex(out + 65 + (i - 1) * 9, hash.bytes, 4);
	}
}

static enum pinf_caller_state
complete_sealed(uint64_t session, struct pinf_span prompt, struct pinf_result *result,
    struct pinf_api_error *error)
{
	const struct pinf_caller_config config = {.router = router_address,
	    .domain = domain,
	    .storage = storage,
	    .suite = PINF_SUITE_AES256GCM,
	    .session = session,
	    .timeout_ms = 20000,
	    .retry_ms = 50,
	    .send_timeout_ms = 30000,
	    .padded = true};
	const struct pinf_peer_config peer = {.url = public_url, .threads = 1};
	struct pinf_input input = {.max_tokens = 0};
	struct pinf_bytes document = {0};
	struct pinf_caller *caller;

	assert_ok(pinf_bytes_append(&input.prompt, prompt.data, prompt.len));
	assert_ok(pinf_input_encode(&document, &input));
	pinf_input_free(&input);
	assert_ok(pinf_caller_open(&caller, &config, &owner, &document, pinf_random_system()));
	assert_ok(pinf_caller_run(caller, &peer, NULL, NULL));
	const enum pinf_caller_state state = pinf_caller_state(caller);
	*error = *pinf_caller_error(caller);
	if (state == PINF_CALLER_DONE)
		assert_ok(pinf_result_decode(result, pinf_caller_result(caller)));
	pinf_caller_free(caller);
	return state;
}

static void
test_caller_sealed(void **state)
{
	(void)state;
	static const size_t lens[] = {1, 4096, 3000000};
	struct running miner = {.engine = {.kind = PINF_ENGINE_BUILTIN}};
	char key[PINF_API_KEY_TEXT + 1], want[200];
	const uint64_t session = make_session("\"private\":true", true, key);
	uint8_t *prompt = malloc(3000000);
	struct pinf_api_error error;

	assert_non_null(prompt);
	memset(prompt, 'p', 3000000);
	miner_start(&miner, &worker, session);
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		struct pinf_result result = {.prompt_tokens = 0};
		const enum pinf_caller_state done =
		    complete_sealed(session, span_of(prompt, lens[i]), &result, &error);
		if (done != PINF_CALLER_DONE)
			fail_msg("%s %s", pinf_err_name(error.err), error.field);
		builtin_text(want, span_of(prompt, lens[i]));
		assert_string_equal((char *)result.text.data, want);
		assert_string_equal(result.finish_reason, "stop");
		assert_string_equal(result.model, "pinf-builtin");
		assert_int_equal(result.completion_tokens, 16);
		pinf_result_free(&result);
	}
	miner_stop(&miner);
	free(prompt);
}

static void
test_router_sealed(void **state)
{
	(void)state;
	struct running miner = {.engine = {.kind = PINF_ENGINE_BUILTIN}};
	char key[PINF_API_KEY_TEXT + 1], want[200], path[64];
	const uint64_t session = make_session("\"private\":true,\"router_sealed\":true", true, key);
	struct pinf_bytes answer = {0};

	(void)snprintf(path, sizeof path, "/api/v2/completions/%u", (unsigned)session);
	miner_start(&miner, &worker, session);
	assert_int_equal(ask(to_public, "POST", path,
			     "{\"prompt\":\"Why is the sky blue?\",\"client_reference\":\"r1\"}",
			     NULL, key, 0, &answer),
	    200);
	builtin_text(want, SPAN("Why is the sky blue?"));
	assert_holds(&answer, want);
	assert_holds(&answer, "\"prompt_tokens\":5");

	/* The same reference: the same answer; another body under it: a conflict. */
	assert_int_equal(ask(to_public, "POST", path,
			     "{\"prompt\":\"Why is the sky blue?\",\"client_reference\":\"r1\"}",
			     NULL, key, 0, &answer),
	    200);
	assert_holds(&answer, want);
	assert_int_equal(
	    ask(to_public, "POST", path, "{\"prompt\":\"Another\",\"client_reference\":\"r1\"}",
		NULL, key, 0, &answer),
	    409);
	assert_int_equal(ask(to_public, "POST", path, "{\"prompt\":\"x\",\"stream\":true}", NULL,
			     key, 0, &answer),
	    403);
	assert_holds(&answer, "stream-sealed");
	miner_stop(&miner);

	/* Nobody else works for this session: the unlisted miner is given nothing. */
	struct running other = {.engine = {.kind = PINF_ENGINE_BUILTIN}};
	miner_start(&other, &unlisted, session);
	assert_int_equal(
	    ask(to_public, "POST", path, "{\"prompt\":\"x\",\"timeout\":1}", NULL, key, 0, &answer),
	    504);
	miner_stop(&other);
	pinf_bytes_free(&answer);
}

static void
test_public_session(void **state)
{
	(void)state;
	struct running miner = {.engine = {.kind = PINF_ENGINE_COMMAND, .command = "tr a-z A-Z"}};
	char key[PINF_API_KEY_TEXT + 1];
	const uint64_t session = make_session("\"private\":false", false, key);
	struct pinf_bytes answer = {0};
	char body[9000];

	miner_start(&miner, &worker, session);
	(void)snprintf(
	    body, sizeof body, "{\"prompt\":\"shout this\",\"session_id\":%u}", (unsigned)session);
	assert_int_equal(
	    ask(to_public, "POST", "/api/v1/completions", body, NULL, key, 0, &answer), 200);
	assert_holds(&answer, "\"text\":\"SHOUT THIS\"");
	assert_holds(&answer, "\"model\":\"tr\"");

	/* Over the inline limit both ways: by blob, unencrypted. */
	int len =
	    snprintf(body, sizeof body, "{\"session_id\":%u,\"prompt\":\"", (unsigned)session);
	memset(body + len, 'q', 8000);
	(void)snprintf(body + len + 8000, sizeof body - (size_t)len - 8000, "\"}");
	assert_int_equal(
	    ask(to_public, "POST", "/api/v1/completions", body, NULL, key, 0, &answer), 200);
	assert_holds(&answer, "QQQQQQQQ");
	assert_true(answer.len > 8000);
	miner_stop(&miner);
	pinf_bytes_free(&answer);
}

static void
test_refusals(void **state)
{
	(void)state;
	static const struct {
		bool to_miners, is_signed;
		const char *method, *path, *body;
		unsigned status;
		const char *words;
	} cases[] = {
	    {false, false, "GET", "/nowhere", NULL, 404, "no-such-route"},
	    {false, false, "GET", "/api/v1/completions", NULL, 405, "method-not-allowed"},
	    {false, false, "GET", "/healthz", NULL, 404, "no-such-route"},
	    {false, true, "POST", "/api/v1/sessions", "{\"private\":", 400, "syntax"},
	    {false, true, "POST", "/api/v1/sessions", "{\"private\":true,\"private\":true}", 400,
		"duplicate-field"},
	    {false, false, "POST", "/api/v1/sessions", "{\"private\":true,\"type\":\"dedicated\"}",
		401, "auth-missing"},
	    {false, false, "GET", "/api/v1/sessions/424242", NULL, 404, "no-such-session"},
	    {false, false, "GET", "/api/v1/info", NULL, 200, "\"router\""},
	    {true, false, "GET", "/healthz", NULL, 200, "ok"},
	    {true, false, "GET", "/metrics", NULL, 200, "pinf_requests_total "},
	};
	struct pinf_bytes answer = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const unsigned status =
		    ask(cases[i].to_miners ? to_miner : to_public, cases[i].method, cases[i].path,
			cases[i].body, cases[i].is_signed ? &owner : NULL, NULL, 0, &answer);
		if (status != cases[i].status)
			fail_msg("%s: %u %.*s", cases[i].path, status, (int)answer.len,
			    (const char *)answer.data);
		assert_holds(&answer, cases[i].words);
	}
	pinf_bytes_free(&answer);
}

static void
test_rotate_and_restart(void **state)
{
	(void)state;
	struct running miner = {.engine = {.kind = PINF_ENGINE_BUILTIN}};
	char key[PINF_API_KEY_TEXT + 1];
	const uint64_t session = make_session("\"private\":true", true, key);
	struct pinf_result result = {.prompt_tokens = 0};
	struct pinf_api_error error;
	struct pinf_bytes answer = {0};

	assert_int_equal(
	    ask(to_miner, "POST", "/api/v1/keys/rotate", "{}", &owner, NULL, 0, &answer), 200);
	stop_router();
	start_router();
	assert_int_equal(ask(to_miner, "GET", "/api/v1/keys", NULL, &owner, NULL, 0, &answer), 200);
	assert_holds(&answer, "\"version\":2");
	miner_start(&miner, &worker, session);
	assert_int_equal(
	    complete_sealed(session, SPAN("after a restart"), &result, &error), PINF_CALLER_DONE);
	pinf_result_free(&result);
	miner_stop(&miner);
	pinf_bytes_free(&answer);
}

static void *
wait_long(void *arg)
{
	struct pinf_client *client;
	struct pinf_bytes answer = {0};
	const struct pinf_sender sender = {.wallet = &worker,
	    .router = router_address,
	    .domain = domain,
	    .random = pinf_random_system()};
	const struct pinf_call call = {.method = "POST",
	    .path = "/api/v1/miner/claim",
	    .content_type = "application/json",
	    .body = pinf_span_str("{\"wait_ms\":30000}"),
	    .timeout_ms = 40000,
	    .answer_max = 65536};
	unsigned *status = arg;

	if (pinf_client_new(&client, miner_url, NULL) != PINF_OK)
		return NULL;
	if (pinf_client_call_signed(
		client, &call, &sender, (struct pinf_call_about){0}, status, &answer) != PINF_OK)
		*status = 0;
	pinf_client_free(client);
	pinf_bytes_free(&answer);
	return NULL;
}

/* A graceful stop answers whoever waits, and does not wait for them. */
static void
test_stop_answers(void **state)
{
	(void)state;
	pthread_t waiters[12];
	unsigned status[12] = {0};
	size_t stopped = 0;

	for (size_t i = 0; i < 12; i++)
		assert_int_equal(pthread_create(&waiters[i], NULL, wait_long, &status[i]), 0);
	(void)usleep(400000);
	const uint64_t start_ms = pinf_monotonic_ms();
	stop_router();
	assert_in_range(pinf_monotonic_ms() - start_ms, 0, 5000);
	for (size_t i = 0; i < 12; i++) {
		assert_int_equal(pthread_join(waiters[i], NULL), 0);
		stopped += status[i] == 503;
	}
	assert_int_equal(stopped, 12); /* 8 that waited, and 4 for whom there was no room */
	start_router();
}

static void
test_start_refused(void **state)
{
	(void)state;
	struct pinf_router_settings other = settings;
	struct pinf_router_host *second;
	struct pinf_keyring *keyring;
	struct pinf_store database;
	struct pinf_bytes message = {0};
	char taken[32];
	const struct pinf_sqlite_options options = {.path = in_scratch("other.db")};

	(void)snprintf(
	    taken, sizeof taken, "127.0.0.1:%u", pinf_router_host_port(host, PINF_LISTEN_PUBLIC));
	other.listen = taken;
	other.blob_dir = in_scratch("other-blobs");
	assert_ok(pinf_sqlite_open(&database, &options));
	assert_ok(pinf_keyfile_load(&keyfile, &keyring, NULL));
	assert_err(
	    pinf_router_host_start(&second, &other, keyring, database, &message), PINF_E_CONFIG);
	assert_holds(&message, "cannot listen on 127.0.0.1:");
	assert_holds(&message, "choose another address");
	message.len = 0;
	other.listen = "127.0.0.1:0";
	other.blob_dir = in_scratch("router.db");
	assert_int_not_equal(
	    pinf_router_host_start(&second, &other, keyring, database, &message), PINF_OK);
	assert_holds(&message, "cannot keep blobs here");
	pinf_keyring_free(keyring);
	pinf_sqlite_close(&database);
	pinf_bytes_free(&message);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_caller_sealed),
	    cmocka_unit_test(test_router_sealed),
	    cmocka_unit_test(test_public_session),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_rotate_and_restart),
	    cmocka_unit_test(test_stop_answers),
	    cmocka_unit_test(test_start_refused),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
