/* SPDX-License-Identifier: Apache-2.0 */
/* test_vectors_crypto.c -- Wycheproof, RFC 5869 and RFC 9180 vectors, as published. */
#include "vectors.h"

#include "core/hpke_schedule.h"

enum outcome { HOLDS, FAILS, NOT_OURS };
typedef enum outcome
vector_check(const cJSON *group, const cJSON *test, bool valid, struct vector_room *room);

static void
wycheproof(const char *name, vector_check *check)
{
	cJSON *document = vectors_load(name);
	const cJSON *group, *test;
	struct vector_room room = {.used = 0};
	size_t count = 0;

	cJSON_ArrayForEach(group, cJSON_GetObjectItemCaseSensitive(document, "testGroups"))
	{
		cJSON_ArrayForEach(test, cJSON_GetObjectItemCaseSensitive(group, "tests"))
		{
			/* "acceptable" tells a quirk, not a refusal: the answer must be right. */
			const bool valid = strcmp(vector_text(test, "result"), "invalid") != 0;
			const enum outcome outcome = check(group, test, valid, &room);

			if (outcome == FAILS)
				fail_msg("%s: tcId %d", name, vector_int(test, "tcId"));
			count += outcome == HOLDS;
			room.used = 0;
		}
	}
	vectors_done(document, name, count);
}

static bool
same(struct pinf_span want, const void *got)
{
	return want.len == 0 || memcmp(want.data, got, want.len) == 0;
}

static enum outcome
check_hkdf(const cJSON *group, const cJSON *test, bool valid, struct vector_room *room)
{
	static uint8_t out[1 << 16];
	const size_t size = (size_t)vector_int(test, "size");
	struct pinf_hmac prk;

	(void)group;
	assert_true(size <= sizeof out);
	pinf_hkdf_extract(&prk, vector_hex(room, test, "salt"), vector_hex(room, test, "ikm"));
	const enum pinf_err err = pinf_hkdf_expand(&prk, vector_hex(room, test, "info"), out, size);
	if (!valid)
		return err == PINF_E_LENGTH ? HOLDS : FAILS;
	const struct pinf_span okm = vector_hex(room, test, "okm");
	return err == PINF_OK && okm.len == size && same(okm, out) ? HOLDS : FAILS;
}

static enum outcome
check_hmac(const cJSON *group, const cJSON *test, bool valid, struct vector_room *room)
{
	const struct pinf_span tag = vector_hex(room, test, "tag");
	struct pinf_hmac hmac;
	struct pinf_hash mac;

	(void)group;
	pinf_hmac_key(&hmac, vector_hex(room, test, "key"));
	pinf_hmac(&hmac, vector_hex(room, test, "msg"), &mac);
	assert_true(tag.len > 0 && tag.len <= sizeof mac.bytes);
	return pinf_equal_secret(mac.bytes, tag.data, tag.len) == valid ? HOLDS : FAILS;
}

static enum outcome
check_aead(enum pinf_suite suite, const cJSON *group, const cJSON *test, bool valid,
    struct vector_room *room)
{
	uint8_t sealed[1024], out[1024], nonce[12];
	struct pinf_cipher *cipher;
	struct pinf_key key;

	if (vector_int(group, "keySize") != 256 || vector_int(group, "ivSize") != 96 ||
	    vector_int(group, "tagSize") != 128)
		return NOT_OURS;
	vector_bytes(key.bytes, sizeof key.bytes, test, "key");
	vector_bytes(nonce, sizeof nonce, test, "iv");
	const struct pinf_span ad = vector_hex(room, test, "aad");
	const struct pinf_span plain = vector_hex(room, test, "msg");
	/* One after the other in room: ciphertext and tag, as pinf writes them. */
	struct pinf_span want = vector_hex(room, test, "ct");
	want.len += vector_hex(room, test, "tag").len;
	assert_true(want.len <= sizeof sealed);

	assert_ok(pinf_cipher_new(&cipher));
	assert_ok(pinf_cipher_key(cipher, suite, &key));
	bool holds = pinf_cipher_open(cipher, nonce, ad, want, out) ==
			 (valid ? PINF_OK : PINF_E_BLOB_FORGED) &&
		     pinf_cipher_seal(cipher, nonce, ad, plain, sealed) == PINF_OK;
	if (valid)
		holds = holds && same(plain, out) && same(want, sealed) &&
			want.len == plain.len + PINF_TAG_LEN;
	pinf_cipher_free(cipher);
	return holds ? HOLDS : FAILS;
}

static enum outcome
check_aes_gcm(const cJSON *group, const cJSON *test, bool valid, struct vector_room *room)
{
	return check_aead(PINF_SUITE_AES256GCM, group, test, valid, room);
}

static enum outcome
check_chacha(const cJSON *group, const cJSON *test, bool valid, struct vector_room *room)
{
	return check_aead(PINF_SUITE_CHACHA20POLY1305, group, test, valid, room);
}

static enum outcome
check_x25519(const cJSON *group, const cJSON *test, bool valid, struct vector_room *room)
{
	const struct pinf_key zero = {{0}};
	struct pinf_key secret, shared = {{0}}, want;
	uint8_t peer[32];

	(void)group, (void)room;
	assert_true(valid);
	vector_bytes(secret.bytes, sizeof secret.bytes, test, "private");
	vector_bytes(peer, sizeof peer, test, "public");
	vector_bytes(want.bytes, sizeof want.bytes, test, "shared");
	const enum pinf_err err = pinf_x25519(&shared, &secret, peer);
	const bool low_order = memcmp(&want, &zero, sizeof zero) == 0;
	return err == (low_order ? PINF_E_HPKE : PINF_OK) &&
		       memcmp(&shared, &want, sizeof want) == 0
		   ? HOLDS
		   : FAILS;
}

static void
wycheproof_hkdf(void **state)
{
	(void)state;
	wycheproof("wycheproof/hkdf_sha256_test.json", check_hkdf);
}

static void
wycheproof_hmac(void **state)
{
	(void)state;
	wycheproof("wycheproof/hmac_sha256_test.json", check_hmac);
}

static void
wycheproof_aes_gcm(void **state)
{
	(void)state;
	wycheproof("wycheproof/aes_gcm_test.json", check_aes_gcm);
}

static void
wycheproof_chacha20_poly1305(void **state)
{
	(void)state;
	wycheproof("wycheproof/chacha20_poly1305_test.json", check_chacha);
}

static void
wycheproof_x25519(void **state)
{
	(void)state;
	wycheproof("wycheproof/x25519_test.json", check_x25519);
}

static void
rfc5869(void **state)
{
	cJSON *document = vectors_load("hkdf/rfc5869_sha256.json");
	struct vector_room room = {.used = 0};
	const cJSON *test;
	size_t count = 0;

	(void)state;
	cJSON_ArrayForEach(test, document)
	{
		const struct pinf_span salt = vector_hex(&room, test, "salt");
		const struct pinf_span ikm = vector_hex(&room, test, "ikm");
		struct pinf_hmac hmac;
		struct pinf_hash prk;
		uint8_t okm[128];
		const size_t len = (size_t)vector_int(test, "L");

		assert_true(len <= sizeof okm);
		pinf_hmac_key(&hmac, salt);
		pinf_hmac(&hmac, ikm, &prk);
		assert_hex(prk.bytes, sizeof prk.bytes, vector_text(test, "prk"));
		pinf_hkdf_extract(&hmac, salt, ikm);
		assert_ok(pinf_hkdf_expand(&hmac, vector_hex(&room, test, "info"), okm, len));
		assert_hex(okm, len, vector_text(test, "okm"));
		room.used = 0;
		count++;
	}
	vectors_done(document, "RFC 5869", count);
}

/* SHAKE128: the HPKE file holds digests of a thousand outputs, and draws its inputs from one. */
#define SHAKE_RATE 168

struct shake {
	struct sha3_state state;
	size_t at;
};

static void
shake_xor(struct shake *shake, uint8_t byte, size_t at)
{
	shake->state.a[at / 8] ^= (uint64_t)byte << (at % 8 * 8);
}

static void
shake_absorb(struct shake *shake, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		shake_xor(shake, data[i], shake->at++);
		if (shake->at == SHAKE_RATE) {
			sha3_permute(&shake->state);
			shake->at = 0;
		}
	}
}

/* Once, before the first squeeze. */
static void
shake_pad(struct shake *shake)
{
	shake_xor(shake, 0x1f, shake->at);
	shake_xor(shake, 0x80, SHAKE_RATE - 1);
	shake->at = SHAKE_RATE;
}

static void
shake_squeeze(struct shake *shake, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (shake->at == SHAKE_RATE) {
			sha3_permute(&shake->state);
			shake->at = 0;
		}
		out[i] = (uint8_t)(shake->state.a[shake->at / 8] >> (shake->at % 8 * 8));
		shake->at++;
	}
}

/* One byte of length, then as many bytes. */
static struct pinf_span
shake_draw(struct shake *source, uint8_t out[static 255])
{
	uint8_t len;

	shake_squeeze(source, &len, 1);
	shake_squeeze(source, out, len);
	return span_of(out, len);
}

static void
assert_accumulated(struct shake *sink, const cJSON *test, const char *name)
{
	uint8_t digest[16];

	shake_pad(sink);
	shake_squeeze(sink, digest, sizeof digest);
	assert_hex(digest, sizeof digest, vector_text(test, name));
}

static enum pinf_err
fill_from_key(void *ctx, uint8_t *out, size_t len)
{
	assert_int_equal(len, PINF_KEY_LEN);
	memcpy(out, ctx, len);
	return PINF_OK;
}

/* Sequence number 0 is what pinf_hpke_seal and _open do by themselves. */
static void
assert_single_shot(const cJSON *test, const struct pinf_hpke_keypair *recipient,
    struct pinf_span info, struct pinf_span ad, struct pinf_span plain, const uint8_t *want)
{
	uint8_t enc[32], want_enc[32], sealed[255 + 16], opened[255];
	struct pinf_key ikm;

	vector_bytes(ikm.bytes, sizeof ikm.bytes, test, "ikmE");
	vector_bytes(want_enc, sizeof want_enc, test, "enc");
	assert_ok(pinf_hpke_seal(enc, sealed, recipient->public_key, info, ad, plain,
	    (struct pinf_random){&ikm, fill_from_key}));
	assert_memory_equal(enc, want_enc, sizeof enc);
	assert_memory_equal(sealed, want, plain.len + 16);
	assert_ok(
	    pinf_hpke_open(opened, want_enc, recipient, info, ad, span_of(want, plain.len + 16)));
	assert_memory_equal(opened, plain.data, plain.len);
}

static void
check_hpke_encryptions(const cJSON *test, const struct pinf_hpke_schedule *schedule,
    const struct pinf_hpke_keypair *recipient, struct pinf_span info)
{
	struct shake source = {.at = 0}, sink = {.at = 0};
	struct pinf_cipher *cipher;
	struct pinf_key key;
	uint8_t base[PINF_HPKE_NONCE_LEN], ad_room[255], plain_room[255], sealed[255 + 16];

	pinf_hpke_expand(schedule, "key", key.bytes, sizeof key.bytes);
	pinf_hpke_expand(schedule, "base_nonce", base, sizeof base);
	assert_ok(pinf_cipher_new(&cipher));
	assert_ok(pinf_cipher_key(cipher, PINF_SUITE_CHACHA20POLY1305, &key));
	shake_pad(&source);
	for (unsigned sequence = 0; sequence < 1000; sequence++) {
		const struct pinf_span ad = shake_draw(&source, ad_room);
		const struct pinf_span plain = shake_draw(&source, plain_room);
		uint8_t nonce[PINF_HPKE_NONCE_LEN];

		memcpy(nonce, base, sizeof nonce);
		nonce[10] ^= (uint8_t)(sequence >> 8);
		nonce[11] ^= (uint8_t)sequence;
		assert_ok(pinf_cipher_seal(cipher, nonce, ad, plain, sealed));
		if (sequence == 0)
			assert_single_shot(test, recipient, info, ad, plain, sealed);
		shake_absorb(&sink, sealed, plain.len + 16);
	}
	pinf_cipher_free(cipher);
	assert_accumulated(&sink, test, "encryptions_accumulated");
}

/* pinf exports nothing: the labels are spelt out here, the secret under them is the schedule's. */
static void
check_hpke_exports(const cJSON *test, const struct pinf_hpke_schedule *schedule)
{
	static const char label[] = "HPKE-v1HPKE\x00\x20\x00\x01\x00\x03sec";
	struct shake source = {.at = 0}, sink = {.at = 0};
	struct pinf_hmac exporter;
	uint8_t secret[32], labeled[2 + sizeof label - 1 + 255], value[1000];

	pinf_hpke_expand(schedule, "exp", secret, sizeof secret);
	pinf_hmac_key(&exporter, span_of(secret, sizeof secret));
	shake_pad(&source);
	for (unsigned len = 0; len < 1000; len++) {
		const struct pinf_span context =
		    shake_draw(&source, labeled + 2 + sizeof label - 1);

		labeled[0] = (uint8_t)(len >> 8);
		labeled[1] = (uint8_t)len;
		memcpy(labeled + 2, label, sizeof label - 1);
		assert_ok(pinf_hkdf_expand(
		    &exporter, span_of(labeled, 2 + sizeof label - 1 + context.len), value, len));
		shake_absorb(&sink, value, len);
	}
	assert_accumulated(&sink, test, "exports_accumulated");
}

static void
check_hpke(const cJSON *test, const struct pinf_hpke_keypair *ephemeral,
    const struct pinf_hpke_keypair *recipient, struct pinf_span info)
{
	struct pinf_hpke_schedule sender, receiver;

	assert_ok(pinf_hpke_schedule(&sender, ephemeral, recipient->public_key, true, info));
	assert_ok(pinf_hpke_schedule(&receiver, recipient, ephemeral->public_key, false, info));
	check_hpke_encryptions(test, &receiver, recipient, info);
	check_hpke_exports(test, &sender);
}

static void
rfc9180(void **state)
{
	cJSON *document = vectors_load("hpke/rfc9180.json");
	struct vector_room room = {.used = 0};
	const cJSON *test;
	size_t pairs = 0, count = 0;

	(void)state;
	cJSON_ArrayForEach(test, document)
	{
		struct pinf_hpke_keypair ephemeral, recipient;
		struct pinf_key ikm;

		if (vector_int(test, "mode") != 0 || vector_int(test, "kem_id") != 32)
			continue;
		/* Any suite of this KEM says how its key pairs are derived. */
		vector_bytes(ikm.bytes, sizeof ikm.bytes, test, "ikmE");
		pinf_hpke_derive_pair(&ephemeral, &ikm);
		assert_hex(ephemeral.public_key, 32, vector_text(test, "enc"));
		vector_bytes(ikm.bytes, sizeof ikm.bytes, test, "ikmR");
		pinf_hpke_derive_pair(&recipient, &ikm);
		assert_hex(recipient.secret.bytes, 32, vector_text(test, "skRm"));
		assert_hex(recipient.public_key, 32, vector_text(test, "pkRm"));
		pairs++;
		if (vector_int(test, "kdf_id") != 1 || vector_int(test, "aead_id") != 3)
			continue;
		check_hpke(test, &ephemeral, &recipient, vector_hex(&room, test, "info"));
		room.used = 0;
		count++;
	}
	print_message("hpke/rfc9180.json: %zu derived pairs\n", pairs);
	vectors_done(
	    document, "hpke/rfc9180.json, of this suite (1,000 encryptions, 1,000 exports)", count);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wycheproof_hkdf),
	    cmocka_unit_test(wycheproof_hmac),
	    cmocka_unit_test(wycheproof_aes_gcm),
	    cmocka_unit_test(wycheproof_chacha20_poly1305),
	    cmocka_unit_test(wycheproof_x25519),
	    cmocka_unit_test(rfc5869),
	    cmocka_unit_test(rfc9180),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
