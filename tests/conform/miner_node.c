/* SPDX-License-Identifier: Apache-2.0 */
/* miner_node.c -- the node under test: events out, effects in, each signed request checked.  spec/CONFORMANCE.md#node. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "miner.h"

#define STEP_MS     20
#define EFFECTS_MAX 64

void
miner_fail(struct play *p, const char *format, ...)
{
	va_list args;

	if (p->failure[0] != '\0')
		return;
	va_start(args, format);
	(void)vsnprintf(p->failure, sizeof p->failure, format, args);
	va_end(args);
}

/* Signed by its wallet for this router, in time, and never as before: else the router would refuse it. */
static void
check_signature(struct play *p, struct sent *s, struct pinf_span header)
{
	struct pinf_auth_request r = {.router = p->router.address,
	    .domain = p->domain,
	    .method = pinf_span_str(s->method),
	    .path = pinf_span_str(s->path)};
	struct pinf_auth auth;
	enum pinf_err err;

	pinf_sha256(&r.body_sha256, s->body.len == 0 ? pinf_span_str("") : pinf_span_of(&s->body));
	err = pinf_auth_header_parse(&auth, header);
	if (err == PINF_OK)
		err = pinf_auth_check(&auth, &r);
	if (err != PINF_OK) {
		miner_fail(p, "%s %s: the signature: %s", s->method, s->path, pinf_err_text(err));
		return;
	}
	if (memcmp(&auth.address, &p->miner.address, sizeof auth.address) != 0)
		miner_fail(p, "%s %s: signed by another wallet", s->method, s->path);
	if (auth.expires_ms <= p->now_ms || auth.expires_ms > p->now_ms + PINF_AUTH_EXPIRY_MAX_MS)
		miner_fail(p, "%s %s: expires %llu ms from now", s->method, s->path,
		    (unsigned long long)(auth.expires_ms - p->now_ms));
	for (size_t i = 0; i < p->nonce_count; i++)
		if (memcmp(p->nonces[i], auth.nonce, PINF_NONCE_LEN) == 0)
			miner_fail(p, "%s %s: a nonce that it used before", s->method, s->path);
	if (p->nonce_count < NONCES_MAX)
		memcpy(p->nonces[p->nonce_count++], auth.nonce, PINF_NONCE_LEN);
	r.session = auth.session;
	r.task = auth.task;
	r.key_version = auth.key_version;
	r.expires_ms = auth.expires_ms;
	memcpy(r.nonce, auth.nonce, sizeof r.nonce);
	pinf_auth_digest(&s->digest, auth.scheme, &r);
}

static void
read_send(struct play *p, struct pinf_json_reader *r)
{
	struct sent s = {.request = 0};
	struct pinf_span header = {NULL, 0}, hex = {NULL, 0};
	uint64_t timeout = 0;

	pinf_json_uint(r, "request", true, PINF_ID_MAX, &s.request);
	pinf_json_uint(r, "timeout_ms", true, UINT32_MAX, &timeout);
	pinf_json_label(r, "method", true, s.method, sizeof s.method);
	pinf_json_label(r, "path", true, s.path, sizeof s.path);
	pinf_json_text(r, "authorization", true, &header);
	pinf_json_text(r, "body", false, &hex);
	if (r->err != PINF_OK)
		return;
	if (p->sent_count == SENT_MAX) {
		miner_fail(p, "more than %d requests at once with one slot", SENT_MAX);
		return;
	}
	if (pinf_bytes_reserve(&s.body, hex.len / 2 + 1) != PINF_OK)
		abort();
	s.body.len = hex.len / 2;
	if (hex.len > 0 && pinf_unhex(s.body.data, s.body.len, hex, true) != PINF_OK)
		pinf_json_fail(r, "body", PINF_E_SYNTAX);
	check_signature(p, &s, header);
	p->sent[p->sent_count++] = s;
}

static void
read_effect(struct play *p, struct pinf_json_reader *r)
{
	char kind[16] = "";
	struct pinf_span document = {NULL, 0};
	uint64_t timeout = 0;

	pinf_json_label(r, "kind", true, kind, sizeof kind);
	if (strcmp(kind, "wake") == 0) {
		pinf_json_uint(r, "at_ms", true, PINF_ID_MAX, &p->wake_ms);
	} else if (strcmp(kind, "send") == 0) {
		read_send(p, r);
	} else if (strcmp(kind, "infer") == 0) {
		pinf_json_uint(r, "request", true, PINF_ID_MAX, &p->inference);
		pinf_json_uint(r, "timeout_ms", true, UINT32_MAX, &timeout);
		pinf_json_text(r, "document", true, &document);
		p->inferences++;
	} else {
		pinf_json_fail(r, "kind", PINF_E_RANGE);
	}
}

/* The line's answer, read up to "ok"; NULL: there is none, said. */
static struct pinf_json *
ask(struct play *p, struct pinf_span line)
{
	struct pinf_bytes reply = {0};
	struct pinf_json *json = NULL;
	struct pinf_json_reader root;
	enum heard heard = HEARD_END;

	if (p->driver->pid != 0)
		heard = driver_ask(p->driver, line, p->suite->timeout_ms, &reply);
	if (heard != HEARD) {
		miner_fail(p, "%s", heard_text(heard));
		(void)driver_end(p->driver, 0);
	} else if (pinf_json_parse(&json, pinf_span_of(&reply), REPLY_MAX) != PINF_OK) {
		miner_fail(p, "its answer is no JSON");
	} else {
		root = pinf_json_root(json);
		if (pinf_json_has(&root, "skip"))
			(void)snprintf(p->skip, sizeof p->skip, "it has no miner");
		else if (!pinf_json_has(&root, "ok"))
			miner_fail(p, "its answer has no ok: %.*s",
			    (int)(reply.len < 200 ? reply.len : 200), (const char *)reply.data);
	}
	pinf_bytes_free(&reply);
	return json;
}

void
miner_event(struct play *p, const char *kind, const struct sent *about, unsigned status,
    struct pinf_span body)
{
	struct pinf_bytes line = {0};
	struct pinf_json_writer w = pinf_json_write_to(&line);
	struct pinf_json_reader root, ok;
	struct pinf_json *json;

	p->now_ms += STEP_MS;
	p->mono_ms += STEP_MS;
	pinf_json_open(&w, NULL, '{');
	pinf_json_open(&w, "event", '{');
	if (about != NULL && (status != 0 || strcmp(kind, "inferred") == 0))
		pinf_json_put_hex(&w, "body", false, body.data, body.len);
	else if (about != NULL)
		pinf_json_put_str(&w, "error", "timeout");
	pinf_json_put_str(&w, "kind", kind);
	if (about != NULL)
		pinf_json_put_uint(&w, "request", about->request);
	if (about != NULL && status != 0)
		pinf_json_put_uint(&w, "status", status);
	pinf_json_close(&w, '}');
	pinf_json_put_uint(&w, "mono_ms", p->mono_ms);
	pinf_json_put_uint(&w, "now_ms", p->now_ms);
	pinf_json_put_str(&w, "verb", "event");
	pinf_json_close(&w, '}');
	json = ask(p, pinf_span_of(&line));
	if (json != NULL && p->failure[0] == '\0') {
		root = pinf_json_root(json);
		ok = pinf_json_object(&root, "ok", true);
		for (size_t i = 0, count = pinf_json_array(&ok, "effects", true, EFFECTS_MAX);
		     i < count && ok.err == PINF_OK; i++) {
			struct pinf_json_reader item = pinf_json_item(&ok, "effects", i);

			read_effect(p, &item);
			pinf_json_leave(&ok, &item, "effects");
		}
		if (pinf_json_end(&ok) != PINF_OK)
			miner_fail(p, "its answer: %s: %s", ok.field, pinf_err_text(ok.err));
	}
	pinf_json_free(json);
	pinf_bytes_free(&line);
}

/* Begins, with nothing of before. */
void
miner_node(struct play *p)
{
	struct pinf_bytes line = {0};
	struct pinf_json_writer w = pinf_json_write_to(&line);
	uint8_t entropy[32];

	pinf_json_free(ask(p, pinf_span_str("{\"verb\":\"reset\"}")));
	if (p->random.fill(p->random.ctx, entropy, sizeof entropy) != PINF_OK)
		abort();
	pinf_json_open(&w, NULL, '{');
	pinf_json_open(&w, "config", '{');
	pinf_json_put_uint(&w, "chain_id", p->domain.chain_id);
	pinf_json_put_address(&w, "contract", &p->domain.contract);
	pinf_json_put_uint(&w, "retry_max_ms", 2000);
	pinf_json_put_address(&w, "router", &p->router.address);
	pinf_json_put_hex(&w, "secret", false, &p->miner.secret, sizeof p->miner.secret);
	pinf_json_put_uint(&w, "send_timeout_ms", 15000);
	pinf_json_put_uint(&w, "slots", 1);
	pinf_json_open(&w, "storage", '{');
	pinf_json_put_str(&w, "bucket", "kit");
	pinf_json_put_str(&w, "provider", "kit");
	pinf_json_put_str(&w, "type", "fs");
	pinf_json_close(&w, '}');
	pinf_json_put_uint(&w, "wait_ms", 20000);
	pinf_json_close(&w, '}');
	pinf_json_put_hex(&w, "entropy", false, entropy, sizeof entropy);
	pinf_json_put_str(&w, "role", "miner");
	pinf_json_put_str(&w, "verb", "node");
	pinf_json_close(&w, '}');
	pinf_json_free(ask(p, pinf_span_of(&line)));
	pinf_bytes_free(&line);
}
