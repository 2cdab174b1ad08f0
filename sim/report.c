/* SPDX-License-Identifier: Apache-2.0 */
/* report.c -- the table, or the JSON object, at the end.  spec/simulation.md#report. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "foreign.h"
#include "report.h"

/* A run that asks less of the protocol than this says nothing. */
#define COMPLETED_PER_SUBMITTED 4 /* one in so many */

static const char *const fault_names[SIM_FAULTS] = {"messages lost", "messages duplicated",
    "messages held back", "partitions", "partitions one way", "pauses", "clocks set", "tricks",
    "router crashes", "router crashes before effects", "miner crashes", "caller crashes",
    "batches undone", "reorganisations", "reorganisations too deep", "chain nodes stalled",
    "chain nodes lying", "chain nodes cut off", "chain out of reach", "chain messages lost"};
static const char *const disk_names[SIM_DISK_FAULTS] = {
    "disk I/O errors", "disk full", "unsynced writes lost", "unsynced writes torn"};
static const char *const blob_names[SIM_BLOB_FAULTS] = {"blob puts failed", "blob acks lost",
    "blobs misdirected", "blob reads corrupt", "blob storage full", "blob reads cut short",
    "blob reads stale", "blob puts again", "blob storage busy"};

static uint64_t
completed(const struct sim_stats *s)
{
	return s->tasks[PINF_TASK_COMMITTED] + s->tasks[PINF_TASK_CLOSED];
}

/* Whether there is what the oracle looks at. */
static bool
is_looked_at(const struct sim_plan *plan, int oracle)
{
	bool pooled = false;

	if (oracle == SIM_STALE_KEY || oracle == SIM_UNCONFIRMED_KEY)
		return plan->chain.nodes != 0;
	for (size_t i = 0; i < plan->step_count; i++)
		pooled |= plan->steps[i].op == SIM_SESSION && plan->steps[i].seats > 0;
	if (oracle == SIM_NODE)
		return sim_foreign_any();
	return oracle != SIM_SEATS || pooled;
}

enum sim_exit
sim_verdict(const struct sim_world *w)
{
	const struct sim_oracles *o = &w->oracles;

	if (w->excused)
		return SIM_EXIT_VACUOUS;
	if (o->failed)
		return o->broken == SIM_LIVENESS ? SIM_EXIT_LIVENESS : SIM_EXIT_SAFETY;
	if (completed(&w->stats) * COMPLETED_PER_SUBMITTED < w->stats.submitted)
		return SIM_EXIT_VACUOUS;
	if (sim_foreign_any() && w->stats.by_nodes == 0)
		return SIM_EXIT_VACUOUS;
	for (int i = 0; i < SIM_ORACLES; i++)
		if (o->evaluated[i] == 0 && is_looked_at(w->plan, i))
			return SIM_EXIT_VACUOUS;
	return SIM_EXIT_PASS;
}

static void
sum(uint64_t *to, const uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] += from[i];
}

static uint64_t
kinds_of_fault(const struct sim_world *w)
{
	uint64_t kinds = 0;

	for (int i = 0; i < SIM_FAULTS; i++)
		kinds += w->stats.faults[i] != 0;
	for (int i = 0; i < SIM_DISK_FAULTS; i++)
		kinds += sim_vfs_count(w->vfs, (enum sim_disk_fault)i) != 0;
	for (int i = 0; i < SIM_BLOB_FAULTS; i++)
		kinds += w->blobs.counts[i] != 0;
	return kinds;
}

void
sim_total_add(struct sim_total *t, const struct sim_world *w)
{
	const uint64_t done = completed(&w->stats);

	_Static_assert(sizeof(struct sim_stats) % sizeof(uint64_t) == 0, "all of it is counts");
	sum((uint64_t *)&t->stats, (const uint64_t *)&w->stats, sizeof w->stats / sizeof(uint64_t));
	sum(t->evaluated, w->oracles.evaluated, SIM_ORACLES);
	for (int i = 0; i < SIM_DISK_FAULTS; i++)
		t->disk_faults[i] += sim_vfs_count(w->vfs, (enum sim_disk_fault)i);
	sum(t->blob_faults, w->blobs.counts, SIM_BLOB_FAULTS);
	t->simulated_ms += w->now_ms - SIM_EPOCH_MS;
	if (t->runs++ == 0 || done < t->least_completed)
		t->least_completed = done;
	sim_histogram_add(&t->completed, done);
	sim_histogram_add(&t->kinds, kinds_of_fault(w));
	sim_probes_take(t->probes);
	t->excused = w->excused;
	t->broken = w->oracles.broken;
	t->broken_at_ms = w->oracles.broken_at_ms;
	memcpy(t->detail, w->oracles.detail, sizeof t->detail);
}

void
sim_total_merge(struct sim_total *t, const struct sim_total *of)
{
	if (t->runs == 0 || of->least_completed < t->least_completed)
		t->least_completed = of->least_completed;
	sum((uint64_t *)&t->stats, (const uint64_t *)&of->stats,
	    sizeof t->stats / sizeof(uint64_t));
	sum(t->evaluated, of->evaluated, SIM_ORACLES);
	sum(t->disk_faults, of->disk_faults, SIM_DISK_FAULTS);
	sum(t->blob_faults, of->blob_faults, SIM_BLOB_FAULTS);
	sum(t->completed.counts, of->completed.counts, SIM_BUCKETS);
	sum(t->kinds.counts, of->kinds.counts, SIM_BUCKETS);
	sum(t->probes, of->probes, SIM_PROBES_MAX);
	t->runs += of->runs;
	t->simulated_ms += of->simulated_ms;
	t->wall_ms += of->wall_ms;
	sim_total_recall(t, of);
}

void
sim_total_recall(struct sim_total *t, const struct sim_total *former)
{
	t->verdict = former->verdict;
	t->last_seed = former->last_seed;
	t->state_hash = former->state_hash;
	t->broken = former->broken;
	t->broken_at_ms = former->broken_at_ms;
	memcpy(t->detail, former->detail, sizeof t->detail);
	t->excused = former->excused;
	t->report = former->report;
}

const char *
sim_verdict_name(enum sim_exit exit_code)
{
	switch (exit_code) {
	case SIM_EXIT_PASS: return "pass";
	case SIM_EXIT_VACUOUS: return "inconclusive";
	case SIM_EXIT_SAFETY: return "safety";
	case SIM_EXIT_LIVENESS: return "liveness";
	case SIM_EXIT_NONDETERMINISM: return "nondeterminism";
	case SIM_EXIT_ASSERTION: return "assertion";
	case SIM_EXIT_USAGE: break;
	}
	return "usage";
}

/* The same rows for people and for programs; all NULL: for people. */
struct sink {
	struct pinf_json_writer *json;
	FILE *csv_names;
	FILE *csv_values;
	const char *title; /* of the group */
};

static void
group(struct sink *to, const char *title)
{
	to->title = title;
	if (to->json != NULL)
		pinf_json_open(to->json, title, '{');
	else if (to->csv_names == NULL && to->csv_values == NULL)
		(void)printf("%s\n", title);
}

static void
row(const struct sink *to, const char *name, uint64_t value)
{
	if (to->json != NULL)
		pinf_json_put_uint(to->json, name, value);
	else if (to->csv_names != NULL)
		(void)fprintf(to->csv_names, ",\"%s: %s\"", to->title, name);
	else if (to->csv_values != NULL)
		(void)fprintf(to->csv_values, ",%llu", (unsigned long long)value);
	else
		(void)printf("  %-30s %12llu\n", name, (unsigned long long)value);
}

static void
group_end(const struct sink *to)
{
	if (to->json != NULL)
		pinf_json_close(to->json, '}');
}

static void
put_times(const struct sink *to, const char *what, const struct sim_histogram *h)
{
	static const unsigned per_mille[] = {500, 900, 990, 1000};
	static const char *const names[] = {"p50", "p90", "p99", "max"};
	char name[40];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		(void)snprintf(name, sizeof name, "%s ms %s", what, names[i]);
		row(to, name, sim_histogram_at(h, per_mille[i]));
	}
}

static void
put_tasks(struct sink *to, const struct sim_stats *s)
{
	group(to, "work");
	row(to, "sessions", s->sessions);
	row(to, "submitted", s->submitted);
	row(to, "answered", s->answered);
	row(to, "refused", s->refused);
	row(to, "given up", s->given_up);
	row(to, "seats given", s->seats);
	row(to, "attempts", s->attempts);
	if (sim_foreign_any())
		row(to, "results of nodes", s->by_nodes);
	row(to, "inferences", s->inferences);
	row(to, "key grants", s->grants);
	row(to, "signed requests", s->signed_requests);
	row(to, "signed results", s->signed_results);
	row(to, "seals", s->seals);
	row(to, "opens", s->opens);
	row(to, "commits", s->commits);
	row(to, "events", s->events);
	row(to, "blocks", s->blocks);
	row(to, "transactions", s->transactions);
	group_end(to);
	group(to, "measures");
	put_times(to, "answer", &s->answer_ms);
	put_times(to, "removal", &s->removal_ms);
	row(to, "slots busy, per mille", s->slots_ms == 0 ? 0 : 1000 * s->busy_ms / s->slots_ms);
	row(to, "bytes on the wire", s->wire_bytes);
	row(to, "bytes in blobs", s->blob_bytes);
	group_end(to);
	group(to, "tasks");
	for (int i = PINF_TASK_RESERVED; i < PINF_TASK_STATES; i++)
		row(to, pinf_task_state_name((enum pinf_task_state)i), s->tasks[i]);
	group_end(to);
	group(to, "refusals");
	for (int i = 1; i < PINF_RULE_COUNT; i++) /* A table's columns are always the same. */
		if (s->rules[i] != 0 || to->csv_names != NULL || to->csv_values != NULL)
			row(to, pinf_rule_name((enum pinf_rule)i), s->rules[i]);
	group_end(to);
}

static void
put_faults(struct sink *to, const struct sim_total *t)
{
	group(to, "faults");
	for (int i = 0; i < SIM_FAULTS; i++)
		row(to, fault_names[i], t->stats.faults[i]);
	for (int i = 0; i < SIM_DISK_FAULTS; i++)
		row(to, disk_names[i], t->disk_faults[i]);
	for (int i = 0; i < SIM_BLOB_FAULTS; i++)
		row(to, blob_names[i], t->blob_faults[i]);
	group_end(to);
	group(to, "oracles");
	for (int i = 0; i < SIM_ORACLES - !sim_foreign_any(); i++)
		row(to, sim_oracle_name((enum sim_oracle)i), t->evaluated[i]);
	group_end(to);
	group(to, "probes");
	for (size_t i = 0; sim_probe_name(i) != NULL; i++)
		row(to, sim_probe_name(i), t->probes[i]);
	group_end(to);
}

static void
put_runs(struct sink *to, const struct sim_total *t)
{
	group(to, "runs");
	row(to, "seeds", t->runs);
	row(to, "fewest tasks completed", t->least_completed);
	row(to, "tasks completed, median", sim_histogram_at(&t->completed, 500));
	row(to, "kinds of fault, median", sim_histogram_at(&t->kinds, 500));
	row(to, "simulated ms", t->simulated_ms);
	row(to, "wall ms", t->wall_ms);
	group_end(to);
}

void
sim_report_csv(FILE *file, const struct sim_total *t, enum sim_exit exit_code, bool first)
{
	struct sink names = {.csv_names = file}, values = {.csv_values = file};
	char hash[2 * PINF_HASH_LEN + 1];

	if (first) {
		(void)fputs("version,seed,result,\"state hash\"", file);
		put_tasks(&names, &t->stats);
		put_faults(&names, t);
		put_runs(&names, t);
		(void)fputc('\n', file);
	}
	pinf_hex(hash, t->state_hash.bytes, sizeof t->state_hash.bytes);
	(void)fprintf(file, "%d,%llu,%s,%s", SIM_REPORT_VERSION, (unsigned long long)t->last_seed,
	    sim_verdict_name(exit_code), hash);
	put_tasks(&values, &t->stats);
	put_faults(&values, t);
	put_runs(&values, t);
	(void)fputc('\n', file);
}

void
sim_report_groups(struct pinf_json_writer *json, const struct sim_total *t)
{
	struct sink to = {.json = json};

	put_tasks(&to, &t->stats);
	put_faults(&to, t);
}

void
sim_report(const struct sim_total *t, enum sim_exit exit_code)
{
	struct pinf_bytes text = {0};
	struct pinf_json_writer json = pinf_json_write_to(&text);
	struct sink to = {.json = t->json ? &json : NULL};
	char hash[2 * PINF_HASH_LEN + 1];

	pinf_hex(hash, t->state_hash.bytes, sizeof t->state_hash.bytes);
	if (t->json) {
		pinf_json_open(&json, NULL, '{');
		pinf_json_put_uint(&json, "version", SIM_REPORT_VERSION);
	}
	put_tasks(&to, &t->stats);
	put_faults(&to, t);
	put_runs(&to, t);
	if (t->json) {
		pinf_json_put_uint(&json, "seed", t->last_seed);
		pinf_json_put_str(&json, "state_hash", hash);
		if (exit_code == SIM_EXIT_SAFETY || exit_code == SIM_EXIT_LIVENESS) {
			pinf_json_put_str(&json, "broken", sim_oracle_name(t->broken));
			pinf_json_put_str(&json, "detail", t->detail);
			pinf_json_put_uint(&json, "at_ms", t->broken_at_ms);
		}
		if (t->report != NULL)
			pinf_json_put_str(&json, "report", t->report);
		pinf_json_put_str(&json, "result", sim_verdict_name(exit_code));
		pinf_json_close(&json, '}');
		if (pinf_json_written(&json) == PINF_OK)
			(void)puts((const char *)text.data);
	} else {
		(void)printf("state hash %s\n", hash);
		if (exit_code == SIM_EXIT_SAFETY || exit_code == SIM_EXIT_LIVENESS)
			(void)printf("seed %llu broke %s at %llu ms: %s\n",
			    (unsigned long long)t->last_seed, sim_oracle_name(t->broken),
			    (unsigned long long)t->broken_at_ms, t->detail);
		if (t->excused)
			(void)printf(
			    "seed %llu came to no end, and could not: of those on a private "
			    "session's list none is well (%s)\n",
			    (unsigned long long)t->last_seed, t->detail);
		if (t->report != NULL)
			(void)printf("report: %s\n", t->report);
		(void)printf("result: %s\n", sim_verdict_name(exit_code));
	}
	pinf_bytes_free(&text);
}
