/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c -- what happened: hashed byte for byte, and in lines for people.  spec/simulation.md#state-hash. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

void
sim_trace(struct sim_world *w, const uint64_t *numbers, size_t count, struct pinf_span bytes)
{
	uint8_t text[8 * 16];

	for (size_t i = 0; i < count; i++)
		for (size_t b = 0; b < 8; b++)
			text[8 * i + b] = (uint8_t)(numbers[i] >> (8 * b));
	pinf_sha256_update(&w->trace, (struct pinf_span){text, 8 * count});
	pinf_sha256_update(&w->trace, bytes);
}

/*
 * Most bytes of a history are pages of the database: a digest of theirs that tells different from different by
 * accident, though not by malice, costs a tenth of a hash.
 */
static uint64_t
digest_of(struct pinf_span bytes)
{
	uint64_t lanes[4] = {1, 2, 3, bytes.len}, word;
	size_t at = 0;

	for (; at + sizeof lanes <= bytes.len; at += sizeof lanes)
		for (size_t i = 0; i < 4; i++) {
			memcpy(&word, bytes.data + at + i * sizeof word, sizeof word);
			lanes[i] = (lanes[i] ^ word) * UINT64_C(0x9e3779b97f4a7c15);
			lanes[i] ^= lanes[i] >> 32;
		}
	for (; at < bytes.len; at++)
		lanes[at % 4] = (lanes[at % 4] ^ bytes.data[at]) * UINT64_C(0xc2b2ae3d27d4eb4f);
	for (size_t i = 1; i < 4; i++)
		lanes[0] =
		    (lanes[0] ^ (lanes[i] + (lanes[i] >> 29))) * UINT64_C(0x9e3779b97f4a7c15);
	return lanes[0] ^ lanes[0] >> 32;
}

void
sim_trace_write(struct sim_world *w, uint64_t offset, struct pinf_span bytes)
{
	const uint64_t numbers[] = {3, offset, bytes.len, digest_of(bytes)};

	sim_trace(w, numbers, sizeof numbers / sizeof *numbers, (struct pinf_span){NULL, 0});
}

void
sim_trace_event(struct sim_world *w, uint32_t node, const struct pinf_event *event)
{
	const uint64_t numbers[] = {1, node, event->kind, event->now_ms, event->id, event->err,
	    event->size, event->status, event->body.len};

	w->stats.events++;
	sim_trace(w, numbers, sizeof numbers / sizeof *numbers, event->body);
	sim_trace(w, NULL, 0,
	    (struct pinf_span){
		event->sha256.bytes, event->kind == PINF_EV_SEALED ? sizeof event->sha256 : 0});
	if (event->request != NULL)
		sim_trace(w, NULL, 0,
		    (struct pinf_span){
			event->request->body_sha256.bytes, sizeof event->request->body_sha256});
}

void
sim_trace_effect(struct sim_world *w, uint32_t node, const struct pinf_effect *fx)
{
	const uint64_t numbers[] = {2, node, fx->kind, fx->id, fx->request, fx->status, fx->size,
	    fx->at_ms, fx->seal_id, fx->timeout_ms, fx->body.len, fx->document.len, fx->path.len};

	sim_trace(w, numbers, sizeof numbers / sizeof *numbers, pinf_span_of(&fx->body));
	sim_trace(w, NULL, 0, pinf_span_of(&fx->document));
	sim_trace(w, NULL, 0, pinf_span_of(&fx->path));
	sim_trace(w, NULL, 0, pinf_span_str(fx->authorization));
	sim_trace(w, NULL, 0, (struct pinf_span){fx->sha256.bytes, sizeof fx->sha256});
}

void
sim_note(struct sim_world *w, const char *format, ...)
{
	char *line, text[SIM_LINE_MAX - 20];
	va_list args;

	if (w->watch.log == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	line = w->watch.log->lines[w->watch.log->next++ % SIM_LOG_LINES];
	(void)snprintf(line, SIM_LINE_MAX, "%10llu ms  %s\n",
	    (unsigned long long)(w->now_ms - SIM_EPOCH_MS), text);
}

void
sim_note_step(struct sim_world *w, const struct sim_step *step)
{
	struct pinf_bytes text = {0};

	if (w->watch.log == NULL)
		return;
	sim_step_encode(&text, step);
	sim_note(w, "step %.*s", (int)text.len, (const char *)text.data);
	pinf_bytes_free(&text);
}
