/* SPDX-License-Identifier: Apache-2.0 */
/* test_api.c -- a good request of every endpoint, and what may authorize it. */
#include "unit/api.h"

#define P PINF_LISTEN_PUBLIC
#define M PINF_LISTEN_MINER

/* {"payload":...} of a public document by URN, as caller and miner send it. */
static void
payload_json(char *out, size_t cap)
{
	static const struct pinf_storage storage = {"fs", "local", "blobs"};
	struct pinf_payload payload = {.size = 300};
	struct pinf_bytes json = {0};

	assert_ok(pinf_unhex(payload.sha256.bytes, PINF_HASH_LEN, SPAN(HASH), true));
	assert_ok(pinf_urn_of_blob(payload.urn, &storage, &payload.sha256));
	assert_ok(pinf_payload_encode(&json, &payload));
	(void)snprintf(out, cap, "%s", (const char *)json.data);
	pinf_bytes_free(&json);
}

static void
test_prompt(void **state)
{
	const struct call call = {P, "POST", "/api/v2/completions/7",
	    "{\"prompt\":\"h\\u00e9\\n\\ud83d\\ude00\",\"session_id\":7,\"prompt_type\":\"raw\","
	    "\"prompt_template\":\"<{}>\",\"stream\":true,\"timeout\":60,\"precommit_timeout\":5,"
	    "\"client_reference\":\"order 1\",\"max_tokens\":9,\"temperature\":0.7,\"top_p\":0.95,"
	    "\"top_k\":40,\"presence_penalty\":-1,\"frequency_penalty\":0.000001,\"x-mine\":[1]}",
	    BEARER};
	struct pinf_api_request *request = decoded(&call);
	struct pinf_input input = {0};
	struct pinf_hash hash;

	(void)state;
	assert_int_equal(request->endpoint, PINF_EP_COMPLETION);
	assert_int_equal(request->api_version, 2);
	assert_int_equal(request->session, 7);
	assert_int_equal(request->task, 0);
	assert_true(request->stream && !request->has_payload);
	assert_int_equal(request->timeout_ms, 60000);
	assert_int_equal(request->precommit_timeout_ms, 5000);
	assert_string_equal(request->reference, "order 1");
	assert_int_equal(request->auth, PINF_AUTH_BEARER);
	pinf_api_key_hash(&hash, SPAN("pinf" HASH));
	assert_true(pinf_hash_equal(&request->api_key_sha256, &hash));
	pinf_sha256(&hash, SPAN(call.body));
	assert_true(pinf_hash_equal(&request->body_sha256, &hash));

	assert_ok(pinf_input_decode(&input, pinf_span_of(&request->document)));
	assert_string_equal((char *)input.prompt.data, "h\xc3\xa9\n\xf0\x9f\x98\x80");
	assert_string_equal((char *)input.prompt_template.data, "<{}>");
	assert_string_equal(input.prompt_type, "raw");
	assert_int_equal(input.max_tokens, 9);
	assert_int_equal(input.top_k, 40);
	assert_int_equal(input.sampling[PINF_TEMPERATURE], 700000);
	assert_int_equal(input.sampling[PINF_TOP_P], 950000);
	assert_int_equal(input.sampling[PINF_PRESENCE_PENALTY], -1000000);
	assert_int_equal(input.sampling[PINF_FREQUENCY_PENALTY], 1);
	pinf_input_free(&input);
	pinf_api_request_free(request);
	pinf_api_request_free(NULL);
}

static void
test_every_completion_route(void **state)
{
	static const char *const targets[] = {"/api/v1/completions", "/api/v1/completions/5",
	    "/api/v2/completions", "/api/v2/completions/5", "/api/v2/completion",
	    "/api/v2/completion/5", "/api/v3/completions", "/api/v3/completions/5"};

	(void)state;
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		const struct call call = {
		    P, "POST", targets[i], "{\"prompt\":\"p\",\"session_id\":5}", BEARER};
		struct pinf_api_request *request = decoded(&call);

		assert_int_equal(request->api_version, targets[i][6] - '0');
		assert_int_equal(request->session, 5);
		assert_int_equal(request->timeout_ms, 0);
		assert_false(request->stream);
		assert_string_equal((char *)request->document.data,
		    "{\"document\":\"pinf-input-1\",\"prompt\":\"p\"}");
		pinf_api_request_free(request);
	}
}

static void
test_payload(void **state)
{
	char json[PINF_PAYLOAD_JSON_MAX], body[PINF_PAYLOAD_JSON_MAX + 512];
	char header[PINF_AUTH_HEADER_MAX + 1];
	struct call call = {P, "POST", "/api/v3/completions", body, header};
	const struct pinf_wallet wallet = api_wallet();
	struct pinf_api_request *request;

	(void)state;
	payload_json(json, sizeof json);
	(void)snprintf(body, sizeof body,
	    "{\"payload\":%s,\"task_id\":3,\"timeout\":1,\"client_reference\":\"r\"}", json);
	sign(header, &call, (struct signed_ids){.session = 8, .task = 3}, NULL);
	request = decoded(&call);
	assert_int_equal(request->session, 8); /* from the header */
	assert_int_equal(request->task, 3);
	assert_true(request->has_payload);
	assert_int_equal(request->payload.size, 300);
	assert_int_equal(request->document.len, 0);
	assert_int_equal(request->auth, PINF_AUTH_WALLET);
	assert_true(pinf_address_equal(&request->signer, &wallet.address));
	assert_true(request->expires_ms > NOW_MS);
	pinf_api_request_free(request);

	/* The same result from an EIP-191 signature is test_auth.c's; a commit carries one too. */
	call.target = "/api/v3/offchain/result";
	(void)snprintf(body, sizeof body,
	    "{\"attempt\":2,\"payload\":%s,\"session_id\":8,\"signature\":\"" SIG
	    "\",\"task_id\":3}",
	    json);
	sign(header, &call, (struct signed_ids){0}, NULL);
	request = decoded(&call);
	assert_int_equal(request->endpoint, PINF_EP_COMMIT);
	assert_int_equal(request->attempt, 2);
	assert_int_equal(request->session, 8);
	assert_int_equal(request->task, 3);
	assert_int_equal(request->signature.bytes[64], 0x1b);
	assert_int_equal(request->payload.sha256.bytes[1], 0x11);
	pinf_api_request_free(request);
	call.listener = M;
	call.target = "/api/v1/miner/commit";
	sign(header, &call, (struct signed_ids){.session = 8, .task = 3, .key_version = 4}, NULL);
	request = decoded(&call);
	assert_int_equal(request->endpoint, PINF_EP_COMMIT);
	assert_int_equal(request->key_version, 4);
	pinf_api_request_free(request);
}

static void
test_small_bodies(void **state)
{
	/* Integers as they must come out; 0 where the endpoint has no such field. */
	static const struct {
		struct call call;
		enum pinf_endpoint endpoint;
		uint64_t session, task;
		uint32_t attempt, wait_ms, timeout_ms, key_version;
	} cases[] = {
	    {{P, "POST", "/api/v3/reservations/4", "{}", BEARER}, PINF_EP_RESERVE, .session = 4},
	    {{P, "POST", "/api/v3/reservations/4",
		 "{\"client_reference\":\"\",\"timeout_ms\":86400000}", BEARER},
		PINF_EP_RESERVE, .session = 4, .timeout_ms = 86400000},
	    {{M, "POST", "/api/v1/miner/claim", "{}", BEARER}, PINF_EP_CLAIM, .session = 0},
	    {{M, "POST", "/api/v1/miner/claim", "{\"session_id\":0,\"wait_ms\":60000}", BEARER},
		PINF_EP_CLAIM, .wait_ms = 60000},
	    {{M, "POST", "/api/v1/miner/claim", "{\"session_id\":9}", BEARER}, PINF_EP_CLAIM,
		.session = 9},
	    {{M, "POST", "/api/v1/miner/ack", "{\"attempt\":1,\"session_id\":2,\"task_id\":3}",
		 BEARER},
		PINF_EP_ACK, .session = 2, .task = 3, .attempt = 1},
	    {{M, "POST", "/api/v1/miner/release",
		 "{\"attempt\":4294967295,\"session_id\":2,\"task_id\":3}", BEARER},
		PINF_EP_RELEASE, .session = 2, .task = 3, .attempt = UINT32_MAX},
	    {{M, "POST", "/api/v1/miner/precommit",
		 "{\"attempt\":1,\"result_sha256\":\"" HASH
		 "\",\"session_id\":2,\"signature\":\"" SIG "\",\"task_id\":3}",
		 BEARER},
		PINF_EP_PRECOMMIT, .session = 2, .task = 3, .attempt = 1},
	    {{P, "POST", "/api/v1/sessions/6/close", "{}", BEARER}, PINF_EP_SESSION_CLOSE,
		.session = 6},
	    {{M, "POST", "/api/v1/keys/rotate", " { } ", BEARER}, PINF_EP_KEY_ROTATE, .session = 0},
	    {{M, "POST", "/api/v1/keys/destroy", "{\"force\":true,\"key_version\":2}", BEARER},
		PINF_EP_KEY_DESTROY, .key_version = 2},
	    {{M, "GET", "/api/v1/keys", NULL, BEARER}, PINF_EP_KEYS, .session = 0},
	    {{P, "GET", "/api/v1/info", NULL, NULL}, PINF_EP_INFO, .session = 0},
	    {{P, "GET", "/api/v1/status", NULL, BEARER}, PINF_EP_STATUS, .session = 0},
	    {{P, "GET", "/api/v1/tasks/2/3", NULL, NULL}, PINF_EP_TASK, .session = 2, .task = 3},
	    {{P, "GET", "/api/v1/sessions/2", NULL, NULL}, PINF_EP_SESSION, .session = 2},
	    {{M, "GET", "/healthz", NULL, NULL}, PINF_EP_HEALTH, .session = 0},
	    {{M, "GET", "/metrics", NULL, NULL}, PINF_EP_METRICS, .session = 0},
	    {{P, "GET", "/api/v3/blobs/" HASH, NULL, BEARER}, PINF_EP_BLOB_GET, .session = 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_api_request *request = decoded(&cases[i].call);

		assert_int_equal(request->endpoint, cases[i].endpoint);
		assert_int_equal(request->session, cases[i].session);
		assert_int_equal(request->task, cases[i].task);
		assert_int_equal(request->attempt, cases[i].attempt);
		assert_int_equal(request->wait_ms, cases[i].wait_ms);
		assert_int_equal(request->timeout_ms, cases[i].timeout_ms);
		assert_int_equal(request->key_version, cases[i].key_version);
		if (request->endpoint == PINF_EP_PRECOMMIT) {
			assert_int_equal(request->result_sha256.bytes[2], 0x22);
			assert_int_equal(request->signature.bytes[33], 0x11);
		}
		assert_true(request->force == (request->endpoint == PINF_EP_KEY_DESTROY));
		/* A Bearer key decodes everywhere: policy says "wallet-required". */
		assert_int_equal(request->auth,
		    cases[i].call.authorization == NULL ? PINF_AUTH_NONE : PINF_AUTH_BEARER);
		pinf_api_request_free(request);
	}
}

static void
test_sessions(void **state)
{
	struct call call = {P, "POST", "/api/v1/sessions",
	    "{\"api_key\":true,\"private\":true,\"router_sealed\":true,\"session_id\":12,"
	    "\"type\":\"ephemeral\"}",
	    BEARER};
	struct pinf_api_request *request = decoded(&call);

	(void)state;
	assert_true(request->want_api_key && request->make_private);
	assert_true(request->policy.router_sealed);
	assert_int_equal(request->session, 12);
	assert_int_equal(request->session_type, PINF_SESSION_EPHEMERAL);
	pinf_api_request_free(request);
	call.body = "{\"private\":false,\"type\":\"dedicated\"}";
	request = decoded(&call);
	assert_false(request->want_api_key || request->make_private);
	assert_false(request->policy.router_sealed);
	assert_int_equal(request->session, 0);
	assert_int_equal(request->session_type, PINF_SESSION_DEDICATED);
	pinf_api_request_free(request);
	for (int deny = 0; deny < 2; deny++) {
		call.target = deny ? "/api/v1/sessions/12/deny" : "/api/v1/sessions/12/allow";
		call.body = "{\"miner\":\"" MINER "\"}";
		request = decoded(&call);
		assert_int_equal(
		    request->endpoint, deny ? PINF_EP_SESSION_DENY : PINF_EP_SESSION_ALLOW);
		assert_int_equal(request->session, 12);
		assert_int_equal(request->miner.bytes[19], 0xaa);
		pinf_api_request_free(request);
	}
}

static void
test_keys(void **state)
{
	struct call call = {M, "POST", "/api/v1/auth/payload_enc_key/task",
	    "{\"attempt\":5,\"hpke_public\":\"" HASH
	    "\",\"purpose\":\"result\",\"session_id\":1,\"task_id\":2}",
	    BEARER};
	struct pinf_api_request *request = decoded(&call);

	(void)state;
	assert_int_equal(request->endpoint, PINF_EP_KEY_TASK);
	assert_int_equal(request->purpose, PINF_PURPOSE_RESULT);
	assert_int_equal(request->attempt, 5);
	assert_int_equal(request->hpke_public[31], 0xff);
	pinf_api_request_free(request);
	call.body = "{\"hpke_public\":\"" HASH "\",\"purpose\":\"input\",\"session_id\":1}";
	call.target = "/api/v1/auth/payload_enc_key/session";
	call.listener = P;
	request = decoded(&call);
	assert_int_equal(request->endpoint, PINF_EP_KEY_SESSION);
	assert_int_equal(request->purpose, PINF_PURPOSE_INPUT);
	assert_int_equal(request->task, 0);
	assert_int_equal(request->attempt, 0);
	pinf_api_request_free(request);
}

static void
test_blobs(void **state)
{
	char header[PINF_AUTH_HEADER_MAX + 1];
	struct call call = {M, "PUT", "/api/v3/blobs/" HASH, NULL, header};
	struct pinf_http_request http;
	struct pinf_api_request *request = NULL;
	struct pinf_api_error error;
	struct pinf_hash sha256;

	(void)state;
	assert_ok(pinf_unhex(sha256.bytes, PINF_HASH_LEN, SPAN(HASH), true));
	sign(header, &call, (struct signed_ids){.session = 1, .task = 2}, &sha256);
	http = http_of(&call);
	http.content_length = 1 << 30;
	http.content_type = SPAN("application/octet-stream");
	assert_ok(pinf_api_decode(&request, &api_config, &http, &error));
	assert_int_equal(request->endpoint, PINF_EP_BLOB_PUT);
	assert_true(pinf_hash_equal(&request->blob_sha256, &sha256));
	assert_true(pinf_hash_equal(&request->body_sha256, &sha256));
	assert_int_equal(request->blob_size, 1 << 30);
	assert_int_equal(request->session, 1);
	assert_int_equal(request->task, 2);
	pinf_api_request_free(request);
	http.content_length = 0;
	assert_err(pinf_api_decode(&request, &api_config, &http, &error), PINF_E_MISSING);
	assert_string_equal(error.field, "content-length");

	call.method = "GET";
	sign(header, &call, (struct signed_ids){.session = 1, .task = 2}, NULL);
	request = decoded(&call);
	assert_int_equal(request->endpoint, PINF_EP_BLOB_GET);
	assert_int_equal(request->blob_size, 0);
	assert_int_equal(request->session, 1);
	pinf_api_request_free(request);
	sign(header, &call, (struct signed_ids){.session = 1}, NULL);
	assert_err(decode(&request, &call, &error), PINF_E_MISSING);
	assert_string_equal(error.field, "task_id");
	assert_null(request);
}

static void
test_pages(void **state)
{
	static const struct {
		const char *target;
		uint64_t after;
		size_t limit;
	} cases[] = {
	    {"/api/v1/sessions", 0, 100},
	    {"/api/v1/sessions?after=9007199254740991", PINF_ID_MAX, 100},
	    {"/api/v1/tasks/1?limit=1000&after=0", 0, 1000},
	    {"/api/v1/miners?after=3&limit=1", 3, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct call call = {P, "GET", cases[i].target, NULL, NULL};
		struct pinf_api_request *request = decoded(&call);

		assert_int_equal(request->after, cases[i].after);
		assert_int_equal(request->limit, cases[i].limit);
		pinf_api_request_free(request);
	}
}

static void
test_content_types(void **state)
{
	static const struct {
		const char *type;
		enum pinf_err err;
	} cases[] = {
	    {"application/json", PINF_OK},
	    {"Application/JSON; charset=UTF-8", PINF_OK},
	    {"application/json;charset=\"utf-8\"", PINF_OK},
	    {"application/json ", PINF_OK},
	    {"", PINF_E_CONTENT_TYPE},
	    {"application/jsonp", PINF_E_CONTENT_TYPE},
	    {"application/json;", PINF_E_CONTENT_TYPE},
	    {"application/json; charset=latin1", PINF_E_CONTENT_TYPE},
	    {"application/json; charset=utf-8; x=1", PINF_E_CONTENT_TYPE},
	    {"text/plain", PINF_E_CONTENT_TYPE},
	};
	const struct call call = {P, "POST", "/api/v1/sessions/6/close", "{}", BEARER};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_http_request http = http_of(&call);
		struct pinf_api_request *request = NULL;
		struct pinf_api_error error;

		http.content_type = SPAN(cases[i].type);
		assert_err(pinf_api_decode(&request, &api_config, &http, &error), cases[i].err);
		pinf_api_request_free(request);
	}
}

static void
test_large_prompt(void **state)
{
	const size_t len = 10 << 20;
	struct pinf_bytes body = {0};
	struct pinf_input input = {0};
	struct pinf_api_request *request;
	struct call call = {P, "POST", "/api/v1/completions/1", NULL, BEARER};

	(void)state;
	assert_ok(pinf_bytes_append(&body, "{\"prompt\":\"", 11));
	assert_ok(pinf_bytes_reserve(&body, body.len + len + 2));
	memset(body.data + body.len, 'a', len);
	body.len += len;
	assert_ok(pinf_bytes_append(&body, "\"}", 2));
	call.body = (const char *)body.data;
	request = decoded(&call);
	assert_ok(pinf_input_decode(&input, pinf_span_of(&request->document)));
	assert_int_equal(input.prompt.len, len);
	pinf_input_free(&input);
	pinf_api_request_free(request);
	pinf_bytes_free(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_prompt),
	    cmocka_unit_test(test_every_completion_route),
	    cmocka_unit_test(test_payload),
	    cmocka_unit_test(test_small_bodies),
	    cmocka_unit_test(test_sessions),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_blobs),
	    cmocka_unit_test(test_pages),
	    cmocka_unit_test(test_content_types),
	    cmocka_unit_test(test_large_prompt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
