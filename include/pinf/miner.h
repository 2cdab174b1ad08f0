/* SPDX-License-Identifier: Apache-2.0 */
/*
 * miner.h -- the miner's core: claim, acknowledge, get keys, infer, seal, put, precommit, commit.
 * Sans-IO like the router's.  Holds nothing durable: an attempt dies with the process, its lease runs
 * out, and the task goes to a new attempt under a new key.  spec/states.md.
 */
#ifndef PINF_MINER_H
#define PINF_MINER_H

#include <pinf/event.h>
#include <pinf/wallet.h>

#define PINF_MINER_SLOTS_MAX 64

struct pinf_miner_config {
	struct pinf_address router; /* identity, known from configuration */
	struct pinf_domain domain;
	struct pinf_storage storage;
	enum pinf_suite suite;
	uint64_t only_session; /* 0: any */
	uint32_t slots; /* tasks at once */
	uint32_t wait_ms; /* how long a claim may wait at the router */
	uint32_t retry_ms; /* pause after a failure, doubled up to retry_max_ms */
	uint32_t retry_max_ms;
	uint32_t send_timeout_ms;
	bool padded;
};
struct pinf_miner_config pinf_miner_defaults(void);

struct pinf_miner;

/* Copies config and wallet (wiped when freed); borrows random. */
PINF_MUST_CHECK enum pinf_err
pinf_miner_open(struct pinf_miner **miner, const struct pinf_miner_config *config,
    const struct pinf_wallet *wallet, struct pinf_random random);
void pinf_miner_free(struct pinf_miner *miner);
/*
 * One event; the first is a TIMER.  E_NO_MEMORY is the only error: drop the effects, free the miner and open
 * another one.  Its leases run out; nothing durable is lost.
 */
PINF_MUST_CHECK enum pinf_err pinf_miner_step(
    struct pinf_miner *miner, const struct pinf_event *event, struct pinf_effects *effects);
/* Whether no slot has a task.  After STOP nothing new is claimed, and a late lease is given back. */
bool pinf_miner_idle(const struct pinf_miner *miner);

#endif
