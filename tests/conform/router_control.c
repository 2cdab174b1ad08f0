/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_control.c -- what is done to a router and is no part of the protocol everywhere: sessions, lists, key versions, restarts.
 * The control program does what it says that it can; the rest is asked over HTTP, as spec/api.md has it, or skipped.
 */
#include <string.h>

#include "router.h"

bool
controls(const struct trial *t, const char *action)
{
	for (size_t i = 0; i < t->router->action_count; i++)
		if (strcmp(t->router->actions[i], action) == 0)
			return true;
	return false;
}

/* members: of the question, each with a comma before it.  The answer's "ok" is the trial's answer. */
static void
ask_control(struct trial *t, const char *action, const char *members)
{
	struct router *r = t->router;
	const char *line = text_of("{\"action\":\"%s\",\"verb\":\"control\"%s}", action, members);
	struct pinf_json_reader root = {.object = NULL};
	struct pinf_span why = {NULL, 0};
	enum heard heard;

	if (is_over(t))
		return;
	pinf_json_free(t->json);
	t->json = NULL;
	(void)snprintf(t->asked, sizeof t->asked, "control %s", action);
	heard = driver_ask(&r->control, pinf_span_str(line), r->suite->timeout_ms, &t->body);
	if (heard == HEARD &&
	    pinf_json_parse(&t->json, pinf_span_of(&t->body), REPLY_MAX) == PINF_OK)
		root = pinf_json_root(t->json);
	if (root.object == NULL) {
		fail(t, "%s: %s", t->asked,
		    heard == HEARD ? "its answer is no JSON" : heard_text(heard));
	} else if (!pinf_json_has(&root, "ok")) {
		pinf_json_text(&root, "error", false, &why);
		fail(t, "%s: %.*s", t->asked, (int)(why.len < 200 ? why.len : 200),
		    why.len == 0 ? "no ok" : (const char *)why.data);
	} else {
		t->answer = pinf_json_object(&root, "ok", true);
	}
}

bool
restart(struct trial *t)
{
	if (!is_over(t) && !controls(t, "restart"))
		(void)snprintf(t->skip, sizeof t->skip, "no control program that can restart it");
	if (!is_over(t))
		ask_control(t, "restart", "");
	return !is_over(t);
}

void
make_session(struct trial *t, struct session *s, struct session_wish wish)
{
	const char *type = wish.type == NULL ? "dedicated" : wish.type;
	const char *members = text_of("\"private\":%s,\"router_sealed\":%s,\"type\":\"%s\"%s%s%s",
	    wish.is_public ? "false" : "true", wish.router_sealed ? "true" : "false", type,
	    strcmp(type, "pooled") == 0 ? ",\"seats\":1" : "",
	    wish.policy == NULL ? "" : ",\"policy\":", wish.policy == NULL ? "" : wish.policy);
	struct pinf_json_reader answer;

	*s = (struct session){.is_private = !wish.is_public};
	if (controls(t, "create-session")) {
		ask_control(t, "create-session",
		    text_of(",\"owner\":\"%s\",%s", address_text(t, OWNER), members));
	} else {
		post(t, OWNER, MINERS, "/api/v1/sessions",
		    text_of("{\"api_key\":true,%s}", members), NULL);
		expect(t, 201, "");
	}
	s->id = number_of(t, "session_id");
	answer = t->answer;
	if (!is_over(t))
		pinf_json_label(&answer, "api_key", true, s->api_key, sizeof s->api_key);
}

void
change_list(struct trial *t, const struct session *s, const char *verb, enum who miner)
{
	const struct task about = {.session = s};
	const unsigned long long id = s->id;

	if (controls(t, verb)) {
		ask_control(t, verb,
		    text_of(",\"miner\":\"%s\",\"session_id\":%llu", address_text(t, miner), id));
		return;
	}
	post(t, OWNER, MINERS, text_of("/api/v1/sessions/%llu/%s", id, verb),
	    text_of("{\"miner\":\"%s\"}", address_text(t, miner)), &about);
	expect(t, 200, "");
}

void
rotate(struct trial *t)
{
	if (controls(t, "rotate")) {
		ask_control(t, "rotate", "");
		return;
	}
	post(t, OWNER, MINERS, "/api/v1/keys/rotate", "{}", NULL);
	expect(t, 200, "");
}
