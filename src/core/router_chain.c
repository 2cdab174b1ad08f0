/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_chain.c -- looks at each node's newest block every so often, reads the sessions that it
 * has not read at that block, and puts what follows into lists and sessions.  spec/acl.md#contract.
 */
#include "core/router_chain.h"

#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

static const struct pinf_chain_config *
config_of(const struct pinf_router *r)
{
	return &r->config.acl.chain;
}

/* Index of the session's view, or where it would go. */
static size_t
find(const struct chain *chain, uint64_t session)
{
	size_t low = 0, high = chain->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (chain->views[middle].session < session)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct chain_view *
view_of(const struct chain *chain, uint64_t session)
{
	const size_t at = find(chain, session);

	return at < chain->count && chain->views[at].session == session ? &chain->views[at] : NULL;
}

/* The newest block that a quorum of nodes has, of those that told theirs lately; 0: fewer did. */
static uint64_t
quorum_newest(const struct pinf_router *r)
{
	uint64_t numbers[PINF_CHAIN_ENDPOINTS_MAX] = {0}; /* descending */
	const struct chain *chain = r->chain;

	for (uint32_t n = 0; n < config_of(r)->endpoints; n++) {
		const struct chain_node *node = &chain->nodes[n];
		uint64_t number = node->newest.number;

		if (node->answered_ms == 0 ||
		    r->now_ms - node->answered_ms > config_of(r)->max_age_ms)
			continue;
		for (uint32_t i = 0; i < config_of(r)->endpoints; i++)
			if (number > numbers[i]) {
				const uint64_t lower = numbers[i];

				numbers[i] = number;
				number = lower;
			}
	}
	return numbers[config_of(r)->quorum - 1];
}

/* A node that says wrong things now, or is far behind the others, does not count. */
static bool
is_sound(const struct pinf_router *r, const struct chain_node *node, uint64_t newest)
{
	return node->err != PINF_E_CHAIN_ID && node->err != PINF_E_CHAIN_CODE &&
	       node->err != PINF_E_CHAIN_STALLED &&
	       node->newest.number + config_of(r)->confirmations >= newest;
}

/* ... and so does none that was not heard of for too long. */
static bool
counts(const struct pinf_router *r, const struct chain_node *node, uint64_t newest)
{
	return node->answered_ms != 0 &&
	       r->now_ms - node->answered_ms <= config_of(r)->max_age_ms &&
	       is_sound(r, node, newest);
}

struct chain_status
chain_status(const struct pinf_router *r, unsigned node)
{
	const struct chain_node *n = &r->chain->nodes[node];

	return (struct chain_status){.answered = n->answered_ms != 0,
	    .newest = n->newest.number,
	    .age_ms = r->now_ms - n->answered_ms,
	    .counts = counts(r, n, quorum_newest(r)),
	    .err = n->err};
}

static struct chain_trust
trust_in(const struct pinf_router *r, const struct chain_view *view)
{
	const uint64_t newest = quorum_newest(r);
	struct chain_trust trust = {.quorum = config_of(r)->quorum,
	    .confirmations = config_of(r)->confirmations,
	    .newest = r->chain->newest};

	for (uint32_t n = 0; n < config_of(r)->endpoints; n++) {
		const struct chain_node *node = &r->chain->nodes[n];
		const struct chain_node_view *of = &view->of[n];
		/* Its newest block is still the one that was read at: so is what was read. */
		const uint64_t seen_ms = of->sweep == node->sweep ? node->answered_ms : of->read_ms;

		if (of->read_ms != 0 && r->now_ms - seen_ms <= config_of(r)->max_age_ms &&
		    is_sound(r, node, newest))
			trust.fresh |= 1u << n;
	}
	return trust;
}

bool
chain_fresh(const struct pinf_router *r, uint64_t session)
{
	const struct chain_view *view = r->chain == NULL ? NULL : view_of(r->chain, session);
	struct chain_trust trust;

	if (view == NULL)
		return false;
	trust = trust_in(r, view);
	return chain_nodes_in(trust.fresh) >= trust.quorum;
}

bool
chain_owned_by(
    const struct pinf_router *r, const struct pinf_session *session, const struct pinf_address *who)
{
	static const struct pinf_address none = {{0}};
	const struct chain_view *view;
	struct chain_trust trust;

	if (session->acl != PINF_ACL_CONTRACT ||
	    pinf_address_equal(&config_of(r)->session_data, &none))
		return true; /* The router's own record is all there is. */
	view = view_of(r->chain, session->id);
	if (view == NULL)
		return false;
	trust = trust_in(r, view);
	return chain_view_owned_by(view, &trust, who);
}

/* What the contract's list does to the one kept here, with the record that says so. */
static enum pinf_err
apply(struct pinf_router *r, struct pinf_session *session, const struct chain_entry *entry,
    enum chain_verdict verdict)
{
	const struct pinf_member member = {
	    .session = session->id, .source = PINF_ACL_CONTRACT, .miner = entry->miner};
	struct pinf_audit record = {
	    .kind = verdict == CHAIN_ALLOW ? PINF_AUDIT_ALLOW : PINF_AUDIT_DENY,
	    .actor = entry->miner,
	    .session = session->id,
	};
	bool changed = false;
	enum pinf_err err = acl_change(r, &member, verdict == CHAIN_ALLOW, &changed);

	if (err != PINF_OK || !changed)
		return err;
	if (verdict == CHAIN_DENY)
		PINF_SOMETIMES(removed_on_the_chain);
	if (verdict == CHAIN_ALLOW && entry->removed_block != 0)
		PINF_SOMETIMES(listed_again_on_the_chain);
	session->epoch++;
	r->wake_miners |= verdict == CHAIN_ALLOW;
	return router_audit(r, &record);
}

static enum pinf_err
keep_removal(
    struct pinf_router *r, uint64_t session, const struct chain_entry *entry, uint64_t before)
{
	const struct pinf_removal removal = {session, entry->miner, entry->removed_block};

	return entry->removed_block == before ? PINF_OK
					      : r->store.ops->removal_put(r->store.ctx, &removal);
}

static enum pinf_err
settle_entries(struct pinf_router *r, struct chain_view *view, struct pinf_session *session,
    const struct chain_trust *trust)
{
	enum pinf_err err = PINF_OK;
	size_t i = 0;

	while (i < view->count && err == PINF_OK) {
		struct chain_entry *entry = &view->entries[i];
		const uint64_t before = entry->removed_block;
		const enum chain_verdict verdict = chain_view_settle(view, entry, trust);

		err = keep_removal(r, view->session, entry, before);
		if (err != PINF_OK)
			break;
		if (verdict == CHAIN_ALLOW || verdict == CHAIN_DENY)
			err = apply(r, session, entry, verdict);
		if (verdict == CHAIN_FORGET) {
			if (before != 0)
				err = r->store.ops->removal_drop(
				    r->store.ctx, view->session, &entry->miner);
			chain_view_drop(view, entry);
		} else {
			i++;
		}
	}
	return err;
}

/* Brings the session to what the nodes that count say of it. */
static enum pinf_err
settle(struct pinf_router *r, struct chain_view *view)
{
	const struct chain_trust trust = trust_in(r, view);
	struct pinf_session session;
	struct pinf_audit record = {.kind = PINF_AUDIT_SESSION, .session = view->session};
	uint64_t epoch;
	enum pinf_err err = r->store.ops->session_get(r->store.ctx, view->session, &session);

	if (err != PINF_OK)
		return err == PINF_E_NOT_FOUND ? PINF_OK : err;
	epoch = session.epoch;
	err = settle_entries(r, view, &session, &trust);
	if (err == PINF_OK && !session.is_private && chain_view_private(view, trust.fresh)) {
		session.is_private = true;
		session.epoch++;
		err = router_audit(r, &record);
	}
	return err == PINF_OK && session.epoch != epoch
		   ? r->store.ops->session_update(r->store.ctx, &session)
		   : err;
}

/* When another set of nodes counts, readings that were taken in before may mean something else. */
static enum pinf_err
settle_all(struct pinf_router *r)
{
	const uint64_t newest = quorum_newest(r);
	unsigned counting = 0;
	enum pinf_err err = PINF_OK;

	for (uint32_t n = 0; n < config_of(r)->endpoints; n++)
		if (counts(r, &r->chain->nodes[n], newest))
			counting |= 1u << n;
	if (counting == r->chain->settled)
		return PINF_OK;
	/* Lists that were too old may be so no more, and what waits in their sessions be claimable. */
	r->wake_miners |= (counting & ~r->chain->settled) != 0;
	r->chain->settled = counting;
	for (size_t i = 0; i < r->chain->count && err == PINF_OK; i++)
		err = settle(r, &r->chain->views[i]);
	return err;
}

/* Sends what was written for a node; phase says what its answer will be. */
static enum pinf_err
send(struct pinf_router *r, unsigned number, enum chain_phase phase, struct pinf_bytes *body,
    enum pinf_err err)
{
	const struct op op = {.kind = OP_CHAIN, .task = number};
	struct chain_node *node = &r->chain->nodes[number];
	struct pinf_effect *fx;

	if (err == PINF_OK)
		err = router_op(r, &op, PINF_FX_CHAIN, &fx);
	if (err != PINF_OK) {
		pinf_bytes_free(body);
		return err;
	}
	fx->request = number;
	fx->body = *body;
	fx->timeout_ms = config_of(r)->timeout_ms;
	node->op = fx->id;
	node->phase = phase;
	if (phase == CHAIN_HEAD)
		node->asked_ms = r->now_ms;
	return PINF_OK;
}

static void
rest(struct pinf_router *r, struct chain_node *node)
{
	chain_reads_free(node);
	node->phase = CHAIN_IDLE;
	node->op = 0;
	node->due_ms = r->now_ms + config_of(r)->poll_ms;
}

static void
note(struct pinf_router *r, unsigned number, enum pinf_err err)
{
	struct chain_node *node = &r->chain->nodes[number];
	struct pinf_effect *fx;

	if (node->err == err)
		return;
	node->err = err;
	fx = pinf_effects_add(r->fx, PINF_FX_LOG, number);
	if (fx != NULL)
		fx->method = err == PINF_OK ? "chain-node-well" : pinf_err_name(err);
}

/* Asks for the next sessions that were not read at the node's newest block; none: a pause. */
static enum pinf_err
read_on(struct pinf_router *r, unsigned number)
{
	struct chain_node *node = &r->chain->nodes[number];
	const struct chain *chain = r->chain;
	struct pinf_bytes body = {0};
	enum pinf_err err;

	for (size_t i = find(chain, node->cursor + 1);
	     i < chain->count && node->read_count < CHAIN_READS_MAX; i++) {
		node->cursor = chain->views[i].session;
		if (chain->views[i].of[number].sweep != node->sweep)
			node->reads[node->read_count++] =
			    (struct chain_read){.session = node->cursor};
	}
	if (node->read_count == 0) {
		rest(r, node);
		return settle_all(r);
	}
	err = chain_put_reads(r, node, &body);
	return send(r, number, CHAIN_READ, &body, err);
}

static enum pinf_err
take_head(struct pinf_router *r, unsigned number, struct pinf_span body)
{
	struct chain_node *node = &r->chain->nodes[number];
	struct pinf_rpc_block newest;
	enum pinf_err err = chain_take_head(r, body, &newest);

	if (err != PINF_OK)
		return err;
	if (node->sweep == 0 || !pinf_hash_equal(&newest.hash, &node->newest.hash))
		node->sweep++;
	node->newest = newest;
	/* The answer may have lain about for long. */
	node->answered_ms = node->asked_ms;
	if (r->chain->newest < quorum_newest(r))
		r->chain->newest = quorum_newest(r);
	node->cursor = 0;
	note(r, number, PINF_OK);
	return PINF_OK;
}

/* A session that is read completely.  One that could not be read keeps what was read before, until that is too old. */
static enum pinf_err
take_in(struct pinf_router *r, unsigned number, struct chain_read *read)
{
	const struct chain_node *node = &r->chain->nodes[number];
	struct chain_view *view = view_of(r->chain, read->session);
	enum pinf_err err;

	if (view == NULL || read->failed)
		return PINF_OK;
	r->wake_miners |= !chain_fresh(r, read->session);
	err = chain_view_put(view, number, &read->reading);
	if (err != PINF_OK)
		return err == PINF_E_DUPLICATE ? PINF_OK : err;
	view->of[number].sweep = node->sweep;
	view->of[number].read_ms = node->answered_ms;
	return settle(r, view);
}

static enum pinf_err
take_in_all(struct pinf_router *r, unsigned number)
{
	struct chain_node *node = &r->chain->nodes[number];
	size_t left = 0;
	enum pinf_err err = PINF_OK;

	for (size_t i = 0; i < node->read_count && err == PINF_OK; i++) {
		struct chain_read *read = &node->reads[i];

		if (!chain_read_done(read)) {
			node->reads[left++] = *read;
			continue;
		}
		err = take_in(r, number, read);
		free(read->reading.newest.miners);
		free(read->reading.confirmed.miners);
		read->reading.newest.miners = read->reading.confirmed.miners = NULL;
	}
	if (err == PINF_OK)
		node->read_count = left;
	return err;
}

enum pinf_err
chain_answered(struct pinf_router *r, struct op *op, const struct pinf_event *event)
{
	const unsigned number = (unsigned)op->task;
	struct chain_node *node = &r->chain->nodes[number];
	enum pinf_err err = event->err;

	if (node->op != op->id) { /* Memory began afresh meanwhile. */
		router_op_drop(r, op);
		return PINF_OK;
	}
	router_op_drop(r, op);
	if (err == PINF_OK && event->status != 200)
		err = PINF_E_IO;
	if (err == PINF_OK)
		err = node->phase == CHAIN_HEAD ? take_head(r, number, event->body)
						: chain_take_reads(r, node, event->body);
	if (err != PINF_OK) {
		note(r, number, err);
		rest(r, node);
		return settle_all(r);
	}
	err = node->phase == CHAIN_READ ? take_in_all(r, number) : PINF_OK;
	return err == PINF_OK ? read_on(r, number) : err;
}

enum pinf_err
chain_time(struct pinf_router *r)
{
	for (uint32_t n = 0; n < config_of(r)->endpoints; n++) {
		struct chain_node *node = &r->chain->nodes[n];
		struct pinf_bytes body = {0};
		enum pinf_err err;

		if (node->phase != CHAIN_IDLE || node->due_ms > r->now_ms)
			continue;
		err = chain_put_head(r, &body);
		err = send(r, n, CHAIN_HEAD, &body, err);
		if (err == PINF_E_BUSY)
			node->due_ms = r->now_ms + config_of(r)->poll_ms;
		else if (err != PINF_OK)
			return err;
	}
	return PINF_OK;
}

uint64_t
chain_next_ms(const struct pinf_router *r)
{
	uint64_t at_ms = UINT64_MAX;

	for (uint32_t n = 0; r->chain != NULL && n < config_of(r)->endpoints; n++)
		if (r->chain->nodes[n].phase == CHAIN_IDLE && r->chain->nodes[n].due_ms < at_ms)
			at_ms = r->chain->nodes[n].due_ms;
	return at_ms;
}

enum pinf_err
chain_watch(struct pinf_router *r, const struct pinf_session *session)
{
	struct chain *chain = r->chain;
	size_t at;

	if (chain->count == CHAIN_SESSIONS_MAX)
		return PINF_E_BUSY;
	if (chain->count == chain->cap) {
		const size_t cap = chain->cap == 0 ? 64 : 2 * chain->cap;
		struct chain_view *grown = realloc(chain->views, cap * sizeof *grown);

		if (grown == NULL)
			return PINF_E_NO_MEMORY;
		chain->views = grown;
		chain->cap = cap;
	}
	at = find(chain, session->id);
	memmove(
	    chain->views + at + 1, chain->views + at, (chain->count - at) * sizeof *chain->views);
	chain->views[at] = (struct chain_view){.session = session->id};
	chain->count++;
	r->acl_touched = true; /* Should the event be undone, so is this. */
	for (uint32_t n = 0; n < config_of(r)->endpoints; n++)
		if (chain->nodes[n].phase == CHAIN_IDLE)
			chain->nodes[n].due_ms = r->now_ms;
	return PINF_OK;
}

static enum pinf_err
load_sessions(struct pinf_router *r)
{
	struct pinf_session page[64];
	const size_t max = sizeof page / sizeof page[0];
	size_t count = max;
	uint64_t after = 0;
	enum pinf_err err = PINF_OK;

	while (count == max && err == PINF_OK) {
		err = r->store.ops->session_list(r->store.ctx, after, page, max, &count);
		for (size_t i = 0; i < count && err == PINF_OK; i++) {
			after = page[i].id;
			if (page[i].acl == PINF_ACL_CONTRACT && !page[i].closed)
				err = chain_watch(r, &page[i]);
		}
	}
	return err == PINF_E_BUSY ? PINF_OK : err; /* Beyond the limit: nobody is let in. */
}

/* What the store remembers of one miner in one session. */
static enum pinf_err
recall(struct pinf_router *r, uint64_t session, const struct pinf_address *miner, bool listed,
    uint64_t removed_block)
{
	struct chain_view *view = view_of(r->chain, session);
	struct chain_entry *entry;

	if (view == NULL)
		return PINF_OK;
	entry = chain_view_entry(view, miner);
	if (entry == NULL)
		return PINF_E_NO_MEMORY;
	entry->listed |= listed;
	if (removed_block != 0)
		entry->removed_block = removed_block;
	return PINF_OK;
}

static enum pinf_err
load_lists(struct pinf_router *r)
{
	enum { MAX = 256 };
	struct pinf_member members[MAX], after_member = {.session = 0};
	struct pinf_removal removals[MAX], after_removal = {.session = 0};
	size_t count = MAX;
	enum pinf_err err = PINF_OK;

	while (count == MAX && err == PINF_OK) {
		err = r->store.ops->member_list(r->store.ctx, &after_member, members, MAX, &count);
		for (size_t i = 0; i < count && err == PINF_OK; i++) {
			after_member = members[i];
			if (members[i].source == PINF_ACL_CONTRACT)
				err = recall(r, members[i].session, &members[i].miner, true, 0);
		}
	}
	count = MAX;
	while (count == MAX && err == PINF_OK) {
		err =
		    r->store.ops->removal_list(r->store.ctx, &after_removal, removals, MAX, &count);
		for (size_t i = 0; i < count && err == PINF_OK; i++) {
			after_removal = removals[i];
			err = recall(
			    r, removals[i].session, &removals[i].miner, false, removals[i].block);
		}
	}
	return err;
}

void
chain_free(struct chain *chain)
{
	if (chain == NULL)
		return;
	for (size_t i = 0; i < chain->count; i++)
		chain_view_free(&chain->views[i]);
	for (size_t n = 0; n < PINF_CHAIN_ENDPOINTS_MAX; n++)
		chain_reads_free(&chain->nodes[n]);
	free(chain->views);
	free(chain);
}

enum pinf_err
chain_load(struct pinf_router *r)
{
	enum pinf_err err;

	if (config_of(r)->endpoints == 0)
		return PINF_OK;
	chain_free(r->chain);
	r->chain = calloc(1, sizeof *r->chain);
	if (r->chain == NULL)
		return PINF_E_NO_MEMORY;
	err = load_sessions(r);
	return err == PINF_OK ? load_lists(r) : err;
}
