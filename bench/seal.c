/* SPDX-License-Identifier: Apache-2.0 */
/* seal.c -- blobs sealed and opened in memory, beside raw AEADs and hashes over the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/blob.h>
#include <pinf/keyring.h>

#include "crypto/crypto.h"
#include "measure.h"
#include "peers/peers.h"

struct seal {
	struct pinf_blob *blob;
	struct pinf_blob_params params;
	struct pinf_key key;
	struct pinf_random random;
	uint8_t *plain;
	size_t len;
	struct pinf_bytes out;
	struct pinf_bytes sealed; /* a blob to open */
	uint8_t *raw; /* what raw AES-256-GCM made of plain, to open */
	struct peers *peers;
};

static void
begin(struct seal *s)
{
	bench_require(
	    pinf_blob_seal_begin(s->blob, &s->params, &s->key, s->random, s->out.data) == PINF_OK,
	    "begin");
}

static void
seal_chunks(struct seal *s)
{
	struct pinf_buf out = {
	    s->out.data + PINF_BLOB_HEADER_LEN, 0, s->out.cap - PINF_BLOB_HEADER_LEN};
	struct pinf_blob_plan plan;
	size_t at = 0;

	bench_require(pinf_blob_plan(&plan, &s->params, s->len) == PINF_OK, "plan");
	for (uint64_t c = 0; c < plan.chunks; c++) {
		const size_t left = s->len - at,
			     take = left < plan.chunk_real ? left : plan.chunk_real;

		bench_require(pinf_blob_seal_at(s->blob, &plan, c,
				  (struct pinf_span){s->plain + at, take}, &out) == PINF_OK,
		    "seal_at");
		at += take;
	}
}

/* Chunk by chunk into one buffer: what streaming to a file does. */
static void
run_chunks(void *ctx, uint64_t n)
{
	struct seal *s = ctx;

	for (uint64_t i = 0; i < n; i++) {
		begin(s);
		seal_chunks(s);
	}
}

/* The two parts of it, apart. */
static void
run_begin(void *ctx, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		begin(ctx);
}

static void
run_chunks_only(void *ctx, uint64_t n)
{
	begin(ctx);
	for (uint64_t i = 0; i < n; i++)
		seal_chunks(ctx);
}

static void
run_one_shot(void *ctx, uint64_t n)
{
	struct seal *s = ctx;
	struct pinf_hash sha256;

	for (uint64_t i = 0; i < n; i++) {
		s->out.len = 0;
		bench_require(
		    pinf_blob_seal(s->blob, &s->params, &s->key, s->random,
			(struct pinf_span){s->plain, s->len}, &s->out, &sha256) == PINF_OK,
		    "seal");
	}
}

static void
run_open(void *ctx, uint64_t n)
{
	struct seal *s = ctx;

	for (uint64_t i = 0; i < n; i++) {
		s->out.len = 0;
		bench_require(pinf_blob_open(s->blob, &s->params.scope, &s->key,
				  pinf_span_of(&s->sealed), &s->out) == PINF_OK,
		    "open");
	}
}

#define RUN_PEER(name)                                                                             \
	static void run_##name(void *ctx, uint64_t n)                                              \
	{                                                                                          \
		struct seal *s = ctx;                                                              \
                                                                                                   \
		for (uint64_t i = 0; i < n; i++)                                                   \
			peers_seal_##name(s->peers, s->plain, s->len, s->out.data);                \
	}
RUN_PEER(aes_evp)
RUN_PEER(aes_evp_fresh)
RUN_PEER(aes_sodium)
RUN_PEER(chacha_sodium)
RUN_PEER(xchacha_sodium)

static void
run_naive(void *ctx, uint64_t n)
{
	struct seal *s = ctx;
	uint8_t info[PINF_SCOPE_MAX];
	const size_t info_len = pinf_scope_encode(info, &s->params.scope);

	for (uint64_t i = 0; i < n; i++)
		peers_derive_and_seal(s->peers, info, info_len, s->plain, s->len, s->out.data);
}

/* From a loaded key to a blob of one chunk. */
struct whole {
	struct seal *seal;
	struct pinf_keyring *keyring;
};

static void
run_whole(void *ctx, uint64_t n)
{
	struct whole *w = ctx;

	for (uint64_t i = 0; i < n; i++) {
		bench_require(pinf_keyring_derive(
				  w->keyring, 1, &w->seal->params.scope, &w->seal->key) == PINF_OK,
		    "derive");
		begin(w->seal);
		seal_chunks(w->seal);
	}
}

static void
run_whole_naive(void *ctx, uint64_t n)
{
	struct seal *s = ((struct whole *)ctx)->seal;
	struct pinf_blob_header header = {.params = s->params};
	uint8_t info[PINF_SCOPE_MAX], encoded[PINF_BLOB_HEADER_LEN];
	const struct pinf_span scope = {info, pinf_scope_encode(info, &s->params.scope)};

	for (uint64_t i = 0; i < n; i++) {
		bench_require(
		    s->random.fill(s->random.ctx, header.salt, sizeof header.salt) == PINF_OK,
		    "a salt");
		pinf_blob_header_encode(encoded, &header);
		peers_seal_blob(
		    s->peers, scope, encoded, (struct pinf_span){s->plain, s->len}, s->out.data);
	}
}

/* What the naive way makes is a blob of pinf's. */
static void
check_naive(struct whole *w)
{
	struct seal *s = w->seal;
	struct pinf_bytes opened = {0};
	uint8_t info[PINF_SCOPE_MAX];

	run_whole_naive(w, 1);
	peers_derive_evp(s->peers, info, pinf_scope_encode(info, &s->params.scope), s->key.bytes);
	bench_require(
	    pinf_blob_open(s->blob, &s->params.scope, &s->key,
		(struct pinf_span){s->out.data, PINF_BLOB_HEADER_LEN + s->len + PINF_TAG_LEN},
		&opened) == PINF_OK &&
		opened.len == s->len && memcmp(opened.data, s->plain, s->len) == 0,
	    "the same blob");
	pinf_bytes_free(&opened);
}

static void
run_raw_open(void *ctx, uint64_t n)
{
	struct seal *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		peers_open_aes_evp(s->peers, s->raw, s->len, s->out.data);
}

#define RUN_HASH(name, call)                                                                       \
	static void run_##name(void *ctx, uint64_t n)                                              \
	{                                                                                          \
		struct seal *s = ctx;                                                              \
		struct pinf_hash hash;                                                             \
                                                                                                   \
		for (uint64_t i = 0; i < n; i++)                                                   \
			(call);                                                                    \
	}
RUN_HASH(sha256, peers_sha256_evp(s->peers, s->plain, s->len, hash.bytes))
RUN_HASH(sha256_sodium, peers_sha256_sodium(s->plain, s->len, hash.bytes))
RUN_HASH(blake2b, peers_blake2b_sodium(s->plain, s->len, hash.bytes))
RUN_HASH(pinf_sha256, pinf_sha256(&hash, (struct pinf_span){s->plain, s->len}))
RUN_HASH(pinf_keccak, pinf_keccak256(&hash, (struct pinf_span){s->plain, s->len}))

static void
measure(const struct bench_run *run, const char *what, const struct seal *s,
    const struct bench_case *cases, size_t count)
{
	char name[64];
	const struct bench_group group = {name, s->len, cases, count};

	(void)snprintf(name, sizeof name, "%s: %zu bytes", what, s->len);
	bench_measure(run, &group);
}

static void
measure_whole(const struct bench_run *run, struct seal *s)
{
	const struct pinf_domain domain = {.chain_id = 1};
	struct whole w = {.seal = s};
	uint32_t version = 0;
	const struct bench_case cases[] = {
	    {"EVP_PKEY and a context a call", run_whole_naive, &w},
	    {"pinf: task's key, blob's key, seal", run_whole, &w},
	};

	if (s->len > (size_t)1 << PINF_BLOB_CHUNK_LOG2)
		return;
	check_naive(&w);
	bench_require(pinf_keyring_new(&w.keyring, &domain, s->random) == PINF_OK &&
			  pinf_keyring_rotate(w.keyring, &version, 0, s->random) == PINF_OK,
	    "a keyring");
	measure(run, "derive and seal the same blob", s, cases, sizeof cases / sizeof cases[0]);
	pinf_keyring_free(w.keyring);
}

static void
measure_seal(const struct bench_run *run, struct seal *s)
{
	struct seal padded = *s, chacha = *s;
	const struct bench_case cases[] = {
	    {"raw AES-256-GCM (libcrypto)", run_aes_evp, s},
	    {"pinf: derive, commit, seal", run_chunks, s},
	    {"pinf: the same, padded", run_chunks, &padded},
	    {"pinf: the same, ChaCha20-Poly1305", run_chunks, &chacha},
	    {"pinf: one shot with SHA-256", run_one_shot, s},
	    {"EVP_PKEY and a context a call", run_naive, s},
	    {"AES-256-GCM, a context a call", run_aes_evp_fresh, s},
	    {"AES-256-GCM (libsodium)", run_aes_sodium, s},
	    {"ChaCha20-Poly1305 (libsodium)", run_chacha_sodium, s},
	    {"XChaCha20-Poly1305 (libsodium)", run_xchacha_sodium, s},
	};
	const struct bench_case parts[] = {
	    {"pinf: one shot, padded", run_one_shot, &padded},
	    {"header, key, commitment", run_begin, &padded},
	    {"chunks: AES-256-GCM, padding", run_chunks_only, &padded},
	    {"chunks without padding", run_chunks_only, s},
	    {"SHA-256 of the plaintext's length", run_sha256, s},
	};

	padded.params.padded = true;
	chacha.params.suite = PINF_SUITE_CHACHA20POLY1305;
	measure(run, "seal", s, cases, sizeof cases / sizeof cases[0]);
	measure(run, "seal, where the time goes", s, parts, sizeof parts / sizeof parts[0]);
	measure_whole(run, s);
}

static void
measure_open(const struct bench_run *run, struct seal *s)
{
	struct seal chacha = *s;
	struct pinf_hash sha256;
	const struct bench_case cases[] = {
	    {"raw AES-256-GCM (libcrypto)", run_raw_open, s},
	    {"pinf: derive, check, open", run_open, s},
	    {"pinf: the same, ChaCha20-Poly1305", run_open, &chacha},
	};
	const struct pinf_span plain = {s->plain, s->len};

	chacha.params.suite = PINF_SUITE_CHACHA20POLY1305;
	chacha.sealed = (struct pinf_bytes){0};
	s->raw = malloc(s->len + 16);
	bench_require(s->raw != NULL &&
			  pinf_blob_seal(s->blob, &s->params, &s->key, s->random, plain, &s->sealed,
			      &sha256) == PINF_OK &&
			  pinf_blob_seal(s->blob, &chacha.params, &s->key, s->random, plain,
			      &chacha.sealed, &sha256) == PINF_OK,
	    "seal");
	peers_seal_aes_evp(s->peers, s->plain, s->len, s->raw);
	measure(run, "open", s, cases, sizeof cases / sizeof cases[0]);
	pinf_bytes_free(&chacha.sealed);
	free(s->raw);
}

static void
measure_hash(const struct bench_run *run, struct seal *s)
{
	const struct bench_case cases[] = {
	    {"raw SHA-256 (libcrypto)", run_sha256, s},
	    {"pinf_sha256", run_pinf_sha256, s},
	    {"SHA-256 (libsodium)", run_sha256_sodium, s},
	    {"BLAKE2b (libsodium)", run_blake2b, s},
	    {"pinf_keccak256 (wallets only)", run_pinf_keccak, s},
	};

	measure(run, "hash", s, cases, sizeof cases / sizeof cases[0]);
}

static void
each_size(const struct bench_run *run, void (*measure_one)(const struct bench_run *, struct seal *))
{
	uint64_t next = 1;

	for (size_t i = 0; i < run->size_count; i++) {
		struct seal s = {
		    .params = {.suite = PINF_SUITE_AES256GCM,
			.chunk_log2 = PINF_BLOB_CHUNK_LOG2,
			.key_version = 1,
			.scope = {.kind = PINF_SCOPE_TASK,
			    .purpose = PINF_PURPOSE_INPUT,
			    .session = 1,
			    .task = 1}},
		    .random = {&next, bench_fill},
		    .len = (size_t)run->sizes[i],
		    .peers = peers_new(),
		};

		s.plain = malloc(s.len + 1);
		bench_require(s.plain != NULL && pinf_blob_new(&s.blob) == PINF_OK &&
				  pinf_bytes_reserve(&s.out, s.len + s.len / 8 + 4096) == PINF_OK,
		    "allocation");
		memset(s.plain, 'x', s.len);
		memset(s.key.bytes, 0x22, sizeof s.key.bytes);
		measure_one(run, &s);
		pinf_blob_free(s.blob);
		pinf_bytes_free(&s.out);
		pinf_bytes_free(&s.sealed);
		peers_free(s.peers);
		free(s.plain);
	}
}

void
bench_seal(const struct bench_run *run)
{
	each_size(run, measure_seal);
}

void
bench_open(const struct bench_run *run)
{
	each_size(run, measure_open);
}

void
bench_hash(const struct bench_run *run)
{
	each_size(run, measure_hash);
}
