/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h -- what a run does, step by step: made from a seed or read from JSON.  spec/simulation.md#plan. */
#ifndef PINF_SIM_PLAN_H
#define PINF_SIM_PLAN_H

#include <pinf/store.h>

#define SIM_PLAN_VERSION  4
#define SIM_SESSIONS_MAX  10000
#define SIM_MINERS_MAX    1000
#define SIM_UNLISTED_MAX  100
#define SIM_SEATS_MAX     100
#define SIM_MINUTES_MAX   1440
#define SIM_STEPS_MAX     250000
#define SIM_PROMPT_MAX    100000
#define SIM_PLAN_TEXT_MAX ((size_t)32 << 20)
#define SIM_CLOCK_MAX_MS  40000 /* that a clock is off; signatures live for a minute */
#define SIM_DEPTH_MAX     100 /* blocks that one reorganisation undoes */

/* All rates are chances in a thousand. */
struct sim_network_rates {
	uint32_t delay_min_ms;
	uint32_t delay_max_ms;
	uint32_t loss;
	uint32_t duplicate;
	uint32_t reorder; /* held back for up to five seconds */
};

struct sim_blob_rates {
	uint32_t lost; /* a put that fails */
	uint32_t lost_ack; /* a put that happens and says that it failed */
	uint32_t misdirected; /* a put that lands under another name */
	uint32_t corrupt; /* a read with a flipped bit */
	uint32_t full;
	uint32_t truncated; /* a read that ends too soon */
	uint32_t stale; /* a read that does not find what was put lately */
	uint32_t again; /* a put that is done once more after its blob was deleted */
	uint32_t busy; /* a put or read that is refused for now */
	uint32_t delay_max_ms;
};

struct sim_disk_rates {
	uint32_t io_error;
	uint32_t full;
};

/* How long a miner infers: between the two; the last miner that many per mille of the first one's time. */
struct sim_engine_plan {
	uint32_t min_ms;
	uint32_t max_ms;
	uint32_t slowest;
};

/* The contract's chain; no nodes: there is none, and every list is the router's. */
struct sim_chain_plan {
	uint32_t nodes;
	uint32_t quorum;
	uint32_t confirmations;
	uint32_t block_ms; /* between two blocks */
	uint32_t behind_max; /* blocks by which a node may trail */
	uint32_t poll_ms;
	uint32_t max_age_ms;
	uint32_t stall_ms;
	uint32_t timeout_ms;
	uint32_t delay_max_ms; /* of a crossing between the router and a node */
	uint32_t lost; /* crossings, in a thousand */
};

/* What a node says instead of the truth. */
enum sim_lie {
	SIM_LIE_ADDS,
	SIM_LIE_REMOVES,
	SIM_LIE_CHAIN_ID,
	SIM_LIE_GARBAGE,
	SIM_LIE_ABSENT,
	SIM_LIES
};

/* Messages of somebody that are lost in a partition. */
enum sim_way { SIM_BOTH_WAYS, SIM_TO_ROUTER, SIM_FROM_ROUTER, SIM_WAYS };

/* What a miner on lists, or an owner's other program, does against the protocol.  byzantine.c. */
enum sim_trick {
	SIM_WRONG_HASH, /* precommits what it will not have */
	SIM_MISSING_BLOB, /* commits what it never put */
	SIM_FOREIGN_BLOB, /* commits its input as its result */
	SIM_OTHERS_BLOB, /* commits another task's blob */
	SIM_OTHERS_ATTEMPT, /* commits for whoever has the newest lease */
	SIM_OTHER_SIGNATURE, /* signs for another attempt than it commits for */
	SIM_EARLY_RESULT, /* commits without a precommit */
	SIM_LATE_RESULT, /* commits for the oldest lease that it had */
	SIM_GARBAGE,
	SIM_CALLER_TRICKS, /* from here on, of callers: */
	SIM_INPUT_MISSING = SIM_CALLER_TRICKS, /* submits what it never put */
	SIM_INPUT_GARBAGE, /* puts no sealed blob and submits it as one */
	SIM_INPUT_OTHERS, /* submits another task's blob */
	SIM_INPUT_SIZE, /* submits a wrong size */
	SIM_OTHERS_TASK, /* asks for keys of, and submits to, another session's task */
	SIM_CALLER_GARBAGE,
	SIM_TRICKS
};

enum sim_op {
	SIM_SESSION, /* its owner creates session number `session` */
	SIM_ALLOW, /* at the router, or on the chain where the contract governs */
	SIM_DENY,
	SIM_LEAVE, /* a miner goes by itself, from a session that is not dedicated */
	SIM_POOL_ALLOW, /* the administrator lets a miner into the pool */
	SIM_POOL_DENY,
	SIM_PRIVATE, /* turned so on the chain */
	SIM_SUBMIT, /* a caller sends a prompt of `bytes` bytes by route v1, v2 or v3 */
	SIM_ROTATE,
	SIM_DESTROY, /* the administrator destroys the oldest key version that is left, if it is not the active one */
	SIM_CRASH_ROUTER, /* down for_ms; after_commit: between a commit and its effects */
	SIM_CRASH_MINER,
	SIM_CRASH_CALLERS, /* all that wait by v3; back after for_ms, under their references */
	SIM_PAUSE_ROUTER, /* stopped for for_ms: what comes meanwhile waits */
	SIM_PAUSE_MINER,
	SIM_CLOCK_ROUTER, /* its wall clock steps to by_ms ahead of the time, or behind it */
	SIM_CLOCK_MINER,
	SIM_CLOCK_OWNER, /* and its callers' */
	SIM_PARTITION, /* a miner from the router, for for_ms, one way or both */
	SIM_PARTITION_CALLERS, /* a session's callers */
	SIM_BYZANTINE_MINER, /* a miner tries a trick */
	SIM_BYZANTINE_CALLER,
	SIM_DISK_FAULT, /* the plan's disk rates hold for for_ms */
	SIM_BLOB_FAULT, /* blob storage fails half of all puts for for_ms */
	SIM_BLOB_SLOW, /* blob storage takes its time for for_ms */
	SIM_REORG, /* the newest `depth` blocks become others; some of what they did is lost */
	SIM_CHAIN_STALL, /* a node's newest block stands still for for_ms */
	SIM_CHAIN_LIE, /* a node lies for for_ms, maybe about a miner */
	SIM_CHAIN_CUT, /* a node does not answer for for_ms */
	SIM_CHAIN_DOWN, /* no node answers for for_ms */
	SIM_OPS
};

struct sim_step {
	uint64_t at_ms;
	enum sim_op op;
	uint32_t session; /* from 0 */
	uint32_t miner; /* from 0; the unlisted ones come after the others */
	uint32_t api;
	uint32_t bytes;
	uint32_t for_ms;
	uint32_t depth;
	uint32_t node;
	uint32_t lie;
	uint32_t way; /* enum sim_way */
	uint32_t trick; /* enum sim_trick */
	uint32_t by_ms;
	uint32_t type; /* enum pinf_session_type */
	uint32_t seats; /* of a pooled session */
	bool make_private;
	bool router_sealed;
	bool after_commit;
	bool behind; /* the time by by_ms, and not ahead of it */
};

struct sim_plan {
	uint64_t seed;
	uint32_t minutes;
	uint32_t sessions;
	uint32_t miners;
	uint32_t unlisted;
	uint32_t core; /* miners, from 0, that are well once the plan has ended; no others are */
	uint32_t insiders; /* other programs with the wallets of miners 0, 3, 6, ... */
	struct sim_network_rates network;
	struct sim_blob_rates blob;
	struct sim_disk_rates disk;
	struct sim_engine_plan engine;
	struct sim_chain_plan chain;
	struct sim_step *steps; /* in order of time */
	size_t step_count;
	size_t step_cap;
};

/* Which of the faults that a wish allows there are.  spec/simulation.md#profiles. */
enum sim_profile {
	SIM_FULL, /* all, in every seed */
	SIM_SWARM, /* each seed has its own choice of them */
	SIM_LITE, /* a fifth of them */
	SIM_PERF, /* none, and nobody who attacks */
	SIM_PROFILES
};

/* What a generated plan is to hold: a scenario's keys.  spec/simulation.md#scenario. */
struct sim_wish {
	uint64_t seed;
	uint32_t minutes;
	uint32_t sessions;
	uint32_t public_share; /* of the sessions, per mille */
	uint32_t ephemeral_share;
	uint32_t pooled_share;
	uint32_t seats_max; /* of a pooled one */
	uint32_t members; /* of all miners, per mille, on a private one's list */
	uint32_t miners;
	uint32_t unlisted;
	struct sim_engine_plan engine;
	uint32_t tasks_per_minute;
	uint32_t prompt_min;
	uint32_t prompt_max;
	uint32_t prompt_large; /* prompts, per mille, that are as long as can be */
	uint32_t removals_per_minute; /* while the removed one may be at work */
	uint32_t changes_per_minute;
	uint32_t rotations_per_minute;
	bool network;
	bool blob;
	bool disk;
	bool crash;
	bool partition;
	bool pause;
	bool clock;
	bool byzantine;
	bool chain;
	enum sim_profile profile;
};

/* Of that name, with what it says beside faults; false, with nothing changed: there is none. */
bool sim_profile_read(struct sim_wish *wish, const char *name);
#define SIM_FAULT_KINDS "network,blob,disk,crash,partition,pause,clock,byzantine,chain"
/* "all", "none", or some of the kinds; false, with nothing changed: there is no such kind. */
bool sim_faults_read(struct sim_wish *wish, struct pinf_span list);
/* False, with nothing made: it would have more than SIM_STEPS_MAX steps.  Says so, on stderr. */
PINF_MUST_CHECK bool sim_plan_make(struct sim_plan *plan, const struct sim_wish *wish);
/* Strict.  On failure message says what is wrong, with key and step. */
PINF_MUST_CHECK enum pinf_err
sim_plan_decode(struct sim_plan *plan, struct pinf_span json, struct pinf_bytes *message);
void sim_plan_encode(struct pinf_bytes *out, const struct sim_plan *plan);
/* A step's object alone. */
void sim_step_encode(struct pinf_bytes *out, const struct sim_step *step);
void sim_plan_free(struct sim_plan *plan);
const char *sim_op_name(enum sim_op op);
const char *sim_trick_name(uint32_t trick);
bool sim_op_has_session(enum sim_op op);
bool sim_op_needs_chain(enum sim_op op);

#endif
