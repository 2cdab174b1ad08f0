/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h -- the documents inside payloads: RFC 8785 canonical JSON, so that equal content
 * is equal bytes in every language.  spec/documents.md.
 */
#ifndef PINF_DOCUMENT_H
#define PINF_DOCUMENT_H

#include <pinf/base.h>

#define PINF_PROMPT_MAX   ((size_t)64 << 20)
#define PINF_DOCUMENT_MAX (PINF_PROMPT_MAX * 6 + 65536) /* every byte escaped as \u00xx */
#define PINF_LABEL_MAX    128 /* prompt_type, finish_reason, model */

/* Sampling numbers in millionths: exact in every language, no floating point. */
enum pinf_sampling {
	PINF_TEMPERATURE,
	PINF_TOP_P,
	PINF_PRESENCE_PENALTY,
	PINF_FREQUENCY_PENALTY,
	PINF_SAMPLINGS
};

/* What the caller wants.  Everything but ids and timeouts; sealed for private sessions. */
struct pinf_input {
	struct pinf_bytes prompt; /* UTF-8, 1 .. PINF_PROMPT_MAX bytes */
	struct pinf_bytes prompt_template; /* empty: none */
	char prompt_type[PINF_LABEL_MAX + 1];
	uint32_t max_tokens; /* 0: the engine's default */
	uint32_t top_k; /* 0: the engine's default */
	bool has[PINF_SAMPLINGS];
	int32_t sampling[PINF_SAMPLINGS]; /* millionths, -100 to 100 in units */
};

struct pinf_result {
	struct pinf_bytes text;
	char finish_reason[PINF_LABEL_MAX + 1]; /* "stop", "length", ... */
	char model[PINF_LABEL_MAX + 1];
	uint32_t prompt_tokens;
	uint32_t completion_tokens;
};

/* Appends the canonical document. */
PINF_MUST_CHECK enum pinf_err
pinf_input_encode(struct pinf_bytes *out, const struct pinf_input *input);
PINF_MUST_CHECK enum pinf_err
pinf_result_encode(struct pinf_bytes *out, const struct pinf_result *result);
/* Strict; a document that is not canonical is E_NOT_CANONICAL.  Free with the functions below. */
PINF_MUST_CHECK enum pinf_err
pinf_input_decode(struct pinf_input *input, struct pinf_span document);
PINF_MUST_CHECK enum pinf_err
pinf_result_decode(struct pinf_result *result, struct pinf_span document);
void pinf_input_free(struct pinf_input *input); /* wipes; safe on {0} */
void pinf_result_free(struct pinf_result *result);

#endif
