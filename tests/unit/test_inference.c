/* SPDX-License-Identifier: Apache-2.0 */
/* test_inference.c -- the three engines, from input document to result document. */
#include "host_fixture.h"

#include <pinf/document.h>

#include "crypto/crypto.h"
#include "host/command.h"
#include "host/inference.h"
#include "host/log.h"
#include "host/server.h"
#include "host/system.h"

static void
make_input(
    struct pinf_bytes *document, const char *prompt, const char *template, uint32_t max_tokens)
{
	struct pinf_input input = {.max_tokens = max_tokens, .top_k = 40};

	input.has[PINF_TEMPERATURE] = true;
	input.sampling[PINF_TEMPERATURE] = 700000;
	assert_ok(pinf_bytes_append(&input.prompt, prompt, strlen(prompt)));
	if (template != NULL)
		assert_ok(pinf_bytes_append(&input.prompt_template, template, strlen(template)));
	assert_ok(pinf_input_encode(document, &input));
	pinf_input_free(&input);
}

/* Runs an engine on a prompt; the result is decoded, so it is a canonical document. */
static enum pinf_err
run(const struct pinf_engine_config *config, const char *prompt, const char *template,
    uint32_t max_tokens, uint32_t timeout_ms, struct pinf_result *result)
{
	struct pinf_bytes in = {0}, out = {0};
	struct pinf_engine *engine;

	make_input(&in, prompt, template, max_tokens);
	assert_ok(pinf_engine_new(&engine, config, NULL, NULL));
	const enum pinf_err err = pinf_engine_run(engine, pinf_span_of(&in), timeout_ms, &out);
	if (err == PINF_OK)
		assert_ok(pinf_result_decode(result, pinf_span_of(&out)));
	else
		assert_int_equal(out.len, 0);
	pinf_engine_free(engine);
	pinf_bytes_free(&in);
	pinf_bytes_free(&out);
	return err;
}

static void
test_builtin(void **state)
{
	(void)state;
	const struct pinf_engine_config config = {.kind = PINF_ENGINE_BUILTIN};
	/* Computed with another program: hashlib.sha256 as inference.h writes it. */
	static const struct {
		const char *prompt, *template;
		uint32_t max_tokens;
		const char *text, *finish;
		uint32_t prompt_tokens, completion_tokens;
	} cases[] = {
	    {"hello", NULL, 1, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"length", 1, 1},
	    {"hello", NULL, 3,
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 19105969 "
		"b3cf7fe1",
		"length", 1, 3},
	    {"ell", "h{prompt}o", 1,
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "length", 1, 1},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_result result = {.prompt_tokens = 0};
		assert_ok(run(&config, cases[i].prompt, cases[i].template, cases[i].max_tokens, 100,
		    &result));
		assert_string_equal((char *)result.text.data, cases[i].text);
		assert_string_equal(result.finish_reason, cases[i].finish);
		assert_string_equal(result.model, "pinf-builtin");
		assert_int_equal(result.prompt_tokens, cases[i].prompt_tokens);
		assert_int_equal(result.completion_tokens, cases[i].completion_tokens);
		pinf_result_free(&result);
	}
	struct pinf_result result = {.prompt_tokens = 0};
	assert_ok(run(&config, " two  words ", NULL, 0, 100, &result));
	assert_string_equal(result.finish_reason, "stop");
	assert_int_equal(result.prompt_tokens, 2);
	assert_int_equal(result.completion_tokens, 16);
	assert_int_equal(result.text.len, 64 + 15 * 9);
	pinf_result_free(&result);
	assert_err(run(&config, "x", "no place", 0, 100, &result), PINF_E_INFERENCE);
}

static void
test_command(void **state)
{
	(void)state;
	static const struct {
		const char *command;
		uint32_t timeout_ms;
		enum pinf_err err;
		const char *text;
	} cases[] = {
	    {"cat", 5000, PINF_OK, "the prompt; $(date) \"x\""},
	    {"  tr  a-z   A-Z ", 5000, PINF_OK, "THE PROMPT; $(DATE) \"X\""},
	    {"true", 5000, PINF_OK, ""}, /* reads nothing: fine */
	    {"false", 5000, PINF_E_INFERENCE, NULL},
	    {"/no/such/program", 5000, PINF_E_INFERENCE, NULL},
	    {"sleep 20", 200, PINF_E_TIMEOUT, NULL},
	    {"head -c 4 /dev/urandom", 5000, PINF_OK, NULL}, /* not UTF-8, or by chance it is */
	    {"printf \\303", 5000, PINF_E_INFERENCE, NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct pinf_engine_config config = {
		    .kind = PINF_ENGINE_COMMAND, .command = cases[i].command};
		struct pinf_result result = {.prompt_tokens = 0};
		const uint64_t start_ms = pinf_monotonic_ms();
		const enum pinf_err err = run(
		    &config, "the prompt; $(date) \"x\"", NULL, 0, cases[i].timeout_ms, &result);
		if (strncmp(cases[i].command, "head", 4) != 0)
			assert_err(err, cases[i].err);
		if (cases[i].text != NULL)
			assert_string_equal(
			    result.text.data == NULL ? "" : (char *)result.text.data,
			    cases[i].text);
		assert_in_range(pinf_monotonic_ms() - start_ms, 0, 4000);
		pinf_result_free(&result);
	}
}

static void
test_command_limits(void **state)
{
	(void)state;
	struct pinf_command_line line;
	struct pinf_bytes output = {0};
	char many[3 * PINF_COMMAND_WORDS_MAX];
	uint8_t *input = calloc(1, 3000000);

	assert_non_null(input);
	assert_err(pinf_command_split(&line, "   "), PINF_E_CONFIG);
	memset(many, 0, sizeof many);
	for (size_t i = 0; i <= PINF_COMMAND_WORDS_MAX; i++)
		memcpy(many + 2 * i, "w ", 2);
	assert_err(pinf_command_split(&line, many), PINF_E_CONFIG);

	/* More than a pipe holds, both ways at once. */
	assert_ok(pinf_command_split(&line, "cat"));
	struct pinf_command_run all = {
	    .input = {input, 3000000}, .timeout_ms = 20000, .output_max = 3000000};
	assert_ok(pinf_command_run(&line, &all, &output));
	assert_int_equal(output.len, 3000000);
	all.output_max = 2999999;
	assert_err(pinf_command_run(&line, &all, &output), PINF_E_TOO_LARGE);
	assert_int_equal(output.len, 3000000);
	const atomic_bool stop = true;
	all.stop = &stop;
	assert_err(pinf_command_run(&line, &all, &output), PINF_E_TIMEOUT);
	pinf_command_free(&line);
	pinf_bytes_free(&output);
	free(input);
}

static const char *reply_text;
static unsigned reply_status;
static struct pinf_bytes asked;

static void
handle(void *ctx, struct pinf_exchange *x)
{
	(void)ctx;
	pinf_bytes_free(&asked);
	assert_ok(pinf_bytes_append(&asked, x->target.data, x->target.len));
	assert_ok(pinf_bytes_reserve(&asked, asked.len + (size_t)x->content_length));
	for (enum pinf_err err = PINF_OK;
	     err == PINF_OK && asked.len < x->target.len + x->content_length;) {
		struct pinf_buf room = {
		    asked.data, asked.len, x->target.len + (size_t)x->content_length};
		err = pinf_exchange_read(x, &room);
		asked.len = room.len;
	}
	asked.data[asked.len] = 0;
	if (reply_status == 0)
		(void)usleep(600000);
	(void)!pinf_exchange_reply(
	    x, reply_status == 0 ? 200 : reply_status, "application/json", SPAN(reply_text));
}

static void
test_openai(void **state)
{
	(void)state;
	static const struct {
		unsigned status; /* 0: too late */
		const char *reply;
		enum pinf_err err;
		const char *text, *finish, *model;
		uint32_t tokens;
	} cases[] = {
	    {200,
		"{\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\","
		"\"choices\":"
		"[{\"text\":\" Bonjour \\ud83d\\ude00\",\"index\":0,\"logprobs\":null,"
		"\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":3,\"completion_"
		"tokens\":9,"
		"\"total_tokens\":12},\"timings\":{\"x\":1.5e-3}}",
		PINF_OK, " Bonjour \xf0\x9f\x98\x80", "length", "m", 9},
	    {200, "{\"choices\":[{\"text\":\"t\",\"finish_reason\":null}]}", PINF_OK, "t", "stop",
		"unknown", 0},
	    {200, "{\"choices\":[{\"text\":5}]}", PINF_E_INFERENCE, NULL, NULL, NULL, 0},
	    {200, "{\"choices\":[]}", PINF_E_INFERENCE, NULL, NULL, NULL, 0},
	    {200, "{\"error\":\"x\"}", PINF_E_INFERENCE, NULL, NULL, NULL, 0},
	    {200, "{\"choices\":[{\"text\":\"t\"}],\"usage\":{\"completion_tokens\":-1}}",
		PINF_E_INFERENCE, NULL, NULL, NULL, 0},
	    {200, "not json", PINF_E_INFERENCE, NULL, NULL, NULL, 0},
	    {500, "{}", PINF_E_INFERENCE, NULL, NULL, NULL, 0},
	    {0, "{}", PINF_E_TIMEOUT, NULL, NULL, NULL, 0},
	};
	const struct pinf_server_config http = {.listen = "127.0.0.1:0",
	    .threads = 2,
	    .request_timeout_ms = 2000,
	    .keep_alive_ms = 200,
	    .handle = handle};
	struct pinf_server *server;
	struct pinf_engine_config config = {.kind = PINF_ENGINE_OPENAI, .host = "127.0.0.1"};

	assert_ok(pinf_server_start(&server, &http, NULL));
	config.port = pinf_server_port(server);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_result result = {.prompt_tokens = 0};
		reply_text = cases[i].reply;
		reply_status = cases[i].status;
		assert_err(run(&config, "Say \"hi\"", NULL, 64, 300, &result), cases[i].err);
		if (cases[i].err != PINF_OK)
			continue;
		assert_string_equal((char *)asked.data,
		    "/v1/completions{\"prompt\":\"Say "
		    "\\\"hi\\\"\",\"stream\":false,\"max_tokens\":64,"
		    "\"top_k\":40,\"temperature\":0.7}");
		assert_string_equal((char *)result.text.data, cases[i].text);
		assert_string_equal(result.finish_reason, cases[i].finish);
		assert_string_equal(result.model, cases[i].model);
		assert_int_equal(result.completion_tokens, cases[i].tokens);
		pinf_result_free(&result);
	}
	pinf_server_stop(server);
	struct pinf_result result;
	assert_err(run(&config, "x", NULL, 0, 300, &result), PINF_E_INFERENCE); /* nobody there */
	pinf_bytes_free(&asked);
}

static void
test_bad_config(void **state)
{
	(void)state;
	static const struct {
		struct pinf_engine_config config;
		const char *words;
	} cases[] = {
	    {{.kind = PINF_ENGINE_COMMAND, .command = ""}, "engine-command: give the program"},
	    {{.kind = PINF_ENGINE_OPENAI, .host = "a b", .port = 1}, "LLM_HOST"},
	};
	struct pinf_engine *engine;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_bytes message = {0};
		assert_err(
		    pinf_engine_new(&engine, &cases[i].config, NULL, &message), PINF_E_CONFIG);
		assert_non_null(strstr((char *)message.data, cases[i].words));
		pinf_bytes_free(&message);
	}
	const struct pinf_engine_config builtin = {.kind = PINF_ENGINE_BUILTIN};
	struct pinf_bytes out = {0};
	assert_ok(pinf_engine_new(&engine, &builtin, NULL, NULL));
	assert_int_not_equal(pinf_engine_run(engine, SPAN("not a document"), 100, &out), PINF_OK);
	pinf_engine_free(engine);
	pinf_engine_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_builtin),
	    cmocka_unit_test(test_command),
	    cmocka_unit_test(test_command_limits),
	    cmocka_unit_test(test_openai),
	    cmocka_unit_test(test_bad_config),
	};

	pinf_harden(); /* a program that reads nothing must not end us with SIGPIPE */
	pinf_log_set_level(PINF_LOG_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
