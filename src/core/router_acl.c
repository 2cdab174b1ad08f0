/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_acl.c -- whose list governs a session, and whether it names a miner.  The store keeps the
 * lists, for claims and across restarts; r->acl holds the same for decisions.  spec/acl.md.
 */
#include <string.h>

#include <pinf/bug.h>

#include "core/allowlist.h"
#include "core/router_internal.h"

#define PAGE 256

bool
acl_possible(const struct pinf_acl_config *config)
{
	const struct pinf_chain_config *chain = &config->chain;

	if (chain->endpoints == 0)
		return !config->emergency;
	return chain->endpoints <= PINF_CHAIN_ENDPOINTS_MAX && chain->quorum > 0 &&
	       chain->quorum <= chain->endpoints && chain->poll_ms > 0;
}

enum pinf_acl_source
acl_governs(const struct pinf_router *r, const struct pinf_session *session)
{
	const struct pinf_acl_config *config = &r->config.acl;

	if (session->type != PINF_SESSION_DEDICATED)
		return PINF_ACL_ROUTER; /* Who is assigned is known here alone. */
	if (config->chain.endpoints != 0)
		return PINF_ACL_CONTRACT;
	return !session->own_list &&
		       pinf_allowlist_names(config->env, config->env_count, session->id)
		   ? PINF_ACL_ENV
		   : PINF_ACL_ROUTER;
}

bool
acl_in_emergency(const struct pinf_router *r, uint64_t session)
{
	const struct pinf_acl_config *config = &r->config.acl;

	return config->emergency && pinf_allowlist_names(config->env, config->env_count, session);
}

/* Without a task: whether the miner may have any of the session's. */
static bool
env_lists(const struct call *c)
{
	const struct pinf_acl_config *config = &c->r->config.acl;

	if (c->task.id == 0)
		return pinf_allowlist_any(config->env, config->env_count, c->session.id, &c->who);
	return pinf_allowlist_has(
	    config->env, config->env_count, c->session.id, c->task.id, &c->who);
}

void
acl_facts(const struct call *c, struct pinf_facts *facts)
{
	const struct pinf_session *s = &c->session;

	facts->acl_source_right = s->policy.acl_source == 0 || s->policy.acl_source == s->acl;
	facts->acl_fresh =
	    s->acl != PINF_ACL_CONTRACT || chain_fresh(c->r, s->id) || PINF_BUG(stale_list_trusted);
	if (!facts->acl_fresh)
		PINF_SOMETIMES(list_too_old);
	facts->miner_listed =
	    s->acl == PINF_ACL_ENV
		? env_lists(c)
		: (pinf_acl_sources(c->r->acl, s->id, &c->who) & 1u << s->acl) != 0;
	/* Whom the governing list does not let in, the environment's may: as its own, not as that one's. */
	if (c->r->config.acl.emergency && !(facts->acl_fresh && facts->miner_listed) &&
	    env_lists(c)) {
		facts->acl_fresh = facts->miner_listed = true;
		facts->acl_source_right =
		    s->policy.acl_source == 0 || s->policy.acl_source == PINF_ACL_ENV;
	}
}

enum pinf_err
acl_change(struct pinf_router *r, const struct pinf_member *member, bool put, bool *changed)
{
	enum pinf_err err = put ? r->store.ops->member_put(r->store.ctx, member, changed)
				: r->store.ops->member_drop(r->store.ctx, member, changed);

	/* Not of seats: who takes those asks for the next one until there is none. */
	if (err == PINF_OK && !put && member->until_ms == 0 && PINF_BUG(removal_not_stored))
		err = r->store.ops->member_put(r->store.ctx, member, changed);
	if (err != PINF_OK)
		return err;
	r->acl_touched = true;
	if (put)
		return pinf_acl_add(r->acl, member);
	if (!PINF_BUG(removal_only_stored))
		pinf_acl_remove(r->acl, member);
	return PINF_OK;
}

enum pinf_err
acl_load(struct pinf_router *r)
{
	struct pinf_member page[PAGE], after = {.session = 0};
	size_t count = PAGE;

	pinf_acl_clear(r->acl);
	while (count == PAGE) {
		enum pinf_err err =
		    r->store.ops->member_list(r->store.ctx, &after, page, PAGE, &count);

		for (size_t i = 0; i < count && err == PINF_OK; i++)
			if (page[i].task == 0)
				err = pinf_acl_add(r->acl, &page[i]);
		if (err != PINF_OK)
			return err;
		if (count > 0)
			after = page[count - 1];
	}
	return PINF_OK;
}

/* The environment's list as it is now, where claims look it up. */
static enum pinf_err
put_env(struct pinf_router *r)
{
	const struct pinf_acl_config *config = &r->config.acl;
	const struct pinf_store_ops *ops = r->store.ops;
	enum pinf_err err = ops->member_clear(r->store.ctx, PINF_ACL_ENV);

	if (err == PINF_OK)
		err = ops->member_clear(r->store.ctx, PINF_ACL_EMERGENCY);
	for (size_t i = 0; i < config->env_count && err == PINF_OK; i++) {
		const struct pinf_member member = {
		    .session = config->env[i].session,
		    .source = config->emergency ? PINF_ACL_EMERGENCY : PINF_ACL_ENV,
		    .task = config->env[i].task,
		    .miner = config->env[i].miner,
		};
		bool changed;

		err = ops->member_put(r->store.ctx, &member, &changed);
	}
	return err == PINF_OK ? ops->acl_govern(r->store.ctx, config->chain.endpoints != 0) : err;
}

enum pinf_err
acl_open(struct pinf_router *r)
{
	const struct pinf_store_ops *ops = r->store.ops;
	enum pinf_err err = ops->begin(r->store.ctx);

	if (err != PINF_OK)
		return err;
	err = put_env(r);
	if (err == PINF_OK)
		return ops->commit(r->store.ctx);
	ops->rollback(r->store.ctx);
	return err;
}
