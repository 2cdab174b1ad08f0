/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c -- fuzzes the simulator's plans.  spec/simulation.md#plan. */
#include <string.h>

#include "common.h"
#include "core/json.h"
#include "sim/plan.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_plan plan = {0}, again = {0};
	const struct sim_plan untouched = {0};
	struct pinf_bytes message = {0}, first = {0}, second = {0};
	const enum pinf_err err = sim_plan_decode(&plan, (struct pinf_span){data, size}, &message);

	fuzz_check_named(err);
	if (err != PINF_OK) {
		fuzz_check(message.len > 0, "what is wrong is said");
		/* Padding included. NOLINTNEXTLINE */
		fuzz_check(memcmp(&plan, &untouched, sizeof plan) == 0, "untouched on failure");
		pinf_bytes_free(&message);
		return 0;
	}
	sim_plan_encode(&first, &plan);
	fuzz_check(sim_plan_decode(&again, pinf_span_of(&first), &message) == PINF_OK,
	    "what is written is read");
	sim_plan_encode(&second, &again);
	fuzz_check(
	    pinf_span_equal(pinf_span_of(&first), pinf_span_of(&second)), "and is the same plan");
	for (size_t i = 0; i < plan.step_count; i++) {
		const struct sim_step *step = &plan.steps[i];

		fuzz_check(
		    i == 0 || step[-1].at_ms <= step->at_ms, "steps are in the order of time");
		second.len = 0;
		sim_step_encode(&second, step);
		fuzz_check(pinf_json_check(pinf_span_of(&second), NULL) == PINF_OK &&
			       strstr((const char *)second.data, sim_op_name(step->op)) != NULL,
		    "a step says what it does");
		fuzz_check(!sim_op_needs_chain(step->op) || plan.chain.nodes > 0,
		    "no chain's step without a chain");
		fuzz_check(!sim_op_has_session(step->op) || step->session < plan.sessions,
		    "a session that there is");
	}
	sim_plan_free(&plan);
	sim_plan_free(&again);
	pinf_bytes_free(&first);
	pinf_bytes_free(&second);
	pinf_bytes_free(&message);
	return 0;
}
