/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: the keys of QUIC Initial packets, from a connection id; see initial.h. What is the
 * same for all ids of a version is made ready once.
 *
 * Standards: RFC 9001 5.2 (which keys), RFC 5869 (HKDF), RFC 8446 7.1 (HKDF-Expand-Label).
 */
#include "crypt/initial.h"

static const char prefix[] = {'t', 'l', 's', '1', '3', ' '};

enum { LABEL_MAX = HMAC_MAX - 3 - sizeof(prefix) - 2 };

void initial_init(struct initial *c)
{
	c->way = sha256_way_here();
}

/*
 * What HKDF-Expand-Label hashes for len bytes, up to one block, with an empty context:
 *
 *     0        2        3                       n        n+1      n+2
 *  +--------+--------+------------------------+--------+--------+
 *  | length |   n-3  | "tls13 " label         | 0: none| block 1|
 *  +--------+--------+------------------------+--------+--------+
 */
static void make_info(const char *label, size_t len, uint8_t out[SHA256_BLOCK])
{
	uint8_t info[3 + sizeof(prefix) + LABEL_MAX + 2];
	size_t label_len = strnlen(label, LABEL_MAX), n = 0;

	info[n++] = 0;
	info[n++] = (uint8_t)len;
	info[n++] = (uint8_t)(sizeof(prefix) + label_len);
	memcpy(info + n, prefix, sizeof(prefix));
	n += sizeof(prefix);
	memcpy(info + n, label, label_len);
	n += label_len;
	info[n++] = 0;
	info[n++] = 1;
	hmac_pad(slice_of(info, n), out);
}

static void make_way(struct initial *c, const struct crypt_initial_version *v)
{
	hmac_set_key(&c->salted, c->way, slice_of(v->salt, sizeof(v->salt)));
	make_info("server in", SHA256_LEN, c->in[0]);
	make_info("client in", SHA256_LEN, c->in[1]);
	make_info(v->key, sizeof(((struct crypt_initial_keys *)0)->key), c->key);
	make_info(v->iv, sizeof(((struct crypt_initial_keys *)0)->iv), c->iv);
	make_info(v->hp, sizeof(((struct crypt_initial_keys *)0)->hp), c->hp);
	c->made_for = v;
}

/* HKDF-Extract with the version's salt. */
static void extract(const struct initial *c, struct slice dcid, uint32_t secret[SHA256_WORDS])
{
	uint8_t padded[SHA256_BLOCK];

	hmac_pad(slice_first(dcid, HMAC_MAX), padded);
	hmac(&c->salted, padded, secret);
}

/* The keys of both ends, for a handshake has packets of both. */
static void derive(const struct initial *c, const uint32_t initial[SHA256_WORDS],
		   struct crypt_initial_keys out[2])
{
	const uint8_t *const in[2] = {c->in[0], c->in[1]}, *const key[2] = {c->key, c->key};
	const uint8_t *const iv[2] = {c->iv, c->iv}, *const hp[2] = {c->hp, c->hp};
	uint32_t words[2][SHA256_WORDS];
	struct hmac_key k[2];

	hmac_set_words(&k[0], c->way, initial);
	hmac_pair(&k[0], &k[0], in, words);
	for (int i = 0; i < 2; i++)
		hmac_set_words(&k[i], c->way, words[i]);
	hmac_pair(&k[0], &k[1], key, words);
	for (int i = 0; i < 2; i++)
		sha256_put(words[i], out[i].key, sizeof(out[i].key));
	hmac_pair(&k[0], &k[1], iv, words);
	for (int i = 0; i < 2; i++)
		sha256_put(words[i], out[i].iv, sizeof(out[i].iv));
	hmac_pair(&k[0], &k[1], hp, words);
	for (int i = 0; i < 2; i++)
		sha256_put(words[i], out[i].hp, sizeof(out[i].hp));
}

void initial_keys_of(struct initial *c, const struct crypt_initial_version *v, struct slice dcid,
		     bool is_client, struct crypt_initial_keys *out)
{
	struct kept_keys *k = kept_keys_find(&c->kept, v, dcid);
	struct crypt_initial_keys both[2];
	uint32_t secret[SHA256_WORDS];

	if (!k || !k->has_keys) {
		if (c->made_for != v)
			make_way(c, v);
		extract(c, dcid, secret);
		derive(c, secret, k ? k->end : both);
	}
	if (k)
		k->has_keys = true;
	*out = k ? k->end[is_client] : both[is_client];
}
