/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.c -- SHA-256, HMAC and HKDF on nettle.  RFC 5869. */
#include <string.h>

#include "crypto.h"

void
pinf_sha256_init(struct pinf_sha256 *hash)
{
	sha256_init(&hash->ctx);
}

void
pinf_sha256_update(struct pinf_sha256 *hash, struct pinf_span in)
{
	if (in.len > 0)
		sha256_update(&hash->ctx, in.len, in.data);
}

void
pinf_sha256_final(struct pinf_sha256 *hash, struct pinf_hash *out)
{
	sha256_digest(&hash->ctx, sizeof out->bytes, out->bytes);
}

void
pinf_sha256(struct pinf_hash *out, struct pinf_span in)
{
	struct pinf_sha256 hash;

	pinf_sha256_init(&hash);
	pinf_sha256_update(&hash, in);
	pinf_sha256_final(&hash, out);
	pinf_wipe(&hash, sizeof hash); /* Its block holds the input's tail. */
}

void
pinf_hmac_key(struct pinf_hmac *hmac, struct pinf_span key)
{
	hmac_sha256_set_key(&hmac->ctx, key.len, key.len > 0 ? key.data : (const uint8_t *)"");
}

void
pinf_hmac_parts(const struct pinf_hmac *hmac, const struct pinf_span *parts, size_t count,
    struct pinf_hash *mac)
{
	struct pinf_sha256 hash = {hmac->ctx.inner};
	struct pinf_hash inner;

	for (size_t i = 0; i < count; i++)
		pinf_sha256_update(&hash, parts[i]);
	pinf_sha256_final(&hash, &inner);
	hash.ctx = hmac->ctx.outer;
	pinf_sha256_update(&hash, (struct pinf_span){inner.bytes, sizeof inner.bytes});
	pinf_sha256_final(&hash, mac);
	pinf_wipe(&hash, sizeof hash);
	pinf_wipe(&inner, sizeof inner);
}

void
pinf_hmac(const struct pinf_hmac *hmac, struct pinf_span message, struct pinf_hash *mac)
{
	pinf_hmac_parts(hmac, &message, 1, mac);
}

void
pinf_hkdf_extract(struct pinf_hmac *prk, struct pinf_span salt, struct pinf_span ikm)
{
	struct pinf_hash bytes;

	/* An empty salt and RFC 5869's 32 zero bytes are the same HMAC key. */
	pinf_hmac_key(prk, salt);
	pinf_hmac(prk, ikm, &bytes);
	pinf_hmac_key(prk, (struct pinf_span){bytes.bytes, sizeof bytes.bytes});
	pinf_wipe(&bytes, sizeof bytes);
}

enum pinf_err
pinf_hkdf_expand(const struct pinf_hmac *prk, struct pinf_span info, uint8_t *out, size_t len)
{
	struct pinf_hash block;
	uint8_t counter = 0;

	if (len > 255 * sizeof block.bytes)
		return PINF_E_LENGTH;
	for (size_t at = 0; at < len; at += sizeof block.bytes) {
		const struct pinf_span parts[] = {
		    {block.bytes, at > 0 ? sizeof block.bytes : 0}, info, {&counter, 1}};
		const size_t left = len - at;

		counter++;
		pinf_hmac_parts(prk, parts, 3, &block);
		memcpy(
		    out + at, block.bytes, left < sizeof block.bytes ? left : sizeof block.bytes);
	}
	pinf_wipe(&block, sizeof block);
	return PINF_OK;
}
