/* SPDX-License-Identifier: Apache-2.0 */
/* runs.c -- what the commands of pinf-sim share.  spec/simulation.md. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pinf/bug.h>

#include "bundle.h"
#include "foreign.h"
#include "html.h"
#include "runs.h"

static const char *planted;
static uint64_t passed;
static uint64_t shown_ms, world_began_ms; /* the line on a terminal */
static bool is_muted;
static const char *html_path, *html_again; /* NULL: no report */
static bool html_missed;

#define SHOWN_EVERY_MS 200

bool
pinf_bug_active(const char *name)
{
	const bool active = planted != NULL && strcmp(planted, name) == 0;

	passed += active;
	return active;
}

uint64_t
sim_planted_passed(void)
{
	return passed;
}

void
sim_plant(const char *name)
{
	planted = name == NULL || name[0] == '\0' ? NULL : name;
}

const char *
sim_planted(void)
{
	return planted;
}

bool
sim_nodes_read(const struct pinf_options *o)
{
	const char *text = pinf_option_text(o, "node");

	return text[0] == '\0' || sim_foreign_set(text);
}

void
sim_html_to(const char *path, const char *again)
{
	html_path = path;
	html_again = again;
}

bool
sim_html_missed(void)
{
	return html_missed;
}

enum sim_exit
sim_usage(const char *problem)
{
	(void)fprintf(stderr, "pinf-sim: %s\nTry: pinf-sim --help\n", problem);
	return SIM_EXIT_USAGE;
}

/* What the command line says beside a scenario. */
static void
read_sizes(struct sim_wish *wish, const struct pinf_options *o)
{
	const struct {
		const char *name;
		uint32_t *to;
	} sizes[] = {{"minutes", &wish->minutes}, {"sessions", &wish->sessions},
	    {"miners", &wish->miners}, {"unlisted", &wish->unlisted}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if (pinf_option(o, sizes[i].name)->source == PINF_FROM_FLAG)
			*sizes[i].to = (uint32_t)pinf_option(o, sizes[i].name)->number;
}

static bool
read_scenario(struct sim_scenario *scenario, const char *path)
{
	struct pinf_bytes text = {0}, message = {0};
	bool good = false;

	if (!sim_read_file(path, &text))
		(void)sim_usage("the scenario's file cannot be read");
	else if (sim_scenario_decode(scenario, pinf_span_of(&text), &message) != PINF_OK)
		(void)fprintf(stderr, "pinf-sim: %s: %s", path, (const char *)message.data);
	else
		good = true;
	pinf_bytes_free(&text);
	pinf_bytes_free(&message);
	return good;
}

bool
sim_scenario_read(
    struct sim_scenario *scenario, const struct pinf_options *o, const char *otherwise)
{
	const char *path = pinf_option_text(o, "scenario"),
		   *profile = pinf_option_text(o, "profile");
	const struct pinf_option_value *faults = pinf_option(o, "faults");
	struct pinf_bytes message = {0};
	bool good;

	*scenario = sim_scenario_defaults();
	if (profile[0] == '\0' && path[0] == '\0' && faults->source != PINF_FROM_FLAG)
		profile = otherwise;
	if (profile[0] != '\0' && !sim_profile_read(&scenario->wish, profile)) {
		if (path[0] != '\0') {
			(void)sim_usage(
			    "--profile takes full, swarm, lite or perf beside a --scenario");
			return false;
		}
		path = profile;
	}
	if (path[0] != '\0' && !read_scenario(scenario, path))
		return false;
	read_sizes(&scenario->wish, o);
	if (faults->source == PINF_FROM_FLAG &&
	    !sim_faults_read(&scenario->wish, pinf_span_str(pinf_option_text(o, "faults")))) {
		(void)sim_usage("--faults takes all, none, or some of " SIM_FAULT_KINDS);
		return false;
	}
	good = sim_scenario_set(scenario, pinf_option_text(o, "set"), &message) == PINF_OK;
	if (!good)
		(void)fprintf(stderr, "pinf-sim: --set: %s", (const char *)message.data);
	pinf_bytes_free(&message);
	return good;
}

bool
sim_seeds_read(const char *text, uint64_t *first, uint64_t *last)
{
	unsigned long long a, b;
	char end;

	if (sscanf(text, "%llu..%llu%c", &a, &b, &end) != 2 || a > b || b > PINF_ID_MAX) {
		(void)sim_usage("--seeds takes A..B, A <= B");
		return false;
	}
	*first = a;
	*last = b;
	return true;
}

bool
sim_read_file(const char *path, struct pinf_bytes *out)
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

bool
sim_write_plan(const char *path, const struct sim_plan *plan)
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

bool
sim_read_plan(const char *path, struct sim_plan *plan)
{
	struct pinf_bytes text = {0}, message = {0};
	bool good = false;

	if (!sim_read_file(path, &text))
		(void)fprintf(stderr, "pinf-sim: %s cannot be read: %s\n", path, strerror(errno));
	else if (sim_plan_decode(plan, pinf_span_of(&text), &message) != PINF_OK)
		(void)fprintf(stderr, "pinf-sim: %s", (const char *)message.data);
	else
		good = true;
	pinf_bytes_free(&text);
	pinf_bytes_free(&message);
	return good;
}

uint64_t
sim_wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The same plan once more, while the first world keeps its memory: nothing lies where it lay. */
static bool
is_repeatable(struct sim_plan *plan, const struct pinf_hash *state_hash)
{
	struct sim_world *w = sim_new(sizeof *w);
	bool same;

	sim_world_run(w, plan);
	same = pinf_hash_equal(&w->state_hash, state_hash);
	sim_world_free(w);
	free(w);
	return same;
}

bool
sim_progress_due(void)
{
	return !is_muted && isatty(STDERR_FILENO) && sim_wall_ms() >= shown_ms + SHOWN_EVERY_MS;
}

void
sim_progress_show(const char *format, ...)
{
	va_list args;

	(void)fputs("\r\033[K", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fflush(stderr);
	shown_ms = sim_wall_ms();
}

void
sim_progress_end(void)
{
	if (shown_ms != 0)
		(void)fputs("\r\033[K", stderr);
	shown_ms = 0;
}

void
sim_progress_mute(void)
{
	is_muted = true;
}

static void
show_world(const struct sim_world *w)
{
	const uint64_t ms = sim_wall_ms() - world_began_ms;

	if (sim_progress_due())
		sim_progress_show("seed %llu  simulated %llu s  %llu events/s",
		    (unsigned long long)w->plan->seed,
		    (unsigned long long)((w->now_ms - SIM_EPOCH_MS) / 1000),
		    (unsigned long long)(w->stats.events * 1000 / (ms + 1)));
}

static void
write_html(const struct sim_world *w, struct sim_total *total, enum sim_exit verdict)
{
	if (sim_html_write(html_path, w,
		&(struct sim_html_run){
		    .verdict = verdict, .again = html_again, .bug = planted, .total = total}))
		total->report = html_path;
	else
		html_missed = true;
}

enum sim_exit
sim_run_plan(struct sim_plan *plan, struct sim_total *total, bool twice, bool keep)
{
	struct sim_world *w = sim_new(sizeof *w);
	const uint64_t start_ms = sim_wall_ms();
	struct sim_timeline timeline = {.count = 0};
	const struct sim_watch watch = {
	    .progress = show_world, .timeline = html_path == NULL ? NULL : &timeline};
	enum sim_exit exit_code;

	total->last_seed = plan->seed;
	world_began_ms = start_ms;
	sim_world_run_watched(w, plan, &watch);
	exit_code = sim_verdict(w);
	total->state_hash = w->state_hash;
	sim_total_add(total, w);
	if (twice && exit_code == SIM_EXIT_PASS && !is_repeatable(plan, &w->state_hash))
		exit_code = SIM_EXIT_NONDETERMINISM;
	if (html_path != NULL)
		write_html(w, total, exit_code);
	sim_timeline_free(&timeline);
	sim_world_free(w);
	free(w);
	if (keep && (exit_code == SIM_EXIT_SAFETY || exit_code == SIM_EXIT_LIVENESS))
		sim_bundle_keep(plan, total);
	total->wall_ms += sim_wall_ms() - start_ms;
	total->verdict = exit_code;
	sim_progress_end();
	return exit_code;
}
