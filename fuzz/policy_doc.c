/* SPDX-License-Identifier: Apache-2.0 */
/* policy_doc.c -- fuzzes policy documents.  spec/policy.md#documents. */
#include <string.h>

#include <pinf/policy.h>

#include "common.h"

static enum pinf_err
decode_starving(struct pinf_span text)
{
	struct pinf_policy_doc doc;
	struct pinf_bytes out = {0};
	char field[64] = {0};
	enum pinf_err err = pinf_policy_doc_decode(&doc, text, field);

	if (err == PINF_OK)
		err = pinf_policy_doc_encode(&out, &doc);
	pinf_bytes_free(&out);
	return err;
}

/* Each field counts. */
static void
check_equality(const struct pinf_policy_doc *doc)
{
	for (unsigned i = 0; i < 7; i++) {
		struct pinf_policy_doc other = *doc;

		switch (i) {
		case 0: other.acl_source = (enum pinf_acl_source)(other.acl_source + 1); break;
		case 1: other.attestation = !other.attestation; break;
		case 2: other.task_keys_only = !other.task_keys_only; break;
		case 3: other.wallet_reads_only = !other.wallet_reads_only; break;
		case 4: other.router_sealed = !other.router_sealed; break;
		case 5: other.grant_ms++; break;
		default: other.rotation_ms++;
		}
		fuzz_check(!pinf_policy_doc_equal(doc, &other), "another field, another document");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pinf_policy_doc doc, again;
	struct pinf_bytes canonical = {0}, twice = {0};
	char field[64] = {0};
	enum pinf_err err = pinf_policy_doc_decode(&doc, (struct pinf_span){data, size}, field);

	fuzz_check_named(err);
	fuzz_check(pinf_policy_doc_decode(&again, (struct pinf_span){data, size}, NULL) == err,
	    "asked for the field or not");
	fuzz_starve(decode_starving, (struct pinf_span){data, size});
	fuzz_check(memchr(field, 0, sizeof field) != NULL, "a field's name ends");
	if (err != PINF_OK)
		return 0;
	fuzz_check(field[0] == 0, "no field where nothing is wrong");
	fuzz_check(doc.acl_source < PINF_ACL_EMERGENCY, "no emergency can be demanded");
	fuzz_check(doc.grant_ms == 0 || (doc.grant_ms >= PINF_GRANT_LIFETIME_MIN &&
					    doc.grant_ms <= PINF_GRANT_LIFETIME_MAX),
	    "a lifetime within its bounds");
	fuzz_check(doc.rotation_ms == 0 ||
		       (doc.rotation_ms >= PINF_ROTATION_MIN_MS && doc.rotation_ms <= PINF_ID_MAX),
	    "a period within its bounds");
	fuzz_check(pinf_policy_doc_encode(&canonical, &doc) == PINF_OK, "what decodes encodes");
	fuzz_check(pinf_policy_doc_decode(&again, pinf_span_of(&canonical), field) == PINF_OK &&
		       pinf_policy_doc_equal(&doc, &again) &&
		       pinf_policy_doc_encode(&twice, &again) == PINF_OK &&
		       pinf_span_equal(pinf_span_of(&canonical), pinf_span_of(&twice)),
	    "the canonical document is the same document");
	check_equality(&doc);
	pinf_bytes_free(&canonical);
	pinf_bytes_free(&twice);
	return 0;
}
