/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two runs over one capture beside each other; see what_if.h. Room: offline.
 *
 * Rows of both come in the order of the frames that opened them. A verdict keeps a flow longer than
 * it would live without, so one run may have two flows where the other has one: such a row stands
 * alone, and packets are right in the sum.
 */
#include "offline/what_if.h"

#include <errno.h>

static struct difference_side side_of(const struct connection *c)
{
	return (struct difference_side){.is_dropped = c->is_blocked || c->dropped_packets,
					.rule = c->rule,
					.packets = c->dropped_packets,
					.bytes = c->dropped_bytes};
}

/* A list of rows, and where one stands in it. */
struct reading {
	struct tally *t;
	size_t at, count;
	struct connection row; /* of at < count; borrowed from the tally */
};

static void reading_load(struct reading *r)
{
	if (r->at < r->count)
		tally_row(r->t, r->at, &r->row);
}

static void reading_next(struct reading *r)
{
	r->at++;
	reading_load(r);
}

static struct reading reading_of(struct tally *t)
{
	struct reading r = {.t = t, .count = tally_row_count(t)};

	reading_load(&r);
	return r;
}

/* Of a long capture only the last rows are listed, not the same ones in both runs: what stands
 * before the first of either list is left out of both. */
static uint64_t reading_skip(struct reading *r, const struct reading *other)
{
	uint64_t first = other->count ? other->row.first_number : 0, skipped = 0;

	for (; r->at < r->count && r->row.first_number < first; skipped++)
		reading_next(r);
	return skipped;
}

/* What is dropped is not read: the run that dropped less of a flow knows what it is. */
static bool knows_more(const struct connection *b, const struct connection *a)
{
	return b->dropped_packets <= a->dropped_packets;
}

static void lay_beside(struct difference *d, struct reading *b, struct reading *a)
{
	const struct difference_side none = {0};

	while (b->at < b->count || a->at < a->count) {
		int order = b->at == b->count	? 1
			    : a->at == a->count ? -1
						: connection_compare(&b->row, &a->row);
		struct difference_side before = order <= 0 ? side_of(&b->row) : none;
		struct difference_side after = order >= 0 ? side_of(&a->row) : none;

		difference_add(d,
			       order < 0 || (order == 0 && knows_more(&b->row, &a->row)) ? &b->row
											 : &a->row,
			       &before, &after);
		if (order <= 0)
			reading_next(b);
		if (order >= 0)
			reading_next(a);
	}
}

static void compare(struct tally *before, struct tally *after, struct difference *d)
{
	struct reading b = reading_of(before), a = reading_of(after);
	struct difference_runs runs = {
		.dropped_before = tally_totals(before)->dropped,
		.dropped_after = tally_totals(after)->dropped,
		.uncompared = tally_unlisted(after),
	};

	if (tally_unlisted(before) || tally_unlisted(after))
		runs.uncompared += reading_skip(&a, &b) + reading_skip(&b, &a);
	lay_beside(d, &b, &a);
	difference_set_runs(d, &runs);
}

int offline_what_if(const struct offline_config *config, const struct policy *before,
		    const struct policy *after, struct difference *d, enum offline_end *end,
		    struct fault *f)
{
	struct offline_config one = *config;
	struct offline_result b = {0}, a = {0};
	int err;

	one.out = "/dev/null";
	one.events = NULL;
	one.split_size = 0;
	one.is_unreported = one.is_last = false;
	one.policy = before;
	err = offline_run(&one, &b, f);
	one.policy = after;
	if (!err)
		err = offline_run(&one, &a, f);
	if (!err) {
		compare(b.tally, a.tally, d);
		*end = a.end != OFFLINE_WHOLE ? a.end : b.end;
		if (*end != OFFLINE_WHOLE)
			*f = a.end != OFFLINE_WHOLE ? a.fault : b.fault;
		if (tally_failed(b.tally) || tally_failed(a.tally))
			err = fault_set(f, -ENOMEM, "out of memory");
	}
	offline_result_clear(&b);
	offline_result_clear(&a);
	return err;
}
