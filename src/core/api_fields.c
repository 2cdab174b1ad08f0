/* SPDX-License-Identifier: Apache-2.0 */
/* api_fields.c -- the fields of every endpoint's body.  spec/api.md. */
#include <string.h>

#include "core/api_entry.h"
#include "crypto/crypto.h"

/* 0 where the field is absent. */
static uint32_t
number(struct pinf_json_reader *body, const char *name, uint32_t max)
{
	uint64_t value = 0;

	pinf_json_uint(body, name, false, max, &value);
	return (uint32_t)value;
}

static uint32_t
positive(struct pinf_json_reader *body, const char *name)
{
	uint64_t value;

	pinf_json_uint(body, name, true, UINT32_MAX, &value);
	if (value == 0)
		pinf_json_fail(body, name, PINF_E_RANGE);
	return (uint32_t)value;
}

/* Path and body may both name an id: then it is the same one. */
static void
id(struct pinf_json_reader *body, const char *name, uint64_t *named)
{
	uint64_t value = *named;

	pinf_json_id(body, name, false, &value);
	if (*named != 0 && value != *named)
		pinf_json_fail(body, name, PINF_E_SCOPE);
	*named = value;
}

static void
ids(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	id(body, "session_id", &request->session);
	id(body, "task_id", &request->task);
}

static void
payload(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	struct pinf_json_reader nested = pinf_json_object(body, "payload", true);

	pinf_payload_read(&nested, &request->payload);
	pinf_json_leave(body, &nested, "payload");
}

static void
reference(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	pinf_json_label(
	    body, "client_reference", false, request->reference, sizeof request->reference);
}

static void
signature(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	pinf_json_hex(body, "signature", true, true, request->signature.bytes, PINF_SIG_LEN);
}

/* The prompt and all that belongs to it leave as one canonical document. */
static void
input(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	struct pinf_input in = {0};
	enum pinf_err err;

	pinf_input_read(body, &in);
	if (pinf_json_end(body) == PINF_OK) {
		err = pinf_input_encode(&request->document, &in);
		if (err != PINF_OK)
			pinf_json_fail(body, "prompt", err);
		else
			pinf_sha256(&request->document_sha256, pinf_span_of(&request->document));
	}
	pinf_input_free(&in);
}

void
pinf_api_completion(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	const uint32_t seconds_max = PINF_TIMEOUT_MAX_MS / 1000;

	id(body, "session_id", &request->session);
	pinf_json_bool(body, "stream", false, &request->stream);
	request->timeout_ms = 1000 * number(body, "timeout", seconds_max);
	request->precommit_timeout_ms = 1000 * number(body, "precommit_timeout", seconds_max);
	reference(body, request);
	if (request->api_version == 3 && pinf_json_has(body, "payload")) {
		request->has_payload = true;
		id(body, "task_id", &request->task);
		payload(body, request);
	} else {
		input(body, request);
	}
}

void
pinf_api_reserve(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	reference(body, request);
	request->timeout_ms = number(body, "timeout_ms", PINF_TIMEOUT_MAX_MS);
}

/* What both key requests hold. */
static void
key(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	struct pinf_span purpose;

	ids(body, request);
	pinf_json_hex(body, "hpke_public", true, false, request->hpke_public, PINF_HPKE_PUBLIC_LEN);
	pinf_json_text(body, "purpose", true, &purpose);
	if (pinf_span_equal(purpose, pinf_span_str("result")))
		request->purpose = PINF_PURPOSE_RESULT;
	else if (pinf_span_equal(purpose, pinf_span_str("input")))
		request->purpose = PINF_PURPOSE_INPUT;
	else
		pinf_json_fail(body, "purpose", PINF_E_SCOPE);
	if (request->purpose == PINF_PURPOSE_RESULT || pinf_json_has(body, "attempt"))
		request->attempt = positive(body, "attempt");
}

void
pinf_api_key_session(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	key(body, request);
	if (request->purpose == PINF_PURPOSE_RESULT)
		pinf_json_fail(body, "purpose", PINF_E_SCOPE);
}

void
pinf_api_key_task(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	key(body, request);
}

/* session_id 0 asks for a task of any session, as does leaving it out. */
void
pinf_api_claim(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	struct pinf_json_reader zero = *body;
	uint64_t session = 1;

	pinf_json_uint(&zero, "session_id", false, PINF_ID_MAX, &session);
	if (session == 0)
		*body = zero;
	else
		id(body, "session_id", &request->session);
	request->wait_ms = number(body, "wait_ms", PINF_WAIT_MAX_MS);
}

void
pinf_api_leave(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	id(body, "session_id", &request->session);
}

void
pinf_api_lease(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	ids(body, request);
	request->attempt = positive(body, "attempt");
}

void
pinf_api_precommit(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	pinf_api_lease(body, request);
	signature(body, request);
	pinf_json_hex(
	    body, "result_sha256", true, false, request->result_sha256.bytes, PINF_HASH_LEN);
}

void
pinf_api_commit(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	pinf_api_lease(body, request);
	signature(body, request);
	payload(body, request);
}

/* The older field and the policy's member say the same thing: whoever names both, means one. */
static void
policy(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	const bool named = pinf_json_has(body, "router_sealed");
	struct pinf_json_reader nested = pinf_json_object(body, "policy", false);
	const bool twice = named && pinf_json_has(&nested, "router_sealed");
	bool router_sealed = false;

	pinf_policy_read(&nested, &request->policy);
	pinf_json_leave(body, &nested, "policy");
	pinf_json_bool(body, "router_sealed", false, &router_sealed);
	if (twice && router_sealed != request->policy.router_sealed)
		pinf_json_fail(body, "policy.router_sealed", PINF_E_DUPLICATE);
	request->policy.router_sealed |= router_sealed;
}

void
pinf_api_policy(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	pinf_policy_read(body, &request->policy);
}

void
pinf_api_explain(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	struct pinf_span action, actor = {0}, route = {0};

	id(body, "task_id", &request->task);
	pinf_json_text(body, "action", true, &action);
	pinf_json_text(body, "actor", false, &actor);
	pinf_json_text(body, "route", false, &route);
	pinf_json_address(body, "miner", false, &request->miner);
	pinf_json_bool(body, "session_key", false, &request->session_key);
	pinf_json_bool(body, "stream", false, &request->stream);
	request->action = pinf_action_of_name(action);
	request->actor = pinf_actor_of_name(actor);
	request->route = pinf_route_of_name(route);
	if (request->action == PINF_ACTIONS)
		pinf_json_fail(body, "action", PINF_E_RANGE);
	if (request->actor == PINF_ACTORS && actor.data != NULL)
		pinf_json_fail(body, "actor", PINF_E_RANGE);
	if (request->route == PINF_ROUTES && route.data != NULL)
		pinf_json_fail(body, "route", PINF_E_RANGE);
	if (pinf_json_has(body, "miner")) {
		if (request->actor == PINF_ACTORS)
			request->actor = PINF_ACTOR_MINER;
		else if (request->actor != PINF_ACTOR_MINER)
			pinf_json_fail(body, "actor", PINF_E_SCOPE);
	} else if (request->actor == PINF_ACTOR_MINER) {
		pinf_json_fail(body, "miner", PINF_E_MISSING);
	}
}

void
pinf_api_create(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	struct pinf_span type;

	id(body, "session_id", &request->session);
	pinf_json_bool(body, "api_key", false, &request->want_api_key);
	pinf_json_bool(body, "private", true, &request->make_private);
	policy(body, request);
	pinf_json_text(body, "type", true, &type);
	if (pinf_span_equal(type, pinf_span_str("dedicated")))
		request->session_type = PINF_SESSION_DEDICATED;
	else if (pinf_span_equal(type, pinf_span_str("ephemeral")))
		request->session_type = PINF_SESSION_EPHEMERAL;
	else if (pinf_span_equal(type, pinf_span_str("pooled")))
		request->session_type = PINF_SESSION_POOLED;
	else
		pinf_json_fail(body, "type", PINF_E_RANGE);
	if (request->session_type == PINF_SESSION_POOLED)
		request->seats = positive(body, "seats");
}

void
pinf_api_member(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	pinf_json_address(body, "miner", true, &request->miner);
}

void
pinf_api_empty(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	(void)body;
	(void)request;
}

void
pinf_api_destroy(struct pinf_json_reader *body, struct pinf_api_request *request)
{
	pinf_json_bool(body, "force", false, &request->force);
	request->key_version = positive(body, "key_version");
}
