/* SPDX-License-Identifier: Apache-2.0 */
/* urn.h -- urn:blob:{version}:{storage_type}:{provider}:{bucket}:{file_name}.  spec/urn.md. */
#ifndef PINF_URN_H
#define PINF_URN_H

#include <pinf/base.h>

#define PINF_URN_MAX       512 /* bytes of a whole URN */
#define PINF_URN_FIELD_MAX 255 /* bytes of one field, still percent-encoded */

enum pinf_urn_field {
	PINF_URN_VERSION,
	PINF_URN_TYPE,
	PINF_URN_PROVIDER,
	PINF_URN_BUCKET,
	PINF_URN_FILE,
	PINF_URN_FIELDS
};

/* A parsed URN points into the text it was parsed from; nothing is decoded or allocated. */
struct pinf_urn {
	struct pinf_span field[PINF_URN_FIELDS];
};

/*
 * Splits and checks text.  Accepts any RFC 8141 spelling of the five fields ("URN:Blob:..." and
 * %3a included); an unknown storage type parses.
 * Errors: E_URN_SYNTAX, E_URN_FIELDS, E_URN_LENGTH, E_URN_VERSION.
 */
PINF_MUST_CHECK enum pinf_err pinf_urn_parse(struct pinf_urn *urn, struct pinf_span text);
/* Whether text is, byte for byte, the canonical spelling of a valid URN. */
bool pinf_urn_is_canonical(struct pinf_span text);
/* Writes the canonical spelling: lower-case prefix, unreserved octets plain, hex upper-case. */
PINF_MUST_CHECK enum pinf_err pinf_urn_format(struct pinf_buf *out, const struct pinf_urn *urn);
/* Builds a canonical URN from plain (not percent-encoded) fields, the first always "1". */
PINF_MUST_CHECK enum pinf_err
pinf_urn_make(struct pinf_buf *out, const struct pinf_span plain[static PINF_URN_FIELDS]);
/* RFC 8141 equivalence extended by percent-decoding of unreserved octets; decodes nothing to memory. */
bool pinf_urn_equal(const struct pinf_urn *a, const struct pinf_urn *b);

/* The one place whose blobs this process reads and writes. */
struct pinf_storage {
	const char *type; /* "fs" */
	const char *provider; /* configured name, plain */
	const char *bucket;
};

/* Text of the URN under which storage keeps the blob with this SHA-256. */
PINF_MUST_CHECK enum pinf_err pinf_urn_of_blob(char out[static PINF_URN_MAX + 1],
    const struct pinf_storage *storage, const struct pinf_hash *sha256);
/* The blob's SHA-256 if the URN is one of storage's, else E_URN_STORAGE. */
PINF_MUST_CHECK enum pinf_err pinf_urn_resolve(
    struct pinf_hash *sha256, const struct pinf_storage *storage, struct pinf_span text);

#endif
