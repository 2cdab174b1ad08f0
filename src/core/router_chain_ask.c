/* SPDX-License-Identifier: Apache-2.0 */
/* router_chain_ask.c -- what a node is asked about sessions, and what it answers.  spec/acl.md#contract. */
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/router_chain.h"

enum { NEWEST, CONFIRMED };

static struct chain_side *
side_of(struct chain_reading *reading, int which)
{
	return which == NEWEST ? &reading->newest : &reading->confirmed;
}

static bool
asks_owner(const struct pinf_router *r)
{
	static const struct pinf_address none = {{0}};

	return !pinf_address_equal(&r->config.acl.chain.session_data, &none);
}

enum pinf_err
chain_put_head(const struct pinf_router *r, struct pinf_bytes *out)
{
	struct pinf_rpc_batch batch = pinf_rpc_begin(out);

	pinf_rpc_chain_id(&batch);
	pinf_rpc_block_latest(&batch);
	pinf_rpc_code(&batch, &r->api.domain.contract);
	return pinf_rpc_end(&batch);
}

enum pinf_err
chain_take_head(const struct pinf_router *r, struct pinf_span body, struct pinf_rpc_block *newest)
{
	struct pinf_rpc_reply *reply = NULL;
	struct pinf_rpc_block block;
	struct pinf_bytes code = {0};
	uint64_t chain_id = 0;
	enum pinf_err err = pinf_rpc_parse(&reply, body, 3);

	if (err != PINF_OK)
		return err;
	err = pinf_rpc_uint(reply, 0, PINF_ID_MAX, &chain_id);
	if (err == PINF_OK && chain_id != r->api.domain.chain_id && !PINF_BUG(chain_id_unchecked))
		err = PINF_E_CHAIN_ID;
	if (err == PINF_OK)
		err = pinf_rpc_block(reply, 1, &block);
	if (err == PINF_OK)
		err = pinf_rpc_data(reply, 2, CHAIN_ANSWER_MAX, &code);
	if (err == PINF_OK && code.len == 0)
		err = PINF_E_CHAIN_CODE;
	if (err == PINF_OK && block.timestamp_s < ROUTER_CLOCK_MAX_MS / 1000 &&
	    block.timestamp_s * 1000 + r->config.acl.chain.stall_ms < r->now_ms)
		err = PINF_E_CHAIN_STALLED;
	if (err == PINF_OK)
		*newest = block;
	pinf_bytes_free(&code);
	pinf_rpc_free(reply);
	return err;
}

static uint64_t
confirmed_block(const struct pinf_router *r, const struct chain_node *node)
{
	const uint64_t depth = r->config.acl.chain.confirmations;

	return node->newest.number > depth ? node->newest.number - depth : 0;
}

/* The newest block by its hash, so that a reorganisation in between is seen; the other is below any. */
static void
put_call(const struct pinf_router *r, const struct chain_node *node, int which,
    struct pinf_rpc_batch *batch, const struct pinf_abi_call *call, bool to_session_data)
{
	const struct pinf_address *to =
	    to_session_data ? &r->config.acl.chain.session_data : &r->api.domain.contract;

	if (which == NEWEST)
		pinf_rpc_call_at_hash(batch, to, call, &node->newest.hash);
	else
		pinf_rpc_call_at(batch, to, call, confirmed_block(r, node));
}

static struct pinf_abi_call
about(const char *signature, uint64_t session)
{
	struct pinf_abi_call call = pinf_abi_call(signature);

	pinf_abi_put_uint(&call, session);
	return call;
}

static bool
lacks(const struct chain_read *read, int which)
{
	const struct chain_side *side =
	    which == NEWEST ? &read->reading.newest : &read->reading.confirmed;

	return !read->failed && (!read->begun || side->count < read->total[which]);
}

bool
chain_read_done(const struct chain_read *read)
{
	return !lacks(read, NEWEST) && !lacks(read, CONFIRMED);
}

static void
put_page(const struct pinf_router *r, const struct chain_node *node, const struct chain_read *read,
    int which, struct pinf_rpc_batch *batch)
{
	struct pinf_abi_call call = about(CHAIN_MINERS, read->session);

	pinf_abi_put_uint(
	    &call, which == NEWEST ? read->reading.newest.count : read->reading.confirmed.count);
	pinf_abi_put_uint(&call, CHAIN_PAGE);
	put_call(r, node, which, batch, &call, false);
}

static void
put_first(const struct pinf_router *r, const struct chain_node *node, const struct chain_read *read,
    int which, struct pinf_rpc_batch *batch)
{
	struct pinf_abi_call call = about(CHAIN_ENCRYPTED, read->session);

	put_call(r, node, which, batch, &call, false);
	call = about(CHAIN_MINERS_COUNT, read->session);
	put_call(r, node, which, batch, &call, false);
	call = about(CHAIN_OWNER, read->session);
	if (asks_owner(r))
		put_call(r, node, which, batch, &call, true);
}

enum pinf_err
chain_put_reads(const struct pinf_router *r, const struct chain_node *node, struct pinf_bytes *out)
{
	struct pinf_rpc_batch batch = pinf_rpc_begin(out);

	for (size_t i = 0; i < node->read_count; i++)
		for (int which = NEWEST; which <= CONFIRMED; which++) {
			const struct chain_read *read = &node->reads[i];

			if (!lacks(read, which))
				continue;
			if (!read->begun)
				put_first(r, node, read, which, &batch);
			put_page(r, node, read, which, &batch);
		}
	return pinf_rpc_end(&batch);
}

/* One answer after the other, in the order of the calls. */
struct cursor {
	struct pinf_rpc_reply *reply;
	size_t at;
	struct pinf_bytes data;
};

/* The next answer's bytes.  Below the contract's creation there is no code, and so no answer. */
static enum pinf_err
take(struct cursor *cursor, int which, bool *absent)
{
	enum pinf_err err;

	cursor->data.len = 0;
	err = pinf_rpc_data(cursor->reply, cursor->at++, CHAIN_ANSWER_MAX, &cursor->data);
	*absent = err == PINF_OK && which == CONFIRMED && cursor->data.len == 0;
	return err;
}

static enum pinf_err
take_first(const struct pinf_router *r, struct cursor *cursor, struct chain_read *read, int which)
{
	struct chain_side *side = side_of(&read->reading, which);
	bool absent = false;
	enum pinf_err err = take(cursor, which, &absent), more;

	if (err == PINF_OK && !absent)
		err = pinf_abi_bool(pinf_span_of(&cursor->data), &side->is_private);
	more = take(cursor, which, &absent);
	if (more == PINF_OK && !absent)
		more = pinf_abi_uint(
		    pinf_span_of(&cursor->data), PINF_ALLOWED_MINERS_MAX, &read->total[which]);
	if (err == PINF_OK)
		err = more;
	if (!asks_owner(r))
		return err;
	more = take(cursor, which, &absent);
	if (more == PINF_OK && !absent)
		more = pinf_abi_address(pinf_span_of(&cursor->data), &side->owner);
	return err == PINF_OK ? more : err;
}

/* A page that is short of what the count promised never fills the list up. */
static enum pinf_err
take_page(struct cursor *cursor, struct chain_read *read, int which)
{
	struct chain_side *side = side_of(&read->reading, which);
	const uint64_t rest = read->total[which] - side->count;
	const size_t want = rest < CHAIN_PAGE ? (size_t)rest : CHAIN_PAGE;
	struct pinf_address *grown;
	size_t got = 0;
	bool absent = false;
	enum pinf_err err = take(cursor, which, &absent);

	if (err != PINF_OK || absent)
		return err;
	grown = realloc(side->miners, (side->count + want + 1) * sizeof *grown);
	if (grown == NULL)
		return PINF_E_NO_MEMORY;
	side->miners = grown;
	err =
	    pinf_abi_addresses(pinf_span_of(&cursor->data), side->miners + side->count, want, &got);
	if (err == PINF_OK && got != want)
		err = PINF_E_SIZE_MISMATCH;
	if (err == PINF_OK)
		side->count += got;
	return err;
}

static size_t
calls_of(const struct pinf_router *r, const struct chain_read *read)
{
	const size_t each = read->begun ? 1 : asks_owner(r) ? 4 : 3;

	return each * ((size_t)lacks(read, NEWEST) + (size_t)lacks(read, CONFIRMED));
}

static enum pinf_err
take_read(const struct pinf_router *r, struct cursor *cursor, struct chain_read *read)
{
	const size_t end = cursor->at + calls_of(r, read);
	const bool first = !read->begun, asked[] = {lacks(read, NEWEST), lacks(read, CONFIRMED)};
	enum pinf_err err = PINF_OK;

	read->begun = true;
	for (int which = NEWEST; which <= CONFIRMED && err == PINF_OK; which++) {
		if (!asked[which])
			continue;
		if (first)
			err = take_first(r, cursor, read, which);
		if (err == PINF_OK)
			err = take_page(cursor, read, which);
	}
	cursor->at = end;
	read->failed = err != PINF_OK;
	return err == PINF_E_NO_MEMORY ? err : PINF_OK;
}

enum pinf_err
chain_take_reads(const struct pinf_router *r, struct chain_node *node, struct pinf_span body)
{
	struct cursor cursor = {0};
	size_t calls = 0;
	enum pinf_err err;

	for (size_t i = 0; i < node->read_count; i++)
		calls += calls_of(r, &node->reads[i]);
	err = pinf_rpc_parse(&cursor.reply, body, calls);
	if (err != PINF_OK)
		return err;
	for (size_t i = 0; i < node->read_count && err == PINF_OK; i++) {
		struct chain_read *read = &node->reads[i];

		err = take_read(r, &cursor, read);
		read->reading.newest.block = node->newest.number;
		read->reading.confirmed.block = confirmed_block(r, node);
	}
	pinf_bytes_free(&cursor.data);
	pinf_rpc_free(cursor.reply);
	return err;
}

void
chain_reads_free(struct chain_node *node)
{
	for (size_t i = 0; i < node->read_count; i++) {
		free(node->reads[i].reading.newest.miners);
		free(node->reads[i].reading.confirmed.miners);
	}
	node->read_count = 0;
}
