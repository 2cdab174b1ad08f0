/* SPDX-License-Identifier: Apache-2.0 */
/* chain_nodes.h -- Ethereum nodes that the router asks: a connection and a thread each. */
#ifndef PINF_HOST_CHAIN_NODES_H
#define PINF_HOST_CHAIN_NODES_H

#include "host/work.h"

struct pinf_chain_nodes;

/*
 * urls: one or several, with commas between them; a path may follow the host, and is never logged: it
 * often holds a key.  NULL or empty: no nodes, *count 0.  Answers go to events, which must outlive it.
 * E_CONFIG, E_IO, E_NO_MEMORY; message says what to mend.
 */
PINF_MUST_CHECK enum pinf_err pinf_chain_nodes_start(struct pinf_chain_nodes **nodes,
    const char *urls, struct pinf_queue *events, struct pinf_bytes *message);
/* How many a list of urls names; more than PINF_CHAIN_ENDPOINTS_MAX or a bad one is E_CONFIG. */
PINF_MUST_CHECK enum pinf_err
pinf_chain_nodes_count(uint32_t *count, const char *urls, struct pinf_bytes *message);
/* Takes over a job whose effect is CHAIN. */
void pinf_chain_nodes_ask(struct pinf_chain_nodes *nodes, struct pinf_job *job);
/* Calls in progress are broken off.  NULL is fine. */
void pinf_chain_nodes_stop(struct pinf_chain_nodes *nodes);

#endif
