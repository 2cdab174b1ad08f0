/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.c -- miners that are another implementation's process: events out, effects in.  spec/CONFORMANCE.md#node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "driver.h"
#include "foreign.h"
#include "memory.h"

#define PATIENCE_MS 10000
#define EFFECTS_MAX 64 /* of one event */

/* One process a node, started when its first world wants it. */
static struct foreign {
	uint32_t miner; /* from 0 */
	const char *command;
	struct driver driver;
} nodes[SIM_FOREIGN_MAX];
static size_t node_count;

static struct foreign *
node_of(uint32_t miner)
{
	for (size_t i = 0; i < node_count; i++)
		if (nodes[i].miner == miner)
			return &nodes[i];
	return NULL;
}

bool
sim_foreign_has(uint32_t miner)
{
	return node_of(miner) != NULL;
}

bool
sim_is_foreign(const struct sim_client *c)
{
	return c->role == SIM_MINER && sim_foreign_has(c->index);
}

bool
sim_foreign_any(void)
{
	return node_count > 0;
}

bool
sim_foreign_set(const char *text)
{
	static const char form[] =
	    "--node is not mN=exec:CMD, or mN,mM=exec:CMD; miners count from 1";
	const char *equals = strchr(text, '='), *at = text;

	if (equals == NULL || strncmp(equals, "=exec:", 6) != 0 || equals[6] == '\0') {
		(void)fprintf(stderr, "pinf-sim: %s\n", form);
		return false;
	}
	do {
		char *end = NULL;
		const unsigned long number = at[0] == 'm' ? strtoul(at + 1, &end, 10) : 0;

		if (number == 0 || number > SIM_MINERS_MAX || (*end != ',' && end != equals) ||
		    node_count == SIM_FOREIGN_MAX) {
			(void)fprintf(stderr, "pinf-sim: %s\n", form);
			return false;
		}
		nodes[node_count++] =
		    (struct foreign){.miner = (uint32_t)number - 1, .command = equals + 6};
		at = end + 1;
	} while (at <= equals);
	return true;
}

/* The line's answer; NULL, and the oracle has failed: there is none, or it is none. */
static struct pinf_json *
ask(struct sim_world *w, struct foreign *f, struct pinf_bytes *line)
{
	struct pinf_bytes reply = {0};
	struct pinf_json *json = NULL;
	struct pinf_json_reader root;
	struct pinf_span why = {NULL, 0};
	enum heard heard = HEARD_END;
	bool good = false;

	if (f->driver.pid != 0)
		heard = driver_ask(&f->driver, pinf_span_of(line), PATIENCE_MS, &reply);
	if (heard != HEARD) {
		sim_check(w, SIM_NODE, false, "node m%u: %s", f->miner + 1, heard_text(heard));
		(void)driver_end(&f->driver, 0);
	} else if (pinf_json_parse(&json, pinf_span_of(&reply), REPLY_MAX) != PINF_OK) {
		sim_check(w, SIM_NODE, false, "node m%u: its answer is no JSON", f->miner + 1);
	} else {
		root = pinf_json_root(json);
		good = pinf_json_has(&root, "ok");
		pinf_json_text(&root, "error", false, &why);
		sim_check(w, SIM_NODE, good, "node m%u: no ok: %.*s", f->miner + 1,
		    (int)(why.len < 200 ? why.len : 200),
		    why.len == 0 ? "" : (const char *)why.data);
	}
	if (!good) {
		pinf_json_free(json);
		json = NULL;
	}
	pinf_bytes_free(&reply);
	line->len = 0;
	return json;
}

/* An answer that says no more than ok. */
static void
tell(struct sim_world *w, struct foreign *f, struct pinf_bytes *line)
{
	pinf_json_free(ask(w, f, line));
}

static void
put_config(struct sim_world *w, const struct sim_client *c, struct pinf_json_writer *json)
{
	const struct pinf_storage storage = sim_storage();
	const struct pinf_domain domain = sim_domain();

	pinf_json_open(json, "config", '{');
	pinf_json_put_uint(json, "chain_id", domain.chain_id);
	pinf_json_put_address(json, "contract", &domain.contract);
	pinf_json_put_uint(json, "retry_max_ms", 4000);
	pinf_json_put_address(json, "router", &w->router.address);
	pinf_json_put_hex(json, "secret", false, &c->wallet.secret, sizeof c->wallet.secret);
	pinf_json_put_uint(json, "send_timeout_ms", 15000);
	pinf_json_put_uint(json, "slots", SIM_SLOTS);
	pinf_json_open(json, "storage", '{');
	pinf_json_put_str(json, "bucket", storage.bucket);
	pinf_json_put_str(json, "provider", storage.provider);
	pinf_json_put_str(json, "type", storage.type);
	pinf_json_close(json, '}');
	pinf_json_put_uint(json, "wait_ms", 20000);
	pinf_json_close(json, '}');
}

void
sim_foreign_start(struct sim_world *w, struct sim_client *c)
{
	struct foreign *f = node_of(c->index);
	struct pinf_bytes line = {0};
	struct pinf_json_writer json = pinf_json_write_to(&line);
	const struct pinf_random random = sim_rng_port(&c->random);
	uint8_t entropy[32];

	if (f->driver.pid == 0 && driver_start(&f->driver, f->command)) {
		sim_append(&line, pinf_span_str("{\"protocol\":1,\"verb\":\"start\"}"));
		tell(w, f, &line);
	}
	sim_append(&line, pinf_span_str("{\"verb\":\"reset\"}"));
	tell(w, f, &line);
	random.fill(random.ctx, entropy, sizeof entropy);
	pinf_json_open(&json, NULL, '{');
	put_config(w, c, &json);
	pinf_json_put_hex(&json, "entropy", false, entropy, sizeof entropy);
	pinf_json_put_str(&json, "role", "miner");
	pinf_json_put_str(&json, "verb", "node");
	pinf_json_close(&json, '}');
	tell(w, f, &line);
	pinf_bytes_free(&line);
}

static void
put_event(const struct pinf_event *event, struct pinf_bytes *line)
{
	static const char *const kinds[] = {
	    [PINF_EV_TIMER] = "timer", [PINF_EV_REPLY] = "reply", [PINF_EV_INFERRED] = "inferred"};
	struct pinf_json_writer json = pinf_json_write_to(line);
	const bool timer = event->kind == PINF_EV_TIMER;

	pinf_json_open(&json, NULL, '{');
	pinf_json_open(&json, "event", '{');
	if (!timer && event->err == PINF_OK)
		pinf_json_put_hex(&json, "body", false, event->body.data, event->body.len);
	else if (!timer)
		pinf_json_put_str(&json, "error", pinf_err_name(event->err));
	pinf_json_put_str(&json, "kind", kinds[event->kind]);
	if (!timer)
		pinf_json_put_uint(&json, "request", event->id);
	if (event->kind == PINF_EV_REPLY && event->err == PINF_OK)
		pinf_json_put_uint(&json, "status", event->status);
	pinf_json_close(&json, '}');
	pinf_json_put_uint(&json, "mono_ms", event->mono_ms);
	pinf_json_put_uint(&json, "now_ms", event->now_ms);
	pinf_json_put_str(&json, "verb", "event");
	pinf_json_close(&json, '}');
	sim_need_ok(pinf_json_written(&json));
}

static void
read_bytes(struct pinf_json_reader *r, const char *name, struct pinf_bytes *out)
{
	struct pinf_span hex = {NULL, 0};

	pinf_json_text(r, name, false, &hex);
	if (hex.len == 0)
		return;
	sim_need_ok(pinf_bytes_reserve(out, hex.len / 2 + 1));
	out->len = hex.len / 2;
	if (hex.len % 2 != 0 || pinf_unhex(out->data, out->len, hex, true) != PINF_OK)
		pinf_json_fail(r, name, PINF_E_SYNTAX);
}

static void
read_send(struct pinf_json_reader *r, struct pinf_effect *fx)
{
	static const char *const methods[] = {"GET", "POST", "PUT"};
	char method[8] = "";
	struct pinf_span path = {NULL, 0};

	pinf_json_label(r, "method", true, method, sizeof method);
	pinf_json_text(r, "path", true, &path);
	pinf_json_label(r, "authorization", true, fx->authorization, sizeof fx->authorization);
	read_bytes(r, "body", &fx->body);
	sim_append(&fx->path, path);
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (strcmp(methods[i], method) == 0)
			fx->method = methods[i];
	if (fx->method == NULL)
		pinf_json_fail(r, "method", PINF_E_RANGE);
}

static void
read_effect(struct pinf_json_reader *r, struct pinf_effects *effects)
{
	char kind[16] = "";
	uint64_t number = 0;
	struct pinf_effect *fx = sim_need(pinf_effects_add(effects, PINF_FX_LOG, 0));

	pinf_json_label(r, "kind", true, kind, sizeof kind);
	if (strcmp(kind, "wake") == 0) {
		fx->kind = PINF_FX_WAKE;
		pinf_json_uint(r, "at_ms", true, PINF_ID_MAX, &fx->at_ms);
		return;
	}
	pinf_json_uint(r, "request", true, PINF_ID_MAX, &fx->id);
	pinf_json_uint(r, "timeout_ms", true, UINT32_MAX, &number);
	fx->timeout_ms = (uint32_t)number;
	if (strcmp(kind, "send") == 0) {
		fx->kind = PINF_FX_SEND;
		read_send(r, fx);
	} else if (strcmp(kind, "infer") == 0) {
		fx->kind = PINF_FX_INFER;
		read_bytes(r, "document", &fx->document);
	} else {
		pinf_json_fail(r, "kind", PINF_E_RANGE);
	}
}

static void
read_effects(struct sim_world *w, const struct foreign *f, struct pinf_json *parsed,
    struct pinf_effects *effects)
{
	struct pinf_json_reader root = pinf_json_root(parsed),
				ok = pinf_json_object(&root, "ok", true);
	const size_t count = pinf_json_array(&ok, "effects", true, EFFECTS_MAX);

	for (size_t i = 0; i < count && ok.err == PINF_OK; i++) {
		struct pinf_json_reader item = pinf_json_item(&ok, "effects", i);

		read_effect(&item, effects);
		pinf_json_leave(&ok, &item, "effects");
	}
	if (pinf_json_end(&ok) == PINF_OK)
		return;
	sim_check(
	    w, SIM_NODE, false, "node m%u: %s: %s", f->miner + 1, ok.field, pinf_err_text(ok.err));
	pinf_effects_cut(effects, 0);
}

/* Blobs that it sealed are looked at as ours are. */
static void
look_at_uploads(struct sim_world *w, const struct pinf_effects *effects)
{
	for (size_t i = 0; i < effects->count; i++) {
		const struct pinf_effect *fx = &effects->list[i];
		struct pinf_blob_header header;
		struct pinf_hash sha256;

		if (fx->kind != PINF_FX_SEND || strcmp(fx->method, "PUT") != 0 ||
		    pinf_blob_header_decode(&header, pinf_span_of(&fx->body)) != PINF_OK)
			continue;
		pinf_sha256(&sha256, pinf_span_of(&fx->body));
		sim_oracle_sealed(w, pinf_span_of(&fx->body), &sha256);
	}
}

/* What the router says of its requests: one that must never be sent again as it is, was wrong whatever happened. */
static void
look_at_reply(struct sim_world *w, const struct foreign *f, const struct pinf_event *event)
{
	if (event->kind == PINF_EV_REPLY && event->err == PINF_OK)
		sim_check(w, SIM_NODE, event->status != 400,
		    "node m%u: the router refused its request %llu with 400: %.*s", f->miner + 1,
		    (unsigned long long)event->id,
		    (int)(event->body.len < 120 ? event->body.len : 120),
		    event->body.len == 0 ? "" : (const char *)event->body.data);
}

void
sim_foreign_step(struct sim_world *w, struct sim_client *c, const struct pinf_event *event,
    struct pinf_effects *effects)
{
	struct foreign *f = node_of(c->index);
	struct pinf_bytes line = {0};
	struct pinf_json *parsed;

	look_at_reply(w, f, event);
	put_event(event, &line);
	parsed = ask(w, f, &line);
	if (parsed != NULL)
		read_effects(w, f, parsed, effects);
	look_at_uploads(w, effects);
	pinf_json_free(parsed);
	pinf_bytes_free(&line);
}
