/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: the C library's snprintf() as far as the rooms use it, at a tenth of the size: %d %u
 * %x %s %c %f %%, the lengths h l ll z, width, precision, '-' and '0'. Text and numbers come out as
 * the C library has them, to the last digit; a %f must fit into 64 bits without its point.
 * Standard: C11 7.21.6.1.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct out {
	char *at;
	size_t size, len; /* len may pass size: what it would have taken */
};

/* One conversion. */
struct spec {
	bool is_left, is_zero;
	int width, precision; /* precision -1: not given */
	int longs;	      /* l: 1, ll: 2 */
};

static void put(struct out *o, const char *text, size_t len)
{
	size_t room = o->len < o->size ? o->size - o->len : 0;

	if (room)
		memcpy(o->at + o->len, text, len < room ? len : room);
	o->len += len;
}

static void fill(struct out *o, char c, int count)
{
	for (; count > 0; count--)
		put(o, &c, 1);
}

/* A text, or a number's digits with the sign in front of them, in the field. */
static void put_field(struct out *o, const struct spec *s, bool is_negative, const char *text,
		      size_t len, int zeros)
{
	int blank = s->width - (int)len - zeros - is_negative;

	if (s->is_zero && blank > 0) {
		zeros += blank;
		blank = 0;
	}
	if (!s->is_left)
		fill(o, ' ', blank);
	if (is_negative)
		put(o, "-", 1);
	fill(o, '0', zeros);
	put(o, text, len);
	if (s->is_left)
		fill(o, ' ', blank);
}

enum { DIGITS_MAX = 40 };

/* Digits of v, ending at end. Returns where they begin. */
static char *digits(char *end, uint64_t v, unsigned base)
{
	for (; v; v /= base)
		*--end = "0123456789abcdef"[v % base];
	return end;
}

static void put_number(struct out *o, struct spec s, bool is_negative, uint64_t v, unsigned base)
{
	char text[DIGITS_MAX];
	char *at = digits(text + DIGITS_MAX, v, base);
	int len = (int)(text + DIGITS_MAX - at), least = s.precision < 0 ? 1 : s.precision;

	if (s.precision >= 0)
		s.is_zero = false;
	put_field(o, &s, is_negative, at, (size_t)len, least > len ? least - len : 0);
}

/* v times 10^places, rounded to the nearest, to the even one of two: exact, since 53 bits and the
 * power fit into 128. v is not negative. What has no room in 64 bits is the largest that has. */
static uint64_t scaled(double v, int places)
{
	uint64_t bits, fraction;
	unsigned __int128 all, rest, half;
	int exponent;

	memcpy(&bits, &v, sizeof(bits));
	exponent = (int)(bits >> 52 & 0x7ff);
	fraction = bits & (UINT64_MAX >> 12);
	all = exponent ? fraction | 1ULL << 52 : fraction;
	exponent = (exponent ? exponent : 1) - 1075;
	for (; places > 0; places--)
		all *= 10;
	if (exponent >= 0)
		return exponent < 64 && all << exponent >> exponent == all &&
				       !(all << exponent >> 64)
			       ? (uint64_t)(all << exponent)
			       : UINT64_MAX;
	if (exponent < -126)
		return 0;
	half = (unsigned __int128)1 << (-exponent - 1);
	rest = all & (2 * half - 1);
	all >>= -exponent;
	all += rest > half || (rest == half && (all & 1));
	return all >> 64 ? UINT64_MAX : (uint64_t)all;
}

static void put_double(struct out *o, const struct spec *s, double v)
{
	int places = s->precision < 0 ? 6 : s->precision < 9 ? s->precision : 9;
	char text[DIGITS_MAX], *at;
	bool is_negative = v < 0;

	at = digits(text + DIGITS_MAX, scaled(is_negative ? -v : v, places), 10);
	while (text + DIGITS_MAX - at <= places)
		*--at = '0';
	if (places) {
		size_t whole = (size_t)(text + DIGITS_MAX - at) - (size_t)places;

		memmove(at - 1, at, whole);
		at--;
		at[whole] = '.';
	}
	put_field(o, s, is_negative, at, (size_t)(text + DIGITS_MAX - at), 0);
}

static void put_text(struct out *o, const struct spec *s, const char *text)
{
	struct spec field = *s;

	field.is_zero = false;
	put_field(o, &field, false, text,
		  s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision), 0);
}

/* Reads a number, or takes it from the arguments. */
static int take_int(const char **at, va_list *args)
{
	int n = 0;

	if (**at == '*') {
		(*at)++;
		return va_arg(*args, int);
	}
	for (; **at >= '0' && **at <= '9'; (*at)++)
		n = 10 * n + (**at - '0');
	return n;
}

static struct spec take_spec(const char **at, va_list *args)
{
	struct spec s = {.precision = -1};

	for (;; (*at)++) {
		if (**at == '-')
			s.is_left = true;
		else if (**at == '0')
			s.is_zero = true;
		else
			break;
	}
	s.width = take_int(at, args);
	if (s.width < 0) {
		s.is_left = true;
		s.width = -s.width;
	}
	if (s.is_left)
		s.is_zero = false;
	if (**at == '.') {
		(*at)++;
		s.precision = take_int(at, args);
	}
	for (; **at == 'l' || **at == 'z' || **at == 'h'; (*at)++)
		s.longs += **at == 'l' || (**at == 'z' && sizeof(size_t) == sizeof(long));
	return s;
}

static uint64_t take_unsigned(const struct spec *s, va_list *args)
{
	return s->longs > 1    ? va_arg(*args, unsigned long long)
	       : s->longs == 1 ? va_arg(*args, unsigned long)
			       : va_arg(*args, unsigned);
}

static int64_t take_signed(const struct spec *s, va_list *args)
{
	return s->longs > 1    ? va_arg(*args, long long)
	       : s->longs == 1 ? va_arg(*args, long)
			       : va_arg(*args, int);
}

static void convert(struct out *o, const char **at, va_list *args)
{
	struct spec s = take_spec(at, args);
	int64_t v;
	char c;

	switch (*(*at)++) {
	case 'd':
		v = take_signed(&s, args);
		put_number(o, s, v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
		break;
	case 'u': put_number(o, s, false, take_unsigned(&s, args), 10); break;
	case 'x': put_number(o, s, false, take_unsigned(&s, args), 16); break;
	case 's': put_text(o, &s, va_arg(*args, const char *)); break;
	case 'f': put_double(o, &s, va_arg(*args, double)); break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_field(o, &s, false, &c, 1, 0);
		break;
	default: put(o, "%", 1);
	}
}

static int format_all(char *out, size_t size, const char *at, va_list *args)
{
	struct out o = {.at = out, .size = size ? size - 1 : 0};

	while (*at) {
		size_t len = strcspn(at, "%");

		put(&o, at, len);
		at += len;
		if (*at) {
			at++;
			convert(&o, &at, args);
		}
	}
	if (size)
		out[o.len < o.size ? o.len : o.size] = '\0';
	return o.len <= INT_MAX ? (int)o.len : -1;
}

int vsnprintf(char *restrict out, size_t size, const char *restrict format, va_list given)
{
	va_list args;
	int n;

	va_copy(args, given);
	n = format_all(out, size, format, &args);
	va_end(args);
	return n;
}

int snprintf(char *restrict out, size_t size, const char *restrict format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = format_all(out, size, format, &args);
	va_end(args);
	return n;
}
