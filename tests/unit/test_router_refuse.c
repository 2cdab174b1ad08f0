/* SPDX-License-Identifier: Apache-2.0 */
/* test_router_refuse.c -- what the router refuses, by its name: policy, signatures, limits, bad results. */
#include <inttypes.h>

#include "router_fixture.h"

static void
allow(struct rig *r, uint64_t session, const struct pinf_address *miner, const char *verb)
{
	char path[64], text[PINF_ADDRESS_TEXT];

	pinf_address_format(text, miner);
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/%s", session, verb);
	assert_int_equal(post(r, NULL, path, "{\"miner\":\"%s\"}", text), 200);
}

static unsigned
prompt(struct rig *r, const struct pinf_wallet *by, const char *version, uint64_t session,
    const char *more)
{
	char path[40];

	(void)snprintf(path, sizeof path, "/api/%s/completions", version);
	return post(r, by, path, "{\"prompt\":\"p\",\"session_id\":%" PRIu64 "%s}", session, more);
}

/* Sessions 1: public, 2: private, router-sealed allowed, 3: private, forbidden, 4: closed. */
static void
submissions(void **state)
{
	static const struct {
		const char *version;
		uint64_t session;
		int by; /* 0: owner, 1: its API key, 2: somebody else's wallet */
		const char *more, *rule;
	} cases[] = {
	    {"v1", 2, 0, "", "plaintext-in-private-session"},
	    {"v1", 2, 1, "", "plaintext-in-private-session"},
	    {"v3", 2, 0, "", "plaintext-in-private-session"},
	    {"v2", 2, 0, ",\"stream\":true", "stream-sealed"},
	    {"v2", 2, 2, "", "not-owner"},
	    {"v1", 1, 2, "", "not-owner"},
	    {"v2", 3, 1, "", "router-sealed-forbidden"},
	    {"v2", 4, 0, "", "session-closed"},
	};
	struct rig *r = *state;
	struct pinf_payload payload = {
	    .suite = PINF_SUITE_AES256GCM, .size = 300, .key_version = 1};
	struct lease task;

	assert_int_equal(session_new(r, false, false), 1);
	assert_int_equal(session_new(r, true, true), 2);
	assert_int_equal(session_new(r, true, false), 3);
	assert_int_equal(session_new(r, true, true), 4);
	assert_int_equal(post(r, NULL, "/api/v1/sessions/4/close", "{}"), 200);
	assert_int_equal(post(r, NULL, "/api/v1/sessions/4/close", "{}"), 200);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_refused(r,
		    prompt(r,
			cases[i].by == 0   ? NULL
			: cases[i].by == 1 ? &bearer_mark
					   : &r->other,
			cases[i].version, cases[i].session, cases[i].more),
		    403, cases[i].rule);
	assert_refused(r, claim(r, &r->miner, 4, &task), 403, "session-closed");
	assert_refused(r, prompt(r, NULL, "v2", 9, ""), 404, "no-such-session");
	/* Sealed, for a session that is public. */
	reserve(r, 1, "", &task);
	payload.scope = (struct pinf_scope){.kind = PINF_SCOPE_TASK,
	    .purpose = PINF_PURPOSE_INPUT,
	    .session = 1,
	    .task = task.task};
	assert_ok(pinf_urn_of_blob(payload.urn, &r->config.storage, &payload.sha256));
	assert_refused(r, submit(r, &task, &payload), 403, "sealed-in-public-session");
	/* An unknown task, a blob that never came, a version that is not the task's. */
	reserve(r, 2, "", &task);
	payload.scope.session = task.session;
	payload.scope.task = task.task;
	memcpy(payload.scope.instance, task.instance, sizeof task.instance);
	assert_refused(r, submit(r, &task, &payload), 404, "no-such-blob");
	seal_input(r, &task, &payload);
	payload.key_version = 9;
	assert_refused(r, submit(r, &task, &payload), 404, "key-version-unknown");
	payload.key_version = 1;
	payload.scope.instance[0] ^= 1;
	assert_refused(r, submit(r, &task, &payload), 422, "scope-mismatch");
	payload.scope.instance[0] ^= 1;
	payload.sha256.bytes[0] ^= 1;
	assert_refused(r, submit(r, &task, &payload), 422, "hash-mismatch");
	payload.sha256.bytes[0] ^= 1;
	payload.size++;
	assert_int_equal(submit(r, &task, &payload), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_refused(r, r->status, 422, "size-mismatch");
	payload.urn[strlen(payload.urn) - 66] = 'x';
	assert_refused(r, submit(r, &task, &payload), 422, "urn-storage");
	task.task = 77;
	assert_refused(r, submit(r, &task, &payload), 404, "no-such-task");
}

/* An API key where a wallet must sign: told so before a word about ids. */
static void
wallets_only(void **state)
{
	static const struct {
		const char *path, *body;
	} cases[] = {
	    {"/api/v3/reservations/99", "{}"},
	    {"/api/v1/auth/payload_enc_key/task", "{\"hpke_public\":\"%s\",\"purpose\":\"input\","
						  "\"session_id\":99,\"task_id\":1}"},
	    {"/api/v1/miner/claim", "{\"session_id\":99}"},
	    {"/api/v1/miner/ack", "{\"attempt\":1,\"session_id\":99,\"task_id\":1}"},
	    {"/api/v1/miner/release", "{\"attempt\":1,\"session_id\":99,\"task_id\":1}"},
	    {"/api/v1/sessions", "{\"private\":false,\"type\":\"dedicated\"}"},
	    {"/api/v1/sessions/99/close", "{}"},
	    {"/api/v1/keys/rotate", "{}"},
	    {"/api/v1/keys/destroy", "{\"key_version\":1}"},
	};
	struct rig *r = *state;
	const struct pinf_hash none = {{0}};
	char zeros[65], body[256];

	(void)session_new(r, true, false);
	pinf_hex(zeros, none.bytes, sizeof none.bytes);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *at = strstr(cases[i].body, "%s");

		(void)snprintf(body, sizeof body, "%.*s%s%s",
		    at == NULL ? 0 : (int)(at - cases[i].body), cases[i].body,
		    at == NULL ? "" : zeros, at == NULL ? cases[i].body : at + 2);
		assert_refused(
		    r, post(r, &bearer_mark, cases[i].path, "%s", body), 403, "wallet-required");
		assert_refused(
		    r, post(r, &unsigned_mark, cases[i].path, "%s", body), 401, "auth-missing");
	}
	assert_refused(r, get(r, &bearer_mark, "/api/v1/keys"), 403, "wallet-required");
	assert_refused(r, get(r, NULL, "/api/v1/keys"), 403, "not-owner");
	assert_int_equal(get(r, &r->admin, "/api/v1/keys"), 200);
	assert_true(said(r, "\"state\":\"active\""));
	assert_refused(r, blob_put(r, &bearer_mark, NULL, &none), 403, "wallet-required");
	assert_refused(r, blob_get(r, &bearer_mark, NULL, &none), 403, "wallet-required");
	assert_refused(r, blob_get(r, &unsigned_mark, NULL, &none), 401, "auth-missing");
	(void)snprintf(r->bearer, sizeof r->bearer, "Bearer nobody");
	assert_refused(r, prompt(r, &bearer_mark, "v1", 1, ""), 401, "auth-api-key");
}

static void
signatures(void **state)
{
	struct rig *r = *state;
	struct pinf_event event, again;

	(void)session_new(r, false, false);
	r->now_ms += 2 * PINF_AUTH_EXPIRY_MAX_MS;
	event = rig_event(r, NULL, "POST", "/api/v3/reservations/1", "{}");
	r->now_ms -= 2 * PINF_AUTH_EXPIRY_MAX_MS;
	assert_refused(r, rig_ask(r, event), 401, "auth-too-far");
	event = rig_event(r, NULL, "POST", "/api/v3/reservations/1", "{}");
	r->now_ms += PINF_AUTH_LIFETIME_MS;
	assert_refused(r, rig_ask(r, event), 401, "auth-expired");
	/* A nonce is good once, after a restart too. */
	for (int i = 0; i < 2; i++) {
		event = rig_event(r, NULL, "POST",
		    i == 0 ? "/api/v3/reservations/1" : "/api/v1/miner/claim", "{}");
		again = event;
		again.id = event.id + 1000;
		again.request = malloc(sizeof *again.request);
		assert_non_null(again.request);
		*again.request = *event.request;
		assert_int_equal(rig_ask(r, event), i == 0 ? 201 : 204);
		rig_restart(r, &r->config);
		assert_refused(r, rig_ask(r, again), 401, "auth-replay");
	}
	assert_int_equal(get(r, &unsigned_mark, "/metrics"), 200);
	assert_true(said(r, "pinf_unauthenticated_total 1\n"));
}

static void
limits(void **state)
{
	struct rig *r = *state;
	struct pinf_router_config config = r->config;
	struct lease l;

	config.waiters_max = 1;
	config.tasks_open_max = 2;
	config.blob_max = 299;
	rig_restart(r, &config);
	(void)session_new(r, true, true);
	reserve(r, 1, "", &l);
	assert_refused(r, blob_put(r, NULL, &l, &l.input), 413, "too-large");
	assert_int_equal(prompt(r, NULL, "v2", 1, ""), 0);
	assert_refused(r, prompt(r, NULL, "v2", 1, ""), 503, "busy");
	assert_refused(r, post(r, NULL, "/api/v3/reservations/1", "{}"), 503, "busy");
	assert_int_equal(post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":9}"), 0);
	assert_refused(
	    r, post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":9}"), 503, "busy");
	config.rate_per_minute = 2;
	config.blob_max = 300;
	rig_restart(r, &config);
	/* Half of the uploads count as done or failed: the attempt may have four. */
	for (int i = 0; i < 2; i++) {
		l.input.bytes[0]++;
		assert_int_equal(blob_put(r, NULL, &l, &l.input), 0);
		rig_answer(r, PINF_FX_UPLOAD, PINF_E_HASH_MISMATCH);
		assert_refused(r, r->status, 422, "hash-mismatch");
	}
	assert_refused(r, blob_put(r, NULL, &l, &l.input), 503, "busy");
	rig_pass(r, 60000);
	for (int i = 0; i < 2; i++) {
		l.input.bytes[0]++;
		assert_int_equal(blob_put(r, NULL, &l, &l.input), 0);
	}
	rig_pass(r, 59999 - r->now_ms % 60000 + 1);
	l.input.bytes[0]++;
	assert_refused(r, blob_put(r, NULL, &l, &l.input), 503, "busy");
	config.waiters_max = 1025;
	{
		struct pinf_router *none;
		struct pinf_keyring *empty;

		assert_err(pinf_router_open(
			       &none, &config, r->saved, r->real, unit_random(&r->seed), r->now_ms),
		    PINF_E_CONFIG);
		assert_ok(pinf_keyring_new(&empty, &r->domain, unit_random(&r->seed)));
		assert_err(pinf_router_open(
			       &none, &r->config, empty, r->real, unit_random(&r->seed), r->now_ms),
		    PINF_E_CONFIG);
		pinf_keyring_free(empty);
	}
}

/* Unlisted, removed, without the lease: no task, no key, no upload, no result. */
static void
outsiders(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task, l, theirs;
	struct pinf_key key;

	submitted(r, session, &task);
	assert_refused(r, claim(r, &r->other, session, &l), 403, "miner-not-allowed");
	assert_int_equal(claim(r, &r->other, 0, &l), 204);
	assert_int_equal(claim(r, &r->miner, session, &l), 200);
	theirs = l;
	theirs.by = &r->other;
	for (int listed = 0; listed < 2; listed++) {
		const char *rule = listed ? "lease-not-held" : "miner-not-allowed";

		if (listed)
			allow(r, session, &r->other.address, "allow");
		assert_refused(r, attempt(r, &theirs, "ack"), 403, rule);
		assert_refused(r, attempt(r, &theirs, "release"), 403, rule);
		assert_err(key_of(r, &r->other, &theirs, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
		assert_refused(r, r->status, 403, rule);
		assert_err(key_of(r, &r->other, &theirs, PINF_PURPOSE_RESULT, &key), PINF_E_DENIED);
		assert_refused(r, r->status, 403, rule);
		assert_refused(r, blob_put(r, &r->other, &l, &l.input), 403, rule);
		assert_refused(r, blob_get(r, &r->other, &l, &l.input), 403, rule);
	}
	assert_err(key_of(r, &r->admin, &task, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_refused(r, r->status, 403, "not-owner");
	assert_err(key_of(r, NULL, &l, PINF_PURPOSE_RESULT, &key), PINF_E_DENIED);
	assert_refused(r, r->status, 409, "wrong-state"); /* the owner, before there is a result */
	/* Removed in mid-task. */
	assert_int_equal(attempt(r, &l, "ack"), 200);
	make_result(r, &l, "hi");
	assert_int_equal(precommit(r, &l), 200);
	assert_int_equal(commit(r, &l), 0);
	{
		const uint64_t waiting = r->request;

		allow(r, session, &r->miner.address, "deny");
		r->request = waiting;
		rig_do(r, PINF_FX_CHECK);
		assert_refused(r, r->status, 403, "miner-not-allowed");
	}
	assert_refused(r, commit(r, &l), 403, "miner-not-allowed");
	assert_err(key_of(r, &r->miner, &l, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_refused(r, blob_get(r, &r->miner, &l, &l.input), 403, "miner-not-allowed");
	assert_string_equal(state_of(r, &task), "precommitted");
	/* The other one takes over under a key of its own; the first result stays refused. */
	rig_pass(r, r->config.commit_ms);
	precommitted(r, &r->other, session, &theirs);
	assert_int_equal(theirs.attempt, 2);
	assert_int_equal(commit(r, &theirs), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_int_equal(r->status, 200);
	allow(r, session, &r->miner.address, "allow");
	assert_refused(r, commit(r, &l), 403, "lease-not-held");
}

static void
bad_results(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task, l, bad;

	submitted(r, session, &task);
	assert_int_equal(claim(r, &r->miner, session, &l), 200);
	assert_refused(r, precommit(r, &l), 409, "wrong-state"); /* not acknowledged */
	assert_int_equal(attempt(r, &l, "ack"), 200);
	make_result(r, &l, "hi");
	assert_refused(r, commit(r, &l), 409, "wrong-state");
	bad = l;
	bad.epoch++;
	assert_refused(r, precommit(r, &bad), 401, "auth-signature");
	bad = l;
	bad.version++;
	assert_refused(r, precommit(r, &bad), 401, "auth-signature");
	assert_int_equal(precommit(r, &l), 200);
	assert_refused(r, attempt(r, &l, "ack"), 409, "wrong-state");
	bad = l;
	bad.result.sha256.bytes[0] ^= 1;
	assert_refused(r, precommit(r, &bad), 409, "wrong-state"); /* another hash than before */
	assert_refused(r, commit(r, &bad), 422, "hash-mismatch");
	for (int i = 0; i < 5; i++) {
		static const struct {
			unsigned status;
			const char *code;
		} want[] = {{422, "scope-mismatch"}, {404, "key-version-unknown"},
		    {400, "encryption-invalid"}, {422, "urn-storage"}, {422, "hash-mismatch"}};

		bad = l;
		switch (i) {
		case 0: bad.result.scope.attempt++; break;
		case 1: bad.result.key_version++; break;
		case 2: bad.result.suite = PINF_SUITE_NONE; break;
		case 3: bad.result.urn[14] ^= 1; break;
		default:
			bad.result.urn[strlen(bad.result.urn) - 1] =
			    bad.result.urn[strlen(bad.result.urn) - 1] == '0' ? '1' : '0';
			break;
		}
		assert_refused(r, commit(r, &bad), want[i].status, want[i].code);
	}
}

/* What storage has is not what was promised; then it is, and is committed twice at once. */
static void
bad_blobs(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task, l, bad;
	struct pinf_key key;

	submitted(r, session, &task);
	precommitted(r, &r->miner, session, &l);
	bad = l;
	bad.result.size++;
	assert_int_equal(commit(r, &bad), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_refused(r, r->status, 422, "size-mismatch");
	assert_int_equal(commit(r, &l), 0);
	rig_answer(r, PINF_FX_CHECK, PINF_E_BLOB_COMMITMENT);
	assert_refused(r, r->status, 422, "blob-commitment");
	assert_int_equal(commit(r, &l), 0);
	assert_int_equal(commit(r, &l), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_int_equal(r->status, 200);
	{
		const uint64_t id = rig_effect(r, PINF_FX_CHECK)->id - 1;

		rig_step(r, &(struct pinf_event){.kind = PINF_EV_CHECKED, .id = id}, 1);
		assert_int_equal(rig_count(r, PINF_FX_RESPOND), 1);
	}
	assert_refused(r, attempt(r, &l, "release"), 409, "wrong-state");
	assert_refused(r, blob_put(r, l.by, &l, &l.input), 409, "wrong-state");
	task.attempt = 9;
	task.by = l.by;
	assert_err(key_of(r, NULL, &task, PINF_PURPOSE_RESULT, &key), PINF_E_DENIED);
	assert_refused(r, r->status, 409, "wrong-state");
}

/* A session's key: its owner's, and the miner's whose leased input was sealed under it. */
static void
session_keys(void **state)
{
	static const char path[] = "/api/v1/auth/payload_enc_key/session";
	struct rig *r = *state;
	struct lease l;
	char body[200] = "{\"hpke_public\":\"", more[64];

	assert_int_equal(session_new(r, true, false), 1);
	pinf_hex(body + strlen(body), r->owner.secret.bytes, 32); /* any public key */
	(void)strcat(body, "\",\"purpose\":\"input\",\"session_id\":1%s}");
	submitted(r, 1, &l);
	(void)snprintf(more, sizeof more, ",\"task_id\":%" PRIu64, l.task);
	assert_int_equal(claim(r, &r->miner, 1, &l), 200);
	assert_int_equal(post(r, NULL, path, body, ""), 200);
	assert_refused(r, post(r, &r->miner, path, body, ""), 403, "lease-not-held");
	assert_refused(r, post(r, &r->miner, path, body, more), 400, "scope-invalid");
	assert_int_equal(
	    post(r, NULL, "/api/v1/sessions", "{\"private\":true,\"type\":\"ephemeral\"}"), 201);
	body[strlen(body) - 4] = '2';
	assert_refused(r, post(r, NULL, path, body, ""), 403, "session-key-forbidden");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_new, rig_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(submissions),
	    TEST(wallets_only),
	    TEST(signatures),
	    TEST(limits),
	    TEST(outsiders),
	    TEST(bad_results),
	    TEST(bad_blobs),
	    TEST(session_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
