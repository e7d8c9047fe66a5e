/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: pcap/unpack.h without a library: gzip, whose members are read one after another and
 * held against their check sums. zstd is refused by name.
 *
 * Standard: RFC 1952.
 */
#include "pcap/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "wasm/inflate.h"

enum member {
	MEMBER_HEAD, /* ten bytes, then what its flags say */
	MEMBER_EXTRA_LEN,
	MEMBER_EXTRA,
	MEMBER_NAME,
	MEMBER_COMMENT,
	MEMBER_HEAD_CRC,
	MEMBER_DATA,
	MEMBER_END,
};

enum { FLAG_HCRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_UNKNOWN = 0xe0 };

struct unpack {
	enum unpack_kind kind;
	struct inflate z;
	enum member member;
	uint8_t head[10], flags;
	size_t got; /* bytes of the part of the member that is being read */
	size_t extra_len;
	uint32_t crc, crc_table[256];
	uint64_t len; /* of the member, unpacked */
	uint64_t used;
	bool is_damaged;
	const char *what;
	char damage[160];
};

/* RFC 1952 8. */
static void make_crc_table(uint32_t table[256])
{
	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int b = 0; b < 8; b++)
			table[i] = table[i] >> 1 ^ (table[i] & 1) * 0xedb88320;
	}
}

struct unpack *unpack_new(enum unpack_kind kind)
{
	struct unpack *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->kind = kind;
	make_crc_table(u->crc_table);
	return u;
}

void unpack_free(struct unpack *u)
{
	free(u);
}

static int damaged(struct unpack *u, const char *what)
{
	snprintf(u->damage, sizeof(u->damage), "its gzip data is damaged at byte %llu: %s",
		 (unsigned long long)u->used, what);
	return -EILSEQ;
}

static void refuse(struct unpack *u, const char *what)
{
	u->is_damaged = true;
	u->what = what;
}

static void enter(struct unpack *u, enum member next)
{
	u->member = next;
	u->got = 0;
}

/* Behind the head's ten bytes, what its flags promise comes in this order. */
static void enter_next_part(struct unpack *u)
{
	static const struct {
		uint8_t flag;
		enum member part;
	} parts[] = {{FLAG_EXTRA, MEMBER_EXTRA_LEN},
		     {FLAG_NAME, MEMBER_NAME},
		     {FLAG_COMMENT, MEMBER_COMMENT},
		     {FLAG_HCRC, MEMBER_HEAD_CRC}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!(u->flags & parts[i].flag))
			continue;
		u->flags &= (uint8_t)~parts[i].flag;
		enter(u, parts[i].part);
		return;
	}
	enter(u, MEMBER_DATA);
	inflate_begin(&u->z);
	u->crc = 0xffffffff;
	u->len = 0;
}

static void check_head(struct unpack *u)
{
	if (u->head[0] != 0x1f || u->head[1] != 0x8b)
		refuse(u, "incorrect header check");
	else if (u->head[2] != 8)
		refuse(u, "unknown compression method");
	else if (u->head[3] & FLAGS_UNKNOWN)
		refuse(u, "unknown header flags set");
	u->flags = u->head[3];
	enter_next_part(u);
}

static uint32_t load32(const uint8_t *at)
{
	return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void check_end(struct unpack *u)
{
	if (load32(u->head) != (u->crc ^ 0xffffffff))
		refuse(u, "incorrect data check");
	else if (load32(u->head + 4) != (uint32_t)u->len)
		refuse(u, "incorrect length check");
	enter(u, MEMBER_HEAD);
}

static void add_to_crc(struct unpack *u, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		u->crc = u->crc >> 8 ^ u->crc_table[(u->crc ^ at[i]) & 255];
}

/* One byte outside the packed data. */
static void take_byte(struct unpack *u, uint8_t byte)
{
	if (u->member == MEMBER_HEAD && !u->got)
		u->crc = 0xffffffff;
	if (u->member != MEMBER_HEAD_CRC && u->member != MEMBER_END)
		add_to_crc(u, &byte, 1);
	switch (u->member) {
	case MEMBER_HEAD:
		u->head[u->got++] = byte;
		if (u->got == 10)
			check_head(u);
		break;
	case MEMBER_EXTRA_LEN:
		u->extra_len = u->got++ ? u->extra_len | (size_t)byte << 8 : byte;
		if (u->got == 2)
			enter(u, MEMBER_EXTRA);
		if (u->member == MEMBER_EXTRA && !u->extra_len)
			enter_next_part(u);
		break;
	case MEMBER_EXTRA:
		if (++u->got == u->extra_len)
			enter_next_part(u);
		break;
	case MEMBER_NAME:
	case MEMBER_COMMENT:
		if (!byte)
			enter_next_part(u);
		break;
	case MEMBER_HEAD_CRC:
		u->head[u->got++] = byte;
		if (u->got < 2)
			break;
		if ((u->head[0] | u->head[1] << 8) != (int)(~u->crc & 0xffff))
			refuse(u, "header crc mismatch");
		enter_next_part(u);
		break;
	default:
		u->head[u->got++] = byte;
		if (u->got == 8)
			check_end(u);
	}
}

static void take_data(struct unpack *u, struct slice *in, uint8_t *out, size_t *len)
{
	inflate_run(&u->z, in, out, len);
	add_to_crc(u, out, *len);
	u->len += *len;
	if (u->z.state == INFLATE_BAD)
		refuse(u, u->z.what);
	if (u->z.state != INFLATE_DONE)
		return;
	enter(u, MEMBER_END);
	/* Bytes of the end that came with an earlier piece. */
	for (; u->z.bit_count >= 8; u->z.bit_count -= 8, u->z.bits >>= 8)
		take_byte(u, (uint8_t)u->z.bits);
}

int unpack_run(struct unpack *u, struct slice *in, uint8_t *out, size_t *len)
{
	size_t cap = *len, had = in->len;

	*len = 0;
	if (u->kind != UNPACK_GZIP) {
		snprintf(u->damage, sizeof(u->damage),
			 "compressed by zstd; unpack it first: zstd -dc FILE");
		return -EILSEQ;
	}
	while (!u->is_damaged && !*len) {
		if (u->member == MEMBER_DATA) {
			size_t before = in->len;

			*len = cap;
			take_data(u, in, out, len);
			if (u->member == MEMBER_DATA && in->len == before)
				break;
		} else if (in->len) {
			take_byte(u, in->at[0]);
			*in = slice_from(*in, 1);
		} else {
			break;
		}
	}
	u->used += had - in->len;
	return u->is_damaged && !*len ? damaged(u, u->what) : 0;
}

int unpack_end(struct unpack *u)
{
	return u->member == MEMBER_HEAD && !u->got ? 0 : damaged(u, "it is cut short");
}

const char *unpack_damage(const struct unpack *u)
{
	return u->damage;
}
