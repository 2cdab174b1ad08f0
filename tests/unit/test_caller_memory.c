/* SPDX-License-Identifier: Apache-2.0 */
/* test_caller_memory.c -- whichever allocation fails in the caller's core, a later TIMER makes up for it.  include/pinf/caller.h. */
#include "caller_world.h"

/* Allocations until one fails, while the caller steps; 0: none does. */
static unsigned starves_in;
static bool is_stepping;

static bool
starves(void)
{
	return is_stepping && starves_in > 0 && --starves_in == 0;
}

/* --wrap=NAME makes each call of NAME one of __wrap_NAME, and __real_NAME what it was. */
#define WRAP(name, params, arguments)                                                              \
	void *__real_##name params;                                                                \
	void *__wrap_##name params;                                                                \
	void *__wrap_##name params                                                                 \
	{                                                                                          \
		return starves() ? NULL : __real_##name arguments;                                 \
	}

WRAP(malloc, (size_t size), (size))
WRAP(calloc, (size_t count, size_t size), (count, size))
WRAP(realloc, (void *old, size_t size), (old, size))

static void
run_starving(struct world *w)
{
	struct pinf_event event = {.kind = PINF_EV_TIMER, .now_ms = w->now_ms};

	for (int round = 0; round < ROUNDS_MAX && pinf_caller_state(w->caller) == PINF_CALLER_BUSY;
	     round++) {
		const unsigned before = starves_in;
		enum pinf_err err;

		is_stepping = true;
		err = pinf_caller_step(w->caller, &event, &w->effects);
		is_stepping = false;
		w->starved = before > 0 && starves_in == 0;
		assert_true(err == PINF_OK || (err == PINF_E_NO_MEMORY && w->starved));
		event = drive(w);
		if (event.kind == PINF_EV_TIMER && err != PINF_OK)
			event.now_ms = w->now_ms += w->config.retry_ms;
	}
}

static void
with_memory_it_is_answered(void **state)
{
	assert_ok(run(*state));
}

static void
whichever_allocation_fails(void **state)
{
	unsigned at = 0;

	(void)state;
	do {
		struct world *w;

		(void)set_up((void **)&w);
		starves_in = ++at;
		run_starving(w);
		assert_int_equal(pinf_caller_state(w->caller), PINF_CALLER_DONE);
		assert_true(pinf_span_equal(pinf_caller_result(w->caller), SPAN(answer)));
		(void)tear_down((void **)&w);
	} while (starves_in == 0);
	assert_true(at > 100); /* The last one was beyond all that the caller needs. */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(with_memory_it_is_answered, set_up, tear_down),
	    cmocka_unit_test(whichever_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
