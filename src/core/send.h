/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send.h -- what the miner's and the caller's cores share: wallet-signed SEND and FETCH effects, key
 * requests, the router's refusals.  spec/auth.md, spec/grants.md, spec/api.md#errors.
 */
#ifndef PINF_CORE_SEND_H
#define PINF_CORE_SEND_H

#include <pinf/event.h>

/* Who signs, for which router, and how long the driver waits for an answer. */
struct pinf_sender {
	const struct pinf_wallet *wallet;
	struct pinf_address router;
	struct pinf_domain domain;
	struct pinf_random random;
	uint32_t timeout_ms;
};

/* One request.  Zero what does not apply: no body, no session, no task. */
struct pinf_send {
	enum pinf_effect_kind kind; /* PINF_FX_SEND or PINF_FX_FETCH */
	uint64_t id;
	const char *method; /* static text */
	const char *path; /* with query; copied */
	struct pinf_bytes *body; /* moved into the effect on success; NULL: none */
	uint64_t seal_id; /* instead of a body: the blob sealed under this id ... */
	struct pinf_hash sealed_sha256; /* ... and its hash */
	uint64_t session;
	uint64_t task;
	uint64_t now_ms;
	struct pinf_effect *effect; /* set on success: for a FETCH's payload and key */
	struct pinf_hash digest; /* set on success: what a grant must name as its request */
};

/*
 * Appends the effect, signed anew (fresh nonce, expiry from now_ms); nothing is appended on failure.
 * E_NO_MEMORY, E_RANDOM, E_AUTH_SYNTAX and E_ID_RANGE (path or ids that cannot be signed).
 */
PINF_MUST_CHECK enum pinf_err pinf_send_signed(
    struct pinf_effects *effects, const struct pinf_sender *sender, struct pinf_send *send);

/*
 * One key asked of the router, from the request to its grant.  The asker sets scope, task and
 * key_version; each asking draws a new key pair.  Wipe it when done.
 */
struct pinf_key_request {
	struct pinf_scope scope; /* of the key; its kind picks the route */
	uint64_t task; /* for which it is asked */
	uint32_t key_version; /* of the task */
	struct pinf_hpke_keypair pair;
	struct pinf_hash digest;
};
PINF_MUST_CHECK enum pinf_err pinf_key_request_send(struct pinf_key_request *request,
    struct pinf_effects *effects, const struct pinf_sender *sender, uint64_t id, uint64_t now_ms);
/* The reply's body: what pinf_grant_decode and pinf_grant_open refuse, or E_GRANT_MISMATCH (version). */
PINF_MUST_CHECK enum pinf_err
pinf_key_request_take(struct pinf_key *key, const struct pinf_key_request *request,
    const struct pinf_sender *sender, const struct pinf_event *reply);

/* Whether the reply is a refusal, and then which: E_BUSY, E_IO, E_SYNTAX where its body is not the router's. */
bool pinf_reply_refused(struct pinf_api_error *error, const struct pinf_event *reply);

#endif
