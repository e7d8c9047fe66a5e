/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A radix sort from the lowest digit on. Digits in which no two keys differ cost nothing, and a few
 * keys are put where they belong one by one.
 */
#include "report/places.h"

#include <stdbool.h>
#include <string.h>

enum {
	FEW = 24,
	DIGIT = 8, /* bits */
	WIDE_DIGIT = 11,
	WIDE_FROM = 8192, /* keys, which repay the counting of so many digits */
};

static void insert_each(struct place *place, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct place p = place[i];
		size_t at = i;

		for (; at && place[at - 1].key > p.key; at--)
			place[at] = place[at - 1];
		place[at] = p;
	}
}

/* The bits in which keys differ; 0 as well when they are in order. */
static uint64_t bits_to_sort(const struct place *place, size_t count)
{
	uint64_t bits = 0;
	bool is_sorted = true;

	for (size_t i = 1; i < count; i++) {
		bits |= place[i].key ^ place[i - 1].key;
		is_sorted &= place[i - 1].key <= place[i].key;
	}
	return is_sorted ? 0 : bits;
}

static void sort_by_digit(const struct place *from, struct place *to, size_t count, unsigned shift,
			  unsigned bits)
{
	uint32_t at[1 << WIDE_DIGIT], sum = 0;
	const uint32_t digits = 1U << bits, mask = digits - 1;

	memset(at, 0, digits * sizeof(*at));
	for (size_t i = 0; i < count; i++)
		at[from[i].key >> shift & mask]++;
	for (uint32_t d = 0; d < digits; d++) {
		uint32_t n = at[d];

		at[d] = sum;
		sum += n;
	}
	for (size_t i = 0; i < count; i++)
		to[at[from[i].key >> shift & mask]++] = from[i];
}

void places_sort(struct place *place, struct place *spare, size_t count)
{
	unsigned bits = count < WIDE_FROM ? DIGIT : WIDE_DIGIT, shift = 0;
	struct place *from = place, *to = spare, *swap;
	uint64_t left;

	if (count <= FEW) {
		insert_each(place, count);
		return;
	}
	for (left = bits_to_sort(place, count); left; left &= ~(((1ULL << bits) - 1) << shift)) {
		shift = (unsigned)__builtin_ctzll(left);
		sort_by_digit(from, to, count, shift, bits);
		swap = from;
		from = to;
		to = swap;
	}
	if (from != place)
		memcpy(place, from, count * sizeof(*place));
}
