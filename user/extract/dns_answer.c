/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the answer section of a DNS message. Every count and length is a claim: the walk
 * ends where the bytes do, and names are read by dpi/name.h, whose pointers only go backwards.
 *
 * Standards: RFC 1035 4.1.1 to 4.1.4; RFC 3596 2.2 (AAAA).
 */
#include "extract/dns_answer.h"

#include "dpi/name.h"

enum {
	HEAD_LEN = 12,
	QUESTION_TAIL = 4, /* type, class */
	RECORD_TAIL = 10,  /* type, class, time to live, length */
	RECORDS_MAX = 128,
	STEPS_MAX = 256 + 16 + 1,
	TYPE_A = 1,
	TYPE_AAAA = 28,
	CLASS_IN = 1,
	CLASS_FLUSH = 0x8000, /* mDNS: the cache-flush bit (RFC 6762 10.2) */
};

/* Reads the name at *at into *name (empty: the root, or no host's) and moves behind it. */
static bool read_name(struct slice m, size_t *at, struct name *name)
{
	struct dpi_qname q;
	uint8_t text[256];

	name->len = 0;
	dpi_qname_init(&q, (__u32)*at, (__u32)m.len);
	for (int i = 0; i < STEPS_MAX; i++)
		if (!dpi_qname_step(&q, m.at, 0xffff, text))
			break;
	if (q.state != DPI_QNAME_DONE)
		return false;
	*at = q.after;
	if (!q.is_odd)
		(void)name_set(name, slice_of(text, q.len));
	return true;
}

static void add_address(struct dns_answer *out, unsigned type, const uint8_t *at, uint32_t ttl_s)
{
	struct dpi_addr *a = &out->addr[out->count];
	__be32 v4;

	if (out->count == DNS_ANSWER_ADDRESSES_MAX)
		return;
	if (type == TYPE_A) {
		memcpy(&v4, at, sizeof(v4));
		dpi_addr_set4(a, v4);
	} else {
		memcpy(a->b, at, sizeof(a->b));
	}
	if (!out->count || ttl_s < out->ttl_s)
		out->ttl_s = ttl_s;
	out->count++;
}

/* Reads the record at *at and moves behind it. False: the bytes end, or are no record. */
static bool read_record(struct slice m, size_t *at, struct dns_answer *out)
{
	struct name owner;
	struct slice tail;
	unsigned type, class, len;

	if (!read_name(m, at, &owner))
		return false;
	tail = slice_from(m, *at);
	if (tail.len < RECORD_TAIL)
		return false;
	type = dpi_get16(tail.at);
	class = dpi_get16(tail.at + 2);
	len = dpi_get16(tail.at + 8);
	if (tail.len - RECORD_TAIL < len)
		return false;
	*at += RECORD_TAIL + len;
	if ((class & ~(unsigned)CLASS_FLUSH) != CLASS_IN ||
	    !((type == TYPE_A && len == 4) || (type == TYPE_AAAA && len == 16)))
		return true;
	if (!out->name.len)
		out->name = owner;
	add_address(out, type, tail.at + RECORD_TAIL, dpi_get32(tail.at + 4));
	return true;
}

bool dns_answer_read(struct slice m, struct dns_answer *out)
{
	unsigned questions, records;
	size_t at = HEAD_LEN;

	m = slice_first(m, 65535);
	if (m.len < HEAD_LEN || !(m.at[2] & 0x80) || (m.at[2] & 0x78) || (m.at[3] & 15))
		return false;
	questions = dpi_get16(m.at + 4);
	records = dpi_get16(m.at + 6);
	out->count = 0;
	out->ttl_s = 0;
	out->name.len = 0;
	if (questions > 1 || !records)
		return false;
	if (questions && (!read_name(m, &at, &out->name) || !out->name.len))
		return false;
	at += questions ? QUESTION_TAIL : 0;
	for (unsigned i = 0; i < records && i < RECORDS_MAX; i++)
		if (!read_record(m, &at, out))
			break;
	return out->count && out->name.len;
}
