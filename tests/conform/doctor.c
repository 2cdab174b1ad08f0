/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.c -- walks a new driver through the protocol, step by step, and says what is wrong with it. */
#include <string.h>

#include "conform.h"

#define GRACE_MS 2000

struct visit {
	struct driver driver;
	const struct vectors *vectors;
	uint32_t timeout_ms;
	unsigned findings;
	struct pinf_bytes reply;
	struct pinf_json *parsed; /* the last reply; NULL: it was none */
	char offered[4000]; /* operations, each between spaces */
};

static void
good(const char *what)
{
	(void)printf("  ok    %s\n", what);
}

static void
finding(struct visit *v, const char *what, const char *hint)
{
	v->findings++;
	(void)printf("  WRONG %s\n        %s\n", what, hint);
}

/* False: there is no reply to look at; said. */
static bool
ask(struct visit *v, const char *what, struct pinf_span line)
{
	char text[200];
	enum heard heard;
	enum pinf_err err;

	pinf_json_free(v->parsed);
	v->parsed = NULL;
	heard = driver_ask(&v->driver, line, v->timeout_ms, &v->reply);
	if (heard != HEARD) {
		(void)snprintf(text, sizeof text, "%s: %s", what, heard_text(heard));
		finding(v, text,
		    heard == HEARD_NOTHING ? "write one line of JSON for each line read, with a "
					     "line feed, and flush standard output"
					   : "keep reading lines until {\"verb\":\"stop\"}; write "
					     "logs to standard error alone");
		return false;
	}
	err = pinf_json_parse(&v->parsed, pinf_span_of(&v->reply), REPLY_MAX);
	if (err == PINF_OK)
		return true;
	(void)snprintf(text, sizeof text, "%s: the line that came is no JSON (%s): %.60s", what,
	    pinf_err_text(err), v->reply.len == 0 ? "" : (const char *)v->reply.data);
	finding(v, text,
	    "one object a line, strict JSON in UTF-8: no name twice, nothing before or behind it");
	v->parsed = NULL;
	return false;
}

static bool
visit_start(struct visit *v)
{
	struct pinf_json_reader root, ok;
	char text[100] = "";
	size_t count;

	if (!ask(v, "start", pinf_span_str("{\"verb\":\"start\",\"protocol\":1}")))
		return false;
	root = pinf_json_root(v->parsed);
	ok = pinf_json_object(&root, "ok", true);
	pinf_json_label(&ok, "implementation", true, text, sizeof text);
	pinf_json_label(&ok, "version", true, text, sizeof text);
	count = pinf_json_array(&ok, "operations", true, 100);
	(void)strcpy(v->offered, " ");
	for (size_t i = 0; i < count && ok.err == PINF_OK; i++) {
		struct pinf_span name;

		pinf_json_item_text(&ok, "operations", i, &name);
		(void)snprintf(v->offered + strlen(v->offered),
		    sizeof v->offered - strlen(v->offered), "%.*s ", (int)name.len,
		    (const char *)name.data);
	}
	if (root.err != PINF_OK || ok.err != PINF_OK) {
		(void)snprintf(text, sizeof text, "start: %s: %s",
		    ok.err != PINF_OK ? ok.field : root.field,
		    pinf_err_text(ok.err != PINF_OK ? ok.err : root.err));
		finding(v, text,
		    "answer "
		    "{\"ok\":{\"implementation\":\"mine\",\"version\":\"1\",\"operations\":[\"urn."
		    "parse\"]}}");
		return false;
	}
	good("start: it says what it is");
	return true;
}

static const struct vector *
first_of(const struct visit *v, bool valid)
{
	for (size_t i = 0; i < v->vectors->count; i++) {
		const struct vector *of = &v->vectors->list[i];
		char name[ID_MAX + 4];

		(void)snprintf(name, sizeof name, " %s ", of->operation);
		if ((of->stage[0] == '\0') == valid && strstr(v->offered, name) != NULL)
			return of;
	}
	return NULL;
}

static void
visit_vector(struct visit *v, const struct vector *of)
{
	struct pinf_bytes line = {0};
	struct pinf_json_reader root;
	struct pinf_span id = {NULL, 0};
	char text[300];

	vector_question(of, &line);
	(void)snprintf(text, sizeof text, "run %s", of->id);
	if (ask(v, text, pinf_span_of(&line))) {
		root = pinf_json_root(v->parsed);
		pinf_json_text(&root, "id", true, &id);
		if (!pinf_span_equal(id, pinf_span_str(of->id)))
			finding(v, text, "the answer repeats the question's id");
		else if (!pinf_json_has(&root, "ok") && !pinf_json_has(&root, "reject") &&
			 !pinf_json_has(&root, "skip"))
			finding(v, text,
			    "the answer has one of ok, reject (with stage) and skip (with a "
			    "reason)");
		else if (pinf_json_has(&root, of->stage[0] == '\0' ? "reject" : "ok"))
			finding(v, text,
			    of->stage[0] == '\0'
				? "this one is valid; `pinf-conform explain` shows it"
				: "this one must be refused; `pinf-conform explain` shows it");
		else
			good(text);
	}
	pinf_bytes_free(&line);
}

static void
visit_stranger(struct visit *v)
{
	struct pinf_json_reader root;

	if (!ask(v, "an operation that nobody has",
		pinf_span_str(
		    "{\"verb\":\"run\",\"id\":\"x/y/001\",\"operation\":\"x.y\",\"input\":{}}")))
		return;
	root = pinf_json_root(v->parsed);
	if (pinf_json_has(&root, "skip"))
		good("an operation that nobody has: skipped");
	else
		finding(v, "an operation that nobody has",
		    "answer {\"id\":..,\"skip\":\"why\"}: an honest skip is no failure");
}

static void
visit_end(struct visit *v)
{
	int status;

	if (ask(v, "reset", pinf_span_str("{\"verb\":\"reset\"}")))
		good("reset: answered");
	if (ask(v, "stop", pinf_span_str("{\"verb\":\"stop\"}")))
		good("stop: answered");
	status = driver_end(&v->driver, GRACE_MS);
	if (status == 0)
		good("it ended by itself, with exit 0");
	else
		finding(v, status > 128 ? "it does not end" : "it ends with another exit than 0",
		    "after stop, or at the end of standard input: exit 0 within two seconds");
}

enum conform_exit
doctor(const struct vectors *vectors, const char *command, uint32_t timeout_ms)
{
	struct visit v = {.vectors = vectors, .timeout_ms = timeout_ms};
	const struct vector *valid, *invalid;

	(void)printf("%s\n", command);
	if (!driver_start(&v.driver, command)) {
		(void)fprintf(stderr, "pinf-conform: no process can be started\n");
		return EXIT_NOTHING;
	}
	if (visit_start(&v)) {
		valid = first_of(&v, true);
		invalid = first_of(&v, false);
		if (valid == NULL && invalid == NULL)
			finding(&v, "none of its operations has vectors",
			    "`pinf-conform lint` lists the operations there are");
		if (valid != NULL)
			visit_vector(&v, valid);
		if (invalid != NULL)
			visit_vector(&v, invalid);
		visit_stranger(&v);
		visit_end(&v);
	}
	(void)driver_end(&v.driver, 0);
	pinf_json_free(v.parsed);
	pinf_bytes_free(&v.reply);
	(void)printf("%u finding%s\n", v.findings, v.findings == 1 ? "" : "s");
	return v.findings == 0 ? EXIT_PASS : EXIT_FAILED;
}
