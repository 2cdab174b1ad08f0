/* SPDX-License-Identifier: Apache-2.0 */
/* payload.c -- fuzzes the decoding of payload metadata: as it comes, or ('m' first) of members that the input chooses.  spec/payload.md. */
#include <string.h>

#include <pinf/payload.h>

#include "common.h"

/* A blob's header is the one that its metadata has, or it is not its blob. */
static void
check_header(const struct pinf_payload *payload)
{
	struct pinf_blob_header header = {.params = {.suite = payload->suite,
					      .chunk_log2 = PINF_BLOB_CHUNK_MIN,
					      .key_version = payload->key_version,
					      .scope = payload->scope}};
	struct pinf_payload other = *payload;
	uint8_t bytes[PINF_BLOB_HEADER_LEN];
	const struct pinf_span blob = {bytes, sizeof bytes};

	if (payload->suite == PINF_SUITE_NONE) {
		header.params.suite = PINF_SUITE_AES256GCM;
		header.params.key_version = 1;
		header.params.scope = (struct pinf_scope){.kind = PINF_SCOPE_TASK,
		    .purpose = PINF_PURPOSE_INPUT,
		    .session = 1,
		    .task = 1};
		pinf_blob_header_encode(bytes, &header);
		fuzz_check(pinf_payload_check_header(payload, blob) == PINF_E_ENCRYPTION,
		    "what is not sealed has no header");
		return;
	}
	pinf_blob_header_encode(bytes, &header);
	fuzz_check(pinf_payload_check_header(payload, blob) == PINF_OK, "the header fits");
	fuzz_check(pinf_payload_check_header(payload,
		       (struct pinf_span){bytes, sizeof bytes - 1}) == PINF_E_BLOB_TRUNCATED,
	    "all of it");
	other.key_version++;
	fuzz_check(
	    pinf_payload_check_header(&other, blob) == PINF_E_BLOB_HEADER, "no other version");
	other = *payload;
	other.suite =
	    (enum pinf_suite)(PINF_SUITE_AES256GCM + PINF_SUITE_CHACHA20POLY1305 - payload->suite);
	fuzz_check(pinf_payload_check_header(&other, blob) == PINF_E_BLOB_HEADER, "nor suite");
	other = *payload;
	other.scope.session ^= 1;
	fuzz_check(pinf_payload_check_header(&other, blob) == PINF_E_SCOPE_MISMATCH, "nor session");
}

/* Each field counts. */
static void
check_equality(const struct pinf_payload *payload)
{
	for (unsigned i = 0; i < 8; i++) {
		struct pinf_payload other = *payload;

		switch (i) {
		case 0: other.urn[0] ^= 1; break;
		case 1: other.sha256.bytes[31] ^= 1; break;
		case 2: other.size ^= 1; break;
		case 3: other.suite = (enum pinf_suite)(other.suite + 1); break;
		case 4: other.key_version ^= 1; break;
		case 5: other.scope.attempt ^= 1; break;
		case 6: other.inline_len ^= 1; break;
		default:
			if (other.inline_len == 0)
				continue;
			other.inline_data[other.inline_len - 1] ^= 1;
		}
		fuzz_check(!pinf_payload_equal(payload, &other), "another field, another payload");
	}
}

static enum pinf_err
decode_starving(struct pinf_span text)
{
	struct pinf_payload payload;
	struct pinf_bytes out = {0};
	enum pinf_err err = pinf_payload_decode(&payload, text);

	if (err == PINF_OK)
		err = pinf_payload_encode(&out, &payload);
	fuzz_check(err == PINF_OK || out.len == 0, "no half of it");
	pinf_bytes_free(&out);
	return err;
}

static void
try_text(struct pinf_span text)
{
	struct pinf_payload payload, again;
	struct pinf_bytes first = {0}, second = {0};
	struct pinf_urn urn;
	enum pinf_err err;

	memset(&payload, 0xa5, sizeof payload);
	memcpy(&again, &payload, sizeof again);
	err = pinf_payload_decode(&payload, text);
	fuzz_check_named(err);
	fuzz_starve(decode_starving, text);
	if (err != PINF_OK) {
		/* Padding included: both are copies of the same bytes. NOLINTNEXTLINE */
		fuzz_check(memcmp(&payload, &again, sizeof payload) == 0, "untouched on failure");
		return;
	}
	fuzz_check(
	    (payload.urn[0] == '\0') == (payload.inline_len != 0), "by URN or inline, not both");
	fuzz_check(
	    payload.urn[0] == '\0' || pinf_urn_parse(&urn, pinf_span_str(payload.urn)) == PINF_OK,
	    "the URN parses");
	if (payload.suite == PINF_SUITE_NONE)
		fuzz_check(payload.key_version == 0, "no key where nothing is sealed");
	else
		fuzz_check(payload.inline_len == 0 && payload.key_version != 0 &&
			       pinf_scope_check(&payload.scope) == PINF_OK,
		    "a sealed payload has a valid scope and travels by URN");
	err = pinf_payload_encode(&first, &payload);
	fuzz_check(err == PINF_OK, "what decodes encodes");
	err = pinf_payload_decode(&again, pinf_span_of(&first));
	fuzz_check(
	    err == PINF_OK && pinf_payload_equal(&payload, &again), "and decodes to the same");
	err = pinf_payload_encode(&second, &again);
	fuzz_check(err == PINF_OK && pinf_span_equal(pinf_span_of(&first), pinf_span_of(&second)),
	    "encoding settles at once");
	check_header(&payload);
	check_equality(&payload);
	pinf_bytes_free(&first);
	pinf_bytes_free(&second);
}

#define HASH     "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" /* of "x" */
#define INSTANCE "\"instance\":\"00000000000000000000000000000000\""
#define PLAIN    "\"encryption\":\"none\""
#define INLINE   "\"inline\":\"x\""
#define SHA256   "\"sha256\":\"" HASH "\""
#define URN      "\"urn\":\"urn:blob:1:fs:local:pinf:" HASH "\""
#define SEALED_TASK                                                                                \
	"\"encryption\":{\"key_version\":1,\"scope\":{" INSTANCE                                   \
	",\"kind\":\"task\",\"purpose\":\"input\",\"session\":7,\"task\":9},\"suite\":\"aes-256-"  \
	"gcm\"}"
#define SEALED_SESSION                                                                             \
	"\"encryption\":{\"key_version\":0,\"scope\":{" INSTANCE                                   \
	",\"kind\":\"session\",\"purpose\":\"input\",\"session\":7},\"suite\":\"chacha20-"         \
	"poly1305\"}"

/* Members that are right by themselves, or nearly; two bytes of the input say which of them there are. */
static void
try_members(struct fuzz_input *in)
{
	static const char *const members[] = {PLAIN, SEALED_TASK, SEALED_SESSION, INLINE, SHA256,
	    "\"size\":1", "\"size\":300", URN, "\"x-note\":[1]", "\"other\":1"};
	const unsigned low = fuzz_byte(in), chosen = low | (unsigned)fuzz_byte(in) << 8;
	struct pinf_bytes text = {0};
	enum pinf_err err = pinf_bytes_append(&text, "{", 1);

	for (size_t i = 0; i < sizeof members / sizeof members[0] && err == PINF_OK; i++) {
		if ((chosen >> i & 1) == 0)
			continue;
		if (text.len > 1)
			err = pinf_bytes_append(&text, ",", 1);
		if (err == PINF_OK)
			err = pinf_bytes_append(&text, members[i], strlen(members[i]));
	}
	fuzz_check(err == PINF_OK && pinf_bytes_append(&text, "}", 1) == PINF_OK, "room");
	try_text(pinf_span_of(&text));
	pinf_bytes_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};

	if (fuzz_byte(&in) == 'm')
		try_members(&in);
	else
		try_text((struct pinf_span){data, size});
	return 0;
}
