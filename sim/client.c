/* SPDX-License-Identifier: Apache-2.0 */
/* client.c -- drives the miner's and the caller's core: what they ask for, and what comes back. */
#include <stdio.h>
#include <string.h>

#include "core/send.h"
#include "foreign.h"
#include "world.h"

#define MARKER_LEN     16
#define COMES_BACK_MS  1000
#define COMES_BACK_MAX 4 /* times, of one caller */

void
sim_infer(struct pinf_span input, struct pinf_bytes *result)
{
	struct pinf_input in = {.max_tokens = 0};
	struct pinf_result out = {.prompt_tokens = 1, .completion_tokens = 1};
	struct pinf_hash digest;
	char hex[2 * PINF_HASH_LEN + 1];

	if (pinf_input_decode(&in, input) != PINF_OK)
		return;
	pinf_sha256(&digest, input);
	pinf_hex(hex, digest.bytes, sizeof digest.bytes);
	sim_append(&out.text, (struct pinf_span){in.prompt.data,
				  in.prompt.len < MARKER_LEN ? in.prompt.len : MARKER_LEN});
	sim_append(&out.text, pinf_span_str(hex));
	(void)snprintf(out.finish_reason, sizeof out.finish_reason, "stop");
	(void)snprintf(out.model, sizeof out.model, "simulated");
	if (pinf_result_encode(result, &out) != PINF_OK)
		(void)sim_need(NULL);
	pinf_result_free(&out);
	pinf_input_free(&in);
}

static void
forget_work(struct sim_client *c)
{
	while (c->sealed_count > 0)
		pinf_bytes_free(&c->sealed[--c->sealed_count].bytes);
	if (c->pending_count > 0)
		pinf_wipe(c->pending, c->pending_count * sizeof *c->pending);
	c->pending_count = 0;
	pinf_miner_free(c->miner);
	c->miner = NULL;
	pinf_caller_free(c->caller);
	c->caller = NULL;
}

void
sim_client_retire(struct sim_client *c)
{
	forget_work(c);
	free(c->sealed);
	free(c->pending);
	c->sealed = NULL;
	c->pending = NULL;
	c->sealed_cap = c->pending_cap = 0;
	pinf_bytes_free(&c->document);
}

void
sim_client_free(struct sim_client *c)
{
	sim_client_retire(c);
	free(c->jobs);
	pinf_wallet_wipe(&c->wallet);
	free(c);
}

static void
start_miner(struct sim_world *w, struct sim_client *c)
{
	struct pinf_miner_config config = pinf_miner_defaults();

	config.router = w->router.address;
	config.domain = sim_domain();
	config.storage = sim_storage();
	config.suite = c->index % 2 == 0 ? PINF_SUITE_AES256GCM : PINF_SUITE_CHACHA20POLY1305;
	config.slots = SIM_SLOTS;
	config.wait_ms = 20000; /* Fewer claims in vain: what they show, tasks show too. */
	config.send_timeout_ms = 15000;
	config.retry_max_ms = 4000;
	if (pinf_miner_open(&c->miner, &config, &c->wallet, sim_rng_port(&c->random)) != PINF_OK)
		(void)sim_need(NULL);
}

static void
start_caller(struct sim_world *w, struct sim_client *c)
{
	struct pinf_caller_config config = {
	    .router = w->router.address,
	    .domain = sim_domain(),
	    .storage = sim_storage(),
	    .suite = c->index % 2 == 0 ? PINF_SUITE_CHACHA20POLY1305 : PINF_SUITE_AES256GCM,
	    .session = w->sessions[c->step->session].id,
	    .timeout_ms = SIM_TIMEOUT_MS,
	    .precommit_timeout_ms = SIM_PRECOMMIT_S * 1000,
	    .retry_ms = 500,
	    .send_timeout_ms = 30000,
	    .padded = true,
	};
	struct pinf_bytes document = {0};

	(void)snprintf(config.reference, sizeof config.reference, "task-%u", c->index);
	sim_append(&document, pinf_span_of(&c->document));
	if (pinf_caller_open(
		&c->caller, &config, &c->wallet, &document, sim_rng_port(&c->random)) != PINF_OK)
		(void)sim_need(NULL);
}

void
sim_client_start(struct sim_world *w, struct sim_client *c)
{
	c->up = true;
	if (c->life > 0)
		sim_timeline_add(w, (struct sim_mark){.kind = SIM_MARK_UP, .node = c->node});
	if (sim_is_foreign(c))
		sim_foreign_start(w, c);
	else if (c->role == SIM_MINER)
		start_miner(w, c);
	else if (c->role == SIM_CALLER)
		start_caller(w, c);
	sim_client_wake(w, c, 0);
}

void
sim_client_crash(struct sim_world *w, struct sim_client *c, uint64_t down_ms)
{
	if (!c->up)
		return;
	c->up = false;
	c->paused_until_ms = 0;
	c->life++;
	forget_work(c);
	sim_timeline_add(w,
	    (struct sim_mark){.kind = SIM_MARK_DOWN, .node = c->node, .value = (uint32_t)down_ms});
	w->stats.faults[c->role == SIM_MINER ? SIM_F_MINER_CRASH : SIM_F_CALLER_CRASH]++;
	sim_after(
	    w, down_ms, (struct sim_item){.what = SIM_START, .node = c->node, .life = c->life});
}

void
sim_client_wake(struct sim_world *w, struct sim_client *c, uint64_t delay_ms)
{
	sim_after(w, delay_ms,
	    (struct sim_item){
		.what = SIM_TIMER, .node = c->node, .life = c->life, .id = ++c->wake_id});
}

static const struct pinf_bytes *
sealed_as(const struct sim_client *c, uint64_t id)
{
	for (size_t i = 0; i < c->sealed_count; i++)
		if (c->sealed[i].id == id)
			return &c->sealed[i].bytes;
	return NULL;
}

static void
send_effect(struct sim_world *w, struct sim_client *c, struct pinf_effect *fx)
{
	struct sim_message *m = sim_message_new(c, fx->id, fx->method);
	struct sim_pending *p;

	c->pending =
	    sim_grow(c->pending, c->pending_count + 1, &c->pending_cap, sizeof *c->pending);
	p = &c->pending[c->pending_count++];
	*p = (struct sim_pending){.id = fx->id, .fetch = fx->kind == PINF_FX_FETCH};
	p->payload = fx->payload;
	p->key = fx->key;
	sim_oracle_key(w, &fx->key, fx->payload.key_version, &fx->payload.scope);
	m->timeout_ms = fx->timeout_ms;
	sim_append(&m->path, pinf_span_of(&fx->path));
	sim_append(&m->authorization, pinf_span_str(fx->authorization));
	if (fx->seal_id != 0) {
		sim_append(&m->body, pinf_span_of(sim_need((void *)sealed_as(c, fx->seal_id))));
	} else {
		sim_append(&m->body, pinf_span_of(&fx->body));
		m->json = m->body.len > 0;
	}
	sim_send(w, c, m);
}

static void
later(struct sim_world *w, struct sim_client *c, uint64_t delay_ms, struct sim_answer answer)
{
	struct sim_answer *made = sim_new(sizeof *made);

	*made = answer;
	sim_after(w, delay_ms,
	    (struct sim_item){.what = SIM_ANSWER, .node = c->node, .life = c->life, .data = made});
}

static void
seal(struct sim_world *w, struct sim_client *c, struct pinf_effect *fx)
{
	struct sim_sealed made = {.id = fx->id};
	struct sim_answer answer = {.event = {.kind = PINF_EV_SEALED, .id = fx->id}};
	struct pinf_event *event = &answer.event;

	sim_oracle_key(w, &fx->key, fx->params.key_version, &fx->params.scope);
	if (fx->params.suite == PINF_SUITE_NONE) {
		sim_append(&made.bytes, pinf_span_of(&fx->document));
		pinf_sha256(&event->sha256, pinf_span_of(&made.bytes));
	} else {
		event->err =
		    pinf_blob_seal(w->blob, &fx->params, &fx->key, sim_rng_port(&c->random),
			pinf_span_of(&fx->document), &made.bytes, &event->sha256);
		if (event->err == PINF_OK)
			sim_oracle_sealed(w, pinf_span_of(&made.bytes), &event->sha256);
	}
	event->size = made.bytes.len;
	c->sealed = sim_grow(c->sealed, c->sealed_count + 1, &c->sealed_cap, sizeof *c->sealed);
	c->sealed[c->sealed_count++] = made;
	later(w, c, 1, answer);
}

/* The later a miner stands in the plan, the slower it is. */
static uint64_t
infer_ms(const struct sim_world *w, struct sim_client *c)
{
	const struct sim_engine_plan *engine = &w->plan->engine;
	const uint64_t spread = (uint64_t)engine->max_ms - engine->min_ms + 1;
	const uint64_t takes_ms = engine->min_ms + sim_rng_below(&c->rng, spread);
	const int64_t slower = (int64_t)engine->slowest - 1000;

	if (w->plan->miners < 2)
		return takes_ms;
	return takes_ms * (uint64_t)(1000 + slower * c->index / (w->plan->miners - 1)) / 1000;
}

static void
infer(struct sim_world *w, struct sim_client *c, const struct pinf_effect *fx)
{
	struct sim_answer answer = {.event = {.kind = PINF_EV_INFERRED, .id = fx->id}};
	uint64_t takes_ms = infer_ms(w, c);

	sim_infer(pinf_span_of(&fx->document), &answer.body);
	w->stats.inferences++;
	if (answer.body.len == 0)
		answer.event.err = PINF_E_INFERENCE;
	if (takes_ms > fx->timeout_ms) {
		takes_ms = fx->timeout_ms;
		answer.event.err = PINF_E_TIMEOUT;
	}
	later(w, c, takes_ms, answer);
}

static void
drop(struct sim_client *c, uint64_t id)
{
	for (size_t i = 0; i < c->sealed_count; i++) {
		if (c->sealed[i].id != id)
			continue;
		pinf_bytes_free(&c->sealed[i].bytes);
		c->sealed[i] = c->sealed[--c->sealed_count];
		return;
	}
}

static void
run_effect(struct sim_world *w, struct sim_client *c, struct pinf_effect *fx)
{
	sim_trace_effect(w, c->node, fx);
	switch (fx->kind) {
	case PINF_FX_SEND:
	case PINF_FX_FETCH: send_effect(w, c, fx); break;
	case PINF_FX_SEAL: seal(w, c, fx); break;
	case PINF_FX_DROP: drop(c, fx->id); break;
	case PINF_FX_INFER: infer(w, c, fx); break;
	case PINF_FX_WAKE:
		sim_client_wake(w, c, fx->at_ms > w->now_ms ? fx->at_ms - w->now_ms : 0);
		break;
	default: break;
	}
}

void
sim_client_failed(struct sim_world *w, struct sim_client *c, enum pinf_err err)
{
	c->done = true;
	sim_timeline_add(
	    w, (struct sim_mark){.kind = SIM_MARK_ENDS, .node = c->node, .err = (uint16_t)err});
}

static void
caller_failed(struct sim_world *w, struct sim_client *c, const struct pinf_api_error *error)
{
	const enum pinf_err err = error->err;
	/* By what an earlier life sent, or by time: then it comes back.  spec/states.md, STATE-19. */
	const bool overtaken = err == PINF_E_CONFLICT || err == PINF_E_STATE;
	const bool too_late = err == PINF_E_TIMEOUT && strcmp(error->field, "input") == 0;

	if ((overtaken || too_late) && c->job_tries++ < COMES_BACK_MAX) {
		sim_client_crash(w, c, COMES_BACK_MS);
		return;
	}
	sim_client_failed(w, c, err);
	if (err == PINF_E_TIMEOUT || err >= PINF_E_NOT_FOUND)
		w->stats.given_up++;
	else
		w->stats.refused++;
	sim_check(w, SIM_LIVENESS, !c->probe && !overtaken,
	    "%s completion of session %llu failed: %s", c->probe ? "a faultless" : "every try of a",
	    (unsigned long long)w->sessions[c->step->session].id, pinf_err_name(err));
}

void
sim_client_answered(struct sim_world *w, struct sim_client *c)
{
	c->done = c->answered = true;
	w->stats.answered++;
	sim_timeline_add(
	    w, (struct sim_mark){.kind = SIM_MARK_ENDS, .node = c->node, .status = 200});
	sim_histogram_add(&w->stats.answer_ms, w->now_ms - c->started_ms);
}

/* A caller's completion has come to its end. */
static void
caller_ended(struct sim_world *w, struct sim_client *c)
{
	struct pinf_bytes expected = {0};
	struct pinf_span got;

	if (pinf_caller_state(c->caller) == PINF_CALLER_FAILED) {
		caller_failed(w, c, pinf_caller_error(c->caller));
		return;
	}
	sim_client_answered(w, c);
	got = pinf_caller_result(c->caller);
	sim_infer(pinf_span_of(&c->document), &expected);
	sim_check(w, SIM_WRONG_ANSWER, pinf_span_equal(got, pinf_span_of(&expected)),
	    "a caller-sealed completion got another answer than its prompt's");
	sim_oracle_answer(w, w->sessions[c->step->session].id, pinf_caller_task(c->caller), got);
	pinf_bytes_free(&expected);
	sim_client_retire(c);
}

void
sim_client_event(struct sim_world *w, struct sim_client *c, struct pinf_event *event)
{
	struct pinf_effects effects = {0};
	enum pinf_err err = PINF_OK;

	event->now_ms = sim_client_now(w, c);
	event->mono_ms = w->now_ms;
	sim_trace_event(w, c->node, event);
	if (sim_is_foreign(c))
		sim_foreign_step(w, c, event, &effects);
	else if (c->role == SIM_MINER)
		err = pinf_miner_step(c->miner, event, &effects);
	else if (c->caller != NULL)
		err = pinf_caller_step(c->caller, event, &effects);
	if (err != PINF_OK)
		(void)sim_need(NULL);
	for (size_t i = 0; i < effects.count; i++)
		run_effect(w, c, &effects.list[i]);
	pinf_effects_free(&effects);
	if (c->caller != NULL && !c->done && pinf_caller_state(c->caller) != PINF_CALLER_BUSY)
		caller_ended(w, c);
}

/* The answer to a fetch: refused, or bytes to be checked and opened. */
static void
opened(struct sim_world *w, const struct sim_pending *p, const struct sim_message *m,
    struct pinf_event *event, struct pinf_bytes *document)
{
	struct pinf_api_error error = {.err = PINF_OK};

	event->kind = PINF_EV_REPLY;
	if (pinf_reply_refused(&error, event)) {
		event->err = error.err;
		event->body = (struct pinf_span){NULL, 0};
	} else if (event->err == PINF_OK) {
		event->err =
		    sim_open_payload(w, &p->payload, &p->key, pinf_span_of(&m->body), document);
		event->body = pinf_span_of(document);
	}
	event->kind = PINF_EV_OPENED;
}

void
sim_client_reply(struct sim_world *w, struct sim_client *c, struct sim_message *m)
{
	struct pinf_bytes document = {0};
	struct pinf_event event = {.kind = PINF_EV_REPLY,
	    .id = m->id,
	    .err = m->err,
	    .status = m->status,
	    .body = pinf_span_of(&m->body)};
	struct sim_pending p;
	size_t i = 0;

	while (i < c->pending_count && c->pending[i].id != m->id)
		i++;
	if (i == c->pending_count)
		return; /* A second answer, or one that came too late. */
	p = c->pending[i];
	c->pending[i] = c->pending[--c->pending_count];
	if (m->err == PINF_E_TIMEOUT)
		sim_hang_up(w, c, m->id);
	if (c->role != SIM_MINER && c->role != SIM_CALLER) {
		sim_people_reply(w, c, m);
		return;
	}
	if (p.fetch)
		opened(w, &p, m, &event, &document);
	sim_client_event(w, c, &event);
	pinf_bytes_free(&document);
	pinf_key_wipe(&p.key);
}

void
sim_client_timer(struct sim_world *w, struct sim_client *c)
{
	struct pinf_event event = {.kind = PINF_EV_TIMER};

	if (c->role == SIM_MINER || c->role == SIM_CALLER)
		sim_client_event(w, c, &event);
	else
		sim_people_act(w, c);
}
