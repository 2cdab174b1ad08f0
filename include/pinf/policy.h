/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h -- the one place where access is decided.  A pure function over booleans and
 * enums; every comparison was made before.  The table it follows: spec/policy.md.
 */
#ifndef PINF_POLICY_H
#define PINF_POLICY_H

#include <pinf/base.h>

/* Where an allowlist's entry is from.  spec/acl.md. */
enum pinf_acl_source {
	PINF_ACL_ROUTER = 1, /* kept here: the owner's allow and deny, and assignments */
	PINF_ACL_CONTRACT, /* PrivacySettingData, as last read */
	PINF_ACL_ENV, /* ENCRYPTION_ALLOWED_LIST */
	PINF_ACL_EMERGENCY, /* the same, beside an active contract */
	PINF_ACL_SOURCES
};
const char *pinf_acl_source_name(enum pinf_acl_source source); /* "router", "contract", ... */

enum pinf_action {
	PINF_ACT_SUBMIT, /* reserve or submit a task, upload its input */
	PINF_ACT_CLAIM, /* lease a task */
	PINF_ACT_ISSUE_INPUT, /* grant the key of a task's input */
	PINF_ACT_ISSUE_RESULT, /* grant the key of a task's result */
	PINF_ACT_ACCEPT, /* acknowledge, fetch the input blob, upload, precommit, commit, release */
	PINF_ACT_READ, /* read a task or its result */
	PINF_ACT_ADMINISTER, /* change a session: allow, deny, privacy */
	PINF_ACTIONS
};

/* Who asks.  A Bearer key proves a customer, never a wallet. */
enum pinf_actor {
	PINF_ACTOR_NONE,
	PINF_ACTOR_BEARER_OTHER, /* a valid API key of somebody else */
	PINF_ACTOR_BEARER_OWNER, /* the session owner's API key */
	PINF_ACTOR_WALLET_OTHER,
	PINF_ACTOR_OWNER, /* the session owner's wallet */
	PINF_ACTOR_ADMIN, /* the configured administrator's wallet */
	PINF_ACTOR_MINER, /* a wallet acting as a miner */
	PINF_ACTORS
};

/* How the input comes or came in. */
enum pinf_route {
	PINF_ROUTE_PLAIN, /* not encrypted: v1, and v2/v3 of a public session */
	PINF_ROUTE_ROUTER_SEALED, /* v2 with a prompt: the router seals */
	PINF_ROUTE_CALLER_SEALED, /* v3: the caller sealed */
	PINF_ROUTES
};

/* The facts that are booleans, in the order of spec/policy.md. */
#define PINF_FACTS(X)                                                                              \
	X(SESSION_OPEN, session_open)                                                              \
	X(SESSION_PRIVATE, session_private)                                                        \
	X(ACL_FRESH, acl_fresh)                                                                    \
	X(ACL_SOURCE_RIGHT, acl_source_right)                                                      \
	X(MINER_LISTED, miner_listed)                                                              \
	X(LEASE_CURRENT, lease_current)                                                            \
	X(KEY_VERSION_USABLE, key_version_usable)                                                  \
	X(KEY_VERSION_RECENT, key_version_recent)                                                  \
	X(ROUTER_SEALED_ALLOWED, router_sealed_allowed)                                            \
	X(SESSION_KEY, session_key)                                                                \
	X(SESSION_KEYS_ALLOWED, session_keys_allowed)                                              \
	X(BEARER_READS, bearer_reads)                                                              \
	X(STREAM, stream)                                                                          \
	X(ATTESTATION_REQUIRED, attestation_required)                                              \
	X(ATTESTED, attested)

enum pinf_fact {
#define PINF_FACT_ENUM(id, name) PINF_FACT_##id,
	PINF_FACTS(PINF_FACT_ENUM)
#undef PINF_FACT_ENUM
	    PINF_FACT_COUNT
};

struct pinf_facts {
	enum pinf_action action;
	enum pinf_actor actor;
	enum pinf_route route;
	bool session_open; /* or was, when the task was submitted that is submitted again */
	bool session_private;
	bool acl_fresh; /* the allowlist's source is active and recent enough */
	bool acl_source_right; /* ... and is the one that the session's policy demands */
	bool miner_listed; /* ... and names this miner */
	bool lease_current; /* this miner holds the task's current, unexpired attempt */
	bool key_version_usable; /* the task's key version still derives */
	bool key_version_recent; /* a new task's is within the rotation period */
	bool router_sealed_allowed; /* the session permits the router to see plaintext */
	bool session_key; /* a session's key is asked for, or sealed the submitted input */
	bool session_keys_allowed; /* ... and the session has such keys */
	bool bearer_reads; /* results may be read with the owner's API key */
	bool stream; /* stream: true was asked for */
	bool attestation_required;
	bool attested;
};

/*
 * In the order in which they are tried: who asks, then the session, then the miner.  The first
 * that denies is named; what no rule denies and none allows is an unknown action.
 */
#define PINF_RULES(X)                                                                              \
	X(ALLOW, "allow", "allowed")                                                               \
	X(ACTION_UNKNOWN, "unknown-action", "no rule allows this action")                          \
	X(AUTH_REQUIRED, "authentication-required", "send a wallet signature or an API key")       \
	X(WALLET_REQUIRED, "wallet-required", "an API key never does this: sign with the wallet")  \
	X(NOT_OWNER, "not-owner", "only the session's owner may do this")                          \
	X(NOT_MINER, "not-a-miner", "only a miner may do this")                                    \
	X(RESULTS_FOR_WALLET, "results-for-wallet-only",                                           \
	    "the session gives its results to the owner's wallet alone")                           \
	X(SESSION_CLOSED, "session-closed", "the session is closed")                               \
	X(STREAM_SEALED, "stream-sealed", "stream: true is not possible for encrypted payloads")   \
	X(PLAIN_IN_PRIVATE, "plaintext-in-private-session",                                        \
	    "a private session takes no unencrypted payload")                                      \
	X(SEALED_IN_PUBLIC, "sealed-in-public-session", "make the session private first")          \
	X(ROUTER_SEALED_FORBIDDEN, "router-sealed-forbidden",                                      \
	    "the session demands caller-sealed (v3) requests")                                     \
	X(SESSION_KEY_FORBIDDEN, "session-key-forbidden",                                          \
	    "the session has no key of its own: use the task's")                                   \
	X(KEY_VERSION_OLD, "key-version-old",                                                      \
	    "the active key version is older than the session allows; a new one is coming")        \
	X(ACL_SOURCE, "acl-source",                                                                \
	    "the allowlist is not from the source that the session demands")                       \
	X(ACL_STALE, "acl-stale", "the allowlist's source is not reachable or too old")            \
	X(MINER_UNLISTED, "miner-not-allowed", "the miner is not on the session's allowlist")      \
	X(LEASE_LOST, "lease-not-held", "the miner does not hold the task's current attempt")      \
	X(KEY_VERSION, "key-version-unusable", "the task's key version is destroyed or unknown")   \
	X(ATTESTATION, "attestation-required", "the session demands an attested miner")

enum pinf_rule {
#define PINF_RULE_ENUM(id, name, text) PINF_RULE_##id,
	PINF_RULES(PINF_RULE_ENUM)
#undef PINF_RULE_ENUM
	    PINF_RULE_COUNT
};

/* PINF_RULE_ALLOW, or the first rule that denies. */
PINF_MUST_CHECK enum pinf_rule pinf_policy_decide(const struct pinf_facts *facts);

/* A row that was tried. */
struct pinf_policy_row {
	unsigned id; /* POL-n of spec/policy.md */
	enum pinf_rule rule;
	bool applies;
};
#define PINF_POLICY_ROWS_MAX 64
/* The same decision, with the rows that were tried: how many, the last of which decided if it applies. */
PINF_MUST_CHECK size_t pinf_policy_trace(
    const struct pinf_facts *facts, struct pinf_policy_row rows[static PINF_POLICY_ROWS_MAX]);

bool *pinf_fact(struct pinf_facts *facts, enum pinf_fact fact);
const char *pinf_fact_name(enum pinf_fact fact); /* "session_open", ... */
const char *pinf_rule_name(enum pinf_rule rule);
const char *pinf_rule_text(enum pinf_rule rule);
/* PINF_ACTIONS, PINF_ACTORS, PINF_ROUTES, PINF_FACT_COUNT: no such name. */
enum pinf_action pinf_action_of_name(struct pinf_span name);
enum pinf_actor pinf_actor_of_name(struct pinf_span name);
enum pinf_route pinf_route_of_name(struct pinf_span name);
enum pinf_fact pinf_fact_of_name(struct pinf_span name);
const char *pinf_action_name(enum pinf_action action); /* "submit", "claim", "issue-input", ... */
const char *pinf_actor_name(enum pinf_actor actor);
const char *pinf_route_name(enum pinf_route route);

/*
 * A session's policy document: facts only, no operators.  All zero is the default, what a session
 * without a document has.  spec/policy.md#documents.
 */
struct pinf_policy_doc {
	enum pinf_acl_source acl_source; /* whose list must govern; 0: any */
	bool attestation; /* miners must be attested */
	bool task_keys_only; /* key_scope "task": no key of the whole session */
	bool wallet_reads_only; /* read_results "wallet": no result by API key */
	bool router_sealed; /* the router may see what v2 callers send */
	uint32_t grant_ms; /* longest lifetime of a key grant; 0: the router's */
	uint64_t rotation_ms; /* oldest that the active key version may be; 0: any age */
};
#define PINF_POLICY_DOC_MAX     4096 /* bytes of its JSON */
#define PINF_GRANT_LIFETIME_MIN 1000
#define PINF_GRANT_LIFETIME_MAX 86400000
#define PINF_ROTATION_MIN_MS    60000

/* Strict; field (may be NULL) names what is wrong.  The errors of json.h, as spec/policy.md has them. */
PINF_MUST_CHECK enum pinf_err
pinf_policy_doc_decode(struct pinf_policy_doc *doc, struct pinf_span json, char field[64]);
/* Appends the one canonical encoding (RFC 8785).  E_NO_MEMORY. */
PINF_MUST_CHECK enum pinf_err
pinf_policy_doc_encode(struct pinf_bytes *out, const struct pinf_policy_doc *doc);
bool pinf_policy_doc_equal(const struct pinf_policy_doc *a, const struct pinf_policy_doc *b);

#endif
