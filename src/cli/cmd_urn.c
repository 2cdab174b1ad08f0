/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_urn.c -- pinf urn parse|make: for whoever debugs or writes another implementation. */
#include <pinf/urn.h>

#include "cli/cli.h"

static const struct pinf_option options[] = {CLI_JSON};
static const char *const field_names[PINF_URN_FIELDS] = {
    "version", "storage_type", "provider", "bucket", "file_name"};

static enum pinf_err
parse(struct cli *cli)
{
	const struct pinf_span text = pinf_span_str(cli->options.positional[0]);
	uint8_t canonical[3 * PINF_URN_MAX];
	struct pinf_buf out = {canonical, 0, sizeof canonical};
	struct pinf_urn urn;
	enum pinf_err err = pinf_urn_parse(&urn, text);

	if (err == PINF_OK)
		err = pinf_urn_format(&out, &urn);
	if (err != PINF_OK)
		return cli_fail(cli, err, "urn");
	pinf_json_put_text(&cli->json, "canonical", (struct pinf_span){canonical, out.len});
	for (int i = 0; i < PINF_URN_FIELDS; i++)
		pinf_json_put_text(&cli->json, field_names[i], urn.field[i]);
	pinf_json_put_bool(&cli->json, "is_canonical", pinf_urn_is_canonical(text));
	return PINF_OK;
}

static enum pinf_err
make(struct cli *cli)
{
	uint8_t text[3 * PINF_URN_MAX];
	struct pinf_buf out = {text, 0, sizeof text};
	struct pinf_span plain[PINF_URN_FIELDS] = {pinf_span_str("1")};
	enum pinf_err err;

	for (int i = 1; i < PINF_URN_FIELDS; i++)
		plain[i] = pinf_span_str(cli->options.positional[i - 1]);
	err = pinf_urn_make(&out, plain);
	if (err != PINF_OK)
		return cli_fail(cli, err, "urn");
	pinf_json_put_text(&cli->json, "urn", (struct pinf_span){text, out.len});
	return PINF_OK;
}

const struct cli_command cli_urn_parse = CLI_COMMAND("pinf urn parse", "URN", 1, 1, options, parse,
    "Splits a blob URN into its fields and gives its canonical form.");

const struct cli_command cli_urn_make = CLI_COMMAND("pinf urn make", "TYPE PROVIDER BUCKET FILE", 4,
    4, options, make, "Makes a canonical blob URN of plain fields, escaping what must be.");
