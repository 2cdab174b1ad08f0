/* SPDX-License-Identifier: Apache-2.0 */
/* test_abi.c -- contract calls and what they return.  spec/chain.md#abi. */
#include "unit/unit.h"

#include "core/abi.h"

#define MAX 4 /* elements that the reader of an address[] takes here */

#define ZEROS_12 "000000000000000000000000"
#define ZERO     "0000000000000000000000000000000000000000000000000000000000000000"
#define N(n)     "00000000000000000000000000000000000000000000000000000000000000" n
#define A        "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"
#define B        "fb6916095ca1df60bb79ce92ce3ea74c37c5d359"

static uint8_t raw[16 * PINF_ABI_WORD];

/* The bytes of written hex, valid until the next call. */
static struct pinf_span
bytes(const char *hex)
{
	const size_t len = strlen(hex) / 2;

	assert_true(len <= sizeof raw);
	unit_unhex(raw, len, hex);
	return span_of(raw, len);
}

static void
selectors_are_the_known_ones(void **state)
{
	const char *const known[][2] = {
	    {"transfer(address,uint256)", "a9059cbb"},
	    {"balanceOf(address)", "70a08231"},
	    {"totalSupply()", "18160ddd"},
	    {"sessionAllowedMiners(uint256,address)", "33a67ff3"},
	    {"sessionEncryptionEnabled(uint256)", "db6ff671"},
	    {"getAllowedMinersCount(uint256)", "31120cb6"},
	    {"getAllowedMiners(uint256,uint256,uint256)", "42c6bd81"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const struct pinf_abi_call call = pinf_abi_call(known[i][0]);
		char row[128];

		assert_int_equal(call.len, 4);
		assert_hex(call.bytes, 4, known[i][1]);
		(void)snprintf(row, sizeof row, "| `%s` | `%s` |", known[i][0], known[i][1]);
		assert_true(i == 2 || unit_in_spec("chain.md", row));
	}
}

static void
calls_are_words_behind_a_selector(void **state)
{
	struct pinf_abi_call call = pinf_abi_call("sessionAllowedMiners(uint256,address)");
	struct pinf_address miner;

	(void)state;
	unit_unhex(miner.bytes, sizeof miner.bytes, A);
	pinf_abi_put_uint(&call, 101);
	pinf_abi_put_address(&call, &miner);
	assert_int_equal(call.len, 4 + 2 * 32);
	assert_hex(call.bytes, call.len, "33a67ff3" N("65") ZEROS_12 A);
	assert_true(unit_in_spec("chain.md", "33a67ff3\n" N("65") "\n" ZEROS_12 A "\n"));
	call = pinf_abi_call("getAllowedMiners(uint256,uint256,uint256)");
	pinf_abi_put_uint(&call, UINT64_MAX);
	pinf_abi_put_uint(&call, 0);
	pinf_abi_put_uint(&call, 256);
	assert_int_equal(call.len, sizeof call.bytes);
	assert_hex(call.bytes, call.len,
	    "42c6bd81000000000000000000000000000000000000000000000000ffffffffffffffff" ZERO
	    "0000000000000000000000000000000000000000000000000000000000000100");
}

static void
bools_are_zero_or_one(void **state)
{
	bool out = true;

	(void)state;
	assert_ok(pinf_abi_bool(bytes(ZERO), &out));
	assert_false(out);
	assert_ok(pinf_abi_bool(bytes(N("01")), &out));
	assert_true(out);
	assert_err(pinf_abi_bool(bytes(N("02")), &out), PINF_E_NOT_CANONICAL);
	/* A one in another place, and one that the low 64 bits do not show. */
	assert_err(pinf_abi_bool(bytes(N("ff")), &out), PINF_E_NOT_CANONICAL);
	assert_err(pinf_abi_bool(bytes("01" ZEROS_12 ZEROS_12 "00000000000000"), &out),
	    PINF_E_NOT_CANONICAL);
	assert_err(
	    pinf_abi_bool(
		bytes("0000000000000000000000000000000000000000000000010000000000000000"), &out),
	    PINF_E_NOT_CANONICAL);
	assert_err(pinf_abi_bool(bytes(""), &out), PINF_E_LENGTH); /* no contract there */
	assert_err(pinf_abi_bool(span_of(NULL, 0), &out), PINF_E_LENGTH);
	assert_err(pinf_abi_bool(bytes("00"), &out), PINF_E_LENGTH);
	assert_err(pinf_abi_bool(bytes(ZERO "00"), &out), PINF_E_LENGTH);
	assert_err(pinf_abi_bool(bytes(ZERO ZERO), &out), PINF_E_LENGTH);
	assert_true(out);
}

static void
integers_have_a_maximum(void **state)
{
	uint64_t out = 7;

	(void)state;
	assert_err(pinf_abi_uint(bytes(N("65")), 100, &out), PINF_E_ID_RANGE);
	assert_err(pinf_abi_uint(bytes("80" ZEROS_12 ZEROS_12 "00000000000001"), 100, &out),
	    PINF_E_ID_RANGE);
	assert_err(
	    pinf_abi_uint(bytes("0000000000000000000000000000000000000000000000010000000000000000"),
		UINT64_MAX, &out),
	    PINF_E_ID_RANGE);
	assert_err(pinf_abi_uint(bytes(""), 100, &out), PINF_E_LENGTH);
	assert_err(pinf_abi_uint(bytes("65"), 100, &out), PINF_E_LENGTH);
	assert_err(pinf_abi_uint(bytes(ZERO ZERO), 100, &out), PINF_E_LENGTH);
	assert_int_equal(out, 7);
	assert_ok(pinf_abi_uint(bytes(N("64")), 100, &out));
	assert_int_equal(out, 100);
	assert_ok(pinf_abi_uint(bytes(ZERO), 0, &out));
	assert_int_equal(out, 0);
	assert_ok(
	    pinf_abi_uint(bytes("000000000000000000000000000000000000000000000000ffffffffffffffff"),
		UINT64_MAX, &out));
	assert_true(out == UINT64_MAX);
}

static void
addresses_stand_behind_zeros(void **state)
{
	struct pinf_address out = {{7}};

	(void)state;
	assert_err(pinf_abi_address(bytes("01"
					  "0000000000000000000000" A),
		       &out),
	    PINF_E_NOT_CANONICAL);
	assert_err(
	    pinf_abi_address(bytes("000000000000000000000001" A), &out), PINF_E_NOT_CANONICAL);
	assert_err(pinf_abi_address(bytes(""), &out), PINF_E_LENGTH);
	assert_err(pinf_abi_address(bytes(A), &out), PINF_E_LENGTH);
	assert_err(pinf_abi_address(bytes(ZEROS_12 A "00"), &out), PINF_E_LENGTH);
	assert_int_equal(out.bytes[0], 7);
	assert_ok(pinf_abi_address(bytes(ZEROS_12 A), &out));
	assert_hex(out.bytes, sizeof out.bytes, A);
}

static void
lists_of_addresses_are_read(void **state)
{
	struct pinf_address out[MAX + 1] = {{{0}}};
	char checksummed[PINF_ADDRESS_TEXT];
	size_t count = 9;

	(void)state;
	assert_ok(pinf_abi_addresses(bytes(N("20") ZERO), NULL, 0, &count));
	assert_int_equal(count, 0);
	assert_ok(pinf_abi_addresses(bytes(N("20") N("02") ZEROS_12 A ZEROS_12 B), out, 2, &count));
	assert_int_equal(count, 2);
	pinf_address_format(checksummed, &out[0]);
	assert_string_equal(checksummed, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
	pinf_address_format(checksummed, &out[1]);
	assert_string_equal(checksummed, "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359");
	assert_int_equal(out[2].bytes[0], 0);
	assert_true(
	    unit_in_spec("chain.md", N("20") "\n" N("02") "\n" ZEROS_12 A "\n" ZEROS_12 B "\n"));
}

static void
malformed_lists_are_refused(void **state)
{
	const struct {
		const char *hex;
		enum pinf_err want;
	} cases[] = {
	    {"", PINF_E_LENGTH},
	    {N("20"), PINF_E_LENGTH},
	    {N("20") "00", PINF_E_LENGTH},
	    {N("40") ZERO ZERO, PINF_E_NOT_CANONICAL}, /* a gap behind the offset */
	    {ZERO ZERO, PINF_E_NOT_CANONICAL},
	    {N("1f") ZERO, PINF_E_NOT_CANONICAL},
	    {"01" ZEROS_12 ZEROS_12 "00000000000020" ZERO, PINF_E_NOT_CANONICAL},
	    {N("20") N("05"), PINF_E_TOO_LARGE},
	    {N("20") "80" ZEROS_12 ZEROS_12 "00000000000001" ZEROS_12 A, PINF_E_TOO_LARGE},
	    {N("20") N("01"), PINF_E_LENGTH},
	    {N("20") N("02") ZEROS_12 A, PINF_E_LENGTH},
	    {N("20") N("01") ZEROS_12 A "00", PINF_E_LENGTH},
	    {N("20") N("01") ZEROS_12 A ZERO, PINF_E_LENGTH},
	    {N("20") ZERO ZERO, PINF_E_LENGTH},
	    {N("20") N("02") ZEROS_12 A "000000000000000000000001" B, PINF_E_NOT_CANONICAL},
	    {N("20") N("02") "80"
			     "0000000000000000000000" A ZEROS_12 B,
		PINF_E_NOT_CANONICAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_address out[MAX] = {{{7}}};
		size_t count = 9;

		assert_err(
		    pinf_abi_addresses(bytes(cases[i].hex), out, MAX, &count), cases[i].want);
		assert_true(count == 9 && out[0].bytes[0] == 7);
	}
}

/* 32n of this n is 0 in 64 bits. */
static void
a_length_does_not_wrap(void **state)
{
	struct pinf_address out[1] = {{{7}}};
	size_t count = 9;

	(void)state;
	assert_err(
	    pinf_abi_addresses(
		bytes(N("20") "0000000000000000000000000000000000000000000000000800000000000000"),
		out, SIZE_MAX, &count),
	    PINF_E_LENGTH);
	assert_true(count == 9 && out[0].bytes[0] == 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(selectors_are_the_known_ones),
	    cmocka_unit_test(calls_are_words_behind_a_selector),
	    cmocka_unit_test(bools_are_zero_or_one),
	    cmocka_unit_test(integers_have_a_maximum),
	    cmocka_unit_test(addresses_stand_behind_zeros),
	    cmocka_unit_test(lists_of_addresses_are_read),
	    cmocka_unit_test(malformed_lists_are_refused),
	    cmocka_unit_test(a_length_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
