/* SPDX-License-Identifier: Apache-2.0 */
/* client.c -- HTTP requests by libcurl. */
#include "host/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "host/files.h"
#include "host/server.h"
#include "host/system.h"

#define CONNECT_MS        5000
#define AUTHORIZATION_MAX 1024
#define TROUBLE_MAX       768
/* libcurl takes and gives back its buffers with every call: dear where a call has a kilobyte to say. */
#define LARGE      ((size_t)2 << 20) /* bodies of more, or answers that may be */
#define ROOM_LARGE 262144L
#define ROOM_SMALL 16384L

struct pinf_client {
	CURL *curl;
	char *url; /* base, without a slash at its end */
	const atomic_bool *stop;
	char words[CURL_ERROR_SIZE]; /* libcurl's, of the call in hand */
	char trouble[TROUBLE_MAX];
};

struct sink {
	struct pinf_bytes *to;
	size_t room;
	enum pinf_err err;
};

static size_t
take(char *data, size_t size, size_t count, void *ctx)
{
	struct sink *sink = ctx;
	const size_t len = size * count;

	if (len > sink->room)
		sink->err = PINF_E_TOO_LARGE;
	else
		sink->err = pinf_bytes_append(sink->to, data, len);
	if (sink->err != PINF_OK)
		return CURL_WRITEFUNC_ERROR;
	sink->room -= len;
	return len;
}

static int
go_on(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct pinf_client *client = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return client->stop != NULL && atomic_load(client->stop);
}

static void
init_library(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum pinf_err
pinf_url_check(const char *url, struct pinf_bytes *message)
{
	CURLU *parts = curl_url();
	char *path = NULL, *scheme = NULL, *user = NULL, *query = NULL;
	enum pinf_err err = PINF_E_CONFIG;

	if (parts == NULL)
		return PINF_E_NO_MEMORY;
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
	    curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") == 0 &&
	    curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
	    curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_NO_QUERY)
		err = PINF_OK;
	else
		(void)pinf_say(message, err,
		    "\"%.200s\" is not a router's URL: write http://HOST:PORT or https://HOST",
		    url);
	curl_free(path);
	curl_free(scheme);
	curl_free(user);
	curl_free(query);
	curl_url_cleanup(parts);
	return err;
}

/* What is the same in all calls of a client. */
static CURLcode
set_up(struct pinf_client *client)
{
	CURL *curl = client->curl;
	const char *authorities = getenv("SSL_CERT_FILE");
	CURLcode rc = curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);

	if (authorities != NULL && authorities[0] != '\0')
		rc |= curl_easy_setopt(curl, CURLOPT_CAINFO, authorities);
	rc |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->words);
	rc |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	rc |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	rc |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "pinf/" PINF_VERSION);
	rc |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	rc |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	rc |= curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	rc |= curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
	rc |= curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	return rc;
}

enum pinf_err
pinf_client_new(struct pinf_client **client, const char *url, const atomic_bool *stop)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const enum pinf_err err = pinf_url_check(url, NULL);
	struct pinf_client *c;
	size_t len = strlen(url);

	(void)pthread_once(&once, init_library);
	if (err != PINF_OK)
		return err;
	if ((c = calloc(1, sizeof *c)) == NULL)
		return PINF_E_NO_MEMORY;
	while (len > 0 && url[len - 1] == '/')
		len--;
	c->stop = stop;
	c->curl = curl_easy_init();
	c->url = strndup(url, len);
	if (c->curl == NULL || c->url == NULL || set_up(c) != CURLE_OK) {
		pinf_client_free(c);
		return PINF_E_NO_MEMORY;
	}
	*client = c;
	return PINF_OK;
}

void
pinf_client_free(struct pinf_client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	free(client->url);
	free(client);
}

static enum pinf_err
err_of(CURLcode code, const struct sink *sink)
{
	if (sink->err != PINF_OK)
		return sink->err;
	switch (code) {
	case CURLE_OK: return PINF_OK;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_ABORTED_BY_CALLBACK: return PINF_E_TIMEOUT;
	case CURLE_OUT_OF_MEMORY: return PINF_E_NO_MEMORY;
	default: return PINF_E_IO;
	}
}

static const char *
advice(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT: return ". Is it running there?";
	case CURLE_COULDNT_RESOLVE_HOST: return ". Is the name right?";
	case CURLE_PEER_FAILED_VERIFICATION:
		return ". SSL_CERT_FILE names certificates to trust instead of the system's.";
	case CURLE_SSL_CACERT_BADFILE: return ". Is SSL_CERT_FILE right?";
	case CURLE_SSL_CONNECT_ERROR: return ". Is it http, not https, there?";
	default: return ".";
	}
}

static void
explain(struct pinf_client *client, CURLcode code, enum pinf_err err)
{
	const char *words = client->words;

	if (code == CURLE_OK || err == PINF_E_TOO_LARGE)
		words = pinf_err_text(err);
	else if (words[0] == '\0')
		words = curl_easy_strerror(code);
	(void)snprintf(client->trouble, sizeof client->trouble, "%.255s: %s%s", client->url, words,
	    advice(code));
}

const char *
pinf_client_trouble(const struct pinf_client *client)
{
	return client->trouble;
}

/* Headers of the call, or NULL when out of memory; freed by the caller. */
static struct curl_slist *
headers_of(const struct pinf_call *call)
{
	char line[AUTHORIZATION_MAX + 32];
	struct curl_slist *list = curl_slist_append(NULL, "Accept: */*"), *more = list;

	if (more != NULL && call->authorization != NULL && call->authorization[0] != '\0') {
		(void)snprintf(line, sizeof line, "Authorization: %s", call->authorization);
		more = curl_slist_append(list, line);
	}
	if (more != NULL && call->content_type != NULL) {
		(void)snprintf(line, sizeof line, "Content-Type: %s", call->content_type);
		more = curl_slist_append(list, line);
	}
	if (more == NULL)
		curl_slist_free_all(list);
	return more == NULL ? NULL : list;
}

/* A body has as long as a router gives it (server.h): a fixed time would be too short for a long one, each time anew. */
static long
patience_ms(const struct pinf_call *call)
{
	const uint64_t bytes = call->body.len + call->answer_len;

	return (long)(call->timeout_ms + bytes * 1000 / PINF_SERVER_RATE_MIN);
}

/* What each call of a client sets. */
static CURLcode
prepare(CURL *curl, const struct pinf_call *call, const char *url, struct curl_slist *headers,
    struct sink *sink)
{
	const bool is_large = call->answer_max > LARGE || call->body.len > LARGE;
	const long room = is_large ? ROOM_LARGE : ROOM_SMALL;
	CURLcode rc = curl_easy_setopt(curl, CURLOPT_URL, url);

	rc |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	rc |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, patience_ms(call));
	/* Refused while a buffer is there, as after a name that did not resolve: that one does as well. */
	(void)curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, room);
	rc |= curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, room);
	rc |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
	if (strcmp(call->method, "GET") == 0) {
		rc |= curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	} else {
		rc |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
		rc |=
		    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
		rc |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
		    call->body.data != NULL ? (const char *)call->body.data : "");
	}
	rc |= curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
	return rc;
}

enum pinf_err
pinf_client_call(struct pinf_client *client, const struct pinf_call *call, unsigned *status,
    struct pinf_bytes *answer)
{
	struct pinf_bytes url = {0}, body = {0};
	struct sink sink = {&body, call->answer_max, PINF_OK};
	struct curl_slist *headers = headers_of(call);
	CURLcode done = CURLE_OK;
	long code = 0;
	enum pinf_err err = pinf_bytes_append(&url, client->url, strlen(client->url));

	if (err == PINF_OK)
		err = pinf_bytes_append(&url, call->path, strlen(call->path));
	if (err == PINF_OK && headers == NULL)
		err = PINF_E_NO_MEMORY;
	if (err == PINF_OK &&
	    prepare(client->curl, call, (const char *)url.data, headers, &sink) != CURLE_OK)
		err = PINF_E_IO;
	client->words[0] = '\0';
	if (err == PINF_OK) {
		done = curl_easy_perform(client->curl);
		err = err_of(done, &sink);
	}
	if (err == PINF_OK &&
	    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &code) != CURLE_OK)
		err = PINF_E_IO;
	if (err == PINF_OK && answer->data == NULL) {
		*answer = body;
		body = (struct pinf_bytes){0};
	} else if (err == PINF_OK) {
		err = pinf_bytes_append(answer, body.data, body.len);
	}
	if (err == PINF_OK)
		*status = (unsigned)code;
	else
		explain(client, done, err);
	curl_slist_free_all(headers);
	pinf_bytes_free(&url);
	pinf_bytes_free(&body);
	return err;
}

enum pinf_err
pinf_client_call_signed(struct pinf_client *client, const struct pinf_call *call,
    const struct pinf_sender *sender, struct pinf_call_about about, unsigned *status,
    struct pinf_bytes *answer)
{
	struct pinf_auth_request request = {.router = sender->router,
	    .domain = sender->domain,
	    .method = pinf_span_str(call->method),
	    .path = pinf_span_str(call->path),
	    .session = about.session,
	    .task = about.task};
	char header[PINF_AUTH_HEADER_MAX + 1];
	struct pinf_call signed_call = *call;

	pinf_sha256(&request.body_sha256, call->body);
	const enum pinf_err err =
	    pinf_auth_sign(header, sender->wallet, &request, pinf_now_ms(), sender->random);
	if (err != PINF_OK)
		return err;
	signed_call.authorization = header;
	return pinf_client_call(client, &signed_call, status, answer);
}
