/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c -- fuzzes an HTTP request on its way into the router: line, headers and body decoded, then a step.  The input: method,
 * target, Authorization, content type, each a line; the body is the rest.  First byte: listener, and whether a wallet signs.  spec/api.md.
 */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "crypto/crypto.h"
#include "router.h"

static struct pinf_span
line(struct fuzz_input *in)
{
	const uint8_t *end = in->size == 0 ? NULL : memchr(in->data, '\n', in->size);
	const struct pinf_span taken =
	    fuzz_rest(in, end == NULL ? in->size : (size_t)(end - in->data));

	(void)fuzz_byte(in); /* The line's end. */
	return taken;
}

/* Signed by the owner as it is, so that what lies behind the signature is reached. */
static bool
sign(struct fuzz_router *r, struct pinf_http_request *http, uint64_t session, char *header)
{
	const struct pinf_api_config config = pinf_router_api_config(r->core);
	struct pinf_auth_request request = {.router = config.router,
	    .domain = config.domain,
	    .method = http->method,
	    .path = http->target,
	    .session = session};

	pinf_sha256(&request.body_sha256, http->body.data == NULL ? pinf_span_str("") : http->body);
	if (pinf_auth_sign(header, &r->owner, &request, r->now_ms, fuzz_random(&r->seed)) !=
	    PINF_OK)
		return false;
	http->authorization = pinf_span_str(header);
	return true;
}

static void
check_refusal(const struct pinf_api_error *error)
{
	struct pinf_bytes body = {0};
	const unsigned status = pinf_api_status(error->err);

	fuzz_check_named(error->err);
	fuzz_check(status >= 400 && status < 500, "what cannot be decoded is the sender's fault");
	fuzz_check(memchr(error->field, 0, sizeof error->field) != NULL, "a field's name ends");
	fuzz_check(pinf_api_error_body(&body, error) == PINF_OK &&
		       pinf_json_check(pinf_span_of(&body), NULL) == PINF_OK,
	    "the refusal is JSON");
	pinf_bytes_free(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const uint8_t choice = fuzz_byte(&in);
	struct pinf_http_request http = {
	    .listener = (choice & 1) != 0 ? PINF_LISTEN_MINER : PINF_LISTEN_PUBLIC};
	struct pinf_api_error error = {.err = PINF_OK};
	struct pinf_api_request *request = NULL;
	struct pinf_api_config config;
	struct fuzz_router r;
	char header[PINF_AUTH_HEADER_MAX + 1];
	enum pinf_err err;

	http.method = line(&in);
	http.target = line(&in);
	http.authorization = line(&in);
	http.content_type = line(&in);
	http.body = fuzz_rest(&in, SIZE_MAX);
	http.content_length = http.body.len;
	fuzz_router_open(&r);
	config = pinf_router_api_config(r.core);
	if ((choice & 2) == 0 || sign(&r, &http, choice >> 4, header)) {
		err = pinf_api_decode(&request, &config, &http, &error);
		fuzz_check(
		    (err == PINF_OK) == (request != NULL) && (err == PINF_OK || err == error.err),
		    "a request, or why not");
		if (err != PINF_OK)
			check_refusal(&error);
		else
			fuzz_router_ask(&r, NULL, request);
		if (err == PINF_OK && r.status != 0 && r.reply.len > 0 && r.reply.data[0] == '{')
			fuzz_check(pinf_json_check(pinf_span_of(&r.reply), NULL) == PINF_OK,
			    "the answer is JSON");
	}
	fuzz_router_close(&r);
	return 0;
}
