/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * ClientHello and ServerHello. One row an extension: what is always the same stands in the row, the
 * rest is written by a function. Room: selftest.
 */
#include "selftest/make_hello.h"

#include <string.h>

enum {
	X25519 = 0x001d,
	X25519MLKEM768 = 0x11ec,
	SHARE = 32,
	CLIENT_SHARE_PQ = 1216,
	SERVER_SHARE_PQ = 1120,
	RECORD_HEAD = 5,
	HANDSHAKE_HEAD = 4
};
enum { TLS = 1, QUIC = 2, BOTH = 3 };

struct hello {
	struct chance *c;
	struct made_message *m;
	const struct make_hello_kind *kind;
	const char *name;
	uint16_t grease;
};

/* All of these append to m->bytes. */
static void put(struct made_message *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

static void put_number(struct made_message *m, size_t v)
{
	bytes_put16(m->bytes + m->len, v);
	m->len += 2;
}

static void put_noise(struct hello *h, size_t len)
{
	chance_noise(h->c, h->m->bytes + h->m->len, len);
	h->m->len += len;
}

static void put_sni(struct hello *h) /* RFC 6066 3 */
{
	size_t n = strlen(h->name);

	put_number(h->m, n + 3);
	put(h->m, "\0", 1);
	put_number(h->m, n);
	put(h->m, h->name, n);
	h->m->name_end = h->m->len;
}

static void put_groups(struct hello *h)
{
	put_number(h->m, h->kind->is_pq ? 10 : 8);
	put_number(h->m, h->grease);
	if (h->kind->is_pq)
		put_number(h->m, X25519MLKEM768);
	put(h->m, "\x00\x1d\x00\x17\x00\x18", 6);
}

static void put_shares(struct hello *h)
{
	put_number(h->m, 5 + (h->kind->is_pq ? 4 + CLIENT_SHARE_PQ : 0) + 4 + SHARE);
	put_number(h->m, h->grease);
	put(h->m, "\x00\x01\x00", 3);
	if (h->kind->is_pq) {
		put_number(h->m, X25519MLKEM768);
		put_number(h->m, CLIENT_SHARE_PQ);
		put_noise(h, CLIENT_SHARE_PQ);
	}
	put_number(h->m, X25519);
	put_number(h->m, SHARE);
	put_noise(h, SHARE);
}

static void put_versions(struct hello *h)
{
	put(h->m, h->kind->is_quic ? "\x04" : "\x06", 1);
	put_number(h->m, h->grease);
	put(h->m, "\x03\x04\x03\x03", h->kind->is_quic ? 2 : 4);
}

static void put_alpn(struct hello *h)
{
	static const char tls[] = "\x00\x0c\x02h2\x08http/1.1", quic[] = "\x00\x03\x02h3";

	if (h->kind->is_quic)
		put(h->m, quic, sizeof(quic) - 1);
	else
		put(h->m, tls, sizeof(tls) - 1);
}

/* ECH as browsers send it to servers that have none: it means nothing. */
static void put_ech(struct hello *h)
{
	put(h->m, "\x00\x00\x01\x00\x01", 5);
	put_noise(h, 1);
	put_number(h->m, 32);
	put_noise(h, 32);
	put_number(h->m, 144);
	put_noise(h, 144);
}

#define FIXED(text) text, sizeof(text) - 1

static const struct extension {
	uint16_t type;
	uint8_t where;
	const char *bytes; /* what it says, unless a function does */
	size_t len;
	void (*put)(struct hello *h);
} extensions[] = {
	{0x0000, BOTH, NULL, 0, put_sni},
	{0x0017, TLS, FIXED(""), NULL},
	{0xff01, TLS, FIXED("\x00"), NULL},
	{0x000a, BOTH, NULL, 0, put_groups},
	{0x000b, TLS, FIXED("\x01\x00"), NULL},
	{0x0023, TLS, FIXED(""), NULL},
	{0x0010, BOTH, NULL, 0, put_alpn},
	{0x0005, TLS, FIXED("\x01\x00\x00\x00\x00"), NULL},
	{0x000d, BOTH,
	 FIXED("\x00\x10\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01\x08\x06\x06\x01"), NULL},
	{0x0012, TLS, FIXED(""), NULL},
	{0x0033, BOTH, NULL, 0, put_shares},
	{0x002d, BOTH, FIXED("\x01\x01"), NULL},
	{0x002b, BOTH, NULL, 0, put_versions},
	{0x001b, BOTH, FIXED("\x02\x00\x02"), NULL},
	{0xfe0d, BOTH, NULL, 0, put_ech},
	{0x0039, QUIC, /* transport parameters: RFC 9000 18.2 */
	 FIXED("\x01\x04\x80\x00\x75\x30\x03\x02\x45\xc0\x04\x04\x80\xf0\x00\x00"
	       "\x05\x04\x80\x60\x00\x00\x06\x04\x80\x60\x00\x00\x07\x04\x80\x60\x00\x00"
	       "\x08\x02\x40\x64\x09\x02\x40\x67\x0f\x00"),
	 NULL},
};
enum { EXTENSIONS = sizeof(extensions) / sizeof(extensions[0]) };

static void put_extension(struct hello *h, const struct extension *e)
{
	size_t at;

	if (!(e->where & (h->kind->is_quic ? QUIC : TLS)))
		return;
	put_number(h->m, e->type);
	at = h->m->len;
	h->m->len += 2;
	if (e->put)
		e->put(h);
	else
		put(h->m, e->bytes, e->len);
	bytes_put16(h->m->bytes + at, h->m->len - at - 2);
}

/* Chrome shuffles, so three of four do. */
static void put_extensions(struct hello *h)
{
	uint8_t order[EXTENSIONS];
	size_t at = h->m->len;
	bool is_shuffled = chance_percent(h->c, 75);

	h->m->len += 2;
	put_number(h->m, h->grease);
	put_number(h->m, 0);
	for (size_t i = 0; i < EXTENSIONS; i++)
		order[i] = (uint8_t)i;
	for (size_t i = EXTENSIONS - 1; is_shuffled && i > 0; i--) {
		size_t other = chance_draw(h->c) % (i + 1);
		uint8_t kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	for (size_t i = 0; i < EXTENSIONS; i++)
		put_extension(h, &extensions[order[i]]);
	put_number(h->m, h->grease ^ 0x1010);
	put(h->m, "\x00\x01\x00", 3);
	bytes_put16(h->m->bytes + at, h->m->len - at - 2);
}

static void put_ciphers(struct hello *h)
{
	static const char common[] = "\x13\x01\x13\x02\x13\x03";
	static const char older[] =
		"\xc0\x2b\xc0\x2f\xc0\x2c\xc0\x30\xcc\xa9\xcc\xa8\xc0\x13\xc0\x14"
		"\x00\x9c\x00\x9d\x00\x2f\x00\x35";

	put_number(h->m, h->kind->is_quic ? 6 : 2 + 6 + sizeof(older) - 1);
	if (!h->kind->is_quic)
		put_number(h->m, h->grease);
	put(h->m, common, sizeof(common) - 1);
	if (!h->kind->is_quic)
		put(h->m, older, sizeof(older) - 1);
}

void make_client_hello(struct chance *c, struct made_message *m, const struct make_hello_kind *k,
		       const char *name)
{
	struct hello h = {c, m, k, name, (uint16_t)(0x0a0a + 0x1010 * (chance_draw(c) % 16))};
	size_t record = k->is_quic ? 0 : RECORD_HEAD;

	m->len = record + HANDSHAKE_HEAD;
	put_number(m, 0x0303);
	put_noise(&h, 32);
	put(m, k->is_quic ? "\x00" : "\x20", 1);
	put_noise(&h, k->is_quic ? 0 : 32);
	put_ciphers(&h);
	put(m, "\x01\x00", 2);
	put_extensions(&h);
	bytes_put32(m->bytes + record, (uint32_t)(m->len - record - HANDSHAKE_HEAD));
	m->bytes[record] = 1;
	if (!k->is_quic) {
		m->bytes[0] = 22;
		bytes_put16(m->bytes + 1, 0x0301);
		bytes_put16(m->bytes + 3, m->len - RECORD_HEAD);
	}
}

size_t make_server_hello(const struct chance *c, uint8_t *at, const struct make_hello_kind *k,
			 uint64_t seed)
{
	size_t share = k->is_pq ? SERVER_SHARE_PQ : SHARE, id = k->is_quic ? 0 : 32, n;

	bytes_put16(at + 4, 0x0303);
	chance_noise_of(c, seed, at + 6, 32);
	at[38] = (uint8_t)id;
	chance_noise_of(c, seed + 1, at + 39, id);
	n = 39 + id;
	memcpy(at + n, "\x13\x01\x00", 3);
	bytes_put16(at + n + 3, 6 + 8 + share);
	memcpy(at + n + 5, "\x00\x2b\x00\x02\x03\x04\x00\x33", 8);
	bytes_put16(at + n + 13, 4 + share);
	bytes_put16(at + n + 15, k->is_pq ? X25519MLKEM768 : X25519);
	bytes_put16(at + n + 17, share);
	chance_noise_of(c, seed + 2, at + n + 19, share);
	n += 19 + share;
	bytes_put32(at, (uint32_t)(n - HANDSHAKE_HEAD));
	at[0] = 2;
	return n;
}
