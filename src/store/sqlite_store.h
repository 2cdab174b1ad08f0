/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_store.h -- the store on SQLite: WAL, synchronous=FULL, exclusive locking.  spec/store.md.
 */
#ifndef PINF_SQLITE_STORE_H
#define PINF_SQLITE_STORE_H

#include <pinf/store.h>

struct pinf_sqlite_options {
	const char *path;
	const char *vfs; /* NULL: the operating system's */
	bool read_only; /* for "pinf audit": never writes, never creates */
	uint32_t cache_kib; /* 0: 16 MiB */
};

/*
 * Opens or creates, migrates, and checks integrity; the file is created 0600.  E_CORRUPT names a
 * damaged file, E_STATE a schema newer than this program, E_BUSY another process that holds it.
 */
PINF_MUST_CHECK enum pinf_err
pinf_sqlite_open(struct pinf_store *store, const struct pinf_sqlite_options *options);
/* Checkpoints the WAL and closes; NULL ctx is fine. */
void pinf_sqlite_close(struct pinf_store *store);
/* The last error of the medium in SQLite's words (no data): for the log. */
const char *pinf_sqlite_message(const struct pinf_store *store);

#endif
