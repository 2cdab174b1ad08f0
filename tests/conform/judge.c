/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c -- what a driver answered, against what the vector says.  spec/CONFORMANCE.md. */
#include <stdarg.h>
#include <string.h>

#include "conform.h"

void
suite_say(struct outcome *o, enum result result, const char *format, ...)
{
	va_list args;

	o->result = result;
	va_start(args, format);
	(void)vsnprintf(o->detail, sizeof o->detail, format, args);
	va_end(args);
}

/* The start of a text, for a message. */
static int
shown(struct pinf_span text)
{
	return (int)(text.len < 160 ? text.len : 160);
}

static void
judge_ok(struct outcome *o, struct pinf_json_reader *reply)
{
	const struct vector *v = o->vector;
	struct pinf_json_reader vector = v->reader;
	struct pinf_bytes got = {0};

	pinf_json_raw(reply, "ok", &got);
	if (v->stage[0] != '\0')
		suite_say(o, FAILED, "accepted: %.*s; must be refused at stage %s",
		    shown(pinf_span_of(&got)), got.len == 0 ? "" : (const char *)got.data,
		    v->stage);
	else if (!pinf_json_same(reply, "ok", &vector, "output"))
		suite_say(o, FAILED, "another result: %.*s", shown(pinf_span_of(&got)),
		    got.len == 0 ? "" : (const char *)got.data);
	else
		suite_say(o, PASSED, "%s", "");
	pinf_bytes_free(&got);
}

static void
judge_reject(struct outcome *o, struct pinf_json_reader *reply)
{
	struct pinf_json_reader reject = pinf_json_object(reply, "reject", true);
	char stage[64] = "", code[100] = "";

	pinf_json_label(&reject, "stage", true, stage, sizeof stage);
	pinf_json_label(&reject, "code", false, code, sizeof code);
	if (pinf_json_end(&reject) != PINF_OK)
		suite_say(o, FAILED, "reject.%s: %s", reject.field, pinf_err_text(reject.err));
	else if (o->vector->stage[0] == '\0')
		suite_say(o, FAILED, "refused at stage %s (%s); must be accepted", stage, code);
	else if (strcmp(stage, o->vector->stage) != 0)
		suite_say(o, FAILED, "refused at stage %s (%s); must be at stage %s", stage, code,
		    o->vector->stage);
	else if (o->vector->rule[0] != '\0' && strcmp(code, o->vector->rule) != 0)
		suite_say(
		    o, FAILED, "refused by the rule %s; must be by %s", code, o->vector->rule);
	else
		suite_say(o, PASSED, "%s", "");
}

void
suite_judge(struct outcome *o, struct pinf_span line)
{
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader reply;
	struct pinf_span id = {NULL, 0}, text = {NULL, 0};
	const enum pinf_err err = pinf_json_parse(&parsed, line, REPLY_MAX);

	if (err != PINF_OK) {
		suite_say(o, FAILED, "no JSON (%s): %.*s", pinf_err_text(err), shown(line),
		    (const char *)line.data);
		return;
	}
	reply = pinf_json_root(parsed);
	pinf_json_text(&reply, "id", true, &id);
	if (reply.err != PINF_OK || !pinf_span_equal(id, pinf_span_str(o->vector->id))) {
		suite_say(o, FAILED, "the answer's id is not the question's");
	} else if (pinf_json_has(&reply, "ok")) {
		judge_ok(o, &reply);
	} else if (pinf_json_has(&reply, "reject")) {
		judge_reject(o, &reply);
	} else if (pinf_json_has(&reply, "skip")) {
		pinf_json_text(&reply, "skip", true, &text);
		suite_say(o, SKIPPED, "%.*s", shown(text), (const char *)text.data);
	} else if (pinf_json_has(&reply, "error")) {
		pinf_json_text(&reply, "error", true, &text);
		suite_say(o, FAILED, "error: %.*s", shown(text), (const char *)text.data);
	} else {
		suite_say(o, FAILED, "the answer has neither ok, reject, skip nor error");
	}
	pinf_json_free(parsed);
}
