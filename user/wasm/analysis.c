/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: one pass over a capture. Shards, bounds and order are those of the program's workers
 * (offline/offline.c), so that nothing in the report tells the two apart.
 */
#include "wasm/analysis.h"

#include <errno.h>
#include <stdlib.h>
#include "report/tally_pack.h"
#include "wasm/feed.h"
#include "wasm/host.h"

static uint64_t random_seed(void)
{
	uint64_t seed;

	host_random(&seed, sizeof(seed));
	return seed;
}

struct analysis *analysis_new(void)
{
	struct analysis *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->parts = 1;
	a->catalogue = catalogue_new();
	a->rules = rules_new();
	text_puts(&a->name, "capture");
	if (a->catalogue && a->rules && !a->name.failed && feed_open() == 0)
		return a;
	analysis_free(a);
	return NULL;
}

void analysis_free(struct analysis *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < DPI_RINGS_MAX; i++)
		offline_shard_close(&a->shard[i]);
	capture_in_close(a->in);
	feed_close();
	dns_memory_free(a->memory);
	offline_route_free(a->route);
	event_log_clear(&a->log);
	replay_clear(&a->rows);
	tally_free(a->tally);
	policy_free(a->policy);
	rules_free(a->rules);
	catalogue_free(a->catalogue);
	text_clear(&a->name);
	free(a->nets);
	free(a);
}

int analysis_set_rules(struct analysis *a, struct slice text, bool is_forced, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(a->catalogue);
	struct rules *rules;
	int err = rules_parse(text, "rules", &apps, is_forced ? RULES_FORCE : 0, &rules, f);

	if (err)
		return err;
	rules_free(a->rules);
	a->rules = rules;
	return 0;
}

int analysis_add_net(struct analysis *a, struct slice text, struct fault *f)
{
	struct report_net *more = realloc(a->nets, (a->net_count + 1) * sizeof(*more));

	if (!more)
		return fault_set(f, -ENOMEM, "out of memory");
	a->nets = more;
	if (addr_parse_net(text, &more[a->net_count].addr, &more[a->net_count].bits))
		return fault_set(f, -EINVAL,
				 "--local-net %.*s: give a network such as 192.168.0.0/16",
				 (int)text.len, text.at);
	a->net_count++;
	return 0;
}

static bool is_own(const struct analysis *a, size_t shard)
{
	return shard % a->parts == a->part;
}

/* Everything that the first frame needs. 0 or -errno. */
static int prepare(struct analysis *a)
{
	struct policy_apps apps = catalogue_policy_apps(a->catalogue);
	int err = 0;

	a->policy = policy_new(a->rules, &apps, random_seed());
	a->route = offline_route_new();
	a->memory = dns_memory_new(OFFLINE_ADDRESSES_MAX, random_seed());
	if (!a->policy || !a->route || !a->memory)
		return -ENOMEM;
	a->eve = (struct eve_config){
		.catalogue = a->catalogue,
		.rules = policy_rules(a->policy),
		.is_offline = true,
	};
	for (size_t i = 0; i < DPI_RINGS_MAX && !err; i++) {
		if (!is_own(a, i))
			continue;
		err = offline_shard_open(&a->shard[i], a->catalogue, a->policy, &a->eve,
					 OFFLINE_FLOWS_MAX, NULL);
		a->shard[i].memory = a->memory;
	}
	return err;
}

/* Opens the capture once its head is there. Returns 0, -EAGAIN when it is not, or -errno and *f. */
static int open_capture(struct analysis *a, struct fault *f)
{
	struct fault why = {""};
	int err = capture_in_open("-", NULL, &a->in, &why);

	if (err == -EAGAIN && feed_rewind())
		return -EAGAIN;
	if (err)
		return fault_set(f, -EINVAL,
				 "%s: %s; give a pcap or pcapng file, or - for standard input",
				 a->name.at, why.text);
	err = prepare(a);
	return err ? fault_set(f, err, "cannot start: %s", strerror(-err)) : 0;
}

static bool is_own_piece(const struct analysis *a, const struct analysis_piece *p)
{
	return p->record.is_frame && is_own(a, p->at.shard);
}

/* One frame down the road, in file order. */
static void take_frame(struct analysis *a, const struct analysis_piece *p)
{
	const struct frame *f = &p->record.frame;
	struct outcome o;

	a->frames++;
	if (p->at.is_answer)
		learn_answer(a->memory, &p->packet);
	if (!is_own_piece(a, p))
		return;
	o = offline_shard_packet(&a->shard[p->at.shard], &p->packet, p->at.parse,
				 a->wants_events ? &a->log : NULL);
	if (replay_want(&a->rows, f->number))
		replay_add(&a->rows, &p->packet, &o);
}

/* Fetches what frames that have been placed will need, for all of them at once, each step when the
 * one before has come. */
static void warm_placed(struct analysis *a, size_t from, size_t to)
{
	struct {
		const struct engine *engine;
		struct packet *packet;
	} go[ANALYSIS_ROW];
	size_t count = 0;

	for (size_t i = from; i < to; i++) {
		struct analysis_piece *p = &a->row[i];

		if (!is_own_piece(a, p) || p->at.parse != DPI_PARSE_OK)
			continue;
		go[count].engine = a->shard[p->at.shard].engine;
		go[count].packet = &p->packet;
		engine_warm(go[count].engine, go[count].packet);
		count++;
	}
	for (size_t i = 0; i < count; i++)
		engine_warm_flow(go[i].engine, go[i].packet);
	for (size_t i = 0; i < count; i++)
		engine_warm_sides(go[i].engine, go[i].packet);
}

static void take_placed(struct analysis *a, size_t from, size_t to)
{
	warm_placed(a, from, to);
	for (size_t i = from; i < to; i++)
		if (a->row[i].record.is_frame)
			take_frame(a, &a->row[i]);
}

/* The pieces of a row, as they came. */
static void take_row(struct analysis *a, size_t count)
{
	struct frame_fragment fragment;
	size_t from = 0;

	for (size_t i = 0; i < count; i++) {
		struct analysis_piece *p = &a->row[i];
		struct frame *f = &p->record.frame;

		if (!p->record.is_frame)
			continue;
		p->at = offline_route_place(a->route, f, &p->packet, &fragment);
		if (!f->fragment)
			continue;
		/* What is known of it lasts until the next is placed. */
		take_placed(a, from, i + 1);
		from = i + 1;
	}
	take_placed(a, from, count);
}

static void send_events(struct analysis *a)
{
	if (a->log.text.len)
		host_write(HOST_EVENTS, a->log.text.at, a->log.text.len);
	event_log_reset(&a->log);
}

/* Notes how the capture ended: n is what capture_in_next() said. */
static void end(struct analysis *a, int n, const struct fault *f)
{
	a->is_over = true;
	a->end = n == 0 ? OFFLINE_WHOLE : n == -EBADMSG ? OFFLINE_DAMAGED : OFFLINE_FAILED;
	if (n == -ENOMEM)
		fault_set(&a->fault, n, "out of memory");
	else if (n)
		a->fault = *f;
}

int analysis_run(struct analysis *a, struct fault *f)
{
	const struct capture_room room = {
		.at = &a->row[0].record,
		.stride = sizeof(a->row[0]),
		.records = ANALYSIS_ROW,
		.bytes = SIZE_MAX,
	};
	struct fault why = {""};
	size_t count;
	int n = 1;

	if (a->is_over)
		return 0;
	if (!a->in) {
		n = open_capture(a, f);
		if (n)
			return n == -EAGAIN ? 0 : n;
	}
	while ((n = capture_in_take(a->in, &room, &count, &why)) == 1) {
		a->has_pieces = true;
		take_row(a, count);
	}
	if (n != -EAGAIN)
		end(a, n, &why);
	send_events(a);
	return 0;
}

/* The last event of a capture: what was counted. */
static void put_stats(struct analysis *a)
{
	struct eve_stats stats = {.engine = tally_totals(a->tally),
				  .defrag = tally_defrag(a->tally)};
	uint64_t first_ns;

	tally_span(a->tally, &first_ns, &stats.ts_ns);
	stats.uptime_s = (stats.ts_ns - first_ns) / 1000000000;
	eve_stats(&a->log.text, &stats);
	send_events(a);
}

int analysis_finish(struct analysis *a, struct fault *f)
{
	struct report_worker all = {0};
	int err;

	feed_end();
	err = analysis_run(a, f);
	if (err)
		return err;
	a->tally = tally_new(0);
	if (!a->tally)
		return fault_set(f, -ENOMEM, "out of memory");
	for (size_t i = 0; i < DPI_RINGS_MAX; i++) {
		if (!is_own(a, i))
			continue;
		offline_shard_end(&a->shard[i], a->wants_events ? &a->log : NULL);
		offline_shard_add(&a->shard[i], a->tally, &all);
		send_events(a);
	}
	if (a->part == 0)
		tally_add_defrag(a->tally, offline_route_counters(a->route));
	if (a->wants_events && a->frames)
		put_stats(a);
	if (a->log.failed || a->log.text.failed) {
		a->end = OFFLINE_FAILED;
		fault_set(&a->fault, -ENOMEM, "out of memory: events are missing");
	}
	return 0;
}

int analysis_pack(struct analysis *a, const struct report_out *to, struct fault *f)
{
	int err = tally_pack(a->tally, to);

	return err ? fault_set(f, err, "too many connections for several workers") : 0;
}

int analysis_merge(struct analysis *a, struct slice packed, struct fault *f)
{
	int err = tally_unpack(a->tally, packed);

	return err ? fault_set(f, err, "a worker's part is cut short") : 0;
}

struct report *analysis_report(const struct analysis *a)
{
	const struct report_counter counters[] = {
		{"capture_damaged", "1 when the capture ended early or is damaged",
		 a->end == OFFLINE_DAMAGED},
		{"capture_interrupted", "1 when reading was stopped by a signal",
		 a->end == OFFLINE_STOPPED},
		{"frames_filtered", "frames left out by --filter: neither analysed nor written", 0},
		{"blocks_left_out",
		 "blocks of pcapng that joining several inputs could not carry over", 0},
	};
	struct report_config config = {
		.tally = a->tally,
		.catalogue = a->catalogue,
		.rules = a->rules,
		.input = a->name.at,
		.output = "/dev/null",
		.is_reproducible = true,
		.counters = counters,
		.counter_count = sizeof(counters) / sizeof(counters[0]),
		.local_nets = a->nets,
		.local_net_count = a->net_count,
	};

	return report_new(&config);
}
