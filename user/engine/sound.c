/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's doubt: would the receiver take this segment? Decoys are made so that an
 * inspector reads them and the receiver does not: with a false checksum, an acknowledgement of what
 * was never sent, an old timestamp, an MD5 signature, flags out of place, a short life, another's
 * hardware address. Little of that is certain from here (checksums are unfinished on the sending
 * host, paths change), so it must never make a segment go unread: it only opens further readings
 * without the doubtful ones (lane.c).
 *
 * Standards: RFC 9293 3.10.7.4 (acknowledgements, SYN, RST), 3.1 (checksum); RFC 791 3.1 (header
 * checksum, source routes); RFC 7323 3.2, 5 (timestamps); RFC 2385 (MD5).
 */
#include "engine/road.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_STAMP = 8,
	OPTION_STAMP_LEN = 10,
	OPTION_MD5 = 19,
	PADDED_STAMP = OPTION_NOP << 24 | OPTION_NOP << 16 | OPTION_STAMP << 8 | OPTION_STAMP_LEN,
	PADDED_STAMP_LEN = 2 + OPTION_STAMP_LEN,
	IP_OPTION_LOOSE_ROUTE = 0x83,
	IP_OPTION_STRICT_ROUTE = 0x89,
	IP4_LEN = 20,
	IP4_CHECKSUM = 10,
	TCP_LEN = 20,
	TCP_CHECKSUM = 16,
	HARDWARE_LEN = 6,
};

/* Of struct flow's finished: of end i, shifted by i. */
enum { FINISHED_TCP = 1, FINISHED_IP = 4, HAS_STAMP = 16 };

/* Adds words in ones' complement: what is carried out comes in again (RFC 1071 2). */
static inline uint64_t add(uint64_t total, uint64_t more)
{
	total += more;
	return total + (total < more);
}

static inline uint64_t word_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* The ones' complement sum of bytes in host order, not folded (RFC 1071 2); in two sums for long,
 * which need not wait for each other. */
static uint64_t sum(uint64_t total, const uint8_t *at, size_t len)
{
	uint64_t other = 0;
	uint32_t four = 0;
	uint16_t two = 0, last = 0;

	for (; len >= 32; at += 32, len -= 32) {
		total = add(add(total, word_at(at)), word_at(at + 8));
		other = add(add(other, word_at(at + 16)), word_at(at + 24));
	}
	for (; len >= 8; at += 8, len -= 8)
		total = add(total, word_at(at));
	if (len & 4)
		memcpy(&four, at, 4);
	if (len & 2)
		memcpy(&two, at + (len & 4), 2);
	if (len & 1)
		memcpy(&last, at + len - 1, 1);
	return add(add(total, other), (uint64_t)four + two + last);
}

/* Without a branch: how often it takes differs from sum to sum. */
static uint16_t fold(uint64_t total)
{
	total = (total & 0xffffffff) + (total >> 32);
	total = (total & 0xffff) + (total >> 16);
	total = (total & 0xffff) + (total >> 16);
	return (uint16_t)((total & 0xffff) + (total >> 16));
}

/* Of an IPv4 header, which has nearly always its least length. */
static uint64_t sum_ip(const uint8_t *at, size_t len)
{
	uint64_t total = add(word_at(at), word_at(at + 8));
	uint32_t last;

	memcpy(&last, at + 16, sizeof(last));
	total = add(total, last);
	return len > IP4_LEN ? sum(total, at + IP4_LEN, len - IP4_LEN) : total;
}

/* The sum over the pseudo-header: addresses, protocol, length (RFC 9293 3.1, RFC 8200 8.1). */
static uint64_t sum_ends(const struct packet *p, uint32_t len)
{
	const struct dpi_key *k = &p->head.key;
	uint64_t total = dpi_be16(DPI_IP_TCP);

	total += dpi_be16((uint16_t)len) + dpi_be16((uint16_t)(len >> 16));
	if (p->head.ip_version == 4)
		return total + k->addr[0].w[3] + k->addr[1].w[3];
	for (int end = 0; end < 2; end++)
		total = add(add(total, k->addr[end].d[0]), k->addr[end].d[1]);
	return total;
}

/* An end that has once finished a checksum does not leave one for its network card to finish. */
static bool is_finished(struct flow *f, unsigned bit, bool is_right, bool is_open)
{
	if (is_right)
		f->finished |= (uint8_t)bit;
	return is_right || (is_open && !(f->finished & bit));
}

/* TCP's checksum is right, or the pseudo-header's alone. */
static bool has_checksum(struct flow *f, const struct packet *p)
{
	uint32_t len = p->head.payload_off + p->head.payload_len - p->head.l4_off;
	const uint8_t *at = p->bytes.at + p->head.l4_off;
	uint64_t ends = sum_ends(p, len);
	uint16_t check;

	if (p->is_cut || len > p->bytes.len - p->head.l4_off)
		return true;
	memcpy(&check, at + TCP_CHECKSUM, sizeof(check));
	return is_finished(f, FINISHED_TCP << p->head.dir, fold(sum(ends, at, len)) == 0xffff,
			   check == fold(ends));
}

/* The bytes are the frame's own, and not a datagram put together. */
static bool is_frame(const struct packet *p)
{
	return p->bytes.at == p->frame->bytes.at;
}

/* The IPv4 header's checksum is right, or empty; and no source route, which hosts refuse. */
static bool has_good_ip(struct flow *f, const struct packet *p)
{
	const uint8_t *at = p->bytes.at + p->head.l3_off;
	size_t len, i = IP4_LEN;

	if (p->head.ip_version != 4)
		return true;
	len = (size_t)(at[0] & 15) * 4;
	while (i < len && at[i] != OPTION_END) {
		size_t step = at[i] == OPTION_NOP ? 1 : i + 1 < len ? at[i + 1] : 0;

		if (at[i] == IP_OPTION_LOOSE_ROUTE || at[i] == IP_OPTION_STRICT_ROUTE)
			return false;
		if (!step)
			break;
		i += step;
	}
	return !is_frame(p) ||
	       is_finished(f, FINISHED_IP << p->head.dir, fold(sum_ip(at, len)) == 0xffff,
			   !at[IP4_CHECKSUM] && !at[IP4_CHECKSUM + 1]);
}

static bool has_stamp(const struct flow *f, int end)
{
	return f->finished & (HAS_STAMP << end);
}

/* Timestamps count where the SYN had one; where no SYN was seen, from the first on. */
static bool is_stamped(const struct flow *f, int end)
{
	return has_stamp(f, end) || !(f->tcp_flags[end] & DPI_TCP_SYN);
}

/* Looks through the options. Returns false for one that the receiver would refuse. */
static bool has_good_options(struct flow *f, const struct packet *p, bool is_next)
{
	struct slice options = slice_first(slice_from(p->bytes, p->head.l4_off + TCP_LEN),
					   p->head.payload_off - p->head.l4_off - TCP_LEN);
	const uint8_t *at = options.at;
	size_t left = options.len; /* what the snap length left of them */
	int end = p->head.dir;

	/* As most have it (RFC 7323 A): stepped over at once. */
	if (left >= PADDED_STAMP_LEN && dpi_get32(at) == PADDED_STAMP) {
		at += 2;
		left -= 2;
	}
	while (left && at[0] != OPTION_END) {
		size_t len = at[0] == OPTION_NOP ? 1 : left > 1 ? at[1] : 0;

		if (!len || len > left || at[0] == OPTION_MD5)
			return at[0] != OPTION_MD5;
		if (at[0] == OPTION_STAMP && len == OPTION_STAMP_LEN) {
			uint32_t stamp = dpi_get32(at + 2);

			if (has_stamp(f, end) && (int32_t)(stamp - f->stamp[end]) < 0)
				return false;
			if (is_next && ((p->head.tcp_flags & DPI_TCP_SYN) || is_stamped(f, end))) {
				f->stamp[end] = stamp;
				f->finished |= (uint8_t)(HAS_STAMP << end);
			}
		}
		at += len;
		left -= len;
	}
	return true;
}

/* No RST; no SYN but that with which the connection began. */
static bool has_good_flags(const struct flow *f, const struct packet *p)
{
	int end = p->head.dir;

	if (p->head.tcp_flags & DPI_TCP_RST)
		return false;
	return !(p->head.tcp_flags & DPI_TCP_SYN) || !(f->isn_known & (16 << end)) ||
	       f->isn[end] == p->head.seq;
}

/* Acknowledges something, and nothing that the other end cannot have sent. */
static bool has_good_ack(const struct flow *f, const struct packet *p)
{
	int other = !p->head.dir;
	const struct flow_side *side = f->side[other];
	const struct stream *s = side ? side->lane[0].stream : NULL;

	if (!(p->head.tcp_flags & DPI_TCP_ACK))
		return p->head.tcp_flags & DPI_TCP_SYN;
	if (!(f->isn_known & (1 << other)))
		return true;
	if ((int32_t)(p->head.ack - (f->isn[other] + 1)) < 0)
		return false;
	if (side && (side->is_done || (s && stream_is_over(s))))
		return true;
	/* A FIN takes a number as well. */
	return (int32_t)(p->head.ack - (s ? stream_next_seq(s) : f->isn[other] + 1)) <=
	       (f->tcp_flags[other] & DPI_TCP_FIN ? 1 : 0);
}

/* Goes where the others of its end went. */
static bool has_good_hop(const struct flow *f, const struct packet *p)
{
	return p->frame->link != LINK_ETHERNET || p->tunnel || !is_frame(p) ||
	       memcmp(f->next_hop[p->head.dir], p->bytes.at, HARDWARE_LEN) == 0;
}

void sound_note(struct flow *f, const struct packet *p)
{
	int end = p->head.dir;

	if (!f->ttl[end] && p->frame->link == LINK_ETHERNET && !p->tunnel && is_frame(p))
		memcpy(f->next_hop[end], p->bytes.at, HARDWARE_LEN);
	if (f->ttl[end] < p->ttl)
		f->ttl[end] = p->ttl;
	/* The first timestamp is the SYN's. */
	if ((p->head.tcp_flags & DPI_TCP_SYN) && !has_stamp(f, end) && has_checksum(f, p))
		(void)has_good_options(f, p, true);
}

/* Decoys that are to die on the way live far shorter than the others; whoever sends them knows how
 * far the way is, and this end does not. */
static bool may_be_short_lived(const struct flow *f, const struct packet *p)
{
	return p->ttl < f->ttl[p->head.dir] / 4;
}

unsigned sound_doubts(struct flow *f, const struct packet *p, bool is_next)
{
	unsigned doubts = may_be_short_lived(f, p) ? SOUND_FAR : 0;

	/* The one that remembers comes last. */
	if (!has_good_flags(f, p) || !has_good_ack(f, p) || !has_good_hop(f, p) ||
	    !has_good_ip(f, p) || !has_checksum(f, p) || !has_good_options(f, p, is_next))
		doubts |= SOUND_REFUSED;
	return doubts;
}

bool sound_handshake(struct flow *f, const struct packet *p)
{
	return has_checksum(f, p);
}
