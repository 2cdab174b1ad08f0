/* SPDX-License-Identifier: Apache-2.0 */
/* payload.c -- payload metadata as canonical JSON.  spec/payload.md. */
#include <assert.h>
#include <string.h>

#include <pinf/bug.h>
#include <pinf/payload.h>

#include "core/json.h"
#include "crypto/crypto.h"

static const char *const kind_names[] = {
    [PINF_SCOPE_SESSION] = "session", [PINF_SCOPE_TASK] = "task"};
static const char *const purpose_names[] = {
    [PINF_PURPOSE_INPUT] = "input", [PINF_PURPOSE_RESULT] = "result"};

/* 1 or 2 by the names above, or 0 with the reader's error set. */
static unsigned
read_choice(struct pinf_json_reader *reader, const char *name, const char *const names[3])
{
	struct pinf_span text;

	pinf_json_text(reader, name, true, &text);
	for (unsigned i = 1; i <= 2 && text.data != NULL; i++)
		if (pinf_span_equal(text, pinf_span_str(names[i])))
			return i;
	pinf_json_fail(reader, name, PINF_E_SCOPE);
	return 0;
}

static void
absent(struct pinf_json_reader *reader, const char *name)
{
	if (pinf_json_has(reader, name))
		pinf_json_fail(reader, name, PINF_E_SCOPE);
}

static void
read_scope(struct pinf_json_reader *outer, struct pinf_scope *scope)
{
	struct pinf_json_reader reader = pinf_json_object(outer, "scope", true);
	uint64_t attempt = 0;

	scope->kind = read_choice(&reader, "kind", kind_names);
	scope->purpose = read_choice(&reader, "purpose", purpose_names);
	pinf_json_id(&reader, "session", true, &scope->session);
	if (scope->kind == PINF_SCOPE_TASK)
		pinf_json_id(&reader, "task", true, &scope->task);
	else
		absent(&reader, "task");
	pinf_json_hex(&reader, "instance", true, false, scope->instance, sizeof scope->instance);
	if (scope->purpose == PINF_PURPOSE_RESULT) {
		pinf_json_uint(&reader, "attempt", true, UINT32_MAX, &attempt);
		pinf_json_address(&reader, "miner", true, &scope->miner);
	} else {
		absent(&reader, "attempt");
		absent(&reader, "miner");
	}
	scope->attempt = (uint32_t)attempt;
	if (reader.err == PINF_OK && pinf_scope_check(scope) != PINF_OK)
		pinf_json_fail(&reader, "", pinf_scope_check(scope));
	pinf_json_leave(outer, &reader, "scope");
}

static void
read_sealing(struct pinf_json_reader *outer, struct pinf_payload *payload)
{
	struct pinf_json_reader reader = pinf_json_object(outer, "encryption", true);
	struct pinf_span suite;
	uint64_t key_version;

	pinf_json_text(&reader, "suite", true, &suite);
	if (pinf_span_equal(suite, pinf_span_str(pinf_suite_name(PINF_SUITE_AES256GCM))))
		payload->suite = PINF_SUITE_AES256GCM;
	else if (pinf_span_equal(
		     suite, pinf_span_str(pinf_suite_name(PINF_SUITE_CHACHA20POLY1305))))
		payload->suite = PINF_SUITE_CHACHA20POLY1305;
	else
		pinf_json_fail(&reader, "suite", PINF_E_ENCRYPTION);
	pinf_json_uint(&reader, "key_version", true, UINT32_MAX, &key_version);
	if (key_version == 0 && !PINF_BUG(payload_version_zero))
		pinf_json_fail(&reader, "key_version", PINF_E_RANGE);
	payload->key_version = (uint32_t)key_version;
	read_scope(&reader, &payload->scope);
	pinf_json_leave(outer, &reader, "encryption");
}

static void
read_plain(struct pinf_json_reader *reader)
{
	struct pinf_span text;

	pinf_json_text(reader, "encryption", true, &text);
	if (!pinf_span_equal(text, pinf_span_str("none")))
		pinf_json_fail(reader, "encryption", PINF_E_ENCRYPTION);
}

static void
read_urn(struct pinf_json_reader *reader, struct pinf_payload *payload)
{
	struct pinf_buf canonical = {(uint8_t *)payload->urn, 0, PINF_URN_MAX};
	struct pinf_span text;
	struct pinf_urn urn;
	enum pinf_err err;

	pinf_json_text(reader, "urn", true, &text);
	if (text.data == NULL)
		return;
	err = pinf_urn_parse(&urn, text);
	if (err == PINF_OK)
		err = pinf_urn_format(&canonical, &urn);
	if (err != PINF_OK)
		pinf_json_fail(reader, "urn", err);
}

static void
read_inline(struct pinf_json_reader *reader, struct pinf_payload *payload)
{
	struct pinf_span text;
	struct pinf_hash hash;

	pinf_json_text(reader, "inline", true, &text);
	if (text.data == NULL)
		return;
	if (text.len > PINF_INLINE_MAX) {
		pinf_json_fail(reader, "inline", PINF_E_TOO_LARGE);
		return;
	}
	pinf_sha256(&hash, text);
	if (text.len != payload->size)
		pinf_json_fail(reader, "size", PINF_E_SIZE_MISMATCH);
	else if (!pinf_hash_equal(&hash, &payload->sha256))
		pinf_json_fail(reader, "sha256", PINF_E_HASH_MISMATCH);
	payload->inline_len = (uint32_t)text.len;
	memcpy(payload->inline_data, text.data, text.len);
}

void
pinf_payload_read(struct pinf_json_reader *reader, struct pinf_payload *payload)
{
	struct pinf_span hex;

	memset(payload, 0, offsetof(struct pinf_payload, inline_data));
	if (pinf_json_is_object(reader, "encryption"))
		read_sealing(reader, payload);
	else
		read_plain(reader);
	pinf_json_text(reader, "sha256", true, &hex);
	if (pinf_unhex(payload->sha256.bytes, sizeof payload->sha256.bytes, hex, true) != PINF_OK)
		pinf_json_fail(reader, "sha256", PINF_E_HASH);
	pinf_json_uint(reader, "size", true, PINF_ID_MAX, &payload->size);
	if (payload->size == 0)
		pinf_json_fail(reader, "size", PINF_E_RANGE);
	/* The one that does not apply stays unread, and so is an unknown field. */
	if (payload->suite == PINF_SUITE_NONE && pinf_json_has(reader, "inline")) {
		read_inline(reader, payload);
		if (PINF_BUG(payload_twofold) && pinf_json_has(reader, "urn"))
			read_urn(reader, payload);
	} else {
		read_urn(reader, payload);
	}
}

enum pinf_err
pinf_payload_decode(struct pinf_payload *payload, struct pinf_span json)
{
	struct pinf_json *parsed;
	struct pinf_json_reader reader;
	struct pinf_payload p;
	enum pinf_err err = pinf_json_parse(&parsed, json, PINF_PAYLOAD_JSON_MAX);

	if (err != PINF_OK)
		return err;
	reader = pinf_json_root(parsed);
	pinf_payload_read(&reader, &p);
	err = pinf_json_end(&reader);
	pinf_json_free(parsed);
	if (err == PINF_OK) /* Most have nothing inline: 4 KiB less to copy. */
		memcpy(payload, &p, offsetof(struct pinf_payload, inline_data) + p.inline_len);
	return err;
}

static void
write_scope(struct pinf_json_writer *writer, const struct pinf_scope *scope)
{
	const bool result = scope->purpose == PINF_PURPOSE_RESULT;

	assert(pinf_scope_check(scope) == PINF_OK);
	pinf_json_open(writer, "scope", '{');
	if (result)
		pinf_json_put_uint(writer, "attempt", scope->attempt);
	pinf_json_put_hex(writer, "instance", false, scope->instance, sizeof scope->instance);
	pinf_json_put_str(writer, "kind", kind_names[scope->kind]);
	if (result)
		pinf_json_put_address(writer, "miner", &scope->miner);
	pinf_json_put_str(writer, "purpose", purpose_names[scope->purpose]);
	pinf_json_put_uint(writer, "session", scope->session);
	if (scope->kind == PINF_SCOPE_TASK)
		pinf_json_put_uint(writer, "task", scope->task);
	pinf_json_close(writer, '}');
}

void
pinf_payload_write(
    struct pinf_json_writer *writer, const char *name, const struct pinf_payload *payload)
{
	pinf_json_open(writer, name, '{');
	if (payload->suite == PINF_SUITE_NONE) {
		pinf_json_put_str(writer, "encryption", "none");
	} else {
		pinf_json_open(writer, "encryption", '{');
		pinf_json_put_uint(writer, "key_version", payload->key_version);
		write_scope(writer, &payload->scope);
		pinf_json_put_str(writer, "suite", pinf_suite_name(payload->suite));
		pinf_json_close(writer, '}');
	}
	if (payload->urn[0] == 0)
		pinf_json_put_text(writer, "inline",
		    (struct pinf_span){payload->inline_data, payload->inline_len});
	pinf_json_put_hex(
	    writer, "sha256", false, payload->sha256.bytes, sizeof payload->sha256.bytes);
	pinf_json_put_uint(writer, "size", payload->size);
	if (payload->urn[0] != 0)
		pinf_json_put_str(writer, "urn", payload->urn);
	pinf_json_close(writer, '}');
}

enum pinf_err
pinf_payload_encode(struct pinf_bytes *out, const struct pinf_payload *payload)
{
	const size_t before = out->len;
	struct pinf_json_writer writer = pinf_json_write_to(out);

	pinf_payload_write(&writer, NULL, payload);
	if (pinf_json_written(&writer) != PINF_OK)
		out->len = before;
	return pinf_json_written(&writer);
}

enum pinf_err
pinf_payload_check_header(const struct pinf_payload *payload, struct pinf_span blob)
{
	struct pinf_blob_header header;
	enum pinf_err err = pinf_blob_header_decode(&header, blob);

	if (err != PINF_OK)
		return err;
	if (payload->suite == PINF_SUITE_NONE)
		return PINF_E_ENCRYPTION;
	if (!pinf_scope_equal(&header.params.scope, &payload->scope))
		return PINF_E_SCOPE_MISMATCH;
	if (header.params.suite != payload->suite ||
	    header.params.key_version != payload->key_version)
		return PINF_E_BLOB_HEADER;
	return PINF_OK;
}

bool
pinf_payload_equal(const struct pinf_payload *a, const struct pinf_payload *b)
{
	return strcmp(a->urn, b->urn) == 0 && pinf_hash_equal(&a->sha256, &b->sha256) &&
	       a->size == b->size && a->suite == b->suite && a->key_version == b->key_version &&
	       pinf_scope_equal(&a->scope, &b->scope) && a->inline_len == b->inline_len &&
	       memcmp(a->inline_data, b->inline_data, a->inline_len) == 0;
}
