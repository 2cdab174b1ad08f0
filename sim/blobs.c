/* SPDX-License-Identifier: Apache-2.0 */
/* blobs.c -- blob storage with faults.  spec/simulation.md#blobs. */
#include "blobs.h"
#include "memory.h"

#define STALE_MS 5000 /* for so long a put may not be seen */

static bool
fails(struct sim_blobs *b, uint32_t per_mille, enum sim_blob_fault fault)
{
	if (!sim_rng_hit(&b->rng, per_mille))
		return false;
	b->counts[fault]++;
	return true;
}

static size_t
index_of(const struct sim_blobs *b, const struct pinf_hash *sha256)
{
	const uint64_t at = sim_map_number(&b->names, sha256);

	return at == UINT64_MAX ? b->count : at;
}

const struct sim_blob *
sim_blobs_find(const struct sim_blobs *blobs, const struct pinf_hash *sha256)
{
	const size_t i = index_of(blobs, sha256);

	return i < blobs->count ? &blobs->list[i] : NULL;
}

/* Where a misdirected put lands. */
static struct pinf_hash
other_name(const struct pinf_hash *sha256)
{
	struct pinf_hash name = *sha256;

	name.bytes[0] ^= 1;
	return name;
}

enum pinf_err
sim_blobs_put(struct sim_blobs *b, const struct pinf_hash *sha256, struct pinf_span bytes)
{
	struct pinf_hash name = *sha256;

	if (fails(b, b->rates.busy, SIM_BLOB_BUSY))
		return PINF_E_BUSY;
	if (fails(b, b->rates.full, SIM_BLOB_FULL))
		return PINF_E_FULL;
	if (fails(b, b->rates.lost, SIM_BLOB_LOST))
		return PINF_E_IO;
	if (fails(b, b->rates.misdirected, SIM_BLOB_MISDIRECTED))
		name = other_name(sha256);
	if (index_of(b, &name) == b->count) {
		b->list = sim_grow(b->list, b->count + 1, &b->cap, sizeof *b->list);
		b->list[b->count] = (struct sim_blob){.sha256 = name, .put_ms = *b->now_ms};
		sim_append(&b->list[b->count].bytes, bytes);
		sim_map_set(&b->names, &name, b->count++);
	}
	return fails(b, b->rates.lost_ack, SIM_BLOB_LOST_ACK) ? PINF_E_IO : PINF_OK;
}

enum pinf_err
sim_blobs_get(struct sim_blobs *b, const struct pinf_hash *sha256, struct pinf_bytes *out)
{
	const size_t at = out->len;
	const struct sim_blob *blob = sim_blobs_find(b, sha256);

	if (fails(b, b->rates.busy, SIM_BLOB_BUSY))
		return PINF_E_BUSY;
	if (blob == NULL ||
	    (*b->now_ms < blob->put_ms + STALE_MS && fails(b, b->rates.stale, SIM_BLOB_STALE)))
		return PINF_E_NO_BLOB;
	sim_append(out, pinf_span_of(&blob->bytes));
	if (out->len > at && fails(b, b->rates.truncated, SIM_BLOB_TRUNCATED))
		out->len = at + sim_rng_below(&b->rng, out->len - at);
	if (out->len > at && fails(b, b->rates.corrupt, SIM_BLOB_CORRUPT))
		out->data[at + sim_rng_below(&b->rng, out->len - at)] ^=
		    (uint8_t)(1 << sim_rng_below(&b->rng, 8));
	return PINF_OK;
}

enum pinf_err
sim_blobs_delete(struct sim_blobs *b, const struct pinf_hash *sha256)
{
	const size_t i = index_of(b, sha256);

	if (i == b->count)
		return PINF_E_NO_BLOB;
	/* Its put, repeated by the network, comes after that. */
	if (fails(b, b->rates.again, SIM_BLOB_AGAIN))
		return PINF_OK;
	pinf_bytes_free(&b->list[i].bytes);
	sim_map_set(&b->names, sha256, UINT64_MAX);
	b->list[i] = b->list[--b->count];
	if (i < b->count)
		sim_map_set(&b->names, &b->list[i].sha256, i);
	return PINF_OK;
}

bool
sim_blobs_misdirected(const struct sim_blobs *b, const struct pinf_hash *sha256)
{
	const struct pinf_hash name = other_name(sha256);

	return index_of(b, &name) < b->count;
}

void
sim_blobs_free(struct sim_blobs *b)
{
	while (b->count > 0)
		pinf_bytes_free(&b->list[--b->count].bytes);
	free(b->list);
	sim_map_free(&b->names);
	*b = (struct sim_blobs){0};
}
