/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy_doc.c -- policy documents: the examples of spec/policy.md, and what no page shows. */
#include "unit/unit.h"

#include <pinf/policy.h>

static void
encoded(char *out, size_t cap, const struct pinf_policy_doc *doc)
{
	struct pinf_bytes bytes = {0};

	assert_ok(pinf_policy_doc_encode(&bytes, doc));
	(void)snprintf(out, cap, "%.*s", (int)bytes.len, (const char *)bytes.data);
	pinf_bytes_free(&bytes);
}

/* The canonical form, or "error: field"; a failure writes nothing but the field. */
static void
check_example(const char *text, const char *outcome)
{
	struct pinf_policy_doc doc = {.grant_ms = 7}, again;
	char field[64] = "?", got[512], canonical[512];
	const enum pinf_err err = pinf_policy_doc_decode(&doc, SPAN(text), field);

	if (err != PINF_OK) {
		(void)snprintf(got, sizeof got, "%s:%s%s", pinf_err_name(err),
		    field[0] == 0 ? "" : " ", field);
		assert_string_equal(got, outcome);
		assert_int_equal(doc.grant_ms, 7);
		return;
	}
	assert_string_equal(field, "");
	encoded(got, sizeof got, &doc);
	assert_string_equal(got, outcome);
	assert_ok(pinf_policy_doc_decode(&again, SPAN(got), NULL));
	assert_true(pinf_policy_doc_equal(&doc, &again));
	encoded(canonical, sizeof canonical, &again);
	assert_string_equal(canonical, got);
}

static void
the_examples_of_the_page_hold(void **state)
{
	(void)state;
	assert_int_equal(unit_spec_rows("policy.md", check_example), 27);
}

static void
zero_is_the_default(void **state)
{
	const struct pinf_policy_doc none = {0};
	struct pinf_policy_doc doc;

	(void)state;
	assert_ok(pinf_policy_doc_decode(&doc, SPAN("{}"), NULL));
	assert_true(pinf_policy_doc_equal(&doc, &none));
}

static void
every_field_makes_another_document(void **state)
{
	const struct pinf_policy_doc none = {0};
	const struct pinf_policy_doc others[] = {{.acl_source = PINF_ACL_ROUTER},
	    {.acl_source = PINF_ACL_ENV}, {.attestation = true}, {.task_keys_only = true},
	    {.wallet_reads_only = true}, {.router_sealed = true}, {.grant_ms = 1000},
	    {.rotation_ms = 60000}};
	char want[512], got[512];

	(void)state;
	encoded(want, sizeof want, &none);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_false(pinf_policy_doc_equal(&others[i], &none));
		encoded(got, sizeof got, &others[i]);
		assert_string_not_equal(got, want);
	}
}

static void
a_document_has_a_most(void **state)
{
	struct pinf_policy_doc doc;
	char text[PINF_POLICY_DOC_MAX + 2];

	(void)state;
	memset(text, ' ', sizeof text);
	memcpy(text, "{}", 2);
	assert_ok(pinf_policy_doc_decode(&doc, span_of(text, PINF_POLICY_DOC_MAX), NULL));
	assert_err(pinf_policy_doc_decode(&doc, span_of(text, PINF_POLICY_DOC_MAX + 1), NULL),
	    PINF_E_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_examples_of_the_page_hold),
	    cmocka_unit_test(zero_is_the_default),
	    cmocka_unit_test(every_field_makes_another_document),
	    cmocka_unit_test(a_document_has_a_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
