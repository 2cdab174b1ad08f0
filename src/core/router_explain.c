/* SPDX-License-Identifier: Apache-2.0 */
/* router_explain.c -- what would be decided of a request, were it made now.  spec/policy.md#explain. */
#include "core/router_internal.h"

/* The call that the explained request would be, as far as facts go. */
static void
imagine(const struct call *c, struct call *as, struct pinf_facts *facts)
{
	const struct pinf_api_request *rq = c->rq;

	as->session = c->session;
	as->task = c->task;
	as->rq->auth = PINF_AUTH_WALLET;
	as->rq->stream = rq->stream;
	as->rq->endpoint = rq->session_key ? PINF_EP_KEY_SESSION : 0;
	/* A claim is for a lease to come; every other step of a miner's is within its lease. */
	as->rq->attempt = rq->action == PINF_ACT_CLAIM ? 0 : c->task.attempt;
	as->who = rq->actor == PINF_ACTOR_MINER ? rq->miner : c->session.owner;
	facts->action = rq->action;
	facts->actor =
	    rq->actor == PINF_ACTORS ? router_actor(as, PINF_ACTOR_WALLET_OTHER) : rq->actor;
	if (rq->route != PINF_ROUTES)
		facts->route = rq->route;
	else if (c->task.id != 0)
		facts->route = c->task.route;
	else
		facts->route = c->session.is_private ? PINF_ROUTE_CALLER_SEALED : PINF_ROUTE_PLAIN;
}

/* To those who administer the session, since it tells who is on its list. */
enum pinf_err
route_explain(struct call *c)
{
	struct pinf_api_request imagined = {.endpoint = 0};
	struct call as = {.r = c->r, .rq = &imagined};
	struct pinf_facts facts = {.action = PINF_ACTIONS};
	struct pinf_json_writer w;
	enum pinf_rule rule;
	enum pinf_err err = router_load_session(c, c->rq->session);

	if (err == PINF_OK)
		err = router_permit(c, PINF_ACT_ADMINISTER,
		    router_actor(c, PINF_ACTOR_WALLET_OTHER), PINF_ROUTE_PLAIN);
	if (err == PINF_OK && c->rq->task != 0)
		err = router_load_task(c);
	if (err != PINF_OK)
		return err;
	imagine(c, &as, &facts);
	rule = router_decide(&as, &facts);
	err = reply_begin(c->r, c->request, 200, &w);
	if (err != PINF_OK)
		return err;
	pinf_decision_write(&w, &facts, rule);
	return reply_end(&w);
}
