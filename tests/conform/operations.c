/* SPDX-License-Identifier: Apache-2.0 */
/* operations.c -- the library's codec, operation by operation.  spec/CONFORMANCE.md. */
#include "operations.h"

#include <stdio.h>
#include <string.h>

#include <pinf/blob.h>
#include <pinf/document.h>
#include <pinf/keyring.h>
#include <pinf/payload.h>
#include <pinf/urn.h>

#include "crypto/crypto.h"

void
need_read(const struct pinf_json_reader *reader)
{
	if (reader->err == PINF_OK)
		return;
	(void)fprintf(stderr, "pinf-driver: %s: %s\n", reader->field, pinf_err_text(reader->err));
	abort();
}

static void
append_hex(struct pinf_bytes *out, struct pinf_span hex)
{
	uint8_t *bytes = malloc(hex.len / 2 + 1);

	need(bytes != NULL && pinf_unhex(bytes, hex.len / 2, hex, true) == PINF_OK);
	need(pinf_bytes_append(out, bytes, hex.len / 2) == PINF_OK);
	free(bytes);
}

/* Hex, or the recipe of something long. */
void
read_bytes(struct pinf_json_reader *reader, const char *name, struct pinf_bytes *out)
{
	struct pinf_json_reader recipe;
	struct pinf_span text = {NULL, 0}, repeat = {NULL, 0};
	uint64_t count = 0;

	if (!pinf_json_is_object(reader, name)) {
		pinf_json_text(reader, name, true, &text);
		need_read(reader);
		append_hex(out, text);
		return;
	}
	recipe = pinf_json_object(reader, name, true);
	pinf_json_text(&recipe, "head", true, &text);
	append_hex(out, text);
	pinf_json_text(&recipe, "repeat", true, &repeat);
	pinf_json_uint(&recipe, "count", true, LINE_MAX_LEN, &count);
	while (count-- > 0)
		append_hex(out, repeat);
	pinf_json_text(&recipe, "tail", true, &text);
	append_hex(out, text);
	need_read(&recipe);
}

void
read_scope(struct pinf_json_reader *input, struct pinf_scope *scope)
{
	struct pinf_json_reader r = pinf_json_object(input, "scope", true);
	struct pinf_span kind = {NULL, 0}, purpose = {NULL, 0};
	uint64_t attempt = 0, big = 0;

	*scope = (struct pinf_scope){.kind = 0};
	pinf_json_text(&r, "kind", true, &kind);
	pinf_json_text(&r, "purpose", true, &purpose);
	/* Ids beyond the range are what some vectors are about. */
	pinf_json_uint(&r, "session", true, PINF_ID_MAX, &scope->session);
	if (r.err == PINF_E_RANGE) {
		r.err = PINF_OK;
		scope->session = PINF_ID_MAX + 1;
	}
	pinf_json_uint(&r, "task", false, PINF_ID_MAX, &big);
	if (r.err == PINF_E_RANGE) {
		r.err = PINF_OK;
		big = PINF_ID_MAX + 1;
	}
	scope->task = big;
	pinf_json_hex(&r, "instance", true, false, scope->instance, sizeof scope->instance);
	pinf_json_uint(&r, "attempt", false, UINT32_MAX, &attempt);
	pinf_json_address(&r, "miner", false, &scope->miner);
	need_read(&r);
	scope->attempt = (uint32_t)attempt;
	scope->kind =
	    pinf_span_equal(kind, pinf_span_str("task")) ? PINF_SCOPE_TASK : PINF_SCOPE_SESSION;
	scope->purpose = pinf_span_equal(purpose, pinf_span_str("result")) ? PINF_PURPOSE_RESULT
									   : PINF_PURPOSE_INPUT;
}

static void
write_scope(struct pinf_json_writer *ok, const struct pinf_scope *scope)
{
	const bool result = scope->purpose == PINF_PURPOSE_RESULT;

	pinf_json_open(ok, "scope", '{');
	if (result)
		pinf_json_put_uint(ok, "attempt", scope->attempt);
	pinf_json_put_hex(ok, "instance", false, scope->instance, sizeof scope->instance);
	pinf_json_put_str(ok, "kind", scope->kind == PINF_SCOPE_TASK ? "task" : "session");
	if (result)
		pinf_json_put_address(ok, "miner", &scope->miner);
	pinf_json_put_str(ok, "purpose", result ? "result" : "input");
	pinf_json_put_uint(ok, "session", scope->session);
	if (scope->kind == PINF_SCOPE_TASK)
		pinf_json_put_uint(ok, "task", scope->task);
	pinf_json_close(ok, '}');
}

static void
write_digest(struct pinf_json_writer *ok, struct pinf_span bytes, bool with_length)
{
	struct pinf_hash sha256;

	pinf_sha256(&sha256, bytes);
	if (with_length)
		pinf_json_put_uint(ok, "length", bytes.len);
	pinf_json_put_hex(ok, "sha256", false, sha256.bytes, sizeof sha256.bytes);
}

static enum pinf_err
urn_parse(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	static const char *const names[PINF_URN_FIELDS] = {
	    "version", "storage_type", "provider", "bucket", "file_name"};
	struct pinf_bytes text = {0};
	uint8_t room[PINF_URN_MAX + 1];
	struct pinf_buf canonical = {room, 0, PINF_URN_MAX};
	struct pinf_urn urn;
	enum pinf_err err;

	read_bytes(input, "text", &text);
	err = pinf_urn_parse(&urn, pinf_span_of(&text));
	if (err == PINF_OK)
		err = pinf_urn_format(&canonical, &urn);
	if (err == PINF_OK)
		err = pinf_urn_parse(&urn, (struct pinf_span){room, canonical.len});
	if (err == PINF_OK) {
		pinf_json_put_text(ok, "canonical", (struct pinf_span){room, canonical.len});
		for (int f = 0; f < PINF_URN_FIELDS; f++)
			pinf_json_put_text(ok, names[f], urn.field[f]);
	}
	pinf_bytes_free(&text);
	return err;
}

static enum pinf_err
urn_make(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	static const char *const names[PINF_URN_FIELDS] = {
	    NULL, "storage_type", "provider", "bucket", "file_name"};
	struct pinf_span plain[PINF_URN_FIELDS] = {pinf_span_str("1")};
	uint8_t room[PINF_URN_MAX + 1];
	struct pinf_buf canonical = {room, 0, PINF_URN_MAX};
	enum pinf_err err;

	for (int f = 1; f < PINF_URN_FIELDS; f++)
		pinf_json_text(input, names[f], true, &plain[f]);
	need_read(input);
	err = pinf_urn_make(&canonical, plain);
	if (err == PINF_OK)
		pinf_json_put_text(ok, "canonical", (struct pinf_span){room, canonical.len});
	return err;
}

static enum pinf_err
json_check(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_bytes text = {0};
	enum pinf_err err;

	(void)ok;
	read_bytes(input, "text", &text);
	err = pinf_json_check(pinf_span_of(&text), NULL);
	pinf_bytes_free(&text);
	return err;
}

static enum pinf_err
scope_encode(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_scope scope;
	uint8_t encoded[PINF_SCOPE_MAX];
	enum pinf_err err;

	read_scope(input, &scope);
	err = pinf_scope_check(&scope);
	if (err == PINF_OK)
		pinf_json_put_hex(
		    ok, "encoded", false, encoded, pinf_scope_encode(encoded, &scope));
	return err;
}

static enum pinf_err
scope_decode(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_bytes encoded = {0};
	struct pinf_scope scope;
	enum pinf_err err;

	read_bytes(input, "encoded", &encoded);
	err = pinf_scope_decode(&scope, pinf_span_of(&encoded));
	if (err == PINF_OK)
		write_scope(ok, &scope);
	pinf_bytes_free(&encoded);
	return err;
}

/* Seeds and salts, in the order in which they are asked for; then a count. */
struct script {
	struct pinf_span first;
	uint64_t count;
};

static enum pinf_err
play(void *ctx, uint8_t *out, size_t len)
{
	struct script *script = ctx;

	if (script->first.len == len) {
		memcpy(out, script->first.data, len);
		script->first.len = 0;
		return PINF_OK;
	}
	for (size_t i = 0; i < len; i++) {
		uint64_t z = ++script->count * 0x9e3779b97f4a7c15u;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		out[i] = (uint8_t)(z >> 56);
	}
	return PINF_OK;
}

/* A keyring whose version of that number has that seed, and is active. */
static struct pinf_keyring *
keyring_with(struct pinf_json_reader *input)
{
	struct script script = {{NULL, 0}, 1};
	const struct pinf_random random = {&script, play};
	struct pinf_domain domain = {.chain_id = 0};
	struct pinf_keyring *keyring = NULL;
	struct pinf_bytes seed = {0};
	struct pinf_span span;
	uint64_t wanted = 0;
	uint32_t version = 0;

	pinf_json_uint(input, "chain_id", true, PINF_ID_MAX, &domain.chain_id);
	pinf_json_address(input, "contract", true, &domain.contract);
	pinf_json_uint(input, "key_version", true, UINT32_MAX, &wanted);
	read_bytes(input, "seed", &seed);
	need_read(input);
	span = pinf_span_of(&seed);
	need(pinf_keyring_new(&keyring, &domain, random) == PINF_OK);
	while (version + 1 < wanted)
		need(pinf_keyring_add(keyring, &version, NULL, 0, random) == PINF_OK);
	need(pinf_keyring_add(keyring, &version, &span, 0, random) == PINF_OK &&
	     pinf_keyring_activate(keyring, version) == PINF_OK);
	pinf_bytes_free(&seed);
	return keyring;
}

static enum pinf_err
key_derive(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_keyring *keyring = keyring_with(input);
	struct pinf_scope scope;
	struct pinf_key key;
	enum pinf_err err;

	read_scope(input, &scope);
	err = pinf_keyring_derive(keyring, pinf_keyring_active(keyring), &scope, &key);
	if (err == PINF_OK)
		pinf_json_put_hex(ok, "key", false, key.bytes, sizeof key.bytes);
	pinf_keyring_free(keyring);
	return err;
}

/* A seed as an operator writes it: its bytes, and the fingerprint that the keyring shows. */
static enum pinf_err
seed_import(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct script script = {{NULL, 0}, 1};
	const struct pinf_random random = {&script, play};
	const struct pinf_domain domain = {.chain_id = 0};
	struct pinf_keyring *keyring = NULL;
	struct pinf_bytes text = {0};
	uint8_t seed[PINF_SEED_MAX];
	struct pinf_span span = {seed, 0};
	uint32_t version = 0;
	enum pinf_err err;

	read_bytes(input, "text", &text);
	need(pinf_keyring_new(&keyring, &domain, random) == PINF_OK);
	err = pinf_seed_parse(seed, &span.len, pinf_span_of(&text));
	if (err == PINF_OK)
		err = pinf_keyring_add(keyring, &version, &span, 0, random);
	if (err == PINF_OK) {
		const struct pinf_key_info info = pinf_keyring_info(keyring, 0);

		pinf_json_put_hex(
		    ok, "fingerprint", false, info.fingerprint, sizeof info.fingerprint);
		pinf_json_put_hex(ok, "seed", false, seed, span.len);
	}
	pinf_bytes_free(&text);
	pinf_keyring_free(keyring);
	return err;
}

static struct pinf_blob *
blob_new(void)
{
	struct pinf_blob *blob = NULL;

	need(pinf_blob_new(&blob) == PINF_OK);
	return blob;
}

static enum pinf_err
blob_seal(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_blob *blob = blob_new();
	struct pinf_blob_params params = {.suite = PINF_SUITE_AES256GCM};
	struct pinf_bytes plain = {0}, salt = {0}, sealed = {0};
	struct script script;
	struct pinf_span suite = {NULL, 0};
	struct pinf_hash sha256;
	struct pinf_key key;
	uint64_t version = 0, chunk = 0;
	enum pinf_err err;

	pinf_json_text(input, "suite", true, &suite);
	pinf_json_bool(input, "padded", true, &params.padded);
	pinf_json_uint(input, "chunk_log2", true, 20, &chunk);
	pinf_json_uint(input, "key_version", true, UINT32_MAX, &version);
	pinf_json_hex(input, "key", true, false, key.bytes, sizeof key.bytes);
	read_scope(input, &params.scope);
	read_bytes(input, "salt", &salt);
	read_bytes(input, "plain", &plain);
	need_read(input);
	if (!pinf_span_equal(suite, pinf_span_str("aes-256-gcm")))
		params.suite = PINF_SUITE_CHACHA20POLY1305;
	params.key_version = (uint32_t)version;
	params.chunk_log2 = (uint8_t)chunk;
	script = (struct script){pinf_span_of(&salt), 1};
	err = pinf_blob_seal(blob, &params, &key, (struct pinf_random){&script, play},
	    pinf_span_of(&plain), &sealed, &sha256);
	if (err == PINF_OK)
		write_digest(ok, pinf_span_of(&sealed), true);
	pinf_bytes_free(&plain);
	pinf_bytes_free(&salt);
	pinf_bytes_free(&sealed);
	pinf_blob_free(blob);
	return err;
}

static enum pinf_err
blob_open(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_blob *blob = blob_new();
	struct pinf_bytes sealed = {0}, plain = {0};
	struct pinf_scope scope;
	struct pinf_key key;
	const bool expects = pinf_json_has(input, "scope");
	enum pinf_err err;

	pinf_json_hex(input, "key", true, false, key.bytes, sizeof key.bytes);
	if (expects)
		read_scope(input, &scope);
	read_bytes(input, "blob", &sealed);
	need_read(input);
	err = pinf_blob_open(blob, expects ? &scope : NULL, &key, pinf_span_of(&sealed), &plain);
	need(err == PINF_OK || plain.len == 0);
	if (err == PINF_OK)
		write_digest(ok, pinf_span_of(&plain), true);
	pinf_bytes_free(&sealed);
	pinf_bytes_free(&plain);
	pinf_blob_free(blob);
	return err;
}

static enum pinf_err
payload_decode(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_bytes text = {0}, canonical = {0};
	struct pinf_payload payload;
	enum pinf_err err;

	read_bytes(input, "text", &text);
	err = pinf_payload_decode(&payload, pinf_span_of(&text));
	if (err == PINF_OK)
		err = pinf_payload_encode(&canonical, &payload);
	if (err == PINF_OK)
		pinf_json_put_text(ok, "canonical", pinf_span_of(&canonical));
	pinf_bytes_free(&text);
	pinf_bytes_free(&canonical);
	return err;
}

static enum pinf_err
document_decode(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_input in = {.max_tokens = 0};
	struct pinf_result out = {.prompt_tokens = 0};
	struct pinf_bytes text = {0}, again = {0};
	struct pinf_span kind = {NULL, 0};
	enum pinf_err err;

	pinf_json_text(input, "kind", true, &kind);
	read_bytes(input, "text", &text);
	need_read(input);
	if (pinf_span_equal(kind, pinf_span_str("input"))) {
		err = pinf_input_decode(&in, pinf_span_of(&text));
		if (err == PINF_OK)
			err = pinf_input_encode(&again, &in);
	} else {
		err = pinf_result_decode(&out, pinf_span_of(&text));
		if (err == PINF_OK)
			err = pinf_result_encode(&again, &out);
	}
	if (err == PINF_OK)
		write_digest(ok, pinf_span_of(&again), false);
	pinf_input_free(&in);
	pinf_result_free(&out);
	pinf_bytes_free(&text);
	pinf_bytes_free(&again);
	return err;
}

const struct operation operations[] = {
    {"abi.call", abi_call},
    {"abi.decode", abi_decode},
    {"allowlist.parse", allowlist_parse},
    {"auth.verify", auth_verify},
    {"blob.open", blob_open},
    {"blob.seal", blob_seal},
    {"checkpoint.verify", checkpoint_verify},
    {"document.decode", document_decode},
    {"grant.open", grant_open},
    {"json.check", json_check},
    {"key.derive", key_derive},
    {"keyring.open", keyring_open},
    {"payload.decode", payload_decode},
    {"policy.decide", policy_decide},
    {"policy.document", policy_document},
    {"result.verify", result_verify},
    {"scope.decode", scope_decode},
    {"scope.encode", scope_encode},
    {"seed.import", seed_import},
    {"urn.make", urn_make},
    {"urn.parse", urn_parse},
};
const size_t operation_count = sizeof operations / sizeof operations[0];
