/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobfile.h -- sealing and opening from file to file, any size, with threads: memory is a few
 * MiB a thread.  Output goes to a temporary file that gets its name at the end; a failure leaves
 * nothing.  Not synced to disk: like cp, the source is still there.
 */
#ifndef PINF_HOST_BLOBFILE_H
#define PINF_HOST_BLOBFILE_H

#include <pinf/blob.h>

#define PINF_BLOBFILE_THREADS_MAX 64

struct pinf_blobfile {
	const char *from; /* a regular file */
	const char *to; /* replaced if it exists */
	const struct pinf_key *scope_key;
	unsigned threads; /* 1 .. PINF_BLOBFILE_THREADS_MAX, the caller's included */
};

struct pinf_blobfile_info {
	struct pinf_hash sha256; /* of the sealed bytes */
	uint64_t sealed_len;
	uint64_t plain_len;
};

/* info may be NULL for both.  File errors: E_NOT_FOUND, E_PERMISSION, E_FULL, E_IO. */
PINF_MUST_CHECK enum pinf_err
pinf_blobfile_seal(const struct pinf_blobfile *file, const struct pinf_blob_params *params,
    struct pinf_random random, struct pinf_blobfile_info *info);
/* expected may be NULL: any scope.  E_SCOPE_MISMATCH, E_BLOB_*. */
PINF_MUST_CHECK enum pinf_err pinf_blobfile_open(const struct pinf_blobfile *file,
    const struct pinf_scope *expected, struct pinf_blobfile_info *info);

/*
 * Appends the real bytes first .. first + len - 1 (fewer where the plaintext ends before) to
 * plain; proves these chunks and the header, not that the blob ends where it should.  Reads
 * file->from only; len is at most PINF_BLOBFILE_RANGE_MAX.
 */
#define PINF_BLOBFILE_RANGE_MAX ((uint64_t)1 << 30)
struct pinf_range {
	uint64_t first;
	uint64_t len;
};
PINF_MUST_CHECK enum pinf_err pinf_blobfile_range(const struct pinf_blobfile *file,
    const struct pinf_scope *expected, const struct pinf_range *range, struct pinf_bytes *plain);

#endif
