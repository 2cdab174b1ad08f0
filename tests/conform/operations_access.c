/* SPDX-License-Identifier: Apache-2.0 */
/* operations_access.c -- who signed, who may: the library's, operation by operation.  spec/CONFORMANCE.md. */
#include <pinf/auth.h>
#include <pinf/hpke.h>

#include "core/allowlist.h"
#include "crypto/crypto.h"
#include "operations.h"

enum pinf_rule denied;

enum pinf_err
auth_verify(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_auth_request request = {.session = 0};
	struct pinf_auth auth;
	struct pinf_bytes body = {0};
	struct pinf_span header = {NULL, 0};
	enum pinf_err err;

	pinf_json_uint(input, "chain_id", true, PINF_ID_MAX, &request.domain.chain_id);
	pinf_json_address(input, "contract", true, &request.domain.contract);
	pinf_json_address(input, "router", true, &request.router);
	pinf_json_text(input, "method", true, &request.method);
	pinf_json_text(input, "path", true, &request.path);
	pinf_json_text(input, "authorization", true, &header);
	read_bytes(input, "body", &body);
	need_read(input);
	pinf_sha256(&request.body_sha256, pinf_span_of(&body));
	err = pinf_auth_header_parse(&auth, header);
	if (err == PINF_OK)
		err = pinf_auth_check(&auth, &request);
	if (err == PINF_OK) {
		pinf_json_put_address(ok, "address", &auth.address);
		pinf_json_put_uint(ok, "expires", auth.expires_ms);
		pinf_json_put_uint(ok, "session", auth.session);
		pinf_json_put_uint(ok, "task", auth.task);
		pinf_json_put_uint(ok, "version", auth.key_version);
	}
	pinf_bytes_free(&body);
	return err;
}

/* What both kinds of signed records begin with. */
static void
read_signer(struct pinf_json_reader *input, struct pinf_domain *domain, struct pinf_address *router,
    struct pinf_sig *signature)
{
	pinf_json_uint(input, "chain_id", true, PINF_ID_MAX, &domain->chain_id);
	pinf_json_address(input, "contract", true, &domain->contract);
	pinf_json_address(input, "router", true, router);
	pinf_json_hex(input, "signature", true, true, signature->bytes, sizeof signature->bytes);
}

/* Who says that this is the result. */
enum pinf_err
result_verify(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_result_claim claim = {.session = 0};
	struct pinf_address miner;
	struct pinf_sig signature;
	struct pinf_hash digest;
	uint64_t attempt = 0, version = 0;

	(void)ok;
	read_signer(input, &claim.domain, &claim.router, &signature);
	pinf_json_address(input, "miner", true, &miner);
	pinf_json_id(input, "session", true, &claim.session);
	pinf_json_id(input, "task", true, &claim.task);
	pinf_json_uint(input, "attempt", true, UINT32_MAX, &attempt);
	pinf_json_uint(input, "epoch", true, PINF_ID_MAX, &claim.epoch);
	pinf_json_hex(input, "input_sha256", true, false, claim.input_sha256.bytes, PINF_HASH_LEN);
	pinf_json_text(input, "result_urn", true, &claim.result_urn);
	pinf_json_hex(
	    input, "result_sha256", true, false, claim.result_sha256.bytes, PINF_HASH_LEN);
	pinf_json_uint(input, "key_version", true, UINT32_MAX, &version);
	need_read(input);
	claim.attempt = (uint32_t)attempt;
	claim.key_version = (uint32_t)version;
	pinf_result_digest(&digest, &claim);
	return pinf_signature_check(&signature, &digest, &miner);
}

enum pinf_err
checkpoint_verify(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_domain domain;
	struct pinf_address router;
	struct pinf_sig signature;
	struct pinf_hash head, digest;
	uint64_t seq = 0;

	(void)ok;
	read_signer(input, &domain, &router, &signature);
	pinf_json_uint(input, "seq", true, PINF_ID_MAX, &seq);
	pinf_json_hex(input, "head", true, false, head.bytes, sizeof head.bytes);
	need_read(input);
	pinf_checkpoint_digest(&digest, &domain, &router, seq, &head);
	return pinf_signature_check(&signature, &digest, &router);
}

enum pinf_err
policy_decide(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_facts facts = {.session_open = false};
	struct pinf_span action = {NULL, 0}, actor = {NULL, 0}, route = {NULL, 0};

	pinf_json_text(input, "action", true, &action);
	pinf_json_text(input, "actor", true, &actor);
	pinf_json_text(input, "route", true, &route);
	facts.action = pinf_action_of_name(action);
	facts.actor = pinf_actor_of_name(actor);
	facts.route = pinf_route_of_name(route);
	for (int f = 0; f < PINF_FACT_COUNT; f++)
		pinf_json_bool(input, pinf_fact_name((enum pinf_fact)f), true,
		    pinf_fact(&facts, (enum pinf_fact)f));
	need_read(input);
	denied = pinf_policy_decide(&facts);
	if (denied != PINF_RULE_ALLOW)
		return PINF_E_DENIED;
	pinf_json_put_str(ok, "decision", "allow");
	return PINF_OK;
}

/* The receiver's side of a key grant. */
enum pinf_err
grant_open(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_grant_expect expect = {.now_ms = 0};
	struct pinf_hpke_keypair pair;
	struct pinf_bytes text = {0};
	struct pinf_grant grant;
	struct pinf_key key;
	enum pinf_err err;

	pinf_json_uint(input, "chain_id", true, PINF_ID_MAX, &expect.domain.chain_id);
	pinf_json_address(input, "contract", true, &expect.domain.contract);
	pinf_json_address(input, "router", true, &expect.router);
	pinf_json_hex(
	    input, "request_digest", true, false, expect.request_digest.bytes, PINF_HASH_LEN);
	pinf_json_uint(input, "now_ms", true, PINF_ID_MAX, &expect.now_ms);
	pinf_json_hex(input, "secret", true, false, pair.secret.bytes, sizeof pair.secret.bytes);
	pinf_json_hex(input, "public", true, false, pair.public_key, sizeof pair.public_key);
	read_scope(input, &expect.scope);
	read_bytes(input, "grant", &text);
	need_read(input);
	err = pinf_grant_decode(&grant, pinf_span_of(&text));
	if (err == PINF_OK)
		err = pinf_grant_open(&key, &grant, &expect, &pair);
	if (err == PINF_OK)
		pinf_json_put_hex(ok, "key", false, key.bytes, sizeof key.bytes);
	pinf_bytes_free(&text);
	return err;
}

enum pinf_err
allowlist_parse(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_allowlist_entry *entries = NULL;
	struct pinf_bytes text = {0};
	size_t count = 0, column = 0;
	enum pinf_err err;

	read_bytes(input, "text", &text);
	err = pinf_allowlist_parse(&entries, &count, pinf_span_of(&text), &column);
	if (err == PINF_OK) {
		pinf_json_open(ok, "entries", '[');
		for (size_t i = 0; i < count; i++) {
			pinf_json_open(ok, NULL, '{');
			pinf_json_put_address(ok, "miner", &entries[i].miner);
			pinf_json_put_uint(ok, "session", entries[i].session);
			pinf_json_put_uint(ok, "task", entries[i].task);
			pinf_json_close(ok, '}');
		}
		pinf_json_close(ok, ']');
	}
	free(entries);
	pinf_bytes_free(&text);
	return err;
}
