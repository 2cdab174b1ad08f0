/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hpke.c -- fuzzes HPKE alone (RFC 9180, base mode, single shot): what is sealed opens with the same info and associated
 * data, and with nothing else; and whatever comes from a peer is refused with a name.  spec/grants.md.
 */
#include <string.h>

#include <pinf/hpke.h>

#include "common.h"
#include "core/hpke_schedule.h"

#define PLAIN_MAX 512

/* RFC 7748, section 6.1: points of small order make a shared secret of zeros, whatever the secret. */
static void
check_small_order(const struct pinf_hpke_keypair *pair, struct pinf_span sealed)
{
	static const uint8_t points[][PINF_HPKE_PUBLIC_LEN] = {{0}, {1},
	    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
		0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
		0x5f, 0x49, 0xb8, 0x00}};
	uint8_t plain[PLAIN_MAX];

	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		fuzz_check(pinf_hpke_open(plain, points[i], pair, pinf_span_str(""),
			       pinf_span_str(""), sealed) == PINF_E_HPKE,
		    "a point of small order opens nothing");
}

/* Both sides of one exchange come to the same schedule; other info is another one. */
static void
check_schedule(
    const struct pinf_hpke_keypair *a, const struct pinf_hpke_keypair *b, struct pinf_span info)
{
	struct pinf_hpke_schedule sender, receiver, other;
	uint8_t one[32], two[32], three[32];

	fuzz_check(pinf_hpke_schedule(&sender, a, b->public_key, true, info) == PINF_OK &&
		       pinf_hpke_schedule(&receiver, b, a->public_key, false, info) == PINF_OK &&
		       pinf_hpke_schedule(
			   &other, b, a->public_key, false, pinf_span_str("another")) == PINF_OK,
	    "an exchange");
	pinf_hpke_expand(&sender, "exp", one, sizeof one);
	pinf_hpke_expand(&receiver, "exp", two, sizeof two);
	pinf_hpke_expand(&other, "exp", three, sizeof three);
	fuzz_check(memcmp(one, two, sizeof one) == 0, "one secret for both");
	fuzz_check(
	    pinf_span_equal(info, pinf_span_str("another")) || memcmp(one, three, sizeof one) != 0,
	    "and another for other info");
}

static enum pinf_err
seal_starving(struct pinf_span in)
{
	struct pinf_hpke_keypair pair;
	uint8_t enc[PINF_HPKE_PUBLIC_LEN], sealed[32 + PINF_TAG_LEN], plain[32] = {0};
	const struct pinf_span bytes = {plain, in.len % 33}, none = {NULL, 0};
	uint64_t seed = in.len;
	enum pinf_err err = pinf_hpke_keypair(&pair, fuzz_random(&seed));

	if (err == PINF_OK)
		err = pinf_hpke_seal(
		    enc, sealed, pair.public_key, none, none, bytes, fuzz_random(&seed));
	if (err == PINF_OK)
		err = pinf_hpke_open(plain, enc, &pair, none, none,
		    (struct pinf_span){sealed, bytes.len + PINF_TAG_LEN});
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct pinf_key seed;
	struct pinf_hpke_keypair pair, own;
	uint8_t enc[PINF_HPKE_PUBLIC_LEN], sealed[PLAIN_MAX + PINF_TAG_LEN], opened[PLAIN_MAX];
	uint64_t state = 12;
	const uint8_t what = fuzz_byte(&in), bit = (uint8_t)(1u << fuzz_byte(&in) % 8);
	const size_t place = fuzz_byte(&in);
	struct pinf_span info, ad, plain, message;
	enum pinf_err err;

	fuzz_fill(&in, seed.bytes, sizeof seed.bytes);
	info = fuzz_rest(&in, fuzz_byte(&in) % 65);
	ad = fuzz_rest(&in, fuzz_byte(&in) % 65);
	plain = fuzz_rest(&in, PLAIN_MAX);
	message = (struct pinf_span){sealed, plain.len + PINF_TAG_LEN};
	pinf_hpke_derive_pair(&pair, &seed);
	fuzz_check(pinf_hpke_keypair(&own, fuzz_random(&state)) == PINF_OK &&
		       pinf_hpke_keypair(&own, fuzz_broken_random()) == PINF_E_RANDOM,
	    "pairs of keys, from randomness alone");
	fuzz_check(pinf_hpke_seal(enc, sealed, pair.public_key, info, ad, plain,
		       fuzz_random(&state)) == PINF_OK &&
		       pinf_hpke_open(opened, enc, &pair, info, ad, message) == PINF_OK &&
		       (plain.len == 0 || memcmp(opened, plain.data, plain.len) == 0),
	    "what is sealed opens");
	err = pinf_hpke_open(opened, enc, &own, info, ad, message);
	fuzz_check(err == PINF_E_HPKE, "with its own key alone");
	err = pinf_hpke_open(opened, enc, &pair, info, pinf_span_str("another"), message);
	fuzz_check(err == PINF_E_HPKE || pinf_span_equal(ad, pinf_span_str("another")),
	    "and its own associated data");
	err = pinf_hpke_open(opened, enc, &pair, pinf_span_str("another"), ad, message);
	fuzz_check(
	    err == PINF_E_HPKE || pinf_span_equal(info, pinf_span_str("another")), "and info");
	err = pinf_hpke_open(opened, enc, &pair, info, ad,
	    (struct pinf_span){sealed, place % (PINF_TAG_LEN + plain.len)});
	fuzz_check(err == PINF_E_HPKE, "whole");
	if ((what & 1) != 0)
		enc[place % sizeof enc] ^= place % sizeof enc == 31 ? bit & 0x7f : bit;
	else
		sealed[place % message.len] ^= bit;
	err = pinf_hpke_open(opened, enc, &pair, info, ad, message);
	/* The top bit of a public key counts for nothing: RFC 7748, section 5. */
	fuzz_check(
	    err == PINF_E_HPKE || ((what & 1) != 0 && place % sizeof enc == 31 && bit == 0x80),
	    "and not with one bit changed");
	check_small_order(&pair, message);
	check_schedule(&own, &pair, info);
	fuzz_starve(seal_starving, (struct pinf_span){data, size});
	return 0;
}
