/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_policy.c -- pinf policy: why a request is allowed or denied.  Of facts that are given, or
 * (--session) of a running router's, which gathers them as it would for the request itself.
 */
#include <stdio.h>
#include <string.h>

#include <pinf/policy.h>

#include "cli/remote.h"
#include "host/files.h"

static const struct pinf_option options[] = {
    CLI_JSON,
    {.name = "action",
	.type = PINF_OPT_CHOICE,
	.required = true,
	.choices = "submit|claim|issue-input|issue-result|accept|read|administer",
	.help = "what is asked"},
    OPT_TEXT("actor", NULL, "",
	"who asks: none, bearer-other, bearer-owner, wallet-other, owner, admin or miner"),
    OPT_TEXT("route", NULL, "", "plain, router-sealed or caller-sealed"),
    OPT_TEXT("facts", NULL, "", "without --session: the facts that hold, with commas between"),
    OPT_UINT("session", 0, PINF_ID_MAX, "0", "ask the router about this session"),
    OPT_UINT("task", 0, PINF_ID_MAX, "0", "with --session: about this task of it"),
    OPT_TEXT("miner", NULL, "", "with --session: asked by this miner"),
    OPT_FLAG("session-key", "false", "with --session: about the key of the whole session"),
    OPT_FLAG("stream", "false", "with --session: stream: true is asked for"),
    OPT_TEXT("router-url", "PINF_ROUTER_URL", "http://127.0.0.1:5010",
	"where the router listens for callers"),
    OPT_ADDRESS("router-address", "PINF_ROUTER_ADDRESS", NO_ADDRESS, "the router's identity"),
    OPT_TEXT(
	"wallet", "PINF_WALLET", "", "wallet file of the session's owner or the administrator"),
    CLI_DOMAIN,
};

static enum pinf_err
unknown(struct cli *cli, const char *option, struct pinf_span word)
{
	return pinf_say(&cli->message, PINF_E_CONFIG,
	    "--%s: '%.*s' is none; spec/policy.md has them", option, (int)word.len,
	    (const char *)word.data);
}

/* "a,b,c" */
static enum pinf_err
take_facts(struct cli *cli, struct pinf_facts *facts)
{
	const char *at = cli_text(cli, "facts");

	while (*at != '\0') {
		const struct pinf_span word = {(const uint8_t *)at, strcspn(at, ",")};
		bool *fact = pinf_fact(facts, pinf_fact_of_name(word));

		if (fact == NULL)
			return unknown(cli, "facts", word);
		*fact = true;
		at += word.len;
		at += *at == ',';
	}
	return PINF_OK;
}

/* In JSON, or as a person reads it. */
static void
tell(struct cli *cli, const struct pinf_facts *facts)
{
	struct pinf_policy_row rows[PINF_POLICY_ROWS_MAX];
	const size_t count = pinf_policy_trace(facts, rows);
	const enum pinf_rule rule = pinf_policy_decide(facts);
	struct pinf_facts copy = *facts;
	char line[192];

	if (cli_number(cli, "json") != 0) {
		pinf_decision_write(&cli->json, facts, rule);
		return;
	}
	pinf_json_put_str(&cli->json, "action", pinf_action_name(facts->action));
	pinf_json_put_str(&cli->json, "actor", pinf_actor_name(facts->actor));
	pinf_json_put_str(&cli->json, "route", pinf_route_name(facts->route));
	pinf_json_open(&cli->json, "facts", '[');
	for (unsigned i = 0; i < PINF_FACT_COUNT; i++) {
		(void)snprintf(line, sizeof line, "%s%s",
		    *pinf_fact(&copy, (enum pinf_fact)i) ? "" : "not ",
		    pinf_fact_name((enum pinf_fact)i));
		pinf_json_put_str(&cli->json, NULL, line);
	}
	pinf_json_close(&cli->json, ']');
	pinf_json_open(&cli->json, "rows", '[');
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(line, sizeof line, "POL-%u %s: %s", rows[i].id,
		    pinf_rule_name(rows[i].rule), rows[i].applies ? "applies" : "no");
		pinf_json_put_str(&cli->json, NULL, line);
	}
	pinf_json_close(&cli->json, ']');
	(void)snprintf(line, sizeof line, "%s%s: %s", rule == PINF_RULE_ALLOW ? "" : "deny, ",
	    pinf_rule_name(rule), pinf_rule_text(rule));
	pinf_json_put_str(&cli->json, "verdict", line);
}

static enum pinf_err
explain_facts(struct cli *cli)
{
	const struct pinf_span actor = pinf_span_str(cli_text(cli, "actor")),
			       route = pinf_span_str(cli_text(cli, "route"));
	struct pinf_facts facts = {
	    .action = pinf_action_of_name(pinf_span_str(cli_text(cli, "action"))),
	    .actor = pinf_actor_of_name(actor),
	    .route = pinf_route_of_name(route)};
	enum pinf_err err;

	if (cli_number(cli, "task") != 0 || cli_text(cli, "miner")[0] != '\0')
		return cli_fail(cli, PINF_E_CONFIG, "--task and --miner go with --session");
	if (facts.actor == PINF_ACTORS)
		return unknown(cli, "actor", actor);
	if (facts.route == PINF_ROUTES)
		return unknown(cli, "route", route);
	err = take_facts(cli, &facts);
	if (err == PINF_OK)
		tell(cli, &facts);
	return err;
}

/* The router's answer, told from its facts. */
static enum pinf_err
retell(struct cli *cli)
{
	struct pinf_facts facts;
	struct pinf_span action, actor, route, rule;
	struct pinf_json_reader reader, nested;
	struct pinf_json *json;
	enum pinf_err err = pinf_bytes_append(&cli->out, "}", 1);

	if (err == PINF_OK)
		err = pinf_json_parse(&json, pinf_span_of(&cli->out), cli->out.len);
	if (err != PINF_OK)
		return cli_fail(cli, err, "the router's answer");
	reader = pinf_json_root(json);
	pinf_json_text(&reader, "action", true, &action);
	pinf_json_text(&reader, "actor", true, &actor);
	pinf_json_text(&reader, "route", true, &route);
	pinf_json_text(&reader, "rule", true, &rule);
	facts.action = pinf_action_of_name(action);
	facts.actor = pinf_actor_of_name(actor);
	facts.route = pinf_route_of_name(route);
	nested = pinf_json_object(&reader, "facts", true);
	for (unsigned i = 0; i < PINF_FACT_COUNT; i++)
		pinf_json_bool(&nested, pinf_fact_name((enum pinf_fact)i), true,
		    pinf_fact(&facts, (enum pinf_fact)i));
	pinf_json_leave(&reader, &nested, "facts");
	if (reader.err == PINF_OK &&
	    !pinf_span_equal(rule, pinf_span_str(pinf_rule_name(pinf_policy_decide(&facts)))))
		pinf_json_fail(&reader, "rule", PINF_E_CONFLICT);
	pinf_json_free(json);
	if (reader.err != PINF_OK)
		return pinf_say(&cli->message, reader.err,
		    "the router decides by another table than this program's: use --json");
	cli->out.len = 0;
	cli->json = pinf_json_write_to(&cli->out);
	pinf_json_open(&cli->json, NULL, '{');
	tell(cli, &facts);
	return PINF_OK;
}

static enum pinf_err
explain(struct cli *cli)
{
	static const char *const texts[] = {"action", "actor", "miner", "route"};
	const uint64_t session = cli_number(cli, "session");
	struct pinf_bytes body = {0};
	struct pinf_json_writer w = pinf_json_write_to(&body);
	char path[64];
	enum pinf_err err;

	if (session == 0)
		return explain_facts(cli);
	pinf_json_open(&w, NULL, '{');
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (cli_text(cli, texts[i])[0] != '\0')
			pinf_json_put_str(&w, texts[i], cli_text(cli, texts[i]));
	pinf_json_put_bool(&w, "session_key", cli_number(cli, "session-key") != 0);
	pinf_json_put_bool(&w, "stream", cli_number(cli, "stream") != 0);
	if (cli_number(cli, "task") != 0)
		pinf_json_put_uint(&w, "task_id", cli_number(cli, "task"));
	pinf_json_close(&w, '}');
	(void)snprintf(
	    path, sizeof path, "/api/v1/sessions/%llu/explain", (unsigned long long)session);
	err = pinf_json_written(&w);
	if (err != PINF_OK) {
		pinf_bytes_free(&body);
		return cli_fail(cli, err, "policy explain");
	}
	err = remote_post(cli, path, session, &body);
	return err == PINF_OK && cli_number(cli, "json") == 0 ? retell(cli) : err;
}

const struct cli_command cli_policy_explain = CLI_COMMAND("pinf policy explain", NULL, 0, 0,
    options, explain, "Tells which rule allows or denies a request, and from which facts.");
