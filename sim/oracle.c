/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.c -- what is checked while a world runs.  spec/simulation.md#oracles. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/be.h"
#include "core/json.h"
#include "world.h"

#define FORGED_EVERY 4 /* a short blob in so many is forged */
#define FORGED_FROM  70000 /* bytes: of more than one chunk */

const char *
sim_oracle_name(enum sim_oracle oracle)
{
	static const char *const names[SIM_ORACLES] = {
	    [SIM_UNLISTED_KEY] = "unlisted-key",
	    [SIM_UNLISTED_RESULT] = "unlisted-result",
	    [SIM_STALE_KEY] = "stale-key",
	    [SIM_UNCONFIRMED_KEY] = "unconfirmed-key",
	    [SIM_ATTEMPT_HOLDER] = "attempt-holder",
	    [SIM_SEATS] = "seats",
	    [SIM_SECRECY] = "secrecy",
	    [SIM_SCOPE_ISOLATION] = "scope-isolation",
	    [SIM_REPLAY] = "replay",
	    [SIM_VERSION_LIFE] = "version-life",
	    [SIM_RESULT_BOUND] = "result-bound",
	    [SIM_NO_PLAINTEXT] = "no-plaintext",
	    [SIM_ACCEPTED_LOST] = "accepted-lost",
	    [SIM_BLOB_DURABLE] = "blob-durable",
	    [SIM_ANSWERED_TWICE] = "answered-twice",
	    [SIM_WRONG_ANSWER] = "wrong-answer",
	    [SIM_FRESH_SALT] = "fresh-salt",
	    [SIM_AUDIT_CHAIN] = "audit-chain",
	    [SIM_PRIVACY_ONE_WAY] = "privacy-one-way",
	    [SIM_LIVENESS] = "liveness",
	    [SIM_NODE] = "node",
	};

	return names[oracle];
}

void
sim_check(struct sim_world *w, enum sim_oracle oracle, bool holds, const char *format, ...)
{
	struct sim_oracles *o = &w->oracles;
	va_list args;

	o->evaluated[oracle]++;
	if (holds || o->failed)
		return;
	o->failed = true;
	o->broken = oracle;
	o->broken_at_ms = w->now_ms - SIM_EPOCH_MS;
	w->stop = true;
	va_start(args, format);
	(void)vsnprintf(o->detail, sizeof o->detail, format, args);
	va_end(args);
	sim_note(w, "BROKEN %s: %s", sim_oracle_name(oracle), o->detail);
}

static bool
contains(struct pinf_span bytes, const char *needle, size_t len)
{
	const uint8_t *at = bytes.data, *const end = bytes.data + bytes.len;

	while (at != NULL && (size_t)(end - at) >= len) {
		at = memchr(at, needle[0], (size_t)(end - at) - len + 1);
		if (at != NULL && memcmp(at, needle, len) == 0)
			return true;
		if (at != NULL)
			at++;
	}
	return false;
}

/* A key as the map's: both are 32 bytes as good as random. */
_Static_assert(PINF_KEY_LEN == PINF_HASH_LEN, "keys are looked up as hashes are");

void
sim_oracle_scan(struct sim_world *w, const char *where, struct pinf_span bytes)
{
	if (bytes.len == 0)
		return;
	sim_check(w, SIM_SECRECY, !contains(bytes, w->marker, sizeof w->marker - 1),
	    "text of a private session in %s", where);
	sim_check(w, SIM_SECRECY, !sim_secrets_in(&w->oracles.keys, bytes), "a key in %s", where);
}

void
sim_oracle_key(struct sim_world *w, const struct pinf_key *key, uint32_t version,
    const struct pinf_scope *scope)
{
	static const struct pinf_key none = {{0}};
	struct sim_oracles *o = &w->oracles;
	uint8_t for_what[4 + PINF_SCOPE_MAX] = {0};
	struct pinf_hash as_hash, what = {{0}};
	const struct pinf_hash *before;

	if (memcmp(key, &none, sizeof none) == 0)
		return;
	memcpy(as_hash.bytes, key->bytes, sizeof as_hash.bytes);
	if (scope != NULL && pinf_scope_check(scope) == PINF_OK) {
		pinf_be_put(for_what, 4, version);
		(void)pinf_scope_encode(for_what + 4, scope);
		pinf_sha256(&what, (struct pinf_span){for_what, sizeof for_what});
	}
	before = sim_secrets_put(&o->keys, &as_hash, &what);
	sim_check(w, SIM_SCOPE_ISOLATION, pinf_hash_equal(before, &what),
	    "one key is used for two scopes, the second in session %llu, task %llu",
	    scope == NULL ? 0 : (unsigned long long)scope->session,
	    scope == NULL ? 0 : (unsigned long long)scope->task);
}

void
sim_oracle_forged(struct sim_world *w, const struct pinf_payload *payload,
    const struct pinf_key *key, struct pinf_span bytes)
{
	struct pinf_bytes forged = {0}, document = {0};
	enum pinf_err err;

	if (bytes.len < FORGED_FROM && w->oracles.opened++ % FORGED_EVERY != 0)
		return;
	sim_append(&forged, bytes);
	forged.data[forged.len - 1] ^= 1;
	err = pinf_blob_open(w->blob, &payload->scope, key, pinf_span_of(&forged), &document);
	sim_check(w, SIM_NO_PLAINTEXT,
	    err != PINF_OK && document.len == 0 &&
		!contains((struct pinf_span){document.data, document.cap}, w->marker,
		    sizeof w->marker - 1),
	    "a forged blob left plaintext behind (%s)", pinf_err_name(err));
	pinf_bytes_free(&forged);
	pinf_bytes_free(&document);
}

void
sim_oracle_sealed(struct sim_world *w, struct pinf_span blob, const struct pinf_hash *sha256)
{
	struct pinf_blob_header header;
	struct pinf_hash salt;
	bool fresh = pinf_blob_header_decode(&header, blob) == PINF_OK;

	w->stats.seals++;
	memcpy(salt.bytes, header.salt, sizeof salt.bytes);
	/* Nobody draws zeros, and the map has no such key. */
	fresh = fresh && !pinf_hash_equal(&salt, &(struct pinf_hash){{0}}) &&
		pinf_hash_equal(sim_map_put(&w->oracles.salts, &salt, sha256), sha256);
	sim_check(w, SIM_FRESH_SALT, fresh, "two sealed blobs share a salt");
}

static struct sim_promise *
promise_of(struct sim_world *w, uint64_t session, uint64_t task)
{
	struct sim_oracles *o = &w->oracles;
	const struct pinf_hash key = sim_map_key(session, task, 0);
	const uint64_t at = sim_map_number(&o->tasks, &key);

	if (at != UINT64_MAX)
		return &o->promises[at];
	o->promises =
	    sim_grow(o->promises, o->promise_count + 1, &o->promise_cap, sizeof *o->promises);
	o->promises[o->promise_count] = (struct sim_promise){.session = session, .task = task};
	sim_map_set(&o->tasks, &key, o->promise_count);
	return &o->promises[o->promise_count++];
}

/* The attempt of a task that was told last, or (after it) the one before; NULL: there is none. */
static struct sim_lease *
lease_before(struct sim_world *w, const struct sim_conn *conn, const struct sim_lease *after)
{
	struct sim_oracles *o = &w->oracles;
	const struct pinf_hash key = sim_map_key(conn->session, conn->task, 0);
	const uint64_t at = sim_map_number(&o->tasks, &key);
	size_t number = 0;

	if (after != NULL)
		number = after->before;
	else if (at != UINT64_MAX)
		number = o->promises[at].lease;
	return number == 0 ? NULL : &o->leases[number - 1];
}

void
sim_oracle_answer(struct sim_world *w, uint64_t session, uint64_t task, struct pinf_span result)
{
	struct sim_promise *p = promise_of(w, session, task);
	struct pinf_hash text;

	pinf_sha256(&text, result);
	sim_check(w, SIM_ANSWERED_TWICE, !p->has_text || pinf_hash_equal(&p->text, &text),
	    "task %llu of session %llu was answered in two ways", (unsigned long long)task,
	    (unsigned long long)session);
	p->has_text = true;
	p->text = text;
	p->submitted = true;
}

/* Whether the last word about it was that it is out, before the request came in. */
static bool
is_out(const struct sim_member *m, uint64_t arrived_ms)
{
	return m->allow_arrived_ms == 0 ||
	       (m->deny_answered_ms != 0 && m->deny_answered_ms < arrived_ms &&
		   m->allow_arrived_ms < m->deny_sent_ms);
}

/* Whether the wallet was certainly not on the session's list when the request came in. */
static bool
is_unlisted(struct sim_world *w, const struct sim_conn *conn)
{
	uint32_t index;
	const struct sim_session *s = sim_session_of(w, conn->session, &index);

	if (s == NULL || (!s->make_private && conn->endpoint == PINF_EP_COMMIT) ||
	    pinf_address_equal(&conn->signer, &w->owners[index]->wallet.address))
		return false;
	index = sim_member_of(w, &conn->signer);
	if (index == UINT32_MAX)
		return true;
	return is_out(&s->members[index], conn->arrived_ms) ||
	       (s->seats > 0 && is_out(&w->pool[index], conn->arrived_ms));
}

/* Whether the request speaks of an attempt that its signer was told is its own, and nobody was told of a later one. */
static bool
is_holder(struct sim_world *w, const struct sim_conn *conn)
{
	const struct sim_lease *lease = NULL;
	uint32_t own = 0, latest = 0;

	while ((lease = lease_before(w, conn, lease)) != NULL) {
		if (lease->attempt > own && pinf_address_equal(&lease->miner, &conn->signer) &&
		    (conn->attempt == 0 || conn->attempt == lease->attempt))
			own = lease->attempt;
		if (lease->attempt > latest && lease->told_ms < conn->arrived_ms)
			latest = lease->attempt;
	}
	return own != 0 && own >= latest;
}

static void
check_holder(struct sim_world *w, const struct sim_conn *conn)
{
	uint32_t index;

	if (sim_session_of(w, conn->session, &index) == NULL ||
	    pinf_address_equal(&conn->signer, &w->owners[index]->wallet.address))
		return;
	sim_check(w, SIM_ATTEMPT_HOLDER, is_holder(w, conn),
	    "a %s of task %llu of session %llu, attempt %u, was %s a miner that does not hold it",
	    conn->endpoint == PINF_EP_COMMIT ? "result" : "key", (unsigned long long)conn->task,
	    (unsigned long long)conn->session, conn->attempt,
	    conn->endpoint == PINF_EP_COMMIT ? "accepted from" : "granted to");
}

static struct sim_lease *
lease_of(struct sim_world *w, const struct sim_conn *conn)
{
	struct sim_lease *lease = lease_before(w, conn, NULL);

	while (lease != NULL && lease->attempt != conn->attempt)
		lease = lease_before(w, conn, lease);
	return lease;
}

/* A slot was busy with the attempt that is committed here, for the first time. */
static void
note_work(struct sim_world *w, const struct sim_conn *conn)
{
	struct sim_lease *lease = lease_of(w, conn);

	if (lease != NULL && !lease->committed)
		w->stats.busy_ms += w->now_ms - lease->told_ms;
	if (lease != NULL)
		lease->committed = true;
}

static void
note_precommit(struct sim_world *w, const struct sim_conn *conn)
{
	struct sim_lease *lease = lease_of(w, conn);

	if (lease == NULL || lease->has_precommit)
		return;
	lease->has_precommit = true;
	lease->precommit = conn->result;
}

/* What is accepted is what that attempt had precommitted, and its blob says of itself that it is that. */
static void
check_bound(struct sim_world *w, const struct sim_conn *conn)
{
	const struct sim_lease *lease = lease_of(w, conn);
	const struct sim_blob *blob = sim_blobs_find(&w->blobs, &conn->result);
	struct pinf_blob_header header;
	bool bound = lease == NULL || !lease->has_precommit ||
		     pinf_hash_equal(&lease->precommit, &conn->result);

	if (lease != NULL && lease->sealed && blob != NULL) {
		bound &= pinf_blob_header_decode(&header, pinf_span_of(&blob->bytes)) == PINF_OK &&
			 header.params.scope.session == conn->session &&
			 header.params.scope.task == conn->task &&
			 header.params.scope.attempt == conn->attempt &&
			 header.params.scope.purpose == PINF_PURPOSE_RESULT &&
			 pinf_address_equal(&header.params.scope.miner, &conn->signer);
	}
	sim_check(w, SIM_RESULT_BOUND, bound,
	    "the result of task %llu of session %llu is not what its attempt %u had precommitted",
	    (unsigned long long)conn->task, (unsigned long long)conn->session, conn->attempt);
}

/* A seat in a pooled session is given with a lease there, and only so. */
static void
note_lease(struct sim_world *w, struct sim_lease lease)
{
	struct sim_oracles *o = &w->oracles;
	const uint32_t miner = sim_member_of(w, &lease.miner);
	struct sim_promise *p = promise_of(w, lease.session, lease.task);
	uint32_t index;
	struct sim_session *s = sim_session_of(w, lease.session, &index);

	lease.before = p->lease;
	o->leases = sim_grow(o->leases, o->lease_count + 1, &o->lease_cap, sizeof *o->leases);
	o->leases[o->lease_count++] = lease;
	p->lease = o->lease_count;
	if (s == NULL || s->seats == 0)
		return;
	if (miner != UINT32_MAX)
		s->members[miner].allow_arrived_ms = w->now_ms;
	sim_oracle_seats(w, s);
}

/* What the answer to a claim says. */
static void
read_lease(struct sim_world *w, const struct sim_conn *conn, struct pinf_json_reader *json)
{
	struct sim_lease lease = {.miner = conn->signer, .told_ms = w->now_ms};
	struct pinf_payload *input = sim_new(sizeof *input);
	struct pinf_json_reader nested = pinf_json_object(json, "input", true);
	uint64_t attempt = 0, version = 0;

	pinf_payload_read(&nested, input);
	pinf_json_id(json, "session_id", true, &lease.session);
	pinf_json_id(json, "task_id", true, &lease.task);
	pinf_json_uint(json, "attempt", true, UINT32_MAX, &attempt);
	pinf_json_uint(json, "epoch", true, PINF_ID_MAX, &lease.epoch);
	pinf_json_uint(json, "key_version", true, UINT32_MAX, &version);
	lease.attempt = (uint32_t)attempt;
	lease.key_version = (uint32_t)version;
	lease.sealed = input->suite != PINF_SUITE_NONE;
	lease.input.sha256 = input->sha256;
	lease.input.size = input->size;
	lease.input.scope = input->scope;
	free(input);
	if (json->err == PINF_OK)
		note_lease(w, lease);
}

/* The ids in the body of an answer to a reservation or a claim. */
static void
promise_by_body(struct sim_world *w, const struct sim_conn *conn, struct pinf_span body)
{
	const bool claim = conn->endpoint == PINF_EP_CLAIM;
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader json;
	uint64_t session = 0, task = 0;

	if (pinf_json_parse(&parsed, body, PINF_BODY_SMALL_MAX) != PINF_OK)
		return;
	json = pinf_json_root(parsed);
	pinf_json_id(&json, "session_id", true, &session);
	pinf_json_id(&json, "task_id", true, &task);
	if (json.err == PINF_OK)
		promise_of(w, session, task)->submitted |= claim;
	if (claim) {
		json = pinf_json_root(parsed);
		read_lease(w, conn, &json);
	}
	pinf_json_free(parsed);
}

/* What a wallet signed is granted once. */
static void
check_nonce(struct sim_world *w, const struct sim_conn *conn)
{
	uint8_t who[PINF_ADDRESS_LEN + PINF_NONCE_LEN];
	struct pinf_hash digest, now = {{1}};
	const struct pinf_hash *before;

	memcpy(who, conn->signer.bytes, PINF_ADDRESS_LEN);
	memcpy(who + PINF_ADDRESS_LEN, conn->nonce, PINF_NONCE_LEN);
	pinf_sha256(&digest, (struct pinf_span){who, sizeof who});
	memcpy(now.bytes, &conn->id, sizeof conn->id);
	before = sim_map_put(&w->oracles.nonces, &digest, &now);
	sim_check(w, SIM_REPLAY, pinf_hash_equal(before, &now),
	    "a request that was signed once was granted twice, in session %llu",
	    (unsigned long long)conn->session);
}

void
sim_oracle_durable(struct sim_world *w, const struct pinf_hash *sha256, bool looked_at)
{
	const struct sim_blob *blob = sim_blobs_find(&w->blobs, sha256);
	struct pinf_hash real = {{0}};

	if (blob != NULL)
		pinf_sha256(&real, pinf_span_of(&blob->bytes));
	sim_check(w, SIM_BLOB_DURABLE,
	    pinf_hash_equal(&real, sha256) ||
		(!looked_at && sim_blobs_misdirected(&w->blobs, sha256)),
	    "a blob that was accepted is not in storage");
}

void
sim_oracle_response(
    struct sim_world *w, const struct sim_conn *conn, unsigned status, struct pinf_span body)
{
	struct sim_promise *p;

	if (conn->is_signed && status < 300)
		check_nonce(w, conn);
	switch (conn->endpoint) {
	case PINF_EP_KEY_TASK:
	case PINF_EP_KEY_SESSION:
		w->stats.grants += status == 200;
		sim_check(w, SIM_UNLISTED_KEY, status != 200 || !is_unlisted(w, conn),
		    "a key of session %llu was granted to a miner that is not on its list",
		    (unsigned long long)conn->session);
		if (status != 200)
			break;
		sim_oracle_let_in(w, conn);
		if (conn->endpoint == PINF_EP_KEY_TASK)
			check_holder(w, conn);
		break;
	case PINF_EP_COMMIT:
		sim_check(w, SIM_UNLISTED_RESULT, status != 200 || !is_unlisted(w, conn),
		    "a result for session %llu was accepted from a miner that is not on its list",
		    (unsigned long long)conn->session);
		if (status != 200)
			break;
		sim_oracle_let_in(w, conn);
		check_holder(w, conn);
		check_bound(w, conn);
		note_work(w, conn);
		if (conn->by_blob)
			sim_oracle_durable(w, &conn->result, true);
		p = promise_of(w, conn->session, conn->task);
		sim_check(w, SIM_ANSWERED_TWICE,
		    !p->has_result || pinf_hash_equal(&p->result, &conn->result),
		    "task %llu of session %llu had two results accepted",
		    (unsigned long long)conn->task, (unsigned long long)conn->session);
		p->submitted = p->has_result = true;
		p->result = conn->result;
		break;
	case PINF_EP_PRECOMMIT:
		if (status == 200)
			note_precommit(w, conn);
		break;
	case PINF_EP_CLAIM:
	case PINF_EP_RESERVE:
		if (status == 200 || status == 201)
			promise_by_body(w, conn, body);
		break;
	case PINF_EP_COMPLETION:
		if (status == 202 && conn->task != 0)
			promise_of(w, conn->session, conn->task)->submitted = true;
		break;
	default: break;
	}
}

void
sim_oracle_free(struct sim_oracles *o)
{
	free(o->promises);
	free(o->leases);
	sim_map_free(&o->tasks);
	sim_map_free(&o->salts);
	sim_map_free(&o->nonces);
	sim_secrets_free(&o->keys);
	*o = (struct sim_oracles){.failed = false};
}
