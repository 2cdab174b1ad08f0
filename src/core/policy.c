/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c -- who may do what: a table of rows, the first that matches decides.  spec/policy.md. */
#include <pinf/bug.h>
#include <pinf/policy.h>

#define BIT(value) (1u << (value))
#define ANY        (~0u)

#define IS(fact) BIT(PINF_FACT_##fact)

#define SUBMIT      BIT(PINF_ACT_SUBMIT)
#define CLAIM       BIT(PINF_ACT_CLAIM)
#define ISSUE_INPUT BIT(PINF_ACT_ISSUE_INPUT)
#define ISSUE       (ISSUE_INPUT | BIT(PINF_ACT_ISSUE_RESULT))
#define ACCEPT      BIT(PINF_ACT_ACCEPT)
#define READ        BIT(PINF_ACT_READ)
#define ADMINISTER  BIT(PINF_ACT_ADMINISTER)

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
 * A row matches where action, actor and route are in its sets, every fact of `set` holds and none
 * of `clear` does.  Denials first, in the order of PINF_RULES; the last rows alone allow.
 */
struct row {
	unsigned id; /* POL-n */
	enum pinf_rule rule;
	unsigned actions;
	unsigned actors;
	unsigned routes;
	unsigned set;
	unsigned clear;
};

/* clang-format off */
static const struct row table[] = {
	{10, PINF_RULE_AUTH_REQUIRED, ANY, NOBODY, ANY, 0, 0},
	{11, PINF_RULE_WALLET_REQUIRED, CLAIM | ISSUE | ACCEPT | ADMINISTER, BEARER, ANY, 0, 0},
	{12, PINF_RULE_WALLET_REQUIRED, SUBMIT, BEARER, CALLER_SEALED, 0, 0},
	{13, PINF_RULE_NOT_OWNER, SUBMIT | READ, ~(BEARER_OWNER | OWNER), ANY, 0, 0},
	{14, PINF_RULE_NOT_OWNER, ISSUE, ~(OWNER | MINER), ANY, 0, 0},
	{15, PINF_RULE_NOT_OWNER, ADMINISTER, ~(OWNER | ADMIN), ANY, 0, 0},
	{16, PINF_RULE_NOT_MINER, CLAIM | ACCEPT, ~MINER, ANY, 0, 0},
	/* What it submits is answered with the result. */
	{42, PINF_RULE_RESULTS_FOR_WALLET, SUBMIT | READ, BEARER_OWNER, ANY, 0, IS(BEARER_READS)},
	{17, PINF_RULE_SESSION_CLOSED, SUBMIT, ANY, ANY, 0, IS(SESSION_OPEN)},
	/* Work under a lease is finished; a closed session gives no new lease. */
	{18, PINF_RULE_SESSION_CLOSED, CLAIM, ANY, ANY, 0, IS(SESSION_OPEN) | IS(LEASE_CURRENT)},
	{19, PINF_RULE_STREAM_SEALED, SUBMIT, ANY, ~PLAIN, IS(STREAM), 0},
	{20, PINF_RULE_PLAIN_IN_PRIVATE, SUBMIT | CLAIM | ACCEPT, ANY, PLAIN, IS(SESSION_PRIVATE), 0},
	{21, PINF_RULE_SEALED_IN_PUBLIC, SUBMIT | CLAIM | ACCEPT, ANY, ~PLAIN, 0, IS(SESSION_PRIVATE)},
	{22, PINF_RULE_SEALED_IN_PUBLIC, ISSUE, ANY, ANY, 0, IS(SESSION_PRIVATE)},
	{23, PINF_RULE_ROUTER_SEALED_FORBIDDEN, SUBMIT, ANY, ROUTER_SEALED, 0, IS(ROUTER_SEALED_ALLOWED)},
	{41, PINF_RULE_SESSION_KEY_FORBIDDEN, SUBMIT | ISSUE_INPUT, ANY, ANY, IS(SESSION_KEY), IS(SESSION_KEYS_ALLOWED)},
	{43, PINF_RULE_KEY_VERSION_OLD, SUBMIT, ANY, ~PLAIN, 0, IS(KEY_VERSION_RECENT)},
	{40, PINF_RULE_ACL_SOURCE, CLAIM | ISSUE | ACCEPT, MINER, ANY, IS(SESSION_PRIVATE), IS(ACL_SOURCE_RIGHT)},
	/* It may have turned private: nothing goes in in the clear on an old word. */
	{29, PINF_RULE_ACL_STALE, SUBMIT, ANY, PLAIN, 0, IS(ACL_FRESH)},
	{24, PINF_RULE_ACL_STALE, CLAIM | ISSUE | ACCEPT, MINER, ANY, 0, IS(ACL_FRESH)},
	{25, PINF_RULE_MINER_UNLISTED, CLAIM | ISSUE | ACCEPT, MINER, ANY, IS(SESSION_PRIVATE), IS(MINER_LISTED)},
	{26, PINF_RULE_LEASE_LOST, ISSUE | ACCEPT, MINER, ANY, 0, IS(LEASE_CURRENT)},
	{27, PINF_RULE_KEY_VERSION, ISSUE, ANY, ANY, 0, IS(KEY_VERSION_USABLE)},
	{28, PINF_RULE_ATTESTATION, CLAIM | ISSUE | ACCEPT, MINER, ANY, IS(ATTESTATION_REQUIRED), IS(ATTESTED)},

	{30, PINF_RULE_ALLOW, SUBMIT | READ, BEARER_OWNER | OWNER, ANY, 0, 0},
	{31, PINF_RULE_ALLOW, CLAIM | ACCEPT, MINER, ANY, 0, 0},
	{32, PINF_RULE_ALLOW, ISSUE, OWNER | MINER, ANY, 0, 0},
	{33, PINF_RULE_ALLOW, ADMINISTER, OWNER | ADMIN, ANY, 0, 0},
};
/* clang-format on */
#define ROWS (sizeof table / sizeof *table)
_Static_assert(ROWS <= PINF_POLICY_ROWS_MAX, "a trace has room for every row");

/* Facts as a row compares them: one bit in each set. */
struct bits {
	unsigned action, actor, route;
	unsigned facts;
};

/* A value that the enum does not have is in no set, so that no row matches it. */
static unsigned
bit_of(unsigned value, unsigned count)
{
	return value < count ? BIT(value) : 0;
}

static struct bits
bits_of(const struct pinf_facts *facts)
{
#define FACT_BIT(id, name) | (unsigned)facts->name << PINF_FACT_##id
	return (struct bits){
	    .action = bit_of((unsigned)facts->action, PINF_ACTIONS),
	    .actor = bit_of((unsigned)facts->actor, PINF_ACTORS),
	    .route = bit_of((unsigned)facts->route, PINF_ROUTES),
	    .facts = 0 PINF_FACTS(FACT_BIT),
	};
#undef FACT_BIT
}

static bool
applies(const struct row *row, const struct bits *is)
{
	return (row->actions & is->action) != 0 && (row->actors & is->actor) != 0 &&
	       (row->routes & is->route) != 0 && (is->facts & row->set) == row->set &&
	       (is->facts & row->clear) == 0;
}

enum pinf_rule
pinf_policy_decide(const struct pinf_facts *facts)
{
	struct bits is = bits_of(facts);

	is.facts &= PINF_BUG(policy_stream_ignored) ? ~IS(STREAM) : ANY;
	for (size_t i = 0; i < ROWS; i++)
		if (applies(&table[i], &is))
			return table[i].rule;
	return PINF_RULE_ACTION_UNKNOWN;
}

size_t
pinf_policy_trace(
    const struct pinf_facts *facts, struct pinf_policy_row rows[static PINF_POLICY_ROWS_MAX])
{
	const struct bits is = bits_of(facts);
	bool decided = false;
	size_t count = 0;

	for (; count < ROWS && !decided; count++) {
		decided = applies(&table[count], &is);
		rows[count] = (struct pinf_policy_row){table[count].id, table[count].rule, decided};
	}
	return count;
}

bool *
pinf_fact(struct pinf_facts *facts, enum pinf_fact fact)
{
	switch (fact) {
#define MEMBER(id, name)                                                                           \
	case PINF_FACT_##id: return &facts->name;
		PINF_FACTS(MEMBER)
#undef MEMBER
	case PINF_FACT_COUNT: break;
	}
	return NULL;
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

static const char *const fact_names[PINF_FACT_COUNT] = {
#define NAME(id, name) #name,
    PINF_FACTS(NAME)
#undef NAME
};
static const char *const action_names[PINF_ACTIONS] = {
    "submit", "claim", "issue-input", "issue-result", "accept", "read", "administer"};
static const char *const actor_names[PINF_ACTORS] = {
    "none", "bearer-other", "bearer-owner", "wallet-other", "owner", "admin", "miner"};
static const char *const route_names[PINF_ROUTES] = {"plain", "router-sealed", "caller-sealed"};

/* count: there is none. */
static unsigned
index_of(struct pinf_span name, const char *const *names, unsigned count)
{
	unsigned i = 0;

	while (i < count && !pinf_span_equal(name, pinf_span_str(names[i])))
		i++;
	return i;
}

enum pinf_action
pinf_action_of_name(struct pinf_span name)
{
	return (enum pinf_action)index_of(name, action_names, PINF_ACTIONS);
}

enum pinf_actor
pinf_actor_of_name(struct pinf_span name)
{
	return (enum pinf_actor)index_of(name, actor_names, PINF_ACTORS);
}

enum pinf_route
pinf_route_of_name(struct pinf_span name)
{
	return (enum pinf_route)index_of(name, route_names, PINF_ROUTES);
}

enum pinf_fact
pinf_fact_of_name(struct pinf_span name)
{
	return (enum pinf_fact)index_of(name, fact_names, PINF_FACT_COUNT);
}

const char *
pinf_action_name(enum pinf_action action)
{
	return (unsigned)action < PINF_ACTIONS ? action_names[action] : "unknown";
}

const char *
pinf_actor_name(enum pinf_actor actor)
{
	return (unsigned)actor < PINF_ACTORS ? actor_names[actor] : "unknown";
}

const char *
pinf_route_name(enum pinf_route route)
{
	return (unsigned)route < PINF_ROUTES ? route_names[route] : "unknown";
}

const char *
pinf_fact_name(enum pinf_fact fact)
{
	return (unsigned)fact < PINF_FACT_COUNT ? fact_names[fact] : "unknown";
}
