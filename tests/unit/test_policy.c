/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy.c -- the policy function against the hand-written tables of spec/policy.md. */
#include <limits.h>
#include <stdbool.h>

#include "unit.h"

#include <pinf/policy.h>

#define ROWS_MAX  64
#define TERMS_MAX 8
#define CELLS     5

/* The facts by the names that the spec gives them; `fails` is the failing value of POL-4. */
struct fact {
	const char *name;
	size_t offset;
	int fails; /* 0, 1; -1: neither */
};

#define FACT(name, fails)                                                                          \
	{                                                                                          \
#name, offsetof(struct pinf_facts, name), fails                                    \
	}
static const struct fact facts_known[] = {FACT(session_open, 0), FACT(session_private, -1),
    FACT(acl_fresh, 0), FACT(acl_source_right, 0), FACT(miner_listed, 0), FACT(lease_current, 0),
    FACT(key_version_usable, 0), FACT(key_version_recent, 0), FACT(router_sealed_allowed, 0),
    FACT(session_key, 1), FACT(session_keys_allowed, 0), FACT(bearer_reads, 0), FACT(stream, 1),
    FACT(attestation_required, 1), FACT(attested, 0)};
#define FACTS (sizeof facts_known / sizeof *facts_known)

/* A term: a boolean fact, or actor or route in a list. */
struct term {
	bool negated;
	const struct fact *fact; /* NULL: a list */
	bool of_route;
	bool in[16];
};

struct rule_row {
	unsigned id;
	enum pinf_rule rule;
	bool actions[PINF_ACTIONS];
	struct term terms[TERMS_MAX];
	size_t term_count;
};

struct spec {
	struct rule_row rows[ROWS_MAX];
	size_t row_count;
	char text[65536];
};

static bool *
fact_at(struct pinf_facts *facts, const struct fact *fact)
{
	return (bool *)(void *)((char *)facts + fact->offset);
}

static const struct fact *
fact_named(const char *name)
{
	for (size_t i = 0; i < FACTS; i++)
		if (strcmp(facts_known[i].name, name) == 0)
			return &facts_known[i];
	fail_msg("spec/policy.md: no fact \"%s\"", name);
	return NULL;
}

static unsigned
index_of(const char *name, unsigned count, const char *(*name_of)(unsigned))
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(name_of(i), name) == 0)
			return i;
	fail_msg("spec/policy.md: no value \"%s\"", name);
	return 0;
}

static const char *
action_name(unsigned i)
{
	return pinf_action_name((enum pinf_action)i);
}

static const char *
actor_name(unsigned i)
{
	return pinf_actor_name((enum pinf_actor)i);
}

static const char *
route_name(unsigned i)
{
	return pinf_route_name((enum pinf_route)i);
}

static const char *
rule_name(unsigned i)
{
	return pinf_rule_name((enum pinf_rule)i);
}

/* Cuts text at the first separator; *rest is what follows, or NULL at the end. */
static char *
cut(char *text, const char *separator, char **rest)
{
	char *at = strstr(text, separator);

	*rest = NULL;
	if (at != NULL) {
		*at = '\0';
		*rest = at + strlen(separator);
	}
	return text;
}

static struct term
parse_term(char *text)
{
	struct term term = {0};
	char *rest;

	if (strncmp(text, "not ", 4) == 0) {
		term.negated = true;
		text += 4;
	}
	if (strstr(text, " in {") == NULL) {
		term.fact = fact_named(text);
		return term;
	}
	const char *subject = cut(text, " in {", &rest);
	term.of_route = strcmp(subject, "route") == 0;
	assert_true(term.of_route || strcmp(subject, "actor") == 0);
	assert_non_null(rest);
	assert_int_equal(rest[strlen(rest) - 1], '}');
	rest[strlen(rest) - 1] = '\0';
	while (rest != NULL) {
		const char *name = cut(rest, ", ", &rest);
		if (term.of_route)
			term.in[index_of(name, PINF_ROUTES, route_name)] = true;
		else
			term.in[index_of(name, PINF_ACTORS, actor_name)] = true;
	}
	return term;
}

/* Splits "| a | b | .. |" into its cells; the number found. */
static size_t
cells_of(char *line, char *cells[static CELLS])
{
	size_t n = 0;
	char *rest = line + 2;

	while (rest != NULL && n < CELLS) {
		char *cell = cut(rest, " |", &rest);
		cells[n++] = cell;
		if (rest != NULL && *rest == ' ')
			rest++;
	}
	return n;
}

static struct rule_row
parse_row(char *line)
{
	struct rule_row row = {0};
	char *cells[CELLS];
	char *rest;

	assert_int_equal(cells_of(line, cells), CELLS);
	row.id = (unsigned)strtoul(cells[0] + strlen("POL-"), NULL, 10);
	row.rule = (enum pinf_rule)index_of(cells[1], PINF_RULE_COUNT, rule_name);
	for (rest = cells[2]; rest != NULL;)
		row.actions[index_of(cut(rest, ", ", &rest), PINF_ACTIONS, action_name)] = true;
	for (rest = cells[3]; rest != NULL;) {
		assert_true(row.term_count < TERMS_MAX);
		row.terms[row.term_count++] = parse_term(cut(rest, " and ", &rest));
	}
	return row;
}

static int
load_spec(void **state)
{
	struct spec *spec = calloc(1, sizeof *spec);
	size_t len = 0;
	uint8_t *file = unit_read_file(PINF_SOURCE_DIR "/spec/policy.md", &len);
	char *rest;

	if (spec == NULL || file == NULL || len >= sizeof spec->text)
		return -1;
	memcpy(spec->text, file, len);
	for (rest = (char *)file; rest != NULL;) {
		char *line = cut(rest, "\n", &rest);
		if (strncmp(line, "| POL-", 6) == 0 && spec->row_count < ROWS_MAX)
			spec->rows[spec->row_count++] = parse_row(line);
	}
	free(file);
	*state = spec;
	return 0;
}

static int
free_spec(void **state)
{
	free(*state);
	return 0;
}

static bool
term_holds(const struct term *term, const struct pinf_facts *facts)
{
	const unsigned at = term->of_route ? (unsigned)facts->route : (unsigned)facts->actor;
	bool holds;

	if (term->fact != NULL)
		holds = *(const bool *)((const char *)facts + term->fact->offset);
	else
		holds = term->in[at];
	return holds != term->negated;
}

static bool
row_applies(const struct rule_row *row, const struct pinf_facts *facts)
{
	if (!row->actions[facts->action])
		return false;
	for (size_t i = 0; i < row->term_count; i++)
		if (!term_holds(&row->terms[i], facts))
			return false;
	return true;
}

/* POL-1 to POL-3, from the tables: the lowest denial wins whatever its place in the file. */
static enum pinf_rule
decide_by_spec(const struct spec *spec, const struct pinf_facts *facts)
{
	enum pinf_rule denial = PINF_RULE_COUNT;
	bool allowed = false;

	for (size_t i = 0; i < spec->row_count; i++) {
		const struct rule_row *row = &spec->rows[i];
		if (!row_applies(row, facts))
			continue;
		if (row->rule == PINF_RULE_ALLOW)
			allowed = true;
		else if (row->rule < denial)
			denial = row->rule;
	}
	if (denial != PINF_RULE_COUNT)
		return denial;
	return allowed ? PINF_RULE_ALLOW : PINF_RULE_ACTION_UNKNOWN;
}

#define COMBINATIONS ((size_t)PINF_ACTIONS * PINF_ACTORS * PINF_ROUTES << FACTS)
_Static_assert(COMBINATIONS <= 1 << 24, "all of them are walked");
_Static_assert(FACTS == PINF_FACT_COUNT, "every fact is known here");

/* The facts with that number, 0 .. COMBINATIONS - 1. */
static struct pinf_facts
facts_of(size_t number)
{
	struct pinf_facts facts = {0};

	for (size_t i = 0; i < FACTS; i++) {
		*fact_at(&facts, &facts_known[i]) = number & 1;
		number >>= 1;
	}
	facts.action = (enum pinf_action)(number % PINF_ACTIONS);
	number /= PINF_ACTIONS;
	facts.actor = (enum pinf_actor)(number % PINF_ACTORS);
	facts.route = (enum pinf_route)(number / PINF_ACTORS);
	return facts;
}

static void
every_combination_is_as_the_tables_say(void **state)
{
	const struct spec *spec = *state;
	size_t reached[PINF_RULE_COUNT] = {0};

	assert_true(spec->row_count >= 20);
	for (size_t n = 0; n < COMBINATIONS; n++) {
		const struct pinf_facts facts = facts_of(n);
		const enum pinf_rule got = pinf_policy_decide(&facts);
		const enum pinf_rule want = decide_by_spec(spec, &facts);

		if (got != want)
			fail_msg("combination %zu: %s %s %s: got %s, want %s", n,
			    pinf_action_name(facts.action), pinf_actor_name(facts.actor),
			    pinf_route_name(facts.route), pinf_rule_name(got),
			    pinf_rule_name(want));
		reached[got]++;
	}
	/* POL-3's rule is for what the enums do not have: no valid combination meets it. */
	for (unsigned rule = 0; rule < PINF_RULE_COUNT; rule++)
		assert_true((reached[rule] > 0) == (rule != PINF_RULE_ACTION_UNKNOWN));
}

/* Verdicts by number: another value of fact i is another number, which differs in bit i alone. */
static void
a_failing_fact_never_allows(void **state)
{
	bool *allowed = malloc(COMBINATIONS);
	size_t flips = 0;

	(void)state;
	assert_non_null(allowed);
	for (size_t n = 0; n < COMBINATIONS; n++) {
		const struct pinf_facts facts = facts_of(n);

		allowed[n] = pinf_policy_decide(&facts) == PINF_RULE_ALLOW;
	}
	for (size_t n = 0; n < COMBINATIONS; n++) {
		for (size_t i = 0; i < FACTS && !allowed[n]; i++) {
			if (facts_known[i].fails < 0 || (int)(n >> i & 1) == facts_known[i].fails)
				continue;
			if (allowed[n ^ (size_t)1 << i])
				fail_msg(
				    "combination %zu: a failing %s allows", n, facts_known[i].name);
			flips++;
		}
	}
	assert_true(flips > COMBINATIONS);
	free(allowed);
}

/* Once for every combination of the rest: one unknown value is enough, whatever the others are. */
static void
unknown_values_are_denied(void **state)
{
	const int wrong[] = {-1, 7, 8, 31, 32, 64, INT_MAX};

	(void)state;
	for (size_t n = 0; n < COMBINATIONS; n++) {
		const struct pinf_facts known = facts_of(n);

		for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
			struct pinf_facts facts = known;
			facts.action = (enum pinf_action)wrong[i];
			if (known.action == 0)
				assert_int_equal(
				    pinf_policy_decide(&facts), PINF_RULE_ACTION_UNKNOWN);
			facts = known;
			facts.actor = (enum pinf_actor)wrong[i];
			if (known.actor == 0)
				assert_int_equal(
				    pinf_policy_decide(&facts), PINF_RULE_ACTION_UNKNOWN);
			facts = known;
			facts.route = (enum pinf_route)wrong[i];
			if (known.route == 0)
				assert_int_equal(
				    pinf_policy_decide(&facts), PINF_RULE_ACTION_UNKNOWN);
		}
	}
}

/* The rows that a trace names are the page's, in its order, as far as the one that decides. */
static void
a_trace_names_the_rows_of_the_page(void **state)
{
	const struct spec *spec = *state;
	const struct pinf_facts nothing = {.action = PINF_ACTIONS};
	struct pinf_policy_row rows[PINF_POLICY_ROWS_MAX];

	assert_int_equal(pinf_policy_trace(&nothing, rows), spec->row_count);
	for (size_t i = 0; i < spec->row_count; i++) {
		assert_int_equal(rows[i].id, spec->rows[i].id);
		assert_int_equal(rows[i].rule, spec->rows[i].rule);
		assert_false(rows[i].applies);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(rows[j].id, rows[i].id);
	}
	for (size_t n = 0; n < COMBINATIONS; n += 7) {
		const struct pinf_facts facts = facts_of(n);
		const size_t count = pinf_policy_trace(&facts, rows);

		assert_in_range(count, 1, spec->row_count);
		for (size_t i = 0; i < count; i++)
			if (rows[i].applies != row_applies(&spec->rows[i], &facts) ||
			    rows[i].applies != (i == count - 1))
				fail_msg("combination %zu: POL-%u", n, rows[i].id);
		assert_int_equal(rows[count - 1].rule, pinf_policy_decide(&facts));
	}
}

static void
facts_have_the_names_of_their_members(void **state)
{
	struct pinf_facts facts;

	(void)state;
	for (unsigned i = 0; i < PINF_FACT_COUNT; i++) {
		const char *name = pinf_fact_name((enum pinf_fact)i);

		assert_ptr_equal(
		    pinf_fact(&facts, (enum pinf_fact)i), fact_at(&facts, fact_named(name)));
	}
	assert_null(pinf_fact(&facts, PINF_FACT_COUNT));
	assert_string_equal(pinf_fact_name(PINF_FACT_COUNT), "unknown");
}

/* What must never be, said without the tables. */
static void
nobody_gets_what_they_never_may(void **state)
{
	(void)state;
	for (size_t n = 0; n < COMBINATIONS; n++) {
		const struct pinf_facts f = facts_of(n);
		const bool issue =
		    f.action == PINF_ACT_ISSUE_INPUT || f.action == PINF_ACT_ISSUE_RESULT;
		const bool bearer =
		    f.actor == PINF_ACTOR_BEARER_OTHER || f.actor == PINF_ACTOR_BEARER_OWNER;

		if (pinf_policy_decide(&f) != PINF_RULE_ALLOW)
			continue;
		assert_int_not_equal(f.actor, PINF_ACTOR_NONE);
		assert_int_not_equal(f.actor, PINF_ACTOR_BEARER_OTHER);
		assert_int_not_equal(f.actor, PINF_ACTOR_WALLET_OTHER);
		assert_false(bearer && (issue || f.action == PINF_ACT_ADMINISTER));
		assert_false(
		    bearer && f.action == PINF_ACT_SUBMIT && f.route == PINF_ROUTE_CALLER_SEALED);
		assert_false(issue && f.actor == PINF_ACTOR_ADMIN);
		assert_false(f.session_key && !f.session_keys_allowed &&
			     (f.action == PINF_ACT_ISSUE_INPUT || f.action == PINF_ACT_SUBMIT));
		assert_false(bearer && !f.bearer_reads);
		assert_false(f.action == PINF_ACT_SUBMIT && f.route != PINF_ROUTE_PLAIN &&
			     !f.key_version_recent);
		assert_false(f.actor == PINF_ACTOR_MINER && f.attestation_required && !f.attested);
		assert_false(issue && !f.session_private);
		assert_false(f.actor == PINF_ACTOR_MINER && f.session_private &&
			     !(f.acl_fresh && f.acl_source_right && f.miner_listed));
		assert_false(f.actor == PINF_ACTOR_MINER && issue && !f.lease_current);
		assert_false(f.action == PINF_ACT_ACCEPT && !f.lease_current);
		assert_false(f.action == PINF_ACT_SUBMIT &&
			     f.session_private == (f.route == PINF_ROUTE_PLAIN));
	}
}

static void
worked_examples_hold(void **state)
{
	struct spec *spec = *state;
	char *rest = strstr(spec->text, "## Worked examples");
	size_t examples = 0;

	assert_non_null(rest);
	while (rest != NULL) {
		char *line = cut(rest, "\n", &rest);
		char *cells[CELLS];
		struct pinf_facts facts = {0};

		if (strncmp(line, "| ", 2) != 0 || strncmp(line, "| action |", 10) == 0)
			continue;
		assert_int_equal(cells_of(line, cells), CELLS);
		facts.action = (enum pinf_action)index_of(cells[0], PINF_ACTIONS, action_name);
		facts.actor = (enum pinf_actor)index_of(cells[1], PINF_ACTORS, actor_name);
		facts.route = (enum pinf_route)index_of(cells[2], PINF_ROUTES, route_name);
		for (char *list = cells[3]; list != NULL;)
			*fact_at(&facts, fact_named(cut(list, ", ", &list))) = true;
		assert_string_equal(pinf_rule_name(pinf_policy_decide(&facts)), cells[4]);
		examples++;
	}
	assert_int_equal(examples, 22);
}

static void
names_are_distinct_and_total(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PINF_RULE_COUNT; i++) {
		assert_true(strlen(pinf_rule_text((enum pinf_rule)i)) > 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(rule_name(i), rule_name(j));
	}
	assert_string_equal(rule_name(PINF_RULE_COUNT), "unknown");
	assert_string_equal(pinf_rule_text((enum pinf_rule)99), "unknown");
	assert_string_equal(action_name(PINF_ACTIONS), "unknown");
	assert_string_equal(actor_name(PINF_ACTORS), "unknown");
	assert_string_equal(route_name(PINF_ROUTES), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_combination_is_as_the_tables_say),
	    cmocka_unit_test(a_failing_fact_never_allows),
	    cmocka_unit_test(unknown_values_are_denied),
	    cmocka_unit_test(a_trace_names_the_rows_of_the_page),
	    cmocka_unit_test(facts_have_the_names_of_their_members),
	    cmocka_unit_test(nobody_gets_what_they_never_may),
	    cmocka_unit_test(worked_examples_hold),
	    cmocka_unit_test(names_are_distinct_and_total),
	};

	return cmocka_run_group_tests(tests, load_spec, free_spec);
}
