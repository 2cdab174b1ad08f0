/* SPDX-License-Identifier: Apache-2.0 */
/* router_steps.c -- the steps of sessions and tasks, as callers and miners take them. */
#include <inttypes.h>

#include "router_fixture.h"

#include "crypto/crypto.h"

static void
hex_field(const struct rig *r, const char *after, const char *name, void *out, size_t len)
{
	char key[64];
	const char *at = strstr(r->reply, after);

	(void)snprintf(key, sizeof key, "\"%s\":\"", name);
	assert_non_null(at);
	at = strstr(at, key);
	assert_non_null(at);
	assert_ok(pinf_unhex(out, len, span_of(at + strlen(key), 2 * len), true));
}

uint64_t
session_new(struct rig *r, bool is_private, bool router_sealed)
{
	char path[64], miner[PINF_ADDRESS_TEXT];
	uint64_t id;

	assert_int_equal(post(r, NULL, "/api/v1/sessions",
			     "{\"api_key\":true,\"private\":%s,\"router_sealed\":%s,"
			     "\"type\":\"dedicated\"}",
			     is_private ? "true" : "false", router_sealed ? "true" : "false"),
	    201);
	id = number(r, "session_id");
	(void)snprintf(r->bearer, sizeof r->bearer, "Bearer %.*s", PINF_API_KEY_TEXT,
	    strstr(r->reply, "\"api_key\":\"") + strlen("\"api_key\":\""));
	if (!is_private)
		return id;
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/allow", id);
	pinf_address_format(miner, &r->miner.address);
	assert_int_equal(post(r, NULL, path, "{\"miner\":\"%s\"}", miner), 200);
	return id;
}

void
reserve(struct rig *r, uint64_t session, const char *reference, struct lease *task)
{
	char path[64];

	*task = (struct lease){.session = session};
	(void)snprintf(path, sizeof path, "/api/v3/reservations/%" PRIu64, session);
	assert_int_equal(post(r, NULL, path, "{\"client_reference\":\"%s\"}", reference), 201);
	task->task = number(r, "task_id");
	task->version = (uint32_t)number(r, "key_version");
	hex_field(r, "{", "instance", task->instance, sizeof task->instance);
}

static struct pinf_scope
scope_of(const struct lease *task, enum pinf_purpose purpose)
{
	struct pinf_scope scope = {.kind = PINF_SCOPE_TASK,
	    .purpose = purpose,
	    .session = task->session,
	    .task = task->task};

	memcpy(scope.instance, task->instance, sizeof scope.instance);
	if (purpose == PINF_PURPOSE_RESULT) {
		scope.attempt = task->attempt;
		scope.miner = task->by->address;
	}
	return scope;
}

enum pinf_err
key_of(struct rig *r, const struct pinf_wallet *by, const struct lease *task,
    enum pinf_purpose purpose, struct pinf_key *key)
{
	const struct pinf_api_config api = pinf_router_api_config(r->router);
	const struct pinf_sender sender = {.wallet = by == NULL ? &r->owner : by,
	    .router = api.router,
	    .domain = api.domain,
	    .random = unit_random(&r->seed)};
	struct pinf_key_request request = {
	    .scope = scope_of(task, purpose), .task = task->task, .key_version = task->version};
	struct pinf_effects out = {0};
	struct pinf_event reply = {.kind = PINF_EV_REPLY, .now_ms = r->now_ms};
	struct pinf_event event = {.kind = PINF_EV_REQUEST, .id = ++r->next_request};
	struct pinf_http_request http = {.listener = PINF_LISTEN_MINER, .method = SPAN("POST")};
	struct pinf_api_error error;

	assert_ok(pinf_key_request_send(&request, &out, &sender, 1, r->now_ms));
	http.target = pinf_span_of(&out.list[0].path);
	http.body = pinf_span_of(&out.list[0].body);
	http.content_type = SPAN("application/json");
	http.content_length = http.body.len;
	http.authorization = SPAN(out.list[0].authorization);
	assert_ok(pinf_api_decode(&event.request, &api, &http, &error));
	pinf_effects_free(&out);
	if (rig_ask(r, event) != 200)
		return PINF_E_DENIED;
	reply.body = SPAN(r->reply);
	return pinf_key_request_take(key, &request, &sender, &reply);
}

void
seal_input(struct rig *r, struct lease *task, struct pinf_payload *payload)
{
	const struct pinf_blob_params params = {.suite = PINF_SUITE_AES256GCM,
	    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
	    .padded = true,
	    .key_version = task->version,
	    .scope = scope_of(task, PINF_PURPOSE_INPUT)};
	struct pinf_key key;

	assert_ok(key_of(r, NULL, task, PINF_PURPOSE_INPUT, &key));
	*payload = (struct pinf_payload){.suite = params.suite,
	    .key_version = task->version,
	    .scope = params.scope,
	    .sha256 = rig_keep(r, &params, &key, SPAN("{\"prompt\":\"hello\"}"))};
	payload->size = rig_kept(r, &payload->sha256)->len;
	assert_ok(pinf_urn_of_blob(payload->urn, &r->config.storage, &payload->sha256));
	assert_int_equal(blob_put(r, NULL, task, &payload->sha256), 0);
	rig_do(r, PINF_FX_UPLOAD);
	assert_int_equal(r->status, 201);
}

unsigned
submit(struct rig *r, const struct lease *task, const struct pinf_payload *payload)
{
	struct pinf_bytes json = {0};
	char path[64];
	unsigned status;

	(void)snprintf(path, sizeof path, "/api/v3/completions/%" PRIu64, task->session);
	assert_ok(pinf_payload_encode(&json, payload));
	status = post(r, NULL, path, "{\"payload\":%s,\"task_id\":%" PRIu64 ",\"timeout\":300}",
	    (const char *)json.data, task->task);
	pinf_bytes_free(&json);
	return status;
}

void
submitted(struct rig *r, uint64_t session, struct lease *task)
{
	struct pinf_payload payload;

	reserve(r, session, "", task);
	seal_input(r, task, &payload);
	assert_int_equal(submit(r, task, &payload), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_int_equal(r->status, 0); /* it waits for the result */
	task->input = payload.sha256;
}

unsigned
claim(struct rig *r, const struct pinf_wallet *by, uint64_t session, struct lease *lease)
{
	const unsigned status =
	    post(r, by, "/api/v1/miner/claim", "{\"session_id\":%" PRIu64 "}", session);

	if (status != 200)
		return status;
	*lease = (struct lease){.session = number(r, "session_id"),
	    .task = number(r, "task_id"),
	    .epoch = number(r, "epoch"),
	    .attempt = (uint32_t)number(r, "attempt"),
	    .version = (uint32_t)number(r, "key_version"),
	    .by = by};
	/* The lease's own instance is written after its input. */
	hex_field(r, "},\"instance\"", "instance", lease->instance, sizeof lease->instance);
	hex_field(r, "\"input\"", "sha256", lease->input.bytes, PINF_HASH_LEN);
	return status;
}

unsigned
attempt(struct rig *r, const struct lease *lease, const char *verb)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v1/miner/%s", verb);
	return post(r, lease->by, path,
	    "{\"attempt\":%" PRIu32 ",\"session_id\":%" PRIu64 ",\"task_id\":%" PRIu64 "}",
	    lease->attempt, lease->session, lease->task);
}

void
make_result(struct rig *r, struct lease *lease, const char *text)
{
	struct pinf_payload *p = &lease->result;
	struct pinf_blob_params params = {.suite = PINF_SUITE_CHACHA20POLY1305,
	    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
	    .padded = true,
	    .key_version = lease->version,
	    .scope = scope_of(lease, PINF_PURPOSE_RESULT)};
	struct pinf_bytes document = {0};
	struct pinf_result result = {.finish_reason = "stop", .model = "m"};
	struct pinf_key key;

	*p = (struct pinf_payload){0};
	assert_ok(pinf_bytes_append(&result.text, text, strlen(text)));
	assert_ok(pinf_result_encode(&document, &result));
	pinf_result_free(&result);
	if (key_of(r, lease->by, lease, PINF_PURPOSE_RESULT, &key) != PINF_OK) {
		assert_true(said(r, "sealed-in-public-session"));
		p->size = p->inline_len = (uint32_t)document.len;
		memcpy(p->inline_data, document.data, document.len);
		pinf_sha256(&p->sha256, pinf_span_of(&document));
	} else {
		p->suite = params.suite;
		p->key_version = lease->version;
		p->scope = params.scope;
		p->sha256 = rig_keep(r, &params, &key, pinf_span_of(&document));
		p->size = rig_kept(r, &p->sha256)->len;
		assert_ok(pinf_urn_of_blob(p->urn, &r->config.storage, &p->sha256));
		assert_int_equal(blob_put(r, lease->by, lease, &p->sha256), 0);
		rig_do(r, PINF_FX_UPLOAD);
		assert_int_equal(r->status, 201);
	}
	pinf_bytes_free(&document);
}

static void
sign_result(struct rig *r, const struct lease *l, const char *urn, char hex[static 133])
{
	const struct pinf_result_claim claimed = {
	    .router = pinf_router_api_config(r->router).router,
	    .domain = r->domain,
	    .session = l->session,
	    .task = l->task,
	    .attempt = l->attempt,
	    .epoch = l->epoch,
	    .input_sha256 = l->input,
	    .result_urn = SPAN(urn),
	    .result_sha256 = l->result.sha256,
	    .key_version = l->version};
	struct pinf_hash digest;
	struct pinf_sig signature;

	pinf_result_digest(&digest, &claimed);
	assert_ok(pinf_wallet_sign(&signature, l->by, &digest));
	pinf_hex(hex, signature.bytes, sizeof signature.bytes);
}

unsigned
precommit(struct rig *r, const struct lease *l)
{
	char signature[2 * PINF_SIG_LEN + 3], sha256[2 * PINF_HASH_LEN + 1];

	sign_result(r, l, "", signature);
	pinf_hex(sha256, l->result.sha256.bytes, PINF_HASH_LEN);
	return post(r, l->by, "/api/v1/miner/precommit",
	    "{\"attempt\":%" PRIu32 ",\"result_sha256\":\"%s\",\"session_id\":%" PRIu64
	    ",\"signature\":\"0x%s\",\"task_id\":%" PRIu64 "}",
	    l->attempt, sha256, l->session, signature, l->task);
}

unsigned
commit(struct rig *r, const struct lease *l)
{
	char signature[2 * PINF_SIG_LEN + 3];
	struct pinf_bytes json = {0};
	unsigned status;

	sign_result(r, l, l->result.urn, signature);
	assert_ok(pinf_payload_encode(&json, &l->result));
	status = post(r, l->by, "/api/v3/offchain/result",
	    "{\"attempt\":%" PRIu32 ",\"payload\":%s,\"session_id\":%" PRIu64
	    ",\"signature\":\"0x%s\",\"task_id\":%" PRIu64 "}",
	    l->attempt, (const char *)json.data, l->session, signature, l->task);
	pinf_bytes_free(&json);
	return status;
}

void
precommitted(struct rig *r, const struct pinf_wallet *by, uint64_t session, struct lease *l)
{
	assert_int_equal(claim(r, by, session, l), 200);
	assert_int_equal(attempt(r, l, "ack"), 200);
	make_result(r, l, "hi");
	assert_int_equal(precommit(r, l), 200);
}

const char *
state_of(struct rig *r, const struct lease *task)
{
	static char state[32];
	char path[80];
	const char *at;

	(void)snprintf(
	    path, sizeof path, "/api/v1/tasks/%" PRIu64 "/%" PRIu64, task->session, task->task);
	assert_int_equal(get(r, NULL, path), 200);
	at = strstr(r->reply, "\"state\":\"");
	assert_non_null(at);
	(void)sscanf(at + strlen("\"state\":\""), "%31[a-z]", state);
	return state;
}
