/* SPDX-License-Identifier: Apache-2.0 */
/* files.h -- whole files: read with a limit, written atomically, never half there. */
#ifndef PINF_HOST_FILES_H
#define PINF_HOST_FILES_H

#include <pinf/base.h>

#define PINF_FILE_PATH_MAX 4096

/* ENOENT: E_NOT_FOUND; ENOSPC, EDQUOT: E_FULL; EACCES, EPERM: E_PERMISSION; ENOMEM; else E_IO. */
enum pinf_err pinf_err_of_errno(int error);
/* Appends a line for people to message (which may be NULL); returns err. */
__attribute__((format(printf, 3, 4))) enum pinf_err
pinf_say(struct pinf_bytes *message, enum pinf_err err, const char *format, ...);

/* All of it, or an error: retries short transfers and signals.  A file that ends early is E_IO. */
PINF_MUST_CHECK enum pinf_err pinf_write_at(int fd, struct pinf_span data, uint64_t at);
PINF_MUST_CHECK enum pinf_err pinf_read_at(int fd, struct pinf_buf *out, size_t len, uint64_t at);

/* Appends the file to out.  E_TOO_LARGE over max bytes; message says what and how to mend it. */
PINF_MUST_CHECK enum pinf_err
pinf_file_read(const char *path, size_t max, struct pinf_bytes *out, struct pinf_bytes *message);
/* The same for a secret: E_PERMISSION if group or others may read it. */
PINF_MUST_CHECK enum pinf_err
pinf_secret_read(const char *path, size_t max, struct pinf_bytes *out, struct pinf_bytes *message);
/* Atomic and durable, mode 0600: a crash leaves the old file or the new one.  E_FULL, E_IO. */
PINF_MUST_CHECK enum pinf_err
pinf_file_write(const char *path, struct pinf_span data, struct pinf_bytes *message);
/* Creates a directory (0700) and its parents; fine where it exists. */
PINF_MUST_CHECK enum pinf_err pinf_dir_make(const char *path);
PINF_MUST_CHECK enum pinf_err pinf_dir_sync(const char *path);

/* E_CONFIG, said in message: path is "-", or what is there is a device, and a file renamed to it would take its place. */
PINF_MUST_CHECK enum pinf_err pinf_file_check_target(const char *path, struct pinf_bytes *message);

/* A temporary file (0600) in some directory, to be given its name at the end or dropped. */
struct pinf_temp {
	int fd;
	char path[PINF_FILE_PATH_MAX];
};
PINF_MUST_CHECK enum pinf_err pinf_temp_open(struct pinf_temp *temp, const char *dir);
/* Beside path, in its directory. */
PINF_MUST_CHECK enum pinf_err pinf_temp_beside(struct pinf_temp *temp, const char *path);
/* Closes and renames to path, replacing what is there; drops it where that fails. */
PINF_MUST_CHECK enum pinf_err pinf_temp_rename(struct pinf_temp *temp, const char *path);
void pinf_temp_drop(struct pinf_temp *temp); /* closes and removes; fine after rename */

#endif
