/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h -- the hash chain of the audit log: how it grows and how it is checked.  spec/audit.md. */
#ifndef PINF_CORE_AUDIT_H
#define PINF_CORE_AUDIT_H

#include <pinf/store.h>

/* Sets seq and head of a record whose other fields are set.  former: the last one; NULL if none. */
void pinf_audit_seal(struct pinf_audit *record, const struct pinf_audit *former);

/* What the log is held against.  A head that somebody kept elsewhere is what shows truncation. */
struct pinf_audit_expect {
	struct pinf_domain domain;
	struct pinf_address router; /* whose signature a checkpoint must carry */
	uint64_t head_seq; /* 0: no head is known */
	struct pinf_hash head;
};

struct pinf_audit_report {
	uint64_t records; /* good ones, from the first */
	uint64_t of_kind[PINF_AUDIT_KINDS];
	struct pinf_hash head; /* of the last good record; zero if none */
	uint64_t checkpoint_seq; /* of the last signed checkpoint; 0: there is none */
	uint64_t bad_seq; /* E_TAMPERED: the first record that is missing or wrong, else 0 */
};

/*
 * Walks the whole log: sequence, chain, last checkpoint with its signature, expected head.
 * E_TAMPERED, or the store's error; report is filled as far as the walk came either way.
 */
PINF_MUST_CHECK enum pinf_err pinf_audit_verify(const struct pinf_store *store,
    const struct pinf_audit_expect *expect, struct pinf_audit_report *report);

#endif
