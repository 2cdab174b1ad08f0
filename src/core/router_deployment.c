/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_deployment.c -- what a deployment consists of, for whoever wants to rely on it: contract,
 * storage, keys, private sessions.  Nothing secret, no node's address.  spec/api.md#deployment.
 */
#include "core/api_entry.h"
#include "core/router_chain.h"

static void
put_texts(struct pinf_json_writer *w, const char *name, const char *const *texts, size_t count)
{
	pinf_json_open(w, name, '[');
	for (size_t i = 0; i < count; i++)
		pinf_json_put_str(w, NULL, texts[i]);
	pinf_json_close(w, ']');
}

static void
put_node(struct pinf_json_writer *w, const struct pinf_router *r, unsigned number)
{
	const struct chain_status status = chain_status(r, number);

	pinf_json_open(w, NULL, '{');
	if (status.answered)
		pinf_json_put_uint(w, "age_ms", status.age_ms);
	pinf_json_put_bool(w, "counts", status.counts);
	pinf_json_put_str(w, "error", status.err == PINF_OK ? "none" : pinf_err_name(status.err));
	if (status.answered)
		pinf_json_put_uint(w, "newest_block", status.newest);
	pinf_json_put_uint(w, "node", number);
	pinf_json_close(w, '}');
}

static void
put_contract(struct pinf_json_writer *w, const struct pinf_router *r)
{
	static const char *const abi[] = {CHAIN_MINERS, CHAIN_MINERS_COUNT, CHAIN_ENCRYPTED};
	static const char *const session_abi[] = {CHAIN_OWNER};
	static const struct pinf_address none = {{0}};
	const struct pinf_chain_config *chain = &r->config.acl.chain;

	pinf_json_open(w, "contract", '{');
	put_texts(w, "abi", abi, sizeof abi / sizeof abi[0]);
	pinf_json_put_bool(w, "active", chain->endpoints != 0);
	pinf_json_put_address(w, "address", &r->api.domain.contract);
	pinf_json_put_uint(w, "chain_id", r->api.domain.chain_id);
	pinf_json_put_uint(w, "confirmations", chain->confirmations);
	pinf_json_put_bool(w, "emergency", r->config.acl.emergency);
	pinf_json_put_uint(w, "max_age_ms", chain->max_age_ms);
	pinf_json_open(w, "nodes", '[');
	for (unsigned n = 0; n < chain->endpoints; n++)
		put_node(w, r, n);
	pinf_json_close(w, ']');
	pinf_json_put_uint(w, "poll_ms", chain->poll_ms);
	pinf_json_put_uint(w, "quorum", chain->quorum);
	if (pinf_address_equal(&chain->session_data, &none)) {
		pinf_json_put_str(w, "session_data", "none");
	} else {
		pinf_json_open(w, "session_data", '{');
		put_texts(w, "abi", session_abi, 1);
		pinf_json_put_address(w, "address", &chain->session_data);
		pinf_json_close(w, '}');
	}
	pinf_json_put_bool(w, "toggle", r->config.acl.use_contract);
	pinf_json_close(w, '}');
}

/* As issued now: the routes of the table, the newest link of the audit log. */
static void
put_keys(struct pinf_json_writer *w, const struct pinf_router *r)
{
	static const char *const schemes[] = {"eip712", "eip191"};

	pinf_json_open(w, "keys", '{');
	pinf_json_put_uint(w, "active_version", pinf_keyring_active(r->keyring));
	pinf_json_open(w, "audit", '{');
	pinf_json_put_hex(w, "head", false, r->audit_last.head.bytes, PINF_HASH_LEN);
	pinf_json_put_uint(w, "seq", r->audit_last.seq);
	pinf_json_close(w, '}');
	put_texts(w, "auth", schemes, sizeof schemes / sizeof schemes[0]);
	pinf_json_put_uint(w, "grant_lifetime_ms", r->config.grant_ms);
	pinf_json_open(w, "paths", '[');
	for (size_t i = 0; i < pinf_api_entry_count; i++)
		if (pinf_api_entries[i].endpoint == PINF_EP_KEY_SESSION ||
		    pinf_api_entries[i].endpoint == PINF_EP_KEY_TASK)
			pinf_json_put_str(w, NULL, pinf_api_entries[i].pattern);
	pinf_json_close(w, ']');
	pinf_json_put_str(w, "recovery", "keyring-export-import");
	pinf_json_put_uint(w, "rotation_min_ms", r->config.rotation_min_ms);
	if (r->rotation_ms == UINT64_MAX)
		pinf_json_put_str(w, "rotation_period_ms", "none");
	else
		pinf_json_put_uint(w, "rotation_period_ms", r->rotation_ms);
	pinf_json_close(w, '}');
}

/* Blobs are written once under their hash; nothing but the sweep of orphans deletes any. */
static void
put_storage(struct pinf_json_writer *w, const struct pinf_router_config *config)
{
	pinf_json_open(w, "storage", '[');
	pinf_json_open(w, NULL, '{');
	pinf_json_put_uint(w, "blob_max", config->blob_max);
	pinf_json_put_str(w, "bucket", config->storage.bucket);
	pinf_json_put_str(w, "bucket_policy", "create-only");
	pinf_json_put_str(w, "deletion", "orphans-swept");
	pinf_json_put_uint(w, "orphan_grace_ms", config->orphan_ms);
	pinf_json_put_str(w, "provider", config->storage.provider);
	pinf_json_put_uint(w, "retention_ms", config->retention_ms);
	pinf_json_put_str(w, "type", config->storage.type);
	pinf_json_close(w, '}');
	pinf_json_close(w, ']');
}

/* c->session is the one; who may administer it sees whose it is and how many miners it lists. */
static enum pinf_err
put_private(struct call *c, struct pinf_json_writer *w)
{
	const struct pinf_session *s = &c->session;
	struct pinf_facts facts = {
	    .action = PINF_ACT_ADMINISTER, .actor = router_actor(c, PINF_ACTOR_WALLET_OTHER)};
	uint64_t miners = 0;
	enum pinf_err err = PINF_OK;

	pinf_json_open(w, NULL, '{');
	pinf_json_put_str(w, "acl", pinf_acl_source_name(s->acl));
	if (router_decide(c, &facts) == PINF_RULE_ALLOW) {
		err = c->r->store.ops->member_count(c->r->store.ctx, s->id, s->acl, &miners);
		pinf_json_put_uint(w, "allowed_miners", miners);
		pinf_json_put_address(w, "owner", &s->owner);
	}
	pinf_json_put_uint(w, "session_id", s->id);
	pinf_json_put_str(w, "status", s->closed ? "closed" : "open");
	pinf_json_close(w, '}');
	return err;
}

/* One page of all sessions is looked at; what is private of it is told, and where to go on. */
static enum pinf_err
put_sessions(struct call *c, struct pinf_json_writer *w)
{
	struct pinf_session page[64];
	const size_t most = sizeof page / sizeof page[0];
	const size_t limit = c->rq->limit < most ? c->rq->limit : most;
	size_t count = 0;
	enum pinf_err err =
	    c->r->store.ops->session_list(c->r->store.ctx, c->rq->after, page, limit, &count);

	if (count == limit)
		pinf_json_put_uint(w, "next_after", page[count - 1].id);
	pinf_json_open(w, "private_sessions", '[');
	for (size_t i = 0; i < count && err == PINF_OK; i++) {
		c->session = page[i];
		if (c->session.is_private)
			err = put_private(c, w);
	}
	pinf_json_close(w, ']');
	return err;
}

enum pinf_err
route_deployment(struct call *c)
{
	const struct pinf_router *r = c->r;
	struct pinf_json_writer w;
	enum pinf_err err = c->rq->auth == PINF_AUTH_WALLET ? router_spend_nonce(c) : PINF_OK;

	if (err == PINF_OK)
		err = reply_begin(c->r, c->request, 200, &w);
	if (err != PINF_OK)
		return err;
	pinf_json_put_str(&w, "attestation", "none");
	put_contract(&w, r);
	put_keys(&w, r);
	err = put_sessions(c, &w);
	if (err != PINF_OK)
		return err;
	pinf_json_put_address(&w, "router", &r->api.router);
	put_storage(&w, &r->config);
	pinf_json_put_str(&w, "streaming", "none");
	pinf_json_put_str(&w, "version", PINF_VERSION);
	return reply_end(&w);
}
