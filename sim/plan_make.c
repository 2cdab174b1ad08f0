/* SPDX-License-Identifier: Apache-2.0 */
/* plan_make.c -- from a seed to a plan in which every kind of event appears.  spec/simulation.md#plan. */
#include <stdlib.h>

#include "memory.h"
#include "plan.h"
#include "rng.h"

#define SETTLE_MS 20000 /* sessions and allowlists first */

static uint32_t
between(struct sim_rng *rng, uint32_t low, uint32_t high)
{
	return low + (uint32_t)sim_rng_below(rng, (uint64_t)high - low + 1);
}

static void
add(struct sim_plan *plan, struct sim_step step)
{
	const uint64_t end_ms = (uint64_t)plan->minutes * 60000;

	if (plan->step_count == SIM_STEPS_MAX)
		return;
	if (step.at_ms > end_ms)
		step.at_ms = end_ms;
	plan->steps =
	    sim_grow(plan->steps, plan->step_count + 1, &plan->step_cap, sizeof *plan->steps);
	plan->steps[plan->step_count++] = step;
}

static uint64_t
any_time(struct sim_rng *rng, const struct sim_plan *plan)
{
	return SETTLE_MS + sim_rng_below(rng, (uint64_t)plan->minutes * 60000);
}

/* Whether that number is one of the share (per mille) of all numbers, which are spread evenly. */
static bool
is_of_share(uint64_t number, uint32_t share)
{
	return (number + 1) * share / 1000 != number * share / 1000;
}

static enum pinf_session_type
type_of(const struct sim_wish *wish, uint32_t session)
{
	if (is_of_share(session, wish->pooled_share))
		return PINF_SESSION_POOLED;
	return is_of_share((uint64_t)session + 2, wish->ephemeral_share) ? PINF_SESSION_EPHEMERAL
									 : PINF_SESSION_DEDICATED;
}

/* The miner that keeps a session alive: never removed. */
static uint32_t
keeper_of(const struct sim_wish *wish, uint32_t session)
{
	return type_of(wish, session) == PINF_SESSION_POOLED ? 0 : session % wish->miners;
}

/* Two worlds in three have a chain; most of them three nodes. */
static void
make_chain(struct sim_plan *plan, struct sim_rng *rng)
{
	struct sim_chain_plan *chain = &plan->chain;

	if (sim_rng_hit(rng, 333))
		return;
	chain->nodes = between(rng, 1, 5);
	if (sim_rng_hit(rng, 700))
		chain->nodes = 3;
	chain->quorum = chain->nodes / 2 + 1;
	chain->confirmations = between(rng, 3, 8);
	chain->block_ms = between(rng, 1000, 3000);
	chain->behind_max = between(rng, 0, 2);
	chain->poll_ms = between(rng, 1000, 2000);
	chain->max_age_ms = between(rng, 8000, 15000);
	chain->stall_ms = 10 * chain->block_ms;
	chain->timeout_ms = 2000;
	chain->delay_max_ms = 20;
}

static bool
is_private(const struct sim_wish *wish, uint32_t session)
{
	return !is_of_share(session, wish->public_share);
}

/* Half of all miners, on a session's list or in the pool. */
static void
make_members(struct sim_plan *plan, struct sim_rng *rng, struct sim_step step, uint32_t keeper)
{
	for (step.miner = 0; step.miner < plan->miners; step.miner++) {
		step.at_ms = SETTLE_MS / 4 + sim_rng_below(rng, SETTLE_MS / 2);
		if (step.miner == keeper || sim_rng_hit(rng, 500))
			add(plan, step);
	}
}

/*
 * Draws stand in statements of their own throughout: C leaves the order of those in one
 * initializer to the compiler, and a seed must mean the same plan everywhere.
 */
static void
make_sessions(struct sim_plan *plan, struct sim_rng *rng, const struct sim_wish *wish)
{
	struct sim_step step;

	for (uint32_t s = 0; s < plan->sessions; s++) {
		step = (struct sim_step){.op = SIM_SESSION, .session = s};
		step.at_ms = sim_rng_below(rng, SETTLE_MS / 4);
		step.make_private = is_private(wish, s);
		step.type = type_of(wish, s);
		step.router_sealed = s % 2 == 0;
		if (step.type == PINF_SESSION_POOLED)
			step.seats = between(rng, 1, wish->seats_max);
		add(plan, step);
		if (is_private(wish, s) && step.type != PINF_SESSION_POOLED)
			make_members(plan, rng, (struct sim_step){.op = SIM_ALLOW, .session = s},
			    keeper_of(wish, s));
	}
}

static void
make_work(struct sim_plan *plan, struct sim_rng *rng, const struct sim_wish *wish)
{
	for (uint32_t i = 0; i < plan->minutes * wish->tasks_per_minute; i++) {
		struct sim_step step = {.op = SIM_SUBMIT, .api = 3};

		step.at_ms = any_time(rng, plan);
		step.session = between(rng, 0, plan->sessions - 1);
		if (!is_private(wish, step.session))
			step.api = between(rng, 1, 2);
		else if (step.session % 2 == 0 && sim_rng_hit(rng, 500))
			step.api = 2;
		step.bytes = between(rng, wish->prompt_min, wish->prompt_max);
		if (sim_rng_hit(rng, wish->prompt_large))
			step.bytes *= SIM_PROMPT_MAX / wish->prompt_max;
		add(plan, step);
	}
}

static enum sim_op
removal_from(const struct sim_wish *wish, uint32_t session)
{
	return type_of(wish, session) == PINF_SESSION_POOLED ? SIM_POOL_DENY : SIM_DENY;
}

static enum sim_op
return_to(const struct sim_wish *wish, uint32_t session)
{
	return type_of(wish, session) == PINF_SESSION_POOLED ? SIM_POOL_ALLOW : SIM_ALLOW;
}

/* A member is removed, or leaves, while it may be at work on a task just submitted, and comes back later. */
static void
make_removals(struct sim_plan *plan, struct sim_rng *rng, const struct sim_wish *wish)
{
	const size_t count = plan->step_count;

	for (uint32_t i = 0; i < wish->removals_per_minute * plan->minutes && plan->miners > 1;
	     i++) {
		const struct sim_step *work = &plan->steps[sim_rng_below(rng, count)];
		struct sim_step step = {.session = work->session};

		step.at_ms = work->at_ms + between(rng, 200, 2500);
		step.miner = between(rng, 0, plan->miners - 1);
		if (work->op != SIM_SUBMIT || !is_private(wish, step.session) ||
		    step.miner == keeper_of(wish, step.session))
			continue;
		step.op = removal_from(wish, step.session);
		if (type_of(wish, step.session) != PINF_SESSION_DEDICATED && sim_rng_hit(rng, 400))
			step.op = SIM_LEAVE;
		add(plan, step);
		step.op = return_to(wish, step.session);
		step.at_ms += between(rng, 3000, 20000);
		add(plan, step);
	}
}

/* Members come and go, never the one that keeps each session alive. */
static void
make_changes(struct sim_plan *plan, struct sim_rng *rng, const struct sim_wish *wish)
{
	for (uint32_t i = 0; i < wish->rotations_per_minute * plan->minutes; i++)
		add(plan, (struct sim_step){.at_ms = any_time(rng, plan), .op = SIM_ROTATE});
	for (uint32_t i = 0; i < wish->changes_per_minute * plan->minutes && plan->miners > 1;
	     i++) {
		struct sim_step step = {.miner = 0};

		step.at_ms = any_time(rng, plan);
		step.session = between(rng, 0, plan->sessions - 1);
		step.miner = between(rng, 0, plan->miners - 1);
		step.op = sim_rng_hit(rng, 600) ? removal_from(wish, step.session)
						: return_to(wish, step.session);
		if (is_private(wish, step.session) && step.miner != keeper_of(wish, step.session))
			add(plan, step);
	}
}

/* A public session turns private on the chain; whoever keeps it alive is listed there then. */
static void
make_privacy(struct sim_plan *plan, struct sim_rng *rng, const struct sim_wish *wish)
{
	for (uint32_t s = 0; s < plan->sessions; s++) {
		struct sim_step step = {.session = s, .miner = s % plan->miners};

		if (is_private(wish, s) || type_of(wish, s) != PINF_SESSION_DEDICATED ||
		    sim_rng_hit(rng, 500))
			continue;
		step.op = sim_rng_hit(rng, 700) ? SIM_PRIVATE : SIM_ALLOW;
		step.at_ms = any_time(rng, plan);
		add(plan, step);
		step.op = SIM_ALLOW;
		step.at_ms += between(rng, 0, 20000);
		add(plan, step);
		step.op = SIM_SUBMIT;
		step.api = 3;
		for (uint32_t i = 0; i < plan->minutes; i++) {
			step.at_ms += between(rng, 1, 60000);
			step.bytes = between(rng, wish->prompt_min, wish->prompt_max);
			add(plan, step);
		}
	}
}

static void
make_windows(
    struct sim_plan *plan, struct sim_rng *rng, enum sim_op op, uint32_t max_ms, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct sim_step step = {.op = op};

		step.at_ms = any_time(rng, plan);
		step.miner = between(rng, 0, plan->miners - 1);
		step.for_ms = between(rng, 100, max_ms);
		step.after_commit = sim_rng_hit(rng, 600);
		add(plan, step);
	}
}

/* Most of them soon after a list was changed, so that they undo that; some deeper than promised. */
static void
make_reorgs(struct sim_plan *plan, struct sim_rng *rng)
{
	const size_t count = plan->step_count;
	const struct sim_chain_plan *chain = &plan->chain;

	for (uint32_t i = 0; i < 12 * plan->minutes; i++) {
		const struct sim_step *change = &plan->steps[sim_rng_below(rng, count)];
		struct sim_step step = {.op = SIM_REORG};

		step.at_ms = change->at_ms +
			     (uint64_t)between(rng, 2, chain->confirmations + 2) * chain->block_ms;
		step.depth = between(rng, 1, chain->confirmations);
		if (sim_rng_hit(rng, 100))
			step.depth += between(rng, 1, 6);
		if (change->op != SIM_SUBMIT && change->op != SIM_ROTATE &&
		    change->op != SIM_SESSION)
			add(plan, step);
	}
}

static void
make_lies(struct sim_plan *plan, struct sim_rng *rng)
{
	for (uint32_t i = 0; i < plan->minutes && plan->chain.quorum > 1; i++) {
		struct sim_step step = {.op = SIM_CHAIN_LIE};

		step.at_ms = any_time(rng, plan);
		step.for_ms = between(rng, 100, 30000);
		step.node = between(rng, 0, plan->chain.quorum - 2);
		step.lie = between(rng, 0, SIM_LIES - 1);
		step.miner = between(rng, 0, plan->miners - 1);
		if (step.lie == SIM_LIE_ADDS && plan->unlisted > 0)
			step.miner = plan->miners + between(rng, 0, plan->unlisted - 1);
		add(plan, step);
	}
}

static void
make_chain_faults(struct sim_plan *plan, struct sim_rng *rng)
{
	struct sim_chain_plan *chain = &plan->chain;

	chain->delay_max_ms = between(rng, 20, 400);
	chain->lost = between(rng, 1, 40);
	make_reorgs(plan, rng);
	make_lies(plan, rng);
	for (uint32_t i = 0; i < plan->minutes; i++) {
		struct sim_step step = {.op = SIM_CHAIN_STALL};

		step.at_ms = any_time(rng, plan);
		step.for_ms = between(rng, 1000, 15 * chain->block_ms);
		step.node = between(rng, 0, chain->nodes - 1);
		add(plan, step);
	}
	for (uint32_t i = 0; i < plan->minutes; i++) {
		struct sim_step step = {.op = i % 3 == 0 ? SIM_CHAIN_DOWN : SIM_CHAIN_CUT};

		step.node = between(rng, 0, chain->nodes - 1);
		step.at_ms = any_time(rng, plan);
		step.for_ms = between(rng, 1000, 3 * chain->max_age_ms);
		add(plan, step);
	}
}

static void
make_faults(struct sim_plan *plan, struct sim_rng *rng, const struct sim_wish *wish)
{
	if (wish->crash) {
		make_windows(plan, rng, SIM_CRASH_ROUTER, 3000, 2 * plan->minutes);
		make_windows(plan, rng, SIM_CRASH_MINER, 20000, plan->minutes);
		make_windows(plan, rng, SIM_CRASH_CALLERS, 5000, 8 * plan->minutes);
	}
	if (wish->partition)
		make_windows(plan, rng, SIM_PARTITION, 30000, plan->minutes);
	if (wish->network) {
		plan->network.delay_max_ms = between(rng, 20, 400);
		plan->network.loss = between(rng, 1, 40);
		plan->network.duplicate = between(rng, 1, 40);
		plan->network.reorder = between(rng, 1, 40);
	}
	if (wish->blob) {
		make_windows(plan, rng, SIM_BLOB_FAULT, 5000, plan->minutes);
		plan->blob.lost = between(rng, 1, 20);
		plan->blob.lost_ack = between(rng, 1, 20);
		plan->blob.misdirected = between(rng, 1, 10);
		plan->blob.corrupt = between(rng, 1, 10);
		plan->blob.full = between(rng, 1, 10);
		plan->blob.delay_max_ms = between(rng, 5, 500);
	}
	if (wish->disk) {
		make_windows(plan, rng, SIM_DISK_FAULT, 2000, plan->minutes);
		plan->disk.io_error = between(rng, 5, 100);
		plan->disk.full = between(rng, 5, 100);
	}
	if (wish->chain && plan->chain.nodes != 0)
		make_chain_faults(plan, rng);
}

bool
sim_faults_read(struct sim_wish *wish, struct pinf_span list)
{
	struct sim_wish read = *wish;
	const struct {
		const char *name;
		bool *on;
	} kinds[] = {{"network", &read.network}, {"blob", &read.blob}, {"disk", &read.disk},
	    {"crash", &read.crash}, {"partition", &read.partition}, {"chain", &read.chain}};
	const bool all = pinf_span_equal(list, pinf_span_str("all"));

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		*kinds[k].on = all;
	if (pinf_span_equal(list, pinf_span_str("none")))
		list.len = 0;
	while (list.len > 0 && !all) {
		struct pinf_span name = {list.data, 0};
		bool known = false;

		while (name.len < list.len && list.data[name.len] != ',')
			name.len++;
		for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
			if (pinf_span_equal(name, pinf_span_str(kinds[k].name)))
				*kinds[k].on = known = true;
		if (!known)
			return false;
		name.len += name.len < list.len;
		list.data += name.len;
		list.len -= name.len;
	}
	*wish = read;
	return true;
}

static int
by_time(const void *a, const void *b)
{
	const struct sim_step *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	if (x->op != y->op)
		return x->op < y->op ? -1 : 1;
	if (x->session != y->session)
		return x->session < y->session ? -1 : 1;
	if (x->miner != y->miner)
		return x->miner < y->miner ? -1 : 1;
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->for_ms != y->for_ms)
		return x->for_ms < y->for_ms ? -1 : 1;
	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

void
sim_plan_make(struct sim_plan *plan, const struct sim_wish *wish)
{
	struct sim_rng rng = sim_rng_of(wish->seed, "plan", 0);

	*plan = (struct sim_plan){.seed = wish->seed,
	    .minutes = wish->minutes,
	    .sessions = wish->sessions,
	    .miners = wish->miners,
	    .unlisted = wish->unlisted,
	    .network = {.delay_min_ms = 1, .delay_max_ms = 20},
	    .blob = {.delay_max_ms = 5},
	    .engine = wish->engine};
	make_chain(plan, &rng);
	make_sessions(plan, &rng, wish);
	make_members(plan, &rng, (struct sim_step){.op = SIM_POOL_ALLOW}, 0);
	make_work(plan, &rng, wish);
	make_removals(plan, &rng, wish);
	make_changes(plan, &rng, wish);
	if (plan->chain.nodes != 0)
		make_privacy(plan, &rng, wish);
	make_faults(plan, &rng, wish);
	qsort(plan->steps, plan->step_count, sizeof *plan->steps, by_time);
}
