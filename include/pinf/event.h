/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h -- what the cores are told and what they ask for.  Time comes in the event, work
 * leaves as effects; whoever drives a core answers each effect that has an answer with one event
 * of the same id.  What a crash in between means: spec/effects.md.
 */
#ifndef PINF_EVENT_H
#define PINF_EVENT_H

#include <pinf/api.h>
#include <pinf/base.h>
#include <pinf/keyring.h>

enum pinf_event_kind {
	PINF_EV_TIMER = 1, /* the moment of the last WAKE, or any other moment */
	PINF_EV_REQUEST, /* router: id is the connection's, answered by RESPOND, SERVE or DELIVER */
	PINF_EV_HANGUP, /* router: nobody waits for request id any more; lease, if a RESPOND came too late */
	PINF_EV_SEALED, /* answers SEAL: sha256, size; the driver keeps the sealed bytes under the id */
	PINF_EV_STORED, /* answers STORE, UPLOAD */
	PINF_EV_CHECKED, /* answers CHECK */
	PINF_EV_DELIVERED, /* answers DELIVER: the caller has it, or err */
	PINF_EV_DELETED, /* answers DELETE */
	PINF_EV_CHAIN, /* answers CHAIN with status and body, or err */
	PINF_EV_SAVED, /* answers SAVE_KEYRING */
	PINF_EV_REPLY, /* miner, caller: answers SEND with status and body, or err */
	PINF_EV_OPENED, /* miner, caller: answers FETCH with the document, or err */
	PINF_EV_INFERRED, /* miner: answers INFER with the result document, or err */
	PINF_EV_STOP /* miner: take no more work */
};

/* An attempt at a task; attempt 0: none. */
struct pinf_lease_ref {
	uint64_t session;
	uint64_t task;
	uint32_t attempt;
};

/* Borrowed for the step, except where noted. */
struct pinf_event {
	enum pinf_event_kind kind;
	uint64_t now_ms; /* wall clock; may step either way, the core copes */
	uint64_t mono_ms; /* of a clock that never steps; 0: the wall clock serves for both */
	uint64_t id;
	enum pinf_err err;
	struct pinf_api_request *request; /* REQUEST: the step may move its document out */
	struct pinf_hash sha256; /* SEALED */
	uint64_t size; /* SEALED */
	unsigned status; /* REPLY, CHAIN */
	struct pinf_span body; /* REPLY, OPENED, INFERRED, CHAIN */
	struct pinf_lease_ref lease; /* HANGUP */
};

/* What pauses are measured by. */
uint64_t pinf_event_clock_ms(const struct pinf_event *event);

enum pinf_effect_kind {
	/* Router. */
	PINF_FX_RESPOND = 1, /* id: the request's; status, body (JSON, or text for metrics) */
	PINF_FX_UPLOAD, /* id, request: stream that request's body to blob sha256, size; durable, create-only */
	PINF_FX_SERVE, /* id: the request's; stream blob sha256 as the response */
	PINF_FX_STORE, /* id: that of the SEAL; put its bytes durably, create-only, under sha256 */
	PINF_FX_CHECK, /* id; read blob sha256: size, sha256 and, if sealed, header against scope, key */
	PINF_FX_DELIVER, /* id, request: open the result payload (key, scope), answer the request with it */
	PINF_FX_DELETE, /* id; delete blob sha256 */
	PINF_FX_CHAIN, /* id; POST body, JSON-RPC, to the node of number request */
	PINF_FX_SAVE_KEYRING, /* id; keyring, owned by the core until SAVED: write its file durably */
	/* Both. */
	PINF_FX_SEAL, /* id; seal document under key and params (suite NONE: take it as is) */
	PINF_FX_DROP, /* id: that of a SEAL; forget its bytes */
	PINF_FX_WAKE, /* send TIMER at at_ms, by the clock of mono_ms; replaces the former */
	/* Miner and caller. */
	PINF_FX_SEND, /* id; method, path, authorization, body; or the bytes sealed as seal_id */
	PINF_FX_FETCH, /* id; GET path, check payload, open with key */
	PINF_FX_INFER, /* id; document: run inference on this input document */
	PINF_FX_LOG /* a line for the log: event name in method, session, task, err; never content */
};

/* A row of the effect list owns its document, body and path; pinf_effects_cut() frees and wipes them. */
struct pinf_effect {
	enum pinf_effect_kind kind;
	uint64_t id;
	uint64_t request; /* id of the request that UPLOAD and DELIVER answer; CHAIN: the node */
	unsigned status;
	struct pinf_lease_ref lease; /* RESPOND to a claim: what it gives */
	struct pinf_bytes body; /* RESPOND, SEND, CHAIN */
	struct pinf_bytes document; /* SEAL, INFER: plaintext */
	struct pinf_hash sha256;
	uint64_t size;
	struct pinf_blob_params params; /* SEAL */
	struct pinf_payload payload; /* CHECK, DELIVER, FETCH */
	struct pinf_key key; /* SEAL, CHECK, DELIVER, FETCH: the scope's key */
	struct pinf_completion_meta meta;
	const struct pinf_keyring *keyring;
	uint64_t at_ms;
	const char *method; /* static text */
	enum pinf_err err; /* LOG: why, or OK */
	struct pinf_bytes path; /* with query */
	char authorization[PINF_AUTH_HEADER_MAX + 1];
	uint64_t seal_id;
	uint32_t timeout_ms; /* SEND, INFER, CHAIN: give up after */
};

#define PINF_EFFECTS_MAX 4096 /* of one step */

struct pinf_effects {
	struct pinf_effect *list;
	size_t count;
	size_t cap;
};

/* A zeroed row of that kind at the end; NULL when out of memory or full.  Valid until the next call. */
struct pinf_effect *
pinf_effects_add(struct pinf_effects *effects, enum pinf_effect_kind kind, uint64_t id);
/* Frees and wipes rows from index from on (the driver moved out what it wanted to keep). */
void pinf_effects_cut(struct pinf_effects *effects, size_t from);
void pinf_effects_free(struct pinf_effects *effects);

#endif
