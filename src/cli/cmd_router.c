/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_router.c -- pinf router: configuration, keyring, store, and the daemon until a signal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/signals.h"
#include "core/allowlist.h"
#include "host/chain_nodes.h"
#include "host/files.h"
#include "host/log.h"
#include "host/router_host.h"
#include "host/system.h"
#include "store/sqlite_store.h"

/* An environment variable only: a command line shows to everybody. */
#define SEED_FROM_ENVIRONMENT                                                                      \
	{                                                                                          \
		.name = "encryption-seed", .env = "ENCRYPTION_SEED", .type = PINF_OPT_TEXT,        \
		.secret = true, .fallback = "",                                                    \
		.help =                                                                            \
		    "32 to 64 random bytes, hex or base64: the first version of an empty keyring"  \
	}
#define OPT_SIZE(n, least, most, f, h)                                                             \
	{                                                                                          \
		.name = (n), .type = PINF_OPT_SIZE, .min = (least), .max = (most),                 \
		.fallback = (f), .help = (h)                                                       \
	}

static const struct pinf_option options[] = {
    CLI_DAEMON,
    OPT_TEXT("data-dir", "PINF_DATA_DIR", "pinf-data", "database and blobs"),
    OPT_TEXT("keyring", "PINF_KEYRING", "", "keyring file; empty: DATA-DIR/keyring"),
    CLI_PASSPHRASE,
    SEED_FROM_ENVIRONMENT,
    OPT_TEXT("listen", "PINF_LISTEN", "127.0.0.1:5010", "callers' address and port"),
    OPT_TEXT("miner-listen", "PINF_MINER_LISTEN", "127.0.0.1:5011",
	"miners' and administration's address and port"),
    CLI_DOMAIN,
    OPT_ADDRESS(
	"admin", "PINF_ADMIN", NO_ADDRESS, "wallet that may create sessions and change keys"),
    OPT_FLAG("open-sessions", "false", "let any wallet create sessions, which it then owns"),
    OPT_TEXT("storage-provider", NULL, "local", "this storage's name in URNs"),
    OPT_TEXT("storage-bucket", NULL, "pinf", "and its bucket"),
    OPT_CHOICE(
	"suite", "aes-256-gcm|chacha20-poly1305", "aes-256-gcm", "of blobs that the router seals"),
    OPT_TEXT("chain-rpc", "PINF_CHAIN_RPC", "",
	"nodes that know --contract, http://HOST:PORT, with commas; its lists then govern"),
    OPT_UINT("chain-quorum", 0, PINF_CHAIN_ENDPOINTS_MAX, "0",
	"nodes that must agree to let a miner in; 0: more than half"),
    OPT_UINT("chain-confirmations", 0, 10000, "12", "blocks on top of what lets a miner in"),
    OPT_TIME("chain-poll", "2s", "between two looks at a node's newest block"),
    OPT_TIME("chain-max-age", "60s", "a list read longer ago lets nobody in"),
    OPT_TIME("chain-stall", "10m", "a node whose newest block is older does not count"),
    OPT_TIME("chain-timeout", "5s", "of one request to a node"),
    OPT_ADDRESS("session-data", "PINF_SESSION_DATA", NO_ADDRESS,
	"contract that knows the sessions' owners"),
    {.name = "allowlist-use-contract",
	.env = "ENCRYPTION_ALLOWLIST_USE_CONTRACT",
	.type = PINF_OPT_BOOL,
	.fallback = "true",
	.help = "else --contract governs no list, and ENCRYPTION_ALLOWED_LIST may"},
    OPT_TEXT("allowed-list", "ENCRYPTION_ALLOWED_LIST", "",
	"\"101:0xaa..,0xbb..;101-9001:0xcc..\": miners of sessions, and of tasks"),
    OPT_FLAG("allowlist-emergency", "false", "that list lets in beside the contract's"),
    OPT_SIZE("blob-max", 4096, (uint64_t)1 << 40, "512MiB", "one uploaded blob"),
    OPT_SIZE("body-memory", (uint64_t)1 << 20, (uint64_t)1 << 40, "1GiB",
	"request bodies held at once; over it: 503"),
    OPT_UINT(
	"waiters-max", 1, 1024, "256", "callers, and as many miners, that may wait; a thread each"),
    OPT_UINT("tasks-open-max", 1, 100000000, "1000000", "tasks between reservation and result"),
    OPT_UINT("rate-per-minute", 1, UINT32_MAX, "60000", "requests of one wallet or API key"),
    OPT_UINT("attempts-max", 1, 1000, "8", "leases of one task before it fails"),
    OPT_UINT("workers", 1, 64, "2", "threads that seal, check and store"),
    OPT_TIME("ack-timeout", "10s", "from claim to acknowledgement"),
    OPT_TIME("precommit-timeout", "2m", "from there to precommit, where the caller names none"),
    OPT_TIME("commit-timeout", "30s", "from there to commit"),
    OPT_TIME("reserve-timeout", "2m", "from a reservation to its submission"),
    OPT_TIME("task-timeout", "5m", "of a task, where the caller names none"),
    OPT_TIME("retention", "1d", "an answer that nobody reads is closed after"),
    OPT_TIME("grant-lifetime", "1m", "of a key grant"),
    OPT_TIME("seat-timeout", "1m", "a pool's miner that is silent for so long loses its seats"),
    OPT_TIME("rotation-min", "1h", "shortest rotation period that a session may demand"),
    OPT_TIME("orphan-grace", "10m", "before a blob that nothing refers to is deleted"),
    OPT_TIME("request-timeout", "30s", "a slow client's"),
    OPT_TIME("keep-alive", "60s", "an idle connection's"),
};

/* What the daemon stands on, opened in this order. */
struct router {
	struct cli *cli;
	char keyring_path[PINF_FILE_PATH_MAX];
	char database[PINF_FILE_PATH_MAX];
	char blobs[PINF_FILE_PATH_MAX];
	struct pinf_keyfile keyfile;
	struct pinf_keyring *keyring;
	struct pinf_store store;
	struct pinf_allowlist_entry *allowed;
	struct pinf_router_settings settings;
};

static enum pinf_err
path_in(struct cli *cli, char out[static PINF_FILE_PATH_MAX], const char *name)
{
	const char *dir = cli_text(cli, "data-dir");

	if (snprintf(out, PINF_FILE_PATH_MAX, "%s/%s", dir, name) >= PINF_FILE_PATH_MAX)
		return cli_fail(cli, PINF_E_LENGTH, dir);
	return PINF_OK;
}

static uint32_t
limit_of(const struct cli *cli, const char *option)
{
	return (uint32_t)cli_number(cli, option);
}

static void
read_settings(struct router *r)
{
	struct cli *cli = r->cli;

	r->settings = (struct pinf_router_settings){
	    .core = {.storage = {"fs", cli_text(cli, "storage-provider"),
			 cli_text(cli, "storage-bucket")},
		.admin = pinf_option(&cli->options, "admin")->address,
		.open_sessions = cli_number(cli, "open-sessions") != 0,
		.suite = cli_number(cli, "suite") == 0 ? PINF_SUITE_AES256GCM
						       : PINF_SUITE_CHACHA20POLY1305,
		.blob_max = cli_number(cli, "blob-max"),
		.waiters_max = limit_of(cli, "waiters-max"),
		.tasks_open_max = limit_of(cli, "tasks-open-max"),
		.rate_per_minute = limit_of(cli, "rate-per-minute"),
		.attempts_max = limit_of(cli, "attempts-max"),
		.ack_ms = limit_of(cli, "ack-timeout"),
		.precommit_ms = limit_of(cli, "precommit-timeout"),
		.commit_ms = limit_of(cli, "commit-timeout"),
		.reserve_ms = limit_of(cli, "reserve-timeout"),
		.timeout_ms = limit_of(cli, "task-timeout"),
		.retention_ms = limit_of(cli, "retention"),
		.grant_ms = limit_of(cli, "grant-lifetime"),
		.seat_ms = limit_of(cli, "seat-timeout"),
		.rotation_min_ms = limit_of(cli, "rotation-min"),
		.orphan_ms = limit_of(cli, "orphan-grace")},
	    .listen = cli_text(cli, "listen"),
	    .miner_listen = cli_text(cli, "miner-listen"),
	    .blob_dir = r->blobs,
	    .keyfile = &r->keyfile,
	    .workers = limit_of(cli, "workers"),
	    .request_timeout_ms = limit_of(cli, "request-timeout"),
	    .keep_alive_ms = limit_of(cli, "keep-alive"),
	    .body_memory_max = cli_number(cli, "body-memory"),
	};
}

static enum pinf_err
read_chain(struct router *r)
{
	struct cli *cli = r->cli;
	struct pinf_chain_config *chain = &r->settings.core.acl.chain;
	const char *urls = cli_text(cli, "chain-rpc");
	static const struct pinf_address none = {{0}};
	const bool use_contract = cli_number(cli, "allowlist-use-contract") != 0;
	const struct pinf_address *owners = &pinf_option(&cli->options, "session-data")->address;
	enum pinf_err err;

	r->settings.core.acl.use_contract = use_contract;
	if (use_contract && urls[0] == '\0' && !pinf_address_equal(owners, &none))
		return pinf_say(&cli->message, PINF_E_CONFIG,
		    "--session-data: say which nodes to ask: --chain-rpc http://HOST:PORT");
	if (urls[0] == '\0' && limit_of(cli, "chain-quorum") > 0)
		return pinf_say(&cli->message, PINF_E_CONFIG,
		    "--chain-quorum: say of which nodes: --chain-rpc http://HOST:PORT");
	if (!use_contract || urls[0] == '\0')
		return PINF_OK;
	if (pinf_address_equal(&pinf_option(&cli->options, "contract")->address, &none))
		return pinf_say(&cli->message, PINF_E_CONFIG,
		    "--chain-rpc: say which contract to ask: --contract 0xADDRESS");
	err = pinf_chain_nodes_count(&chain->endpoints, urls, &cli->message);
	if (err != PINF_OK)
		return err;
	chain->quorum = limit_of(cli, "chain-quorum");
	if (chain->quorum == 0)
		chain->quorum = chain->endpoints / 2 + 1;
	if (chain->quorum > chain->endpoints)
		return pinf_say(&cli->message, PINF_E_CONFIG,
		    "--chain-quorum: %u of %u nodes can never agree", chain->quorum,
		    chain->endpoints);
	chain->confirmations = limit_of(cli, "chain-confirmations");
	chain->poll_ms = limit_of(cli, "chain-poll");
	chain->max_age_ms = limit_of(cli, "chain-max-age");
	chain->stall_ms = limit_of(cli, "chain-stall");
	chain->timeout_ms = limit_of(cli, "chain-timeout");
	if (chain->max_age_ms <= chain->poll_ms)
		return pinf_say(&cli->message, PINF_E_CONFIG,
		    "--chain-max-age: give more than --chain-poll, or lists are too old between "
		    "two looks");
	chain->session_data = *owners;
	r->settings.chain_urls = urls;
	return PINF_OK;
}

/* ENCRYPTION_ALLOWED_LIST: used where nothing better is, or refused; never passed over in silence. */
static enum pinf_err
read_allowed(struct router *r)
{
	struct cli *cli = r->cli;
	struct pinf_acl_config *acl = &r->settings.core.acl;
	const char *text = cli_text(cli, "allowed-list");
	size_t column = 0;
	enum pinf_err err;

	acl->emergency = cli_number(cli, "allowlist-emergency") != 0;
	if (acl->emergency && (acl->chain.endpoints == 0 || text[0] == '\0'))
		return pinf_say(&cli->message, PINF_E_CONFIG,
		    "--allowlist-emergency: it wants ENCRYPTION_ALLOWED_LIST, and a contract "
		    "(--chain-rpc) "
		    "to stand beside");
	if (text[0] == '\0')
		return PINF_OK;
	if (cli_number(cli, "allowlist-use-contract") != 0 && !acl->emergency)
		return pinf_say(&cli->message, PINF_E_CONFIG,
		    "ENCRYPTION_ALLOWED_LIST is not used while ENCRYPTION_ALLOWLIST_USE_CONTRACT "
		    "is 1: "
		    "set that to 0, or give --allowlist-emergency");
	err = pinf_allowlist_parse(&r->allowed, &acl->env_count, pinf_span_str(text), &column);
	if (err != PINF_OK)
		return pinf_say(&cli->message, err, "ENCRYPTION_ALLOWED_LIST: column %zu: %s",
		    column, pinf_err_text(err));
	acl->env = r->allowed;
	return PINF_OK;
}

/* ENCRYPTION_SEED fills an empty keyring once; later it may stay set, and must be the same. */
static enum pinf_err
import_seed(struct router *r)
{
	const char *text = cli_text(r->cli, "encryption-seed");
	uint8_t seed[PINF_SEED_MAX];
	struct pinf_span span = {seed, 0};
	uint32_t version = 0;
	enum pinf_err err;

	if (text[0] == '\0')
		return PINF_OK;
	err = pinf_seed_parse(seed, &span.len, pinf_span_str(text));
	if (err != PINF_OK) {
		err = pinf_say(&r->cli->message, err,
		    "ENCRYPTION_SEED: %s; unset it and make a good one with: pinf key new",
		    pinf_err_text(err));
	} else {
		const bool empty = pinf_keyring_count(r->keyring) == 0;
		err = pinf_keyring_add(
		    r->keyring, &version, &span, pinf_now_ms(), pinf_random_system());
		if (err == PINF_E_SEED_KNOWN && !empty)
			err = PINF_OK; /* imported when it was new */
		else if (err == PINF_OK && !empty)
			err = pinf_say(&r->cli->message, PINF_E_CONFIG,
			    "ENCRYPTION_SEED: not a seed of this keyring, which has keys already; "
			    "unset it, or add it with: pinf key import");
		else if (err == PINF_OK)
			err = pinf_keyring_activate(r->keyring, version);
		if (err == PINF_OK && empty)
			err = pinf_keyfile_save(&r->keyfile, r->keyring, &r->cli->message);
	}
	pinf_wipe(seed, sizeof seed);
	return err;
}

static enum pinf_err
open_keyring(struct router *r)
{
	const bool seeded = cli_text(r->cli, "encryption-seed")[0] != '\0';
	const bool missing = access(r->keyring_path, F_OK) != 0;
	const struct pinf_domain domain = cli_domain(r->cli);
	enum pinf_err err = pinf_keyfile_open(&r->keyfile, r->keyring_path,
	    cli_text(r->cli, "passphrase-file"), seeded && missing, &r->cli->message);

	if (err == PINF_OK && seeded && missing)
		err = pinf_keyring_new(&r->keyring, &domain, pinf_random_system());
	else if (err == PINF_OK)
		err = pinf_keyfile_load(&r->keyfile, &r->keyring, &r->cli->message);
	if (err == PINF_OK)
		err = import_seed(r);
	if (err != PINF_OK)
		return err;
	if (pinf_keyring_active(r->keyring) == 0)
		return pinf_say(&r->cli->message, PINF_E_CONFIG,
		    "%s: no key version is active; make one with: pinf key rotate --keyring %s",
		    r->keyring_path, r->keyring_path);
	if (pinf_keyring_domain(r->keyring)->chain_id != domain.chain_id ||
	    !pinf_address_equal(&pinf_keyring_domain(r->keyring)->contract, &domain.contract))
		return pinf_say(&r->cli->message, PINF_E_CONFIG,
		    "%s: made for another --chain-id or --contract; keys are bound to both",
		    r->keyring_path);
	return PINF_OK;
}

static enum pinf_err
open_all(struct router *r)
{
	struct cli *cli = r->cli;
	const struct pinf_sqlite_options database = {.path = r->database};
	enum pinf_err err = path_in(cli, r->database, "router.db");

	if (err == PINF_OK)
		err = path_in(cli, r->blobs, "blobs");
	if (err == PINF_OK && cli_text(cli, "keyring")[0] == '\0')
		err = path_in(cli, r->keyring_path, "keyring");
	else if (err == PINF_OK && snprintf(r->keyring_path, sizeof r->keyring_path, "%s",
				       cli_text(cli, "keyring")) >= (int)sizeof r->keyring_path)
		err = cli_fail(cli, PINF_E_LENGTH, "--keyring");
	if (err == PINF_OK)
		err = cli_fail(
		    cli, pinf_dir_make(cli_text(cli, "data-dir")), cli_text(cli, "data-dir"));
	read_settings(r);
	if (err == PINF_OK)
		err = read_chain(r);
	if (err == PINF_OK)
		err = read_allowed(r);
	if (err == PINF_OK)
		err = open_keyring(r);
	if (err == PINF_OK)
		err = cli_fail(cli, pinf_sqlite_open(&r->store, &database), r->database);
	return err;
}

static enum pinf_err
serve(struct router *r)
{
	struct pinf_router_host *host = NULL;
	const atomic_bool *stop = signals_catch();
	char address[PINF_ADDRESS_TEXT];
	enum pinf_err err;

	pinf_address_format(address, pinf_keyring_address(r->keyring));
	err = pinf_router_host_start(&host, &r->settings, r->keyring, r->store, &r->cli->message);
	if (err != PINF_OK)
		return cli_fail(r->cli, err, "pinf router");
	r->keyring = NULL; /* The host's now. */
	if (r->settings.core.acl.emergency)
		pinf_log(PINF_LOG_WARN, "allowlist-emergency",
		    PINF_FIELDS({"entries", NULL, r->settings.core.acl.env_count}));
	pinf_log(PINF_LOG_INFO, "router-ready",
	    (const struct pinf_log_field[]){{"router", address, 0},
		{"listen", r->settings.listen, 0},
		{"port", NULL, pinf_router_host_port(host, PINF_LISTEN_PUBLIC)},
		{"miner_listen", r->settings.miner_listen, 0},
		{"miner_port", NULL, pinf_router_host_port(host, PINF_LISTEN_MINER)}, {0}});
	err = cli_fail(r->cli, pinf_router_host_wait(host, stop), "pinf router");
	pinf_router_host_stop(host);
	pinf_log(PINF_LOG_INFO, "router-stopped", NULL);
	return err;
}

static enum pinf_err
run(struct cli *cli)
{
	struct router r = {.cli = cli, .keyfile = {.lock = -1}};
	enum pinf_err err;

	if (cli_number(cli, "check-config") != 0)
		return cli_describe(cli);
	pinf_log_set_level((enum pinf_log_level)cli_number(cli, "log-level"));
	err = open_all(&r);
	if (err == PINF_OK)
		err = serve(&r);
	pinf_sqlite_close(&r.store);
	pinf_keyring_free(r.keyring);
	pinf_keyfile_close(&r.keyfile);
	free(r.allowed);
	return err;
}

const struct cli_command cli_router =
    CLI_COMMAND("pinf router", NULL, 0, 0, options, run, "Runs a router until SIGTERM.");
