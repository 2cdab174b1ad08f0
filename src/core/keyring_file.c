/* SPDX-License-Identifier: Apache-2.0 */
/* keyring_file.c -- the keyring as a sealed file.  spec/keys.md#file. */
#include <string.h>

#include <pinf/bug.h>

#include "core/be.h"
#include "core/keyring_internal.h"

static const uint8_t magic[4] = {'P', 'N', 'F', 'K'};

#define FORMAT_VERSION     1
#define SALT_LEN           16
#define HEADER_LEN         29 /* magic 4, version 1, passes 4, memory 4, salt 16 */
#define SECRETS_LEN        96 /* chain id 8, contract 20, identity 32, digest key 32, count 4 */
#define RECORD_LEN         82 /* state 1, created 8, seed length 1, seed 64, fingerprint 8 */
#define DEFAULT_PASSES     3
#define DEFAULT_MEMORY_KIB 65536

_Static_assert(HEADER_LEN + SECRETS_LEN + PINF_KEY_VERSIONS_MAX * RECORD_LEN + PINF_TAG_LEN <=
		   PINF_KEYRING_FILE_MAX,
    "a full keyring fits a file");

/* The salt is fresh with every file, and so is the key: it seals this one message. */
static const uint8_t nonce[12];

static bool
cost_in_bounds(struct pinf_kdf_cost cost)
{
	return cost.passes >= 1 && cost.passes <= PINF_KDF_PASSES_MAX &&
	       cost.memory_kib >= PINF_KDF_MEMORY_MIN_KIB &&
	       cost.memory_kib <= PINF_KDF_MEMORY_MAX_KIB;
}

static enum pinf_err
cipher_for(struct pinf_cipher **cipher, struct pinf_span passphrase,
    const uint8_t salt[static SALT_LEN], struct pinf_kdf_cost cost)
{
	struct pinf_key key PINF_WIPED = {{0}};
	enum pinf_err err = pinf_argon2id(&key, passphrase, salt, cost.passes, cost.memory_kib);

	if (err == PINF_OK)
		err = pinf_cipher_new(cipher);
	if (err != PINF_OK)
		return err;
	err = pinf_cipher_key(*cipher, PINF_SUITE_CHACHA20POLY1305, &key);
	if (err != PINF_OK) {
		pinf_cipher_free(*cipher);
		*cipher = NULL;
	}
	return err;
}

static void
encode_plain(uint8_t *out, const struct pinf_keyring *keyring)
{
	out = pinf_be_put(out, 8, keyring->domain.chain_id);
	memcpy(out, keyring->domain.contract.bytes, PINF_ADDRESS_LEN);
	out += PINF_ADDRESS_LEN;
	memcpy(out, keyring->identity.bytes, PINF_KEY_LEN);
	out += PINF_KEY_LEN;
	memcpy(out, keyring->digest_key.bytes, PINF_KEY_LEN);
	out = pinf_be_put(out + PINF_KEY_LEN, 4, keyring->count);
	for (size_t i = 0; i < keyring->count; i++) {
		const struct pinf_key_version *entry = &keyring->versions[i];

		out = pinf_be_put(out, 1, (uint64_t)entry->info.state);
		out = pinf_be_put(out, 8, entry->info.created_ms);
		out = pinf_be_put(out, 1, entry->seed_len);
		memcpy(out, entry->seed, PINF_SEED_MAX);
		out += PINF_SEED_MAX;
		memcpy(out, entry->info.fingerprint, PINF_FINGERPRINT_LEN);
		out += PINF_FINGERPRINT_LEN;
	}
}

enum pinf_err
pinf_keyring_encode(const struct pinf_keyring *keyring, struct pinf_bytes *file,
    struct pinf_span passphrase, struct pinf_kdf_cost cost, struct pinf_random random)
{
	const size_t plain_len = SECRETS_LEN + keyring->count * RECORD_LEN;
	const size_t file_len = HEADER_LEN + plain_len + PINF_TAG_LEN;
	struct pinf_cipher *cipher = NULL;
	uint8_t *plain = NULL;
	uint8_t salt[SALT_LEN];
	enum pinf_err err;

	cost.passes = cost.passes > 0 ? cost.passes : DEFAULT_PASSES;
	cost.memory_kib = cost.memory_kib > 0 ? cost.memory_kib : DEFAULT_MEMORY_KIB;
	if (!cost_in_bounds(cost))
		return PINF_E_RANGE;
	err = random.fill(random.ctx, salt, sizeof salt);
	if (err == PINF_OK)
		err = pinf_bytes_reserve(file, file->len + file_len);
	if (err == PINF_OK)
		err = cipher_for(&cipher, passphrase, salt, cost);
	if (err != PINF_OK)
		return err;
	plain = pinf_guarded_alloc(plain_len);
	if (plain == NULL) {
		err = PINF_E_NO_MEMORY;
		goto out;
	}
	encode_plain(plain, keyring);

	uint8_t *header = file->data + file->len;
	memcpy(header, magic, sizeof magic);
	header[4] = FORMAT_VERSION;
	pinf_be_put(header + 5, 4, cost.passes);
	pinf_be_put(header + 9, 4, cost.memory_kib);
	memcpy(header + 13, salt, sizeof salt);
	err = pinf_cipher_seal(cipher, nonce, (struct pinf_span){header, HEADER_LEN},
	    (struct pinf_span){plain, plain_len}, header + HEADER_LEN);
	if (err == PINF_OK)
		file->len += file_len;
out:
	file->data[file->len] = '\0';
	pinf_guarded_free(plain);
	pinf_cipher_free(cipher);
	return err;
}

/* One version, checked against what an encoder would have written. */
static enum pinf_err
decode_record(struct pinf_keyring *keyring, const uint8_t *in)
{
	static const uint8_t zeros[PINF_SEED_MAX];
	const uint8_t state = in[0];
	const uint8_t seed_len = in[9];
	const uint8_t *seed = in + 10;
	const uint8_t *fingerprint = seed + PINF_SEED_MAX;
	struct pinf_key_info info = {.created_ms = pinf_be_get(in + 1, 8)};

	if (state < PINF_KEY_PENDING || state > PINF_KEY_DESTROYED || info.created_ms > PINF_ID_MAX)
		return PINF_E_KEYRING;
	info.state = (enum pinf_key_state)state;
	if (info.state == PINF_KEY_DESTROYED ? seed_len != 0
					     : seed_len < PINF_SEED_MIN || seed_len > PINF_SEED_MAX)
		return PINF_E_KEYRING;
	if (!pinf_equal_secret(seed + seed_len, zeros, PINF_SEED_MAX - seed_len) ||
	    (info.state == PINF_KEY_ACTIVE && keyring->active != 0 &&
		!PINF_BUG(keyring_active_twice)))
		return PINF_E_KEYRING;
	memcpy(info.fingerprint, fingerprint, sizeof info.fingerprint);
	const enum pinf_err err =
	    pinf_keyring_append(keyring, &info, (struct pinf_span){seed, seed_len});
	if (err != PINF_OK)
		return err == PINF_E_NO_MEMORY ? err : PINF_E_KEYRING;
	const struct pinf_key_info computed = pinf_keyring_info(keyring, keyring->count - 1);
	return memcmp(computed.fingerprint, fingerprint, sizeof computed.fingerprint) == 0
		   ? PINF_OK
		   : PINF_E_KEYRING;
}

static enum pinf_err
decode_plain(struct pinf_keyring *keyring, struct pinf_span in)
{
	const uint8_t *at = in.data;
	const uint64_t count = pinf_be_get(at + SECRETS_LEN - 4, 4);
	enum pinf_err err;

	if (count > PINF_KEY_VERSIONS_MAX ||
	    (in.len != SECRETS_LEN + count * RECORD_LEN && !PINF_BUG(keyring_count_trusted)))
		return PINF_E_KEYRING;
	keyring->domain.chain_id = pinf_be_get(at, 8);
	memcpy(keyring->domain.contract.bytes, at + 8, PINF_ADDRESS_LEN);
	memcpy(keyring->identity.bytes, at + 28, PINF_KEY_LEN);
	memcpy(keyring->digest_key.bytes, at + 60, PINF_KEY_LEN);
	err = pinf_keyring_prepare(keyring);
	if (err == PINF_E_RANGE)
		return PINF_E_KEYRING;
	for (uint64_t i = 0; i < count && err == PINF_OK; i++)
		err = decode_record(keyring, at + SECRETS_LEN + i * RECORD_LEN);
	return err;
}

struct pinf_kdf_cost
pinf_keyring_cost(struct pinf_span file)
{
	return (struct pinf_kdf_cost){
	    (uint32_t)pinf_be_get(file.data + 5, 4), (uint32_t)pinf_be_get(file.data + 9, 4)};
}

enum pinf_err
pinf_keyring_decode(
    struct pinf_keyring **keyring, struct pinf_span file, struct pinf_span passphrase)
{
	struct pinf_keyring *fresh = NULL;
	struct pinf_cipher *cipher = NULL;
	uint8_t *plain = NULL;
	enum pinf_err err;

	if (file.len < HEADER_LEN + SECRETS_LEN + PINF_TAG_LEN ||
	    file.len > PINF_KEYRING_FILE_MAX || memcmp(file.data, magic, sizeof magic) != 0 ||
	    file.data[4] != FORMAT_VERSION)
		return PINF_E_KEYRING;
	const struct pinf_span header = {file.data, HEADER_LEN};
	const struct pinf_span sealed = {file.data + HEADER_LEN, file.len - HEADER_LEN};
	const struct pinf_kdf_cost cost = pinf_keyring_cost(file);
	/* Before the password hash: a hostile file must not name its price. */
	if (!cost_in_bounds(cost))
		return PINF_E_KEYRING;
	err = cipher_for(&cipher, passphrase, file.data + 13, cost);
	if (err != PINF_OK)
		return err;
	plain = pinf_guarded_alloc(sealed.len - PINF_TAG_LEN);
	fresh = pinf_guarded_alloc(sizeof *fresh);
	err = PINF_E_NO_MEMORY;
	if (plain == NULL || fresh == NULL)
		goto out;
	err = pinf_cipher_open(cipher, nonce, header, sealed, plain);
	if (err == PINF_E_BLOB_FORGED)
		err = PINF_E_PASSPHRASE;
	if (err == PINF_OK)
		err = decode_plain(fresh, (struct pinf_span){plain, sealed.len - PINF_TAG_LEN});
	if (err == PINF_OK) {
		*keyring = fresh;
		fresh = NULL;
	}
out:
	pinf_keyring_free(fresh);
	pinf_guarded_free(plain);
	pinf_cipher_free(cipher);
	return err;
}
