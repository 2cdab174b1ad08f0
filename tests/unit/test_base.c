/* SPDX-License-Identifier: Apache-2.0 */
/* test_base.c -- errors, growable bytes, hex, addresses. */
#include "unit/unit.h"

static void
errors_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PINF_ERR_COUNT; i++) {
		const enum pinf_err err = (enum pinf_err)i;

		assert_int_equal(pinf_err_of_name(pinf_err_name(err)), err); /* so: unique */
		assert_true(strlen(pinf_err_text(err)) > 0);
	}
	assert_string_equal(pinf_err_name(PINF_E_BLOB_FORGED), "blob-forged");
	assert_string_equal(pinf_err_name(PINF_ERR_COUNT), "unknown");
	assert_string_equal(pinf_err_text(PINF_ERR_COUNT), "an unknown error");
	assert_int_equal(pinf_err_of_name("no such name"), PINF_ERR_COUNT);
}

static void
bytes_grow_and_stay_terminated(void **state)
{
	struct pinf_bytes bytes = {0};

	(void)state;
	assert_ok(pinf_bytes_append(&bytes, NULL, 0));
	assert_string_equal((char *)bytes.data, "");
	for (unsigned i = 0; i < 1000; i++) {
		assert_ok(pinf_bytes_append(&bytes, "abc", 3));
		assert_int_equal(bytes.len, 3 * (i + 1));
		assert_int_equal(bytes.data[bytes.len], 0);
		assert_true(bytes.cap >= bytes.len && bytes.cap < 3 * bytes.len + 64);
	}
	assert_memory_equal(bytes.data + 2997, "abc", 4);
	assert_ok(pinf_bytes_reserve(&bytes, 10000));
	assert_true(bytes.cap >= 10000);
	assert_int_equal(bytes.len, 3000);
	assert_memory_equal(bytes.data, "abcabc", 6);
	assert_err(pinf_bytes_reserve(&bytes, SIZE_MAX), PINF_E_NO_MEMORY);
	assert_err(pinf_bytes_append(&bytes, "", SIZE_MAX), PINF_E_NO_MEMORY);
	assert_int_equal(bytes.len, 3000);
	pinf_bytes_free(&bytes);
	assert_null(bytes.data);
	pinf_bytes_free(&bytes);
}

static void
spans_compare(void **state)
{
	(void)state;
	assert_true(pinf_span_equal(SPAN("abc"), SPAN("abc")));
	assert_false(pinf_span_equal(SPAN("abc"), SPAN("abd")));
	assert_false(pinf_span_equal(SPAN("abc"), SPAN("ab")));
	assert_true(pinf_span_equal(SPAN(""), (struct pinf_span){0}));
}

static void
hex_goes_both_ways(void **state)
{
	static const struct {
		const char *text;
		bool lower_only;
		enum pinf_err err;
	} cases[] = {
	    {"00ff7f10", true, PINF_OK},
	    {"00FF7f10", false, PINF_OK},
	    {"00FF7f10", true, PINF_E_SYNTAX},
	    {"00fg7f10", false, PINF_E_SYNTAX},
	    {"0x0ff7f1", false, PINF_E_SYNTAX},
	    {"00ff7f1", false, PINF_E_LENGTH},
	    {"00ff7f1000", false, PINF_E_LENGTH},
	    {"", false, PINF_E_LENGTH},
	};
	static const uint8_t want[4] = {0x00, 0xff, 0x7f, 0x10};
	char text[9];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t got[4] = {1, 2, 3, 4};

		assert_err(
		    pinf_unhex(got, 4, SPAN(cases[i].text), cases[i].lower_only), cases[i].err);
		if (cases[i].err == PINF_OK)
			assert_memory_equal(got, want, 4);
		else
			assert_memory_equal(got, "\1\2\3\4", 4);
	}
	for (unsigned c = 0; c < 256; c++) { /* Every octet, in either place of a pair. */
		const char *const lower = "0123456789abcdef", *const upper = "0123456789ABCDEF";
		const char *at = c == 0 ? NULL : strchr(lower, (int)c);
		const char *any = at != NULL || c == 0 ? at : strchr(upper, (int)c);
		const uint8_t pair[] = {'7', (uint8_t)c}, riap[] = {(uint8_t)c, '7'};
		uint8_t got = 0;

		assert_err(pinf_unhex(&got, 1, (struct pinf_span){pair, 2}, true),
		    at == NULL ? PINF_E_SYNTAX : PINF_OK);
		assert_err(pinf_unhex(&got, 1, (struct pinf_span){riap, 2}, false),
		    any == NULL ? PINF_E_SYNTAX : PINF_OK);
		if (any != NULL)
			assert_int_equal(got >> 4, any - (at != NULL ? lower : upper));
	}
	pinf_hex(text, want, 4);
	assert_string_equal(text, "00ff7f10");
	pinf_hex(text, want, 0);
	assert_string_equal(text, "");
}

/* The examples of EIP-55, and their spellings that carry no checksum. */
static void
addresses_follow_eip55(void **state)
{
	static const struct {
		const char *text;
		enum pinf_err err;
	} cases[] = {
	    {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", PINF_OK},
	    {"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", PINF_OK},
	    {"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", PINF_OK},
	    {"0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb", PINF_OK},
	    {"0x52908400098527886E0F7030069857D2E4169EE7", PINF_OK},
	    {"0xde709f2102306220921060314715629080e2fb77", PINF_OK},
	    {"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", PINF_OK},
	    {"0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", PINF_OK},
	    {"0x0000000000000000000000000000000000000001", PINF_OK},
	    {"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", PINF_E_ADDRESS},
	    {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", PINF_E_ADDRESS},
	    {"0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", PINF_E_ADDRESS},
	    {"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg", PINF_E_ADDRESS},
	    {"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", PINF_E_ADDRESS},
	    {"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed0", PINF_E_ADDRESS},
	    {"", PINF_E_ADDRESS},
	};
	char text[PINF_ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_address address = {{7}}, again;

		assert_err(pinf_address_parse(&address, SPAN(cases[i].text)), cases[i].err);
		if (cases[i].err != PINF_OK) {
			assert_int_equal(address.bytes[0], 7);
			continue;
		}
		pinf_address_format(text, &address);
		if (i < 6)
			assert_string_equal(text, cases[i].text);
		assert_ok(pinf_address_parse(&again, SPAN(text)));
		assert_true(pinf_address_equal(&address, &again));
		again.bytes[19] ^= 1;
		assert_false(pinf_address_equal(&address, &again));
	}
}

static void
hashes_compare(void **state)
{
	const struct pinf_hash a = {{1, 2}}, b = {{1, 2}}, c = {{1, 3}};

	(void)state;
	assert_true(pinf_hash_equal(&a, &b));
	assert_false(pinf_hash_equal(&a, &c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errors_have_names),
	    cmocka_unit_test(bytes_grow_and_stay_terminated),
	    cmocka_unit_test(spans_compare),
	    cmocka_unit_test(hex_goes_both_ways),
	    cmocka_unit_test(addresses_follow_eip55),
	    cmocka_unit_test(hashes_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
