/* SPDX-License-Identifier: Apache-2.0 */
/* chain_world.c -- the chain of a world: blocks by time, transactions, nodes that trail, lie and fall silent. */
#include <string.h>

#include "world.h"

#define DEPLOYED      2 /* the first block with the contract */
#define FIRST_BLOCKS  (DEPLOYED + 2 * SIM_DEPTH_MAX) /* before the world begins */
#define LOST_IN_REORG 400 /* transactions of a block that never was, in a thousand */

static const struct sim_chain_plan *
rates_of(const struct sim_world *w)
{
	return &w->plan->chain;
}

struct pinf_chain_config
sim_chain_config(const struct sim_world *w)
{
	const struct sim_chain_plan *plan = rates_of(w);

	return (struct pinf_chain_config){.endpoints = plan->nodes,
	    .quorum = plan->quorum,
	    .confirmations = plan->confirmations,
	    .poll_ms = plan->poll_ms,
	    .max_age_ms = plan->max_age_ms,
	    .stall_ms = plan->stall_ms,
	    .timeout_ms = plan->timeout_ms};
}

uint64_t
sim_chain_settles_ms(const struct sim_world *w)
{
	const struct sim_chain_plan *plan = rates_of(w);

	return plan->nodes == 0
		   ? 0
		   : (uint64_t)(plan->confirmations + plan->behind_max + 4) * plan->block_ms;
}

struct sim_chain_node
sim_chain_node_now(const struct sim_world *w, uint32_t node)
{
	const struct sim_node *n = &w->chain.nodes[node];
	struct sim_chain_node says = {.behind = n->says.behind};

	if (!w->calm && w->now_ms < n->lies_until_ms)
		says = n->says;
	if (!w->calm && w->now_ms < n->stalled_until_ms)
		says.stuck_at = n->stalled_at;
	return says;
}

void
sim_chain_unwell(struct sim_world *w, uint32_t node, uint64_t until_ms)
{
	if (w->chain.nodes[node].well_ms < until_ms)
		w->chain.nodes[node].well_ms = until_ms;
}

static bool
is_due(const struct sim_chain_world *c)
{
	return c->queue_count > 0 && c->queue[0].change.block <= c->chain.count;
}

static void
take_down(struct sim_world *w, const struct sim_transaction *sent)
{
	const uint32_t miner = sim_member_of(w, &sent->change.who);
	struct sim_mark mark = {.kind = SIM_MARK_MINED,
	    .what = SIM_PRIVATE,
	    .session = (uint32_t)sent->change.session,
	    .value = (uint32_t)w->chain.chain.count};

	if (sent->change.op == SIM_CHAIN_ADD)
		mark.what = SIM_ALLOW;
	else if (sent->change.op == SIM_CHAIN_REMOVE)
		mark.what = SIM_DENY;
	if (mark.what != SIM_PRIVATE)
		mark.node = miner + 1;
	sim_timeline_add(w, mark);
}

/* A block, and in it what was sent for it. */
static void
mine(struct sim_world *w)
{
	struct sim_chain_world *c = &w->chain;

	while (is_due(c)) {
		const struct sim_chain_change *change = &c->queue[0].change;

		sim_chain_do(&c->chain, change->op, change->session, &change->who);
		take_down(w, &c->queue[0]);
		w->sessions[c->queue[0].session].governed->changed_block = c->chain.count;
		memmove(c->queue, c->queue + 1, --c->queue_count * sizeof *c->queue);
		w->stats.transactions++;
	}
	sim_chain_mine(&c->chain, w->now_ms / 1000);
	w->stats.blocks++;
}

void
sim_chain_start(struct sim_world *w)
{
	struct sim_chain_world *c = &w->chain;

	if (rates_of(w)->nodes == 0)
		return;
	c->rng = sim_rng_of(w->plan->seed, "chain", 0);
	c->chain = (struct sim_chain){.domain = sim_domain(), .deployed = DEPLOYED};
	for (uint64_t left = FIRST_BLOCKS; left > 0; left--)
		sim_chain_mine(&c->chain, (w->now_ms - (left - 1) * rates_of(w)->block_ms) / 1000);
	sim_after(w, rates_of(w)->block_ms, (struct sim_item){.what = SIM_BLOCK});
}

void
sim_chain_world_free(struct sim_world *w)
{
	sim_chain_free(&w->chain.chain);
	free(w->chain.queue);
}

/* Each node sees the block at once, or trails by one more; it catches up by one at a time. */
void
sim_chain_block(struct sim_world *w)
{
	struct sim_chain_world *c = &w->chain;

	mine(w);
	for (uint32_t i = 0; i < rates_of(w)->nodes; i++) {
		uint64_t *behind = &c->nodes[i].says.behind;
		const uint64_t step = sim_rng_below(&c->rng, 3);

		if (step == 0 && *behind > 0)
			--*behind;
		else if (step == 2 && *behind < rates_of(w)->behind_max)
			++*behind;
	}
	sim_oracle_chain(w);
	sim_oracle_privacy(w);
	sim_after(w, rates_of(w)->block_ms, (struct sim_item){.what = SIM_BLOCK});
}

static void
enqueue(struct sim_world *w, uint32_t session, struct sim_chain_change change)
{
	struct sim_chain_world *c = &w->chain;

	change.block = c->chain.count + sim_rng_below(&c->rng, 2);
	if (c->queue_count > 0 && change.block < c->queue[c->queue_count - 1].change.block)
		change.block = c->queue[c->queue_count - 1].change.block;
	c->queue = sim_grow(c->queue, c->queue_count + 1, &c->queue_cap, sizeof *c->queue);
	c->queue[c->queue_count++] = (struct sim_transaction){change, session};
}

void
sim_chain_send(struct sim_world *w, const struct sim_step *job)
{
	struct sim_session *s = &w->sessions[job->session];
	struct sim_chain_change change = {.op = SIM_CHAIN_ENCRYPT, .session = s->id};

	s->governed->want_private |= job->op != SIM_DENY;
	if (job->op != SIM_PRIVATE) {
		change.op = job->op == SIM_ALLOW ? SIM_CHAIN_ADD : SIM_CHAIN_REMOVE;
		change.who = w->clients[job->miner]->wallet.address;
		s->governed->miners[job->miner].wanted = job->op == SIM_ALLOW;
	}
	if (job->op == SIM_ALLOW)
		s->members[job->miner].allow_arrived_ms = w->now_ms;
	enqueue(w, job->session, change);
}

/* The queue again, behind what the blocks that never were had done; some of that is lost. */
static void
send_again(struct sim_world *w, const struct sim_chain_change *undone, size_t count)
{
	struct sim_chain_world *c = &w->chain;
	struct sim_transaction *queue = c->queue;
	const size_t queued = c->queue_count;
	uint32_t index = 0;

	c->queue = NULL;
	c->queue_count = c->queue_cap = 0;
	for (size_t i = 0; i < count; i++)
		if (sim_session_of(w, undone[i].session, &index) != NULL &&
		    !sim_rng_hit(&c->rng, LOST_IN_REORG))
			enqueue(w, index, undone[i]);
	for (size_t i = 0; i < queued; i++)
		enqueue(w, queue[i].session, queue[i].change);
	free(queue);
}

static void
reorganise(struct sim_world *w, uint64_t depth)
{
	struct sim_chain *chain = &w->chain.chain;
	const uint64_t first = chain->count - depth;
	size_t from = chain->change_count, count;
	struct sim_chain_change *undone;

	sim_oracle_chain(w);
	while (from > 0 && chain->changes[from - 1].block >= first)
		from--;
	count = chain->change_count - from;
	undone = sim_new((count + 1) * sizeof *undone);
	for (size_t i = 0; i < count; i++)
		undone[i] = chain->changes[from + i];
	sim_chain_reorg(chain, depth);
	send_again(w, undone, count);
	free(undone);
	while (depth-- > 0)
		mine(w);
	sim_chain_forgotten(w, w->now_ms);
	sim_oracle_chain(w);
}

static void
lie(struct sim_world *w, const struct sim_step *step)
{
	struct sim_node *n = &w->chain.nodes[step->node];

	n->says = (struct sim_chain_node){.behind = n->says.behind,
	    .chain_id = step->lie == SIM_LIE_CHAIN_ID ? sim_domain().chain_id + 1 : 0,
	    .garbage = step->lie == SIM_LIE_GARBAGE,
	    .absent = step->lie == SIM_LIE_ABSENT,
	    .adds = step->lie == SIM_LIE_ADDS,
	    .removes = step->lie == SIM_LIE_REMOVES,
	    .about = w->clients[step->miner]->wallet.address};
	n->lies_until_ms = w->now_ms + step->for_ms;
	sim_chain_unwell(w, step->node, n->lies_until_ms);
}

void
sim_chain_fault(struct sim_world *w, const struct sim_step *step)
{
	struct sim_chain_world *c = &w->chain;
	const struct sim_chain_node now = sim_chain_node_now(w, step->node);

	switch (step->op) {
	case SIM_REORG:
		w->stats.faults[step->depth > rates_of(w)->confirmations ? SIM_F_DEEP_REORG
									 : SIM_F_REORG]++;
		reorganise(w, step->depth);
		break;
	case SIM_CHAIN_STALL:
		w->stats.faults[SIM_F_CHAIN_STALL]++;
		c->nodes[step->node].stalled_at = sim_chain_head(&c->chain, &now);
		c->nodes[step->node].stalled_until_ms = w->now_ms + step->for_ms;
		break;
	case SIM_CHAIN_LIE:
		w->stats.faults[SIM_F_CHAIN_LIE]++;
		lie(w, step);
		break;
	case SIM_CHAIN_CUT:
		w->stats.faults[SIM_F_CHAIN_CUT]++;
		c->nodes[step->node].cut_until_ms = w->now_ms + step->for_ms;
		break;
	default:
		w->stats.faults[SIM_F_CHAIN_DOWN]++;
		c->down_until_ms = w->now_ms + step->for_ms;
		break;
	}
}

/* Of a miner, or (NULL) of the session's privacy. */
static void
say_again(struct sim_world *w, uint32_t session, const struct pinf_address *miner, bool wanted)
{
	const struct sim_chain *chain = &w->chain.chain;
	const uint64_t id = w->sessions[session].id, newest = sim_chain_newest(chain);
	struct sim_chain_change change = {.op = SIM_CHAIN_ENCRYPT, .session = id};

	if (miner == NULL) {
		if (!wanted || sim_chain_private(chain, newest, id))
			return;
	} else {
		if (wanted == sim_chain_lists(chain, newest, id, miner))
			return;
		change.op = wanted ? SIM_CHAIN_ADD : SIM_CHAIN_REMOVE;
		change.who = *miner;
	}
	enqueue(w, session, change);
}

bool
sim_chain_wants_any(const struct sim_world *w, uint32_t session)
{
	const struct sim_governed *g = w->sessions[session].governed;
	bool any = false;

	for (uint32_t m = 0; m < w->plan->miners && g != NULL; m++)
		any |= g->miners[m].wanted;
	return any;
}

void
sim_chain_calm(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		const struct sim_governed *g = w->sessions[i].governed;
		const struct sim_step allow = {
		    .op = SIM_ALLOW, .session = i, .miner = i % w->plan->core};

		if (g == NULL)
			continue;
		/* A lie made it private: its owner comes to terms with that. */
		if (w->sessions[i].known_private && !sim_chain_wants_any(w, i))
			sim_chain_send(w, &allow);
		say_again(w, i, NULL, g->want_private);
		for (uint32_t m = 0; m < w->plan->miners + w->plan->unlisted; m++)
			say_again(w, i, &w->clients[m]->wallet.address, g->miners[m].wanted);
	}
}

/* One crossing; false: it is lost. */
static bool
crosses(struct sim_world *w, uint32_t node, uint64_t *delay_ms)
{
	struct sim_chain_world *c = &w->chain;
	const bool cut = w->now_ms < c->down_until_ms || w->now_ms < c->nodes[node].cut_until_ms;

	*delay_ms = 1 + sim_rng_below(&c->rng, w->calm ? 5 : rates_of(w)->delay_max_ms);
	if (w->calm || (!cut && !sim_rng_hit(&c->rng, rates_of(w)->lost)))
		return true;
	w->stats.faults[SIM_F_CHAIN_LOSS]++;
	return false;
}

/* The router gets no answer in time. */
static void
give_up(struct sim_world *w, struct sim_answer *answer)
{
	const uint64_t at_ms = answer->asked_ms + rates_of(w)->timeout_ms;

	pinf_bytes_free(&answer->body);
	answer->event.err = PINF_E_TIMEOUT;
	sim_chain_unwell(w, answer->node, at_ms);
	sim_after(w, at_ms > w->now_ms ? at_ms - w->now_ms : 0,
	    (struct sim_item){.what = SIM_ANSWER, .life = w->router.life, .data = answer});
}

void
sim_chain_ask(struct sim_world *w, struct pinf_effect *fx)
{
	struct sim_answer *made = sim_new(sizeof *made);
	uint64_t delay_ms;

	made->event = (struct pinf_event){.kind = PINF_EV_CHAIN, .id = fx->id};
	made->node = (uint32_t)fx->request;
	made->asked_ms = w->now_ms;
	made->body = fx->body;
	fx->body = (struct pinf_bytes){0};
	sim_oracle_scan(w, "a call to the chain", pinf_span_of(&made->body));
	if (crosses(w, made->node, &delay_ms))
		sim_after(w, delay_ms,
		    (struct sim_item){.what = SIM_ASKED, .life = w->router.life, .data = made});
	else
		give_up(w, made);
}

void
sim_chain_asked(struct sim_world *w, struct sim_answer *answer)
{
	const struct sim_chain_node says = sim_chain_node_now(w, answer->node);
	struct pinf_bytes body = {0};
	uint64_t delay_ms;

	sim_oracle_chain(w);
	answer->counts = !says.garbage && !says.absent && says.chain_id == 0;
	answer->head = sim_chain_head(&w->chain.chain, &says);
	answer->event.status =
	    sim_chain_answer(&w->chain.chain, &says, pinf_span_of(&answer->body), &body);
	pinf_bytes_free(&answer->body);
	answer->body = body;
	if (crosses(w, answer->node, &delay_ms) &&
	    w->now_ms + delay_ms < answer->asked_ms + rates_of(w)->timeout_ms)
		sim_after(w, delay_ms,
		    (struct sim_item){.what = SIM_ANSWER, .life = w->router.life, .data = answer});
	else
		give_up(w, answer);
}

void
sim_chain_told(struct sim_world *w, const struct sim_answer *answer)
{
	struct sim_node *n = &w->chain.nodes[answer->node];

	if (answer->event.err != PINF_OK || !answer->counts)
		return;
	n->heard_ms = answer->asked_ms;
	n->told = n->answered; /* This answer may not be about it; one of the two was. */
	n->answered = answer->head;
}

void
sim_chain_forgotten(struct sim_world *w, uint64_t at_ms)
{
	for (uint32_t i = 0; i < rates_of(w)->nodes; i++)
		sim_chain_unwell(w, i, at_ms);
}
