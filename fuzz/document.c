/* SPDX-License-Identifier: Apache-2.0 */
/* document.c -- fuzzes input and result documents; the first byte says which.  spec/documents.md. */
#include <string.h>

#include <pinf/document.h>

#include "common.h"

/* Out of bounds: refused before a byte is looked at. */
static void
check_bounds(struct pinf_input input, struct pinf_result result)
{
	const struct pinf_input kept = input;
	struct pinf_bytes none = {0};

	input.prompt.len = 0;
	fuzz_check(pinf_input_encode(&none, &input) == PINF_E_LENGTH, "no prompt, no input");
	input.prompt.len = PINF_PROMPT_MAX + 1;
	fuzz_check(pinf_input_encode(&none, &input) == PINF_E_TOO_LARGE, "nor one too long");
	input.prompt.len = kept.prompt.len;
	input.prompt_template.len = PINF_PROMPT_MAX;
	fuzz_check(pinf_input_encode(&none, &input) == PINF_E_TOO_LARGE, "its template included");
	input = kept;
	input.has[PINF_TOP_P] = true;
	input.sampling[PINF_TOP_P] = INT32_MAX;
	fuzz_check(pinf_input_encode(&none, &input) == PINF_E_RANGE, "nor a number without end");
	input.sampling[PINF_TOP_P] = INT32_MIN;
	fuzz_check(pinf_input_encode(&none, &input) == PINF_E_RANGE, "on either side");
	result.text.len = PINF_PROMPT_MAX + 1;
	fuzz_check(pinf_result_encode(&none, &result) == PINF_E_TOO_LARGE && none.len == 0,
	    "nor a result too long; and nothing is written");
}

static enum pinf_err
input_starving(struct pinf_span text)
{
	struct pinf_input input = {.max_tokens = 0};
	struct pinf_bytes out = {0};
	enum pinf_err err = pinf_input_decode(&input, text);

	if (err != PINF_OK)
		return err;
	err = pinf_input_encode(&out, &input);
	pinf_input_free(&input);
	pinf_bytes_free(&out);
	return err;
}

static enum pinf_err
result_starving(struct pinf_span text)
{
	struct pinf_result result = {.prompt_tokens = 0};
	struct pinf_bytes out = {0};
	enum pinf_err err = pinf_result_decode(&result, text);

	if (err != PINF_OK)
		return err;
	err = pinf_result_encode(&out, &result);
	pinf_result_free(&result);
	pinf_bytes_free(&out);
	return err;
}

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
	check_bounds(input, (struct pinf_result){.prompt_tokens = 0});
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
	fuzz_starve(result ? result_starving : input_starving, text);
	return 0;
}
