/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- pinf-bench: what a derivation, a sealed blob, a text and a decision cost, beside the raw primitives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <openssl/crypto.h>
#include <sodium/version.h>

#include "core/options.h"
#include "measure.h"

#define JSON_SCHEMA 1

static const struct {
	const char *name;
	void (*run)(const struct bench_run *run);
} benches[] = {
    {"derive", bench_derive},
    {"seal", bench_seal},
    {"urn", bench_urn},
    {"json", bench_json},
    {"acl", bench_acl},
    {"wallet", bench_wallet},
    {"grant", bench_grant},
    {"sim", bench_sim},
};

static const struct pinf_option table[] = {
    {.name = "seconds",
	.type = PINF_OPT_UINT,
	.max = 3600,
	.fallback = "2",
	.help = "time for each group; 0: one quick round"},
    {.name = "size",
	.type = PINF_OPT_TEXT,
	.fallback = "64,4KiB,64KiB,1MiB,16MiB",
	.help = "payload sizes, with commas between"},
    {.name = "json", .type = PINF_OPT_TEXT, .help = "also write the figures to this file"},
};

static const struct pinf_command command = {
    .name = "pinf-bench",
    .summary =
	"Measures key derivation, blob sealing, strict decoding, access and the simulator beside "
	"the raw primitives, as ratios in one run.",
    .positionals = "[derive|seal|urn|json|acl|wallet|grant|sim|all]",
    .positional_max = 1,
    .options = table,
    .option_count = sizeof table / sizeof table[0],
};

static int
fail(struct pinf_bytes *message)
{
	(void)fprintf(stderr, "%s\n",
	    message->data == NULL ? "pinf-bench: out of memory" : (const char *)message->data);
	pinf_bytes_free(message);
	return 1;
}

/* "64,4KiB" to bytes; false where a size is none. */
static bool
parse_sizes(const char *text, struct bench_run *run)
{
	static const struct {
		const char *name;
		unsigned shift;
	} units[] = {{"KiB", 10}, {"MiB", 20}};

	while (run->size_count < sizeof run->sizes / sizeof run->sizes[0]) {
		char *end;
		uint64_t size = strtoull(text, &end, 10);

		if (end == text)
			return false;
		for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
			if (strncmp(end, units[u].name, strlen(units[u].name)) == 0) {
				size <<= units[u].shift;
				end += strlen(units[u].name);
				break;
			}
		if ((*end != ',' && *end != '\0') || size > (uint64_t)1 << 30)
			return false;
		run->sizes[run->size_count++] = size;
		if (*end == '\0')
			return true;
		text = end + 1;
	}
	return false;
}

static void
begin_json(struct pinf_json_writer *w)
{
	struct utsname machine;

	bench_require(uname(&machine) == 0, "uname");
	pinf_json_open(w, NULL, '{');
	pinf_json_put_str(w, "libcrypto", OpenSSL_version(OPENSSL_VERSION));
	pinf_json_put_str(w, "libsodium", SODIUM_VERSION_STRING);
	pinf_json_put_str(w, "machine", machine.machine);
	pinf_json_put_str(w, "pinf", PINF_VERSION);
	pinf_json_open(w, "results", '[');
}

static void
end_json(struct pinf_json_writer *w, const char *path)
{
	FILE *file;

	pinf_json_close(w, ']');
	pinf_json_put_uint(w, "schema", JSON_SCHEMA);
	pinf_json_close(w, '}');
	bench_require(pinf_json_written(w) == PINF_OK, "JSON");
	file = fopen(path, "w");
	bench_require(file != NULL && fwrite(w->out->data, 1, w->out->len, file) == w->out->len &&
			  fclose(file) == 0,
	    "writing the JSON file");
}

static int
run_benches(const struct pinf_options *o)
{
	const char *which = o->positional_count == 0 ? "all" : o->positional[0];
	const char *path = pinf_option_text(o, "json");
	struct pinf_bytes json = {0};
	struct pinf_json_writer w = pinf_json_write_to(&json);
	struct bench_run run = {
	    .seconds = pinf_option(o, "seconds")->number,
	    .json = path[0] == '\0' ? NULL : &w,
	};
	size_t ran = 0;

	if (!parse_sizes(pinf_option_text(o, "size"), &run)) {
		(void)fprintf(stderr, "pinf-bench: --size takes up to 16 sizes up to 1024MiB, such "
				      "as 64,4KiB,1MiB\n");
		return 1;
	}
	begin_json(&w);
	for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
		if (strcmp(which, "all") == 0 || strcmp(which, benches[i].name) == 0) {
			benches[i].run(&run);
			ran++;
		}
	if (ran == 0)
		(void)fprintf(stderr, "pinf-bench: there is no benchmark '%s': %s\n", which,
		    command.positionals);
	else if (run.json != NULL)
		end_json(&w, path);
	pinf_bytes_free(&json);
	return ran == 0 ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct pinf_options o;
	struct pinf_bytes message = {0};
	enum pinf_err err;
	int status = 0;

	pinf_options_init(&o, &command);
	err = pinf_options_argv(&o, argc - 1, argv + 1, &message);
	if (err == PINF_OK && o.help)
		err = pinf_options_help(&message, &command);
	else if (err == PINF_OK && !o.version)
		err = pinf_options_end(&o, &message);
	if (err != PINF_OK)
		status = fail(&message);
	else if (o.help)
		(void)fputs((const char *)message.data, stdout);
	else if (o.version)
		(void)printf("pinf-bench %s\n", PINF_VERSION);
	else
		status = run_benches(&o);
	pinf_bytes_free(&message);
	pinf_options_free(&o);
	return status;
}
