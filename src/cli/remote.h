/* SPDX-License-Identifier: Apache-2.0 */
/* remote.h -- one signed request to a router; its answer becomes the command's. */
#ifndef PINF_CLI_REMOTE_H
#define PINF_CLI_REMOTE_H

#include <pinf/api.h>

#include "cli/cli.h"
#include "host/client.h"

/*
 * Signs with --wallet for the router of --router-url and --router-address.  body is moved or freed;
 * an empty one is sent as {}.  A refusal becomes the message, with the router's code, field and rule.
 */
PINF_MUST_CHECK enum pinf_err
remote_post(struct cli *cli, const char *path, uint64_t session, struct pinf_bytes *body);
PINF_MUST_CHECK enum pinf_err remote_get(struct cli *cli, const char *path);

/* One call to the router of --router-url, signed or not; why it gave no answer becomes the message. */
PINF_MUST_CHECK enum pinf_err remote_call(
    struct cli *cli, const struct pinf_call *call, unsigned *status, struct pinf_bytes *answer);
/* A refusal as the message; what was asked for comes first.  Gives its error back. */
enum pinf_err remote_refusal(struct cli *cli, const char *what, const struct pinf_api_error *error);

/* The body of requests about one miner, whose address was typed. */
PINF_MUST_CHECK enum pinf_err
remote_about_miner(struct cli *cli, const char *path, uint64_t session, const char *address);

#endif
