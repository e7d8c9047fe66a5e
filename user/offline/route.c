/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The way of a frame to its shard; see route.h. Room: offline.
 */
#include "offline/route.h"

#include <stdlib.h>

struct offline_route {
	struct defrag *defrag; /* lies behind this */
};

struct offline_route *offline_route_new(void)
{
	struct offline_route *r = malloc(sizeof(*r) + defrag_size());

	if (r)
		r->defrag = defrag_init(r + 1);
	return r;
}

void offline_route_free(struct offline_route *r)
{
	free(r);
}

const struct defrag_counters *offline_route_counters(const struct offline_route *r)
{
	return defrag_counters(r->defrag);
}

/*
 * Puts a fragment to its datagram, and goes on with a fragment inside that one. Fills *out with
 * what is known in the end. Returns the hash of the flow it belongs to, as far as that is known.
 */
static uint32_t take_fragment(struct offline_route *r, const struct packet *first,
			      enum dpi_parse first_parse, struct frame_fragment *out)
{
	struct packet p = *first;
	bool is_refused = false;
	uint32_t hash = p.hash;

	for (int i = 0; i <= DPI_TUNNELS_MAX; i++) {
		enum dpi_parse parse;

		defrag_take(r->defrag, &p, out);
		is_refused |= out->is_refused;
		out->is_refused = is_refused;
		if (out->has_flow)
			hash = dpi_key_hash(&out->key);
		if (!out->whole[0].len)
			break;
		parse = packet_decode_whole(p.frame, out->whole[0], &p);
		if (parse == DPI_PARSE_OK)
			hash = p.hash;
		if (!packet_is_fragment(&p, parse))
			return hash;
	}
	/* One that has ports itself stays with them until its datagram is whole. */
	return first_parse == DPI_PARSE_OK ? first->hash : hash;
}

uint32_t offline_route_fragment(struct offline_route *r, struct frame *f, const struct packet *p,
				enum dpi_parse parse, struct frame_fragment *fragment)
{
	f->fragment = fragment;
	return take_fragment(r, p, parse, fragment);
}
