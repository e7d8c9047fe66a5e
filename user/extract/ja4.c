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
	COUNT_MAX = 99,
	DIGITS = 5, /* of a number and its comma */
	LIST_MAX = JA4_EXTENSIONS_MAX < JA4_CIPHERS_MAX ? JA4_CIPHERS_MAX : JA4_EXTENSIONS_MAX,
	KEY_HEAD = 2 * sizeof(uint64_t),
	KEY_MAX = KEY_HEAD + sizeof(uint16_t) * LIST_MAX + JA4_BLOCK_MAX + sizeof(uint64_t),
};

/*
 * What a hash is made from: the first list, which is hashed in order, and the second, which is
 * hashed as it is. Numbers are as on the wire, the reserved ones left out. It is also what the hash
 * is kept under:
 *
 *      0        8             12              16             n              m     (n + 8) & ~7
 *     +--------+-------------+---------------+--------------+--------------+-----+
 *     |  bits  | len of list | len of second |     list     |    second    |  0  |
 *     +--------+-------------+---------------+--------------+--------------+-----+
 *
 * Extensions below 64 are bits, and not in the list. The first bit is no extension's: it is set for
 * cipher suites.
 */
struct parts {
	uint64_t bits;
	uint32_t list_len, second_len;
	uint8_t at[KEY_MAX - KEY_HEAD];
};

_Static_assert(offsetof(struct parts, at) == KEY_HEAD, "no hole, for it is a key");

/* Text to be hashed. */
struct digits {
	size_t len;
	char at[DIGITS * (JA4_LOW + LIST_MAX + JA4_ALGORITHMS_MAX)];
};

static const char hex[] = "0123456789abcdef";

void ja4_clear(struct ja4_hello *h)
{
	h->version = 0;
	h->has_name = false;
	h->seen = h->count = h->other_count = 0;
	h->low = 0;
	h->ciphers.len = h->algorithms.len = h->versions.len = h->protocols.len = 0;
	h->ciphers.at = h->algorithms.at = h->versions.at = h->protocols.at = NULL;
}

/* 0x0a0a, 0x1a1a, ... (RFC 8701 2), in either order of its bytes. */
static bool is_reserved(uint16_t n)
{
	return (n & 0x0f0f) == 0x0a0a && n >> 8 == (n & 0xff);
}

void ja4_add_other(struct ja4_hello *h, uint16_t type)
{
	if (is_reserved(type))
		return;
	h->count++;
	if (type != JA4_SERVER_NAME && type != JA4_ALPN)
		h->other[h->other_count++] = type;
}

struct ja4_block *ja4_block_of(struct ja4_hello *h, uint16_t type)
{
	struct ja4_block *b = type == JA4_ALGORITHMS ? &h->algorithms
			      : type == JA4_VERSIONS ? &h->versions
						     : &h->protocols;

	return b->len ? NULL : b; /* of several the first counts */
}

/* A vector whose length is a number of `width` bytes, cut to what is there. */
static struct slice vector_of(const struct ja4_block *b, size_t width)
{
	struct slice s = slice_of(b->at, b->len);
	size_t len;

	if (s.len < width)
		return slice_of(s.at, 0);
	len = width == 1 ? s.at[0] : (size_t)s.at[0] << 8 | s.at[1];
	return slice_first(slice_from(s, width), len);
}

/* True when there may be a reserved number among four: one of their bytes ends in the digit a. */
static bool may_be_reserved(uint64_t four)
{
	uint64_t x = (four & 0x0f0f0f0f0f0f0f0fULL) ^ 0x0a0a0a0a0a0a0a0aULL;

	return (x - 0x0101010101010101ULL) & ~x & 0x8080808080808080ULL;
}

/* Copies numbers, the reserved ones left out, four at a time. Returns how many bytes. */
static uint32_t copy_numbers(uint8_t *out, struct slice from)
{
	const uint8_t *at = from.at, *begin = out;
	size_t left = from.len & ~(size_t)1;

	while (left) {
		uint64_t four;
		size_t n = left < sizeof(four) ? left : sizeof(four);

		if (n == sizeof(four)) {
			memcpy(&four, at, sizeof(four));
			if (!may_be_reserved(four)) {
				memcpy(out, &four, sizeof(four));
				out += sizeof(four);
				at += sizeof(four);
				left -= sizeof(four);
				continue;
			}
		}
		for (size_t i = 0; i < n; i += 2) {
			out[0] = at[i];
			out[1] = at[i + 1];
			out += is_reserved((uint16_t)(at[i] << 8 | at[i + 1])) ? 0 : 2;
		}
		at += n;
		left -= n;
	}
	return (uint32_t)(out - begin);
}

/* By shrinking steps (Shell's sort): nothing a sender orders makes it slow. */
static void sort_numbers(uint16_t *list, unsigned count)
{
	static const unsigned steps[] = {132, 57, 23, 10, 4, 1};

	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
		for (unsigned i = steps[s]; i < count; i++) {
			uint16_t n = list[i];
			unsigned to = i;

			for (; to >= steps[s] && list[to - steps[s]] > n; to -= steps[s])
				list[to] = list[to - steps[s]];
			list[to] = n;
		}
}

static uint16_t number_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put_number(struct digits *d, uint16_t n)
{
	for (int shift = 12; shift >= 0; shift -= 4)
		d->at[d->len++] = hex[n >> shift & 15];
	d->at[d->len++] = ',';
}

/* The hash as it is written; of nothing it is all zeros. */
static void hash_parts(const struct parts *p, char out[CRYPT_PRINT])
{
	const uint8_t *second = p->at + p->list_len;
	uint16_t list[JA4_LOW + LIST_MAX];
	uint8_t hash[CRYPT_HASH] = {0};
	unsigned count = 0;
	struct digits d;

	d.len = 0;
	for (uint64_t left = p->bits & ~1ULL; left; left &= left - 1)
		list[count++] = (uint16_t)__builtin_ctzll(left);
	for (uint32_t i = 0; i < p->list_len; i += 2)
		list[count++] = number_at(p->at + i);
	sort_numbers(list, count);
	for (unsigned i = 0; i < count; i++)
		put_number(&d, list[i]);
	if (p->second_len) {
		d.len -= count > 0; /* the last comma */
		d.at[d.len++] = '_';
	}
	for (uint32_t i = 0; i < p->second_len; i += 2)
		put_number(&d, number_at(second + i));
	if (d.len)
		crypt_sha256(slice_of(d.at, d.len - 1), hash);
	for (int i = 0; i < CRYPT_PRINT; i += 2) {
		out[i] = hex[hash[i / 2] >> 4];
		out[i + 1] = hex[hash[i / 2] & 15];
	}
}

/* What lists are kept under, and where. */
struct place {
	struct slice key;
	size_t at;
};

static struct place place_of(struct crypt *crypt, struct parts *p)
{
	size_t len = p->list_len + p->second_len;
	struct place place;

	memset(p->at + len, 0, sizeof(uint64_t));
	place.key = slice_of(p, (KEY_HEAD + len + sizeof(uint64_t) - 1) / sizeof(uint64_t) *
					sizeof(uint64_t));
	place.at = crypt_place_of_print(crypt, place.key);
	return place;
}

/* Appends the hash of lists. */
static char *put_hash(char *out, struct crypt *crypt, const struct parts *p, struct place place)
{
	const char *known = crypt_known_print(crypt, place.at, place.key);

	*out++ = '_';
	if (known) {
		memcpy(out, known, CRYPT_PRINT);
	} else {
		hash_parts(p, out);
		crypt_keep_print(crypt, place.at, place.key, out);
	}
	return out + CRYPT_PRINT;
}

static void take_ciphers(struct parts *p, const struct ja4_hello *h)
{
	p->bits = 1;
	p->list_len = copy_numbers(p->at, slice_of(h->ciphers.at, h->ciphers.len));
	p->second_len = 0;
}

static void take_extensions(struct parts *p, const struct ja4_hello *h)
{
	uint16_t other[JA4_EXTENSIONS_MAX];
	uint8_t *second;

	p->bits = h->low & ~(1ULL << JA4_SERVER_NAME | 1ULL << JA4_ALPN);
	p->list_len = 2U * h->other_count;
	if (h->other_count) {
		memcpy(other, h->other, p->list_len);
		sort_numbers(other, h->other_count);
	}
	for (unsigned i = 0; i < h->other_count; i++) {
		p->at[2 * i] = (uint8_t)(other[i] >> 8);
		p->at[2 * i + 1] = (uint8_t)other[i];
	}
	second = p->at + p->list_len;
	p->second_len = copy_numbers(second, vector_of(&h->algorithms, 2));
	if (p->second_len > 2 * JA4_ALGORITHMS_MAX)
		p->second_len = 2 * JA4_ALGORITHMS_MAX;
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
	struct slice offered = vector_of(&h->versions, 1);
	bool has_one = false;
	uint16_t best = 0;

	for (size_t i = 0; i + 1 < offered.len; i += 2) {
		uint16_t n = number_at(offered.at + i);

		if (is_reserved(n))
			continue;
		if (!has_one || (proto == PROTO_DTLS ? n < best : n > best))
			best = n;
		has_one = true;
	}
	return has_one ? best : h->version;
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

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].version == version) {
			name = rows[i].name;
			break;
		}
	}
	*out++ = name[0];
	*out++ = name[1];
	return out;
}

static struct slice first_protocol(const struct ja4_hello *h)
{
	struct reader list = reader_of(vector_of(&h->protocols, 2));
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

void ja4_write(const struct ja4_hello *h, struct crypt *crypt, struct clue *clue)
{
	struct slice protocol = first_protocol(h);
	struct place of_ciphers, of_extensions;
	struct parts ciphers, extensions;
	char *out = clue->ja4;

	/* Both are on their way from memory while the rest is written. */
	take_ciphers(&ciphers, h);
	of_ciphers = place_of(crypt, &ciphers);
	take_extensions(&extensions, h);
	of_extensions = place_of(crypt, &extensions);
	*out++ = clue->proto == PROTO_QUIC ? 'q' : clue->proto == PROTO_DTLS ? 'd' : 't';
	out = put_version(out, version_of(h, clue->proto));
	*out++ = h->has_name ? 'd' : 'i';
	out = put_count(out, ciphers.list_len / 2);
	out = put_count(out, h->count);
	out = put_protocol(out, protocol);
	out = put_hash(out, crypt, &ciphers, of_ciphers);
	out = put_hash(out, crypt, &extensions, of_extensions);
	*out = '\0';
	write_alpn(protocol, clue);
}
