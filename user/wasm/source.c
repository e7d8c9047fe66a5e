/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: pcap/source.h over what the page pushes. Bytes are pushed to where the reader looks at
 * them, or unpacks them from, and stay there until more are; the room grows as there, only for
 * bytes that really came. Asking for more than was pushed says -EAGAIN. Nothing is mapped.
 */
#include "pcap/source.h"

#include <errno.h>
#include <stdlib.h>
#include "wasm/feed.h"

/* The one standard input. */
static struct feed {
	uint8_t *at;
	size_t cap, len;
	struct source *reader; /* it knows what of the bytes is passed */
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

/* How many of the bytes are passed, or unpacked. */
static size_t count_passed(void)
{
	const struct source *s = feed.reader;

	if (!s)
		return 0;
	return s->unpack ? s->packed_at : (size_t)(s->at - feed.at);
}

/* Tells the reader where its bytes are now. */
static void place(struct source *s, size_t passed)
{
	if (s->unpack) {
		s->packed = feed.at;
		s->packed_at = passed;
		s->packed_end = feed.len;
	} else {
		s->buf = feed.at;
		s->base = feed.at;
		s->at = feed.at + passed;
		s->end = feed.at + feed.len;
	}
}

/* Moves what is left to the front. */
static void compact(void)
{
	size_t passed = count_passed();

	if (!passed)
		return;
	memmove(feed.at, feed.at + passed, feed.len - passed);
	feed.has_lost = true;
	feed.len -= passed;
	if (!feed.reader->unpack)
		feed.reader->base_offset += passed;
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
	if (feed.reader)
		place(feed.reader, 0);
	*size = feed.cap - feed.len < FEED_ROOM ? feed.cap - feed.len : FEED_ROOM;
	return feed.at + feed.len;
}

void feed_push(size_t len)
{
	feed.len += len < feed.cap - feed.len ? len : feed.cap - feed.len;
	if (feed.reader)
		place(feed.reader, count_passed());
}

void feed_end(void)
{
	feed.is_end = true;
}

bool feed_rewind(void)
{
	return !feed.has_lost && feed.len < FEED_ROOM;
}

int source_open(struct source *s, const char *path, const volatile sig_atomic_t *stop)
{
	*s = (struct source){.fd = -1, .stop = stop};
	feed.reader = s;
	place(s, 0);
	return 0;
}

/* Only what was unpacked is the reader's own. */
void source_close(struct source *s)
{
	if (s->unpack)
		free(s->buf);
	unpack_free(s->unpack);
	s->buf = s->packed = NULL;
	s->unpack = NULL;
	feed.reader = NULL;
}

ssize_t source_read(struct source *s, uint8_t *out, size_t cap)
{
	return feed.is_end ? 0 : -EAGAIN;
}

/* The page pushes captures, not forms. */
int source_form(struct source *s, const char *boundary, const char *name)
{
	return 0;
}

int source_form_end(struct source *s)
{
	return 0;
}

bool source_form_packed_end(struct source *s)
{
	return false;
}

int source_fill(struct source *s, size_t want)
{
	return s->unpack ? source_buffer_fill(s, want) : (int)source_read(s, NULL, 0);
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
