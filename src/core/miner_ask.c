/* SPDX-License-Identifier: Apache-2.0 */
/* miner_ask.c -- what a slot asks for in each of its states: requests, seals, inference.  spec/api.md. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/miner_internal.h"

struct pinf_sender
miner_sender(const struct pinf_miner *m, const struct slot *slot)
{
	return (struct pinf_sender){
	    .wallet = &m->wallet,
	    .router = m->config.router,
	    .domain = m->config.domain,
	    .random = m->random,
	    .timeout_ms =
		m->config.send_timeout_ms + (slot->state == SLOT_CLAIM ? m->config.wait_ms : 0),
	};
}

/* Sends what the slot's state calls for.  body is moved or freed. */
static enum pinf_err
post(struct pinf_miner *m, struct slot *slot, struct pinf_send *send, struct pinf_effects *fx)
{
	const struct pinf_sender sender = miner_sender(m, slot);
	enum pinf_err err;

	send->id = m->next_id;
	send->session = slot->session;
	send->task = slot->task;
	send->now_ms = m->now_ms;
	err = pinf_send_signed(fx, &sender, send);
	if (send->body != NULL)
		pinf_bytes_free(send->body);
	if (err == PINF_OK)
		slot->pending = m->next_id++;
	return err;
}

static enum pinf_err
post_json(struct pinf_miner *m, struct slot *slot, const char *path, struct pinf_json_writer *w,
    struct pinf_bytes *body, struct pinf_effects *fx)
{
	struct pinf_send send = {
	    .kind = PINF_FX_SEND, .method = "POST", .path = path, .body = body};
	const enum pinf_err err = pinf_json_written(w);

	if (err != PINF_OK) {
		pinf_bytes_free(body);
		return err;
	}
	return post(m, slot, &send, fx);
}

static enum pinf_err
send_claim(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer w = pinf_json_write_to(&body);

	pinf_json_open(&w, NULL, '{');
	if (m->config.only_session != 0)
		pinf_json_put_uint(&w, "session_id", m->config.only_session);
	pinf_json_put_uint(&w, "wait_ms", m->config.wait_ms);
	pinf_json_close(&w, '}');
	slot->state = SLOT_CLAIM;
	slot->session = m->config.only_session;
	return post_json(m, slot, "/api/v1/miner/claim", &w, &body, fx);
}

/* {"attempt":..,"session_id":..,"task_id":..}: ack and release. */
static enum pinf_err
send_attempt(struct pinf_miner *m, struct slot *slot, const char *path, struct pinf_effects *fx)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer w = pinf_json_write_to(&body);

	pinf_json_open(&w, NULL, '{');
	pinf_json_put_uint(&w, "attempt", slot->attempt);
	pinf_json_put_uint(&w, "session_id", slot->session);
	pinf_json_put_uint(&w, "task_id", slot->task);
	pinf_json_close(&w, '}');
	return post_json(m, slot, path, &w, &body, fx);
}

static enum pinf_err
send_key_request(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	const struct pinf_sender sender = miner_sender(m, slot);
	enum pinf_err err;

	slot->key_request = (struct pinf_key_request){
	    .scope =
		slot->state == SLOT_RESULT_KEY ? miner_result_scope(m, slot) : slot->input.scope,
	    .task = slot->task,
	    .key_version = slot->key_version,
	};
	err = pinf_key_request_send(&slot->key_request, fx, &sender, m->next_id, m->now_ms);
	if (err == PINF_OK)
		slot->pending = m->next_id++;
	return err;
}

static void
blob_path(char path[static 96], const struct pinf_hash *sha256)
{
	char hex[2 * PINF_HASH_LEN + 1];

	pinf_hex(hex, sha256->bytes, sizeof sha256->bytes);
	(void)snprintf(path, 96, "/api/v3/blobs/%s", hex);
}

static enum pinf_err
send_fetch(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	char path[96];
	struct pinf_send send = {.kind = PINF_FX_FETCH, .method = "GET", .path = path};
	enum pinf_err err;

	blob_path(path, &slot->input.sha256);
	err = post(m, slot, &send, fx);
	if (err != PINF_OK)
		return err;
	send.effect->payload = slot->input;
	send.effect->key = slot->key;
	return PINF_OK;
}

static enum pinf_err
ask_inference(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	struct pinf_effect *infer = pinf_effects_add(fx, PINF_FX_INFER, m->next_id);

	if (infer == NULL)
		return PINF_E_NO_MEMORY;
	infer->document = slot->document;
	infer->timeout_ms =
	    (uint32_t)(slot->lease_expires_ms > m->clock_ms ? slot->lease_expires_ms - m->clock_ms
							    : 1);
	infer->meta = (struct pinf_completion_meta){slot->session, slot->task, m->now_ms};
	slot->document = (struct pinf_bytes){0};
	slot->pending = m->next_id++;
	return PINF_OK;
}

struct pinf_scope
miner_result_scope(const struct pinf_miner *m, const struct slot *slot)
{
	struct pinf_scope scope = {
	    .kind = PINF_SCOPE_TASK,
	    .purpose = PINF_PURPOSE_RESULT,
	    .session = slot->session,
	    .task = slot->task,
	    .attempt = slot->attempt,
	    .miner = m->wallet.address,
	};

	memcpy(scope.instance, slot->instance, sizeof scope.instance);
	return scope;
}

static enum pinf_err
ask_seal(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	struct pinf_effect *seal = pinf_effects_add(fx, PINF_FX_SEAL, m->next_id);

	if (seal == NULL)
		return PINF_E_NO_MEMORY;
	if (slot->sealed) {
		seal->params = (struct pinf_blob_params){
		    .suite = m->config.suite,
		    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
		    .padded = m->config.padded,
		    .key_version = slot->key_version,
		    .scope = miner_result_scope(m, slot),
		};
		seal->key = slot->key;
	}
	seal->document = slot->document;
	slot->document = (struct pinf_bytes){0};
	slot->seal_id = slot->pending = m->next_id++;
	return PINF_OK;
}

static enum pinf_err
send_put(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	char path[96];
	struct pinf_send send = {
	    .kind = PINF_FX_SEND,
	    .method = "PUT",
	    .path = path,
	    .seal_id = slot->seal_id,
	    .sealed_sha256 = slot->result.sha256,
	};

	blob_path(path, &slot->result.sha256);
	return post(m, slot, &send, fx);
}

static enum pinf_err
sign_result(const struct pinf_miner *m, const struct slot *slot, struct pinf_span urn,
    struct pinf_sig *signature)
{
	const struct pinf_result_claim claim = {
	    .router = m->config.router,
	    .domain = m->config.domain,
	    .session = slot->session,
	    .task = slot->task,
	    .attempt = slot->attempt,
	    .epoch = slot->epoch,
	    .input_sha256 = slot->input.sha256,
	    .result_urn = urn,
	    .result_sha256 = slot->result.sha256,
	    .key_version = slot->key_version,
	};
	struct pinf_hash digest;

	pinf_result_digest(&digest, &claim);
	return pinf_wallet_sign(signature, &m->wallet, &digest);
}

static enum pinf_err
send_precommit(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer w = pinf_json_write_to(&body);
	struct pinf_sig signature;
	enum pinf_err err = sign_result(m, slot, (struct pinf_span){0}, &signature);

	if (err != PINF_OK)
		return err;
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_uint(&w, "attempt", slot->attempt);
	pinf_json_put_hex(&w, "result_sha256", false, slot->result.sha256.bytes, PINF_HASH_LEN);
	pinf_json_put_uint(&w, "session_id", slot->session);
	pinf_json_put_hex(&w, "signature", true, signature.bytes, sizeof signature.bytes);
	pinf_json_put_uint(&w, "task_id", slot->task);
	pinf_json_close(&w, '}');
	return post_json(m, slot, "/api/v1/miner/precommit", &w, &body, fx);
}

static enum pinf_err
send_commit(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer w = pinf_json_write_to(&body);
	struct pinf_sig signature;
	enum pinf_err err = sign_result(m, slot, pinf_span_str(slot->result.urn), &signature);

	if (err != PINF_OK)
		return err;
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_uint(&w, "attempt", slot->attempt);
	pinf_payload_write(&w, "payload", &slot->result);
	pinf_json_put_uint(&w, "session_id", slot->session);
	pinf_json_put_hex(&w, "signature", true, signature.bytes, sizeof signature.bytes);
	pinf_json_put_uint(&w, "task_id", slot->task);
	pinf_json_close(&w, '}');
	return post_json(m, slot, "/api/v3/offchain/result", &w, &body, fx);
}

enum pinf_err
miner_act(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx)
{
	slot->retry_at_ms = 0;
	switch (slot->state) {
	case SLOT_IDLE:
	case SLOT_CLAIM: return send_claim(m, slot, fx);
	case SLOT_ACK: return send_attempt(m, slot, "/api/v1/miner/ack", fx);
	case SLOT_INPUT_KEY:
	case SLOT_RESULT_KEY: return send_key_request(m, slot, fx);
	case SLOT_FETCH: return send_fetch(m, slot, fx);
	case SLOT_INFER: return ask_inference(m, slot, fx);
	case SLOT_SEAL: return ask_seal(m, slot, fx);
	case SLOT_PUT: return send_put(m, slot, fx);
	case SLOT_PRECOMMIT: return send_precommit(m, slot, fx);
	case SLOT_COMMIT: return send_commit(m, slot, fx);
	case SLOT_RELEASE: return send_attempt(m, slot, "/api/v1/miner/release", fx);
	}
	assert(false && "a slot in an unknown state");
	return PINF_OK;
}
