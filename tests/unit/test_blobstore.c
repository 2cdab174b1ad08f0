/* SPDX-License-Identifier: Apache-2.0 */
/* test_blobstore.c -- files and the blob store "fs".  spec/effects.md. */
#include "host_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "crypto/crypto.h"
#include "host/blobstore.h"
#include "host/files.h"

static void
test_errno(void **state)
{
	(void)state;
	static const struct {
		int error;
		enum pinf_err err;
	} cases[] = {{ENOENT, PINF_E_NOT_FOUND}, {ENOTDIR, PINF_E_NOT_FOUND}, {ENOSPC, PINF_E_FULL},
	    {EDQUOT, PINF_E_FULL}, {EACCES, PINF_E_PERMISSION}, {EPERM, PINF_E_PERMISSION},
	    {ENOMEM, PINF_E_NO_MEMORY}, {ENAMETOOLONG, PINF_E_LENGTH}, {EIO, PINF_E_IO}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_err(pinf_err_of_errno(cases[i].error), cases[i].err);

	const int full = open("/dev/full", O_WRONLY);
	assert_true(full >= 0);
	assert_err(pinf_write_at(full, SPAN("x"), 0), PINF_E_FULL);
	(void)close(full);
}

static void
test_files(void **state)
{
	(void)state;
	const char *path = in_scratch("secret");
	struct pinf_bytes got = {0}, message = {0};
	struct stat st;

	assert_err(pinf_file_read(path, 10, &got, &message), PINF_E_NOT_FOUND);
	assert_non_null(strstr((char *)message.data, "secret: No such file"));
	assert_ok(pinf_file_write(path, SPAN("old"), NULL));
	assert_ok(pinf_file_write(path, SPAN("new one"), NULL));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_err(pinf_file_read(path, 6, &got, NULL), PINF_E_TOO_LARGE);
	assert_int_equal(got.len, 0);
	assert_ok(pinf_secret_read(path, 7, &got, NULL));
	assert_string_equal((char *)got.data, "new one");

	message.len = 0;
	assert_int_equal(chmod(path, 0640), 0);
	assert_err(pinf_secret_read(path, 7, &got, &message), PINF_E_PERMISSION);
	assert_non_null(strstr((char *)message.data, "mode 640"));
	assert_non_null(strstr((char *)message.data, "run: chmod 600 "));
	assert_err(pinf_file_read(scratch, 7, &got, NULL), PINF_E_IO);
	assert_err(pinf_file_write(in_scratch("no/such/dir"), SPAN("x"), NULL), PINF_E_NOT_FOUND);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(count_files(scratch), 0);
	pinf_bytes_free(&got);
	pinf_bytes_free(&message);
}

static struct pinf_blobs *
open_store(void)
{
	struct pinf_blobs *blobs;

	assert_ok(pinf_blobs_open(&blobs, in_scratch("blobs"), NULL));
	/* Before any put, so that none depends on another's. */
	for (unsigned byte = 0; byte < 256; byte++) {
		char name[16];

		(void)snprintf(name, sizeof name, "blobs/%02x", byte);
		assert_int_equal(access(in_scratch(name), W_OK | X_OK), 0);
	}
	return blobs;
}

static struct pinf_hash
hash_of(struct pinf_span data)
{
	struct pinf_hash hash;

	pinf_sha256(&hash, data);
	return hash;
}

static void
test_put_get(void **state)
{
	(void)state;
	struct pinf_blobs *blobs = open_store();
	static uint8_t big[700000];
	struct pinf_bytes whole = {0};
	uint8_t head_bytes[10];
	struct pinf_buf head = {head_bytes, 0, sizeof head_bytes};
	int fd;
	uint64_t size;

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * 31 >> 3);
	const struct pinf_span data = span_of(big, sizeof big);
	const struct pinf_hash name = hash_of(data);

	assert_err(pinf_blobs_get(blobs, &name, &fd, &size), PINF_E_NO_BLOB);
	assert_err(pinf_blobs_verify(blobs, &name, 1, NULL, NULL), PINF_E_NO_BLOB);
	assert_ok(pinf_blobs_put(blobs, &name, data));
	assert_ok(pinf_blobs_put(blobs, &name, data)); /* again is fine */
	assert_ok(pinf_blobs_get(blobs, &name, &fd, &size));
	assert_int_equal(size, sizeof big);
	(void)close(fd);
	assert_ok(pinf_blobs_verify(blobs, &name, sizeof big, &whole, NULL));
	assert_int_equal(whole.len, sizeof big);
	assert_memory_equal(whole.data, big, sizeof big);
	assert_ok(pinf_blobs_verify(blobs, &name, sizeof big, NULL, &head));
	assert_int_equal(head.len, 10);
	assert_memory_equal(head_bytes, big, 10);
	assert_err(
	    pinf_blobs_verify(blobs, &name, sizeof big - 1, NULL, NULL), PINF_E_SIZE_MISMATCH);
	assert_ok(pinf_blobs_delete(blobs, &name));
	assert_ok(pinf_blobs_delete(blobs, &name));
	assert_err(pinf_blobs_get(blobs, &name, &fd, &size), PINF_E_NO_BLOB);

	/* The empty blob is a blob too. */
	const struct pinf_hash none = hash_of(SPAN(""));
	assert_ok(pinf_blobs_put(blobs, &none, SPAN("")));
	assert_ok(pinf_blobs_verify(blobs, &none, 0, &whole, NULL));
	pinf_bytes_free(&whole);
	pinf_blobs_free(blobs);
	remove_tree(in_scratch("blobs"));
}

static void
test_refused(void **state)
{
	(void)state;
	struct pinf_blobs *blobs = open_store();
	struct pinf_blob_writer *writer;
	const struct pinf_hash name = hash_of(SPAN("right"));
	char path[600], hex[65];

	assert_err(pinf_blobs_put(blobs, &name, SPAN("wrong")), PINF_E_HASH_MISMATCH);
	assert_ok(pinf_blobs_begin(blobs, &writer));
	assert_ok(pinf_blobs_write(writer, SPAN("rig")));
	assert_err(pinf_blobs_finish(writer, &name, 5), PINF_E_SIZE_MISMATCH);
	assert_ok(pinf_blobs_begin(blobs, &writer));
	assert_ok(pinf_blobs_write(writer, SPAN("right")));
	pinf_blobs_abort(writer);
	assert_int_equal(count_files(in_scratch("blobs")), 0);

	/* A blob that rotted on the disk is told, and never taken for the right one. */
	assert_ok(pinf_blobs_put(blobs, &name, SPAN("right")));
	pinf_hex(hex, name.bytes, 32);
	(void)snprintf(path, sizeof path, "%s/blobs/%.2s/%s", scratch, hex, hex);
	put_file(path, "rigHt", 5);
	assert_err(pinf_blobs_verify(blobs, &name, 5, NULL, NULL), PINF_E_HASH_MISMATCH);
	put_file(path, "rig", 3);
	assert_err(pinf_blobs_put(blobs, &name, SPAN("right")), PINF_E_CONFLICT);
	pinf_blobs_free(blobs);

	/* What a crash leaves goes at the next start; a blob stays. */
	put_file(in_scratch("blobs/tmp/.pinf-abcdef"), "half", 4);
	blobs = open_store();
	assert_int_equal(count_files(in_scratch("blobs")), 1);
	pinf_blobs_free(blobs);
	remove_tree(in_scratch("blobs"));

	struct pinf_bytes message = {0};
	put_file(in_scratch("plain"), "x", 1);
	assert_int_not_equal(pinf_blobs_open(&blobs, in_scratch("plain"), &message), PINF_OK);
	assert_non_null(strstr((char *)message.data, "plain: cannot keep blobs here"));
	pinf_bytes_free(&message);
	assert_int_equal(unlink(in_scratch("plain")), 0);
}

static void *
put_many(void *arg)
{
	struct pinf_blobs *blobs = arg;

	for (uint32_t i = 0; i < 24; i++) {
		const struct pinf_span data = span_of(&i, sizeof i);
		const struct pinf_hash name = hash_of(data);
		if (pinf_blobs_put(blobs, &name, data) != PINF_OK ||
		    pinf_blobs_verify(blobs, &name, sizeof i, NULL, NULL) != PINF_OK)
			return arg;
	}
	return NULL;
}

/* Threads that put the same blobs at once all succeed, and each blob is there once. */
static void
test_threads(void **state)
{
	(void)state;
	struct pinf_blobs *blobs = open_store();
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, blobs), 0);
	for (size_t i = 0; i < 4; i++) {
		void *failed;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(count_files(in_scratch("blobs")), 24);
	pinf_blobs_free(blobs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_errno),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_put_get),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
