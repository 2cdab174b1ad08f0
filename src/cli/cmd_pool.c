/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_pool.c -- pinf pool: the administrator says which miners the router may seat in pooled sessions.  spec/acl.md. */
#include "cli/remote.h"

static const struct pinf_option options[] = {CLI_JSON, CLI_ROUTER, CLI_DOMAIN, CLI_WALLET};

static enum pinf_err
allow(struct cli *cli)
{
	return remote_about_miner(cli, "/api/v1/pool/allow", 0, cli->options.positional[0]);
}

static enum pinf_err
deny(struct cli *cli)
{
	return remote_about_miner(cli, "/api/v1/pool/deny", 0, cli->options.positional[0]);
}

static enum pinf_err
list(struct cli *cli)
{
	return remote_get(cli, "/api/v1/pool");
}

const struct cli_command cli_pool_allow = CLI_COMMAND(
    "pinf pool allow", "MINER", 1, 1, options, allow, "Puts a miner into the router's pool.");
const struct cli_command cli_pool_deny = CLI_COMMAND("pinf pool deny", "MINER", 1, 1, options, deny,
    "Takes a miner out of the pool and of every seat it has.");
const struct cli_command cli_pool_list =
    CLI_COMMAND("pinf pool list", NULL, 0, 0, options, list, "Lists the pool.");
