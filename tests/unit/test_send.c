/* SPDX-License-Identifier: Apache-2.0 */
/* test_send.c -- signed SEND and FETCH effects hold what the router will check. */
#include "unit.h"

#include "core/send.h"
#include "crypto/crypto.h"

struct fixture {
	uint64_t seed;
	struct pinf_wallet wallet;
	struct pinf_sender sender;
	struct pinf_effects effects;
};

static int
set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){.seed = 1};
	assert_ok(pinf_wallet_new(&f.wallet, unit_random(&f.seed)));
	f.sender = (struct pinf_sender){.wallet = &f.wallet,
	    .router = {"router"},
	    .domain = {.chain_id = 3},
	    .random = unit_random(&f.seed),
	    .timeout_ms = 77};
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	pinf_effects_free(&f->effects);
	return 0;
}

/* The router's view of the effect: its header checks over that body hash, with that digest. */
static void
check_signed(const struct fixture *f, const struct pinf_send *send, const struct pinf_hash *sha256)
{
	const struct pinf_effect *fx = send->effect;
	struct pinf_auth_request request = {.router = f->sender.router,
	    .domain = f->sender.domain,
	    .method = SPAN(fx->method),
	    .path = pinf_span_of(&fx->path),
	    .body_sha256 = *sha256};
	struct pinf_hash digest;
	struct pinf_auth auth;

	assert_ok(pinf_auth_header_parse(&auth, SPAN(fx->authorization)));
	assert_true(pinf_address_equal(&auth.address, &f->wallet.address));
	assert_ok(pinf_auth_check(&auth, &request));
	assert_int_equal(auth.session, send->session);
	assert_int_equal(auth.task, send->task);
	assert_int_equal(auth.expires_ms, send->now_ms + PINF_AUTH_LIFETIME_MS);
	pinf_auth_digest(&digest, auth.scheme, &request);
	assert_memory_equal(digest.bytes, send->digest.bytes, PINF_HASH_LEN);
	assert_int_equal(fx->timeout_ms, 77);
}

static void
a_body_moves_in(void **state)
{
	struct fixture *f = *state;
	struct pinf_bytes body = {0};
	struct pinf_hash sha256;
	char path[] = "/api/v1/x?y=1";
	struct pinf_send send = {.kind = PINF_FX_SEND,
	    .id = 5,
	    .method = "POST",
	    .path = path,
	    .body = &body,
	    .session = 101,
	    .now_ms = 1000};

	assert_ok(pinf_bytes_append(&body, "{}", 2));
	assert_ok(pinf_send_signed(&f->effects, &f->sender, &send));
	path[0] = '!'; /* the effect has its own copy */
	assert_null(body.data);
	assert_int_equal(send.effect->kind, PINF_FX_SEND);
	assert_int_equal(send.effect->id, 5);
	assert_string_equal((const char *)send.effect->body.data, "{}");
	pinf_sha256(&sha256, SPAN("{}"));
	check_signed(f, &send, &sha256);
}

static void
a_sealed_blob_is_named(void **state)
{
	struct fixture *f = *state;
	struct pinf_send send = {.kind = PINF_FX_SEND,
	    .id = 5,
	    .method = "PUT",
	    .path = "/x",
	    .seal_id = 4,
	    .sealed_sha256 = {"hash"},
	    .session = 101,
	    .task = 7};

	assert_ok(pinf_send_signed(&f->effects, &f->sender, &send));
	assert_int_equal(send.effect->seal_id, 4);
	assert_int_equal(send.effect->body.len, 0);
	check_signed(f, &send, &send.sealed_sha256);
}

static void
no_body_is_the_empty_one(void **state)
{
	struct fixture *f = *state;
	struct pinf_hash empty;
	struct pinf_send send = {.kind = PINF_FX_FETCH, .method = "GET", .path = "/x"};
	struct pinf_hash first;

	pinf_sha256(&empty, SPAN(""));
	assert_ok(pinf_send_signed(&f->effects, &f->sender, &send));
	assert_int_equal(send.effect->kind, PINF_FX_FETCH);
	check_signed(f, &send, &empty);
	first = send.digest;
	assert_ok(pinf_send_signed(&f->effects, &f->sender, &send)); /* again: another nonce */
	assert_false(pinf_hash_equal(&first, &send.digest));
}

static enum pinf_err
no_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx, (void)out, (void)len;
	return PINF_E_RANDOM;
}

static void
failures_leave_nothing(void **state)
{
	struct fixture *f = *state;
	struct pinf_bytes body = {0};
	struct pinf_send send = {
	    .kind = PINF_FX_SEND, .method = "POST", .path = "/a b", .body = &body};

	assert_ok(pinf_bytes_append(&body, "{}", 2));
	assert_err(pinf_send_signed(&f->effects, &f->sender, &send), PINF_E_AUTH_SYNTAX);
	send.path = "/x";
	f->sender.random.fill = no_random;
	assert_err(pinf_send_signed(&f->effects, &f->sender, &send), PINF_E_RANDOM);
	assert_int_equal(f->effects.count, 0);
	assert_int_equal(body.len, 2);
	assert_null(send.effect);
	pinf_bytes_free(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_body_moves_in, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_sealed_blob_is_named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_body_is_the_empty_one, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(failures_leave_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
