/* SPDX-License-Identifier: Apache-2.0 */
/* options.c -- one table of options; sources file < environment < command line.  spec/config.md. */
#include "core/options.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"

#define PLACE_MAX 320 /* "file.json, key \"data_dir\"" */

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"KiB", (uint64_t)1 << 10}, {"MiB", (uint64_t)1 << 20},
    {"GiB", (uint64_t)1 << 30}, {"TiB", (uint64_t)1 << 40}, {NULL, 0}};
static const struct unit plain_number[] = {{"", 1}, {NULL, 0}};

__attribute__((format(printf, 2, 3))) static enum pinf_err
put(struct pinf_bytes *out, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	const int len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	assert(len >= 0);
	return pinf_bytes_append(
	    out, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

/* One line of complaint; gives E_CONFIG. */
__attribute__((format(printf, 3, 4))) static enum pinf_err
complain(struct pinf_bytes *message, const char *place, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof what, format, args);
	va_end(args);
	const enum pinf_err err = put(message, "%s: %s\n", place, what);
	return err == PINF_OK ? PINF_E_CONFIG : err;
}

static const struct unit *
units_of(enum pinf_option_type type)
{
	return type == PINF_OPT_DURATION ? durations : type == PINF_OPT_SIZE ? sizes : plain_number;
}

static bool
parse_number(const char *text, const struct unit *units, uint64_t *number)
{
	uint64_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		const uint64_t digit = (uint64_t)(*at - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (at == text)
		return false;
	for (; units->suffix != NULL; units++)
		if (strcmp(at, units->suffix) == 0 && value <= UINT64_MAX / units->factor) {
			*number = value * units->factor;
			return true;
		}
	return false;
}

/* The largest unit that divides the number: what parse_number() reads back. */
static void
format_number(char out[static 32], uint64_t number, const struct unit *units)
{
	const struct unit *best = units;

	for (; units->suffix != NULL; units++)
		if (number != 0 && number % units->factor == 0)
			best = units;
	(void)snprintf(
	    out, 32, "%llu%s", (unsigned long long)(number / best->factor), best->suffix);
}

static enum pinf_err
set_number(const struct pinf_option *option, struct pinf_option_value *value, const char *place,
    const char *text, struct pinf_bytes *message)
{
	static const char *const forms[] = {[PINF_OPT_UINT] = "a whole number",
	    [PINF_OPT_DURATION] = "a time like 250ms, 30s, 5m, 2h or 1d",
	    [PINF_OPT_SIZE] = "a size like 4096, 64KiB, 1MiB or 2GiB"};
	const struct unit *units = units_of(option->type);
	const uint64_t max = option->max == 0 ? UINT64_MAX : option->max;
	char low[32], high[32];

	if (!parse_number(text, units, &value->number))
		return complain(message, place, "\"%.64s\" is not %s", text, forms[option->type]);
	if (value->number >= option->min && value->number <= max)
		return PINF_OK;
	format_number(low, option->min, units);
	format_number(high, max, units);
	return complain(message, place, "%.64s is out of range: give %s to %s", text, low, high);
}

static enum pinf_err
set_choice(const struct pinf_option *option, struct pinf_option_value *value, const char *place,
    const char *text, struct pinf_bytes *message)
{
	const size_t len = strlen(text);
	const char *at = option->choices;

	for (uint64_t index = 0;; index++) {
		const size_t word = strcspn(at, "|");
		if (word == len && memcmp(at, text, len) == 0) {
			value->number = index;
			return PINF_OK;
		}
		if (at[word] == '\0')
			break;
		at += word + 1;
	}
	return complain(message, place, "\"%.64s\" is not one of %s", text, option->choices);
}

/* Checks text against the option, and sets the value unless a stronger source did. */
static enum pinf_err
set(struct pinf_options *options, size_t index, enum pinf_option_source source, const char *place,
    const char *text, struct pinf_bytes *message)
{
	const struct pinf_option *option = &options->command->options[index];
	struct pinf_option_value value = {.source = source};
	enum pinf_err err = PINF_OK;

	if (strlen(text) > PINF_OPTION_TEXT_MAX)
		return complain(message, place, "longer than %d bytes", PINF_OPTION_TEXT_MAX);
	switch (option->type) {
	case PINF_OPT_TEXT:
		if (text[0] == '\0' && option->required)
			err = complain(message, place, "must not be empty");
		break;
	case PINF_OPT_BOOL:
		value.number = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
		if (value.number == 0 && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
			err = complain(message, place, "\"%.64s\" is neither true nor false", text);
		break;
	case PINF_OPT_ADDRESS:
		if (pinf_address_parse(&value.address, pinf_span_str(text)) != PINF_OK)
			err = complain(message, place,
			    "\"%.64s\" is not an address: 0x and 40 hex digits, checksum right",
			    text);
		break;
	case PINF_OPT_CHOICE: err = set_choice(option, &value, place, text, message); break;
	case PINF_OPT_UINT:
	case PINF_OPT_DURATION:
	case PINF_OPT_SIZE: err = set_number(option, &value, place, text, message); break;
	}
	if (err != PINF_OK || options->values[index].source > source)
		return err;
	if ((err = pinf_bytes_append(&value.text, text, strlen(text))) == PINF_OK) {
		pinf_bytes_free(&options->values[index].text);
		options->values[index] = value;
	}
	return err;
}

static bool
word_is(const char *words, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(words, word, len) == 0;
}

const struct pinf_command *
pinf_command_find(const struct pinf_command *const *commands, size_t count, int argc,
    char *const *argv, int *used)
{
	const struct pinf_command *found = NULL;
	int longest = 0;

	for (size_t i = 0; i < count; i++) {
		const char *at = commands[i]->name + strcspn(commands[i]->name, " ");
		int words = 0;
		bool same = true;
		while (same && *at == ' ') {
			const size_t len = strcspn(++at, " ");
			same = words < argc && word_is(at, len, argv[words]);
			at += len;
			words++;
		}
		if (same && words > longest) {
			found = commands[i];
			longest = words;
		}
	}
	if (found != NULL)
		*used = longest;
	return found;
}

void
pinf_options_init(struct pinf_options *options, const struct pinf_command *command)
{
	assert(command->option_count <= PINF_OPTIONS_MAX);
	assert(command->positional_max <= PINF_POSITIONALS_MAX);
	memset(options, 0, sizeof *options);
	options->command = command;
}

void
pinf_options_free(struct pinf_options *options)
{
	for (size_t i = 0; i < PINF_OPTIONS_MAX; i++)
		pinf_bytes_free(&options->values[i].text);
	options->positional_count = 0;
}

/* The option with a name of len bytes, or option_count. */
static size_t
find(const struct pinf_command *command, const char *name, size_t len)
{
	size_t i = 0;

	while (i < command->option_count && !word_is(name, len, command->options[i].name))
		i++;
	return i;
}

/* One --name[=value]; next is the following argument or NULL, *took says whether it was the value. */
static enum pinf_err
read_flag(struct pinf_options *options, const char *flag, const char *next, bool *took,
    struct pinf_bytes *message)
{
	const struct pinf_command *command = options->command;
	const char *name = flag + 2;
	const size_t len = strcspn(name, "=");
	const char *text = name[len] == '=' ? name + len + 1 : NULL;
	char place[PLACE_MAX];
	size_t index = find(command, name, len);

	*took = false;
	(void)snprintf(place, sizeof place, "--%.*s", len < 64 ? (int)len : 64, name);
	if (index == command->option_count && text == NULL && strncmp(name, "no-", 3) == 0) {
		index = find(command, name + 3, len - 3);
		if (index < command->option_count && command->options[index].type == PINF_OPT_BOOL)
			text = "false";
		else
			index = command->option_count;
	}
	if (index == command->option_count)
		return complain(message, place, "no such option; see \"%s --help\"", command->name);
	if (command->options[index].secret)
		return complain(message, place,
		    "other users see a command line; set the environment variable %s instead",
		    command->options[index].env);
	if (text == NULL && command->options[index].type == PINF_OPT_BOOL)
		text = "true";
	if (text == NULL) {
		if (next == NULL)
			return complain(message, place, "needs a value: %s VALUE", place);
		text = next;
		*took = true;
	}
	return set(options, index, PINF_FROM_FLAG, place, text, message);
}

enum pinf_err
pinf_options_argv(
    struct pinf_options *options, int argc, char *const *argv, struct pinf_bytes *message)
{
	bool only_positionals = false;

	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];
		bool took = false;
		enum pinf_err err = PINF_OK;

		if (!only_positionals && strcmp(arg, "--") == 0) {
			only_positionals = true;
		} else if (only_positionals || arg[0] != '-' || arg[1] == '\0') {
			if (options->positional_count == options->command->positional_max)
				err = complain(message, arg,
				    "one argument too many; see \"%s --help\"",
				    options->command->name);
			else
				options->positional[options->positional_count++] = arg;
		} else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
			options->help = true;
			return PINF_OK;
		} else if (strcmp(arg, "--version") == 0) {
			options->version = true;
			return PINF_OK;
		} else if (arg[1] != '-') {
			err = complain(message, arg, "no such option; options are written --name");
		} else {
			const char *next = i + 1 < argc ? argv[i + 1] : NULL;
			err = read_flag(options, arg, next, &took, message);
		}
		if (err != PINF_OK)
			return err;
		i += took ? 1 : 0;
	}
	return PINF_OK;
}

static void
key_of(char out[static 64], const char *name)
{
	assert(strlen(name) < 64);
	size_t i = 0;
	for (; name[i] != '\0'; i++)
		out[i] = (char)(name[i] == '-' ? '_' : name[i]);
	out[i] = '\0';
}

/* Reads one key of the file into *text, as set() takes it. */
static enum pinf_err
file_value(struct pinf_json_reader *reader, const struct pinf_option *option, const char *key,
    struct pinf_bytes *text)
{
	struct pinf_span span = {NULL, 0};
	uint64_t number = 0;
	bool yes = false;
	char digits[32];

	if (option->type == PINF_OPT_UINT) {
		pinf_json_uint(reader, key, true, PINF_ID_MAX, &number);
		format_number(digits, number, plain_number);
		span = pinf_span_str(digits);
	} else if (option->type == PINF_OPT_BOOL) {
		pinf_json_bool(reader, key, true, &yes);
		span = pinf_span_str(yes ? "true" : "false");
	} else {
		pinf_json_text(reader, key, true, &span);
	}
	if (reader->err != PINF_OK)
		return PINF_OK; /* It sticks: pinf_json_end() tells. */
	return pinf_bytes_append(text, span.data, span.len);
}

enum pinf_err
pinf_options_file(struct pinf_options *options, const char *name, struct pinf_span json,
    struct pinf_bytes *message)
{
	const struct pinf_command *command = options->command;
	struct pinf_json *tree;
	char place[PLACE_MAX], key[64];
	enum pinf_err err = pinf_json_parse(&tree, json, PINF_CONFIG_FILE_MAX);

	if (err != PINF_OK) {
		size_t at = 0;
		if (pinf_json_check(json, &at) != PINF_OK)
			(void)snprintf(place, sizeof place, "%.200s, byte %zu", name, at + 1);
		else
			(void)snprintf(place, sizeof place, "%.200s", name);
		return complain(
		    message, place, "%s; a configuration is one JSON object", pinf_err_text(err));
	}
	struct pinf_json_reader reader = pinf_json_root(tree);
	for (size_t i = 0; i < command->option_count && err == PINF_OK; i++) {
		struct pinf_bytes text = {0};
		key_of(key, command->options[i].name);
		if (!pinf_json_has(&reader, key))
			continue;
		(void)snprintf(place, sizeof place, "%.200s, key \"%s\"", name, key);
		err = file_value(&reader, &command->options[i], key, &text);
		if (err == PINF_OK && command->options[i].secret)
			err = complain(message, place,
			    "a secret does not belong in this file; set the environment variable "
			    "%s",
			    command->options[i].env);
		else if (err == PINF_OK && reader.err == PINF_OK)
			err = set(options, i, PINF_FROM_FILE, place,
			    text.len > 0 ? (const char *)text.data : "", message);
		pinf_bytes_free(&text);
	}
	if (err == PINF_OK && (err = pinf_json_end(&reader)) != PINF_OK) {
		(void)snprintf(place, sizeof place, "%.200s, key \"%s\"", name, reader.field);
		err = complain(message, place, "%s; see \"%s --help\" for names and forms",
		    pinf_err_text(err), command->name);
	}
	pinf_json_free(tree);
	return err;
}

enum pinf_err
pinf_options_env(
    struct pinf_options *options, char *(*get)(const char *name), struct pinf_bytes *message)
{
	for (size_t i = 0; i < options->command->option_count; i++) {
		const char *name = options->command->options[i].env;
		const char *text = name == NULL ? NULL : get(name);
		char place[PLACE_MAX];

		if (text == NULL || text[0] == '\0')
			continue; /* Set to nothing is how a shell unsets one. */
		(void)snprintf(place, sizeof place, "environment variable %s", name);
		const enum pinf_err err = set(options, i, PINF_FROM_ENV, place, text, message);
		if (err != PINF_OK)
			return err;
	}
	return PINF_OK;
}

enum pinf_err
pinf_options_end(struct pinf_options *options, struct pinf_bytes *message)
{
	const struct pinf_command *command = options->command;
	const bool has_file = find(command, "config", strlen("config")) < command->option_count;
	char place[PLACE_MAX], key[64];
	enum pinf_err err = PINF_OK;

	for (size_t i = 0; i < command->option_count && err == PINF_OK; i++) {
		const struct pinf_option *option = &command->options[i];
		(void)snprintf(place, sizeof place, "--%s", option->name);
		if (options->values[i].source == PINF_FROM_NOTHING && option->fallback != NULL)
			err = set(options, i, PINF_FROM_DEFAULT, place, option->fallback, message);
		if (err != PINF_OK || !option->required ||
		    options->values[i].source != PINF_FROM_NOTHING)
			continue;
		key_of(key, option->name);
		err = complain(message, place, "is required (%s): give --%s%s%s%s%s%s",
		    option->help, option->name, option->env != NULL ? ", the variable " : "",
		    option->env != NULL ? option->env : "", has_file ? ", or \"" : "",
		    has_file ? key : "", has_file ? "\" in the configuration file" : "");
	}
	if (err == PINF_OK && options->positional_count < command->positional_min)
		err = complain(message, command->name, "too few arguments: give %s",
		    command->positionals != NULL ? command->positionals : "more");
	return err;
}

const struct pinf_option_value *
pinf_option(const struct pinf_options *options, const char *name)
{
	const size_t index = find(options->command, name, strlen(name));

	assert(index < options->command->option_count);
	return &options->values[index];
}

const char *
pinf_option_text(const struct pinf_options *options, const char *name)
{
	const struct pinf_option_value *value = pinf_option(options, name);

	return value->text.len > 0 ? (const char *)value->text.data : "";
}

static enum pinf_err
help_option(struct pinf_bytes *out, const struct pinf_option *option)
{
	static const char *const forms[] = {[PINF_OPT_TEXT] = " TEXT",
	    [PINF_OPT_UINT] = " N",
	    [PINF_OPT_BOOL] = "",
	    [PINF_OPT_DURATION] = " TIME",
	    [PINF_OPT_SIZE] = " SIZE",
	    [PINF_OPT_ADDRESS] = " 0xADDRESS",
	    [PINF_OPT_CHOICE] = " "};
	char left[128];
	enum pinf_err err;

	(void)snprintf(left, sizeof left, "%s%s%s%s", option->secret ? "" : "--",
	    option->secret ? option->env : option->name, option->secret ? "" : forms[option->type],
	    option->type == PINF_OPT_CHOICE ? option->choices : "");
	err = put(out,
	    strlen(left) <= 28 ? "  %-28s  %s" : "  %s\n                                %s", left,
	    option->help);
	if (err == PINF_OK && option->required)
		err = put(out, " (required)");
	if (err == PINF_OK && option->fallback != NULL && option->fallback[0] != '\0')
		err = put(out, " [%s]", option->fallback);
	if (err == PINF_OK && option->env != NULL && !option->secret)
		err = put(out, " ($%s)", option->env);
	return err != PINF_OK ? err : put(out, "\n");
}

enum pinf_err
pinf_options_help(struct pinf_bytes *out, const struct pinf_command *command)
{
	enum pinf_err err = put(out, "Usage: %s%s%s%s\n%s\n\nOptions [default] ($variable):\n",
	    command->name, command->option_count > 0 ? " [options]" : "",
	    command->positionals != NULL ? " " : "",
	    command->positionals != NULL ? command->positionals : "", command->summary);

	for (size_t i = 0; i < command->option_count && err == PINF_OK; i++)
		err = help_option(out, &command->options[i]);
	return err != PINF_OK ? err : put(out, "  %-28s  %s\n", "--help", "this text");
}

enum pinf_err
pinf_options_describe(struct pinf_bytes *out, const struct pinf_options *options)
{
	struct pinf_json_writer writer = pinf_json_write_to(out);

	pinf_json_open(&writer, NULL, '{');
	for (size_t i = 0; i < options->command->option_count; i++) {
		const struct pinf_option *option = &options->command->options[i];
		const struct pinf_option_value *value = &options->values[i];
		char key[64];
		if (option->secret || value->source == PINF_FROM_NOTHING)
			continue;
		key_of(key, option->name);
		if (option->type == PINF_OPT_UINT)
			pinf_json_put_uint(&writer, key, value->number);
		else if (option->type == PINF_OPT_BOOL)
			pinf_json_put_bool(&writer, key, value->number != 0);
		else
			pinf_json_put_text(&writer, key, pinf_span_of(&value->text));
	}
	pinf_json_close(&writer, '}');
	return pinf_json_written(&writer);
}
