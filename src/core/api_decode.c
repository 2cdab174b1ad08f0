/* SPDX-License-Identifier: Apache-2.0 */
/* api_decode.c -- one HTTP request: shape, authorization, body, and ids that agree.  spec/api.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_entry.h"
#include "crypto/crypto.h"

#define BEARER_MAX 128 /* bytes of an API key's text */
#define PAGE_LIMIT 100 /* records of a listing that names no limit */

static enum pinf_err
refuse(struct pinf_api_error *error, enum pinf_err err, const char *field)
{
	*error = (struct pinf_api_error){.err = err};
	(void)snprintf(error->field, sizeof error->field, "%s", field);
	return err;
}

static bool
starts_with(struct pinf_span text, const char *prefix)
{
	const size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static struct pinf_span
without(struct pinf_span text, size_t prefix_len)
{
	return (struct pinf_span){text.data + prefix_len, text.len - prefix_len};
}

/* Takes a token that is ASCII letters whatever their case, and the white space after it. */
static bool
take_token(struct pinf_span *text, const char *lower)
{
	const size_t len = strlen(lower);

	if (text->len < len)
		return false;
	for (size_t i = 0; i < len; i++) {
		const uint8_t c = text->data[i];

		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)lower[i])
			return false;
	}
	*text = without(*text, len);
	while (text->len > 0 && (*text->data == ' ' || *text->data == '\t'))
		*text = without(*text, 1);
	return true;
}

/* application/json, with charset=utf-8 at most. */
static bool
is_json(struct pinf_span type)
{
	if (!take_token(&type, "application/json"))
		return false;
	if (type.len == 0)
		return true;
	return take_token(&type, ";") &&
	       (take_token(&type, "charset=utf-8") || take_token(&type, "charset=\"utf-8\"")) &&
	       type.len == 0;
}

/* What can be said before anything is decoded. */
static enum pinf_err
check_shape(const struct pinf_api_entry *entry, const struct pinf_http_request *http,
    struct pinf_api_error *error)
{
	if (entry->streamed)
		return http->content_length != 0 ? PINF_OK
						 : refuse(error, PINF_E_MISSING, "content-length");
	if (http->body.len > entry->body_max || http->content_length > entry->body_max)
		return refuse(error, PINF_E_TOO_LARGE, "body");
	if (entry->fields != NULL && !is_json(http->content_type))
		return refuse(error, PINF_E_CONTENT_TYPE, "content-type");
	return PINF_OK;
}

void
pinf_api_key_hash(struct pinf_hash *out, struct pinf_span key)
{
	pinf_sha256(out, key);
}

static enum pinf_err
read_bearer(struct pinf_api_request *request, struct pinf_span key)
{
	if (key.len == 0 || key.len > BEARER_MAX)
		return PINF_E_AUTH_SYNTAX;
	for (size_t i = 0; i < key.len; i++)
		if (key.data[i] <= ' ' || key.data[i] > '~')
			return PINF_E_AUTH_SYNTAX;
	pinf_api_key_hash(&request->api_key_sha256, key);
	request->auth = PINF_AUTH_BEARER;
	return PINF_OK;
}

/* auth keeps the ids that the wallet signed. */
static enum pinf_err
read_wallet(struct pinf_api_request *request, struct pinf_auth *auth,
    const struct pinf_api_config *config, const struct pinf_http_request *http)
{
	struct pinf_auth_request made = {.router = config->router,
	    .domain = config->domain,
	    .method = http->method,
	    .path = http->target,
	    .body_sha256 = request->body_sha256};
	enum pinf_err err = pinf_auth_header_parse(auth, http->authorization);

	if (err == PINF_OK)
		err = pinf_auth_check(auth, &made);
	if (err != PINF_OK)
		return err;
	request->auth = PINF_AUTH_WALLET;
	request->signer = auth->address;
	request->expires_ms = auth->expires_ms;
	memcpy(request->nonce, auth->nonce, sizeof request->nonce);
	pinf_auth_digest(&request->auth_digest, auth->scheme, &made);
	return PINF_OK;
}

/*
 * Who asks.  Which kind of proof an endpoint wants is the policy's to say: it names the rule
 * (an API key where a wallet must sign is "wallet-required").
 */
static enum pinf_err
authenticate(struct pinf_api_request *request, struct pinf_auth *auth,
    const struct pinf_api_config *config, const struct pinf_http_request *http)
{
	if (starts_with(http->authorization, "Bearer "))
		return read_bearer(request, without(http->authorization, strlen("Bearer ")));
	if (starts_with(http->authorization, "Pinf "))
		return read_wallet(request, auth, config, http);
	return PINF_E_AUTH_SYNTAX;
}

static enum pinf_err
page_parameter(uint64_t *value, struct pinf_span digits, uint64_t min, uint64_t max)
{
	uint64_t v;

	if (*value != UINT64_MAX)
		return PINF_E_DUPLICATE;
	if (!pinf_api_decimal(&v, digits))
		return PINF_E_SYNTAX;
	if (v < min || v > max)
		return PINF_E_RANGE;
	*value = v;
	return PINF_OK;
}

static enum pinf_err
read_page(struct pinf_api_request *request, struct pinf_span query, struct pinf_api_error *error)
{
	uint64_t after = UINT64_MAX, limit = UINT64_MAX; /* not given */

	while (query.data != NULL) {
		const uint8_t *mark = memchr(query.data, '&', query.len);
		const size_t len = mark == NULL ? query.len : (size_t)(mark - query.data);
		const struct pinf_span part = {query.data, len};
		enum pinf_err err = PINF_E_UNKNOWN_FIELD;

		if (starts_with(part, "after="))
			err = page_parameter(&after, without(part, 6), 0, PINF_ID_MAX);
		else if (starts_with(part, "limit="))
			err = page_parameter(&limit, without(part, 6), 1, PINF_PAGE_MAX);
		if (err != PINF_OK)
			return refuse(error, err, "query");
		query = mark == NULL ? (struct pinf_span){0} : without(query, len + 1);
	}
	request->after = after == UINT64_MAX ? 0 : after;
	request->limit = limit == UINT64_MAX ? PAGE_LIMIT : (size_t)limit;
	return PINF_OK;
}

static enum pinf_err
read_body(struct pinf_api_request *request, const struct pinf_api_entry *entry,
    struct pinf_span body, struct pinf_api_error *error)
{
	struct pinf_json_reader reader;
	struct pinf_json *json = NULL;
	enum pinf_err err = pinf_json_parse(&json, body, entry->body_max);

	if (err != PINF_OK)
		return refuse(error, err, "body");
	reader = pinf_json_root(json);
	entry->fields(&reader, request);
	err = pinf_json_end(&reader);
	if (err != PINF_OK)
		err = refuse(error, err, reader.field);
	pinf_json_free(json);
	return err;
}

/* What path or body named and what the wallet signed for (0: nothing) must not differ. */
static bool
agree(uint64_t *named, uint64_t signed_for, bool taken)
{
	if (signed_for == 0)
		return true;
	if (!taken || (*named != 0 && *named != signed_for))
		return false;
	*named = signed_for;
	return true;
}

static enum pinf_err
settle_ids(struct pinf_api_request *request, const struct pinf_auth *auth,
    const struct pinf_api_entry *entry, struct pinf_api_error *error)
{
	const unsigned ids = entry->ids;
	/* A prompt's task gets its id from the router; a sealed payload was sealed for one. */
	const bool no_task = entry->endpoint == PINF_EP_COMPLETION && !request->has_payload;
	const bool needs_task = (ids & PINF_IDS_NEED_TASK) == PINF_IDS_NEED_TASK;
	const bool needs_session = (ids & PINF_IDS_NEED_SESSION) == PINF_IDS_NEED_SESSION;
	uint64_t version = request->key_version;

	if (!agree(&request->session, auth->session, (ids & PINF_IDS_SESSION) != 0))
		return refuse(error, PINF_E_SCOPE, "authorization.session");
	if (!agree(&request->task, auth->task, (ids & PINF_IDS_TASK) != 0 && !no_task))
		return refuse(error, PINF_E_SCOPE, "authorization.task");
	if (!agree(&version, auth->key_version, true))
		return refuse(error, PINF_E_SCOPE, "authorization.version");
	request->key_version = (uint32_t)version;
	/* Blob routes name ids in the signature only: policy refuses whoever did not sign. */
	if (entry->fields == NULL && request->auth != PINF_AUTH_WALLET)
		return PINF_OK;
	if (needs_session && request->session == 0)
		return refuse(error, PINF_E_MISSING, "session_id");
	if ((needs_task || request->has_payload) && request->task == 0)
		return refuse(error, PINF_E_MISSING, "task_id");
	return PINF_OK;
}

static struct pinf_api_request *
new_request(const struct pinf_api_route *route, const struct pinf_http_request *http)
{
	struct pinf_api_request *request = calloc(1, sizeof *request);

	if (request == NULL)
		return NULL;
	request->endpoint = route->endpoint;
	request->api_version = route->api_version;
	request->session = route->session;
	request->task = route->task;
	request->blob_sha256 = route->sha256;
	request->blob_size = route->streamed ? http->content_length : 0;
	if (route->streamed)
		request->body_sha256 = route->sha256;
	else
		pinf_sha256(&request->body_sha256, http->body);
	return request;
}

/* Authorization comes before the body: what is not signed as it must be is not parsed. */
static enum pinf_err
fill_request(struct pinf_api_request *request, const struct pinf_api_config *config,
    const struct pinf_api_entry *entry, const struct pinf_http_request *http,
    struct pinf_api_error *error)
{
	struct pinf_auth auth = {0};
	enum pinf_err err = PINF_OK;

	if (http->authorization.len > 0)
		err = authenticate(request, &auth, config, http);
	else if (!entry->anonymous)
		err = PINF_E_AUTH_MISSING;
	if (err != PINF_OK)
		return refuse(error, err, "authorization");
	if (entry->fields != NULL)
		err = read_body(request, entry, http->body, error);
	return err == PINF_OK ? settle_ids(request, &auth, entry, error) : err;
}

enum pinf_err
pinf_api_decode(struct pinf_api_request **request, const struct pinf_api_config *config,
    const struct pinf_http_request *http, struct pinf_api_error *error)
{
	const struct pinf_api_entry *entry = NULL;
	struct pinf_api_request *made;
	struct pinf_api_route route;
	struct pinf_span query;
	enum pinf_err err = pinf_api_find(&entry, &route, &query, http);

	if (err != PINF_OK)
		return refuse(error, err, "path");
	err = check_shape(entry, http, error);
	if (err != PINF_OK)
		return err;
	if (query.data != NULL && !entry->paged)
		return refuse(error, PINF_E_UNKNOWN_FIELD, "query");
	made = new_request(&route, http);
	if (made == NULL)
		return refuse(error, PINF_E_NO_MEMORY, "");
	err = entry->paged ? read_page(made, query, error) : PINF_OK;
	if (err == PINF_OK)
		err = fill_request(made, config, entry, http, error);
	if (err == PINF_OK)
		*request = made;
	else
		pinf_api_request_free(made);
	return err;
}

void
pinf_api_request_free(struct pinf_api_request *request)
{
	if (request == NULL)
		return;
	pinf_bytes_free(&request->document);
	pinf_wipe(request, sizeof *request);
	free(request);
}
