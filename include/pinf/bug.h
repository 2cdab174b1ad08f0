/* SPDX-License-Identifier: Apache-2.0 */
/* bug.h -- planted bugs, which the simulator and the fuzzers must find.  Not installed. */
#ifndef PINF_BUG_H
#define PINF_BUG_H

#include <stdbool.h>

/*
 * if (PINF_BUG(skip_allowlist)) ... stands beside the right code.  Every library is built twice
 * (pinf_library in CMakeLists.txt): NAME, where this is plain false and no trace of the bug is
 * left, and NAME_bugs, where whoever links it says which bugs are on.
 */
#ifdef PINF_BUGS
bool pinf_bug_active(const char *name); /* defined by sim/ and fuzz/ */
#define PINF_BUG(name) pinf_bug_active(#name)
#else
#define PINF_BUG(name) false
#endif

#endif
