/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c -- seals audit records into a hash chain and verifies it.  spec/audit.md. */
#include <assert.h>
#include <string.h>

#include <pinf/auth.h>
#include <pinf/bug.h>

#include "core/audit.h"
#include "core/be.h"
#include "crypto/crypto.h"

#define RULE_LEN 32 /* a rule's name, padded with zeros: numbers move when rules are added */
#define PAGE     32

static uint8_t *
put_bytes(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return at + len;
}

static void
link_hash(struct pinf_hash *head, const struct pinf_hash *former, const struct pinf_audit *record)
{
	static const char label[] = "pinf/audit/1";
	uint8_t in[sizeof label - 1 + PINF_HASH_LEN + 8 + 8 + 1 + RULE_LEN + PINF_ADDRESS_LEN + 8 +
		   8 + 4 + 4 + 1 + PINF_HASH_LEN];
	uint8_t rule[RULE_LEN] = {0};
	const char *name = pinf_rule_name(record->rule);
	uint8_t *at = put_bytes(in, label, sizeof label - 1);

	assert(strlen(name) <= sizeof rule);
	memcpy(rule, name, strlen(name));
	at = put_bytes(at, former->bytes, PINF_HASH_LEN);
	at = pinf_be_put(at, 8, record->seq);
	at = pinf_be_put(at, 8, record->time_ms);
	at = pinf_be_put(at, 1, record->kind);
	at = put_bytes(at, rule, sizeof rule);
	at = put_bytes(at, record->actor.bytes, PINF_ADDRESS_LEN);
	at = pinf_be_put(at, 8, record->session);
	at = pinf_be_put(at, 8, record->task);
	at = pinf_be_put(at, 4, record->attempt);
	at = pinf_be_put(at, 4, record->key_version);
	at = pinf_be_put(at, 1, record->purpose);
	at = put_bytes(at, record->digest.bytes, PINF_HASH_LEN);
	assert(at == in + sizeof in);
	pinf_sha256(head, (struct pinf_span){in, sizeof in});
}

void
pinf_audit_seal(struct pinf_audit *record, const struct pinf_audit *former)
{
	static const struct pinf_hash none = {{0}};

	record->seq = former == NULL ? 1 : former->seq + 1;
	link_hash(&record->head, former == NULL || PINF_BUG(audit_unlinked) ? &none : &former->head,
	    record);
}

/* The log must hold seq with that head; where it lies behind the record in hand, it must come. */
static bool
contradicts(const struct pinf_audit *record, uint64_t seq, const struct pinf_hash *head)
{
	return record->seq == seq && !pinf_hash_equal(&record->head, head);
}

static enum pinf_err
walk(const struct pinf_store *store, const struct pinf_audit_expect *expect,
    const struct pinf_checkpoint *checkpoint, struct pinf_audit_report *report)
{
	struct pinf_audit page[PAGE];
	size_t count = 0;

	do {
		enum pinf_err err =
		    store->ops->audit_list(store->ctx, report->records, page, PAGE, &count);

		if (err != PINF_OK)
			return err;
		for (size_t i = 0; i < count; i++) {
			struct pinf_hash head;

			link_hash(&head, &report->head, &page[i]);
			if (page[i].seq != report->records + 1 ||
			    !pinf_hash_equal(&head, &page[i].head) ||
			    contradicts(&page[i], checkpoint->seq, &checkpoint->head) ||
			    contradicts(&page[i], expect->head_seq, &expect->head)) {
				report->bad_seq = report->records + 1;
				return PINF_E_TAMPERED;
			}
			report->head = head;
			report->records++;
			report->of_kind[page[i].kind]++;
		}
	} while (count == PAGE);
	return PINF_OK;
}

enum pinf_err
pinf_audit_verify(const struct pinf_store *store, const struct pinf_audit_expect *expect,
    struct pinf_audit_report *report)
{
	struct pinf_checkpoint checkpoint = {0};
	enum pinf_err err = store->ops->checkpoint_last(store->ctx, &checkpoint);

	*report = (struct pinf_audit_report){0};
	if (err != PINF_OK && err != PINF_E_NOT_FOUND)
		return err;
	if (err == PINF_OK) {
		struct pinf_hash digest;

		pinf_checkpoint_digest(
		    &digest, &expect->domain, &expect->router, checkpoint.seq, &checkpoint.head);
		if (pinf_signature_check(&checkpoint.signature, &digest, &expect->router) !=
		    PINF_OK) {
			report->bad_seq = checkpoint.seq;
			return PINF_E_TAMPERED;
		}
		report->checkpoint_seq = checkpoint.seq;
	}
	err = walk(store, expect, &checkpoint, report);
	/* Truncated: the log ends before what was promised to be in it. */
	if (err == PINF_OK &&
	    (report->records < checkpoint.seq || report->records < expect->head_seq)) {
		report->bad_seq = report->records + 1;
		return PINF_E_TAMPERED;
	}
	return err;
}
