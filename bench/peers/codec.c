/* SPDX-License-Identifier: Apache-2.0 */
/* codec.c -- a strict split by hand, and cJSON as it comes. */
#include "codec.h"

#include <string.h>

#include <cjson/cJSON.h>

/* 1: stands for itself; 2: begins an escape; 3: ends a field; 4: a digit too, of an escape. */
static uint8_t kinds[256];

__attribute__((constructor)) static void
make_kinds(void)
{
	static const char plain[] = "-._~!$&'()*+,;=@/"
				    "GHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz";

	for (const char *c = plain; *c != '\0'; c++)
		kinds[(uint8_t)*c] = 1;
	for (const char *c = "0123456789abcdefABCDEF"; *c != '\0'; c++)
		kinds[(uint8_t)*c] = 4;
	kinds['%'] = 2;
	kinds[':'] = 3;
}

int
peers_urn_split(const uint8_t *text, size_t len, size_t starts[static PEERS_URN_FIELDS])
{
	size_t fields = 1;

	if (len < 9 || memcmp(text, "urn:blob:", 9) != 0)
		return 0;
	starts[0] = 9;
	for (size_t i = 9; i < len; i++) {
		const uint8_t kind = kinds[text[i]];

		if (kind == 0)
			return 0;
		if (kind == 2 &&
		    (i + 2 >= len || kinds[text[i + 1]] != 4 || kinds[text[i + 2]] != 4))
			return 0;
		if (kind != 3)
			continue;
		if (fields == PEERS_URN_FIELDS || i == starts[fields - 1])
			return 0;
		starts[fields++] = i + 1;
	}
	return fields == PEERS_URN_FIELDS && starts[fields - 1] < len;
}

int
peers_json_parse(const char *text, size_t len)
{
	cJSON *tree = cJSON_ParseWithLength(text, len);

	cJSON_Delete(tree);
	return tree != NULL;
}
