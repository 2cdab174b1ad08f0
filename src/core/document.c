/* SPDX-License-Identifier: Apache-2.0 */
/* document.c -- input and result documents as canonical JSON.  spec/documents.md. */
#include <string.h>

#include <pinf/bug.h>
#include <pinf/document.h>

#include "core/json.h"

#define INPUT_TAG          "pinf-input-1"
#define RESULT_TAG         "pinf-result-1"
#define SAMPLING_MAX_UNITS 100
#define DOCUMENT_SLACK     1024 /* room for all but the long texts, unless they are escaped much */

static const char *const sampling_names[PINF_SAMPLINGS] = {
    [PINF_TEMPERATURE] = "temperature",
    [PINF_TOP_P] = "top_p",
    [PINF_PRESENCE_PENALTY] = "presence_penalty",
    [PINF_FREQUENCY_PENALTY] = "frequency_penalty",
};

void
pinf_input_free(struct pinf_input *input)
{
	pinf_bytes_free(&input->prompt);
	pinf_bytes_free(&input->prompt_template);
	pinf_wipe(input, sizeof *input);
}

void
pinf_result_free(struct pinf_result *result)
{
	pinf_bytes_free(&result->text);
	pinf_wipe(result, sizeof *result);
}

static enum pinf_err
check_input(const struct pinf_input *input)
{
	const size_t prompt_len = input->prompt.len, template_len = input->prompt_template.len;

	if (prompt_len == 0)
		return PINF_E_LENGTH;
	if (prompt_len > PINF_PROMPT_MAX || template_len > PINF_PROMPT_MAX - prompt_len)
		return PINF_E_TOO_LARGE;
	for (unsigned i = 0; i < PINF_SAMPLINGS; i++)
		if (input->has[i] && (input->sampling[i] < -SAMPLING_MAX_UNITS * 1000000 ||
					 input->sampling[i] > SAMPLING_MAX_UNITS * 1000000))
			return PINF_E_RANGE;
	return PINF_OK;
}

static void
put_sampling(
    struct pinf_json_writer *writer, const struct pinf_input *input, enum pinf_sampling which)
{
	if (input->has[which])
		pinf_json_put_micro(writer, sampling_names[which], input->sampling[which]);
}

static void
put_count(struct pinf_json_writer *writer, const char *name, uint32_t count)
{
	if (count != 0)
		pinf_json_put_uint(writer, name, count);
}

static void
put_if_any(struct pinf_json_writer *writer, const char *name, struct pinf_span text)
{
	if (text.len != 0)
		pinf_json_put_text(writer, name, text);
}

/* Ends the object; where writing failed, what was appended is taken back. */
static enum pinf_err
written(struct pinf_json_writer *writer, size_t before)
{
	pinf_json_close(writer, '}');
	if (pinf_json_written(writer) != PINF_OK)
		writer->out->len = before;
	return pinf_json_written(writer);
}

enum pinf_err
pinf_input_encode(struct pinf_bytes *out, const struct pinf_input *input)
{
	struct pinf_json_writer writer = pinf_json_write_to(out);
	const size_t before = out->len;
	const enum pinf_err err = check_input(input);

	if (err != PINF_OK)
		return err;
	writer.err = pinf_bytes_reserve(
	    out, before + input->prompt.len + input->prompt_template.len + DOCUMENT_SLACK);
	pinf_json_open(&writer, NULL, '{');
	pinf_json_put_str(&writer, "document", INPUT_TAG);
	put_sampling(&writer, input, PINF_FREQUENCY_PENALTY);
	put_count(&writer, "max_tokens", input->max_tokens);
	put_sampling(&writer, input, PINF_PRESENCE_PENALTY);
	pinf_json_put_text(&writer, "prompt", pinf_span_of(&input->prompt));
	put_if_any(&writer, "prompt_template", pinf_span_of(&input->prompt_template));
	put_if_any(&writer, "prompt_type", pinf_span_str(input->prompt_type));
	put_sampling(&writer, input, PINF_TEMPERATURE);
	put_count(&writer, "top_k", input->top_k);
	put_sampling(&writer, input, PINF_TOP_P);
	return written(&writer, before);
}

enum pinf_err
pinf_result_encode(struct pinf_bytes *out, const struct pinf_result *result)
{
	struct pinf_json_writer writer = pinf_json_write_to(out);
	const size_t before = out->len;

	if (result->text.len > PINF_PROMPT_MAX)
		return PINF_E_TOO_LARGE;
	writer.err = pinf_bytes_reserve(out, before + result->text.len + DOCUMENT_SLACK);
	pinf_json_open(&writer, NULL, '{');
	pinf_json_put_uint(&writer, "completion_tokens", result->completion_tokens);
	pinf_json_put_str(&writer, "document", RESULT_TAG);
	pinf_json_put_str(&writer, "finish_reason", result->finish_reason);
	pinf_json_put_str(&writer, "model", result->model);
	pinf_json_put_uint(&writer, "prompt_tokens", result->prompt_tokens);
	pinf_json_put_text(&writer, "text", pinf_span_of(&result->text));
	return written(&writer, before);
}

static void
read_tag(struct pinf_json_reader *reader, const char *tag)
{
	struct pinf_span text;

	pinf_json_text(reader, "document", true, &text);
	if (!pinf_span_equal(text, pinf_span_str(tag)))
		pinf_json_fail(reader, "document", PINF_E_TYPE);
}

static void
read_bytes(struct pinf_json_reader *reader, const char *name, bool required, struct pinf_bytes *out)
{
	struct pinf_span text = {0};
	enum pinf_err err;

	pinf_json_text(reader, name, required, &text);
	if (text.data == NULL)
		return;
	err = pinf_bytes_append(out, text.data, text.len);
	if (err != PINF_OK)
		pinf_json_fail(reader, name, err);
}

static uint32_t
read_count(struct pinf_json_reader *reader, const char *name, bool required)
{
	uint64_t count = 0;

	pinf_json_uint(reader, name, required, UINT32_MAX, &count);
	return (uint32_t)count;
}

void
pinf_input_read(struct pinf_json_reader *reader, struct pinf_input *input)
{
	read_bytes(reader, "prompt", true, &input->prompt);
	read_bytes(reader, "prompt_template", false, &input->prompt_template);
	pinf_json_label(
	    reader, "prompt_type", false, input->prompt_type, sizeof input->prompt_type);
	input->max_tokens = read_count(reader, "max_tokens", false);
	input->top_k = read_count(reader, "top_k", false);
	for (unsigned i = 0; i < PINF_SAMPLINGS; i++)
		pinf_json_micro(reader, sampling_names[i], SAMPLING_MAX_UNITS, &input->has[i],
		    &input->sampling[i]);
	if (reader->err == PINF_OK && check_input(input) != PINF_OK)
		pinf_json_fail(reader, "prompt", check_input(input));
}

enum pinf_err
pinf_input_decode(struct pinf_input *input, struct pinf_span document)
{
	struct pinf_input in = {0};
	struct pinf_bytes again = {0};
	struct pinf_json_reader reader;
	struct pinf_json *json;
	enum pinf_err err = pinf_json_parse(&json, document, PINF_DOCUMENT_MAX);

	if (err != PINF_OK)
		return err;
	reader = pinf_json_root(json);
	read_tag(&reader, INPUT_TAG);
	pinf_input_read(&reader, &in);
	err = pinf_json_end(&reader);
	pinf_json_free(json);
	if (err == PINF_OK)
		err = pinf_bytes_reserve(&again, document.len);
	if (err == PINF_OK)
		err = pinf_input_encode(&again, &in);
	if (err == PINF_OK && !pinf_span_equal(pinf_span_of(&again), document) &&
	    !PINF_BUG(document_any_order))
		err = PINF_E_NOT_CANONICAL;
	pinf_bytes_free(&again);
	if (err == PINF_OK)
		*input = in;
	else
		pinf_input_free(&in);
	return err;
}

enum pinf_err
pinf_result_decode(struct pinf_result *result, struct pinf_span document)
{
	struct pinf_result r = {0};
	struct pinf_bytes again = {0};
	struct pinf_json_reader reader;
	struct pinf_json *json;
	enum pinf_err err = pinf_json_parse(&json, document, PINF_DOCUMENT_MAX);

	if (err != PINF_OK)
		return err;
	reader = pinf_json_root(json);
	read_tag(&reader, RESULT_TAG);
	read_bytes(&reader, "text", true, &r.text);
	pinf_json_label(&reader, "finish_reason", true, r.finish_reason, sizeof r.finish_reason);
	pinf_json_label(&reader, "model", true, r.model, sizeof r.model);
	r.prompt_tokens = read_count(&reader, "prompt_tokens", true);
	r.completion_tokens = read_count(&reader, "completion_tokens", true);
	err = pinf_json_end(&reader);
	pinf_json_free(json);
	if (err == PINF_OK)
		err = pinf_bytes_reserve(&again, document.len);
	if (err == PINF_OK)
		err = pinf_result_encode(&again, &r);
	if (err == PINF_OK && !pinf_span_equal(pinf_span_of(&again), document))
		err = PINF_E_NOT_CANONICAL;
	pinf_bytes_free(&again);
	if (err == PINF_OK)
		*result = r;
	else
		pinf_result_free(&r);
	return err;
}
