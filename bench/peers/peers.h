/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.h -- the alternatives, each as somebody would write it with the bare library.  Only for
 * comparison: nothing in pinf calls them.
 */
#ifndef PINF_BENCH_PEERS_H
#define PINF_BENCH_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include <pinf/blob.h>

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
/* len + 16 bytes of peers_seal_aes_evp's, with a reused context; aborts where the tag is wrong. */
void peers_open_aes_evp(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out);
/* As it is often written: a key by EVP_PKEY, then a context for one call. */
void peers_derive_and_seal(struct peers *peers, const uint8_t *info, size_t info_len,
    const uint8_t *in, size_t len, uint8_t *out);
/*
 * A blob of one chunk, as the specification reads with EVP_PKEY for each HKDF and a context for one call.  header has all
 * before the commitment; out gets the blob, len + PINF_BLOB_HEADER_LEN + 16 bytes.
 */
void peers_seal_blob(struct peers *peers, struct pinf_span scope,
    const uint8_t header[static PINF_BLOB_HEADER_LEN], struct pinf_span in, uint8_t *out);
/* Hashes of the whole input; evp with a reused context. */
void peers_sha256_evp(struct peers *peers, const uint8_t *in, size_t len, uint8_t out[static 32]);
void peers_sha256_sodium(const uint8_t *in, size_t len, uint8_t out[static 32]);
void peers_blake2b_sodium(const uint8_t *in, size_t len, uint8_t out[static 32]);

#endif
