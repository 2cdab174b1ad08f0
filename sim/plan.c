/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c -- plans as JSON, strictly decoded.  spec/simulation.md#plan. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <pinf/router.h>

#include "core/json.h"
#include "json_line.h"
#include "memory.h"
#include "plan.h"

#define DAY_MS     86400000
#define VALUES_MAX (100 + (size_t)SIM_STEPS_MAX * (FIELDS + 3))

/* Where a number or flag of a step lives, and how large it may be. */
enum field {
	SESSION,
	MINER,
	API,
	BYTES,
	FOR_MS,
	DEPTH,
	NODE,
	LIE,
	WAY,
	TRICK,
	BY_MS,
	TYPE,
	SEATS,
	PRIVATE,
	ROUTER_SEALED,
	AFTER_COMMIT,
	BEHIND,
	FIELDS
};

static const char *const lies[SIM_LIES] = {
    [SIM_LIE_ADDS] = "adds",
    [SIM_LIE_REMOVES] = "removes",
    [SIM_LIE_CHAIN_ID] = "chain-id",
    [SIM_LIE_GARBAGE] = "garbage",
    [SIM_LIE_ABSENT] = "absent",
};

static const char *const ways[SIM_WAYS] = {
    [SIM_BOTH_WAYS] = "both",
    [SIM_TO_ROUTER] = "to",
    [SIM_FROM_ROUTER] = "from",
};

static const char *const tricks[SIM_TRICKS] = {
    [SIM_WRONG_HASH] = "wrong-hash",
    [SIM_MISSING_BLOB] = "missing-blob",
    [SIM_FOREIGN_BLOB] = "foreign-blob",
    [SIM_OTHERS_BLOB] = "others-blob",
    [SIM_OTHERS_ATTEMPT] = "others-attempt",
    [SIM_OTHER_SIGNATURE] = "other-signature",
    [SIM_EARLY_RESULT] = "early-result",
    [SIM_LATE_RESULT] = "late-result",
    [SIM_GARBAGE] = "garbage",
    [SIM_INPUT_MISSING] = "input-missing",
    [SIM_INPUT_GARBAGE] = "input-garbage",
    [SIM_INPUT_OTHERS] = "input-others",
    [SIM_INPUT_SIZE] = "input-size",
    [SIM_OTHERS_TASK] = "others-task",
    [SIM_CALLER_GARBAGE] = "caller-garbage",
};

static const char *
way_name(uint32_t way)
{
	return ways[way];
}

const char *
sim_trick_name(uint32_t trick)
{
	return tricks[trick];
}

static const char *
lie_name(uint32_t lie)
{
	return lies[lie];
}

static const char *
type_name(uint32_t type)
{
	return pinf_session_type_name((enum pinf_session_type)type);
}

static const struct {
	const char *name;
	size_t offset;
	uint64_t max; /* 0: a flag */
	const char *(*value)(uint32_t number); /* what stands for it; NULL: the number does */
} fields[FIELDS] = {
    [SESSION] = {"session", offsetof(struct sim_step, session), SIM_SESSIONS_MAX - 1, NULL},
    [MINER] = {"miner", offsetof(struct sim_step, miner), SIM_MINERS_MAX + SIM_UNLISTED_MAX - 1,
	NULL},
    [API] = {"api", offsetof(struct sim_step, api), 3, NULL},
    [BYTES] = {"bytes", offsetof(struct sim_step, bytes), SIM_PROMPT_MAX, NULL},
    [FOR_MS] = {"for_ms", offsetof(struct sim_step, for_ms), DAY_MS, NULL},
    [DEPTH] = {"depth", offsetof(struct sim_step, depth), SIM_DEPTH_MAX, NULL},
    [NODE] = {"node", offsetof(struct sim_step, node), PINF_CHAIN_ENDPOINTS_MAX - 1, NULL},
    [LIE] = {"lie", offsetof(struct sim_step, lie), SIM_LIES - 1, lie_name},
    [WAY] = {"way", offsetof(struct sim_step, way), SIM_WAYS - 1, way_name},
    [TRICK] = {"trick", offsetof(struct sim_step, trick), SIM_TRICKS - 1, sim_trick_name},
    [BY_MS] = {"by_ms", offsetof(struct sim_step, by_ms), SIM_CLOCK_MAX_MS, NULL},
    [TYPE] = {"type", offsetof(struct sim_step, type), PINF_SESSION_POOLED, type_name},
    [SEATS] = {"seats", offsetof(struct sim_step, seats), SIM_SEATS_MAX, NULL},
    [PRIVATE] = {"private", offsetof(struct sim_step, make_private), 0, NULL},
    [ROUTER_SEALED] = {"router_sealed", offsetof(struct sim_step, router_sealed), 0, NULL},
    [AFTER_COMMIT] = {"after_commit", offsetof(struct sim_step, after_commit), 0, NULL},
    [BEHIND] = {"behind", offsetof(struct sim_step, behind), 0, NULL},
};

#define HAS(field) (1u << (field))

static const struct {
	const char *name;
	unsigned fields;
} ops[SIM_OPS] = {
    [SIM_SESSION] = {"session",
	HAS(SESSION) | HAS(TYPE) | HAS(SEATS) | HAS(PRIVATE) | HAS(ROUTER_SEALED)},
    [SIM_ALLOW] = {"allow", HAS(SESSION) | HAS(MINER)},
    [SIM_DENY] = {"deny", HAS(SESSION) | HAS(MINER)},
    [SIM_LEAVE] = {"leave", HAS(SESSION) | HAS(MINER)},
    [SIM_POOL_ALLOW] = {"pool-allow", HAS(MINER)},
    [SIM_POOL_DENY] = {"pool-deny", HAS(MINER)},
    [SIM_PRIVATE] = {"private", HAS(SESSION)},
    [SIM_SUBMIT] = {"submit", HAS(SESSION) | HAS(API) | HAS(BYTES)},
    [SIM_ROTATE] = {"rotate", 0},
    [SIM_DESTROY] = {"destroy", 0},
    [SIM_CRASH_ROUTER] = {"crash-router", HAS(FOR_MS) | HAS(AFTER_COMMIT)},
    [SIM_CRASH_MINER] = {"crash-miner", HAS(MINER) | HAS(FOR_MS)},
    [SIM_CRASH_CALLERS] = {"crash-callers", HAS(FOR_MS)},
    [SIM_PAUSE_ROUTER] = {"pause-router", HAS(FOR_MS)},
    [SIM_PAUSE_MINER] = {"pause-miner", HAS(MINER) | HAS(FOR_MS)},
    [SIM_CLOCK_ROUTER] = {"clock-router", HAS(BY_MS) | HAS(BEHIND)},
    [SIM_CLOCK_MINER] = {"clock-miner", HAS(MINER) | HAS(BY_MS) | HAS(BEHIND)},
    [SIM_CLOCK_OWNER] = {"clock-owner", HAS(SESSION) | HAS(BY_MS) | HAS(BEHIND)},
    [SIM_PARTITION] = {"partition", HAS(MINER) | HAS(FOR_MS) | HAS(WAY)},
    [SIM_PARTITION_CALLERS] = {"partition-callers", HAS(SESSION) | HAS(FOR_MS) | HAS(WAY)},
    [SIM_BYZANTINE_MINER] = {"byzantine-miner", HAS(MINER) | HAS(TRICK)},
    [SIM_BYZANTINE_CALLER] = {"byzantine-caller", HAS(SESSION) | HAS(TRICK)},
    [SIM_DISK_FAULT] = {"disk-fault", HAS(FOR_MS)},
    [SIM_BLOB_FAULT] = {"blob-fault", HAS(FOR_MS)},
    [SIM_BLOB_SLOW] = {"blob-slow", HAS(FOR_MS)},
    [SIM_REORG] = {"reorg", HAS(DEPTH)},
    [SIM_CHAIN_STALL] = {"chain-stall", HAS(NODE) | HAS(FOR_MS)},
    [SIM_CHAIN_LIE] = {"chain-lie", HAS(NODE) | HAS(LIE) | HAS(MINER) | HAS(FOR_MS)},
    [SIM_CHAIN_CUT] = {"chain-cut", HAS(NODE) | HAS(FOR_MS)},
    [SIM_CHAIN_DOWN] = {"chain-down", HAS(FOR_MS)},
};

/* Rates, group after group: name, offset in the plan, fields of 32 bits each, their maximum. */
static const struct rate {
	const char *group;
	const char *name;
	size_t offset;
	uint64_t max;
} rates[] = {
    {"network", "delay_min_ms", offsetof(struct sim_plan, network.delay_min_ms), 60000},
    {"network", "delay_max_ms", offsetof(struct sim_plan, network.delay_max_ms), 60000},
    {"network", "loss", offsetof(struct sim_plan, network.loss), 1000},
    {"network", "duplicate", offsetof(struct sim_plan, network.duplicate), 1000},
    {"network", "reorder", offsetof(struct sim_plan, network.reorder), 1000},
    {"blob", "lost", offsetof(struct sim_plan, blob.lost), 1000},
    {"blob", "lost_ack", offsetof(struct sim_plan, blob.lost_ack), 1000},
    {"blob", "misdirected", offsetof(struct sim_plan, blob.misdirected), 1000},
    {"blob", "corrupt", offsetof(struct sim_plan, blob.corrupt), 1000},
    {"blob", "full", offsetof(struct sim_plan, blob.full), 1000},
    {"blob", "truncated", offsetof(struct sim_plan, blob.truncated), 1000},
    {"blob", "stale", offsetof(struct sim_plan, blob.stale), 1000},
    {"blob", "again", offsetof(struct sim_plan, blob.again), 1000},
    {"blob", "busy", offsetof(struct sim_plan, blob.busy), 1000},
    {"blob", "delay_max_ms", offsetof(struct sim_plan, blob.delay_max_ms), 60000},
    {"disk", "io_error", offsetof(struct sim_plan, disk.io_error), 1000},
    {"disk", "full", offsetof(struct sim_plan, disk.full), 1000},
    {"engine", "min_ms", offsetof(struct sim_plan, engine.min_ms), 600000},
    {"engine", "max_ms", offsetof(struct sim_plan, engine.max_ms), 600000},
    {"engine", "slowest", offsetof(struct sim_plan, engine.slowest), 1000000},
    {"chain", "nodes", offsetof(struct sim_plan, chain.nodes), PINF_CHAIN_ENDPOINTS_MAX},
    {"chain", "quorum", offsetof(struct sim_plan, chain.quorum), PINF_CHAIN_ENDPOINTS_MAX},
    {"chain", "confirmations", offsetof(struct sim_plan, chain.confirmations), 50},
    {"chain", "block_ms", offsetof(struct sim_plan, chain.block_ms), 60000},
    {"chain", "behind_max", offsetof(struct sim_plan, chain.behind_max), 50},
    {"chain", "poll_ms", offsetof(struct sim_plan, chain.poll_ms), 60000},
    {"chain", "max_age_ms", offsetof(struct sim_plan, chain.max_age_ms), DAY_MS},
    {"chain", "stall_ms", offsetof(struct sim_plan, chain.stall_ms), DAY_MS},
    {"chain", "timeout_ms", offsetof(struct sim_plan, chain.timeout_ms), 60000},
    {"chain", "delay_max_ms", offsetof(struct sim_plan, chain.delay_max_ms), 60000},
    {"chain", "lost", offsetof(struct sim_plan, chain.lost), 1000},
};
#define RATES (sizeof rates / sizeof *rates)

const char *
sim_op_name(enum sim_op op)
{
	return ops[op].name;
}

bool
sim_op_has_session(enum sim_op op)
{
	return (ops[op].fields & HAS(SESSION)) != 0;
}

bool
sim_op_needs_chain(enum sim_op op)
{
	return op == SIM_PRIVATE || (op >= SIM_REORG && op <= SIM_CHAIN_DOWN);
}

static void
read_field(struct pinf_json_reader *r, struct sim_step *step, enum field field)
{
	uint8_t *at = (uint8_t *)step + fields[field].offset;
	uint64_t number = 0;
	struct pinf_span name = {NULL, 0};
	uint32_t stored = 0;
	bool flag = false;

	if (fields[field].value != NULL) {
		pinf_json_text(r, fields[field].name, true, &name);
		while (stored <= fields[field].max &&
		       !pinf_span_equal(name, pinf_span_str(fields[field].value(stored))))
			stored++;
		if (r->err == PINF_OK && stored > fields[field].max)
			pinf_json_fail(r, fields[field].name, PINF_E_UNKNOWN_FIELD);
		memcpy(at, &stored, sizeof stored);
		return;
	}
	if (fields[field].max == 0) {
		pinf_json_bool(r, fields[field].name, true, &flag);
		memcpy(at, &flag, sizeof flag);
		return;
	}
	pinf_json_uint(r, fields[field].name, true, fields[field].max, &number);
	stored = (uint32_t)number;
	memcpy(at, &stored, sizeof stored);
}

/* What is asked of a session, it must be there for, and be of a type that has it.  types: plan->sessions, as created; 0: not. */
static void
check_session_step(struct pinf_json_reader *r, const struct sim_plan *plan,
    enum pinf_session_type *types, const struct sim_step *step)
{
	enum pinf_session_type type;
	bool fits;

	if (step->session >= plan->sessions) {
		pinf_json_fail(r, "session", PINF_E_RANGE);
		return;
	}
	type = types[step->session];
	fits = type != 0;
	switch (step->op) {
	case SIM_SESSION:
		fits = type == 0;
		types[step->session] = (enum pinf_session_type)step->type;
		if (step->type == 0)
			pinf_json_fail(r, "type", PINF_E_UNKNOWN_FIELD);
		if ((step->type == PINF_SESSION_POOLED) != (step->seats > 0))
			pinf_json_fail(r, "seats", PINF_E_RANGE);
		break;
	case SIM_ALLOW:
	case SIM_DENY: fits &= type != PINF_SESSION_POOLED; break;
	case SIM_LEAVE: fits &= type != PINF_SESSION_DEDICATED; break;
	case SIM_PRIVATE: fits &= type == PINF_SESSION_DEDICATED; break;
	default: fits = true; /* A caller waits until it is there. */
	}
	if (!fits)
		pinf_json_fail(r, "session", PINF_E_RANGE);
}

static void
check_chain_step(
    struct pinf_json_reader *r, const struct sim_plan *plan, const struct sim_step *step)
{
	if (plan->chain.nodes == 0)
		pinf_json_fail(r, "op", PINF_E_RANGE);
	if (step->op == SIM_REORG && step->depth == 0)
		pinf_json_fail(r, "depth", PINF_E_RANGE);
	if ((ops[step->op].fields & HAS(NODE)) != 0 && step->node >= plan->chain.nodes)
		pinf_json_fail(r, "node", PINF_E_RANGE);
	/* So that there are never as many liars as a quorum. */
	if (step->op == SIM_CHAIN_LIE && step->node + 1 >= plan->chain.quorum)
		pinf_json_fail(r, "node", PINF_E_RANGE);
}

/* What a step names must be there. */
static void
check_step(struct pinf_json_reader *r, const struct sim_plan *plan, enum pinf_session_type *types,
    const struct sim_step *step)
{
	const unsigned has = ops[step->op].fields;

	if ((has & HAS(SESSION)) != 0)
		check_session_step(r, plan, types, step);
	if ((has & HAS(MINER)) != 0 && step->miner >= plan->miners + plan->unlisted)
		pinf_json_fail(r, "miner", PINF_E_RANGE);
	if ((has & HAS(API)) != 0 && step->api == 0)
		pinf_json_fail(r, "api", PINF_E_RANGE);
	if ((has & HAS(BYTES)) != 0 && step->bytes == 0)
		pinf_json_fail(r, "bytes", PINF_E_RANGE);
	if ((has & HAS(TRICK)) != 0 &&
	    (step->op == SIM_BYZANTINE_MINER) != (step->trick < SIM_CALLER_TRICKS))
		pinf_json_fail(r, "trick", PINF_E_RANGE);
	if (sim_op_needs_chain(step->op))
		check_chain_step(r, plan, step);
	if (step->at_ms > (uint64_t)plan->minutes * 60000)
		pinf_json_fail(r, "at_ms", PINF_E_RANGE);
	if (plan->step_count > 0 && step->at_ms < plan->steps[plan->step_count - 1].at_ms)
		pinf_json_fail(r, "at_ms", PINF_E_RANGE);
}

static void
read_step(struct pinf_json_reader *r, const struct sim_plan *plan, enum pinf_session_type *types,
    struct sim_step *step)
{
	struct pinf_span name = {0};
	int op = 0;

	pinf_json_uint(r, "at_ms", true, PINF_ID_MAX, &step->at_ms);
	pinf_json_text(r, "op", true, &name);
	if (r->err != PINF_OK)
		return;
	while (op < SIM_OPS && !pinf_span_equal(name, pinf_span_str(ops[op].name)))
		op++;
	if (op == SIM_OPS) {
		pinf_json_fail(r, "op", PINF_E_UNKNOWN_FIELD);
		return;
	}
	step->op = (enum sim_op)op;
	for (int f = 0; f < FIELDS; f++)
		if ((ops[op].fields & HAS(f)) != 0)
			read_field(r, step, (enum field)f);
	if (r->err == PINF_OK)
		check_step(r, plan, types, step);
}

static void
plan_add(struct sim_plan *plan, struct sim_step step)
{
	plan->steps =
	    sim_grow(plan->steps, plan->step_count + 1, &plan->step_cap, sizeof *plan->steps);
	plan->steps[plan->step_count++] = step;
}

static void
read_number(struct pinf_json_reader *r, const char *name, uint64_t max, uint32_t *out)
{
	uint64_t number = 0;

	pinf_json_uint(r, name, true, max, &number);
	*out = (uint32_t)number;
}

static void
check_chain(struct pinf_json_reader *r, const struct sim_chain_plan *chain)
{
	if (chain->nodes == 0)
		return;
	if (chain->quorum == 0 || chain->quorum > chain->nodes)
		pinf_json_fail(r, "chain.quorum", PINF_E_RANGE);
	if (chain->block_ms == 0)
		pinf_json_fail(r, "chain.block_ms", PINF_E_RANGE);
	if (chain->poll_ms == 0)
		pinf_json_fail(r, "chain.poll_ms", PINF_E_RANGE);
}

static void
read_head(struct pinf_json_reader *r, struct sim_plan *plan)
{
	uint32_t version;

	read_number(r, "version", UINT32_MAX, &version);
	if (r->err == PINF_OK && version != SIM_PLAN_VERSION)
		pinf_json_fail(r, "version", PINF_E_RANGE);
	pinf_json_uint(r, "seed", true, PINF_ID_MAX, &plan->seed);
	read_number(r, "minutes", SIM_MINUTES_MAX, &plan->minutes);
	read_number(r, "sessions", SIM_SESSIONS_MAX, &plan->sessions);
	read_number(r, "miners", SIM_MINERS_MAX, &plan->miners);
	read_number(r, "unlisted", SIM_UNLISTED_MAX, &plan->unlisted);
	read_number(r, "core", plan->miners, &plan->core);
	if (r->err == PINF_OK && plan->core == 0)
		pinf_json_fail(r, "core", PINF_E_RANGE);
	read_number(r, "insiders", (SIM_MINERS_MAX + 2) / 3, &plan->insiders);
	for (size_t i = 0; i < RATES;) {
		const char *group = rates[i].group;
		struct pinf_json_reader nested = pinf_json_object(r, group, true);

		for (; i < RATES && strcmp(rates[i].group, group) == 0; i++)
			read_number(&nested, rates[i].name, rates[i].max,
			    (uint32_t *)(void *)((uint8_t *)plan + rates[i].offset));
		pinf_json_leave(r, &nested, group);
	}
	if (r->err == PINF_OK && plan->network.delay_min_ms > plan->network.delay_max_ms)
		pinf_json_fail(r, "network.delay_max_ms", PINF_E_RANGE);
	if (r->err == PINF_OK && plan->engine.min_ms > plan->engine.max_ms)
		pinf_json_fail(r, "engine.max_ms", PINF_E_RANGE);
	if (r->err == PINF_OK)
		check_chain(r, &plan->chain);
}

/* step: SIZE_MAX, where it is none of theirs. */
static void
complain(struct pinf_bytes *message, enum pinf_err err, struct pinf_span json, const char *field,
    size_t step)
{
	char line[256], path[128];

	if (step == SIZE_MAX)
		(void)snprintf(path, sizeof path, "%s", field);
	else
		(void)snprintf(path, sizeof path, "steps[%zu]%s%s", step, *field ? "." : "", field);
	(void)snprintf(line, sizeof line, "plan: line %zu: %s: %s\n", sim_line_of(json, path), path,
	    pinf_err_text(err));
	sim_append(message, pinf_span_str(line));
}

static void
complain_syntax(struct pinf_bytes *message, enum pinf_err err, struct pinf_span json, size_t at)
{
	char line[160];

	(void)snprintf(line, sizeof line, "plan: line %zu: JSON: %s\n", sim_line_at(json, at),
	    pinf_err_text(err));
	sim_append(message, pinf_span_str(line));
}

enum pinf_err
sim_plan_decode(struct sim_plan *plan, struct pinf_span json, struct pinf_bytes *message)
{
	struct sim_plan made = {0};
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader r;
	enum pinf_session_type *types;
	size_t count, at = 0;
	enum pinf_err err =
	    pinf_json_parse_values(&parsed, json, SIM_PLAN_TEXT_MAX, VALUES_MAX, &at);

	if (err != PINF_OK) {
		complain_syntax(message, err, json, at);
		return err;
	}
	r = pinf_json_root(parsed);
	read_head(&r, &made);
	types = sim_new(made.sessions * sizeof *types);
	count = pinf_json_array(&r, "steps", true, SIM_STEPS_MAX);
	for (size_t i = 0; i < count && r.err == PINF_OK; i++) {
		struct pinf_json_reader item = pinf_json_item(&r, "steps", i);
		struct sim_step step = {0};

		read_step(&item, &made, types, &step);
		err = pinf_json_end(&item);
		if (err != PINF_OK) {
			complain(message, err, json, item.field, i);
			goto out;
		}
		plan_add(&made, step);
	}
	err = pinf_json_end(&r);
	if (err != PINF_OK)
		complain(message, err, json, r.field, SIZE_MAX);
out:
	pinf_json_free(parsed);
	free(types);
	if (err == PINF_OK)
		*plan = made;
	else
		sim_plan_free(&made);
	return err;
}

static void
write_step(struct pinf_json_writer *w, const struct sim_step *step)
{
	pinf_json_open(w, NULL, '{');
	pinf_json_put_uint(w, "at_ms", step->at_ms);
	pinf_json_put_str(w, "op", ops[step->op].name);
	for (int f = 0; f < FIELDS; f++) {
		const uint8_t *at = (const uint8_t *)step + fields[f].offset;
		uint32_t number;
		bool flag;

		if ((ops[step->op].fields & HAS(f)) == 0)
			continue;
		if (fields[f].max == 0) {
			memcpy(&flag, at, sizeof flag);
			pinf_json_put_bool(w, fields[f].name, flag);
		} else if (fields[f].value != NULL) {
			memcpy(&number, at, sizeof number);
			pinf_json_put_str(w, fields[f].name, fields[f].value(number));
		} else {
			memcpy(&number, at, sizeof number);
			pinf_json_put_uint(w, fields[f].name, number);
		}
	}
	pinf_json_close(w, '}');
}

void
sim_step_encode(struct pinf_bytes *out, const struct sim_step *step)
{
	struct pinf_json_writer w = pinf_json_write_to(out);

	write_step(&w, step);
	sim_need_ok(pinf_json_written(&w));
}

/* A line for each step: for editors, and for messages that name lines. */
static void
break_lines(struct pinf_bytes *out, struct pinf_span compact)
{
	static const char step[] = "{\"at_ms\":";
	size_t from = 0;

	for (size_t i = 0; i + sizeof step - 1 <= compact.len; i++) {
		if (memcmp(compact.data + i, step, sizeof step - 1) != 0)
			continue;
		sim_append(out, (struct pinf_span){compact.data + from, i - from});
		sim_append(out, pinf_span_str("\n"));
		from = i;
	}
	sim_append(out, (struct pinf_span){compact.data + from, compact.len - from});
	sim_append(out, pinf_span_str("\n"));
}

void
sim_plan_encode(struct pinf_bytes *out, const struct sim_plan *plan)
{
	struct pinf_bytes compact = {0};
	struct pinf_json_writer w = pinf_json_write_to(&compact);

	pinf_json_open(&w, NULL, '{');
	pinf_json_put_uint(&w, "version", SIM_PLAN_VERSION);
	pinf_json_put_uint(&w, "seed", plan->seed);
	pinf_json_put_uint(&w, "minutes", plan->minutes);
	pinf_json_put_uint(&w, "sessions", plan->sessions);
	pinf_json_put_uint(&w, "miners", plan->miners);
	pinf_json_put_uint(&w, "unlisted", plan->unlisted);
	pinf_json_put_uint(&w, "core", plan->core);
	pinf_json_put_uint(&w, "insiders", plan->insiders);
	for (size_t i = 0; i < RATES;) {
		const char *group = rates[i].group;

		pinf_json_open(&w, group, '{');
		for (; i < RATES && strcmp(rates[i].group, group) == 0; i++)
			pinf_json_put_uint(&w, rates[i].name,
			    *(const uint32_t *)(const void *)((const uint8_t *)plan +
							      rates[i].offset));
		pinf_json_close(&w, '}');
	}
	pinf_json_open(&w, "steps", '[');
	for (size_t i = 0; i < plan->step_count; i++)
		write_step(&w, &plan->steps[i]);
	pinf_json_close(&w, ']');
	pinf_json_close(&w, '}');
	sim_need_ok(pinf_json_written(&w));
	break_lines(out, pinf_span_of(&compact));
	pinf_bytes_free(&compact);
}

void
sim_plan_free(struct sim_plan *plan)
{
	free(plan->steps);
	*plan = (struct sim_plan){0};
}
