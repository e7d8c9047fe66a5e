/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Those who speak to the agent over its control socket, some dozens at once, none of whom anybody
 * waits for: a request is read as it comes, an answer written as it is taken, and who is slower
 * than allowed is let go and counted. Room: agent. Messages are those of control/wire.h. One
 * thread.
 */
#ifndef AGENT_CLIENTS_H
#define AGENT_CLIENTS_H

#include <poll.h>
#include <stdbool.h>

#include "base/text.h"
#include "control/wire.h"

enum { CLIENTS_MAX = 64 };

struct client {
	int fd;
	bool is_answered;     /* its answer is on the way; else its request */
	uint64_t due_ns;      /* monotonic: let go then */
	size_t done;	      /* bytes read or written, the head's among them */
	uint32_t head[3];     /* as sent: network byte order */
	struct text out, err; /* its two blocks: the request's as it grows, then the answer's */
};

struct clients {
	struct client row[CLIENTS_MAX];
	size_t count;
	uint64_t refused; /* no place was free */
	uint64_t slow;	  /* let go before they had sent or taken everything */
};

/* Takes a connected socket, made non-blocking, whose request is to be read within ms. False: full;
 * the socket is closed. */
bool clients_add(struct clients *c, int fd, int ms);
/* The same for one whose answer is known (out and err are taken). */
bool clients_add_answer(struct clients *c, int fd, uint32_t status, struct text *out,
			struct text *err);

/* Fills p[CLIENTS_MAX] for poll(); returns how many. */
size_t clients_poll(const struct clients *c, struct pollfd *p);

/* What to do with a request: CLIENT_ANSWER with *status, *out and *err filled, or CLIENT_GONE when
 * another process answers, who has its own descriptor of the socket. */
enum client_next { CLIENT_ANSWER, CLIENT_GONE };
struct clients_ops {
	enum client_next (*request)(void *ctx, int fd, const struct wire *request, uint32_t *status,
				    struct text *out, struct text *err);
	void *ctx;
	size_t request_max; /* bytes */
};

/* Reads and writes what can be now, and lets go who is late. */
void clients_serve(struct clients *c, const struct clients_ops *ops);
/* Writes what is left for ms at most, then closes all. */
void clients_end(struct clients *c, int ms);

#endif
