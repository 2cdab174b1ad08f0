/* SPDX-License-Identifier: Apache-2.0 */
/* allowlist.c -- parses ENCRYPTION_ALLOWED_LIST, and looks miners up in it.  spec/allowlist.md. */
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/allowlist.h"

/* An entry and where it is written: its miner, and the key of its list. */
struct found {
	struct pinf_allowlist_entry entry;
	size_t at;
	size_t key_at;
};

struct parser {
	struct pinf_span text;
	size_t at;
	struct found *found;
	size_t count;
};

static int
order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
compare(const struct pinf_allowlist_entry *a, const struct pinf_allowlist_entry *b)
{
	const int by_session = order(a->session, b->session);
	const int by_task = order(a->task, b->task);

	if (by_session != 0 || by_task != 0)
		return by_session != 0 ? by_session : by_task;
	return memcmp(a->miner.bytes, b->miner.bytes, sizeof a->miner.bytes);
}

/* By list, as written, so that a second list of one key comes behind the first; then by miner. */
static int
compare_found(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	const int by_list = order(a->key_at, b->key_at);
	const int by_entry = compare(&a->entry, &b->entry);
	const bool same_key =
	    a->entry.session == b->entry.session && a->entry.task == b->entry.task;

	if (same_key && by_list != 0)
		return by_list;
	return by_entry != 0 ? by_entry : order(a->at, b->at);
}

/* The byte at the parser; 0, which no rule takes, at the text's end. */
static uint8_t
peek(const struct parser *p)
{
	return p->at < p->text.len ? p->text.data[p->at] : 0;
}

static bool
at_end(const struct parser *p)
{
	return p->at == p->text.len;
}

static void
skip_spaces(struct parser *p)
{
	while (peek(p) == ' ')
		p->at++;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Decimal, 1 to 2^53-1; where it is too large or zero, the parser stays at its first digit. */
static enum pinf_err
parse_id(struct parser *p, uint64_t *id)
{
	const size_t from = p->at;
	uint64_t value = 0;

	if (!is_digit(peek(p)))
		return PINF_E_SYNTAX;
	for (; is_digit(peek(p)); p->at++) {
		if (value == 0 && p->at > from)
			return PINF_E_SYNTAX; /* behind a leading zero */
		if (value <= PINF_ID_MAX)
			value = 10 * value + (uint64_t)(peek(p) - '0');
	}
	if (value == 0 || value > PINF_ID_MAX) {
		p->at = from;
		return PINF_E_ID_RANGE;
	}
	*id = value;
	return PINF_OK;
}

/* "101" or "101-9001", and its ':'. */
static enum pinf_err
parse_key(struct parser *p, struct found *key)
{
	enum pinf_err err;

	if (peek(p) == ';' || peek(p) == ',')
		return PINF_E_NOT_CANONICAL;
	err = parse_id(p, &key->entry.session);
	if (err == PINF_OK && peek(p) == '-') {
		p->at++;
		err = parse_id(p, &key->entry.task);
	}
	if (err != PINF_OK)
		return err;
	skip_spaces(p);
	if (peek(p) != ':')
		return PINF_E_SYNTAX;
	p->at++;
	return PINF_OK;
}

static enum pinf_err
parse_miner(struct parser *p, struct found *found)
{
	size_t len = 0;

	if (p->count == PINF_ALLOWLIST_MAX)
		return PINF_E_TOO_LARGE;
	found->at = p->at;
	while (p->at + len < p->text.len && memchr(" ,;", p->text.data[p->at + len], 3) == NULL)
		len++;
	if (pinf_address_parse(
		&found->entry.miner, (struct pinf_span){p->text.data + p->at, len}) != PINF_OK)
		return PINF_E_ADDRESS;
	p->at += len;
	p->found[p->count++] = *found;
	return PINF_OK;
}

/* One list, up to its ';' or the text's end. */
static enum pinf_err
parse_list(struct parser *p)
{
	struct found found = {.key_at = p->at};
	enum pinf_err nothing = PINF_E_MISSING; /* what it is where a miner is due and none comes */
	enum pinf_err err = parse_key(p, &found);

	while (err == PINF_OK) {
		skip_spaces(p);
		if (at_end(p) || peek(p) == ',' || peek(p) == ';')
			return nothing;
		err = parse_miner(p, &found);
		if (err != PINF_OK)
			return err;
		skip_spaces(p);
		if (at_end(p) || peek(p) == ';')
			return PINF_OK;
		if (peek(p) != ',')
			return PINF_E_SYNTAX;
		p->at++;
		nothing = PINF_E_NOT_CANONICAL;
	}
	return err;
}

/* Sorts; the first list whose key was there before, or miner that its list has already. */
static enum pinf_err
sort(struct parser *p)
{
	enum pinf_err err = PINF_OK;

	qsort(p->found, p->count, sizeof *p->found, compare_found);
	p->at = p->text.len;
	for (size_t i = 1; i < p->count; i++) {
		const struct found *before = &p->found[i - 1], *found = &p->found[i];
		const bool same_list = found->key_at == before->key_at;

		if (same_list ? compare(&before->entry, &found->entry) != 0
			      : before->entry.session != found->entry.session ||
				    before->entry.task != found->entry.task)
			continue;
		if ((same_list || !PINF_BUG(allowlist_key_twice)) &&
		    (same_list ? found->at : found->key_at) < p->at) {
			err = same_list ? PINF_E_DUPLICATE : PINF_E_CONFLICT;
			p->at = same_list ? found->at : found->key_at;
		}
	}
	return err;
}

static enum pinf_err
parse(struct parser *p)
{
	enum pinf_err err;

	skip_spaces(p);
	if (at_end(p))
		return PINF_E_MISSING;
	do {
		err = parse_list(p);
		if (err != PINF_OK)
			return err;
		if (!at_end(p))
			p->at++; /* its ';' */
		skip_spaces(p);
	} while (!at_end(p));
	return sort(p);
}

enum pinf_err
pinf_allowlist_parse(
    struct pinf_allowlist_entry **entries, size_t *count, struct pinf_span text, size_t *column)
{
	struct parser p = {.text = text};
	struct pinf_allowlist_entry *sorted = NULL;
	size_t most = text.len / PINF_ADDRESS_TEXT + 1; /* addresses, each parted from the next */
	enum pinf_err err = PINF_E_NO_MEMORY;

	if (most > PINF_ALLOWLIST_MAX)
		most = PINF_ALLOWLIST_MAX;
	p.found = malloc(most * sizeof *p.found);
	if (p.found != NULL)
		err = parse(&p);
	if (err == PINF_OK) {
		sorted = malloc(p.count * sizeof *sorted);
		err = sorted == NULL ? PINF_E_NO_MEMORY : PINF_OK;
	}
	if (err == PINF_OK) {
		for (size_t i = 0; i < p.count; i++)
			sorted[i] = p.found[i].entry;
		*entries = sorted;
		*count = p.count;
	} else {
		*column = p.at + 1;
	}
	free(p.found);
	return err;
}

/* The first entry that is not before wanted; count where there is none. */
static size_t
first_from(const struct pinf_allowlist_entry *entries, size_t count,
    const struct pinf_allowlist_entry *wanted)
{
	size_t low = 0, high = count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare(&entries[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
pinf_allowlist_has(const struct pinf_allowlist_entry *entries, size_t count, uint64_t session,
    uint64_t task, const struct pinf_address *miner)
{
	struct pinf_allowlist_entry wanted = {.session = session, .task = task};
	size_t at = first_from(entries, count, &wanted);

	if (at == count || entries[at].session != session || entries[at].task != task)
		wanted.task = 0; /* the task has no list of its own */
	wanted.miner = *miner;
	at = first_from(entries, count, &wanted);
	return at < count && compare(&entries[at], &wanted) == 0;
}

bool
pinf_allowlist_any(const struct pinf_allowlist_entry *entries, size_t count, uint64_t session,
    const struct pinf_address *miner)
{
	const struct pinf_allowlist_entry wanted = {.session = session};

	for (size_t at = first_from(entries, count, &wanted);
	     at < count && entries[at].session == session; at++)
		if (pinf_address_equal(&entries[at].miner, miner))
			return true;
	return false;
}

bool
pinf_allowlist_names(const struct pinf_allowlist_entry *entries, size_t count, uint64_t session)
{
	const struct pinf_allowlist_entry wanted = {.session = session};
	const size_t at = first_from(entries, count, &wanted);

	return at < count && entries[at].session == session;
}
