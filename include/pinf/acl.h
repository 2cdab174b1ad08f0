/* SPDX-License-Identifier: Apache-2.0 */
/* acl.h -- which miners the lists of which sessions name: one look-up a decision.  spec/acl.md. */
#ifndef PINF_ACL_H
#define PINF_ACL_H

#include <pinf/store.h>

/* A set of members of whole sessions, hashed under a key of its own: nobody can choose addresses that collide. */
struct pinf_acl;

PINF_MUST_CHECK enum pinf_err pinf_acl_new(struct pinf_acl **acl, struct pinf_random random);
void pinf_acl_free(struct pinf_acl *acl); /* NULL is fine */
void pinf_acl_clear(struct pinf_acl *acl);
/* Both are idempotent; the member's task is 0.  E_NO_MEMORY. */
PINF_MUST_CHECK enum pinf_err pinf_acl_add(struct pinf_acl *acl, const struct pinf_member *member);
void pinf_acl_remove(struct pinf_acl *acl, const struct pinf_member *member);
/* The sources whose list for that session names the miner: bit 1 << source each. */
unsigned
pinf_acl_sources(const struct pinf_acl *acl, uint64_t session, const struct pinf_address *miner);
/* Pairs of session and miner. */
size_t pinf_acl_count(const struct pinf_acl *acl);

#endif
