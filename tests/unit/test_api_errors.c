/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_errors.c -- every refusal of the HTTP API, bodies of replies, damaged requests. */
#include "unit/api.h"

#define P     PINF_LISTEN_PUBLIC
#define M     PINF_LISTEN_MINER
#define DONE  "/api/v1/completions/7"
#define DONE3 "/api/v3/completions/7"

static void
test_bad_requests(void **state)
{
	static const struct {
		struct call call;
		enum pinf_err err;
		const char *field;
	} cases[] = {
	    {{P, "POST", "/nowhere", "{}", BEARER}, PINF_E_ROUTE, "path"},
	    {{P, "GET", DONE, NULL, BEARER}, PINF_E_METHOD, "path"},
	    {{P, "GET", "/api/v1/tasks/0", NULL, NULL}, PINF_E_ID_RANGE, "path"},
	    {{P, "GET", "/api/v3/blobs/12", NULL, BEARER}, PINF_E_HASH, "path"},
	    {{P, "GET", "/api/v1/info", "{}", NULL}, PINF_E_TOO_LARGE, "body"},
	    {{P, "POST", DONE, NULL, BEARER}, PINF_E_CONTENT_TYPE, "content-type"},

	    /* Query. */
	    {{P, "GET", "/api/v1/info?", NULL, NULL}, PINF_E_UNKNOWN_FIELD, "query"},
	    {{P, "POST", DONE "?limit=1", "{}", BEARER}, PINF_E_UNKNOWN_FIELD, "query"},
	    {{P, "GET", "/api/v1/sessions?", NULL, NULL}, PINF_E_UNKNOWN_FIELD, "query"},
	    {{P, "GET", "/api/v1/sessions?limit=1&", NULL, NULL}, PINF_E_UNKNOWN_FIELD, "query"},
	    {{P, "GET", "/api/v1/sessions?Limit=1", NULL, NULL}, PINF_E_UNKNOWN_FIELD, "query"},
	    {{P, "GET", "/api/v1/sessions?limit=1&limit=1", NULL, NULL}, PINF_E_DUPLICATE, "query"},
	    {{P, "GET", "/api/v1/sessions?limit=", NULL, NULL}, PINF_E_SYNTAX, "query"},
	    {{P, "GET", "/api/v1/sessions?after=01", NULL, NULL}, PINF_E_SYNTAX, "query"},
	    {{P, "GET", "/api/v1/sessions?after=+1", NULL, NULL}, PINF_E_SYNTAX, "query"},
	    {{P, "GET", "/api/v1/sessions?limit=0", NULL, NULL}, PINF_E_RANGE, "query"},
	    {{P, "GET", "/api/v1/sessions?limit=1001", NULL, NULL}, PINF_E_RANGE, "query"},
	    {{P, "GET", "/api/v1/sessions?after=9007199254740992", NULL, NULL}, PINF_E_RANGE,
		"query"},

	    /* Authorization. */
	    {{P, "POST", DONE, "{\"prompt\":\"p\"}", NULL}, PINF_E_AUTH_MISSING, "authorization"},
	    {{M, "GET", "/api/v1/keys", NULL, NULL}, PINF_E_AUTH_MISSING, "authorization"},
	    {{P, "POST", DONE, "{", "Basic eDp5"}, PINF_E_AUTH_SYNTAX, "authorization"},
	    {{P, "GET", "/api/v1/info", NULL, "Bearer"}, PINF_E_AUTH_SYNTAX, "authorization"},
	    {{P, "GET", "/api/v1/info", NULL, "Bearer "}, PINF_E_AUTH_SYNTAX, "authorization"},
	    {{P, "GET", "/api/v1/info", NULL, "Bearer a b"}, PINF_E_AUTH_SYNTAX, "authorization"},
	    {{P, "GET", "/api/v1/info", NULL, "Bearer \x7f"}, PINF_E_AUTH_SYNTAX, "authorization"},
	    {{P, "GET", "/api/v1/info", NULL, "Bearer " HASH HASH "1"}, PINF_E_AUTH_SYNTAX,
		"authorization"},
	    {{P, "GET", "/api/v1/info", NULL, "Pinf scheme=eip712"}, PINF_E_AUTH_SYNTAX,
		"authorization"},

	    /* Any body. */
	    {{P, "POST", DONE, "", BEARER}, PINF_E_SYNTAX, "body"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\"} x", BEARER}, PINF_E_SYNTAX, "body"},
	    {{P, "POST", DONE, "{\"prompt\":\"\xff\"}", BEARER}, PINF_E_UTF8, "body"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"prompt\":\"q\"}", BEARER}, PINF_E_DUPLICATE,
		"body"},
	    {{P, "POST", DONE, "{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}", BEARER},
		PINF_E_DEPTH, "body"},
	    {{P, "POST", DONE, "[]", BEARER}, PINF_E_TYPE, ""},
	    {{P, "POST", "/api/v1/sessions/6/close", "{\"now\":true}", BEARER},
		PINF_E_UNKNOWN_FIELD, "now"},

	    /* Completions. */
	    {{P, "POST", DONE, "{}", BEARER}, PINF_E_MISSING, "prompt"},
	    {{P, "POST", DONE, "{\"prompt\":\"\"}", BEARER}, PINF_E_LENGTH, "prompt"},
	    {{P, "POST", DONE, "{\"prompt\":1}", BEARER}, PINF_E_TYPE, "prompt"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"session_id\":8}", BEARER}, PINF_E_SCOPE,
		"session_id"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"session_id\":0}", BEARER}, PINF_E_ID_RANGE,
		"session_id"},
	    {{P, "POST", "/api/v2/completion", "{\"prompt\":\"p\"}", BEARER}, PINF_E_MISSING,
		"session_id"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"stream\":1}", BEARER}, PINF_E_TYPE, "stream"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"timeout\":86401}", BEARER}, PINF_E_RANGE,
		"timeout"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"timeout\":1.5}", BEARER}, PINF_E_TYPE,
		"timeout"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"precommit_timeout\":-1}", BEARER}, PINF_E_RANGE,
		"precommit_timeout"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"client_reference\":\"" HASH HASH "x\"}",
		 BEARER},
		PINF_E_LENGTH, "client_reference"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"prompt_type\":\"" HASH HASH "x\"}", BEARER},
		PINF_E_LENGTH, "prompt_type"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"max_tokens\":4294967296}", BEARER},
		PINF_E_RANGE, "max_tokens"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"top_p\":101}", BEARER}, PINF_E_RANGE, "top_p"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"temperature\":0.1234567}", BEARER},
		PINF_E_RANGE, "temperature"},
	    {{P, "POST", DONE, "{\"prompt\":\"p\",\"task_id\":1}", BEARER}, PINF_E_UNKNOWN_FIELD,
		"task_id"},
	    {{P, "POST", DONE, "{\"payload\":{}}", BEARER}, PINF_E_MISSING, "prompt"},
	    {{P, "POST", DONE3, "{\"payload\":1,\"task_id\":1}", BEARER}, PINF_E_TYPE, "payload"},
	    {{P, "POST", DONE3, "{\"payload\":{\"encryption\":\"no\"},\"task_id\":1}", BEARER},
		PINF_E_ENCRYPTION, "payload.encryption"},
	    {{P, "POST", DONE3, "{\"payload\":{},\"task_id\":0}", BEARER}, PINF_E_ID_RANGE,
		"task_id"},

	    /* The other bodies. */
	    {{P, "POST", "/api/v3/reservations/4", "{\"timeout_ms\":86400001}", BEARER},
		PINF_E_RANGE, "timeout_ms"},
	    {{M, "POST", "/api/v1/miner/claim", "{\"wait_ms\":60001}", BEARER}, PINF_E_RANGE,
		"wait_ms"},
	    {{M, "POST", "/api/v1/miner/claim", "{\"session_id\":\"1\"}", BEARER}, PINF_E_TYPE,
		"session_id"},
	    {{M, "POST", "/api/v1/miner/claim", "{\"session_id\":9007199254740992}", BEARER},
		PINF_E_ID_RANGE, "session_id"},
	    {{M, "POST", "/api/v1/miner/ack", "{\"session_id\":1,\"task_id\":1}", BEARER},
		PINF_E_MISSING, "attempt"},
	    {{M, "POST", "/api/v1/miner/ack", "{\"attempt\":0,\"session_id\":1,\"task_id\":1}",
		 BEARER},
		PINF_E_RANGE, "attempt"},
	    {{M, "POST", "/api/v1/miner/ack", "{\"attempt\":4294967296}", BEARER}, PINF_E_RANGE,
		"attempt"},
	    {{M, "POST", "/api/v1/miner/ack", "{\"attempt\":1,\"session_id\":1}", BEARER},
		PINF_E_MISSING, "task_id"},
	    {{M, "POST", "/api/v1/miner/release", "{\"attempt\":1,\"task_id\":1}", BEARER},
		PINF_E_MISSING, "session_id"},
	    {{M, "POST", "/api/v1/miner/precommit", "{\"attempt\":1}", BEARER}, PINF_E_MISSING,
		"signature"},
	    {{M, "POST", "/api/v1/miner/precommit",
		 "{\"attempt\":1,\"signature\":\"" SIG "\",\"result_sha256\":\"00\"}", BEARER},
		PINF_E_LENGTH, "result_sha256"},
	    {{M, "POST", "/api/v1/miner/commit", "{\"attempt\":1,\"signature\":\"0x00\"}", BEARER},
		PINF_E_LENGTH, "signature"},
	    {{M, "POST", "/api/v1/miner/commit", "{\"attempt\":1,\"signature\":\"" SIG "\"}",
		 BEARER},
		PINF_E_MISSING, "payload"},
	    {{P, "POST", "/api/v1/sessions", "{\"type\":\"dedicated\"}", BEARER}, PINF_E_MISSING,
		"private"},
	    {{P, "POST", "/api/v1/sessions", "{\"private\":true}", BEARER}, PINF_E_MISSING, "type"},
	    {{P, "POST", "/api/v1/sessions", "{\"private\":true,\"type\":\"shared\"}", BEARER},
		PINF_E_RANGE, "type"},
	    {{P, "POST", "/api/v1/sessions", "{\"private\":true,\"type\":\"pooled\"}", BEARER},
		PINF_E_MISSING, "seats"},
	    {{P, "POST", "/api/v1/sessions",
		 "{\"private\":true,\"seats\":2,\"type\":\"dedicated\"}", BEARER},
		PINF_E_UNKNOWN_FIELD, "seats"},
	    {{M, "POST", "/api/v1/miner/leave", "{}", BEARER}, PINF_E_MISSING, "session_id"},
	    {{P, "POST", "/api/v1/sessions/1/allow", "{}", BEARER}, PINF_E_MISSING, "miner"},
	    {{P, "POST", "/api/v1/sessions/1/deny", "{\"miner\":\"0x12\"}", BEARER}, PINF_E_ADDRESS,
		"miner"},
	    {{M, "POST", "/api/v1/keys/destroy", "{\"force\":true}", BEARER}, PINF_E_MISSING,
		"key_version"},
	    {{M, "POST", "/api/v1/keys/destroy", "{\"key_version\":0}", BEARER}, PINF_E_RANGE,
		"key_version"},
	    {{M, "POST", "/api/v1/auth/payload_enc_key/task", "{\"hpke_public\":\"" HASH "\"}",
		 BEARER},
		PINF_E_MISSING, "purpose"},
	    {{M, "POST", "/api/v1/auth/payload_enc_key/task",
		 "{\"hpke_public\":\"" HASH "\",\"purpose\":\"both\"}", BEARER},
		PINF_E_SCOPE, "purpose"},
	    {{M, "POST", "/api/v1/auth/payload_enc_key/task",
		 "{\"hpke_public\":\"" HASH "\",\"purpose\":\"result\"}", BEARER},
		PINF_E_MISSING, "attempt"},
	    {{M, "POST", "/api/v1/auth/payload_enc_key/task",
		 "{\"hpke_public\":\"" HASH "\",\"purpose\":\"input\",\"session_id\":1}", BEARER},
		PINF_E_MISSING, "task_id"},
	    {{M, "POST", "/api/v1/auth/payload_enc_key/session",
		 "{\"attempt\":1,\"hpke_public\":\"" HASH "\",\"purpose\":\"result\"}", BEARER},
		PINF_E_SCOPE, "purpose"},
	    {{M, "POST", "/api/v1/auth/payload_enc_key/session", "{\"hpke_public\":\"0X\"}",
		 BEARER},
		PINF_E_LENGTH, "hpke_public"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_api_request *request;
		struct pinf_api_error error;
		const enum pinf_err err = decode(&request, &cases[i].call, &error);

		if (err != cases[i].err || strcmp(error.field, cases[i].field) != 0)
			fail_msg("%s %s: %s of \"%s\" instead of %s of \"%s\"",
			    cases[i].call.target, cases[i].call.body, pinf_err_name(err),
			    error.field, pinf_err_name(cases[i].err), cases[i].field);
		assert_err(error.err, err);
		assert_null(request);
	}
}

static void
test_small_body_limit(void **state)
{
	char body[PINF_BODY_SMALL_MAX + 2] = "{}";
	const struct call call = {P, "POST", "/api/v1/sessions/6/close", body, BEARER};
	struct pinf_api_request *request;
	struct pinf_api_error error;

	(void)state;
	memset(body + 2, ' ', sizeof body - 2);
	body[PINF_BODY_SMALL_MAX + 1] = 0;
	assert_err(decode(&request, &call, &error), PINF_E_TOO_LARGE);
	body[PINF_BODY_SMALL_MAX] = 0;
	assert_ok(decode(&request, &call, &error));
	pinf_api_request_free(request);
}

/* What the wallet signed is what must arrive. */
static void
test_wallet_refusals(void **state)
{
	static const char body[] = "{\"attempt\":1,\"session_id\":2,\"task_id\":3}";
	const struct call good = {M, "POST", "/api/v1/miner/ack", body, NULL};
	static const struct {
		struct signed_ids ids;
		enum pinf_err err;
		const char *field;
	} cases[] = {
	    {{2, 3, 9}, PINF_OK, ""},
	    {{0, 0, 0}, PINF_OK, ""},
	    {{4, 3, 0}, PINF_E_SCOPE, "authorization.session"},
	    {{2, 4, 0}, PINF_E_SCOPE, "authorization.task"},
	};
	char header[PINF_AUTH_HEADER_MAX + 1];
	struct pinf_api_request *request;
	struct pinf_api_error error;
	struct pinf_api_config other = api_config;
	struct pinf_http_request http;
	struct call call;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		call = good;
		call.authorization = header;
		sign(header, &good, cases[i].ids, NULL);
		assert_err(decode(&request, &call, &error), cases[i].err);
		assert_string_equal(error.field, cases[i].field);
		pinf_api_request_free(request);
	}
	sign(header, &good, cases[0].ids, NULL);
	call.body = "{\"attempt\":2,\"session_id\":2,\"task_id\":3}";
	assert_err(decode(&request, &call, &error), PINF_E_AUTH_SIGNATURE);
	call.body = body;
	call.target = "/api/v1/miner/release";
	assert_err(decode(&request, &call, &error), PINF_E_AUTH_SIGNATURE);
	assert_string_equal(error.field, "authorization");
	call.target = good.target;
	http = http_of(&call);
	other.router.bytes[0] ^= 1;
	assert_err(pinf_api_decode(&request, &other, &http, &error), PINF_E_AUTH_ROUTER);
	other = api_config;
	other.domain.chain_id++;
	assert_err(pinf_api_decode(&request, &other, &http, &error), PINF_E_AUTH_SIGNATURE);
}

/* Ids of the header where the endpoint takes none, or another one. */
static void
test_header_ids(void **state)
{
	static const struct {
		struct call call;
		struct signed_ids ids;
		enum pinf_err err;
		const char *field;
	} cases[] = {
	    {{P, "GET", "/api/v1/info", NULL, NULL}, {1, 0, 0}, PINF_E_SCOPE,
		"authorization.session"},
	    {{P, "GET", "/api/v1/tasks/5", NULL, NULL}, {5, 1, 0}, PINF_E_SCOPE,
		"authorization.task"},
	    {{P, "GET", "/api/v1/tasks/5", NULL, NULL}, {6, 0, 0}, PINF_E_SCOPE,
		"authorization.session"},
	    {{P, "GET", "/api/v1/tasks/5/6", NULL, NULL}, {5, 6, 1}, PINF_OK, ""},
	    {{P, "POST", DONE3, "{\"prompt\":\"p\"}", NULL}, {7, 1, 0}, PINF_E_SCOPE,
		"authorization.task"},
	    {{P, "POST", DONE3, "{\"prompt\":\"p\"}", NULL}, {7, 0, 0}, PINF_OK, ""},
	    {{M, "POST", "/api/v1/keys/destroy", "{\"key_version\":1}", NULL}, {0, 0, 2},
		PINF_E_SCOPE, "authorization.version"},
	    {{M, "POST", "/api/v1/keys/destroy", "{\"key_version\":1}", NULL}, {0, 0, 1}, PINF_OK,
		""},
	    {{P, "GET", "/api/v3/blobs/" HASH, NULL, NULL}, {0, 1, 0}, PINF_E_MISSING,
		"session_id"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char header[PINF_AUTH_HEADER_MAX + 1];
		struct call call = cases[i].call;
		struct pinf_api_request *request;
		struct pinf_api_error error;

		sign(header, &call, cases[i].ids, NULL);
		call.authorization = header;
		assert_err(decode(&request, &call, &error), cases[i].err);
		assert_string_equal(error.field, cases[i].field);
		pinf_api_request_free(request);
	}
}

static void
test_error_bodies(void **state)
{
	static const struct {
		struct pinf_api_error error;
		const char *body;
	} cases[] = {
	    {{PINF_E_BUSY, PINF_RULE_ALLOW, ""},
		"{\"error\":{\"code\":\"busy\","
		"\"message\":\"a named limit is reached: try again later\"}}"},
	    {{PINF_E_UNKNOWN_FIELD, PINF_RULE_ALLOW, "a\"\nb"},
		"{\"error\":{\"code\":\"unknown-field\",\"field\":\"a\\\"\\nb\","
		"\"message\":\"a field is not known here\"}}"},
	    {{PINF_E_DENIED, PINF_RULE_MINER_UNLISTED, ""},
		"{\"error\":{\"code\":\"denied\","
		"\"message\":\"the miner is not on the session's allowlist\","
		"\"rule\":\"miner-not-allowed\"}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_bytes out = {0};

		assert_ok(pinf_api_error_body(&out, &cases[i].error));
		assert_string_equal((char *)out.data, cases[i].body);
		pinf_bytes_free(&out);
	}
}

static void
test_completion_body(void **state)
{
	const struct pinf_completion_meta meta = {7, 42, 1700000000999};
	struct pinf_result result = {.finish_reason = "stop",
	    .model = "echo-1",
	    .prompt_tokens = UINT32_MAX,
	    .completion_tokens = 3};
	struct pinf_bytes out = {0};

	(void)state;
	assert_ok(pinf_bytes_append(&result.text, "hi\n\xf0\x9f\x98\x80", 7));
	assert_ok(pinf_api_completion_body(&out, &meta, &result));
	assert_string_equal((char *)out.data,
	    "{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"logprobs\":null,"
	    "\"text\":\"hi\\n\xf0\x9f\x98\x80\"}],\"created\":1700000000,\"id\":\"cmpl-7-42\","
	    "\"model\":\"echo-1\",\"object\":\"text_completion\",\"task_id\":42,"
	    "\"usage\":{\"completion_tokens\":3,\"prompt_tokens\":4294967295,"
	    "\"total_tokens\":4294967298}}");
	pinf_bytes_free(&out);
	pinf_result_free(&result);
}

/* Thousands of damaged requests: each is refused with a reason, or decodes; none crashes. */
static void
test_mutations(void **state)
{
	static const struct call calls[] = {
	    {P, "POST", "/api/v2/completions/7",
		"{\"prompt\":\"h\\u00e9\",\"session_id\":7,\"temperature\":0.7,\"top_k\":40}",
		BEARER},
	    {M, "POST", "/api/v1/miner/ack", "{\"attempt\":1,\"session_id\":2,\"task_id\":3}",
		BEARER},
	    {M, "POST", "/api/v1/miner/commit",
		"{\"attempt\":1,\"payload\":{\"encryption\":\"none\",\"sha256\":\"" HASH
		"\",\"size\":9},\"session_id\":2,\"signature\":\"" SIG "\",\"task_id\":3}",
		BEARER},
	    {P, "POST", "/api/v1/auth/payload_enc_key/task",
		"{\"hpke_public\":\"" HASH
		"\",\"purpose\":\"input\",\"session_id\":1,\"task_id\":2}",
		BEARER},
	    {P, "GET", "/api/v1/tasks/123?after=45&limit=67", "", BEARER},
	};
	uint64_t seed = 42;
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct call call = calls[round % (sizeof calls / sizeof *calls)];
		const char *const parts[] = {call.target, call.body, call.authorization};
		char copies[3][1024];
		struct pinf_api_request *request;
		struct pinf_api_error error;
		uint8_t dice[4];

		for (size_t i = 0; i < 3; i++)
			(void)snprintf(copies[i], sizeof copies[i], "%s", parts[i]);
		for (unsigned flips = 1 + round / 5 % 3; flips > 0; flips--) {
			char *part;

			assert_ok(unit_fill(&seed, dice, sizeof dice));
			part = copies[dice[0] % 8 == 0 ? 0 : dice[0] % 8 == 1 ? 2 : 1];
			if (*part != 0)
				part[(dice[1] * 256u + dice[2]) % strlen(part)] ^=
				    (char)(1 << dice[3] % 8);
		}
		call.target = copies[0];
		call.body = call.body[0] == 0 ? NULL : copies[1];
		call.authorization = copies[2];
		if (decode(&request, &call, &error) == PINF_OK) {
			assert_non_null(request);
			assert_err(error.err, PINF_OK);
		} else {
			assert_null(request);
			assert_true(error.err != PINF_OK);
			assert_in_range(pinf_api_status(error.err), 400, 499);
			refused++;
		}
		pinf_api_request_free(request);
	}
	assert_in_range(refused, 5000, 19999);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad_requests),
	    cmocka_unit_test(test_small_body_limit),
	    cmocka_unit_test(test_wallet_refusals),
	    cmocka_unit_test(test_header_ids),
	    cmocka_unit_test(test_error_bodies),
	    cmocka_unit_test(test_completion_body),
	    cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
