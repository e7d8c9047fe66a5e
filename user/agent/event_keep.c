/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines kept in chunks, so that dropping the oldest moves nothing and a number is found
 * without counting newlines from the start; see event_keep.h. Room: agent.
 */
#include "agent/event_keep.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 65536 }; /* of room; a longer line has a chunk of its own */

struct event_chunk {
	struct event_chunk *newer;
	uint64_t first, count; /* numbers of its lines */
	size_t len, cap;
	char at[];
};

void event_keep_init(struct event_keep *k, size_t bytes_max)
{
	*k = (struct event_keep){.bytes_max = bytes_max, .next = 1};
}

static void oldest_drop(struct event_keep *k)
{
	struct event_chunk *c = k->oldest;
	uint64_t end = c->first + c->count;

	if (end - 1 > k->fetched)
		k->unfetched += k->fetched < c->first ? c->count : end - 1 - k->fetched;
	k->bytes -= c->len;
	k->oldest = c->newer;
	if (!k->oldest)
		k->newest = NULL;
	free(c);
}

void event_keep_clear(struct event_keep *k)
{
	while (k->oldest)
		oldest_drop(k);
}

/* A chunk at the end with room for len bytes, whose numbers go on at k->next. NULL: no memory. */
static struct event_chunk *chunk_for(struct event_keep *k, size_t len)
{
	struct event_chunk *c = k->newest;
	size_t cap = len > CHUNK_BYTES ? len : CHUNK_BYTES;

	if (c && c->cap - c->len >= len && c->first + c->count == k->next)
		return c;
	c = malloc(sizeof(*c) + cap);
	if (!c)
		return NULL;
	*c = (struct event_chunk){.first = k->next, .cap = cap};
	if (k->newest)
		k->newest->newer = c;
	else
		k->oldest = c;
	k->newest = c;
	return c;
}

void event_keep_add(struct event_keep *k, struct slice lines)
{
	const char *at = (const char *)lines.at, *end, *stop;

	if (!lines.len) /* and then perhaps nowhere */
		return;
	end = at + lines.len;
	for (; at < end; at = stop) {
		size_t len;
		struct event_chunk *c;

		stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop ? stop + 1 : end;
		len = (size_t)(stop - at);
		c = chunk_for(k, len);
		if (c) {
			memcpy(c->at + c->len, at, len);
			c->len += len;
			c->count++;
			k->bytes += len;
		}
		k->next++;
	}
	while (k->bytes > k->bytes_max && k->oldest != k->newest)
		oldest_drop(k);
}

void event_keep_skip(struct event_keep *k, uint64_t count)
{
	k->next += count;
}

/* The number and place of the first line after `after` in c. */
static size_t place_of(const struct event_chunk *c, uint64_t after)
{
	const char *at = c->at;

	for (uint64_t n = c->first; n <= after; n++)
		at = (const char *)memchr(at, '\n', c->len - (size_t)(at - c->at)) + 1;
	return (size_t)(at - c->at);
}

/* The end of the last whole line within max bytes from `from` on; of the first one at least. */
static size_t end_within(const struct event_chunk *c, size_t from, size_t max)
{
	const char *end;

	if (c->len - from <= max)
		return c->len;
	end = memrchr(c->at + from, '\n', max);
	if (!end)
		end = memchr(c->at + from, '\n', c->len - from);
	return (size_t)(end - c->at) + 1;
}

static uint64_t lines_in(const char *at, size_t len)
{
	const char *end = at + len;
	uint64_t count = 0;

	for (; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
		count++;
	return count;
}

void event_keep_read(struct event_keep *k, uint64_t after, size_t max, struct text *out,
		     uint64_t *first, uint64_t *next)
{
	const struct event_chunk *c = k->oldest;
	size_t taken = 0;

	while (c && c->first + c->count - 1 <= after)
		c = c->newer;
	*first = *next = c == NULL || c->first > after + 1 ? (c ? c->first : k->next) : after + 1;
	for (; c && taken < max && (taken == 0 || c->first == *next); c = c->newer) {
		size_t from = c->first < *next ? place_of(c, *next - 1) : 0;
		size_t end = end_within(c, from, max - taken);

		text_add(out, c->at + from, end - from);
		taken += end - from;
		*next = end == c->len ? c->first + c->count
				      : *next + lines_in(c->at + from, end - from);
		if (end < c->len)
			break;
	}
	if (*next - 1 > k->fetched)
		k->fetched = *next - 1;
}
