/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: the keys of QUIC Initial packets, from a connection id; see initial.h.
 *
 * Standards: RFC 9001 5.2 (which keys), RFC 5869 (HKDF), RFC 8446 7.1 (HKDF-Expand-Label).
 */
#include "crypt/initial.h"

enum { LABEL_MAX = 32 };

void initial_init(struct initial *c)
{
	c->way = sha256_way_here();
}

/*
 * HKDF-Expand-Label with an empty context, of up to one block:
 *
 *     0        2        3                       n        n+1      n+2
 *  +--------+--------+------------------------+--------+--------+
 *  | length |   n-3  | "tls13 " label         | 0: none| block 1|
 *  +--------+--------+------------------------+--------+--------+
 */
static void expand(const struct hmac_key *secret, const char *label, void *out, size_t len)
{
	static const char prefix[] = {'t', 'l', 's', '1', '3', ' '};
	uint8_t info[3 + sizeof(prefix) + LABEL_MAX + 2], block[SHA256_LEN];
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
	hmac(secret, slice_of(info, n), block);
	memcpy(out, block, len);
}

/* HKDF-Extract with the version's salt. */
static void extract(struct initial *c, const struct crypt_initial_version *v, struct slice dcid,
		    uint8_t secret[SHA256_LEN])
{
	if (c->salt != v)
		hmac_set_key(&c->salted, c->way, slice_of(v->salt, sizeof(v->salt)));
	c->salt = v;
	hmac(&c->salted, dcid, secret);
}

static void derive(enum sha256_way way, const struct crypt_initial_version *v,
		   const uint8_t initial[SHA256_LEN], bool is_client,
		   struct crypt_initial_keys *out)
{
	uint8_t secret[SHA256_LEN];
	struct hmac_key k;

	hmac_set_key(&k, way, slice_of(initial, SHA256_LEN));
	expand(&k, is_client ? "client in" : "server in", secret, sizeof(secret));
	hmac_set_key(&k, way, slice_of(secret, sizeof(secret)));
	expand(&k, v->key, out->key, sizeof(out->key));
	expand(&k, v->iv, out->iv, sizeof(out->iv));
	expand(&k, v->hp, out->hp, sizeof(out->hp));
}

void initial_keys_of(struct initial *c, const struct crypt_initial_version *v, struct slice dcid,
		     bool is_client, struct crypt_initial_keys *out)
{
	struct kept_keys *k = kept_keys_find(&c->kept, v, dcid);
	uint8_t secret[SHA256_LEN];

	if (!k) {
		extract(c, v, dcid, secret);
		derive(c->way, v, secret, is_client, out);
		return;
	}
	if (!k->has_secret)
		extract(c, v, dcid, k->secret);
	k->has_secret = true;
	if (!k->has_end[is_client])
		derive(c->way, v, k->secret, is_client, &k->end[is_client]);
	k->has_end[is_client] = true;
	*out = k->end[is_client];
}
