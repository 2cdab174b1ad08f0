/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h -- what every unit test needs: cmocka, error assertions, files, a seeded random port. */
#ifndef PINF_TESTS_UNIT_H
#define PINF_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pinf/base.h>

/* Compares pinf_err values and prints their names. */
#define assert_err(got, want) assert_string_equal(pinf_err_name(got), pinf_err_name(want))
#define assert_ok(got)        assert_err(got, PINF_OK)

#define SPAN(text) pinf_span_str(text)

static inline struct pinf_span
span_of(const void *data, size_t len)
{
	return (struct pinf_span){data, len};
}

/* Lower-case hex of up to 512 bytes, valid until the next call. */
static inline const char *
unit_hex(const void *data, size_t len)
{
	static char text[2 * 512 + 1];

	assert_true(len <= 512);
	pinf_hex(text, data, len);
	return text;
}
#define assert_hex(data, len, want) assert_string_equal(unit_hex(data, len), want)

/* The bytes that test-written hex stands for. */
static inline void
unit_unhex(void *out, size_t len, const char *hex)
{
	assert_int_equal(pinf_unhex(out, len, pinf_span_str(hex), false), PINF_OK);
}

/* A counter-based stream: reproducible, never for real keys. */
static inline enum pinf_err
unit_fill(void *ctx, uint8_t *out, size_t len)
{
	uint64_t *state = ctx;

	for (size_t i = 0; i < len; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(*state >> 56);
	}
	return PINF_OK;
}

static inline struct pinf_random
unit_random(uint64_t *state)
{
	return (struct pinf_random){state, unit_fill};
}

/* Reads a whole file; NULL (and the caller skips, loudly) where it is absent.  Freed by the caller. */
static inline uint8_t *
unit_read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;

	if (file == NULL)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0) {
		*len = (size_t)ftell(file);
		rewind(file);
		data = malloc(*len + 1);
		if (data != NULL && fread(data, 1, *len, file) == *len)
			data[*len] = 0;
	}
	(void)fclose(file);
	return data;
}

/* Whether a page of spec/ holds text, byte for byte: its worked examples are tested. */
static inline bool
unit_in_spec(const char *page, const char *text)
{
	char path[512];
	size_t len = 0;
	uint8_t *data;
	bool found;

	(void)snprintf(path, sizeof path, PINF_SOURCE_DIR "/spec/%s", page);
	data = unit_read_file(path, &len);
	found = data != NULL && strstr((char *)data, text) != NULL;
	free(data);
	return found;
}

/* The cell that begins at *at, without its backquotes; *at moves to the next. */
static inline char *
unit_cell(char **at)
{
	char *cell = *at, *end = strstr(cell, " |"), *to = cell;

	assert_non_null(end);
	*at = end + 2 + (end[2] == ' ');
	for (const char *from = cell; from < end; from++)
		if (*from != '`')
			*to++ = *from;
	*to = 0;
	return cell;
}

/* Gives every row "| `text` | outcome |" of a page to check; how many there were. */
static inline size_t
unit_spec_rows(const char *page, void (*check)(const char *text, const char *outcome))
{
	char path[512];
	size_t len = 0, rows = 0;
	char *file, *next;

	(void)snprintf(path, sizeof path, PINF_SOURCE_DIR "/spec/%s", page);
	file = (char *)unit_read_file(path, &len);
	assert_non_null(file);
	for (next = strstr(file, "\n| `"); next != NULL; next = strstr(next, "\n| `")) {
		next += 3;
		const char *text = unit_cell(&next);

		check(text, unit_cell(&next));
		rows++;
	}
	free(file);
	return rows;
}

/* Published vectors lie beside the project: ../shared/vectors seen from its root. */
#define UNIT_SHARED PINF_SOURCE_DIR "/../shared/vectors/"

#endif
