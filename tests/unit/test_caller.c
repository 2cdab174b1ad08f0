/* SPDX-License-Identifier: Apache-2.0 */
/* test_caller.c -- the caller's core against a small router: good answers, bad ones, none. */
#include "caller_world.h"

static void
the_whole_way(void **state)
{
	struct world *w = *state;
	const struct pinf_event late = {.kind = PINF_EV_TIMER, .now_ms = 9999};

	assert_int_equal(pinf_caller_task(w->caller), 0);
	assert_ok(run(w));
	for (int stage = 0; stage < STAGES; stage++)
		assert_int_equal(w->asked[stage], 1);
	assert_int_equal(pinf_caller_task(w->caller), TASK);
	assert_true(pinf_span_equal(pinf_caller_result(w->caller), SPAN(answer)));
	assert_ok(pinf_caller_step(w->caller, &late, &w->effects)); /* and then nothing more */
	assert_int_equal(w->effects.count, 0);
}

/* What is said, once, in the router's place; the table's row is the test's state. */
struct row {
	enum stage stage;
	unsigned status;
	const char *body;
	enum pinf_err event_err;
	enum pinf_err err;
	const char *field;
	enum pinf_rule rule;
};
static const struct row *row;

static bool
say_row(struct world *w, enum stage stage, struct pinf_event *event)
{
	if (stage != row->stage)
		return false;
	say(w, event, row->status, row->body != NULL ? row->body : "");
	event->err = row->event_err;
	if (stage == SEAL)
		event->kind = PINF_EV_SEALED;
	else if (stage == FETCH || stage == RECALL)
		event->kind = PINF_EV_OPENED;
	return true;
}

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define INSTANCE    "\"instance\":\"000102030405060708090a0b0c0d0e0f\""
#define RESERVED(t, ids)                                                                           \
	"{\"expires_ms\":1," INSTANCE ",\"key_version\":" t "," ids ",\"state\":\"reserved\"}"

static const struct row refusals[] = {
    {RESERVE, 403, "{\"error\":{\"code\":\"denied\",\"message\":\"m\",\"rule\":\"not-owner\"}}",
	PINF_OK, PINF_E_DENIED, "", PINF_RULE_NOT_OWNER},
    {RESERVE, 403, "{\"error\":{\"code\":\"denied\",\"message\":\"m\",\"rule\":\"new\"}}", PINF_OK,
	PINF_E_DENIED, "", PINF_RULE_ACTION_UNKNOWN},
    {RESERVE, 400,
	"{\"error\":{\"code\":\"out-of-range\",\"field\":\"timeout_ms\",\"message\":\"m\"}}",
	PINF_OK, PINF_E_RANGE, "timeout_ms", 0},
    {RESERVE, 404, "<html>", PINF_OK, PINF_E_SYNTAX, "status 404", 0},
    {RESERVE, 302, "", PINF_OK, PINF_E_SYNTAX, "status 302", 0},
    {RESERVE, 403, ERROR("ok"), PINF_OK, PINF_E_SYNTAX, "status 403", 0},
    {RESERVE, 403, ERROR("invented"), PINF_OK, PINF_E_SYNTAX, "status 403", 0},
    {RESERVE, 403, "{\"error\":{\"message\":\"m\"}}", PINF_OK, PINF_E_SYNTAX, "status 403", 0},
    {RESERVE, 404, ERROR("not-found"), PINF_OK, PINF_E_NOT_FOUND, "", 0},
    {RESERVE, 201, "{", PINF_OK, PINF_E_SYNTAX, "", 0},
    {RESERVE, 201, RESERVED("3", "\"session_id\":102,\"task_id\":7"), PINF_OK,
	PINF_E_SCOPE_MISMATCH, "session_id", 0},
    {RESERVE, 201, RESERVED("3", "\"session_id\":101,\"task_id\":0"), PINF_OK, PINF_E_ID_RANGE,
	"task_id", 0},
    {RESERVE, 201, RESERVED("0", "\"session_id\":101,\"task_id\":7"), PINF_OK, PINF_E_RANGE,
	"key_version", 0},
    {RESERVE, 201, RESERVED("3", "\"session_id\":101"), PINF_OK, PINF_E_MISSING, "task_id", 0},
    {RESERVE, 201, RESERVED("3", "\"a\":1,\"session_id\":101,\"task_id\":7"), PINF_OK,
	PINF_E_UNKNOWN_FIELD, "a", 0},
    {INPUT_KEY, 401, ERROR("auth-expired"), PINF_OK, PINF_E_AUTH_EXPIRED, "", 0},
    {INPUT_KEY, 410, ERROR("key-version-destroyed"), PINF_OK, PINF_E_KEY_DESTROYED, "", 0},
    {INPUT_KEY, 200, "{}", PINF_OK, PINF_E_MISSING, "", 0},
    {SEAL, 0, NULL, PINF_E_NO_MEMORY, PINF_E_NO_MEMORY, "", 0},
    {PUT, 410, ERROR("key-version-destroyed"), PINF_OK, PINF_E_KEY_DESTROYED, "", 0},
    {PUT, 0, NULL, PINF_E_TOO_LARGE, PINF_E_TOO_LARGE, "", 0},
    {SUBMIT, 422, ERROR("blob-commitment"), PINF_OK, PINF_E_BLOB_COMMITMENT, "", 0},
    {SUBMIT, 502, ERROR("task-failed"), PINF_OK, PINF_E_TASK_FAILED, "", 0},
    {SUBMIT, 502, ERROR("inference"), PINF_OK, PINF_E_INFERENCE, "", 0},
    {SUBMIT, 504, ERROR("timeout"), PINF_OK, PINF_E_TIMEOUT, "", 0},
    {SUBMIT, 200, "[]", PINF_OK, PINF_E_TYPE, "", 0},
    {SUBMIT, 200, "{\"session_id\":101,\"state\":\"created\",\"task_id\":7}", PINF_OK, PINF_E_STATE,
	"state", 0},
    {SUBMIT, 200, "{\"session_id\":101,\"state\":\"committed\",\"task_id\":7}", PINF_OK,
	PINF_E_MISSING, "attempt", 0},
    {SUBMIT, 202, "{\"session_id\":101,\"state\":\"created\",\"task_id\":8}", PINF_OK,
	PINF_E_SCOPE_MISMATCH, "task_id", 0},
    {RESULT_KEY, 403, "{\"error\":{\"code\":\"denied\",\"message\":\"m\",\"rule\":\"not-owner\"}}",
	PINF_OK, PINF_E_DENIED, "", PINF_RULE_NOT_OWNER},
    {FETCH, 0, NULL, PINF_E_BLOB_FORGED, PINF_E_BLOB_FORGED, "", 0},
    {FETCH, 404, ERROR("no-such-blob"), PINF_OK, PINF_E_NO_BLOB, "", 0},
};

static void
refusals_end_it_in_the_routers_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct world *w;
		enum pinf_err err;

		(void)set_up((void **)&w);
		row = &refusals[i];
		w->meddle = say_row;
		err = run(w);
		if (err != row->err || strcmp(pinf_caller_error(w->caller)->field, row->field) != 0)
			fail_msg("row %zu: %s, field %s", i, pinf_err_name(err),
			    pinf_caller_error(w->caller)->field);
		assert_int_equal(pinf_caller_error(w->caller)->rule, row->rule);
		assert_int_equal(w->asked[row->stage], 1);
		(void)tear_down((void **)&w);
	}
}

/* The same until the third asking. */
static bool
say_row_twice(struct world *w, enum stage stage, struct pinf_event *event)
{
	return w->asked[stage] <= 2 && say_row(w, stage, event);
}

#define EVERYWHERE STAGES

static const struct row passing[] = {
    {EVERYWHERE, 0, NULL, PINF_E_IO, PINF_OK, "", 0},
    {EVERYWHERE, 0, NULL, PINF_E_TIMEOUT, PINF_OK, "", 0},
    {EVERYWHERE, 429, "slow down", PINF_OK, PINF_OK, "", 0},
    {EVERYWHERE, 502, "<html>", PINF_OK, PINF_OK, "", 0},
    {EVERYWHERE, 503, ERROR("busy"), PINF_OK, PINF_OK, "", 0},
    {EVERYWHERE, 500, ERROR("store-corrupt"), PINF_OK, PINF_OK, "", 0},
    {EVERYWHERE, 401, ERROR("auth-replay"), PINF_OK, PINF_OK, "", 0},
    {RESULT_KEY, 504, ERROR("timeout"), PINF_OK, PINF_OK, "", 0},
    {SUBMIT, 202, "{\"session_id\":101,\"state\":\"assigned\",\"task_id\":7}", PINF_OK, PINF_OK, "",
	0},
};

static void
what_may_pass_is_asked_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(passing); i++) {
		for (int stage = 0; stage < STAGES; stage++) {
			struct row here = passing[i];
			struct world *w;

			/* Sealing is the driver's: it is not repeated. */
			if (stage == SEAL || (here.stage != EVERYWHERE && (int)here.stage != stage))
				continue;
			here.stage = (enum stage)stage;
			row = &here;
			(void)set_up((void **)&w);
			w->meddle = say_row_twice;
			assert_ok(run(w));
			assert_int_equal(w->asked[stage], 3);
			assert_int_equal(w->now_ms, 1000 + 2 * w->config.retry_ms);
			assert_true(pinf_span_equal(pinf_caller_result(w->caller), SPAN(answer)));
			(void)tear_down((void **)&w);
		}
	}
}

static const struct row lasting[] = {
    {RESERVE, 0, NULL, PINF_E_IO, PINF_E_IO, "", 0},
    {INPUT_KEY, 503, ERROR("busy"), PINF_OK, PINF_E_BUSY, "", 0},
    {SUBMIT, 503, "<html>", PINF_OK, PINF_E_IO, "status 503", 0},
    {SUBMIT, 202, "{\"session_id\":101,\"state\":\"assigned\",\"task_id\":7}", PINF_OK,
	PINF_E_TIMEOUT, "", 0},
    {FETCH, 0, NULL, PINF_E_TIMEOUT, PINF_E_TIMEOUT, "", 0},
};

static void
until_the_tasks_time_is_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lasting); i++) {
		struct world *w;

		(void)set_up((void **)&w);
		row = &lasting[i];
		w->meddle = say_row;
		assert_err(run(w), row->err);
		assert_string_equal(pinf_caller_error(w->caller)->field, row->field);
		assert_int_equal(w->asked[row->stage], 100); /* 10 s, every 100 ms */
		(void)tear_down((void **)&w);
	}
}

/* Preparing, waiting and reading take 5 seconds each: together more than the timeout. */
static bool
be_slow(struct world *w, enum stage stage, struct pinf_event *event)
{
	if ((stage != RESERVE && stage != SUBMIT && stage != FETCH) || w->asked[stage] > 50)
		return false;
	event->kind = stage == FETCH ? PINF_EV_OPENED : PINF_EV_REPLY;
	event->err = PINF_E_BUSY;
	return true;
}

static void
each_phase_has_its_time(void **state)
{
	struct world *w = *state;

	w->meddle = be_slow;
	assert_ok(run(w));
	assert_int_equal(w->now_ms, 16000);
}

static void
wrong_session(struct world *w)
{
	w->result.scope.session++;
}

static void
wrong_task(struct world *w)
{
	w->result.scope.task++;
}

static void
wrong_instance(struct world *w)
{
	w->result.scope.instance[15]++;
}

static void
wrong_attempt(struct world *w)
{
	w->result.scope.attempt--;
}

static void
wrong_miner(struct world *w)
{
	w->result.scope.miner.bytes[0]++;
}

static void
an_input(struct world *w)
{
	w->result.scope = w->input_scope;
}

static void
wrong_version(struct world *w)
{
	w->result.key_version++;
}

static void
elsewhere(struct world *w)
{
	const struct pinf_storage other = {"fs", "local", "elsewhere"};

	assert_ok(pinf_urn_of_blob(w->result.urn, &other, &w->result.sha256));
}

static void
another_blob(struct world *w)
{
	w->result.sha256.bytes[0]++;
}

static void
too_short(struct world *w)
{
	w->result.size = PINF_BLOB_HEADER_LEN + PINF_TAG_LEN - 1;
}

static void
too_long(struct world *w)
{
	w->result.size = (uint64_t)1 << 40;
}

static void
not_sealed(struct world *w)
{
	w->result.suite = PINF_SUITE_NONE;
	w->result.key_version = 0;
	memset(&w->result.scope, 0, sizeof w->result.scope);
}

static const struct {
	void (*spoil)(struct world *w);
	enum pinf_err err;
} results[] = {
    {wrong_session, PINF_E_SCOPE_MISMATCH},
    {wrong_task, PINF_E_SCOPE_MISMATCH},
    {wrong_instance, PINF_E_SCOPE_MISMATCH},
    {wrong_attempt, PINF_E_SCOPE_MISMATCH},
    {wrong_miner, PINF_E_SCOPE_MISMATCH},
    {an_input, PINF_E_SCOPE_MISMATCH},
    {wrong_version, PINF_E_SCOPE_MISMATCH},
    {elsewhere, PINF_E_URN_STORAGE},
    {another_blob, PINF_E_HASH_MISMATCH},
    {too_short, PINF_E_BLOB_TRUNCATED},
    {too_long, PINF_E_TOO_LARGE},
    {not_sealed, PINF_E_ENCRYPTION},
};

static void
results_are_checked_before_anything_is_fetched(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(results); i++) {
		struct world *w;

		(void)set_up((void **)&w);
		results[i].spoil(w);
		assert_err(run(w), results[i].err);
		assert_string_equal(pinf_caller_error(w->caller)->field, "result");
		assert_int_equal(w->asked[RESULT_KEY] + w->asked[FETCH], 0);
		(void)tear_down((void **)&w);
	}
}

/* A caller that died after its submission: the next one finds it, and seals nothing. */
static void
a_later_caller_goes_on(void **state)
{
	struct world *w = *state;

	assert_ok(run(w));
	begin(w, document);
	assert_ok(run(w));
	assert_int_equal(w->asked[RECALL], 1);
	assert_int_equal(w->asked[SEAL] + w->asked[PUT], 0);
	assert_int_equal(w->asked[SUBMIT], 1);
	assert_true(pinf_span_equal(pinf_caller_result(w->caller), SPAN(answer)));
	row = &(const struct row){RECALL, 0, NULL, PINF_E_HASH_MISMATCH, PINF_OK, "", 0};
	w->meddle = say_row_twice; /* Read or carried wrongly: once more. */
	begin(w, document);
	assert_ok(run(w));
	assert_int_equal(w->asked[RECALL], 3);
}

static void
another_document_under_the_reference_is_a_conflict(void **state)
{
	struct world *w = *state;

	assert_ok(run(w));
	begin(w, "{\"prompt\":\"other\"}");
	assert_err(run(w), PINF_E_CONFLICT);
	assert_int_equal(w->asked[RECALL], 1);
	assert_int_equal(w->asked[SUBMIT], 0);
}

static void
an_earlier_input_is_checked_before_it_is_fetched(void **state)
{
	struct world *w = *state;
	const struct pinf_storage other = {"fs", "local", "elsewhere"};
	struct pinf_payload good;

	assert_ok(run(w));
	good = w->submitted;
	for (int spoil = 0; spoil < 4; spoil++) {
		w->submitted = good;
		if (spoil == 0)
			w->submitted.scope.task++;
		else if (spoil == 1)
			w->submitted.key_version++;
		else if (spoil == 2)
			assert_ok(pinf_urn_of_blob(w->submitted.urn, &other, &good.sha256));
		else
			w->submitted.size = (uint64_t)1 << 40;
		begin(w, document);
		assert_true(run(w) != PINF_OK);
		assert_string_equal(pinf_caller_error(w->caller)->field, "input");
		assert_int_equal(w->asked[INPUT_KEY] + w->asked[RECALL], 0);
	}
}

/* The task moved on between the reservation and the submission. */
static bool submitted_before;

static bool
overtake(struct world *w, enum stage stage, struct pinf_event *event)
{
	if (stage != SUBMIT || w->meddle == NULL)
		return false;
	w->meddle = NULL;
	say(w, event, 409, ERROR("conflict"));
	w->asked[SUBMIT] = 0; /* The next key is the input's again. */
	if (!submitted_before)
		return true;
	w->submitted = (struct pinf_payload){.sha256 = w->input_sha256,
	    .size = w->sealed_input.len,
	    .suite = w->config.suite,
	    .key_version = 3,
	    .scope = w->input_scope};
	assert_ok(pinf_urn_of_blob(w->submitted.urn, &storage, &w->input_sha256));
	return true;
}

static void
an_overtaken_caller_looks_again(void **state)
{
	struct world *w = *state;

	submitted_before = true;
	w->meddle = overtake;
	assert_ok(run(w));
	assert_int_equal(w->asked[RESERVE], 2);
	assert_int_equal(w->asked[SEAL], 1);
	assert_int_equal(w->asked[RECALL], 1);
	/* Nothing was submitted after all: the reservation ran out meanwhile, and that is told. */
	submitted_before = false;
	w->submitted.size = 0;
	w->meddle = overtake;
	begin(w, document);
	assert_err(run(w), PINF_E_TIMEOUT);
	assert_string_equal(pinf_caller_error(w->caller)->field, "input");
	assert_int_equal(w->asked[RESERVE], 2); /* Asking again would not help. */
}

static void
a_proxys_key_seals_nothing(void **state)
{
	struct world *w = *state;

	assert_ok(pinf_wallet_new(&w->signer, unit_random(&w->seed)));
	assert_err(run(w), PINF_E_GRANT_FORGED);
	assert_int_equal(w->asked[SEAL], 0);
}

static void
another_versions_key_seals_nothing(void **state)
{
	struct world *w = *state;

	w->grant_version = 4;
	assert_err(run(w), PINF_E_GRANT_MISMATCH);
	assert_int_equal(w->asked[SEAL], 0);
}

/* A grant that came too late is asked for again, under a key pair of its own. */
static bool
lengthen_grants(struct world *w, enum stage stage, struct pinf_event *event)
{
	(void)event;
	w->grant_ms = stage == INPUT_KEY && w->asked[stage] < 3 ? 0 : 500;
	return false;
}

static void
late_grants_are_asked_for_again(void **state)
{
	struct world *w = *state;

	w->meddle = lengthen_grants;
	assert_ok(run(w));
	assert_int_equal(w->asked[INPUT_KEY], 3);
}

/* Other ids, other kinds, the same again, timers at any time: nothing happens of it. */
static void
only_the_answer_counts(void **state)
{
	struct world *w = *state;
	struct pinf_event event = {.kind = PINF_EV_TIMER, .now_ms = w->now_ms}, stray;

	while (pinf_caller_state(w->caller) == PINF_CALLER_BUSY) {
		assert_ok(pinf_caller_step(w->caller, &event, &w->effects));
		const size_t count = w->effects.count;

		stray = event; /* repeated by the network */
		if (stray.kind != PINF_EV_TIMER)
			assert_ok(pinf_caller_step(w->caller, &stray, &w->effects));
		stray.kind = PINF_EV_TIMER;
		stray.now_ms = 5000;
		assert_ok(pinf_caller_step(w->caller, &stray, &w->effects));
		if (pinf_caller_state(w->caller) == PINF_CALLER_DONE)
			break;
		stray = (struct pinf_event){
		    .kind = PINF_EV_STORED, .id = w->effects.list[count - 1].id};
		assert_ok(pinf_caller_step(w->caller, &stray, &w->effects));
		stray.kind = PINF_EV_REPLY;
		stray.id += 1000;
		assert_ok(pinf_caller_step(w->caller, &stray, &w->effects));
		assert_int_equal(w->effects.count, count);
		event = drive(w);
	}
	assert_true(pinf_span_equal(pinf_caller_result(w->caller), SPAN(answer)));
	for (int stage = 0; stage < STAGES; stage++)
		assert_int_equal(w->asked[stage], 1);
}

/* A timer before its time waits on, a reply after the asking was given up is too late. */
static void
waiting_is_not_cut_short(void **state)
{
	struct world *w = *state;
	struct pinf_event event = {.kind = PINF_EV_TIMER, .now_ms = 1000};
	uint64_t id;

	assert_ok(pinf_caller_step(w->caller, &event, &w->effects));
	id = w->effects.list[0].id;
	pinf_effects_cut(&w->effects, 0);
	event = (struct pinf_event){
	    .kind = PINF_EV_REPLY, .id = id, .err = PINF_E_TIMEOUT, .now_ms = 1000};
	assert_ok(pinf_caller_step(w->caller, &event, &w->effects));
	assert_int_equal(w->effects.list[0].at_ms, 1100);
	event.err = PINF_OK;
	event.status = 201;
	assert_ok(pinf_caller_step(w->caller, &event, &w->effects));
	event.id = 0;
	assert_ok(pinf_caller_step(w->caller, &event, &w->effects));
	assert_int_equal(w->effects.count, 1);
	event = (struct pinf_event){.kind = PINF_EV_TIMER, .now_ms = 1099};
	assert_ok(pinf_caller_step(w->caller, &event, &w->effects));
	assert_int_equal(w->effects.count, 2);
	assert_int_equal(w->effects.list[1].kind, PINF_FX_WAKE);
	assert_int_equal(w->effects.list[1].at_ms, 1100);
	event.now_ms = 1100;
	assert_ok(pinf_caller_step(w->caller, &event, &w->effects));
	assert_int_equal(w->effects.list[2].kind, PINF_FX_SEND);
}

static void
what_cannot_be_asked_is_not_begun(void **state)
{
	struct world *w = *state;
	struct pinf_caller_config config = w->config;
	struct pinf_caller *caller = NULL;
	struct pinf_bytes moved = {0};

	assert_ok(pinf_bytes_append(&moved, "x", 1));
	config.session = 0;
	assert_err(pinf_caller_open(&caller, &config, &w->wallet, &moved, unit_random(&w->seed)),
	    PINF_E_ID_RANGE);
	config.session = PINF_ID_MAX + 1;
	assert_err(pinf_caller_open(&caller, &config, &w->wallet, &moved, unit_random(&w->seed)),
	    PINF_E_ID_RANGE);
	config = w->config;
	config.suite = PINF_SUITE_NONE;
	assert_err(pinf_caller_open(&caller, &config, &w->wallet, &moved, unit_random(&w->seed)),
	    PINF_E_ENCRYPTION);
	assert_null(caller);
	assert_int_equal(moved.len, 1);
	pinf_bytes_free(&moved);
	pinf_caller_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_whole_way),
	    cmocka_unit_test(refusals_end_it_in_the_routers_words),
	    cmocka_unit_test(what_may_pass_is_asked_again),
	    cmocka_unit_test(until_the_tasks_time_is_over),
	    TEST(each_phase_has_its_time),
	    cmocka_unit_test(results_are_checked_before_anything_is_fetched),
	    TEST(a_later_caller_goes_on),
	    TEST(another_document_under_the_reference_is_a_conflict),
	    TEST(an_earlier_input_is_checked_before_it_is_fetched),
	    TEST(an_overtaken_caller_looks_again),
	    TEST(a_proxys_key_seals_nothing),
	    TEST(another_versions_key_seals_nothing),
	    TEST(late_grants_are_asked_for_again),
	    TEST(only_the_answer_counts),
	    TEST(waiting_is_not_cut_short),
	    TEST(what_cannot_be_asked_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
