/* SPDX-License-Identifier: Apache-2.0 */
/* plan_make.c -- from a seed to a plan in which every kind of event appears.  spec/simulation.md#plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "plan.h"
#include "rng.h"

#define SETTLE_MS  20000 /* sessions and allowlists first */
#define POOL_SHARE 500 /* of all miners, per mille, in the pool */

static uint32_t
between(struct sim_rng *rng, uint32_t low, uint32_t high)
{
	return low + (uint32_t)sim_rng_below(rng, (uint64_t)high - low + 1);
}

static void
add(struct sim_plan *plan, struct sim_step step)
{
	const uint64_t end_ms = (uint64_t)plan->minutes * 60000;

	if (plan->step_count > SIM_STEPS_MAX)
		return; /* It is too long: sim_plan_make says so. */
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

/* The miner that keeps a session alive: never removed, and of the core. */
static uint32_t
keeper_of(const struct sim_wish *wish, const struct sim_plan *plan, uint32_t session)
{
	return type_of(wish, session) == PINF_SESSION_POOLED ? 0 : session % plan->core;
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

/* Some of the miners, on a session's list or in the pool. */
static void
make_members(struct sim_plan *plan, struct sim_rng *rng, struct sim_step step, uint32_t share,
    uint32_t keeper)
{
	for (step.miner = 0; step.miner < plan->miners; step.miner++) {
		step.at_ms = SETTLE_MS / 4 + sim_rng_below(rng, SETTLE_MS / 2);
		if (step.miner == keeper || sim_rng_hit(rng, share))
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
			    wish->members, keeper_of(wish, plan, s));
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
		    step.miner == keeper_of(wish, plan, step.session))
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
	for (uint32_t i = 0; i < wish->rotations_per_minute * plan->minutes; i++) {
		struct sim_step step = {.op = SIM_ROTATE};

		step.at_ms = any_time(rng, plan);
		add(plan, step);
		step.op = SIM_DESTROY;
		step.at_ms += between(rng, 10000, 120000);
		add(plan, step);
	}
	for (uint32_t i = 0; i < wish->changes_per_minute * plan->minutes && plan->miners > 1;
	     i++) {
		struct sim_step step = {.miner = 0};

		step.at_ms = any_time(rng, plan);
		step.session = between(rng, 0, plan->sessions - 1);
		step.miner = between(rng, 0, plan->miners - 1);
		step.op = sim_rng_hit(rng, 600) ? removal_from(wish, step.session)
						: return_to(wish, step.session);
		if (is_private(wish, step.session) &&
		    step.miner != keeper_of(wish, plan, step.session))
			add(plan, step);
	}
}

/* A public session turns private on the chain; whoever keeps it alive is listed there then. */
static void
make_privacy(struct sim_plan *plan, struct sim_rng *rng, const struct sim_wish *wish)
{
	for (uint32_t s = 0; s < plan->sessions; s++) {
		struct sim_step step = {.session = s, .miner = s % plan->core};

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

/* So many steps of an op, with whatever it has drawn at random. */
static void
make_some(
    struct sim_plan *plan, struct sim_rng *rng, enum sim_op op, uint32_t max_ms, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct sim_step step = {.op = op};

		step.at_ms = any_time(rng, plan);
		step.miner = between(rng, 0, plan->miners - 1);
		step.session = between(rng, 0, plan->sessions - 1);
		step.for_ms = between(rng, 100, max_ms);
		step.after_commit = sim_rng_hit(rng, 600);
		step.way = between(rng, 0, SIM_WAYS - 1);
		step.by_ms = between(rng, 1, max_ms);
		step.behind = sim_rng_hit(rng, 500);
		step.trick = op == SIM_BYZANTINE_MINER
				 ? between(rng, 0, SIM_CALLER_TRICKS - 1)
				 : between(rng, SIM_CALLER_TRICKS, SIM_TRICKS - 1);
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

/* Steps away, and back to the time a while later. */
static void
make_router_clock(struct sim_plan *plan, struct sim_rng *rng)
{
	for (uint32_t i = 0; i < (plan->minutes + 1) / 2; i++) {
		struct sim_step step = {.op = SIM_CLOCK_ROUTER};

		step.at_ms = any_time(rng, plan);
		step.by_ms = between(rng, 1, 20000);
		step.behind = sim_rng_hit(rng, 500);
		add(plan, step);
		step.by_ms = 0;
		step.at_ms += between(rng, 1000, 40000);
		add(plan, step);
	}
}

static void
make_faults(struct sim_plan *plan, struct sim_rng *rng, const struct sim_wish *wish)
{
	if (wish->crash) {
		make_some(plan, rng, SIM_CRASH_ROUTER, 3000, 2 * plan->minutes);
		make_some(plan, rng, SIM_CRASH_MINER, 20000, plan->minutes);
		make_some(plan, rng, SIM_CRASH_CALLERS, 5000, 8 * plan->minutes);
	}
	if (wish->partition) {
		make_some(plan, rng, SIM_PARTITION, 30000, plan->minutes);
		make_some(plan, rng, SIM_PARTITION_CALLERS, 20000, plan->minutes);
	}
	if (wish->pause) {
		make_some(plan, rng, SIM_PAUSE_ROUTER, 25000, plan->minutes);
		make_some(plan, rng, SIM_PAUSE_MINER, 20000, plan->minutes);
	}
	if (wish->clock) {
		make_router_clock(plan, rng);
		make_some(plan, rng, SIM_CLOCK_MINER, SIM_CLOCK_MAX_MS, plan->minutes);
		make_some(plan, rng, SIM_CLOCK_OWNER, SIM_CLOCK_MAX_MS, plan->minutes);
	}
	if (wish->byzantine) {
		make_some(plan, rng, SIM_BYZANTINE_MINER, 1, 4 * plan->minutes);
		make_some(plan, rng, SIM_BYZANTINE_CALLER, 1, 3 * plan->minutes);
	}
	if (wish->network) {
		plan->network.delay_max_ms = between(rng, 20, 400);
		plan->network.loss = between(rng, 1, 40);
		plan->network.duplicate = between(rng, 1, 40);
		plan->network.reorder = between(rng, 1, 40);
	}
	if (wish->blob) {
		make_some(plan, rng, SIM_BLOB_FAULT, 5000, plan->minutes);
		make_some(plan, rng, SIM_BLOB_SLOW, 15000, (plan->minutes + 1) / 2);
		plan->blob.lost = between(rng, 1, 20);
		plan->blob.lost_ack = between(rng, 1, 20);
		plan->blob.misdirected = between(rng, 1, 10);
		plan->blob.corrupt = between(rng, 1, 10);
		plan->blob.full = between(rng, 1, 10);
		plan->blob.truncated = between(rng, 1, 10);
		plan->blob.stale = between(rng, 1, 30);
		plan->blob.again = between(rng, 1, 500);
		plan->blob.busy = between(rng, 1, 20);
		plan->blob.delay_max_ms = between(rng, 5, 500);
	}
	if (wish->disk) {
		make_some(plan, rng, SIM_DISK_FAULT, 2000, plan->minutes);
		plan->disk.io_error = between(rng, 5, 100);
		plan->disk.full = between(rng, 5, 100);
	}
	if (wish->chain && plan->chain.nodes != 0)
		make_chain_faults(plan, rng);
}

/* Keeps that many of the steps, of the op or (SIM_OPS) of all ops that are faults; per mille. */
static void
thin_out(struct sim_plan *plan, struct sim_rng *dice, enum sim_op op, uint32_t kept)
{
	size_t left = 0;

	for (size_t i = 0; i < plan->step_count; i++) {
		const enum sim_op is = plan->steps[i].op;

		if (is < SIM_CRASH_ROUTER || (op != SIM_OPS && is != op) || sim_rng_hit(dice, kept))
			plan->steps[left++] = plan->steps[i];
	}
	plan->step_count = left;
}

/* Each kind of fault is there in half of all seeds: some hide what others would show. */
static void
choose(struct sim_plan *plan, struct sim_rng *dice, enum sim_profile profile)
{
	uint32_t *const rates[] = {&plan->network.loss, &plan->network.duplicate,
	    &plan->network.reorder, &plan->blob.lost, &plan->blob.lost_ack, &plan->blob.misdirected,
	    &plan->blob.corrupt, &plan->blob.full, &plan->blob.truncated, &plan->blob.stale,
	    &plan->blob.again, &plan->blob.busy, &plan->disk.io_error, &plan->disk.full,
	    &plan->chain.lost};

	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		if (profile == SIM_LITE)
			*rates[i] /= 5;
		else if (sim_rng_hit(dice, 500))
			*rates[i] = 0;
	}
	for (int op = SIM_CRASH_ROUTER; op < SIM_OPS && profile == SIM_SWARM; op++)
		if (sim_rng_hit(dice, 500))
			thin_out(plan, dice, (enum sim_op)op, 0);
	if (profile == SIM_LITE)
		thin_out(plan, dice, SIM_OPS, 200);
}

bool
sim_profile_read(struct sim_wish *wish, const char *name)
{
	static const char *const names[SIM_PROFILES] = {"full", "swarm", "lite", "perf"};
	int p = 0;

	while (p < SIM_PROFILES && strcmp(names[p], name) != 0)
		p++;
	if (p == SIM_PROFILES)
		return false;
	wish->profile = (enum sim_profile)p;
	(void)sim_faults_read(wish, pinf_span_str(p == SIM_PERF ? "none" : "all"));
	if (p == SIM_SWARM || p == SIM_LITE)
		wish->tasks_per_minute = 8; /* More seeds instead. */
	if (p == SIM_PERF) {
		wish->unlisted = 0;
		wish->removals_per_minute = wish->changes_per_minute = 0;
		wish->rotations_per_minute = 0;
	}
	return true;
}

bool
sim_faults_read(struct sim_wish *wish, struct pinf_span list)
{
	struct sim_wish read = *wish;
	const struct {
		const char *name;
		bool *on;
	} kinds[] = {{"network", &read.network}, {"blob", &read.blob}, {"disk", &read.disk},
	    {"crash", &read.crash}, {"partition", &read.partition}, {"pause", &read.pause},
	    {"clock", &read.clock}, {"byzantine", &read.byzantine}, {"chain", &read.chain}};
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
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	if (x->trick != y->trick)
		return x->trick < y->trick ? -1 : 1;
	return x->by_ms < y->by_ms ? -1 : x->by_ms > y->by_ms;
}

bool
sim_plan_make(struct sim_plan *plan, const struct sim_wish *wish)
{
	struct sim_rng rng = sim_rng_of(wish->seed, "plan", 0);
	struct sim_rng dice = sim_rng_of(wish->seed, "swarm", 0);

	*plan = (struct sim_plan){.seed = wish->seed,
	    .minutes = wish->minutes,
	    .sessions = wish->sessions,
	    .miners = wish->miners,
	    .unlisted = wish->unlisted,
	    .network = {.delay_min_ms = 1, .delay_max_ms = 20},
	    .blob = {.delay_max_ms = 5},
	    .engine = wish->engine};
	plan->core = wish->miners;
	if (wish->profile == SIM_SWARM && sim_rng_hit(&dice, 500))
		plan->core = between(&dice, 1, wish->miners);
	if (wish->profile != SIM_PERF) {
		make_chain(plan, &rng);
		if (wish->profile != SIM_SWARM || sim_rng_hit(&dice, 500))
			plan->insiders = (wish->miners + 2) / 3;
	}
	make_sessions(plan, &rng, wish);
	make_members(plan, &rng, (struct sim_step){.op = SIM_POOL_ALLOW}, POOL_SHARE, 0);
	make_work(plan, &rng, wish);
	make_removals(plan, &rng, wish);
	make_changes(plan, &rng, wish);
	if (plan->chain.nodes != 0)
		make_privacy(plan, &rng, wish);
	make_faults(plan, &rng, wish);
	if (wish->profile == SIM_SWARM || wish->profile == SIM_LITE)
		choose(plan, &dice, wish->profile);
	if (plan->step_count > SIM_STEPS_MAX) {
		(void)fprintf(stderr,
		    "pinf-sim: that plan has more than %d steps: fewer minutes, sessions or tasks, "
		    "or fewer members (sessions.members)\n",
		    SIM_STEPS_MAX);
		sim_plan_free(plan);
		return false;
	}
	qsort(plan->steps, plan->step_count, sizeof *plan->steps, by_time);
	return true;
}
