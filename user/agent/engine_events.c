/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is new at the shards, ended flows and event lines: from there into what is kept, and from
 * there to whoever asks. Room: agent, the clerk's. A shard writes lines into a bounded buffer of
 * its own and never waits for anybody; they are fetched when somebody asks, and every half second.
 */
#include "agent/engine_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "control/follow.h"

enum { ANSWER_BYTES = 1024 * 1024 }; /* of lines at once; the rest is asked for again */

void engine_events_init(struct engine_state *e)
{
	event_keep_init(&e->events, ENGINE_EVENTS_KEPT);
	while (e->instance == 0)
		if (getrandom(&e->instance, sizeof(e->instance), 0) != sizeof(e->instance))
			e->instance = live_monotonic();
}

struct tally *engine_spare(struct engine_state *e)
{
	if (!e->spare)
		e->spare = tally_new(TALLY_ROWS_LIVE);
	return e->spare;
}

void engine_news_keep(struct engine_state *e, struct shard_news *news)
{
	event_keep_add(&e->events, slice_of(news->events.at, news->events.len));
	event_keep_skip(&e->events, news->events_lost);
	text_clear(&news->events);
	if (tally_is_empty(news->ended))
		return; /* and it can be used again */
	tally_absorb(e->ended, news->ended);
	tally_free(news->ended);
	e->spare = NULL;
}

int engine_news_collect(struct engine_state *e)
{
	for (unsigned i = 0; i < e->shard_count; i++) {
		struct shard_news news = {.ended = engine_spare(e)};

		if (!news.ended)
			return -ENOMEM;
		shard_news(e->shards[i], &news);
		engine_news_keep(e, &news);
	}
	return 0;
}

int engine_answer_events(struct engine_state *e, const struct wire *request, struct text *out,
			 struct text *err)
{
	struct follow_id after = {0};
	uint64_t first, next;

	engine_news_collect(e);
	if (strcmp(request->out, FOLLOW_NEWEST) == 0)
		after.number = e->events.next - 1;
	else if (follow_id_parse(request->out, &after) || after.instance != e->instance)
		after.number = 0; /* of another start, or of none: all there is */
	event_keep_read(&e->events, after.number, ANSWER_BYTES, out, &first, &next);
	text_printf(err, "%016" PRIx64 " %" PRIu64 " %" PRIu64, e->instance, first, next);
	return 0;
}
