/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_check.c -- the strict check in front of the parser, and its limits.  spec/json.md. */
#include "unit/unit.h"

#include "core/json.h"

static const struct check {
	const char *text;
	enum pinf_err err;
	size_t at;
} checks[] = {
    {"null", PINF_OK, 0},
    {" \t\r\n[true,false , null]\n", PINF_OK, 0},
    {"{}", PINF_OK, 0},
    {"[]", PINF_OK, 0},
    {"[[],{},[{}]]", PINF_OK, 0},
    {"{\"a\":1,\"b\":[{\"a\":2},{\"a\":3}],\"A\":{\"b\":{}}}", PINF_OK, 0},
    {"[0,-0,1,-1,10,0.5,-0.25e+10,1E-2,1e5,123456789012345678901234567890]", PINF_OK, 0},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u00e9\\uFFFF\\ud83d\\ude00\"", PINF_OK, 0},
    {"\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80"
     "\xf4\x8f\xbf\xbf\"",
	PINF_OK, 0},
    /* Structure. */
    {"", PINF_E_SYNTAX, 0},
    {"  ", PINF_E_SYNTAX, 2},
    {"nul", PINF_E_SYNTAX, 0},
    {"truefalse", PINF_E_SYNTAX, 4},
    {"NaN", PINF_E_SYNTAX, 0},
    {"Infinity", PINF_E_SYNTAX, 0},
    {"'a'", PINF_E_SYNTAX, 0},
    {"[", PINF_E_SYNTAX, 1},
    {"[1", PINF_E_SYNTAX, 2},
    {"[1,", PINF_E_SYNTAX, 3},
    {"[1,]", PINF_E_SYNTAX, 3},
    {"[,1]", PINF_E_SYNTAX, 1},
    {"[1 2]", PINF_E_SYNTAX, 3},
    {"[1}", PINF_E_SYNTAX, 2},
    {"]", PINF_E_SYNTAX, 0},
    {"[]]", PINF_E_SYNTAX, 2},
    {"{} {}", PINF_E_SYNTAX, 3},
    {"{", PINF_E_SYNTAX, 1},
    {"{\"a\"}", PINF_E_SYNTAX, 4},
    {"{\"a\":}", PINF_E_SYNTAX, 5},
    {"{\"a\":1,}", PINF_E_SYNTAX, 7},
    {"{\"a\":1]", PINF_E_SYNTAX, 6},
    {"{a:1}", PINF_E_SYNTAX, 1},
    {"{1:1}", PINF_E_SYNTAX, 1},
    {"{\"a\":1 \"b\":2}", PINF_E_SYNTAX, 7},
    {"[1]//", PINF_E_SYNTAX, 3},
    {"[1\f]", PINF_E_SYNTAX, 2},
    {"\xef\xbb\xbf[]", PINF_E_SYNTAX, 0},
    /* Numbers. */
    {"01", PINF_E_SYNTAX, 1},
    {"-01", PINF_E_SYNTAX, 2},
    {"+1", PINF_E_SYNTAX, 0},
    {"-", PINF_E_SYNTAX, 1},
    {".5", PINF_E_SYNTAX, 0},
    {"1.", PINF_E_SYNTAX, 2},
    {"1.e1", PINF_E_SYNTAX, 2},
    {"1e", PINF_E_SYNTAX, 2},
    {"1e+", PINF_E_SYNTAX, 3},
    {"0x10", PINF_E_SYNTAX, 1},
    {"1_0", PINF_E_SYNTAX, 1},
    {"[12345678901234567890123456789012]", PINF_OK, 0},
    {"[123456789012345678901234567890123]", PINF_E_TOO_LARGE, 1},
    /* Strings. */
    {"\"", PINF_E_SYNTAX, 1},
    {"\"abc", PINF_E_SYNTAX, 4},
    {"\"a\nb\"", PINF_E_SYNTAX, 2},
    {"\"1234567\x1f\"", PINF_E_SYNTAX, 8},
    {"\"\\\"", PINF_E_SYNTAX, 3},
    {"\"\\", PINF_E_SYNTAX, 1},
    {"\"\\x41\"", PINF_E_SYNTAX, 1},
    {"\"\\u12\"", PINF_E_SYNTAX, 1},
    {"\"\\u12g4\"", PINF_E_SYNTAX, 1},
    {"\"\\U0041\"", PINF_E_SYNTAX, 1},
    {"\"a\\u0000\"", PINF_E_SYNTAX, 2},
    {"{\"\\u0000\":1}", PINF_E_SYNTAX, 2},
    {"\"\\ud800\"", PINF_E_SYNTAX, 1},
    {"\"\\ud800x\"", PINF_E_SYNTAX, 1},
    {"\"\\ud800\\u0041\"", PINF_E_SYNTAX, 1},
    {"\"\\ud800\\ud800\"", PINF_E_SYNTAX, 1},
    {"\"\\udc00\"", PINF_E_SYNTAX, 1},
    {"\"\\udc00\\ud800\"", PINF_E_SYNTAX, 1},
    {"\"\x80\"", PINF_E_UTF8, 1},
    {"\"ab\xc3\"", PINF_E_UTF8, 3},
    {"\"\xc0\x80\"", PINF_E_UTF8, 1},
    {"\"\xc1\xbf\"", PINF_E_UTF8, 1},
    {"\"\xe0\x9f\xbf\"", PINF_E_UTF8, 1},
    {"\"\xed\xa0\x80\"", PINF_E_UTF8, 1},
    {"\"\xf0\x8f\xbf\xbf\"", PINF_E_UTF8, 1},
    {"\"\xf4\x90\x80\x80\"", PINF_E_UTF8, 1},
    {"\"\xf5\x80\x80\x80\"", PINF_E_UTF8, 1},
    {"\"\xe2\x82\"", PINF_E_UTF8, 1},
    {"\"\xf0\x9f\x98\"", PINF_E_UTF8, 1},
    {"\"\xe2\x82", PINF_E_UTF8, 1},
    /* Duplicates, by what the names mean. */
    {"{\"a\":1,\"a\":2}", PINF_E_DUPLICATE, 7},
    {"{\"a\":1,\"\\u0061\":2}", PINF_E_DUPLICATE, 7},
    {"{\"\\u00e9\":1,\"\xc3\xa9\":2}", PINF_E_DUPLICATE, 12},
    {"{\"\\u20AC\\n\":1,\"\xe2\x82\xac\\u000a\":2}", PINF_E_DUPLICATE, 14},
    {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", PINF_E_DUPLICATE, 18},
    {"[{\"x\":{\"b\":0,\"c\":0,\"b\":0}}]", PINF_E_DUPLICATE, 19},
    {"{\"\":1,\"\":2}", PINF_E_DUPLICATE, 6},
    {"{\"a\":1,\"A\":2,\"a \":3,\"\\u00e0\":4}", PINF_OK, 0},
};

/* The rows "| `text` | `error` at byte N |" of spec/json.md. */
static void
examples_of_the_spec_hold(void **state)
{
	size_t len = 0, at = 0, rows = 0;
	char *page = (char *)unit_read_file(PINF_SOURCE_DIR "/spec/json.md", &len), *save = NULL;

	(void)state;
	assert_non_null(page);
	for (char *line = strtok_r(page, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char text[64], error[32] = "ok";
		unsigned byte = 0;
		const bool accepted = strstr(line, "` | accepted |") != NULL;
		const int got =
		    sscanf(line, "| `%63[^`]` | `%31[^`]` at byte %u", text, error, &byte);

		if (got != 3 && !(got == 1 && accepted))
			continue;
		rows++;
		assert_string_equal(pinf_err_name(pinf_json_check(SPAN(text), &at)), error);
		assert_int_equal(at, byte);
	}
	assert_int_equal(rows, 6);
	free(page);
}

static void
texts_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		const struct check *c = &checks[i];
		struct pinf_json *json = NULL;
		size_t at = 0;

		print_message("%s\n", c->text);
		assert_err(pinf_json_check(SPAN(c->text), &at), c->err);
		assert_int_equal(at, c->at);
		assert_err(pinf_json_parse(&json, SPAN(c->text), 1000), c->err);
		assert_int_equal(json != NULL, c->err == PINF_OK);
		pinf_json_free(json);
	}
	assert_err(pinf_json_check(span_of("[\0]", 3), NULL), PINF_E_SYNTAX);
	assert_err(pinf_json_check(span_of("\"a\0\"", 4), NULL), PINF_E_SYNTAX);
	assert_err(pinf_json_check(span_of("[]\0", 3), NULL), PINF_E_SYNTAX);
	assert_err(pinf_json_check(span_of(NULL, 0), NULL), PINF_E_SYNTAX);
	/* Only what is inside len counts, terminated or not. */
	assert_ok(pinf_json_check(span_of("[1]garbage", 3), NULL));
}

/* count times text, between brackets. */
static struct pinf_bytes
repeated(const char *open, unsigned count, const char *format, const char *close)
{
	struct pinf_bytes out = {0};
	char item[64];

	assert_ok(pinf_bytes_append(&out, open, strlen(open)));
	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(item, sizeof item, format, i);
		assert_ok(pinf_bytes_append(&out, i == 0 ? "" : ",", i == 0 ? 0 : 1));
		assert_ok(pinf_bytes_append(&out, item, strlen(item)));
	}
	assert_ok(pinf_bytes_append(&out, close, strlen(close)));
	return out;
}

static void
limits_hold(void **state)
{
	static const struct {
		const char *open, *item, *close;
		unsigned count;
		enum pinf_err err;
	} cases[] = {
	    {"{", "\"%u\":0", "}", PINF_JSON_MEMBERS_MAX, PINF_OK},
	    {"{", "\"%u\":0", "}", PINF_JSON_MEMBERS_MAX + 1, PINF_E_TOO_LARGE},
	    {"[", "%u", "]", PINF_JSON_VALUES_MAX - 1, PINF_OK},
	    {"[", "%u", "]", PINF_JSON_VALUES_MAX, PINF_E_TOO_LARGE},
	};
	char deep[2 * PINF_JSON_DEPTH_MAX + 3], name[PINF_JSON_NAME_MAX + 8];
	struct pinf_json *json = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_bytes text =
		    repeated(cases[i].open, cases[i].count, cases[i].item, cases[i].close);

		assert_err(pinf_json_check(pinf_span_of(&text), NULL), cases[i].err);
		pinf_bytes_free(&text);
	}
	for (size_t depth = PINF_JSON_DEPTH_MAX; depth <= PINF_JSON_DEPTH_MAX + 1; depth++) {
		memset(deep, '[', depth);
		memset(deep + depth, ']', depth);
		assert_err(pinf_json_check(span_of(deep, 2 * depth), NULL),
		    depth > PINF_JSON_DEPTH_MAX ? PINF_E_DEPTH : PINF_OK);
	}
	memset(name, 'n', sizeof name);
	memcpy(name, "{\"", 2);
	memcpy(name + 2 + PINF_JSON_NAME_MAX, "\":1}", 4);
	assert_ok(pinf_json_check(span_of(name, PINF_JSON_NAME_MAX + 6), NULL));
	memcpy(name + 2 + PINF_JSON_NAME_MAX, "n\":1}", 5);
	assert_err(pinf_json_check(span_of(name, PINF_JSON_NAME_MAX + 7), NULL), PINF_E_TOO_LARGE);
	assert_err(pinf_json_parse(&json, SPAN("[1]"), 2), PINF_E_TOO_LARGE);
	assert_err(pinf_json_check(span_of("", PINF_JSON_TEXT_MAX + 1), NULL), PINF_E_TOO_LARGE);
}

static void
utf8_is_measured(void **state)
{
	(void)state;
	assert_int_equal(pinf_utf8_valid(SPAN("")), 0);
	assert_int_equal(pinf_utf8_valid(SPAN("plain \"text\" \\ \x01 \xe2\x82\xac!")), 21);
	assert_int_equal(pinf_utf8_valid(SPAN("0123456789\xe2\x82")), 10);
	assert_int_equal(pinf_utf8_valid(SPAN("\xed\xa0\x80")), 0);
}

static struct pinf_json *
parsed(const struct pinf_bytes *text)
{
	struct pinf_json *json = NULL;

	assert_ok(pinf_json_parse(&json, pinf_span_of(text), text->len));
	return json;
}

static void
wide_objects_are_not_read_by_name(void **state)
{
	struct pinf_bytes text = repeated("{", PINF_JSON_FIELDS_MAX + 1, "\"x-%u\":0", "}");
	struct pinf_json *json = parsed(&text);
	struct pinf_json_reader r = pinf_json_root(json);

	(void)state;
	assert_err(pinf_json_end(&r), PINF_E_TOO_LARGE);
	pinf_json_free(json);
	pinf_bytes_free(&text);
	text = repeated("{", PINF_JSON_FIELDS_MAX, "\"x-%u\":0", "}");
	json = parsed(&text);
	r = pinf_json_root(json);
	assert_ok(pinf_json_end(&r));
	pinf_json_free(json);
	pinf_bytes_free(&text);
}

/* Mutations of valid texts: what the check passes, cJSON always parses; strings survive a rewrite. */
static void
check_and_parser_agree(void **state)
{
	static const char *const seeds[] = {
	    "{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\"],\"b\":{\"c\":null,\"d\":true}}",
	    "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",{\"\":{}},[[[]]],0.1,1E+2,\"\xe2\x82\xac\"]",
	    "{\"t\":\"plain text with spaces\",\"n\":12345678901234567890}"};
	static const char alphabet[] = "{}[]\",:\\u0019eE+-.dDcC tfn\xe2\x82\xac\xf0\x9f\x01";
	unsigned accepted = 0;
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char text[128];
		uint8_t dice[9];
		struct pinf_json *json = NULL;
		size_t len = strlen(seeds[i % 3]);
		enum pinf_err err;

		memcpy(text, seeds[i % 3], len);
		(void)unit_fill(&seed, dice, sizeof dice);
		for (unsigned k = 0; k < 1 + dice[0] % 3u; k++)
			text[dice[1 + k] % len] = alphabet[dice[4 + k] % (sizeof alphabet - 1)];
		err = pinf_json_check(span_of(text, len), NULL);
		assert_err(pinf_json_parse(&json, span_of(text, len), len), err);
		pinf_json_free(json);
		accepted += err == PINF_OK;
	}
	assert_in_range(accepted, 1000, 15000); /* else the mutations test nothing */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_of_the_spec_hold),
	    cmocka_unit_test(texts_are_checked),
	    cmocka_unit_test(limits_hold),
	    cmocka_unit_test(utf8_is_measured),
	    cmocka_unit_test(wide_objects_are_not_read_by_name),
	    cmocka_unit_test(check_and_parser_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
