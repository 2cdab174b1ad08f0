/* SPDX-License-Identifier: Apache-2.0 */
/* miner_router.c -- the router that the kit plays for a miner: one task, honest but for the case's twist.  spec/api.md#miners. */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "host/system.h"
#include "miner.h"

#define SESSION 101
#define TASK    9001
#define VERSION UINT32_C(3)
#define EPOCH   5
#define ATTEMPT 2
#define INPUT   "{\"document\":\"pinf-input-1\",\"prompt\":\"Why is the sky blue?\"}"
#define RESULT                                                                                     \
	"{\"completion_tokens\":2,\"document\":\"pinf-result-1\",\"finish_reason\":\"stop\","      \
	"\"model\":\"kit\",\"prompt_tokens\":5,\"text\":\"Rayleigh scattering.\"}"
#define REFUSED(CODE) "{\"error\":{\"code\":\"" CODE "\",\"message\":\"the kit says so\"}}"

static void
need(enum pinf_err err)
{
	if (err != PINF_OK)
		abort();
}

static void
seal_input(struct play *p, const char *document)
{
	struct pinf_blob_params params = {.suite = PINF_SUITE_AES256GCM,
	    .chunk_log2 = 16,
	    .padded = true,
	    .key_version = VERSION,
	    .scope = p->input.scope};
	struct pinf_blob *blob;

	if (p->of->twist == BLOB_OTHER_SCOPE)
		params.scope.instance[0] ^= 1;
	need(pinf_blob_new(&blob));
	need(pinf_blob_seal(blob, &params, &p->input_key, p->random, pinf_span_str(document),
	    &p->input_blob, &p->input.sha256));
	pinf_blob_free(blob);
	if (p->of->twist == BLOB_COMMITMENT)
		p->input_blob.data[PINF_BLOB_HEADER_LEN - 1] ^= 1;
	if (p->of->twist == BLOB_CHUNK)
		p->input_blob.data[PINF_BLOB_HEADER_LEN] ^= 1;
	pinf_sha256(&p->input.sha256, pinf_span_of(&p->input_blob));
	p->input.size = p->input_blob.len;
	p->input.suite = params.suite;
	p->input.key_version = VERSION;
	need(pinf_urn_of_blob(
	    p->input.urn, &(struct pinf_storage){"fs", "kit", "kit"}, &p->input.sha256));
}

static void
make_task(struct play *p)
{
	const enum twist twist = p->of->twist;

	p->input_scope = (struct pinf_scope){.kind = PINF_SCOPE_TASK,
	    .purpose = PINF_PURPOSE_INPUT,
	    .session = SESSION,
	    .task = TASK};
	memset(p->input_scope.instance, 0x11, PINF_INSTANCE_LEN);
	p->result_scope = p->input_scope;
	p->result_scope.purpose = PINF_PURPOSE_RESULT;
	p->result_scope.attempt = ATTEMPT;
	p->result_scope.miner = p->miner.address;
	if (twist == SESSION_KEY) {
		p->input_scope.kind = PINF_SCOPE_SESSION;
		p->input_scope.task = 0;
		memset(p->input_scope.instance, 0x22, PINF_INSTANCE_LEN);
	}
	need(p->random.fill(p->random.ctx, p->input_key.bytes, PINF_KEY_LEN));
	need(p->random.fill(p->random.ctx, p->result_key.bytes, PINF_KEY_LEN));
	/* Blob and key are the odd scope's, too: nothing else betrays it. */
	p->input.scope = p->input_scope;
	p->input.scope.session += twist == LEASE_OTHER_SESSION;
	p->input.scope.task += twist == LEASE_OTHER_TASK;
	p->input.scope.instance[0] ^= twist == LEASE_OTHER_INSTANCE;
	if (twist == LEASE_RESULT_SCOPE) {
		p->input.scope = p->result_scope;
		p->input_key = p->result_key;
	}
	if (twist != PLAIN) {
		seal_input(p, twist == NOT_CANONICAL
				  ? "{ \"document\":\"pinf-input-1\",\"prompt\":\"x\"}"
				  : INPUT);
	} else {
		p->input.inline_len = strlen(INPUT);
		p->input.size = strlen(INPUT);
		memcpy(p->input.inline_data, INPUT, strlen(INPUT));
		pinf_sha256(&p->input.sha256, pinf_span_str(INPUT));
	}
}

void
miner_begin(struct play *p)
{
	p->random = pinf_random_system();
	p->now_ms = 1767225600000;
	p->mono_ms = 5000;
	p->domain.chain_id = 8453;
	p->domain.contract.bytes[19] = 0xc1;
	need(pinf_wallet_new(&p->router, p->random));
	need(pinf_wallet_new(&p->miner, p->random));
	need(pinf_wallet_new(&p->other, p->random));
	make_task(p);
	miner_node(p);
	if (p->failure[0] == '\0' && p->skip[0] == '\0')
		miner_event(p, "timer", NULL, 0, (struct pinf_span){NULL, 0});
}

static void
drop_sent(struct play *p)
{
	pinf_bytes_free(&p->sent[0].body);
	p->sent_count--;
	memmove(p->sent, p->sent + 1, p->sent_count * sizeof p->sent[0]);
}

void
miner_end(struct play *p)
{
	while (p->sent_count > 0)
		drop_sent(p);
	pinf_bytes_free(&p->input_blob);
	pinf_bytes_free(&p->result_blob);
	pinf_wipe(p, sizeof *p);
}

/* Answers the first request that waits; status 0: nobody does, its time is over. */
static void
reply(struct play *p, unsigned status, const char *body)
{
	struct sent s = p->sent[0];
	struct pinf_span bytes = pinf_span_str(body);

	p->sent_count--;
	memmove(p->sent, p->sent + 1, p->sent_count * sizeof p->sent[0]);
	if (status == 0) {
		p->now_ms += 15000;
		p->mono_ms += 15000;
	}
	miner_event(p, "reply", &s, status, bytes);
	pinf_bytes_free(&s.body);
}

static void
reply_state(struct play *p, const char *state)
{
	char body[200];

	(void)snprintf(body, sizeof body, "{\"session_id\":%d,\"state\":\"%s\",\"task_id\":%d}",
	    SESSION, state, TASK);
	reply(p, 200, body);
}

/* The body's object; false: it is none, said. */
static bool
open_body(struct play *p, struct pinf_json **json, struct pinf_json_reader *r)
{
	const struct sent *s = &p->sent[0];

	if (pinf_json_parse(json, pinf_span_of(&s->body), 65536) != PINF_OK) {
		miner_fail(p, "%s: its body is no JSON", s->path);
		return false;
	}
	*r = pinf_json_root(*json);
	return true;
}

static void
close_body(struct play *p, struct pinf_json *json, struct pinf_json_reader *r)
{
	if (pinf_json_end(r) != PINF_OK)
		miner_fail(
		    p, "%s: its body: %s: %s", p->sent[0].path, r->field, pinf_err_text(r->err));
	pinf_json_free(json);
}

/* The attempt's ids, in every body of the miner's. */
static void
read_ids(struct play *p, struct pinf_json_reader *r)
{
	uint64_t session = 0, task = 0, attempt = ATTEMPT;

	pinf_json_id(r, "session_id", true, &session);
	pinf_json_id(r, "task_id", true, &task);
	pinf_json_uint(r, "attempt", false, UINT32_MAX, &attempt);
	if (r->err == PINF_OK && (session != SESSION || task != TASK || attempt != ATTEMPT))
		miner_fail(p, "%s: another task's ids", p->sent[0].path);
}

static void
answer_claim(struct play *p)
{
	struct pinf_bytes body = {0}, input = {0};
	struct pinf_json *json;
	struct pinf_json_reader r;
	struct pinf_json_writer w = pinf_json_write_to(&body);
	uint64_t session = 0, wait = 0;

	if (open_body(p, &json, &r)) {
		pinf_json_uint(&r, "session_id", false, PINF_ID_MAX, &session);
		pinf_json_uint(&r, "wait_ms", false, 60000, &wait);
		close_body(p, json, &r);
	}
	p->claims++;
	if (p->leased && p->claims > 1 + (p->of->twist == NO_WORK)) {
		p->claims_again = true;
		return;
	}
	if (p->of->twist == NO_WORK && p->claims == 1) {
		reply(p, 204, "");
		p->leased = true; /* The next claim is the end. */
		p->claims_again =
		    p->sent_count > 0 && strcmp(p->sent[0].path, "/api/v1/miner/claim") == 0;
		return;
	}
	p->leased = true;
	need(pinf_payload_encode(&input, &p->input));
	pinf_json_open(&w, NULL, '{');
	pinf_json_put_uint(&w, "attempt", ATTEMPT);
	pinf_json_put_uint(&w, "deadline_ms", p->now_ms + 300000);
	pinf_json_put_uint(&w, "epoch", EPOCH);
	pinf_json_put_raw(&w, "input", pinf_span_of(&input));
	pinf_json_put_hex(&w, "instance", false, p->result_scope.instance, PINF_INSTANCE_LEN);
	pinf_json_put_uint(&w, "key_version", VERSION);
	pinf_json_put_uint(&w, "lease_expires_ms", p->now_ms + 120000);
	pinf_json_put_uint(&w, "precommit_timeout_ms", 120000);
	pinf_json_put_str(&w, "route", p->of->twist == PLAIN ? "plain" : "caller-sealed");
	pinf_json_put_uint(&w, "session_id", SESSION);
	pinf_json_put_uint(&w, "task_id", TASK);
	pinf_json_close(&w, '}');
	need(pinf_bytes_append(&body, "", 1));
	reply(p, 200, (const char *)body.data);
	pinf_bytes_free(&body);
	pinf_bytes_free(&input);
}

static void
answer_ack(struct play *p)
{
	struct pinf_json *json;
	struct pinf_json_reader r;

	if (open_body(p, &json, &r)) {
		read_ids(p, &r);
		close_body(p, json, &r);
	}
	if (p->of->twist == BUSY && p->lost++ == 0) {
		reply(p, 503, REFUSED("busy"));
		return;
	}
	p->acked = true;
	reply_state(p, "acknowledged");
	if (p->of->twist == RESET) {
		while (p->sent_count > 0)
			drop_sent(p);
		p->inference = p->wake_ms = 0;
		miner_node(p);
		miner_event(p, "timer", NULL, 0, (struct pinf_span){NULL, 0});
	}
}

/* The grant, with what is odd about it. */
static void
make_grant(const struct play *p, bool result, struct pinf_grant *grant)
{
	const enum twist twist = p->of->twist;
	const bool odd_input = !result, forged = (odd_input && twist == GRANT_FORGED) ||
						 (result && twist == RESULT_GRANT_FORGED);
	struct pinf_domain domain = p->domain;
	struct pinf_hpke_keypair other;

	*grant = (struct pinf_grant){.request_digest = p->sent[0].digest,
	    .scope = result ? p->result_scope : p->input.scope,
	    .key_version = VERSION + (odd_input && twist == GRANT_OTHER_VERSION),
	    .expires_ms = p->now_ms + 60000,
	    .audit_seq = 1};
	if ((odd_input && twist == GRANT_EXPIRED) || (result && twist == RESULT_GRANT_EXPIRED))
		grant->expires_ms = p->now_ms - 1000;
	grant->request_digest.bytes[0] ^= odd_input && twist == GRANT_OTHER_REQUEST;
	grant->scope.task += odd_input && twist == GRANT_OTHER_SCOPE;
	grant->scope.attempt += result && twist == RESULT_GRANT_OTHER_ATTEMPT;
	domain.chain_id += odd_input && twist == GRANT_OTHER_CHAIN;
	need(pinf_hpke_keypair(&other, p->random));
	need(pinf_grant_make(grant, result ? &p->result_key : &p->input_key,
	    odd_input && twist == GRANT_TO_ANOTHER ? other.public_key : p->hpke_public, &domain,
	    forged ? &p->other.secret : &p->router.secret, p->random));
	pinf_wipe(&other, sizeof other);
}

static void
answer_key(struct play *p)
{
	struct pinf_json *json;
	struct pinf_json_reader r;
	struct pinf_grant grant;
	struct pinf_bytes body = {0};
	uint8_t former[PINF_HPKE_PUBLIC_LEN];
	char purpose[16] = "";
	bool result;

	memcpy(former, p->hpke_public, sizeof former);
	if (!open_body(p, &json, &r))
		return;
	read_ids(p, &r);
	pinf_json_hex(&r, "hpke_public", true, false, p->hpke_public, sizeof p->hpke_public);
	pinf_json_label(&r, "purpose", true, purpose, sizeof purpose);
	close_body(p, json, &r);
	result = strcmp(purpose, "result") == 0;
	if (p->key_requests++ > 0 && memcmp(former, p->hpke_public, sizeof former) == 0)
		miner_fail(p, "two key requests name one public key");
	if (p->of->twist == LOST_GRANT && p->lost++ == 0) {
		reply(p, 0, "");
		return;
	}
	if (p->of->twist == DENIED_KEY) {
		reply(p, 403,
		    "{\"error\":{\"code\":\"denied\",\"message\":\"the kit says "
		    "so\",\"rule\":\"miner-not-allowed\"}}");
		return;
	}
	make_grant(p, result, &grant);
	need(pinf_grant_encode(&body, &grant));
	need(pinf_bytes_append(&body, "", 1));
	reply(p, 200, (const char *)body.data);
	pinf_bytes_free(&body);
}

static void
answer_get(struct play *p)
{
	char hex[2 * PINF_HASH_LEN + 1];
	struct sent s = p->sent[0];
	struct pinf_span bytes = pinf_span_of(&p->input_blob);

	pinf_hex(hex, p->input.sha256.bytes, PINF_HASH_LEN);
	if (strcmp(s.path + strlen("/api/v3/blobs/"), hex) != 0)
		miner_fail(p, "GET %s is another blob than its input", s.path);
	if (p->of->twist == BLOB_OTHER_BYTES)
		p->input_blob.data[p->input_blob.len - 1] ^= 1;
	bytes.len -= p->of->twist == BLOB_CUT_OFF;
	p->sent_count--;
	memmove(p->sent, p->sent + 1, p->sent_count * sizeof p->sent[0]);
	miner_event(p, "reply", &s, 200, bytes);
	pinf_bytes_free(&s.body);
}

/* The result: sealed for this attempt, under its key, the document that was inferred. */
static void
check_result(struct play *p)
{
	struct pinf_blob *blob;
	struct pinf_bytes plain = {0};
	enum pinf_err err;

	need(pinf_blob_new(&blob));
	err = pinf_blob_open(
	    blob, &p->result_scope, &p->result_key, pinf_span_of(&p->result_blob), &plain);
	if (err != PINF_OK)
		miner_fail(p, "its result does not open: %s", pinf_err_text(err));
	else if (!pinf_span_equal(pinf_span_of(&plain), pinf_span_str(RESULT)))
		miner_fail(p, "its result holds another document than the inference gave");
	else if (!pinf_blob_params_of(blob)->padded)
		miner_fail(p, "its result is not padded");
	pinf_bytes_free(&plain);
	pinf_blob_free(blob);
}

static void
answer_put(struct play *p)
{
	const struct sent *s = &p->sent[0];
	struct pinf_hash sha256;
	char hex[2 * PINF_HASH_LEN + 1], body[800];
	char urn[PINF_URN_MAX + 1];

	pinf_sha256(&sha256, pinf_span_of(&s->body));
	pinf_hex(hex, sha256.bytes, PINF_HASH_LEN);
	if (strcmp(s->path + strlen("/api/v3/blobs/"), hex) != 0)
		miner_fail(p, "PUT %s: its bytes have another hash", s->path);
	if (p->uploads++ > 0 &&
	    !pinf_span_equal(pinf_span_of(&s->body), pinf_span_of(&p->result_blob)))
		miner_fail(p, "two blobs for one attempt");
	if (p->precommits > 0)
		miner_fail(p, "it uploads after the precommit");
	p->result_blob.len = 0;
	need(pinf_bytes_append(&p->result_blob, s->body.data, s->body.len));
	check_result(p);
	if (p->of->twist == LOST_UPLOAD && p->lost++ == 0) {
		reply(p, 0, "");
		return;
	}
	need(pinf_urn_of_blob(urn, &(struct pinf_storage){"fs", "kit", "kit"}, &sha256));
	(void)snprintf(body, sizeof body, "{\"sha256\":\"%s\",\"size\":%zu,\"urn\":\"%s\"}", hex,
	    p->result_blob.len, urn);
	reply(p, 201, body);
}

static void
check_claim(struct play *p, const char *urn, const struct pinf_sig *signature)
{
	const struct pinf_result_claim claim = {.router = p->router.address,
	    .domain = p->domain,
	    .session = SESSION,
	    .task = TASK,
	    .attempt = ATTEMPT,
	    .epoch = EPOCH,
	    .input_sha256 = p->input.sha256,
	    .result_urn = pinf_span_str(urn),
	    .result_sha256 = p->precommitted,
	    .key_version = VERSION};
	struct pinf_hash digest;

	pinf_result_digest(&digest, &claim);
	if (pinf_signature_check(signature, &digest, &p->miner.address) != PINF_OK)
		miner_fail(p, "%s: the signature is not that of AUTH-13", p->sent[0].path);
}

static void
answer_precommit(struct play *p)
{
	struct pinf_json *json;
	struct pinf_json_reader r;
	struct pinf_hash sha256 = p->precommitted;
	struct pinf_sig signature;

	if (!open_body(p, &json, &r))
		return;
	read_ids(p, &r);
	pinf_json_hex(&r, "result_sha256", true, false, sha256.bytes, PINF_HASH_LEN);
	pinf_json_hex(&r, "signature", true, true, signature.bytes, PINF_SIG_LEN);
	close_body(p, json, &r);
	if (p->precommits++ > 0 && !pinf_hash_equal(&sha256, &p->precommitted))
		miner_fail(p, "two precommits of different results");
	p->precommitted = sha256;
	check_claim(p, "", &signature);
	if (p->of->twist == LOST_PRECOMMIT && p->lost++ == 0)
		reply(p, 0, "");
	else
		reply_state(p, "precommitted");
}

/* What the commit shows is what was precommitted, and where it lies. */
static void
check_payload(struct play *p)
{
	const struct pinf_payload *of = &p->result;

	if (!pinf_hash_equal(&of->sha256, &p->precommitted))
		miner_fail(p, "it commits another result than it precommitted");
	if (p->of->twist == PLAIN) {
		if (of->suite != PINF_SUITE_NONE ||
		    !pinf_span_equal(
			(struct pinf_span){of->inline_data, of->inline_len}, pinf_span_str(RESULT)))
			miner_fail(p, "a plain task's result is not its inline document");
	} else if (of->suite == PINF_SUITE_NONE ||
		   !pinf_scope_equal(&of->scope, &p->result_scope) ||
		   of->size != p->result_blob.len || of->key_version != VERSION) {
		miner_fail(
		    p, "the payload's scope, size or key version is another than the blob's");
	}
	if (p->of->twist != PLAIN && p->uploads == 0)
		miner_fail(p, "it commits a blob that it never uploaded");
}

static void
answer_commit(struct play *p)
{
	struct pinf_json *json;
	struct pinf_json_reader r, payload;
	struct pinf_sig signature;

	if (!open_body(p, &json, &r))
		return;
	read_ids(p, &r);
	payload = pinf_json_object(&r, "payload", true);
	pinf_payload_read(&payload, &p->result);
	pinf_json_leave(&r, &payload, "payload");
	pinf_json_hex(&r, "signature", true, true, signature.bytes, PINF_SIG_LEN);
	close_body(p, json, &r);
	if (p->precommits == 0)
		miner_fail(p, "it commits without a precommit");
	check_payload(p);
	check_claim(p, p->result.urn, &signature);
	p->commits++;
	if (p->of->twist == LOST_COMMIT && p->lost++ == 0) {
		reply(p, 0, "");
		return;
	}
	p->committed = true;
	reply_state(p, "committed");
}

void
miner_answer(struct play *p)
{
	const struct sent *s = &p->sent[0];
	const struct {
		const char *method, *path;
		void (*answer)(struct play *p);
	} routes[] = {{"POST", "/api/v1/miner/claim", answer_claim},
	    {"POST", "/api/v1/miner/ack", answer_ack},
	    {"POST", "/api/v1/auth/payload_enc_key/", answer_key},
	    {"GET", "/api/v3/blobs/", answer_get}, {"PUT", "/api/v3/blobs/", answer_put},
	    {"POST", "/api/v1/miner/precommit", answer_precommit},
	    {"POST", "/api/v1/miner/commit", answer_commit},
	    {"POST", "/api/v3/offchain/result", answer_commit}};

	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
		if (strcmp(s->method, routes[i].method) == 0 &&
		    strncmp(s->path, routes[i].path, strlen(routes[i].path)) == 0) {
			routes[i].answer(p);
			return;
		}
	if (strcmp(s->path, "/api/v1/miner/release") == 0)
		reply_state(p, "created"); /* It gives up, and says so. */
	else
		miner_fail(p, "%s %s is nothing that a miner asks", s->method, s->path);
}

void
miner_infer(struct play *p)
{
	const struct sent about = {.request = p->inference};

	p->inference = 0;
	miner_event(p, "inferred", &about, 0, pinf_span_str(RESULT));
}

void
miner_wake(struct play *p)
{
	const uint64_t by_ms = p->wake_ms > p->mono_ms ? p->wake_ms - p->mono_ms : 0;

	p->wake_ms = 0;
	p->now_ms += by_ms;
	p->mono_ms += by_ms;
	miner_event(p, "timer", NULL, 0, (struct pinf_span){NULL, 0});
}
