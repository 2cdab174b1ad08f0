/* SPDX-License-Identifier: Apache-2.0 */
/* api.h -- requests for the tests of the HTTP API: a router, a wallet, payloads, decoding in one call. */
#ifndef PINF_TESTS_API_H
#define PINF_TESTS_API_H

#include "unit/unit.h"

#include <pinf/api.h>

#include "crypto/crypto.h"

#define HASH   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define MINER  "0x00000000000000000000000000000000000000aa"
#define SIG    "0x" HASH HASH "1b"
#define NOW_MS 1700000000000
#define BEARER "Bearer pinf" HASH

static const struct pinf_api_config api_config = {
    .router = {{1, 2, 3}}, .domain = {421614, {{4, 5, 6}}}};

/* A request line and a body, and how it is authorized. */
struct call {
	enum pinf_listener listener;
	const char *method;
	const char *target;
	const char *body; /* NULL: none */
	const char *authorization; /* NULL: none */
};

static inline struct pinf_http_request
http_of(const struct call *call)
{
	const struct pinf_span body = SPAN(call->body == NULL ? "" : call->body);

	return (struct pinf_http_request){
	    .listener = call->listener,
	    .method = SPAN(call->method),
	    .target = SPAN(call->target),
	    .authorization = SPAN(call->authorization == NULL ? "" : call->authorization),
	    .content_type = SPAN(call->body == NULL ? "" : "application/json"),
	    .body = body,
	    .content_length = body.len,
	};
}

static inline enum pinf_err
decode(struct pinf_api_request **request, const struct call *call, struct pinf_api_error *error)
{
	const struct pinf_http_request http = http_of(call);

	*request = NULL;
	*error = (struct pinf_api_error){0};
	return pinf_api_decode(request, &api_config, &http, error);
}

/* The request that must decode. */
static inline struct pinf_api_request *
decoded(const struct call *call)
{
	struct pinf_api_request *request;
	struct pinf_api_error error;
	const enum pinf_err err = decode(&request, call, &error);

	if (err != PINF_OK)
		fail_msg("%s %s: %s, field \"%s\"", call->method, call->target, pinf_err_name(err),
		    error.field);
	assert_err(error.err, PINF_OK);
	return request;
}

/* Ids that the wallet signs for. */
struct signed_ids {
	uint64_t session;
	uint64_t task;
	uint32_t key_version;
};

static inline struct pinf_wallet
api_wallet(void)
{
	struct pinf_wallet wallet;

	assert_ok(pinf_wallet_parse(&wallet, SPAN(HASH)));
	return wallet;
}

/* Signs the call's method, target and body (or body_sha256, if not NULL) into header. */
static inline void
sign(char header[static PINF_AUTH_HEADER_MAX + 1], const struct call *call, struct signed_ids ids,
    const struct pinf_hash *body_sha256)
{
	const struct pinf_wallet wallet = api_wallet();
	struct pinf_auth_request request = {
	    .router = api_config.router,
	    .domain = api_config.domain,
	    .method = SPAN(call->method),
	    .path = SPAN(call->target),
	    .session = ids.session,
	    .task = ids.task,
	    .key_version = ids.key_version,
	};
	uint64_t seed = 1;

	pinf_sha256(&request.body_sha256, SPAN(call->body == NULL ? "" : call->body));
	if (body_sha256 != NULL)
		request.body_sha256 = *body_sha256;
	assert_ok(pinf_auth_sign(header, &wallet, &request, NOW_MS, unit_random(&seed)));
}

#endif
