/* SPDX-License-Identifier: Apache-2.0 */
/* names.c -- the stable names of states, kinds, types and sources. */
#include <pinf/keyring.h>
#include <pinf/store.h>

const char *
pinf_task_state_name(enum pinf_task_state state)
{
	static const char *const names[PINF_TASK_STATES] = {"unknown", "reserved", "created",
	    "assigned", "acknowledged", "precommitted", "committed", "closed", "failed", "expired"};

	return names[state < PINF_TASK_STATES ? state : 0];
}

const char *
pinf_audit_kind_name(enum pinf_audit_kind kind)
{
	static const char *const names[PINF_AUDIT_KINDS] = {
	    "unknown", "grant", "refusal", "session", "allow", "deny", "key", "result"};

	return names[kind < PINF_AUDIT_KINDS ? kind : 0];
}

const char *
pinf_session_type_name(enum pinf_session_type type)
{
	static const char *const names[] = {"unknown", "dedicated", "ephemeral", "pooled"};

	return names[type <= PINF_SESSION_POOLED ? type : 0];
}

const char *
pinf_acl_source_name(enum pinf_acl_source source)
{
	static const char *const names[PINF_ACL_SOURCES] = {
	    "unknown", "router", "contract", "env", "emergency"};

	return names[source < PINF_ACL_SOURCES ? source : 0];
}

const char *
pinf_key_state_name(enum pinf_key_state state)
{
	static const char *const names[] = {
	    "unknown", "pending", "active", "decrypt-only", "destroyed"};

	return names[state <= PINF_KEY_DESTROYED ? state : 0];
}
