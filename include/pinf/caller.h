/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caller.h -- one caller-sealed completion from the caller's side: reserve, get the input key, seal,
 * upload, submit, get the result key, fetch, open.  Sans-IO; "pinf complete" and the simulator's
 * callers drive it.  spec/api.md#completions.
 */
#ifndef PINF_CALLER_H
#define PINF_CALLER_H

#include <pinf/event.h>
#include <pinf/wallet.h>

struct pinf_caller_config {
	struct pinf_address router;
	struct pinf_domain domain;
	struct pinf_storage storage;
	enum pinf_suite suite;
	uint64_t session;
	uint32_t timeout_ms; /* of the task; 0: the router's own */
	uint32_t precommit_timeout_ms;
	/* Pause before a request that failed for the environment is sent again */
	uint32_t retry_ms;
	uint32_t send_timeout_ms;
	bool padded;
	char reference[PINF_REFERENCE_MAX + 1];
};

enum pinf_caller_state { PINF_CALLER_BUSY, PINF_CALLER_DONE, PINF_CALLER_FAILED };

struct pinf_caller;

/*
 * Moves document (a canonical input document) in; borrows wallet, random and the storage's names.
 * E_ID_RANGE (session), E_ENCRYPTION (suite), E_NO_MEMORY.
 */
PINF_MUST_CHECK enum pinf_err
pinf_caller_open(struct pinf_caller **caller, const struct pinf_caller_config *config,
    const struct pinf_wallet *wallet, struct pinf_bytes *document, struct pinf_random random);
void pinf_caller_free(struct pinf_caller *caller);
/*
 * One event; the first is a TIMER.  What fails for the environment is asked again after retry_ms,
 * while preparing, waiting and reading take no longer than timeout_ms each.  OPENED may carry the
 * status and body of a refusal, as REPLY does.  E_NO_MEMORY is the only error: the WAKE for the
 * next try was lost, a later TIMER makes up for it.
 */
PINF_MUST_CHECK enum pinf_err pinf_caller_step(
    struct pinf_caller *caller, const struct pinf_event *event, struct pinf_effects *effects);

enum pinf_caller_state pinf_caller_state(const struct pinf_caller *caller);
/* DONE: the result document; the caller object keeps it.  FAILED: error says why (the router's words). */
struct pinf_span pinf_caller_result(const struct pinf_caller *caller);
const struct pinf_api_error *pinf_caller_error(const struct pinf_caller *caller);
/* The task it got; 0 before the reservation. */
uint64_t pinf_caller_task(const struct pinf_caller *caller);

#endif
