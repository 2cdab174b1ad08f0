/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- pinf-conform: does another implementation conform?  spec/CONFORMANCE.md. */
#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"

#define VECTORS                                                                                    \
	{                                                                                          \
		.name = "vectors", .type = PINF_OPT_TEXT,                                          \
		.help = "directory of the vectors; as a rule found by itself"                      \
	}
#define DRIVER(REQUIRED)                                                                           \
	{.name = "cmd",                                                                            \
	    .type = PINF_OPT_TEXT,                                                                 \
	    .required = (REQUIRED),                                                                \
	    .help = "the driver, as a shell's command"},                                           \
	{                                                                                          \
		.name = "timeout", .type = PINF_OPT_DURATION, .min = 100, .max = 600000,           \
		.fallback = "10s", .help = "for an answer"                                         \
	}

void
complain(const char *format, ...)
{
	va_list args;

	(void)fputs("pinf-conform: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

static bool
read_file(struct vectors *v, const char *path)
{
	struct pinf_bytes text = {0};
	FILE *file = fopen(path, "rb");
	uint8_t part[65536];
	size_t len;
	bool good;

	if (file == NULL) {
		complain("%s cannot be read", path);
		return false;
	}
	while ((len = fread(part, 1, sizeof part, file)) > 0 && text.len <= VECTORS_FILE_MAX)
		if (pinf_bytes_append(&text, part, len) != PINF_OK)
			break;
	(void)fclose(file);
	good = vectors_take(v, pinf_span_of(&text), path);
	pinf_bytes_free(&text);
	return good;
}

static int
is_json(const struct dirent *entry)
{
	const size_t len = strlen(entry->d_name);

	return len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0 &&
	       strcmp(entry->d_name, "schema.json") != 0;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* An id is one vector's for ever. */
static bool
are_unique(const struct vectors *v)
{
	const char **ids = malloc((v->count + 1) * sizeof(const char *));
	bool unique = ids != NULL;

	for (size_t i = 0; i < v->count && ids != NULL; i++)
		ids[i] = v->list[i].id;
	if (ids != NULL)
		qsort(ids, v->count, sizeof(const char *), by_id);
	for (size_t i = 1; i < v->count && unique; i++)
		if (strcmp(ids[i - 1], ids[i]) == 0) {
			complain("two vectors are called %s", ids[i]);
			unique = false;
		}
	free(ids);
	return unique;
}

static bool
vectors_read(struct vectors *v, const char *directory)
{
	struct dirent **entries = NULL;
	const int count = scandir(directory, &entries, is_json, alphasort);
	bool good = count > 0;
	char path[4096 + 256];

	if (count <= 0)
		complain("there are no vectors in %s: --vectors names their directory", directory);
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
		good = good && read_file(v, path);
		free(entries[i]);
	}
	free(entries);
	return good && are_unique(v);
}

static const struct pinf_option run_options[] = {
    DRIVER(false),
    VECTORS,
    {.name = "miner",
	.type = PINF_OPT_BOOL,
	.help = "the driver's miner instead of its codec; the kit plays the router"},
    {.name = "router",
	.type = PINF_OPT_TEXT,
	.help = "instead of a driver: a router's URL for callers, http://HOST:PORT"},
    {.name = "miner-url",
	.type = PINF_OPT_TEXT,
	.help = "its URL for miners and administration; empty: the same"},
    {.name = "wallet",
	.type = PINF_OPT_TEXT,
	.help = "a wallet's file; it may create sessions there, and rotate keys"},
    {.name = "router-address",
	.type = PINF_OPT_TEXT,
	.help = "the router's identity; empty: what it says of itself"},
    {.name = "control",
	.type = PINF_OPT_TEXT,
	.help = "a program that restarts it, as a shell's command"},
    {.name = "select",
	.type = PINF_OPT_TEXT,
	.help = "an id, or what ids begin with, as in blob.open/"},
    {.name = "level",
	.type = PINF_OPT_CHOICE,
	.choices = "must|should|may",
	.fallback = "must",
	.help = "down to which level cases are run"},
    {.name = "profile",
	.type = PINF_OPT_CHOICE,
	.choices = "deployed|pinf",
	.fallback = "pinf",
	.help = "deployed: rules of the deployed network alone"},
    {.name = "known-failing",
	.type = PINF_OPT_TEXT,
	.help = "a file of ids, one a line; one that passes is a failure"},
    {.name = "dry-run", .type = PINF_OPT_BOOL, .help = "lists the ids"},
    {.name = "jsonl", .type = PINF_OPT_TEXT, .help = "a file: a JSON object a vector"},
    {.name = "html", .type = PINF_OPT_TEXT, .help = "a file: a page for people"},
    {.name = "jobs",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = JOBS_MAX,
	.fallback = "1",
	.help = "drivers at once"},
    {.name = "junit", .type = PINF_OPT_TEXT, .help = "a file: JUnit's XML"},
};
static const struct pinf_option doctor_options[] = {DRIVER(true), VECTORS};
static const struct pinf_option plain_options[] = {VECTORS};

/* Beside the program in an installation, else where it was built from. */
static const char *
directory_of(const struct pinf_options *o, char *room, size_t cap)
{
	const char *named = pinf_option_text(o, "vectors");
	const ssize_t len = readlink("/proc/self/exe", room, cap - 40);
	char *end;

	if (named[0] != '\0')
		return named;
	if (len > 0) {
		room[len] = '\0';
		end = strrchr(room, '/');
		(void)strcpy(end == NULL ? room : end, "/../share/pinf/vectors/v1");
		if (access(room, R_OK) == 0)
			return room;
	}
	return CONFORM_VECTORS;
}

static bool
read_vectors(struct vectors *v, const struct pinf_options *o)
{
	char room[4096];

	return vectors_read(v, directory_of(o, room, sizeof room));
}

static enum conform_exit
list(const struct suite *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->vectors->count; i++)
		if (suite_wants(s, &s->vectors->list[i])) {
			(void)puts(s->vectors->list[i].id);
			count++;
		}
	return count > 0 ? EXIT_PASS : EXIT_NOTHING;
}

static enum conform_exit
conclude(struct suite *s, const struct pinf_options *o)
{
	const char *expected = pinf_option_text(o, "known-failing"),
		   *jsonl = pinf_option_text(o, "jsonl"), *junit = pinf_option_text(o, "junit"),
		   *html = pinf_option_text(o, "html");
	size_t failed, passed, skipped;

	if (expected[0] != '\0' && !suite_expect(s, expected))
		return EXIT_USAGE;
	report_text(s);
	failed = report_count(s, FAILED) + report_count(s, UNEXPECTED);
	passed = report_count(s, PASSED);
	skipped = report_count(s, SKIPPED);
	if ((jsonl[0] != '\0' && !report_jsonl(s, jsonl)) ||
	    (junit[0] != '\0' && !report_junit(s, junit))) {
		(void)fprintf(stderr, "pinf-conform: a report's file cannot be written\n");
		return EXIT_USAGE;
	}
	if (html[0] != '\0' && !report_html(s, html))
		return EXIT_USAGE;
	(void)printf(
	    "%zu cases: %zu passed, %zu failed, %zu skipped\n", s->count, passed, failed, skipped);
	if (failed > 0)
		return EXIT_FAILED;
	return passed > 0 ? EXIT_PASS : EXIT_NOTHING;
}

static enum conform_exit
run(const struct pinf_options *o, struct vectors *v)
{
	const struct router_options router = {.url = pinf_option_text(o, "router"),
	    .miner_url = pinf_option_text(o, "miner-url"),
	    .wallet = pinf_option_text(o, "wallet"),
	    .address = pinf_option_text(o, "router-address"),
	    .control = pinf_option_text(o, "control")};
	struct suite s = {.vectors = v,
	    .command = pinf_option_text(o, "cmd"),
	    .select = pinf_option_text(o, "select"),
	    .level = pinf_option_text(o, "level"),
	    .profile = pinf_option_text(o, "profile"),
	    .jobs = (size_t)pinf_option(o, "jobs")->number,
	    .timeout_ms = (uint32_t)pinf_option(o, "timeout")->number};
	const bool asks_router = router.url[0] != '\0',
		   asks_miner = pinf_option(o, "miner")->number != 0;
	enum conform_exit exit_code = EXIT_NOTHING;

	if (asks_router == (s.command[0] != '\0') || (asks_router && router.wallet[0] == '\0')) {
		(void)fputs(
		    "pinf-conform run: give --cmd DRIVER, or --router URL and --wallet FILE\n",
		    stderr);
		return EXIT_USAGE;
	}
	if (asks_router ? !router_vectors(v) : asks_miner ? !miner_vectors(v) : !read_vectors(v, o))
		return EXIT_USAGE;
	if (pinf_option(o, "dry-run")->number != 0)
		return list(&s);
	if (asks_router  ? suite_run_router(&s, &router)
	    : asks_miner ? suite_run_miner(&s)
			 : suite_run(&s))
		exit_code = conclude(&s, o);
	suite_free(&s);
	return exit_code;
}

static enum conform_exit
visit(const struct pinf_options *o, struct vectors *v)
{
	if (!read_vectors(v, o))
		return EXIT_USAGE;
	return doctor(v, pinf_option_text(o, "cmd"), (uint32_t)pinf_option(o, "timeout")->number);
}

static enum conform_exit
explain(const struct pinf_options *o, struct vectors *v)
{
	if (!read_vectors(v, o) || !router_vectors(v) || !miner_vectors(v))
		return EXIT_USAGE;
	for (size_t i = 0; i < v->count; i++) {
		const struct vector *of = &v->list[i];
		struct pinf_bytes input = {0}, output = {0};

		if (strcmp(of->id, o->positional[0]) != 0)
			continue;
		(void)printf("%s\n  rule   %s (spec/), level %s%s%s\n", of->id, of->spec, of->level,
		    of->flags[0] == '\0' ? "" : ", flags ", of->flags);
		if (of->note[0] != '\0')
			(void)printf("  note   %s\n", of->note);
		if (of->router_case != NULL || of->miner_case != NULL)
			return EXIT_PASS;
		vector_text(of, "input", &input);
		vector_text(of, "output", &output);
		(void)printf("  input  %.*s%s\n", (int)(input.len < 4000 ? input.len : 4000),
		    (const char *)input.data, input.len < 4000 ? "" : "...");
		if (of->stage[0] != '\0')
			(void)printf("  must be refused at stage %s%s%s\n", of->stage,
			    of->rule[0] == '\0' ? "" : ", by the rule ", of->rule);
		else
			(void)printf(
			    "  must give %.*s\n", (int)output.len, (const char *)output.data);
		pinf_bytes_free(&input);
		pinf_bytes_free(&output);
		return EXIT_PASS;
	}
	(void)fprintf(stderr, "pinf-conform: no vector is called %s; `run --dry-run` lists them\n",
	    o->positional[0]);
	return EXIT_USAGE;
}

/* That they can be read is most of it. */
static enum conform_exit
lint(const struct pinf_options *o, struct vectors *v)
{
	size_t from = 0, to;

	if (!read_vectors(v, o))
		return EXIT_USAGE;
	for (; from < v->count; from = to) {
		size_t negative = 0;

		for (to = from;
		     to < v->count && strcmp(v->list[to].operation, v->list[from].operation) == 0;
		     to++)
			negative += v->list[to].stage[0] != '\0';
		(void)printf("  %-18s %4zu vectors, %4zu of them to be refused\n",
		    v->list[from].operation, to - from, negative);
	}
	(void)printf("%zu vectors\n", v->count);
	return EXIT_PASS;
}

static const struct {
	struct pinf_command command;
	enum conform_exit (*run)(const struct pinf_options *o, struct vectors *v);
} commands[] = {
    {{.name = "pinf-conform run",
	 .summary = "Asks a driver every vector, or a router every case, and judges the answers.",
	 .options = run_options,
	 .option_count = sizeof run_options / sizeof run_options[0]},
	run},
    {{.name = "pinf-conform doctor",
	 .summary = "Walks a new driver through the protocol, and says what is wrong with it.",
	 .options = doctor_options,
	 .option_count = sizeof doctor_options / sizeof doctor_options[0]},
	visit},
    {{.name = "pinf-conform explain",
	 .summary = "Shows a vector or a case, and the rule that it is about.",
	 .positionals = "ID",
	 .positional_min = 1,
	 .positional_max = 1,
	 .options = plain_options,
	 .option_count = 1},
	explain},
    {{.name = "pinf-conform lint",
	 .summary = "Reads the vectors strictly, and counts them.",
	 .options = plain_options,
	 .option_count = 1},
	lint},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static int
start(size_t c, int argc, char **argv)
{
	struct pinf_options o;
	struct pinf_bytes message = {0};
	struct vectors v = {.list = NULL};
	enum conform_exit exit_code = EXIT_USAGE;
	enum pinf_err err;

	pinf_options_init(&o, &commands[c].command);
	err = pinf_options_argv(&o, argc - 2, argv + 2, &message);
	if (err == PINF_OK && o.help)
		err = pinf_options_help(&message, &commands[c].command);
	else if (err == PINF_OK)
		err = pinf_options_end(&o, &message);
	if (err != PINF_OK)
		(void)fputs((const char *)message.data, stderr);
	else if (o.help)
		exit_code = fputs((const char *)message.data, stdout) < 0 ? EXIT_USAGE : EXIT_PASS;
	else
		exit_code = commands[c].run(&o, &v);
	vectors_free(&v);
	pinf_bytes_free(&message);
	pinf_options_free(&o);
	return (int)exit_code;
}

static void
put_help(FILE *to)
{
	(void)fputs("Usage: pinf-conform COMMAND [options]\nTests another implementation against "
		    "the vectors of spec/.\n\n",
	    to);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(to, "  %-8s %s\n", strrchr(commands[i].command.name, ' ') + 1,
		    commands[i].command.summary);
	(void)fputs("\npinf-conform COMMAND --help says more.  Exits: 0 pass, 1 usage, 2 nothing "
		    "was tested, 10 something fails.\n",
	    to);
}

/* An answer that a full disk cut short is none. */
static int
finish(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)fputs("pinf-conform: standard output could not be written whole\n", stderr);
	return status == 0 ? 1 : status;
}

int
main(int argc, char **argv)
{
	const char *name = argc < 2 ? "" : argv[1];

	if (strcmp(name, "--version") == 0) {
		(void)puts("pinf-conform " PINF_VERSION);
		return finish(EXIT_PASS);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		put_help(stdout);
		return finish(EXIT_PASS);
	}
	(void)signal(SIGPIPE, SIG_IGN); /* A driver that ends is a finding. */
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(name, strrchr(commands[i].command.name, ' ') + 1) == 0)
			return finish(start(i, argc, argv));
	put_help(stderr);
	return EXIT_USAGE;
}
