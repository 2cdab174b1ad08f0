/* SPDX-License-Identifier: Apache-2.0 */
/* test_auth.c -- signed requests: known answers by ethers, every field bound, one header spelling. */
#include "unit.h"

#include <cjson/cJSON.h>

#include <pinf/auth.h>

#define VECTORS      PINF_SOURCE_DIR "/spec/vectors/auth.json"
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Like assert_err, for the rows of a table. */
static void
expect(const char *row, enum pinf_err got, enum pinf_err want)
{
	if (got != want)
		fail_msg("%s: %s, not %s", row, pinf_err_name(got), pinf_err_name(want));
}

static const char *
text_at(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	assert_non_null(text);
	return text;
}

static uint64_t
number_at(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	assert_true(cJSON_IsNumber(item));
	return (uint64_t)item->valuedouble;
}

static void
hex_at(const cJSON *object, const char *name, uint8_t *out, size_t len)
{
	assert_ok(pinf_unhex(out, len, SPAN(text_at(object, name) + 2), true));
}

static void
read_request(struct pinf_auth_request *request, const cJSON *value)
{
	hex_at(value, "router", request->router.bytes, PINF_ADDRESS_LEN);
	request->method = SPAN(text_at(value, "method"));
	request->path = SPAN(text_at(value, "path"));
	request->session = number_at(value, "session");
	request->task = number_at(value, "task");
	request->key_version = (uint32_t)number_at(value, "keyVersion");
	hex_at(value, "bodySha256", request->body_sha256.bytes, PINF_HASH_LEN);
	hex_at(value, "nonce", request->nonce, PINF_NONCE_LEN);
	request->expires_ms = number_at(value, "expires");
}

static void
read_grant(struct pinf_grant *grant, const cJSON *value)
{
	uint8_t scope[PINF_SCOPE_MAX];
	const size_t scope_len = strlen(text_at(value, "scope")) / 2 - 1;

	assert_true(scope_len <= sizeof scope);
	hex_at(value, "scope", scope, scope_len);
	assert_ok(pinf_scope_decode(&grant->scope, span_of(scope, scope_len)));
	hex_at(value, "enc", grant->enc, sizeof grant->enc);
	hex_at(value, "sealedKey", grant->sealed_key, sizeof grant->sealed_key);
	hex_at(value, "requestDigest", grant->request_digest.bytes, PINF_HASH_LEN);
	grant->key_version = (uint32_t)number_at(value, "keyVersion");
	grant->expires_ms = number_at(value, "expires");
	grant->audit_seq = number_at(value, "auditSeq");
	hex_at(value, "auditHead", grant->audit_head.bytes, PINF_HASH_LEN);
}

static void
read_result(struct pinf_result_claim *claim, const cJSON *value)
{
	hex_at(value, "router", claim->router.bytes, PINF_ADDRESS_LEN);
	claim->session = number_at(value, "session");
	claim->task = number_at(value, "task");
	claim->attempt = (uint32_t)number_at(value, "attempt");
	claim->epoch = number_at(value, "epoch");
	hex_at(value, "inputSha256", claim->input_sha256.bytes, PINF_HASH_LEN);
	claim->result_urn = SPAN(text_at(value, "resultUrn"));
	hex_at(value, "resultSha256", claim->result_sha256.bytes, PINF_HASH_LEN);
	claim->key_version = (uint32_t)number_at(value, "keyVersion");
}

/* Digest of a vector's value, by its kind. */
static void
digest_of(struct pinf_hash *digest, const cJSON *vector, const struct pinf_domain *domain)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(vector, "value");
	const char *kind = text_at(vector, "kind");
	struct pinf_auth_request request = {.domain = *domain};
	struct pinf_result_claim claim = {.domain = *domain};
	struct pinf_grant grant = {0};
	struct pinf_address router;
	struct pinf_hash head;

	if (strcmp(kind, "request") == 0) {
		read_request(&request, value);
		pinf_auth_digest(digest,
		    strcmp(text_at(vector, "scheme"), "eip712") == 0 ? PINF_AUTH_EIP712
								     : PINF_AUTH_EIP191,
		    &request);
	} else if (strcmp(kind, "grant") == 0) {
		read_grant(&grant, value);
		pinf_grant_digest(digest, &grant, domain);
	} else if (strcmp(kind, "result") == 0) {
		read_result(&claim, value);
		pinf_result_digest(digest, &claim);
	} else {
		assert_string_equal(kind, "checkpoint");
		hex_at(value, "router", router.bytes, PINF_ADDRESS_LEN);
		hex_at(value, "head", head.bytes, PINF_HASH_LEN);
		pinf_checkpoint_digest(digest, domain, &router, number_at(value, "seq"), &head);
	}
}

/* The header of a request vector: made the same, and accepted. */
static void
check_header(const cJSON *vector, const struct pinf_domain *domain)
{
	struct pinf_auth_request request = {.domain = *domain}, received;
	char header[PINF_AUTH_HEADER_MAX + 1];
	struct pinf_auth auth;

	assert_ok(pinf_auth_header_parse(&auth, SPAN(text_at(vector, "header"))));
	assert_ok(pinf_auth_header_format(header, &auth));
	assert_string_equal(header, text_at(vector, "header"));
	read_request(&request, cJSON_GetObjectItemCaseSensitive(vector, "value"));
	received = (struct pinf_auth_request){.router = request.router,
	    .domain = *domain,
	    .method = request.method,
	    .path = request.path,
	    .body_sha256 = request.body_sha256};
	assert_ok(pinf_auth_check(&auth, &received));
	assert_int_equal(received.session, request.session);
	assert_int_equal(received.task, request.task);
	assert_int_equal(received.key_version, request.key_version);
	assert_int_equal(received.expires_ms, request.expires_ms);
	assert_memory_equal(received.nonce, request.nonce, sizeof request.nonce);
}

/* The JSON of a grant vector, sealed by another HPKE: opened, and made the same again. */
static void
check_grant(const cJSON *vector, const struct pinf_domain *domain)
{
	struct pinf_grant_expect expect_grant = {.domain = *domain};
	struct pinf_hpke_keypair pair;
	struct pinf_bytes json = {0};
	struct pinf_key want, key;
	struct pinf_grant grant;

	hex_at(vector, "address", expect_grant.router.bytes, PINF_ADDRESS_LEN);
	hex_at(vector, "recipient_secret", pair.secret.bytes, PINF_KEY_LEN);
	hex_at(vector, "recipient_public", pair.public_key, PINF_HPKE_PUBLIC_LEN);
	hex_at(vector, "key", want.bytes, PINF_KEY_LEN);
	assert_ok(pinf_grant_decode(&grant, SPAN(text_at(vector, "json"))));
	expect_grant.request_digest = grant.request_digest;
	expect_grant.scope = grant.scope;
	expect_grant.now_ms = grant.expires_ms - 1;
	assert_ok(pinf_grant_open(&key, &grant, &expect_grant, &pair));
	assert_memory_equal(key.bytes, want.bytes, PINF_KEY_LEN);
	assert_ok(pinf_grant_encode(&json, &grant));
	assert_string_equal((const char *)json.data, text_at(vector, "json"));
	pinf_bytes_free(&json);
}

static void
check_vector(const cJSON *vector)
{
	struct pinf_domain domain = {.chain_id = number_at(vector, "chain_id")};
	struct pinf_hash want_digest, digest;
	struct pinf_sig want_sig, sig;
	struct pinf_address address;
	struct pinf_wallet wallet;

	hex_at(vector, "contract", domain.contract.bytes, PINF_ADDRESS_LEN);
	hex_at(vector, "address", address.bytes, PINF_ADDRESS_LEN);
	hex_at(vector, "digest", want_digest.bytes, PINF_HASH_LEN);
	hex_at(vector, "signature", want_sig.bytes, PINF_SIG_LEN);
	assert_ok(pinf_wallet_parse(&wallet, SPAN(text_at(vector, "secret"))));
	assert_true(pinf_address_equal(&wallet.address, &address));
	digest_of(&digest, vector, &domain);
	assert_memory_equal(digest.bytes, want_digest.bytes, PINF_HASH_LEN);
	assert_ok(pinf_wallet_sign(&sig, &wallet, &digest));
	assert_memory_equal(sig.bytes, want_sig.bytes, PINF_SIG_LEN);
	assert_ok(pinf_signature_check(&want_sig, &want_digest, &address));
	if (strcmp(text_at(vector, "kind"), "request") == 0)
		check_header(vector, &domain);
	if (strcmp(text_at(vector, "kind"), "grant") == 0)
		check_grant(vector, &domain);
}

static void
known_answers(void **state)
{
	size_t len = 0;
	uint8_t *file = unit_read_file(VECTORS, &len);
	cJSON *root, *vector;
	int count = 0;

	(void)state;
	assert_non_null(file);
	root = cJSON_ParseWithLength((const char *)file, len);
	assert_non_null(root);
	cJSON_ArrayForEach(vector, cJSON_GetObjectItemCaseSensitive(root, "vectors"))
	{
		check_vector(vector);
		count++;
	}
	assert_int_equal(count, 10);
	cJSON_Delete(root);
	free(file);
}

/* A signed request and what the router received; tests change either. */
struct fixture {
	struct pinf_wallet wallet;
	struct pinf_auth auth;
	struct pinf_auth_request request;
};

static void
sign_again(struct fixture *f)
{
	struct pinf_hash digest;

	pinf_auth_digest(&digest, f->auth.scheme, &f->request);
	assert_ok(pinf_wallet_sign(&f->auth.signature, &f->wallet, &digest));
}

static struct fixture
fixture_of(enum pinf_auth_scheme scheme)
{
	static uint64_t seed = 7;
	struct fixture f = {.request = {.domain = {.chain_id = 5},
				.method = SPAN("POST"),
				.path = SPAN("/api/v1/x?y=1"),
				.session = 101,
				.task = 7}};
	char header[PINF_AUTH_HEADER_MAX + 1];

	assert_ok(pinf_wallet_new(&f.wallet, unit_random(&seed)));
	memset(f.request.router.bytes, 0x11, PINF_ADDRESS_LEN);
	memset(f.request.domain.contract.bytes, 0x22, PINF_ADDRESS_LEN);
	memset(f.request.body_sha256.bytes, 0x33, PINF_HASH_LEN);
	assert_ok(pinf_auth_sign(header, &f.wallet, &f.request, 1000, unit_random(&seed)));
	assert_int_equal(f.request.expires_ms, 1000 + PINF_AUTH_LIFETIME_MS);
	assert_ok(pinf_auth_header_parse(&f.auth, SPAN(header)));
	f.auth.scheme = scheme;
	sign_again(&f);
	return f;
}

static const struct {
	const char *field;
	size_t offset; /* of a byte that is flipped */
} request_bytes[] = {
    {"chain", offsetof(struct fixture, request.domain.chain_id)},
    {"contract", offsetof(struct fixture, request.domain.contract)},
    {"body", offsetof(struct fixture, request.body_sha256)},
    {"session", offsetof(struct fixture, auth.session)},
    {"task", offsetof(struct fixture, auth.task)},
    {"version", offsetof(struct fixture, auth.key_version)},
    {"nonce", offsetof(struct fixture, auth.nonce)},
    {"nonce's end", offsetof(struct fixture, auth.nonce) + PINF_NONCE_LEN - 1},
    {"expires", offsetof(struct fixture, auth.expires_ms)},
    {"address", offsetof(struct fixture, auth.address)},
    {"r", offsetof(struct fixture, auth.signature)},
    {"s", offsetof(struct fixture, auth.signature) + 63},
};

static void
every_field_is_signed(void **state)
{
	(void)state;
	for (int s = PINF_AUTH_EIP712; s <= PINF_AUTH_EIP191; s++) {
		const struct fixture good = fixture_of((enum pinf_auth_scheme)s);
		struct fixture f = good;

		assert_ok(pinf_auth_check(&f.auth, &f.request));
		for (size_t i = 0; i < COUNT(request_bytes); i++) {
			f = good;
			((uint8_t *)&f)[request_bytes[i].offset] ^= 1;
			expect(request_bytes[i].field, pinf_auth_check(&f.auth, &f.request),
			    PINF_E_AUTH_SIGNATURE);
		}
		f = good;
		f.request.method = SPAN("PUT");
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_SIGNATURE);
		f = good;
		f.request.path = SPAN("/api/v1/x?y=2");
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_SIGNATURE);
		f = good;
		f.auth.scheme = s == PINF_AUTH_EIP712 ? PINF_AUTH_EIP191 : PINF_AUTH_EIP712;
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_SIGNATURE);
		/* Another router, told apart before the signature; and one that only claims to be it. */
		f = good;
		f.request.router.bytes[0] ^= 1;
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_ROUTER);
		f.auth.router.bytes[0] ^= 1;
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_SIGNATURE);
	}
}

/* s becomes order - s and the other v: the same signature as curve and library see it. */
static void
make_high_s(struct pinf_sig *sig)
{
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0,
	    0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
	int borrow = 0;

	for (size_t i = 32; i-- > 0;) {
		const int digit = order[i] - sig->bytes[32 + i] - borrow;

		sig->bytes[32 + i] = (uint8_t)digit;
		borrow = digit < 0;
	}
	sig->bytes[64] = (uint8_t)(27 + 28 - sig->bytes[64]);
}

static void
malleable_signatures_are_refused(void **state)
{
	static const uint8_t wrong_v[] = {0, 1, 26, 29, 37, 255};

	(void)state;
	for (int s = PINF_AUTH_EIP712; s <= PINF_AUTH_EIP191; s++) {
		const struct fixture good = fixture_of((enum pinf_auth_scheme)s);
		struct fixture f = good;

		make_high_s(&f.auth.signature);
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_HIGH_S);
		for (size_t i = 0; i < COUNT(wrong_v); i++) {
			f = good;
			f.auth.signature.bytes[64] = wrong_v[i];
			assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_SIGNATURE);
		}
		f = good;
		f.auth.signature.bytes[64] ^= 27 ^ 28; /* recovers, but somebody else */
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_SIGNATURE);
		memset(f.auth.signature.bytes, 0, 32);
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_SIGNATURE);
	}
}

static void
unsignable_requests_are_refused(void **state)
{
	static char long_path[PINF_PATH_MAX + 2];
	static const struct {
		const char *method, *path;
	} bad[] = {{"POST", ""}, {"", "/x"}, {"POST", "/x\nsession: 9"}, {"PO ST", "/x"},
	    {"POST", "/x y"}, {"POST\n", "/x"}, {"POST", "/\x7f"}, {"POST", "/\xc3\xa9"},
	    {"ABCDEFGHIJKLMNOPQ", "/x"}, {"POST", long_path}};
	struct fixture f = fixture_of(PINF_AUTH_EIP191);
	uint64_t seed = 1;
	char header[PINF_AUTH_HEADER_MAX + 1] = "untouched";

	(void)state;
	memset(long_path, '/', PINF_PATH_MAX + 1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		f.request.method = SPAN(bad[i].method);
		f.request.path = SPAN(bad[i].path);
		assert_err(pinf_auth_check(&f.auth, &f.request), PINF_E_AUTH_SYNTAX);
		assert_err(pinf_auth_sign(header, &f.wallet, &f.request, 1, unit_random(&seed)),
		    PINF_E_AUTH_SYNTAX);
	}
	f.request.method = SPAN("POST");
	f.request.path = SPAN(long_path + 1); /* the longest */
	sign_again(&f);
	assert_ok(pinf_auth_check(&f.auth, &f.request));
	f.request.session = PINF_ID_MAX + 1;
	assert_err(
	    pinf_auth_sign(header, &f.wallet, &f.request, 1, unit_random(&seed)), PINF_E_ID_RANGE);
	assert_string_equal(header, "untouched");
}

static enum pinf_err
no_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx, (void)out, (void)len;
	return PINF_E_RANDOM;
}

static void
no_nonce_no_signature(void **state)
{
	struct fixture f = fixture_of(PINF_AUTH_EIP712);
	char header[PINF_AUTH_HEADER_MAX + 1] = "untouched";

	(void)state;
	assert_err(
	    pinf_auth_sign(header, &f.wallet, &f.request, 1, (struct pinf_random){NULL, no_random}),
	    PINF_E_RANDOM);
	assert_string_equal(header, "untouched");
}

#define ADDRESS "0x640ec6af74d1ae216de971156e4c8df6719ed784"
#define ROUTER  "0x028b1cd7749be707d478da450b1275baaa0f59bd"
#define NONCE   "000102030405060708090a0b0c0d0e0f"
#define SIG                                                                                        \
	"0x3f043404a89cee2b20410c3663625c1bea005bb9392275a6442c0c3f15a0cbc64295b2cff82b13af3b9b90" \
	"0718cd916e18a740fedf4418208c6dcfe5e0b676e81b"
#define HEAD   "Pinf scheme=eip712, address=" ADDRESS ", router=" ROUTER
#define TAIL   ", nonce=" NONCE ", expires=1, signature=" SIG
#define IDS    ", session=1, task=2, version=3"
#define HEADER HEAD IDS TAIL

static const struct {
	const char *header;
	enum pinf_err err;
} headers[] = {
    {HEADER, PINF_OK},
    {HEAD ", session=0, task=0, version=0" TAIL, PINF_OK},
    {HEAD ", session=9007199254740991, task=9007199254740991, version=4294967295" TAIL, PINF_OK},
    {HEAD ", session=9007199254740992, task=2, version=3" TAIL, PINF_E_ID_RANGE},
    {HEAD ", session=1, task=9007199254740992, version=3" TAIL, PINF_E_ID_RANGE},
    {HEAD ", session=1, task=18446744073709551617, version=3" TAIL, PINF_E_ID_RANGE},
    {HEAD ", session=99999999999999999999999999999999999999999, task=2, version=3" TAIL,
	PINF_E_ID_RANGE},
    {HEAD ", session=1, task=2, version=4294967296" TAIL, PINF_E_RANGE},
    {HEAD IDS ", nonce=" NONCE ", expires=9007199254740992, signature=" SIG, PINF_E_RANGE},
    {HEAD ", session=01, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=00, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=+1, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=-1, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=1.0, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=0x1, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=1, session=1, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", task=2, session=1, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=1, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ",session=1, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ",  session=1, task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD ", session=\"1\", task=2, version=3" TAIL, PINF_E_AUTH_SYNTAX},
    {HEAD IDS ", nonce=0x" NONCE ", expires=1, signature=" SIG, PINF_E_AUTH_SYNTAX},
    {HEAD IDS ", nonce=00" NONCE ", expires=1, signature=" SIG, PINF_E_AUTH_SYNTAX},
    {HEADER ",", PINF_E_AUTH_SYNTAX},
    {HEADER " ", PINF_E_AUTH_SYNTAX},
    {HEADER "00", PINF_E_AUTH_SYNTAX},
    {" " HEADER, PINF_E_AUTH_SYNTAX},
    {"pinf scheme=eip712, address=" ADDRESS ", router=" ROUTER IDS TAIL, PINF_E_AUTH_SYNTAX},
    {"Pinf  scheme=eip712, address=" ADDRESS ", router=" ROUTER IDS TAIL, PINF_E_AUTH_SYNTAX},
    {"Pinf scheme=eip1271, address=" ADDRESS ", router=" ROUTER IDS TAIL, PINF_E_AUTH_SYNTAX},
    {"Pinf scheme=eip191, address=" ADDRESS ", router=" ROUTER IDS TAIL, PINF_OK},
    {"Pinf scheme=, address=" ADDRESS ", router=" ROUTER IDS TAIL, PINF_E_AUTH_SYNTAX},
    {"Bearer pinf00", PINF_E_AUTH_SYNTAX},
    {"", PINF_E_AUTH_SYNTAX},
};

static void
headers_have_one_spelling(void **state)
{
	struct pinf_auth auth, before;
	char header[] = HEADER;

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		memset(&auth, 0xa5, sizeof auth);
		before = auth;
		expect(headers[i].header, pinf_auth_header_parse(&auth, SPAN(headers[i].header)),
		    headers[i].err);
		if (headers[i].err != PINF_OK)
			assert_memory_equal(&auth, &before, sizeof auth);
	}
	for (size_t len = 0; len < sizeof header - 1; len++)
		assert_err(pinf_auth_header_parse(&auth, span_of(header, len)), PINF_E_AUTH_SYNTAX);
	/* Any byte in upper case, or none at all: no longer a header. */
	for (size_t i = 0; i < sizeof header - 1; i++) {
		const char was = header[i];

		header[i] = was >= 'a' && was <= 'z' ? (char)(was - 'a' + 'A') : '\0';
		assert_err(pinf_auth_header_parse(&auth, span_of(header, sizeof header - 1)),
		    PINF_E_AUTH_SYNTAX);
		header[i] = was;
	}
	assert_ok(pinf_auth_header_parse(&auth, SPAN(header)));
}

static void
headers_are_made_in_range_only(void **state)
{
	struct pinf_auth auth = {.scheme = PINF_AUTH_EIP191,
	    .session = PINF_ID_MAX,
	    .task = PINF_ID_MAX,
	    .key_version = UINT32_MAX,
	    .expires_ms = PINF_ID_MAX};
	char header[PINF_AUTH_HEADER_MAX + 1];

	(void)state;
	assert_ok(pinf_auth_header_format(header, &auth));
	assert_int_equal(strlen(header), 400);
	auth.expires_ms++;
	assert_err(pinf_auth_header_format(header, &auth), PINF_E_RANGE);
	auth.task++;
	assert_err(pinf_auth_header_format(header, &auth), PINF_E_ID_RANGE);
}

static const size_t claim_bytes[] = {offsetof(struct pinf_result_claim, router),
    offsetof(struct pinf_result_claim, domain.chain_id),
    offsetof(struct pinf_result_claim, domain.contract),
    offsetof(struct pinf_result_claim, session), offsetof(struct pinf_result_claim, task),
    offsetof(struct pinf_result_claim, attempt), offsetof(struct pinf_result_claim, epoch),
    offsetof(struct pinf_result_claim, input_sha256),
    offsetof(struct pinf_result_claim, result_sha256),
    offsetof(struct pinf_result_claim, key_version)};

static void
results_and_checkpoints_bind_every_field(void **state)
{
	const struct pinf_result_claim claim = {.session = 101, .task = 7, .result_urn = SPAN("")};
	struct pinf_result_claim other;
	struct pinf_address router = {{0}};
	struct pinf_hash head = {{0}}, first, digest;
	struct pinf_domain domain = {.chain_id = 1};

	(void)state;
	pinf_result_digest(&first, &claim);
	for (size_t i = 0; i < COUNT(claim_bytes); i++) {
		other = claim;
		((uint8_t *)&other)[claim_bytes[i]] ^= 1;
		pinf_result_digest(&digest, &other);
		assert_false(pinf_hash_equal(&first, &digest));
	}
	other = claim;
	other.result_urn = SPAN("urn:blob:1:a:b:c:d");
	pinf_result_digest(&digest, &other);
	assert_false(pinf_hash_equal(&first, &digest));

	pinf_checkpoint_digest(&first, &domain, &router, 0, &head);
	pinf_checkpoint_digest(&digest, &domain, &router, 1, &head);
	assert_false(pinf_hash_equal(&first, &digest));
	router.bytes[19] = 1;
	pinf_checkpoint_digest(&digest, &domain, &router, 0, &head);
	assert_false(pinf_hash_equal(&first, &digest));
	router.bytes[19] = 0;
	head.bytes[31] = 1;
	pinf_checkpoint_digest(&digest, &domain, &router, 0, &head);
	assert_false(pinf_hash_equal(&first, &digest));
	head.bytes[31] = 0;
	domain.chain_id = 2;
	pinf_checkpoint_digest(&digest, &domain, &router, 0, &head);
	assert_false(pinf_hash_equal(&first, &digest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(every_field_is_signed),
	    cmocka_unit_test(malleable_signatures_are_refused),
	    cmocka_unit_test(unsignable_requests_are_refused),
	    cmocka_unit_test(no_nonce_no_signature),
	    cmocka_unit_test(headers_have_one_spelling),
	    cmocka_unit_test(headers_are_made_in_range_only),
	    cmocka_unit_test(results_and_checkpoints_bind_every_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
