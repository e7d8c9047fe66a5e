/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Blocks of pcapng in another byte order, and how the values of their options are stored. Room:
 * pcap. Standard: draft-ietf-opsawg-pcapng 3 and 4.
 */
#include "pcap/set_making.h"

/* How the value of an option is stored, by block: bytes, or numbers of so many bytes. Comments and
 * custom ones that may be copied are the same in all blocks. */
static const struct {
	uint32_t block;
	uint16_t code, width;
} options[] = {
	{0, 1, 1},		  /* comment */
	{0, 2988, 4},		  /* custom text: its enterprise number, then bytes */
	{0, 2989, 4},		  /* custom bytes */
	{BLOCK_INTERFACE, 2, 1},  /* name */
	{BLOCK_INTERFACE, 3, 1},  /* description */
	{BLOCK_INTERFACE, 4, 1},  /* IPv4 address and mask */
	{BLOCK_INTERFACE, 5, 1},  /* IPv6 address and prefix */
	{BLOCK_INTERFACE, 6, 1},  /* MAC address */
	{BLOCK_INTERFACE, 7, 1},  /* EUI address */
	{BLOCK_INTERFACE, 8, 8},  /* speed */
	{BLOCK_INTERFACE, 9, 1},  /* resolution */
	{BLOCK_INTERFACE, 10, 4}, /* time zone */
	{BLOCK_INTERFACE, 12, 1}, /* operating system */
	{BLOCK_INTERFACE, 13, 1}, /* FCS length */
	{BLOCK_INTERFACE, 14, 8}, /* time offset */
	{BLOCK_INTERFACE, 15, 1}, /* hardware */
	{BLOCK_INTERFACE, 16, 8}, /* transmit speed */
	{BLOCK_INTERFACE, 17, 8}, /* receive speed */
	{BLOCK_ENHANCED, 2, 4},	  /* flags */
	{BLOCK_ENHANCED, 3, 1},	  /* hash */
	{BLOCK_ENHANCED, 4, 8},	  /* drop count */
	{BLOCK_ENHANCED, 5, 8},	  /* packet id */
	{BLOCK_ENHANCED, 6, 4},	  /* queue */
	{BLOCK_STATISTICS, 2, 4}, /* start: two words */
	{BLOCK_STATISTICS, 3, 4}, /* end: two words */
	{BLOCK_STATISTICS, 4, 8}, /* received, dropped by the interface, ... */
	{BLOCK_STATISTICS, 5, 8},
	{BLOCK_STATISTICS, 6, 8},
	{BLOCK_STATISTICS, 7, 8},
	{BLOCK_STATISTICS, 8, 8},
	{BLOCK_NAMES, 2, 1}, /* name of the server */
	{BLOCK_NAMES, 3, 1}, /* its IPv4 address */
	{BLOCK_NAMES, 4, 1}, /* its IPv6 address */
};

static uint16_t width_of(uint32_t block, uint16_t code)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if ((options[i].block == block || options[i].block == 0) && options[i].code == code)
			return options[i].width;
	}
	return 0;
}

/* A value in the other byte order; of custom options only the first number is one. */
static void swap_value(uint8_t *at, uint16_t len, uint16_t code, uint16_t width)
{
	size_t end = code == 2988 || code == 2989 ? width : len;

	for (size_t i = 0; width > 1 && i + width <= end && i + width <= len; i += width) {
		for (size_t j = 0; j < width / 2; j++) {
			uint8_t t = at[i + j];

			at[i + j] = at[i + width - 1 - j];
			at[i + width - 1 - j] = t;
		}
	}
}

void making_u32(struct making *k, uint32_t v)
{
	set_put32(k->to, k->at + k->len, v);
	k->len += 4;
}

void making_two_u16(struct making *k, uint16_t first, uint16_t second)
{
	set_put16(k->to, k->at + k->len, first);
	set_put16(k->to, k->at + k->len + 2, second);
	k->len += 4;
}

void making_bytes(struct making *k, struct slice s)
{
	if (s.len > 0)
		memcpy(k->at + k->len, s.at, s.len);
	memset(k->at + k->len + s.len, 0, padded(s.len) - s.len);
	k->len += padded(s.len);
}

bool making_begin(struct capture_set *set, const struct set_head *from, uint32_t type, size_t room,
		  struct making *k)
{
	*k = (struct making){.from = from, .to = &set->head};
	k->at = set_scratch(set, padded(room) + BLOCK_FRAME);
	if (!k->at)
		return false;
	making_u32(k, type);
	making_u32(k, 0);
	return true;
}

int making_end(struct making *k, struct capture_record *r)
{
	set_put32(k->to, k->at + 4, (uint32_t)k->len + 4);
	making_u32(k, (uint32_t)k->len + 4);
	r->is_frame = false;
	r->raw = slice_of(k->at, k->len);
	return 1;
}

struct slice making_list(struct making *k, struct slice s, uint32_t block, bool is_records)
{
	if (k->from->is_swapped == k->to->is_swapped) {
		making_bytes(k, s);
		return slice_from(s, s.len);
	}
	while (s.len >= 4) {
		uint16_t code = set_u16(k->from, s.at), len = set_u16(k->from, s.at + 2);
		uint16_t width = is_records ? 1 : width_of(block, code);
		struct slice value = slice_first(slice_from(s, 4), len);

		s = slice_from(s, 4 + padded(len));
		if (value.len < len)
			break;
		if (code != 0 && width == 0)
			continue;
		making_two_u16(k, code, code ? len : 0);
		if (code == 0)
			break;
		making_bytes(k, value);
		swap_value(k->at + k->len - padded(len), len, code, width);
	}
	return s;
}
