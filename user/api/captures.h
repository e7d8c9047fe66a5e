/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Uploaded captures on their way through an analysis: what comes in is handed to a child of the
 * launcher while it arrives, never kept; the report is a file without a name. So many analyses run
 * at once, others wait their turn. Room: api. One thread starts them and tells the server's thread
 * when a full pipe has room again; route_analyze.c is what HTTP sees of it.
 */
#ifndef API_CAPTURES_H
#define API_CAPTURES_H

#include "api/api.h"
#include "api/launcher.h"

struct api_captures;
struct capture_upload;

/* api->launcher is there. 0, or -errno with *f. */
int captures_open(struct api *api, struct api_captures **out, struct fault *f);
/* Starts no more, and lets go of what waits: it fails. What runs ends with the launcher. */
void captures_stop(struct api_captures *c);
/* No upload may be left. */
void captures_close(struct api_captures *c);

enum upload_state {
	UPLOAD_WAITING,	 /* for its turn */
	UPLOAD_STARTING, /* its child is being started, in the captures' thread */
	UPLOAD_RUNNING,
	UPLOAD_FAILED, /* fault says why, status what that is in HTTP */
};

/* Queues one. args (borrowed while it lives) go to the launcher; with_rules: those in force go
 * there, too. NULL: too many wait, or out of memory. */
struct capture_upload *capture_upload_new(struct api_captures *c, struct api_request *q,
					  const char *const *args, size_t arg_count,
					  bool with_rules, uint64_t cpu_s);
/* Ends it, and its child if that still runs. */
void capture_upload_free(struct capture_upload *u);

/* Server's thread. Is there a child that takes bytes? 0; -EAGAIN: not yet, and the body is paused
 * until there is; -EIO: it failed (capture_upload_fault). */
int capture_upload_ready(struct capture_upload *u);
/* Server's thread, when ready: hands bytes on; what the pipe does not take is kept, and the next
 * _ready() is -EAGAIN until it has taken it. What a child that has ended does not want is thrown
 * away. 0 or -ENOMEM. */
int capture_upload_write(struct capture_upload *u, struct slice bytes);
const struct fault *capture_upload_fault(const struct capture_upload *u, unsigned *status);

/* Server's thread: would this one have its turn at once? */
bool capture_upload_is_next(const struct capture_upload *u);
/* A thread of the pool, as what follows: waits until there is a child. 0, or -EIO: it failed. */
int capture_upload_wait(struct capture_upload *u);
/* Moves bytes that are there from a socket that does not block to the child, len at most. Returns
 * how many, 0 at the end of the socket, -EAGAIN when none are there, or another -errno. */
ssize_t capture_upload_splice(struct capture_upload *u, int from, uint64_t len);
/* Hands on the rest and waits for the end. 0 with *end; -ECONNRESET: the
 * client hung up, and its child was ended; another -errno. */
int capture_upload_finish(struct capture_upload *u, struct launch_end *end);
/* Gives the descriptor of what the child wrote; once. */
int capture_upload_output(struct capture_upload *u);
/* What the child said on standard error. */
void capture_upload_notes(const struct capture_upload *u, struct text *out);

#endif
