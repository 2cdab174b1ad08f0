/* SPDX-License-Identifier: Apache-2.0 */
/* common.h -- what the fuzz targets share.  An oracle that fails aborts and says which. */
#ifndef PINF_FUZZ_COMMON_H
#define PINF_FUZZ_COMMON_H

#include <stddef.h>
#include <stdint.h>

#include <pinf/base.h>

/* One target's entry point: libFuzzer's, AFL++'s and replay.c's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An oracle's own loops: an engine that followed their branches would spend its time on them. */
#ifdef __clang__
#define FUZZ_UNTRACED __attribute__((no_sanitize("coverage")))
#else
#define FUZZ_UNTRACED
#endif

/* Aborts with the oracle's name where it does not hold. */
_Noreturn void fuzz_fail(const char *oracle);
static inline void
fuzz_check(bool holds, const char *oracle)
{
	if (!holds)
		fuzz_fail(oracle);
}
/* Every rejection has a name of its own: an error with none is a bug. */
void fuzz_check_named(enum pinf_err err);

/* An input read as a list of choices; what is not there reads as zeros. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};
uint8_t fuzz_byte(struct fuzz_input *in);
uint64_t fuzz_below(struct fuzz_input *in, uint64_t limit); /* four bytes of it */
void fuzz_fill(struct fuzz_input *in, void *out, size_t len);
struct pinf_span fuzz_rest(struct fuzz_input *in, size_t max);

/* One stream for one seed: no run depends on another, nor on the machine. */
struct pinf_random fuzz_random(uint64_t *state);
/* E_RANDOM at once. */
struct pinf_random fuzz_broken_random(void);

/*
 * For a quarter of all inputs: the attempt is made while an allocation, or a call of a cryptographic library, fails; which
 * one, the input says.  The attempt frees what it got, and gives the failure's error, unless it never came to that call.
 */
#define FUZZ_CALLS_MAX 32
void fuzz_fed(bool fed); /* meanwhile nothing fails, and nothing counts */
enum pinf_err fuzz_failed(void); /* what has failed in the attempt so far */
void fuzz_starve(enum pinf_err (*attempt)(struct pinf_span in), struct pinf_span in);

#endif
