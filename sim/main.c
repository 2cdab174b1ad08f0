/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- pinf-sim and its commands.  spec/simulation.md. */
#include <stdio.h>
#include <string.h>

#include "runs.h"

static const struct sim_command *const commands[] = {
    &sim_command_run,
    &sim_command_loop,
    &sim_command_plan,
    &sim_command_replay,
    &sim_command_shrink,
    &sim_command_canary,
    &sim_command_probes,
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static int
help(void)
{
	(void)puts("usage: pinf-sim COMMAND [OPTION...]\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		(void)printf(
		    "  %-18s %s\n", commands[i]->command.name, commands[i]->command.summary);
	(void)puts(
	    "\n  pinf-sim COMMAND --help, pinf-sim --version\n\n"
	    "exits: 0 pass, 1 usage, 2 inconclusive, 10 safety, 11 liveness, 12 nondeterminism, "
	    "13 an assertion of the scenario");
	return 0;
}

static int
start(const struct sim_command *command, int argc, char **argv)
{
	struct pinf_bytes message = {0};
	struct pinf_options o;
	int status = SIM_EXIT_USAGE;
	enum pinf_err err;

	pinf_options_init(&o, &command->command);
	err = pinf_options_argv(&o, argc, argv, &message);
	if (err == PINF_OK && o.version)
		status = puts("pinf-sim " PINF_VERSION) < 0;
	else if (err == PINF_OK && o.help)
		err = pinf_options_help(&message, &command->command);
	else if (err == PINF_OK)
		err = pinf_options_end(&o, &message);
	if (err == PINF_OK && o.help)
		status = fputs((const char *)message.data, stdout) < 0;
	else if (err == PINF_OK && !o.version)
		status = (int)command->run(&o);
	else if (err != PINF_OK)
		(void)fputs((const char *)message.data, stderr);
	pinf_options_free(&o);
	pinf_bytes_free(&message);
	return status;
}

/* An answer that a full disk cut short is none. */
static int
finish(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)fputs("pinf-sim: standard output could not be written whole\n", stderr);
	return status == 0 ? 1 : status;
}

int
main(int argc, char **argv)
{
	const struct pinf_command *table[COMMAND_COUNT];
	const struct pinf_command *found;
	int used = 0;

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		table[i] = &commands[i]->command;
	found = pinf_command_find(table, COMMAND_COUNT, argc - 1, argv + 1, &used);
	for (size_t i = 0; i < COMMAND_COUNT && found != NULL; i++)
		if (table[i] == found)
			return finish(start(commands[i], argc - 1 - used, argv + 1 + used));
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return finish(puts("pinf-sim " PINF_VERSION) < 0);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
		return finish(help());
	return (int)sim_usage(argc > 1 ? "there is no such command" : "a command is missing");
}
