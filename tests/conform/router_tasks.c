/* SPDX-License-Identifier: Apache-2.0 */
/* router_tasks.c -- a task's life: what comes at the wrong time, twice, or is not what was promised.  spec/states.md. */
#include <string.h>
#include <time.h>

#include "crypto/crypto.h"
#include "router.h"

static void
sealed(struct trial *t)
{
	struct session s;

	(void)task_at(t, &s, READ_RESULT);
}

static void
plain(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.is_public = true});
	advance(t, new_task(t, &s), READ_RESULT);
}

/* Inline, by an API key: the caller gives up, asks again under its reference, and has the answer in the body. */
static void
inline_answer(struct trial *t, unsigned version, const struct session *s)
{
	struct task *k = new_task(t, s);
	const char *path = text_of("/api/v%u/completions/%llu", version, (unsigned long long)s->id);
	char body[200];
	struct request rq = {.method = "POST", .path = path, .body = body, .patience_ms = 150};
	struct pinf_json_reader answer, choice;
	struct pinf_span text = {NULL, 0};

	(void)snprintf(body, sizeof body,
	    "{\"client_reference\":\"%s\",\"prompt\":\"%s\",\"timeout\":60}", k->reference, PROMPT);
	t->tamper.header = text_of("Bearer %s", s->api_key);
	ask(t, rq);
	k->stage = SUBMITTED;
	advance(t, k, COMMITTED);
	rq.patience_ms = 0;
	rq.path = text_of("/api/v%u/completions/%llu", version, (unsigned long long)s->id);
	t->tamper.header = text_of("Bearer %s", s->api_key);
	ask(t, rq);
	expect(t, 200, "");
	expect_text(t, "object", "text_completion");
	expect_text(t, "model", "kit");
	answer = t->answer;
	if (is_over(t))
		return;
	(void)pinf_json_array(&answer, "choices", true, 1);
	choice = pinf_json_item(&answer, "choices", 0);
	pinf_json_text(&choice, "text", true, &text);
	if (!pinf_span_equal(text, pinf_span_str(ANSWER)))
		fail(t, "%s: the answer is another text", t->asked);
}

static void
v1(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.is_public = true});
	inline_answer(t, 1, &s);
}

static void
v2(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.is_public = true});
	inline_answer(t, 2, &s);
}

static void
v2_router_sealed(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.router_sealed = true});
	change_list(t, &s, "allow", MINER);
	inline_answer(t, 2, &s);
}

static void
reference_again(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, RESERVED), *same = new_task(t, &s);

	(void)strcpy(same->reference, k->reference);
	advance(t, same, RESERVED);
	if (!is_over(t) &&
	    (same->id != k->id || memcmp(same->instance, k->instance, PINF_INSTANCE_LEN) != 0))
		fail(t, "%s: another task under the same reference", t->asked);
}

static void
reference_of_another_prompt(struct trial *t)
{
	struct session s;
	struct task *k;

	make_session(t, &s, (struct session_wish){.is_public = true});
	k = new_task(t, &s);
	advance(t, k, SUBMITTED);
	ask(t, (struct request){.who = OWNER,
		   .method = "POST",
		   .path = text_of("/api/v3/completions/%llu", (unsigned long long)s.id),
		   .body = text_of(
		       "{\"client_reference\":\"%s\",\"prompt\":\"another\",\"timeout\":60}",
		       k->reference),
		   .session = s.id});
	expect(t, 409, "conflict");
	advance(t, k, READ_RESULT);
}

static void
upload_of_other_bytes(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, SEALED);
	struct pinf_hash other = k->input_payload.sha256;

	other.bytes[0] ^= 1;
	upload(t, k, OWNER, &k->input, &other);
	expect(t, 422, "hash-mismatch");
	advance(t, k, READ_RESULT);
}

static void
upload_by_a_stranger(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, SEALED);

	upload(t, k, STRANGER, &k->input, &k->input_payload.sha256);
	if (!is_over(t) && t->status < 400)
		fail(t, "%s: a stranger's upload was taken", t->asked);
}

static void
submitted_and_not_there(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, SEALED);
	char hex[2 * PINF_HASH_LEN + 1];

	pinf_hex(hex, k->input_payload.sha256.bytes, PINF_HASH_LEN);
	(void)snprintf(
	    k->input_payload.urn, sizeof k->input_payload.urn, "urn:blob:1:fs:local:pinf:%s", hex);
	submit(t, k, 0);
	expect(t, 404, "no-such-blob");
}

/* Another task's scope in the metadata, another in the blob. */
static void
submitted_under_another_scope(struct trial *t, bool in_the_blob)
{
	struct session s;
	struct task *k = task_at(t, &s, RESERVED);
	struct pinf_scope scope;

	if (in_the_blob) {
		take_key(t, k, OWNER, PINF_PURPOSE_INPUT, &k->input_key);
		scope = scope_of(t, k, PINF_PURPOSE_INPUT);
		scope.instance[0] ^= 1;
		seal(t, &k->input_key, &scope, k->version,
		    "{\"document\":\"pinf-input-1\",\"prompt\":\"x\"}", &k->input,
		    &k->input_payload);
		k->stage = SEALED;
		k->input_payload.scope = scope_of(t, k, PINF_PURPOSE_INPUT);
	}
	advance(t, k, UPLOADED);
	if (!in_the_blob)
		k->input_payload.scope.task++;
	submit(t, k, 0);
	expect(t, 422, "scope-mismatch");
}

static void
scope_of_the_metadata(struct trial *t)
{
	submitted_under_another_scope(t, false);
}

static void
scope_of_the_blob(struct trial *t)
{
	submitted_under_another_scope(t, true);
}

static void
damaged_after_the_hash(struct trial *t, size_t at, const char *code)
{
	struct session s;
	struct task *k = task_at(t, &s, RESULT_SEALED);

	if (is_over(t))
		return;
	k->result.data[at] ^= 1;
	pinf_sha256(&k->result_payload.sha256, pinf_span_of(&k->result));
	advance(t, k, PRECOMMITTED);
	commit(t, k, MINER);
	expect(t, 422, code);
}

static void
commitment_damaged(struct trial *t)
{
	damaged_after_the_hash(t, PINF_BLOB_HEADER_LEN - 1, "blob-commitment");
}

static void
magic_damaged(struct trial *t)
{
	damaged_after_the_hash(t, 0, "blob-magic");
}

static void
other_miner(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, ACKED);

	precommit(t, k, OTHER_MINER);
	if (!is_over(t) && t->status < 400)
		fail(t, "%s: another miner's precommit was taken", t->asked);
	advance(t, k, READ_RESULT);
}

static void
sent_again(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, ACKED);

	miner_verb(t, k, MINER, "ack");
	expect(t, 200, "");
	advance(t, k, PRECOMMITTED);
	precommit(t, k, MINER);
	expect(t, 200, "");
	if (is_over(t))
		return;
	k->result_payload.sha256.bytes[0] ^= 1;
	precommit(t, k, MINER);
	expect(t, 409, "wrong-state");
	k->result_payload.sha256.bytes[0] ^= 1;
	advance(t, k, READ_RESULT);
}

static void
commit_without_precommit(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, RESULT_UPLOADED);

	commit(t, k, MINER);
	expect(t, 409, "wrong-state");
	advance(t, k, READ_RESULT);
}

static void
commit_of_other_bytes(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, RESULT_UPLOADED);
	struct pinf_hash right;

	if (is_over(t))
		return;
	right = k->result_payload.sha256;
	k->result_payload.sha256.bytes[0] ^= 1;
	advance(t, k, PRECOMMITTED);
	k->result_payload.sha256 = right;
	commit(t, k, MINER);
	expect(t, 422, "hash-mismatch");
}

static void
commit_of_a_wrong_size(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, PRECOMMITTED);

	k->result_payload.size++;
	commit(t, k, MINER);
	expect(t, 422, "size-mismatch");
	k->result_payload.size--;
	advance(t, k, READ_RESULT);
}

static void
commit_twice(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, COMMITTED);

	commit(t, k, MINER);
	expect(t, 200, "");
	expect_text(t, "state", "committed");
	advance(t, k, READ_RESULT);
}

static void
signed_by_another(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, RESULT_UPLOADED);

	if (is_over(t))
		return;
	k->epoch++;
	precommit(t, k, MINER);
	expect(t, 401, "auth-signature");
	k->epoch--;
	advance(t, k, PRECOMMITTED);
	k->epoch++;
	commit(t, k, MINER);
	expect(t, 401, "auth-signature");
	k->epoch--;
	advance(t, k, READ_RESULT);
}

/* What was released goes to the next attempt, and the former one is over. */
static void
released(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, ACKED);
	const uint32_t former = k->attempt;

	change_list(t, &s, "allow", OTHER_MINER);
	miner_verb(t, k, MINER, "release");
	expect(t, 200, "");
	claim_again(t, k, OTHER_MINER);
	if (!is_over(t) && k->attempt != former + 1)
		fail(t, "the next attempt is %u, must be %u", k->attempt, former + 1);
	ask_key(t, k, MINER, "result", former);
	refused(t, "lease-not-held");
	advance(t, k, READ_RESULT);
}

/* Its own former attempt is as much over as anybody else's. */
static void
old_attempt(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, RESULT_SEALED);
	struct task old;

	if (is_over(t))
		return;
	old = *k;
	miner_verb(t, k, MINER, "release");
	expect(t, 200, "");
	claim_again(t, k, MINER);
	ask_key(t, k, MINER, "result", old.attempt);
	refused(t, "lease-not-held");
	miner_verb(t, &old, MINER, "ack");
	refused(t, "lease-not-held");
	precommit(t, &old, MINER);
	refused(t, "lease-not-held");
	advance(t, k, READ_RESULT);
}

/* The precommit's time is over: the task goes to another miner, and the late one is not heard. */
static void
too_late(struct trial *t)
{
	struct session s;
	struct task *k;
	struct task late;
	const struct timespec over = {.tv_sec = 1, .tv_nsec = 300000000};

	make_listed(t, &s);
	change_list(t, &s, "allow", OTHER_MINER);
	k = new_task(t, &s);
	k->precommit_ms = 1000;
	advance(t, k, ACKED);
	if (is_over(t))
		return;
	late = *k;
	(void)nanosleep(&over, NULL);
	claim_again(t, k, OTHER_MINER);
	ask_key(t, &late, MINER, "input", 0);
	refused(t, "lease-not-held");
	miner_verb(t, &late, MINER, "ack");
	refused(t, "lease-not-held");
	advance(t, k, READ_RESULT);
}

static void
read_by_a_stranger(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, COMMITTED);

	ask(t, (struct request){.who = STRANGER,
		   .method = "GET",
		   .path = text_of("/api/v1/tasks/%llu/%llu", (unsigned long long)s.id,
		       (unsigned long long)k->id),
		   .session = s.id,
		   .task = k->id});
	refused(t, "not-owner");
	ask_key(t, k, STRANGER, "result", k->attempt);
	if (!is_over(t) && t->status == 200)
		fail(t, "a stranger got a result's key");
}

static void
task_seen_by_its_owner(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, COMMITTED);

	ask(t, (struct request){.who = OWNER,
		   .method = "GET",
		   .path = text_of("/api/v1/tasks/%llu/%llu", (unsigned long long)s.id,
		       (unsigned long long)k->id),
		   .session = s.id,
		   .task = k->id});
	expect(t, 200, "");
	expect_text(t, "state", "committed");
	expect_text(t, "route", "caller-sealed");
	if (!is_over(t) && number_of(t, "epoch") != k->epoch)
		fail(t, "%s: the epoch is another", t->asked);
	if (!is_over(t) && !pinf_json_has(&t->answer, "result_signature"))
		fail(t, "%s: the miner's signature is not there", t->asked);
}

static void
oldest_first(struct trial *t)
{
	struct session s;
	struct task *one, *two;

	make_listed(t, &s);
	one = new_task(t, &s);
	two = new_task(t, &s);
	advance(t, one, SUBMITTED);
	advance(t, two, SUBMITTED);
	advance(t, one, READ_RESULT);
	advance(t, two, READ_RESULT);
}

/* Under its reference a caller that crashed finds its task, and the input that it had submitted. */
static void
resumed(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, SUBMITTED);
	const struct task about = {.session = &s};
	struct pinf_json_reader answer, input;
	struct pinf_payload payload = {.size = 0};

	post(t, OWNER, CALLERS, text_of("/api/v3/reservations/%llu", (unsigned long long)s.id),
	    text_of("{\"client_reference\":\"%s\",\"timeout_ms\":60000}", k->reference), &about);
	expect(t, 201, "");
	expect_text(t, "state", "created");
	answer = t->answer;
	if (is_over(t))
		return;
	input = pinf_json_object(&answer, "input", true);
	pinf_payload_read(&input, &payload);
	if (pinf_json_end(&input) != PINF_OK || !pinf_payload_equal(&payload, &k->input_payload))
		fail(t, "%s: the input is not the one that was submitted", t->asked);
	advance(t, k, READ_RESULT);
}

static void
state_is(struct trial *t, const struct task *k, const char *state)
{
	ask(t, (struct request){.who = OWNER,
		   .method = "GET",
		   .path = text_of("/api/v1/tasks/%llu/%llu", (unsigned long long)k->session->id,
		       (unsigned long long)k->id),
		   .session = k->session->id,
		   .task = k->id});
	expect(t, 200, "");
	expect_text(t, "state", state);
}

/* Fetched by its owner, a result's task is closed; it can still be read, by its owner alone. */
static void
closed_by_reading(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, COMMITTED);
	char hex[2 * PINF_HASH_LEN + 1];

	state_is(t, k, "committed");
	pinf_hex(hex, k->result_payload.sha256.bytes, PINF_HASH_LEN);
	ask(t, (struct request){.who = STRANGER,
		   .method = "GET",
		   .path = text_of("/api/v3/blobs/%s", hex),
		   .session = s.id,
		   .task = k->id});
	expect(t, 403, "denied");
	advance(t, k, READ_RESULT);
	state_is(t, k, "closed");
}

#define CASE(ID, SPEC, RUN)                                                                        \
	{                                                                                          \
		.id = "router/" ID, .spec = (SPEC), .run = (RUN)                                   \
	}
#define DEPLOYED(ID, SPEC, RUN)                                                                    \
	{                                                                                          \
		.id = "router/" ID, .spec = (SPEC), .deployed = true, .run = (RUN)                 \
	}

static const struct router_case cases[] = {
    DEPLOYED("task/v1", "API-19", v1),
    DEPLOYED("task/v2", "API-19", v2),
    CASE("task/v2-router-sealed", "API-19", v2_router_sealed),
    CASE("task/v3-plain", "API-25", plain),
    DEPLOYED("task/v3-sealed", "API-19", sealed),
    CASE("task/oldest-first", "STATE-7", oldest_first),
    CASE("task/resumed", "STATE-18", resumed),
    CASE("task/closed-by-reading", "STATE-12", closed_by_reading),
    CASE("task/reference-again", "API-26", reference_again),
    CASE("task/reference-conflict", "API-23", reference_of_another_prompt),
    CASE("task/seen-by-its-owner", "AUTH-13", task_seen_by_its_owner),
    CASE("task/seen-by-a-stranger", "POL-13", read_by_a_stranger),
    CASE("blob/other-bytes", "API-27", upload_of_other_bytes),
    CASE("blob/stranger", "API-27", upload_by_a_stranger),
    CASE("blob/not-there", "STATE-6", submitted_and_not_there),
    CASE("blob/scope-of-the-metadata", "STATE-6", scope_of_the_metadata),
    CASE("blob/scope-of-the-blob", "STATE-6", scope_of_the_blob),
    CASE("blob/commitment", "API-34", commitment_damaged),
    CASE("blob/magic", "API-34", magic_damaged),
    CASE("lease/other-miner", "STATE-9", other_miner),
    CASE("lease/sent-again", "API-32", sent_again),
    CASE("lease/no-precommit", "STATE-9", commit_without_precommit),
    CASE("lease/other-result", "STATE-9", commit_of_other_bytes),
    CASE("lease/wrong-size", "API-34", commit_of_a_wrong_size),
    CASE("lease/commit-twice", "STATE-11", commit_twice),
    CASE("lease/result-signature", "AUTH-13", signed_by_another),
    CASE("lease/release", "STATE-8", released),
    CASE("lease/old-attempt", "SCOPE-7", old_attempt),
    CASE("lease/too-late", "STATE-8", too_late),
};

struct case_list
router_task_cases(void)
{
	return (struct case_list){cases, sizeof cases / sizeof cases[0]};
}
