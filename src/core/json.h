/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h -- the one JSON decoder and the one encoder.  Decoding is strict RFC 8259 (UTF-8, no
 * duplicate names, a depth limit, integers exact to 2^53-1) in front of cJSON; every field read
 * is ticked off, and what is left over is an error.  spec/json.md.
 */
#ifndef PINF_CORE_JSON_H
#define PINF_CORE_JSON_H

#include <pinf/base.h>
#include <pinf/policy.h>
#include <pinf/urn.h>

#define PINF_JSON_DEPTH_MAX   16
#define PINF_JSON_TEXT_MAX    ((size_t)1 << 30)
#define PINF_JSON_VALUES_MAX  65536 /* of one text, objects and arrays included */
#define PINF_JSON_MEMBERS_MAX 128 /* of any object */
#define PINF_JSON_FIELDS_MAX  64 /* of an object that is read by name */
#define PINF_JSON_NAME_MAX    128 /* bytes of a member's name, as written */
#define PINF_JSON_NUMBER_MAX  32 /* characters of a number */

struct pinf_json; /* a parsed document; cJSON's tree, freed wiped */

/* Checks strictly, then parses.  E_SYNTAX, E_UTF8, E_DEPTH, E_DUPLICATE, E_TOO_LARGE, E_NO_MEMORY. */
PINF_MUST_CHECK enum pinf_err
pinf_json_parse(struct pinf_json **json, struct pinf_span text, size_t max_len);
/* A file of the operator's own, with more values than a message may have.  at (may be NULL): as pinf_json_check's. */
PINF_MUST_CHECK enum pinf_err pinf_json_parse_values(
    struct pinf_json **json, struct pinf_span text, size_t max_len, size_t values_max, size_t *at);
/* For a text that is an array, say: the document is then an object whose one member it is. */
PINF_MUST_CHECK enum pinf_err pinf_json_parse_as(
    struct pinf_json **json, const char *name, struct pinf_span text, size_t max_len);
void pinf_json_free(struct pinf_json *json);
/* The strict check alone.  at (may be NULL) gets the offset of the first offending byte. */
PINF_MUST_CHECK enum pinf_err pinf_json_check(struct pinf_span text, size_t *at);
PINF_MUST_CHECK enum pinf_err
pinf_json_check_values(struct pinf_span text, size_t values_max, size_t *at);
/* Length of valid UTF-8 (no surrogates, no overlong forms): in.len, or where it goes wrong. */
size_t pinf_utf8_valid(struct pinf_span in);
/* Length of the one well-formed UTF-8 character at the start of in, 1 to 4; 0 where there is none. */
size_t pinf_utf8_char(struct pinf_span in);
/* Length of the leading run of printable ASCII without '"' and '\\': what strings hold as it is. */
size_t pinf_json_plain(struct pinf_span in);

/*
 * A reader over one object.  The first error sticks, later reads give zeros, and
 * pinf_json_end() returns it: one check at the end is enough.  What was not read by then is
 * E_UNKNOWN_FIELD unless its name begins with "x-".  field names the culprit for the message.
 */
struct pinf_json_reader {
	const void *object;
	uint64_t seen;
	const void *array; /* where pinf_json_item is, so that walking in order is linear */
	const void *item;
	size_t index;
	enum pinf_err err;
	char field[64];
};

struct pinf_json_reader pinf_json_root(const struct pinf_json *json);
bool pinf_json_has(const struct pinf_json_reader *reader, const char *name);
bool pinf_json_is_object(const struct pinf_json_reader *reader, const char *name);
bool pinf_json_is_null(const struct pinf_json_reader *reader, const char *name);
/*
 * A required field that is absent is E_MISSING, and a required reading that fails gives zeros;
 * an optional one leaves *out alone.  Integers are 0..max (E_RANGE); 1.0 and 1e3 are integers.
 */
void pinf_json_uint(
    struct pinf_json_reader *reader, const char *name, bool required, uint64_t max, uint64_t *out);
/* A signed one that fits; else E_RANGE. */
void
pinf_json_int32(struct pinf_json_reader *reader, const char *name, bool required, int32_t *out);
/* A session or task id: 1 to 2^53-1, else E_ID_RANGE. */
void pinf_json_id(struct pinf_json_reader *reader, const char *name, bool required, uint64_t *out);
void pinf_json_bool(struct pinf_json_reader *reader, const char *name, bool required, bool *out);
/* A number in millionths, within +-max_units; not exact to a millionth is E_RANGE. */
void pinf_json_micro(
    struct pinf_json_reader *reader, const char *name, int32_t max_units, bool *has, int32_t *out);
/* Borrowed until the document is freed. */
void pinf_json_text(
    struct pinf_json_reader *reader, const char *name, bool required, struct pinf_span *out);
/* Copied with its NUL; longer than cap - 1 is E_LENGTH. */
void pinf_json_label(
    struct pinf_json_reader *reader, const char *name, bool required, char *out, size_t cap);
/* Lower-case hex of exactly len bytes (E_LENGTH, E_SYNTAX); prefix0x says whether it starts with 0x. */
void pinf_json_hex(struct pinf_json_reader *reader, const char *name, bool required, bool prefix0x,
    uint8_t *out, size_t len);
void pinf_json_address(
    struct pinf_json_reader *reader, const char *name, bool required, struct pinf_address *out);
/* A reader on a nested object; absent and not required: .object is NULL. */
struct pinf_json_reader
pinf_json_object(struct pinf_json_reader *reader, const char *name, bool required);
/* Arrays: their length (0 if absent; E_TOO_LARGE above max), and a reader or text of element index. */
size_t
pinf_json_array(struct pinf_json_reader *reader, const char *name, bool required, size_t max);
struct pinf_json_reader
pinf_json_item(struct pinf_json_reader *reader, const char *name, size_t index);
void pinf_json_item_text(
    struct pinf_json_reader *reader, const char *name, size_t index, struct pinf_span *out);
/* The member's own text, compact, appended; nothing where it is absent.  E_NO_MEMORY. */
void pinf_json_raw(struct pinf_json_reader *reader, const char *name, struct pinf_bytes *out);
/* Whether two members mean the same: objects in whatever order, numbers in whatever spelling. */
bool pinf_json_same(
    struct pinf_json_reader *a, const char *name_a, struct pinf_json_reader *b, const char *name_b);
/* Ends a nested reader: its error and field (as "outer.inner") stick to the outer one. */
void
pinf_json_leave(struct pinf_json_reader *reader, struct pinf_json_reader *nested, const char *name);
PINF_MUST_CHECK enum pinf_err pinf_json_end(struct pinf_json_reader *reader);
/* Sets the reader's error by hand (a value of the right type that means nothing). */
void pinf_json_fail(struct pinf_json_reader *reader, const char *name, enum pinf_err err);

/*
 * Writer: appends compact JSON; strings as RFC 8785 writes them.  Errors stick and are returned
 * by pinf_json_written(): E_NO_MEMORY, E_UTF8, and E_SYNTAX for text that holds U+0000.  Names
 * must be given in sorted order where the result has to be canonical.
 */
struct pinf_json_writer {
	struct pinf_bytes *out;
	enum pinf_err err;
	bool comma;
};

struct pinf_json_writer pinf_json_write_to(struct pinf_bytes *out);
void pinf_json_open(struct pinf_json_writer *writer, const char *name,
    char bracket); /* '{' or '['; name NULL inside arrays */
void pinf_json_close(struct pinf_json_writer *writer, char bracket); /* '}' or ']' */
void pinf_json_put_uint(struct pinf_json_writer *writer, const char *name, uint64_t value);
void pinf_json_put_bool(struct pinf_json_writer *writer, const char *name, bool value);
void pinf_json_put_micro(struct pinf_json_writer *writer, const char *name, int32_t millionths);
void pinf_json_put_text(struct pinf_json_writer *writer, const char *name, struct pinf_span utf8);
void pinf_json_put_str(struct pinf_json_writer *writer, const char *name, const char *text);
void pinf_json_put_hex(
    struct pinf_json_writer *writer, const char *name, bool prefix0x, const void *data, size_t len);
/* Lower-case, as Ethereum's own JSON has it. */
void pinf_json_put_address(
    struct pinf_json_writer *writer, const char *name, const struct pinf_address *address);
void pinf_json_put_null(struct pinf_json_writer *writer, const char *name);
/* Raw JSON that is known to be valid. */
void pinf_json_put_raw(struct pinf_json_writer *writer, const char *name, struct pinf_span json);
PINF_MUST_CHECK enum pinf_err pinf_json_written(const struct pinf_json_writer *writer);

/*
 * Objects that travel inside others: read from the reader of their object, which the caller
 * ends or leaves; written as a member.  After an error the output means nothing.
 */
struct pinf_payload;
void pinf_payload_read(struct pinf_json_reader *reader, struct pinf_payload *payload);
void pinf_payload_write(
    struct pinf_json_writer *writer, const char *name, const struct pinf_payload *payload);
void pinf_policy_read(struct pinf_json_reader *reader, struct pinf_policy_doc *doc);
void pinf_policy_write(
    struct pinf_json_writer *writer, const char *name, const struct pinf_policy_doc *doc);
/* Members that tell a decision: action, actor, route, facts, the rows that were tried, the rule. */
void pinf_decision_write(
    struct pinf_json_writer *writer, const struct pinf_facts *facts, enum pinf_rule rule);
/* The fields of an input document, its tag apart; input is {0} before and the caller's to free. */
struct pinf_input;
void pinf_input_read(struct pinf_json_reader *reader, struct pinf_input *input);

#endif
