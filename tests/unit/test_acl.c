/* SPDX-License-Identifier: Apache-2.0 */
/* test_acl.c -- the set of members against a naive one, and what a chain's nodes make of a list. */
#include "unit/unit.h"

#include <pinf/acl.h>

#include "core/chain_view.h"

static struct pinf_address
miner(uint32_t number)
{
	struct pinf_address address = {{0}};

	memcpy(address.bytes + 16, &number, sizeof number);
	return address;
}

static uint32_t
draw(uint64_t *seed, uint32_t below)
{
	uint32_t value;

	assert_ok(unit_fill(seed, (uint8_t *)&value, sizeof value));
	return value % below;
}

#define SESSIONS 40
#define MINERS   60

/* Grows, shrinks and probes past its neighbours; what is in it is what was put and not taken out. */
static void
the_set_agrees_with_a_naive_one(void **state)
{
	static uint8_t model[SESSIONS][MINERS];
	struct pinf_acl *acl;
	uint64_t seed = 3;
	size_t pairs = 0;

	(void)state;
	assert_ok(pinf_acl_new(&acl, unit_random(&seed)));
	for (unsigned step = 0; step < 40000; step++) {
		const uint32_t s = draw(&seed, SESSIONS), m = draw(&seed, MINERS);
		const struct pinf_member member = {.session = s,
		    .source = draw(&seed, 2) == 0 ? PINF_ACL_ROUTER : PINF_ACL_CONTRACT,
		    .miner = miner(m)};
		const bool put = draw(&seed, 20000) >= (step < 20000 ? 6000u : 14000u);

		pairs -= model[s][m] != 0;
		if (put)
			assert_ok(pinf_acl_add(acl, &member));
		else
			pinf_acl_remove(acl, &member);
		if (put)
			model[s][m] |= (uint8_t)(1u << member.source);
		else
			model[s][m] &= (uint8_t) ~(1u << member.source);
		pairs += model[s][m] != 0;
		assert_int_equal(pinf_acl_count(acl), pairs);
		if (step % 997 != 0)
			continue;
		for (uint32_t i = 0; i < SESSIONS * MINERS; i++) {
			const struct pinf_address who = miner(i % MINERS);

			assert_int_equal(
			    pinf_acl_sources(acl, i / MINERS, &who), model[i / MINERS][i % MINERS]);
		}
	}
	pinf_acl_clear(acl);
	assert_int_equal(pinf_acl_count(acl), 0);
	assert_int_equal(pinf_acl_sources(acl, 1, &(struct pinf_address){{0}}), 0);
	pinf_acl_free(acl);
	pinf_acl_free(NULL);
}

/* What a node says: its two blocks, and the miners by number that each lists. */
static void
says(struct chain_view *view, unsigned node, uint64_t newest, const char *at_newest,
    const char *at_confirmed)
{
	struct pinf_address lists[2][16];
	const char *const texts[] = {at_newest, at_confirmed};
	struct chain_reading reading = {
	    .newest = {.block = newest, .miners = lists[0], .count = strlen(at_newest)},
	    .confirmed = {.block = newest - 10, .miners = lists[1], .count = strlen(at_confirmed)}};

	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < strlen(texts[l]); i++)
			lists[l][i] = miner((uint32_t)texts[l][i]);
	assert_ok(chain_view_put(view, node, &reading));
}

/* Settles all; what becomes of that miner's entry. */
static enum chain_verdict
verdict(struct chain_view *view, unsigned fresh, uint64_t newest, char who)
{
	const struct chain_trust trust = {
	    .fresh = fresh, .quorum = 2, .confirmations = 10, .newest = newest};
	struct pinf_address address = miner((uint32_t)who);
	struct chain_entry *entry = chain_view_entry(view, &address);

	assert_non_null(entry);
	return chain_view_settle(view, entry, &trust);
}

static void
a_quorum_lets_in_and_anybody_shuts_out(void **state)
{
	struct chain_view view = {.session = 1};

	(void)state;
	says(&view, 0, 100, "cab", "ab");
	assert_int_equal(verdict(&view, 1, 0, 'a'), CHAIN_SAME); /* One of two. */
	says(&view, 1, 100, "abc", "a");
	says(&view, 2, 100, "abc", "");
	assert_int_equal(view.count, 3);
	assert_int_equal(verdict(&view, 7, 100, 'a'), CHAIN_ALLOW);
	assert_int_equal(verdict(&view, 7, 100, 'a'), CHAIN_SAME);
	assert_int_equal(verdict(&view, 7, 100, 'b'), CHAIN_SAME); /* Confirmed by one. */
	assert_int_equal(verdict(&view, 7, 100, 'c'), CHAIN_SAME); /* By none. */
	says(&view, 2, 101, "bc", "");
	assert_int_equal(verdict(&view, 3, 100, 'a'), CHAIN_SAME); /* That node does not count. */
	assert_int_equal(verdict(&view, 7, 100, 'a'), CHAIN_DENY);
	chain_view_free(&view);
}

static void
a_removal_outlives_its_block(void **state)
{
	struct chain_view view = {.session = 1};

	(void)state;
	says(&view, 0, 100, "a", "a");
	says(&view, 1, 100, "a", "a");
	assert_int_equal(verdict(&view, 3, 100, 'a'), CHAIN_ALLOW);
	says(&view, 0, 101, "", "a");
	assert_int_equal(verdict(&view, 3, 100, 'a'), CHAIN_DENY);
	assert_int_equal(view.entries[0].removed_block, 101);
	/* The block is undone: everybody lists the miner again, but deep enough only ten blocks on. */
	says(&view, 0, 102, "a", "a");
	says(&view, 1, 102, "a", "a");
	assert_int_equal(verdict(&view, 3, 102, 'a'), CHAIN_SAME);
	says(&view, 0, 111, "a", "a");
	says(&view, 1, 110, "a", "a");
	assert_int_equal(verdict(&view, 3, 110, 'a'), CHAIN_SAME); /* One is at block 100 only. */
	says(&view, 1, 111, "a", "a");
	assert_int_equal(verdict(&view, 3, 111, 'a'), CHAIN_ALLOW);
	chain_view_free(&view);
}

static void
an_invented_block_bars_nobody_for_good(void **state)
{
	struct chain_view view = {.session = 1};

	(void)state;
	says(&view, 0, 100, "a", "a");
	says(&view, 1, 100, "a", "a");
	assert_int_equal(verdict(&view, 3, 100, 'a'), CHAIN_ALLOW);
	says(&view, 2, 1u << 30, "", "");
	assert_int_equal(verdict(&view, 7, 100, 'a'), CHAIN_DENY);
	assert_int_equal(
	    view.entries[0].removed_block, 110); /* As far ahead as a truth could be. */
	says(&view, 0, 120, "a", "a");
	says(&view, 1, 120, "a", "a");
	assert_int_equal(
	    verdict(&view, 7, 120, 'a'), CHAIN_SAME); /* While it lies, it shuts out. */
	says(&view, 0, 140, "a", "a");
	says(&view, 1, 140, "a", "a");
	says(&view, 2, 140, "a", "");
	assert_int_equal(verdict(&view, 7, 140, 'a'), CHAIN_ALLOW);
	chain_view_free(&view);
}

static void
who_is_gone_and_buried_is_forgotten(void **state)
{
	struct chain_view view = {.session = 1};
	struct pinf_address a = miner('a');

	(void)state;
	says(&view, 0, 100, "a", "a");
	says(&view, 1, 100, "a", "a");
	assert_int_equal(verdict(&view, 3, 100, 'a'), CHAIN_ALLOW);
	says(&view, 0, 105, "", "a");
	says(&view, 1, 105, "", "a");
	assert_int_equal(verdict(&view, 3, 105, 'a'), CHAIN_DENY);
	says(&view, 0, 114, "", "");
	says(&view, 1, 115, "", "");
	assert_int_equal(verdict(&view, 3, 114, 'a'), CHAIN_SAME);
	says(&view, 0, 115, "", "");
	assert_int_equal(verdict(&view, 3, 115, 'a'), CHAIN_FORGET);
	chain_view_drop(&view, chain_view_entry(&view, &a));
	assert_int_equal(view.count, 0);
	chain_view_free(&view);
}

static void
a_list_that_names_somebody_twice_is_refused(void **state)
{
	struct pinf_address twice[] = {miner(2), miner(1), miner(2)};
	struct chain_reading reading = {.newest = {.block = 5, .miners = twice, .count = 3}};
	struct chain_view view = {.session = 1};

	(void)state;
	assert_err(chain_view_put(&view, 0, &reading), PINF_E_DUPLICATE);
	assert_int_equal(view.count, 0);
	assert_int_equal(view.of[0].newest, 0);
}

static void
privacy_and_owner(void **state)
{
	const struct pinf_address owner = miner(7), thief = miner(8);
	const struct chain_trust trust = {.fresh = 7, .quorum = 2};
	struct chain_reading reading = {.newest = {.block = 9, .owner = owner}};
	struct chain_view view = {.session = 1};

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		assert_ok(chain_view_put(&view, n, &reading));
	assert_false(chain_view_owned_by(&view, &trust, &owner)); /* Not deep enough. */
	reading.confirmed.owner = owner;
	assert_ok(chain_view_put(&view, 0, &reading));
	assert_ok(chain_view_put(&view, 1, &reading));
	assert_true(chain_view_owned_by(&view, &trust, &owner));
	assert_false(chain_view_owned_by(&view, &trust, &thief));
	assert_false(chain_view_private(&view, 7));
	reading.newest.owner = thief;
	reading.confirmed.is_private = true;
	assert_ok(chain_view_put(&view, 2, &reading));
	assert_false(chain_view_owned_by(&view, &trust, &owner));
	assert_true(chain_view_private(&view, 7));
	assert_false(chain_view_private(&view, 3));
	chain_view_free(&view);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_set_agrees_with_a_naive_one),
	    cmocka_unit_test(a_quorum_lets_in_and_anybody_shuts_out),
	    cmocka_unit_test(a_removal_outlives_its_block),
	    cmocka_unit_test(an_invented_block_bars_nobody_for_good),
	    cmocka_unit_test(who_is_gone_and_buried_is_forgotten),
	    cmocka_unit_test(a_list_that_names_somebody_twice_is_refused),
	    cmocka_unit_test(privacy_and_owner)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
