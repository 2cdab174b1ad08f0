/* SPDX-License-Identifier: Apache-2.0 */
/* miner.h -- a miner under test, its router played by the kit: one task, and one thing that is odd about it. */
#ifndef PINF_CONFORM_MINER_H
#define PINF_CONFORM_MINER_H

#include <pinf/auth.h>
#include <pinf/document.h>
#include <pinf/payload.h>

#include "conform.h"

#define SENT_MAX   8
#define NONCES_MAX 600

enum twist {
	AS_IT_SHOULD_BE,
	PLAIN,
	SESSION_KEY,
	NO_WORK,
	BUSY,
	LOST_GRANT,
	LOST_UPLOAD,
	LOST_PRECOMMIT,
	LOST_COMMIT,
	DENIED_KEY,
	RESET,
	LEASE_OTHER_TASK,
	LEASE_OTHER_SESSION,
	LEASE_OTHER_INSTANCE,
	LEASE_RESULT_SCOPE,
	GRANT_FORGED,
	GRANT_OTHER_REQUEST,
	GRANT_OTHER_SCOPE,
	GRANT_EXPIRED,
	GRANT_OTHER_VERSION,
	GRANT_OTHER_CHAIN,
	GRANT_TO_ANOTHER,
	BLOB_OTHER_BYTES,
	BLOB_CUT_OFF,
	BLOB_OTHER_SCOPE,
	BLOB_COMMITMENT,
	BLOB_CHUNK,
	NOT_CANONICAL,
	RESULT_GRANT_FORGED,
	RESULT_GRANT_OTHER_ATTEMPT,
	RESULT_GRANT_EXPIRED
};

struct miner_case {
	const char *id, *spec, *note;
	enum twist twist;
	enum { NOTHING, INFER, UPLOAD } must_not;
};

struct sent {
	uint64_t request;
	char method[8], path[160];
	struct pinf_bytes body;
	struct pinf_hash digest; /* what the wallet signed */
};

struct play {
	struct suite *suite;
	struct driver *driver; /* ended where it broke */
	const struct miner_case *of;
	uint64_t now_ms, mono_ms, wake_ms; /* wake_ms 0: none is asked for */
	struct pinf_wallet router, miner, other;
	struct pinf_domain domain;
	struct pinf_random random;
	struct sent sent[SENT_MAX]; /* not answered yet */
	size_t sent_count;
	uint8_t nonces[NONCES_MAX][PINF_NONCE_LEN];
	size_t nonce_count;
	uint64_t inference; /* that is asked for; 0: none */
	/* The task. */
	struct pinf_scope input_scope, result_scope;
	struct pinf_key input_key, result_key;
	struct pinf_payload input, result;
	struct pinf_bytes input_blob, result_blob;
	uint8_t hpke_public[PINF_HPKE_PUBLIC_LEN]; /* of the last key request */
	unsigned claims, key_requests, inferences, uploads, precommits, commits, lost;
	bool leased, acked, committed, claims_again;
	struct pinf_hash precommitted;
	char failure[DETAIL_MAX];
	char skip[100];
};

void miner_fail(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void miner_begin(struct play *p);
void miner_end(struct play *p);
/* The first request that waits is answered; the inference done; the time comes that it wanted to be woken at. */
void miner_answer(struct play *p);
void miner_infer(struct play *p);
void miner_wake(struct play *p);

/* miner_node.c: what goes to the process and comes from it. */
void miner_node(struct play *p);
void miner_event(struct play *p, const char *kind, const struct sent *about, unsigned status,
    struct pinf_span body);

#endif
