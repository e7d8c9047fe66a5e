/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: addresses between their 16 bytes and their text, and which of them no public host has.
 *
 * Standards: RFC 5952 (IPv6 text), RFC 4291 2.5.5.2 (mapped IPv4), RFC 6890 and its registries.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>

/* Bits in front of the 32 of a mapped IPv4 address. */
enum { MAPPED_BITS = 96 };

/* The 256 numbers of a dotted quad, since a report has millions of them. */
struct octet {
	char text[3];
	uint8_t len;
};

#define OCTET(s)                 \
	{                        \
		s, sizeof(s) - 1 \
	}
#define TEN(s)                                                                              \
	OCTET(s "0"), OCTET(s "1"), OCTET(s "2"), OCTET(s "3"), OCTET(s "4"), OCTET(s "5"), \
		OCTET(s "6"), OCTET(s "7"), OCTET(s "8"), OCTET(s "9")
static const struct octet octets[256] = {
	TEN(""),      TEN("1"),	    TEN("2"),	  TEN("3"),	TEN("4"),     TEN("5"),
	TEN("6"),     TEN("7"),	    TEN("8"),	  TEN("9"),	TEN("10"),    TEN("11"),
	TEN("12"),    TEN("13"),    TEN("14"),	  TEN("15"),	TEN("16"),    TEN("17"),
	TEN("18"),    TEN("19"),    TEN("20"),	  TEN("21"),	TEN("22"),    TEN("23"),
	TEN("24"),    OCTET("250"), OCTET("251"), OCTET("252"), OCTET("253"), OCTET("254"),
	OCTET("255"),
};
#undef TEN
#undef OCTET

static char *print4(const uint8_t b[4], char *at)
{
	for (int i = 0; i < 4; i++) {
		const struct octet *o = &octets[b[i]];

		memcpy(at, o, sizeof(*o)); /* one byte more than there may be */
		at += o->len;
		*at++ = '.';
	}
	return at - 1;
}

/* The longest run of empty groups, the first of several; *from is 8 when there is none (RFC 5952
 * 4.2). Returns how many. */
static int find_gap(const uint16_t group[8], int *from)
{
	int most = 1;

	*from = 8;
	for (int i = 0, run; i < 8; i += run + 1) {
		for (run = 0; i + run < 8 && !group[i + run]; run++)
			;
		if (run > most) {
			most = run;
			*from = i;
		}
	}
	return most;
}

/* RFC 5952 4, without the dotted forms. */
static char *print6(const struct dpi_addr *a, char *at)
{
	static const char hex[] = "0123456789abcdef";
	uint16_t group[8];
	int gap, len;

	for (int i = 0; i < 8; i++)
		group[i] = (uint16_t)(a->b[2 * i] << 8 | a->b[2 * i + 1]);
	len = find_gap(group, &gap);
	for (int i = 0; i < 8; i++) {
		if (i == gap) {
			*at++ = ':';
			i += len;
			if (i == 8)
				*at++ = ':';
			if (i == 8)
				break;
		}
		if (i)
			*at++ = ':';
		for (int shift = 12; shift >= 0; shift -= 4)
			if (group[i] >> shift || !shift)
				*at++ = hex[group[i] >> shift & 15];
	}
	return at;
}

char *addr_print(const struct dpi_addr *a, char out[ADDR_TEXT_MAX])
{
	if (dpi_addr_is4(a))
		return print4(&a->b[12], out);
	if (a->d[0])
		return print6(a, out);
	/* Some of them have dotted forms. */
	inet_ntop(AF_INET6, a->b, out, ADDR_TEXT_MAX);
	return out + strlen(out);
}

const char *addr_format(const struct dpi_addr *a, char out[ADDR_TEXT_MAX])
{
	*addr_print(a, out) = '\0';
	return out;
}

/* Parses either form; *is4 says that it was written as IPv4. */
static int parse_any(struct slice s, struct dpi_addr *a, bool *is4)
{
	char text[ADDR_TEXT_MAX];
	struct dpi_addr read = {0};
	__be32 v4;

	if (!s.len || s.len >= sizeof(text) || memchr(s.at, '\0', s.len))
		return -EINVAL;
	memcpy(text, s.at, s.len);
	text[s.len] = '\0';
	*is4 = inet_pton(AF_INET, text, &v4) == 1;
	if (*is4)
		dpi_addr_set4(&read, v4);
	else if (inet_pton(AF_INET6, text, read.b) != 1)
		return -EINVAL;
	*a = read;
	return 0;
}

int addr_parse(struct slice s, struct dpi_addr *a)
{
	bool is4;

	return parse_any(s, a, &is4);
}

/* A prefix length: one to three digits, no sign, no leading zero. Returns -1 when it is not one. */
static int parse_prefix(struct slice s)
{
	int n = 0;

	if (!s.len || s.len > 3 || (s.len > 1 && s.at[0] == '0'))
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return -1;
		n = n * 10 + (s.at[i] - '0');
	}
	return n;
}

static void clear_below(struct dpi_addr *a, unsigned bits)
{
	for (unsigned i = 0; i < sizeof(a->b); i++) {
		if (bits >= 8 * (i + 1))
			continue;
		a->b[i] &= bits > 8 * i ? (uint8_t)(0xff << (8 * (i + 1) - bits)) : 0;
	}
}

int addr_parse_net(struct slice s, struct dpi_addr *a, uint8_t *bits)
{
	const uint8_t *slash = s.len ? memchr(s.at, '/', s.len) : NULL;
	size_t addr_len = slash ? (size_t)(slash - s.at) : s.len;
	struct dpi_addr read;
	int prefix = 128;
	bool is4;
	int err;

	err = parse_any(slice_first(s, addr_len), &read, &is4);
	if (err)
		return err;
	if (slash) {
		prefix = parse_prefix(slice_from(s, addr_len + 1));
		if (prefix < 0 || prefix > (is4 ? 32 : 128))
			return -EINVAL;
		if (is4)
			prefix += MAPPED_BITS;
	}
	clear_below(&read, (unsigned)prefix);
	*a = read;
	*bits = (uint8_t)prefix;
	return 0;
}

bool addr_in_net(const struct dpi_addr *a, const struct dpi_addr *net, uint8_t bits)
{
	unsigned whole = bits < 128 ? bits / 8 : 16;
	unsigned rest = bits < 128 ? bits % 8 : 0;

	if (memcmp(a->b, net->b, whole) != 0)
		return false;
	return !rest || !((a->b[whole] ^ net->b[whole]) >> (8 - rest));
}

/* A range as numbers: an address is in it when its bits under the mask are those of first. Of IPv6
 * addresses it is the upper half. */
struct range4 {
	uint32_t first, mask;
};

struct range6 {
	uint64_t first, mask;
};

#define V4(a, b, c, len)                                                                 \
	{                                                                                \
		(uint32_t)(a) << 24 | (b) << 16 | (c) << 8, ~(uint32_t)0 << (32 - (len)) \
	}
#define V6(a, b, c, len)                                                         \
	{                                                                        \
		(uint64_t)(a) << 48 | (uint64_t)(b) << 32 | (uint64_t)(c) << 16, \
			~(uint64_t)0 << (64 - (len))                             \
	}

static const struct range4 reserved4[] = {
	V4(0, 0, 0, 8),	      /* this network */
	V4(10, 0, 0, 8),      /* private */
	V4(100, 64, 0, 10),   /* shared, behind a carrier's NAT */
	V4(127, 0, 0, 8),     /* loopback */
	V4(169, 254, 0, 16),  /* link-local */
	V4(172, 16, 0, 12),   /* private */
	V4(192, 0, 0, 24),    /* protocol assignments */
	V4(192, 0, 2, 24),    /* documentation */
	V4(192, 168, 0, 16),  /* private */
	V4(198, 18, 0, 15),   /* benchmarks */
	V4(198, 51, 100, 24), /* documentation */
	V4(203, 0, 113, 24),  /* documentation */
	V4(224, 0, 0, 4),     /* multicast */
	V4(240, 0, 0, 4),     /* future use, and broadcast */
};

static const struct range6 reserved6[] = {
	V6(0x64, 0xff9b, 1, 48),  /* local translation, RFC 8215 */
	V6(0x100, 0, 0, 64),	  /* discard, RFC 6666 */
	V6(0x2001, 2, 0, 48),	  /* benchmarks, RFC 5180 */
	V6(0x2001, 0x10, 0, 28),  /* ORCHID, RFC 4843 */
	V6(0x2001, 0xdb8, 0, 32), /* documentation */
	V6(0x3fff, 0, 0, 20),	  /* documentation, RFC 9637 */
	V6(0xfc00, 0, 0, 7),	  /* unique local */
	V6(0xfe80, 0, 0, 10),	  /* link-local */
	V6(0xfec0, 0, 0, 10),	  /* site-local, RFC 3879 */
	V6(0xff00, 0, 0, 8),	  /* multicast */
};

bool addr_is_reserved(const struct dpi_addr *a)
{
	uint32_t v4 = dpi_be32(a->w[3]);
	uint64_t high = dpi_be64(a->d[0]);
	bool is = false;

	/* All of them each time: no branch to guess wrong. */
	if (dpi_addr_is4(a)) {
		for (size_t i = 0; i < sizeof(reserved4) / sizeof(reserved4[0]); i++)
			is |= (v4 & reserved4[i].mask) == reserved4[i].first;
		return is;
	}
	if (!high)
		return dpi_be64(a->d[1]) <= 1; /* unspecified, loopback */
	for (size_t i = 0; i < sizeof(reserved6) / sizeof(reserved6[0]); i++)
		is |= (high & reserved6[i].mask) == reserved6[i].first;
	return is;
}

bool addr_is_multicast(const struct dpi_addr *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (!dpi_addr_is4(a))
		return a->b[0] == 0xff;
	return (a->b[12] & 0xf0) == 0xe0 || memcmp(a->b + 12, broadcast, 4) == 0;
}
