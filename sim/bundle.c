/* SPDX-License-Identifier: Apache-2.0 */
/* bundle.c -- writes and reads failures/<oracle>-<seed>-<commit>/.  spec/simulation.md#bundles. */
#include "bundle.h"
#include "html.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"
#include "json_line.h"
#include "runs.h"

/* Digits say which session or task it was; the words say what went wrong. */
static void
write_signature(struct sim_failure *f)
{
	const char *from = f->detail;
	char *to = f->signature;

	while (*from != '\0') {
		if (!isdigit((unsigned char)*from)) {
			*to++ = *from++;
			continue;
		}
		*to++ = '#';
		while (isdigit((unsigned char)*from))
			from++;
	}
	*to = '\0';
}

struct sim_failure
sim_failure_of(const struct sim_total *total)
{
	struct sim_failure f = {.oracle = total->broken,
	    .seed = total->last_seed,
	    .at_ms = total->broken_at_ms,
	    .state_hash = total->state_hash,
	    .commit = PINF_COMMIT};

	memcpy(f.detail, total->detail, sizeof f.detail);
	(void)snprintf(f.bug, sizeof f.bug, "%s", sim_planted() == NULL ? "" : sim_planted());
	write_signature(&f);
	return f;
}

bool
sim_failure_same(const struct sim_failure *a, const struct sim_failure *b)
{
	return a->oracle == b->oracle && strcmp(a->signature, b->signature) == 0;
}

/* Whole, or not at all. */
static bool
write_file(const char *directory, const char *name, struct pinf_span bytes, mode_t mode)
{
	char path[SIM_PATH_MAX], whole[SIM_PATH_MAX];
	FILE *file;
	bool good;

	(void)snprintf(whole, sizeof whole, "%s/%s", directory, name);
	if (snprintf(path, sizeof path, "%s/.%s.new", directory, name) >= (int)sizeof path)
		return false;
	file = fopen(path, "wb");
	good = file != NULL && fwrite(bytes.data, 1, bytes.len, file) == bytes.len;
	if (file != NULL)
		good = fclose(file) == 0 && good;
	good = good && chmod(path, mode) == 0 && rename(path, whole) == 0;
	if (!good)
		(void)fprintf(
		    stderr, "pinf-sim: %s cannot be written: %s\n", whole, strerror(errno));
	return good;
}

static void
put_hash(struct pinf_json_writer *w, const char *name, const struct pinf_hash *hash)
{
	pinf_json_put_hex(w, name, false, hash->bytes, sizeof hash->bytes);
}

static bool
write_verdict(const char *directory, const struct sim_failure *f)
{
	struct pinf_bytes text = {0};
	struct pinf_json_writer w = pinf_json_write_to(&text);
	bool good;

	pinf_json_open(&w, NULL, '{');
	pinf_json_put_uint(&w, "version", SIM_BUNDLE_VERSION);
	pinf_json_put_str(&w, "oracle", sim_oracle_name(f->oracle));
	pinf_json_put_str(&w, "detail", f->detail);
	pinf_json_put_str(&w, "signature", f->signature);
	pinf_json_put_uint(&w, "seed", f->seed);
	pinf_json_put_uint(&w, "at_ms", f->at_ms);
	put_hash(&w, "state_hash", &f->state_hash);
	put_hash(&w, "shrunk_hash", &f->shrunk_hash);
	pinf_json_put_str(&w, "bug", f->bug);
	pinf_json_put_str(&w, "commit", f->commit);
	pinf_json_close(&w, '}');
	good = pinf_json_written(&w) == PINF_OK &&
	       write_file(directory, "verdict.json", pinf_span_of(&text), 0644);
	pinf_bytes_free(&text);
	return good;
}

/* Runs by itself: the program that failed, or another one that is named. */
static bool
write_repro(const char *directory)
{
	static const char script[] =
	    "#!/bin/sh\n"
	    "# repro.sh [PINF-SIM] -- runs the history that failed; exits as it did: 10 safety, 11 "
	    "liveness.\n"
	    "here=$(cd \"$(dirname \"$0\")\" && pwd)\n"
	    "for sim in \"${1:-}\" \"${PINF_SIM:-}\" '%s' pinf-sim; do\n"
	    "\tcommand -v \"$sim\" >/dev/null 2>&1 && exec \"$sim\" replay \"$here\"\n"
	    "done\n"
	    "echo \"repro.sh: there is no pinf-sim; name one: repro.sh PINF-SIM\" >&2\n"
	    "exit 1\n";
	char self[SIM_PATH_MAX] = "", text[sizeof script + SIM_PATH_MAX];
	const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

	if (len < 0 || strchr(self, '\'') != NULL)
		self[0] = '\0';
	(void)snprintf(text, sizeof text, script, self);
	return write_file(directory, "repro.sh", pinf_span_str(text), 0755);
}

static bool
write_plan(const char *directory, const char *name, const struct sim_plan *plan)
{
	struct pinf_bytes text = {0};
	bool good;

	sim_plan_encode(&text, plan);
	good = write_file(directory, name, pinf_span_of(&text), 0644);
	pinf_bytes_free(&text);
	return good;
}

/* The plan once more, for people: its last steps as text, and all of it as a page. */
static bool
write_history(const char *directory, struct sim_plan *plan, const struct sim_total *total)
{
	struct sim_world *w = sim_new(sizeof *w);
	struct sim_log *log = sim_new(sizeof *log);
	struct sim_timeline timeline = {.count = 0};
	struct pinf_bytes text = {0};
	char path[SIM_PATH_MAX + 16];
	bool good;

	sim_world_run_watched(w, plan, &(struct sim_watch){.log = log, .timeline = &timeline});
	(void)snprintf(path, sizeof path, "%s/report.html", directory);
	good = sim_html_write(path, w,
	    &(struct sim_html_run){.verdict = sim_verdict(w),
		.again = "./repro.sh",
		.bug = sim_planted(),
		.total = total});
	sim_timeline_free(&timeline);
	sim_world_free(w);
	free(w);
	for (size_t i = 0; i < SIM_LOG_LINES; i++) {
		const char *line = log->lines[(log->next + i) % SIM_LOG_LINES];

		sim_append(&text, pinf_span_str(line));
	}
	free(log);
	good &= write_file(directory, "trace.txt", pinf_span_of(&text), 0644);
	pinf_bytes_free(&text);
	return good;
}

void
sim_bundle_keep(struct sim_plan *plan, const struct sim_total *total)
{
	const struct sim_failure f = sim_failure_of(total);
	char directory[SIM_PATH_MAX];

	(void)snprintf(directory, sizeof directory, "failures/%s-%llu-%s",
	    sim_oracle_name(f.oracle), (unsigned long long)f.seed, f.commit);
	if ((mkdir("failures", 0777) != 0 && errno != EEXIST) ||
	    (mkdir(directory, 0777) != 0 && errno != EEXIST)) {
		(void)fprintf(
		    stderr, "pinf-sim: %s cannot be made: %s\n", directory, strerror(errno));
		return;
	}
	if (write_plan(directory, "plan.json", plan) && write_verdict(directory, &f) &&
	    write_repro(directory) && write_history(directory, plan, total))
		(void)fprintf(stderr,
		    "kept: %s\nagain: pinf-sim replay %s; smaller: pinf-sim shrink %s\n", directory,
		    directory, directory);
}

static void
read_verdict(struct pinf_json_reader *r, struct sim_failure *f)
{
	char oracle[64] = "";
	uint64_t version = 0;
	int named = 0;

	pinf_json_uint(r, "version", true, UINT32_MAX, &version);
	if (r->err == PINF_OK && version != SIM_BUNDLE_VERSION)
		pinf_json_fail(r, "version", PINF_E_RANGE);
	pinf_json_label(r, "oracle", true, oracle, sizeof oracle);
	while (named < SIM_ORACLES && strcmp(sim_oracle_name((enum sim_oracle)named), oracle) != 0)
		named++;
	if (r->err == PINF_OK && named == SIM_ORACLES)
		pinf_json_fail(r, "oracle", PINF_E_UNKNOWN_FIELD);
	f->oracle = (enum sim_oracle)named;
	pinf_json_label(r, "detail", true, f->detail, sizeof f->detail);
	pinf_json_label(r, "signature", true, f->signature, sizeof f->signature);
	pinf_json_uint(r, "seed", true, PINF_ID_MAX, &f->seed);
	pinf_json_uint(r, "at_ms", true, PINF_ID_MAX, &f->at_ms);
	pinf_json_hex(r, "state_hash", true, false, f->state_hash.bytes, PINF_HASH_LEN);
	pinf_json_hex(r, "shrunk_hash", true, false, f->shrunk_hash.bytes, PINF_HASH_LEN);
	pinf_json_label(r, "bug", true, f->bug, sizeof f->bug);
	pinf_json_label(r, "commit", true, f->commit, sizeof f->commit);
}

bool
sim_bundle_read(const char *directory, struct sim_failure *failure)
{
	struct sim_failure read = {.seed = 0};
	struct pinf_bytes text = {0};
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader r;
	char path[SIM_PATH_MAX];
	enum pinf_err err;

	(void)snprintf(path, sizeof path, "%s/verdict.json", directory);
	if (!sim_read_file(path, &text)) {
		(void)fprintf(stderr, "pinf-sim: %s cannot be read: is that a bundle?\n", path);
		return false;
	}
	err = pinf_json_parse(&parsed, pinf_span_of(&text), SIM_PLAN_TEXT_MAX);
	if (err != PINF_OK) {
		(void)fprintf(stderr, "pinf-sim: %s: JSON: %s\n", path, pinf_err_text(err));
	} else {
		r = pinf_json_root(parsed);
		read_verdict(&r, &read);
		err = pinf_json_end(&r);
		if (err != PINF_OK)
			(void)fprintf(stderr, "pinf-sim: %s: line %zu: %s: %s\n", path,
			    sim_line_of(pinf_span_of(&text), r.field), r.field, pinf_err_text(err));
	}
	pinf_json_free(parsed);
	pinf_bytes_free(&text);
	if (err == PINF_OK)
		*failure = read;
	return err == PINF_OK;
}

bool
sim_bundle_plan(const char *directory, bool shrunk, struct sim_plan *plan)
{
	char path[SIM_PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", directory, shrunk ? "shrunk.json" : "plan.json");
	return sim_read_plan(path, plan);
}

bool
sim_bundle_shrunk(
    const char *directory, const struct sim_failure *failure, const struct sim_plan *plan)
{
	return write_plan(directory, "shrunk.json", plan) && write_verdict(directory, failure);
}
