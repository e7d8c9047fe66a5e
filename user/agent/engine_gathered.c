/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Gathering live traffic: rows of the shards first, then flows that only the kernel knows; see
 * engine_gathered.h. Room: agent.
 */
#include "agent/engine_gathered.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t key_hash(const struct dpi_key *k)
{
	return table_hash(0, k, sizeof(*k));
}

static bool seen_has(const struct seen *s, const struct dpi_key *k)
{
	struct table_node *n = table_first(&s->table, key_hash(k));

	for (; n; n = table_next(n))
		if (memcmp(&table_entry(n, struct seen_key, node)->key, k, sizeof(*k)) == 0)
			return true;
	return false;
}

static void seen_add(struct seen *s, const struct dpi_key *k)
{
	struct seen_key *slot;

	if (s->count == s->max)
		return;
	slot = &s->keys[s->count];
	slot->key = *k;
	if (table_add(&s->table, &slot->node, key_hash(k)) == 0)
		s->count++;
}

static void supposed_add(struct gathered *g, const struct connection *row,
			 const struct engine_supposed *s)
{
	const struct difference_side before = {.is_dropped = s->before.is_block,
					       .rule = s->before.rule};
	const struct difference_side after = {.is_dropped = s->after.is_block,
					      .rule = s->after.rule};

	difference_add(g->difference, row, &before, &after);
}

/* Of a flow that no worker saw a frame of, only rules for addresses and ports can speak. */
static void supposed_unseen(struct gathered *g, const struct connection *row)
{
	const struct engine_supposed s = {
		.before = policy_match_flow(g->e->lent, &row->key, row->opener),
		.after = policy_match_flow(g->supposed, &row->key, row->opener)};

	supposed_add(g, row, &s);
}

static void row_from_kernel(void *ctx, const struct dpi_key *k, const struct live_flow *f)
{
	struct gathered *g = ctx;
	struct connection row;

	if (seen_has(&g->seen, k))
		return;
	kernel_counts_new_row(&g->e->clock, k, f, &row);
	if (g->difference)
		supposed_unseen(g, &row);
	else
		tally_add_connection(g->all, &row);
}

/* What the shards counted, and their open flows where rows are wanted. */
static int snapshots_take(struct gathered *g, struct shard_snapshot *snaps, bool has_rows)
{
	struct engine_state *e = g->e;
	int err = 0;

	for (unsigned i = 0; i < e->shard_count && !err; i++) {
		struct shard_news news = {.ended = engine_spare(e)};

		if (!has_rows) {
			shard_count(e->shards[i], &snaps[i].counts);
		} else if (!news.ended) {
			err = -ENOMEM;
		} else {
			err = shard_suppose(e->shards[i], g->supposed, &news, &snaps[i]);
			engine_news_keep(e, &news);
		}
		g->seen.max += snaps[i].count;
	}
	g->seen.keys = calloc(g->seen.max ? g->seen.max : 1, sizeof(*g->seen.keys));
	return g->seen.keys ? err : -ENOMEM;
}

static void counts_add(struct gathered *g, const struct shard_counts *c, struct report_worker *w)
{
	tally_add_engine(g->all, &c->engine);
	tally_add_defrag(g->all, &c->defrag);
	g->events_lost += c->events_lost;
	for (int k = 0; k < EVENT_KINDS_MAX; k++)
		g->events_limited[k] += c->events_limited[k];
	w->packets = c->frames;
	w->forwarded = c->frames;
	w->flows = c->engine.flows_opened;
	w->names = c->engine.names;
}

static void rows_add(struct gathered *g, struct shard_snapshot *snap)
{
	for (size_t r = 0; r < snap->count; r++) {
		struct connection *row = &snap->open[r];

		kernel_counts_row(g->e->options.maps, &g->e->clock, g->e->lent, row);
		seen_add(&g->seen, &row->key);
		if (g->difference)
			supposed_add(g, row, &snap->would[r]);
		else
			tally_add_connection(g->all, row);
	}
}

static int gather(struct gathered *g, enum gather_extent extent)
{
	struct shard_snapshot snaps[DPI_RINGS_MAX] = {0};
	struct engine_state *e = g->e;
	int err;

	if (!g->all)
		return -ENOMEM;
	err = snapshots_take(g, snaps, extent != GATHER_COUNTS);
	if (!err && extent == GATHER_ALL)
		tally_merge(g->all, e->ended);
	for (int k = 0; k < EVENT_KINDS_MAX; k++)
		g->events_limited[k] = e->unseen.left_out[k];
	for (unsigned i = 0; i < e->shard_count && !err; i++) {
		counts_add(g, &snaps[i].counts, &g->workers[i]);
		rows_add(g, &snaps[i]);
	}
	if (!err && extent != GATHER_COUNTS)
		live_flow_each(e->options.maps, row_from_kernel, g);
	if (!err)
		kernel_counts_totals(e->options.maps, g->all);
	for (unsigned i = 0; i < e->shard_count; i++)
		shard_snapshot_clear(&snaps[i]);
	return err;
}

int engine_gather(struct engine_state *e, struct gathered *g, enum gather_extent extent)
{
	*g = (struct gathered){.e = e, .all = tally_new(0)};
	return gather(g, extent);
}

int engine_gather_supposed(struct engine_state *e, struct gathered *g, const struct policy *policy,
			   struct difference *d)
{
	*g = (struct gathered){.e = e, .all = tally_new(0), .supposed = policy, .difference = d};
	return gather(g, GATHER_OPEN);
}

void engine_gathered_clear(struct gathered *g)
{
	tally_free(g->all);
	table_clear(&g->seen.table);
	free(g->seen.keys);
}
