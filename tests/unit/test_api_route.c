/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_route.c -- every row of the route table, and bad request lines. */
#include "unit/unit.h"

#include "core/api_entry.h"

#define HASH  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BOTH  (PINF_LISTEN_PUBLIC | PINF_LISTEN_MINER)
#define LINE  1200
#define DIGIT "0123456789"

/* The pattern with each placeholder replaced by session, task or hash. */
static void
fill(char out[static LINE], const char *pattern, const char *session, const char *task,
    const char *hash)
{
	size_t len = 0;

	for (; *pattern != 0; pattern++) {
		const char *value = pattern[1] == 's' ? session : pattern[1] == 't' ? task : hash;

		if (*pattern == '{') {
			len += (size_t)snprintf(out + len, LINE - len, "%s", value);
			pattern += 2;
		} else {
			out[len++] = *pattern;
		}
	}
	out[len] = 0;
}

static void
test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < pinf_api_entry_count; i++) {
		const struct pinf_api_entry *row = &pinf_api_entries[i];
		char target[LINE];

		fill(target, row->pattern, "7", "9007199254740991", HASH);
		for (int on = PINF_LISTEN_PUBLIC; on <= PINF_LISTEN_MINER; on++) {
			struct pinf_api_route route;
			const enum pinf_err err = pinf_api_route(
			    &route, (enum pinf_listener)on, SPAN(row->method), SPAN(target));

			if ((row->listeners & on) == 0) {
				assert_err(err, PINF_E_ROUTE);
				continue;
			}
			assert_ok(err);
			assert_int_equal(route.endpoint, row->endpoint);
			assert_int_equal(route.api_version, row->api_version);
			assert_int_equal(route.body_max, row->body_max);
			assert_int_equal(route.streamed, row->streamed);
			assert_int_equal(
			    route.session, strstr(row->pattern, "{s}") != NULL ? 7 : 0);
			assert_int_equal(
			    route.task, strstr(row->pattern, "{t}") != NULL ? PINF_ID_MAX : 0);
			assert_int_equal(
			    route.sha256.bytes[1], strstr(row->pattern, "{h}") != NULL ? 0x11 : 0);
			assert_err(pinf_api_route(
				       &route, (enum pinf_listener)on, SPAN("HEAD"), SPAN(target)),
			    PINF_E_METHOD);
		}
	}
}

static void
test_every_endpoint_has_a_row(void **state)
{
	bool found[PINF_ENDPOINTS] = {false};

	(void)state;
	for (size_t i = 0; i < pinf_api_entry_count; i++) {
		const struct pinf_api_entry *row = &pinf_api_entries[i];

		found[row->endpoint] = true;
		assert_true(row->listeners != 0 && (row->listeners & ~BOTH) == 0);
		assert_true((row->fields != NULL) == (row->body_max > 0));
	}
	for (size_t i = 1; i < PINF_ENDPOINTS; i++)
		assert_true(found[i]);
}

static void
test_bad_lines(void **state)
{
	static const struct {
		enum pinf_listener listener;
		const char *method;
		const char *target;
		enum pinf_err err;
	} cases[] = {
	    {PINF_LISTEN_PUBLIC, "POST", "", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "?", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "GET", "*", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "GET", "http://h/api/v1/info", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v4/completions", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completion", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/7/", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "//api/v1/completions", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/Completions", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/%37", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/07", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/-7", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/7a", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/0", PINF_E_ID_RANGE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/9007199254740992", PINF_E_ID_RANGE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/18446744073709551617",
		PINF_E_ID_RANGE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/" DIGIT, PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "POST", "/api/v1/completions/9" DIGIT DIGIT DIGIT,
		PINF_E_ID_RANGE},
	    {PINF_LISTEN_PUBLIC, "GET", "/api/v1/tasks/1/0", PINF_E_ID_RANGE},
	    {PINF_LISTEN_PUBLIC, "GET", "/api/v1/tasks//1", PINF_E_ROUTE},
	    {PINF_LISTEN_PUBLIC, "GET", "/api/v3/blobs/" HASH "0", PINF_E_HASH},
	    {PINF_LISTEN_PUBLIC, "GET", "/api/v3/blobs/", PINF_E_HASH},
	    {PINF_LISTEN_PUBLIC, "PUT",
		"/api/v3/blobs/AA112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		PINF_E_HASH},
	    {PINF_LISTEN_PUBLIC, "DELETE", "/api/v3/blobs/" HASH, PINF_E_METHOD},
	    {PINF_LISTEN_PUBLIC, "post", "/api/v1/completions", PINF_E_METHOD},
	    {PINF_LISTEN_PUBLIC, "", "/api/v1/completions", PINF_E_METHOD},
	    {PINF_LISTEN_PUBLIC, "GET", "/api/v1/completions/7", PINF_E_METHOD},
	    {PINF_LISTEN_PUBLIC, "GET", "/metrics", PINF_E_ROUTE},
	    {PINF_LISTEN_MINER, "POST", "/metrics", PINF_E_METHOD},
	    {PINF_LISTEN_MINER, "POST", "/api/v2/completion", PINF_E_ROUTE},
	    {PINF_LISTEN_MINER, "GET", "/api/v1/keys/", PINF_E_ROUTE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_api_route route;

		assert_err(pinf_api_route(&route, cases[i].listener, SPAN(cases[i].method),
			       SPAN(cases[i].target)),
		    cases[i].err);
	}
}

static void
test_target_length(void **state)
{
	char target[LINE] = "/api/v1/info?";
	struct pinf_api_route route;

	(void)state;
	memset(target + strlen(target), 'x', sizeof target - strlen(target));
	assert_ok(pinf_api_route(
	    &route, PINF_LISTEN_PUBLIC, SPAN("GET"), span_of(target, PINF_PATH_MAX)));
	assert_err(pinf_api_route(
		       &route, PINF_LISTEN_PUBLIC, SPAN("GET"), span_of(target, PINF_PATH_MAX + 1)),
	    PINF_E_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_row),
	    cmocka_unit_test(test_every_endpoint_has_a_row),
	    cmocka_unit_test(test_bad_lines),
	    cmocka_unit_test(test_target_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
