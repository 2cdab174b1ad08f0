/* SPDX-License-Identifier: Apache-2.0 */
/* transactions.h -- raw SQLite, opened as the store opens its own: what one step of a task costs there. */
#ifndef PINF_BENCH_TRANSACTIONS_H
#define PINF_BENCH_TRANSACTIONS_H

struct transactions;

/* In that directory: /dev/shm, as the simulator's disk is in memory, or a real one.  NULL: it cannot be made. */
struct transactions *transactions_open(const char *directory);
void transactions_close(struct transactions *t);
/* One transaction, durable, of that many steps: a task read and updated under a nonce.  Aborts where it fails. */
void transactions_run(struct transactions *t, unsigned steps);
const char *transactions_version(void); /* SQLite's */

#endif
