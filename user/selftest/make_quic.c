/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sealing of Initial packets: HKDF-Expand-Label (RFC 8446 7.1) for the keys, AES-128-GCM for the
 * packet, AES-128-ECB for its head (RFC 9001 5.2 to 5.4). Room: selftest. The keys are not those of
 * user/crypt on purpose: a fault there would seal what it can open.
 */
#include "selftest/make_quic.h"

#include <gcrypt.h>
#include <stdlib.h>
#include <string.h>

enum { KEY = 16, IV = 12, TAG = 16, SECRET = 32 };
enum { LONG_RETRY = 0xff, TOKEN = 't', RETRY_TOKEN = 20 };
enum { PADDING = 0, PING = 1, ACK_FRAME = 2, CRYPTO = 6 };

struct make_quic {
	gcry_cipher_hd_t seal, mask;
	gcry_md_hd_t mac;
};

struct keys {
	uint8_t key[KEY], iv[IV], mask[KEY];
};

struct make_quic *make_quic_new(void)
{
	struct make_quic *q = calloc(1, sizeof(*q));

	gcry_check_version(NULL);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	if (q && !gcry_cipher_open(&q->seal, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0) &&
	    !gcry_cipher_open(&q->mask, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0) &&
	    !gcry_md_open(&q->mac, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC))
		return q;
	make_quic_free(q);
	return NULL;
}

void make_quic_free(struct make_quic *q)
{
	if (!q)
		return;
	gcry_cipher_close(q->seal);
	gcry_cipher_close(q->mask);
	gcry_md_close(q->mac);
	free(q);
}

/* What cannot fail with arguments of the right size: a capture with wrong keys is worth nothing. */
static void sure(gcry_error_t err)
{
	if (err)
		abort();
}

static void mac(struct make_quic *q, const uint8_t *key, size_t key_len, const uint8_t *bytes,
		size_t len, uint8_t out[SECRET])
{
	gcry_md_reset(q->mac);
	sure(gcry_md_setkey(q->mac, key, key_len));
	gcry_md_write(q->mac, bytes, len);
	memcpy(out, gcry_md_read(q->mac, GCRY_MD_SHA256), SECRET);
}

static void expand(struct make_quic *q, const uint8_t secret[SECRET], const char *label,
		   uint8_t *out, size_t len)
{
	uint8_t info[64] = {0}, block[SECRET];
	size_t n = strlen(label);

	bytes_put16(info, len);
	info[2] = (uint8_t)(6 + n);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, n);
	info[9 + n + 1] = 1; /* behind an empty context: the first block */
	mac(q, secret, SECRET, info, 9 + n + 2, block);
	memcpy(out, block, len);
}

/* What versions differ in: RFC 9001 5.2, RFC 9369 3. */
static const struct version {
	uint32_t number;
	uint8_t salt[20];
	const char *key, *iv, *hp;
	uint8_t initial, handshake; /* first bytes */
} versions[] = {
	{1,
	 {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	  0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
	 "quic key",
	 "quic iv",
	 "quic hp",
	 0xc0,
	 0xe0},
	{0x6b3343cf,
	 {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
	  0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
	 "quicv2 key",
	 "quicv2 iv",
	 "quicv2 hp",
	 0xd0,
	 0xf0},
};

static const struct version *version_of(const struct make_quic_flow *f)
{
	return &versions[f->is_v2];
}

static void derive(struct make_quic *q, const struct make_quic_flow *f, bool is_reply,
		   struct keys *k)
{
	const struct version *v = version_of(f);
	uint8_t initial[SECRET], secret[SECRET];

	mac(q, v->salt, sizeof(v->salt), f->first, MAKE_CID, initial);
	expand(q, initial, is_reply ? "server in" : "client in", secret, SECRET);
	expand(q, secret, v->key, k->key, KEY);
	expand(q, secret, v->iv, k->iv, IV);
	expand(q, secret, v->hp, k->mask, KEY);
}

static size_t put_cid(uint8_t *at, const uint8_t cid[MAKE_CID])
{
	at[0] = MAKE_CID;
	memcpy(at + 1, cid, MAKE_CID);
	return 1 + MAKE_CID;
}

/* A long head up to its connection ids. */
static size_t put_long(uint8_t *at, const struct make_quic_flow *f, bool is_reply, uint8_t kind)
{
	size_t n = 5;

	at[0] = kind;
	bytes_put32(at + 1, version_of(f)->number);
	if (is_reply) {
		at[n++] = 0;
		n += put_cid(at + n, f->server);
	} else {
		n += put_cid(at + n, f->is_answered ? f->server : f->first);
		at[n++] = 0;
	}
	return n;
}

static size_t put_number(uint8_t *at, size_t v) /* in two bytes (RFC 9000 16) */
{
	bytes_put16(at, 0x4000 | v);
	return 2;
}

size_t make_quic_frames(struct chance *c, uint8_t *frames, size_t frames_len,
			const struct make_quic_piece *pieces, size_t count, bool is_ack)
{
	size_t n = 0;

	memset(frames, PADDING, frames_len);
	if (is_ack) { /* of packet 0 alone */
		frames[0] = ACK_FRAME;
		n = 5;
	}
	for (size_t i = 0; i < count; i++) {
		const struct make_quic_piece *p = &pieces[i];

		if (n + 6 + p->len > frames_len)
			abort();
		frames[n++] = CRYPTO;
		n += put_number(frames + n, p->from);
		n += put_number(frames + n, p->len);
		memcpy(frames + n, p->bytes + p->from, p->len);
		n += p->len;
		if (i + 1 < count && chance_percent(c, 40))
			frames[n++] = PING;
	}
	return n;
}

size_t make_quic_initial(struct make_quic *q, uint8_t *at, struct make_quic_flow *f, bool is_reply,
			 const uint8_t *frames, size_t frames_len)
{
	uint8_t mask[KEY], number = f->number[is_reply]++;
	size_t n = put_long(at, f, is_reply, version_of(f)->initial);
	struct keys k;

	derive(q, f, is_reply, &k);
	at[n++] = is_reply ? 0 : f->token;
	memset(at + n, TOKEN, at[n - 1]);
	n += at[n - 1];
	n += put_number(at + n, 1 + frames_len + TAG);
	at[n++] = number;
	k.iv[IV - 1] ^= number;
	sure(gcry_cipher_setkey(q->seal, k.key, KEY));
	sure(gcry_cipher_setiv(q->seal, k.iv, IV));
	sure(gcry_cipher_authenticate(q->seal, at, n));
	sure(gcry_cipher_encrypt(q->seal, at + n, frames_len, frames, frames_len));
	sure(gcry_cipher_gettag(q->seal, at + n + frames_len, TAG));
	sure(gcry_cipher_setkey(q->mask, k.mask, KEY));
	sure(gcry_cipher_encrypt(q->mask, mask, KEY, at + n + 3, KEY)); /* four behind the number */
	at[0] ^= mask[0] & 15;
	at[n - 1] ^= mask[1];
	return n + frames_len + TAG;
}

size_t make_quic_retry(struct make_quic *q, uint8_t *at, struct make_quic_flow *f)
{
	static const uint8_t key[KEY] = {0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a,
					 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e};
	static const uint8_t iv[IV] = {0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63,
				       0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb};
	uint8_t first[1 + MAKE_CID];
	size_t n = put_long(at, f, true, LONG_RETRY);

	memset(at + n, TOKEN, RETRY_TOKEN);
	n += RETRY_TOKEN;
	put_cid(first, f->first);
	sure(gcry_cipher_setkey(q->seal, key, KEY));
	sure(gcry_cipher_setiv(q->seal, iv, IV));
	sure(gcry_cipher_authenticate(q->seal, first, sizeof(first)));
	sure(gcry_cipher_authenticate(q->seal, at, n));
	sure(gcry_cipher_gettag(q->seal, at + n, TAG));
	memcpy(f->first, f->server, MAKE_CID);
	f->token = RETRY_TOKEN;
	return n + TAG;
}

void make_quic_handshake(struct chance *c, uint8_t *at, const struct make_quic_flow *f,
			 bool is_reply, size_t len)
{
	size_t n = put_long(at, f, is_reply,
			    version_of(f)->handshake | (uint8_t)(chance_draw(c) & 15));

	n += put_number(at + n, len - n - 2);
	chance_noise(c, at + n, len - n);
}

void make_quic_short(struct chance *c, uint8_t *at, const struct make_quic_flow *f, bool is_reply,
		     size_t len)
{
	chance_noise(c, at, len);
	at[0] = 0x40 | (at[0] & 0x3f);
	if (!is_reply)
		memcpy(at + 1, f->server, MAKE_CID);
}
