/* SPDX-License-Identifier: Apache-2.0 */
/* rpc.c -- fuzzes replies of Ethereum nodes: a byte for the batch's calls, then the body.  spec/chain.md#json-rpc. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/rpc.h"

#include "common.h"

#define CALLS_MAX 8
#define DATA_MAX  64

/* Whether the body holds the text in quotes: what was read must stand there. */
static bool
holds(struct pinf_span body, const char *text)
{
	char quoted[2 * DATA_MAX + 8];
	const size_t len = (size_t)snprintf(quoted, sizeof quoted, "\"%s\"", text);

	for (size_t at = 0; at + len <= body.len; at++)
		if (memcmp(body.data + at, quoted, len) == 0)
			return true;
	/* Or it stands there with escapes. */
	return memchr(body.data, '\\', body.len) != NULL;
}

static void
check_answer(const struct pinf_rpc_reply *reply, size_t index, struct pinf_span body)
{
	char text[2 + 2 * DATA_MAX + 1];
	struct pinf_rpc_block block = {.number = 4711, .timestamp_s = 4711};
	struct pinf_bytes data = {0};
	uint64_t value = 4711, small = 4711;
	int32_t code = 4711;
	const bool failed = pinf_rpc_failed(reply, index, &code);
	const enum pinf_err uint_err = pinf_rpc_uint(reply, index, UINT64_MAX, &value);
	const enum pinf_err small_err = pinf_rpc_uint(reply, index, 255, &small);
	const enum pinf_err block_err = pinf_rpc_block(reply, index, &block);
	const enum pinf_err data_err = pinf_rpc_data(reply, index, DATA_MAX, &data);

	fuzz_check(failed == (uint_err == PINF_E_IO) && failed == (block_err == PINF_E_IO) &&
		       failed == (data_err == PINF_E_IO) && (failed || code == 4711),
	    "a failed call has a code, and no result");
	fuzz_check(
	    failed || block_err == PINF_E_TYPE || uint_err == PINF_E_TYPE, "a result's type");
	fuzz_check((small_err == PINF_OK) == (uint_err == PINF_OK && value <= 255) &&
		       small == (small_err == PINF_OK ? value : 4711),
	    "the maximum is the only difference that it makes");
	(void)snprintf(text, sizeof text, "0x%" PRIx64, value);
	fuzz_check(uint_err == PINF_OK ? holds(body, text) : value == 4711, "one spelling");
	if (block_err == PINF_OK) {
		(void)snprintf(text, sizeof text, "0x%" PRIx64, block.timestamp_s);
		fuzz_check(block.number <= PINF_ID_MAX && holds(body, text), "a block");
	} else {
		fuzz_check(block.number == 4711 && block.timestamp_s == 4711, "or untouched");
	}
	memcpy(text, "0x", 3);
	if (data_err == PINF_OK)
		pinf_hex(text + 2, data.data, data.len);
	fuzz_check(data_err == PINF_OK ? holds(body, text) : data.len == 0, "data, or untouched");
	pinf_bytes_free(&data);
}

/* A batch of the input's calls: JSON with so many, in order; one too many is refused. */
static void
check_batch(struct fuzz_input *in)
{
	static const struct pinf_address to = {{1}};
	static const struct pinf_hash block = {{2}};
	struct pinf_bytes text = {0};
	struct pinf_rpc_batch batch = pinf_rpc_begin(&text);
	struct pinf_abi_call call = pinf_abi_call("f()");
	const size_t calls = 1 + fuzz_byte(in) % 8u;
	size_t ids = 0;
	enum pinf_err err;

	for (size_t i = 0; i < calls; i++)
		switch (fuzz_byte(in) % 5) {
		case 0: pinf_rpc_chain_id(&batch); break;
		case 1: pinf_rpc_block_latest(&batch); break;
		case 2: pinf_rpc_code(&batch, &to); break;
		case 3: pinf_rpc_call_at_hash(&batch, &to, &call, &block); break;
		default: pinf_rpc_call_at(&batch, &to, &call, fuzz_below(in, UINT32_MAX));
		}
	err = pinf_rpc_end(&batch);
	fuzz_check(err == PINF_OK, "a batch has room for a few");
	for (size_t at = 0; at + 5 <= text.len && err == PINF_OK; at++)
		ids += memcmp(text.data + at, "\"id\":", 5) == 0;
	fuzz_check(err != PINF_OK ||
		       (ids == calls && pinf_json_check(pinf_span_of(&text), NULL) == PINF_OK),
	    "each call has its id");
	pinf_bytes_free(&text);
}

/* Once: a batch has an end. */
static void
check_room(void)
{
	for (size_t calls = PINF_RPC_CALLS_MAX; calls <= PINF_RPC_CALLS_MAX + 1; calls++) {
		struct pinf_bytes text = {0};
		struct pinf_rpc_batch batch = pinf_rpc_begin(&text);

		for (size_t i = 0; i < calls; i++)
			pinf_rpc_chain_id(&batch);
		fuzz_check(pinf_rpc_end(&batch) ==
			       (calls > PINF_RPC_CALLS_MAX ? PINF_E_TOO_LARGE : PINF_OK),
		    "a batch has room for so many");
		pinf_bytes_free(&text);
	}
}

static enum pinf_err
parse_starving(struct pinf_span in)
{
	struct pinf_rpc_reply *reply = NULL;
	struct pinf_bytes data = {0};
	enum pinf_err err;

	if (in.len == 0)
		return PINF_OK;
	err = pinf_rpc_parse(
	    &reply, (struct pinf_span){in.data + 1, in.len - 1}, 1 + in.data[0] % CALLS_MAX);
	if (err == PINF_OK)
		err = pinf_rpc_data(reply, 0, DATA_MAX, &data);
	pinf_rpc_free(reply);
	pinf_bytes_free(&data);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool roomy;
	struct fuzz_input in = {data + (size > 0), size - (size > 0)};
	const size_t calls = size > 0 ? 1 + data[0] % CALLS_MAX : 1;
	const struct pinf_span body = {data + (size > 0), size - (size > 0)};
	struct pinf_rpc_reply *reply = NULL;
	const enum pinf_err err = pinf_rpc_parse(&reply, body, calls);

	if (!roomy)
		check_room();
	roomy = true;
	if (size > 0 && data[0] >= 0xfe)
		check_batch(&in);
	fuzz_starve(parse_starving, (struct pinf_span){data, size});
	fuzz_check_named(err);
	fuzz_check((err == PINF_OK) == (reply != NULL), "a reply, or none");
	fuzz_check(err != PINF_OK || pinf_json_check(body, NULL) == PINF_OK, "of strict JSON");
	for (size_t i = 0; i < calls && err == PINF_OK; i++)
		check_answer(reply, i, body);
	pinf_rpc_free(reply);
	return 0;
}
