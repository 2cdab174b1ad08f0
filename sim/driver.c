/* SPDX-License-Identifier: Apache-2.0 */
/* driver.c -- the process under test: it may write garbage, never read, never answer, or die. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

static uint64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
close_both(int pair[2])
{
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* In the child: a group of its own, so that what it starts ends with it. */
static _Noreturn void
become(const char *command, int in[2], int out[2])
{
	(void)setpgid(0, 0);
	if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0)
		_exit(127);
	close_both(in);
	close_both(out);
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

bool
driver_start(struct driver *d, const char *command)
{
	int in[2], out[2];

	*d = (struct driver){.command = command, .in = -1, .out = -1};
	if (pipe(in) != 0)
		return false;
	if (pipe(out) != 0) {
		close_both(in);
		return false;
	}
	d->pid = fork();
	if (d->pid == 0)
		become(command, in, out);
	(void)close(in[0]);
	(void)close(out[1]);
	d->in = in[1];
	d->out = out[0];
	if (d->pid < 0) {
		d->pid = 0;
		return false;
	}
	(void)setpgid(d->pid, d->pid);
	(void)fcntl(d->in, F_SETFL, O_NONBLOCK);
	(void)fcntl(d->in, F_SETFD, FD_CLOEXEC);
	(void)fcntl(d->out, F_SETFL, O_NONBLOCK);
	(void)fcntl(d->out, F_SETFD, FD_CLOEXEC);
	return true;
}

/* A line that has come whole; false: none has. */
static bool
take_line(struct driver *d, struct pinf_bytes *reply)
{
	uint8_t *end = d->pending.len == 0 ? NULL : memchr(d->pending.data, '\n', d->pending.len);
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - d->pending.data);
	if (pinf_bytes_append(reply, d->pending.data, len) != PINF_OK)
		return false;
	memmove(d->pending.data, end + 1, d->pending.len - len - 1);
	d->pending.len -= len + 1;
	return true;
}

/* Whatever there is to read now; false: it has closed its output. */
static bool
read_some(struct driver *d)
{
	uint8_t part[65536];
	const ssize_t len = read(d->out, part, sizeof part);

	if (len > 0)
		return pinf_bytes_append(&d->pending, part, (size_t)len) == PINF_OK;
	return len < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Writes what it takes now; false: it does not read any more. */
static bool
write_some(struct driver *d, struct pinf_span *left)
{
	const ssize_t len = write(d->in, left->data, left->len);

	if (len < 0)
		return errno == EAGAIN || errno == EINTR;
	left->data += len;
	left->len -= (size_t)len;
	return true;
}

enum heard
driver_ask(struct driver *d, struct pinf_span line, uint32_t timeout_ms, struct pinf_bytes *reply)
{
	const uint64_t until_ms = now_ms() + timeout_ms;
	struct pinf_bytes sent = {0};
	struct pinf_span left;
	bool writes = true;
	enum heard heard = HEARD_END;

	reply->len = 0;
	if (pinf_bytes_append(&sent, line.data, line.len) != PINF_OK ||
	    pinf_bytes_append(&sent, "\n", 1) != PINF_OK)
		return HEARD_NOTHING;
	left = pinf_span_of(&sent);
	while (true) {
		const uint64_t now = now_ms();
		struct pollfd fds[2] = {{.fd = d->out, .events = POLLIN},
		    {.fd = writes && left.len > 0 ? d->in : -1, .events = POLLOUT}};

		if (take_line(d, reply)) {
			heard = HEARD;
			break;
		}
		heard = d->pending.len > REPLY_MAX ? HEARD_TOO_MUCH : HEARD_NOTHING;
		if (heard == HEARD_TOO_MUCH || now >= until_ms)
			break;
		if (poll(fds, 2, (int)(until_ms - now)) < 0 && errno != EINTR)
			break;
		if (fds[1].revents != 0)
			writes = write_some(d, &left);
		if (fds[0].revents != 0 && !read_some(d)) {
			heard = HEARD_END;
			break;
		}
	}
	pinf_bytes_free(&sent);
	return heard;
}

int
driver_end(struct driver *d, uint32_t grace_ms)
{
	const uint64_t until_ms = now_ms() + grace_ms;
	const struct timespec moment = {.tv_nsec = 2000000};
	int status = 0;
	pid_t ended = 0;

	if (d->pid == 0)
		return 0;
	(void)close(d->in);
	while ((ended = waitpid(d->pid, &status, WNOHANG)) == 0 && now_ms() < until_ms)
		(void)nanosleep(&moment, NULL);
	(void)kill(-d->pid, SIGKILL);
	if (ended == 0)
		(void)waitpid(d->pid, &status, 0);
	(void)close(d->out);
	pinf_bytes_free(&d->pending);
	d->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *
heard_text(enum heard heard)
{
	static const char *const texts[] = {
	    [HEARD] = "it answers",
	    [HEARD_END] = "it ends, or closes its output, instead of answering",
	    [HEARD_NOTHING] = "it does not answer in time",
	    [HEARD_TOO_MUCH] = "it writes a line without an end",
	};

	return texts[heard];
}
