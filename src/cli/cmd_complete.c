/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_complete.c -- pinf complete: one prompt, one answer.  By default the prompt is sealed here and
 * the answer opened here (v3); the router-sealed route is asked for by name.  spec/api.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/caller.h>

#include "cli/cli.h"
#include "cli/remote.h"
#include "core/send.h"
#include "host/files.h"
#include "host/peer.h"
#include "host/system.h"

#define ANSWER_MAX (PINF_DOCUMENT_MAX + 65536)

static const struct pinf_option options[] = {
    CLI_JSON,
    CLI_ROUTER,
    CLI_DOMAIN,
    OPT_TEXT("wallet", "PINF_WALLET", "", "v3: the session owner's wallet file"),
    {.name = "session",
	.env = "PINF_SESSION",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = PINF_ID_MAX,
	.required = true,
	.help = "session id"},
    OPT_CHOICE("route", "v3|v2|v1", "v3",
	"v3: sealed here; v2: the router seals, and sees the prompt; v1: public sessions"),
    OPT_TEXT("api-key-file", "PINF_API_KEY_FILE", "", "v2, v1: file with the API key, 0600"),
    OPT_TEXT("storage-provider", NULL, "local", "v3: the router's blob storage, as it names it"),
    OPT_TEXT("storage-bucket", NULL, "pinf", "v3: and its bucket"),
    OPT_UINT("max-tokens", 0, UINT32_MAX, "0", "0: the engine's default"),
    {.name = "timeout",
	.type = PINF_OPT_DURATION,
	.min = 1000,
	.max = PINF_TIMEOUT_MAX_MS,
	.fallback = "5m",
	.help = "give up after"},
    OPT_TEXT("reference", NULL, "",
	"client_reference: the same one gets the same answer again, also after a crash"),
};

static enum pinf_err
read_prompt(struct cli *cli, struct pinf_bytes *prompt)
{
	uint8_t piece[65536];
	size_t got;
	enum pinf_err err = PINF_OK;

	if (cli->options.positional_count == 1) {
		const char *text = cli->options.positional[0];

		return pinf_bytes_append(prompt, text, strlen(text));
	}
	while (err == PINF_OK && (got = fread(piece, 1, sizeof piece, stdin)) > 0) {
		err = prompt->len + got > PINF_PROMPT_MAX ? PINF_E_TOO_LARGE
							  : pinf_bytes_append(prompt, piece, got);
		pinf_wipe(piece, got);
	}
	return err;
}

/* Text goes out as it is, so that a pipe gets the answer and nothing else. */
static enum pinf_err
answer(struct cli *cli, uint64_t task, const struct pinf_result *result)
{
	if (cli_number(cli, "json") == 0) {
		const bool written =
		    fwrite(result->text.data, 1, result->text.len, stdout) == result->text.len &&
		    fputc('\n', stdout) != EOF;

		return cli_fail(cli, written ? PINF_OK : PINF_E_IO, "standard output");
	}
	pinf_json_put_uint(&cli->json, "completion_tokens", result->completion_tokens);
	pinf_json_put_str(&cli->json, "finish_reason", result->finish_reason);
	pinf_json_put_str(&cli->json, "model", result->model);
	pinf_json_put_uint(&cli->json, "prompt_tokens", result->prompt_tokens);
	pinf_json_put_uint(&cli->json, "task_id", task);
	pinf_json_put_text(&cli->json, "text", pinf_span_of(&result->text));
	return PINF_OK;
}

/* The last call that got no answer; the first is told at once: the wait may be long. */
struct trouble {
	char words[1024];
};

static void
unanswered(void *ctx, const char *words)
{
	struct trouble *trouble = ctx;

	if (trouble->words[0] == '\0')
		(void)fprintf(
		    stderr, "pinf complete: %s Trying again until --timeout is over.\n", words);
	(void)snprintf(trouble->words, sizeof trouble->words, "%s", words);
}

static enum pinf_err
finish(struct cli *cli, const struct pinf_caller *caller, const struct trouble *trouble)
{
	const struct pinf_api_error *error = pinf_caller_error(caller);
	struct pinf_result result = {0};
	enum pinf_err err;

	if (pinf_caller_state(caller) != PINF_CALLER_DONE) {
		if (error->field[0] == '\0' && trouble->words[0] != '\0' &&
		    (error->err == PINF_E_IO || error->err == PINF_E_TIMEOUT))
			return pinf_say(
			    &cli->message, error->err, "not completed in time: %s", trouble->words);
		return remote_refusal(cli, "not completed", error);
	}
	err = cli_fail(
	    cli, pinf_result_decode(&result, pinf_caller_result(caller)), "the miner's result");
	if (err == PINF_OK)
		err = answer(cli, pinf_caller_task(caller), &result);
	pinf_result_free(&result);
	return err;
}

static enum pinf_err
caller_sealed(struct cli *cli, struct pinf_bytes *document)
{
	struct pinf_caller_config config = {
	    .router = pinf_option(&cli->options, "router-address")->address,
	    .domain = cli_domain(cli),
	    .storage = {"fs", cli_text(cli, "storage-provider"), cli_text(cli, "storage-bucket")},
	    .suite = PINF_SUITE_AES256GCM,
	    .session = cli_number(cli, "session"),
	    .timeout_ms = (uint32_t)cli_number(cli, "timeout"),
	    .retry_ms = 500,
	    .send_timeout_ms = 60000,
	    .padded = true,
	};
	struct trouble trouble = {.words = ""};
	const struct pinf_peer_config peer = {.url = cli_text(cli, "router-url"),
	    .threads = 1,
	    .unanswered = unanswered,
	    .ctx = &trouble};
	const char *reference = cli_text(cli, "reference");
	struct pinf_caller *caller = NULL;
	struct pinf_wallet wallet;
	enum pinf_err err;

	if (strlen(reference) > PINF_REFERENCE_MAX)
		return cli_fail(cli, PINF_E_LENGTH, "--reference");
	memcpy(config.reference, reference, strlen(reference) + 1);
	if (cli_text(cli, "wallet")[0] == '\0')
		return cli_fail(cli, PINF_E_MISSING,
		    "--wallet FILE: a sealed completion is signed by the session's owner");
	err = cli_wallet(cli, &wallet);
	if (err == PINF_OK)
		err = cli_fail(cli,
		    pinf_caller_open(&caller, &config, &wallet, document, pinf_random_system()),
		    "complete");
	if (err == PINF_OK)
		err =
		    cli_fail(cli, pinf_caller_run(caller, &peer, NULL, &cli->message), "complete");
	if (err == PINF_OK)
		err = finish(cli, caller, &trouble);
	pinf_caller_free(caller);
	pinf_wallet_wipe(&wallet);
	return err;
}

static enum pinf_err
read_api_key(struct cli *cli, char *header, size_t cap)
{
	struct pinf_bytes key = {0};
	enum pinf_err err;

	if (cli_text(cli, "api-key-file")[0] == '\0')
		return cli_fail(
		    cli, PINF_E_MISSING, "--api-key-file FILE: v1 and v2 take an API key");
	err = pinf_secret_read(cli_text(cli, "api-key-file"), 256, &key, &cli->message);
	if (err == PINF_OK)
		(void)snprintf(header, cap, "Bearer %.*s",
		    (int)strcspn((const char *)key.data, "\r\n"), (const char *)key.data);
	pinf_bytes_free(&key);
	return err;
}

static enum pinf_err
request_body(struct cli *cli, const struct pinf_input *input, struct pinf_bytes *body)
{
	struct pinf_json_writer w = pinf_json_write_to(body);

	pinf_json_open(&w, NULL, '{');
	if (cli_text(cli, "reference")[0] != '\0')
		pinf_json_put_str(&w, "client_reference", cli_text(cli, "reference"));
	if (input->max_tokens != 0)
		pinf_json_put_uint(&w, "max_tokens", input->max_tokens);
	pinf_json_put_text(&w, "prompt", pinf_span_of(&input->prompt));
	pinf_json_put_uint(&w, "timeout", cli_number(cli, "timeout") / 1000);
	pinf_json_close(&w, '}');
	return pinf_json_written(&w);
}

/* The deployed response: choices[0], usage, task_id. */
static enum pinf_err
read_completion(struct cli *cli, struct pinf_span body)
{
	struct pinf_json *json;
	struct pinf_json_reader root, choice, usage;
	struct pinf_result result = {0};
	struct pinf_span text = {0};
	uint64_t task = 0, in = 0, out = 0;
	enum pinf_err err = pinf_json_parse(&json, body, ANSWER_MAX);

	if (err != PINF_OK)
		return cli_fail(cli, err, "the router's answer");
	root = pinf_json_root(json);
	pinf_json_id(&root, "task_id", true, &task);
	pinf_json_label(&root, "model", true, result.model, sizeof result.model);
	(void)pinf_json_array(&root, "choices", true, 1);
	choice = pinf_json_item(&root, "choices", 0);
	pinf_json_text(&choice, "text", true, &text);
	pinf_json_label(
	    &choice, "finish_reason", true, result.finish_reason, sizeof result.finish_reason);
	usage = pinf_json_object(&root, "usage", true);
	pinf_json_uint(&usage, "prompt_tokens", true, UINT32_MAX, &in);
	pinf_json_uint(&usage, "completion_tokens", true, UINT32_MAX, &out);
	result.prompt_tokens = (uint32_t)in;
	result.completion_tokens = (uint32_t)out;
	err = root.err != PINF_OK ? root.err : choice.err != PINF_OK ? choice.err : usage.err;
	if (err == PINF_OK)
		err = pinf_bytes_append(&result.text, text.data, text.len);
	err =
	    err == PINF_OK ? answer(cli, task, &result) : cli_fail(cli, err, "the router's answer");
	pinf_result_free(&result);
	pinf_json_free(json);
	return err;
}

/* v1 and v2: the prompt goes to the router as it is. */
static enum pinf_err
by_api_key(struct cli *cli, const struct pinf_input *input)
{
	struct pinf_bytes body = {0}, reply = {0};
	struct pinf_api_error error = {0};
	char header[512], path[96];
	unsigned status = 0;
	enum pinf_err err = read_api_key(cli, header, sizeof header);

	if (err == PINF_OK)
		err = request_body(cli, input, &body);
	if (err == PINF_OK) {
		const struct pinf_call call = {.method = "POST",
		    .path = path,
		    .authorization = header,
		    .content_type = "application/json",
		    .body = pinf_span_of(&body),
		    .timeout_ms = (uint32_t)cli_number(cli, "timeout") + 5000,
		    .answer_max = ANSWER_MAX};

		(void)snprintf(path, sizeof path, "/api/%s/completions/%llu",
		    cli_text(cli, "route"), (unsigned long long)cli_number(cli, "session"));
		err = remote_call(cli, &call, &status, &reply);
	}
	if (err == PINF_OK && pinf_reply_refused(&error, &(struct pinf_event){.kind = PINF_EV_REPLY,
							     .status = status,
							     .body = pinf_span_of(&reply)}))
		err = remote_refusal(cli, "not completed", &error);
	if (err == PINF_OK)
		err = read_completion(cli, pinf_span_of(&reply));
	pinf_wipe(header, sizeof header);
	pinf_bytes_free(&body);
	pinf_bytes_free(&reply);
	return cli_fail(cli, err, "complete");
}

static enum pinf_err
complete(struct cli *cli)
{
	struct pinf_input input = {.max_tokens = (uint32_t)cli_number(cli, "max-tokens")};
	struct pinf_bytes document = {0};
	enum pinf_err err = cli_fail(cli, read_prompt(cli, &input.prompt), "the prompt");

	if (err == PINF_OK && input.prompt.len == 0)
		err = pinf_say(&cli->message, PINF_E_MISSING,
		    "the prompt is empty: give it as the argument or on standard input");
	if (err == PINF_OK)
		err = cli_fail(cli, pinf_input_encode(&document, &input), "the prompt");
	if (err == PINF_OK)
		err = strcmp(cli_text(cli, "route"), "v3") == 0 ? caller_sealed(cli, &document)
								: by_api_key(cli, &input);
	pinf_bytes_free(&document);
	pinf_input_free(&input);
	return err;
}

const struct cli_command cli_complete = CLI_COMMAND("pinf complete", "[PROMPT]", 0, 1, options,
    complete, "Sends a prompt (argument or standard input), prints the answer.");
