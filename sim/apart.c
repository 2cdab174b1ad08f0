/* SPDX-License-Identifier: Apache-2.0 */
/* apart.c -- a plan's run in a process of its own.  spec/simulation.md#commands. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apart.h"
#include "runs.h"

/* The outcome fits into an empty pipe (64 KiB on Linux): nobody waits for a reader. */
_Static_assert(sizeof(struct sim_outcome) <= 32768, "as small as a pipe is");

_Noreturn static void
run_here(int fd, struct sim_plan *plan, bool twice, bool keep)
{
	struct sim_outcome out = {.exit_code = SIM_EXIT_PASS};

	sim_progress_mute();
	out.exit_code = sim_run_plan(plan, &out.total, twice, keep);
	(void)fflush(NULL);
	_exit(write(fd, &out, sizeof out) != (ssize_t)sizeof out);
}

bool
sim_apart_start(struct sim_apart *run, struct sim_plan *plan, bool twice, bool keep)
{
	int ends[2];

	(void)fflush(NULL); /* Else the child writes it once more. */
	if (pipe(ends) != 0) {
		(void)fprintf(stderr, "pinf-sim: no pipe: %s\n", strerror(errno));
		return false;
	}
	*run = (struct sim_apart){.pid = fork(), .fd = ends[0], .seed = plan->seed};
	if (run->pid == 0)
		run_here(ends[1], plan, twice, keep);
	(void)close(ends[1]);
	if (run->pid > 0)
		return true;
	(void)fprintf(stderr, "pinf-sim: no process: %s\n", strerror(errno));
	(void)close(ends[0]);
	run->pid = 0;
	return false;
}

void
sim_apart_end(struct sim_apart *run, struct sim_outcome *out)
{
	int status = 0;
	size_t got = 0;
	ssize_t len = 1;
	bool whole;

	while (got < sizeof *out && len != 0) {
		len = read(run->fd, (uint8_t *)out + got, sizeof *out - got);
		if (len < 0 && errno != EINTR)
			break;
		got += len > 0 ? (size_t)len : 0;
	}
	whole = got == sizeof *out;
	(void)close(run->fd);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	run->pid = 0;
	if (whole && WIFEXITED(status))
		return;
	/* A sanitizer ends with a status of its own: as bad as a signal. */
	*out = (struct sim_outcome){.exit_code = SIM_EXIT_SAFETY,
	    .signal = WIFSIGNALED(status) ? WTERMSIG(status) : SIGABRT};
}
