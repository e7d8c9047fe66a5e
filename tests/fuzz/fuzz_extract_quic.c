/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes QUIC's extractor. By the shared driver with everything that the engine gives it; and, as
 * no random bytes pass a tag, the frames of opened packets on their own. Whatever comes out, pieces
 * lie in their room and within their bounds.
 */
#include "crypt/crypt.h"
#include "extract/gquic.h"
#include "extract/quic_wire.h"

#define FUZZ_TRY try_quic
static enum extract_answer try_quic(struct slice bytes, const struct extract_context *ctx,
				    struct clue *clue);
#include "driver.h"

static void check_pieces(const struct extract_pieces *p)
{
	CLAIM(p->count <= EXTRACT_PIECES_MAX && p->used <= EXTRACT_ROOM);
	CLAIM(!p->count || p->proto == PROTO_QUIC);
	for (unsigned i = 0; i < p->count; i++) {
		struct slice b = p->piece[i].bytes;

		CLAIM(b.len && b.at >= p->room && b.at < p->room + EXTRACT_ROOM);
		CLAIM(b.len <= (size_t)(p->room + EXTRACT_ROOM - b.at));
		CLAIM(p->piece[i].offset < 65536 && b.len <= 65536 - p->piece[i].offset);
	}
}

/* The frames as those of an opened packet. */
static void read_frames(struct slice bytes, uint32_t version, struct extract_pieces *pieces)
{
	struct clue clue;

	clue_clear(&clue);
	bytes = slice_first(bytes, EXTRACT_ROOM);
	if (bytes.len)
		memcpy(pieces->room, bytes.at, bytes.len);
	pieces->used = bytes.len;
	bytes.at = pieces->room;
	if (version == 1)
		quic_frames_read(bytes, 1, pieces);
	else
		gquic_frames_read(bytes, version, 1, 1, pieces, &clue);
	check_pieces(pieces);
	CLAIM(!(clue.flags & CLUE_NO_NAME) || !clue.name_count);
}

/* Streams are not QUIC's: their inputs are taken for frames. */
static enum extract_answer try_quic(struct slice bytes, const struct extract_context *ctx,
				    struct clue *clue)
{
	static const uint32_t versions[] = {1, 0x51303530, 0x54303531};
	static struct extract_pieces pieces;
	static struct crypt *crypt;
	struct extract_context all = *ctx;
	struct ids ids = {.count = 0};
	enum extract_answer answer;

	pieces.count = 0;
	pieces.used = 0;
	if (ctx->transport == EXTRACT_STREAM) {
		read_frames(bytes, versions[ctx->src_port % 3], &pieces);
		return EXTRACT_NOT_MINE;
	}
	if (!crypt)
		crypt = crypt_new();
	CLAIM(crypt);
	ids_keep(&ids, 1, slice_text("kept"));
	all.crypt = crypt;
	all.ids = &ids;
	all.pieces = &pieces;
	answer = quic_try(bytes, &all, clue);
	CLAIM(answer != EXTRACT_NEED_MORE);
	CLAIM(answer == EXTRACT_FOUND || !pieces.count);
	CLAIM(answer == EXTRACT_NOT_MINE || clue->consumed == bytes.len);
	check_pieces(&pieces);
	return answer;
}
