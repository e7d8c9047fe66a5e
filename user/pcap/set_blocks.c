/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Several captures as one section of pcapng: every block is written in the section's byte order,
 * and interfaces get ids of their own. Room: pcap. Standard: draft-ietf-opsawg-pcapng 3 and 4.
 *
 * What a block means must be known to write it in another byte order or with another interface:
 * blocks that are not in the table below, or must not be copied, are left out and counted. So are
 * options of which that holds, without a count.
 */
#include <errno.h>
#include <stdlib.h>
#include "pcap/reading.h"
#include "pcap/set_making.h"

enum { SECTION_LEN = 28, ENHANCED_FIXED = 20, INTERFACE_FIXED = 8, OPTION_TSRESOL = 9 };

/*
 *  0 byte order | 4 version 1.0 | 8 length of the section: not said
 */
int blocks_set_head(struct capture_set *set, struct capture_record *r)
{
	struct making k;

	if (!making_begin(set, &set->head, BLOCK_SECTION, SECTION_LEN, &k))
		return -ENOMEM;
	making_u32(&k, 0x1a2b3c4d);
	making_two_u16(&k, 1, 0);
	making_u32(&k, 0xffffffff);
	making_u32(&k, 0xffffffff);
	return making_end(&k, r);
}

/* The next id of the output, for the next interface of a member. */
static int add_id(struct capture_set *set, struct set_member *m)
{
	if (set->interface_count == CAPTURE_INTERFACES_MAX)
		return -EOVERFLOW;
	if (m->id_count == m->id_cap) {
		size_t cap = m->id_cap ? m->id_cap * 2 : 4;
		uint32_t *more = realloc(m->ids, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->ids = more;
		m->id_cap = cap;
	}
	m->ids[m->id_count++] = set->interface_count++;
	return 0;
}

/*
 *  0 link type | 2 reserved | 4 snap length | 8 options
 */
int blocks_set_interface(struct capture_set *set, struct set_member *m, struct capture_record *r)
{
	struct making k;
	int err = add_id(set, m);

	if (err)
		return err;
	if (!making_begin(set, &m->head, BLOCK_INTERFACE, INTERFACE_FIXED + 12, &k))
		return -ENOMEM;
	making_two_u16(&k, (uint16_t)m->head.linktype, 0);
	making_u32(&k, m->head.snap_len);
	if (m->head.is_nano) {
		const uint8_t nano = 9;

		making_two_u16(&k, OPTION_TSRESOL, 1);
		making_bytes(&k, slice_of(&nano, 1));
		making_u32(&k, 0); /* the end of the options */
	}
	return making_end(&k, r);
}

static int copy_interface(struct capture_set *set, struct set_member *m, struct slice body,
			  struct capture_record *r)
{
	struct making k;
	int err = add_id(set, m);

	if (err)
		return err;
	if (!making_begin(set, &m->head, BLOCK_INTERFACE, body.len, &k))
		return -ENOMEM;
	making_two_u16(&k, set_u16(k.from, body.at), 0);
	making_u32(&k, set_u32(k.from, body.at + 4));
	making_list(&k, slice_from(body, INTERFACE_FIXED), BLOCK_INTERFACE, false);
	return making_end(&k, r);
}

/* --- frames --- */

/* Nanoseconds as ticks of an interface. */
static uint64_t ns_ticks(const struct capture_link *l, uint64_t ts_ns)
{
	uint64_t s = ts_ns / 1000000000 - (uint64_t)l->offset_s, part = ts_ns % 1000000000;

	if (l->ticks)
		return s * l->ticks + (uint64_t)((unsigned __int128)part * l->ticks / 1000000000);
	if (l->shift >= 64)
		return 0;
	return (s << l->shift) + (uint64_t)(((unsigned __int128)part << l->shift) / 1000000000);
}

/* What an enhanced packet block says of a frame. */
struct fields {
	uint64_t ticks;
	uint32_t wire_len;
	struct slice options;
};

static struct fields read_fields(const struct set_member *m)
{
	const struct frame *f = &m->record.frame;
	const struct set_head *h = &m->head;
	const uint8_t *at = m->record.raw.at, *body = at + BLOCK_HEAD;
	struct fields p = {.wire_len = f->wire_len};
	uint32_t type;

	if (!h->is_blocks) {
		p.ticks = (uint64_t)set_u32(h, at) * (h->is_nano ? 1000000000 : 1000000) +
			  set_u32(h, at + 4);
		if (h->minor >= 4)
			p.wire_len = set_u32(h, at + 12);
		return p;
	}
	type = set_u32(h, at);
	if (type == BLOCK_SIMPLE) {
		p.ticks = ns_ticks(&m->in->links[f->ifindex], f->ts_ns);
		p.wire_len = set_u32(h, body);
		return p;
	}
	p.ticks = (uint64_t)set_u32(h, body + 4) << 32 | set_u32(h, body + 8);
	p.wire_len = set_u32(h, body + 16);
	p.options = slice_from(slice_of(body, m->record.raw.len - BLOCK_FRAME),
			       ENHANCED_FIXED + padded(f->bytes.len));
	return p;
}

/*
 *  0 interface | 4 time, high | 8 low | 12 captured length | 16 length on the wire | 20 bytes,
 * options
 */
int blocks_set_record(struct capture_set *set, struct set_member *m, struct capture_record *r)
{
	const struct frame *f = &m->record.frame;
	uint32_t id = m->ids[f->ifindex];
	struct fields p;
	struct making k;
	size_t bytes_at;

	*r = m->record;
	r->frame.ifindex = id;
	if (m->head.is_blocks && m->head.is_swapped == set->head.is_swapped && id == f->ifindex &&
	    set_u32(&m->head, r->raw.at) == BLOCK_ENHANCED)
		return 1; /* it is what it would become */
	p = read_fields(m);
	if (!making_begin(set, &m->head, BLOCK_ENHANCED,
			  ENHANCED_FIXED + padded(f->bytes.len) + p.options.len, &k))
		return -ENOMEM;
	making_u32(&k, id);
	making_u32(&k, (uint32_t)(p.ticks >> 32));
	making_u32(&k, (uint32_t)p.ticks);
	making_u32(&k, (uint32_t)f->bytes.len);
	making_u32(&k, p.wire_len);
	bytes_at = k.len;
	making_bytes(&k, f->bytes);
	making_list(&k, p.options, BLOCK_ENHANCED, false);
	making_end(&k, r);
	r->is_frame = true;
	r->frame.bytes = slice_of(k.at + bytes_at, f->bytes.len);
	return 1;
}

/* --- blocks that are no frames --- */

/*
 *  0 interface | 4 time | 12 options
 */
static bool copy_statistics(const struct set_member *m, struct slice body, struct making *k)
{
	uint32_t id;

	if (body.len < 12)
		return false;
	id = set_u32(k->from, body.at);
	if (id >= m->id_count)
		return false;
	making_u32(k, m->ids[id]);
	making_u32(k, set_u32(k->from, body.at + 4));
	making_u32(k, set_u32(k->from, body.at + 8));
	making_list(k, slice_from(body, 12), BLOCK_STATISTICS, false);
	return true;
}

/* Records up to an empty one, then options. */
static bool copy_names(const struct set_member *m, struct slice body, struct making *k)
{
	struct slice rest = making_list(k, body, BLOCK_NAMES, true);

	(void)m;
	if (rest.len > 0)
		making_list(k, rest, BLOCK_NAMES, false);
	return true;
}

/*
 *  0 kind | 4 length | 8 bytes, options
 */
static bool copy_secrets(const struct set_member *m, struct slice body, struct making *k)
{
	uint32_t len;

	(void)m;
	if (body.len < 8)
		return false;
	len = set_u32(k->from, body.at + 4);
	if (len > body.len - 8)
		return false;
	making_u32(k, set_u32(k->from, body.at));
	making_u32(k, len);
	making_bytes(k, slice_first(slice_from(body, 8), len));
	making_list(k, slice_from(body, 8 + padded(len)), BLOCK_SECRETS, false);
	return true;
}

static bool copy_journal(const struct set_member *m, struct slice body, struct making *k)
{
	(void)m;
	making_bytes(k, body);
	return true;
}

/*
 *  0 enterprise number | 4 anything
 */
static bool copy_custom(const struct set_member *m, struct slice body, struct making *k)
{
	(void)m;
	if (body.len < 4)
		return false;
	making_u32(k, set_u32(k->from, body.at));
	making_bytes(k, slice_from(body, 4));
	return true;
}

static const struct {
	uint32_t type;
	bool (*copy)(const struct set_member *m, struct slice body, struct making *k);
} others[] = {
	{BLOCK_STATISTICS, copy_statistics}, {BLOCK_NAMES, copy_names},
	{BLOCK_SECRETS, copy_secrets},	     {BLOCK_JOURNAL, copy_journal},
	{BLOCK_CUSTOM, copy_custom},
};

int blocks_set_other(struct capture_set *set, struct set_member *m, struct slice raw,
		     struct capture_record *r)
{
	struct slice body = slice_of(raw.at + BLOCK_HEAD, raw.len - BLOCK_FRAME);
	uint32_t type = set_u32(&m->head, raw.at);
	struct making k;

	if (type == BLOCK_SECTION) {
		set_read_head(&m->head, raw);
		m->id_count = 0;
		return 0;
	}
	if (type == BLOCK_INTERFACE)
		return copy_interface(set, m, body, r);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (others[i].type != type)
			continue;
		if (!making_begin(set, &m->head, type, body.len, &k))
			return -ENOMEM;
		if (others[i].copy(m, body, &k))
			return making_end(&k, r);
	}
	set->left_out++;
	return 0;
}
