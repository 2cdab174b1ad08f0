/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_miner.c -- pinf miner: claims tasks of a router and answers them with an inference engine. */
#include "cli/cli.h"
#include "cli/signals.h"
#include "host/log.h"
#include "host/peer.h"
#include "host/system.h"

#include <pinf/miner.h>

#define STOP_GRACE_MS 60000

static const struct pinf_option options[] = {
    CLI_DAEMON,
    OPT_TEXT("router-url", "PINF_MINER_ROUTER_URL", "http://127.0.0.1:5011",
	"the router's address for miners"),
    CLI_ROUTER_ADDRESS,
    CLI_DOMAIN,
    CLI_WALLET,
    OPT_UINT("session", 0, PINF_ID_MAX, "0",
	"work for this session only; 0: any that allows this miner"),
    OPT_UINT("slots", 1, PINF_MINER_SLOTS_MAX, "1", "tasks at once"),
    OPT_CHOICE("engine", "builtin|command|openai", "builtin",
	"builtin: deterministic, for tests; command: a program; openai: an HTTP server"),
    OPT_TEXT(
	"engine-command", NULL, "", "program and arguments: prompt on stdin, answer on stdout"),
    OPT_TEXT("llm-host", "LLM_HOST", "127.0.0.1", "server for --engine openai"),
    {.name = "llm-port",
	.env = "LLM_PORT",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = 65535,
	.fallback = "8090",
	.help = "and its port"},
    OPT_TEXT("storage-provider", NULL, "local", "the router's blob storage, as it names it"),
    OPT_TEXT("storage-bucket", NULL, "pinf", "and its bucket"),
    OPT_CHOICE("suite", "aes-256-gcm|chacha20-poly1305", "aes-256-gcm", "of results"),
};

static struct pinf_miner_config
miner_config(const struct cli *cli)
{
	struct pinf_miner_config config = pinf_miner_defaults();

	config.router = pinf_option(&cli->options, "router-address")->address;
	config.domain = cli_domain(cli);
	config.storage = (struct pinf_storage){
	    "fs", cli_text(cli, "storage-provider"), cli_text(cli, "storage-bucket")};
	config.suite =
	    cli_number(cli, "suite") == 0 ? PINF_SUITE_AES256GCM : PINF_SUITE_CHACHA20POLY1305;
	config.only_session = cli_number(cli, "session");
	config.slots = (uint32_t)cli_number(cli, "slots");
	return config;
}

static void
unanswered(void *ctx, const char *words)
{
	(void)ctx;
	pinf_log(PINF_LOG_WARN, "router-unanswered",
	    (const struct pinf_log_field[]){{"error", words, 0}, {0}});
}

static enum pinf_err
mine(struct cli *cli, const struct pinf_wallet *wallet)
{
	const struct pinf_miner_config config = miner_config(cli);
	const struct pinf_engine_config engine = {
	    .kind = (enum pinf_engine_kind)cli_number(cli, "engine"),
	    .command = cli_text(cli, "engine-command"),
	    .host = cli_text(cli, "llm-host"),
	    .port = (unsigned)cli_number(cli, "llm-port"),
	};
	const struct pinf_peer_config peer = {.url = cli_text(cli, "router-url"),
	    .threads = config.slots,
	    .engine = &engine,
	    .unanswered = unanswered};
	const atomic_bool *stop = signals_catch();
	struct pinf_miner *miner = NULL;
	enum pinf_err err = cli_fail(
	    cli, pinf_miner_open(&miner, &config, wallet, pinf_random_system()), "pinf miner");

	if (err == PINF_OK)
		err = cli_fail(cli,
		    pinf_miner_run(miner, &peer, stop, STOP_GRACE_MS, &cli->message), "pinf miner");
	pinf_miner_free(miner);
	return err;
}

static enum pinf_err
run(struct cli *cli)
{
	struct pinf_wallet wallet;
	char address[PINF_ADDRESS_TEXT];
	enum pinf_err err;

	if (cli_number(cli, "check-config") != 0)
		return cli_describe(cli);
	pinf_log_set_level((enum pinf_log_level)cli_number(cli, "log-level"));
	err = cli_wallet(cli, &wallet);
	if (err != PINF_OK)
		return err;
	pinf_address_format(address, &wallet.address);
	pinf_log(PINF_LOG_INFO, "miner-ready",
	    (const struct pinf_log_field[]){
		{"miner", address, 0}, {"router_url", cli_text(cli, "router-url"), 0}, {0}});
	err = mine(cli, &wallet);
	pinf_wallet_wipe(&wallet);
	pinf_log(PINF_LOG_INFO, "miner-stopped", NULL);
	return err;
}

const struct cli_command cli_miner =
    CLI_COMMAND("pinf miner", NULL, 0, 0, options, run, "Runs a miner until SIGTERM.");
