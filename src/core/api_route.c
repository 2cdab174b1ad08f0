/* SPDX-License-Identifier: Apache-2.0 */
/* api_route.c -- the table of routes, and which row a request line names.  spec/api.md#routes. */
#include <string.h>

#include <pinf/bug.h>

#include "core/api_entry.h"

/* Columns: method, path, endpoint, API version, listeners, ids beside the path's, the rest. */
/* clang-format off */
#define E(name)         PINF_EP_##name
#define P               PINF_LISTEN_PUBLIC
#define M               PINF_LISTEN_MINER
#define S               PINF_IDS_NEED_SESSION
#define T               PINF_IDS_NEED_TASK
#define OS              PINF_IDS_SESSION
#define OT              PINF_IDS_TASK
#define BIG(reader)     .body_max = PINF_BODY_MAX, .fields = pinf_api_##reader
#define BODY(reader)    .body_max = PINF_BODY_SMALL_MAX, .fields = pinf_api_##reader
#define OPEN            .anonymous = true
#define LIST            .anonymous = true, .paged = true
#define WALLET          .anonymous = false
#define V1              "/api/v1"
#define V1K             "/api/v1/auth/payload_enc_key"
#define V2              "/api/v2"
#define V3              "/api/v3"

const struct pinf_api_entry pinf_api_entries[] = {
	{"POST", V1 "/completions",         E(COMPLETION),     1, P,     S,      BIG(completion)},
	{"POST", V1 "/completions/{s}",     E(COMPLETION),     1, P,     S,      BIG(completion)},
	{"POST", V2 "/completions",         E(COMPLETION),     2, P,     S,      BIG(completion)},
	{"POST", V2 "/completions/{s}",     E(COMPLETION),     2, P,     S,      BIG(completion)},
	{"POST", V2 "/completion",          E(COMPLETION),     2, P,     S,      BIG(completion)},
	{"POST", V2 "/completion/{s}",      E(COMPLETION),     2, P,     S,      BIG(completion)},
	{"POST", V3 "/completions",         E(COMPLETION),     3, P,     S | OT, BIG(completion)},
	{"POST", V3 "/completions/{s}",     E(COMPLETION),     3, P,     S | OT, BIG(completion)},
	{"POST", V3 "/reservations/{s}",    E(RESERVE),        3, P,     S,      BODY(reserve)},
	{"PUT",  V3 "/blobs/{h}",           E(BLOB_PUT),       3, P | M, S | T,  .streamed = true},
	{"GET",  V3 "/blobs/{h}",           E(BLOB_GET),       3, P | M, S | T,  WALLET},
	{"POST", V3 "/offchain/result",     E(COMMIT),         3, P | M, S | T,  BODY(commit)},
	{"POST", V1K "/session",            E(KEY_SESSION),    1, P | M, S | OT, BODY(key_session)},
	{"POST", V1K "/task",               E(KEY_TASK),       1, P | M, S | T,  BODY(key_task)},
	{"POST", V1 "/miner/claim",         E(CLAIM),          1, M,     OS,     BODY(claim)},
	{"POST", V1 "/miner/ack",           E(ACK),            1, M,     S | T,  BODY(lease)},
	{"POST", V1 "/miner/precommit",     E(PRECOMMIT),      1, M,     S | T,  BODY(precommit)},
	{"POST", V1 "/miner/commit",        E(COMMIT),         1, M,     S | T,  BODY(commit)},
	{"POST", V1 "/miner/release",       E(RELEASE),        1, M,     S | T,  BODY(lease)},
	{"POST", V1 "/miner/leave",         E(LEAVE),          1, M,     S,      BODY(leave)},
	{"GET",  V1 "/pool",                E(POOL),           1, P | M,     0,      WALLET},
	{"POST", V1 "/pool/allow",          E(POOL_ALLOW),     1, P | M,     0,      BODY(member)},
	{"POST", V1 "/pool/deny",           E(POOL_DENY),      1, P | M,     0,      BODY(member)},
	{"POST", V1 "/sessions",            E(SESSION_CREATE), 1, P | M, OS,     BODY(create)},
	{"POST", V1 "/sessions/{s}/allow",  E(SESSION_ALLOW),  1, P | M, S,      BODY(member)},
	{"POST", V1 "/sessions/{s}/deny",   E(SESSION_DENY),   1, P | M, S,      BODY(member)},
	{"POST", V1 "/sessions/{s}/close",  E(SESSION_CLOSE),  1, P | M, S,      BODY(empty)},
	{"POST", V1 "/sessions/{s}/policy", E(SESSION_POLICY), 1, P | M, S,      BODY(policy)},
	{"POST", V1 "/sessions/{s}/explain", E(EXPLAIN),       1, P | M, S | OT, BODY(explain)},
	{"GET",  V1 "/sessions",            E(SESSIONS),       1, P | M, 0,      LIST},
	{"GET",  V1 "/sessions/{s}",        E(SESSION),        1, P | M, S,      OPEN},
	{"GET",  V1 "/tasks/{s}",           E(TASKS),          1, P | M, S,      LIST},
	{"GET",  V1 "/tasks/{s}/{t}",       E(TASK),           1, P | M, S | T,  OPEN},
	{"GET",  V1 "/miners",              E(MINERS),         1, P | M, 0,      LIST},
	{"GET",  V1 "/info",                E(INFO),           1, P | M, 0,      OPEN},
	{"GET",  V1 "/deployment",          E(DEPLOYMENT),     1, P | M, 0,      LIST},
	{"GET",  V1 "/status",              E(STATUS),         1, P | M, 0,      OPEN},
	{"GET",  V1 "/keys",                E(KEYS),           1, M,     0,      WALLET},
	{"POST", V1 "/keys/rotate",         E(KEY_ROTATE),     1, M,     0,      BODY(empty)},
	{"POST", V1 "/keys/destroy",        E(KEY_DESTROY),    1, M,     0,      BODY(destroy)},
	{"GET",  "/healthz",                E(HEALTH),         0, M,     0,      OPEN},
	{"GET",  "/metrics",                E(METRICS),        0, M,     0,      OPEN},
};
/* clang-format on */
const size_t pinf_api_entry_count = sizeof pinf_api_entries / sizeof *pinf_api_entries;

bool
pinf_api_decimal(uint64_t *value, struct pinf_span text)
{
	uint64_t v = 0;

	if (text.len == 0 || (text.data[0] == '0' && text.len > 1))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const uint8_t digit = (uint8_t)(text.data[i] - '0');

		if (digit > 9)
			return false;
		v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
	}
	*value = v;
	return true;
}

/* The value of one placeholder: whether it can be one at all; err is set where it is a bad one. */
static bool
placeholder(struct pinf_api_route *route, enum pinf_err *err, char kind, struct pinf_span value)
{
	uint64_t *id = kind == 's' ? &route->session : &route->task;

	if (kind == 'h') {
		if (pinf_unhex(route->sha256.bytes, PINF_HASH_LEN, value, true) != PINF_OK)
			*err = PINF_E_HASH;
		return true;
	}
	if (!pinf_api_decimal(id, value))
		return false;
	if (*id == 0 || (*id > PINF_ID_MAX && !PINF_BUG(api_id_unbounded)))
		*err = PINF_E_ID_RANGE;
	return true;
}

/* Whether path has the pattern's shape; no percent-decoding, no tolerance for slashes. */
static bool
match(struct pinf_api_route *route, enum pinf_err *err, const char *pattern, struct pinf_span path)
{
	const uint8_t *at = path.data, *const end = path.data + path.len;

	for (; *pattern != 0; pattern++) {
		if (*pattern == '{') {
			const uint8_t *from = at;

			while (at < end && *at != '/')
				at++;
			if (!placeholder(route, err, pattern[1],
				(struct pinf_span){from, (size_t)(at - from)}))
				return false;
			pattern += 2;
		} else if (at == end || *at++ != (uint8_t)*pattern) {
			return false;
		}
	}
	return at == end;
}

enum pinf_err
pinf_api_find(const struct pinf_api_entry **entry, struct pinf_api_route *route,
    struct pinf_span *query, const struct pinf_http_request *http)
{
	const uint8_t *mark =
	    http->target.len == 0 ? NULL : memchr(http->target.data, '?', http->target.len);
	struct pinf_span path = http->target, rest = {0};
	enum pinf_err err = PINF_E_ROUTE;

	if (http->target.len > PINF_PATH_MAX)
		return PINF_E_TOO_LARGE;
	if (mark != NULL) {
		path.len = (size_t)(mark - path.data);
		rest = (struct pinf_span){mark + 1, http->target.len - path.len - 1};
	}
	for (size_t i = 0; i < pinf_api_entry_count; i++) {
		const struct pinf_api_entry *row = &pinf_api_entries[i];
		struct pinf_api_route r = {.endpoint = row->endpoint,
		    .api_version = row->api_version,
		    .body_max = row->body_max,
		    .streamed = row->streamed};
		enum pinf_err bad = PINF_OK;

		if ((row->listeners & http->listener) == 0 || !match(&r, &bad, row->pattern, path))
			continue;
		err = PINF_E_METHOD;
		if (!pinf_span_equal(http->method, pinf_span_str(row->method)))
			continue;
		if (bad != PINF_OK)
			return bad;
		*entry = row;
		*route = r;
		*query = rest;
		return PINF_OK;
	}
	return err;
}

enum pinf_err
pinf_api_route(struct pinf_api_route *route, enum pinf_listener listener, struct pinf_span method,
    struct pinf_span target)
{
	const struct pinf_api_entry *entry;
	struct pinf_span query;

	return pinf_api_find(&entry, route, &query,
	    &(struct pinf_http_request){.listener = listener, .method = method, .target = target});
}
