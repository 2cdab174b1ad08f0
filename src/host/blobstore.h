/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobstore.h -- blob storage "fs": create-only files named by their SHA-256, each durable before
 * its put returns.  Any number of threads may use one store.  spec/effects.md.
 */
#ifndef PINF_HOST_BLOBSTORE_H
#define PINF_HOST_BLOBSTORE_H

#include <pinf/base.h>

struct pinf_blobs;

/* Opens or creates the directory root and sweeps what a crash left of unfinished puts. */
PINF_MUST_CHECK enum pinf_err
pinf_blobs_open(struct pinf_blobs **blobs, const char *root, struct pinf_bytes *message);
void pinf_blobs_free(struct pinf_blobs *blobs);

/*
 * Create-only and content-checked.  A blob that is already there is a success.  E_HASH_MISMATCH,
 * E_SIZE_MISMATCH: the bytes are not the announced ones; E_CONFLICT: a damaged blob of that name
 * lies there; E_FULL, E_IO.
 */
PINF_MUST_CHECK enum pinf_err
pinf_blobs_put(struct pinf_blobs *blobs, const struct pinf_hash *sha256, struct pinf_span data);

/* The same in pieces.  finish and abort end the writer; nothing is there before finish succeeds. */
struct pinf_blob_writer;
PINF_MUST_CHECK enum pinf_err
pinf_blobs_begin(struct pinf_blobs *blobs, struct pinf_blob_writer **writer);
PINF_MUST_CHECK enum pinf_err
pinf_blobs_write(struct pinf_blob_writer *writer, struct pinf_span data);
PINF_MUST_CHECK enum pinf_err
pinf_blobs_finish(struct pinf_blob_writer *writer, const struct pinf_hash *sha256, uint64_t size);
void pinf_blobs_abort(struct pinf_blob_writer *writer); /* NULL is fine */

/* For reading in pieces: a descriptor that the caller closes, and the file's size.  E_NO_BLOB. */
PINF_MUST_CHECK enum pinf_err
pinf_blobs_get(struct pinf_blobs *blobs, const struct pinf_hash *sha256, int *fd, uint64_t *size);
/*
 * Streams a blob through SHA-256: E_NO_BLOB, E_SIZE_MISMATCH, E_HASH_MISMATCH.  whole, if not
 * NULL, gets all of it appended, else head (if not NULL) its first bytes, up to its cap.
 */
PINF_MUST_CHECK enum pinf_err pinf_blobs_verify(struct pinf_blobs *blobs,
    const struct pinf_hash *sha256, uint64_t size, struct pinf_bytes *whole, struct pinf_buf *head);
/* One that is not there is a success. */
PINF_MUST_CHECK enum pinf_err
pinf_blobs_delete(struct pinf_blobs *blobs, const struct pinf_hash *sha256);

#endif
