/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines in the engine process: from the shards into what is kept, and from there to whoever
 * asks. Room: agent. A shard writes lines into a bounded buffer of its own and never waits for
 * anybody; they are fetched when somebody asks, and every half second.
 */
#include "agent/engine_state.h"

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

void engine_events_collect(struct engine_state *e)
{
	for (unsigned i = 0; i < e->shard_count; i++) {
		struct text lines = {0};
		uint64_t lost = shard_take_events(e->shards[i], &lines);

		event_keep_add(&e->events, slice_of(lines.at, lines.len));
		event_keep_skip(&e->events, lost);
		text_clear(&lines);
	}
}

int engine_answer_events(struct engine_state *e, const struct wire *request, struct text *out,
			 struct text *err)
{
	struct follow_id after = {0};
	uint64_t first, next;

	engine_events_collect(e);
	if (strcmp(request->out, FOLLOW_NEWEST) == 0)
		after.number = e->events.next - 1;
	else if (follow_id_parse(request->out, &after) || after.instance != e->instance)
		after.number = 0; /* of another start, or of none: all there is */
	event_keep_read(&e->events, after.number, ANSWER_BYTES, out, &first, &next);
	text_printf(err, "%016" PRIx64 " %" PRIu64 " %" PRIu64, e->instance, first, next);
	return 0;
}
