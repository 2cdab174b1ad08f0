/* SPDX-License-Identifier: Apache-2.0 */
/* remote.h -- one signed request to a router; its answer becomes the command's. */
#ifndef PINF_CLI_REMOTE_H
#define PINF_CLI_REMOTE_H

#include "cli/cli.h"

/*
 * Signs with --wallet for the router of --router-url and --router-address.  body is moved or freed;
 * an empty one is sent as {}.  A refusal becomes the message, with the router's code, field and rule.
 */
PINF_MUST_CHECK enum pinf_err
remote_post(struct cli *cli, const char *path, uint64_t session, struct pinf_bytes *body);
PINF_MUST_CHECK enum pinf_err remote_get(struct cli *cli, const char *path);

/* The body of requests about one miner, whose address was typed. */
PINF_MUST_CHECK enum pinf_err
remote_about_miner(struct cli *cli, const char *path, uint64_t session, const char *address);

#endif
