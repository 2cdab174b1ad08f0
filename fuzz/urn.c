/* SPDX-License-Identifier: Apache-2.0 */
/* urn.c -- fuzzes URN parsing.  spec/urn.md. */
#include <string.h>

#include <pinf/urn.h>

#include "common.h"

/* The rule of URN-2, read off the page: five fields behind "urn:blob:", counted by their colons. */
static size_t
colons(struct pinf_span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] == ':';
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pinf_storage storage = {"fs", "local", "pinf"};
	const struct pinf_span text = {data, size};
	uint8_t first[PINF_URN_MAX * 3], second[PINF_URN_MAX * 3];
	struct pinf_buf canonical = {first, 0, sizeof first}, again = {second, 0, sizeof second};
	struct pinf_urn urn, reparsed;
	struct pinf_hash sha256;
	enum pinf_err err = pinf_urn_parse(&urn, text);

	fuzz_check_named(err);
	if (err != PINF_OK) {
		fuzz_check(!pinf_urn_is_canonical(text), "what does not parse is not canonical");
		fuzz_check(pinf_urn_resolve(&sha256, &storage, text) != PINF_OK, "nor resolves");
		return 0;
	}
	fuzz_check(size <= PINF_URN_MAX && colons(text) == 6, "five fields");
	err = pinf_urn_format(&canonical, &urn);
	fuzz_check(err == PINF_OK, "what parses has a canonical form");
	err = pinf_urn_parse(&reparsed, (struct pinf_span){first, canonical.len});
	fuzz_check(err == PINF_OK, "which parses");
	fuzz_check(
	    pinf_urn_equal(&urn, &reparsed) && pinf_urn_equal(&reparsed, &urn), "equal to it");
	fuzz_check(
	    pinf_urn_is_canonical((struct pinf_span){first, canonical.len}), "and is canonical");
	err = pinf_urn_format(&again, &reparsed);
	fuzz_check(
	    err == PINF_OK && again.len == canonical.len && memcmp(first, second, again.len) == 0,
	    "formatting settles at once");
	fuzz_check(pinf_urn_is_canonical(text) ==
		       (canonical.len == size && memcmp(first, data, size) == 0),
	    "canonical means byte for byte");
	if (pinf_urn_resolve(&sha256, &storage, text) == PINF_OK) {
		char made[PINF_URN_MAX + 1];

		err = pinf_urn_of_blob(made, &storage, &sha256);
		fuzz_check(err == PINF_OK, "a resolved URN can be made");
		err = pinf_urn_parse(&reparsed, pinf_span_str(made));
		fuzz_check(
		    err == PINF_OK && pinf_urn_equal(&urn, &reparsed), "the one that was resolved");
	}
	return 0;
}
