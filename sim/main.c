/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- pinf-sim: seeds or a plan in; histories, oracles and a verdict out.  spec/simulation.md. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pinf/bug.h>

#include "core/options.h"
#include "report.h"

#define FAULT_KINDS "network,blob,disk,crash,partition,chain"

static const char *planted;

bool
pinf_bug_active(const char *name)
{
	return planted != NULL && strcmp(planted, name) == 0;
}

static const struct pinf_option run_options[] = {
    {.name = "seed",
	.type = PINF_OPT_UINT,
	.max = PINF_ID_MAX,
	.fallback = "1",
	.help = "makes the plan"},
    {.name = "seeds",
	.type = PINF_OPT_TEXT,
	.help = "A..B: one run after the other, up to the first that fails"},
    {.name = "plan", .type = PINF_OPT_TEXT, .help = "a plan's file, instead of a seed"},
    {.name = "save-plan",
	.type = PINF_OPT_TEXT,
	.help = "writes the plan that is run to this file"},
    {.name = "sessions",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = SIM_SESSIONS_MAX,
	.fallback = "8",
	.help = "of a generated plan; every fourth is public"},
    {.name = "miners",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = SIM_MINERS_MAX,
	.fallback = "6",
	.help = "of a generated plan"},
    {.name = "unlisted",
	.type = PINF_OPT_UINT,
	.max = SIM_UNLISTED_MAX,
	.fallback = "2",
	.help = "wallets on no session's list, which attack"},
    {.name = "minutes",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = 60,
	.fallback = "10",
	.help = "simulated, of a generated plan"},
    {.name = "faults",
	.type = PINF_OPT_TEXT,
	.fallback = "all",
	.help = "all, none, or some of " FAULT_KINDS},
    {.name = "json", .type = PINF_OPT_BOOL, .help = "one JSON object a run"},
    {.name = "check-determinism",
	.type = PINF_OPT_BOOL,
	.help = "runs everything twice and compares the state hashes"},
};

static const struct pinf_command run_command = {
    .name = "pinf-sim run",
    .summary = "Runs the real router, miners and callers through a simulated history.",
    .options = run_options,
    .option_count = sizeof run_options / sizeof *run_options,
};

static int
usage(const char *problem)
{
	(void)fprintf(stderr, "pinf-sim: %s\nTry: pinf-sim run --help\n", problem);
	return SIM_EXIT_USAGE;
}

static bool
read_faults(struct sim_wish *wish, const char *list)
{
	const bool all = strcmp(list, "all") == 0;
	const struct {
		const char *name;
		bool *on;
	} kinds[] = {{"network", &wish->network}, {"blob", &wish->blob}, {"disk", &wish->disk},
	    {"crash", &wish->crash}, {"partition", &wish->partition}, {"chain", &wish->chain}};

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		*kinds[k].on = all;
	if (all || strcmp(list, "none") == 0)
		return true;
	while (*list != '\0') {
		const size_t len = strcspn(list, ",");
		bool known = false;

		for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
			if (strlen(kinds[k].name) != len || strncmp(kinds[k].name, list, len) != 0)
				continue;
			*kinds[k].on = known = true;
		}
		if (!known)
			return false;
		list += len + (list[len] == ',');
	}
	return true;
}

static bool
read_file(const char *path, struct pinf_bytes *out)
{
	FILE *file = fopen(path, "rb");
	uint8_t part[65536];
	size_t len;
	bool good;

	if (file == NULL)
		return false;
	while ((len = fread(part, 1, sizeof part, file)) > 0 && out->len <= SIM_PLAN_TEXT_MAX)
		sim_append(out, (struct pinf_span){part, len});
	good = ferror(file) == 0;
	return fclose(file) == 0 && good;
}

static bool
write_plan(const char *path, const struct sim_plan *plan)
{
	struct pinf_bytes text = {0};
	FILE *file = fopen(path, "wb");
	bool good;

	if (file == NULL)
		return false;
	sim_plan_encode(&text, plan);
	good = fwrite(text.data, 1, text.len, file) == text.len;
	pinf_bytes_free(&text);
	return fclose(file) == 0 && good;
}

/* The failing plan, and the command that runs it again. */
static void
keep_failure(const struct sim_world *w)
{
	char path[96];

	(void)mkdir("failures", 0777);
	(void)snprintf(path, sizeof path, "failures/%s-%llu.json",
	    sim_oracle_name(w->oracles.broken), (unsigned long long)w->plan->seed);
	if (write_plan(path, w->plan))
		(void)fprintf(stderr, "again: pinf-sim run --plan %s%s%s\n", path,
		    planted != NULL ? " --bug " : "", planted != NULL ? planted : "");
	else
		(void)fprintf(stderr, "pinf-sim: %s cannot be written\n", path);
}

static uint64_t
wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One world, or twice the same. */
static enum sim_exit
run_plan(struct sim_plan *plan, struct sim_total *total, bool twice)
{
	struct sim_world *w = sim_new(sizeof *w);
	const uint64_t start_ms = wall_ms();
	enum sim_exit exit_code;

	sim_world_run(w, plan);
	exit_code = sim_verdict(w);
	total->state_hash = w->state_hash;
	if (exit_code >= SIM_EXIT_SAFETY)
		keep_failure(w);
	sim_total_add(total, w);
	sim_world_free(w);
	if (twice && exit_code == SIM_EXIT_PASS) {
		sim_world_run(w, plan);
		if (!pinf_hash_equal(&w->state_hash, &total->state_hash))
			exit_code = SIM_EXIT_NONDETERMINISM;
		sim_world_free(w);
	}
	free(w);
	total->wall_ms += wall_ms() - start_ms;
	return exit_code;
}

static enum sim_exit
run_seeds(
    const struct pinf_options *o, struct sim_wish *wish, uint64_t last, struct sim_total *total)
{
	const char *save = pinf_option_text(o, "save-plan");
	const bool twice = pinf_option(o, "check-determinism")->number != 0;
	const uint64_t first = wish->seed;
	enum sim_exit exit_code = SIM_EXIT_PASS;

	for (; wish->seed <= last && exit_code == SIM_EXIT_PASS; wish->seed++) {
		struct sim_plan plan;

		if (isatty(STDERR_FILENO) && last > first)
			(void)fprintf(stderr, "\rseed %llu, %llu of %llu ",
			    (unsigned long long)wish->seed,
			    (unsigned long long)(wish->seed - first + 1),
			    (unsigned long long)(last - first + 1));
		sim_plan_make(&plan, wish);
		if (save[0] != '\0' && !write_plan(save, &plan))
			exit_code = (enum sim_exit)usage("the plan's file cannot be written");
		else
			exit_code = run_plan(&plan, total, twice);
		total->last_seed = wish->seed;
		sim_plan_free(&plan);
	}
	if (isatty(STDERR_FILENO) && last > first)
		(void)fputc('\n', stderr);
	return exit_code;
}

static enum sim_exit
run_file(const struct pinf_options *o, struct sim_total *total)
{
	struct pinf_bytes text = {0}, message = {0};
	struct sim_plan plan = {0};
	enum sim_exit exit_code = SIM_EXIT_USAGE;

	if (!read_file(pinf_option_text(o, "plan"), &text)) {
		(void)usage("the plan's file cannot be read");
	} else if (sim_plan_decode(&plan, pinf_span_of(&text), &message) != PINF_OK) {
		(void)fprintf(stderr, "pinf-sim: %s", (const char *)message.data);
	} else {
		total->last_seed = plan.seed;
		if (!total->json)
			(void)printf("seed %llu\n", (unsigned long long)plan.seed);
		exit_code =
		    run_plan(&plan, total, pinf_option(o, "check-determinism")->number != 0);
	}
	pinf_bytes_free(&text);
	pinf_bytes_free(&message);
	sim_plan_free(&plan);
	return exit_code;
}

static int
run(const struct pinf_options *o)
{
	struct sim_total total = {.json = pinf_option(o, "json")->number != 0};
	struct sim_wish wish = {
	    .seed = pinf_option(o, "seed")->number,
	    .minutes = (uint32_t)pinf_option(o, "minutes")->number,
	    .sessions = (uint32_t)pinf_option(o, "sessions")->number,
	    .miners = (uint32_t)pinf_option(o, "miners")->number,
	    .unlisted = (uint32_t)pinf_option(o, "unlisted")->number,
	};
	unsigned long long first = wish.seed, last = wish.seed;
	enum sim_exit exit_code;
	char end;

	if (!read_faults(&wish, pinf_option_text(o, "faults")))
		return usage("--faults takes all, none, or some of " FAULT_KINDS);
	if (pinf_option_text(o, "seeds")[0] != '\0' &&
	    (sscanf(pinf_option_text(o, "seeds"), "%llu..%llu%c", &first, &last, &end) != 2 ||
		first > last || last > PINF_ID_MAX))
		return usage("--seeds takes A..B, A <= B");
	wish.seed = first;
	if (pinf_option_text(o, "plan")[0] != '\0') {
		exit_code = run_file(o, &total);
	} else {
		if (!total.json)
			(void)printf(
			    first == last ? "seed %llu\n" : "seeds %llu..%llu\n", first, last);
		exit_code = run_seeds(o, &wish, last, &total);
	}
	if (exit_code != SIM_EXIT_USAGE)
		sim_report(&total, exit_code);
	return (int)exit_code;
}

/* "--bug NAME" turns a planted bug on; it is for the tests and in no help. */
static int
take_bug(int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--bug") == 0 && i + 1 < argc)
			planted = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	return kept;
}

int
main(int argc, char **argv)
{
	struct pinf_bytes message = {0};
	struct pinf_options o;
	int status = SIM_EXIT_USAGE;
	enum pinf_err err;

	argc = take_bug(argc, argv);
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("pinf-sim " PINF_VERSION);
		return 0;
	}
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		(void)puts("usage: pinf-sim run [OPTION...]   (pinf-sim run --help)\n"
			   "       pinf-sim --version\n\n"
			   "exits: 0 pass, 1 usage, 2 inconclusive, 10 safety, 11 liveness, "
			   "12 nondeterminism");
		return 0;
	}
	if (argc < 2 || strcmp(argv[1], "run") != 0)
		return usage("what to do? There is: run");
	pinf_options_init(&o, &run_command);
	err = pinf_options_argv(&o, argc - 2, argv + 2, &message);
	if (err == PINF_OK && o.help && pinf_options_help(&message, &run_command) == PINF_OK)
		(void)fputs((const char *)message.data, stdout);
	if (err == PINF_OK && (o.help || o.version)) {
		if (o.version)
			(void)puts("pinf-sim " PINF_VERSION);
		status = 0;
	} else {
		if (err == PINF_OK)
			err = pinf_options_end(&o, &message);
		if (err == PINF_OK)
			status = run(&o);
		else
			(void)fputs((const char *)message.data, stderr);
	}
	pinf_options_free(&o);
	pinf_bytes_free(&message);
	return status;
}
