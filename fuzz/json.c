/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c -- fuzzes the strict check and the tree behind it.  pinf_json_parse gives what the check
 * lets through to cJSON: a text that one takes and the other does not is found here.  spec/json.md.
 */
#include <string.h>

#include "common.h"
#include "core/json.h"

#define MAX ((size_t)1 << 20)

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
	const struct pinf_span text = {data, size};
	struct pinf_bytes more = {0};
	size_t at = SIZE_MAX, at_again = SIZE_MAX;
	const enum pinf_err err = pinf_json_check(text, &at);

	fuzz_check_named(err);
	fuzz_check(pinf_json_check(text, &at_again) == err && at == at_again,
	    "the same text, the same verdict");
	if (pinf_bytes_append(&more, data, size) != PINF_OK ||
	    pinf_bytes_append(&more, " ", 1) != PINF_OK)
		return 0;
	if (err != PINF_OK) {
		fuzz_check(at <= size, "the offending byte is in the text, or its end");
	} else {
		fuzz_check(pinf_json_check(pinf_span_of(&more), NULL) == PINF_OK,
		    "white space changes nothing");
		more.data[size] = ',';
		fuzz_check(pinf_json_check(pinf_span_of(&more), NULL) == PINF_E_SYNTAX,
		    "nothing may follow");
		more.data[size] = '\0';
		fuzz_check(
		    pinf_json_check(pinf_span_of(&more), NULL) == PINF_E_SYNTAX, "no NUL either");
		check_value(text);
	}
	pinf_bytes_free(&more);
	return 0;
}
