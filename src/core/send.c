/* SPDX-License-Identifier: Apache-2.0 */
/* send.c -- wallet-signed SEND and FETCH effects, and refusals.  spec/auth.md, spec/api.md#errors. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
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

static enum pinf_rule
rule_named(const char *name)
{
	unsigned rule = PINF_RULE_ALLOW + 1;

	while (rule < PINF_RULE_COUNT && strcmp(pinf_rule_name((enum pinf_rule)rule), name) != 0)
		rule++;
	return rule < PINF_RULE_COUNT ? (enum pinf_rule)rule : PINF_RULE_ACTION_UNKNOWN;
}

/* The router's own words: false where the body is somebody else's. */
static bool
read_error(struct pinf_api_error *error, struct pinf_span body)
{
	struct pinf_api_error e = {.rule = PINF_RULE_ALLOW};
	char code[64], rule[64] = "";
	struct pinf_span message;
	struct pinf_json *json = NULL;
	struct pinf_json_reader root, nested;

	if (pinf_json_parse(&json, body, PINF_BODY_SMALL_MAX) != PINF_OK)
		return false;
	root = pinf_json_root(json);
	nested = pinf_json_object(&root, "error", true);
	pinf_json_label(&nested, "code", true, code, sizeof code);
	pinf_json_label(&nested, "field", false, e.field, sizeof e.field);
	pinf_json_text(&nested, "message", false, &message);
	pinf_json_label(&nested, "rule", false, rule, sizeof rule);
	pinf_json_leave(&root, &nested, "error");
	e.err = pinf_json_end(&root) == PINF_OK ? pinf_err_of_name(code) : PINF_OK;
	pinf_json_free(json);
	if (e.err == PINF_OK || e.err == PINF_ERR_COUNT)
		return false;
	if (e.err == PINF_E_DENIED)
		e.rule = rule_named(rule);
	*error = e;
	return true;
}

bool
pinf_reply_refused(struct pinf_api_error *error, const struct pinf_event *reply)
{
	if (reply->err != PINF_OK || reply->status == 0 ||
	    (reply->status >= 200 && reply->status <= 299))
		return false;
	if (read_error(error, reply->body))
		return true;
	/* A proxy answers for the router: all it can say is how it went. */
	*error = (struct pinf_api_error){.err = reply->status == 429   ? PINF_E_BUSY
						: reply->status >= 500 ? PINF_E_IO
								       : PINF_E_SYNTAX};
	(void)snprintf(error->field, sizeof error->field, "status %u", reply->status);
	return true;
}
