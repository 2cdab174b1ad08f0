/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c -- readers and the writer.  spec/json.md. */
#include "unit/unit.h"

#include "core/json.h"

static struct pinf_json *
parsed(const char *text)
{
	struct pinf_json *json = NULL;

	assert_ok(pinf_json_parse(&json, SPAN(text), 100000));
	return json;
}

static void
fields_are_read(void **state)
{
	struct pinf_json *json =
	    parsed("{\"id\":9007199254740991,\"yes\":true,\"no\":false,"
		   "\"t\":\"a\\u00e9\\n\",\"label\":\"abc\",\"hex\":\"00ff\",\"hex0x\":\"0x7f\","
		   "\"who\":\"0x00000000000000000000000000000000000000aa\","
		   "\"in\":{\"deep\":{\"n\":1e3}},\"list\":[{\"n\":1},{\"n\":2.0},{\"n\":3}],"
		   "\"words\":[\"a\",\"b\"],\"x-any\":null,\"micro\":-0.000001}");
	struct pinf_json_reader r = pinf_json_root(json), in, deep;
	struct pinf_address who;
	struct pinf_span text;
	uint64_t n = 7;
	uint8_t bytes[2];
	char label[4];
	int32_t micro;
	bool flag;

	(void)state;
	assert_true(pinf_json_has(&r, "id"));
	assert_false(pinf_json_has(&r, "ID"));
	assert_true(pinf_json_is_object(&r, "in"));
	assert_false(pinf_json_is_object(&r, "list"));
	assert_false(pinf_json_is_object(&r, "absent"));
	pinf_json_uint(&r, "absent", false, 1, &n);
	assert_int_equal(n, 7);
	pinf_json_id(&r, "absent", false, &n);
	assert_int_equal(n, 7);
	pinf_json_id(&r, "id", true, &n);
	assert_int_equal(n, PINF_ID_MAX);
	pinf_json_bool(&r, "yes", true, &flag);
	assert_true(flag);
	pinf_json_bool(&r, "no", true, &flag);
	assert_false(flag);
	pinf_json_text(&r, "t", true, &text);
	assert_true(pinf_span_equal(text, SPAN("a\xc3\xa9\n")));
	pinf_json_label(&r, "label", true, label, sizeof label);
	assert_string_equal(label, "abc");
	pinf_json_hex(&r, "hex", true, false, bytes, 2);
	assert_memory_equal(bytes, "\x00\xff", 2);
	pinf_json_hex(&r, "hex0x", true, true, bytes, 1);
	assert_int_equal(bytes[0], 0x7f);
	pinf_json_address(&r, "who", true, &who);
	assert_int_equal(who.bytes[19], 0xaa);
	pinf_json_micro(&r, "micro", 1, &flag, &micro);
	assert_true(flag && micro == -1);
	pinf_json_micro(&r, "absent", 1, &flag, &micro);
	assert_false(flag);
	in = pinf_json_object(&r, "in", true);
	deep = pinf_json_object(&in, "deep", true);
	pinf_json_uint(&deep, "n", true, 1000, &n);
	assert_int_equal(n, 1000);
	pinf_json_leave(&in, &deep, "deep");
	pinf_json_leave(&r, &in, "in");
	assert_int_equal(pinf_json_array(&r, "list", true, 3), 3);
	for (size_t i = 3; i-- > 0;) {
		struct pinf_json_reader item = pinf_json_item(&r, "list", i);

		pinf_json_uint(&item, "n", true, 9, &n);
		assert_int_equal(n, i + 1);
		pinf_json_leave(&r, &item, "list");
	}
	assert_int_equal(pinf_json_array(&r, "words", false, 2), 2);
	pinf_json_item_text(&r, "words", 1, &text);
	assert_true(pinf_span_equal(text, SPAN("b")));
	assert_int_equal(pinf_json_array(&r, "absent", false, 2), 0);
	assert_null(pinf_json_object(&r, "absent", false).object);
	assert_ok(pinf_json_end(&r));
	pinf_json_free(json);
}

/* What each reading says to each value, and which field it names. */
static void
readings_fail(void **state)
{
	static const struct {
		const char *text;
		char how; /* the reading, on field "f" */
		enum pinf_err err;
		const char *field;
	} cases[] = {
	    {"{}", 'u', PINF_E_MISSING, "f"},
	    {"{\"f\":11}", 'u', PINF_E_RANGE, "f"},
	    {"{\"f\":-1}", 'u', PINF_E_RANGE, "f"},
	    {"{\"f\":1e400}", 'u', PINF_E_RANGE, "f"},
	    {"{\"f\":1.5}", 'u', PINF_E_TYPE, "f"},
	    {"{\"f\":1e-9}", 'u', PINF_E_TYPE, "f"},
	    {"{\"f\":\"1\"}", 'u', PINF_E_TYPE, "f"},
	    {"{\"f\":null}", 'u', PINF_E_TYPE, "f"},
	    {"{\"f\":true}", 'u', PINF_E_TYPE, "f"},
	    {"{\"f\":-0}", 'u', PINF_OK, ""},
	    {"{\"f\":10.0}", 'u', PINF_OK, ""},
	    {"{\"f\":1,\"g\":2}", 'u', PINF_E_UNKNOWN_FIELD, "g"},
	    {"{\"f\":1,\"x-g\":2}", 'u', PINF_OK, ""},
	    {"{\"f\":1,\"X-g\":2}", 'u', PINF_E_UNKNOWN_FIELD, "X-g"},
	    {"[]", 'u', PINF_E_TYPE, ""},
	    {"1", 'u', PINF_E_TYPE, ""},
	    {"{}", 'i', PINF_E_MISSING, "f"},
	    {"{\"f\":0}", 'i', PINF_E_ID_RANGE, "f"},
	    {"{\"f\":9007199254740992}", 'i', PINF_E_ID_RANGE, "f"},
	    {"{\"f\":9007199254740993}", 'i', PINF_E_ID_RANGE, "f"},
	    {"{\"f\":18446744073709551617}", 'i', PINF_E_ID_RANGE, "f"},
	    {"{\"f\":9007199254740991}", 'i', PINF_OK, ""},
	    {"{\"f\":\"1\"}", 'i', PINF_E_TYPE, "f"},
	    {"{\"f\":0}", 'b', PINF_E_TYPE, "f"},
	    {"{\"f\":100}", 'm', PINF_OK, ""},
	    {"{\"f\":0.7}", 'm', PINF_OK, ""},
	    {"{\"f\":1.0000001e0}", 'm', PINF_E_RANGE, "f"},
	    {"{\"f\":0.30000000000000004}", 'm', PINF_E_RANGE, "f"},
	    {"{\"f\":100.000001}", 'm', PINF_E_RANGE, "f"},
	    {"{\"f\":-100.000001}", 'm', PINF_E_RANGE, "f"},
	    {"{\"f\":1e-7}", 'm', PINF_E_RANGE, "f"},
	    {"{\"f\":\"1\"}", 'm', PINF_E_TYPE, "f"},
	    {"{\"f\":1}", 't', PINF_E_TYPE, "f"},
	    {"{\"f\":\"abc\"}", 'l', PINF_OK, ""},
	    {"{\"f\":\"abcd\"}", 'l', PINF_E_LENGTH, "f"},
	    {"{\"f\":\"0x00\"}", 'h', PINF_OK, ""},
	    {"{\"f\":\"0x000\"}", 'h', PINF_E_LENGTH, "f"},
	    {"{\"f\":\"0000\"}", 'h', PINF_E_SYNTAX, "f"},
	    {"{\"f\":\"0\"}", 'h', PINF_E_SYNTAX, "f"},
	    {"{\"f\":\"0xAA\"}", 'h', PINF_E_SYNTAX, "f"},
	    {"{\"f\":\"0x00\"}", 'a', PINF_E_ADDRESS, "f"},
	    {"{\"f\":[]}", 'o', PINF_E_TYPE, "f"},
	    {"{\"f\":{}}", 'o', PINF_E_MISSING, "f.n"},
	    {"{\"f\":{\"n\":1,\"m\":2}}", 'o', PINF_E_UNKNOWN_FIELD, "f.m"},
	    {"{\"f\":{}}", 'r', PINF_E_TYPE, "f"},
	    {"{\"f\":[1,2,3]}", 'r', PINF_E_TOO_LARGE, "f"},
	    {"{\"f\":[1]}", 'r', PINF_E_TYPE, "f"},
	    {"{\"f\":[{\"n\":1},{\"n\":\"\"}]}", 'r', PINF_E_TYPE, "f.n"},
	    {"{\"f\":[{}]}", 's', PINF_E_TYPE, "f"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_json *json = parsed(cases[i].text);
		struct pinf_json_reader r = pinf_json_root(json), nested = {0};
		struct pinf_span text;
		struct pinf_address address;
		char label[4];
		uint8_t byte;
		uint64_t n = 99;
		int32_t micro;
		bool flag;
		size_t len;

		print_message("%s %c\n", cases[i].text, cases[i].how);
		switch (cases[i].how) {
		case 'u': pinf_json_uint(&r, "f", true, 10, &n); break;
		case 'i': pinf_json_id(&r, "f", true, &n); break;
		case 'b': pinf_json_bool(&r, "f", true, &flag); break;
		case 'm': pinf_json_micro(&r, "f", 100, &flag, &micro); break;
		case 't': pinf_json_text(&r, "f", true, &text); break;
		case 'l': pinf_json_label(&r, "f", true, label, sizeof label); break;
		case 'h': pinf_json_hex(&r, "f", true, true, &byte, 1); break;
		case 'a': pinf_json_address(&r, "f", true, &address); break;
		case 's': pinf_json_item_text(&r, "f", 0, &text); break;
		case 'o':
			nested = pinf_json_object(&r, "f", true);
			pinf_json_uint(&nested, "n", true, 10, &n);
			pinf_json_leave(&r, &nested, "f");
			break;
		default:
			len = pinf_json_array(&r, "f", true, 2);
			for (size_t k = 0; k < len; k++) {
				nested = pinf_json_item(&r, "f", k);
				pinf_json_uint(&nested, "n", true, 10, &n);
				pinf_json_leave(&r, &nested, "f");
			}
		}
		if (cases[i].how == 'u' && cases[i].err != PINF_OK && *cases[i].field == 'f')
			assert_int_equal(n, 0);
		/* The first error sticks, and later readings are zeros. */
		if (r.err != PINF_OK) {
			pinf_json_uint(&r, "f", true, 10, &n);
			assert_int_equal(n, 0);
			pinf_json_fail(&r, "z", PINF_E_CONFLICT);
		}
		assert_err(pinf_json_end(&r), cases[i].err);
		assert_string_equal(r.field, cases[i].field);
		pinf_json_free(json);
	}
}

static void
long_field_names_are_cut_between_characters(void **state)
{
	struct pinf_json *json =
	    parsed("{\"a23456789012345678901234567890123456789012345678901234567"
		   "89012\xe2\x82\xac\":1}");
	struct pinf_json_reader r = pinf_json_root(json);

	(void)state;
	assert_err(pinf_json_end(&r), PINF_E_UNKNOWN_FIELD);
	assert_string_equal(
	    r.field, "a2345678901234567890123456789012345678901234567890123456789012");
	pinf_json_free(json);
}

static void
writer_writes_rfc8785(void **state)
{
	static const struct {
		int32_t millionths;
		const char *text;
	} micros[] = {{0, "0"}, {1, "0.000001"}, {-1, "-0.000001"}, {700000, "0.7"}, {1000000, "1"},
	    {-1500000, "-1.5"}, {100000000, "100"}, {10, "0.00001"}, {123456789, "123.456789"},
	    {INT32_MIN, "-2147.483648"}, {INT32_MAX, "2147.483647"}};
	struct pinf_bytes out = {0};
	struct pinf_json_writer w = pinf_json_write_to(&out);
	uint8_t long_hex[33] = {0xab};

	(void)state;
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_address(&w, "a", &(struct pinf_address){{0xaa}});
	pinf_json_put_bool(&w, "b", true);
	pinf_json_open(&w, "c", '[');
	pinf_json_put_null(&w, NULL);
	pinf_json_put_uint(&w, NULL, PINF_ID_MAX);
	pinf_json_open(&w, NULL, '{');
	pinf_json_close(&w, '}');
	pinf_json_close(&w, ']');
	pinf_json_put_hex(&w, "d", false, long_hex, 33);
	pinf_json_put_raw(&w, "e", SPAN("[1]"));
	pinf_json_put_str(
	    &w, "f", "\x01\x1f\b\t\n\f\r\"\\/\x7f\xc2\x80\xe2\x80\xa8\xf0\x9f\x98\x80 <end>");
	pinf_json_put_text(&w, "g", (struct pinf_span){0});
	pinf_json_close(&w, '}');
	assert_ok(pinf_json_written(&w));
	assert_string_equal((char *)out.data,
	    "{\"a\":\"0xaa00000000000000000000000000000000000000\",\"b\":true,"
	    "\"c\":[null,9007199254740991,{}],"
	    "\"d\":\"ab0000000000000000000000000000000000000000000000000000000000000000\",\"e\":[1]"
	    ","
	    "\"f\":\"\\u0001\\u001f\\b\\t\\n\\f\\r\\\"\\\\/"
	    "\x7f\xc2\x80\xe2\x80\xa8\xf0\x9f\x98\x80 "
	    "<end>\","
	    "\"g\":\"\"}");
	for (size_t i = 0; i < sizeof micros / sizeof *micros; i++) {
		struct pinf_json *json;
		struct pinf_json_reader r;
		int32_t again = 0;
		bool has;

		out.len = 0;
		w = pinf_json_write_to(&out);
		pinf_json_open(&w, NULL, '{');
		pinf_json_put_micro(&w, "m", micros[i].millionths);
		pinf_json_close(&w, '}');
		assert_memory_equal(out.data + 5, micros[i].text, out.len - 6);
		json = parsed((char *)out.data);
		r = pinf_json_root(json);
		pinf_json_micro(&r, "m", 2147, &has, &again);
		if (micros[i].millionths / 1000000 % 2147 != 0 || micros[i].millionths == 0)
			assert_int_equal(again, micros[i].millionths);
		pinf_json_free(json);
	}
	pinf_bytes_free(&out);
}

static void
writer_refuses_what_no_reader_takes(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		enum pinf_err err;
	} cases[] = {{"a\0b", 3, PINF_E_SYNTAX}, {"a\xff", 2, PINF_E_UTF8},
	    {"a\xe2\x82", 3, PINF_E_UTF8}, {"\xed\xa0\x80", 3, PINF_E_UTF8}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_bytes out = {0};
		struct pinf_json_writer w = pinf_json_write_to(&out);

		pinf_json_put_text(&w, NULL, span_of(cases[i].text, cases[i].len));
		pinf_json_put_null(&w, NULL);
		assert_err(pinf_json_written(&w), cases[i].err);
		pinf_bytes_free(&out);
	}
}

/* Every number of millionths near 0 and sampled elsewhere reads back as itself. */
static void
millionths_are_exact(void **state)
{
	struct pinf_bytes out = {0};

	(void)state;
	for (int32_t n = -100000000; n <= 100000000; n += n > -3000 && n < 3000 ? 1 : 39119) {
		struct pinf_json_writer w = pinf_json_write_to(&out);
		struct pinf_json *json;
		struct pinf_json_reader r;
		int32_t again = 0;
		bool has = false;

		out.len = 0;
		pinf_json_open(&w, NULL, '{');
		pinf_json_put_micro(&w, "m", n);
		pinf_json_close(&w, '}');
		json = parsed((char *)out.data);
		r = pinf_json_root(json);
		pinf_json_micro(&r, "m", 100, &has, &again);
		assert_ok(pinf_json_end(&r));
		assert_true(has && again == n);
		pinf_json_free(json);
	}
	pinf_bytes_free(&out);
}

static void
signed_integers_and_nulls(void **state)
{
	struct pinf_json *json =
	    parsed("{\"low\":-2147483648,\"high\":2147483647.0,\"under\":"
		   "-2147483649,\"over\":2147483648,\"part\":-0.5,\"null\":null}");
	struct pinf_json_reader r = pinf_json_root(json), bad = r;
	int32_t n = 7;

	(void)state;
	assert_true(pinf_json_is_null(&r, "null"));
	assert_false(pinf_json_is_null(&r, "low") || pinf_json_is_null(&r, "absent"));
	pinf_json_int32(&r, "absent", false, &n);
	assert_int_equal(n, 7);
	pinf_json_int32(&r, "low", true, &n);
	assert_true(n == INT32_MIN);
	pinf_json_int32(&r, "high", true, &n);
	assert_true(n == INT32_MAX && r.err == PINF_OK);
	pinf_json_int32(&bad, "under", true, &n);
	assert_true(n == 0 && bad.err == PINF_E_RANGE);
	bad = r;
	pinf_json_int32(&bad, "over", true, &n);
	assert_err(bad.err, PINF_E_RANGE);
	bad = r;
	pinf_json_int32(&bad, "part", true, &n);
	assert_err(bad.err, PINF_E_TYPE);
	bad = r;
	pinf_json_int32(&bad, "null", true, &n);
	assert_err(bad.err, PINF_E_TYPE);
	pinf_json_free(json);
}

static void
arrays_are_read_under_a_name(void **state)
{
	struct pinf_json *json = NULL;
	struct pinf_json_reader r;
	struct pinf_span text;

	(void)state;
	assert_ok(pinf_json_parse_as(&json, "all", SPAN(" [\"a\",\"b\"] "), 100));
	r = pinf_json_root(json);
	assert_int_equal(pinf_json_array(&r, "all", true, 2), 2);
	pinf_json_item_text(&r, "all", 1, &text);
	assert_true(pinf_span_equal(text, SPAN("b")));
	assert_ok(pinf_json_end(&r));
	pinf_json_free(json);
	assert_err(pinf_json_parse_as(&json, "all", SPAN("[],\"x\":[]"), 100), PINF_E_SYNTAX);
	assert_err(pinf_json_parse_as(&json, "all", SPAN("[1]"), 2), PINF_E_TOO_LARGE);
}

static void
members_are_copied_and_compared_exactly(void **state)
{
	static const char text[] =
	    "{\"a\":{\"n\":9007199254740991,\"t\":[true,null,-1.5,1e999,\"\\u00e9\\n\"]},"
	    "\"b\":{\"t\":[true,null,-15e-1,1e400,\"é\\n\"],\"n\":9007199254740991.0},"
	    "\"c\":{\"n\":9007199254740990,\"t\":[true,null,-1.5,\"é\\n\"]},"
	    "\"d\":[1],\"e\":[1,1],\"f\":[true],\"g\":{\"1\":1},\"h\":{\"2\":1}}";
	static const char *const other[] = {"c", "d", "e", "f", "g", "h", "none"};
	struct pinf_json *json = NULL;
	struct pinf_json_reader r;
	struct pinf_bytes out = {0};

	(void)state;
	assert_ok(pinf_json_parse(&json, SPAN(text), sizeof text));
	r = pinf_json_root(json);
	pinf_json_raw(&r, "a", &out);
	pinf_json_raw(&r, "none", &out);
	assert_string_equal((const char *)out.data,
	    "{\"n\":9007199254740991,\"t\":[true,null,-1.5,1e400,\"é\\n\"]}");
	assert_true(pinf_json_same(&r, "a", &r, "b"));
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		for (size_t k = 0; k < sizeof other / sizeof other[0]; k++) {
			assert_false(pinf_json_same(&r, "a", &r, other[i]));
			assert_int_equal(
			    pinf_json_same(&r, other[i], &r, other[k]), i == k && i < 6);
		}
	assert_ok(pinf_json_end(&r));
	pinf_bytes_free(&out);
	pinf_json_free(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_are_copied_and_compared_exactly),
	    cmocka_unit_test(fields_are_read),
	    cmocka_unit_test(readings_fail),
	    cmocka_unit_test(long_field_names_are_cut_between_characters),
	    cmocka_unit_test(writer_writes_rfc8785),
	    cmocka_unit_test(writer_refuses_what_no_reader_takes),
	    cmocka_unit_test(millionths_are_exact),
	    cmocka_unit_test(signed_integers_and_nulls),
	    cmocka_unit_test(arrays_are_read_under_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
