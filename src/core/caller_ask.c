/* SPDX-License-Identifier: Apache-2.0 */
/* caller_ask.c -- what a caller asks for, step by step.  spec/api.md#completions. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/caller_internal.h"
#include "core/json.h"

/* The deployed completion routes count seconds; a part of one is a whole one. */
static void
put_seconds(struct pinf_json_writer *json, const char *name, uint32_t ms)
{
	if (ms != 0)
		pinf_json_put_uint(json, name, ((uint64_t)ms + 999) / 1000);
}

static void
put_reference(struct pinf_json_writer *json, const struct pinf_caller *c)
{
	if (c->config.reference[0] != '\0')
		pinf_json_put_str(json, "client_reference", c->config.reference);
}

/* POSTs a body that was written, and frees it. */
static enum pinf_err
post(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms, const char *route,
    struct pinf_json_writer *json)
{
	char path[64];
	struct pinf_send send = {.kind = PINF_FX_SEND,
	    .id = c->last_id,
	    .method = "POST",
	    .path = path,
	    .body = json->out,
	    .session = c->config.session,
	    .task = c->request.task,
	    .now_ms = now_ms};
	enum pinf_err err;

	pinf_json_close(json, '}');
	(void)snprintf(path, sizeof path, "/api/v3/%s/%" PRIu64, route, c->config.session);
	err = pinf_json_written(json);
	if (err == PINF_OK)
		err = pinf_send_signed(effects, &c->sender, &send);
	pinf_bytes_free(json->out);
	return err;
}

/* PUTs the sealed input, or GETs and opens input or result. */
static enum pinf_err
move_blob(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms,
    const struct pinf_payload *payload, struct pinf_send send)
{
	char path[sizeof "/api/v3/blobs/" + (size_t)2 * PINF_HASH_LEN] = "/api/v3/blobs/";

	pinf_hex(path + strlen(path), payload->sha256.bytes, sizeof payload->sha256.bytes);
	send.id = c->last_id;
	send.path = path;
	send.session = c->config.session;
	send.task = c->request.task;
	send.now_ms = now_ms;
	enum pinf_err err = pinf_send_signed(effects, &c->sender, &send);
	if (err == PINF_OK && send.kind == PINF_FX_FETCH) {
		send.effect->payload = *payload;
		send.effect->key = c->key;
	}
	return err;
}

static enum pinf_err
ask_reserve(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);

	pinf_json_open(&json, NULL, '{');
	put_reference(&json, c);
	if (c->config.timeout_ms != 0)
		pinf_json_put_uint(&json, "timeout_ms", c->config.timeout_ms);
	return post(c, effects, now_ms, "reservations", &json);
}

static enum pinf_err
ask_key(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	return pinf_key_request_send(&c->request, effects, &c->sender, c->last_id, now_ms);
}

static enum pinf_err
ask_seal(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	struct pinf_effect *fx = pinf_effects_add(effects, PINF_FX_SEAL, c->last_id);

	(void)now_ms;
	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	fx->params = (struct pinf_blob_params){.suite = c->config.suite,
	    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
	    .padded = c->config.padded,
	    .key_version = c->request.key_version,
	    .scope = c->request.scope};
	fx->key = c->key;
	fx->document = c->document;
	c->document = (struct pinf_bytes){0};
	return PINF_OK;
}

static enum pinf_err
ask_put(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	return move_blob(c, effects, now_ms, &c->input,
	    (struct pinf_send){.kind = PINF_FX_SEND,
		.method = "PUT",
		.seal_id = c->seal_id,
		.sealed_sha256 = c->input.sha256});
}

static enum pinf_err
ask_submit(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);

	pinf_json_open(&json, NULL, '{');
	put_reference(&json, c);
	pinf_payload_write(&json, "payload", &c->input);
	put_seconds(&json, "precommit_timeout", c->config.precommit_timeout_ms);
	pinf_json_put_uint(&json, "task_id", c->request.task);
	put_seconds(&json, "timeout", c->config.timeout_ms);
	return post(c, effects, now_ms, "completions", &json);
}

static enum pinf_err
ask_fetch(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	return move_blob(c, effects, now_ms, &c->result,
	    (struct pinf_send){.kind = PINF_FX_FETCH, .method = "GET"});
}

static enum pinf_err
ask_recall(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	return move_blob(c, effects, now_ms, &c->input,
	    (struct pinf_send){.kind = PINF_FX_FETCH, .method = "GET"});
}

static enum pinf_err (*const asks[STEPS])(
    struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms) = {
    [RESERVE] = ask_reserve,
    [INPUT_KEY] = ask_key,
    [RECALL] = ask_recall,
    [SEAL] = ask_seal,
    [PUT] = ask_put,
    [SUBMIT] = ask_submit,
    [RESULT_KEY] = ask_key,
    [FETCH] = ask_fetch,
};

enum pinf_err
caller_ask(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	const uint32_t patience_ms =
	    c->config.timeout_ms != 0 ? c->config.timeout_ms : PINF_TIMEOUT_MAX_MS;
	enum pinf_err err;

	if (c->deadline_ms == 0)
		c->deadline_ms = c->clock_ms + patience_ms;
	c->last_id++;
	err = asks[c->step](c, effects, now_ms);
	if (err == PINF_OK)
		c->asked_id = c->last_id;
	return err;
}
