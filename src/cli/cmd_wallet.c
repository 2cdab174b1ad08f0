/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_wallet.c -- pinf wallet new|show. */
#include "cli/cli.h"
#include "host/system.h"

static const struct pinf_option options[] = {CLI_JSON};

static enum pinf_err
answer(struct cli *cli, const struct pinf_wallet *wallet)
{
	pinf_json_put_address(&cli->json, "address", &wallet->address);
	pinf_json_put_str(&cli->json, "file", cli->options.positional[0]);
	return PINF_OK;
}

static enum pinf_err new (struct cli *cli) {
	struct pinf_wallet wallet;
	enum pinf_err err = pinf_wallet_new(&wallet, pinf_random_system());

	if (err == PINF_OK)
	    err = pinf_walletfile_save(&wallet, cli->options.positional[0], &cli->message);
	if (err == PINF_OK) err = answer(cli, &wallet);
	pinf_wallet_wipe(&wallet);
	return cli_fail(cli, err, "wallet");
}

static enum pinf_err
show(struct cli *cli)
{
	struct pinf_wallet wallet;
	enum pinf_err err =
	    pinf_walletfile_load(&wallet, cli->options.positional[0], &cli->message);

	if (err == PINF_OK)
		err = answer(cli, &wallet);
	pinf_wallet_wipe(&wallet);
	return cli_fail(cli, err, "wallet");
}

const struct cli_command cli_wallet_new = CLI_COMMAND("pinf wallet new", "FILE", 1, 1, options, new,
    "Makes a wallet: a random secp256k1 secret in a file of mode 0600.");

const struct cli_command cli_wallet_show = CLI_COMMAND(
    "pinf wallet show", "FILE", 1, 1, options, show, "Shows a wallet's address, never its secret.");
