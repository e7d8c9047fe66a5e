/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The few connection ids that a flow of datagrams has used (QUIC: those that its first keys were
 * made from, RFC 9001 5.2). A plain value that the flow owns; the last ones stay.
 */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include "base/slice.h"

/* One a datagram, as many as a flow's budget holds. */
enum { IDS_KEPT = 64, ID_MAX = 20 };

struct ids {
	uint8_t count, next; /* kept; where the next one goes */
	struct id {
		uint32_t version;
		uint8_t len, at[ID_MAX];
		uint64_t number; /* of packets: one more than the largest read */
	} id[IDS_KEPT];
};

/* The bytes from the beginning that say all of it. */
static inline size_t ids_size(const struct ids *s)
{
	return offsetof(struct ids, id) + s->count * sizeof(struct id);
}

/* Keeps an id (up to 20 bytes) unless it is there; the oldest leaves. */
static inline void ids_keep(struct ids *s, uint32_t version, struct slice id)
{
	struct id *to;

	id = slice_first(id, ID_MAX);
	for (int i = 0; i < s->count; i++)
		if (s->id[i].version == version &&
		    slice_equal(slice_of(s->id[i].at, s->id[i].len), id))
			return;
	to = &s->id[s->next];
	to->version = version;
	to->len = (uint8_t)id.len;
	to->number = 0;
	if (id.len)
		memcpy(to->at, id.at, id.len);
	s->next = (uint8_t)((s->next + 1) % IDS_KEPT);
	if (s->count < IDS_KEPT)
		s->count++;
}

#endif
