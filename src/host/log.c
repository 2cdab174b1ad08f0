/* SPDX-License-Identifier: Apache-2.0 */
/* log.c -- structured log: JSON lines on stderr. */
#include "host/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/json.h"
#include "host/system.h"

static enum pinf_log_level least = PINF_LOG_INFO;

void
pinf_log_set_level(enum pinf_log_level level)
{
	least = level;
}

void
pinf_log(enum pinf_log_level level, const char *event, const struct pinf_log_field *fields)
{
	static const char *const names[] = {"debug", "info", "warn", "error", "off"};
	struct pinf_bytes line = {0};
	struct pinf_json_writer writer = pinf_json_write_to(&line);
	const uint64_t now_ms = pinf_now_ms();
	const time_t seconds = (time_t)(now_ms / 1000);
	struct tm utc;
	char ts[40];

	if (level < least)
		return;
	const size_t len = strftime(ts, sizeof ts, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
	(void)snprintf(ts + len, sizeof ts - len, ".%03uZ", (unsigned)(now_ms % 1000));
	pinf_json_open(&writer, NULL, '{');
	pinf_json_put_str(&writer, "ts", ts);
	pinf_json_put_str(&writer, "level", names[level]);
	pinf_json_put_str(&writer, "event", event);
	for (; fields != NULL && fields->name != NULL; fields++) {
		if (fields->text != NULL)
			pinf_json_put_str(&writer, fields->name, fields->text);
		else
			pinf_json_put_uint(&writer, fields->name, fields->number);
	}
	pinf_json_close(&writer, '}');
	/* A log that cannot be written must not stop the work that it tells of. */
	if (pinf_json_written(&writer) == PINF_OK && pinf_bytes_append(&line, "\n", 1) == PINF_OK)
		(void)!write(STDERR_FILENO, line.data, line.len);
	pinf_bytes_free(&line);
}
