/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyfile.h -- keyring and wallet files: 0600, written atomically, one process at a time.
 * spec/keys.md#file.
 */
#ifndef PINF_HOST_KEYFILE_H
#define PINF_HOST_KEYFILE_H

#include <pinf/keyring.h>
#include <pinf/wallet.h>

#define PINF_PASSPHRASE_MAX 1024

/* A keyring's file, held under a lock from open to close. */
struct pinf_keyfile {
	const char *path; /* borrowed */
	struct pinf_bytes passphrase;
	struct pinf_kdf_cost cost; /* of the next save; the loaded file's own. KEY-22 */
	int lock; /* descriptor of path + ".lock"; -1: not held */
};

/*
 * Locks the keyring at path and reads the passphrase: from its file (0600, one line; created with a
 * random one if missing and create) or, where passphrase_path is "", from PINF_PASSPHRASE.
 * E_NOT_FOUND: there is no keyring, and create is false (message names the command that makes one);
 * E_BUSY: another process (a running router) holds the lock; E_PERMISSION, E_PASSPHRASE.
 */
PINF_MUST_CHECK enum pinf_err pinf_keyfile_open(struct pinf_keyfile *file, const char *path,
    const char *passphrase_path, bool create, struct pinf_bytes *message);
void pinf_keyfile_close(struct pinf_keyfile *file); /* wipes; fine on a closed one */

/* E_KEYRING, E_PASSPHRASE: damaged, or sealed under another passphrase. */
PINF_MUST_CHECK enum pinf_err pinf_keyfile_load(
    struct pinf_keyfile *file, struct pinf_keyring **keyring, struct pinf_bytes *message);
PINF_MUST_CHECK enum pinf_err pinf_keyfile_save(const struct pinf_keyfile *file,
    const struct pinf_keyring *keyring, struct pinf_bytes *message);

/* A wallet file: its secret as 64 hex digits, 0600.  save refuses to replace a file: E_CONFLICT. */
PINF_MUST_CHECK enum pinf_err
pinf_walletfile_load(struct pinf_wallet *wallet, const char *path, struct pinf_bytes *message);
PINF_MUST_CHECK enum pinf_err pinf_walletfile_save(
    const struct pinf_wallet *wallet, const char *path, struct pinf_bytes *message);

#endif
