/* SPDX-License-Identifier: Apache-2.0 */
/*
 * miner.c -- the miner's core: a few slots, each with one attempt on its way through claim, ack, key,
 * fetch, infer, key, seal, put, precommit, commit.  spec/states.md, spec/effects.md.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/json.h"
#include "core/miner_internal.h"
#include "crypto/crypto.h"

struct pinf_miner_config
pinf_miner_defaults(void)
{
	return (struct pinf_miner_config){
	    .suite = PINF_SUITE_AES256GCM,
	    .slots = 1,
	    .wait_ms = 10000,
	    .retry_ms = 500,
	    .retry_max_ms = 15000,
	    .send_timeout_ms = 30000,
	    .padded = true,
	};
}

enum pinf_err
pinf_miner_open(struct pinf_miner **miner, const struct pinf_miner_config *config,
    const struct pinf_wallet *wallet, struct pinf_random random)
{
	struct pinf_miner *m;

	if (config->slots == 0 || config->slots > PINF_MINER_SLOTS_MAX)
		return PINF_E_CONFIG;
	m = calloc(1, sizeof *m);
	if (m == NULL)
		return PINF_E_NO_MEMORY;
	m->config = *config;
	m->wallet = *wallet;
	m->random = random;
	m->next_id = 1;
	*miner = m;
	return PINF_OK;
}

static void
slot_wipe(struct slot *slot)
{
	pinf_bytes_free(&slot->document);
	pinf_wipe(slot, sizeof *slot);
}

void
pinf_miner_free(struct pinf_miner *miner)
{
	if (miner == NULL)
		return;
	for (size_t i = 0; i < PINF_MINER_SLOTS_MAX; i++)
		slot_wipe(&miner->slots[i]);
	pinf_wipe(miner, sizeof *miner);
	free(miner);
}

bool
pinf_miner_idle(const struct pinf_miner *miner)
{
	for (uint32_t i = 0; i < miner->config.slots; i++)
		if (miner->slots[i].state != SLOT_IDLE && miner->slots[i].state != SLOT_CLAIM)
			return false;
	return true;
}

static enum pinf_err
note(struct pinf_miner *m, const struct slot *slot, const char *event, enum pinf_err why,
    struct pinf_effects *fx)
{
	struct pinf_effect *line = pinf_effects_add(fx, PINF_FX_LOG, 0);

	if (line == NULL)
		return PINF_E_NO_MEMORY;
	line->method = event;
	line->err = why;
	line->meta = (struct pinf_completion_meta){slot->session, slot->task, m->now_ms};
	return PINF_OK;
}

static uint64_t
pause_ms(const struct pinf_miner *m, unsigned failures)
{
	uint64_t pause = m->config.retry_ms;

	for (unsigned i = 1; i < failures && pause < m->config.retry_max_ms; i++)
		pause *= 2;
	return pause < m->config.retry_max_ms ? pause : m->config.retry_max_ms;
}

/* The attempt is over, well or badly; the next claim begins after a pause if badly. */
static enum pinf_err
slot_reset(struct pinf_miner *m, struct slot *slot, bool failed, struct pinf_effects *fx)
{
	const uint64_t seal_id = slot->seal_id;
	const unsigned failures = failed ? slot->failures + 1 : 0;
	struct pinf_effect *drop;

	slot_wipe(slot);
	slot->failures = failures;
	slot->retry_at_ms = failed ? m->clock_ms + pause_ms(m, failures) : 0;
	if (seal_id == 0)
		return PINF_OK;
	drop = pinf_effects_add(fx, PINF_FX_DROP, seal_id);
	return drop == NULL ? PINF_E_NO_MEMORY : PINF_OK;
}

static enum pinf_err
slot_go(struct pinf_miner *m, struct slot *slot, enum slot_state state, struct pinf_effects *fx)
{
	slot->state = state;
	slot->failures = 0;
	return miner_act(m, slot, fx);
}

/* A lease that contradicts itself or the configuration is not worked on. */
static enum pinf_err
check_lease(const struct pinf_miner *m, const struct slot *slot, struct pinf_span route)
{
	const struct pinf_scope *scope = &slot->input.scope;

	if (m->config.only_session != 0 && slot->session != m->config.only_session)
		return PINF_E_SCOPE_MISMATCH;
	if (slot->sealed == pinf_span_equal(route, pinf_span_str("plain")))
		return PINF_E_ENCRYPTION;
	if (!slot->sealed)
		return PINF_OK;
	if (scope->session != slot->session || slot->input.key_version != slot->key_version ||
	    scope->purpose != PINF_PURPOSE_INPUT)
		return PINF_E_SCOPE_MISMATCH;
	/* A session's key has the session's instance. */
	if (scope->kind == PINF_SCOPE_TASK &&
	    (scope->task != slot->task ||
		memcmp(scope->instance, slot->instance, sizeof slot->instance) != 0))
		return PINF_E_SCOPE_MISMATCH;
	return PINF_OK;
}

/* Reads a claim's answer; whatever the router says is checked before it is believed. */
static enum pinf_err
read_lease(const struct pinf_miner *m, struct slot *slot, struct pinf_span body)
{
	struct pinf_json *json;
	struct pinf_json_reader reader, input;
	uint64_t attempt = 0, version = 0, precommit_ms = 0, deadline_ms = 0, left_ms;
	struct pinf_span route = {0};
	enum pinf_err err = pinf_json_parse(&json, body, MINER_REPLY_MAX);

	if (err != PINF_OK)
		return err;
	reader = pinf_json_root(json);
	pinf_json_uint(&reader, "attempt", true, UINT32_MAX, &attempt);
	pinf_json_uint(&reader, "deadline_ms", true, PINF_ID_MAX, &deadline_ms);
	pinf_json_uint(&reader, "epoch", true, PINF_ID_MAX, &slot->epoch);
	input = pinf_json_object(&reader, "input", true);
	pinf_payload_read(&input, &slot->input);
	pinf_json_leave(&reader, &input, "input");
	pinf_json_hex(&reader, "instance", true, false, slot->instance, sizeof slot->instance);
	pinf_json_uint(&reader, "key_version", true, UINT32_MAX, &version);
	pinf_json_uint(&reader, "lease_expires_ms", true, PINF_ID_MAX, &slot->lease_expires_ms);
	pinf_json_uint(&reader, "precommit_timeout_ms", true, UINT32_MAX, &precommit_ms);
	pinf_json_text(&reader, "route", true, &route);
	pinf_json_id(&reader, "session_id", true, &slot->session);
	pinf_json_id(&reader, "task_id", true, &slot->task);
	slot->attempt = (uint32_t)attempt;
	slot->key_version = (uint32_t)version;
	slot->sealed = slot->input.suite != PINF_SUITE_NONE;
	left_ms = deadline_ms > m->now_ms ? deadline_ms - m->now_ms : 0;
	slot->lease_expires_ms = m->clock_ms + (precommit_ms < left_ms ? precommit_ms : left_ms);
	err = pinf_json_end(&reader);
	if (err == PINF_OK)
		err = attempt == 0 ? PINF_E_RANGE : check_lease(m, slot, route);
	pinf_json_free(json);
	return err;
}

static enum pinf_err
take_key(const struct pinf_miner *m, struct slot *slot, const struct pinf_event *event)
{
	const struct pinf_sender sender = miner_sender(m, slot);
	const enum pinf_err err =
	    pinf_key_request_take(&slot->key, &slot->key_request, &sender, event);

	pinf_wipe(&slot->key_request, sizeof slot->key_request);
	return err;
}

/* A public input that travelled inline needs no fetching. */
static enum pinf_err
take_inline(struct slot *slot)
{
	return pinf_bytes_append(&slot->document, slot->input.inline_data, slot->input.inline_len);
}

static enum pinf_err
after_ack(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	enum pinf_err err;

	if (slot->sealed)
		return slot_go(m, slot, SLOT_INPUT_KEY, fx);
	if (slot->input.inline_len == 0)
		return slot_go(m, slot, SLOT_FETCH, fx);
	err = take_inline(slot);
	return err == PINF_OK ? slot_go(m, slot, SLOT_INFER, fx) : err;
}

/* A public result that is small travels inline: no blob, no seal. */
static enum pinf_err
after_infer(struct pinf_miner *m, struct slot *slot, const struct pinf_event *event,
    struct pinf_effects *fx)
{
	enum pinf_err err = pinf_bytes_append(&slot->document, event->body.data, event->body.len);

	if (err != PINF_OK)
		return err;
	if (slot->sealed)
		return slot_go(m, slot, SLOT_RESULT_KEY, fx);
	if (event->body.len > PINF_INLINE_MAX)
		return slot_go(m, slot, SLOT_SEAL, fx);
	slot->result =
	    (struct pinf_payload){.size = event->body.len, .inline_len = (uint32_t)event->body.len};
	memcpy(slot->result.inline_data, event->body.data, event->body.len);
	pinf_sha256(&slot->result.sha256, event->body);
	return slot_go(m, slot, SLOT_PRECOMMIT, fx);
}

static enum pinf_err
after_seal(struct pinf_miner *m, struct slot *slot, const struct pinf_event *event,
    struct pinf_effects *fx)
{
	enum pinf_err err;

	slot->result = (struct pinf_payload){.sha256 = event->sha256, .size = event->size};
	err = pinf_urn_of_blob(slot->result.urn, &m->config.storage, &event->sha256);
	if (err != PINF_OK)
		return err;
	if (slot->sealed) {
		slot->result.suite = m->config.suite;
		slot->result.key_version = slot->key_version;
		slot->result.scope = miner_result_scope(m, slot);
		pinf_key_wipe(&slot->key);
	}
	return slot_go(m, slot, SLOT_PUT, fx);
}

/* Claims again: at once if the router has waited for us, else after a pause. */
static enum pinf_err
nothing_to_do(const struct pinf_miner *m, struct slot *slot)
{
	slot->state = SLOT_IDLE;
	slot->failures = 0;
	slot->retry_at_ms = m->config.wait_ms == 0 ? m->clock_ms + m->config.retry_ms : 0;
	return PINF_OK;
}

/* The answer that the state waited for has come. */
static enum pinf_err
slot_advance(struct pinf_miner *m, struct slot *slot, const struct pinf_event *event,
    struct pinf_effects *fx)
{
	enum pinf_err err = PINF_OK;

	switch (slot->state) {
	case SLOT_CLAIM:
		if (event->status == 204)
			return nothing_to_do(m, slot);
		err = read_lease(m, slot, event->body);
		if (err != PINF_OK)
			return err;
		/* It came too late for a miner that stops: back with it, for somebody else. */
		return slot_go(m, slot, m->stopping ? SLOT_RELEASE : SLOT_ACK, fx);
	case SLOT_ACK: return after_ack(m, slot, fx);
	case SLOT_INPUT_KEY:
	case SLOT_RESULT_KEY:
		err = take_key(m, slot, event);
		if (err != PINF_OK)
			return err;
		return slot_go(m, slot, slot->state == SLOT_INPUT_KEY ? SLOT_FETCH : SLOT_SEAL, fx);
	case SLOT_FETCH:
		pinf_key_wipe(&slot->key);
		err = pinf_bytes_append(&slot->document, event->body.data, event->body.len);
		return err == PINF_OK ? slot_go(m, slot, SLOT_INFER, fx) : err;
	case SLOT_INFER: return after_infer(m, slot, event, fx);
	case SLOT_SEAL: return after_seal(m, slot, event, fx);
	case SLOT_PUT: return slot_go(m, slot, SLOT_PRECOMMIT, fx);
	case SLOT_PRECOMMIT: return slot_go(m, slot, SLOT_COMMIT, fx);
	case SLOT_COMMIT:
		err = note(m, slot, "result-accepted", PINF_OK, fx);
		return err == PINF_OK ? slot_reset(m, slot, false, fx) : err;
	case SLOT_RELEASE: return slot_reset(m, slot, true, fx);
	case SLOT_IDLE: break;
	}
	assert(false && "an answer that nobody asked for");
	return PINF_OK;
}

/* What the router or the driver says; refused gets the status of a refusal, else 0. */
static enum pinf_err
outcome_of(const struct pinf_event *event, unsigned *refused)
{
	struct pinf_api_error error;

	*refused = 0;
	if (event->err != PINF_OK || !pinf_reply_refused(&error, event))
		return event->err;
	*refused = event->status;
	return error.err;
}

/* Whether asking the same again may help: the environment's fault, not ours. */
static bool
may_pass(enum pinf_err err, unsigned refused)
{
	if (refused != 0)
		return refused == 429 || refused >= 500;
	return err == PINF_E_IO || err == PINF_E_TIMEOUT || err == PINF_E_BUSY;
}

/* Whether the attempt is better off with somebody else, and at once. */
static bool
hands_back(const struct slot *slot, unsigned refused)
{
	/* What the driver could not do.  Where the router refuses, the lease is lost or runs out. */
	return refused == 0 && slot->state > SLOT_ACK && slot->state < SLOT_PRECOMMIT;
}

/* The same again after a pause; or this attempt is given up. */
static enum pinf_err
slot_failed(struct pinf_miner *m, struct slot *slot, enum pinf_err why, unsigned refused,
    struct pinf_effects *fx)
{
	const bool claimed = slot->state != SLOT_CLAIM;
	/* Inferring and sealing used their document up. */
	const bool again = claimed && slot->state != SLOT_INFER && slot->state != SLOT_SEAL;

	if (again && may_pass(why, refused) && slot->failures < MINER_RETRIES_MAX) {
		PINF_SOMETIMES(miner_asks_again);
		slot->failures++;
		if (slot->state == SLOT_PRECOMMIT && PINF_BUG(miner_infers_again))
			slot->state = SLOT_INFER;
		slot->retry_at_ms = m->clock_ms + pause_ms(m, slot->failures);
		return PINF_OK;
	}
	/* Of a router that gives no answer, the driver tells. */
	if (claimed || refused != 0 || !may_pass(why, refused)) {
		const enum pinf_err err =
		    note(m, slot, claimed ? "attempt-failed" : "claim-refused", why, fx);
		if (err != PINF_OK)
			return err;
	}
	if (!hands_back(slot, refused))
		return slot_reset(m, slot, true, fx);
	PINF_SOMETIMES(attempt_handed_back);
	return slot_go(m, slot, SLOT_RELEASE, fx);
}

static enum pinf_err
slot_event(struct pinf_miner *m, struct slot *slot, const struct pinf_event *event,
    struct pinf_effects *fx)
{
	unsigned refused;
	enum pinf_err err = outcome_of(event, &refused);

	slot->pending = 0;
	if (err == PINF_OK) {
		err = slot_advance(m, slot, event, fx);
		if (err == PINF_OK || err == PINF_E_NO_MEMORY)
			return err;
	}
	return slot_failed(m, slot, err, refused, fx);
}

/* Starts what is due and says when to look again. */
static enum pinf_err
wake(struct pinf_miner *m, struct pinf_effects *fx)
{
	uint64_t at_ms = UINT64_MAX;
	struct pinf_effect *timer;

	for (uint32_t i = 0; i < m->config.slots; i++) {
		struct slot *slot = &m->slots[i];
		enum pinf_err err;

		if (slot->pending != 0 || (m->stopping && slot->state <= SLOT_CLAIM))
			continue;
		if (slot->retry_at_ms <= m->clock_ms) {
			err = miner_act(m, slot, fx);
			if (err == PINF_OK)
				continue;
			if (err == PINF_E_NO_MEMORY)
				return err;
			err = slot_reset(m, slot, true, fx);
			if (err != PINF_OK)
				return err;
		}
		if (slot->retry_at_ms < at_ms)
			at_ms = slot->retry_at_ms;
	}
	if (at_ms == UINT64_MAX)
		return PINF_OK;
	timer = pinf_effects_add(fx, PINF_FX_WAKE, 0);
	if (timer == NULL)
		return PINF_E_NO_MEMORY;
	timer->at_ms = at_ms;
	return PINF_OK;
}

enum pinf_err
pinf_miner_step(
    struct pinf_miner *miner, const struct pinf_event *event, struct pinf_effects *effects)
{
	enum pinf_err err = PINF_OK;

	miner->now_ms = event->now_ms;
	miner->clock_ms = pinf_event_clock_ms(event);
	if (event->kind == PINF_EV_STOP)
		miner->stopping = true;
	for (uint32_t i = 0; i < miner->config.slots && event->id != 0; i++)
		if (miner->slots[i].pending == event->id)
			err = slot_event(miner, &miner->slots[i], event, effects);
	return err == PINF_OK ? wake(miner, effects) : err;
}
