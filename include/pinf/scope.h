/* SPDX-License-Identifier: Apache-2.0 */
/* scope.h -- what a key is for.  Fixed width, big-endian, injective.  spec/scope.md. */
#ifndef PINF_SCOPE_H
#define PINF_SCOPE_H

#include <pinf/base.h>

enum pinf_scope_kind { PINF_SCOPE_SESSION = 1, PINF_SCOPE_TASK = 2 };
enum pinf_purpose { PINF_PURPOSE_INPUT = 1, PINF_PURPOSE_RESULT = 2 };

/* kind 1, purpose 1, session 8, task 8, instance 16 = 34; results add attempt 4, miner 20. */
#define PINF_SCOPE_INPUT_LEN  34
#define PINF_SCOPE_RESULT_LEN 58
#define PINF_SCOPE_MAX        PINF_SCOPE_RESULT_LEN

struct pinf_scope {
	enum pinf_scope_kind kind;
	enum pinf_purpose purpose;
	uint64_t session; /* 1 .. PINF_ID_MAX */
	uint64_t task; /* 0 for session scopes, else 1 .. PINF_ID_MAX */
	uint8_t instance[PINF_INSTANCE_LEN]; /* drawn when the session or task was created */
	uint32_t attempt; /* results only, from 1; else 0 */
	struct pinf_address miner; /* results only; else zero */
};

/* E_ID_RANGE, or E_SCOPE where fields contradict (a result of a session; an input with an attempt). */
PINF_MUST_CHECK enum pinf_err pinf_scope_check(const struct pinf_scope *scope);
/* Encodes a valid scope; returns PINF_SCOPE_INPUT_LEN or PINF_SCOPE_RESULT_LEN. */
size_t pinf_scope_encode(uint8_t out[static PINF_SCOPE_MAX], const struct pinf_scope *scope);
/* Exactly one encoding, no more and no fewer bytes.  E_LENGTH, E_ID_RANGE, E_SCOPE. */
PINF_MUST_CHECK enum pinf_err pinf_scope_decode(struct pinf_scope *scope, struct pinf_span in);
bool pinf_scope_equal(const struct pinf_scope *a, const struct pinf_scope *b);

#endif
