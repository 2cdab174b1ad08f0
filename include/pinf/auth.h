/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h -- wallet-signed requests, key grants, signed results, checkpoints.  spec/auth.md, spec/grants.md. */
#ifndef PINF_AUTH_H
#define PINF_AUTH_H

#include <pinf/base.h>
#include <pinf/hpke.h>
#include <pinf/scope.h>
#include <pinf/wallet.h>

#define PINF_AUTH_EXPIRY_MAX_MS 300000
#define PINF_AUTH_LIFETIME_MS   60000 /* that pinf_auth_sign gives */
#define PINF_AUTH_HEADER_MAX    640
#define PINF_PATH_MAX           1024 /* bytes of path and query */

enum pinf_auth_scheme { PINF_AUTH_EIP712 = 1, PINF_AUTH_EIP191 = 2 };

/* Everything that a wallet signs for one request. */
struct pinf_auth_request {
	struct pinf_address router; /* identity of the router meant */
	struct pinf_domain domain;
	struct pinf_span method; /* "POST" */
	struct pinf_span path; /* with query, as sent */
	uint64_t session; /* 0 where the request names none */
	uint64_t task;
	uint32_t key_version;
	struct pinf_hash body_sha256;
	uint8_t nonce[PINF_NONCE_LEN];
	uint64_t expires_ms;
};

/* What the Authorization header holds: the rest is recomputed from the request itself. */
struct pinf_auth {
	enum pinf_auth_scheme scheme;
	struct pinf_address address; /* the signer, claimed until checked */
	struct pinf_address router;
	uint64_t session;
	uint64_t task;
	uint32_t key_version;
	uint8_t nonce[PINF_NONCE_LEN];
	uint64_t expires_ms;
	struct pinf_sig signature;
};

/*
 * The digest that is signed: EIP-712 typed data, or EIP-191 over the text of spec/auth.md.  Method
 * and path have 1..16 and 1..PINF_PATH_MAX bytes, all of them printable ASCII and no space.
 */
void pinf_auth_digest(struct pinf_hash *digest, enum pinf_auth_scheme scheme,
    const struct pinf_auth_request *request);
/*
 * "Pinf scheme=eip712, address=0x.., router=0x.., session=1, task=2, version=1, nonce=.., expires=..,
 * signature=0x.." on one line.  E_ID_RANGE, E_RANGE (expires).
 */
PINF_MUST_CHECK enum pinf_err
pinf_auth_header_format(char out[static PINF_AUTH_HEADER_MAX + 1], const struct pinf_auth *auth);
/* E_AUTH_SYNTAX for any other spelling; E_ID_RANGE; E_RANGE (version, expires). */
PINF_MUST_CHECK enum pinf_err
pinf_auth_header_parse(struct pinf_auth *auth, struct pinf_span header);
/*
 * Signs (EIP-712): sets the request's nonce and expiry, writes the header.  E_AUTH_SYNTAX (method
 * or path cannot be signed), E_ID_RANGE, E_RANDOM.
 */
PINF_MUST_CHECK enum pinf_err
pinf_auth_sign(char header[static PINF_AUTH_HEADER_MAX + 1], const struct pinf_wallet *wallet,
    struct pinf_auth_request *request, uint64_t now_ms, struct pinf_random random);
/*
 * Checks router and signature of a parsed header against the request as received (method, path,
 * body_sha256, domain and the router's own address are read from request; the rest is set from
 * auth).  Expiry and nonce are the router's: they need its clock and store.
 * E_AUTH_ROUTER, E_AUTH_SYNTAX (method or path cannot be signed), E_AUTH_HIGH_S, E_AUTH_SIGNATURE.
 */
PINF_MUST_CHECK enum pinf_err
pinf_auth_check(const struct pinf_auth *auth, struct pinf_auth_request *request);

/* A key grant: one scope key, HPKE-sealed to the requester, signed by the router's identity. */
struct pinf_grant {
	uint8_t enc[PINF_HPKE_PUBLIC_LEN];
	uint8_t sealed_key[PINF_KEY_LEN + PINF_TAG_LEN];
	struct pinf_hash request_digest; /* auth digest of the key request that it answers */
	struct pinf_scope scope;
	uint32_t key_version;
	uint64_t expires_ms;
	uint64_t audit_seq;
	struct pinf_hash audit_head;
	struct pinf_sig signature;
};

/* What the router signs of a grant; its scope is a valid one. */
void pinf_grant_digest(
    struct pinf_hash *digest, const struct pinf_grant *grant, const struct pinf_domain *domain);
/*
 * Seals key to recipient and signs.  Of grant, the caller has set request_digest, scope,
 * key_version, expires_ms and the audit fields; enc, sealed_key and signature are set here.
 */
PINF_MUST_CHECK enum pinf_err pinf_grant_make(struct pinf_grant *grant, const struct pinf_key *key,
    const uint8_t recipient[static PINF_HPKE_PUBLIC_LEN], const struct pinf_domain *domain,
    const struct pinf_key *identity, struct pinf_random random);
/* What the receiver demands before it trusts the key. */
struct pinf_grant_expect {
	struct pinf_address router;
	struct pinf_domain domain;
	struct pinf_hash request_digest;
	struct pinf_scope scope;
	uint64_t now_ms;
};
/* In this order: E_GRANT_FORGED, E_GRANT_MISMATCH, E_SCOPE_MISMATCH, E_GRANT_EXPIRED, E_HPKE. */
PINF_MUST_CHECK enum pinf_err pinf_grant_open(struct pinf_key *key, const struct pinf_grant *grant,
    const struct pinf_grant_expect *expect, const struct pinf_hpke_keypair *pair);
/* Canonical JSON, appended; and strict decoding. */
PINF_MUST_CHECK enum pinf_err
pinf_grant_encode(struct pinf_bytes *out, const struct pinf_grant *grant);
PINF_MUST_CHECK enum pinf_err pinf_grant_decode(struct pinf_grant *grant, struct pinf_span json);

/* What a miner signs at precommit (result_urn empty) and at commit. */
struct pinf_result_claim {
	struct pinf_address router;
	struct pinf_domain domain;
	uint64_t session;
	uint64_t task;
	uint32_t attempt;
	uint64_t epoch;
	struct pinf_hash input_sha256;
	struct pinf_span result_urn;
	struct pinf_hash result_sha256;
	uint32_t key_version;
};
void pinf_result_digest(struct pinf_hash *digest, const struct pinf_result_claim *claim);

/* Signed head of the audit log. */
void pinf_checkpoint_digest(struct pinf_hash *digest, const struct pinf_domain *domain,
    const struct pinf_address *router, uint64_t seq, const struct pinf_hash *head);

#endif
