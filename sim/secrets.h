/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.h -- every key that is at work, each with what it is for; and whether bytes hold one.  spec/simulation.md#oracles. */
#ifndef PINF_SIM_SECRETS_H
#define PINF_SIM_SECRETS_H

#include "map.h"

struct sim_secrets {
	struct sim_map keys; /* to what each is for */
	uint64_t *filter; /* a bit for each word that a key may show, as bytes or as hex digits */
	unsigned log2_bits; /* 0: there is no filter yet */
};

/* What that key was for when it was put first. */
const struct pinf_hash *sim_secrets_put(
    struct sim_secrets *secrets, const struct pinf_hash *key, const struct pinf_hash *what);
/* Whether bytes hold a key, raw or in lower-case hex. */
bool sim_secrets_in(const struct sim_secrets *secrets, struct pinf_span bytes);
void sim_secrets_free(struct sim_secrets *secrets);

#endif
