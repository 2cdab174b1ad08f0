/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h -- HTTP requests, one connection kept alive each: http and https, no redirects, no
 * proxies from the environment.  The only file that knows libcurl.
 */
#ifndef PINF_HOST_CLIENT_H
#define PINF_HOST_CLIENT_H

#include <pinf/base.h>

#include "core/send.h"

#include <stdatomic.h>

/* One thread uses it at a time. */
struct pinf_client;

/*
 * url is "http://host:port" or "https://host[:port]", without a path: E_CONFIG.  stop (may be NULL) makes
 * calls in progress fail with E_TIMEOUT within a second or so once it is set.  Whose certificates are
 * trusted is the system's to say, or that of the file which SSL_CERT_FILE names in the environment.
 */
PINF_MUST_CHECK enum pinf_err
pinf_client_new(struct pinf_client **client, const char *url, const atomic_bool *stop);
void pinf_client_free(struct pinf_client *client); /* NULL is fine */
/* What pinf_client_new() checks; message says what is wrong. */
PINF_MUST_CHECK enum pinf_err pinf_url_check(const char *url, struct pinf_bytes *message);

struct pinf_call {
	const char *method;
	const char *path; /* with query */
	const char *authorization; /* NULL or "": none */
	const char *content_type; /* of the body */
	struct pinf_span body; /* sent from where it lies */
	uint32_t timeout_ms; /* and what a slow line takes for the body, and for answer_len */
	uint64_t answer_len; /* of a long answer, where it is known */
	size_t answer_max; /* more is E_TOO_LARGE */
};
/* Appends the answer's body.  E_TIMEOUT, E_IO (no connection, cut off), E_TOO_LARGE, E_NO_MEMORY. */
PINF_MUST_CHECK enum pinf_err pinf_client_call(struct pinf_client *client,
    const struct pinf_call *call, unsigned *status, struct pinf_bytes *answer);

/* Why the last call got no answer, for people: the URL, what went wrong, what to do.  Until the next call. */
const char *pinf_client_trouble(const struct pinf_client *client);

/*
 * The same, signed by the sender's wallet now, as of that session and task (0: none); the call's
 * authorization is not looked at.  sender->timeout_ms is not either.
 */
struct pinf_call_about {
	uint64_t session;
	uint64_t task;
};
PINF_MUST_CHECK enum pinf_err pinf_client_call_signed(struct pinf_client *client,
    const struct pinf_call *call, const struct pinf_sender *sender, struct pinf_call_about about,
    unsigned *status, struct pinf_bytes *answer);

#endif
