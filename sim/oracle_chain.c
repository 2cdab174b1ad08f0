/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_chain.c -- what the router must know of the contract by now, from the chain's model and the
 * messages that were delivered, never from the router.  spec/simulation.md#staleness.
 */
#include <inttypes.h>
#include <string.h>

#include "core/chain_view.h"
#include "world.h"

#define SLACK_MS 500 /* from a decision to its answer, and seconds that blocks round down to */
#define READS    16 /* sessions that a node is asked of at once */

static const struct sim_chain_plan *
plan_of(const struct sim_world *w)
{
	return &w->plan->chain;
}

/* Nobody's word is older when all goes well: the rest of a look, the pause, and the next look. */
static uint64_t
bound_ms(const struct sim_world *w)
{
	const uint64_t rounds = 1 + (w->plan->sessions + READS - 1) / READS;

	return plan_of(w)->poll_ms + 2 * rounds * (2 * (uint64_t)plan_of(w)->delay_max_ms + 20) +
	       SLACK_MS;
}

/* Whether what the router measured lately, it measured with a wrong clock. */
static bool
is_clock_wrong(const struct sim_world *w)
{
	const struct sim_router *r = &w->router;

	return r->clock_off_ms > 0 && w->now_ms < r->clock_wrong_until_ms + plan_of(w)->stall_ms +
						      2 * (uint64_t)plan_of(w)->max_age_ms;
}

/* A router whose clock was set back measures at half the pace.  spec/effects.md, FX-8. */
static uint64_t
max_age_ms(const struct sim_world *w)
{
	return (is_clock_wrong(w) ? 2 : 1) * (uint64_t)plan_of(w)->max_age_ms;
}

/* No word is older in any case: of a block as old as can be, told as long ago as can be. */
static uint64_t
limit_ms(const struct sim_world *w)
{
	const uint64_t off_ms = is_clock_wrong(w) ? w->router.clock_off_ms : 0;

	return (uint64_t)plan_of(w)->stall_ms + max_age_ms(w) + 2 * off_ms + 1000 + SLACK_MS;
}

/* Whether the router must have heard by now what a head has said since then. */
static bool
must_know(const struct sim_world *w, uint32_t head, uint64_t since_ms)
{
	uint64_t well_ms = since_ms;

	if (since_ms == 0)
		return false;
	if (head == SIM_CANONICAL)
		return w->now_ms > since_ms + limit_ms(w);
	if (well_ms < w->chain.nodes[head].well_ms)
		well_ms = w->chain.nodes[head].well_ms;
	if (well_ms < w->router.clock_wrong_until_ms)
		well_ms = w->router.clock_wrong_until_ms;
	return w->now_ms > well_ms + bound_ms(w);
}

/* The bar that stays, whatever the chain says next, until permissive readings are due. */
static void
note_gone(const struct sim_world *w, struct sim_listing *m)
{
	for (uint32_t h = 0; h < SIM_HEADS && !m->gone; h++) {
		if (!must_know(w, h, m->lacks_ms[h]))
			continue;
		m->gone = true;
		m->gone_block = m->used && h != SIM_CANONICAL ? m->lacks_block[h] : 0;
		m->used = false;
		m->may = 0;
	}
}

static void
note_told(struct sim_world *w, struct sim_session *s)
{
	for (uint32_t i = 0; i < w->plan->miners + w->plan->unlisted; i++)
		note_gone(w, &s->governed->miners[i]);
	for (uint32_t h = 0; h < plan_of(w)->nodes; h++)
		s->known_private |= must_know(w, h, s->governed->private_ms[h]);
}

/* Heads now, the chain's own last, and the oldest of those that the router was told. */
struct heads {
	uint64_t of[SIM_HEADS];
	uint64_t told;
};

static struct heads
heads_now(const struct sim_world *w)
{
	const struct sim_chain *chain = &w->chain.chain;
	struct heads heads = {
	    .of = {[SIM_CANONICAL] = sim_chain_newest(chain)}, .told = UINT64_MAX};

	for (uint32_t n = 0; n < plan_of(w)->nodes; n++) {
		const struct sim_chain_node node = sim_chain_node_now(w, n);

		heads.of[n] = sim_chain_head(chain, &node);
		if (w->chain.nodes[n].told < heads.told)
			heads.told = w->chain.nodes[n].told;
	}
	return heads;
}

/*
 * A node whose newest block is too old, or too far behind, does not count: spec/acl.md, ACL-10.  What
 * it lied about a block, nobody asks again at that block.
 */
static void
note_sound(struct sim_world *w, const struct heads *heads)
{
	const struct sim_chain *chain = &w->chain.chain;

	for (uint32_t n = 0; n < plan_of(w)->nodes; n++) {
		const uint64_t head = heads->of[n];
		struct sim_node *node = &w->chain.nodes[n];

		if (!w->calm && w->now_ms < node->lies_until_ms)
			node->lied_at = head;
		if (head == node->lied_at ||
		    chain->blocks[head].time_s * 1000 + plan_of(w)->stall_ms <
			w->now_ms + bound_ms(w) ||
		    head + plan_of(w)->confirmations < heads->of[SIM_CANONICAL])
			sim_chain_unwell(w, n, w->now_ms);
	}
}

static void
look_at_miner(struct sim_world *w, const struct sim_session *s, uint32_t index, uint32_t h,
    const struct heads *heads)
{
	const struct pinf_address *who = &w->clients[index]->wallet.address;
	const struct sim_chain *chain = &w->chain.chain;
	const uint64_t head = heads->of[h], depth = plan_of(w)->confirmations,
		       most = heads->told + depth;
	struct sim_listing *m = &s->governed->miners[index];
	const bool listed = sim_chain_lists(chain, head, s->id, who);

	m->heads &= ~(1u << h);
	if (listed) {
		m->heads |= 1u << h;
		m->lacks_ms[h] = 0;
	} else if (m->lacks_ms[h] == 0) {
		m->lacks_ms[h] = w->now_ms;
		m->lacks_block[h] = head < most ? head : most;
	}
	if (h == SIM_CANONICAL)
		return;
	m->confirmed &= ~(1u << h);
	if (sim_chain_lists(chain, head - depth, s->id, who))
		m->confirmed |= 1u << h;
}

/* What a head says of a session; nothing new where it says of the same blocks what it said before. */
static void
look(struct sim_world *w, const struct sim_session *s, uint32_t h, const struct heads *heads)
{
	const struct sim_chain *chain = &w->chain.chain;
	struct sim_governed *g = s->governed;
	const uint64_t head = heads->of[h], before = g->seen[h];

	if (g->seen_branch == chain->branch &&
	    (before == head || before >= g->changed_block + plan_of(w)->confirmations))
		return;
	g->seen[h] = head;
	for (uint32_t i = 0; i < w->plan->miners + w->plan->unlisted; i++)
		look_at_miner(w, s, i, h, heads);
	if (!sim_chain_private(chain, head, s->id))
		g->private_ms[h] = 0;
	else if (g->private_ms[h] == 0)
		g->private_ms[h] = w->now_ms;
}

/* Whether a quorum may have let the miner in (again) by now. */
static void
note_let_in(const struct sim_world *w, struct sim_listing *m, const struct heads *heads)
{
	for (uint32_t n = 0; n < plan_of(w)->nodes; n++)
		if ((m->heads & m->confirmed & 1u << n) != 0 &&
		    heads->of[n] - plan_of(w)->confirmations >= m->gone_block)
			m->may |= 1u << n;
	if (chain_nodes_in(m->may) < plan_of(w)->quorum)
		return;
	if (m->gone) /* Should it be missing still, that is to be told anew. */
		for (uint32_t h = 0; h < SIM_HEADS; h++)
			if (m->lacks_ms[h] != 0)
				m->lacks_ms[h] = w->now_ms;
	m->let_in = true;
	m->gone = false;
	m->gone_block = 0;
}

void
sim_oracle_chain(struct sim_world *w)
{
	const struct heads heads = heads_now(w);
	const uint32_t miners = w->plan->miners + w->plan->unlisted;

	for (uint32_t i = 0; i < w->plan->sessions && w->router.core != NULL; i++)
		if (w->sessions[i].governed != NULL)
			note_told(w, &w->sessions[i]);
	note_sound(w, &heads);
	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		const struct sim_session *s = &w->sessions[i];

		if (s->governed == NULL)
			continue;
		for (uint32_t h = 0; h < plan_of(w)->nodes; h++)
			look(w, s, h, &heads);
		look(w, s, SIM_CANONICAL, &heads);
		s->governed->seen_branch = w->chain.chain.branch;
		for (uint32_t m = 0; m < miners; m++)
			note_let_in(w, &s->governed->miners[m], &heads);
	}
}

/* Nodes that the router has heard lately enough to believe what they said. */
static uint32_t
nodes_heard(const struct sim_world *w)
{
	uint32_t heard = 0;

	for (uint32_t n = 0; n < plan_of(w)->nodes; n++) {
		const uint64_t at_ms = w->chain.nodes[n].heard_ms;

		heard += at_ms != 0 && w->now_ms <= at_ms + max_age_ms(w) + SLACK_MS;
	}
	return heard;
}

static bool
is_listed_by_all(const struct sim_world *w, const struct sim_listing *m)
{
	return (m->heads & 1u << SIM_CANONICAL) != 0 &&
	       chain_nodes_in(m->heads & ((1u << SIM_CANONICAL) - 1)) == plan_of(w)->nodes;
}

void
sim_oracle_let_in(struct sim_world *w, const struct sim_conn *conn)
{
	uint32_t index;
	const struct sim_session *s = sim_session_of(w, conn->session, &index);
	const bool result = conn->endpoint == PINF_EP_COMMIT;
	const char *what = result ? "result was accepted from" : "key was granted to";
	const uint64_t heard = s == NULL || s->governed == NULL ? 0 : nodes_heard(w);
	struct sim_listing *m;
	bool confirmed;

	if (s == NULL || s->governed == NULL || (result && !s->make_private) ||
	    pinf_address_equal(&conn->signer, &w->owners[index]->wallet.address))
		return;
	index = sim_member_of(w, &conn->signer);
	if (index == UINT32_MAX)
		return; /* A stranger: unlisted-key says so. */
	m = &s->governed->miners[index];
	m->used = true;
	/* The process was stopped between the two: as for a message that was long under way. */
	if (w->now_ms > w->router.decided_ms + SLACK_MS)
		return;
	sim_oracle_chain(w);
	note_gone(w, m);
	confirmed = m->let_in && (!m->gone || !is_listed_by_all(w, m) || m->may == 0);
	sim_check(w, SIM_UNCONFIRMED_KEY, confirmed,
	    "a %s miner %" PRIu32 " of session %" PRIu64 ", which no quorum had confirmed", what,
	    index, s->id);
	sim_check(w, SIM_STALE_KEY, !m->gone,
	    "a %s miner %" PRIu32 " of session %" PRIu64 ", which was removed", what, index, s->id);
	sim_check(w, SIM_STALE_KEY, heard >= plan_of(w)->quorum,
	    "a %s miner %" PRIu32 " of session %" PRIu64 " while %" PRIu64 " nodes were heard",
	    what, index, s->id, heard);
}

void
sim_oracle_privacy(struct sim_world *w)
{
	const struct pinf_store *store = &w->router.store;

	for (uint32_t i = 0; i < w->plan->sessions && w->router.core != NULL; i++) {
		struct sim_session *s = &w->sessions[i];
		struct pinf_session kept;

		if (s->governed == NULL || s->id == 0 ||
		    store->ops->session_get(store->ctx, s->id, &kept) != PINF_OK)
			continue;
		sim_check(w, SIM_PRIVACY_ONE_WAY, !s->known_private || kept.is_private,
		    "session %" PRIu64 " is private on the chain and public here", s->id);
		s->known_private |= kept.is_private;
	}
}
