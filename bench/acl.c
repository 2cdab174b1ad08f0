/* SPDX-License-Identifier: Apache-2.0 */
/* acl.c -- whether a list names a miner, among a million entries; decisions on ready facts; policy documents. */
#include <stdlib.h>
#include <string.h>

#include <pinf/acl.h>

#include "measure.h"
#include "peers/codec.h"
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
run_trace(void *ctx, uint64_t n)
{
	struct lookups *l = ctx;
	struct pinf_policy_row rows[PINF_POLICY_ROWS_MAX];

	for (uint64_t i = 0; i < n; i++)
		l->sink += pinf_policy_trace(&l->facts[i % FACTS], rows);
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
make_facts(struct pinf_facts facts[static FACTS], uint64_t *seed)
{
	for (size_t i = 0; i < FACTS; i++)
		facts[i] = (struct pinf_facts){
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
	make_facts(l.facts, &seed);
	bench_require(pinf_acl_count(l.acl) == l.count, "entries");
	bench_measure(run, &group);
	pinf_acl_free(l.acl);
	table_free(l.table);
	free(l.asked);
}

struct documents {
	struct pinf_policy_doc doc;
	struct pinf_bytes json, out;
};

static void
run_cjson(void *ctx, uint64_t n)
{
	const struct documents *d = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_require(
		    peers_json_parse((const char *)d->json.data, d->json.len) != 0, "cJSON");
}

static void
run_decode(void *ctx, uint64_t n)
{
	const struct documents *d = ctx;
	struct pinf_policy_doc doc;

	for (uint64_t i = 0; i < n; i++)
		bench_require(pinf_policy_doc_decode(&doc, pinf_span_of(&d->json), NULL) == PINF_OK,
		    "pinf_policy_doc_decode");
}

static void
run_encode(void *ctx, uint64_t n)
{
	struct documents *d = ctx;

	for (uint64_t i = 0; i < n; i++) {
		d->out.len = 0;
		bench_require(
		    pinf_policy_doc_encode(&d->out, &d->doc) == PINF_OK, "pinf_policy_doc_encode");
	}
}

void
bench_policy(const struct bench_run *run)
{
	struct lookups l = {.count = 0};
	struct documents d = {.doc = {.acl_source = PINF_ACL_CONTRACT,
				  .task_keys_only = true,
				  .wallet_reads_only = true,
				  .grant_ms = 30000,
				  .rotation_ms = 86400000}};
	const struct bench_case decisions[] = {
	    {"pinf_policy_decide", run_decide, &l},
	    {"pinf_policy_trace (every rule)", run_trace, &l},
	};
	const struct bench_case documents[] = {
	    {"raw cJSON parse", run_cjson, &d},
	    {"pinf_policy_doc_decode", run_decode, &d},
	    {"pinf_policy_doc_encode", run_encode, &d},
	};
	const struct bench_group groups[] = {
	    {"policy: a decision on ready facts", 0, decisions, 2},
	    {"policy: a session's policy document", 0, documents, 3},
	};
	uint64_t seed = 1;

	make_facts(l.facts, &seed);
	bench_require(pinf_policy_doc_encode(&d.json, &d.doc) == PINF_OK, "a document");
	bench_measure(run, &groups[0]);
	bench_measure(run, &groups[1]);
	pinf_bytes_free(&d.json);
	pinf_bytes_free(&d.out);
}
