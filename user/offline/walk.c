/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A worker's way through a batch: it decodes its own frames a few ahead of the one that takes the
 * road, and has fetched what each will need. Room: offline. What it decodes nobody else sees, and
 * stays in its nearest cache.
 */
#include "offline/state.h"

enum {
	WALK_STEPS = 3,
	WALK_APART = 5, /* frames: what they need has time to come, and is not gone again */
	WALK_AHEAD = WALK_STEPS * WALK_APART,
	RING = 16,    /* those under way and no fewer; a power of two */
	TOUCHED = 16, /* frames that are read at once */
	LINE = 64,    /* of the cache */
	HEADS = 54,   /* bytes of most frames' heads */
};

_Static_assert(RING > WALK_AHEAD && (RING & (RING - 1)) == 0, "a slot for each frame under way");

/* A frame under way. */
struct going {
	struct engine *engine; /* to be warmed; NULL: nothing can be known ahead */
	struct offline_shard *shard;
	enum dpi_parse parse;
	uint16_t piece;
	uint8_t what; /* enum batch_what; 0: the slot is empty */
	struct frame frame;
	struct packet packet;
} __attribute__((aligned(LINE)));

struct walk {
	struct worker *worker;
	struct offline *run;
	struct batch *batch;
	struct batch_list *list;
	struct event_log *log; /* NULL: none is kept */
	size_t pause;	       /* steps until the next frame may follow */
	struct going ring[RING];
};

/* The frame of a ticket; what a capture's frames never have stays empty. */
static inline void open_frame(const struct walk *w, const struct batch_ticket *t, struct frame *f)
{
	f->ts_ns = t->ts_ns;
	f->number = w->batch->first_number + t->number;
	f->wire_len = t->wire_len;
	f->link = (enum link_type)t->link;
	f->fragment = NULL;
	f->bytes = slice_of(t->at, t->len);
}

static void open_odd(const struct batch_odd *odd, struct going *g)
{
	g->frame = odd->frame;
	g->packet = odd->packet;
	g->packet.frame = &g->frame;
	g->parse = odd->parse;
}

/* One worker alone finds out here whose a frame is. Returns the shard. */
static inline uint8_t place(struct walk *w, struct going *g)
{
	struct offline_place to = offline_route_place(w->run->route, &g->frame, &g->packet,
						      &w->run->fragment);

	g->parse = to.parse;
	g->what = to.is_answer ? BATCH_TAKE | BATCH_LEARN : BATCH_TAKE;
	if (g->frame.fragment) /* it lasts until the next is placed */
		w->pause = WALK_AHEAD;
	return to.shard;
}

/* Decodes the frame of a ticket, and begins to fetch what it will need. */
static inline void begin(struct walk *w, const struct batch_ticket *t, struct going *g)
{
	uint8_t shard = t->shard;

	g->piece = t->piece;
	g->what = t->what;
	if (t->what & BATCH_ODD) {
		open_odd(&w->batch->odd[t->len], g);
	} else {
		open_frame(w, t, &g->frame);
		if (t->what)
			g->parse = packet_decode(&g->frame, &g->packet);
		else
			shard = place(w, g);
	}
	g->shard = &w->run->shard[shard];
	if (g->what & BATCH_TAKE && g->parse == DPI_PARSE_OK) {
		g->engine = g->shard->engine;
		engine_warm(g->engine, &g->packet);
	}
}

/*
 * Reads a little of the next frames, all at once so that their lines come together: another core
 * may have looked at them. To ask for them is not enough, for a processor may leave that undone
 * where it does not know the page yet. Returns the ticket that follows.
 */
static const struct batch_ticket *touch(const struct batch_ticket *t,
					const struct batch_ticket *last)
{
	const struct batch_ticket *end = last - t > TOUCHED ? t + TOUCHED : last;

	for (; t < end; t++) {
		if (t->what & BATCH_ODD || t->len < HEADS)
			continue;
		(void)*(const volatile uint8_t *)t->at;
		__builtin_prefetch(t->at + HEADS);
	}
	return t;
}

static inline void run(struct walk *w, const struct going *g)
{
	if (g->what & BATCH_LEARN)
		learn_answer(w->worker->memory, &g->packet);
	if (w->run->agenda && g->what & BATCH_TAKE)
		offline_time_turn(&w->run->time[g->shard - w->run->shard], w->run->agenda, g->shard,
				  &g->frame, w->log);
	/* Written only where it matters: the other workers' frames stand beside it. */
	if (g->what & BATCH_TAKE &&
	    offline_shard_packet(g->shard, &g->packet, g->parse, w->log).action != DPI_PASS)
		w->batch->is_dropped[g->piece] = w->list->has_drops = true;
}

static inline struct going *slot(struct walk *w, size_t k)
{
	return &w->ring[k % RING];
}

/* What a frame will need is fetched in steps, each when the one before has come. */
static void walk(struct walk *w)
{
	const struct batch_ticket *t = w->list->ticket, *last = t + w->list->count;
	const struct batch_ticket *touched = t; /* up to here */

	for (size_t k = 0, end = WALK_AHEAD; k < end; k++) {
		struct going *g = slot(w, k);

		g->engine = NULL;
		g->what = 0;
		if (w->pause) {
			w->pause--;
			end++;
		} else if (t < last) {
			if (t >= touched)
				touched = touch(t, last);
			begin(w, t++, g);
			end++;
		}
		g = slot(w, k - WALK_APART);
		if (g->engine)
			engine_warm_flow(g->engine, &g->packet);
		g = slot(w, k - 2 * WALK_APART);
		if (g->engine)
			engine_warm_sides(g->engine, &g->packet);
		run(w, slot(w, k - WALK_AHEAD));
	}
}

void offline_walk(struct worker *worker, struct batch *b)
{
	struct walk w;

	w.worker = worker;
	w.run = worker->run;
	w.batch = b;
	w.list = &b->list[worker->id];
	w.log = worker->run->events ? &b->log[worker->id] : NULL;
	w.pause = 0;
	for (size_t k = 0; k < RING; k++) {
		w.ring[k].engine = NULL;
		w.ring[k].what = 0;
		w.ring[k].frame = (struct frame){.ts_ns = 0};
	}
	walk(&w);
	batch_queue_walked(&worker->run->queue, worker->id, b);
}
