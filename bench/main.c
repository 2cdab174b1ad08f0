/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- pinf-bench: what pinf's paths cost beside the raw primitives that they are made of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <sodium/version.h>

#include "core/options.h"
#include "measure.h"
#include "peers/transactions.h"

/* libcrypto's variable: without AES-NI, PCLMULQDQ, SHA and what builds on them. */
#define NO_INSTRUCTIONS "OPENSSL_ia32cap"
#define WHICH           "~0x200000200000000:~0x60020000000"

static const struct {
	const char *name;
	void (*run)(const struct bench_run *run);
	bool alone; /* it has threads, or processes, of its own */
} benches[] = {
    {"derive", bench_derive, false},
    {"seal", bench_seal, false},
    {"open", bench_open, false},
    {"range", bench_range, false},
    {"hash", bench_hash, false},
    {"urn", bench_urn, false},
    {"json", bench_json, false},
    {"policy", bench_policy, false},
    {"acl", bench_acl, false},
    {"wallet", bench_wallet, false},
    {"grant", bench_grant, false},
    {"queue", bench_queue, true},
    {"router", bench_router, true},
    {"sim", bench_sim, true},
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
    {.name = "threads",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = BENCH_THREADS_MAX,
	.fallback = "1",
	.help = "do the same in so many at once; not queue, router and sim"},
    {.name = "instructions",
	.type = PINF_OPT_BOOL,
	.fallback = "true",
	.help = "else libcrypto without the processor's AES and SHA instructions"},
    {.name = "json", .type = PINF_OPT_TEXT, .help = "also write the figures to this file"},
    {.name = "compare",
	.type = PINF_OPT_TEXT,
	.help = "fail where a ratio is worse than in this file, written with --json, beyond noise"},
};

static const struct pinf_command command = {
    .name = "pinf-bench",
    .summary =
	"Measures key derivation, blob sealing, strict decoding, access, the queue, the router and "
	"the simulator beside the raw primitives, as ratios in one run.",
    .positionals = "[derive|seal|open|range|hash|urn|json|policy|acl|wallet|grant|queue|router|"
		   "sim|all]",
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
begin_json(struct pinf_json_writer *w, const struct bench_run *run, unsigned threads)
{
	struct utsname machine;

	bench_require(uname(&machine) == 0, "uname");
	pinf_json_open(w, NULL, '{');
	pinf_json_put_str(w, "commit", PINF_COMMIT);
	pinf_json_put_bool(w, "instructions", getenv(NO_INSTRUCTIONS) == NULL);
	pinf_json_put_str(w, "libcrypto", OpenSSL_version(OPENSSL_VERSION));
	pinf_json_put_str(w, "libsodium", SODIUM_VERSION_STRING);
	pinf_json_put_str(w, "machine", machine.machine);
	pinf_json_put_str(w, "pinf", PINF_VERSION);
	pinf_json_put_uint(w, "seconds", run->seconds);
	pinf_json_put_str(w, "sqlite", transactions_version());
	pinf_json_put_str(w, "system", machine.release);
	pinf_json_put_uint(w, "threads", threads);
	pinf_json_open(w, "results", '[');
}

static void
end_json(struct pinf_json_writer *w)
{
	struct rusage used;

	bench_require(getrusage(RUSAGE_SELF, &used) == 0, "getrusage");
	(void)printf("peak memory: %.1f MiB\n", (double)used.ru_maxrss / 1024);
	pinf_json_close(w, ']');
	pinf_json_put_uint(w, "peak_rss_kib", (uint64_t)used.ru_maxrss);
	pinf_json_put_uint(w, "schema", BENCH_SCHEMA);
	pinf_json_close(w, '}');
	bench_require(pinf_json_written(w) == PINF_OK, "JSON");
}

static void
write_json(const char *path, const struct pinf_bytes *json)
{
	FILE *file = fopen(path, "w");

	bench_require(file != NULL && fwrite(json->data, 1, json->len, file) == json->len &&
			  fclose(file) == 0,
	    "writing the JSON file");
}

/* All that are named which; false: there is none. */
static bool
run_named(const char *which, const struct bench_run *run, unsigned threads)
{
	bool found = false;

	for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
		const bool all = strcmp(which, "all") == 0;

		if (all ? threads > 1 && benches[i].alone : strcmp(which, benches[i].name) != 0)
			continue;
		found = true;
		if (threads == 1 || benches[i].alone)
			benches[i].run(run);
		else
			bench_together(benches[i].run, run, threads);
	}
	if (!found)
		(void)fprintf(stderr, "pinf-bench: there is no benchmark '%s': %s\n", which,
		    command.positionals);
	return found;
}

static int
run_benches(const struct pinf_options *o)
{
	const char *which = o->positional_count == 0 ? "all" : o->positional[0];
	const char *path = pinf_option_text(o, "json"), *old = pinf_option_text(o, "compare");
	const unsigned threads = (unsigned)pinf_option(o, "threads")->number;
	struct pinf_bytes json = {0};
	struct pinf_json_writer w = pinf_json_write_to(&json);
	struct bench_run run = {.seconds = pinf_option(o, "seconds")->number, .json = &w};
	bool good;

	if (!parse_sizes(pinf_option_text(o, "size"), &run)) {
		(void)fprintf(stderr, "pinf-bench: --size takes up to 16 sizes up to 1024MiB, such "
				      "as 64,4KiB,1MiB\n");
		return 1;
	}
	begin_json(&w, &run, threads);
	good = run_named(which, &run, threads);
	if (good)
		end_json(&w);
	if (good && path[0] != '\0')
		write_json(path, &json);
	if (good && old[0] != '\0')
		good = bench_compare(old, pinf_span_of(&json));
	pinf_bytes_free(&json);
	return good ? 0 : 1;
}

/* libcrypto looks at its variable before main() is there: once more, with it set. */
static void
without_instructions(char **argv)
{
	if (getenv(NO_INSTRUCTIONS) != NULL)
		return;
	bench_require(setenv(NO_INSTRUCTIONS, WHICH, 1) == 0 && execv("/proc/self/exe", argv) == 0,
	    "starting again without instructions");
}

/* An answer that a full disk cut short is none. */
static int
finish(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)fputs("pinf-bench: standard output could not be written whole\n", stderr);
	return status == 0 ? 1 : status;
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
	else {
		if (pinf_option(&o, "instructions")->number == 0)
			without_instructions(argv);
		status = run_benches(&o);
	}
	pinf_bytes_free(&message);
	pinf_options_free(&o);
	return finish(status);
}
