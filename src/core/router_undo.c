/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_undo.c -- a batch that could not be committed: nothing of it happened, whoever waits is told
 * to come again, and memory starts afresh from the store.  spec/effects.md.
 */
#include <pinf/bug.h>

#include "core/router_internal.h"

/* One answer a request, whatever it waits for. */
static void
refuse(struct pinf_router *r, size_t fx_before, uint64_t request, enum pinf_err why)
{
	for (size_t i = fx_before; i < r->fx->count; i++)
		if (r->fx->list[i].kind == PINF_FX_RESPOND && r->fx->list[i].id == request)
			return;
	if (request != 0)
		reply_error(r, request, &(struct pinf_api_error){.err = why});
}

/* Takes back the batch's effects; whom they would have answered is told to come again instead. */
static void
withdraw(struct pinf_router *r, size_t fx_before, enum pinf_err why)
{
	size_t owed = 0;

	for (size_t i = fx_before; i < r->fx->count; i++) {
		const struct pinf_effect *fx = &r->fx->list[i];

		if (fx->kind == PINF_FX_RESPOND || fx->kind == PINF_FX_SERVE)
			r->owed[owed++] = fx->id;
	}
	pinf_effects_cut(r->fx, fx_before);
	for (size_t i = 0; i < owed; i++)
		refuse(r, fx_before, r->owed[i], why);
}

static const struct pinf_event *
answer_in(const struct step *step, uint64_t id)
{
	for (size_t i = 0; i < step->count; i++)
		if (step->events[i].kind >= PINF_EV_SEALED &&
		    step->events[i].kind <= PINF_EV_SAVED && step->events[i].id == id)
			return &step->events[i];
	return NULL;
}

/*
 * Work whose effect was never released, or whose answer was in the batch, is over; what was in
 * flight before goes on, since nothing that it stands on was undone.
 */
static void
undo_work(struct pinf_router *r, const struct step *step, enum pinf_err why)
{
	size_t i = 0;

	while (i < r->op_count) {
		struct op *op = &r->ops[i];
		const struct pinf_event *answer = answer_in(step, op->id);

		if (answer == NULL && op->id < step->first_id) {
			i++;
			continue;
		}
		if (answer != NULL && answer->err == PINF_OK)
			key_adopt(r, op); /* Its file is written, whatever became of the batch. */
		if (answer == NULL || op->kind != OP_DELIVER) /* who delivered, has answered */
			refuse(r, step->fx_before, op->request, why);
		router_op_drop(r, op);
	}
}

static enum pinf_err
drop_sealed(struct pinf_router *r, const struct step *step)
{
	for (size_t i = 0; i < step->count; i++)
		if (step->events[i].kind == PINF_EV_SEALED &&
		    pinf_effects_add(r->fx, PINF_FX_DROP, step->events[i].id) == NULL)
			return PINF_E_NO_MEMORY;
	return PINF_OK;
}

enum pinf_err
step_undo(struct pinf_router *r, const struct step *step, enum pinf_err why)
{
	struct pinf_effect *wake;
	enum pinf_err err;

	PINF_SOMETIMES(batch_undone);
	r->counters.commit_failures++;
	r->store.ops->rollback(r->store.ctx);
	withdraw(r, step->fx_before, why);
	for (size_t i = 0; i < step->count; i++)
		if (step->events[i].kind == PINF_EV_REQUEST)
			refuse(r, step->fx_before, step->events[i].id, why);
	for (size_t i = 0; i < r->callers.count; i++)
		refuse(r, step->fx_before, r->callers.list[i].request, why);
	for (size_t i = 0; i < r->miners.count; i++)
		refuse(r, step->fx_before, r->miners.list[i].request, why);
	r->callers.count = r->miners.count = 0;
	undo_work(r, step, why);
	err = r->store.ops->reopen(r->store.ctx);
	if (err == PINF_OK)
		err = router_rebuild(r);
	if (err == PINF_OK)
		err = drop_sealed(r, step);
	if (err != PINF_OK)
		return err;
	/* The timer that this step may have answered was not asked for again. */
	wake = pinf_effects_add(r->fx, PINF_FX_WAKE, 0);
	if (wake == NULL)
		return PINF_E_NO_MEMORY;
	wake->at_ms = r->mono_ms + ROUTER_UNDONE_MS;
	return PINF_OK;
}
