/* SPDX-License-Identifier: Apache-2.0 */
/* auth_header.c -- the Authorization header of a signed request, one spelling only.  spec/auth.md. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pinf/auth.h>
#include <pinf/bug.h>

static const char *const scheme_names[] = {
    [PINF_AUTH_EIP712] = "eip712", [PINF_AUTH_EIP191] = "eip191"};

enum pinf_err
pinf_auth_header_format(char out[static PINF_AUTH_HEADER_MAX + 1], const struct pinf_auth *auth)
{
	char address[2 * PINF_ADDRESS_LEN + 1], router[2 * PINF_ADDRESS_LEN + 1];
	char nonce[2 * PINF_NONCE_LEN + 1], signature[2 * PINF_SIG_LEN + 1];

	if (auth->session > PINF_ID_MAX || auth->task > PINF_ID_MAX)
		return PINF_E_ID_RANGE;
	if (auth->expires_ms > PINF_ID_MAX)
		return PINF_E_RANGE;
	pinf_hex(address, auth->address.bytes, sizeof auth->address.bytes);
	pinf_hex(router, auth->router.bytes, sizeof auth->router.bytes);
	pinf_hex(nonce, auth->nonce, sizeof auth->nonce);
	pinf_hex(signature, auth->signature.bytes, sizeof auth->signature.bytes);
	/* The longest header has 400 characters. */
	(void)snprintf(out, PINF_AUTH_HEADER_MAX + 1,
	    "Pinf scheme=%s, address=0x%s, router=0x%s, session=%" PRIu64 ", task=%" PRIu64
	    ", version=%" PRIu32 ", nonce=%s, expires=%" PRIu64 ", signature=0x%s",
	    scheme_names[auth->scheme], address, router, auth->session, auth->task,
	    auth->key_version, nonce, auth->expires_ms, signature);
	return PINF_OK;
}

/* What is left of the header; the first error sticks and later reads give zeros. */
struct cursor {
	struct pinf_span rest;
	enum pinf_err err;
};

static bool
starts_with(struct cursor *in, const char *text)
{
	const size_t len = strlen(text);

	if (in->rest.len < len || memcmp(in->rest.data, text, len) != 0)
		return false;
	in->rest.data += len;
	in->rest.len -= len;
	return true;
}

static void
take_text(struct cursor *in, const char *text)
{
	if (in->err == PINF_OK && !starts_with(in, text))
		in->err = PINF_E_AUTH_SYNTAX;
}

static void
take_hex(struct cursor *in, const char *name, uint8_t *out, size_t len)
{
	take_text(in, name);
	if (in->err != PINF_OK)
		return;
	if (in->rest.len < 2 * len ||
	    pinf_unhex(out, len, (struct pinf_span){in->rest.data, 2 * len},
		!PINF_BUG(auth_hex_any_case)) != PINF_OK) {
		in->err = PINF_E_AUTH_SYNTAX;
		return;
	}
	in->rest.data += 2 * len;
	in->rest.len -= 2 * len;
}

/* Decimal without leading zeros, 0 .. max; too_large names a number above it, of any length. */
static uint64_t
take_uint(struct cursor *in, const char *name, uint64_t max, enum pinf_err too_large)
{
	uint64_t number = 0;
	size_t len = 0;

	take_text(in, name);
	if (in->err != PINF_OK)
		return 0;
	for (; len < in->rest.len && in->rest.data[len] >= '0' && in->rest.data[len] <= '9'; len++)
		/* Above max it stays there: max is far from where 64 bits end. */
		number = number > max ? number : number * 10 + (in->rest.data[len] - '0');
	if (len == 0 || (len > 1 && in->rest.data[0] == '0' && !PINF_BUG(auth_leading_zeros)))
		in->err = PINF_E_AUTH_SYNTAX;
	else if (number > max)
		in->err = too_large;
	in->rest.data += len;
	in->rest.len -= len;
	return number;
}

enum pinf_err
pinf_auth_header_parse(struct pinf_auth *auth, struct pinf_span header)
{
	struct cursor in = {.rest = header};
	struct pinf_auth a = {.scheme = PINF_AUTH_EIP712};

	take_text(&in, "Pinf scheme=");
	if (in.err == PINF_OK && !starts_with(&in, scheme_names[PINF_AUTH_EIP712])) {
		take_text(&in, scheme_names[PINF_AUTH_EIP191]);
		a.scheme = PINF_AUTH_EIP191;
	}
	take_hex(&in, ", address=0x", a.address.bytes, sizeof a.address.bytes);
	take_hex(&in, ", router=0x", a.router.bytes, sizeof a.router.bytes);
	a.session = take_uint(&in, ", session=", PINF_ID_MAX, PINF_E_ID_RANGE);
	a.task = take_uint(&in, ", task=", PINF_ID_MAX, PINF_E_ID_RANGE);
	a.key_version = (uint32_t)take_uint(&in, ", version=", UINT32_MAX, PINF_E_RANGE);
	take_hex(&in, ", nonce=", a.nonce, sizeof a.nonce);
	a.expires_ms = take_uint(&in, ", expires=", PINF_ID_MAX, PINF_E_RANGE);
	take_hex(&in, ", signature=0x", a.signature.bytes, sizeof a.signature.bytes);
	if (in.err != PINF_OK)
		return in.err;
	if (in.rest.len != 0)
		return PINF_E_AUTH_SYNTAX;
	*auth = a;
	return PINF_OK;
}
