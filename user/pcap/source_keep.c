/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers that stay until their bytes are released. Room: pcap. When one is full the next is
 * begun with what is left in it of a piece; a buffer whose bytes are all released is used again, so
 * there are as many as hold what is still looked at, and one more.
 */
#include "pcap/source.h"

#include <errno.h>
#include <stdlib.h>

/* A buffer that is full. */
struct source_kept {
	struct source_kept *next;
	uint8_t *buf;
	size_t cap;
	uint64_t end; /* of its pieces, in the stream */
};

void source_keep(struct source *s)
{
	s->is_kept = !s->map;
}

void source_keep_close(struct source *s)
{
	while (s->kept) {
		struct source_kept *old = s->kept;

		s->kept = old->next;
		free(old->buf);
		free(old);
	}
	s->kept_last = NULL;
}

/* The oldest buffer, when nobody looks at it any more; else a new one. NULL: out of memory. */
static struct source_kept *take(struct source *s, size_t cap)
{
	struct source_kept *k = s->kept;

	if (k && k->end <= atomic_load_explicit(&s->kept_from, memory_order_acquire)) {
		s->kept = k->next;
		s->kept_last = s->kept ? s->kept_last : NULL;
		if (k->cap == cap)
			return k;
		free(k->buf); /* grown for a large piece */
	} else {
		k = malloc(sizeof(*k));
	}
	if (k)
		k->buf = malloc(cap);
	if (!k || !k->buf) {
		free(k);
		return NULL;
	}
	k->cap = cap;
	return k;
}

int source_keep_turn(struct source *s, size_t cap)
{
	size_t left = source_left(s);
	struct source_kept *k = take(s, cap > left ? cap : left);
	struct source_kept full = {NULL, s->buf, s->cap, source_offset(s)};

	if (!k)
		return -ENOMEM;
	memcpy(k->buf, s->at, left);
	s->buf = k->buf;
	s->cap = k->cap;
	s->base = s->at = s->buf;
	s->end = s->buf + left;
	s->base_offset = full.end;
	*k = full;
	if (s->kept_last)
		s->kept_last->next = k;
	else
		s->kept = k;
	s->kept_last = k;
	return 0;
}
