/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The first few of many; see top.h. Once the list is full, nearly every item is refused by its
 * comparison with the last.
 */
#include "report/top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int top_init(struct top *t, size_t max, int (*compare)(const void *a, const void *b))
{
	*t = (struct top){.max = max, .compare = compare};
	t->item = calloc(max, sizeof(*t->item));
	return t->item ? 0 : -ENOMEM;
}

void top_offer(struct top *t, const void *item)
{
	size_t low = 0, high = t->count;

	if (t->count == t->max && t->compare(item, t->item[t->max - 1]) > 0)
		return;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->compare(item, t->item[middle]) < 0)
			high = middle;
		else
			low = middle + 1;
	}
	t->count += t->count < t->max;
	memmove(t->item + low + 1, t->item + low, (t->count - 1 - low) * sizeof(*t->item));
	t->item[low] = item;
}

void top_clear(struct top *t)
{
	free(t->item);
	*t = (struct top){0};
}
