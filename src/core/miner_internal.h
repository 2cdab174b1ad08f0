/* SPDX-License-Identifier: Apache-2.0 */
/* miner_internal.h -- the miner's slots, shared by what it asks (miner_ask.c) and what it is told. */
#ifndef PINF_CORE_MINER_INTERNAL_H
#define PINF_CORE_MINER_INTERNAL_H

#include <pinf/miner.h>

#include "core/send.h"

#define MINER_REPLY_MAX   65536
#define MINER_RETRIES_MAX 4 /* of one request of an attempt; then the lease is left to run out */

enum slot_state {
	SLOT_IDLE,
	SLOT_CLAIM,
	SLOT_ACK,
	SLOT_INPUT_KEY,
	SLOT_FETCH,
	SLOT_INFER,
	SLOT_RESULT_KEY,
	SLOT_SEAL,
	SLOT_PUT,
	SLOT_PRECOMMIT,
	SLOT_COMMIT,
	SLOT_RELEASE
};

/* One attempt.  Nothing here outlives it, least of all a key. */
struct slot {
	enum slot_state state;
	uint64_t pending; /* id of the effect that is awaited; 0: none, see retry_at_ms */
	uint64_t retry_at_ms;
	unsigned failures; /* in a row */
	uint64_t session;
	uint64_t task;
	uint8_t instance[PINF_INSTANCE_LEN];
	uint32_t attempt;
	uint64_t epoch;
	uint32_t key_version;
	uint64_t lease_expires_ms;
	bool sealed; /* the result must be */
	uint64_t seal_id; /* the driver keeps the sealed result under it; 0: none */
	struct pinf_payload input;
	struct pinf_payload result;
	struct pinf_key key; /* of the purpose in hand */
	struct pinf_key_request key_request; /* in flight */
	struct pinf_bytes document; /* input, later result, in the clear */
};

struct pinf_miner {
	struct pinf_miner_config config;
	struct pinf_wallet wallet;
	struct pinf_random random;
	uint64_t next_id;
	uint64_t now_ms; /* what is signed */
	uint64_t clock_ms; /* what pauses and leases are measured by */
	bool stopping;
	struct slot slots[PINF_MINER_SLOTS_MAX];
};

/* Asks for what the slot's state needs next; also the way to ask again. */
PINF_MUST_CHECK enum pinf_err
miner_act(struct pinf_miner *m, struct slot *slot, struct pinf_effects *fx);
struct pinf_sender miner_sender(const struct pinf_miner *m, const struct slot *slot);
/* The scope that this attempt's result is sealed for. */
struct pinf_scope miner_result_scope(const struct pinf_miner *m, const struct slot *slot);

#endif
