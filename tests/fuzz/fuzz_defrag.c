/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes putting fragments together. The input is a sequence of pieces, each behind a head of 5
 * bytes: which datagram, flags and seconds, offset, length (2). Every byte of a datagram given back
 * must be one that some piece brought to that very place, and its end must be where a last piece
 * ended. An input whose first byte is odd is raw IP packets instead, each behind its length.
 */
#include "claim.h"
#include "packet/defrag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	HEAD = 5,
	KEYS = 4,
	REACH = 255 * 8 + 512,
	PIECE_MAX = 511,
	LAST = 1, /* flags */
	FIX_ENDS = 2,
};

/* What was sent of each datagram: per place the values, and where last pieces ended. */
static uint8_t sent[KEYS][REACH][32];
static uint8_t ended[KEYS][REACH];

/* An IPv4 or IPv6 fragment of a datagram; the flow's addresses and id are the key's number. */
static size_t write_piece(uint8_t *out, unsigned key, uint32_t off, bool has_more,
			  struct slice bytes)
{
	size_t head = key & 1 ? 48 : 20;

	memset(out, 0, head);
	if (key & 1) {
		out[0] = 0x60;
		out[4] = (uint8_t)((bytes.len + 8) >> 8);
		out[5] = (uint8_t)(bytes.len + 8);
		out[6] = 44;
		out[23] = (uint8_t)key;
		out[40] = DPI_IP_UDP;
		out[42] = (uint8_t)(off >> 8);
		out[43] = (uint8_t)(off | has_more);
	} else {
		out[0] = 0x45;
		out[2] = (uint8_t)((bytes.len + head) >> 8);
		out[3] = (uint8_t)(bytes.len + head);
		out[5] = (uint8_t)key;
		out[6] = (uint8_t)(off >> 11 | (has_more ? 0x20 : 0));
		out[7] = (uint8_t)(off >> 3);
		out[9] = key & 2 ? DPI_IP_TCP : DPI_IP_UDP;
		out[15] = 1;
		out[19] = 2;
	}
	if (bytes.len)
		memcpy(out + head, bytes.at, bytes.len);
	return head + bytes.len;
}

static void check_whole(const struct frame *f, struct slice whole, unsigned key)
{
	size_t head = key & 1 ? 40 : 20;
	struct packet p;

	CLAIM(whole.len > head && whole.len - head <= REACH);
	CLAIM(ended[key][whole.len - head - 1]);
	for (size_t i = head; i < whole.len; i++)
		CLAIM(sent[key][i - head][whole.at[i] / 8] & 1 << whole.at[i] % 8);
	CLAIM(packet_decode_whole(f, whole, &p) != DPI_PARSE_NOT_IP);
	/* What is in a tunnel inside may be a fragment again. */
	CLAIM(p.tunnel_depth || (!p.head.frag_off && !p.head.is_first_fragment));
}

static void take(struct defrag *d, const struct frame *f, int key)
{
	struct frame_fragment out;
	struct packet p;
	enum dpi_parse parse = packet_decode(f, &p);

	if (!packet_is_fragment(&p, parse))
		return;
	for (int i = 0; i <= DPI_TUNNELS_MAX; i++) {
		defrag_take(d, &p, &out);
		CLAIM(!out.whole[1].len || out.whole[0].len);
		if (key >= 0)
			for (int v = 0; v < 2; v++)
				if (out.whole[v].len)
					check_whole(f, out.whole[v], (unsigned)key);
		if (!out.whole[0].len)
			return;
		parse = packet_decode_whole(f, out.whole[0], &p);
		if (!packet_is_fragment(&p, parse))
			return;
		key = -1;
	}
}

static void take_pieces(struct defrag *d, struct slice in)
{
	static uint8_t wire[64 + PIECE_MAX];
	struct frame f = {.link = LINK_RAW_IP, .ts_ns = 1};

	memset(sent, 0, sizeof(sent));
	memset(ended, 0, sizeof(ended));
	while (in.len > HEAD) {
		unsigned key = in.at[0] % KEYS, flags = in.at[1];
		uint32_t off = in.at[2] * 8U;
		size_t len = ((size_t)in.at[3] << 8 | in.at[4]) % (PIECE_MAX + 1);
		struct slice bytes = slice_first(slice_from(in, HEAD), len);
		bool has_more = !(flags & LAST);

		f.ts_ns += (flags >> 2) * 100000000ULL;
		if (has_more && flags & FIX_ENDS)
			bytes.len &= ~(size_t)7;
		in = slice_from(in, HEAD + bytes.len);
		for (size_t i = 0; i < bytes.len; i++)
			sent[key][off + i][bytes.at[i] / 8] |= (uint8_t)(1 << bytes.at[i] % 8);
		if (!has_more && off + bytes.len)
			ended[key][off + bytes.len - 1] = 1;
		f.bytes = slice_of(wire, write_piece(wire, key, off, has_more, bytes));
		f.wire_len = (uint32_t)f.bytes.len;
		take(d, &f, (int)key);
	}
}

static void take_raw(struct defrag *d, struct slice in)
{
	struct frame f = {.link = LINK_RAW_IP, .ts_ns = 1};

	while (in.len > 2) {
		f.bytes = slice_first(slice_from(in, 2), (size_t)in.at[0] << 8 | in.at[1]);
		f.wire_len = (uint32_t)f.bytes.len;
		in = slice_from(in, 2 + f.bytes.len);
		take(d, &f, -1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct defrag *d;

	if (!d) {
		void *memory = malloc(defrag_size());

		CLAIM(memory);
		d = memory;
	}
	defrag_init(d);
	if (!size)
		return 0;
	if (data[0] & 1)
		take_raw(d, slice_of(data + 1, size - 1));
	else
		take_pieces(d, slice_of(data + 1, size - 1));
	return 0;
}
