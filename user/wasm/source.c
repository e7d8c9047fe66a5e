/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: pcap/source.h over what the page pushes: the reader's buffer grows as there, only for
 * bytes that really came, and asking for more than was pushed says -EAGAIN. Nothing is mapped.
 */
#include "pcap/source.h"

#include <errno.h>
#include <stdlib.h>
#include "wasm/feed.h"

enum { SOURCE_BUFFER = 512 << 10 };

/* The one standard input. */
static struct feed {
	uint8_t *at; /* FEED_ROOM */
	size_t used, len;
	uint64_t before; /* bytes that are no longer held */
	bool is_end;
} feed;

int feed_open(void)
{
	uint8_t *at = feed.at ? feed.at : malloc(FEED_ROOM);

	feed = (struct feed){.at = at};
	return at ? 0 : -ENOMEM;
}

void feed_close(void)
{
	free(feed.at);
	feed = (struct feed){0};
}

uint8_t *feed_room(size_t *size)
{
	if (feed.used) {
		memmove(feed.at, feed.at + feed.used, feed.len - feed.used);
		feed.before += feed.used;
		feed.len -= feed.used;
		feed.used = 0;
	}
	*size = FEED_ROOM - feed.len;
	return feed.at + feed.len;
}

void feed_push(size_t len)
{
	feed.len += len < FEED_ROOM - feed.len ? len : FEED_ROOM - feed.len;
}

void feed_end(void)
{
	feed.is_end = true;
}

bool feed_rewind(void)
{
	feed.used = 0;
	return feed.before == 0;
}

int source_open(struct source *s, const char *path, const volatile sig_atomic_t *stop)
{
	*s = (struct source){.fd = -1, .stop = stop, .cap = SOURCE_BUFFER};
	s->buf = malloc(s->cap);
	s->base = s->at = s->end = s->buf;
	return s->buf ? 0 : -ENOMEM;
}

void source_close(struct source *s)
{
	unpack_free(s->unpack);
	free(s->buf);
	s->buf = NULL;
	s->unpack = NULL;
}

int source_unpack(struct source *s, enum unpack_kind kind)
{
	s->unpack = unpack_new(kind);
	if (!s->unpack)
		return -ENOMEM;
	/* What was taken is still held, and is packed. */
	feed.used = 0;
	s->base = s->at = s->end = s->buf;
	s->base_offset = 0;
	s->is_end = false;
	return 0;
}

const char *source_damage(const struct source *s)
{
	return s->err == -EILSEQ ? unpack_damage(s->unpack) : NULL;
}

/* Room for at least one more byte behind end. */
static int make_room(struct source *s, size_t want)
{
	size_t at = (size_t)(s->at - s->buf), len = source_left(s);
	uint8_t *buf;

	if (at > 0 && (len == 0 || at + want > s->cap)) {
		memmove(s->buf, s->at, len);
		s->base_offset += at;
		s->at = s->buf;
		s->end = s->buf + len;
		at = 0;
	}
	if (at + len < s->cap)
		return 0;
	buf = realloc(s->buf, s->cap * 2);
	if (!buf)
		return -ENOMEM;
	s->buf = buf;
	s->base = buf;
	s->at = buf + at;
	s->end = s->at + len;
	s->cap *= 2;
	return 0;
}

/* Takes what was pushed. Returns how many bytes, 0 at the end, -EAGAIN when there are none yet. */
static int read_some(uint8_t *out, size_t cap)
{
	size_t len = feed.len - feed.used;

	if (!len)
		return feed.is_end ? 0 : -EAGAIN;
	len = len < cap ? len : cap;
	memcpy(out, feed.at + feed.used, len);
	feed.used += len;
	return (int)len;
}

/* Unpacks at least a byte. Returns as read_some(); -EILSEQ when the packed bytes are damaged. */
static int unpack_some(struct source *s, uint8_t *out, size_t cap)
{
	for (;;) {
		struct slice in = slice_of(feed.at + feed.used, feed.len - feed.used);
		size_t len = cap, had = in.len;

		if (!s->err)
			s->err = unpack_run(s->unpack, &in, out, &len);
		if (s->err)
			return s->err;
		feed.used += had - in.len;
		s->packed_offset += had - in.len;
		if (len > 0)
			return (int)len;
		if (in.len > 0)
			continue;
		if (!feed.is_end)
			return -EAGAIN;
		s->err = unpack_end(s->unpack);
		return s->err;
	}
}

int source_fill(struct source *s, size_t want)
{
	while (source_left(s) < want) {
		size_t end;
		int n;

		if (s->is_end)
			return 0;
		n = make_room(s, want);
		if (n)
			return n;
		end = (size_t)(s->end - s->buf);
		n = s->unpack ? unpack_some(s, s->buf + end, s->cap - end)
			      : read_some(s->buf + end, s->cap - end);
		if (n < 0)
			return n;
		s->is_end = n == 0;
		s->end += n;
	}
	return 1;
}

void source_map(struct source *s, struct capture_guard *guard)
{
}

void source_release(struct source *s, uint64_t offset)
{
}

bool source_has_lost(struct source *s)
{
	return false;
}

bool source_is_whole_to(struct source *s, uint64_t offset)
{
	return true;
}
