/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h -- the one argument parser and configuration schema: a table of options, read from a
 * JSON file, the environment and the command line, in rising precedence.  spec/config.md.
 *
 *	static const struct pinf_option options[] = {
 *	    {.name = "data-dir", .env = "PINF_DATA_DIR", .type = PINF_OPT_TEXT, .required = true,
 *	        .help = "where the router keeps its state"},
 *	    {.name = "slots", .type = PINF_OPT_UINT, .min = 1, .max = 64, .fallback = "1",
 *	        .help = "tasks at once"},
 *	};
 *	static const struct pinf_command command = {.name = "pinf miner", .options = options, ...};
 *
 *	struct pinf_options o;
 *	pinf_options_init(&o, &command);
 *	err = pinf_options_argv(&o, argc - 1, argv + 1, &message);
 *	if (!err && pinf_option(&o, "config")->text.len > 0)
 *		... read that file; err = pinf_options_file(&o, name, text, &message);
 *	if (!err)
 *		err = pinf_options_env(&o, getenv, &message);
 *	if (!err)
 *		err = pinf_options_end(&o, &message);
 *	... pinf_option(&o, "slots")->number ...
 *	pinf_options_free(&o);
 *
 * Every failing call appends one line to message: where, what, and what to do.
 */
#ifndef PINF_CORE_OPTIONS_H
#define PINF_CORE_OPTIONS_H

#include <pinf/base.h>

#define PINF_OPTIONS_MAX     56 /* of one command */
#define PINF_POSITIONALS_MAX 64
#define PINF_OPTION_TEXT_MAX 65536
#define PINF_CONFIG_FILE_MAX ((size_t)1 << 20)

enum pinf_option_type {
	PINF_OPT_TEXT = 1,
	PINF_OPT_UINT, /* decimal, min..max; max 0: no limit */
	PINF_OPT_BOOL, /* --name, --no-name; true or false in file and environment */
	PINF_OPT_DURATION, /* "250ms", "30s", "5m", "2h", "1d"; number is ms, min..max too */
	PINF_OPT_SIZE, /* "4096", "64KiB", "1MiB", "2GiB", "1TiB"; number is bytes, min..max too */
	PINF_OPT_ADDRESS, /* 0x + 40 hex digits */
	PINF_OPT_CHOICE /* one of choices; number is its index */
};

/* A row.  In the file, '-' of the name is written '_'. */
struct pinf_option {
	const char *name;
	const char *env; /* environment variable; NULL: none */
	enum pinf_option_type type;
	bool required;
	/* Environment only: a command line and a file show it to others; never described */
	bool secret;
	uint64_t min;
	uint64_t max;
	const char *choices; /* CHOICE: "none|builtin|command" */
	const char *fallback; /* default, as text; NULL: none (zero, empty) */
	const char *help; /* one line */
};

struct pinf_command {
	const char *name; /* as typed: "pinf key new"; the first word is the program */
	const char *summary; /* one line */
	const char *positionals; /* for the usage line: "FILE [OUT]"; NULL: none */
	size_t positional_min;
	size_t positional_max; /* at most PINF_POSITIONALS_MAX */
	const struct pinf_option *options;
	size_t option_count; /* at most PINF_OPTIONS_MAX */
};

enum pinf_option_source {
	PINF_FROM_NOTHING,
	PINF_FROM_DEFAULT,
	PINF_FROM_FILE,
	PINF_FROM_ENV,
	PINF_FROM_FLAG
};

struct pinf_option_value {
	enum pinf_option_source source;
	/* TEXT, CHOICE, ADDRESS; owned by the options; NUL-terminated or {0} */
	struct pinf_bytes text;
	uint64_t number; /* all the other types; BOOL 0 or 1 */
	struct pinf_address address;
};

struct pinf_options {
	const struct pinf_command *command;
	struct pinf_option_value values[PINF_OPTIONS_MAX]; /* in the table's order */
	const char *positional[PINF_POSITIONALS_MAX]; /* borrowed from argv */
	size_t positional_count;
	bool help; /* --help or -h was given: nothing else is checked */
	bool version; /* --version */
};

/* The command that argv's first words name, the longest match; *used words.  NULL: none. */
const struct pinf_command *pinf_command_find(const struct pinf_command *const *commands,
    size_t count, int argc, char *const *argv, int *used);

void pinf_options_init(struct pinf_options *options, const struct pinf_command *command);
void pinf_options_free(struct pinf_options *options); /* wipes */

/* Sources, in any order; one never overwrites what a stronger one said.  All: E_CONFIG, E_NO_MEMORY. */
PINF_MUST_CHECK enum pinf_err pinf_options_argv(
    struct pinf_options *options, int argc, char *const *argv, struct pinf_bytes *message);
PINF_MUST_CHECK enum pinf_err pinf_options_file(struct pinf_options *options, const char *name,
    struct pinf_span json, struct pinf_bytes *message);
PINF_MUST_CHECK enum pinf_err pinf_options_env(
    struct pinf_options *options, char *(*get)(const char *name), struct pinf_bytes *message);
/* Fills in defaults, then demands what is required, positionals included. */
PINF_MUST_CHECK enum pinf_err
pinf_options_end(struct pinf_options *options, struct pinf_bytes *message);

/* By name, which must be in the table. */
const struct pinf_option_value *pinf_option(const struct pinf_options *options, const char *name);
/* Its text, "" if empty. */
const char *pinf_option_text(const struct pinf_options *options, const char *name);

/* Appends the help text: usage, summary, options with defaults and variables. */
PINF_MUST_CHECK enum pinf_err
pinf_options_help(struct pinf_bytes *out, const struct pinf_command *command);
/* Appends the effective values as a JSON object that pinf_options_file() reads; no secret. */
PINF_MUST_CHECK enum pinf_err
pinf_options_describe(struct pinf_bytes *out, const struct pinf_options *options);

#endif
