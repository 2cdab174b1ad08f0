/* SPDX-License-Identifier: Apache-2.0 */
/* caller_world.h -- a router, a driver and a blob store of a few lines, for test_caller.c and test_caller_memory.c. */
#ifndef PINF_TESTS_CALLER_WORLD_H
#define PINF_TESTS_CALLER_WORLD_H

#include <inttypes.h>

#include "unit.h"

#include <pinf/caller.h>

#include "core/json.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SESSION      101
#define TASK         7
#define ROUNDS_MAX   1000

static const char document[] = "{\"prompt\":\"hello\"}";
static const char answer[] = "{\"text\":\"hi\"}";
static const struct pinf_storage storage = {"fs", "local", "pinf"};

/* RECALL is no stage of the whole way, but of a caller that goes on from an earlier one's submission. */
enum stage { RESERVE, INPUT_KEY, SEAL, PUT, SUBMIT, RESULT_KEY, FETCH, STAGES, RECALL, STAGES_ALL };

/* Router, driver and blob store in one; tests spoil what they want of it. */
struct world {
	uint64_t seed;
	uint64_t now_ms;
	struct pinf_wallet wallet, router, signer; /* signer: whose signature grants carry */
	struct pinf_caller_config config;
	struct pinf_caller *caller;
	struct pinf_effects effects;
	struct pinf_blob *blob;
	struct pinf_scope input_scope, result_scope;
	struct pinf_key input_key, result_key;
	uint32_t grant_version;
	uint64_t grant_ms;
	struct pinf_bytes sealed_input, sealed_result, reply, opened;
	struct pinf_hash input_sha256;
	struct pinf_payload result;
	struct pinf_payload submitted; /* size 0: nothing yet */
	uint64_t seal_id, dropped;
	bool starved; /* its step had no memory: it may have asked for nothing */
	unsigned asked[STAGES_ALL];
	char nonces[64][2 * PINF_NONCE_LEN + 1];
	size_t nonce_count;
	/* Answers in the router's place where it returns true. */
	bool (*meddle)(struct world *w, enum stage stage, struct pinf_event *event);
};

static void
say(struct world *w, struct pinf_event *event, unsigned status, const char *text)
{
	pinf_bytes_free(&w->reply);
	assert_ok(pinf_bytes_append(&w->reply, text, strlen(text)));
	event->kind = PINF_EV_REPLY;
	event->status = status;
	event->body = pinf_span_of(&w->reply);
}

static enum stage
stage_of(const struct world *w, const struct pinf_effect *fx)
{
	const char *path = (const char *)fx->path.data;

	if (fx->kind == PINF_FX_SEAL)
		return SEAL;
	if (fx->kind == PINF_FX_FETCH)
		return pinf_payload_equal(&fx->payload, &w->submitted) ? RECALL : FETCH;
	assert_int_equal(fx->kind, PINF_FX_SEND);
	if (strcmp(fx->method, "PUT") == 0)
		return PUT;
	if (strcmp(path, "/api/v3/reservations/101") == 0)
		return RESERVE;
	if (strcmp(path, "/api/v3/completions/101") == 0)
		return SUBMIT;
	assert_string_equal(path, "/api/v1/auth/payload_enc_key/task");
	return w->asked[SUBMIT] == 0 ? INPUT_KEY : RESULT_KEY;
}

/* The router's own decoder takes it: a request of this caller, signed anew, for that task. */
static struct pinf_hash
decode(struct world *w, const struct pinf_effect *fx, enum pinf_endpoint endpoint, uint64_t task)
{
	const struct pinf_api_config config = {w->router.address, w->config.domain};
	const struct pinf_http_request http = {.listener = PINF_LISTEN_PUBLIC,
	    .method = SPAN(fx->method),
	    .target = pinf_span_of(&fx->path),
	    .authorization = SPAN(fx->authorization),
	    .content_type = fx->body.len > 0 ? SPAN("application/json") : SPAN(""),
	    .body = pinf_span_of(&fx->body),
	    .content_length = fx->seal_id != 0 ? w->sealed_input.len : 0};
	char *nonce = w->nonces[w->nonce_count++ % COUNT(w->nonces)];
	struct pinf_api_request *request = NULL;
	struct pinf_api_error error;
	struct pinf_hash digest;

	assert_ok(pinf_api_decode(&request, &config, &http, &error));
	assert_int_equal(request->endpoint, endpoint);
	assert_int_equal(request->auth, PINF_AUTH_WALLET);
	assert_true(pinf_address_equal(&request->signer, &w->wallet.address));
	assert_int_equal(request->session, SESSION);
	assert_int_equal(request->task, task);
	assert_int_equal(request->expires_ms, w->now_ms + PINF_AUTH_LIFETIME_MS);
	assert_int_equal(fx->timeout_ms, w->config.send_timeout_ms);
	pinf_hex(nonce, request->nonce, sizeof request->nonce);
	for (size_t i = 0; i + 1 < w->nonce_count && i < COUNT(w->nonces); i++)
		assert_true(w->nonces[i] == nonce || strcmp(w->nonces[i], nonce) != 0);
	digest = request->auth_digest;
	pinf_api_request_free(request);
	return digest;
}

static void
reserve(struct world *w, const struct pinf_effect *fx, struct pinf_event *event)
{
	char text[256], instance[2 * PINF_INSTANCE_LEN + 1];
	struct pinf_bytes input = {0};

	(void)decode(w, fx, PINF_EP_RESERVE, 0);
	assert_string_equal((const char *)fx->body.data,
	    "{\"client_reference\":\"order \\\"7\\\"\",\"timeout_ms\":10000}");
	pinf_hex(instance, w->input_scope.instance, PINF_INSTANCE_LEN);
	(void)snprintf(text, sizeof text,
	    "{\"expires_ms\":9000,\"instance\":\"%s\",\"key_version\":3,\"session_id\":101,"
	    "\"state\":\"%s\",\"task_id\":7",
	    instance, w->submitted.size == 0 ? "reserved" : "assigned");
	assert_ok(pinf_bytes_append(&input, text, strlen(text)));
	if (w->submitted.size != 0) {
		assert_ok(pinf_bytes_append(&input, ",\"input\":", 9));
		assert_ok(pinf_payload_encode(&input, &w->submitted));
	}
	assert_ok(pinf_bytes_append(&input, "}", 1));
	say(w, event, 201, (const char *)input.data);
	pinf_bytes_free(&input);
}

static void
grant(struct world *w, const struct pinf_effect *fx, struct pinf_event *event)
{
	const bool result = w->asked[SUBMIT] > 0;
	struct pinf_grant g = {.request_digest = decode(w, fx, PINF_EP_KEY_TASK, TASK),
	    .scope = result ? w->result_scope : w->input_scope,
	    .key_version = w->grant_version,
	    .expires_ms = w->now_ms + w->grant_ms};
	uint8_t recipient[PINF_HPKE_PUBLIC_LEN];
	char want[256], hex[2 * PINF_HPKE_PUBLIC_LEN + 1];
	const char *at = strstr((const char *)fx->body.data, "\"hpke_public\":\"");

	assert_non_null(at);
	assert_ok(
	    pinf_unhex(recipient, sizeof recipient, span_of(at + 15, 2 * sizeof recipient), true));
	pinf_hex(hex, recipient, sizeof recipient);
	(void)snprintf(want, sizeof want,
	    "{%s\"hpke_public\":\"%s\",\"purpose\":\"%s\",\"session_id\":101,\"task_id\":7}",
	    result ? "\"attempt\":2," : "", hex, result ? "result" : "input");
	assert_string_equal((const char *)fx->body.data, want);
	assert_ok(pinf_grant_make(&g, result ? &w->result_key : &w->input_key, recipient,
	    &w->config.domain, &w->signer.secret, unit_random(&w->seed)));
	pinf_bytes_free(&w->reply);
	assert_ok(pinf_grant_encode(&w->reply, &g));
	event->kind = PINF_EV_REPLY;
	event->status = 200;
	event->body = pinf_span_of(&w->reply);
}

static void
seal(struct world *w, const struct pinf_effect *fx, struct pinf_event *event)
{
	assert_memory_equal(fx->key.bytes, w->input_key.bytes, PINF_KEY_LEN);
	assert_true(pinf_scope_equal(&fx->params.scope, &w->input_scope));
	assert_int_equal(fx->params.key_version, 3);
	assert_int_equal(fx->params.suite, w->config.suite);
	assert_true(fx->params.padded);
	assert_string_equal((const char *)fx->document.data, document);
	assert_ok(pinf_blob_seal(w->blob, &fx->params, &fx->key, unit_random(&w->seed),
	    pinf_span_of(&fx->document), &w->sealed_input, &event->sha256));
	w->input_sha256 = event->sha256;
	w->seal_id = fx->id;
	event->kind = PINF_EV_SEALED;
	event->size = w->sealed_input.len;
}

static void
put(struct world *w, const struct pinf_effect *fx, struct pinf_event *event)
{
	char path[96] = "/api/v3/blobs/";

	pinf_hex(path + strlen(path), w->input_sha256.bytes, PINF_HASH_LEN);
	assert_string_equal((const char *)fx->path.data, path);
	assert_int_equal(fx->seal_id, w->seal_id);
	assert_int_equal(w->dropped, 0);
	(void)decode(w, fx, PINF_EP_BLOB_PUT, TASK);
	say(w, event, 201, "");
}

static void
committed(struct world *w, struct pinf_event *event)
{
	char address[PINF_ADDRESS_TEXT], text[256];
	struct pinf_bytes json = {0};

	pinf_address_format(address, &w->result_scope.miner);
	(void)snprintf(text, sizeof text,
	    "{\"attempt\":%" PRIu32 ",\"miner\":\"%s\",\"result\":", w->result_scope.attempt,
	    address);
	assert_ok(pinf_bytes_append(&json, text, strlen(text)));
	assert_ok(pinf_payload_encode(&json, &w->result));
	(void)snprintf(text, sizeof text,
	    ",\"session_id\":%d,\"state\":\"committed\",\"task_id\":%d}", SESSION, TASK);
	assert_ok(pinf_bytes_append(&json, text, strlen(text)));
	say(w, event, 200, (const char *)json.data);
	pinf_bytes_free(&json);
}

static void
submit(struct world *w, const struct pinf_effect *fx, struct pinf_event *event)
{
	struct pinf_json *parsed;
	struct pinf_json_reader json, nested;
	struct pinf_payload payload;
	struct pinf_span reference;
	uint64_t timeout, precommit, task;

	(void)decode(w, fx, PINF_EP_COMPLETION, TASK);
	if (w->seal_id != 0)
		assert_int_equal(w->dropped, 1); /* it is stored: the driver need not keep it */
	assert_ok(pinf_json_parse(&parsed, pinf_span_of(&fx->body), PINF_BODY_SMALL_MAX));
	json = pinf_json_root(parsed);
	pinf_json_text(&json, "client_reference", true, &reference);
	nested = pinf_json_object(&json, "payload", true);
	pinf_payload_read(&nested, &payload);
	pinf_json_leave(&json, &nested, "payload");
	pinf_json_uint(&json, "precommit_timeout", true, 1000, &precommit);
	pinf_json_uint(&json, "task_id", true, 1000, &task);
	pinf_json_uint(&json, "timeout", true, 1000, &timeout);
	assert_ok(pinf_json_end(&json));
	assert_true(pinf_span_equal(reference, SPAN("order \"7\"")));
	pinf_json_free(parsed);
	assert_int_equal(timeout, 10);
	assert_int_equal(precommit, 2); /* 1,001 ms */
	assert_int_equal(task, TASK);
	assert_true(pinf_hash_equal(&payload.sha256, &w->input_sha256));
	assert_int_equal(payload.size, w->sealed_input.len);
	assert_ok(pinf_payload_check_header(&payload, pinf_span_of(&w->sealed_input)));
	w->submitted = payload;
	committed(w, event);
}

static void
recall(struct world *w, const struct pinf_effect *fx, struct pinf_event *event)
{
	assert_string_equal(fx->method, "GET");
	(void)decode(w, fx, PINF_EP_BLOB_GET, TASK);
	pinf_bytes_free(&w->opened);
	event->kind = PINF_EV_OPENED;
	event->err = pinf_blob_open(
	    w->blob, &fx->payload.scope, &fx->key, pinf_span_of(&w->sealed_input), &w->opened);
	event->body = pinf_span_of(&w->opened);
}

static void
fetch(struct world *w, const struct pinf_effect *fx, struct pinf_event *event)
{
	assert_string_equal(fx->method, "GET");
	assert_true(pinf_payload_equal(&fx->payload, &w->result));
	(void)decode(w, fx, PINF_EP_BLOB_GET, TASK);
	pinf_bytes_free(&w->opened);
	event->kind = PINF_EV_OPENED;
	event->err = pinf_blob_open(
	    w->blob, &fx->payload.scope, &fx->key, pinf_span_of(&w->sealed_result), &w->opened);
	event->body = pinf_span_of(&w->opened);
}

static void (*const respond[STAGES_ALL])(
    struct world *w, const struct pinf_effect *fx, struct pinf_event *event) = {
    [RESERVE] = reserve,
    [INPUT_KEY] = grant,
    [SEAL] = seal,
    [PUT] = put,
    [SUBMIT] = submit,
    [RESULT_KEY] = grant,
    [FETCH] = fetch,
    [RECALL] = recall,
};

/* A result that some miner sealed, and what is kept of it. */
static void
make_result(struct world *w)
{
	const struct pinf_blob_params params = {.suite = PINF_SUITE_CHACHA20POLY1305,
	    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
	    .padded = true,
	    .key_version = 3,
	    .scope = w->result_scope};

	assert_ok(pinf_blob_seal(w->blob, &params, &w->result_key, unit_random(&w->seed),
	    SPAN(answer), &w->sealed_result, &w->result.sha256));
	assert_ok(pinf_urn_of_blob(w->result.urn, &storage, &w->result.sha256));
	w->result.size = w->sealed_result.len;
	w->result.suite = params.suite;
	w->result.key_version = 3;
	w->result.scope = w->result_scope;
}

/* A caller of the same reference, with that document: the first one, or a later one after a crash. */
static void
begin(struct world *w, const char *text)
{
	struct pinf_bytes moved = {0};

	pinf_caller_free(w->caller);
	memset(w->asked, 0, sizeof w->asked);
	w->seal_id = w->dropped = 0;
	assert_ok(pinf_bytes_append(&moved, text, strlen(text)));
	assert_ok(
	    pinf_caller_open(&w->caller, &w->config, &w->wallet, &moved, unit_random(&w->seed)));
	assert_null(moved.data);
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	*state = w;
	w->seed = 11;
	w->now_ms = 1000;
	w->grant_version = 3;
	w->grant_ms = 500;
	assert_ok(pinf_wallet_new(&w->wallet, unit_random(&w->seed)));
	assert_ok(pinf_wallet_new(&w->router, unit_random(&w->seed)));
	w->signer = w->router;
	assert_ok(pinf_blob_new(&w->blob));
	assert_ok(unit_fill(&w->seed, w->input_key.bytes, PINF_KEY_LEN));
	assert_ok(unit_fill(&w->seed, w->result_key.bytes, PINF_KEY_LEN));
	w->input_scope = (struct pinf_scope){.kind = PINF_SCOPE_TASK,
	    .purpose = PINF_PURPOSE_INPUT,
	    .session = SESSION,
	    .task = TASK,
	    .instance = "instance of 16"};
	w->result_scope = w->input_scope;
	w->result_scope.purpose = PINF_PURPOSE_RESULT;
	w->result_scope.attempt = 2;
	memset(w->result_scope.miner.bytes, 0x44, PINF_ADDRESS_LEN);
	make_result(w);
	w->config = (struct pinf_caller_config){.router = w->router.address,
	    .domain = {.chain_id = 5},
	    .storage = storage,
	    .suite = PINF_SUITE_AES256GCM,
	    .session = SESSION,
	    .timeout_ms = 10000,
	    .precommit_timeout_ms = 1001,
	    .retry_ms = 100,
	    .send_timeout_ms = 3000,
	    .padded = true,
	    .reference = "order \"7\""};
	begin(w, document);
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	pinf_caller_free(w->caller);
	pinf_effects_free(&w->effects);
	pinf_blob_free(w->blob);
	pinf_bytes_free(&w->sealed_input);
	pinf_bytes_free(&w->sealed_result);
	pinf_bytes_free(&w->reply);
	pinf_bytes_free(&w->opened);
	free(w);
	return 0;
}

/* Answers one effect; the stage is counted before, so that the first asking is number 1. */
static struct pinf_event
answer_to(struct world *w, const struct pinf_effect *fx)
{
	struct pinf_event event = {.id = fx->id, .now_ms = w->now_ms};
	const enum stage stage = stage_of(w, fx);

	w->asked[stage]++;
	if (w->meddle == NULL || !w->meddle(w, stage, &event))
		respond[stage](w, fx, &event);
	return event;
}

/* Takes the step's effects: returns the event that comes next. */
static struct pinf_event
drive(struct world *w)
{
	struct pinf_event event = {.kind = PINF_EV_TIMER};
	unsigned answers = 0;

	for (size_t i = 0; i < w->effects.count; i++) {
		const struct pinf_effect *fx = &w->effects.list[i];

		if (fx->kind == PINF_FX_DROP) {
			assert_int_equal(fx->id, w->seal_id);
			assert_int_equal(w->dropped++, 0);
		} else if (fx->kind == PINF_FX_WAKE) {
			assert_true(fx->at_ms > w->now_ms);
			w->now_ms = fx->at_ms;
			answers++;
		} else {
			event = answer_to(w, fx);
			answers++;
		}
	}
	event.now_ms = w->now_ms;
	if (pinf_caller_state(w->caller) == PINF_CALLER_BUSY && !w->starved)
		assert_int_equal(answers, 1);
	pinf_effects_cut(&w->effects, 0);
	return event;
}

static enum pinf_err
run(struct world *w)
{
	struct pinf_event event = {.kind = PINF_EV_TIMER, .now_ms = w->now_ms};

	for (int round = 0; round < ROUNDS_MAX; round++) {
		assert_ok(pinf_caller_step(w->caller, &event, &w->effects));
		event = drive(w);
		if (pinf_caller_state(w->caller) != PINF_CALLER_BUSY)
			break;
	}
	assert_true(pinf_caller_state(w->caller) != PINF_CALLER_BUSY);
	if (w->seal_id != 0)
		assert_int_equal(w->dropped, 1);
	if (pinf_caller_state(w->caller) == PINF_CALLER_DONE)
		return PINF_OK;
	assert_int_equal(pinf_caller_result(w->caller).len, 0);
	return pinf_caller_error(w->caller)->err;
}

#endif
