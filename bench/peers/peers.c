/* SPDX-License-Identifier: Apache-2.0 */
/* peers.c -- libcrypto, libsodium and nettle called directly. */
#include <stdlib.h>
#include <string.h>

#include <nettle/hmac.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sodium.h>

#include "measure.h"
#include "peers.h"

struct peers {
	uint8_t key[32];
	uint8_t nonce[24];
	struct hmac_sha256_ctx midstate;
	EVP_CIPHER *aes;
	EVP_CIPHER_CTX *cipher, *decipher;
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	crypto_aead_aes256gcm_state aes_sodium;
};

struct peers *
peers_new(void)
{
	void *memory = NULL;
	struct peers *p;

	bench_require(
	    sodium_init() >= 0 && posix_memalign(&memory, 64, sizeof *p) == 0, "allocation");
	p = memory;
	memset(p, 0, sizeof *p);
	memset(p->key, 0x5a, sizeof p->key);
	hmac_sha256_set_key(&p->midstate, sizeof p->key, p->key);
	p->aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	p->cipher = EVP_CIPHER_CTX_new();
	p->decipher = EVP_CIPHER_CTX_new();
	p->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	p->digest = EVP_MD_CTX_new();
	bench_require(p->aes != NULL && p->cipher != NULL && p->decipher != NULL &&
			  p->sha256 != NULL && p->digest != NULL,
	    "libcrypto");
	if (crypto_aead_aes256gcm_is_available())
		(void)crypto_aead_aes256gcm_beforenm(&p->aes_sodium, p->key);
	return p;
}

void
peers_free(struct peers *peers)
{
	EVP_CIPHER_CTX_free(peers->cipher);
	EVP_CIPHER_CTX_free(peers->decipher);
	EVP_CIPHER_free(peers->aes);
	EVP_MD_CTX_free(peers->digest);
	EVP_MD_free(peers->sha256);
	free(peers);
}

/* HKDF-Expand of 32 bytes is one HMAC over info || 1. */
void
peers_derive_midstate(
    struct peers *peers, const uint8_t *info, size_t info_len, uint8_t out[static 32])
{
	struct hmac_sha256_ctx ctx = peers->midstate;
	const uint8_t one = 1;

	hmac_sha256_update(&ctx, info_len, info);
	hmac_sha256_update(&ctx, 1, &one);
	hmac_sha256_digest(&ctx, 32, out);
}

void
peers_derive_hmac(struct peers *peers, const uint8_t *info, size_t info_len, uint8_t out[static 32])
{
	struct hmac_sha256_ctx ctx;
	const uint8_t one = 1;

	hmac_sha256_set_key(&ctx, sizeof peers->key, peers->key);
	hmac_sha256_update(&ctx, info_len, info);
	hmac_sha256_update(&ctx, 1, &one);
	hmac_sha256_digest(&ctx, 32, out);
}

/* All of HKDF where there is a salt, its expansion alone where there is none. */
static void
hkdf_evp(struct pinf_span salt, const uint8_t key[static 32], struct pinf_span info, uint8_t *out,
    size_t out_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	bench_require(
	    ctx != NULL && EVP_PKEY_derive_init(ctx) > 0 &&
		EVP_PKEY_CTX_set_hkdf_mode(ctx, salt.len > 0
						    ? EVP_PKEY_HKDEF_MODE_EXTRACT_AND_EXPAND
						    : EVP_PKEY_HKDEF_MODE_EXPAND_ONLY) > 0 &&
		EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) > 0 &&
		(salt.len == 0 || EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt.data, (int)salt.len) > 0) &&
		EVP_PKEY_CTX_set1_hkdf_key(ctx, key, 32) > 0 &&
		EVP_PKEY_CTX_add1_hkdf_info(ctx, info.data, (int)info.len) > 0 &&
		EVP_PKEY_derive(ctx, out, &out_len) > 0,
	    "EVP_PKEY HKDF");
	EVP_PKEY_CTX_free(ctx);
}

void
peers_derive_evp(struct peers *peers, const uint8_t *info, size_t info_len, uint8_t out[static 32])
{
	hkdf_evp(
	    (struct pinf_span){NULL, 0}, peers->key, (struct pinf_span){info, info_len}, out, 32);
}

void
peers_derive_blake2b(
    struct peers *peers, const uint8_t *info, size_t info_len, uint8_t out[static 32])
{
	(void)crypto_generichash(out, 32, info, info_len, peers->key, sizeof peers->key);
}

static void
evp_seal(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t len, uint8_t *out)
{
	int got = 0;

	bench_require(EVP_EncryptUpdate(ctx, out, &got, in, (int)len) > 0 &&
			  EVP_EncryptFinal_ex(ctx, out + got, &got) > 0 &&
			  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + len) > 0,
	    "AES-256-GCM");
}

void
peers_seal_aes_evp(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out)
{
	bench_require(
	    EVP_EncryptInit_ex2(peers->cipher, peers->aes, peers->key, peers->nonce, NULL) > 0,
	    "EVP_EncryptInit");
	evp_seal(peers->cipher, in, len, out);
}

void
peers_open_aes_evp(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t tag[16];
	int got = 0;

	memcpy(tag, in + len, sizeof tag);
	bench_require(
	    EVP_DecryptInit_ex2(peers->decipher, peers->aes, peers->key, peers->nonce, NULL) > 0 &&
		EVP_DecryptUpdate(peers->decipher, out, &got, in, (int)len) > 0 &&
		EVP_CIPHER_CTX_ctrl(peers->decipher, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) > 0 &&
		EVP_DecryptFinal_ex(peers->decipher, out + got, &got) > 0,
	    "opening by AES-256-GCM");
}

static void
seal_fresh(const uint8_t *key, const uint8_t *nonce, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	bench_require(
	    ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) > 0,
	    "EVP_EncryptInit");
	evp_seal(ctx, in, len, out);
	EVP_CIPHER_CTX_free(ctx);
}

void
peers_seal_aes_evp_fresh(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out)
{
	seal_fresh(peers->key, peers->nonce, in, len, out);
}

void
peers_derive_and_seal(struct peers *peers, const uint8_t *info, size_t info_len, const uint8_t *in,
    size_t len, uint8_t *out)
{
	uint8_t key[32];

	peers_derive_evp(peers, info, info_len, key);
	seal_fresh(key, peers->nonce, in, len, out);
}

void
peers_seal_blob(struct peers *peers, struct pinf_span scope,
    const uint8_t header[static PINF_BLOB_HEADER_LEN], struct pinf_span in, uint8_t *out)
{
	static const char name[] = "pinf/blob/1";
	static const uint8_t only_chunk[12] = {[11] = 1};
	enum { BOUND = PINF_BLOB_HEADER_LEN - 32 };
	uint8_t scope_key[32], both[64], info[sizeof name - 1 + BOUND];

	peers_derive_evp(peers, scope.data, scope.len, scope_key);
	memcpy(info, name, sizeof name - 1);
	memcpy(info + sizeof name - 1, header, BOUND);
	hkdf_evp((struct pinf_span){header + BOUND - PINF_SALT_LEN, PINF_SALT_LEN}, scope_key,
	    (struct pinf_span){info, sizeof info}, both, sizeof both);
	memcpy(out, header, BOUND);
	memcpy(out + BOUND, both + 32, 32);
	seal_fresh(both, only_chunk, in.data, in.len, out + PINF_BLOB_HEADER_LEN);
}

void
peers_seal_aes_sodium(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out)
{
	(void)crypto_aead_aes256gcm_encrypt_afternm(out, NULL, in, len, NULL, 0, NULL, peers->nonce,
	    (const crypto_aead_aes256gcm_state *)&peers->aes_sodium);
}

void
peers_seal_chacha_sodium(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out)
{
	(void)crypto_aead_chacha20poly1305_ietf_encrypt(
	    out, NULL, in, len, NULL, 0, NULL, peers->nonce, peers->key);
}

void
peers_seal_xchacha_sodium(struct peers *peers, const uint8_t *in, size_t len, uint8_t *out)
{
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
	    out, NULL, in, len, NULL, 0, NULL, peers->nonce, peers->key);
}

void
peers_sha256_evp(struct peers *peers, const uint8_t *in, size_t len, uint8_t out[static 32])
{
	unsigned got = 32;

	bench_require(EVP_DigestInit_ex2(peers->digest, peers->sha256, NULL) > 0 &&
			  EVP_DigestUpdate(peers->digest, in, len) > 0 &&
			  EVP_DigestFinal_ex(peers->digest, out, &got) > 0,
	    "SHA-256");
}

void
peers_sha256_sodium(const uint8_t *in, size_t len, uint8_t out[static 32])
{
	(void)crypto_hash_sha256(out, in, len);
}

void
peers_blake2b_sodium(const uint8_t *in, size_t len, uint8_t out[static 32])
{
	(void)crypto_generichash(out, 32, in, len, NULL, 0);
}
