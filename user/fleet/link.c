/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: asking Redis and hearing its answers, in RESP 2; see link.h.
 */
#include "fleet/link_inside.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { RATE = 32768 /* bytes a second: the least that counts as an answer still coming */ };

/* --- words ------------------------------------------------------------------------------------ */

void link_batch_add(struct link_batch *b, const struct slice *words, size_t count)
{
	const char **at = calloc(count, sizeof(*at));
	size_t *len = calloc(count, sizeof(*len));
	char *command = NULL;
	int n = -1;

	for (size_t i = 0; at && len && i < count; i++) {
		at[i] = (const char *)words[i].at;
		len[i] = words[i].len;
	}
	if (at && len)
		n = redisFormatCommandArgv(&command, (int)count, at, len);
	if (n < 0)
		b->bytes.failed = true;
	else
		text_add(&b->bytes, command, (size_t)n);
	b->count++;
	free(command);
	free(at);
	free(len);
}

void link_batch_words(struct link_batch *b, const char *first, ...)
{
	struct slice words[16];
	size_t count = 0;
	va_list more;

	va_start(more, first);
	for (const char *word = first; word && count < sizeof(words) / sizeof(words[0]);
	     word = va_arg(more, const char *))
		words[count++] = slice_text(word);
	va_end(more);
	link_batch_add(b, words, count);
}

void link_batch_clear(struct link_batch *b)
{
	text_clear(&b->bytes);
	*b = (struct link_batch){0};
}

/* --- asking ----------------------------------------------------------------------------------- */

int64_t link_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits for the socket; -ETIMEDOUT, -ECANCELED when woken. */
int link_await(const struct link *l, short events, int64_t until_ms)
{
	for (;;) {
		struct pollfd p[2] = {{.fd = l->fd, .events = events},
				      {.fd = l->wake_fd, .events = POLLIN}};
		int64_t left = until_ms - link_now_ms();
		int ready = left < 0 ? 0 : poll(p, 2, (int)left);

		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0)
			return -ETIMEDOUT;
		if (ready > 0)
			return p[1].revents ? -ECANCELED : 0;
	}
}

static int send_all(struct link *l, struct slice s, int64_t until_ms)
{
	while (s.len) {
		ssize_t n = send(l->fd, s.at, s.len, MSG_NOSIGNAL);
		int err;

		if (n >= 0) {
			s = slice_from(s, (size_t)n);
			continue;
		}
		err = errno == EAGAIN  ? link_await(l, POLLOUT, until_ms)
		      : errno == EINTR ? 0
				       : -errno;
		if (err)
			return err;
	}
	return 0;
}

/* Feeds the reader what is there. Bytes, 0 when there is nothing yet, -errno. */
static ssize_t receive(struct link *l)
{
	char room[16384];
	ssize_t n = recv(l->fd, room, sizeof(room), 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	return redisReaderFeed(l->reader, room, (size_t)n) == REDIS_OK ? n : -ENOMEM;
}

/* The next whole answer among the bytes received; *reply stays NULL when there is none yet. */
static int take_reply(struct link *l, redisReply **reply, struct fault *f)
{
	void *got = NULL;

	if (redisReaderGetReply(l->reader, &got) != REDIS_OK) {
		struct text shown = {0};

		text_escaped(&shown, slice_text(l->reader->errstr));
		fault_set(f, -EPROTO, "what answers is no Redis server, or not a sound one (%s)",
			  shown.at ? shown.at : "");
		text_clear(&shown);
		return -EPROTO;
	}
	*reply = got;
	return 0;
}

void link_free(redisReply **replies, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (replies[i])
			freeReplyObject(replies[i]);
		replies[i] = NULL;
	}
}

/* Waits for all answers. Two seconds, and longer only while bytes keep coming. */
static int take_replies(struct link *l, size_t count, redisReply **replies, struct fault *f)
{
	int64_t begun = link_now_ms();
	size_t bytes = 0, done = 0;

	for (;;) {
		redisReply *r = NULL;
		ssize_t n;
		int err = take_reply(l, &r, f);

		if (err)
			return err;
		if (r) {
			replies[done++] = r;
			if (done == count)
				return 0;
			continue;
		}
		err = link_await(l, POLLIN, begun + LINK_ASK_MS + (int64_t)(bytes * 1000 / RATE));
		if (err)
			return fault_set(f, err, "no answer: %s", strerror(-err));
		n = receive(l);
		if (n < 0)
			return fault_set(f, (int)n, "the connection broke: %s", strerror((int)-n));
		bytes += (size_t)n;
		if (bytes > LINK_ANSWER_MAX)
			return fault_set(f, -EMSGSIZE, "an answer of more than %d MiB",
					 LINK_ANSWER_MAX / 1048576);
	}
}

int link_ask(struct link *l, struct link_batch *b, redisReply **replies, struct fault *f)
{
	size_t count = b->count;
	int err;

	memset(replies, 0, count * sizeof(*replies));
	if (b->bytes.failed)
		err = fault_set(f, -ENOMEM, "out of memory");
	else
		err = send_all(l, slice_of(b->bytes.at, b->bytes.len), link_now_ms() + LINK_ASK_MS);
	if (err && err != -ENOMEM)
		fault_set(f, err, "the connection broke: %s", strerror(-err));
	link_batch_clear(b);
	if (!err)
		err = take_replies(l, count, replies, f);
	if (err)
		link_free(replies, count);
	return err;
}

bool link_refused(const redisReply *r, struct fault *f)
{
	struct text shown = {0};

	if (r->type != REDIS_REPLY_ERROR)
		return false;
	text_escaped(&shown, slice_of(r->str, (size_t)r->len));
	fault_set(f, -EPERM, "Redis says: %s", shown.at ? shown.at : "");
	text_clear(&shown);
	return true;
}

int link_ask_one(struct link *l, struct link_batch *b, redisReply **reply, struct fault *f)
{
	int err = link_ask(l, b, reply, f);

	if (!err && link_refused(*reply, f)) {
		link_free(reply, 1);
		err = -EPERM;
	}
	return err;
}

int link_messages(struct link *l)
{
	int count = 0;

	for (;;) {
		redisReply *r = NULL;
		struct fault f;
		int err = take_reply(l, &r, &f);
		ssize_t n;

		if (err)
			return err;
		if (r) {
			freeReplyObject(r);
			count++;
			continue;
		}
		n = receive(l);
		if (n <= 0)
			return n < 0 ? (int)n : count;
	}
}

int link_fd(const struct link *l)
{
	return l->fd;
}
