/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring.c -- fuzzes keyring files: as they come, or ('c' first) as a content that is sealed here, so that
 * changes get past the AEAD; 'r': records of the input's fields, against the page.  spec/keys.md#file.
 */
#include <stdlib.h>
#include <string.h>

#include <pinf/keyring.h>

#include "common.h"
#include "crypto/crypto.h"

#define HEADER_LEN  29
#define SECRETS_LEN 96
#define RECORD_LEN  82
#define RECORDS_MAX 8
#define CONTENT_MAX (SECRETS_LEN + RECORD_LEN * RECORDS_MAX)

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

/* A record as the input has it: what may be wrong with one, each by itself. */
struct record {
	uint8_t state, seed_len;
	bool fingerprint_wrong, tail_dirty, created_late;
};

static struct record
read_record(struct fuzz_input *in)
{
	static const uint8_t lens[] = {32, 33, 64, 0, 31, 65, 32, 48};
	const uint8_t state = fuzz_byte(in), rest = fuzz_byte(in);

	return (struct record){.state = state % 6,
	    .seed_len = lens[rest % 8],
	    .fingerprint_wrong = (rest & 0x38) == 0x08,
	    .tail_dirty = (rest & 0x38) == 0x10,
	    .created_late = (rest & 0x38) == 0x20};
}

/* KEY-23, read off the page. */
static bool
is_right(const struct record *records, size_t count)
{
	unsigned active = 0;
	bool right = true;

	for (size_t i = 0; i < count; i++) {
		const struct record *r = &records[i];
		const bool destroyed = r->state == PINF_KEY_DESTROYED;

		active += r->state == PINF_KEY_ACTIVE;
		right = right && r->state >= PINF_KEY_PENDING && r->state <= PINF_KEY_DESTROYED &&
			(destroyed ? r->seed_len == 0 : r->seed_len >= 32 && r->seed_len <= 64) &&
			!(r->fingerprint_wrong && !destroyed) && !r->created_late &&
			!(r->tail_dirty && r->seed_len < 64);
	}
	return right && active <= 1;
}

static void
write_record(uint8_t out[static RECORD_LEN], const struct record *r, size_t i)
{
	uint8_t labelled[23 + 64] = "pinf/seed-fingerprint/1", *seed = out + 10;
	const size_t len = r->seed_len < 64 ? r->seed_len : 64;
	struct pinf_hash hash;

	memset(out, 0, RECORD_LEN);
	out[0] = r->state;
	out[8] = (uint8_t)i;
	out[1] = r->created_late ? 0xff : 0;
	out[9] = r->seed_len;
	memset(labelled + 23, (int)(0x11 * (i + 1)), 64);
	memcpy(seed, labelled + 23, len);
	/* What is destroyed has the fingerprint of the seed that it had. */
	pinf_sha256(&hash, (struct pinf_span){labelled, 23 + (len == 0 ? 32 : len)});
	memcpy(seed + 64, hash.bytes, 8);
	seed[64] ^= r->fingerprint_wrong;
	if (r->tail_dirty && len < 64)
		seed[63] = 1;
}

/* Records of the input's behind secrets that are right; says whether the keyring may open. */
static struct pinf_span
made(struct fuzz_input *in, bool *right)
{
	static uint8_t content[CONTENT_MAX];
	struct record records[RECORDS_MAX];
	size_t count = 0;

	memset(content, 0x21, SECRETS_LEN);
	memset(content, 0, 7); /* the chain's id */
	while (count < RECORDS_MAX && in->size >= 2) {
		records[count] = read_record(in);
		write_record(content + SECRETS_LEN + RECORD_LEN * count, &records[count], count);
		count++;
	}
	memset(content + SECRETS_LEN - 4, 0, 4);
	content[SECRETS_LEN - 1] = (uint8_t)count;
	*right = is_right(records, count);
	return (struct pinf_span){content, SECRETS_LEN + RECORD_LEN * count};
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
	const bool content = mode == 'c' || mode == 'r';
	bool right = false;
	const struct pinf_span bytes =
	    mode == 'r' ? made(&in, &right) : fuzz_rest(&in, CONTENT_MAX);
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
	fuzz_check(mode != 'r' || (err == PINF_OK) == right,
	    "what the pages allow opens, and nothing else");
	if (err == PINF_OK)
		check_keyring(keyring);
	fuzz_starve(decode_starving, content ? pinf_span_of(&file) : bytes);
	pinf_keyring_free(keyring);
	pinf_bytes_free(&file);
	return 0;
}
