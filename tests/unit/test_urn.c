/* SPDX-License-Identifier: Apache-2.0 */
/* test_urn.c -- blob URNs: syntax, canonical form, equality, storage.  spec/urn.md. */
#include "unit/unit.h"

#include <pinf/urn.h>

#define F255 F64 F64 F64 F63
#define F64  F16 F16 F16 F16
#define F63  F16 F16 F16 "123456789012345"
#define F16  "abcdefghijklmnop"

/* canonical NULL: text is it. */
static const struct {
	const char *text;
	enum pinf_err err;
	const char *canonical;
} cases[] = {
    {"urn:blob:1:fs:main:prompts:a.bin", PINF_OK, NULL},
    {"URN:BLOB:1:fs:main:prompts:a.bin", PINF_OK, "urn:blob:1:fs:main:prompts:a.bin"},
    {"uRn:bLoB:1:s3:a:b:c", PINF_OK, "urn:blob:1:s3:a:b:c"},
    {"urn:blob:1:never-heard-of:p:b:f", PINF_OK, NULL},
    {"urn:blob:1:FS:Main:b:f", PINF_OK, NULL}, /* fields keep their case */
    {"urn:blob:1:fs:p:b:a%3Ab", PINF_OK, NULL},
    {"urn:blob:1:fs:p:b:a%3ab", PINF_OK, "urn:blob:1:fs:p:b:a%3Ab"},
    {"urn:blob:1:%66s:%7e:b:%61%2d%5F%2E%5a", PINF_OK, "urn:blob:1:fs:~:b:a-_.Z"},
    {"urn:blob:1:fs:p:b:dir/file/..", PINF_OK, NULL},
    {"urn:blob:1:fs:p:/b:f", PINF_OK, NULL},
    {"urn:blob:1:fs:p:b:a%2fb", PINF_OK, "urn:blob:1:fs:p:b:a%2Fb"},
    {"urn:blob:1:fs:p:b:!$&'()*+,;=@-._~", PINF_OK, NULL},
    {"urn:blob:1:fs:p:b:%e2%82%ac%F0%9f%98%80", PINF_OK, "urn:blob:1:fs:p:b:%E2%82%AC%F0%9F%98%80"},
    {"urn:blob:1:fs:p:b:%01%7f%25", PINF_OK, "urn:blob:1:fs:p:b:%01%7F%25"},
    {"urn:blob:1:fs:p:b:" F255, PINF_OK, NULL},
    /* Not a blob URN at all. */
    {"", PINF_E_URN_SYNTAX, NULL},
    {"urn", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob::fs:p:b:f", PINF_E_URN_SYNTAX, NULL},
    {"urn:block:1:fs:p:b:f", PINF_E_URN_SYNTAX, NULL},
    {"url:blob:1:fs:p:b:f", PINF_E_URN_SYNTAX, NULL},
    {" urn:blob:1:fs:p:b:f", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:f\n", PINF_E_URN_SYNTAX, NULL},
    {"urn:bl%6Fb:1:fs:p:b:f", PINF_E_URN_SYNTAX, NULL},
    /* Components, characters, escapes. */
    {"urn:blob:1:fs:p:b:f?+r", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:f?=q", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:f#frag", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:a b", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:a\"b", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:a\\b", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:a[b]", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:\x7f", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:\xe2\x82\xac", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:%", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:%4", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:%4g", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:%00", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:%80", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:%ED%A0%80", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:%C3:%A9f", PINF_E_URN_SYNTAX, NULL}, /* characters end with their field */
    /* Fields. */
    {"urn:blob:1", PINF_E_URN_FIELDS, NULL},
    {"urn:blob:1:fs:p:b", PINF_E_URN_FIELDS, NULL},
    {"urn:blob:1:fs:p:b:f:g", PINF_E_URN_FIELDS, NULL},
    {"urn:blob:1:fs:p:b:f:", PINF_E_URN_FIELDS, NULL},
    {"urn:blob:1::::::::::::", PINF_E_URN_FIELDS, NULL},
    {"urn:blob:1:fs::b:f", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:1:fs:p:b:" F255 "q", PINF_E_URN_LENGTH, NULL},
    {"urn:blob:1:fs:" F255 ":" F255 ":f", PINF_E_URN_LENGTH, NULL},
    /* Versions. */
    {"urn:blob:2:fs:p:b:f", PINF_E_URN_VERSION, NULL},
    {"urn:blob:v1:anything", PINF_E_URN_VERSION, NULL},
    {"urn:blob:01:fs:p:b:f", PINF_E_URN_VERSION, NULL},
    {"urn:blob:%31:fs:p:b:f", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:V1:fs:p:b:f", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:/1:fs:p:b:f", PINF_E_URN_SYNTAX, NULL},
    {"urn:blob:2:bad field", PINF_E_URN_SYNTAX, NULL},
};

static struct pinf_span
canonical_of(uint8_t space[static PINF_URN_MAX], const struct pinf_urn *urn)
{
	struct pinf_buf out = {space, 0, PINF_URN_MAX};

	assert_ok(pinf_urn_format(&out, urn));
	return span_of(space, out.len);
}

/* The rows "| `urn` | canonical `urn` |" and "| `urn` | `error` |" of spec/urn.md. */
static void
examples_of_the_spec_hold(void **state)
{
	size_t len = 0, rows = 0;
	char *page = (char *)unit_read_file(PINF_SOURCE_DIR "/spec/urn.md", &len), *save = NULL;

	(void)state;
	assert_non_null(page);
	for (char *line = strtok_r(page, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		uint8_t space[PINF_URN_MAX];
		char text[64], outcome[64];
		struct pinf_urn urn;

		if (sscanf(line, "| `%63[^`]` | canonical `%63[^`]` |", text, outcome) == 2) {
			assert_ok(pinf_urn_parse(&urn, SPAN(text)));
			assert_true(pinf_span_equal(canonical_of(space, &urn), SPAN(outcome)));
		} else if (sscanf(line, "| `urn:%59[^`]` | `%63[^`]` |", text + 4, outcome) == 2) {
			memcpy(text, "urn:", 4);
			assert_string_equal(
			    pinf_err_name(pinf_urn_parse(&urn, SPAN(text))), outcome);
		} else {
			continue;
		}
		rows++;
	}
	assert_int_equal(rows, 7);
	free(page);
}

static void
texts_parse_or_say_why(void **state)
{
	uint8_t space[PINF_URN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *want = cases[i].canonical == NULL ? cases[i].text : cases[i].canonical;
		struct pinf_urn urn = {{{0}}}, again;

		print_message("%s\n", cases[i].text);
		assert_err(pinf_urn_parse(&urn, SPAN(cases[i].text)), cases[i].err);
		if (cases[i].err != PINF_OK) {
			assert_null(urn.field[0].data);
			assert_false(pinf_urn_is_canonical(SPAN(cases[i].text)));
			continue;
		}
		assert_true(pinf_span_equal(canonical_of(space, &urn), SPAN(want)));
		assert_true(pinf_urn_is_canonical(SPAN(want)));
		assert_int_equal(
		    pinf_urn_is_canonical(SPAN(cases[i].text)), cases[i].canonical == NULL);
		assert_ok(pinf_urn_parse(&again, SPAN(want)));
		assert_true(pinf_urn_equal(&urn, &again));
	}
	assert_err(pinf_urn_parse(&(struct pinf_urn){{{0}}}, span_of("urn:blob:1:fs:p:b:\0f", 20)),
	    PINF_E_URN_SYNTAX);
}

static void
whole_length_is_limited(void **state)
{
	char text[PINF_URN_MAX + 2];
	struct pinf_urn urn;
	int len = snprintf(text, sizeof text, "urn:blob:1:%0200d:%0200d:", 0, 0);

	(void)state;
	memset(text + len, 'f', sizeof text - (size_t)len);
	text[PINF_URN_MAX - 2] = ':';
	assert_ok(pinf_urn_parse(&urn, span_of(text, PINF_URN_MAX)));
	assert_err(pinf_urn_parse(&urn, span_of(text, PINF_URN_MAX + 1)), PINF_E_URN_LENGTH);
}

static void
format_needs_room(void **state)
{
	static const char text[] = "urn:blob:1:fs:p:b:f";
	uint8_t space[sizeof text + 2] = "..";
	struct pinf_buf out = {space, 2, sizeof text};
	struct pinf_urn urn;

	(void)state;
	assert_ok(pinf_urn_parse(&urn, SPAN(text)));
	assert_err(pinf_urn_format(&out, &urn), PINF_E_NO_ROOM);
	assert_int_equal(out.len, 2);
	out.cap++;
	assert_ok(pinf_urn_format(&out, &urn));
	assert_memory_equal(space, "..urn:blob:1:fs:p:b:f", out.len);
}

static void
plain_fields_make_one(void **state)
{
	static const struct {
		struct pinf_span plain[PINF_URN_FIELDS];
		enum pinf_err err;
		const char *text;
	} makes[] = {
#define P(text) {(const uint8_t *)(text), sizeof(text) - 1}
	    {{P("1"), P("fs"), P("my host"), P("a:b"), P("dir/\xc3\xa9t\xc3\xa9 100%.txt")},
		PINF_OK, "urn:blob:1:fs:my%20host:a%3Ab:dir%2F%C3%A9t%C3%A9%20100%25.txt"},
	    {{P("2"), P("fs"), P("p"), P("b"), P("f")}, PINF_E_URN_VERSION, NULL},
	    {{P("1"), P("fs"), P("p"), P(""), P("f")}, PINF_E_URN_SYNTAX, NULL},
	    {{P("1"), P("fs"), P("p"), P("b"), P("\0")}, PINF_E_URN_SYNTAX, NULL},
	    {{P("1"), P("fs"), P("p"), P("b"), P("\xff")}, PINF_E_URN_SYNTAX, NULL},
	    {{P("1"), P("fs"), P("p"), P("b"),
		 P(F64 F64 "::::::::::::::::::::::::::::::::::"
			   "::::::::::::::::::::::::::::::::::")},
		PINF_E_URN_LENGTH, NULL},
	    {{P("1"), P("fs"), P(F255), P(F255), P("f")}, PINF_E_URN_LENGTH, NULL},
#undef P
	};

	(void)state;
	for (size_t i = 0; i < sizeof makes / sizeof *makes; i++) {
		uint8_t space[PINF_URN_MAX];
		struct pinf_buf out = {space, 0, sizeof space};

		assert_err(pinf_urn_make(&out, makes[i].plain), makes[i].err);
		assert_true(makes[i].text == NULL || unit_in_spec("urn.md", makes[i].text));
		assert_true(pinf_span_equal(span_of(space, out.len),
		    makes[i].text == NULL ? span_of("", 0) : SPAN(makes[i].text)));
		assert_int_equal(
		    pinf_urn_is_canonical(span_of(space, out.len)), makes[i].err == PINF_OK);
	}
}

static void
spellings_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} pairs[] = {
	    {"urn:blob:1:fs:p:b:f", "URN:BLOB:1:fs:p:b:%66", true},
	    {"urn:blob:1:fs:p:b:%3a", "urn:blob:1:fs:p:b:%3A", true},
	    {"urn:blob:1:fs:p:b:f", "urn:blob:1:fs:p:b:F", false},
	    {"urn:blob:1:fs:p:b:f", "urn:blob:1:fs:p:b:ff", false},
	    {"urn:blob:1:fs:p:b:ff", "urn:blob:1:fs:p:b:%66", false},
	    {"urn:blob:1:fs:p:b:@", "urn:blob:1:fs:p:b:%40", false}, /* reserved: not the same */
	    {"urn:blob:1:fs:p:b:a/b", "urn:blob:1:fs:p:b:a%2Fb", false},
	    {"urn:blob:1:fs:p:ab:c", "urn:blob:1:fs:p:a:bc", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct pinf_urn a, b;

		assert_ok(pinf_urn_parse(&a, SPAN(pairs[i].a)));
		assert_ok(pinf_urn_parse(&b, SPAN(pairs[i].b)));
		assert_int_equal(pinf_urn_equal(&a, &b), pairs[i].equal);
		assert_int_equal(pinf_urn_equal(&b, &a), pairs[i].equal);
	}
}

#define HEX64 "00ff000000000000000000000000000000000000000000000000000000000001"

static void
storage_resolves_its_own(void **state)
{
	static const struct pinf_storage storage = {"fs", "my host", "prompts"};
	static const struct pinf_hash hash = {{[1] = 0xff, [31] = 1}};
	static const struct {
		const char *text;
		enum pinf_err err;
	} urns[] = {
	    {"urn:blob:1:fs:my%20host:prompts:" HEX64, PINF_OK},
	    {"URN:blob:1:%66s:my%20host:prompts:%30" HEX64, PINF_E_URN_STORAGE},
	    {"urn:blob:1:s3:my%20host:prompts:" HEX64, PINF_E_URN_STORAGE},
	    {"urn:blob:1:fs:host:prompts:" HEX64, PINF_E_URN_STORAGE},
	    {"urn:blob:1:fs:my%20host:Prompts:" HEX64, PINF_E_URN_STORAGE},
	    {"urn:blob:1:fs:my%20host:prompts:../../etc/passwd", PINF_E_URN_STORAGE},
	    {"urn:blob:1:fs:my%20host:prompts:"
	     "00FF000000000000000000000000000000000000000000000000000000000001",
		PINF_E_URN_STORAGE},
	    {"urn:blob:1:%66s:my%20host:prompts:"
	     "%300ff000000000000000000000000000000000000000000000000000000000001",
		PINF_OK},
	    {"urn:blob:1:fs:my host:prompts:" HEX64, PINF_E_URN_SYNTAX},
	};
	char text[PINF_URN_MAX + 1] = "old";

	(void)state;
	for (size_t i = 0; i < sizeof urns / sizeof *urns; i++) {
		struct pinf_hash got = {{0}};

		print_message("%s\n", urns[i].text);
		assert_err(pinf_urn_resolve(&got, &storage, SPAN(urns[i].text)), urns[i].err);
		assert_int_equal(pinf_hash_equal(&got, &hash), urns[i].err == PINF_OK);
	}
	assert_err(pinf_urn_of_blob(text, &(struct pinf_storage){"fs", "", "b"}, &hash),
	    PINF_E_URN_SYNTAX);
	assert_err(pinf_urn_of_blob(text, &(struct pinf_storage){"fs", F255 F255, "b"}, &hash),
	    PINF_E_URN_LENGTH);
	assert_string_equal(text, "old");
	assert_ok(pinf_urn_of_blob(text, &storage, &hash));
	assert_string_equal(text, urns[0].text);
}

/* The slow and obvious reading of spec/urn.md: cut at colons, decode, compare as text. */
static bool
naive_equal(const char *a, const char *b)
{
	char plain[2][3 * PINF_URN_MAX + 1];
	const char *texts[2] = {a, b};

	for (unsigned i = 0; i < 2; i++) {
		char *out = plain[i];

		for (const char *p = texts[i] + 9; *p != 0; p++) {
			unsigned octet = (unsigned char)*p;

			if (*p == '%') {
				assert_int_equal(sscanf(p + 1, "%2x", &octet), 1);
				p += 2;
				if (octet > 127 ||
				    (strchr("-._~", (int)octet) == NULL &&
					!(octet >= '0' && octet <= '9') &&
					!((octet | 32) >= 'a' && (octet | 32) <= 'z'))) {
					out += sprintf(out, "%%%02X", octet);
					continue;
				}
			}
			*out++ = (char)octet;
		}
		*out = 0;
	}
	return strcmp(plain[0], plain[1]) == 0;
}

static void
mutations_stay_consistent(void **state)
{
	static const char *const seeds[] = {"urn:blob:1:fs:main:b%3Ack:a%20b%61.bin",
	    "URN:Blob:1:s3:p%C3%A9:/x/y:0123456789abcdef", "urn:blob:1:a:b:c:%41%2d%7E@!"};
	static const char alphabet[] = "%%%23467aAdDeEfF:/-.~@?# 1\x80";
	uint64_t seed = 7;
	unsigned accepted = 0, equal = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char text[64];
		uint8_t dice[5], space[PINF_URN_MAX], space2[PINF_URN_MAX];
		struct pinf_urn urn, again, origin;
		struct pinf_span canonical;
		const size_t len = strlen(seeds[i % 3]);

		memcpy(text, seeds[i % 3], len + 1);
		(void)unit_fill(&seed, dice, sizeof dice);
		for (unsigned k = 0; k < 1 + dice[4] % 2u; k++)
			text[9 + dice[k] % (len - 9)] =
			    alphabet[dice[2 + k] % (sizeof alphabet - 1)];
		if (pinf_urn_parse(&urn, span_of(text, len)) != PINF_OK)
			continue;
		accepted++;
		canonical = canonical_of(space, &urn);
		assert_true(pinf_urn_is_canonical(canonical));
		assert_ok(pinf_urn_parse(&again, canonical));
		assert_true(pinf_urn_equal(&urn, &again));
		assert_true(pinf_span_equal(canonical_of(space2, &again), canonical));
		assert_ok(pinf_urn_parse(&origin, SPAN(seeds[i % 3])));
		assert_int_equal(pinf_urn_equal(&urn, &origin), naive_equal(text, seeds[i % 3]));
		equal += pinf_urn_equal(&urn, &origin);
	}
	assert_in_range(accepted, 2000, 18000);
	assert_in_range(equal, 100, accepted / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_of_the_spec_hold),
	    cmocka_unit_test(texts_parse_or_say_why),
	    cmocka_unit_test(whole_length_is_limited),
	    cmocka_unit_test(format_needs_room),
	    cmocka_unit_test(plain_fields_make_one),
	    cmocka_unit_test(spellings_compare),
	    cmocka_unit_test(storage_resolves_its_own),
	    cmocka_unit_test(mutations_stay_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
