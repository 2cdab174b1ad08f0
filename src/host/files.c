/* SPDX-License-Identifier: Apache-2.0 */
/* files.c -- whole files: read with a limit, written atomically, never half there. */
#define _GNU_SOURCE /* mkostemp */
#include "host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum pinf_err
pinf_err_of_errno(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR: return PINF_E_NOT_FOUND;
	case ENOSPC:
	case EDQUOT: return PINF_E_FULL;
	case EACCES:
	case EPERM: return PINF_E_PERMISSION;
	case ENOMEM: return PINF_E_NO_MEMORY;
	case ENAMETOOLONG: return PINF_E_LENGTH;
	default: return PINF_E_IO;
	}
}

enum pinf_err
pinf_say(struct pinf_bytes *message, enum pinf_err err, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (message == NULL)
		return err;
	va_start(args, format);
	const int len = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	if (len < 0)
		return err;
	const size_t kept = (size_t)len < sizeof line - 1 ? (size_t)len : sizeof line - 2;
	line[kept] = '\n';
	/* Where memory is out for the words, the error itself still goes up. */
	(void)!pinf_bytes_append(message, line, kept + 1);
	return err;
}

enum pinf_err
pinf_write_at(int fd, struct pinf_span data, uint64_t at)
{
	while (data.len > 0) {
		const ssize_t done = pwrite(fd, data.data, data.len, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? pinf_err_of_errno(errno) : PINF_E_IO;
		data.data += done;
		data.len -= (size_t)done;
		at += (uint64_t)done;
	}
	return PINF_OK;
}

enum pinf_err
pinf_read_at(int fd, struct pinf_buf *out, size_t len, uint64_t at)
{
	size_t have = 0;

	if (out->cap - out->len < len)
		return PINF_E_NO_ROOM;
	while (have < len) {
		const ssize_t got =
		    pread(fd, out->data + out->len + have, len - have, (off_t)(at + have));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? pinf_err_of_errno(errno) : PINF_E_IO;
		have += (size_t)got;
	}
	out->len += len;
	return PINF_OK;
}

static enum pinf_err
read_whole(int fd, size_t max, struct pinf_bytes *out)
{
	struct stat st;
	struct pinf_bytes read = {0};
	enum pinf_err err;

	if (fstat(fd, &st) != 0)
		return pinf_err_of_errno(errno);
	if (!S_ISREG(st.st_mode))
		return PINF_E_IO;
	if ((uint64_t)st.st_size > max)
		return PINF_E_TOO_LARGE;
	if ((err = pinf_bytes_reserve(&read, (size_t)st.st_size + 1)) == PINF_OK) {
		struct pinf_buf room = {read.data, 0, read.cap};
		err = pinf_read_at(fd, &room, (size_t)st.st_size, 0);
		if (err == PINF_OK)
			err = pinf_bytes_append(out, room.data, room.len);
		read.len = room.len;
	}
	pinf_bytes_free(&read);
	return err;
}

static enum pinf_err
read_file(
    const char *path, bool secret, size_t max, struct pinf_bytes *out, struct pinf_bytes *message)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		const int error = errno;
		return pinf_say(message, pinf_err_of_errno(error), "%s: %s", path, strerror(error));
	}
	enum pinf_err err = PINF_OK;
	if (secret && (fstat(fd, &st) != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0))
		err = pinf_say(message, PINF_E_PERMISSION,
		    "%s: others can read this secret file (mode %03o); run: chmod 600 %s", path,
		    (unsigned)st.st_mode & 0777, path);
	else if ((err = read_whole(fd, max, out)) != PINF_OK)
		(void)pinf_say(message, err, "%s: %s", path, pinf_err_text(err));
	(void)close(fd);
	return err;
}

enum pinf_err
pinf_file_read(const char *path, size_t max, struct pinf_bytes *out, struct pinf_bytes *message)
{
	return read_file(path, false, max, out, message);
}

enum pinf_err
pinf_secret_read(const char *path, size_t max, struct pinf_bytes *out, struct pinf_bytes *message)
{
	return read_file(path, true, max, out, message);
}

/* The directory part of path, "." if it has none. */
static enum pinf_err
dir_of(char dir[static PINF_FILE_PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');
	const size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);

	if (len >= PINF_FILE_PATH_MAX)
		return PINF_E_LENGTH;
	memcpy(dir, len == 0 ? "." : path, len == 0 ? 1 : len);
	dir[len == 0 ? 1 : len] = '\0';
	return PINF_OK;
}

enum pinf_err
pinf_temp_open(struct pinf_temp *temp, const char *dir)
{
	const int len = snprintf(temp->path, sizeof temp->path, "%s/.pinf-XXXXXX", dir);

	temp->fd = -1;
	if (len < 0 || (size_t)len >= sizeof temp->path)
		return PINF_E_LENGTH;
	temp->fd = mkostemp(temp->path, O_CLOEXEC);
	return temp->fd < 0 ? pinf_err_of_errno(errno) : PINF_OK;
}

enum pinf_err
pinf_temp_beside(struct pinf_temp *temp, const char *path)
{
	char dir[PINF_FILE_PATH_MAX];
	const enum pinf_err err = dir_of(dir, path);

	temp->fd = -1;
	return err != PINF_OK ? err : pinf_temp_open(temp, dir);
}

enum pinf_err
pinf_temp_rename(struct pinf_temp *temp, const char *path)
{
	const int closed = close(temp->fd);

	temp->fd = -1;
	if (closed != 0 || rename(temp->path, path) != 0) {
		const enum pinf_err err = pinf_err_of_errno(errno);
		(void)unlink(temp->path);
		return err;
	}
	return PINF_OK;
}

void
pinf_temp_drop(struct pinf_temp *temp)
{
	if (temp->fd < 0)
		return;
	(void)close(temp->fd);
	(void)unlink(temp->path);
	temp->fd = -1;
}

enum pinf_err
pinf_dir_sync(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum pinf_err err = PINF_OK;

	if (fd < 0 || fsync(fd) != 0)
		err = pinf_err_of_errno(errno);
	if (fd >= 0)
		(void)close(fd);
	return err;
}

enum pinf_err
pinf_dir_make(const char *path)
{
	char part[PINF_FILE_PATH_MAX];
	const size_t len = strlen(path);

	if (len == 0 || len >= sizeof part)
		return PINF_E_LENGTH;
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return pinf_err_of_errno(errno);
		if (i < len)
			part[i] = '/';
	}
	return PINF_OK;
}

enum pinf_err
pinf_file_check_target(const char *path, struct pinf_bytes *message)
{
	struct stat st;

	if (strcmp(path, "-") != 0 && (stat(path, &st) != 0 || S_ISREG(st.st_mode)))
		return PINF_OK;
	return pinf_say(message, PINF_E_CONFIG,
	    "%s: is no regular file; name one, that it can be written whole or not at all", path);
}

enum pinf_err
pinf_file_write(const char *path, struct pinf_span data, struct pinf_bytes *message)
{
	struct pinf_temp temp = {.fd = -1};
	char dir[PINF_FILE_PATH_MAX];
	enum pinf_err err = pinf_file_check_target(path, message);

	if (err != PINF_OK)
		return err;
	err = pinf_temp_beside(&temp, path);
	if (err == PINF_OK)
		err = pinf_write_at(temp.fd, data, 0);
	if (err == PINF_OK && fsync(temp.fd) != 0)
		err = pinf_err_of_errno(errno);
	if (err == PINF_OK)
		err = pinf_temp_rename(&temp, path);
	if (err == PINF_OK && (err = dir_of(dir, path)) == PINF_OK)
		err = pinf_dir_sync(dir);
	if (err != PINF_OK)
		(void)pinf_say(message, err, "%s: cannot write: %s", path, pinf_err_text(err));
	pinf_temp_drop(&temp);
	return err;
}
