/* SPDX-License-Identifier: Apache-2.0 */
/* send.c -- wallet-signed SEND and FETCH effects.  spec/auth.md. */
#include <assert.h>
#include <string.h>

#include "core/send.h"
#include "crypto/crypto.h"

static struct pinf_hash
hash_of_body(const struct pinf_send *send)
{
	struct pinf_hash sha256 = send->sealed_sha256;

	assert(send->body == NULL || send->seal_id == 0);
	if (send->seal_id == 0)
		pinf_sha256(
		    &sha256, send->body != NULL ? pinf_span_of(send->body) : pinf_span_str(""));
	return sha256;
}

enum pinf_err
pinf_send_signed(
    struct pinf_effects *effects, const struct pinf_sender *sender, struct pinf_send *send)
{
	struct pinf_auth_request request = {.router = sender->router,
	    .domain = sender->domain,
	    .method = pinf_span_str(send->method),
	    .path = pinf_span_str(send->path),
	    .session = send->session,
	    .task = send->task,
	    .body_sha256 = hash_of_body(send)};
	struct pinf_effect *fx = pinf_effects_add(effects, send->kind, send->id);
	enum pinf_err err;

	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	err = pinf_auth_sign(
	    fx->authorization, sender->wallet, &request, send->now_ms, sender->random);
	if (err == PINF_OK)
		err = pinf_bytes_append(&fx->path, request.path.data, request.path.len);
	if (err != PINF_OK) {
		pinf_effects_cut(effects, effects->count - 1);
		return err;
	}
	fx->method = send->method;
	fx->timeout_ms = sender->timeout_ms;
	fx->seal_id = send->seal_id;
	if (send->body != NULL) {
		fx->body = *send->body;
		*send->body = (struct pinf_bytes){0};
	}
	pinf_auth_digest(&send->digest, PINF_AUTH_EIP712, &request);
	send->effect = fx;
	return PINF_OK;
}
