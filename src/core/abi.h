/* SPDX-License-Identifier: Apache-2.0 */
/* abi.h -- calls of Ethereum contracts and what they return, byte for byte.  spec/chain.md#abi. */
#ifndef PINF_CORE_ABI_H
#define PINF_CORE_ABI_H

#include <pinf/base.h>

#define PINF_ABI_WORD     ((size_t)32) /* bytes: an integer, a bool, an address or an offset */
#define PINF_ABI_ARGS_MAX 3

/* A call: the selector, then one word for each argument, in the signature's order. */
struct pinf_abi_call {
	uint8_t bytes[4 + PINF_ABI_ARGS_MAX * PINF_ABI_WORD];
	size_t len;
};

/* signature: "getAllowedMiners(uint256,uint256,uint256)"; its types as the ABI names them, no spaces. */
struct pinf_abi_call pinf_abi_call(const char *signature);
void pinf_abi_put_uint(struct pinf_abi_call *call, uint64_t value);
void pinf_abi_put_address(struct pinf_abi_call *call, const struct pinf_address *address);

/*
 * One returned value, out of exactly one word; out is written on success only.  E_LENGTH (where
 * there is no contract, nothing comes back), E_NOT_CANONICAL; E_ID_RANGE above max.
 */
PINF_MUST_CHECK enum pinf_err pinf_abi_bool(struct pinf_span in, bool *out);
PINF_MUST_CHECK enum pinf_err pinf_abi_uint(struct pinf_span in, uint64_t max, uint64_t *out);
PINF_MUST_CHECK enum pinf_err pinf_abi_address(struct pinf_span in, struct pinf_address *out);
/*
 * A lone address[] of up to max elements, in the contract's order.  out and count are written on
 * success only, and of out the first *count elements.  E_LENGTH, E_NOT_CANONICAL, E_TOO_LARGE.
 */
PINF_MUST_CHECK enum pinf_err
pinf_abi_addresses(struct pinf_span in, struct pinf_address *out, size_t max, size_t *count);

#endif
