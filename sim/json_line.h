/* SPDX-License-Identifier: Apache-2.0 */
/* json_line.h -- in which line of a text something stands, for messages to people. */
#ifndef PINF_SIM_JSON_LINE_H
#define PINF_SIM_JSON_LINE_H

#include <pinf/base.h>

/* Of the byte at that offset; lines count from 1. */
size_t sim_line_at(struct pinf_span text, size_t offset);
/* Of the value at a path like "steps[3].miner" in valid JSON; of what would hold it, if it is missing. */
size_t sim_line_of(struct pinf_span json, const char *path);

#endif
