/* SPDX-License-Identifier: Apache-2.0 */
/* effects.c -- the list of effects that a step fills.  spec/effects.md. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/event.h>

/* Rows hold keys, so what growth leaves behind is wiped: realloc would not. */
static bool
grow(struct pinf_effects *effects)
{
	const size_t cap = effects->cap == 0 ? 16 : 2 * effects->cap;
	struct pinf_effect *list = malloc(cap * sizeof *list);

	if (list == NULL)
		return false;
	if (effects->list != NULL) {
		memcpy(list, effects->list, effects->count * sizeof *list);
		pinf_wipe(effects->list, effects->count * sizeof *list);
	}
	free(effects->list);
	effects->list = list;
	effects->cap = cap;
	return true;
}

uint64_t
pinf_event_clock_ms(const struct pinf_event *event)
{
	return event->mono_ms != 0 ? event->mono_ms : event->now_ms;
}

struct pinf_effect *
pinf_effects_add(struct pinf_effects *effects, enum pinf_effect_kind kind, uint64_t id)
{
	struct pinf_effect *row;

	if (effects->count == PINF_EFFECTS_MAX ||
	    (effects->count == effects->cap && !grow(effects)))
		return NULL;
	row = &effects->list[effects->count++];
	memset(row, 0, sizeof *row);
	row->kind = kind;
	row->id = id;
	return row;
}

void
pinf_effects_cut(struct pinf_effects *effects, size_t from)
{
	assert(from <= effects->count);
	while (effects->count > from) {
		struct pinf_effect *row = &effects->list[--effects->count];

		pinf_bytes_free(&row->body);
		pinf_bytes_free(&row->document);
		pinf_bytes_free(&row->path);
		pinf_wipe(row, sizeof *row);
	}
}

void
pinf_effects_free(struct pinf_effects *effects)
{
	pinf_effects_cut(effects, 0);
	free(effects->list);
	*effects = (struct pinf_effects){0};
}
