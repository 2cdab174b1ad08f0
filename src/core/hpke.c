/* SPDX-License-Identifier: Apache-2.0 */
/* hpke.c -- single-shot HPKE, base mode.  RFC 9180; spec/grants.md. */
#include <assert.h>
#include <string.h>

#include <pinf/bug.h>

#include "hpke_schedule.h"

/* DHKEM(X25519, HKDF-SHA256) by itself, and with HKDF-SHA256 and ChaCha20-Poly1305. */
static const struct pinf_span suite_kem = {(const uint8_t *)"KEM\x00\x20", 5};
static const struct pinf_span suite_hpke = {(const uint8_t *)"HPKE\x00\x20\x00\x01\x00\x03", 10};

static const struct pinf_span none = {NULL, 0};

static void
labeled_extract(struct pinf_hash *prk, struct pinf_span suite, struct pinf_span salt,
    const char *label, struct pinf_span ikm)
{
	const struct pinf_span parts[] = {
	    pinf_span_str("HPKE-v1"), suite, pinf_span_str(label), ikm};
	struct pinf_hmac hmac;

	pinf_hmac_key(&hmac, salt);
	pinf_hmac_parts(&hmac, parts, 4, prk);
	pinf_wipe(&hmac, sizeof hmac);
}

/* The same, for a PRK that is expanded next. */
static void
labeled_prk(struct pinf_hmac *prk, struct pinf_span suite, struct pinf_span salt, const char *label,
    struct pinf_span ikm)
{
	struct pinf_hash bytes;

	labeled_extract(&bytes, suite, salt, label, ikm);
	pinf_hmac_key(prk, (struct pinf_span){bytes.bytes, sizeof bytes.bytes});
	pinf_wipe(&bytes, sizeof bytes);
}

static void
labeled_expand(const struct pinf_hmac *prk, struct pinf_span suite, const char *label,
    struct pinf_span info, uint8_t *out, size_t len)
{
	const uint8_t out_len[2] = {0, (uint8_t)len};
	const struct pinf_span parts[] = {
	    {out_len, sizeof out_len}, pinf_span_str("HPKE-v1"), suite, pinf_span_str(label), info};
	uint8_t labeled[128]; /* Public: 2, 7, 10 and 13 bytes before at most 65 of info. */
	size_t at = 0;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		assert(parts[i].len <= sizeof labeled - at);
		if (parts[i].len > 0)
			memcpy(labeled + at, parts[i].data, parts[i].len);
		at += parts[i].len;
	}
	enum pinf_err err = pinf_hkdf_expand(prk, (struct pinf_span){labeled, at}, out, len);
	assert(len <= PINF_KEY_LEN && err == PINF_OK);
}

void
pinf_hpke_derive_pair(struct pinf_hpke_keypair *pair, const struct pinf_key *seed)
{
	struct pinf_hmac prk;

	labeled_prk(
	    &prk, suite_kem, none, "dkp_prk", (struct pinf_span){seed->bytes, sizeof seed->bytes});
	labeled_expand(&prk, suite_kem, "sk", none, pair->secret.bytes, sizeof pair->secret.bytes);
	pinf_x25519_public(pair->public_key, &pair->secret);
	pinf_wipe(&prk, sizeof prk);
}

enum pinf_err
pinf_hpke_keypair(struct pinf_hpke_keypair *pair, struct pinf_random random)
{
	struct pinf_key seed PINF_WIPED = {{0}};
	enum pinf_err err = random.fill(random.ctx, seed.bytes, sizeof seed.bytes);

	if (err == PINF_OK)
		pinf_hpke_derive_pair(pair, &seed);
	return err;
}

/* Encap's and Decap's common part: the Diffie-Hellman value, bound to both public keys. */
static enum pinf_err
shared_secret(struct pinf_key *shared, const struct pinf_hpke_keypair *own,
    const uint8_t peer[static PINF_HPKE_PUBLIC_LEN], bool sender)
{
	struct pinf_key dh PINF_WIPED = {{0}};
	uint8_t kem_context[2 * PINF_HPKE_PUBLIC_LEN]; /* enc || recipient */
	struct pinf_hmac prk;
	enum pinf_err err = pinf_x25519(&dh, &own->secret, peer);

	if (err != PINF_OK)
		return err;
	memcpy(kem_context, sender ? own->public_key : peer, PINF_HPKE_PUBLIC_LEN);
	memcpy(kem_context + PINF_HPKE_PUBLIC_LEN, sender ? peer : own->public_key,
	    PINF_HPKE_PUBLIC_LEN);
	labeled_prk(
	    &prk, suite_kem, none, "eae_prk", (struct pinf_span){dh.bytes, sizeof dh.bytes});
	labeled_expand(&prk, suite_kem, "shared_secret",
	    (struct pinf_span){kem_context, sizeof kem_context}, shared->bytes,
	    sizeof shared->bytes);
	pinf_wipe(&prk, sizeof prk);
	return PINF_OK;
}

enum pinf_err
pinf_hpke_schedule(struct pinf_hpke_schedule *schedule, const struct pinf_hpke_keypair *own,
    const uint8_t peer[static PINF_HPKE_PUBLIC_LEN], bool sender, struct pinf_span info)
{
	struct pinf_key shared PINF_WIPED = {{0}};
	struct pinf_hash psk_id_hash, info_hash;
	enum pinf_err err = shared_secret(&shared, own, peer, sender);

	if (err != PINF_OK)
		return err;
	labeled_extract(&psk_id_hash, suite_hpke, none, "psk_id_hash", none);
	labeled_extract(&info_hash, suite_hpke, none, "info_hash", info);
	schedule->context[0] = 0; /* mode_base */
	memcpy(schedule->context + 1, psk_id_hash.bytes, PINF_HASH_LEN);
	memcpy(schedule->context + 1 + PINF_HASH_LEN, info_hash.bytes, PINF_HASH_LEN);
	labeled_prk(&schedule->secret, suite_hpke,
	    (struct pinf_span){shared.bytes, sizeof shared.bytes}, "secret", none);
	return PINF_OK;
}

void
pinf_hpke_expand(
    const struct pinf_hpke_schedule *schedule, const char *label, uint8_t *out, size_t len)
{
	labeled_expand(&schedule->secret, suite_hpke, label,
	    (struct pinf_span){schedule->context, sizeof schedule->context}, out, len);
}

/* Single shot: the sequence number is zero, so that the nonce is the base nonce. */
static enum pinf_err
message_cipher(struct pinf_cipher **cipher, uint8_t nonce[static PINF_HPKE_NONCE_LEN],
    const struct pinf_hpke_schedule *schedule)
{
	struct pinf_key key PINF_WIPED = {{0}};
	struct pinf_cipher *fresh;
	enum pinf_err err = pinf_cipher_new(&fresh);

	if (err != PINF_OK)
		return err;
	pinf_hpke_expand(schedule, "key", key.bytes, sizeof key.bytes);
	pinf_hpke_expand(schedule, "base_nonce", nonce, PINF_HPKE_NONCE_LEN);
	err = pinf_cipher_key(fresh, PINF_SUITE_CHACHA20POLY1305, &key);
	if (err != PINF_OK) {
		pinf_cipher_free(fresh);
		return err;
	}
	*cipher = fresh;
	return PINF_OK;
}

enum pinf_err
pinf_hpke_seal(uint8_t enc[static PINF_HPKE_PUBLIC_LEN], uint8_t *sealed,
    const uint8_t recipient[static PINF_HPKE_PUBLIC_LEN], struct pinf_span info,
    struct pinf_span ad, struct pinf_span plain, struct pinf_random random)
{
	struct pinf_hpke_keypair ephemeral = {0};
	struct pinf_hpke_schedule schedule = {0};
	struct pinf_cipher *cipher = NULL;
	uint8_t nonce[PINF_HPKE_NONCE_LEN];
	enum pinf_err err = pinf_hpke_keypair(&ephemeral, random);

	if (err == PINF_OK)
		err = pinf_hpke_schedule(&schedule, &ephemeral, recipient, true, info);
	if (err == PINF_OK)
		err = message_cipher(&cipher, nonce, &schedule);
	if (PINF_BUG(hpke_ad_ignored))
		ad = none;
	if (err == PINF_OK)
		err = pinf_cipher_seal(cipher, nonce, ad, plain, sealed);
	if (err == PINF_OK)
		memcpy(enc, ephemeral.public_key, PINF_HPKE_PUBLIC_LEN);
	pinf_cipher_free(cipher);
	pinf_wipe(&schedule, sizeof schedule);
	pinf_wipe(&ephemeral, sizeof ephemeral);
	return err;
}

enum pinf_err
pinf_hpke_open(uint8_t *plain, const uint8_t enc[static PINF_HPKE_PUBLIC_LEN],
    const struct pinf_hpke_keypair *pair, struct pinf_span info, struct pinf_span ad,
    struct pinf_span sealed)
{
	struct pinf_hpke_schedule schedule = {0};
	struct pinf_cipher *cipher = NULL;
	uint8_t nonce[PINF_HPKE_NONCE_LEN];
	enum pinf_err err = pinf_hpke_schedule(&schedule, pair, enc, false, info);

	if (err == PINF_OK)
		err = message_cipher(&cipher, nonce, &schedule);
	if (PINF_BUG(hpke_ad_ignored))
		ad = none;
	if (err == PINF_OK && pinf_cipher_open(cipher, nonce, ad, sealed, plain) != PINF_OK)
		err = PINF_E_HPKE; /* Forged or too short: the peer's fault either way. */
	pinf_cipher_free(cipher);
	pinf_wipe(&schedule, sizeof schedule);
	return err;
}
