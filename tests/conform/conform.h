/* SPDX-License-Identifier: Apache-2.0 */
/* conform.h -- what the parts of pinf-conform share: vectors, the driver under test, results.  spec/CONFORMANCE.md. */
#ifndef PINF_CONFORM_H
#define PINF_CONFORM_H

#include <stdio.h>

#include "core/json.h"
#include "core/options.h"
#include "sim/driver.h"

#define ID_MAX     96
#define DETAIL_MAX 400
#define JOBS_MAX   64

enum conform_exit { EXIT_PASS, EXIT_USAGE, EXIT_NOTHING, EXIT_FAILED = 10 };

/* Strings are borrowed from the file that the vector was read from. */
struct vector {
	char id[ID_MAX];
	char operation[ID_MAX];
	char level[8]; /* must, should, may */
	char spec[16]; /* "URN-3" */
	char stage[16]; /* invalid ones: who must refuse; else "" */
	char rule[64]; /* of policy.md, by which it must be refused; "": whichever */
	char flags[200]; /* with spaces between */
	char note[200];
	bool deployed; /* whose rule it is: the deployed network's, or pinf's own */
	const struct router_case *router_case; /* of a router's suite; NULL: not */
	const struct miner_case *miner_case; /* of a miner's */
	struct pinf_json_reader reader; /* the vector's object; input and output are read again */
};

struct vectors {
	struct vector *list; /* in the order of the names of files, and there in their own */
	size_t count, cap;
	struct pinf_json **files;
	size_t file_count, file_cap;
};

/* Says what is wrong with what the kit was given: where, and what.  The program's own. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

#define VECTORS_FILE_MAX ((size_t)8 << 20)
/* One file's text, added: strictly read.  path is for complaints, which say what is wrong. */
bool vectors_take(struct vectors *v, struct pinf_span text, const char *path);
void vectors_free(struct vectors *v);
/* A member's text: "input", "output". */
void vector_text(const struct vector *v, const char *member, struct pinf_bytes *out);
/* The line that asks it of a driver, appended. */
void vector_question(const struct vector *v, struct pinf_bytes *line);

enum result { PASSED, FAILED, SKIPPED, EXPECTED, UNEXPECTED, RESULTS };

struct outcome {
	const struct vector *vector;
	enum result result;
	char detail[DETAIL_MAX]; /* "": nothing to say */
};

__attribute__((format(printf, 3, 4))) void
suite_say(struct outcome *o, enum result result, const char *format, ...);
/* The driver's answer, a line that may be anything, to the outcome's vector. */
void suite_judge(struct outcome *o, struct pinf_span line);

/* What run needs to know. */
struct suite {
	const struct vectors *vectors;
	const char *command;
	const char *select; /* an id, or what ids begin with */
	const char *level; /* vectors below it are not run */
	const char *profile; /* "deployed": rules of the deployed network alone */
	uint32_t timeout_ms;
	size_t jobs; /* drivers at once */
	struct outcome *outcomes; /* suite_room */
	size_t room; /* bytes of it */
	size_t count;
	bool has_miner; /* it can be a node */
	char implementation[100];
	char version[60];
};

/* Whether a vector is asked for. */
bool suite_wants(const struct suite *s, const struct vector *v);
/* False: the driver cannot even begin; said on stderr. */
bool suite_run(struct suite *s);

/* Room for an outcome of each vector, shared with processes that are forked; false: said on stderr. */
bool suite_room(struct suite *s);
void suite_free(struct suite *s);

/* A driver that runs and has said what it is; false: said on stderr, and it is to be ended. */
bool suite_begin(struct suite *s, struct driver *d);

/* A miner's cases, as vectors without input; its driver is the suite's command. */
bool miner_vectors(struct vectors *v);
bool suite_run_miner(struct suite *s);

/* A router at these URLs, whose administrator or owner of sessions the wallet is. */
struct router_options {
	const char *url, *miner_url; /* miner_url "": the same */
	const char *wallet; /* file */
	const char *address; /* of its identity; "": what it says itself */
	const char *control; /* a command; "": none */
};
/* The cases of a router, as vectors without input. */
bool router_vectors(struct vectors *v);
bool suite_run_router(struct suite *s, const struct router_options *o);

/* A line for each id that is expected to fail; false: the file is wrong, or a line names none.  Said on stderr. */
bool suite_expect(struct suite *s, const char *path);

void report_text(const struct suite *s);
bool report_jsonl(const struct suite *s, const char *path);
bool report_junit(const struct suite *s, const char *path);
bool report_html(const struct suite *s, const char *path); /* says itself what is wrong */
extern const unsigned char conform_html_template[];
size_t report_count(const struct suite *s, enum result result);

/* Walks a driver through the protocol; says what is wrong, and how to mend it. */
enum conform_exit doctor(const struct vectors *vectors, const char *command, uint32_t timeout_ms);

#endif
