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

enum { WINDOW = DPI_BUDGET_BYTES, HELD_ITSELF = 104 /* with what an allocator adds */ };

_Static_assert(sizeof(struct stream) <= HELD_ITSELF, "no less is counted than there is");

_Static_assert(STREAM_GAPS_MAX <= UINT8_MAX, "counts of parts");

/* A request or a hello fits one of them. */
static const uint16_t sizes[STREAM_SIZES] = {256, 512, 768, 1024, 1536, 2048, 3072, POOL_SIZE_MAX};

/* The least that holds so many bytes, by their units begun. */
enum { SIZE_UNIT = 256 };
static const uint8_t classes[POOL_SIZE_MAX / SIZE_UNIT + 1] = {0, 0, 1, 2, 3, 4, 4, 5, 5,
							       6, 6, 6, 6, 7, 7, 7, 7};

void stream_memory_init(struct stream_memory *m, struct pages *pages)
{
	for (size_t i = 0; i < STREAM_SIZES; i++)
		pool_init(&m->of_size[i], pages, sizes[i], m);
}

void stream_memory_clear(struct stream_memory *m)
{
	for (size_t i = 0; i < STREAM_SIZES; i++)
		pool_clear(&m->of_size[i]);
}

static struct stream_part *parts(struct stream *s)
{
	return s->part ? s->part : s->first;
}

/* Offset behind the last byte there is. */
static uint32_t extent(const struct stream *s)
{
	return s->part_count ? stream_parts(s)[s->part_count - 1].to : 0;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The class of a buffer; STREAM_SIZES: it is the C library's. */
static size_t class_of(const struct stream *s, size_t cap)
{
	return s->memory && cap <= POOL_SIZE_MAX ? classes[(cap + SIZE_UNIT - 1) / SIZE_UNIT]
						 : STREAM_SIZES;
}

static uint8_t *take_buffer(const struct stream *s, size_t cap)
{
	size_t class = class_of(s, cap);

	return class < STREAM_SIZES ? pool_take_unset(&s->memory->of_size[class]) : malloc(cap);
}

/* at: one of cap bytes, of which one is no longer than that; or NULL. */
static void give_buffer(const struct stream *s, uint8_t *at, size_t cap)
{
	size_t class = class_of(s, cap);

	if (class < STREAM_SIZES)
		pool_give_hot(&s->memory->of_size[class], at);
	else
		free(at);
}

/* Moves every view into new buffers of cap bytes with head of them in front, unless those there are
 * have as many. */
static int move_buffers(struct stream *s, size_t head, size_t cap)
{
	uint8_t *fresh[STREAM_VIEWS] = {NULL};
	size_t class = class_of(s, cap);

	if (s->cap && head == s->head && class < STREAM_SIZES && class == class_of(s, s->cap)) {
		s->cap = (uint32_t)cap;
		return 0;
	}
	for (int v = 0; v < STREAM_VIEWS; v++) {
		if (v > 0 && !s->view[v]) /* nor is there one behind it */
			break;
		fresh[v] = take_buffer(s, cap);
		if (!fresh[v]) {
			for (int u = 0; u < v; u++)
				give_buffer(s, fresh[u], cap);
			return -ENOMEM;
		}
		if (extent(s))
			memcpy(fresh[v] + head, s->view[v] + s->head, extent(s));
	}
	for (int v = 0; v < STREAM_VIEWS && fresh[v]; v++) {
		if (s->view[v])
			give_buffer(s, s->view[v], s->cap);
		s->view[v] = fresh[v];
	}
	s->head = (uint32_t)head;
	s->cap = (uint32_t)cap;
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
	uint8_t kept = 0;
	int err = make_room(s, by, 0);

	if (err)
		return err;
	s->head -= s->is_hollow ? 0 : by;
	s->base -= by;
	for (uint32_t i = 0; i < s->part_count; i++) {
		struct stream_part p = {parts(s)[i].from + by, parts(s)[i].to + by};

		if (p.to > WINDOW) {
			s->is_over = true;
			p.to = WINDOW;
		}
		if (p.from < p.to)
			parts(s)[kept++] = p;
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
	uint8_t kept = 0;

	s->is_moved = s->is_moved || s->part_count > 0;
	s->base += by;
	s->ahead_count = 0; /* what is cut away was never delivered; nothing is told apart */
	if (by >= extent(s)) {
		s->part_count = 0;
		return;
	}
	s->head += s->is_hollow ? 0 : by;
	for (uint32_t i = 0; i < s->part_count; i++) {
		struct stream_part p = parts(s)[i];

		if (p.to <= by)
			continue;
		p.from = p.from > by ? p.from - by : 0;
		p.to -= by;
		parts(s)[kept++] = p;
	}
	s->part_count = kept;
}

/* Room for one more part; a far one gives way to a nearer one. Returns 1, 0 when there is none. */
static int make_part_room(struct stream *s, uint32_t from)
{
	struct stream_part *bigger;
	uint32_t cap;

	if (s->part_count == STREAM_GAPS_MAX) {
		s->is_over = true;
		if (from > extent(s))
			return 0;
		s->part_count--;
	}
	if (s->part_count < s->part_cap)
		return 1;
	cap = s->part_cap * 2U;
	bigger = realloc(s->part, cap * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	if (!s->part)
		memcpy(bigger, s->first, sizeof(s->first));
	s->part = bigger;
	s->part_cap = (uint8_t)cap;
	return 1;
}

/* True when bytes at `from` differ from what parts [i, j) hold in a view. */
static bool differs(const struct stream *s, int view, uint32_t i, uint32_t j, uint32_t from,
		    struct slice bytes)
{
	uint32_t to = from + (uint32_t)bytes.len;
	const uint8_t *have = s->view[view] + s->head;

	for (; i < j; i++) {
		uint32_t a = (uint32_t)larger(stream_parts(s)[i].from, from);
		uint32_t b = (uint32_t)smaller(stream_parts(s)[i].to, to);

		if (a < b && memcmp(have + a, bytes.at + (a - from), b - a) != 0)
			return true;
	}
	return false;
}

/* Writes into a view only what no part of [i, j) covers: there the earlier segment wins. */
static void write_uncovered(struct stream *s, uint8_t *view, uint32_t i, uint32_t j, uint32_t from,
			    struct slice bytes)
{
	uint32_t at = from, to = from + (uint32_t)bytes.len;

	for (; i < j && at < to; i++) {
		if (parts(s)[i].from > at)
			memcpy(view + at, bytes.at + (at - from), parts(s)[i].from - at);
		at = (uint32_t)larger(at, parts(s)[i].to);
	}
	if (at < to)
		memcpy(view + at, bytes.at + (at - from), to - at);
}

/* Puts [from, to) in place of parts [i, j), which it touches. */
static void merge_parts(struct stream *s, uint32_t i, uint32_t j, uint32_t from, uint32_t to)
{
	if (i < j) {
		from = (uint32_t)smaller(from, parts(s)[i].from);
		to = (uint32_t)larger(to, parts(s)[j - 1].to);
	}
	memmove(parts(s) + i + 1, parts(s) + j, (s->part_count - j) * sizeof(*s->part));
	s->part_count = (uint8_t)(s->part_count + 1 - (j - i));
	parts(s)[i] = (struct stream_part){from, to};
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
		s->view[v] = take_buffer(s, s->cap);
		if (!s->view[v])
			return -ENOMEM;
		memcpy(s->view[v] + s->head, s->view[0] + s->head, extent(s));
	}
	return STREAM_CONFLICT;
}

/* Puts a segment among those ahead, in order, in place of those that it covers. */
static void keep_ahead(struct stream *s, struct stream_part p)
{
	uint32_t i = 0;
	uint8_t kept = 0;

	for (uint32_t k = 0; k < s->ahead_count; k++)
		if (!(s->ahead[k].from >= p.from && s->ahead[k].to <= p.to))
			s->ahead[kept++] = s->ahead[k];
	s->ahead_count = kept;
	if (s->ahead_count == s->ahead_cap) {
		uint32_t cap = s->ahead_cap ? s->ahead_cap * 2U : 4;
		struct stream_part *more = cap > STREAM_GAPS_MAX
						   ? NULL
						   : realloc(s->ahead, cap * sizeof(*more));

		if (!more)
			return;
		s->ahead = more;
		s->ahead_cap = (uint8_t)cap;
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
static uint32_t taken_from(struct stream *s, struct stream_part p)
{
	uint32_t delivered = stream_len(s), begin = p.from > delivered ? p.from : delivered;
	uint8_t kept = 0;

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
	uint32_t to = from + (uint32_t)bytes.len;
	uint8_t *view = s->view[2] + s->head;

	write_uncovered(s, view, i, j, from, bytes);
	if (taken < to)
		memcpy(view + taken, bytes.at + (taken - from), to - taken);
}

/* Stores bytes that lie inside the window. Returns enum stream_change bits or -ENOMEM. */
static int store(struct stream *s, uint32_t from, struct slice bytes)
{
	uint32_t i = 0, j, to = from + (uint32_t)bytes.len, taken;
	int change = 0, room;

	while (i < s->part_count && parts(s)[i].to < from)
		i++;
	for (j = i; j < s->part_count && parts(s)[j].from <= to; j++)
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
	taken = taken_from(s, (struct stream_part){from, to});
	if (s->view[1])
		memcpy(s->view[1] + s->head + from, bytes.at, bytes.len);
	if (s->view[2])
		write_taken(s, i, j, from, taken, bytes);
	write_uncovered(s, s->view[0] + s->head, i, j, from, bytes);
	merge_parts(s, i, j, from, to);
	return change;
}

void stream_init(struct stream *s, struct stream_memory *memory)
{
	*s = (struct stream){.memory = memory, .part_cap = STREAM_PARTS_FIRST};
}

struct stream *stream_new(void)
{
	struct stream *s = malloc(sizeof(*s));

	if (s)
		stream_init(s, NULL);
	return s;
}

/* Frees the bytes, and what tells them apart. */
static void free_bytes(struct stream *s)
{
	for (int v = 0; v < STREAM_VIEWS; v++) {
		if (s->view[v])
			give_buffer(s, s->view[v], s->cap);
		s->view[v] = NULL;
	}
	if (s->ahead)
		free(s->ahead);
	s->ahead = NULL;
	s->ahead_count = s->ahead_cap = 0;
}

void stream_hollow(struct stream *s)
{
	free_bytes(s);
	s->is_hollow = true;
	s->head = s->cap = 0;
}

void stream_clear(struct stream *s)
{
	free_bytes(s);
	if (s->part)
		free(s->part);
	s->part = NULL;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	stream_clear(s);
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
		copy->view[v] = s->view[v] ? take_buffer(s, s->cap) : NULL;
		is_short |= s->view[v] && !copy->view[v];
		if (copy->view[v] && extent(s))
			memcpy(copy->view[v] + s->head, s->view[v] + s->head, extent(s));
	}
	copy->part = copy_of(s->part, s->part_cap * sizeof(*s->part), &is_short);
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

/* The next bytes of an end of which all that came is there, and was never disputed. Returns
 * STREAM_GREW, STREAM_SAME when it is another case, or -ENOMEM. */
static int append(struct stream *s, uint32_t seq, struct slice bytes)
{
	struct stream_part *part = parts(s);
	uint32_t to = s->part_count ? part->to : 0;

	if (!s->has_base || seq - s->base != to || s->part_count > 1 || (to && part->from) ||
	    !bytes.len || bytes.len > WINDOW - to || s->is_moved || s->is_hollow || s->view[1] ||
	    s->ahead_count)
		return STREAM_SAME;
	if (bytes.len > s->cap - s->head - to && make_room(s, 0, to + bytes.len))
		return -ENOMEM;
	memcpy(s->view[0] + s->head + to, bytes.at, bytes.len);
	s->part_count = 1;
	*part = (struct stream_part){0, to + (uint32_t)bytes.len};
	return STREAM_GREW;
}

/* The rest of stream_add(): whatever is no append. */
static __attribute__((noinline)) int add_anywhere(struct stream *s, uint32_t seq,
						  struct slice bytes)
{
	uint32_t len = stream_len(s);
	int change = 0;
	int64_t off;

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
	if (stream_len(s) > len)
		change |= STREAM_GREW;
	if (s->is_moved)
		change |= STREAM_REBASED;
	s->is_moved = false;
	return change;
}

int stream_add(struct stream *s, uint32_t seq, struct slice bytes)
{
	int change = append(s, seq, bytes);

	return change ? change : add_anywhere(s, seq, bytes);
}

size_t stream_held(const struct stream *s)
{
	return HELD_ITSELF + (size_t)s->cap * (s->view[1] ? STREAM_VIEWS : 1) +
	       (size_t)(s->part_cap - STREAM_PARTS_FIRST + s->ahead_cap) * sizeof(*s->part);
}
