/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain_view.h -- what each node says of one session, and what follows from all of them together.
 * Pure: no clock, no store.  spec/acl.md#contract.
 */
#ifndef PINF_CORE_CHAIN_VIEW_H
#define PINF_CORE_CHAIN_VIEW_H

#include <pinf/router.h>

/* One node's answers about a session: at its newest block, and some confirmations below. */
struct chain_side {
	uint64_t block;
	bool is_private;
	struct pinf_address owner;
	struct pinf_address *miners; /* chain_view_put() sorts them */
	size_t count;
};
struct chain_reading {
	struct chain_side newest, confirmed;
};

/* Bits by node. */
struct chain_entry {
	struct pinf_address miner;
	uint8_t at_newest, at_confirmed;
	bool listed; /* what follows */
	uint64_t removed_block; /* no block below it lists the miner again; 0: never removed */
};

struct chain_node_view {
	uint64_t newest, confirmed; /* blocks; newest 0: never read */
	uint64_t read_ms;
	uint64_t sweep; /* of the node, in which it was read */
	bool is_private; /* at either block */
	struct pinf_address owner_newest, owner_confirmed;
};

struct chain_view {
	uint64_t session;
	struct chain_entry *entries; /* in order of miner */
	size_t count;
	struct chain_node_view of[PINF_CHAIN_ENDPOINTS_MAX];
};

static inline uint32_t
chain_nodes_in(unsigned bits)
{
	uint32_t count = 0;

	for (; bits != 0; bits &= bits - 1)
		count++;
	return count;
}

void chain_view_free(struct chain_view *view);
/* Takes in what a node says (its lists get sorted).  E_DUPLICATE: a list names somebody twice; E_NO_MEMORY. */
PINF_MUST_CHECK enum pinf_err
chain_view_put(struct chain_view *view, unsigned node, struct chain_reading *reading);
/* An entry for that miner, made where there is none; NULL: no memory. */
struct chain_entry *chain_view_entry(struct chain_view *view, const struct pinf_address *miner);

/* Whom to believe. */
struct chain_trust {
	unsigned fresh; /* nodes whose readings of this session count, bits */
	uint32_t quorum;
	uint32_t confirmations;
	uint64_t newest; /* the newest block that a quorum ever had; 0: not known yet */
};
enum chain_verdict { CHAIN_SAME, CHAIN_ALLOW, CHAIN_DENY, CHAIN_FORGET };
/*
 * What becomes of one entry.  DENY: some fresh node's newest block does not list it; removed_block is
 * set.  ALLOW: a quorum lists it at a confirmed block not below removed_block, and no fresh
 * node's newest block objects.  FORGET: nobody lists it and its removal is buried: drop it.
 */
enum chain_verdict chain_view_settle(
    const struct chain_view *view, struct chain_entry *entry, const struct chain_trust *trust);
void chain_view_drop(struct chain_view *view, const struct chain_entry *entry);
bool chain_view_private(const struct chain_view *view, unsigned fresh);
/* A quorum names that owner at a confirmed block, and no fresh node another at its newest. */
bool chain_view_owned_by(const struct chain_view *view, const struct chain_trust *trust,
    const struct pinf_address *owner);

#endif
