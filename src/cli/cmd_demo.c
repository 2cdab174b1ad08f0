/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_demo.c -- pinf demo: a router, two allowed miners and an unlisted one as real processes on
 * loopback, driven with the same commands that a person would type.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/document.h>

#include "cli/cli.h"
#include "cli/demo_world.h"
#include "host/files.h"

static const char *const builtin_prompts[DEMO_BUILTIN_PROMPTS] = {
    "Summarise in one line: the patient in room 12 is allergic to penicillin.",
    "Draft a reply to our lawyer about the unannounced merger.",
    "Which of these passwords is the weakest? \xf0\x9f\x94\x92 hunter2, swordfish, letmein",
};

static const struct pinf_option options[] = {
    OPT_FLAG("keep", "false", "leave it running, with curl lines to try; Ctrl-C ends it"),
    OPT_TEXT("dir", NULL, "", "keep its files in this new directory; empty: a temporary one"),
    OPT_FLAG("json", "false", "end with a summary in JSON"),
};

/* Whatever is no prompt is told before anything is started. */
static enum pinf_err
load_prompt(struct demo *d, const char *file)
{
	struct demo_prompt *prompt = &d->prompts[d->prompt_count++];
	struct pinf_input input = {0};
	struct pinf_bytes document = {0};
	enum pinf_err err = pinf_file_read(file, PINF_PROMPT_MAX, &prompt->text, &d->cli->message);

	prompt->file = file;
	if (err != PINF_OK)
		return err;
	input.prompt = prompt->text; /* lent */
	err = pinf_input_encode(&document, &input);
	pinf_bytes_free(&document);
	return err == PINF_OK ? err
			      : pinf_say(&d->cli->message, err, "%s: not a prompt: %s", file,
				    pinf_err_text(err));
}

static enum pinf_err
load_prompts(struct demo *d)
{
	const struct pinf_options *o = &d->cli->options;
	enum pinf_err err = PINF_OK;

	for (size_t i = 0; i < DEMO_BUILTIN_PROMPTS && err == PINF_OK; i++)
		err = pinf_bytes_append(&d->prompts[d->prompt_count++].text, builtin_prompts[i],
		    strlen(builtin_prompts[i]));
	for (size_t i = 0; i < o->positional_count && err == PINF_OK; i++)
		err = load_prompt(d, o->positional[i]);
	return err;
}

static enum pinf_err
prepare(struct demo *d)
{
	enum pinf_err err;

	demo_title(d, "A keyring, and a wallet for everybody");
	err =
	    demo_run(d, (const char *[]){"key", "new", NULL}, "router_address", d->router_address);
	for (size_t i = 0; i < DEMO_WALLETS && err == PINF_OK; i++)
		err = demo_run(d, (const char *[]){"wallet", "new", d->wallet_files[i], NULL},
		    "address", d->addresses[i]);
	if (err == PINF_OK && setenv("PINF_ROUTER_ADDRESS", d->router_address, 1) != 0)
		err = PINF_E_NO_MEMORY;
	return err;
}

static enum pinf_err
open_session(struct demo *d)
{
	enum pinf_err err;

	demo_title(d, "The router, and a private session of the owner's");
	err = demo_start_router(d);
	if (err == PINF_OK)
		err = demo_run(d,
		    (const char *[]){"session", "create", "--router-sealed", "--api-key", NULL},
		    "api_key", d->api_key);
	if (err == PINF_OK)
		err = pinf_file_write(d->api_key_file, pinf_span_str(d->api_key), &d->cli->message);
	if (err == PINF_OK)
		err = demo_run(d,
		    (const char *[]){"session", "allow", "1", d->addresses[DEMO_MINER_1], NULL}, "",
		    NULL);
	if (err == PINF_OK)
		err = demo_run(d,
		    (const char *[]){"session", "allow", "1", d->addresses[DEMO_MINER_2], NULL}, "",
		    NULL);
	return err;
}

static enum pinf_err
start_miners(struct demo *d)
{
	enum pinf_err err = PINF_OK;

	demo_title(d, "Three miners; the third is on no list");
	for (size_t i = DEMO_MINER_1; i <= DEMO_UNLISTED && err == PINF_OK; i++)
		err = demo_start_miner(d, i);
	return err;
}

/* By v3, or by v2. */
static enum pinf_err
send_prompt(struct demo *d, size_t number, bool router_sealed)
{
	const struct demo_prompt *prompt = &d->prompts[number];
	const char *words[9] = {"complete", "--session", "1"};
	size_t n = 3;

	if (router_sealed) {
		words[n++] = "--route";
		words[n++] = "v2";
		words[n++] = "--api-key-file";
		words[n++] = d->api_key_file;
	}
	if (prompt->file == NULL)
		words[n] = (const char *)prompt->text.data;
	return demo_prompt(d, words, prompt);
}

static enum pinf_err
send_prompts(struct demo *d)
{
	enum pinf_err err;

	demo_title(d, "A prompt sealed by its caller (v3), and one that the router seals (v2)");
	err = send_prompt(d, 0, false);
	if (err == PINF_OK)
		err = send_prompt(d, 1, true);
	if (err != PINF_OK)
		return err;
	demo_title(d, "The key is rotated; the next prompt travels under the new version");
	err = demo_run(
	    d, (const char *[]){"key", "rotate", "--router-url", d->miner_url, NULL}, "", NULL);
	if (err == PINF_OK)
		err = send_prompt(d, 2, false);
	if (err == PINF_OK && d->prompt_count > DEMO_BUILTIN_PROMPTS)
		demo_title(
		    d, "Your prompts, each sealed by its caller (v3) and by the router (v2)");
	for (size_t i = DEMO_BUILTIN_PROMPTS; i < d->prompt_count && err == PINF_OK; i++) {
		err = send_prompt(d, i, false);
		if (err == PINF_OK)
			err = send_prompt(d, i, true);
	}
	return err;
}

static enum pinf_err
try_intrusion(struct demo *d)
{
	enum pinf_err err;

	demo_title(d, "The unlisted miner asks for work, and for the key of task 1");
	err = demo_intrude(d, "claim in session 1", "/api/v1/miner/claim",
	    "{\"session_id\":1,\"wait_ms\":0}", 1, 0);
	if (err == PINF_OK)
		err = demo_intrude(d, "input key of task 1", "/api/v1/auth/payload_enc_key/task",
		    "{\"hpke_public\":"
		    "\"0900000000000000000000000000000000000000000000000000000000000000\","
		    "\"purpose\":\"input\",\"session_id\":1,\"task_id\":1}",
		    1, 1);
	return err;
}

static enum pinf_err
tell(struct demo *d)
{
	size_t found = 0;
	enum pinf_err err;

	demo_title(d, "Who saw what");
	err = demo_tell_tasks(d);
	if (err == PINF_OK)
		err = demo_search(d, &found);
	if (err == PINF_OK && (found != 0 || d->wrong_answers != 0 || d->let_in != 0))
		return pinf_say(&d->cli->message, PINF_E_TAMPERED,
		    "pinf demo: a promise was broken; the files are in %s", d->dir);
	return err;
}

static void
keep(const struct demo *d)
{
	sigset_t signals;
	int which;

	/* First: whoever reads what follows may end it at once. */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	if (atomic_load(&d->interrupted))
		return;
	(void)printf("\nStill running, in %s.  To try (Ctrl-C ends it):\n\n", d->dir);
	(void)printf("  curl -s %s/api/v1/info\n  curl -s %s/metrics\n", d->url, d->miner_url);
	(void)printf("  curl -s %s/api/v2/completions/1 -H 'Content-Type: application/json' \\\n"
		     "      -H 'Authorization: Bearer %s' -d '{\"prompt\":\"hello\"}'\n",
	    d->url, d->api_key);
	(void)printf(
	    "  curl -si %s/api/v1/completions/1 -H 'Content-Type: application/json' \\\n"
	    "      -H 'Authorization: Bearer %s' -d '{\"prompt\":\"v1 is not sealed: refused\"}'\n",
	    d->url, d->api_key);
	(void)fflush(stdout);
	(void)sigwait(&signals, &which);
}

static enum pinf_err
audit(struct demo *d)
{
	char database[PINF_FILE_PATH_MAX + 32];

	demo_title(d, "The router has stopped; its audit log");
	(void)snprintf(database, sizeof database, "%s/router.db", d->data_dir);
	return demo_run(
	    d, (const char *[]){"audit", "verify", "--database", database, NULL}, NULL, NULL);
}

static enum pinf_err
demo(struct cli *cli)
{
	enum pinf_err (*const acts[])(struct demo * d) = {
	    prepare, open_session, start_miners, send_prompts, try_intrusion, tell};
	struct demo d = {.cli = cli};
	enum pinf_err err = load_prompts(&d);

	if (err == PINF_OK)
		err = demo_begin(&d, cli_text(cli, "dir"));
	for (size_t i = 0; i < sizeof acts / sizeof acts[0] && err == PINF_OK; i++)
		err = acts[i](&d);
	if (err == PINF_OK && cli_number(cli, "keep") != 0)
		keep(&d);
	demo_stop_all(&d);
	if (atomic_load(&d.interrupted))
		err = pinf_say(&cli->message, PINF_E_TIMEOUT,
		    "pinf demo: interrupted; its files are in %s", d.dir);
	if (err == PINF_OK)
		err = audit(&d);
	if (err == PINF_OK && cli_number(cli, "json") != 0) {
		pinf_json_put_uint(&cli->json, "answers", d.answers);
		pinf_json_put_str(&cli->json, "dir", d.dir);
		pinf_json_put_uint(&cli->json, "refusals", d.refusals);
		pinf_json_put_uint(&cli->json, "wrong_answers", d.wrong_answers);
	}
	demo_end(&d, err == PINF_OK && cli_text(cli, "dir")[0] == '\0');
	return cli_fail(cli, err, "pinf demo");
}

const struct cli_command cli_demo = CLI_COMMAND("pinf demo", "[PROMPT-FILE...]", 0, DEMO_FILES_MAX,
    options, demo, "Starts it all on this machine, sends prompts (yours too), shows who saw what.");
