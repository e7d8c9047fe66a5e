/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The pcapng format: blocks with their length at both ends, in sections that each have a byte order
 * and a list of interfaces of their own. Room: pcap. Standard: draft-ietf-opsawg-pcapng 3 and 4.
 */
#include "pcap/ahead.h"

#include <errno.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
	OPTION_END = 0,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14,
	BLOCK_LEAST = 12,
	SECTION_LEAST = 28,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4dU

/* Ticks since the epoch as nanoseconds. */
static uint64_t ticks_ns(const struct capture_link *l, uint64_t ticks)
{
	uint64_t whole, part_ns;

	if (l->ticks) {
		whole = ticks / l->ticks;
		part_ns = (uint64_t)((unsigned __int128)(ticks % l->ticks) * 1000000000 / l->ticks);
	} else {
		uint64_t part = l->shift < 64 ? ticks & ((1ULL << l->shift) - 1) : ticks;

		whole = l->shift < 64 ? ticks >> l->shift : 0;
		part_ns = (uint64_t)((unsigned __int128)part * 1000000000 >> l->shift);
	}
	return (whole + (uint64_t)l->offset_s) * 1000000000ULL + part_ns;
}

/* if_tsresol: a power of ten, or of two when the highest bit is set (4.2). */
static void set_resolution(struct capture_link *l, uint8_t tsresol)
{
	uint8_t exponent = tsresol & 0x7f;

	l->ticks = 0;
	l->shift = exponent;
	if (tsresol & 0x80)
		return;
	l->ticks = 1;
	for (uint8_t i = 0; i < exponent && i < 19; i++)
		l->ticks *= 10;
}

/* Options of an interface: code, length, value padded to four bytes. Lies end the list. */
static void read_options(const struct capture_in *in, struct slice s, struct capture_link *l)
{
	while (s.len >= 4) {
		uint16_t code = capture_u16(in, s.at), len = capture_u16(in, s.at + 2);
		const uint8_t *value = s.at + 4;

		s = slice_from(s, 4);
		if (code == OPTION_END || len > s.len)
			return;
		if (code == OPTION_TSRESOL && len == 1) {
			set_resolution(l, value[0]);
		} else if (code == OPTION_TSOFFSET && len == 8) {
			uint64_t v;

			memcpy(&v, value, 8);
			l->offset_s = (int64_t)(in->is_swapped ? __builtin_bswap64(v) : v);
		}
		s = slice_from(s, ((size_t)len + 3) & ~(size_t)3);
	}
}

/*
 *  0 link type, reserved | 4 snap length | 8 options
 */
static int read_interface(struct capture_in *in, struct slice body, struct fault *f)
{
	struct capture_link l = {.ticks = 1000000};

	if (body.len < 8)
		return capture_damage(in, f, "an interface block too short for its fields");
	if (in->link_count >= CAPTURE_INTERFACES_MAX)
		return capture_damage(in, f, "more than 65,536 interfaces in one section");
	l.linktype = capture_u16(in, body.at);
	l.link = capture_link_type(in, l.linktype);
	l.snap_len = capture_u32(in, body.at + 4);
	read_options(in, slice_from(body, 8), &l);
	return capture_link_add(in, &l);
}

/* The three kinds of packet block differ in where they keep the same fields. */
struct packet_fields {
	uint32_t interface, cap_len, wire_len;
	size_t bytes_off;
	bool has_time;
};

static bool read_fields(const struct capture_in *in, uint32_t type, struct slice body,
			struct packet_fields *p)
{
	size_t room;

	*p = (struct packet_fields){.bytes_off = type == BLOCK_SIMPLE ? 4 : 20};
	if (body.len < p->bytes_off)
		return false;
	room = body.len - p->bytes_off;
	if (type == BLOCK_SIMPLE) {
		uint32_t snap = in->link_count ? in->links[0].snap_len : 0;

		p->wire_len = capture_u32(in, body.at);
		p->cap_len = p->wire_len;
		if (snap != 0 && snap < p->cap_len)
			p->cap_len = snap;
		return p->cap_len <= room;
	}
	p->interface = type == BLOCK_PACKET ? capture_u16(in, body.at) : capture_u32(in, body.at);
	p->cap_len = capture_u32(in, body.at + 12);
	p->wire_len = capture_u32(in, body.at + 16);
	p->has_time = true;
	return p->cap_len <= room;
}

static int read_packet(struct capture_in *in, uint32_t type, struct slice body,
		       struct capture_record *r, struct fault *f)
{
	const struct capture_link *l;
	struct packet_fields p;

	if (!read_fields(in, type, body, &p))
		return capture_damage(in, f, "a packet block too short for its captured length");
	if (p.cap_len > CAPTURE_RECORD_MAX)
		return capture_damage(in, f, "a captured length above 262,144 bytes");
	if (p.interface >= in->link_count)
		return capture_damage(in, f, "a packet of an interface that is not described");
	l = &in->links[p.interface];
	if (l->snap_len != 0 && p.cap_len > l->snap_len)
		return capture_damage(in, f, "a captured length above the interface's snap length");
	if (p.has_time)
		in->last_ns = ticks_ns(l, (uint64_t)capture_u32(in, body.at + 4) << 32 |
						  capture_u32(in, body.at + 8));
	r->is_frame = true;
	r->linktype = l->linktype;
	/* A simple packet block has no time: it gets that of the frame before it. */
	r->frame = (struct frame){
		.ts_ns = in->last_ns,
		.ifindex = p.interface,
		.wire_len = p.wire_len > p.cap_len ? p.wire_len : p.cap_len,
		.link = l->link,
		.bytes = slice_of(body.at + p.bytes_off, p.cap_len),
	};
	return 1;
}

/* A section head sets the byte order, which its own length already needs. Version 1.2 is 1.0 under
 * another number (4.1); another minor version may hold what a reader of 1.0 would get wrong. */
static int read_section(struct capture_in *in, struct fault *f)
{
	struct source *s = &in->source;
	uint16_t minor;
	uint32_t magic;
	int n = source_need(s, SECTION_LEAST);

	if (n < 0)
		return n;
	if (n == 0)
		return capture_damage(in, f, "the section header is cut short");
	memcpy(&magic, source_at(s) + 8, 4);
	if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
		return capture_damage(in, f, "a section header without a byte order");
	in->is_swapped = magic != BYTE_ORDER_MAGIC;
	minor = capture_u16(in, source_at(s) + 14);
	if (capture_u16(in, source_at(s) + 12) != 1 || (minor != 0 && minor != 2))
		return capture_damage(in, f, "a section of an unknown pcapng version");
	in->link_count = 0;
	return 0;
}

/* Most blocks are enhanced packets of interfaces that were described before. */
static bool is_head(const struct capture_in *in, const uint8_t *at)
{
	uint32_t len, cap_len;

	if (capture_u32(in, at) != BLOCK_ENHANCED)
		return false;
	len = capture_u32(in, at + 4);
	cap_len = capture_u32(in, at + 20);
	return len % 4 == 0 && len <= CAPTURE_BLOCK_MAX && cap_len <= len - 32 &&
	       capture_u32(in, at + 8) < in->link_count;
}

static const uint8_t *find(const struct capture_in *in, const uint8_t *at, const uint8_t *end,
			   const uint8_t *sure)
{
	size_t odd = (size_t)(at - sure) % 4; /* blocks are whole words */

	for (at += odd ? 4 - odd : 0; at < end; at += 4)
		if (is_head(in, at))
			return at;
	return NULL;
}

static size_t length(const struct capture_in *in, const uint8_t *at)
{
	size_t len = capture_u32(in, at + 4);

	return len < BLOCK_LEAST ? BLOCK_LEAST : len;
}

static __attribute__((noinline)) void look_ahead(struct capture_in *in)
{
	static const struct ahead_format format = {find, length};

	ahead_look(in, &format);
}

/* Reads one whole block; checks both lengths. Returns 1 with *block set, 0 at the end. */
static int read_block(struct capture_in *in, struct slice *block, struct fault *f)
{
	struct source *s = &in->source;
	uint32_t type, len;
	int n = source_need(s, 8);

	if (n < 0)
		return n;
	if (n == 0)
		return source_left(s) == 0 ? 0 : capture_damage(in, f, "a block head is cut short");
	if (s->at >= in->ahead_end && s->map)
		look_ahead(in);
	type = capture_u32(in, source_at(s));
	if (type == BLOCK_SECTION) { /* the same in both byte orders */
		n = read_section(in, f);
		if (n < 0)
			return n;
	}
	len = capture_u32(in, source_at(s) + 4);
	if (len < (type == BLOCK_SECTION ? SECTION_LEAST : BLOCK_LEAST) || len % 4 != 0)
		return capture_damage(in, f, "a block length that cannot be");
	if (len > CAPTURE_BLOCK_MAX)
		return capture_damage(in, f, "a block longer than 16 MiB");
	n = source_need(s, len);
	if (n < 0)
		return n;
	if (n == 0)
		return capture_damage(in, f, "the block is cut short");
	if (capture_u32(in, source_at(s) + len - 4) != len)
		return capture_damage(in, f, "a block whose two lengths differ");
	*block = slice_of(source_at(s), len);
	return 1;
}

static int next(struct capture_in *in, struct capture_record *r, struct fault *f)
{
	struct slice block, body;
	uint32_t type;
	int n = read_block(in, &block, f);

	if (n <= 0)
		return n;
	type = capture_u32(in, block.at);
	body = slice_of(block.at + 8, block.len - 12);
	r->is_frame = false;
	r->raw = block;
	n = 1;
	if (type == BLOCK_INTERFACE)
		n = read_interface(in, body, f);
	else if (type == BLOCK_ENHANCED || type == BLOCK_SIMPLE || type == BLOCK_PACKET)
		n = read_packet(in, type, body, r, f);
	if (n < 0)
		return n;
	in->is_begun = true;
	source_pass(&in->source, block.len);
	return 1;
}

const struct capture_format capture_blocks = {.name = "pcapng", .next = next};
