/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c -- figures of now beside those of before. */
#include <stdio.h>
#include <string.h>

#include "host/files.h"
#include "measure.h"

#define FILE_MAX    ((size_t)16 << 20)
#define RESULTS_MAX 4096
#define NOISE       1.10 /* quartiles that overlap by a tenth may be the same */

struct entry {
	struct pinf_span group, name;
	uint64_t low, median, high; /* of the ratio, in thousandths */
};

/* The entry of that index; false: the text is no figures of this program's. */
static bool
read_entry(struct pinf_json_reader *root, size_t index, struct entry *e)
{
	struct pinf_json_reader r = pinf_json_item(root, "results", index);

	pinf_json_text(&r, "case", true, &e->name);
	pinf_json_text(&r, "group", true, &e->group);
	pinf_json_uint(&r, "ratio_low_milli", true, PINF_ID_MAX, &e->low);
	pinf_json_uint(&r, "ratio_milli", true, PINF_ID_MAX, &e->median);
	pinf_json_uint(&r, "ratio_high_milli", true, PINF_ID_MAX, &e->high);
	return r.err == PINF_OK && root->err == PINF_OK;
}

static bool
same(struct pinf_span a, struct pinf_span b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool
find(struct pinf_json_reader *root, size_t count, const struct entry *like, struct entry *found)
{
	for (size_t i = 0; i < count && read_entry(root, i, found); i++)
		if (same(found->group, like->group) && same(found->name, like->name))
			return true;
	return false;
}

/* How many cases of pinf's own are worse: their best quarter is above what the worst one of before allows. */
static size_t
count_worse(struct pinf_json_reader *old, struct pinf_json_reader *new)
{
	const size_t old_count = pinf_json_array(old, "results", true, RESULTS_MAX),
		     count = pinf_json_array(new, "results", true, RESULTS_MAX);
	size_t worse = 0, compared = 0;
	struct entry now, before;

	for (size_t i = 0; i < count && read_entry(new, i, &now); i++) {
		if (now.name.len < 4 || memcmp(now.name.data, "pinf", 4) != 0 || now.low == 0 ||
		    !find(old, old_count, &now, &before))
			continue;
		compared++;
		if ((double)now.low <= (double)before.high * NOISE)
			continue;
		worse++;
		(void)printf("slower: %.*s, %.*s: %.2fx, was %.2fx (%.2f-%.2f)\n",
		    (int)now.group.len, (const char *)now.group.data, (int)now.name.len,
		    (const char *)now.name.data, (double)now.median / 1000,
		    (double)before.median / 1000, (double)before.low / 1000,
		    (double)before.high / 1000);
	}
	(void)printf("compared: %zu ratios, %zu slower\n", compared, worse);
	return compared == 0 ? 1 : worse;
}

bool
bench_compare(const char *path, struct pinf_span now)
{
	struct pinf_bytes text = {0}, message = {0};
	struct pinf_json *old = NULL, *new = NULL;
	struct pinf_json_reader old_root, new_root;
	uint64_t schema = 0;
	bool good = false;

	if (pinf_file_read(path, FILE_MAX, &text, &message) != PINF_OK) {
		(void)fprintf(stderr, "pinf-bench: --compare: %s\n", (const char *)message.data);
	} else if (pinf_json_parse(&old, pinf_span_of(&text), FILE_MAX) != PINF_OK) {
		(void)fprintf(stderr, "pinf-bench: --compare: %s is not JSON\n", path);
	} else {
		bench_require(pinf_json_parse(&new, now, FILE_MAX) == PINF_OK, "JSON");
		old_root = pinf_json_root(old);
		new_root = pinf_json_root(new);
		pinf_json_uint(&old_root, "schema", true, PINF_ID_MAX, &schema);
		if (old_root.err != PINF_OK || schema != BENCH_SCHEMA)
			(void)fprintf(stderr,
			    "pinf-bench: --compare: %s has no figures of schema %d; write it "
			    "with --json\n",
			    path, BENCH_SCHEMA);
		else
			good = count_worse(&old_root, &new_root) == 0;
	}
	pinf_json_free(old);
	pinf_json_free(new);
	pinf_bytes_free(&text);
	pinf_bytes_free(&message);
	return good;
}
