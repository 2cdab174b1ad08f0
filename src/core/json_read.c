/* SPDX-License-Identifier: Apache-2.0 */
/* json_read.c -- cJSON behind the strict check, and readers that tick fields off.  spec/json.md. */
#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/json.h"

/* Prompts pass through cJSON's blocks.  usable_size, so that blocks stay plain malloc's for all. */
static void
free_wiped(void *block)
{
	if (block != NULL)
		pinf_wipe(block, malloc_usable_size(block));
	free(block);
}

/*
 * Before main and so before any thread; cJSON's hooks are process-wide.  Its other global, the
 * place of the last error, is written by every parse in every thread: nothing here reads it.
 */
__attribute__((constructor)) static void
install_hooks(void)
{
	cJSON_InitHooks(&(cJSON_Hooks){malloc, free_wiped});
}

enum pinf_err
pinf_json_parse(struct pinf_json **json, struct pinf_span text, size_t max_len)
{
	return pinf_json_parse_values(json, text, max_len, PINF_JSON_VALUES_MAX, NULL);
}

enum pinf_err
pinf_json_parse_values(
    struct pinf_json **json, struct pinf_span text, size_t max_len, size_t values_max, size_t *at)
{
	enum pinf_err err =
	    text.len > max_len ? PINF_E_TOO_LARGE : pinf_json_check_values(text, values_max, at);
	cJSON *tree;

	if (err != PINF_OK)
		return err;
	tree = cJSON_ParseWithLengthOpts((const char *)text.data, text.len, NULL, false);
	if (tree == NULL)
		return PINF_E_NO_MEMORY; /* all that can still go wrong */
	*json = (struct pinf_json *)tree;
	return PINF_OK;
}

enum pinf_err
pinf_json_parse_as(struct pinf_json **json, const char *name, struct pinf_span text, size_t max_len)
{
	struct pinf_json *value = NULL;
	enum pinf_err err = pinf_json_parse(&value, text, max_len);
	cJSON *object;

	if (err != PINF_OK)
		return err;
	object = cJSON_CreateObject();
	if (object == NULL || !cJSON_AddItemToObject(object, name, (cJSON *)value)) {
		pinf_json_free(value);
		cJSON_Delete(object);
		return PINF_E_NO_MEMORY;
	}
	*json = (struct pinf_json *)object;
	return PINF_OK;
}

void
pinf_json_free(struct pinf_json *json)
{
	cJSON_Delete((cJSON *)json);
}

/* Sets "outer.inner" or "inner", cut to fit at a character's boundary. */
static void
set_field(struct pinf_json_reader *reader, const char *outer, const char *inner)
{
	char text[sizeof reader->field + 4] = {0};
	size_t len = sizeof reader->field - 1;

	(void)snprintf(
	    text, sizeof text, "%s%s%s", outer, *outer != 0 && *inner != 0 ? "." : "", inner);
	while (((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	text[len] = 0;
	memcpy(reader->field, text, sizeof reader->field);
}

void
pinf_json_fail(struct pinf_json_reader *reader, const char *name, enum pinf_err err)
{
	if (reader->err != PINF_OK)
		return;
	reader->err = err;
	set_field(reader, "", name);
}

static struct pinf_json_reader
reader_of(const cJSON *object)
{
	struct pinf_json_reader reader = {.object = object};
	unsigned fields = 0;

	if (object == NULL)
		return reader;
	for (const cJSON *item = object->child; item != NULL && fields <= PINF_JSON_FIELDS_MAX;
	     item = item->next)
		fields++;
	if (!cJSON_IsObject(object))
		pinf_json_fail(&reader, "", PINF_E_TYPE);
	else if (fields > PINF_JSON_FIELDS_MAX)
		pinf_json_fail(&reader, "", PINF_E_TOO_LARGE);
	return reader;
}

struct pinf_json_reader
pinf_json_root(const struct pinf_json *json)
{
	return reader_of((const cJSON *)json);
}

static const cJSON *
find(const struct pinf_json_reader *reader, const char *name, unsigned *index)
{
	const cJSON *item = NULL;

	*index = 0;
	if (reader->object != NULL && reader->err == PINF_OK)
		item = ((const cJSON *)reader->object)->child;
	for (; item != NULL && (item->string[0] != name[0] || strcmp(item->string, name) != 0);
	     item = item->next)
		(*index)++;
	return item;
}

bool
pinf_json_has(const struct pinf_json_reader *reader, const char *name)
{
	unsigned index;

	return find(reader, name, &index) != NULL;
}

bool
pinf_json_is_object(const struct pinf_json_reader *reader, const char *name)
{
	unsigned index;

	return cJSON_IsObject(find(reader, name, &index));
}

bool
pinf_json_is_null(const struct pinf_json_reader *reader, const char *name)
{
	unsigned index;

	return cJSON_IsNull(find(reader, name, &index));
}

/* The member, ticked off; NULL where it is absent or an error sticks. */
static const cJSON *
take(struct pinf_json_reader *reader, const char *name, bool required)
{
	unsigned index;
	const cJSON *item = find(reader, name, &index);

	if (item != NULL)
		reader->seen |= UINT64_C(1) << index;
	else if (required && reader->object != NULL)
		pinf_json_fail(reader, name, PINF_E_MISSING);
	return item;
}

/*
 * A number is the binary64 nearest to its text, as in ECMAScript and RFC 7493; up to 2^53-1 every
 * integer is one, and every integer's text above that gives a double above it.  Comparing and
 * converting in that range is exact.
 */
static bool
integer(struct pinf_json_reader *reader, const char *name, bool required, double min, double max,
    int64_t *out)
{
	const cJSON *item = take(reader, name, required);
	double value;

	if (item == NULL)
		return false;
	value = item->valuedouble;
	if (!cJSON_IsNumber(item))
		pinf_json_fail(reader, name, PINF_E_TYPE);
	else if (value < min || value > max)
		pinf_json_fail(reader, name, PINF_E_RANGE);
	else if ((double)(int64_t)value < value || (double)(int64_t)value > value)
		pinf_json_fail(reader, name, PINF_E_TYPE);
	else
		*out = (int64_t)value;
	return reader->err == PINF_OK;
}

void
pinf_json_uint(
    struct pinf_json_reader *reader, const char *name, bool required, uint64_t max, uint64_t *out)
{
	int64_t value = 0;

	assert(max <= PINF_ID_MAX);
	if (integer(reader, name, required, 0, (double)max, &value) || required)
		*out = (uint64_t)value;
}

void
pinf_json_int32(struct pinf_json_reader *reader, const char *name, bool required, int32_t *out)
{
	int64_t value = 0;

	if (integer(reader, name, required, INT32_MIN, INT32_MAX, &value) || required)
		*out = (int32_t)value;
}

void
pinf_json_id(struct pinf_json_reader *reader, const char *name, bool required, uint64_t *out)
{
	const enum pinf_err before = reader->err;
	uint64_t id = 1;

	pinf_json_uint(reader, name, required, PINF_ID_MAX, &id);
	if (before == PINF_OK && reader->err == PINF_E_RANGE)
		reader->err = PINF_E_ID_RANGE;
	else if (id == 0)
		pinf_json_fail(reader, name, PINF_E_ID_RANGE);
	if (required || (reader->err == PINF_OK && pinf_json_has(reader, name)))
		*out = reader->err == PINF_OK ? id : 0;
}

void
pinf_json_bool(struct pinf_json_reader *reader, const char *name, bool required, bool *out)
{
	const cJSON *item = take(reader, name, required);

	if (required)
		*out = false;
	if (item == NULL)
		return;
	if (cJSON_IsBool(item))
		*out = cJSON_IsTrue(item);
	else
		pinf_json_fail(reader, name, PINF_E_TYPE);
}

void
pinf_json_micro(
    struct pinf_json_reader *reader, const char *name, int32_t max_units, bool *has, int32_t *out)
{
	const cJSON *item = take(reader, name, false);
	int64_t millionths;
	double value;

	assert(max_units >= 0 && max_units <= INT32_MAX / 1000000);
	*has = false;
	if (item == NULL)
		return;
	value = item->valuedouble;
	if (!cJSON_IsNumber(item)) {
		pinf_json_fail(reader, name, PINF_E_TYPE);
		return;
	}
	if (value < -max_units || value > max_units) {
		pinf_json_fail(reader, name, PINF_E_RANGE);
		return;
	}
	/* Division rounds correctly: equal means that value is the double nearest to n / 10^6. */
	millionths = (int64_t)(value * 1e6 + (value < 0 ? -0.5 : 0.5));
	if ((double)millionths / 1e6 < value || (double)millionths / 1e6 > value) {
		pinf_json_fail(reader, name, PINF_E_RANGE);
		return;
	}
	*has = true;
	*out = (int32_t)millionths;
}

static void
text_of(struct pinf_json_reader *reader, const char *name, const cJSON *item, struct pinf_span *out)
{
	if (cJSON_IsString(item))
		*out = pinf_span_str(item->valuestring);
	else
		pinf_json_fail(reader, name, PINF_E_TYPE);
}

void
pinf_json_text(
    struct pinf_json_reader *reader, const char *name, bool required, struct pinf_span *out)
{
	const cJSON *item = take(reader, name, required);

	if (required)
		*out = (struct pinf_span){0};
	if (item != NULL)
		text_of(reader, name, item, out);
}

void
pinf_json_label(
    struct pinf_json_reader *reader, const char *name, bool required, char *out, size_t cap)
{
	struct pinf_span text = {0};

	if (required)
		out[0] = 0;
	pinf_json_text(reader, name, required, &text);
	if (text.data == NULL)
		return;
	if (text.len >= cap)
		pinf_json_fail(reader, name, PINF_E_LENGTH);
	else
		memcpy(out, text.data, text.len + 1);
}

void
pinf_json_hex(struct pinf_json_reader *reader, const char *name, bool required, bool prefix0x,
    uint8_t *out, size_t len)
{
	struct pinf_span text = {0};
	enum pinf_err err;

	if (required)
		memset(out, 0, len);
	pinf_json_text(reader, name, required, &text);
	if (text.data == NULL)
		return;
	if (prefix0x) {
		if (text.len < 2 || memcmp(text.data, "0x", 2) != 0) {
			pinf_json_fail(reader, name, PINF_E_SYNTAX);
			return;
		}
		text = (struct pinf_span){text.data + 2, text.len - 2};
	}
	err = pinf_unhex(out, len, text, true);
	if (err != PINF_OK)
		pinf_json_fail(reader, name, err);
}

void
pinf_json_address(
    struct pinf_json_reader *reader, const char *name, bool required, struct pinf_address *out)
{
	struct pinf_span text = {0};

	if (required)
		*out = (struct pinf_address){0};
	pinf_json_text(reader, name, required, &text);
	if (text.data != NULL && pinf_address_parse(out, text) != PINF_OK)
		pinf_json_fail(reader, name, PINF_E_ADDRESS);
}

/* A reader on item, or an empty one with the reader's error set. */
static struct pinf_json_reader
enter(struct pinf_json_reader *reader, const char *name, const cJSON *item)
{
	struct pinf_json_reader nested = reader_of(item);

	if (nested.err == PINF_OK)
		return nested;
	pinf_json_fail(reader, name, nested.err);
	return (struct pinf_json_reader){0};
}

struct pinf_json_reader
pinf_json_object(struct pinf_json_reader *reader, const char *name, bool required)
{
	return enter(reader, name, take(reader, name, required));
}

size_t
pinf_json_array(struct pinf_json_reader *reader, const char *name, bool required, size_t max)
{
	const cJSON *array = take(reader, name, required);
	size_t len = 0;

	if (array == NULL)
		return 0;
	if (!cJSON_IsArray(array)) {
		pinf_json_fail(reader, name, PINF_E_TYPE);
		return 0;
	}
	for (const cJSON *item = array->child; item != NULL; item = item->next)
		len++;
	if (len > max) {
		pinf_json_fail(reader, name, PINF_E_TOO_LARGE);
		return 0;
	}
	return len;
}

/* Element index of the array; NULL once an error sticks. */
static const cJSON *
element(struct pinf_json_reader *reader, const char *name, size_t index)
{
	const cJSON *array = take(reader, name, false);

	if (array == NULL)
		return NULL;
	if (reader->array != array || reader->index > index) {
		reader->array = array;
		reader->item = array->child;
		reader->index = 0;
	}
	for (; reader->item != NULL && reader->index < index; reader->index++)
		reader->item = ((const cJSON *)reader->item)->next;
	assert(reader->item != NULL); /* index is below what pinf_json_array() said */
	return reader->item;
}

struct pinf_json_reader
pinf_json_item(struct pinf_json_reader *reader, const char *name, size_t index)
{
	return enter(reader, name, element(reader, name, index));
}

void
pinf_json_item_text(
    struct pinf_json_reader *reader, const char *name, size_t index, struct pinf_span *out)
{
	const cJSON *item = element(reader, name, index);

	*out = (struct pinf_span){0};
	if (item != NULL)
		text_of(reader, name, item, out);
}

#define DOUBLE_MAX 0x1.fffffffffffffp1023

/* cJSON's own printer and comparison take 2^53-1 for 2^53-2. */
static void
put_item(struct pinf_json_writer *w, const char *name, const cJSON *item)
{
	const bool whole = item->valuedouble >= -(double)PINF_ID_MAX &&
			   item->valuedouble <= (double)PINF_ID_MAX &&
			   item->valuedouble == (double)(int64_t)item->valuedouble;
	char number[32];

	if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
		pinf_json_open(w, name, cJSON_IsObject(item) ? '{' : '[');
		for (const cJSON *child = item->child; child != NULL; child = child->next)
			put_item(w, cJSON_IsObject(item) ? child->string : NULL, child);
		pinf_json_close(w, cJSON_IsObject(item) ? '}' : ']');
	} else if (cJSON_IsString(item)) {
		pinf_json_put_str(w, name, item->valuestring);
	} else if (cJSON_IsBool(item)) {
		pinf_json_put_bool(w, name, cJSON_IsTrue(item));
	} else if (cJSON_IsNull(item)) {
		pinf_json_put_null(w, name);
	} else {
		(void)snprintf(number, sizeof number, whole ? "%.0f" : "%.17g", item->valuedouble);
		if (item->valuedouble > DOUBLE_MAX ||
		    item->valuedouble < -DOUBLE_MAX) /* 1e400 is a number, too. */
			(void)snprintf(
			    number, sizeof number, "%s1e400", item->valuedouble < 0 ? "-" : "");
		pinf_json_put_raw(w, name, pinf_span_str(number));
	}
}

void
pinf_json_raw(struct pinf_json_reader *reader, const char *name, struct pinf_bytes *out)
{
	const cJSON *item = take(reader, name, false);
	struct pinf_json_writer w = pinf_json_write_to(out);

	if (item == NULL)
		return;
	put_item(&w, NULL, item);
	if (pinf_json_written(&w) != PINF_OK)
		pinf_json_fail(reader, name, w.err);
}

static bool
same(const cJSON *a, const cJSON *b)
{
	const cJSON *other = b->child;

	if ((a->type & 0xff) != (b->type & 0xff))
		return false;
	if (cJSON_IsString(a))
		return strcmp(a->valuestring, b->valuestring) == 0;
	if (cJSON_IsNumber(a))
		return a->valuedouble >= b->valuedouble && a->valuedouble <= b->valuedouble;
	if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
		return false;
	for (const cJSON *child = a->child; child != NULL; child = child->next) {
		if (cJSON_IsObject(a))
			other = cJSON_GetObjectItemCaseSensitive(b, child->string);
		if (other == NULL || !same(child, other))
			return false;
		other = cJSON_IsObject(a) ? NULL : other->next;
	}
	return true;
}

bool
pinf_json_same(
    struct pinf_json_reader *a, const char *name_a, struct pinf_json_reader *b, const char *name_b)
{
	const cJSON *of_a = take(a, name_a, false), *of_b = take(b, name_b, false);

	return of_a != NULL && of_b != NULL && same(of_a, of_b);
}

enum pinf_err
pinf_json_end(struct pinf_json_reader *reader)
{
	const cJSON *item = reader->object == NULL || reader->err != PINF_OK
				? NULL
				: ((const cJSON *)reader->object)->child;

	for (unsigned index = 0; item != NULL && reader->err == PINF_OK; item = item->next, index++)
		if ((reader->seen >> index & 1) == 0 && strncmp(item->string, "x-", 2) != 0)
			pinf_json_fail(reader, item->string, PINF_E_UNKNOWN_FIELD);
	return reader->err;
}

void
pinf_json_leave(struct pinf_json_reader *reader, struct pinf_json_reader *nested, const char *name)
{
	const enum pinf_err err = pinf_json_end(nested);

	if (err == PINF_OK || reader->err != PINF_OK)
		return;
	reader->err = err;
	set_field(reader, name, nested->field);
}
