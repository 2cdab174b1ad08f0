/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h -- a router under test, from outside: signed requests, and a task led from reservation to
 * result by parties of the kit's own.  The first thing that goes wrong in a trial is its failure; what comes after it
 * does nothing, so that a trial reads as a list.  spec/CONFORMANCE.md#router.
 */
#ifndef PINF_CONFORM_ROUTER_H
#define PINF_CONFORM_ROUTER_H

#include <pinf/auth.h>
#include <pinf/document.h>
#include <pinf/payload.h>

#include "conform.h"
#include "host/client.h"

#define ACTIONS_MAX 8
#define PROMPT      "Why is the sky blue?"
#define ANSWER      "Rayleigh scattering."

enum who { NOBODY, OWNER, MINER, OTHER_MINER, STRANGER, PARTIES, BEARER };
enum side { CALLERS, MINERS };

struct session {
	uint64_t id;
	bool is_private;
	char api_key[130];
};

/* What all trials share. */
struct router {
	struct suite *suite;
	const char *urls[2]; /* by side; the same one where the router has one listener */
	struct pinf_client *clients[2];
	struct pinf_address address;
	struct pinf_domain domain;
	struct pinf_wallet parties[PARTIES];
	struct pinf_random random;
	struct session shared[2]; /* a public and a private one, for requests that change nothing */
	struct driver control;
	char actions[ACTIONS_MAX][24]; /* that it can do */
	size_t action_count;
	uint64_t serial; /* of client references */
};

/* What the next signed request has of its own; then it is as it should be again. */
struct tamper {
	const char *header; /* Authorization: this text */
	const char *method, *path, *body; /* signed instead of those that are sent */
	bool eip191, wrong_router, wrong_chain, wrong_contract, same_nonce, high_s, wrong_v, upper,
	    spaced;
	int64_t expires_in_ms; /* 0: in a minute */
	uint32_t version;
};

enum stage {
	RESERVED = 1,
	SEALED, /* the input's key asked for, the input sealed */
	UPLOADED,
	SUBMITTED,
	CLAIMED,
	ACKED,
	READ_INPUT, /* the miner has asked for the key, and opened it */
	RESULT_SEALED,
	RESULT_UPLOADED,
	PRECOMMITTED,
	COMMITTED,
	READ_RESULT /* the owner has opened it */
};

struct task {
	const struct session *session;
	enum stage stage;
	enum who miner;
	uint64_t id, epoch;
	uint8_t instance[PINF_INSTANCE_LEN];
	uint32_t version, attempt;
	uint32_t precommit_ms; /* 0: the router's own */
	char reference[40];
	struct pinf_key input_key, result_key;
	struct pinf_bytes input, result; /* as they are stored */
	struct pinf_payload input_payload, result_payload;
};

struct trial {
	struct router *router;
	const struct router_case *of;
	struct tamper tamper;
	unsigned status; /* of the last answer; 0: none came in time */
	struct pinf_bytes body;
	struct pinf_json *json; /* of the last answer; NULL: none */
	struct pinf_json_reader answer;
	uint8_t nonce[PINF_NONCE_LEN]; /* of the last signed request */
	struct pinf_hash digest;
	char asked[120];
	char failure[DETAIL_MAX];
	char skip[100];
	struct task tasks[3]; /* wiped and freed with the trial */
	size_t task_count;
};

struct request {
	enum who who;
	enum side side;
	const char *method, *path;
	const char *body; /* NULL: blob's bytes, or none */
	const char *type; /* of the body; NULL: as it should be */
	const struct pinf_bytes *blob;
	const struct pinf_hash *name; /* of the blob, in the path: what is signed */
	uint64_t session, task; /* signed */
	uint32_t patience_ms; /* 0: 30 s, and no answer is a failure */
};

/* Level and origin as a vector's; a row of requests.c has a request and what must come of it. */
struct router_case {
	const char *id, *spec, *note;
	void (*run)(struct trial *t);
	bool deployed, should;
	struct request request;
	unsigned status;
	const char *code, *field;
};

struct case_list {
	const struct router_case *list;
	size_t count;
};
struct case_list router_request_cases(void);
struct case_list router_auth_cases(void);
struct case_list router_access_cases(void);
struct case_list router_task_cases(void);
struct case_list router_change_cases(void);
void router_request_run(struct trial *t);

/* Text for a path or a body, good until four more were made. */
const char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(struct trial *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool is_over(const struct trial *t); /* failed, or skipped */

void ask(struct trial *t, struct request rq);
/* A POST of JSON, of a session and perhaps a task. */
void post(struct trial *t, enum who who, enum side side, const char *path, const char *body,
    const struct task *about);
void expect(struct trial *t, unsigned status, const char *code); /* "": no refusal */
void expect_field(struct trial *t, const char *field);
void refused(struct trial *t, const char *rule); /* by that rule of the policy */
void expect_text(struct trial *t, const char *member, const char *text);
uint64_t number_of(struct trial *t, const char *member);

/* policy: a document's text, or NULL. */
struct session_wish {
	const char *type; /* NULL: dedicated */
	bool is_public, router_sealed;
	const char *policy;
};
void make_session(struct trial *t, struct session *s, struct session_wish wish);
void change_list(struct trial *t, const struct session *s, const char *verb, enum who miner);
/* A private session with a miner on its list. */
void make_listed(struct trial *t, struct session *s);
void rotate(struct trial *t);
/* Kills it and starts it again; false: nobody can, and the trial is skipped, or it failed. */
bool restart(struct trial *t);
bool controls(const struct trial *t, const char *action);
const char *address_text(const struct trial *t, enum who who);

/* A private session of its own with its miner, and a task at that stage. */
struct task *task_at(struct trial *t, struct session *s, enum stage stage);
struct task *new_task(struct trial *t, const struct session *s);
/* Leads the task on to that stage; each step must succeed. */
void advance(struct trial *t, struct task *k, enum stage stage);
/* A further attempt: claims the task for that miner, which must get it. */
void claim_again(struct trial *t, struct task *k, enum who miner);
struct pinf_scope scope_of(const struct trial *t, const struct task *k, enum pinf_purpose purpose);
/* Asks for a key and takes the grant, by every rule of spec/grants.md. */
void take_key(
    struct trial *t, struct task *k, enum who who, enum pinf_purpose purpose, struct pinf_key *key);
/* The same without taking it: the answer is the trial's. */
void
ask_key(struct trial *t, const struct task *k, enum who who, const char *purpose, uint32_t attempt);
void submit(struct trial *t, const struct task *k, uint32_t patience_ms);
void precommit(struct trial *t, const struct task *k, enum who miner);
void commit(struct trial *t, const struct task *k, enum who miner);
void upload(struct trial *t, const struct task *k, enum who who, const struct pinf_bytes *blob,
    const struct pinf_hash *name);
void miner_verb(struct trial *t, const struct task *k, enum who who, const char *verb);
void seal(struct trial *t, const struct pinf_key *key, const struct pinf_scope *scope,
    uint32_t version, const char *document, struct pinf_bytes *blob, struct pinf_payload *payload);

#endif
