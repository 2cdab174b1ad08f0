/* SPDX-License-Identifier: Apache-2.0 */
/* router_suite.c -- the cases of a router as a suite: each a trial of its own.  spec/CONFORMANCE.md#router. */
#include <stdlib.h>
#include <string.h>

#include "host/keyfile.h"
#include "host/system.h"
#include "router.h"

static const char starts[] = "{\"protocol\":1,\"verb\":\"start\"}";

/* "router/auth/replay" is of the operation "router.auth". */
static void
describe(struct vector *v, const struct router_case *c)
{
	const char *group = c->id + strlen("router/");

	*v = (struct vector){.deployed = c->deployed};
	(void)snprintf(v->id, sizeof v->id, "%s", c->id);
	(void)snprintf(
	    v->operation, sizeof v->operation, "router.%.*s", (int)strcspn(group, "/"), group);
	(void)snprintf(v->level, sizeof v->level, "%s", c->should ? "should" : "must");
	(void)snprintf(v->spec, sizeof v->spec, "%s", c->spec);
	(void)snprintf(v->note, sizeof v->note, "%s", c->note == NULL ? "" : c->note);
	if (c->run == NULL)
		(void)snprintf(v->note + strlen(v->note), sizeof v->note - strlen(v->note),
		    "%s%s %s: %u %s", c->note == NULL ? "" : "; ", c->request.method,
		    c->request.path, c->status, c->code);
	v->router_case = c;
}

bool
router_vectors(struct vectors *v)
{
	const struct case_list lists[] = {router_request_cases(), router_auth_cases(),
	    router_access_cases(), router_task_cases(), router_change_cases()};

	for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
		struct vector *more = realloc(v->list, (v->count + lists[l].count) * sizeof *more);

		if (more == NULL)
			return false;
		v->list = more;
		for (size_t i = 0; i < lists[l].count; i++)
			describe(&v->list[v->count++], &lists[l].list[i]);
	}
	return true;
}

static bool
say(const char *format, const char *what)
{
	(void)fputs("pinf-conform: ", stderr);
	(void)fprintf(stderr, format, what);
	(void)fputc('\n', stderr);
	return false;
}

/* Who it is: grants.md has the address from its operator, and so has the kit where it is told. */
static bool
introduce(struct trial *t, const struct router_options *o)
{
	struct router *r = t->router;
	struct pinf_json_reader info;
	struct pinf_address own = {{0}};

	ask(t, (struct request){.method = "GET", .path = "/api/v1/info"});
	expect(t, 200, "");
	info = t->answer;
	if (!is_over(t)) {
		pinf_json_address(&info, "router", true, &own);
		pinf_json_uint(&info, "chain_id", true, PINF_ID_MAX, &r->domain.chain_id);
		pinf_json_address(&info, "contract", true, &r->domain.contract);
		pinf_json_label(&info, "name", false, r->suite->implementation,
		    sizeof r->suite->implementation);
		pinf_json_label(
		    &info, "version", false, r->suite->version, sizeof r->suite->version);
		if (info.err != PINF_OK)
			fail(t, "/api/v1/info: %s: %s", info.field, pinf_err_text(info.err));
	}
	r->address = own;
	if (o->address[0] != '\0' &&
	    pinf_address_parse(&r->address, pinf_span_str(o->address)) != PINF_OK)
		return say("--router-address: %s is no address", o->address);
	if (!is_over(t) && memcmp(&own, &r->address, sizeof own) != 0)
		return say("the router of %s says that it is another one than --router-address",
		    r->urls[CALLERS]);
	return !is_over(t) || say("the router cannot be asked: %s", t->failure);
}

static bool
open_parties(struct router *r, const struct router_options *o)
{
	struct pinf_bytes message = {0};
	enum pinf_err err = pinf_walletfile_load(&r->parties[OWNER], o->wallet, &message);

	if (err != PINF_OK) {
		(void)say("--wallet: %s", message.len == 0 ? pinf_err_text(err)
							   : text_of("%.*s", (int)message.len,
								 (const char *)message.data));
		pinf_bytes_free(&message);
		return false;
	}
	for (unsigned who = MINER; who < PARTIES && err == PINF_OK; who++)
		err = pinf_wallet_new(&r->parties[who], r->random);
	for (unsigned side = 0; side < 2 && err == PINF_OK; side++)
		if ((err = pinf_client_new(&r->clients[side], r->urls[side], NULL)) != PINF_OK)
			return say("%s is no URL: write http://HOST:PORT", r->urls[side]);
	return err == PINF_OK || say("%s", pinf_err_text(err));
}

/* It says what it can do: {"ok":{"controls":["restart"]}}. */
static bool
read_controls(struct router *r, struct pinf_span reply)
{
	struct pinf_json *json = NULL;
	struct pinf_json_reader root, ok;

	if (pinf_json_parse(&json, reply, REPLY_MAX) != PINF_OK)
		return false;
	root = pinf_json_root(json);
	ok = pinf_json_object(&root, "ok", true);
	r->action_count = pinf_json_array(&ok, "controls", true, ACTIONS_MAX);
	for (size_t i = 0; i < r->action_count; i++) {
		struct pinf_span text = {NULL, 0};

		pinf_json_item_text(&ok, "controls", i, &text);
		(void)snprintf(r->actions[i], sizeof r->actions[i], "%.*s", (int)text.len,
		    text.len == 0 ? "" : (const char *)text.data);
	}
	pinf_json_free(json);
	return ok.err == PINF_OK && root.err == PINF_OK;
}

static bool
open_control(struct router *r, const struct router_options *o)
{
	struct pinf_bytes reply = {0};
	enum heard heard = HEARD_END;
	bool good;

	if (o->control[0] == '\0')
		return true;
	if (driver_start(&r->control, o->control))
		heard =
		    driver_ask(&r->control, pinf_span_str(starts), r->suite->timeout_ms, &reply);
	good = heard == HEARD && read_controls(r, pinf_span_of(&reply));
	pinf_bytes_free(&reply);
	return good || say("--control: %s", heard == HEARD
						? "its answer is not {\"ok\":{\"controls\":[..]}}"
						: heard_text(heard));
}

static void
end_trial(struct trial *t)
{
	for (size_t i = 0; i < t->task_count; i++) {
		pinf_bytes_free(&t->tasks[i].input);
		pinf_bytes_free(&t->tasks[i].result);
	}
	pinf_json_free(t->json);
	pinf_bytes_free(&t->body);
	pinf_wipe(t, sizeof *t);
}

static void
try_case(struct router *r, struct outcome *o)
{
	const struct router_case *c = o->vector->router_case;
	struct trial t = {.router = r, .of = c};

	if (c->run != NULL)
		c->run(&t);
	else
		router_request_run(&t);
	o->result = t.failure[0] != '\0' ? FAILED : t.skip[0] != '\0' ? SKIPPED : PASSED;
	(void)snprintf(
	    o->detail, sizeof o->detail, "%s", t.failure[0] != '\0' ? t.failure : t.skip);
	end_trial(&t);
}

static bool
begin(struct router *r, const struct router_options *o)
{
	struct trial first = {.router = r};
	bool good = open_parties(r, o) && open_control(r, o) && introduce(&first, o);

	make_session(&first, &r->shared[0], (struct session_wish){.is_public = true});
	make_session(&first, &r->shared[1], (struct session_wish){.type = NULL});
	if (good && is_over(&first))
		good = say("no session can be made: %s", first.failure);
	end_trial(&first);
	return good;
}

bool
suite_run_router(struct suite *s, const struct router_options *o)
{
	struct router r = {.suite = s,
	    .urls = {o->url, o->miner_url[0] == '\0' ? o->url : o->miner_url},
	    .random = pinf_random_system()};
	bool good;

	pinf_harden();
	good = suite_room(s) && begin(&r, o);
	for (size_t i = 0; i < s->vectors->count && good; i++) {
		if (!suite_wants(s, &s->vectors->list[i]))
			continue;
		s->outcomes[s->count].vector = &s->vectors->list[i];
		try_case(&r, &s->outcomes[s->count++]);
	}
	if (r.control.pid != 0)
		(void)driver_end(&r.control, 5000);
	for (unsigned side = 0; side < 2; side++)
		pinf_client_free(r.clients[side]);
	pinf_wipe(r.parties, sizeof r.parties);
	return good;
}
