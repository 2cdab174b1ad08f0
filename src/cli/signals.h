/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h -- SIGTERM and SIGINT ask a daemon to stop. */
#ifndef PINF_CLI_SIGNALS_H
#define PINF_CLI_SIGNALS_H

#include <stdatomic.h>

/* Catches both from now on; the flag is set when one has come.  Call before threads start. */
const atomic_bool *signals_catch(void);

#endif
