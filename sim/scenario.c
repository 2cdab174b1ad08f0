/* SPDX-License-Identifier: Apache-2.0 */
/* scenario.c -- scenarios as JSON, strictly decoded, and their assertions.  spec/simulation.md#scenario. */
#include "scenario.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "json_line.h"
#include "memory.h"

#define AT(member) offsetof(struct sim_scenario, member)

/* In the order of the document; group "": at its top. */
static const struct key {
	const char *group;
	const char *name;
	size_t offset;
	uint32_t min;
	uint32_t max;
} keys[] = {
    {"", "minutes", AT(wish.minutes), 1, 60},
    {"sessions", "count", AT(wish.sessions), 1, SIM_SESSIONS_MAX},
    {"sessions", "public", AT(wish.public_share), 0, 1000},
    {"sessions", "ephemeral", AT(wish.ephemeral_share), 0, 1000},
    {"sessions", "pooled", AT(wish.pooled_share), 0, 1000},
    {"sessions", "members", AT(wish.members), 0, 1000},
    {"sessions", "seats", AT(wish.seats_max), 1, SIM_SEATS_MAX},
    {"miners", "count", AT(wish.miners), 1, SIM_MINERS_MAX},
    {"miners", "unlisted", AT(wish.unlisted), 0, SIM_UNLISTED_MAX},
    {"miners", "min_ms", AT(wish.engine.min_ms), 0, 600000},
    {"miners", "max_ms", AT(wish.engine.max_ms), 0, 600000},
    {"miners", "slowest", AT(wish.engine.slowest), 1, 1000000},
    {"tasks", "per_minute", AT(wish.tasks_per_minute), 0, SIM_STEPS_MAX / 2},
    {"tasks", "min_bytes", AT(wish.prompt_min), 1, SIM_PROMPT_MAX},
    {"tasks", "max_bytes", AT(wish.prompt_max), 1, SIM_PROMPT_MAX},
    {"tasks", "large", AT(wish.prompt_large), 0, 1000},
    {"churn", "removals_per_minute", AT(wish.removals_per_minute), 0, 1000},
    {"churn", "changes_per_minute", AT(wish.changes_per_minute), 0, 1000},
    {"churn", "rotations_per_minute", AT(wish.rotations_per_minute), 0, 60},
    {"assert", "completed_min", AT(assert.completed_min), 0, 1000},
    {"assert", "answer_p50_ms_max", AT(assert.answer_p50_ms_max), 0, UINT32_MAX - 1},
    {"assert", "answer_p99_ms_max", AT(assert.answer_p99_ms_max), 0, UINT32_MAX - 1},
    {"assert", "removal_p99_ms_max", AT(assert.removal_p99_ms_max), 0, UINT32_MAX - 1},
    {"assert", "refused_max", AT(assert.refused_max), 0, UINT32_MAX - 1},
    {"assert", "busy_min", AT(assert.busy_min), 0, 1000},
};
#define KEYS (sizeof keys / sizeof *keys)

static const char *const groups[] = {"sessions", "miners", "tasks", "churn", "assert"};

static uint32_t *
place_of(struct sim_scenario *scenario, const struct key *key)
{
	return (uint32_t *)(void *)((uint8_t *)scenario + key->offset);
}

struct sim_scenario
sim_scenario_defaults(void)
{
	struct sim_scenario scenario = {
	    .wish = {.minutes = 10,
		.sessions = 8,
		.public_share = 250,
		.ephemeral_share = 200,
		.pooled_share = 200,
		.seats_max = 3,
		.members = 500,
		.miners = 6,
		.unlisted = 2,
		.engine = {.min_ms = 50, .max_ms = 2049, .slowest = 1000},
		.tasks_per_minute = 15,
		.prompt_min = 1,
		.prompt_max = 2000,
		.prompt_large = 50,
		.removals_per_minute = 4,
		.changes_per_minute = 3,
		.rotations_per_minute = 1},
	    .assert = {.answer_p50_ms_max = UINT32_MAX,
		.answer_p99_ms_max = UINT32_MAX,
		.removal_p99_ms_max = UINT32_MAX,
		.refused_max = UINT32_MAX},
	};

	(void)sim_faults_read(&scenario.wish, pinf_span_str("all"));
	return scenario;
}

/* What is of group stands in r, where it is said. */
static void
read_keys(struct pinf_json_reader *r, struct sim_scenario *scenario, const char *group)
{
	for (size_t i = 0; i < KEYS; i++) {
		uint64_t number = 0;

		if (strcmp(keys[i].group, group) != 0 || !pinf_json_has(r, keys[i].name))
			continue;
		pinf_json_uint(r, keys[i].name, true, keys[i].max, &number);
		if (r->err == PINF_OK && number < keys[i].min)
			pinf_json_fail(r, keys[i].name, PINF_E_RANGE);
		if (r->err == PINF_OK)
			*place_of(scenario, &keys[i]) = (uint32_t)number;
	}
}

/* Keys that do not go together: the one to change, or NULL. */
static const char *
contradiction(const struct sim_wish *wish)
{
	if (wish->engine.min_ms > wish->engine.max_ms)
		return "miners.max_ms";
	if (wish->prompt_min > wish->prompt_max)
		return "tasks.max_bytes";
	if ((uint64_t)wish->tasks_per_minute * wish->minutes > SIM_STEPS_MAX / 2)
		return "tasks.per_minute"; /* The plan's other half is for all the rest. */
	return NULL;
}

static void
complain(struct pinf_bytes *message, const char *key, size_t line, enum pinf_err err)
{
	char text[256], where[32] = "";

	if (line != 0)
		(void)snprintf(where, sizeof where, "line %zu: ", line);
	(void)snprintf(text, sizeof text, "scenario: %s%s: %s\n", where, key, pinf_err_text(err));
	sim_append(message, pinf_span_str(text));
}

static void
read_document(struct pinf_json_reader *r, struct sim_scenario *scenario)
{
	struct pinf_span faults = {NULL, 0};
	uint64_t version = 0;

	pinf_json_uint(r, "version", true, UINT32_MAX, &version);
	if (r->err == PINF_OK && version != SIM_SCENARIO_VERSION)
		pinf_json_fail(r, "version", PINF_E_RANGE);
	read_keys(r, scenario, "");
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
		struct pinf_json_reader nested;

		if (!pinf_json_has(r, groups[g]))
			continue;
		nested = pinf_json_object(r, groups[g], true);
		read_keys(&nested, scenario, groups[g]);
		pinf_json_leave(r, &nested, groups[g]);
	}
	if (!pinf_json_has(r, "faults"))
		return;
	pinf_json_text(r, "faults", true, &faults);
	if (r->err == PINF_OK && !sim_faults_read(&scenario->wish, faults))
		pinf_json_fail(r, "faults", PINF_E_UNKNOWN_FIELD);
}

enum pinf_err
sim_scenario_decode(
    struct sim_scenario *scenario, struct pinf_span json, struct pinf_bytes *message)
{
	struct sim_scenario read = *scenario;
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader r;
	const char *wrong;
	size_t at = 0;
	enum pinf_err err =
	    pinf_json_parse_values(&parsed, json, SIM_SCENARIO_TEXT_MAX, PINF_JSON_VALUES_MAX, &at);

	if (err != PINF_OK) {
		complain(message, "JSON", sim_line_at(json, at), err);
		return err;
	}
	r = pinf_json_root(parsed);
	read_document(&r, &read);
	err = pinf_json_end(&r);
	if (err != PINF_OK) {
		complain(message, r.field, sim_line_of(json, r.field), err);
	} else if ((wrong = contradiction(&read.wish)) != NULL) {
		err = PINF_E_RANGE;
		complain(message, wrong, sim_line_of(json, wrong), err);
	} else {
		*scenario = read;
	}
	pinf_json_free(parsed);
	return err;
}

/* "miners" stands for "miners.count". */
static const struct key *
key_named(const char *name, size_t len)
{
	for (size_t i = 0; i < KEYS; i++) {
		char full[64];
		const bool count = strcmp(keys[i].name, "count") == 0;

		(void)snprintf(full, sizeof full, "%s%s%s", keys[i].group,
		    keys[i].group[0] != '\0' ? "." : "", keys[i].name);
		if ((strlen(full) == len && strncmp(full, name, len) == 0) ||
		    (count && strlen(keys[i].group) == len &&
			strncmp(keys[i].group, name, len) == 0))
			return &keys[i];
	}
	return NULL;
}

enum pinf_err
sim_scenario_set(struct sim_scenario *scenario, const char *list, struct pinf_bytes *message)
{
	struct sim_scenario changed = *scenario;
	const char *wrong;

	while (*list != '\0') {
		const size_t len = strcspn(list, "=,"), all = strcspn(list, ",");
		const struct key *key = key_named(list, len);
		unsigned long long number = 0;
		char name[64], end;

		(void)snprintf(name, sizeof name, "%.*s", (int)(len < 60 ? len : 60), list);
		if (key == NULL) {
			complain(message, name, 0, PINF_E_UNKNOWN_FIELD);
			return PINF_E_UNKNOWN_FIELD;
		}
		if (sscanf(list + len, "=%10llu%c", &number, &end) < 1 ||
		    strspn(list + len + 1, "0123456789") != all - len - 1 || number < key->min ||
		    number > key->max) {
			complain(message, name, 0, PINF_E_RANGE);
			return PINF_E_RANGE;
		}
		*place_of(&changed, key) = (uint32_t)number;
		list += all + (list[all] == ',');
	}
	wrong = contradiction(&changed.wish);
	if (wrong != NULL) {
		complain(message, wrong, 0, PINF_E_RANGE);
		return PINF_E_RANGE;
	}
	*scenario = changed;
	return PINF_OK;
}

static bool
holds(const char *name, uint64_t measured, bool at_least, uint32_t asked)
{
	if (at_least ? measured >= asked : asked == UINT32_MAX || measured <= asked)
		return true;
	(void)fprintf(stderr, "assertion %s: measured %" PRIu64 ", asked for at %s %" PRIu32 "\n",
	    name, measured, at_least ? "least" : "most", asked);
	return false;
}

static uint64_t
per_mille(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 1000 * part / whole;
}

enum sim_exit
sim_scenario_verdict(const struct sim_assertions *a, const struct sim_total *total)
{
	const struct sim_stats *s = &total->stats;
	const uint64_t done = s->tasks[PINF_TASK_COMMITTED] + s->tasks[PINF_TASK_CLOSED];
	const struct {
		const char *name;
		uint64_t measured;
		bool at_least;
		uint32_t asked;
	} all[] = {
	    {"completed_min", per_mille(done, s->submitted), true, a->completed_min},
	    {"answer_p50_ms_max", sim_histogram_at(&s->answer_ms, 500), false,
		a->answer_p50_ms_max},
	    {"answer_p99_ms_max", sim_histogram_at(&s->answer_ms, 990), false,
		a->answer_p99_ms_max},
	    {"removal_p99_ms_max", sim_histogram_at(&s->removal_ms, 990), false,
		a->removal_p99_ms_max},
	    {"refused_max", s->refused, false, a->refused_max},
	    {"busy_min", per_mille(s->busy_ms, s->slots_ms), true, a->busy_min},
	};
	bool good = true;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		good &= holds(all[i].name, all[i].measured, all[i].at_least, all[i].asked);
	return good ? SIM_EXIT_PASS : SIM_EXIT_ASSERTION;
}
