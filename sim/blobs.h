/* SPDX-License-Identifier: Apache-2.0 */
/* blobs.h -- blob storage that loses, corrupts, misdirects and fills up.  spec/simulation.md#blobs. */
#ifndef PINF_SIM_BLOBS_H
#define PINF_SIM_BLOBS_H

#include "map.h"
#include "plan.h"
#include "rng.h"

enum sim_blob_fault {
	SIM_BLOB_LOST,
	SIM_BLOB_LOST_ACK,
	SIM_BLOB_MISDIRECTED,
	SIM_BLOB_CORRUPT,
	SIM_BLOB_FULL,
	SIM_BLOB_TRUNCATED,
	SIM_BLOB_STALE,
	SIM_BLOB_AGAIN,
	SIM_BLOB_BUSY,
	SIM_BLOB_FAULTS
};

struct sim_blob {
	struct pinf_hash sha256; /* the name it lies under */
	uint64_t put_ms;
	struct pinf_bytes bytes;
};

struct sim_blobs {
	struct sim_blob *list;
	size_t count;
	size_t cap;
	struct sim_map names; /* to their places in the list */
	struct sim_rng rng;
	const uint64_t *now_ms; /* borrowed */
	struct sim_blob_rates rates; /* all zero: a faultless store */
	uint64_t counts[SIM_BLOB_FAULTS];
};

/* Create-only.  OK, E_FULL, E_BUSY, or E_IO (nothing stored, or stored all the same). */
PINF_MUST_CHECK enum pinf_err
sim_blobs_put(struct sim_blobs *blobs, const struct pinf_hash *sha256, struct pinf_span bytes);
/* Appends what the store answers, which may be corrupt.  E_NO_BLOB, E_BUSY. */
PINF_MUST_CHECK enum pinf_err
sim_blobs_get(struct sim_blobs *blobs, const struct pinf_hash *sha256, struct pinf_bytes *out);
PINF_MUST_CHECK enum pinf_err
sim_blobs_delete(struct sim_blobs *blobs, const struct pinf_hash *sha256);
/* What lies under that name, without faults; NULL: nothing. */
const struct sim_blob *
sim_blobs_find(const struct sim_blobs *blobs, const struct pinf_hash *sha256);
/* Whether a put under that name was said to be well, and lies elsewhere. */
bool sim_blobs_misdirected(const struct sim_blobs *blobs, const struct pinf_hash *sha256);
void sim_blobs_free(struct sim_blobs *blobs);

#endif
