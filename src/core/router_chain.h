/* SPDX-License-Identifier: Apache-2.0 */
/* router_chain.h -- reading PrivacySettingData from several nodes.  spec/acl.md#contract. */
#ifndef PINF_CORE_ROUTER_CHAIN_H
#define PINF_CORE_ROUTER_CHAIN_H

#include "core/abi.h"
#include "core/chain_view.h"
#include "core/router_internal.h"
#include "core/rpc.h"

#define CHAIN_SESSIONS_MAX 100000
#define CHAIN_READS_MAX    16 /* sessions in one batch of calls */
#define CHAIN_PAGE         500 /* miners of one getAllowedMiners() */
#define CHAIN_ANSWER_MAX   ((size_t)8 << 20)

/* What is called: of the contract, and (the last) of the session-data contract. */
#define CHAIN_MINERS       "getAllowedMiners(uint256,uint256,uint256)"
#define CHAIN_MINERS_COUNT "getAllowedMinersCount(uint256)"
#define CHAIN_ENCRYPTED    "sessionEncryptionEnabled(uint256)"
#define CHAIN_OWNER        "sessionOwner(uint256)"

/* A session on its way from one node: both blocks' answers, page by page. */
struct chain_read {
	uint64_t session;
	struct chain_reading reading;
	uint64_t total[2]; /* miners that the list has: newest, confirmed */
	bool begun;
	bool failed; /* this session cannot be read there; others can */
};

enum chain_phase { CHAIN_IDLE, CHAIN_HEAD, CHAIN_READ };

struct chain_node {
	uint64_t op; /* id of the one awaited; 0: none */
	enum chain_phase phase;
	uint64_t due_ms; /* idle: when to ask again */
	struct pinf_rpc_block newest;
	uint64_t asked_ms; /* for its newest block, last */
	uint64_t
	    answered_ms; /* when it was asked for the newest block that it told last; 0: never */
	uint64_t sweep; /* counts its newest blocks */
	uint64_t cursor; /* session read last in this look */
	enum pinf_err err; /* what is wrong with it now */
	struct chain_read reads[CHAIN_READS_MAX];
	size_t read_count;
};

struct chain {
	struct chain_view *views; /* in order of session */
	size_t count, cap;
	struct chain_node nodes[PINF_CHAIN_ENDPOINTS_MAX];
	uint64_t newest; /* the newest block that a quorum ever had */
	unsigned settled; /* nodes that counted when everything was settled last */
};

/* router_chain_ask.c: the calls of a batch and their answers. */
PINF_MUST_CHECK enum pinf_err chain_put_head(const struct pinf_router *r, struct pinf_bytes *out);
PINF_MUST_CHECK enum pinf_err
chain_put_reads(const struct pinf_router *r, const struct chain_node *node, struct pinf_bytes *out);
/* E_CHAIN_ID, E_CHAIN_CODE, E_CHAIN_STALLED, what rpc.h and abi.h refuse. */
PINF_MUST_CHECK enum pinf_err
chain_take_head(const struct pinf_router *r, struct pinf_span body, struct pinf_rpc_block *newest);
/* Answers of one session that mean nothing mark that read as failed; E_NOT_FOUND: the block is gone. */
PINF_MUST_CHECK enum pinf_err
chain_take_reads(const struct pinf_router *r, struct chain_node *node, struct pinf_span body);
bool chain_read_done(const struct chain_read *read);
void chain_reads_free(struct chain_node *node);

#endif
