/* SPDX-License-Identifier: Apache-2.0 */
/* test_allowlist.c -- ENCRYPTION_ALLOWED_LIST: every rule, and lookups.  spec/allowlist.md. */
#include "unit/unit.h"

#include "core/allowlist.h"

#define A "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define B "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
#define C "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"

struct list {
	struct pinf_allowlist_entry *entries;
	size_t count;
};

static struct list
parsed(const char *text)
{
	struct list list = {0};
	size_t column = 77;

	assert_ok(pinf_allowlist_parse(&list.entries, &list.count, SPAN(text), &column));
	assert_int_equal(column, 77);
	return list;
}

static bool
has(const struct list *list, uint64_t session, uint64_t task, const char *miner)
{
	struct pinf_address address;

	assert_ok(pinf_address_parse(&address, SPAN(miner)));
	return pinf_allowlist_has(list->entries, list->count, session, task, &address);
}

/* "missing-field at 5", or "accepted: 3"; a failure writes nothing but the column. */
static void
expect(struct pinf_span text, const char *want)
{
	struct list list = {(void *)&list, 99};
	size_t column = 0;
	const enum pinf_err err = pinf_allowlist_parse(&list.entries, &list.count, text, &column);
	char got[64];

	if (err == PINF_OK) {
		(void)snprintf(got, sizeof got, "accepted: %zu", list.count);
		free(list.entries);
	} else {
		(void)snprintf(got, sizeof got, "%s at %zu", pinf_err_name(err), column);
		assert_true(list.entries == (void *)&list && list.count == 99);
	}
	assert_string_equal(got, want);
}

/* With the letters replaced that stand for miners on the page. */
static void
check_example(const char *text, const char *outcome)
{
	const char *const miners[] = {A, B, C};
	char full[512] = {0};
	size_t len = 0;

	for (; *text != 0; text++) {
		const bool first = len > 0 && strchr(" :,", full[len - 1]) != NULL;

		if (*text >= 'A' && *text <= 'C' && first)
			len += (size_t)snprintf(
			    full + len, sizeof full - len, "%s", miners[*text - 'A']);
		else
			full[len++] = *text;
	}
	expect(SPAN(full), outcome);
}

static void
the_examples_of_the_page_hold(void **state)
{
	(void)state;
	assert_int_equal(unit_spec_rows("allowlist.md", check_example), 38);
}

static void
lookups_follow_the_rule(void **state)
{
	struct list list = parsed("101:" A "," B ";101-9001:" C ";202:" A ";303-1:" B);

	(void)state;
	assert_true(has(&list, 101, 1, A) && has(&list, 101, 1, B));
	assert_false(has(&list, 101, 1, C));
	/* The task's list replaces the session's: it takes away, too. */
	assert_true(has(&list, 101, 9001, C));
	assert_false(has(&list, 101, 9001, A) || has(&list, 101, 9001, B));
	assert_true(has(&list, 101, 0, A)); /* the session itself */
	assert_false(has(&list, 101, 0, C));
	assert_true(has(&list, 202, 9001, A));
	assert_false(has(&list, 202, 9001, C));
	assert_true(has(&list, 303, 1, B));
	assert_false(has(&list, 303, 2, B) || has(&list, 303, 0, B) || has(&list, 303, 1, A));
	assert_false(has(&list, 100, 1, A) || has(&list, 404, 9001, A) || has(&list, 0, 0, A));
	assert_true(pinf_allowlist_names(list.entries, list.count, 101));
	assert_true(pinf_allowlist_names(list.entries, list.count, 202));
	assert_true(pinf_allowlist_names(list.entries, list.count, 303)); /* by a task alone */
	assert_false(pinf_allowlist_names(list.entries, list.count, 100));
	assert_false(pinf_allowlist_names(list.entries, list.count, 102));
	assert_false(pinf_allowlist_names(list.entries, list.count, 404));
	assert_false(pinf_allowlist_names(NULL, 0, 101) || has(&(struct list){0}, 1, 1, A));
	free(list.entries);
}

static void
the_result_is_sorted(void **state)
{
	struct list list = parsed("202:" B "," A ";9:" A ";202-5:" C ";10-7:" C ";10:" B);
	const uint64_t want[][2] = {{9, 0}, {10, 0}, {10, 7}, {202, 0}, {202, 0}, {202, 5}};

	(void)state;
	assert_int_equal(list.count, 6);
	for (size_t i = 0; i < list.count; i++) {
		assert_int_equal(list.entries[i].session, want[i][0]);
		assert_int_equal(list.entries[i].task, want[i][1]);
	}
	assert_int_equal(list.entries[3].miner.bytes[0], 0x5a);
	assert_int_equal(list.entries[4].miner.bytes[0], 0xfb);
	free(list.entries);
}

/* Bytes that no page shows; the first of several faults in the text, not in the sorted list. */
static void
odd_texts_are_refused(void **state)
{
	(void)state;
	expect(span_of("101:" A "\0", 47), "address-invalid at 5");
	expect(span_of("\0", 1), "syntax at 1");
	expect(span_of("101\0:" A, 47), "syntax at 4");
	expect(SPAN("101:" A ";\n"), "syntax at 48");
	expect(SPAN("101:" A "\t"), "address-invalid at 5");
	expect(SPAN("\xef\xbb\xbf"
		    "101:" A),
	    "syntax at 1");
	expect(SPAN("101:" A ";2:" B "," B ";1:" C "," C), "duplicate-field at 93");
	expect(SPAN("9:" A ";9:" A ";1:" C "," C), "conflict at 46");
	expect(SPAN("1:" A ";1:" B ";1:" C), "conflict at 46");
	expect(SPAN("1:" A "," B ";1:" C), "conflict at 89"); /* C lies between A and B */
	expect(span_of(NULL, 0), "missing-field at 1");
}

/* count miners of session 1, all different. */
static char *
many(size_t count)
{
	char *text = malloc(2 + 43 * count + 1), *at = text;

	assert_non_null(text);
	at += sprintf(at, "1:");
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, "0x%040zx,", (i * 7919) % count + 1);
	at[-1] = 0;
	return text;
}

static void
there_is_a_most(void **state)
{
	char *text = many(PINF_ALLOWLIST_MAX);
	struct list list = parsed(text);
	char want[64];

	(void)state;
	assert_int_equal(list.count, PINF_ALLOWLIST_MAX);
	assert_true(has(&list, 1, 5, "0x00000000000000000000000000000000000186a0"));
	assert_false(has(&list, 1, 5, "0x00000000000000000000000000000000000186a1"));
	free(list.entries);
	free(text);
	text = many(PINF_ALLOWLIST_MAX + 1);
	(void)snprintf(want, sizeof want, "too-large at %d", 3 + 43 * PINF_ALLOWLIST_MAX);
	expect(SPAN(text), want);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_examples_of_the_page_hold),
	    cmocka_unit_test(lookups_follow_the_rule),
	    cmocka_unit_test(the_result_is_sorted),
	    cmocka_unit_test(odd_texts_are_refused),
	    cmocka_unit_test(there_is_a_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
