/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine process's own event line: "stats", every few seconds. Room: agent, the clerk's.
 */
#include "agent/engine_gathered.h"

#include <unistd.h>

#include "report/eve.h"

enum { OWN_COUNTERS = 2 };

void engine_stats_line(struct engine_state *e)
{
	struct report_counter kernel[DPI_COUNT_MAX];
	struct eve_counter others[DPI_COUNT_MAX + OWN_COUNTERS], limited[EVENT_KINDS_MAX];
	uint64_t now = live_monotonic(), one = 1;
	struct eve_stats stats = {.ts_ns = now + e->clock.offset_ns,
				  .uptime_s = (now - e->started_ns) / 1000000000,
				  .others = others,
				  .limited = limited,
				  .limited_count = EVENT_KINDS_MAX};
	struct text line = {0};
	struct gathered g;

	if (engine_gather(e, &g, GATHER_COUNTS) == 0) {
		kernel_counts_list(e->options.maps, kernel);
		for (size_t i = 0; i < DPI_COUNT_MAX; i++)
			others[stats.other_count++] = (struct eve_counter){kernel[i].name,
									   kernel[i].value};
		others[stats.other_count++] = (struct eve_counter){"events_lost", g.events_lost};
		others[stats.other_count++] = (struct eve_counter){"events_unfetched",
								   e->events.unfetched};
		for (size_t k = 0; k < EVENT_KINDS_MAX; k++)
			limited[k] = (struct eve_counter){event_kind_name((enum event_kind)k),
							  g.events_limited[k]};
		stats.engine = tally_totals(g.all);
		stats.defrag = tally_defrag(g.all);
		stats.samples_lost = kernel[DPI_COUNT_SAMPLE_LOST].value;
		eve_stats(&line, &stats);
	}
	if (!line.failed && line.len) {
		event_keep_add(&e->events, slice_of(line.at, line.len));
		(void)!write(e->bell, &one, sizeof(one));
	}
	text_clear(&line);
	engine_gathered_clear(&g);
}
