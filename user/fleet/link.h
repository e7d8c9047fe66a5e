/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room fleet: a connection to Redis, and the project's only use of hiredis: its words are
 * put together and taken apart by hiredis (RESP 2), while sockets and times are kept here, so that
 * a server that hangs, drips or lies costs two seconds and a bounded piece of memory. Never falls
 * back to anything: what it cannot do as asked it refuses.
 */
#ifndef FLEET_LINK_H
#define FLEET_LINK_H

#include <hiredis/hiredis.h>

#include "base/text.h"
#include "fleet/url.h"

enum {
	LINK_CONNECT_MS = 500,
	LINK_ASK_MS = 2000,
	LINK_ELEMENTS_MAX = 100000,    /* of one array in an answer */
	LINK_ANSWER_MAX = 64 * 1048576 /* bytes of all answers to one batch */
};

struct link;

/* Commands on their way out; one thread. Cleared by link_batch_clear. */
struct link_batch {
	struct text bytes;
	size_t count; /* answers there will be */
};

/* Adds one command of `count` words; a word is bytes. */
void link_batch_add(struct link_batch *b, const struct slice *words, size_t count);
/* The same for words that are text; NULL behind the last. */
void link_batch_words(struct link_batch *b, const char *first, ...) __attribute__((sentinel));
void link_batch_clear(struct link_batch *b);

/* Connects, logs in and chooses the database. wake_fd: readable when all is to end. Gives *out
 * (link_close). 0; -ECANCELED when woken; -errno with *f. */
int link_open(const struct redis_url *url, int wake_fd, struct link **out, struct fault *f);
void link_close(struct link *l);

/* Sends a batch (and clears it) and waits for every answer: gives replies[0..count) (link_free).
 * On failure there are none, and the link is of no more use. -ECANCELED when woken; -errno with
 * *f. */
int link_ask(struct link *l, struct link_batch *b, redisReply **replies, struct fault *f);
/* One command, one answer, which must not be an error. */
int link_ask_one(struct link *l, struct link_batch *b, redisReply **reply, struct fault *f);
void link_free(redisReply **replies, size_t count);

/* For a link that listens: how many messages have come, without waiting; or -errno. */
int link_messages(struct link *l);
int link_fd(const struct link *l);

/* What the server said no with, fit to be shown; true when the reply is such. */
bool link_refused(const redisReply *r, struct fault *f);

#endif
