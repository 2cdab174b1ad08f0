/* SPDX-License-Identifier: Apache-2.0 */
/* acl.c -- whether a list names a miner, among a million entries, and a decision on ready facts. */
#include <stdlib.h>
#include <string.h>

#include <pinf/acl.h>

#include "measure.h"
#include "peers/table.h"

#define ENTRIES     1000000
#define ENTRIES_FEW 10000 /* of a quick round */
#define FACTS       1024
#define PER_SESSION 50 /* miners of one session */

struct lookups {
	struct pinf_acl *acl;
	struct table *table;
	struct table_key *asked; /* every entry once, in no order */
	size_t count;
	size_t at;
	struct pinf_facts facts[FACTS];
	uint64_t sink;
};

static uint64_t
draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static enum pinf_err
fill(void *ctx, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)draw(ctx);
	return PINF_OK;
}

static const struct table_key *
next_asked(struct lookups *l)
{
	l->at = l->at + 1 < l->count ? l->at + 1 : 0;
	return &l->asked[l->at];
}

static void
run_table(void *ctx, uint64_t n)
{
	struct lookups *l = ctx;

	for (uint64_t i = 0; i < n; i++)
		l->sink += table_has(l->table, next_asked(l));
}

static void
run_acl(void *ctx, uint64_t n)
{
	struct lookups *l = ctx;
	struct pinf_address miner;

	for (uint64_t i = 0; i < n; i++) {
		const struct table_key *key = next_asked(l);

		memcpy(miner.bytes, key->miner, sizeof miner.bytes);
		l->sink += pinf_acl_sources(l->acl, key->session, &miner);
	}
}

static void
run_decide(void *ctx, uint64_t n)
{
	struct lookups *l = ctx;

	for (uint64_t i = 0; i < n; i++)
		l->sink += (uint64_t)pinf_policy_decide(&l->facts[i % FACTS]);
}

static void
make_entries(struct lookups *l, uint64_t *seed)
{
	for (size_t i = 0; i < l->count; i++) {
		struct pinf_member member = {
		    .session = 1 + i / PER_SESSION, .source = PINF_ACL_CONTRACT};
		const size_t other = draw(seed) % (i + 1);

		bench_require(
		    fill(seed, member.miner.bytes, sizeof member.miner.bytes) == PINF_OK &&
			pinf_acl_add(l->acl, &member) == PINF_OK,
		    "allowlist");
		l->asked[i] = l->asked[other];
		l->asked[other].session = member.session;
		memcpy(l->asked[other].miner, member.miner.bytes, sizeof member.miner.bytes);
	}
	for (size_t i = 0; i < l->count; i++)
		table_put(l->table, &l->asked[i]);
}

/* What a router asks most, near to being allowed: most rows of the table are looked at. */
static void
make_facts(struct lookups *l, uint64_t *seed)
{
	for (size_t i = 0; i < FACTS; i++)
		l->facts[i] = (struct pinf_facts){
		    .action = (enum pinf_action)(
			PINF_ACT_CLAIM + draw(seed) % (PINF_ACT_ACCEPT - PINF_ACT_CLAIM + 1)),
		    .actor = PINF_ACTOR_MINER,
		    .route = PINF_ROUTE_CALLER_SEALED,
		    .session_open = true,
		    .session_private = true,
		    .acl_fresh = true,
		    .miner_listed = draw(seed) % 8 != 0,
		    .lease_current = draw(seed) % 8 != 0,
		    .key_version_usable = true,
		};
}

void
bench_acl(const struct bench_run *run)
{
	struct lookups l = {.count = run->seconds == 0 ? ENTRIES_FEW : ENTRIES};
	const struct bench_case cases[] = {
	    {"raw open addressing, 32-byte slots", run_table, &l},
	    {"pinf_acl_sources", run_acl, &l},
	    {"pinf_policy_decide on ready facts", run_decide, &l},
	};
	const struct bench_group group = {run->seconds == 0
					      ? "acl: a miner of a session, among 10,000"
					      : "acl: a miner of a session, among 1,000,000",
	    0, cases, sizeof cases / sizeof cases[0]};
	uint64_t seed = 1;

	l.table = table_new(l.count);
	l.asked = calloc(l.count, sizeof *l.asked);
	bench_require(
	    l.asked != NULL && pinf_acl_new(&l.acl, (struct pinf_random){&seed, fill}) == PINF_OK,
	    "allocation");
	make_entries(&l, &seed);
	make_facts(&l, &seed);
	bench_require(pinf_acl_count(l.acl) == l.count, "entries");
	bench_measure(run, &group);
	pinf_acl_free(l.acl);
	table_free(l.table);
	free(l.asked);
}
