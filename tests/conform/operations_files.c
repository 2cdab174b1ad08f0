/* SPDX-License-Identifier: Apache-2.0 */
/* operations_files.c -- keyring files, policy documents, contract calls: the library's, operation by operation.  spec/CONFORMANCE.md. */
#include <string.h>

#include <pinf/keyring.h>

#include "core/abi.h"
#include "operations.h"

#define MINERS_MAX 200

enum pinf_err
keyring_open(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_bytes file = {0}, passphrase = {0};
	struct pinf_keyring *keyring = NULL;
	enum pinf_err err;

	read_bytes(input, "file", &file);
	read_bytes(input, "passphrase", &passphrase);
	err = pinf_keyring_decode(&keyring, pinf_span_of(&file), pinf_span_of(&passphrase));
	if (err == PINF_OK) {
		pinf_json_put_uint(ok, "chain_id", pinf_keyring_domain(keyring)->chain_id);
		pinf_json_put_address(ok, "contract", &pinf_keyring_domain(keyring)->contract);
		pinf_json_put_address(ok, "identity", pinf_keyring_address(keyring));
		pinf_json_open(ok, "versions", '[');
		for (size_t i = 0; i < pinf_keyring_count(keyring); i++) {
			const struct pinf_key_info info = pinf_keyring_info(keyring, i);

			pinf_json_open(ok, NULL, '{');
			pinf_json_put_uint(ok, "created_ms", info.created_ms);
			pinf_json_put_hex(
			    ok, "fingerprint", false, info.fingerprint, sizeof info.fingerprint);
			pinf_json_put_str(ok, "state", pinf_key_state_name(info.state));
			pinf_json_put_uint(ok, "version", info.version);
			pinf_json_close(ok, '}');
		}
		pinf_json_close(ok, ']');
	}
	pinf_keyring_free(keyring);
	pinf_bytes_free(&file);
	pinf_bytes_free(&passphrase);
	return err;
}

enum pinf_err
policy_document(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_bytes text = {0}, canonical = {0};
	struct pinf_policy_doc doc;
	char field[64];
	enum pinf_err err;

	read_bytes(input, "text", &text);
	err = pinf_policy_doc_decode(&doc, pinf_span_of(&text), field);
	if (err == PINF_OK)
		err = pinf_policy_doc_encode(&canonical, &doc);
	if (err == PINF_OK)
		pinf_json_put_text(ok, "canonical", pinf_span_of(&canonical));
	pinf_bytes_free(&text);
	pinf_bytes_free(&canonical);
	return err;
}

enum pinf_err
abi_call(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	char signature[128] = "";
	struct pinf_abi_call call;
	size_t count;

	pinf_json_label(input, "signature", true, signature, sizeof signature);
	count = pinf_json_array(input, "arguments", true, PINF_ABI_ARGS_MAX);
	need_read(input);
	call = pinf_abi_call(signature);
	for (size_t i = 0; i < count; i++) {
		struct pinf_json_reader item = pinf_json_item(input, "arguments", i);
		struct pinf_address address;
		uint64_t number = 0;

		if (pinf_json_has(&item, "address")) {
			pinf_json_address(&item, "address", true, &address);
			pinf_abi_put_address(&call, &address);
		} else {
			pinf_json_uint(&item, "uint", true, PINF_ID_MAX, &number);
			pinf_abi_put_uint(&call, number);
		}
		need_read(&item);
	}
	pinf_json_put_hex(ok, "data", false, call.bytes, call.len);
	return PINF_OK;
}

static enum pinf_err
decode_addresses(struct pinf_span data, uint64_t max, struct pinf_json_writer *ok)
{
	struct pinf_address miners[MINERS_MAX];
	size_t count = 0;
	enum pinf_err err;

	need(max <= MINERS_MAX);
	err = pinf_abi_addresses(data, miners, (size_t)max, &count);
	if (err != PINF_OK)
		return err;
	pinf_json_open(ok, "value", '[');
	for (size_t i = 0; i < count; i++)
		pinf_json_put_address(ok, NULL, &miners[i]);
	pinf_json_close(ok, ']');
	return PINF_OK;
}

enum pinf_err
abi_decode(struct pinf_json_reader *input, struct pinf_json_writer *ok)
{
	struct pinf_bytes data = {0};
	struct pinf_address address;
	char type[16] = "";
	uint64_t max = 0, number = 0;
	bool flag = false;
	enum pinf_err err;

	pinf_json_label(input, "type", true, type, sizeof type);
	pinf_json_uint(input, "max", false, PINF_ID_MAX, &max);
	read_bytes(input, "data", &data);
	if (strcmp(type, "uint") == 0) {
		err = pinf_abi_uint(pinf_span_of(&data), max, &number);
		if (err == PINF_OK)
			pinf_json_put_uint(ok, "value", number);
	} else if (strcmp(type, "bool") == 0) {
		err = pinf_abi_bool(pinf_span_of(&data), &flag);
		if (err == PINF_OK)
			pinf_json_put_bool(ok, "value", flag);
	} else if (strcmp(type, "address") == 0) {
		err = pinf_abi_address(pinf_span_of(&data), &address);
		if (err == PINF_OK)
			pinf_json_put_address(ok, "value", &address);
	} else {
		need(strcmp(type, "address[]") == 0);
		err = decode_addresses(pinf_span_of(&data), max, ok);
	}
	pinf_bytes_free(&data);
	return err;
}
