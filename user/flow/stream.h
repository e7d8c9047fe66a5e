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

#include "base/slice.h"

enum { STREAM_VIEWS = 3, STREAM_GAPS_MAX = 64 };

struct stream;

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

/* The unbroken bytes from the beginning. Views 1 and 2 are empty until there is a conflict.
 * Borrowed until the next stream_add. */
struct slice stream_view(const struct stream *s, int view);

/* Its bytes will not be asked for again: from now on it only knows which are there. The views are
 * empty, nothing disagrees with anything, and what comes allocates nothing but for gaps. */
void stream_hollow(struct stream *s);
bool stream_is_hollow(const struct stream *s);

/* Sequence number of the first byte of stream_view(s, 0). */
uint32_t stream_base(const struct stream *s);

/* How many views there are: one, or STREAM_VIEWS after a conflict. */
int stream_view_count(const struct stream *s);

/* Sequence number right behind stream_view(s, 0). */
uint32_t stream_next_seq(const struct stream *s);

/* True when bytes were refused for the window or the gap limit: what is there may be incomplete. */
bool stream_is_over(const struct stream *s);
/* Bytes of memory it holds. */
size_t stream_held(const struct stream *s);

#endif
