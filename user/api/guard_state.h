/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Private to the guard: the connections it knows, a slot each. A socket belongs to the guard's
 * thread until its head is whole and good, then to libmicrohttpd's, which tells when it closes it;
 * from here such a socket is only ever shut down, under the lock that keeps its number from being
 * used again. Room: api.
 */
#ifndef API_GUARD_STATE_H
#define API_GUARD_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/guard.h"
#include "api/head.h"
#include "api/listen.h"

enum {
	SLOTS = GUARD_ACTIVE_MAX + GUARD_STREAMS_MAX + GUARD_WAIT_MAX,
	HEAD_MS = 5000,	  /* for the whole head */
	WAIT_MS = 1000,	  /* for a place */
	LINGER_MS = 1000, /* for the client to take a refusal */
	TAKE_MS = 10000,  /* for an answer, and more for a long one: */
	TAKE_BYTES_MS = 16,
	TICK_MS = 200,
	EVENTS = 64,
	SEND_BYTES = 131072,
};

enum slot_state {
	SLOT_FREE,
	SLOT_WAIT,   /* for a place */
	SLOT_HEAD,   /* its head is being read */
	SLOT_LINGER, /* refused; the client may still be sending */
	SLOT_SERVED, /* libmicrohttpd's */
	SLOT_STREAM, /* libmicrohttpd's, and no place taken */
};

struct slot {
	struct guard *guard;
	enum slot_state state;
	int fd;
	uint64_t since_ms;
	uint64_t until_ms; /* SERVED: the answer is to be taken by then; 0: no limit runs */
	struct listen_source who;
	struct head head;
};

struct guard {
	struct api *api;
	struct MHD_Daemon *daemon;
	int listener, epoll, bell;
	pthread_t thread;
	pthread_mutex_t lock; /* of the slots' states */
	bool is_quiet;
	_Atomic bool is_ending;
	struct slot slot[SLOTS];
	char seen[HEAD_MAX];
};

/* All of these with the lock held. */
bool slot_is_active(const struct slot *s);
unsigned slots_in(const struct guard *g, enum slot_state state);
/* Active connections; who: of this source alone. */
unsigned slots_active(const struct guard *g, const struct listen_source *who);
/* Is there a place for one more of this source? Where all are taken, one who has said nothing is
 * closed for a source that has fewer. */
bool slots_have_place(struct guard *g, const struct listen_source *who);
void slot_close(struct slot *s);
/* Sends a problem document on a socket that nobody has answered yet, and no more will be sent. */
void guard_refuse(struct guard *g, int fd, unsigned status, const char *detail);
void guard_refuse_full(struct guard *g, int fd);
/* Wakes the guard's thread. */
void guard_ring(struct guard *g);

#endif
