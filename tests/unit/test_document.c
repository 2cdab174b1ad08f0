/* SPDX-License-Identifier: Apache-2.0 */
/* test_document.c -- input and result documents: bytes, limits, canonical form.  spec/documents.md. */
#include "unit/unit.h"

#include <pinf/document.h>

#define IN(rest)     "{\"document\":\"pinf-input-1\"," rest "}"
#define RESULT(text) "{\"completion_tokens\":2,\"document\":\"pinf-result-1\"," text "}"
#define REST         "\"finish_reason\":\"stop\",\"model\":\"echo\",\"prompt_tokens\":1,\"text\":\"Hi\""

/* The worked examples of spec/documents.md. */
static const char full_input[] =
    "{\"document\":\"pinf-input-1\",\"frequency_penalty\":-0.5,\"max_tokens\":256,"
    "\"presence_penalty\":0,\"prompt\":\"Translate: \\\"gr\xc3\xbc\xc3\x9f dich\\\"\\n\","
    "\"prompt_template\":\"chatml\",\"prompt_type\":\"text\",\"temperature\":0.7,\"top_k\":40,"
    "\"top_p\":0.000001}";
static const char small_result[] = RESULT(REST);

static void
fill(struct pinf_bytes *to, const char *text)
{
	assert_ok(pinf_bytes_append(to, text, strlen(text)));
}

static void
examples_are_in_the_spec(void **state)
{
	(void)state;
	assert_true(unit_in_spec("documents.md", full_input));
	assert_true(unit_in_spec("documents.md", small_result));
	assert_false(unit_in_spec("documents.md", "pinf-input-3"));
}

static void
inputs_go_both_ways(void **state)
{
	struct pinf_input input = {
	    .prompt_type = "text",
	    .max_tokens = 256,
	    .top_k = 40,
	    .has = {true, true, true, true},
	    .sampling = {[PINF_TEMPERATURE] = 700000,
		[PINF_TOP_P] = 1,
		[PINF_PRESENCE_PENALTY] = 0,
		[PINF_FREQUENCY_PENALTY] = -500000},
	};
	struct pinf_input again = {0};
	struct pinf_bytes out = {0};

	(void)state;
	fill(&input.prompt, "Translate: \"gr\xc3\xbc\xc3\x9f dich\"\n");
	fill(&input.prompt_template, "chatml");
	fill(&out, ">");
	assert_ok(pinf_input_encode(&out, &input));
	assert_string_equal((char *)out.data + 1, full_input); /* appended */
	assert_ok(pinf_input_decode(&again, SPAN(full_input)));
	assert_string_equal((char *)again.prompt.data, (char *)input.prompt.data);
	assert_string_equal((char *)again.prompt_template.data, "chatml");
	assert_string_equal(again.prompt_type, "text");
	assert_int_equal(again.max_tokens, 256);
	assert_int_equal(again.top_k, 40);
	assert_memory_equal(again.has, input.has, sizeof input.has);
	assert_memory_equal(again.sampling, input.sampling, sizeof input.sampling);
	pinf_input_free(&again);
	assert_null(again.prompt.data);

	assert_ok(pinf_input_decode(&again, SPAN(IN("\"prompt\":\"?\""))));
	assert_false(again.has[PINF_TEMPERATURE]);
	assert_int_equal(again.max_tokens, 0);
	assert_int_equal(again.prompt_template.len, 0);
	pinf_input_free(&again);
	pinf_input_free(&input);
	pinf_bytes_free(&out);
}

static void
results_go_both_ways(void **state)
{
	struct pinf_result result = {
	    .finish_reason = "stop", .model = "echo", .prompt_tokens = 1, .completion_tokens = 2};
	struct pinf_result again = {0};
	struct pinf_bytes out = {0};

	(void)state;
	fill(&result.text, "Hi");
	assert_ok(pinf_result_encode(&out, &result));
	assert_string_equal((char *)out.data, small_result);
	assert_ok(pinf_result_decode(&again, SPAN(small_result)));
	assert_string_equal((char *)again.text.data, "Hi");
	assert_string_equal(again.finish_reason, "stop");
	assert_string_equal(again.model, "echo");
	assert_int_equal(again.prompt_tokens, 1);
	assert_int_equal(again.completion_tokens, 2);
	pinf_result_free(&again);

	result.text.len = 0; /* an empty answer is one */
	out.len = 0;
	assert_ok(pinf_result_encode(&out, &result));
	assert_ok(pinf_result_decode(&again, pinf_span_of(&out)));
	assert_int_equal(again.text.len, 0);
	pinf_result_free(&again);
	pinf_result_free(&result);
	pinf_bytes_free(&out);
}

static void
bad_inputs_say_why(void **state)
{
	static const struct {
		const char *json;
		enum pinf_err err;
	} cases[] = {
	    {"", PINF_E_SYNTAX},
	    {"[]", PINF_E_TYPE},
	    {"{\"document\":\"pinf-input-1\"}", PINF_E_MISSING},
	    {"{\"prompt\":\"a\"}", PINF_E_MISSING},
	    {"{\"document\":\"pinf-input-2\",\"prompt\":\"a\"}", PINF_E_TYPE},
	    {small_result, PINF_E_TYPE},
	    {IN("\"prompt\":\"\""), PINF_E_LENGTH},
	    {IN("\"prompt\":1"), PINF_E_TYPE},
	    {IN("\"prompt\":\"a\xff\""), PINF_E_UTF8},
	    {IN("\"prompt\":\"a\\u0000\""), PINF_E_SYNTAX},
	    {IN("\"prompt\":\"a\",\"prompt\":\"a\""), PINF_E_DUPLICATE},
	    {IN("\"prompt\":\"a\",\"seed\":1"), PINF_E_UNKNOWN_FIELD},
	    {IN("\"max_tokens\":-1,\"prompt\":\"a\""), PINF_E_RANGE},
	    {IN("\"max_tokens\":4294967296,\"prompt\":\"a\""), PINF_E_RANGE},
	    {IN("\"prompt\":\"a\",\"temperature\":100.000001"), PINF_E_RANGE},
	    {IN("\"prompt\":\"a\",\"temperature\":0.1234567"), PINF_E_RANGE},
	    {IN("\"prompt\":\"a\",\"temperature\":\"0.7\""), PINF_E_TYPE},
	    /* Right, but not the one spelling. */
	    {" " IN("\"prompt\":\"a\""), PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\":\"a\"") "\n", PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\": \"a\""), PINF_E_NOT_CANONICAL},
	    {"{\"prompt\":\"a\",\"document\":\"pinf-input-1\"}", PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\":\"\\u0061\""), PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\":\"\\/\""), PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\":\"\\u000A\""), PINF_E_NOT_CANONICAL},
	    {IN("\"max_tokens\":1e2,\"prompt\":\"a\""), PINF_E_NOT_CANONICAL},
	    {IN("\"max_tokens\":0,\"prompt\":\"a\""), PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\":\"a\",\"prompt_template\":\"\""), PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\":\"a\",\"temperature\":0.70"), PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\":\"a\",\"temperature\":-0"), PINF_E_NOT_CANONICAL},
	    {IN("\"prompt\":\"a\",\"x-note\":1"), PINF_E_NOT_CANONICAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_input input = {.top_k = 77};

		print_message("%s\n", cases[i].json);
		assert_err(pinf_input_decode(&input, SPAN(cases[i].json)), cases[i].err);
		assert_int_equal(input.top_k, 77);
	}
}

#define L128                                                                                       \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                         \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
bad_results_say_why(void **state)
{
	static const struct {
		const char *json;
		enum pinf_err err;
	} cases[] = {
	    {"{", PINF_E_SYNTAX},
	    {full_input, PINF_E_TYPE},
	    {RESULT("\"finish_reason\":\"stop\",\"model\":\"m\",\"prompt_tokens\":1"),
		PINF_E_MISSING},
	    {RESULT("\"model\":\"m\",\"prompt_tokens\":1,\"text\":\"\""), PINF_E_MISSING},
	    {RESULT(REST ",\"x-y\":1"), PINF_E_NOT_CANONICAL},
	    {RESULT(REST ",\"usage\":1"), PINF_E_UNKNOWN_FIELD},
	    {RESULT("\"finish_reason\":\"" L128
		    "\",\"model\":\"m\",\"prompt_tokens\":1,\"text\":\"\""),
		PINF_OK},
	    {RESULT("\"finish_reason\":\"" L128
		    "x\",\"model\":\"m\",\"prompt_tokens\":1,\"text\":\"\""),
		PINF_E_LENGTH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_result result = {.prompt_tokens = 77};

		assert_err(pinf_result_decode(&result, SPAN(cases[i].json)), cases[i].err);
		if (cases[i].err == PINF_OK)
			pinf_result_free(&result);
		else
			assert_int_equal(result.prompt_tokens, 77);
	}
}

static void
encoders_refuse_what_decoders_would(void **state)
{
	struct pinf_input input = {0};
	struct pinf_result result = {0};
	struct pinf_bytes out = {0};

	(void)state;
	fill(&out, ">");
	assert_err(pinf_input_encode(&out, &input), PINF_E_LENGTH);
	fill(&input.prompt, "a");
	input.has[PINF_TOP_P] = true;
	input.sampling[PINF_TOP_P] = 100000001;
	assert_err(pinf_input_encode(&out, &input), PINF_E_RANGE);
	input.sampling[PINF_TOP_P] = -100000001;
	assert_err(pinf_input_encode(&out, &input), PINF_E_RANGE);
	input.sampling[PINF_TOP_P] = -100000000;
	fill(&input.prompt_template, "\xc3");
	assert_err(pinf_input_encode(&out, &input), PINF_E_UTF8);
	input.prompt_template.len = 0;
	assert_ok(pinf_bytes_append(&input.prompt, "", 1));
	assert_err(pinf_input_encode(&out, &input), PINF_E_SYNTAX);
	assert_int_equal(out.len, 1);
	/* Only lengths are looked at: nothing of this size is needed. */
	input.prompt.len = PINF_PROMPT_MAX + 1;
	assert_err(pinf_input_encode(&out, &input), PINF_E_TOO_LARGE);
	input.prompt.len = PINF_PROMPT_MAX;
	input.prompt_template.len = 1;
	assert_err(pinf_input_encode(&out, &input), PINF_E_TOO_LARGE);
	result.text.len = PINF_PROMPT_MAX + 1;
	assert_err(pinf_result_encode(&out, &result), PINF_E_TOO_LARGE);
	result.text.len = 0;
	memcpy(result.model, "\xff", 2);
	assert_err(pinf_result_encode(&out, &result), PINF_E_UTF8);
	pinf_input_free(&input);
	pinf_result_free(&result);
	pinf_bytes_free(&out);
}

/* 10 MB of prose, of CJK, of nothing but escapes: what grows, grows linearly. */
static void
long_prompts_survive(void **state)
{
	static const char *const pieces[] = {"The quick brown fox jumps over \"the\" lazy dog.\n",
	    "\xe6\xbc\xa2\xe5\xad\x97", "\x01"};

	(void)state;
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct pinf_input input = {0}, again = {0};
		struct pinf_bytes out = {0};

		while (input.prompt.len < 10000000)
			fill(&input.prompt, pieces[i]);
		assert_ok(pinf_input_encode(&out, &input));
		assert_ok(pinf_input_decode(&again, pinf_span_of(&out)));
		assert_true(
		    pinf_span_equal(pinf_span_of(&input.prompt), pinf_span_of(&again.prompt)));
		pinf_input_free(&input);
		pinf_input_free(&again);
		pinf_bytes_free(&out);
	}
}

/* A document that decodes is the only one of its content, however it was come by. */
static void
mutations_stay_consistent(void **state)
{
	static const char alphabet[] = "0123456789.-eE abtr\"\\,:{}x";
	uint64_t seed = 11;
	unsigned accepted = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct pinf_input input;
		struct pinf_bytes out = {0};
		char text[sizeof full_input];
		uint8_t dice[2];
		const size_t len = sizeof full_input - 1;

		memcpy(text, full_input, len);
		(void)unit_fill(&seed, dice, sizeof dice);
		text[dice[0] % len] = alphabet[dice[1] % (sizeof alphabet - 1)];
		if (pinf_input_decode(&input, span_of(text, len)) != PINF_OK)
			continue;
		accepted++;
		assert_ok(pinf_input_encode(&out, &input));
		assert_true(pinf_span_equal(pinf_span_of(&out), span_of(text, len)));
		pinf_bytes_free(&out);
		pinf_input_free(&input);
	}
	assert_in_range(accepted, 300, 8000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_are_in_the_spec),
	    cmocka_unit_test(inputs_go_both_ways),
	    cmocka_unit_test(results_go_both_ways),
	    cmocka_unit_test(bad_inputs_say_why),
	    cmocka_unit_test(bad_results_say_why),
	    cmocka_unit_test(encoders_refuse_what_decoders_would),
	    cmocka_unit_test(long_prompts_survive),
	    cmocka_unit_test(mutations_stay_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
