/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h -- HTTP/1.1 without TLS (a proxy ends that).  One thread a connection; bodies have a
 * declared length and arrive in time, or not at all.  The only file that knows CivetWeb.
 */
#ifndef PINF_HOST_SERVER_H
#define PINF_HOST_SERVER_H

#include <pinf/api.h>

#define PINF_SERVER_HEAD_MAX    16384 /* bytes of a request's line and headers */
#define PINF_SERVER_RATE_MIN    ((uint64_t)65536) /* bytes a second that a body must keep up */
#define PINF_SERVER_THREADS_MAX 4096
#define PINF_SERVER_QUEUE       128 /* connections accepted before a thread is free */

struct pinf_server;

/* One request while its handler runs, on the connection's thread. */
struct pinf_exchange {
	struct pinf_span method;
	struct pinf_span target; /* path and query as sent */
	struct pinf_span authorization; /* header values; empty if absent */
	struct pinf_span content_type;
	uint64_t content_length; /* 0 without a body */
	bool chunked; /* of unknown length: read() refuses it */
	/* Private to server.c. */
	void *connection;
	int fd;
	bool unbuffered; /* CivetWeb holds nothing more of the body */
	uint64_t unread;
	uint64_t deadline_ms; /* monotonic: by when the body must be here */
	bool expects_continue;
	char target_text[PINF_PATH_MAX + 2];
};

struct pinf_server_config {
	const char *listen; /* "127.0.0.1:5010"; port 0: any */
	unsigned threads; /* connections served at once */
	uint32_t request_timeout_ms; /* head; body, beside PINF_SERVER_RATE_MIN */
	uint32_t keep_alive_ms; /* idle between requests */
	void *ctx;
	/* Answers with exactly one reply, or begin and sends.  Debian's CivetWeb gives it 100 KiB of stack. */
	void (*handle)(void *ctx, struct pinf_exchange *exchange);
};

/* message says what is wrong with the address, and what to do. */
PINF_MUST_CHECK enum pinf_err pinf_server_start(struct pinf_server **server,
    const struct pinf_server_config *config, struct pinf_bytes *message);
/* Takes no more connections, waits for the handlers that run.  NULL is fine. */
void pinf_server_stop(struct pinf_server *server);
unsigned pinf_server_port(const struct pinf_server *server);

/* Up to cap bytes of the body that have arrived; 0 at its end.  E_TIMEOUT, E_IO, E_LENGTH (chunked). */
PINF_MUST_CHECK enum pinf_err
pinf_exchange_read(struct pinf_exchange *exchange, struct pinf_buf *piece);
/* Whether the client is still there. */
bool pinf_exchange_alive(const struct pinf_exchange *exchange);
/* A whole response.  E_IO: the client has gone. */
PINF_MUST_CHECK enum pinf_err pinf_exchange_reply(struct pinf_exchange *exchange, unsigned status,
    const char *content_type, struct pinf_span body);
/* The head of a response of size bytes, then those bytes in pieces. */
PINF_MUST_CHECK enum pinf_err pinf_exchange_begin(
    struct pinf_exchange *exchange, unsigned status, const char *content_type, uint64_t size);
PINF_MUST_CHECK enum pinf_err
pinf_exchange_send(struct pinf_exchange *exchange, struct pinf_span piece);

/* Ends the connection in the middle of a response that cannot be completed. */
void pinf_exchange_cut(struct pinf_exchange *exchange);

#endif
