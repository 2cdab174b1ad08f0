/* SPDX-License-Identifier: Apache-2.0 */
/* urn.c -- blob URNs: RFC 8141 spelling in, one canonical spelling out.  spec/urn.md. */
#include <string.h>

#include <pinf/bug.h>
#include <pinf/urn.h>

#include "core/json.h" /* pinf_utf8_valid */

#define PREFIX     "urn:blob:"
#define PREFIX_LEN (sizeof PREFIX - 1)

/* u: unreserved; o: other octets that stand for themselves in a field; all beyond ASCII are zero. */
static const char kinds[256] = "................"
			       "................"
			       ".o..o%ooooooouuo" /* SP ! " # $ % & ' ( ) * + , - . / */
			       "uuuuuuuuuu:o.o.." /* 0-9 : ; < = > ? */
			       "ouuuuuuuuuuuuuuu" /* @ A-O */
			       "uuuuuuuuuuu....u" /* P-Z [ \ ] ^ _ */
			       ".uuuuuuuuuuuuuuu" /* ` a-o */
			       "uuuuuuuuuuu...u."; /* p-z { | } ~ DEL */

static bool
is_plain(uint8_t c)
{
	return kinds[c] >= 'o';
}

/* The octet that "%XX" at the start of in stands for; 0, which no URN may hold, if there is none. */
static uint8_t
percent_octet(struct pinf_span in)
{
	uint8_t octet;

	if (in.len < 3 ||
	    pinf_unhex(&octet, 1, (struct pinf_span){in.data + 1, 2}, false) != PINF_OK)
		return 0;
	return octet;
}

/* The next octet of a checked field; 256 more where it must stay percent-encoded. */
static unsigned
next_unit(struct pinf_span field, size_t *at)
{
	const uint8_t c = field.data[*at];
	uint8_t octet;

	if (c != '%') {
		*at += 1;
		return c;
	}
	octet = percent_octet((struct pinf_span){field.data + *at, field.len - *at});
	*at += 3;
	return kinds[octet] == 'u' ? octet : octet + 256u;
}

static bool
decodes_to_utf8(struct pinf_span field)
{
	uint8_t plain[PINF_URN_FIELD_MAX];
	size_t len = 0;

	for (size_t at = 0; at < field.len;)
		plain[len++] = (uint8_t)next_unit(field, &at);
	return pinf_utf8_valid((struct pinf_span){plain, len}) == len;
}

static bool
has_prefix(struct pinf_span text)
{
	if (text.len < PREFIX_LEN)
		return false;
	for (size_t i = 0; i < PREFIX_LEN; i++) {
		const uint8_t c = text.data[i];

		if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != PREFIX[i])
			return false;
	}
	return true;
}

static enum pinf_err
check_version(struct pinf_span version)
{
	for (size_t i = 0; i < version.len; i++) {
		const uint8_t c = version.data[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			return PINF_E_URN_SYNTAX;
	}
	if (version.len == 0)
		return PINF_E_URN_SYNTAX;
	return version.len == 1 && version.data[0] == '1' ? PINF_OK : PINF_E_URN_VERSION;
}

/* Field by field, once their number is known to be right. */
static enum pinf_err
check_fields(const struct pinf_urn *urn, bool wide)
{
	for (unsigned i = 0; i < PINF_URN_FIELDS; i++) {
		if (urn->field[i].len == 0)
			return PINF_E_URN_SYNTAX;
		if (urn->field[i].len > PINF_URN_FIELD_MAX && !PINF_BUG(urn_field_unbounded))
			return PINF_E_URN_LENGTH;
		if (wide && !decodes_to_utf8(urn->field[i]) && !PINF_BUG(urn_utf8_unchecked))
			return PINF_E_URN_SYNTAX;
	}
	return PINF_OK;
}

enum pinf_err
pinf_urn_parse(struct pinf_urn *urn, struct pinf_span text)
{
	struct pinf_urn parsed = {0};
	unsigned fields = 0;
	size_t from = PREFIX_LEN;
	bool wide = false; /* an octet beyond ASCII is encoded somewhere */
	enum pinf_err err;

	if (text.len > PINF_URN_MAX)
		return PINF_E_URN_LENGTH;
	if (!has_prefix(text))
		return PINF_E_URN_SYNTAX;
	for (size_t at = from; at <= text.len; at++) {
		while (at < text.len && is_plain(text.data[at]))
			at++;
		const char kind = at < text.len ? kinds[text.data[at]] : ':';

		if (kind == '%') {
			const uint8_t octet =
			    percent_octet((struct pinf_span){text.data + at, text.len - at});

			if (octet == 0)
				return PINF_E_URN_SYNTAX;
			wide |= octet >= 0x80;
			at += 2;
		} else if (kind == ':') {
			if (fields < PINF_URN_FIELDS)
				parsed.field[fields] =
				    (struct pinf_span){text.data + from, at - from};
			fields++;
			from = at + 1;
		} else {
			return PINF_E_URN_SYNTAX;
		}
	}
	err = check_version(parsed.field[PINF_URN_VERSION]);
	if (err == PINF_OK && fields != PINF_URN_FIELDS)
		err = PINF_E_URN_FIELDS;
	if (err == PINF_OK)
		err = check_fields(&parsed, wide);
	if (err == PINF_OK)
		*urn = parsed;
	return err;
}

/* One octet, as it is or percent-encoded; false where the URN gets too long. */
static bool
put_octet(struct pinf_buf *out, uint8_t octet, bool encoded)
{
	static const char digits[] = "0123456789ABCDEF";

	if (out->cap - out->len < (encoded ? 3 : 1))
		return false;
	out->data[out->len++] = encoded ? '%' : octet;
	if (encoded) {
		out->data[out->len++] = (uint8_t)digits[octet >> 4];
		out->data[out->len++] = (uint8_t)digits[octet & 15];
	}
	return true;
}

static bool
append(struct pinf_buf *out, struct pinf_span text)
{
	if (out->cap - out->len < text.len)
		return false;
	memcpy(out->data + out->len, text.data, text.len);
	out->len += text.len;
	return true;
}

/* A checked field in its canonical spelling: most have nothing encoded, and are what they are. */
static bool
put_field(struct pinf_buf *out, struct pinf_span field)
{
	if (memchr(field.data, '%', field.len) == NULL)
		return append(out, field);
	for (size_t at = 0; at < field.len;) {
		const unsigned unit = next_unit(field, &at);

		if (!put_octet(out, (uint8_t)unit, unit >= 256))
			return false;
	}
	return true;
}

enum pinf_err
pinf_urn_format(struct pinf_buf *out, const struct pinf_urn *urn)
{
	uint8_t space[PINF_URN_MAX] = PREFIX;
	struct pinf_buf text = {space, PREFIX_LEN, sizeof space};
	bool fits = true;

	for (unsigned i = 0; i < PINF_URN_FIELDS; i++) {
		if (i > 0)
			fits &= put_octet(&text, ':', false);
		fits &= put_field(&text, urn->field[i]);
	}
	if (!fits)
		return PINF_E_URN_LENGTH;
	return append(out, (struct pinf_span){space, text.len}) ? PINF_OK : PINF_E_NO_ROOM;
}

bool
pinf_urn_is_canonical(struct pinf_span text)
{
	uint8_t space[PINF_URN_MAX];
	struct pinf_buf canonical = {space, 0, sizeof space};
	struct pinf_urn urn;

	return pinf_urn_parse(&urn, text) == PINF_OK &&
	       pinf_urn_format(&canonical, &urn) == PINF_OK &&
	       pinf_span_equal((struct pinf_span){space, canonical.len}, text);
}

enum pinf_err
pinf_urn_make(struct pinf_buf *out, const struct pinf_span plain[static PINF_URN_FIELDS])
{
	uint8_t space[PINF_URN_MAX] = PREFIX;
	struct pinf_buf text = {space, PREFIX_LEN, sizeof space};
	struct pinf_urn urn;
	bool fits = true;
	enum pinf_err err;

	for (unsigned i = 0; i < PINF_URN_FIELDS; i++) {
		if (i > 0)
			fits &= put_octet(&text, ':', false);
		for (size_t k = 0; k < plain[i].len && fits; k++)
			fits = put_octet(&text, plain[i].data[k], kinds[plain[i].data[k]] != 'u');
	}
	if (!fits)
		return PINF_E_URN_LENGTH;
	err = pinf_urn_parse(&urn, (struct pinf_span){space, text.len});
	if (err == PINF_OK && !append(out, (struct pinf_span){space, text.len}))
		err = PINF_E_NO_ROOM;
	return err;
}

static bool
same_field(struct pinf_span a, struct pinf_span b)
{
	size_t i = 0, k = 0;

	if (pinf_span_equal(a, b))
		return true;
	while (i < a.len && k < b.len)
		if (next_unit(a, &i) != next_unit(b, &k))
			return false;
	return i == a.len && k == b.len;
}

bool
pinf_urn_equal(const struct pinf_urn *a, const struct pinf_urn *b)
{
	for (unsigned i = 0; i < PINF_URN_FIELDS; i++)
		if (!same_field(a->field[i], b->field[i]))
			return false;
	return true;
}

enum pinf_err
pinf_urn_of_blob(char out[static PINF_URN_MAX + 1], const struct pinf_storage *storage,
    const struct pinf_hash *sha256)
{
	char file[2 * PINF_HASH_LEN + 1];
	const struct pinf_span fields[PINF_URN_FIELDS] = {pinf_span_str("1"),
	    pinf_span_str(storage->type), pinf_span_str(storage->provider),
	    pinf_span_str(storage->bucket), {(const uint8_t *)file, sizeof file - 1}};
	struct pinf_buf text = {(uint8_t *)out, 0, PINF_URN_MAX};
	enum pinf_err err;

	pinf_hex(file, sha256->bytes, sizeof sha256->bytes);
	err = pinf_urn_make(&text, fields);
	if (err == PINF_OK)
		out[text.len] = 0;
	return err;
}

enum pinf_err
pinf_urn_resolve(
    struct pinf_hash *sha256, const struct pinf_storage *storage, struct pinf_span text)
{
	char ours[PINF_URN_MAX + 1];
	struct pinf_urn urn, expected;
	uint8_t file[PINF_URN_FIELD_MAX];
	struct pinf_hash hash;
	size_t len = 0;
	enum pinf_err err = pinf_urn_parse(&urn, text);

	if (err != PINF_OK)
		return err;
	for (size_t at = 0; at < urn.field[PINF_URN_FILE].len;)
		file[len++] = (uint8_t)next_unit(urn.field[PINF_URN_FILE], &at);
	if (pinf_unhex(hash.bytes, sizeof hash.bytes, (struct pinf_span){file, len}, true) !=
		PINF_OK ||
	    pinf_urn_of_blob(ours, storage, &hash) != PINF_OK ||
	    pinf_urn_parse(&expected, pinf_span_str(ours)) != PINF_OK ||
	    !pinf_urn_equal(&urn, &expected))
		return PINF_E_URN_STORAGE;
	*sha256 = hash;
	return PINF_OK;
}
