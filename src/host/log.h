/* SPDX-License-Identifier: Apache-2.0 */
/* log.h -- structured log: JSON lines on stderr.  Never a key, a prompt or a result. */
#ifndef PINF_HOST_LOG_H
#define PINF_HOST_LOG_H

#include <pinf/base.h>

enum pinf_log_level { PINF_LOG_DEBUG, PINF_LOG_INFO, PINF_LOG_WARN, PINF_LOG_ERROR, PINF_LOG_OFF };
#define PINF_LOG_LEVELS                                                                            \
	"debug|info|warn|error|off" /* as an option's choices, in the enum's order */

/* text if it is not NULL, else number. */
struct pinf_log_field {
	const char *name;
	const char *text;
	uint64_t number;
};
#define PINF_FIELDS(...) ((const struct pinf_log_field[]){__VA_ARGS__, {NULL, NULL, 0}})

/* Of this process; INFO until set.  Call before threads start. */
void pinf_log_set_level(enum pinf_log_level level);
/* One line, written at once: {"ts":..,"level":..,"event":..,fields}.  Any thread. */
void pinf_log(enum pinf_log_level level, const char *event, const struct pinf_log_field *fields);

#endif
