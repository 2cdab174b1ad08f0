/* SPDX-License-Identifier: Apache-2.0 */
/* test_options.c -- the option table's three sources, precedence and messages.  spec/config.md. */
#include "unit.h"

#include "core/options.h"

enum { NAME, SLOTS, PADDED, WAIT, LIMIT, ROUTER, ENGINE, SEED };

static const struct pinf_option rows[] = {
    [NAME] = {.name = "data-dir",
	.env = "T_DIR",
	.type = PINF_OPT_TEXT,
	.required = true,
	.help = "where state is"},
    [SLOTS] = {.name = "slots",
	.env = "T_SLOTS",
	.type = PINF_OPT_UINT,
	.min = 1,
	.max = 64,
	.fallback = "1",
	.help = "tasks at once"},
    [PADDED] = {.name = "padded",
	.env = "T_PADDED",
	.type = PINF_OPT_BOOL,
	.fallback = "true",
	.help = "pad blobs"},
    [WAIT] = {.name = "wait",
	.type = PINF_OPT_DURATION,
	.min = 10,
	.max = 60000,
	.fallback = "30s",
	.help = "how long"},
    [LIMIT] = {.name = "blob-max", .type = PINF_OPT_SIZE, .fallback = "1GiB", .help = "limit"},
    [ROUTER] = {.name = "router", .type = PINF_OPT_ADDRESS, .help = "its address"},
    [ENGINE] = {.name = "engine",
	.env = "T_ENGINE",
	.type = PINF_OPT_CHOICE,
	.choices = "builtin|command|openai",
	.fallback = "builtin",
	.help = "what infers"},
    [SEED] = {.name = "seed",
	.env = "T_SEED",
	.type = PINF_OPT_TEXT,
	.secret = true,
	.help = "imported once"},
};
static const struct pinf_command command = {.name = "t run",
    .summary = "Runs.",
    .positionals = "FILE",
    .positional_min = 1,
    .positional_max = 2,
    .options = rows,
    .option_count = sizeof rows / sizeof *rows};

static const char *env_now[][2] = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};

static char *
env_get(const char *name)
{
	for (size_t i = 0; i < 3; i++)
		if (env_now[i][0] != NULL && strcmp(env_now[i][0], name) == 0)
			return (char *)(uintptr_t)env_now[i][1];
	return NULL;
}

struct given {
	const char *file;
	const char *env[2];
	const char *argv[8];
};

static enum pinf_err
run(struct pinf_options *options, const struct given *given, struct pinf_bytes *message)
{
	char *argv[8];
	int argc = 0;
	enum pinf_err err;

	for (; argc < 8 && given->argv[argc] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)given->argv[argc];
	env_now[0][0] = given->env[0];
	env_now[0][1] = given->env[1];
	pinf_options_init(options, &command);
	err = pinf_options_argv(options, argc, argv, message);
	if (err == PINF_OK && given->file != NULL)
		err = pinf_options_file(options, "t.json", SPAN(given->file), message);
	if (err == PINF_OK)
		err = pinf_options_env(options, env_get, message);
	if (err == PINF_OK)
		err = pinf_options_end(options, message);
	return err;
}

static void
test_precedence(void **state)
{
	(void)state;
	static const struct {
		struct given given;
		uint64_t slots;
		enum pinf_option_source source;
	} cases[] = {
	    {{NULL, {0}, {"f", "--data-dir", "d"}}, 1, PINF_FROM_DEFAULT},
	    {{"{\"slots\":2}", {0}, {"f", "--data-dir=d"}}, 2, PINF_FROM_FILE},
	    {{"{\"slots\":2}", {"T_SLOTS", "3"}, {"f", "--data-dir=d"}}, 3, PINF_FROM_ENV},
	    {{"{\"slots\":2}", {"T_SLOTS", "3"}, {"--slots", "4", "f", "--data-dir=d"}}, 4,
		PINF_FROM_FLAG},
	    {{"{\"slots\":2}", {"T_SLOTS", ""}, {"f", "--data-dir=d"}}, 2, PINF_FROM_FILE},
	    {{NULL, {0}, {"f", "--data-dir=d", "--slots=5", "--slots=6"}}, 6, PINF_FROM_FLAG},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_options options;
		struct pinf_bytes message = {0};
		assert_ok(run(&options, &cases[i].given, &message));
		assert_int_equal(pinf_option(&options, "slots")->number, cases[i].slots);
		assert_int_equal(pinf_option(&options, "slots")->source, cases[i].source);
		assert_string_equal(pinf_option_text(&options, "data-dir"), "d");
		assert_int_equal(message.len, 0);
		pinf_options_free(&options);
	}
}

static void
test_values(void **state)
{
	(void)state;
	const struct given given = {
	    "{\"data_dir\":\"d\\u00e9\",\"padded\":false,\"wait\":\"250ms\",\"blob_max\":\"64KiB\","
	    "\"router\":\"0x00000000000000000000000000000000000000aa\",\"engine\":\"openai\"}",
	    {"T_SEED", "abc"}, {"--", "--odd", "-"}};
	struct pinf_options options;
	struct pinf_bytes message = {0};

	assert_ok(run(&options, &given, &message));
	assert_string_equal(pinf_option_text(&options, "data-dir"), "d\xc3\xa9");
	assert_int_equal(pinf_option(&options, "padded")->number, 0);
	assert_int_equal(pinf_option(&options, "wait")->number, 250);
	assert_int_equal(pinf_option(&options, "blob-max")->number, 65536);
	assert_int_equal(pinf_option(&options, "router")->address.bytes[19], 0xaa);
	assert_int_equal(pinf_option(&options, "engine")->number, 2);
	assert_string_equal(pinf_option_text(&options, "seed"), "abc");
	assert_int_equal(options.positional_count, 2);
	assert_string_equal(options.positional[0], "--odd");
	assert_string_equal(options.positional[1], "-");

	/* What describe writes is a file that gives the same values, without the secret. */
	struct pinf_bytes text = {0};
	assert_ok(pinf_options_describe(&text, &options));
	assert_null(strstr((char *)text.data, "abc"));
	struct pinf_options again;
	const struct given second = {(char *)text.data, {0}, {"f"}};
	assert_ok(run(&again, &second, &message));
	for (size_t i = NAME; i < SEED; i++)
		assert_int_equal(again.values[i].number, options.values[i].number);
	pinf_options_free(&again);
	pinf_options_free(&options);
	pinf_bytes_free(&text);
}

static void
test_refusals(void **state)
{
	(void)state;
	static const struct {
		struct given given;
		const char *words; /* of the message: where and what */
	} cases[] = {
	    {{NULL, {0}, {"f"}}, "--data-dir: is required (where state is): give --data-dir"},
	    {{NULL, {0}, {"--data-dir=d"}}, "t run: too few arguments: give FILE"},
	    {{NULL, {0}, {"a", "b", "c"}}, "c: one argument too many"},
	    {{NULL, {0}, {"--data-dir="}}, "--data-dir: must not be empty"},
	    {{NULL, {0}, {"--slots"}}, "--slots: needs a value"},
	    {{NULL, {0}, {"--slots", "0"}}, "--slots: 0 is out of range: give 1 to 64"},
	    {{NULL, {0}, {"--slots=65"}}, "give 1 to 64"},
	    {{NULL, {0}, {"--slots=18446744073709551616"}}, "is not a whole number"},
	    {{NULL, {0}, {"--slots=1x"}}, "\"1x\" is not a whole number"},
	    {{NULL, {0}, {"--slots="}}, "is not a whole number"},
	    {{NULL, {0}, {"--wait=30"}}, "is not a time like"},
	    {{NULL, {0}, {"--wait=2m"}}, "2m is out of range: give 10ms to 1m"},
	    {{NULL, {0}, {"--blob-max=1MB"}}, "is not a size like"},
	    {{NULL, {0}, {"--blob-max=16777216TiB"}}, "is not a size like"},
	    {{NULL, {0}, {"--padded=yes"}}, "\"yes\" is neither true nor false"},
	    {{NULL, {0}, {"--no-slots"}}, "--no-slots: no such option"},
	    {{NULL, {0}, {"--unknown"}}, "--unknown: no such option; see \"t run --help\""},
	    {{NULL, {0}, {"-x"}}, "-x: no such option"},
	    {{NULL, {0}, {"--router=0x12"}}, "is not an address"},
	    {{NULL, {0}, {"--engine=built"}}, "not one of builtin|command|openai"},
	    {{NULL, {0}, {"--seed=1"}}, "set the environment variable T_SEED"},
	    {{NULL, {"T_SLOTS", "many"}, {"f"}}, "environment variable T_SLOTS: \"many\""},
	    {{"{\"slots\":\"2\"}", {0}, {"f"}},
		"t.json, key \"slots\": a field has the wrong type"},
	    {{"{\"slots\":99}", {0}, {"f"}}, "t.json, key \"slots\": 99 is out of range"},
	    {{"{\"slot\":2}", {0}, {"f"}}, "t.json, key \"slot\": a field is not known here"},
	    {{"{\"slots\":2,\"slots\":3}", {0}, {"f"}}, "a field appears twice"},
	    {{"{\"data_dir\":\"a\\u0000b\"}", {0}, {"f"}}, "t.json, byte 15: the text"},
	    {{"{\"seed\":\"2\"}", {0}, {"f"}}, "a secret does not belong in this file"},
	    {{"{\"slots\":2", {0}, {"f"}}, "t.json, byte 11: the text is not well-formed"},
	    {{"[]", {0}, {"f"}}, "t.json"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pinf_options options;
		struct pinf_bytes message = {0};
		assert_err(run(&options, &cases[i].given, &message), PINF_E_CONFIG);
		if (strstr((char *)message.data, cases[i].words) == NULL)
			fail_msg("%s", (char *)message.data);
		assert_int_equal(message.data[message.len - 1], '\n');
		pinf_options_free(&options);
		pinf_bytes_free(&message);
	}
}

static void
test_flags(void **state)
{
	(void)state;
	const struct given off = {NULL, {0}, {"f", "--data-dir=d", "--no-padded"}};
	const struct given help = {NULL, {0}, {"--data-dir=d", "--help", "--nonsense"}};
	struct pinf_options options;
	struct pinf_bytes text = {0};

	assert_ok(run(&options, &off, &text));
	assert_int_equal(pinf_option(&options, "padded")->number, 0);
	pinf_options_free(&options);
	assert_err(run(&options, &help, &text), PINF_E_CONFIG); /* end(): FILE is missing */
	assert_true(options.help);
	pinf_options_free(&options);
	pinf_bytes_free(&text);

	assert_ok(pinf_options_help(&text, &command));
	static const char *const want[] = {"Usage: t run [options] FILE\nRuns.\n", "--slots N ",
	    "tasks at once [1] ($T_SLOTS)", "--engine builtin|command|openai",
	    "where state is (required)", "  T_SEED "};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		if (strstr((char *)text.data, want[i]) == NULL)
			fail_msg("no \"%s\" in:\n%s", want[i], (char *)text.data);
	pinf_bytes_free(&text);
}

static void
test_find(void **state)
{
	(void)state;
	static const struct pinf_command key = {.name = "pinf key"},
					 key_new = {.name = "pinf key new"},
					 seal = {.name = "pinf seal"};
	static const struct pinf_command *const all[] = {&key, &key_new, &seal};
	char words[3][8] = {"key", "new", "x"};
	char *argv[] = {words[0], words[1], words[2]};
	int used = 0;

	assert_ptr_equal(pinf_command_find(all, 3, 3, argv, &used), &key_new);
	assert_int_equal(used, 2);
	assert_ptr_equal(pinf_command_find(all, 3, 1, argv, &used), &key);
	assert_int_equal(used, 1);
	assert_null(pinf_command_find(all, 3, 2, argv + 1, &used));
	assert_null(pinf_command_find(all, 3, 0, argv, &used));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_precedence),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_find),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
