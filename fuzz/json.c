/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c -- fuzzes the strict check and the tree behind it.  pinf_json_parse gives what the check
 * lets through to cJSON: a text that one takes and the other does not is found here.  spec/json.md.
 */
#include <string.h>

#include "common.h"
#include "core/json.h"

#define MAX ((size_t)1 << 20)

/* RFC 3629's table, row by row: the length of the character at the beginning; 0: none is there. */
FUZZ_UNTRACED static size_t
utf8_row(const uint8_t *p, size_t len)
{
	static const struct {
		uint8_t first, last, second_from, second_to;
		size_t len;
	} rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

	if (len > 0 && p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool fits = len >= rows[i].len && p[0] >= rows[i].first && p[0] <= rows[i].last &&
			    p[1] >= rows[i].second_from && p[1] <= rows[i].second_to;

		for (size_t k = 2; k < rows[i].len; k++)
			fits = fits && p[k] >= 0x80 && p[k] <= 0xbf;
		if (fits)
			return rows[i].len;
	}
	return 0;
}

/* The fast reading of UTF-8 against the plain one, from every byte on. */
FUZZ_UNTRACED static void
check_utf8(struct pinf_span text)
{
	size_t valid = 0, len = 1;

	while (valid < text.len && len > 0) {
		len = utf8_row(text.data + valid, text.len - valid);
		fuzz_check(
		    pinf_utf8_char((struct pinf_span){text.data + valid, text.len - valid}) == len,
		    "a character as the table has it");
		valid += len;
	}
	fuzz_check(pinf_utf8_valid(text) == valid, "and as much of the text");
	fuzz_check(pinf_utf8_char(pinf_span_str("")) == 0, "none in nothing");
}

static enum pinf_err
parse_starving(struct pinf_span text)
{
	struct pinf_json *json = NULL;
	const enum pinf_err err = pinf_json_parse_as(&json, "v", text, MAX);

	pinf_json_free(json);
	return err;
}

/* The value inside an object, so that any value can be printed and compared. */
static void
check_value(struct pinf_span text)
{
	struct pinf_json *json = NULL, *again = NULL;
	struct pinf_json_reader root, second;
	struct pinf_bytes printed = {0}, twice = {0};
	const enum pinf_err err = pinf_json_parse_as(&json, "v", text, MAX);

	/* Inside the object it is one level and one value deeper. */
	fuzz_check(
	    err == PINF_OK || err == PINF_E_DEPTH || err == PINF_E_TOO_LARGE, "what checks parses");
	if (err != PINF_OK)
		return;
	root = pinf_json_root(json);
	pinf_json_raw(&root, "v", &printed);
	fuzz_check(
	    pinf_json_check(pinf_span_of(&printed), NULL) == PINF_OK, "what is printed checks");
	fuzz_check(
	    pinf_json_parse_as(&again, "v", pinf_span_of(&printed), MAX) == PINF_OK, "and parses");
	second = pinf_json_root(again);
	fuzz_check(pinf_json_same(&root, "v", &second, "v"), "and means the same");
	pinf_json_raw(&second, "v", &twice);
	fuzz_check(pinf_span_equal(pinf_span_of(&printed), pinf_span_of(&twice)),
	    "printing settles at once");
	pinf_json_free(json);
	pinf_json_free(again);
	pinf_bytes_free(&printed);
	pinf_bytes_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char ends[3] = {' ', ',', '\0'};
	const struct pinf_span text = {data, size};
	struct pinf_bytes more = {0};
	size_t at = SIZE_MAX;
	const enum pinf_err err = pinf_json_check(text, &at);

	fuzz_check_named(err);
	fuzz_check(pinf_json_check((struct pinf_span){data, PINF_JSON_TEXT_MAX + 1}, NULL) ==
		       PINF_E_TOO_LARGE,
	    "a text has an end");
	fuzz_check(pinf_json_check_values(text, 0, NULL) != PINF_OK, "each has a value");
	check_utf8(text);
	fuzz_starve(parse_starving, text);
	if (err != PINF_OK)
		fuzz_check(at <= size, "the offending byte is in the text, or its end");
	else if (pinf_bytes_append(&more, data, size) == PINF_OK &&
		 pinf_bytes_append(&more, &ends[size % 3], 1) == PINF_OK) {
		/* White space changes nothing; nothing else may follow, no NUL either. */
		fuzz_check(pinf_json_check(pinf_span_of(&more), NULL) ==
			       (ends[size % 3] == ' ' ? PINF_OK : PINF_E_SYNTAX),
		    "one byte more");
		check_value(text);
	}
	pinf_bytes_free(&more);
	return 0;
}
