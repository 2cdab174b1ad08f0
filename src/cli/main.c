/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- pinf: finds the sub-command, reads its options, runs it, prints its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "host/files.h"
#include "host/system.h"

static const struct cli_command *const commands[] = {
    &cli_demo,
    &cli_router,
    &cli_miner,
    &cli_complete,
    &cli_session_create,
    &cli_session_allow,
    &cli_session_deny,
    &cli_session_show,
    &cli_session_list,
    &cli_pool_allow,
    &cli_pool_deny,
    &cli_pool_list,
    &cli_session_policy,
    &cli_policy_explain,
    &cli_key_new,
    &cli_key_list,
    &cli_key_rotate,
    &cli_key_destroy,
    &cli_key_export,
    &cli_key_import,
    &cli_wallet_new,
    &cli_wallet_show,
    &cli_seal,
    &cli_open,
    &cli_blob_info,
    &cli_urn_parse,
    &cli_urn_make,
    &cli_audit_verify,
    &cli_audit_show,
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

enum pinf_err
cli_fail(struct cli *cli, enum pinf_err err, const char *what)
{
	if (err != PINF_OK && cli->message.len == 0)
		return pinf_say(&cli->message, err, "%s: %s", what, pinf_err_text(err));
	return err;
}

const char *
cli_text(const struct cli *cli, const char *option)
{
	return pinf_option_text(&cli->options, option);
}

uint64_t
cli_number(const struct cli *cli, const char *option)
{
	return pinf_option(&cli->options, option)->number;
}

enum pinf_err
cli_keyring_open(struct cli *cli, struct cli_keyring *keyring)
{
	enum pinf_err err;

	*keyring = (struct cli_keyring){.file = {.lock = -1}};
	err = pinf_keyfile_open(&keyring->file, cli_text(cli, "keyring"),
	    cli_text(cli, "passphrase-file"), false, &cli->message);
	return err == PINF_OK ? pinf_keyfile_load(&keyring->file, &keyring->keyring, &cli->message)
			      : err;
}

enum pinf_err
cli_keyring_save(struct cli *cli, const struct cli_keyring *keyring)
{
	return pinf_keyfile_save(&keyring->file, keyring->keyring, &cli->message);
}

void
cli_keyring_close(struct cli_keyring *keyring)
{
	pinf_keyring_free(keyring->keyring);
	keyring->keyring = NULL;
	pinf_keyfile_close(&keyring->file);
}

enum pinf_err
cli_wallet(struct cli *cli, struct pinf_wallet *wallet)
{
	return pinf_walletfile_load(wallet, cli_text(cli, "wallet"), &cli->message);
}

enum pinf_err
cli_describe(struct cli *cli)
{
	struct pinf_bytes text = {0};
	enum pinf_err err = pinf_options_describe(&text, &cli->options);

	if (err == PINF_OK)
		(void)printf("%s\n", (const char *)text.data);
	pinf_bytes_free(&text);
	return err;
}

struct pinf_domain
cli_domain(const struct cli *cli)
{
	return (struct pinf_domain){
	    cli_number(cli, "chain-id"), pinf_option(&cli->options, "contract")->address};
}

static void
usage(FILE *to)
{
	(void)fprintf(to, "pinf %s: private inference\n\nUsage: pinf COMMAND [options] ...\n\n",
	    PINF_VERSION);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		(void)fprintf(to, "  %-16s %s\n", commands[i]->command.name + 5,
		    commands[i]->command.summary);
	(void)fprintf(to,
	    "\npinf COMMAND --help tells a command's options; README.md shows a first session.\n");
}

/*
 * Where the member or element that begins at at ends: at its comma, or at the bracket around it.
 * The text is our own writer's compact JSON, so that brackets and quotes are all there is to count.
 */
static size_t
value_end(struct pinf_span json, size_t at)
{
	bool quoted = false;
	int depth = 0;

	for (; at < json.len; at++) {
		const uint8_t c = json.data[at];

		if (quoted) {
			at += c == '\\';
			quoted = c != '"';
			continue;
		}
		quoted = c == '"';
		if (depth == 0 && (c == ',' || c == ']' || c == '}'))
			break;
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
	}
	return at;
}

static void
print_scalar(struct pinf_span text)
{
	if (text.len >= 2 && text.data[0] == '"')
		text = (struct pinf_span){text.data + 1, text.len - 2};
	(void)printf("%.*s\n", (int)text.len, (const char *)text.data);
}

/* A value as a person reads it; the elements of an array on a line each. */
static void
print_value(struct pinf_span text)
{
	if (text.len <= 2 || text.data[0] != '[') {
		print_scalar(text);
		return;
	}
	for (size_t at = 1, end; at < text.len; at = end + 1) {
		end = value_end(text, at);
		(void)printf("%s", at == 1 ? "" : "                 ");
		print_scalar((struct pinf_span){text.data + at, end - at});
	}
}

/* The answer's members, one a line. */
static void
print_lines(struct pinf_span json)
{
	for (size_t at = 1, end; at < json.len; at = end + 1) {
		const uint8_t *colon = memchr(json.data + at, ':', json.len - at);
		size_t name_end;

		end = value_end(json, at);
		if (colon == NULL)
			break;
		name_end = (size_t)(colon - json.data);
		(void)printf(
		    "%-16.*s ", (int)(name_end - at - 2), (const char *)json.data + at + 1);
		print_value((struct pinf_span){json.data + name_end + 1, end - name_end - 1});
	}
}

static int
run(const struct cli_command *command, struct cli *cli)
{
	enum pinf_err err;

	cli->json = pinf_json_write_to(&cli->out);
	pinf_json_open(&cli->json, NULL, '{');
	err = command->run(cli);
	if (err == PINF_OK) {
		pinf_json_close(&cli->json, '}');
		err = cli_fail(cli, pinf_json_written(&cli->json), command->command.name);
	}
	if (err != PINF_OK)
		return 1;
	if (cli->out.len <= 2)
		return 0;
	if (pinf_option(&cli->options, "json")->number != 0)
		(void)printf("%s\n", (const char *)cli->out.data);
	else
		print_lines(pinf_span_of(&cli->out));
	return 0;
}

/* Daemons take a file too: --config, read before the environment and below the flags. */
static enum pinf_err
read_config(struct cli *cli, const struct pinf_command *command)
{
	struct pinf_bytes text = {0};
	const char *path = NULL;
	enum pinf_err err;

	for (size_t i = 0; i < command->option_count; i++)
		if (strcmp(command->options[i].name, "config") == 0)
			path = cli_text(cli, "config");
	if (path == NULL || path[0] == '\0')
		return PINF_OK;
	err = pinf_file_read(path, PINF_CONFIG_FILE_MAX, &text, &cli->message);
	if (err == PINF_OK)
		err = pinf_options_file(&cli->options, path, pinf_span_of(&text), &cli->message);
	pinf_bytes_free(&text);
	return err;
}

static int
start(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	struct pinf_options *o = &cli->options;
	struct pinf_bytes help = {0};
	enum pinf_err err;
	int status = 1;

	pinf_options_init(o, &command->command);
	err = pinf_options_argv(o, argc, argv, &cli->message);
	if (err == PINF_OK && o->help) {
		if (pinf_options_help(&help, &command->command) == PINF_OK)
			status = fputs((const char *)help.data, stdout) < 0;
		pinf_bytes_free(&help);
		return status;
	}
	if (err == PINF_OK && o->version)
		return printf("pinf %s\n", PINF_VERSION) < 0;
	if (err == PINF_OK)
		err = read_config(cli, &command->command);
	if (err == PINF_OK)
		err = pinf_options_env(o, getenv, &cli->message);
	if (err == PINF_OK)
		err = pinf_options_end(o, &cli->message);
	return err == PINF_OK ? run(command, cli) : 1;
}

/* An answer that a full disk cut short is none. */
static int
finish(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)fputs("pinf: standard output could not be written whole\n", stderr);
	return status == 0 ? 1 : status;
}

int
main(int argc, char **argv)
{
	const struct pinf_command *table[COMMAND_COUNT];
	const struct pinf_command *found;
	struct cli cli = {0};
	int used = 0, status = 1;

	pinf_harden();
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		table[i] = &commands[i]->command;
	found = pinf_command_find(table, COMMAND_COUNT, argc - 1, argv + 1, &used);
	if (found == NULL) {
		const bool asked =
		    argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0);

		if (argc > 1 && strcmp(argv[1], "--version") == 0)
			return finish(printf("pinf %s\n", PINF_VERSION) < 0);
		if (argc > 1 && !asked)
			(void)fprintf(stderr, "pinf: there is no command '%s'\n\n", argv[1]);
		usage(asked ? stdout : stderr);
		return finish(asked ? 0 : 1);
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (table[i] == found)
			status = start(commands[i], &cli, argc - 1 - used, argv + 1 + used);
	if (cli.message.len > 0)
		(void)fprintf(stderr, "%s%s", (const char *)cli.message.data,
		    cli.message.data[cli.message.len - 1] == '\n' ? "" : "\n");
	pinf_options_free(&cli.options);
	pinf_bytes_free(&cli.message);
	pinf_bytes_free(&cli.out);
	return finish(status);
}
