/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Messages over a stream socket: a fixed head and two blocks of bytes. The command line talks to
 * the supervisor with them, and the supervisor to the engine. A length is checked against a bound
 * before anything is allocated.
 */
#ifndef CONTROL_WIRE_H
#define CONTROL_WIRE_H

#include "base/slice.h"

enum {
	WIRE_REQUEST_MAX = 67108864,  /* bytes of a request from outside, a rules text with it */
	WIRE_ANSWER_MAX = 1073741824, /* bytes of an answer: a report can be long */
};

/* A received message; owns both blocks, each with a NUL behind its last byte. */
struct wire {
	uint32_t kind; /* request: what is asked; answer: exit status */
	char *out;     /* request: its body; answer: for stdout */
	size_t out_len;
	char *err; /* answer: for stderr */
	size_t err_len;
};

/* Sends a whole message, or -errno. */
int wire_send(int fd, uint32_t kind, struct slice out, struct slice err);
/* Receives a whole message of at most max bytes within timeout_ms (-1: no limit). 0; -ECONNRESET at
 * the end of the stream, -EMSGSIZE, -ETIMEDOUT, -ENOMEM, -errno. */
int wire_receive(int fd, size_t max, int timeout_ms, struct wire *w);
void wire_clear(struct wire *w);

#endif
