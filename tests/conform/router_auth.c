/* SPDX-License-Identifier: Apache-2.0 */
/* router_auth.c -- signed requests that are wrong in one way each.  spec/auth.md, spec/api.md#authorization. */
#include <string.h>

#include "router.h"

/* A request that changes nothing, signed by the owner as t->tamper wants it. */
static void
knock(struct trial *t)
{
	const struct task about = {.session = &t->router->shared[1]};

	post(t, OWNER, MINERS,
	    text_of("/api/v1/sessions/%llu/allow", (unsigned long long)about.session->id),
	    text_of("{\"miner\":\"%s\"}", "0x00000000000000000000000000000000000000aa"), &about);
}

static void
knock_with(struct trial *t, struct tamper odd, unsigned status, const char *code)
{
	t->tamper = odd;
	knock(t);
	expect(t, status, code);
}

#define KNOCK(NAME, STATUS, CODE, ...)                                                             \
	static void NAME(struct trial *t)                                                          \
	{                                                                                          \
		knock_with(t, (struct tamper){__VA_ARGS__}, STATUS, CODE);                         \
	}

KNOCK(as_it_should_be, 200, "", .eip191 = false)
KNOCK(eip191, 200, "", .eip191 = true)
KNOCK(wrong_router, 401, "auth-router", .wrong_router = true)
KNOCK(wrong_chain, 401, "auth-signature", .wrong_chain = true)
KNOCK(wrong_contract, 401, "auth-signature", .wrong_contract = true)
KNOCK(wrong_contract_191, 401, "auth-signature", .wrong_contract = true, .eip191 = true)
KNOCK(other_method, 401, "auth-signature", .method = "PUT")
KNOCK(other_path, 401, "auth-signature", .path = "/api/v1/sessions/1/deny")
KNOCK(other_body, 401, "auth-signature", .body = "{}")
KNOCK(high_s, 401, "auth-high-s", .high_s = true)
KNOCK(v_of_zero, 401, "auth-signature", .wrong_v = true)
KNOCK(expired, 401, "auth-expired", .expires_in_ms = -1000)
KNOCK(too_far, 401, "auth-too-far", .expires_in_ms = 310000)
KNOCK(nearly_too_far, 200, "", .expires_in_ms = 290000)
KNOCK(upper_case_hex, 401, "auth-syntax", .upper = true)
KNOCK(a_space_missing, 401, "auth-syntax", .spaced = true)
KNOCK(no_header, 401, "auth-missing", .header = "")
KNOCK(basic, 401, "auth-syntax", .header = "Basic Zm9vOmJhcg==")
KNOCK(bearer_without_a_key, 401, "auth-syntax", .header = "Bearer ")
KNOCK(bearer_lower_case, 401, "auth-syntax", .header = "bearer pinf")
KNOCK(bearer_two_spaces, 401, "auth-syntax", .header = "Bearer  pinf")
KNOCK(bearer_unknown, 401, "auth-api-key",
    .header = "Bearer pinf0000000000000000000000000000000000000000000000000000000000000000")
KNOCK(pinf_without_fields, 401, "auth-syntax", .header = "Pinf")

/* Accepted once: the same nonce under a signature that is otherwise right is refused, whatever else changes. */
static void
replayed(struct trial *t)
{
	knock(t);
	expect(t, 200, "");
	knock_with(t, (struct tamper){.same_nonce = true}, 401, "auth-replay");
	knock_with(t, (struct tamper){.same_nonce = true, .eip191 = true}, 401, "auth-replay");
	knock_with(
	    t, (struct tamper){.same_nonce = true, .expires_in_ms = 120000}, 401, "auth-replay");
}

/* A nonce of one wallet says nothing about another's. */
static void
nonces_are_each_wallets(struct trial *t)
{
	const struct session *s = &t->router->shared[0];
	const struct task about = {.session = s};

	knock(t);
	expect(t, 200, "");
	t->tamper.same_nonce = true;
	post(t, STRANGER, CALLERS, text_of("/api/v3/reservations/%llu", (unsigned long long)s->id),
	    "{}", &about);
	refused(t, "not-owner");
}

/* A denied request's nonce is not used up: nobody fills the store without being allowed to. */
static void
denied_leaves_the_nonce(struct trial *t)
{
	const struct task about = {.session = &t->router->shared[1]};
	const char *path =
	    text_of("/api/v1/sessions/%llu/close", (unsigned long long)about.session->id);

	for (int i = 0; i < 2; i++) {
		t->tamper.same_nonce = i > 0;
		post(t, STRANGER, MINERS, path, "{}", &about);
		refused(t, "not-owner");
	}
}

static void
replayed_after_a_restart(struct trial *t)
{
	knock(t);
	expect(t, 200, "");
	if (restart(t))
		knock_with(t, (struct tamper){.same_nonce = true}, 401, "auth-replay");
}

static void
session_of_the_header(struct trial *t)
{
	const struct session other = {.id = t->router->shared[0].id};
	const struct task about = {.session = &other};

	post(t, OWNER, MINERS,
	    text_of("/api/v1/sessions/%llu/allow", (unsigned long long)t->router->shared[1].id),
	    "{\"miner\":\"0x00000000000000000000000000000000000000aa\"}", &about);
	expect(t, 400, "scope-invalid");
	expect_field(t, "authorization.session");
}

static void
version_of_the_header(struct trial *t)
{
	t->tamper.version = 7;
	post(t, OWNER, MINERS, "/api/v1/keys/destroy", "{\"force\":false,\"key_version\":8}", NULL);
	expect(t, 400, "scope-invalid");
	expect_field(t, "authorization.version");
}

static void
query_of_the_path(struct trial *t)
{
	t->tamper.path = "/api/v1/sessions?limit=1";
	ask(t, (struct request){.who = OWNER, .method = "GET", .path = "/api/v1/sessions?limit=2"});
	expect(t, 401, "auth-signature");
}

/* A header that no route needs is checked all the same. */
static void
checked_where_none_is_needed(struct trial *t)
{
	t->tamper.high_s = true;
	ask(t, (struct request){.who = OWNER, .method = "GET", .path = "/api/v1/sessions"});
	expect(t, 401, "auth-high-s");
}

#define CASE(ID, SPEC, RUN)                                                                        \
	{                                                                                          \
		.id = "router/auth/" ID, .spec = (SPEC), .run = (RUN)                              \
	}

static const struct router_case cases[] = {
    CASE("right", "AUTH-4", as_it_should_be),
    CASE("eip191", "AUTH-9", eip191),
    CASE("other-router", "AUTH-6", wrong_router),
    CASE("other-chain", "AUTH-3", wrong_chain),
    CASE("other-contract", "AUTH-3", wrong_contract),
    CASE("eip191-other-contract", "AUTH-9", wrong_contract_191),
    CASE("other-method", "AUTH-6", other_method),
    CASE("other-path", "AUTH-6", other_path),
    CASE("other-query", "AUTH-4", query_of_the_path),
    CASE("other-body", "AUTH-6", other_body),
    CASE("high-s", "AUTH-2", high_s),
    CASE("v-of-zero", "AUTH-2", v_of_zero),
    CASE("expired", "AUTH-7", expired),
    CASE("too-far", "AUTH-7", too_far),
    CASE("nearly-too-far", "AUTH-7", nearly_too_far),
    CASE("upper-case-hex", "AUTH-11", upper_case_hex),
    CASE("space-missing", "AUTH-10", a_space_missing),
    CASE("missing", "API-10", no_header),
    CASE("basic", "API-10", basic),
    CASE("bearer-without-a-key", "API-8", bearer_without_a_key),
    CASE("bearer-lower-case", "API-10", bearer_lower_case),
    CASE("bearer-two-spaces", "API-10", bearer_two_spaces),
    {.id = "router/auth/bearer-unknown", .spec = "API-8", .deployed = true, .run = bearer_unknown},
    CASE("pinf-without-fields", "AUTH-10", pinf_without_fields),
    CASE("version-beside", "API-12", version_of_the_header),
    CASE("session-beside", "API-12", session_of_the_header),
    CASE("checked-where-none-is-needed", "API-10", checked_where_none_is_needed),
    CASE("replay", "AUTH-8", replayed),
    CASE("replay-after-a-restart", "AUTH-8", replayed_after_a_restart),
    CASE("nonces-are-each-wallets", "AUTH-8", nonces_are_each_wallets),
    CASE("denied-leaves-the-nonce", "AUTH-8", denied_leaves_the_nonce),
};

struct case_list
router_auth_cases(void)
{
	return (struct case_list){cases, sizeof cases / sizeof cases[0]};
}
