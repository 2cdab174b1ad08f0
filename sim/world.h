/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h -- one simulated deployment: a router on the real store, miners, callers, owners and
 * attackers around it, and what they share.  spec/simulation.md.
 */
#ifndef PINF_SIM_WORLD_H
#define PINF_SIM_WORLD_H

#include <pinf/caller.h>
#include <pinf/miner.h>
#include <pinf/router.h>

#include "blobs.h"
#include "chain.h"
#include "crypto/crypto.h"
#include "heap.h"
#include "histogram.h"
#include "memory.h"
#include "oracle.h"
#include "plan.h"
#include "rng.h"
#include "timeline.h"
#include "vfs.h"

#define SIM_EPOCH_MS    1700000000000 /* the wall clock at the start */
#define SIM_DRAIN_MS    240000 /* after the plan's end, without faults */
#define SIM_TIMEOUT_MS  120000 /* of a task */
#define SIM_SLOTS       2 /* tasks that a miner has at once */
#define SIM_PRECOMMIT_S 20 /* a miner's time, from its acknowledgement on */
#define SIM_COMMIT_MS   10000 /* and from there to the result */
#define SIM_RECORDED    64 /* requests that attackers replay */
#define SIM_ROUTER_NODE 0
#define SIM_CANONICAL   PINF_CHAIN_ENDPOINTS_MAX /* the chain itself, beside its nodes */
#define SIM_HEADS       (PINF_CHAIN_ENDPOINTS_MAX + 1)

enum sim_what {
	SIM_DO_STEP, /* id: of the plan's step */
	SIM_ARRIVE, /* data: a message, at the router */
	SIM_REPLY, /* data: a message, back at its sender */
	SIM_TIMEOUT, /* id: of the request that has waited enough */
	SIM_ANSWER, /* data: an event for the node */
	SIM_TIMER,
	SIM_BATCH, /* the router handles what has come */
	SIM_RELEASE, /* data: effects of a committed batch */
	SIM_START,
	SIM_FAULT_ENDS,
	SIM_TRICK, /* id: of the step that asks for it */
	SIM_BLOCK, /* the chain grows */
	SIM_ASKED /* data: what the router asks the node of number id */
};

/* A request and, on its way back, what was answered. */
struct sim_message {
	uint32_t node;
	uint32_t life;
	uint64_t id;
	enum pinf_listener listener;
	const char *method;
	struct pinf_bytes path;
	struct pinf_bytes authorization;
	struct pinf_bytes body;
	bool json;
	uint32_t late_ms; /* by a slow storage, on top of the network's delay */
	bool open_text; /* the router-sealed caller's own request or answer, in the clear */
	bool hangup;
	uint32_t timeout_ms;
	enum pinf_err err;
	unsigned status;
};

struct sim_answer {
	struct pinf_event event;
	struct pinf_bytes body;
	uint32_t node; /* of the chain */
	uint64_t asked_ms;
	uint64_t head; /* the node's newest block when it answered */
	bool counts; /* the node did not say what makes it count for nothing */
};

enum sim_role {
	SIM_MINER,
	SIM_CALLER,
	SIM_PLAIN_CALLER,
	SIM_OWNER,
	SIM_ADMIN,
	SIM_ATTACKER,
	SIM_INSIDER,
	SIM_CHEAT /* an owner's other program */
};

/* Somebody's messages do not get through, to the router, from it, or both. */
struct sim_cut {
	uint64_t until_ms;
	enum sim_way way;
};

struct sim_pending {
	uint64_t id;
	bool fetch;
	struct pinf_payload payload;
	struct pinf_key key;
};

struct sim_sealed {
	uint64_t id;
	struct pinf_bytes bytes;
};

/* Everybody but the router. */
struct sim_client {
	uint32_t node;
	enum sim_role role;
	uint32_t index; /* of the miner, the session or the task */
	uint32_t life;
	bool up;
	bool done;
	struct sim_cut cut;
	uint64_t paused_until_ms;
	int64_t clock_by_ms; /* its wall clock, ahead of the time */
	uint64_t wake_id; /* of the last timer asked for */
	struct sim_rng rng; /* its choices */
	struct sim_rng random; /* its random port */
	struct pinf_wallet wallet;
	struct sim_pending *pending;
	size_t pending_count;
	size_t pending_cap;
	struct sim_sealed *sealed;
	size_t sealed_count;
	size_t sealed_cap;
	uint64_t next_id;
	struct pinf_miner *miner;
	struct pinf_caller *caller;
	/* Owners and the administrator: what is asked of them, in order. */
	const struct sim_step **jobs;
	size_t job_count;
	size_t job_cap;
	size_t job_next;
	uint64_t job_sent_ms; /* the first time; 0: not yet */
	unsigned job_tries;
	/* Callers. */
	const struct sim_step *step;
	struct pinf_bytes document; /* what was asked; for the check of the answer */
	uint64_t started_ms;
	bool probe; /* sent when all faults are over: must succeed */
	bool answered;
	char path[96]; /* of a cheat's requests */
};

struct sim_member {
	uint64_t allow_arrived_ms;
	uint64_t deny_sent_ms;
	uint64_t deny_answered_ms;
};

/* What the chain and its nodes say of a miner in a session.  spec/simulation.md#oracles. */
struct sim_listing {
	bool wanted; /* its owner's last word */
	bool used; /* it had a key since it was let in: the router listed it */
	bool let_in; /* a quorum had it confirmed, once */
	bool gone; /* the router must know that it was removed */
	uint64_t gone_block; /* no confirmed block below it lets the miner in again */
	unsigned heads; /* that list it, bits */
	unsigned confirmed; /* nodes whose confirmed block lists it now */
	unsigned may; /* nodes by which it may be let in, since it was gone */
	uint64_t lacks_ms[SIM_HEADS]; /* since when a head does not list it */
	uint64_t lacks_block[SIM_HEADS];
};

/* A session that the contract governs. */
struct sim_governed {
	bool want_private;
	uint64_t changed_block; /* the newest that changed it */
	uint64_t seen_branch;
	uint64_t seen[SIM_HEADS]; /* the head that was looked at last */
	uint64_t
	    private_ms[SIM_HEADS]; /* since when a head says that it is private; 0: it does not */
	struct sim_listing *miners;
};

struct sim_session {
	uint64_t id; /* 0: not created yet */
	unsigned tries;
	bool make_private;
	uint32_t seats; /* of a pooled one; 0: it is none */
	struct sim_cut cut; /* its callers */
	int64_t clock_by_ms; /* its owner's and callers' wall clock */
	bool known_private; /* somebody was told so, or the router must know it from the chain */
	struct sim_governed *governed; /* NULL: its list is the router's */
	char api_key[PINF_API_KEY_TEXT + 1];
	struct sim_member *members;
};

struct sim_conn {
	uint64_t id;
	struct sim_message *message;
	enum pinf_endpoint endpoint;
	struct pinf_address signer;
	uint64_t session;
	uint64_t task;
	uint32_t attempt;
	bool is_signed;
	uint8_t nonce[PINF_NONCE_LEN];
	struct pinf_hash result; /* COMMIT */
	bool by_blob; /* and not inline */
	uint64_t arrived_ms;
};

struct sim_router {
	struct pinf_router *core; /* NULL: down */
	struct pinf_store store;
	uint32_t life;
	struct sim_rng rng;
	struct sim_rng random;
	struct pinf_bytes keyring_file; /* on its disk */
	struct pinf_address address;
	struct pinf_event *events; /* and in parallel, what they borrow: */
	struct pinf_bytes *bodies;
	size_t event_count;
	size_t event_cap;
	size_t body_cap;
	struct sim_conn *conns;
	size_t conn_count;
	size_t conn_cap;
	uint64_t next_conn;
	struct sim_sealed *sealed;
	size_t sealed_count;
	size_t sealed_cap;
	uint64_t busy_until_ms;
	uint64_t paused_until_ms;
	uint64_t decided_ms; /* when what it does now was decided */
	int64_t clock_by_ms; /* its wall clock, ahead of the time */
	uint64_t clock_off_ms; /* the furthest that it ever stepped */
	uint64_t clock_wrong_until_ms; /* or behind what it said before */
	uint64_t wake_id;
	bool batch_due;
	uint32_t crash_after_commit_ms; /* how long to stay down; 0: none is due */
};

enum sim_fault {
	SIM_F_LOSS,
	SIM_F_DUPLICATE,
	SIM_F_REORDER,
	SIM_F_PARTITION,
	SIM_F_ONE_WAY,
	SIM_F_PAUSE,
	SIM_F_CLOCK,
	SIM_F_BYZANTINE,
	SIM_F_ROUTER_CRASH,
	SIM_F_COMMIT_CRASH,
	SIM_F_MINER_CRASH,
	SIM_F_CALLER_CRASH,
	SIM_F_FAILED_COMMIT,
	SIM_F_REORG,
	SIM_F_DEEP_REORG,
	SIM_F_CHAIN_STALL,
	SIM_F_CHAIN_LIE,
	SIM_F_CHAIN_CUT,
	SIM_F_CHAIN_DOWN,
	SIM_F_CHAIN_LOSS,
	SIM_FAULTS
};

struct sim_stats {
	uint64_t faults[SIM_FAULTS];
	uint64_t submitted;
	uint64_t answered;
	uint64_t refused;
	uint64_t given_up;
	uint64_t inferences;
	uint64_t grants;
	uint64_t signed_requests; /* that the router decoded */
	uint64_t signed_results; /* precommits and commits */
	uint64_t seals;
	uint64_t opens;
	uint64_t commits; /* of the router's store */
	uint64_t events;
	uint64_t blocks;
	uint64_t transactions;
	uint64_t seats; /* given */
	uint64_t tasks[PINF_TASK_STATES];
	uint64_t attempts;
	uint64_t by_nodes; /* results of miners that are another implementation's */
	uint64_t rules[PINF_RULE_COUNT];
	uint64_t sessions;
	uint64_t busy_ms; /* of miners' slots, with attempts that were committed */
	uint64_t slots_ms;
	uint64_t wire_bytes; /* bodies, there and back */
	uint64_t blob_bytes; /* stored at the end */
	struct sim_histogram answer_ms; /* from a caller's start to its answer */
	struct sim_histogram removal_ms; /* from an owner's word to the record that denies */
};

/* Somebody was told to go. */
struct sim_removal {
	uint32_t session; /* number; UINT32_MAX: the pool */
	uint32_t miner;
	uint64_t sent_ms; /* 0: its record was found, or it was let in again */
};

struct sim_transaction {
	struct sim_chain_change change; /* block: the first that may hold it */
	uint32_t session; /* its number */
};

struct sim_node {
	struct sim_chain_node says; /* while it lies; behind: always */
	uint64_t lies_until_ms;
	uint64_t stalled_until_ms;
	uint64_t stalled_at;
	uint64_t cut_until_ms;
	uint64_t
	    lied_at; /* its newest block when it lied last: what it said holds until the next */
	uint64_t well_ms; /* since when all that it was asked came back, in time and true */
	uint64_t told; /* a block that its newest was not below in what it told the router */
	uint64_t answered; /* its newest block when it answered last */
	uint64_t heard_ms; /* when it last told the router what counts; 0: not since that started */
};

struct sim_chain_world {
	struct sim_chain chain;
	struct sim_rng rng;
	struct sim_node nodes[PINF_CHAIN_ENDPOINTS_MAX];
	uint64_t down_until_ms;
	struct sim_transaction *queue; /* mined in this order */
	size_t queue_count;
	size_t queue_cap;
};

/* Faults that end after a time. */
enum sim_window { SIM_WINDOW_DISK = 1, SIM_WINDOW_BLOB, SIM_WINDOW_SLOW, SIM_WINDOWS };

#define SIM_LOG_LINES 2000
#define SIM_LINE_MAX  160

/* The last lines of what happened, for people: oldest at next, once it is full. */
struct sim_log {
	char lines[SIM_LOG_LINES][SIM_LINE_MAX];
	size_t next;
};

/* Who looks on; no history depends on it. */
struct sim_watch {
	struct sim_log *log; /* NULL: none is kept */
	struct sim_timeline *timeline; /* NULL: nothing is taken down */
	void (*progress)(const struct sim_world *w); /* now and then; NULL: nobody asks */
};

struct sim_world {
	struct sim_plan *plan;
	struct sim_watch watch;
	uint64_t now_ms;
	uint64_t end_ms; /* of the plan; then faults stop */
	bool stop;
	bool calm; /* faults have stopped */
	struct sim_heap heap;
	struct sim_vfs *vfs;
	struct sim_blobs blobs;
	struct sim_chain_world chain;
	struct sim_rng net;
	struct pinf_blob *blob;
	struct sim_router router;
	struct sim_client **clients; /* [i] is node i + 1 */
	size_t client_count;
	size_t client_cap;
	struct sim_client *admin;
	struct sim_client **tricksters; /* by miner: what breaks the protocol with its wallet */
	struct sim_client **owners; /* by session */
	struct sim_session *sessions;
	struct sim_member *pool; /* by miner */
	struct sim_removal *removals;
	size_t removal_count;
	size_t removal_cap;
	struct sim_step *probes; /* by session */
	struct sim_message *recorded[SIM_RECORDED];
	size_t recorded_next;
	struct sim_oracles oracles;
	struct sim_stats stats;
	struct pinf_sha256 trace;
	struct pinf_hash state_hash;
	uint64_t disk_windows; /* that are open */
	uint64_t blob_windows;
	uint64_t slow_windows;
	uint32_t versions; /* of keys, that the administrator knows of */
	uint32_t destroyed; /* of them, the oldest: told to be */
	uint32_t destroying; /* asked to be */
	bool excused; /* it came to no end, and could not: spec/simulation.md#liveness */
	char marker[17]; /* in every private prompt and result */
};

/* world.c */
void sim_world_run(struct sim_world *w, struct sim_plan *plan);
/* The same history, with somebody who looks on. */
void
sim_world_run_watched(struct sim_world *w, struct sim_plan *plan, const struct sim_watch *watch);
/* A line in the log, if there is one. */
__attribute__((format(printf, 2, 3))) void sim_note(struct sim_world *w, const char *format, ...);
void sim_note_step(struct sim_world *w, const struct sim_step *step);
void sim_world_free(struct sim_world *w);
void sim_trace(struct sim_world *w, const uint64_t *numbers, size_t count, struct pinf_span bytes);
/* To a file of the database. */
void sim_trace_write(struct sim_world *w, uint64_t offset, struct pinf_span bytes);
void sim_trace_event(struct sim_world *w, uint32_t node, const struct pinf_event *event);
void sim_trace_effect(struct sim_world *w, uint32_t node, const struct pinf_effect *fx);
void sim_after(struct sim_world *w, uint64_t delay_ms, struct sim_item item);
const char *sim_role_name(enum sim_role role);
struct sim_client *sim_client_new(struct sim_world *w, enum sim_role role, uint32_t index);
/* Another process with that one's wallet. */
struct sim_client *
sim_act_for(struct sim_world *w, enum sim_role role, const struct sim_client *who, uint32_t index);
struct pinf_storage sim_storage(void);
struct pinf_domain sim_domain(void);
/* Miners, then attackers; UINT32_MAX: neither. */
uint32_t sim_member_of(const struct sim_world *w, const struct pinf_address *who);
struct sim_session *sim_session_of(struct sim_world *w, uint64_t id, uint32_t *index);

/* net.c */
struct sim_message *sim_message_new(const struct sim_client *c, uint64_t id, const char *method);
void sim_message_free(struct sim_message *m);
/* Takes m over; an answer, E_IO or E_TIMEOUT comes back to its node under its id. */
void sim_send(struct sim_world *w, struct sim_client *c, struct sim_message *m);
/* Takes m over: its status and body travel back. */
void sim_reply(struct sim_world *w, struct sim_message *m);
void sim_arrive(struct sim_world *w, struct sim_message *m);
/* Asks again what somebody else asked. */
void sim_replay(struct sim_world *w, struct sim_client *c);
void sim_hang_up(struct sim_world *w, struct sim_client *c, uint64_t id);

/* router_node.c */
void sim_router_start(struct sim_world *w);
void sim_router_free(struct sim_world *w);
void sim_router_crash(struct sim_world *w, uint64_t down_ms);
void sim_router_request(struct sim_world *w, struct sim_message *m);
void sim_router_hangup(struct sim_world *w, const struct sim_message *m);
/* Takes body over; NULL: none. */
void sim_router_event(struct sim_world *w, const struct pinf_event *event, struct pinf_bytes *body);
void sim_router_batch(struct sim_world *w);
/* What a batch of that time decided. */
void sim_router_release(struct sim_world *w, uint64_t decided_ms, struct pinf_effects *effects);
struct pinf_keyring *sim_router_keyring(const struct sim_world *w);

/* router_work.c: what its effects ask for. */
void sim_router_work(struct sim_world *w, struct pinf_effect *fx);
struct sim_conn *sim_conn_find(struct sim_world *w, uint64_t id);
void sim_conn_drop(struct sim_world *w, struct sim_conn *conn);
enum pinf_err sim_open_payload(struct sim_world *w, const struct pinf_payload *payload,
    const struct pinf_key *key, struct pinf_span bytes, struct pinf_bytes *document);

/* chain_world.c: blocks, transactions and nodes; spec/simulation.md#chain. */
void sim_chain_start(struct sim_world *w);
void sim_chain_world_free(struct sim_world *w);
void sim_chain_block(struct sim_world *w);
void sim_chain_fault(struct sim_world *w, const struct sim_step *step);
/* What an owner wants of a session that the contract governs. */
void sim_chain_send(struct sim_world *w, const struct sim_step *job);
/* Whether a miner is to be on its list. */
bool sim_chain_wants_any(const struct sim_world *w, uint32_t session);
/* Faults have stopped: owners say once more what did not stay on the chain. */
void sim_chain_calm(struct sim_world *w);
/* How long a transaction may take until everybody acts by it, without faults. */
uint64_t sim_chain_settles_ms(const struct sim_world *w);
struct sim_chain_node sim_chain_node_now(const struct sim_world *w, uint32_t node);
/* What a node says cannot be expected to be known of before. */
void sim_chain_unwell(struct sim_world *w, uint32_t node, uint64_t until_ms);
struct pinf_chain_config sim_chain_config(const struct sim_world *w);
/* The router asks a node: body is moved.  Later it arrives there; then the answer, at the router. */
void sim_chain_ask(struct sim_world *w, struct pinf_effect *fx);
void sim_chain_asked(struct sim_world *w, struct sim_answer *answer);
void sim_chain_told(struct sim_world *w, const struct sim_answer *answer);
/* No node is, to begin with, well before: the router starts afresh. */
void sim_chain_forgotten(struct sim_world *w, uint64_t at_ms);

/* client.c */
void sim_client_start(struct sim_world *w, struct sim_client *c);
void sim_client_crash(struct sim_world *w, struct sim_client *c, uint64_t down_ms);
/* It has nothing to do any more: what it holds is let go. */
void sim_client_retire(struct sim_client *c);
void sim_client_free(struct sim_client *c);
void sim_client_reply(struct sim_world *w, struct sim_client *c, struct sim_message *m);
void sim_client_timer(struct sim_world *w, struct sim_client *c);
void sim_client_event(struct sim_world *w, struct sim_client *c, struct pinf_event *event);
void sim_client_answered(struct sim_world *w, struct sim_client *c);
void sim_client_failed(struct sim_world *w, struct sim_client *c, enum pinf_err err);
void sim_client_wake(struct sim_world *w, struct sim_client *c, uint64_t delay_ms);
/* The simulated engine: the result document is a function of the input document. */
void sim_infer(struct pinf_span input, struct pinf_bytes *result);

/* people.c: owners, the administrator, callers by v1 and v2, attackers. */
void sim_people_act(struct sim_world *w, struct sim_client *c);
void sim_people_reply(struct sim_world *w, struct sim_client *c, const struct sim_message *m);
/* Signed by the client's wallet; body is moved; ids: session and task. */
void sim_send_signed(struct sim_world *w, struct sim_client *c, const char *method,
    const char *path, struct pinf_bytes *body, const struct pinf_scope *ids);

/* faults.c */
void sim_fault_step(struct sim_world *w, const struct sim_step *step);
/* What the plan's rates and the windows that are open come to. */
void sim_faults_set(struct sim_world *w);
void sim_faults_stop(struct sim_world *w);
/* By the wall clock of that node. */
uint64_t sim_client_now(const struct sim_world *w, const struct sim_client *c);
uint64_t sim_router_now(const struct sim_world *w);
bool sim_is_cut(const struct sim_world *w, const struct sim_client *c, bool to_router);
/* Whether those that are well can do all that is asked: else nothing is to be expected. */
bool sim_recoverable(const struct sim_world *w);
/* When the process that an item is for goes on; not later than now: it is not stopped. */
uint64_t sim_paused_until(const struct sim_world *w, const struct sim_item *item);

/* byzantine.c */
void sim_byzantine(struct sim_world *w, const struct sim_step *step);
void sim_cheat_reply(struct sim_world *w, struct sim_client *c, const struct sim_message *m);

#endif
