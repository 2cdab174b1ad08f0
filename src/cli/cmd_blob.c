/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_blob.c -- pinf seal, open, blob info: sealed files of any size with nothing but a keyring.
 * spec/blob.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pinf/blob.h>

#include "cli/cli.h"
#include "host/blobfile.h"
#include "host/files.h"
#include "host/system.h"

#define THREADS                                                                                    \
	{                                                                                          \
		.name = "threads", .type = PINF_OPT_UINT, .min = 1,                                \
		.max = PINF_BLOBFILE_THREADS_MAX, .fallback = "2",                                 \
		.help = "threads that seal or open chunks"                                         \
	}

static const struct pinf_option seal_options[] = {
    CLI_JSON,
    CLI_KEYRING,
    THREADS,
    {.name = "session",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = PINF_ID_MAX,
	.required = true,
	.help = "session id of the key's scope"},
    OPT_UINT("task", 0, PINF_ID_MAX, "0", "task id; 0: a session-scope key, the weaker kind"),
    OPT_TEXT(
	"instance", NULL, "", "32 hex digits of the session's or task's instance; drawn if empty"),
    OPT_UINT("key-version", 0, UINT32_MAX, "0", "0: the active one"),
    OPT_CHOICE("suite", "aes-256-gcm|chacha20-poly1305", "aes-256-gcm", "cipher suite"),
    OPT_FLAG("padded", "true", "hide the exact length (at most 12 % longer)"),
};
static const struct pinf_option open_options[] = {CLI_JSON, CLI_KEYRING, THREADS};
static const struct pinf_option info_options[] = {CLI_JSON};

static void
put_scope(struct cli *cli, const struct pinf_blob_params *params)
{
	const struct pinf_scope *s = &params->scope;

	if (s->purpose == PINF_PURPOSE_RESULT)
		pinf_json_put_uint(&cli->json, "attempt", s->attempt);
	pinf_json_put_uint(&cli->json, "chunk_bytes", (uint64_t)1 << params->chunk_log2);
	pinf_json_put_hex(&cli->json, "instance", false, s->instance, sizeof s->instance);
	pinf_json_put_uint(&cli->json, "key_version", params->key_version);
	if (s->purpose == PINF_PURPOSE_RESULT)
		pinf_json_put_address(&cli->json, "miner", &s->miner);
	pinf_json_put_bool(&cli->json, "padded", params->padded);
	pinf_json_put_str(
	    &cli->json, "purpose", s->purpose == PINF_PURPOSE_INPUT ? "input" : "result");
	pinf_json_put_uint(&cli->json, "session", s->session);
	pinf_json_put_str(&cli->json, "suite", pinf_suite_name(params->suite));
	pinf_json_put_uint(&cli->json, "task", s->task);
}

static void
put_info(struct cli *cli, const struct pinf_blobfile_info *info)
{
	pinf_json_put_uint(&cli->json, "plain_bytes", info->plain_len);
	pinf_json_put_uint(&cli->json, "sealed_bytes", info->sealed_len);
	pinf_json_put_hex(&cli->json, "sha256", false, info->sha256.bytes, PINF_HASH_LEN);
}

static enum pinf_err
scope_of_options(struct cli *cli, struct pinf_scope *scope)
{
	const char *instance = cli_text(cli, "instance");
	const struct pinf_random random = pinf_random_system();
	enum pinf_err err;

	*scope = (struct pinf_scope){
	    .kind = cli_number(cli, "task") == 0 ? PINF_SCOPE_SESSION : PINF_SCOPE_TASK,
	    .purpose = PINF_PURPOSE_INPUT,
	    .session = cli_number(cli, "session"),
	    .task = cli_number(cli, "task"),
	};
	err = instance[0] == '\0' ? random.fill(random.ctx, scope->instance, sizeof scope->instance)
				  : pinf_unhex(scope->instance, sizeof scope->instance,
					pinf_span_str(instance), true);
	return cli_fail(cli, err == PINF_OK ? pinf_scope_check(scope) : err, "--instance");
}

static enum pinf_err
seal(struct cli *cli)
{
	struct cli_keyring k = {0};
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_blob_params params = {
	    .suite = (enum pinf_suite)(cli_number(cli, "suite") + PINF_SUITE_AES256GCM),
	    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
	    .padded = cli_number(cli, "padded") != 0,
	    .key_version = (uint32_t)cli_number(cli, "key-version"),
	};
	const struct pinf_blobfile file = {cli->options.positional[0], cli->options.positional[1],
	    &key, (unsigned)cli_number(cli, "threads")};
	struct pinf_blobfile_info info = {0};
	enum pinf_err err = scope_of_options(cli, &params.scope);

	if (err == PINF_OK)
		err = pinf_file_check_target(file.to, &cli->message);
	if (err != PINF_OK)
		return err;
	err = cli_keyring_open(cli, &k);
	if (err == PINF_OK && params.key_version == 0)
		params.key_version = pinf_keyring_active(k.keyring);
	if (err == PINF_OK)
		err = cli_fail(
		    cli, pinf_keyring_usable(k.keyring, params.key_version, true), "--key-version");
	if (err == PINF_OK)
		err = pinf_keyring_derive(k.keyring, params.key_version, &params.scope, &key);
	if (err == PINF_OK)
		err = cli_fail(cli, pinf_blobfile_seal(&file, &params, pinf_random_system(), &info),
		    file.from);
	if (err == PINF_OK) {
		put_scope(cli, &params);
		put_info(cli, &info);
	}
	cli_keyring_close(&k);
	return err;
}

static enum pinf_err
read_header(struct cli *cli, const char *path, struct pinf_blob_header *header, uint64_t *size)
{
	uint8_t bytes[PINF_BLOB_HEADER_LEN];
	struct pinf_buf buf = {bytes, 0, sizeof bytes};
	struct stat status;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum pinf_err err = PINF_OK;

	if (fd < 0 || fstat(fd, &status) != 0) {
		err = pinf_err_of_errno(errno);
	} else {
		*size = (uint64_t)status.st_size;
		if (*size >= sizeof bytes)
			err = pinf_read_at(fd, &buf, sizeof bytes, 0);
	}
	if (fd >= 0)
		(void)close(fd);
	if (err == PINF_OK)
		err = pinf_blob_header_decode(header, (struct pinf_span){bytes, buf.len});
	return cli_fail(cli, err, path);
}

/* Keyring and header alone recover a blob: nothing else is asked for. */
static enum pinf_err
open_blob(struct cli *cli)
{
	struct cli_keyring k = {0};
	struct pinf_key key PINF_WIPED = {{0}};
	const struct pinf_blobfile file = {cli->options.positional[0], cli->options.positional[1],
	    &key, (unsigned)cli_number(cli, "threads")};
	struct pinf_blob_header header = {0};
	struct pinf_blobfile_info info = {0};
	uint64_t size = 0;
	enum pinf_err err = read_header(cli, file.from, &header, &size);

	if (err == PINF_OK)
		err = pinf_file_check_target(file.to, &cli->message);
	if (err != PINF_OK)
		return err;
	err = cli_keyring_open(cli, &k);
	if (err == PINF_OK)
		err = cli_fail(cli,
		    pinf_keyring_derive(
			k.keyring, header.params.key_version, &header.params.scope, &key),
		    "the blob's key version");
	if (err == PINF_OK)
		err = cli_fail(cli, pinf_blobfile_open(&file, NULL, &info), file.from);
	if (err == PINF_OK) {
		put_scope(cli, &header.params);
		put_info(cli, &info);
	}
	cli_keyring_close(&k);
	return err;
}

static enum pinf_err
info(struct cli *cli)
{
	struct pinf_blob_header header = {0};
	struct pinf_blob_plan plan = {0};
	uint64_t size = 0;
	enum pinf_err err = read_header(cli, cli->options.positional[0], &header, &size);

	if (err != PINF_OK)
		return err;
	err = pinf_blob_plan_sealed(&plan, &header.params, size);
	if (err != PINF_OK)
		return cli_fail(cli, err, cli->options.positional[0]);
	put_scope(cli, &header.params);
	pinf_json_put_uint(&cli->json, "chunks", plan.chunks);
	pinf_json_put_uint(&cli->json, "sealed_bytes", size);
	return PINF_OK;
}

const struct cli_command cli_seal = CLI_COMMAND("pinf seal", "FILE BLOB", 2, 2, seal_options, seal,
    "Seals a file under a key of the keyring, for a session or task.");
const struct cli_command cli_open = CLI_COMMAND("pinf open", "BLOB FILE", 2, 2, open_options,
    open_blob, "Opens a sealed file: its header and the keyring are all that it takes.");
const struct cli_command cli_blob_info = CLI_COMMAND("pinf blob info", "BLOB", 1, 1, info_options,
    info, "Shows what a sealed file's header says; needs no key, proves nothing.");
