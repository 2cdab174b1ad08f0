/* SPDX-License-Identifier: Apache-2.0 */
/* send.h -- wallet-signed SEND and FETCH effects, for the miner's and the caller's cores.  spec/auth.md. */
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

#endif
