/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c -- SIGTERM and SIGINT set a flag; a second one kills. */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/signals.h"

static atomic_bool stop;

static void
on_signal(int which)
{
	(void)which;
	atomic_store(&stop, true);
}

const atomic_bool *
signals_catch(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	return &stop;
}
