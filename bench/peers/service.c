/* SPDX-License-Identifier: Apache-2.0 */
/* service.c -- files, transactions and CivetWeb called directly. */
#include "service.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <civetweb.h>

#include "measure.h"
#include "transactions.h"

#define THREADS_MAX 64

struct bare {
	const struct service_work *work;
	struct transactions *transactions;
	atomic_uint_fast64_t next; /* file to put */
	uint8_t *bytes;
	int directory;
};

static void
put(struct bare *bare, uint64_t index)
{
	char temporary[256], name[256];
	int fd;

	(void)snprintf(temporary, sizeof temporary, "%s/put-%llu.tmp", bare->work->directory,
	    (unsigned long long)index);
	(void)snprintf(
	    name, sizeof name, "%s/put-%llu", bare->work->directory, (unsigned long long)index);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
	bench_require(
	    fd >= 0 &&
		write(fd, bare->bytes, bare->work->put_len) == (ssize_t)bare->work->put_len &&
		fsync(fd) == 0 && link(temporary, name) == 0 && fsync(bare->directory) == 0 &&
		close(fd) == 0 && unlink(temporary) == 0,
	    "putting a file");
}

static void *
put_files(void *arg)
{
	struct bare *bare = arg;
	uint64_t index;

	while ((index = atomic_fetch_add(&bare->next, 1)) < bare->work->puts)
		put(bare, index);
	return NULL;
}

static void
commit_all(struct bare *bare)
{
	const struct service_work *w = bare->work;

	for (uint64_t i = 0, rows = 0; i < w->commits; i++) {
		const uint64_t until = w->rows * (i + 1) / w->commits;

		transactions_run(bare->transactions, (unsigned)(until - rows));
		rows = until;
	}
}

double
service_bare_us(const struct service_work *work)
{
	struct bare bare = {.work = work,
	    .transactions = transactions_open(work->directory),
	    .bytes = calloc(1, work->put_len),
	    .directory = open(work->directory, O_RDONLY | O_DIRECTORY)};
	pthread_t ids[THREADS_MAX];
	double took;

	bench_require(bare.transactions != NULL && bare.bytes != NULL && bare.directory >= 0 &&
			  work->threads <= THREADS_MAX,
	    "a directory");
	took = bench_now_us();
	for (unsigned i = 0; i < work->threads; i++)
		bench_require(
		    pthread_create(&ids[i], NULL, put_files, &bare) == 0, "starting a thread");
	commit_all(&bare);
	for (unsigned i = 0; i < work->threads; i++)
		(void)pthread_join(ids[i], NULL);
	took = bench_now_us() - took;
	transactions_close(bare.transactions);
	free(bare.bytes);
	(void)close(bare.directory);
	return took;
}

struct hello {
	struct mg_context *context;
};

static int
say_hello(struct mg_connection *connection, void *ctx)
{
	(void)ctx;
	(void)mg_printf(connection,
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
	return 200;
}

struct hello *
hello_start(unsigned threads)
{
	char count[16];
	const char *options[] = {"listening_ports", "127.0.0.1:0", "num_threads", count,
	    "enable_keep_alive", "yes", "tcp_nodelay", "1", "request_timeout_ms", "10000", NULL};
	const struct mg_callbacks none = {0};
	struct hello *hello = calloc(1, sizeof *hello);

	(void)snprintf(count, sizeof count, "%u", threads);
	bench_require(
	    hello != NULL && (hello->context = mg_start(&none, NULL, options)) != NULL, "CivetWeb");
	mg_set_request_handler(hello->context, "/", say_hello, NULL);
	return hello;
}

unsigned
hello_port(const struct hello *hello)
{
	struct mg_server_port port[2];

	bench_require(mg_get_server_ports(hello->context, 2, port) == 1, "CivetWeb's port");
	return (unsigned)port[0].port;
}

void
hello_stop(struct hello *hello)
{
	mg_stop(hello->context);
	free(hello);
}
