/* SPDX-License-Identifier: Apache-2.0 */
/*
 * miner_suite.c -- a miner as a node, its router played by the kit: one task each, and at one place something that
 * it must not take, or must ask again.  spec/CONFORMANCE.md#miner.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "miner.h"

#define STEPS_MAX 400

static const struct miner_case cases[] = {
    {"sealed", "STATE-14", "a task whose input its owner sealed, from claim to commit",
	.twist = AS_IT_SHOULD_BE},
    {"plain", "STATE-14", "a task of a public session, inline", .twist = PLAIN},
    {"session-key", "API-30", "an input sealed under its session's key", .twist = SESSION_KEY},
    {"no-work", "API-31", "204: it claims again", .twist = NO_WORK},
    {"busy", "API-43", "503 for an ack: asked again, signed anew", .twist = BUSY},
    {"lost-grant", "GRANT-2", "no answer to a key request: another one, with another key pair",
	.twist = LOST_GRANT},
    {"lost-upload", "STATE-14", "no answer to the upload: the same blob again",
	.twist = LOST_UPLOAD},
    {"lost-precommit", "STATE-14",
	"no answer to the precommit: the same again, nothing inferred twice",
	.twist = LOST_PRECOMMIT},
    {"lost-commit", "STATE-11", "no answer to the commit: the same again, nothing inferred twice",
	.twist = LOST_COMMIT},
    {"denied-key", "STATE-13", "403 for the input's key: nothing is inferred, and it claims again",
	.twist = DENIED_KEY, .must_not = INFER},
    {"reset", "STATE-15", "its process dies in mid-task: it begins with a claim", .twist = RESET},
    {"lease/other-task", "SCOPE-5", "the input's scope names another task",
	.twist = LEASE_OTHER_TASK, .must_not = INFER},
    {"lease/other-session", "SCOPE-5", "the input's scope names another session",
	.twist = LEASE_OTHER_SESSION, .must_not = INFER},
    {"lease/other-instance", "SCOPE-6", "the input's scope has another instance",
	.twist = LEASE_OTHER_INSTANCE, .must_not = INFER},
    {"lease/result-scope", "SCOPE-3", "the input's scope is a result's",
	.twist = LEASE_RESULT_SCOPE, .must_not = INFER},
    {"grant/forged", "GRANT-7", "signed by somebody else", .twist = GRANT_FORGED,
	.must_not = INFER},
    {"grant/other-request", "GRANT-7", "the answer to another request",
	.twist = GRANT_OTHER_REQUEST, .must_not = INFER},
    {"grant/other-scope", "GRANT-7", "another task's key", .twist = GRANT_OTHER_SCOPE,
	.must_not = INFER},
    {"grant/expired", "GRANT-7", "expired", .twist = GRANT_EXPIRED, .must_not = INFER},
    {"grant/other-version", "GRANT-7", "another key version than the task's",
	.twist = GRANT_OTHER_VERSION, .must_not = INFER},
    {"grant/other-chain", "AUTH-3", "signed for another chain", .twist = GRANT_OTHER_CHAIN,
	.must_not = INFER},
    {"grant/sealed-to-another", "GRANT-4", "sealed to another key pair", .twist = GRANT_TO_ANOTHER,
	.must_not = INFER},
    {"input/other-bytes", "STATE-16", "other bytes than the lease's hash",
	.twist = BLOB_OTHER_BYTES, .must_not = INFER},
    {"input/cut-off", "STATE-16", "fewer bytes than the lease says", .twist = BLOB_CUT_OFF,
	.must_not = INFER},
    {"input/other-scope", "PAY-10", "a blob of another scope, its hash right",
	.twist = BLOB_OTHER_SCOPE, .must_not = INFER},
    {"input/commitment", "BLOB-3", "a wrong commitment, its hash right", .twist = BLOB_COMMITMENT,
	.must_not = INFER},
    {"input/chunk", "BLOB-11", "a forged chunk, its hash right", .twist = BLOB_CHUNK,
	.must_not = INFER},
    {"input/not-canonical", "DOC-1", "a document that is not canonical", .twist = NOT_CANONICAL,
	.must_not = INFER},
    {"result-grant/forged", "GRANT-7", "the result's key signed by somebody else",
	.twist = RESULT_GRANT_FORGED, .must_not = UPLOAD},
    {"result-grant/other-attempt", "SCOPE-7", "the key of another attempt",
	.twist = RESULT_GRANT_OTHER_ATTEMPT, .must_not = UPLOAD},
    {"result-grant/expired", "GRANT-7", "the result's key expired", .twist = RESULT_GRANT_EXPIRED,
	.must_not = UPLOAD},
};

bool
miner_vectors(struct vectors *v)
{
	const size_t count = sizeof cases / sizeof cases[0];
	struct vector *more = realloc(v->list, (v->count + count) * sizeof *more);

	if (more == NULL)
		return false;
	v->list = more;
	for (size_t i = 0; i < count; i++) {
		struct vector *made = &v->list[v->count++];

		*made = (struct vector){.miner_case = &cases[i]};
		(void)snprintf(made->id, sizeof made->id, "miner/%s", cases[i].id);
		(void)snprintf(made->operation, sizeof made->operation, "miner");
		(void)snprintf(made->level, sizeof made->level, "must");
		(void)snprintf(made->spec, sizeof made->spec, "%s", cases[i].spec);
		(void)snprintf(made->note, sizeof made->note, "%s", cases[i].note);
	}
	return true;
}

/* One thing after the other, until it claims again, is stuck, or goes too far. */
static void
play(struct play *p)
{
	for (unsigned i = 0; i < STEPS_MAX && p->failure[0] == '\0' && !p->claims_again; i++) {
		if (p->sent_count > 0)
			miner_answer(p);
		else if (p->inference != 0)
			miner_infer(p);
		else if (p->wake_ms != 0)
			miner_wake(p);
		else
			break;
	}
}

static void
judge(struct play *p)
{
	const struct miner_case *c = p->of;

	if (!p->claims_again)
		miner_fail(p,
		    "it asks for nothing any more, or never comes to an end: it must claim again");
	if (c->must_not == INFER && p->inferences > 0)
		miner_fail(p, "it took what it must refuse: it asked for inference");
	if (c->must_not == UPLOAD && (p->uploads > 0 || p->precommits > 0))
		miner_fail(p, "it took what it must refuse: it gave a result");
	if (c->must_not == NOTHING && c->twist != NO_WORK && c->twist != RESET && !p->committed)
		miner_fail(p, "it did not commit");
	if (p->inferences > 1)
		miner_fail(p, "it asked for inference %u times in one attempt", p->inferences);
}

static void
try_case(struct suite *s, struct driver *d, struct outcome *o)
{
	struct play *p = calloc(1, sizeof *p);

	if (p == NULL)
		abort();
	p->suite = s;
	p->driver = d;
	p->of = o->vector->miner_case;
	if (s->has_miner)
		miner_begin(p);
	else
		(void)snprintf(p->skip, sizeof p->skip, "start names no role \"miner\"");
	if (p->skip[0] == '\0') {
		play(p);
		judge(p);
	}
	o->result = p->failure[0] != '\0' ? FAILED : p->skip[0] != '\0' ? SKIPPED : PASSED;
	(void)snprintf(
	    o->detail, sizeof o->detail, "%s", p->failure[0] != '\0' ? p->failure : p->skip);
	miner_end(p);
	free(p);
}

bool
suite_run_miner(struct suite *s)
{
	struct driver d;

	if (!suite_room(s))
		return false;
	if (!suite_begin(s, &d)) {
		(void)driver_end(&d, 0);
		return false;
	}
	for (size_t i = 0; i < s->vectors->count; i++) {
		struct outcome *o = &s->outcomes[s->count];

		if (!suite_wants(s, &s->vectors->list[i]))
			continue;
		s->count++;
		o->vector = &s->vectors->list[i];
		/* One case is to blame for each end; the next one gets a process of its own. */
		if (d.pid == 0 && !suite_begin(s, &d)) {
			o->result = FAILED;
			(void)snprintf(
			    o->detail, sizeof o->detail, "the driver does not start again");
			continue;
		}
		try_case(s, &d, o);
	}
	(void)driver_end(&d, 1000);
	return true;
}
