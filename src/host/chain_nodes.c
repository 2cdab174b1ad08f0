/* SPDX-License-Identifier: Apache-2.0 */
/* chain_nodes.c -- JSON-RPC bodies to nodes and back: what they say, the core reads. */
#include "host/chain_nodes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/router.h>

#include "core/rpc.h"
#include "host/client.h"
#include "host/files.h"
#include "host/log.h"

#define NODE_QUEUE_MAX 4 /* the core asks one thing at a time */

struct node {
	struct pinf_chain_nodes *of;
	char *origin; /* http://host:port */
	char *path; /* "/" and whatever follows */
	struct pinf_pool pool; /* of one thread */
	bool running;
	bool silent; /* and the log has said so; its own thread's */
};

struct pinf_chain_nodes {
	struct node nodes[PINF_CHAIN_ENDPOINTS_MAX];
	uint32_t count;
	struct pinf_queue *events;
	atomic_bool stop;
};

static void *
connect_node(void *ctx)
{
	struct node *node = ctx;
	struct pinf_client *client = NULL;

	return pinf_client_new(&client, node->origin, &node->of->stop) == PINF_OK ? client : NULL;
}

static void
disconnect_node(void *ctx, void *client)
{
	(void)ctx;
	pinf_client_free(client);
}

/* Why a node gave no answer, once; the core logs what it makes of it.  Never the path: it may hold a password. */
static void
tell_silence(struct node *node, const struct pinf_client *client, enum pinf_err err)
{
	if (err != PINF_OK && !node->silent && client != NULL && !atomic_load(&node->of->stop))
		pinf_log(PINF_LOG_WARN, "chain-node-unanswered",
		    PINF_FIELDS({"node", NULL, (uint64_t)(node - node->of->nodes)},
			{"error", pinf_client_trouble(client), 0}));
	node->silent = err != PINF_OK;
}

static void
ask(void *ctx, void *client, struct pinf_job *job)
{
	struct node *node = ctx;
	const struct pinf_call call = {.method = "POST",
	    .path = node->path,
	    .content_type = "application/json",
	    .body = pinf_span_of(&job->effect.body),
	    .timeout_ms = job->effect.timeout_ms,
	    .answer_max = PINF_RPC_REPLY_MAX};
	unsigned status = 0;
	const enum pinf_err err = client == NULL
				      ? PINF_E_NO_MEMORY
				      : pinf_client_call(client, &call, &status, &job->body);

	tell_silence(node, client, err);
	pinf_job_answer(job, PINF_EV_CHAIN, err);
	job->event.status = status;
	pinf_queue_push(node->of->events, job);
}

/* As it goes into a request line: nothing that would end it, or that is never sent. */
static bool
is_path(const char *path)
{
	while (*path > ' ' && *path < 0x7f && *path != '#')
		path++;
	return *path == '\0';
}

/* The next node's url: its origin and path apart. */
static enum pinf_err
split(struct pinf_chain_nodes *nodes, const char *url, size_t len, struct pinf_bytes *message)
{
	struct node *node = &nodes->nodes[nodes->count++];
	const char *host = memchr(url, ':', len);
	const char *path = NULL;
	size_t origin_len = len;

	if (host != NULL && (size_t)(url + len - host) > 3)
		path = memchr(host + 3, '/', (size_t)(url + len - host) - 3);
	if (path != NULL)
		origin_len = (size_t)(path - url);
	node->origin = strndup(url, origin_len);
	node->path = path == NULL ? strdup("/") : strndup(path, len - origin_len);
	if (node->origin == NULL || node->path == NULL)
		return PINF_E_NO_MEMORY;
	if (pinf_url_check(node->origin, NULL) == PINF_OK && is_path(node->origin) &&
	    is_path(node->path))
		return PINF_OK;
	/* By its place: what stands there may hold a password. */
	return pinf_say(message, PINF_E_CONFIG,
	    "--chain-rpc: number %u is not a node's URL: write http://HOST:PORT[/PATH] or "
	    "https://..., several with commas between them",
	    nodes->count);
}

static void
forget(struct pinf_chain_nodes *nodes)
{
	for (uint32_t n = 0; n < nodes->count; n++) {
		free(nodes->nodes[n].origin);
		free(nodes->nodes[n].path);
	}
	nodes->count = 0;
}

/* A quorum is of different nodes: none has two voices. */
static enum pinf_err
tell_apart(const struct pinf_chain_nodes *nodes, struct pinf_bytes *message)
{
	const struct node *last = &nodes->nodes[nodes->count - 1];

	for (const struct node *node = nodes->nodes; node < last; node++)
		if (strcmp(node->origin, last->origin) == 0 && strcmp(node->path, last->path) == 0)
			return pinf_say(message, PINF_E_CONFIG,
			    "--chain-rpc: \"%.100s\" is there twice: a node counts once",
			    last->origin);
	return PINF_OK;
}

static enum pinf_err
read_urls(struct pinf_chain_nodes *nodes, const char *urls, struct pinf_bytes *message)
{
	enum pinf_err err = PINF_OK;

	while (urls != NULL && *urls != '\0' && err == PINF_OK) {
		const size_t len = strcspn(urls, ",");

		if (nodes->count == PINF_CHAIN_ENDPOINTS_MAX)
			err = pinf_say(message, PINF_E_CONFIG, "--chain-rpc: more than %d nodes",
			    PINF_CHAIN_ENDPOINTS_MAX);
		else
			err = split(nodes, urls, len, message);
		if (err == PINF_OK)
			err = tell_apart(nodes, message);
		urls += len;
		urls += *urls == ',';
	}
	if (err != PINF_OK)
		forget(nodes);
	return err;
}

enum pinf_err
pinf_chain_nodes_count(uint32_t *count, const char *urls, struct pinf_bytes *message)
{
	struct pinf_chain_nodes *nodes = calloc(1, sizeof *nodes);
	enum pinf_err err = nodes == NULL ? PINF_E_NO_MEMORY : read_urls(nodes, urls, message);

	if (err == PINF_OK)
		*count = nodes->count;
	if (err == PINF_OK)
		forget(nodes);
	free(nodes);
	return err;
}

enum pinf_err
pinf_chain_nodes_start(struct pinf_chain_nodes **nodes, const char *urls, struct pinf_queue *events,
    struct pinf_bytes *message)
{
	struct pinf_chain_nodes *all = calloc(1, sizeof *all);
	enum pinf_err err = all == NULL ? PINF_E_NO_MEMORY : read_urls(all, urls, message);

	for (uint32_t n = 0; err == PINF_OK && n < all->count; n++) {
		struct node *node = &all->nodes[n];

		all->events = events;
		node->of = all;
		node->pool.ctx = node;
		node->pool.thread_begin = connect_node;
		node->pool.thread_end = disconnect_node;
		node->pool.run = ask;
		err = pinf_pool_start(&node->pool, 1);
		node->running = err == PINF_OK;
	}
	if (err != PINF_OK)
		pinf_chain_nodes_stop(all);
	else
		*nodes = all;
	return err;
}

void
pinf_chain_nodes_ask(struct pinf_chain_nodes *nodes, struct pinf_job *job)
{
	assert(job->effect.request < nodes->count);
	pinf_queue_push_wait(&nodes->nodes[job->effect.request].pool.queue, job, NODE_QUEUE_MAX);
}

void
pinf_chain_nodes_stop(struct pinf_chain_nodes *nodes)
{
	if (nodes == NULL)
		return;
	atomic_store(&nodes->stop, true);
	for (uint32_t n = 0; n < nodes->count; n++)
		if (nodes->nodes[n].running)
			pinf_pool_stop(&nodes->nodes[n].pool);
	forget(nodes);
	free(nodes);
}
