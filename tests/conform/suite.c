/* SPDX-License-Identifier: Apache-2.0 */
/* suite.c -- every vector asked of the driver, and its answer judged. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform.h"

#define GRACE_MS 1000

static int
rank(const char *level)
{
	return strcmp(level, "must") == 0 ? 0 : strcmp(level, "should") == 0 ? 1 : 2;
}

bool
suite_wants(const struct suite *s, const struct vector *v)
{
	return strncmp(v->id, s->select, strlen(s->select)) == 0 &&
	       rank(v->level) <= rank(s->level) &&
	       (v->deployed || strcmp(s->profile, "deployed") != 0);
}

/* Whether an array of texts, which need not be there, has that one. */
static bool
names(struct pinf_json_reader *r, const char *array, const char *wanted)
{
	bool found = false;

	for (size_t i = 0, count = pinf_json_array(r, array, false, 64); i < count; i++) {
		struct pinf_span text = {NULL, 0};

		pinf_json_item_text(r, array, i, &text);
		found |= pinf_span_equal(text, pinf_span_str(wanted));
	}
	return found;
}

bool
suite_begin(struct suite *s, struct driver *d)
{
	struct pinf_bytes reply = {0};
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader root, ok = {.object = NULL};
	enum heard heard = HEARD_END;
	bool good = false;

	if (driver_start(d, s->command))
		heard = driver_ask(
		    d, pinf_span_str("{\"verb\":\"start\",\"protocol\":1}"), s->timeout_ms, &reply);
	if (heard == HEARD &&
	    pinf_json_parse(&parsed, pinf_span_of(&reply), REPLY_MAX) == PINF_OK) {
		root = pinf_json_root(parsed);
		ok = pinf_json_object(&root, "ok", true);
		pinf_json_label(
		    &ok, "implementation", true, s->implementation, sizeof s->implementation);
		pinf_json_label(&ok, "version", true, s->version, sizeof s->version);
		s->has_miner = names(&ok, "roles", "miner");
		good = ok.err == PINF_OK && root.err == PINF_OK;
	}
	if (!good)
		(void)fprintf(stderr,
		    "pinf-conform: `%s` does not start: %s.  `pinf-conform doctor --cmd ...` says "
		    "more\n",
		    s->command,
		    heard == HEARD
			? "its answer is not {\"ok\":{\"implementation\":..,\"version\":..,..}}"
			: heard_text(heard));
	pinf_json_free(parsed);
	pinf_bytes_free(&reply);
	return good;
}

static void
ask(struct suite *s, struct driver *d, struct outcome *o)
{
	struct pinf_bytes line = {0}, reply = {0};
	enum heard heard;

	vector_question(o->vector, &line);
	heard = driver_ask(d, pinf_span_of(&line), s->timeout_ms, &reply);
	if (heard == HEARD) {
		suite_judge(o, pinf_span_of(&reply));
	} else {
		const int status = driver_end(d, heard == HEARD_END ? GRACE_MS : 0);

		if (heard == HEARD_END)
			suite_say(o, FAILED, "%s (exit %d)", heard_text(heard), status);
		else
			suite_say(o, FAILED, "%s", heard_text(heard));
	}
	pinf_bytes_free(&line);
	pinf_bytes_free(&reply);
}

bool
suite_room(struct suite *s)
{
	s->room = (s->vectors->count + 1) * sizeof *s->outcomes;
	s->outcomes =
	    mmap(NULL, s->room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->outcomes != MAP_FAILED)
		return true;
	s->outcomes = NULL;
	(void)fputs("pinf-conform: out of memory\n", stderr);
	return false;
}

void
suite_free(struct suite *s)
{
	if (s->outcomes != NULL)
		(void)munmap(s->outcomes, s->room);
	s->outcomes = NULL;
}

/* Every jobs-th vector that was chosen, from the first one on: what one driver is asked. */
static void
ask_share(struct suite *s, struct driver *d, size_t first)
{
	struct pinf_bytes reply = {0};

	for (size_t i = first; i < s->count; i += s->jobs) {
		struct outcome *o = &s->outcomes[i];

		/* One id is to blame for each end; the next one gets a driver of its own. */
		if (d->pid == 0 && !suite_begin(s, d)) {
			(void)driver_end(d, 0);
			suite_say(o, FAILED, "the driver does not start again");
			continue;
		}
		ask(s, d, o);
	}
	if (d->pid != 0) {
		(void)driver_ask(d, pinf_span_str("{\"verb\":\"stop\"}"), s->timeout_ms, &reply);
		(void)driver_end(d, GRACE_MS);
	}
	pinf_bytes_free(&reply);
}

/* A process with a driver of its own for each share but the first. */
static void
ask_all(struct suite *s, struct driver *d)
{
	pid_t helpers[JOBS_MAX] = {0};

	for (size_t job = 1; job < s->jobs; job++) {
		helpers[job] = fork();
		if (helpers[job] == 0) {
			struct driver own = {.pid = 0};

			ask_share(s, &own, job);
			_exit(0);
		}
	}
	ask_share(s, d, 0);
	for (size_t job = 1; job < s->jobs; job++) {
		int status = 1;

		if (helpers[job] > 0)
			(void)waitpid(helpers[job], &status, 0);
		for (size_t i = job; status != 0 && i < s->count; i += s->jobs)
			suite_say(&s->outcomes[i], FAILED, "the job that asked it broke off");
	}
}

bool
suite_run(struct suite *s)
{
	struct driver d;

	if (!suite_room(s))
		return false;
	if (!suite_begin(s, &d)) {
		(void)driver_end(&d, 0);
		return false;
	}
	for (size_t i = 0; i < s->vectors->count; i++)
		if (suite_wants(s, &s->vectors->list[i]))
			s->outcomes[s->count++].vector = &s->vectors->list[i];
	ask_all(s, &d);
	return true;
}

bool
suite_expect(struct suite *s, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[ID_MAX + 2];
	bool good = file != NULL;

	if (file == NULL)
		(void)fprintf(stderr, "pinf-conform: %s cannot be read\n", path);
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		bool known = false;

		line[strcspn(line, " \t\r\n#")] = '\0';
		if (line[0] == '\0')
			continue;
		for (size_t i = 0; i < s->count; i++) {
			struct outcome *o = &s->outcomes[i];

			if (strcmp(o->vector->id, line) != 0)
				continue;
			known = true;
			if (o->result == FAILED)
				o->result = EXPECTED;
			else if (o->result == PASSED)
				suite_say(o, UNEXPECTED,
				    "expected to fail, and passes: take it off %s", path);
		}
		if (!known) {
			(void)fprintf(stderr,
			    "pinf-conform: %s: no vector that was run is called %s\n", path, line);
			good = false;
		}
	}
	if (file != NULL)
		(void)fclose(file);
	return good;
}
