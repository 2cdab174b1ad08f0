/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h -- sealed blobs a second time, by the libraries that src/crypto does not use for it: AES-256-GCM by libsodium,
 * ChaCha20-Poly1305 and HKDF by libcrypto; layout and padding read off spec/blob.md.
 */
#ifndef PINF_FUZZ_PEER_H
#define PINF_FUZZ_PEER_H

#include <pinf/blob.h>

/* False: this machine's libsodium has no AES. */
bool fuzz_peer_has(enum pinf_suite suite);

/* Header with its commitment, and the blob's key, from the scope's. */
void fuzz_peer_begin(struct pinf_key *key, uint8_t header[static PINF_BLOB_HEADER_LEN],
    const struct pinf_blob_params *params, const uint8_t salt[static PINF_SALT_LEN],
    const struct pinf_key *scope_key);
/* A chunk of plain.len + 16 bytes, and back; false: it does not open. */
void fuzz_peer_seal(const struct pinf_blob_params *params, const struct pinf_key *key,
    uint64_t index, bool last, struct pinf_span plain, uint8_t *out);
bool fuzz_peer_open(const struct pinf_blob_params *params, const struct pinf_key *key,
    uint64_t index, bool last, struct pinf_span sealed, uint8_t *out);
/* BLOB-21, BLOB-22: the padded length of n bytes in chunks with room for that many. */
uint64_t fuzz_peer_padded(uint64_t n, uint64_t room);

#endif
