/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/dtls.c by the shared driver, and looks at the pieces it makes: they lie in
 * the datagram's room, and no hello in them is read past its end.
 */
#include "extract/extract.h"

static enum extract_answer try_with_pieces(struct slice bytes, const struct extract_context *ctx,
					   struct clue *clue);

#define FUZZ_TRY try_with_pieces
#include "driver.h"
#include "extract/hello.h"

static void check_pieces(const struct extract_pieces *p)
{
	CLAIM(p->count <= EXTRACT_PIECES_MAX && p->used <= EXTRACT_ROOM);
	for (unsigned i = 0; i < p->count; i++) {
		const struct extract_piece *piece = &p->piece[i];
		struct clue clue = {0};

		CLAIM(piece->bytes.len && piece->bytes.len <= EXTRACT_ROOM);
		CLAIM(piece->bytes.at >= p->room);
		CLAIM(piece->bytes.at + piece->bytes.len <= p->room + p->used);
		CLAIM(piece->offset <= EXTRACT_ROOM - piece->bytes.len);
		if (piece->offset == 0)
			(void)hello_read(piece->bytes, false, PROTO_DTLS, NULL, &clue);
	}
}

static enum extract_answer try_with_pieces(struct slice bytes, const struct extract_context *ctx,
					   struct clue *clue)
{
	static struct extract_pieces pieces;
	struct extract_context with = *ctx;
	enum extract_answer answer;

	if (ctx->transport != EXTRACT_DATAGRAM)
		return EXTRACT_NOT_MINE;
	pieces.count = 0;
	pieces.used = 0;
	pieces.is_over = false;
	with.pieces = &pieces;
	answer = dtls_try(bytes, &with, clue);
	CLAIM(answer != EXTRACT_NEED_MORE);
	CLAIM(answer == EXTRACT_FOUND || !pieces.count);
	check_pieces(&pieces);
	return answer;
}
