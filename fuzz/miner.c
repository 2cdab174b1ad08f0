/* SPDX-License-Identifier: Apache-2.0 */
/*
 * miner.c -- fuzzes the miner's core: a router that answers what the input says, in whatever order.  Records: a byte that says
 * which waiting effect is answered and how, a length, bytes.  spec/states.md.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/miner.h>

#include "common.h"

#define WAITING_MAX 64
#define STEPS_MAX   64
#define LEASE                                                                                      \
	"{\"attempt\":1,\"deadline_ms\":9000000,\"epoch\":1,\"input\":{\"encryption\":\"none\","   \
	"\"inline\":\"{}\",\"sha256\":"                                                            \
	"\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2},"        \
	"\"instance\":\"000102030405060708090a0b0c0d0e0f\",\"key_version\":1,\"lease_expires_"     \
	"ms\":9000000,\"precommit_timeout_ms\":60000,\"route\":\"plain\",\"session_id\":7,\"task_" \
	"id\":42}"

struct bench {
	struct pinf_miner *miner;
	struct pinf_event waiting[WAITING_MAX]; /* answers that are due, by kind and id */
	size_t count;
	uint64_t now_ms, woken_ms;
	unsigned inferences, claims;
};

static void
note(struct bench *b, const struct pinf_effect *fx)
{
	static const enum pinf_event_kind answers[] = {[PINF_FX_SEND] = PINF_EV_REPLY,
	    [PINF_FX_FETCH] = PINF_EV_OPENED,
	    [PINF_FX_SEAL] = PINF_EV_SEALED,
	    [PINF_FX_INFER] = PINF_EV_INFERRED};

	b->inferences += fx->kind == PINF_FX_INFER;
	b->claims += fx->kind == PINF_FX_SEND &&
		     pinf_span_equal(pinf_span_of(&fx->path), pinf_span_str("/api/v1/miner/claim"));
	fuzz_check(b->inferences <= b->claims, "at most one inference for a claim");
	if (fx->kind == PINF_FX_WAKE) {
		b->woken_ms = fx->at_ms;
	} else if (fx->kind < sizeof answers / sizeof answers[0] && answers[fx->kind] != 0) {
		fuzz_check(b->count < WAITING_MAX, "one slot has few effects at once");
		fuzz_check(fx->kind != PINF_FX_SEND || fx->authorization[0] != '\0',
		    "each request is signed");
		b->waiting[b->count++] =
		    (struct pinf_event){.kind = answers[fx->kind], .id = fx->id};
	}
}

static void
step(struct bench *b, struct pinf_event *event)
{
	struct pinf_effects effects = {0};

	event->now_ms = b->now_ms;
	fuzz_check(pinf_miner_step(b->miner, event, &effects) == PINF_OK, "a step succeeds");
	for (size_t i = 0; i < effects.count; i++)
		note(b, &effects.list[i]);
	pinf_effects_free(&effects);
}

static void
answer(struct bench *b, struct fuzz_input *in)
{
	static const unsigned statuses[] = {200, 204, 400, 401, 403, 409, 422, 503};
	const uint8_t how = fuzz_byte(in);
	const size_t at = (size_t)fuzz_byte(in) % b->count;
	struct pinf_event event = b->waiting[at];
	const size_t len = fuzz_byte(in);

	b->waiting[at] = b->waiting[--b->count];
	event.status = statuses[how & 7];
	event.size = len;
	event.err = (how & 0x18) == 0x18 ? (how & 0x20 ? PINF_E_TIMEOUT : PINF_E_IO) : PINF_OK;
	event.body = event.err != PINF_OK ? (struct pinf_span){NULL, 0}
		     : (how & 0x40) != 0  ? pinf_span_str(LEASE)
					  : fuzz_rest(in, len);
	step(b, &event);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct pinf_miner_config config = pinf_miner_defaults();
	struct bench b = {.now_ms = 1000000};
	struct pinf_event timer = {.kind = PINF_EV_TIMER};
	static struct pinf_wallet wallet;
	uint64_t seed = 9;

	if (wallet.address.bytes[0] == 0 && pinf_wallet_new(&wallet, fuzz_random(&seed)) != PINF_OK)
		abort();
	config.storage = (struct pinf_storage){"fs", "local", "pinf"};
	config.slots = 1;
	if (pinf_miner_open(&b.miner, &config, &wallet, fuzz_random(&seed)) != PINF_OK)
		abort();
	step(&b, &timer);
	for (unsigned i = 0; i < STEPS_MAX && in.size > 0; i++) {
		fuzz_check(b.count > 0 || b.woken_ms > 0, "it waits for something");
		if (b.count > 0) {
			answer(&b, &in);
		} else {
			b.now_ms = b.woken_ms > b.now_ms ? b.woken_ms : b.now_ms + 1;
			timer = (struct pinf_event){.kind = PINF_EV_TIMER};
			step(&b, &timer);
		}
	}
	pinf_miner_free(b.miner);
	return 0;
}
