/* SPDX-License-Identifier: Apache-2.0 */
/* grant.c -- key grants: HPKE-sealed to the requester, signed by the router.  spec/grants.md. */
#include <string.h>

#include <pinf/auth.h>
#include <pinf/bug.h>

#include "core/be.h"
#include "core/json.h"
#include "crypto/crypto.h"

#define INFO_LABEL     "pinf/grant/1"
#define INFO_MAX       (sizeof INFO_LABEL - 1 + PINF_HASH_LEN + PINF_SCOPE_MAX + 4 + 8)
#define GRANT_JSON_MAX 2048

/* What the ciphertext is bound to beside the recipient: swapped between grants it never opens. */
static struct pinf_span
info_of(uint8_t bytes[static INFO_MAX], const struct pinf_grant *grant)
{
	uint8_t *at = bytes;

	memcpy(at, INFO_LABEL, sizeof INFO_LABEL - 1);
	at += sizeof INFO_LABEL - 1;
	memcpy(at, grant->request_digest.bytes, PINF_HASH_LEN);
	at += PINF_HASH_LEN;
	at += pinf_scope_encode(at, &grant->scope);
	at = pinf_be_put(at, 4, grant->key_version);
	at = pinf_be_put(at, 8, grant->expires_ms);
	return (struct pinf_span){bytes, (size_t)(at - bytes)};
}

enum pinf_err
pinf_grant_make(struct pinf_grant *grant, const struct pinf_key *key,
    const uint8_t recipient[static PINF_HPKE_PUBLIC_LEN], const struct pinf_domain *domain,
    const struct pinf_key *identity, struct pinf_random random)
{
	struct pinf_grant made = *grant;
	struct pinf_hash digest;
	uint8_t info[INFO_MAX];
	enum pinf_err err = pinf_scope_check(&grant->scope);

	if (err == PINF_OK)
		err = pinf_hpke_seal(made.enc, made.sealed_key, recipient, info_of(info, grant),
		    (struct pinf_span){NULL, 0}, (struct pinf_span){key->bytes, sizeof key->bytes},
		    random);
	if (err != PINF_OK)
		return err;
	pinf_grant_digest(&digest, &made, domain);
	err = pinf_secp256k1_sign(&made.signature, &digest, identity);
	if (err == PINF_OK)
		*grant = made;
	return err;
}

enum pinf_err
pinf_grant_open(struct pinf_key *key, const struct pinf_grant *grant,
    const struct pinf_grant_expect *expect, const struct pinf_hpke_keypair *pair)
{
	struct pinf_key opened PINF_WIPED = {{0}};
	struct pinf_hash digest;
	uint8_t info[INFO_MAX];
	enum pinf_err err = pinf_scope_check(&grant->scope);

	if (err != PINF_OK)
		return err;
	pinf_grant_digest(&digest, grant, &expect->domain);
	if (pinf_signature_check(&grant->signature, &digest, &expect->router) != PINF_OK)
		return PINF_E_GRANT_FORGED;
	if (!pinf_hash_equal(&grant->request_digest, &expect->request_digest))
		return PINF_E_GRANT_MISMATCH;
	if (!pinf_scope_equal(&grant->scope, &expect->scope))
		return PINF_E_SCOPE_MISMATCH;
	if (grant->expires_ms <= expect->now_ms)
		return PINF_E_GRANT_EXPIRED;
	err = pinf_hpke_open(opened.bytes, grant->enc, pair, info_of(info, grant),
	    (struct pinf_span){NULL, 0},
	    (struct pinf_span){grant->sealed_key, sizeof grant->sealed_key});
	if (err == PINF_OK)
		*key = opened;
	return err;
}

enum pinf_err
pinf_grant_encode(struct pinf_bytes *out, const struct pinf_grant *grant)
{
	struct pinf_json_writer json = pinf_json_write_to(out);
	uint8_t scope[PINF_SCOPE_MAX];
	const size_t scope_len = pinf_scope_encode(scope, &grant->scope);

	pinf_json_open(&json, NULL, '{');
	pinf_json_put_hex(&json, "audit_head", false, grant->audit_head.bytes, PINF_HASH_LEN);
	pinf_json_put_uint(&json, "audit_seq", grant->audit_seq);
	pinf_json_put_hex(&json, "enc", false, grant->enc, sizeof grant->enc);
	pinf_json_put_uint(&json, "expires_ms", grant->expires_ms);
	pinf_json_put_uint(&json, "key_version", grant->key_version);
	pinf_json_put_hex(
	    &json, "request_digest", false, grant->request_digest.bytes, PINF_HASH_LEN);
	pinf_json_put_hex(&json, "scope", false, scope, scope_len);
	pinf_json_put_hex(&json, "sealed_key", false, grant->sealed_key, sizeof grant->sealed_key);
	pinf_json_put_hex(&json, "signature", true, grant->signature.bytes, PINF_SIG_LEN);
	pinf_json_close(&json, '}');
	return pinf_json_written(&json);
}

/* The scope travels as the bytes that are signed, in hex: one of two lengths. */
static void
read_scope(struct pinf_json_reader *json, struct pinf_scope *scope)
{
	struct pinf_span hex = {NULL, 0};
	uint8_t bytes[PINF_SCOPE_MAX];
	enum pinf_err err;

	pinf_json_text(json, "scope", true, &hex);
	if (json->err != PINF_OK)
		return;
	if (hex.len / 2 > sizeof bytes || hex.len % 2 != 0)
		err = PINF_E_LENGTH;
	else
		err = pinf_unhex(bytes, hex.len / 2, hex, true);
	if (err == PINF_OK)
		err = pinf_scope_decode(scope, (struct pinf_span){bytes, hex.len / 2});
	if (err != PINF_OK)
		pinf_json_fail(json, "scope", err);
}

enum pinf_err
pinf_grant_decode(struct pinf_grant *grant, struct pinf_span json)
{
	struct pinf_json *parsed = NULL;
	struct pinf_grant g = {0};
	uint64_t key_version = 0;
	enum pinf_err err = pinf_json_parse(&parsed, json, GRANT_JSON_MAX);

	if (err != PINF_OK)
		return err;
	struct pinf_json_reader root = pinf_json_root(parsed);
	pinf_json_hex(&root, "audit_head", true, false, g.audit_head.bytes, PINF_HASH_LEN);
	pinf_json_uint(&root, "audit_seq", true, PINF_ID_MAX, &g.audit_seq);
	pinf_json_hex(&root, "enc", true, false, g.enc, sizeof g.enc);
	pinf_json_uint(&root, "expires_ms", true, PINF_ID_MAX, &g.expires_ms);
	pinf_json_uint(&root, "key_version", true, UINT32_MAX, &key_version);
	if (key_version == 0 && root.err == PINF_OK && !PINF_BUG(grant_version_zero))
		pinf_json_fail(&root, "key_version", PINF_E_RANGE);
	g.key_version = (uint32_t)key_version;
	pinf_json_hex(&root, "request_digest", true, false, g.request_digest.bytes, PINF_HASH_LEN);
	read_scope(&root, &g.scope);
	pinf_json_hex(&root, "sealed_key", true, false, g.sealed_key, sizeof g.sealed_key);
	pinf_json_hex(&root, "signature", true, true, g.signature.bytes, PINF_SIG_LEN);
	err = pinf_json_end(&root);
	pinf_json_free(parsed);
	if (err == PINF_OK)
		*grant = g;
	return err;
}
