/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sorting things by a number each, where there may be a million of them: what moves is the number
 * and where the thing stands. Private to this room.
 */
#ifndef REPORT_PLACES_H
#define REPORT_PLACES_H

#include <stddef.h>
#include <stdint.h>

struct place {
	uint64_t key;
	const void *at;
};

/* Sorts by key, and keeps the order of equals. spare: room for as many, left with anything in it.
 * count: below 2^32. */
void places_sort(struct place *place, struct place *spare, size_t count);

#endif
