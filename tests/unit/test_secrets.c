/* SPDX-License-Identifier: Apache-2.0 */
/* test_secrets.c -- the simulator's search for keys finds each one wherever it lies, and nothing else. */
#include "unit/unit.h"

#include "sim/rng.h"
#include "sim/secrets.h"

#define KEYS     3000 /* the filter grows several times */
#define TEXT_LEN 300

static struct pinf_hash
key_of(uint64_t number)
{
	struct sim_rng rng = sim_rng_of(number, "key", 0);
	struct pinf_hash key;

	for (size_t i = 0; i < sizeof key.bytes; i++)
		key.bytes[i] = (uint8_t)sim_rng_next(&rng);
	return key;
}

static int
with_keys(void **state)
{
	struct sim_secrets *secrets = test_calloc(1, sizeof *secrets);

	for (uint64_t i = 0; i < KEYS; i++) {
		const struct pinf_hash key = key_of(i), what = key_of(i + KEYS);

		(void)sim_secrets_put(secrets, &key, &what);
	}
	*state = secrets;
	return 0;
}

static int
without(void **state)
{
	sim_secrets_free(*state);
	test_free(*state);
	return 0;
}

static bool
is_in(const struct sim_secrets *secrets, const void *bytes, size_t len, size_t at)
{
	uint8_t text[TEXT_LEN];

	memset(text, 0xf1, sizeof text);
	memcpy(text + at, bytes, len);
	return sim_secrets_in(secrets, (struct pinf_span){text, sizeof text});
}

static void
keys_are_found_wherever_they_lie(void **state)
{
	const struct sim_secrets *secrets = *state;

	for (uint64_t i = 0; i < KEYS; i += 7) {
		struct pinf_hash key = key_of(i);
		char digits[2 * PINF_HASH_LEN + 1];

		pinf_hex(digits, key.bytes, sizeof key.bytes);
		for (size_t at = 0; at <= TEXT_LEN - sizeof digits + 1; at += 1 + i % 5) {
			assert_true(is_in(secrets, key.bytes, sizeof key.bytes, at));
			assert_true(is_in(secrets, digits, sizeof digits - 1, at));
			assert_true(key.bytes[sizeof key.bytes - 1] == 0xf1 ||
				    !is_in(secrets, key.bytes, sizeof key.bytes - 1, at));
			assert_false(is_in(secrets, digits, sizeof digits - 2, at));
		}
		assert_true(
		    is_in(secrets, key.bytes, sizeof key.bytes, TEXT_LEN - sizeof key.bytes));
		key.bytes[i % sizeof key.bytes] ^= 4;
		assert_false(is_in(secrets, key.bytes, sizeof key.bytes, 5));
	}
}

static void
what_a_key_is_for_is_what_was_said_first(void **state)
{
	const struct pinf_hash key = key_of(11), first = key_of(11 + KEYS), other = key_of(1);

	assert_true(pinf_hash_equal(sim_secrets_put(*state, &key, &other), &first));
}

static void
nothing_is_found_where_nothing_is(void **state)
{
	const struct sim_secrets none = {.log2_bits = 0};
	const struct pinf_hash key = key_of(1);

	(void)state;
	assert_false(sim_secrets_in(&none, (struct pinf_span){key.bytes, sizeof key.bytes}));
	assert_false(sim_secrets_in(*state, (struct pinf_span){key.bytes, 0}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(keys_are_found_wherever_they_lie, with_keys, without),
	    cmocka_unit_test_setup_teardown(
		what_a_key_is_for_is_what_was_said_first, with_keys, without),
	    cmocka_unit_test_setup_teardown(nothing_is_found_where_nothing_is, with_keys, without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
