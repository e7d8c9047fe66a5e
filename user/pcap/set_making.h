/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A pcapng block put together in another byte order. Private to the pcap room; see set_blocks.c.
 */
#ifndef PCAP_SET_MAKING_H
#define PCAP_SET_MAKING_H

#include "pcap/set.h"

/* Block types, draft-ietf-opsawg-pcapng 4 and 11.1. */
enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE = 3,
	BLOCK_NAMES = 4,
	BLOCK_STATISTICS = 5,
	BLOCK_ENHANCED = 6,
	BLOCK_JOURNAL = 9,
	BLOCK_SECRETS = 10,
	BLOCK_CUSTOM = 0xbad,
	BLOCK_HEAD = 8,
	BLOCK_FRAME = 12, /* head, and the length again behind the body */
};

struct making {
	const struct set_head *from, *to; /* byte orders */
	uint8_t *at;			  /* in the scratch of the set */
	size_t len;
};

static inline size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* Begins a block of at most room bytes of body. False: no memory. */
bool making_begin(struct capture_set *set, const struct set_head *from, uint32_t type, size_t room,
		  struct making *k);
/* Ends it: writes its lengths, gives it to *r as a piece that is no frame. Returns 1. */
int making_end(struct making *k, struct capture_record *r);

void making_u32(struct making *k, uint32_t v);
void making_two_u16(struct making *k, uint16_t first, uint16_t second);
void making_bytes(struct making *k, struct slice s); /* as they are, filled up to four */

/*
 * A list of code, length, value: options of a kind of block, or (is_records) name records, whose
 * values are bytes. In the same byte order all of them as they are, else those that are known. Lies
 * end the list. Returns what is behind it.
 */
struct slice making_list(struct making *k, struct slice s, uint32_t block, bool is_records);

#endif
