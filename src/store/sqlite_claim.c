/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_claim.c -- the oldest task that a miner may have.  There are three queues: what is shared
 * with every miner, what is only for the miners that its session lists, and the few tasks that an
 * operator gave a list of their own.  spec/store.md.
 */
#include <pinf/bug.h>

#include "store/sqlite_internal.h"

/* How far the second queue is walked in order before the miner's own sessions are tried one by one. */
#define WALK_MAX 32

struct candidate {
	uint64_t row;
	uint64_t seq;
	uint64_t session;
};

#define CANDIDATE(member) PINF_FIELD(candidate, member, NUMBER, 0)
static const struct pinf_field candidate_fields[] = {
    CANDIDATE(row), CANDIDATE(seq), CANDIDATE(session)};
static const struct pinf_record candidate_record = PINF_RECORD(candidate, candidate_fields);

/* Older first; the rest makes it a total order, the one of the queue's index. */
static bool
older(const struct candidate *a, const struct candidate *b)
{
	if (a->seq != b->seq)
		return a->seq < b->seq;
	return a->session != b->session ? a->session < b->session : a->row < b->row;
}

static bool
is_workable(const struct pinf_claim *claim, uint64_t session)
{
	return claim->workable == NULL || claim->workable(claim->ctx, session);
}

/* Whether the session's list has the miner, and work can be done there. */
static enum pinf_err
may_claim(struct pinf_sqlite *store, uint64_t session, const struct pinf_claim *claim, bool *may)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_MAY_CLAIM);
	enum pinf_err err;

	pinf_put_u64(&q, session);
	pinf_put_blob(&q, &claim->miner, sizeof claim->miner);
	err = pinf_get_record(&q, &pinf_flag_record, may);
	if (err == PINF_OK && *may)
		*may = is_workable(claim, session);
	return err;
}

static enum pinf_err
head_from(struct pinf_sqlite *store, bool shared, uint64_t session, struct candidate *head)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_QUEUE_FROM);

	pinf_put_u64(&q, shared);
	pinf_put_u64(&q, session);
	return pinf_get_record(&q, &candidate_record, head);
}

static enum pinf_err
listed_from(
    struct pinf_sqlite *store, const struct pinf_claim *claim, uint64_t session, uint64_t *listed)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SESSION_FROM);

	pinf_put_blob(&q, &claim->miner, sizeof claim->miner);
	pinf_put_u64(&q, session);
	return pinf_get_record(&q, &pinf_number_record, listed);
}

/*
 * Sessions that list the miner and sessions with something queued, both in order: each list skips
 * to the other's next, so that the shorter one bounds the work.  E_NOT_FOUND ends either.
 */
static enum pinf_err
zigzag(struct pinf_sqlite *store, const struct pinf_claim *claim, struct candidate *best)
{
	enum pinf_err err = PINF_OK;
	uint64_t from = 1;

	while (err == PINF_OK) {
		struct candidate head = {0};

		err = listed_from(store, claim, from, &from);
		if (err == PINF_OK)
			err = head_from(store, false, from, &head);
		if (err != PINF_OK)
			break;
		if (head.session != from) {
			from = head.session;
			continue;
		}
		if (older(&head, best) && is_workable(claim, from))
			*best = head;
		from++;
	}
	return err == PINF_E_NOT_FOUND ? PINF_OK : err;
}

/*
 * The oldest of a queue whose session the miner may work in, among its first WALK_MAX that are older
 * than *best; *over: there is nothing more to look for.
 */
static enum pinf_err
walk(struct pinf_sqlite *store, const struct pinf_claim *claim, bool shared, struct candidate *best,
    bool *over)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_QUEUE);
	struct candidate next;
	enum pinf_err err = PINF_OK;
	uint64_t refused = 0; /* the session asked about last */
	bool may = false;

	*over = false;
	pinf_put_u64(&q, shared);
	for (int i = 0; i < WALK_MAX && err == PINF_OK && !may && !*over; i++) {
		*over = !pinf_next(&q, &candidate_record, &next) || older(best, &next);
		if (*over || next.session == refused)
			continue;
		if (shared)
			may = is_workable(claim, next.session);
		else
			err = may_claim(store, next.session, claim, &may);
		refused = next.session;
	}
	if (pinf_end(&q) != PINF_OK && q.err != PINF_E_NOT_FOUND)
		return q.err;
	if (may)
		*best = next;
	*over = *over || may;
	return err;
}

/* The oldest of those with a list of their own, if it is older than *best. */
static enum pinf_err
find_own(struct pinf_sqlite *store, const struct pinf_claim *claim, struct candidate *best)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_QUEUE_OWN);
	struct candidate own;
	enum pinf_err err;

	pinf_put_blob(&q, &claim->miner, sizeof claim->miner);
	pinf_put_u64(&q, claim->only_session);
	err = pinf_get_record(&q, &candidate_record, &own);
	if (err == PINF_OK && older(&own, best) && is_workable(claim, own.session))
		*best = own;
	return err == PINF_E_NOT_FOUND ? PINF_OK : err;
}

static enum pinf_err
find_any(struct pinf_sqlite *store, const struct pinf_claim *claim, struct candidate *best)
{
	bool over;
	enum pinf_err err = walk(store, claim, true, best, &over);

	if (err == PINF_OK)
		err = walk(store, claim, false, best, &over);
	return err != PINF_OK || over ? err : zigzag(store, claim, best);
}

static enum pinf_err
find_in(struct pinf_sqlite *store, const struct pinf_claim *claim, struct candidate *best)
{
	const uint64_t session = claim->only_session;
	struct candidate head = {0};
	bool shared = true, may = false;
	enum pinf_err err = head_from(store, shared, session, &head);

	if (err == PINF_OK && head.session == session)
		may = is_workable(claim, session);
	else if (err == PINF_OK || err == PINF_E_NOT_FOUND)
		err = may_claim(store, session, claim, &may);
	if (err == PINF_OK && may && head.session != session)
		err = head_from(store, !shared, session, &head);
	if (err == PINF_OK && may && head.session == session)
		*best = head;
	return err == PINF_E_NOT_FOUND ? PINF_OK : err;
}

struct vacancy {
	uint64_t seats;
	uint64_t taken;
	struct candidate head;
};

#define VACANCY(member) PINF_FIELD(vacancy, member, NUMBER, 0)
static const struct pinf_field vacancy_fields[] = {
    VACANCY(seats), VACANCY(taken), VACANCY(head.seq), VACANCY(head.session)};
static const struct pinf_record vacancy_record = PINF_RECORD(vacancy, vacancy_fields);

/* Walks the open pooled sessions: only those are in their index. */
enum pinf_err
pinf_sqlite_seat_wanted(void *store, const struct pinf_claim *claim, uint64_t *session)
{
	struct pinf_query q = pinf_query(store, PINF_SQL_SEATS_WANTED);
	struct candidate best = {0, UINT64_MAX, UINT64_MAX};
	struct vacancy next = {0};

	*session = 0;
	while (pinf_next(&q, &vacancy_record, &next)) {
		const bool is_free = next.taken < next.seats || PINF_BUG(seats_uncounted);

		if (is_free && older(&next.head, &best) && is_workable(claim, next.head.session)) {
			best = next.head;
			*session = best.session;
		}
	}
	return pinf_end(&q) == PINF_E_NOT_FOUND ? PINF_OK : q.err;
}

enum pinf_err
pinf_sqlite_claimable(void *store, const struct pinf_claim *claim, struct pinf_task *task)
{
	struct candidate best = {0, UINT64_MAX, UINT64_MAX};
	struct pinf_query q;
	enum pinf_err err =
	    claim->only_session == 0 ? find_any(store, claim, &best) : find_in(store, claim, &best);

	if (err == PINF_OK)
		err = find_own(store, claim, &best);
	if (err != PINF_OK)
		return err;
	q = pinf_query(store, PINF_SQL_TASK_AT);
	pinf_put_u64(&q, best.row); /* Zero where nothing was found: no row has it. */
	return pinf_get_record(&q, &pinf_task_record, task);
}
