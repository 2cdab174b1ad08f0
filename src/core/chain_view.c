/* SPDX-License-Identifier: Apache-2.0 */
/* chain_view.c -- quorum for what lets in, any node for what shuts out.  spec/acl.md#contract. */
#include "core/chain_view.h"

#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, PINF_ADDRESS_LEN);
}

void
chain_view_free(struct chain_view *view)
{
	free(view->entries);
	*view = (struct chain_view){.session = view->session};
}

static enum pinf_err
sort(struct chain_side *side)
{
	if (side->count > 1)
		qsort(side->miners, side->count, sizeof *side->miners, compare);
	for (size_t i = 1; i < side->count; i++)
		if (compare(&side->miners[i - 1], &side->miners[i]) == 0)
			return PINF_E_DUPLICATE;
	return PINF_OK;
}

/* The smallest miner that any of the three lists has next; NULL: all are at their end. */
static const struct pinf_address *
next_miner(const struct chain_view *view, size_t at, const struct chain_side *const sides[2],
    const size_t in[2])
{
	const struct pinf_address *next = at < view->count ? &view->entries[at].miner : NULL;

	for (size_t s = 0; s < 2; s++)
		if (in[s] < sides[s]->count &&
		    (next == NULL || compare(&sides[s]->miners[in[s]], next) < 0))
			next = &sides[s]->miners[in[s]];
	return next;
}

static bool
takes(const struct chain_side *side, size_t *at, const struct pinf_address *miner)
{
	const bool has = *at < side->count && compare(&side->miners[*at], miner) == 0;

	*at += has;
	return has;
}

enum pinf_err
chain_view_put(struct chain_view *view, unsigned node, struct chain_reading *reading)
{
	const struct chain_side *const sides[2] = {&reading->newest, &reading->confirmed};
	const uint8_t bit = (uint8_t)(1u << node);
	struct chain_node_view *of = &view->of[node];
	const struct pinf_address *miner;
	struct chain_entry *merged;
	size_t at = 0, in[2] = {0, 0}, count = 0;
	enum pinf_err err = sort(&reading->newest);

	if (err == PINF_OK)
		err = sort(&reading->confirmed);
	if (err != PINF_OK)
		return err;
	merged = calloc(view->count + sides[0]->count + sides[1]->count + 1, sizeof *merged);
	if (merged == NULL)
		return PINF_E_NO_MEMORY;
	while ((miner = next_miner(view, at, sides, in)) != NULL) {
		struct chain_entry *e = &merged[count++];

		e->miner = *miner;
		if (at < view->count && compare(&view->entries[at].miner, &e->miner) == 0)
			*e = view->entries[at++];
		e->at_newest &= (uint8_t)~bit;
		e->at_confirmed &= (uint8_t)~bit;
		if (takes(sides[0], &in[0], &e->miner))
			e->at_newest |= bit;
		if (takes(sides[1], &in[1], &e->miner))
			e->at_confirmed |= bit;
	}
	free(view->entries);
	view->entries = merged;
	view->count = count;
	of->newest = reading->newest.block;
	of->confirmed = reading->confirmed.block;
	of->is_private = reading->confirmed.is_private ||
			 (reading->newest.is_private && !PINF_BUG(privacy_waits));
	of->owner_newest = reading->newest.owner;
	of->owner_confirmed = reading->confirmed.owner;
	return PINF_OK;
}

struct chain_entry *
chain_view_entry(struct chain_view *view, const struct pinf_address *miner)
{
	struct chain_entry *grown;
	size_t at = 0;

	while (at < view->count && compare(&view->entries[at].miner, miner) < 0)
		at++;
	if (at < view->count && compare(&view->entries[at].miner, miner) == 0)
		return &view->entries[at];
	grown = realloc(view->entries, (view->count + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	view->entries = grown;
	memmove(grown + at + 1, grown + at, (view->count - at) * sizeof *grown);
	grown[at] = (struct chain_entry){.miner = *miner};
	view->count++;
	return &grown[at];
}

void
chain_view_drop(struct chain_view *view, const struct chain_entry *entry)
{
	const size_t at = (size_t)(entry - view->entries);

	view->count--;
	memmove(
	    view->entries + at, view->entries + at + 1, (view->count - at) * sizeof *view->entries);
}

/* Fresh nodes whose confirmed block is not below `block`. */
static unsigned
at_least(const struct chain_view *view, unsigned fresh, uint64_t block)
{
	unsigned nodes = 0;

	for (unsigned n = 0; n < PINF_CHAIN_ENDPOINTS_MAX; n++)
		if ((fresh & 1u << n) != 0 && view->of[n].confirmed >= block)
			nodes |= 1u << n;
	return nodes;
}

/*
 * Nobody can put a removal's block out of reach by inventing blocks.  While no quorum has told how
 * far the chain is, it stands as it was told.
 */
static uint64_t
within_reach(uint64_t block, const struct chain_trust *trust)
{
	const uint64_t most = trust->newest + trust->confirmations;

	return trust->newest == 0 || block < most ? block : most;
}

/* The newest block at which a fresh node objects. */
static uint64_t
removal_block(const struct chain_view *view, unsigned objecting, const struct chain_trust *trust)
{
	uint64_t block = 1;

	for (unsigned n = 0; n < PINF_CHAIN_ENDPOINTS_MAX; n++)
		if ((objecting & 1u << n) != 0 && view->of[n].newest > block)
			block = view->of[n].newest;
	return within_reach(block, trust);
}

enum chain_verdict
chain_view_settle(
    const struct chain_view *view, struct chain_entry *entry, const struct chain_trust *trust)
{
	const unsigned objecting = trust->fresh & ~(unsigned)entry->at_newest;
	const uint32_t quorum = PINF_BUG(one_node_lets_in) ? 1 : trust->quorum;
	unsigned deep;

	entry->removed_block = within_reach(entry->removed_block, trust);
	deep = at_least(view, trust->fresh, PINF_BUG(removal_forgotten) ? 0 : entry->removed_block);
	if (objecting != 0) {
		const bool was_listed = entry->listed;

		if (was_listed || (entry->at_confirmed & trust->fresh) != 0) {
			const uint64_t block = removal_block(view, objecting, trust);

			if (block > entry->removed_block)
				entry->removed_block = block;
		}
		entry->listed = false;
		if (entry->at_newest != 0)
			PINF_SOMETIMES(nodes_disagree);
		if (was_listed)
			return CHAIN_DENY;
		return (entry->at_newest | entry->at_confirmed) == 0 &&
			       (entry->removed_block == 0 || chain_nodes_in(deep) >= trust->quorum)
			   ? CHAIN_FORGET
			   : CHAIN_SAME;
	}
	if (entry->listed || chain_nodes_in(deep & entry->at_confirmed) < quorum)
		return CHAIN_SAME;
	entry->listed = true;
	return CHAIN_ALLOW;
}

bool
chain_view_private(const struct chain_view *view, unsigned fresh)
{
	for (unsigned n = 0; n < PINF_CHAIN_ENDPOINTS_MAX; n++)
		if ((fresh & 1u << n) != 0 && view->of[n].is_private)
			return true;
	return false;
}

bool
chain_view_owned_by(const struct chain_view *view, const struct chain_trust *trust,
    const struct pinf_address *owner)
{
	unsigned agree = 0;

	for (unsigned n = 0; n < PINF_CHAIN_ENDPOINTS_MAX; n++) {
		if ((trust->fresh & 1u << n) == 0)
			continue;
		if (!pinf_address_equal(&view->of[n].owner_newest, owner))
			return false;
		agree += pinf_address_equal(&view->of[n].owner_confirmed, owner);
	}
	return agree >= trust->quorum;
}
