/* SPDX-License-Identifier: Apache-2.0 */
/* net.c -- requests and answers between nodes: late, lost, twice, or cut off.  spec/simulation.md#network. */
#include <string.h>

#include "world.h"

#define HELD_BACK_MS 5000

struct sim_message *
sim_message_new(const struct sim_client *c, uint64_t id, const char *method)
{
	struct sim_message *m = sim_new(sizeof *m);

	m->node = c->node;
	m->life = c->life;
	m->id = id;
	m->listener = c->role == SIM_CALLER || c->role == SIM_PLAIN_CALLER ||
			      c->role == SIM_OWNER || c->role == SIM_CHEAT
			  ? PINF_LISTEN_PUBLIC
			  : PINF_LISTEN_MINER;
	m->method = method;
	m->timeout_ms = 30000;
	return m;
}

void
sim_message_free(struct sim_message *m)
{
	if (m == NULL)
		return;
	pinf_bytes_free(&m->path);
	pinf_bytes_free(&m->authorization);
	pinf_bytes_free(&m->body);
	free(m);
}

static struct sim_message *
copy(const struct sim_message *m)
{
	struct sim_message *made = sim_new(sizeof *made);

	*made = *m;
	made->path = made->authorization = made->body = (struct pinf_bytes){0};
	sim_append(&made->path, pinf_span_of(&m->path));
	sim_append(&made->authorization, pinf_span_of(&m->authorization));
	sim_append(&made->body, pinf_span_of(&m->body));
	return made;
}

/* One crossing of the wire; takes m over. */
static void
carry(struct sim_world *w, struct sim_message *m, enum sim_what what)
{
	const struct sim_network_rates *rates = &w->plan->network;
	const uint64_t spread = w->calm ? 5 : rates->delay_max_ms - rates->delay_min_ms;
	uint64_t delay_ms = 1 + sim_rng_below(&w->net, spread + 1);

	if (!w->calm)
		delay_ms += rates->delay_min_ms + m->late_ms;
	w->stats.wire_bytes += m->body.len;
	if (!m->open_text) {
		sim_oracle_scan(w, "wire", pinf_span_of(&m->body));
		sim_oracle_scan(w, "wire", pinf_span_of(&m->authorization));
	}
	if (sim_is_cut(w, w->clients[m->node - 1], what == SIM_ARRIVE)) {
		sim_message_free(m);
		return;
	}
	if (!w->calm && sim_rng_hit(&w->net, rates->loss)) {
		w->stats.faults[SIM_F_LOSS]++;
		sim_message_free(m);
		return;
	}
	if (!w->calm && sim_rng_hit(&w->net, rates->reorder)) {
		w->stats.faults[SIM_F_REORDER]++;
		delay_ms += sim_rng_below(&w->net, HELD_BACK_MS);
	}
	if (!w->calm && sim_rng_hit(&w->net, rates->duplicate)) {
		w->stats.faults[SIM_F_DUPLICATE]++;
		sim_after(w, delay_ms + 1 + sim_rng_below(&w->net, HELD_BACK_MS),
		    (struct sim_item){
			.what = (int)what, .node = m->node, .life = m->life, .data = copy(m)});
	}
	sim_after(w, delay_ms,
	    (struct sim_item){.what = (int)what, .node = m->node, .life = m->life, .data = m});
}

void
sim_send(struct sim_world *w, struct sim_client *c, struct sim_message *m)
{
	sim_after(w, m->timeout_ms,
	    (struct sim_item){.what = SIM_TIMEOUT, .node = c->node, .life = c->life, .id = m->id});
	if (c->role != SIM_ATTACKER && !m->open_text) {
		sim_message_free(w->recorded[w->recorded_next]);
		w->recorded[w->recorded_next] = copy(m);
		w->recorded_next = (w->recorded_next + 1) % SIM_RECORDED;
	}
	carry(w, m, SIM_ARRIVE);
}

void
sim_replay(struct sim_world *w, struct sim_client *c)
{
	const struct sim_message *heard = w->recorded[sim_rng_below(&c->rng, SIM_RECORDED)];
	struct sim_message *m;

	if (heard == NULL)
		return;
	m = copy(heard);
	m->node = c->node;
	m->life = c->life;
	m->id = c->next_id++;
	sim_send(w, c, m);
}

void
sim_hang_up(struct sim_world *w, struct sim_client *c, uint64_t id)
{
	struct sim_message *m = sim_message_new(c, id, "");

	m->hangup = true;
	carry(w, m, SIM_ARRIVE);
}

void
sim_reply(struct sim_world *w, struct sim_message *m)
{
	const struct sim_client *c = w->clients[m->node - 1];

	sim_note(w, "router answers %s %u: %u %s (%zu bytes)", sim_role_name(c->role), c->index,
	    m->status, pinf_err_name(m->err), m->body.len);
	carry(w, m, SIM_REPLY);
}

void
sim_arrive(struct sim_world *w, struct sim_message *m)
{
	const struct sim_client *c = w->clients[m->node - 1];

	sim_note(w, "%s %u %s %.*s", sim_role_name(c->role), c->index,
	    m->hangup ? "hangs up" : m->method, (int)m->path.len, (const char *)m->path.data);
	if (m->hangup) {
		sim_router_hangup(w, m);
		sim_message_free(m);
	} else if (w->router.core == NULL) { /* Nobody listens there. */
		m->err = PINF_E_IO;
		sim_reply(w, m);
	} else {
		sim_router_request(w, m);
	}
}
