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

static size_t length(const struct capture_in *in, const uint8_t *at)
{
	return RECORD_HEAD + (size_t)capture_u32(in, at + 8);
}

static __attribute__((noinline)) void look_ahead(struct capture_in *in)
{
	static const struct ahead_format format = {1, is_head, length};

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

const struct capture_format capture_classic = {"pcap", next};
