/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames into a pcap file: RFC 791 and 8200, 9293, 768, IEEE 802.1Q. A frame is built where it is
 * written from, so a frame of any size costs one pass for its checksum and one for its noise.
 */
#include "gen_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BUFFER = 1 << 20,
	FRAME_MAX = 1 << 14, /* a record with everything */
	RECORD = 16,
	ETHER = 14,
	TCP_HEAD = 20,
	UDP_HEAD = 8,
	TCP = 6,
	UDP = 17
};

static void flush(struct gen_wire *w)
{
	size_t at = 0;

	while (at < w->used && !w->err) {
		ssize_t n = write(w->fd, w->buffer + at, w->used - at);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EINTR)
			w->err = errno;
	}
	w->used = 0;
}

int gen_wire_open(struct gen_wire *w, const char *path, uint64_t seed, bool is_ns)
{
	const uint32_t head[6] = {is_ns ? 0xa1b23c4d : 0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};

	memset(w, 0, sizeof(*w));
	w->time_ns = 1700000000000000000ULL;
	w->gap_ns = 21000;
	w->is_ns = is_ns;
	w->buffer = malloc(BUFFER + FRAME_MAX);
	if (!chance_init(&w->chance, seed) || !w->buffer)
		return ENOMEM;
	w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (w->fd < 0)
		return errno;
	memcpy(w->buffer, head, sizeof(head));
	w->used = sizeof(head);
	return 0;
}

int gen_wire_close(struct gen_wire *w)
{
	flush(w);
	if (close(w->fd) && !w->err)
		w->err = errno;
	free(w->buffer);
	chance_clear(&w->chance);
	return w->err;
}

static size_t ip_at(const struct gen_ends *e)
{
	return RECORD + ETHER + (e->is_vlan ? 4 : 0);
}

static size_t l4_at(const struct gen_ends *e)
{
	return ip_at(e) + (e->is_v6 ? 40 : 20);
}

static void put_ether(const struct gen_ends *e, uint8_t *at, bool is_reply)
{
	static const uint8_t inner[6] = {2, 0, 0, 0, 0, 2}, outer[6] = {2, 0, 0, 0, 0, 1};

	memcpy(at, is_reply ? inner : outer, 6);
	memcpy(at + 6, is_reply ? outer : inner, 6);
	at += 12;
	if (e->is_vlan) {
		bytes_put16(at, 0x8100);
		bytes_put16(at + 2, 100);
		at += 4;
	}
	bytes_put16(at, e->is_v6 ? 0x86dd : 0x0800);
}

/* Puts the IP head. Returns the sum of the pseudo header. */
static uint64_t put_ip(const struct gen_ends *e, uint8_t *at, bool is_reply, uint8_t proto,
		       size_t len)
{
	const uint8_t *from = is_reply ? e->dst : e->src, *to = is_reply ? e->src : e->dst;
	const uint8_t ttl = is_reply ? 57 : 64;
	size_t alen = e->is_v6 ? 16 : 4;
	uint8_t pseudo[4] = {0, proto};

	bytes_put16(pseudo + 2, len);
	memset(at, 0, e->is_v6 ? 40 : 20);
	if (e->is_v6) {
		at[0] = 0x60;
		bytes_put16(at + 4, len);
		at[6] = proto;
		at[7] = ttl;
		memcpy(at + 8, from, 16);
		memcpy(at + 24, to, 16);
	} else {
		at[0] = 0x45;
		bytes_put16(at + 2, 20 + len);
		at[6] = 0x40; /* not to be fragmented, so it needs no identification (RFC 6864) */
		at[8] = ttl;
		at[9] = proto;
		memcpy(at + 12, from, 4);
		memcpy(at + 16, to, 4);
		bytes_put_check(at + 10, bytes_sum(0, at, 20));
	}
	return bytes_sum(bytes_sum(bytes_sum(0, pseudo, 4), from, alen), to, alen);
}

/* Puts all but the transport head, which must stand there with a checksum of 0, and sends. */
static void finish(struct gen_wire *w, const struct gen_ends *e, bool is_reply, uint8_t proto,
		   size_t len, size_t check_at)
{
	uint8_t *record = w->buffer + w->used, *l4 = record + l4_at(e);
	size_t frame_len = l4_at(e) - RECORD + len;
	uint32_t head[4];

	put_ether(e, record + RECORD, is_reply);
	bytes_put_check(l4 + check_at,
			bytes_sum(put_ip(e, record + ip_at(e), is_reply, proto, len), l4, len));
	if (proto == UDP && !l4[check_at] && !l4[check_at + 1])
		memset(l4 + check_at, 0xff, 2); /* 0 would say: no checksum (RFC 768) */
	w->time_ns += 1000 + chance_draw(&w->chance) % (2 * (uint64_t)w->gap_ns - 1999);
	head[0] = (uint32_t)(w->time_ns / 1000000000);
	head[1] = (uint32_t)(w->time_ns % 1000000000) / (w->is_ns ? 1 : 1000);
	head[2] = (uint32_t)frame_len;
	head[3] = (uint32_t)frame_len;
	memcpy(record, head, RECORD);
	w->frames++;
	w->used += RECORD + frame_len;
	if (w->used >= BUFFER)
		flush(w);
}

static void put_ports(const struct gen_ends *e, uint8_t *l4, bool is_reply)
{
	bytes_put16(l4, is_reply ? e->dport : e->sport);
	bytes_put16(l4 + 2, is_reply ? e->sport : e->dport);
}

uint8_t *gen_tcp_payload(struct gen_wire *w, const struct gen_ends *e, const struct gen_tcp *t)
{
	return w->buffer + w->used + l4_at(e) + TCP_HEAD + t->options_len;
}

uint8_t *gen_udp_payload(struct gen_wire *w, const struct gen_ends *e)
{
	return w->buffer + w->used + l4_at(e) + UDP_HEAD;
}

void gen_tcp_send(struct gen_wire *w, const struct gen_ends *e, bool is_reply,
		  const struct gen_tcp *t, size_t len)
{
	uint8_t *l4 = w->buffer + w->used + l4_at(e);

	put_ports(e, l4, is_reply);
	bytes_put32(l4 + 4, t->seq);
	bytes_put32(l4 + 8, t->flags & GEN_ACK ? t->ack : 0);
	l4[12] = (uint8_t)((TCP_HEAD + t->options_len) / 4 << 4);
	l4[13] = t->flags;
	bytes_put16(l4 + 14, 64240);
	bytes_put32(l4 + 16, 0);
	memcpy(l4 + TCP_HEAD, t->options, t->options_len);
	finish(w, e, is_reply, TCP, TCP_HEAD + t->options_len + len, 16);
}

void gen_udp_send(struct gen_wire *w, const struct gen_ends *e, bool is_reply, size_t len)
{
	uint8_t *l4 = w->buffer + w->used + l4_at(e);

	put_ports(e, l4, is_reply);
	bytes_put16(l4 + 4, UDP_HEAD + len);
	bytes_put16(l4 + 6, 0);
	finish(w, e, is_reply, UDP, UDP_HEAD + len, 6);
}
