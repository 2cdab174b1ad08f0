/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h -- the one place where access is decided.  A pure function over booleans and
 * enums; every comparison was made before.  The table it follows: spec/policy.md.
 */
#ifndef PINF_POLICY_H
#define PINF_POLICY_H

#include <pinf/base.h>

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

struct pinf_facts {
	enum pinf_action action;
	enum pinf_actor actor;
	enum pinf_route route;
	bool session_open;
	bool session_private;
	bool acl_fresh; /* the allowlist's source is active and recent enough */
	bool miner_listed; /* ... and names this miner */
	bool lease_current; /* this miner holds the task's current, unexpired attempt */
	bool key_version_usable; /* the task's key version still derives */
	bool router_sealed_allowed; /* the session permits the router to see plaintext */
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
	X(SESSION_CLOSED, "session-closed", "the session is closed")                               \
	X(STREAM_SEALED, "stream-sealed", "stream: true is not possible for encrypted payloads")   \
	X(PLAIN_IN_PRIVATE, "plaintext-in-private-session",                                        \
	    "a private session takes no unencrypted payload")                                      \
	X(SEALED_IN_PUBLIC, "sealed-in-public-session", "make the session private first")          \
	X(ROUTER_SEALED_FORBIDDEN, "router-sealed-forbidden",                                      \
	    "the session demands caller-sealed (v3) requests")                                     \
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
const char *pinf_rule_name(enum pinf_rule rule);
const char *pinf_rule_text(enum pinf_rule rule);
const char *pinf_action_name(enum pinf_action action); /* "submit", "claim", "issue-input", ... */
const char *pinf_actor_name(enum pinf_actor actor);
const char *pinf_route_name(enum pinf_route route);

#endif
