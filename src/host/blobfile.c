/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobfile.c -- sealing and opening from file to file.  Workers take batches of chunks, read,
 * seal or open, and write each at its place; the caller's thread follows in order, for the
 * SHA-256 of the sealed bytes and for what only the order shows, and works where it would wait.
 */
#include "host/blobfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/files.h"

#define BATCH_LEN ((size_t)1 << 20) /* of sealed bytes, about */

/* One batch in hand, and the buffers that it uses.  Batch n lives in slot n % slot_count. */
struct slot {
	bool done;
	struct pinf_buf plain; /* real bytes, one after the other */
	struct pinf_buf sealed;
	bool short_before_end; /* opening: data after a chunk that was not full */
	bool ends_short; /* opening: the batch's last chunk was not full */
};

struct pipe {
	bool sealing;
	int in, out; /* out -1: nothing is written (ranges) */
	const struct pinf_blob *origin; /* key and header, for each thread's own context */
	struct pinf_blob_plan plan;
	struct pinf_blob_params params;
	uint64_t plain_len; /* sealing */
	uint64_t end_batch;
	uint32_t batch_chunks;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t next; /* batch to take */
	uint64_t consumed; /* batches that the caller's thread is through with */
	enum pinf_err err; /* first one; stops all */
	struct slot *slots;
	size_t slot_count;

	struct pinf_sha256 hash;
	uint64_t real_len; /* opening: so far */
	bool data_ended;
};

static void
fail(struct pipe *pipe, enum pinf_err err)
{
	(void)pthread_mutex_lock(&pipe->lock);
	if (pipe->err == PINF_OK)
		pipe->err = err;
	(void)pthread_cond_broadcast(&pipe->changed);
	(void)pthread_mutex_unlock(&pipe->lock);
}

/* The chunks of a batch, first to end - 1, and where they lie in the blob. */
struct extent {
	uint64_t first, end;
	uint64_t at;
	size_t len;
};

static struct extent
extent_of(const struct pipe *pipe, uint64_t batch)
{
	struct extent e = {.first = batch * pipe->batch_chunks};
	size_t last_len;

	e.end = pipe->plan.chunks - e.first < pipe->batch_chunks ? pipe->plan.chunks
								 : e.first + pipe->batch_chunks;
	e.at = pinf_blob_chunk_at(&pipe->plan, &pipe->params, e.first, &last_len);
	const uint64_t last_at =
	    pinf_blob_chunk_at(&pipe->plan, &pipe->params, e.end - 1, &last_len);
	e.len = (size_t)(last_at - e.at) + last_len;
	return e;
}

/* Each chunk is read to where it will lie sealed. */
static enum pinf_err
seal_batch(struct pipe *pipe, struct pinf_blob *blob, uint64_t batch, struct slot *slot)
{
	const struct extent e = extent_of(pipe, batch);
	const uint64_t real = pipe->plan.chunk_real;
	enum pinf_err err = PINF_OK;

	for (uint64_t i = e.first; i < e.end && err == PINF_OK; i++) {
		const uint64_t left = pipe->plain_len > i * real ? pipe->plain_len - i * real : 0;
		struct pinf_buf data = {
		    slot->sealed.data + slot->sealed.len, 0, slot->sealed.cap - slot->sealed.len};

		err = pinf_read_at(
		    pipe->in, &data, left < real ? (size_t)left : (size_t)real, i * real);
		if (err == PINF_OK)
			err = pinf_blob_seal_at(blob, &pipe->plan, i,
			    (struct pinf_span){data.data, data.len}, &slot->sealed);
	}
	if (err == PINF_OK)
		err = pinf_write_at(
		    pipe->out, (struct pinf_span){slot->sealed.data, slot->sealed.len}, e.at);
	return err;
}

static enum pinf_err
open_batch(struct pipe *pipe, struct pinf_blob *blob, uint64_t batch, struct slot *slot)
{
	const struct extent e = extent_of(pipe, batch);
	enum pinf_err err = pinf_read_at(pipe->in, &slot->sealed, e.len, e.at);

	slot->ends_short = slot->short_before_end = false;
	for (uint64_t i = e.first; i < e.end && err == PINF_OK; i++) {
		size_t len;
		const uint64_t at = pinf_blob_chunk_at(&pipe->plan, &pipe->params, i, &len) - e.at;
		const size_t before = slot->plain.len;
		err = pinf_blob_open_at(blob, &pipe->plan, i,
		    (struct pinf_span){slot->sealed.data + at, len}, &slot->plain);
		const size_t got = slot->plain.len - before;
		slot->short_before_end |= slot->ends_short && got > 0;
		slot->ends_short |= got < pipe->plan.chunk_real;
	}
	if (err == PINF_OK && pipe->out >= 0)
		err =
		    pinf_write_at(pipe->out, (struct pinf_span){slot->plain.data, slot->plain.len},
			e.first * pipe->plan.chunk_real);
	return err;
}

static enum pinf_err
do_batch(struct pipe *pipe, struct pinf_blob *blob, uint64_t batch)
{
	struct slot *slot = &pipe->slots[batch % pipe->slot_count];

	slot->plain.len = slot->sealed.len = 0;
	return pipe->sealing ? seal_batch(pipe, blob, batch, slot)
			     : open_batch(pipe, blob, batch, slot);
}

/* In order, on the caller's thread. */
static enum pinf_err
consume(struct pipe *pipe, uint64_t batch)
{
	struct slot *slot = &pipe->slots[batch % pipe->slot_count];

	pinf_sha256_update(&pipe->hash, (struct pinf_span){slot->sealed.data, slot->sealed.len});
	if (pipe->sealing)
		return PINF_OK;
	if (slot->short_before_end || (pipe->data_ended && slot->plain.len > 0))
		return PINF_E_BLOB_PADDING;
	pipe->data_ended |= slot->ends_short;
	pipe->real_len += slot->plain.len;
	return PINF_OK;
}

/* With the lock held: whether there is a batch to take, and a slot for it. */
static bool
is_open(const struct pipe *pipe)
{
	return pipe->err == PINF_OK && pipe->next < pipe->end_batch &&
	       pipe->next < pipe->consumed + pipe->slot_count;
}

/* With the lock held, which is given back meanwhile: does the next batch. */
static void
do_next(struct pipe *pipe, struct pinf_blob *blob)
{
	const uint64_t batch = pipe->next++;

	(void)pthread_mutex_unlock(&pipe->lock);
	const enum pinf_err err = do_batch(pipe, blob, batch);
	(void)pthread_mutex_lock(&pipe->lock);
	pipe->slots[batch % pipe->slot_count].done = err == PINF_OK;
	if (pipe->err == PINF_OK)
		pipe->err = err;
	(void)pthread_cond_broadcast(&pipe->changed);
}

static void *
work(void *arg)
{
	struct pipe *pipe = arg;
	struct pinf_blob *blob = NULL;
	const enum pinf_err err = pinf_blob_clone(&blob, pipe->origin);

	if (err != PINF_OK)
		fail(pipe, err);
	(void)pthread_mutex_lock(&pipe->lock);
	while (pipe->err == PINF_OK && pipe->next < pipe->end_batch)
		if (is_open(pipe))
			do_next(pipe, blob);
		else
			(void)pthread_cond_wait(&pipe->changed, &pipe->lock);
	(void)pthread_mutex_unlock(&pipe->lock);
	pinf_blob_free(blob);
	return NULL;
}

/* Until the batch is done, helps; false: somebody failed. */
static bool
await(struct pipe *pipe, struct pinf_blob *blob, uint64_t batch)
{
	struct slot *slot = &pipe->slots[batch % pipe->slot_count];

	(void)pthread_mutex_lock(&pipe->lock);
	while (pipe->err == PINF_OK && !slot->done)
		if (is_open(pipe))
			do_next(pipe, blob);
		else
			(void)pthread_cond_wait(&pipe->changed, &pipe->lock);
	const bool go = pipe->err == PINF_OK;
	slot->done = false;
	(void)pthread_mutex_unlock(&pipe->lock);
	return go;
}

static void
release(struct pipe *pipe)
{
	(void)pthread_mutex_lock(&pipe->lock);
	pipe->consumed++;
	(void)pthread_cond_broadcast(&pipe->changed);
	(void)pthread_mutex_unlock(&pipe->lock);
}

static enum pinf_err
run_threads(struct pipe *pipe, unsigned threads)
{
	pthread_t ids[PINF_BLOBFILE_THREADS_MAX];
	struct pinf_blob *blob = NULL;
	enum pinf_err err = pinf_blob_clone(&blob, pipe->origin);
	unsigned count = 0;

	while (err == PINF_OK && count + 1 < threads &&
	       pthread_create(&ids[count], NULL, work, pipe) == 0)
		count++;
	for (uint64_t batch = 0;
	     err == PINF_OK && batch < pipe->end_batch && await(pipe, blob, batch); batch++) {
		err = consume(pipe, batch);
		release(pipe);
	}
	if (err != PINF_OK)
		fail(pipe, err);
	for (unsigned i = 0; i < count; i++)
		(void)pthread_join(ids[i], NULL);
	pinf_blob_free(blob);
	return pipe->err;
}

static enum pinf_err
run_alone(struct pipe *pipe)
{
	struct pinf_blob *blob = NULL;
	enum pinf_err err = pinf_blob_clone(&blob, pipe->origin);

	for (uint64_t batch = 0; batch < pipe->end_batch && err == PINF_OK; batch++) {
		err = do_batch(pipe, blob, batch);
		if (err == PINF_OK)
			err = consume(pipe, batch);
	}
	pinf_blob_free(blob);
	return err;
}

static void
free_slots(struct pipe *pipe)
{
	for (size_t i = 0; pipe->slots != NULL && i < pipe->slot_count; i++) {
		struct pinf_buf *const bufs[] = {&pipe->slots[i].plain, &pipe->slots[i].sealed};

		for (size_t k = 0; k < 2;
		     k++) { /* What failed may have left plaintext in either. */
			if (bufs[k]->data != NULL)
				pinf_wipe(bufs[k]->data, bufs[k]->cap);
			free(bufs[k]->data);
		}
	}
	free(pipe->slots);
}

static enum pinf_err
make_slots(struct pipe *pipe, unsigned threads)
{
	const size_t chunk = (size_t)1 << pipe->params.chunk_log2;
	const size_t cap = pipe->batch_chunks * (chunk + PINF_TAG_LEN);
	const size_t plain_cap = pipe->sealing ? 1 : cap; /* sealed where it was read to */

	pipe->slot_count = threads == 1 ? 1 : 2 * (size_t)threads;
	if ((pipe->slots = calloc(pipe->slot_count, sizeof *pipe->slots)) == NULL)
		return PINF_E_NO_MEMORY;
	for (size_t i = 0; i < pipe->slot_count; i++) {
		pipe->slots[i].plain = (struct pinf_buf){malloc(plain_cap), 0, plain_cap};
		pipe->slots[i].sealed = (struct pinf_buf){malloc(cap), 0, cap};
		if (pipe->slots[i].plain.data == NULL || pipe->slots[i].sealed.data == NULL)
			return PINF_E_NO_MEMORY;
	}
	return PINF_OK;
}

/* plan, params, in, out, origin and sealing are set; runs over all batches. */
static enum pinf_err
run(struct pipe *pipe, unsigned threads)
{
	const uint64_t chunks = BATCH_LEN >> pipe->params.chunk_log2;

	assert(threads >= 1 && threads <= PINF_BLOBFILE_THREADS_MAX);
	pipe->batch_chunks = chunks == 0 ? 1 : (uint32_t)chunks;
	pipe->end_batch = (pipe->plan.chunks + pipe->batch_chunks - 1) / pipe->batch_chunks;
	if (pipe->end_batch == 1)
		threads = 1;
	if (pthread_mutex_init(&pipe->lock, NULL) != 0)
		return PINF_E_IO;
	enum pinf_err err = pthread_cond_init(&pipe->changed, NULL) == 0 ? PINF_OK : PINF_E_IO;
	if (err == PINF_OK) {
		err = make_slots(pipe, threads);
		if (err == PINF_OK)
			err = threads == 1 ? run_alone(pipe) : run_threads(pipe, threads);
		free_slots(pipe);
		(void)pthread_cond_destroy(&pipe->changed);
	}
	(void)pthread_mutex_destroy(&pipe->lock);
	return err;
}

static enum pinf_err
open_input(const char *path, int *fd, uint64_t *len)
{
	struct stat st;
	const int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return pinf_err_of_errno(errno);
	if (fstat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)close(file);
		return PINF_E_IO;
	}
	*fd = file;
	*len = (uint64_t)st.st_size;
	return PINF_OK;
}

enum pinf_err
pinf_blobfile_seal(const struct pinf_blobfile *file, const struct pinf_blob_params *params,
    struct pinf_random random, struct pinf_blobfile_info *info)
{
	struct pipe pipe = {.sealing = true, .in = -1, .params = *params};
	struct pinf_temp temp = {.fd = -1};
	struct pinf_blob *blob = NULL;
	uint8_t header[PINF_BLOB_HEADER_LEN];
	struct pinf_hash sha256;
	enum pinf_err err = open_input(file->from, &pipe.in, &pipe.plain_len);

	if (err == PINF_OK)
		err = pinf_blob_params_check(params);
	if (err == PINF_OK)
		err = pinf_blob_plan(&pipe.plan, params, pipe.plain_len);
	if (err == PINF_OK)
		err = pinf_blob_new(&blob);
	if (err == PINF_OK)
		err = pinf_blob_seal_begin(blob, params, file->scope_key, random, header);
	if (err == PINF_OK)
		err = pinf_temp_beside(&temp, file->to);
	if (err == PINF_OK)
		err = pinf_write_at(temp.fd, (struct pinf_span){header, sizeof header}, 0);
	if (err == PINF_OK) {
		pinf_sha256_init(&pipe.hash);
		pinf_sha256_update(&pipe.hash, (struct pinf_span){header, sizeof header});
		pipe.out = temp.fd;
		pipe.origin = blob;
		err = run(&pipe, file->threads);
	}
	if (err == PINF_OK)
		err = pinf_temp_rename(&temp, file->to);
	if (err == PINF_OK && info != NULL) {
		pinf_sha256_final(&pipe.hash, &sha256);
		*info = (struct pinf_blobfile_info){sha256, pipe.plan.sealed_len, pipe.plain_len};
	}
	pinf_temp_drop(&temp);
	pinf_blob_free(blob);
	if (pipe.in >= 0)
		(void)close(pipe.in);
	return err;
}

/* Opens file->from, checks header and commitment, plans; the caller closes and frees, on errors too. */
static enum pinf_err
begin_open(struct pipe *pipe, const struct pinf_blobfile *file, const struct pinf_scope *expected,
    struct pinf_blob **blob)
{
	uint8_t bytes[PINF_BLOB_HEADER_LEN];
	struct pinf_buf header = {bytes, 0, sizeof bytes};
	uint64_t sealed_len = 0;
	enum pinf_err err = open_input(file->from, &pipe->in, &sealed_len);

	if (err == PINF_OK)
		err = pinf_read_at(pipe->in, &header,
		    sealed_len < sizeof bytes ? (size_t)sealed_len : sizeof bytes, 0);
	if (err == PINF_OK)
		err = pinf_blob_new(blob);
	if (err == PINF_OK)
		err = pinf_blob_open_begin(
		    *blob, (struct pinf_span){bytes, header.len}, expected, file->scope_key);
	if (err != PINF_OK)
		return err;
	pipe->params = *pinf_blob_params_of(*blob);
	pipe->origin = *blob;
	pinf_sha256_init(&pipe->hash);
	pinf_sha256_update(&pipe->hash, (struct pinf_span){bytes, sizeof bytes});
	return pinf_blob_plan_sealed(&pipe->plan, &pipe->params, sealed_len);
}

/* What only the whole shows: the padding is as long as this plaintext's must be. */
static enum pinf_err
check_end(const struct pipe *pipe)
{
	struct pinf_blob_plan plan;
	const enum pinf_err err = pinf_blob_plan(&plan, &pipe->params, pipe->real_len);

	if (err != PINF_OK)
		return err;
	return plan.sealed_len == pipe->plan.sealed_len ? PINF_OK : PINF_E_BLOB_PADDING;
}

enum pinf_err
pinf_blobfile_open(const struct pinf_blobfile *file, const struct pinf_scope *expected,
    struct pinf_blobfile_info *info)
{
	struct pipe pipe = {.in = -1};
	struct pinf_temp temp = {.fd = -1};
	struct pinf_blob *blob = NULL;
	struct pinf_hash sha256;
	enum pinf_err err = begin_open(&pipe, file, expected, &blob);

	if (err == PINF_OK)
		err = pinf_temp_beside(&temp, file->to);
	if (err == PINF_OK) {
		pipe.out = temp.fd;
		err = run(&pipe, file->threads);
	}
	if (err == PINF_OK)
		err = check_end(&pipe);
	if (err == PINF_OK)
		err = pinf_temp_rename(&temp, file->to);
	if (err == PINF_OK && info != NULL) {
		pinf_sha256_final(&pipe.hash, &sha256);
		*info = (struct pinf_blobfile_info){sha256, pipe.plan.sealed_len, pipe.real_len};
	}
	pinf_temp_drop(&temp);
	pinf_blob_free(blob);
	if (pipe.in >= 0)
		(void)close(pipe.in);
	return err;
}

enum pinf_err
pinf_blobfile_range(const struct pinf_blobfile *file, const struct pinf_scope *expected,
    const struct pinf_range *range, struct pinf_bytes *plain)
{
	struct pipe pipe = {.in = -1, .out = -1, .batch_chunks = 1};
	struct pinf_blob *blob = NULL;
	struct pinf_bytes got = {0};
	enum pinf_err err = begin_open(&pipe, file, expected, &blob);

	if (err == PINF_OK &&
	    (range->len > PINF_BLOBFILE_RANGE_MAX || range->first > PINF_BLOB_PLAIN_MAX))
		err = PINF_E_RANGE;
	if (err == PINF_OK)
		err = make_slots(&pipe, 1);
	const uint64_t real = pipe.plan.chunk_real, end = range->first + range->len;
	for (uint64_t i = err == PINF_OK ? range->first / real : 0;
	     err == PINF_OK && i < pipe.plan.chunks && i * real < end; i++) {
		struct slot *slot = pipe.slots;

		slot->plain.len = slot->sealed.len = 0;
		err = open_batch(&pipe, blob, i, slot);
		const uint64_t skip = range->first > i * real ? range->first - i * real : 0;
		const uint64_t stop =
		    end - i * real < slot->plain.len ? end - i * real : slot->plain.len;
		if (err == PINF_OK && stop > skip)
			err =
			    pinf_bytes_append(&got, slot->plain.data + skip, (size_t)(stop - skip));
	}
	if (err == PINF_OK)
		err = pinf_bytes_append(plain, got.data, got.len);
	pinf_bytes_free(&got);
	free_slots(&pipe);
	pinf_blob_free(blob);
	if (pipe.in >= 0)
		(void)close(pipe.in);
	return err;
}
