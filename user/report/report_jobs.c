/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Building the report: what was folded and every row, added up, and the tables of it. It is done in
 * jobs that touch nothing of each other, so that several threads can do them at once.
 */
#include "report/model.h"

#include "report/rows.h"

#include <errno.h>
#include <stdlib.h>

enum {
	TOGETHER = 16,	 /* rows that are added up at a time: while some come from memory */
	NAMES_PART = 8,	 /* the names get one in so many of the spare blocks */
	ORDER_MORE = 64, /* blocks for the order, whose pieces are to lie in a row */
	MORE_PART = 2,	 /* ... and sums may take one byte in so many that flows took beside that */
};

static int sort_rows(struct report *r)
{
	if (tally_sort(r->config.tally))
		r->row_count = 0;
	return 0;
}

static void add_names(struct report *r)
{
	const struct rows *rows = tally_rows(r->config.tally);
	struct sums_sought sought[TOGETHER];
	struct connection c[TOGETHER];
	size_t count, blocked = 0, hearsay = 0;
	struct rows_at at = {0};

	do {
		for (count = 0; count < TOGETHER && rows_next(rows, &at, &c[count]); count++) {
			sought[count] = sums_seek_names(r->names, &c[count]);
			blocked += c[count].is_blocked;
			hearsay += (c[count].flags & FLOW_LEARNT) != 0;
		}
		for (size_t i = 0; i < count; i++)
			sums_warm_names(r->names, &sought[i]);
		for (size_t i = 0; i < count; i++)
			sums_add_names(r->names, &c[i], &sought[i]);
	} while (count);
	r->blocked_count = blocked;
	r->hearsay_count = hearsay;
}

static int build_names(struct report *r)
{
	int err;

	sums_merge_names(r->names, tally_folded(r->config.tally));
	add_names(r);
	err = model_apps(r);
	if (!err)
		err = model_domains(r);
	return err ? err : model_rules(r);
}

static void add_ends(struct report *r)
{
	const struct rows *rows = tally_rows(r->config.tally);
	struct sums_sought sought[TOGETHER];
	struct connection c[TOGETHER];
	struct rows_at at = {0};
	size_t count;

	do {
		for (count = 0; count < TOGETHER && rows_next(rows, &at, &c[count]); count++)
			sought[count] = sums_seek_ends(r->ends, &c[count]);
		for (size_t i = 0; i < count; i++)
			sums_warm_ends(r->ends, &sought[i]);
		for (size_t i = 0; i < count; i++)
			sums_find_ends(r->ends, &c[i], &sought[i]);
		for (size_t i = 0; i < count; i++)
			sums_add_ends(r->ends, &c[i], &sought[i]);
	} while (count);
}

static int build_ends(struct report *r)
{
	int err;

	sums_expect(r->ends, tally_rows(r->config.tally)->count);
	sums_merge_ends(r->ends, tally_folded(r->config.tally));
	add_ends(r);
	err = model_dsts(r);
	if (!err)
		err = forensic_find(&r->forensic, r->ends, r->config.local_nets,
				    r->config.local_net_count);
	return err ? err : model_suspects(r);
}

int report_do(struct report *r, enum report_job job)
{
	static int (*const jobs[REPORT_JOBS])(struct report *) = {
		[REPORT_SORT] = sort_rows,
		[REPORT_NAMES] = build_names,
		[REPORT_ENDS] = build_ends,
	};

	return jobs[job](r);
}

int report_finish(struct report *r)
{
	int err = model_counters(r);

	r->is_finished = !err;
	return err;
}

/* Some for each half of the sums; the order of the rows gets the rest. Without memory for the lists
 * they stand elsewhere. */
static void share_pages(struct report *r)
{
	struct pages *all = tally_pages(r->config.tally);
	size_t order = 2 * rows_order_size(r->row_count) / PAGES_BLOCK;
	size_t spare;

	if (!all)
		return;
	order += order / 4 + ORDER_MORE;
	spare = all->spare_count > order ? all->spare_count - order : 0;
	if (pages_share(all, &r->names_pages, spare / NAMES_PART) ||
	    pages_share(all, &r->ends_pages, spare - spare / NAMES_PART))
		return;
	sums_reuse(r->names, &r->names_pages);
	sums_reuse(r->ends, &r->ends_pages);
}

static void return_pages(struct report *r)
{
	struct pages *all = tally_pages(r->config.tally);

	if (all && !pages_absorb(all, &r->names_pages))
		pages_absorb(all, &r->ends_pages);
}

static struct sums *new_sums(const struct report *r)
{
	struct sums *s = sums_new(0);

	const struct pages *flows = tally_pages(r->config.tally);
	size_t more = flows ? flows->block_count * PAGES_BLOCK / MORE_PART : 0;

	if (s && tally_is_spooled(r->config.tally))
		sums_spool(s, SUMS_PLAIN_MAX + more);
	return s;
}

struct report *report_open(const struct report_config *config)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->config = *config;
	r->totals = *tally_totals(config->tally);
	tally_span(config->tally, &r->first_ns, &r->last_ns);
	r->row_count = tally_settle(config->tally);
	r->names = new_sums(r);
	r->ends = new_sums(r);
	if (!r->names || !r->ends) {
		report_free(r);
		return NULL;
	}
	share_pages(r);
	return r;
}

struct report *report_new(const struct report_config *config)
{
	struct report *r = report_open(config);
	int err = r ? 0 : -ENOMEM;

	for (int job = 0; job < REPORT_JOBS && !err; job++)
		err = report_do(r, job);
	if (!err)
		err = report_finish(r);
	if (!err)
		return r;
	report_free(r);
	return NULL;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	free(r->apps);
	top_clear(&r->domains);
	free(r->rules);
	top_clear(&r->dsts);
	free(r->counters);
	free(r->suspect_order);
	free(r->visits);
	model_peers_clear(r);
	forensic_clear(&r->forensic);
	sums_free(r->names);
	sums_free(r->ends);
	return_pages(r);
	free(r);
}
