/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The table of datagrams that come in fragments. Room: packet; the bytes are in pieces.c. It must
 * never allocate, never trust an offset, and never hold more than DEFRAG_DATAGRAMS.
 *
 * A datagram has up to two views: where pieces contradict each other, the first one stays in one
 * and the last one counts in the other. A piece of a datagram that was whole already begins it anew
 * (its identification is used again) and is laid over what was there as well: whoever missed a
 * piece of the first may put it together so.
 *
 * Standards: RFC 791 3.2, RFC 8200 4.5, RFC 5722 (overlaps), RFC 1858 and 3128 (tiny fragments).
 */
#include "packet/defrag.h"

#include "packet/pieces.h"

/* How long receivers wait for the rest: 30 s (Linux) for IPv4, 60 s for IPv6 (RFC 8200 4.5). */
_Static_assert(DEFRAG_WHOLE_MAX == PIECES_HEAD_MAX + PIECES_BYTES, "what a whole one may have");
#define TIME_MAX_4_NS 30000000000ULL
#define TIME_MAX_6_NS 60000000000ULL

enum { DEFRAG_OUTCASTS = 1024 };

enum { FIRST, LAST }; /* the views, by which piece counts */

/* Which datagram a piece is of: addresses as sent, and those of the tunnel around it. */
struct datagram_key {
	struct dpi_addr addr[2], outer[2];
	uint32_t id;
	uint8_t version, proto, tunnel,
		pad; /* proto: 0 for IPv6, where pieces do not agree on it */
};
_Static_assert(sizeof(struct datagram_key) == 72, "datagram_key");

struct datagram {
	struct datagram_key key;
	bool is_disputed;    /* view LAST differs from view FIRST */
	bool is_overlapping; /* ... and is refused for it */
	bool is_whole;	     /* view FIRST was given */
	bool is_cut;	     /* the capture does not hold all of a piece */
	bool has_first, has_flow;
	uint8_t dir;
	struct dpi_key flow;
	struct piece first; /* its head lies in head */
	uint8_t head[PIECES_HEAD_MAX];
	struct pieces view[2];
};

/* What a search looks at, apart from the bytes: there are many places, and each is large. */
struct place {
	uint64_t hash;
	uint64_t since_ns;
	uint64_t turn; /* when it was taken: the oldest leaves first; 0: free */
	bool is_six;
};

/* What had to leave before it was whole: by hash, and when. */
struct outcast {
	uint64_t hash, ts_ns;
};

struct defrag {
	struct defrag_counters count;
	uint64_t turn;
	struct outcast outcast[DEFRAG_OUTCASTS];
	uint32_t outcast_next;
	bool has_outcasts;
	struct place place[DEFRAG_DATAGRAMS]; /* of datagram[] */
	struct datagram *lent; /* what was taken last; never evicted for the next one */
	struct datagram datagram[DEFRAG_DATAGRAMS];
};

size_t defrag_size(void)
{
	return sizeof(struct defrag);
}

struct defrag *defrag_init(void *memory)
{
	struct defrag *d = memory;

	d->count = (struct defrag_counters){0};
	d->turn = 0;
	d->lent = NULL;
	d->outcast_next = 0;
	d->has_outcasts = false;
	memset(d->outcast, 0, sizeof(d->outcast));
	memset(d->place, 0, sizeof(d->place));
	return d;
}

const struct defrag_counters *defrag_counters(const struct defrag *d)
{
	return &d->count;
}

static struct place *place_of(struct defrag *d, const struct datagram *g)
{
	return &d->place[g - d->datagram];
}

static void forget(struct defrag *d, int i)
{
	if (d->place[i].turn && !d->datagram[i].is_whole && !d->datagram[i].is_cut)
		d->count.fragments_lost++;
	d->place[i].turn = 0;
}

static bool is_old(const struct place *place, uint64_t now_ns)
{
	uint64_t most = place->is_six ? TIME_MAX_6_NS : TIME_MAX_4_NS;

	return now_ns > place->since_ns && now_ns - place->since_ns > most;
}

static struct datagram_key key_of(const struct packet *p)
{
	struct datagram_key k = {
		.addr = {p->head.key.addr[p->head.dir], p->head.key.addr[!p->head.dir]},
		.id = p->head.frag_id,
		.version = p->head.ip_version,
		.proto = p->head.ip_version == 4 ? p->head.key.proto : 0,
		.tunnel = p->tunnel,
	};

	if (p->tunnel) {
		k.outer[0] = p->outer[0];
		k.outer[1] = p->outer[1];
	}
	return k;
}

/* FNV-1a; nobody gains by making two alike: the second is refused as the first is. */
static uint64_t hash_of(const struct datagram_key *k)
{
	const uint8_t *at = (const uint8_t *)k;
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < sizeof(*k); i++)
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	return hash;
}

/* Takes a place from a datagram. What was not whole could still become so elsewhere: its further
 * pieces are not let in again. */
static void cast_out(struct defrag *d, int i, uint64_t now_ns)
{
	if (d->place[i].turn && !d->datagram[i].is_whole) {
		d->outcast[d->outcast_next++ % DEFRAG_OUTCASTS] =
			(struct outcast){.hash = d->place[i].hash, .ts_ns = now_ns};
		d->has_outcasts = true;
	}
	forget(d, i);
}

/* True for a piece of a datagram that had to leave not long ago. */
static bool is_outcast(const struct defrag *d, uint64_t hash, uint64_t now_ns)
{
	for (int i = 0; d->has_outcasts && i < DEFRAG_OUTCASTS; i++)
		if (d->outcast[i].hash == hash &&
		    (now_ns < d->outcast[i].ts_ns || now_ns - d->outcast[i].ts_ns <= TIME_MAX_6_NS))
			return true;
	return false;
}

/* Finds the place of a datagram, or a free one, or the oldest: *is_there says which. */
static int find_place(struct defrag *d, const struct datagram_key *key, uint64_t hash,
		      uint64_t now_ns, bool *is_there)
{
	int best = -1;

	for (int i = 0; i < DEFRAG_DATAGRAMS; i++) {
		struct place *place = &d->place[i];

		if (place->turn && is_old(place, now_ns))
			forget(d, i);
		*is_there = place->turn && place->hash == hash &&
			    memcmp(&d->datagram[i].key, key, sizeof(*key)) == 0;
		if (*is_there)
			return i;
		if (&d->datagram[i] != d->lent && (best < 0 || place->turn < d->place[best].turn))
			best = i;
	}
	return best;
}

/* The datagram of a piece, a new one at need. NULL: one that had to leave. */
static struct datagram *datagram_of(struct defrag *d, const struct packet *p)
{
	struct datagram_key key = key_of(p);
	uint64_t now_ns = p->frame->ts_ns, hash = hash_of(&key);
	bool is_there;
	int i = find_place(d, &key, hash, now_ns, &is_there);
	struct datagram *g = &d->datagram[i];

	if (is_there)
		return g;
	if (is_outcast(d, hash, now_ns))
		return NULL;
	cast_out(d, i, now_ns);
	d->place[i] = (struct place){
		.hash = hash, .since_ns = now_ns, .turn = ++d->turn, .is_six = key.version == 6};
	g->key = key;
	g->is_disputed = g->is_overlapping = g->is_whole = g->is_cut = false;
	g->has_first = g->has_flow = false;
	pieces_clear(&g->view[FIRST]);
	return g;
}

/* Keeps the header and the flow of a first piece. */
static void keep_first(struct datagram *g, const struct packet *p, const struct piece *piece)
{
	if (piece->off || piece->head.len > sizeof(g->head))
		return;
	memcpy(g->head, piece->head.at, piece->head.len);
	g->first = *piece;
	g->first.head = slice_of(g->head, piece->head.len);
	g->first.data = slice_of(g->head, 0);
	g->has_first = true;
	if (!p->head.l4_off)
		return;
	g->flow = p->head.key;
	g->dir = p->head.dir;
	g->has_flow = true;
}

/* A piece that hides what it is: the ports are not in the first one, or the next one, which begins
 * where TCP's head still is, may change them. */
static bool is_tiny(const struct packet *p, const struct piece *piece)
{
	if (!piece->off)
		return !p->head.l4_off;
	return p->head.key.proto == DPI_IP_TCP && piece->off < sizeof(struct dpi_wire_tcp);
}

static bool is_in_bounds(const struct piece *p)
{
	size_t head = p->version == 4 ? p->head.len : p->head.len - sizeof(struct dpi_wire_ip6);

	return p->data.len && p->head.len <= PIECES_HEAD_MAX && !(p->has_more && p->data.len % 8) &&
	       head + p->off + p->data.len <= PIECES_BYTES;
}

static enum pieces_meeting meet(const struct datagram *g, const struct piece *p)
{
	if (!p->off && g->has_first && g->first.next != p->next)
		return PIECES_CONTRADICT;
	return pieces_meet(&g->view[FIRST], p);
}

/* The pieces so far are a view of their own from here on. */
static void dispute(struct datagram *g)
{
	pieces_copy(&g->view[LAST], &g->view[FIRST]);
	g->is_disputed = true;
}

/* Adds a piece to the views. Returns false when there is no room for it. */
static bool add(struct defrag *d, struct datagram *g, const struct packet *p,
		const struct piece *piece)
{
	enum pieces_meeting m = meet(g, piece);
	bool is_again = m == PIECES_CONTRADICT && g->is_whole && !g->is_overlapping;

	/* A repeat may be the first to say that nothing follows. */
	if (m == PIECES_REPEAT && !g->is_disputed && (piece->has_more || g->view[FIRST].has_total))
		return true;
	if (is_again) {
		dispute(g);
		pieces_clear(&g->view[FIRST]);
		g->is_whole = false;
		place_of(d, g)->since_ns = p->frame->ts_ns;
	} else if (m == PIECES_CONTRADICT && !g->is_overlapping) {
		if (!g->is_disputed)
			dispute(g);
		g->is_overlapping = true;
		d->count.fragments_overlapping++;
	}
	if (!g->has_first || is_again || m == PIECES_APART)
		keep_first(g, p, piece);
	if (!pieces_put(&g->view[FIRST], piece, false))
		return false;
	return !g->is_disputed || pieces_put(&g->view[LAST], piece, true);
}

/* What is whole now, and again with every repeat: the piece before may not have got through. */
static void give(struct defrag *d, struct datagram *g, struct frame_fragment *out)
{
	struct slice last;

	if (g->has_first && pieces_is_whole(&g->view[FIRST])) {
		out->whole[0] = pieces_join(&g->view[FIRST], &g->first);
		if (!g->is_whole && out->whole[0].len)
			d->count.fragments_whole++;
		g->is_whole = true;
		/* The datagram that had this identification before has nothing to do with it. */
		if (!g->is_overlapping)
			g->is_disputed = false;
	}
	if (!g->has_first || !g->is_disputed || !pieces_is_whole(&g->view[LAST]))
		return;
	last = pieces_join(&g->view[LAST], &g->first);
	if (out->whole[0].len)
		out->whole[1] = last;
	else if (g->is_overlapping || datagram_is_sound(last))
		out->whole[0] = last;
}

void defrag_take(struct defrag *d, const struct packet *p, struct frame_fragment *out)
{
	struct piece piece;
	struct datagram *g;

	*out = (struct frame_fragment){0};
	if (!piece_read(p, &piece))
		return;
	g = datagram_of(d, p);
	if (!g) {
		d->count.fragments_refused++;
		out->is_refused = true;
		return;
	}
	d->lent = g;
	out->is_refused = is_tiny(p, &piece);
	d->count.fragments_tiny += out->is_refused && !piece.off;
	if (piece.is_cut) {
		g->is_cut = true;
		if (!g->has_first)
			keep_first(g, p, &piece);
	} else if (!is_in_bounds(&piece) || !add(d, g, p, &piece)) {
		d->count.fragments_refused++;
		out->is_refused = true;
	} else {
		give(d, g, out);
	}
	out->is_refused |= g->is_overlapping;
	out->has_flow = g->has_flow;
	if (g->has_flow) {
		out->key = g->flow;
		out->dir = g->dir;
	}
}
