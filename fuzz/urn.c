/* SPDX-License-Identifier: Apache-2.0 */
/* urn.c -- fuzzes URN parsing.  spec/urn.md. */
#include <string.h>

#include <pinf/urn.h>

#include "common.h"
#include "core/json.h"

/* The rule of URN-2, read off the page: five fields behind "urn:blob:", counted by their colons. */
static size_t
colons(struct pinf_span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] == ':';
	return count;
}

#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* Made of fields as they are meant, each character escaped that must be; or refused for what is wrong with them. */
static void
check_made(const struct pinf_urn *urn, struct pinf_span canonical)
{
	uint8_t plain[PINF_URN_FIELDS][PINF_URN_MAX], made[PINF_URN_MAX];
	struct pinf_span fields[PINF_URN_FIELDS];
	struct pinf_buf out = {made, 0, sizeof made}, small = {made, 0, canonical.len - 1};
	static uint8_t many[PINF_URN_MAX];
	bool reserved = false; /* a delimiter that stands for itself: made anew, it is escaped */

	for (size_t i = 0; i < PINF_URN_FIELDS; i++) {
		size_t len = 0;

		for (size_t at = 0; at < urn->field[i].len; at++) {
			uint8_t c = urn->field[i].data[at];

			if (c == '%') {
				fuzz_check(pinf_unhex(&c, 1,
					       (struct pinf_span){urn->field[i].data + at + 1, 2},
					       false) == PINF_OK,
				    "an escape has two digits");
				at += 2;
			} else {
				reserved |= strchr(UNRESERVED, c) == NULL;
			}
			plain[i][len++] = c;
		}
		fields[i] = (struct pinf_span){plain[i], len};
		fuzz_check(pinf_utf8_valid(fields[i]) == len, "a field is text");
	}
	if (!reserved) {
		fuzz_check(pinf_urn_make(&out, fields) == PINF_OK &&
			       pinf_span_equal((struct pinf_span){made, out.len}, canonical),
		    "its fields make it again");
		fuzz_check(pinf_urn_make(&small, fields) == PINF_E_NO_ROOM, "where there is room");
	}
	fuzz_check(pinf_urn_format(&small, urn) == PINF_E_NO_ROOM && small.len == 0,
	    "nothing is written where there is none");
	memset(many, '%', sizeof many);
	fields[PINF_URN_FILE] = (struct pinf_span){many, sizeof many};
	out.len = 0;
	fuzz_check(pinf_urn_make(&out, fields) == PINF_E_URN_LENGTH && out.len == 0,
	    "nor with more than there may be");
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
	check_made(&reparsed, (struct pinf_span){first, canonical.len});
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
