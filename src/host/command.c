/* SPDX-License-Identifier: Apache-2.0 */
/* command.c -- runs a program with bytes on its stdin and takes what it writes on stdout. */
#define _GNU_SOURCE /* pipe2, environ */
#include "host/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/system.h"

#define PIECE_LEN 65536
#define LOOK_MS   200 /* how often stop and a silent child are looked at */

enum pinf_err
pinf_command_split(struct pinf_command_line *line, const char *text)
{
	struct pinf_command_line split = {.text = strdup(text)};
	char *rest = split.text, *word, *state = NULL;
	size_t count = 0;

	if (split.text == NULL)
		return PINF_E_NO_MEMORY;
	for (; (word = strtok_r(rest, " ", &state)) != NULL; rest = NULL, count++) {
		if (count == PINF_COMMAND_WORDS_MAX)
			break;
		split.words[count] = word;
	}
	if (count == 0 || word != NULL) {
		free(split.text);
		return PINF_E_CONFIG;
	}
	*line = split;
	return PINF_OK;
}

void
pinf_command_free(struct pinf_command_line *line)
{
	free(line->text);
	*line = (struct pinf_command_line){.text = NULL};
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* In a process group of its own, with default signals; *in and *out are our ends of its pipes. */
static enum pinf_err
start(const struct pinf_command_line *line, pid_t *pid, int *in, int *out)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, pipe_only;
	int rc = pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 ? errno : 0;

	(void)sigemptyset(&none);
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	if (rc == 0 && (rc = posix_spawn_file_actions_init(&actions)) == 0) {
		if ((rc = posix_spawnattr_init(&attr)) == 0) {
			rc |= posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
			rc |= posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
			rc |= posix_spawnattr_setflags(&attr,
			    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
			rc |= posix_spawnattr_setsigmask(&attr, &none);
			rc |= posix_spawnattr_setsigdefault(&attr, &pipe_only);
			if (rc == 0)
				rc = posix_spawnp(
				    pid, line->words[0], &actions, &attr, line->words, environ);
			(void)posix_spawnattr_destroy(&attr);
		}
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	close_fd(&to[0]);
	close_fd(&from[1]);
	if (rc != 0) {
		close_fd(&to[1]);
		close_fd(&from[0]);
		return PINF_E_INFERENCE;
	}
	*in = to[1];
	*out = from[0];
	return fcntl(*in, F_SETFL, O_NONBLOCK) == 0 ? PINF_OK : PINF_E_IO;
}

/* Sends what the pipe takes; closes it at the end, or where the program reads no more. */
static void
feed(int *in, struct pinf_span *left)
{
	const ssize_t done = left->len == 0 ? 0 : write(*in, left->data, left->len);

	if (done > 0) {
		left->data += done;
		left->len -= (size_t)done;
	}
	if (left->len == 0 || (done < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(in);
}

/* One piece of output; *ended at its end. */
static enum pinf_err
collect(int out, size_t max, struct pinf_bytes *output, bool *ended)
{
	uint8_t piece[PIECE_LEN];
	const ssize_t got = read(out, piece, sizeof piece);
	enum pinf_err err = PINF_OK;

	if (got < 0)
		return errno == EINTR ? PINF_OK : PINF_E_IO;
	*ended = got == 0;
	if ((size_t)got > max - output->len)
		return PINF_E_TOO_LARGE;
	if (got > 0)
		err = pinf_bytes_append(output, piece, (size_t)got);
	pinf_wipe(piece, (size_t)got);
	return err;
}

static enum pinf_err
exchange(const struct pinf_command_run *run, int *in, int out, uint64_t until_ms,
    struct pinf_bytes *output)
{
	struct pinf_span left = run->input;
	bool ended = false;
	enum pinf_err err = PINF_OK;

	while (err == PINF_OK && !ended) {
		struct pollfd fds[2] = {{out, POLLIN, 0}, {*in, POLLOUT, 0}};
		if (pinf_monotonic_ms() >= until_ms ||
		    (run->stop != NULL && atomic_load(run->stop)))
			return PINF_E_TIMEOUT;
		if (poll(fds, *in >= 0 ? 2 : 1, LOOK_MS) < 0 && errno != EINTR)
			return PINF_E_IO;
		if (*in >= 0 && fds[1].revents != 0)
			feed(in, &left);
		if (fds[0].revents != 0)
			err = collect(out, run->output_max, output, &ended);
	}
	return err;
}

/* Waits for the end of a program that has closed its stdout. */
static enum pinf_err
reap(pid_t pid, uint64_t until_ms)
{
	int status = 0;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		if (pinf_monotonic_ms() >= until_ms)
			return PINF_E_TIMEOUT;
		(void)poll(NULL, 0, 2);
	}
	return got == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? PINF_OK
									   : PINF_E_INFERENCE;
}

enum pinf_err
pinf_command_run(const struct pinf_command_line *line, const struct pinf_command_run *run,
    struct pinf_bytes *output)
{
	const uint64_t until_ms = pinf_monotonic_ms() + run->timeout_ms;
	struct pinf_bytes got = {0};
	int in = -1, out = -1;
	pid_t pid = -1;
	enum pinf_err err = start(line, &pid, &in, &out);

	if (err == PINF_OK)
		err = exchange(run, &in, out, until_ms, &got);
	close_fd(&in);
	close_fd(&out);
	if (err == PINF_OK)
		err = reap(pid, until_ms);
	if (err != PINF_OK && err != PINF_E_INFERENCE && pid > 0) {
		(void)kill(-pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	if (err == PINF_OK)
		err = pinf_bytes_append(output, got.data, got.len);
	pinf_bytes_free(&got);
	return err;
}
