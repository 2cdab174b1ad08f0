/* SPDX-License-Identifier: Apache-2.0 */
/* payload.h -- payload metadata: what queue, API and miners carry for a payload.  spec/payload.md. */
#ifndef PINF_PAYLOAD_H
#define PINF_PAYLOAD_H

#include <pinf/base.h>
#include <pinf/blob.h>
#include <pinf/urn.h>

#define PINF_INLINE_MAX       4096 /* bytes of a public document that may travel inline */
#define PINF_PAYLOAD_JSON_MAX 32768 /* an inline document escaped throughout fits */

/*
 * Either a reference to a blob (urn, sha256, size) or, for public sessions, an inline document.
 * A copyable value without pointers.
 */
struct pinf_payload {
	char urn[PINF_URN_MAX + 1]; /* canonical; empty when inline */
	struct pinf_hash sha256; /* of the blob's bytes as stored, or of the inline document */
	uint64_t size; /* bytes of the same */
	enum pinf_suite suite; /* PINF_SUITE_NONE: not encrypted */
	uint32_t key_version; /* encrypted only, from 1 */
	struct pinf_scope scope; /* encrypted only */
	uint32_t inline_len;
	uint8_t inline_data[PINF_INLINE_MAX]; /* nothing is written behind inline_len */
};

/*
 * Strict: E_SYNTAX, E_UTF8, E_DUPLICATE, E_UNKNOWN_FIELD (names that begin with "x-" are let
 * through), E_MISSING, E_TYPE, E_URN_*, E_HASH, E_RANGE, E_ID_RANGE, E_ENCRYPTION, E_SCOPE,
 * and for inline documents E_TOO_LARGE, E_SIZE_MISMATCH, E_HASH_MISMATCH.
 */
PINF_MUST_CHECK enum pinf_err
pinf_payload_decode(struct pinf_payload *payload, struct pinf_span json);
/* Appends the canonical (RFC 8785) object. */
PINF_MUST_CHECK enum pinf_err
pinf_payload_encode(struct pinf_bytes *out, const struct pinf_payload *payload);
/* Whether a sealed blob's header is the one that the metadata promises: E_SCOPE_MISMATCH, E_BLOB_*. */
PINF_MUST_CHECK enum pinf_err
pinf_payload_check_header(const struct pinf_payload *payload, struct pinf_span blob);
bool pinf_payload_equal(const struct pinf_payload *a, const struct pinf_payload *b);

#endif
