/* SPDX-License-Identifier: Apache-2.0 */
/* signatures.h -- the elliptic curves' own calls, without what a protocol makes of them.  Only for comparison. */
#ifndef PINF_BENCH_SIGNATURES_H
#define PINF_BENCH_SIGNATURES_H

#include <stdint.h>

/* A recoverable signature over 32 bytes, 65 bytes long, and the public key behind it (64 bytes). */
void peers_sign(
    const uint8_t secret[static 32], const uint8_t digest[static 32], uint8_t out[static 65]);
void peers_recover(
    const uint8_t signature[static 65], const uint8_t digest[static 32], uint8_t out[static 64]);
/* X25519 of a secret and a point. */
void peers_x25519(
    const uint8_t secret[static 32], const uint8_t point[static 32], uint8_t out[static 32]);

#endif
