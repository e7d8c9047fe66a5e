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

static void row_from_kernel(void *ctx, const struct dpi_key *k, const struct live_flow *f)
{
	struct gathered *g = ctx;
	struct connection row;

	if (seen_has(&g->seen, k))
		return;
	kernel_counts_new_row(&g->e->clock, k, f, &row);
	tally_add_connection(g->all, &row);
}

static void snapshots_take(struct gathered *g, struct shard_snapshot *snaps)
{
	struct engine_state *e = g->e;
	size_t open = 0;

	for (unsigned i = 0; i < e->shard_count; i++) {
		if (shard_snapshot(e->shards[i], &snaps[i])) {
			g->failed = true;
			continue;
		}
		open += snaps[i].open_count;
		tally_merge(g->all, snaps[i].closed);
		g->events_lost += snaps[i].events_lost;
	}
	g->seen.max = open;
	g->seen.keys = calloc(open ? open : 1, sizeof(*g->seen.keys));
	if (!g->seen.keys)
		g->failed = true;
}

static void rows_add(struct gathered *g, struct shard_snapshot *snaps)
{
	struct engine_state *e = g->e;

	for (unsigned i = 0; i < e->shard_count; i++) {
		struct report_worker *w = &g->workers[i];

		w->packets = snaps[i].frames;
		w->forwarded = snaps[i].frames;
		w->flows = snaps[i].flows;
		w->names = snaps[i].names;
		for (size_t r = 0; r < snaps[i].open_count; r++) {
			struct connection *row = &snaps[i].open[r];

			kernel_counts_row(e->options.maps, &e->clock, row);
			seen_add(&g->seen, &row->key);
			tally_add_connection(g->all, row);
		}
	}
	live_flow_each(e->options.maps, row_from_kernel, g);
}

int engine_gather(struct engine_state *e, struct gathered *g, bool open_only)
{
	struct shard_snapshot snaps[DPI_RINGS_MAX] = {0};

	*g = (struct gathered){.e = e, .all = tally_new(0)};
	if (!g->all)
		return -ENOMEM;
	snapshots_take(g, snaps);
	if (open_only) {
		tally_free(g->all);
		g->all = tally_new(0);
	} else {
		tally_merge(g->all, e->unsampled);
	}
	if (g->all && !g->failed) {
		rows_add(g, snaps);
		kernel_counts_totals(e->options.maps, g->all);
	}
	for (unsigned i = 0; i < e->shard_count; i++)
		shard_snapshot_clear(&snaps[i]);
	return g->all && !g->failed ? 0 : -ENOMEM;
}

void engine_gathered_clear(struct gathered *g)
{
	tally_free(g->all);
	table_clear(&g->seen.table);
	free(g->seen.keys);
}
