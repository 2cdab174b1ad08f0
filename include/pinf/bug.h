/* SPDX-License-Identifier: Apache-2.0 */
/* bug.h -- planted bugs and probes, for the simulator and the fuzzers.  Not installed. */
#ifndef PINF_BUG_H
#define PINF_BUG_H

#include <stdbool.h>

/* Defined by whoever links the twins: sim/ and fuzz/. */
bool pinf_bug_active(const char *name);
void pinf_probe_reached(const char *name);

/*
 * if (PINF_BUG(skip_allowlist)) ... stands beside the right code.  PINF_SOMETIMES(lease_ran_out) marks
 * a place that a good campaign comes to now and then.  Every library is built twice (pinf_library in
 * CMakeLists.txt): NAME, where these are plain false and nothing, and NAME_bugs, where whoever links
 * it says which bugs are on and counts the probes.
 */
#ifdef PINF_BUGS
#define PINF_BUG(name)       pinf_bug_active(#name)
#define PINF_SOMETIMES(name) pinf_probe_reached(#name)
#else
#define PINF_BUG(name)       false
#define PINF_SOMETIMES(name) ((void)0)
#endif

#endif
