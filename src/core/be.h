/* SPDX-License-Identifier: Apache-2.0 */
/* be.h -- big-endian integers of 1 to 8 bytes, as every format of ours has them. */
#ifndef PINF_CORE_BE_H
#define PINF_CORE_BE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* Writes the low len bytes of value; returns where the next field starts. */
static inline uint8_t *
pinf_be_put(uint8_t *out, size_t len, uint64_t value)
{
	assert(len <= 8);
	for (size_t i = len; i-- > 0; value >>= 8)
		out[i] = (uint8_t)value;
	return out + len;
}

static inline uint64_t
pinf_be_get(const uint8_t *in, size_t len)
{
	uint64_t value = 0;

	assert(len <= 8);
	for (size_t i = 0; i < len; i++)
		value = value << 8 | in[i];
	return value;
}

#endif
