/* SPDX-License-Identifier: Apache-2.0 */
/* test_router.c -- tasks from reservation to CLOSED, by every route; sessions; what time does. */
#include <inttypes.h>

#include "router_fixture.h"

static void
sessions(void **state)
{
	struct rig *r = *state;
	const uint64_t id = session_new(r, false, false);
	struct pinf_router_config config = r->config;
	char path[64], body[80] = "{\"miner\":\"", *const miner = body + strlen(body);

	assert_true(said(r, "\"epoch\":1"));
	assert_refused(r,
	    post(r, NULL, "/api/v1/sessions",
		"{\"private\":false,\"session_id\":%" PRIu64 ",\"type\":\"ephemeral\"}", id),
	    409, "conflict");
	pinf_address_format(miner, &r->miner.address);
	(void)strcat(body, "\"}");
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/deny", id);
	assert_int_equal(post(r, NULL, path, "%s", body), 200); /* it was not on the list */
	assert_true(said(r, "\"epoch\":1") && said(r, "\"private\":false"));
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/allow", id);
	assert_refused(r, post(r, &r->other, path, "%s", body), 403, "not-owner");
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(post(r, NULL, path, "%s", body), 200);
		assert_true(said(r, "\"epoch\":2") && said(r, "\"private\":true"));
	}
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64, id);
	miner[42] = '\0';
	for (char *c = miner; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'F' ? (char)(*c + 32) : *c;
	assert_int_equal(get(r, &r->admin, path), 200);
	assert_true(said(r, miner));
	assert_int_equal(get(r, &unsigned_mark, path), 200);
	assert_false(said(r, "epoch") || said(r, "allowed_miners"));
	(void)strcat(path, "/deny");
	assert_int_equal(post(r, &r->admin, path, "%s\"}", body), 200);
	assert_true(said(r, "\"epoch\":3") && said(r, "\"private\":true")); /* for good */

	config.open_sessions = false;
	rig_restart(r, &config);
	assert_refused(r,
	    post(r, NULL, "/api/v1/sessions", "{\"private\":false,\"type\":\"dedicated\"}"), 403,
	    "not-owner");
	assert_int_equal(
	    post(r, &r->admin, "/api/v1/sessions", "{\"private\":false,\"type\":\"dedicated\"}"),
	    201);
	assert_int_equal(number(r, "session_id"), id + 1);
	assert_int_equal(get(r, &unsigned_mark, "/api/v1/sessions?limit=1"), 200);
	assert_int_equal(number(r, "session_id"), id);
}

/* Whoever takes the largest id takes it from nobody else. */
static void
the_largest_id(void **state)
{
	struct rig *r = *state;

	assert_int_equal(post(r, NULL, "/api/v1/sessions",
			     "{\"private\":false,\"session_id\":9007199254740991,"
			     "\"type\":\"dedicated\"}"),
	    201);
	for (int i = 0; i < 2; i++) {
		assert_true(session_new(r, false, false) < PINF_ID_MAX);
	}
}

static void
caller_sealed(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task, l;
	struct pinf_key key;
	uint64_t waiting;

	submitted(r, session, &task);
	waiting = r->request;
	assert_string_equal(state_of(r, &task), "created");
	assert_int_equal(claim(r, &r->miner, 0, &l), 200);
	assert_int_equal(l.task, task.task);
	assert_memory_equal(l.instance, task.instance, sizeof l.instance);
	assert_int_equal(attempt(r, &l, "ack"), 200);
	assert_int_equal(attempt(r, &l, "ack"), 200);
	assert_ok(key_of(r, l.by, &l, PINF_PURPOSE_INPUT, &key));
	assert_int_equal(blob_get(r, l.by, &l, &l.input), 0);
	assert_int_equal(rig_count(r, PINF_FX_SERVE), 1);
	assert_ok(key_of(r, NULL, &task, PINF_PURPOSE_INPUT, &key));
	make_result(r, &l, "hi");
	assert_int_equal(precommit(r, &l), 200);
	assert_int_equal(precommit(r, &l), 200);
	assert_int_equal(commit(r, &l), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_int_equal(r->status, 200);
	assert_int_equal(answer_to(r, waiting), 200);
	assert_true(said(r, "\"state\":\"committed\"") && said(r, "\"attempt\":1"));
	assert_string_equal(state_of(r, &task), "committed");
	task.attempt = 1;
	task.by = &r->miner;
	assert_ok(key_of(r, NULL, &task, PINF_PURPOSE_RESULT, &key));
	/* Its lease is over: no key again, but its commit is answered as before. */
	assert_err(key_of(r, l.by, &l, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_true(said(r, "lease-not-held"));
	assert_refused(r, blob_get(r, l.by, &l, &l.input), 409, "wrong-state");
	assert_int_equal(commit(r, &l), 200);
	assert_int_equal(blob_get(r, NULL, &task, &l.result.sha256), 0);
	assert_int_equal(rig_count(r, PINF_FX_SERVE), 1);
	assert_string_equal(state_of(r, &task), "closed");
	assert_int_equal(commit(r, &l), 200);
	l.result.size++;
	assert_refused(r, commit(r, &l), 409, "conflict");
}

static void
references(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, true);
	struct lease a, b, other;
	struct pinf_payload payload, second;

	reserve(r, session, "x", &a);
	reserve(r, session, "x", &b);
	assert_int_equal(a.task, b.task);
	assert_memory_equal(a.instance, b.instance, sizeof a.instance);
	reserve(r, session, "y", &other);
	assert_int_not_equal(a.task, other.task);
	seal_input(r, &a, &payload);
	seal_input(r, &a, &second);
	assert_refused(r, submit(r, &other, &payload), 404, "no-such-blob");
	assert_int_equal(submit(r, &a, &payload), 0);
	/* A second payload is looked at meanwhile: the first one makes it. */
	assert_int_equal(submit(r, &a, &second), 0);
	{
		const struct pinf_effect *last = rig_effect(r, PINF_FX_CHECK);
		struct pinf_event checked[2] = {{.kind = PINF_EV_CHECKED, .id = last->id - 1},
		    {.kind = PINF_EV_CHECKED, .id = last->id}};

		rig_step(r, checked, 2);
		assert_refused(r, answer_to(r, r->request), 409, "conflict");
	}
	assert_refused(r, submit(r, &a, &second), 409, "conflict");
	assert_int_equal(submit(r, &a, &payload), 0); /* polls */
	rig_pass(r, 25000);
	assert_int_equal(answer_to(r, r->request), 202);
	/* A prompt under a reservation's name, and the reverse. */
	assert_refused(r,
	    post(r, NULL, "/api/v2/completions",
		"{\"client_reference\":\"x\",\"prompt\":\"p\",\"session_id\":%" PRIu64 "}",
		session),
	    409, "conflict");
	assert_int_equal(
	    post(r, NULL, "/api/v2/completions",
		"{\"client_reference\":\"z\",\"prompt\":\"p\",\"session_id\":%" PRIu64 "}",
		session),
	    0);
	assert_refused(r, post(r, NULL, "/api/v3/reservations/1", "{\"client_reference\":\"z\"}"),
	    409, "conflict");
}

/* Closed while its caller waited: what was submitted is asked for until it is there, nothing else begins. */
static void
a_closed_session_still_answers(void **state)
{
	static const char prompt[] = "{\"client_reference\":\"%s\",\"prompt\":\"p\","
				     "\"session_id\":%" PRIu64 "}";
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, true);
	struct lease sealed, early, l;
	struct pinf_payload payload, second;

	reserve(r, session, "early", &early);
	seal_input(r, &early, &second);
	reserve(r, session, "sealed", &sealed);
	seal_input(r, &sealed, &payload);
	assert_int_equal(submit(r, &sealed, &payload), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_int_equal(post(r, &bearer_mark, "/api/v2/completions", prompt, "a", session), 0);
	rig_do(r, PINF_FX_SEAL);
	rig_do(r, PINF_FX_STORE);
	for (int i = 0; i < 2; i++)
		precommitted(r, &r->miner, session, i == 0 ? &sealed : &l);
	assert_int_equal(post(r, NULL, "/api/v1/sessions/1/close", "{}"), 200);
	assert_refused(r, submit(r, &early, &second), 403, "session-closed");
	assert_refused(r,
	    post(r, NULL, "/api/v3/reservations/1", "{\"client_reference\":\"early\"}"), 403,
	    "session-closed");
	assert_refused(r, post(r, &bearer_mark, "/api/v2/completions", prompt, "b", session), 403,
	    "session-closed");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(commit(r, i == 0 ? &sealed : &l), 0);
		rig_do(r, PINF_FX_CHECK);
	}
	assert_int_equal(submit(r, &sealed, &payload), 200);
	assert_true(said(r, "\"state\":\"committed\""));
	assert_refused(r, submit(r, &sealed, &second), 409, "conflict");
	assert_int_equal(
	    post(r, NULL, "/api/v3/reservations/1", "{\"client_reference\":\"sealed\"}"), 201);
	assert_true(said(r, "\"input\":"));
	assert_int_equal(post(r, &bearer_mark, "/api/v2/completions", prompt, "a", session), 0);
	rig_do(r, PINF_FX_DELIVER);
	assert_true(said(r, "\"text\":\"hi\""));
}

static void
router_sealed(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, true);
	struct lease l;
	uint64_t waiting;

	for (int bearer = 0; bearer < 2; bearer++) {
		assert_int_equal(post(r, bearer ? &bearer_mark : NULL, "/api/v2/completion",
				     "{\"client_reference\":\"o%d\",\"prompt\":\"p\","
				     "\"session_id\":%" PRIu64 "}",
				     bearer, session),
		    0);
		waiting = r->request;
		assert_int_equal(claim(r, &r->miner, session, &l), 204); /* not durable yet */
		rig_do(r, PINF_FX_SEAL);
		assert_int_equal(rig_count(r, PINF_FX_STORE), 1);
		rig_do(r, PINF_FX_STORE);
		precommitted(r, &r->miner, session, &l);
		assert_int_equal(commit(r, &l), 0);
		rig_do(r, PINF_FX_CHECK);
		assert_int_equal(answer_to(r, waiting), 0);
		assert_int_equal(rig_effect(r, PINF_FX_DELIVER)->request, waiting);
		rig_do(r, PINF_FX_DELIVER);
		assert_true(said(r, "\"text\":\"hi\""));
		assert_string_equal(state_of(r, &l), "closed");
		/* The answer was lost: the same request gets it again. */
		assert_int_equal(post(r, NULL, "/api/v2/completion",
				     "{\"client_reference\":\"o%d\",\"prompt\":\"p\","
				     "\"session_id\":%" PRIu64 "}",
				     bearer, session),
		    0);
		assert_int_equal(rig_count(r, PINF_FX_DELIVER), 1);
		rig_answer(r, PINF_FX_DELIVER, PINF_E_IO);
	}
}

/* v1, inline; and a public input too large for that, which its miner fetches as a blob. */
static void
public_routes(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, false, false);
	char prompt[PINF_INLINE_MAX + 1];
	struct lease l;
	uint64_t waiting;

	memset(prompt, 'p', sizeof prompt - 1);
	prompt[sizeof prompt - 1] = '\0';
	for (int large = 0; large < 2; large++) {
		assert_int_equal(post(r, &bearer_mark, "/api/v1/completions",
				     "{\"prompt\":\"%s\",\"session_id\":%" PRIu64 "}",
				     large ? prompt : "p", session),
		    0);
		waiting = r->request;
		if (large) {
			rig_do(r, PINF_FX_SEAL);
			rig_do(r, PINF_FX_STORE);
		}
		assert_int_equal(claim(r, &r->other, 0, &l), 200);
		assert_int_equal(attempt(r, &l, "ack"), 200);
		if (large) {
			assert_int_equal(blob_get(r, l.by, &l, &l.input), 0);
			assert_int_equal(rig_count(r, PINF_FX_SERVE), 1);
			assert_refused(
			    r, blob_get(r, &r->miner, &l, &l.input), 403, "lease-not-held");
		}
		make_result(r, &l, "hi");
		assert_int_equal(precommit(r, &l), 200);
		assert_int_equal(commit(r, &l), 200);
		assert_int_equal(rig_effect(r, PINF_FX_DELIVER)->request, waiting);
		rig_do(r, PINF_FX_DELIVER);
		assert_true(said(r, "\"text\":\"hi\""));
	}
}

static void
lease_times(void **state)
{
	struct rig *r = *state;
	struct pinf_router_config config = r->config;
	uint64_t session;
	struct lease task, l, late;

	config.attempts_max = 3;
	rig_restart(r, &config);
	session = session_new(r, true, false);
	submitted(r, session, &task);
	precommitted(r, &r->miner, session, &l);
	assert_int_equal(commit(r, &l), 0);
	late = l;
	rig_pass(r, config.commit_ms); /* while its blob is read */
	rig_do(r, PINF_FX_CHECK);
	assert_refused(r, r->status, 403, "lease-not-held");
	assert_int_equal(claim(r, &r->miner, session, &l), 200);
	assert_int_equal(l.attempt, 2);
	assert_refused(r, commit(r, &late), 403, "lease-not-held");
	assert_refused(r, precommit(r, &late), 403, "lease-not-held");
	assert_int_equal(attempt(r, &l, "release"), 200);
	assert_true(said(r, "created"));
	assert_refused(r, attempt(r, &l, "release"), 403, "lease-not-held");
	assert_int_equal(claim(r, &r->miner, session, &l), 200);
	rig_pass(r, config.ack_ms);
	assert_string_equal(state_of(r, &task), "failed");
	assert_true(said(r, "\"failure\":\"task-failed\""));
	reserve(r, session, "gone", &task);
	rig_pass(r, config.reserve_ms);
	assert_string_equal(state_of(r, &task), "expired");
	assert_refused(r, blob_put(r, NULL, &task, &task.input), 409, "wrong-state");
}

/* Its first caller waits to the deadline, the miner that waits gets the next task at once. */
static void
waiting(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, false, false);
	uint64_t caller, miner;

	assert_int_equal(post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":5000}"), 0);
	miner = r->request;
	rig_pass(r, 4999);
	assert_int_equal(answer_to(r, miner), 0);
	rig_pass(r, 1);
	assert_int_equal(answer_to(r, miner), 204);
	assert_int_equal(post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":5000}"), 0);
	miner = r->request;
	assert_int_equal(
	    post(r, NULL, "/api/v2/completions",
		"{\"prompt\":\"p\",\"session_id\":%" PRIu64 ",\"timeout\":9}", session),
	    0);
	caller = r->request;
	assert_int_equal(answer_to(r, miner), 200);
	assert_int_equal(number(r, "session_id"), session);
	rig_pass(r, 9000);
	assert_refused(r, answer_to(r, caller), 504, "timeout");
	/* Who hung up is not answered. */
	assert_int_equal(post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":5000}"), 0);
	rig_step(r, &(struct pinf_event){.kind = PINF_EV_HANGUP, .id = r->request}, 1);
	rig_pass(r, 5000);
	assert_int_equal(rig_count(r, PINF_FX_RESPOND), 0);
}

/* A miner that had gone when it was given a task: soon the next has it.  One that had it keeps it. */
static void
gone_while_it_waited(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, false, false);
	struct pinf_event gone = {.kind = PINF_EV_HANGUP};

	for (int heard = 0; heard < 2; heard++) {
		char ack[64];
		uint64_t first, second;

		assert_int_equal(
		    post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":9000}"), 0);
		first = r->request;
		assert_int_equal(
		    post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":9000}"), 0);
		second = r->request;
		(void)post(r, NULL, "/api/v2/completions",
		    "{\"prompt\":\"p\",\"session_id\":%" PRIu64 ",\"timeout\":60}", session);
		assert_int_equal(answer_to(r, first), 200);
		gone.id = first;
		gone.lease = (struct pinf_lease_ref){
		    session, number(r, "task_id"), (uint32_t)number(r, "attempt")};
		(void)snprintf(ack, sizeof ack,
		    "{\"attempt\":1,\"session_id\":%" PRIu64 ",\"task_id\":%" PRIu64 "}", session,
		    gone.lease.task);
		if (heard)
			assert_int_equal(post(r, &r->miner, "/api/v1/miner/ack", "%s", ack), 200);
		rig_step(r, &gone, 1);
		rig_pass(r, 499);
		assert_int_equal(answer_to(r, second), 0);
		rig_pass(r, 1);
		assert_int_equal(answer_to(r, second), heard ? 0 : 200);
		if (heard)
			continue;
		/* Told again, or of what there is not: nothing to be done. */
		rig_step(r, &gone, 1);
		gone.lease.task = 999;
		rig_step(r, &gone, 1);
		rig_pass(r, 500);
		(void)snprintf(ack, sizeof ack,
		    "{\"attempt\":2,\"session_id\":%" PRIu64 ",\"task_id\":1}", session);
		assert_int_equal(post(r, &r->miner, "/api/v1/miner/ack", "%s", ack), 200);
	}
}

/* What was plain in a session that turned private is nobody's, and stands in nobody's way. */
static void
turned_private(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, false, false);
	char path[64], miner[PINF_ADDRESS_TEXT];
	struct lease l, task;
	uint64_t caller, waiter;

	assert_int_equal(post(r, NULL, "/api/v1/completions",
			     "{\"prompt\":\"p\",\"session_id\":%" PRIu64 "}", session),
	    0);
	assert_int_equal(claim(r, &r->miner, 0, &l), 200);
	assert_int_equal(post(r, NULL, "/api/v2/completions",
			     "{\"prompt\":\"p\",\"session_id\":%" PRIu64 "}", session),
	    0);
	caller = r->request;
	reserve(r, session, "", &task);
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/allow", session);
	pinf_address_format(miner, &r->miner.address);
	assert_int_equal(
	    post(r, &r->other, "/api/v1/sessions", "{\"private\":false,\"type\":\"dedicated\"}"),
	    201);
	assert_int_equal(post(r, NULL, path, "{\"miner\":\"%s\"}", miner), 200);
	assert_refused(r, attempt(r, &l, "ack"), 403, "plaintext-in-private-session");
	assert_int_equal(post(r, &r->miner, "/api/v1/miner/claim",
			     "{\"session_id\":%" PRIu64 ",\"wait_ms\":60000}", session),
	    0);
	waiter = r->request;
	assert_refused(r, answer_to(r, caller), 409, "wrong-state");
	rig_pass(r, r->config.ack_ms); /* the leased one comes back */
	assert_ok(r->stepped);
	assert_int_equal(answer_to(r, waiter), 0);
	assert_string_equal(state_of(r, &l), "failed");
	submitted(r, session, &task);
	assert_int_equal(answer_to(r, waiter), 200);
}

/* While the wall clock is behind, time goes on at half its pace: leases end, timers come. */
static void
clock_set_back(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false), ack_ms = r->config.ack_ms;
	const struct pinf_store *store = &r->real;
	struct lease task, l;
	struct pinf_task kept;
	uint64_t wake_ms;

	r->mono_ms = 5000000;
	submitted(r, session, &task);
	assert_int_equal(claim(r, &r->miner, session, &l), 200);
	r->now_ms -= 3600000;
	rig_pass(r, 0);
	wake_ms = rig_effect(r, PINF_FX_WAKE)->at_ms;
	assert_in_range(wake_ms, r->mono_ms, r->mono_ms + 2 * ack_ms);
	for (uint64_t i = 0; i < 2 * ack_ms - 10; i += 7) { /* Odd steps are not lost. */
		r->mono_ms += i % 2 == 0 ? 3 : 11;
		rig_pass(r, 0);
	}
	assert_ok(store->ops->task_get(store->ctx, session, l.task, &kept));
	assert_int_equal(kept.state, PINF_TASK_ASSIGNED);
	r->mono_ms += 20;
	rig_pass(r, 0);
	assert_ok(store->ops->task_get(store->ctx, session, l.task, &kept));
	assert_int_equal(kept.state, PINF_TASK_CREATED);
	/* What was signed by the clock that is right now has expired by the other: nobody is let in by mistake. */
	assert_int_equal(claim(r, &r->miner, session, &l), 401);
	r->now_ms += 3600000 + 2 * ack_ms;
	assert_int_equal(claim(r, &r->miner, session, &l), 200);
	/* It comes up again in between, long after: that time has passed all the same. */
	r->now_ms -= ack_ms;
	rig_pass(r, 0);
	r->mono_ms += 4 * ack_ms;
	rig_pass(r, ack_ms + 1);
	assert_ok(store->ops->task_get(store->ctx, session, l.task, &kept));
	assert_int_equal(kept.state, PINF_TASK_CREATED);
}

static void
views(void **state)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
	    {"/api/v1/info", "\"name\":\"pinf\""},
	    {"/api/v1/status", "\"acknowledged\":1"},
	    {"/api/v1/miners", "\"seen_ms\":"},
	    {"/healthz", "\"status\":\"ok\""},
	    {"/metrics", "pinf_tasks{state=\"acknowledged\"} 1\n"},
	    {"/metrics", "pinf_denied_total{rule=\"authentication-required\"} 1\n"},
	    {"/metrics", "pinf_errors_total{code=\"denied\"}"},
	};
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task, l;
	char path[64];

	submitted(r, session, &task);
	assert_int_equal(claim(r, &r->miner, session, &l), 200);
	assert_int_equal(attempt(r, &l, "ack"), 200);
	(void)snprintf(path, sizeof path, "/api/v1/tasks/%" PRIu64 "?limit=5", session);
	assert_refused(r, get(r, &unsigned_mark, path), 403, "authentication-required");
	assert_int_equal(get(r, &bearer_mark, path), 200);
	assert_int_equal(number(r, "task_id"), task.task);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(get(r, &unsigned_mark, cases[i].path), 200);
		if (!said(r, cases[i].text))
			fail_msg("%s: %s", cases[i].text, r->reply);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_new, rig_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(sessions),
	    TEST(the_largest_id),
	    TEST(caller_sealed),
	    TEST(references),
	    TEST(a_closed_session_still_answers),
	    TEST(router_sealed),
	    TEST(public_routes),
	    TEST(lease_times),
	    TEST(waiting),
	    TEST(gone_while_it_waited),
	    TEST(turned_private),
	    TEST(clock_set_back),
	    TEST(views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
