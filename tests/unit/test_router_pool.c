/* SPDX-License-Identifier: Apache-2.0 */
/* test_router_pool.c -- assignments: ephemeral sessions, and pooled ones with their seats. */
#include <inttypes.h>

#include "router_fixture.h"

#define SEAT_MS 60000 /* the default */

static unsigned
about(struct rig *r, const struct pinf_wallet *by, const char *path, const struct pinf_wallet *whom)
{
	char who[PINF_ADDRESS_TEXT];

	pinf_address_format(who, &whom->address);
	return post(r, by, path, "{\"miner\":\"%s\"}", who);
}

static uint64_t
pooled(struct rig *r, unsigned seats)
{
	assert_int_equal(
	    post(r, NULL, "/api/v1/sessions",
		"{\"api_key\":true,\"private\":true,\"seats\":%u,\"type\":\"pooled\"}", seats),
	    201);
	assert_true(said(r, "\"seats\":"));
	return number(r, "session_id");
}

static unsigned
claim_any(struct rig *r, const struct pinf_wallet *by, struct lease *lease)
{
	return claim(r, by, 0, lease);
}

static uint64_t
epoch_of(struct rig *r, uint64_t session)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64, session);
	assert_int_equal(get(r, NULL, path), 200);
	return number(r, "epoch");
}

static void
the_pool_is_the_administrators(void **state)
{
	struct rig *r = *state;

	assert_refused(r, about(r, &r->owner, "/api/v1/pool/allow", &r->miner), 403, "not-owner");
	assert_refused(r, get(r, &r->miner, "/api/v1/pool"), 403, "not-owner");
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->miner), 200);
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->miner), 200);
	assert_int_equal(get(r, &r->admin, "/api/v1/pool"), 200);
	assert_true(said(r, "\"miners\":[\"0x"));
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/deny", &r->miner), 200);
	assert_true(said(r, "\"miners\":[]"));
}

static void
a_seat_comes_with_work_and_is_the_only_one(void **state)
{
	struct rig *r = *state;
	const uint64_t session = pooled(r, 1), before = epoch_of(r, session);
	struct lease task, lease;
	struct pinf_key key PINF_WIPED = {{0}};
	char path[64];

	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->miner), 200);
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->other), 200);
	assert_int_equal(claim_any(r, &r->miner, &lease), 204); /* Nothing waits: no seat. */
	assert_int_equal(epoch_of(r, session), before);
	submitted(r, session, &task);
	submitted(r, session, &task);
	assert_int_equal(claim_any(r, &r->miner, &lease), 200);
	assert_int_equal(epoch_of(r, session), before + 1);
	assert_int_equal(claim_any(r, &r->other, &task), 204); /* The one seat is taken. */
	assert_refused(r, claim(r, &r->other, session, &task), 403, "miner-not-allowed");
	assert_int_equal(attempt(r, &lease, "ack"), 200);
	assert_ok(key_of(r, &r->miner, &lease, PINF_PURPOSE_INPUT, &key));
	/* The owner does not choose who sits there. */
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/allow", session);
	assert_refused(r, about(r, NULL, path, &r->other), 409, "acl-elsewhere");
}

static void
a_seat_outlasts_its_lease_and_no_silence(void **state)
{
	struct rig *r = *state;
	const uint64_t session = pooled(r, 1);
	struct lease task, lease, next;

	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->miner), 200);
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->other), 200);
	submitted(r, session, &task);
	submitted(r, session, &task);
	assert_int_equal(claim_any(r, &r->miner, &lease), 200);
	assert_int_equal(attempt(r, &lease, "ack"), 200);
	rig_pass(r, SEAT_MS + 10000); /* It works, and says nothing. */
	assert_int_equal(claim_any(r, &r->other, &next), 204);
	make_result(r, &lease, "done");
	assert_int_equal(precommit(r, &lease), 200);
	assert_int_equal(commit(r, &lease), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_int_equal(r->status, 200);
	rig_pass(r, 120000); /* What the lease might have taken is over too, and it is silent. */
	assert_int_equal(claim_any(r, &r->other, &next), 200);
	assert_int_equal(next.session, session);
	assert_int_equal(claim_any(r, &r->miner, &lease), 204);
}

/* Whoever is gone gets no key and is not believed; the input waits and goes to the next. */
static void
released_mid_task(void **state)
{
	struct rig *r = *state;
	const uint64_t session = pooled(r, 1);
	struct lease task, lease, next;
	struct pinf_key key PINF_WIPED = {{0}};

	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->miner), 200);
	submitted(r, session, &task);
	assert_int_equal(claim_any(r, &r->miner, &lease), 200);
	assert_int_equal(attempt(r, &lease, "ack"), 200);
	make_result(r, &lease, "late");
	assert_int_equal(precommit(r, &lease), 200);
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/deny", &r->miner), 200);
	assert_err(key_of(r, &r->miner, &lease, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_refused(r, commit(r, &lease), 403, "miner-not-allowed");
	rig_pass(r, 31000); /* The lease runs out; nobody is there. */
	assert_string_equal(state_of(r, &task), "created");
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->other), 200);
	assert_int_equal(claim_any(r, &r->other, &next), 200);
	assert_int_equal(next.task, task.task);
	assert_int_equal(next.attempt, 2);
	assert_int_equal(attempt(r, &next, "ack"), 200);
	assert_ok(key_of(r, &r->other, &next, PINF_PURPOSE_INPUT, &key));
}

static void
a_miner_leaves_by_itself(void **state)
{
	struct rig *r = *state;
	uint64_t session = pooled(r, 2);
	struct lease task, lease;
	char path[64];

	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->miner), 200);
	submitted(r, session, &task);
	assert_int_equal(claim_any(r, &r->miner, &lease), 200);
	assert_int_equal(
	    post(r, &r->miner, "/api/v1/miner/leave", "{\"session_id\":%" PRIu64 "}", session),
	    204);
	assert_refused(r, attempt(r, &lease, "ack"), 403, "miner-not-allowed");
	assert_int_equal(
	    post(r, &r->other, "/api/v1/miner/leave", "{\"session_id\":%" PRIu64 "}", session),
	    204); /* It was not there. */
	session = session_new(r, true, false);
	assert_refused(r,
	    post(r, &r->miner, "/api/v1/miner/leave", "{\"session_id\":%" PRIu64 "}", session), 409,
	    "acl-elsewhere");
	/* Of an ephemeral session too, where the owner assigned it. */
	assert_int_equal(
	    post(r, NULL, "/api/v1/sessions", "{\"private\":true,\"type\":\"ephemeral\"}"), 201);
	session = number(r, "session_id");
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/allow", session);
	assert_int_equal(about(r, NULL, path, &r->miner), 200);
	assert_int_equal(claim(r, &r->miner, session, &lease), 204);
	assert_int_equal(
	    post(r, &r->miner, "/api/v1/miner/leave", "{\"session_id\":%" PRIu64 "}", session),
	    204);
	assert_refused(r, claim(r, &r->miner, session, &lease), 403, "miner-not-allowed");
}

/* The last miner leaves: what is queued waits.  One joins: it goes on. */
static void
a_session_drains_and_resumes(void **state)
{
	struct rig *r = *state;
	struct lease task, lease;
	char allow[64], deny[64];
	uint64_t session;

	assert_int_equal(
	    post(r, NULL, "/api/v1/sessions", "{\"private\":true,\"type\":\"ephemeral\"}"), 201);
	session = number(r, "session_id");
	(void)snprintf(allow, sizeof allow, "/api/v1/sessions/%" PRIu64 "/allow", session);
	(void)snprintf(deny, sizeof deny, "/api/v1/sessions/%" PRIu64 "/deny", session);
	assert_int_equal(about(r, NULL, allow, &r->miner), 200);
	submitted(r, session, &task);
	assert_int_equal(about(r, NULL, deny, &r->miner), 200);
	assert_int_equal(claim_any(r, &r->miner, &lease), 204);
	submitted(r, session, &task); /* Still taken in. */
	rig_pass(r, 60000);
	assert_string_equal(state_of(r, &task), "created");
	assert_int_equal(about(r, NULL, allow, &r->other), 200);
	assert_int_equal(claim_any(r, &r->other, &lease), 200);
	assert_int_equal(claim_any(r, &r->other, &lease), 200);
	assert_int_equal(lease.task, task.task);
}

/* No miner may work where attested ones are demanded: what waits there bars no other session's seats. */
static void
a_seat_that_nobody_may_have_bars_no_other(void **state)
{
	struct rig *r = *state;
	const uint64_t first = pooled(r, 1), session = pooled(r, 1);
	struct lease task, lease;
	char path[64];

	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/policy", first);
	assert_int_equal(post(r, NULL, path, "{\"attestation\":true}"), 200);
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->miner), 200);
	submitted(r, first, &task);
	submitted(r, session, &task);
	assert_int_equal(claim_any(r, &r->miner, &lease), 200);
	assert_int_equal(lease.session, session);
	assert_int_equal(post(r, NULL, path, "{}"), 200);
	assert_int_equal(claim_any(r, &r->miner, &lease), 200);
	assert_int_equal(lease.session, first);
}

static void
seats_survive_a_restart_and_a_failed_batch(void **state)
{
	struct rig *r = *state;
	const uint64_t session = pooled(r, 1);
	struct lease task, lease;

	assert_int_equal(about(r, &r->admin, "/api/v1/pool/allow", &r->miner), 200);
	submitted(r, session, &task);
	rig_fail(AT_COMMIT, 1, PINF_E_IO);
	assert_int_equal(claim_any(r, &r->miner, &lease), 503);
	assert_int_equal(claim(r, &r->miner, session, &lease), 403); /* Undone, the seat too. */
	assert_int_equal(claim_any(r, &r->miner, &lease), 200);
	rig_restart(r, &r->config);
	assert_int_equal(attempt(r, &lease, "ack"), 200);
	assert_int_equal(about(r, &r->admin, "/api/v1/pool/deny", &r->miner), 200);
	rig_restart(r, &r->config);
	assert_refused(r, attempt(r, &lease, "ack"), 403, "miner-not-allowed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_new, rig_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(the_pool_is_the_administrators),
	    TEST(a_seat_comes_with_work_and_is_the_only_one),
	    TEST(a_seat_outlasts_its_lease_and_no_silence), TEST(released_mid_task),
	    TEST(a_seat_that_nobody_may_have_bars_no_other), TEST(a_miner_leaves_by_itself),
	    TEST(a_session_drains_and_resumes), TEST(seats_survive_a_restart_and_a_failed_batch)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
