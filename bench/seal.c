/* SPDX-License-Identifier: Apache-2.0 */
/* seal.c -- sealed blobs in memory, beside raw AEADs over the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/blob.h>

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
	struct peers *peers;
};

/* Chunk by chunk into one buffer: what streaming to a file does. */
static void
run_chunks(void *ctx, uint64_t n)
{
	struct seal *s = ctx;

	for (uint64_t i = 0; i < n; i++) {
		struct pinf_buf out = {
		    s->out.data + PINF_BLOB_HEADER_LEN, 0, s->out.cap - PINF_BLOB_HEADER_LEN};
		struct pinf_blob_plan plan;
		size_t at = 0;

		bench_require(pinf_blob_plan(&plan, &s->params, s->len) == PINF_OK &&
				  pinf_blob_seal_begin(s->blob, &s->params, &s->key, s->random,
				      s->out.data) == PINF_OK,
		    "begin");
		for (uint64_t c = 0; c < plan.chunks; c++) {
			const size_t left = s->len - at,
				     take = left < plan.chunk_real ? left : plan.chunk_real;

			bench_require(pinf_blob_seal_at(s->blob, &plan, c,
					  (struct pinf_span){s->plain + at, take}, &out) == PINF_OK,
			    "seal_at");
			at += take;
		}
	}
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
run_sha256(void *ctx, uint64_t n)
{
	struct seal *s = ctx;
	uint8_t digest[32];

	for (uint64_t i = 0; i < n; i++)
		peers_sha256_evp(s->peers, s->plain, s->len, digest);
}

static void
measure(const struct bench_run *run, struct seal *s, uint64_t size)
{
	struct seal padded = *s, chacha = *s;
	struct pinf_hash sha256;
	char name[64];
	const struct bench_case cases[] = {
	    {"raw AES-256-GCM (libcrypto)", run_aes_evp, s},
	    {"pinf: derive, commit, seal", run_chunks, s},
	    {"pinf: the same, padded", run_chunks, &padded},
	    {"pinf: the same, ChaCha20-Poly1305", run_chunks, &chacha},
	    {"pinf: one shot with SHA-256", run_one_shot, s},
	    {"pinf: open", run_open, s},
	    {"raw SHA-256 (libcrypto)", run_sha256, s},
	    {"AES-256-GCM, a context a call", run_aes_evp_fresh, s},
	    {"AES-256-GCM (libsodium)", run_aes_sodium, s},
	    {"ChaCha20-Poly1305 (libsodium)", run_chacha_sodium, s},
	    {"XChaCha20-Poly1305 (libsodium)", run_xchacha_sodium, s},
	};
	const struct bench_group group = {name, size, cases, sizeof cases / sizeof cases[0]};

	bench_require(pinf_blob_seal(s->blob, &s->params, &s->key, s->random,
			  (struct pinf_span){s->plain, s->len}, &s->sealed, &sha256) == PINF_OK,
	    "seal");
	padded.params.padded = true;
	chacha.params.suite = PINF_SUITE_CHACHA20POLY1305;
	(void)snprintf(name, sizeof name, "seal: %llu bytes", (unsigned long long)size);
	bench_measure(run, &group);
}

void
bench_seal(const struct bench_run *run)
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
		measure(run, &s, run->sizes[i]);
		pinf_blob_free(s.blob);
		pinf_bytes_free(&s.out);
		pinf_bytes_free(&s.sealed);
		peers_free(s.peers);
		free(s.plain);
	}
}
