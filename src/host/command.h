/* SPDX-License-Identifier: Apache-2.0 */
/* command.h -- runs a program: bytes to its stdin, bytes from its stdout, a time limit, no shell. */
#ifndef PINF_HOST_COMMAND_H
#define PINF_HOST_COMMAND_H

#include <pinf/base.h>

#include <stdatomic.h>

#define PINF_COMMAND_WORDS_MAX 64

struct pinf_command_line {
	char *text; /* owned: the words, each ended by NUL */
	char *words[PINF_COMMAND_WORDS_MAX + 1]; /* ended by NULL */
};

/* Splits at spaces; E_CONFIG for none or too many words. */
PINF_MUST_CHECK enum pinf_err pinf_command_split(struct pinf_command_line *line, const char *text);
void pinf_command_free(struct pinf_command_line *line);

struct pinf_command_run {
	struct pinf_span input;
	uint32_t timeout_ms;
	size_t output_max;
	const atomic_bool *stop; /* may be NULL */
};
/*
 * Appends what the program wrote.  E_INFERENCE: it could not be started, or failed; E_TOO_LARGE,
 * E_TIMEOUT: it and its children were killed.
 */
PINF_MUST_CHECK enum pinf_err pinf_command_run(const struct pinf_command_line *line,
    const struct pinf_command_run *run, struct pinf_bytes *output);

#endif
