/* SPDX-License-Identifier: Apache-2.0 */
/* access.c -- wallets' signatures and key grants, beside the curves' own operations that they are made of. */
#include <string.h>

#include <pinf/auth.h>

#include "measure.h"
#include "peers/signatures.h"

struct access {
	struct pinf_wallet wallet;
	struct pinf_hash digest;
	struct pinf_sig signature;
	uint8_t raw_signature[65];
	struct pinf_auth_request request;
	char header[PINF_AUTH_HEADER_MAX + 1];
	struct pinf_hpke_keypair pair;
	struct pinf_key key;
	struct pinf_grant grant;
	struct pinf_grant_expect expect;
	struct pinf_random random;
	uint8_t sink;
};

static void
run_sign_raw(void *ctx, uint64_t n)
{
	struct access *a = ctx;

	for (uint64_t i = 0; i < n; i++)
		peers_sign(a->wallet.secret.bytes, a->digest.bytes, a->raw_signature);
}

static void
run_sign(void *ctx, uint64_t n)
{
	struct access *a = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_require(
		    pinf_wallet_sign(&a->signature, &a->wallet, &a->digest) == PINF_OK, "sign");
}

static void
run_recover_raw(void *ctx, uint64_t n)
{
	struct access *a = ctx;
	uint8_t key[64];

	for (uint64_t i = 0; i < n; i++) {
		peers_recover(a->raw_signature, a->digest.bytes, key);
		a->sink ^= key[0];
	}
}

static void
run_check(void *ctx, uint64_t n)
{
	struct access *a = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_require(
		    pinf_signature_check(&a->signature, &a->digest, &a->wallet.address) == PINF_OK,
		    "signature");
}

/* A whole request: header, digest, signature; and back. */
static void
run_request_sign(void *ctx, uint64_t n)
{
	struct access *a = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_require(
		    pinf_auth_sign(a->header, &a->wallet, &a->request, 1, a->random) == PINF_OK,
		    "request");
}

static void
run_request_check(void *ctx, uint64_t n)
{
	struct access *a = ctx;
	struct pinf_auth auth;

	for (uint64_t i = 0; i < n; i++)
		bench_require(pinf_auth_header_parse(&auth, pinf_span_str(a->header)) == PINF_OK &&
				  pinf_auth_check(&auth, &a->request) == PINF_OK,
		    "request");
}

static void
run_grant_parts(void *ctx, uint64_t n)
{
	struct access *a = ctx;
	uint8_t out[32];

	for (uint64_t i = 0; i < n; i++) {
		/* An ephemeral public key, a shared secret, a signature. */
		peers_x25519(a->pair.secret.bytes, a->pair.public_key, out);
		peers_x25519(a->pair.secret.bytes, a->pair.public_key, out);
		peers_sign(a->wallet.secret.bytes, a->digest.bytes, a->raw_signature);
	}
}

static void
run_grant_make(void *ctx, uint64_t n)
{
	struct access *a = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_require(pinf_grant_make(&a->grant, &a->key, a->pair.public_key,
				  &a->expect.domain, &a->wallet.secret, a->random) == PINF_OK,
		    "grant");
}

static void
run_open_parts(void *ctx, uint64_t n)
{
	struct access *a = ctx;
	uint8_t out[64];

	for (uint64_t i = 0; i < n; i++) {
		peers_recover(a->raw_signature, a->digest.bytes, out);
		peers_x25519(a->pair.secret.bytes, a->pair.public_key, out);
	}
}

static void
run_grant_open(void *ctx, uint64_t n)
{
	struct access *a = ctx;
	struct pinf_key opened;

	for (uint64_t i = 0; i < n; i++)
		bench_require(
		    pinf_grant_open(&opened, &a->grant, &a->expect, &a->pair) == PINF_OK, "grant");
}

static struct access
make(uint64_t *seed)
{
	struct access a = {.digest = {{1, 2, 3}},
	    .request = {.method = pinf_span_str("POST"),
		.path = pinf_span_str("/api/v1/miner/claim"),
		.session = 101,
		.task = 9001},
	    .grant = {.scope = {.kind = PINF_SCOPE_TASK,
			  .purpose = PINF_PURPOSE_INPUT,
			  .session = 101,
			  .task = 9001},
		.key_version = 3,
		.expires_ms = 2},
	    .random = {seed, bench_fill}};

	bench_require(pinf_wallet_new(&a.wallet, a.random) == PINF_OK &&
			  pinf_hpke_keypair(&a.pair, a.random) == PINF_OK,
	    "keys");
	a.expect = (struct pinf_grant_expect){
	    .router = a.wallet.address, .scope = a.grant.scope, .now_ms = 1};
	run_sign(&a, 1);
	run_sign_raw(&a, 1);
	run_request_sign(&a, 1);
	run_grant_make(&a, 1);
	return a;
}

void
bench_wallet(const struct bench_run *run)
{
	uint64_t seed = 1;
	struct access a = make(&seed);
	const struct bench_case signing[] = {
	    {"raw secp256k1 signature", run_sign_raw, &a},
	    {"pinf_wallet_sign", run_sign, &a},
	    {"pinf_auth_sign: a request", run_request_sign, &a},
	};
	const struct bench_case checking[] = {
	    {"raw secp256k1 recovery", run_recover_raw, &a},
	    {"pinf_signature_check", run_check, &a},
	    {"parse and check a request", run_request_check, &a},
	};

	bench_measure(run, &(struct bench_group){"wallet: signing", 0, signing, 3});
	bench_measure(run, &(struct bench_group){"wallet: checking", 0, checking, 3});
}

void
bench_grant(const struct bench_run *run)
{
	uint64_t seed = 1;
	struct access a = make(&seed);
	const struct bench_case making[] = {
	    {"raw: 2 X25519, a signature", run_grant_parts, &a},
	    {"pinf_grant_make", run_grant_make, &a},
	};
	const struct bench_case opening[] = {
	    {"raw: a recovery, X25519", run_open_parts, &a},
	    {"pinf_grant_open", run_grant_open, &a},
	};

	bench_measure(run, &(struct bench_group){"grant: made by a router", 0, making, 2});
	bench_measure(run, &(struct bench_group){"grant: opened by a miner", 0, opening, 2});
}
