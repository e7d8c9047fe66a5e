/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The first bytes of one direction of a TCP connection, put in order: segments may come out of
 * order, overlap, repeat, or begin before the first one seen (a capture that starts late, with no
 * SYN). Bounded: DPI_BUDGET_BYTES bytes from the start and a fixed number of gaps; what lies
 * outside is not stored and allocates nothing. Linear in what is added.
 *
 * Where two segments disagree about a byte the stream keeps three views: in the first the earlier
 * segment wins, in the second the later one, in the third what Linux does, and most stacks like it:
 * what was delivered stays; of two segments ahead of that, one that covers the other wins, else the
 * one that begins first. Receivers differ; a name in any counts.
 */
#ifndef FLOW_STREAM_H
#define FLOW_STREAM_H

#include "base/pool.h"
#include "base/slice.h"
#include "dpi/abi.h"

enum { STREAM_VIEWS = 3, STREAM_GAPS_MAX = 64, STREAM_PARTS_FIRST = 2, STREAM_SIZES = 8 };

/* Where the bytes of many streams come from, as long as they are few; more are the C library's.
 * One thread owns it and all its streams. */
struct stream_memory {
	struct pool of_size[STREAM_SIZES];
};

/* pages is borrowed for its life. */
void stream_memory_init(struct stream_memory *m, struct pages *pages);
/* Forgets all bytes; they stay with the pages. */
void stream_memory_clear(struct stream_memory *m);

struct stream_part {
	uint32_t from, to; /* offsets from byte 0; to is behind the last byte */
};

/* Laid open for those who place one in memory of their own; nobody else looks inside. It may be
 * moved. */
struct stream {
	uint8_t *view[STREAM_VIEWS]; /* all but the first NULL until there is a conflict */
	struct stream_part *part;    /* NULL: first */
	/* Segments as they came, those that are not delivered yet, by where they begin: who covers
	 * whom. More than fit are not told apart any more. */
	struct stream_part *ahead;
	struct stream_memory *memory; /* of the buffers; NULL: the C library's */
	struct stream_part first[STREAM_PARTS_FIRST];
	uint32_t cap;  /* bytes of each buffer that are used; there may be more */
	uint32_t head; /* of them in front of byte 0 */
	uint32_t base; /* sequence number of byte 0 */
	uint8_t part_count, part_cap, ahead_count, ahead_cap;
	bool has_base : 1, has_isn : 1;
	bool is_over : 1;
	bool is_hollow : 1; /* no buffers: only the parts are kept */
	bool is_moved : 1;  /* byte 0 moved since the last successful stream_add */
};

/* An empty one. memory is borrowed for its life; NULL: none. */
void stream_init(struct stream *s, struct stream_memory *memory);
/* Frees what it holds; it may be initialised again. */
void stream_clear(struct stream *s);

struct stream *stream_new(void); /* NULL when out of memory */
void stream_free(struct stream *s);
/* A stream of its own that holds what another one does; NULL when out of memory. */
struct stream *stream_copy(const struct stream *s);

/* Fixes where the stream begins: the first payload byte has sequence number isn + 1. Bytes before
 * it are cut from now on. Only the first call counts. */
void stream_set_isn(struct stream *s, uint32_t isn);

/* What stream_add did with a segment. */
enum stream_change {
	STREAM_SAME = 0,     /* nothing new in front: a repeat, a far piece, or past the window */
	STREAM_GREW = 1,     /* stream_view() is longer than before */
	STREAM_REBASED = 2,  /* it now begins earlier: parse again from byte 0 */
	STREAM_CONFLICT = 4, /* bytes differ from those stored: the further views exist and changed
			      */
};

/* Adds a segment; seq is its first byte's sequence number (host order). Returns a set of enum
 * stream_change bits, or -ENOMEM (nothing was stored). */
int stream_add(struct stream *s, uint32_t seq, struct slice bytes);

/* The parts that are there, sorted, never touching. */
static inline const struct stream_part *stream_parts(const struct stream *s)
{
	return s->part ? s->part : s->first;
}

/* Bytes without a break from the beginning. */
static inline uint32_t stream_len(const struct stream *s)
{
	const struct stream_part *part = stream_parts(s);

	return s->part_count && part->from == 0 ? part->to : 0;
}

/* The unbroken bytes from the beginning. Views 1 and 2 are empty until there is a conflict.
 * Borrowed until the next stream_add. */
static inline struct slice stream_view(const struct stream *s, int view)
{
	if (!s->view[view])
		return slice_of(NULL, 0);
	return slice_of(s->view[view] + s->head, stream_len(s));
}

/* Its bytes will not be asked for again: from now on it only knows which are there. The views are
 * empty, nothing disagrees with anything, and what comes allocates nothing but for gaps. */
void stream_hollow(struct stream *s);
static inline bool stream_is_hollow(const struct stream *s)
{
	return s->is_hollow;
}

/* Sequence number of the first byte of stream_view(s, 0). */
static inline uint32_t stream_base(const struct stream *s)
{
	return s->base;
}

/* How many views there are: one, or STREAM_VIEWS after a conflict. */
static inline int stream_view_count(const struct stream *s)
{
	return s->view[1] ? STREAM_VIEWS : 1;
}

/* Sequence number right behind stream_view(s, 0). */
static inline uint32_t stream_next_seq(const struct stream *s)
{
	return s->base + stream_len(s);
}

/* True when bytes were refused for the window or the gap limit: what is there may be incomplete. */
static inline bool stream_is_over(const struct stream *s)
{
	return s->is_over;
}

/* The common case of a hollow one: true when a segment begins right behind all that there is, with
 * no gap and inside the window, and was added so. */
static inline bool stream_pass(struct stream *s, uint32_t seq, size_t len)
{
	struct stream_part *part = s->part ? s->part : s->first;

	if (!s->is_hollow || s->is_moved || s->part_count != 1 || part->from ||
	    seq - s->base != part->to || len > DPI_BUDGET_BYTES - part->to)
		return false;
	part->to += (uint32_t)len;
	return true;
}

/* Bytes of memory it holds, as far as it asked for them. */
size_t stream_held(const struct stream *s);

#endif
