/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flow room's reassembler: the first bytes of one TCP direction, whatever order they come in
 * (RFC 9293 3.4: sequence numbers wrap at 2^32). It must never hold more than the window, trust a
 * length or a position from the wire, or forget that two segments disagreed.
 *
 *      head        byte 0 = base
 *   +---------+----------+.......+-----+.....   one buffer a view, the same layout in both
 *   | room in |  part 0  |  gap  |part |
 *   | front   |          |       |  1  |        part: bytes that are there, sorted, never touching
 *   +---------+----------+.......+-----+.....
 *
 * Room in front grows by doubling like the room behind, so that a stream whose segments come in
 * backwards order costs no more than one that comes forwards.
 */
#include "flow/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "dpi/abi.h"

enum { WINDOW = DPI_BUDGET_BYTES, PARTS_FIRST = 2 };

struct part {
	uint32_t from, to; /* offsets from byte 0; to is behind the last byte */
};

struct stream {
	uint8_t *view[STREAM_VIEWS]; /* all but the first NULL until there is a conflict */
	size_t cap;		     /* bytes of each buffer */
	size_t head;		     /* of them in front of byte 0 */
	struct part *part;
	uint32_t part_count, part_cap;
	struct part first[PARTS_FIRST]; /* where part begins */
	/* Segments as they came, those that are not delivered yet, by where they begin: who covers
	 * whom. More than fit are not told apart any more. */
	struct part *ahead;
	uint32_t ahead_count, ahead_cap;
	uint32_t base; /* sequence number of byte 0 */
	bool has_base, has_isn;
	bool is_over;
	bool is_hollow; /* no buffers: only the parts are kept */
	bool is_moved;	/* byte 0 moved since the last successful stream_add */
};

/* Offset behind the last byte there is. */
static uint32_t extent(const struct stream *s)
{
	return s->part_count ? s->part[s->part_count - 1].to : 0;
}

static uint32_t view_len(const struct stream *s)
{
	return s->part_count && s->part[0].from == 0 ? s->part[0].to : 0;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Moves every view into new buffers of cap bytes with head of them in front. */
static int move_buffers(struct stream *s, size_t head, size_t cap)
{
	uint8_t *fresh[STREAM_VIEWS] = {NULL};

	for (int v = 0; v < STREAM_VIEWS; v++) {
		if (v > 0 && !s->view[v])
			continue;
		fresh[v] = malloc(cap);
		if (!fresh[v]) {
			for (int u = 0; u < v; u++)
				free(fresh[u]);
			return -ENOMEM;
		}
		if (extent(s))
			memcpy(fresh[v] + head, s->view[v] + s->head, extent(s));
	}
	for (int v = 0; v < STREAM_VIEWS; v++) {
		free(s->view[v]);
		s->view[v] = fresh[v];
	}
	s->head = head;
	s->cap = cap;
	return 0;
}

/* Makes room for `front` more bytes before byte 0 and for `end` bytes from it on. */
static int make_room(struct stream *s, size_t front, size_t end)
{
	size_t behind = s->cap - s->head, head = s->head;

	if (s->is_hollow)
		return 0;
	if (head >= front && behind >= end)
		return 0;
	if (head < front)
		head = front + smaller(larger(extent(s), front), WINDOW);
	if (behind < end)
		behind = larger(end, smaller(2 * behind, WINDOW));
	return move_buffers(s, head, head + larger(behind, extent(s)));
}

/* Moves byte 0 `by` bytes towards the beginning; what leaves the window at the far end is lost. */
static int move_base_back(struct stream *s, uint32_t by)
{
	uint32_t kept = 0;
	int err = make_room(s, by, 0);

	if (err)
		return err;
	s->head -= s->is_hollow ? 0 : by;
	s->base -= by;
	for (uint32_t i = 0; i < s->part_count; i++) {
		struct part p = {s->part[i].from + by, s->part[i].to + by};

		if (p.to > WINDOW) {
			s->is_over = true;
			p.to = WINDOW;
		}
		if (p.from < p.to)
			s->part[kept++] = p;
	}
	s->is_moved = s->is_moved || s->part_count > 0;
	s->part_count = kept;
	for (uint32_t i = 0; i < s->ahead_count; i++) {
		s->ahead[i].from += by;
		s->ahead[i].to += by;
	}
	return 0;
}

/* Cuts the first `by` bytes. */
static void move_base_on(struct stream *s, uint32_t by)
{
	uint32_t kept = 0;

	s->is_moved = s->is_moved || s->part_count > 0;
	s->base += by;
	s->ahead_count = 0; /* what is cut away was never delivered; nothing is told apart */
	if (by >= extent(s)) {
		s->part_count = 0;
		return;
	}
	s->head += s->is_hollow ? 0 : by;
	for (uint32_t i = 0; i < s->part_count; i++) {
		struct part p = s->part[i];

		if (p.to <= by)
			continue;
		p.from = p.from > by ? p.from - by : 0;
		p.to -= by;
		s->part[kept++] = p;
	}
	s->part_count = kept;
}

/* Room for one more part; a far one gives way to a nearer one. Returns 1, 0 when there is none. */
static int make_part_room(struct stream *s, uint32_t from)
{
	uint32_t cap;
	struct part *bigger;

	if (s->part_count == STREAM_GAPS_MAX) {
		s->is_over = true;
		if (from > extent(s))
			return 0;
		s->part_count--;
	}
	if (s->part_count < s->part_cap)
		return 1;
	cap = s->part_cap * 2;
	bigger = realloc(s->part == s->first ? NULL : s->part, cap * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	if (s->part == s->first)
		memcpy(bigger, s->first, sizeof(s->first));
	s->part = bigger;
	s->part_cap = cap;
	return 1;
}

/* True when bytes at `from` differ from what parts [i, j) hold in a view. */
static bool differs(const struct stream *s, int view, uint32_t i, uint32_t j, uint32_t from,
		    struct slice bytes)
{
	uint32_t to = from + (uint32_t)bytes.len;
	const uint8_t *have = s->view[view] + s->head;

	for (; i < j; i++) {
		uint32_t a = (uint32_t)larger(s->part[i].from, from);
		uint32_t b = (uint32_t)smaller(s->part[i].to, to);

		if (a < b && memcmp(have + a, bytes.at + (a - from), b - a) != 0)
			return true;
	}
	return false;
}

/* Writes into view 0 only what no part of [i, j) covers: there the earlier segment wins. */
static void write_uncovered(struct stream *s, uint32_t i, uint32_t j, uint32_t from,
			    struct slice bytes)
{
	uint32_t at = from, to = from + (uint32_t)bytes.len;
	uint8_t *view = s->view[0] + s->head;

	for (; i < j && at < to; i++) {
		if (s->part[i].from > at)
			memcpy(view + at, bytes.at + (at - from), s->part[i].from - at);
		at = (uint32_t)larger(at, s->part[i].to);
	}
	if (at < to)
		memcpy(view + at, bytes.at + (at - from), to - at);
}

/* Puts [from, to) in place of parts [i, j), which it touches. */
static void merge_parts(struct stream *s, uint32_t i, uint32_t j, uint32_t from, uint32_t to)
{
	if (i < j) {
		from = (uint32_t)smaller(from, s->part[i].from);
		to = (uint32_t)larger(to, s->part[j - 1].to);
	}
	memmove(s->part + i + 1, s->part + j, (s->part_count - j) * sizeof(*s->part));
	s->part_count = s->part_count + 1 - (j - i);
	s->part[i] = (struct part){from, to};
}

/* Notes a contradiction: the further views come into being. Returns STREAM_CONFLICT, 0 or -ENOMEM.
 */
static int note_conflict(struct stream *s, uint32_t i, uint32_t j, uint32_t from,
			 struct slice bytes)
{
	if (!differs(s, s->view[1] ? 1 : 0, i, j, from, bytes) &&
	    !(s->view[2] && differs(s, 2, i, j, from, bytes)))
		return 0;
	for (int v = 1; v < STREAM_VIEWS && !s->view[v]; v++) {
		s->view[v] = malloc(s->cap);
		if (!s->view[v])
			return -ENOMEM;
		memcpy(s->view[v] + s->head, s->view[0] + s->head, extent(s));
	}
	return STREAM_CONFLICT;
}

/* Puts a segment among those ahead, in order, in place of those that it covers. */
static void keep_ahead(struct stream *s, struct part p)
{
	uint32_t i = 0, kept = 0;

	for (uint32_t k = 0; k < s->ahead_count; k++)
		if (!(s->ahead[k].from >= p.from && s->ahead[k].to <= p.to))
			s->ahead[kept++] = s->ahead[k];
	s->ahead_count = kept;
	if (s->ahead_count == s->ahead_cap) {
		uint32_t cap = s->ahead_cap ? s->ahead_cap * 2 : 4;
		struct part *more = cap > STREAM_GAPS_MAX ? NULL
							  : realloc(s->ahead, cap * sizeof(*more));

		if (!more)
			return;
		s->ahead = more;
		s->ahead_cap = cap;
	}
	while (i < s->ahead_count && s->ahead[i].from <= p.from)
		i++;
	memmove(s->ahead + i + 1, s->ahead + i, (s->ahead_count - i) * sizeof(p));
	s->ahead[i] = p;
	s->ahead_count++;
}

/*
 * Where in a segment the bytes begin that a receiver of the third kind takes in place of what it
 * has, and keeps the segment; p.to when none.
 */
static uint32_t taken_from(struct stream *s, struct part p)
{
	uint32_t delivered = view_len(s), begin = p.from > delivered ? p.from : delivered;
	uint32_t kept = 0;

	for (uint32_t k = 0; k < s->ahead_count; k++)
		if (s->ahead[k].to > delivered)
			s->ahead[kept++] = s->ahead[k];
	s->ahead_count = kept;
	if (p.to <= delivered)
		return p.to;
	if (p.from <= delivered) /* delivered at once, before whatever is ahead */
		return begin;
	for (uint32_t k = 0; k < s->ahead_count && s->ahead[k].from <= p.from; k++) {
		if (s->ahead[k].to >= p.to)
			return p.to; /* covered: it is dropped */
		if (s->ahead[k].from < p.from && s->ahead[k].to > begin)
			begin = s->ahead[k].to;
	}
	keep_ahead(s, p);
	return begin;
}

/* Writes into view 2 what a receiver of the third kind takes, and what it did not have. */
static void write_taken(struct stream *s, uint32_t i, uint32_t j, uint32_t from, uint32_t taken,
			struct slice bytes)
{
	uint32_t at = from, to = from + (uint32_t)bytes.len;
	uint8_t *view = s->view[2] + s->head;

	for (; i < j && at < to; i++) {
		if (s->part[i].from > at)
			memcpy(view + at, bytes.at + (at - from), s->part[i].from - at);
		at = (uint32_t)larger(at, s->part[i].to);
	}
	if (at < to)
		memcpy(view + at, bytes.at + (at - from), to - at);
	if (taken < to)
		memcpy(view + taken, bytes.at + (taken - from), to - taken);
}

/* Stores bytes that lie inside the window. Returns enum stream_change bits or -ENOMEM. */
static int store(struct stream *s, uint32_t from, struct slice bytes)
{
	uint32_t i = 0, j, to = from + (uint32_t)bytes.len, taken;
	int change = 0, room;

	while (i < s->part_count && s->part[i].to < from)
		i++;
	for (j = i; j < s->part_count && s->part[j].from <= to; j++)
		;
	if (make_room(s, 0, to))
		return -ENOMEM;
	if (i == j) {
		room = make_part_room(s, from);
		if (room <= 0)
			return room;
	}
	if (s->is_hollow) {
		merge_parts(s, i, j, from, to);
		return 0;
	}
	change = note_conflict(s, i, j, from, bytes);
	if (change < 0)
		return change;
	taken = taken_from(s, (struct part){from, to});
	if (s->view[1])
		memcpy(s->view[1] + s->head + from, bytes.at, bytes.len);
	if (s->view[2])
		write_taken(s, i, j, from, taken, bytes);
	write_uncovered(s, i, j, from, bytes);
	merge_parts(s, i, j, from, to);
	return change;
}

struct stream *stream_new(void)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s) {
		s->part = s->first;
		s->part_cap = PARTS_FIRST;
	}
	return s;
}

/* Frees the bytes, and what tells them apart. */
static void free_bytes(struct stream *s)
{
	for (int v = 0; v < STREAM_VIEWS; v++) {
		free(s->view[v]);
		s->view[v] = NULL;
	}
	free(s->ahead);
	s->ahead = NULL;
	s->ahead_count = s->ahead_cap = 0;
}

void stream_hollow(struct stream *s)
{
	s->is_hollow = true;
	s->head = s->cap = 0;
	free_bytes(s);
}

bool stream_is_hollow(const struct stream *s)
{
	return s->is_hollow;
}

uint32_t stream_base(const struct stream *s)
{
	return s->base;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	free_bytes(s);
	if (s->part != s->first)
		free(s->part);
	free(s);
}

/* Gives a copy of len bytes; NULL when there are none, or no memory (*is_short). */
static void *copy_of(const void *from, size_t len, bool *is_short)
{
	void *copy = from && len ? malloc(len) : NULL;

	if (copy)
		memcpy(copy, from, len);
	*is_short |= from && len && !copy;
	return copy;
}

struct stream *stream_copy(const struct stream *s)
{
	struct stream *copy = stream_new();
	bool is_short = false;

	if (!copy)
		return NULL;
	*copy = *s;
	for (int v = 0; v < STREAM_VIEWS; v++) {
		copy->view[v] = s->view[v] ? malloc(s->cap) : NULL;
		is_short |= s->view[v] && !copy->view[v];
		if (copy->view[v] && extent(s))
			memcpy(copy->view[v] + s->head, s->view[v] + s->head, extent(s));
	}
	copy->part = s->part == s->first
			     ? copy->first
			     : copy_of(s->part, s->part_cap * sizeof(*s->part), &is_short);
	copy->ahead = copy_of(s->ahead, s->ahead_cap * sizeof(*s->ahead), &is_short);
	if (is_short) {
		stream_free(copy);
		return NULL;
	}
	return copy;
}

void stream_set_isn(struct stream *s, uint32_t isn)
{
	int64_t on;

	if (s->has_isn)
		return;
	s->has_isn = true;
	on = (int32_t)(isn + 1 - s->base);
	if (!s->has_base) {
		s->has_base = true;
		s->base = isn + 1;
	} else if (on > 0) {
		move_base_on(s, (uint32_t)on);
	} else if (on < 0 && (on < -WINDOW || move_base_back(s, (uint32_t)-on))) {
		/* Nothing stored is near the beginning, or it cannot be moved: start afresh. */
		s->is_moved = s->is_over = true;
		s->part_count = 0;
		s->base = isn + 1;
	}
}

int stream_add(struct stream *s, uint32_t seq, struct slice bytes)
{
	uint32_t len = view_len(s);
	int64_t off;
	int change = 0;

	if (!s->has_base && bytes.len) {
		s->has_base = true;
		s->base = seq;
	}
	off = (int32_t)(seq - s->base);
	if (bytes.len && off < 0) {
		if (!s->has_isn && off >= -WINDOW) {
			if (move_base_back(s, (uint32_t)-off))
				return -ENOMEM;
		} else {
			s->is_over = s->is_over || !s->has_isn;
			bytes = slice_from(bytes, (size_t)-off);
		}
		off = 0;
	}
	if (bytes.len && off + (int64_t)bytes.len > WINDOW) {
		s->is_over = true;
		bytes = slice_first(bytes, off < WINDOW ? (size_t)(WINDOW - off) : 0);
	}
	if (bytes.len)
		change = store(s, (uint32_t)off, bytes);
	if (change < 0)
		return change;
	if (view_len(s) > len)
		change |= STREAM_GREW;
	if (s->is_moved)
		change |= STREAM_REBASED;
	s->is_moved = false;
	return change;
}

struct slice stream_view(const struct stream *s, int view)
{
	if (view < 0 || view >= STREAM_VIEWS || !s->view[view])
		return slice_of(NULL, 0);
	return slice_of(s->view[view] + s->head, view_len(s));
}

int stream_view_count(const struct stream *s)
{
	return s->view[1] ? STREAM_VIEWS : 1;
}

uint32_t stream_next_seq(const struct stream *s)
{
	return s->base + view_len(s);
}

bool stream_is_over(const struct stream *s)
{
	return s->is_over;
}

size_t stream_held(const struct stream *s)
{
	return sizeof(*s) + s->cap * (s->view[1] ? STREAM_VIEWS : 1) +
	       (s->part_cap - PARTS_FIRST + s->ahead_cap) * sizeof(*s->part);
}
