/* SPDX-License-Identifier: Apache-2.0 */
/* operations.h -- what pinf's driver can be asked.  spec/CONFORMANCE.md. */
#ifndef PINF_CONFORM_OPERATIONS_H
#define PINF_CONFORM_OPERATIONS_H

#include <stdlib.h>

#include <pinf/policy.h>
#include <pinf/scope.h>

#include "core/json.h"

#define LINE_MAX_LEN ((size_t)64 << 20)

/* Reads input, writes the members of "ok"; an error becomes a rejection by its stage. */
struct operation {
	const char *name;
	enum pinf_err (*run)(struct pinf_json_reader *input, struct pinf_json_writer *ok);
};
extern const struct operation operations[];
extern const size_t operation_count;

/* The rule by which policy.decide denied last. */
extern enum pinf_rule denied;

/* What is wrong with the kit, and no rejection. */
static inline void
need(bool holds)
{
	if (!holds)
		abort();
}
void need_read(const struct pinf_json_reader *reader);
/* Hex, or the recipe of something long. */
void read_bytes(struct pinf_json_reader *reader, const char *name, struct pinf_bytes *out);
void read_scope(struct pinf_json_reader *input, struct pinf_scope *scope);

/* operations_access.c */
enum pinf_err auth_verify(struct pinf_json_reader *input, struct pinf_json_writer *ok);
enum pinf_err result_verify(struct pinf_json_reader *input, struct pinf_json_writer *ok);
enum pinf_err checkpoint_verify(struct pinf_json_reader *input, struct pinf_json_writer *ok);
enum pinf_err policy_decide(struct pinf_json_reader *input, struct pinf_json_writer *ok);
enum pinf_err grant_open(struct pinf_json_reader *input, struct pinf_json_writer *ok);
enum pinf_err allowlist_parse(struct pinf_json_reader *input, struct pinf_json_writer *ok);

/* operations_files.c */
enum pinf_err keyring_open(struct pinf_json_reader *input, struct pinf_json_writer *ok);
enum pinf_err policy_document(struct pinf_json_reader *input, struct pinf_json_writer *ok);
enum pinf_err abi_call(struct pinf_json_reader *input, struct pinf_json_writer *ok);
enum pinf_err abi_decode(struct pinf_json_reader *input, struct pinf_json_writer *ok);

/* node.c: the one node of this process.  False: it has no such role. */
bool node_begin(struct pinf_json_reader *asked);
void node_event(struct pinf_json_reader *asked, struct pinf_json_writer *out);
void node_reset(void);

#endif
