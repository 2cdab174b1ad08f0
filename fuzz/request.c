/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c -- fuzzes an HTTP request on its way into the router: line, headers and body decoded, then a step.  The input: method,
 * target, Authorization, content type, each a line; the body is the rest.  First byte: listener, and whether a wallet signs: then
 * Authorization's bytes are the task and key version that it names.  spec/api.md.
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
sign(const struct pinf_api_config *config, struct pinf_http_request *http, uint64_t session,
    char *header)
{
	const struct pinf_wallet *owner = fuzz_router_owner();
	uint64_t seed = 8;
	struct pinf_auth_request request = {.router = config->router,
	    .domain = config->domain,
	    .method = http->method,
	    .path = http->target,
	    .session = session,
	    .task = http->authorization.len > 0 ? http->authorization.data[0] % 4u : 0,
	    .key_version = http->authorization.len > 1 ? http->authorization.data[1] % 4u : 0};

	pinf_sha256(&request.body_sha256, http->body.data == NULL ? pinf_span_str("") : http->body);
	if (pinf_auth_sign(header, owner, &request, FUZZ_START_MS, fuzz_random(&seed)) != PINF_OK)
		return false;
	http->authorization = pinf_span_str(header);
	return true;
}

static struct pinf_api_config
config_of_router(void)
{
	struct fuzz_router r;
	struct pinf_api_config config;

	fuzz_router_open(&r);
	config = pinf_router_api_config(r.core);
	fuzz_router_close(&r);
	return config;
}

/* What an answer is made of: JSON, whatever the engine said. */
static void
check_completion(struct pinf_span text)
{
	const struct pinf_completion_meta meta = {1, 2, FUZZ_START_MS};
	struct pinf_result result = {.model = "m", .finish_reason = "stop"};
	struct pinf_bytes body = {0};
	bool writes;

	fuzz_check(pinf_bytes_append(&result.text, text.data, text.len) == PINF_OK, "room");
	writes = pinf_api_completion_body(&body, &meta, &result) == PINF_OK;
	fuzz_check(writes == (pinf_utf8_valid(text) == text.len &&
				 (text.len == 0 || memchr(text.data, 0, text.len) == NULL)),
	    "what is written is text");
	fuzz_check(!writes || pinf_json_check(pinf_span_of(&body), NULL) == PINF_OK,
	    "a completion is JSON");
	pinf_bytes_free(&body);
	pinf_bytes_free(&result.text);
}

/* Asked for the route alone, it is the same. */
static void
check_route(const struct pinf_http_request *http, const struct pinf_api_request *request)
{
	struct pinf_api_route route;

	fuzz_check(pinf_api_route(&route, http->listener, http->method, http->target) == PINF_OK &&
		       route.endpoint == request->endpoint &&
		       route.api_version == request->api_version,
	    "one route for one target");
}

static enum pinf_err
decode_starving(struct pinf_span in)
{
	static const struct pinf_api_config config = {.router = {{1}}};
	struct fuzz_input lines = {in.data, in.len};
	struct pinf_http_request http = {
	    .listener = (fuzz_byte(&lines) & 1) != 0 ? PINF_LISTEN_MINER : PINF_LISTEN_PUBLIC};
	struct pinf_api_request *request = NULL;
	struct pinf_api_error error = {.err = PINF_OK};
	enum pinf_err err;

	http.method = line(&lines);
	http.target = line(&lines);
	(void)line(&lines);
	http.authorization = pinf_span_str("Bearer x");
	http.content_type = line(&lines);
	http.body = fuzz_rest(&lines, SIZE_MAX);
	http.content_length = http.body.len;
	err = pinf_api_decode(&request, &config, &http, &error);
	pinf_api_request_free(request);
	return err;
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
	static struct pinf_api_config config;
	struct fuzz_router r;
	char header[PINF_AUTH_HEADER_MAX + 1];
	enum pinf_err err;

	http.method = line(&in);
	http.target = line(&in);
	http.authorization = line(&in);
	http.content_type = line(&in);
	http.body = fuzz_rest(&in, SIZE_MAX);
	http.content_length = http.body.len;
	if (config.router.bytes[0] == 0)
		config = config_of_router();
	if ((choice & 2) != 0 && !sign(&config, &http, choice >> 4, header))
		return 0;
	check_completion(http.body);
	fuzz_starve(decode_starving, (struct pinf_span){data, size});
	err = pinf_api_decode(&request, &config, &http, &error);
	fuzz_check((err == PINF_OK) == (request != NULL) && (err == PINF_OK || err == error.err),
	    "a request, or why not");
	if (err != PINF_OK) {
		check_refusal(&error);
		return 0;
	}
	fuzz_check(request->session <= PINF_ID_MAX && request->task <= PINF_ID_MAX &&
		       request->document.len <= PINF_PROMPT_MAX + PINF_PROMPT_MAX,
	    "within the protocol's bounds");
	check_route(&http, request);
	fuzz_router_open(&r);
	fuzz_router_ask(&r, NULL, request);
	if (r.status != 0 && r.reply.len > 0 && r.reply.data[0] == '{')
		fuzz_check(
		    pinf_json_check(pinf_span_of(&r.reply), NULL) == PINF_OK, "the answer is JSON");
	fuzz_router_close(&r);
	return 0;
}
