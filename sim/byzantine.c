/* SPDX-License-Identifier: Apache-2.0 */
/*
 * byzantine.c -- miners on lists and owners that break the protocol on purpose, with everything that they rightly
 * have: wallets, leases, reservations.  spec/simulation.md#what-is-modelled.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "world.h"

#define GARBAGE_MAX  300
#define UNDER_WAY_MS 5000 /* an attempt's first */
#define LOOK_MS      150 /* between two looks for an attempt that a trick suits */
#define PATIENCE_MS  20000

static void
put_random(struct sim_client *c, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)sim_rng_next(&c->rng);
}

/* The miner's own lease, the newest or the oldest one, or anybody's newest; NULL: there is none. */
static const struct sim_lease *
lease_for(const struct sim_world *w, const struct sim_client *c, enum sim_trick trick)
{
	const struct sim_oracles *o = &w->oracles;
	const bool anybodys = trick == SIM_OTHERS_ATTEMPT;

	for (size_t i = 0; i < o->lease_count; i++) {
		const struct sim_lease *lease =
		    &o->leases[trick == SIM_LATE_RESULT ? i : o->lease_count - 1 - i];

		if (lease->sealed &&
		    pinf_address_equal(&lease->miner, &c->wallet.address) != anybodys)
			return lease;
	}
	return NULL;
}

/* Another task's blob, said to be what it is. */
static void
take_others(struct sim_world *w, struct sim_client *c, struct pinf_payload *p)
{
	const struct sim_blob *blob;
	struct pinf_blob_header header;

	if (w->blobs.count == 0)
		return;
	blob = &w->blobs.list[sim_rng_below(&c->rng, w->blobs.count)];
	p->sha256 = blob->sha256;
	p->size = blob->bytes.len;
	if (pinf_blob_header_decode(&header, pinf_span_of(&blob->bytes)) != PINF_OK)
		return;
	p->suite = header.params.suite;
	p->key_version = header.params.key_version;
	p->scope = header.params.scope;
}

/* A payload of a blob that is there, or is not. */
static struct pinf_payload
payload_of(
    struct sim_world *w, struct sim_client *c, enum sim_trick trick, const struct sim_lease *lease)
{
	struct pinf_payload p = {.size = 500,
	    .suite = PINF_SUITE_AES256GCM,
	    .key_version = lease->key_version,
	    .scope = {.kind = PINF_SCOPE_TASK,
		.purpose = PINF_PURPOSE_INPUT,
		.session = lease->session,
		.task = lease->task}};
	const struct pinf_storage storage = sim_storage();

	if (trick < SIM_CALLER_TRICKS) {
		p.scope.purpose = PINF_PURPOSE_RESULT;
		p.scope.attempt = lease->attempt;
		p.scope.miner = c->wallet.address;
	}
	memcpy(p.scope.instance, lease->input.scope.instance, sizeof p.scope.instance);
	put_random(c, p.sha256.bytes, sizeof p.sha256.bytes);
	if (trick == SIM_FOREIGN_BLOB) {
		p.sha256 = lease->input.sha256;
		p.size = lease->input.size;
	} else if (trick == SIM_OTHERS_BLOB || trick == SIM_INPUT_OTHERS) {
		take_others(w, c, &p);
	}
	sim_need_ok(pinf_urn_of_blob(p.urn, &storage, &p.sha256));
	return p;
}

static void
sign(struct sim_world *w, const struct sim_client *c, const struct sim_lease *lease,
    const struct pinf_payload *result, bool commit, struct pinf_sig *signature)
{
	const struct pinf_result_claim claim = {
	    .router = w->router.address,
	    .domain = sim_domain(),
	    .session = lease->session,
	    .task = lease->task,
	    .attempt = lease->attempt,
	    .epoch = lease->epoch,
	    .input_sha256 = lease->input.sha256,
	    .result_urn = commit ? pinf_span_str(result->urn) : (struct pinf_span){NULL, 0},
	    .result_sha256 = result->sha256,
	    .key_version = lease->key_version,
	};
	struct pinf_hash digest;

	pinf_result_digest(&digest, &claim);
	sim_need_ok(pinf_wallet_sign(signature, &c->wallet, &digest));
}

/* A precommit or a commit, signed as for the lease `signed_for`. */
static void
send_result(struct sim_world *w, struct sim_client *c, const struct sim_lease *lease,
    const struct sim_lease *signed_for, const struct pinf_payload *result, bool commit)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);
	struct pinf_sig signature;

	sign(w, c, signed_for, result, commit, &signature);
	pinf_json_open(&json, NULL, '{');
	pinf_json_put_uint(&json, "attempt", lease->attempt);
	if (commit)
		pinf_payload_write(&json, "payload", result);
	else
		pinf_json_put_hex(
		    &json, "result_sha256", false, result->sha256.bytes, PINF_HASH_LEN);
	pinf_json_put_uint(&json, "session_id", lease->session);
	pinf_json_put_hex(&json, "signature", true, signature.bytes, sizeof signature.bytes);
	pinf_json_put_uint(&json, "task_id", lease->task);
	pinf_json_close(&json, '}');
	sim_need_ok(pinf_json_written(&json));
	sim_send_signed(w, c, "POST",
	    commit ? "/api/v3/offchain/result" : "/api/v1/miner/precommit", &body,
	    &(struct pinf_scope){.session = lease->session, .task = lease->task});
}

static void
send_garbage(struct sim_world *w, struct sim_client *c, const char *path, uint64_t session)
{
	uint8_t junk[GARBAGE_MAX];
	struct pinf_bytes body = {0};
	const size_t len = 1 + sim_rng_below(&c->rng, sizeof junk);

	put_random(c, junk, len);
	sim_append(&body, (struct pinf_span){junk, len});
	sim_send_signed(w, c, "POST", path, &body, &(struct pinf_scope){.session = session});
}

/* Whether an attempt is under way that the trick could be tried in; a late result's is over. */
static bool
is_time_for(const struct sim_world *w, const struct sim_lease *lease, enum sim_trick trick)
{
	return trick == SIM_LATE_RESULT || trick == SIM_GARBAGE ||
	       (!lease->committed && w->now_ms < lease->told_ms + UNDER_WAY_MS);
}

static bool
miner_acts(struct sim_world *w, struct sim_client *c, enum sim_trick trick)
{
	const struct sim_lease *lease = lease_for(w, c, trick), *signed_for = lease;
	struct pinf_payload result;

	if (lease == NULL || !is_time_for(w, lease, trick))
		return false;
	if (trick == SIM_GARBAGE) {
		send_garbage(w, c, "/api/v3/offchain/result", lease->session);
		return true;
	}
	if (trick == SIM_OTHER_SIGNATURE)
		signed_for = sim_need((void *)lease_for(w, c, SIM_LATE_RESULT));
	result = payload_of(w, c, trick, lease);
	if (trick != SIM_EARLY_RESULT)
		send_result(w, c, lease, signed_for, &result, false);
	if (trick != SIM_WRONG_HASH)
		send_result(w, c, lease, signed_for, &result, true);
	return true;
}

/* Callers that cheat reserve first; what they do then, sim_cheat_reply does. */
static void
reserve(struct sim_world *w, struct sim_client *c, uint64_t session)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);
	char reference[32];

	(void)snprintf(reference, sizeof reference, "cheat-%u", c->node);
	pinf_json_open(&json, NULL, '{');
	pinf_json_put_str(&json, "client_reference", reference);
	pinf_json_close(&json, '}');
	sim_need_ok(pinf_json_written(&json));
	(void)snprintf(
	    c->path, sizeof c->path, "/api/v3/reservations/%llu", (unsigned long long)session);
	sim_send_signed(w, c, "POST", c->path, &body, &(struct pinf_scope){.session = session});
}

static void
put_garbage(struct sim_world *w, struct sim_client *c, const struct sim_lease *task,
    struct pinf_payload *input)
{
	static const char text[] = "not a sealed blob, and neither of another kind";
	const struct pinf_storage storage = sim_storage();
	struct pinf_bytes body = {0};

	sim_append(&body, pinf_span_str(text));
	pinf_sha256(&input->sha256, pinf_span_of(&body));
	input->size = body.len;
	sim_need_ok(pinf_urn_of_blob(input->urn, &storage, &input->sha256));
	(void)snprintf(c->path, sizeof c->path, "/api/v3/blobs/");
	pinf_hex(c->path + strlen(c->path), input->sha256.bytes, PINF_HASH_LEN);
	sim_send_signed(w, c, "PUT", c->path, &body,
	    &(struct pinf_scope){.session = task->session, .task = task->task});
}

static void
submit(struct sim_world *w, struct sim_client *c, const struct sim_lease *task,
    const struct pinf_payload *input)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer json = pinf_json_write_to(&body);

	pinf_json_open(&json, NULL, '{');
	pinf_payload_write(&json, "payload", input);
	pinf_json_put_uint(&json, "task_id", task->task);
	pinf_json_close(&json, '}');
	sim_need_ok(pinf_json_written(&json));
	(void)snprintf(
	    c->path, sizeof c->path, "/api/v3/completions/%llu", (unsigned long long)task->session);
	sim_send_signed(w, c, "POST", c->path, &body,
	    &(struct pinf_scope){.session = task->session, .task = task->task});
}

/* What a reservation's answer says, as a lease of nobody. */
static bool
read_reservation(struct sim_lease *task, struct pinf_span body)
{
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader json;
	uint64_t version = 0;
	bool good;

	if (pinf_json_parse(&parsed, body, PINF_BODY_SMALL_MAX) != PINF_OK)
		return false;
	json = pinf_json_root(parsed);
	pinf_json_id(&json, "session_id", true, &task->session);
	pinf_json_id(&json, "task_id", true, &task->task);
	pinf_json_uint(&json, "key_version", true, UINT32_MAX, &version);
	pinf_json_hex(
	    &json, "instance", true, false, task->input.scope.instance, PINF_INSTANCE_LEN);
	task->key_version = (uint32_t)version;
	good = json.err == PINF_OK;
	pinf_json_free(parsed);
	return good;
}

void
sim_cheat_reply(struct sim_world *w, struct sim_client *c, const struct sim_message *m)
{
	const enum sim_trick trick = (enum sim_trick)c->step->trick;
	struct sim_lease task = {.session = 0};
	struct pinf_payload input;

	if (c->done || m->err != PINF_OK || m->status >= 300 ||
	    !read_reservation(&task, pinf_span_of(&m->body)))
		return;
	c->done = true;
	if (trick == SIM_OTHERS_TASK && w->oracles.promise_count > 0) {
		const struct sim_promise *p =
		    &w->oracles.promises[sim_rng_below(&c->rng, w->oracles.promise_count)];
		uint32_t index;

		if (sim_session_of(w, p->session, &index) == NULL || index == c->index)
			return;
		task.session = p->session;
		task.task = p->task;
	}
	input = payload_of(w, c, trick, &task);
	if (trick == SIM_INPUT_GARBAGE || trick == SIM_INPUT_SIZE)
		put_garbage(w, c, &task, &input);
	input.size += trick == SIM_INPUT_SIZE;
	submit(w, c, &task, &input);
}

void
sim_byzantine(struct sim_world *w, const struct sim_step *step)
{
	const struct sim_session *s = &w->sessions[step->session];
	struct sim_client *c;

	if (step->op == SIM_BYZANTINE_MINER) {
		c = w->tricksters[step->miner];
		if (!miner_acts(w, c, (enum sim_trick)step->trick) &&
		    w->now_ms < SIM_EPOCH_MS + step->at_ms + PATIENCE_MS)
			sim_after(w, LOOK_MS,
			    (struct sim_item){
				.what = SIM_TRICK, .id = (uint64_t)(step - w->plan->steps)});
		return;
	}
	if (s->id == 0)
		return;
	c = sim_act_for(w, SIM_CHEAT, w->owners[step->session], step->session);
	c->step = step;
	if (step->trick == SIM_CALLER_GARBAGE) {
		(void)snprintf(
		    c->path, sizeof c->path, "/api/v3/completions/%llu", (unsigned long long)s->id);
		send_garbage(w, c, c->path, s->id);
	} else {
		reserve(w, c, s->id);
	}
}
