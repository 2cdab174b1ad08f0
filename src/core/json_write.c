/* SPDX-License-Identifier: Apache-2.0 */
/* json_write.c -- compact JSON, strings and numbers as RFC 8785 writes them.  spec/json.md. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"

struct pinf_json_writer
pinf_json_write_to(struct pinf_bytes *out)
{
	return (struct pinf_json_writer){.out = out};
}

static void
put(struct pinf_json_writer *writer, const void *data, size_t len)
{
	if (writer->err == PINF_OK)
		writer->err = pinf_bytes_append(writer->out, data, len);
}

static void
put_escape(struct pinf_json_writer *writer, uint8_t c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *found = memchr(plain, c, sizeof plain - 1);
	char text[8] = "\\u00";

	if (c == 0) {
		writer->err = PINF_E_SYNTAX;
		return;
	}
	if (found != NULL) {
		text[1] = letter[found - plain];
		put(writer, text, 2);
		return;
	}
	pinf_hex(text + 4, &c, 1);
	put(writer, text, 6);
}

static void
put_string(struct pinf_json_writer *writer, struct pinf_span text)
{
	size_t from = 0, at = 0; /* [from, at) goes out as it is */

	put(writer, "\"", 1);
	while (writer->err == PINF_OK && text.len > 0) {
		size_t len;

		at += pinf_json_plain((struct pinf_span){text.data + at, text.len - at});
		if (at < text.len && text.data[at] >= 0x80) {
			len = pinf_utf8_char((struct pinf_span){text.data + at, text.len - at});
			if (len == 0)
				writer->err = PINF_E_UTF8;
			at += len;
			continue;
		}
		put(writer, text.data + from, at - from);
		if (at == text.len)
			break;
		put_escape(writer, text.data[at++]);
		from = at;
	}
	put(writer, "\"", 1);
}

/* What precedes a value: a comma where one is due, and the name of a member. */
static void
put_name(struct pinf_json_writer *writer, const char *name)
{
	if (writer->comma)
		put(writer, ",", 1);
	writer->comma = true;
	if (name == NULL)
		return;
	put_string(writer, pinf_span_str(name));
	put(writer, ":", 1);
}

void
pinf_json_open(struct pinf_json_writer *writer, const char *name, char bracket)
{
	assert(bracket == '{' || bracket == '[');
	put_name(writer, name);
	put(writer, &bracket, 1);
	writer->comma = false;
}

void
pinf_json_close(struct pinf_json_writer *writer, char bracket)
{
	assert(bracket == '}' || bracket == ']');
	put(writer, &bracket, 1);
	writer->comma = true;
}

void
pinf_json_put_uint(struct pinf_json_writer *writer, const char *name, uint64_t value)
{
	char text[24];

	assert(value <= PINF_ID_MAX); /* no reader would take it back */
	put_name(writer, name);
	put(writer, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, value));
}

void
pinf_json_put_bool(struct pinf_json_writer *writer, const char *name, bool value)
{
	pinf_json_put_raw(writer, name, pinf_span_str(value ? "true" : "false"));
}

/* Ten digits at most: the shortest decimal is the exact one, and never needs an exponent. */
void
pinf_json_put_micro(struct pinf_json_writer *writer, const char *name, int32_t millionths)
{
	const int64_t n = millionths < 0 ? -(int64_t)millionths : millionths;
	char text[24];
	int len = snprintf(text, sizeof text, "%s%" PRId64 ".%06" PRId64, millionths < 0 ? "-" : "",
	    n / 1000000, n % 1000000);

	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	put_name(writer, name);
	put(writer, text, (size_t)len);
}

void
pinf_json_put_text(struct pinf_json_writer *writer, const char *name, struct pinf_span utf8)
{
	put_name(writer, name);
	put_string(writer, utf8);
}

void
pinf_json_put_str(struct pinf_json_writer *writer, const char *name, const char *text)
{
	pinf_json_put_text(writer, name, pinf_span_str(text));
}

void
pinf_json_put_hex(
    struct pinf_json_writer *writer, const char *name, bool prefix0x, const void *data, size_t len)
{
	char text[2 * PINF_HASH_LEN + 1];
	const uint8_t *from = data;

	put_name(writer, name);
	put(writer, "\"0x", prefix0x ? 3 : 1);
	for (size_t at = 0, part; at < len; at += part) {
		part = len - at < PINF_HASH_LEN ? len - at : PINF_HASH_LEN;
		pinf_hex(text, from + at, part);
		put(writer, text, 2 * part);
	}
	put(writer, "\"", 1);
}

void
pinf_json_put_address(
    struct pinf_json_writer *writer, const char *name, const struct pinf_address *address)
{
	pinf_json_put_hex(writer, name, true, address->bytes, sizeof address->bytes);
}

void
pinf_json_put_null(struct pinf_json_writer *writer, const char *name)
{
	pinf_json_put_raw(writer, name, pinf_span_str("null"));
}

void
pinf_json_put_raw(struct pinf_json_writer *writer, const char *name, struct pinf_span json)
{
	put_name(writer, name);
	put(writer, json.data, json.len);
}

enum pinf_err
pinf_json_written(const struct pinf_json_writer *writer)
{
	return writer->err;
}
