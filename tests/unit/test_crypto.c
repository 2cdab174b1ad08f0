/* SPDX-License-Identifier: Apache-2.0 */
/* test_crypto.c -- the primitives: known answers, streaming, every refusal. */
#include "unit.h"

#include "crypto/crypto.h"

static void
sha256_matches_and_streams(void **state)
{
	(void)state;
	uint8_t data[300];
	struct pinf_hash whole, parts;
	struct pinf_sha256 hash;

	pinf_sha256(&whole, span_of(NULL, 0));
	assert_hex(
	    whole.bytes, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	pinf_sha256(&whole, SPAN("abc"));
	assert_hex(
	    whole.bytes, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	memset(data, 'p', sizeof data);
	for (size_t cut = 0; cut <= sizeof data; cut++) {
		pinf_sha256(&whole, span_of(data, sizeof data));
		pinf_sha256_init(&hash);
		pinf_sha256_update(&hash, span_of(data, cut));
		pinf_sha256_update(&hash, span_of(data + cut, sizeof data - cut));
		pinf_sha256_final(&hash, &parts);
		assert_memory_equal(whole.bytes, parts.bytes, 32);
	}
}

static void
keccak_matches_and_streams(void **state)
{
	(void)state;
	uint8_t data[300];
	struct pinf_hash whole, parts;
	struct pinf_keccak hash;

	pinf_keccak256(&whole, span_of(NULL, 0));
	assert_hex(
	    whole.bytes, 32, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
	pinf_keccak256(&whole, SPAN("abc"));
	assert_hex(
	    whole.bytes, 32, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
	memset(data, 'p', sizeof data);
	for (size_t cut = 0; cut <= sizeof data; cut++) {
		pinf_keccak256(&whole, span_of(data, sizeof data));
		pinf_keccak_init(&hash);
		pinf_keccak_update(&hash, span_of(data, cut));
		pinf_keccak_update(&hash, span_of(data + cut, sizeof data - cut));
		pinf_keccak_final(&hash, &parts);
		assert_memory_equal(whole.bytes, parts.bytes, 32);
	}
}

/* RFC 4231, cases 1 and 6: a short key, and one longer than a block. */
static void
hmac_matches_and_keeps_its_key(void **state)
{
	(void)state;
	uint8_t key[131];
	struct pinf_hmac hmac;
	struct pinf_hash mac;
	const struct pinf_span parts[] = {SPAN("Hi "), {NULL, 0}, SPAN("There")};

	memset(key, 0x0b, sizeof key);
	pinf_hmac_key(&hmac, span_of(key, 20));
	for (int i = 0; i < 2; i++) {
		pinf_hmac(&hmac, SPAN("Hi There"), &mac);
		assert_hex(mac.bytes, 32,
		    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
		pinf_hmac_parts(&hmac, parts, 3, &mac);
		assert_hex(mac.bytes, 32,
		    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	}
	memset(key, 0xaa, sizeof key);
	pinf_hmac_key(&hmac, span_of(key, sizeof key));
	pinf_hmac(&hmac, SPAN("Test Using Larger Than Block-Size Key - Hash Key First"), &mac);
	assert_hex(
	    mac.bytes, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 5869 A.1, and the longest output. */
static void
hkdf_matches_and_ends_at_255_blocks(void **state)
{
	(void)state;
	static uint8_t out[255 * 32 + 1];
	uint8_t ikm[22], salt[13], info[10];
	struct pinf_hmac prk;

	memset(ikm, 0x0b, sizeof ikm);
	unit_unhex(salt, sizeof salt, "000102030405060708090a0b0c");
	unit_unhex(info, sizeof info, "f0f1f2f3f4f5f6f7f8f9");
	pinf_hkdf_extract(&prk, span_of(salt, sizeof salt), span_of(ikm, sizeof ikm));
	assert_ok(pinf_hkdf_expand(&prk, span_of(info, sizeof info), out, 42));
	assert_hex(out, 42,
	    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

	memset(out, 0x5a, sizeof out);
	assert_err(pinf_hkdf_expand(&prk, SPAN(""), out, 255 * 32 + 1), PINF_E_LENGTH);
	for (size_t i = 0; i < sizeof out; i++)
		assert_int_equal(out[i], 0x5a);
	assert_ok(pinf_hkdf_expand(&prk, SPAN(""), out, 255 * 32));
	assert_int_equal(out[255 * 32], 0x5a);
	assert_ok(pinf_hkdf_expand(&prk, SPAN(""), out, 0));
}

struct aead_case {
	enum pinf_suite suite;
	const char *key, *nonce, *ad, *plain, *sealed;
};

/* GCM test case 16 (McGrew and Viega); RFC 8439 section 2.8.2. */
static const struct aead_case aead_cases[] = {
    {PINF_SUITE_AES256GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	"cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    {PINF_SUITE_CHACHA20POLY1305,
	"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	"4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966"
	"204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572"
	"652c2073756e73637265656e20776f756c642062652069742e",
	"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69"
	"da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad6759455"
	"85808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"},
};

static void
aead_matches_and_refuses_changes(void **state)
{
	(void)state;
	struct pinf_cipher *cipher;

	assert_ok(pinf_cipher_new(&cipher));
	for (size_t c = 0; c < sizeof aead_cases / sizeof *aead_cases; c++) {
		const struct aead_case *v = &aead_cases[c];
		const size_t ad_len = strlen(v->ad) / 2, len = strlen(v->plain) / 2;
		const uint8_t zero[128] = {0};
		struct pinf_key key;
		uint8_t nonce[12], ad[32], text[160], out[160];

		unit_unhex(key.bytes, 32, v->key);
		unit_unhex(nonce, 12, v->nonce);
		unit_unhex(ad, ad_len, v->ad);
		unit_unhex(text, len, v->plain);
		assert_ok(pinf_cipher_key(cipher, v->suite, &key));
		/* Out of place, then in place, under one key. */
		assert_ok(
		    pinf_cipher_seal(cipher, nonce, span_of(ad, ad_len), span_of(text, len), out));
		assert_hex(out, len + 16, v->sealed);
		assert_ok(
		    pinf_cipher_seal(cipher, nonce, span_of(ad, ad_len), span_of(text, len), text));
		assert_hex(text, len + 16, v->sealed);
		assert_ok(pinf_cipher_open(
		    cipher, nonce, span_of(ad, ad_len), span_of(text, len + 16), text));
		assert_hex(text, len, v->plain);

		for (size_t bit = 0; bit < 8 * (len + 16); bit++) {
			unit_unhex(text, len + 16, v->sealed);
			text[bit / 8] ^= (uint8_t)(1 << bit % 8);
			memset(out, 0xff, sizeof out);
			assert_err(pinf_cipher_open(cipher, nonce, span_of(ad, ad_len),
				       span_of(text, len + 16), out),
			    PINF_E_BLOB_FORGED);
			assert_memory_equal(out, zero, len);
		}
		unit_unhex(text, len + 16, v->sealed);
		assert_err(pinf_cipher_open(cipher, nonce, span_of(ad, ad_len - 1),
			       span_of(text, len + 16), out),
		    PINF_E_BLOB_FORGED);
		nonce[11] ^= 1;
		assert_err(pinf_cipher_open(
			       cipher, nonce, span_of(ad, ad_len), span_of(text, len + 16), out),
		    PINF_E_BLOB_FORGED);
	}
	pinf_cipher_free(cipher);
	pinf_cipher_free(NULL);
}

static void
aead_takes_every_length_and_names_limits(void **state)
{
	(void)state;
	const struct pinf_key key = {{7}};
	const uint8_t nonce[12] = {1};
	const struct pinf_span huge = {(const uint8_t *)"", PINF_AEAD_MAX + 1};
	const struct pinf_span none = {NULL, 0};
	uint8_t data[64] = {3}, sealed[80], opened[64];
	struct pinf_cipher *cipher;

	assert_ok(pinf_cipher_new(&cipher));
	assert_err(pinf_cipher_key(cipher, PINF_SUITE_NONE, &key), PINF_E_BLOB_SUITE);
	assert_err(pinf_cipher_key(cipher, (enum pinf_suite)3, &key), PINF_E_BLOB_SUITE);
	for (enum pinf_suite suite = PINF_SUITE_AES256GCM; suite <= PINF_SUITE_CHACHA20POLY1305;
	     suite++) {
		assert_ok(pinf_cipher_key(cipher, suite, &key));
		for (size_t len = 0; len <= sizeof data; len++) {
			const struct pinf_span in = {len > 0 ? data : NULL, len};

			assert_ok(pinf_cipher_seal(cipher, nonce, none, in, sealed));
			assert_ok(pinf_cipher_open(
			    cipher, nonce, none, span_of(sealed, len + 16), opened));
			assert_memory_equal(opened, data, len);
		}
		assert_err(pinf_cipher_seal(cipher, nonce, none, huge, sealed), PINF_E_LENGTH);
		assert_err(pinf_cipher_seal(cipher, nonce, huge, none, sealed), PINF_E_LENGTH);
		assert_err(pinf_cipher_open(cipher, nonce, none, span_of(sealed, 15), opened),
		    PINF_E_LENGTH);
		assert_err(pinf_cipher_open(cipher, nonce, huge, span_of(sealed, 16), opened),
		    PINF_E_LENGTH);
		assert_err(pinf_cipher_open(
			       cipher, nonce, none, span_of(sealed, PINF_AEAD_MAX + 17), opened),
		    PINF_E_LENGTH);
	}
	pinf_cipher_free(cipher);
}

/* RFC 7748 section 6.1. */
static void
x25519_matches_and_refuses_low_order(void **state)
{
	(void)state;
	struct pinf_key alice, shared;
	uint8_t bob[32], own[32];

	unit_unhex(
	    alice.bytes, 32, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	unit_unhex(bob, 32, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	pinf_x25519_public(own, &alice);
	assert_hex(own, 32, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_ok(pinf_x25519(&shared, &alice, bob));
	assert_hex(
	    shared.bytes, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	memset(bob, 0, sizeof bob);
	for (uint8_t low = 0; low < 2; low++) {
		bob[0] = low;
		assert_err(pinf_x25519(&shared, &alice, bob), PINF_E_HPKE);
	}
	assert_hex(
	    shared.bytes, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

/* The example of EIP-712. */
static const char cow_secret[] = "c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4";
static const char cow_digest[] = "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2";
static const char cow_sig[] = "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d"
			      "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b91562"
			      "1c";
static const char order[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
static const char order_less_one[] =
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140";

static void
secp256k1_signs_and_recovers(void **state)
{
	(void)state;
	struct pinf_key secret;
	struct pinf_hash digest;
	struct pinf_address address;
	struct pinf_sig sig;

	unit_unhex(secret.bytes, 32, cow_secret);
	unit_unhex(digest.bytes, 32, cow_digest);
	assert_ok(pinf_secp256k1_address(&address, &secret));
	assert_hex(address.bytes, 20, "cd2a3d9f938e13cd947ec05abc7fe734df8dd826");
	assert_ok(pinf_secp256k1_sign(&sig, &digest, &secret));
	assert_hex(sig.bytes, 65, cow_sig);
	memset(&address, 0, sizeof address);
	assert_ok(pinf_secp256k1_recover(&address, &digest, &sig));
	assert_hex(address.bytes, 20, "cd2a3d9f938e13cd947ec05abc7fe734df8dd826");

	unit_unhex(secret.bytes, 32, order_less_one);
	assert_ok(pinf_secp256k1_address(&address, &secret));
	unit_unhex(secret.bytes, 32, order);
	assert_err(pinf_secp256k1_address(&address, &secret), PINF_E_RANGE);
	assert_err(pinf_secp256k1_sign(&sig, &digest, &secret), PINF_E_RANGE);
	memset(&secret, 0, sizeof secret);
	assert_err(pinf_secp256k1_address(&address, &secret), PINF_E_RANGE);
	assert_err(pinf_secp256k1_sign(&sig, &digest, &secret), PINF_E_RANGE);
	assert_hex(sig.bytes, 65, cow_sig);
}

/* What replaces r, s, v of a good signature; NULL and 0 keep them. */
static const struct {
	const char *name, *r, *s;
	uint8_t v;
	enum pinf_err err;
} bad_signatures[] = {
    {"v without 27", NULL, NULL, 1, PINF_E_AUTH_SIGNATURE},
    {"v below", NULL, NULL, 26, PINF_E_AUTH_SIGNATURE},
    {"v of an r above the order", NULL, NULL, 29, PINF_E_AUTH_SIGNATURE},
    {"v of EIP-155", NULL, NULL, 37, PINF_E_AUTH_SIGNATURE},
    {"r zero", "00", NULL, 0, PINF_E_AUTH_SIGNATURE},
    {"r is the order", order, NULL, 0, PINF_E_AUTH_SIGNATURE},
    {"r is no point's", "0000000000000000000000000000000000000000000000000000000000000005", NULL, 0,
	PINF_E_AUTH_SIGNATURE},
    {"s zero", NULL, "00", 0, PINF_E_AUTH_SIGNATURE},
    {"s is the order", NULL, order, 0, PINF_E_AUTH_SIGNATURE},
    {"s just in the upper half", NULL,
	"7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1", 0, PINF_E_AUTH_HIGH_S},
    {"s the largest", NULL, order_less_one, 0, PINF_E_AUTH_HIGH_S},
    /* The order less cow's s, with the other v: the same signature, malleated. */
    {"s mirrored", NULL, "f8d666c92cfb3eac09bbc205fa0bf00eb2d7b3d4f8517d33c63c3b76ca7d2bdf", 27,
	PINF_E_AUTH_HIGH_S},
};

static void
secp256k1_refuses_bad_signatures(void **state)
{
	(void)state;
	struct pinf_hash digest;
	struct pinf_address address;

	unit_unhex(digest.bytes, 32, cow_digest);
	for (size_t i = 0; i < sizeof bad_signatures / sizeof *bad_signatures; i++) {
		struct pinf_sig sig;

		unit_unhex(sig.bytes, 65, cow_sig);
		for (size_t half = 0; half < 2; half++) {
			const char *hex = half ? bad_signatures[i].s : bad_signatures[i].r;

			if (hex != NULL && strlen(hex) == 2)
				memset(sig.bytes + 32 * half, 0, 32);
			else if (hex != NULL)
				unit_unhex(sig.bytes + 32 * half, 32, hex);
		}
		if (bad_signatures[i].v != 0)
			sig.bytes[64] = bad_signatures[i].v;
		const enum pinf_err got = pinf_secp256k1_recover(&address, &digest, &sig);
		if (got != bad_signatures[i].err)
			fail_msg("%s: %s", bad_signatures[i].name, pinf_err_name(got));
	}
}

/* From an independent implementation that agrees with the PHC reference's own vectors. */
static void
argon2id_matches_and_names_limits(void **state)
{
	(void)state;
	const uint8_t *salt = (const uint8_t *)"0123456789abcdef";
	const uint8_t zero[16] = {0};
	struct pinf_key key;

	assert_ok(pinf_argon2id(&key, SPAN("correct horse"), salt, 2, 64));
	assert_hex(
	    key.bytes, 32, "74fb6b1d311ac0bb4c891f7efd79680245d9f84b72ad8f9bbe61c86e2b9f864d");
	assert_ok(pinf_argon2id(&key, span_of(NULL, 0), zero, 1, 8));
	assert_hex(
	    key.bytes, 32, "cfa0d2d242da6703d311d7eefc922e39cc60c9f4ec93a67d20995be541a06be4");
	assert_err(pinf_argon2id(&key, SPAN("x"), salt, 0, 8), PINF_E_RANGE);
	assert_err(pinf_argon2id(&key, SPAN("x"), salt, 1, 7), PINF_E_RANGE);
}

static void
secrets_are_wiped_and_compared(void **state)
{
	(void)state;
	const uint8_t zero[100] = {0};
	struct pinf_key key;
	uint8_t *guarded = pinf_guarded_alloc(sizeof zero);

	assert_non_null(guarded);
	assert_memory_equal(guarded, zero, sizeof zero);
	memset(guarded, 1, sizeof zero);
	pinf_guarded_free(guarded);
	pinf_guarded_free(NULL);

	memset(&key, 0xee, sizeof key);
	assert_false(pinf_equal_secret(key.bytes, zero, 32));
	assert_true(pinf_equal_secret(key.bytes, zero, 0));
	pinf_key_wipe(&key);
	assert_true(pinf_equal_secret(key.bytes, zero, 32));
	key.bytes[31] = 0x80;
	assert_false(pinf_equal_secret(key.bytes, zero, 32));
	assert_true(pinf_equal_secret(key.bytes, zero, 31));
	pinf_wipe(key.bytes + 31, 1);
	assert_memory_equal(key.bytes, zero, 32);
	pinf_wipe(NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sha256_matches_and_streams),
	    cmocka_unit_test(keccak_matches_and_streams),
	    cmocka_unit_test(hmac_matches_and_keeps_its_key),
	    cmocka_unit_test(hkdf_matches_and_ends_at_255_blocks),
	    cmocka_unit_test(aead_matches_and_refuses_changes),
	    cmocka_unit_test(aead_takes_every_length_and_names_limits),
	    cmocka_unit_test(x25519_matches_and_refuses_low_order),
	    cmocka_unit_test(secp256k1_signs_and_recovers),
	    cmocka_unit_test(secp256k1_refuses_bad_signatures),
	    cmocka_unit_test(argon2id_matches_and_names_limits),
	    cmocka_unit_test(secrets_are_wiped_and_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
