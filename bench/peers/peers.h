/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.h -- the alternatives, each as somebody would write it with the bare library.  Only for
 * comparison: nothing in pinf calls them.
 */
#ifndef PINF_BENCH_PEERS_H
#define PINF_BENCH_PEERS_H

#include <stddef.h>
#include <stdint.h>

struct peers;

struct peers *peers_new(void);
void peers_free(struct peers *peers);

/* A 32-byte key from info: HMAC midstates, nettle's HMAC keyed anew, EVP_KDF, keyed BLAKE2b. */
void peers_derive_midstate(
    struct peers *peers, const uint8_t *info, size_t info_len, uint8_t out[static 32]);
void peers_derive_hmac(
    struct peers *peers, const uint8_t *info, size_t info_len, uint8_t out[static 32]);
void
peers_derive_evp(struct peers *peers, const uint8_t *info, size_t info_len, uint8_t out[static 32]);
void peers_derive_blake2b(
    struct peers *peers, const uint8_t *info, size_t info_len, uint8_t out[static 32]);

/* One AEAD call over the whole input; out holds len + 16 bytes.  evp_fresh makes a context a call. */
void peers_seal_aes_evp(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out);
void peers_seal_aes_evp_fresh(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out);
void peers_seal_aes_sodium(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out);
void peers_seal_chacha_sodium(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out);
void peers_seal_xchacha_sodium(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out);
/* SHA-256 of the input by EVP with a reused context. */
void peers_sha256_evp(struct peers *peers, const uint8_t *in, size_t len, uint8_t out[static 32]);

#endif
