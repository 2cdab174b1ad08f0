/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.c -- vectors as files: strictly read, so that a misspelt key is no vector that tests less. */
#include <stdlib.h>
#include <string.h>

#include "conform.h"

#define VECTORS_MAX 10000

static const char *const stages[] = {
    "parse", "urn", "version", "scope", "policy", "auth", "payload", "queue"};
static const char *const levels[] = {"must", "should", "may"};

static bool
is_one_of(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

static void
read_flags(struct pinf_json_reader *r, struct vector *v)
{
	const size_t count = pinf_json_array(r, "flags", true, 8);

	for (size_t i = 0; i < count && r->err == PINF_OK; i++) {
		struct pinf_span flag;

		pinf_json_item_text(r, "flags", i, &flag);
		(void)snprintf(v->flags + strlen(v->flags), sizeof v->flags - strlen(v->flags),
		    "%s%.*s", i == 0 ? "" : " ", (int)flag.len, (const char *)flag.data);
	}
}

static void
read_vector(struct pinf_json_reader *r, struct vector *v)
{
	char result[8] = "", origin[12] = "";
	bool valid;

	v->reader = *r;
	pinf_json_label(r, "id", true, v->id, sizeof v->id);
	pinf_json_label(r, "level", true, v->level, sizeof v->level);
	pinf_json_label(r, "origin", true, origin, sizeof origin);
	pinf_json_label(r, "spec", true, v->spec, sizeof v->spec);
	pinf_json_label(r, "note", false, v->note, sizeof v->note);
	pinf_json_label(r, "result", true, result, sizeof result);
	pinf_json_label(r, "stage", false, v->stage, sizeof v->stage);
	pinf_json_label(r, "rule", false, v->rule, sizeof v->rule);
	read_flags(r, v);
	v->deployed = strcmp(origin, "deployed") == 0;
	valid = strcmp(result, "valid") == 0;
	if (!valid && strcmp(result, "invalid") != 0)
		pinf_json_fail(r, "result", PINF_E_UNKNOWN_FIELD);
	if (!is_one_of(v->level, levels, sizeof levels / sizeof levels[0]))
		pinf_json_fail(r, "level", PINF_E_UNKNOWN_FIELD);
	if (valid != (v->stage[0] == '\0') ||
	    (!valid && !is_one_of(v->stage, stages, sizeof stages / sizeof stages[0])))
		pinf_json_fail(r, "stage", PINF_E_UNKNOWN_FIELD);
	if (strncmp(v->id, v->operation, strlen(v->operation)) != 0)
		pinf_json_fail(r, "id", PINF_E_CONFLICT);
	/* Read where they are wanted; here they must be there. */
	(void)pinf_json_object(r, "input", true);
	if (valid)
		(void)pinf_json_object(r, "output", true);
}

static bool
add(struct vectors *v, struct pinf_json *file, const char *path)
{
	struct pinf_json_reader root = pinf_json_root(file);
	char operation[ID_MAX] = "";
	struct vector *list;
	uint64_t schema = 0;
	size_t count;

	pinf_json_uint(&root, "schema", true, 1, &schema);
	pinf_json_label(&root, "operation", true, operation, sizeof operation);
	count = pinf_json_array(&root, "vectors", true, VECTORS_MAX);
	list = realloc(v->list, (v->count + count + 1) * sizeof *list);
	if (list == NULL) {
		complain("%s: %s", path, pinf_err_text(PINF_E_NO_MEMORY));
		return false;
	}
	v->list = list;
	for (size_t i = 0; i < count && root.err == PINF_OK; i++) {
		struct pinf_json_reader item = pinf_json_item(&root, "vectors", i);
		struct vector *made = &v->list[v->count++];

		*made = (struct vector){.id = ""};
		memcpy(made->operation, operation, sizeof operation);
		read_vector(&item, made);
		if (pinf_json_end(&item) != PINF_OK) {
			complain("%s: vectors[%zu] (%s): %s: %s", path, i, made->id, item.field,
			    pinf_err_text(item.err));
			return false;
		}
	}
	if (pinf_json_end(&root) == PINF_OK)
		return true;
	complain("%s: %s: %s", path, root.field, pinf_err_text(root.err));
	return false;
}

bool
vectors_take(struct vectors *v, struct pinf_span text, const char *path)
{
	struct pinf_json *parsed = NULL;
	struct pinf_json **files;
	const enum pinf_err err = pinf_json_parse(&parsed, text, VECTORS_FILE_MAX);

	if (err != PINF_OK) {
		complain("%s: JSON: %s", path, pinf_err_text(err));
		return false;
	}
	files = realloc(v->files, (v->file_count + 1) * sizeof(struct pinf_json *));
	if (files == NULL) {
		complain("%s: %s", path, pinf_err_text(PINF_E_NO_MEMORY));
		pinf_json_free(parsed);
		return false;
	}
	v->files = files;
	v->files[v->file_count++] = parsed;
	return add(v, parsed, path);
}

void
vectors_free(struct vectors *v)
{
	while (v->file_count > 0)
		pinf_json_free(v->files[--v->file_count]);
	free(v->files);
	free(v->list);
	*v = (struct vectors){.list = NULL};
}

void
vector_text(const struct vector *v, const char *member, struct pinf_bytes *out)
{
	struct pinf_json_reader reader = v->reader;

	pinf_json_raw(&reader, member, out);
}

void
vector_question(const struct vector *v, struct pinf_bytes *line)
{
	struct pinf_bytes input = {0};
	struct pinf_json_writer w = pinf_json_write_to(line);

	vector_text(v, "input", &input);
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_str(&w, "id", v->id);
	pinf_json_put_raw(&w, "input", pinf_span_of(&input));
	pinf_json_put_str(&w, "operation", v->operation);
	pinf_json_put_str(&w, "verb", "run");
	pinf_json_close(&w, '}');
	pinf_bytes_free(&input);
}
