/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_schema.c -- tables and indexes, by version.  spec/store.md explains each. */
#include "store/sqlite_internal.h"

#define PAYLOAD_COLUMNS                                                                            \
	"row INTEGER PRIMARY KEY, session INTEGER NOT NULL, urn TEXT NOT NULL, "                   \
	"sha256 BLOB NOT NULL, size INTEGER NOT NULL, "                                            \
	"suite INTEGER NOT NULL, key_version INTEGER NOT NULL, scope BLOB, inline BLOB"

/* Lengths and ranges are held by the fields that bind and read the columns: sqlite_query.c. */
static const char *const step_0[] = {
    "BEGIN IMMEDIATE",
    "PRAGMA application_id = 1885957734", /* "pinf" */
    "PRAGMA user_version = 1",

    "CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), now_ms INTEGER NOT NULL) STRICT",
    "INSERT INTO clock VALUES (1, 0)",

    "CREATE TABLE sessions ("
    "id INTEGER PRIMARY KEY, type INTEGER NOT NULL, owner BLOB NOT NULL, instance BLOB NOT NULL, "
    "is_private INTEGER NOT NULL, router_sealed_allowed INTEGER NOT NULL, "
    "closed INTEGER NOT NULL, epoch INTEGER NOT NULL, last_task INTEGER NOT NULL, "
    "created_ms INTEGER NOT NULL) STRICT",

    "CREATE TABLE miners ("
    "session INTEGER NOT NULL, miner BLOB NOT NULL, PRIMARY KEY (session, miner)) STRICT, "
    "WITHOUT ROWID",
    "CREATE INDEX miners_sessions ON miners (miner, session)",

    /* shared: queued in a public, open session, so that any miner may have it.
     * next_ms: the earlier of due_ms and deadline_ms, where zero means never. */
    "CREATE TABLE tasks ("
    "row INTEGER PRIMARY KEY, session INTEGER NOT NULL, id INTEGER NOT NULL, "
    "state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 9), key_version INTEGER NOT NULL, "
    "attempt INTEGER NOT NULL, epoch INTEGER NOT NULL, miner BLOB, shared INTEGER NOT NULL, "
    "queue_seq INTEGER NOT NULL, due_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL, "
    "next_ms INTEGER NOT NULL AS (min(iif(due_ms, due_ms, 9223372036854775807), iif(deadline_ms, "
    "deadline_ms, 9223372036854775807))) STORED, precommit_sha256 BLOB, result_signature BLOB, "
    "failure TEXT NOT NULL, route INTEGER NOT NULL, api_version INTEGER NOT NULL, "
    "timeout_ms INTEGER NOT NULL, precommit_timeout_ms INTEGER NOT NULL, "
    "reference TEXT NOT NULL, reference_digest BLOB, instance BLOB NOT NULL, "
    "created_ms INTEGER NOT NULL, owner BLOB NOT NULL, UNIQUE (session, id)) STRICT",
    "CREATE UNIQUE INDEX tasks_reference ON tasks (owner, session, reference) "
    "WHERE reference <> ''",
    "CREATE INDEX tasks_queue ON tasks (shared, queue_seq, session) WHERE state = 2",
    "CREATE INDEX tasks_queue_of ON tasks (shared, session, queue_seq) WHERE state = 2",
    "CREATE INDEX tasks_open ON tasks (next_ms, key_version, state) WHERE state <= 6",

    /* Payloads are apart from tasks: a change of state then rewrites one short row. */
    "CREATE TABLE inputs (" PAYLOAD_COLUMNS ") STRICT",
    "CREATE INDEX inputs_blob ON inputs (sha256) WHERE urn <> ''",
    "CREATE TABLE results (" PAYLOAD_COLUMNS ") STRICT",
    /* A session accepts a sealed result once; equal plain documents are honest repetition. */
    "CREATE UNIQUE INDEX results_once ON results (sha256, session, iif(suite, 0, row))",

    "CREATE TABLE intents ("
    "sha256 BLOB PRIMARY KEY, session INTEGER NOT NULL, task INTEGER NOT NULL, "
    "attempt INTEGER NOT NULL, size INTEGER NOT NULL, expires_ms INTEGER NOT NULL) STRICT, "
    "WITHOUT ROWID",
    "CREATE INDEX intents_attempt ON intents (session, task, attempt)",
    "CREATE INDEX intents_expiry ON intents (expires_ms, sha256)",

    "CREATE TABLE nonces ("
    "address BLOB NOT NULL, nonce BLOB NOT NULL, expires_ms INTEGER NOT NULL, "
    "PRIMARY KEY (address, nonce)) STRICT, WITHOUT ROWID",
    "CREATE INDEX nonces_expiry ON nonces (expires_ms)",

    "CREATE TABLE audit ("
    "seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, "
    "kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 7), rule TEXT NOT NULL, "
    "actor BLOB NOT NULL, session INTEGER NOT NULL, task INTEGER NOT NULL, "
    "attempt INTEGER NOT NULL, key_version INTEGER NOT NULL, purpose INTEGER NOT NULL, "
    "digest BLOB NOT NULL, head BLOB NOT NULL) STRICT",
    "CREATE TABLE checkpoints ("
    "seq INTEGER PRIMARY KEY, head BLOB NOT NULL, signature BLOB NOT NULL) STRICT",

    "CREATE TABLE api_keys ("
    "key_sha256 BLOB PRIMARY KEY, owner BLOB NOT NULL, created_ms INTEGER NOT NULL) STRICT, "
    "WITHOUT ROWID",
    "COMMIT",
    NULL,
};

/* Lists from several sources, and who governs a session.  From here on shared may be 2: the task has a list of its own. */
static const char *const step_1[] = {
    "BEGIN IMMEDIATE",
    "PRAGMA user_version = 2",
    "ALTER TABLE sessions ADD COLUMN acl INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE sessions ADD COLUMN own_list INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sessions ADD COLUMN seats INTEGER NOT NULL DEFAULT 0",
    "UPDATE sessions SET own_list = epoch > 1",
    "ALTER TABLE sessions ADD COLUMN acl_source INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sessions ADD COLUMN attestation INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sessions ADD COLUMN task_keys_only INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sessions ADD COLUMN wallet_reads_only INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sessions ADD COLUMN grant_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sessions ADD COLUMN rotation_ms INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX sessions_rotation ON sessions (rotation_ms) WHERE closed = 0 AND rotation_ms > 0",
    /* One statement in several pieces.  NOLINTNEXTLINE(bugprone-suspicious-missing-comma) */
    "CREATE TABLE members ("
    "session INTEGER NOT NULL, source INTEGER NOT NULL, task INTEGER NOT NULL, "
    "miner BLOB NOT NULL, until_ms INTEGER NOT NULL, "
    "PRIMARY KEY (session, source, task, miner)) STRICT, WITHOUT ROWID",
    "CREATE INDEX members_sessions ON members (miner, session, source, task)",
    "CREATE INDEX members_seats ON members (until_ms, session, miner) WHERE until_ms > 0",
    "CREATE INDEX sessions_pooled ON sessions (id) WHERE type = 3 AND closed = 0",
    "INSERT INTO members SELECT session, 1, 0, miner, 0 FROM miners",
    "DROP TABLE miners",
    "CREATE TABLE removals ("
    "session INTEGER NOT NULL, miner BLOB NOT NULL, block INTEGER NOT NULL, "
    "PRIMARY KEY (session, miner)) STRICT, WITHOUT ROWID",
    "COMMIT",
    NULL,
};

const char *const *const pinf_schema_steps[PINF_SCHEMA_VERSION] = {step_0, step_1};
