/* SPDX-License-Identifier: Apache-2.0 */
/* test_effects.c -- the effect list: rows survive growth, cut rows are wiped, the maximum holds. */
#include "unit/unit.h"

#include <pinf/event.h>

static void
test_rows_survive_growth(void **state)
{
	struct pinf_effects effects = {0};

	(void)state;
	for (uint64_t id = 1; id <= 100; id++) {
		struct pinf_effect *row = pinf_effects_add(&effects, PINF_FX_SEAL, id);

		assert_non_null(row);
		assert_int_equal(row->kind, PINF_FX_SEAL);
		assert_int_equal(row->id, id);
		assert_null(row->document.data);
		assert_int_equal(row->key.bytes[0], 0);
		row->key.bytes[0] = (uint8_t)id;
		assert_ok(pinf_bytes_append(&row->document, &id, sizeof id));
	}
	for (size_t i = 0; i < effects.count; i++) {
		const uint64_t id = i + 1;

		assert_int_equal(effects.list[i].id, id);
		assert_int_equal(effects.list[i].key.bytes[0], id);
		assert_memory_equal(effects.list[i].document.data, &id, sizeof id);
	}
	pinf_effects_free(&effects);
	assert_null(effects.list);
	assert_int_equal(effects.count, 0);
	pinf_effects_free(&effects);
}

static void
test_cut_wipes_and_keeps_the_rest(void **state)
{
	struct pinf_effects effects = {0};
	static const struct pinf_effect blank;
	struct pinf_bytes moved;

	(void)state;
	for (uint64_t id = 1; id <= 3; id++) {
		struct pinf_effect *row = pinf_effects_add(&effects, PINF_FX_SEND, id);

		memset(row->key.bytes, 0x5e, sizeof row->key.bytes);
		assert_ok(pinf_bytes_append(&row->body, "b", 1));
		assert_ok(pinf_bytes_append(&row->path, "/p", 2));
	}
	moved = effects.list[1].body; /* as a driver does */
	effects.list[1].body = (struct pinf_bytes){0};
	pinf_effects_cut(&effects, 1);
	assert_int_equal(effects.count, 1);
	assert_memory_equal(&effects.list[1], &blank, sizeof blank);
	assert_memory_equal(&effects.list[2], &blank, sizeof blank);
	assert_memory_equal(effects.list[0].body.data, "b", 1);
	assert_memory_equal(moved.data, "b", 1);
	pinf_bytes_free(&moved);
	pinf_effects_cut(&effects, 1);
	assert_int_equal(effects.count, 1);
	pinf_effects_free(&effects);
}

static void
test_maximum(void **state)
{
	struct pinf_effects effects = {0};

	(void)state;
	for (uint64_t id = 0; id < PINF_EFFECTS_MAX; id++)
		assert_non_null(pinf_effects_add(&effects, PINF_FX_WAKE, id));
	assert_null(pinf_effects_add(&effects, PINF_FX_WAKE, 0));
	assert_int_equal(effects.count, PINF_EFFECTS_MAX);
	pinf_effects_cut(&effects, PINF_EFFECTS_MAX - 1);
	assert_non_null(pinf_effects_add(&effects, PINF_FX_WAKE, 0));
	pinf_effects_free(&effects);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows_survive_growth),
	    cmocka_unit_test(test_cut_wipes_and_keeps_the_rest),
	    cmocka_unit_test(test_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
