/* SPDX-License-Identifier: Apache-2.0 */
/* router_fixture.c -- a router on the real store for tests: signed requests in, effects by hand. */
#include <inttypes.h>
#include <unistd.h>

#include "router_fixture.h"

#include "crypto/crypto.h"
#include "store/sqlite_store.h"

const struct pinf_wallet bearer_mark, unsigned_mark;

/* The decorating table: what fails keeps failing until the batch is rolled back. */
static struct {
	const struct pinf_store_ops *real;
	enum fault_at at;
	unsigned nth;
	enum pinf_err err;
	enum pinf_err broken;
} fault;

void
rig_fail(enum fault_at at, unsigned nth, enum pinf_err err)
{
	fault.at = at;
	fault.nth = nth;
	fault.err = err;
}

static enum pinf_err
faulty(enum fault_at at)
{
	if (fault.broken == PINF_OK && fault.at == at && --fault.nth == 0) {
		fault.broken = fault.err;
		fault.at = NOWHERE;
	}
	return fault.broken;
}

static enum pinf_err
faulty_commit(void *store)
{
	const enum pinf_err err = faulty(AT_COMMIT);

	if (err == PINF_OK)
		return fault.real->commit(store);
	fault.real->rollback(store);
	fault.broken = PINF_OK;
	return err;
}

static enum pinf_err
faulty_savepoint(void *store)
{
	const enum pinf_err err = faulty(AT_SAVEPOINT);

	return err == PINF_OK ? fault.real->savepoint(store) : err;
}

static enum pinf_err
faulty_rollback_to(void *store)
{
	return fault.broken == PINF_OK ? fault.real->rollback_to(store) : fault.broken;
}

static void
faulty_rollback(void *store)
{
	fault.broken = PINF_OK;
	fault.real->rollback(store);
}

static enum pinf_err
faulty_update(void *store, const struct pinf_task *task)
{
	const enum pinf_err err = faulty(AT_TASK_UPDATE);

	return err == PINF_OK ? fault.real->task_update(store, task) : err;
}

static enum pinf_err
faulty_audit(void *store, const struct pinf_audit *record)
{
	const enum pinf_err err = faulty(AT_AUDIT);

	return err == PINF_OK ? fault.real->audit_append(store, record) : err;
}

static enum pinf_err
faulty_next_due(void *store, uint64_t *at_ms)
{
	const enum pinf_err err = faulty(AT_NEXT_DUE);

	return err == PINF_OK ? fault.real->next_due(store, at_ms) : err;
}

static struct pinf_store
decorated(const struct rig *r)
{
	static struct pinf_store_ops ops;

	fault.real = r->real.ops;
	ops = *r->real.ops;
	ops.commit = faulty_commit;
	ops.savepoint = faulty_savepoint;
	ops.rollback_to = faulty_rollback_to;
	ops.rollback = faulty_rollback;
	ops.task_update = faulty_update;
	ops.audit_append = faulty_audit;
	ops.next_due = faulty_next_due;
	return (struct pinf_store){r->real.ctx, &ops};
}

static struct pinf_keyring *
new_keyring(struct rig *r)
{
	struct pinf_keyring *keyring;
	uint32_t version;

	assert_ok(pinf_keyring_new(&keyring, &r->domain, unit_random(&r->seed)));
	assert_ok(pinf_keyring_rotate(keyring, &version, r->now_ms, unit_random(&r->seed)));
	assert_ok(pinf_keyring_clone(&r->saved, keyring));
	return keyring;
}

int
rig_new(void **state)
{
	struct rig *r = calloc(1, sizeof *r);

	if (r == NULL)
		return -1;
	*state = r;
	rig_fail(NOWHERE, 0, PINF_OK);
	r->seed = 7;
	r->now_ms = START_MS;
	r->next_request = 1000;
	r->domain = (struct pinf_domain){.chain_id = 5, .contract = {{9}}};
	(void)snprintf(r->dir, sizeof r->dir, "/tmp/pinf-router-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	(void)snprintf(r->path, sizeof r->path, "%s/pinf.db", r->dir);
	assert_ok(pinf_sqlite_open(&r->real, &(struct pinf_sqlite_options){.path = r->path}));
	assert_ok(pinf_wallet_new(&r->admin, unit_random(&r->seed)));
	assert_ok(pinf_wallet_new(&r->owner, unit_random(&r->seed)));
	assert_ok(pinf_wallet_new(&r->miner, unit_random(&r->seed)));
	assert_ok(pinf_wallet_new(&r->other, unit_random(&r->seed)));
	assert_ok(pinf_blob_new(&r->blob));
	r->config = pinf_router_defaults();
	r->config.storage = (struct pinf_storage){"fs", "local", "pinf"};
	r->config.admin = r->admin.address;
	r->config.open_sessions = true;
	assert_ok(pinf_router_open(&r->router, &r->config, new_keyring(r), decorated(r),
	    unit_random(&r->seed), r->now_ms));
	return 0;
}

/* The same store under a router of that configuration: as after a crash, but for the keyring. */
void
rig_restart(struct rig *r, const struct pinf_router_config *config)
{
	struct pinf_keyring *keyring;

	assert_ok(pinf_keyring_clone(&keyring, r->saved));
	pinf_router_free(r->router);
	r->config = *config;
	assert_ok(pinf_router_open(
	    &r->router, config, keyring, decorated(r), unit_random(&r->seed), r->now_ms));
}

int
rig_free(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	struct rig *r = *state;
	struct pinf_audit_report report;
	char name[96];

	assert_ok(pinf_router_checkpoint(r->router));
	assert_ok(pinf_audit_verify(&r->real,
	    &(struct pinf_audit_expect){
		.domain = r->domain, .router = pinf_router_api_config(r->router).router},
	    &report));
	assert_int_equal(report.checkpoint_seq, report.records);
	pinf_router_free(r->router);
	pinf_effects_free(&r->fx);
	pinf_blob_free(r->blob);
	pinf_keyring_free(r->saved);
	for (size_t i = 0; i < KEPT_MAX; i++)
		pinf_bytes_free(&r->kept[i].bytes);
	pinf_sqlite_close(&r->real);
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		(void)snprintf(name, sizeof name, "%s%s", r->path, tails[i]);
		(void)unlink(name);
	}
	(void)rmdir(r->dir);
	free(r);
	return 0;
}

void
rig_step(struct rig *r, struct pinf_event *events, size_t count)
{
	r->from = r->fx.count;
	for (size_t i = 0; i < count; i++) {
		events[i].now_ms = r->now_ms;
		events[i].mono_ms = r->mono_ms;
	}
	r->stepped = pinf_router_step(r->router, events, count, &r->fx);
	for (size_t i = 0; i < count; i++)
		pinf_api_request_free(events[i].request);
}

void
rig_pass(struct rig *r, uint64_t ms)
{
	struct pinf_event timer = {.kind = PINF_EV_TIMER};

	r->now_ms += ms;
	rig_step(r, &timer, 1);
}

unsigned
answer_to(struct rig *r, uint64_t request)
{
	r->request = request;
	r->status = 0;
	r->reply[0] = '\0';
	for (size_t i = r->from; i < r->fx.count; i++) {
		const struct pinf_effect *fx = &r->fx.list[i];

		if (fx->kind != PINF_FX_RESPOND || fx->id != request)
			continue;
		assert_int_equal(r->status, 0); /* never twice */
		assert_true(fx->body.len < sizeof r->reply);
		r->status = fx->status;
		(void)snprintf(r->reply, sizeof r->reply, "%.*s", (int)fx->body.len,
		    fx->body.data == NULL ? "" : (const char *)fx->body.data);
	}
	return r->status;
}

/* What api says of the request is the answer where it does not decode: then request is NULL. */
static struct pinf_event
event_of(struct rig *r, const struct pinf_wallet *by, struct pinf_send *send, uint64_t size)
{
	const struct pinf_api_config api = pinf_router_api_config(r->router);
	const bool marked = by == &bearer_mark || by == &unsigned_mark;
	const struct pinf_sender sender = {.wallet = by == NULL || marked ? &r->owner : by,
	    .router = api.router,
	    .domain = api.domain,
	    .random = unit_random(&r->seed),
	    .timeout_ms = 1};
	struct pinf_effects out = {0};
	struct pinf_event event = {.kind = PINF_EV_REQUEST, .id = ++r->next_request};
	struct pinf_api_error error = {0};
	struct pinf_http_request http = {.method = SPAN(send->method), .target = SPAN(send->path)};

	send->now_ms = r->now_ms;
	assert_ok(pinf_send_signed(&out, &sender, send));
	r->digest = send->digest;
	http.listener = strncmp(send->path, "/api/v", 6) == 0 && send->path[6] != '1'
			    ? PINF_LISTEN_PUBLIC
			    : PINF_LISTEN_MINER;
	if (strncmp(send->path, "/api/v1/completions", 19) == 0)
		http.listener = PINF_LISTEN_PUBLIC;
	http.body = pinf_span_of(&send->effect->body);
	http.content_type = http.body.len > 0 ? SPAN("application/json") : SPAN("");
	http.content_length = size != 0 ? size : http.body.len;
	http.authorization = by == &bearer_mark     ? SPAN(r->bearer)
			     : by == &unsigned_mark ? SPAN("")
						    : SPAN(send->effect->authorization);
	r->status = 0;
	if (pinf_api_decode(&event.request, &api, &http, &error) != PINF_OK) {
		struct pinf_bytes body = {0};

		assert_ok(pinf_api_error_body(&body, &error));
		(void)snprintf(r->reply, sizeof r->reply, "%s", (const char *)body.data);
		r->status = pinf_api_status(error.err);
		pinf_bytes_free(&body);
	}
	pinf_effects_free(&out);
	return event;
}

struct pinf_event
rig_event(struct rig *r, const struct pinf_wallet *by, const char *method, const char *path,
    const char *body)
{
	struct pinf_bytes bytes = {0};
	struct pinf_send send = {.kind = PINF_FX_SEND, .method = method, .path = path};
	struct pinf_event event;

	if (body != NULL) {
		assert_ok(pinf_bytes_append(&bytes, body, strlen(body)));
		send.body = &bytes;
	}
	event = event_of(r, by, &send, 0);
	pinf_bytes_free(&bytes);
	return event;
}

unsigned
rig_ask(struct rig *r, struct pinf_event event)
{
	if (event.request == NULL)
		return r->status;
	rig_step(r, &event, 1);
	return answer_to(r, event.id);
}

unsigned
post(struct rig *r, const struct pinf_wallet *by, const char *path, const char *format, ...)
{
	static char body[16384];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(body, sizeof body, format, args);
	va_end(args);
	return rig_ask(r, rig_event(r, by, "POST", path, body));
}

unsigned
get(struct rig *r, const struct pinf_wallet *by, const char *path)
{
	return rig_ask(r, rig_event(r, by, "GET", path, NULL));
}

static unsigned
ask_blob(struct rig *r, const struct pinf_wallet *by, const struct lease *at, const char *method,
    const struct pinf_hash *sha256, uint64_t size)
{
	char path[128] = "/api/v3/blobs/";
	struct pinf_send send = {.kind = PINF_FX_SEND, .method = method, .path = path};

	pinf_hex(path + strlen(path), sha256->bytes, PINF_HASH_LEN);
	if (at != NULL) {
		send.session = at->session;
		send.task = at->task;
	}
	if (size != 0) {
		send.seal_id = 1;
		send.sealed_sha256 = *sha256;
	}
	return rig_ask(r, event_of(r, by, &send, size));
}

struct pinf_bytes *
rig_kept(struct rig *r, const struct pinf_hash *sha256)
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (r->kept[i].bytes.len > 0 && pinf_hash_equal(&r->kept[i].sha256, sha256))
			return &r->kept[i].bytes;
	return NULL;
}

unsigned
blob_put(struct rig *r, const struct pinf_wallet *by, const struct lease *at,
    const struct pinf_hash *sha256)
{
	const struct pinf_bytes *bytes = rig_kept(r, sha256);

	return ask_blob(r, by, at, "PUT", sha256, bytes == NULL ? 300 : bytes->len);
}

unsigned
blob_get(struct rig *r, const struct pinf_wallet *by, const struct lease *at,
    const struct pinf_hash *sha256)
{
	return ask_blob(r, by, at, "GET", sha256, 0);
}

struct pinf_effect *
rig_effect(struct rig *r, enum pinf_effect_kind kind)
{
	for (size_t i = r->fx.count; i-- > 0;)
		if (r->fx.list[i].kind == kind)
			return &r->fx.list[i];
	fail_msg("no effect of kind %d", kind);
	return NULL;
}

size_t
rig_count(const struct rig *r, enum pinf_effect_kind kind)
{
	size_t count = 0;

	for (size_t i = r->from; i < r->fx.count; i++)
		count += r->fx.list[i].kind == kind;
	return count;
}

static const enum pinf_event_kind answers[] = {[PINF_FX_UPLOAD] = PINF_EV_STORED,
    [PINF_FX_STORE] = PINF_EV_STORED,
    [PINF_FX_CHECK] = PINF_EV_CHECKED,
    [PINF_FX_DELIVER] = PINF_EV_DELIVERED,
    [PINF_FX_DELETE] = PINF_EV_DELETED,
    [PINF_FX_SAVE_KEYRING] = PINF_EV_SAVED,
    [PINF_FX_SEAL] = PINF_EV_SEALED};

void
rig_answer(struct rig *r, enum pinf_effect_kind kind, enum pinf_err err)
{
	const struct pinf_effect *fx = rig_effect(r, kind);
	const uint64_t request = r->request;
	struct pinf_event event = {.kind = answers[kind], .id = fx->id, .err = err};

	rig_step(r, &event, 1);
	answer_to(r, request);
}

struct pinf_hash
rig_keep(struct rig *r, const struct pinf_blob_params *params, const struct pinf_key *key,
    struct pinf_span plain)
{
	struct pinf_bytes bytes = {0};
	struct pinf_hash sha256;
	size_t at;

	if (params->suite == PINF_SUITE_NONE) {
		assert_ok(pinf_bytes_append(&bytes, plain.data, plain.len));
		pinf_sha256(&sha256, plain);
	} else {
		assert_ok(pinf_blob_seal(
		    r->blob, params, key, unit_random(&r->seed), plain, &bytes, &sha256));
	}
	/* The oldest makes room. */
	at = r->kept_count++ % KEPT_MAX;
	pinf_bytes_free(&r->kept[at].bytes);
	r->kept[at].sha256 = sha256;
	r->kept[at].bytes = bytes;
	return sha256;
}

static void
do_seal(struct rig *r, const struct pinf_effect *fx)
{
	struct pinf_event event = {.kind = PINF_EV_SEALED, .id = fx->id};
	const uint64_t request = r->request;

	event.sha256 = rig_keep(r, &fx->params, &fx->key, pinf_span_of(&fx->document));
	event.size = rig_kept(r, &event.sha256)->len;
	rig_step(r, &event, 1);
	answer_to(r, request);
}

static enum pinf_err
check(struct rig *r, const struct pinf_effect *fx)
{
	const struct pinf_bytes *bytes = rig_kept(r, &fx->sha256);

	if (bytes == NULL)
		return PINF_E_NO_BLOB;
	if (bytes->len != fx->payload.size)
		return PINF_E_SIZE_MISMATCH;
	return fx->payload.suite == PINF_SUITE_NONE
		   ? PINF_OK
		   : pinf_blob_check(
			 r->blob, &fx->payload.scope, &fx->key, pinf_span_of(bytes), bytes->len);
}

/* What the host's thread renders: the document's text must be in the answer. */
static enum pinf_err
deliver(struct rig *r, const struct pinf_effect *fx)
{
	const struct pinf_payload *p = &fx->payload;
	struct pinf_bytes plain = {0}, body = {0};
	struct pinf_result result = {0};
	enum pinf_err err = PINF_OK;

	if (p->suite != PINF_SUITE_NONE)
		err = pinf_blob_open(
		    r->blob, &p->scope, &fx->key, pinf_span_of(rig_kept(r, &p->sha256)), &plain);
	else if (p->urn[0] == '\0')
		err = pinf_bytes_append(&plain, p->inline_data, p->inline_len);
	else
		err = pinf_bytes_append(&plain, rig_kept(r, &p->sha256)->data, p->size);
	assert_ok(err);
	assert_ok(pinf_result_decode(&result, pinf_span_of(&plain)));
	assert_ok(pinf_api_completion_body(&body, &fx->meta, &result));
	(void)snprintf(r->reply, sizeof r->reply, "%s", (const char *)body.data);
	pinf_result_free(&result);
	pinf_bytes_free(&plain);
	pinf_bytes_free(&body);
	return PINF_OK;
}

void
rig_do(struct rig *r, enum pinf_effect_kind kind)
{
	const struct pinf_effect *fx = rig_effect(r, kind);
	char rendered[sizeof r->reply];

	if (kind == PINF_FX_SEAL) {
		do_seal(r, fx);
	} else if (kind == PINF_FX_CHECK) {
		rig_answer(r, kind, check(r, fx));
	} else if (kind == PINF_FX_DELIVER) {
		assert_ok(deliver(r, fx));
		memcpy(rendered, r->reply, sizeof rendered);
		rig_answer(r, kind, PINF_OK);
		memcpy(r->reply, rendered, sizeof rendered);
	} else {
		if (kind == PINF_FX_SAVE_KEYRING) {
			pinf_keyring_free(r->saved);
			assert_ok(pinf_keyring_clone(&r->saved, fx->keyring));
		}
		rig_answer(r, kind, PINF_OK);
	}
}

bool
said(const struct rig *r, const char *text)
{
	return strstr(r->reply, text) != NULL;
}

uint64_t
number(const struct rig *r, const char *name)
{
	char key[64];
	const char *at;

	(void)snprintf(key, sizeof key, "\"%s\":", name);
	at = strstr(r->reply, key);
	if (at == NULL)
		fail_msg("no %s in %s", name, r->reply);
	return strtoull(at + strlen(key), NULL, 10);
}
