/* SPDX-License-Identifier: Apache-2.0 */
/*
 * miner.c -- fuzzes the miner's core against a router that answers right, wrong or with what the input says, in whatever
 * order.  Records: a byte that says how, one that says which waiting effect is answered, then bytes.  spec/states.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/api.h>
#include <pinf/miner.h>

#include "common.h"
#include "core/json.h"
#include "crypto/crypto.h"

#define WAITING_MAX 64
#define STEPS_MAX   64
#define SESSION     7
#define TASK        42
#define DOCUMENT    "{\"prompt\":\"p\"}"

/* How an effect is answered; the upper bits choose within. */
enum way { RIGHT, STATUS, BYTES, FAILURE, ALMOST, WAYS };

struct waiting {
	struct pinf_event event; /* the answer that is due, by kind and id */
	enum pinf_endpoint endpoint; /* 0: nothing of the router */
	struct pinf_hash digest; /* of the request */
	struct pinf_scope scope; /* of the key that it asks for */
	uint8_t hpke_public[PINF_HPKE_PUBLIC_LEN];
};

struct bench {
	struct pinf_miner *miner;
	struct pinf_miner_config config;
	struct pinf_wallet wallet, router;
	struct waiting waiting[WAITING_MAX];
	size_t count;
	uint64_t seed, now_ms, woken_ms;
	unsigned inferences, claims;
};

/* What the miner sends decodes at a router: kept is what an answer needs of it. */
static void
read_request(struct bench *b, const struct pinf_effect *fx, struct waiting *w)
{
	const struct pinf_api_config api = {b->config.router, b->config.domain};
	struct pinf_http_request http = {.listener = PINF_LISTEN_MINER,
	    .method = pinf_span_str(fx->method),
	    .target = pinf_span_of(&fx->path),
	    .authorization = pinf_span_str(fx->authorization),
	    .content_type = pinf_span_str(fx->body.len > 0 ? "application/json" : ""),
	    .body = pinf_span_of(&fx->body),
	    .content_length = fx->seal_id != 0 ? 300 : fx->body.len};
	struct pinf_api_request *request = NULL;
	struct pinf_api_error error;

	fuzz_check(pinf_api_decode(&request, &api, &http, &error) == PINF_OK,
	    "what the miner sends, a router understands");
	w->endpoint = request->endpoint;
	w->digest = request->auth_digest;
	w->scope = (struct pinf_scope){.kind = PINF_SCOPE_TASK,
	    .purpose = request->purpose,
	    .session = request->session,
	    .task = request->task};
	if (request->endpoint == PINF_EP_KEY_SESSION) {
		w->scope.kind = PINF_SCOPE_SESSION;
		w->scope.task = 0;
	}
	if (request->purpose == PINF_PURPOSE_RESULT) {
		w->scope.attempt = request->attempt;
		w->scope.miner = b->wallet.address;
	}
	memcpy(w->hpke_public, request->hpke_public, sizeof w->hpke_public);
	b->claims += request->endpoint == PINF_EP_CLAIM;
	pinf_api_request_free(request);
}

static void
note(struct bench *b, const struct pinf_effect *fx)
{
	static const enum pinf_event_kind answers[] = {[PINF_FX_SEND] = PINF_EV_REPLY,
	    [PINF_FX_FETCH] = PINF_EV_OPENED,
	    [PINF_FX_SEAL] = PINF_EV_SEALED,
	    [PINF_FX_INFER] = PINF_EV_INFERRED};
	struct waiting w = {.endpoint = 0};

	b->inferences += fx->kind == PINF_FX_INFER;
	if (fx->kind == PINF_FX_WAKE)
		b->woken_ms = fx->at_ms;
	if (fx->kind >= sizeof answers / sizeof answers[0] || answers[fx->kind] == 0)
		return;
	fuzz_check(b->count < WAITING_MAX, "one slot has few effects at once");
	w.event = (struct pinf_event){.kind = answers[fx->kind], .id = fx->id};
	if (fx->kind == PINF_FX_SEND || fx->kind == PINF_FX_FETCH)
		read_request(b, fx, &w);
	fuzz_check(b->inferences <= b->claims, "at most one inference for a claim");
	b->waiting[b->count++] = w;
}

static void
step(struct bench *b, struct pinf_event *event)
{
	struct pinf_effects effects = {0};

	event->now_ms = b->now_ms;
	fuzz_check(pinf_miner_step(b->miner, event, &effects) == PINF_OK, "a step succeeds");
	for (size_t i = 0; i < effects.count; i++)
		note(b, &effects.list[i]);
	pinf_effects_free(&effects);
}

/* A lease of that kind: inline, by URN, sealed for the task or for its session; odd ones contradict themselves. */
static void
write_lease(const struct bench *b, struct pinf_bytes *body, unsigned choice)
{
	struct pinf_json_writer w = pinf_json_write_to(body);
	struct pinf_payload input = {.size = sizeof DOCUMENT - 1};
	const bool sealed = (choice & 2) != 0;

	pinf_sha256(&input.sha256, pinf_span_str(DOCUMENT));
	if ((choice & 3) == 0) {
		input.inline_len = sizeof DOCUMENT - 1;
		memcpy(input.inline_data, DOCUMENT, sizeof DOCUMENT - 1);
	} else if (pinf_urn_of_blob(input.urn, &b->config.storage, &input.sha256) != PINF_OK) {
		abort();
	}
	if (sealed) {
		input.suite = PINF_SUITE_AES256GCM;
		input.key_version = choice == 0x1f ? 5 : 4;
		input.scope = (struct pinf_scope){
		    .kind = (choice & 1) != 0 ? PINF_SCOPE_SESSION : PINF_SCOPE_TASK,
		    .purpose = PINF_PURPOSE_INPUT,
		    .session = SESSION + (choice == 0x1a),
		    .task = (choice & 1) != 0 ? 0 : TASK + (choice == 0x1e)};
	}
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_uint(&w, "attempt", (choice >> 2) % 8 != 4);
	pinf_json_put_uint(&w, "deadline_ms", b->now_ms + (choice & 4) * (uint64_t)100000);
	pinf_json_put_uint(&w, "epoch", 3);
	pinf_payload_write(&w, "input", &input);
	pinf_json_put_hex(
	    &w, "instance", false, (const uint8_t[PINF_INSTANCE_LEN]){0}, PINF_INSTANCE_LEN);
	pinf_json_put_uint(&w, "key_version", sealed ? 4 : 1);
	pinf_json_put_uint(&w, "lease_expires_ms", b->now_ms + 10000);
	pinf_json_put_uint(&w, "precommit_timeout_ms", 60000);
	pinf_json_put_str(&w, "route", sealed == (choice != 0x18) ? "caller-sealed" : "plain");
	pinf_json_put_uint(&w, "session_id", SESSION);
	pinf_json_put_uint(&w, "task_id", TASK);
	pinf_json_close(&w, '}');
	fuzz_check(pinf_json_written(&w) == PINF_OK, "a lease");
}

static void
write_grant(struct bench *b, const struct waiting *w, struct pinf_bytes *body, unsigned choice)
{
	static const struct pinf_key key = {{9}};
	struct pinf_grant grant = {.request_digest = w->digest,
	    .scope = w->scope,
	    .key_version = choice == 0x1f ? 5 : 4,
	    .expires_ms = b->now_ms + (choice != 0x1e ? 1000 : 0)};

	if (choice == 0x1d)
		grant.scope.session++;
	fuzz_check(pinf_grant_make(&grant, &key, w->hpke_public, &b->config.domain,
		       &b->router.secret, fuzz_random(&b->seed)) == PINF_OK &&
		       pinf_grant_encode(body, &grant) == PINF_OK,
	    "a grant");
}

/* What an honest router, disk or engine says, nearly so where the choice is odd. */
static void
answer_right(struct bench *b, const struct waiting *w, struct pinf_event *event,
    struct pinf_bytes *body, unsigned choice)
{
	event->status = 200;
	event->sha256.bytes[0] = (uint8_t)choice;
	if (w->endpoint == PINF_EP_CLAIM)
		write_lease(b, body, choice);
	else if (w->endpoint == PINF_EP_KEY_TASK || w->endpoint == PINF_EP_KEY_SESSION)
		write_grant(b, w, body, choice);
	else if (event->kind == PINF_EV_INFERRED && choice == 0x1f)
		fuzz_check(pinf_bytes_reserve(body, PINF_INLINE_MAX + 1) == PINF_OK &&
			       (memset(body->data, 'x', body->len = PINF_INLINE_MAX + 1), true),
		    "a long result");
	else
		fuzz_check(pinf_bytes_append(body, "{\"text\":\"hi\"}", 13) == PINF_OK, "room");
	if (choice == 0x1c && body->len > 0)
		body->data[body->len / 2] ^= 1;
}

static void
answer(struct bench *b, struct fuzz_input *in)
{
	static const unsigned statuses[] = {204, 400, 401, 403, 409, 429, 500, 503};
	static const enum pinf_err errors[] = {
	    PINF_E_IO, PINF_E_TIMEOUT, PINF_E_BUSY, PINF_E_BLOB_FORGED};
	const uint8_t how = fuzz_byte(in);
	const unsigned choice = how >> 3;
	const size_t at = (size_t)fuzz_byte(in) % b->count;
	const struct waiting w = b->waiting[at];
	struct pinf_event event = w.event;
	struct pinf_bytes body = {0};

	b->waiting[at] = b->waiting[--b->count];
	event.size = 300; /* The driver that sealed it is our own. */
	switch (how % 8 % WAYS) {
	case STATUS: event.status = statuses[choice % 8]; break;
	case BYTES:
		event.status = 200;
		event.body = fuzz_rest(in, fuzz_byte(in));
		break;
	case FAILURE: event.err = errors[choice % 4]; break;
	case ALMOST: answer_right(b, &w, &event, &body, choice); break;
	case RIGHT:
	default: answer_right(b, &w, &event, &body, choice & 7);
	}
	if (body.data != NULL)
		event.body = pinf_span_of(&body);
	if (event.kind == PINF_EV_INFERRED && event.body.len == 0)
		event.body = pinf_span_str("{}"); /* ... and what infers writes documents. */
	step(b, &event);
	pinf_bytes_free(&body);
}

static void
open_miner(struct bench *b, uint8_t choice)
{
	static struct pinf_wallet wallet, router;
	uint64_t seed = 9;

	if (wallet.address.bytes[0] == 0 &&
	    (pinf_wallet_new(&wallet, fuzz_random(&seed)) != PINF_OK ||
		pinf_wallet_new(&router, fuzz_random(&seed)) != PINF_OK))
		abort();
	*b = (struct bench){.now_ms = 1000000,
	    .seed = 10,
	    .config = pinf_miner_defaults(),
	    .wallet = wallet,
	    .router = router};
	b->config.router = router.address;
	b->config.domain = (struct pinf_domain){.chain_id = 5};
	b->config.storage = (struct pinf_storage){"fs", "local", "pinf"};
	b->config.only_session = (choice & 1) != 0 ? SESSION + (choice & 2) : 0;
	b->config.wait_ms = (choice & 4) != 0 ? 0 : 10000;
	b->config.slots = (choice & 8) != 0 ? 2 : 1;
	if (pinf_miner_open(&b->miner, &b->config, &wallet, fuzz_random(&b->seed)) != PINF_OK)
		abort();
}

/* So many right answers in a task's life; the miner may be asked by a timer in between. */
static void
go_on(struct bench *b, unsigned kind, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		struct pinf_event timer = {.kind = PINF_EV_TIMER};
		const uint8_t right[] = {(uint8_t)(kind << 3 | RIGHT), 0};
		struct fuzz_input in = {right, sizeof right};

		if (b->count > 0) {
			answer(b, &in);
		} else {
			b->now_ms += 60000;
			step(b, &timer);
		}
	}
}

/* One step of a task's life, while something fails: it says so. */
static enum pinf_err
step_starving(struct pinf_span in)
{
	const unsigned kind = in.data[0] & 3, steps = in.data[1] % 14;
	struct pinf_effects effects = {0};
	struct pinf_bytes body = {0};
	struct pinf_event event = {.kind = PINF_EV_TIMER};
	struct bench b;
	enum pinf_err err;

	fuzz_fed(true);
	open_miner(&b, 0);
	step(&b, &event);
	go_on(&b, kind, steps);
	event = (struct pinf_event){.kind = PINF_EV_TIMER};
	if (b.count > 0) {
		const struct waiting w = b.waiting[--b.count];

		event = w.event;
		event.size = 300;
		answer_right(&b, &w, &event, &body, kind);
		event.body = pinf_span_of(&body);
	}
	event.now_ms = b.now_ms;
	fuzz_fed(false);
	err = pinf_miner_step(b.miner, &event, &effects);
	fuzz_fed(true);
	pinf_effects_free(&effects);
	pinf_bytes_free(&body);
	pinf_miner_free(b.miner);
	/* What cannot be signed or opened now is tried again later, or given up. */
	return err == PINF_OK && fuzz_failed() == PINF_E_CRYPTO ? PINF_E_CRYPTO : err;
}

static enum pinf_err
open_starving(struct pinf_span in)
{
	const struct pinf_miner_config config = pinf_miner_defaults();
	const struct pinf_wallet wallet = {.secret = {{1}}};
	struct pinf_miner *miner = NULL;
	uint64_t seed = in.len;
	const enum pinf_err err = pinf_miner_open(&miner, &config, &wallet, fuzz_random(&seed));

	pinf_miner_free(miner);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct pinf_event timer = {.kind = PINF_EV_TIMER};
	struct pinf_miner_config none = pinf_miner_defaults();
	const uint8_t choice = fuzz_byte(&in);
	struct bench b;

	open_miner(&b, choice);
	none.slots = choice == 0 ? 0 : PINF_MINER_SLOTS_MAX + 1;
	fuzz_check(
	    pinf_miner_open(&b.miner, &none, &b.wallet, fuzz_random(&b.seed)) == PINF_E_CONFIG,
	    "slots within their bounds");
	step(&b, &timer);
	for (unsigned i = 0; i < STEPS_MAX && in.size > 0; i++) {
		fuzz_check(b.count > 0 || b.woken_ms > 0, "it waits for something");
		if (choice == 0xff && i == 9)
			step(&b, &(struct pinf_event){.kind = PINF_EV_STOP});
		if (b.count > 0) {
			answer(&b, &in);
		} else {
			(void)fuzz_byte(&in);
			b.now_ms = b.woken_ms > b.now_ms ? b.woken_ms : b.now_ms + 1;
			timer = (struct pinf_event){.kind = PINF_EV_TIMER};
			step(&b, &timer);
		}
	}
	fuzz_check(pinf_miner_idle(b.miner) || choice != 0xff || b.count > 0 || b.woken_ms > 0,
	    "who stops has nothing left, or waits");
	pinf_miner_free(b.miner);
	if (size >= 2)
		fuzz_starve(step_starving, (struct pinf_span){data, size});
	fuzz_starve(open_starving, (struct pinf_span){data, size});
	return 0;
}
