/* SPDX-License-Identifier: Apache-2.0 */
/* pinf_driver.c -- pinf's own driver for the conformance kit: JSON lines in and out.  spec/CONFORMANCE.md. */
#include <stdio.h>
#include <string.h>

#include "operations.h"

#define PROTOCOL 1

/* spec/CONFORMANCE.md, "Stages": who refuses. */
static const char *
stage_of(const char *operation, enum pinf_err err)
{
	if (strncmp(operation, "allowlist", 9) == 0 || strncmp(operation, "seed", 4) == 0 ||
	    strncmp(operation, "abi", 3) == 0)
		return "parse";
	if (strstr(operation, ".verify") != NULL)
		return "auth";
	switch (err) {
	case PINF_E_URN_SYNTAX:
	case PINF_E_URN_FIELDS:
	case PINF_E_URN_LENGTH:
	case PINF_E_URN_VERSION: return "urn";
	case PINF_E_BLOB_VERSION:
	case PINF_E_BLOB_SUITE:
	case PINF_E_KEY_UNKNOWN:
	case PINF_E_KEY_PENDING:
	case PINF_E_KEY_DESTROYED: return "version";
	case PINF_E_SCOPE:
	case PINF_E_ID_RANGE:
	case PINF_E_SCOPE_MISMATCH: return "scope";
	case PINF_E_DENIED: return "policy";
	case PINF_E_GRANT_FORGED:
	case PINF_E_GRANT_MISMATCH:
	case PINF_E_GRANT_EXPIRED:
	case PINF_E_HPKE: return "auth";
	default: break;
	}
	if (err > PINF_E_TOO_LARGE)
		return "payload"; /* All before it are about the form of a text. */
	if (strncmp(operation, "scope", 5) == 0)
		return "scope";
	return strncmp(operation, "blob", 4) == 0 ? "payload" : "parse";
}

static void
run(struct pinf_json_reader *request, struct pinf_json_writer *reply)
{
	struct pinf_json_reader input = pinf_json_object(request, "input", true);
	struct pinf_bytes members = {0};
	struct pinf_json_writer ok = pinf_json_write_to(&members);
	struct pinf_span id = {NULL, 0}, name = {NULL, 0};
	const struct operation *op = operations;
	enum pinf_err err;

	pinf_json_text(request, "id", true, &id);
	pinf_json_text(request, "operation", true, &name);
	need_read(request);
	pinf_json_put_text(reply, "id", id);
	while (op < operations + operation_count && !pinf_span_equal(name, pinf_span_str(op->name)))
		op++;
	if (op == operations + operation_count) {
		pinf_json_put_str(reply, "skip", "not an operation of this driver");
		return;
	}
	pinf_json_open(&ok, NULL, '{');
	denied = PINF_RULE_ALLOW;
	err = op->run(&input, &ok);
	pinf_json_close(&ok, '}');
	if (err == PINF_OK && pinf_json_written(&ok) == PINF_OK) {
		pinf_json_put_raw(reply, "ok", pinf_span_of(&members));
	} else {
		pinf_json_open(reply, "reject", '{');
		pinf_json_put_str(reply, "code",
		    denied != PINF_RULE_ALLOW ? pinf_rule_name(denied) : pinf_err_name(err));
		pinf_json_put_str(reply, "stage", stage_of(op->name, err));
		pinf_json_close(reply, '}');
	}
	pinf_bytes_free(&members);
}

static void
start(struct pinf_json_writer *reply)
{
	pinf_json_open(reply, "ok", '{');
	pinf_json_put_str(reply, "implementation", "pinf");
	pinf_json_open(reply, "operations", '[');
	for (size_t i = 0; i < operation_count; i++)
		pinf_json_put_str(reply, NULL, operations[i].name);
	pinf_json_close(reply, ']');
	pinf_json_put_uint(reply, "protocol", PROTOCOL);
	pinf_json_open(reply, "roles", '[');
	pinf_json_put_str(reply, NULL, "miner");
	pinf_json_close(reply, ']');
	pinf_json_put_str(reply, "version", PINF_VERSION);
	pinf_json_close(reply, '}');
}

static void
answer_verb(struct pinf_span verb, struct pinf_json_reader *request, struct pinf_json_writer *reply)
{
	if (pinf_span_equal(verb, pinf_span_str("start"))) {
		start(reply);
	} else if (pinf_span_equal(verb, pinf_span_str("run"))) {
		run(request, reply);
	} else if (pinf_span_equal(verb, pinf_span_str("event"))) {
		pinf_json_open(reply, "ok", '{');
		node_event(request, reply);
		pinf_json_close(reply, '}');
	} else if (pinf_span_equal(verb, pinf_span_str("node")) && !node_begin(request)) {
		pinf_json_put_str(reply, "skip", "a miner alone");
	} else {
		if (pinf_span_equal(verb, pinf_span_str("reset")))
			node_reset();
		pinf_json_put_raw(reply, "ok", pinf_span_str("{}"));
	}
}

/* False: it was the last line. */
static bool
answer(struct pinf_span line)
{
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader request;
	struct pinf_bytes text = {0};
	struct pinf_json_writer reply = pinf_json_write_to(&text);
	struct pinf_span verb = {NULL, 0};
	bool stops;

	need(pinf_json_parse(&parsed, line, LINE_MAX_LEN) == PINF_OK);
	request = pinf_json_root(parsed);
	pinf_json_text(&request, "verb", true, &verb);
	need_read(&request);
	stops = pinf_span_equal(verb, pinf_span_str("stop"));
	pinf_json_open(&reply, NULL, '{');
	answer_verb(verb, &request, &reply);
	pinf_json_close(&reply, '}');
	need(pinf_json_written(&reply) == PINF_OK);
	(void)fwrite(text.data, 1, text.len, stdout);
	(void)fputc('\n', stdout);
	need(fflush(stdout) == 0);
	pinf_bytes_free(&text);
	pinf_json_free(parsed);
	return !stops;
}

int
main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0)
		if (!answer((struct pinf_span){(const uint8_t *)line, (size_t)len}))
			break;
	node_reset();
	free(line);
	return 0;
}
