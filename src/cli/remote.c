/* SPDX-License-Identifier: Apache-2.0 */
/* remote.c -- one signed request to a router.  spec/auth.md. */
#include <stdio.h>
#include <string.h>

#include "cli/remote.h"
#include "core/send.h"
#include "host/files.h"
#include "host/system.h"

#define TIMEOUT_MS 30000
#define ANSWER_MAX ((size_t)4 << 20)

/* The answer is a JSON object: it takes the place of the one that the command has open. */
static enum pinf_err
adopt(struct cli *cli, struct pinf_span object)
{
	struct pinf_json *json;
	enum pinf_err err = pinf_json_parse(&json, object, ANSWER_MAX);

	if (err != PINF_OK)
		return cli_fail(cli, err, "the router's answer");
	pinf_json_free(json);
	cli->out.len = 0;
	return pinf_bytes_append(&cli->out, object.data, object.len - 1);
}

enum pinf_err
remote_call(
    struct cli *cli, const struct pinf_call *call, unsigned *status, struct pinf_bytes *answer)
{
	const char *url = cli_text(cli, "router-url");
	struct pinf_client *client;
	enum pinf_err err = pinf_url_check(url, &cli->message);

	if (err == PINF_OK)
		err = cli_fail(cli, pinf_client_new(&client, url, NULL), url);
	if (err != PINF_OK)
		return err;
	err = pinf_client_call(client, call, status, answer);
	if (err != PINF_OK)
		(void)pinf_say(&cli->message, err, "%s", pinf_client_trouble(client));
	pinf_client_free(client);
	return err;
}

enum pinf_err
remote_refusal(struct cli *cli, const char *what, const struct pinf_api_error *error)
{
	const bool denied = error->err == PINF_E_DENIED;

	if (strncmp(error->field, "status ", 7) == 0) /* Not in the words of a router: send.c. */
		return pinf_say(&cli->message, error->err,
		    "%s: what answers at %s is no router, or a proxy without one (%s)", what,
		    cli_text(cli, "router-url"), error->field);
	return pinf_say(&cli->message, error->err, "%s: %s%s%s%s%s", what,
	    pinf_err_text(error->err), denied ? ": " : "",
	    denied ? pinf_rule_text(error->rule) : "", error->field[0] != '\0' ? "; field " : "",
	    error->field);
}

static enum pinf_err
refused(struct cli *cli, unsigned status, struct pinf_span body)
{
	const struct pinf_event reply = {.kind = PINF_EV_REPLY, .status = status, .body = body};
	struct pinf_api_error error = {0};
	char what[40];

	if (!pinf_reply_refused(&error, &reply))
		return PINF_OK;
	(void)snprintf(what, sizeof what, "the router refused (%u)", status);
	return remote_refusal(cli, what, &error);
}

static enum pinf_err
call(struct cli *cli, const struct pinf_effect *fx)
{
	struct pinf_bytes answer = {0};
	unsigned status = 0;
	const struct pinf_call request = {
	    .method = fx->method,
	    .path = (const char *)fx->path.data,
	    .authorization = fx->authorization,
	    .content_type = "application/json",
	    .body = pinf_span_of(&fx->body),
	    .timeout_ms = TIMEOUT_MS,
	    .answer_max = ANSWER_MAX,
	};
	enum pinf_err err = remote_call(cli, &request, &status, &answer);

	if (err == PINF_OK)
		err = refused(cli, status, pinf_span_of(&answer));
	if (err == PINF_OK)
		err = adopt(cli, pinf_span_of(&answer));
	pinf_bytes_free(&answer);
	return err;
}

static enum pinf_err
request(struct cli *cli, struct pinf_send *send)
{
	struct pinf_wallet wallet;
	struct pinf_effects effects = {0};
	const struct pinf_sender sender = {
	    .wallet = &wallet,
	    .router = pinf_option(&cli->options, "router-address")->address,
	    .domain = cli_domain(cli),
	    .random = pinf_random_system(),
	    .timeout_ms = TIMEOUT_MS,
	};
	enum pinf_err err = cli_wallet(cli, &wallet);

	if (err != PINF_OK)
		return err;
	send->kind = PINF_FX_SEND;
	send->id = 1;
	send->now_ms = pinf_now_ms();
	err = cli_fail(cli, pinf_send_signed(&effects, &sender, send), "signing the request");
	pinf_wallet_wipe(&wallet);
	if (err == PINF_OK)
		err = call(cli, &effects.list[0]);
	pinf_effects_free(&effects);
	return err;
}

enum pinf_err
remote_post(struct cli *cli, const char *path, uint64_t session, struct pinf_bytes *body)
{
	struct pinf_send send = {.method = "POST", .path = path, .body = body, .session = session};
	enum pinf_err err = body->len == 0 ? pinf_bytes_append(body, "{}", 2) : PINF_OK;

	if (err == PINF_OK)
		err = request(cli, &send);
	pinf_bytes_free(body);
	return err;
}

enum pinf_err
remote_get(struct cli *cli, const char *path)
{
	struct pinf_send send = {.method = "GET", .path = path};

	return request(cli, &send);
}

enum pinf_err
remote_about_miner(struct cli *cli, const char *path, uint64_t session, const char *address)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer w = pinf_json_write_to(&body);
	struct pinf_address miner;
	enum pinf_err err = pinf_address_parse(&miner, pinf_span_str(address));

	if (err != PINF_OK)
		return cli_fail(cli, err, address);
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_address(&w, "miner", &miner);
	pinf_json_close(&w, '}');
	if (pinf_json_written(&w) == PINF_OK)
		return remote_post(cli, path, session, &body);
	pinf_bytes_free(&body);
	return cli_fail(cli, PINF_E_NO_MEMORY, path);
}
