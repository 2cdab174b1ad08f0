/* SPDX-License-Identifier: Apache-2.0 */
/* demo_act.c -- the commands typed in a demo, and what comes of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/document.h>

#include "cli/demo_world.h"
#include "core/send.h"
#include "host/client.h"
#include "host/command.h"
#include "host/inference.h"
#include "host/keyfile.h"
#include "host/system.h"

#define COMMAND_TIMEOUT_MS 120000
#define OUTPUT_MAX         ((size_t)1 << 20)

/* from: the file that its standard input comes from; NULL: none. */
static void
show_command(const char *const *words, const struct demo_prompt *from)
{
	(void)printf("  $ pinf");
	for (size_t i = 0; words[i] != NULL; i++)
		(void)printf(strchr(words[i], ' ') != NULL ? " '%s'" : " %s", words[i]);
	if (from != NULL)
		(void)printf(strchr(from->file, ' ') != NULL ? " < '%s'  # %zu byte%s"
							     : " < %s  # %zu byte%s",
		    from->file, from->text.len, from->text.len == 1 ? "" : "s");
	(void)printf("\n");
	(void)fflush(stdout);
}

/* "pinf WORDS", with --json appended where its answer is to be read. */
static enum pinf_err
run(struct demo *d, const char *const *words, struct pinf_span input, bool json,
    struct pinf_bytes *output)
{
	const struct pinf_command_run how = {.input = input,
	    .timeout_ms = COMMAND_TIMEOUT_MS,
	    .output_max = OUTPUT_MAX,
	    .stop = &d->interrupted};
	struct pinf_command_line line = {.words = {d->exe}};
	size_t n = 1;
	enum pinf_err err;

	for (size_t i = 0; words[i] != NULL && n + 1 < PINF_COMMAND_WORDS_MAX; i++)
		line.words[n++] = (char *)(uintptr_t)words[i];
	if (json)
		line.words[n] = (char *)(uintptr_t) "--json";
	err = pinf_command_run(&line, &how, output);
	if (err == PINF_E_INFERENCE)
		return pinf_say(&d->cli->message, err,
		    "pinf demo: that command failed; the files are in %s", d->dir);
	return err;
}

static enum pinf_err
read_member(struct pinf_span text, const char *name, char *value)
{
	struct pinf_json *json;
	struct pinf_json_reader reader;
	enum pinf_err err = pinf_json_parse(&json, text, OUTPUT_MAX);

	if (err != PINF_OK)
		return err;
	reader = pinf_json_root(json);
	pinf_json_label(&reader, name, true, value, strcmp(name, "api_key") == 0 ? 128 : 64);
	pinf_json_free(json);
	return reader.err;
}

enum pinf_err
demo_run(struct demo *d, const char *const *words, const char *name, char *value)
{
	struct pinf_bytes output = {0};
	enum pinf_err err;

	show_command(words, NULL);
	err = run(d, words, (struct pinf_span){NULL, 0}, name != NULL, &output);
	if (err == PINF_OK && name != NULL && name[0] == '\0') {
		(void)printf("    done\n");
		pinf_bytes_free(&output);
		return PINF_OK;
	}
	if (err == PINF_OK && name != NULL)
		err = read_member(pinf_span_of(&output), name, value);
	if (err == PINF_OK && name != NULL)
		(void)printf("    %s %s\n", name, value);
	for (char *line = (char *)output.data, *end;
	     err == PINF_OK && name == NULL && line != NULL && *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		(void)printf(
		    "    %.*s\n", end == NULL ? (int)strlen(line) : (int)(end - line), line);
		if (end == NULL)
			break;
	}
	(void)fflush(stdout);
	pinf_bytes_free(&output);
	return err;
}

/* What the miners' engine answers to that prompt, computed here once more. */
static enum pinf_err
expected_text(struct pinf_span prompt, struct pinf_result *result, struct pinf_bytes *message)
{
	const struct pinf_engine_config builtin = {.kind = PINF_ENGINE_BUILTIN};
	struct pinf_input input = {0};
	struct pinf_bytes document = {0}, answer = {0};
	struct pinf_engine *engine = NULL;
	enum pinf_err err = pinf_bytes_append(&input.prompt, prompt.data, prompt.len);

	if (err == PINF_OK)
		err = pinf_input_encode(&document, &input);
	if (err == PINF_OK)
		err = pinf_engine_new(&engine, &builtin, NULL, message);
	if (err == PINF_OK)
		err = pinf_engine_run(engine, pinf_span_of(&document), COMMAND_TIMEOUT_MS, &answer);
	if (err == PINF_OK)
		err = pinf_result_decode(result, pinf_span_of(&answer));
	pinf_engine_free(engine);
	pinf_bytes_free(&document);
	pinf_bytes_free(&answer);
	pinf_input_free(&input);
	return err;
}

enum pinf_err
demo_prompt(struct demo *d, const char *const *words, const struct demo_prompt *prompt)
{
	const struct pinf_span text = pinf_span_of(&prompt->text);
	const bool typed = prompt->file == NULL; /* It is among the words then. */
	struct pinf_bytes output = {0};
	struct pinf_result expected = {0};
	bool right;
	enum pinf_err err;

	show_command(words, typed ? NULL : prompt);
	err = run(d, words, typed ? (struct pinf_span){NULL, 0} : text, false, &output);
	if (err == PINF_OK)
		err = expected_text(text, &expected, &d->cli->message);
	if (err == PINF_OK) {
		right = output.len == expected.text.len + 1 &&
			memcmp(output.data, expected.text.data, expected.text.len) == 0;
		d->answers++;
		d->wrong_answers += !right;
		(void)printf("    %.60s...\n    %s\n", (const char *)output.data,
		    right ? "(what the engine computes from this prompt)"
			  : "(NOT what the engine computes from this prompt)");
		(void)fflush(stdout);
	}
	pinf_bytes_free(&output);
	pinf_result_free(&expected);
	return err;
}

/* One request signed by that wallet, to the miners' port. */
static enum pinf_err
request(
    struct demo *d, size_t who, struct pinf_send *send, unsigned *status, struct pinf_bytes *answer)
{
	struct pinf_wallet wallet;
	struct pinf_sender sender = {
	    .wallet = &wallet, .domain = {.chain_id = 1}, .random = pinf_random_system()};
	struct pinf_effects effects = {0};
	struct pinf_client *client = NULL;
	enum pinf_err err = pinf_walletfile_load(&wallet, d->wallet_files[who], &d->cli->message);

	if (err == PINF_OK)
		err = pinf_address_parse(&sender.router, pinf_span_str(d->router_address));
	send->kind = PINF_FX_SEND;
	send->id = 1;
	send->now_ms = pinf_now_ms();
	if (err == PINF_OK)
		err = pinf_send_signed(&effects, &sender, send);
	pinf_wallet_wipe(&wallet);
	if (err == PINF_OK)
		err = pinf_client_new(&client, d->miner_url, NULL);
	if (err == PINF_OK) {
		const struct pinf_effect *fx = &effects.list[0];
		const struct pinf_call call = {.method = fx->method,
		    .path = (const char *)fx->path.data,
		    .authorization = fx->authorization,
		    .content_type = "application/json",
		    .body = pinf_span_of(&fx->body),
		    .timeout_ms = COMMAND_TIMEOUT_MS,
		    .answer_max = OUTPUT_MAX};

		err = pinf_client_call(client, &call, status, answer);
	}
	pinf_client_free(client);
	pinf_effects_free(&effects);
	return err;
}

enum pinf_err
demo_intrude(struct demo *d, const char *what, const char *path, const char *body, uint64_t session,
    uint64_t task)
{
	struct pinf_bytes text = {0}, answer = {0};
	struct pinf_send send = {
	    .method = "POST", .path = path, .body = &text, .session = session, .task = task};
	struct pinf_api_error error = {0};
	unsigned status = 0;
	enum pinf_err err = pinf_bytes_append(&text, body, strlen(body));

	if (err == PINF_OK)
		err = request(d, DEMO_UNLISTED, &send, &status, &answer);
	if (err == PINF_OK) {
		const struct pinf_event reply = {
		    .kind = PINF_EV_REPLY, .status = status, .body = pinf_span_of(&answer)};

		if (pinf_reply_refused(&error, &reply)) {
			d->refusals++;
			(void)printf("  %-20s refused (%u): %s: %s\n", what, status,
			    pinf_rule_name(error.rule), pinf_rule_text(error.rule));
		} else {
			d->let_in++;
			(void)printf("  %-20s ALLOWED (%u)\n", what, status);
		}
	}
	pinf_bytes_free(&text);
	pinf_bytes_free(&answer);
	return err;
}

static void
tell_task(const struct demo *d, struct pinf_json_reader *task)
{
	static const char *const who[] = {"", "miner-1", "miner-2", "unlisted"};
	uint64_t id = 0, version = 0;
	char route[32] = "", state[32] = "", miner[PINF_ADDRESS_TEXT] = "";
	const char *name = "nobody";

	pinf_json_uint(task, "task_id", true, PINF_ID_MAX, &id);
	pinf_json_uint(task, "key_version", true, UINT32_MAX, &version);
	pinf_json_label(task, "route", true, route, sizeof route);
	pinf_json_label(task, "state", true, state, sizeof state);
	pinf_json_label(task, "miner", false, miner, sizeof miner);
	for (size_t i = DEMO_MINER_1; i <= DEMO_UNLISTED; i++) {
		struct pinf_address a, b;

		if (pinf_address_parse(&a, pinf_span_str(d->addresses[i])) == PINF_OK &&
		    pinf_address_parse(&b, pinf_span_str(miner)) == PINF_OK &&
		    pinf_address_equal(&a, &b))
			name = who[i];
	}
	(void)printf("  %-5llu %-14s %-10s v%-4llu %-9s caller%s, %s\n", (unsigned long long)id,
	    route, state, (unsigned long long)version, name,
	    strcmp(route, "router-sealed") == 0 ? ", router (in memory)" : "", name);
}

enum pinf_err
demo_tell_tasks(struct demo *d)
{
	struct pinf_send send = {.method = "GET", .path = "/api/v1/tasks/1", .session = 1};
	struct pinf_bytes answer = {0};
	struct pinf_json *json = NULL;
	unsigned status = 0;
	enum pinf_err err = request(d, DEMO_OWNER, &send, &status, &answer);

	if (err == PINF_OK && status != 200)
		err = PINF_E_DENIED;
	if (err == PINF_OK)
		err = pinf_json_parse(&json, pinf_span_of(&answer), OUTPUT_MAX);
	if (err == PINF_OK) {
		struct pinf_json_reader root = pinf_json_root(json);
		const size_t count = pinf_json_array(&root, "tasks", true, PINF_PAGE_MAX);

		(void)printf("  %-5s %-14s %-10s %-5s %-9s %s\n", "task", "route", "state", "key",
		    "miner", "saw the prompt");
		for (size_t i = 0; i < count; i++) {
			struct pinf_json_reader task = pinf_json_item(&root, "tasks", i);

			tell_task(d, &task);
		}
		(void)printf("  unlisted: %u refusals, no key\n", d->refusals);
		pinf_json_free(json);
	}
	pinf_bytes_free(&answer);
	return err;
}
