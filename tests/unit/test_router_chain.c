/* SPDX-License-Identifier: Apache-2.0 */
/* test_router_chain.c -- a router that follows the contract by three nodes of a simulated chain. */
#include <inttypes.h>

#include "router_fixture.h"

#include "core/allowlist.h"
#include "core/chain_view.h"
#include "sim/chain.h"

#define NODES  3
#define DEPTH  5
#define AGE_MS 60000

static struct sim_chain chain;
static struct sim_chain_node nodes[NODES];
static unsigned down; /* nodes that do not answer, bits */
static size_t seen; /* effects looked at */

static uint64_t
now_s(const struct rig *r)
{
	return r->now_ms / 1000;
}

static void
mine(const struct rig *r, unsigned blocks)
{
	for (unsigned i = 0; i < blocks; i++)
		sim_chain_mine(&chain, now_s(r));
}

static void
answer_node(struct rig *r, const struct pinf_effect *fx)
{
	struct pinf_event event = {.kind = PINF_EV_CHAIN, .id = fx->id, .now_ms = r->now_ms};
	const unsigned node = (unsigned)fx->request;
	struct pinf_bytes body = {0};

	assert_true(node < NODES);
	if ((down & 1u << node) != 0)
		event.err = PINF_E_TIMEOUT;
	else
		event.status =
		    sim_chain_answer(&chain, &nodes[node], pinf_span_of(&fx->body), &body);
	event.body = pinf_span_of(&body);
	rig_step(r, &event, 1);
	pinf_bytes_free(&body);
}

/* Whatever the nodes were asked they answer, until nothing more is. */
static void
answer_all(struct rig *r)
{
	for (; seen < r->fx.count; seen++) {
		const struct pinf_effect *fx = &r->fx.list[seen];
		struct pinf_effect copy = {.id = fx->id, .request = fx->request};

		if (fx->kind != PINF_FX_CHAIN)
			continue;
		assert_ok(pinf_bytes_append(&copy.body, fx->body.data, fx->body.len));
		answer_node(r, &copy);
		pinf_bytes_free(&copy.body);
	}
}

static void
look(struct rig *r)
{
	rig_pass(r, 1000);
	answer_all(r);
}

static int
chain_rig(void **state)
{
	struct pinf_router_config config;
	struct rig *r;

	if (rig_new(state) != 0)
		return -1;
	r = *state;
	memset(nodes, 0, sizeof nodes);
	down = 0;
	seen = 0;
	chain = (struct sim_chain){.domain = r->domain, .deployed = 2};
	mine(r, 20);
	config = r->config;
	config.acl.chain = (struct pinf_chain_config){.endpoints = NODES,
	    .quorum = 2,
	    .confirmations = DEPTH,
	    .poll_ms = 1000,
	    .max_age_ms = AGE_MS,
	    .stall_ms = 50000,
	    .timeout_ms = 1000};
	rig_restart(r, &config);
	return 0;
}

static int
chain_rig_free(void **state)
{
	sim_chain_free(&chain);
	return rig_free(state);
}

static uint64_t
new_session(struct rig *r, const char *type)
{
	assert_int_equal(post(r, NULL, "/api/v1/sessions",
			     "{\"api_key\":true,\"private\":true,\"type\":\"%s\"}", type),
	    201);
	return number(r, "session_id");
}

static void
list(struct rig *r, uint64_t session, enum sim_chain_op op, unsigned blocks)
{
	sim_chain_do(&chain, op, session, &r->miner.address);
	mine(r, blocks);
}

static unsigned
claim_in(struct rig *r, uint64_t session)
{
	struct lease lease;

	return claim(r, &r->miner, session, &lease);
}

static void
the_contract_lets_in_when_confirmed_and_shuts_out_at_once(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");

	assert_true(said(r, "\"acl\":\"contract\""));
	assert_refused(r, claim_in(r, session), 403, "acl-stale");
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
	list(r, session, SIM_CHAIN_ADD, DEPTH);
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
	mine(r, 1);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
	/* One node is a block ahead: its word is enough. */
	list(r, session, SIM_CHAIN_REMOVE, 1);
	nodes[1].behind = nodes[2].behind = 1;
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
}

static void
keys_and_results_stop_with_the_removal(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");
	struct lease task, lease;
	struct pinf_key key PINF_WIPED = {{0}};

	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	look(r);
	submitted(r, session, &task);
	precommitted(r, &r->miner, session, &lease);
	assert_ok(key_of(r, &r->miner, &lease, PINF_PURPOSE_INPUT, &key));
	list(r, session, SIM_CHAIN_REMOVE, 1);
	look(r);
	assert_err(key_of(r, &r->miner, &lease, PINF_PURPOSE_INPUT, &key), PINF_E_DENIED);
	assert_refused(r, commit(r, &lease), 403, "miner-not-allowed");
}

static void
reorganisations_in_both_directions(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");

	/* What let the miner in is undone, deeper than the confirmations promised. */
	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
	sim_chain_reorg(&chain, DEPTH + 1);
	mine(r, DEPTH + 2);
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
	/* What shut it out is undone: it is let in again once that is confirmed, not before. */
	list(r, session, SIM_CHAIN_ADD, 2 * DEPTH + 1);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
	list(r, session, SIM_CHAIN_REMOVE, 1);
	look(r);
	sim_chain_reorg(&chain, 1);
	mine(r, 2);
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
	rig_restart(r, &r->config); /* It is remembered. */
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
	mine(r, DEPTH - 1);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
}

/* One node alone tells of a removal, and no quorum of how far the chain is; then it never was. */
static void
a_removal_is_remembered_without_a_quorum(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");

	for (int restarted = 0; restarted < 2; restarted++) {
		list(r, session, SIM_CHAIN_ADD, 2 * DEPTH + 1);
		look(r);
		assert_int_equal(claim_in(r, session), 204);
		down = 6;
		rig_pass(r, AGE_MS);
		list(r, session, SIM_CHAIN_REMOVE, 1);
		if (restarted)
			rig_restart(r, &r->config);
		look(r);
		sim_chain_reorg(&chain, 1);
		mine(r, 2);
		down = 0;
		look(r);
		assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
		mine(r, DEPTH - 1);
		look(r);
		assert_int_equal(claim_in(r, session), 204);
	}
}

/* A block that was invented bars only until a quorum tells how far the chain is. */
static void
an_invented_block_bars_nobody_for_good(void **state)
{
	const uint64_t invented = (uint64_t)1 << 40;
	struct chain_view view = {.of = {{.newest = invented}}};
	struct chain_entry entry = {.listed = true};
	struct chain_trust trust = {.fresh = 1, .quorum = 2, .confirmations = DEPTH};

	(void)state;
	assert_int_equal(chain_view_settle(&view, &entry, &trust), CHAIN_DENY);
	assert_int_equal(entry.removed_block, invented);
	trust.newest = 100;
	assert_int_equal(chain_view_settle(&view, &entry, &trust), CHAIN_SAME);
	assert_int_equal(entry.removed_block, 100 + DEPTH);
}

static void
one_of_three_may_lie(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");

	nodes[1] = (struct sim_chain_node){.adds = true, .about = r->miner.address};
	mine(r, DEPTH + 1);
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	nodes[1] = (struct sim_chain_node){.garbage = true};
	look(r);
	assert_int_equal(claim_in(r, session), 204);
	nodes[1] = (struct sim_chain_node){.removes = true, .about = r->miner.address};
	mine(r, 1);
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed"); /* Shuts out, at most. */
}

/* Wrong chain, no contract, stuck, silent: each makes the list too old in the end, and nobody gets in. */
static void
too_few_sound_nodes_fail_closed(void **state)
{
	static const struct sim_chain_node faults[] = {
	    {.chain_id = 1}, {.absent = true}, {.garbage = true}, {.stuck_at = 3}};
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");

	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	look(r);
	for (size_t i = 0; i <= sizeof faults / sizeof faults[0]; i++) {
		assert_int_equal(claim_in(r, session), 204);
		for (unsigned n = 1; n < NODES; n++)
			if (i < sizeof faults / sizeof faults[0])
				nodes[n] = faults[i];
			else
				down = 6;
		rig_pass(r, AGE_MS);
		mine(r, 1);
		look(r);
		assert_refused(r, claim_in(r, session), 403, "acl-stale");
		assert_refused(r,
		    post(r, NULL, "/api/v1/sessions", "{\"private\":false,\"type\":\"ephemeral\"}"),
		    201, "\"acl\":\"router\""); /* What the contract does not govern goes on. */
		memset(nodes, 0, sizeof nodes);
		down = 0;
		look(r);
	}
}

/* Work that cannot be done now does not bar what can. */
static void
a_stale_session_bars_no_other(void **state)
{
	struct rig *r = *state;
	const uint64_t dedicated = new_session(r, "dedicated"),
		       ephemeral = new_session(r, "ephemeral");
	struct lease task, lease;
	char path[64], who[PINF_ADDRESS_TEXT];

	list(r, dedicated, SIM_CHAIN_ADD, DEPTH + 1);
	look(r);
	submitted(r, dedicated, &task);
	pinf_address_format(who, &r->miner.address);
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/allow", ephemeral);
	assert_int_equal(post(r, NULL, path, "{\"miner\":\"%s\"}", who), 200);
	submitted(r, ephemeral, &task);
	down = 7;
	rig_pass(r, AGE_MS + 1);
	assert_int_equal(claim(r, &r->miner, 0, &lease), 200);
	assert_int_equal(lease.session, ephemeral);
	assert_int_equal(claim(r, &r->miner, 0, &lease), 204);
	down = 0;
	mine(r, 1);
	look(r);
	look(r);
	assert_int_equal(claim(r, &r->miner, 0, &lease), 200);
	assert_int_equal(lease.session, dedicated);
}

/* The list is too old for the miner that claims now; once it is not, the miner has what waits. */
static void
waits_for_the_list(struct rig *r)
{
	uint64_t waiter;
	size_t from;

	assert_int_equal(post(r, &r->miner, "/api/v1/miner/claim", "{\"wait_ms\":60000}"), 0);
	waiter = r->request;
	from = r->fx.count;
	memset(nodes, 0, sizeof nodes);
	look(r);
	r->from = from;
	assert_int_equal(answer_to(r, waiter), 200);
}

static void
a_fresh_list_wakes_who_waits(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");
	struct pinf_router_config config = r->config;
	struct lease task;

	config.acl.chain.stall_ms = 2 * AGE_MS;
	rig_restart(r, &config);
	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	look(r);
	for (int i = 0; i < 3; i++)
		submitted(r, session, &task);
	rig_pass(r, AGE_MS + 1); /* No node says anything for so long. */
	waits_for_the_list(r);
	nodes[0].absent = nodes[1].absent = true; /* Two are wrong for a moment. */
	look(r);
	waits_for_the_list(r);
	rig_restart(r, &r->config);
	waits_for_the_list(r);
}

static void
privacy_follows_the_contract_for_good(void **state)
{
	struct rig *r = *state;
	char path[64];
	uint64_t session;

	assert_int_equal(
	    post(r, NULL, "/api/v1/sessions", "{\"private\":false,\"type\":\"dedicated\"}"), 201);
	session = number(r, "session_id");
	(void)snprintf(path, sizeof path, "/api/v1/completions/%" PRIu64, session);
	assert_refused(r, post(r, NULL, path, "{\"prompt\":\"x\"}"), 403, "acl-stale");
	look(r);
	assert_int_equal(post(r, NULL, path, "{\"prompt\":\"x\"}"), 0); /* waits */
	sim_chain_do(&chain, SIM_CHAIN_ENCRYPT, session, &r->miner.address);
	mine(r, 1);
	nodes[0].behind = nodes[2].behind = 1;
	look(r);
	assert_refused(
	    r, post(r, NULL, path, "{\"prompt\":\"x\"}"), 403, "plaintext-in-private-session");
	sim_chain_reorg(&chain, 1);
	mine(r, 2);
	look(r);
	assert_refused(
	    r, post(r, NULL, path, "{\"prompt\":\"x\"}"), 403, "plaintext-in-private-session");
}

static void
the_list_is_changed_where_it_is(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated"),
		       ephemeral = new_session(r, "ephemeral");
	char path[64], who[PINF_ADDRESS_TEXT];

	pinf_address_format(who, &r->miner.address);
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/allow", session);
	assert_refused(r, post(r, NULL, path, "{\"miner\":\"%s\"}", who), 409, "acl-elsewhere");
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/allow", ephemeral);
	assert_int_equal(post(r, NULL, path, "{\"miner\":\"%s\"}", who), 200);
	assert_int_equal(claim_in(r, ephemeral), 204); /* Nobody asks the chain about it. */
}

static void
a_thousand_miners_come_in_pages(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");
	char path[64];
	size_t listed = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		struct pinf_address miner = {{0}};

		memcpy(miner.bytes + 4, &i, sizeof i);
		sim_chain_do(&chain, SIM_CHAIN_ADD, session, &miner);
	}
	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64, session);
	assert_int_equal(get(r, &r->owner, path), 200);
	for (const char *at = r->reply; (at = strstr(at, "\"0x")) != NULL; at++)
		listed++;
	assert_int_equal(listed, 1001 + 1); /* and the owner */
}

static void
ownership_is_the_session_contracts(void **state)
{
	struct rig *r = *state;
	struct pinf_router_config config = r->config;
	struct lease task;
	uint64_t session;
	char path[64];

	config.acl.chain.session_data = (struct pinf_address){{7}};
	rig_restart(r, &config);
	session = new_session(r, "dedicated");
	(void)snprintf(path, sizeof path, "/api/v3/reservations/%" PRIu64, session);
	assert_refused(r, post(r, NULL, path, "{}"), 403, "not-owner");
	sim_chain_do(&chain, SIM_CHAIN_OWNER, session, &r->owner.address);
	mine(r, DEPTH + 1);
	look(r);
	reserve(r, session, "a", &task);
	sim_chain_do(&chain, SIM_CHAIN_OWNER, session, &r->other.address);
	mine(r, 1);
	look(r);
	assert_refused(r, post(r, NULL, path, "{}"), 403, "not-owner");
	assert_refused(r, post(r, &r->other, path, "{}"), 403, "not-owner");
}

static void
an_emergency_is_the_environments(void **state)
{
	struct rig *r = *state;
	struct pinf_router_config config = r->config;
	const uint64_t session = new_session(r, "dedicated");
	const struct pinf_allowlist_entry env[] = {{session, 0, r->miner.address}};
	char path[64];

	down = 7;
	look(r);
	assert_refused(r, claim_in(r, session), 403, "acl-stale");
	config.acl.env = env;
	config.acl.env_count = 1;
	config.acl.emergency = true;
	rig_restart(r, &config);
	assert_int_equal(claim_in(r, session), 204);
	/* Who demands the contract's list takes no other for it, be it an emergency. */
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/policy", session);
	assert_int_equal(post(r, NULL, path, "{\"acl_source\":\"contract\"}"), 200);
	assert_refused(r, claim_in(r, session), 403, "acl-source");
	down = 0;
	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
	down = 7;
	rig_pass(r, AGE_MS + 1000);
	assert_refused(r, claim_in(r, session), 403, "acl-source");
	assert_int_equal(post(r, NULL, path, "{\"acl_source\":\"env\"}"), 200);
	assert_int_equal(claim_in(r, session), 204);
	config.acl.emergency = false;
	config.acl.env_count = 0;
	rig_restart(r, &config);
	assert_refused(r, claim_in(r, session), 403, "acl-source");
	assert_int_equal(post(r, NULL, path, "{}"), 200);
	assert_refused(r, claim_in(r, session), 403, "acl-stale");
}

/* What the nodes are like, for everybody; not where they are. */
static void
nodes_are_told(void **state)
{
	struct rig *r = *state;

	look(r);
	assert_refused(r, get(r, &unsigned_mark, "/api/v1/deployment"), 200,
	    "{\"age_ms\":0,\"counts\":true,\"error\":\"none\",\"newest_block\":19,\"node\":2}");
	nodes[1].chain_id = 1;
	down = 4;
	mine(r, 2);
	look(r);
	assert_refused(r, get(r, &unsigned_mark, "/api/v1/deployment"), 200,
	    "{\"age_ms\":0,\"counts\":true,\"error\":\"none\",\"newest_block\":21,\"node\":0}");
	assert_true(said(
	    r, "\"counts\":false,\"error\":\"chain-id-wrong\",\"newest_block\":19,\"node\":1}"));
	assert_true(said(r, "{\"age_ms\":1000,\"counts\":true,\"error\":\"timeout\","
			    "\"newest_block\":19,\"node\":2}"));
	assert_int_equal(get(r, &unsigned_mark, "/metrics"), 200);
	assert_true(said(r, "pinf_chain_node_up{node=\"0\"} 1\n"));
	assert_true(said(r, "pinf_chain_node_up{node=\"1\"} 0\n"));
	assert_true(said(r, "pinf_chain_newest_block{node=\"0\"} 21\n"));
	assert_true(said(r, "pinf_chain_age_ms{node=\"2\"} 1000\n"));
	assert_true(said(r, "pinf_acl_entries 0\n") && said(r, "pinf_acl_emergency 0\n"));
	rig_pass(r, AGE_MS);
	assert_int_equal(get(r, &unsigned_mark, "/metrics"), 200);
	assert_true(said(r, "pinf_chain_node_up{node=\"2\"} 0\n"));
	rig_restart(r, &r->config);
	assert_int_equal(get(r, &unsigned_mark, "/metrics"), 200);
	assert_true(said(r, "pinf_chain_node_up{node=\"0\"} 0\n"));
	assert_false(said(r, "pinf_chain_age_ms"));
}

/* A batch that fails takes what was read with it; it is read again. */
static void
a_failed_batch_is_read_again(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");

	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	for (unsigned nth = 1; nth < 8; nth++) {
		rig_fail(AT_COMMIT, nth, PINF_E_IO);
		look(r);
	}
	look(r);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
	rig_fail(AT_AUDIT, 1, PINF_E_FULL);
	list(r, session, SIM_CHAIN_REMOVE, 1);
	look(r);
	look(r);
	look(r);
	assert_refused(r, claim_in(r, session), 403, "miner-not-allowed");
}

/* A router that was stopped meanwhile reads old answers: they are as old as the questions. */
static void
an_answer_is_as_old_as_its_question(void **state)
{
	struct rig *r = *state;
	const uint64_t session = new_session(r, "dedicated");

	list(r, session, SIM_CHAIN_ADD, DEPTH + 1);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
	rig_pass(r, 1000); /* asks */
	r->now_ms += AGE_MS + 1;
	answer_all(r);
	assert_refused(r, claim_in(r, session), 403, "acl-stale");
	mine(r, 1);
	look(r);
	assert_int_equal(claim_in(r, session), 204);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, chain_rig, chain_rig_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_contract_lets_in_when_confirmed_and_shuts_out_at_once),
	    TEST(keys_and_results_stop_with_the_removal), TEST(reorganisations_in_both_directions),
	    TEST(a_removal_is_remembered_without_a_quorum),
	    cmocka_unit_test(an_invented_block_bars_nobody_for_good), TEST(one_of_three_may_lie),
	    TEST(too_few_sound_nodes_fail_closed), TEST(a_stale_session_bars_no_other),
	    TEST(a_fresh_list_wakes_who_waits), TEST(privacy_follows_the_contract_for_good),
	    TEST(the_list_is_changed_where_it_is), TEST(a_thousand_miners_come_in_pages),
	    TEST(ownership_is_the_session_contracts), TEST(an_emergency_is_the_environments),
	    TEST(nodes_are_told), TEST(a_failed_batch_is_read_again),
	    TEST(an_answer_is_as_old_as_its_question)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
