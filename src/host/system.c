/* SPDX-License-Identifier: Apache-2.0 */
/* system.c -- time, randomness and the process's own protection. */
#include "host/system.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

static uint64_t
clock_ms(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t
pinf_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

uint64_t
pinf_monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static enum pinf_err
fill(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	while (len > 0) {
		const ssize_t got = getrandom(out, len < 256 ? len : 256, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return PINF_E_RANDOM;
		out += got;
		len -= (size_t)got;
	}
	return PINF_OK;
}

struct pinf_random
pinf_random_system(void)
{
	return (struct pinf_random){NULL, fill};
}

uint64_t
pinf_files_allow(uint64_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur < count) {
		struct rlimit more = limit;
		more.rlim_cur = limit.rlim_max < count ? limit.rlim_max : count;
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			limit = more;
	}
	return limit.rlim_cur;
}

void
pinf_harden(void)
{
	const struct rlimit none = {0, 0};

	/* Nothing to do about a kernel that refuses: the work is no less right. */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
}
