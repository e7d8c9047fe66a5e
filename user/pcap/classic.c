/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The pcap format: a 24-byte file header, then records with a 16-byte head. Room: pcap.
 * Standard: draft-ietf-opsawg-pcap 4 and 5; the swapped lengths of versions before 2.4 as libpcap
 * reads them.
 */
#include "pcap/ahead.h"

#include <errno.h>

enum { FILE_HEAD = 24, RECORD_HEAD = 16 };

/*
 *  0 magic | 4 major, minor | 8 reserved | 16 snap length | 20 FCS bits, link type
 */
static int read_head(struct capture_in *in, struct capture_record *r, struct fault *f)
{
	struct source *s = &in->source;
	struct capture_link l = {0};
	const uint8_t *at;
	uint32_t magic;
	int n = source_need(s, FILE_HEAD);

	if (n < 0)
		return n;
	if (n == 0)
		return capture_damage(in, f, "the file header is cut short");
	at = source_at(s);
	memcpy(&magic, at, 4);
	in->is_swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	in->frac_ns = capture_u32(in, at) == 0xa1b23c4d ? 1 : 1000;
	in->minor = (uint8_t)capture_u16(in, at + 6);
	l.snap_len = capture_u32(in, at + 16);
	l.linktype = (uint16_t)capture_u32(in, at + 20);
	l.link = capture_link_type(in, capture_u32(in, at + 20) & 0x03ffffff);
	n = capture_link_add(in, &l);
	if (n < 0)
		return n;
	in->cap_max = l.snap_len && l.snap_len < CAPTURE_RECORD_MAX ? l.snap_len
								    : CAPTURE_RECORD_MAX;
	in->is_begun = true;
	r->is_frame = false;
	r->raw = slice_of(at, FILE_HEAD);
	source_pass(s, FILE_HEAD);
	return 1;
}

/* Versions before 2.3 stored the two lengths the other way round, 2.3 now and then. */
static void order_lengths(const struct capture_in *in, uint32_t *cap_len, uint32_t *wire_len)
{
	if (in->minor < 3 || (in->minor == 3 && *cap_len > *wire_len)) {
		uint32_t cap = *wire_len;

		*wire_len = *cap_len;
		*cap_len = cap;
	}
}

/* Most records are as large as they say, and are near in time to those before them. */
static bool is_head(const struct capture_in *in, const uint8_t *at, const uint8_t *sure)
{
	enum { NEAR_S = 600 };
	uint32_t cap_len, wire_len;

	if (capture_u32(in, at) - capture_u32(in, sure) > NEAR_S)
		return false;
	cap_len = capture_u32(in, at + 8);
	wire_len = capture_u32(in, at + 12);
	return cap_len <= wire_len && wire_len <= CAPTURE_RECORD_MAX &&
	       capture_u32(in, at + 4) < 1000000000;
}

/* Nearly all heads near each other have the same first byte of their seconds. */
static const uint8_t *find(const struct capture_in *in, const uint8_t *at, const uint8_t *end,
			   const uint8_t *sure)
{
	size_t first = in->is_swapped ? 0 : 3;

	while (at < end) {
		const uint8_t *hit = memchr(at + first, sure[first], (size_t)(end - at));

		at = hit ? hit - first : end;
		if (hit && is_head(in, at, sure))
			return at;
		at += hit != NULL;
	}
	return NULL;
}

static size_t length(const struct capture_in *in, const uint8_t *at)
{
	return RECORD_HEAD + (size_t)capture_u32(in, at + 8);
}

static __attribute__((noinline)) void look_ahead(struct capture_in *in)
{
	static const struct ahead_format format = {find, length};

	ahead_look(in, &format);
}

/*
 *  0 seconds | 4 fraction | 8 captured length | 12 length on the wire | 16 bytes
 */
static int next(struct capture_in *in, struct capture_record *r, struct fault *f)
{
	struct source *s = &in->source;
	const struct capture_link *l = in->links;
	uint32_t cap_len, wire_len;
	const uint8_t *at;
	int n;

	if (!in->is_begun)
		return read_head(in, r, f);
	n = source_need(s, RECORD_HEAD);
	if (n < 0)
		return n;
	if (n == 0)
		return source_left(s) == 0 ? 0
					   : capture_damage(in, f, "a record head is cut short");
	if (s->at >= in->ahead_end && s->map)
		look_ahead(in);
	cap_len = capture_u32(in, source_at(s) + 8);
	wire_len = capture_u32(in, source_at(s) + 12);
	order_lengths(in, &cap_len, &wire_len);
	if (cap_len > CAPTURE_RECORD_MAX)
		return capture_damage(in, f, "a captured length above 262,144 bytes");
	if (l->snap_len != 0 && cap_len > l->snap_len)
		return capture_damage(in, f, "a captured length above the file's snap length");
	n = source_need(s, RECORD_HEAD + (size_t)cap_len);
	if (n < 0)
		return n;
	if (n == 0)
		return capture_damage(in, f, "the record is cut short");
	/* The zeros behind the new end of a file cut short look like empty records: the first of a
	 * row of them is looked at. */
	if (cap_len == 0 && !in->is_after_empty &&
	    !source_is_whole_to(s, source_offset(s) + RECORD_HEAD))
		return -EILSEQ;
	in->is_after_empty = cap_len == 0;
	at = source_at(s);
	r->is_frame = true;
	r->linktype = l->linktype;
	r->raw = slice_of(at, RECORD_HEAD + (size_t)cap_len);
	r->frame = (struct frame){
		.ts_ns = capture_u32(in, at) * 1000000000ULL +
			 (uint64_t)capture_u32(in, at + 4) * in->frac_ns,
		.wire_len = wire_len > cap_len ? wire_len : cap_len,
		.link = l->link,
		.bytes = slice_of(at + RECORD_HEAD, cap_len),
	};
	source_pass(s, r->raw.len);
	return 1;
}

/* The records that begin before `last` and end by the source's end, as far as they are ordinary. */
static inline __attribute__((always_inline)) size_t run_to(struct capture_in *in,
							   const struct capture_room *room,
							   const uint8_t *last, bool is_swapped)
{
	const struct capture_link *l = in->links;
	const uint8_t *at = in->source.at, *end = in->source.end - RECORD_HEAD;
	struct capture_record *r = room->at;
	size_t n;

	for (n = 0; n < room->records && at < last && at <= end; n++) {
		uint32_t head[4], cap_len;

		memcpy(head, at, sizeof(head));
		for (int i = 0; i < 4 && is_swapped; i++)
			head[i] = __builtin_bswap32(head[i]);
		cap_len = head[2];
		if (cap_len - 1 >= in->cap_max || cap_len > (size_t)(end - at))
			break; /* an empty one is looked at closely, too */
		r->is_frame = true;
		r->linktype = l->linktype;
		r->raw = slice_of(at, RECORD_HEAD + (size_t)cap_len);
		r->frame = (struct frame){
			.ts_ns = head[0] * 1000000000ULL + (uint64_t)head[1] * in->frac_ns,
			.number = in->frame_count + n + 1,
			.wire_len = head[3] > cap_len ? head[3] : cap_len,
			.link = l->link,
			.bytes = slice_of(at + RECORD_HEAD, cap_len),
		};
		at += r->raw.len;
		r = (struct capture_record *)((char *)r + room->stride);
	}
	in->source.at = at;
	return n;
}

static size_t run(struct capture_in *in, const struct capture_room *room)
{
	struct source *s = &in->source;
	const uint8_t *last = s->end;
	size_t n;

	if (!in->is_begun || in->minor < 4 || source_left(s) < RECORD_HEAD)
		return 0;
	if (s->map && s->at >= in->ahead_end)
		look_ahead(in);
	if (s->map && in->ahead_end < last)
		last = in->ahead_end;
	if ((size_t)(last - s->at) > room->bytes)
		last = s->at + room->bytes;
	n = in->is_swapped ? run_to(in, room, last, true) : run_to(in, room, last, false);
	in->is_after_empty &= n == 0;
	in->frame_count += n;
	return n;
}

const struct capture_format capture_classic = {.name = "pcap", .next = next, .run = run};
