/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines by frame; see event_log.h. Room: offline.
 */
#include "offline/event_log.h"

#include <stdlib.h>

void event_log_mark(struct event_log *l, uint64_t number)
{
	struct event_mark *more;

	if (l->count > 0 && l->marks[l->count - 1].number == number) {
		l->marks[l->count - 1].end = l->text.len;
		return;
	}
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;

		more = realloc(l->marks, cap * sizeof(*more));
		if (!more) {
			l->failed = true;
			return;
		}
		l->marks = more;
		l->cap = cap;
	}
	l->marks[l->count++] = (struct event_mark){.number = number, .end = l->text.len};
}

void event_log_reset(struct event_log *l)
{
	l->text.len = 0;
	l->count = 0;
}

void event_log_clear(struct event_log *l)
{
	text_clear(&l->text);
	free(l->marks);
	*l = (struct event_log){0};
}
