/* SPDX-License-Identifier: Apache-2.0 */
/* driver.h -- another implementation's process, asked line by line: the kit's drivers, the simulator's nodes.  spec/CONFORMANCE.md#driver. */
#ifndef PINF_SIM_DRIVER_H
#define PINF_SIM_DRIVER_H

#include <sys/types.h>

#include <pinf/base.h>

#define REPLY_MAX ((size_t)16 << 20)

/* A process that speaks the protocol on its standard input and output. */
struct driver {
	const char *command;
	pid_t pid; /* 0: none runs */
	int in, out;
	struct pinf_bytes pending; /* read, and not a whole line yet */
};

enum heard {
	HEARD, /* a line */
	HEARD_END, /* it ended, or closed its output */
	HEARD_NOTHING, /* for too long */
	HEARD_TOO_MUCH /* a line that does not end */
};

bool driver_start(struct driver *d, const char *command);
/* Sends a line (without its end) and waits for one; reply is empty where none came. */
enum heard
driver_ask(struct driver *d, struct pinf_span line, uint32_t timeout_ms, struct pinf_bytes *reply);
/* Waits for its end, or ends it; what it ended with, as a shell has it. */
int driver_end(struct driver *d, uint32_t grace_ms);
const char *heard_text(enum heard heard);

#endif
