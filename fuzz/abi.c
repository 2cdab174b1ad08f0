/* SPDX-License-Identifier: Apache-2.0 */
/* abi.c -- fuzzes the decoders of what contracts return.  spec/chain.md#abi. */
#include <string.h>

#include "core/abi.h"

#include "common.h"

#define MAX      8 /* elements of an address[] */
#define SELECTOR 4

/* The words that the library itself writes: encoding what was decoded must give the input back. */
static bool
encodes_to(const struct pinf_abi_call *call, struct pinf_span in)
{
	return pinf_span_equal(
	    (struct pinf_span){call->bytes + SELECTOR, call->len - SELECTOR}, in);
}

static void
check_word(struct pinf_span in)
{
	struct pinf_abi_call of_bool = pinf_abi_call("f()"), of_uint = of_bool,
			     of_address = of_bool;
	struct pinf_address address = {{0xee}};
	uint64_t value = 4711, capped = 4711;
	bool flag = true;
	const enum pinf_err bool_err = pinf_abi_bool(in, &flag);
	const enum pinf_err uint_err = pinf_abi_uint(in, UINT64_MAX, &value);
	const enum pinf_err address_err = pinf_abi_address(in, &address);
	const enum pinf_err capped_err = pinf_abi_uint(in, PINF_ID_MAX, &capped);

	fuzz_check((bool_err == PINF_E_LENGTH) == (in.len != PINF_ABI_WORD) &&
		       (uint_err == PINF_E_LENGTH) == (in.len != PINF_ABI_WORD) &&
		       (address_err == PINF_E_LENGTH) == (in.len != PINF_ABI_WORD),
	    "one word and nothing else");
	pinf_abi_put_uint(&of_bool, flag);
	pinf_abi_put_uint(&of_uint, value);
	pinf_abi_put_address(&of_address, &address);
	fuzz_check(bool_err == PINF_OK ? encodes_to(&of_bool, in) : flag, "a bool, or untouched");
	fuzz_check(uint_err == PINF_OK ? encodes_to(&of_uint, in) : value == 4711,
	    "an integer, or untouched");
	fuzz_check(address_err == PINF_OK ? encodes_to(&of_address, in) : address.bytes[0] == 0xee,
	    "an address, or untouched");
	fuzz_check((capped_err == PINF_OK) == (uint_err == PINF_OK && value <= PINF_ID_MAX) &&
		       capped == (capped_err == PINF_OK ? value : 4711),
	    "the maximum is the only difference that it makes");
	fuzz_check(bool_err != PINF_OK || (uint_err == PINF_OK && address_err == PINF_OK),
	    "a bool is an integer, and that an address");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pinf_span in = {data, size};
	struct pinf_address out[MAX], untouched[MAX];
	uint8_t again[(2 + MAX) * PINF_ABI_WORD] = {0};
	size_t count = 4711;
	enum pinf_err err;

	check_word(in);
	memset(untouched, 0xee, sizeof untouched);
	memcpy(out, untouched, sizeof out);
	err = pinf_abi_addresses(in, out, MAX, &count);
	fuzz_check_named(err);
	if (err != PINF_OK) {
		fuzz_check(count == 4711 && memcmp(out, untouched, sizeof out) == 0, "untouched");
		return 0;
	}
	fuzz_check(count <= MAX && size == (2 + count) * PINF_ABI_WORD, "its length");
	again[31] = PINF_ABI_WORD;
	again[63] = (uint8_t)count;
	for (size_t i = 0; i < count; i++)
		memcpy(again + (2 + i) * PINF_ABI_WORD + 12, out[i].bytes, sizeof out[i].bytes);
	fuzz_check(memcmp(again, data, size) == 0, "what was decoded encodes to the input");
	fuzz_check(count == MAX || memcmp(out + count, untouched, sizeof *out) == 0, "no further");
	return 0;
}
