/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: JA4 of a ClientHello.
 *
 *     t13d1516h2_8daaf6152771_e5627efa2ab1
 *     | | | | |  |            hash of extensions (sorted, without name and ALPN) and, in their own
 *     | | | | |  |            order, signature algorithms
 *     | | | | |  hash of cipher suites, sorted
 *     | | | | first and last character of the first ALPN protocol
 *     | | | how many cipher suites and extensions, 99 at most
 *     | | d: server_name is there; i: it is not
 *     | version
 *     t: over a stream; q: QUIC; d: DTLS
 *
 * A hash is the first 12 hexadecimal digits of a SHA-256 over numbers of four digits with commas
 * between them. Reserved numbers (RFC 8701) are left out everywhere.
 */
#include "extract/ja4.h"

#include "base/reader.h"
#include "crypt/crypt.h"

enum {
	TYPE_SERVER_NAME = 0,
	TYPE_ALGORITHMS = 13,
	TYPE_ALPN = 16,
	TYPE_VERSIONS = 43,
	COUNT_MAX = 99,
	HASH_BYTES = 6,
	DIGITS = 5,			 /* of a number and its comma */
	NUMBERS_MAX = JA4_BLOCK_MAX / 2, /* in any list */
	KEY_NUMBERS = 128,		 /* that a hash is kept under */
};

/* Numbers of two bytes, the reserved ones left out. */
struct numbers {
	unsigned count;
	uint16_t at[NUMBERS_MAX];
};

_Static_assert((int)JA4_EXTENSIONS_MAX <= (int)NUMBERS_MAX, "a list fits");

/* Text to be hashed. */
struct digits {
	size_t len;
	char at[DIGITS * (NUMBERS_MAX + JA4_ALGORITHMS_MAX)];
};

static const char hex[] = "0123456789abcdef";

void ja4_clear(struct ja4_hello *h)
{
	h->version = 0;
	h->has_name = false;
	h->extension_count = 0;
	h->ciphers.len = h->algorithms.len = h->versions.len = h->protocols.len = 0;
}

struct ja4_block *ja4_add_extension(struct ja4_hello *h, uint16_t type)
{
	struct ja4_block *b;

	if (h->extension_count < JA4_EXTENSIONS_MAX)
		h->extension[h->extension_count++] = type;
	switch (type) {
	case TYPE_SERVER_NAME: h->has_name = true; return NULL;
	case TYPE_ALGORITHMS: b = &h->algorithms; break;
	case TYPE_VERSIONS: b = &h->versions; break;
	case TYPE_ALPN: b = &h->protocols; break;
	default: return NULL;
	}
	return b->len ? NULL : b; /* of several the first counts */
}

/* 0x0a0a, 0x1a1a, ... (RFC 8701 2). */
static bool is_reserved(uint16_t n)
{
	return (n & 0x0f0f) == 0x0a0a && n >> 8 == (n & 0xff);
}

static void add_number(struct numbers *list, uint16_t n, unsigned max)
{
	if (list->count < max && !is_reserved(n))
		list->at[list->count++] = n;
}

/* A vector whose length is a number of `width` bytes, cut to what is there. */
static struct reader vector_of(struct slice bytes, size_t width)
{
	struct reader r = reader_of(bytes);
	size_t len = width == 1 ? reader_u8(&r) : reader_u16(&r);

	r.left = len < r.left ? len : r.left;
	return r;
}

static struct slice block_slice(const struct ja4_block *b)
{
	return slice_of(b->at, b->len);
}

static void read_numbers(struct numbers *list, struct reader r, unsigned max)
{
	list->count = 0;
	while (!r.bad && r.left >= 2)
		add_number(list, reader_u16(&r), max);
}

/* By shrinking steps (Shell's sort): nothing a sender orders makes it slow. */
static void sort_numbers(struct numbers *list)
{
	static const unsigned steps[] = {132, 57, 23, 10, 4, 1};

	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
		for (unsigned i = steps[s]; i < list->count; i++) {
			uint16_t n = list->at[i];
			unsigned to = i;

			for (; to >= steps[s] && list->at[to - steps[s]] > n; to -= steps[s])
				list->at[to] = list->at[to - steps[s]];
			list->at[to] = n;
		}
}

static void put_numbers(struct digits *d, const struct numbers *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		uint16_t n = list->at[i];

		if (i)
			d->at[d->len++] = ',';
		for (int shift = 12; shift >= 0; shift -= 4)
			d->at[d->len++] = hex[n >> shift & 15];
	}
}

/* One or two lists, as a key under which their hash is kept. Returns its length, 0 when too long.
 */
static size_t key_of(const struct numbers *first, const struct numbers *second,
		     uint16_t key[KEY_NUMBERS])
{
	size_t more = second ? second->count : 0;

	if (1 + first->count + more > KEY_NUMBERS)
		return 0;
	key[0] = (uint16_t)first->count;
	memcpy(key + 1, first->at, first->count * sizeof(*key));
	if (more)
		memcpy(key + 1 + first->count, second->at, more * sizeof(*key));
	return (1 + first->count + more) * sizeof(*key);
}

static void hash_numbers(const struct numbers *first, const struct numbers *second,
			 uint8_t hash[CRYPT_HASH])
{
	struct digits digits;

	digits.len = 0;
	put_numbers(&digits, first);
	if (second && second->count) {
		digits.at[digits.len++] = '_';
		put_numbers(&digits, second);
	}
	memset(hash, 0, CRYPT_HASH);
	if (digits.len)
		crypt_sha256(slice_of(digits.at, digits.len), hash);
}

/* Appends the hash of a list, or of two (the second may be NULL); of nothing it is all zeros. */
static char *put_hash(char *out, struct crypt *crypt, const struct numbers *first,
		      const struct numbers *second)
{
	uint16_t numbers[KEY_NUMBERS];
	struct slice key = slice_of((const uint8_t *)numbers, key_of(first, second, numbers));
	const uint8_t *known = crypt_known_hash(crypt, key);
	uint8_t hash[CRYPT_HASH];

	if (!known) {
		hash_numbers(first, second, hash);
		crypt_keep_hash(crypt, key, hash);
		known = hash;
	}
	*out++ = '_';
	for (int i = 0; i < HASH_BYTES; i++) {
		*out++ = hex[known[i] >> 4];
		*out++ = hex[known[i] & 15];
	}
	return out;
}

static char *put_count(char *out, unsigned n)
{
	n = n < COUNT_MAX ? n : COUNT_MAX;
	*out++ = (char)('0' + n / 10);
	*out++ = (char)('0' + n % 10);
	return out;
}

/* The highest version offered; of DTLS the least number is the newest (RFC 6347 4.1). */
static uint16_t version_of(const struct ja4_hello *h, enum app_proto proto)
{
	struct numbers offered;
	uint16_t best;

	read_numbers(&offered, vector_of(block_slice(&h->versions), 1), NUMBERS_MAX);
	if (!offered.count)
		return h->version;
	best = offered.at[0];
	for (unsigned i = 1; i < offered.count; i++)
		if (proto == PROTO_DTLS ? offered.at[i] < best : offered.at[i] > best)
			best = offered.at[i];
	return best;
}

static char *put_version(char *out, uint16_t version)
{
	static const struct {
		uint16_t version;
		char name[3];
	} rows[] = {
		{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
		{0x0002, "s2"}, {0xfefc, "d3"}, {0xfefd, "d2"}, {0xfeff, "d1"},
	};
	const char *name = "00";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].version == version)
			name = rows[i].name;
	*out++ = name[0];
	*out++ = name[1];
	return out;
}

static struct slice first_protocol(const struct ja4_hello *h)
{
	struct reader list = vector_of(block_slice(&h->protocols), 2);
	size_t len = reader_u8(&list);

	return reader_take(&list, len);
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char *put_protocol(char *out, struct slice name)
{
	uint8_t first = '0', last = '0';

	if (name.len && !(name.len == 2 && is_reserved((uint16_t)(name.at[0] << 8 | name.at[1])))) {
		first = name.at[0];
		last = name.at[name.len - 1];
	}
	/* Of a name with other bytes: the first and last digit of its hexadecimal form. */
	if (!is_alphanumeric(first) || !is_alphanumeric(last)) {
		first = (uint8_t)hex[first >> 4];
		last = (uint8_t)hex[last & 15];
	}
	*out++ = (char)first;
	*out++ = (char)last;
	return out;
}

static void write_alpn(struct slice name, struct clue *clue)
{
	if (!name.len || name.len > CLUE_ALPN_MAX)
		return;
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] <= ' ' || name.at[i] > '~')
			return;
	memcpy(clue->alpn, name.at, name.len);
	clue->alpn[name.len] = '\0';
}

/* The list that is hashed; how many there are with name and ALPN is returned. */
static unsigned hashed_extensions(const struct ja4_hello *h, struct numbers *list)
{
	unsigned count = 0;

	list->count = 0;
	for (unsigned i = 0; i < h->extension_count; i++) {
		count += !is_reserved(h->extension[i]);
		if (h->extension[i] != TYPE_SERVER_NAME && h->extension[i] != TYPE_ALPN)
			add_number(list, h->extension[i], JA4_EXTENSIONS_MAX);
	}
	sort_numbers(list);
	return count;
}

void ja4_write(const struct ja4_hello *h, struct crypt *crypt, struct clue *clue)
{
	struct slice protocol = first_protocol(h);
	struct numbers ciphers, extensions, algorithms;
	char *out = clue->ja4;

	read_numbers(&ciphers, reader_of(block_slice(&h->ciphers)), JA4_CIPHERS_MAX);
	sort_numbers(&ciphers);
	read_numbers(&algorithms, vector_of(block_slice(&h->algorithms), 2), JA4_ALGORITHMS_MAX);
	*out++ = clue->proto == PROTO_QUIC ? 'q' : clue->proto == PROTO_DTLS ? 'd' : 't';
	out = put_version(out, version_of(h, clue->proto));
	*out++ = h->has_name ? 'd' : 'i';
	out = put_count(out, ciphers.count);
	out = put_count(out, hashed_extensions(h, &extensions));
	out = put_protocol(out, protocol);
	out = put_hash(out, crypt, &ciphers, NULL);
	out = put_hash(out, crypt, &extensions, &algorithms);
	*out = '\0';
	write_alpn(protocol, clue);
}
