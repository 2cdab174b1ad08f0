/* SPDX-License-Identifier: Apache-2.0 */
/* aead.c -- AES-256-GCM on libcrypto, ChaCha20-Poly1305 (RFC 8439) on libsodium. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "crypto.h"

/* Fetching a cipher takes longer than sealing a small message: once for each object. */
struct pinf_cipher {
	EVP_CIPHER *aes;
	EVP_CIPHER_CTX *ctx; /* holds the AES key */
	struct pinf_key chacha;
	enum pinf_suite suite;
};

enum pinf_err
pinf_cipher_new(struct pinf_cipher **cipher)
{
	struct pinf_cipher *fresh = calloc(1, sizeof *fresh);

	if (fresh == NULL)
		return PINF_E_NO_MEMORY;
	fresh->aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	fresh->ctx = EVP_CIPHER_CTX_new();
	if (fresh->aes == NULL || fresh->ctx == NULL || sodium_init() < 0 ||
	    EVP_EncryptInit_ex2(fresh->ctx, fresh->aes, NULL, NULL, NULL) != 1) {
		pinf_cipher_free(fresh);
		return PINF_E_CRYPTO;
	}
	*cipher = fresh;
	return PINF_OK;
}

void
pinf_cipher_free(struct pinf_cipher *cipher)
{
	if (cipher == NULL)
		return;
	EVP_CIPHER_CTX_free(cipher->ctx);
	EVP_CIPHER_free(cipher->aes);
	pinf_wipe(cipher, sizeof *cipher);
	free(cipher);
}

enum pinf_err
pinf_cipher_key(struct pinf_cipher *cipher, enum pinf_suite suite, const struct pinf_key *key)
{
	switch (suite) {
	case PINF_SUITE_AES256GCM:
		/* Naming the cipher again would make libcrypto allocate. */
		if (EVP_EncryptInit_ex2(cipher->ctx, NULL, key->bytes, NULL, NULL) != 1)
			return PINF_E_CRYPTO;
		break;
	case PINF_SUITE_CHACHA20POLY1305: cipher->chacha = *key; break;
	case PINF_SUITE_NONE:
	default: return PINF_E_BLOB_SUITE;
	}
	cipher->suite = suite;
	return PINF_OK;
}

/* A zero-length update would finish the message: libcrypto takes its NULL input for the end. */
static bool
aes_update(struct pinf_cipher *cipher, struct pinf_span in, uint8_t *out)
{
	int done;

	return in.len == 0 || EVP_CipherUpdate(cipher->ctx, out, &done, in.data, (int)in.len) == 1;
}

static enum pinf_err
aes_seal(struct pinf_cipher *cipher, const uint8_t *nonce, struct pinf_span ad, struct pinf_span in,
    uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = cipher->ctx;
	int done;

	if (EVP_EncryptInit_ex2(ctx, NULL, NULL, nonce, NULL) == 1 &&
	    aes_update(cipher, ad, NULL) && aes_update(cipher, in, out) &&
	    EVP_EncryptFinal_ex(ctx, out + in.len, &done) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, PINF_TAG_LEN, out + in.len) == 1)
		return PINF_OK;
	return PINF_E_CRYPTO;
}

static enum pinf_err
aes_open(struct pinf_cipher *cipher, const uint8_t *nonce, struct pinf_span ad, struct pinf_span in,
    uint8_t *out)
{
	const struct pinf_span body = {in.data, in.len - PINF_TAG_LEN};
	EVP_CIPHER_CTX *ctx = cipher->ctx;
	uint8_t tag[PINF_TAG_LEN];
	uint8_t none[1];
	int done;
	enum pinf_err err = PINF_E_CRYPTO;

	memcpy(tag, in.data + body.len, sizeof tag);
	if (EVP_DecryptInit_ex2(ctx, NULL, NULL, nonce, NULL) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, PINF_TAG_LEN, tag) == 1 &&
	    aes_update(cipher, ad, NULL) && aes_update(cipher, body, out))
		err = EVP_DecryptFinal_ex(ctx, none, &done) == 1 ? PINF_OK : PINF_E_BLOB_FORGED;
	if (err != PINF_OK)
		pinf_wipe(out, body.len);
	return err;
}

enum pinf_err
pinf_cipher_seal(struct pinf_cipher *cipher, const uint8_t nonce[static 12], struct pinf_span ad,
    struct pinf_span in, uint8_t *out)
{
	assert(cipher->suite != PINF_SUITE_NONE);
	if (in.len > PINF_AEAD_MAX || ad.len > PINF_AEAD_MAX)
		return PINF_E_LENGTH;
	if (cipher->suite == PINF_SUITE_AES256GCM)
		return aes_seal(cipher, nonce, ad, in, out);
	crypto_aead_chacha20poly1305_ietf_encrypt(
	    out, NULL, in.data, in.len, ad.data, ad.len, NULL, nonce, cipher->chacha.bytes);
	return PINF_OK;
}

enum pinf_err
pinf_cipher_open(struct pinf_cipher *cipher, const uint8_t nonce[static 12], struct pinf_span ad,
    struct pinf_span in, uint8_t *out)
{
	int forged;

	assert(cipher->suite != PINF_SUITE_NONE);
	if (in.len < PINF_TAG_LEN || in.len - PINF_TAG_LEN > PINF_AEAD_MAX ||
	    ad.len > PINF_AEAD_MAX)
		return PINF_E_LENGTH;
	if (cipher->suite == PINF_SUITE_AES256GCM)
		return aes_open(cipher, nonce, ad, in, out);
	/* libsodium checks the tag first, and clears out where it is wrong. */
	forged = crypto_aead_chacha20poly1305_ietf_decrypt(
	    out, NULL, NULL, in.data, in.len, ad.data, ad.len, nonce, cipher->chacha.bytes);
	pinf_declassify(&forged, sizeof forged);
	return forged != 0 ? PINF_E_BLOB_FORGED : PINF_OK;
}
