/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines to a unix socket that somebody else listens on, stream or datagram (a line each).
 * Room: export. Lines wait while there is nobody; a line that a connection broke off is sent again
 * from its start over the next one.
 */
#include "export/sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { RETRY_MS = 100, RETRY_MOST_MS = 3000, SEND_BUFFER = 1 << 20, ROOM_MS = 10 };

/* Lines of one call, with numbers in a row. */
struct batch {
	struct batch *next;
	struct follow_id first; /* the number of the line at `line` */
	size_t len, line, sent; /* sent: within the line at `line`, or at its start */
	uint8_t at[];
};

struct socket_sink {
	struct sink sink;
	struct sockaddr_un to;
	int type, fd; /* -1: not connected */
	struct batch *oldest, *newest;
	size_t bytes;
	int64_t retry_at_ms;
	int retry_ms;
};

static int socket_open(const char *where, int type, struct sink **out, struct fault *f)
{
	struct socket_sink *s;

	if (!*where || strlen(where) >= sizeof(s->to.sun_path))
		return fault_set(f, -EINVAL,
				 "a socket's path has 1 to %zu characters; give a shorter one",
				 sizeof(s->to.sun_path) - 1);
	s = calloc(1, sizeof(*s));
	if (!s)
		return fault_set(f, -ENOMEM, "out of memory");
	s->to.sun_family = AF_UNIX;
	snprintf(s->to.sun_path, sizeof(s->to.sun_path), "%s", where);
	s->type = type;
	s->fd = -1;
	*out = &s->sink;
	return 0;
}

static int stream_open(const char *where, const struct sink_options *o, struct sink **out,
		       struct fault *f)
{
	return socket_open(where, SOCK_STREAM, out, f);
}

static int datagram_open(const char *where, const struct sink_options *o, struct sink **out,
			 struct fault *f)
{
	return socket_open(where, SOCK_DGRAM, out, f);
}

static void hang_up(struct socket_sink *s, int err)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (s->oldest)
		s->oldest->sent = s->oldest->line;
	s->retry_ms = s->retry_ms == 0			? RETRY_MS
		      : s->retry_ms * 2 < RETRY_MOST_MS ? s->retry_ms * 2
							: RETRY_MOST_MS;
	s->retry_at_ms = sink_now_ms() + s->retry_ms;
	sink_trouble(&s->sink, "%s", strerror(-err));
}

static bool dial(struct socket_sink *s)
{
	const int size = SEND_BUFFER;

	if (s->fd >= 0)
		return true;
	if (sink_now_ms() < s->retry_at_ms)
		return false;
	s->fd = socket(AF_UNIX, s->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd >= 0)
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&s->to, sizeof(s->to))) {
		hang_up(s, -errno);
		return false;
	}
	s->sink.counters.connects++;
	return true;
}

/* The line at b->line is over: taken by the other side, or lost. */
static void line_done(struct socket_sink *s, struct batch *b, size_t end, bool is_lost)
{
	struct sink *base = &s->sink;

	base->done = b->first;
	base->counters.pending--;
	base->counters.lines += !is_lost;
	base->counters.lost += is_lost;
	if (!is_lost)
		base->counters.bytes += end - b->line;
	b->first.number++;
	b->line = end;
}

/* The lines that the first `sent` bytes hold are over. */
static void bytes_done(struct socket_sink *s, struct batch *b)
{
	const uint8_t *end;

	while (b->line < b->sent &&
	       (end = memchr(b->at + b->line, '\n', b->sent - b->line)) != NULL)
		line_done(s, b, (size_t)(end - b->at) + 1, false);
}

/* One send. 0, or -errno. */
static int send_some(struct socket_sink *s, struct batch *b)
{
	size_t len = b->len - b->sent;
	ssize_t n;

	if (s->type == SOCK_DGRAM)
		len = sink_first_lines(slice_of(b->at + b->sent, len), 1).len;
	n = send(s->fd, b->at + b->sent, len, MSG_NOSIGNAL);
	if (n < 0 && errno == EMSGSIZE && s->type == SOCK_DGRAM) {
		b->sent += len;
		line_done(s, b, b->sent, true);
		sink_trouble(&s->sink, "a line of %zu bytes is no datagram here", len);
		return 0;
	}
	if (n < 0)
		return -errno;
	b->sent += (size_t)n;
	bytes_done(s, b);
	return 0;
}

/* The kernel holds ten datagrams or so: a reader that is at it gets a moment. */
static bool has_room(const struct socket_sink *s, int64_t wait_ms)
{
	struct pollfd p = {.fd = s->fd, .events = POLLOUT};

	return wait_ms > 0 && poll(&p, 1, (int)wait_ms) > 0;
}

static void socket_work(struct sink *base)
{
	struct socket_sink *s = (struct socket_sink *)base;
	int64_t until = sink_now_ms() + ROOM_MS;

	while (s->oldest && dial(s)) {
		struct batch *b = s->oldest;
		int err = send_some(s, b);

		if (err == -EINTR)
			continue;
		if ((err == -EAGAIN || err == -ENOBUFS) && !has_room(s, until - sink_now_ms()))
			return;
		if (err == -EAGAIN || err == -ENOBUFS)
			continue;
		if (err) {
			hang_up(s, err);
			return;
		}
		s->retry_ms = 0;
		sink_trouble_over(base);
		if (b->line < b->len)
			continue;
		s->bytes -= b->len;
		s->oldest = b->next;
		if (!s->oldest)
			s->newest = NULL;
		free(b);
	}
}

static void socket_take(struct sink *base, struct slice lines, struct follow_id first,
			uint64_t count)
{
	struct socket_sink *s = (struct socket_sink *)base;
	struct batch *b = NULL;

	if (s->bytes + lines.len <= SINK_PENDING_MAX)
		b = malloc(sizeof(*b) + lines.len);
	if (!b) {
		base->counters.lost += count;
		sink_trouble(base, "nobody takes what waits, and there is no more room");
		return;
	}
	*b = (struct batch){.first = first, .len = lines.len};
	memcpy(b->at, lines.at, lines.len);
	if (s->newest)
		s->newest->next = b;
	else
		s->oldest = b;
	s->newest = b;
	s->bytes += lines.len;
	base->counters.pending += count;
	socket_work(base);
}

static void socket_free(struct sink *base)
{
	struct socket_sink *s = (struct socket_sink *)base;

	while (s->oldest) {
		struct batch *b = s->oldest;

		s->oldest = b->next;
		free(b);
	}
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

const struct sink_kind sink_unix = {
	.prefix = "unix:",
	.open = stream_open,
	.take = socket_take,
	.work = socket_work,
	.free = socket_free,
};

const struct sink_kind sink_unix_dgram = {
	.prefix = "unix-dgram:",
	.open = datagram_open,
	.take = socket_take,
	.work = socket_work,
	.free = socket_free,
};
