/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The bytes of one fragmented datagram, for defrag.c. Room: packet. It must never hold a byte that
 * no piece brought to that place, nor write past what it holds, whatever offsets the wire names.
 *
 * Standards: RFC 791 3.2, RFC 8200 4.5, RFC 1071 (the checksum of the header made anew).
 */
#include "packet/pieces.h"

#include "packet/link.h"

enum {
	IP4_LEAST = 20,
	IP4_TOTAL = 2,
	IP4_FRAGMENT = 6,
	IP4_CHECK = 10,
	IP6_LEN = 40,
	IP6_PAYLOAD = 4,
	IP6_NEXT = 6,
	EXTENSION_LEAST = 8,
	NEXT_FRAGMENT = 44,
	NEXT_AUTHENTICATION = 51,
	MORE_AND_OFFSET = 0xfff9, /* of an IPv6 fragment header; 0: it is whole by itself */
};

static bool read4(struct slice ip, struct piece *out)
{
	size_t head, total;

	if (ip.len < IP4_LEAST)
		return false;
	head = (size_t)(ip.at[0] & 15) * 4;
	total = dpi_get16(ip.at + IP4_TOTAL);
	if (head < IP4_LEAST || head > ip.len || total < head)
		return false;
	out->head = slice_first(ip, head);
	out->data = slice_first(slice_from(ip, head), total - head);
	out->is_cut = out->data.len < total - head;
	return true;
}

/* Walks to the fragment header, as dpi_parse_ip6 did. */
static bool read6(struct slice ip, struct piece *out)
{
	size_t at = IP6_LEN, next_off = IP6_NEXT, end;

	if (ip.len < IP6_LEN)
		return false;
	end = IP6_LEN + (size_t)dpi_get16(ip.at + IP6_PAYLOAD);
	for (int i = 0; i < DPI_EXTENSIONS_MAX; i++) {
		uint8_t next = ip.at[next_off];
		size_t size;

		if (at + EXTENSION_LEAST > ip.len || at + EXTENSION_LEAST > end)
			return false;
		if (next == NEXT_FRAGMENT && dpi_get16(ip.at + at + 2) & MORE_AND_OFFSET) {
			out->head = slice_first(ip, at);
			out->next_off = (uint16_t)next_off;
			out->next = ip.at[at];
			at += EXTENSION_LEAST;
			out->data = slice_first(slice_from(ip, at), end - at);
			out->is_cut = out->data.len < end - at;
			return true;
		}
		size = next == NEXT_FRAGMENT	     ? EXTENSION_LEAST
		       : next == NEXT_AUTHENTICATION ? ((size_t)ip.at[at + 1] + 2) * 4
						     : ((size_t)ip.at[at + 1] + 1) * 8;
		next_off = at;
		at += size;
	}
	return false;
}

bool piece_read(const struct packet *p, struct piece *out)
{
	struct slice ip = slice_from(p->bytes, p->head.l3_off);

	*out = (struct piece){
		.off = p->head.frag_off,
		.has_more = p->head.has_more,
		.version = p->head.ip_version,
	};
	if (!out->off && !out->has_more)
		return false;
	return out->version == 4 ? read4(ip, out) : read6(ip, out);
}

void pieces_clear(struct pieces *v)
{
	v->run_count = 0;
	v->has_total = false;
	v->total = 0;
}

void pieces_copy(struct pieces *to, const struct pieces *from)
{
	size_t len = from->run_count ? from->run[from->run_count - 1].to : 0;

	to->total = from->total;
	to->has_total = from->has_total;
	to->run_count = from->run_count;
	memcpy(to->run, from->run, sizeof(to->run));
	memcpy(to->bytes + PIECES_HEAD_MAX, from->bytes + PIECES_HEAD_MAX, len);
}

enum pieces_meeting pieces_meet(const struct pieces *v, const struct piece *p)
{
	uint32_t from = p->off, to = from + (uint32_t)p->data.len;
	uint32_t reach = v->run_count ? v->run[v->run_count - 1].to : 0;

	if (v->has_total && (to > v->total || (!p->has_more && to != v->total)))
		return PIECES_CONTRADICT;
	if (!p->has_more && reach > to)
		return PIECES_CONTRADICT;
	for (int i = 0; i < v->run_count; i++) {
		const struct pieces_run *r = &v->run[i];

		if (r->to <= from || r->from >= to)
			continue;
		if (r->from <= from && r->to >= to &&
		    memcmp(v->bytes + PIECES_HEAD_MAX + from, p->data.at, p->data.len) == 0)
			return PIECES_REPEAT;
		return PIECES_CONTRADICT;
	}
	return PIECES_APART;
}

/* Writes what no run covers. */
static void fill(struct pieces *v, const struct piece *p)
{
	uint32_t at = p->off, to = at + (uint32_t)p->data.len;
	uint8_t *bytes = v->bytes + PIECES_HEAD_MAX;

	for (int i = 0; i < v->run_count && at < to; i++) {
		const struct pieces_run *r = &v->run[i];
		uint32_t until = r->from < to ? r->from : to;

		if (until > at)
			memcpy(bytes + at, p->data.at + (at - p->off), until - at);
		if (r->to > at)
			at = r->to;
	}
	if (at < to)
		memcpy(bytes + at, p->data.at + (at - p->off), to - at);
}

/* Makes from..to part of the runs: those it touches become one with it. */
static bool cover(struct pieces *v, uint32_t from, uint32_t to)
{
	int first = 0, past;

	while (first < v->run_count && v->run[first].to < from)
		first++;
	for (past = first; past < v->run_count && v->run[past].from <= to; past++) {
		if (v->run[past].from < from)
			from = v->run[past].from;
		if (v->run[past].to > to)
			to = v->run[past].to;
	}
	if (first == past && v->run_count == PIECES_RUNS)
		return false;
	memmove(&v->run[first + 1], &v->run[past],
		(size_t)(v->run_count - past) * sizeof(v->run[0]));
	v->run_count = (uint8_t)(v->run_count + 1 - (past - first));
	v->run[first] = (struct pieces_run){from, to};
	return true;
}

bool pieces_put(struct pieces *v, const struct piece *p, bool is_last_right)
{
	uint32_t to = p->off + (uint32_t)p->data.len;

	if (is_last_right)
		memcpy(v->bytes + PIECES_HEAD_MAX + p->off, p->data.at, p->data.len);
	else
		fill(v, p);
	/* What was written where no run is counts for nothing. */
	if (!cover(v, p->off, to))
		return false;
	if (!p->has_more && (is_last_right || !v->has_total)) {
		v->total = to;
		v->has_total = true;
	}
	return true;
}

bool pieces_is_whole(const struct pieces *v)
{
	return v->has_total && v->run_count && v->run[0].from == 0 && v->run[0].to >= v->total;
}

static void put16(uint8_t *at, size_t n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

/* The sum of 16-bit words, carries added back in; len up to 64 KiB. */
static uint32_t add_words(uint32_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += dpi_get16(at + i);
	if (len & 1)
		sum += (uint32_t)at[len - 1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static void set_checksum(uint8_t *ip, size_t len)
{
	put16(ip + IP4_CHECK, 0);
	put16(ip + IP4_CHECK, ~add_words(0, ip, len) & 0xffff);
}

bool datagram_is_sound(struct slice datagram)
{
	struct dpi_cursor c = {.pos = datagram.at, .end = datagram.at + datagram.len};
	uint32_t len, sum, wire_len = (uint32_t)datagram.len;
	struct dpi_packet p = {0};
	const uint8_t *l4;

	if (link_parse(&c, LINK_RAW_IP, wire_len, &p) != DPI_PARSE_OK)
		return false;
	l4 = datagram.at + p.l4_off;
	if (p.key.proto == DPI_IP_UDP && l4[6] == 0 && l4[7] == 0)
		return true;
	if (p.key.proto != DPI_IP_UDP && p.key.proto != DPI_IP_TCP)
		return false;
	len = p.payload_off + p.payload_len - p.l4_off;
	/* What the mapped form of an IPv4 address has in front, ffff, adds nothing. */
	sum = add_words(len + p.key.proto, p.key.addr[0].b, sizeof(p.key.addr));
	return add_words(sum, l4, len) == 0xffff;
}

struct slice pieces_join(struct pieces *v, const struct piece *first)
{
	size_t head = first->head.len, len = head + v->total;
	uint8_t *ip = v->bytes + PIECES_HEAD_MAX - head;

	if (len - (first->version == 4 ? 0 : IP6_LEN) > PIECES_BYTES)
		return slice_of(v->bytes, 0);
	memcpy(ip, first->head.at, head);
	if (first->version == 4) {
		put16(ip + IP4_TOTAL, len);
		put16(ip + IP4_FRAGMENT, 0);
		set_checksum(ip, head);
	} else {
		put16(ip + IP6_PAYLOAD, len - IP6_LEN);
		ip[first->next_off] = first->next;
	}
	return slice_of(ip, len);
}
