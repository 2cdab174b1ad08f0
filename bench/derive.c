/* SPDX-License-Identifier: Apache-2.0 */
/* derive.c -- a task's key from a loaded keyring, beside the bare midstate loop and the alternatives. */
#include <string.h>

#include <pinf/keyring.h>

#include "measure.h"
#include "peers/peers.h"

struct derive {
	struct pinf_keyring *keyring;
	struct pinf_scope scope;
	uint8_t info[PINF_SCOPE_MAX];
	size_t info_len;
	struct peers *peers;
	uint8_t sink;
};

static void
run_keyring(void *ctx, uint64_t n)
{
	struct derive *d = ctx;

	for (uint64_t i = 0; i < n; i++) {
		struct pinf_key key;

		d->scope.task = i % PINF_ID_MAX + 1;
		bench_require(
		    pinf_keyring_derive(d->keyring, 1, &d->scope, &key) == PINF_OK, "derive");
		d->sink ^= key.bytes[0];
	}
}

#define RUN_PEER(name)                                                                             \
	static void run_##name(void *ctx, uint64_t n)                                              \
	{                                                                                          \
		struct derive *d = ctx;                                                            \
		uint8_t out[32];                                                                   \
                                                                                                   \
		for (uint64_t i = 0; i < n; i++) {                                                 \
			d->info[9] = (uint8_t)i;                                                   \
			peers_derive_##name(d->peers, d->info, d->info_len, out);                  \
			d->sink ^= out[0];                                                         \
		}                                                                                  \
	}
RUN_PEER(midstate)
RUN_PEER(hmac)
RUN_PEER(evp)
RUN_PEER(blake2b)

static void
measure(const struct bench_run *run, const char *name, struct derive *d)
{
	const struct bench_case cases[] = {
	    {"bare midstate loop (nettle)", run_midstate, d},
	    {"pinf_keyring_derive", run_keyring, d},
	    {"HMAC keyed each time (nettle)", run_hmac, d},
	    {"EVP_PKEY HKDF (libcrypto)", run_evp, d},
	    {"keyed BLAKE2b (libsodium)", run_blake2b, d},
	};
	const struct bench_group group = {name, 0, cases, sizeof cases / sizeof cases[0]};

	d->info_len = pinf_scope_encode(d->info, &d->scope);
	bench_measure(run, &group);
}

void
bench_derive(const struct bench_run *run)
{
	struct derive d = {
	    .scope = {.kind = PINF_SCOPE_TASK,
		.purpose = PINF_PURPOSE_INPUT,
		.session = 101,
		.task = 9001},
	    .peers = peers_new(),
	};
	const struct pinf_domain domain = {.chain_id = 1};
	uint64_t next = 1;
	uint32_t version = 0;
	const struct pinf_random random = {&next, bench_fill};

	bench_require(pinf_keyring_new(&d.keyring, &domain, random) == PINF_OK &&
			  pinf_keyring_rotate(d.keyring, &version, 0, random) == PINF_OK,
	    "keyring");
	measure(run, "derive: key of a task's input (34-byte scope)", &d);
	d.scope.purpose = PINF_PURPOSE_RESULT;
	d.scope.attempt = 1;
	memset(d.scope.miner.bytes, 0x11, sizeof d.scope.miner.bytes);
	measure(run, "derive: key of an attempt's result (58-byte scope)", &d);
	pinf_keyring_free(d.keyring);
	peers_free(d.peers);
}
