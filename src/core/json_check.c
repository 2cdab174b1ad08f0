/* SPDX-License-Identifier: Apache-2.0 */
/* json_check.c -- strict RFC 8259, with named limits, before any parser sees it.  spec/json.md. */
#include <string.h>

#include <pinf/bug.h>

#include "core/json.h"

/* A member's name, quotes excluded, where it lies in the text. */
struct name {
	uint32_t at;
	uint16_t len;
	bool escaped;
};

struct scanner {
	struct pinf_span text;
	size_t at; /* also where the first error lies */
	unsigned values;
	size_t values_max;
	unsigned depth;
	struct level {
		bool object;
		unsigned names;
		struct name name[PINF_JSON_MEMBERS_MAX];
	} level[PINF_JSON_DEPTH_MAX];
};

static struct pinf_span
span_from(struct pinf_span span, size_t at)
{
	return (struct pinf_span){span.data + at, span.len - at};
}

size_t
pinf_json_plain(struct pinf_span in)
{
	const uint64_t ones = UINT64_MAX / 255, high = ones << 7;
	size_t at = 0;

	/* Eight at once: a byte's high bit ends up set, or borrowed into, unless all eight are plain. */
	for (; in.len - at >= 8; at += 8) {
		uint64_t word;

		memcpy(&word, in.data + at, 8);
		const uint64_t quote = (word ^ ones * '"') - ones;
		const uint64_t slash = (word ^ ones * '\\') - ones;

		if (((word | quote | slash | (word - ones * ' ')) & high) != 0)
			break;
	}
	while (at < in.len && in.data[at] >= ' ' && in.data[at] < 0x80 && in.data[at] != '"' &&
	       in.data[at] != '\\')
		at++;
	return at;
}

size_t
pinf_utf8_char(struct pinf_span in)
{
	const uint8_t *p = in.data;
	uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte: RFC 3629, section 4 */
	size_t len;

	if (in.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (in.len < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t
pinf_utf8_valid(struct pinf_span in)
{
	size_t at = 0, len = 1;

	while (at < in.len && len != 0) {
		at += pinf_json_plain(span_from(in, at));
		len = pinf_utf8_char(span_from(in, at));
		at += len;
	}
	return at;
}

static unsigned
peek(const struct scanner *s)
{
	return s->at < s->text.len ? s->text.data[s->at] : 0; /* NUL is nowhere valid */
}

static void
skip_space(struct scanner *s)
{
	unsigned c = peek(s);

	while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
		s->at++;
		c = peek(s);
	}
}

static bool
is_digit(unsigned c)
{
	return c >= '0' && c <= '9';
}

/* The UTF-16 unit of "\uXXXX" at the start of in, or 0: U+0000 is refused like bad syntax. */
static unsigned
hex_escape(struct pinf_span in)
{
	uint8_t unit[2];

	if (in.len < 6 || in.data[0] != '\\' || in.data[1] != 'u' ||
	    pinf_unhex(unit, 2, (struct pinf_span){in.data + 2, 4}, false) != PINF_OK)
		return 0;
	return (unsigned)unit[0] << 8 | unit[1];
}

/* Length of the escape at the start of in, 0 if it is none; code gets the character. */
static size_t
scan_escape(struct pinf_span in, uint32_t *code)
{
	static const char plain[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
	const char *found = in.len < 2 || in.data[1] == 0 ? NULL : strchr(plain, in.data[1]);
	unsigned high, low;

	if (found != NULL) {
		*code = (uint8_t)meaning[found - plain];
		return 2;
	}
	high = hex_escape(in);
	if (high < 0xd800 || high > 0xdfff) {
		*code = high;
		return high == 0 ? 0 : 6;
	}
	low = high > 0xdbff ? 0 : hex_escape(span_from(in, 6));
	if (low < 0xdc00 || low > 0xdfff)
		return PINF_BUG(json_half_a_pair) ? 6 : 0;
	*code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

/* A string whose opening quote is at s->at; ends behind the closing one. */
static enum pinf_err
scan_string(struct scanner *s, bool *escaped)
{
	uint32_t code;

	for (s->at++;;) {
		size_t len = pinf_json_plain(span_from(s->text, s->at));
		unsigned c;

		s->at += len;
		c = peek(s);
		if (c == '"')
			break;
		if (c >= 0x80) {
			len = pinf_utf8_char(span_from(s->text, s->at));
			if (len == 0)
				return PINF_E_UTF8;
		} else {
			len = c == '\\' ? scan_escape(span_from(s->text, s->at), &code) : 0;
			if (len == 0)
				return PINF_E_SYNTAX;
			*escaped = true;
		}
		s->at += len;
	}
	s->at++;
	return PINF_OK;
}

/* The name as its characters' UTF-8: never longer than it was written. */
static struct pinf_span
unescape(uint8_t out[static PINF_JSON_NAME_MAX], struct pinf_span in)
{
	size_t len = 0, at = 0;

	while (at < in.len) {
		uint32_t code = in.data[at];

		if (code != '\\') {
			out[len++] = in.data[at++];
			continue;
		}
		at += scan_escape(span_from(in, at), &code);
		if (code >= 0x10000) {
			out[len++] = (uint8_t)(0xf0 | code >> 18);
			out[len++] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
		} else if (code >= 0x800) {
			out[len++] = (uint8_t)(0xe0 | code >> 12);
		}
		if (code >= 0x800)
			out[len++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		else if (code >= 0x80)
			out[len++] = (uint8_t)(0xc0 | code >> 6);
		out[len++] = (uint8_t)(code >= 0x80 ? 0x80 | (code & 0x3f) : code);
	}
	return (struct pinf_span){out, len};
}

static bool
same_name(const struct scanner *s, const struct name *a, const struct name *b)
{
	uint8_t a_plain[PINF_JSON_NAME_MAX], b_plain[PINF_JSON_NAME_MAX];
	struct pinf_span x = {s->text.data + a->at, a->len}, y = {s->text.data + b->at, b->len};

	if (a->escaped)
		x = unescape(a_plain, x);
	if (b->escaped)
		y = unescape(b_plain, y);
	return pinf_span_equal(x, y);
}

/* A member's name and its colon. */
static enum pinf_err
scan_name(struct scanner *s)
{
	struct level *level = &s->level[s->depth - 1];
	struct name name = {0};
	const size_t start = s->at;
	enum pinf_err err;

	if (peek(s) != '"')
		return PINF_E_SYNTAX;
	err = scan_string(s, &name.escaped);
	if (err != PINF_OK)
		return err;
	if (s->at - start - 2 > PINF_JSON_NAME_MAX || level->names == PINF_JSON_MEMBERS_MAX) {
		s->at = start;
		return PINF_E_TOO_LARGE;
	}
	name.at = (uint32_t)(start + 1);
	name.len = (uint16_t)(s->at - start - 2);
	for (unsigned i = 0; i < level->names; i++)
		if (same_name(s, &level->name[i], &name)) {
			s->at = start;
			return PINF_E_DUPLICATE;
		}
	level->name[level->names++] = name;
	skip_space(s);
	if (peek(s) != ':')
		return PINF_E_SYNTAX;
	s->at++;
	return PINF_OK;
}

static enum pinf_err
scan_number(struct scanner *s)
{
	const size_t start = s->at;

	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (!is_digit(peek(s)))
		return PINF_E_SYNTAX;
	else
		while (is_digit(peek(s)))
			s->at++;
	if (peek(s) == '.') {
		s->at++;
		if (!is_digit(peek(s)))
			return PINF_E_SYNTAX;
		while (is_digit(peek(s)))
			s->at++;
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if (!is_digit(peek(s)) && !PINF_BUG(json_exponent_empty))
			return PINF_E_SYNTAX;
		while (is_digit(peek(s)))
			s->at++;
	}
	if (s->at - start > PINF_JSON_NUMBER_MAX) {
		s->at = start;
		return PINF_E_TOO_LARGE;
	}
	return PINF_OK;
}

static enum pinf_err
scan_scalar(struct scanner *s)
{
	static const char *const words[] = {"true", "false", "null"};
	bool escaped;

	if (peek(s) == '"')
		return scan_string(s, &escaped);
	for (unsigned i = 0; i < 3; i++) {
		const size_t len = strlen(words[i]);

		if (s->text.len - s->at >= len &&
		    memcmp(s->text.data + s->at, words[i], len) == 0) {
			s->at += len;
			return PINF_OK;
		}
	}
	return scan_number(s);
}

/* A scalar, or the opening of an array or object; *due says that another value must follow. */
static enum pinf_err
scan_value(struct scanner *s, bool *due)
{
	unsigned c;

	skip_space(s);
	c = peek(s);
	if (s->values++ == s->values_max)
		return PINF_E_TOO_LARGE;
	*due = false;
	if (c != '{' && c != '[')
		return scan_scalar(s);
	if (s->depth == PINF_JSON_DEPTH_MAX && !PINF_BUG(json_depth_unbounded))
		return PINF_E_DEPTH;
	s->level[s->depth].object = c == '{';
	s->level[s->depth++].names = 0;
	s->at++;
	skip_space(s);
	*due = peek(s) != c + 2u; /* '{' + 2 is '}', and so with brackets */
	return *due && c == '{' ? scan_name(s) : PINF_OK;
}

/* What follows a value: closings, then a comma (a value is due) or the end of the text. */
static enum pinf_err
scan_after(struct scanner *s, bool *due)
{
	for (skip_space(s); s->depth > 0; skip_space(s)) {
		const bool object = s->level[s->depth - 1].object;

		if (peek(s) == ',') {
			s->at++;
			*due = true;
			skip_space(s);
			return object ? scan_name(s) : PINF_OK;
		}
		if (peek(s) != (object ? '}' : ']'))
			return PINF_E_SYNTAX;
		s->at++;
		s->depth--;
	}
	*due = false;
	return s->at == s->text.len ? PINF_OK : PINF_E_SYNTAX;
}

enum pinf_err
pinf_json_check(struct pinf_span text, size_t *at)
{
	return pinf_json_check_values(text, PINF_JSON_VALUES_MAX, at);
}

enum pinf_err
pinf_json_check_values(struct pinf_span text, size_t values_max, size_t *at)
{
	struct scanner s; /* 16 KiB of names: only what is used gets touched */
	enum pinf_err err = text.len > PINF_JSON_TEXT_MAX ? PINF_E_TOO_LARGE : PINF_OK;
	bool due = true;

	s.text = text;
	s.at = 0;
	s.values = 0;
	s.values_max = values_max;
	s.depth = 0;
	while (due && err == PINF_OK) {
		err = scan_value(&s, &due);
		if (err == PINF_OK && !due)
			err = scan_after(&s, &due);
	}
	if (err != PINF_OK && at != NULL)
		*at = s.at;
	return err;
}
