/* SPDX-License-Identifier: Apache-2.0 */
/* hpke.h -- RFC 9180 base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. */
#ifndef PINF_HPKE_H
#define PINF_HPKE_H

#include <pinf/base.h>

#define PINF_HPKE_PUBLIC_LEN 32

struct pinf_hpke_keypair {
	struct pinf_key secret;
	uint8_t public_key[PINF_HPKE_PUBLIC_LEN];
};

/* DeriveKeyPair (RFC 9180 section 7.1.3) of 32 random bytes. */
PINF_MUST_CHECK enum pinf_err
pinf_hpke_keypair(struct pinf_hpke_keypair *pair, struct pinf_random random);

/* Single shot.  sealed gets plain.len + 16 bytes.  E_HPKE for a low-order public key. */
PINF_MUST_CHECK enum pinf_err pinf_hpke_seal(uint8_t enc[static PINF_HPKE_PUBLIC_LEN],
    uint8_t *sealed, const uint8_t recipient[static PINF_HPKE_PUBLIC_LEN], struct pinf_span info,
    struct pinf_span ad, struct pinf_span plain, struct pinf_random random);
/* plain gets sealed.len - 16 bytes.  E_HPKE where it does not open. */
PINF_MUST_CHECK enum pinf_err pinf_hpke_open(uint8_t *plain,
    const uint8_t enc[static PINF_HPKE_PUBLIC_LEN], const struct pinf_hpke_keypair *pair,
    struct pinf_span info, struct pinf_span ad, struct pinf_span sealed);

#endif
