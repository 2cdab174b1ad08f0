/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring.c -- fuzzes keyring files: as they come, or ('c' first) as a content that is sealed here, so that
 * changes get past the AEAD; 'e': a content that is right, changed in some places.  spec/keys.md#file.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/keyring.h>

#include "common.h"
#include "crypto/crypto.h"

#define HEADER_LEN  29
#define CONTENT_MAX (96 + 82 * 8)

static const struct pinf_span passphrase = {(const uint8_t *)"correct horse", 13};
/* One pass, 8 KiB, salt 000102..0f: the cheapest that there is. */
static const uint8_t header[HEADER_LEN] = {'P', 'N', 'F', 'K', 1, 0, 0, 0, 1, 0, 0, 0, 8, 0, 1, 2,
    3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void
seal(struct pinf_bytes *file, struct pinf_span content)
{
	static struct pinf_cipher *cipher;
	static const uint8_t nonce[12];
	struct pinf_key key;

	if (cipher == NULL) {
		fuzz_check(pinf_argon2id(&key, passphrase, header + 13, 1, 8) == PINF_OK, "a key");
		fuzz_check(pinf_cipher_new(&cipher) == PINF_OK, "a cipher");
		fuzz_check(
		    pinf_cipher_key(cipher, PINF_SUITE_CHACHA20POLY1305, &key) == PINF_OK, "keyed");
	}
	if (pinf_bytes_reserve(file, HEADER_LEN + content.len + PINF_TAG_LEN) != PINF_OK)
		abort();
	memcpy(file->data, header, HEADER_LEN);
	file->len = HEADER_LEN + content.len + PINF_TAG_LEN;
	fuzz_check(pinf_cipher_seal(cipher, nonce, (struct pinf_span){header, HEADER_LEN}, content,
		       file->data + HEADER_LEN) == PINF_OK,
	    "sealed");
}

/* The content of a keyring with three versions, the last one active, with bytes of the input's in some places. */
static struct pinf_span
edited(struct fuzz_input *in)
{
	static uint8_t right[CONTENT_MAX], content[CONTENT_MAX];
	static size_t len;
	uint64_t seed = 3;

	if (len == 0) {
		const struct pinf_domain domain = {.chain_id = 5};
		struct pinf_keyring *keyring;
		struct pinf_bytes file = {0};
		struct pinf_cipher *cipher;
		struct pinf_key key;
		uint32_t version;

		if (pinf_keyring_new(&keyring, &domain, fuzz_random(&seed)) != PINF_OK)
			abort();
		for (unsigned i = 0; i < 3; i++)
			fuzz_check(pinf_keyring_rotate(keyring, &version, i, fuzz_random(&seed)) ==
				       PINF_OK,
			    "a version");
		fuzz_check(
		    pinf_keyring_encode(keyring, &file, passphrase, (struct pinf_kdf_cost){1, 8},
			fuzz_random(&seed)) == PINF_OK &&
			pinf_argon2id(&key, passphrase, file.data + 13, 1, 8) == PINF_OK &&
			pinf_cipher_new(&cipher) == PINF_OK &&
			pinf_cipher_key(cipher, PINF_SUITE_CHACHA20POLY1305, &key) == PINF_OK,
		    "a file and its key");
		len = file.len - HEADER_LEN - PINF_TAG_LEN;
		fuzz_check(len <= CONTENT_MAX && pinf_cipher_open(cipher, (const uint8_t[12]){0},
						     (struct pinf_span){file.data, HEADER_LEN},
						     (struct pinf_span){file.data + HEADER_LEN,
							 file.len - HEADER_LEN},
						     right) == PINF_OK,
		    "its content");
		pinf_cipher_free(cipher);
		pinf_bytes_free(&file);
		pinf_keyring_free(keyring);
	}
	memcpy(content, right, len);
	while (in->size >= 3) {
		const size_t high = fuzz_byte(in), at = (high << 8 | fuzz_byte(in)) % len;

		content[at] = fuzz_byte(in);
	}
	return (struct pinf_span){content, len};
}

/* What opens is written again, opens again, and has the same versions. */
static void
check_keyring(const struct pinf_keyring *keyring)
{
	uint64_t seed = 1;
	struct pinf_bytes file = {0};
	struct pinf_keyring *again = NULL;
	unsigned active = 0;

	fuzz_check(pinf_keyring_encode(keyring, &file, passphrase, (struct pinf_kdf_cost){1, 8},
		       fuzz_random(&seed)) == PINF_OK,
	    "what opens is written");
	fuzz_check(
	    pinf_keyring_decode(&again, pinf_span_of(&file), passphrase) == PINF_OK, "and opens");
	fuzz_check(
	    pinf_keyring_count(keyring) == pinf_keyring_count(again), "with as many versions");
	for (size_t i = 0; i < pinf_keyring_count(keyring); i++) {
		const struct pinf_key_info a = pinf_keyring_info(keyring, i),
					   b = pinf_keyring_info(again, i);

		active += a.state == PINF_KEY_ACTIVE;
		fuzz_check(a.version == i + 1 && a.state == b.state &&
			       a.created_ms == b.created_ms &&
			       memcmp(a.fingerprint, b.fingerprint, sizeof a.fingerprint) == 0,
		    "which are the same");
	}
	fuzz_check(active <= 1, "of which one is the active one");
	file.len = 0;
	fuzz_check(pinf_keyring_encode(keyring, &file, passphrase, (struct pinf_kdf_cost){1, 8},
		       fuzz_broken_random()) == PINF_E_RANDOM &&
		       pinf_keyring_encode(keyring, &file, passphrase, (struct pinf_kdf_cost){0, 7},
			   fuzz_random(&seed)) == PINF_E_RANGE &&
		       pinf_keyring_encode(keyring, &file, passphrase,
			   (struct pinf_kdf_cost){PINF_KDF_PASSES_MAX + 1, 0},
			   fuzz_random(&seed)) == PINF_E_RANGE &&
		       file.len == 0,
	    "not without salt, nor out of bounds");
	pinf_keyring_free(again);
	pinf_bytes_free(&file);
}

/* Within KEY-22's bounds, and seconds long all the same: not for a fuzzer.  What is beyond them is refused at once. */
static bool
is_costly(struct pinf_span file)
{
	uint32_t passes = 0, memory_kib = 0;

	for (size_t i = 5; i < 9 && file.len > HEADER_LEN; i++) {
		passes = passes << 8 | file.data[i];
		memory_kib = memory_kib << 8 | file.data[i + 4];
	}
	return passes >= 1 && passes <= PINF_KDF_PASSES_MAX && memory_kib > 1024 &&
	       memory_kib <= PINF_KDF_MEMORY_MAX_KIB;
}

static enum pinf_err
decode_starving(struct pinf_span file)
{
	struct pinf_keyring *keyring = NULL;
	struct pinf_bytes again = {0};
	uint64_t seed = 1;
	enum pinf_err err = pinf_keyring_decode(&keyring, file, passphrase);

	if (err == PINF_OK)
		err = pinf_keyring_encode(
		    keyring, &again, passphrase, (struct pinf_kdf_cost){1, 8}, fuzz_random(&seed));
	pinf_keyring_free(keyring);
	pinf_bytes_free(&again);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const uint8_t mode = fuzz_byte(&in);
	const bool content = mode == 'c' || mode == 'e';
	const struct pinf_span bytes = mode == 'e' ? edited(&in) : fuzz_rest(&in, CONTENT_MAX);
	struct pinf_bytes file = {0};
	struct pinf_keyring *keyring = NULL;
	enum pinf_err err;

	if (content)
		seal(&file, bytes);
	else if (is_costly(bytes))
		return 0;
	err = pinf_keyring_decode(&keyring, content ? pinf_span_of(&file) : bytes, passphrase);
	fuzz_check_named(err);
	fuzz_check((err == PINF_OK) == (keyring != NULL), "untouched on failure");
	fuzz_check(!content || err != PINF_E_PASSPHRASE, "what was sealed here authenticates");
	if (err == PINF_OK)
		check_keyring(keyring);
	fuzz_starve(decode_starving, content ? pinf_span_of(&file) : bytes);
	pinf_keyring_free(keyring);
	pinf_bytes_free(&file);
	return 0;
}
