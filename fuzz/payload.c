/* SPDX-License-Identifier: Apache-2.0 */
/* payload.c -- fuzzes the decoding of payload metadata.  spec/payload.md. */
#include <string.h>

#include <pinf/payload.h>

#include "common.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pinf_span text = {data, size};
	struct pinf_payload payload, again;
	struct pinf_bytes first = {0}, second = {0};
	struct pinf_urn urn;
	enum pinf_err err;

	memset(&payload, 0xa5, sizeof payload);
	memcpy(&again, &payload, sizeof again);
	err = pinf_payload_decode(&payload, text);
	fuzz_check_named(err);
	if (err != PINF_OK) {
		/* Padding included: both are copies of the same bytes. NOLINTNEXTLINE */
		fuzz_check(memcmp(&payload, &again, sizeof payload) == 0, "untouched on failure");
		return 0;
	}
	fuzz_check(
	    (payload.urn[0] == '\0') == (payload.inline_len != 0), "by URN or inline, not both");
	fuzz_check(
	    payload.urn[0] == '\0' || pinf_urn_parse(&urn, pinf_span_str(payload.urn)) == PINF_OK,
	    "the URN parses");
	if (payload.suite == PINF_SUITE_NONE)
		fuzz_check(payload.key_version == 0, "no key where nothing is sealed");
	else
		fuzz_check(payload.inline_len == 0 && payload.key_version != 0 &&
			       pinf_scope_check(&payload.scope) == PINF_OK,
		    "a sealed payload has a valid scope and travels by URN");
	err = pinf_payload_encode(&first, &payload);
	fuzz_check(err == PINF_OK, "what decodes encodes");
	err = pinf_payload_decode(&again, pinf_span_of(&first));
	fuzz_check(
	    err == PINF_OK && pinf_payload_equal(&payload, &again), "and decodes to the same");
	err = pinf_payload_encode(&second, &again);
	fuzz_check(err == PINF_OK && pinf_span_equal(pinf_span_of(&first), pinf_span_of(&second)),
	    "encoding settles at once");
	pinf_bytes_free(&first);
	pinf_bytes_free(&second);
	return 0;
}
