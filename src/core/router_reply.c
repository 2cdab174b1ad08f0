/* SPDX-License-Identifier: Apache-2.0 */
/* router_reply.c -- the router's answers: one RESPOND effect each.  spec/api.md. */
#include "core/router_internal.h"

enum pinf_err
reply_begin(
    struct pinf_router *r, uint64_t request, unsigned status, struct pinf_json_writer *writer)
{
	struct pinf_effect *fx = pinf_effects_add(r->fx, PINF_FX_RESPOND, request);

	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	fx->status = status;
	*writer = pinf_json_write_to(&fx->body);
	pinf_json_open(writer, NULL, '{');
	return PINF_OK;
}

enum pinf_err
reply_end(struct pinf_json_writer *writer)
{
	pinf_json_close(writer, '}');
	return pinf_json_written(writer);
}

enum pinf_err
reply_empty(struct pinf_router *r, uint64_t request, unsigned status)
{
	struct pinf_effect *fx = pinf_effects_add(r->fx, PINF_FX_RESPOND, request);

	if (fx == NULL)
		return PINF_E_NO_MEMORY;
	fx->status = status;
	return PINF_OK;
}

enum pinf_err
reply_state(struct pinf_router *r, uint64_t request, unsigned status, const struct pinf_task *task)
{
	struct pinf_json_writer w;
	enum pinf_err err = reply_begin(r, request, status, &w);

	if (err != PINF_OK)
		return err;
	pinf_json_put_uint(&w, "session_id", task->session);
	pinf_json_put_str(&w, "state", pinf_task_state_name(task->state));
	pinf_json_put_uint(&w, "task_id", task->id);
	return reply_end(&w);
}

enum pinf_err
reply_lease(struct pinf_router *r, uint64_t request, const struct pinf_task *task)
{
	struct pinf_json_writer w;
	enum pinf_err err = reply_begin(r, request, 200, &w);

	if (err != PINF_OK)
		return err;
	pinf_json_put_uint(&w, "attempt", task->attempt);
	pinf_json_put_uint(&w, "deadline_ms", task->deadline_ms);
	pinf_json_put_uint(&w, "epoch", task->epoch);
	pinf_payload_write(&w, "input", &task->input);
	pinf_json_put_hex(&w, "instance", false, task->instance, sizeof task->instance);
	pinf_json_put_uint(&w, "key_version", task->key_version);
	pinf_json_put_uint(&w, "lease_expires_ms", task->due_ms);
	pinf_json_put_uint(&w, "precommit_timeout_ms", task->precommit_timeout_ms);
	pinf_json_put_str(&w, "route", pinf_route_name(task->route));
	pinf_json_put_uint(&w, "session_id", task->session);
	pinf_json_put_uint(&w, "task_id", task->id);
	r->fx->list[r->fx->count - 1].lease =
	    (struct pinf_lease_ref){task->session, task->id, task->attempt};
	return reply_end(&w);
}

void
reply_error(struct pinf_router *r, uint64_t request, const struct pinf_api_error *error)
{
	struct pinf_effect *fx = pinf_effects_add(r->fx, PINF_FX_RESPOND, request);

	if (fx == NULL)
		return; /* The connection times out: there is no memory to say anything. */
	fx->status = pinf_api_status(error->err);
	if (pinf_api_error_body(&fx->body, error) != PINF_OK)
		pinf_bytes_free(&fx->body);
}
