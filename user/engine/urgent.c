/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's urgent bytes. Most receivers take the byte that an urgent pointer means out of
 * the stream (RFC 9293 3.8.5 lets them, RFC 6093 3 tells who does); one that has not been read when
 * the next comes becomes an ordinary byte again; and pointers in segments that are refused mean
 * nothing. So a stream is also read without all of them, without the last one alone, and without
 * those that a receiver like Linux takes. It must never change what is stored.
 */
#include "engine/road.h"

#include <stdlib.h>

enum { URGENT_POINTER = 18 };

enum reading { WITHOUT_ALL, WITHOUT_LAST, WITHOUT_SOUND, WITHOUT_TAKEN, READINGS };

/* The stream as its receiver has it, as far as can be told. */
static const struct stream *stream_of(const struct flow_side *side)
{
	const struct stream *sound = side->lane[FLOW_LANE_NEAR].stream;

	return sound ? sound : side->lane[0].stream;
}

/* A pointer that moves on means the next urgent byte; the one before it is given up while it has
 * not been read. */
static void take(struct flow_side *side, struct flow_urgent *u)
{
	const struct stream *s = stream_of(side);

	for (int i = 0; i < side->urgent_count; i++) {
		struct flow_urgent *other = &side->urgent[i];

		if (other == u || !other->is_taken)
			continue;
		if ((int32_t)(u->seq - other->seq) <= 0) {
			u->is_taken = false;
			return;
		}
		if (!s || (int32_t)(other->seq - stream_next_seq(s)) >= 0)
			other->is_taken = false;
	}
}

/* True for a byte that can be of this connection. */
static bool is_in_window(const struct flow_side *side, uint32_t seq)
{
	const struct stream *s = side->lane[0].stream;
	int32_t at = s ? (int32_t)(seq - stream_next_seq(s)) + (int32_t)stream_view(s, 0).len : 0;

	return at >= 0 && at < DPI_BUDGET_BYTES;
}

/* Where to put one more: a doubtful one gives way to one that is not. -1: nowhere. */
static int place_for(const struct flow_side *side, bool is_sound)
{
	if (side->urgent_count < FLOW_URGENT_MAX)
		return side->urgent_count;
	for (int i = 0; is_sound && i < side->urgent_count; i++)
		if (!side->urgent[i].is_sound)
			return i;
	for (int i = 0; is_sound && i < side->urgent_count; i++)
		if (!side->urgent[i].is_taken)
			return i;
	return -1;
}

void urgent_note(struct flow_side *side, const struct packet *p, uint32_t seq, bool is_sound)
{
	uint16_t pointer = dpi_get16(p->bytes.at + p->head.l4_off + URGENT_POINTER);
	int i;

	/* The pointer means the byte behind the urgent one; 0 means the first, as 1 does. */
	seq += pointer ? pointer - 1U : 0;
	for (i = 0; i < side->urgent_count; i++)
		if (side->urgent[i].seq == seq && side->urgent[i].is_sound >= is_sound)
			return;
	if (!side->urgent)
		side->urgent = malloc(FLOW_URGENT_MAX * sizeof(*side->urgent));
	i = is_in_window(side, seq) && side->urgent ? place_for(side, is_sound) : -1;
	if (i < 0)
		return;
	side->urgent[i] =
		(struct flow_urgent){.seq = seq, .is_sound = is_sound, .is_taken = is_sound};
	side->urgent_last = (uint8_t)i;
	if (i == side->urgent_count)
		side->urgent_count++;
	if (is_sound)
		take(side, &side->urgent[i]);
}

/* Offsets of the bytes that a reading leaves out of len bytes from base on, in order. Returns how
 * many. */
static int left_out(const struct flow_side *side, enum reading reading, uint32_t base, size_t len,
		    uint32_t out[FLOW_URGENT_MAX])
{
	int count = 0;

	for (int i = 0; i < side->urgent_count; i++) {
		const struct flow_urgent *u = &side->urgent[i];
		uint32_t at = u->seq - base;
		int k = count;

		if (at >= len || (reading == WITHOUT_LAST && i != side->urgent_last) ||
		    (reading == WITHOUT_SOUND && !u->is_sound) ||
		    (reading == WITHOUT_TAKEN && !u->is_taken))
			continue;
		for (; k && out[k - 1] > at; k--)
			out[k] = out[k - 1];
		out[k] = at;
		count++;
	}
	return count;
}

static void read_without(struct finding *x, struct slice view, const uint32_t *out, int count)
{
	uint8_t *bytes = malloc(view.len);
	size_t len = 0, at = 0;

	if (!bytes)
		return;
	for (int i = 0; i < count; i++) {
		if (out[i] < at) /* the same one twice */
			continue;
		memcpy(bytes + len, view.at + at, out[i] - at);
		len += out[i] - at;
		at = out[i] + (size_t)1;
	}
	if (at < view.len)
		memcpy(bytes + len, view.at + at, view.len - at);
	lane_read_alone(x, slice_of(bytes, len + view.len - at));
	free(bytes);
}

/* Every reading that differs from those before it. */
static void read_from(struct finding *x, const struct flow_side *side, uint32_t base,
		      struct slice view)
{
	uint32_t out[READINGS][FLOW_URGENT_MAX];
	int count[READINGS];

	for (int r = 0; r < READINGS; r++) {
		bool is_new;

		count[r] = left_out(side, r, base, view.len, out[r]);
		is_new = count[r] > 0;
		for (int k = 0; k < r; k++)
			is_new &= count[k] != count[r] ||
				  memcmp(out[k], out[r], (size_t)count[r] * sizeof(out[r][0])) != 0;
		if (is_new)
			read_without(x, view, out[r], count[r]);
	}
}

void urgent_read(struct finding *x, const struct flow_side *side, uint32_t base, struct slice view,
		 size_t border)
{
	if (!side->urgent_count || !view.len)
		return;
	read_from(x, side, base, view);
	if (border && border < view.len)
		read_from(x, side, base + (uint32_t)border, slice_from(view, border));
}
