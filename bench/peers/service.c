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
#include "signatures.h"
#include "transactions.h"

#define THREADS_MAX 64

struct bare {
	struct service_work *work;
	struct transactions *transactions;
	atomic_uint_fast64_t next_task, next_put;
	uint8_t *bytes;
	int directory;

	pthread_mutex_t lock;
	pthread_cond_t asked, committed;
	unsigned waiting; /* steps that the next commit makes durable */
	uint64_t generation; /* commits that have begun */
	uint64_t done; /* of those, that have ended */
	bool over;
};

static void
put(struct bare *bare)
{
	const unsigned long long index = atomic_fetch_add(&bare->next_put, 1);
	char temporary[256], name[256];
	int fd;

	(void)snprintf(
	    temporary, sizeof temporary, "%s/put-%llu.tmp", bare->work->directory, index);
	(void)snprintf(name, sizeof name, "%s/put-%llu", bare->work->directory, index);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
	bench_require(
	    fd >= 0 &&
		write(fd, bare->bytes, bare->work->put_len) == (ssize_t)bare->work->put_len &&
		fsync(fd) == 0 && link(temporary, name) == 0 && fsync(bare->directory) == 0 &&
		close(fd) == 0 && unlink(temporary) == 0,
	    "putting a file");
}

static void
sign_and_check(uint64_t task)
{
	uint8_t secret[32] = {1}, digest[32] = {1}, signature[65], key[64];

	memcpy(digest, &task, sizeof task);
	peers_sign(secret, digest, signature);
	peers_recover(signature, digest, key);
}

static void
agree(uint64_t task)
{
	uint8_t secret[32] = {0}, point[32] = {9}, shared[32];

	memcpy(secret, &task, sizeof task);
	peers_x25519(secret, point, shared);
}

/* Waits until a commit that began after now has ended. */
static void
step(struct bare *bare)
{
	uint64_t mine;

	(void)pthread_mutex_lock(&bare->lock);
	bare->waiting++;
	mine = bare->generation + 1;
	(void)pthread_cond_signal(&bare->asked);
	while (bare->done < mine)
		(void)pthread_cond_wait(&bare->committed, &bare->lock);
	(void)pthread_mutex_unlock(&bare->lock);
}

/* Of count in a task, after its step i: spread evenly. */
static unsigned
due(const struct service_work *work, unsigned i, unsigned count)
{
	return (i + 1) * count / work->steps - i * count / work->steps;
}

static void *
do_tasks(void *arg)
{
	struct bare *bare = arg;
	const struct service_work *w = bare->work;

	for (uint64_t task; (task = atomic_fetch_add(&bare->next_task, 1)) < w->tasks;)
		for (unsigned i = 0; i < w->steps; i++) {
			step(bare);
			for (unsigned n = due(w, i, w->puts); n > 0; n--)
				put(bare);
			for (unsigned n = due(w, i, w->signatures); n > 0; n--)
				sign_and_check(task);
			for (unsigned n = due(w, i, w->agreements); n > 0; n--)
				agree(task);
		}
	return NULL;
}

static void *
commit_steps(void *arg)
{
	struct bare *bare = arg;

	(void)pthread_mutex_lock(&bare->lock);
	for (;;) {
		while (bare->waiting == 0 && !bare->over)
			(void)pthread_cond_wait(&bare->asked, &bare->lock);
		if (bare->waiting == 0)
			break;
		const unsigned steps = bare->waiting;
		bare->waiting = 0;
		bare->generation++;
		(void)pthread_mutex_unlock(&bare->lock);
		transactions_run(bare->transactions, steps * bare->work->rows);
		(void)pthread_mutex_lock(&bare->lock);
		bare->done++;
		bare->work->commits++;
		(void)pthread_cond_broadcast(&bare->committed);
	}
	(void)pthread_mutex_unlock(&bare->lock);
	return NULL;
}

static double
run_threads(struct bare *bare)
{
	pthread_t ids[THREADS_MAX], writer;
	const double before = bench_now_us();

	bench_require(pthread_create(&writer, NULL, commit_steps, bare) == 0, "starting a thread");
	for (unsigned i = 0; i < bare->work->threads; i++)
		bench_require(
		    pthread_create(&ids[i], NULL, do_tasks, bare) == 0, "starting a thread");
	for (unsigned i = 0; i < bare->work->threads; i++)
		(void)pthread_join(ids[i], NULL);
	(void)pthread_mutex_lock(&bare->lock);
	bare->over = true;
	(void)pthread_cond_signal(&bare->asked);
	(void)pthread_mutex_unlock(&bare->lock);
	(void)pthread_join(writer, NULL);
	return bench_now_us() - before;
}

double
service_bare_us(struct service_work *work)
{
	struct bare bare = {.work = work,
	    .next_put = work->first_put,
	    .transactions = transactions_open(work->directory),
	    .bytes = calloc(1, work->put_len),
	    .directory = open(work->directory, O_RDONLY | O_DIRECTORY),
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .asked = PTHREAD_COND_INITIALIZER,
	    .committed = PTHREAD_COND_INITIALIZER};
	double took;

	sign_and_check(0); /* The library's context, before there are threads. */
	bench_require(bare.transactions != NULL && bare.bytes != NULL && bare.directory >= 0 &&
			  work->threads <= THREADS_MAX,
	    "a directory");
	took = run_threads(&bare);
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
