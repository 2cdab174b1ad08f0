/* SPDX-License-Identifier: Apache-2.0 */
/* page.h -- HTML reports: a page, made at build time, with its data in it as one JSON object.  It needs no network. */
#ifndef PINF_SIM_PAGE_H
#define PINF_SIM_PAGE_H

#include <pinf/base.h>

/* template has @DATA@ where the data goes.  The file is replaced whole or not at all; false: said on stderr, after program. */
bool page_write(
    const char *path, const unsigned char *template, struct pinf_span json, const char *program);

#endif
