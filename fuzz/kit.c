/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit.c -- fuzzes what the conformance kit is given: 'v' first, a file of vectors; else a driver's answer, to a vector that is
 * valid, one that is not and one that a rule refuses.  spec/CONFORMANCE.md.
 */
#include <string.h>

#include "common.h"
#include "tests/conform/conform.h"

static unsigned complaints;

void
complain(const char *format, ...)
{
	fuzz_check(strchr(format, '\n') == NULL, "a complaint is a line");
	complaints++;
}

static const char fixed[] =
    "{\"operation\":\"urn.parse\",\"schema\":1,\"vectors\":["
    "{\"flags\":[],\"id\":\"urn.parse/"
    "a\",\"input\":{\"text\":\"61\"},\"level\":\"must\",\"origin\":\"pinf\","
    "\"output\":{\"canonical\":true},\"result\":\"valid\",\"spec\":\"URN-1\"},"
    "{\"flags\":[\"x\"],\"id\":\"urn.parse/"
    "b\",\"input\":{},\"level\":\"may\",\"origin\":\"deployed\","
    "\"result\":\"invalid\",\"spec\":\"URN-1\",\"stage\":\"urn\"},"
    "{\"flags\":[],\"id\":\"urn.parse/c\",\"input\":{},\"level\":\"should\",\"origin\":\"pinf\","
    "\"result\":\"invalid\",\"rule\":\"not-owner\",\"spec\":\"URN-1\",\"stage\":\"policy\"}]}";

/* The answer that a vector itself gives passes; the same for another id does not. */
static void
check_vector(const struct vector *v)
{
	struct pinf_bytes line = {0}, question = {0}, output = {0};
	struct pinf_json_writer w = pinf_json_write_to(&line);
	struct outcome o = {.vector = v};

	vector_question(v, &question);
	fuzz_check(pinf_json_check(pinf_span_of(&question), NULL) == PINF_OK, "a question is JSON");
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_str(&w, "id", v->id);
	if (v->stage[0] == '\0') {
		vector_text(v, "output", &output);
		pinf_json_put_raw(&w, "ok", pinf_span_of(&output));
	} else {
		pinf_json_open(&w, "reject", '{');
		if (v->rule[0] != '\0')
			pinf_json_put_str(&w, "code", v->rule);
		pinf_json_put_str(&w, "stage", v->stage);
		pinf_json_close(&w, '}');
	}
	pinf_json_close(&w, '}');
	fuzz_check(pinf_json_written(&w) == PINF_OK, "an answer");
	suite_judge(&o, pinf_span_of(&line));
	fuzz_check(o.result == PASSED, "what the vector says passes");
	line.data[line.len - 1] = ' ';
	suite_judge(&o, pinf_span_of(&line));
	fuzz_check(
	    o.result == FAILED && o.detail[0] != '\0', "half an answer fails, and why is said");
	pinf_bytes_free(&line);
	pinf_bytes_free(&question);
	pinf_bytes_free(&output);
}

static void
try_file(struct pinf_span text)
{
	struct vectors v = {.list = NULL};
	const bool good = vectors_take(&v, text, "fuzz");

	fuzz_check(good == (complaints == 0), "what is wrong is said, once");
	for (size_t i = 0; good && i < v.count; i++)
		check_vector(&v.list[i]);
	vectors_free(&v);
}

static void
try_answer(struct pinf_span line)
{
	static struct vectors v;

	if (v.count == 0)
		fuzz_check(vectors_take(&v, pinf_span_str(fixed), "fixed"), "three vectors");
	for (size_t i = 0; i < v.count; i++) {
		struct outcome o = {.vector = &v.list[i]}, again = o;

		suite_judge(&o, line);
		suite_judge(&again, line);
		fuzz_check(
		    o.result == PASSED || o.result == FAILED || o.result == SKIPPED, "a verdict");
		fuzz_check(o.result == again.result && strcmp(o.detail, again.detail) == 0,
		    "the same answer, the same verdict");
		fuzz_check(
		    (o.result != PASSED) >= (o.detail[0] != '\0'), "nothing to say of what passes");
		fuzz_check(o.result != PASSED || pinf_json_check(line, NULL) == PINF_OK,
		    "nothing else than JSON passes");
	}
}

static enum pinf_err
take_starving(struct pinf_span in)
{
	struct vectors v = {.list = NULL};
	const bool good = vectors_take(&v, in, "fuzz");

	vectors_free(&v);
	return good ? PINF_OK : fuzz_failed();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const bool file = fuzz_byte(&in) == 'v';
	const struct pinf_span text = fuzz_rest(&in, SIZE_MAX);

	complaints = 0;
	if (file)
		try_file(text);
	else
		try_answer(text);
	if (file)
		fuzz_starve(take_starving, text);
	return 0;
}
