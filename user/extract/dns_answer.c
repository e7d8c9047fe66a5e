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
	JUMPS_MAX = 16, /* compression pointers in a name */
	TYPE_A = 1,
	TYPE_AAAA = 28,
	CLASS_IN = 1,
	CLASS_FLUSH = 0x8000, /* mDNS: the cache-flush bit (RFC 6762 10.2) */
};

/* Bytes of host names; a capital letter also says which bit makes it small. */
enum { HOST = 1, CAPITAL = 0x20 };

static const uint8_t kinds[256] = {
	['0' ... '9'] = HOST, ['a' ... 'z'] = HOST, ['A' ... 'Z'] = HOST | CAPITAL,
	['-'] = HOST,	      ['_'] = HOST,
};

/* Writes a label in small letters. False when it has a byte that no host name has. */
static bool write_label(char *out, const uint8_t *at, size_t len)
{
	uint8_t all = HOST;

	for (size_t i = 0; i < len; i++) {
		uint8_t kind = kinds[at[i]];

		out[i] = (char)(at[i] | (kind & CAPITAL));
		all &= kind;
	}
	return all;
}

/* Where the compression pointer before *pos leads: only backwards, past the header, and each time
 * further back than *floor, so that it must end. False when it may not. */
static bool follow(struct slice m, size_t *pos, size_t *floor)
{
	size_t to;

	if (*pos >= m.len)
		return false;
	to = (size_t)(m.at[*pos - 1] & 63) << 8 | m.at[*pos];
	if (to < HEAD_LEN || to >= *floor)
		return false;
	*pos = *floor = to;
	return true;
}

/* Reads the name at *at into *name (empty: the root, or no host's; NULL: it need only be one) and
 * moves behind it. What is a name here is one to dpi_qname_step(), which reads byte by byte. */
static bool read_name(struct slice m, size_t *at, struct name *name)
{
	size_t pos = *at, floor = *at, after = 0, len = 0;
	unsigned jumps = 0;
	bool is_host = true;

	for (;;) {
		uint8_t c;

		if (pos >= m.len)
			return false;
		c = m.at[pos++];
		if (!c)
			break;
		if (c >= 64) {
			if (!after)
				after = pos + 1;
			if (c < 192 || ++jumps > JUMPS_MAX || !follow(m, &pos, &floor))
				return false;
			continue;
		}
		len += len ? 1 : 0;
		if (len > NAME_MAX_LEN || c > NAME_MAX_LEN - len || c > m.len - pos)
			return false;
		if (name && len)
			name->text[len - 1] = '.';
		if (name)
			is_host &= write_label(name->text + len, m.at + pos, c);
		len += c;
		pos += c;
	}
	*at = after ? after : pos;
	if (name) {
		name->len = is_host ? (uint8_t)len : 0;
		name->text[name->len] = '\0';
	}
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

	/* As a rule, the owner is a pointer to the question, which has been read. */
	if (out->name.len && *at > HEAD_LEN && *at + 2 <= m.len && m.at[*at] == 0xc0 &&
	    m.at[*at + 1] == HEAD_LEN)
		*at += 2;
	else if (!read_name(m, at, out->name.len ? NULL : &owner))
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
