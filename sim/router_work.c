/* SPDX-License-Identifier: Apache-2.0 */
/* router_work.c -- what the router's effects ask for: blobs, seals, answers.  spec/effects.md. */
#include <string.h>

#include "world.h"

#define SLOW_MS 20000 /* that a slow storage takes at most */

static const struct pinf_kdf_cost CHEAPEST = {1, PINF_KDF_MEMORY_MIN_KIB};

struct sim_conn *
sim_conn_find(struct sim_world *w, uint64_t id)
{
	for (size_t i = 0; i < w->router.conn_count; i++)
		if (w->router.conns[i].id == id)
			return &w->router.conns[i];
	return NULL;
}

void
sim_conn_drop(struct sim_world *w, struct sim_conn *conn)
{
	sim_message_free(conn->message);
	*conn = w->router.conns[--w->router.conn_count];
}

/* Answers a request; body is moved. */
static void
respond(struct sim_world *w, uint64_t request, unsigned status, struct pinf_bytes *body)
{
	struct sim_conn *conn = sim_conn_find(w, request);
	struct sim_message *m;

	if (conn == NULL)
		return;
	sim_oracle_response(w, conn, status, pinf_span_of(body));
	sim_timeline_answer(w, conn, status, pinf_span_of(body));
	m = conn->message;
	conn->message = NULL;
	sim_conn_drop(w, conn);
	pinf_bytes_free(&m->body);
	m->body = *body;
	m->status = status;
	*body = (struct pinf_bytes){0};
	sim_reply(w, m);
}

static void
respond_error(struct sim_world *w, uint64_t request, enum pinf_err err)
{
	struct pinf_bytes body = {0};

	if (pinf_api_error_body(&body, &(struct pinf_api_error){.err = err}) != PINF_OK)
		(void)sim_need(NULL);
	respond(w, request, pinf_api_status(err), &body);
	pinf_bytes_free(&body);
}

static uint64_t
slow_ms(const struct sim_world *w)
{
	return w->calm || w->slow_windows == 0 ? 0 : SLOW_MS;
}

/* The answer comes back to the core after the medium's delay. */
static void
answer(struct sim_world *w, struct pinf_event event)
{
	struct sim_answer *made = sim_new(sizeof *made);
	const uint64_t spread = w->calm ? 3 : w->plan->blob.delay_max_ms + slow_ms(w);

	made->event = event;
	sim_after(w, 1 + sim_rng_below(&w->router.rng, spread + 1),
	    (struct sim_item){.what = SIM_ANSWER, .life = w->router.life, .data = made});
}

static enum pinf_err
check_bytes(const struct pinf_hash *sha256, uint64_t size, struct pinf_span bytes)
{
	struct pinf_hash real;

	if (bytes.len != size)
		return PINF_E_SIZE_MISMATCH;
	pinf_sha256(&real, bytes);
	return pinf_hash_equal(&real, sha256) ? PINF_OK : PINF_E_HASH_MISMATCH;
}

static enum pinf_err
upload(struct sim_world *w, const struct pinf_effect *fx)
{
	const struct sim_conn *conn = sim_conn_find(w, fx->request);
	struct pinf_span bytes;
	enum pinf_err err;

	if (conn == NULL)
		return PINF_E_IO; /* It hung up before its body was there. */
	bytes = pinf_span_of(&conn->message->body);
	err = check_bytes(&fx->sha256, fx->size, bytes);
	if (err != PINF_OK)
		return err;
	sim_oracle_scan(w, "blob storage", bytes);
	return sim_blobs_put(&w->blobs, &fx->sha256, bytes);
}

static enum pinf_err
store(struct sim_world *w, const struct pinf_effect *fx)
{
	struct sim_router *r = &w->router;
	enum pinf_err err = PINF_E_IO;

	for (size_t i = 0; i < r->sealed_count; i++) {
		if (r->sealed[i].id != fx->id)
			continue;
		sim_oracle_scan(w, "blob storage", pinf_span_of(&r->sealed[i].bytes));
		err = sim_blobs_put(&w->blobs, &fx->sha256, pinf_span_of(&r->sealed[i].bytes));
		pinf_bytes_free(&r->sealed[i].bytes);
		r->sealed[i] = r->sealed[--r->sealed_count];
		return err;
	}
	return err;
}

static enum pinf_err
check(struct sim_world *w, const struct pinf_effect *fx)
{
	const struct pinf_payload *p = &fx->payload;
	struct pinf_bytes bytes = {0};
	enum pinf_err err = sim_blobs_get(&w->blobs, &fx->sha256, &bytes);

	if (err == PINF_OK)
		err = check_bytes(&p->sha256, p->size, pinf_span_of(&bytes));
	if (err == PINF_OK && p->suite != PINF_SUITE_NONE) {
		err = pinf_payload_check_header(p, pinf_span_of(&bytes));
		if (err == PINF_OK)
			err = pinf_blob_check(
			    w->blob, &p->scope, &fx->key, pinf_span_of(&bytes), bytes.len);
	}
	pinf_bytes_free(&bytes);
	return err;
}

enum pinf_err
sim_open_payload(struct sim_world *w, const struct pinf_payload *payload,
    const struct pinf_key *key, struct pinf_span bytes, struct pinf_bytes *document)
{
	enum pinf_err err = check_bytes(&payload->sha256, payload->size, bytes);

	w->stats.opens += payload->suite != PINF_SUITE_NONE;

	if (err == PINF_OK && payload->suite != PINF_SUITE_NONE) {
		err = pinf_payload_check_header(payload, bytes);
		if (err == PINF_OK)
			err = pinf_blob_open(w->blob, &payload->scope, key, bytes, document);
		if (err == PINF_OK)
			sim_oracle_forged(w, payload, key, bytes);
		return err;
	}
	return err == PINF_OK ? pinf_bytes_append(document, bytes.data, bytes.len) : err;
}

static enum pinf_err
deliver(struct sim_world *w, const struct pinf_effect *fx)
{
	const struct pinf_payload *p = &fx->payload;
	struct pinf_bytes bytes = {0}, document = {0}, body = {0};
	struct pinf_result result = {.prompt_tokens = 0};
	enum pinf_err err = PINF_OK;

	if (p->urn[0] == '\0')
		sim_append(&bytes, (struct pinf_span){p->inline_data, p->inline_len});
	else
		err = sim_blobs_get(&w->blobs, &p->sha256, &bytes);
	if (err == PINF_OK)
		err = sim_open_payload(w, p, &fx->key, pinf_span_of(&bytes), &document);
	if (err == PINF_OK)
		err = pinf_result_decode(&result, pinf_span_of(&document));
	if (err == PINF_OK)
		err = pinf_api_completion_body(&body, &fx->meta, &result);
	if (err == PINF_OK)
		sim_oracle_answer(w, fx->meta.session, fx->meta.task, pinf_span_of(&document));
	if (err == PINF_OK && sim_conn_find(w, fx->request) == NULL)
		err = PINF_E_IO;
	else if (err == PINF_OK)
		respond(w, fx->request, 200, &body);
	else /* The storage's fault, not the caller's: it may ask again. */
		respond_error(w, fx->request, PINF_E_IO);
	pinf_result_free(&result);
	pinf_bytes_free(&document);
	pinf_bytes_free(&bytes);
	pinf_bytes_free(&body);
	return err;
}

static void
serve(struct sim_world *w, const struct pinf_effect *fx)
{
	struct pinf_bytes bytes = {0};
	const struct sim_conn *conn = sim_conn_find(w, fx->id);
	const enum pinf_err err = sim_blobs_get(&w->blobs, &fx->sha256, &bytes);

	if (conn != NULL)
		conn->message->late_ms = (uint32_t)sim_rng_below(&w->router.rng, slow_ms(w));
	if (err == PINF_OK)
		respond(w, fx->id, 200, &bytes);
	else
		respond_error(w, fx->id, err);
	pinf_bytes_free(&bytes);
}

static void
seal(struct sim_world *w, struct pinf_effect *fx)
{
	struct sim_router *r = &w->router;
	struct sim_sealed made = {.id = fx->id};
	struct pinf_event event = {.kind = PINF_EV_SEALED, .id = fx->id};

	if (fx->params.suite == PINF_SUITE_NONE) {
		sim_append(&made.bytes, pinf_span_of(&fx->document));
		pinf_sha256(&event.sha256, pinf_span_of(&made.bytes));
	} else {
		event.err = pinf_blob_seal(w->blob, &fx->params, &fx->key, sim_rng_port(&r->random),
		    pinf_span_of(&fx->document), &made.bytes, &event.sha256);
		if (event.err == PINF_OK)
			sim_oracle_sealed(w, pinf_span_of(&made.bytes), &event.sha256);
	}
	event.size = made.bytes.len;
	r->sealed = sim_grow(r->sealed, r->sealed_count + 1, &r->sealed_cap, sizeof *r->sealed);
	r->sealed[r->sealed_count++] = made;
	answer(w, event);
}

static enum pinf_err
save_keyring(struct sim_world *w, const struct pinf_effect *fx)
{
	struct pinf_bytes file = {0};
	const enum pinf_err err = pinf_keyring_encode(fx->keyring, &file,
	    pinf_span_str("simulated"), CHEAPEST, sim_rng_port(&w->router.random));

	if (err == PINF_OK) {
		pinf_bytes_free(&w->router.keyring_file);
		w->router.keyring_file = file;
	}
	return err;
}

static void
drop(struct sim_router *r, uint64_t id)
{
	for (size_t i = 0; i < r->sealed_count; i++) {
		if (r->sealed[i].id != id)
			continue;
		pinf_bytes_free(&r->sealed[i].bytes);
		r->sealed[i] = r->sealed[--r->sealed_count];
		return;
	}
}

void
sim_router_work(struct sim_world *w, struct pinf_effect *fx)
{
	struct pinf_event event = {.id = fx->id};
	const bool seals = fx->kind == PINF_FX_SEAL;

	sim_oracle_key(w, &fx->key, seals ? fx->params.key_version : fx->payload.key_version,
	    seals ? &fx->params.scope : &fx->payload.scope);
	switch (fx->kind) {
	case PINF_FX_RESPOND:
		if (sim_conn_find(w, fx->id) == NULL && fx->lease.attempt != 0)
			sim_router_event(w,
			    &(struct pinf_event){
				.kind = PINF_EV_HANGUP, .id = fx->id, .lease = fx->lease},
			    NULL);
		respond(w, fx->id, fx->status, &fx->body);
		return;
	case PINF_FX_SERVE: serve(w, fx); return;
	case PINF_FX_SEAL: seal(w, fx); return;
	case PINF_FX_DROP: drop(&w->router, fx->id); return;
	case PINF_FX_CHAIN: sim_chain_ask(w, fx); return;
	case PINF_FX_UPLOAD:
		event.kind = PINF_EV_STORED;
		event.err = upload(w, fx);
		break;
	case PINF_FX_STORE:
		event.kind = PINF_EV_STORED;
		event.err = store(w, fx);
		break;
	case PINF_FX_CHECK:
		event.kind = PINF_EV_CHECKED;
		event.err = check(w, fx);
		break;
	case PINF_FX_DELIVER:
		event.kind = PINF_EV_DELIVERED;
		event.err = deliver(w, fx);
		break;
	case PINF_FX_DELETE:
		event.kind = PINF_EV_DELETED;
		event.err = sim_blobs_delete(&w->blobs, &fx->sha256);
		break;
	case PINF_FX_SAVE_KEYRING:
		event.kind = PINF_EV_SAVED;
		event.err = save_keyring(w, fx);
		break;
	default: return;
	}
	answer(w, event);
}
