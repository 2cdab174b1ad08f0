/* SPDX-License-Identifier: Apache-2.0 */
/* test_router_deployment.c -- GET deployment: every setting shows, and nothing that is not everybody's. */
#include <inttypes.h>

#include "router_fixture.h"

#include "core/allowlist.h"

#define PATH "/api/v1/deployment"

static void
set_type(struct pinf_router_config *c)
{
	c->storage.type = "s3";
}
static void
set_provider(struct pinf_router_config *c)
{
	c->storage.provider = "elsewhere";
}
static void
set_bucket(struct pinf_router_config *c)
{
	c->storage.bucket = "vault";
}
static void
set_blob_max(struct pinf_router_config *c)
{
	c->blob_max = 4096;
}
static void
set_retention(struct pinf_router_config *c)
{
	c->retention_ms = 1234;
}
static void
set_orphan(struct pinf_router_config *c)
{
	c->orphan_ms = 4321;
}
static void
set_grant(struct pinf_router_config *c)
{
	c->grant_ms = 777;
}
static void
set_rotation_min(struct pinf_router_config *c)
{
	c->rotation_min_ms = 61000;
}
static void
set_toggle(struct pinf_router_config *c)
{
	c->acl.use_contract = false;
}
static void
set_inactive(struct pinf_router_config *c)
{
	c->acl.chain.endpoints = 0;
}
static void
set_nodes(struct pinf_router_config *c)
{
	c->acl.chain.endpoints = 4;
}
static void
set_quorum(struct pinf_router_config *c)
{
	c->acl.chain.quorum = 3;
}
static void
set_confirmations(struct pinf_router_config *c)
{
	c->acl.chain.confirmations = 17;
}
static void
set_poll(struct pinf_router_config *c)
{
	c->acl.chain.poll_ms = 1717;
}
static void
set_max_age(struct pinf_router_config *c)
{
	c->acl.chain.max_age_ms = 2717;
}
static void
set_emergency(struct pinf_router_config *c)
{
	c->acl.emergency = true;
}
static void
set_session_data(struct pinf_router_config *c)
{
	c->acl.chain.session_data = (struct pinf_address){{7}};
}

/* A setting changed, and what is said only then. */
static const struct {
	void (*change)(struct pinf_router_config *config);
	const char *said;
} settings[] = {{set_type, "\"type\":\"s3\""}, {set_provider, "\"provider\":\"elsewhere\""},
    {set_bucket, "\"bucket\":\"vault\""}, {set_blob_max, "\"blob_max\":4096,"},
    {set_retention, "\"retention_ms\":1234,"}, {set_orphan, "\"orphan_grace_ms\":4321,"},
    {set_grant, "\"grant_lifetime_ms\":777,"}, {set_rotation_min, "\"rotation_min_ms\":61000,"},
    {set_toggle, "\"toggle\":false"}, {set_inactive, "\"active\":false"},
    {set_nodes, "{\"counts\":false,\"error\":\"none\",\"node\":3}"}, {set_quorum, "\"quorum\":3,"},
    {set_confirmations, "\"confirmations\":17,"}, {set_poll, "\"poll_ms\":1717,"},
    {set_max_age, "\"max_age_ms\":2717,"}, {set_emergency, "\"emergency\":true"},
    {set_session_data, "\"session_data\":{\"abi\":[\"sessionOwner(uint256)\"],\"address\":"
		       "\"0x0700000000000000000000000000000000000000\"}"}};

static void
with_chain(struct pinf_router_config *config)
{
	config->acl.use_contract = true;
	config->acl.chain = (struct pinf_chain_config){.endpoints = 3,
	    .quorum = 2,
	    .confirmations = 5,
	    .poll_ms = 1000,
	    .max_age_ms = 60000,
	    .stall_ms = 50000,
	    .timeout_ms = 1000};
}

static void
every_setting_shows(void **state)
{
	struct rig *r = *state;
	struct pinf_router_config plain = r->config;

	with_chain(&plain);
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		struct pinf_router_config config = plain;

		rig_restart(r, &plain);
		assert_int_equal(get(r, &unsigned_mark, PATH), 200);
		assert_false(said(r, settings[i].said));
		settings[i].change(&config);
		rig_restart(r, &config);
		assert_refused(r, get(r, &unsigned_mark, PATH), 200, settings[i].said);
	}
}

static void
the_rest_is_as_it_is(void **state)
{
	static const char *const always[] = {"\"attestation\":\"none\"", "\"streaming\":\"none\"",
	    "\"abi\":[\"getAllowedMiners(uint256,uint256,uint256)\",\"getAllowedMinersCount("
	    "uint256)\","
	    "\"sessionEncryptionEnabled(uint256)\"]",
	    "\"address\":\"0x0900000000000000000000000000000000000000\",\"chain_id\":5,",
	    "\"session_data\":\"none\"", "\"nodes\":[]", "\"auth\":[\"eip712\",\"eip191\"]",
	    "\"paths\":[\"/api/v1/auth/payload_enc_key/session\",\"/api/v1/auth/payload_enc_key/"
	    "task\"]",
	    "\"recovery\":\"keyring-export-import\",\"rotation_min_ms\":3600000,\"rotation_period_"
	    "ms\":\"none\"",
	    "\"bucket_policy\":\"create-only\",\"deletion\":\"orphans-swept\"",
	    "\"active_version\":1,\"audit\":{\"head\":\"", "\"private_sessions\":[]",
	    "\"version\":\"" PINF_VERSION "\""};
	struct rig *r = *state;
	uint64_t seq, session;
	char path[64];

	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		assert_refused(r, get(r, &unsigned_mark, PATH), 200, always[i]);
	seq = number(r, "seq");
	session = session_new(r, true, false);
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%" PRIu64 "/policy", session);
	assert_int_equal(post(r, NULL, path, "{\"rotation_period_ms\":3600000}"), 200);
	assert_int_equal(get(r, &unsigned_mark, PATH), 200);
	assert_true(said(r, "\"rotation_period_ms\":3600000"));
	assert_int_equal(number(r, "seq"), seq + 3); /* created, a miner allowed, the policy */
	assert_int_equal(post(r, &r->admin, "/api/v1/keys/rotate", "{}"), 0);
	rig_do(r, PINF_FX_SAVE_KEYRING);
	assert_refused(r, get(r, &unsigned_mark, PATH), 200, "\"active_version\":2");
}

static void
owners_and_miners_are_their_owners_business(void **state)
{
	struct rig *r = *state;
	const uint64_t public = session_new(r, false, false), session = session_new(r, true, false);
	const struct pinf_wallet *const strangers[] = {
	    &unsigned_mark, &bearer_mark, &r->other, &r->miner};
	char text[192], owner[PINF_ADDRESS_TEXT], lower[2 * PINF_ADDRESS_LEN + 1],
	    miner[2 * PINF_ADDRESS_LEN + 1];
	struct pinf_event once, again;

	pinf_address_format(owner, &r->owner.address);
	pinf_hex(lower, r->owner.address.bytes, PINF_ADDRESS_LEN);
	pinf_hex(miner, r->miner.address.bytes, PINF_ADDRESS_LEN);
	(void)snprintf(text, sizeof text,
	    "\"private_sessions\":[{\"acl\":\"router\",\"session_id\":%" PRIu64
	    ",\"status\":\"open\"}]",
	    session);
	for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
		assert_refused(r, get(r, strangers[i], PATH), 200, text);
		assert_false(said(r, owner) || said(r, lower) || said(r, miner));
		assert_false(said(r, "allowed_miners"));
	}
	(void)snprintf(text, sizeof text,
	    "[{\"acl\":\"router\",\"allowed_miners\":1,\"owner\":\"0x%s\",\"session_id\":%" PRIu64
	    ",\"status\":\"open\"}]",
	    lower, session);
	assert_refused(r, get(r, NULL, PATH), 200, text);
	assert_refused(r, get(r, &r->admin, PATH), 200, text);
	assert_false(said(r, miner));
	once = rig_event(r, NULL, "GET", PATH, NULL);
	again = once;
	again.request = malloc(sizeof *again.request);
	assert_non_null(again.request);
	*again.request = *once.request;
	again.id++;
	assert_int_equal(rig_ask(r, once), 200);
	assert_refused(r, rig_ask(r, again), 401, "auth-replay");
	(void)snprintf(text, sizeof text, "/api/v1/sessions/%" PRIu64 "/close", session);
	assert_int_equal(post(r, NULL, text, "{}"), 200);
	assert_refused(r, get(r, &unsigned_mark, PATH), 200, "\"status\":\"closed\"");
	assert_true(public < session);
}

static void
private_sessions_come_in_pages(void **state)
{
	struct rig *r = *state;
	uint64_t after = 0, told = 0;

	for (int i = 0; i < 7; i++)
		(void)session_new(r, i % 3 != 0, false);
	for (int page = 0; page < 3; page++) {
		char path[64];

		(void)snprintf(path, sizeof path, PATH "?after=%" PRIu64 "&limit=3", after);
		assert_int_equal(get(r, &unsigned_mark, path), 200);
		for (const char *at = r->reply; (at = strstr(at, "\"session_id\"")) != NULL; at++)
			told++;
		assert_int_equal(said(r, "next_after"), page < 2);
		if (page < 2)
			after = number(r, "next_after");
	}
	assert_int_equal(told, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_new, rig_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(every_setting_shows), TEST(the_rest_is_as_it_is),
	    TEST(owners_and_miners_are_their_owners_business),
	    TEST(private_sessions_come_in_pages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
