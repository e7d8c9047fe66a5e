/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A long body, read by its handler from the socket itself: a client that sends "Expect:
 * 100-continue" (RFC 9110 10.1.1) holds its body back until it is asked for, so nothing of it is in
 * anybody's buffer, and it can go on to a pipe without being copied. Room: api.
 */
#ifndef API_STRAIGHT_H
#define API_STRAIGHT_H

#include "api/api.h"

struct straight {
	struct api_request *q;
	int fd;
	uint64_t left, taken; /* bytes of the body */
	uint64_t waited_ms;   /* for the client */
	uint64_t seen;	      /* of those taken, at the last wait */
	int wakes_at;	      /* bytes that end a wait; 0: not yet said */
};

/* Can this request's body be read so? Server's thread, from a sink's is_straight(). */
bool straight_is_possible(const struct api_request *q);
/* Asks the client for the body. A thread of the pool, as the rest. 0 or -errno. */
int straight_begin(struct straight *s, struct api_request *q);
/* Waits for bytes: for a client that sends fast until there are many, or a moment, and there may be
 * none then. 0; -ETIMEDOUT: the client is too slow; -errno. */
int straight_wait(struct straight *s);
/* The next bytes, at least one of those that are left. Returns how many, or -errno (-ECONNRESET:
 * the client hung up). */
ssize_t straight_read(struct straight *s, void *to, size_t max);
/* So many were taken from the socket by others. */
static inline void straight_took(struct straight *s, uint64_t len)
{
	s->left -= len;
	s->taken += len;
}

#endif
