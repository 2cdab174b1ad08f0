/* SPDX-License-Identifier: Apache-2.0 */
/* server.c -- HTTP/1.1 on CivetWeb 1.15, whose TLS is never used (it crashes with OpenSSL 3). */
#define _GNU_SOURCE /* dup3, usleep */
#include "host/server.h"

#include <assert.h>
#include <civetweb.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/files.h"
#include "host/log.h"
#include "host/system.h"

#define DRAIN_MAX   262144 /* bytes of an unwanted body that are read so that the answer arrives */
#define DRAIN_MS    1000
#define JOIN_MAX    4096 /* a body up to here goes out in one write with its head */
#define FD_SCAN_MAX 65536

struct pinf_server {
	struct mg_context *context;
	void *ctx;
	void (*handle)(void *ctx, struct pinf_exchange *exchange);
	uint32_t request_timeout_ms;
	unsigned port;
	atomic_bool started;
	char trouble[256]; /* what CivetWeb said while it started */
};

static const char *
reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} reasons[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
	    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
	    {405, "Method Not Allowed"}, {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"},
	    {411, "Length Required"}, {413, "Content Too Large"}, {415, "Unsupported Media Type"},
	    {422, "Unprocessable Content"}, {429, "Too Many Requests"},
	    {500, "Internal Server Error"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
	    {504, "Gateway Timeout"}, {507, "Insufficient Storage"}};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

/*
 * CivetWeb's mg_read() returns only when all that was asked for is there, and its time limit
 * starts again with every byte: one byte a second holds a thread for as long as the client likes.
 * It does not give its socket away either, so this looks for the descriptor with our peer.
 */
static int
find_socket(const struct mg_request_info *info)
{
	struct rlimit limit = {.rlim_cur = FD_SCAN_MAX};

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	const int end = limit.rlim_cur < FD_SCAN_MAX ? (int)limit.rlim_cur : FD_SCAN_MAX;
	for (int fd = 3; fd < end; fd++) {
		struct sockaddr_storage at = {0}; /* Local sockets fill in their family only. */
		char host[64], port[8];
		socklen_t len = sizeof at;
		if (getpeername(fd, (struct sockaddr *)&at, &len) != 0 ||
		    getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) != 0 ||
		    strcmp(host, info->remote_addr) != 0 || atoi(port) != info->remote_port)
			continue;
		len = sizeof at;
		if (getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
		    getnameinfo((struct sockaddr *)&at, len, NULL, 0, port, sizeof port,
			NI_NUMERICSERV) == 0 &&
		    atoi(port) == info->server_port)
			return fd;
	}
	return -1;
}

/* The connection's descriptor, looked for once and kept with it; -1 if it was not found. */
static int
socket_of(struct mg_connection *connection)
{
	intptr_t kept = (intptr_t)mg_get_user_connection_data(connection);

	if (kept == 0) {
		const int fd = find_socket(mg_get_request_info(connection));
		kept = fd < 0 ? -1 : fd + 1;
		mg_set_user_connection_data(connection, (void *)kept);
	}
	return kept < 0 ? -1 : (int)kept - 1;
}

static int
forget_socket(const struct mg_connection *connection, void **data)
{
	(void)connection;
	*data = NULL;
	return 0;
}

/*
 * What came with the head and is in CivetWeb's buffer, which says nowhere how much that is, and mg_read() would wait for
 * the rest: while it reads, /dev/null stands in the socket's place, of which nothing can be received.  Less than want: that
 * was all.  Negative: the connection is lost.
 */
static int
read_buffered(const struct pinf_exchange *exchange, uint8_t *to, size_t want)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int kept = null < 0 ? -1 : fcntl(exchange->fd, F_DUPFD_CLOEXEC, 0);
	int got = 0;

	if (kept >= 0 && dup3(null, exchange->fd, O_CLOEXEC) == exchange->fd) {
		got = mg_read(exchange->connection, to, want);
		if (got < 0) /* There was nothing. */
			got = 0;
		if (dup3(kept, exchange->fd, O_CLOEXEC) != exchange->fd) {
			mg_disable_connection_keep_alive(exchange->connection);
			got = -1;
		}
	}
	if (kept >= 0)
		(void)close(kept);
	if (null >= 0)
		(void)close(null);
	return got;
}

enum pinf_err
pinf_exchange_read(struct pinf_exchange *exchange, struct pinf_buf *piece)
{
	size_t want = piece->cap - piece->len;

	if (exchange->chunked)
		return PINF_E_LENGTH;
	if (want > exchange->unread)
		want = (size_t)exchange->unread;
	if (want > INT32_MAX)
		want = INT32_MAX;
	if (want == 0)
		return PINF_OK;
	if (exchange->expects_continue) {
		static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
		exchange->expects_continue = false;
		if (mg_write(exchange->connection, go, sizeof go - 1) < 0)
			return PINF_E_IO;
	}
	if (pinf_monotonic_ms() >= exchange->deadline_ms)
		return PINF_E_TIMEOUT;
	uint8_t *to = piece->data + piece->len;
	int got = 0;
	if (exchange->fd >= 0 && !exchange->unbuffered) {
		got = read_buffered(exchange, to, want);
		exchange->unbuffered = got < (int)want;
	}
	if (got == 0) {
		/* What is in the socket can be had at once; for more, it is asked for a byte. */
		int ready = 0;
		if (exchange->fd < 0 || ioctl(exchange->fd, FIONREAD, &ready) != 0 || ready <= 0)
			ready = 1;
		got =
		    mg_read(exchange->connection, to, want < (size_t)ready ? want : (size_t)ready);
	}
	if (got <= 0)
		return got == 0 ? PINF_E_IO : PINF_E_TIMEOUT;
	piece->len += (size_t)got;
	exchange->unread -= (uint64_t)got;
	return PINF_OK;
}

bool
pinf_exchange_alive(const struct pinf_exchange *exchange)
{
	char byte;

	return exchange->fd < 0 || recv(exchange->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

static enum pinf_err
write_all(struct pinf_exchange *exchange, struct pinf_span data)
{
	while (data.len > 0) {
		const size_t len = data.len < INT32_MAX ? data.len : INT32_MAX;
		const int done = mg_write(exchange->connection, data.data, len);
		if (done <= 0)
			return PINF_E_IO;
		data.data += done;
		data.len -= (size_t)done;
	}
	return PINF_OK;
}

static size_t
write_head(const struct pinf_exchange *exchange, char *head, size_t cap, unsigned status,
    const char *content_type, uint64_t size)
{
	const bool close = exchange->unread > 0 || exchange->chunked;
	char entity[160] = "";

	if (size > 0)
		(void)snprintf(entity, sizeof entity,
		    "Content-Type: %.80s\r\nContent-Length: %llu\r\n", content_type,
		    (unsigned long long)size);
	else if (status != 204)
		(void)snprintf(entity, sizeof entity, "Content-Length: 0\r\n");
	const int len = snprintf(head, cap,
	    "HTTP/1.1 %u %s\r\n%sCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
	    "%s%s%s\r\n",
	    status, reason(status), entity,
	    status == 503 || status == 429 ? "Retry-After: 1\r\n" : "",
	    status == 401 ? "WWW-Authenticate: Pinf\r\n" : "",
	    close ? "Connection: close\r\n" : "");

	assert(len > 0 && (size_t)len < cap);
	if (close)
		mg_disable_connection_keep_alive(exchange->connection);
	return (size_t)len;
}

/* Closing a socket with bytes unread resets it, and the answer is lost on its way: read some. */
static void
drain(struct pinf_exchange *exchange)
{
	uint8_t trash[4096];
	uint64_t read = 0;

	if (exchange->unread == 0 || exchange->expects_continue || exchange->fd < 0)
		return;
	(void)shutdown(exchange->fd, SHUT_WR);
	const uint64_t until_ms = pinf_monotonic_ms() + DRAIN_MS;
	while (read < DRAIN_MAX && pinf_monotonic_ms() < until_ms) {
		const ssize_t got = recv(exchange->fd, trash, sizeof trash, MSG_DONTWAIT);
		if (got == 0)
			break;
		if (got > 0)
			read += (uint64_t)got;
		else
			(void)usleep(10000);
	}
}

enum pinf_err
pinf_exchange_begin(
    struct pinf_exchange *exchange, unsigned status, const char *content_type, uint64_t size)
{
	char head[512];
	const size_t len = write_head(exchange, head, sizeof head, status, content_type, size);

	return write_all(exchange, (struct pinf_span){(const uint8_t *)head, len});
}

enum pinf_err
pinf_exchange_send(struct pinf_exchange *exchange, struct pinf_span piece)
{
	return write_all(exchange, piece);
}

void
pinf_exchange_cut(struct pinf_exchange *exchange)
{
	mg_disable_connection_keep_alive(exchange->connection);
	if (exchange->fd >= 0)
		(void)shutdown(exchange->fd, SHUT_RDWR);
}

enum pinf_err
pinf_exchange_reply(struct pinf_exchange *exchange, unsigned status, const char *content_type,
    struct pinf_span body)
{
	char whole[512 + JOIN_MAX];
	size_t len = write_head(exchange, whole, 512, status, content_type, body.len);
	enum pinf_err err;

	if (body.len > 0 && body.len <= JOIN_MAX) {
		memcpy(whole + len, body.data, body.len);
		len += body.len;
		body.len = 0;
	}
	err = write_all(exchange, (struct pinf_span){(const uint8_t *)whole, len});
	pinf_wipe(whole, len);
	if (err == PINF_OK)
		err = write_all(exchange, body);
	drain(exchange);
	return err;
}

/* An error that CivetWeb found by itself: a malformed or oversized head, a client too slow. */
static int
on_http_error(struct mg_connection *connection, int status, const char *text)
{
	struct pinf_exchange exchange = {.connection = connection, .fd = -1, .chunked = true};
	const struct pinf_api_error error = {.err = status == 408 ? PINF_E_TIMEOUT
						    : status == 413 || status == 414
							? PINF_E_TOO_LARGE
							: PINF_E_SYNTAX};
	struct pinf_bytes body = {0};

	(void)text;
	if (pinf_api_error_body(&body, &error) == PINF_OK)
		(void)!pinf_exchange_reply(&exchange, pinf_api_status(error.err),
		    "application/json",
		    pinf_span_of(&body)); /* nobody to tell that it did not arrive */
	pinf_bytes_free(&body);
	return 0;
}

static struct pinf_span
header(const struct mg_connection *connection, const char *name)
{
	const char *value = mg_get_header(connection, name);

	return value == NULL ? (struct pinf_span){NULL, 0} : pinf_span_str(value);
}

static int
on_request(struct mg_connection *connection)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	const struct pinf_server *server = info->user_data;
	const char *expect = mg_get_header(connection, "Expect");
	struct pinf_exchange x = {
	    .method = pinf_span_str(info->request_method),
	    .authorization = header(connection, "Authorization"),
	    .content_type = header(connection, "Content-Type"),
	    .content_length = info->content_length > 0 ? (uint64_t)info->content_length : 0,
	    .chunked = mg_get_header(connection, "Transfer-Encoding") != NULL,
	    .connection = connection,
	    .fd = socket_of(connection),
	    .expects_continue = expect != NULL && strcasecmp(expect, "100-continue") == 0,
	};

	(void)snprintf(x.target_text, sizeof x.target_text, "%s%s%s", info->request_uri,
	    info->query_string != NULL ? "?" : "",
	    info->query_string != NULL ? info->query_string : "");
	x.target = pinf_span_str(x.target_text);
	x.unread = x.content_length;
	x.deadline_ms = pinf_monotonic_ms() + server->request_timeout_ms +
			x.content_length / PINF_SERVER_RATE_MIN * 1000;
	server->handle(server->ctx, &x);
	return 200; /* For an access log that we do not keep; "handled" is all that it says. */
}

static int
on_message(const struct mg_connection *connection, const char *text)
{
	struct pinf_server *server = mg_get_user_data(mg_get_context(connection));

	if (server != NULL && !server->started)
		(void)snprintf(server->trouble, sizeof server->trouble, "%s", text);
	else
		pinf_log(PINF_LOG_DEBUG, "http", PINF_FIELDS({"text", text, 0}));
	return 1;
}

static void
init_library(void)
{
	(void)mg_init_library(0);
}

/* "[ADDRESS]:PORT" */
static bool
is_ipv6(const char *listen)
{
	const size_t len = strspn(listen, "[0123456789abcdefABCDEF:");

	return listen[0] == '[' && len > 1 && listen[len] == ']' && listen[len + 1] == ':';
}

/* CivetWeb takes more: lists, a port without an address for all of them, and an "s" for its TLS. */
static bool
is_address_and_port(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	const size_t len = colon == NULL ? 0 : (size_t)(colon - listen);
	const size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
	const size_t plain = strcspn(listen, ":,+[]");

	if (len == 0 || digits == 0 || digits > 5 || colon[1 + digits] != '\0' ||
	    atoi(colon + 1) > UINT16_MAX)
		return false;
	return plain == len || is_ipv6(listen);
}

enum pinf_err
pinf_server_start(struct pinf_server **server, const struct pinf_server_config *config,
    struct pinf_bytes *message)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char threads[16], timeout[16], keep_alive[16], head_max[16], queue[16];
	const char *options[] = {"listening_ports", config->listen, "num_threads", threads,
	    "request_timeout_ms", timeout, "keep_alive_timeout_ms", keep_alive, "max_request_size",
	    head_max, "enable_keep_alive", "yes", "tcp_nodelay", "1", "decode_url", "no",
	    "decode_query_string", "no", "enable_directory_listing", "no",
	    "access_control_allow_origin", "", "connection_queue", queue, "listen_backlog", "256",
	    NULL};
	const struct mg_callbacks callbacks = {.begin_request = on_request,
	    .http_error = on_http_error,
	    .log_message = on_message,
	    .init_connection = forget_socket};
	struct mg_server_port port = {0};
	struct pinf_server *s;

	if (!is_address_and_port(config->listen))
		return pinf_say(message, PINF_E_CONFIG,
		    "\"%.200s\" is nothing to listen on: write ADDRESS:PORT, as in 127.0.0.1:5010",
		    config->listen);
	if (is_ipv6(config->listen) && mg_check_feature(MG_FEATURES_IPV6) == 0)
		return pinf_say(message, PINF_E_CONFIG,
		    "cannot listen on %.200s: the CivetWeb of this machine has no IPv6; listen on "
		    "127.0.0.1, behind a proxy that has it",
		    config->listen);
	if ((s = calloc(1, sizeof *s)) == NULL)
		return PINF_E_NO_MEMORY;
	assert(config->threads > 0 && config->threads <= PINF_SERVER_THREADS_MAX);
	(void)snprintf(threads, sizeof threads, "%u", config->threads);
	(void)snprintf(timeout, sizeof timeout, "%u", config->request_timeout_ms);
	(void)snprintf(keep_alive, sizeof keep_alive, "%u", config->keep_alive_ms);
	(void)snprintf(head_max, sizeof head_max, "%d", PINF_SERVER_HEAD_MAX);
	(void)snprintf(queue, sizeof queue, "%d", PINF_SERVER_QUEUE);
	s->ctx = config->ctx;
	s->handle = config->handle;
	s->request_timeout_ms = config->request_timeout_ms;
	(void)pthread_once(&once, init_library);
	s->context = mg_start(&callbacks, s, options);
	if (s->context == NULL || mg_get_server_ports(s->context, 1, &port) != 1) {
		(void)pinf_say(message, PINF_E_CONFIG,
		    "cannot listen on %s: %s; is another router running there? choose another "
		    "address "
		    "and port",
		    config->listen, s->trouble);
		pinf_server_stop(s);
		return PINF_E_CONFIG;
	}
	s->port = (unsigned)port.port;
	s->started = true;
	*server = s;
	return PINF_OK;
}

void
pinf_server_stop(struct pinf_server *server)
{
	if (server != NULL && server->context != NULL)
		mg_stop(server->context);
	free(server);
}

unsigned
pinf_server_port(const struct pinf_server *server)
{
	return server->port;
}
