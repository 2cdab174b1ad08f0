/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hpke_schedule.h -- HPKE without its random numbers: what hpke.c is made of, and what the
 * published vectors can be held against.  RFC 9180 sections 4.1, 5.1, 7.1.3.
 */
#ifndef PINF_CORE_HPKE_SCHEDULE_H
#define PINF_CORE_HPKE_SCHEDULE_H

#include <pinf/hpke.h>

#include "crypto/crypto.h"

#define PINF_HPKE_NONCE_LEN 12

struct pinf_hpke_schedule {
	struct pinf_hmac secret; /* the PRK that everything else is expanded from */
	uint8_t context[1 + 2 * PINF_HASH_LEN]; /* mode || psk_id_hash || info_hash */
};

/* DeriveKeyPair: seed (the RFC's ikm) is 32 random bytes. */
void pinf_hpke_derive_pair(struct pinf_hpke_keypair *pair, const struct pinf_key *seed);
/*
 * Key schedule of a sender (own = ephemeral, peer = recipient) or receiver (own = recipient,
 * peer = enc).  E_HPKE for a low-order peer.  The caller wipes schedule.
 */
PINF_MUST_CHECK enum pinf_err
pinf_hpke_schedule(struct pinf_hpke_schedule *schedule, const struct pinf_hpke_keypair *own,
    const uint8_t peer[static PINF_HPKE_PUBLIC_LEN], bool sender, struct pinf_span info);
/* LabeledExpand(secret, label, context, len): label is "key", "base_nonce" or "exp"; len <= 32. */
void pinf_hpke_expand(
    const struct pinf_hpke_schedule *schedule, const char *label, uint8_t *out, size_t len);

#endif
