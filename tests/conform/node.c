/* SPDX-License-Identifier: Apache-2.0 */
/* node.c -- pinf's miner as a node: events in, effects out; sealing and opening are done at once.  spec/CONFORMANCE.md#node. */
#include <string.h>

#include <pinf/document.h>
#include <pinf/miner.h>

#include "core/send.h"
#include "crypto/crypto.h"
#include "operations.h"

#define PENDING_MAX (4 * PINF_MINER_SLOTS_MAX)

/* A fetch that its reply will end, or a sealed blob that will be sent. */
struct kept {
	uint64_t id; /* 0: free */
	struct pinf_payload payload;
	struct pinf_key key;
	struct pinf_bytes sealed;
};

static struct {
	struct pinf_miner *miner; /* NULL: none */
	struct pinf_wallet wallet;
	struct pinf_blob *blob;
	uint8_t entropy[32];
	uint64_t drawn; /* blocks of it */
	uint64_t now_ms, mono_ms;
	struct kept fetches[PENDING_MAX], blobs[PENDING_MAX];
	char provider[64], bucket[64], type[16];
} node;

/* SHA-256 of the entropy and a counter, block by block. */
static enum pinf_err
fill(void *ctx, uint8_t *out, size_t len)
{
	uint8_t block[sizeof node.entropy + sizeof node.drawn];
	struct pinf_hash hash;

	(void)ctx;
	for (size_t at = 0; at < len; at += sizeof hash) {
		node.drawn++;
		memcpy(block, node.entropy, sizeof node.entropy);
		memcpy(block + sizeof node.entropy, &node.drawn, sizeof node.drawn);
		pinf_sha256(&hash, (struct pinf_span){block, sizeof block});
		memcpy(out + at, hash.bytes, len - at < sizeof hash ? len - at : sizeof hash);
	}
	return PINF_OK;
}

static struct kept *
kept_as(struct kept *list, uint64_t id)
{
	for (size_t i = 0; i < PENDING_MAX; i++)
		if (list[i].id == id)
			return &list[i];
	return NULL;
}

static void
let_go(struct kept *kept)
{
	pinf_bytes_free(&kept->sealed);
	pinf_wipe(kept, sizeof *kept);
}

void
node_reset(void)
{
	pinf_miner_free(node.miner);
	pinf_wallet_wipe(&node.wallet);
	pinf_blob_free(node.blob);
	for (size_t i = 0; i < PENDING_MAX; i++) {
		let_go(&node.fetches[i]);
		let_go(&node.blobs[i]);
	}
	pinf_wipe(&node, sizeof node);
}

static void
read_config(struct pinf_json_reader *asked, struct pinf_miner_config *config)
{
	struct pinf_json_reader r = pinf_json_object(asked, "config", true), storage;
	uint64_t slots = 0, wait = 0, send = 0, retry = 0;

	pinf_json_address(&r, "router", true, &config->router);
	pinf_json_uint(&r, "chain_id", true, PINF_ID_MAX, &config->domain.chain_id);
	pinf_json_address(&r, "contract", true, &config->domain.contract);
	pinf_json_uint(&r, "slots", true, PINF_MINER_SLOTS_MAX, &slots);
	pinf_json_uint(&r, "wait_ms", true, 60000, &wait);
	pinf_json_uint(&r, "send_timeout_ms", true, UINT32_MAX, &send);
	pinf_json_uint(&r, "retry_max_ms", true, UINT32_MAX, &retry);
	pinf_json_hex(&r, "secret", true, false, node.wallet.secret.bytes, PINF_KEY_LEN);
	storage = pinf_json_object(&r, "storage", true);
	pinf_json_label(&storage, "type", true, node.type, sizeof node.type);
	pinf_json_label(&storage, "provider", true, node.provider, sizeof node.provider);
	pinf_json_label(&storage, "bucket", true, node.bucket, sizeof node.bucket);
	pinf_json_leave(&r, &storage, "storage");
	need_read(&r);
	config->storage = (struct pinf_storage){node.type, node.provider, node.bucket};
	config->slots = (uint32_t)slots;
	config->wait_ms = (uint32_t)wait;
	config->send_timeout_ms = (uint32_t)send;
	config->retry_max_ms = (uint32_t)retry;
}

bool
node_begin(struct pinf_json_reader *asked)
{
	struct pinf_miner_config config = pinf_miner_defaults();
	char role[16] = "", hex[2 * PINF_KEY_LEN + 1];

	node_reset();
	pinf_json_label(asked, "role", true, role, sizeof role);
	if (strcmp(role, "miner") != 0)
		return false;
	read_config(asked, &config);
	pinf_json_hex(asked, "entropy", true, false, node.entropy, sizeof node.entropy);
	need_read(asked);
	pinf_hex(hex, node.wallet.secret.bytes, PINF_KEY_LEN);
	need(pinf_wallet_parse(&node.wallet, pinf_span_str(hex)) == PINF_OK);
	pinf_wipe(hex, sizeof hex);
	need(pinf_blob_new(&node.blob) == PINF_OK);
	need(pinf_miner_open(
		 &node.miner, &config, &node.wallet, (struct pinf_random){NULL, fill}) == PINF_OK);
	return true;
}

static void step(struct pinf_event *event, struct pinf_json_writer *out);

static void
seal(struct pinf_effect *fx, struct pinf_json_writer *out)
{
	struct kept *kept = kept_as(node.blobs, 0);
	struct pinf_event sealed = {.kind = PINF_EV_SEALED, .id = fx->id};

	need(kept != NULL);
	kept->id = fx->id;
	if (fx->params.suite == PINF_SUITE_NONE) {
		need(pinf_bytes_append(&kept->sealed, fx->document.data, fx->document.len) ==
		     PINF_OK);
		pinf_sha256(&sealed.sha256, pinf_span_of(&kept->sealed));
	} else {
		sealed.err = pinf_blob_seal(node.blob, &fx->params, &fx->key,
		    (struct pinf_random){NULL, fill}, pinf_span_of(&fx->document), &kept->sealed,
		    &sealed.sha256);
	}
	sealed.size = kept->sealed.len;
	step(&sealed, out);
}

static void
send(struct pinf_effect *fx, struct pinf_json_writer *out)
{
	const struct kept *sealed = fx->seal_id == 0 ? NULL : kept_as(node.blobs, fx->seal_id);
	const struct pinf_bytes *body = sealed != NULL ? &sealed->sealed : &fx->body;
	struct kept *fetch;

	if (fx->kind == PINF_FX_FETCH) {
		fetch = kept_as(node.fetches, 0);
		need(fetch != NULL);
		*fetch = (struct kept){.id = fx->id, .payload = fx->payload, .key = fx->key};
	}
	pinf_json_open(out, NULL, '{');
	pinf_json_put_str(out, "authorization", fx->authorization);
	pinf_json_put_hex(out, "body", false, body->data, body->len);
	pinf_json_put_str(out, "kind", "send");
	pinf_json_put_str(out, "method", fx->method);
	pinf_json_put_text(out, "path", pinf_span_of(&fx->path));
	pinf_json_put_uint(out, "request", fx->id);
	pinf_json_put_uint(out, "timeout_ms", fx->timeout_ms);
	pinf_json_close(out, '}');
}

/* The engine decodes what it is to answer: here as in src/host/inference.c. */
static void
infer(const struct pinf_effect *fx, struct pinf_json_writer *out)
{
	struct pinf_event inferred = {.kind = PINF_EV_INFERRED, .id = fx->id};
	struct pinf_input input = {.max_tokens = 0};

	inferred.err = pinf_input_decode(&input, pinf_span_of(&fx->document));
	pinf_input_free(&input);
	if (inferred.err != PINF_OK) {
		step(&inferred, out);
		return;
	}
	pinf_json_open(out, NULL, '{');
	pinf_json_put_hex(out, "document", false, fx->document.data, fx->document.len);
	pinf_json_put_str(out, "kind", "infer");
	pinf_json_put_uint(out, "request", fx->id);
	pinf_json_put_uint(out, "timeout_ms", fx->timeout_ms);
	pinf_json_close(out, '}');
}

static void
put_effect(struct pinf_effect *fx, struct pinf_json_writer *out)
{
	switch (fx->kind) {
	case PINF_FX_SEND:
	case PINF_FX_FETCH: send(fx, out); break;
	case PINF_FX_INFER: infer(fx, out); break;
	case PINF_FX_SEAL: seal(fx, out); break;
	case PINF_FX_DROP:
		if (kept_as(node.blobs, fx->id) != NULL)
			let_go(kept_as(node.blobs, fx->id));
		break;
	case PINF_FX_WAKE:
		pinf_json_open(out, NULL, '{');
		pinf_json_put_uint(out, "at_ms", fx->at_ms);
		pinf_json_put_str(out, "kind", "wake");
		pinf_json_close(out, '}');
		break;
	default: break;
	}
}

static void
step(struct pinf_event *event, struct pinf_json_writer *out)
{
	struct pinf_effects effects = {0};

	event->now_ms = node.now_ms;
	event->mono_ms = node.mono_ms;
	need(pinf_miner_step(node.miner, event, &effects) == PINF_OK);
	for (size_t i = 0; i < effects.count; i++)
		put_effect(&effects.list[i], out);
	pinf_effects_free(&effects);
}

/* What a fetch brought: checked by its metadata, and opened. */
static void
open_fetched(struct kept *fetch, struct pinf_event *event, struct pinf_bytes *document)
{
	struct pinf_api_error refused;
	struct pinf_hash sha256;

	if (event->err == PINF_OK && pinf_reply_refused(&refused, event))
		event->err = refused.err;
	if (event->err == PINF_OK && event->body.len != fetch->payload.size)
		event->err = PINF_E_SIZE_MISMATCH;
	pinf_sha256(&sha256, event->body.data == NULL ? pinf_span_str("") : event->body);
	if (event->err == PINF_OK && !pinf_hash_equal(&sha256, &fetch->payload.sha256))
		event->err = PINF_E_HASH_MISMATCH;
	if (event->err == PINF_OK && fetch->payload.suite != PINF_SUITE_NONE) {
		event->err = pinf_payload_check_header(&fetch->payload, event->body);
		if (event->err == PINF_OK)
			event->err = pinf_blob_open(
			    node.blob, &fetch->payload.scope, &fetch->key, event->body, document);
		event->body = pinf_span_of(document);
	}
	event->kind = PINF_EV_OPENED;
}

void
node_event(struct pinf_json_reader *asked, struct pinf_json_writer *out)
{
	struct pinf_json_reader r;
	struct pinf_event event = {.kind = PINF_EV_TIMER};
	struct pinf_bytes body = {0}, document = {0};
	struct kept *fetch = NULL;
	char kind[16] = "", error[40] = "";
	uint64_t status = 0;

	need(node.miner != NULL);
	pinf_json_uint(asked, "now_ms", true, PINF_ID_MAX, &node.now_ms);
	pinf_json_uint(asked, "mono_ms", true, PINF_ID_MAX, &node.mono_ms);
	r = pinf_json_object(asked, "event", true);
	pinf_json_label(&r, "kind", true, kind, sizeof kind);
	if (strcmp(kind, "timer") != 0) {
		event.kind = strcmp(kind, "inferred") == 0 ? PINF_EV_INFERRED : PINF_EV_REPLY;
		pinf_json_uint(&r, "request", true, PINF_ID_MAX, &event.id);
		pinf_json_uint(&r, "status", false, 999, &status);
		pinf_json_label(&r, "error", false, error, sizeof error);
		if (error[0] != '\0')
			event.err = strcmp(error, "timeout") == 0 ? PINF_E_TIMEOUT : PINF_E_IO;
		else
			read_bytes(&r, "body", &body);
		event.status = (unsigned)status;
		event.body = pinf_span_of(&body);
		fetch = kept_as(node.fetches, event.id);
	}
	need_read(&r);
	need_read(asked);
	if (fetch != NULL)
		open_fetched(fetch, &event, &document);
	pinf_json_open(out, "effects", '[');
	step(&event, out);
	pinf_json_close(out, ']');
	if (fetch != NULL)
		let_go(fetch);
	pinf_bytes_free(&body);
	pinf_bytes_free(&document);
}
