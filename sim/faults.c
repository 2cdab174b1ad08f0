/* SPDX-License-Identifier: Apache-2.0 */
/* faults.c -- what a plan's steps do to nodes, network, disk and storage.  spec/simulation.md#plan. */
#include <pinf/bug.h>

#include "world.h"

#define WRONG_CLOCK_MS 3600000 /* too far ahead for anything that it signs */
#define BLOB_BAD_RATE  500 /* puts that fail while a blob-fault step lasts */

void
sim_faults_set(struct sim_world *w)
{
	const struct sim_plan *plan = w->plan;
	const bool disk = !w->calm && w->disk_windows > 0;

	sim_vfs_faults(w->vfs, disk ? plan->disk.io_error : 0, disk ? plan->disk.full : 0);
	w->blobs.rates = w->calm ? (struct sim_blob_rates){0} : plan->blob;
	if (!w->calm && w->blob_windows > 0)
		w->blobs.rates.lost = BLOB_BAD_RATE;
}

static void
crash_callers(struct sim_world *w, uint64_t down_ms)
{
	for (size_t i = 0; i < w->client_count; i++) {
		struct sim_client *c = w->clients[i];

		/* What a loop in the order of addresses comes to: one that asks where something lies. */
		if (PINF_BUG(address_order) && ((uintptr_t)c / sizeof *c) % 2 == 0)
			continue;
		if (c->role == SIM_CALLER && !c->done)
			sim_client_crash(w, c, down_ms);
	}
}

static void
window(struct sim_world *w, uint64_t *open, enum sim_window which, uint32_t for_ms)
{
	++*open;
	sim_after(w, for_ms, (struct sim_item){.what = SIM_FAULT_ENDS, .id = which});
}

/* A second pause in the first never ends that one early: what it held back would come after what came later. */
static void
hold_until(uint64_t *until_ms, uint64_t end_ms)
{
	if (*until_ms < end_ms)
		*until_ms = end_ms;
}

static void
pause_router(struct sim_world *w, uint64_t for_ms)
{
	w->stats.faults[SIM_F_PAUSE]++;
	hold_until(&w->router.paused_until_ms, w->now_ms + for_ms);
	sim_chain_forgotten(w, w->router.paused_until_ms);
}

static int64_t
offset_of(const struct sim_step *step)
{
	return step->behind ? -(int64_t)step->by_ms : (int64_t)step->by_ms;
}

/*
 * A router whose clock is wrong finds nodes stalled that are not; one whose clock was set back ends nothing in time, until
 * twice what it was ahead has passed.
 */
static void
set_router_clock(struct sim_world *w, int64_t by_ms)
{
	struct sim_router *r = &w->router;
	const uint64_t step_ms =
	    (uint64_t)(by_ms > r->clock_by_ms ? by_ms - r->clock_by_ms : r->clock_by_ms - by_ms);

	if (step_ms == 0)
		return;
	r->clock_by_ms = by_ms;
	if (r->clock_off_ms < step_ms)
		r->clock_off_ms = step_ms;
	r->clock_wrong_until_ms = by_ms == 0 ? w->now_ms + 2 * step_ms : UINT64_MAX / 2;
}

static struct sim_cut
cut_by(struct sim_world *w, const struct sim_step *step)
{
	w->stats.faults[step->way == SIM_BOTH_WAYS ? SIM_F_PARTITION : SIM_F_ONE_WAY]++;
	return (struct sim_cut){w->now_ms + step->for_ms, (enum sim_way)step->way};
}

/* What is done to the router, to storage and to the disk. */
static void
router_step(struct sim_world *w, const struct sim_step *step)
{
	switch (step->op) {
	case SIM_CRASH_ROUTER:
		if (step->after_commit) {
			w->router.crash_after_commit_ms = step->for_ms;
		} else if (w->router.core != NULL) {
			w->stats.faults[SIM_F_ROUTER_CRASH]++;
			sim_router_crash(w, step->for_ms);
		}
		break;
	case SIM_PAUSE_ROUTER: pause_router(w, step->for_ms); break;
	case SIM_CLOCK_ROUTER:
		w->stats.faults[SIM_F_CLOCK]++;
		set_router_clock(w, offset_of(step));
		break;
	case SIM_DISK_FAULT: window(w, &w->disk_windows, SIM_WINDOW_DISK, step->for_ms); break;
	case SIM_BLOB_FAULT: window(w, &w->blob_windows, SIM_WINDOW_BLOB, step->for_ms); break;
	case SIM_BLOB_SLOW: window(w, &w->slow_windows, SIM_WINDOW_SLOW, step->for_ms); break;
	default: sim_chain_fault(w, step); break;
	}
}

void
sim_fault_step(struct sim_world *w, const struct sim_step *step)
{
	struct sim_client *c = w->clients[step->miner];
	struct sim_session *s = &w->sessions[step->session];

	switch (step->op) {
	case SIM_CRASH_MINER: sim_client_crash(w, c, step->for_ms); break;
	case SIM_CRASH_CALLERS: crash_callers(w, step->for_ms); break;
	case SIM_PAUSE_MINER:
		w->stats.faults[SIM_F_PAUSE]++;
		hold_until(&c->paused_until_ms, w->now_ms + step->for_ms);
		break;
	case SIM_CLOCK_MINER:
		w->stats.faults[SIM_F_CLOCK]++;
		c->clock_by_ms = offset_of(step);
		break;
	case SIM_CLOCK_OWNER:
		w->stats.faults[SIM_F_CLOCK]++;
		s->clock_by_ms = offset_of(step);
		break;
	case SIM_PARTITION: c->cut = cut_by(w, step); break;
	case SIM_PARTITION_CALLERS: s->cut = cut_by(w, step); break;
	case SIM_BYZANTINE_MINER:
	case SIM_BYZANTINE_CALLER:
		w->stats.faults[SIM_F_BYZANTINE]++;
		sim_byzantine(w, step);
		break;
	default: router_step(w, step); break;
	}
	sim_faults_set(w);
}

/* What is wrong with a miner that is not of the core, for good. */
static void
fail_for_good(struct sim_world *w, struct sim_client *c)
{
	const uint64_t never_ms = w->end_ms + 10 * (uint64_t)SIM_DRAIN_MS;

	switch (sim_rng_below(&c->rng, 5)) {
	case 0: sim_client_crash(w, c, never_ms); break;
	case 1: c->paused_until_ms = never_ms; break;
	case 2: c->clock_by_ms = WRONG_CLOCK_MS; break;
	default:
		c->cut = (struct sim_cut){never_ms, (enum sim_way)sim_rng_below(&c->rng, SIM_WAYS)};
		break;
	}
}

void
sim_faults_stop(struct sim_world *w)
{
	w->calm = true;
	w->router.crash_after_commit_ms = 0;
	set_router_clock(w, 0);
	for (size_t i = 0; i < w->client_count; i++) {
		struct sim_client *c = w->clients[i];

		c->cut = (struct sim_cut){0};
		c->clock_by_ms = 0;
		if (c->role == SIM_MINER && c->index >= w->plan->core)
			fail_for_good(w, c);
	}
	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		w->sessions[i].cut = (struct sim_cut){0};
		w->sessions[i].clock_by_ms = 0;
	}
	if (w->plan->chain.nodes != 0)
		sim_chain_calm(w);
	sim_faults_set(w);
}

/* By what owners and the administrator said last, and what the chain keeps of that. */
static bool
has_core_member(const struct sim_world *w, const struct sim_session *s)
{
	bool any = false;

	for (uint32_t m = 0; m < w->plan->core; m++) {
		const struct sim_member *place = s->seats > 0 ? &w->pool[m] : &s->members[m];

		any |= s->governed != NULL ? s->governed->miners[m].wanted
					   : place->allow_arrived_ms > place->deny_sent_ms;
	}
	return any;
}

bool
sim_recoverable(const struct sim_world *w)
{
	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		const struct sim_session *s = &w->sessions[i];
		const bool closed =
		    s->known_private || (s->governed != NULL && s->governed->want_private);

		if (s->id != 0 && closed && !has_core_member(w, s))
			return false;
	}
	return true;
}

/* A caller stands where its session's owner does. */
static const struct sim_session *
place_of(const struct sim_world *w, const struct sim_client *c)
{
	if (c->role == SIM_CALLER || c->role == SIM_PLAIN_CALLER)
		return &w->sessions[c->step->session];
	return c->role == SIM_OWNER || c->role == SIM_CHEAT ? &w->sessions[c->index] : NULL;
}

uint64_t
sim_client_now(const struct sim_world *w, const struct sim_client *c)
{
	const struct sim_session *s = place_of(w, c);

	return w->now_ms + (uint64_t)(s == NULL ? c->clock_by_ms : s->clock_by_ms);
}

uint64_t
sim_router_now(const struct sim_world *w)
{
	return w->now_ms + (uint64_t)w->router.clock_by_ms;
}

bool
sim_is_cut(const struct sim_world *w, const struct sim_client *c, bool to_router)
{
	const struct sim_session *s = c->role == SIM_OWNER ? NULL : place_of(w, c);
	const struct sim_cut *cut = s == NULL ? &c->cut : &s->cut;

	return cut->until_ms > w->now_ms &&
	       cut->way != (to_router ? SIM_FROM_ROUTER : SIM_TO_ROUTER);
}

uint64_t
sim_paused_until(const struct sim_world *w, const struct sim_item *item)
{
	if (item->node == SIM_ROUTER_NODE || item->what == SIM_ARRIVE)
		return w->router.paused_until_ms;
	return w->clients[item->node - 1]->paused_until_ms;
}
