/* SPDX-License-Identifier: Apache-2.0 */
/* allowlist.h -- ENCRYPTION_ALLOWED_LIST: who may work, as the environment says it.  spec/allowlist.md. */
#ifndef PINF_CORE_ALLOWLIST_H
#define PINF_CORE_ALLOWLIST_H

#include <pinf/base.h>

#define PINF_ALLOWLIST_MAX 100000 /* entries: one for each miner in each list */

struct pinf_allowlist_entry {
	uint64_t session;
	uint64_t task; /* 0: the whole session */
	struct pinf_address miner;
};

/*
 * *entries is the caller's to free(); sorted by session, task and miner, without duplicates, at
 * least one.  On failure nothing is written but *column: from 1, of the byte that is wrong, one
 * past the text where it ends too early.  E_SYNTAX, E_ID_RANGE, E_ADDRESS, E_MISSING,
 * E_NOT_CANONICAL, E_DUPLICATE, E_CONFLICT, E_TOO_LARGE: ALLOW-2 to ALLOW-8; E_NO_MEMORY.
 */
PINF_MUST_CHECK enum pinf_err pinf_allowlist_parse(
    struct pinf_allowlist_entry **entries, size_t *count, struct pinf_span text, size_t *column);

/* Of parsed entries.  Where the task has a list of its own, that alone counts; else the session's. */
bool pinf_allowlist_has(const struct pinf_allowlist_entry *entries, size_t count, uint64_t session,
    uint64_t task, const struct pinf_address *miner);
/* Whether any list of the session, or of one of its tasks, has the miner. */
bool pinf_allowlist_any(const struct pinf_allowlist_entry *entries, size_t count, uint64_t session,
    const struct pinf_address *miner);
/* Whether there is any list of the session, or of one of its tasks. */
bool
pinf_allowlist_names(const struct pinf_allowlist_entry *entries, size_t count, uint64_t session);

#endif
