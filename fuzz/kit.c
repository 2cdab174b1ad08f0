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

/* What the driver answers: accepted with that output, or else refused at that stage. */
static void
write_answer(struct pinf_bytes *line, const char *id, struct pinf_span output, const char *stage,
    const char *code)
{
	struct pinf_json_writer w = pinf_json_write_to(line);

	line->len = 0;
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_str(&w, "id", id);
	if (stage == NULL) {
		pinf_json_put_raw(&w, "ok", output);
	} else {
		pinf_json_open(&w, "reject", '{');
		if (code[0] != '\0')
			pinf_json_put_str(&w, "code", code);
		pinf_json_put_str(&w, "stage", stage);
		pinf_json_close(&w, '}');
	}
	pinf_json_close(&w, '}');
	fuzz_check(pinf_json_written(&w) == PINF_OK, "an answer");
}

static enum result
verdict(const struct vector *v, const struct pinf_bytes *line)
{
	struct outcome o = {.vector = v};

	suite_judge(&o, pinf_span_of(line));
	fuzz_check(o.result == PASSED || o.detail[0] != '\0', "what fails is told why");
	return o.result;
}

/* The answer that a vector itself gives passes; every other one fails. */
static void
check_vector(const struct vector *v)
{
	struct pinf_bytes line = {0}, question = {0}, output = {0};
	const char *stage = v->stage[0] == '\0' ? NULL : v->stage;
	/* No output is so: those of the schema have members' names of their own. */
	const struct pinf_span other = pinf_span_str("{\"of nobody\":1}");

	vector_question(v, &question);
	fuzz_check(pinf_json_check(pinf_span_of(&question), NULL) == PINF_OK, "a question is JSON");
	if (stage == NULL)
		vector_text(v, "output", &output);
	write_answer(&line, v->id, pinf_span_of(&output), stage, v->rule);
	fuzz_check(verdict(v, &line) == PASSED, "what the vector says passes");
	line.data[line.len - 1] = ' ';
	fuzz_check(verdict(v, &line) == FAILED, "half of it does not");
	write_answer(&line, "of nobody", pinf_span_of(&output), stage, v->rule);
	fuzz_check(verdict(v, &line) == FAILED, "nor for another question");
	write_answer(&line, v->id, other, NULL, "");
	fuzz_check(
	    verdict(v, &line) == (pinf_span_equal(pinf_span_of(&output), other) ? PASSED : FAILED),
	    "nor with another output");
	write_answer(&line, v->id, other, "of nobody", v->rule);
	fuzz_check(verdict(v, &line) == FAILED, "nor at another stage");
	if (stage != NULL && v->rule[0] != '\0') {
		write_answer(&line, v->id, other, stage, "of nobody");
		fuzz_check(verdict(v, &line) == FAILED, "nor by another rule");
	}
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
