/* SPDX-License-Identifier: Apache-2.0 */
/* allowlist.c -- fuzzes ENCRYPTION_ALLOWED_LIST.  spec/allowlist.md. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/allowlist.h"

#include "common.h"

/* The canonical text: lists in order, one for each key. */
FUZZ_UNTRACED static char *
written(const struct pinf_allowlist_entry *entries, size_t count)
{
	char *text = malloc(count * 96 + 1), *at = text;

	if (text == NULL)
		abort();
	for (const struct pinf_allowlist_entry *e = entries; e < entries + count; e++) {
		if (e > entries && e[-1].session == e->session && e[-1].task == e->task)
			at += sprintf(at, ",");
		else if (e->task == 0)
			at += sprintf(at, ";%" PRIu64 ":", e->session);
		else
			at += sprintf(at, ";%" PRIu64 "-%" PRIu64 ":", e->session, e->task);
		pinf_address_format(at, &e->miner);
		at += strlen(at);
	}
	text[0] = ' '; /* no ';' before the first */
	return text;
}

/* ALLOW-9, entry by entry, for the task of one entry and the miner of another. */
FUZZ_UNTRACED static void
check_lookup(const struct pinf_allowlist_entry *entries, size_t count,
    const struct pinf_allowlist_entry *by, const struct pinf_address *miner)
{
	const uint64_t unlisted = PINF_ID_MAX + 1; /* a task without a list: the session's counts */
	bool of_session = false, of_task = false, anywhere = false, named_above = false;

	for (const struct pinf_allowlist_entry *e = entries; e < entries + count; e++) {
		named_above |= e->session == by->session + 1;
		if (e->session == by->session && pinf_address_equal(&e->miner, miner)) {
			of_task |= e->task == by->task;
			of_session |= e->task == 0;
			anywhere = true;
		}
	}
	fuzz_check(
	    pinf_allowlist_names(entries, count, by->session) &&
		pinf_allowlist_has(entries, count, by->session, by->task, miner) == of_task &&
		pinf_allowlist_has(entries, count, by->session, unlisted, miner) == of_session &&
		pinf_allowlist_any(entries, count, by->session, miner) == anywhere &&
		pinf_allowlist_names(entries, count, by->session + 1) == named_above,
	    "a list has whom it names, and a task's replaces the session's");
}

static enum pinf_err
parse_starving(struct pinf_span text)
{
	struct pinf_allowlist_entry *list = NULL;
	size_t count, column;
	const enum pinf_err err = pinf_allowlist_parse(&list, &count, text, &column);

	free(list);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pinf_allowlist_entry *list = NULL, *again = NULL;
	size_t count = 0, count_again = 0, column = 0, addresses = 0;
	enum pinf_err err =
	    pinf_allowlist_parse(&list, &count, (struct pinf_span){data, size}, &column);
	char *canonical, *text_again;

	fuzz_check_named(err);
	fuzz_starve(parse_starving, (struct pinf_span){data, size});
	if (err != PINF_OK)
		fuzz_check(column >= 1 && column <= size + 1 && count == 0, "a column, no more");
	if (err != PINF_OK)
		return 0;
	for (size_t i = 0; i < size; i++)
		addresses += data[i] == 'x';
	fuzz_check(column == 0 && count > 0 && count == addresses, "an entry for each address");
	canonical = written(list, count);
	err = pinf_allowlist_parse(&again, &count_again, pinf_span_str(canonical), &column);
	fuzz_check(err == PINF_OK && count_again == count, "the canonical text parses");
	text_again = written(again, count);
	fuzz_check(strcmp(canonical, text_again) == 0, "to the same list");
	for (size_t i = 0; i < count; i++)
		check_lookup(list, count, &list[i], &list[(i * 7 + size) % count].miner);
	free(canonical);
	free(text_again);
	free(again);
	free(list);
	return 0;
}
