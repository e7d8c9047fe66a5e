/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Putting a worker's IP fragments together; see gather.h. Room: agent.
 */
#include "agent/gather.h"

#include <stdlib.h>
#include <string.h>

struct gather {
	void *memory;
	struct defrag *defrag;		    /* in memory */
	uint8_t whole[2][DPI_SNAP_MAX + 1]; /* of a tunnel in pieces, while what it carries is a
					       fragment itself */
};

struct gather *gather_new(void)
{
	struct gather *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->memory = malloc(defrag_size());
	if (!g->memory) {
		gather_free(g);
		return NULL;
	}
	g->defrag = defrag_init(g->memory);
	return g;
}

void gather_free(struct gather *g)
{
	if (!g)
		return;
	free(g->memory);
	free(g);
}

const struct defrag_counters *gather_counters(const struct gather *g)
{
	return defrag_counters(g->defrag);
}

static bool is_piece(const struct packet *p, enum dpi_parse result)
{
	return result == DPI_PARSE_FRAGMENT || result == DPI_PARSE_TINY ||
	       (result == DPI_PARSE_OK && p->head.is_first_fragment);
}

/* A datagram that is whole may have carried a fragment of another one: once more, from a copy,
 * because the next call to defrag_take() ends what the first has lent. */
static void take_inside(struct gather *g, const struct frame *f, struct frame_fragment *fragment)
{
	for (int depth = 0; depth < DPI_TUNNELS_MAX && fragment->whole[0].len; depth++) {
		uint8_t *copy = g->whole[depth & 1];
		struct packet p;
		size_t len = fragment->whole[0].len;

		if (len > sizeof(g->whole[0]))
			return;
		memcpy(copy, fragment->whole[0].at, len);
		if (!is_piece(&p, packet_decode_whole(f, slice_of(copy, len), &p)))
			return;
		memset(fragment, 0, sizeof(*fragment));
		defrag_take(g->defrag, &p, fragment);
	}
}

/* Who hands on what, while one piece is being taken. */
struct receiver {
	void (*hand)(void *ctx, uint32_t hash, const struct frame *f);
	void *ctx;
};

/* Hands a datagram that is whole to the engine of its flow; its two readings, where they are flows
 * of their own, one by one. */
static void hand_whole(const struct receiver *r, const struct frame *piece)
{
	const struct frame_fragment *fragment = piece->fragment;
	uint32_t hash[2] = {0};
	bool is_whole[2];
	struct packet p;

	for (int v = 0; v < 2; v++) {
		is_whole[v] = fragment->whole[v].len &&
			      packet_decode_whole(piece, fragment->whole[v], &p) == DPI_PARSE_OK;
		hash[v] = is_whole[v] ? p.hash : 0;
	}
	if (is_whole[0] && is_whole[1] && hash[0] == hash[1]) {
		r->hand(r->ctx, hash[0], piece);
		return;
	}
	for (int v = 0; v < 2; v++) {
		struct frame_fragment alone = *fragment;
		struct frame f = *piece;

		alone.whole[0] = fragment->whole[v];
		alone.whole[1] = slice_of(NULL, 0);
		f.fragment = &alone;
		if (is_whole[v])
			r->hand(r->ctx, hash[v], &f);
	}
}

void gather_take(struct gather *g, const struct frame *f, bool is_dropped,
		 void (*hand)(void *ctx, uint32_t hash, const struct frame *f), void *ctx)
{
	const struct receiver r = {.hand = hand, .ctx = ctx};
	struct frame_fragment fragment = {0};
	struct frame piece = *f;
	struct packet p;
	enum dpi_parse result = packet_decode(f, &p);

	if (is_dropped || !is_piece(&p, result)) {
		if (result == DPI_PARSE_OK)
			hand(ctx, p.hash, f);
		return;
	}
	defrag_take(g->defrag, &p, &fragment);
	piece.fragment = &fragment;
	if (fragment.whole[0].len) {
		take_inside(g, f, &fragment);
		hand_whole(&r, &piece);
	} else if (result == DPI_PARSE_OK) {
		hand(ctx, p.hash, &piece);
	}
}
