/* SPDX-License-Identifier: Apache-2.0 */
/* key_request.c -- asking the router for a scope key, and taking the grant.  spec/grants.md. */
#include "core/json.h"
#include "core/send.h"

static enum pinf_err
write_body(struct pinf_bytes *body, const struct pinf_key_request *request)
{
	struct pinf_json_writer json = pinf_json_write_to(body);
	const bool result = request->scope.purpose == PINF_PURPOSE_RESULT;

	pinf_json_open(&json, NULL, '{');
	if (result)
		pinf_json_put_uint(&json, "attempt", request->scope.attempt);
	pinf_json_put_hex(
	    &json, "hpke_public", false, request->pair.public_key, PINF_HPKE_PUBLIC_LEN);
	pinf_json_put_str(&json, "purpose", result ? "result" : "input");
	pinf_json_put_uint(&json, "session_id", request->scope.session);
	pinf_json_put_uint(&json, "task_id", request->task);
	pinf_json_close(&json, '}');
	return pinf_json_written(&json);
}

enum pinf_err
pinf_key_request_send(struct pinf_key_request *request, struct pinf_effects *effects,
    const struct pinf_sender *sender, uint64_t id, uint64_t now_ms)
{
	struct pinf_bytes body = {0};
	struct pinf_send send = {.kind = PINF_FX_SEND,
	    .id = id,
	    .method = "POST",
	    .path = request->scope.kind == PINF_SCOPE_SESSION
			? "/api/v1/auth/payload_enc_key/session"
			: "/api/v1/auth/payload_enc_key/task",
	    .body = &body,
	    .session = request->scope.session,
	    .task = request->task,
	    .now_ms = now_ms};
	enum pinf_err err = pinf_hpke_keypair(&request->pair, sender->random);

	if (err == PINF_OK)
		err = write_body(&body, request);
	if (err == PINF_OK)
		err = pinf_send_signed(effects, sender, &send);
	if (err == PINF_OK)
		request->digest = send.digest;
	pinf_bytes_free(&body);
	return err;
}

enum pinf_err
pinf_key_request_take(struct pinf_key *key, const struct pinf_key_request *request,
    const struct pinf_sender *sender, const struct pinf_event *reply)
{
	const struct pinf_grant_expect expect = {.router = sender->router,
	    .domain = sender->domain,
	    .request_digest = request->digest,
	    .scope = request->scope,
	    .now_ms = reply->now_ms};
	struct pinf_key opened PINF_WIPED = {{0}};
	struct pinf_grant grant;
	enum pinf_err err = pinf_grant_decode(&grant, reply->body);

	if (err == PINF_OK)
		err = pinf_grant_open(&opened, &grant, &expect, &request->pair);
	if (err == PINF_OK && grant.key_version != request->key_version)
		err = PINF_E_GRANT_MISMATCH;
	if (err == PINF_OK)
		*key = opened;
	return err;
}
