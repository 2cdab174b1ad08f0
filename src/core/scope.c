/* SPDX-License-Identifier: Apache-2.0 */
/* scope.c -- what a key is for, in fixed-width big-endian bytes.  spec/scope.md. */
#include <assert.h>
#include <string.h>

#include <pinf/bug.h>
#include <pinf/scope.h>

#include "core/be.h"

static bool
valid_id(uint64_t id)
{
	return id >= 1 && id <= PINF_ID_MAX;
}

enum pinf_err
pinf_scope_check(const struct pinf_scope *scope)
{
	static const struct pinf_address nobody;
	const bool of_task = scope->kind == PINF_SCOPE_TASK;
	const bool of_result = scope->purpose == PINF_PURPOSE_RESULT;

	if (!of_task && scope->kind != PINF_SCOPE_SESSION)
		return PINF_E_SCOPE;
	if (!of_result && scope->purpose != PINF_PURPOSE_INPUT)
		return PINF_E_SCOPE;
	if (!of_task && (of_result || scope->task != 0))
		return PINF_E_SCOPE;
	if (of_result != (scope->attempt != 0))
		return PINF_E_SCOPE;
	if (of_result == pinf_address_equal(&scope->miner, &nobody))
		return PINF_E_SCOPE;
	if (!valid_id(scope->session) || (of_task && !valid_id(scope->task)))
		return PINF_E_ID_RANGE;
	return PINF_OK;
}

size_t
pinf_scope_encode(uint8_t out[static PINF_SCOPE_MAX], const struct pinf_scope *scope)
{
	assert(pinf_scope_check(scope) == PINF_OK);
	out[0] = (uint8_t)scope->kind;
	out[1] = (uint8_t)scope->purpose;
	pinf_be_put(out + 2, 8, scope->session);
	pinf_be_put(out + 10, 8, scope->task);
	memcpy(out + 18, scope->instance, PINF_INSTANCE_LEN);
	if (scope->purpose == PINF_PURPOSE_INPUT)
		return PINF_SCOPE_INPUT_LEN;
	pinf_be_put(out + 34, 4, scope->attempt);
	memcpy(out + 38, scope->miner.bytes, PINF_ADDRESS_LEN);
	return PINF_SCOPE_RESULT_LEN;
}

enum pinf_err
pinf_scope_decode(struct pinf_scope *scope, struct pinf_span in)
{
	struct pinf_scope s = {0};
	enum pinf_err err;

	if (in.len != PINF_SCOPE_INPUT_LEN && in.len != PINF_SCOPE_RESULT_LEN)
		return PINF_E_LENGTH;
	if ((in.data[1] == PINF_PURPOSE_RESULT) != (in.len == PINF_SCOPE_RESULT_LEN))
		return PINF_E_LENGTH;
	s.kind = in.data[0];
	s.purpose = in.data[1];
	s.session = pinf_be_get(in.data + 2, 8);
	s.task = pinf_be_get(in.data + 10, 8);
	memcpy(s.instance, in.data + 18, PINF_INSTANCE_LEN);
	if (in.len == PINF_SCOPE_RESULT_LEN) {
		s.attempt = (uint32_t)pinf_be_get(in.data + 34, 4);
		memcpy(s.miner.bytes, in.data + 38, PINF_ADDRESS_LEN);
	}
	err = pinf_scope_check(&s);
	if (err == PINF_E_ID_RANGE && PINF_BUG(scope_id_unbounded))
		err = PINF_OK;
	if (err == PINF_OK)
		*scope = s;
	return err;
}

bool
pinf_scope_equal(const struct pinf_scope *a, const struct pinf_scope *b)
{
	return a->kind == b->kind && a->purpose == b->purpose && a->session == b->session &&
	       a->task == b->task && a->attempt == b->attempt &&
	       memcmp(a->instance, b->instance, PINF_INSTANCE_LEN) == 0 &&
	       pinf_address_equal(&a->miner, &b->miner);
}
