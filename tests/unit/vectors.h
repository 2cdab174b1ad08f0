/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.h -- published vectors: files of JSON beside the project, read field by field. */
#ifndef PINF_TESTS_VECTORS_H
#define PINF_TESTS_VECTORS_H

#include <cjson/cJSON.h>

#include "unit.h"

/* A file below ../shared/vectors; where it is absent the test is skipped, and says so. */
static inline cJSON *
vectors_load(const char *name)
{
	char path[512];
	size_t len = 0;

	(void)snprintf(path, sizeof path, "%s%s", UNIT_SHARED, name);
	char *text = (char *)unit_read_file(path, &len);
	if (text == NULL) {
		print_message("SKIPPED, NOT TESTED: there is no %s\n", path);
		skip();
	}
	cJSON *document = cJSON_ParseWithLength(text, len);
	free(text);
	assert_non_null(document);
	return document;
}

/* Ends a file: nobody passes by testing nothing. */
static inline void
vectors_done(cJSON *document, const char *name, size_t count)
{
	cJSON_Delete(document);
	print_message("%s: %zu vectors\n", name, count);
	assert_true(count > 0);
}

static inline const char *
vector_text(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	assert_true(cJSON_IsString(item));
	return item->valuestring;
}

static inline int
vector_int(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	assert_true(cJSON_IsNumber(item));
	return item->valueint;
}

/* Decoded fields of one vector live here until used goes back to 0. */
struct vector_room {
	uint8_t data[1 << 16];
	size_t used;
};

/* Hex, "0x" or not, as bytes in room. */
static inline struct pinf_span
vector_unhex(struct vector_room *room, const char *hex)
{
	const char *digits = strncmp(hex, "0x", 2) == 0 ? hex + 2 : hex;
	const struct pinf_span out = {room->data + room->used, strlen(digits) / 2};

	assert_true(out.len <= sizeof room->data - room->used);
	unit_unhex(room->data + room->used, out.len, digits);
	room->used += out.len;
	return out;
}

static inline struct pinf_span
vector_hex(struct vector_room *room, const cJSON *object, const char *name)
{
	return vector_unhex(room, vector_text(object, name));
}

/* The same where the length is fixed. */
static inline void
vector_bytes(void *out, size_t len, const cJSON *object, const char *name)
{
	const char *hex = vector_text(object, name);

	unit_unhex(out, len, strncmp(hex, "0x", 2) == 0 ? hex + 2 : hex);
}

#endif
