/* SPDX-License-Identifier: Apache-2.0 */
/* policy_doc.c -- policy as JSON: a session's document, and how a decision came about.  spec/policy.md. */
#include <stdio.h>
#include <string.h>

#include <pinf/bug.h>
#include <pinf/policy.h>

#include "core/json.h"

/* Which of two words a field has; the first where it is absent. */
static bool
second_of(struct pinf_json_reader *reader, const char *name, const char *first, const char *second)
{
	struct pinf_span word = pinf_span_str(first);

	pinf_json_text(reader, name, false, &word);
	if (pinf_span_equal(word, pinf_span_str(second)))
		return true;
	if (!pinf_span_equal(word, pinf_span_str(first)))
		pinf_json_fail(reader, name, PINF_E_RANGE);
	return false;
}

static enum pinf_acl_source
source(struct pinf_json_reader *reader, const char *name)
{
	struct pinf_span word = pinf_span_str("any");

	pinf_json_text(reader, name, false, &word);
	for (int s = PINF_ACL_ROUTER; s <= PINF_ACL_ENV; s++) {
		const enum pinf_acl_source one = (enum pinf_acl_source)s;

		if (pinf_span_equal(word, pinf_span_str(pinf_acl_source_name(one))))
			return one;
	}
	if (!pinf_span_equal(word, pinf_span_str("any")))
		pinf_json_fail(reader, name, PINF_E_RANGE);
	return 0;
}

/* 0 where it is absent, and only there. */
static uint64_t
at_least(struct pinf_json_reader *reader, const char *name, uint64_t min, uint64_t max)
{
	uint64_t value = 0;

	if (!pinf_json_has(reader, name))
		return 0;
	pinf_json_uint(reader, name, false, max, &value);
	if (value < min && !PINF_BUG(policy_period_unbounded))
		pinf_json_fail(reader, name, PINF_E_RANGE);
	return value;
}

void
pinf_policy_read(struct pinf_json_reader *reader, struct pinf_policy_doc *doc)
{
	struct pinf_policy_doc d = {.acl_source = source(reader, "acl_source")};

	pinf_json_bool(reader, "attestation", false, &d.attestation);
	d.grant_ms = (uint32_t)at_least(
	    reader, "grant_lifetime_ms", PINF_GRANT_LIFETIME_MIN, PINF_GRANT_LIFETIME_MAX);
	d.task_keys_only = second_of(reader, "key_scope", "session", "task");
	d.wallet_reads_only = second_of(reader, "read_results", "owner", "wallet");
	d.rotation_ms = at_least(reader, "rotation_period_ms", PINF_ROTATION_MIN_MS, PINF_ID_MAX);
	pinf_json_bool(reader, "router_sealed", false, &d.router_sealed);
	*doc = d;
}

void
pinf_policy_write(
    struct pinf_json_writer *writer, const char *name, const struct pinf_policy_doc *doc)
{
	pinf_json_open(writer, name, '{');
	pinf_json_put_str(writer, "acl_source",
	    doc->acl_source == 0 ? "any" : pinf_acl_source_name(doc->acl_source));
	pinf_json_put_bool(writer, "attestation", doc->attestation);
	if (doc->grant_ms != 0)
		pinf_json_put_uint(writer, "grant_lifetime_ms", doc->grant_ms);
	pinf_json_put_str(writer, "key_scope", doc->task_keys_only ? "task" : "session");
	pinf_json_put_str(writer, "read_results", doc->wallet_reads_only ? "wallet" : "owner");
	if (doc->rotation_ms != 0)
		pinf_json_put_uint(writer, "rotation_period_ms", doc->rotation_ms);
	pinf_json_put_bool(writer, "router_sealed", doc->router_sealed);
	pinf_json_close(writer, '}');
}

enum pinf_err
pinf_policy_doc_decode(struct pinf_policy_doc *doc, struct pinf_span json, char field[64])
{
	struct pinf_policy_doc made;
	struct pinf_json_reader reader = {.err = PINF_OK};
	struct pinf_json *tree = NULL;
	enum pinf_err err = pinf_json_parse(&tree, json, PINF_POLICY_DOC_MAX);

	if (err == PINF_OK) {
		reader = pinf_json_root(tree);
		pinf_policy_read(&reader, &made);
		err = pinf_json_end(&reader);
		pinf_json_free(tree);
	}
	if (field != NULL)
		memcpy(field, reader.field, sizeof reader.field);
	if (err == PINF_OK)
		*doc = made;
	return err;
}

enum pinf_err
pinf_policy_doc_encode(struct pinf_bytes *out, const struct pinf_policy_doc *doc)
{
	struct pinf_json_writer writer = pinf_json_write_to(out);

	pinf_policy_write(&writer, NULL, doc);
	return pinf_json_written(&writer);
}

bool
pinf_policy_doc_equal(const struct pinf_policy_doc *a, const struct pinf_policy_doc *b)
{
	return a->acl_source == b->acl_source && a->attestation == b->attestation &&
	       a->task_keys_only == b->task_keys_only &&
	       a->wallet_reads_only == b->wallet_reads_only &&
	       a->router_sealed == b->router_sealed && a->grant_ms == b->grant_ms &&
	       a->rotation_ms == b->rotation_ms;
}

void
pinf_decision_write(
    struct pinf_json_writer *writer, const struct pinf_facts *facts, enum pinf_rule rule)
{
	struct pinf_policy_row rows[PINF_POLICY_ROWS_MAX];
	const size_t count = pinf_policy_trace(facts, rows);
	struct pinf_facts copy = *facts;

	pinf_json_put_str(writer, "action", pinf_action_name(facts->action));
	pinf_json_put_str(writer, "actor", pinf_actor_name(facts->actor));
	pinf_json_open(writer, "facts", '{');
	for (unsigned i = 0; i < PINF_FACT_COUNT; i++)
		pinf_json_put_bool(writer, pinf_fact_name((enum pinf_fact)i),
		    *pinf_fact(&copy, (enum pinf_fact)i));
	pinf_json_close(writer, '}');
	pinf_json_put_str(writer, "route", pinf_route_name(facts->route));
	pinf_json_open(writer, "rows", '[');
	for (size_t i = 0; i < count; i++) {
		char id[16];

		(void)snprintf(id, sizeof id, "POL-%u", rows[i].id);
		pinf_json_open(writer, NULL, '{');
		pinf_json_put_bool(writer, "applies", rows[i].applies);
		pinf_json_put_str(writer, "id", id);
		pinf_json_put_str(writer, "rule", pinf_rule_name(rows[i].rule));
		pinf_json_close(writer, '}');
	}
	pinf_json_close(writer, ']');
	pinf_json_put_str(writer, "rule", pinf_rule_name(rule));
	pinf_json_put_str(writer, "text", pinf_rule_text(rule));
	pinf_json_put_str(writer, "verdict", rule == PINF_RULE_ALLOW ? "allow" : "deny");
}
