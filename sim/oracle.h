/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.h -- what must hold, each by name, each counting how often it was looked at.  spec/simulation.md#oracles. */
#ifndef PINF_SIM_ORACLE_H
#define PINF_SIM_ORACLE_H

#include <pinf/payload.h>

#include "map.h"
#include "secrets.h"

enum sim_oracle {
	SIM_UNLISTED_KEY,
	SIM_UNLISTED_RESULT,
	SIM_STALE_KEY,
	SIM_UNCONFIRMED_KEY,
	SIM_ATTEMPT_HOLDER,
	SIM_SEATS,
	SIM_SECRECY,
	SIM_SCOPE_ISOLATION,
	SIM_REPLAY,
	SIM_VERSION_LIFE,
	SIM_RESULT_BOUND,
	SIM_NO_PLAINTEXT,
	SIM_ACCEPTED_LOST,
	SIM_BLOB_DURABLE,
	SIM_ANSWERED_TWICE,
	SIM_WRONG_ANSWER,
	SIM_FRESH_SALT,
	SIM_AUDIT_CHAIN,
	SIM_PRIVACY_ONE_WAY,
	SIM_LIVENESS,
	SIM_NODE,
	SIM_ORACLES
};
const char *sim_oracle_name(enum sim_oracle oracle);

/* What a task's owner or miner was told, so that it must stay true. */
struct sim_promise {
	uint64_t session;
	uint64_t task;
	bool submitted; /* and not only reserved */
	bool has_result;
	struct pinf_hash result;
	bool has_text;
	struct pinf_hash text; /* of the answer given */
	size_t lease; /* its newest attempt told, from 1 in the list; 0: none */
};

/* An attempt that a miner was told is its own. */
struct sim_lease {
	uint64_t session;
	uint64_t task;
	uint32_t attempt;
	struct pinf_address miner;
	uint64_t told_ms;
	size_t before; /* the one of the same task told before, from 1; 0: none */
	bool committed;
	bool has_precommit;
	struct pinf_hash precommit;
	/* For those who would misuse it: */
	bool sealed;
	uint64_t epoch;
	uint32_t key_version;
	struct {
		struct pinf_hash sha256;
		uint64_t size;
		struct pinf_scope scope;
	} input;
};

struct sim_oracles {
	uint64_t evaluated[SIM_ORACLES];
	bool failed;
	enum sim_oracle broken;
	uint64_t broken_at_ms;
	char detail[256];
	struct sim_promise *promises;
	size_t promise_count;
	size_t promise_cap;
	struct sim_map tasks; /* session and task to the promise */
	struct sim_lease *leases;
	size_t lease_count;
	size_t lease_cap;
	struct sim_map salts; /* to the hash of the blob sealed with it */
	struct sim_map nonces; /* of signed requests that were granted, with their signers */
	uint64_t opened; /* short blobs that opened */
	struct sim_secrets keys; /* each with the scope that it is for */
};

struct sim_world;
struct sim_conn;
struct sim_session;
struct pinf_effect;

/* Counts an evaluation; where it does not hold, the run ends with this as its reason. */
__attribute__((format(printf, 4, 5))) void
sim_check(struct sim_world *w, enum sim_oracle oracle, bool holds, const char *format, ...);
/* Bytes that leave somebody's memory. */
void sim_oracle_scan(struct sim_world *w, const char *where, struct pinf_span bytes);
/* A key is at work somewhere: NULL, for none of the scopes. */
void sim_oracle_key(struct sim_world *w, const struct pinf_key *key, uint32_t version,
    const struct pinf_scope *scope);
void sim_oracle_sealed(struct sim_world *w, struct pinf_span blob, const struct pinf_hash *sha256);
/* The router answers: was this one to have that? */
void sim_oracle_response(
    struct sim_world *w, const struct sim_conn *conn, unsigned status, struct pinf_span body);
void
sim_oracle_answer(struct sim_world *w, uint64_t session, uint64_t task, struct pinf_span result);
/* The store against what was promised: after each restart and at the end. */
void sim_oracle_store(struct sim_world *w);
void sim_oracle_end(struct sim_world *w);
/* The chain or its nodes have moved, or are about to answer. */
void sim_oracle_chain(struct sim_world *w);
/* What is accepted is in storage, whole.  looked_at: the router read it; else it has the storage's word. */
void sim_oracle_durable(struct sim_world *w, const struct pinf_hash *sha256, bool looked_at);
/* A pooled session has no more members than seats. */
void sim_oracle_seats(struct sim_world *w, const struct sim_session *s);
/* A key was granted to that signer of the connection, or a result accepted from it. */
void sim_oracle_let_in(struct sim_world *w, const struct sim_conn *conn);
/* What was said to be private is: in the store, now. */
void sim_oracle_privacy(struct sim_world *w);
/* The administrator was told that the oldest key version is destroyed. */
void sim_oracle_destroyed(struct sim_world *w);
/* What opened does not where its last bit is another, and leaves nothing behind. */
void sim_oracle_forged(struct sim_world *w, const struct pinf_payload *payload,
    const struct pinf_key *key, struct pinf_span bytes);
void sim_oracle_free(struct sim_oracles *oracles);

#endif
