/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h -- the router's core: sessions, tasks, leases, keys, decisions.  Sans-IO: one thread calls
 * it with batches of events; what it wants done comes back as effects, after the commit.
 * spec/states.md, spec/effects.md.
 */
#ifndef PINF_ROUTER_H
#define PINF_ROUTER_H

#include <pinf/event.h>
#include <pinf/keyring.h>
#include <pinf/store.h>

#define PINF_BATCH_MAX 256 /* events of one step */

/* The chain that PrivacySettingData is on: the domain's, at the domain's contract.  spec/acl.md. */
struct pinf_chain_config {
	uint32_t endpoints; /* nodes that the driver can ask, by number from 0; 0: no contract */
	uint32_t quorum; /* of them must agree to let somebody in */
	uint32_t confirmations; /* blocks on top of the one that lets somebody in */
	uint32_t poll_ms; /* between two looks at a node's newest block */
	uint32_t max_age_ms; /* older readings count no more */
	uint32_t stall_ms; /* a newest block older than this: the node is stuck */
	uint32_t timeout_ms; /* of one request to a node */
	struct pinf_address session_data; /* contract that knows the owners; zero: not asked */
};
#define PINF_CHAIN_ENDPOINTS_MAX 8

struct pinf_allowlist_entry;
struct pinf_acl_config {
	/* ENCRYPTION_ALLOWED_LIST as core/allowlist.h sorts it; borrowed until the router is freed */
	const struct pinf_allowlist_entry *env;
	size_t env_count;
	bool emergency; /* it speaks beside the contract */
	bool use_contract; /* ENCRYPTION_ALLOWLIST_USE_CONTRACT: nothing follows from it here */
	struct pinf_chain_config chain;
};

struct pinf_router_config {
	struct pinf_storage storage;
	struct pinf_address admin; /* zero: nobody */
	bool open_sessions; /* any wallet may create a session and owns it */
	enum pinf_suite suite; /* of router-sealed blobs */
	uint64_t blob_max; /* bytes of one uploaded blob */
	uint32_t waiters_max; /* callers, and as many miners, that may wait at once */
	uint32_t tasks_open_max; /* tasks between reservation and commit */
	uint32_t rate_per_minute; /* requests of one actor */
	uint32_t attempts_max; /* leases of one task before it fails */
	uint32_t ack_ms; /* claim to acknowledgement */
	uint32_t precommit_ms; /* acknowledgement to precommit, where the caller names none */
	uint32_t commit_ms; /* precommit to commit */
	uint32_t reserve_ms; /* reservation to submission */
	uint32_t timeout_ms; /* of a task, where the caller names none */
	uint32_t retention_ms; /* accepted result to closed, if nobody reads it */
	uint32_t grant_ms; /* lifetime of a key grant */
	uint32_t seat_ms; /* a pooled session's seat lasts so long after its miner was heard of */
	uint32_t rotation_min_ms; /* shortest rotation period that a session's policy may demand */
	uint32_t orphan_ms; /* grace before an unreferenced blob is deleted */
	struct pinf_acl_config acl;
};
/* Defaults for every field but storage and admin. */
struct pinf_router_config pinf_router_defaults(void);

struct pinf_router;

/*
 * Takes over the keyring (freed with the router); borrows store and random.  Reads what it needs of the
 * store.  E_CONFIG: no active key version, over 1024 waiters, a clock beyond 2^46; the store's errors.
 */
PINF_MUST_CHECK enum pinf_err pinf_router_open(struct pinf_router **router,
    const struct pinf_router_config *config, struct pinf_keyring *keyring, struct pinf_store store,
    struct pinf_random random, uint64_t now_ms);
void pinf_router_free(struct pinf_router *router);

/*
 * Handles up to PINF_BATCH_MAX events in one transaction, a savepoint each, and appends effects.
 * If the commit fails, nothing of the batch happened: every request in it, everyone who waits and
 * whoever the batch would have answered gets 503 (507), and the error is returned for the log; the
 * router is usable again (it has reopened the store) unless it returns E_CORRUPT.  Work that was in
 * flight before goes on.
 */
PINF_MUST_CHECK enum pinf_err pinf_router_step(struct pinf_router *router,
    struct pinf_event *events, size_t count, struct pinf_effects *effects);

/* What decode needs. */
struct pinf_api_config pinf_router_api_config(const struct pinf_router *router);
/* Signs a checkpoint over the audit log's head now; at a graceful stop. */
PINF_MUST_CHECK enum pinf_err pinf_router_checkpoint(struct pinf_router *router);

#endif
