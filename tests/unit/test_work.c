/* SPDX-License-Identifier: Apache-2.0 */
/* test_work.c -- jobs in queues and pools; the log's lines; the kernel's randomness. */
#include "host_fixture.h"

#include <fcntl.h>
#include <pthread.h>

#include "core/json.h"
#include "host/log.h"
#include "host/system.h"
#include "host/work.h"

static struct pinf_job *
job_of(uint64_t id)
{
	struct pinf_job *job = pinf_job_new();

	assert_non_null(job);
	job->effect.kind = PINF_FX_DELETE;
	job->effect.id = id;
	return job;
}

static void
test_queue(void **state)
{
	(void)state;
	struct pinf_queue queue;
	struct pinf_job *jobs[4], *kept = job_of(9);

	assert_ok(pinf_queue_init(&queue));
	const uint64_t start_ms = pinf_monotonic_ms();
	assert_int_equal(pinf_queue_take(&queue, jobs, 4, start_ms + 60), 0);
	assert_in_range(pinf_monotonic_ms() - start_ms, 55, 2000);
	for (uint64_t i = 1; i <= 3; i++)
		assert_ok(pinf_queue_offer(&queue, job_of(i), 3));
	assert_err(pinf_queue_offer(&queue, kept, 3), PINF_E_BUSY);
	pinf_queue_push(&queue, kept); /* An answer always has room. */
	assert_int_equal(pinf_queue_take(&queue, jobs, 2, 0), 2);
	assert_int_equal(jobs[0]->effect.id, 1);
	assert_int_equal(jobs[1]->effect.id, 2);
	pinf_job_free(jobs[0]);
	pinf_job_free(jobs[1]);
	pinf_queue_close(&queue);
	assert_true(pinf_queue_closed(&queue));
	kept = job_of(10);
	assert_err(pinf_queue_offer(&queue, kept, 30), PINF_E_BUSY);
	pinf_job_free(kept);
	assert_int_equal(
	    pinf_queue_take(&queue, jobs, 1, UINT64_MAX), 1); /* What is there comes. */
	assert_int_equal(jobs[0]->effect.id, 3);
	pinf_job_free(jobs[0]);
	pinf_queue_destroy(&queue); /* frees the last one */
	pinf_job_free(NULL);
}

static void
run(void *ctx, void *thread, struct pinf_job *job)
{
	assert_null(thread);
	pinf_job_answer(job, PINF_EV_DELETED, PINF_OK);
	pinf_queue_push(ctx, job);
}

/* Every job is answered once, though the pool's queue holds only four at a time. */
static void
test_pool(void **state)
{
	(void)state;
	struct pinf_queue answers;
	static struct pinf_pool pool;
	static bool seen[2001];
	size_t count = 0;

	assert_ok(pinf_queue_init(&answers));
	pool.ctx = &answers;
	pool.run = run;
	assert_ok(pinf_pool_start(&pool, 3));
	for (uint64_t i = 1; i <= 2000; i++)
		pinf_queue_push_wait(&pool.queue, job_of(i), 4);
	pinf_pool_stop(&pool); /* after what is in the queue */
	pinf_queue_close(&answers);
	for (struct pinf_job *job; pinf_queue_take(&answers, &job, 1, UINT64_MAX) == 1; count++) {
		assert_int_equal(job->event.kind, PINF_EV_DELETED);
		assert_in_range(job->event.id, 1, 2000);
		assert_false(seen[job->event.id]);
		seen[job->event.id] = true;
		pinf_job_free(job);
	}
	assert_int_equal(count, 2000);
	pinf_queue_destroy(&answers);
}

static void
test_log(void **state)
{
	(void)state;
	const int saved = dup(STDERR_FILENO);
	const int file = open(in_scratch("log"), O_CREAT | O_WRONLY | O_APPEND, 0600);
	size_t len = 0;

	assert_true(saved >= 0 && file >= 0);
	assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
	pinf_log_set_level(PINF_LOG_WARN);
	pinf_log(PINF_LOG_INFO, "not-told", NULL);
	pinf_log(
	    PINF_LOG_WARN, "odd \"thing\"\n", PINF_FIELDS({"count", NULL, 7}, {"why", "a\tb", 0}));
	pinf_log_set_level(PINF_LOG_OFF);
	pinf_log(PINF_LOG_ERROR, "not-told", NULL);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	(void)close(file);

	uint8_t *text = unit_read_file(in_scratch("log"), &len);
	struct pinf_json *json;
	assert_non_null(text);
	assert_int_equal(text[len - 1], '\n');
	assert_ptr_equal(memchr(text, '\n', len), text + len - 1); /* one line */
	assert_ok(pinf_json_parse(&json, span_of(text, len), 4096));
	struct pinf_json_reader reader = pinf_json_root(json);
	struct pinf_span ts, level, event, why;
	uint64_t count = 0;
	pinf_json_text(&reader, "ts", true, &ts);
	pinf_json_text(&reader, "level", true, &level);
	pinf_json_text(&reader, "event", true, &event);
	pinf_json_text(&reader, "why", true, &why);
	pinf_json_uint(&reader, "count", true, 10, &count);
	assert_ok(pinf_json_end(&reader));
	assert_int_equal(ts.len, strlen("2026-01-01T00:00:00.000Z"));
	assert_true(pinf_span_equal(level, SPAN("warn")));
	assert_true(pinf_span_equal(event, SPAN("odd \"thing\"\n")));
	assert_true(pinf_span_equal(why, SPAN("a\tb")));
	assert_int_equal(count, 7);
	pinf_json_free(json);
	free(text);
}

static void
test_random(void **state)
{
	(void)state;
	const struct pinf_random random = pinf_random_system();
	uint8_t a[1000] = {0}, b[1000] = {0};
	unsigned zeros = 0;

	assert_ok(random.fill(random.ctx, a, sizeof a));
	assert_ok(random.fill(random.ctx, b, sizeof b));
	assert_memory_not_equal(a, b, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		zeros += a[i] == 0;
	assert_in_range(zeros, 0, 60); /* filled to the end */
	assert_memory_not_equal(a + 744, b + 744, 256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_queue),
	    cmocka_unit_test(test_pool),
	    cmocka_unit_test(test_log),
	    cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
