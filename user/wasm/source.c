/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: pcap/source.h over what the page pushes. Bytes are pushed to where the reader looks at
 * them, and stay there until more are; the room grows as there, only for bytes that really came.
 * Asking for more than was pushed says -EAGAIN. Packed ones are unpacked into a buffer of their
 * own. Nothing is mapped.
 */
#include "pcap/source.h"

#include <errno.h>
#include <stdlib.h>
#include "wasm/feed.h"

enum { SOURCE_BUFFER = 512 << 10 };

/* The one standard input. */
static struct feed {
	uint8_t *at;
	size_t cap, used, len; /* used: gone, or packed and unpacked */
	struct source *plain;  /* reads the bytes where they are; it knows what is used */
	bool has_lost;	       /* the first bytes are no longer there */
	bool is_end;
} feed;

int feed_open(void)
{
	feed_close();
	feed.at = malloc(2 * FEED_ROOM);
	feed.cap = 2 * FEED_ROOM;
	return feed.at ? 0 : -ENOMEM;
}

void feed_close(void)
{
	free(feed.at);
	feed = (struct feed){0};
}

/* Tells the reader where its bytes are now. */
static void place_plain(struct source *s)
{
	s->base = feed.at;
	s->at = feed.at + feed.used;
	s->end = feed.at + feed.len;
}

/* Moves what is left to the front. */
static void compact(void)
{
	struct source *s = feed.plain;

	if (s)
		feed.used = (size_t)(s->at - feed.at);
	if (feed.used) {
		memmove(feed.at, feed.at + feed.used, feed.len - feed.used);
		feed.has_lost = true;
		if (s)
			s->base_offset += feed.used;
		feed.len -= feed.used;
		feed.used = 0;
	}
}

uint8_t *feed_room(size_t *size)
{
	compact();
	if (feed.cap - feed.len < FEED_ROOM) {
		uint8_t *at = realloc(feed.at, 2 * feed.cap);

		if (at) {
			feed.at = at;
			feed.cap *= 2;
		}
	}
	if (feed.plain)
		place_plain(feed.plain);
	*size = feed.cap - feed.len < FEED_ROOM ? feed.cap - feed.len : FEED_ROOM;
	return feed.at + feed.len;
}

void feed_push(size_t len)
{
	feed.len += len < feed.cap - feed.len ? len : feed.cap - feed.len;
	if (feed.plain)
		feed.plain->end = feed.at + feed.len;
}

void feed_end(void)
{
	feed.is_end = true;
}

bool feed_rewind(void)
{
	feed.used = 0;
	return !feed.has_lost && feed.len < FEED_ROOM;
}

int source_open(struct source *s, const char *path, const volatile sig_atomic_t *stop)
{
	*s = (struct source){.fd = -1, .stop = stop};
	feed.plain = s;
	place_plain(s);
	return 0;
}

void source_close(struct source *s)
{
	unpack_free(s->unpack);
	free(s->buf);
	s->buf = NULL;
	s->unpack = NULL;
	feed.plain = NULL;
}

int source_unpack(struct source *s, enum unpack_kind kind)
{
	s->buf = malloc(SOURCE_BUFFER);
	s->unpack = s->buf ? unpack_new(kind) : NULL;
	if (!s->unpack)
		return -ENOMEM;
	s->cap = SOURCE_BUFFER;
	s->base = s->at = s->end = s->buf;
	s->base_offset = 0;
	feed.plain = NULL;
	return 0;
}

const char *source_damage(const struct source *s)
{
	return s->err == -EILSEQ ? unpack_damage(s->unpack) : NULL;
}

/* Room for at least one more unpacked byte behind end. */
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

/* Unpacks at least a byte. Returns how many, 0 at the end, -EAGAIN when there are none yet, -EILSEQ
 * when the packed bytes are damaged. */
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
	if (!s->unpack)
		return feed.is_end ? 0 : -EAGAIN;
	while (source_left(s) < want) {
		size_t end;
		int n;

		if (s->is_end)
			return 0;
		n = make_room(s, want);
		if (n)
			return n;
		end = (size_t)(s->end - s->buf);
		n = unpack_some(s, s->buf + end, s->cap - end);
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

void source_keep(struct source *s)
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
