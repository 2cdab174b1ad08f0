/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_fixture.h -- a router on the real store, asked by real signed requests; its effects are
 * answered by hand.  Faults are injected at the store's function table, which is the port.
 */
#ifndef PINF_TESTS_ROUTER_FIXTURE_H
#define PINF_TESTS_ROUTER_FIXTURE_H

#include "unit/unit.h"

#include <pinf/router.h>

#include "core/audit.h"
#include "core/send.h"

#define KEPT_MAX 16
#define START_MS 1700000000000

/* Store calls that can be made to fail. */
enum fault_at { NOWHERE, AT_COMMIT, AT_TASK_UPDATE, AT_AUDIT, AT_SAVEPOINT, AT_NEXT_DUE };

struct rig {
	char dir[40];
	char path[80];
	struct pinf_store real;
	struct pinf_router_config config;
	struct pinf_router *router;
	struct pinf_keyring *saved; /* what its file holds */
	struct pinf_domain domain;
	struct pinf_wallet admin, owner, miner, other;
	char bearer[80]; /* the API key of owner; asked with when `by` is &bearer_mark */
	uint64_t seed;
	uint64_t now_ms;
	uint64_t mono_ms; /* 0: no test of clocks */
	uint64_t next_request;
	struct pinf_effects fx; /* all of them, since the start */
	size_t from; /* of the last step */
	enum pinf_err stepped; /* what the last step returned */
	struct pinf_blob *blob;
	struct {
		struct pinf_hash sha256;
		struct pinf_bytes bytes;
	} kept[KEPT_MAX]; /* blob storage */
	size_t kept_count;
	/* The last answer: status 0 where nobody has answered yet. */
	uint64_t request;
	unsigned status;
	char reply[65536];
	struct pinf_hash digest; /* of the last signed request */
};

/* One attempt, as its miner sees it. */
struct lease {
	uint64_t session, task, epoch;
	uint32_t attempt, version;
	uint8_t instance[PINF_INSTANCE_LEN];
	struct pinf_hash input;
	const struct pinf_wallet *by;
	struct pinf_payload result;
};

extern const struct pinf_wallet bearer_mark, unsigned_mark; /* how to ask without a wallet */

int rig_new(void **state);
int rig_free(void **state); /* the audit log must verify */
void rig_restart(struct rig *r, const struct pinf_router_config *config);
/* The nth call of that kind from now on fails, and everything after it up to the rollback. */
void rig_fail(enum fault_at at, unsigned nth, enum pinf_err err);

/* Requests: status of the answer to it, 0 where it waits.  by NULL: the owner. */
unsigned post(struct rig *r, const struct pinf_wallet *by, const char *path, const char *format,
    ...) __attribute__((format(printf, 4, 5)));
unsigned get(struct rig *r, const struct pinf_wallet *by, const char *path);
unsigned blob_put(
    struct rig *r, const struct pinf_wallet *by, const struct lease *at, const struct pinf_hash *);
unsigned blob_get(
    struct rig *r, const struct pinf_wallet *by, const struct lease *at, const struct pinf_hash *);
/* Signs and decodes only: several go into one step. */
struct pinf_event rig_event(struct rig *r, const struct pinf_wallet *by, const char *method,
    const char *path, const char *body);
void rig_step(struct rig *r, struct pinf_event *events, size_t count);
/* Finds the answer to a request among the last step's effects. */
unsigned answer_to(struct rig *r, uint64_t request);
/* Time passes, and a TIMER comes. */
void rig_pass(struct rig *r, uint64_t ms);

/* The last effect of that kind; must there be one? */
struct pinf_effect *rig_effect(struct rig *r, enum pinf_effect_kind kind);
/* How many the last step gave. */
size_t rig_count(const struct rig *r, enum pinf_effect_kind kind);
/* Does what the last effect of that kind asks for (SEAL, STORE, CHECK, DELIVER really) and answers. */
void rig_do(struct rig *r, enum pinf_effect_kind kind);
/* Answers it with err instead. */
void rig_answer(struct rig *r, enum pinf_effect_kind kind, enum pinf_err err);

/* Storage: a blob into it (NONE: the text as it is), and what it has under a hash. */
struct pinf_hash rig_keep(struct rig *r, const struct pinf_blob_params *params,
    const struct pinf_key *key, struct pinf_span plain);
struct pinf_bytes *rig_kept(struct rig *r, const struct pinf_hash *sha256);
/* Steps a request (NULL: it did not decode). */
unsigned rig_ask(struct rig *r, struct pinf_event event);

bool said(const struct rig *r, const char *text); /* in the last answer */
uint64_t number(const struct rig *r, const char *name);

/* A session with these flags; returns its id.  Private ones list the miner. */
uint64_t session_new(struct rig *r, bool is_private, bool router_sealed);
/* Input of a caller-sealed task: reserved, key granted, sealed, uploaded; then submitted. */
void reserve(struct rig *r, uint64_t session, const char *reference, struct lease *task);
void seal_input(struct rig *r, struct lease *task, struct pinf_payload *payload);
unsigned submit(struct rig *r, const struct lease *task, const struct pinf_payload *payload);
void submitted(struct rig *r, uint64_t session, struct lease *task); /* all of it */
/* The key of a scope, asked by wallet; E_DENIED where it is refused. */
enum pinf_err key_of(struct rig *r, const struct pinf_wallet *by, const struct lease *task,
    enum pinf_purpose purpose, struct pinf_key *key);
unsigned claim(struct rig *r, const struct pinf_wallet *by, uint64_t session, struct lease *lease);
unsigned attempt(struct rig *r, const struct lease *lease, const char *verb);
/* Seals (or, plain, inlines) the result text and uploads it. */
void make_result(struct rig *r, struct lease *lease, const char *text);
unsigned precommit(struct rig *r, const struct lease *lease);
unsigned commit(struct rig *r, const struct lease *lease);
/* Up to the precommit's answer; the lease is claimed by `by`. */
void precommitted(struct rig *r, const struct pinf_wallet *by, uint64_t session, struct lease *l);
const char *state_of(struct rig *r, const struct lease *task); /* as the owner reads it */

#define assert_refused(r, got, status, text)                                                       \
	do {                                                                                       \
		assert_int_equal(got, status);                                                     \
		if (!said(r, text))                                                                \
			fail_msg("%s is not in %s", text, (r)->reply);                             \
	} while (0)

#endif
