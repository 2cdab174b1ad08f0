/* SPDX-License-Identifier: Apache-2.0 */
/* transactions.h -- raw SQLite, opened as the store opens its own: what one step of a task costs there. */
#ifndef PINF_BENCH_TRANSACTIONS_H
#define PINF_BENCH_TRANSACTIONS_H

struct transactions;

/* In /dev/shm, as the simulator's disk is in memory.  NULL: it cannot be made. */
struct transactions *transactions_open(void);
void transactions_close(struct transactions *t);
/* A task read and updated under a nonce, committed; aborts where it fails. */
void transactions_run(struct transactions *t);

#endif
