/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_requests.c -- single requests, and what must come of each: request line, headers, bodies.  In paths and
 * bodies {s} is a public session, {p} a private one; both are the owner's.  spec/api.md.
 */
#include <stdlib.h>
#include <string.h>

#include "router.h"

#define GET(SIDE, PATH)                                                                            \
	{                                                                                          \
		.method = "GET", .path = (PATH), .side = (SIDE)                                    \
	}
#define COMPLETE(BODY)                                                                             \
	{                                                                                          \
		.who = BEARER, .method = "POST", .path = "/api/v2/completions/{s}", .body = (BODY) \
	}
#define COMPLETE_AS(TYPE, B)                                                                       \
	{                                                                                          \
		.who = BEARER, .method = "POST", .path = "/api/v2/completions/{s}", .body = (B),   \
		.type = (TYPE)                                                                     \
	}
#define PLAIN(N, V)     "{\"prompt\":\"x\",\"" N "\":" V "}"
#define REFUSE(S, C, F) .status = (S), .code = (C), .field = (F)
#define ROW(ID, SPEC)   .id = "router/" ID, .spec = (SPEC)

static const struct router_case cases[] = {
    /* Request line. */
    {ROW("line/unknown-route", "API-42"), .request = GET(CALLERS, "/api/v1/nothing"),
	REFUSE(404, "no-such-route", "")},
    {ROW("line/unknown-version", "API-42"),
	.request = {.who = BEARER,
	    .method = "POST",
	    .path = "/api/v4/completions/{s}",
	    .body = "{\"prompt\":\"x\"}"},
	REFUSE(404, "no-such-route", "")},
    {ROW("line/slash-at-the-end", "API-4"), .request = GET(CALLERS, "/api/v1/sessions/{s}/"),
	REFUSE(404, "no-such-route", "")},
    {ROW("line/upper-case", "API-4"), .request = GET(CALLERS, "/api/v1/Sessions"),
	REFUSE(404, "no-such-route", "")},
    {ROW("line/percent", "API-4"), .request = GET(CALLERS, "/api/v1/%73essions"),
	REFUSE(404, "no-such-route", "")},
    {ROW("line/id-zero", "API-5"), .request = GET(CALLERS, "/api/v1/sessions/0"),
	REFUSE(400, "id-range", NULL)},
    {ROW("line/id-too-large", "API-5"),
	.request = GET(CALLERS, "/api/v1/sessions/9007199254740992"),
	REFUSE(400, "id-range", NULL)},
    {ROW("line/id-largest", "API-5"), .request = GET(CALLERS, "/api/v1/sessions/9007199254740991"),
	REFUSE(404, "no-such-session", NULL)},
    {ROW("line/id-leading-zero", "API-5"), .request = GET(CALLERS, "/api/v1/sessions/0{s}"),
	REFUSE(404, "no-such-route", "")},
    {ROW("line/id-sign", "API-5"), .request = GET(CALLERS, "/api/v1/sessions/+{s}"),
	REFUSE(404, "no-such-route", "")},
    {ROW("line/hash-upper-case", "API-5"),
	.request = {.who = OWNER,
	    .method = "GET",
	    .path =
		"/api/v3/blobs/00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"},
	REFUSE(400, "hash-invalid", NULL)},
    {ROW("line/hash-short", "API-5"),
	.request = {.who = OWNER, .method = "GET", .path = "/api/v3/blobs/0011"},
	REFUSE(400, "hash-invalid", NULL)},
    {ROW("line/get-of-a-post", "API-6"), .request = GET(CALLERS, "/api/v1/completions"),
	REFUSE(405, "method-not-allowed", "")},
    {ROW("line/delete", "API-6"), .request = {.method = "DELETE", .path = "/api/v1/sessions/{s}"},
	REFUSE(405, "method-not-allowed", "")},
    {ROW("line/options", "API-6"), .request = {.method = "OPTIONS", .path = "/api/v1/sessions"},
	REFUSE(405, "method-not-allowed", "")},
    {ROW("line/too-long", "API-4"), .note = "a target of 1,025 bytes",
	.request = GET(CALLERS, "/{1024}"), REFUSE(413, "too-large", NULL)},
    /* Queries. */
    {ROW("query/of-a-post", "API-7"),
	.request = {.who = BEARER,
	    .method = "POST",
	    .path = "/api/v2/completions/{s}?a=1",
	    .body = "{\"prompt\":\"x\"}"},
	REFUSE(400, "unknown-field", "query")},
    {ROW("query/empty", "API-7"), .request = GET(CALLERS, "/api/v1/sessions?"),
	REFUSE(400, "unknown-field", "query")},
    {ROW("query/unknown", "API-7"), .request = GET(CALLERS, "/api/v1/sessions?offset=1"),
	REFUSE(400, "unknown-field", "query")},
    {ROW("query/twice", "API-7"), .request = GET(CALLERS, "/api/v1/sessions?limit=1&limit=1"),
	REFUSE(400, "duplicate-field", "query")},
    {ROW("query/limit-zero", "API-7"), .request = GET(CALLERS, "/api/v1/sessions?limit=0"),
	REFUSE(400, "out-of-range", "query")},
    {ROW("query/limit-too-large", "API-7"), .request = GET(CALLERS, "/api/v1/sessions?limit=1001"),
	REFUSE(400, "out-of-range", "query")},
    {ROW("query/limit-leading-zero", "API-7"), .request = GET(CALLERS, "/api/v1/sessions?limit=01"),
	REFUSE(400, "syntax", "query")},
    {ROW("query/both-in-either-order", "API-7"),
	.request = GET(CALLERS, "/api/v1/sessions?limit=1&after=0"), .status = 200, .code = ""},
    /* Listeners. */
    {ROW("listener/claim-at-the-callers", "API-3"),
	.request = {.who = MINER, .method = "POST", .path = "/api/v1/miner/claim", .body = "{}"},
	REFUSE(404, "no-such-route", "")},
    {ROW("listener/keys-at-the-callers", "API-3"),
	.request = {.who = OWNER, .method = "GET", .path = "/api/v1/keys"},
	REFUSE(404, "no-such-route", "")},
    {ROW("listener/health-at-the-callers", "API-3"), .request = GET(CALLERS, "/healthz"),
	REFUSE(404, "no-such-route", "")},
    {ROW("listener/completion-at-the-miners", "API-3"),
	.request = {.who = BEARER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/completions/{s}",
	    .body = "{\"prompt\":\"x\"}"},
	REFUSE(404, "no-such-route", "")},
    {ROW("listener/health", "API-2"), .request = GET(MINERS, "/healthz"), .status = 200,
	.code = ""},
    {ROW("listener/status", "API-2"), .deployed = true, .request = GET(CALLERS, "/api/v1/status"),
	.status = 200, .code = ""},
    {ROW("listener/miners", "API-39"), .deployed = true, .request = GET(CALLERS, "/api/v1/miners"),
	.status = 200, .code = ""},
    /* Bodies. */
    {ROW("body/none", "API-15"), .request = COMPLETE(""), REFUSE(400, "syntax", "body")},
    {ROW("body/array", "API-15"), .request = COMPLETE("[]"), REFUSE(400, "wrong-type", NULL)},
    {ROW("body/cut-off", "API-15"), .request = COMPLETE("{\"prompt\":\"x\""),
	REFUSE(400, "syntax", "body")},
    {ROW("body/two-texts", "API-15"), .request = COMPLETE("{\"prompt\":\"x\"}{}"),
	REFUSE(400, "syntax", "body")},
    {ROW("body/byte-order-mark", "API-15"), .request = COMPLETE("\xef\xbb\xbf{\"prompt\":\"x\"}"),
	REFUSE(400, "syntax", "body")},
    {ROW("body/not-utf-8", "API-15"), .request = COMPLETE("{\"prompt\":\"\xff\"}"),
	REFUSE(400, "utf8", "body")},
    {ROW("body/lone-surrogate", "API-15"), .request = COMPLETE("{\"prompt\":\"\\ud800\"}"),
	REFUSE(400, "syntax", "body")},
    {ROW("body/duplicate", "API-15"), .request = COMPLETE("{\"prompt\":\"x\",\"prompt\":\"y\"}"),
	REFUSE(400, "duplicate-field", NULL)},
    {ROW("body/unknown", "API-15"), .request = COMPLETE(PLAIN("promt", "\"x\"")),
	REFUSE(400, "unknown-field", "promt")},
    {ROW("body/null", "API-15"), .request = COMPLETE(PLAIN("max_tokens", "null")),
	REFUSE(400, "wrong-type", "max_tokens")},
    {ROW("body/leading-zero", "API-15"), .request = COMPLETE(PLAIN("max_tokens", "01")),
	REFUSE(400, "syntax", "body")},
    {ROW("body/deep", "API-15"),
	.request = COMPLETE(PLAIN("x-deep", "[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]")),
	REFUSE(400, "depth", "body")},
    {ROW("body/type-text", "API-15"), .request = COMPLETE_AS("text/plain", "{\"prompt\":\"x\"}"),
	REFUSE(415, "content-type", "content-type")},
    {ROW("body/type-latin-1", "API-15"),
	.request = COMPLETE_AS("application/json; charset=iso-8859-1", "{\"prompt\":\"x\"}"),
	REFUSE(415, "content-type", "content-type")},
    {ROW("body/too-large", "API-16"), .note = "65,537 bytes",
	.request = {.who = OWNER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/sessions",
	    .body = "{65537}"},
	REFUSE(413, "too-large", NULL)},
    {ROW("prompt/missing", "API-20"), .deployed = true, .request = COMPLETE("{}"),
	REFUSE(400, "missing-field", "prompt")},
    {ROW("prompt/empty", "API-20"), .deployed = true, .request = COMPLETE("{\"prompt\":\"\"}"),
	REFUSE(400, "wrong-length", "prompt")},
    {ROW("prompt/number", "API-20"), .deployed = true, .request = COMPLETE("{\"prompt\":1}"),
	REFUSE(400, "wrong-type", "prompt")},
    {ROW("prompt/timeout-too-long", "API-21"), .request = COMPLETE(PLAIN("timeout", "86401")),
	REFUSE(400, "out-of-range", "timeout")},
    {ROW("prompt/tokens-negative", "API-21"), .request = COMPLETE(PLAIN("max_tokens", "-1")),
	REFUSE(400, "out-of-range", "max_tokens")},
    {ROW("prompt/tokens-fraction", "API-21"), .request = COMPLETE(PLAIN("max_tokens", "1.5")),
	REFUSE(400, "wrong-type", "max_tokens")},
    {ROW("prompt/temperature-too-high", "API-21"),
	.request = COMPLETE(PLAIN("temperature", "100.000001")),
	REFUSE(400, "out-of-range", "temperature")},
    {ROW("prompt/temperature-too-fine", "API-21"),
	.request = COMPLETE(PLAIN("temperature", "0.0000001")),
	REFUSE(400, "out-of-range", "temperature")},
    {ROW("prompt/reference-too-long", "API-23"), .note = "129 bytes",
	.request = COMPLETE("{\"prompt\":\"x\",\"client_reference\":\"{129}\"}"),
	REFUSE(400, "wrong-length", "client_reference")},
    {ROW("prompt/payload-in-v2", "API-24"), .request = COMPLETE(PLAIN("payload", "{}")),
	REFUSE(400, "unknown-field", "payload")},
    {ROW("prompt/payload-beside-it", "API-24"),
	.request = {.who = OWNER,
	    .method = "POST",
	    .path = "/api/v3/completions/{s}",
	    .body = "{\"payload\":{\"encryption\":\"none\",\"inline\":\"{}\",\"sha256\":"
		    "\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":"
		    "2},\"prompt\":\"x\",\"task_id\":1}"},
	REFUSE(400, "unknown-field", "prompt")},
    /* Ids that disagree. */
    {ROW("ids/path-and-body", "API-12"),
	.request = COMPLETE("{\"prompt\":\"x\",\"session_id\":{p}}"),
	REFUSE(400, "scope-invalid", "session_id")},
    {ROW("ids/none", "API-13"),
	.request = {.who = BEARER,
	    .method = "POST",
	    .path = "/api/v2/completions",
	    .body = "{\"prompt\":\"x\"}"},
	REFUSE(400, "missing-field", "session_id")},
    {ROW("ids/body-alone", "API-12"), .deployed = true,
	.note = "the session in the body: it is looked for",
	.request = {.who = BEARER,
	    .method = "POST",
	    .path = "/api/v1/completions",
	    .body = "{\"prompt\":\"x\",\"session_id\":9007199254740991}"},
	REFUSE(404, "no-such-session", NULL)},
    {ROW("order/route-before-authorization", "API-14"),
	.request = {.who = BEARER, .method = "POST", .path = "/api/v1/nowhere", .body = "{"},
	REFUSE(404, "no-such-route", "")},
    {ROW("order/type-before-query", "API-14"),
	.request = {.who = BEARER,
	    .method = "POST",
	    .path = "/api/v2/completions/{s}?a=1",
	    .body = "{}",
	    .type = "text/plain"},
	REFUSE(415, "content-type", NULL)},
    {ROW("order/query-before-json", "API-14"),
	.request =
	    {.who = BEARER, .method = "POST", .path = "/api/v2/completions/{s}?a=1", .body = "{"},
	REFUSE(400, "unknown-field", "query")},
    {ROW("order/authorization-before-json", "API-14"),
	.request = {.method = "POST", .path = "/api/v2/completions/{s}", .body = "{"},
	REFUSE(401, "auth-missing", NULL)},
    {ROW("order/json-before-ids", "API-14"), .request = COMPLETE("{\"session_id\":{p},}"),
	REFUSE(400, "syntax", "body")},
    /* Sessions and the pool. */
    {ROW("session/type", "API-35"),
	.request = {.who = OWNER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/sessions",
	    .body = "{\"private\":true,\"type\":\"open\"}"},
	REFUSE(400, "out-of-range", "type")},
    {ROW("session/private-not-said", "API-35"),
	.request = {.who = OWNER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/sessions",
	    .body = "{\"type\":\"dedicated\"}"},
	REFUSE(400, "missing-field", "private")},
    {ROW("session/seats-not-said", "API-35"),
	.request = {.who = OWNER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/sessions",
	    .body = "{\"private\":true,\"type\":\"pooled\"}"},
	REFUSE(400, "missing-field", "seats")},
    {ROW("session/id-taken", "API-35"),
	.request = {.who = OWNER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/sessions",
	    .body = "{\"private\":true,\"session_id\":{p},\"type\":\"dedicated\"}"},
	REFUSE(409, "conflict", NULL)},
    {ROW("session/said-twice", "API-44"),
	.request = {.who = OWNER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/sessions",
	    .body = "{\"policy\":{\"router_sealed\":true},\"private\":true,\"router_sealed\":false,"
		    "\"type\":\"dedicated\"}"},
	REFUSE(400, "duplicate-field", "policy.router_sealed")},
    {ROW("session/pool-of-a-stranger", "API-50"),
	.request = {.who = STRANGER, .side = MINERS, .method = "GET", .path = "/api/v1/pool"},
	.status = 403, .code = "denied"},
    {ROW("session/leave-a-dedicated-one", "API-49"),
	.request = {.who = MINER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/miner/leave",
	    .body = "{\"session_id\":{p}}"},
	REFUSE(409, "acl-elsewhere", NULL)},
    {ROW("session/explain", "API-45"),
	.request = {.who = OWNER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/sessions/{p}/explain",
	    .body = "{\"action\":\"read\",\"actor\":\"none\"}"},
	.status = 200, .code = ""},
    {ROW("session/explain-no-action", "API-45"),
	.request = {.who = OWNER,
	    .side = MINERS,
	    .method = "POST",
	    .path = "/api/v1/sessions/{p}/explain",
	    .body = "{\"action\":\"open\"}"},
	REFUSE(400, "out-of-range", "action")},
    /* What everybody may see. */
    {ROW("view/info", "API-40"), .deployed = true, .request = GET(CALLERS, "/api/v1/info"),
	.status = 200, .code = ""},
    {ROW("view/deployment", "API-46"), .request = GET(CALLERS, "/api/v1/deployment?limit=1"),
	.status = 200, .code = ""},
    {ROW("view/deployment-too-much", "API-47"),
	.request = GET(CALLERS, "/api/v1/deployment?limit=1001"),
	REFUSE(400, "out-of-range", "query")},
    {ROW("view/session", "API-38"), .deployed = true,
	.request = GET(CALLERS, "/api/v1/sessions/{p}"), .status = 200, .code = ""},
    {ROW("view/no-such-session", "API-42"),
	.request = GET(CALLERS, "/api/v1/tasks/9007199254740991"),
	REFUSE(404, "no-such-session", NULL)},
    {ROW("view/task-of-a-private-session", "POL-10"), .request = GET(CALLERS, "/api/v1/tasks/{p}"),
	.status = 403, .code = "denied"},
};

static void
put(struct pinf_bytes *out, const char *text, size_t len)
{
	if (pinf_bytes_append(out, text, len) != PINF_OK)
		abort();
}

/* {N}: as many letters; {s}, {p}: a session's id. */
static char *
filled(const struct router *r, const char *text)
{
	struct pinf_bytes out = {0};
	char number[24];

	while (*text != '\0') {
		const size_t plain = strcspn(text, "{");
		char *end;
		unsigned long count;

		put(&out, text, plain);
		text += plain;
		if (strncmp(text, "{s}", 3) == 0 || strncmp(text, "{p}", 3) == 0) {
			(void)snprintf(number, sizeof number, "%llu",
			    (unsigned long long)r->shared[text[1] == 'p'].id);
			put(&out, number, strlen(number));
			text += 3;
		} else if (*text == '{' && (count = strtoul(text + 1, &end, 10)) > 0 &&
			   *end == '}') {
			for (unsigned long i = 0; i < count; i++)
				put(&out, "a", 1);
			text = end + 1;
		} else if (*text == '{') {
			put(&out, text++, 1);
		}
	}
	put(&out, "", 1);
	return (char *)out.data;
}

void
router_request_run(struct trial *t)
{
	const struct router_case *of = t->of;
	struct request rq = of->request;
	char *path = filled(t->router, rq.path),
	     *body = rq.body == NULL ? NULL : filled(t->router, rq.body);

	if (strncmp(of->id, "router/listener/", 16) == 0 && strstr(of->id, "-at-the-") != NULL &&
	    strcmp(t->router->urls[CALLERS], t->router->urls[MINERS]) == 0)
		(void)snprintf(t->skip, sizeof t->skip, "the router has one listener");
	rq.path = path;
	rq.body = body;
	if (rq.who == BEARER) {
		t->tamper.header = text_of("Bearer %s", t->router->shared[0].api_key);
		rq.who = NOBODY;
	}
	ask(t, rq);
	expect(t, of->status, of->code);
	if (of->field != NULL)
		expect_field(t, of->field);
	free(path);
	free(body);
}

struct case_list
router_request_cases(void)
{
	return (struct case_list){cases, sizeof cases / sizeof cases[0]};
}
