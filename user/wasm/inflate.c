/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: RFC 1951 as a machine that stops wherever its input or its room ends. What a step
 * needs is taken whole or not at all, and no step needs more than 48 bits.
 */
#include "wasm/inflate.h"

enum { LITERALS = 256, END = 256, LENGTH_SYMBOLS = 29 };

/* What a step came to. */
enum step { STEP_ON, STEP_WAIT };

/* 3.2.5: the least length or distance of each symbol, and its further bits. */
static const uint16_t length_base[LENGTH_SYMBOLS] = {3,	 4,  5,	 6,   7,   8,	9,   10,  11, 13,
						     15, 17, 19, 23,  27,  31,	35,  43,  51, 59,
						     67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_bits[LENGTH_SYMBOLS] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
						    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distance_base[INFLATE_DISTANCES] = {
	1,   2,	  3,   4,   5,	 7,    9,    13,   17,	 25,   33,   49,   65,	  97,	 129,
	193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t distance_bits[INFLATE_DISTANCES] = {0, 0, 0,  0,  1,  1,  2,  2,  3,  3,
							 4, 4, 5,  5,  6,  6,  7,  7,  8,  8,
							 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

void inflate_begin(struct inflate *z)
{
	z->state = INFLATE_BLOCK;
	z->is_last = false;
	z->bits = 0;
	z->bit_count = 0;
	z->window_at = 0;
	z->given = 0;
}

static enum step bad(struct inflate *z, const char *what)
{
	z->state = INFLATE_BAD;
	z->what = what;
	return STEP_ON;
}

static void refill(struct inflate *z, struct slice *in)
{
	while (z->bit_count <= 56 && in->len) {
		z->bits |= (uint64_t)in->at[0] << z->bit_count;
		z->bit_count += 8;
		*in = slice_from(*in, 1);
	}
}

/* Takes n bits, which are there. */
static unsigned take(struct inflate *z, unsigned n)
{
	unsigned v = (unsigned)(z->bits & ((1U << n) - 1));

	z->bits >>= n;
	z->bit_count -= n;
	return v;
}

/* Makes a code of its lengths. False: more codes than there can be, or (3.2.7) fewer, unless it is
 * a single one. */
static bool make_code(struct inflate_code *c, const uint8_t *length, unsigned n)
{
	uint16_t next[INFLATE_CODE_MAX + 2] = {0};
	int left = 1;

	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < n; i++)
		c->count[length[i]]++;
	for (int len = 1; len <= INFLATE_CODE_MAX; len++) {
		left = 2 * left - c->count[len];
		if (left < 0)
			return false;
		next[len + 1] = (uint16_t)(next[len] + c->count[len]);
	}
	if (left > 0 && n - c->count[0] > 1)
		return false;
	c->count[0] = 0;
	for (unsigned i = 0; i < n; i++)
		if (length[i])
			c->symbol[next[length[i]]++] = (uint16_t)i;
	return true;
}

/* Fills in what short codes stand for; their bits come highest first. */
static void make_fast(struct inflate_code *c)
{
	unsigned code = 0, at = 0;

	for (unsigned len = 1; len <= INFLATE_FAST; len++, code <<= 1) {
		for (unsigned i = 0; i < c->count[len]; i++, code++, at++) {
			unsigned turned = 0;

			for (unsigned b = 0; b < len; b++)
				turned |= (code >> b & 1) << (len - 1 - b);
			for (; turned < 1 << INFLATE_FAST; turned += 1U << len)
				c->fast[turned] = (uint16_t)(c->symbol[at] << 4 | len);
		}
	}
}

/* The next symbol of a code; -1: bits are missing, -2: there is no such code. */
static int take_symbol(struct inflate *z, const struct inflate_code *c)
{
	unsigned fast = c->fast[z->bits & ((1 << INFLATE_FAST) - 1)];
	int code = 0, first = 0, at = 0;

	if (fast && (fast & 15) <= z->bit_count) {
		take(z, fast & 15);
		return (int)(fast >> 4);
	}
	for (unsigned len = 1; len <= INFLATE_CODE_MAX; len++) {
		if (len > z->bit_count)
			return -1;
		code |= (int)(z->bits >> (len - 1) & 1);
		if (code - first < c->count[len]) {
			take(z, len);
			return c->symbol[at + code - first];
		}
		at += c->count[len];
		first = (first + c->count[len]) << 1;
		code <<= 1;
	}
	return -2;
}

/* 3.2.6 */
static void fixed_codes(struct inflate *z)
{
	for (unsigned i = 0; i < INFLATE_SYMBOLS; i++)
		z->length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	make_code(&z->code[0], z->length, INFLATE_SYMBOLS);
	memset(z->length, 5, 32);
	/* Two of the 32 stand for nothing. */
	make_code(&z->code[1], z->length, 32);
	make_fast(&z->code[0]);
	make_fast(&z->code[1]);
}

static enum step block(struct inflate *z)
{
	if (z->is_last) {
		z->state = INFLATE_DONE;
		return STEP_ON;
	}
	if (z->bit_count < 3)
		return STEP_WAIT;
	z->is_last = take(z, 1);
	switch (take(z, 2)) {
	case 0: z->state = INFLATE_STORED; break;
	case 1:
		fixed_codes(z);
		z->state = INFLATE_DATA;
		break;
	case 2: z->state = INFLATE_COUNTS; break;
	default: return bad(z, "invalid block type");
	}
	return STEP_ON;
}

/* 3.2.4 */
static enum step stored(struct inflate *z)
{
	unsigned len, other;

	if (z->bit_count < 32 + z->bit_count % 8)
		return STEP_WAIT;
	take(z, z->bit_count % 8);
	len = take(z, 16);
	other = take(z, 16);
	if (len != (~other & 0xffff))
		return bad(z, "invalid stored block lengths");
	z->left = len;
	z->state = INFLATE_COPY;
	return STEP_ON;
}

/* 3.2.7 */
static enum step counts(struct inflate *z)
{
	if (z->bit_count < 14)
		return STEP_WAIT;
	z->symbol_count = take(z, 5) + 257;
	z->distance_count = take(z, 5) + 1;
	z->order_count = take(z, 4) + 4;
	if (z->symbol_count > 286 || z->distance_count > INFLATE_DISTANCES)
		return bad(z, "too many length or distance symbols");
	memset(z->length, 0, sizeof(z->length));
	z->at = 0;
	z->state = INFLATE_ORDER;
	return STEP_ON;
}

static enum step order(struct inflate *z)
{
	static const uint8_t orders[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
					   11, 4,  12, 3, 13, 2, 14, 1, 15};

	if (z->at < z->order_count) {
		if (z->bit_count < 3)
			return STEP_WAIT;
		z->length[orders[z->at++]] = (uint8_t)take(z, 3);
		return STEP_ON;
	}
	if (!make_code(&z->code[0], z->length, 19))
		return bad(z, "invalid code lengths set");
	make_fast(&z->code[0]);
	memset(z->length, 0, sizeof(z->length));
	z->at = 0;
	z->state = INFLATE_LENGTHS;
	return STEP_ON;
}

static enum step own_codes(struct inflate *z)
{
	if (!z->length[END])
		return bad(z, "invalid code: it has no end");
	if (!make_code(&z->code[0], z->length, z->symbol_count))
		return bad(z, "invalid literal/lengths set");
	if (!make_code(&z->code[1], z->length + z->symbol_count, z->distance_count))
		return bad(z, "invalid distances set");
	make_fast(&z->code[0]);
	make_fast(&z->code[1]);
	z->state = INFLATE_DATA;
	return STEP_ON;
}

static enum step lengths(struct inflate *z)
{
	static const struct {
		uint8_t least, bits;
	} runs[] = {{3, 2}, {3, 3}, {11, 7}}; /* of symbols 16, 17, 18 */
	unsigned end = z->symbol_count + z->distance_count, n;
	uint64_t bits = z->bits;
	unsigned bit_count = z->bit_count;
	uint8_t value = 0;
	int s;

	if (z->at == end)
		return own_codes(z);
	s = take_symbol(z, &z->code[0]);
	if (s == -2)
		return bad(z, "invalid code lengths");
	if (s >= 0 && s < 16) {
		z->length[z->at++] = (uint8_t)s;
		return STEP_ON;
	}
	if (s < 0 || z->bit_count < runs[s - 16].bits) {
		z->bits = bits;
		z->bit_count = bit_count;
		return STEP_WAIT;
	}
	n = runs[s - 16].least + take(z, runs[s - 16].bits);
	if (n > end - z->at || (s == 16 && !z->at))
		return bad(z, "invalid bit length repeat");
	if (s == 16)
		value = z->length[z->at - 1];
	memset(z->length + z->at, value, n);
	z->at += n;
	return STEP_ON;
}

/* Where bytes go. */
struct room {
	uint8_t *at;
	size_t len, cap;
};

static void put(struct inflate *z, struct room *r, uint8_t byte)
{
	r->at[r->len++] = byte;
	z->window[z->window_at] = byte;
	z->window_at = (z->window_at + 1) % INFLATE_WINDOW;
	z->given++;
}

/* A length was read: the rest of a match. -1: bits are missing, -2: it makes no sense. */
static int take_match(struct inflate *z, int symbol)
{
	int d;

	symbol -= LITERALS + 1;
	if (symbol >= LENGTH_SYMBOLS)
		return -2;
	if (z->bit_count < length_bits[symbol])
		return -1;
	z->left = length_base[symbol] + take(z, length_bits[symbol]);
	d = take_symbol(z, &z->code[1]);
	if (d < 0)
		return d;
	if (d >= INFLATE_DISTANCES)
		return -2;
	if (z->bit_count < distance_bits[d])
		return -1;
	z->distance = distance_base[d] + take(z, distance_bits[d]);
	return z->distance > z->given || z->distance > INFLATE_WINDOW ? -3 : 0;
}

static enum step data(struct inflate *z, struct room *r)
{
	uint64_t bits = z->bits;
	unsigned bit_count = z->bit_count;
	int s = take_symbol(z, &z->code[0]), m = 0;

	if (s >= 0 && s < LITERALS) {
		put(z, r, (uint8_t)s);
		return STEP_ON;
	}
	if (s == END) {
		z->state = INFLATE_BLOCK;
		return STEP_ON;
	}
	if (s > END)
		m = take_match(z, s);
	if (s == -1 || m == -1) {
		z->bits = bits;
		z->bit_count = bit_count;
		return STEP_WAIT;
	}
	if (m == -3)
		return bad(z, "invalid distance too far back");
	if (s < 0 || m < 0)
		return bad(z, "invalid code");
	z->state = INFLATE_REPEAT;
	return STEP_ON;
}

static enum step repeat(struct inflate *z, struct room *r)
{
	for (; z->left && r->len < r->cap; z->left--)
		put(z, r, z->window[(z->window_at - z->distance) % INFLATE_WINDOW]);
	if (!z->left)
		z->state = INFLATE_DATA;
	return STEP_ON;
}

/* A byte of a stored block; those that were taken into bits come first. */
static enum step copy(struct inflate *z, struct room *r, struct slice *in)
{
	for (; z->left && r->len < r->cap; z->left--) {
		if (z->bit_count >= 8) {
			put(z, r, (uint8_t)take(z, 8));
		} else if (in->len) {
			put(z, r, in->at[0]);
			*in = slice_from(*in, 1);
		} else {
			return STEP_WAIT;
		}
	}
	if (!z->left)
		z->state = INFLATE_BLOCK;
	return STEP_ON;
}

void inflate_run(struct inflate *z, struct slice *in, uint8_t *out, size_t *len)
{
	struct room r = {.at = out, .cap = *len};
	enum step step = STEP_ON;
	const uint8_t *begin = in->at;

	while (step == STEP_ON && z->state < INFLATE_DONE && r.len < r.cap) {
		if (z->state != INFLATE_COPY)
			refill(z, in);
		switch (z->state) {
		case INFLATE_BLOCK: step = block(z); break;
		case INFLATE_STORED: step = stored(z); break;
		case INFLATE_COPY: step = copy(z, &r, in); break;
		case INFLATE_COUNTS: step = counts(z); break;
		case INFLATE_ORDER: step = order(z); break;
		case INFLATE_LENGTHS: step = lengths(z); break;
		case INFLATE_DATA: step = data(z, &r); break;
		default: step = repeat(z, &r); break;
		}
	}
	/* Whole bytes that belong to what follows. */
	if (z->state == INFLATE_DONE)
		take(z, z->bit_count % 8);
	for (; z->state == INFLATE_DONE && z->bit_count && in->at > begin; z->bit_count -= 8)
		*in = slice_of(in->at - 1, in->len + 1);
	*len = r.len;
}
