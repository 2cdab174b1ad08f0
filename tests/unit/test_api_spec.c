/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_spec.c -- spec/api.md: examples decode, every error has its status; openapi.yaml: every route. */
#include "unit/api.h"

#include "core/api_entry.h"

#define LINE     256
#define API_MD   PINF_SOURCE_DIR "/spec/api.md"
#define OPEN_API PINF_SOURCE_DIR "/spec/openapi.yaml"

/* Rows "| 401 | `auth-missing` `auth-syntax` ... |" of spec/api.md: every error once, no other. */
static void
test_status_table(void **state)
{
	size_t len;
	char *spec = (char *)unit_read_file(API_MD, &len);
	bool listed[PINF_ERR_COUNT] = {false};
	char *at, *line;

	(void)state;
	assert_non_null(spec);
	at = strstr(spec, "\n| status | codes |");
	assert_non_null(at);
	for (line = strtok(at + 1, "\n"); line != NULL && *line == '|'; line = strtok(NULL, "\n")) {
		const unsigned status = (unsigned)strtoul(line + 1, NULL, 10);

		for (char *code = strchr(line, '`'); code != NULL; code = strchr(code + 1, '`')) {
			char *end = strchr(++code, '`');
			enum pinf_err err;

			assert_non_null(end);
			*end = 0;
			err = pinf_err_of_name(code);
			if (err == PINF_ERR_COUNT || listed[err])
				fail_msg("spec/api.md: %s is no error, or listed twice", code);
			listed[err] = true;
			assert_int_equal(pinf_api_status(err), status);
			code = end;
		}
	}
	for (int err = PINF_OK + 1; err < PINF_ERR_COUNT; err++)
		if (!listed[err])
			fail_msg("spec/api.md lacks %s", pinf_err_name((enum pinf_err)err));
	free(spec);
}

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

/* Paths of openapi.yaml are keys of two spaces, their methods keys of four. */
static void
test_openapi_lists_every_row(void **state)
{
	size_t len, rows = 0;
	char *yaml = (char *)unit_read_file(OPEN_API, &len);

	(void)state;
	assert_non_null(yaml);
	for (size_t i = 0; i < pinf_api_entry_count; i++) {
		const struct pinf_api_entry *row = &pinf_api_entries[i];
		char path[LINE], want[LINE + 8];
		const char *at, *method, *next;

		fill(path, row->pattern, "{session}", "{task}", "{sha256}");
		(void)snprintf(want, sizeof want, "\n  %s:\n", path);
		at = strstr(yaml, want);
		if (at == NULL)
			fail_msg("spec/openapi.yaml lacks %s", path);
		(void)snprintf(want, sizeof want, "\n    %s:\n",
		    strcmp(row->method, "GET") == 0   ? "get"
		    : strcmp(row->method, "PUT") == 0 ? "put"
						      : "post");
		method = strstr(at, want);
		next = strstr(at + 1, "\n  /");
		if (method == NULL || (next != NULL && next < method))
			fail_msg("spec/openapi.yaml lacks %s %s", row->method, path);
	}
	for (const char *at = yaml; (at = strstr(at, "\n      operationId:")) != NULL; at++)
		rows++;
	assert_int_equal(rows, pinf_api_entry_count); /* and nothing that is not there */
	free(yaml);
}

/* "METHOD target", and the body in the next line if there is one. */
static enum pinf_endpoint
decode_example(char *text)
{
	char *target = strchr(text, ' '), *body = strchr(text, '\n');
	struct pinf_api_request *request = NULL;
	struct pinf_api_error error;
	struct pinf_http_request http;
	enum pinf_endpoint endpoint;

	assert_non_null(target);
	*target++ = 0;
	if (body != NULL)
		*body++ = 0;
	for (int on = PINF_LISTEN_PUBLIC; on <= PINF_LISTEN_MINER && request == NULL; on++) {
		http = http_of(&(struct call){(enum pinf_listener)on, text, target, body, BEARER});
		http.content_length = strcmp(text, "PUT") == 0 ? 406 : http.body.len;
		if (pinf_api_decode(&request, &api_config, &http, &error) != PINF_OK &&
		    error.err != PINF_E_ROUTE)
			fail_msg("spec/api.md: %s %s: %s of \"%s\"", text, target,
			    pinf_err_name(error.err), error.field);
	}
	assert_non_null(request);
	endpoint = request->endpoint;
	pinf_api_request_free(request);
	return endpoint;
}

static void
test_examples(void **state)
{
	size_t len, replies = 0;
	char *spec = (char *)unit_read_file(API_MD, &len);
	bool shown[PINF_ENDPOINTS] = {false};
	char *at, *end;

	(void)state;
	assert_non_null(spec);
	for (at = spec; (at = strstr(at, "\n```")) != NULL; at = end + 4) {
		char *text = strchr(at + 4, '\n');

		end = text == NULL ? NULL : strstr(text, "\n```\n");
		assert_non_null(end);
		*end = 0;
		if (strncmp(at, "\n```json\n", 9) == 0) {
			assert_ok(pinf_json_check(SPAN(text + 1), NULL));
			replies++;
		} else {
			assert_memory_equal(at, "\n```http\n", 9);
			shown[decode_example(text + 1)] = true;
		}
	}
	for (size_t i = 1; i < PINF_ENDPOINTS; i++)
		if (!shown[i])
			fail_msg("spec/api.md shows no request of endpoint %zu", i);
	assert_in_range(replies, 15, 100);
	free(spec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_status_table),
	    cmocka_unit_test(test_openapi_lists_every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
