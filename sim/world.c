/* SPDX-License-Identifier: Apache-2.0 */
/* world.c -- sets a world up, runs its plan, drains it, looks at what is left.  spec/simulation.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "world.h"

#define PROBE_AFTER_MS 30000 /* after the last fault: everybody is up again */
#define LOOK_EVERY_MS  5000
#define WATCHED        512 /* items, between two looks at a world by a person */
#define INSIDERS       3 /* one miner in so many asks for what is others' */

enum { FAULT_ALL = SIM_WINDOWS, FAULT_PROBE, FAULT_LOOK };

struct pinf_storage
sim_storage(void)
{
	return (struct pinf_storage){.type = "fs", .provider = "sim", .bucket = "blobs"};
}

struct pinf_domain
sim_domain(void)
{
	return (struct pinf_domain){.chain_id = 31337, .contract = {{0x51}}};
}

struct sim_session *
sim_session_of(struct sim_world *w, uint64_t id, uint32_t *index)
{
	if (id == 0 || (id - 1) % SIM_SESSIONS_MAX >= w->plan->sessions)
		return NULL;
	*index = (uint32_t)((id - 1) % SIM_SESSIONS_MAX);
	return &w->sessions[*index];
}

uint32_t
sim_member_of(const struct sim_world *w, const struct pinf_address *who)
{
	const uint32_t count = w->plan->miners + w->plan->unlisted;

	for (uint32_t i = 0; i < count; i++) /* The first clients of the world. */
		if (pinf_address_equal(&w->clients[i]->wallet.address, who))
			return i;
	return UINT32_MAX;
}

void
sim_after(struct sim_world *w, uint64_t delay_ms, struct sim_item item)
{
	item.at_ms = w->now_ms + delay_ms;
	sim_heap_push(&w->heap, item);
}

static void
disk_wrote(void *ctx, const char *file, uint64_t offset, struct pinf_span bytes)
{
	sim_trace_write(ctx, offset, bytes);
	sim_oracle_scan(ctx, file, bytes);
}

static uint64_t
disk_now(void *ctx)
{
	return ((struct sim_world *)ctx)->now_ms;
}

const char *
sim_role_name(enum sim_role role)
{
	static const char *const names[] = {
	    "miner", "caller", "caller", "owner", "admin", "attacker", "insider", "cheat"};

	return names[role];
}

struct sim_client *
sim_client_new(struct sim_world *w, enum sim_role role, uint32_t index)
{
	struct sim_client *c = sim_new(sizeof *c);
	struct sim_rng wallet = sim_rng_of(w->plan->seed, "wallet", w->client_count);

	w->clients =
	    sim_grow(w->clients, w->client_count + 1, &w->client_cap, sizeof(struct sim_client *));
	w->clients[w->client_count++] = c;
	c->node = (uint32_t)w->client_count;
	c->role = role;
	c->index = index;
	c->next_id = 1;
	c->rng = sim_rng_of(w->plan->seed, sim_role_name(role), index);
	c->random = sim_rng_of(w->plan->seed, "random", c->node);
	if (pinf_wallet_new(&c->wallet, sim_rng_port(&wallet)) != PINF_OK)
		(void)sim_need(NULL);
	return c;
}

static void
make_router(struct sim_world *w)
{
	struct sim_router *r = &w->router;
	struct sim_rng rng = sim_rng_of(w->plan->seed, "keyring", 0);
	const struct pinf_domain domain = sim_domain();
	struct pinf_keyring *keyring = NULL;
	uint32_t version;

	r->rng = sim_rng_of(w->plan->seed, "router", 0);
	r->random = sim_rng_of(w->plan->seed, "random", SIM_ROUTER_NODE);
	if (pinf_keyring_new(&keyring, &domain, sim_rng_port(&rng)) != PINF_OK ||
	    pinf_keyring_rotate(keyring, &version, w->now_ms, sim_rng_port(&rng)) != PINF_OK ||
	    pinf_keyring_encode(keyring, &r->keyring_file, pinf_span_str("simulated"),
		(struct pinf_kdf_cost){1, PINF_KDF_MEMORY_MIN_KIB}, sim_rng_port(&rng)) != PINF_OK)
		(void)sim_need(NULL);
	r->address = *pinf_keyring_address(keyring);
	sim_oracle_key(w, pinf_keyring_identity(keyring), 0, NULL);
	pinf_keyring_free(keyring);
	sim_after(w, 0, (struct sim_item){.what = SIM_START});
}

struct sim_client *
sim_act_for(struct sim_world *w, enum sim_role role, const struct sim_client *who, uint32_t index)
{
	struct sim_client *c = sim_client_new(w, role, index);

	c->wallet = who->wallet;
	c->up = true;
	return c;
}

static void
make_people(struct sim_world *w)
{
	const struct sim_plan *plan = w->plan;

	for (uint32_t i = 0; i < plan->miners; i++)
		(void)sim_client_new(w, SIM_MINER, i);
	for (uint32_t i = 0; i < plan->unlisted; i++)
		(void)sim_client_new(w, SIM_ATTACKER, plan->miners + i);
	w->admin = sim_client_new(w, SIM_ADMIN, 0);
	w->owners = sim_new(plan->sessions * sizeof(struct sim_client *));
	w->sessions = sim_new(plan->sessions * sizeof *w->sessions);
	for (uint32_t i = 0; i < plan->sessions; i++) {
		w->owners[i] = sim_client_new(w, SIM_OWNER, i);
		w->sessions[i].members =
		    sim_new((plan->miners + plan->unlisted) * sizeof(struct sim_member));
	}
	w->pool = sim_new((plan->miners + plan->unlisted) * sizeof(struct sim_member));
	for (uint32_t i = 0; i < plan->miners && i / INSIDERS < plan->insiders; i += INSIDERS)
		(void)sim_act_for(w, SIM_INSIDER, w->clients[i], (uint32_t)w->client_count);
	for (size_t i = 0; i < w->client_count; i++)
		sim_client_start(w, w->clients[i]);
	w->tricksters = sim_new((plan->miners + plan->unlisted) * sizeof(struct sim_client *));
	for (uint32_t i = 0; i < plan->miners + plan->unlisted; i++)
		w->tricksters[i] = sim_act_for(w, SIM_INSIDER, w->clients[i], 0);
}

/* Its marker, its number, and letters. */
static void
write_prompt(struct sim_world *w, struct sim_client *c)
{
	struct pinf_input input = {.max_tokens = 0};
	char head[64];

	(void)snprintf(head, sizeof head, "%s-%u-",
	    w->sessions[c->step->session].make_private || c->step->api == 3 ? w->marker
									    : "public-----------",
	    c->index);
	sim_append(&input.prompt, pinf_span_str(head));
	while (input.prompt.len < c->step->bytes) {
		const uint8_t letter = (uint8_t)('a' + sim_rng_below(&c->rng, 26));

		sim_append(&input.prompt, (struct pinf_span){&letter, 1});
	}
	(void)snprintf(input.prompt_type, sizeof input.prompt_type, "text");
	if (pinf_input_encode(&c->document, &input) != PINF_OK)
		(void)sim_need(NULL);
	pinf_input_free(&input);
}

static void
submit(struct sim_world *w, const struct sim_step *step, bool probe)
{
	struct sim_client *c = sim_client_new(
	    w, step->api == 3 ? SIM_CALLER : SIM_PLAIN_CALLER, (uint32_t)w->client_count);

	c->wallet = w->owners[step->session]->wallet;
	c->step = step;
	c->probe = probe;
	w->stats.submitted++;
	sim_after(w, 0, (struct sim_item){.what = SIM_START, .node = c->node});
}

static void
ask(struct sim_world *w, struct sim_client *c, const struct sim_step *step)
{
	c->jobs = sim_grow(c->jobs, c->job_count + 1, &c->job_cap, sizeof(const struct sim_step *));
	c->jobs[c->job_count++] = step;
	sim_client_wake(w, c, 0);
}

static void
do_step(struct sim_world *w, const struct sim_step *step)
{
	struct sim_client *c;

	sim_note_step(w, step);
	sim_timeline_step(w, SIM_MARK_STEP, step);
	if (PINF_BUG(process_dies) && step->op == SIM_ROTATE)
		abort();
	switch (step->op) {
	case SIM_SESSION:
	case SIM_ALLOW:
	case SIM_PRIVATE:
	case SIM_DENY: ask(w, w->owners[step->session], step); break;
	case SIM_LEAVE:
		c = sim_act_for(w, SIM_ADMIN, w->clients[step->miner], (uint32_t)w->client_count);
		sim_client_start(w, c);
		ask(w, c, step);
		break;
	case SIM_POOL_ALLOW:
	case SIM_POOL_DENY:
	case SIM_DESTROY:
	case SIM_ROTATE: ask(w, w->admin, step); break;
	case SIM_SUBMIT: submit(w, step, false); break;
	default: sim_fault_step(w, step); break;
	}
}

/* Faults are over; each session that exists is used once more. */
static void
probe_all(struct sim_world *w)
{
	struct sim_step *steps = w->probes;

	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		const struct sim_session *s = &w->sessions[i];

		const bool closed =
		    s->known_private || (s->governed != NULL && s->governed->want_private);

		if (s->id == 0 || (closed && s->governed != NULL && !sim_chain_wants_any(w, i)))
			continue;
		steps[i] = (struct sim_step){
		    .op = SIM_SUBMIT, .session = i, .api = closed ? 3 : 1, .bytes = 100};
		submit(w, &steps[i], true);
	}
}

/* Whether every caller has its answer and every task its end. */
static bool
is_settled(struct sim_world *w)
{
	const struct pinf_store *store = &w->router.store;
	struct pinf_task_counts counts;
	uint64_t open = 0;

	for (size_t i = 0; i < w->client_count; i++)
		if ((w->clients[i]->role == SIM_CALLER ||
			w->clients[i]->role == SIM_PLAIN_CALLER) &&
		    !w->clients[i]->done)
			return false;
	if (w->router.core == NULL || store->ops->task_counts(store->ctx, &counts) != PINF_OK)
		return false;
	for (int s = PINF_TASK_RESERVED; s < PINF_TASK_COMMITTED; s++)
		open += counts.of[s];
	return open == 0;
}

static void
fault_ends(struct sim_world *w, uint64_t which)
{
	switch (which) {
	case SIM_WINDOW_DISK: w->disk_windows--; break;
	case SIM_WINDOW_BLOB: w->blob_windows--; break;
	case SIM_WINDOW_SLOW: w->slow_windows--; break;
	case FAULT_ALL:
		sim_note(w, "all faults stop");
		sim_timeline_add(w, (struct sim_mark){.kind = SIM_MARK_CALM});
		sim_faults_stop(w);
		sim_after(w, PROBE_AFTER_MS + sim_chain_settles_ms(w),
		    (struct sim_item){.what = SIM_FAULT_ENDS, .id = FAULT_PROBE});
		break;
	case FAULT_PROBE: probe_all(w); /* fallthrough */
	default:
		w->stop |= which == FAULT_LOOK && is_settled(w);
		sim_after(
		    w, LOOK_EVERY_MS, (struct sim_item){.what = SIM_FAULT_ENDS, .id = FAULT_LOOK});
		break;
	}
	sim_faults_set(w);
}

static void
start_client(struct sim_world *w, struct sim_client *c)
{
	const bool calls = c->role == SIM_CALLER || c->role == SIM_PLAIN_CALLER;

	if (calls && w->sessions[c->step->session].id == 0) { /* Its session is not there yet. */
		sim_after(w, 500, (struct sim_item){.what = SIM_START, .node = c->node});
		return;
	}
	if (calls && c->document.len == 0) {
		c->started_ms = w->now_ms;
		sim_timeline_add(w, (struct sim_mark){.kind = SIM_MARK_BEGINS,
					.what = (uint8_t)c->step->api,
					.node = c->node,
					.session = (uint32_t)w->sessions[c->step->session].id,
					.value = c->probe});
		write_prompt(w, c);
	}
	sim_client_start(w, c);
}

static void
free_item(struct sim_item *item)
{
	struct sim_answer *answer = item->data;

	if (item->what == SIM_ARRIVE || item->what == SIM_REPLY)
		sim_message_free(item->data);
	else if (item->what == SIM_RELEASE) {
		pinf_effects_free(item->data);
		free(item->data);
	} else if (item->what == SIM_ANSWER || item->what == SIM_ASKED) {
		pinf_bytes_free(&answer->body);
		free(answer);
	}
}

static void
to_router(struct sim_world *w, struct sim_item *item)
{
	struct sim_answer *answer = item->data;

	if (item->life != w->router.life) {
		free_item(item);
		return;
	}
	switch (item->what) {
	case SIM_START: sim_router_start(w); break;
	case SIM_BATCH: sim_router_batch(w); break;
	case SIM_RELEASE: sim_router_release(w, item->id, item->data); break;
	case SIM_TIMER:
		if (item->id == w->router.wake_id)
			sim_router_event(w, &(struct pinf_event){.kind = PINF_EV_TIMER}, NULL);
		break;
	case SIM_ASKED: sim_chain_asked(w, answer); break;
	default:
		if (answer->event.kind == PINF_EV_CHAIN)
			sim_chain_told(w, answer);
		sim_router_event(w, &answer->event, &answer->body);
		free_item(item);
		break;
	}
}

static void
to_client(struct sim_world *w, struct sim_item *item)
{
	struct sim_client *c = w->clients[item->node - 1];
	struct sim_answer *answer = item->data;
	struct sim_message late = {.id = item->id, .err = PINF_E_TIMEOUT};

	if (item->what == SIM_ARRIVE) {
		sim_arrive(w, item->data);
		return;
	}
	if (item->life == c->life && (c->up || item->what == SIM_START)) {
		if (item->what == SIM_REPLY) {
			sim_client_reply(w, c, item->data);
		} else if (item->what == SIM_TIMEOUT) {
			sim_client_reply(w, c, &late);
		} else if (item->what == SIM_TIMER && item->id == c->wake_id) {
			sim_client_timer(w, c);
		} else if (item->what == SIM_START) {
			start_client(w, c);
		} else if (item->what == SIM_ANSWER) {
			answer->event.body = pinf_span_of(&answer->body);
			sim_client_event(w, c, &answer->event);
		}
	}
	free_item(item);
}

static void
set_up(struct sim_world *w, struct sim_plan *plan, const struct sim_watch *watch)
{
	const struct sim_vfs_hooks hooks = {w, disk_wrote, disk_now};
	struct sim_rng rng = sim_rng_of(plan->seed, "marker", 0);

	*w = (struct sim_world){.plan = plan, .watch = *watch, .now_ms = SIM_EPOCH_MS};
	w->end_ms = w->now_ms + (uint64_t)plan->minutes * 60000;
	(void)snprintf(
	    w->marker, sizeof w->marker, "~%015llx", (unsigned long long)(sim_rng_next(&rng) >> 4));
	pinf_sha256_init(&w->trace);
	w->vfs = sim_vfs_new(&hooks, plan->seed);
	w->blobs.rng = sim_rng_of(plan->seed, "blobs", 0);
	w->blobs.now_ms = &w->now_ms;
	w->net = sim_rng_of(plan->seed, "network", 0);
	w->versions = 1;
	w->probes = sim_new(plan->sessions * sizeof *w->probes);
	if (pinf_blob_new(&w->blob) != PINF_OK)
		(void)sim_need(NULL);
	make_router(w);
	make_people(w);
	sim_faults_set(w);
	sim_chain_start(w);
	for (size_t i = 0; i < plan->step_count; i++)
		sim_after(w, plan->steps[i].at_ms, (struct sim_item){.what = SIM_DO_STEP, .id = i});
	sim_after(
	    w, w->end_ms - w->now_ms, (struct sim_item){.what = SIM_FAULT_ENDS, .id = FAULT_ALL});
}

void
sim_world_run(struct sim_world *w, struct sim_plan *plan)
{
	sim_world_run_watched(w, plan, &(struct sim_watch){.log = NULL});
}

void
sim_world_run_watched(struct sim_world *w, struct sim_plan *plan, const struct sim_watch *watch)
{
	struct sim_item item;
	unsigned items = 0;

	set_up(w, plan, watch);
	while (!w->stop && sim_heap_pop(&w->heap, &item)) {
		if (item.at_ms > w->end_ms + SIM_DRAIN_MS + sim_chain_settles_ms(w)) {
			free_item(&item);
			break;
		}
		w->now_ms = item.at_ms;
		if (w->watch.progress != NULL && ++items % WATCHED == 0)
			w->watch.progress(w);
		if (item.what == SIM_DO_STEP)
			do_step(w, &plan->steps[item.id]);
		else if (item.what == SIM_FAULT_ENDS)
			fault_ends(w, item.id);
		else if (item.what == SIM_TRICK)
			sim_byzantine(w, &plan->steps[item.id]);
		else if (item.what == SIM_BLOCK)
			sim_chain_block(w);
		else if (sim_paused_until(w, &item) > w->now_ms)
			sim_after(w, sim_paused_until(w, &item) - w->now_ms, item);
		else if (item.node == SIM_ROUTER_NODE)
			to_router(w, &item);
		else
			to_client(w, &item);
	}
	if (!w->oracles.failed)
		sim_oracle_end(w);
	w->excused = w->oracles.failed && w->oracles.broken == SIM_LIVENESS && !sim_recoverable(w);
	pinf_sha256_final(&w->trace, &w->state_hash);
}

void
sim_world_free(struct sim_world *w)
{
	struct sim_item item;

	while (sim_heap_pop(&w->heap, &item))
		free_item(&item);
	free(w->heap.items);
	sim_router_free(w);
	for (size_t i = 0; i < w->client_count; i++)
		sim_client_free(w->clients[i]);
	for (size_t i = 0; i < SIM_RECORDED; i++)
		sim_message_free(w->recorded[i]);
	for (uint32_t i = 0; i < w->plan->sessions; i++) {
		free(w->sessions[i].members);
		if (w->sessions[i].governed != NULL)
			free(w->sessions[i].governed->miners);
		free(w->sessions[i].governed);
	}
	free(w->sessions);
	free(w->pool);
	free(w->removals);
	sim_chain_world_free(w);
	free(w->owners);
	free(w->tricksters);
	free(w->clients);
	free(w->probes);
	pinf_blob_free(w->blob);
	sim_blobs_free(&w->blobs);
	sim_vfs_free(w->vfs);
	sim_oracle_free(&w->oracles);
}
