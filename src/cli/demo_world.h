/* SPDX-License-Identifier: Apache-2.0 */
/* demo_world.h -- the processes and files of a demo, and the commands typed in it. */
#ifndef PINF_CLI_DEMO_WORLD_H
#define PINF_CLI_DEMO_WORLD_H

#include <stdatomic.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "host/files.h"

enum demo_wallet { DEMO_OWNER, DEMO_MINER_1, DEMO_MINER_2, DEMO_UNLISTED, DEMO_WALLETS };

#define DEMO_BUILTIN_PROMPTS 3
#define DEMO_FILES_MAX       8
#define DEMO_PROMPTS_MAX     (DEMO_BUILTIN_PROMPTS + DEMO_FILES_MAX)

struct demo_prompt {
	const char *file; /* where it came from; NULL: one of the demo's own */
	struct pinf_bytes text;
};

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
	struct demo_prompt prompts[DEMO_PROMPTS_MAX]; /* the demo's own first */
	size_t prompt_count;
	pid_t pids[1 + DEMO_WALLETS];
	size_t pid_count;
	unsigned step;
	unsigned answers;
	unsigned wrong_answers;
	unsigned refusals;
	unsigned let_in; /* intrusions that succeeded */
	atomic_bool interrupted; /* by a signal: the command that runs is ended */
};

/* d: zeros but for cli and prompts.  dir "": a new temporary one. */
PINF_MUST_CHECK enum pinf_err demo_begin(struct demo *d, const char *dir);
void demo_end(struct demo *d, bool remove_files); /* frees the prompts too */
void demo_title(struct demo *d, const char *title);

/*
 * Shows and runs "pinf WORDS".  name NULL: shows the whole answer; "": only that it is done; else
 * that member of it, which is copied to value (64 bytes at least; api_key's 128).  A failing
 * command fails the demo.
 */
PINF_MUST_CHECK enum pinf_err
demo_run(struct demo *d, const char *const *words, const char *name, char *value);
/*
 * Runs a completion and holds its answer against what the built-in engine computes from the prompt,
 * which is among the words, or its file is sent on standard input.
 */
PINF_MUST_CHECK enum pinf_err
demo_prompt(struct demo *d, const char *const *words, const struct demo_prompt *prompt);

PINF_MUST_CHECK enum pinf_err demo_start_router(struct demo *d);
PINF_MUST_CHECK enum pinf_err demo_start_miner(struct demo *d, size_t wallet);
void demo_stop_all(struct demo *d);

/* A request signed by the unlisted miner; shows the router's refusal. */
PINF_MUST_CHECK enum pinf_err demo_intrude(struct demo *d, const char *what, const char *path,
    const char *body, uint64_t session, uint64_t task);
/* A table of the session's tasks: route, key version, miner, who saw the prompt. */
PINF_MUST_CHECK enum pinf_err demo_tell_tasks(struct demo *d);
/*
 * Looks in all files of the demo's directory for every 32 bytes of every prompt (runs of one byte
 * aside; a prompt of 8 to 31 bytes whole, a shorter one not at all), and for a sentinel that it
 * plants there: E_NOT_FOUND if that is not found.  Shows what comes of it.
 */
PINF_MUST_CHECK enum pinf_err demo_search(struct demo *d, size_t *found);

#endif
