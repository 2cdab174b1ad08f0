/* SPDX-License-Identifier: Apache-2.0 */
/* test_audit.c -- the audit log's chain: its exact bytes, and that no change of it goes unseen. */
#include <pinf/auth.h>

#include "core/audit.h"
#include "crypto/crypto.h"
#include "unit/store_fixture.h"

#define RECORDS 70 /* more than two pages of the walk */

struct log {
	struct fixture *f;
	struct pinf_wallet router;
	struct pinf_audit_expect expect;
	struct pinf_audit records[RECORDS];
};

static struct pinf_audit
a_record(uint64_t number)
{
	return (struct pinf_audit){.time_ms = 1700000000000 + number,
	    .kind = number % 2 == 0 ? PINF_AUDIT_GRANT : PINF_AUDIT_REFUSAL,
	    .rule = number % 2 == 0 ? PINF_RULE_ALLOW : PINF_RULE_MINER_UNLISTED,
	    .actor = an_address(0x31),
	    .session = 7,
	    .task = number,
	    .attempt = 1,
	    .key_version = 2,
	    .purpose = number % 2 == 0 ? PINF_PURPOSE_INPUT : 0,
	    .digest = a_hash((uint32_t)number)};
}

static void
checkpoint(struct log *l, uint64_t seq)
{
	struct pinf_checkpoint c = {.seq = seq, .head = l->records[seq - 1].head};
	struct pinf_hash digest;

	pinf_checkpoint_digest(&digest, &l->expect.domain, &l->expect.router, seq, &c.head);
	assert_ok(pinf_wallet_sign(&c.signature, &l->router, &digest));
	assert_ok(CALL(l->f, checkpoint_insert, &c));
}

static int
log_new(void **state)
{
	struct log *l = calloc(1, sizeof *l);
	void *fixture = NULL;
	uint64_t seed = 1;

	if (l == NULL || fixture_new(&fixture) != 0)
		return -1;
	l->f = fixture;
	if (pinf_wallet_new(&l->router, unit_random(&seed)) != PINF_OK)
		return -1;
	l->expect.router = l->router.address;
	l->expect.domain = (struct pinf_domain){.chain_id = 1337, .contract = an_address(0xc0)};
	for (uint64_t i = 0; i < RECORDS; i++) {
		l->records[i] = a_record(i);
		pinf_audit_seal(&l->records[i], i == 0 ? NULL : &l->records[i - 1]);
		assert_ok(CALL(l->f, audit_append, &l->records[i]));
	}
	checkpoint(l, 10);
	checkpoint(l, 50);
	*state = l;
	return 0;
}

static int
log_free(void **state)
{
	struct log *l = *state;
	void *fixture = l->f;
	const int failed = fixture_free(&fixture);

	free(l);
	return failed;
}

/* spec/audit.md's worked example. */
static void
the_chain_has_these_exact_bytes(void **state)
{
	struct pinf_audit first = {.time_ms = 1700000000000,
	    .kind = PINF_AUDIT_GRANT,
	    .rule = PINF_RULE_ALLOW,
	    .actor = an_address(0x31),
	    .session = 7,
	    .task = 1,
	    .attempt = 1,
	    .key_version = 2,
	    .purpose = PINF_PURPOSE_INPUT};
	struct pinf_audit second = {.time_ms = 1700000000001,
	    .kind = PINF_AUDIT_REFUSAL,
	    .rule = PINF_RULE_MINER_UNLISTED,
	    .actor = an_address(0x44),
	    .session = 7,
	    .task = 1};
	char hex[65];

	(void)state;
	memset(first.digest.bytes, 0xd1, sizeof first.digest.bytes);
	memset(second.digest.bytes, 0xd2, sizeof second.digest.bytes);
	pinf_audit_seal(&first, NULL);
	assert_int_equal(first.seq, 1);
	pinf_hex(hex, first.head.bytes, sizeof first.head.bytes);
	assert_string_equal(
	    hex, "ad565e225390d0efc6d1c8543d8140f19e09a5e95f20ac48eae4f17bcc6b82f0");
	assert_true(unit_in_spec("audit.md", hex));
	pinf_audit_seal(&second, &first);
	assert_int_equal(second.seq, 2);
	pinf_hex(hex, second.head.bytes, sizeof second.head.bytes);
	assert_string_equal(
	    hex, "d86ea735e601ee701d6c5385e71a8f733212905dd896eaca990de71fbd404a4e");
	assert_true(unit_in_spec("audit.md", hex));
}

static void
a_whole_log_verifies(void **state)
{
	struct log *l = *state;
	struct pinf_audit_report report;

	assert_ok(pinf_audit_verify(&l->f->store, &l->expect, &report));
	assert_int_equal(report.records, RECORDS);
	assert_int_equal(report.of_kind[PINF_AUDIT_GRANT], RECORDS / 2);
	assert_int_equal(report.of_kind[PINF_AUDIT_REFUSAL], RECORDS / 2);
	assert_true(pinf_hash_equal(&report.head, &l->records[RECORDS - 1].head));
	assert_int_equal(report.checkpoint_seq, 50);
	assert_int_equal(report.bad_seq, 0);

	l->expect.head_seq = 42;
	l->expect.head = l->records[41].head;
	assert_ok(pinf_audit_verify(&l->f->store, &l->expect, &report));
}

static void
an_empty_log_verifies(void **state)
{
	struct fixture *f = *state;
	struct pinf_audit_expect expect = {.head_seq = 0};
	struct pinf_audit_report report;

	assert_ok(pinf_audit_verify(&f->store, &expect, &report));
	assert_int_equal(report.records, 0);
	expect.head_seq = 1;
	assert_err(pinf_audit_verify(&f->store, &expect, &report), PINF_E_TAMPERED);
	assert_int_equal(report.bad_seq, 1);
}

/* Each in a batch that is rolled back: what is changed, and the first record that shows it. */
static void
no_change_goes_unseen(void **state)
{
	static const struct {
		const char *sql;
		uint64_t bad_seq;
	} rows[] = {
	    {"UPDATE audit SET time_ms = time_ms + 1 WHERE seq = 33", 33},
	    {"UPDATE audit SET kind = 2 WHERE seq = 1", 1},
	    {"UPDATE audit SET rule = 'allow' WHERE seq = 2", 2},
	    {"UPDATE audit SET actor = zeroblob(20) WHERE seq = 70", 70},
	    {"UPDATE audit SET session = 8 WHERE seq = 3", 3},
	    {"UPDATE audit SET task = 8 WHERE seq = 4", 4},
	    {"UPDATE audit SET attempt = 8 WHERE seq = 5", 5},
	    {"UPDATE audit SET key_version = 8 WHERE seq = 6", 6},
	    {"UPDATE audit SET purpose = 2 WHERE seq = 7", 7},
	    {"UPDATE audit SET digest = zeroblob(32) WHERE seq = 8", 8},
	    {"UPDATE audit SET head = zeroblob(32) WHERE seq = 9", 9},
	    {"DELETE FROM audit WHERE seq = 1", 1},
	    {"DELETE FROM audit WHERE seq = 32", 32},
	    {"UPDATE audit SET seq = 71 WHERE seq = 20", 20},
	    {"DELETE FROM audit WHERE seq >= 50", 50}, /* below the checkpoint */
	    {"DELETE FROM audit", 1},
	    {"UPDATE checkpoints SET head = zeroblob(32) WHERE seq = 50", 50},
	    {"UPDATE checkpoints SET signature = zeroblob(65) WHERE seq = 50", 50},
	    {"UPDATE checkpoints SET seq = 51 WHERE seq = 50", 51},
	};
	struct log *l = *state;
	struct pinf_audit_report report;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_ok(DO(l->f, begin));
		assert_int_equal(
		    sqlite3_exec(fixture_db(l->f), rows[i].sql, NULL, NULL, NULL), SQLITE_OK);
		assert_err(pinf_audit_verify(&l->f->store, &l->expect, &report), PINF_E_TAMPERED);
		assert_int_equal(report.bad_seq, rows[i].bad_seq);
		assert_true(report.records < RECORDS);
		DO(l->f, rollback);
	}
	assert_ok(DO(l->f, begin));
	assert_int_equal(
	    sqlite3_exec(fixture_db(l->f), "UPDATE audit SET rule = 'no such'", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_err(pinf_audit_verify(&l->f->store, &l->expect, &report), PINF_E_CORRUPT);
	DO(l->f, rollback);
}

/* Whoever can write the file can cut it behind the checkpoint: only a head kept elsewhere shows it. */
static void
a_kept_head_shows_truncation_and_rewriting(void **state)
{
	struct log *l = *state;
	struct pinf_audit_report report;

	assert_int_equal(
	    sqlite3_exec(fixture_db(l->f), "DELETE FROM audit WHERE seq > 60", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_ok(pinf_audit_verify(&l->f->store, &l->expect, &report));
	assert_int_equal(report.records, 60);
	l->expect.head_seq = RECORDS;
	l->expect.head = l->records[RECORDS - 1].head;
	assert_err(pinf_audit_verify(&l->f->store, &l->expect, &report), PINF_E_TAMPERED);
	assert_int_equal(report.bad_seq, 61);
	for (uint64_t i = 60; i < RECORDS; i++) { /* Written anew, one field another. */
		l->records[i].session += i == 60;
		pinf_audit_seal(&l->records[i], &l->records[i - 1]);
		assert_ok(CALL(l->f, audit_append, &l->records[i]));
	}
	assert_err(pinf_audit_verify(&l->f->store, &l->expect, &report), PINF_E_TAMPERED);
	assert_int_equal(report.bad_seq, RECORDS);
}

static void
a_checkpoint_is_its_routers_and_its_deployments(void **state)
{
	struct log *l = *state;
	struct pinf_audit_report report;

	l->expect.domain.chain_id++;
	assert_err(pinf_audit_verify(&l->f->store, &l->expect, &report), PINF_E_TAMPERED);
	l->expect.domain.chain_id--;
	l->expect.router = an_address(1);
	assert_err(pinf_audit_verify(&l->f->store, &l->expect, &report), PINF_E_TAMPERED);
	assert_int_equal(report.bad_seq, 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_new, log_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_chain_has_these_exact_bytes),
	    cmocka_unit_test_setup_teardown(an_empty_log_verifies, fixture_new, fixture_free),
	    TEST(a_whole_log_verifies), TEST(no_change_goes_unseen),
	    TEST(a_kept_head_shows_truncation_and_rewriting),
	    TEST(a_checkpoint_is_its_routers_and_its_deployments)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
