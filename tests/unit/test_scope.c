/* SPDX-License-Identifier: Apache-2.0 */
/* test_scope.c -- scopes: what is valid, bytes both ways, equality.  spec/scope.md. */
#include "unit/unit.h"

#include <pinf/scope.h>

#define INSTANCE                                                                                   \
	{                                                                                          \
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc,      \
		    0xdd, 0xee, 0xff                                                               \
	}
#define INSTANCE_HEX "00112233445566778899aabbccddeeff"
#define MINER_HEX    "00000000000000000000000000000000000000aa"

/* The worked examples of spec/scope.md, and the edges of the ids. */
static const struct {
	struct pinf_scope scope;
	const char *hex;
} valid[] = {
    {{PINF_SCOPE_SESSION, PINF_PURPOSE_INPUT, 101, 0, INSTANCE, 0, {{0}}},
	"0101"
	"0000000000000065"
	"0000000000000000" INSTANCE_HEX},
    {{PINF_SCOPE_TASK, PINF_PURPOSE_INPUT, 101, 9001, INSTANCE, 0, {{0}}},
	"0201"
	"0000000000000065"
	"0000000000002329" INSTANCE_HEX},
    {{PINF_SCOPE_TASK, PINF_PURPOSE_RESULT, 101, 9001, INSTANCE, 2, {{[19] = 0xaa}}},
	"0202"
	"0000000000000065"
	"0000000000002329" INSTANCE_HEX "00000002" MINER_HEX},
    {{PINF_SCOPE_TASK, PINF_PURPOSE_RESULT, PINF_ID_MAX, PINF_ID_MAX, INSTANCE, UINT32_MAX,
	 {{[19] = 0xaa}}},
	"0202"
	"001fffffffffffff"
	"001fffffffffffff" INSTANCE_HEX "ffffffff" MINER_HEX},
};
#define VALID (sizeof valid / sizeof *valid)

static void
valid_scopes_go_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < VALID; i++) {
		uint8_t bytes[PINF_SCOPE_MAX], want[PINF_SCOPE_MAX];
		const size_t len = strlen(valid[i].hex) / 2;
		struct pinf_scope again;

		assert_int_equal(unit_in_spec("scope.md", valid[i].hex), i < 3);
		assert_ok(pinf_scope_check(&valid[i].scope));
		assert_ok(pinf_unhex(want, len, SPAN(valid[i].hex), true));
		assert_int_equal(pinf_scope_encode(bytes, &valid[i].scope), len);
		assert_memory_equal(bytes, want, len);
		assert_ok(pinf_scope_decode(&again, span_of(bytes, len)));
		for (size_t k = 0; k < VALID; k++)
			assert_int_equal(pinf_scope_equal(&again, &valid[k].scope), i == k);
	}
}

static void
contradictions_are_refused(void **state)
{
	static const struct {
		struct pinf_scope scope;
		enum pinf_err err;
	} cases[] = {
	    {{0, 1, 1, 0, {0}, 0, {{0}}}, PINF_E_SCOPE},
	    {{3, 1, 1, 1, {0}, 0, {{0}}}, PINF_E_SCOPE},
	    {{2, 0, 1, 1, {0}, 0, {{0}}}, PINF_E_SCOPE},
	    {{2, 3, 1, 1, {0}, 0, {{0}}}, PINF_E_SCOPE},
	    {{1, 2, 1, 0, {0}, 1, {{1}}}, PINF_E_SCOPE}, /* results are of tasks */
	    {{1, 1, 1, 5, {0}, 0, {{0}}}, PINF_E_SCOPE},
	    {{2, 1, 1, 1, {0}, 1, {{0}}}, PINF_E_SCOPE},
	    {{2, 1, 1, 1, {0}, 0, {{1}}}, PINF_E_SCOPE},
	    {{2, 2, 1, 1, {0}, 0, {{1}}}, PINF_E_SCOPE},
	    {{2, 2, 1, 1, {0}, 1, {{0}}}, PINF_E_SCOPE},
	    {{1, 1, 0, 0, {0}, 0, {{0}}}, PINF_E_ID_RANGE},
	    {{1, 1, PINF_ID_MAX + 1, 0, {0}, 0, {{0}}}, PINF_E_ID_RANGE},
	    {{2, 1, 1, 0, {0}, 0, {{0}}}, PINF_E_ID_RANGE},
	    {{2, 1, 1, PINF_ID_MAX + 1, {0}, 0, {{0}}}, PINF_E_ID_RANGE},
	    {{2, 2, 1, UINT64_MAX, {0}, 1, {{1}}}, PINF_E_ID_RANGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_err(pinf_scope_check(&cases[i].scope), cases[i].err);
}

static void
decoding_is_strict(void **state)
{
	static const struct {
		size_t at; /* byte to set, of the result example's encoding */
		uint8_t byte;
		size_t len;
		enum pinf_err err;
	} cases[] = {
	    {0, 2, 58, PINF_OK},
	    {0, 2, 57, PINF_E_LENGTH},
	    {0, 2, 59, PINF_E_LENGTH},
	    {0, 2, 34, PINF_E_LENGTH},
	    {0, 2, 0, PINF_E_LENGTH},
	    {1, 1, 58, PINF_E_LENGTH},
	    {1, 3, 34, PINF_E_SCOPE},
	    {1, 3, 58, PINF_E_LENGTH},
	    {0, 1, 58, PINF_E_SCOPE},
	    {2, 1, 58, PINF_E_ID_RANGE},
	    {10, 0xff, 58, PINF_E_ID_RANGE},
	    {37, 0, 58, PINF_E_SCOPE},
	    {57, 0, 58, PINF_E_SCOPE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t bytes[PINF_SCOPE_MAX + 1] = {0};
		struct pinf_scope scope = {.task = 77};

		(void)pinf_scope_encode(bytes, &valid[2].scope);
		bytes[cases[i].at] = cases[i].byte;
		assert_err(pinf_scope_decode(&scope, span_of(bytes, cases[i].len)), cases[i].err);
		assert_int_equal(scope.task, cases[i].err == PINF_OK ? 9001 : 77);
	}
}

/* Injective: whatever decodes encodes to the same bytes, so two scopes never share a key. */
static void
every_encoding_is_the_only_one(void **state)
{
	unsigned decoded = 0;
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t bytes[PINF_SCOPE_MAX], again[PINF_SCOPE_MAX], dice[4];
		struct pinf_scope scope;
		const size_t len = pinf_scope_encode(bytes, &valid[i % VALID].scope);

		(void)unit_fill(&seed, dice, sizeof dice);
		bytes[dice[0] % len] ^= (uint8_t)(1u << dice[1] % 8);
		bytes[dice[2] % len] ^= (uint8_t)(1u << dice[3] % 8);
		if (pinf_scope_decode(&scope, span_of(bytes, len)) != PINF_OK)
			continue;
		decoded++;
		assert_int_equal(pinf_scope_encode(again, &scope), len);
		assert_memory_equal(bytes, again, len);
	}
	assert_in_range(decoded, 4000, 19000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(valid_scopes_go_both_ways),
	    cmocka_unit_test(contradictions_are_refused),
	    cmocka_unit_test(decoding_is_strict),
	    cmocka_unit_test(every_encoding_is_the_only_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
