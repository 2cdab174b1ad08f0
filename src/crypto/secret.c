/* SPDX-License-Identifier: Apache-2.0 */
/* secret.c -- wiping, constant-time comparison and guarded memory, base64, on libsodium. */
#include <string.h>

#include <sodium.h>

#include "crypto.h"

void
pinf_wipe(void *data, size_t len)
{
	if (len > 0)
		sodium_memzero(data, len);
}

bool
pinf_equal_secret(const void *a, const void *b, size_t len)
{
	const int different = sodium_memcmp(a, b, len);

	pinf_declassify(&different, sizeof different);
	return different == 0;
}

void
pinf_key_wipe(struct pinf_key *key)
{
	pinf_wipe(key, sizeof *key);
}

enum pinf_err
pinf_base64_decode(struct pinf_buf *out, struct pinf_span text)
{
	uint8_t *at = out->data + out->len;
	const size_t room = out->cap - out->len;
	size_t len = 0;

	if (sodium_base642bin(at, room, (const char *)text.data, text.len, NULL, &len, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0) {
		pinf_wipe(at, room);
		return PINF_E_SYNTAX;
	}
	out->len += len;
	return PINF_OK;
}

void *
pinf_guarded_alloc(size_t len)
{
	void *memory = sodium_init() < 0 ? NULL : sodium_malloc(len);

	if (memory != NULL)
		memset(memory, 0, len); /* libsodium fills it with 0xdb. */
	return memory;
}

void
pinf_guarded_free(void *memory)
{
	sodium_free(memory); /* Wipes; NULL is fine. */
}
