/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_claim.c -- which task a miner is offered: by hand, and against a naive model. */
#include "unit/store_fixture.h"

static void
insert_session(struct fixture *f, uint64_t id, bool is_private)
{
	struct pinf_session session = a_session(id, is_private);

	assert_ok(CALL(f, session_insert, &session));
}

static void
insert_task(struct fixture *f, uint64_t session, uint64_t id, uint64_t queue_seq)
{
	struct pinf_task task = a_task(session, id, queue_seq);

	assert_ok(CALL(f, task_insert, &task));
}

static void
allow(struct fixture *f, uint64_t session, uint8_t miner)
{
	struct pinf_member member = {
	    .session = session, .source = PINF_ACL_ROUTER, .miner = an_address(miner)};
	bool changed;

	assert_ok(CALL(f, member_put, &member, &changed));
}

static void
set_session(struct fixture *f, uint64_t id, bool is_private, bool closed)
{
	struct pinf_session session = a_session(id, is_private);

	session.closed = closed;
	assert_ok(CALL(f, session_update, &session));
}

/* The id of the task offered, 0 if none. */
static uint64_t
offered(struct fixture *f, uint8_t miner, uint64_t only_session)
{
	const struct pinf_claim claim = {.miner = an_address(miner), .only_session = only_session};
	struct pinf_task task;
	enum pinf_err err = CALL(f, task_claimable, &claim, &task);

	if (err == PINF_E_NOT_FOUND)
		return 0;
	assert_ok(err);
	assert_int_equal(task.state, PINF_TASK_CREATED);
	assert_int_equal(task.input.size, 406);
	return task.session * 100 + task.id;
}

static void
the_oldest_that_the_miner_may_have(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(offered(f, 1, 0), 0);
	insert_session(f, 1, false);
	insert_session(f, 2, true);
	insert_session(f, 3, true);
	allow(f, 2, 1);
	allow(f, 3, 1);
	allow(f, 3, 2);
	insert_task(f, 1, 1, 30);
	insert_task(f, 2, 1, 20);
	insert_task(f, 3, 1, 10);
	insert_task(f, 3, 2, 40);
	assert_int_equal(offered(f, 1, 0), 301);
	assert_int_equal(offered(f, 2, 0), 301);
	assert_int_equal(offered(f, 3, 0), 101); /* Listed nowhere: the public one. */
	assert_int_equal(offered(f, 3, 1), 101);
	assert_int_equal(offered(f, 3, 3), 0);
	assert_int_equal(offered(f, 1, 2), 201);
	assert_int_equal(offered(f, 2, 2), 0);
	assert_int_equal(offered(f, 1, 9), 0);

	/* Two re-queued at one moment: the lower session first. */
	insert_task(f, 2, 2, 10);
	assert_int_equal(offered(f, 1, 0), 202);
}

static void
closing_and_turning_private_take_effect(void **state)
{
	struct fixture *f = *state;
	struct pinf_member member = {
	    .session = 1, .source = PINF_ACL_ROUTER, .miner = an_address(1)};
	struct pinf_task task;
	bool changed;

	insert_session(f, 1, false);
	insert_task(f, 1, 1, 1);
	assert_int_equal(offered(f, 2, 0), 101);
	allow(f, 1, 1);
	set_session(f, 1, true, false);
	assert_int_equal(offered(f, 2, 0), 0);
	assert_int_equal(offered(f, 2, 1), 0);
	assert_int_equal(offered(f, 1, 0), 101);
	assert_ok(CALL(f, member_drop, &member, &changed));
	assert_int_equal(offered(f, 1, 0), 0);
	allow(f, 1, 1);

	/* Assigned while it was public elsewhere, re-queued after: the queue of now counts. */
	insert_session(f, 2, false);
	insert_task(f, 2, 1, 2);
	assert_ok(CALL(f, task_get, 2, 1, &task));
	task.state = PINF_TASK_ASSIGNED;
	assert_ok(CALL(f, task_update, &task));
	set_session(f, 2, true, false);
	task.state = PINF_TASK_CREATED;
	assert_ok(CALL(f, task_update, &task));
	assert_int_equal(offered(f, 2, 0), 0);

	set_session(f, 1, true, true);
	assert_int_equal(offered(f, 1, 0), 0);
	assert_int_equal(offered(f, 1, 1), 0);
	insert_session(f, 3, false);
	insert_task(f, 3, 1, 3);
	set_session(f, 3, false, true);
	assert_int_equal(offered(f, 1, 0), 0);
}

#define SESSIONS 12
#define MINERS   5
#define TASKS    60

struct model {
	bool is_private[SESSIONS], closed[SESSIONS], listed[SESSIONS][MINERS];
	bool queued[SESSIONS][TASKS];
	uint64_t seq[SESSIONS][TASKS];
	uint64_t last[SESSIONS];
};

/* m may be NULL: nobody keeps count. */
static void
move(struct fixture *f, struct model *m, size_t s, size_t t, bool queued)
{
	struct pinf_task task;

	assert_ok(CALL(f, task_get, s, t, &task));
	task.state = queued ? PINF_TASK_CREATED : PINF_TASK_ASSIGNED;
	assert_ok(CALL(f, task_update, &task));
	if (m != NULL)
		m->queued[s][t] = queued;
}

static void
put(struct fixture *f, uint64_t session, enum pinf_acl_source source, uint64_t task, uint8_t miner)
{
	struct pinf_member member = {session, source, task, an_address(miner), 0};
	bool changed = false;

	assert_ok(CALL(f, member_put, &member, &changed));
	assert_true(changed);
}

/* Only the source that governs a session speaks for it; beside it, an emergency's. */
static void
sources_govern(void **state)
{
	struct fixture *f = *state;

	for (uint64_t id = 1; id <= 3; id++) {
		insert_session(f, id, true);
		insert_task(f, id, 1, id);
		put(f, id, PINF_ACL_ROUTER, 0, 1);
		put(f, id, PINF_ACL_CONTRACT, 0, 2);
	}
	put(f, 2, PINF_ACL_ENV, 0, 3);
	put(f, 3, PINF_ACL_EMERGENCY, 0, 4);
	assert_ok(CALL(f, acl_govern, false));
	assert_int_equal(offered(f, 1, 0), 101);
	assert_int_equal(offered(f, 1, 2), 0); /* The environment names it, its owner never did. */
	assert_int_equal(offered(f, 3, 0), 201);
	assert_int_equal(offered(f, 4, 0), 301);
	assert_int_equal(offered(f, 2, 0), 0);
	assert_ok(CALL(f, acl_govern, true));
	assert_int_equal(offered(f, 1, 0), 0);
	assert_int_equal(offered(f, 2, 0), 101);
	assert_int_equal(offered(f, 3, 0), 0);
	assert_int_equal(offered(f, 4, 0), 301);
	assert_int_equal(offered(f, 2, 3), 301);
	assert_ok(CALL(f, member_clear, PINF_ACL_EMERGENCY));
	assert_int_equal(offered(f, 4, 0), 0);
}

static void
a_task_may_have_a_list_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct pinf_session session;
	struct pinf_member member = {1, PINF_ACL_ENV, 2, an_address(7), 0};
	bool changed;

	insert_session(f, 1, false);
	insert_task(f, 1, 1, 1);
	insert_task(f, 1, 2, 2);
	insert_task(f, 1, 3, 3);
	put(f, 1, PINF_ACL_ENV, 0, 6);
	put(f, 1, PINF_ACL_ENV, 2, 7);
	assert_ok(CALL(f, acl_govern, false));
	assert_ok(CALL(f, session_get, 1, &session));
	assert_true(session.is_private); /* and for good */
	assert_int_equal(session.acl, PINF_ACL_ENV);
	assert_int_equal(offered(f, 5, 0), 0);
	assert_int_equal(offered(f, 7, 0), 102);
	assert_int_equal(offered(f, 7, 1), 102);
	assert_int_equal(offered(f, 7, 2), 0);
	assert_int_equal(offered(f, 6, 0), 101);
	move(f, NULL, 1, 1, false);
	assert_int_equal(offered(f, 6, 0), 103); /* The task's list replaces the session's. */
	insert_task(f, 1, 4, 0);
	put(f, 1, PINF_ACL_ENV, 5, 6);
	insert_task(f, 1, 5, 0);
	assert_int_equal(offered(f, 6, 0), 104);
	assert_ok(CALL(f, member_drop, &member, &changed));
	assert_ok(CALL(f, acl_govern, false));
	move(f, NULL, 1, 4, false);
	move(f, NULL, 1, 5, false);
	assert_int_equal(offered(f, 7, 0), 0);
	assert_int_equal(offered(f, 6, 0), 102);
	/* The owner's own list, once used, silences the environment's. */
	session.own_list = true;
	assert_ok(CALL(f, session_update, &session));
	assert_ok(CALL(f, acl_govern, false));
	assert_int_equal(offered(f, 6, 0), 0);
}

static uint64_t
model_offered(const struct model *m, size_t miner, size_t only)
{
	uint64_t best = 0, best_seq = UINT64_MAX;

	for (size_t s = 1; s < SESSIONS; s++) {
		if (m->closed[s] || (m->is_private[s] && !m->listed[s][miner]) ||
		    (only != 0 && s != only))
			continue;
		for (size_t t = 1; t <= m->last[s]; t++)
			if (m->queued[s][t] && m->seq[s][t] < best_seq) {
				best = s * 100 + t;
				best_seq = m->seq[s][t];
			}
	}
	return best;
}

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	uint8_t bytes[4];

	assert_ok(unit_fill(seed, bytes, sizeof bytes));
	return (bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16) % below;
}

static void
change(struct fixture *f, struct model *m, uint64_t *seed, uint64_t now)
{
	const size_t s = 1 + draw(seed, SESSIONS - 1), miner = draw(seed, MINERS);
	const struct pinf_member member = {
	    .session = s, .source = PINF_ACL_ROUTER, .miner = an_address((uint8_t)miner)};
	const uint64_t what = draw(seed, 100);
	bool changed;

	if (what < 60 && m->last[s] < TASKS - 1) {
		const uint64_t t = ++m->last[s];

		insert_task(f, s, t, now);
		m->queued[s][t] = true;
		m->seq[s][t] = now;
	} else if (what < 80 && m->last[s] > 0) {
		move(f, m, s, 1 + draw(seed, m->last[s]), draw(seed, 2) == 0);
	} else if (what < 97) {
		m->listed[s][miner] = draw(seed, 2) == 0;
		assert_ok(m->listed[s][miner] ? CALL(f, member_put, &member, &changed)
					      : CALL(f, member_drop, &member, &changed));
	} else {
		m->is_private[s] = m->is_private[s] || draw(seed, 2) == 0;
		m->closed[s] = m->closed[s] || draw(seed, 4) == 0;
		set_session(f, s, m->is_private[s], m->closed[s]);
	}
}

/* Queues long enough, and lists thin enough, that both ways of looking are taken. */
static void
it_agrees_with_a_naive_model(void **state)
{
	struct fixture *f = *state;
	struct model *m = calloc(1, sizeof *m);
	uint64_t seed = 7;

	assert_non_null(m);
	assert_ok(DO(f, begin));
	for (size_t s = 1; s < SESSIONS; s++) {
		m->is_private[s] = s % 4 != 0;
		insert_session(f, s, m->is_private[s]);
	}
	for (uint64_t now = 1; now < 3000; now++) {
		const size_t miner = draw(&seed, MINERS),
			     only = draw(&seed, 4) == 0 ? 1 + draw(&seed, SESSIONS - 1) : 0;
		const uint64_t want = model_offered(m, miner, only);

		change(f, m, &seed, now);
		assert_int_equal(offered(f, (uint8_t)miner, only), model_offered(m, miner, only));
		if (want != 0 && draw(&seed, 8) == 0 && m->queued[want / 100][want % 100])
			move(f, m, want / 100, want % 100, false);
	}
	DO(f, rollback);
	free(m);
}

static void
policies_are_kept(void **state)
{
	struct fixture *f = *state;
	const struct pinf_policy_doc policy = {.acl_source = PINF_ACL_ENV,
	    .attestation = true,
	    .task_keys_only = true,
	    .wallet_reads_only = true,
	    .router_sealed = true,
	    .grant_ms = PINF_GRANT_LIFETIME_MAX,
	    .rotation_ms = 90000};
	struct pinf_session in = a_session(7, true), out;
	uint64_t shortest = 0;

	in.policy = policy;
	assert_err(CALL(f, session_policy, &in), PINF_E_NOT_FOUND);
	assert_ok(CALL(f, rotation_shortest, &shortest));
	assert_true(shortest == UINT64_MAX);
	assert_ok(CALL(f, session_insert, &in));
	assert_ok(CALL(f, session_get, 7, &out));
	assert_true(pinf_policy_doc_equal(&out.policy, &policy));
	assert_ok(CALL(f, rotation_shortest, &shortest));
	assert_int_equal(shortest, 90000);
	in.policy = (struct pinf_policy_doc){.rotation_ms = 60000, .router_sealed = true};
	in.epoch = 5;
	assert_ok(CALL(f, session_policy, &in));
	assert_ok(CALL(f, session_get, 7, &out));
	assert_true(pinf_policy_doc_equal(&out.policy, &in.policy));
	assert_int_equal(out.epoch, 1); /* The policy, and nothing else. */
	in = a_session(8, true);
	in.policy.rotation_ms = 70000;
	assert_ok(CALL(f, session_insert, &in));
	assert_ok(CALL(f, rotation_shortest, &shortest));
	assert_int_equal(shortest, 60000);
	out.closed = true;
	assert_ok(CALL(f, session_update, &out));
	assert_ok(CALL(f, rotation_shortest, &shortest));
	assert_int_equal(shortest, 70000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(policies_are_kept),
	    TEST(the_oldest_that_the_miner_may_have), TEST(closing_and_turning_private_take_effect),
	    TEST(sources_govern), TEST(a_task_may_have_a_list_of_its_own),
	    TEST(it_agrees_with_a_naive_model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
