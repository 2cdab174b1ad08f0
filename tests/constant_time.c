/* SPDX-License-Identifier: Apache-2.0 */
/*
 * constant_time.c -- run under valgrind, to which secrets are memory that was never written: it reports each branch and each
 * address that depends on one.  What becomes public on its way is said by pinf_declassify(), whose place this program takes.
 * With "leak" it compares a secret as it should not: valgrind must say so, or it would find nothing in the rest either.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/blob.h>
#include <pinf/keyring.h>
#include <valgrind/memcheck.h>

#include "core/be.h"
#include "core/hpke_schedule.h"

#define CHUNK ((size_t)1 << PINF_BLOB_CHUNK_MIN)

/* --wrap=pinf_declassify: the linker's names.  NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl*) */
void __wrap_pinf_declassify(const void *value, size_t len);
void
__wrap_pinf_declassify(const void *value, size_t len)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(value, len);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl*) */

static void
classify(void *secret, size_t len)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(secret, len);
}

/* An outcome is public: what the program says to the world. */
static void
expect(bool holds, const char *what)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(&holds, sizeof holds);
	if (holds)
		return;
	(void)fprintf(stderr, "constant_time: %s\n", what);
	exit(1);
}

static enum pinf_err
ones(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 1, len);
	return PINF_OK;
}
static const struct pinf_random random_ones = {NULL, ones};

static void
key_comparison(void)
{
	struct pinf_key a = {{1}}, b = {{1}}, c = {{2}};

	classify(&a, sizeof a);
	classify(&b, sizeof b);
	classify(&c, sizeof c);
	expect(pinf_equal_secret(&a, &b, sizeof a), "equal keys are equal");
	expect(!pinf_equal_secret(&a, &c, sizeof a), "and others are not");
}

static const struct pinf_blob_params params = {.suite = PINF_SUITE_CHACHA20POLY1305,
    .chunk_log2 = PINF_BLOB_CHUNK_MIN,
    .padded = true,
    .key_version = 1,
    .scope = {.kind = PINF_SCOPE_TASK, .purpose = PINF_PURPOSE_INPUT, .session = 1, .task = 1}};

/* From seed to blob: derivation, sealing, commitment, padding. */
static void
commitment_and_padding(void)
{
	static uint8_t body[2 * CHUNK];
	struct pinf_key key = {{3}}, other = {{4}};
	struct pinf_blob *blob = NULL;
	struct pinf_bytes sealed = {0}, plain = {0};
	struct pinf_hash sha256;
	const struct pinf_span text = {body, CHUNK + 100};

	classify(&key, sizeof key);
	classify(&other, sizeof other);
	classify(body, sizeof body);
	expect(pinf_blob_new(&blob) == PINF_OK, "a context");
	expect(pinf_blob_seal(blob, &params, &key, random_ones, text, &sealed, &sha256) == PINF_OK,
	    "it seals");
	/* Sealed, it is in the world. */
	(void)VALGRIND_MAKE_MEM_DEFINED(sealed.data, sealed.len);
	expect(pinf_blob_open(blob, NULL, &key, pinf_span_of(&sealed), &plain) == PINF_OK &&
		   plain.len == text.len,
	    "and opens");
	expect(pinf_blob_open(blob, NULL, &other, pinf_span_of(&sealed), &plain) ==
		   PINF_E_BLOB_COMMITMENT,
	    "not under another key");
	sealed.data[PINF_BLOB_HEADER_LEN + 5] ^= 1;
	expect(
	    pinf_blob_open(blob, NULL, &key, pinf_span_of(&sealed), &plain) == PINF_E_BLOB_FORGED,
	    "nor forged");
	pinf_bytes_free(&sealed);
	pinf_bytes_free(&plain);
	pinf_blob_free(blob);
}

/* A chunk whose padding is not zero, or whose count is too large: under the right key, made by hand. */
static void
bad_padding(size_t at, uint8_t value)
{
	struct pinf_key key = {{3}}, both[2];
	uint8_t header[PINF_BLOB_HEADER_LEN], info[11 + PINF_BLOB_HEADER_LEN] = "pinf/blob/1";
	uint8_t body[256] = {0}, nonce[12] = {[11] = 1};
	uint8_t sealed[PINF_BLOB_HEADER_LEN + sizeof body + PINF_TAG_LEN];
	struct pinf_blob *blob = NULL;
	struct pinf_cipher *cipher = NULL;
	struct pinf_bytes plain = {0};
	struct pinf_hmac prk;

	body[at] = value;
	classify(&key, sizeof key);
	classify(body, sizeof body);
	expect(pinf_blob_new(&blob) == PINF_OK && pinf_cipher_new(&cipher) == PINF_OK &&
		   pinf_blob_seal_begin(blob, &params, &key, random_ones, header) == PINF_OK,
	    "a header");
	(void)VALGRIND_MAKE_MEM_DEFINED(header, sizeof header);
	memcpy(info + 11, header, PINF_BLOB_HEADER_LEN - PINF_HASH_LEN);
	pinf_hkdf_extract(&prk,
	    (struct pinf_span){
		header + PINF_BLOB_HEADER_LEN - PINF_HASH_LEN - PINF_SALT_LEN, PINF_SALT_LEN},
	    (struct pinf_span){key.bytes, sizeof key.bytes});
	expect(pinf_hkdf_expand(&prk,
		   (struct pinf_span){info, 11 + PINF_BLOB_HEADER_LEN - PINF_HASH_LEN},
		   both[0].bytes, sizeof both) == PINF_OK &&
		   pinf_cipher_key(cipher, params.suite, &both[0]) == PINF_OK,
	    "its key");
	memcpy(sealed, header, sizeof header);
	expect(pinf_cipher_seal(cipher, nonce, (struct pinf_span){NULL, 0},
		   (struct pinf_span){body, sizeof body}, sealed + sizeof header) == PINF_OK,
	    "sealed");
	(void)VALGRIND_MAKE_MEM_DEFINED(sealed, sizeof sealed);
	expect(pinf_blob_open(blob, NULL, &key, (struct pinf_span){sealed, sizeof sealed},
		   &plain) == PINF_E_BLOB_PADDING,
	    "bad padding is refused");
	pinf_cipher_free(cipher);
	pinf_blob_free(blob);
}

static void
hpke(void)
{
	struct pinf_hpke_keypair pair;
	struct pinf_key seed = {{5}}, key = {{6}};
	uint8_t enc[PINF_HPKE_PUBLIC_LEN], sealed[PINF_KEY_LEN + PINF_TAG_LEN],
	    opened[PINF_KEY_LEN];
	const struct pinf_span none = {NULL, 0}, message = {sealed, sizeof sealed};

	classify(&seed, sizeof seed);
	classify(&key, sizeof key);
	pinf_hpke_derive_pair(&pair, &seed);
	(void)VALGRIND_MAKE_MEM_DEFINED(pair.public_key, sizeof pair.public_key);
	expect(pinf_hpke_seal(enc, sealed, pair.public_key, none, none,
		   (struct pinf_span){key.bytes, sizeof key.bytes}, random_ones) == PINF_OK,
	    "it seals");
	(void)VALGRIND_MAKE_MEM_DEFINED(enc, sizeof enc);
	(void)VALGRIND_MAKE_MEM_DEFINED(sealed, sizeof sealed);
	expect(pinf_hpke_open(opened, enc, &pair, none, none, message) == PINF_OK, "and opens");
	expect(pinf_equal_secret(opened, key.bytes, sizeof opened), "to the key");
	sealed[3] ^= 1;
	expect(pinf_hpke_open(opened, enc, &pair, none, none, message) == PINF_E_HPKE,
	    "and not forged");
}

/* As it must not be done: the first byte that differs ends it.  Volatile, or a compiler may do better. */
static bool
leaks(const volatile uint8_t *a, const volatile uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	uint8_t a[16] = {1}, b[16] = {2};

	if (RUNNING_ON_VALGRIND == 0) {
		(void)fprintf(stderr, "constant_time: finds nothing without valgrind\n");
		return 77;
	}
	if (argc > 1 && strcmp(argv[1], "leak") == 0) {
		classify(a, sizeof a);
		expect(!leaks(a, b, sizeof a), "they differ");
		return 0;
	}
	key_comparison();
	commitment_and_padding();
	bad_padding(100, 1);
	bad_padding(252, 255);
	hpke();
	return 0;
}
