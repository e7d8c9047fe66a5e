/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's reader of handshakes that datagrams carry in pieces: QUIC's CRYPTO frames (RFC
 * 9000 19.6), DTLS's fragments (RFC 9147 5.5). Pieces come in any order, repeat, overlap and
 * disagree, so each run goes through the same reassembler as TCP, and all its views are read. It
 * must never believe that a first hello is the only one: a run stays open until the flow's budget
 * ends.
 */
#include "engine/road.h"

#include <errno.h>

#include "extract/hello.h"

enum {
	OFFSET_FIRST = UINT32_MAX, /* where a run begins: its first byte has offset 0 */
	AHEAD_MAX = 16384, /* of a piece: receivers keep no more than that (RFC 9000 7.5: 4,096) */
};

static struct flow_run *find_run(struct flow_side *side, uint64_t id)
{
	for (int i = 0; i < side->run_count; i++)
		if (side->run[i].id == id)
			return &side->run[i];
	return NULL;
}

/* NULL when there are as many as may be, or no memory. */
static struct flow_run *open_run(struct finding *x, struct flow_side *side, uint64_t id)
{
	struct flow_run *run;

	if (side->run_count == FLOW_RUNS_MAX)
		return NULL;
	run = flow_run_open(x->flow, x->packet->head.dir, id);
	if (run)
		stream_set_isn(&run->stream, OFFSET_FIRST);
	return run;
}

/* Reads the hellos of one view from where the last one ended; a server may ask for a second one
 * (RFC 8446 4.1.4). Returns whether the bytes end inside one. */
static bool read_hellos(struct finding *x, struct flow_run *run, int view, enum app_proto proto)
{
	struct slice bytes = stream_view(&run->stream, view);
	struct clue clue;

	while (run->parse_off[view] < bytes.len) {
		judge_begin(x, &clue);
		switch (hello_read(slice_from(bytes, run->parse_off[view]), false, proto,
				   x->engine->crypt, &clue)) {
		case EXTRACT_NOT_MINE: return false;
		case EXTRACT_NEED_MORE: judge_clue(x, &clue); return true;
		case EXTRACT_FOUND:
			judge_clue(x, &clue);
			if (!clue.consumed)
				return false;
			run->parse_off[view] += (uint32_t)clue.consumed;
			break;
		}
	}
	return false;
}

/* Takes one piece in. Returns whether its run ends inside a hello, or -errno. */
static int take_piece(struct finding *x, struct flow_side *side, enum app_proto proto,
		      const struct extract_piece *piece)
{
	struct flow_run *run = find_run(side, piece->run);
	bool is_pending = false;
	int change;

	if (!run)
		run = open_run(x, side, piece->run);
	if (!run)
		return -ENOSPC;
	if (piece->offset > stream_view(&run->stream, 0).len + AHEAD_MAX)
		return -ENOSPC;
	change = stream_add(&run->stream, piece->offset, piece->bytes);
	if (change < 0)
		return change;
	if (change & STREAM_CONFLICT) {
		judge_flag(x->engine, x->flow, FLOW_AMBIGUOUS);
		for (int v = 1; v < STREAM_VIEWS; v++)
			run->parse_off[v] = 0;
	}
	for (int v = 0; v < STREAM_VIEWS && change; v++)
		is_pending |= read_hellos(x, run, v, proto);
	return is_pending;
}

bool pieces_take(struct finding *x, struct flow_side *side, const struct extract_pieces *p)
{
	bool is_pending = false, is_over = p->is_over;

	for (unsigned i = 0; i < p->count; i++) {
		int n = take_piece(x, side, p->proto, &p->piece[i]);

		is_over |= n < 0;
		is_pending |= n > 0;
	}
	if (is_over)
		x->engine->count.pieces_over++;
	return is_pending;
}
