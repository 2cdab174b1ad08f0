/* SPDX-License-Identifier: Apache-2.0 */
/* inference.c -- from an input document to a result document: builtin and openai; see command.c. */
#include "host/inference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/document.h>

#include "core/json.h"
#include "crypto/crypto.h"
#include "host/client.h"
#include "host/command.h"
#include "host/files.h"
#include "host/log.h"

#define BUILTIN_WORDS 16
#define ANSWER_MAX    (6 * PINF_RESULT_TEXT_MAX + 65536) /* the text with every byte escaped */
#define PLACE         "{prompt}"

struct pinf_engine {
	enum pinf_engine_kind kind;
	struct pinf_command_line command;
	struct pinf_client *client;
	const atomic_bool *stop;
};

enum pinf_err
pinf_engine_new(struct pinf_engine **engine, const struct pinf_engine_config *config,
    const atomic_bool *stop, struct pinf_bytes *message)
{
	struct pinf_engine *e = calloc(1, sizeof *e);
	char url[300];
	enum pinf_err err = PINF_OK;

	if (e == NULL)
		return PINF_E_NO_MEMORY;
	e->kind = config->kind;
	e->stop = stop;
	if (config->kind == PINF_ENGINE_COMMAND) {
		err = pinf_command_split(&e->command, config->command);
		if (err != PINF_OK)
			(void)pinf_say(message, err,
			    "engine-command: give the program and its arguments, at most %d words",
			    PINF_COMMAND_WORDS_MAX);
	} else if (config->kind == PINF_ENGINE_OPENAI) {
		(void)snprintf(url, sizeof url, "http://%.200s:%u", config->host, config->port);
		err = pinf_client_new(&e->client, url, stop);
		if (err != PINF_OK)
			(void)pinf_say(
			    message, err, "LLM_HOST, LLM_PORT: %s is not a server's URL", url);
	}
	if (err != PINF_OK) {
		pinf_engine_free(e);
		return err;
	}
	*engine = e;
	return PINF_OK;
}

void
pinf_engine_free(struct pinf_engine *engine)
{
	if (engine == NULL)
		return;
	pinf_command_free(&engine->command);
	pinf_client_free(engine->client);
	free(engine);
}

/* The prompt in its template, if there is one.  E_INFERENCE: the template has no place for it. */
static enum pinf_err
compose(struct pinf_bytes *text, const struct pinf_input *input)
{
	const struct pinf_bytes *template = &input->prompt_template;
	const char *at;
	enum pinf_err err;

	if (template->len == 0)
		return pinf_bytes_append(text, input->prompt.data, input->prompt.len);
	if ((at = strstr((const char *)template->data, PLACE)) == NULL)
		return PINF_E_INFERENCE;
	const size_t before = (size_t)(at - (const char *)template->data);
	const size_t after = before + strlen(PLACE);
	err = pinf_bytes_append(text, template->data, before);
	if (err == PINF_OK)
		err = pinf_bytes_append(text, input->prompt.data, input->prompt.len);
	if (err == PINF_OK)
		err = pinf_bytes_append(text, template->data + after, template->len - after);
	return err;
}

static uint32_t
count_words(struct pinf_span text)
{
	uint32_t words = 0;

	for (size_t i = 0; i < text.len; i++)
		words += text.data[i] > ' ' && (i == 0 || text.data[i - 1] <= ' ');
	return words == 0 ? 1 : words;
}

static void
label(char out[static PINF_LABEL_MAX + 1], const char *text)
{
	(void)snprintf(out, PINF_LABEL_MAX + 1, "%s", text);
}

static enum pinf_err
run_builtin(const struct pinf_input *input, struct pinf_span prompt, struct pinf_result *result)
{
	uint8_t seed[PINF_HASH_LEN + 4];
	char word[2 * PINF_HASH_LEN + 2];
	struct pinf_hash hash;
	uint32_t words = input->max_tokens == 0 ? BUILTIN_WORDS : input->max_tokens;

	if (words > PINF_BUILTIN_WORDS_MAX)
		words = PINF_BUILTIN_WORDS_MAX;
	pinf_sha256(&hash, prompt);
	memcpy(seed, hash.bytes, PINF_HASH_LEN);
	pinf_hex(word, hash.bytes, PINF_HASH_LEN);
	enum pinf_err err = pinf_bytes_append(&result->text, word, 2 * (size_t)PINF_HASH_LEN);
	for (uint32_t i = 1; i < words && err == PINF_OK; i++) {
		for (unsigned b = 0; b < 4; b++)
			seed[PINF_HASH_LEN + b] = (uint8_t)(i >> (24 - 8 * b));
		pinf_sha256(&hash, (struct pinf_span){seed, sizeof seed});
		word[0] = ' ';
		pinf_hex(word + 1, hash.bytes, 4);
		err = pinf_bytes_append(&result->text, word, 9);
	}
	label(result->finish_reason, input->max_tokens == 0 ? "stop" : "length");
	label(result->model, "pinf-builtin");
	result->prompt_tokens = count_words(prompt);
	result->completion_tokens = words;
	return err;
}

/* For who runs the miner: the attempt's error is one word.  A stop is nobody's trouble. */
static void
tell(const struct pinf_engine *engine, const char *words, uint64_t status)
{
	if (engine->stop == NULL || !atomic_load(engine->stop))
		pinf_log(PINF_LOG_WARN, "inference-failed",
		    PINF_FIELDS(
			{"error", words, 0}, {status != 0 ? "status" : NULL, NULL, status}));
}

static enum pinf_err
run_command(struct pinf_engine *engine, struct pinf_span prompt, uint32_t timeout_ms,
    struct pinf_result *result)
{
	const struct pinf_command_run run = {.input = prompt,
	    .timeout_ms = timeout_ms,
	    .output_max = PINF_RESULT_TEXT_MAX,
	    .stop = engine->stop};
	const enum pinf_err err = pinf_command_run(&engine->command, &run, &result->text);
	const char *name = strrchr(engine->command.words[0], '/');

	if (err == PINF_E_INFERENCE)
		tell(engine,
		    "the program of --engine-command did not start, or not end with status 0", 0);
	if (err != PINF_OK)
		return err;
	label(result->finish_reason, "stop");
	label(result->model, name != NULL ? name + 1 : engine->command.words[0]);
	result->prompt_tokens = count_words(prompt);
	result->completion_tokens = count_words(pinf_span_of(&result->text));
	return PINF_OK;
}

static enum pinf_err
openai_request(struct pinf_bytes *body, const struct pinf_input *input, struct pinf_span prompt)
{
	static const char *const names[PINF_SAMPLINGS] = {[PINF_TEMPERATURE] = "temperature",
	    [PINF_TOP_P] = "top_p",
	    [PINF_PRESENCE_PENALTY] = "presence_penalty",
	    [PINF_FREQUENCY_PENALTY] = "frequency_penalty"};
	struct pinf_json_writer w = pinf_json_write_to(body);

	pinf_json_open(&w, NULL, '{');
	pinf_json_put_text(&w, "prompt", prompt);
	pinf_json_put_bool(&w, "stream", false);
	if (input->max_tokens != 0)
		pinf_json_put_uint(&w, "max_tokens", input->max_tokens);
	if (input->top_k != 0)
		pinf_json_put_uint(&w, "top_k", input->top_k);
	for (size_t i = 0; i < PINF_SAMPLINGS; i++)
		if (input->has[i])
			pinf_json_put_micro(&w, names[i], input->sampling[i]);
	pinf_json_close(&w, '}');
	return pinf_json_written(&w);
}

/* Copies what is there and fits a label, else the default. */
static void
label_of(char out[static PINF_LABEL_MAX + 1], struct pinf_span text, const char *otherwise)
{
	if (text.len == 0 || text.len > PINF_LABEL_MAX)
		text = pinf_span_str(otherwise);
	memcpy(out, text.data, text.len);
	out[text.len] = '\0';
}

/* Such servers say much more than we read: unknown fields are fine here, so no pinf_json_end(). */
static enum pinf_err
openai_answer(struct pinf_result *result, struct pinf_span body)
{
	struct pinf_json *json;
	struct pinf_span text = {NULL, 0}, finish = {NULL, 0}, model = {NULL, 0};
	uint64_t prompt_tokens = 0, completion_tokens = 0;
	enum pinf_err err = PINF_E_INFERENCE;

	if (pinf_json_parse(&json, body, ANSWER_MAX) != PINF_OK)
		return err;
	struct pinf_json_reader root = pinf_json_root(json);
	if (pinf_json_array(&root, "choices", true, 64) > 0) {
		struct pinf_json_reader choice = pinf_json_item(&root, "choices", 0);
		struct pinf_json_reader maybe = choice; /* Some say null. */
		pinf_json_text(&choice, "text", true, &text);
		pinf_json_text(&maybe, "finish_reason", false, &finish);
		pinf_json_text(&root, "model", false, &model);
		struct pinf_json_reader usage = pinf_json_object(&root, "usage", false);
		if (usage.object != NULL) {
			pinf_json_uint(&usage, "prompt_tokens", false, UINT32_MAX, &prompt_tokens);
			pinf_json_uint(
			    &usage, "completion_tokens", false, UINT32_MAX, &completion_tokens);
		}
		if (choice.err == PINF_OK && root.err == PINF_OK && usage.err == PINF_OK &&
		    text.len <= PINF_RESULT_TEXT_MAX)
			err = pinf_bytes_append(&result->text, text.data, text.len);
	}
	label_of(result->finish_reason, finish, "stop");
	label_of(result->model, model, "unknown");
	result->prompt_tokens = (uint32_t)prompt_tokens;
	result->completion_tokens = (uint32_t)completion_tokens;
	pinf_json_free(json);
	return err;
}

static enum pinf_err
run_openai(struct pinf_engine *engine, const struct pinf_input *input, struct pinf_span prompt,
    uint32_t timeout_ms, struct pinf_result *result)
{
	struct pinf_bytes body = {0}, answer = {0};
	unsigned status = 0;
	enum pinf_err err = openai_request(&body, input, prompt);

	if (err == PINF_OK) {
		const struct pinf_call call = {.method = "POST",
		    .path = "/v1/completions",
		    .content_type = "application/json",
		    .body = pinf_span_of(&body),
		    .timeout_ms = timeout_ms,
		    .answer_max = ANSWER_MAX};
		err = pinf_client_call(engine->client, &call, &status, &answer);
		if (err != PINF_OK)
			tell(engine, pinf_client_trouble(engine->client), 0);
		else if (status != 200)
			tell(engine, "the inference server refused", status);
	}
	if (err == PINF_E_IO || (err == PINF_OK && status != 200))
		err = PINF_E_INFERENCE;
	if (err == PINF_OK)
		err = openai_answer(result, pinf_span_of(&answer));
	pinf_bytes_free(&body);
	pinf_bytes_free(&answer);
	return err;
}

enum pinf_err
pinf_engine_run(struct pinf_engine *engine, struct pinf_span input_document, uint32_t timeout_ms,
    struct pinf_bytes *result_document)
{
	struct pinf_input input = {0};
	struct pinf_result result = {0};
	struct pinf_bytes text = {0};
	enum pinf_err err = pinf_input_decode(&input, input_document);

	if (err != PINF_OK)
		return err;
	err = compose(&text, &input);
	const struct pinf_span prompt = pinf_span_of(&text);
	if (err == PINF_OK && engine->kind == PINF_ENGINE_BUILTIN)
		err = run_builtin(&input, prompt, &result);
	else if (err == PINF_OK && engine->kind == PINF_ENGINE_COMMAND)
		err = run_command(engine, prompt, timeout_ms, &result);
	else if (err == PINF_OK)
		err = run_openai(engine, &input, prompt, timeout_ms, &result);
	if (err == PINF_OK && pinf_utf8_valid(pinf_span_of(&result.text)) != result.text.len)
		err = PINF_E_INFERENCE;
	if (err == PINF_OK)
		err = pinf_result_encode(result_document, &result);
	pinf_input_free(&input);
	pinf_result_free(&result);
	pinf_bytes_free(&text);
	return err;
}
