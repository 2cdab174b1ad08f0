/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c -- fuzzes policy evaluation, values outside of the enums included.  spec/policy.md. */
#include <string.h>

#include <pinf/policy.h>

#include "common.h"
#include "core/json.h"

/* What must never be allowed, said without the table. */
static void
check_promises(const struct pinf_facts *f)
{
	const bool keys = f->action == PINF_ACT_ISSUE_INPUT || f->action == PINF_ACT_ISSUE_RESULT;
	const bool bearer =
	    f->actor == PINF_ACTOR_BEARER_OWNER || f->actor == PINF_ACTOR_BEARER_OTHER;
	const bool miner = f->actor == PINF_ACTOR_MINER;

	fuzz_check((unsigned)f->action < PINF_ACTIONS && (unsigned)f->actor < PINF_ACTORS &&
		       (unsigned)f->route < PINF_ROUTES,
	    "nothing unknown is allowed");
	fuzz_check(f->actor != PINF_ACTOR_NONE, "nobody is nobody");
	fuzz_check(
	    !(bearer && (keys || f->action == PINF_ACT_ADMINISTER)), "an API key gets no keys");
	fuzz_check(!(f->actor == PINF_ACTOR_ADMIN && keys), "an administrator gets no keys");
	fuzz_check(!(miner && f->session_private &&
		       !(f->miner_listed && f->acl_fresh && f->acl_source_right)),
	    "no unlisted miner in a private session");
	fuzz_check(!(miner && (keys || f->action == PINF_ACT_ACCEPT) && !f->lease_current),
	    "no lease, no key, no result");
	fuzz_check(
	    !(f->action == PINF_ACT_SUBMIT && f->session_private && f->route == PINF_ROUTE_PLAIN),
	    "no plaintext in a private session");
	fuzz_check(!(f->action == PINF_ACT_SUBMIT && f->route == PINF_ROUTE_ROUTER_SEALED &&
		       !f->router_sealed_allowed),
	    "the router seals only where it may");
	fuzz_check(!(f->action == PINF_ACT_SUBMIT && f->stream && f->route != PINF_ROUTE_PLAIN),
	    "no sealed streams");
	fuzz_check(!(bearer && !f->bearer_reads), "results for the wallet alone");
	fuzz_check(!(f->session_key && !f->session_keys_allowed &&
		       (f->action == PINF_ACT_ISSUE_INPUT || f->action == PINF_ACT_SUBMIT)),
	    "no session key where the policy has none");
	fuzz_check(!(f->action == PINF_ACT_SUBMIT && f->route != PINF_ROUTE_PLAIN &&
		       !f->key_version_recent),
	    "nothing new under an old key version");
	fuzz_check(!(miner && f->attestation_required && !f->attested), "attested where demanded");
}

/* What is written of a decision reads back, by names. */
static void
check_written(const struct pinf_facts *f, enum pinf_rule rule)
{
	struct pinf_json *json = NULL;
	struct pinf_json_reader root;
	struct pinf_bytes text = {0};
	struct pinf_json_writer writer = pinf_json_write_to(&text);
	struct pinf_span action, actor, route;

	fuzz_check(pinf_rule_text(rule)[0] != '\0', "every verdict has words");
	pinf_json_open(&writer, NULL, '{');
	pinf_decision_write(&writer, f, rule);
	pinf_json_close(&writer, '}');
	fuzz_check(pinf_json_written(&writer) == PINF_OK &&
		       pinf_json_parse(&json, pinf_span_of(&text), text.len) == PINF_OK,
	    "a decision is JSON");
	root = pinf_json_root(json);
	pinf_json_text(&root, "action", true, &action);
	pinf_json_text(&root, "actor", true, &actor);
	pinf_json_text(&root, "route", true, &route);
	fuzz_check(root.err == PINF_OK, "with its names");
	fuzz_check(pinf_action_of_name(action) ==
			   ((unsigned)f->action < PINF_ACTIONS ? f->action : PINF_ACTIONS) &&
		       pinf_actor_of_name(actor) ==
			   ((unsigned)f->actor < PINF_ACTORS ? f->actor : PINF_ACTORS) &&
		       pinf_route_of_name(route) ==
			   ((unsigned)f->route < PINF_ROUTES ? f->route : PINF_ROUTES),
	    "which mean what was decided about");
	for (unsigned i = 0; i <= PINF_FACT_COUNT; i++)
		fuzz_check(pinf_fact_of_name(pinf_span_str(pinf_fact_name((enum pinf_fact)i))) == i,
		    "a fact's name is its own");
	fuzz_check(pinf_fact(&(struct pinf_facts){.action = 0}, PINF_FACT_COUNT) == NULL &&
		       strcmp(pinf_rule_name(PINF_RULE_COUNT), "unknown") == 0 &&
		       strcmp(pinf_rule_text(PINF_RULE_COUNT), "unknown") == 0,
	    "what there is not has no name");
	pinf_json_free(json);
	pinf_bytes_free(&text);
}

/* Once: of every action, actor and route, and of one more of each. */
static void
check_names(void)
{
	for (unsigned i = 0; i < (PINF_ACTIONS + 1) * (PINF_ACTORS + 1) * (PINF_ROUTES + 1); i++) {
		const struct pinf_facts f = {.action = (enum pinf_action)(i % (PINF_ACTIONS + 1)),
		    .actor = (enum pinf_actor)(i / (PINF_ACTIONS + 1) % (PINF_ACTORS + 1)),
		    .route = (enum pinf_route)(i / (PINF_ACTIONS + 1) / (PINF_ACTORS + 1)),
		    .session_open = true};

		check_written(&f, pinf_policy_decide(&f));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool named;
	uint32_t bits;
	struct pinf_facts f;
	struct pinf_policy_row rows[PINF_POLICY_ROWS_MAX];
	size_t tried;
	enum pinf_rule rule;

	if (!named)
		check_names();
	named = true;
	if (size < 7)
		return 0;
	memcpy(&bits, data + 3, sizeof bits);
	f = (struct pinf_facts){
	    .action = (enum pinf_action)data[0],
	    .actor = (enum pinf_actor)data[1],
	    .route = (enum pinf_route)data[2],
	};
	for (unsigned i = 0; i < PINF_FACT_COUNT; i++)
		*pinf_fact(&f, (enum pinf_fact)i) = (bits >> i & 1) != 0;
	rule = pinf_policy_decide(&f);
	fuzz_check(
	    rule < PINF_RULE_COUNT && pinf_rule_name(rule)[0] != '\0', "every verdict has a name");
	fuzz_check(rule == pinf_policy_decide(&f), "the same facts, the same verdict");
	tried = pinf_policy_trace(&f, rows);
	fuzz_check(tried > 0 && (rows[tried - 1].applies ? rows[tried - 1].rule == rule
							 : rule == PINF_RULE_ACTION_UNKNOWN),
	    "a trace ends with the row that decided");
	if (rule == PINF_RULE_ALLOW)
		check_promises(&f);
	return 0;
}
