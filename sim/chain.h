/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.h -- a chain with PrivacySettingData and a session-data contract on it, and nodes that tell of
 * it, each in its own way.  Also what the unit tests of the reader read.  spec/simulation.md#chain.
 */
#ifndef PINF_SIM_CHAIN_H
#define PINF_SIM_CHAIN_H

#include <pinf/base.h>

enum sim_chain_op { SIM_CHAIN_ADD, SIM_CHAIN_REMOVE, SIM_CHAIN_ENCRYPT, SIM_CHAIN_OWNER };

struct sim_chain_change {
	uint64_t block;
	enum sim_chain_op op;
	uint64_t session;
	struct pinf_address who;
};

struct sim_chain_block {
	struct pinf_hash hash;
	uint64_t time_s;
};

struct sim_chain {
	struct pinf_domain domain;
	struct pinf_address session_data;
	uint64_t deployed; /* the first block with the contracts */
	uint64_t branch; /* makes the hashes of every branch its own */
	struct sim_chain_block *blocks; /* [number] */
	size_t count, cap;
	struct sim_chain_change *changes; /* in order of block */
	size_t change_count, change_cap;
};

/* What a node says instead of the truth. */
struct sim_chain_node {
	uint64_t behind; /* blocks that it has not seen yet */
	uint64_t stuck_at; /* its newest block, for good; 0: it follows */
	uint64_t chain_id; /* 0: the true one */
	bool garbage; /* no JSON */
	bool absent; /* no contract there */
	bool adds; /* lists this miner in every session */
	bool removes; /* lists this miner in none */
	struct pinf_address about;
};

/* Takes effect in the next block that is mined. */
void sim_chain_do(struct sim_chain *chain, enum sim_chain_op op, uint64_t session,
    const struct pinf_address *who);
void sim_chain_mine(struct sim_chain *chain, uint64_t time_s);
/* The newest `depth` blocks, and what they did, never were. */
void sim_chain_reorg(struct sim_chain *chain, uint64_t depth);
uint64_t sim_chain_newest(const struct sim_chain *chain);
/* The newest block that the node has. */
uint64_t sim_chain_head(const struct sim_chain *chain, const struct sim_chain_node *node);
/* Whether the list at that block names the miner, and whether the session is private there. */
bool sim_chain_lists(const struct sim_chain *chain, uint64_t block, uint64_t session,
    const struct pinf_address *who);
bool sim_chain_private(const struct sim_chain *chain, uint64_t block, uint64_t session);
/* The HTTP status; the body appended. */
unsigned sim_chain_answer(const struct sim_chain *chain, const struct sim_chain_node *node,
    struct pinf_span request, struct pinf_bytes *answer);
void sim_chain_free(struct sim_chain *chain);

#endif
