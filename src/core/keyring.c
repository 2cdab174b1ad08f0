/* SPDX-License-Identifier: Apache-2.0 */
/* keyring.c -- key versions, their life, and the derivation of scope keys.  spec/keys.md. */
#include <assert.h>
#include <string.h>

#include <pinf/bug.h>

#include "core/be.h"
#include "core/keyring_internal.h"

#define KEYS_SALT        "pinf/keys/1"
#define FINGERPRINT_TEXT "pinf/seed-fingerprint/1"
#define IDENTITY_TRIES   8 /* a random 32 bytes is no secret once in 2^128 */

enum pinf_err
pinf_keyring_prepare(struct pinf_keyring *keyring)
{
	const struct pinf_span key = {keyring->digest_key.bytes, sizeof keyring->digest_key.bytes};

	pinf_hmac_key(&keyring->digest, key);
	return pinf_secp256k1_address(&keyring->address, &keyring->identity);
}

static enum pinf_err
draw(struct pinf_key *key, struct pinf_random random)
{
	return random.fill(random.ctx, key->bytes, sizeof key->bytes);
}

static enum pinf_err
draw_secrets(struct pinf_keyring *keyring, struct pinf_random random)
{
	enum pinf_err err = draw(&keyring->digest_key, random);

	for (int i = 0; i < IDENTITY_TRIES; i++) {
		if (err == PINF_OK)
			err = draw(&keyring->identity, random);
		if (err == PINF_OK)
			err = pinf_keyring_prepare(keyring);
		if (err != PINF_E_RANGE)
			return err;
		err = PINF_OK;
	}
	return PINF_E_RANDOM;
}

enum pinf_err
pinf_keyring_new(
    struct pinf_keyring **keyring, const struct pinf_domain *domain, struct pinf_random random)
{
	struct pinf_keyring *fresh = pinf_guarded_alloc(sizeof *fresh);

	if (fresh == NULL)
		return PINF_E_NO_MEMORY;
	fresh->domain = *domain;
	const enum pinf_err err = draw_secrets(fresh, random);
	if (err != PINF_OK) {
		pinf_keyring_free(fresh);
		return err;
	}
	*keyring = fresh;
	return PINF_OK;
}

void
pinf_keyring_free(struct pinf_keyring *keyring)
{
	if (keyring == NULL)
		return;
	pinf_guarded_free(keyring->versions);
	pinf_guarded_free(keyring);
}

enum pinf_err
pinf_keyring_clone(struct pinf_keyring **copy, const struct pinf_keyring *keyring)
{
	struct pinf_keyring *fresh = pinf_guarded_alloc(sizeof *fresh);

	if (fresh == NULL)
		return PINF_E_NO_MEMORY;
	*fresh = *keyring;
	if (keyring->cap > 0) {
		fresh->versions = pinf_guarded_alloc(keyring->cap * sizeof *fresh->versions);
		if (fresh->versions == NULL) {
			pinf_guarded_free(fresh);
			return PINF_E_NO_MEMORY;
		}
		memcpy(
		    fresh->versions, keyring->versions, keyring->count * sizeof *fresh->versions);
	}
	*copy = fresh;
	return PINF_OK;
}

const struct pinf_domain *
pinf_keyring_domain(const struct pinf_keyring *keyring)
{
	return &keyring->domain;
}

const struct pinf_key *
pinf_keyring_identity(const struct pinf_keyring *keyring)
{
	return &keyring->identity;
}

const struct pinf_address *
pinf_keyring_address(const struct pinf_keyring *keyring)
{
	return &keyring->address;
}

/* The version's entry, or NULL. */
static struct pinf_key_version *
find(const struct pinf_keyring *keyring, uint32_t version)
{
	if (version == 0 || version > keyring->count)
		return NULL;
	return &keyring->versions[version - 1];
}

static enum pinf_err
make_room(struct pinf_keyring *keyring)
{
	struct pinf_key_version *grown;
	const size_t cap = keyring->cap > 0 ? keyring->cap * 2 : 4;

	if (keyring->count == PINF_KEY_VERSIONS_MAX)
		return PINF_E_TOO_LARGE;
	if (keyring->count < keyring->cap)
		return PINF_OK;
	grown = pinf_guarded_alloc(cap * sizeof *grown);
	if (grown == NULL)
		return PINF_E_NO_MEMORY;
	if (keyring->count > 0)
		memcpy(grown, keyring->versions, keyring->count * sizeof *grown);
	pinf_guarded_free(keyring->versions);
	keyring->versions = grown;
	keyring->cap = cap;
	return PINF_OK;
}

static void
fingerprint_of(uint8_t out[static PINF_FINGERPRINT_LEN], struct pinf_span seed)
{
	struct pinf_sha256 hash;
	struct pinf_hash digest;

	pinf_sha256_init(&hash);
	pinf_sha256_update(&hash, pinf_span_str(FINGERPRINT_TEXT));
	pinf_sha256_update(&hash, seed);
	pinf_sha256_final(&hash, &digest);
	memcpy(out, digest.bytes, PINF_FINGERPRINT_LEN);
	pinf_wipe(&hash, sizeof hash); /* Its block holds the seed. */
}

/* The salt separates deployments and versions, so that a seed used twice gives unrelated keys. */
static void
extract(struct pinf_hmac *prk, const struct pinf_domain *domain, uint32_t version,
    struct pinf_span seed)
{
	uint8_t salt[sizeof KEYS_SALT - 1 + 8 + PINF_ADDRESS_LEN + 4];
	uint8_t *at = salt;

	memcpy(at, KEYS_SALT, sizeof KEYS_SALT - 1);
	at = pinf_be_put(at + sizeof KEYS_SALT - 1, 8, domain->chain_id);
	memcpy(at, domain->contract.bytes, PINF_ADDRESS_LEN);
	pinf_be_put(at + PINF_ADDRESS_LEN, 4, version);
	pinf_hkdf_extract(prk, (struct pinf_span){salt, sizeof salt}, seed);
}

enum pinf_err
pinf_keyring_append(
    struct pinf_keyring *keyring, const struct pinf_key_info *info, struct pinf_span seed)
{
	struct pinf_key_info next = *info;

	assert((info->state == PINF_KEY_DESTROYED) == (seed.len == 0) && seed.len <= PINF_SEED_MAX);
	if (seed.len > 0)
		fingerprint_of(next.fingerprint, seed);
	for (size_t i = 0; i < keyring->count; i++)
		if (memcmp(keyring->versions[i].info.fingerprint, next.fingerprint,
			sizeof next.fingerprint) == 0)
			return PINF_E_SEED_KNOWN;
	const enum pinf_err err = make_room(keyring);
	if (err != PINF_OK)
		return err;

	struct pinf_key_version *entry = &keyring->versions[keyring->count++];
	next.version = (uint32_t)keyring->count;
	entry->info = next;
	entry->seed_len = (uint8_t)seed.len;
	if (seed.len > 0) {
		memcpy(entry->seed, seed.data, seed.len);
		extract(&entry->prk, &keyring->domain, next.version, seed);
	}
	if (next.state == PINF_KEY_ACTIVE)
		keyring->active = next.version;
	return PINF_OK;
}

enum pinf_err
pinf_keyring_add(struct pinf_keyring *keyring, uint32_t *version, const struct pinf_span *seed,
    uint64_t now_ms, struct pinf_random random)
{
	const struct pinf_key_info info = {.state = PINF_KEY_PENDING, .created_ms = now_ms};
	struct pinf_key fresh PINF_WIPED = {{0}};
	const struct pinf_span drawn = {fresh.bytes, sizeof fresh.bytes};
	enum pinf_err err = PINF_OK;

	assert(now_ms <= PINF_ID_MAX);
	if (seed == NULL)
		err = draw(&fresh, random);
	else if (!pinf_seed_looks_random(*seed))
		err = PINF_E_SEED_WEAK;
	if (err == PINF_OK)
		err = pinf_keyring_append(keyring, &info, seed == NULL ? drawn : *seed);
	if (err == PINF_OK)
		*version = (uint32_t)keyring->count;
	return err;
}

enum pinf_err
pinf_keyring_activate(struct pinf_keyring *keyring, uint32_t version)
{
	struct pinf_key_version *entry = find(keyring, version);
	struct pinf_key_version *former = find(keyring, keyring->active);

	if (entry == NULL)
		return PINF_E_KEY_UNKNOWN;
	if (entry->info.state != PINF_KEY_PENDING)
		return PINF_E_STATE;
	if (former != NULL)
		former->info.state = PINF_KEY_DECRYPT_ONLY;
	entry->info.state = PINF_KEY_ACTIVE;
	keyring->active = version;
	return PINF_OK;
}

enum pinf_err
pinf_keyring_rotate(
    struct pinf_keyring *keyring, uint32_t *version, uint64_t now_ms, struct pinf_random random)
{
	uint32_t added;
	enum pinf_err err = pinf_keyring_add(keyring, &added, NULL, now_ms, random);

	if (err == PINF_OK)
		err = pinf_keyring_activate(keyring, added);
	if (err == PINF_OK)
		*version = added;
	return err;
}

enum pinf_err
pinf_keyring_destroy(struct pinf_keyring *keyring, uint32_t version)
{
	struct pinf_key_version *entry = find(keyring, version);

	if (entry == NULL)
		return PINF_E_KEY_UNKNOWN;
	if (entry->info.state == PINF_KEY_DESTROYED)
		return PINF_E_KEY_DESTROYED;
	if (entry->info.state == PINF_KEY_ACTIVE)
		return PINF_E_STATE;
	pinf_wipe(&entry->prk, sizeof entry->prk);
	pinf_wipe(entry->seed, sizeof entry->seed);
	entry->seed_len = 0;
	entry->info.state = PINF_KEY_DESTROYED;
	return PINF_OK;
}

size_t
pinf_keyring_count(const struct pinf_keyring *keyring)
{
	return keyring->count;
}

struct pinf_key_info
pinf_keyring_info(const struct pinf_keyring *keyring, size_t index)
{
	assert(index < keyring->count);
	return keyring->versions[index].info;
}

uint32_t
pinf_keyring_active(const struct pinf_keyring *keyring)
{
	return keyring->active;
}

enum pinf_err
pinf_keyring_usable(const struct pinf_keyring *keyring, uint32_t version, bool to_seal)
{
	const struct pinf_key_version *entry = find(keyring, version);

	if (entry == NULL)
		return PINF_E_KEY_UNKNOWN;
	switch (entry->info.state) {
	case PINF_KEY_ACTIVE: return PINF_OK;
	case PINF_KEY_DECRYPT_ONLY: return to_seal ? PINF_E_KEY_RETIRED : PINF_OK;
	case PINF_KEY_PENDING: return PINF_E_KEY_PENDING;
	case PINF_KEY_DESTROYED: break;
	}
	return PINF_E_KEY_DESTROYED;
}

enum pinf_err
pinf_keyring_derive(const struct pinf_keyring *keyring, uint32_t version,
    const struct pinf_scope *scope, struct pinf_key *key)
{
	uint8_t info[PINF_SCOPE_MAX];
	enum pinf_err err = pinf_keyring_usable(keyring, version, false);

	if (err == PINF_OK)
		err = pinf_scope_check(scope);
	if (err != PINF_OK)
		return err;
	struct pinf_span encoded = {info, pinf_scope_encode(info, scope)};
	if (PINF_BUG(attempt_unscoped))
		encoded.len = PINF_SCOPE_INPUT_LEN;
	return pinf_hkdf_expand(
	    &find(keyring, version)->prk, encoded, key->bytes, sizeof key->bytes);
}

void
pinf_keyring_digest(
    const struct pinf_keyring *keyring, struct pinf_span data, struct pinf_hash *digest)
{
	pinf_hmac(&keyring->digest, data, digest);
}
