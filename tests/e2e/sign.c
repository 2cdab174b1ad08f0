/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.c -- pinf-sign WALLET NAME=VALUE...: prints an Authorization header for a request, right or
 * wrong as the test wants it.  Names: scheme router chain contract method path session task version
 * body (SHA-256, hex) nonce (hex) expires (ms).  spec/auth.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinf/auth.h>

#include "host/files.h"
#include "host/keyfile.h"

struct order {
	enum pinf_auth_scheme scheme;
	struct pinf_auth_request request;
};

static enum pinf_err
set(struct order *order, const char *name, struct pinf_span value)
{
	struct pinf_auth_request *r = &order->request;
	const uint64_t number = strtoull((const char *)value.data, NULL, 10);

	if (strcmp(name, "scheme") == 0)
		order->scheme = pinf_span_equal(value, pinf_span_str("eip191")) ? PINF_AUTH_EIP191
										: PINF_AUTH_EIP712;
	else if (strcmp(name, "router") == 0)
		return pinf_address_parse(&r->router, value);
	else if (strcmp(name, "contract") == 0)
		return pinf_address_parse(&r->domain.contract, value);
	else if (strcmp(name, "chain") == 0)
		r->domain.chain_id = number;
	else if (strcmp(name, "method") == 0)
		r->method = value;
	else if (strcmp(name, "path") == 0)
		r->path = value;
	else if (strcmp(name, "session") == 0)
		r->session = number;
	else if (strcmp(name, "task") == 0)
		r->task = number;
	else if (strcmp(name, "version") == 0)
		r->key_version = (uint32_t)number;
	else if (strcmp(name, "body") == 0)
		return pinf_unhex(r->body_sha256.bytes, PINF_HASH_LEN, value, true);
	else if (strcmp(name, "nonce") == 0)
		return pinf_unhex(r->nonce, PINF_NONCE_LEN, value, true);
	else if (strcmp(name, "expires") == 0)
		r->expires_ms = number;
	else
		return PINF_E_UNKNOWN_FIELD;
	return PINF_OK;
}

int
main(int argc, char **argv)
{
	struct order order = {.scheme = PINF_AUTH_EIP712};
	const struct pinf_auth_request *r = &order.request;
	struct pinf_bytes message = {0};
	struct pinf_wallet wallet;
	struct pinf_hash digest;
	char header[PINF_AUTH_HEADER_MAX + 1];
	enum pinf_err err =
	    argc < 2 ? PINF_E_MISSING : pinf_walletfile_load(&wallet, argv[1], &message);

	for (int i = 2; i < argc && err == PINF_OK; i++) {
		char *equals = strchr(argv[i], '=');

		if (equals == NULL)
			err = PINF_E_SYNTAX;
		else {
			*equals = '\0';
			err = set(&order, argv[i], pinf_span_str(equals + 1));
		}
	}
	if (err == PINF_OK) {
		struct pinf_auth auth = {.scheme = order.scheme,
		    .address = wallet.address,
		    .router = r->router,
		    .session = r->session,
		    .task = r->task,
		    .key_version = r->key_version,
		    .expires_ms = r->expires_ms};

		memcpy(auth.nonce, r->nonce, sizeof auth.nonce);
		pinf_auth_digest(&digest, order.scheme, r);
		err = pinf_wallet_sign(&auth.signature, &wallet, &digest);
		if (err == PINF_OK)
			err = pinf_auth_header_format(header, &auth);
		pinf_wallet_wipe(&wallet);
	}
	if (err == PINF_OK)
		return puts(header) < 0;
	(void)fprintf(stderr, "pinf-sign: %s\n", pinf_err_text(err));
	pinf_bytes_free(&message);
	return 1;
}
