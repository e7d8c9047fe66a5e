/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Several pcap captures as one: the head of the first with the greatest snap length, nanoseconds if
 * any has them, and records made anew where they are stored otherwise. Room: pcap.
 * Standard: draft-ietf-opsawg-pcap 4 and 5.
 */
#include "pcap/set.h"

#include <errno.h>

enum { RECORD_HEAD = 16, MAGIC_MICRO = 0xa1b2c3d4, MAGIC_NANO = 0xa1b23c4d };

void classic_set_head(struct capture_set *set)
{
	struct set_head *h = &set->head;

	for (size_t i = 0; i < set->count; i++) {
		struct set_member *m = &set->member[i];
		/* 0 is no limit: as much as any record may hold. */
		uint32_t snap = m->head.snap_len ? m->head.snap_len : CAPTURE_RECORD_MAX;

		if (m->has_head && (h->snap_len == 0 || snap > h->snap_len))
			h->snap_len = snap;
		/* Before 2.4 the lengths of a record may be the other way round. */
		m->is_same = m->head.is_swapped == h->is_swapped && m->head.is_nano == h->is_nano &&
			     m->head.minor >= 4;
	}
	set_put32(h, h->bytes, h->is_nano ? MAGIC_NANO : MAGIC_MICRO);
	set_put16(h, h->bytes + 4, 2);
	set_put16(h, h->bytes + 6, 4);
	set_put32(h, h->bytes + 16, h->snap_len);
}

int classic_set_record(struct capture_set *set, struct set_member *m, struct capture_record *r)
{
	const struct frame *f = &m->record.frame;
	size_t len = f->bytes.len;
	uint32_t s, frac, wire_len;
	uint8_t *at;

	*r = m->record;
	if (m->is_same)
		return 1;
	at = set_scratch(set, RECORD_HEAD + len);
	if (!at)
		return -ENOMEM;
	s = set_u32(&m->head, r->raw.at);
	frac = set_u32(&m->head, r->raw.at + 4);
	wire_len = m->head.minor >= 4 ? set_u32(&m->head, r->raw.at + 12) : f->wire_len;
	if (set->head.is_nano && !m->head.is_nano) {
		s = (uint32_t)(f->ts_ns / 1000000000);
		frac = (uint32_t)(f->ts_ns % 1000000000);
	}
	set_put32(&set->head, at, s);
	set_put32(&set->head, at + 4, frac);
	set_put32(&set->head, at + 8, (uint32_t)len);
	set_put32(&set->head, at + 12, wire_len);
	memcpy(at + RECORD_HEAD, f->bytes.at, len);
	r->raw = slice_of(at, RECORD_HEAD + len);
	r->frame.bytes = slice_of(at + RECORD_HEAD, len);
	return 1;
}
