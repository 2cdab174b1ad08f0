/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inference.h -- from an input document to a result document, by one of three engines.
 *
 * builtin: deterministic, for tests and demonstrations.  With h = SHA-256(prompt), the text is
 *   hex(h), then " " and the first 8 hex digits of SHA-256(h || be32(i)) for i = 1 .. n - 1, where n is
 *   max_tokens (finish_reason "length") or, if that is 0, 16 ("stop"); n is at most
 *   PINF_BUILTIN_WORDS_MAX.
 * command: a program that reads the prompt on stdin and writes the text on stdout; no shell.
 * openai: POST http://HOST:PORT/v1/completions, as llama.cpp, vLLM and Ollama serve it.
 *
 * A prompt_template has "{prompt}" in it where the prompt goes; any engine sees the two put together.
 */
#ifndef PINF_HOST_INFERENCE_H
#define PINF_HOST_INFERENCE_H

#include <pinf/base.h>

#include <stdatomic.h>

#define PINF_BUILTIN_WORDS_MAX (1u << 20)
#define PINF_RESULT_TEXT_MAX   ((size_t)64 << 20)

enum pinf_engine_kind { PINF_ENGINE_BUILTIN, PINF_ENGINE_COMMAND, PINF_ENGINE_OPENAI };
#define PINF_ENGINES "builtin|command|openai" /* as an option's choices, in the enum's order */

struct pinf_engine_config {
	enum pinf_engine_kind kind;
	const char *command; /* COMMAND: words parted by spaces; the first is looked for in PATH */
	const char *host; /* OPENAI */
	unsigned port;
};

/* One thread uses it at a time. */
struct pinf_engine;
/* Copies what it needs; E_CONFIG where something of its kind is missing.  stop as for pinf_client_new(). */
PINF_MUST_CHECK enum pinf_err pinf_engine_new(struct pinf_engine **engine,
    const struct pinf_engine_config *config, const atomic_bool *stop, struct pinf_bytes *message);
void pinf_engine_free(struct pinf_engine *engine);
/*
 * Appends a result document.  Errors of pinf_input_decode(); E_TIMEOUT; E_TOO_LARGE; E_INFERENCE:
 * the engine failed, or its output is not UTF-8 text.
 */
PINF_MUST_CHECK enum pinf_err pinf_engine_run(struct pinf_engine *engine,
    struct pinf_span input_document, uint32_t timeout_ms, struct pinf_bytes *result_document);

#endif
