/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_key.c -- pinf key: the keyring's file when no router runs on it, or (--router-url) a running
 * router, which then changes its own.  spec/keys.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/remote.h"
#include "host/files.h"
#include "host/system.h"

#define SEED_FILE_MAX 256

#define KEY_OPTIONS CLI_JSON, CLI_KEYRING, CLI_DOMAIN
#define REMOTE_OPTIONS                                                                             \
	OPT_TEXT(                                                                                  \
	    "router-url", NULL, "", "ask the router that runs there (its miner port) instead"),    \
	    OPT_ADDRESS("router-address", "PINF_ROUTER_ADDRESS", NO_ADDRESS,                       \
		"with --router-url: its identity"),                                                \
	    OPT_TEXT(                                                                              \
		"wallet", "PINF_WALLET", "", "with --router-url: the administrator's wallet file")

static const struct pinf_option key_options[] = {KEY_OPTIONS};
static const struct pinf_option new_options[] = {
    KEY_OPTIONS, OPT_FLAG("pending", "false", "do not activate the new version yet")};
static const struct pinf_option remote_options[] = {KEY_OPTIONS, REMOTE_OPTIONS};
static const struct pinf_option destroy_options[] = {KEY_OPTIONS, REMOTE_OPTIONS,
    OPT_FLAG("force", "false", "fail the open tasks and unread results that need it")};

static void
put_version(struct cli *cli, const struct pinf_key_info *info)
{
	pinf_json_put_uint(&cli->json, "created_ms", info->created_ms);
	pinf_json_put_hex(
	    &cli->json, "fingerprint", false, info->fingerprint, sizeof info->fingerprint);
	pinf_json_put_str(&cli->json, "state", pinf_key_state_name(info->state));
	pinf_json_put_uint(&cli->json, "version", info->version);
}

static void
put_keyring(struct cli *cli, const struct pinf_keyring *keyring)
{
	pinf_json_put_uint(&cli->json, "chain_id", pinf_keyring_domain(keyring)->chain_id);
	pinf_json_put_address(&cli->json, "contract", &pinf_keyring_domain(keyring)->contract);
	pinf_json_open(&cli->json, "keys", '[');
	for (size_t i = 0; i < pinf_keyring_count(keyring); i++) {
		const struct pinf_key_info info = pinf_keyring_info(keyring, i);

		pinf_json_open(&cli->json, NULL, '{');
		put_version(cli, &info);
		pinf_json_close(&cli->json, '}');
	}
	pinf_json_close(&cli->json, ']');
	pinf_json_put_address(&cli->json, "router_address", pinf_keyring_address(keyring));
}

/* Opens the keyring, or begins one where there is none. */
static enum pinf_err
open_or_begin(struct cli *cli, struct cli_keyring *k)
{
	const char *path = cli_text(cli, "keyring");
	const struct pinf_domain domain = cli_domain(cli);
	char dir[PINF_FILE_PATH_MAX];
	char *slash;
	enum pinf_err err;

	if (access(path, F_OK) == 0)
		return cli_keyring_open(cli, k);
	*k = (struct cli_keyring){.file = {.lock = -1}};
	if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
		return PINF_E_LENGTH;
	slash = strrchr(dir, '/');
	if (slash != NULL && slash != dir) {
		*slash = '\0';
		err = pinf_dir_make(dir);
		if (err != PINF_OK)
			return cli_fail(cli, err, dir);
	}
	err = pinf_keyfile_open(
	    &k->file, path, cli_text(cli, "passphrase-file"), true, &cli->message);
	return err == PINF_OK ? pinf_keyring_new(&k->keyring, &domain, pinf_random_system()) : err;
}

static enum pinf_err
add(struct cli *cli, const struct pinf_span *seed, bool activate)
{
	struct cli_keyring k;
	uint32_t version = 0;
	enum pinf_err err = open_or_begin(cli, &k);

	if (err == PINF_OK)
		err = pinf_keyring_add(
		    k.keyring, &version, seed, pinf_now_ms(), pinf_random_system());
	if (err == PINF_OK && activate)
		err = pinf_keyring_activate(k.keyring, version);
	if (err == PINF_OK)
		err = cli_keyring_save(cli, &k);
	if (err == PINF_OK) {
		const struct pinf_key_info info =
		    pinf_keyring_info(k.keyring, pinf_keyring_count(k.keyring) - 1);

		pinf_json_put_address(
		    &cli->json, "router_address", pinf_keyring_address(k.keyring));
		put_version(cli, &info);
	}
	cli_keyring_close(&k);
	return cli_fail(cli, err, "key");
}

static enum pinf_err
key_new(struct cli *cli)
{
	return add(cli, NULL, cli_number(cli, "pending") == 0);
}

static enum pinf_err
key_import(struct cli *cli)
{
	struct pinf_bytes text = {0};
	uint8_t seed[PINF_SEED_MAX];
	size_t seed_len = 0;
	enum pinf_err err =
	    pinf_secret_read(cli->options.positional[0], SEED_FILE_MAX, &text, &cli->message);

	while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		text.len--;
	if (err == PINF_OK)
		err = pinf_seed_parse(seed, &seed_len, pinf_span_of(&text));
	pinf_bytes_free(&text);
	if (err == PINF_OK)
		err =
		    add(cli, &(struct pinf_span){seed, seed_len}, cli_number(cli, "pending") == 0);
	pinf_wipe(seed, sizeof seed);
	return cli_fail(cli, err, cli->options.positional[0]);
}

static enum pinf_err
key_list(struct cli *cli)
{
	struct cli_keyring k;
	enum pinf_err err;

	if (cli_text(cli, "router-url")[0] != '\0')
		return remote_get(cli, "/api/v1/keys");
	err = cli_keyring_open(cli, &k);
	if (err == PINF_OK)
		put_keyring(cli, k.keyring);
	cli_keyring_close(&k);
	return err;
}

static enum pinf_err
key_rotate(struct cli *cli)
{
	struct pinf_bytes body = {0};

	if (cli_text(cli, "router-url")[0] == '\0')
		return add(cli, NULL, true);
	return remote_post(cli, "/api/v1/keys/rotate", 0, &body);
}

static enum pinf_err
destroy_remotely(struct cli *cli, uint32_t version)
{
	struct pinf_bytes body = {0};
	struct pinf_json_writer w = pinf_json_write_to(&body);

	pinf_json_open(&w, NULL, '{');
	pinf_json_put_bool(&w, "force", cli_number(cli, "force") != 0);
	pinf_json_put_uint(&w, "key_version", version);
	pinf_json_close(&w, '}');
	if (pinf_json_written(&w) != PINF_OK)
		return cli_fail(cli, PINF_E_NO_MEMORY, "key destroy");
	return remote_post(cli, "/api/v1/keys/destroy", 0, &body);
}

/* Without the router nobody knows which tasks need the version: that takes --force. */
static enum pinf_err
key_destroy(struct cli *cli)
{
	const uint64_t version = strtoull(cli->options.positional[0], NULL, 10);
	struct cli_keyring k;
	enum pinf_err err;

	if (version == 0 || version > UINT32_MAX)
		return cli_fail(cli, PINF_E_RANGE, "the key version");
	if (cli_text(cli, "router-url")[0] != '\0')
		return destroy_remotely(cli, (uint32_t)version);
	if (cli_number(cli, "force") == 0)
		return cli_fail(cli, PINF_E_KEY_IN_USE,
		    "without its router nobody knows which tasks need it: ask the router "
		    "(--router-url), or say --force");
	err = cli_keyring_open(cli, &k);
	if (err == PINF_OK)
		err = pinf_keyring_destroy(k.keyring, (uint32_t)version);
	if (err == PINF_OK)
		err = cli_keyring_save(cli, &k);
	if (err == PINF_OK)
		put_keyring(cli, k.keyring);
	cli_keyring_close(&k);
	return cli_fail(cli, err, "key destroy");
}

/* The recovery path: the whole keyring under a passphrase of its own. */
static enum pinf_err
key_export(struct cli *cli)
{
	struct cli_keyring k;
	struct pinf_keyfile copy = {.lock = -1};
	enum pinf_err err = cli_keyring_open(cli, &k);

	if (err == PINF_OK && access(cli->options.positional[0], F_OK) == 0)
		err = pinf_say(&cli->message, PINF_E_CONFLICT,
		    "%s: exists already; a keyring is never overwritten",
		    cli->options.positional[0]);
	if (err == PINF_OK)
		err = pinf_keyfile_open(&copy, cli->options.positional[0],
		    cli->options.positional[1], true, &cli->message);
	if (err == PINF_OK)
		err = pinf_keyfile_save(&copy, k.keyring, &cli->message);
	if (err == PINF_OK) {
		pinf_json_put_str(&cli->json, "file", cli->options.positional[0]);
		pinf_json_put_str(&cli->json, "passphrase_file", cli->options.positional[1]);
	}
	pinf_keyfile_close(&copy);
	cli_keyring_close(&k);
	return cli_fail(cli, err, "key export");
}

const struct cli_command cli_key_new = CLI_COMMAND("pinf key new", NULL, 0, 0, new_options, key_new,
    "Adds a key version with a random seed; makes the keyring if there is none.");
const struct cli_command cli_key_list = CLI_COMMAND("pinf key list", NULL, 0, 0, remote_options,
    key_list, "Lists key versions: state, age and fingerprint, never seeds.");
const struct cli_command cli_key_rotate = CLI_COMMAND("pinf key rotate", NULL, 0, 0, remote_options,
    key_rotate, "Makes a new version the active one; open tasks finish under theirs.");
const struct cli_command cli_key_destroy =
    CLI_COMMAND("pinf key destroy", "VERSION", 1, 1, destroy_options, key_destroy,
	"Wipes a version's seed for good; reaches this keyring, not its copies.");
const struct cli_command cli_key_export =
    CLI_COMMAND("pinf key export", "FILE PASSPHRASE-FILE", 2, 2, key_options, key_export,
	"Copies the keyring under another passphrase (made if the file is missing).");
const struct cli_command cli_key_import =
    CLI_COMMAND("pinf key import", "SEED-FILE", 1, 1, new_options, key_import,
	"Adds a key version from a seed file: 32 to 64 random bytes, hex or base64.");
