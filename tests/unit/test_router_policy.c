/* SPDX-License-Identifier: Apache-2.0 */
/* test_router_policy.c -- what a session's policy document does to its requests, and who may change it. */
#include <inttypes.h>

#include "router_fixture.h"

#include "core/allowlist.h"

#define DAY_MS 86400000

static unsigned
set_policy(struct rig *r, const struct pinf_wallet *by, uint64_t session, const char *document)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/policy", session);
	return post(r, by, path, "%s", document);
}

static void
with_policy(struct rig *r, uint64_t session, const char *document)
{
	assert_int_equal(set_policy(r, NULL, session, document), 200);
}

static unsigned
create(struct rig *r, const char *more)
{
	return post(
	    r, NULL, "/api/v1/sessions", "{\"private\":true,\"type\":\"dedicated\"%s}", more);
}

static void
the_owner_gives_and_reads_it(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64, session);
	with_policy(r, session, "{\"key_scope\":\"task\",\"router_sealed\":true}");
	assert_true(said(r, "\"policy\":{\"acl_source\":\"any\",\"attestation\":false,"
			    "\"key_scope\":\"task\",\"read_results\":\"owner\","
			    "\"router_sealed\":true}"));
	assert_true(said(r, "\"router_sealed\":true,\"session_id\""));
	assert_int_equal(set_policy(r, &r->admin, session, "{\"grant_lifetime_ms\":1000}"), 200);
	rig_restart(r, &r->config);
	assert_int_equal(get(r, NULL, path), 200);
	assert_true(said(r, "\"grant_lifetime_ms\":1000,\"key_scope\":\"session\""));
	assert_int_equal(get(r, &r->other, path), 200);
	assert_false(said(r, "policy"));
	assert_refused(r, set_policy(r, &r->other, session, "{}"), 403, "not-owner");
	assert_refused(r, set_policy(r, &r->miner, session, "{}"), 403, "not-owner");
	assert_refused(r, set_policy(r, &bearer_mark, session, "{}"), 403, "wallet-required");
	assert_refused(r, set_policy(r, NULL, 99, "{}"), 404, "no-such-session");
	assert_refused(
	    r, set_policy(r, NULL, session, "{\"key_scope\":7}"), 400, "\"field\":\"key_scope\"");
}

static void
it_comes_with_the_session(void **state)
{
	struct rig *r = *state;

	assert_int_equal(create(r, ",\"policy\":{\"acl_source\":\"router\"}"), 201);
	assert_true(said(r, "\"acl_source\":\"router\""));
	assert_int_equal(create(r, ",\"policy\":{\"router_sealed\":true}"), 201);
	assert_true(said(r, "\"router_sealed\":true,\"session_id\""));
	assert_int_equal(create(r, ",\"policy\":{},\"router_sealed\":true"), 201);
	assert_true(said(r, "\"router_sealed\":true},\"private\""));
	assert_int_equal(
	    create(r, ",\"policy\":{\"router_sealed\":true},\"router_sealed\":true"), 201);
	assert_refused(r, create(r, ",\"policy\":{\"router_sealed\":true},\"router_sealed\":false"),
	    400, "\"duplicate-field\",\"field\":\"policy.router_sealed\"");
	assert_refused(r, create(r, ",\"policy\":{\"router_sealed\":false},\"router_sealed\":true"),
	    400, "policy.router_sealed");
	assert_refused(r, create(r, ",\"policy\":{\"rotation_period_ms\":1}"), 400,
	    "\"out-of-range\",\"field\":\"policy.rotation_period_ms\"");
	assert_refused(r, create(r, ",\"policy\":{\"or\":[]}"), 400, "\"field\":\"policy.or\"");
	assert_refused(
	    r, create(r, ",\"policy\":true"), 400, "\"wrong-type\",\"field\":\"policy\"");
	assert_refused(r,
	    post(r, NULL, "/api/v1/sessions",
		"{\"policy\":{\"attestation\":true},\"private\":false,\"type\":\"dedicated\"}"),
	    409, "\"wrong-state\",\"field\":\"policy.attestation\"");
}

static void
a_demanded_source_must_govern(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false), next = session_new(r, true, false);
	struct lease task, lease, other;

	submitted(r, session, &task);
	submitted(r, next, &other);
	with_policy(r, session, "{\"acl_source\":\"contract\"}");
	assert_refused(r, claim(r, &r->miner, session, &lease), 403, "acl-source");
	/* A claim of any session passes it over. */
	assert_int_equal(claim(r, &r->miner, 0, &lease), 200);
	assert_int_equal(lease.session, next);
	with_policy(r, session, "{\"acl_source\":\"router\"}");
	assert_int_equal(claim(r, &r->miner, 0, &lease), 200);
	assert_int_equal(lease.session, session);
	/* Each further step is decided again. */
	with_policy(r, session, "{\"acl_source\":\"env\"}");
	assert_refused(r, attempt(r, &lease, "ack"), 403, "acl-source");
}

static void
nobody_is_attested_yet(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false), open = session_new(r, false, false);
	struct lease task, lease;
	struct pinf_key key PINF_WIPED = {{0}};

	submitted(r, session, &task);
	assert_int_equal(claim(r, &r->miner, session, &lease), 200);
	with_policy(r, session, "{\"attestation\":true}");
	assert_err(key_of(r, &r->miner, &lease, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_true(said(r, "attestation-required"));
	assert_refused(r, attempt(r, &lease, "ack"), 403, "attestation-required");
	submitted(r, session, &task);
	assert_refused(r, claim(r, &r->miner, session, &lease), 403, "attestation-required");
	assert_int_equal(claim(r, &r->miner, 0, &lease), 204);
	assert_refused(r, set_policy(r, NULL, open, "{\"attestation\":true}"), 409,
	    "\"wrong-state\",\"field\":\"attestation\"");
}

static unsigned
session_key(struct rig *r, const struct pinf_wallet *by, uint64_t session)
{
	return post(r, by, "/api/v1/auth/payload_enc_key/session",
	    "{\"hpke_public\":\"0900000000000000000000000000000000000000000000000000000000000000\","
	    "\"purpose\":\"input\",\"session_id\":%" PRIu64 "}",
	    session);
}

static void
a_session_may_do_without_a_key_of_its_own(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task;
	struct pinf_payload payload;

	assert_int_equal(session_key(r, NULL, session), 200);
	with_policy(r, session, "{\"key_scope\":\"task\"}");
	assert_refused(r, session_key(r, NULL, session), 403, "session-key-forbidden");
	reserve(r, session, "", &task);
	seal_input(r, &task, &payload);
	payload.scope.kind = PINF_SCOPE_SESSION;
	payload.scope.task = 0;
	assert_refused(r, submit(r, &task, &payload), 403, "session-key-forbidden");
}

static void
results_may_be_the_wallets_alone(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, true);
	char path[64], tasks[64];

	(void)snprintf(path, sizeof path, "/api/v2/completions/%" PRIu64, session);
	(void)snprintf(tasks, sizeof tasks, "/api/v1/tasks/%" PRIu64, session);
	assert_int_equal(get(r, &bearer_mark, tasks), 200);
	with_policy(r, session, "{\"read_results\":\"wallet\",\"router_sealed\":true}");
	assert_refused(r, get(r, &bearer_mark, tasks), 403, "results-for-wallet-only");
	assert_refused(
	    r, post(r, &bearer_mark, path, "{\"prompt\":\"x\"}"), 403, "results-for-wallet-only");
	assert_int_equal(get(r, NULL, tasks), 200);
	assert_int_equal(post(r, NULL, path, "{\"prompt\":\"x\"}"), 0);
	rig_do(r, PINF_FX_SEAL);
	rig_do(r, PINF_FX_STORE);
}

static void
a_grant_lives_as_long_as_the_shorter_says(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);

	assert_int_equal(session_key(r, NULL, session), 200);
	assert_int_equal(number(r, "expires_ms"), r->now_ms + r->config.grant_ms);
	with_policy(r, session, "{\"grant_lifetime_ms\":1500}");
	assert_int_equal(session_key(r, NULL, session), 200);
	assert_int_equal(number(r, "expires_ms"), r->now_ms + 1500);
	with_policy(r, session, "{\"grant_lifetime_ms\":86400000}");
	assert_int_equal(session_key(r, NULL, session), 200);
	assert_int_equal(number(r, "expires_ms"), r->now_ms + r->config.grant_ms);
}

static uint64_t
active_version(struct rig *r)
{
	assert_int_equal(get(r, NULL, "/api/v1/info"), 200);
	return number(r, "key_version");
}

/* The operator lets sessions demand a minute. */
static struct rig *
rotating(void **state)
{
	struct rig *r = *state;
	struct pinf_router_config config = r->config;

	config.rotation_min_ms = PINF_ROTATION_MIN_MS;
	rig_restart(r, &config);
	return r;
}

/* Whoever may create sessions uses up no key versions: the operator says how often, at most. */
static void
no_session_rotates_faster_than_the_operator_lets_it(void **state)
{
	struct rig *r = rotating(state);
	struct pinf_router_config config = r->config;
	const uint64_t session = session_new(r, true, false);

	with_policy(r, session, "{\"rotation_period_ms\":60000}");
	config.rotation_min_ms = 3600000;
	rig_restart(r, &config);
	assert_refused(r, set_policy(r, NULL, session, "{\"rotation_period_ms\":3599999}"), 400,
	    "\"out-of-range\",\"field\":\"rotation_period_ms\"");
	assert_refused(r, create(r, ",\"policy\":{\"rotation_period_ms\":3599999}"), 400,
	    "\"out-of-range\",\"field\":\"policy.rotation_period_ms\"");
	assert_int_equal(create(r, ",\"policy\":{\"rotation_period_ms\":3600000}"), 201);
	rig_pass(r, 3600000 / 8 * 7 - 1); /* The older session's minute counts for no more. */
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 0);
	rig_pass(r, 1);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 1);
	rig_do(r, PINF_FX_SAVE_KEYRING);
}

static void
the_router_rotates_by_itself(void **state)
{
	struct rig *r = rotating(state);
	const uint64_t session = session_new(r, true, false), daily = session_new(r, true, false);
	struct lease task;
	struct pinf_payload payload;
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v3/reservations/%" PRIu64, session);
	with_policy(r, daily, "{\"rotation_period_ms\":86400000}");
	with_policy(r, session, "{\"rotation_period_ms\":80000}");
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 0);
	reserve(r, session, "before", &task);
	rig_pass(r, 69999);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 0);
	assert_true(
	    rig_effect(r, PINF_FX_WAKE)->at_ms <= r->now_ms + 1); /* It will be woken for it. */
	rig_pass(r, 1);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 1);
	rig_pass(r, 9999); /* Still being written: one at a time, and the old one is good. */
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 0);
	assert_int_equal(post(r, NULL, path, "{}"), 201);
	rig_pass(r, 1);
	assert_refused(r, post(r, NULL, path, "{}"), 403, "key-version-old");
	assert_int_equal(post(r, NULL, path, "{\"client_reference\":\"before\"}"), 201);
	seal_input(r, &task, &payload); /* What was begun is finished under its version. */
	assert_int_equal(submit(r, &task, &payload), 0);
	rig_do(r, PINF_FX_CHECK);
	rig_answer(r, PINF_FX_SAVE_KEYRING, PINF_E_FULL);
	assert_int_equal(active_version(r), 1);
	rig_pass(r, 29999);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 1); /* 30 s after it began */
	rig_do(r, PINF_FX_SAVE_KEYRING);
	assert_int_equal(active_version(r), 2);
	assert_int_equal(post(r, NULL, path, "{}"), 201);
	/* Closed sessions demand nothing; the other's period is a day. */
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/close", session);
	assert_int_equal(post(r, NULL, path, "{}"), 200);
	rig_pass(r, DAY_MS / 8 * 7 - 1);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 0);
	rig_restart(r, &r->config); /* It is kept. */
	rig_pass(r, 1);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 1);
	rig_do(r, PINF_FX_SAVE_KEYRING);
	assert_int_equal(active_version(r), 3);
}

/* A batch that fails takes its rotation with it; a failed policy change demands none. */
static void
an_undone_batch_rotates_later(void **state)
{
	struct rig *r = rotating(state);
	const uint64_t session = session_new(r, true, false);

	rig_pass(r, 70000);
	rig_fail(AT_AUDIT, 1, PINF_E_FULL);
	assert_int_equal(set_policy(r, NULL, session, "{\"rotation_period_ms\":60000}"), 507);
	rig_pass(r, 1);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 0);
	rig_fail(AT_COMMIT, 1, PINF_E_IO);
	assert_int_equal(set_policy(r, NULL, session, "{\"rotation_period_ms\":60000}"), 503);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 0);
	with_policy(r, session, "{\"rotation_period_ms\":60000}");
	rig_pass(r, 30000);
	assert_int_equal(rig_count(r, PINF_FX_SAVE_KEYRING), 1);
	rig_do(r, PINF_FX_SAVE_KEYRING);
	assert_int_equal(active_version(r), 2);
}

static unsigned
explain(struct rig *r, const struct pinf_wallet *by, uint64_t session, const char *body)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/explain", session);
	return post(r, by, path, "%s", body);
}

/* What explain says of a miner's step is what the step meets, and its facts are the ones that matter. */
static void
explain_says_what_is_decided(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task, lease;
	struct pinf_key key PINF_WIPED = {{0}};
	char claiming[128], keys[192], who[PINF_ADDRESS_TEXT];

	pinf_address_format(who, &r->miner.address);
	(void)snprintf(claiming, sizeof claiming, "{\"action\":\"claim\",\"miner\":\"%s\"}", who);
	submitted(r, session, &task);
	(void)snprintf(keys, sizeof keys,
	    "{\"action\":\"issue-input\",\"miner\":\"%s\",\"task_id\":%" PRIu64 "}", who,
	    task.task);
	assert_int_equal(explain(r, NULL, session, claiming), 200);
	assert_true(said(r, "\"actor\":\"miner\"") && said(r, "\"rule\":\"allow\""));
	assert_true(said(r, "\"miner_listed\":true") && said(r, "\"lease_current\":false"));
	assert_true(said(r, "{\"applies\":true,\"id\":\"POL-31\",\"rule\":\"allow\"}"));
	assert_int_equal(explain(r, NULL, session, keys), 200);
	assert_true(said(r, "\"rule\":\"lease-not-held\",\"text\":"));
	assert_int_equal(claim(r, &r->miner, session, &lease), 200);
	assert_int_equal(explain(r, &r->admin, session, keys), 200);
	assert_true(said(r, "\"verdict\":\"allow\"") && said(r, "\"lease_current\":true"));
	assert_ok(key_of(r, &r->miner, &lease, PINF_PURPOSE_INPUT, &key));
	with_policy(r, session, "{\"acl_source\":\"contract\",\"attestation\":true}");
	assert_int_equal(explain(r, NULL, session, keys), 200);
	assert_true(said(r, "\"rule\":\"acl-source\",\"text\":"));
	assert_true(said(r, "\"attestation_required\":true"));
	assert_err(key_of(r, &r->miner, &lease, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_true(said(r, "acl-source"));
}

static void
explain_takes_the_rest_from_the_body(void **state)
{
	static const struct {
		const char *body, *said;
	} cases[] = {{"{\"action\":\"submit\"}", "\"rule\":\"allow\""},
	    {"{\"action\":\"submit\"}", "\"actor\":\"owner\""},
	    {"{\"action\":\"submit\"}", "\"route\":\"caller-sealed\""},
	    {"{\"action\":\"submit\",\"stream\":true}", "\"rule\":\"stream-sealed\""},
	    {"{\"action\":\"submit\",\"route\":\"plain\"}",
		"plaintext-in-private-session\",\"text"},
	    {"{\"action\":\"submit\",\"actor\":\"bearer-owner\"}",
		"\"rule\":\"wallet-required\",\"text"},
	    {"{\"action\":\"read\",\"actor\":\"wallet-other\"}", "\"rule\":\"not-owner\",\"text"},
	    {"{\"action\":\"issue-input\",\"session_key\":true}",
		"\"rule\":\"session-key-forbidden\",\"text"}};
	static const struct {
		const char *body;
		unsigned status;
		const char *said;
	} wrong[] = {{"{}", 400, "\"missing-field\",\"field\":\"action\""},
	    {"{\"action\":\"steal\"}", 400, "\"out-of-range\",\"field\":\"action\""},
	    {"{\"action\":\"read\",\"actor\":\"me\"}", 400, "\"field\":\"actor\""},
	    {"{\"action\":\"read\",\"route\":\"\"}", 400, "\"field\":\"route\""},
	    {"{\"action\":\"read\",\"actor\":\"miner\"}", 400,
		"\"missing-field\",\"field\":\"miner\""},
	    {"{\"action\":\"read\",\"actor\":\"owner\",\"miner\":"
	     "\"0x00000000000000000000000000000000000000aa\"}",
		400, "\"scope-invalid\",\"field\":\"actor\""},
	    {"{\"action\":\"read\",\"task_id\":9}", 404, "no-such-task"}};
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);

	with_policy(r, session, "{\"key_scope\":\"task\"}");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_refused(r, explain(r, NULL, session, cases[i].body), 200, cases[i].said);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_refused(
		    r, explain(r, NULL, session, wrong[i].body), wrong[i].status, wrong[i].said);
	assert_refused(r, explain(r, &r->other, session, cases[0].body), 403, "not-owner");
	assert_refused(r, explain(r, &r->miner, session, cases[0].body), 403, "not-owner");
	assert_refused(r, explain(r, &bearer_mark, session, cases[0].body), 403, "wallet-required");
}

/* Nothing but the nonce: neither audit log nor session nor task. */
static void
explain_writes_nothing_but_the_nonce(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct pinf_audit before, after;
	struct pinf_session was, is;
	struct pinf_event once, again;
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/explain", session);
	assert_ok(r->real.ops->audit_last(r->real.ctx, &before));
	assert_ok(r->real.ops->session_get(r->real.ctx, session, &was));
	once = rig_event(r, NULL, "POST", path, "{\"action\":\"administer\",\"actor\":\"none\"}");
	again = once;
	again.request = malloc(sizeof *again.request);
	assert_non_null(again.request);
	*again.request = *once.request;
	assert_int_equal(rig_ask(r, once), 200);
	again.id++;
	assert_refused(r, rig_ask(r, again), 401, "auth-replay");
	assert_ok(r->real.ops->audit_last(r->real.ctx, &after));
	assert_ok(r->real.ops->session_get(r->real.ctx, session, &is));
	assert_int_equal(after.seq, before.seq);
	assert_memory_equal(&is, &was, sizeof is);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_new, rig_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(the_owner_gives_and_reads_it),
	    TEST(it_comes_with_the_session), TEST(a_demanded_source_must_govern),
	    TEST(nobody_is_attested_yet), TEST(a_session_may_do_without_a_key_of_its_own),
	    TEST(results_may_be_the_wallets_alone), TEST(a_grant_lives_as_long_as_the_shorter_says),
	    TEST(no_session_rotates_faster_than_the_operator_lets_it),
	    TEST(the_router_rotates_by_itself), TEST(an_undone_batch_rotates_later),
	    TEST(explain_says_what_is_decided), TEST(explain_takes_the_rest_from_the_body),
	    TEST(explain_writes_nothing_but_the_nonce)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
