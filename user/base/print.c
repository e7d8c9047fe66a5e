/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: printing numbers, times and strings; see print.h. Standard: RFC 8259 7 (strings).
 */
#include "base/print.h"

/* Two digits at a time. */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

/* Exactly so many digits, zeros in front. */
static inline char *put_two(char *at, uint32_t n)
{
	return print_bytes(at, &pairs[2 * n], 2);
}

static inline char *put_four(char *at, uint32_t n)
{
	return put_two(put_two(at, n / 100), n % 100);
}

/* All eight at a time: two numbers of four digits side by side, then four of two, then the digits,
 * the first in the lowest byte. Divisions are products with what is near enough to 1/100, 1/10. */
static inline char *put_eight(char *at, uint32_t n)
{
	uint64_t v = n / 10000 | (uint64_t)(n % 10000) << 32;
	uint64_t upper = (v * 10486 >> 20) & 0x0000007f0000007fULL;

	v = upper | (v - 100 * upper) << 16;
	upper = (v * 103 >> 10) & 0x000f000f000f000fULL;
	v = upper | (v - 10 * upper) << 8;
	v += 0x3030303030303030ULL;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return print_bytes(at, &v, sizeof(v));
}

/* Below ten thousand. */
static inline char *print_small(char *at, uint32_t n)
{
	if (n >= 1000)
		return put_four(at, n);
	if (n >= 100) {
		*at++ = (char)('0' + n / 100);
		return put_two(at, n % 100);
	}
	if (n >= 10)
		return put_two(at, n);
	*at++ = (char)('0' + n);
	return at;
}

char *print_u64(char *at, uint64_t n)
{
	const uint32_t eight = 100000000;

	if (n < 10000)
		return print_small(at, (uint32_t)n);
	if (n < eight)
		return put_four(print_small(at, (uint32_t)n / 10000), (uint32_t)n % 10000);
	return put_eight(print_u64(at, n / eight), (uint32_t)(n % eight));
}

char *print_time(char *at, uint64_t ts_ns)
{
	uint32_t ns = (uint32_t)(ts_ns % 1000000000);

	at = print_u64(at, ts_ns / 1000000000);
	*at++ = '.';
	*at++ = (char)('0' + ns / 100000000);
	return put_eight(at, ns % 100000000);
}

/* Where bytes of x are 0, the highest bit of each is set (and of no other below the first). */
static inline uint64_t empty_bytes(uint64_t x)
{
	return (x - 0x0101010101010101ULL) & ~x & 0x8080808080808080ULL;
}

/* Eight bytes at once: all of them 0x20 to 0x7e, no quote and no backslash. */
static inline bool are_plain(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101ULL, high = 0x80 * ones;

	return !((x & high) || ((x + 0x60 * ones) & high) != high || ((x + ones) & high) ||
		 empty_bytes(x ^ '"' * ones) || empty_bytes(x ^ '\\' * ones));
}

static inline bool is_plain(uint8_t c)
{
	return c >= 0x20 && c <= 0x7e && c != '\\' && c != '"';
}

/* Copies the first bytes that stay as they are. Returns how many. */
static size_t copy_plain(char *at, struct slice s)
{
	size_t i = 0;
	uint64_t x;

	for (; s.len - i >= sizeof(x); i += sizeof(x)) {
		memcpy(&x, s.at + i, sizeof(x));
		if (!are_plain(x))
			break;
		memcpy(at + i, &x, sizeof(x));
	}
	/* The last ones once more, with those in front of them. */
	if (i && s.len - i < sizeof(x)) {
		memcpy(&x, s.at + s.len - sizeof(x), sizeof(x));
		memcpy(at + s.len - sizeof(x), &x, sizeof(x));
		if (are_plain(x))
			return s.len;
	}
	for (; i < s.len && is_plain(s.at[i]); i++)
		at[i] = (char)s.at[i];
	return i;
}

char *print_json(char *at, struct slice s)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	*at++ = '"';
	i = copy_plain(at, s);
	at += i;
	for (; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (is_plain(c)) {
			*at++ = (char)c;
		} else if (c == '"') {
			at = PRINT_LITERAL(at, "\\\"");
		} else {
			at = PRINT_LITERAL(at, "\\\\x");
			*at++ = hex[c >> 4];
			*at++ = hex[c & 15];
		}
	}
	*at++ = '"';
	return at;
}
