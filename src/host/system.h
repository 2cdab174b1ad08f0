/* SPDX-License-Identifier: Apache-2.0 */
/* system.h -- what the process asks of the kernel: time, randomness, its own protection. */
#ifndef PINF_HOST_SYSTEM_H
#define PINF_HOST_SYSTEM_H

#include <pinf/base.h>

uint64_t pinf_now_ms(void); /* wall clock, since 1970 */
uint64_t pinf_monotonic_ms(void); /* never steps; for waiting */

/* getrandom(2).  Thread-safe. */
struct pinf_random pinf_random_system(void);

/* Lets the process open so many files and sockets, as far as its hard limit goes; how many it may open now. */
uint64_t pinf_files_allow(uint64_t count);

/* No core dumps, not traceable by others, SIGPIPE ignored, umask 077: for all that hold keys. */
void pinf_harden(void);

#endif
