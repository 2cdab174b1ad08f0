/* SPDX-License-Identifier: Apache-2.0 */
/* report.c -- what came of it: for people, as JSON lines, as JUnit's XML. */
#include <string.h>

#include "conform.h"
#include "sim/page.h"

static const char *const names[RESULTS] = {
    [PASSED] = "pass",
    [FAILED] = "fail",
    [SKIPPED] = "skip",
    [EXPECTED] = "known-failing",
    [UNEXPECTED] = "unexpected-pass",
};

size_t
report_count(const struct suite *s, enum result result)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++)
		count += s->outcomes[i].result == result;
	return count;
}

/* Of one operation, which has its vectors side by side. */
static void
put_row(const struct suite *s, size_t from, size_t to)
{
	size_t counts[RESULTS] = {0};

	for (size_t i = from; i < to; i++)
		counts[s->outcomes[i].result]++;
	(void)printf("  %-18s %4zu passed  %4zu failed  %4zu skipped",
	    s->outcomes[from].vector->operation, counts[PASSED],
	    counts[FAILED] + counts[UNEXPECTED], counts[SKIPPED]);
	if (counts[EXPECTED] > 0)
		(void)printf("  %4zu known to fail", counts[EXPECTED]);
	(void)putchar('\n');
}

void
report_text(const struct suite *s)
{
	(void)printf("%s %s\n", s->implementation, s->version);
	for (size_t i = 0; i < s->count; i++) {
		const struct outcome *o = &s->outcomes[i];

		if (o->result == FAILED || o->result == UNEXPECTED)
			(void)printf("  FAIL %s (%s, %s): %s\n", o->vector->id, o->vector->spec,
			    o->vector->level, o->detail);
	}
	for (size_t from = 0, to; from < s->count; from = to) {
		for (to = from; to < s->count && strcmp(s->outcomes[to].vector->operation,
						     s->outcomes[from].vector->operation) == 0;)
			to++;
		put_row(s, from, to);
	}
}

/* A case's own line of JSON, or row of the page. */
static void
put_case_json(struct pinf_json_writer *w, const struct outcome *o)
{
	pinf_json_open(w, NULL, '{');
	if (o->detail[0] != '\0' && pinf_utf8_valid(pinf_span_str(o->detail)) == strlen(o->detail))
		pinf_json_put_str(w, "detail", o->detail);
	pinf_json_put_str(w, "flags", o->vector->flags);
	pinf_json_put_str(w, "id", o->vector->id);
	pinf_json_put_str(w, "level", o->vector->level);
	pinf_json_put_str(w, "operation", o->vector->operation);
	pinf_json_put_str(w, "result", names[o->result]);
	pinf_json_put_str(w, "spec", o->vector->spec);
	pinf_json_close(w, '}');
}

bool
report_jsonl(const struct suite *s, const char *path)
{
	FILE *file = fopen(path, "w");
	struct pinf_bytes line = {0};

	if (file == NULL)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		struct pinf_json_writer w = pinf_json_write_to(&line);

		line.len = 0;
		put_case_json(&w, &s->outcomes[i]);
		if (pinf_json_written(&w) == PINF_OK)
			(void)fprintf(file, "%.*s\n", (int)line.len, (const char *)line.data);
	}
	pinf_bytes_free(&line);
	return fclose(file) == 0;
}

bool
report_html(const struct suite *s, const char *path)
{
	struct pinf_bytes json = {0};
	struct pinf_json_writer w = pinf_json_write_to(&json);
	bool good;

	pinf_json_open(&w, NULL, '{');
	pinf_json_open(&w, "cases", '[');
	for (size_t i = 0; i < s->count; i++)
		put_case_json(&w, &s->outcomes[i]);
	pinf_json_close(&w, ']');
	pinf_json_put_str(&w, "implementation", s->implementation);
	pinf_json_put_str(&w, "kit", PINF_VERSION);
	pinf_json_put_str(&w, "version", s->version);
	pinf_json_close(&w, '}');
	good = pinf_json_written(&w) == PINF_OK &&
	       page_write(path, conform_html_template, pinf_span_of(&json), "pinf-conform");
	pinf_bytes_free(&json);
	return good;
}

/* As the value of an attribute: what XML cannot hold becomes '?'. */
static void
put_xml(FILE *file, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&': (void)fputs("&amp;", file); break;
		case '<': (void)fputs("&lt;", file); break;
		case '>': (void)fputs("&gt;", file); break;
		case '"': (void)fputs("&quot;", file); break;
		default: (void)fputc(*text < ' ' || *text > '~' ? '?' : *text, file);
		}
}

static void
put_case(FILE *file, const struct outcome *o)
{
	const char *element = o->result == SKIPPED || o->result == EXPECTED ? "skipped" : "failure";

	(void)fputs("  <testcase classname=\"", file);
	put_xml(file, o->vector->operation);
	(void)fputs("\" name=\"", file);
	put_xml(file, o->vector->id);
	if (o->result == PASSED) {
		(void)fputs("\"/>\n", file);
		return;
	}
	(void)fprintf(file, "\">\n    <%s message=\"", element);
	put_xml(file, o->detail);
	(void)fprintf(file, "\"/>\n  </testcase>\n");
}

bool
report_junit(const struct suite *s, const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return false;
	(void)fprintf(file,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite "
	    "name=\"pinf-conform\" tests=\"%zu\" "
	    "failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n",
	    s->count, report_count(s, FAILED) + report_count(s, UNEXPECTED),
	    report_count(s, SKIPPED) + report_count(s, EXPECTED));
	for (size_t i = 0; i < s->count; i++)
		put_case(file, &s->outcomes[i]);
	(void)fputs("</testsuite>\n</testsuites>\n", file);
	return fclose(file) == 0;
}
