/* SPDX-License-Identifier: Apache-2.0 */
/* router_work.c -- sessions, and tasks led from reservation to result by the kit's own parties.  spec/states.md. */
#include <string.h>

#include "core/send.h"
#include "crypto/crypto.h"
#include "host/system.h"
#include "router.h"

#define PENDING_MS 150 /* a caller that does not wait for its answer: it asks again */
#define RESULT_DOCUMENT                                                                            \
	"{\"completion_tokens\":2,\"document\":\"pinf-result-1\",\"finish_reason\":\"stop\","      \
	"\"model\":\"kit\",\"prompt_tokens\":5,\"text\":\"" ANSWER "\"}"
#define INPUT_DOCUMENT "{\"document\":\"pinf-input-1\",\"prompt\":\"" PROMPT "\"}"

const char *
address_text(const struct trial *t, enum who who)
{
	char hex[2 * PINF_ADDRESS_LEN + 1];

	pinf_hex(hex, t->router->parties[who].address.bytes, PINF_ADDRESS_LEN);
	return text_of("0x%s", hex);
}

void
make_listed(struct trial *t, struct session *s)
{
	make_session(t, s, (struct session_wish){.type = NULL});
	change_list(t, s, "allow", MINER);
}

struct task *
new_task(struct trial *t, const struct session *s)
{
	struct task *k = &t->tasks[t->task_count++];

	*k = (struct task){.session = s, .miner = MINER};
	(void)snprintf(k->reference, sizeof k->reference, "kit-%llx-%llu",
	    (unsigned long long)pinf_now_ms(), (unsigned long long)t->router->serial++);
	return k;
}

struct pinf_scope
scope_of(const struct trial *t, const struct task *k, enum pinf_purpose purpose)
{
	struct pinf_scope scope = {
	    .kind = PINF_SCOPE_TASK, .purpose = purpose, .session = k->session->id, .task = k->id};

	memcpy(scope.instance, k->instance, sizeof scope.instance);
	if (purpose == PINF_PURPOSE_RESULT) {
		scope.attempt = k->attempt;
		scope.miner = t->router->parties[k->miner].address;
	}
	return scope;
}

void
seal(struct trial *t, const struct pinf_key *key, const struct pinf_scope *scope, uint32_t version,
    const char *document, struct pinf_bytes *blob, struct pinf_payload *payload)
{
	const struct pinf_blob_params params = {.suite = PINF_SUITE_AES256GCM,
	    .chunk_log2 = PINF_BLOB_CHUNK_LOG2,
	    .padded = true,
	    .key_version = version,
	    .scope = *scope};
	struct pinf_blob *sealer = NULL;
	enum pinf_err err;

	if (is_over(t))
		return;
	blob->len = 0;
	*payload =
	    (struct pinf_payload){.suite = params.suite, .key_version = version, .scope = *scope};
	err = pinf_blob_new(&sealer);
	if (err == PINF_OK)
		err = pinf_blob_seal(sealer, &params, key, t->router->random,
		    pinf_span_str(document), blob, &payload->sha256);
	payload->size = blob->len;
	pinf_blob_free(sealer);
	if (err != PINF_OK)
		fail(t, "the kit cannot seal: %s", pinf_err_text(err));
}

/* What the blob holds must be that document. */
static void
open_blob(struct trial *t, const struct pinf_key *key, const struct pinf_scope *scope,
    const struct pinf_payload *payload, const char *document)
{
	struct pinf_blob *opener = NULL;
	struct pinf_bytes plain = {0};
	struct pinf_hash sha256;
	enum pinf_err err;

	if (is_over(t))
		return;
	pinf_sha256(&sha256, pinf_span_of(&t->body));
	err = pinf_blob_new(&opener);
	if (err == PINF_OK && !pinf_hash_equal(&sha256, &payload->sha256))
		err = PINF_E_HASH_MISMATCH;
	if (err == PINF_OK)
		err = pinf_payload_check_header(payload, pinf_span_of(&t->body));
	if (err == PINF_OK)
		err = pinf_blob_open(opener, scope, key, pinf_span_of(&t->body), &plain);
	if (err != PINF_OK)
		fail(t, "%s: the blob does not open: %s", t->asked, pinf_err_text(err));
	else if (!pinf_span_equal(pinf_span_of(&plain), pinf_span_str(document)))
		fail(t, "%s: the blob opens, and holds another document", t->asked);
	pinf_bytes_free(&plain);
	pinf_blob_free(opener);
}

static void
get_blob(struct trial *t, const struct task *k, enum who who, const struct pinf_payload *payload)
{
	char hex[2 * PINF_HASH_LEN + 1];

	pinf_hex(hex, payload->sha256.bytes, PINF_HASH_LEN);
	ask(t, (struct request){.who = who,
		   .side = who == OWNER ? CALLERS : MINERS,
		   .method = "GET",
		   .path = text_of("/api/v3/blobs/%s", hex),
		   .session = k->session->id,
		   .task = k->id});
	expect(t, 200, "");
}

void
ask_key(struct trial *t, const struct task *k, enum who who, const char *purpose, uint32_t attempt)
{
	struct pinf_hpke_keypair pair;
	char hex[2 * PINF_HPKE_PUBLIC_LEN + 1];

	if (is_over(t))
		return;
	if (pinf_hpke_keypair(&pair, t->router->random) != PINF_OK)
		fail(t, "no randomness");
	pinf_hex(hex, pair.public_key, sizeof pair.public_key);
	post(t, who, who == OWNER ? CALLERS : MINERS, "/api/v1/auth/payload_enc_key/task",
	    text_of("{%s\"hpke_public\":\"%s\",\"purpose\":\"%s\",\"session_id\":%llu,\"task_id\":%"
		    "llu}",
		attempt == 0 ? "" : text_of("\"attempt\":%u,", attempt), hex, purpose,
		(unsigned long long)k->session->id, (unsigned long long)k->id),
	    k);
	pinf_wipe(&pair, sizeof pair);
}

void
take_key(
    struct trial *t, struct task *k, enum who who, enum pinf_purpose purpose, struct pinf_key *key)
{
	struct router *r = t->router;
	const struct pinf_sender sender = {.wallet = &r->parties[who],
	    .router = r->address,
	    .domain = r->domain,
	    .random = r->random};
	struct pinf_key_request request = {
	    .scope = scope_of(t, k, purpose), .task = k->id, .key_version = k->version};
	struct pinf_effects effects = {0};
	struct pinf_event reply;
	enum pinf_err err;

	if (is_over(t))
		return;
	err = pinf_key_request_send(&request, &effects, &sender, 1, pinf_now_ms());
	if (err == PINF_OK && pinf_bytes_append(&effects.list[0].body, "", 1) == PINF_OK) {
		t->tamper.header = effects.list[0].authorization;
		post(t, NOBODY, who == OWNER ? CALLERS : MINERS,
		    "/api/v1/auth/payload_enc_key/task", (const char *)effects.list[0].body.data,
		    NULL);
		expect(t, 200, "");
		reply = (struct pinf_event){.kind = PINF_EV_REPLY,
		    .now_ms = pinf_now_ms(),
		    .status = t->status,
		    .body = pinf_span_of(&t->body)};
		if (!is_over(t))
			err = pinf_key_request_take(key, &request, &sender, &reply);
	}
	if (err != PINF_OK)
		fail(t, "the grant of %s is not to be taken: %s",
		    purpose == PINF_PURPOSE_INPUT ? "an input's key" : "a result's key",
		    pinf_err_text(err));
	pinf_effects_free(&effects);
	pinf_wipe(&request, sizeof request);
}

void
upload(struct trial *t, const struct task *k, enum who who, const struct pinf_bytes *blob,
    const struct pinf_hash *name)
{
	char hex[2 * PINF_HASH_LEN + 1];

	pinf_hex(hex, name->bytes, PINF_HASH_LEN);
	ask(t, (struct request){.who = who,
		   .side = who == OWNER ? CALLERS : MINERS,
		   .method = "PUT",
		   .path = text_of("/api/v3/blobs/%s", hex),
		   .blob = blob,
		   .name = name,
		   .session = k->session->id,
		   .task = k->id});
}

/* An upload that must succeed: its answer names the blob. */
static void
store(struct trial *t, const struct task *k, enum who who, const struct pinf_bytes *blob,
    struct pinf_payload *payload)
{
	struct pinf_json_reader answer;

	upload(t, k, who, blob, &payload->sha256);
	expect(t, 201, "");
	answer = t->answer;
	if (is_over(t))
		return;
	pinf_json_label(&answer, "urn", true, payload->urn, sizeof payload->urn);
	if (answer.err != PINF_OK)
		fail(t, "%s: the answer has no urn", t->asked);
}

static const char *
metadata(struct trial *t, const struct pinf_payload *payload)
{
	struct pinf_bytes text = {0};
	const char *said = "";

	if (pinf_payload_encode(&text, payload) == PINF_OK)
		said = text_of("%.*s", (int)text.len, (const char *)text.data);
	else
		fail(t, "the kit cannot write metadata");
	pinf_bytes_free(&text);
	return said;
}

void
submit(struct trial *t, const struct task *k, uint32_t patience_ms)
{
	const char *what = k->session->is_private
			       ? text_of("\"payload\":%s,\"task_id\":%llu",
				     metadata(t, &k->input_payload), (unsigned long long)k->id)
			       : "\"prompt\":\"" PROMPT "\"";
	const char *more = k->precommit_ms == 0
			       ? ""
			       : text_of(",\"precommit_timeout\":%u", k->precommit_ms / 1000);

	ask(t, (struct request){.who = OWNER,
		   .method = "POST",
		   .path = text_of("/api/v3/completions/%llu", (unsigned long long)k->session->id),
		   .body = text_of("{\"client_reference\":\"%s\",%s,\"timeout\":60%s}",
		       k->reference, what, more),
		   .session = k->session->id,
		   .task = k->session->is_private ? k->id : 0,
		   .patience_ms = patience_ms});
}

/* The members of a lease, into the task. */
static void
take_lease(struct trial *t, struct task *k)
{
	struct pinf_json_reader answer = t->answer, input;
	const uint64_t session = number_of(t, "session_id"), task = number_of(t, "task_id");

	if (is_over(t))
		return;
	if (session != k->session->id || (k->id != 0 && task != k->id)) {
		fail(t, "%s: another task's lease", t->asked);
		return;
	}
	k->id = task;
	k->attempt = (uint32_t)number_of(t, "attempt");
	k->epoch = number_of(t, "epoch");
	k->version = (uint32_t)number_of(t, "key_version");
	pinf_json_hex(&answer, "instance", true, false, k->instance, sizeof k->instance);
	input = pinf_json_object(&answer, "input", true);
	pinf_payload_read(&input, &k->input_payload);
	if (answer.err != PINF_OK || pinf_json_end(&input) != PINF_OK)
		fail(t, "%s: the lease's %s: %s", t->asked,
		    input.err != PINF_OK ? input.field : answer.field,
		    pinf_err_text(input.err != PINF_OK ? input.err : answer.err));
}

void
claim_again(struct trial *t, struct task *k, enum who miner)
{
	const struct task about = {.session = k->session};

	k->miner = miner;
	post(t, miner, MINERS, "/api/v1/miner/claim",
	    text_of("{\"session_id\":%llu,\"wait_ms\":5000}", (unsigned long long)k->session->id),
	    &about);
	expect(t, 200, "");
	take_lease(t, k);
	k->stage = CLAIMED;
}

void
miner_verb(struct trial *t, const struct task *k, enum who who, const char *verb)
{
	post(t, who, MINERS, text_of("/api/v1/miner/%s", verb),
	    text_of("{\"attempt\":%u,\"session_id\":%llu,\"task_id\":%llu}", k->attempt,
		(unsigned long long)k->session->id, (unsigned long long)k->id),
	    k);
}

/* The miner's signature of a result, as text. */
static const char *
claim_signed(struct trial *t, const struct task *k, enum who miner, const char *urn)
{
	const struct pinf_result_claim claim = {.router = t->router->address,
	    .domain = t->router->domain,
	    .session = k->session->id,
	    .task = k->id,
	    .attempt = k->attempt,
	    .epoch = k->epoch,
	    .input_sha256 = k->input_payload.sha256,
	    .result_urn = pinf_span_str(urn),
	    .result_sha256 = k->result_payload.sha256,
	    .key_version = k->version};
	struct pinf_hash digest;
	struct pinf_sig sig;
	char hex[2 * PINF_SIG_LEN + 1] = "";

	pinf_result_digest(&digest, &claim);
	if (pinf_wallet_sign(&sig, &t->router->parties[miner], &digest) == PINF_OK)
		pinf_hex(hex, sig.bytes, sizeof sig.bytes);
	return text_of("0x%s", hex);
}

void
precommit(struct trial *t, const struct task *k, enum who miner)
{
	char hex[2 * PINF_HASH_LEN + 1];

	pinf_hex(hex, k->result_payload.sha256.bytes, PINF_HASH_LEN);
	post(t, miner, MINERS, "/api/v1/miner/precommit",
	    text_of("{\"attempt\":%u,\"result_sha256\":\"%s\",\"session_id\":%llu,\"signature\":\"%"
		    "s\",\"task_id\":%llu}",
		k->attempt, hex, (unsigned long long)k->session->id, claim_signed(t, k, miner, ""),
		(unsigned long long)k->id),
	    k);
}

void
commit(struct trial *t, const struct task *k, enum who miner)
{
	post(t, miner, MINERS, "/api/v3/offchain/result",
	    text_of("{\"attempt\":%u,\"payload\":%s,\"session_id\":%llu,\"signature\":\"%s\","
		    "\"task_id\":%llu}",
		k->attempt, metadata(t, &k->result_payload), (unsigned long long)k->session->id,
		claim_signed(t, k, miner, k->result_payload.urn), (unsigned long long)k->id),
	    k);
}

static void
reserve(struct trial *t, struct task *k)
{
	const struct task about = {.session = k->session};
	struct pinf_json_reader answer;

	post(t, OWNER, CALLERS,
	    text_of("/api/v3/reservations/%llu", (unsigned long long)k->session->id),
	    text_of("{\"client_reference\":\"%s\",\"timeout_ms\":60000}", k->reference), &about);
	expect(t, 201, "");
	k->id = number_of(t, "task_id");
	k->version = (uint32_t)number_of(t, "key_version");
	answer = t->answer;
	if (is_over(t))
		return;
	pinf_json_hex(&answer, "instance", true, false, k->instance, sizeof k->instance);
	if (answer.err != PINF_OK)
		fail(t, "%s: instance: %s", t->asked, pinf_err_text(answer.err));
}

static void
seal_input(struct trial *t, struct task *k)
{
	const struct pinf_scope scope = scope_of(t, k, PINF_PURPOSE_INPUT);

	take_key(t, k, OWNER, PINF_PURPOSE_INPUT, &k->input_key);
	seal(t, &k->input_key, &scope, k->version, INPUT_DOCUMENT, &k->input, &k->input_payload);
}

static void
read_input(struct trial *t, struct task *k)
{
	const struct pinf_scope scope = scope_of(t, k, PINF_PURPOSE_INPUT);
	struct pinf_key key PINF_WIPED = {{0}};

	if (!k->session->is_private) {
		if (!pinf_span_equal((struct pinf_span){k->input_payload.inline_data,
					 k->input_payload.inline_len},
			pinf_span_str(INPUT_DOCUMENT)))
			fail(t, "the lease's input is another document");
		return;
	}
	take_key(t, k, k->miner, PINF_PURPOSE_INPUT, &key);
	get_blob(t, k, k->miner, &k->input_payload);
	open_blob(t, &key, &scope, &k->input_payload, INPUT_DOCUMENT);
}

static void
seal_result(struct trial *t, struct task *k)
{
	const struct pinf_scope scope = scope_of(t, k, PINF_PURPOSE_RESULT);
	struct pinf_payload *p = &k->result_payload;

	if (k->session->is_private) {
		take_key(t, k, k->miner, PINF_PURPOSE_RESULT, &k->result_key);
		seal(t, &k->result_key, &scope, k->version, RESULT_DOCUMENT, &k->result, p);
		return;
	}
	*p = (struct pinf_payload){.suite = PINF_SUITE_NONE,
	    .inline_len = strlen(RESULT_DOCUMENT),
	    .size = strlen(RESULT_DOCUMENT)};
	memcpy(p->inline_data, RESULT_DOCUMENT, p->inline_len);
	pinf_sha256(&p->sha256, pinf_span_str(RESULT_DOCUMENT));
}

static void
read_result(struct trial *t, struct task *k)
{
	const struct pinf_scope scope = scope_of(t, k, PINF_PURPOSE_RESULT);
	struct pinf_json_reader answer, result;
	struct pinf_payload payload = {.size = 0};
	struct pinf_key key PINF_WIPED = {{0}};

	submit(t, k, 0);
	expect(t, 200, "");
	expect_text(t, "state", "committed");
	answer = t->answer;
	if (is_over(t))
		return;
	result = pinf_json_object(&answer, "result", true);
	pinf_payload_read(&result, &payload);
	if (pinf_json_end(&result) != PINF_OK || !pinf_payload_equal(&payload, &k->result_payload))
		fail(t, "%s: the result is not the one that was committed", t->asked);
	if (!k->session->is_private)
		return;
	take_key(t, k, OWNER, PINF_PURPOSE_RESULT, &key);
	get_blob(t, k, OWNER, &payload);
	open_blob(t, &key, &scope, &payload, RESULT_DOCUMENT);
}

static void
step(struct trial *t, struct task *k, enum stage to)
{
	const bool sealed = k->session->is_private;

	switch (to) {
	case RESERVED:
		if (sealed)
			reserve(t, k);
		break;
	case SEALED:
		if (sealed)
			seal_input(t, k);
		break;
	case UPLOADED:
		if (sealed)
			store(t, k, OWNER, &k->input, &k->input_payload);
		break;
	case SUBMITTED:
		submit(t, k, PENDING_MS);
		if (t->status != 0)
			expect(t, 202, "");
		break;
	case CLAIMED: claim_again(t, k, k->miner); break;
	case ACKED:
		miner_verb(t, k, k->miner, "ack");
		expect(t, 200, "");
		expect_text(t, "state", "acknowledged");
		break;
	case READ_INPUT: read_input(t, k); break;
	case RESULT_SEALED: seal_result(t, k); break;
	case RESULT_UPLOADED:
		if (sealed)
			store(t, k, k->miner, &k->result, &k->result_payload);
		break;
	case PRECOMMITTED:
		precommit(t, k, k->miner);
		expect(t, 200, "");
		break;
	case COMMITTED:
		commit(t, k, k->miner);
		expect(t, 200, "");
		expect_text(t, "state", "committed");
		break;
	case READ_RESULT: read_result(t, k); break;
	}
}

void
advance(struct trial *t, struct task *k, enum stage stage)
{
	while (k->stage < stage && !is_over(t)) {
		const enum stage next = (enum stage)(k->stage + 1);

		step(t, k, next);
		k->stage = next;
	}
}

struct task *
task_at(struct trial *t, struct session *s, enum stage stage)
{
	struct task *k;

	make_listed(t, s);
	k = new_task(t, s);
	advance(t, k, stage);
	return k;
}
