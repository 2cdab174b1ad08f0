/* SPDX-License-Identifier: Apache-2.0 */
/* base.h -- spans, buffers, errors, randomness: what every other header stands on. */
#ifndef PINF_BASE_H
#define PINF_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PINF_VERSION "0.1.0"

#define PINF_KEY_LEN      32
#define PINF_HASH_LEN     32
#define PINF_TAG_LEN      16
#define PINF_SALT_LEN     32
#define PINF_INSTANCE_LEN 16
#define PINF_ADDRESS_LEN  20
#define PINF_SIG_LEN      65 /* r (32) || s (32) || v (27 or 28) */
#define PINF_NONCE_LEN    16 /* of a signed request */

/* Ids travel as JSON numbers: 2^53-1 is the largest that every language reads exactly. */
#define PINF_ID_MAX ((uint64_t)9007199254740991)

#define PINF_MUST_CHECK __attribute__((warn_unused_result))

/*
 * The one error type.  0 is success; then come the peer's faults (bad input: never retried
 * as is), then the environment's (may pass).  A bug is neither: it asserts.
 * Columns: enum, stable name on the wire, sentence for people.
 */
#define PINF_ERRORS(X)                                                                             \
	X(OK, "ok", "no error")                                                                    \
	/* Text and JSON. */                                                                       \
	X(E_SYNTAX, "syntax", "the text is not well-formed")                                       \
	X(E_UTF8, "utf8", "the text is not valid UTF-8")                                           \
	X(E_DEPTH, "depth", "the JSON is nested too deeply")                                       \
	X(E_DUPLICATE, "duplicate-field", "a field appears twice")                                 \
	X(E_UNKNOWN_FIELD, "unknown-field", "a field is not known here")                           \
	X(E_MISSING, "missing-field", "a required field is missing")                               \
	X(E_TYPE, "wrong-type", "a field has the wrong type")                                      \
	X(E_RANGE, "out-of-range", "a number is out of range")                                     \
	X(E_LENGTH, "wrong-length", "a value has the wrong length")                                \
	X(E_TOO_LARGE, "too-large", "the input is larger than the limit")                          \
	X(E_NOT_CANONICAL, "not-canonical", "the encoding is not the canonical one")               \
	/* URN. */                                                                                 \
	X(E_URN_SYNTAX, "urn-syntax",                                                              \
	    "not a urn:blob:{version}:{type}:{provider}:{bucket}:{file}")                          \
	X(E_URN_FIELDS, "urn-fields", "a blob URN has exactly five fields")                        \
	X(E_URN_LENGTH, "urn-length", "the URN or one of its fields is too long")                  \
	X(E_URN_VERSION, "urn-version", "this URN version is not known")                           \
	X(E_URN_STORAGE, "urn-storage", "this storage is not one that can be resolved here")       \
	/* Scope and keys. */                                                                      \
	X(E_ID_RANGE, "id-range", "an id is zero or larger than 2^53-1")                           \
	X(E_SCOPE, "scope-invalid", "the scope's fields contradict each other")                    \
	X(E_SCOPE_MISMATCH, "scope-mismatch", "the scope is not the expected one")                 \
	X(E_HASH, "hash-invalid", "a hash is not 64 lower-case hex digits")                        \
	X(E_HASH_MISMATCH, "hash-mismatch", "the bytes do not have the stated hash")               \
	X(E_SIZE_MISMATCH, "size-mismatch", "the bytes do not have the stated size")               \
	X(E_ENCRYPTION, "encryption-invalid",                                                      \
	    "the encryption field is neither none nor a known suite")                              \
	X(E_KEY_UNKNOWN, "key-version-unknown", "the keyring has no such key version")             \
	X(E_KEY_PENDING, "key-version-pending", "this key version is not active yet")              \
	X(E_KEY_RETIRED, "key-version-retired", "this key version opens but no longer seals")      \
	X(E_KEY_DESTROYED, "key-version-destroyed", "this key version was destroyed")              \
	X(E_KEY_IN_USE, "key-version-in-use",                                                      \
	    "an open task or unread result needs this key version")                                \
	X(E_SEED_WEAK, "seed-weak", "not 32 or more random bytes in hex or base64")                \
	X(E_SEED_KNOWN, "seed-known", "this seed is, or was, in the keyring already")              \
	X(E_KEYRING, "keyring-format", "not a keyring file, or a damaged one")                     \
	X(E_PASSPHRASE, "passphrase-wrong", "the passphrase does not open this file")              \
	/* Sealed blob. */                                                                         \
	X(E_BLOB_MAGIC, "blob-magic", "not a sealed blob")                                         \
	X(E_BLOB_VERSION, "blob-version", "this blob format version is not known")                 \
	X(E_BLOB_SUITE, "blob-suite", "this cipher suite is not known")                            \
	X(E_BLOB_HEADER, "blob-header", "the blob's header is not valid")                          \
	X(E_BLOB_COMMITMENT, "blob-commitment",                                                    \
	    "the blob was not sealed under this key and header")                                   \
	X(E_BLOB_FORGED, "blob-forged", "a chunk does not authenticate")                           \
	X(E_BLOB_TRUNCATED, "blob-truncated", "the blob is shorter than its format allows")        \
	X(E_BLOB_PADDING, "blob-padding", "the padding is not what the format demands")            \
	/* Authentication and grants. */                                                           \
	X(E_AUTH_MISSING, "auth-missing", "the request carries no authorization")                  \
	X(E_AUTH_SYNTAX, "auth-syntax", "the Authorization header is malformed")                   \
	X(E_AUTH_SIGNATURE, "auth-signature",                                                      \
	    "the signature is not this address's over this request")                               \
	X(E_AUTH_HIGH_S, "auth-high-s", "the signature's s is in the upper half of the order")     \
	X(E_AUTH_ROUTER, "auth-router", "the request was signed for another router")               \
	X(E_AUTH_EXPIRED, "auth-expired", "the signed request has expired")                        \
	X(E_AUTH_TOO_FAR, "auth-too-far", "the expiry is more than 300 seconds ahead")             \
	X(E_AUTH_REPLAY, "auth-replay", "this nonce was used before")                              \
	X(E_AUTH_KEY, "auth-api-key", "the API key is not known")                                  \
	X(E_ADDRESS, "address-invalid",                                                            \
	    "not an address of 40 hex digits, or its checksum is wrong")                           \
	X(E_HPKE, "hpke-open", "the HPKE ciphertext does not open")                                \
	X(E_GRANT_FORGED, "grant-forged", "the grant is not signed by the expected router")        \
	X(E_GRANT_EXPIRED, "grant-expired", "the grant has expired")                               \
	X(E_GRANT_MISMATCH, "grant-mismatch", "the grant answers another request")                 \
	/* Requests. */                                                                            \
	X(E_METHOD, "method-not-allowed", "this path does not take this method")                   \
	X(E_ROUTE, "no-such-route", "there is no such path")                                       \
	X(E_CONTENT_TYPE, "content-type", "the body must be application/json")                     \
	X(E_DENIED, "denied", "the privacy policy denies this")                                    \
	X(E_NO_SESSION, "no-such-session", "there is no such session")                             \
	X(E_NO_TASK, "no-such-task", "there is no such task")                                      \
	X(E_NO_BLOB, "no-such-blob", "there is no such blob")                                      \
	X(E_STATE, "wrong-state", "the task or session is in another state")                       \
	X(E_ACL_ELSEWHERE, "acl-elsewhere",                                                        \
	    "this session's list is not changed here: its contract or its pool governs it")        \
	X(E_CONFLICT, "conflict", "another request already used this name for something else")     \
	X(E_TASK_FAILED, "task-failed", "the task failed")                                         \
	X(E_TAMPERED, "tampered", "the record's hash chain or signature does not verify")          \
	X(E_CONFIG, "config", "the configuration is not valid")                                    \
	/* The environment's. */                                                                   \
	X(E_NOT_FOUND, "not-found", "there is no such record")                                     \
	X(E_NO_ROOM, "no-room", "the buffer is too small")                                         \
	X(E_NO_MEMORY, "no-memory", "out of memory")                                               \
	X(E_CRYPTO, "crypto", "a cryptographic library failed")                                    \
	X(E_RANDOM, "random", "the random source failed")                                          \
	X(E_IO, "io", "a file or the network failed")                                              \
	X(E_FULL, "disk-full", "the disk is full")                                                 \
	X(E_STORE, "store", "the database failed")                                                 \
	X(E_CORRUPT, "store-corrupt", "the database is damaged")                                   \
	X(E_BUSY, "busy", "a named limit is reached: try again later")                             \
	X(E_TIMEOUT, "timeout", "no answer in time")                                               \
	X(E_CHAIN_ID, "chain-id-wrong", "the node is on another chain")                            \
	X(E_CHAIN_CODE, "chain-no-contract", "there is no contract at that address")               \
	X(E_CHAIN_STALLED, "chain-stalled", "the node's newest block is too old")                  \
	X(E_PERMISSION, "permission", "a secret file is readable by others, or not readable")      \
	X(E_INFERENCE, "inference", "the inference engine failed")

enum pinf_err {
#define PINF_ERROR_ENUM(id, name, text) PINF_##id,
	PINF_ERRORS(PINF_ERROR_ENUM)
#undef PINF_ERROR_ENUM
	    PINF_ERR_COUNT
};

/* The stable wire name ("blob-forged") and the sentence.  Static strings; never NULL. */
const char *pinf_err_name(enum pinf_err err);
const char *pinf_err_text(enum pinf_err err);
/* The error with that wire name, or PINF_ERR_COUNT. */
enum pinf_err pinf_err_of_name(const char *name);

/* Bytes that somebody else owns.  {NULL, 0} is empty. */
struct pinf_span {
	const uint8_t *data;
	size_t len;
};

/* Bytes with an end to write at.  Fixed: the caller owns data and cap.  See also pinf_bytes. */
struct pinf_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
};

/*
 * Growable bytes on the heap, always wiped when freed or moved by growth: they may hold a
 * prompt.  {0} is empty and valid.  Text kept in one is NUL-terminated at data[len] once
 * anything was appended, and the terminator is not counted.
 */
struct pinf_bytes {
	uint8_t *data;
	size_t len;
	size_t cap;
};

PINF_MUST_CHECK enum pinf_err
pinf_bytes_append(struct pinf_bytes *to, const void *data, size_t len);
/* Grows to hold at least cap bytes (and a terminator); len and content stay. */
PINF_MUST_CHECK enum pinf_err pinf_bytes_reserve(struct pinf_bytes *to, size_t cap);
/* Wipes and frees; leaves {0}.  Safe on {0}. */
void pinf_bytes_free(struct pinf_bytes *bytes);

static inline struct pinf_span
pinf_span_of(const struct pinf_bytes *bytes)
{
	return (struct pinf_span){bytes->data, bytes->len};
}

struct pinf_span pinf_span_str(const char *text);
bool pinf_span_equal(struct pinf_span a, struct pinf_span b); /* not constant-time */

/* Fills out with len random bytes.  The daemon's is the kernel's; the simulator's is seeded. */
struct pinf_random {
	void *ctx;
	enum pinf_err (*fill)(void *ctx, uint8_t *out, size_t len);
};

/* A 32-byte secret.  Declare with PINF_WIPED so that every exit of the scope clears it. */
struct pinf_key {
	uint8_t bytes[PINF_KEY_LEN];
};

struct pinf_address {
	uint8_t bytes[PINF_ADDRESS_LEN];
};

struct pinf_hash {
	uint8_t bytes[PINF_HASH_LEN];
};

struct pinf_sig {
	uint8_t bytes[PINF_SIG_LEN];
};

/* Where signatures hold: EIP-712 domain of a deployment.  spec/auth.md. */
struct pinf_domain {
	uint64_t chain_id;
	struct pinf_address contract;
};

/* Clears memory in a way that the compiler keeps. */
void pinf_wipe(void *data, size_t len);
/* Constant-time comparison, for secrets, tags and commitments. */
bool pinf_equal_secret(const void *a, const void *b, size_t len);

void pinf_key_wipe(struct pinf_key *key);
#define PINF_WIPED __attribute__((cleanup(pinf_key_wipe)))

bool pinf_address_equal(const struct pinf_address *a, const struct pinf_address *b);
bool pinf_hash_equal(const struct pinf_hash *a, const struct pinf_hash *b);

/* Lower-case hex; out holds 2 * len + 1 bytes. */
void pinf_hex(char *out, const void *data, size_t len);
/* Strict: exactly 2 * len digits, no prefix; mixed case is accepted only where lower_only is false. */
PINF_MUST_CHECK enum pinf_err
pinf_unhex(uint8_t *out, size_t len, struct pinf_span hex, bool lower_only);
/* EIP-55 text "0x..": 42 characters and NUL. */
#define PINF_ADDRESS_TEXT 43
void pinf_address_format(char out[static PINF_ADDRESS_TEXT], const struct pinf_address *address);
/* "0x" + 40 digits; all-lower or all-upper case, or a correct EIP-55 checksum. */
PINF_MUST_CHECK enum pinf_err
pinf_address_parse(struct pinf_address *address, struct pinf_span text);

#endif
