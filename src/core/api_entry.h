/* SPDX-License-Identifier: Apache-2.0 */
/* api_entry.h -- one row of the route table: api_route.c finds it, api_decode.c follows it.  spec/api.md. */
#ifndef PINF_CORE_API_ENTRY_H
#define PINF_CORE_API_ENTRY_H

#include <pinf/api.h>

#include "core/json.h"

/* Which ids an endpoint takes beside its path's; a needed one may come from body or signed header. */
enum pinf_api_ids {
	PINF_IDS_NONE = 0,
	PINF_IDS_SESSION = 1,
	PINF_IDS_NEED_SESSION = 3,
	PINF_IDS_TASK = 4,
	PINF_IDS_NEED_TASK = 12
};

struct pinf_api_entry {
	const char *method;
	const char *pattern; /* {s} a session, {t} a task, {h} a SHA-256 */
	enum pinf_endpoint endpoint;
	uint8_t api_version;
	uint8_t listeners;
	uint8_t ids;
	bool anonymous; /* needs no Authorization */
	bool streamed;
	bool paged; /* takes after= and limit= */
	size_t body_max;
	/* Reads the body's fields; what is wrong sticks to the reader. */
	void (*fields)(struct pinf_json_reader *body, struct pinf_api_request *request);
};

extern const struct pinf_api_entry pinf_api_entries[];
extern const size_t pinf_api_entry_count;

/* The row and the values of its placeholders; query is what follows '?' (data NULL: no '?'). */
PINF_MUST_CHECK enum pinf_err pinf_api_find(const struct pinf_api_entry **entry,
    struct pinf_api_route *route, struct pinf_span *query, const struct pinf_http_request *http);
/* Decimal digits without a leading zero, or false; what UINT64_MAX cannot hold gives UINT64_MAX. */
bool pinf_api_decimal(uint64_t *value, struct pinf_span text);

void pinf_api_completion(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_reserve(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_key_session(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_key_task(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_claim(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_leave(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_lease(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_precommit(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_commit(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_create(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_policy(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_explain(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_member(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_empty(struct pinf_json_reader *body, struct pinf_api_request *request);
void pinf_api_destroy(struct pinf_json_reader *body, struct pinf_api_request *request);

#endif
