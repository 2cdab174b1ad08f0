/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c -- fuzzes policy evaluation, values outside of the enums included.  spec/policy.md. */
#include <string.h>

#include <pinf/policy.h>

#include "common.h"

static bool
flag(uint32_t bits, unsigned at)
{
	return (bits >> at & 1) != 0;
}

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
	fuzz_check(!(miner && f->session_private && !(f->miner_listed && f->acl_fresh)),
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
	fuzz_check(!(miner && f->attestation_required && !f->attested), "attested where demanded");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t bits;
	struct pinf_facts f;
	enum pinf_rule rule;

	if (size < 7)
		return 0;
	memcpy(&bits, data + 3, sizeof bits);
	f = (struct pinf_facts){
	    .action = (enum pinf_action)data[0],
	    .actor = (enum pinf_actor)data[1],
	    .route = (enum pinf_route)data[2],
	    .session_open = flag(bits, 0),
	    .session_private = flag(bits, 1),
	    .acl_fresh = flag(bits, 2),
	    .miner_listed = flag(bits, 3),
	    .lease_current = flag(bits, 4),
	    .key_version_usable = flag(bits, 5),
	    .router_sealed_allowed = flag(bits, 6),
	    .stream = flag(bits, 7),
	    .attestation_required = flag(bits, 8),
	    .attested = flag(bits, 9),
	};
	rule = pinf_policy_decide(&f);
	fuzz_check(
	    rule < PINF_RULE_COUNT && pinf_rule_name(rule)[0] != '\0', "every verdict has a name");
	fuzz_check(rule == pinf_policy_decide(&f), "the same facts, the same verdict");
	if (rule == PINF_RULE_ALLOW)
		check_promises(&f);
	return 0;
}
