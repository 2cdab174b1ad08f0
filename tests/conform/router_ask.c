/* SPDX-License-Identifier: Apache-2.0 */
/* router_ask.c -- one request to the router under test, right or wrong as the trial wants it, and what came back. */
#include <stdarg.h>
#include <string.h>

#include "crypto/crypto.h"
#include "host/system.h"
#include "router.h"

#define PATIENCE_MS 30000
#define MINUTE_MS   60000

const char *
text_of(const char *format, ...)
{
	static char rooms[4][4096];
	static unsigned next;
	char *room = rooms[next++ % 4];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(room, sizeof rooms[0], format, args);
	va_end(args);
	return room;
}

bool
is_over(const struct trial *t)
{
	return t->failure[0] != '\0' || t->skip[0] != '\0';
}

void
fail(struct trial *t, const char *format, ...)
{
	va_list args;

	if (is_over(t))
		return;
	va_start(args, format);
	(void)vsnprintf(t->failure, sizeof t->failure, format, args);
	va_end(args);
}

/* n - s, with the other v: verifies as the signature did, for whoever does not refuse it. */
static void
make_high_s(struct pinf_sig *sig)
{
	static const uint8_t n[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
	    0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
	int borrow = 0;

	for (int i = 31; i >= 0; i--) {
		const int d = n[i] - sig->bytes[32 + i] - borrow;

		borrow = d < 0;
		sig->bytes[32 + i] = (uint8_t)(d + (borrow ? 256 : 0));
	}
	sig->bytes[64] = (uint8_t)(27 + 28 - sig->bytes[64]);
}

static struct pinf_span
signed_text(const char *own, const char *sent)
{
	return pinf_span_str(own != NULL ? own : sent);
}

static void
request_of(struct trial *t, const struct request *rq, const struct pinf_hash *body,
    struct pinf_auth_request *r)
{
	const struct tamper *odd = &t->tamper;

	*r = (struct pinf_auth_request){.router = t->router->address,
	    .domain = t->router->domain,
	    .method = signed_text(odd->method, rq->method),
	    .path = signed_text(odd->path, rq->path),
	    .session = rq->session,
	    .task = rq->task,
	    .key_version = odd->version,
	    .body_sha256 = *body,
	    .expires_ms = (uint64_t)((int64_t)pinf_now_ms() +
				     (odd->expires_in_ms != 0 ? odd->expires_in_ms : MINUTE_MS))};
	if (odd->body != NULL)
		pinf_sha256(&r->body_sha256, pinf_span_str(odd->body));
	if (odd->wrong_router)
		r->router.bytes[0] ^= 1;
	if (odd->wrong_contract)
		r->domain.contract.bytes[19] ^= 1;
	r->domain.chain_id += odd->wrong_chain;
	if (!odd->same_nonce)
		t->router->random.fill(t->router->random.ctx, t->nonce, sizeof t->nonce);
	memcpy(r->nonce, t->nonce, sizeof r->nonce);
}

static enum pinf_err
sign(struct trial *t, const struct request *rq, const struct pinf_hash *body, char *header)
{
	const struct tamper *odd = &t->tamper;
	const struct pinf_wallet *wallet = &t->router->parties[rq->who];
	struct pinf_auth_request r;
	struct pinf_auth auth;
	enum pinf_err err;

	request_of(t, rq, body, &r);
	auth = (struct pinf_auth){.scheme = odd->eip191 ? PINF_AUTH_EIP191 : PINF_AUTH_EIP712,
	    .address = wallet->address,
	    .router = r.router,
	    .session = r.session,
	    .task = r.task,
	    .key_version = r.key_version,
	    .expires_ms = r.expires_ms};
	memcpy(auth.nonce, r.nonce, sizeof auth.nonce);
	pinf_auth_digest(&t->digest, auth.scheme, &r);
	err = pinf_wallet_sign(&auth.signature, wallet, &t->digest);
	if (odd->high_s)
		make_high_s(&auth.signature);
	if (odd->wrong_v)
		auth.signature.bytes[64] = (uint8_t)(auth.signature.bytes[64] - 27);
	if (err == PINF_OK)
		err = pinf_auth_header_format(header, &auth);
	if (err == PINF_OK && odd->upper) {
		char *at = strstr(header, "nonce=");

		for (at += strlen("nonce="); *at != ','; at++)
			*at = (char)(*at >= 'a' ? *at - 'a' + 'A' : *at);
	}
	if (err == PINF_OK && odd->spaced)
		memmove(strstr(header, ", ") + 1, strstr(header, ", ") + 2,
		    strlen(strstr(header, ", ") + 2) + 1);
	return err;
}

static void
forget_answer(struct trial *t)
{
	pinf_json_free(t->json);
	t->json = NULL;
	t->answer = (struct pinf_json_reader){.object = NULL};
	t->body.len = 0;
	t->status = 0;
}

static void
call(struct trial *t, const struct request *rq, const char *header, struct pinf_span body)
{
	const struct pinf_call c = {.method = rq->method,
	    .path = rq->path,
	    .authorization = header,
	    .content_type = rq->type != NULL   ? rq->type
			    : rq->blob != NULL ? "application/octet-stream"
					       : "application/json",
	    .body = body,
	    .timeout_ms = rq->patience_ms != 0 ? rq->patience_ms : PATIENCE_MS,
	    .answer_max = REPLY_MAX};
	const enum pinf_err err =
	    pinf_client_call(t->router->clients[rq->side], &c, &t->status, &t->body);

	if (err == PINF_E_TIMEOUT && rq->patience_ms != 0)
		t->status = 0;
	else if (err != PINF_OK)
		fail(t, "%s: %s", t->asked, pinf_client_trouble(t->router->clients[rq->side]));
	else if (pinf_json_parse(&t->json, pinf_span_of(&t->body), REPLY_MAX) == PINF_OK)
		t->answer = pinf_json_root(t->json);
}

void
ask(struct trial *t, struct request rq)
{
	const struct pinf_span body = rq.blob != NULL   ? pinf_span_of(rq.blob)
				      : rq.body != NULL ? pinf_span_str(rq.body)
							: (struct pinf_span){NULL, 0};
	char header[PINF_AUTH_HEADER_MAX + 1] = "";
	struct pinf_hash sha256;
	enum pinf_err err = PINF_OK;

	if (is_over(t))
		return;
	forget_answer(t);
	(void)snprintf(t->asked, sizeof t->asked, "%s %.100s", rq.method, rq.path);
	pinf_sha256(&sha256, body.data == NULL ? pinf_span_str("") : body);
	if (rq.name != NULL)
		sha256 = *rq.name;
	if (t->tamper.header != NULL)
		(void)snprintf(header, sizeof header, "%s", t->tamper.header);
	else if (rq.who != NOBODY)
		err = sign(t, &rq, &sha256, header);
	t->tamper = (struct tamper){.header = NULL};
	if (err != PINF_OK)
		fail(t, "%s cannot be signed: %s", t->asked, pinf_err_text(err));
	else
		call(t, &rq, header, body);
}

void
post(struct trial *t, enum who who, enum side side, const char *path, const char *body,
    const struct task *about)
{
	ask(t, (struct request){.who = who,
		   .side = side,
		   .method = "POST",
		   .path = path,
		   .body = body,
		   .session = about == NULL ? 0 : about->session->id,
		   .task = about == NULL ? 0 : about->id});
}

/* The refusal's own words: "" where it has none. */
static void
refusal(const struct trial *t, const char *member, char *out, size_t cap)
{
	struct pinf_json_reader answer = t->answer, error;

	out[0] = '\0';
	if (answer.object == NULL || !pinf_json_is_object(&answer, "error"))
		return;
	error = pinf_json_object(&answer, "error", true);
	pinf_json_label(&error, member, false, out, cap);
}

void
expect(struct trial *t, unsigned status, const char *code)
{
	char got[64];

	if (is_over(t))
		return;
	refusal(t, "code", got, sizeof got);
	if (t->status != status || strcmp(got, code) != 0)
		fail(t, "%s: %u %s, must be %u %s: %.*s", t->asked, t->status, got, status, code,
		    (int)(t->body.len < 200 ? t->body.len : 200),
		    t->body.len == 0 ? "" : (const char *)t->body.data);
}

void
expect_field(struct trial *t, const char *field)
{
	char got[64];

	if (is_over(t))
		return;
	refusal(t, "field", got, sizeof got);
	if (strcmp(got, field) != 0)
		fail(t, "%s: the refusal's field is \"%s\", must be \"%s\"", t->asked, got, field);
}

void
refused(struct trial *t, const char *rule)
{
	char got[64];

	expect(t, 403, "denied");
	if (is_over(t))
		return;
	refusal(t, "rule", got, sizeof got);
	if (strcmp(got, rule) != 0)
		fail(t, "%s: denied by %s, must be by %s", t->asked, got, rule);
}

static bool
has(struct trial *t, const char *member)
{
	if (is_over(t))
		return false;
	if (t->answer.object == NULL || !pinf_json_has(&t->answer, member)) {
		fail(t, "%s: the answer has no %s", t->asked, member);
		return false;
	}
	return true;
}

void
expect_text(struct trial *t, const char *member, const char *text)
{
	struct pinf_json_reader answer = t->answer;
	struct pinf_span got = {NULL, 0};

	if (!has(t, member))
		return;
	pinf_json_text(&answer, member, true, &got);
	if (answer.err != PINF_OK || !pinf_span_equal(got, pinf_span_str(text)))
		fail(t, "%s: %s is \"%.*s\", must be \"%s\"", t->asked, member,
		    (int)(got.len < 100 ? got.len : 100),
		    got.len == 0 ? "" : (const char *)got.data, text);
}

uint64_t
number_of(struct trial *t, const char *member)
{
	struct pinf_json_reader answer = t->answer;
	uint64_t number = 0;

	if (!has(t, member))
		return 0;
	pinf_json_uint(&answer, member, true, PINF_ID_MAX, &number);
	if (answer.err != PINF_OK)
		fail(t, "%s: %s is no number", t->asked, member);
	return number;
}
