/* SPDX-License-Identifier: Apache-2.0 */
/* test_rpc.c -- JSON-RPC batches and replies.  spec/chain.md#json-rpc. */
#include <inttypes.h>

#include "unit/unit.h"

#include "core/rpc.h"

#define A "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"
#define H "0xabababababababababababababababababababababababababababababababab"

static struct pinf_rpc_reply *
parsed(const char *body, size_t calls)
{
	struct pinf_rpc_reply *reply = NULL;

	assert_ok(pinf_rpc_parse(&reply, SPAN(body), calls));
	return reply;
}

/* A reply to one call with that result. */
static struct pinf_rpc_reply *
result(const char *json)
{
	char body[2048];

	(void)snprintf(body, sizeof body, "[{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":%s}]", json);
	return parsed(body, 1);
}

static void
expect_refused(const char *body, size_t calls, enum pinf_err want)
{
	struct pinf_rpc_reply *const untouched = (void *)&want;
	struct pinf_rpc_reply *reply = untouched;

	assert_err(pinf_rpc_parse(&reply, SPAN(body), calls), want);
	assert_true(reply == untouched);
}

static void
a_batch_is_written_as_on_the_page(void **state)
{
	struct pinf_bytes out = {0};
	struct pinf_rpc_batch batch = pinf_rpc_begin(&out);
	struct pinf_abi_call call = pinf_abi_call("sessionEncryptionEnabled(uint256)");
	const struct pinf_abi_call supply = pinf_abi_call("totalSupply()");
	struct pinf_address to;
	struct pinf_hash hash;
	char line[1024];
	size_t lines = 0;

	(void)state;
	assert_ok(pinf_address_parse(&to, SPAN(A)));
	memset(hash.bytes, 0xab, sizeof hash.bytes);
	pinf_abi_put_uint(&call, 101);
	pinf_rpc_chain_id(&batch);
	pinf_rpc_block_latest(&batch);
	pinf_rpc_code(&batch, &to);
	pinf_rpc_call_at_hash(&batch, &to, &call, &hash);
	pinf_rpc_call_at(&batch, &to, &supply, 16);
	assert_int_equal(batch.calls, 5);
	assert_ok(pinf_rpc_end(&batch));
	assert_ok(pinf_json_check(pinf_span_of(&out), NULL));
	/* The page has a line for each call. */
	for (char *at = (char *)out.data, *next; at != NULL; at = next) {
		next = strstr(at, ",{\"jsonrpc\"");
		if (next != NULL)
			*next++ = 0;
		(void)snprintf(line, sizeof line, "\n%s%s\n", at, next != NULL ? "," : "");
		assert_true(unit_in_spec("chain.md", line));
		lines++;
	}
	assert_int_equal(lines, 5);
	pinf_bytes_free(&out);
}

static void
a_batch_has_a_most(void **state)
{
	const struct pinf_abi_call call = pinf_abi_call("totalSupply()");
	const struct pinf_address to = {{0}};
	struct pinf_bytes out = {0};
	struct pinf_rpc_batch batch = pinf_rpc_begin(&out);

	(void)state;
	for (size_t i = 0; i < PINF_RPC_CALLS_MAX; i++)
		pinf_rpc_call_at(&batch, &to, &call, UINT64_MAX);
	assert_ok(pinf_rpc_end(&batch));
	assert_non_null(strstr((char *)out.data, "\"0xffffffffffffffff\""));
	assert_non_null(strstr((char *)out.data, "\"id\":1023"));
	out.len = 0;
	batch = pinf_rpc_begin(&out);
	for (size_t i = 0; i <= PINF_RPC_CALLS_MAX; i++)
		pinf_rpc_chain_id(&batch);
	assert_err(pinf_rpc_end(&batch), PINF_E_TOO_LARGE);
	pinf_bytes_free(&out);
}

/* The rows of the page that are replies: the others are selectors. */
static void
check_example(const char *text, const char *outcome)
{
	struct pinf_rpc_reply *reply = NULL;
	uint64_t value = 4711;
	char got[64];
	enum pinf_err err;

	if (strchr(text, '(') != NULL)
		return;
	err = pinf_rpc_parse(&reply, SPAN(text), 1);
	if (err == PINF_OK)
		err = pinf_rpc_uint(reply, 0, 255, &value);
	if (err == PINF_OK)
		(void)snprintf(got, sizeof got, "%" PRIu64, value);
	else
		(void)snprintf(got, sizeof got, "%s", pinf_err_name(err));
	assert_true(err == PINF_OK || value == 4711);
	assert_string_equal(got, outcome);
	pinf_rpc_free(reply);
}

static void
the_examples_of_the_page_hold(void **state)
{
	(void)state;
	assert_int_equal(unit_spec_rows("chain.md", check_example), 6 + 36);
}

static void
answers_are_found_by_id(void **state)
{
	struct pinf_rpc_reply *reply =
	    parsed("[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x2\",\"more\":[1,{}]},"
		   "{\"error\":{\"message\":\"\\u001b[2J\",\"code\":-32000,\"data\":{}},\"id\":1,"
		   "\"jsonrpc\":\"2.0\"},{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"0x7a69\"}]",
		3);
	struct pinf_bytes data = {0};
	struct pinf_rpc_block block;
	uint64_t value = 0;
	int32_t code = 7;

	(void)state;
	assert_ok(pinf_rpc_uint(reply, 0, PINF_ID_MAX, &value));
	assert_int_equal(value, 31337);
	assert_ok(pinf_rpc_uint(reply, 2, 2, &value));
	assert_int_equal(value, 2);
	assert_err(pinf_rpc_uint(reply, 2, 1, &value), PINF_E_RANGE);
	assert_ok(pinf_rpc_uint(reply, 2, 2, &value)); /* no error sticks to an answer */
	assert_false(pinf_rpc_failed(reply, 0, &code));
	assert_false(pinf_rpc_failed(reply, 2, &code));
	assert_int_equal(code, 7);
	assert_true(pinf_rpc_failed(reply, 1, &code));
	assert_int_equal(code, -32000);
	assert_err(pinf_rpc_uint(reply, 1, 9, &value), PINF_E_IO);
	assert_err(pinf_rpc_block(reply, 1, &block), PINF_E_IO);
	assert_err(pinf_rpc_data(reply, 1, 9, &data), PINF_E_IO);
	assert_int_equal(value, 2);
	pinf_rpc_free(reply);
	pinf_rpc_free(NULL);
	reply = parsed("[{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-2147483648}}]", 1);
	assert_true(pinf_rpc_failed(reply, 0, &code) && code == INT32_MIN);
	pinf_rpc_free(reply);
}

static void
every_call_has_its_one_answer(void **state)
{
#define ANSWER(id) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":null}"
	(void)state;
	pinf_rpc_free(parsed("[" ANSWER(1) "," ANSWER(0) "]", 2));
	expect_refused("[" ANSWER(0) "," ANSWER(0) "]", 2, PINF_E_DUPLICATE);
	expect_refused("[" ANSWER(1) "]", 2, PINF_E_MISSING);
	expect_refused("[" ANSWER(1) "," ANSWER(2) "]", 2, PINF_E_RANGE);
	expect_refused("[" ANSWER(0) "," ANSWER(1) "," ANSWER(2) "]", 2, PINF_E_TOO_LARGE);
	/* An answer that is none behind one that is: the first fault is told. */
	expect_refused("[" ANSWER(0) ",7]", 2, PINF_E_TYPE);
	expect_refused("[" ANSWER(0) ",[]]", 2, PINF_E_TYPE);
	expect_refused("[[" ANSWER(0) "," ANSWER(1) "]]", 2, PINF_E_MISSING);
	expect_refused("[" ANSWER(0) "],\"x-b\":[]", 1, PINF_E_SYNTAX);
	expect_refused("", 1, PINF_E_SYNTAX);
	expect_refused("\"[]\"", 1, PINF_E_TYPE);
#undef ANSWER
}

static void
blocks_are_read(void **state)
{
	struct pinf_rpc_reply *reply =
	    result("{\"number\":\"0x1fffffffffffff\",\"timestamp\":\"0x0\",\"hash\":\"" H "\","
		   "\"logsBloom\":\"0x00\",\"transactions\":[\"" H "\"],\"size\":null}");
	struct pinf_rpc_block block;
	struct pinf_hash hash;

	(void)state;
	memset(hash.bytes, 0xab, sizeof hash.bytes);
	assert_ok(pinf_rpc_block(reply, 0, &block));
	assert_int_equal(block.number, PINF_ID_MAX);
	assert_int_equal(block.timestamp_s, 0);
	assert_true(pinf_hash_equal(&block.hash, &hash));
	pinf_rpc_free(reply);
}

static void
malformed_blocks_are_refused(void **state)
{
	const struct {
		const char *json;
		enum pinf_err want;
	} cases[] = {
	    {"null", PINF_E_NOT_FOUND},
	    {"\"0x1\"", PINF_E_TYPE},
	    {"[]", PINF_E_TYPE},
	    {"{}", PINF_E_MISSING},
	    {"{\"number\":\"0x1\",\"timestamp\":\"0x1\"}", PINF_E_MISSING},
	    {"{\"number\":\"0x1\",\"hash\":\"" H "\"}", PINF_E_MISSING},
	    {"{\"number\":null,\"hash\":null,\"timestamp\":\"0x1\"}", PINF_E_TYPE},
	    {"{\"number\":\"0x1\",\"hash\":null,\"timestamp\":\"0x1\"}", PINF_E_TYPE},
	    {"{\"number\":\"0x20000000000000\",\"hash\":\"" H "\",\"timestamp\":\"0x1\"}",
		PINF_E_RANGE},
	    {"{\"number\":\"0x1\",\"hash\":\"" H "\",\"timestamp\":\"0x20000000000000\"}",
		PINF_E_RANGE},
	    {"{\"number\":\"0x01\",\"hash\":\"" H "\",\"timestamp\":\"0x1\"}",
		PINF_E_NOT_CANONICAL},
	    {"{\"number\":1,\"hash\":\"" H "\",\"timestamp\":\"0x1\"}", PINF_E_TYPE},
	    {"{\"number\":\"0x1\",\"hash\":\"" H "ab\",\"timestamp\":\"0x1\"}", PINF_E_LENGTH},
	    {"{\"number\":\"0x1\",\"hash\":\"0xab\",\"timestamp\":\"0x1\"}", PINF_E_LENGTH},
	    {"{\"number\":\"0x1\",\"hash\":\"abab\",\"timestamp\":\"0x1\"}", PINF_E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_rpc_reply *reply = result(cases[i].json);
		struct pinf_rpc_block block = {.number = 4711};

		assert_err(pinf_rpc_block(reply, 0, &block), cases[i].want);
		assert_int_equal(block.number, 4711);
		pinf_rpc_free(reply);
	}
}

static void
data_are_whole_bytes(void **state)
{
	const struct {
		const char *json;
		enum pinf_err want;
		const char *hex;
	} cases[] = {
	    {"\"0x\"", PINF_OK, ""},
	    {"\"0x00ff\"", PINF_OK, "00ff"},
	    {"\"0x00ff01\"", PINF_E_TOO_LARGE, ""},
	    {"\"0x0\"", PINF_E_LENGTH, ""},
	    {"\"0x00f\"", PINF_E_LENGTH, ""},
	    {"\"0xFF\"", PINF_E_SYNTAX, ""},
	    {"\"0xgg\"", PINF_E_SYNTAX, ""},
	    {"\"00ff\"", PINF_E_SYNTAX, ""},
	    {"\"\"", PINF_E_SYNTAX, ""},
	    {"null", PINF_E_TYPE, ""},
	    {"255", PINF_E_TYPE, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_rpc_reply *reply = result(cases[i].json);
		struct pinf_bytes out = {0};
		char want[16];

		assert_ok(pinf_bytes_append(&out, "\xaa", 1));
		assert_err(pinf_rpc_data(reply, 0, 2, &out), cases[i].want);
		(void)snprintf(want, sizeof want, "aa%s", cases[i].hex);
		assert_hex(out.data, out.len, want);
		pinf_bytes_free(&out);
		pinf_rpc_free(reply);
	}
}

/* 1,023 results of 200 addresses each, and a block with so many transactions. */
static struct pinf_bytes
large_reply(size_t transactions)
{
	static const uint8_t page[200 * 32];
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);

	pinf_json_open(&json, NULL, '[');
	for (size_t i = 0; i < PINF_RPC_CALLS_MAX; i++) {
		pinf_json_open(&json, NULL, '{');
		pinf_json_put_str(&json, "jsonrpc", "2.0");
		pinf_json_put_uint(&json, "id", i);
		if (i > 0) {
			pinf_json_put_hex(&json, "result", true, page, sizeof page);
		} else {
			pinf_json_open(&json, "result", '{');
			pinf_json_put_str(&json, "number", "0x1");
			pinf_json_put_str(&json, "timestamp", "0x1");
			pinf_json_put_str(&json, "hash", H);
			pinf_json_open(&json, "transactions", '[');
			for (size_t t = 0; t < transactions; t++)
				pinf_json_put_uint(&json, NULL, t);
			pinf_json_close(&json, ']');
			pinf_json_close(&json, '}');
		}
		pinf_json_close(&json, '}');
	}
	pinf_json_close(&json, ']');
	assert_ok(pinf_json_written(&json));
	return body;
}

static void
limits_fit_large_replies(void **state)
{
	struct pinf_bytes body = large_reply(60000);
	struct pinf_rpc_reply *reply = NULL;
	struct pinf_rpc_block block;

	(void)state;
	assert_true(body.len < PINF_RPC_REPLY_MAX);
	assert_ok(pinf_rpc_parse(&reply, pinf_span_of(&body), PINF_RPC_CALLS_MAX));
	assert_ok(pinf_rpc_block(reply, 0, &block));
	pinf_rpc_free(reply);
	pinf_bytes_free(&body);
	reply = NULL;
	body = large_reply(65536);
	assert_err(
	    pinf_rpc_parse(&reply, pinf_span_of(&body), PINF_RPC_CALLS_MAX), PINF_E_TOO_LARGE);
	pinf_bytes_free(&body);
	assert_ok(pinf_bytes_reserve(&body, PINF_RPC_REPLY_MAX + 1));
	memset(body.data, ' ', PINF_RPC_REPLY_MAX + 1);
	body.len = PINF_RPC_REPLY_MAX + 1;
	assert_err(pinf_rpc_parse(&reply, pinf_span_of(&body), 1), PINF_E_TOO_LARGE);
	body.len--;
	assert_err(pinf_rpc_parse(&reply, pinf_span_of(&body), 1), PINF_E_SYNTAX);
	assert_null(reply);
	pinf_bytes_free(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_batch_is_written_as_on_the_page),
	    cmocka_unit_test(a_batch_has_a_most),
	    cmocka_unit_test(the_examples_of_the_page_hold),
	    cmocka_unit_test(answers_are_found_by_id),
	    cmocka_unit_test(every_call_has_its_one_answer),
	    cmocka_unit_test(blocks_are_read),
	    cmocka_unit_test(malformed_blocks_are_refused),
	    cmocka_unit_test(data_are_whole_bytes),
	    cmocka_unit_test(limits_fit_large_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
