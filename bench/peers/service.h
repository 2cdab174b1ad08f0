/* SPDX-License-Identifier: Apache-2.0 */
/* service.h -- what a router's service is made of, bare: durable files and transactions, and an HTTP server that says hello. */
#ifndef PINF_BENCH_SERVICE_H
#define PINF_BENCH_SERVICE_H

#include <stddef.h>
#include <stdint.h>

/* As much of it as a router was seen to do. */
struct service_work {
	const char *directory; /* of the same disk */
	unsigned threads; /* that put files */
	uint64_t
	    puts; /* of put_len bytes each: written, synced, linked to a name, its directory synced */
	size_t put_len;
	uint64_t commits; /* transactions, synchronous=FULL, one after the other beside the puts */
	uint64_t rows; /* changed by all of them */
};

/* Microseconds until all is done; aborts where it fails. */
double service_bare_us(const struct service_work *work);

/* CivetWeb, answering "hello" to whatever is asked. */
struct hello;
struct hello *hello_start(unsigned threads);
unsigned hello_port(const struct hello *hello);
void hello_stop(struct hello *hello);

#endif
