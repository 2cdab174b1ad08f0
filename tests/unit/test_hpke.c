/* SPDX-License-Identifier: Apache-2.0 */
/* test_hpke.c -- HPKE against RFC 9180 A.2.1, and every refusal. */
#include "unit.h"

#include "core/hpke_schedule.h"

static const char ikm_e[] = "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b";
static const char ikm_r[] = "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df";
static const char info[] = "Ode on a Grecian Urn";
static const char plain[] = "Beauty is truth, truth beauty";
static const char ad[] = "Count-0";
#define PLAIN_LEN (sizeof plain - 1)

/* A random source that gives just one seed, or fails. */
static enum pinf_err
fill_seed(void *ctx, uint8_t *out, size_t len)
{
	if (ctx == NULL)
		return PINF_E_RANDOM;
	assert_int_equal(len, 32);
	unit_unhex(out, len, ctx);
	return PINF_OK;
}

static struct pinf_random
seed(const char *hex)
{
	return (struct pinf_random){(void *)(uintptr_t)hex, fill_seed};
}

struct sealed {
	struct pinf_hpke_keypair pair;
	uint8_t enc[32];
	uint8_t text[PLAIN_LEN + 16];
};

static struct sealed
seal_example(void)
{
	struct sealed s;

	assert_ok(pinf_hpke_keypair(&s.pair, seed(ikm_r)));
	assert_ok(pinf_hpke_seal(
	    s.enc, s.text, s.pair.public_key, SPAN(info), SPAN(ad), SPAN(plain), seed(ikm_e)));
	return s;
}

static void
rfc9180_example_matches(void **state)
{
	(void)state;
	const struct sealed s = seal_example();
	uint8_t opened[PLAIN_LEN];

	assert_hex(s.pair.secret.bytes, 32,
	    "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
	assert_hex(s.pair.public_key, 32,
	    "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
	assert_hex(s.enc, 32, "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
	assert_hex(s.text, sizeof s.text,
	    "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db"
	    "21993c62ce81883d2dd1b51a28");
	assert_ok(pinf_hpke_open(
	    opened, s.enc, &s.pair, SPAN(info), SPAN(ad), span_of(s.text, sizeof s.text)));
	assert_memory_equal(opened, plain, PLAIN_LEN);
}

static void
rfc9180_schedule_matches(void **state)
{
	(void)state;
	const struct sealed s = seal_example();
	struct pinf_hpke_schedule schedule;
	uint8_t out[32];

	assert_ok(pinf_hpke_schedule(&schedule, &s.pair, s.enc, false, SPAN(info)));
	pinf_hpke_expand(&schedule, "key", out, 32);
	assert_hex(out, 32, "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91");
	pinf_hpke_expand(&schedule, "base_nonce", out, PINF_HPKE_NONCE_LEN);
	assert_hex(out, PINF_HPKE_NONCE_LEN, "5c4d98150661b848853b547f");
	pinf_hpke_expand(&schedule, "exp", out, 32);
	assert_hex(out, 32, "a3b010d4994890e2c6968a36f64470d3c824c8f5029942feb11e7a74b2921922");
}

static void
what_was_not_sealed_does_not_open(void **state)
{
	(void)state;
	const struct sealed s = seal_example();
	const uint8_t zero[PLAIN_LEN] = {0};
	const struct pinf_span whole = span_of(s.text, sizeof s.text);
	struct pinf_hpke_keypair other;
	uint8_t opened[PLAIN_LEN], changed[sizeof s.text], enc[32];

	for (size_t i = 0; i < sizeof s.text; i++) {
		memcpy(changed, s.text, sizeof changed);
		changed[i] ^= 1;
		memset(opened, 0xff, sizeof opened);
		assert_err(pinf_hpke_open(opened, s.enc, &s.pair, SPAN(info), SPAN(ad),
			       span_of(changed, sizeof changed)),
		    PINF_E_HPKE);
		assert_memory_equal(opened, zero, sizeof opened);
	}
	for (size_t len = 0; len < sizeof s.text; len++)
		assert_err(pinf_hpke_open(
			       opened, s.enc, &s.pair, SPAN(info), SPAN(ad), span_of(s.text, len)),
		    PINF_E_HPKE);
	assert_err(
	    pinf_hpke_open(opened, s.enc, &s.pair, SPAN("other"), SPAN(ad), whole), PINF_E_HPKE);
	assert_err(pinf_hpke_open(opened, s.enc, &s.pair, SPAN(info), SPAN("Count-1"), whole),
	    PINF_E_HPKE);
	assert_ok(pinf_hpke_keypair(&other, seed(ikm_e)));
	assert_err(pinf_hpke_open(opened, s.enc, &other, SPAN(info), SPAN(ad), whole), PINF_E_HPKE);
	memcpy(enc, s.enc, sizeof enc);
	enc[0] ^= 1;
	assert_err(pinf_hpke_open(opened, enc, &s.pair, SPAN(info), SPAN(ad), whole), PINF_E_HPKE);
	memset(enc, 0, sizeof enc); /* a low-order point */
	assert_err(pinf_hpke_open(opened, enc, &s.pair, SPAN(info), SPAN(ad), whole), PINF_E_HPKE);
}

static void
failures_to_seal_write_nothing(void **state)
{
	(void)state;
	const uint8_t low[32] = {1};
	const struct sealed s = seal_example();
	const uint8_t untouched[PLAIN_LEN + 16] = {0};
	struct pinf_hpke_keypair pair = {0};
	uint8_t enc[32] = {0}, text[PLAIN_LEN + 16] = {0};

	assert_err(pinf_hpke_keypair(&pair, seed(NULL)), PINF_E_RANDOM);
	assert_memory_equal(pair.public_key, untouched, 32);
	assert_err(pinf_hpke_seal(enc, text, low, SPAN(info), SPAN(ad), SPAN(plain), seed(ikm_e)),
	    PINF_E_HPKE);
	assert_err(pinf_hpke_seal(
		       enc, text, s.pair.public_key, SPAN(info), SPAN(ad), SPAN(plain), seed(NULL)),
	    PINF_E_RANDOM);
	assert_memory_equal(enc, untouched, sizeof enc);
	assert_memory_equal(text, untouched, sizeof text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rfc9180_example_matches),
	    cmocka_unit_test(rfc9180_schedule_matches),
	    cmocka_unit_test(what_was_not_sealed_does_not_open),
	    cmocka_unit_test(failures_to_seal_write_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
