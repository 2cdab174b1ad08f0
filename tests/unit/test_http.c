/* SPDX-License-Identifier: Apache-2.0 */
/* test_http.c -- the HTTP server and client against each other, and against rude peers. */
#include "host_fixture.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "host/client.h"
#include "host/log.h"
#include "host/server.h"
#include "host/system.h"

static struct pinf_server *server;
static char url[64];
static struct pinf_client *client;
static enum pinf_err read_err; /* of the last body */
static atomic_bool saw_hangup;

/* Says back what it was told; /ID picks something else. */
static void
handle(void *ctx, struct pinf_exchange *x)
{
	struct pinf_bytes said = {0};
	const char *path = (const char *)x->target.data;
	enum pinf_err err = pinf_bytes_append(&said, path, x->target.len);

	(void)ctx;
	if (err == PINF_OK)
		err = pinf_bytes_append(&said, "|", 1);
	if (strcmp(path, "/unread") == 0) {
		err = pinf_exchange_reply(x, 413, "text/plain", SPAN("too much"));
	} else if (strcmp(path, "/cut") == 0) {
		err = pinf_exchange_begin(x, 200, "text/plain", 1000000);
		if (err == PINF_OK)
			err = pinf_exchange_send(x, SPAN("beginning"));
		pinf_exchange_cut(x);
	} else if (strcmp(path, "/slow") == 0) {
		for (int i = 0; i < 40 && pinf_exchange_alive(x); i++)
			(void)usleep(50000);
		atomic_store(&saw_hangup, !pinf_exchange_alive(x));
		err = pinf_exchange_reply(x, 200, "text/plain", SPAN("late"));
	} else if (strcmp(path, "/moved") == 0) {
		err = pinf_exchange_reply(x, 302, "text/plain", SPAN("elsewhere"));
	} else if (strcmp(path, "/empty") == 0) {
		err = pinf_exchange_reply(x, 204, NULL, SPAN(""));
	} else {
		uint8_t bytes[8192];
		struct pinf_buf piece = {bytes, 0, sizeof bytes};
		uint64_t have = 0;
		for (read_err = x->chunked ? PINF_E_LENGTH : PINF_OK;
		     read_err == PINF_OK && have < x->content_length; have += piece.len) {
			piece.len = 0;
			(void)usleep(strcmp(path, "/sip") == 0 ? 10000 : 0);
			read_err = pinf_exchange_read(x, &piece);
			if (read_err == PINF_OK &&
			    pinf_bytes_append(&said, bytes, piece.len) != PINF_OK)
				read_err = PINF_E_NO_MEMORY;
		}
		err = pinf_exchange_reply(
		    x, read_err == PINF_OK ? 200 : 408, "text/plain", pinf_span_of(&said));
	}
	(void)err; /* The client sees it, or has gone. */
	pinf_bytes_free(&said);
}

static int
begin(void **state)
{
	const struct pinf_server_config config = {.listen = "127.0.0.1:0",
	    .threads = 4,
	    .request_timeout_ms = 600,
	    .keep_alive_ms = 500,
	    .handle = handle};

	(void)state;
	pinf_log_set_level(PINF_LOG_OFF);
	assert_ok(pinf_server_start(&server, &config, NULL));
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", pinf_server_port(server));
	assert_ok(pinf_client_new(&client, url, NULL));
	return 0;
}

static int
end(void **state)
{
	(void)state;
	pinf_client_free(client);
	pinf_server_stop(server);
	pinf_server_stop(NULL);
	pinf_client_free(NULL);
	return 0;
}

static void
test_calls(void **state)
{
	(void)state;
	uint8_t *big = malloc(5000000);
	struct pinf_call call = {.method = "PUT",
	    .path = "/a%2Fb?x=%20&y",
	    .content_type = "application/octet-stream",
	    .body = {big, 5000000},
	    .timeout_ms = 10000,
	    .answer_max = 5000100};
	struct pinf_bytes answer = {0};
	unsigned status = 0;

	assert_non_null(big);
	memset(big, 'b', 5000000);
	for (int i = 0; i < 3; i++) { /* One connection, over 1 MB: with "Expect: 100-continue". */
		answer.len = 0;
		assert_ok(pinf_client_call(client, &call, &status, &answer));
		assert_int_equal(status, 200);
		assert_int_equal(answer.len, 5000015);
		assert_memory_equal(answer.data, "/a%2Fb?x=%20&y|", 15);
		assert_memory_equal(answer.data + 15, big, 5000000);
	}
	call.answer_max = 100;
	assert_err(pinf_client_call(client, &call, &status, &answer), PINF_E_TOO_LARGE);
	/* Half a second at least: the body is worth more than that. */
	call = (struct pinf_call){.method = "POST",
	    .path = "/sip",
	    .body = {big, 400000},
	    .timeout_ms = 100,
	    .answer_max = 400100};
	answer.len = 0;
	assert_ok(pinf_client_call(client, &call, &status, &answer));
	free(big);
	pinf_bytes_free(&answer);

	const struct {
		const char *path;
		unsigned status;
		const char *body;
	} cases[] = {{"/hello", 200, "/hello|"}, {"/empty", 204, ""}, {"/moved", 302, "elsewhere"}};
	for (size_t i = 0; i < 3; i++) {
		const struct pinf_call get = {
		    .method = "GET", .path = cases[i].path, .timeout_ms = 5000, .answer_max = 100};
		assert_ok(pinf_client_call(client, &get, &status, &answer));
		assert_int_equal(status, cases[i].status);
		assert_int_equal(answer.len, strlen(cases[i].body));
		assert_memory_equal(answer.data, cases[i].body, answer.len);
		pinf_bytes_free(&answer);
	}
}

static void
test_failures(void **state)
{
	(void)state;
	struct pinf_call call = {
	    .method = "GET", .path = "/slow", .timeout_ms = 200, .answer_max = 100};
	struct pinf_client *nowhere, *stopping;
	struct pinf_bytes answer = {0};
	unsigned status = 7;
	const atomic_bool stop = true;

	assert_err(pinf_client_call(client, &call, &status, &answer), PINF_E_TIMEOUT);
	(void)usleep(300000);
	assert_true(atomic_load(&saw_hangup)); /* The handler saw the client go. */
	call.path = "/cut";
	assert_err(pinf_client_call(client, &call, &status, &answer), PINF_E_IO);
	assert_int_equal(answer.len, 0);
	assert_int_equal(status, 7);
	assert_ok(pinf_client_new(&stopping, url, &stop));
	call.path = "/slow";
	call.timeout_ms = 10000;
	assert_err(pinf_client_call(stopping, &call, &status, &answer), PINF_E_TIMEOUT);
	pinf_client_free(stopping);

	static const char *const bad[] = {"", "127.0.0.1:5010", "ftp://x", "http://x/path",
	    "http://u@x", "http://x?q=1", "file:///etc/passwd", "http://"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct pinf_bytes message = {0};
		assert_err(pinf_url_check(bad[i], &message), PINF_E_CONFIG);
		assert_non_null(strstr((char *)message.data, "write http://HOST:PORT"));
		pinf_bytes_free(&message);
		assert_err(pinf_client_new(&nowhere, bad[i], NULL), PINF_E_CONFIG);
	}
	assert_ok(pinf_url_check("https://router.example", NULL));
}

static void
assert_trouble(struct pinf_client *with, const char *path, const char *words)
{
	const struct pinf_call call = {
	    .method = "GET", .path = path, .timeout_ms = 3000, .answer_max = 100};
	struct pinf_bytes answer = {0};
	unsigned status;

	assert_int_not_equal(pinf_client_call(with, &call, &status, &answer), PINF_OK);
	if (strstr(pinf_client_trouble(with), words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", pinf_client_trouble(with), words);
}

/* What went wrong is said each time: a client goes on after any of it, and may get through later. */
static void
test_trouble(void **state)
{
	/* A label of 64 letters: no resolver has to be asked. */
	static const char no_name[] =
	    "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid";
	char tls[sizeof url + 8], longer[128] = "/";
	struct pinf_client *other;

	(void)state;
	memset(longer + 1, 'a', sizeof longer - 2);
	for (int i = 0; i < 2; i++) {
		assert_trouble(client, "/cut", "transfer closed");
		assert_trouble(client, longer, "larger than the limit");
	}
	assert_ok(pinf_client_new(&other, "http://127.0.0.1:1", NULL));
	for (int i = 0; i < 2; i++)
		assert_trouble(other, "/", "Couldn't connect to server. Is it running there?");
	pinf_client_free(other);
	assert_ok(pinf_client_new(&other, no_name, NULL));
	for (int i = 0; i < 2; i++)
		assert_trouble(other, "/", "Could not resolve host");
	pinf_client_free(other);
	(void)snprintf(tls, sizeof tls, "https%s", url + strlen("http"));
	assert_ok(pinf_client_new(&other, tls, NULL));
	for (int i = 0; i < 2; i++)
		assert_trouble(other, "/", "Is it http, not https, there?");
	pinf_client_free(other);
}

static int
dial(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)pinf_server_port(server)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* What comes back to raw bytes until the server closes. */
static void
raw(const char *request, size_t len, char *out, size_t cap)
{
	const int fd = dial();
	const struct timeval silence = {5, 0};
	size_t have = 0;
	ssize_t got;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
	(void)!send(fd, request, len, MSG_NOSIGNAL);
	while (have < cap - 1 && (got = recv(fd, out + have, cap - 1 - have, 0)) > 0)
		have += (size_t)got;
	out[have] = '\0';
	(void)close(fd);
}

static void
test_raw(void **state)
{
	(void)state;
	static char out[8192], head[40000];
	static const struct {
		const char *request, *words[3];
	} cases[] = {
	    {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		{"HTTP/1.1 200 OK\r\n", "Content-Length: 2\r\n", "\r\n\r\n/|"}},
	    {"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: "
	     "close\r\n\r\n",
		{"/|HTTP/1.1 200 OK", "/2|", "Cache-Control: no-store"}},
	    {"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPOST /2 HTTP/1.1\r\n"
	     "Host: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nde",
		{"/1|abcHTTP/1.1 200 OK", "/2|de", ""}},
	    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
		{"HTTP/1.1 408", "Connection: close", "/|"}},
	    {"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\nsome of it",
		{"HTTP/1.1 413", "Connection: close", "too much"}},
	    {"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n"
	     "Content-Length: 2\r\n\r\nhi",
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", "/|hi", ""}},
	    {"garbage\r\n\r\n", {"HTTP/1.1 400", "\"syntax\"", "nosniff"}},
	    {"GET /slow-head HTTP/1.1\r\nHost", {"HTTP/1.1 4", "error", ""}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		raw(cases[i].request, strlen(cases[i].request), out, sizeof out);
		for (size_t w = 0; w < 3; w++)
			if (strstr(out, cases[i].words[w]) == NULL)
				fail_msg("%s -> %s", cases[i].request, out);
		assert_null(strstr(out, "Server:"));
		assert_null(strstr(out, "Access-Control"));
	}
	memset(head, 'h', sizeof head);
	memcpy(head, "GET / HTTP/1.1\r\nX: ", 19);
	raw(head, sizeof head, out, sizeof out);
	assert_non_null(strstr(out, "HTTP/1.1 4"));
}

/* Some of a body comes with its head, some later; the connection goes on. */
static void
test_body_in_parts(void **state)
{
	(void)state;
	static const struct {
		const char *sent, *answer;
	} parts[] = {{"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab", NULL},
	    {"c", NULL}, {"def", "/1|abcdef"},
	    {"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", NULL}, {"gh", "/2|gh"}};
	const struct timeval silence = {5, 0};
	const int fd = dial();
	char out[512];

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const size_t len = strlen(parts[i].sent);

		assert_int_equal(send(fd, parts[i].sent, len, MSG_NOSIGNAL), len);
		(void)usleep(50000); /* So that it is read by then, as far as it goes. */
		if (parts[i].answer == NULL)
			continue;
		const ssize_t got = recv(fd, out, sizeof out - 1, 0);
		assert_true(got > 0);
		out[got] = '\0';
		assert_non_null(strstr(out, "200 OK"));
		assert_non_null(strstr(out, parts[i].answer));
	}
	(void)close(fd);
}

/* A body that trickles in is given up in time, however steadily it trickles. */
static void
test_slow_body(void **state)
{
	(void)state;
	static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{";
	const int fd = dial();
	const uint64_t start_ms = pinf_monotonic_ms();
	char out[512] = "";
	ssize_t got = 0;

	assert_int_equal(send(fd, head, sizeof head - 1, 0), sizeof head - 1);
	while (got <= 0 && pinf_monotonic_ms() < start_ms + 8000) {
		(void)usleep(50000);
		(void)!send(fd, " ", 1, MSG_NOSIGNAL);
		got = recv(fd, out, sizeof out - 1, MSG_DONTWAIT);
	}
	assert_true(got > 0);
	assert_non_null(strstr(out, "408"));
	assert_err(read_err, PINF_E_TIMEOUT);
	assert_in_range(pinf_monotonic_ms() - start_ms, 400, 4000);
	(void)close(fd);
}

static void
test_port_taken(void **state)
{
	(void)state;
	char listen[32];
	struct pinf_server_config config = {
	    .listen = listen, .threads = 1, .request_timeout_ms = 1, .keep_alive_ms = 1};
	struct pinf_server *other;
	struct pinf_bytes message = {0};

	(void)snprintf(listen, sizeof listen, "127.0.0.1:%u", pinf_server_port(server));
	assert_err(pinf_server_start(&other, &config, &message), PINF_E_CONFIG);
	assert_non_null(strstr((char *)message.data, listen));
	assert_non_null(strstr((char *)message.data, "choose another address"));
	pinf_bytes_free(&message);
	static const char *const bad[] = {"", "nonsense", "5010", ":5010", "+5010", "127.0.0.1",
	    "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:123456", "127.0.0.1:5010s",
	    "127.0.0.1:5010r", "127.0.0.1:0,127.0.0.1:0", "::1:5010", "[]:5010"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		config.listen = bad[i];
		assert_err(pinf_server_start(&other, &config, &message), PINF_E_CONFIG);
		assert_non_null(strstr((char *)message.data, "write ADDRESS:PORT"));
		pinf_bytes_free(&message);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_trouble),
	    cmocka_unit_test(test_raw),
	    cmocka_unit_test(test_body_in_parts),
	    cmocka_unit_test(test_slow_body),
	    cmocka_unit_test(test_port_taken),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
