/* SPDX-License-Identifier: Apache-2.0 */
/* rpc.c -- JSON-RPC batches out, their replies in.  spec/chain.md#json-rpc. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/be.h"
#include "core/rpc.h"

#define ANSWERS    "answers"
#define DIGITS_MAX 16 /* of a quantity */

/* A parsed reply: the document, and a reader on each answer, by id. */
struct pinf_rpc_reply {
	struct pinf_json *json;
	size_t calls;
	struct pinf_json_reader answer[];
};

struct pinf_rpc_batch
pinf_rpc_begin(struct pinf_bytes *out)
{
	struct pinf_rpc_batch batch = {.json = pinf_json_write_to(out)};

	pinf_json_open(&batch.json, NULL, '[');
	return batch;
}

/* A call up to its first parameter. */
static void
open_call(struct pinf_rpc_batch *batch, const char *method)
{
	struct pinf_json_writer *json = &batch->json;

	if (batch->calls == PINF_RPC_CALLS_MAX && json->err == PINF_OK)
		json->err = PINF_E_TOO_LARGE;
	pinf_json_open(json, NULL, '{');
	pinf_json_put_str(json, "jsonrpc", "2.0");
	pinf_json_put_uint(json, "id", batch->calls++);
	pinf_json_put_str(json, "method", method);
	pinf_json_open(json, "params", '[');
}

static void
close_call(struct pinf_rpc_batch *batch)
{
	pinf_json_close(&batch->json, ']');
	pinf_json_close(&batch->json, '}');
}

static void
put_quantity(struct pinf_rpc_batch *batch, uint64_t value)
{
	char text[2 + 16 + 1];

	(void)snprintf(text, sizeof text, "0x%" PRIx64, value);
	pinf_json_put_str(&batch->json, NULL, text);
}

void
pinf_rpc_chain_id(struct pinf_rpc_batch *batch)
{
	open_call(batch, "eth_chainId");
	close_call(batch);
}

void
pinf_rpc_block_latest(struct pinf_rpc_batch *batch)
{
	open_call(batch, "eth_getBlockByNumber");
	pinf_json_put_str(&batch->json, NULL, "latest");
	pinf_json_put_bool(&batch->json, NULL, false); /* the transactions' hashes are enough */
	close_call(batch);
}

void
pinf_rpc_code(struct pinf_rpc_batch *batch, const struct pinf_address *address)
{
	open_call(batch, "eth_getCode");
	pinf_json_put_address(&batch->json, NULL, address);
	pinf_json_put_str(&batch->json, NULL, "latest");
	close_call(batch);
}

static void
open_eth_call(
    struct pinf_rpc_batch *batch, const struct pinf_address *to, const struct pinf_abi_call *call)
{
	open_call(batch, "eth_call");
	pinf_json_open(&batch->json, NULL, '{');
	pinf_json_put_address(&batch->json, "to", to);
	pinf_json_put_hex(&batch->json, "data", true, call->bytes, call->len);
	pinf_json_close(&batch->json, '}');
}

void
pinf_rpc_call_at_hash(struct pinf_rpc_batch *batch, const struct pinf_address *to,
    const struct pinf_abi_call *call, const struct pinf_hash *block_hash)
{
	struct pinf_json_writer *json = &batch->json;

	open_eth_call(batch, to, call);
	pinf_json_open(json, NULL, '{');
	pinf_json_put_hex(json, "blockHash", true, block_hash->bytes, sizeof block_hash->bytes);
	pinf_json_put_bool(json, "requireCanonical", true);
	pinf_json_close(json, '}');
	close_call(batch);
}

void
pinf_rpc_call_at(struct pinf_rpc_batch *batch, const struct pinf_address *to,
    const struct pinf_abi_call *call, uint64_t number)
{
	open_eth_call(batch, to, call);
	put_quantity(batch, number);
	close_call(batch);
}

enum pinf_err
pinf_rpc_end(struct pinf_rpc_batch *batch)
{
	assert(batch->calls > 0); /* JSON-RPC has no empty batch */
	pinf_json_close(&batch->json, ']');
	return pinf_json_written(&batch->json);
}

/* What an answer must be; nodes add members of their own.  Its id; an error sticks to answer. */
static uint64_t
check_answer(struct pinf_json_reader *answer, size_t calls)
{
	struct pinf_span version;
	uint64_t id;

	pinf_json_text(answer, "jsonrpc", true, &version);
	if (answer->err == PINF_OK && !pinf_span_equal(version, pinf_span_str("2.0")))
		pinf_json_fail(answer, "jsonrpc", PINF_E_RANGE);
	pinf_json_uint(answer, "id", true, calls - 1, &id);
	if (pinf_json_has(answer, "error")) {
		struct pinf_json_reader error = pinf_json_object(answer, "error", true);
		int32_t code;

		pinf_json_int32(&error, "code", true, &code);
		if (error.err != PINF_OK)
			pinf_json_fail(answer, "code", error.err);
		if (pinf_json_has(answer, "result"))
			pinf_json_fail(answer, "error", PINF_E_UNKNOWN_FIELD);
	} else if (!pinf_json_has(answer, "result")) {
		pinf_json_fail(answer, "result", PINF_E_MISSING);
	}
	return id;
}

/* Sorts the answers by id. */
static enum pinf_err
take_answers(struct pinf_rpc_reply *reply)
{
	struct pinf_json_reader root = pinf_json_root(reply->json);

	if (pinf_json_array(&root, ANSWERS, true, reply->calls) < reply->calls)
		pinf_json_fail(&root, ANSWERS, PINF_E_MISSING);
	for (size_t i = 0; i < reply->calls && root.err == PINF_OK; i++) {
		struct pinf_json_reader answer = pinf_json_item(&root, ANSWERS, i);
		const uint64_t id = check_answer(&answer, reply->calls);

		if (reply->answer[id].object != NULL)
			pinf_json_fail(&answer, "id", PINF_E_DUPLICATE);
		if (root.err == PINF_OK)
			root.err = answer.err;
		reply->answer[id] = answer;
	}
	return root.err;
}

enum pinf_err
pinf_rpc_parse(struct pinf_rpc_reply **reply, struct pinf_span body, size_t calls)
{
	struct pinf_rpc_reply *parsed;
	enum pinf_err err;

	assert(calls > 0 && calls <= PINF_RPC_CALLS_MAX);
	parsed = calloc(1, sizeof *parsed + calls * sizeof *parsed->answer);
	if (parsed == NULL)
		return PINF_E_NO_MEMORY;
	parsed->calls = calls;
	err = pinf_json_parse_as(&parsed->json, ANSWERS, body, PINF_RPC_REPLY_MAX);
	if (err == PINF_OK)
		err = take_answers(parsed);
	if (err == PINF_OK)
		*reply = parsed;
	else
		pinf_rpc_free(parsed);
	return err;
}

void
pinf_rpc_free(struct pinf_rpc_reply *reply)
{
	if (reply != NULL)
		pinf_json_free(reply->json);
	free(reply);
}

/* A copy, so that what one reading finds wrong sticks to no other. */
static struct pinf_json_reader
answer_of(const struct pinf_rpc_reply *reply, size_t index)
{
	assert(index < reply->calls);
	return reply->answer[index];
}

bool
pinf_rpc_failed(const struct pinf_rpc_reply *reply, size_t index, int32_t *code)
{
	struct pinf_json_reader answer = answer_of(reply, index);
	struct pinf_json_reader error = pinf_json_object(&answer, "error", false);

	if (error.object == NULL)
		return false;
	pinf_json_int32(&error, "code", true, code);
	return true;
}

/* A reader on the answer of a call that did not fail. */
static enum pinf_err
result_of(const struct pinf_rpc_reply *reply, size_t index, struct pinf_json_reader *answer)
{
	*answer = answer_of(reply, index);
	return pinf_json_has(answer, "error") ? PINF_E_IO : PINF_OK;
}

/* The digits of "0x..". */
static struct pinf_span
hex_digits(struct pinf_json_reader *reader, const char *name)
{
	struct pinf_span text;

	pinf_json_text(reader, name, true, &text);
	if (reader->err != PINF_OK)
		return (struct pinf_span){0};
	if (text.len < 2 || text.data[0] != '0' || text.data[1] != 'x') {
		pinf_json_fail(reader, name, PINF_E_SYNTAX);
		return (struct pinf_span){0};
	}
	return (struct pinf_span){text.data + 2, text.len - 2};
}

/* Up to 16 digits without a leading zero. */
static uint64_t
quantity(struct pinf_json_reader *reader, const char *name, uint64_t max)
{
	const struct pinf_span digits = hex_digits(reader, name);
	uint8_t padded[DIGITS_MAX], word[DIGITS_MAX / 2] = {0};
	enum pinf_err err = PINF_E_SYNTAX;

	if (digits.len > 1 && digits.data[0] == '0' && !PINF_BUG(rpc_leading_zeros)) {
		err = PINF_E_NOT_CANONICAL;
	} else if (digits.len > DIGITS_MAX) {
		err = PINF_E_RANGE;
	} else if (digits.len > 0) {
		memset(padded, '0', sizeof padded);
		memcpy(padded + DIGITS_MAX - digits.len, digits.data, digits.len);
		err =
		    pinf_unhex(word, sizeof word, (struct pinf_span){padded, sizeof padded}, true);
	}
	if (err == PINF_OK && pinf_be_get(word, sizeof word) > max)
		err = PINF_E_RANGE;
	if (err != PINF_OK)
		pinf_json_fail(reader, name, err);
	return pinf_be_get(word, sizeof word);
}

enum pinf_err
pinf_rpc_uint(const struct pinf_rpc_reply *reply, size_t index, uint64_t max, uint64_t *value)
{
	struct pinf_json_reader answer;
	enum pinf_err err = result_of(reply, index, &answer);
	uint64_t read;

	if (err != PINF_OK)
		return err;
	read = quantity(&answer, "result", max);
	if (answer.err == PINF_OK)
		*value = read;
	return answer.err;
}

enum pinf_err
pinf_rpc_block(const struct pinf_rpc_reply *reply, size_t index, struct pinf_rpc_block *block)
{
	struct pinf_json_reader answer, result;
	struct pinf_rpc_block read;
	enum pinf_err err = result_of(reply, index, &answer);

	if (err != PINF_OK)
		return err;
	if (pinf_json_is_null(&answer, "result"))
		return PINF_E_NOT_FOUND;
	result = pinf_json_object(&answer, "result", true);
	if (answer.err != PINF_OK)
		return answer.err;
	read.number = quantity(&result, "number", PINF_ID_MAX);
	pinf_json_hex(&result, "hash", true, true, read.hash.bytes, sizeof read.hash.bytes);
	read.timestamp_s = quantity(&result, "timestamp", PINF_ID_MAX);
	if (result.err == PINF_OK)
		*block = read;
	return result.err;
}

enum pinf_err
pinf_rpc_data(const struct pinf_rpc_reply *reply, size_t index, size_t max, struct pinf_bytes *out)
{
	struct pinf_json_reader answer;
	struct pinf_span digits;
	enum pinf_err err = result_of(reply, index, &answer);

	if (err != PINF_OK)
		return err;
	digits = hex_digits(&answer, "result");
	if (answer.err != PINF_OK)
		return answer.err;
	if (digits.len / 2 > max)
		return PINF_E_TOO_LARGE;
	err = pinf_bytes_reserve(out, out->len + digits.len / 2);
	if (err == PINF_OK)
		err = pinf_unhex(out->data + out->len, digits.len / 2, digits, true);
	if (err == PINF_OK)
		out->data[out->len += digits.len / 2] = 0;
	return err;
}
