/* SPDX-License-Identifier: Apache-2.0 */
/* secret.c -- wiping, constant-time comparison and guarded memory, on libsodium. */
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
	return sodium_memcmp(a, b, len) == 0;
}

void
pinf_key_wipe(struct pinf_key *key)
{
	pinf_wipe(key, sizeof *key);
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
