/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h -- durable state, as the core sees it: records and a function table.  The SQLite store of
 * src/store implements it; everything runs on the real one, the simulator included.  spec/store.md.
 */
#ifndef PINF_STORE_H
#define PINF_STORE_H

#include <pinf/base.h>
#include <pinf/payload.h>
#include <pinf/policy.h>

#define PINF_REFERENCE_MAX      128 /* bytes of client_reference */
#define PINF_ALLOWED_MINERS_MAX 100000
#define PINF_NAME_MAX           64
#define PINF_PAGE_MAX           1000 /* records that a listing returns at once */

enum pinf_session_type {
	PINF_SESSION_DEDICATED = 1, /* its list is an allowlist, of whichever source governs it */
	PINF_SESSION_EPHEMERAL, /* its list is who is assigned to it now */
	PINF_SESSION_POOLED /* the same, assigned by the router from its pool */
};
const char *pinf_session_type_name(enum pinf_session_type type); /* "dedicated", ... */

struct pinf_member {
	uint64_t session; /* 0: the router's pool */
	enum pinf_acl_source source;
	uint64_t task; /* 0: every task of the session */
	struct pinf_address miner;
	uint64_t until_ms; /* a seat in a pooled session: when it runs out; 0: stays */
};

/* A miner that the chain was seen to take off a list: back on it only by a block from `block` on. */
struct pinf_removal {
	uint64_t session;
	struct pinf_address miner;
	uint64_t block;
};

struct pinf_session {
	uint64_t id;
	enum pinf_session_type type;
	struct pinf_address owner;
	uint8_t instance[PINF_INSTANCE_LEN];
	bool is_private; /* one way: never cleared again */
	bool closed;
	enum pinf_acl_source acl; /* whose list governs it */
	bool own_list; /* the router's list was used: the environment's no longer speaks for it */
	uint32_t seats; /* POOLED: miners that it may have at once */
	struct pinf_policy_doc policy;
	uint64_t epoch; /* grows with every change of membership */
	uint64_t last_task; /* id given last */
	uint64_t created_ms;
};

enum pinf_task_state {
	PINF_TASK_RESERVED = 1, /* has an id and an instance; its input is not durable yet */
	PINF_TASK_CREATED, /* claimable */
	PINF_TASK_ASSIGNED,
	PINF_TASK_ACKNOWLEDGED,
	PINF_TASK_PRECOMMITTED,
	PINF_TASK_COMMITTED, /* one result accepted */
	PINF_TASK_CLOSED, /* and read, or its reading time is over */
	PINF_TASK_FAILED,
	PINF_TASK_EXPIRED,
	PINF_TASK_STATES
};
const char *pinf_task_state_name(enum pinf_task_state state); /* "reserved", "created", ... */

struct pinf_task {
	uint64_t session;
	uint64_t id;
	uint8_t instance[PINF_INSTANCE_LEN];
	enum pinf_task_state state;
	enum pinf_route route;
	uint8_t api_version; /* 1, 2 or 3: the route it came by */
	uint32_t key_version;
	uint32_t attempt; /* of the current or last lease; 0 before the first */
	uint64_t epoch; /* session epoch at which that lease began */
	struct pinf_address miner;
	uint64_t queue_seq; /* order among the claimable; kept when re-queued */
	uint64_t created_ms;
	uint64_t due_ms; /* when the current state runs out: reservation, lease, reading time */
	uint64_t deadline_ms; /* when the task as a whole expires */
	uint32_t timeout_ms; /* asked for by the caller */
	uint32_t precommit_timeout_ms;
	struct pinf_address owner;
	char reference[PINF_REFERENCE_MAX + 1]; /* client_reference; "" if none */
	struct pinf_hash reference_digest; /* keyed digest of the request that used it */
	struct pinf_payload input; /* size 0 until known */
	struct pinf_payload result;
	struct pinf_hash precommit_sha256;
	struct pinf_sig result_signature;
	enum pinf_err failure; /* FAILED: why */
};

/* A put that may have happened: lets the sweep find blobs that nothing points to. */
struct pinf_intent {
	struct pinf_hash sha256;
	uint64_t session;
	uint64_t task;
	uint32_t attempt; /* 0: the input */
	uint64_t size;
	uint64_t expires_ms; /* then the blob is deleted unless a payload refers to it */
};

enum pinf_audit_kind {
	PINF_AUDIT_GRANT = 1,
	PINF_AUDIT_REFUSAL, /* authenticated, but denied */
	PINF_AUDIT_SESSION, /* created, closed, made private */
	PINF_AUDIT_ALLOW,
	PINF_AUDIT_DENY,
	PINF_AUDIT_KEY, /* a key version rotated or destroyed */
	PINF_AUDIT_RESULT,
	PINF_AUDIT_KINDS
};
const char *pinf_audit_kind_name(enum pinf_audit_kind kind);

/* One link of the hash chain.  spec/audit.md gives the bytes that are hashed. */
struct pinf_audit {
	uint64_t seq; /* from 1, no gaps */
	uint64_t time_ms;
	enum pinf_audit_kind kind;
	enum pinf_rule rule; /* REFUSAL: the rule that denied */
	struct pinf_address actor;
	uint64_t session;
	uint64_t task;
	uint32_t attempt;
	uint32_t key_version;
	enum pinf_purpose purpose; /* GRANT only, else 0 */
	struct pinf_hash digest; /* of the request, or of the result */
	struct pinf_hash head; /* SHA-256 over the former head and all of the above */
};

struct pinf_checkpoint {
	uint64_t seq;
	struct pinf_hash head;
	struct pinf_sig signature;
};

/* Who claims. */
struct pinf_claim {
	struct pinf_address miner;
	uint64_t only_session; /* 0: any */
	void *ctx;
	bool (*workable)(void *ctx, uint64_t session); /* NULL: every session is */
};

struct pinf_task_counts {
	uint64_t of[PINF_TASK_STATES];
};

/*
 * All calls are synchronous and from one thread.  "get" gives E_NOT_FOUND where there is no record;
 * "insert" gives E_CONFLICT where there is one.  Lists fill up to max records in key order, from
 * the first key greater than after, and set *count.  Errors of the medium: E_STORE, E_IO,
 * E_FULL, E_CORRUPT, E_NO_MEMORY; after one, every call up to rollback gives it again.
 */
struct pinf_store_ops {
	/* One transaction a batch, one savepoint an event.  A failed commit has rolled back. */
	enum pinf_err (*begin)(void *store);
	enum pinf_err (*savepoint)(void *store);
	enum pinf_err (*release)(void *store);
	enum pinf_err (*rollback_to)(void *store); /* undoes the event and ends its savepoint */
	enum pinf_err (*commit)(void *store);
	void (*rollback)(void *store);
	/* Closes and opens the medium again, as after a crash, integrity check included. */
	enum pinf_err (*reopen)(void *store);

	/* The durable clock: never runs back. */
	enum pinf_err (*clock_get)(void *store, uint64_t *now_ms);
	enum pinf_err (*clock_set)(void *store, uint64_t now_ms);

	enum pinf_err (*session_insert)(void *store, const struct pinf_session *session);
	enum pinf_err (*session_get)(void *store, uint64_t id, struct pinf_session *session);
	/* All but type, owner, instance, created_ms and policy; is_private and closed are never cleared. */
	enum pinf_err (*session_update)(void *store, const struct pinf_session *session);
	enum pinf_err (*session_policy)(
	    void *store, const struct pinf_session *session); /* id, policy */
	enum pinf_err (*session_list)(
	    void *store, uint64_t after, struct pinf_session *sessions, size_t max, size_t *count);
	enum pinf_err (*session_last)(void *store, uint64_t *id); /* 0: none yet */
	/* The shortest rotation period that an open session's policy demands; UINT64_MAX: none does. */
	enum pinf_err (*rotation_shortest)(void *store, uint64_t *period_ms);

	/* put and drop are idempotent; *changed says whether the list is another one now. */
	enum pinf_err (*member_put)(void *store, const struct pinf_member *member, bool *changed);
	enum pinf_err (*member_drop)(void *store, const struct pinf_member *member, bool *changed);
	/* In order of session, source, task, miner: those behind `after`, which need not exist. */
	enum pinf_err (*member_list)(void *store, const struct pinf_member *after,
	    struct pinf_member *members, size_t max, size_t *count);
	/* Those of a whole session. */
	enum pinf_err (*member_count)(
	    void *store, uint64_t session, enum pinf_acl_source source, uint64_t *count);
	enum pinf_err (*member_clear)(void *store, enum pinf_acl_source source);
	/*
	 * Seats: the oldest queued task's pooled session among those that have one free and are workable
	 * (0: none); a miner's first seat; later ends for its seats in one session (0: in all); the first
	 * that ran out.
	 */
	enum pinf_err (*seat_wanted)(
	    void *store, const struct pinf_claim *claim, uint64_t *session);
	enum pinf_err (*seat_of)(
	    void *store, const struct pinf_address *miner, struct pinf_member *seat);
	enum pinf_err (*seat_extend)(
	    void *store, const struct pinf_address *miner, uint64_t session, uint64_t until_ms);
	enum pinf_err (*seat_due)(void *store, uint64_t now_ms, struct pinf_member *seat);
	/*
	 * Once the environment's entries are in place: sets every session's acl, turns private what
	 * those entries name, and puts what is queued where its list has it.
	 */
	enum pinf_err (*acl_govern)(void *store, bool contract);
	enum pinf_err (*removal_put)(
	    void *store, const struct pinf_removal *removal); /* replaces */
	enum pinf_err (*removal_drop)(
	    void *store, uint64_t session, const struct pinf_address *miner);
	/* In order of session and miner, those behind `after`. */
	enum pinf_err (*removal_list)(void *store, const struct pinf_removal *after,
	    struct pinf_removal *removals, size_t max, size_t *count);

	/* E_CONFLICT: the id exists, or (owner, session, reference) is taken. */
	enum pinf_err (*task_insert)(void *store, const struct pinf_task *task);
	enum pinf_err (*task_get)(
	    void *store, uint64_t session, uint64_t id, struct pinf_task *task);
	enum pinf_err (*task_by_reference)(void *store, const struct pinf_address *owner,
	    uint64_t session, const char *reference, struct pinf_task *task);
	/*
	 * Never writes instance, created_ms and owner; writes what a submission fixes (input, route,
	 * api_version, timeouts, reference) in the states RESERVED and CREATED, and the result in
	 * COMMITTED.  E_CONFLICT: this session already accepted this sealed result (by its sha256),
	 * or the reference is taken.
	 */
	enum pinf_err (*task_update)(void *store, const struct pinf_task *task);
	enum pinf_err (*task_list)(void *store, uint64_t session, uint64_t after,
	    struct pinf_task *tasks, size_t max, size_t *count);
	/*
	 * The oldest claimable task of an open session that is public or whose governing list (or the
	 * task's own) has the miner, and that is workable.
	 */
	enum pinf_err (*task_claimable)(
	    void *store, const struct pinf_claim *claim, struct pinf_task *task);
	/* A task whose due_ms or deadline_ms (whichever is first; states up to COMMITTED) is <= now_ms. */
	enum pinf_err (*task_due)(void *store, uint64_t now_ms, struct pinf_task *task);
	/* The earliest such moment, or end of a seat; UINT64_MAX if none. */
	enum pinf_err (*next_due)(void *store, uint64_t *at_ms);
	enum pinf_err (*task_counts)(void *store, struct pinf_task_counts *counts);
	/* How many open tasks and unread results need a key version, and the first of them (if any). */
	enum pinf_err (*tasks_of_version)(
	    void *store, uint32_t key_version, uint64_t *count, struct pinf_task *first);

	enum pinf_err (*intent_put)(void *store, const struct pinf_intent *intent); /* replaces */
	enum pinf_err (*intent_get)(
	    void *store, const struct pinf_hash *sha256, struct pinf_intent *intent);
	enum pinf_err (*intent_drop)(void *store, const struct pinf_hash *sha256);
	/* How many intents that attempt has: bounds what one lease may upload. */
	enum pinf_err (*intent_count)(
	    void *store, uint64_t session, uint64_t task, uint32_t attempt, size_t *count);
	enum pinf_err (*intent_due)(void *store, uint64_t now_ms, struct pinf_intent *intent);
	/* Whether any task's input or accepted result refers to that blob. */
	enum pinf_err (*blob_referenced)(
	    void *store, const struct pinf_hash *sha256, bool *referenced);

	enum pinf_err (*nonce_use)(void *store, const struct pinf_address *address,
	    const uint8_t nonce[static PINF_NONCE_LEN], uint64_t expires_ms); /* E_AUTH_REPLAY */
	enum pinf_err (*nonce_prune)(void *store, uint64_t before_ms);

	enum pinf_err (*audit_append)(void *store, const struct pinf_audit *record);
	/* The last record; E_NOT_FOUND: the log is empty. */
	enum pinf_err (*audit_last)(void *store, struct pinf_audit *record);
	enum pinf_err (*audit_list)(
	    void *store, uint64_t after_seq, struct pinf_audit *records, size_t max, size_t *count);
	enum pinf_err (*checkpoint_insert)(void *store, const struct pinf_checkpoint *checkpoint);
	enum pinf_err (*checkpoint_last)(void *store, struct pinf_checkpoint *checkpoint);

	/* API keys are kept as SHA-256 only. */
	enum pinf_err (*api_key_insert)(void *store, const struct pinf_hash *key_sha256,
	    const struct pinf_address *owner, uint64_t created_ms);
	enum pinf_err (*api_key_get)(
	    void *store, const struct pinf_hash *key_sha256, struct pinf_address *owner);
};

struct pinf_store {
	void *ctx;
	const struct pinf_store_ops *ops;
};

#endif
