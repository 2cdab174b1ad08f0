/* SPDX-License-Identifier: Apache-2.0 */
/* document.c -- fuzzes input and result documents; the first byte says which.  spec/documents.md. */
#include <string.h>

#include <pinf/document.h>

#include "common.h"

static void
try_input(struct pinf_span text)
{
	struct pinf_input input = {.max_tokens = 0};
	const struct pinf_input untouched = input;
	struct pinf_bytes again = {0};
	const enum pinf_err err = pinf_input_decode(&input, text);

	fuzz_check_named(err);
	if (err != PINF_OK) {
		/* Padding included: both are copies of the same bytes. NOLINTNEXTLINE */
		fuzz_check(memcmp(&input, &untouched, sizeof input) == 0, "untouched on failure");
		return;
	}
	fuzz_check(input.prompt.len > 0, "a prompt is there");
	fuzz_check(pinf_input_encode(&again, &input) == PINF_OK, "what decodes encodes");
	fuzz_check(pinf_span_equal(pinf_span_of(&again), text), "one content, one text");
	pinf_bytes_free(&again);
	pinf_input_free(&input);
}

static void
try_result(struct pinf_span text)
{
	struct pinf_result result = {.prompt_tokens = 0};
	const struct pinf_result untouched = result;
	struct pinf_bytes again = {0};
	const enum pinf_err err = pinf_result_decode(&result, text);

	fuzz_check_named(err);
	if (err != PINF_OK) {
		/* NOLINTNEXTLINE */
		fuzz_check(memcmp(&result, &untouched, sizeof result) == 0, "untouched on failure");
		return;
	}
	fuzz_check(pinf_result_encode(&again, &result) == PINF_OK, "what decodes encodes");
	fuzz_check(pinf_span_equal(pinf_span_of(&again), text), "one content, one text");
	pinf_bytes_free(&again);
	pinf_result_free(&result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const bool result = fuzz_byte(&in) == 'r';
	const struct pinf_span text = fuzz_rest(&in, SIZE_MAX);

	if (result)
		try_result(text);
	else
		try_input(text);
	return 0;
}
