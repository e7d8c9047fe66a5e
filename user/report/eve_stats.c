/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The "stats" line of the event log; see eve.h. Room: report. What Suricata has a name for stands
 * under that, and everything under ours.
 */
#include "report/eve.h"

#include "report/json.h"

static void put_counters(struct json *j, const struct eve_counter *c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_pair_u64(j, c[i].name, c[i].value);
}

/* As Suricata's stats.decoder and stats.flow. */
static void put_known(struct json *j, const struct eve_stats *s)
{
	const struct engine_counters *n = s->engine;
	const struct eve_counter capture[] = {{"kernel_packets", n->packets},
					      {"kernel_drops", s->samples_lost}};
	const struct eve_counter decoder[] = {
		{"pkts", n->packets}, {"bytes", n->bytes}, {"invalid", n->unparsed},
		{"tcp", n->tcp},      {"udp", n->udp},
	};
	const struct eve_counter flow[] = {{"total", n->flows_opened}};

	json_pair_u64(j, "uptime", s->uptime_s);
	json_key(j, "capture");
	json_open(j, '{');
	put_counters(j, capture, sizeof(capture) / sizeof(capture[0]));
	json_close(j, '}');
	json_key(j, "decoder");
	json_open(j, '{');
	put_counters(j, decoder, sizeof(decoder) / sizeof(decoder[0]));
	json_close(j, '}');
	json_key(j, "flow");
	json_open(j, '{');
	put_counters(j, flow, 1);
	json_close(j, '}');
}

void eve_stats(struct text *t, const struct eve_stats *s)
{
	struct json j = json_to(t);

	json_open(&j, '{');
	json_key(&j, "timestamp");
	json_stamp(&j, s->ts_ns);
	json_pair_string(&j, "event_type", "stats");
	json_key(&j, "stats");
	json_open(&j, '{');
	put_known(&j, s);
	json_key(&j, "dpi_xdp");
	json_open(&j, '{');
	put_counters(&j, s->others, s->other_count);
#define X(name, help) json_pair_u64(&j, #name, s->engine->name);
	ENGINE_COUNTERS(X)
#undef X
#define X(name, help) json_pair_u64(&j, #name, s->defrag->name);
	DEFRAG_COUNTERS(X)
#undef X
	if (s->limited) {
		json_key(&j, "events_limited");
		json_open(&j, '{');
		put_counters(&j, s->limited, s->limited_count);
		json_close(&j, '}');
	}
	json_close(&j, '}');
	json_close(&j, '}');
	json_close(&j, '}');
	text_putc(t, '\n');
}
