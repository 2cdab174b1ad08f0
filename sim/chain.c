/* SPDX-License-Identifier: Apache-2.0 */
/* chain.c -- blocks, what they did, and JSON-RPC about it.  spec/simulation.md#chain. */
#include "chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/abi.h"
#include "core/be.h"
#include "core/json.h"
#include "crypto/crypto.h"
#include "memory.h"

#define SELECTOR_LEN 4
#define REQUEST_MAX  ((size_t)4 << 20)

uint64_t
sim_chain_newest(const struct sim_chain *chain)
{
	return chain->count - 1;
}

uint64_t
sim_chain_head(const struct sim_chain *chain, const struct sim_chain_node *node)
{
	uint64_t head = sim_chain_newest(chain);

	head -= node->behind < head ? node->behind : head;
	return node->stuck_at != 0 && node->stuck_at < head ? node->stuck_at : head;
}

void
sim_chain_do(
    struct sim_chain *chain, enum sim_chain_op op, uint64_t session, const struct pinf_address *who)
{
	chain->changes = sim_grow(
	    chain->changes, chain->change_count + 1, &chain->change_cap, sizeof *chain->changes);
	chain->changes[chain->change_count++] =
	    (struct sim_chain_change){chain->count, op, session, *who};
}

void
sim_chain_mine(struct sim_chain *chain, uint64_t time_s)
{
	struct sim_chain_block block = {.time_s = time_s};
	uint8_t text[24];

	pinf_be_put(text, 8, chain->count);
	pinf_be_put(text + 8, 8, chain->branch);
	pinf_be_put(text + 16, 8, time_s);
	pinf_sha256(&block.hash, (struct pinf_span){text, sizeof text});
	chain->blocks =
	    sim_grow(chain->blocks, chain->count + 1, &chain->cap, sizeof *chain->blocks);
	chain->blocks[chain->count++] = block;
}

void
sim_chain_reorg(struct sim_chain *chain, uint64_t depth)
{
	assert(depth < chain->count);
	chain->count -= depth;
	chain->branch++;
	while (chain->change_count > 0 &&
	       chain->changes[chain->change_count - 1].block >= chain->count)
		chain->change_count--;
}

void
sim_chain_free(struct sim_chain *chain)
{
	free(chain->blocks);
	free(chain->changes);
	*chain = (struct sim_chain){.count = 0};
}

/* A session as it is after a block. */
struct state {
	bool is_private;
	struct pinf_address owner;
	struct pinf_address *miners;
	size_t count, cap;
};

static size_t
index_of(const struct state *state, const struct pinf_address *who)
{
	size_t i = 0;

	while (i < state->count && !pinf_address_equal(&state->miners[i], who))
		i++;
	return i;
}

static void
add(struct state *state, const struct pinf_address *who)
{
	state->is_private = true;
	if (index_of(state, who) < state->count)
		return;
	state->miners =
	    sim_grow(state->miners, state->count + 1, &state->cap, sizeof *state->miners);
	state->miners[state->count++] = *who;
}

/* As the contract does: the last takes the place of the one that goes. */
static void
drop(struct state *state, const struct pinf_address *who)
{
	const size_t at = index_of(state, who);

	if (at < state->count)
		state->miners[at] = state->miners[--state->count];
}

static struct state
state_at(const struct sim_chain *chain, uint64_t block, uint64_t session)
{
	struct state state = {.is_private = false};

	for (size_t i = 0; i < chain->change_count && chain->changes[i].block <= block; i++) {
		const struct sim_chain_change *change = &chain->changes[i];

		if (change->session != session)
			continue;
		switch (change->op) {
		case SIM_CHAIN_ADD: add(&state, &change->who); break;
		case SIM_CHAIN_REMOVE: drop(&state, &change->who); break;
		case SIM_CHAIN_ENCRYPT: state.is_private = true; break;
		case SIM_CHAIN_OWNER: state.owner = change->who; break;
		}
	}
	return state;
}

bool
sim_chain_lists(
    const struct sim_chain *chain, uint64_t block, uint64_t session, const struct pinf_address *who)
{
	struct state state = state_at(chain, block, session);
	const bool listed = index_of(&state, who) < state.count;

	free(state.miners);
	return listed;
}

bool
sim_chain_private(const struct sim_chain *chain, uint64_t block, uint64_t session)
{
	struct state state = state_at(chain, block, session);

	free(state.miners);
	return state.is_private;
}

/* One answer in the making. */
struct answer {
	const struct sim_chain *chain;
	const struct sim_chain_node *node;
	uint64_t newest; /* of this node */
	struct pinf_json_writer *json;
};

static void
put_quantity(const struct answer *a, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof text, "0x%" PRIx64, value);
	pinf_json_put_str(a->json, name, text);
}

static void
put_block(const struct answer *a, uint64_t number)
{
	if (number > a->newest) {
		pinf_json_put_null(a->json, "result");
		return;
	}
	pinf_json_open(a->json, "result", '{');
	pinf_json_put_hex(
	    a->json, "hash", true, a->chain->blocks[number].hash.bytes, PINF_HASH_LEN);
	put_quantity(a, "number", number);
	put_quantity(a, "timestamp", a->chain->blocks[number].time_s);
	pinf_json_open(a->json, "transactions", '[');
	pinf_json_close(a->json, ']');
	pinf_json_close(a->json, '}');
}

static void
put_failure(const struct answer *a, const char *message)
{
	pinf_json_open(a->json, "error", '{');
	pinf_json_put_uint(a->json, "code", 3);
	pinf_json_put_str(a->json, "message", message);
	pinf_json_close(a->json, '}');
}

/* "0x.." or {"blockHash":..}; false: it is not on this node's chain. */
static bool
block_of(const struct answer *a, struct pinf_json_reader *request, uint64_t *number)
{
	struct pinf_span text = {NULL, 0};
	struct pinf_json_reader by_hash;
	struct pinf_hash hash;

	pinf_json_item_text(request, "params", 1, &text);
	if (request->err == PINF_OK) {
		*number = strtoull((const char *)text.data, NULL, 16);
		return *number <= a->newest;
	}
	request->err = PINF_OK;
	by_hash = pinf_json_item(request, "params", 1);
	pinf_json_hex(&by_hash, "blockHash", true, true, hash.bytes, sizeof hash.bytes);
	for (*number = a->newest; *number > 0; --*number)
		if (pinf_hash_equal(&a->chain->blocks[*number].hash, &hash))
			return true;
	return false;
}

/* What the contracts can be asked here; selectors are hashes, and the same for ever. */
enum method { ENCRYPTED, COUNT, PAGE, OWNER, METHODS };

static enum method
method_of(const uint8_t *data)
{
	static const char *const signatures[METHODS] = {
	    [ENCRYPTED] = "sessionEncryptionEnabled(uint256)",
	    [COUNT] = "getAllowedMinersCount(uint256)",
	    [PAGE] = "getAllowedMiners(uint256,uint256,uint256)",
	    [OWNER] = "sessionOwner(uint256)",
	};
	static uint8_t selectors[METHODS][SELECTOR_LEN]; /* once they were asked for */
	static bool known;
	int m = 0;

	for (; !known && m < METHODS; m++)
		memcpy(selectors[m], pinf_abi_call(signatures[m]).bytes, SELECTOR_LEN);
	known = true;
	for (m = 0; m < METHODS && memcmp(data, selectors[m], SELECTOR_LEN) != 0;)
		m++;
	return (enum method)m;
}

static uint64_t
argument(const uint8_t *data, size_t len, size_t index)
{
	const size_t at = 4 + index * PINF_ABI_WORD;

	return at + PINF_ABI_WORD <= len ? pinf_be_get(data + at + 24, 8) : 0;
}

static void
put_word(struct pinf_bytes *to, uint64_t value)
{
	uint8_t word[PINF_ABI_WORD] = {0};

	pinf_be_put(word + 24, 8, value);
	sim_append(to, (struct pinf_span){word, sizeof word});
}

static void
put_address(struct pinf_bytes *to, const struct pinf_address *address)
{
	uint8_t word[PINF_ABI_WORD] = {0};

	memcpy(word + 12, address->bytes, PINF_ADDRESS_LEN);
	sim_append(to, (struct pinf_span){word, sizeof word});
}

static void
put_page(struct pinf_bytes *to, const struct state *state, uint64_t offset, uint64_t limit)
{
	const uint64_t from = offset < state->count ? offset : state->count;
	const uint64_t rest = state->count - from, n = rest < limit ? rest : limit;

	put_word(to, PINF_ABI_WORD);
	put_word(to, n);
	for (uint64_t i = 0; i < n; i++)
		put_address(to, &state->miners[from + i]);
}

/* What the contracts return; nothing below the block of their creation, or where the node has none. */
static void
run_call(
    const struct answer *a, uint64_t block, const uint8_t *data, size_t len, struct pinf_bytes *out)
{
	struct state state = state_at(a->chain, block, argument(data, len, 0));

	if (a->node->adds)
		add(&state, &a->node->about);
	if (a->node->removes)
		drop(&state, &a->node->about);
	if (block >= a->chain->deployed && !a->node->absent) {
		switch (method_of(data)) {
		case ENCRYPTED: put_word(out, state.is_private); break;
		case COUNT: put_word(out, state.count); break;
		case PAGE:
			put_page(out, &state, argument(data, len, 1), argument(data, len, 2));
			break;
		case OWNER: put_address(out, &state.owner); break;
		case METHODS: break;
		}
	}
	free(state.miners);
}

static void
answer_call(const struct answer *a, struct pinf_json_reader *request)
{
	struct pinf_json_reader call = pinf_json_item(request, "params", 0);
	struct pinf_span text = {NULL, 0};
	struct pinf_bytes out = {0};
	uint8_t data[256] = {0};
	uint64_t block = 0;

	pinf_json_text(&call, "data", true, &text);
	if (text.len < 10 || text.len > 2 + 2 * sizeof data || !block_of(a, request, &block)) {
		put_failure(a, "header not found");
		return;
	}
	sim_need_ok(pinf_unhex(
	    data, (text.len - 2) / 2, (struct pinf_span){text.data + 2, text.len - 2}, false));
	run_call(a, block, data, (text.len - 2) / 2, &out);
	pinf_json_put_hex(a->json, "result", true, out.data, out.len);
	pinf_bytes_free(&out);
}

static void
answer_one(const struct answer *a, struct pinf_json_reader *request)
{
	struct pinf_span method = {NULL, 0};
	uint64_t id = 0;

	pinf_json_uint(request, "id", true, PINF_ID_MAX, &id);
	pinf_json_text(request, "method", true, &method);
	pinf_json_open(a->json, NULL, '{');
	pinf_json_put_uint(a->json, "id", id);
	pinf_json_put_str(a->json, "jsonrpc", "2.0");
	if (pinf_span_equal(method, pinf_span_str("eth_chainId")))
		put_quantity(a, "result",
		    a->node->chain_id != 0 ? a->node->chain_id : a->chain->domain.chain_id);
	else if (pinf_span_equal(method, pinf_span_str("eth_getBlockByNumber")))
		put_block(a, a->newest); /* "latest" is all that is asked for */
	else if (pinf_span_equal(method, pinf_span_str("eth_getCode")))
		pinf_json_put_str(a->json, "result",
		    a->node->absent || a->newest < a->chain->deployed ? "0x" : "0x60");
	else
		answer_call(a, request);
	pinf_json_close(a->json, '}');
}

unsigned
sim_chain_answer(const struct sim_chain *chain, const struct sim_chain_node *node,
    struct pinf_span request, struct pinf_bytes *answer)
{
	struct pinf_json_writer json = pinf_json_write_to(answer);
	struct answer a = {chain, node, sim_chain_head(chain, node), &json};
	struct pinf_json *parsed = NULL;
	struct pinf_json_reader root;
	size_t count;

	if (node->garbage ||
	    pinf_json_parse_as(&parsed, "calls", request, REQUEST_MAX) != PINF_OK) {
		sim_append(answer, pinf_span_str("<html>busy</html>"));
		return 200;
	}
	root = pinf_json_root(parsed);
	count = pinf_json_array(&root, "calls", true, 4096);
	pinf_json_open(&json, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		struct pinf_json_reader call = pinf_json_item(&root, "calls", i);

		answer_one(&a, &call);
	}
	pinf_json_close(&json, ']');
	sim_need_ok(pinf_json_written(&json));
	pinf_json_free(parsed);
	return 200;
}
