/* SPDX-License-Identifier: Apache-2.0 */
/* router_access.c -- who gets keys, and what a private session refuses.  spec/policy.md, spec/grants.md. */
#include <string.h>

#include "router.h"

/* A completion of a version by an API key of the session. */
static void
complete(struct trial *t, const struct session *s, unsigned version, const char *more)
{
	t->tamper.header = text_of("Bearer %s", s->api_key);
	post(t, NOBODY, CALLERS,
	    text_of("/api/v%u/completions/%llu", version, (unsigned long long)s->id),
	    text_of("{\"prompt\":\"x\",\"timeout\":1%s}", more), NULL);
}

static void
v1_of_a_private_session(struct trial *t)
{
	complete(t, &t->router->shared[1], 1, "");
	refused(t, "plaintext-in-private-session");
}

static void
v2_of_a_private_session(struct trial *t)
{
	complete(t, &t->router->shared[1], 2, "");
	refused(t, "router-sealed-forbidden");
}

static void
v3_prompt_of_a_private_session(struct trial *t)
{
	complete(t, &t->router->shared[1], 3, "");
	refused(t, "plaintext-in-private-session");
}

static void
stream_of_a_private_session(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.router_sealed = true});
	complete(t, &s, 2, ",\"stream\":true");
	refused(t, "stream-sealed");
}

static void
api_key_reserves(struct trial *t)
{
	t->tamper.header = text_of("Bearer %s", t->router->shared[1].api_key);
	post(t, NOBODY, CALLERS,
	    text_of("/api/v3/reservations/%llu", (unsigned long long)t->router->shared[1].id), "{}",
	    NULL);
	refused(t, "wallet-required");
}

static void
api_key_asks_for_a_key(struct trial *t)
{
	struct session s;
	struct task *k;

	make_session(t, &s, (struct session_wish){.type = NULL});
	k = new_task(t, &s);
	advance(t, k, RESERVED);
	t->tamper.header = text_of("Bearer %s", s.api_key);
	ask_key(t, k, OWNER, "input", 0);
	refused(t, "wallet-required");
}

static void
api_key_changes_a_list(struct trial *t)
{
	t->tamper.header = text_of("Bearer %s", t->router->shared[1].api_key);
	post(t, NOBODY, MINERS,
	    text_of("/api/v1/sessions/%llu/allow", (unsigned long long)t->router->shared[1].id),
	    "{\"miner\":\"0x00000000000000000000000000000000000000aa\"}", NULL);
	refused(t, "wallet-required");
}

/* Privacy is one-way: the first miner ever allowed makes a session private, and taking it off changes nothing of that. */
static void
private_for_ever(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.is_public = true});
	change_list(t, &s, "allow", MINER);
	complete(t, &s, 1, "");
	refused(t, "plaintext-in-private-session");
	change_list(t, &s, "deny", MINER);
	complete(t, &s, 1, "");
	refused(t, "plaintext-in-private-session");
}

static void
closed(struct trial *t)
{
	struct session s;
	const struct task about = {.session = &s};

	make_session(t, &s, (struct session_wish){.is_public = true});
	for (int i = 0; i < 2; i++) {
		post(t, OWNER, MINERS,
		    text_of("/api/v1/sessions/%llu/close", (unsigned long long)s.id), "{}", &about);
		expect(t, 200, "");
	}
	complete(t, &s, 1, "");
	refused(t, "session-closed");
}

static void
strangers_session(struct trial *t)
{
	const struct session *s = &t->router->shared[1];
	const struct task about = {.session = s};
	static const char *const verbs[] = {"close", "allow", "deny", "policy"};

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		const bool names = verbs[i][0] == 'a' || verbs[i][0] == 'd';

		post(t, STRANGER, MINERS,
		    text_of("/api/v1/sessions/%llu/%s", (unsigned long long)s->id, verbs[i]),
		    names ? "{\"miner\":\"0x00000000000000000000000000000000000000aa\"}" : "{}",
		    &about);
		refused(t, "not-owner");
	}
}

static bool
same_key(const struct pinf_key *a, const struct pinf_key *b)
{
	return pinf_equal_secret(a, b, sizeof *a);
}

static void
key_twice_is_the_same(struct trial *t)
{
	struct session s;
	struct pinf_key again PINF_WIPED = {{0}};
	struct task *k;

	make_session(t, &s, (struct session_wish){.type = NULL});
	k = new_task(t, &s);
	advance(t, k, SEALED);
	take_key(t, k, OWNER, PINF_PURPOSE_INPUT, &again);
	if (!is_over(t) && !same_key(&again, &k->input_key))
		fail(t, "the same scope's key, asked for twice, is another one");
}

static void
keys_of_two_tasks(struct trial *t)
{
	struct session s;
	struct task *one, *two;

	make_session(t, &s, (struct session_wish){.type = NULL});
	one = new_task(t, &s);
	two = new_task(t, &s);
	advance(t, one, SEALED);
	advance(t, two, SEALED);
	if (!is_over(t) && same_key(&one->input_key, &two->input_key))
		fail(t, "two tasks have one key");
	if (!is_over(t) && memcmp(one->instance, two->instance, PINF_INSTANCE_LEN) == 0)
		fail(t, "two tasks have one instance");
}

static void
key_for_a_stranger(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, SUBMITTED);

	ask_key(t, k, STRANGER, "input", 0);
	if (!is_over(t) && t->status == 200)
		fail(t, "a stranger got a key");
	expect(t, 403, "denied");
}

static void
key_for_a_miner_without_a_lease(struct trial *t)
{
	struct session s;
	struct task *k;

	make_listed(t, &s);
	change_list(t, &s, "allow", OTHER_MINER);
	k = new_task(t, &s);
	advance(t, k, ACKED);
	ask_key(t, k, OTHER_MINER, "input", 0);
	refused(t, "lease-not-held");
	ask_key(t, k, OTHER_MINER, "result", k->attempt);
	refused(t, "lease-not-held");
}

static void
key_of_an_attempt_that_is_not(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, ACKED);

	ask_key(t, k, MINER, "result", k->attempt + 1);
	if (!is_over(t) && t->status == 200)
		fail(t, "a key of an attempt that nobody holds was given");
}

static void
key_of_a_result_that_is_not(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, ACKED);

	ask_key(t, k, OWNER, "result", k->attempt);
	expect(t, 409, "wrong-state");
}

static void
key_without_an_attempt(struct trial *t)
{
	struct session s;
	struct task *k;

	make_session(t, &s, (struct session_wish){.type = NULL});
	k = new_task(t, &s);
	advance(t, k, RESERVED);
	ask_key(t, k, OWNER, "result", 0);
	expect(t, 400, "missing-field");
	expect_field(t, "attempt");
	ask_key(t, k, OWNER, "both", 0);
	expect(t, 400, "scope-invalid");
	expect_field(t, "purpose");
}

/* hpke_public: of low order (nobody's), too short. */
static void
key_to_no_key(struct trial *t)
{
	struct session s;
	struct task *k;
	static const char zeros[] =
	    "0000000000000000000000000000000000000000000000000000000000000000";

	make_session(t, &s, (struct session_wish){.type = NULL});
	k = new_task(t, &s);
	advance(t, k, RESERVED);
	for (int i = 0; i < 2; i++) {
		post(t, OWNER, CALLERS, "/api/v1/auth/payload_enc_key/task",
		    text_of("{\"hpke_public\":\"%s\",\"purpose\":\"input\",\"session_id\":%llu,"
			    "\"task_id\":%llu}",
			zeros + 2 * i, (unsigned long long)s.id, (unsigned long long)k->id),
		    k);
		if (i == 0)
			expect(t, 400, "hpke-open");
		else
			expect(t, 400, "wrong-length");
	}
}

static void
session_key(struct trial *t, const struct session *s)
{
	const struct task about = {.session = s};

	post(t, OWNER, CALLERS, "/api/v1/auth/payload_enc_key/session",
	    text_of("{\"hpke_public\":"
		    "\"8e99781991dc4538c57a083144cab2bf28605674fd9d289e4102d797b3961429\","
		    "\"purpose\":\"input\",\"session_id\":%llu}",
		(unsigned long long)s->id),
	    &about);
}

static void
session_key_of_a_dedicated_one(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.type = NULL});
	session_key(t, &s);
	expect(t, 200, "");
}

static void
session_key_of_an_ephemeral_one(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.type = "ephemeral"});
	session_key(t, &s);
	refused(t, "session-key-forbidden");
}

static void
session_key_against_the_policy(struct trial *t)
{
	struct session s;

	make_session(t, &s, (struct session_wish){.policy = "{\"key_scope\":\"task\"}"});
	session_key(t, &s);
	refused(t, "session-key-forbidden");
}

static void
results_for_the_wallet_only(struct trial *t)
{
	struct session s;

	make_session(t, &s,
	    (struct session_wish){.router_sealed = true,
		.policy = "{\"read_results\":\"wallet\",\"router_sealed\":true}"});
	complete(t, &s, 2, "");
	refused(t, "results-for-wallet-only");
}

/* Of the session's policy: attestation that nobody has. */
static void
attestation(struct trial *t)
{
	struct session s;
	const struct task about = {.session = &s};

	make_session(t, &s, (struct session_wish){.policy = "{\"attestation\":true}"});
	change_list(t, &s, "allow", MINER);
	post(t, MINER, MINERS, "/api/v1/miner/claim",
	    text_of("{\"session_id\":%llu,\"wait_ms\":0}", (unsigned long long)s.id), &about);
	refused(t, "attestation-required");
}

/* Of any session it may get a task, and gives it back, but none of this one. */
static void
claims_another(struct trial *t, const struct session *s)
{
	struct session other = {.id = 0};
	struct task k = {.session = &other};

	post(t, OTHER_MINER, MINERS, "/api/v1/miner/claim", "{\"session_id\":0,\"wait_ms\":0}",
	    NULL);
	if (is_over(t) || t->status == 204)
		return;
	expect(t, 200, "");
	other.id = number_of(t, "session_id");
	k.id = number_of(t, "task_id");
	k.attempt = (uint32_t)number_of(t, "attempt");
	if (!is_over(t) && other.id == s->id)
		fail(t, "%s: a task of a session that does not list it", t->asked);
	miner_verb(t, &k, OTHER_MINER, "release");
}

static void
unlisted_claims(struct trial *t)
{
	struct session s;
	const struct task about = {.session = &s};

	(void)task_at(t, &s, SUBMITTED);
	post(t, OTHER_MINER, MINERS, "/api/v1/miner/claim",
	    text_of("{\"session_id\":%llu,\"wait_ms\":0}", (unsigned long long)s.id), &about);
	refused(t, "miner-not-allowed");
	claims_another(t, &s);
}

/* STATE-13: from the removal on, no key, no upload, no result, though the lease is held. */
static void
released_in_mid_task(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, RESULT_SEALED);

	change_list(t, &s, "deny", MINER);
	ask_key(t, k, MINER, "input", 0);
	refused(t, "miner-not-allowed");
	ask_key(t, k, MINER, "result", k->attempt);
	refused(t, "miner-not-allowed");
	upload(t, k, MINER, &k->result, &k->result_payload.sha256);
	refused(t, "miner-not-allowed");
	precommit(t, k, MINER);
	refused(t, "miner-not-allowed");
}

static void
released_before_the_commit(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, PRECOMMITTED);

	change_list(t, &s, "deny", MINER);
	commit(t, k, MINER);
	refused(t, "miner-not-allowed");
}

/* And back on the list in between: the lease is still its own. */
static void
removed_and_back(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, PRECOMMITTED);

	change_list(t, &s, "deny", MINER);
	change_list(t, &s, "allow", MINER);
	advance(t, k, READ_RESULT);
}

/* Denied, and killed at once: whoever was answered 200 relies on it. */
static void
removed_before_a_restart(struct trial *t)
{
	struct session s;
	const struct task about = {.session = &s};

	make_listed(t, &s);
	advance(t, new_task(t, &s), SUBMITTED);
	change_list(t, &s, "deny", MINER);
	if (!restart(t))
		return;
	post(t, MINER, MINERS, "/api/v1/miner/claim",
	    text_of("{\"session_id\":%llu,\"wait_ms\":0}", (unsigned long long)s.id), &about);
	refused(t, "miner-not-allowed");
}

/* Under an ephemeral session the next one on the list goes on with the task. */
static void
released_and_replaced(struct trial *t)
{
	struct session s;
	struct task *k;

	make_session(t, &s, (struct session_wish){.type = "ephemeral"});
	change_list(t, &s, "allow", MINER);
	k = new_task(t, &s);
	advance(t, k, CLAIMED);
	miner_verb(t, k, MINER, "release");
	expect(t, 200, "");
	change_list(t, &s, "deny", MINER);
	change_list(t, &s, "allow", OTHER_MINER);
	claim_again(t, k, OTHER_MINER);
	advance(t, k, READ_RESULT);
}

/* The API key is in the answer to the session's creation and nowhere else; who is no owner sees less. */
static void
seen(struct trial *t)
{
	const struct session *s = &t->router->shared[1];
	const char *path = text_of("/api/v1/sessions/%llu", (unsigned long long)s->id);

	for (int i = 0; i < 2; i++) {
		ask(t, (struct request){.who = i == 0 ? OWNER : STRANGER,
			   .method = "GET",
			   .path = path,
			   .session = s->id});
		expect(t, 200, "");
		if (!is_over(t) && pinf_json_has(&t->answer, "api_key"))
			fail(t, "%s: the API key is shown again", t->asked);
		if (!is_over(t) && pinf_json_has(&t->answer, "owner") != (i == 0))
			fail(t, "%s: the owner is %s", t->asked,
			    i == 0 ? "not shown to itself" : "shown to a stranger");
	}
}

/* Each change of the list adds one to the epoch, and what changes nothing adds nothing. */
static void
epochs(struct trial *t)
{
	struct session s;
	const struct task about = {.session = &s};
	static const char *const verbs[] = {"allow", "allow", "deny", "deny", "allow"};
	static const uint64_t adds[] = {1, 1, 2, 2, 3};
	uint64_t first;

	make_session(t, &s, (struct session_wish){.type = NULL});
	ask(t, (struct request){.who = OWNER,
		   .method = "GET",
		   .path = text_of("/api/v1/sessions/%llu", (unsigned long long)s.id),
		   .session = s.id});
	first = number_of(t, "epoch");
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		const uint64_t wanted = first + adds[i];

		post(t, OWNER, MINERS,
		    text_of("/api/v1/sessions/%llu/%s", (unsigned long long)s.id, verbs[i]),
		    text_of("{\"miner\":\"%s\"}", address_text(t, MINER)), &about);
		expect(t, 200, "");
		if (!is_over(t) && number_of(t, "epoch") != wanted)
			fail(t, "%s: the epoch is %llu, must be %llu", t->asked,
			    (unsigned long long)number_of(t, "epoch"), (unsigned long long)wanted);
	}
}

/* What was leased when the session closed may finish, and is answered; nothing else begins. */
static void
closed_under_a_lease(struct trial *t)
{
	struct session s;
	const struct task about = {.session = &s};
	struct task *k;

	k = task_at(t, &s, ACKED);
	post(t, OWNER, MINERS, text_of("/api/v1/sessions/%llu/close", (unsigned long long)s.id),
	    "{}", &about);
	expect(t, 200, "");
	post(t, OWNER, CALLERS, text_of("/api/v3/reservations/%llu", (unsigned long long)s.id),
	    "{}", &about);
	refused(t, "session-closed");
	advance(t, k, READ_RESULT);
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
    DEPLOYED("privacy/v1", "POL-20", v1_of_a_private_session),
    CASE("privacy/v2", "POL-23", v2_of_a_private_session),
    CASE("privacy/v3-prompt", "POL-20", v3_prompt_of_a_private_session),
    DEPLOYED("privacy/stream", "POL-19", stream_of_a_private_session),
    DEPLOYED("privacy/one-way", "STATE-2", private_for_ever),
    CASE("privacy/api-key-reserves", "POL-12", api_key_reserves),
    CASE("privacy/api-key-asks-for-a-key", "POL-11", api_key_asks_for_a_key),
    CASE("privacy/api-key-changes-a-list", "POL-11", api_key_changes_a_list),
    CASE("privacy/strangers-session", "POL-15", strangers_session),
    CASE("privacy/closed", "POL-17", closed),
    CASE("privacy/results-for-the-wallet-only", "POL-42", results_for_the_wallet_only),
    CASE("privacy/seen", "API-36", seen),
    CASE("privacy/closed-under-a-lease", "STATE-4", closed_under_a_lease),
    CASE("list/epochs", "STATE-3", epochs),
    CASE("key/twice", "KEY-5", key_twice_is_the_same),
    CASE("key/two-tasks", "STATE-5", keys_of_two_tasks),
    CASE("key/stranger", "SCOPE-7", key_for_a_stranger),
    CASE("key/no-lease", "POL-26", key_for_a_miner_without_a_lease),
    CASE("key/other-attempt", "SCOPE-7", key_of_an_attempt_that_is_not),
    CASE("key/no-result-yet", "SCOPE-7", key_of_a_result_that_is_not),
    CASE("key/purpose", "API-30", key_without_an_attempt),
    CASE("key/low-order", "GRANT-4", key_to_no_key),
    DEPLOYED("key/session", "API-29", session_key_of_a_dedicated_one),
    CASE("key/session-ephemeral", "POL-41", session_key_of_an_ephemeral_one),
    CASE("key/session-by-policy", "POL-41", session_key_against_the_policy),
    CASE("list/attestation", "POL-28", attestation),
    DEPLOYED("list/unlisted-miner", "POL-25", unlisted_claims),
    CASE("list/release-mid-task", "STATE-13", released_in_mid_task),
    CASE("list/release-before-commit", "STATE-13", released_before_the_commit),
    CASE("list/removed-and-back", "STATE-10", removed_and_back),
    CASE("list/removal-after-a-restart", "STATE-13", removed_before_a_restart),
    CASE("list/replaced", "STATE-8", released_and_replaced),
};

struct case_list
router_access_cases(void)
{
	return (struct case_list){cases, sizeof cases / sizeof cases[0]};
}
