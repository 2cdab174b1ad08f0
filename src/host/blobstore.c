/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobstore.c -- blob storage "fs": ROOT/ab/ab01..., 64 hex digits of SHA-256.  A put writes
 * ROOT/tmp/..., syncs it, links it to its name, syncs the directory, which is there from the start.  spec/effects.md.
 */
#include "host/blobstore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/files.h"

#define ROOT_MAX  (PINF_FILE_PATH_MAX - 128)
#define PIECE_LEN ((size_t)256 << 10)

struct pinf_blobs {
	char root[ROOT_MAX];
	char tmp[ROOT_MAX + 8];
};

struct pinf_blob_writer {
	struct pinf_blobs *blobs;
	struct pinf_temp temp;
	struct pinf_sha256 hash;
	uint64_t size;
};

static enum pinf_err
sweep(const char *tmp)
{
	DIR *dir = opendir(tmp);
	char path[PINF_FILE_PATH_MAX];

	if (dir == NULL)
		return pinf_err_of_errno(errno);
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		const int len = snprintf(path, sizeof path, "%s/%s", tmp, entry->d_name);
		/* What cannot be removed costs room, no more. */
		if (entry->d_name[0] == '.' && entry->d_name[1] == 'p' && len > 0 &&
		    (size_t)len < sizeof path)
			(void)unlink(path);
	}
	(void)closedir(dir);
	return PINF_OK;
}

/* Made by the first put in each, they would have to be durable before the second one is. */
static enum pinf_err
make_directories(const struct pinf_blobs *blobs)
{
	char path[PINF_FILE_PATH_MAX];

	for (unsigned byte = 0; byte < 256; byte++) {
		(void)snprintf(path, sizeof path, "%s/%02x", blobs->root, byte);
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return pinf_err_of_errno(errno);
	}
	return pinf_dir_sync(blobs->root);
}

enum pinf_err
pinf_blobs_open(struct pinf_blobs **blobs, const char *root, struct pinf_bytes *message)
{
	struct pinf_blobs *b = calloc(1, sizeof *b);
	enum pinf_err err = PINF_OK;

	if (b == NULL)
		return PINF_E_NO_MEMORY;
	if (strlen(root) >= sizeof b->root)
		err = PINF_E_LENGTH;
	if (err == PINF_OK) {
		(void)snprintf(b->root, sizeof b->root, "%s", root);
		(void)snprintf(b->tmp, sizeof b->tmp, "%s/tmp", b->root);
		err = pinf_dir_make(b->tmp);
	}
	if (err == PINF_OK)
		err = sweep(b->tmp);
	if (err == PINF_OK)
		err = make_directories(b);
	if (err == PINF_OK && access(b->tmp, W_OK | X_OK) != 0)
		err = pinf_err_of_errno(errno);
	if (err != PINF_OK) {
		free(b);
		return pinf_say(
		    message, err, "%s: cannot keep blobs here: %s", root, pinf_err_text(err));
	}
	*blobs = b;
	return PINF_OK;
}

void
pinf_blobs_free(struct pinf_blobs *blobs)
{
	free(blobs);
}

/* ROOT/ab, and ROOT/ab/ab01.. where file is set. */
static void
path_of(char path[static PINF_FILE_PATH_MAX], const struct pinf_blobs *blobs,
    const struct pinf_hash *sha256, bool file)
{
	char hex[2 * PINF_HASH_LEN + 1];

	pinf_hex(hex, sha256->bytes, PINF_HASH_LEN);
	(void)snprintf(path, PINF_FILE_PATH_MAX, "%s/%.2s%s%s", blobs->root, hex, file ? "/" : "",
	    file ? hex : "");
}

enum pinf_err
pinf_blobs_begin(struct pinf_blobs *blobs, struct pinf_blob_writer **writer)
{
	struct pinf_blob_writer *w = calloc(1, sizeof *w);

	if (w == NULL)
		return PINF_E_NO_MEMORY;
	w->blobs = blobs;
	pinf_sha256_init(&w->hash);
	const enum pinf_err err = pinf_temp_open(&w->temp, blobs->tmp);
	if (err != PINF_OK) {
		free(w);
		return err;
	}
	*writer = w;
	return PINF_OK;
}

enum pinf_err
pinf_blobs_write(struct pinf_blob_writer *writer, struct pinf_span data)
{
	const enum pinf_err err = pinf_write_at(writer->temp.fd, data, writer->size);

	if (err == PINF_OK) {
		pinf_sha256_update(&writer->hash, data);
		writer->size += data.len;
	}
	return err;
}

void
pinf_blobs_abort(struct pinf_blob_writer *writer)
{
	if (writer != NULL)
		pinf_temp_drop(&writer->temp);
	free(writer);
}

/* Links the synced temporary file to its name, and makes that durable. */
static enum pinf_err
publish(struct pinf_blob_writer *writer, const struct pinf_hash *sha256)
{
	char dir[PINF_FILE_PATH_MAX], path[PINF_FILE_PATH_MAX];
	struct stat st;

	path_of(dir, writer->blobs, sha256, false);
	path_of(path, writer->blobs, sha256, true);
	if (link(writer->temp.path, path) != 0) {
		if (errno != EEXIST)
			return pinf_err_of_errno(errno);
		if (stat(path, &st) != 0 || (uint64_t)st.st_size != writer->size)
			return PINF_E_CONFLICT;
	}
	return pinf_dir_sync(dir);
}

enum pinf_err
pinf_blobs_finish(struct pinf_blob_writer *writer, const struct pinf_hash *sha256, uint64_t size)
{
	struct pinf_hash got;
	enum pinf_err err = PINF_OK;

	pinf_sha256_final(&writer->hash, &got);
	if (writer->size != size)
		err = PINF_E_SIZE_MISMATCH;
	else if (!pinf_hash_equal(&got, sha256))
		err = PINF_E_HASH_MISMATCH;
	else if (fsync(writer->temp.fd) != 0)
		err = pinf_err_of_errno(errno);
	else
		err = publish(writer, sha256);
	pinf_blobs_abort(writer); /* The name, if it was made, is another link. */
	return err;
}

enum pinf_err
pinf_blobs_put(struct pinf_blobs *blobs, const struct pinf_hash *sha256, struct pinf_span data)
{
	struct pinf_blob_writer *writer;
	enum pinf_err err = pinf_blobs_begin(blobs, &writer);

	if (err != PINF_OK)
		return err;
	if ((err = pinf_blobs_write(writer, data)) != PINF_OK) {
		pinf_blobs_abort(writer);
		return err;
	}
	return pinf_blobs_finish(writer, sha256, data.len);
}

enum pinf_err
pinf_blobs_get(struct pinf_blobs *blobs, const struct pinf_hash *sha256, int *fd, uint64_t *size)
{
	char path[PINF_FILE_PATH_MAX];
	struct stat st;

	path_of(path, blobs, sha256, true);
	const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0 || fstat(file, &st) != 0) {
		const enum pinf_err err = pinf_err_of_errno(errno);
		if (file >= 0)
			(void)close(file);
		return err == PINF_E_NOT_FOUND ? PINF_E_NO_BLOB : err;
	}
	*fd = file;
	*size = (uint64_t)st.st_size;
	return PINF_OK;
}

/* The hash of the whole file, piece by piece, into whole or head as the header says. */
static enum pinf_err
stream(int fd, uint64_t size, struct pinf_bytes *whole, struct pinf_buf *head,
    struct pinf_sha256 *hash)
{
	struct pinf_buf piece = {malloc(PIECE_LEN), 0, PIECE_LEN};
	enum pinf_err err = piece.data == NULL ? PINF_E_NO_MEMORY : PINF_OK;

	for (uint64_t at = 0; err == PINF_OK && at < size; at += piece.len) {
		piece.len = 0;
		err = pinf_read_at(
		    fd, &piece, size - at < PIECE_LEN ? (size_t)(size - at) : PIECE_LEN, at);
		if (err != PINF_OK)
			break;
		pinf_sha256_update(hash, (struct pinf_span){piece.data, piece.len});
		if (whole != NULL) {
			err = pinf_bytes_append(whole, piece.data, piece.len);
		} else if (head != NULL && head->len < head->cap) {
			const size_t room = head->cap - head->len;
			const size_t n = piece.len < room ? piece.len : room;
			memcpy(head->data + head->len, piece.data, n);
			head->len += n;
		}
	}
	free(piece.data);
	return err;
}

enum pinf_err
pinf_blobs_verify(struct pinf_blobs *blobs, const struct pinf_hash *sha256, uint64_t size,
    struct pinf_bytes *whole, struct pinf_buf *head)
{
	struct pinf_bytes read = {0};
	struct pinf_sha256 hash;
	struct pinf_hash got;
	uint64_t real_size = 0;
	int fd = -1;
	enum pinf_err err = pinf_blobs_get(blobs, sha256, &fd, &real_size);

	if (err != PINF_OK)
		return err;
	pinf_sha256_init(&hash);
	if (real_size != size)
		err = PINF_E_SIZE_MISMATCH;
	else if (whole != NULL && size > SIZE_MAX - 1)
		err = PINF_E_TOO_LARGE;
	else if (whole == NULL || (err = pinf_bytes_reserve(&read, (size_t)size)) == PINF_OK)
		err = stream(fd, size, whole != NULL ? &read : NULL, head, &hash);
	(void)close(fd);
	pinf_sha256_final(&hash, &got);
	if (err == PINF_OK && !pinf_hash_equal(&got, sha256))
		err = PINF_E_HASH_MISMATCH;
	if (err == PINF_OK && whole != NULL && whole->data == NULL) {
		*whole = read; /* The common case, without a copy of a large blob. */
		return PINF_OK;
	}
	if (err == PINF_OK && whole != NULL)
		err = pinf_bytes_append(whole, read.data, read.len);
	pinf_bytes_free(&read);
	return err;
}

enum pinf_err
pinf_blobs_delete(struct pinf_blobs *blobs, const struct pinf_hash *sha256)
{
	char path[PINF_FILE_PATH_MAX];

	path_of(path, blobs, sha256, true);
	if (unlink(path) != 0)
		return errno == ENOENT ? PINF_OK : pinf_err_of_errno(errno);
	path_of(path, blobs, sha256, false);
	return pinf_dir_sync(path);
}
