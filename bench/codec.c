/* SPDX-License-Identifier: Apache-2.0 */
/* codec.c -- URNs and payload metadata, strictly read, beside the bare split and the bare parser. */
#include <stdio.h>
#include <string.h>

#include <pinf/payload.h>

#include "measure.h"
#include "peers/codec.h"

struct texts {
	struct pinf_span urn;
	struct pinf_bytes metadata;
	struct pinf_storage storage;
	uint64_t sink;
};

static void
run_split(void *ctx, uint64_t n)
{
	struct texts *t = ctx;
	size_t starts[PEERS_URN_FIELDS];

	for (uint64_t i = 0; i < n; i++) {
		bench_require(peers_urn_split(t->urn.data, t->urn.len, starts) != 0, "split");
		t->sink += starts[4];
	}
}

static void
run_parse(void *ctx, uint64_t n)
{
	struct texts *t = ctx;
	struct pinf_urn urn;

	for (uint64_t i = 0; i < n; i++) {
		bench_require(pinf_urn_parse(&urn, t->urn) == PINF_OK, "pinf_urn_parse");
		t->sink += urn.field[PINF_URN_FILE].len;
	}
}

static void
run_resolve(void *ctx, uint64_t n)
{
	struct texts *t = ctx;
	struct pinf_hash sha256;

	for (uint64_t i = 0; i < n; i++) {
		bench_require(
		    pinf_urn_resolve(&sha256, &t->storage, t->urn) == PINF_OK, "pinf_urn_resolve");
		t->sink += sha256.bytes[0];
	}
}

static void
run_cjson(void *ctx, uint64_t n)
{
	struct texts *t = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_require(
		    peers_json_parse((const char *)t->metadata.data, t->metadata.len) != 0,
		    "cJSON");
}

static void
run_check(void *ctx, uint64_t n)
{
	struct texts *t = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_require(pinf_json_check(pinf_span_of(&t->metadata), NULL) == PINF_OK,
		    "pinf_json_check");
}

static void
run_decode(void *ctx, uint64_t n)
{
	struct texts *t = ctx;
	struct pinf_payload payload;

	for (uint64_t i = 0; i < n; i++)
		bench_require(pinf_payload_decode(&payload, pinf_span_of(&t->metadata)) == PINF_OK,
		    "pinf_payload_decode");
}

static void
run_encode(void *ctx, uint64_t n)
{
	struct texts *t = ctx;
	struct pinf_payload payload;
	struct pinf_bytes out = {0};

	bench_require(
	    pinf_payload_decode(&payload, pinf_span_of(&t->metadata)) == PINF_OK, "decode");
	for (uint64_t i = 0; i < n; i++) {
		out.len = 0;
		bench_require(
		    pinf_payload_encode(&out, &payload) == PINF_OK, "pinf_payload_encode");
	}
	pinf_bytes_free(&out);
}

/* A sealed input's metadata, as the queue has it, and its URN. */
static void
make(struct texts *t, char *urn)
{
	struct pinf_payload payload = {.size = 4286,
	    .suite = PINF_SUITE_AES256GCM,
	    .key_version = 3,
	    .scope = {.kind = PINF_SCOPE_TASK,
		.purpose = PINF_PURPOSE_INPUT,
		.session = 101,
		.task = 9001}};

	memset(payload.sha256.bytes, 0xa5, sizeof payload.sha256.bytes);
	t->storage = (struct pinf_storage){"s3", "eu-central-1", "pinf-blobs"};
	bench_require(pinf_urn_of_blob(urn, &t->storage, &payload.sha256) == PINF_OK, "a URN");
	memcpy(payload.urn, urn, strlen(urn) + 1);
	bench_require(pinf_payload_encode(&t->metadata, &payload) == PINF_OK, "metadata");
	t->urn = pinf_span_str(urn);
}

void
bench_urn(const struct bench_run *run)
{
	struct texts t = {.sink = 0};
	char urn[PINF_URN_MAX + 1];
	const struct bench_case cases[] = {
	    {"strict split by hand", run_split, &t},
	    {"pinf_urn_parse", run_parse, &t},
	    {"pinf_urn_resolve", run_resolve, &t},
	};
	const struct bench_group group = {
	    "urn: a blob's URN", 0, cases, sizeof cases / sizeof cases[0]};

	make(&t, urn);
	bench_measure(run, &group);
	pinf_bytes_free(&t.metadata);
}

void
bench_json(const struct bench_run *run)
{
	struct texts t = {.sink = 0};
	char urn[PINF_URN_MAX + 1], name[64];
	const struct bench_case cases[] = {
	    {"raw cJSON parse", run_cjson, &t},
	    {"pinf_json_check (strict RFC 8259)", run_check, &t},
	    {"pinf_payload_decode", run_decode, &t},
	    {"pinf_payload_encode", run_encode, &t},
	};
	const struct bench_group group = {name, 0, cases, sizeof cases / sizeof cases[0]};

	make(&t, urn);
	(void)snprintf(name, sizeof name, "json: payload metadata, %zu bytes", t.metadata.len);
	bench_measure(run, &group);
	pinf_bytes_free(&t.metadata);
}
