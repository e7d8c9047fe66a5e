/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The door of the service: takes connections, looks at the head of each request before the server
 * proper reads a byte of it (it is only peeked at), and sees to it that nobody holds a place for
 * long. So many connections at once, so many of one source; a few more wait a moment. An answer
 * that goes on (events) leaves its place to others. Room: api.
 */
#ifndef API_GUARD_H
#define API_GUARD_H

#include <microhttpd.h>

#include "api/api.h"

enum {
	GUARD_ACTIVE_MAX = 64, /* connections at once, but for streams */
	GUARD_SOURCE_MAX = 16, /* of them of one source */
	GUARD_STREAMS_MAX = 512,
	GUARD_WAIT_MAX = 256,
};

struct guard;

/* Starts the thread that serves the listening descriptor (taken). 0 or -errno with *f. */
int guard_start(struct api *api, int listener, struct MHD_Daemon *daemon, struct guard **out,
		struct fault *f);
/* Takes no more connections and closes those whose head has not been read. */
void guard_quiet(struct guard *g);
/* Ends the thread; the daemon has ended before. NULL is fine. */
void guard_free(struct guard *g);

/* For the daemon (MHD_OPTION_NOTIFY_CONNECTION); cls: struct guard **. */
void guard_notified(void *cls, struct MHD_Connection *mhd, void **context,
		    enum MHD_ConnectionNotificationCode code);

/* Bytes of the head of its request, the empty line with them; 0: not known. */
size_t guard_head_len(struct MHD_Connection *mhd);
/* The answer of so many bytes begins: it must be taken within a while. */
void guard_answer_begins(struct MHD_Connection *mhd, uint64_t len);
/* The answer will go on: its place is free for others. False: there are too many. */
bool guard_stream_begins(struct MHD_Connection *mhd);

#endif
