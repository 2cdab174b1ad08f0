/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_statements.h -- every statement that the store runs.  Nothing here depends on time, chance
 * or the order of pages; tests/unit/test_store.c holds each plan to its index.  spec/store.md.
 */
#ifndef PINF_SQLITE_STATEMENTS_H
#define PINF_SQLITE_STATEMENTS_H

/* Columns are in the order of the fields that sqlite_session.c and its neighbours give a record. */
#define PINF_SQL_SESSION                                                                           \
	"id, is_private, router_sealed_allowed, closed, acl, own_list, epoch, last_task, type, "   \
	"seats, owner, instance, created_ms, acl_source, attestation, task_keys_only, "            \
	"wallet_reads_only, grant_ms, rotation_ms "
/* Entries that speak for session s: of the source that governs it, and an emergency's. */
#define PINF_SQL_GOVERNS "(m.source = s.acl OR m.source = 4) "
#define PINF_SQL_TASK                                                                              \
	"SELECT t.session, t.id, t.state, t.key_version, t.attempt, t.epoch, t.miner, "            \
	"t.queue_seq, t.due_ms, t.deadline_ms, t.precommit_sha256, t.result_signature, "           \
	"t.failure, t.route, t.api_version, t.timeout_ms, t.precommit_timeout_ms, t.reference, "   \
	"t.reference_digest, t.instance, t.created_ms, t.owner, "                                  \
	"i.urn, i.sha256, i.size, i.suite, i.key_version, i.scope, i.inline, "                     \
	"r.urn, r.sha256, r.size, r.suite, r.key_version, r.scope, r.inline "                      \
	"FROM tasks t LEFT JOIN inputs i ON i.row = t.row LEFT JOIN results r ON r.row = t.row "

#define PINF_SQL_SEAT "SELECT session, source, task, miner, until_ms FROM members "

/* Parameter 1 is the session, 2 the task, from 3 on as the fields; an update ends with the row. */
#define PINF_SQL_MOVED                                                                             \
	"state = ?3, key_version = ?4, attempt = ?5, epoch = ?6, miner = ?7, queue_seq = ?8, "     \
	"due_ms = ?9, deadline_ms = ?10, precommit_sha256 = ?11, result_signature = ?12, "         \
	"failure = ?13 "
/* Of the task (session, id): 1 open to all, 2 by a list of its own, else 0. */
#define PINF_SQL_SHARED_OF(session, id)                                                            \
	"iif(EXISTS (SELECT 1 FROM members m JOIN sessions s ON s.id = m.session "                 \
	"WHERE m.session = " session " AND m.source >= 3 AND m.task = " id                         \
	" AND " PINF_SQL_GOVERNS "), 2, "                                                          \
	"ifnull((SELECT is_private = 0 AND closed = 0 FROM sessions WHERE id = " session "), 0)) "
#define PINF_SQL_SHARED PINF_SQL_SHARED_OF("?1", "?2")
#define PINF_SQL_PAYLOAD                                                                           \
	"(row, session, urn, sha256, size, suite, key_version, scope, inline) "                    \
	"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (row) DO UPDATE SET "             \
	"urn = excluded.urn, sha256 = excluded.sha256, size = excluded.size, "                     \
	"suite = excluded.suite, key_version = excluded.key_version, scope = excluded.scope, "     \
	"inline = excluded.inline"
#define PINF_SQL_FIRST_DUE "ORDER BY t.next_ms, t.key_version, t.state, t.row LIMIT 1"

#define PINF_SQL_INTENT "SELECT sha256, session, task, attempt, size, expires_ms FROM intents "
#define PINF_SQL_AUDIT                                                                             \
	"SELECT seq, time_ms, kind, rule, actor, session, task, attempt, key_version, purpose, "   \
	"digest, head FROM audit "

#define PINF_SQL(X)                                                                                \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                \
	X(COMMIT, "COMMIT")                                                                        \
	X(SAVEPOINT, "SAVEPOINT event")                                                            \
	X(RELEASE, "RELEASE event")                                                                \
	X(ROLLBACK_TO, "ROLLBACK TO event")                                                        \
	X(CLOCK_GET, "SELECT now_ms FROM clock WHERE id = 1")                                      \
	X(CLOCK_SET, "UPDATE clock SET now_ms = max(now_ms, ?1) WHERE id = 1")                     \
	X(SESSION_INSERT, "INSERT INTO sessions (" PINF_SQL_SESSION ") "                           \
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "  \
			  "?15, ?16, ?17, ?18, ?19)")                                              \
	X(SESSION_GET, "SELECT " PINF_SQL_SESSION "FROM sessions WHERE id = ?1")                   \
	X(SESSION_UPDATE,                                                                          \
	    "UPDATE sessions SET is_private = max(is_private, ?2), router_sealed_allowed = ?3, "   \
	    "closed = max(closed, ?4), acl = ?5, own_list = max(own_list, ?6), epoch = ?7, "       \
	    "last_task = ?8 WHERE id = ?1")                                                        \
	X(SESSION_POLICY,                                                                          \
	    "UPDATE sessions SET router_sealed_allowed = ?2, acl_source = ?3, attestation = ?4, "  \
	    "task_keys_only = ?5, wallet_reads_only = ?6, grant_ms = ?7, rotation_ms = ?8 "        \
	    "WHERE id = ?1")                                                                       \
	X(ROTATION_SHORTEST, "SELECT ifnull(min(rotation_ms), 9223372036854775807) "               \
			     "FROM sessions WHERE closed = 0 AND rotation_ms > 0")                 \
	X(SESSION_UNSHARE,                                                                         \
	    "UPDATE tasks SET shared = 0 WHERE state = 2 AND shared = 1 AND session = ?1")         \
	X(SESSION_LIST, "SELECT " PINF_SQL_SESSION "FROM sessions WHERE id > ?1 ORDER BY id")      \
	X(SESSION_LAST, "SELECT ifnull(max(id), 0) FROM sessions")                                 \
	X(MEMBER_PUT, "INSERT OR IGNORE INTO members (session, source, task, miner, until_ms) "    \
		      "VALUES (?1, ?2, ?3, ?4, ?5)")                                               \
	X(MEMBER_DROP, "DELETE FROM members "                                                      \
		       "WHERE session = ?1 AND source = ?2 AND task = ?3 AND miner = ?4")          \
	X(MEMBER_LIST, "SELECT session, source, task, miner, until_ms FROM members "               \
		       "WHERE (session, source, task, miner) > (?1, ?2, ?3, ?4) "                  \
		       "ORDER BY session, source, task, miner")                                    \
	X(SEATS_WANTED,                                                                            \
	    "SELECT seats, taken, head, id FROM (SELECT s.id AS id, s.seats AS seats, "            \
	    "(SELECT count(*) FROM members m WHERE m.session = s.id AND m.source = 1) AS taken, "  \
	    "(SELECT min(t.queue_seq) FROM tasks t WHERE t.state = 2 AND t.shared = 0 "            \
	    "AND t.session = s.id) AS head FROM sessions s WHERE s.type = 3 AND s.closed = 0 "     \
	    "AND s.id > 0) WHERE head IS NOT NULL")                                                \
	X(SEAT_OF, PINF_SQL_SEAT "WHERE miner = ?1 AND session > 0 AND source = 1 "                \
				 "AND until_ms > 0 ORDER BY session LIMIT 1")                      \
	X(SEAT_EXTEND, "UPDATE members SET until_ms = ?3 WHERE miner = ?1 AND source = 1 "         \
		       "AND until_ms > 0 AND until_ms < ?3 AND (?2 = 0 OR session = ?2)")          \
	X(SEAT_DUE, PINF_SQL_SEAT "WHERE until_ms > 0 AND until_ms <= ?1 "                         \
				  "ORDER BY until_ms, session, miner LIMIT 1")                     \
	X(MEMBER_COUNT,                                                                            \
	    "SELECT count(*) FROM members WHERE session = ?1 AND source = ?2 AND task = 0")        \
	X(MEMBER_CLEAR, "DELETE FROM members WHERE source = ?1")                                   \
	X(GOVERN_SESSIONS, "UPDATE sessions SET acl = CASE WHEN type <> 1 THEN 1 WHEN ?1 THEN 2 "  \
			   "WHEN own_list = 0 AND EXISTS (SELECT 1 FROM members m "                \
			   "WHERE m.session = sessions.id AND m.source = 3) THEN 3 ELSE 1 END")    \
	X(GOVERN_PRIVATE, "UPDATE sessions SET is_private = 1 WHERE EXISTS (SELECT 1 "             \
			  "FROM members m WHERE m.session = sessions.id "                          \
			  "AND m.source IN (sessions.acl, 4) AND m.source >= 3)")                  \
	X(GOVERN_TASKS, "UPDATE tasks SET shared = " PINF_SQL_SHARED_OF(                           \
			    "tasks.session", "tasks.id") "WHERE state <= 6 AND state <= 2")        \
	X(REMOVAL_PUT, "INSERT OR REPLACE INTO removals (session, miner, block) "                  \
		       "VALUES (?1, ?2, ?3)")                                                      \
	X(REMOVAL_DROP, "DELETE FROM removals WHERE session = ?1 AND miner = ?2")                  \
	X(REMOVAL_LIST, "SELECT session, miner, block FROM removals "                              \
			"WHERE (session, miner) > (?1, ?2) ORDER BY session, miner")               \
	X(TASK_INSERT,                                                                             \
	    "INSERT INTO tasks (session, id, state, key_version, attempt, epoch, miner, "          \
	    "queue_seq, due_ms, deadline_ms, precommit_sha256, result_signature, failure, "        \
	    "route, api_version, timeout_ms, precommit_timeout_ms, reference, "                    \
	    "reference_digest, instance, created_ms, owner, shared) VALUES (?1, ?2, ?3, ?4, "      \
	    "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, "     \
	    "?22, " PINF_SQL_SHARED ")")                                                           \
	X(TASK_ROW, "SELECT row, state FROM tasks WHERE session = ?1 AND id = ?2")                 \
	X(TASK_SUBMIT, "UPDATE tasks SET " PINF_SQL_MOVED ", route = ?14, api_version = ?15, "     \
		       "timeout_ms = ?16, precommit_timeout_ms = ?17, reference = ?18, "           \
		       "reference_digest = ?19, shared = " PINF_SQL_SHARED "WHERE row = ?20")      \
	X(TASK_MOVE, "UPDATE tasks SET " PINF_SQL_MOVED "WHERE row = ?14")                         \
	X(TASK_INPUT, "INSERT INTO inputs " PINF_SQL_PAYLOAD)                                      \
	X(TASK_RESULT, "INSERT INTO results " PINF_SQL_PAYLOAD)                                    \
	X(TASK_GET, PINF_SQL_TASK "WHERE t.session = ?1 AND t.id = ?2")                            \
	X(TASK_AT, PINF_SQL_TASK "WHERE t.row = ?1")                                               \
	X(TASK_BY_REFERENCE, PINF_SQL_TASK                                                         \
	    "WHERE t.owner = ?1 AND t.session = ?2 AND t.reference = ?3 AND t.reference <> ''")    \
	X(TASK_LIST, PINF_SQL_TASK "WHERE t.session = ?1 AND t.id > ?2 ORDER BY t.id")             \
	X(TASK_DUE, PINF_SQL_TASK "WHERE t.state <= 6 AND t.next_ms <= ?1 " PINF_SQL_FIRST_DUE)    \
	X(NEXT_DUE, "SELECT min(ifnull((SELECT min(next_ms) FROM tasks WHERE state <= 6), "        \
		    "9223372036854775807), ifnull((SELECT min(until_ms) FROM members "             \
		    "WHERE until_ms > 0), 9223372036854775807))")                                  \
	X(COUNT_STATES, "SELECT count(*), state FROM tasks GROUP BY state")                        \
	X(COUNT_VERSION, "SELECT count(*) FROM tasks WHERE state <= 6 AND key_version = ?1")       \
	X(FIRST_OF_VERSION,                                                                        \
	    PINF_SQL_TASK "WHERE t.state <= 6 AND t.key_version = ?1 " PINF_SQL_FIRST_DUE)         \
	X(QUEUE, "SELECT row, queue_seq, session FROM tasks "                                      \
		 "WHERE state = 2 AND shared = ?1 ORDER BY queue_seq, session, row")               \
	X(QUEUE_FROM, "SELECT row, queue_seq, session FROM tasks WHERE state = 2 AND shared = ?1 " \
		      "AND session >= ?2 ORDER BY session, queue_seq, row LIMIT 1")                \
	X(QUEUE_OWN, "SELECT t.row, t.queue_seq, t.session FROM tasks t "                          \
		     "JOIN sessions s ON s.id = t.session WHERE t.state = 2 AND t.shared = 2 "     \
		     "AND s.closed = 0 AND (?2 = 0 OR t.session = ?2) AND EXISTS (SELECT 1 "       \
		     "FROM members m WHERE m.miner = ?1 AND m.session = t.session AND "            \
		     "((m.source >= 3 AND m.task = t.id AND " PINF_SQL_GOVERNS ") OR "             \
		     "(m.source < 3 AND m.source = s.acl)) "                                       \
		     ") "                                                                          \
		     "ORDER BY t.queue_seq, t.session, t.row LIMIT 1")                             \
	X(SESSION_FROM, "SELECT m.session FROM members m JOIN sessions s ON s.id = m.session "     \
			"WHERE m.miner = ?1 AND m.session >= ?2 AND m.task = 0 "                   \
			"AND " PINF_SQL_GOVERNS "AND s.closed = 0 ORDER BY m.session LIMIT 1")     \
	X(MAY_CLAIM, "SELECT EXISTS (SELECT 1 FROM sessions s JOIN members m ON m.session = s.id " \
		     "WHERE s.id = ?1 AND s.closed = 0 AND m.miner = ?2 AND m.task = 0 "           \
		     "AND " PINF_SQL_GOVERNS ")")                                                  \
	X(INTENT_PUT,                                                                              \
	    "INSERT OR REPLACE INTO intents (sha256, session, task, attempt, size, expires_ms) "   \
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                                     \
	X(INTENT_GET, PINF_SQL_INTENT "WHERE sha256 = ?1")                                         \
	X(INTENT_DROP, "DELETE FROM intents WHERE sha256 = ?1")                                    \
	X(INTENT_COUNT,                                                                            \
	    "SELECT count(*) FROM intents WHERE session = ?1 AND task = ?2 AND attempt = ?3")      \
	X(INTENT_DUE,                                                                              \
	    PINF_SQL_INTENT "WHERE expires_ms <= ?1 ORDER BY expires_ms, sha256 LIMIT 1")          \
	X(BLOB_REFERENCED, "SELECT EXISTS (SELECT 1 FROM inputs WHERE sha256 = ?1 AND urn <> '') " \
			   "OR EXISTS (SELECT 1 FROM results WHERE sha256 = ?1 AND urn <> '')")    \
	X(NONCE_USE, "INSERT INTO nonces (address, nonce, expires_ms) VALUES (?1, ?2, ?3)")        \
	X(NONCE_PRUNE, "DELETE FROM nonces WHERE expires_ms < ?1")                                 \
	X(AUDIT_APPEND,                                                                            \
	    "INSERT INTO audit (seq, time_ms, kind, rule, actor, session, task, attempt, "         \
	    "key_version, purpose, digest, head) "                                                 \
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")                          \
	X(AUDIT_LAST, PINF_SQL_AUDIT "ORDER BY seq DESC LIMIT 1")                                  \
	X(AUDIT_LIST, PINF_SQL_AUDIT "WHERE seq > ?1 ORDER BY seq")                                \
	X(CHECKPOINT_INSERT, "INSERT INTO checkpoints (seq, head, signature) VALUES (?1, ?2, ?3)") \
	X(CHECKPOINT_LAST,                                                                         \
	    "SELECT seq, head, signature FROM checkpoints ORDER BY seq DESC LIMIT 1")              \
	X(API_KEY_INSERT,                                                                          \
	    "INSERT INTO api_keys (key_sha256, owner, created_ms) VALUES (?1, ?2, ?3)")            \
	X(API_KEY_GET, "SELECT owner FROM api_keys WHERE key_sha256 = ?1")

#endif
