/* SPDX-License-Identifier: Apache-2.0 */
/* test_wallet.c -- wallets, EIP-712 and EIP-191 digests, signatures. */
#include "unit.h"

#include <pinf/wallet.h>

/* The wallet of EIP-712's example. */
static const char cow[] = "0xc85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4";
static const char order[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

static const struct {
	const char *text;
	enum pinf_err err;
} secrets[] = {
    {"c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4", PINF_OK},
    {"0xC85EF7D79691FE79573B1A7064C19C1A9819EBDBD1FAAAB1A8EC92344438AAF4", PINF_OK},
    {"", PINF_E_SYNTAX},
    {"0x", PINF_E_SYNTAX},
    {"0X85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4", PINF_E_SYNTAX},
    {"c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf", PINF_E_SYNTAX},
    {"c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4\n", PINF_E_SYNTAX},
    {"g85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4", PINF_E_SYNTAX},
    {"0000000000000000000000000000000000000000000000000000000000000000", PINF_E_RANGE},
    {order, PINF_E_RANGE},
};

static void
secrets_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		struct pinf_wallet wallet = {0};
		const struct pinf_wallet untouched = {0};
		const enum pinf_err err = pinf_wallet_parse(&wallet, SPAN(secrets[i].text));

		if (err != secrets[i].err)
			fail_msg("\"%s\": %s", secrets[i].text, pinf_err_name(err));
		if (err == PINF_OK)
			assert_hex(
			    wallet.address.bytes, 20, "cd2a3d9f938e13cd947ec05abc7fe734df8dd826");
		else
			assert_memory_equal(&wallet, &untouched, sizeof wallet);
		pinf_wallet_wipe(&wallet);
		assert_memory_equal(&wallet, &untouched, sizeof wallet);
	}
}

static enum pinf_err
fill_constant(void *ctx, uint8_t *out, size_t len)
{
	const int *byte = ctx;

	if (*byte < 0)
		return PINF_E_IO;
	memset(out, *byte, len);
	return PINF_OK;
}

static void
wallets_are_drawn(void **state)
{
	(void)state;
	const struct pinf_hash digest = {{1, 2, 3}};
	struct pinf_wallet a, b;
	struct pinf_sig sig;
	uint64_t seed = 1;
	int constant;

	assert_ok(pinf_wallet_new(&a, unit_random(&seed)));
	assert_ok(pinf_wallet_new(&b, unit_random(&seed)));
	assert_false(pinf_address_equal(&a.address, &b.address));
	assert_ok(pinf_wallet_sign(&sig, &a, &digest));
	assert_ok(pinf_signature_check(&sig, &digest, &a.address));
	assert_err(pinf_signature_check(&sig, &digest, &b.address), PINF_E_AUTH_SIGNATURE);

	b = a;
	constant = -1;
	assert_err(pinf_wallet_new(&b, (struct pinf_random){&constant, fill_constant}), PINF_E_IO);
	constant = 0;
	assert_err(
	    pinf_wallet_new(&b, (struct pinf_random){&constant, fill_constant}), PINF_E_RANDOM);
	constant = 0xff;
	assert_err(
	    pinf_wallet_new(&b, (struct pinf_random){&constant, fill_constant}), PINF_E_RANDOM);
	assert_memory_equal(&a, &b, sizeof a);
}

#define PERSON "Person(string name,address wallet)"

static void
person(struct pinf_hash *out, const char *name, const char *wallet)
{
	struct pinf_address address;

	unit_unhex(address.bytes, 20, wallet);
	const struct pinf_eip712_field fields[] = {
	    {.type = PINF_EIP712_STRING, .bytes = SPAN(name)},
	    {.type = PINF_EIP712_ADDRESS, .bytes = span_of(address.bytes, 20)},
	};
	pinf_eip712_struct(out, PERSON, fields, 2);
}

/* The example of EIP-712 itself. */
static void
eip712_example_matches(void **state)
{
	(void)state;
	struct pinf_wallet wallet;
	struct pinf_hash from, to, mail, domain, digest;
	struct pinf_address contract;
	struct pinf_sig sig;

	person(&from, "Cow", "CD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826");
	person(&to, "Bob", "bBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB");
	assert_hex(
	    from.bytes, 32, "fc71e5fa27ff56c350aa531bc129ebdf613b772b6604664f5d8dbe21b85eb0c8");
	const struct pinf_eip712_field fields[] = {
	    {.type = PINF_EIP712_BYTES32, .bytes = span_of(from.bytes, 32)},
	    {.type = PINF_EIP712_BYTES32, .bytes = span_of(to.bytes, 32)},
	    {.type = PINF_EIP712_STRING, .bytes = SPAN("Hello, Bob!")},
	};
	pinf_eip712_struct(&mail, "Mail(Person from,Person to,string contents)" PERSON, fields, 3);

	memset(contract.bytes, 0xcc, sizeof contract.bytes);
	const struct pinf_eip712_field domain_fields[] = {
	    {.type = PINF_EIP712_STRING, .bytes = SPAN("Ether Mail")},
	    {.type = PINF_EIP712_STRING, .bytes = SPAN("1")},
	    {.type = PINF_EIP712_UINT, .number = 1},
	    {.type = PINF_EIP712_ADDRESS, .bytes = span_of(contract.bytes, 20)},
	};
	pinf_eip712_struct(&domain,
	    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
	    domain_fields, 4);
	assert_hex(
	    domain.bytes, 32, "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f");
	pinf_eip712_digest(&digest, &domain, &mail);
	assert_hex(
	    digest.bytes, 32, "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");

	assert_ok(pinf_wallet_parse(&wallet, SPAN(cow)));
	assert_ok(pinf_wallet_sign(&sig, &wallet, &digest));
	assert_hex(sig.bytes, 65,
	    "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d"
	    "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c");
	assert_ok(pinf_signature_check(&sig, &digest, &wallet.address));
	sig.bytes[64] ^= 27 ^ 28;
	assert_err(pinf_signature_check(&sig, &digest, &wallet.address), PINF_E_AUTH_SIGNATURE);
	sig.bytes[32] |= 0x80;
	assert_err(pinf_signature_check(&sig, &digest, &wallet.address), PINF_E_AUTH_HIGH_S);
}

static void
eip712_domain_is_ours(void **state)
{
	(void)state;
	struct pinf_domain domain = {.chain_id = 0x0102030405060708};
	struct pinf_hash separator;

	memset(domain.contract.bytes, 0xcc, sizeof domain.contract.bytes);
	pinf_eip712_domain(&separator, &domain);
	assert_hex(separator.bytes, 32,
	    "81640f410d1a8faa1a733d2934ea15293191e8776ab1a3bce3da8a445712c7ae");
}

static void
eip191_matches(void **state)
{
	(void)state;
	struct pinf_hash digest;

	pinf_eip191_digest(&digest, span_of(NULL, 0));
	assert_hex(
	    digest.bytes, 32, "5f35dce98ba4fba25530a026ed80b2cecdaa31091ba4958b99b52ea1d068adad");
	pinf_eip191_digest(&digest, SPAN("Some data"));
	assert_hex(
	    digest.bytes, 32, "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(secrets_are_parsed),
	    cmocka_unit_test(wallets_are_drawn),
	    cmocka_unit_test(eip712_example_matches),
	    cmocka_unit_test(eip712_domain_is_ours),
	    cmocka_unit_test(eip191_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
