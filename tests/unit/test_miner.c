/* SPDX-License-Identifier: Apache-2.0 */
/* test_miner.c -- the miner's core against scripted answers: each step, each refusal, each pause. */
#include <inttypes.h>

#include "unit/unit.h"

#include <pinf/miner.h>

#include "crypto/crypto.h"

#define SESSION 101
#define TASK    7

/* clang-format off */
enum stage {
	CLAIM, ACK, INPUT_KEY, FETCH, INFER, RESULT_KEY, SEAL, PUT, PRECOMMIT, COMMIT, RELEASE
};
/* clang-format on */

static const struct {
	enum pinf_effect_kind kind;
	const char *path;
	enum pinf_endpoint endpoint;
} asks[] = {
    [CLAIM] = {PINF_FX_SEND, "/api/v1/miner/claim", PINF_EP_CLAIM},
    [ACK] = {PINF_FX_SEND, "/api/v1/miner/ack", PINF_EP_ACK},
    [INPUT_KEY] = {PINF_FX_SEND, "/api/v1/auth/payload_enc_key/task", PINF_EP_KEY_TASK},
    [FETCH] = {PINF_FX_FETCH, "/api/v3/blobs/", PINF_EP_BLOB_GET},
    [INFER] = {PINF_FX_INFER, NULL, 0},
    [RESULT_KEY] = {PINF_FX_SEND, "/api/v1/auth/payload_enc_key/task", PINF_EP_KEY_TASK},
    [SEAL] = {PINF_FX_SEAL, NULL, 0},
    [PUT] = {PINF_FX_SEND, "/api/v3/blobs/", PINF_EP_BLOB_PUT},
    [PRECOMMIT] = {PINF_FX_SEND, "/api/v1/miner/precommit", PINF_EP_PRECOMMIT},
    [COMMIT] = {PINF_FX_SEND, "/api/v3/offchain/result", PINF_EP_COMMIT},
    [RELEASE] = {PINF_FX_SEND, "/api/v1/miner/release", PINF_EP_RELEASE},
};

enum kind { SEALED, INLINE, BY_URN }; /* of the input; a result of the last two is large or not */

struct world {
	uint64_t seed;
	uint64_t now_ms;
	struct pinf_wallet wallet, router, signer;
	struct pinf_miner_config config;
	struct pinf_miner *miner;
	struct pinf_effects fx;
	enum kind kind;
	struct pinf_payload input;
	struct pinf_key keys[2]; /* of input and result */
	uint32_t grant_version;
	char result[PINF_INLINE_MAX + 64];
	struct pinf_hash request_digest;
	struct pinf_bytes body; /* of the answer in hand */
	uint64_t awaited; /* id of the last thing asked */
	uint64_t wake_ms;
	unsigned drops, lines;
};

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	if (w == NULL)
		return -1;
	*state = w;
	w->seed = 3;
	w->now_ms = 1000000;
	w->grant_version = 4;
	assert_ok(pinf_wallet_new(&w->wallet, unit_random(&w->seed)));
	assert_ok(pinf_wallet_new(&w->router, unit_random(&w->seed)));
	w->signer = w->router;
	memset(w->keys[0].bytes, 1, PINF_KEY_LEN);
	memset(w->keys[1].bytes, 2, PINF_KEY_LEN);
	(void)snprintf(w->result, sizeof w->result, "{\"text\":\"hi\"}");
	w->config = pinf_miner_defaults();
	w->config.router = w->router.address;
	w->config.domain = (struct pinf_domain){.chain_id = 5};
	w->config.storage = (struct pinf_storage){"fs", "local", "pinf"};
	assert_ok(pinf_miner_open(&w->miner, &w->config, &w->wallet, unit_random(&w->seed)));
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	pinf_miner_free(w->miner);
	pinf_miner_free(NULL);
	pinf_effects_free(&w->fx);
	pinf_bytes_free(&w->body);
	free(w);
	return 0;
}

static struct world *
afresh(void **state)
{
	assert_int_equal(tear_down(state) + set_up(state), 0);
	return *state;
}

static void
step(struct world *w, struct pinf_event *event)
{
	pinf_effects_cut(&w->fx, 0);
	event->now_ms = w->now_ms;
	assert_ok(pinf_miner_step(w->miner, event, &w->fx));
	w->wake_ms = 0;
	for (size_t i = 0; i < w->fx.count; i++) {
		w->drops += w->fx.list[i].kind == PINF_FX_DROP;
		w->lines += w->fx.list[i].kind == PINF_FX_LOG;
		if (w->fx.list[i].kind == PINF_FX_WAKE)
			w->wake_ms = w->fx.list[i].at_ms;
	}
}

static void
pass(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	step(w, &(struct pinf_event){.kind = PINF_EV_TIMER});
}

/* The router's answer to what is awaited, with the body in hand. */
static void
reply(struct world *w, enum pinf_err err, unsigned status)
{
	step(w, &(struct pinf_event){.kind = PINF_EV_REPLY,
		    .id = w->awaited,
		    .err = err,
		    .status = status,
		    .body = pinf_span_of(&w->body)});
}

/* The one thing that the last step asked for, NULL if nothing. */
static const struct pinf_effect *
asked(const struct world *w)
{
	const struct pinf_effect *found = NULL;

	for (size_t i = 0; i < w->fx.count; i++) {
		const enum pinf_effect_kind kind = w->fx.list[i].kind;

		if (kind == PINF_FX_LOG || kind == PINF_FX_DROP || kind == PINF_FX_WAKE)
			continue;
		assert_null(found);
		found = &w->fx.list[i];
	}
	return found;
}

/* What was asked is that stage's, and decodes at the router. */
static void
expect(struct world *w, enum stage stage)
{
	const struct pinf_effect *fx = asked(w);
	const struct pinf_api_config api = {w->router.address, w->config.domain};
	struct pinf_http_request http = {.listener = PINF_LISTEN_MINER};
	struct pinf_api_request *request = NULL;
	struct pinf_api_error error;

	assert_non_null(fx);
	assert_int_equal(fx->kind, asks[stage].kind);
	w->awaited = fx->id;
	if (asks[stage].path == NULL)
		return;
	if (strncmp((const char *)fx->path.data, asks[stage].path, strlen(asks[stage].path)) != 0)
		fail_msg("%s, not %s", (const char *)fx->path.data, asks[stage].path);
	http.method = SPAN(fx->method);
	http.target = pinf_span_of(&fx->path);
	http.authorization = SPAN(fx->authorization);
	http.body = pinf_span_of(&fx->body);
	http.content_type = fx->body.len > 0 ? SPAN("application/json") : SPAN("");
	http.content_length = fx->seal_id != 0 ? 300 : fx->body.len;
	assert_ok(pinf_api_decode(&request, &api, &http, &error));
	assert_int_equal(request->endpoint, asks[stage].endpoint);
	assert_int_equal(request->session, stage == CLAIM ? w->config.only_session : SESSION);
	assert_int_equal(request->task, stage == CLAIM ? 0 : TASK);
	w->request_digest = request->auth_digest;
	pinf_api_request_free(request);
}

static struct pinf_scope
scope_of(const struct world *w, bool result)
{
	struct pinf_scope scope = {.kind = PINF_SCOPE_TASK,
	    .purpose = result ? PINF_PURPOSE_RESULT : PINF_PURPOSE_INPUT,
	    .session = SESSION,
	    .task = TASK,
	    .instance = {1, 2, 3}};

	if (result) {
		scope.attempt = 2;
		scope.miner = w->wallet.address;
	}
	return scope;
}

static void
make_input(struct world *w)
{
	static const char document[] = "{\"prompt\":\"p\"}";
	struct pinf_payload *p = &w->input;

	*p = (struct pinf_payload){.size = sizeof document - 1};
	pinf_sha256(&p->sha256, SPAN(document));
	if (w->kind == INLINE) {
		p->inline_len = sizeof document - 1;
		memcpy(p->inline_data, document, sizeof document - 1);
		return;
	}
	assert_ok(pinf_urn_of_blob(p->urn, &w->config.storage, &p->sha256));
	if (w->kind == SEALED) {
		p->suite = PINF_SUITE_AES256GCM;
		p->key_version = 4;
		p->scope = scope_of(w, false);
	}
}

static const char lease_tail[] =
    ",\"instance\":\"01020300000000000000000000000000\",\"key_version\":4,"
    "\"lease_expires_ms\":1010000,\"precommit_timeout_ms\":60000,\"route\":\"%s\","
    "\"session_id\":%d,\"task_id\":%d}";

static void
write_lease(struct world *w, unsigned attempt, const char *route)
{
	char text[300];

	pinf_bytes_free(&w->body);
	(void)snprintf(text, sizeof text,
	    "{\"attempt\":%u,\"deadline_ms\":1030000,\"epoch\":3,\"input\":", attempt);
	assert_ok(pinf_bytes_append(&w->body, text, strlen(text)));
	assert_ok(pinf_payload_encode(&w->body, &w->input));
	(void)snprintf(text, sizeof text, lease_tail, route, SESSION, TASK);
	assert_ok(pinf_bytes_append(&w->body, text, strlen(text)));
}

static void
write_grant(struct world *w, bool result)
{
	const char *at = strstr((const char *)asked(w)->body.data, "\"hpke_public\":\"");
	struct pinf_grant grant = {.request_digest = w->request_digest,
	    .scope = scope_of(w, result),
	    .key_version = w->grant_version,
	    .expires_ms = w->now_ms + 1000};
	uint8_t to[PINF_HPKE_PUBLIC_LEN];

	assert_non_null(at);
	assert_ok(pinf_unhex(to, sizeof to, span_of(at + 15, 2 * sizeof to), true));
	assert_ok(pinf_grant_make(&grant, &w->keys[result], to, &w->config.domain,
	    &w->signer.secret, unit_random(&w->seed)));
	pinf_bytes_free(&w->body);
	assert_ok(pinf_grant_encode(&w->body, &grant));
}

/* The answer that lets the stage succeed. */
static void
answer(struct world *w, enum stage stage)
{
	struct pinf_event event = {.kind = PINF_EV_REPLY, .id = w->awaited, .status = 200};

	switch (stage) {
	case CLAIM:
		make_input(w);
		write_lease(w, 2, w->kind == SEALED ? "caller-sealed" : "plain");
		break;
	case INPUT_KEY:
	case RESULT_KEY: write_grant(w, stage == RESULT_KEY); break;
	case FETCH:
		event.kind = PINF_EV_OPENED;
		event.status = 0;
		assert_memory_equal(asked(w)->key.bytes,
		    w->kind == SEALED ? w->keys[0].bytes : (const uint8_t[PINF_KEY_LEN]){0},
		    PINF_KEY_LEN);
		pinf_bytes_free(&w->body);
		assert_ok(pinf_bytes_append(&w->body, "{\"prompt\":\"p\"}", 14));
		break;
	case INFER:
		event.kind = PINF_EV_INFERRED;
		assert_string_equal((const char *)asked(w)->document.data, "{\"prompt\":\"p\"}");
		assert_int_equal(asked(w)->timeout_ms, 30000); /* to the deadline */
		pinf_bytes_free(&w->body);
		assert_ok(pinf_bytes_append(&w->body, w->result, strlen(w->result)));
		break;
	case SEAL:
		event.kind = PINF_EV_SEALED;
		assert_string_equal((const char *)asked(w)->document.data, w->result);
		assert_int_equal(
		    asked(w)->params.suite, w->kind == SEALED ? w->config.suite : PINF_SUITE_NONE);
		if (w->kind == SEALED)
			assert_memory_equal(asked(w)->key.bytes, w->keys[1].bytes, PINF_KEY_LEN);
		memset(event.sha256.bytes, 9, PINF_HASH_LEN);
		event.size = 300;
		break;
	default: break;
	}
	event.body = pinf_span_of(&w->body);
	step(w, &event);
}

static enum stage
after(const struct world *w, enum stage stage)
{
	const bool small = strlen(w->result) <= PINF_INLINE_MAX;

	if (w->kind == SEALED)
		return stage == COMMIT ? CLAIM : (enum stage)(stage + 1);
	switch (stage) {
	case ACK: return w->kind == INLINE ? INFER : FETCH;
	case INFER: return small ? PRECOMMIT : SEAL;
	case COMMIT: return CLAIM;
	default: return (enum stage)(stage + 1);
	}
}

static void
go_on(struct world *w, enum stage at, enum stage stage)
{
	while (at != stage) {
		answer(w, at);
		at = after(w, at);
		expect(w, at);
	}
}

/* From an idle miner to the moment where that stage was asked for. */
static void
run_to(struct world *w, enum stage stage)
{
	pass(w, 0);
	expect(w, CLAIM);
	go_on(w, CLAIM, stage);
}

static void
happy_paths(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 4; i++) {
		const struct pinf_effect *fx;

		w->kind = i == 3 ? BY_URN : (enum kind)i;
		if (i == 3) {
			memset(w->result, 'r', PINF_INLINE_MAX + 1);
			w->result[PINF_INLINE_MAX + 1] = '\0';
		}
		w->drops = w->lines = 0;
		if (i == 0)
			run_to(w, CLAIM);
		go_on(w, CLAIM, COMMIT);
		fx = asked(w);
		assert_true((strstr((const char *)fx->body.data, "\"inline\"") != NULL) ==
			    (i == 1 || i == 2));
		assert_false(pinf_miner_idle(w->miner));
		answer(w, COMMIT);
		expect(w, CLAIM); /* at once */
		assert_int_equal(w->drops, i == 0 || i == 3);
		assert_int_equal(w->lines, 1);
	}
}

enum then { AGAIN, HANDED_BACK, GIVEN_UP };

static void
failures(void **state)
{
	/* status 0: the driver's err; else the router's refusal. */
	static const struct {
		enum stage at;
		enum pinf_err err;
		unsigned status;
		const char *body;
		enum then then;
	} cases[] = {
	    {CLAIM, PINF_E_IO, 0, "", GIVEN_UP},
	    {CLAIM, PINF_OK, 503, "{\"error\":{\"code\":\"busy\"}}", GIVEN_UP},
	    {CLAIM, PINF_OK, 200, "{}", GIVEN_UP},
	    {CLAIM, PINF_OK, 200, "not JSON", GIVEN_UP},
	    {ACK, PINF_E_TIMEOUT, 0, "", AGAIN},
	    {ACK, PINF_OK, 503, "{\"error\":{\"code\":\"no-memory\"}}", AGAIN},
	    {ACK, PINF_OK, 403, "{\"error\":{\"code\":\"denied\",\"rule\":\"lease-not-held\"}}",
		GIVEN_UP},
	    {INPUT_KEY, PINF_OK, 502, "<html>", AGAIN},
	    {INPUT_KEY, PINF_OK, 403, "{\"error\":{\"code\":\"denied\"}}", GIVEN_UP},
	    {INPUT_KEY, PINF_OK, 200, "{}", HANDED_BACK},
	    {FETCH, PINF_E_BUSY, 0, "", AGAIN},
	    {FETCH, PINF_E_BLOB_FORGED, 0, "", HANDED_BACK},
	    {FETCH, PINF_OK, 404, "{\"error\":{\"code\":\"no-such-blob\"}}", GIVEN_UP},
	    {INFER, PINF_E_INFERENCE, 0, "", HANDED_BACK},
	    {INFER, PINF_E_TIMEOUT, 0, "", HANDED_BACK},
	    {RESULT_KEY, PINF_OK, 403, "{\"error\":{\"code\":\"denied\"}}", GIVEN_UP},
	    {SEAL, PINF_E_IO, 0, "", HANDED_BACK}, /* its document is gone: never an empty one */
	    {PUT, PINF_OK, 507, "{\"error\":{\"code\":\"disk-full\"}}", AGAIN},
	    {PUT, PINF_OK, 422, "{\"error\":{\"code\":\"hash-mismatch\"}}", GIVEN_UP},
	    {PRECOMMIT, PINF_E_IO, 0, "", AGAIN},
	    {PRECOMMIT, PINF_OK, 409, "{\"error\":{\"code\":\"wrong-state\"}}", GIVEN_UP},
	    {COMMIT, PINF_OK, 429, "", AGAIN},
	    {COMMIT, PINF_OK, 409, "{\"error\":{\"code\":\"conflict\"}}", GIVEN_UP},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pinf_event event = {.kind = PINF_EV_REPLY,
		    .err = cases[i].err,
		    .status = cases[i].status,
		    .body = SPAN(cases[i].body)};
		struct world *w = afresh(state);

		run_to(w, cases[i].at);
		event.id = w->awaited;
		if (cases[i].at == FETCH)
			event.kind = PINF_EV_OPENED; /* with a refusal's status, too */
		else if (cases[i].at == INFER || cases[i].at == SEAL)
			event.kind = cases[i].at == INFER ? PINF_EV_INFERRED : PINF_EV_SEALED;
		step(w, &event);
		/* Where a claim got no answer, it is the driver that tells. */
		assert_int_equal(w->lines,
		    cases[i].then != AGAIN && (cases[i].at != CLAIM || cases[i].err == PINF_OK));
		if (cases[i].then == HANDED_BACK) {
			expect(w, RELEASE);
			answer(w, RELEASE);
		}
		if (asked(w) != NULL || w->wake_ms != w->now_ms + w->config.retry_ms)
			fail_msg("case %zu: wake in %" PRIu64, i, w->wake_ms - w->now_ms);
		assert_int_equal(w->drops, cases[i].then != AGAIN && cases[i].at >= SEAL);
		pass(w, w->config.retry_ms);
		expect(w, cases[i].then == AGAIN ? cases[i].at : CLAIM);
		if (cases[i].then != AGAIN)
			continue;
		answer(w, cases[i].at); /* and it goes on */
		expect(w, after(w, cases[i].at));
	}
}

/* The same request MINER_RETRIES_MAX (4) times more, with longer pauses; then the lease may run out. */
static void
pauses(void **state)
{
	struct world *w = *state;
	uint64_t pause = w->config.retry_ms;

	run_to(w, ACK);
	for (int i = 0; i < 4; i++) {
		reply(w, PINF_E_IO, 0);
		assert_int_equal(w->wake_ms, w->now_ms + pause);
		pass(w, pause - 1);
		assert_null(asked(w));
		pass(w, 1);
		expect(w, ACK);
		pause *= 2;
	}
	pause = w->config.retry_ms;
	for (int i = 0; i < 9; i++) {
		reply(w, PINF_E_IO, 0);
		assert_true(w->wake_ms >= w->now_ms + pause &&
			    w->wake_ms <= w->now_ms + w->config.retry_max_ms);
		pause = w->wake_ms - w->now_ms;
		pass(w, pause);
		expect(w, CLAIM);
	}
	assert_int_equal(pause, w->config.retry_max_ms);
}

static void
bad_grants(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct world *w = afresh(state);

		run_to(w, i < 3 ? INPUT_KEY : RESULT_KEY);
		if (i == 0)
			w->signer = w->wallet; /* not the router's */
		else if (i == 1)
			w->grant_version++;
		else if (i == 2)
			w->request_digest.bytes[0] ^= 1;
		write_grant(w, false); /* 3: of another scope */
		reply(w, PINF_OK, 200);
		expect(w, RELEASE);
	}
}

static void
bad_leases(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct world *w = afresh(state);

		w->kind = i == 7 ? INLINE : SEALED;
		pass(w, 0);
		expect(w, CLAIM);
		make_input(w);
		switch (i) {
		case 1: w->input.scope.session++; break;
		case 2: w->input.scope.task++; break;
		case 3: w->input.scope.instance[0]++; break;
		case 4: w->input.key_version++; break;
		case 5: w->input.scope = scope_of(w, true); break;
		default: break;
		}
		/* 0: an attempt of none; 6: sealed, said to be plain; 7: the reverse. */
		write_lease(w, i == 0 ? 0 : 2, i == 6 ? "plain" : "caller-sealed");
		reply(w, PINF_OK, 200);
		assert_null(asked(w));
		assert_int_equal(w->lines, 1);
	}
}

/* One session only; several slots; a session's key. */
static void
configured(void **state)
{
	struct world *w = *state;
	struct pinf_miner_config config = w->config;

	config.slots = 0;
	assert_err(
	    pinf_miner_open(&w->miner, &config, &w->wallet, unit_random(&w->seed)), PINF_E_CONFIG);
	config.slots = 1;
	config.only_session = 55;
	config.wait_ms = 0;
	pinf_miner_free(w->miner);
	w->config = config;
	assert_ok(pinf_miner_open(&w->miner, &config, &w->wallet, unit_random(&w->seed)));
	pass(w, 0);
	expect(w, CLAIM);
	make_input(w);
	write_lease(w, 2, "caller-sealed");
	reply(w, PINF_OK, 200);
	assert_null(asked(w));
	pass(w, config.retry_ms);
	expect(w, CLAIM);
	/* A router that never waits is not asked in a loop. */
	reply(w, PINF_OK, 204);
	assert_null(asked(w));
	assert_int_equal(w->wake_ms, w->now_ms + config.retry_ms);

	config.slots = 3;
	pinf_miner_free(w->miner);
	assert_ok(pinf_miner_open(&w->miner, &config, &w->wallet, unit_random(&w->seed)));
	pinf_effects_cut(&w->fx, 0);
	assert_ok(pinf_miner_step(
	    w->miner, &(struct pinf_event){.kind = PINF_EV_TIMER, .now_ms = 1}, &w->fx));
	assert_int_equal(w->fx.count, 3);
}

static void
stopping(void **state)
{
	struct world *w = *state;
	struct pinf_event stop = {.kind = PINF_EV_STOP};

	/* At work: finishes, claims no more. */
	run_to(w, INFER);
	stop.now_ms = w->now_ms;
	assert_ok(pinf_miner_step(w->miner, &stop, &w->fx));
	assert_false(pinf_miner_idle(w->miner));
	go_on(w, INFER, COMMIT);
	answer(w, COMMIT);
	assert_null(asked(w));
	assert_true(pinf_miner_idle(w->miner));
	/* Claiming: what comes now goes back. */
	for (int leased = 0; leased < 2; leased++) {
		w = afresh(state);
		run_to(w, CLAIM);
		step(w, &stop);
		assert_true(pinf_miner_idle(w->miner));
		if (!leased) {
			reply(w, PINF_OK, 204);
		} else {
			answer(w, CLAIM);
			expect(w, RELEASE);
			answer(w, RELEASE);
		}
		assert_null(asked(w));
		assert_true(pinf_miner_idle(w->miner));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(happy_paths),
	    TEST(failures),
	    TEST(pauses),
	    TEST(bad_grants),
	    TEST(bad_leases),
	    TEST(configured),
	    TEST(stopping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
