/* SPDX-License-Identifier: Apache-2.0 */
/* router_internal.h -- the router's state and what its files share.  spec/states.md, spec/effects.md. */
#ifndef PINF_CORE_ROUTER_INTERNAL_H
#define PINF_CORE_ROUTER_INTERNAL_H

#include <pinf/acl.h>
#include <pinf/router.h>

#include "core/json.h"

#define ROUTER_OPS_MAX          1024 /* effects that are being worked on */
#define ROUTER_RATE_SLOTS       4096
#define ROUTER_RATE_WINDOW_MS   60000
#define ROUTER_MINERS_SEEN      256 /* for GET /api/v1/miners */
#define ROUTER_INTENTS_MAX      4 /* uploads of one attempt */
#define ROUTER_DUE_MAX          256 /* timers handled in one step */
#define ROUTER_UNHEARD_MS       500 /* a lease that its miner never heard of */
#define ROUTER_WAIT_MAX_MS      25000 /* a v3 caller polls again after this */
#define ROUTER_HOUSEKEEPING_MS  30000
#define ROUTER_WAITERS_MAX      1024 /* two lists of it, and every operation, fit one step's effects */
#define ROUTER_UNDONE_MS        1000 /* after a batch that failed */
#define ROUTER_ROTATE_RETRY_MS  30000 /* after a rotation that failed */
#define ROUTER_CLOCK_MAX_MS     ((uint64_t)1 << 46) /* in 4199; no sum with a timeout overflows */
#define ROUTER_CHECKPOINT_EVERY 256 /* audit records */

/* Work that left as an effect and has not come back. */
enum op_kind {
	OP_SEAL_INPUT = 1, /* then */
	OP_STORE_INPUT,
	OP_CHECK_INPUT,
	OP_CHECK_RESULT,
	OP_UPLOAD,
	OP_DELIVER,
	OP_DELETE,
	OP_CHAIN,
	OP_SAVE_KEYRING
};

struct op {
	enum op_kind kind;
	uint64_t id;
	uint64_t request; /* to answer when it is done; 0: nobody */
	uint64_t session;
	uint64_t task; /* CHAIN: the node's number */
	uint32_t attempt;
	uint32_t key_version; /* SAVE_KEYRING: what changed, for the audit log */
	struct pinf_address actor;
	struct pinf_hash auth_digest; /* CHECK_RESULT: of its request, for the audit log */
	struct pinf_hash sha256;
	uint64_t size;
	struct pinf_sig signature; /* CHECK_RESULT */
	struct pinf_payload *payload; /* CHECK_*: owned; recorded once the check passes */
	struct pinf_keyring *keyring; /* SAVE_KEYRING: owned; replaces the router's once saved */
};

/* A caller that waits for a task's end, or a miner that waits for a task to claim (task 0). */
struct waiter {
	uint64_t request;
	uint64_t session; /* miners: only this one, or 0 */
	uint64_t task;
	uint64_t until_ms;
	uint8_t api_version;
	struct pinf_address miner;
};

struct waiters {
	struct waiter *list;
	size_t count;
	size_t max;
};

struct seen_miner {
	struct pinf_address address;
	uint64_t at_ms;
};

struct router_counters {
	uint64_t requests;
	uint64_t unauthenticated;
	uint64_t grants;
	uint64_t denied[PINF_RULE_COUNT];
	uint64_t errors[PINF_ERR_COUNT];
	uint64_t attempts_expired;
	uint64_t results_accepted;
	uint64_t commit_failures;
};

struct pinf_router {
	struct pinf_router_config config;
	struct pinf_api_config api;
	struct pinf_keyring *keyring;
	struct pinf_acl *acl; /* what the store's lists say */
	bool acl_touched; /* in the event in progress */
	struct chain *chain; /* NULL: no contract is asked */
	struct pinf_store store;
	struct pinf_random random;
	struct pinf_effects *fx; /* of the step in progress */
	uint64_t now_ms; /* never runs back */
	uint64_t
	    mono_ms; /* of the clock that pauses are measured by, when now_ms was told; 0: not yet */
	bool is_ahead; /* of the wall clock */
	uint64_t clock_saved_ms;
	uint64_t next_id; /* of the next effect that has an answer */
	uint64_t queue_seq;
	uint64_t wake_ms; /* asked for last */
	uint64_t housekeeping_ms;
	uint64_t rotation_ms; /* shortest period that an open session's policy demands */
	bool rotation_stale; /* ... is to be asked of the store again */
	uint64_t rotation_retry_ms; /* not before: the last one failed */
	struct pinf_audit audit_last; /* seq 0: the log is empty */
	uint64_t checkpoint_seq;
	struct op *ops;
	size_t op_count;
	uint64_t *owed; /* scratch: requests whose answers are being taken back */
	struct waiters callers;
	struct waiters miners;
	struct seen_miner seen[ROUTER_MINERS_SEEN];
	uint32_t rate[ROUTER_RATE_SLOTS];
	uint64_t rate_window;
	struct router_counters counters;
	bool uncommitted; /* only ever set by a planted bug */
	bool wake_miners; /* something may have become claimable in this step */
	uint64_t
	    wake_session; /* the one session with something new for them, beside that; 0: none */
};

/* One request on its way through a handler. */
struct call {
	struct pinf_router *r;
	uint64_t request;
	struct pinf_api_request *rq;
	struct pinf_address who; /* signer, or the API key's owner; zero: nobody */
	struct pinf_session session; /* id 0: none loaded */
	struct pinf_task task;
	bool task_begins; /* ... with this request: fresh, or again under its old id */
	struct pinf_api_error error; /* what a failing handler wants said */
};

/* A handler returns PINF_OK after it has answered, or has left somebody who will. */
typedef enum pinf_err router_handler(struct call *c);

/* router.c: effects, operations, the audit log. */
PINF_MUST_CHECK enum pinf_err router_op(struct pinf_router *r, const struct op *op,
    enum pinf_effect_kind kind, struct pinf_effect **effect);
struct op *router_op_find(struct pinf_router *r, uint64_t id);
void router_op_drop(struct pinf_router *r, struct op *op);
/* Whether an operation on that blob is in flight: its deletion, or any other. */
bool router_works_on(const struct pinf_router *r, const struct pinf_hash *sha256, bool deleting);
PINF_MUST_CHECK enum pinf_err router_audit(struct pinf_router *r, struct pinf_audit *record);

/* Whether a failure is the medium's, so that the event must be undone. */
bool router_undoes(enum pinf_err err);

/* router_access.c: who asks, and the policy's verdict. */
PINF_MUST_CHECK enum pinf_err router_identify(struct call *c);
PINF_MUST_CHECK enum pinf_err router_load_session(struct call *c, uint64_t id);
PINF_MUST_CHECK enum pinf_err router_load_task(struct call *c);
bool router_holds_lease(const struct pinf_router *r, const struct pinf_task *task,
    const struct pinf_address *miner, uint32_t attempt);
/* Gathers the facts of this call and decides. */
enum pinf_rule router_decide(const struct call *c, struct pinf_facts *facts);
/* Facts about this call, the policy's decision, and, where it allows, the nonce spent.  A
 * denial is audited and E_DENIED. */
PINF_MUST_CHECK enum pinf_err router_deny(struct call *c, enum pinf_rule rule);
PINF_MUST_CHECK enum pinf_err router_spend_nonce(struct call *c); /* E_AUTH_REPLAY */
PINF_MUST_CHECK enum pinf_err router_permit(
    struct call *c, enum pinf_action action, enum pinf_actor actor, enum pinf_route route);
/* The owner or the administrator if the caller is one, else other. */
enum pinf_actor router_actor(const struct call *c, enum pinf_actor other);
/* The same beside a task: who holds its lease is its miner, be it the owner too. */
enum pinf_actor router_task_actor(const struct call *c);

/* router_acl.c: lists. */
/* Whether the configuration makes sense: as many nodes as can be asked, a quorum among them... */
bool acl_possible(const struct pinf_acl_config *config);
/* Whose list governs the session now. */
enum pinf_acl_source acl_governs(const struct pinf_router *r, const struct pinf_session *session);
/* Whether the environment speaks for it in an emergency. */
bool acl_in_emergency(const struct pinf_router *r, uint64_t session);
/* acl_fresh, acl_source_right and miner_listed, of c's session, task and miner. */
void acl_facts(const struct call *c, struct pinf_facts *facts);
PINF_MUST_CHECK enum pinf_err
acl_change(struct pinf_router *r, const struct pinf_member *member, bool put, bool *changed);
/* At the start, in a transaction of its own: the environment's list, and who governs what. */
PINF_MUST_CHECK enum pinf_err acl_open(struct pinf_router *r);
/* Memory from the store. */
PINF_MUST_CHECK enum pinf_err acl_load(struct pinf_router *r);

/* router_chain.c: what the contract says.  r->chain is there where endpoints are. */
/* Enough nodes were read lately, for that session. */
bool chain_fresh(const struct pinf_router *r, uint64_t session);
/* Where a session-data contract is asked: whether it names that owner. */
bool chain_owned_by(const struct pinf_router *r, const struct pinf_session *session,
    const struct pinf_address *who);
/* One node, as far as it was heard of. */
struct chain_status {
	bool answered; /* ever; the next two are of its last answer */
	uint64_t newest;
	uint64_t age_ms;
	bool counts; /* what it says is heeded now */
	enum pinf_err err; /* what is wrong with it */
};
struct chain_status chain_status(const struct pinf_router *r, unsigned node);
/* From now on the contract is read for that session too.  E_BUSY: too many. */
PINF_MUST_CHECK enum pinf_err
chain_watch(struct pinf_router *r, const struct pinf_session *session);
PINF_MUST_CHECK enum pinf_err
chain_answered(struct pinf_router *r, struct op *op, const struct pinf_event *event);
PINF_MUST_CHECK enum pinf_err chain_time(struct pinf_router *r);
uint64_t chain_next_ms(const struct pinf_router *r);
/* Everything from the store; nothing is fresh until it was read again. */
PINF_MUST_CHECK enum pinf_err chain_load(struct pinf_router *r);
void chain_free(struct chain *chain);

/* router_reply.c: answers. */
PINF_MUST_CHECK enum pinf_err reply_begin(
    struct pinf_router *r, uint64_t request, unsigned status, struct pinf_json_writer *writer);
PINF_MUST_CHECK enum pinf_err reply_end(struct pinf_json_writer *writer);
PINF_MUST_CHECK enum pinf_err reply_empty(struct pinf_router *r, uint64_t request, unsigned status);
PINF_MUST_CHECK enum pinf_err
reply_state(struct pinf_router *r, uint64_t request, unsigned status, const struct pinf_task *task);
PINF_MUST_CHECK enum pinf_err
reply_lease(struct pinf_router *r, uint64_t request, const struct pinf_task *task);
/* Never fails: without memory for a body the status alone is sent. */
void reply_error(struct pinf_router *r, uint64_t request, const struct pinf_api_error *error);

/* router_wait.c: those who wait. */
PINF_MUST_CHECK enum pinf_err wait_caller(
    struct pinf_router *r, uint64_t request, uint8_t api_version, const struct pinf_task *task);
/* The task came to an end, or (still working) a caller's patience did. */
PINF_MUST_CHECK enum pinf_err wait_answer(
    struct pinf_router *r, uint64_t request, uint8_t api_version, const struct pinf_task *task);
PINF_MUST_CHECK enum pinf_err wait_task_ended(struct pinf_router *r, const struct pinf_task *task);
PINF_MUST_CHECK enum pinf_err wait_serve_miners(struct pinf_router *r);
/* Something in that session has become claimable. */
void wait_news(struct pinf_router *r, uint64_t session);
PINF_MUST_CHECK enum pinf_err wait_expired(struct pinf_router *r);
void wait_forget(struct pinf_router *r, uint64_t request);
uint64_t wait_next_ms(const struct pinf_router *r);

/* router_undo.c: a batch that was not committed. */
struct step { /* What it began with. */
	const struct pinf_event *events;
	size_t count;
	size_t fx_before;
	uint64_t first_id; /* of the operations that it began itself */
};
PINF_MUST_CHECK enum pinf_err
step_undo(struct pinf_router *r, const struct step *step, enum pinf_err why);

/* router.c: memory as the store has it. */
PINF_MUST_CHECK enum pinf_err router_rebuild(struct pinf_router *r);

/* router_task.c: from reservation to the queue. */
router_handler route_reserve, route_completion;
PINF_MUST_CHECK enum pinf_err
task_sealed(struct pinf_router *r, struct op *op, const struct pinf_event *event);
PINF_MUST_CHECK enum pinf_err
task_stored(struct pinf_router *r, struct op *op, enum pinf_err outcome);
PINF_MUST_CHECK enum pinf_err
task_input_checked(struct pinf_router *r, struct op *op, enum pinf_err outcome);
PINF_MUST_CHECK enum pinf_err
task_delivered(struct pinf_router *r, struct op *op, enum pinf_err outcome);
PINF_MUST_CHECK enum pinf_err
task_fail(struct pinf_router *r, struct pinf_task *task, enum pinf_err why);
PINF_MUST_CHECK enum pinf_err task_timers(struct pinf_router *r);

/* router_lease.c: miners at work. */
router_handler route_claim, route_ack, route_precommit, route_commit, route_release;
PINF_MUST_CHECK enum pinf_err lease_next(struct pinf_router *r, const struct pinf_address *miner,
    uint64_t session, struct pinf_task *task);
PINF_MUST_CHECK enum pinf_err lease_expired(struct pinf_router *r, struct pinf_task *task);
PINF_MUST_CHECK enum pinf_err
lease_unheard(struct pinf_router *r, const struct pinf_lease_ref *lease);
PINF_MUST_CHECK enum pinf_err
lease_result_checked(struct pinf_router *r, struct op *op, enum pinf_err outcome);

/* router_blob.c: uploads, downloads, orphans. */
router_handler route_blob_put, route_blob_get;
PINF_MUST_CHECK enum pinf_err
blob_uploaded(struct pinf_router *r, struct op *op, enum pinf_err outcome);
PINF_MUST_CHECK enum pinf_err blob_sweep(struct pinf_router *r);
PINF_MUST_CHECK enum pinf_err
blob_deleted(struct pinf_router *r, struct op *op, enum pinf_err outcome);

/* router_key.c: grants and key versions. */
router_handler route_key, route_keys, route_key_rotate, route_key_destroy;
PINF_MUST_CHECK enum pinf_err
key_saved(struct pinf_router *r, struct op *op, enum pinf_err outcome);
/* SAVE_KEYRING: the changed keyring takes the place of the router's. */
void key_adopt(struct pinf_router *r, struct op *op);
/* Rotates where the active version is old for some open session's policy; and when to look again. */
PINF_MUST_CHECK enum pinf_err key_time(struct pinf_router *r);
uint64_t key_next_ms(const struct pinf_router *r);
/* When the active version was made. */
uint64_t key_active_ms(const struct pinf_router *r);
/* Scopes of a task's payloads. */
struct pinf_scope key_input_scope(const struct pinf_task *task);
struct pinf_scope key_result_scope(const struct pinf_task *task);

/* router_pool.c: assignments. */
router_handler route_pool, route_pool_allow, route_pool_deny, route_leave;
/* A seat for a miner of the pool, in the session that waits longest for one. */
PINF_MUST_CHECK enum pinf_err
pool_seat(struct pinf_router *r, const struct pinf_claim *claim, bool *seated);
/* Its seats (task: only the one in that session, for as long as the lease may take) last longer. */
PINF_MUST_CHECK enum pinf_err pool_heard_of(
    struct pinf_router *r, const struct pinf_address *miner, const struct pinf_task *task);
PINF_MUST_CHECK enum pinf_err pool_time(struct pinf_router *r);

/* router_deployment.c: what there is. */
router_handler route_deployment;

/* router_explain.c: what would be decided, and why. */
router_handler route_explain;

/* router_session.c and router_view.c. */
router_handler route_session_create, route_session_allow, route_session_deny, route_session_close;
router_handler route_session_policy;
router_handler route_sessions, route_session, route_tasks, route_task, route_miners;
router_handler route_info, route_status, route_health, route_metrics;

#endif
