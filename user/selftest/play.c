/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Playing rows; see play.h. Room: selftest.
 */
#include "selftest/play.h"

static void play_row(struct stage *s, size_t number, bool is_v6, bool is_attack)
{
	s->row = (uint16_t)number;
	s->is_v6 = is_v6;
	s->is_attack = is_attack;
	s->name = is_attack ? STAGE_BLOCKED : STAGE_INNOCENT;
	rows_at(number, NULL)->play(s);
}

void play_rows(struct stage *s, const struct selftest_wish *w)
{
	for (size_t i = 0; i < rows_count(); i++) {
		const struct row *row = rows_at(i, NULL);

		for (int is_v6 = 0; is_v6 < 2; is_v6++) {
			if (!selftest_is_asked(w, row) || !row_is_of(row, is_v6))
				continue;
			if (!row->is_innocent)
				play_row(s, i, is_v6, true);
			if (!row->is_refused && !row->open)
				play_row(s, i, is_v6, false);
		}
	}
}

void play_probes(struct stage *s)
{
	size_t count = s->talk_count;

	for (size_t i = 0; i < count; i++)
		stage_probe(s, &s->talks[i]);
}
