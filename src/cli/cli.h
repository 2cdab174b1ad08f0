/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h -- what the sub-commands of pinf share: options, keyring, wallet, output, a signed request. */
#ifndef PINF_CLI_H
#define PINF_CLI_H

#include <pinf/keyring.h>
#include <pinf/wallet.h>

#include "core/json.h"
#include "core/options.h"
#include "host/keyfile.h"

/* One run of one sub-command. */
struct cli {
	struct pinf_options options;
	struct pinf_bytes message; /* what went wrong, for stderr */
	struct pinf_bytes out; /* JSON that the command answers with */
	struct pinf_json_writer json; /* writes to out; an object is open while the command runs */
};

/* A sub-command.  It answers by writing to json; with --json that is printed as it is, else as lines. */
struct cli_command {
	struct pinf_command command;
	enum pinf_err (*run)(struct cli *cli);
};

/* Sets the message where there is none yet; returns err. */
enum pinf_err cli_fail(struct cli *cli, enum pinf_err err, const char *what);
const char *cli_text(const struct cli *cli, const char *option);
uint64_t cli_number(const struct cli *cli, const char *option);

/* Rows of option tables and the command itself, short, so that a table reads as one. */
#define OPT_TEXT(n, e, f, h)                                                                       \
	{                                                                                          \
		.name = (n), .env = (e), .type = PINF_OPT_TEXT, .fallback = (f), .help = (h)       \
	}
#define NEED_TEXT(n, e, h)                                                                         \
	{                                                                                          \
		.name = (n), .env = (e), .type = PINF_OPT_TEXT, .required = true, .help = (h)      \
	}
#define OPT_ADDRESS(n, e, f, h)                                                                    \
	{                                                                                          \
		.name = (n), .env = (e), .type = PINF_OPT_ADDRESS, .fallback = (f), .help = (h)    \
	}
#define NEED_ADDRESS(n, e, h)                                                                      \
	{                                                                                          \
		.name = (n), .env = (e), .type = PINF_OPT_ADDRESS, .required = true, .help = (h)   \
	}
#define OPT_FLAG(n, f, h)                                                                          \
	{                                                                                          \
		.name = (n), .type = PINF_OPT_BOOL, .fallback = (f), .help = (h)                   \
	}
#define OPT_CHOICE(n, c, f, h)                                                                     \
	{                                                                                          \
		.name = (n), .type = PINF_OPT_CHOICE, .choices = (c), .fallback = (f), .help = (h) \
	}
#define OPT_UINT(n, least, most, f, h)                                                             \
	{                                                                                          \
		.name = (n), .type = PINF_OPT_UINT, .min = (least), .max = (most),                 \
		.fallback = (f), .help = (h)                                                       \
	}
#define OPT_TIME(n, f, h)                                                                          \
	{                                                                                          \
		.name = (n), .type = PINF_OPT_DURATION, .min = 1, .max = UINT32_MAX,               \
		.fallback = (f), .help = (h)                                                       \
	}
#define CLI_COMMAND(words, args, least, most, table, function, text)                               \
	{                                                                                          \
		{.name = (words),                                                                  \
		    .summary = (text),                                                             \
		    .positionals = (args),                                                         \
		    .positional_min = (least),                                                     \
		    .positional_max = (most),                                                      \
		    .options = (table),                                                            \
		    .option_count = sizeof(table) / sizeof(table)[0]},                             \
		    function                                                                       \
	}

/* Options that several commands take. */
#define NO_ADDRESS "0x0000000000000000000000000000000000000000"
#define CLI_JSON   OPT_FLAG("json", "false", "answer in JSON")
#define CLI_KEYRING                                                                                \
	OPT_TEXT("keyring", "PINF_KEYRING", "pinf-data/keyring", "keyring file"), CLI_PASSPHRASE
#define CLI_PASSPHRASE                                                                             \
	OPT_TEXT("passphrase-file", "PINF_PASSPHRASE_FILE", "",                                    \
	    "file with the keyring's passphrase, 0600; else PINF_PASSPHRASE is read")
#define CLI_WALLET NEED_TEXT("wallet", "PINF_WALLET", "wallet file that signs")
#define CLI_ROUTER                                                                                 \
	OPT_TEXT("router-url", "PINF_ROUTER_URL", "http://127.0.0.1:5010",                         \
	    "where the router listens for callers"),                                               \
	    CLI_ROUTER_ADDRESS
#define CLI_ROUTER_ADDRESS                                                                         \
	NEED_ADDRESS("router-address", "PINF_ROUTER_ADDRESS",                                      \
	    "the router's identity; from its operator, never from the network")
#define CLI_DOMAIN                                                                                 \
	{.name = "chain-id",                                                                       \
	    .env = "PINF_CHAIN_ID",                                                                \
	    .type = PINF_OPT_UINT,                                                                 \
	    .max = PINF_ID_MAX,                                                                    \
	    .fallback = "1",                                                                       \
	    .help = "chain of the deployment"},                                                    \
	    OPT_ADDRESS("contract", "PINF_CONTRACT", NO_ADDRESS, "contract of the deployment")
#define CLI_LOG_LEVEL                                                                              \
	{                                                                                          \
		.name = "log-level", .env = "PINF_LOG_LEVEL", .type = PINF_OPT_CHOICE,             \
		.choices = PINF_LOG_LEVELS, .fallback = "info",                                    \
		.help = "what the log tells; never a key, a prompt or a result"                    \
	}
#define CLI_DAEMON                                                                                 \
	OPT_TEXT("config", "PINF_CONFIG", "", "JSON file with any of these options, '_' for '-'"), \
	    CLI_LOG_LEVEL,                                                                         \
	    OPT_FLAG("check-config", "false", "show the effective configuration and stop")

/* Opens keyring file and keyring; both are closed by cli_keyring_close(). */
struct cli_keyring {
	struct pinf_keyfile file;
	struct pinf_keyring *keyring;
};
PINF_MUST_CHECK enum pinf_err cli_keyring_open(struct cli *cli, struct cli_keyring *keyring);
PINF_MUST_CHECK enum pinf_err cli_keyring_save(struct cli *cli, const struct cli_keyring *keyring);
void cli_keyring_close(struct cli_keyring *keyring);

PINF_MUST_CHECK enum pinf_err cli_wallet(struct cli *cli, struct pinf_wallet *wallet);
/* Prints the effective configuration, without secrets: --check-config. */
enum pinf_err cli_describe(struct cli *cli);
struct pinf_domain cli_domain(const struct cli *cli);

/* Commands, each in the file of its first word. */
extern const struct cli_command cli_urn_parse, cli_urn_make;
extern const struct cli_command cli_wallet_new, cli_wallet_show;
extern const struct cli_command cli_key_new, cli_key_list, cli_key_rotate, cli_key_destroy,
    cli_key_export, cli_key_import;
extern const struct cli_command cli_seal, cli_open, cli_blob_info;
extern const struct cli_command cli_session_create, cli_session_allow, cli_session_deny,
    cli_session_show, cli_session_list, cli_session_policy;
extern const struct cli_command cli_policy_explain;
extern const struct cli_command cli_pool_allow, cli_pool_deny, cli_pool_list;
extern const struct cli_command cli_audit_verify, cli_audit_show;
extern const struct cli_command cli_router, cli_miner, cli_complete, cli_demo;

#endif
