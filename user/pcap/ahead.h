/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Looks ahead in a mapped capture. Room: pcap, private to it.
 *
 * Where a record begins is known only from the one before it, so a reader that walks a large file
 * waits for memory once a record. Here several walks through the next stretch go on at the same
 * time, each from a place that looks like a record's head, and only fetch what they find into the
 * cache. Nothing is taken from them: a wrong guess costs time and no more.
 */
#ifndef PCAP_AHEAD_H
#define PCAP_AHEAD_H

#include "pcap/reading.h"

enum {
	AHEAD_BYTES = 256 << 10, /* of the stretch: its heads stay in a near cache until read */
	AHEAD_WALKS = 16,	 /* what a core can wait for at once */
	AHEAD_SEARCH = 2048,	 /* bytes searched for a head: a frame of Ethernet and some more */
	AHEAD_NEAR = 512,	 /* ... and most are found within these */
	AHEAD_REST = 8,		 /* stretches left out after one where no head was found */
	AHEAD_LINE = 64,
	AHEAD_HEAD = 32, /* bytes of a head that the functions below may look at */
};

struct ahead_format {
	/* The first place from `at` on, before end, where a record could begin; sure is one where
	 * one does. NULL: none. May look at AHEAD_HEAD bytes behind each place. */
	const uint8_t *(*find)(const struct capture_in *in, const uint8_t *at, const uint8_t *end,
			       const uint8_t *sure);
	/* Bytes to the next record; nonsense is fine. */
	size_t (*length)(const struct capture_in *in, const uint8_t *at);
};

/* Called with the reader at a record's head. To be inlined, a being constant. */
static inline __attribute__((always_inline)) void ahead_look(struct capture_in *in,
							     const struct ahead_format *a)
{
	const uint8_t *sure = in->source.at, *at[AHEAD_WALKS], *end[AHEAD_WALKS];
	size_t left = source_left(&in->source), step, found = 0, going = AHEAD_WALKS;

	if (left > AHEAD_BYTES + AHEAD_HEAD)
		left = AHEAD_BYTES + AHEAD_HEAD;
	in->ahead_end = sure + left;
	if (left < AHEAD_WALKS * AHEAD_SEARCH)
		return; /* the end of a step: not worth it */
	step = (left - AHEAD_HEAD) / AHEAD_WALKS;
	for (size_t i = 0; i < AHEAD_WALKS; i++) {
		at[i] = sure + i * step;
		end[i] = at[i] + step;
		/* Read, all at the same time: where the page is new to the core, a processor may
		 * leave undone what it is only asked to fetch. */
		(void)*(const volatile uint8_t *)at[i];
	}
	for (size_t i = 0; i < AHEAD_WALKS; i++)
		slice_warm(slice_of(at[i], AHEAD_NEAR), AHEAD_NEAR);
	for (size_t i = 1; i < AHEAD_WALKS; i++) {
		at[i] = a->find(in, at[i], at[i] + (step < AHEAD_SEARCH ? step : AHEAD_SEARCH),
				sure);
		found += at[i] != NULL;
		at[i] = at[i] ? at[i] : end[i];
	}
	if (found == 0)
		in->ahead_end = sure + AHEAD_REST * (size_t)AHEAD_BYTES;
	while (found > 0 && going > 0) {
		going = 0;
		for (size_t i = 0; i < AHEAD_WALKS; i++) {
			size_t len;

			if (at[i] >= end[i])
				continue;
			len = a->length(in, at[i]);
			at[i] = len < (size_t)(end[i] - at[i]) ? at[i] + len : end[i];
			__builtin_prefetch(at[i]);
			__builtin_prefetch(at[i] + AHEAD_LINE);
			going++;
		}
	}
}

#endif
