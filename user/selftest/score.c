/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames sent and frames that arrived; see score.h. Room: selftest.
 */
#include "selftest/score.h"

#include <stdlib.h>
#include "base/table.h"
#include "selftest/rows.h"
enum { LEAST = 4096, ETHER = 12, TAG = 4 };

struct mark {
	uint64_t hash;
	uint16_t row, talk;
	bool is_attack, is_probe, is_v6, is_client;
	bool is_rest;
	bool is_last; /* of its talk's client, ahead of the wait for verdicts */
};

struct marks {
	struct mark *at;
	size_t count, room;
};

struct score {
	struct marks sent, arrived;
};

struct score *score_new(void)
{
	return calloc(1, sizeof(struct score));
}

void score_free(struct score *s)
{
	if (!s)
		return;
	free(s->sent.at);
	free(s->arrived.at);
	free(s);
}

static bool add(struct marks *m, const struct mark *one)
{
	if (m->count == m->room) {
		size_t room = m->room ? 2 * m->room : LEAST;
		struct mark *more = realloc(m->at, room * sizeof(*more));

		if (!more)
			return false;
		m->at = more;
		m->room = room;
	}
	m->at[m->count++] = *one;
	return true;
}

/* What follows Ethernet's addresses and tags: a type and its bytes. */
static uint64_t hash_of(enum stage_side from, struct slice frame)
{
	size_t at = ETHER;

	while (at + TAG < frame.len && ((frame.at[at] == 0x81 && frame.at[at + 1] == 0) ||
					(frame.at[at] == 0x88 && frame.at[at + 1] == 0xa8)))
		at += TAG;
	frame = slice_from(frame, at);
	return table_hash(from, frame.at, frame.len);
}

bool score_sent(struct score *s, const struct stage_shot *shot)
{
	const struct mark one = {
		.hash = hash_of(shot->from, shot->frame),
		.row = shot->row,
		.talk = shot->talk,
		.is_attack = shot->is_attack,
		.is_probe = shot->is_probe,
		.is_rest = shot->is_rest,
		.is_v6 = shot->is_v6,
		.is_client = shot->from == STAGE_CLIENT,
	};

	return add(&s->sent, &one);
}

bool score_arrived(struct score *s, enum stage_side from, struct slice frame)
{
	return add(&s->arrived, &(struct mark){.hash = hash_of(from, frame)});
}

static int compare(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void sort(struct marks *m)
{
	if (m->count)
		qsort(m->at, m->count, sizeof(*m->at), compare);
}

/* Frames that are to be dropped each, and those of rows that have no verdict, are no matter of it.
 */
static void find_last(struct marks *sent)
{
	bool is_found[1 << 16] = {false};

	for (size_t i = sent->count; i-- > 0;) {
		struct mark *m = &sent->at[i];
		const struct row *row = rows_at(m->row, NULL);

		m->is_last = m->is_attack && m->is_client && !m->is_probe && !m->is_rest &&
			     !is_found[m->talk] && !row->open && !row->is_refused;
		is_found[m->talk] |= m->is_last;
	}
}

void score_count(struct score *s, struct score_row (*out)[2])
{
	size_t next = 0;
	find_last(&s->sent);
	sort(&s->sent);
	sort(&s->arrived);
	for (size_t i = 0; i < s->sent.count; i++) {
		const struct mark *m = &s->sent.at[i];
		struct score_row *row = &out[m->row][m->is_v6];
		bool has_arrived;

		while (next < s->arrived.count && s->arrived.at[next].hash < m->hash)
			next++;
		/* One arrival is that of one frame. */
		has_arrived = next < s->arrived.count && s->arrived.at[next].hash == m->hash;
		next += has_arrived;
		row->probes += m->is_probe;
		row->leaked += m->is_probe && has_arrived;
		row->innocent += !m->is_attack;
		row->lost += !m->is_attack && !has_arrived;
		row->flows += m->is_last;
		row->held += m->is_last && !has_arrived;
	}
}
