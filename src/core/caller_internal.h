/* SPDX-License-Identifier: Apache-2.0 */
/* caller_internal.h -- a caller's state, shared by its two halves. */
#ifndef PINF_CORE_CALLER_INTERNAL_H
#define PINF_CORE_CALLER_INTERNAL_H

#include <pinf/caller.h>

#include "core/send.h"

/* RECALL: what was submitted under this reference before; in the place of SEAL and PUT. */
enum step { RESERVE, INPUT_KEY, RECALL, SEAL, PUT, SUBMIT, RESULT_KEY, FETCH, STEPS };

struct pinf_caller {
	struct pinf_caller_config config;
	struct pinf_sender sender;
	enum pinf_caller_state state;
	enum step step;
	uint64_t last_id; /* ids of effects: each asking has its own */
	uint64_t asked_id; /* of the effect whose answer is awaited; 0: none */
	uint64_t clock_ms; /* now, as pauses are measured */
	uint64_t retry_at_ms; /* none is awaited: when to ask again */
	uint64_t deadline_ms; /* 0: set at the next asking */
	struct pinf_bytes document; /* until it goes to be sealed */
	struct pinf_hash document_sha256;
	uint64_t seal_id; /* the driver keeps sealed bytes under it; 0: none */
	struct pinf_key_request request;
	struct pinf_key key;
	bool looked_again; /* at the reservation, when it had moved on */
	bool sealed_too_late; /* the reservation began again, and the document is gone */
	struct pinf_payload input; /* size 0: not sealed yet, by this caller or an earlier one */
	struct pinf_payload result;
	struct pinf_bytes opened;
	struct pinf_api_error error;
};

/* Asks for what the step is about, under a new id. */
enum pinf_err caller_ask(struct pinf_caller *c, struct pinf_effects *effects, uint64_t now_ms);

#endif
