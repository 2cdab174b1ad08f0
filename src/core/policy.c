/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c -- who may do what: a table of rows, the first that matches decides.  spec/policy.md. */
#include <pinf/policy.h>

#define BIT(value) (1u << (value))
#define ANY        (~0u)

/* The facts that are booleans, as bits of one word. */
enum flag {
	OPEN,
	PRIVATE,
	FRESH,
	LISTED,
	LEASED,
	KEY_USABLE,
	ROUTER_MAY_SEAL,
	STREAM,
	MUST_ATTEST,
	ATTESTED
};

#define SUBMIT     BIT(PINF_ACT_SUBMIT)
#define CLAIM      BIT(PINF_ACT_CLAIM)
#define ISSUE      (BIT(PINF_ACT_ISSUE_INPUT) | BIT(PINF_ACT_ISSUE_RESULT))
#define ACCEPT     BIT(PINF_ACT_ACCEPT)
#define READ       BIT(PINF_ACT_READ)
#define ADMINISTER BIT(PINF_ACT_ADMINISTER)

#define NOBODY       BIT(PINF_ACTOR_NONE)
#define BEARER_OWNER BIT(PINF_ACTOR_BEARER_OWNER)
#define BEARER       (BIT(PINF_ACTOR_BEARER_OTHER) | BEARER_OWNER)
#define OWNER        BIT(PINF_ACTOR_OWNER)
#define ADMIN        BIT(PINF_ACTOR_ADMIN)
#define MINER        BIT(PINF_ACTOR_MINER)

#define PLAIN         BIT(PINF_ROUTE_PLAIN)
#define ROUTER_SEALED BIT(PINF_ROUTE_ROUTER_SEALED)
#define CALLER_SEALED BIT(PINF_ROUTE_CALLER_SEALED)

/*
 * A row matches where action, actor and route are in its sets, every flag of `set` holds and none
 * of `clear` does.  Denials first, in the order of PINF_RULES; the last rows alone allow.
 */
struct row {
	enum pinf_rule rule;
	unsigned actions;
	unsigned actors;
	unsigned routes;
	unsigned set;
	unsigned clear;
};

static const struct row table[] = {
    {PINF_RULE_AUTH_REQUIRED, ANY, NOBODY, ANY, 0, 0},
    {PINF_RULE_WALLET_REQUIRED, CLAIM | ISSUE | ACCEPT | ADMINISTER, BEARER, ANY, 0, 0},
    {PINF_RULE_WALLET_REQUIRED, SUBMIT, BEARER, CALLER_SEALED, 0, 0},
    {PINF_RULE_NOT_OWNER, SUBMIT | READ, ~(BEARER_OWNER | OWNER), ANY, 0, 0},
    {PINF_RULE_NOT_OWNER, ISSUE, ~(OWNER | MINER), ANY, 0, 0},
    {PINF_RULE_NOT_OWNER, ADMINISTER, ~(OWNER | ADMIN), ANY, 0, 0},
    {PINF_RULE_NOT_MINER, CLAIM | ACCEPT, ~MINER, ANY, 0, 0},
    {PINF_RULE_SESSION_CLOSED, SUBMIT, ANY, ANY, 0, BIT(OPEN)},
    /* Work under a lease is finished; a closed session gives no new lease. */
    {PINF_RULE_SESSION_CLOSED, CLAIM, ANY, ANY, 0, BIT(OPEN) | BIT(LEASED)},
    {PINF_RULE_STREAM_SEALED, SUBMIT, ANY, ~PLAIN, BIT(STREAM), 0},
    {PINF_RULE_PLAIN_IN_PRIVATE, SUBMIT | CLAIM | ACCEPT, ANY, PLAIN, BIT(PRIVATE), 0},
    {PINF_RULE_SEALED_IN_PUBLIC, SUBMIT | CLAIM | ACCEPT, ANY, ~PLAIN, 0, BIT(PRIVATE)},
    {PINF_RULE_SEALED_IN_PUBLIC, ISSUE, ANY, ANY, 0, BIT(PRIVATE)},
    {PINF_RULE_ROUTER_SEALED_FORBIDDEN, SUBMIT, ANY, ROUTER_SEALED, 0, BIT(ROUTER_MAY_SEAL)},
    /* It may have turned private: nothing goes in in the clear on an old word. */
    {PINF_RULE_ACL_STALE, SUBMIT, ANY, PLAIN, 0, BIT(FRESH)},
    {PINF_RULE_ACL_STALE, CLAIM | ISSUE | ACCEPT, MINER, ANY, 0, BIT(FRESH)},
    {PINF_RULE_MINER_UNLISTED, CLAIM | ISSUE | ACCEPT, MINER, ANY, BIT(PRIVATE), BIT(LISTED)},
    {PINF_RULE_LEASE_LOST, ISSUE | ACCEPT, MINER, ANY, 0, BIT(LEASED)},
    {PINF_RULE_KEY_VERSION, ISSUE, ANY, ANY, 0, BIT(KEY_USABLE)},
    {PINF_RULE_ATTESTATION, CLAIM | ISSUE | ACCEPT, MINER, ANY, BIT(MUST_ATTEST), BIT(ATTESTED)},

    {PINF_RULE_ALLOW, SUBMIT | READ, BEARER_OWNER | OWNER, ANY, 0, 0},
    {PINF_RULE_ALLOW, CLAIM | ACCEPT, MINER, ANY, 0, 0},
    {PINF_RULE_ALLOW, ISSUE, OWNER | MINER, ANY, 0, 0},
    {PINF_RULE_ALLOW, ADMINISTER, OWNER | ADMIN, ANY, 0, 0},
};

/* A value that the enum does not have is in no set, so that no row matches it. */
static unsigned
bit_of(unsigned value, unsigned count)
{
	return value < count ? BIT(value) : 0;
}

static unsigned
flags_of(const struct pinf_facts *facts)
{
	return (unsigned)facts->session_open << OPEN | (unsigned)facts->session_private << PRIVATE |
	       (unsigned)facts->acl_fresh << FRESH | (unsigned)facts->miner_listed << LISTED |
	       (unsigned)facts->lease_current << LEASED |
	       (unsigned)facts->key_version_usable << KEY_USABLE |
	       (unsigned)facts->router_sealed_allowed << ROUTER_MAY_SEAL |
	       (unsigned)facts->stream << STREAM |
	       (unsigned)facts->attestation_required << MUST_ATTEST |
	       (unsigned)facts->attested << ATTESTED;
}

enum pinf_rule
pinf_policy_decide(const struct pinf_facts *facts)
{
	const unsigned action = bit_of((unsigned)facts->action, PINF_ACTIONS);
	const unsigned actor = bit_of((unsigned)facts->actor, PINF_ACTORS);
	const unsigned route = bit_of((unsigned)facts->route, PINF_ROUTES);
	const unsigned flags = flags_of(facts);

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct row *row = &table[i];

		if ((row->actions & action) != 0 && (row->actors & actor) != 0 &&
		    (row->routes & route) != 0 && (flags & row->set) == row->set &&
		    (flags & row->clear) == 0)
			return row->rule;
	}
	return PINF_RULE_ACTION_UNKNOWN;
}

const char *
pinf_rule_name(enum pinf_rule rule)
{
	static const char *const names[] = {
#define NAME(id, name, text) name,
	    PINF_RULES(NAME)
#undef NAME
	};

	return (unsigned)rule < PINF_RULE_COUNT ? names[rule] : "unknown";
}

const char *
pinf_rule_text(enum pinf_rule rule)
{
	static const char *const texts[] = {
#define TEXT(id, name, text) text,
	    PINF_RULES(TEXT)
#undef TEXT
	};

	return (unsigned)rule < PINF_RULE_COUNT ? texts[rule] : "unknown";
}

const char *
pinf_action_name(enum pinf_action action)
{
	static const char *const names[PINF_ACTIONS] = {
	    "submit", "claim", "issue-input", "issue-result", "accept", "read", "administer"};

	return (unsigned)action < PINF_ACTIONS ? names[action] : "unknown";
}

const char *
pinf_actor_name(enum pinf_actor actor)
{
	static const char *const names[PINF_ACTORS] = {
	    "none", "bearer-other", "bearer-owner", "wallet-other", "owner", "admin", "miner"};

	return (unsigned)actor < PINF_ACTORS ? names[actor] : "unknown";
}

const char *
pinf_route_name(enum pinf_route route)
{
	static const char *const names[PINF_ROUTES] = {"plain", "router-sealed", "caller-sealed"};

	return (unsigned)route < PINF_ROUTES ? names[route] : "unknown";
}
