/* SPDX-License-Identifier: Apache-2.0 */
/* html.h -- a run's report: one file that shows what happened, by itself.  spec/simulation.md#report. */
#ifndef PINF_SIM_HTML_H
#define PINF_SIM_HTML_H

#include "report.h"

struct sim_html_run {
	enum sim_exit verdict;
	const char *again; /* the command that runs the same history */
	const char *bug; /* planted; NULL: none */
	const struct sim_total *total; /* of this run alone */
};

/*
 * Writes the report of a world that has run, was watched with a timeline, and is not freed yet; beside
 * path first, then by its name: nobody finds half of it.  The same history gives the same bytes.  Says
 * what is wrong, on stderr.
 */
bool sim_html_write(const char *path, const struct sim_world *w, const struct sim_html_run *run);

/* report.html, with its NUL: made at build time. */
extern const unsigned char sim_html_template[];

#endif
