/* SPDX-License-Identifier: Apache-2.0 */
/* test_router_fault.c -- batches that fail, key versions that change in mid-task, orphans. */
#include <inttypes.h>

#include "router_fixture.h"

/* After a batch that failed: a request is answered, a task goes through. */
static void
works(struct rig *r, uint64_t session)
{
	struct lease task, l;

	submitted(r, session, &task);
	precommitted(r, &r->miner, session, &l);
	assert_int_equal(commit(r, &l), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_int_equal(r->status, 200);
}

static void
failed_batches(void **state)
{
	static const struct {
		enum fault_at at;
		unsigned nth;
		enum pinf_err err;
		unsigned status;
	} cases[] = {
	    {AT_COMMIT, 1, PINF_E_FULL, 507},
	    {AT_COMMIT, 1, PINF_E_IO, 503},
	    {AT_SAVEPOINT, 2, PINF_E_STORE, 503},
	    {AT_NEXT_DUE, 1, PINF_E_IO, 503},
	    {AT_TASK_UPDATE, 1, PINF_E_IO, 503},
	    {AT_AUDIT, 1, PINF_E_FULL, 507},
	};
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, true);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lease task, l, reserved;
		uint64_t caller, miner, upload;
		struct pinf_event events[3];

		submitted(r, session, &task);
		caller = r->request;
		precommitted(r, &r->miner, session, &l);
		assert_int_equal(
		    post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":60000}"), 0);
		miner = r->request;
		reserve(r, session, "", &reserved);
		assert_int_equal(blob_put(r, NULL, &reserved, &task.input), 0);
		upload = r->request;
		assert_int_equal(commit(r, &l), 0);
		events[0] = (struct pinf_event){
		    .kind = PINF_EV_CHECKED, .id = rig_effect(r, PINF_FX_CHECK)->id};
		events[1] = rig_event(r, NULL, "GET", "/api/v1/info", NULL);
		events[2] = rig_event(r, &r->miner, "POST", "/api/v1/miner/claim", "{}");
		{
			const uint64_t committing = r->request;
			const uint64_t asked[] = {
			    committing, events[1].id, events[2].id, caller, miner};

			rig_fail(cases[i].at, cases[i].nth, cases[i].err);
			rig_step(r, events, 3);
			assert_err(r->stepped, cases[i].err);
			/* Everyone once, by an error, and nothing else but the next timer. */
			for (size_t a = 0; a < sizeof asked / sizeof asked[0]; a++)
				assert_int_equal(answer_to(r, asked[a]), cases[i].status);
			assert_int_equal(rig_count(r, PINF_FX_RESPOND), 5);
			assert_int_equal(rig_count(r, PINF_FX_WAKE), 1);
			assert_int_equal(r->fx.count - r->from, 6);
		}
		/* The upload was in flight before: it goes on. */
		r->request = upload;
		rig_do(r, PINF_FX_UPLOAD);
		assert_int_equal(r->status, 201);
		/* The result was not accepted; the miner says it again. */
		assert_int_equal(commit(r, &l), 0);
		rig_do(r, PINF_FX_CHECK);
		assert_int_equal(r->status, 200);
		works(r, session);
		rig_pass(r, 130000); /* the reservation runs out */
	}
	assert_int_equal(get(r, &unsigned_mark, "/metrics"), 200);
	assert_true(said(r, "pinf_commit_failures_total 6\n"));
}

static void
no_grant_without_its_record(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task;
	struct pinf_key key;

	reserve(r, session, "", &task);
	rig_fail(AT_AUDIT, 1, PINF_E_IO);
	assert_err(key_of(r, NULL, &task, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_refused(r, r->status, 503, "io");
	assert_false(said(r, "sealed_key"));
	assert_ok(key_of(r, NULL, &task, PINF_PURPOSE_INPUT, &key));
}

/* A v2 answer in the making when the batch fails: sealed bytes are given up, nobody is told twice. */
static void
sealing_and_delivering(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, true);
	struct lease l;
	uint64_t caller;

	for (int delivered = 0; delivered < 2; delivered++) {
		assert_int_equal(post(r, NULL, "/api/v2/completions",
				     "{\"prompt\":\"p\",\"session_id\":%" PRIu64 "}", session),
		    0);
		caller = r->request;
		if (delivered) {
			rig_do(r, PINF_FX_SEAL);
			rig_do(r, PINF_FX_STORE);
			precommitted(r, &r->miner, session, &l);
			assert_int_equal(commit(r, &l), 0);
			rig_do(r, PINF_FX_CHECK);
			assert_int_equal(rig_count(r, PINF_FX_DELIVER), 1);
		}
		rig_fail(AT_COMMIT, 1, PINF_E_IO);
		rig_do(r, delivered ? PINF_FX_DELIVER : PINF_FX_SEAL);
		assert_err(r->stepped, PINF_E_IO);
		assert_int_equal(answer_to(r, caller), delivered ? 0 : 503);
		assert_int_equal(rig_count(r, PINF_FX_DROP), !delivered);
		/* Late answers to work that was given up are no harm. */
		rig_do(r, delivered ? PINF_FX_DELIVER : PINF_FX_SEAL);
		assert_int_equal(rig_count(r, PINF_FX_DROP), !delivered);
	}
	assert_string_equal(state_of(r, &l), "committed");
	rig_pass(r, r->config.retention_ms);
	assert_string_equal(state_of(r, &l), "closed");
	/* Sealing and storing that fail end the task: it is not to be tried again. */
	for (int stored = 0; stored < 2; stored++) {
		assert_int_equal(post(r, NULL, "/api/v2/completions",
				     "{\"prompt\":\"p\",\"session_id\":%" PRIu64 "}", session),
		    0);
		caller = r->request;
		if (stored)
			rig_do(r, PINF_FX_SEAL);
		rig_answer(r, stored ? PINF_FX_STORE : PINF_FX_SEAL, PINF_E_FULL);
		assert_refused(r, answer_to(r, caller), 502, "\"field\":\"disk-full\"");
	}
	works(r, session);
}

static unsigned
rotate(struct rig *r)
{
	return post(r, &r->admin, "/api/v1/keys/rotate", "{}");
}

/* A reservation that ran out before its input came: its reference is not lost with it. */
static void
a_reservation_begins_again(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease first, again;
	struct pinf_payload payload;
	uint64_t caller;

	reserve(r, session, "x", &first);
	assert_true(said(r, "\"state\":\"reserved\""));
	assert_int_equal(rotate(r), 0);
	rig_do(r, PINF_FX_SAVE_KEYRING);
	rig_pass(r, r->config.reserve_ms);
	assert_string_equal(state_of(r, &first), "expired");
	reserve(r, session, "x", &again);
	assert_int_equal(again.task, first.task);
	assert_memory_equal(again.instance, first.instance, sizeof first.instance);
	assert_int_equal(again.version, first.version + 1); /* The one of now. */
	/* Its input is looked at when it runs out once more: that work comes back first. */
	seal_input(r, &again, &payload);
	assert_int_equal(submit(r, &again, &payload), 0);
	caller = r->request;
	rig_pass(r, r->config.reserve_ms);
	assert_refused(r, answer_to(r, caller), 0, "");
	assert_refused(r, post(r, NULL, "/api/v3/reservations/1", "{\"client_reference\":\"x\"}"),
	    503, "busy");
	rig_do(r, PINF_FX_CHECK);
	assert_refused(r, answer_to(r, caller), 504, "timeout");
	reserve(r, session, "x", &again);
	seal_input(r, &again, &payload);
	assert_int_equal(submit(r, &again, &payload), 0);
	rig_do(r, PINF_FX_CHECK);
	assert_string_equal(state_of(r, &again), "created");
	/* From here on the reservation tells what was submitted. */
	reserve(r, session, "x", &again);
	assert_true(said(r, "\"state\":\"created\""));
	assert_true(said(r, payload.urn));
}

/* The router dies while it seals a prompt: sent again under its reference, it is sealed again. */
static void
a_prompt_is_sealed_again(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, true);
	struct lease task = {.session = session, .task = 1}, lease;

	for (int life = 0; life < 2; life++) {
		assert_int_equal(
		    post(r, NULL, "/api/v2/completions",
			"{\"client_reference\":\"z\",\"prompt\":\"p\",\"session_id\":%" PRIu64 "}",
			session),
		    0);
		if (life == 1)
			break;
		rig_restart(r, &r->config);
		assert_string_equal(state_of(r, &task), "reserved");
		assert_refused(r,
		    post(r, NULL, "/api/v2/completions",
			"{\"client_reference\":\"z\",\"prompt\":\"other\",\"session_id\":%" PRIu64
			"}",
			session),
		    409, "conflict");
	}
	rig_do(r, PINF_FX_SEAL);
	rig_do(r, PINF_FX_STORE);
	assert_int_equal(claim(r, &r->miner, session, &lease), 200);
	assert_int_equal(lease.task, task.task);
}

static void
key_versions(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task, l, later;
	struct pinf_key key;
	uint64_t caller;

	submitted(r, session, &task);
	caller = r->request;
	assert_int_equal(claim(r, &r->miner, session, &l), 200);
	assert_refused(r, post(r, NULL, "/api/v1/keys/rotate", "{}"), 403, "not-owner");
	assert_int_equal(rotate(r), 0);
	{
		const uint64_t first = r->request;

		assert_refused(r, rotate(r), 503, "busy"); /* one change at a time */
		r->request = first;
	}
	rig_answer(r, PINF_FX_SAVE_KEYRING, PINF_E_IO);
	assert_refused(r, r->status, 503, "io");
	reserve(r, session, "", &later);
	assert_int_equal(later.version, 1); /* nothing is sealed under what no file holds */
	assert_int_equal(rotate(r), 0);
	rig_do(r, PINF_FX_SAVE_KEYRING);
	assert_int_equal(r->status, 200);
	assert_int_equal(number(r, "active"), 2);
	reserve(r, session, "", &later);
	assert_int_equal(later.version, 2);
	/* What began under version 1 ends under it. */
	assert_int_equal(attempt(r, &l, "ack"), 200);
	assert_refused(r, post(r, &r->admin, "/api/v1/keys/destroy", "{\"key_version\":1}"), 409,
	    "key-version-in-use");
	assert_refused(r, post(r, &r->admin, "/api/v1/keys/destroy", "{\"key_version\":2}"), 409,
	    "wrong-state");
	assert_refused(r, post(r, &r->admin, "/api/v1/keys/destroy", "{\"key_version\":3}"), 404,
	    "key-version-unknown");
	make_result(r, &l, "hi");
	assert_int_equal(l.version, 1);
	assert_int_equal(precommit(r, &l), 200);
	assert_int_equal(
	    post(r, &r->admin, "/api/v1/keys/destroy", "{\"force\":true,\"key_version\":1}"), 0);
	{
		const uint64_t admin = r->request;

		assert_refused(r, answer_to(r, caller), 410, "key-version-destroyed");
		r->request = admin;
	}
	rig_do(r, PINF_FX_SAVE_KEYRING);
	assert_int_equal(r->status, 200);
	assert_string_equal(state_of(r, &task), "failed");
	assert_refused(r, commit(r, &l), 403, "lease-not-held");
	assert_err(key_of(r, NULL, &task, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_true(said(r, "key-version-unusable"));
}

/* The file is written though its batch fails: memory follows the file. */
static void
saved_but_undone(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease later;

	assert_int_equal(rotate(r), 0);
	rig_fail(AT_COMMIT, 1, PINF_E_IO);
	rig_pass(r, 0); /* a failure meanwhile touches neither */
	assert_err(r->stepped, PINF_E_IO);
	rig_fail(AT_SAVEPOINT, 1, PINF_E_IO);
	rig_do(r, PINF_FX_SAVE_KEYRING);
	assert_refused(r, r->status, 503, "io");
	reserve(r, session, "", &later);
	assert_int_equal(later.version, 2);
	works(r, session);
}

static void
orphans(void **state)
{
	struct rig *r = *state;
	const uint64_t session = session_new(r, true, false);
	struct lease task, kept;
	struct pinf_payload payload;

	submitted(r, session, &kept);
	reserve(r, session, "", &task);
	seal_input(r, &task, &payload);
	rig_pass(r, 3600000);
	assert_int_equal(rig_count(r, PINF_FX_DELETE), 1);
	assert_memory_equal(
	    rig_effect(r, PINF_FX_DELETE)->sha256.bytes, payload.sha256.bytes, PINF_HASH_LEN);
	/* What is being deleted is not written again. */
	reserve(r, session, "", &task);
	assert_refused(r, blob_put(r, NULL, &task, &payload.sha256), 503, "busy");
	rig_answer(r, PINF_FX_DELETE, PINF_E_IO); /* another time */
	rig_pass(r, 3600000);
	assert_int_equal(rig_count(r, PINF_FX_DELETE), 1);
	rig_answer(r, PINF_FX_DELETE, PINF_OK);
	rig_pass(r, 3600000);
	assert_int_equal(rig_count(r, PINF_FX_DELETE), 0);
	reserve(r, session, "", &task);
	assert_int_equal(blob_put(r, NULL, &task, &payload.sha256), 0);
	rig_do(r, PINF_FX_UPLOAD);
	assert_int_equal(r->status, 201);
}

/* Checkpoints come by themselves after so many records. */
static void
checkpoints(void **state)
{
	struct rig *r = *state;
	struct pinf_checkpoint checkpoint;

	(void)session_new(r, false, false);
	for (int i = 0; i < 256; i++)
		assert_refused(
		    r, post(r, &r->other, "/api/v1/sessions/1/close", "{}"), 403, "not-owner");
	assert_ok(r->real.ops->checkpoint_last(r->real.ctx, &checkpoint));
	assert_int_equal(checkpoint.seq, 256);
	rig_fail(AT_COMMIT, 1, PINF_E_IO);
	assert_err(pinf_router_checkpoint(r->router), PINF_E_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_new, rig_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(failed_batches),
	    TEST(no_grant_without_its_record),
	    TEST(sealing_and_delivering),
	    TEST(a_reservation_begins_again),
	    TEST(a_prompt_is_sealed_again),
	    TEST(key_versions),
	    TEST(saved_but_undone),
	    TEST(orphans),
	    TEST(checkpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
