/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caller.c -- one caller-sealed completion, a step after the other.  Each step asks for one thing
 * and is asked again, under a new id and signature, until it is answered.  spec/api.md#completions.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/caller_internal.h"
#include "core/json.h"
#include "crypto/crypto.h"

/* No sealed document is larger: its padding and tags add less than a quarter. */
#define SEALED_MAX ((uint64_t)PINF_DOCUMENT_MAX + PINF_DOCUMENT_MAX / 4)

enum pinf_err
pinf_caller_open(struct pinf_caller **caller, const struct pinf_caller_config *config,
    const struct pinf_wallet *wallet, struct pinf_bytes *document, struct pinf_random random)
{
	struct pinf_caller *c;

	if (config->session == 0 || config->session > PINF_ID_MAX)
		return PINF_E_ID_RANGE;
	if (config->suite != PINF_SUITE_AES256GCM && config->suite != PINF_SUITE_CHACHA20POLY1305)
		return PINF_E_ENCRYPTION;
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return PINF_E_NO_MEMORY;
	c->config = *config;
	c->sender = (struct pinf_sender){.wallet = wallet,
	    .router = config->router,
	    .domain = config->domain,
	    .random = random,
	    .timeout_ms = config->send_timeout_ms};
	pinf_sha256(&c->document_sha256, pinf_span_of(document));
	c->document = *document;
	*document = (struct pinf_bytes){0};
	*caller = c;
	return PINF_OK;
}

void
pinf_caller_free(struct pinf_caller *caller)
{
	if (caller == NULL)
		return;
	pinf_bytes_free(&caller->document);
	pinf_bytes_free(&caller->opened);
	pinf_wipe(caller, sizeof *caller);
	free(caller);
}

enum pinf_caller_state
pinf_caller_state(const struct pinf_caller *caller)
{
	return caller->state;
}

struct pinf_span
pinf_caller_result(const struct pinf_caller *caller)
{
	return pinf_span_of(&caller->opened);
}

const struct pinf_api_error *
pinf_caller_error(const struct pinf_caller *caller)
{
	return &caller->error;
}

uint64_t
pinf_caller_task(const struct pinf_caller *caller)
{
	return caller->request.task;
}

/* The ids of a reply: those of this session and task, or it answers something else. */
static void
read_ids(const struct pinf_caller *c, struct pinf_json_reader *json, uint64_t *task)
{
	uint64_t session;

	pinf_json_id(json, "session_id", true, &session);
	pinf_json_id(json, "task_id", true, task);
	if (json->err == PINF_OK && session != c->config.session)
		pinf_json_fail(json, "session_id", PINF_E_SCOPE_MISMATCH);
	else if (json->err == PINF_OK && c->request.task != 0 && *task != c->request.task)
		pinf_json_fail(json, "task_id", PINF_E_SCOPE_MISMATCH);
}

/* Ends the reading of a reply; where it went wrong goes into the error. */
static enum pinf_err
end_reply(struct pinf_caller *c, struct pinf_json_reader *json, struct pinf_json *parsed)
{
	const enum pinf_err err = pinf_json_end(json);

	if (err != PINF_OK)
		memcpy(c->error.field, json->field, sizeof c->error.field);
	pinf_json_free(parsed);
	return err;
}

/*
 * What the protocol demands of the task's payload: sealed in that scope under the task's key version,
 * where this deployment keeps blobs, and of a size that a document can have.
 */
static enum pinf_err
check_payload(
    struct pinf_caller *c, const struct pinf_payload *payload, const struct pinf_scope *scope)
{
	struct pinf_hash sha256;
	enum pinf_err err;

	if (payload->suite == PINF_SUITE_NONE)
		return PINF_E_ENCRYPTION;
	if (!pinf_scope_equal(&payload->scope, scope) ||
	    payload->key_version != c->request.key_version)
		return PINF_E_SCOPE_MISMATCH;
	err = pinf_urn_resolve(&sha256, &c->config.storage, pinf_span_str(payload->urn));
	if (err != PINF_OK)
		return err;
	if (!pinf_hash_equal(&sha256, &payload->sha256))
		return PINF_E_HASH_MISMATCH;
	if (payload->size < PINF_BLOB_HEADER_LEN + PINF_TAG_LEN)
		return PINF_E_BLOB_TRUNCATED;
	return payload->size <= SEALED_MAX ? PINF_OK : PINF_E_TOO_LARGE;
}

/* A payload inside a reply; left alone where it is not what it must be. */
static void
read_payload(struct pinf_caller *c, struct pinf_json_reader *json, const char *name,
    const struct pinf_scope *scope, struct pinf_payload *payload)
{
	struct pinf_payload read = {.size = 0};
	struct pinf_json_reader nested = pinf_json_object(json, name, true);
	enum pinf_err err;

	pinf_payload_read(&nested, &read);
	pinf_json_leave(json, &nested, name);
	if (json->err != PINF_OK)
		return;
	err = check_payload(c, &read, scope);
	if (err == PINF_OK)
		*payload = read;
	else
		pinf_json_fail(json, name, err);
}

static enum pinf_err
take_reserve(struct pinf_caller *c, const struct pinf_event *event)
{
	struct pinf_scope scope = {
	    .kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = c->config.session};
	uint64_t expires_ms, key_version;
	struct pinf_span state;
	struct pinf_json *parsed = NULL;
	enum pinf_err err = pinf_json_parse(&parsed, event->body, PINF_BODY_SMALL_MAX);

	if (err != PINF_OK)
		return err;
	struct pinf_json_reader json = pinf_json_root(parsed);
	pinf_json_uint(&json, "expires_ms", true, PINF_ID_MAX, &expires_ms);
	pinf_json_hex(&json, "instance", true, false, scope.instance, sizeof scope.instance);
	pinf_json_uint(&json, "key_version", true, UINT32_MAX, &key_version);
	if (json.err == PINF_OK && key_version == 0)
		pinf_json_fail(&json, "key_version", PINF_E_RANGE);
	pinf_json_text(&json, "state", true, &state);
	read_ids(c, &json, &scope.task);
	c->request.key_version = (uint32_t)key_version;
	c->input = (struct pinf_payload){.size = 0};
	if (json.err == PINF_OK && pinf_json_has(&json, "input"))
		read_payload(c, &json, "input", &scope, &c->input);
	else if (json.err == PINF_OK && c->document.len == 0) {
		/* The reservation ran out on the way, and began again: what was sealed is of no use. */
		PINF_SOMETIMES(sealed_in_vain);
		c->sealed_too_late = true;
		pinf_json_fail(&json, "input", PINF_E_TIMEOUT);
	}
	err = end_reply(c, &json, parsed);
	if (err != PINF_OK)
		return err;
	c->request.task = scope.task;
	c->request.scope = scope;
	return PINF_OK;
}

static enum pinf_err
take_key(struct pinf_caller *c, const struct pinf_event *event)
{
	return pinf_key_request_take(&c->key, &c->request, &c->sender, event);
}

/* Another reading of the same reference must not find another request's answer. */
static enum pinf_err
take_recall(struct pinf_caller *c, const struct pinf_event *event)
{
	struct pinf_hash sha256;

	pinf_sha256(&sha256, event->body);
	if (!pinf_hash_equal(&sha256, &c->document_sha256))
		return PINF_E_CONFLICT;
	PINF_SOMETIMES(input_recalled);
	pinf_key_wipe(&c->key);
	pinf_bytes_free(&c->document);
	return PINF_OK;
}

static enum pinf_err
take_seal(struct pinf_caller *c, const struct pinf_event *event)
{
	c->seal_id = event->id;
	pinf_key_wipe(&c->key);
	c->input.sha256 = event->sha256;
	c->input.size = event->size;
	c->input.suite = c->config.suite;
	c->input.key_version = c->request.key_version;
	c->input.scope = c->request.scope;
	return pinf_urn_of_blob(c->input.urn, &c->config.storage, &event->sha256);
}

static enum pinf_err
take_put(struct pinf_caller *c, const struct pinf_event *event)
{
	(void)c, (void)event;
	return PINF_OK;
}

/* Fields of the answer that a committed task has beside ids and state. */
static void
read_result(struct pinf_caller *c, struct pinf_json_reader *json, struct pinf_scope *scope)
{
	uint64_t attempt;

	pinf_json_uint(json, "attempt", true, UINT32_MAX, &attempt);
	pinf_json_address(json, "miner", true, &scope->miner);
	scope->purpose = PINF_PURPOSE_RESULT;
	scope->attempt = (uint32_t)attempt;
	read_payload(c, json, "result", scope, &c->result);
}

/* E_TIMEOUT where the task is still worked on: asked again like anything that got no answer. */
static enum pinf_err
take_submit(struct pinf_caller *c, const struct pinf_event *event)
{
	const bool working = event->status == 202;
	struct pinf_scope scope = c->request.scope;
	struct pinf_span state = {NULL, 0};
	struct pinf_json *parsed = NULL;
	enum pinf_err err = pinf_json_parse(&parsed, event->body, PINF_BODY_SMALL_MAX);

	if (err != PINF_OK)
		return err;
	struct pinf_json_reader json = pinf_json_root(parsed);
	read_ids(c, &json, &scope.task);
	pinf_json_text(&json, "state", true, &state);
	if (!working && json.err == PINF_OK && !pinf_span_equal(state, pinf_span_str("committed")))
		pinf_json_fail(&json, "state", PINF_E_STATE);
	if (!working)
		read_result(c, &json, &scope);
	err = end_reply(c, &json, parsed);
	if (err != PINF_OK)
		return err;
	if (working)
		return PINF_E_TIMEOUT;
	c->request.scope = scope;
	return PINF_OK;
}

static enum pinf_err
take_fetch(struct pinf_caller *c, const struct pinf_event *event)
{
	return pinf_bytes_append(&c->opened, event->body.data, event->body.len);
}

static const struct {
	enum pinf_event_kind answer;
	enum pinf_err (*take)(struct pinf_caller *c, const struct pinf_event *event);
} steps[STEPS] = {
    [RESERVE] = {PINF_EV_REPLY, take_reserve},
    [INPUT_KEY] = {PINF_EV_REPLY, take_key},
    [RECALL] = {PINF_EV_OPENED, take_recall},
    [SEAL] = {PINF_EV_SEALED, take_seal},
    [PUT] = {PINF_EV_REPLY, take_put},
    [SUBMIT] = {PINF_EV_REPLY, take_submit},
    [RESULT_KEY] = {PINF_EV_REPLY, take_key},
    [FETCH] = {PINF_EV_OPENED, take_fetch},
};

/* The driver need not keep the sealed input any longer.  If it is not told: it has no memory either. */
static void
drop_sealed(struct pinf_caller *c, struct pinf_effects *effects)
{
	if (c->seal_id != 0)
		(void)pinf_effects_add(effects, PINF_FX_DROP, c->seal_id);
	c->seal_id = 0;
}

/* The end, either way: nothing secret stays but the result. */
static void
finish(struct pinf_caller *c, struct pinf_effects *effects, enum pinf_caller_state state)
{
	c->state = state;
	drop_sealed(c, effects);
	pinf_bytes_free(&c->document);
	pinf_key_wipe(&c->key);
	pinf_wipe(&c->request.pair, sizeof c->request.pair);
}

static enum step
step_after(const struct pinf_caller *c)
{
	if (c->step == INPUT_KEY && c->input.size == 0)
		return SEAL;
	return c->step == RECALL ? SUBMIT : c->step + 1;
}

/* To the next step.  Preparing, waiting and reading have the task's timeout each. */
static enum pinf_err
advance(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms)
{
	if (c->step == PUT)
		drop_sealed(c, effects);
	c->step = step_after(c);
	if (c->step == STEPS) {
		finish(c, effects, PINF_CALLER_DONE);
		return PINF_OK;
	}
	if (c->step == SUBMIT || c->step == RESULT_KEY)
		c->deadline_ms = 0;
	return caller_ask(c, effects, now_ms);
}

/* Whether asking again may help.  refused: the router said so, with that status. */
static bool
may_pass(const struct pinf_caller *c, enum pinf_err err, unsigned refused)
{
	if (c->sealed_too_late || (c->step == SEAL && c->document.len == 0))
		return false; /* The document went with the effect. */
	if ((c->step == FETCH || c->step == RECALL) && refused == 0 &&
	    (err == PINF_E_HASH_MISMATCH || err == PINF_E_SIZE_MISMATCH))
		return true; /* What the storage keeps was checked: it was read or carried wrongly. */
	if (err == PINF_E_AUTH_REPLAY || err == PINF_E_GRANT_EXPIRED)
		return true; /* The network repeated or delayed it: a new one is neither. */
	if (refused != 0 && refused != 429 && refused < 500)
		return false;
	/* A task that ended badly answers with what it ended of. */
	if (refused != 0 && c->step == SUBMIT &&
	    (err == PINF_E_TASK_FAILED || err == PINF_E_INFERENCE || err == PINF_E_TIMEOUT))
		return false;
	return refused != 0 || err >= PINF_E_NOT_FOUND;
}

static enum pinf_err
wake(const struct pinf_caller *c, struct pinf_effects *effects)
{
	struct pinf_effect *fx = pinf_effects_add(effects, PINF_FX_WAKE, 0);

	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	fx->at_ms = c->retry_at_ms;
	return PINF_OK;
}

static enum pinf_err
hold_or_fail(struct pinf_caller *c, struct pinf_effects *effects, unsigned refused)
{
	c->retry_at_ms = c->clock_ms + c->config.retry_ms;
	/* The task moved on meanwhile: somebody (this caller's earlier life, perhaps) submitted an input. */
	if ((c->step == PUT || c->step == SUBMIT) && refused == 409 && !c->looked_again) {
		PINF_SOMETIMES(caller_overtaken);
		c->looked_again = true;
		c->step = RESERVE;
		c->request.task = 0;
		drop_sealed(c, effects);
		return wake(c, effects);
	}
	if (may_pass(c, c->error.err, refused) && c->retry_at_ms < c->deadline_ms)
		return wake(c, effects);
	finish(c, effects, PINF_CALLER_FAILED);
	return PINF_OK;
}

enum pinf_err
pinf_caller_step(
    struct pinf_caller *caller, const struct pinf_event *event, struct pinf_effects *effects)
{
	struct pinf_caller *c = caller;
	enum pinf_err err;

	if (c->state != PINF_CALLER_BUSY)
		return PINF_OK;
	c->clock_ms = pinf_event_clock_ms(event);
	if (event->kind == PINF_EV_TIMER) {
		if (c->asked_id != 0)
			return PINF_OK;
		if (c->clock_ms < c->retry_at_ms)
			return wake(c, effects);
		err = caller_ask(c, effects, event->now_ms);
	} else {
		/* What was given up, or was repeated by the network, answers no question. */
		if (c->asked_id == 0 || event->id != c->asked_id ||
		    event->kind != steps[c->step].answer)
			return PINF_OK;
		c->asked_id = 0;
		if (pinf_reply_refused(&c->error, event))
			return hold_or_fail(c, effects, event->status);
		c->error = (struct pinf_api_error){.err = PINF_OK};
		err = event->err != PINF_OK ? event->err : steps[c->step].take(c, event);
		if (err == PINF_OK)
			err = advance(c, effects, event->now_ms);
	}
	if (err == PINF_OK)
		return PINF_OK;
	c->error.err = err;
	return hold_or_fail(c, effects, 0);
}
