/* SPDX-License-Identifier: Apache-2.0 */
/* api_body.c -- HTTP status and body of an error, body of a completion.  spec/api.md#errors. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include <pinf/api.h>

#include "core/json.h"

/* What is not listed is 400 where the peer is at fault and 500 where the environment is. */
static const struct {
	unsigned status;
	enum pinf_err errors[14]; /* PINF_OK ends a shorter list */
} statuses[] = {
    {401, {PINF_E_AUTH_MISSING, PINF_E_AUTH_SYNTAX, PINF_E_AUTH_SIGNATURE, PINF_E_AUTH_HIGH_S,
	      PINF_E_AUTH_ROUTER, PINF_E_AUTH_EXPIRED, PINF_E_AUTH_TOO_FAR, PINF_E_AUTH_REPLAY,
	      PINF_E_AUTH_KEY}},
    {403, {PINF_E_DENIED}},
    {404, {PINF_E_ROUTE, PINF_E_NO_SESSION, PINF_E_NO_TASK, PINF_E_NO_BLOB, PINF_E_NOT_FOUND,
	      PINF_E_KEY_UNKNOWN}},
    {405, {PINF_E_METHOD}},
    {409, {PINF_E_STATE, PINF_E_ACL_ELSEWHERE, PINF_E_CONFLICT, PINF_E_KEY_IN_USE,
	      PINF_E_KEY_PENDING, PINF_E_KEY_RETIRED}},
    {410, {PINF_E_KEY_DESTROYED}},
    {413, {PINF_E_TOO_LARGE}},
    {415, {PINF_E_CONTENT_TYPE}},
    {422, {PINF_E_SCOPE_MISMATCH, PINF_E_HASH_MISMATCH, PINF_E_SIZE_MISMATCH, PINF_E_URN_STORAGE,
	      PINF_E_BLOB_MAGIC, PINF_E_BLOB_VERSION, PINF_E_BLOB_SUITE, PINF_E_BLOB_HEADER,
	      PINF_E_BLOB_COMMITMENT, PINF_E_BLOB_FORGED, PINF_E_BLOB_TRUNCATED,
	      PINF_E_BLOB_PADDING}},
    {500, {PINF_E_KEYRING, PINF_E_PASSPHRASE, PINF_E_TAMPERED, PINF_E_CONFIG}},
    {502, {PINF_E_TASK_FAILED, PINF_E_INFERENCE}},
    {503, {PINF_E_BUSY, PINF_E_NO_MEMORY, PINF_E_STORE, PINF_E_IO}},
    {504, {PINF_E_TIMEOUT}},
    {507, {PINF_E_FULL}},
};

unsigned
pinf_api_status(enum pinf_err err)
{
	assert(err > PINF_OK && err < PINF_ERR_COUNT);
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		for (const enum pinf_err *at = statuses[i].errors; *at != PINF_OK; at++)
			if (*at == err)
				return statuses[i].status;
	return err < PINF_E_NOT_FOUND ? 400 : 500;
}

enum pinf_err
pinf_api_error_body(struct pinf_bytes *out, const struct pinf_api_error *error)
{
	const bool denied = error->err == PINF_E_DENIED;
	struct pinf_json_writer writer = pinf_json_write_to(out);

	pinf_json_open(&writer, NULL, '{');
	pinf_json_open(&writer, "error", '{');
	pinf_json_put_str(&writer, "code", pinf_err_name(error->err));
	if (error->field[0] != 0)
		pinf_json_put_str(&writer, "field", error->field);
	pinf_json_put_str(
	    &writer, "message", denied ? pinf_rule_text(error->rule) : pinf_err_text(error->err));
	if (denied)
		pinf_json_put_str(&writer, "rule", pinf_rule_name(error->rule));
	pinf_json_close(&writer, '}');
	pinf_json_close(&writer, '}');
	return pinf_json_written(&writer);
}

enum pinf_err
pinf_api_completion_body(struct pinf_bytes *out, const struct pinf_completion_meta *meta,
    const struct pinf_result *result)
{
	struct pinf_json_writer writer = pinf_json_write_to(out);
	char id[64];

	(void)snprintf(id, sizeof id, "cmpl-%" PRIu64 "-%" PRIu64, meta->session, meta->task);
	pinf_json_open(&writer, NULL, '{');
	pinf_json_open(&writer, "choices", '[');
	pinf_json_open(&writer, NULL, '{');
	pinf_json_put_str(&writer, "finish_reason", result->finish_reason);
	pinf_json_put_uint(&writer, "index", 0);
	pinf_json_put_null(&writer, "logprobs");
	pinf_json_put_text(&writer, "text", pinf_span_of(&result->text));
	pinf_json_close(&writer, '}');
	pinf_json_close(&writer, ']');
	pinf_json_put_uint(&writer, "created", meta->created_ms / 1000);
	pinf_json_put_str(&writer, "id", id);
	pinf_json_put_str(&writer, "model", result->model);
	pinf_json_put_str(&writer, "object", "text_completion");
	pinf_json_put_uint(&writer, "task_id", meta->task);
	pinf_json_open(&writer, "usage", '{');
	pinf_json_put_uint(&writer, "completion_tokens", result->completion_tokens);
	pinf_json_put_uint(&writer, "prompt_tokens", result->prompt_tokens);
	pinf_json_put_uint(
	    &writer, "total_tokens", (uint64_t)result->prompt_tokens + result->completion_tokens);
	pinf_json_close(&writer, '}');
	pinf_json_close(&writer, '}');
	return pinf_json_written(&writer);
}
