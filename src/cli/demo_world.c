/* SPDX-License-Identifier: Apache-2.0 */
/* demo_world.c -- processes, ports and files of a demo. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/demo_world.h"
#include "host/client.h"
#include "host/system.h"

#define START_TIMEOUT_MS 15000
#define STOP_TIMEOUT_MS  10000

static const char *const names[DEMO_WALLETS] = {"owner", "miner-1", "miner-2", "unlisted"};

static void
pause_ms(long ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&t, NULL);
}

/* For on_signal(), which has no argument: the demo whose processes must not outlive it. */
static struct demo *volatile running;

/* Once: a second signal ends the demo itself, since SA_RESETHAND. */
static void
on_signal(int which)
{
	(void)which;
	if (running == NULL)
		return;
	atomic_store(&running->interrupted, true);
	for (size_t i = 0; i < running->pid_count; i++)
		(void)kill(running->pids[i], SIGTERM);
}

static void
catch_signals(struct demo *d)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	running = d;
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
}

void
demo_title(struct demo *d, const char *title)
{
	(void)printf("\n%u. %s\n", ++d->step, title);
}

/* A port that is free now; nobody else is in a hurry for it on a demo's machine. */
static unsigned
free_port(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port = 0;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		port = ntohs(address.sin_port);
	if (fd >= 0)
		(void)close(fd);
	return port;
}

static enum pinf_err
make_dir(struct demo *d, const char *dir)
{
	if (dir[0] == '\0') {
		(void)snprintf(d->dir, sizeof d->dir, "/tmp/pinf-demo-XXXXXX");
		return mkdtemp(d->dir) == NULL ? pinf_err_of_errno(errno) : PINF_OK;
	}
	if (access(dir, F_OK) == 0)
		return pinf_say(&d->cli->message, PINF_E_CONFLICT,
		    "%s: exists already; the demo wants a new directory", dir);
	if (snprintf(d->dir, sizeof d->dir, "%s", dir) >= (int)sizeof d->dir)
		return PINF_E_LENGTH;
	return pinf_dir_make(d->dir);
}

static enum pinf_err
set_environment(const struct demo *d)
{
	char keyring[PINF_FILE_PATH_MAX + 32], passphrase[PINF_FILE_PATH_MAX + 32];
	const char *const pairs[][2] = {
	    {"PINF_KEYRING", keyring},
	    {"PINF_PASSPHRASE_FILE", passphrase},
	    {"PINF_WALLET", d->wallet_files[DEMO_OWNER]},
	    {"PINF_ROUTER_URL", d->url},
	};

	(void)snprintf(keyring, sizeof keyring, "%s/keyring", d->data_dir);
	(void)snprintf(passphrase, sizeof passphrase, "%s/passphrase", d->dir);
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if (setenv(pairs[i][0], pairs[i][1], 1) != 0)
			return PINF_E_NO_MEMORY;
	return PINF_OK;
}

enum pinf_err
demo_begin(struct demo *d, const char *dir)
{
	ssize_t len;
	enum pinf_err err;

	len = readlink("/proc/self/exe", d->exe, sizeof d->exe - 1);
	if (len <= 0)
		return PINF_E_IO;
	d->exe[len] = '\0';
	err = make_dir(d, dir);
	if (err != PINF_OK)
		return err;
	(void)snprintf(d->data_dir, sizeof d->data_dir, "%s/router", d->dir);
	(void)snprintf(d->api_key_file, sizeof d->api_key_file, "%s/api-key", d->dir);
	(void)snprintf(d->url, sizeof d->url, "http://127.0.0.1:%u", free_port());
	(void)snprintf(d->miner_url, sizeof d->miner_url, "http://127.0.0.1:%u", free_port());
	for (size_t i = 0; i < DEMO_WALLETS; i++)
		(void)snprintf(d->wallet_files[i], sizeof d->wallet_files[i], "%s/%s.wallet",
		    d->dir, names[i]);
	(void)printf(
	    "pinf demo: a router, two allowed miners and an unlisted one, on this machine.\n"
	    "Everything is in %s.  Lines with a $ are what you could type.\n",
	    d->dir);
	(void)fflush(stdout);
	catch_signals(d);
	return set_environment(d);
}

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

void
demo_end(struct demo *d, bool remove_files)
{
	running = NULL;
	if (remove_files)
		(void)nftw(d->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < d->prompt_count; i++)
		pinf_bytes_free(&d->prompts[i].text);
	pinf_wipe(d->api_key, sizeof d->api_key);
}

/* In the child: the kernel ends it with the demo, whatever ended that. */
static void
become(pid_t parent, const char *exe, const char *log, const char *const *words)
{
	const int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (out >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0 &&
	    prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
		(void)execv(exe, (char *const *)(uintptr_t)words);
	_exit(127);
}

/* Standard output and error go to NAME.log in the demo's directory. */
static enum pinf_err
spawn(struct demo *d, const char *name, const char *const *words)
{
	const pid_t parent = getpid();
	char log[PINF_FILE_PATH_MAX + 64];

	(void)snprintf(log, sizeof log, "%s/%s.log", d->dir, name);
	d->pids[d->pid_count] = fork();
	if (d->pids[d->pid_count] == 0)
		become(parent, d->exe, log, words);
	if (d->pids[d->pid_count] < 0)
		return pinf_say(&d->cli->message, PINF_E_IO, "%s: %s", d->exe, strerror(errno));
	d->pid_count++;
	(void)printf("  started %s (process %ld)\n", name, (long)d->pids[d->pid_count - 1]);
	(void)fflush(stdout);
	return PINF_OK;
}

static enum pinf_err
wait_healthy(struct demo *d)
{
	const struct pinf_call call = {
	    .method = "GET", .path = "/healthz", .timeout_ms = 1000, .answer_max = 4096};
	struct pinf_client *client;
	const uint64_t until_ms = pinf_monotonic_ms() + START_TIMEOUT_MS;
	enum pinf_err err = pinf_client_new(&client, d->miner_url, NULL);

	while (err == PINF_OK) {
		struct pinf_bytes answer = {0};
		unsigned status = 0;
		const enum pinf_err called = pinf_client_call(client, &call, &status, &answer);

		pinf_bytes_free(&answer);
		if (called == PINF_OK && status == 200)
			break;
		if (waitpid(d->pids[d->pid_count - 1], NULL, WNOHANG) != 0 ||
		    pinf_monotonic_ms() > until_ms)
			err = pinf_say(&d->cli->message, PINF_E_TIMEOUT,
			    "the router did not start: see %s/router.log", d->dir);
		else
			pause_ms(20);
	}
	pinf_client_free(client);
	return err;
}

enum pinf_err
demo_start_router(struct demo *d)
{
	const char *const words[] = {"pinf", "router", "--data-dir", d->data_dir, "--listen",
	    d->url + strlen("http://"), "--miner-listen", d->miner_url + strlen("http://"),
	    "--admin", d->addresses[DEMO_OWNER], NULL};
	const enum pinf_err err = spawn(d, "router", words);

	return err == PINF_OK ? wait_healthy(d) : err;
}

enum pinf_err
demo_start_miner(struct demo *d, size_t wallet)
{
	const char *const words[] = {"pinf", "miner", "--router-url", d->miner_url, "--wallet",
	    d->wallet_files[wallet], "--session", "1", NULL};

	return spawn(d, names[wallet], words);
}

void
demo_stop_all(struct demo *d)
{
	while (d->pid_count > 0) { /* Miners first: the router can tell them nothing then. */
		const pid_t pid = d->pids[--d->pid_count];
		const uint64_t until_ms = pinf_monotonic_ms() + STOP_TIMEOUT_MS;

		(void)kill(pid, SIGTERM);
		while (waitpid(pid, NULL, WNOHANG) == 0) {
			if (pinf_monotonic_ms() > until_ms)
				(void)kill(pid, SIGKILL);
			pause_ms(10);
		}
	}
}
