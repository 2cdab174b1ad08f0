/* SPDX-License-Identifier: Apache-2.0 */
/* demo_world.h -- the processes and files of a demo, and the commands typed in it. */
#ifndef PINF_CLI_DEMO_WORLD_H
#define PINF_CLI_DEMO_WORLD_H

#include <sys/types.h>

#include "cli/cli.h"
#include "host/files.h"

enum demo_wallet { DEMO_OWNER, DEMO_MINER_1, DEMO_MINER_2, DEMO_UNLISTED, DEMO_WALLETS };

struct demo {
	struct cli *cli; /* whose message says what went wrong */
	char exe[PINF_FILE_PATH_MAX];
	char dir[PINF_FILE_PATH_MAX];
	char data_dir[PINF_FILE_PATH_MAX + 16];
	char wallet_files[DEMO_WALLETS][PINF_FILE_PATH_MAX + 32];
	char addresses[DEMO_WALLETS][64];
	char router_address[64];
	char api_key[128];
	char api_key_file[PINF_FILE_PATH_MAX + 16];
	char url[64]; /* of the callers' port */
	char miner_url[64]; /* of the miners' */
	pid_t pids[1 + DEMO_WALLETS];
	size_t pid_count;
	unsigned step;
	unsigned answers;
	unsigned wrong_answers;
	unsigned refusals;
	unsigned let_in; /* intrusions that succeeded */
};

/* dir "": a new temporary one. */
PINF_MUST_CHECK enum pinf_err demo_begin(struct demo *d, struct cli *cli, const char *dir);
void demo_end(struct demo *d, bool remove_files);
void demo_title(struct demo *d, const char *title);

/*
 * Shows and runs "pinf WORDS".  name NULL: shows the whole answer; "": only that it is done; else
 * that member of it, which is copied to value (64 bytes at least; api_key's 128).  A failing
 * command fails the demo.
 */
PINF_MUST_CHECK enum pinf_err
demo_run(struct demo *d, const char *const *words, const char *name, char *value);
/* Runs a completion and holds its answer against what the built-in engine computes from the prompt. */
PINF_MUST_CHECK enum pinf_err
demo_prompt(struct demo *d, const char *const *words, const char *prompt);

PINF_MUST_CHECK enum pinf_err demo_start_router(struct demo *d);
PINF_MUST_CHECK enum pinf_err demo_start_miner(struct demo *d, size_t wallet);
void demo_stop_all(struct demo *d);

/* A request signed by the unlisted miner; shows the router's refusal. */
PINF_MUST_CHECK enum pinf_err demo_intrude(struct demo *d, const char *what, const char *path,
    const char *body, uint64_t session, uint64_t task);
/* A table of the session's tasks: route, key version, miner, who saw the prompt. */
PINF_MUST_CHECK enum pinf_err demo_tell_tasks(struct demo *d);
/* Counts occurrences of text in all files of the demo's directory. */
PINF_MUST_CHECK enum pinf_err
demo_search(struct demo *d, const char *text, size_t *found, size_t *files);

#endif
