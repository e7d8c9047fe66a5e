/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the form table's row for CoAP, whose head says little: so every option must be one
 * that is registered.
 *
 * Standards: RFC 7252 3 and 12, RFC 7641, RFC 7959, RFC 8613 (options).
 */
#include "extract/form.h"

#include "base/reader.h"

/* A part of an option's first byte, which may go on in one byte or two. */
static uint32_t take_nibble(struct reader *r, uint8_t nibble)
{
	switch (nibble) {
	case 13: return reader_u8(r) + 13U;
	case 14: return reader_u16(r) + 269U;
	case 15: r->bad = true; return 0;
	default: return nibble;
	}
}

/* Codes that are in use (the CoAP registry of RFC 7252 12.1). */
static bool is_code(uint8_t type, uint8_t code)
{
	uint8_t class = code >> 5, detail = code & 31;

	switch (class) {
	case 0: return detail >= 1 && detail <= 7 && type <= 1;
	case 2: return (detail >= 1 && detail <= 5) || detail == 31;
	case 4: return detail <= 15 || detail == 22 || detail == 29;
	case 5: return detail <= 8;
	default: return false;
	}
}

/* One that is known, of a length it may have, and of text where it is one. */
static bool is_option(uint32_t number, struct slice value)
{
	static const struct {
		uint8_t number;
		uint16_t len_max;
		bool is_text;
	} known[] = {{1, 8, false},    {3, 255, true},	{4, 8, false},	{5, 0, false},
		     {6, 3, false},    {7, 2, false},	{8, 255, true}, {9, 255, false},
		     {11, 255, true},  {12, 2, false},	{14, 4, false}, {15, 255, true},
		     {16, 1, false},   {17, 2, false},	{19, 3, false}, {20, 255, true},
		     {23, 3, false},   {27, 3, false},	{28, 4, false}, {31, 3, false},
		     {35, 1034, true}, {39, 255, true}, {60, 4, false}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].number != number || value.len > known[i].len_max)
			continue;
		for (size_t k = 0; known[i].is_text && k < value.len; k++)
			if (value.at[k] < 0x20 || value.at[k] == 0x7f)
				return false;
		return true;
	}
	return false;
}

/*
 * On its own port: version 1, a token, known options to the end or to a payload.
 *  | version (2) | type (2) | token length (4) | code (8) | message (16) | token | options |
 * Without an option it is an empty message, or content.
 */
enum extract_answer form_coap(const struct form_look *l)
{
	enum { TOKEN_MAX = 8, MARKER = 0xff, CONTENT = 0x45 };
	struct reader r = reader_of(l->bytes);
	uint8_t first = reader_u8(&r), code = reader_u8(&r);
	uint32_t option = 0;

	if (first >> 6 != 1 || (first & 15) > TOKEN_MAX)
		return EXTRACT_NOT_MINE;
	reader_skip(&r, 2U + (first & 15));
	if (code == 0)
		return form_when(!r.bad && !r.left && (first & 15) == 0);
	if (!is_code(first >> 4 & 3, code))
		return EXTRACT_NOT_MINE;
	while (r.left && !r.bad) {
		uint8_t head = reader_u8(&r);

		if (head == MARKER)
			return form_when(r.left > 0 && (option || code == CONTENT));
		option += take_nibble(&r, head >> 4);
		if (!is_option(option, reader_take(&r, take_nibble(&r, head & 15))))
			return EXTRACT_NOT_MINE;
	}
	return form_when(!r.bad && option);
}
