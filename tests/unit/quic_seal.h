/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Datagrams of QUIC, sealed here with any frames inside: what a test's table says of a packet, and
 * how it becomes bytes. The keys come from user/crypt, which the RFCs' packets prove.
 */
#ifndef UNIT_QUIC_SEAL_H
#define UNIT_QUIC_SEAL_H

#include "bytes.h"

#include "extract/quic_wire.h"
#include "gcm_seal.h"

enum { V1 = 1, V2 = 0x6b3343cf, GREASE = 0x1a2a3a4a };
#define DRAFT(n) (0xff000000U + (n))
#define Q050	 0x51303530U
#define T051	 0x54303531U

/* --- datagrams ------------------------------------------------------------------------------- */

enum packet_type { NO_PACKET, INITIAL, ZERO_RTT, HANDSHAKE, RETRY, RAW };

/* A packet to build. Zeros: a client's Initial packet of version 1 to the id "dcid-001". */
struct packet {
	enum packet_type type;
	struct row_text frames; /* RAW: all of its bytes */
	uint32_t version;
	const char *dcid, *scid;
	const char *key_id; /* that the keys come from; none: dcid */
	uint32_t key_version;
	bool is_server;	    /* keys of a server */
	bool has_clear_bit; /* the fixed bit is not set */
	struct row_text token;
	uint64_t number;
	size_t number_len; /* 0: 2 */
	size_t pad_to;	   /* bytes of the packet */
	int length_lie;	   /* added to the Length field */
};

/* A length of two bytes, or four. */
static inline void put_varint(struct bytes *d, uint64_t n)
{
	if (n < 0x4000)
		put_number(d, n | 0x4000, 2);
	else
		put_number(d, n | 0x80000000, 4);
}

static inline void put_id(struct bytes *d, const char *id)
{
	put_number(d, id ? strlen(id) : 0, 1);
	put(d, id, id ? strlen(id) : 0);
}

static inline void put_head(struct bytes *d, const struct packet *p, const struct quic_version *row)
{
	unsigned type = (p->type - INITIAL + (row ? row->initial_type : 0)) & 3;

	put_number(d,
		   0x80U | (p->has_clear_bit ? 0 : 0x40) | type << 4 | ((p->number_len ?: 2) - 1),
		   1);
	put_number(d, p->version ? p->version : V1, 4);
	put_id(d, p->dcid ? p->dcid : "dcid-001");
	put_id(d, p->scid);
}

/* Protects the bytes from `from` on, of which the first number_len are the packet number. */
static inline void protect(struct bytes *d, size_t start, size_t from, const struct packet *p,
			   const struct crypt_initial_keys *k)
{
	size_t number_len = p->number_len ? p->number_len : 2, body = from + number_len;
	struct slice head = slice_of(d->at + start, body - start);
	struct slice plain = slice_of(d->at + body, d->len - body);
	gcry_cipher_hd_t ecb;
	uint8_t mask[16];

	put_number(d, 0, 8);
	put_number(d, 0, 8);
	gcm_seal(k, p->number, head, plain, d->at + body);
	assert_int_equal(gcry_cipher_open(&ecb, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0), 0);
	assert_int_equal(gcry_cipher_setkey(ecb, k->hp, sizeof(k->hp)), 0);
	assert_int_equal(gcry_cipher_encrypt(ecb, mask, 16, d->at + from + 4, 16), 0);
	gcry_cipher_close(ecb);
	d->at[start] ^= mask[0] & 0x0f;
	for (size_t i = 0; i < number_len; i++)
		d->at[from + i] ^= mask[1 + i];
}

static inline void put_initial(struct bytes *d, const struct packet *p, struct crypt *c)
{
	const char *key_id = p->key_id ? p->key_id : p->dcid ? p->dcid : "dcid-001";
	uint32_t version = p->version ? p->version : V1;
	const struct quic_version *row = quic_version_find(p->key_version ? p->key_version
									  : version);
	size_t start = d->len, number_len = p->number_len ? p->number_len : 2, plain_len, from;
	struct crypt_initial_keys k;

	assert_non_null(row);
	put_head(d, p, row);
	put_varint(d, p->token.len);
	put(d, p->token.at, p->token.len);
	plain_len = p->frames.len < 4 ? 4 : p->frames.len;
	from = d->len + 4 - start + number_len;
	if (p->pad_to > from + plain_len + 16)
		plain_len = p->pad_to - from - 16;
	put_number(d, (0x80000000U + number_len + plain_len + 16) + (uint32_t)p->length_lie, 4);
	from = d->len;
	put_number(d, p->number, number_len);
	put(d, p->frames.at, p->frames.len);
	for (size_t i = p->frames.len; i < plain_len; i++)
		put_number(d, 0, 1);
	crypt_initial_keys(c, &row->way, slice_text(key_id), !p->is_server, &k);
	protect(d, start, from, p, &k);
}

static inline void put_packet(struct bytes *d, const struct packet *p, struct crypt *c)
{
	const struct quic_version *row = quic_version_find(p->version ? p->version : V1);

	switch (p->type) {
	case NO_PACKET: break;
	case RAW: put(d, p->frames.at, p->frames.len); break;
	case INITIAL: put_initial(d, p, c); break;
	case RETRY:
		put_head(d, p, row);
		put(d, "token, and a tag: 0123456789abcdef", 34);
		break;
	case ZERO_RTT:
	case HANDSHAKE:
		put_head(d, p, row);
		put_varint(d, (uint64_t)(40 + p->length_lie));
		for (int i = 0; i < 40; i++)
			put_number(d, 0xe0U + (unsigned)i, 1);
		break;
	}
}

#endif
