/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_audit.c -- pinf audit verify|show: reads a router's store, never writes to it.  spec/audit.md. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#include "core/audit.h"
#include "host/files.h"
#include "store/sqlite_store.h"

#define PAGE 256

#define AUDIT_OPTIONS                                                                              \
	CLI_JSON,                                                                                  \
	    OPT_TEXT("database", "PINF_DATABASE", "pinf-data/router.db", "the router's database")

static const struct pinf_option verify_options[] = {
    AUDIT_OPTIONS,
    CLI_DOMAIN,
    NEED_ADDRESS(
	"router-address", "PINF_ROUTER_ADDRESS", "whose signature the checkpoints must carry"),
    OPT_TEXT("head", NULL, "", "SEQ:HASH that somebody kept: shows truncation too"),
};
static const struct pinf_option show_options[] = {
    AUDIT_OPTIONS,
    OPT_UINT("after", 0, PINF_ID_MAX, "0", "records after this number"),
    OPT_UINT("limit", 1, 1000000, "100", "at most so many"),
};

static enum pinf_err
open_store(struct cli *cli, struct pinf_store *store)
{
	const struct pinf_sqlite_options options = {
	    .path = cli_text(cli, "database"), .read_only = true};

	return cli_fail(cli, pinf_sqlite_open(store, &options), options.path);
}

static enum pinf_err
parse_head(struct cli *cli, struct pinf_audit_expect *expect)
{
	const char *text = cli_text(cli, "head");
	char *colon;

	if (text[0] == '\0')
		return PINF_OK;
	expect->head_seq = strtoull(text, &colon, 10);
	if (*colon != ':' || expect->head_seq == 0)
		return cli_fail(cli, PINF_E_SYNTAX, "--head takes SEQ:HASH");
	return cli_fail(cli,
	    pinf_unhex(expect->head.bytes, PINF_HASH_LEN, pinf_span_str(colon + 1), true),
	    "--head");
}

static enum pinf_err
verify(struct cli *cli)
{
	struct pinf_audit_expect expect = {
	    .domain = cli_domain(cli),
	    .router = pinf_option(&cli->options, "router-address")->address,
	};
	struct pinf_audit_report report = {0};
	struct pinf_store store = {0};
	enum pinf_err err = parse_head(cli, &expect);

	if (err == PINF_OK)
		err = open_store(cli, &store);
	if (err != PINF_OK)
		return err;
	err = pinf_audit_verify(&store, &expect, &report);
	pinf_sqlite_close(&store);
	if (err == PINF_E_TAMPERED)
		return pinf_say(&cli->message, err,
		    "audit: record %llu is missing or not what was written; %llu before it are "
		    "good",
		    (unsigned long long)report.bad_seq, (unsigned long long)report.records);
	if (err != PINF_OK)
		return cli_fail(cli, err, "audit");
	pinf_json_put_uint(&cli->json, "checkpoint_seq", report.checkpoint_seq);
	for (int i = 1; i < PINF_AUDIT_KINDS; i++)
		pinf_json_put_uint(
		    &cli->json, pinf_audit_kind_name((enum pinf_audit_kind)i), report.of_kind[i]);
	pinf_json_put_hex(&cli->json, "head", false, report.head.bytes, PINF_HASH_LEN);
	pinf_json_put_uint(&cli->json, "records", report.records);
	pinf_json_put_str(&cli->json, "verdict", "intact");
	return PINF_OK;
}

static void
put_record(struct pinf_json_writer *w, const struct pinf_audit *a)
{
	pinf_json_open(w, NULL, '{');
	pinf_json_put_uint(w, "seq", a->seq);
	pinf_json_put_uint(w, "time_ms", a->time_ms);
	pinf_json_put_str(w, "kind", pinf_audit_kind_name(a->kind));
	if (a->kind == PINF_AUDIT_REFUSAL)
		pinf_json_put_str(w, "rule", pinf_rule_name(a->rule));
	if (a->purpose != 0)
		pinf_json_put_str(
		    w, "purpose", a->purpose == PINF_PURPOSE_INPUT ? "input" : "result");
	pinf_json_put_address(w, "actor", &a->actor);
	pinf_json_put_uint(w, "session", a->session);
	pinf_json_put_uint(w, "task", a->task);
	pinf_json_put_uint(w, "attempt", a->attempt);
	pinf_json_put_uint(w, "key_version", a->key_version);
	pinf_json_put_hex(w, "digest", false, a->digest.bytes, PINF_HASH_LEN);
	pinf_json_put_hex(w, "head", false, a->head.bytes, PINF_HASH_LEN);
	pinf_json_close(w, '}');
}

static enum pinf_err
show(struct cli *cli)
{
	uint64_t after = cli_number(cli, "after"), left = cli_number(cli, "limit");
	struct pinf_store store = {0};
	struct pinf_audit *page = calloc(PAGE, sizeof *page);
	size_t count = PAGE;
	enum pinf_err err = page == NULL ? PINF_E_NO_MEMORY : open_store(cli, &store);

	pinf_json_open(&cli->json, "records", '[');
	while (err == PINF_OK && left > 0 && count == PAGE) {
		err = store.ops->audit_list(
		    store.ctx, after, page, left < PAGE ? (size_t)left : PAGE, &count);
		for (size_t i = 0; i < count && err == PINF_OK; i++) {
			put_record(&cli->json, &page[i]);
			after = page[i].seq;
			left--;
		}
	}
	pinf_json_close(&cli->json, ']');
	pinf_sqlite_close(&store);
	free(page);
	return cli_fail(cli, err, "audit");
}

const struct cli_command cli_audit_verify =
    CLI_COMMAND("pinf audit verify", NULL, 0, 0, verify_options, verify,
	"Checks the audit log's chain and checkpoints; --head shows truncation.");
const struct cli_command cli_audit_show = CLI_COMMAND("pinf audit show", NULL, 0, 0, show_options,
    show, "Shows the audit log: who got which key, who was refused and why.");
