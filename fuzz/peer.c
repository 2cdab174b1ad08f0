/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c -- sealed blobs a second time.  spec/blob.md. */
#include "peer.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sodium.h>

#include "common.h"

#define BOUND_LEN (PINF_BLOB_HEADER_LEN - PINF_HASH_LEN)
#define LABEL     "pinf/blob/1"

bool
fuzz_peer_has(enum pinf_suite suite)
{
	return suite != PINF_SUITE_AES256GCM ||
	       (sodium_init() >= 0 && crypto_aead_aes256gcm_is_available() != 0);
}

static void
hkdf(uint8_t out[static 64], struct pinf_span secret, struct pinf_span salt, struct pinf_span info)
{
	static EVP_KDF_CTX *ctx;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret.data, secret.len),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.data, salt.len),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info.data, info.len),
	    OSSL_PARAM_construct_end()};

	if (ctx == NULL) {
		EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);

		ctx = EVP_KDF_CTX_new(kdf);
		EVP_KDF_free(kdf);
	}
	fuzz_check(EVP_KDF_derive(ctx, out, 64, params) == 1, "libcrypto derives");
}

void
fuzz_peer_begin(struct pinf_key *key, uint8_t header[static PINF_BLOB_HEADER_LEN],
    const struct pinf_blob_params *params, const uint8_t salt[static PINF_SALT_LEN],
    const struct pinf_key *scope_key)
{
	struct pinf_blob_header h = {.params = *params};
	uint8_t info[sizeof LABEL - 1 + BOUND_LEN] = LABEL, both[64];

	memcpy(h.salt, salt, sizeof h.salt);
	pinf_blob_header_encode(header, &h);
	memcpy(info + sizeof LABEL - 1, header, BOUND_LEN);
	hkdf(both, (struct pinf_span){scope_key->bytes, PINF_KEY_LEN},
	    (struct pinf_span){salt, PINF_SALT_LEN}, (struct pinf_span){info, sizeof info});
	memcpy(key->bytes, both, PINF_KEY_LEN);
	memcpy(header + BOUND_LEN, both + PINF_KEY_LEN, PINF_HASH_LEN);
}

static void
nonce_of(uint8_t nonce[static 12], uint64_t index, bool last)
{
	memset(nonce, 0, 12);
	for (unsigned i = 0; i < 8; i++)
		nonce[10 - i] = (uint8_t)(index >> 8 * i);
	nonce[11] = last;
}

/* ChaCha20-Poly1305 by libcrypto, either way. */
static bool
chacha(bool seals, const struct pinf_key *key, const uint8_t *nonce, struct pinf_span in,
    uint8_t *tag, uint8_t *out)
{
	static EVP_CIPHER_CTX *ctx;
	int done;

	if (ctx == NULL)
		ctx = EVP_CIPHER_CTX_new();
	if (EVP_CipherInit_ex(ctx, EVP_chacha20_poly1305(), NULL, key->bytes, nonce, seals) != 1 ||
	    (!seals && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, PINF_TAG_LEN, tag) != 1) ||
	    (in.len > 0 && EVP_CipherUpdate(ctx, out, &done, in.data, (int)in.len) != 1) ||
	    EVP_CipherFinal_ex(ctx, out + in.len, &done) != 1)
		return false;
	return !seals || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, PINF_TAG_LEN, tag) == 1;
}

void
fuzz_peer_seal(const struct pinf_blob_params *params, const struct pinf_key *key, uint64_t index,
    bool last, struct pinf_span plain, uint8_t *out)
{
	uint8_t nonce[12];

	nonce_of(nonce, index, last);
	if (params->suite == PINF_SUITE_AES256GCM)
		crypto_aead_aes256gcm_encrypt(
		    out, NULL, plain.data, plain.len, NULL, 0, NULL, nonce, key->bytes);
	else
		fuzz_check(
		    chacha(true, key, nonce, plain, out + plain.len, out), "libcrypto seals");
}

bool
fuzz_peer_open(const struct pinf_blob_params *params, const struct pinf_key *key, uint64_t index,
    bool last, struct pinf_span sealed, uint8_t *out)
{
	uint8_t nonce[12], tag[PINF_TAG_LEN];
	const struct pinf_span body = {sealed.data, sealed.len - PINF_TAG_LEN};

	nonce_of(nonce, index, last);
	if (params->suite == PINF_SUITE_AES256GCM)
		return crypto_aead_aes256gcm_decrypt(out, NULL, NULL, sealed.data, sealed.len, NULL,
			   0, nonce, key->bytes) == 0;
	memcpy(tag, sealed.data + body.len, sizeof tag);
	return chacha(false, key, nonce, body, tag, out);
}

uint64_t
fuzz_peer_padded(uint64_t n, uint64_t room)
{
	const uint64_t chunks = n == 0 ? 1 : (n + room - 1) / room, len = n + 4 * chunks;
	uint64_t e = 0, s = 0, step = 1;

	if (len <= 256)
		return 256;
	while (len >> (e + 1) > 0)
		e++;
	while (e >> (s + 1) > 0)
		s++;
	s++;
	for (uint64_t i = s; i < e; i++)
		step *= 2;
	return (len + step - 1) / step * step;
}
