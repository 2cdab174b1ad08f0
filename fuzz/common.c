/* SPDX-License-Identifier: Apache-2.0 */
/* common.c -- oracles' verdicts, and failures of the machine; planted bugs are off unless PINF_FUZZ_BUG names one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/bug.h>

#include "common.h"
#include "crypto/crypto.h"

bool
pinf_bug_active(const char *name)
{
	static const char *on;

	if (on == NULL)
		on = getenv("PINF_FUZZ_BUG");
	if (on == NULL)
		on = "";
	return *on != '\0' && strcmp(on, name) == 0;
}

void
pinf_probe_reached(const char *name)
{
	(void)name;
}

void
fuzz_fail(const char *oracle)
{
	(void)fprintf(stderr, "oracle failed: %s\n", oracle);
	abort();
}

void
fuzz_check_named(enum pinf_err err)
{
	static bool named[PINF_ERR_COUNT];

	if (err < PINF_ERR_COUNT && !named[err])
		named[err] = pinf_err_of_name(pinf_err_name(err)) == err;
	fuzz_check(err < PINF_ERR_COUNT && named[err], "named error");
}

uint8_t
fuzz_byte(struct fuzz_input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

void
fuzz_fill(struct fuzz_input *in, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = fuzz_byte(in);
}

uint64_t
fuzz_below(struct fuzz_input *in, uint64_t limit)
{
	uint32_t number = 0;

	fuzz_fill(in, &number, sizeof number);
	return limit == 0 ? 0 : number % limit;
}

struct pinf_span
fuzz_rest(struct fuzz_input *in, size_t max)
{
	const struct pinf_span rest = {in->data, in->size < max ? in->size : max};

	in->data += rest.len;
	in->size -= rest.len;
	return rest;
}

/* SplitMix64. */
static enum pinf_err
fill(void *ctx, uint8_t *out, size_t len)
{
	uint64_t *state = ctx;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		out[i] = (uint8_t)(z ^ z >> 31);
	}
	return PINF_OK;
}

struct pinf_random
fuzz_random(uint64_t *state)
{
	return (struct pinf_random){state, fill};
}

static enum pinf_err
fail(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 0, len);
	return PINF_E_RANDOM;
}

struct pinf_random
fuzz_broken_random(void)
{
	return (struct pinf_random){NULL, fail};
}

/* The calls until one fails; 0: none does.  Which kinds of them can, fuzz/CMakeLists.txt tells the linker. */
static unsigned calls_left;
static enum pinf_err failed;
static bool is_fed;

void
fuzz_fed(bool fed)
{
	is_fed = fed;
}

enum pinf_err
fuzz_failed(void)
{
	return failed;
}

FUZZ_UNTRACED void
fuzz_starve(enum pinf_err (*attempt)(struct pinf_span in), struct pinf_span in)
{
	unsigned sum = (unsigned)in.len;
	enum pinf_err err;

	for (size_t i = 0; i < in.len; i++)
		sum += in.data[i];
	if (sum % 4 != 0)
		return;
	failed = PINF_OK;
	calls_left = 1 + sum / 4 % FUZZ_CALLS_MAX;
	err = attempt(in);
	calls_left = 0;
	is_fed = false;
	fuzz_check(failed == PINF_OK || err == failed, "what fails is reported");
}

#ifdef PINF_FUZZ_WRAP /* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl*): the linker's names */
static bool
fails(enum pinf_err as)
{
	if (is_fed || calls_left == 0 || --calls_left > 0)
		return false;
	failed = as;
	return true;
}

/* --wrap=NAME makes each call of NAME one of __wrap_NAME, and __real_NAME what it was. */
#define WRAP(type, name, params, arguments, as, on_failure)                                        \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		return fails(as) ? (on_failure) : __real_##name arguments;                         \
	}

WRAP(void *, malloc, (size_t size), (size), PINF_E_NO_MEMORY, NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), PINF_E_NO_MEMORY, NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), PINF_E_NO_MEMORY, NULL)
WRAP(char *, strdup, (const char *text), (text), PINF_E_NO_MEMORY, NULL)
WRAP(enum pinf_err, pinf_cipher_key,
    (struct pinf_cipher * cipher, enum pinf_suite suite, const struct pinf_key *key),
    (cipher, suite, key), PINF_E_CRYPTO, PINF_E_CRYPTO)
WRAP(enum pinf_err, pinf_cipher_seal,
    (struct pinf_cipher * cipher, const uint8_t *nonce, struct pinf_span ad, struct pinf_span in,
	uint8_t *out),
    (cipher, nonce, ad, in, out), PINF_E_CRYPTO, PINF_E_CRYPTO)
WRAP(enum pinf_err, pinf_secp256k1_sign,
    (struct pinf_sig * sig, const struct pinf_hash *digest, const struct pinf_key *secret),
    (sig, digest, secret), PINF_E_CRYPTO, PINF_E_CRYPTO)
WRAP(enum pinf_err, pinf_x25519,
    (struct pinf_key * shared, const struct pinf_key *secret, const uint8_t *public_key),
    (shared, secret, public_key), PINF_E_CRYPTO, PINF_E_CRYPTO)
WRAP(enum pinf_err, pinf_argon2id,
    (struct pinf_key * key, struct pinf_span passphrase, const uint8_t *salt, uint32_t passes,
	uint32_t memory_kib),
    (key, passphrase, salt, passes, memory_kib), PINF_E_NO_MEMORY, PINF_E_NO_MEMORY)
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl*) */
#endif
