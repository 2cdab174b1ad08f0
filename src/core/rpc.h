/* SPDX-License-Identifier: Apache-2.0 */
/* rpc.h -- JSON-RPC batches to an Ethereum node, and its replies.  spec/chain.md#json-rpc. */
#ifndef PINF_CORE_RPC_H
#define PINF_CORE_RPC_H

#include "core/abi.h"
#include "core/json.h"

#define PINF_RPC_CALLS_MAX 1024 /* of one batch */
#define PINF_RPC_REPLY_MAX ((size_t)16 << 20) /* bytes of one reply */

struct pinf_rpc_block {
	uint64_t number;
	struct pinf_hash hash;
	uint64_t timestamp_s;
};

/*
 * A batch, appended to out.  Its calls have the ids 0, 1, 2, .. in order of adding.  Errors stick
 * until pinf_rpc_end(): E_TOO_LARGE for a call too many, E_NO_MEMORY; out then means nothing.
 */
struct pinf_rpc_batch {
	struct pinf_json_writer json;
	size_t calls; /* added so far; what pinf_rpc_parse wants to know */
};

struct pinf_rpc_batch pinf_rpc_begin(struct pinf_bytes *out);
void pinf_rpc_chain_id(struct pinf_rpc_batch *batch);
void pinf_rpc_block_latest(struct pinf_rpc_batch *batch);
/* The code at that address, after the newest block. */
void pinf_rpc_code(struct pinf_rpc_batch *batch, const struct pinf_address *address);
/* In the state after that very block, which must be of the node's chain still (EIP-1898). */
void pinf_rpc_call_at_hash(struct pinf_rpc_batch *batch, const struct pinf_address *to,
    const struct pinf_abi_call *call, const struct pinf_hash *block_hash);
void pinf_rpc_call_at(struct pinf_rpc_batch *batch, const struct pinf_address *to,
    const struct pinf_abi_call *call, uint64_t number);
/* A batch has at least one call. */
PINF_MUST_CHECK enum pinf_err pinf_rpc_end(struct pinf_rpc_batch *batch);

/* The reply to a batch of 1 to PINF_RPC_CALLS_MAX calls.  Freed by the caller; NULL is fine. */
struct pinf_rpc_reply;
/*
 * *reply is set on success only, when every call has its one answer, which may be a failure.
 * JSON's errors (a body that is none: E_SYNTAX), E_TYPE (no array: a refusal of the whole batch),
 * E_MISSING, E_TOO_LARGE, E_DUPLICATE, E_RANGE, E_UNKNOWN_FIELD: CHAIN-12 to CHAIN-14.
 */
PINF_MUST_CHECK enum pinf_err
pinf_rpc_parse(struct pinf_rpc_reply **reply, struct pinf_span body, size_t calls);
void pinf_rpc_free(struct pinf_rpc_reply *reply);

/*
 * Of the call with that id, below the batch's calls.  Whether the node failed it, and then the
 * node's code (CHAIN-13), which is all that is kept: its message may say anything.  Reading the
 * result of a failed call is E_IO.  Outputs are written on success only.
 */
bool pinf_rpc_failed(const struct pinf_rpc_reply *reply, size_t index, int32_t *code);
/* A quantity: E_TYPE, E_SYNTAX, E_NOT_CANONICAL; E_RANGE above max. */
PINF_MUST_CHECK enum pinf_err
pinf_rpc_uint(const struct pinf_rpc_reply *reply, size_t index, uint64_t max, uint64_t *value);
/* E_NOT_FOUND: the node has no such block.  Else as a quantity, E_MISSING, E_LENGTH, E_TOO_LARGE. */
PINF_MUST_CHECK enum pinf_err
pinf_rpc_block(const struct pinf_rpc_reply *reply, size_t index, struct pinf_rpc_block *block);
/* Appends data of up to max bytes: E_TYPE, E_SYNTAX, E_LENGTH (half a byte), E_TOO_LARGE, E_NO_MEMORY. */
PINF_MUST_CHECK enum pinf_err
pinf_rpc_data(const struct pinf_rpc_reply *reply, size_t index, size_t max, struct pinf_bytes *out);

#endif
