/* SPDX-License-Identifier: Apache-2.0 */
/* test_vectors_eip.c -- Ethereum's vectors: Keccak-256, EIP-191 and EIP-712, as ethers publishes them. */
#include "vectors.h"

#include <pinf/wallet.h>

#include "crypto/crypto.h"

#define NAME_MAX_LEN 64
#define TYPES_MAX    16
#define FIELDS_MAX   16

static void
hashes(void **state)
{
	cJSON *document = vectors_load("eip/hashes.json");
	struct vector_room room = {.used = 0};
	const cJSON *test;
	size_t count = 0;

	(void)state;
	cJSON_ArrayForEach(test, document)
	{
		const struct pinf_span data = vector_hex(&room, test, "data");
		struct pinf_hash hash;

		pinf_keccak256(&hash, data);
		assert_hex(hash.bytes, 32, vector_text(test, "keccak256") + 2);
		pinf_sha256(&hash, data);
		assert_hex(hash.bytes, 32, vector_text(test, "sha256") + 2);
		room.used = 0;
		count++;
	}
	vectors_done(document, "eip/hashes.json", count);
}

/* The other signature of the same message: s mirrored, v changed over. */
static struct pinf_sig
malleated(const struct pinf_sig *sig)
{
	struct pinf_sig out = *sig;
	uint8_t order[32];
	int borrow = 0;

	unit_unhex(order, 32, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
	for (size_t i = 32; i-- > 0;) {
		const int digit = order[i] - sig->bytes[32 + i] - borrow;

		borrow = digit < 0;
		out.bytes[32 + i] = (uint8_t)(digit + 256 * borrow);
	}
	out.bytes[64] = (uint8_t)(27 + 28 - sig->bytes[64]);
	return out;
}

static void
check_personal_sign(const cJSON *test, struct pinf_span message)
{
	struct pinf_wallet wallet;
	struct pinf_address signer;
	struct pinf_hash digest;
	struct pinf_sig sig, want, bad;

	assert_ok(pinf_wallet_parse(&wallet, SPAN(vector_text(test, "privateKey"))));
	assert_ok(pinf_address_parse(&signer, SPAN(vector_text(test, "address"))));
	assert_true(pinf_address_equal(&wallet.address, &signer));
	assert_string_equal(vector_text(test, "recovered"), vector_text(test, "address"));

	pinf_eip191_digest(&digest, message);
	assert_hex(digest.bytes, 32, vector_text(test, "eip191Hash") + 2);
	assert_ok(pinf_wallet_sign(&sig, &wallet, &digest));
	assert_hex(sig.bytes, 65, vector_text(test, "signature") + 2);
	vector_bytes(want.bytes, sizeof want.bytes, test, "signature");
	assert_ok(pinf_signature_check(&want, &digest, &signer));

	/* The same signature is nobody else's, of nothing else, and in no other form. */
	bad = malleated(&want);
	assert_err(pinf_signature_check(&bad, &digest, &signer), PINF_E_AUTH_HIGH_S);
	bad = want;
	bad.bytes[64] = (uint8_t)(bad.bytes[64] - 27);
	assert_err(pinf_signature_check(&bad, &digest, &signer), PINF_E_AUTH_SIGNATURE);
	digest.bytes[31] ^= 1;
	assert_err(pinf_signature_check(&want, &digest, &signer), PINF_E_AUTH_SIGNATURE);
	digest.bytes[31] ^= 1;
	signer.bytes[0] ^= 1;
	assert_err(pinf_signature_check(&want, &digest, &signer), PINF_E_AUTH_SIGNATURE);
}

static void
eip191(void **state)
{
	cJSON *document = vectors_load("eip/eip191_personal_sign_generated_ethers6.json");
	struct vector_room room = {.used = 0};
	const cJSON *test;
	size_t count = 0;

	(void)state;
	cJSON_ArrayForEach(test, cJSON_GetObjectItemCaseSensitive(document, "vectors"))
	{
		check_personal_sign(test, vector_hex(&room, test, "messageHex"));
		room.used = 0;
		count++;
	}
	vectors_done(document, "eip/eip191_personal_sign", count);
}

/*
 * EIP-712 for any type, driven by the vectors' JSON.  pinf itself signs a handful of flat structs;
 * these vectors hold Keccak-256, pinf_eip712_struct and pinf_eip712_digest against ethers.
 */

/* The name in front of an array's brackets. */
static void
base_type(char out[static NAME_MAX_LEN], const char *type)
{
	(void)snprintf(out, NAME_MAX_LEN, "%.*s", (int)strcspn(type, "["), type);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct names {
	char name[TYPES_MAX][NAME_MAX_LEN];
	size_t count;
};

static void
collect_types(const cJSON *types, const char *name, struct names *names)
{
	const cJSON *fields = cJSON_GetObjectItemCaseSensitive(types, name);
	const cJSON *field;

	if (fields == NULL)
		return;
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->name[i], name) == 0)
			return;
	assert_true(names->count < TYPES_MAX);
	(void)snprintf(names->name[names->count++], NAME_MAX_LEN, "%s", name);
	cJSON_ArrayForEach(field, fields)
	{
		char base[NAME_MAX_LEN];

		base_type(base, vector_text(field, "type"));
		collect_types(types, base, names);
	}
}

/* encodeType: the struct, then those that it uses, sorted. */
static void
encode_type(const cJSON *types, const char *primary, char *out, size_t cap)
{
	struct names names = {.count = 0};
	size_t at = 0;

	collect_types(types, primary, &names);
	assert_true(names.count > 0);
	qsort(names.name + 1, names.count - 1, NAME_MAX_LEN, compare_names);
	for (size_t i = 0; i < names.count; i++) {
		const char *before = "";
		const cJSON *field;

		at += (size_t)snprintf(out + at, cap - at, "%s(", names.name[i]);
		cJSON_ArrayForEach(field, cJSON_GetObjectItemCaseSensitive(types, names.name[i]))
		{
			at += (size_t)snprintf(out + at, cap - at, "%s%s %s", before,
			    vector_text(field, "type"), vector_text(field, "name"));
			before = ",";
		}
		at += (size_t)snprintf(out + at, cap - at, ")");
		assert_true(at < cap);
	}
}

/* A decimal of up to 256 bits, two's complement. */
static void
decimal_word(struct pinf_hash *word, const char *decimal)
{
	const bool negative = *decimal == '-';
	unsigned carry;

	*word = (struct pinf_hash){{0}};
	for (const char *digit = decimal + negative; *digit != 0; digit++) {
		carry = (unsigned)(*digit - '0');
		for (size_t i = 32; i-- > 0; carry >>= 8) {
			carry += word->bytes[i] * 10u;
			word->bytes[i] = (uint8_t)carry;
		}
	}
	carry = 1;
	for (size_t i = 32; negative && i-- > 0; carry >>= 8) {
		carry += (uint8_t)~word->bytes[i];
		word->bytes[i] = (uint8_t)carry;
	}
}

static void
atom_word(struct pinf_hash *word, const char *type, const cJSON *value)
{
	struct vector_room room = {.used = 0};
	struct pinf_span bytes;

	*word = (struct pinf_hash){{0}};
	if (strcmp(type, "bool") == 0) {
		assert_true(cJSON_IsBool(value));
		word->bytes[31] = cJSON_IsTrue(value) ? 1 : 0;
	} else if (cJSON_IsNumber(value)) { /* only chain ids, and small */
		word->bytes[30] = (uint8_t)(value->valueint >> 8);
		word->bytes[31] = (uint8_t)value->valueint;
		assert_true(value->valueint >> 16 == 0);
	} else if (strstr(type, "int") != NULL) {
		decimal_word(word, value->valuestring);
	} else if (strcmp(type, "string") == 0) {
		pinf_keccak256(word, SPAN(value->valuestring));
	} else {
		bytes = vector_unhex(&room, value->valuestring);
		assert_true(bytes.len <= 32 || strcmp(type, "bytes") == 0);
		if (strcmp(type, "bytes") == 0)
			pinf_keccak256(word, bytes);
		else if (strcmp(type, "address") == 0)
			memcpy(word->bytes + 32 - bytes.len, bytes.data, bytes.len);
		else
			memcpy(word->bytes, bytes.data, bytes.len);
	}
}

static void
value_word(struct pinf_hash *word, const cJSON *types, const char *type, const cJSON *value);

/* hashStruct; words gets the encoded fields. */
static size_t
struct_words(struct pinf_hash *out, struct pinf_hash words[static FIELDS_MAX], const cJSON *types,
    const char *name, const cJSON *value)
{
	struct pinf_eip712_field fields[FIELDS_MAX];
	const cJSON *field;
	size_t count = 0;
	char type[2048];

	cJSON_ArrayForEach(field, cJSON_GetObjectItemCaseSensitive(types, name))
	{
		assert_true(count < FIELDS_MAX);
		value_word(&words[count], types, vector_text(field, "type"),
		    cJSON_GetObjectItemCaseSensitive(value, vector_text(field, "name")));
		fields[count] = (struct pinf_eip712_field){
		    .type = PINF_EIP712_BYTES32, .bytes = {words[count].bytes, 32}};
		count++;
	}
	encode_type(types, name, type, sizeof type);
	pinf_eip712_struct(out, type, fields, count);
	return count;
}

static void
value_word(struct pinf_hash *word, const cJSON *types, const char *type, const cJSON *value)
{
	const char *bracket = strrchr(type, '[');
	struct pinf_hash words[FIELDS_MAX], item_word;
	struct pinf_keccak hash;
	const cJSON *item;
	char inner[NAME_MAX_LEN];

	assert_non_null(value);
	if (bracket != NULL) {
		(void)snprintf(inner, sizeof inner, "%.*s", (int)(bracket - type), type);
		pinf_keccak_init(&hash);
		cJSON_ArrayForEach(item, value)
		{
			value_word(&item_word, types, inner, item);
			pinf_keccak_update(&hash, span_of(item_word.bytes, 32));
		}
		pinf_keccak_final(&hash, word);
	} else if (cJSON_HasObjectItem(types, type)) {
		(void)struct_words(word, words, types, type, value);
	} else {
		atom_word(word, type, value);
	}
}

/* The domain's type is made of the fields that it has. */
static void
domain_hash(struct pinf_hash *out, const cJSON *domain)
{
	static const char *const known[][2] = {{"name", "string"}, {"version", "string"},
	    {"chainId", "uint256"}, {"verifyingContract", "address"}, {"salt", "bytes32"}};
	struct pinf_hash words[FIELDS_MAX];
	cJSON *types = cJSON_CreateObject();
	cJSON *fields = cJSON_AddArrayToObject(types, "EIP712Domain");

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (!cJSON_HasObjectItem(domain, known[i][0]))
			continue;
		cJSON *field = cJSON_CreateObject();
		assert_non_null(cJSON_AddStringToObject(field, "name", known[i][0]));
		assert_non_null(cJSON_AddStringToObject(field, "type", known[i][1]));
		assert_true(cJSON_AddItemToArray(fields, field));
	}
	assert_int_equal(
	    struct_words(out, words, types, "EIP712Domain", domain), cJSON_GetArraySize(domain));
	cJSON_Delete(types);
}

static void
check_typed_data(const cJSON *test)
{
	const cJSON *types = cJSON_GetObjectItemCaseSensitive(test, "types");
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(test, "data");
	const char *primary = vector_text(test, "primaryType");
	struct pinf_hash domain, object, digest, encoded[1 + FIELDS_MAX];
	char type[2048];

	domain_hash(&domain, cJSON_GetObjectItemCaseSensitive(test, "domain"));
	encode_type(types, primary, type, sizeof type);
	pinf_keccak256(&encoded[0], SPAN(type));
	const size_t count = struct_words(&object, encoded + 1, types, primary, data);
	assert_hex(encoded, 32 * (1 + count), vector_text(test, "encoded") + 2);
	pinf_eip712_digest(&digest, &domain, &object);
	assert_hex(digest.bytes, 32, vector_text(test, "digest") + 2);

	if (cJSON_HasObjectItem(test, "signature")) {
		struct pinf_wallet wallet;
		struct pinf_sig sig;

		assert_ok(pinf_wallet_parse(&wallet, SPAN(vector_text(test, "privateKey"))));
		assert_ok(pinf_wallet_sign(&sig, &wallet, &digest));
		assert_hex(sig.bytes, 65, vector_text(test, "signature") + 2);
	}
}

static void
eip712(void **state)
{
	cJSON *document = vectors_load("eip/eip712.json");
	const cJSON *test;
	size_t count = 0;

	(void)state;
	cJSON_ArrayForEach(test, document)
	{
		check_typed_data(test);
		count++;
	}
	vectors_done(document, "eip/eip712.json", count);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hashes),
	    cmocka_unit_test(eip191),
	    cmocka_unit_test(eip712),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
