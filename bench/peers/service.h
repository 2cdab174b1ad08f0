/* SPDX-License-Identifier: Apache-2.0 */
/* service.h -- what a router's service is made of, bare: durable files and transactions, and an HTTP server that says hello. */
#ifndef PINF_BENCH_SERVICE_H
#define PINF_BENCH_SERVICE_H

#include <stddef.h>
#include <stdint.h>

/* As a router was seen to do it: tasks, that many at once, of so many durable steps one after the other. */
struct service_work {
	const char *directory; /* of the same disk */
	unsigned threads; /* tasks in hand */
	uint64_t tasks;
	unsigned
	    steps; /* transactions that a task waits for; all that wait share one commit, synchronous=FULL */
	unsigned rows; /* changed by a step */
	unsigned
	    puts; /* among the steps, files: written, synced, linked to a name, its directory synced */
	unsigned signatures; /* made and checked, among the steps */
	unsigned agreements; /* X25519, among the steps */
	uint64_t first_put; /* the number in the first file's name */
	size_t put_len;
	uint64_t commits; /* set: how many there were */
};

/* Microseconds until all is done; aborts where it fails. */
double service_bare_us(struct service_work *work);

/* CivetWeb, answering "hello" to whatever is asked. */
struct hello;
struct hello *hello_start(unsigned threads);
unsigned hello_port(const struct hello *hello);
void hello_stop(struct hello *hello);

#endif
