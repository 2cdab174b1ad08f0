/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h -- texts as one would read them by hand, or with the bare library.  Only for comparison. */
#ifndef PINF_BENCH_CODEC_H
#define PINF_BENCH_CODEC_H

#include <stddef.h>
#include <stdint.h>

#define PEERS_URN_FIELDS 5

/* "urn:blob:" and five fields of unreserved and escaped characters, one pass over a table; 0: it is none. */
int peers_urn_split(const uint8_t *text, size_t len, size_t starts[static PEERS_URN_FIELDS]);
/* cJSON's tree of it, made and freed; 0: it is none. */
int peers_json_parse(const char *text, size_t len);

#endif
