/* SPDX-License-Identifier: Apache-2.0 */
/* test_payload.c -- payload metadata both ways, and one error for each fault.  spec/payload.md. */
#include "unit/unit.h"

#include <pinf/payload.h>

#include "crypto/crypto.h"

#define SHA      "\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""
#define URN      "\"urn\":\"urn:blob:1:fs:main:prompts:f\""
#define INSTANCE "\"instance\":\"00112233445566778899aabbccddeeff\""
#define MINER    "\"miner\":\"0x00000000000000000000000000000000000000aa\""
#define SCOPE                                                                                      \
	"{\"attempt\":2," INSTANCE ",\"kind\":\"task\"," MINER                                     \
	",\"purpose\":\"result\",\"session\":101,\"task\":9001}"
#define SEALING "{\"key_version\":3,\"scope\":" SCOPE ",\"suite\":\"aes-256-gcm\"}"
/* An encrypted reference with its parts to replace. */
#define ENC(encryption)   "{\"encryption\":" encryption "," SHA ",\"size\":486," URN "}"
#define WITH_SCOPE(scope) ENC("{\"key_version\":3,\"scope\":" scope ",\"suite\":\"aes-256-gcm\"}")

/* Canonical, so that they encode back to themselves; 0, 3 and 5 are the examples of spec/payload.md. */
static const char *const canonical[] = {
    ENC(SEALING),
    WITH_SCOPE("{" INSTANCE ",\"kind\":\"task\",\"purpose\":\"input\",\"session\":101,"
	       "\"task\":9007199254740991}"),
    WITH_SCOPE("{" INSTANCE ",\"kind\":\"session\",\"purpose\":\"input\",\"session\":101}"),
    ENC("\"none\""),
    "{\"encryption\":\"none\",\"inline\":\"abc\"," SHA ",\"size\":3}",
    "{\"encryption\":\"none\",\"inline\":\"{\\\"document\\\":\\\"pinf-input-1\\\","
    "\\\"prompt\\\":\\\"Hi\\\"}\",\"sha256\":"
    "\"354225204d29a09fd38d71722c1edc51c77d6464c590c732929962d0f8879535\",\"size\":41}",
};

static const struct {
	const char *json;
	enum pinf_err err;
} cases[] = {
    /* Other spellings of valid metadata. */
    {" { " URN ", \"size\":486.0, " SHA ",\"encryption\" : " SEALING " } ", PINF_OK},
    {"{\"x-hint\":[1,{}],\"encryption\":\"none\"," SHA ",\"size\":1," URN "}", PINF_OK},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1,\"urn\":\"URN:Blob:1:%66s:a:b:%3a\"}", PINF_OK},
    {WITH_SCOPE("{\"attempt\":2," INSTANCE ",\"kind\":\"task\",\"miner\":"
		"\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\",\"purpose\":\"result\","
		"\"session\":101,\"task\":9001,\"x-more\":0}"),
	PINF_OK},
    /* The text, and the fields as such. */
    {"", PINF_E_SYNTAX},
    {"{\"encryption\":\"none\"", PINF_E_SYNTAX},
    {"{\"encryption\":\"none\xff\"}", PINF_E_UTF8},
    {"{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", PINF_E_DEPTH},
    {"[]", PINF_E_TYPE},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1," URN "," SHA "}", PINF_E_DUPLICATE},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1," URN ",\"hash\":1}", PINF_E_UNKNOWN_FIELD},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1}", PINF_E_MISSING},
    {"{\"encryption\":\"none\"," SHA "," URN "}", PINF_E_MISSING},
    {"{\"encryption\":\"none\",\"size\":1," URN "}", PINF_E_MISSING},
    {"{" SHA ",\"size\":1," URN "}", PINF_E_MISSING},
    {"{\"encryption\":\"none\"," SHA ",\"size\":\"1\"," URN "}", PINF_E_TYPE},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1.5," URN "}", PINF_E_TYPE},
    {"{\"encryption\":\"none\"," SHA ",\"size\":0," URN "}", PINF_E_RANGE},
    {"{\"encryption\":\"none\"," SHA ",\"size\":9007199254740992," URN "}", PINF_E_RANGE},
    /* Hash and URN. */
    {"{\"encryption\":\"none\",\"sha256\":\"ba78\",\"size\":1," URN "}", PINF_E_HASH},
    {"{\"encryption\":\"none\",\"sha256\":\"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF"
     "61F20015AD\",\"size\":1," URN "}",
	PINF_E_HASH},
    {"{\"encryption\":\"none\",\"sha256\":7,\"size\":1," URN "}", PINF_E_TYPE},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1,\"urn\":\"\"}", PINF_E_URN_SYNTAX},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1,\"urn\":\"urn:blob:1:fs:a:b\"}",
	PINF_E_URN_FIELDS},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1,\"urn\":\"urn:blob:2:fs:a:b:c\"}",
	PINF_E_URN_VERSION},
    {"{\"encryption\":\"none\"," SHA ",\"size\":1,\"urn\":null}", PINF_E_TYPE},
    /* Encryption. */
    {ENC("\"aes-256-gcm\""), PINF_E_ENCRYPTION},
    {ENC("\"\""), PINF_E_ENCRYPTION},
    {ENC("null"), PINF_E_TYPE},
    {ENC("true"), PINF_E_TYPE},
    {ENC("[]"), PINF_E_TYPE},
    {ENC("{}"), PINF_E_MISSING},
    {ENC("{\"key_version\":3,\"scope\":" SCOPE ",\"suite\":\"AES-256-GCM\"}"), PINF_E_ENCRYPTION},
    {ENC("{\"key_version\":3,\"scope\":" SCOPE ",\"suite\":\"none\"}"), PINF_E_ENCRYPTION},
    {ENC("{\"key_version\":3,\"scope\":" SCOPE ",\"suite\":1}"), PINF_E_TYPE},
    {ENC("{\"key_version\":0,\"scope\":" SCOPE ",\"suite\":\"aes-256-gcm\"}"), PINF_E_RANGE},
    {ENC("{\"key_version\":4294967296,\"scope\":" SCOPE ",\"suite\":\"aes-256-gcm\"}"),
	PINF_E_RANGE},
    {ENC("{\"key_version\":3,\"suite\":\"aes-256-gcm\"}"), PINF_E_MISSING},
    {ENC("{\"key_version\":3,\"scope\":1,\"suite\":\"aes-256-gcm\"}"), PINF_E_TYPE},
    {ENC("{\"k\":0,\"key_version\":3,\"scope\":" SCOPE ",\"suite\":\"aes-256-gcm\"}"),
	PINF_E_UNKNOWN_FIELD},
/* Scopes: I, T and R give what is constant in them. */
#define I(rest) WITH_SCOPE("{" INSTANCE "," rest "}")
#define T       "\"kind\":\"task\",\"purpose\":\"input\",\"session\":1,\"task\":2"
#define R       "\"kind\":\"task\",\"purpose\":\"result\",\"session\":1,\"task\":2"
    {I("\"kind\":\"pool\",\"purpose\":\"input\",\"session\":1"), PINF_E_SCOPE},
    {I("\"kind\":\"task\",\"purpose\":\"audit\",\"session\":1,\"task\":2"), PINF_E_SCOPE},
    {I("\"kind\":2,\"purpose\":\"input\",\"session\":1,\"task\":2"), PINF_E_TYPE},
    {I("\"kind\":\"session\",\"purpose\":\"input\",\"session\":1,\"task\":2"), PINF_E_SCOPE},
    {I("\"attempt\":1,\"kind\":\"session\"," MINER ",\"purpose\":\"result\",\"session\":1"),
	PINF_E_SCOPE},
    {I("\"kind\":\"task\",\"purpose\":\"input\",\"session\":1"), PINF_E_MISSING},
    {I("\"kind\":\"task\",\"purpose\":\"input\",\"task\":1"), PINF_E_MISSING},
    {I("\"purpose\":\"input\",\"session\":1,\"task\":1"), PINF_E_MISSING},
    {I("\"kind\":\"task\",\"purpose\":\"input\",\"session\":0,\"task\":1"), PINF_E_ID_RANGE},
    {I("\"kind\":\"task\",\"purpose\":\"input\",\"session\":1,\"task\":9007199254740993"),
	PINF_E_ID_RANGE},
    {I("\"kind\":\"task\",\"purpose\":\"input\",\"session\":-1,\"task\":1"), PINF_E_ID_RANGE},
    {I("\"kind\":\"task\",\"purpose\":\"input\",\"session\":\"1\",\"task\":1"), PINF_E_TYPE},
    {I("\"attempt\":1," T), PINF_E_SCOPE},
    {I(MINER "," T), PINF_E_SCOPE},
    {I(R "," MINER), PINF_E_MISSING},
    {I(R ",\"attempt\":1"), PINF_E_MISSING},
    {I(R ",\"attempt\":0," MINER), PINF_E_SCOPE},
    {I(R ",\"attempt\":4294967296," MINER), PINF_E_RANGE},
    {I(R ",\"attempt\":1,\"miner\":\"0x0000000000000000000000000000000000000000\""), PINF_E_SCOPE},
    {I(R ",\"attempt\":1,\"miner\":\"0x00\""), PINF_E_ADDRESS},
    {I(T ",\"epoch\":1"), PINF_E_UNKNOWN_FIELD},
    {WITH_SCOPE("{" T "}"), PINF_E_MISSING},
    {WITH_SCOPE("{\"instance\":\"00\"," T "}"), PINF_E_LENGTH},
    {WITH_SCOPE("{\"instance\":\"00112233445566778899AABBCCDDEEFF\"," T "}"), PINF_E_SYNTAX},
#undef I
#undef T
#undef R
    /* Inline. */
    {"{\"encryption\":\"none\",\"inline\":\"abd\"," SHA ",\"size\":3}", PINF_E_HASH_MISMATCH},
    {"{\"encryption\":\"none\",\"inline\":\"abc\"," SHA ",\"size\":4}", PINF_E_SIZE_MISMATCH},
    {"{\"encryption\":\"none\",\"inline\":{}," SHA ",\"size\":3}", PINF_E_TYPE},
    {"{\"encryption\":\"none\",\"inline\":\"abc\"," SHA ",\"size\":3," URN "}",
	PINF_E_UNKNOWN_FIELD},
    {"{\"encryption\":" SEALING ",\"inline\":\"abc\"," SHA ",\"size\":3," URN "}",
	PINF_E_UNKNOWN_FIELD},
};

static void
examples_go_both_ways(void **state)
{
	const size_t count = sizeof canonical / sizeof *canonical;
	static struct pinf_payload payloads[sizeof canonical / sizeof *canonical];
	struct pinf_bytes out = {0};

	(void)state;
	for (size_t i = 0; i < count; i++) {
		print_message("%s\n", canonical[i]);
		assert_int_equal(
		    unit_in_spec("payload.md", canonical[i]), i == 0 || i == 3 || i == 5);
		assert_ok(pinf_payload_decode(&payloads[i], SPAN(canonical[i])));
		out.len = 0;
		assert_ok(pinf_payload_encode(&out, &payloads[i]));
		assert_string_equal((char *)out.data, canonical[i]);
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++)
			assert_int_equal(pinf_payload_equal(&payloads[i], &payloads[k]), i == k);
	assert_int_equal(payloads[0].suite, PINF_SUITE_AES256GCM);
	assert_int_equal(payloads[0].key_version, 3);
	assert_int_equal(payloads[0].scope.miner.bytes[19], 0xaa);
	assert_string_equal(payloads[3].urn, "urn:blob:1:fs:main:prompts:f");
	assert_int_equal(payloads[4].inline_len, 3);
	pinf_bytes_free(&out);
}

static void
every_fault_has_its_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_payload payload = {.size = 77}, again;
		struct pinf_bytes out = {0};

		print_message("%s\n", cases[i].json);
		assert_err(pinf_payload_decode(&payload, SPAN(cases[i].json)), cases[i].err);
		if (cases[i].err != PINF_OK) {
			assert_int_equal(payload.size, 77);
			continue;
		}
		assert_ok(pinf_payload_encode(&out, &payload));
		assert_ok(pinf_payload_decode(&again, pinf_span_of(&out)));
		assert_true(pinf_payload_equal(&payload, &again));
		pinf_bytes_free(&out);
	}
}

/* What is escaped throughout still fits; one byte of document more does not. */
static void
inline_documents_are_limited(void **state)
{
	struct pinf_payload payload = {.size = PINF_INLINE_MAX, .inline_len = PINF_INLINE_MAX};
	struct pinf_bytes out = {0};
	struct pinf_payload again;
	static char text[PINF_PAYLOAD_JSON_MAX + 2];

	(void)state;
	memset(payload.inline_data, 1, PINF_INLINE_MAX);
	pinf_sha256(&payload.sha256, span_of(payload.inline_data, PINF_INLINE_MAX));
	assert_ok(pinf_payload_encode(&out, &payload));
	assert_true(out.len > 6 * PINF_INLINE_MAX);
	assert_ok(pinf_payload_decode(&again, pinf_span_of(&out)));
	assert_true(pinf_payload_equal(&payload, &again));
	again.inline_data[PINF_INLINE_MAX - 1] = 2;
	assert_false(pinf_payload_equal(&payload, &again));

	(void)snprintf(text, sizeof text,
	    "{\"encryption\":\"none\"," SHA ",\"size\":4097,\"inline\":\"%0*d\"}",
	    PINF_INLINE_MAX + 1, 0);
	assert_err(pinf_payload_decode(&again, SPAN(text)), PINF_E_TOO_LARGE);
	memset(text, ' ', sizeof text);
	memcpy(text, canonical[3], strlen(canonical[3]));
	assert_ok(pinf_payload_decode(&again, span_of(text, PINF_PAYLOAD_JSON_MAX)));
	assert_err(pinf_payload_decode(&again, span_of(text, PINF_PAYLOAD_JSON_MAX + 1)),
	    PINF_E_TOO_LARGE);

	/* What cannot be JSON leaves nothing behind. */
	payload.inline_data[0] = 0xff;
	out.len = 1;
	assert_err(pinf_payload_encode(&out, &payload), PINF_E_UTF8);
	assert_int_equal(out.len, 1);
	pinf_bytes_free(&out);
}

static void
headers_are_compared(void **state)
{
	struct pinf_payload payload, public_payload;
	struct pinf_blob_header header = {.salt = {1}};
	uint8_t bytes[PINF_BLOB_HEADER_LEN];

	(void)state;
	assert_ok(pinf_payload_decode(&payload, SPAN(canonical[0])));
	assert_ok(pinf_payload_decode(&public_payload, SPAN(canonical[3])));
	header.params = (struct pinf_blob_params){
	    payload.suite, PINF_BLOB_CHUNK_LOG2, true, payload.key_version, payload.scope};
	pinf_blob_header_encode(bytes, &header);
	assert_ok(pinf_payload_check_header(&payload, span_of(bytes, sizeof bytes)));
	assert_err(pinf_payload_check_header(&payload, span_of(bytes, sizeof bytes - 1)),
	    PINF_E_BLOB_TRUNCATED);
	assert_err(pinf_payload_check_header(&public_payload, span_of(bytes, sizeof bytes)),
	    PINF_E_ENCRYPTION);

	header.params.scope.attempt++;
	pinf_blob_header_encode(bytes, &header);
	assert_err(pinf_payload_check_header(&payload, span_of(bytes, sizeof bytes)),
	    PINF_E_SCOPE_MISMATCH);
	header.params.scope.attempt--;
	header.params.key_version++;
	pinf_blob_header_encode(bytes, &header);
	assert_err(
	    pinf_payload_check_header(&payload, span_of(bytes, sizeof bytes)), PINF_E_BLOB_HEADER);
	header.params.key_version--;
	header.params.suite = PINF_SUITE_CHACHA20POLY1305;
	pinf_blob_header_encode(bytes, &header);
	assert_err(
	    pinf_payload_check_header(&payload, span_of(bytes, sizeof bytes)), PINF_E_BLOB_HEADER);
	assert_ok(pinf_payload_decode(&payload,
	    SPAN(ENC("{\"key_version\":3,\"scope\":" SCOPE ",\"suite\":\"chacha20-poly1305\"}"))));
	assert_ok(pinf_payload_check_header(&payload, span_of(bytes, sizeof bytes)));
}

/* Whatever a mutation leaves valid survives encode and decode, and encodes one way only. */
static void
mutations_stay_consistent(void **state)
{
	static const char alphabet[] = "0123456789abcdefABC\":,{}-%/ xktinpsresult";
	uint64_t seed = 3;
	unsigned accepted = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct pinf_payload payload, again;
		struct pinf_bytes out = {0}, out2 = {0};
		char text[600];
		uint8_t dice[3];
		const size_t len = strlen(canonical[i % 5]);

		memcpy(text, canonical[i % 5], len);
		(void)unit_fill(&seed, dice, sizeof dice);
		text[(dice[0] * 256u + dice[1]) % len] = alphabet[dice[2] % (sizeof alphabet - 1)];
		if (pinf_payload_decode(&payload, span_of(text, len)) != PINF_OK)
			continue;
		accepted++;
		assert_ok(pinf_payload_encode(&out, &payload));
		assert_ok(pinf_payload_decode(&again, pinf_span_of(&out)));
		assert_true(pinf_payload_equal(&payload, &again));
		assert_ok(pinf_payload_encode(&out2, &again));
		assert_true(pinf_span_equal(pinf_span_of(&out), pinf_span_of(&out2)));
		pinf_bytes_free(&out);
		pinf_bytes_free(&out2);
	}
	assert_in_range(accepted, 500, 9000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_go_both_ways),
	    cmocka_unit_test(every_fault_has_its_error),
	    cmocka_unit_test(inline_documents_are_limited),
	    cmocka_unit_test(headers_are_compared),
	    cmocka_unit_test(mutations_stay_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
