/* SPDX-License-Identifier: Apache-2.0 */
/* json_line.c -- walks JSON that was found valid, to where a path leads. */
#include <stdlib.h>
#include <string.h>

#include "json_line.h"

struct walk {
	const uint8_t *at;
	const uint8_t *end;
};

size_t
sim_line_at(struct pinf_span text, size_t offset)
{
	const uint8_t *at = text.data;
	size_t line = 1, left = offset < text.len ? offset : text.len;

	for (const uint8_t *found; left > 0 && (found = memchr(at, '\n', left)) != NULL; line++) {
		left -= (size_t)(found + 1 - at);
		at = found + 1;
	}
	return line;
}

static uint8_t
next(struct walk *w)
{
	while (w->at < w->end && strchr(" \t\r\n", *w->at) != NULL)
		w->at++;
	return w->at < w->end ? *w->at : 0;
}

static void
skip_string(struct walk *w)
{
	for (w->at++; w->at < w->end && *w->at != '"'; w->at++)
		w->at += *w->at == '\\';
	w->at += w->at < w->end;
}

static void
skip_value(struct walk *w)
{
	size_t depth = 0;

	do {
		const uint8_t c = next(w);

		if (c == 0)
			return;
		if (c == '"') {
			skip_string(w);
			continue;
		}
		if (depth == 0 && strchr(",]}", c) != NULL)
			return;
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		w->at++;
		/* A number or a word ends where something else begins. */
		while (depth == 0 && strchr("]}", c) == NULL && w->at < w->end &&
		       strchr(",]} \t\r\n", *w->at) == NULL)
			w->at++;
	} while (depth > 0);
}

/* To the member's value, from its object's brace. */
static bool
enter_member(struct walk *w, const char *name, size_t len)
{
	w->at++;
	while (next(w) == '"') {
		const uint8_t *key = w->at + 1;
		bool found;

		skip_string(w);
		found = (size_t)(w->at - 1 - key) == len && memcmp(key, name, len) == 0;
		if (next(w) == ':')
			w->at++;
		(void)next(w);
		if (found)
			return true;
		skip_value(w);
		if (next(w) == ',')
			w->at++;
	}
	return false;
}

static bool
enter_item(struct walk *w, unsigned long index)
{
	w->at++;
	while (index-- > 0) {
		skip_value(w);
		if (next(w) != ',')
			return false;
		w->at++;
	}
	return next(w) != 0;
}

size_t
sim_line_of(struct pinf_span json, const char *path)
{
	struct walk w = {json.data, json.data + json.len};
	const uint8_t *best;

	(void)next(&w);
	best = w.at;
	while (*path != '\0') {
		const size_t len = strcspn(path, ".[");
		bool found = false;

		if (*path == '[' && next(&w) == '[')
			found = enter_item(&w, strtoul(path + 1, NULL, 10));
		else if (*path != '[' && next(&w) == '{')
			found = enter_member(&w, path, len);
		if (!found)
			break;
		best = w.at;
		path += *path == '[' ? strcspn(path, "]") + 1 : len;
		path += *path == '.';
	}
	return sim_line_at(json, (size_t)(best - json.data));
}
