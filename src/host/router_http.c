/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_http.c -- the daemon's connection threads: from a request to the core's word on it, and
 * from that to the response.  Bodies are streamed, opened and wiped here.  spec/api.md.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/files.h"
#include "host/log.h"
#include "host/router_host_internal.h"
#include "host/system.h"

#define PIECE_LEN    ((size_t)256 << 10)
#define LOOK_MS      200 /* how often a waiting thread looks whether its client is still there */
#define DOCUMENT_MAX (PINF_DOCUMENT_MAX + PINF_DOCUMENT_MAX / 4) /* sealed and padded */

static unsigned
reply_error(struct pinf_exchange *x, const struct pinf_api_error *error)
{
	struct pinf_bytes body = {0};
	const unsigned status = pinf_api_status(error->err);

	/* Where the client has gone, or memory for the words is out, there is nobody to tell. */
	if (pinf_api_error_body(&body, error) == PINF_OK)
		(void)!pinf_exchange_reply(x, status, "application/json", pinf_span_of(&body));
	pinf_bytes_free(&body);
	return status;
}

/* Counts a body's bytes before they are there, so that many large bodies cannot add up. */
static bool
claim_memory(struct pinf_router_host *host, uint64_t len)
{
	(void)pthread_mutex_lock(&host->lock);
	const bool room = len <= host->settings->body_memory_max &&
			  host->body_bytes <= host->settings->body_memory_max - len;
	if (room)
		host->body_bytes += len;
	(void)pthread_mutex_unlock(&host->lock);
	return room;
}

static void
return_memory(struct pinf_router_host *host, uint64_t len)
{
	(void)pthread_mutex_lock(&host->lock);
	host->body_bytes -= len;
	(void)pthread_mutex_unlock(&host->lock);
}

static enum pinf_err
read_body(struct pinf_exchange *x, struct pinf_bytes *body)
{
	const size_t len = (size_t)x->content_length;
	enum pinf_err err = pinf_bytes_reserve(body, len);

	while (err == PINF_OK && body->len < len) {
		struct pinf_buf room = {body->data, body->len, len};
		err = pinf_exchange_read(x, &room);
		body->len = room.len;
	}
	return err;
}

/* Reads the body that the route allows, and decodes.  What went wrong is in error. */
static enum pinf_err
take_request(struct side *side, struct pinf_exchange *x, struct pinf_api_request **request,
    struct pinf_api_error *error)
{
	struct pinf_router_host *host = side->host;
	struct pinf_http_request http = {.listener = side->listener,
	    .method = x->method,
	    .target = x->target,
	    .authorization = x->authorization,
	    .content_type = x->content_type,
	    .content_length = x->content_length};
	struct pinf_api_route route;
	struct pinf_bytes body = {0};

	error->err = pinf_api_route(&route, side->listener, x->method, x->target);
	if (error->err != PINF_OK)
		return error->err;
	const uint64_t max =
	    route.streamed ? host->settings->core.blob_max : (uint64_t)route.body_max;
	if (x->chunked) {
		memcpy(error->field, "content-length", sizeof "content-length");
		return error->err = PINF_E_LENGTH;
	}
	if (x->content_length > max)
		return error->err = PINF_E_TOO_LARGE;
	if (route.streamed)
		return error->err = pinf_api_decode(request, &host->api, &http, error);
	if (!claim_memory(host, x->content_length))
		return error->err = PINF_E_BUSY;
	error->err = read_body(x, &body);
	http.body = pinf_span_of(&body);
	if (error->err == PINF_OK)
		error->err = pinf_api_decode(request, &host->api, &http, error);
	pinf_bytes_free(&body);
	return_memory(host, x->content_length);
	return error->err;
}

static struct waiter *
waiter_begin(struct pinf_router_host *host)
{
	struct waiter *w = NULL;

	(void)pthread_mutex_lock(&host->lock);
	for (size_t i = 0; host->stop_ms == 0 && w == NULL && i < host->waiter_count; i++)
		if (host->waiters[i].id == 0) {
			w = &host->waiters[i];
			w->id = ++host->request_count * host->waiter_count + i;
		}
	(void)pthread_mutex_unlock(&host->lock);
	return w;
}

static void
clear_effect(struct pinf_effect *effect)
{
	struct pinf_effects one = {effect, 1, 1};

	if (effect->kind != 0)
		pinf_effects_cut(&one, 0);
	memset(effect, 0, sizeof *effect);
}

static void
waiter_end(struct pinf_router_host *host, struct waiter *w)
{
	(void)pthread_mutex_lock(&host->lock);
	w->id = 0;
	clear_effect(&w->effect);
	(void)pthread_mutex_unlock(&host->lock);
}

bool
host_tell(struct pinf_router_host *host, uint64_t id, struct pinf_effect *effect)
{
	struct waiter *w = &host->waiters[id % host->waiter_count];

	(void)pthread_mutex_lock(&host->lock);
	const bool there = id != 0 && w->id == id;
	if (there) {
		clear_effect(&w->effect); /* Taken back by the core: a batch was undone. */
		w->effect = *effect;
		memset(effect, 0, sizeof *effect);
	}
	(void)pthread_mutex_unlock(&host->lock);
	if (there) /* Who is told wants the lock first of all. */
		(void)pthread_cond_signal(&w->told);
	return there;
}

/* The core's next word, moved to *effect.  E_BUSY: the router stops; E_IO: the client has gone. */
static enum pinf_err
waiter_wait(struct pinf_router_host *host, struct waiter *w, const struct pinf_exchange *x,
    struct pinf_effect *effect)
{
	enum pinf_err err = PINF_OK;

	(void)pthread_mutex_lock(&host->lock);
	while (w->effect.kind == 0 && err == PINF_OK) {
		const uint64_t now_ms = pinf_monotonic_ms(), look_ms = now_ms + LOOK_MS;
		const struct timespec until = {
		    (time_t)(look_ms / 1000), (long)(look_ms % 1000) * 1000000};
		if (host->stop_ms != 0 && now_ms >= host->stop_ms)
			err = PINF_E_BUSY;
		else if (pthread_cond_timedwait(&w->told, &host->lock, &until) != 0 &&
			 !pinf_exchange_alive(x))
			err = PINF_E_IO;
	}
	if (w->effect.kind != 0) {
		err = PINF_OK;
		*effect = w->effect;
		memset(&w->effect, 0, sizeof w->effect);
	}
	(void)pthread_mutex_unlock(&host->lock);
	return err;
}

static enum pinf_err
stream_upload(struct pinf_router_host *host, struct pinf_exchange *x, const struct pinf_effect *fx,
    struct pinf_buf *piece)
{
	struct pinf_blob_writer *writer;
	enum pinf_err err = pinf_blobs_begin(host->blobs, &writer);

	if (err != PINF_OK)
		return err;
	for (uint64_t left = x->content_length; left > 0 && err == PINF_OK;) {
		/* Gather: a small write to the file for each small packet would cost more. */
		if (piece->len < piece->cap && piece->len < left) {
			err = pinf_exchange_read(x, piece);
			continue;
		}
		err = pinf_blobs_write(writer, (struct pinf_span){piece->data, piece->len});
		left -= piece->len;
		piece->len = 0;
	}
	if (err == PINF_OK)
		return pinf_blobs_finish(writer, &fx->sha256, fx->size);
	pinf_blobs_abort(writer);
	return err;
}

static void
upload(struct pinf_router_host *host, struct pinf_exchange *x, const struct pinf_effect *fx)
{
	struct pinf_buf piece = {malloc(PIECE_LEN), 0, PIECE_LEN};

	host_post(host, PINF_EV_STORED, fx->id,
	    piece.data == NULL ? PINF_E_NO_MEMORY : stream_upload(host, x, fx, &piece));
	free(piece.data);
}

/* From the file to the client, checked on the way: a rotten blob ends in a cut-off response. */
static enum pinf_err
stream_blob(struct pinf_exchange *x, int fd, const struct pinf_effect *fx, struct pinf_buf *piece)
{
	struct pinf_sha256 hash;
	struct pinf_hash got;
	enum pinf_err err = pinf_exchange_begin(x, 200, "application/octet-stream", fx->size);

	pinf_sha256_init(&hash);
	for (uint64_t at = 0; at < fx->size && err == PINF_OK; at += piece->len) {
		piece->len = 0;
		err = pinf_read_at(
		    fd, piece, fx->size - at < PIECE_LEN ? (size_t)(fx->size - at) : PIECE_LEN, at);
		if (err != PINF_OK)
			break;
		const struct pinf_span data = {piece->data, piece->len};
		pinf_sha256_update(&hash, data);
		if (at + piece->len == fx->size) {
			pinf_sha256_final(&hash, &got);
			if (!pinf_hash_equal(&got, &fx->sha256))
				return PINF_E_HASH_MISMATCH;
		}
		err = pinf_exchange_send(x, data);
	}
	return err;
}

static unsigned
serve(struct pinf_router_host *host, struct pinf_exchange *x, const struct pinf_effect *fx)
{
	struct pinf_buf piece = {malloc(PIECE_LEN), 0, PIECE_LEN};
	uint64_t size = 0;
	int fd = -1;
	struct pinf_api_error error = {.err = PINF_E_NO_MEMORY};

	if (piece.data != NULL)
		error.err = pinf_blobs_get(host->blobs, &fx->sha256, &fd, &size);
	if (error.err == PINF_OK && size != fx->size)
		error.err = PINF_E_SIZE_MISMATCH;
	unsigned status = 200;
	if (error.err != PINF_OK) {
		status = reply_error(x, &error);
	} else if ((error.err = stream_blob(x, fd, fx, &piece)) != PINF_OK) {
		pinf_log(PINF_LOG_WARN, "blob-not-served",
		    PINF_FIELDS({"error", pinf_err_name(error.err), 0}));
		pinf_exchange_cut(x);
	}
	if (fd >= 0)
		(void)close(fd);
	free(piece.data);
	return status;
}

/* The result document: inline, or from its blob, checked and opened. */
static enum pinf_err
open_result(
    struct pinf_router_host *host, const struct pinf_effect *fx, struct pinf_bytes *document)
{
	const struct pinf_payload *payload = &fx->payload;
	struct pinf_bytes stored = {0};
	struct pinf_blob *blob = NULL;

	if (payload->urn[0] == '\0')
		return pinf_bytes_append(document, payload->inline_data, payload->inline_len);
	if (payload->size > DOCUMENT_MAX)
		return PINF_E_TOO_LARGE;
	enum pinf_err err =
	    pinf_blobs_verify(host->blobs, &payload->sha256, payload->size, &stored, NULL);
	if (err == PINF_OK && payload->suite == PINF_SUITE_NONE) {
		*document = stored;
		return PINF_OK;
	}
	if (err == PINF_OK)
		err = pinf_payload_check_header(payload, pinf_span_of(&stored));
	if (err == PINF_OK)
		err = pinf_blob_new(&blob);
	if (err == PINF_OK)
		err = pinf_blob_open(
		    blob, &payload->scope, &fx->key, pinf_span_of(&stored), document);
	pinf_blob_free(blob);
	pinf_bytes_free(&stored);
	return err;
}

static unsigned
deliver(struct pinf_router_host *host, struct pinf_exchange *x, const struct pinf_effect *fx)
{
	struct pinf_bytes document = {0}, body = {0};
	struct pinf_result result = {0};
	struct pinf_api_error error = {.err = open_result(host, fx, &document)};
	enum pinf_err sent = PINF_OK;
	unsigned status = 200;

	if (error.err == PINF_OK)
		error.err = pinf_result_decode(&result, pinf_span_of(&document));
	if (error.err == PINF_OK)
		error.err = pinf_api_completion_body(&body, &fx->meta, &result);
	if (error.err == PINF_OK)
		sent = pinf_exchange_reply(x, status, "application/json", pinf_span_of(&body));
	else
		status = reply_error(x, &error);
	host_post(host, PINF_EV_DELIVERED, fx->id, error.err != PINF_OK ? error.err : sent);
	pinf_result_free(&result);
	pinf_bytes_free(&document);
	pinf_bytes_free(&body);
	return status;
}

static unsigned
respond(struct pinf_router_host *host, struct pinf_exchange *x, enum pinf_endpoint endpoint,
    const struct pinf_effect *fx)
{
	const char *type = endpoint == PINF_EP_METRICS && fx->status == 200
			       ? "text/plain; version=0.0.4; charset=utf-8"
			       : "application/json";

	/* What is written to a client that has just gone is lost without a word. */
	const bool there = fx->lease.attempt == 0 || pinf_exchange_alive(x);
	const enum pinf_err err = pinf_exchange_reply(x, fx->status, type, pinf_span_of(&fx->body));
	if (err != PINF_OK || !there)
		host_unheard(host, fx);
	return fx->status;
}

/* Hands the request to the core and does what it says, until the response is out. */
static unsigned
converse(struct pinf_router_host *host, struct pinf_exchange *x, struct pinf_api_request *request)
{
	const enum pinf_endpoint endpoint = request->endpoint;
	struct pinf_effect fx = {.kind = 0};
	struct pinf_job *job = pinf_job_new();
	struct waiter *w = job == NULL ? NULL : waiter_begin(host);
	struct pinf_api_error error = {.err = w == NULL ? PINF_E_BUSY : PINF_OK};
	unsigned status = 0;

	if (job == NULL) {
		pinf_api_request_free(request);
		error.err = PINF_E_NO_MEMORY;
	} else {
		job->event.request = request; /* freed with the job */
	}
	if (error.err == PINF_OK) {
		job->event.kind = PINF_EV_REQUEST;
		job->event.id = w->id;
		error.err = pinf_queue_offer(&host->events, job, HOST_REQUESTS_MAX);
	}
	if (error.err != PINF_OK)
		pinf_job_free(job);
	while (error.err == PINF_OK && status == 0) {
		error.err = waiter_wait(host, w, x, &fx);
		if (error.err != PINF_OK)
			host_post(host, PINF_EV_HANGUP, w->id, PINF_OK);
		else if (fx.kind == PINF_FX_RESPOND)
			status = respond(host, x, endpoint, &fx);
		else if (fx.kind == PINF_FX_SERVE)
			status = serve(host, x, &fx);
		else if (fx.kind == PINF_FX_DELIVER)
			status = deliver(host, x, &fx);
		else
			upload(host, x, &fx);
		clear_effect(&fx);
	}
	if (w != NULL)
		waiter_end(host, w);
	return error.err != PINF_OK ? reply_error(x, &error) : status;
}

void
host_handle(void *ctx, struct pinf_exchange *exchange)
{
	struct side *side = ctx;
	struct pinf_router_host *host = side->host;
	const uint64_t start_ms = pinf_monotonic_ms();
	struct pinf_api_request *request = NULL;
	struct pinf_api_error error = {.err = PINF_OK};
	unsigned status;

	(void)pthread_mutex_lock(&host->lock);
	host->active++;
	(void)pthread_mutex_unlock(&host->lock);
	if (take_request(side, exchange, &request, &error) == PINF_OK)
		status = converse(host, exchange, request);
	else
		status = reply_error(exchange, &error);
	pinf_log(PINF_LOG_DEBUG, "request",
	    PINF_FIELDS({"listener", side->listener == PINF_LISTEN_MINER ? "miner" : "public", 0},
		{"status", NULL, status}, {"ms", NULL, pinf_monotonic_ms() - start_ms}));
	(void)pthread_mutex_lock(&host->lock);
	host->active--;
	(void)pthread_mutex_unlock(&host->lock);
}
