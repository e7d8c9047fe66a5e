/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the bytes of a header block, and the numbers and strings they make. For hpack.c.
 *
 * No length of a string is trusted: a string is walked piece by piece, and its number says no more
 * than when to stop.
 *
 * Standard: RFC 7541 5.
 */
#include "extract/hpack_string.h"

#include "extract/hpack_table.h"

enum {
	NUMBER_BYTES_MAX = 5, /* behind the first: enough for 32 bits */
	PADDING_MAX = 7,
	SYMBOL_EOS = 256,
};

/* --- bytes of a block ------------------------------------------------------------------------ */

enum hpack_answer hpack_reach_byte(struct hpack_block *b)
{
	while (b->place.at == b->place.end) {
		enum hpack_answer answer = b->place.is_last ? HPACK_END : b->next(b);

		if (answer != HPACK_OK)
			return answer;
	}
	return b->place.at < b->wire.len ? HPACK_OK : HPACK_SHORT;
}

/* In the midst of a field the block may not end. */
static enum hpack_answer take_byte(struct hpack_block *b, uint8_t *out)
{
	enum hpack_answer answer = hpack_reach_byte(b);

	if (answer == HPACK_OK)
		*out = b->wire.at[b->place.at++];
	return answer == HPACK_END ? HPACK_BAD : answer;
}

enum hpack_answer hpack_skip_bytes(struct hpack_block *b, uint32_t len)
{
	while (len) {
		enum hpack_answer answer = hpack_reach_byte(b);
		uint32_t part = b->place.end - b->place.at;

		if (answer != HPACK_OK)
			return answer == HPACK_END ? HPACK_BAD : answer;
		part = part < len ? part : len;
		b->place.at += part;
		len -= part;
	}
	return b->place.at <= b->wire.len ? HPACK_OK : HPACK_SHORT;
}

enum hpack_answer hpack_take_number(struct hpack_block *b, uint8_t first, int bits, uint32_t *out)
{
	uint64_t n = first & ((1U << bits) - 1), mask = (1U << bits) - 1;

	for (int i = 0; n >= mask; i++) {
		enum hpack_answer answer;
		uint8_t c;

		if (i == NUMBER_BYTES_MAX)
			return HPACK_BAD;
		answer = take_byte(b, &c);
		if (answer != HPACK_OK)
			return answer;
		n += (uint64_t)(c & 0x7f) << (7 * i);
		if (!(c & 0x80))
			break;
	}
	if (n > UINT32_MAX)
		return HPACK_BAD;
	*out = (uint32_t)n;
	return HPACK_OK;
}

/* --- strings --------------------------------------------------------------------------------- */

static void text_add(struct hpack_text *t, uint8_t c)
{
	if (t->len < t->room)
		t->at[t->len] = c;
	t->len++;
}

/* The code at the left of 32 bits; never NULL, as the last row takes all that is left. */
static const struct hpack_code *find_code(uint32_t bits)
{
	const struct hpack_code *code = hpack_code;

	while (bits >= code->limit)
		code++;
	return code;
}

/* RFC 7541 5.2: what is left over is fewer than 8 bits, all of them ones. */
static bool is_padding(uint64_t held, unsigned count)
{
	return count <= PADDING_MAX && (held & ((1U << count) - 1)) == (1U << count) - 1;
}

static enum hpack_answer read_huffman(struct hpack_block *b, uint32_t wire_len,
				      struct hpack_text *out)
{
	uint64_t held = 0; /* the low `count` bits are still to be read */
	unsigned count = 0;

	for (;;) {
		const struct hpack_code *code;
		uint32_t bits;
		uint16_t symbol;
		uint8_t c;

		while (count <= 32 && wire_len) {
			enum hpack_answer answer = take_byte(b, &c);

			if (answer != HPACK_OK)
				return answer;
			held = held << 8 | c;
			count += 8;
			wire_len--;
		}
		bits = count >= 32 ? (uint32_t)(held >> (count - 32))
				   : (uint32_t)(held << (32 - count)) | (UINT32_MAX >> count);
		code = find_code(bits);
		if (code->bits > count)
			return is_padding(held, count) ? HPACK_OK : HPACK_BAD;
		symbol = hpack_symbol[code->at + ((bits >> (32 - code->bits)) - code->first)];
		if (symbol == SYMBOL_EOS)
			return HPACK_BAD;
		text_add(out, (uint8_t)symbol);
		count -= code->bits;
	}
}

static enum hpack_answer read_plain(struct hpack_block *b, uint32_t wire_len,
				    struct hpack_text *out)
{
	for (out->len = 0; out->len < wire_len && out->len < out->room; out->len++) {
		enum hpack_answer answer = take_byte(b, &out->at[out->len]);

		if (answer != HPACK_OK)
			return answer;
	}
	wire_len -= out->len;
	out->len += wire_len;
	return hpack_skip_bytes(b, wire_len);
}

enum hpack_answer hpack_take_string(struct hpack_block *b, struct hpack_string *s)
{
	uint8_t first = 0;
	enum hpack_answer answer = take_byte(b, &first);

	if (answer == HPACK_OK)
		answer = hpack_take_number(b, first, 7, &s->wire_len);
	s->is_huffman = first & 0x80;
	return answer;
}

enum hpack_answer hpack_read_string(struct hpack_block *b, const struct hpack_string *s,
				    struct hpack_text *out)
{
	out->len = 0;
	return s->is_huffman ? read_huffman(b, s->wire_len, out) : read_plain(b, s->wire_len, out);
}
