/* SPDX-License-Identifier: Apache-2.0 */
/* router_changes.c -- what goes on under a task: key versions rotated, the router restarted.  spec/states.md. */
#include "router.h"

/* A task finishes under the version that it began with, whenever the rotation comes. */
static void
rotated(struct trial *t, enum stage stage)
{
	struct session s;
	struct task *k = task_at(t, &s, stage), *next;
	const uint32_t version = k->version;

	rotate(t);
	advance(t, k, READ_RESULT);
	if (!is_over(t) && k->version != version)
		fail(t, "the task's key version changed");
	next = new_task(t, &s);
	advance(t, next, SEALED);
	if (!is_over(t) && next->version <= version)
		fail(t, "after a rotation a new task has key version %u", next->version);
}

static void
rotated_before_the_upload(struct trial *t)
{
	rotated(t, SEALED);
}

static void
rotated_under_a_lease(struct trial *t)
{
	rotated(t, READ_INPUT);
}

static void
rotated_before_the_reading(struct trial *t)
{
	rotated(t, COMMITTED);
}

static void
destroyed_in_use(struct trial *t)
{
	struct session s;
	struct task *k = task_at(t, &s, SUBMITTED);

	rotate(t);
	ask(t, (struct request){.who = OWNER,
		   .side = MINERS,
		   .method = "POST",
		   .path = "/api/v1/keys/destroy",
		   .body = text_of("{\"force\":false,\"key_version\":%u}", k->version)});
	expect(t, 409, "key-version-in-use");
	advance(t, k, READ_RESULT);
}

static void
rotation_by_a_stranger(struct trial *t)
{
	ask(t, (struct request){.who = STRANGER,
		   .side = MINERS,
		   .method = "POST",
		   .path = "/api/v1/keys/rotate",
		   .body = "{}"});
	expect(t, 403, "denied");
}

static void
restarted(struct trial *t, enum stage stage)
{
	struct session s;
	struct task *k;

	if (!controls(t, "restart"))
		(void)restart(t); /* Skipped, before anything is done. */
	k = task_at(t, &s, stage);
	if (restart(t))
		advance(t, k, READ_RESULT);
}

static void
restarted_after_submission(struct trial *t)
{
	restarted(t, SUBMITTED);
}

static void
restarted_after_precommit(struct trial *t)
{
	restarted(t, PRECOMMITTED);
}

static void
restarted_after_commit(struct trial *t)
{
	restarted(t, COMMITTED);
}

#define CASE(ID, SPEC, RUN)                                                                        \
	{                                                                                          \
		.id = "router/" ID, .spec = (SPEC), .run = (RUN)                                   \
	}

static const struct router_case cases[] = {
    CASE("rotation/before-the-upload", "STATE-5", rotated_before_the_upload),
    CASE("rotation/under-a-lease", "STATE-5", rotated_under_a_lease),
    CASE("rotation/before-the-reading", "STATE-5", rotated_before_the_reading),
    CASE("rotation/destroy-in-use", "API-41", destroyed_in_use),
    CASE("rotation/stranger", "API-41", rotation_by_a_stranger),
    CASE("restart/after-submission", "STATE-6", restarted_after_submission),
    CASE("restart/after-precommit", "STATE-9", restarted_after_precommit),
    CASE("restart/after-commit", "STATE-11", restarted_after_commit),
};

struct case_list
router_change_cases(void)
{
	return (struct case_list){cases, sizeof cases / sizeof cases[0]};
}
