/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The first few of many, in order, without sorting the others. Private to this room.
 */
#ifndef REPORT_TOP_H
#define REPORT_TOP_H

#include <stddef.h>

/* Owned by whoever made it; items are borrowed. */
struct top {
	const void **item; /* the first `count`, in order */
	size_t count, max;
	/* Below 0 when a stands before b; never 0 for two that are offered. */
	int (*compare)(const void *a, const void *b);
};

/* Of at most max items. Returns 0 or -ENOMEM; top_clear may follow either. */
int top_init(struct top *t, size_t max, int (*compare)(const void *a, const void *b));
void top_offer(struct top *t, const void *item);
void top_clear(struct top *t);

#endif
