/* SPDX-License-Identifier: Apache-2.0 */
/* scope.c -- fuzzes scopes: their encoding is injective, and whoever takes one gives it back.  spec/scope.md. */
#include <string.h>

#include <pinf/keyring.h>
#include <pinf/scope.h>

#include "common.h"

/* Of any fields: what is valid has one encoding, the other has none. */
static void
try_fields(struct fuzz_input *in)
{
	struct pinf_scope scope = {.kind = (enum pinf_scope_kind)(fuzz_byte(in) % 4),
	    .purpose = (enum pinf_purpose)(fuzz_byte(in) % 4)};
	struct pinf_scope again;
	uint8_t bytes[PINF_SCOPE_MAX];
	enum pinf_err err;

	fuzz_fill(in, &scope.session, sizeof scope.session);
	fuzz_fill(in, &scope.task, sizeof scope.task);
	fuzz_fill(in, scope.instance, sizeof scope.instance);
	fuzz_fill(in, &scope.attempt, sizeof scope.attempt);
	fuzz_fill(in, scope.miner.bytes, sizeof scope.miner.bytes);
	err = pinf_scope_check(&scope);
	fuzz_check_named(err);
	again = scope;
	again.purpose =
	    scope.purpose == PINF_PURPOSE_INPUT ? PINF_PURPOSE_RESULT : PINF_PURPOSE_INPUT;
	fuzz_check(pinf_scope_equal(&scope, &scope) && !pinf_scope_equal(&scope, &again),
	    "a scope is itself and no other");
	if (err != PINF_OK)
		return;
	fuzz_check(pinf_scope_decode(&again,
		       (struct pinf_span){bytes, pinf_scope_encode(bytes, &scope)}) == PINF_OK &&
		       pinf_scope_equal(&scope, &again),
	    "what is valid encodes, and decodes to the same");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const bool fields = fuzz_byte(&in) == 'f';
	struct pinf_span bytes;
	struct pinf_scope scope, other;
	uint8_t again[PINF_SCOPE_MAX], changed[PINF_SCOPE_MAX];
	enum pinf_err err;

	if (fields) {
		try_fields(&in);
		return 0;
	}
	bytes = fuzz_rest(&in, SIZE_MAX);
	err = pinf_scope_decode(&scope, bytes);
	fuzz_check_named(err);
	if (err != PINF_OK)
		return 0;
	fuzz_check(bytes.len == PINF_SCOPE_INPUT_LEN || bytes.len == PINF_SCOPE_RESULT_LEN,
	    "one of two lengths");
	fuzz_check(pinf_scope_check(&scope) == PINF_OK, "what decodes is valid");
	fuzz_check(pinf_scope_encode(again, &scope) == bytes.len &&
		       memcmp(again, bytes.data, bytes.len) == 0,
	    "one scope, one encoding");
	for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
		memcpy(changed, bytes.data, bytes.len);
		changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (pinf_scope_decode(&other, (struct pinf_span){changed, bytes.len}) == PINF_OK)
			fuzz_check(
			    !pinf_scope_equal(&scope, &other), "another encoding is another scope");
	}
	fuzz_check(
	    pinf_scope_decode(&other, (struct pinf_span){bytes.data, bytes.len - 1}) != PINF_OK,
	    "no prefix is one");
	return 0;
}
