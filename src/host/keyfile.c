/* SPDX-License-Identifier: Apache-2.0 */
/* keyfile.c -- keyring and wallet files.  spec/keys.md#file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/files.h"
#include "host/keyfile.h"
#include "host/system.h"

#define WALLET_FILE_MAX 256

/* Of 32 random bytes nobody guesses one: to make each guess dear is for what people choose.  KEY-22. */
static const struct pinf_kdf_cost cost_of_drawn = {1, 8192};

/* What a person appended: one line end. */
static void
trim_line(struct pinf_bytes *text)
{
	while (text->len > 0 &&
	       (text->data[text->len - 1] == '\n' || text->data[text->len - 1] == '\r'))
		text->data[--text->len] = '\0';
}

static enum pinf_err
draw_passphrase(struct pinf_keyfile *file, const char *path, struct pinf_bytes *message)
{
	struct pinf_key key PINF_WIPED = {{0}};
	char text[2 * PINF_KEY_LEN + 1];
	const struct pinf_random random = pinf_random_system();
	enum pinf_err err = random.fill(random.ctx, key.bytes, sizeof key.bytes);

	if (err != PINF_OK)
		return pinf_say(message, err, "cannot draw a passphrase: %s", pinf_err_text(err));
	pinf_hex(text, key.bytes, sizeof key.bytes);
	err = pinf_file_write(path, pinf_span_str(text), message);
	if (err == PINF_OK)
		err = pinf_bytes_append(&file->passphrase, text, strlen(text));
	file->cost = cost_of_drawn;
	pinf_wipe(text, sizeof text);
	return err;
}

static enum pinf_err
read_passphrase(
    struct pinf_keyfile *file, const char *path, bool create, struct pinf_bytes *message)
{
	struct pinf_bytes *passphrase = &file->passphrase;
	const char *given = getenv("PINF_PASSPHRASE");
	enum pinf_err err;

	if (path[0] != '\0') {
		if (create && access(path, F_OK) != 0)
			return draw_passphrase(file, path, message);
		err = pinf_secret_read(path, PINF_PASSPHRASE_MAX, passphrase, message);
		if (err == PINF_OK)
			trim_line(passphrase);
	} else if (given != NULL) {
		err = pinf_bytes_append(passphrase, given, strlen(given));
	} else {
		return pinf_say(message, PINF_E_PASSPHRASE,
		    "no passphrase for the keyring: name a file with --passphrase-file, or set "
		    "PINF_PASSPHRASE");
	}
	if (err == PINF_OK && passphrase->len == 0)
		return pinf_say(
		    message, PINF_E_PASSPHRASE, "the keyring's passphrase is empty: choose one");
	return err;
}

static enum pinf_err
take_lock(struct pinf_keyfile *file, struct pinf_bytes *message)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PINF_FILE_PATH_MAX];

	if (snprintf(path, sizeof path, "%s.lock", file->path) >= (int)sizeof path)
		return pinf_say(message, PINF_E_LENGTH, "%s: the path is too long", file->path);
	file->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->lock < 0)
		return pinf_say(message, pinf_err_of_errno(errno), "%s: %s", path, strerror(errno));
	if (fcntl(file->lock, F_SETLK, &lock) == 0)
		return PINF_OK;
	return pinf_say(message, PINF_E_BUSY,
	    "%s: in use by another process; ask a running router with --router-url, or stop it",
	    file->path);
}

enum pinf_err
pinf_keyfile_open(struct pinf_keyfile *file, const char *path, const char *passphrase_path,
    bool create, struct pinf_bytes *message)
{
	enum pinf_err err;

	*file = (struct pinf_keyfile){.path = path, .lock = -1};
	if (!create && access(path, F_OK) != 0 && errno == ENOENT)
		return pinf_say(message, PINF_E_NOT_FOUND,
		    "%s: there is no keyring; make one with: pinf key new --keyring %s", path,
		    path);
	err = take_lock(file, message);
	if (err == PINF_OK)
		err = read_passphrase(file, passphrase_path, create, message);
	if (err != PINF_OK)
		pinf_keyfile_close(file);
	return err;
}

void
pinf_keyfile_close(struct pinf_keyfile *file)
{
	pinf_bytes_free(&file->passphrase);
	if (file->lock >= 0)
		(void)close(
		    file->lock); /* The lock goes with it; its file stays: removing it would race. */
	file->lock = -1;
}

enum pinf_err
pinf_keyfile_load(
    struct pinf_keyfile *file, struct pinf_keyring **keyring, struct pinf_bytes *message)
{
	struct pinf_bytes sealed = {0};
	enum pinf_err err;

	err = pinf_secret_read(file->path, PINF_KEYRING_FILE_MAX, &sealed, message);
	if (err != PINF_OK)
		return err;
	err = pinf_keyring_decode(keyring, pinf_span_of(&sealed), pinf_span_of(&file->passphrase));
	if (err == PINF_OK)
		file->cost = pinf_keyring_cost(pinf_span_of(&sealed));
	pinf_bytes_free(&sealed);
	return err == PINF_OK ? err
			      : pinf_say(message, err, "%s: %s", file->path, pinf_err_text(err));
}

enum pinf_err
pinf_keyfile_save(
    const struct pinf_keyfile *file, const struct pinf_keyring *keyring, struct pinf_bytes *message)
{
	struct pinf_bytes sealed = {0};
	enum pinf_err err = pinf_keyring_encode(
	    keyring, &sealed, pinf_span_of(&file->passphrase), file->cost, pinf_random_system());

	if (err == PINF_OK)
		err = pinf_file_write(file->path, pinf_span_of(&sealed), message);
	else
		(void)pinf_say(message, err, "%s: %s", file->path, pinf_err_text(err));
	pinf_bytes_free(&sealed);
	return err;
}

enum pinf_err
pinf_walletfile_load(struct pinf_wallet *wallet, const char *path, struct pinf_bytes *message)
{
	struct pinf_bytes text = {0};
	enum pinf_err err = pinf_secret_read(path, WALLET_FILE_MAX, &text, message);

	if (err == PINF_OK) {
		trim_line(&text);
		err = pinf_wallet_parse(wallet, pinf_span_of(&text));
		if (err != PINF_OK)
			(void)pinf_say(message, err,
			    "%s: not a wallet: a secret of 64 hex digits is wanted; make one with: "
			    "pinf wallet new",
			    path);
	}
	pinf_bytes_free(&text);
	return err;
}

enum pinf_err
pinf_walletfile_save(const struct pinf_wallet *wallet, const char *path, struct pinf_bytes *message)
{
	char text[2 * PINF_KEY_LEN + 2];
	enum pinf_err err;

	if (access(path, F_OK) == 0)
		return pinf_say(message, PINF_E_CONFLICT,
		    "%s: exists already; a wallet is never overwritten", path);
	pinf_hex(text, wallet->secret.bytes, sizeof wallet->secret.bytes);
	text[sizeof text - 2] = '\n';
	text[sizeof text - 1] = '\0';
	err = pinf_file_write(path, pinf_span_str(text), message);
	pinf_wipe(text, sizeof text);
	return err;
}
