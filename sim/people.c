/* SPDX-License-Identifier: Apache-2.0 */
/* people.c -- owners, the administrator, callers by v1 and v2, and attackers: no core, just requests. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/send.h"
#include "world.h"

#define RETRY_MS   500
#define TRIES_MAX  200
#define GIVE_UP_MS ((uint64_t)2 * SIM_TIMEOUT_MS)
#define REST_MS    UINT64_C(2000) /* of those who attack, at least; at most three times that */
#define RECENT     8 /* leases that an insider knows of */

/* Waits for its answer like any other request. */
static void
expect(struct sim_client *c, uint64_t id)
{
	c->pending =
	    sim_grow(c->pending, c->pending_count + 1, &c->pending_cap, sizeof *c->pending);
	c->pending[c->pending_count++] = (struct sim_pending){.id = id};
}

void
sim_send_signed(struct sim_world *w, struct sim_client *c, const char *method, const char *path,
    struct pinf_bytes *body, const struct pinf_scope *ids)
{
	struct pinf_auth_request request = {.router = w->router.address,
	    .domain = sim_domain(),
	    .method = pinf_span_str(method),
	    .path = pinf_span_str(path),
	    .session = ids->session,
	    .task = ids->task};
	struct sim_message *m = sim_message_new(c, c->next_id++, method);
	char header[PINF_AUTH_HEADER_MAX + 1];

	pinf_sha256(&request.body_sha256, pinf_span_of(body));
	if (pinf_auth_sign(header, &c->wallet, &request, sim_client_now(w, c),
		sim_rng_port(&c->random)) != PINF_OK)
		(void)sim_need(NULL);
	sim_append(&m->path, request.path);
	sim_append(&m->authorization, pinf_span_str(header));
	m->body = *body;
	m->json = strcmp(method, "POST") == 0;
	*body = (struct pinf_bytes){0};
	expect(c, m->id);
	sim_send(w, c, m);
}

static void
create_session(struct sim_world *w, struct sim_client *c, const struct sim_step *job)
{
	const struct sim_session *s = &w->sessions[job->session];
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);

	pinf_json_open(&json, NULL, '{');
	pinf_json_put_bool(&json, "api_key", true);
	pinf_json_put_bool(&json, "private", job->make_private);
	pinf_json_put_bool(&json, "router_sealed", job->router_sealed);
	if (job->seats > 0)
		pinf_json_put_uint(&json, "seats", job->seats);
	pinf_json_put_uint(
	    &json, "session_id", job->session + 1 + (uint64_t)SIM_SESSIONS_MAX * s->tries);
	pinf_json_put_str(&json, "type", pinf_session_type_name((enum pinf_session_type)job->type));
	pinf_json_close(&json, '}');
	sim_send_signed(
	    w, c, "POST", "/api/v1/sessions", &body, &(struct pinf_scope){.session = 0});
}

static bool
is_about_pool(const struct sim_step *job)
{
	return job->op == SIM_POOL_ALLOW || job->op == SIM_POOL_DENY;
}

static void
change_member(struct sim_world *w, struct sim_client *c, const struct sim_step *job)
{
	const bool allow = job->op == SIM_ALLOW || job->op == SIM_POOL_ALLOW;
	const uint64_t session = is_about_pool(job) ? 0 : w->sessions[job->session].id;
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);
	char path[80] = "/api/v1/miner/leave";

	if (is_about_pool(job))
		(void)snprintf(path, sizeof path, "/api/v1/pool/%s", allow ? "allow" : "deny");
	else if (job->op != SIM_LEAVE)
		(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/%s", session,
		    allow ? "allow" : "deny");
	pinf_json_open(&json, NULL, '{');
	if (job->op == SIM_LEAVE)
		pinf_json_put_uint(&json, "session_id", session);
	else /* Miners, then attackers: the first clients of the world. */
		pinf_json_put_address(&json, "miner", &w->clients[job->miner]->wallet.address);
	pinf_json_close(&json, '}');
	sim_send_signed(w, c, "POST", path, &body, &(struct pinf_scope){.session = session});
}

static void
end_job(struct sim_world *w, struct sim_client *c)
{
	c->job_next++;
	c->job_tries = 0;
	c->job_sent_ms = 0;
	sim_client_wake(w, c, 0);
}

static bool
is_in(const struct sim_world *w, const struct sim_step *job)
{
	const struct sim_session *s = &w->sessions[job->session];
	const struct sim_member *m =
	    is_about_pool(job) ? &w->pool[job->miner] : &s->members[job->miner];

	if (!is_about_pool(job) && s->governed != NULL)
		return s->governed->miners[job->miner].wanted;
	return m->allow_arrived_ms > m->deny_sent_ms;
}

/* Whom somebody wants out, until it is let in again. */
static void
note_removal(struct sim_world *w, const struct sim_step *job)
{
	const bool in = job->op == SIM_ALLOW || job->op == SIM_POOL_ALLOW;
	const bool out = job->op == SIM_DENY || job->op == SIM_POOL_DENY || job->op == SIM_LEAVE;
	const uint32_t session = is_about_pool(job) ? UINT32_MAX : job->session;

	for (size_t i = 0; i < w->removal_count && (in || out); i++)
		if (w->removals[i].session == session && w->removals[i].miner == job->miner)
			w->removals[i].sent_ms = 0;
	if (!out || !is_in(w, job))
		return;
	w->removals =
	    sim_grow(w->removals, w->removal_count + 1, &w->removal_cap, sizeof *w->removals);
	w->removals[w->removal_count++] = (struct sim_removal){session, job->miner, w->now_ms};
}

static void
destroy_oldest(struct sim_world *w, struct sim_client *c)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);

	if (w->destroyed + 1 >= w->versions) {
		end_job(w, c);
		return;
	}
	w->destroying = w->destroyed + 1;
	pinf_json_open(&json, NULL, '{');
	pinf_json_put_bool(&json, "force", false);
	pinf_json_put_uint(&json, "key_version", w->destroying);
	pinf_json_close(&json, '}');
	sim_send_signed(
	    w, c, "POST", "/api/v1/keys/destroy", &body, &(struct pinf_scope){.session = 0});
}

static void
next_job(struct sim_world *w, struct sim_client *c)
{
	const struct sim_step *job;
	struct pinf_bytes body = {0};

	if (c->job_next == c->job_count || c->pending_count > 0)
		return;
	job = c->jobs[c->job_next];
	if (c->job_sent_ms == 0) {
		c->job_sent_ms = w->now_ms;
		note_removal(w, job);
	}
	c->job_tries++;
	if (job->op == SIM_SESSION) {
		create_session(w, c, job);
	} else if (job->op == SIM_ROTATE) {
		sim_append(&body, pinf_span_str("{}"));
		sim_send_signed(
		    w, c, "POST", "/api/v1/keys/rotate", &body, &(struct pinf_scope){.session = 0});
	} else if (job->op == SIM_DESTROY) {
		destroy_oldest(w, c);
	} else if (!is_about_pool(job) && w->sessions[job->session].governed != NULL) {
		sim_chain_send(w, job);
		end_job(w, c);
	} else {
		change_member(w, c, job);
	}
}

static void
session_created(struct sim_world *w, const struct sim_step *job, struct pinf_span body)
{
	struct sim_session *s = &w->sessions[job->session];
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader json;

	if (pinf_json_parse(&parsed, body, PINF_BODY_SMALL_MAX) != PINF_OK)
		return;
	json = pinf_json_root(parsed);
	pinf_json_label(&json, "api_key", true, s->api_key, sizeof s->api_key);
	pinf_json_free(parsed);
	s->id = job->session + 1 + (uint64_t)SIM_SESSIONS_MAX * s->tries;
	s->make_private = job->make_private;
	s->known_private = job->make_private;
	s->seats = job->seats;
	if (job->type != PINF_SESSION_DEDICATED || w->plan->chain.nodes == 0 || s->governed != NULL)
		return;
	s->governed = sim_new(sizeof *s->governed);
	s->governed->miners =
	    sim_new((w->plan->miners + w->plan->unlisted) * sizeof *s->governed->miners);
}

static void
note_out(const struct sim_world *w, const struct sim_client *c, struct sim_member *m)
{
	m->deny_sent_ms = c->job_sent_ms;
	m->deny_answered_ms = w->now_ms;
}

static void
job_done(struct sim_world *w, struct sim_client *c, const struct sim_message *m)
{
	const struct sim_step *job = c->jobs[c->job_next];

	switch (job->op) {
	case SIM_SESSION: session_created(w, job, pinf_span_of(&m->body)); break;
	case SIM_ALLOW: w->sessions[job->session].known_private = true; break;
	case SIM_LEAVE:
	case SIM_DENY: note_out(w, c, &w->sessions[job->session].members[job->miner]); break;
	case SIM_ROTATE: w->versions++; break;
	case SIM_DESTROY: sim_oracle_destroyed(w); break;
	case SIM_POOL_DENY: /* and out of every seat */
		note_out(w, c, &w->pool[job->miner]);
		for (uint32_t i = 0; i < w->plan->sessions; i++)
			if (w->sessions[i].seats > 0)
				note_out(w, c, &w->sessions[i].members[job->miner]);
		break;
	default: break;
	}
	sim_timeline_step(w, SIM_MARK_TOLD, job);
	end_job(w, c);
}

static void
job_reply(struct sim_world *w, struct sim_client *c, const struct sim_message *m)
{
	const struct sim_step *job = c->jobs[c->job_next];

	if (m->err == PINF_OK && m->status >= 200 && m->status < 300) {
		job_done(w, c, m);
		return;
	}
	if (job->op == SIM_DESTROY && m->status == pinf_api_status(PINF_E_KEY_DESTROYED)) {
		job_done(w, c, m);
		return;
	}
	if (job->op == SIM_DESTROY && m->status == pinf_api_status(PINF_E_KEY_IN_USE)) {
		end_job(w, c);
		return;
	}
	/* Created, but its API key went with the lost answer: another session is made. */
	if (job->op == SIM_SESSION && m->status == pinf_api_status(PINF_E_CONFLICT))
		w->sessions[job->session].tries++;
	sim_check(w, SIM_LIVENESS, c->job_tries < TRIES_MAX, "%s was asked %u times in vain: %u",
	    sim_op_name(job->op), c->job_tries, m->status);
	sim_client_wake(w, c, RETRY_MS);
}

/* A completion by v1 or v2: one request until it is answered, under one client_reference. */
static void
complete(struct sim_world *w, struct sim_client *c)
{
	const struct sim_session *s = &w->sessions[c->step->session];
	struct pinf_input input = {.max_tokens = 0};
	struct sim_message *m;
	struct pinf_json_writer json;
	char text[PINF_API_KEY_TEXT + 16];

	if (pinf_input_decode(&input, pinf_span_of(&c->document)) != PINF_OK)
		(void)sim_need(NULL);
	m = sim_message_new(c, c->next_id++, "POST");
	m->json = true;
	m->open_text = true;
	(void)snprintf(text, sizeof text, "/api/v%u/completions/%" PRIu64, c->step->api, s->id);
	sim_append(&m->path, pinf_span_str(text));
	(void)snprintf(text, sizeof text, "Bearer %s", s->api_key);
	sim_append(&m->authorization, pinf_span_str(text));
	json = pinf_json_write_to(&m->body);
	pinf_json_open(&json, NULL, '{');
	(void)snprintf(text, sizeof text, "task-%u", c->index);
	pinf_json_put_str(&json, "client_reference", text);
	pinf_json_put_uint(&json, "precommit_timeout", SIM_PRECOMMIT_S);
	pinf_json_put_text(&json, "prompt", pinf_span_of(&input.prompt));
	pinf_json_put_str(&json, "prompt_type", input.prompt_type);
	pinf_json_put_uint(&json, "timeout", SIM_TIMEOUT_MS / 1000);
	pinf_json_close(&json, '}');
	if (pinf_json_written(&json) != PINF_OK)
		(void)sim_need(NULL);
	pinf_input_free(&input);
	expect(c, m->id);
	sim_send(w, c, m);
}

/* The text of the answer must be the one that this prompt has. */
static void
check_answer(struct sim_world *w, struct sim_client *c, struct pinf_span body)
{
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader json, choice;
	struct pinf_bytes expected = {0};
	struct pinf_result result = {.prompt_tokens = 0};
	struct pinf_span text = {NULL, 0};

	sim_infer(pinf_span_of(&c->document), &expected);
	if (pinf_json_parse(&parsed, body, PINF_BODY_MAX) == PINF_OK &&
	    pinf_result_decode(&result, pinf_span_of(&expected)) == PINF_OK) {
		json = pinf_json_root(parsed);
		if (pinf_json_array(&json, "choices", true, 1) == 1) {
			choice = pinf_json_item(&json, "choices", 0);
			pinf_json_text(&choice, "text", true, &text);
		}
	}
	sim_check(w, SIM_WRONG_ANSWER, pinf_span_equal(text, pinf_span_of(&result.text)),
	    "a completion by v%u got another answer than its prompt's", c->step->api);
	pinf_result_free(&result);
	pinf_bytes_free(&expected);
	pinf_json_free(parsed);
}

/* Answers of the router about the task itself: asking again gives the same.  *err: what went wrong. */
static bool
is_final(const struct sim_message *m, enum pinf_err *err)
{
	struct pinf_event event = {.kind = PINF_EV_REPLY,
	    .err = m->err,
	    .status = m->status,
	    .body = pinf_span_of(&m->body)};
	struct pinf_api_error error = {.err = PINF_OK};

	*err = m->err;
	if (!pinf_reply_refused(&error, &event))
		return false;
	*err = error.err;
	return m->status < 500 || error.err == PINF_E_TASK_FAILED || error.err == PINF_E_TIMEOUT;
}

static void
complete_reply(struct sim_world *w, struct sim_client *c, const struct sim_message *m)
{
	enum pinf_err err;
	bool final;

	if (m->err == PINF_OK && m->status == 200) {
		sim_client_answered(w, c);
		check_answer(w, c, pinf_span_of(&m->body));
		sim_client_retire(c);
		return;
	}
	final = is_final(m, &err);
	if (!final && w->now_ms < c->started_ms + GIVE_UP_MS) {
		sim_client_wake(w, c, RETRY_MS);
		return;
	}
	sim_client_failed(w, c, err);
	if (final && m->status < 500)
		w->stats.refused++;
	else
		w->stats.given_up++;
	sim_check(w, SIM_LIVENESS, !c->probe, "a faultless completion by v%u was answered %u",
	    c->step->api, m->status);
}

static void
put_ids(struct pinf_json_writer *json, const struct pinf_scope *ids)
{
	pinf_json_put_uint(json, "attempt", ids->attempt);
	pinf_json_put_uint(json, "session_id", ids->session);
	if (ids->task != 0)
		pinf_json_put_uint(json, "task_id", ids->task);
}

/* What a wallet may try on a task that is not its own. */
enum trick {
	TRY_CLAIM,
	TRY_ACK,
	ASK_INPUT_KEY,
	ASK_RESULT_KEY,
	ASK_SESSION_KEY,
	TRY_PRECOMMIT,
	TRICKS
};

static void
attack(struct sim_world *w, struct sim_client *c, const struct pinf_scope *ids, enum trick what)
{
	static const char *const paths[TRICKS] = {
	    [TRY_CLAIM] = "/api/v1/miner/claim",
	    [TRY_ACK] = "/api/v1/miner/ack",
	    [ASK_INPUT_KEY] = "/api/v1/auth/payload_enc_key/task",
	    [ASK_RESULT_KEY] = "/api/v1/auth/payload_enc_key/task",
	    [ASK_SESSION_KEY] = "/api/v1/auth/payload_enc_key/session",
	    [TRY_PRECOMMIT] = "/api/v1/miner/precommit",
	};
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);
	uint8_t junk[PINF_SIG_LEN];

	for (size_t i = 0; i < sizeof junk; i++)
		junk[i] = (uint8_t)sim_rng_next(&c->rng);
	pinf_json_open(&json, NULL, '{');
	if (what == TRY_CLAIM)
		pinf_json_put_uint(&json, "session_id", ids->session);
	else
		put_ids(&json, ids);
	if (what >= ASK_INPUT_KEY && what <= ASK_SESSION_KEY) {
		pinf_json_put_hex(&json, "hpke_public", false, junk, PINF_HPKE_PUBLIC_LEN);
		pinf_json_put_str(&json, "purpose", what == ASK_RESULT_KEY ? "result" : "input");
	}
	if (what == TRY_PRECOMMIT) {
		pinf_json_put_hex(&json, "result_sha256", false, junk, PINF_HASH_LEN);
		pinf_json_put_hex(&json, "signature", true, junk, PINF_SIG_LEN);
	}
	pinf_json_close(&json, '}');
	if (pinf_json_written(&json) != PINF_OK)
		(void)sim_need(NULL);
	sim_send_signed(w, c, "POST", paths[what], &body,
	    &(struct pinf_scope){
		.session = ids->session, .task = what == TRY_CLAIM ? 0 : ids->task});
}

/* A blob of its own for somebody else's task. */
static void
attack_put(struct sim_world *w, struct sim_client *c, const struct pinf_scope *ids)
{
	struct pinf_bytes body = {0};
	struct pinf_hash sha256;
	char path[sizeof "/api/v3/blobs/" + (size_t)2 * PINF_HASH_LEN] = "/api/v3/blobs/";

	sim_append(&body, pinf_span_str("not a sealed blob"));
	pinf_sha256(&sha256, pinf_span_of(&body));
	pinf_hex(path + strlen(path), sha256.bytes, sizeof sha256.bytes);
	sim_send_signed(w, c, "PUT", path, &body, ids);
}

/* A miner on lists asks for the key of an attempt, whosever that is. */
static void
insider_acts(struct sim_world *w, struct sim_client *c)
{
	const struct sim_oracles *o = &w->oracles;
	const size_t recent = o->lease_count < RECENT ? o->lease_count : RECENT;

	if (recent > 0) {
		const struct sim_lease *lease =
		    &o->leases[o->lease_count - 1 - sim_rng_below(&c->rng, recent)];
		const struct pinf_scope ids = {
		    .session = lease->session, .task = lease->task, .attempt = lease->attempt};

		attack(w, c, &ids, sim_rng_hit(&c->rng, 500) ? ASK_INPUT_KEY : ASK_RESULT_KEY);
	}
	sim_client_wake(w, c, REST_MS + sim_rng_below(&c->rng, 2 * REST_MS));
}

static void
attacker_acts(struct sim_world *w, struct sim_client *c)
{
	const struct sim_session *s = &w->sessions[sim_rng_below(&c->rng, w->plan->sessions)];
	struct pinf_scope ids = {.session = s->id};
	uint64_t choice;

	ids.task = 1 + sim_rng_below(&c->rng, 20);
	ids.attempt = 1 + (uint32_t)sim_rng_below(&c->rng, 3);
	choice = sim_rng_below(&c->rng, 8);
	if (choice == 0)
		sim_replay(w, c);
	else if (s->id != 0 && s->make_private && choice == 1)
		attack_put(w, c, &ids);
	else if (s->id != 0 && s->make_private)
		attack(w, c, &ids, (enum trick)sim_rng_below(&c->rng, TRICKS));
	sim_client_wake(w, c, REST_MS + sim_rng_below(&c->rng, 2 * REST_MS));
}

void
sim_people_act(struct sim_world *w, struct sim_client *c)
{
	switch (c->role) {
	case SIM_OWNER:
	case SIM_ADMIN: next_job(w, c); break;
	case SIM_PLAIN_CALLER: complete(w, c); break;
	case SIM_ATTACKER: attacker_acts(w, c); break;
	case SIM_INSIDER: insider_acts(w, c); break;
	default: break;
	}
}

void
sim_people_reply(struct sim_world *w, struct sim_client *c, const struct sim_message *m)
{
	if (c->role == SIM_OWNER || c->role == SIM_ADMIN)
		job_reply(w, c, m);
	else if (c->role == SIM_PLAIN_CALLER)
		complete_reply(w, c, m);
	else if (c->role == SIM_CHEAT)
		sim_cheat_reply(w, c, m);
}
