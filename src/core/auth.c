/* SPDX-License-Identifier: Apache-2.0 */
/* auth.c -- the digests that wallets and routers sign; signing and checking requests.  spec/auth.md. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pinf/auth.h>

#define METHOD_MAX   16
#define TEXT_191_MAX (PINF_PATH_MAX + 640)

static struct pinf_eip712_field
uint_of(uint64_t number)
{
	return (struct pinf_eip712_field){.type = PINF_EIP712_UINT, .number = number};
}

static struct pinf_eip712_field
address_of(const struct pinf_address *address)
{
	return (struct pinf_eip712_field){
	    .type = PINF_EIP712_ADDRESS, .bytes = {address->bytes, sizeof address->bytes}};
}

static struct pinf_eip712_field
word_of(const uint8_t word[static 32])
{
	return (struct pinf_eip712_field){.type = PINF_EIP712_BYTES32, .bytes = {word, 32}};
}

/* EIP-712 encodes string and bytes alike: the keccak-256 of what they hold. */
static struct pinf_eip712_field
bytes_of(struct pinf_span bytes)
{
	return (struct pinf_eip712_field){.type = PINF_EIP712_STRING, .bytes = bytes};
}

static void
typed_digest(struct pinf_hash *digest, const struct pinf_domain *domain, const char *type,
    const struct pinf_eip712_field *fields, size_t field_count)
{
	struct pinf_hash separator, object;

	pinf_eip712_domain(&separator, domain);
	pinf_eip712_struct(&object, type, fields, field_count);
	pinf_eip712_digest(digest, &separator, &object);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
digest_712(struct pinf_hash *digest, const struct pinf_auth_request *request)
{
	uint8_t nonce[32] = {0}; /* bytes16 is padded on the right */
	const struct pinf_eip712_field fields[] = {
	    address_of(&request->router),
	    bytes_of(request->method),
	    bytes_of(request->path),
	    uint_of(request->session),
	    uint_of(request->task),
	    uint_of(request->key_version),
	    word_of(request->body_sha256.bytes),
	    word_of(nonce),
	    uint_of(request->expires_ms),
	};

	memcpy(nonce, request->nonce, sizeof request->nonce);
	typed_digest(digest, &request->domain,
	    "Request(address router,string method,string path,uint64 session,uint64 task,"
	    "uint32 keyVersion,bytes32 bodySha256,bytes16 nonce,uint64 expires)",
	    fields, COUNT(fields));
}

static void
digest_191(struct pinf_hash *digest, const struct pinf_auth_request *request)
{
	char text[TEXT_191_MAX], router[2 * PINF_ADDRESS_LEN + 1], body[2 * PINF_HASH_LEN + 1];
	char contract[2 * PINF_ADDRESS_LEN + 1], nonce[2 * PINF_NONCE_LEN + 1];

	pinf_hex(router, request->router.bytes, sizeof request->router.bytes);
	pinf_hex(contract, request->domain.contract.bytes, PINF_ADDRESS_LEN);
	pinf_hex(body, request->body_sha256.bytes, sizeof request->body_sha256.bytes);
	pinf_hex(nonce, request->nonce, sizeof request->nonce);
	const int len = snprintf(text, sizeof text,
	    "pinf request\nrouter: 0x%s\nchain: %" PRIu64 "\ncontract: 0x%s\nmethod: %.*s\n"
	    "path: %.*s\nsession: %" PRIu64 "\ntask: %" PRIu64 "\nversion: %" PRIu32 "\n"
	    "body: %s\nnonce: %s\nexpires: %" PRIu64,
	    router, request->domain.chain_id, contract, (int)request->method.len,
	    (const char *)request->method.data, (int)request->path.len,
	    (const char *)request->path.data, request->session, request->task, request->key_version,
	    body, nonce, request->expires_ms);
	assert(len > 0 && (size_t)len < sizeof text);
	pinf_eip191_digest(digest, (struct pinf_span){(const uint8_t *)text, (size_t)len});
}

/* No space, no line end: either would let two requests share one EIP-191 text. */
static bool
is_printable(struct pinf_span text, size_t max_len)
{
	if (text.len == 0 || text.len > max_len)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	return true;
}

static bool
is_signable(const struct pinf_auth_request *request)
{
	return is_printable(request->method, METHOD_MAX) &&
	       is_printable(request->path, PINF_PATH_MAX);
}

void
pinf_auth_digest(
    struct pinf_hash *digest, enum pinf_auth_scheme scheme, const struct pinf_auth_request *request)
{
	assert(is_signable(request));
	if (scheme == PINF_AUTH_EIP712)
		digest_712(digest, request);
	else
		digest_191(digest, request);
}

enum pinf_err
pinf_auth_sign(char header[static PINF_AUTH_HEADER_MAX + 1], const struct pinf_wallet *wallet,
    struct pinf_auth_request *request, uint64_t now_ms, struct pinf_random random)
{
	struct pinf_auth auth = {.scheme = PINF_AUTH_EIP712,
	    .address = wallet->address,
	    .router = request->router,
	    .session = request->session,
	    .task = request->task,
	    .key_version = request->key_version,
	    .expires_ms = now_ms + PINF_AUTH_LIFETIME_MS};
	struct pinf_hash digest;
	enum pinf_err err;

	if (!is_signable(request))
		return PINF_E_AUTH_SYNTAX;
	err = random.fill(random.ctx, auth.nonce, sizeof auth.nonce);
	if (err != PINF_OK)
		return err;
	memcpy(request->nonce, auth.nonce, sizeof request->nonce);
	request->expires_ms = auth.expires_ms;
	pinf_auth_digest(&digest, auth.scheme, request);
	err = pinf_wallet_sign(&auth.signature, wallet, &digest);
	return err == PINF_OK ? pinf_auth_header_format(header, &auth) : err;
}

enum pinf_err
pinf_auth_check(const struct pinf_auth *auth, struct pinf_auth_request *request)
{
	struct pinf_hash digest;

	if (!pinf_address_equal(&auth->router, &request->router))
		return PINF_E_AUTH_ROUTER;
	if (!is_signable(request))
		return PINF_E_AUTH_SYNTAX;
	request->session = auth->session;
	request->task = auth->task;
	request->key_version = auth->key_version;
	memcpy(request->nonce, auth->nonce, sizeof request->nonce);
	request->expires_ms = auth->expires_ms;
	pinf_auth_digest(&digest, auth->scheme, request);
	return pinf_signature_check(&auth->signature, &digest, &auth->address);
}

void
pinf_grant_digest(
    struct pinf_hash *digest, const struct pinf_grant *grant, const struct pinf_domain *domain)
{
	uint8_t scope[PINF_SCOPE_MAX];
	const size_t scope_len = pinf_scope_encode(scope, &grant->scope);
	const struct pinf_eip712_field fields[] = {
	    word_of(grant->enc),
	    bytes_of((struct pinf_span){grant->sealed_key, sizeof grant->sealed_key}),
	    word_of(grant->request_digest.bytes),
	    bytes_of((struct pinf_span){scope, scope_len}),
	    uint_of(grant->key_version),
	    uint_of(grant->expires_ms),
	    uint_of(grant->audit_seq),
	    word_of(grant->audit_head.bytes),
	};

	typed_digest(digest, domain,
	    "Grant(bytes32 enc,bytes sealedKey,bytes32 requestDigest,bytes scope,uint32 keyVersion,"
	    "uint64 expires,uint64 auditSeq,bytes32 auditHead)",
	    fields, COUNT(fields));
}

void
pinf_result_digest(struct pinf_hash *digest, const struct pinf_result_claim *claim)
{
	const struct pinf_eip712_field fields[] = {
	    address_of(&claim->router),
	    uint_of(claim->session),
	    uint_of(claim->task),
	    uint_of(claim->attempt),
	    uint_of(claim->epoch),
	    word_of(claim->input_sha256.bytes),
	    bytes_of(claim->result_urn),
	    word_of(claim->result_sha256.bytes),
	    uint_of(claim->key_version),
	};

	typed_digest(digest, &claim->domain,
	    "Result(address router,uint64 session,uint64 task,uint32 attempt,uint64 epoch,"
	    "bytes32 inputSha256,string resultUrn,bytes32 resultSha256,uint32 keyVersion)",
	    fields, COUNT(fields));
}

void
pinf_checkpoint_digest(struct pinf_hash *digest, const struct pinf_domain *domain,
    const struct pinf_address *router, uint64_t seq, const struct pinf_hash *head)
{
	const struct pinf_eip712_field fields[] = {
	    address_of(router), uint_of(seq), word_of(head->bytes)};

	typed_digest(digest, domain, "Checkpoint(address router,uint64 seq,bytes32 head)", fields,
	    COUNT(fields));
}
