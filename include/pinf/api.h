/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h -- HTTP requests, decoded and authenticated before the router's core sees them.  Pure: the
 * daemon's connection threads, the simulator and the fuzzers call the same functions.  spec/api.md.
 */
#ifndef PINF_API_H
#define PINF_API_H

#include <pinf/auth.h>
#include <pinf/base.h>
#include <pinf/document.h>
#include <pinf/payload.h>
#include <pinf/policy.h>
#include <pinf/store.h>

#define PINF_BODY_MAX       (PINF_DOCUMENT_MAX + 65536) /* a completion's body */
#define PINF_BODY_SMALL_MAX 65536 /* every other body */
#define PINF_TIMEOUT_MAX_MS 86400000
#define PINF_WAIT_MAX_MS    60000 /* how long a claim may wait */
#define PINF_API_KEY_TEXT   68 /* "pinf" + 64 hex digits, without NUL */

enum pinf_endpoint {
	PINF_EP_COMPLETION = 1, /* v1, v2, v3 */
	PINF_EP_RESERVE,
	PINF_EP_BLOB_PUT,
	PINF_EP_BLOB_GET,
	PINF_EP_KEY_SESSION,
	PINF_EP_KEY_TASK,
	PINF_EP_CLAIM,
	PINF_EP_ACK,
	PINF_EP_PRECOMMIT,
	PINF_EP_COMMIT, /* and its deployed name, /api/v3/offchain/result */
	PINF_EP_RELEASE,
	PINF_EP_LEAVE,
	PINF_EP_SESSION_CREATE,
	PINF_EP_SESSION_ALLOW,
	PINF_EP_SESSION_DENY,
	PINF_EP_SESSION_CLOSE,
	PINF_EP_POOL,
	PINF_EP_POOL_ALLOW,
	PINF_EP_POOL_DENY,
	PINF_EP_SESSION_POLICY,
	PINF_EP_EXPLAIN,
	PINF_EP_SESSIONS,
	PINF_EP_SESSION,
	PINF_EP_TASKS,
	PINF_EP_TASK,
	PINF_EP_MINERS,
	PINF_EP_INFO,
	PINF_EP_DEPLOYMENT,
	PINF_EP_STATUS,
	PINF_EP_KEYS,
	PINF_EP_KEY_ROTATE,
	PINF_EP_KEY_DESTROY,
	PINF_EP_HEALTH,
	PINF_EP_METRICS,
	PINF_ENDPOINTS
};

/* Listeners keep callers that wait from starving the miners that answer them. */
enum pinf_listener { PINF_LISTEN_PUBLIC = 1, PINF_LISTEN_MINER = 2 };

/* Which endpoint a request line names. */
struct pinf_api_route {
	enum pinf_endpoint endpoint;
	uint8_t api_version;
	uint64_t session; /* from the path; 0 if not there */
	uint64_t task;
	struct pinf_hash sha256; /* blob routes */
	size_t body_max; /* 0: no body */
	bool streamed; /* the body is a blob: the host streams it, decode never sees it */
};

/* E_ROUTE (unknown, or the other listener's), E_METHOD, E_ID_RANGE, E_HASH, E_TOO_LARGE (over PINF_PATH_MAX). */
PINF_MUST_CHECK enum pinf_err pinf_api_route(struct pinf_api_route *route,
    enum pinf_listener listener, struct pinf_span method, struct pinf_span target);

/* One HTTP request, borrowed. */
struct pinf_http_request {
	enum pinf_listener listener;
	struct pinf_span method;
	struct pinf_span target; /* path and query as sent */
	struct pinf_span authorization; /* header value; empty if absent */
	struct pinf_span content_type;
	struct pinf_span body; /* empty for streamed bodies */
	uint64_t content_length; /* streamed bodies: as declared */
};

enum pinf_auth_kind { PINF_AUTH_NONE, PINF_AUTH_BEARER, PINF_AUTH_WALLET };

struct pinf_api_request {
	enum pinf_endpoint endpoint;
	uint8_t api_version;
	uint64_t session;
	uint64_t task;
	struct pinf_hash body_sha256;

	enum pinf_auth_kind auth;
	struct pinf_hash api_key_sha256; /* BEARER */
	/* WALLET: recovered and checked; expiry and nonce are not yet */
	struct pinf_address signer;
	uint8_t nonce[PINF_NONCE_LEN];
	uint64_t expires_ms;
	struct pinf_hash auth_digest;

	/* COMPLETION */
	bool stream;
	bool has_payload; /* caller-sealed, or public by URN; else document holds the input */
	uint32_t timeout_ms;
	uint32_t precommit_timeout_ms;
	char reference[PINF_REFERENCE_MAX + 1];
	/* Canonical input document; the router moves it into an effect */
	struct pinf_bytes document;
	struct pinf_hash document_sha256;
	struct pinf_payload payload; /* COMPLETION with has_payload, COMMIT */

	/* BLOB_PUT, BLOB_GET */
	struct pinf_hash blob_sha256;
	uint64_t blob_size;

	/* KEY_TASK, KEY_SESSION */
	enum pinf_purpose purpose;
	uint8_t hpke_public[PINF_HPKE_PUBLIC_LEN];

	/* Miner endpoints and KEY_TASK for results */
	uint32_t attempt;
	uint32_t wait_ms;
	struct pinf_hash result_sha256;
	struct pinf_sig signature;

	/* SESSION_* */
	enum pinf_session_type session_type;
	bool make_private;
	struct pinf_policy_doc policy; /* SESSION_CREATE, SESSION_POLICY */
	bool want_api_key;
	uint32_t seats;
	struct pinf_address miner;

	/* EXPLAIN: a request that is not made; miner, task and stream are its */
	enum pinf_action action;
	enum pinf_actor actor; /* PINF_ACTORS: not said */
	enum pinf_route route; /* PINF_ROUTES: not said */
	bool session_key;

	/* Listings: records after this key, at most limit. */
	uint64_t after;
	size_t limit;

	uint32_t key_version; /* KEY_DESTROY; elsewhere what the wallet signed for, 0: any */
	bool force; /* KEY_DESTROY */
};

/* What decode needs to know of the router: public and unchanging. */
struct pinf_api_config {
	struct pinf_address router;
	struct pinf_domain domain;
};

/*
 * Why a request was refused, for the error body.  field may be empty; it may be the sender's own
 * words (the name of an unknown field), so it is answered and never logged.
 */
struct pinf_api_error {
	enum pinf_err err;
	enum pinf_rule rule; /* err E_DENIED: which */
	char field[64];
};

/*
 * Decodes body and Authorization strictly, checks the wallet's signature.  On success the caller
 * owns *request; on failure error says why.  No clock, no store.
 */
PINF_MUST_CHECK enum pinf_err
pinf_api_decode(struct pinf_api_request **request, const struct pinf_api_config *config,
    const struct pinf_http_request *http, struct pinf_api_error *error);
void pinf_api_request_free(struct pinf_api_request *request); /* wipes; NULL is fine */

/* What the store keeps of an API key: SHA-256 of its text. */
void pinf_api_key_hash(struct pinf_hash *out, struct pinf_span key);
/* HTTP status of an error, 4xx and 5xx. */
unsigned pinf_api_status(enum pinf_err err);
/* Appends {"error":{"code":..,"field":..,"message":..,"rule":..}}. */
PINF_MUST_CHECK enum pinf_err
pinf_api_error_body(struct pinf_bytes *out, const struct pinf_api_error *error);

/* What a completion's answer says beside the result document. */
struct pinf_completion_meta {
	uint64_t session;
	uint64_t task;
	uint64_t created_ms;
};
/* Appends the deployed response: id, object, created, model, task_id, choices, usage. */
PINF_MUST_CHECK enum pinf_err pinf_api_completion_body(struct pinf_bytes *out,
    const struct pinf_completion_meta *meta, const struct pinf_result *result);

#endif
