/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: opening an Initial packet. Its keys come from the connection id that the client
 * first sent its Initial packets to; a server's answer gives the client another id to send to, but
 * no other keys, so those that worked are kept with the flow. Bytes that do not pass the tag never
 * leave this file.
 *
 * Standards: RFC 9001 5.2 to 5.4, RFC 9000 17.2.2, A.3; RFC 9368 (a connection may go over to
 * another version and keep the id).
 */
#include "extract/gquic.h"
#include "extract/quic_wire.h"

enum {
	SAMPLE_OFF = 4, /* of the header protection's sample, behind the packet number's start */
	SAMPLE_LEN = 16,
	FAILURES_MAX =
		2 * IDS_KEPT +
		32, /* attempts of a datagram that may fail: it may hold hundreds of packets */
};

/* One attempt: whose keys, and what they have read so far. */
struct attempt {
	struct slice id;     /* that the keys are made from */
	uint32_t id_version; /* of the packet that it came in */
	bool is_client;
	uint64_t number; /* expected of the packet */
};

/* What came out of one. */
struct opened {
	struct slice plain;
	size_t number_len;
	uint64_t number;
};

/* The packet number that is nearest to the expected one (RFC 9000 A.3). */
static uint64_t whole_number(uint64_t expected, uint64_t low, size_t len)
{
	uint64_t window = 1ULL << (8 * len), half = window / 2;
	uint64_t number = (expected & ~(window - 1)) | low;

	if (number + half <= expected && number < (1ULL << 62) - window)
		return number + window;
	if (number > expected + half && number >= window)
		return number - window;
	return number;
}

/* The unprotected header goes to the pieces' room, and the plain bytes behind it. */
static bool open_once(const struct quic_packet *p, const struct extract_context *ctx,
		      const struct attempt *a, struct opened *out)
{
	struct extract_pieces *pieces = ctx->pieces;
	uint8_t *head = pieces->room + pieces->used, *plain = NULL, mask[5];
	struct crypt_initial_keys keys;
	struct slice sealed;
	uint64_t low = 0;

	crypt_initial_keys(ctx->crypt, &p->row->way, a->id, a->is_client, &keys);
	crypt_initial_mask(ctx->crypt, &keys, p->sealed.at + SAMPLE_OFF, mask);
	memcpy(head, p->head.at, p->head.len);
	head[0] ^= mask[0] & 0x0f;
	out->number_len = (head[0] & 3U) + 1;
	for (size_t i = 0; i < out->number_len; i++) {
		head[p->head.len + i] = p->sealed.at[i] ^ mask[1 + i];
		low = low << 8 | head[p->head.len + i];
	}
	sealed = slice_from(p->sealed, out->number_len);
	if (a->is_client) /* what a server says in one is nobody's */
		plain = head + p->head.len + out->number_len;
	out->plain = slice_of(plain, plain ? sealed.len - CRYPT_TAG : 0);
	out->number = whole_number(a->number, low, out->number_len);
	for (int i = 0; i < 2; i++) {
		if (crypt_initial_open(ctx->crypt, &keys, out->number,
				       slice_of(head, p->head.len + out->number_len), sealed,
				       plain))
			return true;
		/* The numbers seen may have been a decoy's: then it is what it says. */
		if (out->number == low)
			return false;
		out->number = low;
	}
	return false;
}

static struct id *find_id(struct ids *ids, uint32_t version, struct slice id)
{
	for (int i = 0; ids && i < ids->count; i++)
		if (ids->id[i].version == version &&
		    slice_equal(slice_of(ids->id[i].at, ids->id[i].len), id))
			return &ids->id[i];
	return NULL;
}

/* One number for all packets whose keys come from the same id: FNV-1a. */
static uint64_t run_of(const struct attempt *a)
{
	uint64_t hash = (0xcbf29ce484222325ULL ^ a->id_version) * 0x100000001b3ULL;

	for (size_t i = 0; i < a->id.len; i++)
		hash = (hash ^ a->id.at[i]) * 0x100000001b3ULL;
	return hash;
}

/* A client's packet is open: its id is kept, and its frames are read. */
static void take_client(const struct quic_packet *p, const struct extract_context *ctx,
			const struct attempt *a, const struct opened *o, struct clue *clue)
{
	struct extract_pieces *pieces = ctx->pieces;
	uint64_t run = run_of(a);
	struct id *id;

	if (ctx->ids) {
		ids_keep(ctx->ids, a->id_version, a->id);
		id = find_id(ctx->ids, a->id_version, a->id);
		if (id && id->number <= o->number)
			id->number = o->number + 1;
	}
	pieces->used += p->head.len + o->number_len + o->plain.len;
	if (p->row->has_google_frames)
		gquic_frames_read(o->plain, p->version, o->number_len, run, pieces, clue);
	else
		quic_frames_read(o->plain, run, pieces);
}

static bool attempt(const struct quic_packet *p, const struct extract_context *ctx,
		    const struct attempt *a, unsigned *failures, struct clue *clue)
{
	struct opened o;

	if (*failures >= FAILURES_MAX) {
		ctx->pieces->is_over = true;
		return false;
	}
	if (!open_once(p, ctx, a, &o)) {
		++*failures;
		return false;
	}
	if (a->is_client)
		take_client(p, ctx, a, &o, clue);
	return true;
}

/* With the ids that the flow has kept, the newest first: all but the first `from`, and not more
 * than up to `to`. */
static bool attempt_kept(const struct quic_packet *p, const struct extract_context *ctx,
			 bool is_client, int from, int to, unsigned *failures, struct clue *clue)
{
	struct ids *ids = ctx->ids;

	for (int i = 1 + from; ids && i <= ids->count && i <= to; i++) {
		struct id id = ids->id[(ids->next + IDS_KEPT - i) % IDS_KEPT];
		struct attempt a = {slice_of(id.at, id.len), id.version, is_client,
				    is_client ? id.number : 0};

		/* Its own id has been tried. */
		if (is_client && id.version == p->version && slice_equal(a.id, p->dcid))
			continue;
		if (attempt(p, ctx, &a, failures, clue))
			return true;
	}
	return false;
}

/* A packet to another id than those that were kept, in any version. */
static bool is_elsewhere(const struct quic_packet *p, const struct ids *ids)
{
	for (int i = 0; ids && i < ids->count; i++)
		if (slice_equal(slice_of(ids->id[i].at, ids->id[i].len), p->dcid))
			return false;
	return ids && ids->count;
}

/* A client's keys are tried on what comes from either end: a capture may begin late, and then
 * nobody knows who opened the flow. */
bool quic_initial_open(const struct quic_packet *p, const struct extract_context *ctx,
		       unsigned *failures, struct clue *clue)
{
	struct attempt own = {p->dcid, p->version, true, 0};
	struct id *id = find_id(ctx->ids, p->version, p->dcid);

	if (!ctx->crypt || !ctx->pieces || p->sealed.len < SAMPLE_OFF + SAMPLE_LEN)
		return false;
	if (p->head.len + p->sealed.len > EXTRACT_ROOM - ctx->pieces->used) {
		ctx->pieces->is_over = true;
		return false;
	}
	/* There is much to be done before the first of them is read. */
	slice_warm(p->sealed, p->sealed.len);
	if (id)
		own.number = id->number;
	if (!ctx->is_opener && attempt_kept(p, ctx, false, 0, IDS_KEPT, failures, clue))
		return true;
	/* A client sends to the server's id once it knows it, and keeps the keys of its first one.
	 */
	if (is_elsewhere(p, ctx->ids) && attempt_kept(p, ctx, true, 0, 1, failures, clue))
		return true;
	if (attempt(p, ctx, &own, failures, clue) ||
	    attempt_kept(p, ctx, true, is_elsewhere(p, ctx->ids), IDS_KEPT, failures, clue) ||
	    (ctx->is_opener && attempt_kept(p, ctx, false, 0, IDS_KEPT, failures, clue)))
		return true;
	/* Its id may be one that others have driven out. */
	if (ctx->is_opener && ctx->ids && ctx->ids->count == IDS_KEPT)
		ctx->pieces->is_over = true;
	return false;
}
