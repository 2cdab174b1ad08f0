/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_session.c -- pinf session: the owner's wallet administers its sessions.  spec/api.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/policy.h>

#include "cli/remote.h"
#include "host/files.h"

static const struct pinf_option options[] = {CLI_JSON, CLI_ROUTER, CLI_DOMAIN, CLI_WALLET};
static const struct pinf_option create_options[] = {
    CLI_JSON,
    CLI_ROUTER,
    CLI_DOMAIN,
    CLI_WALLET,
    OPT_FLAG("private", "true", "private from the start; there is no way back"),
    OPT_FLAG("router-sealed", "false", "let the router see prompts sent to v2 with an API key"),
    OPT_FLAG("api-key", "false", "also make an API key for v1 and v2; shown once"),
    OPT_TEXT("policy", NULL, "", "file with its policy document"),
    OPT_CHOICE("type", "dedicated|ephemeral|pooled", "dedicated",
	"its miners: an allowlist's; assigned by the owner; seated by the router from its pool"),
    OPT_UINT("seats", 0, UINT32_MAX, "1", "pooled: miners that it may have at once"),
    OPT_UINT("session", 0, PINF_ID_MAX, "0", "its id; 0: the next free one"),
};

/* Looked at before it is sent, so that the message names the file. */
static enum pinf_err
read_policy(struct cli *cli, const char *path, struct pinf_bytes *document)
{
	struct pinf_policy_doc doc;
	char field[64];
	enum pinf_err err = pinf_file_read(path, PINF_POLICY_DOC_MAX, document, &cli->message);

	if (err != PINF_OK)
		return err;
	err = pinf_policy_doc_decode(&doc, pinf_span_of(document), field);
	if (err == PINF_OK)
		return PINF_OK;
	pinf_bytes_free(document);
	return pinf_say(&cli->message, err, "%s: %s%s%s", path, pinf_err_text(err),
	    field[0] == '\0' ? "" : ": ", field);
}

static enum pinf_err
create(struct cli *cli)
{
	struct pinf_bytes body = {0}, document = {0};
	struct pinf_json_writer w = pinf_json_write_to(&body);
	const bool with_policy = cli_text(cli, "policy")[0] != '\0';

	if (with_policy) {
		enum pinf_err err = read_policy(cli, cli_text(cli, "policy"), &document);

		if (err != PINF_OK)
			return err;
	}
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_bool(&w, "api_key", cli_number(cli, "api-key") != 0);
	if (with_policy)
		pinf_json_put_raw(&w, "policy", pinf_span_of(&document));
	pinf_bytes_free(&document);
	pinf_json_put_bool(&w, "private", cli_number(cli, "private") != 0);
	if (pinf_option(&cli->options, "router-sealed")->source != PINF_FROM_DEFAULT)
		pinf_json_put_bool(&w, "router_sealed", cli_number(cli, "router-sealed") != 0);
	if (strcmp(cli_text(cli, "type"), "pooled") == 0)
		pinf_json_put_uint(&w, "seats", cli_number(cli, "seats"));
	if (cli_number(cli, "session") != 0)
		pinf_json_put_uint(&w, "session_id", cli_number(cli, "session"));
	pinf_json_put_str(&w, "type", cli_text(cli, "type"));
	pinf_json_close(&w, '}');
	if (pinf_json_written(&w) != PINF_OK) {
		pinf_bytes_free(&body);
		return cli_fail(cli, PINF_E_NO_MEMORY, "session create");
	}
	return remote_post(cli, "/api/v1/sessions", cli_number(cli, "session"), &body);
}

static enum pinf_err
session_id(struct cli *cli, uint64_t *id)
{
	char *end;

	*id = strtoull(cli->options.positional[0], &end, 10);
	if (*end != '\0' || *id == 0 || *id > PINF_ID_MAX)
		return cli_fail(cli, PINF_E_ID_RANGE, cli->options.positional[0]);
	return PINF_OK;
}

static enum pinf_err
change(struct cli *cli, const char *verb)
{
	char path[64];
	uint64_t id;
	enum pinf_err err = session_id(cli, &id);

	if (err != PINF_OK)
		return err;
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%llu/%s", (unsigned long long)id, verb);
	return remote_about_miner(cli, path, id, cli->options.positional[1]);
}

static enum pinf_err
allow(struct cli *cli)
{
	return change(cli, "allow");
}

static enum pinf_err
deny(struct cli *cli)
{
	return change(cli, "deny");
}

static enum pinf_err
policy(struct cli *cli)
{
	struct pinf_bytes document = {0};
	char path[64];
	uint64_t id;
	enum pinf_err err = session_id(cli, &id);

	if (err == PINF_OK)
		err = read_policy(cli, cli->options.positional[1], &document);
	if (err != PINF_OK)
		return err;
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%llu/policy", (unsigned long long)id);
	return remote_post(cli, path, id, &document);
}

static enum pinf_err
show(struct cli *cli)
{
	char path[64];
	uint64_t id;
	enum pinf_err err = session_id(cli, &id);

	if (err != PINF_OK)
		return err;
	(void)snprintf(path, sizeof path, "/api/v1/sessions/%llu", (unsigned long long)id);
	return remote_get(cli, path);
}

static enum pinf_err
list(struct cli *cli)
{
	return remote_get(cli, "/api/v1/sessions");
}

const struct cli_command cli_session_create = CLI_COMMAND("pinf session create", NULL, 0, 0,
    create_options, create, "Creates a session that the wallet owns.");
const struct cli_command cli_session_allow = CLI_COMMAND("pinf session allow", "SESSION MINER", 2,
    2, options, allow, "Puts a miner on the allowlist; the session is private from then on.");
const struct cli_command cli_session_deny = CLI_COMMAND("pinf session deny", "SESSION MINER", 2, 2,
    options, deny, "Takes a miner off the allowlist, effective at once.");
const struct cli_command cli_session_policy = CLI_COMMAND("pinf session policy", "SESSION FILE", 2,
    2, options, policy, "Gives a session another policy document, as a whole.");
const struct cli_command cli_session_show = CLI_COMMAND("pinf session show", "SESSION", 1, 1,
    options, show, "Shows a session; to its owner with the allowlist.");
const struct cli_command cli_session_list = CLI_COMMAND(
    "pinf session list", NULL, 0, 0, options, list, "Lists sessions: ids, kinds, states.");
