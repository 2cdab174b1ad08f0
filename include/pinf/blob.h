/* SPDX-License-Identifier: Apache-2.0 */
/* blob.h -- sealed blobs: a header bound by derivation, then AEAD chunks (STREAM).  spec/blob.md. */
#ifndef PINF_BLOB_H
#define PINF_BLOB_H

#include <pinf/base.h>
#include <pinf/scope.h>

enum pinf_suite { PINF_SUITE_NONE = 0, PINF_SUITE_AES256GCM = 1, PINF_SUITE_CHACHA20POLY1305 = 2 };
const char *pinf_suite_name(enum pinf_suite suite); /* "aes-256-gcm"; "unknown" */

#define PINF_BLOB_HEADER_LEN 134
#define PINF_BLOB_CHUNK_LOG2 16 /* default: 64 KiB of plaintext a chunk */
#define PINF_BLOB_CHUNK_MIN  12
#define PINF_BLOB_CHUNK_MAX  20
#define PINF_BLOB_COUNT_LEN  4 /* real-byte count at the end of a padded chunk */
#define PINF_BLOB_PADDED_MIN 256 /* smallest padded plaintext */
#define PINF_BLOB_PLAIN_MAX  ((uint64_t)1 << 44)

struct pinf_blob_params {
	enum pinf_suite suite;
	uint8_t chunk_log2;
	bool padded;
	uint32_t key_version;
	struct pinf_scope scope;
};

/* Whether a blob can be sealed so: E_BLOB_SUITE, E_BLOB_HEADER (chunk size, key version), E_SCOPE, E_ID_RANGE. */
PINF_MUST_CHECK enum pinf_err pinf_blob_params_check(const struct pinf_blob_params *params);

struct pinf_blob_header {
	struct pinf_blob_params params;
	uint8_t salt[PINF_SALT_LEN];
	uint8_t commitment[PINF_HASH_LEN];
};

/* Syntax only: E_BLOB_TRUNCATED, _MAGIC, _VERSION, _SUITE, _HEADER.  Extra bytes after it are fine. */
PINF_MUST_CHECK enum pinf_err
pinf_blob_header_decode(struct pinf_blob_header *header, struct pinf_span in);
void pinf_blob_header_encode(
    uint8_t out[static PINF_BLOB_HEADER_LEN], const struct pinf_blob_header *header);

/* How a plaintext of some length lies in chunks. */
struct pinf_blob_plan {
	uint64_t chunks; /* at least 1 */
	uint64_t body_len; /* plaintext bytes, counts and padding included */
	uint64_t sealed_len; /* header, chunks and tags */
	uint32_t chunk_real; /* real bytes that a full chunk carries */
};

/* From the length of the real plaintext; E_TOO_LARGE above PINF_BLOB_PLAIN_MAX. */
PINF_MUST_CHECK enum pinf_err pinf_blob_plan(
    struct pinf_blob_plan *plan, const struct pinf_blob_params *params, uint64_t plain_len);
/* From the length of the sealed blob; E_BLOB_TRUNCATED where no plaintext has that length, E_TOO_LARGE. */
PINF_MUST_CHECK enum pinf_err pinf_blob_plan_sealed(
    struct pinf_blob_plan *plan, const struct pinf_blob_params *params, uint64_t sealed_len);
/* Where chunk index starts in the blob, and how long it is there, tag included. */
uint64_t pinf_blob_chunk_at(const struct pinf_blob_plan *plan,
    const struct pinf_blob_params *params, uint64_t index, size_t *sealed_len);

/*
 * Cipher context and key of the blob in hand.  One a thread; begin it again for the next blob
 * (that allocates nothing).  Wiped when freed.
 */
struct pinf_blob;
PINF_MUST_CHECK enum pinf_err pinf_blob_new(struct pinf_blob **blob);
void pinf_blob_free(struct pinf_blob *blob);
/* A second context with the same key and header, for another thread's chunks. */
PINF_MUST_CHECK enum pinf_err
pinf_blob_clone(struct pinf_blob **copy, const struct pinf_blob *blob);

/* Draws a salt, derives blob key and commitment from the scope's key, writes the header. */
PINF_MUST_CHECK enum pinf_err pinf_blob_seal_begin(struct pinf_blob *blob,
    const struct pinf_blob_params *params, const struct pinf_key *scope_key,
    struct pinf_random random, uint8_t header[static PINF_BLOB_HEADER_LEN]);
/* Checks the header and its commitment before anything is decrypted; expected may be NULL. */
PINF_MUST_CHECK enum pinf_err pinf_blob_open_begin(struct pinf_blob *blob, struct pinf_span header,
    const struct pinf_scope *expected, const struct pinf_key *scope_key);
const struct pinf_blob_params *pinf_blob_params_of(const struct pinf_blob *blob);

/*
 * Chunks append to out, which has data and room for the whole chunk: sealed_len of chunk_at() to
 * seal, 16 bytes fewer to open; else E_NO_ROOM.  A chunk that fails leaves out as it was, wiped.
 *
 * One chunk anywhere, for threads and ranges.  real is full (plan->chunk_real) in every chunk
 * before the plaintext's last, and empty in padding chunks.  It may lie where its chunk will: at
 * the end of out.
 */
PINF_MUST_CHECK enum pinf_err pinf_blob_seal_at(struct pinf_blob *blob,
    const struct pinf_blob_plan *plan, uint64_t index, struct pinf_span real, struct pinf_buf *out);
/*
 * Proves this chunk and its place, not that the blob ends where it should.  out gets the real
 * bytes.  E_LENGTH, E_BLOB_FORGED, E_BLOB_PADDING.
 */
PINF_MUST_CHECK enum pinf_err
pinf_blob_open_at(struct pinf_blob *blob, const struct pinf_blob_plan *plan, uint64_t index,
    struct pinf_span sealed, struct pinf_buf *out);

/*
 * In order, length unknown: every real but the last is full; the last data comes with end, and
 * is empty only where all is.  Then, while *more, call again with an empty real (padding chunks).
 */
PINF_MUST_CHECK enum pinf_err pinf_blob_seal_next(
    struct pinf_blob *blob, struct pinf_span real, bool end, struct pinf_buf *out, bool *more);
/*
 * In order, with all of the format's checks; end says that these are the blob's last bytes.
 * E_BLOB_TRUNCATED, E_LENGTH, E_BLOB_FORGED, E_BLOB_PADDING, E_TOO_LARGE.
 */
PINF_MUST_CHECK enum pinf_err pinf_blob_open_next(
    struct pinf_blob *blob, struct pinf_span sealed, bool end, struct pinf_buf *out);

/* One shot.  seal appends to sealed and gives the SHA-256 of the blob; open appends to plain. */
PINF_MUST_CHECK enum pinf_err
pinf_blob_seal(struct pinf_blob *blob, const struct pinf_blob_params *params,
    const struct pinf_key *scope_key, struct pinf_random random, struct pinf_span plain,
    struct pinf_bytes *sealed, struct pinf_hash *sha256);
PINF_MUST_CHECK enum pinf_err
pinf_blob_open(struct pinf_blob *blob, const struct pinf_scope *expected,
    const struct pinf_key *scope_key, struct pinf_span sealed, struct pinf_bytes *plain);
/* Header, scope, commitment and length, without decrypting: what a router may know of a result. */
PINF_MUST_CHECK enum pinf_err
pinf_blob_check(struct pinf_blob *blob, const struct pinf_scope *expected,
    const struct pinf_key *scope_key, struct pinf_span header, uint64_t sealed_len);

#endif
